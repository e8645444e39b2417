//! The engine's only door: [`Command`] in, [`Event`] out.
//!
//! The page's worker and the command line drive the same [`Session`]: they hand
//! it commands, call [`Session::advance`] while it has work, and pass on what it emits.

mod cause;
mod error;
mod facts;
mod forecast;
mod generation;
mod generator;
mod inspect;
mod inspection;
mod message;
mod plane;
mod points;
mod race;
mod refusal;
mod run;
mod samples;
mod sequence;
mod start;

pub use cause::{Cause, FileFault};
pub use error::SessionError;
pub use forecast::Forecast;
pub use generation::*;
pub use generator::{MAX_TEMPERATURE, TextGenerator, Writing};
pub use inspection::*;
pub use message::*;
pub use points::{Boundary, PointSet, TablePoints};
pub use race::{
    Landscape, Lane, LaneRecord, MAX_LANES, MAX_RACE_STEPS, MainDirections, NoLandscape, PlanePath,
};
pub use refusal::{Refusal, shape_text};
pub use sequence::*;
pub use start::{
    MAX_BATCH, OptimizerChoice, build_model, build_spec, given_values, initial_parameters,
    order_values, outline,
};

use crate::data::SampleSet;
use crate::layers::ModelSpec;
use crate::models::{self, PresetData};
use run::Run;
use std::sync::Arc;

/// The engine: at most one run at a time.
pub struct Session {
    build_id: String,
    emit: Box<dyn FnMut(Event)>,
    samples: samples::SampleStore,
    device: start::DeviceCache,
    /// A layer list in place of the presets'.
    spec: Option<ModelSpec>,
    run: Option<Run>,
    race: Option<race::Race>,
}

impl Session {
    /// `emit` gets every event as it happens.
    pub fn new(build_id: impl Into<String>, emit: impl FnMut(Event) + 'static) -> Self {
        Self {
            build_id: build_id.into(),
            emit: Box::new(emit),
            samples: samples::SampleStore::default(),
            device: start::DeviceCache::default(),
            spec: None,
            run: None,
            race: None,
        }
    }

    /// Runs that start from now on have this layer list in place of their preset's, on its data.
    pub fn provide_model(&mut self, spec: ModelSpec) {
        self.spec = Some(spec);
    }

    /// Tells of something that happens outside, such as the loading of files.
    pub fn emit(&mut self, event: Event) {
        (self.emit)(event);
    }

    /// Carries out a command. What fails is told by [`Event::Failed`] and leaves
    /// the run as it was.
    pub async fn handle(&mut self, command: Command) {
        let run = command.run();
        let is_start = matches!(command, Command::Start { .. });
        if let Err(error) = self.carry_out(command).await {
            self.fail(run, &error);
            if error.ends_training() && !is_start {
                self.stop(run).await;
            }
        }
    }

    fn fail(&mut self, run: Option<RunId>, error: &SessionError) {
        self.emit(Event::Failed {
            run,
            failure: error.failure(),
        });
    }

    /// Stops the current run, if it is `run`, after an error that it cannot go on from.
    async fn stop(&mut self, run: Option<RunId>) {
        let Some(current) = self.run.as_mut().filter(|current| Some(current.id) == run) else {
            return;
        };
        let id = current.id;
        current.stop().await;
        self.emit(Event::Status {
            run: id,
            status: RunStatus::Stopped,
        });
    }

    /// Works for about `budget_millis`, and at least one batch on the GPU or one
    /// node on the CPU. Returns whether there is more to do.
    pub async fn advance(&mut self, budget_millis: f64) -> bool {
        let is_racing = self.advance_race(budget_millis).await;
        self.advance_run(budget_millis).await || is_racing
    }

    async fn advance_run(&mut self, budget_millis: f64) -> bool {
        let Some(run) = &mut self.run else {
            return false;
        };
        let id = run.id;
        match run.advance(budget_millis, &mut self.emit).await {
            Ok(more) => more,
            Err(error) => {
                self.fail(Some(id), &error);
                self.stop(Some(id)).await;
                false
            }
        }
    }

    async fn carry_out(&mut self, command: Command) -> Result<(), SessionError> {
        match command {
            Command::Hello { .. } => {
                let build_id = self.build_id.clone();
                self.emit(Event::Ready { build_id });
                Ok(())
            }
            Command::Ping { nonce } => {
                self.emit(Event::Pong { nonce });
                Ok(())
            }
            Command::ProvideFile { path, bytes } => {
                self.samples.give_file(path, bytes);
                Ok(())
            }
            Command::ProvideTable {
                name,
                bytes,
                target,
            } => Ok(self.read_table(&name, &bytes, target.as_deref())?),
            Command::ProvideSeries {
                name,
                bytes,
                window,
            } => Ok(self.read_series(&name, &bytes, window)?),
            Command::ProvideText { name, bytes } => Ok(self.read_text(&name, &bytes)?),
            Command::Start { run, config } => self.start(run, &config).await,
            command => {
                let asked = command.run().expect("the other commands name a run");
                let emit = &mut self.emit;
                match &mut self.run {
                    Some(run) if run.id == asked => match command {
                        Command::Race { lanes, steps, .. } => self.begin_race(lanes, steps),
                        command => run.carry_out(command, emit).await,
                    },
                    Some(run) => Err(SessionError::WrongRun {
                        asked,
                        current: format!("the current run is {}", run.id),
                    }),
                    None => Err(SessionError::WrongRun {
                        asked,
                        current: "no run was started".into(),
                    }),
                }
            }
        }
    }
}
