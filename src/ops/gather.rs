//! Gathering a batch from the data set that lives on the device: images as bytes, tables as f32 rows.

use super::{
    Cost, Dims, Input, Io, KernelCall, Operand, Operation, Output, index_input, input,
    linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Position, element, index, indices, less, lookup, number, size,
};
use crate::tensor::{ElementType, Real};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `GatherParams` of the shader.
    GatherParams { batch: u32, channels: u32, pixels: u32, row_length: u32 }
}

/// `x[n, c, h, w] = (bytes[order[first + n], c, h, w] / 255 − mean[c]) / deviation[c]` and
/// `t[n] = classes[order[first + n]]`; rows from `B` (the valid samples) on are 0.
///
/// bytes (M, C, H, W) u8, classes (M) and order (R) u32, mean and deviation (C).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatherBatch {
    /// N, the batch's capacity.
    pub batch: usize,
}

/// That a batch has room for a sample.
pub(super) fn derive_batch(batch: usize, dims: &mut Dims) -> Result<(), String> {
    if batch == 0 {
        return Err("expected a batch of at least 1, got 0".into());
    }
    dims.set("N", batch);
    Ok(())
}

impl Operation for GatherBatch {
    const NAME: &'static str = "gather_batch";

    fn inputs(&self) -> Vec<Input> {
        let bytes = Input {
            name: "bytes",
            dims: &["M", "C", "H", "W"],
            element: ElementType::U8,
            below: None,
            or: None,
        };
        vec![
            bytes,
            index_input("classes", &["M"]),
            index_input("order", &["R"]).below("M"),
            input("mean", &["C"]),
            input("deviation", &["C"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("x", &["N", "C", "H", "W"]),
            output("t", &["N"]).element(ElementType::U32),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_batch(self.batch, dims)
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, h, w] = indices(["n", "c", "h", "w"]);
        let sample = lookup("order", [size("first") + n.clone()]);
        let valid = || less(index("n"), size("B"));
        let byte = element("bytes", [sample.clone(), c.clone(), h, w]);
        let standard =
            (byte / number(255.0) - element("mean", [c.clone()])) / element("deviation", [c]);
        let class = Expression::Value(Position::Lookup {
            tensor: "classes",
            indices: vec![sample],
        });
        vec![
            (valid() * standard).defines("x", [("n", "N"), ("c", "C"), ("h", "H"), ("w", "W")]),
            (valid() * class).defines("t", [("n", "N")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        Cost::new(3 * n * c * h * w)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [c, h, w] = dims.all(["C", "H", "W"]);
        let (valid, first) = (io.valid(), io.step.first as usize);
        let bytes = io.byte_input(0);
        let (classes, order) = (io.index_input(1), io.index_input(2));
        let (mean, deviation) = (io.input(3), io.input(4));
        let (x, t) = io.two_outputs(0, 1);
        x.real().fill(T::ZERO);
        t.index().fill(0);
        let samples = x
            .real()
            .chunks_exact_mut(c * h * w)
            .zip(t.index())
            .take(valid);
        for ((x, t), &sample) in samples.zip(&order[first..]) {
            let sample = sample as usize;
            *t = classes[sample];
            let image = &bytes[sample * c * h * w..(sample + 1) * c * h * w];
            for (channel, (x, image)) in x
                .chunks_exact_mut(h * w)
                .zip(image.chunks_exact(h * w))
                .enumerate()
            {
                for (x, &byte) in x.iter_mut().zip(image) {
                    let unit = T::from_f64(f64::from(byte)) / T::from_f64(255.0);
                    *x = (unit - mean[channel]) / deviation[channel];
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
            params: GatherParams {
                batch: n as u32,
                channels: c as u32,
                pixels: (h * w) as u32,
                row_length,
            }
            .params(),
            operands: vec![
                Input(0),
                Input(1),
                Input(2),
                Input(3),
                Input(4),
                Output(0),
                Output(1),
            ],
            workgroups,
        }]
    }
}

params! {
    /// Mirrors `GatherRowsParams` of the shader.
    GatherRowsParams { batch: u32, features: u32, row_length: u32, padding: u32 }
}

/// `x[n, i] = (rows[order[first + n], i] − mean[i]) / deviation[i]`; rows from `B` (the valid samples) on are 0.
///
/// rows (M, I), order (R) u32, mean and deviation (I): a batch of a table's features, or of its targets
/// with mean 0 and deviation 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatherRows {
    /// N, the batch's capacity.
    pub batch: usize,
}

impl Operation for GatherRows {
    const NAME: &'static str = "gather_rows";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("rows", &["M", "I"]),
            index_input("order", &["R"]).below("M"),
            input("mean", &["I"]),
            input("deviation", &["I"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("x", &["N", "I"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_batch(self.batch, dims)
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, i] = indices(["n", "i"]);
        let sample = lookup("order", [size("first") + n.clone()]);
        let standard = (element("rows", [sample, i.clone()]) - element("mean", [i.clone()]))
            / element("deviation", [i]);
        vec![(less(n, size("B")) * standard).defines("x", [("n", "N"), ("i", "I")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, i] = dims.all(["N", "I"]);
        Cost::new(2 * n * i)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let features = dims.get("I");
        let (valid, first) = (io.valid(), io.step.first as usize);
        let (rows, order) = (io.input(0), io.index_input(1));
        let (mean, deviation) = (io.input(2), io.input(3));
        let x = io.output(0);
        x.fill(T::ZERO);
        for (x, &sample) in x
            .chunks_exact_mut(features)
            .take(valid)
            .zip(&order[first..])
        {
            let row = &rows[sample as usize * features..][..features];
            for (i, x) in x.iter_mut().enumerate() {
                *x = (row[i] - mean[i]) / deviation[i];
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, i] = dims.all(["N", "I"]);
        let (workgroups, row_length) = linear_workgroups(n * i, super::kernel::WORKGROUP_SIZE);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: GatherRowsParams {
                batch: n as u32,
                features: i as u32,
                row_length,
                padding: 0,
            }
            .params(),
            operands: vec![Input(0), Input(1), Input(2), Input(3), Output(0)],
            workgroups,
        }]
    }
}

params! {
    /// Mirrors `GatherClassesParams` of the shader.
    GatherClassesParams { batch: u32, row_length: u32, padding_1: u32, padding_2: u32 }
}

/// `t[n] = classes[order[first + n]]`; rows from `B` (the valid samples) on are 0.
///
/// classes (M) and order (R) u32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatherClasses {
    /// N, the batch's capacity.
    pub batch: usize,
}

impl Operation for GatherClasses {
    const NAME: &'static str = "gather_classes";

    fn inputs(&self) -> Vec<Input> {
        vec![
            index_input("classes", &["M"]),
            index_input("order", &["R"]).below("M"),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("t", &["N"]).element(ElementType::U32)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_batch(self.batch, dims)
    }

    fn equations(&self) -> Vec<Equation> {
        let class = Expression::Value(lookup(
            "classes",
            [lookup("order", [size("first") + index("n")])],
        ));
        vec![(less(index("n"), size("B")) * class).defines("t", [("n", "N")])]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (valid, first) = (io.valid(), io.step.first as usize);
        let (classes, order) = (io.index_input(0), io.index_input(1));
        let t = io.index_output(0);
        t.fill(0);
        for (t, &sample) in t.iter_mut().take(valid).zip(&order[first..]) {
            *t = classes[sample as usize];
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let n = dims.get("N");
        let (workgroups, row_length) = linear_workgroups(n, super::kernel::WORKGROUP_SIZE);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: GatherClassesParams {
                batch: n as u32,
                row_length,
                padding_1: 0,
                padding_2: 0,
            }
            .params(),
            operands: vec![Input(0), Input(1), Output(0)],
            workgroups,
        }]
    }
}
