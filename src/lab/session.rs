//! The lab's engine: hands commands to the instrument they are for, and gives the one under way its time.

use std::collections::BTreeMap;

use super::compress;
use super::error::LabError;
use super::measure::{self, Measure};
use super::memory::{self, Memory};
use super::message::{LabCommand, LabEvent};
use super::precision::{self, Precision};
use super::replicas::Host;
use crate::models::Preset;
use crate::session::SessionError;

/// Data files by their path below `assets/data/`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The engine of the lab.
pub struct LabSession {
    emit: Box<dyn FnMut(LabEvent)>,
    files: Files,
    measure: Measure,
    memory: Memory,
    precision: Precision,
    replicas: Host,
    compress: compress::Compress,
}

impl LabSession {
    /// `emit` gets every event as it happens.
    pub fn new(emit: impl FnMut(LabEvent) + 'static) -> Self {
        Self {
            emit: Box::new(emit),
            files: Files::new(),
            measure: Measure::default(),
            memory: Memory::default(),
            precision: Precision::default(),
            replicas: Host::default(),
            compress: compress::Compress::new(),
        }
    }

    /// Tells of something that happens outside, such as the loading of files.
    pub fn emit(&mut self, event: LabEvent) {
        (self.emit)(event);
    }

    /// Files below `assets/data/` that a command needs and that have not been given.
    pub fn missing_files(&self, command: &LabCommand) -> Vec<&'static str> {
        let needed: Vec<&'static str> = match command {
            LabCommand::Precision(command) => precision::needed_files(command),
            LabCommand::ProvideFile { .. }
            | LabCommand::Stop
            | LabCommand::Describe { .. }
            | LabCommand::Print
            | LabCommand::Measure(_)
            | LabCommand::Memory(_) => Vec::new(),
            LabCommand::Replicas(command) => self.replicas.needed_files(command),
            LabCommand::Compress(command) => self.compress.missing_files(command),
        };
        let is_missing = |path: &&'static str| !self.files.contains_key(*path);
        needed.into_iter().filter(is_missing).collect()
    }

    /// Carries out a command. What fails is told by [`LabEvent::Failed`].
    pub async fn handle(&mut self, command: LabCommand) {
        if let Err(error) = self.carry_out(command).await {
            self.fail(error);
        }
    }

    /// Works for about `budget_millis`. Returns whether there is more to do.
    pub async fn advance(&mut self, budget_millis: f64) -> bool {
        let emit = &mut self.emit;
        let mut tell = |event| emit(LabEvent::Measure(event));
        let measures = self.measure.advance(budget_millis, &mut tell).await;
        let mut tell = |event| emit(LabEvent::Memory(Box::new(event)));
        let times = self.memory.advance(budget_millis, &mut tell).await;
        let mut tell = |event| emit(LabEvent::Precision(event));
        let compares = self.precision.advance(budget_millis, &mut tell).await;
        let mut tell = |event| emit(LabEvent::Compress(event));
        let compresses = self
            .compress
            .advance_or_tell(budget_millis, &mut tell)
            .await;
        let mut more = compresses;
        // One that fails has ended; the others go on.
        for worked in [measures, times, compares.map_err(LabError::from)] {
            match worked {
                Ok(has_more) => more |= has_more,
                Err(error) => self.fail(error),
            }
        }
        more
    }

    fn fail(&mut self, error: LabError) {
        self.emit(LabEvent::Failed { error });
    }

    async fn carry_out(&mut self, command: LabCommand) -> Result<(), LabError> {
        match command {
            LabCommand::ProvideFile { path, bytes } => {
                self.files.insert(path, bytes);
            }
            LabCommand::Stop => {
                let emit = &mut self.emit;
                let mut tell = |event| emit(LabEvent::Measure(event));
                self.measure
                    .handle(measure::Command::Stop, &mut tell)
                    .await?;
                let mut tell = |event| emit(LabEvent::Memory(Box::new(event)));
                self.memory.handle(memory::Command::Stop, &mut tell).await?;
                self.of_precision(precision::Command::Stop).await?;
                self.of_precision(precision::Command::StopMeasuring).await?;
                self.compress.stop();
                self.emit(LabEvent::Stopped);
            }
            LabCommand::Measure(command) => {
                let emit = &mut self.emit;
                let mut tell = |event| emit(LabEvent::Measure(event));
                self.measure.handle(command, &mut tell).await?;
            }
            LabCommand::Memory(command) => {
                let emit = &mut self.emit;
                let mut tell = |event| emit(LabEvent::Memory(Box::new(event)));
                self.memory.handle(command, &mut tell).await?;
            }
            LabCommand::Precision(command) => self.of_precision(command).await?,
            LabCommand::Replicas(command) => {
                self.replicas
                    .take_files(&command, &self.files)
                    .map_err(SessionError::from)?;
                let emit = &mut self.emit;
                self.replicas
                    .handle(command, &mut |event| emit(LabEvent::Replicas(event)));
            }
            LabCommand::Compress(command) => {
                let emit = &mut self.emit;
                let mut tell = |event| emit(LabEvent::Compress(event));
                let files = &self.files;
                self.compress
                    .handle_or_tell(command, files, &mut tell)
                    .await;
            }
            LabCommand::Describe { preset } => {
                self.emit(LabEvent::Described(super::describe(&preset)?));
            }
            LabCommand::Print => self.emit(LabEvent::Printed(super::printed()?)),
        }
        Ok(())
    }

    async fn of_precision(&mut self, command: precision::Command) -> Result<(), LabError> {
        let (emit, files) = (&mut self.emit, &self.files);
        let mut tell = |event| emit(LabEvent::Precision(event));
        let mut samples = |preset: &Preset| precision::samples_of(preset, files);
        Ok(self
            .precision
            .handle(command, &mut samples, &mut tell)
            .await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::DevicePreference;
    use pollster::block_on;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn an_instrument_that_fails_does_not_stop_another() {
        let events = Rc::new(RefCell::new(Vec::new()));
        let kept = Rc::clone(&events);
        let mut session = LabSession::new(move |event| kept.borrow_mut().push(event));
        // No step is as short as that: timing one fails while it is worked at.
        session.memory.most_millis = 1e-9;
        block_on(session.handle(LabCommand::Memory(memory::Command::Time(
            memory::Settings {
                device: DevicePreference::Cpu,
                batch: Some(4),
                ..memory::Settings::default()
            },
        ))));
        block_on(session.handle(LabCommand::Measure(measure::Command::Start(
            measure::Settings {
                preset: "mlp-xor".into(),
                device: DevicePreference::Cpu,
                batch: None,
            },
        ))));
        let failures = || {
            let is_failure = |event: &&LabEvent| matches!(event, LabEvent::Failed { .. });
            events.borrow().iter().filter(is_failure).count()
        };
        assert_eq!(failures(), 0, "{:?}", events.borrow());
        for _ in 0..1_000 {
            assert!(block_on(session.advance(0.0)), "the measuring stopped");
            if failures() > 0 {
                break;
            }
        }
        assert_eq!(failures(), 1);
        let before = session.measure.pieces();
        assert!(block_on(session.advance(0.0)));
        assert_eq!(session.measure.pieces(), before + 1);
        assert_eq!(failures(), 1, "it is told once");
        block_on(session.handle(LabCommand::Stop));
        assert!(!block_on(session.advance(0.0)));
    }
}
