use super::*;
use crate::optim::Options;
use crate::session::DeviceKind;
use crate::view::url::{DeviceChoice, OptimizerChoice};

fn config(preset: &str) -> RunConfig {
    RunConfig {
        preset: preset.into(),
        seed: 1,
        ..RunConfig::default()
    }
}

fn started(run: RunId) -> Event {
    Event::Started {
        run,
        config: ResolvedConfig {
            preset: "mlp-mnist".into(),
            seed: 1,
            batch: 64,
            learning_rate: 0.001,
            optimizer: OptimizerKind::Adam,
            momentum: 0.9,
            train_count: 10_000,
            test_count: 2_000,
            steps_per_epoch: 157,
            options: Options::NONE,
            total_steps: 785,
        },
        model: ModelSummary {
            preset: "mlp-mnist".into(),
            input_shape: vec![1, 28, 28],
            layers: vec![],
            parameters: 101_770,
            loss: "softmax_cross_entropy".into(),
            classes: vec![("0".into(), "0".into())],
        },
        device: DeviceInfo {
            kind: DeviceKind::Cpu,
            adapter: String::new(),
            backend: "CPU".into(),
            fallback: None,
        },
    }
}

fn steps(run: RunId, steps: std::ops::RangeInclusive<u64>) -> Event {
    let records = steps.map(|step| StepRecord {
        step,
        epoch: step as f32 / 157.0,
        loss: 2.3,
        accuracy: Some(0.1),
        learning_rate: 0.001,
        step_millis: 1.0,
        gradient_norm: None,
    });
    Event::Steps {
        run,
        records: records.collect(),
        samples_per_second: 1000.0,
        figures: ExecutionFigures::default(),
    }
}

fn failed(run: Option<RunId>, kind: FailureKind) -> Event {
    Event::Failed {
        run,
        failure: Failure {
            kind,
            message: "because".into(),
            cause: None,
        },
    }
}

fn running() -> RunState {
    let mut state = RunState::default();
    let run = state.ask(config("mlp-mnist"));
    assert_eq!(state.apply(started(run)), Some(Consequence::Began));
    state
}

#[test]
fn a_run_stands_when_the_engine_says_so() {
    let mut state = RunState::default();
    assert!(state.is_replaced_by(&config("mlp-mnist")));
    let run = state.ask(config("mlp-mnist"));
    assert!(state.is_starting() && state.id().is_none());
    state.apply(Event::Progress {
        stage: Stage::Data,
        done: 1,
        total: 2,
    });
    assert!(state.progress.is_some());
    state.apply(started(run));
    assert_eq!(state.id(), Some(run));
    assert!(!state.is_starting() && state.progress.is_none());
    assert!(state.has_images());
    assert!(!state.is_replaced_by(&config("mlp-mnist")));
    assert!(state.is_replaced_by(&config("lenet5-mnist")));
}

#[test]
fn the_phase_follows_engine_and_run() {
    let mut state = RunState::default();
    assert_eq!(state.phase(EngineLink::Starting), Phase::EngineStarting);
    assert_eq!(state.phase(EngineLink::Ready), Phase::Empty);
    let run = state.ask(config("mlp-mnist"));
    assert_eq!(state.phase(EngineLink::Ready), Phase::Starting(None));
    state.apply(started(run));
    assert_eq!(state.phase(EngineLink::Ready), Phase::Ready);
    let status = |status| Event::Status { run, status };
    state.apply(status(RunStatus::Playing));
    state.apply(steps(run, 1..=3));
    assert_eq!(state.phase(EngineLink::Ready), Phase::Playing);
    state.apply(status(RunStatus::Paused));
    assert_eq!(state.phase(EngineLink::Ready), Phase::Paused);
    state.apply(status(RunStatus::Stopped));
    assert_eq!(state.phase(EngineLink::Ready), Phase::Stopped);
    assert!(Phase::Stopped.takes_commands());
    assert_eq!(state.phase(EngineLink::Lost), Phase::EngineLost);
    assert!(!Phase::EngineLost.takes_commands());
}

#[test]
fn events_of_other_runs_change_nothing() {
    let mut state = running();
    state.apply(steps(1, 1..=3));
    state.apply(steps(7, 1..=50));
    assert_eq!(state.apply(started(9)), None);
    assert_eq!(state.apply(failed(Some(9), FailureKind::Internal)), None);
    assert_eq!((state.step, state.curves.len()), (3, 3));
}

#[test]
fn a_start_that_fails_leaves_the_old_run() {
    let mut state = running();
    state.apply(steps(1, 1..=3));
    let next = state.ask(config("lenet5-mnist"));
    let told = state.apply(failed(Some(next), FailureKind::OutOfMemory));
    assert_eq!(
        told,
        Some(Consequence::Explain(Trouble::OutOfMemory {
            reason: "because".into()
        }))
    );
    assert_eq!((state.id(), state.step), (Some(1), 3));
    assert!(!state.is_starting());
    // Asking for the same again is possible.
    assert!(state.is_replaced_by(&config("lenet5-mnist")));
}

#[test]
fn a_reset_forgets_what_was_measured_and_keeps_the_samples() {
    let mut state = running();
    state.apply(steps(1, 1..=3));
    state.apply(Event::Samples {
        run: 1,
        shape: vec![1, 2, 2],
        pixels: vec![0, 1, 2, 3, 4, 5, 6, 7],
        labels: vec![7, 2],
    });
    state.apply(Event::Prediction {
        run: 1,
        step: 3,
        probabilities: vec![1.0],
    });
    let before = state.curves_revision;
    state.apply(Event::ResetDone { run: 1 });
    assert!(state.curves.is_empty() && state.last.is_none() && state.prediction.is_none());
    assert_eq!(state.step, 0);
    assert!(state.curves_revision > before);
    let samples = state.samples.expect("kept");
    assert_eq!(samples.image(1), Some(&[4, 5, 6, 7][..]));
    assert_eq!(samples.image(2), None);
}

#[test]
fn loading_weights_of_an_earlier_step_rewinds_the_curves() {
    let mut state = running();
    state.apply(steps(1, 1..=30));
    assert_eq!(
        state.apply(Event::Loaded { run: 1, step: 10 }),
        Some(Consequence::Loaded)
    );
    assert_eq!((state.step, state.curves.len()), (10, 10));
    assert!(state.last.is_none());
}

#[test]
fn going_back_rewinds_the_curves_and_early_stopping_is_told_until_training_goes_on() {
    let mut state = running();
    state.apply(steps(1, 1..=30));
    let best = BestFacts {
        step: 20,
        loss: 0.5,
        accuracy: Some(0.75),
    };
    let kept = |run| Event::Kept {
        run,
        last: 30,
        best: Some(best),
    };
    state.apply(kept(9));
    assert_eq!(state.kept, (0, None));
    state.apply(kept(1));
    assert_eq!(state.kept, (30, Some(best)));
    state.apply(Event::StoppedEarly {
        run: 1,
        step: 30,
        best,
    });
    assert_eq!(state.stopped_early, Some(30));
    let told = state.apply(Event::WentBack { run: 1, step: 20 });
    assert_eq!(told, Some(Consequence::WentBack));
    assert_eq!((state.step, state.curves.len()), (20, 20));
    assert_eq!(state.stopped_early, None);
}

#[test]
fn after_the_loss_of_the_engine_the_same_run_can_be_asked_for_again() {
    let mut state = running();
    state.apply(steps(1, 1..=3));
    state.lose_engine();
    assert_eq!(state.status, None);
    assert_eq!(state.curves.len(), 3, "the curves stay");
    let again = state.wanted().cloned().expect("known");
    let run = state.ask(again);
    assert_eq!(run, 2);
    state.apply(started(run));
    assert!(state.curves.is_empty());
}

#[test]
fn only_settings_of_the_start_need_a_restart() {
    let state = running();
    let same = config("mlp-mnist");
    assert!(!state.needs_restart_for(&same));
    let with = |change: fn(&mut RunConfig)| {
        let mut changed = same.clone();
        change(&mut changed);
        state.needs_restart_for(&changed)
    };
    assert!(!with(|c| c.learning_rate = Some(0.5)));
    assert!(with(|c| c.seed = 2));
    assert!(with(|c| c.batch = Some(32)));
    assert!(!with(|c| c.batch = Some(64)), "64 is what runs");
    assert!(with(|c| c.optimizer = Some(OptimizerKind::Sgd)));
    assert!(!with(|c| c.momentum = Some(0.5)), "Adam does not use it");
    assert!(with(|c| c.options.clip = Some(1.0)));
    assert!(with(|c| c.options.beta1 = Some(0.5)));
    assert!(!with(|c| c.options.beta1 = Some(0.9)), "the usual one");
    assert!(
        !with(|c| c.options.alpha = Some(0.5)),
        "Adam does not use it"
    );
    assert!(!with(|c| c.epochs = Some(9)), "it only says when to stop");
    assert!(with(|c| c.options.schedule = Some(ScheduleKind::Cosine)));
}

#[test]
fn training_ends_after_the_steps_or_epochs_of_the_address() {
    let state = running();
    let limit = |epochs, steps| {
        state.last_step(&Hyperparameters {
            epochs,
            steps,
            ..Hyperparameters::default()
        })
    };
    assert_eq!(limit(None, None), None);
    assert_eq!(limit(Some(2), None), Some(314));
    assert_eq!(limit(None, Some(9)), Some(9));
    assert_eq!(limit(Some(2), Some(400)), Some(314), "whichever is first");
    assert_eq!(limit(Some(u64::MAX), None), Some(u64::MAX));
}

#[test]
fn an_address_names_a_run() {
    let (state, _) = PageState::parse("/train/mlp-mnist", "device=cpu&lr=0.5&optimizer=sgd");
    let config = run_config(&state).expect("a preset");
    assert_eq!(config.preset, "mlp-mnist");
    assert_eq!(config.device, DevicePreference::Cpu);
    assert_eq!(config.seed, DEFAULT_SEED);
    assert_eq!(config.learning_rate, Some(0.5));
    assert_eq!(config.optimizer, Some(OptimizerKind::Sgd));
    let (home, _) = PageState::parse("/", "");
    assert_eq!(run_config(&home), None);
}

#[test]
fn the_names_in_links_are_the_engine_s() {
    for device in DeviceChoice::ALL {
        assert!(DevicePreference::from_name(device.name()).is_some());
    }
    for optimizer in OptimizerChoice::ALL {
        assert!(OptimizerKind::from_name(optimizer.name()).is_some());
    }
}

/// Who types a prompt that the network cannot continue has no engine to restart.
#[test]
fn a_prompt_that_cannot_be_continued_is_told_as_such() {
    use crate::session::{PromptProblem, SessionError};
    use crate::view::texts::Locale;
    let unknown = PromptProblem::Unknown {
        characters: vec!['€'],
        vocabulary: 69,
    };
    let too_long = PromptProblem::TooLong {
        characters: 10_001,
        most: 10_000,
    };
    for problem in [PromptProblem::Empty, too_long, unknown] {
        let failure = SessionError::Prompt(problem).failure();
        let trouble = trouble_of(&failure, "lstm-text".into());
        assert!(matches!(trouble, Trouble::BadPrompt { .. }), "{trouble:?}");
        let english = trouble.message(Locale::English);
        assert!(english.title.contains(&failure.message), "{english:?}");
        assert!(english.kept.contains("text of before") && !english.action.contains("engine"));
        let chinese = trouble.message(Locale::Chinese);
        assert!(chinese.title.contains("提示词"), "{chinese:?}");
        assert!(!chinese.action.contains("引擎"), "{chinese:?}");
    }
    // Control: other commands that are refused are told as before.
    let other = trouble_of(&SessionError::Stopped.failure(), "lstm-text".into());
    assert!(matches!(other, Trouble::Other { .. }), "{other:?}");
}
