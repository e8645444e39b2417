//! The worked example of attention in the course (equation E25): three tokens, two features, one head, causal mask,
//! forward and backward, as numpy computes it in float64.

use glassbox::exec::single::{differentiate_operation, run_operation};
use glassbox::ops::StepValues;
use glassbox::tensor::Tensor;
use serde_json::{Value as Json, json};

/// Half a unit of the sixth decimal printed there, and the rounding of f32.
const TOLERANCE: f32 = 2e-6;

fn rows(values: [f32; 6]) -> Tensor {
    Tensor::f32([1, 3, 2], values.to_vec()).unwrap()
}

fn run(name: &str, attributes: &Json, inputs: &[Tensor]) -> Tensor {
    let step = StepValues::forward(1);
    run_operation(name, attributes, inputs, &step)
        .unwrap()
        .remove(0)
}

fn gradients(name: &str, attributes: &Json, inputs: &[Tensor], dy: Tensor) -> Vec<Tensor> {
    let step = StepValues::forward(1);
    let gradients = differentiate_operation(name, attributes, inputs, &[dy], &step).unwrap();
    gradients.into_iter().map(Option::unwrap).collect()
}

#[track_caller]
fn assert_printed(tensor: &Tensor, printed: &str) {
    let values = tensor.as_f32().unwrap();
    let printed: Vec<f32> = printed
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    assert_eq!(values.len(), printed.len());
    for (value, printed) in values.iter().zip(&printed) {
        assert!(
            (value - printed).abs() <= TOLERANCE,
            "{values:?}\n{printed:?}"
        );
    }
}

#[test]
fn attention_has_the_values_of_the_worked_example() {
    let q = rows([1.0, 0.0, 0.5, 1.0, -1.0, 0.5]);
    let k = rows([1.0, 0.5, 0.0, 1.0, 0.5, -1.0]);
    let v = rows([1.0, 0.0, 0.0, 2.0, -1.0, 1.0]);
    let d_o = rows([1.0, 0.0, 0.5, -0.5, 0.0, 1.0]);
    let heads = json!({"heads": 1});
    let causal = json!({"causal": true});

    let s = run("attention_scores", &heads, &[q.clone(), k.clone()]);
    assert_printed(
        &s,
        "0.707107 0.0 0.353553 0.707107 0.707107 -0.530330 -0.530330 0.353553 -0.707107",
    );
    let p = run("attention_weights", &causal, std::slice::from_ref(&s));
    assert_printed(&p, "1.0 0.0 0.0 0.5 0.5 0.0 0.234838 0.568375 0.196787");
    let o = run("attention_mixture", &heads, &[p.clone(), v.clone()]);
    assert_printed(&o, "1.0 0.0 0.5 1.0 0.038052 1.333536");

    let [d_p, d_v] = gradients("attention_mixture", &heads, &[p, v], d_o)
        .try_into()
        .unwrap();
    assert_printed(&d_v, "1.25 -0.015162 0.25 0.318375 0.0 0.196787");
    assert_printed(&d_p, "1.0 0.0 -1.0 0.5 -1.0 -1.0 0.0 2.0 1.0");

    let [d_s] = gradients("attention_weights", &causal, &[s], d_p)
        .try_into()
        .unwrap();
    // Token 1 sees only itself; what is masked has no gradient although dP is not 0 there; rows sum to 0.
    assert_printed(
        &d_s,
        "0.0 0.0 0.0 0.375 -0.375 0.0 -0.313166 0.378801 -0.065636",
    );
    for row in d_s.as_f32().unwrap().chunks(3) {
        assert!(row.iter().sum::<f32>().abs() <= TOLERANCE);
    }

    let [d_q, d_k] = gradients("attention_scores", &heads, &[q, k], d_s)
        .try_into()
        .unwrap();
    assert_printed(&d_q, "0.0 0.0 0.265165 -0.132583 -0.244647 0.203543");
    assert_printed(
        &d_k,
        "0.354024 0.154444 -0.400435 -0.131239 0.046411 -0.023206",
    );
}
