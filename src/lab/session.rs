//! The lab's engine: hands commands to the instrument they are for, and gives the one under way its time.

use std::collections::BTreeMap;

use super::error::LabError;
use super::message::{LabCommand, LabEvent};

/// Data files by their path below `assets/data/`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The engine of the lab.
pub struct LabSession {
    emit: Box<dyn FnMut(LabEvent)>,
    files: Files,
}

impl LabSession {
    /// `emit` gets every event as it happens.
    pub fn new(emit: impl FnMut(LabEvent) + 'static) -> Self {
        Self {
            emit: Box::new(emit),
            files: Files::new(),
        }
    }

    /// Tells of something that happens outside, such as the loading of files.
    pub fn emit(&mut self, event: LabEvent) {
        (self.emit)(event);
    }

    /// Files below `assets/data/` that a command needs and that have not been given.
    pub fn missing_files(&self, command: &LabCommand) -> Vec<&'static str> {
        let needed: Vec<&'static str> = match command {
            LabCommand::ProvideFile { .. } | LabCommand::Stop | LabCommand::Describe { .. } => {
                Vec::new()
            }
        };
        let is_missing = |path: &&'static str| !self.files.contains_key(*path);
        needed.into_iter().filter(is_missing).collect()
    }

    /// Carries out a command. What fails is told by [`LabEvent::Failed`].
    pub async fn handle(&mut self, command: LabCommand) {
        if let Err(error) = self.carry_out(command).await {
            self.fail(&error);
        }
    }

    /// Works for about `budget_millis`. Returns whether there is more to do.
    pub async fn advance(&mut self, _budget_millis: f64) -> bool {
        false
    }

    fn fail(&mut self, error: &LabError) {
        let message = error.to_string();
        self.emit(LabEvent::Failed { message });
    }

    async fn carry_out(&mut self, command: LabCommand) -> Result<(), LabError> {
        match command {
            LabCommand::ProvideFile { path, bytes } => {
                self.files.insert(path, bytes);
            }
            LabCommand::Stop => self.emit(LabEvent::Stopped),
            LabCommand::Describe { preset } => {
                self.emit(LabEvent::Described(super::describe(&preset)?));
            }
        }
        Ok(())
    }
}
