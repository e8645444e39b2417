//! A table of vectors, one for each token. Source: `torch.nn.functional.embedding`.

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, index_input, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, element, equal, index, lookup, sum};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `EmbeddingParams` of the embedding shaders.
    EmbeddingParams { tokens: u32, features: u32, vocabulary: u32, row_length: u32 }
}

/// One invocation for each of `count` elements.
fn call(shader: &'static str, dims: &Dims, count: usize, operands: Vec<Operand>) -> KernelCall {
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    let [n, t, e, v] = dims.all(["N", "T", "E", "V"]);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: EmbeddingParams {
            tokens: (n * t) as u32,
            features: e as u32,
            vocabulary: v as u32,
            row_length,
        }
        .params(),
        operands,
        workgroups,
    }
}

/// `y[n, t, e] = w[tokens[n, t], e]`
///
/// tokens (N, T) u32 below V, w (V, E), y (N, T, E).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {}

impl Operation for Embedding {
    const NAME: &'static str = "embedding";

    fn inputs(&self) -> Vec<Input> {
        vec![
            index_input("tokens", &["N", "T"]).below("V"),
            input("w", &["V", "E"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "T", "E"])]
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input};
        vec![GradientStep {
            op: Op::EmbeddingBackward(EmbeddingBackward {
                vocabulary: dims.get("V"),
            }),
            operands: vec![Input(0), GradientOf(0)],
            target: 1,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let token = lookup("tokens", [index("n"), index("t")]);
        vec![element("w", [token, index("e")]).defines("y", [("n", "N"), ("t", "T"), ("e", "E")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "w[tokens]")]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let features = dims.get("E");
        let (tokens, w) = (io.index_input(0), io.input(1));
        for (y, &token) in io.output(0).chunks_exact_mut(features).zip(tokens) {
            y.copy_from_slice(&w[token as usize * features..][..features]);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, t, e] = dims.all(["N", "T", "E"]);
        let operands = vec![Input(0), Input(1), Output(0)];
        vec![call(Self::NAME, dims, n * t * e, operands)]
    }
}

/// `dw[v, e] = Σ_n Σ_t 1[tokens[n, t] = v] · dy[n, t, e]`, always added up in the same order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingBackward {
    /// V
    pub vocabulary: usize,
}

impl Operation for EmbeddingBackward {
    const NAME: &'static str = "embedding_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            index_input("tokens", &["N", "T"]).below("V"),
            input("dy", &["N", "T", "E"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dw", &["V", "E"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("V", self.vocabulary);
        Ok(())
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, t, e] = [index("n"), index("t"), index("e")];
        let is_token = equal(lookup("tokens", [n.clone(), t.clone()]), index("v"));
        let product = is_token * element("dy", [n, t, e]);
        vec![sum("n", "N", sum("t", "T", product)).defines("dw", [("v", "V"), ("e", "E")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dw", "Σ onehot(tokens)ᵀ · dy")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, e] = dims.all(["N", "T", "E"]);
        Cost::new(n * t * e)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let features = dims.get("E");
        let (tokens, dy) = (io.index_input(0), io.input(1));
        let dw = io.output(0);
        dw.fill(T::ZERO);
        for (dy, &token) in dy.chunks_exact(features).zip(tokens) {
            let row = &mut dw[token as usize * features..][..features];
            for (dw, &dy) in row.iter_mut().zip(dy) {
                *dw += dy;
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [v, e] = dims.all(["V", "E"]);
        let operands = vec![Input(0), Input(1), Output(0)];
        vec![call(Self::NAME, dims, v * e, operands)]
    }
}
