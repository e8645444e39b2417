//! Text models against PyTorch: the loss of every step with its gradient, and ten training steps of the character
//! LSTM and of the small GPT from given weights.

use std::sync::Arc;

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::single::SingleOperation;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::Update;
use glassbox::layers::{BatchSource, Model};
use glassbox::models;
use glassbox::ops::{AdamUpdate, AdamwUpdate, Buffer, Op, StepValues};
use glassbox::tensor::{ElementType, Real, Shape, Values};
use serde::Deserialize;
use serde_json::json;

use crate::short_runs::shipped_text;
use crate::support::{Tolerance, assert_close, assert_not_close, numbers, with_one_off};
use crate::training::counter_values;
use glassbox::data::TextSource;

#[derive(Deserialize)]
struct Fixture {
    losses: Vec<LossCase>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct LossCase {
    ignore_index: i32,
    shape: Vec<usize>,
    z: Vec<f64>,
    y: Vec<i32>,
    loss: f64,
    #[serde(rename = "dL")]
    upstream: f64,
    dz: Vec<f64>,
}

#[derive(Deserialize)]
struct Run {
    preset: String,
    optimizer: String,
    lr: f32,
    #[serde(default)]
    weight_decay: f32,
    clip: f32,
    batch: usize,
    stride: usize,
    parameters: Vec<Named>,
    float64: Steps,
    float32: Steps,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    shape: Vec<usize>,
}

#[derive(Deserialize)]
struct Steps {
    losses: Vec<f64>,
    /// Of all gradients, before they are clipped.
    norms: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/texts.json")).expect("a fixture")
}

#[test]
fn the_loss_of_every_step_and_its_gradient_are_those_of_pytorch() {
    let tolerance = Tolerance {
        absolute: 1e-14,
        relative: 1e-13,
    };
    let cases = fixture().losses;
    assert_eq!(cases.len(), 2);
    for case in cases {
        let attributes = json!({"ignore_index": case.ignore_index});
        let op = Op::from_json("sequence_cross_entropy", &attributes).unwrap();
        let [logits, labels] = [&case.shape[..], &case.shape[..2]].map(|s| Shape::new(s).unwrap());
        let described = [(logits, ElementType::F32), (labels, ElementType::U32)];
        let single = SingleOperation::with_gradient(op, &described).unwrap();
        let labels = case.y.iter().map(|label| label.cast_unsigned()).collect();
        let inputs = [Buffer::Real(case.z.clone()), Buffer::Index(labels)];
        let upstream = [Buffer::Real(vec![case.upstream])];
        let step = StepValues::forward(case.shape[0] as u32);
        let run = single.run(&inputs, &upstream, &step).unwrap();
        assert_close("loss", &numbers(&run.outputs[0]), &[case.loss], tolerance);
        let gradient = run.gradients[0].as_ref().expect("of the logits");
        assert_close("dz", &numbers(gradient), &case.dz, tolerance);
        let wrong = with_one_off(&numbers(gradient), 7, 1e-6);
        assert_not_close("dz", &wrong, &case.dz, tolerance);
    }
}

/// (losses, norms of the gradients) of a run's steps.
fn train<T: Real>(run: &Run) -> (Vec<f64>, Vec<f64>) {
    let preset = models::find(&run.preset).expect("a preset");
    let text = shipped_text(TextSource::Shakespeare, models::TEXT_WINDOW);
    let count = run.float64.losses.len() * run.batch;
    let source = BatchSource::Text {
        tokens: text.tokens().len(),
        windows: text.starts().len(),
        window: text.window(),
        order_length: count,
    };
    let op = match run.optimizer.as_str() {
        "Adam" => Op::AdamUpdate(AdamUpdate::default()),
        _ => Op::AdamwUpdate(AdamwUpdate {
            weight_decay: run.weight_decay,
            ..AdamwUpdate::default()
        }),
    };
    let update = Update {
        op,
        max_norm: Some(run.clip),
    };
    let model = Model::build(&(preset.spec)(), &source, run.batch, update).expect("a model");
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut cpu = CpuExecutor::<T>::new(Arc::clone(&graph), Arc::clone(&plan));
    assert_eq!(model.parameters.len(), run.parameters.len());
    for (stream, (parameter, expected)) in model.parameters.iter().zip(&run.parameters).enumerate()
    {
        let value = graph.value(parameter.value);
        let dims = value.shape.dims();
        assert_eq!((&value.name, dims), (&expected.name, &expected.shape[..]));
        let fan_in = match value.name.as_str() {
            "embedding.weight" => 1,
            _ => dims[dims.len() - 1],
        };
        let mut values = counter_values(stream as u64, value.shape.count(), fan_in);
        if dims.len() == 1 && value.name.ends_with("weight") {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        cpu.write(parameter.value, &Values::F32(values));
    }
    let gathered = model.gathered.expect("a text");
    let windows = text.train_count() as usize;
    let order = (0..count).map(|at| (at * run.stride % windows) as u32);
    cpu.write(gathered.samples, &Values::U32(text.tokens().to_vec()));
    cpu.write(gathered.targets, &Values::U32(text.starts().to_vec()));
    cpu.write(gathered.order, &Values::U32(order.collect()));
    let norm = graph.gradient_norm().expect("gradients are clipped");
    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    for number in 0..run.float64.losses.len() {
        let update = graph.update().expect("an update");
        let [bias_correction_1, bias_correction_2] = update.bias_corrections(number as u64 + 1);
        let step = StepValues {
            step: number as u32,
            first: (number * run.batch) as u32,
            learning_rate: run.lr,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(run.batch as u32).in_training()
        };
        cpu.run(0..plan.groups.len(), &step);
        losses.push(cpu.reals(model.loss)[0].to_f64());
        norms.push(cpu.reals(norm)[0].to_f64());
    }
    (losses, norms)
}

#[test]
fn ten_steps_of_the_character_lstm_and_of_the_small_gpt_are_those_of_pytorch() {
    // Rates, averages' factors and their corrections are f32 in the engine and f64 in PyTorch, off by up to 6e-8 of
    // themselves, which ten steps of up to 0.01 in all parameters add up.
    let exact = Tolerance {
        absolute: 0.0,
        relative: 2e-6,
    };
    // f32 sums of thousands of products; PyTorch's own two runs differ by as much.
    let single = Tolerance {
        absolute: 0.0,
        relative: 5e-4,
    };
    let runs = fixture().runs;
    assert_eq!(runs.len(), 2);
    for run in runs {
        let what = &run.preset;
        let (losses, norms) = train::<f64>(&run);
        println!("{what}: {losses:?}");
        assert_close(what, &losses, &run.float64.losses, exact);
        let of_norms = Tolerance {
            relative: 1e-5,
            ..exact
        };
        assert_close(what, &norms, &run.float64.norms, of_norms);
        let wrong = with_one_off(&losses, 9, 1e-4);
        assert_not_close(what, &wrong, &run.float64.losses, exact);
        let (losses, _) = train::<f32>(&run);
        assert_close(what, &losses, &run.float32.losses, single);
    }
}
