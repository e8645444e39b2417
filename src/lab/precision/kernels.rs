//! Real float16 storage: the kernels of dense layers and convolutions with half the bytes, measured against those that
//! train in float32, on the same numbers in the same run.

use super::float16;
use crate::exec::gpu::{GpuDevice, GpuError, LooseCall, LooseKernels};
use crate::ops::shader;
use crate::ops::{
    Conv2d, Conv2dBackwardBias, Conv2dBackwardWeight, Dims, Io, KernelCall, Linear,
    LinearBackwardBias, LinearBackwardInput, LinearBackwardWeight, Op, Operand, Slice, SliceMut,
    StepValues, conv2d, linear,
};
use crate::tensor::{ElementType, Shape, init};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

pub use crate::ops::shader::HALF_SHADERS;

/// Milliseconds of one submit: long enough for the clock, short enough for whoever else draws.
const SUBMIT_MILLIS: f64 = 40.0;
/// Times that each kernel is measured; the median counts.
const ROUNDS: usize = 7;
const MOST_REPEATS: u32 = 4_096;

/// One kernel with float16 storage, the float32 one that it stands beside, and the tensors of both.
pub struct KernelCase {
    /// Of the float16 shader.
    pub name: &'static str,
    /// What the kernels compute, one operation for each output with the inputs that it reads.
    operations: Vec<(Op, Vec<usize>)>,
    inputs: Vec<Shape>,
    outputs: Vec<Shape>,
    /// Float32 sums between two passes, in elements.
    workspaces: Vec<usize>,
    float32: Vec<KernelCall>,
    float16: Vec<KernelCall>,
}

/// Square images, and how a square kernel slides over them.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// H and W of the input.
    pub side: usize,
    /// K and L.
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl Window {
    /// One pixel at a time, and never beyond the image.
    pub fn plain(side: usize, kernel: usize) -> Self {
        Self {
            side,
            kernel,
            stride: 1,
            padding: 0,
        }
    }

    /// P and Q of the output.
    fn out(self) -> usize {
        (self.side + 2 * self.padding - self.kernel) / self.stride + 1
    }

    fn convolution(self) -> Conv2d {
        Conv2d::new(self.stride, self.padding)
    }
}

fn shape<const N: usize>(dims: [usize; N]) -> Shape {
    Shape::from(dims)
}

fn dims_of(op: &Op, inputs: &[Shape]) -> Dims {
    let inputs: Vec<(&Shape, ElementType)> = inputs
        .iter()
        .map(|shape| (shape, ElementType::F32))
        .collect();
    op.resolve(&inputs).expect("the shapes fit").dims
}

/// The same dispatches with float16 storage.
fn halved(calls: &[KernelCall], names: &[&'static str]) -> Vec<KernelCall> {
    let calls = calls.iter().zip(names);
    calls
        .map(|(call, &name)| KernelCall {
            shader: name,
            constants: Vec::new(),
            ..call.clone()
        })
        .collect()
}

impl KernelCase {
    /// `linear`: x (N, I), w (O, I), b (O); 4 divides I.
    pub fn linear(n: usize, i: usize, o: usize) -> Self {
        let inputs = vec![shape([n, i]), shape([o, i]), shape([o])];
        let op = Op::Linear(Linear {});
        let call = linear::blocked(&dims_of(&op, &inputs), 0).expect("4 divides I");
        Self {
            name: "linear_f16",
            float16: halved(std::slice::from_ref(&call), &["linear_f16"]),
            float32: vec![call],
            operations: vec![(op, vec![0, 1, 2])],
            inputs,
            outputs: vec![shape([n, o])],
            workspaces: Vec::new(),
        }
    }

    /// `linear_backward_input`: w (O, I), dy (N, O); 4 divides I.
    pub fn linear_backward_input(n: usize, i: usize, o: usize) -> Self {
        let inputs = vec![shape([o, i]), shape([n, o])];
        let op = Op::LinearBackwardInput(LinearBackwardInput {});
        let dims = dims_of(&op, &inputs);
        let call = linear::backward_input_blocked(&dims, 0).expect("4 divides I");
        let name = "linear_backward_input_f16";
        Self::backward_input(name, op, inputs, shape([n, i]), call)
    }

    /// `conv2d_backward_input` of [`KernelCase::conv2d`]: w (O, C, K, K), dy (N, O, P, P).
    pub fn conv2d_backward_input(n: usize, c: usize, o: usize, window: Window) -> Self {
        let (Window { side, kernel, .. }, out) = (window, window.out());
        let inputs = vec![shape([o, c, kernel, kernel]), shape([n, o, out, out])];
        let forward = Op::Conv2d(window.convolution());
        let x = shape([n, c, side, side]);
        let dims = dims_of(&forward, &[x.clone(), inputs[0].clone(), shape([o])]);
        let mut steps = forward.gradient(&dims).into_iter().map(|step| step.op);
        let op = steps.find(|op| matches!(op, Op::Conv2dBackwardInput(_)));
        let op = op.expect("a convolution has a gradient by its input");
        let Op::Conv2dBackwardInput(backward) = &op else {
            unreachable!("it was just found")
        };
        let dims = dims_of(&op, &inputs);
        let call = conv2d::backward_input_blocked(backward, &dims, 0).expect("it slides alike");
        Self::backward_input("conv2d_backward_input_f16", op, inputs, x, call)
    }

    /// Inputs w and dy; the float32 kernel binds an activation's output as a third, and reads it only where there is
    /// one.
    fn backward_input(
        name: &'static str,
        op: Op,
        inputs: Vec<Shape>,
        output: Shape,
        mut call: KernelCall,
    ) -> Self {
        use Operand::{Input, Output};
        let mut float16 = halved(std::slice::from_ref(&call), &[name]);
        float16[0].operands = vec![Input(0), Input(1), Output(0)];
        call.operands = vec![Input(0), Input(1), Input(0), Output(0)];
        Self {
            name,
            float16,
            float32: vec![call],
            operations: vec![(op, vec![0, 1])],
            inputs,
            outputs: vec![output],
            workspaces: Vec::new(),
        }
    }

    /// `linear_backward_weight` and `linear_backward_bias`: x (N, I), dy (N, O); 4 divides I.
    pub fn linear_backward_parameters(n: usize, i: usize, o: usize) -> Self {
        let inputs = vec![shape([n, i]), shape([n, o])];
        let weight = Op::LinearBackwardWeight(LinearBackwardWeight {});
        let call = linear::backward_parameters(&dims_of(&weight, &inputs)).expect("4 divides I");
        let name = "linear_backward_parameters_f16";
        Self {
            name,
            float16: halved(std::slice::from_ref(&call), &[name]),
            float32: vec![call],
            operations: vec![
                (weight, vec![0, 1]),
                (Op::LinearBackwardBias(LinearBackwardBias {}), vec![1]),
            ],
            inputs,
            outputs: vec![shape([o, i]), shape([o])],
            workspaces: Vec::new(),
        }
    }

    /// `conv2d`: x (N, C, H, H), w (O, C, K, K), b (O).
    pub fn conv2d(n: usize, c: usize, o: usize, window: Window) -> Self {
        let (Window { side, kernel, .. }, out) = (window, window.out());
        let inputs = vec![
            shape([n, c, side, side]),
            shape([o, c, kernel, kernel]),
            shape([o]),
        ];
        let convolution = window.convolution();
        let op = Op::Conv2d(convolution.clone());
        let call = conv2d::blocked(&convolution, &dims_of(&op, &inputs), 0);
        let call = call.expect("it slides alike on both sides");
        Self {
            name: "conv2d_f16",
            float16: halved(std::slice::from_ref(&call), &["conv2d_f16"]),
            float32: vec![call],
            operations: vec![(op, vec![0, 1, 2])],
            inputs,
            outputs: vec![shape([n, o, out, out])],
            workspaces: Vec::new(),
        }
    }

    /// `conv2d_backward_weight` and `conv2d_backward_bias` of [`KernelCase::conv2d`]: x, dy (N, O, P, P).
    pub fn conv2d_backward_parameters(n: usize, c: usize, o: usize, window: Window) -> Self {
        let (Window { side, kernel, .. }, out) = (window, window.out());
        let inputs = vec![shape([n, c, side, side]), shape([n, o, out, out])];
        let forward = Op::Conv2d(window.convolution());
        let weight_shape = shape([o, c, kernel, kernel]);
        let dims = dims_of(
            &forward,
            &[inputs[0].clone(), weight_shape.clone(), shape([o])],
        );
        let steps = forward.gradient(&dims).into_iter().map(|step| step.op);
        let mut weight: Option<Conv2dBackwardWeight> = None;
        let mut bias: Option<Conv2dBackwardBias> = None;
        for op in steps {
            match op {
                Op::Conv2dBackwardWeight(op) => weight = Some(op),
                Op::Conv2dBackwardBias(op) => bias = Some(op),
                _ => {}
            }
        }
        let weight = weight.expect("a convolution has a gradient by its weight");
        let bias = bias.expect("a convolution has a gradient by its bias");
        let dims = dims_of(&Op::Conv2dBackwardWeight(weight.clone()), &inputs);
        let calls = conv2d::backward_parameters(&weight, &dims, true);
        let (float32, workspaces) = calls.expect("it slides alike on both sides");
        let names = [
            "conv2d_backward_parameters_f16",
            "conv2d_backward_parameters_reduce_f16",
        ];
        Self {
            name: names[0],
            float16: halved(&float32, &names),
            float32,
            operations: vec![
                (Op::Conv2dBackwardWeight(weight), vec![0, 1]),
                (Op::Conv2dBackwardBias(bias), vec![1]),
            ],
            inputs,
            outputs: vec![weight_shape, shape([o])],
            workspaces,
        }
    }

    /// The shaders with float16 storage that it runs.
    pub fn shaders(&self) -> Vec<&'static str> {
        self.float16.iter().map(|call| call.shader).collect()
    }

    /// Numbers in [−1, 1) for every input, rounded to float16.
    pub fn random_inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let inputs = (0u64..).zip(&self.inputs);
        inputs
            .map(|(stream, shape)| {
                let mut generator = init::generator(seed, stream);
                let mut values = init::uniform(&mut generator, 1.0, shape.count());
                float16::round_all(&mut values);
                values
            })
            .collect()
    }

    /// What the twins make of the inputs, in float64.
    pub fn twin(&self, inputs: &[Vec<f32>]) -> Vec<Vec<f64>> {
        let wide: Vec<Vec<f64>> = inputs
            .iter()
            .map(|values| values.iter().map(|&value| f64::from(value)).collect())
            .collect();
        let outputs = self.operations.iter().zip(&self.outputs);
        outputs
            .map(|((op, read), shape)| {
                let shapes: Vec<Shape> = read.iter().map(|&at| self.inputs[at].clone()).collect();
                let mut output = vec![f64::NAN; shape.count()];
                let mut io = Io {
                    inputs: read
                        .iter()
                        .map(|&at| Some(Slice::Real(&wide[at])))
                        .collect(),
                    outputs: vec![SliceMut::Real(&mut output)],
                    step: StepValues::forward(1),
                };
                op.twin(&dims_of(op, &shapes), &mut io);
                output
            })
            .collect()
    }

    /// Floating-point operations of one run.
    pub fn flops(&self) -> u64 {
        let operations = self.operations.iter();
        operations
            .map(|(op, read)| {
                let shapes: Vec<Shape> = read.iter().map(|&at| self.inputs[at].clone()).collect();
                op.flops(&dims_of(op, &shapes))
            })
            .sum()
    }

    /// Bytes of inputs and outputs, with so many for a number.
    fn bytes(&self, of_number: u64) -> u64 {
        let shapes = self.inputs.iter().chain(&self.outputs);
        shapes.map(|shape| of_number * shape.count() as u64).sum()
    }

    /// The sizes of the inputs, as text.
    fn sizes(&self) -> String {
        let shapes: Vec<String> = self.inputs.iter().map(ToString::to_string).collect();
        shapes.join(" · ")
    }

    /// The kernels on these inputs, in float16 or float32 storage.
    ///
    /// # Errors
    /// When the device refuses them.
    pub async fn load(
        &self,
        gpu: &GpuDevice,
        inputs: &[Vec<f32>],
        is_half: bool,
    ) -> Result<LoadedCase, GpuError> {
        let encode = |values: &[f32]| match is_half {
            true => float16::to_bytes(values),
            false => bytemuck::cast_slice(values).to_vec(),
        };
        // Outputs and workspaces start as NaN, so that an element nobody wrote is seen.
        let unwritten = |count: usize| vec![f32::NAN; count];
        let mut contents: Vec<Vec<u8>> = inputs.iter().map(|values| encode(values)).collect();
        let outputs = self.outputs.iter();
        contents.extend(outputs.map(|shape| encode(&unwritten(shape.count()))));
        let workspaces = self.workspaces.iter();
        contents.extend(workspaces.map(|&count| bytemuck::cast_slice(&unwritten(count)).to_vec()));
        let place = |operand: &Operand| match *operand {
            Operand::Input(at) => at,
            Operand::Output(at) => self.inputs.len() + at,
            Operand::Workspace(at) => self.inputs.len() + self.outputs.len() + at,
        };
        let calls = if is_half {
            &self.float16
        } else {
            &self.float32
        };
        let places: Vec<Vec<usize>> = calls
            .iter()
            .map(|call| call.operands.iter().map(place).collect())
            .collect();
        let loose: Vec<LooseCall<'_>> = calls
            .iter()
            .zip(&places)
            .map(|(call, buffers)| LooseCall {
                text: text_of(call.shader),
                call,
                buffers,
            })
            .collect();
        let kernels = LooseKernels::new(gpu, &contents, &loose).await?;
        Ok(LoadedCase {
            kernels,
            is_half,
            first_output: self.inputs.len(),
            counts: self.outputs.iter().map(Shape::count).collect(),
        })
    }
}

fn text_of(name: &str) -> &'static str {
    let half = HALF_SHADERS.iter().find(|(known, _)| *known == name);
    half.map_or_else(|| shader::source(name), |(_, text)| text)
}

/// A case's kernels on a device.
pub struct LoadedCase {
    kernels: LooseKernels,
    is_half: bool,
    first_output: usize,
    counts: Vec<usize>,
}

impl LoadedCase {
    /// Milliseconds of `times` runs in one submit.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn run(&self, times: u32) -> Result<f64, GpuError> {
        self.kernels.run(times).await
    }

    /// Outputs as they stand.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn outputs(&self) -> Result<Vec<Vec<f32>>, GpuError> {
        let mut outputs = Vec::with_capacity(self.counts.len());
        for (at, &count) in self.counts.iter().enumerate() {
            let bytes = self.kernels.read(self.first_output + at).await?;
            let mut values = match self.is_half {
                true => float16::from_bytes(&bytes),
                false => bytemuck::pod_collect_to_vec(&bytes),
            };
            values.truncate(count);
            outputs.push(values);
        }
        Ok(outputs)
    }
}

/// One kernel, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelFigures {
    /// Of the float16 shader.
    pub kernel: String,
    /// Shapes of its inputs.
    pub sizes: String,
    pub flops: u64,
    /// Of inputs and outputs, counted.
    pub float32_bytes: u64,
    pub float16_bytes: u64,
    /// Of one run: medians.
    pub float32_millis: f64,
    pub float16_millis: f64,
    /// The largest difference of an output from the float32 kernel's, over the largest output.
    pub largest_error: f64,
}

/// Whether a GPU stores float16, and what that brings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelReport {
    /// Empty where there is no GPU.
    pub adapter: String,
    pub is_software: bool,
    /// Whether its shaders have float16; without, nothing is measured.
    pub has_f16: bool,
    pub figures: Vec<KernelFigures>,
    /// What went wrong on the way.
    pub failure: Option<String>,
    /// Whether it was ended before all were measured.
    pub is_stopped: bool,
}

/// What is measured: layers like those of LeNet-5 at batch 64, and a dense layer whose weights are what moves.
fn cases() -> Vec<KernelCase> {
    let window = Window::plain(14, 5);
    vec![
        KernelCase::linear(8, 2_048, 1_024),
        KernelCase::linear_backward_input(8, 2_048, 1_024),
        KernelCase::linear_backward_parameters(8, 2_048, 1_024),
        KernelCase::conv2d(64, 6, 16, window),
        KernelCase::conv2d_backward_input(64, 6, 16, window),
        KernelCase::conv2d_backward_parameters(64, 6, 16, window),
    ]
}

/// Kernels that are being measured, one submit after the other: between two of them it can be stopped. No submit takes
/// longer than some tens of milliseconds where one run does not.
pub struct KernelBench {
    gpu: GpuDevice,
    report: KernelReport,
    cases: VecDeque<KernelCase>,
    current: Option<Current>,
}

/// A kernel in both storages.
struct Current {
    case: KernelCase,
    /// In float32 and in float16.
    both: [LoadedCase; 2],
    /// Runs of one submit.
    repeats: u32,
    stage: Stage,
    /// Milliseconds of one run, round by round.
    millis: [Vec<f64>; 2],
}

/// What the next submit is for, and of which of the two.
#[derive(Clone, Copy)]
enum Stage {
    /// The first run compiles.
    First(usize),
    /// Twice as many runs, as long as both stay short; the milliseconds that the first of the two took.
    Growing(usize, f64),
    /// In turns, so that what else the machine does meets both alike.
    Round(usize),
}

impl KernelBench {
    /// Asks for a GPU. The report is whole already where there is none, or it does not store float16.
    pub async fn begin() -> Result<Self, KernelReport> {
        let gpu = match GpuDevice::request().await {
            Ok(gpu) => gpu,
            Err(error) => {
                return Err(KernelReport {
                    failure: Some(error.to_string()),
                    ..KernelReport::default()
                });
            }
        };
        let report = KernelReport {
            adapter: gpu.name(),
            is_software: gpu.is_software(),
            has_f16: gpu.has_f16(),
            ..KernelReport::default()
        };
        if !report.has_f16 {
            return Err(report);
        }
        Ok(Self {
            gpu,
            report,
            cases: cases().into(),
            current: None,
        })
    }

    /// Does one submit; whether there is more to do.
    pub async fn piece(&mut self) -> bool {
        let name = match (&self.current, self.cases.front()) {
            (Some(current), _) => current.case.name,
            (None, Some(case)) => case.name,
            (None, None) => return false,
        };
        if let Err(error) = self.submit().await {
            self.report.failure = Some(format!("{name}: {error}"));
            return false;
        }
        self.current.is_some() || !self.cases.is_empty()
    }

    async fn submit(&mut self) -> Result<(), GpuError> {
        let Some(current) = &mut self.current else {
            if let Some(case) = self.cases.pop_front() {
                self.current = Some(Current::load(&self.gpu, case).await?);
            }
            return Ok(());
        };
        if !current.submit().await? {
            let figures = current.figures().await?;
            self.report.figures.push(figures);
            self.current = None;
        }
        Ok(())
    }

    /// What was measured so far.
    pub fn report(self) -> KernelReport {
        self.report
    }
}

impl Current {
    async fn load(gpu: &GpuDevice, case: KernelCase) -> Result<Self, GpuError> {
        let inputs = case.random_inputs(1);
        let float32 = case.load(gpu, &inputs, false).await?;
        let float16 = case.load(gpu, &inputs, true).await?;
        Ok(Self {
            case,
            both: [float32, float16],
            repeats: 1,
            stage: Stage::First(0),
            millis: [Vec::new(), Vec::new()],
        })
    }

    /// One submit of one of the two; whether more of them are needed.
    async fn submit(&mut self) -> Result<bool, GpuError> {
        self.stage = match self.stage {
            Stage::First(at) => {
                self.both[at].run(1).await?;
                match at {
                    0 => Stage::First(1),
                    _ => Stage::Growing(0, 0.0),
                }
            }
            // The slower of the two decides how many runs make one submit.
            Stage::Growing(at, before) => {
                let slower = self.both[at].run(2 * self.repeats).await?.max(before);
                if slower >= SUBMIT_MILLIS {
                    Stage::Round(0)
                } else if at == 0 {
                    Stage::Growing(1, slower)
                } else {
                    self.repeats *= 2;
                    match self.repeats < MOST_REPEATS {
                        true => Stage::Growing(0, 0.0),
                        false => Stage::Round(0),
                    }
                }
            }
            Stage::Round(at) => {
                let millis = self.both[at].run(self.repeats).await?;
                self.millis[at].push(millis / f64::from(self.repeats));
                Stage::Round(1 - at)
            }
        };
        Ok(self.millis[1].len() < ROUNDS)
    }

    async fn figures(&mut self) -> Result<KernelFigures, GpuError> {
        let [float32_millis, float16_millis] = self.millis.each_mut().map(|millis| {
            millis.sort_by(f64::total_cmp);
            millis[millis.len() / 2]
        });
        let [float32, float16] = &self.both;
        let (exact, rounded) = (float32.outputs().await?, float16.outputs().await?);
        let case = &self.case;
        Ok(KernelFigures {
            kernel: case.name.into(),
            sizes: case.sizes(),
            flops: case.flops(),
            float32_bytes: case.bytes(4),
            float16_bytes: case.bytes(2),
            float32_millis,
            float16_millis,
            largest_error: largest_error(&exact, &rounded),
        })
    }
}

/// The largest difference over the largest number; infinite where one is NaN.
fn largest_error(exact: &[Vec<f32>], rounded: &[Vec<f32>]) -> f64 {
    let pairs = exact.iter().flatten().zip(rounded.iter().flatten());
    let (mut error, mut largest) = (0.0f64, f64::MIN_POSITIVE);
    for (&exact, &rounded) in pairs {
        let difference = f64::from((rounded - exact).abs());
        error = error.max(if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        });
        largest = largest.max(f64::from(exact.abs()));
    }
    error / largest
}
