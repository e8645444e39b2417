//! Running a graph: one plan, two executors.

pub mod cpu;
mod fusion;
pub mod plan;

pub use plan::{Mode, Plan};
