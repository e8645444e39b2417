//! Operations: one file for each family, forward and backward side by side.
//!
//! A file holds everything that is true of its operations: the tensors they
//! read and write, their shape rule, gradient rule, equations, cost, the CPU
//! twin and the kernels. `registry.rs` lists them; nothing else knows them by name.
//!
//! Adding an operation: its struct with `impl Operation` here, its shaders in
//! `shaders/`, one line in `registry.rs` and the shader's in `shader.rs`. The tests
//! walk over the registry, so a missing twin, equation or gradient check fails them.

mod activation;
mod add;
mod arithmetic;
mod attention;
mod augment;
mod axes;
mod binary_cross_entropy;
mod clip;
pub(crate) mod conv2d;
mod cost;
mod curve;
mod dims;
mod dropout;
mod elementwise;
mod embedding;
mod environment;
mod flatten;
mod gather;
mod gather_windows;
mod gelu;
mod io;
mod kernel;
mod kullback_leibler;
mod leaky_relu;
pub(crate) mod linear;
mod matrix_product;
pub(crate) mod normalization;
mod optimizer;
mod optimizer_adam;
mod optimizer_rms;
pub(crate) mod pool2d;
mod recurrent;
mod reduction;
mod registry;
mod regression;
mod reshape;
mod sequence_cross_entropy;
pub mod shader;
mod slice;
mod softmax;
pub(crate) mod softmax_cross_entropy;
mod weighted_cross_entropy;
pub mod wgsl_text;
mod window;

pub use activation::{Relu, ReluBackward, Sigmoid, SigmoidBackward, Tanh, TanhBackward};
pub use add::{Add, AddBackward};
pub use arithmetic::{
    BroadcastBackward, Divide, DivideBackwardDenominator, DivideBackwardNumerator, Maximum,
    MaximumBackward, Minimum, MinimumBackward, Multiply, MultiplyBackward, Subtract,
    SubtractBackward,
};
pub use attention::{
    AttentionMixture, AttentionMixtureBackwardValue, AttentionMixtureBackwardWeight,
    AttentionScores, AttentionScoresBackwardKey, AttentionScoresBackwardQuery, AttentionWeights,
    AttentionWeightsBackward,
};
pub use augment::Augment;
pub use binary_cross_entropy::{BinaryCrossEntropy, BinaryCrossEntropyBackward};
pub use clip::{ClipGradient, GradientNorm};
pub use conv2d::{Conv2d, Conv2dBackwardBias, Conv2dBackwardInput, Conv2dBackwardWeight};
pub use cost::Cost;
pub use curve::Curve;
pub use dims::Dims;
pub use dropout::{Dropout, DropoutBackward};
pub use elementwise::{
    Exponential, ExponentialBackward, Logarithm, LogarithmBackward, Negate, Power, PowerBackward,
    Square, SquareBackward, SquareRoot, SquareRootBackward,
};
pub use embedding::{Embedding, EmbeddingBackward};
pub use environment::OperationEnvironment;
pub use flatten::{Flatten, FlattenBackward};
pub use gather::{GatherBatch, GatherClasses, GatherRows};
pub use gather_windows::GatherWindows;
pub use gelu::{Approximate, Gelu, GeluBackward};
pub use io::{Buffer, Io, Slice, SliceMut};
pub(crate) use kernel::params;
pub use kernel::{KernelCall, Operand, Params, WORKGROUP_SIZE, linear_workgroups};
pub use kullback_leibler::{KullbackLeibler, KullbackLeiblerBackward};
pub use leaky_relu::{LeakyRelu, LeakyReluBackward};
pub use linear::{Linear, LinearBackwardBias, LinearBackwardInput, LinearBackwardWeight};
pub use matrix_product::MatrixProduct;
pub use normalization::{
    Axes, BatchNorm, BatchNormBackwardBias, BatchNormBackwardInput, BatchNormBackwardWeight,
    LayerNorm, LayerNormBackwardBias, LayerNormBackwardInput, LayerNormBackwardWeight, Positions,
};
pub use optimizer::{MomentumUpdate, SgdUpdate};
pub use optimizer_adam::{AdamUpdate, AdamwUpdate};
pub use optimizer_rms::{AdagradUpdate, RmspropUpdate};
pub use pool2d::{
    AvgPool2d, AvgPool2dBackward, GlobalAvgPool2d, GlobalAvgPool2dBackward, MaxPool2d,
    MaxPool2dBackward,
};
pub use recurrent::{
    Activation as RnnActivation, Gru, GruBackward, GruBackwardState, LastStep, LastStepBackward,
    Lstm, LstmBackward, LstmBackwardCell, RecurrentBackwardState, RecurrentBackwardWeight, Rnn,
    RnnBackward, order_of_steps,
};
pub use reduction::{Mean, MeanBackward, Sum, SumBackward};
pub use registry::Op;
pub use regression::{
    MeanAbsoluteError, MeanAbsoluteErrorBackward, MeanSquaredError, MeanSquaredErrorBackward,
    Reduction,
};
pub use reshape::{Reshape, Transpose};
pub use sequence_cross_entropy::{SequenceCrossEntropy, SequenceCrossEntropyBackward};
pub use slice::{Concatenate, Slice as SliceOperation, SliceBackward};
pub use softmax::{LogSoftmax, LogSoftmaxBackward, Softmax, SoftmaxBackward};
pub use softmax_cross_entropy::{SoftmaxCrossEntropy, SoftmaxCrossEntropyBackward};
pub use weighted_cross_entropy::{WeightedCrossEntropy, WeightedCrossEntropyBackward};
pub use window::{Padding, Pair};

use crate::equation::Equation;
use crate::tensor::{ElementType, Real, Shape};
use serde::{Deserialize, Serialize};

/// Why an operation cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    #[error("{op}: expected {expected} inputs, got {actual}")]
    InputCount {
        op: &'static str,
        expected: usize,
        actual: usize,
    },
    #[error("{op}: {tensor} is {actual}, expected {expected}")]
    Shape {
        op: &'static str,
        tensor: &'static str,
        actual: Shape,
        expected: String,
    },
    #[error("{op}: {tensor} holds {actual} values, expected {expected}")]
    Type {
        op: &'static str,
        tensor: &'static str,
        actual: ElementType,
        expected: ElementType,
    },
    #[error("{op}: {message}")]
    Attribute { op: &'static str, message: String },
    #[error("no operation is called \"{name}\"; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("{op}: attributes are not valid: {message}")]
    Json { op: String, message: String },
}

/// A tensor that an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its symbol in the equation, the kernel's binding and error messages.
    pub name: &'static str,
    /// Letters of its dimensions, outermost first, or [`ANY`].
    pub dims: &'static [&'static str],
    pub element: ElementType,
    /// Letter of the size that whole numbers must stay below, where they point
    /// into another tensor: a class, the place of a sample.
    pub below: Option<&'static str>,
    /// The one number that may be there all the same: a label that is ignored.
    pub or: Option<u32>,
}

impl Input {
    pub const fn below(mut self, letter: &'static str) -> Self {
        self.below = Some(letter);
        self
    }

    pub const fn or(mut self, number: u32) -> Self {
        self.or = Some(number);
        self
    }
}

/// Any shape; the equation sees it as one long row with index `i` below `count`.
pub const ANY: &[&str] = &["…"];

/// Any shape of its own: [`Operation::derive`] checks it, finds it as [`Dims::input`],
/// and sets that of an output with [`Dims::set_output`].
pub const FREE: &[&str] = &["*"];

/// An f32 input.
pub const fn input(name: &'static str, dims: &'static [&'static str]) -> Input {
    Input {
        name,
        dims,
        element: ElementType::F32,
        below: None,
        or: None,
    }
}

/// A u32 input.
pub const fn index_input(name: &'static str, dims: &'static [&'static str]) -> Input {
    Input {
        name,
        dims,
        element: ElementType::U32,
        below: None,
        or: None,
    }
}

/// What an output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Result,
    /// Kept for the backward pass or for a viewer.
    Saved,
    /// The same memory as the input with this number: a new shape of it, or its
    /// updated state. The twin reaches the input through the output.
    Alias(usize),
}

/// A tensor that an operation writes, whole, each time it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: &'static str,
    /// Letters bound by the inputs or by [`Operation::derive`].
    pub dims: &'static [&'static str],
    pub element: ElementType,
    pub role: Role,
}

/// An f32 result.
pub const fn output(name: &'static str, dims: &'static [&'static str]) -> Output {
    Output {
        name,
        dims,
        element: ElementType::F32,
        role: Role::Result,
    }
}

impl Output {
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    pub const fn element(mut self, element: ElementType) -> Self {
        self.element = element;
        self
    }
}

/// Where a gradient step's operand comes from, seen from the forward operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientOperand {
    Input(usize),
    Output(usize),
    /// The gradient of the loss with respect to this output.
    GradientOf(usize),
    /// The same, or zeros where the loss does not depend on this output but does on another
    /// one of the operation.
    GradientOrZero(usize),
    /// Output of an earlier step of the same operation: (number of the step, output).
    Step(usize, usize),
}

/// One operation of a backward pass.
#[derive(Clone, Debug)]
pub struct GradientStep {
    pub op: Op,
    pub operands: Vec<GradientOperand>,
    /// The forward input whose gradient the step's first output is.
    pub target: usize,
}

/// The steps that have to run for those that `is_wanted`: themselves, and what they read of
/// earlier steps.
pub fn needed_steps(
    steps: &[GradientStep],
    is_wanted: impl Fn(usize, &GradientStep) -> bool,
) -> Vec<bool> {
    let mut needed = vec![false; steps.len()];
    for (number, step) in steps.iter().enumerate().rev() {
        needed[number] |= is_wanted(number, step);
        if needed[number] {
            for operand in &step.operands {
                if let GradientOperand::Step(earlier, _) = *operand {
                    needed[earlier] = true;
                }
            }
        }
    }
    needed
}

/// The outputs whose gradient a step starts from, by itself or by way of earlier steps.
pub fn started_from(steps: &[GradientStep], number: usize) -> Vec<usize> {
    let mut outputs: Vec<usize> = Vec::new();
    for operand in &steps[number].operands {
        match *operand {
            GradientOperand::GradientOf(output) | GradientOperand::GradientOrZero(output) => {
                outputs.push(output);
            }
            GradientOperand::Step(earlier, _) => outputs.extend(started_from(steps, earlier)),
            GradientOperand::Input(_) | GradientOperand::Output(_) => {}
        }
    }
    outputs.sort_unstable();
    outputs.dedup();
    outputs
}

/// An operation: what it reads and writes, what it computes, and how.
pub trait Operation: Clone {
    /// `snake_case`, the same in files, kernels, tests and on the page.
    const NAME: &'static str;

    fn inputs(&self) -> Vec<Input>;

    fn outputs(&self) -> Vec<Output>;

    /// Checks attributes against the inputs' sizes, and adds the sizes that
    /// only the outputs have. The error says what was expected and what came.
    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        Ok(())
    }

    /// Attributes that the equations name, with their values.
    fn scalars(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The backward pass: one step for each input that has a gradient.
    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        Vec::new()
    }

    /// One equation for each output, in their order. An update's reads what it
    /// overwrites: the values before the update.
    ///
    /// An operation whose equations depend on its inputs' shapes has
    /// [`Operation::equations_for`] instead.
    fn equations(&self) -> Vec<Equation> {
        Vec::new()
    }

    /// As [`Operation::equations`], for inputs of these sizes.
    fn equations_for(&self, _dims: &Dims) -> Vec<Equation> {
        self.equations()
    }

    /// (output, formula) in terms of whole tensors, as the model's equations show it: `("y", "x · wᵀ + b")`.
    ///
    /// Words that name an input or output stand for it; every other word is a function or a size.
    /// Between them stand `+ − · ⊙ ⋆ ∗ / > , ( ) [ ]`, numbers, `Σ`, and `ᵀ` behind what is
    /// transposed. Without a formula an output is shown as the operation's name applied to its inputs.
    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Its FLOPs; [`Op::cost`] adds the bytes.
    fn cost(&self, dims: &Dims) -> Cost;

    /// Computes the outputs on the CPU.
    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>);

    /// Sizes, in f32 elements, of the memory that the kernels hand to each other.
    fn workspaces(&self, _dims: &Dims) -> Vec<usize> {
        Vec::new()
    }

    /// The kernels to run, in order.
    fn kernels(&self, dims: &Dims) -> Vec<KernelCall>;
}

/// The outcome of checking an operation against its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub dims: Dims,
    pub outputs: Vec<(Shape, ElementType)>,
}

/// Checks inputs against an operation and computes its output shapes.
///
/// # Errors
/// When number, types or shapes of the inputs do not fit, naming the tensor. A
/// size of 0 never fits: there would be nothing to compute.
pub fn resolve<O: Operation>(
    op: &O,
    inputs: &[(&Shape, ElementType)],
) -> Result<Resolved, OpError> {
    let derive = |dims: &mut Dims| op.derive(dims);
    resolve_declared(O::NAME, &op.inputs(), &op.outputs(), &derive, inputs)
}

/// [`resolve`] without the operation's type, so that the program holds it once.
fn resolve_declared(
    op: &'static str,
    declared: &[Input],
    outputs: &[Output],
    derive: &dyn Fn(&mut Dims) -> Result<(), String>,
    inputs: &[(&Shape, ElementType)],
) -> Result<Resolved, OpError> {
    if declared.len() != inputs.len() {
        return Err(OpError::InputCount {
            op,
            expected: declared.len(),
            actual: inputs.len(),
        });
    }
    let mut dims = Dims::default();
    for (input, &(shape, element)) in declared.iter().zip(inputs) {
        if element != input.element {
            return Err(OpError::Type {
                op,
                tensor: input.name,
                actual: element,
                expected: input.element,
            });
        }
        dims.unify(input.dims, shape)
            .map_err(|expected| OpError::Shape {
                op,
                tensor: input.name,
                actual: shape.clone(),
                expected,
            })?;
    }
    let attribute = |message| OpError::Attribute { op, message };
    derive(&mut dims).map_err(attribute)?;
    let outputs = outputs
        .iter()
        .enumerate()
        .map(|(number, output)| {
            let shape = match output.dims {
                FREE => dims.output(number).clone(),
                letters => dims
                    .shape(letters)
                    .map_err(|error| attribute(error.to_string()))?,
            };
            if shape.count() == 0 {
                return Err(attribute(format!(
                    "{} would be empty: {shape}",
                    output.name
                )));
            }
            Ok((shape, output.element))
        })
        .collect::<Result<_, OpError>>()?;
    Ok(Resolved { dims, outputs })
}

/// What changes from step to step: one record in a uniform buffer on the GPU,
/// the same struct for the twins. Mirrors `StepValues` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct StepValues {
    /// Number of updates done before this step.
    pub step: u32,
    /// Samples of the batch that count; the rows behind them are padding.
    pub valid: u32,
    /// Where this batch's indices begin in the uploaded order.
    pub first: u32,
    /// Place of this step's record in the ring of losses.
    pub slot: u32,
    pub learning_rate: f32,
    /// Adam: 1 − β₁ᵗ with t = step + 1.
    pub bias_correction_1: f32,
    /// Adam: 1 − β₂ᵗ.
    pub bias_correction_2: f32,
    /// 1 in training, 0 in inference: what normalization and dropout do differs.
    pub training: u32,
}

impl StepValues {
    /// For inference, without an update: `valid` samples at the start of the order.
    pub fn forward(valid: u32) -> Self {
        Self {
            step: 0,
            valid,
            first: 0,
            slot: 0,
            learning_rate: 0.0,
            bias_correction_1: 1.0,
            bias_correction_2: 1.0,
            training: 0,
        }
    }

    /// The same step in training: batch statistics, dropout.
    #[must_use]
    pub fn in_training(mut self) -> Self {
        self.training = 1;
        self
    }

    pub fn is_training(&self) -> bool {
        self.training != 0
    }

    /// Scalars that every equation may name: `B` valid samples, `η` learning rate, `t` steps,
    /// `train` 1 in training and 0 in inference.
    pub fn scalar(&self, name: &str) -> Option<f64> {
        match name {
            "B" => Some(f64::from(self.valid)),
            "η" => Some(f64::from(self.learning_rate)),
            "t" => Some(f64::from(self.step) + 1.0),
            "first" => Some(f64::from(self.first)),
            "train" => Some(f64::from(self.training)),
            _ => None,
        }
    }
}
