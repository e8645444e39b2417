//! What can be gone back to: snapshots on the host, files, and the replay that names
//! the first operation that broke.

use super::{Emit, Run, Snapshot, reals};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Executor, Mode, Plan};
use crate::export::{Checkpoint, NamedTensor, RunFacts};
use crate::session::{Event, RunStatus, SessionError, start};
use crate::tensor::{Shape, Values};
use std::ops::Range;
use std::sync::Arc;

/// The elements of an arena-shaped state that belong to one parameter.
fn part(values: &Values, range: Range<usize>) -> Vec<f32> {
    reals(values)[range].to_vec()
}

impl Run {
    /// Parameters and states as they stand.
    pub(super) async fn read_state(&self) -> Result<(Vec<Values>, Vec<Values>), SessionError> {
        let parameters = self.parameter_values();
        let mut values = parameters.clone();
        values.extend(self.states().iter().map(|(_, state)| *state));
        let mut read = self.executor.read_many(&values).await?;
        let states = read.split_off(parameters.len());
        Ok((read, states))
    }

    /// Keeps parameters and states as they are now.
    pub(in crate::session) async fn take_snapshot(&mut self) -> Result<(), SessionError> {
        let (parameters, states) = self.read_state().await?;
        self.snapshot = Snapshot {
            step: self.done,
            parameters,
            states,
        };
        Ok(())
    }

    /// Names and shapes of the parameters.
    pub(super) fn named_parameters(&self) -> Vec<(String, Shape)> {
        let values = self.parameter_values().into_iter();
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

    pub(super) async fn checkpoint(&self) -> Result<Checkpoint, SessionError> {
        let (parameters, states) = self.read_state().await?;
        let names = self.named_parameters();
        let ranges = self.arena_ranges();
        let mut tensors: Vec<NamedTensor> = names
            .iter()
            .zip(&parameters)
            .map(|((name, shape), values)| NamedTensor {
                name: name.clone(),
                shape: shape.clone(),
                values: reals(values).to_vec(),
            })
            .collect();
        for ((symbol, _), state) in self.states().iter().zip(&states) {
            for ((name, shape), range) in names.iter().zip(&ranges) {
                let values = part(state, range.clone());
                tensors.push(NamedTensor::state(symbol, name, shape.clone(), values));
            }
        }
        Ok(Checkpoint {
            facts: RunFacts {
                preset: self.preset.id.into(),
                optimizer: self.config.optimizer.name().into(),
                step: self.done,
                seed: self.config.seed,
                batch: self.config.batch,
                learning_rate: self.config.learning_rate,
            },
            tensors,
        })
    }

    pub(super) async fn load(&mut self, bytes: &[u8], emit: &mut Emit) -> Result<(), SessionError> {
        let names = self.named_parameters();
        let states = self.states();
        let symbols: Vec<String> = states.iter().map(|(symbol, _)| symbol.clone()).collect();
        let file = Checkpoint::from_bytes(bytes, self.preset.id, &names, &symbols)?;
        // From here on nothing can fail but the device: the run may change.
        while self.collect().await?.is_some() {}
        let ranges = self.arena_ranges();
        let parameters = names
            .iter()
            .map(|(name, _)| {
                let tensor = file.find(name).expect("from_bytes checked every parameter");
                Values::F32(tensor.values.clone())
            })
            .collect();
        let states = states
            .iter()
            .map(|(symbol, state)| {
                let mut row = vec![0.0; self.model.graph.value(*state).shape.count()];
                for ((name, _), range) in names.iter().zip(&ranges) {
                    if let Some(tensor) = file.find_state(symbol, name) {
                        row[range.clone()].copy_from_slice(&tensor.values);
                    }
                }
                Values::F32(row)
            })
            .collect();
        self.restore(Snapshot {
            step: file.facts.step,
            parameters,
            states,
        });
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
        for (value, values) in self
            .parameter_values()
            .into_iter()
            .zip(&snapshot.parameters)
        {
            executor.write(value, values);
        }
        for ((_, state), values) in self.states().into_iter().zip(&snapshot.states) {
            executor.write(state, values);
        }
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
