//! Models with every loss: checked node by node, trained on both executors, with and without classes.

use std::sync::Arc;

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::gpu::{GpuDevice, GpuExecutor, Record};
use glassbox::exec::{Mode, Plan};
use glassbox::graph::ValueId;
use glassbox::layers::{
    BatchSource, Flatten, Gelu, Layer, LeakyRelu, Linear, Loss, Model, ModelSpec, Softmax,
};
use glassbox::ops::{
    Approximate, KullbackLeibler, MeanAbsoluteError, MeanSquaredError, Op, Reduction, SgdUpdate,
    StepValues, WeightedCrossEntropy,
};
use glassbox::tensor::{ElementType, Values};
use glassbox::train::check::{self, Subject};
use pollster::block_on;

use crate::support::{Random, Tolerance, assert_close, assert_not_close};

const BATCH: usize = 5;
const SAMPLES: usize = 9;
const CLASSES: usize = 3;

/// Every loss, with attributes that are not the default's.
fn losses() -> Vec<Loss> {
    vec![
        Loss::SoftmaxCrossEntropy,
        Loss::WeightedCrossEntropy {
            class_weights: Vec::new(),
            variant: WeightedCrossEntropy::default(),
        },
        Loss::WeightedCrossEntropy {
            class_weights: vec![0.5, 2.0, 1.0],
            variant: WeightedCrossEntropy {
                label_smoothing: 0.125,
                ignore_index: 1,
                ..WeightedCrossEntropy::default()
            },
        },
        Loss::BinaryCrossEntropy,
        Loss::MeanSquaredError(MeanSquaredError {
            factor: 0.5,
            ..MeanSquaredError::default()
        }),
        Loss::MeanAbsoluteError(MeanAbsoluteError {
            reduction: Reduction::Sum,
            ..MeanAbsoluteError::default()
        }),
        Loss::KullbackLeibler(KullbackLeibler {
            temperature: 2.0,
            ..KullbackLeibler::default()
        }),
    ]
}

fn spec(loss: Loss) -> ModelSpec {
    let hidden = Linear { out_features: 6 };
    let out = Linear {
        out_features: CLASSES,
    };
    let approximate = Approximate::Tanh;
    ModelSpec {
        layers: vec![
            Layer::new("flatten", Flatten {}),
            Layer::new("fc1", hidden.clone()),
            Layer::new(
                "leaky1",
                LeakyRelu {
                    negative_slope: 0.125,
                },
            ),
            Layer::new("fc2", hidden),
            Layer::new("gelu2", Gelu { approximate }),
            Layer::new("softmax2", Softmax {}),
            Layer::new("fc3", out),
        ],
        loss,
    }
}

/// A model with parameters and a batch of which one row does not count.
struct Trial {
    model: Model,
    given: Vec<(ValueId, Values)>,
    step: StepValues,
}

impl Trial {
    fn new(loss: Loss) -> Self {
        let source = match loss.target_element() {
            ElementType::U32 => BatchSource::Images {
                samples: SAMPLES,
                shape: [1, 2, 2],
                mean: vec![0.5],
                standard_deviation: vec![0.25],
                order_length: BATCH,
                margin: None,
            },
            _ => BatchSource::Features {
                features: 4,
                targets: CLASSES,
            },
        };
        let update = Op::SgdUpdate(SgdUpdate::default());
        let model = Model::build(&spec(loss), &source, BATCH, update).expect("a model");
        let mut random = Random::new(41);
        let mut given = Vec::new();
        for parameter in &model.parameters {
            let count = model.graph.value(parameter.value).shape.count();
            given.push((parameter.value, Values::F32(random.values(0.75, count))));
        }
        if let Some(images) = model.gathered {
            let bytes = random.below(SAMPLES * 4, 256);
            let bytes = bytes.into_iter().map(|byte| byte as u8).collect();
            let order = (0..BATCH as u32).map(|at| (2 * at) % SAMPLES as u32);
            given.push((images.samples, Values::U8(bytes)));
            given.push((images.targets, Values::U32(vec![0, 1, 1, 2, 2, 0, 1, 1, 0])));
            given.push((images.order, Values::U32(order.collect())));
        } else {
            given.push((model.input, Values::F32(random.values(1.0, BATCH * 4))));
            let targets = random.values(0.5, BATCH * CLASSES);
            let targets = targets.into_iter().map(|target| target + 0.5).collect();
            given.push((model.target, Values::F32(targets)));
        }
        let mut step = StepValues::forward(BATCH as u32 - 1);
        step.learning_rate = 0.125;
        Self { model, given, step }
    }

    fn knows_classes(&self) -> bool {
        self.model.correct.is_some()
    }

    fn on_cpu(&self, steps: u32) -> Vec<f64> {
        let graph = Arc::new(self.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &[self.model.loss]));
        let mut cpu = CpuExecutor::<f64>::new(graph, Arc::clone(&plan));
        for (value, values) in &self.given {
            cpu.write(*value, values);
        }
        (0..steps)
            .map(|_| {
                cpu.run(0..plan.groups.len(), &self.step);
                cpu.reals(self.model.loss)[0]
            })
            .collect()
    }

    fn on_gpu(&self, device: &GpuDevice, steps: u32) -> Vec<Record> {
        let graph = Arc::new(self.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &[self.model.loss]));
        let record = Some((self.model.loss, self.model.correct));
        let mut quiet = |_, _| {};
        let made = GpuExecutor::new(device, graph, Arc::clone(&plan), record, &mut quiet);
        let mut gpu = block_on(made).expect("an executor");
        for (value, values) in &self.given {
            gpu.write(*value, values);
        }
        let steps: Vec<StepValues> = (0..steps)
            .map(|slot| StepValues { slot, ..self.step })
            .collect();
        gpu.submit_recorded(0..plan.groups.len(), &steps);
        block_on(gpu.collect()).expect("losses")
    }
}

#[test]
fn only_losses_of_classes_have_probabilities_and_right_answers() {
    let facts: Vec<(bool, bool)> = losses()
        .into_iter()
        .map(|loss| {
            let trial = Trial::new(loss);
            (trial.knows_classes(), trial.model.probabilities.is_some())
        })
        .collect();
    let both = (true, true);
    assert_eq!(
        facts,
        [
            both,
            both,
            both,
            both,
            (false, false),
            (false, false),
            (false, true)
        ]
    );
}

#[test]
fn models_with_every_loss_pass_the_check_node_by_node() {
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    for loss in losses() {
        let trial = Trial::new(loss.clone());
        let subject = |negated| Subject {
            model: &trial.model,
            given: &trial.given,
            step: trial.step,
            negated,
        };
        let report = block_on(check::check(&subject(None), Some(&device), &mut |_| {})).unwrap();
        assert!(report.mismatch.is_none(), "{loss:?}: {:?}", report.mismatch);
        assert!(report.nodes.len() > 20, "{loss:?}");
        // Control: a gradient of the other sign is found.
        let graph = &trial.model.graph;
        let backward = graph
            .node_ids()
            .find(|&node| graph.node(node).name.starts_with("loss.backward"))
            .expect("the loss has a backward node");
        let report = block_on(check::check(&subject(Some(backward)), None, &mut |_| {})).unwrap();
        assert!(report.mismatch.is_some(), "{loss:?}: nothing was noticed");
    }
}

/// The evaluation of held-out samples adds up rows, batch by batch.
#[test]
fn the_loss_of_a_batch_is_the_mean_of_its_rows_whatever_their_width() {
    for loss in losses() {
        let trial = Trial::new(loss.clone());
        let model = &trial.model;
        let graph = Arc::new(model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let mut cpu = CpuExecutor::<f64>::new(graph, Arc::clone(&plan));
        for (value, values) in &trial.given {
            cpu.write(*value, values);
        }
        cpu.run(0..plan.groups.len(), &trial.step);
        let rows: f64 = cpu.reals(model.loss_of_row).iter().sum();
        let weight = match model.weight_of_row {
            Some(weights) => cpu.reals(weights).iter().sum::<f64>(),
            None => trial.step.valid.into(),
        };
        let is_sum = matches!(&loss, Loss::MeanAbsoluteError(op) if op.reduction == Reduction::Sum);
        let expected = if is_sum { rows } else { rows / weight };
        let loss_of_batch = cpu.reals(model.loss)[0];
        assert!(
            (loss_of_batch - expected).abs() < 1e-12,
            "{loss:?}: {loss_of_batch}, by rows {expected}"
        );
    }
}

#[test]
fn every_loss_falls_on_both_executors_alike() {
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    // Ten steps of f32 against f64, on losses of about 1.
    let tolerance = Tolerance {
        absolute: 2e-5,
        relative: 2e-5,
    };
    for loss in losses() {
        let trial = Trial::new(loss.clone());
        let expected = trial.on_cpu(10);
        assert!(expected[9] < expected[0], "{loss:?}: {expected:?}");
        let records = trial.on_gpu(&device, 10);
        let actual: Vec<f64> = records
            .iter()
            .map(|record| f64::from(record.loss))
            .collect();
        let what = format!("{loss:?}");
        assert_close(&what, &actual, &expected, tolerance);
        assert_not_close(&what, &actual[1..], &expected[..9], tolerance);
        for record in records {
            assert_eq!(record.correct.is_some(), trial.knows_classes(), "{loss:?}");
        }
    }
}

#[test]
fn a_weighted_loss_without_weights_is_the_plain_one() {
    let [plain, weighted] = [0, 1].map(|at| Trial::new(losses().swap_remove(at)).on_cpu(4));
    let tolerance = Tolerance {
        absolute: 1e-14,
        relative: 1e-14,
    };
    assert_close("losses", &weighted, &plain, tolerance);
    let smoothed = Trial::new(losses().swap_remove(2)).on_cpu(4);
    assert_not_close("losses", &smoothed, &plain, tolerance);
}

#[test]
fn losses_survive_json_and_refuse_what_does_not_fit() {
    for loss in losses() {
        let text = serde_json::to_string(&loss).unwrap();
        assert_eq!(serde_json::from_str::<Loss>(&text).unwrap(), loss, "{text}");
    }
    let text = r#"{"mean_squared_error":{"factor":0.5}}"#;
    assert_eq!(serde_json::from_str::<Loss>(text).unwrap(), losses()[4]);
    let text = r#"{"weighted_cross_entropy":{"class_weights":[1,2]}}"#;
    let source = BatchSource::Images {
        samples: 4,
        shape: [1, 2, 2],
        mean: vec![0.0],
        standard_deviation: vec![1.0],
        order_length: 2,
        margin: None,
    };
    let message = |weights: &str| {
        let loss = serde_json::from_str(&text.replace("[1,2]", weights)).unwrap();
        let update = Op::SgdUpdate(SgdUpdate::default());
        Model::build(&spec(loss), &source, 2, update)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message("[1,2]"),
        "loss: weighted_cross_entropy: w is (2), expected (K = 3)"
    );
    assert!(message("[1,-2,1]").contains("a class weight is -2, expected numbers from 0"));
}
