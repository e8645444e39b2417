//! Series: forecasts one step ahead and running free, and the learner's own.

use crate::support::{Tolerance, assert_close, assert_not_close};
use glassbox::data::series_from_text;
use glassbox::session::{
    Command, DevicePreference, Event, FailureKind, Forecast, RunConfig, RunStatus, Session,
};
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;

type Events = Rc<RefCell<Vec<Event>>>;

fn session() -> (Session, Events) {
    let events: Events = Rc::default();
    let sink = Rc::clone(&events);
    let session = Session::new("a build", move |event| sink.borrow_mut().push(event));
    (session, events)
}

fn start(session: &mut Session, preset: &str, device: DevicePreference) {
    let config = RunConfig {
        preset: preset.into(),
        device,
        seed: 1,
        ..RunConfig::default()
    };
    block_on(session.handle(Command::Start { run: 1, config }));
}

fn finish(session: &mut Session, command: Command) {
    block_on(session.handle(command));
    // A short budget: forecasts go on where they were left off.
    while block_on(session.advance(1.0)) {}
}

fn forecasts(events: &[Event]) -> Vec<(u64, Forecast)> {
    let forecasts = events.iter().filter_map(|event| match event {
        Event::Forecast { step, forecast, .. } => Some((*step, forecast.clone())),
        _ => None,
    });
    forecasts.collect()
}

fn failures(events: &[Event]) -> Vec<(FailureKind, String)> {
    let failures = events.iter().filter_map(|event| match event {
        Event::Failed { failure, .. } => Some((failure.kind, failure.message.clone())),
        _ => None,
    });
    failures.collect()
}

fn reals(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn mean_squared_error(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    squares.sum::<f64>() / a.len().min(b.len()) as f64
}

const WATCH: Command = Command::WatchForecast {
    run: 1,
    free_run: 100,
};

/// The preset `rnn-sine`, on a training half as long.
#[test]
fn a_sine_is_forecast_one_step_ahead_and_running_free() {
    let (mut session, events) = session();
    start(&mut session, "rnn-sine", DevicePreference::Cpu);
    finish(&mut session, WATCH);
    let untrained = forecasts(&events.take());
    assert_eq!((untrained.len(), untrained[0].0), (1, 0));
    finish(
        &mut session,
        Command::StepBatches {
            run: 1,
            count: 1_250,
        },
    );
    let events = events.take();
    assert_eq!(failures(&events), []);
    let told = forecasts(&events);
    // After every evaluation: at the end of each epoch of 25 steps, which every 50th step is.
    let steps: Vec<u64> = told.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (1..=50).map(|epoch| 25 * epoch).collect::<Vec<_>>());
    let forecast = &told.last().expect("a forecast").1;
    let sizes = [
        &forecast.before,
        &forecast.truth,
        &forecast.one_step,
        &forecast.free_run,
    ];
    assert_eq!(sizes.map(Vec::len), [20, 200, 200, 100]);
    let sine = |t: usize| (0.1 * t as f64).sin();
    let expected: Vec<f64> = (820..1_020).map(sine).collect();
    let exact = Tolerance {
        absolute: 1e-7,
        relative: 0.0,
    };
    assert_close("the truth", &reals(&forecast.truth), &expected, exact);
    // What repeating the last number misses: the reference figure is 5.0e-3.
    assert!(
        (forecast.repeat_mse - 5.0e-3).abs() < 5e-5,
        "{}",
        forecast.repeat_mse
    );
    let evaluated = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { evaluation, .. } => evaluation.mse,
        _ => None,
    });
    let mse = evaluated.expect("numbers are predicted");
    assert!((forecast.one_step_mse - mse).abs() <= 1e-5 * mse);
    assert!(mse < 5e-4 && forecast.one_step_mse < 0.1 * forecast.repeat_mse);
    // Errors accumulate.
    assert!(forecast.free_run_mse > 2.0 * forecast.one_step_mse);
    assert!(forecast.free_run_mse < forecast.repeat_free_run_mse);
    let free = mean_squared_error(&forecast.free_run, &forecast.truth);
    assert!((f64::from(forecast.free_run_mse) - free).abs() <= 1e-5 * free);
    // Both read the same window at first, and differ from then on.
    assert!((forecast.free_run[0] - forecast.one_step[0]).abs() < 1e-6);
    assert_ne!(forecast.free_run[1], forecast.one_step[1]);
    assert_eq!(forecast.noise_variance, Some(0.0));
    assert!(untrained[0].1.one_step_mse > 10.0 * forecast.one_step_mse);
}

/// A free run is what the network says of windows that hold its own forecasts: each of them given to a run of its own
/// as a series whose first held-out window it is.
#[test]
fn a_free_run_reads_its_own_forecasts() {
    let wave = |t: usize| 10.0 + (0.3 * t as f32).sin() * 4.0;
    let given = |series: &[f32]| -> String { series.iter().map(|x| format!("{x}\n")).collect() };
    let series: Vec<f32> = (0..66).map(wave).collect();
    let said = |text: &str| {
        let (mut session, events) = session();
        let windows = series_from_text("own.txt", text.as_bytes(), Some(6)).expect("a series");
        session.provide_series(windows);
        start(&mut session, "own-series", DevicePreference::Cpu);
        finish(&mut session, Command::StepBatches { run: 1, count: 4 });
        finish(&mut session, WATCH);
        let events = events.take();
        assert_eq!(failures(&events), []);
        forecasts(&events).pop().expect("a forecast").1
    };
    let forecast = said(&given(&series));
    // 60 windows, 12 of them held out, in the series' own units.
    assert_eq!((forecast.truth.len(), forecast.free_run.len()), (12, 12));
    assert_close(
        "the truth",
        &reals(&forecast.truth),
        &reals(&series[54..]),
        Tolerance::EXACT,
    );
    // The held-out numbers decide nothing but what is measured: put the free run in their place, and every forecast
    // one step ahead reads what the free run has read.
    let replaced = [&series[..54], &forecast.free_run].concat();
    let again = said(&given(&replaced));
    let close = Tolerance {
        absolute: 1e-5,
        relative: 1e-5,
    };
    let (one_step, free_run) = (reals(&again.one_step), reals(&forecast.free_run));
    assert_close("the free run", &one_step, &free_run, close);
    // Control: with the true numbers in the windows the forecasts differ.
    assert_not_close("the free run", &reals(&forecast.one_step), &free_run, close);
}

#[test]
fn forecasts_agree_on_cpu_and_gpu() {
    let forecast = |device| {
        let (mut session, events) = session();
        start(&mut session, "lstm-trend", device);
        finish(&mut session, Command::StepBatches { run: 1, count: 3 });
        finish(
            &mut session,
            Command::WatchForecast {
                run: 1,
                free_run: 5,
            },
        );
        let events = events.take();
        assert_eq!(failures(&events), []);
        forecasts(&events).pop().expect("a forecast").1
    };
    let (cpu, gpu) = (
        forecast(DevicePreference::Cpu),
        forecast(DevicePreference::Gpu),
    );
    // Three steps of training and five of running free in f32.
    let close = Tolerance {
        absolute: 1e-4,
        relative: 1e-4,
    };
    assert_close(
        "one step",
        &reals(&gpu.one_step),
        &reals(&cpu.one_step),
        close,
    );
    assert_close(
        "free run",
        &reals(&gpu.free_run),
        &reals(&cpu.free_run),
        close,
    );
    assert_eq!(cpu.noise_variance, Some(0.01));
}

#[test]
fn forecasts_can_be_ended_and_need_a_series() {
    let (mut session, events) = session();
    start(&mut session, "rnn-sine", DevicePreference::Cpu);
    finish(&mut session, WATCH);
    finish(
        &mut session,
        Command::WatchForecast {
            run: 1,
            free_run: 0,
        },
    );
    finish(&mut session, Command::StepBatches { run: 1, count: 25 });
    // Pausing and resetting amid a free run leave nothing behind.
    block_on(session.handle(WATCH));
    block_on(session.handle(Command::Reset { run: 1 }));
    finish(&mut session, Command::Pause { run: 1 });
    let told = events.take();
    assert_eq!(failures(&told), []);
    assert_eq!(forecasts(&told).len(), 1);
    start(&mut session, "mlp-moons", DevicePreference::Cpu);
    block_on(session.handle(WATCH));
    let refused = failures(&events.take());
    assert_eq!(refused[0].0, FailureKind::BadCommand);
    assert!(
        refused[0]
            .1
            .contains("mlp-moons does not learn from a series")
    );
}

#[test]
fn the_learner_s_own_series_is_read_checked_and_learned() {
    let (mut session, events) = session();
    start(&mut session, "own-series", DevicePreference::Cpu);
    let refused = failures(&events.take());
    assert_eq!(refused[0].0, FailureKind::MissingData);
    assert!(refused[0].1.contains("a series of your own"), "{refused:?}");

    let give = |text: &str, window| Command::ProvideSeries {
        name: "own.txt".into(),
        bytes: text.as_bytes().to_vec(),
        window,
    };
    let series: String = (0..124)
        .map(|t| format!("{}\n", 100.0 + 20.0 * (0.4 * f64::from(t)).sin()))
        .collect();
    let gap = series.replacen('\n', "\n\n", 6);
    for (text, window, expected) in [
        (
            gap.as_str(),
            None,
            "line 2 is empty, expected one number on every line",
        ),
        (
            &series,
            Some(124),
            "a window of 124 numbers and 124 numbers in all",
        ),
        (
            &series,
            Some(300),
            "a window of 300 numbers, expected 1 to 256",
        ),
    ] {
        block_on(session.handle(give(text, window)));
        let refused = failures(&events.take());
        assert_eq!(refused[0].0, FailureKind::BadFile);
        assert!(refused[0].1.contains(expected), "{refused:?}");
    }
    block_on(session.handle(give(&series, Some(4))));
    let read = events.take();
    assert!(
        matches!(
            &read[0],
            Event::SeriesRead {
                window: 4,
                train_count: 96,
                test_count: 24,
                ..
            }
        ),
        "{read:?}"
    );
    start(&mut session, "own-series", DevicePreference::Cpu);
    finish(&mut session, Command::StepBatches { run: 1, count: 300 });
    finish(&mut session, WATCH);
    let told = events.take();
    assert_eq!(failures(&told), []);
    let paused = told.iter().any(|event| {
        matches!(
            event,
            Event::Status {
                status: RunStatus::Paused,
                ..
            }
        )
    });
    assert!(paused);
    let forecast = forecasts(&told).pop().expect("a forecast").1;
    assert_eq!(forecast.noise_variance, None);
    assert!(
        forecast.one_step_mse < 0.2 * forecast.repeat_mse,
        "{forecast:?}"
    );
}
