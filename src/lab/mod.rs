//! The compute lab: what training takes, computed from stated constants or measured, and saying which.

pub mod precision;
pub mod replicas;
pub mod ring;
pub mod scale;
