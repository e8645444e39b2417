//! The tests, one file a topic.

mod shell;
mod worker;

use crate::Test;

/// Every test, in the order they run.
pub fn all() -> Vec<Test> {
    [shell::tests(), worker::tests()]
        .into_iter()
        .flatten()
        .collect()
}
