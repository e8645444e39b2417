//! Moving through the batch: forward by running nodes, back by replaying from its start.

use super::edit::{Edit, apply};
use super::*;

impl Inspector {
    /// What a unit forward reaches from `done`.
    pub(super) fn target_forward(&self, unit: StepUnit) -> usize {
        let from = self.done;
        match unit {
            StepUnit::Operation => from + 1,
            StepUnit::Layer => {
                let same = |at: &usize| self.unit_key(*at) == self.unit_key(from);
                (from..self.total())
                    .take_while(same)
                    .last()
                    .map_or(from, |at| at + 1)
            }
            StepUnit::Phase => {
                let phase = |at: usize| self.graph.node(self.order[at]).phase;
                let same = |at: &usize| phase(*at) == phase(from);
                (from..self.total())
                    .take_while(same)
                    .last()
                    .map_or(from, |at| at + 1)
            }
            StepUnit::Batch | StepUnit::Epoch => self.total(),
        }
    }

    /// The start of the unit before `done`.
    pub(super) fn target_back(&self, unit: StepUnit) -> usize {
        let Some(last) = self.done.checked_sub(1) else {
            return 0;
        };
        let phase = |at: usize| self.graph.node(self.order[at]).phase;
        match unit {
            StepUnit::Operation => last,
            StepUnit::Layer => (0..=last)
                .rev()
                .take_while(|&at| self.unit_key(at) == self.unit_key(last))
                .last()
                .unwrap_or(last),
            StepUnit::Phase => (0..=last)
                .rev()
                .take_while(|&at| phase(at) == phase(last))
                .last()
                .unwrap_or(last),
            StepUnit::Batch | StepUnit::Epoch => 0,
        }
    }
    /// Layer and phase of a node.
    fn unit_key(&self, at: usize) -> (Phase, String) {
        let node = self.order[at];
        (self.graph.node(node).phase, layer(&self.graph, node))
    }
}

impl Run {
    /// Puts the cursor before the first node of the batch after `start`.
    pub(super) async fn begin_batch(
        &mut self,
        inspector: &mut Inspector,
    ) -> Result<(), SessionError> {
        let step = inspector.start.step;
        let batch = self.schedule.at(step);
        let valid = batch.valid();
        inspector.samples = batch.padded().collect();
        inspector.values = self.step_values(step, 0, valid);
        inspector.edits.clear();
        self.rewind(inspector).await
    }

    /// Back to the batch's start, with the edits that stand.
    pub(super) async fn rewind(&mut self, inspector: &mut Inspector) -> Result<(), SessionError> {
        let start = inspector.start.clone();
        for (value, values) in self.order_of(start.step, &inspector.samples) {
            inspector.executor.write(value, &values);
        }
        let executor = &mut inspector.executor;
        start.write(self.preset, &self.config, &self.model, executor);
        if self.model.gathered.is_none() {
            let samples = self.samples.clone();
            super::start::write_data(
                &mut inspector.executor,
                &self.model,
                self.preset,
                samples.as_deref(),
            );
        }
        inspector.done = 0;
        inspector.before_update.clear();
        inspector.loss_after = None;
        let given: Vec<Edit> = inspector
            .edits
            .iter()
            .filter(|edit| {
                !matches!(
                    inspector.graph.value(edit.value).source,
                    Source::Node { .. }
                )
            })
            .cloned()
            .collect();
        for edit in &given {
            apply(&mut inspector.executor, edit).await?;
        }
        Ok(())
    }

    /// Runs nodes up to `target` of this batch.
    pub(super) async fn run_to(
        &mut self,
        inspector: &mut Inspector,
        target: usize,
    ) -> Result<(), SessionError> {
        let target = target.min(inspector.total());
        if target < inspector.done {
            self.rewind(inspector).await?;
        }
        while inspector.done < target {
            let node = inspector.order[inspector.done];
            let outputs = inspector.graph.node(node).op.outputs();
            let is_update = inspector.graph.node(node).phase == Phase::Update
                && outputs.iter().any(|o| matches!(o.role, Role::Alias(_)));
            if is_update && inspector.before_update.is_empty() {
                let inputs = inspector.graph.node(node).inputs.clone();
                let values = inspector.executor.read_many(&inputs).await?;
                inspector.before_update = inputs.into_iter().zip(values).collect();
            }
            let group = inspector.done;
            inspector.executor.run_timed(group, &inspector.values);
            inspector.done += 1;
            let edits: Vec<Edit> = inspector
                .edits
                .iter()
                .filter(|edit| match inspector.graph.value(edit.value).source {
                    Source::Node { node: producer, .. } => producer == node,
                    _ => false,
                })
                .cloned()
                .collect();
            for edit in &edits {
                apply(&mut inspector.executor, edit).await?;
            }
        }
        if inspector.done == inspector.total() && inspector.loss_after.is_none() {
            inspector.loss_after = Some(self.loss_with_new_weights(inspector).await?);
        }
        Ok(())
    }

    /// The loss of the same batch after the update, computed by the training executor,
    /// so that what the microscope shows stays as it is. In training as before: the same elements
    /// drop out. What its forward pass gathers is overwritten when the run takes its weights back.
    pub(super) async fn loss_with_new_weights(
        &mut self,
        inspector: &Inspector,
    ) -> Result<f32, SessionError> {
        let values: Vec<ValueId> = self.parameter_values();
        let read = inspector.executor.read_many(&values).await?;
        for (value, values) in values.into_iter().zip(&read) {
            self.executor.write(value, values);
        }
        let plan = Arc::clone(self.executor.plan());
        if self.model.gathered.is_some() {
            for (value, values) in self.order_of(inspector.start.step, &inspector.samples) {
                self.executor.write(value, &values);
            }
            let data = plan.phases(Phase::Data, Phase::Data);
            self.executor.run(data, &inspector.values);
        }
        for &value in &[self.model.input, self.model.target] {
            if inspector.edits.iter().any(|edit| edit.value == value) {
                let edited = inspector.executor.read_many(&[value]).await?;
                self.executor.write(value, &edited[0]);
            }
        }
        let groups = plan.phases(Phase::Forward, Phase::Loss);
        self.executor.run(groups, &inspector.values);
        let read = self.executor.read_many(&[self.model.loss]).await?;
        Ok(as_reals(&read[0])[0])
    }

    /// Tells of a batch that was trained by stepping, as training tells of its own.
    pub(super) async fn report_batch(
        &mut self,
        inspector: &Inspector,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let norm = self.model.graph.gradient_norm();
        let mut read = vec![self.model.loss];
        read.extend(self.model.correct);
        read.extend(norm);
        let read = inspector.executor.read_many(&read).await?;
        let mut numbers = read[1..].iter().map(|values| as_reals(values)[0]);
        let correct = self.model.correct.and_then(|_| numbers.next());
        let gradient_norm = norm.and_then(|_| numbers.next());
        let step = inspector.start.step + 1;
        let valid = inspector.values.valid.max(1);
        let record = StepRecord {
            step,
            epoch: (step as f64 / f64::from(self.config.steps_per_epoch.max(1))) as f32,
            loss: as_reals(&read[0])[0],
            accuracy: correct.map(|correct| correct / valid as f32),
            learning_rate: inspector.values.learning_rate,
            // Time spent stepping says nothing about speed.
            step_millis: 0.0,
            gradient_norm,
        };
        emit(Event::Steps {
            run: self.id,
            records: vec![record],
            samples_per_second: 0.0,
            figures: self.figures(),
        });
        Ok(())
    }

    /// After a whole batch: its end becomes the next batch's start.
    pub(super) async fn next_batch(
        &mut self,
        inspector: &mut Inspector,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        self.report_batch(inspector, emit).await?;
        inspector.start = self.state_of(inspector, inspector.start.step + 1).await?;
        self.begin_batch(inspector).await
    }

    pub(super) async fn state_of(
        &self,
        inspector: &Inspector,
        step: u64,
    ) -> Result<Snapshot, SessionError> {
        Snapshot::read(&self.model, &inspector.executor, step).await
    }
    /// The batch again from its start to where the cursor stands.
    pub(super) async fn replay(&mut self, inspector: &mut Inspector) -> Result<(), SessionError> {
        let done = inspector.done;
        self.rewind(inspector).await?;
        self.run_to(inspector, done).await
    }
}
