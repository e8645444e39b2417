//! Random small models with branches, shared inputs, shared parameters and residual connections.

use std::sync::Arc;

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Phase, ValueId};
use glassbox::layers::{
    Add, BatchSource, Concatenate, Flatten, Kind, Layer, Linear, Loss, MatrixProduct, Maximum,
    Mean, Model, ModelSpec, Multiply, Reshape, Sigmoid, Slice, Subtract, Sum, Tanh, Transpose,
};
use glassbox::ops::{Op, SgdUpdate, StepValues};
use glassbox::tensor::{Real, Values};
use proptest::prelude::*;

use crate::graphs::{memory_problem, order};
use crate::support::{Random, Tolerance, assert_close, assert_not_close};

const FEATURES: usize = 4;
const TARGETS: usize = 2;

/// Draws the layers of one model.
struct Drawing {
    choices: Vec<u32>,
    next: usize,
    layers: Vec<Layer>,
    /// (name, width) of every activation (N, width).
    activations: Vec<(String, usize)>,
}

impl Drawing {
    fn new(seed: u64) -> Self {
        Self {
            choices: Random::new(seed).below(400, 1 << 20),
            next: 0,
            layers: Vec::new(),
            activations: vec![("input".into(), FEATURES)],
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next += 1;
        self.choices[self.next % self.choices.len()] as usize % bound
    }

    fn pick(&mut self) -> (String, usize) {
        let at = self.below(self.activations.len());
        self.activations[at].clone()
    }

    /// An activation of the same width, perhaps the same one.
    fn partner(&mut self, width: usize) -> String {
        let fitting: Vec<String> = self
            .activations
            .iter()
            .filter(|(_, other)| *other == width)
            .map(|(name, _)| name.clone())
            .collect();
        fitting[self.below(fitting.len())].clone()
    }

    fn push(&mut self, kind: impl Into<Kind>, inputs: &[&str]) -> String {
        let name = format!("layer{}", self.layers.len());
        self.layers
            .push(Layer::new(name.clone(), kind).with_inputs(inputs));
        name
    }

    fn activation(&mut self, kind: impl Into<Kind>, inputs: &[&str], width: usize) {
        let name = self.push(kind, inputs);
        self.activations.push((name, width));
    }

    fn step(&mut self) {
        let (a, width) = self.pick();
        match self.below(12) {
            0 | 1 => {
                let out_features = 2 + self.below(3);
                self.activation(Linear { out_features }, &[&a], out_features);
            }
            2 => self.activation(Tanh {}, &[&a], width),
            3 => self.activation(Sigmoid {}, &[&a], width),
            4 => {
                let b = self.partner(width);
                self.activation(Add {}, &[&a, &b], width);
            }
            5 => {
                let b = self.partner(width);
                self.activation(Multiply {}, &[&a, &b], width);
            }
            6 => {
                let (b, other) = self.pick();
                let kind = Concatenate { axis: 1 };
                self.activation(kind, &[&a, &b], width + other);
            }
            7 => {
                let kind = Slice {
                    axis: -1,
                    start: (width > 2).into(),
                    end: None,
                    step: 1 + self.below(2),
                };
                let taken = (width - usize::from(width > 2)).div_ceil(kind.step);
                self.activation(kind, &[&a], taken);
            }
            8 => {
                // Centred over the batch: mixes its rows.
                let axes = vec![0];
                let mean = match self.below(2) {
                    0 => self.push(
                        Mean {
                            axes,
                            keepdim: true,
                        },
                        &[&a],
                    ),
                    _ => self.push(
                        Sum {
                            axes,
                            keepdim: true,
                        },
                        &[&a],
                    ),
                };
                self.activation(Subtract {}, &[&a, &mean], width);
            }
            9 => {
                // The outer product of a sample with itself, in rows.
                let column = self.push(Reshape { shape: vec![-1, 1] }, &[&a]);
                let row = self.push(
                    Transpose {
                        axes: vec![0, 2, 1],
                    },
                    &[&column],
                );
                let product = self.push(MatrixProduct::default(), &[&column, &row]);
                let rows = self.push(
                    Mean {
                        axes: vec![-1],
                        keepdim: self.layers.len().is_multiple_of(2),
                    },
                    &[&product],
                );
                self.activation(Flatten {}, &[&rows], width);
            }
            10 => {
                let b = self.partner(width);
                self.activation(Maximum {}, &[&a, &b], width);
            }
            _ => {
                // The weights of an earlier layer of the same width, if there is one.
                let owner = self.layers.iter().find_map(|layer| match &layer.kind {
                    Kind::Linear(linear) if layer.parameters_of.is_none() => {
                        let input = &layer.inputs[0];
                        let fits = self
                            .activations
                            .iter()
                            .any(|(name, other)| name == input && *other == width);
                        fits.then(|| (layer.name.clone(), linear.out_features))
                    }
                    _ => None,
                });
                if let Some((owner, out_features)) = owner {
                    self.activation(Linear { out_features }, &[&a], out_features);
                    let layer = self.layers.last_mut().expect("it was just added");
                    layer.parameters_of = Some(owner);
                }
            }
        }
    }

    /// Puts everything that nothing reads together, behind a last linear layer.
    fn finish(mut self) -> ModelSpec {
        let loose: Vec<String> = self
            .layers
            .iter()
            .map(|layer| layer.name.clone())
            .filter(|name| !self.layers.iter().any(|layer| layer.inputs.contains(name)))
            .collect();
        let mut inputs: Vec<&str> = loose.iter().map(String::as_str).collect();
        inputs.push("input");
        let all = self.push(Concatenate { axis: 1 }, &inputs);
        let out_features = TARGETS;
        self.push(Linear { out_features }, &[&all]);
        ModelSpec {
            layers: self.layers,
            loss: Loss::BinaryCrossEntropy,
        }
    }
}

fn drawn(seed: u64) -> ModelSpec {
    let mut drawing = Drawing::new(seed);
    for _ in 0..7 {
        drawing.step();
    }
    drawing.finish()
}

pub fn model(seed: u64, batch: usize) -> Model {
    let spec = drawn(seed);
    let source = BatchSource::Features {
        features: FEATURES,
        targets: TARGETS,
    };
    Model::build(&spec, &source, batch, Op::SgdUpdate(SgdUpdate::default()))
        .unwrap_or_else(|error| panic!("{spec:?}: {error}"))
}

/// Parameters and a batch; the rows of a smaller batch are the first of a larger one.
pub fn given(model: &Model) -> Vec<(ValueId, Values)> {
    let mut given = Vec::new();
    for (stream, parameter) in (0..).zip(&model.parameters) {
        let count = model.graph.value(parameter.value).shape.count();
        let values = Random::new(60 + stream).values(0.8, count);
        given.push((parameter.value, Values::F32(values)));
    }
    let x = Random::new(90).values(1.0, model.batch * FEATURES);
    let y = Random::new(91).values(0.5, model.batch * TARGETS);
    given.push((model.input, Values::F32(x)));
    let targets = y.into_iter().map(|value| value + 0.5).collect();
    given.push((model.target, Values::F32(targets)));
    given
}

fn executor<T: Real>(model: &Model, mode: Mode) -> CpuExecutor<T> {
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, mode, &[model.loss, model.loss_of_row]));
    let mut executor = CpuExecutor::new(graph, plan);
    for (id, values) in given(model) {
        executor.write(id, &values);
    }
    executor
}

fn step(valid: usize) -> StepValues {
    StepValues {
        learning_rate: 0.1,
        ..StepValues::forward(valid as u32)
    }
}

/// Loss and all parameters after some steps.
fn trained(model: &Model, mode: Mode, valid: usize) -> Vec<Vec<f64>> {
    let mut executor = executor::<f64>(model, mode);
    let mut results = Vec::new();
    for _ in 0..3 {
        let all = executor.plan().phases(Phase::Data, Phase::Update);
        executor.run(all, &step(valid));
        results.push(executor.reals(model.loss).to_vec());
    }
    for parameter in &model.parameters {
        results.push(executor.reals(parameter.value).to_vec());
    }
    results
}

/// Central differences are off by STEP² · f‴ / 6, with third derivatives of some hundreds.
const STEP: f64 = 1e-5;
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 1e-6,
};

fn check_gradients(model: &Model, valid: usize, label: &str) {
    let step = step(valid);
    let mut executor = executor::<f64>(model, Mode::Inspect);
    let all = executor.plan().phases(Phase::Data, Phase::Backward);
    executor.run(all, &step);
    let forward = executor.plan().phases(Phase::Data, Phase::Loss);
    let values = model.parameters.iter().map(|parameter| parameter.value);
    for id in values.chain([model.input]) {
        let value = model.graph.value(id);
        let analytic = executor.reals(value.gradient.unwrap()).to_vec();
        let mut numeric = Vec::with_capacity(analytic.len());
        for at in 0..analytic.len() {
            let start = executor.reals(id)[at];
            let mut loss_at = |moved: f64| {
                executor.reals_mut(id)[at] = moved;
                executor.run(forward.clone(), &step);
                executor.reals(model.loss)[0]
            };
            let difference = loss_at(start + STEP) - loss_at(start - STEP);
            executor.reals_mut(id)[at] = start;
            numeric.push(difference / (2.0 * STEP));
        }
        let what = format!("{label}: {}", value.name);
        assert_close(&what, &analytic, &numeric, TOLERANCE);
        let mut wrong = analytic.clone();
        wrong[0] += 1e-5 + 1e-5 * wrong[0].abs();
        assert_not_close(&what, &wrong, &numeric, TOLERANCE);
    }
}

fn check(seed: u64) {
    let model = model(seed, 5);
    let label = format!("seed {seed}: {:?}", drawn(seed).layers);
    let keep = [model.loss, model.loss_of_row];
    for mode in [Mode::Train, Mode::Inspect] {
        let plan = Plan::new(&model.graph, mode, &keep);
        let place = |id| plan.find_place(id);
        let problem = memory_problem(&model.graph, &order(&plan), &place, &keep);
        assert_eq!(problem, None, "{label} {mode:?}");
    }
    let train = trained(&model, Mode::Train, 5);
    assert!(train.iter().flatten().all(|value| value.is_finite()));
    assert_eq!(train, trained(&model, Mode::Inspect, 5), "{label}");
    assert_ne!(train, trained(&model, Mode::Train, 4), "{label}");
    for valid in [5, 3] {
        check_gradients(&model, valid, &format!("{label} valid={valid}"));
    }
    // A partial batch is a smaller batch.
    let small = trained(&self::model(seed, 3), Mode::Train, 3);
    let partial = trained(&model, Mode::Train, 3);
    let tolerance = Tolerance {
        absolute: 1e-12,
        relative: 1e-12,
    };
    for (partial, small) in partial.iter().zip(&small) {
        assert_close(&label, partial, small, tolerance);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn models_with_branches_train_alike_in_both_plans_and_match_finite_differences(seed in 0u64..100_000) {
        check(seed);
    }
}

#[test]
fn the_drawn_models_use_every_kind_of_connection() {
    let mut kinds = std::collections::BTreeSet::new();
    let (mut shared, mut twice, mut sums) = (0, 0, 0);
    for seed in 0..60 {
        let spec = drawn(seed);
        for layer in &spec.layers {
            kinds.insert(layer.kind.name());
            shared += usize::from(layer.parameters_of.is_some());
            twice += usize::from(layer.inputs.len() == 2 && layer.inputs[0] == layer.inputs[1]);
        }
        let model = model(seed, 2);
        let nodes = model.graph.nodes().iter();
        sums += nodes.filter(|node| node.name.contains("grad_sum")).count();
        // Names tell nodes and values apart.
        let mut names: Vec<&str> = model
            .graph
            .nodes()
            .iter()
            .map(|n| n.name.as_str())
            .collect();
        names.extend(model.graph.values().iter().map(|v| v.name.as_str()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "seed {seed}: two things have one name");
    }
    assert!(
        shared > 0 && twice > 0 && sums > 60,
        "{shared} {twice} {sums}"
    );
    for kind in [
        "add",
        "multiply",
        "maximum",
        "subtract",
        "concatenate",
        "slice",
        "mean",
        "sum",
    ] {
        assert!(kinds.contains(kind), "{kind} was not drawn");
    }
}
