//! The twins against loops written from the definitions, over random shapes: the oracle of the fast ones.

use glassbox::ops::{
    Buffer, Conv2d, Conv2dBackwardBias, Conv2dBackwardInput, Conv2dBackwardWeight, Linear,
    LinearBackwardBias, LinearBackwardInput, LinearBackwardWeight, MaxPool2d, MaxPool2dBackward,
    Op, StepValues,
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

/// Sizes and attributes of a convolution.
#[derive(Clone, Copy, Debug)]
struct Convolution {
    batch: usize,
    channels: usize,
    height: usize,
    width: usize,
    out_channels: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
}

impl Convolution {
    fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel[0]) / self.stride + 1
    }

    fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel[1]) / self.stride + 1
    }

    /// Calls `body(y, x, w)` with the row-major positions of every product that
    /// meets a pixel inside the image, in seven plain loops.
    fn for_each_product(&self, mut body: impl FnMut(usize, usize, usize)) {
        let [kernel_height, kernel_width] = self.kernel;
        for n in 0..self.batch {
            for o in 0..self.out_channels {
                for p in 0..self.out_height() {
                    for q in 0..self.out_width() {
                        for c in 0..self.channels {
                            for i in 0..kernel_height {
                                for j in 0..kernel_width {
                                    let u = (self.stride * p + i) as i64 - self.padding as i64;
                                    let v = (self.stride * q + j) as i64 - self.padding as i64;
                                    let inside = (0..self.height as i64).contains(&u)
                                        && (0..self.width as i64).contains(&v);
                                    if !inside {
                                        continue;
                                    }
                                    let (u, v) = (u as usize, v as usize);
                                    let y = ((n * self.out_channels + o) * self.out_height() + p)
                                        * self.out_width()
                                        + q;
                                    let x = ((n * self.channels + c) * self.height + u)
                                        * self.width
                                        + v;
                                    let w = ((o * self.channels + c) * kernel_height + i)
                                        * kernel_width
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
}

fn convolution() -> impl Strategy<Value = Convolution> {
    let sizes = (1usize..11, 1usize..4, 1usize..4);
    let kernel = (1usize..5, 1usize..5);
    let more = (0usize..7, 0usize..7);
    let attributes = (1usize..4, 0usize..4);
    (sizes, kernel, more, attributes).prop_map(|(sizes, kernel, more, (stride, padding))| {
        let (batch, channels, out_channels) = sizes;
        // The smallest image that the kernel fits with its padding, and some more.
        let side = |kernel: usize, more: usize| kernel.saturating_sub(2 * padding).max(1) + more;
        Convolution {
            batch,
            channels,
            height: side(kernel.0, more.0),
            width: side(kernel.1, more.1),
            out_channels,
            kernel: [kernel.0, kernel.1],
            stride,
            padding,
        }
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
        let Convolution { batch, channels, height, width, out_channels, kernel, stride, padding } = shape;
        let (p, q) = (shape.out_height(), shape.out_width());
        let mut random = Random::new(seed);
        let xs = random.reals([batch, channels, height, width]);
        let ws = random.reals([out_channels, channels, kernel[0], kernel[1]]);
        let b = random.reals([out_channels]);
        let dy = random.reals([batch, out_channels, p, q]);
        let (x, w, bias, upstream) = (reals(&xs), reals(&ws), reals(&b), reals(&dy));

        let mut y: Vec<f64> = (0..upstream.len()).map(|at| bias[at / (p * q) % out_channels]).collect();
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        shape.for_each_product(|at_y, at_x, at_w| {
            y[at_y] += x[at_x] * w[at_w];
            dx[at_x] += upstream[at_y] * w[at_w];
            dw[at_w] += upstream[at_y] * x[at_x];
        });
        let mut db = vec![0.0; out_channels];
        for (at, value) in upstream.iter().enumerate() {
            db[at / (p * q) % out_channels] += value;
        }

        compare(Op::Conv2d(Conv2d { stride, padding }), vec![xs.clone(), ws.clone(), b], &y);
        let op = Conv2dBackwardInput { stride, padding, size: [height, width] };
        compare(Op::Conv2dBackwardInput(op), vec![ws, dy.clone()], &dx);
        let op = Conv2dBackwardWeight { stride, padding, kernel };
        compare(Op::Conv2dBackwardWeight(op), vec![xs, dy.clone()], &dw);
        compare(Op::Conv2dBackwardBias(Conv2dBackwardBias {}), vec![dy], &db);
    }

    #[test]
    fn max_pools_of_any_shape_take_the_first_largest_cell(
        (n, c) in (1usize..4, 1usize..4),
        kernel in 1usize..5,
        (more_height, more_width) in (0usize..8, 0usize..8),
        stride in 1usize..4,
        // Few distinct values make ties.
        distinct in 2usize..40,
        seed in 0u64..1000,
    ) {
        let (h, w) = (kernel + more_height, kernel + more_width);
        let (p, q) = ((h - kernel) / stride + 1, (w - kernel) / stride + 1);
        let mut random = Random::new(seed);
        let x: Vec<f32> = random.below(n * c * h * w, distinct).into_iter().map(|v| v as f32 - 3.0).collect();
        let dy = random.reals([n, c, p, q]);
        let upstream = reals(&dy);

        let (mut y, mut winners, mut dx) = (Vec::new(), Vec::new(), vec![0.0; x.len()]);
        for map in 0..n * c {
            for row in 0..p {
                for column in 0..q {
                    let cell = |k: usize| map * h * w + (row * stride + k / kernel) * w + column * stride + k % kernel;
                    let largest = (0..kernel * kernel).map(|k| x[cell(k)]).fold(f32::NEG_INFINITY, f32::max);
                    let winner = (0..kernel * kernel).find(|&k| x[cell(k)] == largest).unwrap();
                    dx[cell(winner)] += upstream[y.len()];
                    y.push(f64::from(largest));
                    winners.push(winner as u32);
                }
            }
        }
        let op = Op::MaxPool2d(MaxPool2d { kernel, stride });
        let xs = Tensor::f32([n, c, h, w], x).unwrap();
        let case = Case {
            label: "max_pool2d".into(),
            op: op.clone(),
            inputs: vec![xs.clone()],
            step: StepValues::forward(0),
            smooth: false,
        };
        prop_assert_eq!(&case.run::<f64>().outputs[1], &Buffer::Index(winners.clone()));
        compare(op, vec![xs], &y);
        let a = Tensor::u32([n, c, p, q], winners).unwrap();
        let op = MaxPool2dBackward { kernel, stride, size: [h, w] };
        compare(Op::MaxPool2dBackward(op), vec![a, dy], &dx);
    }
}
