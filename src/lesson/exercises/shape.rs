//! X8 (R10), X9 (R11) and X10 (R3): shapes that do not fit, and one that fits by chance.

use super::bench::Bench;
use super::network::shape_or_refusal;
use super::{Form, Measure, Measures, Misfit, Refused};
use crate::graph::{Graph, GraphError, Phase, ValueId};
use crate::layers::{BatchSource, Model};
use crate::lesson::{LessonError, Numbers, OperationRequest, run_operation};
use crate::models;
use crate::ops::{Conv2d, Linear, MaxPool2d, Op, Relu, Reshape, SgdUpdate, SoftmaxCrossEntropy};
use crate::tensor::init::{pytorch_default, standard_normal};
use crate::tensor::{ElementType, Shape};

/// Columns that the article writes: 16·5·5.
const COLUMNS: i64 = 400;
/// Pictures of the batch, and their side.
const PICTURES: usize = 25;
const SIDE: usize = 28;
const CLASSES: usize = 10;

/// A graph whose reals are drawn when it runs.
#[derive(Default)]
struct Sketch {
    graph: Graph,
    /// Every input with the numbers that a sum of it adds up; 0 for the pictures.
    inputs: Vec<(ValueId, usize)>,
}

impl Sketch {
    fn input(
        &mut self,
        name: &str,
        shape: &[usize],
        fan_in: usize,
    ) -> Result<ValueId, LessonError> {
        let shape = Shape::new(shape.to_vec())?;
        let value = self.graph.input(name, shape, ElementType::F32);
        self.inputs.push((value, fan_in));
        Ok(value)
    }

    fn apply(&mut self, op: Op, name: &str, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        Ok(self.graph.apply(op, name, inputs)?[0])
    }

    /// Convolution 5×5 and ReLU, and 2×2 max pooling.
    fn block(
        &mut self,
        number: usize,
        x: ValueId,
        [from, to]: [usize; 2],
        padding: usize,
    ) -> Result<ValueId, LessonError> {
        let fan_in = from * 25;
        let weight = self.input(&format!("conv{number}.weight"), &[to, from, 5, 5], fan_in)?;
        let bias = self.input(&format!("conv{number}.bias"), &[to], fan_in)?;
        let conv = Op::Conv2d(Conv2d::new(1, padding));
        let z = self.apply(conv, &format!("conv{number}"), &[x, weight, bias])?;
        let a = self.apply(Op::Relu(Relu {}), &format!("relu{number}"), &[z])?;
        let pool = Op::MaxPool2d(MaxPool2d::new(2, 2));
        Ok(self.apply(pool, &format!("pool{number}"), &[a])?)
    }

    fn shape(&self, value: ValueId) -> Vec<usize> {
        self.graph.value(value).shape.dims().to_vec()
    }

    /// Draws all reals and runs.
    fn run(self, batch: usize, classes: Option<ValueId>) -> Bench {
        let counts: Vec<usize> = self
            .inputs
            .iter()
            .map(|&(value, _)| self.graph.value(value).shape.count())
            .collect();
        let mut bench = Bench::new(self.graph, batch);
        for (number, ((value, fan_in), count)) in self.inputs.into_iter().zip(counts).enumerate() {
            let stream = number as u64;
            let drawn = match fan_in {
                0 => standard_normal(1, stream, count),
                fan_in => pytorch_default(1, stream, fan_in, count),
            };
            let drawn: Vec<f64> = drawn.into_iter().map(f64::from).collect();
            bench.write(value, &drawn);
        }
        if let Some(classes) = classes {
            let labels: Vec<u32> = (0..PICTURES as u32).map(|n| n % CLASSES as u32).collect();
            bench.write_classes(classes, &labels);
        }
        bench.run();
        bench
    }
}

/// The article's two convolutions on pictures of 28×28, flattened by `view(−1, 400)`; or on pictures padded by 2, each
/// flattened by itself.
pub(super) fn x8(form: Form) -> Result<Measures, LessonError> {
    let padding = match form {
        Form::Faulty => 0,
        Form::Right => 2,
    };
    let mut sketch = Sketch::default();
    let x = sketch.input("x", &[PICTURES, 1, SIDE, SIDE], 0)?;
    let x = sketch.block(1, x, [1, 6], padding)?;
    let features = sketch.block(2, x, [6, 16], 0)?;
    let pooled = sketch.shape(features);
    let of_one: usize = pooled[1..].iter().product();
    let view = |batch: usize| match form {
        Form::Faulty => vec![-1, COLUMNS],
        Form::Right => vec![batch as i64, -1],
    };
    let reshape = Op::Reshape(Reshape {
        shape: view(PICTURES),
    });
    let flat = sketch.apply(reshape, "view", &[features])?;
    let rows = sketch.shape(flat);
    let weight = sketch.input("fc.weight", &[CLASSES, rows[1]], rows[1])?;
    let bias = sketch.input("fc.bias", &[CLASSES], rows[1])?;
    let logits = sketch.apply(Op::Linear(Linear {}), "fc", &[flat, weight, bias])?;
    let labels = sketch
        .graph
        .input("labels", [PICTURES].into(), ElementType::U32);
    let cross_entropy = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
    let loss = sketch.graph.apply_in(
        Phase::Loss,
        None,
        cross_entropy,
        "loss".into(),
        &[logits, labels],
    );
    let dense = sketch.shape(logits);
    let loss = match loss {
        Ok(outputs) => Measure::Number(sketch.run(PICTURES, Some(labels)).read(outputs[0])[0]),
        Err(error) => Measure::Refusal(Refused::new(error, None)),
    };
    Ok(Measures::default()
        .with("features", Measure::Shape(pooled.clone()))
        .count("features_of_one", of_one as u64)
        .with("view", Measure::Shape(rows))
        .count(
            "pictures_in_a_row",
            pictures_in_a_row(&pooled, view(PICTURES))?,
        )
        .with("dense", Measure::Shape(dense))
        .with("loss", loss)
        .with("batch_of_64", batch_of_64(&pooled, view(64))))
}

/// From how many pictures the numbers of one row come, at most: every number of a picture is the picture's own.
fn pictures_in_a_row(pooled: &[usize], view: Vec<i64>) -> Result<u64, LessonError> {
    let of_one: usize = pooled[1..].iter().product();
    let marked = (0..pooled[0] * of_one).map(|at| (at / of_one) as f64);
    let marked = Numbers::new(pooled, marked.collect::<Vec<f64>>());
    let rows = reshape(marked, view)?;
    let pictures = rows.data.chunks(rows.shape[1]).map(|row| {
        let mut row = row.to_vec();
        row.dedup();
        row.len() as u64
    });
    Ok(pictures.max().unwrap_or(0))
}

fn batch_of_64(pooled: &[usize], view: Vec<i64>) -> Measure {
    let shape = [&[64], &pooled[1..]].concat();
    let count = shape.iter().product();
    let tried = Misfit::View {
        from: shape.clone(),
        to: view.clone(),
    };
    let result = reshape(Numbers::new(shape, vec![0.0; count]), view);
    shape_or_refusal(result, Some(tried))
}

fn reshape(x: Numbers, shape: Vec<i64>) -> Result<Numbers, LessonError> {
    let attributes = serde_json::json!({ "shape": shape }).to_string();
    let request = OperationRequest::forward("reshape", &attributes, [x]);
    Ok(run_operation(&request)?.outputs.remove(0))
}

pub(super) fn x8_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("pictures_in_a_row") > 1.0
        && faulty.is_refused("loss")
        && right.get("pictures_in_a_row") == 1.0
        && right.get("loss").is_finite()
}

/// Batches that X9 tries, with the keys of their rows.
const BATCHES: [(usize, &str); 4] = [
    (1, "batch_1"),
    (2, "batch_2"),
    (8, "batch_8"),
    (32, "batch_32"),
];

/// Steps and units of the recurrent network.
const STEPS: usize = 20;
const UNITS: usize = 10;

/// A recurrent network whose first state is made for one sequence, or for as many as the batch has.
pub(super) fn x9(form: Form) -> Result<Measures, LessonError> {
    let mut measures = Measures::default();
    let mut works = 0;
    for (batch, key) in BATCHES {
        let rows = match form {
            Form::Faulty => 1,
            Form::Right => batch,
        };
        let zeros = |shape: &[usize]| Numbers::new(shape, vec![0.0; shape.iter().product()]);
        let lengths = Numbers::new([batch], vec![STEPS as f64; batch]);
        let inputs = [
            zeros(&[batch, STEPS, UNITS]),
            zeros(&[UNITS, UNITS]),
            zeros(&[rows, UNITS]),
            lengths,
        ];
        let result = run_operation(&OperationRequest::forward("rnn", "", inputs));
        works += u64::from(result.is_ok());
        let states = result.map(|mut result| result.outputs.remove(0));
        measures = measures.with(key, shape_or_refusal(states, None));
    }
    Ok(measures.count("works", works))
}

pub(super) fn x9_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("works") == 1.0
        && !faulty.is_refused("batch_1")
        && right.get("works") == BATCHES.len() as f64
}

/// Pictures of a batch of X10.
const BATCH: usize = 64;

/// The article's way through its "VGG16", or that of the repaired network.
pub(super) fn x10(form: Form) -> Result<Measures, LessonError> {
    match form {
        Form::Faulty => printed_vgg(),
        Form::Right => true_vgg(),
    }
}

fn printed_vgg() -> Result<Measures, LessonError> {
    let mut sketch = Sketch::default();
    let x = sketch.input("x", &[BATCH, 3, 32, 32], 0)?;
    let weight = sketch.input("conv.weight", &[64, 3, 3, 3], 27)?;
    let bias = sketch.input("conv.bias", &[64], 27)?;
    let conv = sketch.apply(Op::Conv2d(Conv2d::new(1, 1)), "conv", &[x, weight, bias])?;
    let a = sketch.apply(Op::Relu(Relu {}), "relu", &[conv])?;
    let pool = sketch.apply(Op::MaxPool2d(MaxPool2d::new(2, 2)), "pool", &[a])?;
    let pooled = sketch.shape(pool);
    // A dense layer multiplies along the last axis: all axes before it are rows.
    let columns = *pooled.last().expect("a picture has axes");
    let reshape = |columns: usize| {
        Op::Reshape(Reshape {
            shape: vec![-1, columns as i64],
        })
    };
    let rows = sketch.apply(reshape(columns), "rows", &[pool])?;
    let weight = sketch.input("linear.weight", &[CLASSES, 4_096], 4_096)?;
    let bias = sketch.input("linear.bias", &[CLASSES], 4_096)?;
    let linear = |sketch: &mut Sketch, name: &str, x: ValueId| {
        let y = sketch.apply(Op::Linear(Linear {}), name, &[x, weight, bias]);
        match y {
            Ok(y) => Measure::Shape(sketch.shape(y)),
            Err(error) => Measure::Refusal(Refused::new(error, None)),
        }
    };
    let before = linear(&mut sketch, "first Linear", rows);
    let per_picture = pooled[1..].iter().product();
    let flat = sketch.apply(reshape(per_picture), "view", &[pool])?;
    let after = linear(&mut sketch, "second Linear", flat);
    Ok(Measures::default()
        .with("convolved", Measure::Shape(sketch.shape(conv)))
        .with("pooled", Measure::Shape(pooled))
        .with("rows_before", Measure::Shape(sketch.shape(rows)))
        .with("linear_before", before)
        .with("flattened", Measure::Shape(sketch.shape(flat)))
        .with("linear_after", after))
}

/// The preset with thirteen convolutions and one dense layer.
fn true_vgg() -> Result<Measures, LessonError> {
    let preset = models::find("vgg16-cifar10").expect("a preset of the engine");
    let source = BatchSource::Images {
        samples: BATCH,
        shape: [3, 32, 32],
        mean: vec![0.0; 3],
        standard_deviation: vec![1.0; 3],
        order_length: BATCH,
        margin: None,
    };
    let update = Op::SgdUpdate(SgdUpdate::default());
    let model = Model::build(&(preset.spec)(), &source, BATCH, update)?;
    let shape = |value: ValueId| Measure::Shape(model.graph.value(value).shape.dims().to_vec());
    let nodes = || model.graph.nodes().iter();
    let convolutions: Vec<ValueId> = nodes()
        .filter(|node| matches!(node.op, Op::Conv2d(_)))
        .map(|node| node.outputs[0])
        .collect();
    let pooled = nodes().rfind(|node| matches!(node.op, Op::MaxPool2d(_)));
    let dense = nodes().find(|node| matches!(node.op, Op::Linear(_)));
    let (Some(pooled), Some(dense), Some(&first)) = (pooled, dense, convolutions.first()) else {
        unreachable!("VGG16 has convolutions, poolings and a dense layer");
    };
    Ok(Measures::default()
        .with("convolved", shape(first))
        .with("pooled", shape(pooled.outputs[0]))
        .with("flattened", shape(dense.inputs[0]))
        .with("linear_after", shape(dense.outputs[0]))
        .count("convolutions", convolutions.len() as u64)
        .count("parameters", model.parameter_count()))
}

pub(super) fn x10_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.is_refused("linear_before")
        && faulty.is_refused("linear_after")
        && right.find("linear_after") == Some(&Measure::Shape(vec![BATCH, CLASSES]))
}
