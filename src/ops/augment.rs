//! Moving and mirroring the images of a batch, so that the network never sees the same twice.

use super::{
    Cost, Dims, Input, Io, KernelCall, Operand, Operation, Output, index_input, input,
    linear_workgroups, output, params,
};
use crate::equation::{Equation, Position};
use crate::equation::{element, index, indices, less, lookup, size};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `AugmentParams` of the shader.
    AugmentParams {
        batch: u32,
        channels: u32,
        height: u32,
        width: u32,
        margin: u32,
        row_length: u32,
        padding_1: u32,
        padding_2: u32,
    }
}

/// `y[n, c, h, w] = x[n, c, h + top[first + n] − P, v + left[first + n] − P]` with
/// `v = w`, or `W − 1 − w` where `flip[first + n]` is 1; rows from `B` (the valid samples) on are 0.
///
/// That is a crop of (H, W), whose corner lies at (top, left), of the image with P zeros on every side,
/// then mirrored: `torchvision.transforms.RandomCrop(H, padding=P)` and `RandomHorizontalFlip`. A shift by up
/// to P pixels is the same. At top = left = P and flip = 0 the image stays as it is. Zeros are added after
/// standardisation: they are the channel's mean, not black.
///
/// x (N, C, H, W); top and left (R), 0 to 2·P, and flip (R), 0 or 1, lie beside the order of the samples.
/// The numbers are drawn by `data::augmentation`. In inference y = x: held-out samples stay as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    /// P, in pixels.
    pub margin: usize,
}

impl Operation for Augment {
    const NAME: &'static str = "augment";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", &["N", "C", "H", "W"]),
            index_input("top", &["R"]).below("crops"),
            index_input("left", &["R"]).below("crops"),
            index_input("flip", &["R"]).below("sides"),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "C", "H", "W"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let [h, w] = dims.all(["H", "W"]);
        // A larger margin would allow crops without a pixel of the image.
        if self.margin >= h.min(w) {
            return Err(format!(
                "expected a margin below the image's {h} x {w} pixels, got {}",
                self.margin
            ));
        }
        dims.set("crops", 2 * self.margin + 1);
        dims.set("sides", 2);
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("P", self.margin as f64)]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, h, w] = indices(["n", "c", "h", "w"]);
        let given = |name| lookup(name, [size("first") + index("n")]);
        let across = size("W") - Position::Number(1) - Position::Number(2) * w.clone();
        let down = given("top") - size("P");
        let right = given("flip") * across + given("left") - size("P");
        let x = element(
            "x",
            [n, c, h + size("train") * down, w + size("train") * right],
        );
        vec![
            (less(index("n"), size("B")) * x)
                .defines("y", [("n", "N"), ("c", "C"), ("h", "H"), ("w", "W")]),
        ]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        // Values move; nothing is computed with them.
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [c, h, w] = dims.all(["C", "H", "W"]);
        let (valid, first, margin) = (io.valid(), io.step.first as usize, self.margin);
        let x = io.input(0);
        let (top, left, flip) = (io.index_input(1), io.index_input(2), io.index_input(3));
        let is_training = io.step.is_training();
        let y = io.output(0);
        y.fill(T::ZERO);
        if !is_training {
            let counted = valid * c * h * w;
            y[..counted].copy_from_slice(&x[..counted]);
            return;
        }
        for n in 0..valid {
            let place = first + n;
            let (top, left) = (top[place] as usize, left[place] as usize);
            // Rows and columns of y whose source lies inside x.
            let inside = |corner: usize, size: usize| {
                margin.saturating_sub(corner)..size.min(size + margin - corner)
            };
            for plane in (n * c..(n + 1) * c).map(|plane| plane * h * w) {
                for row in inside(top, h) {
                    let from = &x[plane + (row + top - margin) * w..][..w];
                    let to = &mut y[plane + row * w..][..w];
                    for column in inside(left, w) {
                        let at = if flip[place] == 1 {
                            w - 1 - column
                        } else {
                            column
                        };
                        to[at] = from[column + left - margin];
                    }
                }
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        let (workgroups, row_length) =
            linear_workgroups(n * c * h * w, super::kernel::WORKGROUP_SIZE);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: AugmentParams {
                batch: n as u32,
                channels: c as u32,
                height: h as u32,
                width: w as u32,
                margin: self.margin as u32,
                row_length,
                padding_1: 0,
                padding_2: 0,
            }
            .params(),
            operands: vec![Input(0), Input(1), Input(2), Input(3), Output(0)],
            workgroups,
        }]
    }
}
