//! One operation with given inputs, forward and backward, in f64 on the CPU: what widgets ask for.

use serde::{Deserialize, Serialize};

use super::LessonError;
use crate::exec::request::{Inputs, Number, Request, StepRequest, TensorData};

/// Most numbers of an input or of an output.
pub const MAX_NUMBERS: usize = 1 << 20;

/// A tensor, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Numbers {
    pub fn new(shape: impl Into<Vec<usize>>, data: impl Into<Vec<f64>>) -> Self {
        Self {
            shape: shape.into(),
            data: data.into(),
        }
    }

    /// One number of shape ().
    pub fn scalar(value: f64) -> Self {
        Self::new([], [value])
    }

    fn of(tensor: &TensorData) -> Self {
        Self::new(tensor.shape.clone(), tensor.numbers())
    }

    fn tensor(&self) -> TensorData {
        TensorData {
            shape: self.shape.clone(),
            data: self.data.iter().map(|&value| Number(value)).collect(),
        }
    }
}

/// An operation of the registry (`docs/OPERATIONS.md`) and what it reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationRequest {
    /// `conv2d`
    pub operation: String,
    /// A JSON object; empty for an operation without attributes, or with those that it has by itself.
    pub attributes: String,
    /// In the operation's order. Whole numbers where it reads classes or tokens.
    pub inputs: Vec<Numbers>,
    /// dL/d(output), one for each output that the backward pass starts from; `None` leaves the backward pass out.
    pub output_gradients: Option<Vec<Numbers>>,
    /// The learning rate of an optimizer's update.
    pub learning_rate: f32,
    /// Updates done before this one.
    pub step: u32,
}

impl OperationRequest {
    /// The forward pass of an operation.
    pub fn forward(operation: &str, attributes: &str, inputs: impl Into<Vec<Numbers>>) -> Self {
        Self {
            operation: operation.into(),
            attributes: attributes.into(),
            inputs: inputs.into(),
            ..Self::default()
        }
    }

    /// The forward and the backward pass.
    pub fn with_gradients(
        operation: &str,
        attributes: &str,
        inputs: impl Into<Vec<Numbers>>,
        output_gradients: impl Into<Vec<Numbers>>,
    ) -> Self {
        Self {
            output_gradients: Some(output_gradients.into()),
            ..Self::forward(operation, attributes, inputs)
        }
    }
}

/// What an operation computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationResult {
    /// In the operation's order.
    pub outputs: Vec<Numbers>,
    /// dL/d(input) for each input, where it has one; empty where no backward pass was asked for.
    pub gradients: Vec<Option<Numbers>>,
}

/// Runs an operation in f64 on the CPU.
///
/// # Errors
/// When there is no such operation, or what is given does not fit it.
pub fn run_operation(request: &OperationRequest) -> Result<OperationResult, LessonError> {
    let operation = &request.operation;
    let attributes = match request.attributes.trim() {
        "" => serde_json::Map::new(),
        text => serde_json::from_str(text).map_err(|error| LessonError::Attributes {
            operation: operation.clone(),
            message: error.to_string(),
        })?,
    };
    let given = |what: &'static str, tensors: &[Numbers]| {
        tensors
            .iter()
            .map(|numbers| check(operation, what, numbers).map(|()| numbers.tensor()))
            .collect::<Result<Vec<TensorData>, LessonError>>()
    };
    let upstream = request.output_gradients.as_ref();
    let request = Request {
        name: None,
        operation: operation.clone(),
        attributes,
        inputs: Inputs::Row(given("an input", &request.inputs)?),
        output_gradients: upstream
            .map(|upstream| given("an output gradient", upstream))
            .transpose()?,
        step: StepRequest {
            step: request.step,
            learning_rate: request.learning_rate,
            ..StepRequest::default()
        },
    };
    let answer = request.run::<f64>()?;
    let outputs = answer.outputs.iter();
    let gradients = answer.gradients.unwrap_or_default();
    Ok(OperationResult {
        outputs: outputs.map(|output| Numbers::of(&output.tensor)).collect(),
        gradients: gradients
            .iter()
            .map(|gradient| gradient.as_ref().map(Numbers::of))
            .collect(),
    })
}

/// That a tensor has as many numbers as its shape says, and not too many.
fn check(operation: &str, what: &'static str, numbers: &Numbers) -> Result<(), LessonError> {
    let actual = numbers.data.len();
    if actual > MAX_NUMBERS {
        return Err(LessonError::TooLarge {
            operation: operation.into(),
            what,
            actual,
        });
    }
    let mut sizes = numbers.shape.iter();
    let count = sizes.try_fold(1usize, |count, &size| count.checked_mul(size));
    match count == Some(actual) {
        true => Ok(()),
        false => Err(LessonError::Numbers {
            operation: operation.into(),
            shape: numbers.shape.clone(),
            actual,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_runs_forward_and_backward() {
        let request = OperationRequest::with_gradients(
            "linear",
            "",
            [
                Numbers::new([1, 2], [1.0, 2.0]),
                Numbers::new([1, 2], [3.0, 4.0]),
                Numbers::new([1], [0.5]),
            ],
            [Numbers::new([1, 1], [2.0])],
        );
        let result = run_operation(&request).unwrap();
        assert_eq!(result.outputs, [Numbers::new([1, 1], [11.5])]);
        let expected = [
            Numbers::new([1, 2], [6.0, 8.0]),
            Numbers::new([1, 2], [2.0, 4.0]),
            Numbers::new([1], [2.0]),
        ];
        assert_eq!(result.gradients, expected.map(Some));
    }

    #[test]
    fn attributes_classes_and_updates_go_through() {
        let request = OperationRequest::forward(
            "softmax_cross_entropy",
            "",
            [Numbers::new([1, 2], [0.0, 0.0]), Numbers::new([1], [1.0])],
        );
        let loss = &run_operation(&request).unwrap().outputs[0];
        assert!((loss.data[0] - std::f64::consts::LN_2).abs() < 1e-12);
        let update = OperationRequest {
            learning_rate: 0.5,
            ..OperationRequest::forward(
                "sgd_update",
                r#"{"weight_decay": 0}"#,
                [Numbers::new([1], [1.0]), Numbers::new([1], [4.0])],
            )
        };
        assert_eq!(run_operation(&update).unwrap().outputs[0].data, [-1.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_reason() {
        let message = |request: &OperationRequest| run_operation(request).unwrap_err().to_string();
        let relu = |attributes, numbers| OperationRequest::forward("relu", attributes, [numbers]);
        let one = Numbers::new([1], [1.0]);
        assert!(message(&relu("{", one.clone())).starts_with("relu: its attributes are no JSON"));
        let short = Numbers::new([2, 2], [1.0]);
        assert_eq!(
            message(&relu("", short)),
            "relu: a tensor of shape [2, 2] has 1 numbers"
        );
        let vast = Numbers::new([usize::MAX, 2], [1.0]);
        assert!(message(&relu("", vast)).contains("has 1 numbers"));
        let many = Numbers::new([MAX_NUMBERS + 1], vec![0.0; MAX_NUMBERS + 1]);
        assert!(message(&relu("", many)).contains("expected at most"));
        let unknown = OperationRequest::forward("no_such", "", [one]);
        assert!(message(&unknown).contains("no_such"));
    }
}
