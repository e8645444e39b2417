//! Everything the page decides that is not layout: texts, numbers, links, colours, drawn digits.
//!
//! # Layout
//!
//! - `texts`: every sentence of the page in English and Simplified Chinese; a missing one does not compile.
//! - `format`: numbers, durations and sizes for reading, and bare numbers for machines.
//! - `url`: the page's state as a link, and back.
//! - `digit`: a drawing made into an image like MNIST's.
//! - `run_state`: what the page knows of its run, from the engine's events.
//! - `chapter`: pages of the course, and what a learner has done there; `widgets/`: small instruments beside its steps.
//! - `exercise`: how an exercise's measured values are written, and which a learner has solved.
//! - `boundary`: the picture of what the network says between the points of a table.
//! - `race`: optimizers side by side: the lanes, how they stand, and their drawings; `race_plane`: what is said of the
//!   plane that shows them among many weights.
//! - `writing`: what a network that learned a text writes.
//! - `presets`, `samples`: what the page shows of presets and of watched samples.
//! - `microscope/`: the logic of the page that steps through a batch.
//! - `notices`: messages that stand on the page.
//! - `keys`: what a key does.
//! - `lab/`: the compute lab's forms.
//! - `sketch`: a drawing made of strokes.
//! - `color`: the design tokens the page's style sheet and the plots share, and the colour scales.
//!
//! Nothing here knows a browser, so all of it is tested natively.

pub mod boundary;
pub mod chapter;
pub mod color;
pub mod digit;
pub mod exercise;
pub mod format;
pub mod keys;
pub mod lab;
pub mod map;
pub mod microscope;
pub mod notices;
pub mod presets;
pub mod race;
pub mod race_plane;
pub mod rate_curve;
pub mod run_state;
pub mod samples;
pub mod sketch;
pub mod texts;
pub mod url;
pub mod widgets;
pub mod writing;

/// What is wrong with what a step of a chapter shows: a page, widget or exercise that there is not, or a setting that
/// it has not or cannot use.
pub fn fault_of_shown(show: &crate::course::Show) -> Option<String> {
    use crate::course::Show;
    let is_there = match show {
        Show::Page { address, .. } => course_page(address),
        Show::Widget { name, settings } => {
            let settings = settings.iter().cloned().collect();
            return widgets::fault_of(name, &settings);
        }
        Show::Exercise(id) => chapter::exercise_number(id).is_some(),
    };
    (!is_there).then(|| String::from("there is no such page, or it cannot use these settings"))
}

/// Whether a text of the course may lead to an address of the site: a page that there is, with a preset or an
/// instrument that there is.
pub fn course_page(address: &str) -> bool {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let (state, problems) = url::PageState::parse(path, query);
    let is_there = match &state.route {
        url::Route::Train(preset) | url::Route::Step(preset) => {
            presets::ids().any(|id| id == preset)
        }
        url::Route::LabPage(id) => lab::InstrumentId::from_name(id).is_some(),
        url::Route::LearnPage(id) => chapter::LearnPage::from_name(id).is_some(),
        url::Route::NotFound(_) => false,
        _ => true,
    };
    is_there && problems.is_empty()
}
