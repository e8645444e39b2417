//! A race: the model of a run, trained anew by several optimizers from the same weights on the same batches.
//!
//! Every lane is a [`Run`] of its own on the CPU, so its steps are those of training: the same graph, the same
//! update operations, the same schedules. Behind the lanes the loss is measured over a plane: of the two weights of a
//! model that has two, else of the two main directions of all paths ([`super::plane`]).

use super::plane::{Fitted, Plane, PlaneFit, Projected, Track, spacing};
use super::run::Run;
use super::start::MAX_BATCH;
use super::*;
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most lanes of a race.
pub const MAX_LANES: usize = 16;

/// Most steps of a race.
pub const MAX_RACE_STEPS: u32 = 10_000;

/// Places along each axis at which the loss of two weights is measured.
const GRID: u32 = 65;

/// Places along each axis of a plane among more weights: the finest whose work is within [`MOST_FLOPS`].
const GRIDS: [u32; 3] = [GRID, 49, 33];

/// Floating-point operations that measuring the loss over such a plane may take.
const MOST_FLOPS: u64 = 8_000_000_000;

/// Of the longer side of such a plane's picture, the shorter one spans at least this share.
const LEAST_SIDE: f32 = 0.25;

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
    /// The two weights after 0, 1, 2, … updates, one after the other; empty for models with another number of weights,
    /// whose paths are found when all lanes are done ([`Landscape::main`]).
    pub places: Vec<f32>,
    /// The learning rate of each update.
    pub learning_rates: Vec<f32>,
}

/// The loss over a plane: of two weights, or of two directions among more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Landscape {
    /// Places along each axis, both ends of the bounds included.
    pub size: [u32; 2],
    /// (low, high) of the first and of the second weight, or of the way from the start in each direction.
    pub bounds: [(f32, f32); 2],
    /// Names of the two weights, such as `fc.weight[0,0]`; empty where there are more.
    pub names: [String; 2],
    /// Mean over all training samples; the second weight is the slow axis.
    pub losses: Vec<f32>,
    /// How the plane lies among more than two weights.
    pub main: Option<MainDirections>,
}

/// The plane through the common start of all paths that holds the largest share of their squared distances from it.
/// Its directions have length 1 and are at right angles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MainDirections {
    /// Numbers that the model learns: the dimensions of the space that the plane lies in.
    pub weights: u32,
    /// Share of the squared distances from the start that lies along each direction, from 0 to 1. A path that flies
    /// away counts up to where it does.
    pub shares: [f32; 2],
    /// Updates between two places of a path.
    pub every: u32,
    /// By number of the lane.
    pub paths: Vec<PlanePath>,
}

/// The path of a lane, seen from straight above the plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanePath {
    /// Along both directions after 0, `every`, 2 · `every`, … updates and after the last one, one after the other.
    pub places: Vec<f32>,
    /// Updates before the last place: fewer than asked for where the weights stopped being numbers.
    pub last: u32,
    /// Euclidean distance of the last place from the plane.
    pub off: f32,
    /// Euclidean distance of the last place from the start.
    pub travelled: f32,
    /// The loss at the last place, and at the point of the plane nearest to it; mean over all training samples.
    pub loss: f32,
    pub loss_on_plane: f32,
}

/// Why a race has no landscape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoLandscape {
    /// So many weights, or so many samples to measure the loss with, that the paths and the landscape would take more
    /// memory or work than a race may.
    TooLarge { weights: u64 },
    /// The model keeps statistics of its batches, so that its weights alone do not decide the loss.
    Statistics,
    /// No lane has moved, or all have flown away at once.
    NoPath,
}

/// A race under way.
pub(super) struct Race {
    run: RunId,
    steps: u32,
    waiting: VecDeque<(u32, Lane)>,
    under_way: Option<(u32, Run, LaneRecord)>,
    /// Of the lanes so far: what the landscape spans, where there are two weights.
    extent: Option<[(f32, f32); 2]>,
    landscape: Option<Survey>,
    /// Where there are more: how far apart the places of a path are kept, and the size of the landscape.
    kept: Option<(u32, u32)>,
    tracks: Vec<Track>,
    fit: Option<PlaneFit>,
}

/// A landscape that is being measured.
struct Survey {
    run: Run,
    landscape: Landscape,
    /// Where the places of a landscape of more than two weights lie.
    plane: Option<Plane>,
    /// Paths on it whose ends are measured.
    ends: usize,
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
        let id = run.id;
        let kept = if run.model.parameter_count() == 2 {
            None
        } else {
            match keeping(run, lanes.len() as u64, steps) {
                Ok(kept) => Some(kept),
                Err(reason) => {
                    self.emit(Event::NoLandscape { run: id, reason });
                    None
                }
            }
        };
        self.race = Some(Race {
            run: id,
            steps,
            waiting: (0..).zip(lanes).collect(),
            under_way: None,
            extent: None,
            landscape: None,
            kept,
            tracks: Vec::new(),
            fit: None,
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
                // The track of the lane under way is the last one.
                let track = race.tracks.last_mut();
                if run.race(race.steps, deadline, &mut record, track) {
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
                if let Some((every, _)) = race.kept {
                    let weights = run.model.parameter_count() as usize;
                    race.tracks.push(Track::new(every, weights));
                }
                let record = LaneRecord {
                    losses: Vec::new(),
                    places: Vec::new(),
                    learning_rates: Vec::new(),
                };
                race.under_way = Some((number, run, record));
            } else if let Some(Survey {
                run,
                landscape,
                plane,
                ends,
            }) = &mut race.landscape
            {
                if let (Some(plane), Some(main)) = (plane.as_ref(), &mut landscape.main)
                    && let Some(path) = main.paths.get_mut(*ends)
                {
                    run.measure_end(plane, &race.tracks[*ends], path);
                    *ends += 1;
                    continue;
                }
                if run.survey(landscape, plane.as_ref(), deadline) {
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
                    main: None,
                };
                race.landscape = Some(Survey {
                    run,
                    landscape,
                    plane: None,
                    ends: 0,
                });
            } else if let Some((_, size)) = race.kept {
                let fit = race.fit.get_or_insert_with(|| PlaneFit::new(&race.tracks));
                match fit.advance(&race.tracks, deadline) {
                    Fitted::Unfinished => return Ok(true),
                    Fitted::Done(None) => {
                        self.emit(Event::NoLandscape {
                            run: race.run,
                            reason: NoLandscape::NoPath,
                        });
                        return Ok(false);
                    }
                    Fitted::Done(Some(plane)) => {
                        let run = self.landscape_run().await?;
                        race.landscape = Some(Survey {
                            landscape: landscape_of(&plane, &race.tracks, size),
                            run,
                            plane: Some(plane),
                            ends: 0,
                        });
                    }
                }
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

/// How far apart the places of paths can be kept, and how fine a landscape may be, for a model that has not two weights.
fn keeping(run: &Run, lanes: u64, steps: u32) -> Result<(u32, u32), NoLandscape> {
    let weights = run.model.parameter_count();
    if weights < 2 {
        return Err(NoLandscape::NoPath);
    }
    if !run.model.graph.buffers().is_empty() {
        return Err(NoLandscape::Statistics);
    }
    let samples = run.config.train_count;
    let work = run.forward_flops().saturating_mul(samples.into());
    let is_within = |size: &u32| work.saturating_mul(u64::from(size * size)) <= MOST_FLOPS;
    let size = GRIDS.into_iter().find(is_within);
    match (spacing(weights, lanes, steps), size) {
        (Some(every), Some(size)) if samples <= MAX_BATCH => Ok((every, size)),
        _ => Err(NoLandscape::TooLarge { weights }),
    }
}

/// The landscape of a plane before its losses are measured: the paths on it, and what it spans.
fn landscape_of(plane: &Plane, tracks: &[Track], size: u32) -> Landscape {
    let projected: Vec<Projected> = tracks.iter().map(|track| plane.project(track)).collect();
    // The start is at 0.
    let mut bounds = [(0.0_f32, 0.0_f32); 2];
    let mut all = 0.0;
    let mut along = [0.0; 2];
    for path in &projected {
        all += path.squares.0;
        for axis in 0..2 {
            along[axis] += path.squares.1[axis];
            for place in &path.places[..path.near] {
                let (low, high) = bounds[axis];
                bounds[axis] = (low.min(place[axis] as f32), high.max(place[axis] as f32));
            }
        }
    }
    let longest = bounds
        .map(|(low, high)| high - low)
        .into_iter()
        .fold(0.0, f32::max);
    let bounds = bounds.map(|(low, high)| {
        let missing = (LEAST_SIDE * longest - (high - low)).max(0.0);
        let room = 0.5 * missing + MARGIN * (high - low).max(LEAST_SIDE * longest);
        (low - room, high + room)
    });
    let path = |(track, path): (&Track, Projected)| PlanePath {
        places: path
            .places
            .iter()
            .flatten()
            .map(|&along| along as f32)
            .collect(),
        last: track.last,
        off: path.off as f32,
        travelled: path.travelled as f32,
        loss: f32::NAN,
        loss_on_plane: f32::NAN,
    };
    Landscape {
        size: [size, size],
        bounds,
        names: Default::default(),
        losses: Vec::new(),
        main: Some(MainDirections {
            weights: plane.weights([0.0, 0.0]).len() as u32,
            shares: along.map(|along| (along / all) as f32),
            every: tracks[0].every,
            paths: tracks.iter().zip(projected).map(path).collect(),
        }),
    }
}

fn with_room((low, high): (f32, f32)) -> (f32, f32) {
    let room = MARGIN * (high - low).max(0.1);
    (low - room, high + room)
}
