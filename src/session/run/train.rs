//! Training: steps planned, sent, collected and reported.

use super::{Emit, WARM_UP_STEPS};
use super::{PlannedStep, RATE_WINDOW_MILLIS, Run, SUBMIT_MILLIS, SUBMITS_IN_FLIGHT, Submit};
use crate::exec::Executor;
use crate::exec::gpu::{MAX_STEPS_PER_SUBMIT, Record};
use crate::graph::{Phase, ValueId};
use crate::ops::StepValues;
use crate::platform::now_millis;
use crate::session::{Event, ExecutionFigures, SessionError, StepRecord, order_values};
use crate::tensor::Values;
use std::ops::Range;

impl Run {
    /// The learning rate of step number `step` (from 0), as the schedule has it.
    pub(super) fn learning_rate(&self, step: u64) -> f32 {
        self.rates.rate(self.config.learning_rate.into(), step) as f32
    }

    /// The values of step number `step` (from 0), in place `place` of its submit.
    pub(in crate::session) fn step_values(
        &self,
        step: u64,
        place: usize,
        valid: u32,
    ) -> StepValues {
        let update = self.model.graph.update();
        let [bias_correction_1, bias_correction_2] =
            update.map_or([1.0; 2], |op| op.bias_corrections(step + 1));
        StepValues {
            step: step as u32,
            valid,
            first: place as u32 * self.config.batch,
            slot: step as u32,
            learning_rate: self.learning_rate(step),
            bias_correction_1,
            bias_correction_2,
            training: 1,
        }
    }

    /// Plans `count` steps: their values, and the order of their samples.
    pub(super) fn plan_steps(&mut self, count: usize) -> (Vec<StepValues>, Vec<PlannedStep>) {
        let mut order = Vec::with_capacity(count * self.config.batch as usize);
        let mut values = Vec::with_capacity(count);
        let mut planned = Vec::with_capacity(count);
        for place in 0..count {
            let step = self.sent + place as u64;
            let batch = self.schedule.at(step);
            let valid = batch.valid();
            let epoch = batch.epoch;
            order.extend(batch.padded().map(|sample| (epoch, sample)));
            let last = &order[order.len() - self.config.batch as usize..];
            let judged = self.judged(last[..valid as usize].iter().map(|(_, sample)| *sample));
            values.push(self.step_values(step, place, valid));
            planned.push(PlannedStep {
                step,
                valid,
                judged,
                learning_rate: self.learning_rate(step),
            });
        }
        if let Some(gathered) = self.model.gathered {
            let seed = self.config.seed;
            for (value, values) in order_values(&gathered, self.preset, seed, &order) {
                self.executor.write(value, &values);
            }
        }
        (values, planned)
    }

    /// How many predictions of these samples are right or wrong: of a text one for each token that the loss counts.
    fn judged(&self, samples: impl Iterator<Item = u32>) -> usize {
        let text = self.samples.as_ref().and_then(|samples| samples.text());
        match (text, self.model.ignored) {
            (Some(text), Some(ignored)) => {
                let targets = samples.flat_map(|sample| text.sample(sample).1);
                targets.filter(|&&target| target != ignored).count()
            }
            _ => samples.count() * self.model.judged_per_sample(),
        }
    }

    /// The samples of one step, and how their images are moved, as the graph reads them.
    pub(in crate::session) fn order_of(
        &self,
        step: u64,
        samples: &[u32],
    ) -> Vec<(ValueId, Values)> {
        let Some(gathered) = self.model.gathered else {
            return Vec::new();
        };
        let epoch = step / u64::from(self.config.steps_per_epoch.max(1));
        let order: Vec<(u64, u32)> = samples.iter().map(|&sample| (epoch, sample)).collect();
        order_values(&gathered, self.preset, self.config.seed, &order)
    }

    pub(super) fn training_groups(&self) -> Range<usize> {
        self.executor.plan().phases(Phase::Data, Phase::Update)
    }

    pub(super) fn advance_cpu(
        &mut self,
        deadline: f64,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let groups = self.training_groups();
        let mut records = Vec::new();
        let mut failure = None;
        // Taken once: the boundary moves on as soon as it is reached.
        let boundary = self.boundary();
        while self.done < boundary || self.cpu_group > 0 {
            let started = now_millis();
            if self.cpu_group == 0 {
                self.cpu_step_millis = 0.0;
            }
            let (values, planned) = self.plan_steps(1);
            loop {
                let group = groups.start + self.cpu_group;
                self.executor.run(group..group + 1, &values[0]);
                self.cpu_group = (self.cpu_group + 1) % groups.len();
                if self.cpu_group == 0 || now_millis() > deadline {
                    break;
                }
            }
            self.cpu_step_millis += now_millis() - started;
            if self.cpu_group > 0 {
                break;
            }
            self.sent += 1;
            let Executor::Cpu(cpu) = &self.executor else {
                unreachable!("called on the CPU executor")
            };
            let norm = self.model.graph.gradient_norm();
            let result = Record {
                loss: cpu.reals(self.model.loss)[0],
                correct: self.model.correct.map(|correct| cpu.reals(correct)[0]),
                gradient_norm: norm.map(|norm| cpu.reals(norm)[0]),
            };
            let millis = self.cpu_step_millis as f32;
            let record = self.record(planned[0], result, millis);
            records.push(record);
            if !record.loss.is_finite() {
                failure = Some(record.step);
                break;
            }
            if now_millis() > deadline {
                break;
            }
        }
        self.report(records, emit);
        match failure {
            Some(step) => Err(self.locate_non_finite(step)),
            None => Ok(()),
        }
    }

    pub(super) async fn advance_gpu(
        &mut self,
        deadline: f64,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        // Taken once, as on the CPU.
        let boundary = self.boundary();
        loop {
            while self.submits.len() < SUBMITS_IN_FLIGHT && self.sent < boundary {
                let count = (boundary - self.sent).min(self.steps_per_submit as u64) as usize;
                self.submit(count);
            }
            match self.collect().await? {
                None => return Ok(()),
                Some(records) => self.accept(records, emit)?,
            }
            if now_millis() > deadline {
                return Ok(());
            }
        }
    }

    pub(super) fn submit(&mut self, count: usize) {
        let (values, steps) = self.plan_steps(count);
        let groups = self.training_groups();
        let Executor::Gpu(gpu) = &mut self.executor else {
            unreachable!("called on the GPU executor")
        };
        let before = gpu.counters();
        gpu.submit_recorded(groups, &values);
        let after = gpu.counters();
        self.encode_nanos += after.encode_nanos - before.encode_nanos;
        self.training_dispatches += after.dispatches - before.dispatches;
        self.training_submits += after.submits - before.submits;
        self.training_steps += count as u64;
        self.sent += count as u64;
        self.submits.push_back(Submit {
            steps,
            sent_at: now_millis(),
        });
    }

    /// Waits for the oldest submit; `None` when none is under way.
    pub(super) async fn collect(&mut self) -> Result<Option<Vec<StepRecord>>, SessionError> {
        let Some(submit) = self.submits.pop_front() else {
            return Ok(None);
        };
        let Executor::Gpu(gpu) = &mut self.executor else {
            unreachable!("only the GPU has submits under way")
        };
        let results = gpu.collect().await?;
        let now = now_millis();
        let millis = now - submit.sent_at.max(self.last_collect);
        self.last_collect = now;
        let count = submit.steps.len();
        if millis < SUBMIT_MILLIS.start && count == self.steps_per_submit {
            self.steps_per_submit = (self.steps_per_submit * 2).min(MAX_STEPS_PER_SUBMIT);
        } else if millis > SUBMIT_MILLIS.end {
            self.steps_per_submit = (self.steps_per_submit / 2).max(1);
        }
        let per_step = (millis / count as f64) as f32;
        let records = submit.steps.iter().zip(results);
        Ok(Some(
            records
                .map(|(&step, result)| self.record(step, result, per_step))
                .collect(),
        ))
    }

    /// Reports records up to and with the first non-finite one, which is an error.
    pub(super) fn accept(
        &mut self,
        mut records: Vec<StepRecord>,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let broken = records.iter().position(|record| !record.loss.is_finite());
        let step = broken.map(|at| records[at].step);
        records.truncate(broken.map_or(records.len(), |at| at + 1));
        self.report(records, emit);
        match step {
            Some(step) => Err(self.locate_non_finite(step)),
            None => Ok(()),
        }
    }

    /// Waits for everything under way and reports it; a step half done on the CPU is finished.
    pub(in crate::session) async fn drain(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        while let Some(records) = self.collect().await? {
            self.accept(records, emit)?;
        }
        if self.cpu_group > 0 {
            let pause_at = self.pause_at.replace(self.done);
            self.advance_cpu(f64::INFINITY, emit)?;
            self.pause_at = pause_at;
        }
        Ok(())
    }

    pub(super) fn record(
        &mut self,
        step: PlannedStep,
        result: Record,
        step_millis: f32,
    ) -> StepRecord {
        self.done = step.step + 1;
        self.rate.push_back((now_millis(), step.valid));
        StepRecord {
            step: step.step + 1,
            epoch: (self.done as f64 / f64::from(self.config.steps_per_epoch.max(1))) as f32,
            loss: result.loss,
            accuracy: result
                .correct
                .map(|correct| correct / step.judged.max(1) as f32),
            learning_rate: step.learning_rate,
            step_millis,
            gradient_norm: result.gradient_norm,
        }
    }

    pub(super) fn report(&mut self, records: Vec<StepRecord>, emit: &mut Emit) {
        if records.is_empty() {
            return;
        }
        let samples_per_second = self.samples_per_second(&records);
        let figures = self.figures();
        emit(Event::Steps {
            run: self.id,
            records,
            samples_per_second,
            figures,
        });
    }

    /// Samples over the time they took, in the last moments.
    pub(super) fn samples_per_second(&mut self, records: &[StepRecord]) -> f32 {
        let now = now_millis();
        while self
            .rate
            .front()
            .is_some_and(|&(at, _)| now - at > RATE_WINDOW_MILLIS)
        {
            self.rate.pop_front();
        }
        let samples: u32 = self.rate.iter().map(|&(_, valid)| valid).sum();
        let span = self.rate.front().map_or(0.0, |&(first, _)| now - first);
        // The first record's own duration lies before its time stamp.
        let first_millis = f64::from(records[0].step_millis);
        if span + first_millis <= 0.0 {
            return 0.0;
        }
        (f64::from(samples) / (span + first_millis) * 1e3) as f32
    }

    pub(in crate::session) fn figures(&mut self) -> ExecutionFigures {
        let mut figures = match &self.executor {
            Executor::Cpu(cpu) => ExecutionFigures {
                peak_bytes: cpu.bytes(),
                needed_bytes: self.needed_bytes,
                ..ExecutionFigures::default()
            },
            Executor::Gpu(gpu) => {
                let counters = gpu.counters();
                let allocations = counters.allocations();
                if self.training_steps <= WARM_UP_STEPS || self.warm_up_allocations.is_none() {
                    self.warm_up_allocations = Some(allocations);
                }
                let warm_up = self.warm_up_allocations.unwrap_or(allocations);
                let steps = self.training_steps.max(1) as f32;
                ExecutionFigures {
                    dispatches_per_step: self.training_dispatches as f32 / steps,
                    submits_per_step: self.training_submits as f32 / steps,
                    encode_micros_per_dispatch: (self.encode_nanos as f64
                        / 1e3
                        / self.training_dispatches.max(1) as f64)
                        as f32,
                    allocations_in_warm_up: warm_up,
                    allocations_after_warm_up: allocations - warm_up,
                    peak_bytes: counters.bytes,
                    needed_bytes: self.needed_bytes,
                }
            }
        };
        if let Some(Some(evaluator)) = &self.evaluator {
            evaluator.add_to(&mut figures);
        }
        figures
    }
}
