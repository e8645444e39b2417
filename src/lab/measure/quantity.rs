//! What is measured of a device, each by an operation that trains.

use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, GpuExecutor};
use crate::exec::{Executor, Mode, Plan};
use crate::graph::{Graph, GraphError, ValueId};
use crate::lab::LabError;
use crate::ops::{AddBackward, Conv2d, Linear, Op, Relu};
use crate::session::SessionError;
use crate::tensor::{ElementType, Shape, Values};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Gpu,
    Cpu,
}

impl Place {
    /// `gpu`, `cpu`
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// From handing over a submit without any work to knowing that it is done. GPU alone.
    Submit,
    /// One of many dispatches in a submit, of `relu` on 64 elements; on the CPU one of many such nodes.
    Dispatch,
    /// `add_backward`, which copies a tensor; the size is the tensor's bytes.
    Copy,
    /// `linear` with N = I = O; the size is that.
    Product,
    /// `conv2d` of 3 by 3 on 16 images of 16 by 16; the size is the channels, in and out.
    Convolution,
}

/// Elements of the smallest operation: one workgroup.
const TINY: usize = 64;
/// Images of a convolution, and their height and width.
const IMAGES: usize = 16;
const SIDE: usize = 16;

impl Quantity {
    /// What is measured, in this order: small sizes come before larger ones of the same kind, whose time they tell.
    pub const ALL: [(Self, u64); 13] = [
        (Self::Submit, 0),
        (Self::Dispatch, TINY as u64),
        (Self::Copy, 256 << 10),
        (Self::Copy, 4 << 20),
        (Self::Copy, 64 << 20),
        (Self::Product, 64),
        (Self::Product, 128),
        (Self::Product, 256),
        (Self::Product, 512),
        (Self::Product, 1024),
        (Self::Product, 2048),
        (Self::Convolution, 16),
        (Self::Convolution, 64),
    ];

    /// What is measured of an executor. On the CPU, whose memory a browser counts as the page's own, the largest copy is
    /// half as large: still more than the caches of most.
    pub fn of(place: Place) -> impl Iterator<Item = (Self, u64)> {
        let all = Self::ALL.into_iter();
        all.filter_map(move |(quantity, size)| match (place, quantity) {
            (Place::Cpu, Self::Submit) => None,
            (Place::Cpu, Self::Copy) => Some((quantity, size.min(32 << 20))),
            _ => Some((quantity, size)),
        })
    }

    /// `copy`, as in the command line's lines and the page's names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Dispatch => "dispatch",
            Self::Copy => "copy",
            Self::Product => "product",
            Self::Convolution => "convolution",
        }
    }

    /// `copy-4m`, `product-1024`, `dispatch`: its name, with the size where there are several.
    pub fn label(self, size: u64) -> String {
        let name = self.name();
        match self {
            Self::Submit | Self::Dispatch => name.into(),
            Self::Copy if size < 1 << 20 => format!("{name}-{}k", size >> 10),
            Self::Copy => format!("{name}-{}m", size >> 20),
            Self::Product | Self::Convolution => format!("{name}-{size}"),
        }
    }

    /// Of what [`Quantity::figure`] gives.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Submit | Self::Dispatch => "µs",
            Self::Copy => "GB/s",
            Self::Product | Self::Convolution => "GFLOP/s",
        }
    }

    /// Floating-point operations of one run.
    pub fn flops(self, size: u64) -> f64 {
        match self {
            Self::Product => 2.0 * (size as f64).powi(3),
            Self::Convolution => {
                let (channels, images) = (size as f64, IMAGES as f64);
                2.0 * images * (SIDE * SIDE) as f64 * channels * channels * 9.0
            }
            _ => 0.0,
        }
    }

    /// The figure, from the milliseconds of one run: microseconds, gigabytes a second (10⁹ bytes, read and written
    /// both counted), or 10⁹ floating-point operations a second.
    pub fn figure(self, size: u64, millis: f64) -> f64 {
        match self {
            Self::Submit | Self::Dispatch => millis * 1e3,
            Self::Copy => 2.0 * size as f64 / millis / 1e6,
            Self::Product | Self::Convolution => self.flops(size) / millis / 1e6,
        }
    }

    /// How many times as much work as at another size of the same kind.
    pub fn growth(self, from: u64, to: u64) -> f64 {
        match self {
            Self::Copy => to as f64 / from as f64,
            Self::Product | Self::Convolution => self.flops(to) / self.flops(from),
            Self::Submit | Self::Dispatch => 1.0,
        }
    }

    /// A graph of the operation alone, and what it reads.
    fn graph(self, size: u64) -> Result<(Graph, Vec<ValueId>, ValueId), GraphError> {
        let mut graph = Graph::default();
        let size = size as usize;
        let mut input = |name: &str, dims: &[usize]| {
            let shape = Shape::new(dims).expect("the sizes are small");
            graph.input(name, shape, ElementType::F32)
        };
        let (op, inputs) = match self {
            Self::Submit | Self::Dispatch => (Op::Relu(Relu {}), vec![input("x", &[TINY])]),
            Self::Copy => {
                let dy = input("dy", &[size / 4]);
                (Op::AddBackward(AddBackward {}), vec![dy])
            }
            Self::Product => {
                let inputs = vec![
                    input("x", &[size, size]),
                    input("w", &[size, size]),
                    input("b", &[size]),
                ];
                (Op::Linear(Linear {}), inputs)
            }
            Self::Convolution => {
                let inputs = vec![
                    input("x", &[IMAGES, size, SIDE, SIDE]),
                    input("w", &[size, size, 3, 3]),
                    input("b", &[size]),
                ];
                (Op::Conv2d(Conv2d::new(1, 1)), inputs)
            }
        };
        let output = graph.apply(op, self.name(), &inputs)?[0];
        Ok((graph, inputs, output))
    }

    /// The operation as the plan of a training step runs it, on numbers between 0 and 1; without a GPU on the CPU.
    ///
    /// # Errors
    /// When the GPU is out of memory or refuses a shader.
    pub async fn executor(self, size: u64, gpu: Option<&GpuDevice>) -> Result<Executor, LabError> {
        let (graph, inputs, output) = self
            .graph(size)
            .map_err(|error| SessionError::from(crate::layers::ModelError::from(error)))?;
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &[output]));
        let graph = Arc::new(graph);
        let mut executor = executor(&graph, &plan, gpu).await?;
        for input in inputs {
            let count = graph.value(input).shape.count();
            let values = (0..count).map(|at| (at % 251) as f32 / 251.0).collect();
            executor.give(input, Values::F32(values));
        }
        Ok(executor)
    }
}

/// Bytes that executors on the CPU may have together: in a browser all of a page's memory is at most 4 GiB.
const MOST_BYTES: u64 = if cfg!(target_pointer_width = "32") {
    2 << 30
} else {
    64 << 30
};

/// That executors of so many bytes together can be had on the CPU, where running out of memory ends the program.
///
/// # Errors
/// When they cannot.
pub fn check_bytes(bytes: u64) -> Result<(), LabError> {
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let most = MOST_BYTES;
    Err(LabError::TooLarge { bytes, most })
}

/// An executor of a plan: on the GPU with its clock where it has one.
///
/// # Errors
/// When it would be too large for the CPU, or the GPU is out of memory or refuses a shader.
pub async fn executor(
    graph: &Arc<Graph>,
    plan: &Arc<Plan>,
    gpu: Option<&GpuDevice>,
) -> Result<Executor, LabError> {
    let (graph, plan) = (Arc::clone(graph), Arc::clone(plan));
    let Some(device) = gpu else {
        check_bytes(plan.bytes())?;
        return Ok(Executor::Cpu(Box::new(CpuExecutor::new(graph, plan))));
    };
    let mut made = GpuExecutor::new(device, graph, plan, None, &mut |_, _| {}).await?;
    made.measure_times().await?;
    Ok(Executor::Gpu(Box::new(made)))
}
