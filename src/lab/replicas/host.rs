//! The replicas of one thread or Web Worker.

use super::message::{Command, Event, Exchanged, ReplicaError, ReplicaFacts, Setup, State, Task};
use super::replica::{Kept, Replica};
use super::subject::{LINEAR, Subject};
use crate::data::{DataError, DataSource, SampleSet, Subset};
use crate::lab::ring::{self, Message};
use crate::models::PresetData;
use crate::platform::now_millis;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A replica and what it is doing.
struct Seat {
    replica: Replica<f32>,
    /// The task under way.
    task: Option<Task>,
    /// Its state before the task, where the task changes it.
    kept: Option<Kept<f32>>,
    /// The messages that it sends, round after round.
    sends: Vec<Message>,
    /// Messages that have arrived.
    received: usize,
}

/// Replicas that obey messages.
#[derive(Default)]
pub struct Host {
    seats: BTreeMap<u32, Seat>,
    /// Samples of presets.
    samples: BTreeMap<String, Arc<SampleSet>>,
}

impl Host {
    /// Samples for the preset of that name; the linear regression draws its own.
    pub fn provide(&mut self, subject: &str, samples: Arc<SampleSet>) {
        self.samples.insert(subject.into(), samples);
    }

    /// Whether the samples of `subject` are here or need not be.
    pub fn has_samples(&self, subject: &str) -> bool {
        subject == LINEAR.id || self.samples.contains_key(subject)
    }

    /// Data files that a command needs, below `assets/data/`.
    pub fn needed_files(&self, command: &Command) -> Vec<&'static str> {
        let Some((source, _)) = self.missing_images(command) else {
            return Vec::new();
        };
        source.page_files().iter().map(|file| file.path).collect()
    }

    /// Makes the samples that a command needs of the given files.
    ///
    /// # Errors
    /// When files are missing or damaged.
    pub fn take_files(
        &mut self,
        command: &Command,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), DataError> {
        if let (Some((source, subset)), Command::Build { setup, .. }) =
            (self.missing_images(command), command)
        {
            let images = source.assemble(files)?.choose(subset);
            self.provide(&setup.subject, Arc::new(SampleSet::Images(images)));
        }
        Ok(())
    }

    /// The images of the preset that a command builds, where they are not here.
    fn missing_images(&self, command: &Command) -> Option<(DataSource, Subset)> {
        let Command::Build { setup, .. } = command else {
            return None;
        };
        if self.has_samples(&setup.subject) {
            return None;
        }
        match Subject::preset(&setup.subject).ok()?.data {
            PresetData::Images { source, subset, .. } => Some((source, subset)),
            _ => None,
        }
    }

    /// Obeys; what it answers goes to `emit`. What cannot be done changes nothing and is answered by
    /// [`Event::Failed`].
    pub fn handle(&mut self, command: Command, emit: &mut dyn FnMut(Event)) {
        let replica = command.replica();
        if let Err(error) = self.obey(command, emit) {
            emit(Event::Failed { replica, error });
        }
    }

    fn obey(&mut self, command: Command, emit: &mut dyn FnMut(Event)) -> Result<(), ReplicaError> {
        match command {
            Command::Build { replica, setup } => {
                let seat = self.build(replica, &setup)?;
                let subject = seat.replica.subject();
                let measured = subject.measured();
                let facts = ReplicaFacts {
                    parameters: seat.replica.parameter_count(),
                    train_count: subject.train_count(),
                    measured_count: measured.len() as u32,
                    measured_is_train: measured.start == 0,
                };
                self.seats.insert(replica, seat);
                emit(Event::Ready { replica, facts });
            }
            Command::Compute { replica, task } => {
                self.seat(replica)?.compute(replica, task, emit)?
            }
            Command::Deliver {
                replica,
                attempt,
                message,
                values,
            } => {
                let seat = self.seat(replica)?;
                // Of an attempt that was given up.
                if seat
                    .task
                    .as_ref()
                    .is_some_and(|task| task.attempt == attempt)
                {
                    seat.deliver(replica, &message, &values, emit)?;
                }
            }
            Command::Apply { replica, attempt } => {
                let seat = self.seat(replica)?;
                if let Some(task) = seat.task.take_if(|task| task.attempt == attempt) {
                    seat.apply(replica, &task, emit);
                }
            }
            Command::Undo { replica, attempt } => {
                let seat = self.seat(replica)?;
                seat.task = None;
                if let Some(kept) = seat.kept.take() {
                    seat.replica.restore(&kept);
                }
                emit(Event::Undone { replica, attempt });
            }
            Command::Tell { replica } => {
                let seat = self.seat(replica)?;
                let loss = seat.replica.measure();
                emit(Event::Told {
                    replica,
                    loss,
                    parameters: seat.replica.parameters(),
                });
            }
            Command::Save { replica } => {
                let kept = self.seat(replica)?.replica.keep();
                let state = State {
                    updates: kept.updates,
                    parameters: kept.parameters,
                    optimizer: kept.optimizer,
                };
                emit(Event::Saved { replica, state });
            }
            Command::Dismiss { replica } => {
                self.seats.remove(&replica);
            }
        }
        Ok(())
    }

    fn seat(&mut self, replica: u32) -> Result<&mut Seat, ReplicaError> {
        let seat = self.seats.get_mut(&replica);
        seat.ok_or(ReplicaError::Missing { replica })
    }

    fn build(&self, number: u32, setup: &Setup) -> Result<Seat, ReplicaError> {
        let preset = Subject::preset(&setup.subject)?;
        let subject = if preset.id == LINEAR.id {
            Subject::linear(setup.seed)
        } else {
            let samples = self.samples.get(preset.id);
            let samples = samples.ok_or_else(|| ReplicaError::Samples {
                subject: preset.id.into(),
                message: "nobody has given them".into(),
            })?;
            Subject {
                preset,
                samples: Arc::clone(samples),
            }
        };
        let &Setup {
            seed,
            optimizer,
            learning_rate,
            capacity,
            ..
        } = setup;
        let most = subject.train_count();
        if capacity == 0 || capacity > most {
            return Err(ReplicaError::Batch {
                replica: number,
                actual: capacity as usize,
                capacity: most,
            });
        }
        let mut replica = Replica::new(&subject, seed, optimizer, learning_rate, capacity)?;
        if let Some(state) = &setup.state {
            let (parameters, states) = replica.lengths();
            let check = |what: &str, actual: usize, expected: usize| {
                let error = ReplicaError::Length {
                    replica: number,
                    what: what.into(),
                    actual,
                    expected,
                };
                (actual == expected).then_some(()).ok_or(error)
            };
            check("its parameters", state.parameters.len(), parameters)?;
            check("the optimizer", state.optimizer.len(), states.len())?;
            for (values, expected) in state.optimizer.iter().zip(states) {
                check("a state of the optimizer", values.len(), expected)?;
            }
            replica.restore(&Kept {
                updates: state.updates,
                parameters: state.parameters.clone(),
                optimizer: state.optimizer.clone(),
            });
        }
        Ok(Seat {
            replica,
            task: None,
            kept: None,
            sends: Vec::new(),
            received: 0,
        })
    }
}

impl Seat {
    fn compute(
        &mut self,
        replica: u32,
        task: Task,
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), ReplicaError> {
        let count = self.replica.subject().train_count();
        for batch in &task.batches {
            let capacity = self.replica.capacity();
            if batch.is_empty() || batch.len() > capacity as usize {
                return Err(ReplicaError::Batch {
                    replica,
                    actual: batch.len(),
                    capacity,
                });
            }
            if let Some(&sample) = batch.iter().find(|&&sample| sample >= count) {
                return Err(ReplicaError::Sample {
                    replica,
                    sample,
                    count,
                });
            }
        }
        let start = now_millis();
        // Gradients and losses change nothing before the result is taken over.
        let is_local = task.exchanged == Exchanged::Parameters;
        self.kept = is_local.then(|| self.replica.keep());
        let mut losses = Vec::with_capacity(task.batches.len());
        for batch in &task.batches {
            losses.push(self.replica.compute(batch));
            if is_local {
                self.replica.update();
            }
        }
        let gradients = self.replica.gradients();
        let squares = gradients.iter().map(|&g| f64::from(g) * f64::from(g));
        let gradient_norm = squares.sum::<f64>().sqrt();
        self.replica.load(task.exchanged, task.weight);
        emit(Event::Computed {
            replica,
            attempt: task.attempt,
            losses,
            gradient_norm,
            millis: now_millis() - start,
        });
        let (ring, position) = (task.ring as usize, task.position as usize);
        let length = self.replica.buffer().len();
        let all = ring::messages(ring, length).into_iter();
        self.sends = all.filter(|message| message.from == position).collect();
        self.received = 0;
        self.task = Some(task);
        self.send_next(replica, emit);
        Ok(())
    }

    /// Sends the message of the next round, or tells that there is none left.
    fn send_next(&self, replica: u32, emit: &mut dyn FnMut(Event)) {
        let attempt = self.task.as_ref().map_or(0, |task| task.attempt);
        emit(match self.sends.get(self.received) {
            Some(message) => Event::Sent {
                attempt,
                values: self.replica.buffer()[message.elements.clone()].to_vec(),
                message: message.clone(),
            },
            None => Event::Reduced { replica, attempt },
        });
    }

    fn deliver(
        &mut self,
        replica: u32,
        message: &Message,
        values: &[f32],
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), ReplicaError> {
        if message.round != self.received || message.round >= self.sends.len() {
            return Err(ReplicaError::Round {
                replica,
                actual: message.round,
                expected: self.received,
            });
        }
        let length = self.replica.buffer().len();
        let expected = message.elements.len();
        if values.len() != expected || message.elements.end > length {
            return Err(ReplicaError::Length {
                replica,
                what: format!("chunk {}", message.chunk),
                actual: values.len(),
                expected,
            });
        }
        self.replica.receive(message, values);
        self.received += 1;
        self.send_next(replica, emit);
        Ok(())
    }

    fn apply(&mut self, replica: u32, task: &Task, emit: &mut dyn FnMut(Event)) {
        let start = now_millis();
        let first = self.replica.buffer().first().copied().unwrap_or_default();
        self.replica.adopt(task.exchanged);
        let steps = match task.exchanged {
            Exchanged::Gradients => true,
            Exchanged::Parameters => false,
            // The loss has no way back to the weights: its sum moves nobody, and the first one takes its own step.
            Exchanged::Loss => task.position == 0,
        };
        if steps {
            self.replica.update();
        }
        self.kept = None;
        emit(Event::Applied {
            replica,
            attempt: task.attempt,
            first: f64::from(first),
            millis: now_millis() - start,
        });
    }
}
