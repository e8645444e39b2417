//! Linear (dense) layers: `y = x · wᵀ + b`. Source: `torch.nn.functional.linear`.

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, element, indices, sum};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `LinearParams` of the linear shaders.
    LinearParams { batch: u32, in_features: u32, out_features: u32, row_length: u32 }
}

/// One invocation for each of `count` elements.
fn call(shader: &'static str, dims: &Dims, count: usize, operands: Vec<Operand>) -> KernelCall {
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    let size = |letter| dims.find(letter).unwrap_or(0) as u32;
    KernelCall {
        shader,
        constants: Vec::new(),
        params: LinearParams {
            batch: size("N"),
            in_features: size("I"),
            out_features: size("O"),
            row_length,
        }
        .params(),
        operands,
        workgroups,
    }
}

/// Whether the rows of inputs and weights can be read four numbers at a time.
fn has_quads(dims: &Dims) -> bool {
    dims.get("I").is_multiple_of(4)
}

/// Samples and outputs, or inputs, that one invocation of a blocked kernel takes.
const BLOCK: usize = 4;

/// `linear` and the activation behind it (by its number in the shader):
/// inputs x, w, b, output y. `None` where the sizes do not suit it.
pub(crate) fn blocked(dims: &Dims, activation: u32) -> Option<KernelCall> {
    use Operand::{Input, Output};
    let [n, o] = dims.all(["N", "O"]);
    let count = n.div_ceil(BLOCK) * o.div_ceil(BLOCK);
    let operands = vec![Input(0), Input(1), Input(2), Output(0)];
    let mut call = call("linear_blocked", dims, count, operands);
    call.constants = vec![("ACTIVATION", f64::from(activation))];
    has_quads(dims).then_some(call)
}

/// `linear_backward_input` and the backward operation of the activation in front:
/// inputs w, dy, and the activation's output (without one, anything), output dx.
/// `None` where the sizes do not suit it.
pub(crate) fn backward_input_blocked(dims: &Dims, activation: u32) -> Option<KernelCall> {
    use Operand::{Input, Output};
    let [n, i] = dims.all(["N", "I"]);
    let count = n.div_ceil(BLOCK) * i.div_ceil(4);
    let operands = vec![Input(0), Input(1), Input(2), Output(0)];
    let mut call = call("linear_backward_input_blocked", dims, count, operands);
    call.constants = vec![("ACTIVATION", f64::from(activation))];
    has_quads(dims).then_some(call)
}

/// `linear_backward_weight` and `linear_backward_bias`: inputs x, dy, outputs dw, db.
/// `None` where the sizes do not suit it.
pub(crate) fn backward_parameters(dims: &Dims) -> Option<KernelCall> {
    use Operand::{Input, Output};
    let [i, o] = dims.all(["I", "O"]);
    let count = o.div_ceil(BLOCK) * i.div_ceil(4);
    let operands = vec![Input(0), Input(1), Output(0), Output(1)];
    let call = call("linear_backward_parameters", dims, count, operands);
    has_quads(dims).then_some(call)
}

/// `y[n, o] = Σ_i x[n, i] · w[o, i] + b[o]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Linear {}

impl Operation for Linear {
    const NAME: &'static str = "linear";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", &["N", "I"]),
            input("w", &["O", "I"]),
            input("b", &["O"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "O"])]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input};
        vec![
            GradientStep {
                op: Op::LinearBackwardWeight(LinearBackwardWeight {}),
                operands: vec![Input(0), GradientOf(0)],
                target: 1,
            },
            GradientStep {
                op: Op::LinearBackwardBias(LinearBackwardBias {}),
                operands: vec![GradientOf(0)],
                target: 2,
            },
            GradientStep {
                op: Op::LinearBackwardInput(LinearBackwardInput {}),
                operands: vec![Input(1), GradientOf(0)],
                target: 0,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, i] = indices(["n", "o", "i"]);
        let product = element("x", [n, i.clone()]) * element("w", [o.clone(), i]);
        vec![(sum("i", "I", product) + element("b", [o])).defines("y", [("n", "N"), ("o", "O")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "x · wᵀ + b")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, i, o] = dims.all(["N", "I", "O"]);
        Cost::product([2, n, i, o])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, i, o] = dims.all(["N", "I", "O"]);
        let (x, w, b) = (io.input(0), io.input(1), io.input(2));
        let y = io.output(0);
        for row in y.chunks_exact_mut(o) {
            row.copy_from_slice(b);
        }
        T::matrix_product([n, i, o], x, [i, 1], w, [1, i], T::ONE, y, [o, 1]);
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, o] = dims.all(["N", "O"]);
        use Operand::{Input, Output};
        vec![call(
            "linear",
            dims,
            n * o,
            vec![Input(0), Input(1), Input(2), Output(0)],
        )]
    }
}

/// `dx[n, i] = Σ_o dy[n, o] · w[o, i]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinearBackwardInput {}

impl Operation for LinearBackwardInput {
    const NAME: &'static str = "linear_backward_input";

    fn inputs(&self) -> Vec<Input> {
        vec![input("w", &["O", "I"]), input("dy", &["N", "O"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "I"])]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, i] = indices(["n", "o", "i"]);
        let product = element("dy", [n, o.clone()]) * element("w", [o, i]);
        vec![sum("o", "O", product).defines("dx", [("n", "N"), ("i", "I")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dx", "dy · w")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, i, o] = dims.all(["N", "I", "O"]);
        Cost::product([2, n, i, o])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, i, o] = dims.all(["N", "I", "O"]);
        let (w, dy) = (io.input(0), io.input(1));
        T::matrix_product(
            [n, o, i],
            dy,
            [o, 1],
            w,
            [i, 1],
            T::ZERO,
            io.output(0),
            [i, 1],
        );
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, i] = dims.all(["N", "I"]);
        use Operand::{Input, Output};
        vec![call(
            "linear_backward_input",
            dims,
            n * i,
            vec![Input(0), Input(1), Output(0)],
        )]
    }
}

/// `dw[o, i] = Σ_n dy[n, o] · x[n, i]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinearBackwardWeight {}

impl Operation for LinearBackwardWeight {
    const NAME: &'static str = "linear_backward_weight";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", &["N", "I"]), input("dy", &["N", "O"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dw", &["O", "I"])]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, i] = indices(["n", "o", "i"]);
        let product = element("dy", [n.clone(), o]) * element("x", [n, i]);
        vec![sum("n", "N", product).defines("dw", [("o", "O"), ("i", "I")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dw", "dyᵀ · x")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, i, o] = dims.all(["N", "I", "O"]);
        Cost::product([2, n, i, o])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, i, o] = dims.all(["N", "I", "O"]);
        let (x, dy) = (io.input(0), io.input(1));
        T::matrix_product(
            [o, n, i],
            dy,
            [1, o],
            x,
            [i, 1],
            T::ZERO,
            io.output(0),
            [i, 1],
        );
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [i, o] = dims.all(["I", "O"]);
        use Operand::{Input, Output};
        vec![call(
            "linear_backward_weight",
            dims,
            o * i,
            vec![Input(0), Input(1), Output(0)],
        )]
    }
}

/// `db[o] = Σ_n dy[n, o]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinearBackwardBias {}

impl Operation for LinearBackwardBias {
    const NAME: &'static str = "linear_backward_bias";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", &["N", "O"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("db", &["O"])]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o] = indices(["n", "o"]);
        vec![sum("n", "N", element("dy", [n, o])).defines("db", [("o", "O")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("db", "Σ dy")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, o] = dims.all(["N", "O"]);
        Cost::new(n * o)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let o = dims.get("O");
        let dy = io.input(0);
        let db = io.output(0);
        db.fill(T::ZERO);
        for row in dy.chunks_exact(o) {
            for (sum, &value) in db.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        vec![call(
            "linear_backward_bias",
            dims,
            dims.get("O"),
            vec![Input(0), Output(0)],
        )]
    }
}
