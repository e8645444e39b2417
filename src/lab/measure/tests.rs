//! What is counted, how repeats are summed up, and how the measuring is cut into pieces.

use super::*;
use crate::exec::{Mode, Plan};
use crate::graph::Phase;
use crate::lab::subject::{SAMPLES, Subject, find_preset};
use crate::session::OptimizerChoice;
use pollster::block_on;

#[test]
fn median_and_quartiles_are_those_of_numpy() {
    // numpy.quantile([4, 1, 3, 2], [0.25, 0.5, 0.75]) = [1.75, 2.5, 3.25]
    let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!(
        [spread.lower, spread.median, spread.upper],
        [1.75, 2.5, 3.25]
    );
    let nine: Vec<f64> = (1..=9).map(f64::from).collect();
    let spread = Spread::of(&nine).unwrap();
    assert_eq!([spread.lower, spread.median, spread.upper], [3.0, 5.0, 7.0]);
    assert_eq!(spread.repeats, 9);
    let one = Spread::of(&[2.0]).unwrap();
    assert_eq!([one.lower, one.median, one.upper], [2.0; 3]);
    // Rates fall as times rise: the quartiles change places.
    let rates = spread.falling(|time| 63.0 / time);
    assert_eq!([rates.lower, rates.median, rates.upper], [9.0, 12.6, 21.0]);
    assert_eq!(Spread::of(&[]), None);
    assert_eq!(Spread::of(&[1.0, f64::NAN]), None);
}

/// Runs of each piece on a device where one run takes so long.
fn pieces(run_millis: f64) -> Vec<usize> {
    let mut pieces = Pieces::new(5);
    let mut runs = Vec::new();
    loop {
        runs.push(pieces.runs());
        // The first piece waits for whatever else was handed over.
        let waited = if runs.len() == 1 { 70.0 } else { 0.0 };
        if let Some(millis) = pieces.took(waited + run_millis * pieces.runs() as f64) {
            assert_eq!(millis.len(), 5);
            for millis in millis {
                assert!((millis / run_millis - 1.0).abs() < 1e-12);
            }
            return runs;
        }
        assert!(runs.len() < 40, "it does not settle: {runs:?}");
    }
}

#[test]
fn pieces_grow_until_they_can_be_measured_and_never_hold_a_device_for_long() {
    for run_millis in [1e-6, 1e-4, 0.01, 0.3, 5.0, 11.0, 60.0, 80.0] {
        let runs = pieces(run_millis);
        let measured = &runs[runs.len() - 5..];
        assert!(measured.iter().all(|&count| count == measured[0]));
        for &count in &runs {
            let held = count as f64 * run_millis;
            assert!(held < HOLD_MILLIS, "{held} ms of {run_millis}");
        }
        assert!(runs.windows(2).all(|pair| pair[1] <= pair[0] * 8));
        // Long enough for a clock that counts tenths of a millisecond, if that many runs are allowed.
        let length = measured[0] as f64 * run_millis;
        assert!(
            length >= 5.9 || measured[0] == super::probe::MOST_RUNS,
            "{length} ms"
        );
    }
}

#[test]
fn a_piece_that_was_held_up_does_not_decide_how_many_runs_are_measured() {
    let mut pieces = Pieces::new(5);
    // The first run takes 20 ms, because something else ran; all later ones take a microsecond.
    assert_eq!(pieces.took(20.0), None);
    assert_eq!(pieces.runs(), 1);
    for _ in 0..100 {
        let millis = 1e-3 * pieces.runs() as f64;
        if let Some(measured) = pieces.took(millis) {
            assert_eq!(measured.len(), 5);
            assert!(pieces.runs() > 1_000, "{}", pieces.runs());
            return;
        }
    }
    panic!("it does not settle");
}

#[test]
fn a_piece_in_which_no_time_passed_is_not_counted() {
    let mut pieces = Pieces::new(5);
    for _ in 0..200 {
        // Only one piece in three is seen by the clock.
        let seen = pieces.runs() < super::probe::MOST_RUNS || pieces.measured_in_vain() % 2 == 1;
        let millis = if seen {
            1e-5 * pieces.runs() as f64
        } else {
            0.0
        };
        if let Some(measured) = pieces.took(millis) {
            assert!(measured.iter().all(|&millis| millis > 0.0), "{measured:?}");
            break;
        }
    }
    // A clock that stands still is told, and nothing is made up.
    let mut pieces = Pieces::new(5);
    let last = (0..200).find_map(|_| pieces.took(0.0).map(<[f64]>::to_vec));
    assert_eq!(last, Some(Vec::new()));
}

#[test]
fn a_batch_is_as_large_as_fits() {
    // 64 samples take 10 ms: 512 take 80.
    assert_eq!(fitting(512, 64, 10.0, 80.0), 512);
    assert_eq!(fitting(65_536, 64, 10.0, 80.0), 512);
    assert_eq!(fitting(65_536, 64, 10.1, 80.0), 256);
    assert_eq!(fitting(100, 64, 10.0, 80.0), 100);
    // Never less than what has run, and not beyond what is wanted.
    assert_eq!(fitting(64, 64, 500.0, 80.0), 64);
    assert_eq!(fitting(1_000, 1, 500.0, 80.0), 1);
    assert_eq!(fitting(64, 1, 0.0, 80.0), 64);
}

#[test]
fn what_is_too_large_for_the_memory_is_refused_before_it_is_allocated() {
    assert!(check_bytes(1 << 30).is_ok());
    let error = check_bytes(u64::MAX).unwrap_err().to_string();
    assert!(error.contains("choose a smaller batch"), "{error}");
}

#[test]
fn every_group_runs_by_itself_before_any_is_measured() {
    let (mut measure, _) = started(on_cpu("lenet5-mnist", Some(4)));
    let subject = subject("lenet5-mnist", 4);
    let plan = Plan::new(&subject.model.graph, Mode::Train, &subject.kept());
    let (mut roof_at, mut model_at) = (None, None);
    while model_at.is_none() {
        let pieces = measure.pieces();
        let mut told = Vec::new();
        assert!(block_on(measure.advance(0.0, &mut |event| told.push(event))).unwrap());
        for event in told {
            match event {
                Event::Roof(_) => roof_at = Some(pieces),
                Event::Model { .. } => model_at = Some(pieces),
                _ => {}
            }
        }
    }
    assert!(model_at.unwrap() - roof_at.unwrap() >= plan.groups.len() as u32);
}

#[test]
fn a_batch_of_a_link_is_no_larger_than_fits() {
    let (mut measure, _) = started(on_cpu("lenet5-mnist", Some(2_048)));
    loop {
        let mut told = Vec::new();
        assert!(block_on(measure.advance(0.0, &mut |event| told.push(event))).unwrap());
        let model = told.iter().find_map(|event| match event {
            Event::Model {
                batch,
                wanted_batch,
                ..
            } => Some((*batch, *wanted_batch)),
            _ => None,
        });
        if let Some((batch, wanted)) = model {
            assert_eq!(wanted, 2_048);
            assert!(batch <= 2_048 && 2_048 % batch == 0, "{batch}");
            break;
        }
    }
    // One that can never be is refused before anything is measured.
    let mut measure = Measure::default();
    let start = Command::Start(on_cpu("vgg16-thin", Some(65_536)));
    let refused = block_on(measure.handle(start, &mut |event| panic!("{event:?}")));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("65536"), "{said}");
}

fn subject(preset: &str, batch: u32) -> Subject {
    let preset = find_preset(preset).unwrap();
    Subject::new(preset, batch, SAMPLES, OptimizerChoice::of(preset)).unwrap()
}

#[test]
fn the_rooflines_counts_are_those_of_the_operations_own_cost_functions() {
    for preset in ["lenet5-mnist", "resnet-s", "lstm-mnist", "gpt-text"] {
        let subject = subject(preset, 4);
        let graph = &subject.model.graph;
        let plan = Plan::new(graph, Mode::Train, &subject.kept());
        let all = graph.nodes().iter().map(|node| node.op.cost(&node.dims));
        let flops: u64 = all.clone().map(|cost| cost.flops).sum();
        let bytes: u64 = all.map(|cost| cost.bytes).sum();
        assert!(flops > 0 && bytes > 0, "{preset}");
        for place in [Place::Gpu, Place::Cpu] {
            let counted = count(graph, &plan, place);
            let sum =
                |field: fn(&Counted) -> u64| -> u64 { counted.iter().map(field).sum::<u64>() };
            assert_eq!(sum(|group| group.flops), flops, "{preset}");
            assert_eq!(sum(|group| group.bytes_apart), bytes, "{preset}");
            let mut fused = 0;
            for group in &counted {
                let nodes = &plan.groups[group.group].nodes;
                let costs = nodes
                    .iter()
                    .map(|&node| graph.node(node).op.cost(&graph.node(node).dims));
                assert_eq!(
                    group.flops,
                    costs.clone().map(|cost| cost.flops).sum::<u64>()
                );
                assert_eq!(group.bytes_apart, costs.map(|cost| cost.bytes).sum::<u64>());
                if place == Place::Cpu || nodes.len() == 1 {
                    assert_eq!(group.bytes, group.bytes_apart, "{preset}: {}", group.name);
                } else {
                    fused += 1;
                    assert!(group.bytes < group.bytes_apart, "{}", group.name);
                }
            }
            assert!(place == Place::Cpu || fused > 0 || preset == "gpt-text");
        }
    }
}

#[test]
fn a_kernel_that_does_two_nodes_does_not_move_what_it_hands_on() {
    let subject = subject("lenet5-mnist", 4);
    let graph = &subject.model.graph;
    let plan = Plan::new(graph, Mode::Train, &subject.kept());
    let counted = count(graph, &plan, Place::Gpu);
    let first = counted
        .iter()
        .find(|group| group.name == "conv1 + relu1")
        .expect("they run as one");
    assert_eq!(first.operation, "conv2d + relu");
    let (images, maps) = (4 * 28 * 28, 4 * 6 * 28 * 28);
    let (weight, bias) = (6 * 25, 6);
    assert_eq!(first.bytes, 4 * (images + weight + bias + maps) as u64);
    // Apart, the convolution's output is written and read once more.
    assert_eq!(first.bytes_apart - first.bytes, 4 * 2 * maps as u64);
    assert_eq!(first.flops, (2 * 25 * maps + maps) as u64);
    assert_eq!(first.phase, Phase::Forward);
}

#[test]
fn figures_follow_from_times_as_they_are_defined() {
    // 2 · 1024³ FLOPs in 100 ms.
    let rate = Quantity::Product.figure(1024, 100.0);
    assert!((rate - 21.474_836_48).abs() < 1e-9, "{rate}");
    // 64 MiB read and written in 10 ms.
    let rate = Quantity::Copy.figure(64 << 20, 10.0);
    assert!((rate - 13.421_772_8).abs() < 1e-9, "{rate}");
    assert_eq!(Quantity::Dispatch.figure(64, 0.002), 2.0);
    // 16 images of 16 by 16, 64 channels in and out, 3 by 3.
    assert_eq!(
        Quantity::Convolution.flops(64),
        2.0 * 16.0 * 256.0 * 64.0 * 64.0 * 9.0
    );
    assert_eq!(Quantity::Product.growth(256, 512), 8.0);
    let roof = Roof {
        place: Place::Cpu,
        peak: 100.0,
        memory: 20.0,
        cache: 50.0,
    };
    assert_eq!(
        (roof.ridge(), roof.at(1.0), roof.at(9.0)),
        (5.0, 50.0, 100.0)
    );
}

/// An instrument that was told to start, and what it said.
fn started(settings: Settings) -> (Measure, Vec<Event>) {
    let mut measure = Measure::default();
    let mut events = Vec::new();
    block_on(measure.handle(Command::Start(settings), &mut |event| events.push(event))).unwrap();
    (measure, events)
}

fn on_cpu(preset: &str, batch: Option<u32>) -> Settings {
    Settings {
        preset: preset.into(),
        device: DevicePreference::Cpu,
        batch,
    }
}

#[test]
fn every_call_without_a_budget_does_one_piece_and_stop_ends_it_between_two() {
    let (mut measure, events) = started(on_cpu("mlp-xor", None));
    assert!(matches!(events[0], Event::Started(_)));
    assert!(events.contains(&Event::NoGpu {
        reason: NoGpu::NotWanted
    }));
    for pieces in 1..=10 {
        assert!(block_on(measure.advance(0.0, &mut |_| {})).unwrap());
        assert_eq!(measure.pieces(), pieces);
    }
    let mut said = Vec::new();
    block_on(measure.handle(Command::Stop, &mut |event| said.push(event))).unwrap();
    assert_eq!(said, [Event::Stopped]);
    assert!(!block_on(measure.advance(1e9, &mut |event| said.push(event))).unwrap());
    // Nothing is left to stop, and a new start begins from the first piece.
    block_on(measure.handle(Command::Stop, &mut |event| said.push(event))).unwrap();
    assert_eq!(said, [Event::Stopped]);
    block_on(measure.handle(Command::Start(on_cpu("mlp-xor", None)), &mut |_| {})).unwrap();
    assert_eq!(measure.pieces(), 0);
}

#[test]
fn a_whole_measurement_tells_every_figure_the_roof_and_each_operation() {
    let (mut measure, mut events) = started(on_cpu("lenet5-mnist", Some(4)));
    while block_on(measure.advance(50.0, &mut |event| events.push(event))).unwrap() {}
    let mut figures = 0;
    let mut left_out = 0;
    let mut operations = Vec::new();
    let (mut roof, mut expected, mut last) = (None, 0, (0, 0));
    for event in &events {
        match event {
            Event::Measured(measured) => {
                figures += 1;
                let spread = &measured.figure;
                assert!(
                    spread.lower > 0.0 && spread.upper.is_finite(),
                    "{measured:?}"
                );
                assert!(spread.lower <= spread.median && spread.median <= spread.upper);
                assert_eq!(spread.repeats, 9);
            }
            Event::LeftOut { millis, .. } => {
                left_out += 1;
                assert!(*millis > 80.0);
            }
            Event::Roof(told) => roof = Some(*told),
            Event::Model {
                operations, batch, ..
            } => {
                assert_eq!(*batch, 4);
                expected = *operations;
            }
            Event::Operation(operation) => operations.push(operation),
            Event::Progress { done, total } => last = (*done, *total),
            _ => {}
        }
    }
    // All but the time of a submit, which a CPU has none of.
    assert_eq!(figures + left_out, Quantity::ALL.len() - 1);
    let roof = roof.expect("a roof");
    assert!(roof.peak > 0.0 && roof.memory > 0.0 && roof.cache >= roof.memory);
    assert_eq!(operations.len(), expected as usize);
    assert!(
        operations
            .iter()
            .any(|o| o.name == "conv2" || o.name.starts_with("conv2 "))
    );
    assert!(
        operations
            .iter()
            .all(|o| o.micros.median > 0.0 && o.bytes > 0)
    );
    assert_eq!(last.0, last.1);
    assert!(matches!(events.last(), Some(Event::Done { pieces, .. }) if *pieces > 100));
}

#[test]
fn settings_that_do_not_fit_are_refused_by_name_and_leave_what_runs_alone() {
    let (mut measure, _) = started(on_cpu("mlp-xor", None));
    block_on(measure.advance(0.0, &mut |_| {})).unwrap();
    let mut refused = |settings| {
        let start = Command::Start(settings);
        let refused = block_on(measure.handle(start, &mut |event| panic!("{event:?}")));
        assert_eq!(measure.pieces(), 1, "what ran was lost");
        refused.unwrap_err().to_string()
    };
    let unknown = refused(on_cpu("lenet6", None));
    assert!(
        unknown.starts_with("the preset is lenet6; expected one of ")
            && unknown.contains("lenet5-mnist"),
        "{unknown}"
    );
    assert!(refused(on_cpu("", None)).starts_with("the preset is empty; "));
    assert!(refused(on_cpu("own-text", None)).starts_with("the preset is own-text; "));
    assert_eq!(
        refused(on_cpu("lenet5-mnist", Some(0))),
        "the batch size is 0; expected a whole number from 1 to 65536"
    );
}

#[test]
fn messages_travel_as_postcard() {
    let settings = on_cpu("lenet5-mnist", Some(3));
    let bytes = postcard::to_allocvec(&Command::Start(settings.clone())).unwrap();
    let back: Command = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(back, Command::Start(settings));
    let (_, events) = started(on_cpu("mlp-xor", None));
    for event in events {
        let bytes = postcard::to_allocvec(&event).unwrap();
        assert_eq!(postcard::from_bytes::<Event>(&bytes).unwrap(), event);
    }
}
