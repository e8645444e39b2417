//! The contract between the lab's page and its engine: [`LabCommand`] in, [`LabEvent`] out.
//!
//! Each instrument has a command and an event of its own; both travel as postcard bytes.

use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::{Description, Printed, compress, measure, memory, precision, replicas};

/// What the lab's engine is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LabCommand {
    /// A data file that was missing, with its path below `assets/data/`.
    ProvideFile {
        path: String,
        bytes: Vec<u8>,
    },
    /// Ends what is under way; what was found stays.
    Stop,
    /// Counts a preset's model.
    Describe {
        preset: String,
    },
    /// Counts the model that was printed under the name of GPT-3.
    Print,
    Measure(measure::Command),
    Memory(memory::Command),
    Precision(precision::Command),
    /// Of data parallelism.
    Replicas(replicas::Command),
    Compress(compress::Command),
}

/// What the lab's engine reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LabEvent {
    /// Data files loaded, of all that are needed.
    Loading {
        done: u64,
        total: u64,
    },
    /// A data file could not be had: which, and why.
    FileMissing {
        error: LabError,
    },
    /// A command was refused or a job ended early; what was found before stays.
    Failed {
        error: LabError,
    },
    /// What was under way has ended because it was asked to.
    Stopped,
    Described(Description),
    Printed(Printed),
    Measure(measure::Event),
    Memory(Box<memory::Event>),
    Precision(precision::Event),
    Replicas(replicas::Event),
    Compress(compress::Event),
}
