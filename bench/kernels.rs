//! Milliseconds of every kernel group of one training step.
//!
//!     cargo run --release --example kernels -- [PRESET] [--model FILE] [--batch N] [--cpu]
//!         [--inspect] [--plan FILE]
//!
//! Each group runs many times in one submit, on random data; at the end the whole
//! step. `--model` takes a layer list on the preset's data, `--cpu` runs the twins,
//! `--inspect` takes the plan without fusion, `--plan` writes the dispatches
//! as JSON, for replaying them elsewhere, and measures nothing.

use glassbox::exec::Executor;
use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::gpu::{GpuDevice, GpuExecutor, MAX_STEPS_PER_SUBMIT};
use glassbox::exec::plan::PlannedOperand;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Graph, ValueId};
use glassbox::layers::{BatchSource, Model, ModelSpec};
use glassbox::models::{self, PresetData};
use glassbox::ops::StepValues;
use glassbox::platform::now_millis;
use glassbox::tensor::{Values, init};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;

/// Images, or windows of a text, in the random data set.
const SAMPLES: usize = 256;
/// How long each measurement takes, at least.
const MEASURE_MILLIS: f64 = 300.0;

struct Options {
    preset: String,
    model_file: Option<String>,
    on_cpu: bool,
    batch: usize,
    mode: Mode,
    plan_file: Option<String>,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            preset: "lenet5-mnist".into(),
            model_file: None,
            on_cpu: false,
            batch: 64,
            mode: Mode::Train,
            plan_file: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut next = || arguments.next().expect("the option needs a value");
            match argument.as_str() {
                "--batch" => options.batch = next().parse().expect("a batch is a number"),
                "--model" => options.model_file = Some(next()),
                "--cpu" => options.on_cpu = true,
                "--plan" => options.plan_file = Some(next()),
                "--inspect" => options.mode = Mode::Inspect,
                preset => options.preset = preset.into(),
            }
        }
        options
    }
}

fn build(options: &Options) -> Model {
    let preset = models::find(&options.preset).expect("a preset's name");
    let spec = match &options.model_file {
        None => (preset.spec)(),
        Some(file) => {
            let text = std::fs::read_to_string(file).expect("the layer list is readable");
            ModelSpec::from_json(&text).expect("a layer list")
        }
    };
    let order_length = MAX_STEPS_PER_SUBMIT * options.batch;
    let source = match preset.data {
        PresetData::Images { source, .. } => {
            let shape = source.shape();
            BatchSource::Images {
                samples: SAMPLES,
                shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
                mean: vec![0.13; shape.channels as usize],
                standard_deviation: vec![0.31; shape.channels as usize],
                order_length,
                margin: None,
            }
        }
        PresetData::Text { window, .. } => BatchSource::Text {
            tokens: SAMPLES * window + 1,
            windows: SAMPLES,
            window,
            order_length,
        },
        _ => panic!("{} learns neither from images nor from a text", preset.id),
    };
    let defaults = preset.defaults;
    let update = defaults
        .optimizer
        .update(defaults.momentum, &defaults.options);
    Model::build(&spec, &source, options.batch, update).expect("the layers fit")
}

fn random_below(stream: u64, count: usize, bound: usize) -> Vec<u32> {
    let values = init::uniform(&mut init::generator(1, stream), 0.5, count);
    values
        .into_iter()
        .map(|value| ((value + 0.5) * bound as f32) as u32 % bound as u32)
        .collect()
}

/// What to write before a run.
fn contents(model: &Model) -> Vec<(ValueId, Values)> {
    let gathered = model.gathered.expect("the preset gathers its samples");
    let count = |value| model.graph.value(value).shape.count();
    let is_text = model.correct_of_row.is_some();
    let most = match is_text {
        // Tokens: classes of the last layer.
        true => *model
            .graph
            .value(model.logits)
            .shape
            .dims()
            .last()
            .expect("(N, T, V)"),
        false => 256,
    };
    let samples = random_below(1, count(gathered.samples), most);
    let (samples, targets) = match is_text {
        true => {
            let window = (count(gathered.samples) - 1) / SAMPLES;
            let starts = (0..SAMPLES).map(|number| (number * window) as u32);
            (Values::U32(samples), starts.collect())
        }
        false => {
            let bytes = samples.into_iter().map(|byte| byte as u8);
            (Values::U8(bytes.collect()), random_below(2, SAMPLES, 10))
        }
    };
    let mut contents = vec![
        (gathered.samples, samples),
        (gathered.targets, Values::U32(targets)),
        (
            gathered.order,
            Values::U32(random_below(3, count(gathered.order), SAMPLES)),
        ),
    ];
    for (stream, parameter) in (4..).zip(&model.parameters) {
        let value = model.graph.value(parameter.value);
        let drawn = parameter.values(value, 1, stream, init::Initializer::default());
        contents.push((parameter.value, Values::F32(drawn)));
    }
    contents
}

fn step_values(model: &Model) -> StepValues {
    StepValues {
        learning_rate: 1e-3,
        bias_correction_1: 0.1,
        bias_correction_2: 0.001,
        ..StepValues::forward(model.batch as u32).in_training()
    }
}

/// Milliseconds of one run of some groups.
fn measure(executor: &mut Executor, groups: std::ops::Range<usize>, step: StepValues) -> f64 {
    let mut run = |count: usize| {
        let start = now_millis();
        match executor {
            Executor::Cpu(cpu) => (0..count).for_each(|_| cpu.run(groups.clone(), &step)),
            Executor::Gpu(gpu) => {
                gpu.submit(groups.clone(), &vec![step; count]);
                block_on(gpu.wait()).expect("the GPU works");
            }
        }
        now_millis() - start
    };
    run(2);
    let (mut steps, mut best) = (0, f64::INFINITY);
    let mut count = 1;
    let mut spent = 0.0;
    while spent < MEASURE_MILLIS || steps < 3 {
        let millis = run(count);
        spent += millis;
        steps += 1;
        best = best.min(millis / count as f64);
        if millis < 20.0 {
            count = (count * 2).min(MAX_STEPS_PER_SUBMIT);
        }
    }
    best
}

fn plan_as_json(model: &Model, plan: &Plan) -> serde_json::Value {
    let graph = &model.graph;
    let operand = |operand: &PlannedOperand| match *operand {
        PlannedOperand::Value(value) => {
            let place = plan.place(value);
            let element = graph.value(value).element.bytes();
            let bytes = (graph.value(value).shape.count() * element).next_multiple_of(4);
            json!({"slot": place.slot, "offset": place.offset * element, "bytes": bytes})
        }
        PlannedOperand::Workspace(number) => json!({"workspace": number}),
    };
    let group = |group: &glassbox::exec::plan::Group| {
        let nodes: Vec<&str> = group
            .nodes
            .iter()
            .map(|&node| graph.node(node).name.as_str())
            .collect();
        let calls: Vec<serde_json::Value> = group
            .calls
            .iter()
            .map(|call| {
                json!({
                    "shader": call.shader,
                    "constants": call.constants.iter().map(|(n, v)| (n.to_string(), json!(v))).collect::<serde_json::Map<_, _>>(),
                    "params": call.params.bytes,
                    "operands": call.operands.iter().map(operand).collect::<Vec<_>>(),
                    "workgroups": call.workgroups,
                })
            })
            .collect();
        json!({"nodes": nodes, "phase": group.phase.name(), "calls": calls})
    };
    let written: Vec<serde_json::Value> = contents(model)
        .iter()
        .map(|(value, values)| {
            let place = plan.place(*value);
            let bytes = match values {
                Values::F32(values) => bytemuck::cast_slice(values).to_vec(),
                Values::U32(values) => bytemuck::cast_slice(values).to_vec(),
                Values::U8(values) => values.clone(),
            };
            json!({"slot": place.slot, "offset": place.offset * values.element_type().bytes(), "bytes": bytes})
        })
        .collect();
    let loss = plan.place(model.loss);
    json!({
        "slots": plan.slots.iter().map(|s| s.length * s.element.bytes()).collect::<Vec<_>>(),
        "workspaces": plan.workspaces.iter().map(|length| length * 4).collect::<Vec<_>>(),
        "groups": plan.groups.iter().map(group).collect::<Vec<_>>(),
        "written": written,
        "step": bytemuck::bytes_of(&step_values(model)),
        "loss": {"slot": loss.slot, "offset": loss.offset * 4},
    })
}

/// Where the plan runs.
fn executor(options: &Options, model: &Model, graph: Arc<Graph>, plan: Arc<Plan>) -> Executor {
    if options.on_cpu {
        return Executor::Cpu(Box::new(CpuExecutor::new(graph, plan)));
    }
    let device = block_on(GpuDevice::request()).expect("there is a GPU");
    println!("{} ({})", device.name(), device.backend());
    let record = Some((model.loss, model.correct));
    let mut silent = |_, _| {};
    let made = GpuExecutor::new(&device, graph, plan, record, &mut silent);
    Executor::Gpu(Box::new(block_on(made).expect("the plan fits the GPU")))
}

fn main() {
    let options = Options::parse();
    let model = build(&options);
    let mut keep = vec![model.loss, model.loss_of_row];
    keep.extend(model.correct);
    keep.extend(model.probabilities);
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, options.mode, &keep));
    if let Some(file) = options.plan_file {
        std::fs::write(file, plan_as_json(&model, &plan).to_string()).expect("the file is written");
        return;
    }
    let mut executor = executor(&options, &model, graph, Arc::clone(&plan));
    for (value, values) in contents(&model) {
        executor.write(value, &values);
    }
    let step = step_values(&model);
    let all = 0..plan.groups.len();
    executor.run(all.clone(), &step);
    let mut sum = 0.0;
    for (number, group) in plan.groups.iter().enumerate() {
        if group.calls.is_empty() {
            continue;
        }
        let millis = measure(&mut executor, number..number + 1, step);
        sum += millis;
        let flops: u64 = group
            .nodes
            .iter()
            .map(|&node| {
                let node = model.graph.node(node);
                node.op.flops(&node.dims)
            })
            .sum();
        let names: Vec<&str> = group
            .nodes
            .iter()
            .map(|&node| model.graph.node(node).name.as_str())
            .collect();
        println!(
            "{millis:9.3} ms {:7.2} GFLOP/s {} dispatches  {}",
            flops as f64 / millis / 1e6,
            group.calls.len(),
            names.join(" + ")
        );
    }
    println!("{sum:9.3} ms all groups");
    let whole = measure(&mut executor, all, step);
    println!(
        "{whole:9.3} ms whole step, {} dispatches",
        plan.dispatches() + 1
    );
}
