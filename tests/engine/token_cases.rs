//! Cases of what texts need: windows of tokens, and attention with its gradients.

use crate::support::{Case, Random};
use glassbox::ops::Op;
use glassbox::tensor::{Shape, Tensor};
use serde_json::json;

/// (N, H, T, S, E): one element; one query; odd numbers everywhere; fewer keys than queries and more; blocks of
/// four that come out even; more than one workgroup.
const SIZES: [[usize; 5]; 7] = [
    [1, 1, 1, 1, 1],
    [2, 1, 1, 3, 2],
    [3, 2, 5, 5, 3],
    [2, 3, 6, 4, 1],
    [1, 2, 3, 7, 5],
    [2, 2, 8, 8, 4],
    [5, 4, 9, 9, 2],
];

/// The cases of one operation of the family.
pub fn attention_cases(name: &str) -> Vec<Case> {
    let mut random = Random::new(71);
    let mut cases = Vec::new();
    for [n, h, t, s, e] in SIZES {
        let mut tensor = |dims: &[usize], bound: f32| {
            let shape = Shape::new(dims).unwrap();
            let values = random.values(bound, shape.count());
            Tensor::f32(shape, values).unwrap()
        };
        let (queries, keys, scores) = ([n, t, h * e], [n, s, h * e], [n, h, t, s]);
        let label = format!("N={n} H={h} T={t} S={s} E={e}");
        let mut case = |label: String, attributes, inputs| {
            let op = Op::from_json(name, &attributes).unwrap();
            cases.push(Case::new(label, op, inputs));
        };
        let heads = json!({"heads": h});
        match name {
            "attention_scores" => {
                let inputs = vec![tensor(&queries, 2.0), tensor(&keys, 2.0)];
                case(label, heads, inputs);
            }
            "attention_mixture_backward_weight" => {
                let inputs = vec![tensor(&queries, 1.0), tensor(&keys, 1.0)];
                case(label, heads, inputs);
            }
            "attention_scores_backward_query" | "attention_mixture" => {
                let inputs = vec![tensor(&scores, 1.0), tensor(&keys, 1.0)];
                case(label, heads, inputs);
            }
            "attention_scores_backward_key" | "attention_mixture_backward_value" => {
                let inputs = vec![tensor(&scores, 1.0), tensor(&queries, 1.0)];
                case(label, heads, inputs);
            }
            "attention_weights" => {
                // Far out the largest score must be taken off first.
                for (causal, bound) in [(false, 3.0), (true, 3.0), (true, 90.0)] {
                    let inputs = vec![tensor(&scores, bound)];
                    let label = format!("{label} causal={causal} up to {bound}");
                    case(label, json!({"causal": causal}), inputs);
                }
            }
            "attention_weights_backward" => {
                let inputs = vec![tensor(&scores, 1.0), tensor(&scores, 1.0)];
                case(label, json!({}), inputs);
            }
            other => panic!("{other} is no attention"),
        }
    }
    for case in &mut cases {
        // So far out the slopes are smaller than what differences can show.
        case.smooth = !case.label.contains("up to 90");
    }
    cases
}

/// (L, M, R, N, T, valid, first): one token; a partial batch from the middle of the order, with windows that reach
/// beyond the text; several workgroups.
const WINDOWS: [[usize; 7]; 3] = [
    [1, 1, 1, 1, 1, 1, 0],
    [12, 5, 9, 4, 5, 3, 2],
    [300, 40, 40, 33, 7, 33, 0],
];

/// Windows of a text.
pub fn window_cases() -> Vec<Case> {
    let mut random = Random::new(72);
    let cases = WINDOWS.map(|[l, m, r, n, t, valid, first]| {
        let inputs = vec![
            random.indices([l], 50),
            random.indices([m], l),
            random.indices([r], m),
        ];
        let label = format!("L={l} M={m} R={r} N={n} T={t} valid={valid} first={first}");
        let attributes = json!({"batch": n, "window": t});
        let op = Op::from_json("gather_windows", &attributes).unwrap();
        let mut case = Case::new(label, op, inputs).with_valid(valid);
        case.step.first = first as u32;
        case
    });
    cases.into()
}
