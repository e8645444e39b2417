//! The tests, one file a topic.

mod files;
mod frame;
mod pictures;
mod run;
mod settings;
mod shell;
mod step;
mod step_detail;
mod step_graph;
mod train;
mod worker;

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
        step::tests(),
        step_detail::tests(),
        step_graph::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
