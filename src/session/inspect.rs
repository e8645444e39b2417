//! The microscope's engine: a cursor through one batch, on the weights that train.
//!
//! On entering, parameters and optimizer state move from the training executor into one that
//! runs an inspect plan, where every value of every node stays readable; on leaving they move
//! back. Stepping back restores the snapshot of the batch's start and replays.

use super::facts::{as_reals, graph_facts, is_own, layer, running_order, statistics};
use super::run::{Emit, Run, Snapshot};
use super::*;
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Executor, Mode, Plan};
use crate::graph::{Graph, NodeId, Phase, Source, ValueId};
use crate::ops::{OperationEnvironment, StepValues};
use crate::tensor::{Real, Values};
use std::ops::Range;

/// Step sizes of a gradient check, from large to small.
const STEP_SIZES: [f64; 8] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];

/// Elements of the largest tensor that is read whole: data sets are not.
const MAX_READ: usize = 1 << 22;

/// An element overwritten by the learner.
#[derive(Clone, Copy, Debug)]
struct Edit {
    value: ValueId,
    offset: usize,
    number: f32,
}

/// The state of stepping.
pub(super) struct Inspector {
    executor: Executor,
    graph: Arc<Graph>,
    order: Vec<NodeId>,
    /// As the batch began, without edits.
    start: Snapshot,
    values: StepValues,
    /// Indices of the batch's samples.
    samples: Vec<u32>,
    /// Nodes of the batch that have run.
    done: usize,
    edits: Vec<Edit>,
    /// What the update's arenas held before it, once it has run.
    before_update: Vec<(ValueId, Values)>,
    loss_after: Option<f32>,
}

/// Why a request of the microscope was refused.
type Refusal = String;

fn refused(request: Option<u32>, message: impl Into<String>) -> InspectionReport {
    InspectionReport::Refused {
        request,
        message: message.into(),
    }
}

impl Inspector {
    fn plan(&self) -> &Arc<Plan> {
        self.executor.plan()
    }

    fn total(&self) -> usize {
        self.order.len()
    }

    /// Whether a value holds what this batch made it.
    fn is_computed(&self, value: ValueId) -> bool {
        match self.graph.value(value).source {
            Source::Node { node, .. } => self.order[..self.done].contains(&node),
            _ => true,
        }
    }

    fn find(&self, name: &str) -> Result<ValueId, Refusal> {
        self.graph
            .find_value(name)
            .ok_or_else(|| format!("no tensor of this model is called \"{name}\""))
    }

    /// The row-major position of an element that a learner names.
    fn offset(&self, value: ValueId, index: &[u32]) -> Result<usize, Refusal> {
        let shape = &self.graph.value(value).shape;
        let signed: Vec<i64> = index.iter().map(|&at| i64::from(at)).collect();
        shape.offset(&signed).ok_or_else(|| {
            format!(
                "{} is {shape}; the element {index:?} is outside of it",
                self.graph.value(value).name
            )
        })
    }

    /// What `value` held before the update, where that has changed it since a node of
    /// `phase` read it.
    fn before_update(&self, value: ValueId, phase: Phase) -> Option<Values> {
        let find = |id: ValueId| {
            let mut kept = self.before_update.iter();
            kept.find(|(known, _)| *known == id)
                .map(|(_, values)| values)
        };
        if phase == Phase::Update {
            return find(value).cloned();
        }
        if self.graph.value(value).source != Source::Parameter {
            return None;
        }
        let (arena, start) = self.graph.storage(value);
        let count = self.graph.value(value).shape.count();
        match find(arena)? {
            Values::F32(values) => Some(Values::F32(values[start..start + count].to_vec())),
            _ => unreachable!("parameters are f32"),
        }
    }

    /// What a unit forward reaches from `done`.
    fn target_forward(&self, unit: StepUnit) -> usize {
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
    fn target_back(&self, unit: StepUnit) -> usize {
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
    /// Answers one request.
    pub(super) async fn inspect(
        &mut self,
        inspection: Inspection,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        match inspection {
            Inspection::Enter => return self.enter(emit).await,
            Inspection::Leave => return self.leave(emit).await,
            _ => {}
        }
        let Some(mut inspector) = self.inspector.take() else {
            self.report_inspection(refused(None, "enter the microscope first"), emit);
            return Ok(());
        };
        let outcome = self.answer(&mut inspector, inspection, emit).await;
        // An epoch goes back to training, and takes the inspector's state along.
        if self.reenter_at.is_none() {
            self.inspector = Some(inspector);
        }
        outcome
    }

    fn report_inspection(&self, report: InspectionReport, emit: &mut Emit) {
        emit(Event::Inspected {
            run: self.id,
            report,
        });
    }

    async fn enter(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        self.refuse_if_stopped()?;
        if let Some(inspector) = &self.inspector {
            let graph = graph_facts(&inspector.graph, &inspector.order);
            self.report_inspection(InspectionReport::Graph(graph), emit);
            return self.report_cursor(emit).await;
        }
        self.drain(emit).await?;
        self.pause_here(emit);
        let graph = Arc::new(self.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let order = running_order(&plan);
        let mut executor = match &self.gpu {
            None => Executor::Cpu(Box::new(CpuExecutor::new(Arc::clone(&graph), plan))),
            Some(device) => {
                let mut silent = |_, _| {};
                let gpu = crate::exec::gpu::GpuExecutor::new(
                    device,
                    Arc::clone(&graph),
                    plan,
                    None,
                    &mut silent,
                );
                Executor::Gpu(Box::new(gpu.await?))
            }
        };
        let dataset = self.dataset.clone();
        super::start::write_data(&mut executor, &self.model, self.preset, dataset.as_deref());
        self.take_snapshot().await?;
        let mut inspector = Inspector {
            executor,
            graph,
            order,
            start: self.snapshot.clone(),
            values: StepValues::forward(0),
            samples: Vec::new(),
            done: 0,
            edits: Vec::new(),
            before_update: Vec::new(),
            loss_after: None,
        };
        self.begin_batch(&mut inspector).await?;
        let graph = graph_facts(&inspector.graph, &inspector.order);
        self.inspector = Some(inspector);
        self.report_inspection(InspectionReport::Graph(graph), emit);
        self.report_cursor(emit).await
    }

    /// Puts the cursor before the first node of the batch after `start`.
    async fn begin_batch(&mut self, inspector: &mut Inspector) -> Result<(), SessionError> {
        let step = inspector.start.step;
        let batch = self.schedule.at(step);
        let valid = batch.valid();
        inspector.samples = batch.padded().collect();
        inspector.values = self.step_values(step, 0, valid);
        inspector.edits.clear();
        self.rewind(inspector).await
    }

    /// Back to the batch's start, with the edits that stand.
    async fn rewind(&mut self, inspector: &mut Inspector) -> Result<(), SessionError> {
        let order = Values::U32(inspector.samples.clone());
        let start = inspector.start.clone();
        if let Some(images) = self.model.images {
            inspector.executor.write(images.order, &order);
        }
        for (value, values) in self.parameter_values().into_iter().zip(&start.parameters) {
            inspector.executor.write(value, values);
        }
        for (number, (_, state)) in self.states().into_iter().enumerate() {
            let zeros = || Values::F32(vec![0.0; inspector.graph.value(state).shape.count()]);
            let values = start.states.get(number).cloned().unwrap_or_else(zeros);
            inspector.executor.write(state, &values);
        }
        if self.model.images.is_none() {
            let dataset = self.dataset.clone();
            super::start::write_data(
                &mut inspector.executor,
                &self.model,
                self.preset,
                dataset.as_deref(),
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
            .copied()
            .collect();
        for edit in given {
            apply(&mut inspector.executor, edit).await?;
        }
        Ok(())
    }

    /// Runs nodes up to `target` of this batch.
    async fn run_to(
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
            let is_update = inspector.graph.node(node).phase == Phase::Update;
            if is_update && inspector.before_update.is_empty() {
                let inputs = inspector.graph.node(node).inputs.clone();
                let values = inspector.executor.read_many(&inputs).await?;
                inspector.before_update = inputs.into_iter().zip(values).collect();
            }
            let group = inspector.done;
            inspector.executor.run(group..group + 1, &inspector.values);
            inspector.done += 1;
            let edits: Vec<Edit> = inspector
                .edits
                .iter()
                .filter(|edit| match inspector.graph.value(edit.value).source {
                    Source::Node { node: producer, .. } => producer == node,
                    _ => false,
                })
                .copied()
                .collect();
            for edit in edits {
                apply(&mut inspector.executor, edit).await?;
            }
        }
        if inspector.done == inspector.total() && inspector.loss_after.is_none() {
            inspector.loss_after = Some(self.loss_with_new_weights(inspector).await?);
        }
        Ok(())
    }

    /// The loss of the same batch after the update, computed by the training executor,
    /// so that what the microscope shows stays as it is.
    async fn loss_with_new_weights(&mut self, inspector: &Inspector) -> Result<f32, SessionError> {
        let values: Vec<ValueId> = self.parameter_values();
        let read = inspector.executor.read_many(&values).await?;
        for (value, values) in values.into_iter().zip(&read) {
            self.executor.write(value, values);
        }
        let plan = Arc::clone(self.executor.plan());
        if let Some(images) = self.model.images {
            self.executor
                .write(images.order, &Values::U32(inspector.samples.clone()));
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
    async fn report_batch(
        &mut self,
        inspector: &Inspector,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let read = [self.model.loss, self.model.correct];
        let read = inspector.executor.read_many(&read).await?;
        let step = inspector.start.step + 1;
        let valid = inspector.values.valid.max(1);
        let record = StepRecord {
            step,
            epoch: (step as f64 / f64::from(self.config.steps_per_epoch.max(1))) as f32,
            loss: as_reals(&read[0])[0],
            accuracy: as_reals(&read[1])[0] / valid as f32,
            learning_rate: inspector.values.learning_rate,
            // Time spent stepping says nothing about speed.
            step_millis: 0.0,
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
    async fn next_batch(
        &mut self,
        inspector: &mut Inspector,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        self.report_batch(inspector, emit).await?;
        inspector.start = self.state_of(inspector, inspector.start.step + 1).await?;
        self.begin_batch(inspector).await
    }

    async fn state_of(&self, inspector: &Inspector, step: u64) -> Result<Snapshot, SessionError> {
        let parameters = self.parameter_values();
        let mut values = parameters.clone();
        values.extend(self.states().iter().map(|(_, state)| *state));
        let mut read = inspector.executor.read_many(&values).await?;
        let states = read.split_off(parameters.len());
        Ok(Snapshot {
            step,
            parameters: read,
            states,
        })
    }

    pub(super) async fn leave(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        if let Some(mut inspector) = self.inspector.take() {
            self.hand_back(&mut inspector, emit).await?;
        }
        self.report_inspection(InspectionReport::Left, emit);
        self.set_status(RunStatus::Paused, emit);
        Ok(())
    }

    /// Finishes a batch that was begun, and gives weights and states back to training.
    async fn hand_back(
        &mut self,
        inspector: &mut Inspector,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let mut state = inspector.start.clone();
        if inspector.done > 0 || !inspector.edits.is_empty() {
            self.run_to(inspector, inspector.total()).await?;
            self.report_batch(inspector, emit).await?;
            state = self.state_of(inspector, inspector.start.step + 1).await?;
        }
        self.restore(state);
        Ok(())
    }

    /// Called when training has reached the end of the epoch that was asked for.
    pub(super) async fn reenter(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        self.reenter_at = None;
        self.enter(emit).await
    }

    async fn report_cursor(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        let Some(inspector) = &self.inspector else {
            return Ok(());
        };
        let cursor = self.cursor_facts(inspector).await?;
        self.report_inspection(InspectionReport::Cursor(cursor), emit);
        Ok(())
    }

    async fn cursor_facts(&self, inspector: &Inspector) -> Result<CursorFacts, SessionError> {
        let loss = if inspector.is_computed(self.model.loss) {
            let read = inspector.executor.read_many(&[self.model.loss]).await?;
            Some(as_reals(&read[0])[0])
        } else {
            None
        };
        let step = inspector.start.step;
        Ok(CursorFacts {
            step,
            epoch: step / u64::from(self.config.steps_per_epoch.max(1)),
            steps_per_epoch: self.config.steps_per_epoch,
            done: inspector.done as u32,
            total: inspector.total() as u32,
            valid: inspector.values.valid,
            edits: inspector.edits.len() as u32,
            loss,
            loss_after: inspector.loss_after,
        })
    }

    async fn answer(
        &mut self,
        inspector: &mut Inspector,
        inspection: Inspection,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        match inspection {
            Inspection::Enter | Inspection::Leave => unreachable!("answered before"),
            Inspection::Forward(StepUnit::Epoch) => {
                self.hand_back(inspector, emit).await?;
                let epoch = u64::from(self.config.steps_per_epoch.max(1));
                self.play_until((self.done() / epoch + 1) * epoch, emit);
                return Ok(());
            }
            Inspection::Forward(unit) => {
                if inspector.done == inspector.total() {
                    self.next_batch(inspector, emit).await?;
                }
                self.run_to(inspector, inspector.target_forward(unit))
                    .await?;
            }
            Inspection::Back(unit) => {
                self.run_to(inspector, inspector.target_back(unit)).await?;
            }
            Inspection::Goto { done } => {
                let total = inspector.total();
                if done as usize > total {
                    let message =
                        format!("the batch has {total} operations; {done} is past its end");
                    self.report_inspection(refused(None, message), emit);
                } else {
                    self.run_to(inspector, done as usize).await?;
                }
            }
            Inspection::Tensor {
                request,
                name,
                first,
                count,
            } => {
                let report = match inspector.find(&name) {
                    Ok(value) => tensor_report(inspector, request, value, first, count).await?,
                    Err(message) => refused(Some(request), message),
                };
                self.report_inspection(report, emit);
                return Ok(());
            }
            Inspection::Explain {
                request,
                name,
                index,
            } => {
                let report = match self.explain(inspector, &name, &index).await? {
                    Ok(explanation) => InspectionReport::Explained {
                        request,
                        explanation,
                    },
                    Err(message) => refused(Some(request), message),
                };
                self.report_inspection(report, emit);
                return Ok(());
            }
            Inspection::CheckGradient {
                request,
                name,
                index,
            } => {
                let report = match self.check_gradient(inspector, &name, &index).await? {
                    Ok(check) => InspectionReport::GradientChecked { request, check },
                    Err(message) => refused(Some(request), message),
                };
                self.report_inspection(report, emit);
                return Ok(());
            }
            Inspection::Edit { name, index, value } => {
                match self.new_edit(inspector, &name, &index, value) {
                    Ok(edit) => {
                        inspector.edits.push(edit);
                        self.replay(inspector).await?;
                    }
                    Err(message) => self.report_inspection(refused(None, message), emit),
                }
            }
            Inspection::Undo => {
                if inspector.edits.pop().is_some() {
                    self.replay(inspector).await?;
                }
            }
            Inspection::UndoAll => {
                inspector.edits.clear();
                self.replay(inspector).await?;
            }
        }
        let cursor = self.cursor_facts(inspector).await?;
        self.report_inspection(InspectionReport::Cursor(cursor), emit);
        Ok(())
    }

    /// The batch again from its start to where the cursor stands.
    async fn replay(&mut self, inspector: &mut Inspector) -> Result<(), SessionError> {
        let done = inspector.done;
        self.rewind(inspector).await?;
        self.run_to(inspector, done).await
    }

    fn new_edit(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
        number: f32,
    ) -> Result<Edit, Refusal> {
        let value = inspector.find(name)?;
        let offset = inspector.offset(value, index)?;
        let is_parameter = inspector.graph.value(value).source == Source::Parameter;
        if !(is_parameter || value == self.model.input || value == self.model.target) {
            return Err(format!(
                "{name} is computed; parameters, the batch's input and its labels can be edited"
            ));
        }
        if !number.is_finite() {
            return Err(format!("expected a finite number for {name}, got {number}"));
        }
        let classes = inspector.graph.value(self.model.logits).shape.dims()[1];
        let is_class = value == self.model.target && self.model.images.is_some();
        if is_class && !(number >= 0.0 && number < classes as f32 && number.fract() == 0.0) {
            return Err(format!(
                "expected a class from 0 to {}, got {number}",
                classes - 1
            ));
        }
        Ok(Edit {
            value,
            offset,
            number,
        })
    }

    /// The terms that make an element what it is.
    async fn explain(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
    ) -> Result<Result<ExplanationFacts, Refusal>, SessionError> {
        let subject = match self.subject(inspector, name, index) {
            Ok(subject) => subject,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let graph = &inspector.graph;
        let node = graph.node(subject.node);
        let (declared_inputs, declared_outputs) = (node.op.inputs(), node.op.outputs());
        let equations = node.op.equations();
        let symbol = declared_outputs[subject.output].name;
        let Some(equation) = equations.iter().find(|equation| equation.output == symbol) else {
            return Ok(Err(format!("{name} has no equation of its own")));
        };
        // (symbol, value, what it holds); the data set's bytes are read where they are.
        let mut held: Vec<(&'static str, ValueId, Option<Values>)> = Vec::new();
        for (declared, &value) in declared_inputs.iter().zip(&node.inputs) {
            let values = match inspector.before_update(value, node.phase) {
                Some(values) => Some(values),
                None => self.read_for_explanation(inspector, value).await?,
            };
            held.push((declared.name, value, values));
        }
        for (output, (declared, &value)) in declared_outputs.iter().zip(&node.outputs).enumerate() {
            if is_own(graph, subject.node, output) {
                let values = self.read_for_explanation(inspector, value).await?;
                held.push((declared.name, value, values));
            }
        }
        let mut environment = OperationEnvironment::new(&node.op, &node.dims, inspector.values);
        for (symbol, value, values) in &held {
            let shape = &graph.value(*value).shape;
            environment = match values {
                Some(values) => environment.with_values(symbol, shape, values),
                None => environment.with_tensor(symbol, shape, |offset| self.data_byte(offset)),
            };
        }
        let shape = &graph.value(node.outputs[subject.output]).shape;
        let position = if equation.indices.len() == shape.rank() {
            shape.index(subject.offset)
        } else {
            vec![subject.offset]
        };
        let explanation = equation.explain(&environment, &position);
        let stored_value = inspector
            .find(name)
            .expect("the subject was found by this name");
        let read = inspector.executor.read_many(&[stored_value]).await?;
        let stored_offset = inspector
            .offset(stored_value, index)
            .expect("the subject was found by this index");
        let resolve = |symbol: &str| {
            let found = held.iter().find(|(known, _, _)| *known == symbol);
            found.expect("a reference names an operand").1
        };
        Ok(Ok(self.explanation_facts(
            graph,
            name,
            index,
            as_reals(&read[0])[stored_offset],
            &explanation,
            resolve,
        )))
    }

    fn explanation_facts(
        &self,
        graph: &Graph,
        name: &str,
        index: &[u32],
        stored: f32,
        explanation: &crate::equation::Explanation,
        resolve: impl Fn(&str) -> ValueId,
    ) -> ExplanationFacts {
        let mut room = MAX_TERMS;
        let groups = explanation
            .groups
            .iter()
            .map(|group| {
                let shown = group.terms.len().min(room);
                room -= shown;
                let terms = group.terms[..shown].iter().map(|term| TermFacts {
                    value: term.value,
                    references: term
                        .references
                        .iter()
                        .map(|reference| {
                            self.reference_facts(
                                graph,
                                resolve(reference.tensor),
                                &reference.index,
                                reference.value,
                            )
                        })
                        .collect(),
                });
                GroupFacts {
                    key: group.key.map(|(name, at)| (name.to_string(), at)),
                    subtotal: group.subtotal(),
                    term_count: group.terms.len() as u32,
                    terms: terms.collect(),
                }
            })
            .collect();
        ExplanationFacts {
            tensor: name.into(),
            index: index.to_vec(),
            stored,
            total: explanation.total(),
            term_count: explanation.term_count() as u32,
            groups,
        }
    }

    /// A referenced element under the name and index that a learner knows: an
    /// arena's place becomes the parameter's own element.
    fn reference_facts(
        &self,
        graph: &Graph,
        value: ValueId,
        index: &[i64],
        number: f64,
    ) -> ReferenceFacts {
        let unsigned = |index: &[usize]| index.iter().map(|&at| at as u32).collect();
        let shape = &graph.value(value).shape;
        let offset = match index {
            [at] if shape.rank() != 1 => *at as usize,
            _ => shape
                .offset(index)
                .expect("a reference lies inside its tensor"),
        };
        if matches!(graph.value(value).source, Source::Arena | Source::State) {
            let ranges = self.arena_ranges();
            let owner = ranges.iter().position(|range| range.contains(&offset));
            if let Some(number_of) = owner {
                let parameter = self.model.parameters[number_of].value;
                let local = offset - ranges[number_of].start;
                let own = graph.value(parameter);
                let suffix = graph
                    .value(value)
                    .name
                    .strip_prefix(crate::graph::PARAMETERS);
                return ReferenceFacts {
                    tensor: format!("{}{}", own.name, suffix.unwrap_or_default()),
                    index: unsigned(&own.shape.index(local)),
                    value: number,
                };
            }
        }
        ReferenceFacts {
            tensor: graph.value(value).name.clone(),
            index: unsigned(&shape.index(offset)),
            value: number,
        }
    }

    /// All values of an operand, or `None` for the data set's bytes.
    async fn read_for_explanation(
        &self,
        inspector: &Inspector,
        value: ValueId,
    ) -> Result<Option<Values>, SessionError> {
        if self
            .model
            .images
            .is_some_and(|images| images.bytes == value)
        {
            return Ok(None);
        }
        let mut read = inspector.executor.read_many(&[value]).await?;
        Ok(read.pop())
    }

    /// A byte of the data set, as it lies on the device: held-out samples behind the others.
    fn data_byte(&self, offset: usize) -> Option<f64> {
        let dataset = self.dataset.as_ref()?;
        let (train, test) = (dataset.train.images(), dataset.test.images());
        let byte = match offset.checked_sub(train.len()) {
            None => train.get(offset),
            Some(behind) => test.get(behind),
        };
        byte.map(|&byte| f64::from(byte))
    }

    /// Which node computed an element, and where it lies in the node's output.
    fn subject(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
    ) -> Result<Subject, Refusal> {
        let value = inspector.find(name)?;
        let offset = inspector.offset(value, index)?;
        if !inspector.is_computed(value) {
            return Err(format!("{name} is not computed yet in this batch"));
        }
        match inspector.graph.value(value).source {
            Source::Node { node, output } if is_own(&inspector.graph, node, output) => {
                Ok(Subject {
                    node,
                    output,
                    offset,
                })
            }
            Source::Node { node, .. } => {
                let input = inspector.graph.node(node).inputs[0];
                let input = &inspector.graph.value(input).name;
                Err(format!("{name} is {input} in another shape"))
            }
            Source::Parameter => {
                let update = inspector
                    .order
                    .last()
                    .copied()
                    .filter(|_| inspector.done == inspector.total());
                let Some(node) = update else {
                    return Err(format!("{name} has not been updated yet in this batch"));
                };
                let (_, start) = inspector.graph.storage(value);
                Ok(Subject {
                    node,
                    output: 0,
                    offset: start + offset,
                })
            }
            _ => Err(format!("{name} is given, not computed")),
        }
    }

    async fn check_gradient(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
    ) -> Result<Result<GradientCheckFacts, Refusal>, SessionError> {
        let found = inspector
            .find(name)
            .and_then(|value| Ok((value, inspector.offset(value, index)?)));
        let (value, offset) = match found {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(gradient) = inspector.graph.value(value).gradient else {
            return Ok(Err(format!("{name} has no gradient in this graph")));
        };
        if inspector.graph.value(value).source != Source::Parameter {
            return Ok(Err(format!("{name} is not a parameter")));
        }
        let stored = if inspector.is_computed(gradient) {
            let read = inspector.executor.read_many(&[gradient]).await?;
            Some(as_reals(&read[0])[offset])
        } else {
            None
        };
        let mut exact = self.oracle::<f64>(inspector).await?;
        let mut rounded = self.oracle::<f32>(inspector).await?;
        let plan = Arc::clone(inspector.plan());
        let forward = plan.phases(Phase::Forward, Phase::Loss);
        let nudges = STEP_SIZES
            .iter()
            .map(|&step_size| {
                let [minus, plus] =
                    self.losses(&mut exact, inspector, value, offset, step_size, &forward);
                let [minus_f32, plus_f32] =
                    self.losses(&mut rounded, inspector, value, offset, step_size, &forward);
                Nudge {
                    step_size,
                    loss_minus: minus,
                    loss_plus: plus,
                    slope: (plus - minus) / (2.0 * step_size),
                    slope_f32: (plus_f32 - minus_f32) / (2.0 * step_size),
                }
            })
            .collect();
        exact.run(
            plan.phases(Phase::Forward, Phase::Backward),
            &inspector.values,
        );
        Ok(Ok(GradientCheckFacts {
            tensor: name.into(),
            index: index.to_vec(),
            stored,
            analytic: exact.reals(gradient)[offset],
            nudges,
        }))
    }

    /// A CPU executor at this batch's start, edits included, with the batch gathered.
    async fn oracle<T: Real>(&self, inspector: &Inspector) -> Result<CpuExecutor<T>, SessionError> {
        let plan = Arc::clone(inspector.plan());
        let mut oracle = CpuExecutor::<T>::new(Arc::clone(&inspector.graph), plan);
        let batch = [self.model.input, self.model.target];
        let read = if inspector.is_computed(self.model.input) {
            inspector.executor.read_many(&batch).await?
        } else {
            self.gathered(inspector)
        };
        for (value, values) in batch.iter().zip(&read) {
            oracle.write(*value, values);
        }
        let parameters = self.parameter_values();
        for (&value, values) in parameters.iter().zip(&inspector.start.parameters) {
            oracle.write(value, values);
        }
        for edit in &inspector.edits {
            if oracle.plan().find_place(edit.value).is_some()
                && inspector.graph.value(edit.value).source == Source::Parameter
            {
                oracle.reals_mut(edit.value)[edit.offset] = T::from_f64(f64::from(edit.number));
            }
        }
        Ok(oracle)
    }

    /// The batch's input and target before the gather has run in the microscope.
    fn gathered(&self, inspector: &Inspector) -> Vec<Values> {
        let plan = Arc::clone(inspector.plan());
        let cpu = CpuExecutor::new(Arc::clone(&inspector.graph), Arc::clone(&plan));
        let mut executor = Executor::Cpu(Box::new(cpu));
        super::start::write_data(
            &mut executor,
            &self.model,
            self.preset,
            self.dataset.as_deref(),
        );
        if let Some(images) = self.model.images {
            executor.write(images.order, &Values::U32(inspector.samples.clone()));
        }
        executor.run(plan.phases(Phase::Data, Phase::Data), &inspector.values);
        let Executor::Cpu(cpu) = &executor else {
            unreachable!("made as the CPU executor above")
        };
        vec![cpu.read(self.model.input), cpu.read(self.model.target)]
    }

    /// The losses with one element moved down and up by `step_size`.
    fn losses<T: Real>(
        &self,
        oracle: &mut CpuExecutor<T>,
        inspector: &Inspector,
        value: ValueId,
        offset: usize,
        step_size: f64,
        forward: &Range<usize>,
    ) -> [f64; 2] {
        let middle = oracle.reals(value)[offset];
        let losses = [-step_size, step_size].map(|nudge| {
            oracle.reals_mut(value)[offset] = middle + T::from_f64(nudge);
            oracle.run(forward.clone(), &inspector.values);
            oracle.reals(self.model.loss)[0].to_f64()
        });
        oracle.reals_mut(value)[offset] = middle;
        losses
    }
}

/// An element that a node computed.
struct Subject {
    node: NodeId,
    output: usize,
    /// Row-major, in the output.
    offset: usize,
}

/// Overwrites one element.
async fn apply(executor: &mut Executor, edit: Edit) -> Result<(), SessionError> {
    let mut read = executor.read_many(&[edit.value]).await?;
    match &mut read[0] {
        Values::F32(values) => values[edit.offset] = edit.number,
        Values::U32(values) => values[edit.offset] = edit.number as u32,
        Values::U8(values) => values[edit.offset] = edit.number as u8,
    }
    executor.write(edit.value, &read[0]);
    Ok(())
}

/// Part of a tensor, with statistics of the whole.
async fn tensor_report(
    inspector: &Inspector,
    request: u32,
    value: ValueId,
    first: u64,
    count: u64,
) -> Result<InspectionReport, SessionError> {
    let described = inspector.graph.value(value);
    let name = described.name.clone();
    let length = described.shape.count();
    if length > MAX_READ {
        let message = format!("{name} has {length} elements; at most {MAX_READ} are read whole");
        return Ok(refused(Some(request), message));
    }
    if first >= length as u64 {
        let message = format!("{name} has {length} elements; {first} is past its end");
        return Ok(refused(Some(request), message));
    }
    let (mut values, mut facts) = (None, None);
    if inspector.is_computed(value) && inspector.plan().find_place(value).is_some() {
        let read = inspector.executor.read_many(&[value]).await?;
        let all = as_reals(&read[0]);
        let last = (first + count.min(MAX_VALUES)).min(length as u64);
        facts = Some(statistics(&all));
        values = Some(all[first as usize..last as usize].to_vec());
    }
    Ok(InspectionReport::Tensor {
        request,
        name,
        first,
        values,
        statistics: facts,
    })
}
