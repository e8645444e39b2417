//! Cases of what texts need: windows of tokens, the loss at every step, and attention with its gradients.

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
    attention_cases_of(name, &SIZES)
}

/// The same of (N, heads, T, S, E): batch, heads, queries, keys, features of a head.
pub fn attention_cases_of(name: &str, sizes: &[[usize; 5]]) -> Vec<Case> {
    let mut random = Random::new(71);
    let mut cases = Vec::new();
    for &[n, h, t, s, e] in sizes {
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

/// (N, T, V, valid samples): one; one step; a partial batch; several workgroups, with a partial batch too.
const SEQUENCE_LOSS: [[usize; 4]; 6] = [
    [1, 1, 1, 1],
    [3, 1, 5, 3],
    [4, 3, 7, 2],
    [2, 5, 3, 2],
    [23, 3, 4, 22],
    [5, 30, 2, 5],
];

/// The loss of every step and its gradient: without ignored labels, with PyTorch's, with one of the vocabulary.
pub fn sequence_loss_cases(name: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut sizes: Vec<([usize; 4], f32)> = SEQUENCE_LOSS.map(|sizes| (sizes, 4.0)).into();
    // Logits so far out that a careless exponential overflows in f32.
    sizes.push(([4, 2, 3, 4], 120.0));
    for ([n, t, v, valid], bound) in sizes {
        for ignored in [None, Some(-100), Some(1)] {
            let mut random = Random::new(73);
            let z = Tensor::f32([n, t, v], random.values(bound, n * t * v)).unwrap();
            let p = random.between([n, t, v], 0.0, 1.0);
            let mut labels = random.below(n * t, v);
            if let Some(ignored) = ignored {
                // Every third label, but not the first.
                for label in labels.iter_mut().skip(2).step_by(3) {
                    *label = ignored as u32;
                }
            }
            let labels = Tensor::u32([n, t], labels).unwrap();
            let scalar = |value| Tensor::f32(Shape::new([]).unwrap(), vec![value]).unwrap();
            let inputs = match name {
                "sequence_cross_entropy" => vec![z, labels],
                _ => vec![p, labels, scalar(3.5), scalar(0.75)],
            };
            let attributes = json!({"ignore_index": ignored.unwrap_or(-100)});
            let op = Op::from_json(name, &attributes).unwrap();
            let label =
                format!("N={n} T={t} V={v} valid={valid} logits up to {bound} ignored={ignored:?}");
            let mut case = Case::new(label, op, inputs).with_valid(valid);
            // So far out the slopes are smaller than what differences can show.
            case.smooth = bound < 10.0;
            cases.push(case);
        }
    }
    if name == "sequence_cross_entropy" {
        // No token counts: the loss is 0.
        let op = Op::from_json(name, &json!({})).unwrap();
        let labels = Tensor::u32([2, 1], vec![-100i32 as u32; 2]).unwrap();
        let z = Tensor::f32([2, 1, 1], vec![1.0, 2.0]).unwrap();
        cases.push(Case::new("everything ignored", op, vec![z, labels]).with_valid(2));
    }
    cases
}
