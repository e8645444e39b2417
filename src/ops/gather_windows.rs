//! Gathering a batch of windows from a text that lives on the device as token numbers.

use super::gather::derive_batch;
use super::{
    Cost, Dims, Input, Io, KernelCall, Operand, Operation, Output, index_input, linear_workgroups,
    output, params,
};
use crate::equation::{Equation, Expression, Position, element, index, less, lookup, size};
use crate::tensor::{ElementType, Real};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `GatherWindowsParams` of the shader.
    GatherWindowsParams { batch: u32, window: u32, tokens: u32, row_length: u32 }
}

/// `x[n, i] = tokens[starts[order[first + n]] + i]` and `t[n, i] = tokens[starts[order[first + n]] + i + 1]`: each
/// token of a window, and the one behind it. Rows from `B` (the valid samples) on are 0, as is what would lie
/// behind the text's end.
///
/// tokens (L), starts (M) and order (R) u32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatherWindows {
    /// N, the batch's capacity.
    pub batch: usize,
    /// T, tokens in a window.
    pub window: usize,
}

/// The token `ahead` places behind the i-th of a window; 0 in rows that do not count.
fn token(ahead: i64) -> Expression {
    let sample = lookup("order", [size("first") + index("n")]);
    let place = lookup("starts", [sample]) + index("i");
    let place = match ahead {
        0 => place,
        _ => place + Position::Number(ahead),
    };
    less(index("n"), size("B")) * element("tokens", [place])
}

impl Operation for GatherWindows {
    const NAME: &'static str = "gather_windows";

    fn inputs(&self) -> Vec<Input> {
        vec![
            index_input("tokens", &["L"]),
            index_input("starts", &["M"]).below("L"),
            index_input("order", &["R"]).below("M"),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        let window = |name| output(name, &["N", "T"]).element(ElementType::U32);
        vec![window("x"), window("t")]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        if self.window == 0 {
            return Err("expected a window of at least 1 token, got 0".into());
        }
        dims.set("T", self.window);
        derive_batch(self.batch, dims)
    }

    fn equations(&self) -> Vec<Equation> {
        let places = [("n", "N"), ("i", "T")];
        vec![token(0).defines("x", places), token(1).defines("t", places)]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (valid, first) = (io.valid(), io.step.first as usize);
        let tokens = io.index_input(0);
        let (starts, order) = (io.index_input(1), io.index_input(2));
        let at = |place: usize| tokens.get(place).copied().unwrap_or(0);
        let (x, t) = io.two_outputs(0, 1);
        let (x, t) = (x.index(), t.index());
        x.fill(0);
        t.fill(0);
        let rows = x.chunks_exact_mut(self.window);
        let rows = rows.zip(t.chunks_exact_mut(self.window)).take(valid);
        for ((x, t), &sample) in rows.zip(&order[first..]) {
            let start = starts[sample as usize] as usize;
            for i in 0..self.window {
                x[i] = at(start + i);
                t[i] = at(start + i + 1);
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, window, tokens] = dims.all(["N", "T", "L"]);
        let (workgroups, row_length) = linear_workgroups(n * window, super::kernel::WORKGROUP_SIZE);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: GatherWindowsParams {
                batch: n as u32,
                window: window as u32,
                tokens: tokens as u32,
                row_length,
            }
            .params(),
            operands: vec![Input(0), Input(1), Input(2), Output(0), Output(1)],
            workgroups,
        }]
    }
}
