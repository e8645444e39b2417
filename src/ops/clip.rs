//! Clipping gradients by their global norm: all gradients as one flat row, scaled together so
//! that the norm stays at most `c`. Source: `torch.nn.utils.clip_grad_norm_`.

use super::activation::elementwise_call;
use super::kernel::WORKGROUP_SIZE;
use super::{
    ANY, Cost, Dims, Input, Io, KernelCall, Operand, Operation, Output, Role, input, output, params,
};
use crate::equation::{
    Equation, Function, apply, element, index, number, power, scalar, sqrt, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// Elements that one workgroup sums up.
const PART: usize = 4_096;

/// Added to the norm, so that nothing is divided by 0.
const EPSILON: f64 = 1e-6;

params! {
    /// As in `gradient_norm_parts.wgsl` and `gradient_norm.wgsl`.
    NormParams { count: u32, part: u32, parts: u32, unused: u32 }
}

fn parts(dims: &Dims) -> usize {
    dims.get("count").div_ceil(PART)
}

/// `squares = Σ_i g[i]²`, `norm = √squares`; always added in the same order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GradientNorm {}

impl Operation for GradientNorm {
    const NAME: &'static str = "gradient_norm";

    fn inputs(&self) -> Vec<Input> {
        vec![input("g", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("norm", &[]),
            output("squares", &[]).role(Role::Saved),
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let square = power(element("g", [index("i")]), number(2.0));
        vec![
            sqrt(element("squares", [])).defines("norm", []),
            sum("i", "count", square).defines("squares", []),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * dims.get("count"))
    }

    /// In the kernels' order: 64 running sums in each part, then their sum.
    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let lanes = WORKGROUP_SIZE as usize;
        let part = |part: &[T]| {
            let mut sums = vec![T::ZERO; lanes];
            for row in part.chunks(lanes) {
                for (sum, &g) in sums.iter_mut().zip(row) {
                    *sum += g * g;
                }
            }
            sums.into_iter().sum::<T>()
        };
        let total: T = io.input(0).chunks(PART).map(part).sum();
        io.output(0)[0] = total.sqrt();
        io.output(1)[0] = total;
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        vec![parts(dims)]
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output, Workspace};
        let parts = parts(dims) as u32;
        let params = NormParams {
            count: dims.get("count") as u32,
            part: PART as u32,
            parts,
            unused: 0,
        }
        .params();
        let call = |shader, operands, workgroups| KernelCall {
            shader,
            constants: Vec::new(),
            params: params.clone(),
            operands,
            workgroups,
        };
        vec![
            call(
                "gradient_norm_parts",
                vec![Input(0), Workspace(0)],
                [parts, 1, 1],
            ),
            call(
                "gradient_norm",
                vec![Workspace(0), Output(0), Output(1)],
                [1, 1, 1],
            ),
        ]
    }
}

/// `clipped[i] = g[i] · min(1, c / (norm + 10⁻⁶))`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipGradient {
    /// c
    pub max_norm: f32,
}

impl Operation for ClipGradient {
    const NAME: &'static str = "clip_gradient";

    fn inputs(&self) -> Vec<Input> {
        vec![input("g", ANY), input("norm", &[])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("clipped", ANY)]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        if self.max_norm.is_finite() && self.max_norm > 0.0 {
            return Ok(());
        }
        Err(format!(
            "max_norm is {}, expected a number above 0",
            self.max_norm
        ))
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("c", f64::from(self.max_norm)), ("ε", EPSILON)]
    }

    fn equations(&self) -> Vec<Equation> {
        let share = scalar("c") / (element("norm", []) + scalar("ε"));
        vec![
            (element("g", [index("i")]) * apply(Function::AtMostOne, share))
                .defines("clipped", [("i", "count")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let norm = io.input(1)[0];
        let share = T::from_f64(self.max_norm.into()) / (norm + T::from_f64(EPSILON));
        // NaN is not above 1 and stays.
        let share = if share > T::ONE { T::ONE } else { share };
        let g = io.input(0);
        for (clipped, &g) in io.output(0).iter_mut().zip(g) {
            *clipped = g * share;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = vec![("MAX_NORM", self.max_norm.into())];
        vec![call]
    }
}
