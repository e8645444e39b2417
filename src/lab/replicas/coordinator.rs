//! The coordinator: a state machine that says who does what next, and records what happened.
//!
//! It holds no model and waits for nothing: every call returns the commands to be sent, and every answer is handed to
//! [`Coordinator::on_event`]. Steps run freely up to a number, or stop before each round of the ring.

use super::message::{Command, Event, Exchanged, ReplicaError, ReplicaFacts, Setup, State, Task};
use super::record::{Distance, RingRecord, StepRecord, distance};
use super::settings::{MAX_STEPS, Mode, Settings, SettingsError};
use super::subject::{LINEAR, LINEAR_SAMPLES};
use crate::data::{BatchSchedule, epoch_order};
use crate::lab::ring::{Message, chunk_of};
use crate::platform::now_millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Values of a chunk that are kept to be shown.
const SHOWN_VALUES: usize = 4;

/// What the run is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    Building,
    /// Between two steps.
    Idle,
    Computing,
    /// The ring is in this round.
    Ringing {
        round: usize,
    },
    Applying,
    /// The replicas tell their parameters and losses.
    Telling,
    /// A step is given up.
    Undoing,
    /// A replica takes over the state of another one.
    Restarting {
        replica: u32,
    },
    /// Replicas are lost; the others stand at the step before.
    Broken {
        lost: Vec<u32>,
    },
    /// It cannot go on.
    Stopped(Problem),
}

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum Problem {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    #[error("the loss of replica {replica} is {loss} at step {step}")]
    NonFinite { replica: u32, step: u64, loss: f64 },
    #[error("no replica is left")]
    NobodyLeft,
}

/// A replica as the coordinator knows it.
#[derive(Clone, Debug, Default)]
struct Seat {
    is_alive: bool,
    /// Federated: which batches its own samples are drawn in.
    schedule: Option<BatchSchedule>,
    /// Federated: its samples.
    shard: Vec<u32>,
    parameters: Vec<f32>,
    /// On the samples that all are measured on.
    measured: Option<f64>,
    millis: f64,
}

/// Who does what next.
pub struct Coordinator {
    settings: Settings,
    facts: Option<ReplicaFacts>,
    seats: Vec<Seat>,
    schedule: Option<BatchSchedule>,
    standing: Standing,
    /// Steps done.
    step: u64,
    /// Runs freely up to this step.
    until: u64,
    /// The ring waits before each round.
    holds: bool,
    attempt: u32,
    /// Replicas whose answer is awaited.
    waiting: BTreeSet<u32>,
    lost: Vec<u32>,
    problem: Option<Problem>,
    under_way: Vec<(Message, Vec<f32>)>,
    ring: Vec<RingRecord>,
    current: Option<StepRecord>,
    records: Vec<StepRecord>,
    /// At step 0.
    first: (Vec<Option<f64>>, Option<Distance>),
    started_at: f64,
    computed_at: f64,
}

impl Coordinator {
    /// A run at step 0, which nothing is built of yet.
    ///
    /// # Errors
    /// When a setting does not fit.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        if settings.subject == LINEAR.id {
            if settings.batch > LINEAR_SAMPLES {
                return Err(SettingsError::Batch {
                    actual: settings.batch,
                    largest: LINEAR_SAMPLES,
                });
            }
            if settings.mode == Mode::Federated {
                settings.shards(LINEAR_SAMPLES)?;
            }
        }
        Ok(Self {
            seats: vec![Seat::default(); settings.replicas as usize],
            settings,
            facts: None,
            schedule: None,
            standing: Standing::Building,
            step: 0,
            until: 0,
            holds: false,
            attempt: 0,
            waiting: BTreeSet::new(),
            lost: Vec::new(),
            problem: None,
            under_way: Vec::new(),
            ring: Vec::new(),
            current: None,
            records: Vec::new(),
            first: (Vec::new(), None),
            started_at: 0.0,
            computed_at: 0.0,
        })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Once the replicas are built.
    pub fn facts(&self) -> Option<&ReplicaFacts> {
        self.facts.as_ref()
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    pub fn records(&self) -> &[StepRecord] {
        &self.records
    }

    /// By replica the loss on the common samples before the first step, and the distance there.
    pub fn first(&self) -> &(Vec<Option<f64>>, Option<Distance>) {
        &self.first
    }

    /// The messages of the step under way or, between two steps, of the last one.
    pub fn ring(&self) -> &[RingRecord] {
        &self.ring
    }

    /// Numbers of the replicas in the ring, by their place.
    pub fn members(&self) -> Vec<u32> {
        let numbers = 0..self.settings.replicas;
        numbers
            .filter(|&replica| self.seats[replica as usize].is_alive)
            .collect()
    }

    /// Numbers that go round the ring.
    pub fn exchanged_count(&self) -> u64 {
        match self.settings.mode {
            Mode::Rank0 => 1,
            _ => self.facts.as_ref().map_or(0, |facts| facts.parameters),
        }
    }

    /// Modelled: seconds of one all-reduce among the living replicas, from the bandwidth and latency of the settings.
    pub fn modelled_seconds(&self) -> f64 {
        let members = self.members().len();
        if members < 2 {
            return 0.0;
        }
        let bytes = 4.0 * self.exchanged_count() as f64;
        let Settings {
            bandwidth, latency, ..
        } = self.settings;
        crate::lab::scale::ring_seconds(members as f64, bytes, bandwidth, latency)
    }

    /// The parameters that a replica last told.
    pub fn parameters(&self, replica: u32) -> &[f32] {
        &self.seats[replica as usize].parameters
    }

    /// Whether the ring waits for [`Coordinator::next_round`].
    pub fn is_holding(&self) -> bool {
        let whole = self.under_way.len() == self.waiting.len();
        self.holds && matches!(self.standing, Standing::Ringing { .. }) && whole
    }

    /// Builds all replicas.
    pub fn build(&mut self) -> Vec<Command> {
        self.waiting = (0..self.settings.replicas).collect();
        let setups = self.waiting.iter().map(|&replica| Command::Build {
            replica,
            setup: self.setup(replica, None),
        });
        setups.collect()
    }

    fn setup(&self, replica: u32, state: Option<State>) -> Setup {
        let Settings {
            subject,
            seed,
            optimizer,
            learning_rate,
            replicas,
            batch,
            mode,
            ..
        } = &self.settings;
        let mut capacity = (batch / replicas).max(1);
        if *mode == Mode::Federated
            && let Ok(shards) = self.settings.shards(*batch)
        {
            // Where the batch is all samples, which is not known yet, a pass is over a whole shard.
            capacity = capacity.max(shards[replica as usize].len() as u32);
        }
        Setup {
            subject: subject.clone(),
            seed: *seed,
            optimizer: *optimizer,
            learning_rate: *learning_rate,
            capacity,
            state,
        }
    }

    /// Runs `steps` more steps without stopping in between, at most up to [`MAX_STEPS`]; a step that waits in its ring
    /// is finished first.
    pub fn play(&mut self, steps: u64) -> Vec<Command> {
        self.holds = false;
        let up_to = |from: u64| from.saturating_add(steps).min(MAX_STEPS);
        match self.standing {
            Standing::Idle => {
                self.until = up_to(self.step);
                self.begin_step()
            }
            Standing::Ringing { .. } | Standing::Computing => {
                // What is half done counts as the first of them.
                self.until = up_to(self.step);
                self.release()
            }
            Standing::Building | Standing::Telling | Standing::Applying => {
                self.until = up_to(self.step.max(self.until));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Stops at the end of the step under way.
    pub fn pause(&mut self) {
        let is_under_way = matches!(
            self.standing,
            Standing::Computing | Standing::Ringing { .. } | Standing::Applying
        );
        self.until = self.step + u64::from(is_under_way);
    }

    /// Lets the next round of the ring happen; between two steps it begins a step, which stops before its first round.
    pub fn next_round(&mut self) -> Vec<Command> {
        match self.standing {
            Standing::Idle => {
                self.holds = true;
                self.until = (self.step + 1).min(MAX_STEPS);
                self.begin_step()
            }
            Standing::Ringing { .. } if self.is_holding() => self.release(),
            _ => Vec::new(),
        }
    }

    /// A replica has disappeared: nothing more comes from it. A number that no replica has changes nothing.
    pub fn lose(&mut self, replica: u32) -> Vec<Command> {
        let is_restarting = self.standing == Standing::Restarting { replica };
        let Some(seat) = self.seats.get_mut(replica as usize) else {
            return Vec::new();
        };
        if !seat.is_alive && self.standing != Standing::Building && !is_restarting {
            return Vec::new();
        }
        seat.is_alive = false;
        seat.measured = None;
        seat.parameters.clear();
        if !self.lost.contains(&replica) {
            self.lost.push(replica);
        }
        self.waiting.remove(&replica);
        self.until = self.step;
        if self.members().is_empty() && self.standing != Standing::Building {
            self.standing = Standing::Stopped(Problem::NobodyLeft);
            return Vec::new();
        }
        match self.standing {
            Standing::Computing | Standing::Ringing { .. } => self.give_up(),
            Standing::Idle | Standing::Broken { .. } => {
                self.rest();
                Vec::new()
            }
            // Who gave its state or was to take it is gone.
            Standing::Restarting { .. } => {
                self.waiting.clear();
                self.rest();
                Vec::new()
            }
            _ => self.when_all_have_answered(),
        }
    }

    /// Goes on with the replicas that are left, each with its own samples.
    pub fn go_on(&mut self) {
        if matches!(self.standing, Standing::Broken { .. }) {
            self.lost.clear();
            self.rest();
        }
    }

    /// Puts a new replica in place of a lost one; it takes over the state of the first that is left. Where replicas differ
    /// that is not what the lost one had: in mode `rank0` a restarted replica holds the weights that the first trained,
    /// and in federated mode the optimizer states of the first.
    pub fn restart(&mut self, replica: u32) -> Vec<Command> {
        let may = matches!(self.standing, Standing::Broken { .. } | Standing::Idle);
        let seat = self.seats.get(replica as usize);
        let is_lost = seat.is_some_and(|seat| !seat.is_alive);
        let donor = self.members().first().copied();
        let (true, Some(donor)) = (may && is_lost, donor) else {
            return Vec::new();
        };
        self.standing = Standing::Restarting { replica };
        self.waiting = BTreeSet::from([donor]);
        vec![Command::Save { replica: donor }]
    }

    /// Takes an answer in.
    pub fn on_event(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Ready { replica, facts } => self.on_ready(replica, facts),
            Event::Computed {
                replica,
                attempt,
                losses,
                millis,
                ..
            } => self.on_computed(replica, attempt, &losses, millis),
            Event::Sent {
                attempt,
                message,
                values,
            } => self.on_sent(attempt, message, values),
            Event::Reduced { replica, attempt } => {
                if attempt == self.attempt && self.is_in_ring() {
                    self.waiting.remove(&replica);
                    return self.when_all_have_answered();
                }
                Vec::new()
            }
            Event::Applied {
                replica,
                attempt,
                first,
                ..
            } => {
                if attempt != self.attempt || self.standing != Standing::Applying {
                    return Vec::new();
                }
                if let (Mode::Rank0, Some(current)) = (self.settings.mode, &mut self.current) {
                    current.summed_loss = Some(first);
                }
                self.waiting.remove(&replica);
                self.when_all_have_answered()
            }
            Event::Undone { replica, attempt } => {
                if attempt == self.attempt && self.standing == Standing::Undoing {
                    self.waiting.remove(&replica);
                    return self.when_all_have_answered();
                }
                Vec::new()
            }
            Event::Told {
                replica,
                loss,
                parameters,
            } => {
                let seat = &mut self.seats[replica as usize];
                if !seat.is_alive {
                    return Vec::new();
                }
                seat.measured = Some(loss);
                seat.parameters = parameters;
                self.waiting.remove(&replica);
                self.when_all_have_answered()
            }
            Event::Saved { state, .. } => match self.standing {
                Standing::Restarting { replica } => {
                    self.waiting = BTreeSet::from([replica]);
                    vec![Command::Build {
                        replica,
                        setup: self.setup(replica, Some(state)),
                    }]
                }
                _ => Vec::new(),
            },
            Event::Failed { error, .. } => {
                self.standing = Standing::Stopped(error.into());
                Vec::new()
            }
        }
    }

    fn is_in_ring(&self) -> bool {
        matches!(
            self.standing,
            Standing::Computing | Standing::Ringing { .. }
        )
    }

    fn on_ready(&mut self, replica: u32, facts: ReplicaFacts) -> Vec<Command> {
        if !self.waiting.remove(&replica) {
            return Vec::new();
        }
        self.seats[replica as usize].is_alive = true;
        self.lost.retain(|&lost| lost != replica);
        if self.facts.is_none() {
            if let Err(error) = self.share_out(facts.train_count) {
                self.standing = Standing::Stopped(error.into());
                return Vec::new();
            }
            self.facts = Some(facts);
        }
        self.when_all_have_answered()
    }

    /// Whose samples are whose.
    fn share_out(&mut self, count: u32) -> Result<(), SettingsError> {
        let Settings {
            batch,
            replicas,
            seed,
            ..
        } = self.settings;
        if batch > count {
            return Err(SettingsError::Batch {
                actual: batch,
                largest: count,
            });
        }
        let is_whole = batch == count;
        let schedule = |seed: u64, count: u32, batch: u32| {
            let schedule = if is_whole {
                BatchSchedule::in_file_order(count, batch)
            } else {
                BatchSchedule::shuffled(seed, count, batch)
            };
            schedule.expect("neither is 0")
        };
        if self.settings.mode != Mode::Federated {
            self.schedule = Some(schedule(seed, count, batch));
            return Ok(());
        }
        let order = if is_whole {
            (0..count).collect()
        } else {
            epoch_order(seed, 0, count)
        };
        let shards = self.settings.shards(count)?;
        for (number, (seat, shard)) in self.seats.iter_mut().zip(shards).enumerate() {
            seat.shard = order[shard.start as usize..shard.end as usize].to_vec();
            let own = seat.shard.len() as u32;
            let of_step = if is_whole {
                own
            } else {
                (batch / replicas).clamp(1, own)
            };
            let seed = seed.wrapping_add(1 + number as u64);
            seat.schedule = Some(schedule(seed, own, of_step));
        }
        Ok(())
    }

    /// The samples of each pass of a replica in the next step.
    fn batches(&mut self, replica: u32) -> Vec<Vec<u32>> {
        let step = self.step;
        let local_steps = u64::from(self.settings.local_steps);
        let seat = &mut self.seats[replica as usize];
        if let Some(schedule) = &mut seat.schedule {
            let shard = &seat.shard;
            let local = step * local_steps..(step + 1) * local_steps;
            return local
                .map(|step| {
                    let own = schedule.at(step).indices.iter();
                    own.map(|&at| shard[at as usize]).collect()
                })
                .collect();
        }
        let schedule = self.schedule.as_mut().expect("shared out when built");
        let replicas = self.settings.replicas;
        let count = self.facts.as_ref().map_or(0, |facts| facts.train_count);
        let (batch, of_epoch) = (self.settings.batch, schedule.steps_per_epoch());
        // A last batch that has not a sample for every replica is passed over.
        let least = replicas.max(self.settings.least_batch).min(batch);
        let is_short = !matches!(count % batch, 0) && count % batch < least;
        let used = u64::from(of_epoch - u32::from(is_short));
        let at = step / used * u64::from(of_epoch) + step % used;
        let indices = schedule.at(at).indices;
        let own = chunk_of(replica as usize, replicas as usize, indices.len());
        vec![indices[own].to_vec()]
    }

    fn begin_step(&mut self) -> Vec<Command> {
        if self.step >= self.until || self.standing != Standing::Idle {
            return Vec::new();
        }
        self.attempt += 1;
        let members = self.members();
        let batches: Vec<Vec<Vec<u32>>> = members.iter().map(|&r| self.batches(r)).collect();
        let passed = |batches: &Vec<Vec<u32>>| batches.iter().map(|b| b.len() as u64).sum::<u64>();
        let samples: u64 = batches.iter().map(passed).sum();
        let mode = self.settings.mode;
        let sizes: Vec<u64> = match mode {
            Mode::Federated => {
                let shard = |&replica: &u32| self.seats[replica as usize].shard.len() as u64;
                members.iter().map(shard).collect()
            }
            _ => batches.iter().map(passed).collect(),
        };
        let all: u64 = sizes.iter().sum();
        let exchanged = match mode {
            Mode::Mean | Mode::Sum => Exchanged::Gradients,
            Mode::Rank0 => Exchanged::Loss,
            Mode::Federated => Exchanged::Parameters,
        };
        let (attempt, ring) = (self.attempt, members.len() as u32);
        let commands = members.iter().zip(batches).zip(&sizes).enumerate();
        let commands = commands.map(
            |(position, ((&replica, batches), &size))| Command::Compute {
                replica,
                task: Task {
                    attempt,
                    batches,
                    exchanged,
                    weight: match mode {
                        Mode::Mean | Mode::Federated => size as f64 / all as f64,
                        Mode::Sum | Mode::Rank0 => 1.0,
                    },
                    position: position as u32,
                    ring,
                },
            },
        );
        let commands: Vec<Command> = commands.collect();
        self.waiting = members.into_iter().collect();
        self.under_way.clear();
        self.ring.clear();
        for seat in &mut self.seats {
            seat.millis = 0.0;
        }
        let members = f64::from(ring);
        let bytes = 4.0 * self.exchanged_count() as f64 * 2.0 * (members - 1.0) / members;
        self.current = Some(StepRecord {
            step: self.step + 1,
            losses: vec![None; self.seats.len()],
            summed_loss: None,
            measured: vec![None; self.seats.len()],
            distance: None,
            compute_millis: 0.0,
            communication_millis: None,
            step_millis: None,
            samples,
            bytes: bytes.round() as u64,
        });
        self.started_at = now_millis();
        self.computed_at = self.started_at;
        self.standing = Standing::Computing;
        commands
    }

    fn on_computed(
        &mut self,
        replica: u32,
        attempt: u32,
        losses: &[f64],
        millis: f64,
    ) -> Vec<Command> {
        if attempt != self.attempt || !self.is_in_ring() {
            return Vec::new();
        }
        let mean = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        self.computed_at = now_millis();
        if let Some(current) = &mut self.current {
            current.losses[replica as usize] = Some(mean);
            current.compute_millis = current.compute_millis.max(millis);
        }
        if !mean.is_finite() {
            self.problem = Some(Problem::NonFinite {
                replica,
                step: self.step + 1,
                loss: mean,
            });
            return self.give_up();
        }
        Vec::new()
    }

    fn on_sent(&mut self, attempt: u32, message: Message, values: Vec<f32>) -> Vec<Command> {
        if attempt != self.attempt || !self.is_in_ring() {
            return Vec::new();
        }
        let squares = values.iter().map(|&v| f64::from(v) * f64::from(v));
        self.ring.push(RingRecord {
            round: message.round,
            from: message.from,
            to: message.to,
            chunk: message.chunk,
            first: message.elements.start,
            elements: message.elements.len(),
            receipt: message.receipt,
            bytes: values.len() * 4,
            norm: squares.sum::<f64>().sqrt(),
            values: values.iter().copied().take(SHOWN_VALUES).collect(),
            delivered: false,
        });
        self.standing = Standing::Ringing {
            round: message.round,
        };
        self.under_way.push((message, values));
        if self.holds {
            return Vec::new();
        }
        self.release()
    }

    /// Lets all messages that are under way arrive.
    fn release(&mut self) -> Vec<Command> {
        let members = self.members();
        let attempt = self.attempt;
        let under_way = std::mem::take(&mut self.under_way);
        for (message, _) in &under_way {
            let mut known = self.ring.iter_mut();
            let known = known.find(|r| r.round == message.round && r.from == message.from);
            known.expect("it was noted when it was sent").delivered = true;
        }
        let delivered = under_way
            .into_iter()
            .map(|(message, values)| Command::Deliver {
                replica: members[message.to],
                attempt,
                message,
                values,
            });
        delivered.collect()
    }

    /// Gives the step up: everybody goes back to before it.
    fn give_up(&mut self) -> Vec<Command> {
        self.under_way.clear();
        self.current = None;
        self.until = self.step;
        self.standing = Standing::Undoing;
        self.waiting = self.members().into_iter().collect();
        let attempt = self.attempt;
        let undo = self.waiting.iter();
        undo.map(|&replica| Command::Undo { replica, attempt })
            .collect()
    }

    fn when_all_have_answered(&mut self) -> Vec<Command> {
        if !self.waiting.is_empty() {
            return Vec::new();
        }
        match self.standing {
            Standing::Building | Standing::Restarting { .. } => self.tell(),
            Standing::Computing | Standing::Ringing { .. } => {
                let now = now_millis();
                if let Some(current) = self.current.as_mut().filter(|_| !self.holds) {
                    current.communication_millis = Some(now - self.computed_at);
                }
                self.standing = Standing::Applying;
                self.waiting = self.members().into_iter().collect();
                let attempt = self.attempt;
                let apply = self.waiting.iter();
                apply
                    .map(|&replica| Command::Apply { replica, attempt })
                    .collect()
            }
            Standing::Applying => {
                self.step += 1;
                if let Some(current) = self.current.as_mut().filter(|_| !self.holds) {
                    current.step_millis = Some(now_millis() - self.started_at);
                }
                let every = u64::from(self.settings.tell_every.max(1));
                if self.step.is_multiple_of(every) || self.step >= self.until {
                    return self.tell();
                }
                self.records.extend(self.current.take());
                self.next()
            }
            Standing::Telling => {
                let members = self.members();
                let told: Vec<&[f32]> = members.iter().map(|&r| self.parameters(r)).collect();
                let distance = Some(distance(&told));
                let measured: Vec<Option<f64>> =
                    self.seats.iter().map(|seat| seat.measured).collect();
                match self.current.take() {
                    Some(mut record) => {
                        record.measured = measured;
                        record.distance = distance;
                        self.records.push(record);
                    }
                    None if self.step == 0 => self.first = (measured, distance),
                    // After a restart the picture is drawn anew, and nothing has happened.
                    None => {}
                }
                self.next()
            }
            Standing::Undoing => {
                self.rest();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn tell(&mut self) -> Vec<Command> {
        self.standing = Standing::Telling;
        self.waiting = self.members().into_iter().collect();
        if self.waiting.is_empty() {
            self.standing = Standing::Stopped(Problem::NobodyLeft);
        }
        let tell = self.waiting.iter();
        tell.map(|&replica| Command::Tell { replica }).collect()
    }

    /// Between two steps: begins the next one, or rests.
    fn next(&mut self) -> Vec<Command> {
        self.rest();
        self.begin_step()
    }

    fn rest(&mut self) {
        self.standing = match self.problem.take() {
            Some(problem) => Standing::Stopped(problem),
            None if self.lost.is_empty() => Standing::Idle,
            None => Standing::Broken {
                lost: self.lost.clone(),
            },
        };
    }
}
