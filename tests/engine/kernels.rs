//! The kernels against the twins, and what the GPU executor promises.
//!
//! A missing GPU is a failure: install a Vulkan driver; lavapipe
//! (mesa-vulkan-drivers) is one.

use crate::cases::all_cases;
use crate::image_cases::{avg_pool_case, convolution_case, max_pool_case};
use crate::small_models::{Model, lenet, mlp, recurrent};
use crate::support::{
    Case, Random, Tolerance, assert_close, assert_not_close, numbers, with_one_off,
};
use glassbox::exec::bisect::{compare_nodes, compare_outputs, first_difference};
use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::gpu::{
    GpuDevice, GpuError, GpuExecutor, MAX_STEPS_PER_SUBMIT, Record, Recorded,
};
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Graph, Phase};
use glassbox::layers::BatchSource;
use glassbox::ops::{AdamUpdate, Op, SgdUpdate, StepValues};
use glassbox::tensor::init::Initializer;
use glassbox::tensor::{ElementType, Shape, Tensor, Values};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::json;
use std::sync::{Arc, OnceLock};

/// Sums of at most 1,500 products of values up to 1, in f32 (which rounds at 6e-8)
/// and in another order than the twin's; logits up to 120, of which f32 resolves 8e-6.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 2e-5,
};

/// One device for all tests: a driver may run only so many at a time.
fn device() -> GpuDevice {
    static DEVICE: OnceLock<GpuDevice> = OnceLock::new();
    DEVICE
        .get_or_init(|| block_on(GpuDevice::request()).expect("the tests need a GPU"))
        .clone()
}

fn executor(graph: &Arc<Graph>, plan: &Arc<Plan>, record: Option<Recorded>) -> GpuExecutor {
    make(graph, plan, record).unwrap_or_else(|error| panic!("{error}"))
}

fn make(
    graph: &Arc<Graph>,
    plan: &Arc<Plan>,
    record: Option<Recorded>,
) -> Result<GpuExecutor, GpuError> {
    let (graph, plan) = (Arc::clone(graph), Arc::clone(plan));
    block_on(GpuExecutor::new(
        &device(),
        graph,
        plan,
        record,
        &mut |_, _| {},
    ))
}

fn as_numbers(values: &Values) -> Vec<f64> {
    (0..values.len())
        .map(|at| values.number(at).expect("a position below the length"))
        .collect()
}

/// The outputs of a case's kernels: the readable ones, or those that training uses.
fn run_on_gpu(case: &Case, mode: Mode) -> Vec<Vec<f64>> {
    let single = case.single();
    let plan = Arc::new(Plan::new(single.graph(), mode, single.outputs()));
    let mut gpu = executor(single.graph(), &plan, None);
    for (&id, tensor) in single.inputs().iter().zip(&case.inputs) {
        gpu.write(id, tensor.values());
    }
    gpu.submit(0..plan.groups.len(), &[case.step]);
    let outputs = block_on(gpu.read_many(single.outputs())).expect("the outputs can be read");
    outputs.iter().map(as_numbers).collect()
}

#[test]
fn every_kernel_matches_its_twin() {
    for (_, cases) in all_cases() {
        for case in cases {
            let expected: Vec<Vec<f64>> = case.run::<f64>().outputs.iter().map(numbers).collect();
            for mode in [Mode::Inspect, Mode::Train] {
                let actual = run_on_gpu(&case, mode);
                assert_eq!(actual.len(), expected.len());
                let label = format!("{} ({mode:?})", case.label);
                for (actual, expected) in actual.iter().zip(&expected) {
                    assert_close(&label, actual, expected, TOLERANCE);
                    // Control: one wrong element is noticed.
                    let wrong = with_one_off(actual, actual.len() / 2, 1e-2);
                    assert_not_close(&label, &wrong, expected, TOLERANCE);
                }
            }
        }
    }
}

/// A case's kernels, those of stepping and those of training, against its twin in f64.
pub fn assert_kernels_match(case: &Case) {
    let expected: Vec<Vec<f64>> = case.run::<f64>().outputs.iter().map(numbers).collect();
    for mode in [Mode::Inspect, Mode::Train] {
        let label = format!("{} ({mode:?})", case.label);
        for (actual, expected) in run_on_gpu(case, mode).iter().zip(&expected) {
            assert_close(&label, actual, expected, TOLERANCE);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Strides, paddings, dilations and groups of any kind; half of them alike on both sides, as the blocked
    /// kernels want it.
    #[test]
    fn kernels_of_convolutions_of_any_shape_match_their_twins(
        batch in 1..10usize, groups in 1..4usize, of_group in [1..4usize, 1..4usize],
        kernel in [1..4usize, 1..4usize], more in [0..7usize, 0..7usize],
        stride in [1..4usize, 1..4usize], padding in [0..3usize, 0..3, 0..3, 0..3],
        dilation in [1..3usize, 1..3usize], is_plain in any::<bool>(),
    ) {
        let attributes = if is_plain {
            json!({"stride": stride[0], "padding": padding[0]})
        } else {
            json!({"stride": stride, "padding": padding, "dilation": dilation, "groups": groups})
        };
        let (groups, dilation) = if is_plain { (1, [1, 1]) } else { (groups, dilation) };
        let [h, w] = [0, 1].map(|side| dilation[side] * (kernel[side] - 1) + 1 + more[side]);
        let sizes = [batch, groups * of_group[0], h, w, groups * of_group[1], kernel[0], kernel[1]];
        for name in ["conv2d", "conv2d_backward_input", "conv2d_backward_weight", "conv2d_backward_bias"] {
            assert_kernels_match(&convolution_case(name, sizes, &attributes));
        }
    }

    #[test]
    fn kernels_of_poolings_of_any_shape_match_their_twins(
        maps in [1..4usize, 1..4usize], kernel in [1..4usize, 1..4usize], more in [0..7usize, 0..7usize],
        stride in [1..4usize, 1..4usize], share in [0..2usize, 0..2, 0..2, 0..2],
        ceil_mode in any::<bool>(), is_tiled in any::<bool>(),
    ) {
        let [h, w] = [0, 1].map(|side| kernel[side] + more[side]);
        // At most half of the window.
        let padding = [0, 1, 2, 3].map(|side| share[side].min(kernel[side / 2] / 2));
        let attributes = if is_tiled {
            json!({"kernel": kernel[0], "stride": kernel[0]})
        } else {
            json!({"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode})
        };
        let sizes = [maps[0], maps[1], h.max(kernel[0]), w.max(kernel[0])];
        for name in ["max_pool2d", "max_pool2d_backward"] {
            assert_kernels_match(&max_pool_case(name, sizes, &attributes));
        }
        for name in ["avg_pool2d", "avg_pool2d_backward"] {
            assert_kernels_match(&avg_pool_case(name, sizes, &attributes));
        }
    }
}

#[test]
fn outputs_start_as_unwritten() {
    let (_, cases) = &all_cases()[1];
    for case in cases {
        let single = case.single();
        let gpu = executor(single.graph(), single.plan(), None);
        for values in block_on(gpu.read_many(single.outputs())).unwrap() {
            assert!(as_numbers(&values).iter().all(|value| value.is_nan()));
        }
    }
}

/// A model with Adam, planned to train, on the GPU with initial parameters and a batch.
struct Training {
    model: Model,
    gpu: GpuExecutor,
}

impl Training {
    fn new(model: Model, mode: Mode) -> Self {
        let adam = Op::AdamUpdate(AdamUpdate::default());
        let model = model.differentiated(Some(adam));
        let graph = Arc::new(model.graph.clone());
        let keep = [model.loss, model.correct];
        let plan = Arc::new(Plan::new(&graph, mode, &keep));
        let mut gpu = executor(&graph, &plan, Some((model.loss, Some(model.correct))));
        for (id, values) in model.initial(3) {
            gpu.write(id, &values);
        }
        let (x, t) = model.batch(4);
        gpu.write(model.x, &Values::F32(x));
        gpu.write(model.t, &Values::U32(t));
        Self { model, gpu }
    }

    fn steps(&self, range: std::ops::Range<u32>) -> Vec<StepValues> {
        let valid = self.model.graph.value(self.model.t).shape.dims()[0];
        range.map(|step| adam_step(step, valid as u32)).collect()
    }

    fn groups(&self) -> std::ops::Range<usize> {
        0..self.gpu.plan().groups.len()
    }

    /// Trains in submits of `count` steps; the losses.
    fn train(&mut self, first: u32, submits: u32, count: u32) -> Vec<Record> {
        let mut records = Vec::new();
        for submit in 0..submits {
            let start = first + submit * count;
            let steps = self.steps(start..start + count);
            self.gpu.submit_recorded(self.groups(), &steps);
            records.extend(block_on(self.gpu.collect()).expect("losses come back"));
        }
        records
    }

    fn parameters(&self) -> Vec<u32> {
        let arena = self
            .gpu
            .graph()
            .parameter_arena()
            .expect("there is an update");
        match block_on(self.gpu.read(arena)).expect("parameters can be read") {
            Values::F32(values) => values.iter().map(|value| value.to_bits()).collect(),
            other => panic!("parameters are {}", other.element_type()),
        }
    }
}

fn adam_step(step: u32, valid: u32) -> StepValues {
    let corrections = AdamUpdate::default().bias_corrections(u64::from(step) + 1);
    StepValues {
        step,
        slot: step,
        learning_rate: 0.01,
        bias_correction_1: corrections[0],
        bias_correction_2: corrections[1],
        ..StepValues::forward(valid)
    }
}

fn bits(records: &[Record]) -> Vec<(u32, Option<u32>)> {
    records
        .iter()
        .map(|record| (record.loss.to_bits(), record.correct.map(f32::to_bits)))
        .collect()
}

#[test]
fn several_steps_in_one_submit_equal_single_submits_bit_for_bit() {
    let mut together = Training::new(lenet(5), Mode::Train);
    let mut apart = Training::new(lenet(5), Mode::Train);
    let records = together.train(0, 1, 12);
    assert_eq!(bits(&records), bits(&apart.train(0, 12, 1)));
    assert_eq!(together.parameters(), apart.parameters());
    assert!(
        records[0].loss > records[11].loss,
        "the loss falls: one batch, over and over"
    );
    // Control: one step more is another state.
    apart.train(12, 1, 1);
    assert_ne!(together.parameters(), apart.parameters());
}

#[test]
fn a_run_repeats_bit_for_bit() {
    let run = || {
        let mut training = Training::new(lenet(17), Mode::Train);
        let records = training.train(0, 2, 4);
        (bits(&records), training.parameters())
    };
    assert_eq!(run(), run());
}

#[test]
fn training_on_the_gpu_follows_the_oracle() {
    for model in [lenet, mlp, recurrent] {
        let mut training = Training::new(model(9), Mode::Train);
        let graph = Arc::clone(training.gpu.graph());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let mut oracle = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
        for (id, values) in training.model.initial(3) {
            oracle.write(id, &values);
        }
        let (x, t) = training.model.batch(4);
        oracle.write(training.model.x, &Values::F32(x));
        oracle.write(training.model.t, &Values::U32(t));
        let mut expected = Vec::new();
        for step in training.steps(0..10) {
            oracle.run(0..plan.groups.len(), &step);
            expected.push(oracle.reals(training.model.loss)[0]);
        }
        let records = training.train(0, 1, 10);
        let losses: Vec<f64> = records
            .iter()
            .map(|record| f64::from(record.loss))
            .collect();
        // Adam divides by the root of small squares, which lets rounding grow from step to step.
        let tolerance = Tolerance {
            absolute: 1e-4,
            relative: 1e-4,
        };
        assert_close("losses", &losses, &expected, tolerance);
        assert_not_close("losses", &losses[1..], &expected[..9], tolerance);
    }
}

#[test]
fn fused_kernels_compute_what_single_ones_do() {
    for model in [lenet, mlp, recurrent] {
        let mut fused = Training::new(model(9), Mode::Train);
        let mut single = Training::new(model(9), Mode::Inspect);
        assert!(fused.gpu.plan().dispatches() < single.gpu.plan().dispatches());
        let records = [fused.train(0, 1, 3), single.train(0, 1, 3)];
        let [actual, expected] = records.map(|records| {
            let losses = records.iter().map(|record| f64::from(record.loss));
            losses.collect::<Vec<_>>()
        });
        // Sums of a few hundred terms in another order; Adam's first steps divide by
        // small roots. Weights have moved by up to 0.03 by now.
        let tolerance = Tolerance {
            absolute: 1e-5,
            relative: 1e-5,
        };
        assert_close("losses", &actual, &expected, tolerance);
        assert_not_close("losses", &actual[1..], &expected[..2], tolerance);
        let [actual, expected] = [fused, single].map(|training| {
            let parameters = training.parameters().into_iter();
            let reals = parameters.map(|bits| f64::from(f32::from_bits(bits)));
            reals.collect::<Vec<_>>()
        });
        let tolerance = Tolerance {
            absolute: 1e-4,
            relative: 1e-4,
        };
        assert_close("parameters", &actual, &expected, tolerance);
        let wrong = with_one_off(&actual, 0, 1e-2);
        assert_not_close("parameters", &wrong, &expected, tolerance);
    }
}

#[test]
fn nothing_is_allocated_after_the_first_steps() {
    let mut training = Training::new(lenet(5), Mode::Train);
    let begin = training.gpu.counters();
    assert!(begin.buffers > 0 && begin.bind_groups > 0 && begin.pipelines > 0 && begin.bytes > 0);
    assert_eq!((begin.submits, begin.dispatches), (0, 0));
    training.train(0, 1, 2);
    let warm = training.gpu.counters();
    let per_step = training.gpu.plan().dispatches() as u64 + 1;
    assert_eq!((warm.submits, warm.dispatches), (1, 2 * per_step));
    training.train(2, 3, 5);
    training.parameters();
    let end = training.gpu.counters();
    assert_eq!(end.allocations(), warm.allocations());
    assert_eq!(end.bytes, warm.bytes);
    // Three of training, one of reading.
    assert_eq!(
        (end.submits, end.dispatches),
        (warm.submits + 4, warm.dispatches + 15 * per_step)
    );
}

#[test]
fn progress_ends_when_all_pipelines_are_made() {
    let graph = Arc::new(mlp(2).graph);
    let plan = Arc::new(Plan::new(&graph, Mode::Train, &[]));
    let mut heard = Vec::new();
    let mut progress = |done, total| heard.push((done, total));
    block_on(GpuExecutor::new(
        &device(),
        graph,
        plan,
        None,
        &mut progress,
    ))
    .unwrap();
    let (done, total) = *heard.last().expect("progress was heard");
    assert!(total > 3);
    assert_eq!(done, total);
    assert!(heard.is_sorted());
}

#[test]
fn several_recorded_submits_are_collected_in_order() {
    let mut training = Training::new(mlp(3), Mode::Train);
    for submit in 0..3 {
        let steps = training.steps(submit * 30..submit * 30 + 30);
        training.gpu.submit_recorded(training.groups(), &steps);
    }
    assert_eq!(training.gpu.in_flight(), 3);
    let mut records = Vec::new();
    while training.gpu.in_flight() > 0 {
        records.extend(block_on(training.gpu.collect()).unwrap());
    }
    assert_eq!(records.len(), 90);
    let alone = Training::new(mlp(3), Mode::Train).train(0, 90, 1);
    assert_eq!(bits(&records), bits(&alone));
    assert!(block_on(training.gpu.collect()).unwrap().is_empty());
    block_on(training.gpu.wait()).unwrap();
    const { assert!(MAX_STEPS_PER_SUBMIT >= 30) };
}

#[test]
fn a_prefix_can_run_without_the_loss_and_is_not_recorded() {
    let mut training = Training::new(mlp(3), Mode::Inspect);
    let forward = training.gpu.plan().phases(Phase::Data, Phase::Forward);
    let steps = training.steps(0..1);
    training.gpu.submit(forward, &steps);
    let loss = block_on(training.gpu.read(training.model.loss)).unwrap();
    assert!(as_numbers(&loss)[0].is_nan(), "the loss was not computed");
}

#[test]
fn parts_of_a_value_are_overwritten_from_its_start() {
    let mut graph = Graph::default();
    let bytes = graph.input("bytes", [11].into(), ElementType::U8);
    let reals = graph.input("reals", [5].into(), ElementType::F32);
    let keep = [bytes, reals];
    let op = || Op::Relu(glassbox::ops::Relu {});
    graph.apply(op(), "relu", &[reals]).unwrap();
    let (graph, plan) = {
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &keep));
        (Arc::new(graph), plan)
    };
    let mut gpu = executor(&graph, &plan, None);
    gpu.write(reals, &Values::F32(vec![1.0; 5]));
    gpu.write(reals, &Values::F32(vec![2.0; 3]));
    assert_eq!(
        block_on(gpu.read(reals)).unwrap(),
        Values::F32(vec![2.0, 2.0, 2.0, 1.0, 1.0])
    );
    if plan.find_place(bytes).is_some() {
        let values = Values::U8((1..=11).collect());
        gpu.write(bytes, &values);
        assert_eq!(block_on(gpu.read(bytes)).unwrap(), values);
    }
}

#[test]
fn values_beyond_one_buffer_are_refused_by_name() {
    let mut graph = Graph::default();
    let x = graph.input("huge", [(32 << 20) + 1].into(), ElementType::F32);
    graph
        .apply(Op::Relu(glassbox::ops::Relu {}), "relu", &[x])
        .unwrap();
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    match make(&Arc::new(graph), &plan, None) {
        Err(GpuError::TooLarge { name, bytes }) => {
            assert_eq!((name.as_str(), bytes), ("huge", (128 << 20) + 4));
        }
        other => panic!("expected a refusal, got {:?}", other.map(|_| ())),
    }
}

#[test]
fn bisecting_finds_the_first_node_that_differs() {
    let adam = Op::AdamUpdate(AdamUpdate::default());
    let model = lenet(6).differentiated(Some(adam));
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let compare = |sabotage: bool| {
        let mut gpu = executor(&graph, &plan, None);
        let mut oracle = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
        let (x, t) = model.batch(4);
        let written = [(model.x, Values::F32(x)), (model.t, Values::U32(t))];
        for (id, values) in model.initial(3).into_iter().chain(written) {
            gpu.write(id, &values);
            oracle.write(id, &values);
        }
        if sabotage {
            let bias = graph.find_value("conv2.bias").unwrap();
            gpu.write(bias, &Values::F32(vec![9.0]));
        }
        let groups = 0..plan.groups.len();
        block_on(compare_nodes(
            &mut gpu,
            &mut oracle,
            groups,
            &adam_step(0, 6),
            1e-5,
        ))
        .unwrap()
    };
    let good = compare(false);
    assert!(good.len() > 20);
    // Sums of a few hundred products; the first Adam step divides a gradient by itself.
    assert_eq!(first_difference(&good, 1e-5), None);
    let bad = compare(true);
    let found = first_difference(&bad, 1e-5).expect("the wrong bias is noticed");
    assert_eq!(graph.node(found.node).name, "conv2");
}

/// Shapes of inputs, and the bound of their random values.
type Given = &'static [(&'static [usize], f32)];

/// A graph of one forward operation on random inputs and its gradient, computed in f64.
fn differentiated(op: Op, inputs: Given) -> (CpuExecutor<f64>, Vec<glassbox::graph::NodeId>) {
    let mut graph = Graph::default();
    let mut random = Random::new(5);
    let mut given = Vec::new();
    for (number, &(shape, bound)) in inputs.iter().enumerate() {
        let shape = Shape::new(shape).unwrap();
        given.push(Values::F32(random.values(bound, shape.count())));
        graph.parameter(format!("x{number}"), shape);
    }
    let ids = graph.parameters();
    let mut value = graph.apply(op, "op", &ids).unwrap()[0];
    // A loss has no gradient for its targets.
    let is_loss = graph.value(value).shape.rank() == 0;
    let targets = if is_loss { &ids[..1] } else { &ids[..] };
    if !is_loss {
        // The loss is the mean of squares, whose gradients are as small as there are elements.
        let shape = graph.value(value).shape.clone();
        let count = shape.count();
        let zeros = Tensor::f32(shape, vec![0.0; count]).unwrap();
        let zeros = graph.constant("zeros", zeros);
        let loss = Op::MeanSquaredError(glassbox::ops::MeanSquaredError::default());
        value = graph.apply(loss, "loss", &[value, zeros]).unwrap()[0];
    }
    graph.differentiate(value, targets).unwrap();
    let graph = Arc::new(graph);
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut cpu = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
    for (&id, values) in ids.iter().zip(&given) {
        cpu.write(id, values);
    }
    let rows = graph.value(ids[0]).shape.dims()[0] as u32;
    cpu.run(0..plan.groups.len(), &StepValues::forward(rows));
    let backward = graph.node_ids().filter(|&id| {
        let node = graph.node(id);
        node.phase == Phase::Backward && !plan_is_empty(&plan, id)
    });
    (cpu, backward.collect())
}

fn plan_is_empty(plan: &Plan, node: glassbox::graph::NodeId) -> bool {
    let of_node = plan.groups.iter().filter(|group| group.nodes == [node]);
    of_node.flat_map(|group| &group.calls).count() == 0
}

/// The comparison of kernels must see errors in gradients that are small beside what they are made of: a mean over
/// many elements divides them, a small weight multiplies them.
#[test]
fn a_wrong_factor_in_a_small_gradient_is_noticed_by_the_comparison_of_kernels() {
    let linear = Op::Linear(glassbox::ops::Linear {});
    let cases: [(Op, Given); 3] = [
        (
            Op::MeanSquaredError(glassbox::ops::MeanSquaredError::default()),
            &[(&[64, 2_000], 1.0), (&[64, 2_000], 1.0)],
        ),
        (
            linear.clone(),
            &[(&[64, 50], 1.0), (&[40, 50], 1e-6), (&[40], 1e-6)],
        ),
        (linear, &[(&[3, 7], 1e-5), (&[900, 7], 1.0), (&[900], 1.0)]),
    ];
    let mut altered = 0;
    for (op, inputs) in cases {
        let (cpu, nodes) = differentiated(op, inputs);
        let graph = Arc::clone(cpu.graph());
        for node in nodes {
            let outputs = graph.node(node).outputs.clone();
            let step = StepValues::forward(inputs[0].0[0] as u32);
            let error = |factor: f32| {
                let actual: Vec<Values> = outputs
                    .iter()
                    .map(|&output| match cpu.read(output) {
                        Values::F32(values) => {
                            Values::F32(values.iter().map(|value| value * factor).collect())
                        }
                        other => other,
                    })
                    .collect();
                compare_outputs(&cpu, node, &actual, &step, 2e-5)
                    .expect("outputs")
                    .error
            };
            let name = &graph.node(node).name;
            assert!(error(1.0) < 2e-7, "{name}: {}", error(1.0));
            for factor in [-1.0, 0.0, 0.5, 0.999, 2.0] {
                assert!(error(factor) > 2e-5, "{name} times {factor}");
                altered += 1;
            }
        }
    }
    assert!(altered >= 35, "{altered}");
}

/// A bias in front of batch normalization: its gradient is 0, and what is computed is the rounding of a sum.
#[test]
fn the_rounding_of_a_gradient_that_cancels_is_no_error() {
    let bias = Op::Conv2dBackwardBias(glassbox::ops::Conv2dBackwardBias {});
    let mut graph = Graph::default();
    let dy = graph.input("dy", [2, 1, 1, 2].into(), ElementType::F32);
    let db = graph
        .apply_in(Phase::Backward, None, bias, "bias".into(), &[dy])
        .unwrap()[0];
    let graph = Arc::new(graph);
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut cpu = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
    cpu.write(dy, &Values::F32(vec![0.5, -0.25, 0.25, -0.5]));
    let step = StepValues::forward(2);
    cpu.run(0..plan.groups.len(), &step);
    assert_eq!(cpu.reals(db), [0.0]);
    let node = graph.node_ids().next().unwrap();
    let error = |actual: f32| {
        let actual = [Values::F32(vec![actual])];
        compare_outputs(&cpu, node, &actual, &step, 2e-5)
            .unwrap()
            .error
    };
    assert!(error(1e-7) < 1e-6);
    // Control: half a term too much.
    assert!(error(0.125) > 0.05);
}

#[test]
fn models_with_branches_train_on_the_gpu_as_the_oracle_does() {
    for seed in [3, 14, 29] {
        let model = crate::branches::model(seed, 5);
        let graph = Arc::new(model.graph.clone());
        let step = StepValues {
            learning_rate: 0.1,
            ..StepValues::forward(4)
        };
        let inspect = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let mut oracle = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&inspect));
        for (id, values) in crate::branches::given(&model) {
            oracle.write(id, &values);
        }
        for _ in 0..2 {
            oracle.run(0..inspect.groups.len(), &step);
        }
        for mode in [Mode::Train, Mode::Inspect] {
            let plan = Arc::new(Plan::new(&graph, mode, &[model.loss, model.loss_of_row]));
            let mut gpu = executor(&graph, &plan, None);
            for (id, values) in crate::branches::given(&model) {
                gpu.write(id, &values);
            }
            for _ in 0..2 {
                gpu.submit(0..plan.groups.len(), &[step]);
            }
            for parameter in &model.parameters {
                let label = format!(
                    "seed {seed} {mode:?}: {}",
                    graph.value(parameter.value).name
                );
                let actual = as_numbers(&block_on(gpu.read(parameter.value)).unwrap());
                let expected = oracle.reals(parameter.value);
                assert_close(&label, &actual, expected, TOLERANCE);
                assert_not_close(&label, &with_one_off(&actual, 0, 1e-3), expected, TOLERANCE);
            }
        }
    }
}

#[test]
fn a_convolution_and_the_activation_behind_it_are_one_kernel() {
    let preset = glassbox::models::find("vgg16-thin").expect("a preset");
    let model = glassbox::session::outline(preset).expect("it fits");
    let graph = model.expect("its sizes are known").graph;
    let plan = Plan::new(&graph, Mode::Train, &[]);
    let names = |node| graph.node(node).op.name();
    let fused = plan.groups.iter().filter(|group| {
        let nodes: Vec<&str> = group.nodes.iter().map(|&node| names(node)).collect();
        nodes == ["conv2d", "relu"] && group.calls.len() == 1
    });
    assert_eq!(fused.count(), 13);
}

#[test]
fn a_residual_network_trains_on_the_gpu_as_the_oracle_does() {
    let mut spec = glassbox::models::resnet_s();
    for layer in &mut spec.layers {
        if let glassbox::layers::Kind::Conv2d(conv) = &mut layer.kind {
            conv.out_channels /= 4;
        }
    }
    let source = BatchSource::Images {
        samples: 6,
        shape: [3, 8, 8],
        mean: vec![0.5; 3],
        standard_deviation: vec![0.25; 3],
        order_length: 3,
        margin: None,
    };
    let model =
        glassbox::layers::Model::build(&spec, &source, 3, Op::SgdUpdate(SgdUpdate::default()))
            .unwrap_or_else(|error| panic!("{error}"));
    let images = model.gathered.expect("the batch is gathered");
    let mut random = Random::new(8);
    let bytes = random.below(6 * 3 * 8 * 8, 256).into_iter();
    let mut given = vec![
        (
            images.samples,
            Values::U8(bytes.map(|byte| byte as u8).collect()),
        ),
        (images.targets, Values::U32(random.below(6, 10))),
        (images.order, Values::U32(vec![4, 0, 5])),
    ];
    for (stream, parameter) in (0..).zip(&model.parameters) {
        let value = model.graph.value(parameter.value);
        let values = parameter.values(value, 7, stream, Initializer::default());
        given.push((parameter.value, Values::F32(values)));
    }
    let graph = Arc::new(model.graph.clone());
    let step = StepValues {
        learning_rate: 0.05,
        ..StepValues::forward(2).in_training()
    };
    let inspect = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut oracle = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&inspect));
    let keep = [model.loss, model.loss_of_row];
    let train = Arc::new(Plan::new(&graph, Mode::Train, &keep));
    let mut gpu = executor(&graph, &train, None);
    for (id, values) in &given {
        oracle.write(*id, values);
        gpu.write(*id, values);
    }
    for _ in 0..2 {
        oracle.run(0..inspect.groups.len(), &step);
        gpu.submit(0..train.groups.len(), &[step]);
    }
    // One kernel each: the gradient that goes through the second convolution of a block and the ReLU in front of it;
    // weight and bias of the dense layer; the loss and its gradient. Of the nine normalizations the three gradients of
    // each, and four with the ReLU behind them.
    assert_eq!(train.groups.len() + 5 + 9 * 2 + 4, inspect.groups.len());
    for parameter in &model.parameters {
        let label = &graph.value(parameter.value).name;
        let actual = as_numbers(&block_on(gpu.read(parameter.value)).unwrap());
        let expected = oracle.reals(parameter.value);
        assert_close(label, &actual, expected, TOLERANCE);
        assert_not_close(label, &with_one_off(&actual, 0, 1e-3), expected, TOLERANCE);
    }
}
