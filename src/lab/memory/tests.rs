//! That recomputing changes no bit, and that bytes are counted as they are planned.

use super::*;
use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, GpuExecutor};
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, Phase};
use crate::lab::subject::{SAMPLES, Subject, find_preset};
use crate::layers::ModelSpec;
use crate::session::OptimizerChoice;
use crate::tensor::Values;
use pollster::block_on;
use std::sync::Arc;

/// Models with branches, running statistics, random numbers and steps in time among them.
const PRESETS: [&str; 5] = [
    "lenet5-mnist",
    "resnet-s",
    "vgg-s-bn",
    "lstm-mnist",
    "gpt-text",
];

fn subject(preset: &str, batch: u32) -> Subject {
    let preset = find_preset(preset).unwrap();
    Subject::new(preset, batch, SAMPLES, OptimizerChoice::of(preset)).unwrap()
}

/// All parameters and gradients after two steps of training on the CPU, as bits.
fn trained(subject: &Subject, graph: &Graph, mode: Mode) -> Vec<Vec<u32>> {
    let plan = Plan::new(graph, mode, &subject.kept());
    let graph = Arc::new(graph.clone());
    let mut executor = CpuExecutor::<f32>::new(Arc::clone(&graph), Arc::new(plan.clone()));
    for (value, values) in subject.contents() {
        executor.write(value, &values);
    }
    for number in 0..2 {
        let step = crate::ops::StepValues {
            learning_rate: 1e-2,
            step: number,
            first: number * subject.model.batch as u32,
            ..subject.step()
        };
        executor.run(0..plan.groups.len(), &step);
    }
    let mut read = vec![subject.model.loss];
    read.extend(graph.buffers());
    for parameter in &subject.model.parameters {
        read.push(parameter.value);
        read.extend(graph.value(parameter.value).gradient);
    }
    read.into_iter()
        .map(|value| match executor.read(value) {
            Values::F32(values) => values.iter().map(|value| value.to_bits()).collect(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn recomputing(subject: &Subject, every: u32) -> Graph {
    with_checkpoints(&subject.model, &(subject.preset.spec)(), every)
}

#[test]
fn gradients_parameters_and_statistics_are_the_same_bits_with_recomputation() {
    for preset in PRESETS {
        let subject = subject(preset, 2);
        let plain = trained(&subject, &subject.model.graph, Mode::Train);
        assert!(plain.iter().flatten().any(|&bits| bits != 0));
        for every in [2, 5] {
            let graph = recomputing(&subject, every);
            let again = graph
                .node_ids()
                .filter(|&node| graph.is_recomputation(node));
            // What is behind the last kept layer is never computed again.
            let is_whole = (subject.preset.spec)().layers.len() <= every as usize;
            assert_eq!(again.count() == 0, is_whole, "{preset}, {every}");
            assert_eq!(
                plain,
                trained(&subject, &graph, Mode::Train),
                "{preset}, {every}"
            );
        }
        let graph = recomputing(&subject, 3);
        assert_eq!(plain, trained(&subject, &graph, Mode::Inspect), "{preset}");
    }
}

#[test]
fn dropped_elements_are_the_same_ones_when_they_are_drawn_again() {
    let spec = ModelSpec::from_json(
        r#"{"layers": [
            {"name": "flatten", "kind": "flatten"},
            {"name": "fc1", "kind": "linear", "out_features": 32},
            {"name": "drop1", "kind": "dropout", "rate": 0.5},
            {"name": "tanh1", "kind": "tanh"},
            {"name": "fc2", "kind": "linear", "out_features": 16},
            {"name": "drop2", "kind": "dropout", "rate": 0.3},
            {"name": "tanh2", "kind": "tanh"},
            {"name": "fc3", "kind": "linear", "out_features": 10}
        ], "loss": "softmax_cross_entropy"}"#,
    )
    .unwrap();
    let preset = find_preset("lenet5-mnist").unwrap();
    let choice = OptimizerChoice::of(preset);
    let subject = Subject::of(&spec, preset, 4, SAMPLES, choice).unwrap();
    let plain = trained(&subject, &subject.model.graph, Mode::Train);
    let mut graph = with_checkpoints(&subject.model, &spec, 7);
    assert!(graph.find_node("drop1.again").is_some());
    assert_eq!(plain, trained(&subject, &graph, Mode::Train));
    // Control: other random numbers change the gradients.
    graph.set_seed(99);
    assert_ne!(plain, trained(&subject, &graph, Mode::Train));
}

#[test]
fn no_backward_node_reads_an_activation_that_is_not_kept_and_none_runs_more_than_twice() {
    for preset in PRESETS {
        let subject = subject(preset, 2);
        for every in 1..6 {
            let graph = recomputing(&subject, every);
            let mut names: Vec<&str> = graph.nodes().iter().map(|n| n.name.as_str()).collect();
            let nodes = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), nodes, "{preset}: a node stands there twice");
            for (number, node) in graph.nodes().iter().enumerate() {
                // Nodes stand in an order in which they can run.
                for &input in &node.inputs {
                    if let crate::graph::Source::Node { node: from, output } =
                        graph.value(input).source
                    {
                        assert!(from.0 < number, "{}", node.name);
                        assert_eq!(graph.node(from).outputs[output], input);
                    }
                }
                let Some(partner) = node.partner else {
                    continue;
                };
                assert!(graph.node(partner).phase <= Phase::Loss, "{}", node.name);
            }
            let kept = kept_activations(&subject.model, &(preset_spec(preset)), every);
            let forgotten = forgotten_that_are_read(&graph, &kept);
            assert_eq!(forgotten, [""; 0], "{preset}, every {every}");
        }
        // Control: the graph that keeps all reads what the other one forgets.
        let kept = kept_activations(&subject.model, &(preset_spec(preset)), 5);
        let forgets = (preset_spec(preset)).layers.len() > 5;
        let read = forgotten_that_are_read(&subject.model.graph, &kept);
        assert_eq!(read.is_empty(), !forgets, "{preset}: {read:?}");
    }
}

fn preset_spec(preset: &str) -> ModelSpec {
    (find_preset(preset).unwrap().spec)()
}

/// Names of what forward nodes compute and backward nodes read though it is not kept; what an operation gathers in
/// place, such as running statistics, outlives the step in any case, and so do the outputs of such an operation.
fn forgotten_that_are_read<'a>(
    graph: &'a Graph,
    kept: &std::collections::HashSet<crate::graph::ValueId>,
) -> Vec<&'a str> {
    use crate::graph::Source;
    use crate::ops::Role;
    let forward = |value| match graph.value(value).source {
        Source::Node { node, .. } if graph.node(node).phase == Phase::Forward => Some(node),
        _ => None,
    };
    let gathers = |node| {
        let node = graph.node(node);
        let outputs = node.op.outputs();
        outputs.iter().any(|output| match output.role {
            Role::Alias(input) => {
                let (owner, _) = graph.storage(node.inputs[input]);
                !matches!(graph.value(owner).source, Source::Node { .. })
            }
            _ => false,
        })
    };
    let readers = graph.node_ids().filter(|&id| {
        // One that computes again reads what is kept, or what others computed again.
        graph.node(id).phase == Phase::Backward
    });
    let read = readers.flat_map(|id| graph.node(id).inputs.iter().copied());
    let mut forgotten: Vec<&str> = read
        .filter(|&value| {
            let (owner, _) = graph.storage(value);
            forward(owner).is_some_and(|node| !kept.contains(&owner) && !gathers(node))
        })
        .map(|value| graph.value(value).name.as_str())
        .collect();
    forgotten.sort_unstable();
    forgotten.dedup();
    forgotten
}

fn counted(subject: &Subject, graph: &Graph, place: Place) -> (Report, Plan) {
    let plan = Plan::new(graph, Mode::Train, &subject.kept());
    let report = report(graph, &plan, (&subject.kept(), &[]), place);
    (report, plan)
}

#[test]
fn what_is_alive_at_once_is_what_no_plan_can_do_without() {
    for preset in PRESETS {
        let subject = subject(preset, 4);
        for graph in [subject.model.graph.clone(), recomputing(&subject, 3)] {
            let plan = Plan::new(&graph, Mode::Train, &[]);
            let report = report(&graph, &plan, (&[], &[]), Place::Cpu);
            assert_eq!(report.peak_bytes(), plan.needed_bytes(&graph), "{preset}");
            assert!(report.reserved >= report.peak_bytes(), "{preset}");
            for (number, moment) in report.moments.iter().enumerate() {
                // Every moment is the sum of the tensors that live in it.
                let alive = report.tensors.iter().filter(|row| {
                    row.life
                        .is_none_or(|(from, to)| (from..=to).contains(&(number as u32)))
                });
                let bytes: u64 = alive.map(|row| row.bytes).sum();
                assert_eq!(bytes, moment.total(), "{preset}: {}", moment.name);
                assert!(moment.total() <= report.peak_bytes());
            }
        }
    }
}

#[test]
fn recomputing_takes_fewer_bytes_and_more_work() {
    for (preset, gains) in [
        ("lenet5-mnist", false),
        ("resnet-s", true),
        ("vgg16-thin", true),
    ] {
        let subject = subject(preset, 16);
        let plain = counted(&subject, &subject.model.graph, Place::Gpu).0;
        let all = (2..=8).map(|every| {
            let saving = counted(&subject, &recomputing(&subject, every), Place::Gpu).0;
            assert!(saving.flops > plain.flops, "{preset}");
            // At most every forward operation once more.
            assert!(saving.flops < 2 * plain.flops, "{preset}");
            for kind in [Holds::Parameters, Holds::Gradients, Holds::Optimizer] {
                assert_eq!(plain.at_peak(kind), saving.at_peak(kind), "{preset}");
            }
            saving
        });
        let best = all.min_by_key(Report::peak_bytes).expect("some distances");
        println!(
            "{preset}: peak {} -> {} bytes, FLOPs {} -> {}",
            plain.peak_bytes(),
            best.peak_bytes(),
            plain.flops,
            best.flops
        );
        // The largest activations of LeNet-5 stand at its beginning: they are alive at the peak in any case.
        assert_eq!(best.peak_bytes() < plain.peak_bytes(), gains, "{preset}");
        assert_eq!(plain.at_peak(Holds::Recomputed), 0);
    }
    // LeNet-5 has 61,706 parameters; in its row each begins at a multiple of 64, and Adam keeps two states.
    let subject = subject("lenet5-mnist", 64);
    let report = counted(&subject, &subject.model.graph, Place::Cpu).0;
    let parameters = report.at_peak(Holds::Parameters);
    assert!((4 * 61_706..4 * 61_706 + 10 * 256).contains(&parameters));
    assert_eq!(report.at_peak(Holds::Gradients), parameters);
    assert_eq!(report.at_peak(Holds::Optimizer), 2 * parameters);
}

#[test]
fn the_gpu_computes_the_same_gradients_with_recomputation() {
    let device = block_on(GpuDevice::request()).expect("there is a GPU");
    let subject = subject("lenet5-mnist", 4);
    let run = |graph: &Graph| {
        let plan = Arc::new(Plan::new(graph, Mode::Train, &subject.kept()));
        let graph = Arc::new(graph.clone());
        let groups = plan.groups.len();
        let mut silent = |_, _| {};
        let made = GpuExecutor::new(&device, Arc::clone(&graph), plan, None, &mut silent);
        let mut executor = block_on(made).unwrap();
        for (value, values) in subject.contents() {
            executor.write(value, &values);
        }
        executor.submit(0..groups, &[subject.step()]);
        let gradients = subject.model.parameters.iter();
        let gradients: Vec<_> = gradients
            .map(|parameter| {
                graph
                    .value(parameter.value)
                    .gradient
                    .expect("differentiated")
            })
            .collect();
        block_on(executor.read_many(&gradients)).unwrap()
    };
    let plain = run(&subject.model.graph);
    let saving = run(&recomputing(&subject, 3));
    // The same kernels on the same values: the same bits.
    assert_eq!(plain, saving);
    assert!(matches!(&plain[0], Values::F32(values) if values.iter().any(|&v| v != 0.0)));
}

#[test]
fn the_instrument_reports_and_times_both_ways_and_can_be_stopped() {
    let settings = Settings {
        device: DevicePreference::Cpu,
        batch: Some(4),
        ..Settings::default()
    };
    let mut memory = Memory::default();
    let mut events = Vec::new();
    let look = Command::Look(settings.clone());
    block_on(memory.handle(look, &mut |event| events.push(event))).unwrap();
    assert!(!block_on(memory.advance(1e9, &mut |_| panic!("nothing to do"))).unwrap());
    let Some(Event::Reports {
        batch: 4, layers, ..
    }) = events.first()
    else {
        panic!("{events:?}");
    };
    assert!(*layers > 5);
    let bytes = postcard::to_allocvec(&events[0]).unwrap();
    assert_eq!(postcard::from_bytes::<Event>(&bytes).unwrap(), events[0]);

    events.clear();
    let time = || Command::Time(settings.clone());
    block_on(memory.handle(time(), &mut |_| {})).unwrap();
    assert!(block_on(memory.advance(0.0, &mut |_| {})).unwrap());
    block_on(memory.handle(Command::Stop, &mut |event| events.push(event))).unwrap();
    assert_eq!(events, [Event::Stopped]);

    block_on(memory.handle(time(), &mut |_| {})).unwrap();
    while block_on(memory.advance(30.0, &mut |event| events.push(event))).unwrap() {}
    let Some(Event::Timed {
        settings: told,
        plain,
        recomputing,
    }) = events.last()
    else {
        panic!("{events:?}");
    };
    assert_eq!(*told, settings);
    assert_eq!((plain.repeats, recomputing.repeats), (9, 9));
    assert!(plain.median > 0.0 && recomputing.median > 0.0);
}

#[test]
fn other_settings_end_a_timing() {
    let settings = Settings {
        device: DevicePreference::Cpu,
        batch: Some(4),
        ..Settings::default()
    };
    let mut memory = Memory::default();
    block_on(memory.handle(Command::Time(settings.clone()), &mut |_| {})).unwrap();
    assert!(block_on(memory.advance(0.0, &mut |_| {})).unwrap());
    let mut events = Vec::new();
    let look = Command::Look(Settings {
        every: 2,
        ..settings
    });
    block_on(memory.handle(look, &mut |event| events.push(event))).unwrap();
    assert_eq!(events[0], Event::Stopped);
    let more = block_on(memory.advance(1e9, &mut |event| panic!("{event:?}")));
    assert!(!more.unwrap());
}

#[test]
fn a_step_runs_in_parts_that_hold_the_device_for_a_short_time() {
    use super::instrument::parts;
    let whole = 0..3;
    assert_eq!(parts(&[1.0, 2.0, 3.0]), std::slice::from_ref(&whole));
    assert_eq!(
        parts(&[30.0, 10.0, 0.5, 39.0, 60.0, 1.0]),
        [0..2, 2..4, 4..5, 5..6]
    );
    // Each group runs once before: none of the first pieces is a whole step.
    let settings = Settings {
        device: DevicePreference::Cpu,
        batch: Some(2),
        ..Settings::default()
    };
    let mut memory = Memory::default();
    block_on(memory.handle(Command::Time(settings), &mut |_| {})).unwrap();
    let subject = subject("lenet5-mnist", 2);
    let groups = |graph: &Graph| Plan::new(graph, Mode::Train, &subject.kept()).groups.len();
    let groups = groups(&subject.model.graph) + groups(&recomputing(&subject, 3));
    for piece in 0..groups {
        assert!(!memory.is_timing(), "{piece} of {groups}");
        assert!(block_on(memory.advance(0.0, &mut |_| {})).unwrap());
    }
    assert!(memory.is_timing());
}

#[test]
fn a_step_that_would_hold_the_device_for_long_is_not_timed() {
    let mut memory = Memory::default();
    // LeNet-5's convolution of 4,096 digits takes longer than this on any CPU.
    memory.most_millis = 0.5;
    let settings = Settings {
        device: DevicePreference::Cpu,
        batch: Some(4_096),
        ..Settings::default()
    };
    let mut events = Vec::new();
    let time = Command::Time(settings);
    block_on(memory.handle(time, &mut |event| events.push(event))).unwrap();
    // The bytes are told all the same.
    assert!(matches!(events[0], Event::Reports { batch: 4_096, .. }));
    let error = loop {
        match block_on(memory.advance(0.0, &mut |event| panic!("{event:?}"))) {
            Ok(more) => assert!(more, "it was timed"),
            Err(error) => break error,
        }
    };
    let crate::lab::LabError::TooLong {
        batch,
        millis,
        most,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(
        batch == 4_096 && most < 4_096 && millis > 0.5,
        "{millis} {most}"
    );
    let said = error.to_string();
    assert!(
        said.contains("a step of 4096 samples is not timed"),
        "{said}"
    );
    assert!(!block_on(memory.advance(0.0, &mut |_| {})).unwrap());
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let refused = |settings: Settings| {
        let mut memory = Memory::default();
        let look = Command::Look(settings);
        let refused = block_on(memory.handle(look, &mut |event| panic!("{event:?}")));
        refused.unwrap_err().to_string()
    };
    let settings = || Settings {
        device: DevicePreference::Cpu,
        ..Settings::default()
    };
    assert_eq!(
        refused(Settings {
            every: 0,
            ..settings()
        }),
        "the distance of kept layers is 0; expected a whole number of at least 1"
    );
    assert_eq!(
        refused(Settings {
            batch: Some(0),
            ..settings()
        }),
        "the batch size is 0; expected a whole number from 1 to 65536"
    );
    let unknown = refused(Settings {
        preset: "nothing".into(),
        ..settings()
    });
    assert!(unknown.starts_with("the preset is nothing; expected one of "));
}
