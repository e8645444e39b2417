//! Scaled dot-product attention with several heads: scores, weights, mixture.
//!
//! Queries, keys and values are (N, T, D) with the heads side by side in D: head h owns the E = D / H columns
//! from h·E on. What a viewer wants to see, scores and weights of every query, is a result of its own.
//! Sources: Vaswani et al. (2017), "Attention is all you need", section 3.2;
//! `torch.nn.functional.scaled_dot_product_attention`.

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Position, element, exp, index, less, scalar, size, sqrt, sum,
};
use crate::platform::for_each_chunk;
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `AttentionParams` of the attention shaders.
    AttentionParams {
        batch: u32,
        heads: u32,
        queries: u32,
        keys: u32,
        width: u32,
        row_length: u32,
        scale: f32,
        is_causal: u32,
    }
}

/// Results that one invocation of the three product kernels computes.
const BLOCK: usize = 4;

fn one_head() -> usize {
    1
}

/// Binds H and E.
fn derive_heads(heads: usize, dims: &mut Dims) -> Result<(), String> {
    let width = dims.get("D");
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(format!(
            "heads is {heads}, expected a divisor of the {width} columns"
        ));
    }
    dims.set("H", heads);
    dims.set("E", width / heads);
    Ok(())
}

fn call(
    shader: &'static str,
    dims: &Dims,
    invocations: usize,
    (scale, is_causal): (f32, bool),
    operands: Vec<Operand>,
) -> KernelCall {
    let [n, h, t, s] = dims.all(["N", "H", "T", "S"]);
    let (workgroups, row_length) = linear_workgroups(invocations, super::kernel::WORKGROUP_SIZE);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: AttentionParams {
            batch: n as u32,
            heads: h as u32,
            queries: t as u32,
            keys: s as u32,
            width: dims.find("D").unwrap_or(0) as u32,
            row_length,
            scale,
            is_causal: u32::from(is_causal),
        }
        .params(),
        operands,
        workgroups,
    }
}

/// A product of two tensors, head by head, times a number.
#[derive(Clone, Copy)]
enum Product {
    /// (N, T, D), (N, S, D) to (N, H, T, S): over the columns of a head.
    Scores,
    /// (N, H, T, S), (N, S, D) to (N, T, D): over the keys.
    Mixture,
    /// (N, H, T, S), (N, T, D) to (N, S, D): over the queries.
    Collect,
}

impl Product {
    fn cost(dims: &Dims) -> Cost {
        let [n, t, s, d] = dims.all(["N", "T", "S", "D"]);
        Cost::product([2, n, t, s, d])
    }

    fn twin<T: Real>(self, dims: &Dims, scale: f64, io: &mut Io<'_, T>) {
        let [h, t, s, d, e] = dims.all(["H", "T", "S", "D", "E"]);
        let (a, b) = (io.input(0), io.input(1));
        let scale = T::from_f64(scale);
        let result = io.output(0);
        match self {
            Self::Scores => for_each_chunk(result, t * s, |number, scores| {
                let (n, head) = (number / h, number % h);
                let (queries, keys) = (&a[n * t * d + head * e..], &b[n * s * d + head * e..]);
                let size = [t, e, s];
                T::matrix_product(size, queries, [d, 1], keys, [1, d], T::ZERO, scores, [s, 1]);
                scale_all(scores, scale);
            }),
            Self::Mixture => for_each_chunk(result, t * d, |n, rows| {
                for head in 0..h {
                    let (weights, values) =
                        (&a[(n * h + head) * t * s..], &b[n * s * d + head * e..]);
                    let (size, own) = ([t, s, e], &mut rows[head * e..]);
                    T::matrix_product(size, weights, [s, 1], values, [d, 1], T::ZERO, own, [d, 1]);
                }
                scale_all(rows, scale);
            }),
            Self::Collect => for_each_chunk(result, s * d, |n, rows| {
                for head in 0..h {
                    let (weights, values) =
                        (&a[(n * h + head) * t * s..], &b[n * t * d + head * e..]);
                    let (size, own) = ([s, t, e], &mut rows[head * e..]);
                    T::matrix_product(size, weights, [1, s], values, [d, 1], T::ZERO, own, [d, 1]);
                }
                scale_all(rows, scale);
            }),
        }
    }

    fn kernels(self, shader: &'static str, dims: &Dims, scale: f64) -> Vec<KernelCall> {
        let [n, h, t, s, d] = dims.all(["N", "H", "T", "S", "D"]);
        let invocations = match self {
            Self::Scores => n * h * t * s.div_ceil(BLOCK),
            Self::Mixture => n * t.div_ceil(BLOCK) * d,
            Self::Collect => n * s.div_ceil(BLOCK) * d,
        };
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        let numbers = (scale as f32, false);
        vec![call(shader, dims, invocations, numbers, operands)]
    }
}

fn scale_all<T: Real>(values: &mut [T], scale: T) {
    if scale != T::ONE {
        for value in values {
            *value *= scale;
        }
    }
}

/// `1/√E`: keeps the scores' spread where the softmax has a slope.
fn head_scale(dims: &Dims) -> f64 {
    1.0 / (dims.get("E") as f64).sqrt()
}

fn no_scale(_dims: &Dims) -> f64 {
    1.0
}

/// The head that column d belongs to.
fn head_of_column() -> Position {
    index("d").quotient(size("E"))
}

/// Element (n, t, h·E + e) or (n, u, h·E + e).
fn in_head(tensor: &'static str, row: &'static str) -> Expression {
    element(
        tensor,
        [index("n"), index(row), index("h") * size("E") + index("e")],
    )
}

/// Element (n, head of d, t, u).
fn weight(tensor: &'static str) -> Expression {
    element(
        tensor,
        [index("n"), head_of_column(), index("t"), index("u")],
    )
}

fn row(tensor: &'static str, row: &'static str) -> Expression {
    element(tensor, [index("n"), index(row), index("d")])
}

const SCORES: [(&str, &str); 4] = [("n", "N"), ("h", "H"), ("t", "T"), ("u", "S")];
const QUERIES: [(&str, &str); 3] = [("n", "N"), ("t", "T"), ("d", "D")];
const KEYS: [(&str, &str); 3] = [("n", "N"), ("u", "S"), ("d", "D")];
const SCORE_DIMS: &[&str] = &["N", "H", "T", "S"];
const QUERY_DIMS: &[&str] = &["N", "T", "D"];
const KEY_DIMS: &[&str] = &["N", "S", "D"];

/// Operations that are one product, head by head.
macro_rules! products {
    ($(
        $(#[$doc:meta])*
        $name:ident $text:literal: $product:expr, scale $scale:expr,
        $first:literal $first_dims:expr, $second:literal $second_dims:expr => $result:literal $result_dims:expr,
        $equation:expr, gradient $gradient:expr;
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct $name {
                /// H: divides the columns.
                #[serde(default = "one_head")]
                pub heads: usize,
            }

            impl Operation for $name {
                const NAME: &'static str = $text;

                fn inputs(&self) -> Vec<Input> {
                    vec![input($first, $first_dims), input($second, $second_dims)]
                }

                fn outputs(&self) -> Vec<Output> {
                    vec![output($result, $result_dims)]
                }

                fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                    check_heads(self.heads, dims)?;
                    derive_heads(self.heads, dims)
                }

                fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
                    let steps: fn(usize) -> Vec<GradientStep> = $gradient;
                    steps(self.heads)
                }

                fn equations(&self) -> Vec<Equation> {
                    vec![$equation]
                }

                fn cost(&self, dims: &Dims) -> Cost {
                    Product::cost(dims)
                }

                fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                    $product.twin(dims, $scale(dims), io);
                }

                fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                    $product.kernels(Self::NAME, dims, $scale(dims))
                }
            }
        )+
    };
}

/// Where a tensor of weights has bound H, it must be the attribute's.
fn check_heads(heads: usize, dims: &Dims) -> Result<(), String> {
    match dims.find("H") {
        Some(bound) if bound != heads => Err(format!(
            "heads is {heads}, expected {bound}, as the weights have"
        )),
        _ => Ok(()),
    }
}

products! {
    /// `s[n, h, t, u] = Σ_e q[n, t, h·E + e] · k[n, u, h·E + e] / √E`: how well key u answers query t.
    AttentionScores "attention_scores": Product::Scores, scale head_scale,
        "q" QUERY_DIMS, "k" KEY_DIMS => "s" SCORE_DIMS,
        (sum("e", "E", in_head("q", "t") * in_head("k", "u")) / sqrt(scalar("E"))).defines("s", SCORES),
        gradient |heads| {
            use GradientOperand::{GradientOf, Input};
            vec![
                GradientStep {
                    op: Op::AttentionScoresBackwardQuery(AttentionScoresBackwardQuery { heads }),
                    operands: vec![GradientOf(0), Input(1)],
                    target: 0,
                },
                GradientStep {
                    op: Op::AttentionScoresBackwardKey(AttentionScoresBackwardKey { heads }),
                    operands: vec![GradientOf(0), Input(0)],
                    target: 1,
                },
            ]
        };
    /// `dq[n, t, d] = Σ_u ds[n, h, t, u] · k[n, u, d] / √E`, h being the head of column d.
    AttentionScoresBackwardQuery "attention_scores_backward_query": Product::Mixture, scale head_scale,
        "ds" SCORE_DIMS, "k" KEY_DIMS => "dq" QUERY_DIMS,
        (sum("u", "S", weight("ds") * row("k", "u")) / sqrt(scalar("E"))).defines("dq", QUERIES),
        gradient |_| Vec::new();
    /// `dk[n, u, d] = Σ_t ds[n, h, t, u] · q[n, t, d] / √E`, h being the head of column d.
    AttentionScoresBackwardKey "attention_scores_backward_key": Product::Collect, scale head_scale,
        "ds" SCORE_DIMS, "q" QUERY_DIMS => "dk" KEY_DIMS,
        (sum("t", "T", weight("ds") * row("q", "t")) / sqrt(scalar("E"))).defines("dk", KEYS),
        gradient |_| Vec::new();
    /// `y[n, t, d] = Σ_u a[n, h, t, u] · v[n, u, d]`, h being the head of column d: the values, mixed by the weights.
    AttentionMixture "attention_mixture": Product::Mixture, scale no_scale,
        "a" SCORE_DIMS, "v" KEY_DIMS => "y" QUERY_DIMS,
        sum("u", "S", weight("a") * row("v", "u")).defines("y", QUERIES),
        gradient |heads| {
            use GradientOperand::{GradientOf, Input};
            vec![
                GradientStep {
                    op: Op::AttentionMixtureBackwardWeight(AttentionMixtureBackwardWeight { heads }),
                    operands: vec![GradientOf(0), Input(1)],
                    target: 0,
                },
                GradientStep {
                    op: Op::AttentionMixtureBackwardValue(AttentionMixtureBackwardValue { heads }),
                    operands: vec![Input(0), GradientOf(0)],
                    target: 1,
                },
            ]
        };
    /// `da[n, h, t, u] = Σ_e dy[n, t, h·E + e] · v[n, u, h·E + e]`
    AttentionMixtureBackwardWeight "attention_mixture_backward_weight": Product::Scores, scale no_scale,
        "dy" QUERY_DIMS, "v" KEY_DIMS => "da" SCORE_DIMS,
        sum("e", "E", in_head("dy", "t") * in_head("v", "u")).defines("da", SCORES),
        gradient |_| Vec::new();
    /// `dv[n, u, d] = Σ_t a[n, h, t, u] · dy[n, t, d]`, h being the head of column d.
    AttentionMixtureBackwardValue "attention_mixture_backward_value": Product::Collect, scale no_scale,
        "a" SCORE_DIMS, "dy" QUERY_DIMS => "dv" KEY_DIMS,
        sum("t", "T", weight("a") * row("dy", "t")).defines("dv", KEYS),
        gradient |_| Vec::new();
}

/// `a[n, h, t, u] = exp(s[n, h, t, u]) / Σ_w exp(s[n, h, t, w])`; causal: over the keys w ≤ t alone, and 0 beyond.
///
/// Twin and kernel take the largest score off first, which changes no weight and keeps the exponentials finite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttentionWeights {
    /// Whether a query sees only the keys up to its own place.
    pub causal: bool,
}

/// Keys that query `t` sees, of `keys`.
fn visible(t: usize, keys: usize, is_causal: bool) -> usize {
    if is_causal { keys.min(t + 1) } else { keys }
}

impl AttentionWeights {
    /// `exp(s[n, h, t, key])`, 0 where the mask hides the key.
    fn exponential(&self, key: &'static str) -> Expression {
        let place = [index("n"), index("h"), index("t"), index(key)];
        let value = exp(element("s", place));
        match self.causal {
            true => value * less(index(key), index("t") + Position::Number(1)),
            false => value,
        }
    }
}

impl Operation for AttentionWeights {
    const NAME: &'static str = "attention_weights";

    fn inputs(&self) -> Vec<Input> {
        vec![input("s", SCORE_DIMS)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("a", SCORE_DIMS)]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::AttentionWeightsBackward(AttentionWeightsBackward {}),
            operands: vec![GradientOperand::Output(0), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let total = sum("w", "S", self.exponential("w"));
        vec![(self.exponential("u") / total).defines("a", SCORES)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, h, t, s] = dims.all(["N", "H", "T", "S"]);
        let seen: usize = (0..t).map(|t| visible(t, s, self.causal)).sum();
        Cost::product([4, n, h, seen])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [t, s] = dims.all(["T", "S"]);
        let scores = io.input(0);
        for_each_chunk(io.output(0), s, |line, weights| {
            let seen = visible(line % t, s, self.causal);
            let scores = &scores[line * s..line * s + seen];
            let largest = scores[1..]
                .iter()
                .fold(scores[0], |largest, &score| largest.maximum(score));
            let mut total = T::ZERO;
            for (weight, &score) in weights.iter_mut().zip(scores) {
                *weight = (score - largest).exp();
                total += *weight;
            }
            for weight in &mut weights[..seen] {
                *weight = *weight / total;
            }
            weights[seen..].fill(T::ZERO);
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, h, t] = dims.all(["N", "H", "T"]);
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        let numbers = (1.0, self.causal);
        vec![call(Self::NAME, dims, n * h * t, numbers, operands)]
    }
}

/// `ds[n, h, t, u] = a[n, h, t, u] · (da[n, h, t, u] − Σ_w da[n, h, t, w] · a[n, h, t, w])`; 0 where the weight is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttentionWeightsBackward {}

impl Operation for AttentionWeightsBackward {
    const NAME: &'static str = "attention_weights_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("a", SCORE_DIMS), input("da", SCORE_DIMS)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("ds", SCORE_DIMS)]
    }

    fn equations(&self) -> Vec<Equation> {
        let at = |tensor, key| element(tensor, [index("n"), index("h"), index("t"), index(key)]);
        let total = sum("w", "S", at("da", "w") * at("a", "w"));
        vec![(at("a", "u") * (at("da", "u") - total)).defines("ds", SCORES)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, h, t, s] = dims.all(["N", "H", "T", "S"]);
        Cost::product([4, n, h, t, s])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let s = dims.get("S");
        let (a, da) = (io.input(0), io.input(1));
        for_each_chunk(io.output(0), s, |line, ds| {
            let (a, da) = (&a[line * s..][..s], &da[line * s..][..s]);
            let total: T = a.iter().zip(da).map(|(&a, &da)| da * a).sum();
            for ((ds, &a), &da) in ds.iter_mut().zip(a).zip(da) {
                *ds = a * (da - total);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, h, t] = dims.all(["N", "H", "T"]);
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        vec![call(Self::NAME, dims, n * h * t, (1.0, false), operands)]
    }
}
