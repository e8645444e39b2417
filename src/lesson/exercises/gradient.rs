//! X4 (R22), X5 (R21) and X6 (R16): gradients with something missing, held to finite differences.

use super::bench::Bench;
use super::worked::{Build, LEARNING_RATE, Worked};
use super::{Form, Measure, Measures};
use crate::graph::Graph;
use crate::lesson::{LessonError, Numbers, OperationRequest, run_operation};
use crate::ops::{MeanSquaredError, Op, Sigmoid};
use crate::tensor::ElementType;

/// Errors above this are no rounding: differences of f64 agree within 1e-9.
const AGREES: f64 = 1e-6;
const DIFFERS: f64 = 1e-3;

/// δ of the hidden layer: `Σ_k δ[k]·w[k, j]` alone, which is the gradient with respect to a; or with f′(z), which is the
/// one with respect to z. Both are compared with the slope of the loss when z is moved (through b1, which is added to it).
pub(super) fn x4(form: Form) -> Result<Measures, LessonError> {
    let mut worked = Worked::new(Build::default())?;
    worked.bench.run();
    let delta = worked.bench.gradient(match form {
        Form::Faulty => worked.a1,
        Form::Right => worked.z1,
    });
    let z = worked.bench.read(worked.z1)[1];
    let slopes = worked.bench.slopes(worked.b1, worked.loss);
    let error = super::bench::largest_difference(&delta, &slopes);
    Ok(Measures::default()
        .number("z2", z)
        .number("delta2", delta[1])
        .number("slope2", slopes[1])
        .with("delta", Measure::Numbers(delta))
        .number("slope_error", error))
}

pub(super) fn x4_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("slope_error") > DIFFERS && right.get("slope_error") <= AGREES
}

/// One update of the worked example, with δ = y − p or δ = p − y.
pub(super) fn x5(form: Form) -> Result<Measures, LessonError> {
    let mut worked = Worked::new(Build {
        negated: form == Form::Faulty,
        ..Build::default()
    })?;
    worked.bench.run();
    let before = worked.loss();
    let delta = worked.bench.gradient(worked.z2)[0];
    let mut updated = Vec::new();
    for parameter in worked.parameters() {
        let numbers = |values: Vec<f64>| Numbers::new([values.len()], values);
        let request = OperationRequest {
            learning_rate: LEARNING_RATE,
            ..OperationRequest::forward(
                "sgd_update",
                r#"{"weight_decay": 0}"#,
                [
                    numbers(worked.bench.read(parameter)),
                    numbers(worked.bench.gradient(parameter)),
                ],
            )
        };
        updated.push((parameter, run_operation(&request)?.outputs.remove(0).data));
    }
    for (parameter, values) in updated {
        worked.bench.write(parameter, &values);
    }
    worked.bench.run();
    let after = worked.loss();
    Ok(Measures::default()
        .number("output_delta", delta)
        .number("loss_before", before)
        .number("loss_after", after)
        .number("loss_change", after - before))
}

pub(super) fn x5_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("loss_after") > faulty.get("loss_before")
        && right.get("loss_after") < right.get("loss_before")
}

/// Where the curve of X6 is drawn.
const CURVE_FROM: f64 = -8.0;
const CURVE_STEPS: usize = 64;

/// ∂L/∂z of L = ½(σ(z) − y)² for y = 1: a − y alone, which is the gradient with respect to a; or with σ′(z).
pub(super) fn x6(form: Form) -> Result<Measures, LessonError> {
    let mut graph = Graph::default();
    let z = graph.input("z", [1, 1].into(), ElementType::F32);
    let y = graph.input("y", [1, 1].into(), ElementType::F32);
    let a = graph.apply(Op::Sigmoid(Sigmoid {}), "a", &[z])?[0];
    let half = MeanSquaredError {
        factor: 0.5,
        ..MeanSquaredError::default()
    };
    let loss = graph.apply(Op::MeanSquaredError(half), "loss", &[a, y])?[0];
    graph.differentiate(loss, &[z])?;
    let mut bench = Bench::new(graph, 1);
    bench.write(y, &[1.0]);
    let gradient = |bench: &mut Bench, at: f64| {
        bench.write(z, &[at]);
        bench.run();
        bench.gradient(match form {
            Form::Faulty => a,
            Form::Right => z,
        })[0]
    };
    let points = (0..=CURVE_STEPS).map(|number| {
        let at = CURVE_FROM * (1.0 - 2.0 * number as f64 / CURVE_STEPS as f64);
        [at, gradient(&mut bench, at)]
    });
    let curve: Vec<[f64; 2]> = points.collect();
    let gradient = gradient(&mut bench, -5.0);
    let prediction = bench.read(a)[0];
    let slope = bench.slopes(z, loss)[0];
    Ok(Measures::default()
        .number("prediction", prediction)
        .number("gradient", gradient)
        .number("slope", slope)
        .number("slope_error", (gradient - slope).abs())
        .curve("gradient_of_z", curve))
}

pub(super) fn x6_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("slope_error") > DIFFERS && right.get("slope_error") <= AGREES
}
