//! The twins against loops written from the definitions, over random shapes: the oracle of the fast ones.

use glassbox::ops::{
    AvgPool2d, AvgPool2dBackward, Buffer, Conv2d, Conv2dBackwardBias, Conv2dBackwardInput,
    Conv2dBackwardWeight, Linear, LinearBackwardBias, LinearBackwardInput, LinearBackwardWeight,
    MaxPool2d, MaxPool2dBackward, Op, StepValues,
};
use glassbox::tensor::Tensor;
use proptest::prelude::*;

use crate::support::{
    Case, Random, Tolerance, assert_close, assert_not_close, numbers, with_one_off,
};

/// The same products of values below 1, some hundreds of them, in another order, in f64.
const F64: Tolerance = Tolerance {
    absolute: 1e-12,
    relative: 1e-12,
};

/// The same in f32, whose rounding is 6e-8 of each partial sum of up to about 200.
const F32: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 1e-5,
};

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn reals(tensor: &Tensor) -> Vec<f64> {
    tensor
        .as_f32()
        .unwrap()
        .iter()
        .map(|&value| f64::from(value))
        .collect()
}

/// Runs `op` in f64 and in f32 and compares the first output.
fn compare(op: Op, inputs: Vec<Tensor>, expected: &[f64]) {
    let case = Case {
        label: format!("{op:?}"),
        op,
        inputs,
        step: StepValues::forward(0),
        smooth: true,
    };
    let double = numbers(&case.run::<f64>().outputs[0]);
    let single = numbers(&case.run::<f32>().outputs[0]);
    assert_close(&case.label, &double, expected, F64);
    assert_close(&case.label, &single, expected, F32);
    let wrong = with_one_off(&double, double.len() / 2, 1e-2);
    assert_not_close(&case.label, &wrong, expected, F64);
    assert_not_close(&case.label, &wrong, expected, F32);
}

/// How a window slides along one side: plain numbers, plain loops.
#[derive(Clone, Copy, Debug)]
struct Slide {
    input: usize,
    kernel: usize,
    stride: usize,
    before: usize,
    after: usize,
    dilation: usize,
}

impl Slide {
    /// Where cell `k` of window `position` lies, counted from the first pixel.
    fn at(self, position: usize, k: usize) -> i64 {
        (position * self.stride + k * self.dilation) as i64 - self.before as i64
    }

    fn inside(self, position: usize, k: usize) -> Option<usize> {
        let at = self.at(position, k);
        (0..self.input as i64).contains(&at).then_some(at as usize)
    }

    /// Windows that end inside the padded image; with `ceil` also those that begin before the
    /// padding behind it.
    fn windows(self, ceil: bool) -> usize {
        let end = (self.input + self.after) as i64;
        let full = |p: &usize| self.at(*p, self.kernel - 1) < end;
        let full = (0..).take_while(full).count();
        let reaches = self.at(full, 0) < self.input as i64;
        // The window before leaves something over.
        let rest = full > 0 && self.at(full - 1, self.kernel - 1) + 1 < end;
        full + usize::from(ceil && reaches && rest)
    }
}

/// An image that the window fits, with room for some more.
fn slide(with_dilation: bool) -> impl Strategy<Value = Slide> {
    let sizes = (1usize..5, 0usize..7, 1usize..4, 0usize..4, 0usize..4);
    (sizes, 1usize..4).prop_map(move |((kernel, more, stride, before, after), dilation)| {
        let dilation = if with_dilation { dilation } else { 1 };
        let reach = dilation * (kernel - 1) + 1;
        Slide {
            input: reach.saturating_sub(before + after).max(1) + more,
            kernel,
            stride,
            before,
            after,
            dilation,
        }
    })
}

/// Sizes and attributes of a convolution.
#[derive(Clone, Copy, Debug)]
struct Convolution {
    batch: usize,
    groups: usize,
    /// Input and output channels of one group.
    of_group: [usize; 2],
    rows: Slide,
    columns: Slide,
}

impl Convolution {
    fn channels(&self) -> usize {
        self.groups * self.of_group[0]
    }

    fn out_channels(&self) -> usize {
        self.groups * self.of_group[1]
    }

    fn out_size(&self) -> [usize; 2] {
        [self.rows.windows(false), self.columns.windows(false)]
    }

    /// Calls `body(y, x, w)` with the row-major positions of every product that
    /// meets a pixel inside the image, in seven plain loops.
    fn for_each_product(&self, mut body: impl FnMut(usize, usize, usize)) {
        let [out_height, out_width] = self.out_size();
        let [inputs, outputs] = self.of_group;
        for n in 0..self.batch {
            for o in 0..self.out_channels() {
                for p in 0..out_height {
                    for q in 0..out_width {
                        for c in 0..inputs {
                            for i in 0..self.rows.kernel {
                                for j in 0..self.columns.kernel {
                                    let pixel = (self.rows.inside(p, i), self.columns.inside(q, j));
                                    let (Some(u), Some(v)) = pixel else {
                                        continue;
                                    };
                                    let channel = o / outputs * inputs + c;
                                    let y = ((n * self.out_channels() + o) * out_height + p)
                                        * out_width
                                        + q;
                                    let x = ((n * self.channels() + channel) * self.rows.input + u)
                                        * self.columns.input
                                        + v;
                                    let w = ((o * inputs + c) * self.rows.kernel + i)
                                        * self.columns.kernel
                                        + j;
                                    body(y, x, w);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Compares all four operations, on numbers from `seed`.
    fn check(&self, seed: u64) {
        let (rows, columns) = (self.rows, self.columns);
        let [p, q] = self.out_size();
        let mut random = Random::new(seed);
        let size = [rows.input, columns.input];
        let kernel = [rows.kernel, columns.kernel];
        let out_channels = self.out_channels();
        let xs = random.reals([self.batch, self.channels(), size[0], size[1]]);
        let ws = random.reals([out_channels, self.of_group[0], kernel[0], kernel[1]]);
        let b = random.reals([out_channels]);
        let dy = random.reals([self.batch, out_channels, p, q]);
        let (x, w, bias, upstream) = (reals(&xs), reals(&ws), reals(&b), reals(&dy));

        let channel = |at: usize| at / (p * q) % out_channels;
        let mut y: Vec<f64> = (0..upstream.len()).map(|at| bias[channel(at)]).collect();
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        self.for_each_product(|at_y, at_x, at_w| {
            y[at_y] += x[at_x] * w[at_w];
            dx[at_x] += upstream[at_y] * w[at_w];
            dw[at_w] += upstream[at_y] * x[at_x];
        });
        let mut db = vec![0.0; out_channels];
        for (at, value) in upstream.iter().enumerate() {
            db[channel(at)] += value;
        }

        let stride = [rows.stride, columns.stride].into();
        let padding = [rows.before, rows.after, columns.before, columns.after].into();
        let dilation = [rows.dilation, columns.dilation].into();
        let groups = self.groups;
        let op = Conv2d {
            stride,
            padding,
            dilation,
            groups,
        };
        compare(Op::Conv2d(op), vec![xs.clone(), ws.clone(), b], &y);
        let op = Conv2dBackwardInput {
            stride,
            padding,
            dilation,
            groups,
            size,
        };
        compare(Op::Conv2dBackwardInput(op), vec![ws, dy.clone()], &dx);
        let op = Conv2dBackwardWeight {
            stride,
            padding,
            dilation,
            groups,
            kernel,
        };
        compare(Op::Conv2dBackwardWeight(op), vec![xs, dy.clone()], &dw);
        compare(Op::Conv2dBackwardBias(Conv2dBackwardBias {}), vec![dy], &db);
    }
}

fn convolution() -> impl Strategy<Value = Convolution> {
    let sizes = (1usize..11, 1usize..4, 1usize..4, 1usize..4);
    (sizes, slide(true), slide(true)).prop_map(
        |((batch, groups, inputs, outputs), rows, columns)| Convolution {
            batch,
            groups,
            of_group: [inputs, outputs],
            rows,
            columns,
        },
    )
}

/// The window of a pooling: its padding is at most half of it, and every window has a pixel.
fn pooling(with_dilation: bool) -> impl Strategy<Value = (Slide, bool)> {
    (slide(with_dilation), any::<bool>()).prop_map(|(mut side, ceil)| {
        let reach = side.dilation * (side.kernel - 1) + 1;
        side.before = side.before.min(reach / 2);
        side.after = side.after.min(reach / 2);
        side.input = side.input.max(reach);
        (side, ceil)
    })
}

/// The products `a[row, k] · b[k, column]` added up, with positions given by functions.
fn product(
    [rows, depth, columns]: [usize; 3],
    a: impl Fn(usize, usize) -> f64,
    b: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let mut result = vec![0.0; rows * columns];
    for row in 0..rows {
        for column in 0..columns {
            for k in 0..depth {
                result[row * columns + column] += a(row, k) * b(k, column);
            }
        }
    }
    result
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn linear_layers_of_any_shape_are_matrix_products(
        (n, i, o) in (1usize..20, 1usize..40, 1usize..20),
        seed in 0u64..1000,
    ) {
        let mut random = Random::new(seed);
        let tensors = [random.reals([n, i]), random.reals([o, i])];
        let (b, dy) = (random.reals([o]), random.reals([n, o]));
        let [x, w] = [reals(&tensors[0]), reals(&tensors[1])];
        let (bias, upstream) = (reals(&b), reals(&dy));
        let [xs, ws] = tensors;

        let mut y = product([n, i, o], |n, k| x[n * i + k], |k, o| w[o * i + k]);
        for (at, y) in y.iter_mut().enumerate() {
            *y += bias[at % o];
        }
        compare(Op::Linear(Linear {}), vec![xs.clone(), ws.clone(), b], &y);

        let dx = product([n, o, i], |n, k| upstream[n * o + k], |k, column| w[k * i + column]);
        compare(Op::LinearBackwardInput(LinearBackwardInput {}), vec![ws, dy.clone()], &dx);

        let dw = product([o, n, i], |row, k| upstream[k * o + row], |k, column| x[k * i + column]);
        compare(Op::LinearBackwardWeight(LinearBackwardWeight {}), vec![xs, dy.clone()], &dw);

        let db = product([1, n, o], |_, _| 1.0, |k, column| upstream[k * o + column]);
        compare(Op::LinearBackwardBias(LinearBackwardBias {}), vec![dy], &db);
    }

    #[test]
    fn convolutions_of_any_shape_are_seven_loops(shape in convolution(), seed in 0u64..1000) {
        shape.check(seed);
    }

    #[test]
    fn max_pools_of_any_shape_take_the_first_largest_cell(
        (n, c) in (1usize..4, 1usize..4),
        (rows, ceil_mode) in pooling(true),
        (columns, _) in pooling(true),
        // Few distinct values make ties.
        distinct in 2usize..40,
        seed in 0u64..1000,
    ) {
        let (h, w) = (rows.input, columns.input);
        let (p, q) = (rows.windows(ceil_mode), columns.windows(ceil_mode));
        let mut random = Random::new(seed);
        let x: Vec<f32> = random.below(n * c * h * w, distinct).into_iter().map(|v| v as f32 - 3.0).collect();
        let dy = random.reals([n, c, p, q]);
        let upstream = reals(&dy);

        let (mut y, mut winners, mut dx) = (Vec::new(), Vec::new(), vec![0.0; x.len()]);
        for map in 0..n * c {
            for row in 0..p {
                for column in 0..q {
                    let cell = |k: usize| {
                        let u = rows.inside(row, k / columns.kernel)?;
                        let v = columns.inside(column, k % columns.kernel)?;
                        Some((map * h + u) * w + v)
                    };
                    let cells = || (0..rows.kernel * columns.kernel).filter_map(|k| Some((k, cell(k)?)));
                    let largest = cells().map(|(_, at)| x[at]).fold(f32::NEG_INFINITY, f32::max);
                    let (winner, at) = cells().find(|&(_, at)| x[at] == largest).unwrap();
                    dx[at] += upstream[y.len()];
                    y.push(f64::from(largest));
                    winners.push(winner as u32);
                }
            }
        }
        let (kernel, stride) = ([rows.kernel, columns.kernel].into(), [rows.stride, columns.stride].into());
        let padding = [rows.before, rows.after, columns.before, columns.after].into();
        let dilation = [rows.dilation, columns.dilation].into();
        let op = Op::MaxPool2d(MaxPool2d { kernel, stride, padding, dilation, ceil_mode });
        let xs = Tensor::f32([n, c, h, w], x).unwrap();
        let case = Case {
            label: format!("{op:?}"),
            op: op.clone(),
            inputs: vec![xs.clone()],
            step: StepValues::forward(0),
            smooth: false,
        };
        prop_assert_eq!(&case.run::<f64>().outputs[1], &Buffer::Index(winners.clone()));
        compare(op, vec![xs], &y);
        let a = Tensor::u32([n, c, p, q], winners).unwrap();
        let op = MaxPool2dBackward { kernel, stride, padding, dilation, ceil_mode, size: [h, w] };
        compare(Op::MaxPool2dBackward(op), vec![a, dy], &dx);
    }

    #[test]
    fn average_pools_of_any_shape_divide_by_the_cells_that_count(
        (n, c) in (1usize..4, 1usize..4),
        (rows, ceil_mode) in pooling(false),
        (columns, _) in pooling(false),
        count_include_pad: bool,
        seed in 0u64..1000,
    ) {
        let (h, w) = (rows.input, columns.input);
        let (p, q) = (rows.windows(ceil_mode), columns.windows(ceil_mode));
        let mut random = Random::new(seed);
        let xs = random.reals([n, c, h, w]);
        let dy = random.reals([n, c, p, q]);
        let (x, upstream) = (reals(&xs), reals(&dy));
        let counts = |side: Slide, position: usize| {
            let counted = |k: &usize| match count_include_pad {
                true => side.at(position, *k) < (side.input + side.after) as i64,
                false => side.inside(position, *k).is_some(),
            };
            (0..side.kernel).filter(counted).count() as f64
        };
        let (mut y, mut dx) = (Vec::new(), vec![0.0; x.len()]);
        for map in 0..n * c {
            for row in 0..p {
                for column in 0..q {
                    let cells = counts(rows, row) * counts(columns, column);
                    let mut total = 0.0;
                    for i in 0..rows.kernel {
                        for j in 0..columns.kernel {
                            if let (Some(u), Some(v)) = (rows.inside(row, i), columns.inside(column, j)) {
                                let at = (map * h + u) * w + v;
                                total += x[at];
                                dx[at] += upstream[y.len()] / cells;
                            }
                        }
                    }
                    y.push(total / cells);
                }
            }
        }
        let (kernel, stride) = ([rows.kernel, columns.kernel].into(), [rows.stride, columns.stride].into());
        let padding = [rows.before, rows.after, columns.before, columns.after].into();
        let op = AvgPool2d { kernel, stride, padding, ceil_mode, count_include_pad };
        compare(Op::AvgPool2d(op), vec![xs], &y);
        let op = AvgPool2dBackward { kernel, stride, padding, ceil_mode, count_include_pad, size: [h, w] };
        compare(Op::AvgPool2dBackward(op), vec![dy], &dx);
    }
}

/// Where maps are small and weights many, samples share matrix products, and the weight
/// gradient is cut by channel.
#[test]
fn convolutions_with_many_weights_are_seven_loops() {
    let side = Slide {
        input: 2,
        kernel: 3,
        stride: 1,
        before: 1,
        after: 1,
        dilation: 1,
    };
    for (batch, groups, of_group) in [(60, 1, [64, 256]), (11, 2, [48, 160]), (3, 1, [64, 130])] {
        let shape = Convolution {
            batch,
            groups,
            of_group,
            rows: side,
            columns: side,
        };
        shape.check(7);
    }
}
