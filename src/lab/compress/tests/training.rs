//! Training, fine-tuning, distillation.

use super::job::{Gradual, Tuning};
use super::*;
use crate::models::Hyperparameters;
use crate::session::{self, DevicePreference, RunConfig, Session};
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;

const STEPS: u32 = 12;

fn trainer(data: &Dataset, hyper: &Hyperparameters, teacher: Option<Teacher>) -> Trainer {
    Trainer::new(lenet(), data, hyper, 11, None, teacher).unwrap()
}

fn after_steps(mut trainer: Trainer, steps: u32) -> Vec<NamedTensor> {
    for _ in 0..steps {
        trainer.step(None, None).unwrap();
    }
    trainer.weights()
}

#[test]
fn the_trainer_trains_as_the_session_does() {
    let data = digits(30, 10);
    let hyper = lenet().usual();
    assert_eq!(
        (hyper.learning_rate, hyper.batch),
        (0.01, 64),
        "what docs/LAB.md starts from"
    );
    let weights = after_steps(trainer(&data, &hyper, None), STEPS);

    let events = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&events);
    let mut session = Session::new("", move |event| kept.borrow_mut().push(event));
    session.provide_dataset(DataSource::Mnist, (*data).clone());
    let config = RunConfig {
        preset: "lenet5-mnist".into(),
        device: DevicePreference::Cpu,
        seed: 11,
        learning_rate: Some(hyper.learning_rate),
        optimizer: Some(hyper.optimizer),
        momentum: Some(hyper.momentum),
        options: crate::optim::Options {
            schedule: Some(crate::optim::ScheduleKind::Constant),
            ..crate::optim::Options::NONE
        },
        ..RunConfig::default()
    };
    block_on(session.handle(session::Command::Start { run: 1, config }));
    let count = STEPS;
    block_on(session.handle(session::Command::StepBatches { run: 1, count }));
    while block_on(session.advance(50.0)) {}
    block_on(session.handle(session::Command::Save { run: 1 }));
    let events = events.borrow();
    let saved = events.iter().find_map(|event| match event {
        session::Event::Saved { bytes, .. } => Some(bytes),
        _ => None,
    });
    let tensors = lenet().tensors().unwrap();
    let read = crate::export::Checkpoint::from_bytes(saved.unwrap(), "lenet5-mnist", &tensors, &[]);
    let read = read.unwrap();
    assert_eq!(read.facts.step, u64::from(STEPS));
    assert_eq!(bits_of(&weights), bits_of(&read.tensors));
    assert_ne!(bits_of(&weights), bits_of(&initial(lenet(), 11)));
}

#[test]
fn masked_weights_stay_exactly_zero_and_the_others_learn() {
    let data = digits(20, 10);
    for hyper in [
        lenet().usual(),
        Network::find("student-mlp").unwrap().usual(),
    ] {
        let mut trainer = trainer(&data, &hyper, None);
        let before = trainer.weights();
        let masks = Masks::new(&before, 0.9, Scope::Global).unwrap();
        trainer.mask(&masks);
        for _ in 0..5 {
            trainer.step(None, Some(&masks)).unwrap();
        }
        let mut moved = 0;
        for (at, (before, after)) in before.iter().zip(trainer.weights()).enumerate() {
            let mask = masks.of(at);
            for (place, (was, is)) in before.values.iter().zip(&after.values).enumerate() {
                if mask.is_none_or(|mask| mask[place]) {
                    moved += usize::from(was != is);
                } else {
                    assert_eq!(is.to_bits(), 0, "{} {place}", before.name);
                }
            }
        }
        // Those behind a ReLU that is closed for all digits do not.
        assert!(moved > 2_000, "{moved} of 6,383 values that are left moved");
    }
}

#[test]
fn a_step_without_a_mask_revives_pruned_weights() {
    // What the test above would miss if nothing ever moved.
    let data = digits(20, 10);
    let mut trainer = trainer(&data, &lenet().usual(), None);
    let masks = Masks::new(&trainer.weights(), 0.9, Scope::Global).unwrap();
    trainer.mask(&masks);
    trainer.step(None, None).unwrap();
    let is_zero = |value: &&f32| **value == 0.0;
    let weights = trainer.weights();
    let zeros: usize = weights
        .iter()
        .map(|t| t.values.iter().filter(is_zero).count())
        .sum();
    assert!(zeros < 40_000, "{zeros} of 55,323 are still zero");
}

#[test]
fn straight_through_steps_see_rounded_weights_and_move_the_others() {
    let data = digits(20, 10);
    let hyper = lenet().usual();
    let rounding = (2, Granularity::Tensor);
    let mut through = trainer(&data, &hyper, None);
    let before = through.weights();
    let loss = through.step(Some(rounding), None).unwrap();
    // The loss is that of the network as its file would hold it.
    let model = CompressedModel::new(lenet(), &before, Some(2), Granularity::Tensor).unwrap();
    let rounded = model.weights();
    let mut other = Trainer::new(lenet(), &data, &hyper, 11, Some(&rounded), None).unwrap();
    assert_eq!(loss.to_bits(), other.step(None, None).unwrap().to_bits());
    // Both moved by the same gradient, from where each stood: SGD's first step, v = g.
    let (after, other_after) = (through.weights(), other.weights());
    let mut moved = 0;
    for at in 0..before.len() {
        for place in 0..before[at].values.len() {
            let own = before[at].values[place] - after[at].values[place];
            let others = rounded[at].values[place] - other_after[at].values[place];
            // Differences of weights near 0.2 that are rounded to 32 bits.
            assert!((own - others).abs() <= 4e-8, "{own} {others}");
            moved += usize::from(own != 0.0);
        }
    }
    assert!(moved > 10_000, "{moved}");
    assert_ne!(bits_of(&after), bits_of(&other_after));
}

#[test]
fn a_teacher_that_counts_nothing_changes_nothing_and_one_that_counts_does() {
    let data = digits(20, 10);
    let hyper = lenet().usual();
    let teach = |lambda: f32| {
        let logits = (0..data.train.count() * 10)
            .map(|at| (at % 7) as f32 - 3.0)
            .collect();
        trainer(
            &data,
            &hyper,
            Some(Teacher {
                logits,
                lambda,
                temperature: 4.0,
            }),
        )
    };
    let plain = after_steps(trainer(&data, &hyper, None), 4);
    assert_eq!(bits_of(&after_steps(teach(0.0), 4)), bits_of(&plain));
    assert_ne!(bits_of(&after_steps(teach(0.5), 4)), bits_of(&plain));
}

#[test]
fn a_student_of_the_teacher_alone_comes_to_say_what_the_teacher_says() {
    let data = digits(10, 10);
    let network = Network::find("student-mlp").unwrap();
    // A teacher that calls each digit by the next one's name.
    let logits: Vec<f32> = data
        .train
        .labels()
        .iter()
        .flat_map(|&label| (0..10).map(move |k| if k == (label + 1) % 10 { 6.0 } else { 0.0 }))
        .collect();
    let teacher = Teacher {
        logits,
        lambda: 1.0,
        temperature: 2.0,
    };
    let mut trainer =
        Trainer::new(network, &data, &network.usual(), 3, None, Some(teacher)).unwrap();
    let first = trainer.step(None, None).unwrap();
    let mut last = first;
    for _ in 0..60 {
        last = trainer.step(None, None).unwrap();
    }
    assert!(last < 0.1 * first, "{first} -> {last}");
    let measured = Evaluator::new(network, &data, &data.train, &trainer.weights())
        .unwrap()
        .measure();
    assert!(
        measured.accuracy < 0.1,
        "by the labels nearly all are wrong: {}",
        measured.accuracy
    );
}

#[test]
fn the_threshold_of_gradual_pruning_is_that_of_all_its_rounds() {
    let data = digits(10, 10);
    let recipe = Recipe {
        sparsity: 0.9,
        ..Recipe::default()
    };
    let trainer = trainer(&data, &lenet().usual(), None);
    let mut tuning = Tuning::new(trainer, 1, Stage::FineTuning);
    tuning.gradual = Some(Gradual { recipe, done: 0 });
    tuning.prune(1).unwrap();
    let threshold = |tuning: &Tuning| tuning.masks.as_ref().unwrap().threshold;
    let first = threshold(&tuning).unwrap();
    // Training made what was left small, so the second round takes only smaller weights.
    let mut weights = tuning.trainer.weights();
    for tensor in &mut weights {
        tensor.values.iter_mut().for_each(|value| *value *= 1e-3);
    }
    tuning.trainer.write(&weights);
    let sparsity = gradual_sparsity(0.9, 2, 8);
    let second = Masks::new(&weights, sparsity, Scope::Global).unwrap();
    assert!(second.threshold.unwrap() < first);
    tuning.prune(2).unwrap();
    assert_eq!(threshold(&tuning), Some(first));
}

#[test]
fn an_infinite_loss_is_told_with_its_step() {
    let data = digits(10, 10);
    let hyper = Hyperparameters {
        learning_rate: 1e3,
        ..lenet().usual()
    };
    let mut trainer = trainer(&data, &hyper, None);
    let error = (0..20).find_map(|_| trainer.step(None, None).err());
    assert!(matches!(error, Some(CompressError::NonFinite { step }) if step > 1));
}

#[test]
fn an_evaluation_counts_what_the_session_counts() {
    let data = digits(10, 37);
    let weights = initial(lenet(), 11);
    let measured = Evaluator::new(lenet(), &data, &data.test, &weights)
        .unwrap()
        .measure();
    assert_eq!((measured.samples, measured.logits.len()), (370, 3_700));
    // Each half by itself, and both together, from the logits.
    let mut right = [0; 2];
    for (number, (row, &label)) in measured
        .logits
        .chunks(10)
        .zip(data.test.labels())
        .enumerate()
    {
        right[number % 2] += u32::from(crate::train::evaluation::arg_max(row) == label as usize);
    }
    let halves = right.map(|right| right as f32 / 185.0);
    assert_eq!(
        halves,
        [measured.halves.choosing, measured.halves.reporting]
    );
    assert_eq!(right[0] + right[1], measured.right);
    assert_eq!(measured.accuracy, measured.right as f32 / 370.0);
    let rows = measured.logits.chunks(10).zip(data.test.labels());
    let right = rows.filter(|(row, label)| {
        row.iter()
            .enumerate()
            .all(|(k, value)| k == **label as usize || *value < row[**label as usize])
    });
    assert_eq!(right.count() as u32, measured.right);
}
