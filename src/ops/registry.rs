//! The list of all operations, and the one enum that holds any of them.

use super::*;
use crate::tensor::{ElementType, Real, Shape};

/// Generates `enum Op` with methods that delegate to the operation inside. An
/// enum rather than `dyn Operation`, because `twin` is generic.
macro_rules! registry {
    ($($variant:ident),+ $(,)?) => {
        /// Any operation.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Op {
            $($variant($variant)),+
        }

        impl Op {
            /// Names of all operations, in the registry's order.
            pub const NAMES: &'static [&'static str] = &[$(<$variant as Operation>::NAME),+];

            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$variant as Operation>::NAME),+ }
            }

            /// The operation called `name` with attributes as JSON: `conv2d`, `{"stride": 1, "padding": 0}`.
            ///
            /// # Errors
            /// When there is no such operation, or the attributes are not its own.
            pub fn from_json(name: &str, attributes: &serde_json::Value) -> Result<Self, OpError> {
                let json_error = |error: serde_json::Error| OpError::Json {
                    op: name.to_string(),
                    message: error.to_string(),
                };
                let check = |known: serde_json::Value| unknown_attribute(name, attributes, &known);
                match name {
                    $(<$variant as Operation>::NAME => {
                        let op: $variant =
                            serde_json::from_value(attributes.clone()).map_err(json_error)?;
                        check(serde_json::to_value(&op).map_err(json_error)?)?;
                        Ok(Self::$variant(op))
                    })+
                    _ => Err(OpError::Unknown {
                        name: name.to_string(),
                        known: Self::NAMES.join(", "),
                    }),
                }
            }

            pub fn inputs(&self) -> Vec<Input> {
                match self { $(Self::$variant(op) => op.inputs()),+ }
            }

            pub fn outputs(&self) -> Vec<Output> {
                match self { $(Self::$variant(op) => op.outputs()),+ }
            }

            /// # Errors
            /// As [`resolve`].
            pub fn resolve(&self, inputs: &[(&Shape, ElementType)]) -> Result<Resolved, OpError> {
                match self { $(Self::$variant(op) => resolve(op, inputs)),+ }
            }

            pub fn scalars(&self) -> Vec<(&'static str, f64)> {
                match self { $(Self::$variant(op) => op.scalars()),+ }
            }

            pub fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
                match self { $(Self::$variant(op) => op.gradient(dims)),+ }
            }

            pub fn equations(&self, dims: &Dims) -> Vec<Equation> {
                match self { $(Self::$variant(op) => op.equations_for(dims)),+ }
            }

            /// As [`Operation::formulas`].
            pub fn formulas(&self) -> &'static [(&'static str, &'static str)] {
                match self { $(Self::$variant(op) => op.formulas()),+ }
            }

            /// Counted floating-point operations; a multiply-add is two.
            pub fn flops(&self, dims: &Dims) -> u64 {
                match self { $(Self::$variant(op) => op.cost(dims).flops),+ }
            }

            /// Computes the outputs on the CPU.
            pub fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                match self { $(Self::$variant(op) => op.twin(dims, io)),+ }
            }

            pub fn workspaces(&self, dims: &Dims) -> Vec<usize> {
                match self { $(Self::$variant(op) => op.workspaces(dims)),+ }
            }

            pub fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                match self { $(Self::$variant(op) => op.kernels(dims)),+ }
            }
        }
    };
}

registry! {
    GatherBatch,
    GatherRows,
    GatherClasses,
    GatherWindows,
    Augment,
    Linear,
    LinearBackwardInput,
    LinearBackwardWeight,
    LinearBackwardBias,
    Conv2d,
    Conv2dBackwardInput,
    Conv2dBackwardWeight,
    Conv2dBackwardBias,
    MaxPool2d,
    MaxPool2dBackward,
    AvgPool2d,
    AvgPool2dBackward,
    GlobalAvgPool2d,
    GlobalAvgPool2dBackward,
    BatchNorm,
    BatchNormBackwardInput,
    BatchNormBackwardWeight,
    BatchNormBackwardBias,
    LayerNorm,
    LayerNormBackwardInput,
    LayerNormBackwardWeight,
    LayerNormBackwardBias,
    Dropout,
    DropoutBackward,
    Relu,
    ReluBackward,
    Sigmoid,
    SigmoidBackward,
    Tanh,
    TanhBackward,
    LeakyRelu,
    LeakyReluBackward,
    Gelu,
    GeluBackward,
    Softmax,
    SoftmaxBackward,
    LogSoftmax,
    LogSoftmaxBackward,
    Flatten,
    FlattenBackward,
    Add,
    AddBackward,
    BroadcastBackward,
    Subtract,
    SubtractBackward,
    Multiply,
    MultiplyBackward,
    Divide,
    DivideBackwardNumerator,
    DivideBackwardDenominator,
    Maximum,
    MaximumBackward,
    Minimum,
    MinimumBackward,
    Negate,
    Exponential,
    ExponentialBackward,
    Logarithm,
    LogarithmBackward,
    SquareRoot,
    SquareRootBackward,
    Square,
    SquareBackward,
    Power,
    PowerBackward,
    Sum,
    SumBackward,
    Mean,
    MeanBackward,
    MatrixProduct,
    Reshape,
    Transpose,
    Concatenate,
    SliceOperation,
    SliceBackward,
    Embedding,
    EmbeddingBackward,
    Rnn,
    RnnBackward,
    Lstm,
    LstmBackward,
    LstmBackwardCell,
    Gru,
    GruBackward,
    GruBackwardState,
    RecurrentBackwardWeight,
    RecurrentBackwardState,
    LastStep,
    LastStepBackward,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyBackward,
    BinaryCrossEntropy,
    BinaryCrossEntropyBackward,
    WeightedCrossEntropy,
    WeightedCrossEntropyBackward,
    SequenceCrossEntropy,
    SequenceCrossEntropyBackward,
    MeanSquaredError,
    MeanSquaredErrorBackward,
    MeanAbsoluteError,
    MeanAbsoluteErrorBackward,
    KullbackLeibler,
    KullbackLeiblerBackward,
    AttentionScores,
    AttentionScoresBackwardQuery,
    AttentionScoresBackwardKey,
    AttentionWeights,
    AttentionWeightsBackward,
    AttentionMixture,
    AttentionMixtureBackwardWeight,
    AttentionMixtureBackwardValue,
    GradientNorm,
    ClipGradient,
    SgdUpdate,
    MomentumUpdate,
    RmspropUpdate,
    AdagradUpdate,
    AdamUpdate,
    AdamwUpdate,
}

/// Refuses an attribute that the operation does not have: a word misspelt would
/// otherwise leave the default in place without a sound.
fn unknown_attribute(
    op: &str,
    given: &serde_json::Value,
    known: &serde_json::Value,
) -> Result<(), OpError> {
    let (Some(given), Some(known)) = (given.as_object(), known.as_object()) else {
        return Ok(());
    };
    let Some(name) = given.keys().find(|name| !known.contains_key(*name)) else {
        return Ok(());
    };
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    Err(OpError::Json {
        op: op.to_string(),
        message: match names[..] {
            [] => format!("unknown field `{name}`, there are no attributes"),
            _ => format!(
                "unknown field `{name}`, expected one of {}",
                names.join(", ")
            ),
        },
    })
}

impl Op {
    /// Whether the operation turns inputs of a model into activations, rather
    /// than being made by differentiation, for updates or for data.
    pub fn is_differentiable(&self, dims: &Dims) -> bool {
        !self.gradient(dims).is_empty()
    }
}
