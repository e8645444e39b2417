//! Work of one execution, counted from shapes.

use super::{Dims, FREE, Input, Op, Output};
use serde::{Deserialize, Serialize};

/// Work of one execution, counted from shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Floating-point operations; a multiply-add is two.
    pub flops: u64,
    /// Bytes read and written when every tensor moves once; what is updated in place is read and written. Of what is
    /// picked from (a data set, a table of vectors, the range of a slice) only what is picked counts.
    pub bytes: u64,
}

impl Cost {
    /// Of an operation's own rule, which counts the FLOPs; [`Op::cost`] adds the bytes.
    pub fn new(flops: usize) -> Self {
        Self {
            flops: flops as u64,
            bytes: 0,
        }
    }

    /// Like [`Cost::new`], of a product of counts that may be more than the 32 bits of a browser's `usize` hold.
    pub fn product<const N: usize>(factors: [usize; N]) -> Self {
        let factors = factors.into_iter().map(|factor| factor as u64);
        Self {
            flops: factors.fold(1, u64::saturating_mul),
            bytes: 0,
        }
    }
}

impl Op {
    /// Counted FLOPs and bytes.
    pub fn cost(&self, dims: &Dims) -> Cost {
        Cost {
            flops: self.flops(dims),
            bytes: self.bytes(dims),
        }
    }

    fn bytes(&self, dims: &Dims) -> u64 {
        // A new shape of the same memory.
        if self.kernels(dims).is_empty() {
            return 0;
        }
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let read = |number: usize| input_bytes(&inputs, number, dims);
        let all_read = || (0..inputs.len().min(dims.input_count())).map(read).sum();
        let written: u64 = (0..outputs.len())
            .map(|number| output_bytes(&outputs, number, dims))
            .sum();
        let size = |letter| dims.get(letter) as u64;
        written
            + match self {
                // Bytes and class of each sample, its place in the order, and two numbers for each channel.
                Self::GatherBatch(_) => {
                    let [n, c, h, w] = ["N", "C", "H", "W"].map(size);
                    n * c * h * w + 4 * n + 4 * n + 8 * c
                }
                // A row of each sample, its place in the order, and two numbers for each column.
                Self::GatherRows(_) => {
                    let [n, i] = ["N", "I"].map(size);
                    4 * n * i + 4 * n + 8 * i
                }
                Self::GatherClasses(_) => 8 * size("N"),
                // The window's tokens and the one behind them, where it begins, and its place in the order.
                Self::GatherWindows(_) => size("N") * (4 * (size("T") + 1) + 8),
                // Three numbers say how an image is moved.
                Self::Augment(_) => read(0) + 12 * size("N"),
                // As many vectors as there are tokens.
                Self::Embedding(_) => read(0) + written,
                Self::SliceOperation(_) => written,
                Self::LastStep(_) => read(1) + written,
                _ => all_read(),
            }
    }
}

fn input_bytes(inputs: &[Input], number: usize, dims: &Dims) -> u64 {
    (dims.input(number).count() * inputs[number].element.bytes()) as u64
}

fn output_bytes(outputs: &[Output], number: usize, dims: &Dims) -> u64 {
    let output = &outputs[number];
    let count = match output.dims {
        FREE => dims.output(number).count(),
        letters => dims
            .shape(letters)
            .expect("the shape was checked when the graph was built")
            .count(),
    };
    (count * output.element.bytes()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Add, Embedding, Flatten, GatherBatch, Linear, SgdUpdate};
    use crate::tensor::{ElementType, Shape};

    fn cost(op: Op, inputs: &[(&[usize], ElementType)]) -> Cost {
        let shapes: Vec<Shape> = inputs
            .iter()
            .map(|(dims, _)| Shape::new(*dims).unwrap())
            .collect();
        let pairs: Vec<(&Shape, ElementType)> =
            shapes.iter().zip(inputs).map(|(s, i)| (s, i.1)).collect();
        op.cost(&op.resolve(&pairs).expect("it fits").dims)
    }

    #[test]
    fn products_are_counted_in_64_bits_wherever_they_are_counted() {
        // The second layer of VGG16 at a batch of 64: more than 2³² operations.
        let flops = Cost::product([2, 64, 64 * 32 * 32, 64 * 9]).flops;
        assert_eq!(flops, 4_831_838_208);
        assert_eq!(Cost::product([1 << 31, 1 << 31, 1 << 31]).flops, u64::MAX);
    }

    #[test]
    fn every_tensor_moves_once() {
        use ElementType::F32;
        let linear = cost(
            Op::Linear(Linear {}),
            &[(&[3, 5], F32), (&[7, 5], F32), (&[7], F32)],
        );
        assert_eq!(linear.flops, 2 * 3 * 5 * 7);
        assert_eq!(linear.bytes, 4 * (15 + 35 + 7 + 21));
        let add = cost(Op::Add(Add {}), &[(&[4, 6], F32), (&[4, 6], F32)]);
        assert_eq!((add.flops, add.bytes), (24, 4 * 3 * 24));
        // Weights are read and written, gradients read.
        let update = Op::SgdUpdate(SgdUpdate { weight_decay: 0.0 });
        assert_eq!(
            cost(update, &[(&[64], F32), (&[64], F32)]).bytes,
            4 * 3 * 64
        );
    }

    #[test]
    fn what_is_picked_from_counts_by_what_is_picked() {
        use ElementType::{F32, U8, U32};
        let gather = Op::GatherBatch(GatherBatch { batch: 2 });
        let inputs: [(&[usize], ElementType); 5] = [
            (&[1000, 1, 4, 4], U8),
            (&[1000], U32),
            (&[128], U32),
            (&[1], F32),
            (&[1], F32),
        ];
        let written = 4 * (2 * 16) + 4 * 2;
        let read = 2 * 16 + 4 * 2 + 4 * 2 + 8;
        assert_eq!(cost(gather, &inputs).bytes, written + read);
        let embedding = Op::Embedding(Embedding {});
        let tokens = cost(embedding, &[(&[2, 3], U32), (&[500, 8], F32)]);
        assert_eq!(tokens.bytes, 4 * 6 + 2 * 4 * 48);
        let view = cost(Op::Flatten(Flatten {}), &[(&[2, 3, 4], F32)]);
        assert_eq!(view, Cost::default());
    }
}
