//! The microscope's engine: a cursor through one batch, on the weights that train.
//!
//! On entering, parameters and optimizer state move from the training executor into one that
//! runs an inspect plan, where every value of every node stays readable; on leaving they move
//! back. Stepping back restores the snapshot of the batch's start and replays.
//!
//! - `batch`: moving through the batch.
//! - `tensor`, `explain`, `check`: what is read, what it was made of, finite differences.
//! - `curve`: an activation around the point of one element.
//! - `path`: the chain rule along one path; `reverse`: the gradient steps that it is made of.
//! - `sequence`, `time_path`: gradients through time.
//! - `edit`: numbers that the learner writes over.
//! - `update`: a parameter before and after the update, and how long a node took.

mod batch;
mod check;
mod curve;
mod edit;
mod explain;
mod path;
mod reverse;
mod sequence;
mod tensor;
mod time_path;
mod update;

use super::facts::{as_reals, graph_facts, layer, running_order};
use super::run::{Emit, Run, Snapshot};
use super::*;
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Executor, Mode, Plan};
use crate::graph::{Graph, NodeId, Phase, Source, ValueId};
use crate::ops::{OperationEnvironment, Role, StepValues};
use crate::tensor::Values;
use curve::curve_facts;
use edit::Edit;
use tensor::tensor_report;
use update::time_report;

/// The state of stepping.
pub(super) struct Inspector {
    pub(super) executor: Executor,
    pub(super) graph: Arc<Graph>,
    pub(super) order: Vec<NodeId>,
    /// As the batch began, without edits.
    pub(super) start: Snapshot,
    pub(super) values: StepValues,
    /// Indices of the batch's samples.
    pub(super) samples: Vec<u32>,
    /// Nodes of the batch that have run.
    pub(super) done: usize,
    pub(super) edits: Vec<Edit>,
    /// What the update's arenas held before it, once it has run.
    pub(super) before_update: Vec<(ValueId, Values)>,
    pub(super) loss_after: Option<f32>,
}

pub(super) fn refused(request: Option<u32>, reason: Refusal) -> InspectionReport {
    InspectionReport::Refused { request, reason }
}

impl Inspector {
    pub(super) fn plan(&self) -> &Arc<Plan> {
        self.executor.plan()
    }

    pub(super) fn total(&self) -> usize {
        self.order.len()
    }

    /// Whether a value holds what this batch made it.
    pub(super) fn is_computed(&self, value: ValueId) -> bool {
        match self.graph.value(value).source {
            Source::Node { node, .. } => self.order[..self.done].contains(&node),
            _ => true,
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<ValueId, Refusal> {
        self.graph
            .find_value(name)
            .ok_or_else(|| Refusal::UnknownTensor { name: name.into() })
    }

    /// The row-major position of an element that a learner names.
    pub(super) fn offset(&self, value: ValueId, index: &[u32]) -> Result<usize, Refusal> {
        let shape = &self.graph.value(value).shape;
        let signed: Vec<i64> = index.iter().map(|&at| i64::from(at)).collect();
        shape.offset(&signed).ok_or_else(|| Refusal::OutsideTensor {
            name: self.graph.value(value).name.clone(),
            shape: shape.dims().iter().map(|&size| size as u32).collect(),
            index: index.to_vec(),
        })
    }

    /// What `value` held before the update, or for a buffer at the batch's start, where that has
    /// changed it since a node of `phase` read it.
    pub(super) fn before_update(&self, value: ValueId, phase: Phase) -> Option<Values> {
        let find = |id: ValueId| {
            let mut kept = self.before_update.iter();
            kept.find(|(known, _)| *known == id)
                .map(|(_, values)| values)
        };
        if phase == Phase::Update {
            return find(value).cloned();
        }
        if let Source::Buffer { .. } = self.graph.value(value).source {
            // Its node has overwritten it.
            let buffers = self.graph.buffers();
            let number = buffers.iter().position(|&buffer| buffer == value)?;
            let initial = || self.graph.initial_buffer(value);
            let kept = self.start.buffers.get(number).cloned();
            return Some(kept.unwrap_or_else(initial));
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
            self.report_inspection(refused(None, Refusal::NotEntered), emit);
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
                let mut gpu = gpu.await?;
                gpu.measure_times().await?;
                Executor::Gpu(Box::new(gpu))
            }
        };
        let samples = self.samples.clone();
        super::start::write_data(&mut executor, &self.model, self.preset, samples.as_deref());
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
        let was_writing = self.is_writing();
        self.restore(state);
        if was_writing {
            self.rewrite_text().await?;
        }
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
                    let total = total as u32;
                    let reason = Refusal::PastTheBatch { total, done };
                    self.report_inspection(refused(None, reason), emit);
                    return Ok(());
                }
                self.run_to(inspector, done as usize).await?;
            }
            Inspection::Tensor {
                request,
                name,
                first,
                count,
            } => {
                let report = match inspector.find(&name) {
                    Ok(value) => tensor_report(inspector, request, value, first, count).await?,
                    Err(reason) => refused(Some(request), reason),
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
                    Err(reason) => refused(Some(request), reason),
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
                    Err(reason) => refused(Some(request), reason),
                };
                self.report_inspection(report, emit);
                return Ok(());
            }
            Inspection::FollowPath {
                request,
                from,
                to,
                via,
            } => {
                let report = match self.follow_path(inspector, [&from, &to], &via).await? {
                    Ok(path) => InspectionReport::PathFollowed { request, path },
                    Err(reason) => refused(Some(request), reason),
                };
                self.report_inspection(report, emit);
                return Ok(());
            }
            Inspection::Sequence { request, question } => {
                let report = match self.answer_sequence(inspector, question).await? {
                    Ok(answer) => InspectionReport::Sequence { request, answer },
                    Err(reason) => refused(Some(request), reason),
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
                    Err(reason) => {
                        self.report_inspection(refused(None, reason), emit);
                        return Ok(());
                    }
                }
            }
            Inspection::EditMany { name, elements } => {
                match self.new_stroke(inspector, &name, &elements) {
                    Ok(edit) => {
                        inspector.edits.push(edit);
                        self.replay(inspector).await?;
                    }
                    Err(reason) => self.report_inspection(refused(None, reason), emit),
                }
            }
            Inspection::Update {
                request,
                name,
                first,
                count,
            } => {
                let report = match self.update_facts(inspector, &name, first, count).await? {
                    Ok(update) => InspectionReport::Updated { request, update },
                    Err(reason) => refused(Some(request), reason),
                };
                self.report_inspection(report, emit);
                return Ok(());
            }
            Inspection::Time { request, node } => {
                let report = time_report(inspector, request, node).await?;
                self.report_inspection(report, emit);
                return Ok(());
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
}
