//! A race: the model of a run, trained anew by several optimizers from the same weights on the same batches.
//!
//! Every lane is a [`Run`] of its own on the CPU, so its steps are those of training: the same graph, the same
//! update operations, the same schedules.

use super::run::Run;
use super::*;
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most lanes of a race.
pub const MAX_LANES: usize = 16;

/// Most steps of a race.
pub const MAX_RACE_STEPS: u32 = 10_000;

/// Places along each axis at which the loss is measured.
const GRID: u32 = 65;

/// Room around the paths, as a share of their extent.
const MARGIN: f32 = 0.12;

/// A path that reaches this many times as far from its start as the start is from 0 has left the picture.
const FAR: f32 = 3.0;

/// One optimizer of a race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    pub optimizer: OptimizerKind,
    pub learning_rate: f32,
    /// `None` takes the preset's.
    pub momentum: Option<f32>,
    /// Schedule and the optimizer's own settings.
    pub options: Options,
}

/// How a lane went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneRecord {
    /// The loss of the weights after 0, 1, 2, … updates, each on that step's batch. The first one that is not finite
    /// ends them.
    pub losses: Vec<f32>,
    /// The two weights after 0, 1, 2, … updates, one after the other; empty for models with another number of weights.
    pub places: Vec<f32>,
    /// The learning rate of each update.
    pub learning_rates: Vec<f32>,
}

/// The loss over the plane of two weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Landscape {
    /// Places along each axis, both ends of the bounds included.
    pub size: [u32; 2],
    /// (low, high) of the first and of the second weight.
    pub bounds: [(f32, f32); 2],
    /// Names of the two weights, such as `fc.weight[0,0]`.
    pub names: [String; 2],
    /// Mean over all training samples; the second weight is the slow axis.
    pub losses: Vec<f32>,
}

/// A race under way.
pub(super) struct Race {
    run: RunId,
    steps: u32,
    waiting: VecDeque<(u32, Lane)>,
    under_way: Option<(u32, Run, LaneRecord)>,
    /// Of the lanes so far: what the landscape spans.
    extent: Option<[(f32, f32); 2]>,
    landscape: Option<(Run, Landscape)>,
}

impl Session {
    /// Begins a race in place of the one under way, on the model, data, seed and batch size of the current run.
    pub(super) fn begin_race(&mut self, lanes: Vec<Lane>, steps: u32) -> Result<(), SessionError> {
        let run = self.run.as_ref().expect("the caller has found the run");
        if lanes.is_empty() || lanes.len() > MAX_LANES {
            return Err(SessionError::BadConfig {
                name: "the number of lanes",
                actual: lanes.len().to_string(),
                expected: format!("a whole number from 1 to {MAX_LANES}"),
            });
        }
        if steps == 0 || steps > MAX_RACE_STEPS {
            return Err(SessionError::BadConfig {
                name: "the number of steps",
                actual: steps.to_string(),
                expected: format!("a whole number from 1 to {MAX_RACE_STEPS}"),
            });
        }
        self.race = Some(Race {
            run: run.id,
            steps,
            waiting: (0..).zip(lanes).collect(),
            under_way: None,
            extent: None,
            landscape: None,
        });
        Ok(())
    }

    /// Works on the race for about `budget_millis`; whether there is more to do.
    pub(super) async fn advance_race(&mut self, budget_millis: f64) -> bool {
        let deadline = now_millis() + budget_millis;
        let Some(mut race) = self.race.take() else {
            return false;
        };
        // A race ends with the run that it is about.
        if self.run.as_ref().map(|run| run.id) != Some(race.run) {
            return false;
        }
        match self.work_on(&mut race, deadline).await {
            Ok(true) => {
                self.race = Some(race);
                true
            }
            Ok(false) => false,
            Err(error) => {
                self.fail(Some(race.run), &error);
                false
            }
        }
    }

    async fn work_on(&mut self, race: &mut Race, deadline: f64) -> Result<bool, SessionError> {
        while now_millis() < deadline {
            if let Some((number, mut run, mut record)) = race.under_way.take() {
                if run.race(race.steps, deadline, &mut record) {
                    race.under_way = Some((number, run, record));
                    return Ok(true);
                }
                race.extend(&record);
                self.emit(Event::LaneDone {
                    run: race.run,
                    lane: number,
                    record,
                });
            } else if let Some((number, lane)) = race.waiting.pop_front() {
                let run = self.lane_run(&lane, race.steps).await?;
                let record = LaneRecord {
                    losses: Vec::new(),
                    places: Vec::new(),
                    learning_rates: Vec::new(),
                };
                race.under_way = Some((number, run, record));
            } else if let Some((run, landscape)) = &mut race.landscape {
                if run.survey(landscape, deadline) {
                    return Ok(true);
                }
                let landscape = landscape.clone();
                self.emit(Event::Landscape {
                    run: race.run,
                    landscape,
                });
                return Ok(false);
            } else if let Some(bounds) = race.extent.take() {
                let run = self.landscape_run().await?;
                let landscape = Landscape {
                    size: [GRID, GRID],
                    bounds: bounds.map(with_room),
                    names: run.weight_names(),
                    losses: Vec::new(),
                };
                race.landscape = Some((run, landscape));
            } else {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A run of its own for a lane, with what the current run has but the lane's optimizer.
    async fn lane_run(&mut self, lane: &Lane, steps: u32) -> Result<Run, SessionError> {
        let run = self.run.as_ref().expect("a race is about a run");
        let (preset, config) = (run.preset, &run.config);
        let mut options = lane.options;
        options.schedule = Some(options.schedule_kind());
        options.init = config.options.init;
        options.init_value = config.options.init_value;
        let config = RunConfig {
            preset: preset.id.into(),
            device: DevicePreference::Cpu,
            seed: config.seed,
            batch: Some(config.batch),
            learning_rate: Some(lane.learning_rate),
            optimizer: Some(lane.optimizer),
            momentum: lane.momentum,
            options,
            epochs: None,
            steps: Some(steps.into()),
            resumed_step: 0,
        };
        Ok(self.build_run(run.id, preset, &config).await?.0)
    }

    /// A run whose batch is all training samples, to measure the loss with.
    async fn landscape_run(&mut self) -> Result<Run, SessionError> {
        let run = self.run.as_ref().expect("a race is about a run");
        let (preset, config) = (run.preset, &run.config);
        let config = RunConfig {
            preset: preset.id.into(),
            device: DevicePreference::Cpu,
            seed: config.seed,
            batch: Some(config.train_count),
            ..RunConfig::default()
        };
        Ok(self.build_run(run.id, preset, &config).await?.0)
    }
}

impl Race {
    /// Takes the places of a lane into what the landscape spans, but for a lane that flies away.
    fn extend(&mut self, record: &LaneRecord) {
        let Some(start) = record.places.chunks_exact(2).next() else {
            return;
        };
        let [reach_0, reach_1] = [start[0], start[1]].map(|value| FAR * value.abs().max(0.5));
        let extent = self.extent.get_or_insert([
            (start[0].min(0.0), start[0].max(0.0)),
            (start[1].min(0.0), start[1].max(0.0)),
        ]);
        for place in record.places.chunks_exact(2) {
            for (axis, reach) in [reach_0, reach_1].into_iter().enumerate() {
                // What flies further leaves the picture.
                let value = place[axis].clamp(-reach, reach);
                let (low, high) = extent[axis];
                extent[axis] = (low.min(value), high.max(value));
            }
        }
    }
}

fn with_room((low, high): (f32, f32)) -> (f32, f32) {
    let room = MARGIN * (high - low).max(0.1);
    (low - room, high + room)
}
