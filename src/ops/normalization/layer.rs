//! Layer normalization: each row by its own mean and variance, in training and inference
//! alike. Source: `torch.nn.LayerNorm`; Ba, Kiros and Hinton (2016), "Layer Normalization".

use super::*;
use crate::equation::{number, power, scalar, sqrt};
use crate::ops::{GradientOperand, GradientStep, Op, Role, linear_workgroups};
use crate::platform;
use serde::{Deserialize, Serialize};

/// Invocations of the workgroup that adds up a row.
const ROW_INVOCATIONS: u32 = 64;

params! {
    /// Mirrors `LayerNormParams` of the layer normalization shaders.
    LayerNormParams { rows: u32, size: u32, epsilon: f32, row_length: u32 }
}

/// A number of dimensions, from 1 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Axes(usize);

impl Axes {
    pub const ONE: Self = Self(1);
}

impl Default for Axes {
    fn default() -> Self {
        Self::ONE
    }
}

impl TryFrom<usize> for Axes {
    type Error = String;

    fn try_from(count: usize) -> Result<Self, String> {
        match count {
            1..=3 => Ok(Self(count)),
            _ => Err(format!("expected 1 to 3 dimensions, got {count}")),
        }
    }
}

impl From<Axes> for usize {
    fn from(axes: Axes) -> Self {
        axes.0
    }
}

/// Which dimensions are rows, and which are normalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    leading: Axes,
    normalized: Axes,
}

impl Layout {
    fn dims(self) -> &'static [&'static str] {
        match (self.leading.0, self.normalized.0) {
            (1, 1) => &["N", "I"],
            (2, 1) => &["N", "T", "I"],
            (3, 1) => &["N", "T", "U", "I"],
            (1, 2) => &["N", "H", "W"],
            (2, 2) => &["N", "T", "H", "W"],
            (3, 2) => &["N", "T", "U", "H", "W"],
            (1, _) => &["N", "C", "H", "W"],
            (2, _) => &["N", "T", "C", "H", "W"],
            _ => &["N", "T", "U", "C", "H", "W"],
        }
    }

    fn row_dims(self) -> &'static [&'static str] {
        &self.dims()[..self.leading.0]
    }

    fn parameter_dims(self) -> &'static [&'static str] {
        &self.dims()[self.leading.0..]
    }

    /// Indices of a row.
    fn rows(self) -> Indices {
        let letters = ["n", "t", "u"];
        letters
            .into_iter()
            .zip(self.row_dims().iter().copied())
            .collect()
    }

    /// Indices inside a row, by the given letters.
    fn inside(self, letters: [&'static str; 3]) -> Indices {
        letters
            .into_iter()
            .zip(self.parameter_dims().iter().copied())
            .collect()
    }

    /// Values of a row.
    fn size(self) -> Expression {
        let mut sizes = self.parameter_dims().iter();
        let first = scalar(sizes.next().expect("a row has a dimension"));
        sizes.fold(first, |product, &size| product * scalar(size))
    }

    fn counts(self, dims: &Dims) -> Counts {
        let product = |letters: &[&'static str]| letters.iter().map(|l| dims.get(l)).product();
        Counts {
            rows: product(self.row_dims()),
            size: product(self.parameter_dims()),
        }
    }
}

/// Sizes that the twins and kernels work with.
#[derive(Clone, Copy, Debug)]
struct Counts {
    rows: usize,
    size: usize,
}

impl Counts {
    fn call(
        self,
        shader: &'static str,
        epsilon: f32,
        (invocations, workgroup_size): (usize, u32),
        operands: Vec<Operand>,
    ) -> KernelCall {
        let (workgroups, row_length) = linear_workgroups(invocations, workgroup_size);
        KernelCall {
            shader,
            constants: Vec::new(),
            params: LayerNormParams {
                rows: self.rows as u32,
                size: self.size as u32,
                epsilon,
                row_length,
            }
            .params(),
            operands,
            workgroups,
        }
    }

    /// A kernel with one workgroup for each row.
    fn by_row(self, shader: &'static str, epsilon: f32, operands: Vec<Operand>) -> KernelCall {
        let invocations = self.rows * ROW_INVOCATIONS as usize;
        self.call(shader, epsilon, (invocations, ROW_INVOCATIONS), operands)
    }

    /// A kernel with one invocation for each element of a row.
    fn by_element(self, shader: &'static str, epsilon: f32, operands: Vec<Operand>) -> KernelCall {
        let work = (self.size, crate::ops::kernel::WORKGROUP_SIZE);
        self.call(shader, epsilon, work, operands)
    }
}

/// √(variance + ε) of the row with the given indices.
fn deviation(rows: &[(&'static str, &'static str)]) -> Expression {
    sqrt(at("variance", rows) + scalar("ε"))
}

/// x̂ = (x − mean) / √(variance + ε)
fn normalized(x: Expression, rows: &[(&'static str, &'static str)]) -> Expression {
    (x - at("mean", rows)) / deviation(rows)
}

fn check_epsilon(epsilon: f32) -> Result<(), String> {
    if epsilon.is_finite() && epsilon > 0.0 {
        return Ok(());
    }
    Err(format!("expected an epsilon above 0, got {epsilon}"))
}

/// 1 / √(variance + ε) of a row.
fn scale<T: Real>(variance: T, epsilon: f32) -> T {
    T::ONE / (variance + T::from_f64(f64::from(epsilon))).sqrt()
}

/// `y[n, i] = γ[i] · (x[n, i] − mean[n]) / √(variance[n] + ε) + β[i]`, with mean and variance of row n.
///
/// `leading` dimensions count the rows, the other `normalized` ones are a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerNorm {
    pub leading: Axes,
    pub normalized: Axes,
    /// ε
    pub epsilon: f32,
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self {
            leading: Axes::ONE,
            normalized: Axes::ONE,
            epsilon: 1e-5,
        }
    }
}

impl LayerNorm {
    fn layout(&self) -> Layout {
        Layout {
            leading: self.leading,
            normalized: self.normalized,
        }
    }
}

impl Operation for LayerNorm {
    const NAME: &'static str = "layer_norm";

    fn inputs(&self) -> Vec<Input> {
        let layout = self.layout();
        vec![
            input("x", layout.dims()),
            input("γ", layout.parameter_dims()),
            input("β", layout.parameter_dims()),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        let layout = self.layout();
        vec![
            output("y", layout.dims()),
            output("mean", layout.row_dims()).role(Role::Saved),
            output("variance", layout.row_dims()).role(Role::Saved),
        ]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_epsilon(self.epsilon)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("ε", f64::from(self.epsilon))]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output};
        let Self {
            leading,
            normalized,
            epsilon,
        } = *self;
        vec![
            GradientStep {
                op: Op::LayerNormBackwardWeight(LayerNormBackwardWeight {
                    leading,
                    normalized,
                    epsilon,
                }),
                operands: vec![Input(0), Output(1), Output(2), GradientOf(0)],
                target: 1,
            },
            GradientStep {
                op: Op::LayerNormBackwardBias(LayerNormBackwardBias {
                    leading,
                    normalized,
                }),
                operands: vec![GradientOf(0)],
                target: 2,
            },
            GradientStep {
                op: Op::LayerNormBackwardInput(LayerNormBackwardInput {
                    leading,
                    normalized,
                    epsilon,
                }),
                operands: vec![Input(0), Input(1), Output(1), Output(2), GradientOf(0)],
                target: 0,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let layout = self.layout();
        let (rows, inside) = (layout.rows(), layout.inside(["i", "j", "k"]));
        let all = [&rows[..], &inside[..]].concat();
        let mean = |body| (number(1.0) / layout.size()) * sum_over(&inside, body);
        let squared = power(at("x", &all) - at("mean", &rows), number(2.0));
        let y = at("γ", &inside) * normalized(at("x", &all), &rows) + at("β", &inside);
        vec![
            define("y", all.clone(), y),
            define("mean", rows.clone(), mean(at("x", &all))),
            define("variance", rows.clone(), mean(squared)),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let counts = self.layout().counts(dims);
        Cost::new(8 * counts.rows * counts.size)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let Counts { size, .. } = self.layout().counts(dims);
        let (x, gamma, beta) = (io.input(0), io.input(1), io.input(2));
        let count = T::from_f64(size as f64);
        for (row, x) in x.chunks_exact(size).enumerate() {
            let mean = x.iter().copied().sum::<T>() / count;
            let squares = x.iter().map(|&x| (x - mean) * (x - mean));
            let variance = squares.sum::<T>() / count;
            io.output(1)[row] = mean;
            io.output(2)[row] = variance;
            let scale = scale(variance, self.epsilon);
            let y = &mut io.output(0)[row * size..(row + 1) * size];
            for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
                *y = gamma[i] * ((x - mean) * scale) + beta[i];
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let operands = vec![
            Input(0),
            Input(1),
            Input(2),
            Output(0),
            Output(1),
            Output(2),
        ];
        let counts = self.layout().counts(dims);
        vec![counts.by_row(Self::NAME, self.epsilon, operands)]
    }
}

/// `dγ[i] = Σ_n dy[n, i] · x̂[n, i]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNormBackwardWeight {
    #[serde(default)]
    pub leading: Axes,
    #[serde(default)]
    pub normalized: Axes,
    pub epsilon: f32,
}

impl LayerNormBackwardWeight {
    fn layout(&self) -> Layout {
        Layout {
            leading: self.leading,
            normalized: self.normalized,
        }
    }
}

impl Operation for LayerNormBackwardWeight {
    const NAME: &'static str = "layer_norm_backward_weight";

    fn inputs(&self) -> Vec<Input> {
        let layout = self.layout();
        vec![
            input("x", layout.dims()),
            input("mean", layout.row_dims()),
            input("variance", layout.row_dims()),
            input("dy", layout.dims()),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dγ", self.layout().parameter_dims())]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("ε", f64::from(self.epsilon))]
    }

    fn equations(&self) -> Vec<Equation> {
        let layout = self.layout();
        let (rows, inside) = (layout.rows(), layout.inside(["i", "j", "k"]));
        let all = [&rows[..], &inside[..]].concat();
        let product = at("dy", &all) * normalized(at("x", &all), &rows);
        vec![define("dγ", inside, sum_over(&rows, product))]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let counts = self.layout().counts(dims);
        Cost::new(4 * counts.rows * counts.size)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let Counts { size, .. } = self.layout().counts(dims);
        let (x, means, variances, dy) = (io.input(0), io.input(1), io.input(2), io.input(3));
        let dgamma = io.output(0);
        dgamma.fill(T::ZERO);
        for (row, (x, dy)) in x.chunks_exact(size).zip(dy.chunks_exact(size)).enumerate() {
            let scale = scale(variances[row], self.epsilon);
            for ((sum, &x), &dy) in dgamma.iter_mut().zip(x).zip(dy) {
                *sum += dy * (x - means[row]) * scale;
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let operands = vec![Input(0), Input(1), Input(2), Input(3), Output(0)];
        let counts = self.layout().counts(dims);
        vec![counts.by_element(Self::NAME, self.epsilon, operands)]
    }
}

/// `dβ[i] = Σ_n dy[n, i]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNormBackwardBias {
    #[serde(default)]
    pub leading: Axes,
    #[serde(default)]
    pub normalized: Axes,
}

impl LayerNormBackwardBias {
    fn layout(&self) -> Layout {
        Layout {
            leading: self.leading,
            normalized: self.normalized,
        }
    }
}

impl Operation for LayerNormBackwardBias {
    const NAME: &'static str = "layer_norm_backward_bias";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", self.layout().dims())]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dβ", self.layout().parameter_dims())]
    }

    fn equations(&self) -> Vec<Equation> {
        let layout = self.layout();
        let (rows, inside) = (layout.rows(), layout.inside(["i", "j", "k"]));
        let all = [&rows[..], &inside[..]].concat();
        vec![define("dβ", inside, sum_over(&rows, at("dy", &all)))]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let counts = self.layout().counts(dims);
        Cost::new(counts.rows * counts.size)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let Counts { size, .. } = self.layout().counts(dims);
        let dy = io.input(0);
        let dbeta = io.output(0);
        dbeta.fill(T::ZERO);
        for dy in dy.chunks_exact(size) {
            for (sum, &dy) in dbeta.iter_mut().zip(dy) {
                *sum += dy;
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let counts = self.layout().counts(dims);
        vec![counts.by_element(Self::NAME, 0.0, vec![Input(0), Output(0)])]
    }
}

/// `dx[n, i] = (γ[i]·dy[n, i] − (Σ_k γ[k]·dy[n, k] + x̂[n, i] · Σ_k γ[k]·dy[n, k]·x̂[n, k]) / I) / √(variance[n] + ε)`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNormBackwardInput {
    #[serde(default)]
    pub leading: Axes,
    #[serde(default)]
    pub normalized: Axes,
    pub epsilon: f32,
}

impl LayerNormBackwardInput {
    fn layout(&self) -> Layout {
        Layout {
            leading: self.leading,
            normalized: self.normalized,
        }
    }
}

impl Operation for LayerNormBackwardInput {
    const NAME: &'static str = "layer_norm_backward_input";

    fn inputs(&self) -> Vec<Input> {
        let layout = self.layout();
        vec![
            input("x", layout.dims()),
            input("γ", layout.parameter_dims()),
            input("mean", layout.row_dims()),
            input("variance", layout.row_dims()),
            input("dy", layout.dims()),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", self.layout().dims())]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("ε", f64::from(self.epsilon))]
    }

    fn equations(&self) -> Vec<Equation> {
        let layout = self.layout();
        let (rows, inside) = (layout.rows(), layout.inside(["i", "j", "k"]));
        // The sums run over the same row, by indices of their own.
        let own = layout.inside(["l", "m", "o"]);
        let all = [&rows[..], &inside[..]].concat();
        let others = [&rows[..], &own[..]].concat();
        let gradient = || at("γ", &own) * at("dy", &others);
        let total = sum_over(&own, gradient());
        let product = sum_over(&own, gradient() * normalized(at("x", &others), &rows));
        let through =
            (number(-1.0) / layout.size()) * (total + normalized(at("x", &all), &rows) * product);
        let direct = at("γ", &inside) * at("dy", &all);
        let dx = (number(1.0) / deviation(&rows)) * (direct + through);
        vec![define("dx", all, dx)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let counts = self.layout().counts(dims);
        Cost::new(9 * counts.rows * counts.size)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let Counts { size, .. } = self.layout().counts(dims);
        let (x, gamma, means) = (io.input(0), io.input(1), io.input(2));
        let (variances, dy) = (io.input(3), io.input(4));
        let count = T::from_f64(size as f64);
        platform::for_each_chunk(io.output(0), size, |row, dx| {
            let range = row * size..(row + 1) * size;
            let (x, dy) = (&x[range.clone()], &dy[range]);
            let (mean, scale) = (means[row], scale(variances[row], self.epsilon));
            let (mut total, mut product) = (T::ZERO, T::ZERO);
            for i in 0..size {
                let gradient = gamma[i] * dy[i];
                total += gradient;
                product += gradient * (x[i] - mean) * scale;
            }
            for i in 0..size {
                let normalized = (x[i] - mean) * scale;
                let through = (total + normalized * product) / count;
                dx[i] = scale * (gamma[i] * dy[i] - through);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let operands = vec![Input(0), Input(1), Input(2), Input(3), Input(4), Output(0)];
        let counts = self.layout().counts(dims);
        vec![counts.by_row(Self::NAME, self.epsilon, operands)]
    }
}
