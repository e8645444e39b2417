//! Running a session from the command line.

use super::arguments::TableArguments;
use super::memory::MemoryWatch;
use super::{CliError, data, presets};
use crate::data::SampleSet;
use crate::layers::ModelSpec;
use crate::models::{Preset, PresetData};
use crate::session::{
    Command, DeviceInfo, DeviceKind, Event, ModelSummary, ResolvedConfig, RunConfig, RunId, Session,
};
use pollster::block_on;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The command line has one run.
pub const RUN: RunId = 1;

/// Milliseconds of work between two looks at the events.
const BUDGET_MILLIS: f64 = 50.0;

/// A session with what it has reported.
pub struct Driver {
    session: Session,
    events: Rc<RefCell<VecDeque<Event>>>,
}

/// What a run stands on.
pub struct Started {
    pub config: ResolvedConfig,
    pub model: ModelSummary,
    pub device: DeviceInfo,
    /// Since the data was read, before the run was built.
    pub memory: MemoryWatch,
}

impl Started {
    /// `cpu` or `gpu`, as `--device` spells it.
    pub fn device_name(&self) -> &'static str {
        match self.device.kind {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu | DeviceKind::SoftwareGpu => "gpu",
        }
    }

    /// The adapter's name; the CPU executor has none of its own.
    pub fn adapter(&self) -> &str {
        if self.device.adapter.is_empty() {
            &self.device.backend
        } else {
            &self.device.adapter
        }
    }

    /// Samples of a step, counted from 1: the last batch of an epoch may be smaller.
    pub fn samples_of(&self, step: u64) -> u32 {
        let config = &self.config;
        if step.is_multiple_of(u64::from(config.steps_per_epoch.max(1))) {
            config.train_count - (config.steps_per_epoch.max(1) - 1) * config.batch
        } else {
            config.batch
        }
    }
}

impl Driver {
    /// A session with a run of `config`; `own` names the learner's own table.
    pub fn start(
        preset: &Preset,
        own: &TableArguments,
        config: RunConfig,
    ) -> Result<(Self, Started), CliError> {
        Self::start_with(None, preset, own, config)
    }

    /// A session with a run of another layer list on the preset's data.
    pub fn start_with(
        spec: Option<ModelSpec>,
        preset: &Preset,
        own: &TableArguments,
        config: RunConfig,
    ) -> Result<(Self, Started), CliError> {
        let events = Rc::new(RefCell::new(VecDeque::new()));
        let queue = Rc::clone(&events);
        let session = Session::new(env!("CARGO_PKG_VERSION"), move |event| {
            queue.borrow_mut().push_back(event);
        });
        let mut driver = Self { session, events };
        if let Some(spec) = spec {
            driver.session.provide_model(spec);
        }
        match (preset.data, data::samples(preset, own)?) {
            (PresetData::Images { source, .. }, Some(SampleSet::Images(images))) => {
                driver.session.provide_dataset(source, images);
            }
            (PresetData::OwnTable, Some(SampleSet::Table(table))) => {
                driver.session.provide_table(table);
            }
            (PresetData::OwnSeries, Some(SampleSet::Table(windows))) => {
                driver.session.provide_series(windows);
            }
            (PresetData::Text { source, .. }, Some(SampleSet::Text(text))) => {
                driver.session.provide_source_text(source, text);
            }
            (PresetData::OwnText { .. }, Some(SampleSet::Text(text))) => {
                driver.session.provide_text(text);
            }
            // The session draws points itself.
            _ => {}
        }
        let mut started = None;
        let memory = MemoryWatch::start();
        let command = Command::Start { run: RUN, config };
        driver.send(command, &mut |event| {
            if let Event::Started {
                config,
                model,
                device,
                ..
            } = event
            {
                started = Some(Started {
                    config,
                    model,
                    device,
                    memory,
                });
            }
            Ok(())
        })?;
        let started = started.expect("a run that did not fail has started");
        Ok((driver, started))
    }

    /// Hands a command over; `on_event` gets what follows at once.
    pub fn send(
        &mut self,
        command: Command,
        on_event: &mut dyn FnMut(Event) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        block_on(self.session.handle(command));
        self.deliver(on_event)
    }

    /// Hands a command over and works until there is nothing left to do.
    pub fn finish(
        &mut self,
        command: Command,
        on_event: &mut dyn FnMut(Event) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        self.send(command, on_event)?;
        loop {
            let more = block_on(self.session.advance(BUDGET_MILLIS));
            self.deliver(on_event)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Passes events on; the first failure ends the command.
    fn deliver(
        &mut self,
        on_event: &mut dyn FnMut(Event) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        loop {
            let Some(event) = self.events.borrow_mut().pop_front() else {
                return Ok(());
            };
            match event {
                Event::Failed { failure, .. } => return Err(failure.into()),
                event => on_event(event)?,
            }
        }
    }
}

/// The preset called `name`.
pub fn find_preset(name: &str) -> Result<&'static Preset, CliError> {
    crate::models::find(name).ok_or_else(|| {
        CliError::Usage(format!(
            "no preset is called \"{name}\"; there are: {}",
            presets::names()
        ))
    })
}
