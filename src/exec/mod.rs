//! Running a graph: one plan, two executors.

pub mod bisect;
pub mod cpu;
mod executor;
mod fusion;
pub mod gpu;
pub mod half;
pub mod plan;
pub mod request;
pub mod single;

pub use executor::Executor;
pub use plan::{Mode, Plan};
