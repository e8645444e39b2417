//! X14 (R34) and X16 (R8): several replicas, each with a share of the batch, in the lab's own engine of data
//! parallelism.

use super::bench::largest_difference;
use super::{Form, Measures};
use crate::lab::replicas::{Coordinator, Crew, Mode, Settings, Standing};
use crate::lesson::LessonError;
use crate::optim::OptimizerKind;

/// Steps by SGD, and by Adam, which takes small ones.
const SGD_STEPS: u64 = 50;
const ADAM_STEPS: u64 = 500;

/// A run of the linear regression of `/lab/ddp-4`, whose parameters start at 0.
fn run(settings: Settings, steps: u64) -> Result<Coordinator, LessonError> {
    let mut crew = Crew::new(settings.replicas, &settings.subject, None);
    let mut coordinator = Coordinator::new(settings)?;
    crew.run(&mut coordinator, steps);
    match coordinator.standing() {
        Standing::Idle => Ok(coordinator),
        other => Err(LessonError::Replicas {
            message: format!("{other:?}"),
        }),
    }
}

fn norm(parameters: &[f32]) -> f64 {
    let squares = parameters.iter().map(|&w| f64::from(w) * f64::from(w));
    squares.sum::<f64>().sqrt()
}

/// Four replicas, of which the first alone takes steps after the losses were added up; or which all take the step of
/// the mean gradient.
pub(super) fn x14(form: Form) -> Result<Measures, LessonError> {
    let settings = Settings {
        mode: match form {
            Form::Faulty => Mode::Rank0,
            Form::Right => Mode::Mean,
        },
        ..Settings::linear()
    };
    let replicas = settings.replicas;
    let run = run(settings, SGD_STEPS)?;
    let moved: Vec<f64> = (0..replicas).map(|r| norm(run.parameters(r))).collect();
    let others = 1..replicas as usize;
    let furthest = moved[others.clone()].iter().copied().fold(0.0, f64::max);
    let least = moved[others.clone()]
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    let loss = |losses: &[Option<f64>], replica: usize| {
        losses.get(replica).copied().flatten().unwrap_or(f64::NAN)
    };
    let first = &run.first().0;
    let last = run
        .records()
        .last()
        .map_or(&[][..], |record| &record.measured);
    let of_others = others
        .map(|replica| loss(last, replica))
        .fold(0.0, f64::max);
    let curve = |replica: usize| {
        let steps = run.records().iter();
        let measured = steps.map(|record| [record.step as f64, loss(&record.measured, replica)]);
        [[0.0, loss(first, replica)]]
            .into_iter()
            .chain(measured)
            .collect::<Vec<[f64; 2]>>()
    };
    Ok(Measures::default()
        .count("replicas", u64::from(replicas))
        .count("steps", SGD_STEPS)
        .number("loss_at_start", loss(first, 0))
        .number("loss_of_rank_0", loss(last, 0))
        .number("loss_of_others", of_others)
        .number("moved_rank_0", moved[0])
        .number("moved_others_most", furthest)
        .number("moved_others_least", least)
        .curve("loss_of_rank_1", curve(1)))
}

pub(super) fn x14_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("moved_rank_0") > 1e-3
        && faulty.get("moved_others_most") == 0.0
        && right.get("moved_others_least") > 1e-3
        && right.get("loss_of_others") < 0.1 * right.get("loss_at_start")
}

/// Four replicas whose gradients are summed, or averaged, by SGD and by Adam.
pub(super) fn x16(form: Form) -> Result<Measures, LessonError> {
    let settings = |mode, optimizer, times: f32| {
        let linear = Settings::linear();
        let learning_rate = match optimizer {
            OptimizerKind::Adam => 1e-3,
            _ => times * linear.learning_rate,
        };
        Settings {
            mode,
            optimizer,
            learning_rate,
            tell_every: 1_000,
            ..linear
        }
    };
    let mode = match form {
        Form::Faulty => Mode::Sum,
        Form::Right => Mode::Mean,
    };
    let (sgd, adam) = (OptimizerKind::Sgd, OptimizerKind::Adam);
    let end = |mode, optimizer, times, steps| -> Result<Vec<f32>, LessonError> {
        Ok(run(settings(mode, optimizer, times), steps)?
            .parameters(0)
            .to_vec())
    };
    let apart = |a: &[f32], b: &[f32]| {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
        largest_difference(&wide(a), &wide(b))
    };
    let replicas = Settings::linear().replicas;
    let sgd_end = end(mode, sgd, 1.0, SGD_STEPS)?;
    let adam_end = end(mode, adam, 1.0, ADAM_STEPS)?;
    Ok(Measures::default()
        .count("shares", u64::from(replicas))
        .number("first_step_sgd", norm(&end(mode, sgd, 1.0, 1)?))
        .number("first_step_adam", norm(&end(mode, adam, 1.0, 1)?))
        .number(
            "apart_sgd",
            apart(&sgd_end, &end(Mode::Mean, sgd, 1.0, SGD_STEPS)?),
        )
        .number(
            "apart_adam",
            apart(&adam_end, &end(Mode::Mean, adam, 1.0, ADAM_STEPS)?),
        )
        .number(
            "apart_from_rate_times_n",
            apart(&sgd_end, &end(Mode::Mean, sgd, replicas as f32, SGD_STEPS)?),
        ))
}

pub(super) fn x16_verdict(faulty: &Measures, right: &Measures) -> bool {
    let ratio = |key: &str| faulty.get(key) / right.get(key);
    (ratio("first_step_sgd") - right.get("shares")).abs() < 0.01
        && (ratio("first_step_adam") - 1.0).abs() < 0.01
        && faulty.get("apart_from_rate_times_n") < 1e-4
}
