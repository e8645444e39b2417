//! Kullback-Leibler divergence between softened class probabilities, to teach a
//! student network what a teacher knows. Sources: Hinton, Vinyals and Dean, 2015;
//! `torch.nn.functional.kl_div` (`batchmean` of `log_softmax` and `softmax`).

use super::regression::Reduction;
use super::softmax_cross_entropy::loss_params;
use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, input, output,
};
use crate::equation::{
    Equation, Expression, element, exp, index, indices, less, ln, maximum, number, power, scalar,
    size, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

fn one() -> f32 {
    1.0
}

fn check_temperature(temperature: f32) -> Result<(), String> {
    if temperature.is_finite() && temperature > 0.0 {
        return Ok(());
    }
    Err(format!(
        "temperature is {temperature}, expected a number above 0"
    ))
}

/// `L = (T²/B) Σ_n Σ_k q[n, k]·(ln q[n, k] − ln p[n, k])` over the `B` valid rows, with
/// `p = softmax(z / T)` of the student and `q = softmax(t / T)` of the teacher; nats.
///
/// z (N, K) the student's logits, t (N, K) the teacher's. The factor T² keeps the
/// gradient's size where T changes. A reduction by sum does not divide by B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KullbackLeibler {
    /// T, above 0.
    #[serde(default = "one")]
    pub temperature: f32,
    /// The mean is over rows alone: PyTorch's `batchmean`.
    #[serde(default)]
    pub reduction: Reduction,
}

impl Default for KullbackLeibler {
    fn default() -> Self {
        Self {
            temperature: one(),
            reduction: Reduction::default(),
        }
    }
}

/// `max_j tensor[n, j]`
fn largest(tensor: &'static str) -> Expression {
    maximum([("j", "K")], element(tensor, [index("n"), index("j")]))
}

/// `exp((tensor[n, k] − max_j tensor[n, j]) / T)`
fn softened(tensor: &'static str, class: &'static str) -> Expression {
    let shifted = element(tensor, [index("n"), index(class)]) - largest(tensor);
    exp(shifted / scalar("T"))
}

/// `ln Σ_k exp(tensor[n, k] / T)`
fn normalizer(tensor: &'static str) -> Expression {
    ln(sum("l", "K", softened(tensor, "l"))) + largest(tensor) / scalar("T")
}

impl Operation for KullbackLeibler {
    const NAME: &'static str = "kullback_leibler";

    fn inputs(&self) -> Vec<Input> {
        vec![input("z", &["N", "K"]), input("t", &["N", "K"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("L", &[]),
            output("p", &["N", "K"]).role(Role::Saved),
            output("q", &["N", "K"]).role(Role::Saved),
            output("loss_of_row", &["N"]).role(Role::Saved),
        ]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_temperature(self.temperature)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("T", f64::from(self.temperature))]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Output};
        let op = KullbackLeiblerBackward {
            temperature: self.temperature,
            reduction: self.reduction,
        };
        vec![GradientStep {
            op: Op::KullbackLeiblerBackward(op),
            operands: vec![Output(1), Output(2), GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k] = indices(["n", "k"]);
        let difference =
            element("t", [n.clone(), k.clone()]) - element("z", [n.clone(), k.clone()]);
        // q adds up to 1, so what does not depend on k stands outside of the sum.
        let divergence = sum("k", "K", element("q", [n, k]) * (difference / scalar("T")))
            + normalizer("z")
            - normalizer("t");
        let valid = less(index("n"), size("B"));
        let softmax = |tensor| softened(tensor, "k") / sum("l", "K", softened(tensor, "l"));
        vec![
            self.reduction.total(),
            softmax("z").defines("p", [("n", "N"), ("k", "K")]),
            softmax("t").defines("q", [("n", "N"), ("k", "K")]),
            (valid * power(scalar("T"), number(2.0)) * divergence)
                .defines("loss_of_row", [("n", "N")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(14 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, k] = dims.all(["N", "K"]);
        let (z, t, valid) = (io.input(0), io.input(1), io.valid());
        let temperature = T::from_f64(f64::from(self.temperature));
        for row in 0..n {
            let part = row * k..(row + 1) * k;
            let (z, t) = (&z[part.clone()], &t[part.clone()]);
            let student = soften(z, temperature, &mut io.output(1)[part.clone()]);
            let q = &mut io.output(2)[part];
            let teacher = soften(t, temperature, q);
            let mut divergence = T::ZERO;
            for ((&z, &t), &q) in z.iter().zip(t).zip(q.iter()) {
                divergence += q * (teacher.logarithm(t) - student.logarithm(z));
            }
            io.output(3)[row] = if row < valid {
                temperature * temperature * divergence
            } else {
                T::ZERO
            };
        }
        self.reduction.write_total(io, 3);
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let (params, workgroups) = loss_params(dims, dims.get("N"));
        let rows = KernelCall {
            shader: Self::NAME,
            constants: vec![("TEMPERATURE", f64::from(self.temperature))],
            params,
            operands: vec![Input(0), Input(1), Output(1), Output(2), Output(3)],
            workgroups,
        };
        vec![rows, self.reduction.total_call(dims, 3)]
    }
}

/// What turns a logit of a row into the logarithm of its probability.
struct Softened<T> {
    largest: T,
    temperature: T,
    normalizer: T,
}

impl<T: Real> Softened<T> {
    fn logarithm(&self, logit: T) -> T {
        (logit - self.largest) / self.temperature - self.normalizer
    }
}

/// Writes `softmax(logits / T)`.
fn soften<T: Real>(logits: &[T], temperature: T, probabilities: &mut [T]) -> Softened<T> {
    let largest = logits.iter().fold(logits[0], |m, &v| m.maximum(v));
    let mut total = T::ZERO;
    for (p, &logit) in probabilities.iter_mut().zip(logits) {
        *p = ((logit - largest) / temperature).exp();
        total += *p;
    }
    for p in probabilities {
        *p = *p / total;
    }
    Softened {
        largest,
        temperature,
        normalizer: total.ln(),
    }
}

/// `dz[n, k] = dL · T · (p[n, k] − q[n, k]) / B`; 0 in the rows from B on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KullbackLeiblerBackward {
    #[serde(default = "one")]
    pub temperature: f32,
    #[serde(default)]
    pub reduction: Reduction,
}

impl Operation for KullbackLeiblerBackward {
    const NAME: &'static str = "kullback_leibler_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("p", &["N", "K"]),
            input("q", &["N", "K"]),
            input("dL", &[]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dz", &["N", "K"])]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_temperature(self.temperature)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("T", f64::from(self.temperature))]
    }

    fn equations(&self) -> Vec<Equation> {
        let at = |tensor| element(tensor, [index("n"), index("k")]);
        let slope = self.reduction.over(["B"], at("p") - at("q"));
        let valid = less(index("n"), size("B"));
        vec![
            (valid * element("dL", []) * scalar("T") * slope)
                .defines("dz", [("n", "N"), ("k", "K")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(2 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let k = dims.get("K");
        let (p, q, upstream) = (io.input(0), io.input(1), io.input(2)[0]);
        let valid = io.valid();
        let temperature = T::from_f64(f64::from(self.temperature));
        let divisor = T::from_f64(self.reduction.rows(valid) as f64);
        let scale = upstream * temperature / divisor;
        for (at, dz) in io.output(0).iter_mut().enumerate() {
            *dz = if at / k < valid {
                (p[at] - q[at]) * scale
            } else {
                T::ZERO
            };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, k] = dims.all(["N", "K"]);
        let (params, workgroups) = loss_params(dims, n * k);
        vec![KernelCall {
            shader: Self::NAME,
            constants: vec![
                ("TEMPERATURE", f64::from(self.temperature)),
                self.reduction.constant(),
            ],
            params,
            operands: vec![Input(0), Input(1), Input(2), Output(0)],
            workgroups,
        }]
    }
}
