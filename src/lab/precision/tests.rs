//! Emulated training against its criteria (docs/LAB.md), and against PyTorch's float16.

use super::float16::{Conversion, Fate, LARGEST, SMALLEST, SMALLEST_NORMAL, round, round_all};
use super::*;
use crate::data::{DataSource, mnist_from_bytes};
use crate::graph::{Graph, Phase, ValueId};
use crate::models::PresetData;
use crate::ops::{AdamUpdate, Linear, Mean, Op, Relu, SgdUpdate, SoftmaxCrossEntropy};
use crate::optim::OptimizerKind;
use crate::tensor::{ElementType, Shape};
use half::f16;
use pollster::block_on;
use serde_json::Value as Json;
use std::sync::OnceLock;

pub(super) fn fixture() -> Json {
    serde_json::from_str(include_str!("../../../tests/fixtures/float16.json")).unwrap()
}

pub(super) fn numbers(json: &Json) -> Vec<f32> {
    let numbers = json.as_array().expect("a list");
    numbers.iter().map(|n| n.as_f64().unwrap() as f32).collect()
}

fn mnist() -> Arc<SampleSet> {
    static MNIST: OnceLock<Arc<SampleSet>> = OnceLock::new();
    let make = || {
        let whole = mnist_from_bytes(
            include_bytes!("../../../assets/data/mnist/train-images-idx3-ubyte.gz"),
            include_bytes!("../../../assets/data/mnist/train-labels-idx1-ubyte.gz"),
            include_bytes!("../../../assets/data/mnist/t10k-images-idx3-ubyte.gz"),
            include_bytes!("../../../assets/data/mnist/t10k-labels-idx1-ubyte.gz"),
        );
        Arc::new(SampleSet::Images(
            whole.expect("the committed files are whole"),
        ))
    };
    Arc::clone(MNIST.get_or_init(make))
}

pub(super) fn samples(preset: &Preset) -> Result<Arc<SampleSet>, PrecisionError> {
    match preset.data {
        PresetData::Toy(source) => Ok(Arc::new(SampleSet::Table(source.draw().unwrap()))),
        PresetData::Images { source, subset, .. } => {
            assert_eq!(source, DataSource::Mnist);
            let mnist = mnist();
            let images = mnist.images().expect("images");
            Ok(Arc::new(SampleSet::Images(images.choose(subset))))
        }
        _ => panic!("{} is not offered", preset.id),
    }
}

/// Runs a comparison to its end.
pub(super) fn compare(config: PrecisionConfig) -> Vec<Event> {
    let mut events = Vec::new();
    let mut precision = Precision::default();
    let mut emit = |event| events.push(event);
    let command = Command::Start { run: 7, config };
    block_on(precision.handle(command, &mut samples, &mut emit)).unwrap();
    while block_on(precision.advance(1e9, &mut emit)).unwrap() {}
    events
}

/// A comparison that is emulated.
pub(super) fn begin(config: PrecisionConfig) -> Comparison {
    let place = Place::Emulated { why: Why::Wanted };
    block_on(Comparison::new(1, config, &mut samples, (None, place))).unwrap()
}

pub(super) fn small() -> PrecisionConfig {
    PrecisionConfig {
        preset: "mlp-moons".into(),
        steps: 200,
        ..PrecisionConfig::default()
    }
}

pub(super) fn records(events: &[Event], mode: PrecisionMode) -> Vec<StepRecord> {
    let records = events.iter().filter_map(|event| match event {
        Event::Steps {
            mode: of, records, ..
        } if *of == mode => Some(records.clone()),
        _ => None,
    });
    records.flatten().collect()
}

pub(super) fn result(events: &[Event], mode: PrecisionMode) -> ModeResult {
    let mut results = events.iter().filter_map(|event| match event {
        Event::Finished { result, .. } => Some(*result),
        _ => None,
    });
    results
        .find(|result| result.mode == mode)
        .expect("the mode is measured")
}

#[test]
fn float16_has_the_limits_that_the_standard_gives_it() {
    assert_eq!(round(1e-8), 0.0);
    // Subnormal still: off by at most half of the smallest.
    let saved = round(1_024.0 * 1e-8) / 1_024.0;
    assert!(
        saved > 0.0 && (saved - 1e-8).abs() <= SMALLEST / 2_048.0,
        "{saved:e}"
    );
    assert_eq!((LARGEST, round(LARGEST)), (65_504.0, 65_504.0));
    assert_eq!(round(65_519.996), LARGEST);
    assert_eq!(round(65_520.0), f32::INFINITY);
    assert_eq!(round(-1e9), f32::NEG_INFINITY);
    assert_eq!(SMALLEST, f16::from_bits(1).to_f32());
    assert!((SMALLEST - 5.96e-8).abs() < 1e-10);
    assert_eq!(SMALLEST_NORMAL, f16::MIN_POSITIVE.to_f32());
    assert_eq!(round(SMALLEST), SMALLEST);
    // Half of it is a tie, which goes to the even 0.
    assert_eq!(round(SMALLEST / 2.0), 0.0);
    assert_eq!(round(0.75 * SMALLEST), SMALLEST);
    assert_eq!(round(1.0 + 0.5 * float16::EPSILON), 1.0);
    assert_eq!(
        round(1.0 + 1.5 * float16::EPSILON),
        1.0 + 2.0 * float16::EPSILON
    );
    assert!(round(f32::NAN).is_nan());
    assert_eq!(round(-0.0).to_bits(), (-0.0f32).to_bits());
}

#[test]
fn rounding_several_numbers_at_a_time_is_the_rounding_of_the_library() {
    // Every 199th pattern of 32 bits, and all numbers next to a float16 number or half-way between two.
    let strided = (0..u32::MAX / 199).map(|at| at * 199);
    let near = (0..=u16::MAX).flat_map(|bits| {
        let number = f16::from_bits(bits).to_f32().to_bits();
        [0, 0x0fff, 0x1000, 0x1001, 0x1fff].map(|further| number.wrapping_add(further))
    });
    let mut count = 0;
    for bits in strided.chain(near) {
        let value = f32::from_bits(bits);
        let expected = f16::from_f32(value).to_f32();
        let actual = round(value);
        let same = actual.to_bits() == expected.to_bits() || (actual.is_nan() && expected.is_nan());
        assert!(
            same,
            "{value:e} ({bits:#x}): {actual:e}, expected {expected:e}"
        );
        count += 1;
    }
    assert!(count > 21_000_000, "{count}");
    let mut row = [1.0 / 3.0, -70_000.0, 1e-8];
    round_all(&mut row);
    assert_eq!(row, [round(1.0 / 3.0), f32::NEG_INFINITY, 0.0]);
}

#[test]
fn numbers_become_the_bits_that_pytorch_makes_of_them() {
    let fixture = fixture();
    let values = numbers(&fixture["numbers"]["values"]);
    let bits = fixture["numbers"]["bits"].as_array().unwrap();
    assert!(values.len() > 200 && values.len() == bits.len());
    for (&value, bits) in values.iter().zip(bits) {
        let bits = bits.as_u64().unwrap() as u16;
        assert_eq!(Conversion::new(value.into()).bits, bits, "{value:e}");
        assert_eq!(f16::from_f32(round(value)).to_bits(), bits, "{value:e}");
    }
}

#[test]
fn one_number_tells_its_bits_its_error_and_its_fate() {
    let tenth = Conversion::new(0.1);
    assert_eq!(tenth.fields(), ["0", "01011", "1001100110"]);
    assert_eq!(tenth.stored, 0.099_975_585_937_5);
    assert!((tenth.relative_error().unwrap() + 2.441_406_25e-4).abs() < 1e-12);
    let fates = [
        (0.0, Fate::Zero),
        (1e-8, Fate::Underflow),
        (1e-6, Fate::Subnormal),
        (-1.0, Fate::Normal),
        (65_520.0, Fate::Overflow),
        (f64::NAN, Fate::NotANumber),
    ];
    for (value, fate) in fates {
        assert_eq!(Conversion::new(value).fate, fate, "{value}");
    }
    assert_eq!(Conversion::new(0.0).relative_error(), None);
    // Digits that float32 has no room for decide ties too.
    let tie = 2.0f64.powi(-25);
    assert_eq!(Conversion::new(tie).bits, 0);
    assert_eq!(Conversion::new(tie + 2.0f64.powi(-70)).bits, 1);
    assert_eq!(Conversion::new(tie - 2.0f64.powi(-70)).bits, 0);
    assert_eq!(Conversion::new(65_520.0 - 1e-10).stored, 65_504.0);
    assert_eq!(Conversion::new(-1e300).stored, f64::NEG_INFINITY);
}

/// One weight whose gradient is 1 in every step.
pub(super) fn slope() -> (Arc<Graph>, ValueId, ValueId) {
    let mut graph = Graph::default();
    let weight = graph.parameter("weight", [1].into());
    let mean = Op::Mean(Mean::default());
    let loss = graph
        .apply_in(Phase::Loss, None, mean, "loss".into(), &[weight])
        .unwrap()[0];
    graph.differentiate(loss, &[weight]).unwrap();
    graph
        .append_update(Op::SgdUpdate(SgdUpdate::default()))
        .unwrap();
    (Arc::new(graph), loss, weight)
}

#[test]
fn a_thousand_small_updates_are_lost_in_float16_and_kept_by_master_weights() {
    let (graph, loss, weight) = slope();
    let train = |mode| {
        let scale = LossScale::new(1_024.0, 100_000);
        let mut stepper = Stepper::new(Arc::clone(&graph), loss, mode, scale);
        stepper.write_parameter(weight, &[1.0]);
        for step in 0..1_000 {
            let step = StepValues {
                step,
                learning_rate: 1e-4,
                ..StepValues::forward(1).in_training()
            };
            assert!(!stepper.step(step).is_skipped);
        }
        stepper.weights()[0]
    };
    let torch = fixture();
    assert_eq!(train(PrecisionMode::Float16), 1.0);
    assert_eq!(torch["updates"]["float16"].as_f64(), Some(1.0));
    // A thousand roundings of float32 next to 1, half of 2⁻²⁴ each on average.
    let master = train(PrecisionMode::Mixed);
    assert!((master - 0.9).abs() < 3e-5, "{master}");
    assert_eq!(
        f64::from(master),
        torch["updates"]["float32"].as_f64().unwrap()
    );
    assert_eq!(train(PrecisionMode::Float32), master);
}

/// x (6, 8) -> linear 16 -> ReLU -> linear 3 -> softmax cross-entropy.
pub(super) struct Network {
    pub graph: Arc<Graph>,
    pub x: ValueId,
    pub t: ValueId,
    pub loss: ValueId,
    pub parameters: Vec<ValueId>,
}

pub(super) fn network(update: Op) -> Network {
    let mut graph = Graph::default();
    let x = graph.input("x", [6, 8].into(), ElementType::F32);
    let t = graph.input("t", [6].into(), ElementType::U32);
    let shapes: [(&str, Shape); 4] = [
        ("fc1.weight", [16, 8].into()),
        ("fc1.bias", [16].into()),
        ("fc2.weight", [3, 16].into()),
        ("fc2.bias", [3].into()),
    ];
    let parameters: Vec<ValueId> = shapes
        .into_iter()
        .map(|(name, shape)| graph.parameter(name, shape))
        .collect();
    let linear = || Op::Linear(Linear {});
    let a = graph
        .apply(linear(), "fc1", &[x, parameters[0], parameters[1]])
        .unwrap()[0];
    let h = graph.apply(Op::Relu(Relu {}), "relu", &[a]).unwrap()[0];
    let z = graph
        .apply(linear(), "fc2", &[h, parameters[2], parameters[3]])
        .unwrap()[0];
    let loss = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
    let loss = graph
        .apply_in(Phase::Loss, None, loss, "loss".into(), &[z, t])
        .unwrap()[0];
    graph.differentiate(loss, &parameters).unwrap();
    graph.append_update(update).unwrap();
    Network {
        graph: Arc::new(graph),
        x,
        t,
        loss,
        parameters,
    }
}

impl Network {
    /// With the fixture's numbers.
    pub fn stepper(&self, steps: &Json, mode: PrecisionMode, scale: LossScale) -> Stepper {
        let mut stepper = Stepper::new(Arc::clone(&self.graph), self.loss, mode, scale);
        stepper.write(self.x, &Values::F32(numbers(&steps["x"])));
        let classes = numbers(&steps["t"]).iter().map(|&t| t as u32).collect();
        stepper.write(self.t, &Values::U32(classes));
        let initial = steps["initial"].as_array().unwrap();
        for (&parameter, values) in self.parameters.iter().zip(initial) {
            stepper.write_parameter(parameter, &numbers(values));
        }
        stepper
    }

    pub fn own<'a>(&self, row: &'a [f32], parameter: ValueId) -> &'a [f32] {
        let (_, offset) = self.graph.storage(parameter);
        &row[offset..offset + self.graph.value(parameter).shape.count()]
    }
}

pub(super) fn step_values(step: u32, rate: f32) -> StepValues {
    StepValues {
        step,
        learning_rate: rate,
        ..StepValues::forward(6).in_training()
    }
}

#[test]
fn mixed_training_steps_are_pytorchs_rounded_operation_by_operation() {
    let fixture = fixture();
    let steps = &fixture["steps"];
    let network = network(Op::SgdUpdate(SgdUpdate::default()));
    let scale = LossScale::new(steps["scale"].as_f64().unwrap() as f32, 1_000);
    let mut stepper = network.stepper(steps, PrecisionMode::Mixed, scale);
    let rate = steps["rate"].as_f64().unwrap() as f32;

    stepper.differentiate(&step_values(0, rate));
    let expected = steps["gradients"].as_array().unwrap();
    let (mut equal, mut count) = (0, 0);
    for (&parameter, expected) in network.parameters.iter().zip(expected) {
        let actual = network.own(stepper.gradients(), parameter);
        for (&actual, expected) in actual.iter().zip(numbers(expected)) {
            // Sums of float32 in another order may fall on the other side of a tie: then the neighbour.
            let close = (actual - expected).abs() <= float16::EPSILON * expected.abs() + SMALLEST;
            assert!(close, "{actual}, expected {expected}");
            assert_eq!(actual, round(actual), "stored as float16");
            equal += u32::from(actual == expected);
            count += 1;
        }
    }
    assert!(
        count == 16 * 9 + 3 * 17 && equal * 100 >= count * 95,
        "{equal} of {count}"
    );

    for (step, expected) in (0..).zip(numbers(&steps["losses"])) {
        let outcome = stepper.step(step_values(step, rate));
        assert!(
            (outcome.loss - expected).abs() < 1e-4,
            "step {step}: {}, expected {expected}",
            outcome.loss
        );
        assert_eq!((outcome.scale, outcome.is_skipped), (1_024.0, false));
    }
    let expected = steps["master"].as_array().unwrap();
    for (&parameter, expected) in network.parameters.iter().zip(expected) {
        let actual = network.own(stepper.weights(), parameter);
        for (&actual, expected) in actual.iter().zip(numbers(expected)) {
            assert!(
                (actual - expected).abs() < 1e-4,
                "{actual}, expected {expected}"
            );
        }
    }
    assert!(
        stepper
            .weights()
            .iter()
            .any(|&weight| weight != round(weight)),
        "master weights have more digits than float16"
    );
}

#[test]
fn a_step_that_overflows_is_skipped_and_changes_no_weight_and_no_state() {
    let fixture = fixture();
    let network = network(Op::AdamUpdate(AdamUpdate::default()));
    let scale = LossScale::new(1_024.0, 3);
    let mut stepper = network.stepper(&fixture["steps"], PrecisionMode::Mixed, scale);
    let bits = |stepper: &Stepper| -> Vec<u32> {
        let states = stepper.states();
        let rows = std::iter::once(stepper.weights()).chain(states);
        rows.flatten().map(|value| value.to_bits()).collect()
    };
    let mut before = bits(&stepper);
    let mut is_skipped = Vec::new();
    let mut scales = Vec::new();
    for step in 0..80 {
        let outcome = stepper.step(step_values(step, 1e-3));
        let after = bits(&stepper);
        assert_eq!(before == after, outcome.is_skipped, "step {step}");
        assert!(outcome.loss.is_finite(), "the loss itself is not scaled");
        before = after;
        scales.push(outcome.scale);
        is_skipped.push(outcome.is_skipped);
    }
    assert_eq!(scales[..4], [1_024.0, 1_024.0, 1_024.0, 2_048.0]);
    let skipped = is_skipped.iter().filter(|&&skipped| skipped).count();
    assert!(
        skipped > 2,
        "the growing scale overflows now and then: {skipped}"
    );
    assert_eq!(
        stepper.updates(),
        80 - skipped as u64,
        "skipped steps are no updates"
    );
    for (step, pair) in scales.windows(2).enumerate() {
        let halved = pair[1] == pair[0] / 2.0;
        assert_eq!(halved, is_skipped[step], "step {step}: {pair:?}");
    }
    // Control: without the test of the gradients weights are lost.
    let mut plain = network.stepper(&fixture["steps"], PrecisionMode::Float16, scale);
    let loud: Vec<f32> = network
        .own(plain.weights(), network.parameters[2])
        .iter()
        .map(|w| w * 3e4)
        .collect();
    plain.write_parameter(network.parameters[2], &loud);
    for step in 0..3 {
        plain.step(step_values(step, 1.0));
    }
    assert!(plain.weights().iter().any(|weight| !weight.is_finite()));
}

#[test]
fn the_scale_doubles_after_good_steps_and_halves_after_a_bad_one() {
    let mut scale = LossScale::new(1_024.0, 2);
    let mut log = Vec::new();
    for is_finite in [true, true, true, false, true, true] {
        scale.note(is_finite);
        log.push(scale.scale());
    }
    assert_eq!(log, [1_024.0, 2_048.0, 2_048.0, 1_024.0, 1_024.0, 2_048.0]);
    let mut scale = LossScale::new(1.0, 1);
    while !scale.is_exhausted() {
        scale.note(false);
    }
    assert!(scale.scale() < SMALLEST_SCALE && scale.scale() > 0.0);
    let mut scale = LossScale::new(f32::MAX / 1.5, 1);
    scale.note(true);
    assert!(scale.scale().is_finite());
}

#[test]
fn unscaled_gradients_of_lenet_are_those_of_float32_but_for_rounding() {
    let config = PrecisionConfig {
        modes: vec![PrecisionMode::Mixed],
        ..PrecisionConfig::default()
    };
    let mut comparison = begin(config);
    let step = comparison.prepare(0, 0);
    let stepper = comparison.lanes[0].trainer.emulated().unwrap();
    let exact = stepper.gradients_in_float32(&step);
    stepper.differentiate(&step);
    let scale = stepper.scale().scale();
    let mixed: Vec<f32> = stepper.gradients().iter().map(|g| g / scale).collect();
    let graph = stepper.graph();
    for &parameter in &graph.parameters() {
        let (_, offset) = graph.storage(parameter);
        let range = offset..offset + graph.value(parameter).shape.count();
        let name = &graph.value(parameter).name;
        let norm =
            |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let pairs = mixed[range.clone()].iter().zip(&exact[range.clone()]);
        let difference = norm(&mut pairs.map(|(a, b)| f64::from(a - b)));
        let size = norm(&mut exact[range].iter().map(|&g| f64::from(g)));
        let relative = difference / size;
        // Each number is rounded by up to 2⁻¹¹ of itself, several layers deep. Behind a convolution a maximum of nearly
        // equal numbers may fall on another pixel, which moves whole terms.
        let tolerance = if name.starts_with("conv") {
            0.05
        } else {
            0.002
        };
        assert!(relative < tolerance, "{name}: {relative}");
        assert!(relative > 0.0, "{name} is rounded");
    }
    // Looking in float32 leaves no trace.
    let again = stepper.gradients().to_vec();
    stepper.gradients_in_float32(&step);
    stepper.differentiate(&step);
    assert_eq!(again, stepper.gradients());
}

#[test]
fn a_scale_saves_gradients_that_float16_would_lose() {
    let events = compare(PrecisionConfig {
        preset: "lenet5-mnist".into(),
        modes: vec![PrecisionMode::Mixed],
        steps: 1,
        ..PrecisionConfig::default()
    });
    let layers = events.iter().find_map(|event| match event {
        Event::Gradients {
            step: 0,
            scale,
            layers,
            ..
        } => {
            assert_eq!(*scale, 1_024.0);
            Some(layers)
        }
        _ => None,
    });
    let layers = layers.expect("the gradients are looked at before the first step");
    assert_eq!(layers.len(), 10);
    let [mut plain, mut scaled] = [Fates::default(); 2];
    for layer in layers {
        let counted: u32 = layer.bins.iter().sum();
        assert_eq!(layer.bins.len(), BINS);
        assert_eq!(counted + layer.unscaled.zero, layer.unscaled.total());
        assert_eq!(layer.unscaled.total(), layer.scaled.total());
        // What the bins say by themselves: everything below 2⁻²⁵ is lost.
        let below = (-25 - LOWEST_EXPONENT) as usize;
        let lost: u32 = layer.bins[..below].iter().sum();
        assert!(layer.unscaled.underflow >= lost && layer.unscaled.underflow <= lost + 1);
        plain.add(&layer.unscaled);
        scaled.add(&layer.scaled);
    }
    assert_eq!(plain.total(), 61_706);
    assert!(plain.subnormal > 1_000, "{plain:?}");
    assert!(
        scaled.underflow <= plain.underflow && scaled.subnormal * 10 < plain.subnormal,
        "{scaled:?}"
    );
    assert_eq!(scaled.overflow, 0);
}

#[test]
fn exponents_are_the_floor_of_the_binary_logarithm() {
    let cases = [
        (1.0, 0),
        (-1.5, 0),
        (0.999, -1),
        (2.0f32.powi(-24), -24),
        (1e-40, -133),
        (f32::MAX, 127),
    ];
    for (value, expected) in cases {
        assert_eq!(exponent(value), Some(expected), "{value:e}");
    }
    assert_eq!(exponent(f32::from_bits(1)), Some(-149));
    assert_eq!([0.0, f32::NAN, f32::INFINITY].map(exponent), [None; 3]);
}

#[test]
fn mixed_precision_learns_as_well_as_float32() {
    let events = compare(PrecisionConfig {
        steps: 400,
        learning_rate: Some(1e-2),
        ..small()
    });
    let [float32, mixed] =
        [PrecisionMode::Float32, PrecisionMode::Mixed].map(|mode| result(&events, mode));
    assert!(float32.accuracy > 0.9, "{float32:?}");
    assert!(
        (float32.accuracy - mixed.accuracy).abs() <= 0.01,
        "{float32:?} {mixed:?}"
    );
    let first = |mode| records(&events, mode)[0].loss;
    let [exact, rounded] = [PrecisionMode::Float32, PrecisionMode::Mixed].map(first);
    assert!(
        (exact - rounded).abs() < 1e-3 && exact != rounded,
        "{exact} {rounded}"
    );
    for mode in PrecisionMode::ALL {
        let records = records(&events, mode);
        let steps: Vec<u32> = records.iter().map(|record| record.step).collect();
        assert_eq!(
            steps,
            (1..=records.len() as u32).collect::<Vec<_>>(),
            "{mode:?}"
        );
        assert!(
            records
                .iter()
                .all(|record| mode == PrecisionMode::Mixed || record.scale == 1.0)
        );
    }
    assert_eq!(records(&events, PrecisionMode::Mixed).len(), 400);
    assert!(
        records(&events, PrecisionMode::Mixed)
            .iter()
            .any(|record| record.scale > 1_024.0)
    );
}

#[test]
fn float16_alone_stands_still_where_its_updates_are_too_small() {
    let config = |rate| PrecisionConfig {
        optimizer: Some(OptimizerKind::Sgd),
        learning_rate: Some(rate),
        modes: vec![PrecisionMode::Float16, PrecisionMode::Mixed],
        steps: 60,
        ..small()
    };
    let mut comparison = begin(config(1e-6));
    let weights = |comparison: &mut Comparison| -> Vec<Vec<f32>> {
        let lanes = comparison.lanes.iter_mut();
        lanes
            .map(|lane| lane.trainer.emulated().unwrap().weights().to_vec())
            .collect()
    };
    let before = weights(&mut comparison);
    while block_on(comparison.take_turn(&mut |_| {})).unwrap() {}
    let after = weights(&mut comparison);
    let moved: Vec<usize> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| {
            let pairs = after.iter().zip(before);
            pairs.filter(|(after, before)| after != before).count()
        })
        .collect();
    assert!(moved[0] * 10 < moved[1], "{moved:?} weights moved");
}

#[test]
fn the_memory_of_mixed_precision_is_saved_in_activations_not_in_weights() {
    let config = PrecisionConfig::default();
    let comparison = begin(config);
    let parts = |mode| MemoryParts::new(&comparison.model.graph, mode);
    let [full, half, mixed] = PrecisionMode::ALL.map(parts);
    let lasting = |parts: &MemoryParts| parts.total() - parts.activations;
    // Adam: 16 bytes a parameter both ways, 4+4+8 and 2+2+4+8.
    assert_eq!(lasting(&full), lasting(&mixed));
    assert_eq!(lasting(&full) / full.weights, 4);
    assert_eq!(2 * lasting(&half), lasting(&full));
    // The places of LeNet's two maxima are whole numbers of 32 bits, as classes are: 64 · (6·14·14 + 16·5·5).
    let places = 4 * 64 * (6 * 14 * 14 + 16 * 5 * 5);
    let whole = 2 * half.activations - full.activations;
    assert!((places..places + 4 * 64 * 4).contains(&whole), "{whole}");
    // The loss and its softmax stay as they are too; that they take no slot of their own is possible.
    let kept = 2 * mixed.activations - full.activations;
    assert!(
        (whole..=whole + 4 * 64 * 32).contains(&kept),
        "{kept}, {whole}"
    );
    assert!(full.activations > full.weights);
}

#[test]
fn settings_that_make_no_sense_are_refused_and_the_comparison_goes_on() {
    let bad = |change: fn(&mut PrecisionConfig)| {
        let mut config = small();
        change(&mut config);
        config
    };
    let cases = [
        (bad(|c| c.preset = "vgg-s".into()), Setting::Preset, "vgg-s"),
        (bad(|c| c.modes.clear()), Setting::Modes, "\"\""),
        (
            bad(|c| c.modes.push(c.modes[0])),
            Setting::Modes,
            "\"float32,float16,mixed,float32\"",
        ),
        (
            bad(|c| c.learning_rate = Some(-1.0)),
            Setting::LearningRate,
            "-1",
        ),
        (
            bad(|c| c.learning_rate = Some(f32::NAN)),
            Setting::LearningRate,
            "NaN",
        ),
        (bad(|c| c.batch = Some(0)), Setting::Batch, "0"),
        (bad(|c| c.steps = 0), Setting::Steps, "0"),
        (bad(|c| c.scale = 0.0), Setting::Scale, "0"),
        (bad(|c| c.scale = -8.0), Setting::Scale, "-8"),
        (bad(|c| c.scale = f32::INFINITY), Setting::Scale, "inf"),
        (bad(|c| c.growth_interval = 0), Setting::GrowthInterval, "0"),
    ];
    let mut precision = Precision::default();
    let mut count = 0;
    let mut emit = |_| count += 1;
    let start = |config| Command::Start { run: 1, config };
    block_on(precision.handle(start(small()), &mut samples, &mut emit)).unwrap();
    for (config, setting, actual) in cases {
        let refused = block_on(precision.handle(start(config), &mut samples, &mut emit));
        let expected = PrecisionError::Setting {
            setting,
            actual: actual.into(),
        };
        let error = refused.expect_err(actual);
        assert_eq!(error, expected);
        assert!(error.to_string().contains("expected"), "{error}");
    }
    assert!(
        block_on(precision.advance(0.0, &mut emit)).unwrap(),
        "what was under way goes on"
    );
    assert!(
        count >= 3,
        "it told of its start, its gradients and its steps: {count}"
    );
}

#[test]
fn a_scale_that_is_too_large_finds_its_way_down_and_one_that_cannot_help_ends() {
    let events = compare(PrecisionConfig {
        modes: vec![PrecisionMode::Mixed],
        scale: LARGEST_SCALE,
        steps: 60,
        ..small()
    });
    let told = records(&events, PrecisionMode::Mixed);
    let first_good = told.iter().position(|record| !record.is_skipped).unwrap();
    assert!((10..40).contains(&first_good), "{first_good}");
    assert_eq!(
        told[first_good].scale,
        LARGEST_SCALE / 2.0f32.powi(first_good as i32)
    );
    assert_eq!(
        result(&events, PrecisionMode::Mixed).skipped as usize,
        told.iter().filter(|r| r.is_skipped).count()
    );
    // A learning rate that throws the weights out of float16: no scale helps, and float16 alone ends too.
    let events = compare(PrecisionConfig {
        learning_rate: Some(1e3),
        optimizer: Some(OptimizerKind::Sgd),
        modes: vec![PrecisionMode::Float16, PrecisionMode::Mixed],
        steps: 400,
        ..small()
    });
    let diverged = |mode| {
        let told = |event: &Event| matches!(event, Event::Diverged { mode: of, .. } if *of == mode);
        events.iter().any(told)
    };
    assert!(diverged(PrecisionMode::Float16));
    assert!(diverged(PrecisionMode::Mixed));
    let told = records(&events, PrecisionMode::Mixed);
    let last = told.last().unwrap();
    assert!(told.len() < 400 && last.is_skipped && last.scale <= 2.0 * SMALLEST_SCALE);
    assert_in_order(&events, PrecisionMode::Float16);
    assert!(
        records(&events, PrecisionMode::Float16)
            .last()
            .is_some_and(|record| !record.loss.is_finite())
    );
    assert_eq!(
        events.last(),
        Some(&Event::Done {
            run: 7,
            is_complete: true
        })
    );
}

/// Whatever is told of a step comes behind the steps up to there. `first` is the mode whose gradients are looked at as
/// long as it trains.
#[track_caller]
fn assert_in_order(events: &[Event], first: PrecisionMode) {
    let mut done = std::collections::HashMap::new();
    let mut has_diverged = false;
    let (mut looked_at, mut ended) = (0, 0);
    for event in events {
        match event {
            Event::Steps { mode, records, .. } => {
                done.insert(*mode, records.last().unwrap().step);
            }
            Event::Gradients { step, .. } if !has_diverged => {
                assert_eq!(done.get(&first).copied().unwrap_or(0), *step);
                looked_at += 1;
            }
            Event::Diverged { mode, step, .. } => {
                assert_eq!(done[mode], *step, "{mode:?}");
                has_diverged |= *mode == first;
            }
            Event::Finished { result, .. } => {
                assert_eq!(done[&result.mode], result.step);
                ended += 1;
            }
            _ => {}
        }
    }
    assert!(looked_at > 0 && ended == done.len());
}

#[test]
fn what_happens_is_told_behind_the_steps_before_it() {
    let events = compare(PrecisionConfig {
        steps: 60,
        ..small()
    });
    assert_in_order(&events, PrecisionMode::Float32);
    let looks = events.iter();
    let looks = looks.filter(|event| matches!(event, Event::Gradients { .. }));
    assert_eq!(looks.count(), 3);
}

#[test]
fn a_comparison_can_be_stopped_and_events_travel_as_postcard() {
    let mut events = Vec::new();
    let mut precision = Precision::default();
    let mut emit = |event| events.push(event);
    let start = Command::Start {
        run: 3,
        config: small(),
    };
    let bytes = postcard::to_allocvec(&start).unwrap();
    assert_eq!(postcard::from_bytes::<Command>(&bytes).unwrap(), start);
    block_on(precision.handle(start, &mut samples, &mut emit)).unwrap();
    assert!(block_on(precision.advance(0.0, &mut emit)).unwrap());
    block_on(precision.handle(Command::Stop, &mut samples, &mut emit)).unwrap();
    assert!(!block_on(precision.advance(1e9, &mut emit)).unwrap());
    assert_eq!(
        events.last(),
        Some(&Event::Done {
            run: 3,
            is_complete: false
        })
    );
    for event in &events {
        let bytes = postcard::to_allocvec(event).unwrap();
        assert_eq!(&postcard::from_bytes::<Event>(&bytes).unwrap(), event);
    }
}

/// |a − e| ≤ this · |e| + [`SUMS`].
///
/// A driver may round a float32 sum to either neighbour in float16, which stand 2⁻¹⁰ apart.
const ONE_UNIT: f64 = 1.0 / 1_024.0;
/// Float32 sums of at most 400 products of numbers below 1, in another order than the twin's.
const SUMS: f64 = 5e-5;

fn largest_excess(actual: &[Vec<f32>], expected: &[Vec<f64>]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let mut largest = f64::NEG_INFINITY;
    for (actual, expected) in actual.iter().zip(expected) {
        assert_eq!(actual.len(), expected.len());
        for (&actual, &expected) in actual.iter().zip(expected) {
            let excess = (f64::from(actual) - expected).abs() - ONE_UNIT * expected.abs() - SUMS;
            largest = largest.max(if excess.is_nan() {
                f64::INFINITY
            } else {
                excess
            });
        }
    }
    largest
}

/// A missing GPU is a failure; one without float16 has nothing to compare, and lavapipe has it.
#[test]
fn kernels_with_float16_storage_are_their_twins_of_rounded_inputs() {
    let gpu = block_on(crate::exec::gpu::GpuDevice::request()).expect("the tests need a GPU");
    assert!(
        gpu.has_f16(),
        "{} has no shader-f16: use an adapter that has it",
        gpu.name()
    );
    let cases = [
        KernelCase::linear(1, 4, 1),
        KernelCase::linear(5, 12, 7),
        KernelCase::linear(64, 400, 120),
        KernelCase::linear_backward_input(5, 12, 7),
        KernelCase::linear_backward_input(33, 84, 10),
        KernelCase::linear_backward_parameters(5, 12, 7),
        KernelCase::linear_backward_parameters(64, 120, 84),
        KernelCase::conv2d(1, 1, 1, Window::plain(5, 5)),
        KernelCase::conv2d(9, 3, 5, Window::plain(9, 3)),
        KernelCase::conv2d(16, 6, 16, Window::plain(14, 5)),
        KernelCase::conv2d_backward_input(9, 3, 5, Window::plain(9, 3)),
        KernelCase::conv2d_backward_input(4, 6, 16, Window::plain(14, 5)),
        KernelCase::conv2d_backward_parameters(3, 3, 5, Window::plain(9, 3)),
        KernelCase::conv2d_backward_parameters(4, 6, 16, Window::plain(14, 5)),
        // So many samples that the sums over them are split.
        KernelCase::conv2d_backward_parameters(40, 3, 5, Window::plain(5, 3)),
    ];
    // Strides that leave pixels over, and windows that reach beyond the image on every side.
    let slides = [(8, 3, 2, 1), (9, 3, 2, 0), (7, 3, 1, 1), (11, 5, 3, 2)];
    let sliding = slides
        .into_iter()
        .flat_map(|(side, kernel, stride, padding)| {
            let window = Window {
                side,
                kernel,
                stride,
                padding,
            };
            [
                KernelCase::conv2d(9, 3, 5, window),
                KernelCase::conv2d_backward_input(9, 3, 5, window),
                KernelCase::conv2d_backward_parameters(9, 3, 5, window),
            ]
        });
    for case in cases.into_iter().chain(sliding) {
        let inputs = case.random_inputs(3);
        let expected = case.twin(&inputs);
        let loaded = block_on(case.load(&gpu, &inputs, true)).unwrap();
        block_on(loaded.run(1)).unwrap();
        let mut actual = block_on(loaded.outputs()).unwrap();
        let excess = largest_excess(&actual, &expected);
        assert!(
            excess <= 0.0,
            "{}: {excess} beyond the tolerance",
            case.name
        );
        // Controls: one wrong element, and one that nobody wrote.
        let last = actual[0].len() - 1;
        actual[0][last] += 0.01 + 0.01 * actual[0][last].abs();
        assert!(largest_excess(&actual, &expected) > 0.0, "{}", case.name);
        actual[0][last] = f32::NAN;
        assert!(largest_excess(&actual, &expected) > 0.0, "{}", case.name);
    }
}

#[test]
fn every_shader_with_float16_storage_is_one_of_a_case() {
    let cases = [
        KernelCase::linear(1, 4, 1),
        KernelCase::linear_backward_input(1, 4, 1),
        KernelCase::linear_backward_parameters(1, 4, 1),
        KernelCase::conv2d(1, 1, 1, Window::plain(5, 5)),
        KernelCase::conv2d_backward_input(1, 1, 1, Window::plain(5, 5)),
        KernelCase::conv2d_backward_parameters(1, 1, 1, Window::plain(5, 5)),
    ];
    let mut run: Vec<&str> = cases.iter().flat_map(KernelCase::shaders).collect();
    run.sort_unstable();
    // Those that convert or choose are held to the twins number by number, in `device_tests`.
    let sums = |name: &&str| name.starts_with("linear") || name.starts_with("conv2d");
    let known = HALF_SHADERS.iter().map(|&(name, _)| name);
    assert_eq!(run, known.filter(sums).collect::<Vec<_>>());
}

#[test]
fn measuring_kernels_can_be_stopped_between_two_submits() {
    let mut precision = Precision::default();
    let mut samples = samples;
    let mut told = Vec::new();
    let mut handle = |precision: &mut Precision, command, told: &mut Vec<Event>| {
        let mut emit = |event| told.push(event);
        block_on(precision.handle(command, &mut samples, &mut emit)).unwrap();
    };
    handle(&mut precision, Command::Measure, &mut told);
    // Nothing is measured yet: the tests' adapter has float16.
    assert_eq!(told, []);
    for _ in 0..3 {
        let more = block_on(precision.advance(0.0, &mut |event| told.push(event)));
        assert_eq!(more, Ok(true));
    }
    assert_eq!(told, []);
    handle(&mut precision, Command::StopMeasuring, &mut told);
    let [Event::Kernels(report)] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(report.has_f16 && report.is_stopped && report.failure.is_none());
    assert!(report.figures.is_empty());
    let more = block_on(precision.advance(1e9, &mut |event| panic!("{event:?}")));
    assert_eq!(more, Ok(false));
    handle(&mut precision, Command::StopMeasuring, &mut told);
    assert_eq!(told.len(), 1);
}
