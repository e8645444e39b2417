//! What can be gone back to: snapshots on the host, files, and the replay that names
//! the first operation that broke.

use super::{Best, Emit, Run, Snapshot, reals};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Executor, Mode, Plan};
use crate::export::{Checkpoint, ExportError, NamedTensor, RunFacts};
use crate::graph::ValueId;
use crate::optim::{Monitor, OptimizerKind};
use crate::session::{BestFacts, Evaluation, Event, Kept, RunStatus, SessionError, start};
use crate::tensor::{Shape, Values};
use std::ops::Range;
use std::sync::Arc;

/// The elements of an arena-shaped state that belong to one parameter.
fn part(values: &Values, range: Range<usize>) -> Vec<f32> {
    reals(values)[range].to_vec()
}

impl Run {
    /// Keeps parameters, states and buffers as they are now.
    pub(in crate::session) async fn take_snapshot(&mut self) -> Result<(), SessionError> {
        let snapshot = Snapshot::read(&self.model, &self.executor, self.done).await?;
        // What is broken is nothing to go back to; the next step's loss will tell of it.
        if snapshot.is_finite() {
            self.snapshot = snapshot;
        }
        Ok(())
    }

    /// Names and shapes of the parameters.
    pub(super) fn named_parameters(&self) -> Vec<(String, Shape)> {
        self.named(self.parameter_values())
    }

    /// Names and shapes of what forward operations gather.
    fn named_buffers(&self) -> Vec<(String, Shape)> {
        self.named(self.model.graph.buffers())
    }

    fn named(&self, values: Vec<ValueId>) -> Vec<(String, Shape)> {
        let values = values.into_iter();
        values
            .map(|value| {
                let value = self.model.graph.value(value);
                (value.name.clone(), value.shape.clone())
            })
            .collect()
    }

    /// Where each parameter lies in the arena that states are parallel to.
    pub(in crate::session) fn arena_ranges(&self) -> Vec<Range<usize>> {
        let values = self.parameter_values().into_iter();
        values
            .map(|value| {
                let (_, offset) = self.model.graph.storage(value);
                offset..offset + self.model.graph.value(value).shape.count()
            })
            .collect()
    }

    /// The characters of the text that the run learns from, in the order of their tokens.
    fn vocabulary(&self) -> Option<String> {
        let text = self.samples.as_ref()?.text()?;
        Some(text.vocabulary.characters().iter().collect())
    }

    pub(super) async fn checkpoint(&self) -> Result<Checkpoint, SessionError> {
        let snapshot = Snapshot::read(&self.model, &self.executor, self.done).await?;
        Ok(self.checkpoint_of(&snapshot))
    }

    /// A checkpoint that was kept.
    ///
    /// # Errors
    /// When nothing was measured yet that could be the best.
    pub(super) fn kept(&self, which: Kept) -> Result<Snapshot, SessionError> {
        match (which, &self.best) {
            (Kept::Last, _) => Ok(self.snapshot.clone()),
            (Kept::Best, Some(best)) => Ok(best.snapshot.clone()),
            (Kept::Best, None) => Err(SessionError::NothingKept),
        }
    }

    /// Says which checkpoints there are.
    pub(super) fn report_kept(&self, emit: &mut Emit) {
        emit(Event::Kept {
            run: self.id,
            last: self.snapshot.step,
            best: self.best.as_ref().map(|best| best.facts),
        });
    }

    /// Back to a checkpoint that was kept; from there training can go on.
    pub(super) async fn go_back(&mut self, to: Kept, emit: &mut Emit) -> Result<(), SessionError> {
        let snapshot = self.kept(to)?;
        // What is still under way is thrown away.
        while self.collect().await?.is_some() {}
        self.restore(snapshot);
        self.patient_from = self.done;
        self.pause_at = None;
        emit(Event::WentBack {
            run: self.id,
            step: self.done,
        });
        self.report_kept(emit);
        self.set_status(RunStatus::Paused, emit);
        self.begin_evaluation();
        Ok(())
    }

    /// After an evaluation while training: keeps the best checkpoint, and stops where nothing
    /// got better for as long as the run is patient.
    pub(super) fn judge(&mut self, step: u64, evaluation: &Evaluation, emit: &mut Emit) {
        // Initial weights are nothing that training has reached.
        if step == 0 || self.snapshot.step != step || !evaluation.loss.is_finite() {
            return;
        }
        let facts = BestFacts {
            step,
            loss: evaluation.loss,
            accuracy: evaluation.accuracy,
        };
        let monitor = self.config.options.monitor.unwrap_or_default();
        let is_better = self.best.as_ref().is_none_or(|best| match monitor {
            Monitor::Loss => facts.loss < best.facts.loss,
            // Where numbers are predicted, there is no accuracy to improve.
            Monitor::Accuracy if facts.accuracy.is_some() => facts.accuracy > best.facts.accuracy,
            Monitor::Accuracy => facts.loss < best.facts.loss,
        });
        if is_better {
            let snapshot = self.snapshot.clone();
            self.best = Some(Best { snapshot, facts });
            self.report_kept(emit);
        }
        let (Some(patience), Some(best)) = (self.config.options.patience, &self.best) else {
            return;
        };
        let per_epoch = u64::from(self.config.steps_per_epoch.max(1));
        let since = best.facts.step.max(self.patient_from);
        let is_over = step >= since.saturating_add(u64::from(patience).saturating_mul(per_epoch));
        if is_over && step.is_multiple_of(per_epoch) && self.status == RunStatus::Playing {
            let best = best.facts;
            // Who plays on gets the same patience again.
            self.patient_from = step;
            self.pause_at = None;
            emit(Event::StoppedEarly {
                run: self.id,
                step,
                best,
            });
            self.set_status(RunStatus::Paused, emit);
        }
    }

    /// A snapshot with names, and the facts of the run.
    pub(super) fn checkpoint_of(&self, snapshot: &Snapshot) -> Checkpoint {
        let names = self.named_parameters();
        let named_buffers = self.named_buffers();
        let ranges = self.arena_ranges();
        // Before the first step they are what they say.
        let initial = self.model.graph.buffers().into_iter().enumerate();
        let buffers = initial
            .zip(&named_buffers)
            .map(|((number, id), (name, shape))| {
                let initial = || self.model.graph.initial_buffer(id);
                let kept = snapshot.buffers.get(number).cloned();
                (name, shape, kept.unwrap_or_else(initial))
            });
        let mut tensors: Vec<NamedTensor> = names
            .iter()
            .zip(snapshot.parameters(self.preset, &self.config, &self.model))
            .map(|((name, shape), values)| (name, shape, values))
            .chain(buffers)
            .map(|(name, shape, values)| NamedTensor {
                name: name.clone(),
                shape: shape.clone(),
                values: reals(&values).to_vec(),
            })
            .collect();
        for (number, (symbol, state)) in self.states().iter().enumerate() {
            // Before the first step there are none: they start as 0.
            let zeros = || Values::F32(vec![0.0; self.model.graph.value(*state).shape.count()]);
            let state = snapshot.states.get(number).cloned().unwrap_or_else(zeros);
            for ((name, shape), range) in names.iter().zip(&ranges) {
                let values = part(&state, range.clone());
                tensors.push(NamedTensor::state(symbol, name, shape.clone(), values));
            }
        }
        Checkpoint {
            facts: RunFacts {
                preset: self.preset.id.into(),
                optimizer: self.config.optimizer.name().into(),
                step: snapshot.step,
                seed: self.config.seed,
                batch: self.config.batch,
                learning_rate: self.config.learning_rate,
                momentum: self.config.momentum,
                options: self.config.options,
                vocabulary: self.vocabulary(),
            },
            tensors,
        }
    }

    pub(super) async fn load(&mut self, bytes: &[u8], emit: &mut Emit) -> Result<(), SessionError> {
        let names = self.named_parameters();
        let states = self.states();
        let symbols: Vec<String> = states.iter().map(|(symbol, _)| symbol.clone()).collect();
        let named_buffers = self.named_buffers();
        let expected = [&names[..], &named_buffers[..]].concat();
        let file = Checkpoint::from_bytes(bytes, self.preset.id, &expected, &symbols)?;
        if let (Some(own), Some(other)) = (self.vocabulary(), &file.facts.vocabulary)
            && own != *other
        {
            let [expected, actual] = [&own, other].map(|text| text.chars().count());
            return Err(ExportError::OtherVocabulary { expected, actual }.into());
        }
        // From here on nothing can fail but the device: the run may change.
        while self.collect().await?.is_some() {}
        let ranges = self.arena_ranges();
        let find = |(name, _): &(String, Shape)| {
            let tensor = file.find(name).expect("from_bytes checked every tensor");
            Values::F32(tensor.values.clone())
        };
        let parameters = names.iter().map(find).collect();
        let buffers = named_buffers.iter().map(find).collect();
        // Another optimizer's states mean something else, be their symbols the same.
        let of_file = OptimizerKind::from_name(&file.facts.optimizer);
        let is_own = of_file.is_some_and(|kind| kind.shares_states_with(self.config.optimizer));
        let states = states
            .iter()
            .map(|(symbol, state)| {
                let mut row = vec![0.0; self.model.graph.value(*state).shape.count()];
                let parameters = names.iter().zip(&ranges).filter(|_| is_own);
                for ((name, _), range) in parameters {
                    if let Some(tensor) = file.find_state(symbol, name) {
                        row[range.clone()].copy_from_slice(&tensor.values);
                    }
                }
                Values::F32(row)
            })
            .collect();
        self.restore(Snapshot::kept(file.facts.step, parameters, states, buffers));
        self.best = None;
        self.patient_from = self.done;
        self.report_kept(emit);
        emit(Event::Loaded {
            run: self.id,
            step: self.done,
        });
        self.set_status(RunStatus::Paused, emit);
        self.begin_evaluation();
        Ok(())
    }

    /// Names the first operation that produced an infinite or NaN value: goes back
    /// to the last snapshot and replays on the CPU, where every value can be seen.
    pub(super) fn locate_non_finite(&mut self, step: u64) -> SessionError {
        let graph = Arc::new(self.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let cpu = CpuExecutor::new(Arc::clone(&graph), Arc::clone(&plan));
        let mut executor = Executor::Cpu(Box::new(cpu));
        start::write_data(
            &mut executor,
            &self.model,
            self.preset,
            self.samples.as_deref(),
        );
        let snapshot = &self.snapshot;
        snapshot.write(self.preset, &self.config, &self.model, &mut executor);
        let mut found = None;
        let first = snapshot.step;
        'replay: for replayed in first..step {
            let batch = self.schedule.at(replayed);
            let valid = batch.valid();
            let order: Vec<u32> = batch.padded().collect();
            for (value, values) in self.order_of(replayed, &order) {
                executor.write(value, &values);
            }
            let values = self.step_values(replayed, 0, valid);
            for group in 0..plan.groups.len() {
                executor.run(group..group + 1, &values);
                let Executor::Cpu(cpu) = &executor else {
                    unreachable!("made as the CPU executor above")
                };
                if let Some(value) = cpu.find_non_finite(group) {
                    let node = graph.node(plan.groups[group].nodes[0]).name.clone();
                    found = Some((replayed + 1, node, graph.value(value).name.clone()));
                    break 'replay;
                }
            }
        }
        let (step, node, tensor) = found.unwrap_or_else(|| {
            (
                step,
                "loss".into(),
                graph.value(self.model.loss).name.clone(),
            )
        });
        SessionError::NonFinite { step, node, tensor }
    }
}
