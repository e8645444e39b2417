//! The tests, one file a topic.

mod audit;
mod exercises;
mod files;
mod frame;
mod lab_compress;
mod lab_ddp;
mod lab_measure;
mod lab_precision;
mod lab_scale;
mod learn;
mod map;
mod panels;
mod pictures;
mod run;
mod series;
mod settings;
mod shell;
mod step;
mod step_detail;
mod step_graph;
mod step_time;
mod step_walk;
mod train;
mod widgets;
mod widgets_pictures;
mod worker;
mod writing;

use crate::Test;
pub use pictures::pictures;

/// Every test, in the order they run.
pub fn all() -> Vec<Test> {
    [
        shell::tests(),
        worker::tests(),
        frame::tests(),
        train::tests(),
        settings::tests(),
        files::tests(),
        panels::tests(),
        writing::tests(),
        series::tests(),
        lab_compress::tests(),
        step::tests(),
        step_detail::tests(),
        step_graph::tests(),
        step_time::tests(),
        step_walk::tests(),
        lab_measure::tests(),
        lab_precision::tests(),
        lab_ddp::tests(),
        lab_scale::tests(),
        map::tests(),
        learn::tests(),
        widgets::tests(),
        widgets_pictures::tests(),
        exercises::tests(),
        audit::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
