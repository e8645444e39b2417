//! X7 (R9): how far a learning rate of `1/(t + 1)` can travel.

use super::{Form, Measures};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::layers::{BatchSource, Model};
use crate::lesson::LessonError;
use crate::models;
use crate::ops::{Op, SgdUpdate, StepValues};
use crate::optim::{Options, Schedule, ScheduleKind};
use std::sync::Arc;

/// Steps that the rates are added up over.
const STEPS: u64 = 10_000;

/// Steps on the bowl, and the rate that they begin with.
const BOWL_STEPS: u64 = 5_000;
const BOWL_RATE: f64 = 0.039;

/// Places of the curve: the steps after which the sum is told.
const CURVE_EVERY: u64 = 100;

/// k of `1/(1 + k·t)` in the right form.
const SLOWER: f32 = 0.01;

/// The sum of the rates, in units of the first one, and how far gradient descent gets with them on
/// `f = ½(w₁² + 50·w₂²)` from (1, 1): with `1/(1 + t)`, or with `1/(1 + k·t)` for a k that suits the length of the run.
pub(super) fn x7(form: Form) -> Result<Measures, LessonError> {
    let k = match form {
        Form::Faulty => 1.0,
        Form::Right => SLOWER,
    };
    let options = Options {
        schedule: Some(ScheduleKind::Inverse),
        schedule_k: Some(k),
        ..Options::NONE
    };
    let schedule = Schedule::new(&options, STEPS, STEPS);
    let mut travelled = 0.0;
    let mut curve = vec![[0.0, 0.0]];
    for step in 0..STEPS {
        travelled += schedule.rate(1.0, step);
        if (step + 1) % CURVE_EVERY == 0 {
            curve.push([(step + 1) as f64, travelled]);
        }
    }
    Ok(Measures::default()
        .number("k", f64::from(k))
        .number("travelled", travelled)
        .number("last_rate", schedule.rate(1.0, STEPS - 1))
        .number("bowl_loss", bowl(&schedule)?)
        .curve("travelled", curve))
}

/// f after gradient descent on the bowl of the optimizer race.
fn bowl(schedule: &Schedule) -> Result<f64, LessonError> {
    let preset = models::find("optim-race").expect("a preset of the engine");
    let models::PresetData::Fixed(example) = preset.data else {
        unreachable!("the race has one sample");
    };
    let source = BatchSource::Features {
        features: example.features.len(),
        targets: example.targets.len(),
    };
    let update = Op::SgdUpdate(SgdUpdate::default());
    let model = Model::build(&(preset.spec)(), &source, 1, update)?;
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Train, &[model.loss]));
    let mut executor = CpuExecutor::<f64>::new(graph, Arc::clone(&plan));
    let mut write = |value, numbers: &[f32]| {
        let reals = executor.reals_mut(value).iter_mut();
        reals
            .zip(numbers)
            .for_each(|(to, &from)| *to = f64::from(from));
    };
    write(model.input, example.features);
    write(model.target, example.targets);
    write(model.parameters[0].value, preset.initial[0].1);
    for step in 0..=BOWL_STEPS {
        let values = StepValues {
            learning_rate: schedule.rate(BOWL_RATE, step) as f32,
            ..StepValues::forward(1).in_training()
        };
        executor.run(0..plan.groups.len(), &values);
    }
    // The loss of the last pass is that of the weights before its update: after `BOWL_STEPS` updates.
    Ok(executor.reals(model.loss)[0])
}

pub(super) fn x7_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("travelled") < 10.0
        && faulty.get("bowl_loss") > 1e-2
        && right.get("travelled") > 10.0 * faulty.get("travelled")
        && right.get("bowl_loss") < 1e-6
}
