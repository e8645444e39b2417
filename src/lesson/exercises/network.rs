//! X1 (R19), X2 (R25), X3 (R7) and X13 (R28): what a network is, and what a gradient of its weights looks like.

use super::bench::{largest, largest_difference};
use super::worked::{B1, B2, Build, Head, W1, W2, Worked, X};
use super::{Form, Measure, Measures, Misfit, Refused};
use crate::lab::scale::REFERENCE_MODELS;
use crate::layers::{BatchSource, Embedding, Layer, Linear, Loss, Lstm, Model, ModelSpec};
use crate::lesson::{LessonError, Numbers, OperationRequest, OperationResult, run_operation};
use crate::ops::{Op, SequenceCrossEntropy, SgdUpdate};
use crate::tensor::init::standard_normal;

/// Samples beside the worked example's own.
const SAMPLES: usize = 15;

fn run(name: &str, attributes: &str, inputs: Vec<Numbers>) -> Result<OperationResult, LessonError> {
    run_operation(&OperationRequest::forward(name, attributes, inputs))
}

/// The forward and backward pass of an operation with one output.
fn differentiate(
    name: &str,
    inputs: Vec<Numbers>,
    upstream: Numbers,
) -> Result<OperationResult, LessonError> {
    run_operation(&OperationRequest::with_gradients(
        name,
        "",
        inputs,
        [upstream],
    ))
}

/// The gradient of one of the inputs.
fn gradient(result: OperationResult, input: usize) -> Numbers {
    let gradient = result.gradients.into_iter().nth(input).flatten();
    gradient.expect("the input has a gradient")
}

/// Two dense layers, with nothing between them or with ReLU, beside the one that they would be merged into:
/// `W = W₂W₁`, `b = W₂b₁ + b₂`.
pub(super) fn x1(form: Form) -> Result<Measures, LessonError> {
    let rows = 1 + SAMPLES;
    let mut worked = Worked::new(Build {
        rows,
        relu: form == Form::Right,
        ..Build::default()
    })?;
    let drawn = standard_normal(1, 0, 2 * SAMPLES);
    let drawn = drawn.into_iter().map(f64::from);
    let x: Vec<f64> = X.into_iter().chain(drawn).collect();
    worked.bench.write(worked.x, &x);
    worked.bench.run();
    let two = worked.bench.read(worked.z2);
    let (w1, w2) = (Numbers::new([3, 2], W1), Numbers::new([1, 3], W2));
    let b1 = Numbers::new([1, 3], B1);
    let w = run("matrix_product", MATRICES, vec![w2.clone(), w1])?
        .outputs
        .remove(0);
    let mut b = run("linear", "", vec![b1, w2, Numbers::new([1], B2)])?
        .outputs
        .remove(0);
    b.shape = vec![1];
    let one = run("linear", "", vec![Numbers::new([rows, 2], x), w.clone(), b])?;
    let one = one.outputs[0].data.clone();
    Ok(Measures::default()
        .number("two_layers", two[0])
        .number("one_layer", one[0])
        .with("merged_weights", Measure::Numbers(w.data))
        .count("samples", rows as u64)
        .number("largest_difference", largest_difference(&two, &one)))
}

/// Neither matrix read the other way round.
const MATRICES: &str = r#"{"transpose_a": false, "transpose_b": false, "sum_batch": false}"#;

pub(super) fn x1_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("largest_difference") <= 1e-6 && right.get("largest_difference") > 1e-3
}

/// The worked example with a softmax over its one unit, or with a sigmoid, on four inputs.
pub(super) fn x2(form: Form) -> Result<Measures, LessonError> {
    let inputs = [X, [-1.0, 2.0], [3.0, 0.0], [0.0, -4.0]];
    let mut worked = Worked::new(Build {
        rows: inputs.len(),
        head: match form {
            Form::Faulty => Head::Softmax,
            Form::Right => Head::Sigmoid,
        },
        ..Build::default()
    })?;
    worked.bench.write(worked.x, &inputs.concat());
    worked.bench.run();
    let predictions = worked.bench.read(worked.p);
    let parameters = worked.parameters();
    let gradients = parameters.map(|parameter| worked.bench.gradient(parameter));
    Ok(Measures::default()
        .with("logits", Measure::Numbers(worked.bench.read(worked.z2)))
        .with("predictions", Measure::Numbers(predictions))
        .number("loss", worked.loss())
        .number("largest_gradient", largest(&gradients.concat())))
}

pub(super) fn x2_verdict(faulty: &Measures, right: &Measures) -> bool {
    let Some(Measure::Numbers(predictions)) = faulty.find("predictions") else {
        return false;
    };
    predictions.iter().all(|&p| p == 1.0)
        && faulty.get("largest_gradient") == 0.0
        && right.get("largest_gradient") > 1e-3
}

/// ∂h/∂W (n, n, m) of h = relu(W·x + b) in the worked example, from the backward pass of every unit.
fn jacobian(z: &Numbers) -> Result<Numbers, LessonError> {
    let units = z.data.len();
    let mut rows = Vec::new();
    for unit in 0..units {
        let mut upstream = vec![0.0; units];
        upstream[unit] = 1.0;
        let upstream = Numbers::new(z.shape.clone(), upstream);
        let dz = gradient(differentiate("relu", vec![z.clone()], upstream)?, 0);
        let layer = vec![
            Numbers::new([1, 2], X),
            Numbers::new([3, 2], W1),
            Numbers::new([3], B1),
        ];
        rows.extend(gradient(differentiate("linear", layer, dz)?, 1).data);
    }
    Ok(Numbers::new([units, units, X.len()], rows))
}

/// ∂L/∂W of the hidden layer: `dh ⊙ ∂h/∂W`, or `δᵀ @ A`.
pub(super) fn x3(form: Form) -> Result<Measures, LessonError> {
    let mut worked = Worked::new(Build::default())?;
    worked.bench.run();
    let dh = worked.bench.gradient(worked.a1);
    let delta = worked.bench.gradient(worked.z1);
    let z = Numbers::new([1, 3], worked.bench.read(worked.z1));
    let slopes = worked.bench.slopes(worked.w1, worked.loss);
    let (operation, attributes) = match form {
        Form::Faulty => ("multiply", ""),
        Form::Right => (
            "matrix_product",
            r#"{"transpose_a": true, "transpose_b": false, "sum_batch": false}"#,
        ),
    };
    let (operands, square) = match form {
        Form::Faulty => (
            vec![Numbers::new([3], dh), jacobian(&z)?],
            // As many inputs as units.
            vec![
                Numbers::new([2], [1.0; 2]),
                Numbers::new([2, 2, 2], [1.0; 8]),
            ],
        ),
        Form::Right => (
            vec![Numbers::new([1, 3], delta), Numbers::new([1, 2], X)],
            vec![
                Numbers::new([1, 2], [1.0; 2]),
                Numbers::new([1, 2], [1.0; 2]),
            ],
        ),
    };
    let shapes: Vec<Measure> = operands
        .iter()
        .map(|operand| Measure::Shape(operand.shape.clone()))
        .collect();
    let [first, second] = <[Measure; 2]>::try_from(shapes).expect("two operands");
    let tried = |operands: &[Numbers]| match form {
        Form::Faulty => Some(Misfit::Elementwise {
            left: operands[0].shape.clone(),
            right: operands[1].shape.clone(),
        }),
        Form::Right => None,
    };
    let [tried, square_tried] = [tried(&operands), tried(&square)];
    let result = run(operation, attributes, operands).map(|result| result.outputs[0].clone());
    let square = run(operation, attributes, square).map(|result| result.outputs[0].clone());
    let error = result.as_ref().ok();
    let error = error.map(|result| largest_difference(&result.data, &slopes));
    let measures = Measures::default()
        .with("first_operand", first)
        .with("second_operand", second)
        .with("weights", Measure::Shape(vec![3, 2]))
        .with("result", shape_or_refusal(result, tried))
        .with("square_result", shape_or_refusal(square, square_tried));
    Ok(match error {
        Some(error) => measures.number("slope_error", error),
        None => measures,
    })
}

/// The shape of what came out, or why the engine refused; `tried` as [`Refused::new`] takes it.
pub(super) fn shape_or_refusal(
    result: Result<Numbers, LessonError>,
    tried: Option<Misfit>,
) -> Measure {
    match result {
        Ok(numbers) => Measure::Shape(numbers.shape),
        Err(error) => Measure::Refusal(Refused::new(error, tried)),
    }
}

pub(super) fn x3_verdict(faulty: &Measures, right: &Measures) -> bool {
    let is_square =
        |measures: &Measures| measures.find("square_result") == Some(&Measure::Shape(vec![2, 2]));
    faulty.is_refused("result")
        && !is_square(faulty)
        && is_square(right)
        && right.find("result") == right.find("weights")
        && right.get("slope_error") <= 1e-6
}

/// Learned numbers and attentions of a layer list that reads tokens. Of an LSTM's two biases, which are only ever added
/// up, one counts, as in the article's library.
pub(super) fn count(spec: &ModelSpec, window: usize) -> Result<(u64, u64), LessonError> {
    let source = BatchSource::Text {
        tokens: window + 1,
        windows: 1,
        window,
        order_length: 1,
    };
    let model = Model::build(spec, &source, 1, Op::SgdUpdate(SgdUpdate::default()))?;
    let values = model
        .parameters
        .iter()
        .map(|parameter| model.graph.value(parameter.value));
    let counted = values.filter(|value| !value.name.contains(".bias_hh_"));
    let parameters = counted.map(|value| value.shape.count() as u64).sum();
    let nodes = model.graph.nodes().iter();
    let attentions = nodes.filter(|node| matches!(node.op, Op::AttentionWeights(_)));
    Ok((parameters, attentions.count() as u64))
}

/// The article's "GPT-3", of windows of 32 words.
fn printed() -> ModelSpec {
    let embedding = Embedding {
        vocabulary: 10_000,
        features: 256,
    };
    ModelSpec {
        layers: vec![
            Layer::new("embedding", embedding),
            Layer::new("lstm", Lstm::new(128)),
            Layer::new(
                "dense",
                Linear {
                    out_features: 10_000,
                },
            ),
        ],
        loss: Loss::SequenceCrossEntropy(SequenceCrossEntropy::default()),
    }
}

/// What is printed as GPT-3, counted; or GPT-3 as its authors describe it.
pub(super) fn x13(form: Form) -> Result<Measures, LessonError> {
    let gpt = REFERENCE_MODELS.iter().find(|model| model.name == "gpt-3");
    let gpt = gpt.expect("a model of the lab");
    let (parameters, attentions) = match form {
        Form::Faulty => {
            let (parameters, attentions) = count(&printed(), 32)?;
            (parameters as f64, attentions)
        }
        Form::Right => (gpt.parameters, gpt.layers as u64),
    };
    Ok(Measures::default()
        .with("parameters", Measure::Count(parameters as u64))
        .number("times_smaller", gpt.parameters / parameters)
        .count("attentions", attentions)
        // Two bytes for each.
        .count("weights_16_bit", 2 * parameters as u64))
}

pub(super) fn x13_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("attentions") == 0.0
        && right.get("attentions") > 0.0
        && right.get("parameters") > 1e3 * faulty.get("parameters")
}
