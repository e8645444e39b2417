//! One operation by itself: a graph of a single node, its backward pass, and
//! running both with given values.
//!
//! This is the data-driven door: an operation's name, its attributes as JSON and
//! its inputs are enough, so another suite can feed the engine cases of its own.
//!
//! ```
//! use glassbox::exec::single::{differentiate_operation, run_operation};
//! use glassbox::ops::StepValues;
//! use glassbox::tensor::Tensor;
//! use serde_json::json;
//!
//! let x = Tensor::f32([1, 2], vec![1.0, 2.0])?;
//! let w = Tensor::f32([1, 2], vec![3.0, 4.0])?;
//! let b = Tensor::f32([1], vec![0.5])?;
//! let inputs = [x, w, b];
//! let step = StepValues::forward(1);
//! let y = run_operation("linear", &json!({}), &inputs, &step)?;
//! assert_eq!(y[0].as_f32()?, [11.5]);
//!
//! let dy = Tensor::f32([1, 1], vec![2.0])?;
//! let gradients = differentiate_operation("linear", &json!({}), &inputs, &[dy], &step)?;
//! let dw = gradients[1].as_ref().unwrap();
//! assert_eq!(dw.as_f32()?, [2.0, 4.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Both functions run on the CPU in f32, and have a sibling that runs the kernels on
//! a GPU. [`SingleOperation`] is the same in steps, in f32 or f64; its graph and plan
//! are open, so that any executor of plans can run them. [`super::request`] takes
//! whole cases as JSON (docs/OPERATIONS.md). Every operation of the registry goes through: backward
//! operations and the optimizers' updates too, which return the new values and states.

use super::cpu::CpuExecutor;
use super::gpu::{GpuDevice, GpuError, GpuExecutor};
use super::plan::{Mode, Plan};
use crate::graph::{Graph, GraphError, NodeId, Phase, ValueId};
use crate::ops::{Buffer, GradientOperand, Input, Op, OpError, StepValues};
use crate::tensor::{ElementType, Real, Shape, Tensor, TensorError, Values};
use std::sync::Arc;

/// Why a single operation could not be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SingleError {
    #[error(transparent)]
    Op(#[from] OpError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error("{op}: expected {expected} {what}, got {actual}")]
    Count {
        op: &'static str,
        what: &'static str,
        expected: usize,
        actual: usize,
    },
    #[error("{op}: {tensor} needs {expected} values of type {element}, got {actual}")]
    Values {
        op: &'static str,
        tensor: String,
        element: ElementType,
        expected: usize,
        actual: String,
    },
    #[error("{op}: {tensor} is {actual}, expected {expected}")]
    Shape {
        op: &'static str,
        tensor: String,
        expected: Shape,
        actual: Shape,
    },
    #[error("{op}: {tensor} holds {value}, expected whole numbers below {bound}")]
    OutOfRange {
        op: &'static str,
        tensor: &'static str,
        value: u32,
        bound: usize,
    },
    #[error("{op}: {message}")]
    Step { op: &'static str, message: String },
    #[error("{op}: {message}")]
    Input { op: &'static str, message: String },
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// What one run computed.
#[derive(Clone, Debug, PartialEq)]
pub struct SingleRun<T> {
    /// In the order of the operation's outputs. An updated state stands where the
    /// operation names it: `w′`.
    pub outputs: Vec<Buffer<T>>,
    /// For each input; `None` where it has no gradient, or none was asked for.
    pub gradients: Vec<Option<Buffer<T>>>,
}

/// A graph of one operation, with its backward pass if asked for, and its plan.
#[derive(Clone, Debug)]
pub struct SingleOperation {
    graph: Arc<Graph>,
    plan: Arc<Plan>,
    node: NodeId,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
    output_gradients: Vec<Option<ValueId>>,
    gradients: Vec<Option<ValueId>>,
}

impl SingleOperation {
    /// The operation alone.
    ///
    /// # Errors
    /// When the inputs do not fit it.
    pub fn forward(op: Op, inputs: &[(Shape, ElementType)]) -> Result<Self, SingleError> {
        Self::build(op, inputs, false)
    }

    /// The operation and its backward operations, whose upstream gradients
    /// are given when it runs.
    ///
    /// # Errors
    /// When the inputs do not fit it.
    pub fn with_gradient(op: Op, inputs: &[(Shape, ElementType)]) -> Result<Self, SingleError> {
        Self::build(op, inputs, true)
    }

    fn build(
        op: Op,
        inputs: &[(Shape, ElementType)],
        differentiate: bool,
    ) -> Result<Self, SingleError> {
        let mut graph = Graph::default();
        let declared = op.inputs();
        let ids: Vec<ValueId> = inputs
            .iter()
            .enumerate()
            .map(|(at, (shape, element))| {
                // An input too many is refused below, by name of the operation.
                let name = declared.get(at).map_or("surplus", |input| input.name);
                graph.input(name, shape.clone(), *element)
            })
            .collect();
        // Checked apart from the graph, so that the message begins with the operation once.
        op.resolve(&shapes(inputs))?;
        let outputs = graph.apply(op.clone(), op.name(), &ids)?;
        let node = graph.find_node(op.name()).expect("the node was just added");
        let mut single = Self {
            output_gradients: vec![None; outputs.len()],
            gradients: vec![None; ids.len()],
            node,
            inputs: ids,
            outputs,
            graph: Arc::default(),
            plan: Arc::new(Plan::new(&Graph::default(), Mode::Inspect, &[])),
        };
        if differentiate {
            single.append_gradient(&mut graph)?;
        }
        single.plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        single.graph = Arc::new(graph);
        Ok(single)
    }

    /// Appends the backward operations, with an input for each upstream gradient.
    fn append_gradient(&mut self, graph: &mut Graph) -> Result<(), SingleError> {
        let node = graph.node(self.node).clone();
        // Outputs of the steps so far.
        let mut made: Vec<Vec<ValueId>> = Vec::new();
        for step in node.op.gradient(&node.dims) {
            let mut operands = Vec::with_capacity(step.operands.len());
            for operand in step.operands {
                operands.push(match operand {
                    GradientOperand::Input(input) => self.inputs[input],
                    GradientOperand::Output(output) => self.outputs[output],
                    GradientOperand::GradientOf(output)
                    | GradientOperand::GradientOrZero(output) => self.upstream(graph, output),
                    GradientOperand::Step(step, output) => made[step][output],
                });
            }
            let name = format!("{}_{}", step.op.name(), step.target);
            let outputs =
                graph.apply_in(Phase::Backward, Some(self.node), step.op, name, &operands)?;
            self.gradients[step.target] = Some(outputs[0]);
            made.push(outputs);
        }
        Ok(())
    }

    /// The input that holds the gradient with respect to an output.
    fn upstream(&mut self, graph: &mut Graph, output: usize) -> ValueId {
        *self.output_gradients[output].get_or_insert_with(|| {
            let value = graph.value(self.outputs[output]).clone();
            graph.input(format!("{}.grad", value.name), value.shape, value.element)
        })
    }

    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Every value kept, no kernels fused.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The forward node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Values to write before a run, in the order of the operation's inputs.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// Values to read after a run, in the order of the operation's outputs.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// For each output that the backward pass starts from, the value to write its
    /// upstream gradient to.
    pub fn output_gradients(&self) -> Vec<ValueId> {
        self.output_gradients.iter().copied().flatten().collect()
    }

    /// For each input, the value of its gradient, if it has one.
    pub fn gradients(&self) -> &[Option<ValueId>] {
        &self.gradients
    }

    /// Checks values against the operation: what an executor may be given.
    ///
    /// # Errors
    /// When number, type or count does not fit, a whole number points outside
    /// the tensor it picks from, or the step asks for more samples than there are.
    pub fn check<T: Real>(
        &self,
        inputs: &[Buffer<T>],
        output_gradients: &[Buffer<T>],
        step: &StepValues,
    ) -> Result<(), SingleError> {
        self.check_values("inputs", &self.inputs, inputs)?;
        self.check_values(
            "output gradients",
            &self.output_gradients(),
            output_gradients,
        )?;
        for (input, values) in self.op().inputs().iter().zip(inputs) {
            self.check_range(input, values)?;
        }
        self.check_step(step)
    }

    fn op(&self) -> &Op {
        &self.graph.node(self.node).op
    }

    fn check_values<T: Real>(
        &self,
        what: &'static str,
        ids: &[ValueId],
        buffers: &[Buffer<T>],
    ) -> Result<(), SingleError> {
        if ids.len() != buffers.len() {
            return Err(SingleError::Count {
                op: self.op().name(),
                what,
                expected: ids.len(),
                actual: buffers.len(),
            });
        }
        for (&id, buffer) in ids.iter().zip(buffers) {
            let value = self.graph.value(id);
            let expected = value.shape.count();
            let element = element_type(buffer);
            if element != value.element || buffer.len() != expected {
                return Err(SingleError::Values {
                    op: self.op().name(),
                    tensor: value.name.clone(),
                    element: value.element,
                    expected,
                    actual: format!("{} of type {element}", buffer.len()),
                });
            }
        }
        Ok(())
    }

    fn check_range<T>(&self, input: &Input, values: &Buffer<T>) -> Result<(), SingleError> {
        let (Some(letter), Buffer::Index(values)) = (input.below, values) else {
            return Ok(());
        };
        let bound = self.graph.node(self.node).dims.get(letter);
        let fits = |value: u32| (value as usize) < bound || input.or == Some(value);
        match values.iter().find(|&&value| !fits(value)) {
            Some(&value) => Err(SingleError::OutOfRange {
                op: self.op().name(),
                tensor: input.name,
                value,
                bound,
            }),
            None => Ok(()),
        }
    }

    fn check_step(&self, step: &StepValues) -> Result<(), SingleError> {
        let dims = &self.graph.node(self.node).dims;
        let (valid, first) = (step.valid as usize, step.first as usize);
        let problem = |message| SingleError::Step {
            op: self.op().name(),
            message,
        };
        if let Some(batch) = dims.find("N")
            && valid > batch
        {
            return Err(problem(format!(
                "{valid} samples are to count, but the batch has {batch}"
            )));
        }
        // Only what prepares a batch has an order of R samples.
        if let Some(order) = dims.find("R")
            && first.saturating_add(valid) > order
        {
            return Err(problem(format!(
                "samples {first} to {} of the order, which has {order}",
                first.saturating_add(valid)
            )));
        }
        Ok(())
    }

    /// Runs everything on the CPU, in f32 or f64.
    ///
    /// Inputs stay as they are: an update's new state is among the outputs.
    ///
    /// # Errors
    /// As [`SingleOperation::check`].
    pub fn run<T: Real>(
        &self,
        inputs: &[Buffer<T>],
        output_gradients: &[Buffer<T>],
        step: &StepValues,
    ) -> Result<SingleRun<T>, SingleError> {
        self.check(inputs, output_gradients, step)?;
        let mut executor = CpuExecutor::<T>::new(Arc::clone(&self.graph), Arc::clone(&self.plan));
        let upstream = self.output_gradients();
        let given = self.inputs.iter().chain(&upstream);
        for (&id, buffer) in given.zip(inputs.iter().chain(output_gradients)) {
            match buffer {
                Buffer::Real(values) => executor.reals_mut(id).copy_from_slice(values),
                Buffer::Index(values) => executor.write(id, &Values::U32(values.clone())),
                Buffer::Bytes(values) => executor.write(id, &Values::U8(values.clone())),
            }
        }
        executor.run(0..self.plan.groups.len(), step);
        let read = |&id: &ValueId| Buffer::from_slice(executor.slice(id));
        Ok(SingleRun {
            outputs: self.outputs.iter().map(read).collect(),
            gradients: self
                .gradients
                .iter()
                .map(|gradient| gradient.as_ref().map(read))
                .collect(),
        })
    }

    /// Runs everything on the GPU: one kernel after another, as stepping does.
    ///
    /// # Errors
    /// As [`SingleOperation::check`], and when the GPU refuses or is lost.
    pub async fn run_on_gpu(
        &self,
        device: &GpuDevice,
        inputs: &[Buffer<f32>],
        output_gradients: &[Buffer<f32>],
        step: &StepValues,
    ) -> Result<SingleRun<f32>, SingleError> {
        self.check(inputs, output_gradients, step)?;
        let (graph, plan) = (Arc::clone(&self.graph), Arc::clone(&self.plan));
        let mut executor = GpuExecutor::new(device, graph, plan, None, &mut |_, _| {}).await?;
        let upstream = self.output_gradients();
        let given = self.inputs.iter().chain(&upstream);
        for (&id, buffer) in given.zip(inputs.iter().chain(output_gradients)) {
            executor.write(id, &values(buffer.clone()));
        }
        executor.submit(0..self.plan.groups.len(), std::slice::from_ref(step));
        let gradients: Vec<ValueId> = self.gradients.iter().copied().flatten().collect();
        let wanted = [&self.outputs[..], &gradients].concat();
        let read = executor.read_many(&wanted).await?;
        let mut read = read.iter().map(Buffer::from_values);
        Ok(SingleRun {
            outputs: read.by_ref().take(self.outputs.len()).collect(),
            gradients: self
                .gradients
                .iter()
                .map(|gradient| gradient.and_then(|_| read.next()))
                .collect(),
        })
    }

    /// That a tensor has the shape of a value of the graph.
    ///
    /// # Errors
    /// When it has another.
    pub fn check_shape(&self, id: ValueId, actual: &Shape) -> Result<(), SingleError> {
        let value = self.graph.value(id);
        if value.shape == *actual {
            return Ok(());
        }
        Err(SingleError::Shape {
            op: self.op().name(),
            tensor: value.name.clone(),
            expected: value.shape.clone(),
            actual: actual.clone(),
        })
    }
}

impl SingleOperation {
    fn output_tensors(&self, run: SingleRun<f32>) -> Result<Vec<Tensor>, SingleError> {
        let outputs = self.outputs.iter().zip(run.outputs);
        Ok(outputs
            .map(|(&id, buffer)| tensor(&self.graph, id, buffer))
            .collect::<Result<_, _>>()?)
    }

    fn gradient_tensors(&self, run: SingleRun<f32>) -> Result<Vec<Option<Tensor>>, SingleError> {
        let gradients = self.gradients.iter().zip(run.gradients);
        Ok(gradients
            .map(|(id, buffer)| match (id, buffer) {
                (Some(id), Some(buffer)) => tensor(&self.graph, *id, buffer).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<_, _>>()?)
    }
}

fn values(buffer: Buffer<f32>) -> Values {
    match buffer {
        Buffer::Real(values) => Values::F32(values),
        Buffer::Index(values) => Values::U32(values),
        Buffer::Bytes(values) => Values::U8(values),
    }
}

fn shapes(inputs: &[(Shape, ElementType)]) -> Vec<(&Shape, ElementType)> {
    inputs
        .iter()
        .map(|(shape, element)| (shape, *element))
        .collect()
}

fn element_type<T>(buffer: &Buffer<T>) -> ElementType {
    match buffer {
        Buffer::Real(_) => ElementType::F32,
        Buffer::Index(_) => ElementType::U32,
        Buffer::Bytes(_) => ElementType::U8,
    }
}

fn described(inputs: &[Tensor]) -> Vec<(Shape, ElementType)> {
    inputs
        .iter()
        .map(|tensor| (tensor.shape().clone(), tensor.values().element_type()))
        .collect()
}

fn buffers(tensors: &[Tensor]) -> Vec<Buffer<f32>> {
    tensors.iter().map(Buffer::from_tensor).collect()
}

fn tensor(graph: &Graph, id: ValueId, buffer: Buffer<f32>) -> Result<Tensor, TensorError> {
    Tensor::new(graph.value(id).shape.clone(), values(buffer))
}

/// Runs the operation called `name` with attributes as JSON on the CPU, in f32.
///
/// The outputs come in the order in which the operation declares them.
///
/// # Errors
/// When there is no such operation, or attributes, inputs or the step's values do not fit it.
pub fn run_operation(
    name: &str,
    attributes: &serde_json::Value,
    inputs: &[Tensor],
    step: &StepValues,
) -> Result<Vec<Tensor>, SingleError> {
    let op = Op::from_json(name, attributes)?;
    let single = SingleOperation::forward(op, &described(inputs))?;
    let run = single.run(&buffers(inputs), &[], step)?;
    single.output_tensors(run)
}

/// As [`run_operation`], on the GPU.
///
/// # Errors
/// As [`run_operation`], and when the GPU refuses or is lost.
pub async fn run_operation_on_gpu(
    device: &GpuDevice,
    name: &str,
    attributes: &serde_json::Value,
    inputs: &[Tensor],
    step: &StepValues,
) -> Result<Vec<Tensor>, SingleError> {
    let op = Op::from_json(name, attributes)?;
    let single = SingleOperation::forward(op, &described(inputs))?;
    let run = single
        .run_on_gpu(device, &buffers(inputs), &[], step)
        .await?;
    single.output_tensors(run)
}

/// The gradient of `Σ output · output gradient` with respect to each input of the
/// operation called `name`, on the CPU, in f32; `None` for an input without one.
///
/// `output_gradients` has one tensor for each output that the backward pass starts
/// from, in their order: for every operation so far, the first output alone.
///
/// # Errors
/// As [`run_operation`].
pub fn differentiate_operation(
    name: &str,
    attributes: &serde_json::Value,
    inputs: &[Tensor],
    output_gradients: &[Tensor],
    step: &StepValues,
) -> Result<Vec<Option<Tensor>>, SingleError> {
    let single = differentiable(name, attributes, inputs, output_gradients)?;
    let run = single.run(&buffers(inputs), &buffers(output_gradients), step)?;
    single.gradient_tensors(run)
}

/// As [`differentiate_operation`], on the GPU.
///
/// # Errors
/// As [`run_operation`], and when the GPU refuses or is lost.
pub async fn differentiate_operation_on_gpu(
    device: &GpuDevice,
    name: &str,
    attributes: &serde_json::Value,
    inputs: &[Tensor],
    output_gradients: &[Tensor],
    step: &StepValues,
) -> Result<Vec<Option<Tensor>>, SingleError> {
    let single = differentiable(name, attributes, inputs, output_gradients)?;
    let (inputs, upstream) = (buffers(inputs), buffers(output_gradients));
    let run = single.run_on_gpu(device, &inputs, &upstream, step).await?;
    single.gradient_tensors(run)
}

/// An operation with its backward pass, for upstream gradients of these shapes.
fn differentiable(
    name: &str,
    attributes: &serde_json::Value,
    inputs: &[Tensor],
    output_gradients: &[Tensor],
) -> Result<SingleOperation, SingleError> {
    let op = Op::from_json(name, attributes)?;
    let single = SingleOperation::with_gradient(op, &described(inputs))?;
    for (&id, given) in single.output_gradients().iter().zip(output_gradients) {
        single.check_shape(id, given.shape())?;
    }
    Ok(single)
}
