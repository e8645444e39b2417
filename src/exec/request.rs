//! Single operations as data: what to run, as JSON, and what came of it.
//!
//! One request is one JSON object; `glassbox op` takes one a line. `docs/OPERATIONS.md`
//! says what may stand in it.
//!
//! ```
//! use glassbox::exec::request::Request;
//!
//! let request: Request = serde_json::from_str(
//!     r#"{"operation": "mean_squared_error", "attributes": {"factor": 0.5},
//!         "inputs": {"a": {"shape": [2, 1], "data": [1, 3]}, "t": {"shape": [2, 1], "data": [0, 1]}},
//!         "output_gradients": [{"shape": [], "data": [1]}]}"#,
//! )?;
//! let answer = request.run::<f64>()?;
//! assert_eq!(answer.outputs[0].tensor.numbers(), [1.25]);
//! let gradient = answer.gradients.unwrap()[0].clone().unwrap();
//! assert_eq!(gradient.numbers(), [0.5, 1.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::gpu::GpuDevice;
use super::single::{SingleError, SingleOperation, SingleRun};
use crate::graph::ValueId;
use crate::ops::{Buffer, Op, StepValues};
use crate::tensor::{ElementType, Real, Shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// One operation to run, with everything it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Handed back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub operation: String,
    #[serde(default)]
    pub attributes: serde_json::Map<String, serde_json::Value>,
    pub inputs: Inputs,
    /// One for each output that the backward pass starts from; asks for gradients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_gradients: Option<Vec<TensorData>>,
    #[serde(default)]
    pub step: StepRequest,
}

/// An operation's inputs: in its order, or by the symbols of its equations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Inputs {
    Row(Vec<TensorData>),
    Named(BTreeMap<String, TensorData>),
}

/// The step's values, as far as they are not 0 or follow from the operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepRequest {
    /// Updates done before this one; Adam's corrections follow from it.
    pub step: u32,
    /// Rows of the batch that count; all, if not given.
    pub valid: Option<u32>,
    /// Where the batch begins in the order of samples.
    pub first: u32,
    pub learning_rate: f32,
    /// Whether it is a step of training: dropout, batch statistics.
    pub training: bool,
}

/// A tensor in JSON, row-major. Its type is the one that the operation declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorData {
    pub shape: Vec<usize>,
    pub data: Vec<Number>,
}

impl TensorData {
    pub fn numbers(&self) -> Vec<f64> {
        self.data.iter().map(|number| number.0).collect()
    }
}

/// A number; `"NaN"`, `"Infinity"` and `"-Infinity"` are written as strings, which JSON
/// has no numbers for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value => serializer.serialize_f64(value),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        let written = Written::deserialize(deserializer).map_err(|_| {
            serde::de::Error::custom(
                "a tensor holds numbers, \"NaN\", \"Infinity\" and \"-Infinity\" only",
            )
        })?;
        match written {
            Written::Number(value) => Ok(Self(value)),
            Written::Word(word) => match word.as_str() {
                "NaN" => Ok(Self(f64::NAN)),
                "Infinity" => Ok(Self(f64::INFINITY)),
                "-Infinity" => Ok(Self(f64::NEG_INFINITY)),
                other => Err(serde::de::Error::custom(format!(
                    "\"{other}\" is no number, expected a number, \"NaN\", \"Infinity\" or \"-Infinity\""
                ))),
            },
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub operation: String,
    /// In the order of the operation's outputs.
    pub outputs: Vec<NamedTensor>,
    /// For each input; `None` where it has no gradient. Only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradients: Option<Vec<Option<TensorData>>>,
}

/// A tensor with its symbol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedTensor {
    pub symbol: &'static str,
    #[serde(flatten)]
    pub tensor: TensorData,
}

/// A request that was checked against its operation.
struct Prepared<T> {
    op: Op,
    single: SingleOperation,
    inputs: Vec<Buffer<T>>,
    output_gradients: Vec<Buffer<T>>,
    step: StepValues,
}

impl Request {
    /// Runs on the CPU, in f32 or f64.
    ///
    /// # Errors
    /// When there is no such operation, or attributes, inputs or step do not fit it.
    pub fn run<T: Real>(&self) -> Result<Answer, SingleError> {
        let prepared = self.prepare::<T>()?;
        let run =
            prepared
                .single
                .run(&prepared.inputs, &prepared.output_gradients, &prepared.step)?;
        Ok(self.answer(&prepared, &run))
    }

    /// Runs the kernels on the GPU: those that stepping shows, one operation at a time.
    ///
    /// # Errors
    /// As [`Request::run`], and when the GPU refuses or is lost.
    pub async fn run_on_gpu(&self, device: &GpuDevice) -> Result<Answer, SingleError> {
        let prepared = self.prepare::<f32>()?;
        let (inputs, upstream) = (&prepared.inputs, &prepared.output_gradients);
        let run = prepared
            .single
            .run_on_gpu(device, inputs, upstream, &prepared.step);
        let run = run.await?;
        Ok(self.answer(&prepared, &run))
    }

    fn prepare<T: Real>(&self) -> Result<Prepared<T>, SingleError> {
        let attributes = serde_json::Value::Object(self.attributes.clone());
        let op = Op::from_json(&self.operation, &attributes)?;
        let declared = op.inputs();
        let tensors = self.inputs_in_order(&op)?;
        let mut described = Vec::with_capacity(tensors.len());
        let mut inputs = Vec::with_capacity(tensors.len());
        for (at, tensor) in tensors.into_iter().enumerate() {
            // An input too many is refused below, with the operation's name.
            let (name, element) = declared
                .get(at)
                .map_or(("surplus", ElementType::F32), |input| {
                    (input.name, input.element)
                });
            described.push((Shape::new(tensor.shape.clone())?, element));
            inputs.push(buffer(&op, name, element, tensor)?);
        }
        let single = match self.output_gradients {
            Some(_) => SingleOperation::with_gradient(op.clone(), &described)?,
            None => SingleOperation::forward(op.clone(), &described)?,
        };
        let upstream = self.output_gradients.iter().flatten();
        let given = single.output_gradients();
        let mut output_gradients = Vec::new();
        for (at, tensor) in upstream.enumerate() {
            if let Some(&id) = given.get(at) {
                single.check_shape(id, &Shape::new(tensor.shape.clone())?)?;
            }
            output_gradients.push(buffer(&op, "output gradient", ElementType::F32, tensor)?);
        }
        let batch = single.graph().node(single.node()).dims.find("N");
        let step = self.step.values(&op, batch.unwrap_or(0));
        Ok(Prepared {
            op,
            single,
            inputs,
            output_gradients,
            step,
        })
    }

    fn inputs_in_order(&self, op: &Op) -> Result<Vec<&TensorData>, SingleError> {
        let named = match &self.inputs {
            Inputs::Row(tensors) => return Ok(tensors.iter().collect()),
            Inputs::Named(named) => named,
        };
        let declared = op.inputs();
        let expected = || {
            let names = declared.iter().map(|input| input.name);
            names.collect::<Vec<_>>().join(", ")
        };
        if let Some(name) = named
            .keys()
            .find(|name| declared.iter().all(|input| input.name != **name))
        {
            return Err(SingleError::Input {
                op: op.name(),
                message: format!("no input is called \"{name}\"; there are: {}", expected()),
            });
        }
        let tensor = |name: &str| {
            named.get(name).ok_or_else(|| SingleError::Input {
                op: op.name(),
                message: format!("input {name} is missing, expected {}", expected()),
            })
        };
        declared.iter().map(|input| tensor(input.name)).collect()
    }

    fn answer<T: Real>(&self, prepared: &Prepared<T>, run: &SingleRun<T>) -> Answer {
        let graph = prepared.single.graph();
        let tensor = |id: ValueId, buffer: &Buffer<T>| TensorData {
            shape: graph.value(id).shape.dims().to_vec(),
            data: (0..buffer.len())
                .map(|at| Number(buffer.number(at).expect("a position below the length")))
                .collect(),
        };
        let declared = prepared.op.outputs();
        let outputs = prepared.single.outputs().iter().zip(&run.outputs);
        let gradients = prepared.single.gradients().iter().zip(&run.gradients);
        Answer {
            name: self.name.clone(),
            operation: self.operation.clone(),
            outputs: declared
                .iter()
                .zip(outputs)
                .map(|(output, (&id, buffer))| NamedTensor {
                    symbol: output.name,
                    tensor: tensor(id, buffer),
                })
                .collect(),
            gradients: self.output_gradients.is_some().then(|| {
                gradients
                    .map(|(&id, buffer)| Some(tensor(id?, buffer.as_ref()?)))
                    .collect()
            }),
        }
    }
}

impl StepRequest {
    /// The values of a step of `op` on a batch of `batch` rows.
    fn values(self, op: &Op, batch: usize) -> StepValues {
        let [bias_correction_1, bias_correction_2] = op.bias_corrections(u64::from(self.step) + 1);
        let valid = self.valid.unwrap_or(batch as u32);
        StepValues {
            step: self.step,
            first: self.first,
            learning_rate: self.learning_rate,
            bias_correction_1,
            bias_correction_2,
            training: u32::from(self.training),
            ..StepValues::forward(valid)
        }
    }
}

/// The numbers as what the operation reads. A negative whole number, such as the
/// label −100, becomes the 32 bits that it is stored in.
fn buffer<T: Real>(
    op: &Op,
    tensor: &str,
    element: ElementType,
    data: &TensorData,
) -> Result<Buffer<T>, SingleError> {
    let whole = |low: i64, high: i64| {
        let numbers = data.data.iter().map(move |&Number(value)| {
            let fits = value.fract() == 0.0 && value >= low as f64 && value <= high as f64;
            fits.then_some(value as i64).ok_or(value)
        });
        numbers
            .collect::<Result<Vec<i64>, f64>>()
            .map_err(|value| SingleError::Input {
                op: op.name(),
                message: format!(
                    "{tensor} holds {value}, expected whole numbers from {low} to {high}"
                ),
            })
    };
    Ok(match element {
        ElementType::F32 => Buffer::Real(
            data.data
                .iter()
                .map(|number| T::from_f64(number.0))
                .collect(),
        ),
        ElementType::U32 => {
            let numbers = whole(i64::from(i32::MIN), i64::from(u32::MAX))?;
            Buffer::Index(numbers.into_iter().map(|number| number as u32).collect())
        }
        ElementType::U8 => {
            let numbers = whole(0, i64::from(u8::MAX))?;
            Buffer::Bytes(numbers.into_iter().map(|number| number as u8).collect())
        }
    })
}
