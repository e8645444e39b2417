//! One operation of the engine on a few numbers: its CPU twin in f64, called directly.
//!
//! Only the operation itself is linked, not the registry of all, so a page can afford it.

use crate::ops::{Dims, Io, Operation, Slice, SliceMut, StepValues};

/// Runs an operation whose tensors are all reals. `sizes` binds the letters that the twin reads, `lengths` are those
/// of the outputs, and `valid` rows of the batch count.
///
/// Panics where lengths and sizes do not fit together: a bug of the caller.
pub fn run<const N: usize>(
    op: &impl Operation,
    sizes: &[(&'static str, usize)],
    inputs: &[&[f64]],
    lengths: [usize; N],
    valid: u32,
) -> [Vec<f64>; N] {
    let mut dims = Dims::default();
    for &(letter, size) in sizes {
        dims.set(letter, size);
    }
    let mut outputs = lengths.map(|length| vec![f64::NAN; length]);
    let mut io = Io {
        inputs: inputs
            .iter()
            .map(|&input| Some(Slice::Real(input)))
            .collect(),
        outputs: outputs
            .iter_mut()
            .map(|output| SliceMut::Real(output))
            .collect(),
        step: StepValues::forward(valid),
    };
    op.twin::<f64>(&dims, &mut io);
    drop(io);
    outputs
}

/// An elementwise operation of one element of each input.
pub fn of_one(op: &impl Operation, inputs: &[f64]) -> f64 {
    let inputs: Vec<&[f64]> = inputs.chunks(1).collect();
    let [output] = run(op, &[("count", 1)], &inputs, [1], 1);
    output[0]
}
