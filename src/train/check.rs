//! Checking a model node by node: equations, gradients and kernels.
//!
//! Everything runs on the values of one real batch, in f64:
//! - what a node computes is compared with its equations;
//! - what a backward node computes, with central finite differences of its forward
//!   partner's twin, contracted with the gradient that actually arrives there;
//! - the gradient of some elements of every parameter, with finite differences of the
//!   loss through the whole model;
//! - on a GPU, every node's kernels, with the twin on the same inputs.
//!
//! The check ends at the first difference and names its node and operation.

use crate::exec::bisect::{self, NodeComparison};
use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, GpuError, GpuExecutor};
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, Node, NodeId, Phase, ValueId};
use crate::layers::Model;
use crate::ops::{
    Buffer, GradientOperand, Io, OperationEnvironment, Role, StepValues, started_from,
};
use crate::tensor::{ElementType, Values};
use std::sync::Arc;

/// Half the distance between the two points of a difference; the smaller ones are
/// tried where a kink (ReLU at 0, a tie of maxima) lies between the points.
const STEPS: [f64; 4] = [1e-5, 1e-6, 1e-7, 3e-8];

/// Central differences are off by STEP²·f‴/6 and by the rounding of f64 over STEP:
/// both below 1e-8 of the largest gradient.
const GRADIENT_TOLERANCE: f64 = 1e-6;

/// Through the whole model a small difference of two losses of about 2 is left:
/// 2 · 2e-16 / 3e-8, over gradients of about 1e-2.
const MODEL_TOLERANCE: f64 = 1e-5;

/// Both sides in f64, but the twin reads Adam's bias corrections as f32.
const EQUATION_TOLERANCE: f64 = 1e-7;

/// Sums of some thousand products in f32, which rounds at 6e-8, in another order.
const KERNEL_TOLERANCE: f64 = 2e-5;

/// A gradient may cancel to nothing: that of a bias which batch normalization takes out
/// again. Then its scale is this part of the gradients that it is a sum of, or of the largest
/// gradient of any parameter: well above the rounding of a difference, 1e-16 · 1e5. An error of
/// the size of the gradient itself is still seen while that is above 1e-9 of what arrives at the node, or 1e-8
/// of the largest gradient.
const CANCELLED: f64 = 1e-3;

/// Elements checked of one tensor: all of a small one.
const SAMPLED: usize = 24;

/// Elements of each parameter that are moved through the whole model.
const SAMPLED_IN_MODEL: usize = 4;

/// What is checked: a model, and everything that it reads.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub model: &'a Model,
    /// Data, order, parameters.
    pub given: &'a [(ValueId, Values)],
    pub step: StepValues,
    /// A node whose outputs are negated after it has run: the check's control,
    /// which has to fail and to name it.
    pub negated: Option<NodeId>,
}

/// What a node was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Equation,
    /// Of the forward partner's twin.
    FiniteDifference,
    /// Finite differences of the loss through the whole model.
    WholeModel,
    /// The GPU's kernels against the twin.
    Kernel,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::Equation => "equation",
            Self::FiniteDifference => "finite difference",
            Self::WholeModel => "whole model",
            Self::Kernel => "kernel",
        }
    }

    /// Largest error that passes, as a part of the tensor's largest magnitude.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::Equation => EQUATION_TOLERANCE,
            Self::FiniteDifference => GRADIENT_TOLERANCE,
            Self::WholeModel => MODEL_TOLERANCE,
            Self::Kernel => KERNEL_TOLERANCE,
        }
    }
}

/// One comparison that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    /// The node, or for [`Method::WholeModel`] the parameter.
    pub name: String,
    /// The operation that computed what was compared.
    pub operation: &'static str,
    pub method: Method,
    /// Elements compared.
    pub elements: usize,
    /// Elements left out because the function has a kink there.
    pub kinks: usize,
    /// As a part of the tensor's largest magnitude.
    pub largest_error: f64,
}

/// The comparison that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    pub name: String,
    pub operation: &'static str,
    pub method: Method,
    pub tensor: String,
    pub index: Vec<usize>,
    pub actual: f64,
    pub expected: f64,
    pub error: f64,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} ({}): {}{:?} is {:e}, expected {:e} by {}: an error of {:.1e} of the largest \
             magnitude, at most {:.0e} passes",
            self.operation,
            self.name,
            self.tensor,
            self.index,
            self.actual,
            self.expected,
            self.method.name(),
            self.error,
            self.method.tolerance(),
        )
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckReport {
    /// In the order of checking, up to the first mismatch.
    pub nodes: Vec<NodeReport>,
    pub mismatch: Option<Mismatch>,
}

impl CheckReport {
    /// Elements left out at kinks.
    pub fn kinks(&self) -> usize {
        self.nodes.iter().map(|node| node.kinks).sum()
    }

    /// The largest error found by one method.
    pub fn largest_error(&self, method: Method) -> f64 {
        let of_method = self.nodes.iter().filter(|node| node.method == method);
        of_method.map(|node| node.largest_error).fold(0.0, f64::max)
    }
}

/// Checks `subject`, on `gpu` too if one is given. `on_node` hears of every
/// comparison that passed, as it happens.
///
/// # Errors
/// When the GPU fails. A mismatch is no error: the report has it.
pub async fn check(
    subject: &Subject<'_>,
    gpu: Option<&GpuDevice>,
    on_node: &mut dyn FnMut(&NodeReport),
) -> Result<CheckReport, GpuError> {
    let mut report = Collector {
        report: CheckReport::default(),
        on_node,
    };
    let mut bench = Bench::new(subject);
    let mut passed = bench.check_nodes(&mut report);
    passed = passed && bench.check_parameters(&mut report);
    passed = passed && bench.check_update(&mut report);
    if let (true, Some(gpu)) = (passed, gpu) {
        check_kernels(subject, gpu, &mut report).await?;
    }
    Ok(report.report)
}

/// Gathers comparisons; says whether to go on.
struct Collector<'a> {
    report: CheckReport,
    on_node: &'a mut dyn FnMut(&NodeReport),
}

impl Collector<'_> {
    fn add(&mut self, outcome: Result<NodeReport, Mismatch>) -> bool {
        match outcome {
            Ok(node) => {
                (self.on_node)(&node);
                self.report.nodes.push(node);
                true
            }
            Err(mismatch) => {
                self.report.mismatch = Some(mismatch);
                false
            }
        }
    }
}

/// How the element of a gradient compares.
enum Slope {
    Match { error: f64 },
    Kink,
    Mismatch { expected: f64, error: f64 },
}

/// Compares `analytic` with the slope of a function of one offset. `differences`
/// gives f(+h) − f(0) and f(0) − f(−h). `scale` is the tensor's largest magnitude.
fn compare_slope(
    analytic: f64,
    scale: f64,
    tolerance: f64,
    mut differences: impl FnMut(f64) -> (f64, f64),
) -> Slope {
    let mut first = None;
    let mut is_kink = false;
    for step in STEPS {
        let (right, left) = differences(step);
        let (right, left) = (right / step, left / step);
        let central = 0.5 * (right + left);
        let error = relative_error(analytic, central, scale);
        if error <= tolerance {
            return Slope::Match { error };
        }
        first.get_or_insert((central, error));
        // A subgradient: between slopes that stay apart however near the points come.
        let (low, high) = (left.min(right), left.max(right));
        let slack = tolerance * scale.max(high.abs()).max(low.abs());
        is_kink = high - low > slack && (low - slack..=high + slack).contains(&analytic);
    }
    if is_kink {
        return Slope::Kink;
    }
    let (expected, error) = first.expect("there are steps");
    Slope::Mismatch { expected, error }
}

/// |actual − expected| as a part of the larger of `scale` and |expected|; infinite for NaN.
fn relative_error(actual: f64, expected: f64, scale: f64) -> f64 {
    let difference = (actual - expected).abs();
    if difference == 0.0 {
        return 0.0;
    }
    let error = difference / scale.max(expected.abs());
    if error.is_nan() { f64::INFINITY } else { error }
}

fn largest_magnitude(values: &[f64]) -> f64 {
    values
        .iter()
        .fold(0.0, |largest, value| value.abs().max(largest))
}

/// Positions to check: all of a few; else spread evenly, with the largest magnitude
/// among them, so that a wrong sign is always seen.
fn sampled(values: &[f64], most: usize) -> Vec<usize> {
    let count = values.len();
    if count <= most {
        return (0..count).collect();
    }
    let spread = most - 1;
    let mut places: Vec<usize> = (0..spread)
        .map(|number| number * (count - 1) / (spread - 1).max(1))
        .collect();
    let largest = (0..count).max_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()));
    places.extend(largest);
    places.sort_unstable();
    places.dedup();
    places
}

/// The model in f64 on the CPU, every value kept.
struct Bench<'a> {
    model: &'a Model,
    graph: Arc<Graph>,
    executor: CpuExecutor<f64>,
    step: StepValues,
    /// A node whose outputs are multiplied by a factor after it has run.
    altered: Option<(NodeId, f64)>,
}

impl<'a> Bench<'a> {
    fn new(subject: &Subject<'a>) -> Self {
        let graph = Arc::new(subject.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let mut executor = CpuExecutor::new(Arc::clone(&graph), plan);
        for (value, values) in subject.given {
            executor.write(*value, values);
        }
        Self {
            model: subject.model,
            graph,
            executor,
            step: subject.step,
            altered: subject.negated.map(|node| (node, -1.0)),
        }
    }

    /// Runs a group of the plan, which is one node. Returns the node, and its inputs as
    /// they were: an output may be the same memory.
    fn run(&mut self, group: usize) -> (NodeId, Vec<Buffer<f64>>) {
        let node = self.executor.plan().groups[group].nodes[0];
        let inputs = self.buffers(&self.graph.node(node).inputs);
        self.executor.run(group..group + 1, &self.step);
        if let Some((altered, factor)) = self.altered
            && altered == node
        {
            self.multiply(node, factor);
        }
        (node, inputs)
    }

    fn multiply(&mut self, node: NodeId, factor: f64) {
        for output in self.graph.node(node).outputs.clone() {
            if self.graph.value(output).element == ElementType::F32 {
                let values = self.executor.reals_mut(output);
                values.iter_mut().for_each(|value| *value *= factor);
            }
        }
    }

    fn buffer(&self, value: ValueId) -> Buffer<f64> {
        Buffer::from_slice(self.executor.slice(value))
    }

    fn buffers(&self, values: &[ValueId]) -> Vec<Buffer<f64>> {
        values.iter().map(|&value| self.buffer(value)).collect()
    }

    /// Data, forward and loss nodes and sums of gradients by their equations, backward
    /// nodes by finite differences, each before the next one runs; whether all pass.
    fn check_nodes(&mut self, report: &mut Collector<'_>) -> bool {
        let mut groups = self.executor.plan().phases(Phase::Data, Phase::Backward);
        groups.all(|group| {
            let (node, inputs) = self.run(group);
            let node = self.graph.node(node);
            report.add(match node.partner {
                Some(partner) => self.check_gradient(node, &inputs, self.graph.node(partner)),
                None => self.check_equations(node, &inputs),
            })
        })
    }

    /// A node's outputs against its equations; `inputs` as they were before it ran.
    fn check_equations(&self, node: &Node, inputs: &[Buffer<f64>]) -> Result<NodeReport, Mismatch> {
        let mut report = passed(node, Method::Equation);
        let equations = node.op.equations(&node.dims);
        let declared = node.op.inputs();
        let outputs = self.buffers(&node.outputs);
        let mut environment = OperationEnvironment::new(&node.op, &node.dims, self.step);
        for ((input, &id), buffer) in declared.iter().zip(&node.inputs).zip(inputs) {
            let shape = &self.graph.value(id).shape;
            environment = environment.with_tensor(input.name, shape, |at| buffer.number(at));
        }
        // An equation may name an output before it: the total its rows.
        for ((output, &id), buffer) in node.op.outputs().iter().zip(&node.outputs).zip(&outputs) {
            let shape = &self.graph.value(id).shape;
            environment = environment.with_tensor(output.name, shape, |at| buffer.number(at));
        }
        for (equation, &output) in equations.iter().zip(&node.outputs) {
            let value = self.graph.value(output);
            let actual = numbers(&self.buffer(output));
            let scale = largest_magnitude(&actual);
            for at in sampled(&actual, SAMPLED) {
                let index = value.shape.index(at);
                // Equations of tensors of any shape see one long row.
                let expected = if equation.indices.len() == index.len() {
                    equation.evaluate(&environment, &index)
                } else {
                    equation.evaluate(&environment, &[at])
                };
                let error = relative_error(actual[at], expected, scale);
                if error > EQUATION_TOLERANCE {
                    let found = (actual[at], expected, error);
                    return Err(self.mismatch(node, Method::Equation, (output, at), found));
                }
                report.elements += 1;
                report.largest_error = report.largest_error.max(error);
            }
        }
        Ok(report)
    }

    /// A backward node against finite differences of its forward partner's twin;
    /// `given` are its inputs as they were before it ran.
    fn check_gradient(
        &self,
        node: &Node,
        given: &[Buffer<f64>],
        forward: &Node,
    ) -> Result<NodeReport, Mismatch> {
        let method = Method::FiniteDifference;
        let mut report = passed(node, method);
        let (target, upstream) = self.gradient_step(node, given, forward);
        let mut inputs = self.buffers(&forward.inputs);
        let start = self.run_twin(forward, &inputs);
        let output = node.outputs[0];
        let actual = self.executor.reals(output);
        let arriving = upstream.iter().map(|(_, values)| largest_magnitude(values));
        let scale = largest_magnitude(actual).max(CANCELLED * arriving.fold(0.0, f64::max));
        for at in sampled(actual, SAMPLED) {
            let mut moved = |offset: f64| {
                let Buffer::Real(values) = &mut inputs[target] else {
                    unreachable!("only reals have gradients")
                };
                let before = values[at];
                values[at] += offset;
                let outputs = self.run_twin(forward, &inputs);
                let Buffer::Real(values) = &mut inputs[target] else {
                    unreachable!("as above")
                };
                values[at] = before;
                outputs
            };
            let differences = |step: f64| {
                (
                    contract(&upstream, &moved(step), &start),
                    contract(&upstream, &start, &moved(-step)),
                )
            };
            match compare_slope(actual[at], scale, method.tolerance(), differences) {
                Slope::Match { error } => {
                    report.elements += 1;
                    report.largest_error = report.largest_error.max(error);
                }
                Slope::Kink => report.kinks += 1,
                Slope::Mismatch { expected, error } => {
                    let found = (actual[at], expected, error);
                    return Err(self.mismatch(node, method, (output, at), found));
                }
            }
        }
        Ok(report)
    }

    /// The forward input that a backward node differentiates with respect to, and the
    /// gradients that arrive at the forward outputs it starts from.
    fn gradient_step(
        &self,
        node: &Node,
        given: &[Buffer<f64>],
        forward: &Node,
    ) -> (usize, Vec<(usize, Vec<f64>)>) {
        // What an operand must be; what other steps made, or stands in for a gradient, may be
        // any value.
        let fits = |operand: &GradientOperand, given: ValueId| match *operand {
            GradientOperand::Input(input) => forward.inputs[input] == given,
            GradientOperand::Output(output) => forward.outputs[output] == given,
            GradientOperand::GradientOf(output) => {
                self.graph.value(forward.outputs[output]).gradient == Some(given)
            }
            GradientOperand::GradientOrZero(_) | GradientOperand::Step(..) => true,
        };
        let steps = forward.op.gradient(&forward.dims);
        let number = steps
            .iter()
            .position(|step| {
                let mut operands = step.operands.iter().zip(&node.inputs);
                step.op == node.op && operands.all(|(operand, &given)| fits(operand, given))
            })
            .unwrap_or_else(|| panic!("{}: no gradient step of {}", node.name, forward.name));
        let operands = &steps[number].operands;
        let upstream = started_from(&steps, number).into_iter();
        let upstream = upstream.filter_map(|output| {
            // One that the node reads itself may be the memory that it writes.
            let direct = operands
                .iter()
                .position(|&operand| operand == GradientOperand::GradientOf(output));
            if let Some(direct) = direct {
                return Some((output, numbers(&given[direct])));
            }
            let gradient = self.graph.value(forward.outputs[output]).gradient?;
            Some((output, self.executor.reals(gradient).to_vec()))
        });
        (steps[number].target, upstream.collect())
    }

    /// A node's outputs for other inputs; the model's own values stay as they are.
    fn run_twin(&self, node: &Node, inputs: &[Buffer<f64>]) -> Vec<Buffer<f64>> {
        let declared = node.op.outputs();
        let mut aliased = vec![false; inputs.len()];
        let mut outputs: Vec<Buffer<f64>> = declared
            .iter()
            .zip(&node.outputs)
            .map(|(output, &id)| match output.role {
                Role::Alias(input) => {
                    aliased[input] = true;
                    inputs[input].clone()
                }
                _ => Buffer::unwritten(output.element, self.graph.value(id).shape.count()),
            })
            .collect();
        let mut io = Io {
            inputs: inputs
                .iter()
                .zip(&aliased)
                .map(|(input, aliased)| (!aliased).then(|| input.slice(0, input.len())))
                .collect(),
            outputs: outputs
                .iter_mut()
                .map(|output| {
                    let count = output.len();
                    output.slice_mut(0, count)
                })
                .collect(),
            step: self.step,
        };
        node.op.twin(&node.dims, &mut io);
        outputs
    }

    /// Some elements of every parameter's gradient, through the whole model.
    fn check_parameters(&self, report: &mut Collector<'_>) -> bool {
        let parameters = self.model.parameters.iter();
        parameters
            .map(|parameter| parameter.value)
            .all(|parameter| report.add(self.check_parameter(parameter)))
    }

    /// The largest magnitude in the gradients of all parameters.
    fn largest_gradient(&self) -> f64 {
        let gradients = self.model.parameters.iter();
        let gradients = gradients.filter_map(|p| self.graph.value(p.value).gradient);
        gradients
            .map(|gradient| largest_magnitude(self.executor.reals(gradient)))
            .fold(0.0, f64::max)
    }

    fn check_parameter(&self, parameter: ValueId) -> Result<NodeReport, Mismatch> {
        let method = Method::WholeModel;
        let value = self.graph.value(parameter);
        let gradient = value.gradient.expect("a parameter has a gradient");
        let node = self
            .graph
            .nodes()
            .iter()
            .find(|node| node.outputs.contains(&gradient))
            .expect("a node computes the gradient");
        let mut report = NodeReport {
            name: value.name.clone(),
            ..passed(node, method)
        };
        let actual = self.executor.reals(gradient).to_vec();
        let scale = largest_magnitude(&actual).max(CANCELLED * self.largest_gradient());
        let mut executor = self.executor.clone();
        let forward = executor.plan().phases(Phase::Data, Phase::Loss);
        for at in sampled(&actual, SAMPLED_IN_MODEL) {
            let start = executor.reals(parameter)[at];
            let mut loss = |offset: f64| {
                executor.reals_mut(parameter)[at] = start + offset;
                executor.run(forward.clone(), &self.step);
                executor.reals_mut(parameter)[at] = start;
                executor.reals(self.model.loss)[0]
            };
            let middle = loss(0.0);
            let differences = |step: f64| (loss(step) - middle, middle - loss(-step));
            match compare_slope(actual[at], scale, method.tolerance(), differences) {
                Slope::Match { error } => {
                    report.elements += 1;
                    report.largest_error = report.largest_error.max(error);
                }
                Slope::Kink => report.kinks += 1,
                Slope::Mismatch { expected, error } => {
                    let found = (actual[at], expected, error);
                    let mismatch = self.mismatch(node, method, (gradient, at), found);
                    return Err(mismatch);
                }
            }
        }
        Ok(report)
    }

    /// The update against its equations, which read the values before it.
    fn check_update(&mut self, report: &mut Collector<'_>) -> bool {
        let mut groups = self.executor.plan().phases(Phase::Update, Phase::Update);
        groups.all(|group| {
            let (node, inputs) = self.run(group);
            report.add(self.check_equations(self.graph.node(node), &inputs))
        })
    }

    fn mismatch(
        &self,
        node: &Node,
        method: Method,
        (value, at): (ValueId, usize),
        (actual, expected, error): (f64, f64, f64),
    ) -> Mismatch {
        let value = self.graph.value(value);
        Mismatch {
            name: node.name.clone(),
            operation: node.op.name(),
            method,
            tensor: value.name.clone(),
            index: value.shape.index(at),
            actual,
            expected,
            error,
        }
    }
}

/// A report without elements yet.
fn passed(node: &Node, method: Method) -> NodeReport {
    NodeReport {
        name: node.name.clone(),
        operation: node.op.name(),
        method,
        elements: 0,
        kinks: 0,
        largest_error: 0.0,
    }
}

fn numbers(buffer: &Buffer<f64>) -> Vec<f64> {
    (0..buffer.len())
        .filter_map(|at| buffer.number(at))
        .collect()
}

/// Σ upstream · (high − low): element by element, so that what did not move cancels exactly.
fn contract(upstream: &[(usize, Vec<f64>)], high: &[Buffer<f64>], low: &[Buffer<f64>]) -> f64 {
    let products = upstream.iter().flat_map(|(output, gradient)| {
        let (Buffer::Real(high), Buffer::Real(low)) = (&high[*output], &low[*output]) else {
            unreachable!("only reals have gradients")
        };
        let differences = high.iter().zip(low).map(|(high, low)| high - low);
        gradient.iter().zip(differences)
    });
    products.map(|(gradient, moved)| gradient * moved).sum()
}

/// Every node's kernels against the twin on the same inputs.
async fn check_kernels(
    subject: &Subject<'_>,
    gpu: &GpuDevice,
    report: &mut Collector<'_>,
) -> Result<(), GpuError> {
    let graph = Arc::new(subject.model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut oracle = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
    let mut executor = GpuExecutor::new(
        gpu,
        Arc::clone(&graph),
        Arc::clone(&plan),
        None,
        &mut |_, _| {},
    )
    .await?;
    for (value, values) in subject.given {
        oracle.write(*value, values);
        executor.write(*value, values);
    }
    for group in 0..plan.groups.len() {
        let groups = group..group + 1;
        let compared = bisect::compare_nodes(
            &mut executor,
            &mut oracle,
            groups,
            &subject.step,
            KERNEL_TOLERANCE,
        )
        .await?;
        for comparison in &compared {
            if !report.add(judge_kernel(&graph, comparison)) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn judge_kernel(graph: &Graph, comparison: &NodeComparison) -> Result<NodeReport, Mismatch> {
    let node = graph.node(comparison.node);
    let value = graph.value(comparison.value);
    // Written so that NaN fails.
    if comparison.error <= KERNEL_TOLERANCE {
        let counts = node.outputs.iter();
        let counts = counts.map(|&output| graph.value(output).shape.count());
        return Ok(NodeReport {
            elements: counts.sum(),
            largest_error: comparison.error,
            ..passed(node, Method::Kernel)
        });
    }
    Err(Mismatch {
        name: node.name.clone(),
        operation: node.op.name(),
        method: Method::Kernel,
        tensor: value.name.clone(),
        index: value.shape.index(comparison.offset),
        actual: comparison.actual,
        expected: comparison.expected,
        error: comparison.error,
    })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
