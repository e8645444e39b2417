//! The compute lab: what training takes, computed from stated constants or measured, and saying which.
//!
//! [`LabSession`] is the lab's only door, as `session` is that of training: [`LabCommand`] in, [`LabEvent`] out.

pub mod compress;
mod describe;
mod error;
pub mod measure;
pub mod memory;
mod message;
pub mod precision;
mod printed;
pub mod replicas;
pub mod ring;
pub mod scale;
mod session;
mod subject;

pub use describe::{Description, describe};
pub use error::LabError;
pub use message::{LabCommand, LabEvent};
pub use printed::{LISTING, Printed, printed};
pub use session::{Files, LabSession};
pub use subject::offered_presets;
