//! An independent timing of what `glassbox measure` measures, and how far the two are apart.
//!
//!     cargo run --release --example lab_measure -- [--gpu] [--rounds N] [--json]
//!
//! Nothing of the instrument's clock, pieces or statistics is used here: a product is `matrixmultiply`'s own, called
//! directly on the CPU, and on a GPU the plan's kernels in submits of up to 16 steps; times are `std::time::Instant`'s,
//! the median over blocks of 12 ms. The two take turns, round by round, so that a machine that slows down slows
//! both; what is compared is the median of the ratios within a round.

use glassbox::exec::gpu::{GpuDevice, GpuExecutor};
use glassbox::exec::{Mode, Plan};
use glassbox::graph::Graph;
use glassbox::lab::measure::{Place, Probe, Quantity, Spread, executor};
use glassbox::ops::{AddBackward, Conv2d, Linear, Op, StepValues};
use glassbox::tensor::{ElementType, Real, Values};
use pollster::block_on;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an independent timing works.
const WORK: Duration = Duration::from_millis(120);
/// As long as a piece of the instrument, so that both are disturbed alike by other programs.
const BLOCK: Duration = Duration::from_millis(12);
/// As in the instrument.
const REPEATS: usize = 9;

/// What is compared.
const CASES: [(Quantity, u64); 5] = [
    (Quantity::Copy, 4 << 20),
    (Quantity::Product, 128),
    (Quantity::Product, 256),
    (Quantity::Convolution, 16),
    (Quantity::Dispatch, 64),
];

/// Milliseconds of one run, by the instrument.
fn by_the_instrument(quantity: Quantity, size: u64, gpu: Option<&GpuDevice>) -> f64 {
    let executor = block_on(quantity.executor(size, gpu)).expect("it fits the device");
    let mut probe = Probe::new(executor, StepValues::forward(1), 0.0, REPEATS);
    loop {
        if let Some(millis) = block_on(probe.piece()).expect("the device works") {
            return Spread::of(&millis).expect("times are numbers").median;
        }
    }
}

/// Milliseconds of one run: the median over blocks of at least [`BLOCK`], until [`WORK`] has passed. `once` says how
/// many runs it did.
fn timed(mut once: impl FnMut() -> usize) -> f64 {
    once();
    let mut blocks = Vec::new();
    let whole = Instant::now();
    while whole.elapsed() < WORK {
        let mut runs = 0;
        let start = Instant::now();
        while start.elapsed() < BLOCK {
            runs += once();
        }
        blocks.push(start.elapsed().as_secs_f64() * 1e3 / runs as f64);
    }
    blocks.sort_by(f64::total_cmp);
    blocks[blocks.len() / 2]
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at % 251) as f32 / 251.0).collect()
}

/// On the CPU, without plan or executor where that is possible.
fn independent_on_cpu(quantity: Quantity, size: u64) -> f64 {
    let n = size as usize;
    match quantity {
        Quantity::Product => {
            let (a, b, mut c) = (numbers(n * n), numbers(n * n), numbers(n * n));
            timed(|| {
                let strides = [n, 1];
                f32::matrix_product([n; 3], &a, strides, &b, [1, n], 1.0, &mut c, strides);
                black_box(&mut c);
                1
            })
        }
        Quantity::Copy => {
            let (from, mut to) = (numbers(n / 4), numbers(n / 4));
            timed(|| {
                to.copy_from_slice(black_box(&from));
                black_box(&mut to);
                1
            })
        }
        _ => independent_by_plan(quantity, size, None),
    }
}

/// The operation's plan, run in long rows without the instrument.
fn independent_by_plan(quantity: Quantity, size: u64, gpu: Option<&GpuDevice>) -> f64 {
    let mut graph = Graph::default();
    let n = size as usize;
    let mut input = |name: &str, shape: glassbox::tensor::Shape| {
        let count = shape.count();
        (graph.input(name, shape, ElementType::F32), count)
    };
    let (op, inputs) = match quantity {
        Quantity::Copy => (
            Op::AddBackward(AddBackward {}),
            vec![input("dy", [n / 4].into())],
        ),
        Quantity::Product => {
            let square = || glassbox::tensor::Shape::from([n, n]);
            let inputs = vec![
                input("x", square()),
                input("w", square()),
                input("b", [n].into()),
            ];
            (Op::Linear(Linear {}), inputs)
        }
        Quantity::Convolution => {
            let inputs = vec![
                input("x", [16, n, 16, 16].into()),
                input("w", [n, n, 3, 3].into()),
                input("b", [n].into()),
            ];
            (Op::Conv2d(Conv2d::new(1, 1)), inputs)
        }
        _ => (
            Op::Relu(glassbox::ops::Relu {}),
            vec![input("x", [64].into())],
        ),
    };
    let ids: Vec<_> = inputs.iter().map(|&(id, _)| id).collect();
    let output = graph.apply(op, "alone", &ids).expect("it fits")[0];
    let plan = Arc::new(Plan::new(&graph, Mode::Train, &[output]));
    let graph = Arc::new(graph);
    let step = StepValues::forward(1);
    match gpu {
        None => {
            let mut made = block_on(executor(&graph, &plan, None)).expect("there is memory");
            for (id, count) in inputs {
                made.give(id, Values::F32(numbers(count)));
            }
            // So many that asking for the time hardly counts.
            let runs = if quantity == Quantity::Dispatch {
                1_000
            } else {
                1
            };
            timed(|| {
                // Through the type that hides which executor it is: the code is the library's, not compiled anew here.
                (0..runs).for_each(|_| made.run(0..1, &step));
                runs
            })
        }
        Some(device) => {
            let mut silent = |_, _| {};
            let made = GpuExecutor::new(device, Arc::clone(&graph), plan, None, &mut silent);
            let mut gpu = block_on(made).expect("it fits the device");
            for (id, count) in inputs {
                gpu.write(id, &Values::F32(numbers(count)));
            }
            // So many that handing them over hardly counts; fewer of what takes long.
            let steps = [step; 16];
            let mut run = |runs: usize| {
                gpu.submit(0..1, &steps[..runs]);
                block_on(gpu.wait()).expect("the device works");
                runs
            };
            run(1);
            let start = Instant::now();
            run(1);
            let fitting = BLOCK.as_secs_f64() / start.elapsed().as_secs_f64();
            timed(|| run((fitting as usize).clamp(1, steps.len())))
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let on_gpu = arguments.iter().any(|argument| argument == "--gpu");
    let as_json = arguments.iter().any(|argument| argument == "--json");
    let rounds = arguments
        .iter()
        .position(|argument| argument == "--rounds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(7usize);
    let gpu = on_gpu.then(|| block_on(GpuDevice::request()).expect("there is a GPU"));
    let place = if on_gpu { Place::Gpu } else { Place::Cpu };
    for (quantity, size) in CASES {
        // The host's part of a submit is not in the device's own times, and the smallest kernels are little else.
        if on_gpu && quantity == Quantity::Dispatch {
            continue;
        }
        let mut ratios = Vec::with_capacity(rounds);
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let instrument = by_the_instrument(quantity, size, gpu.as_ref());
            let independent = match &gpu {
                None => independent_on_cpu(quantity, size),
                Some(_) => independent_by_plan(quantity, size, gpu.as_ref()),
            };
            ratios.push(instrument / independent);
            own.push(quantity.figure(size, instrument));
            others.push(quantity.figure(size, independent));
        }
        let median = |values: &[f64]| Spread::of(values).expect("times are numbers").median;
        let ratio = median(&ratios);
        if as_json {
            println!(
                "{}",
                serde_json::json!({
                    "device": place.name(), "name": quantity.label(size), "unit": quantity.unit(),
                    "measured": median(&own), "independent": median(&others), "ratio": ratio, "rounds": rounds,
                })
            );
        } else {
            println!(
                "{} {:<16} measured {:.3} {unit}, independent {:.3} {unit}, ratio of times {ratio:.3} (median of {rounds})",
                place.name(),
                quantity.label(size),
                median(&own),
                median(&others),
                unit = quantity.unit()
            );
        }
    }
}
