//! Messages about what went wrong, and their texts.

use super::Locale;
use crate::session::{Cause, Failure, Refusal};
use crate::view::url::{Expected, Problem};

/// A message about something that went wrong (or is worth knowing): what happened, what was
/// kept, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub title: String,
    pub kept: String,
    pub action: String,
}

impl Message {
    pub(super) fn new(
        title: impl Into<String>,
        kept: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            kept: kept.into(),
            action: action.into(),
        }
    }
}

/// How a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing failed.
    Info,
    /// The page works on, in another way than asked for.
    Warning,
    /// What was asked for was not done.
    Error,
}

/// What is behind a trouble.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// As the engine, the browser or the driver says it, in English.
    message: String,
    /// Its facts, where the page has words for them.
    cause: Option<Cause>,
}

impl Reason {
    /// In English.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        Self {
            message: failure.message.clone(),
            cause: failure.cause.clone(),
        }
    }
}

impl From<String> for Reason {
    fn from(message: String) -> Self {
        Self {
            message,
            cause: None,
        }
    }
}

impl From<&str> for Reason {
    fn from(message: &str) -> Self {
        message.to_string().into()
    }
}

/// Everything that can go wrong and has a message of its own.
///
/// The names in it (nodes, files, presets) are shown as they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// The browser has no `navigator.gpu`.
    NoWebGpu,
    /// The browser has WebGPU but gives no adapter.
    NoAdapter,
    /// The adapter is emulated on the CPU.
    SoftwareAdapter {
        adapter: String,
    },
    DeviceLost {
        reason: Reason,
    },
    OutOfMemory {
        reason: Reason,
    },
    /// A value that is infinite or not a number; `reason` names where and when.
    NonFinite {
        reason: Reason,
    },
    BadFile {
        reason: Reason,
    },
    /// The learner's table cannot be read.
    BadTable {
        reason: Reason,
    },
    /// The learner's text cannot be read, or not be learned from.
    BadText {
        reason: Reason,
    },
    /// The prompt is one that the network cannot continue.
    BadPrompt {
        reason: Reason,
    },
    /// A GPU was asked for, and there is none.
    NoGpu {
        reason: Reason,
    },
    /// A hyperparameter that the engine refuses.
    BadSetting {
        reason: Reason,
    },
    BadUrlValue(Problem),
    UnknownPreset {
        name: String,
    },
    DataMissing {
        reason: Reason,
    },
    WorkerCrash {
        reason: Reason,
    },
    /// The worker answers no more.
    WorkerSilent,
    /// The worker never came up.
    WorkerNotStarted {
        reason: Reason,
    },
    /// The page and its worker come from different builds.
    DifferentBuilds {
        page: String,
        worker: String,
    },
    /// Anything else; `reason` is the engine's own message.
    Other {
        reason: Reason,
    },
}

impl Trouble {
    pub fn severity(&self) -> Severity {
        match self {
            Self::SoftwareAdapter { .. } => Severity::Info,
            Self::NoWebGpu
            | Self::NoAdapter
            | Self::BadUrlValue(_)
            | Self::UnknownPreset { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The message in a language.
    pub fn message(&self, locale: Locale) -> Message {
        (locale.texts().errors.message)(self)
    }
}

/// What is said when something goes wrong. The compiler asks each language for every `Trouble`.
pub struct ErrorTexts {
    pub happened: &'static str,
    pub kept: &'static str,
    pub action: &'static str,
    pub details: &'static str,
    pub use_cpu: &'static str,
    pub restart_engine: &'static str,
    /// Beside a field: what its value should be.
    pub must_be: fn(&Expected) -> String,
    pub message: fn(&Trouble) -> Message,
    /// Why the microscope cannot answer.
    pub refusal: fn(&Refusal) -> String,
}
