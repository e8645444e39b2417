//! The rows of the comparison, and which are to be how much faster than which.

use crate::tools::root;

/// Images a step, in every row.
pub const BATCH: f64 = 64.0;

/// What the command line computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Cpu,
    Gpu,
}

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// On MNIST, or one batch of its size.
    Lenet,
    /// Four 3x3 convolutions of 32-32-64-64 channels, pooling after two, 128-10; on CIFAR-10, or
    /// one batch of its size.
    SmallVgg,
    /// `lstm-mnist`: 28 rows of 28 pixels, 128 hidden units, ten classes from the last state; on MNIST, or one
    /// batch of its size.
    Lstm,
}

impl Network {
    /// As `bench/peers/steps_torch.py` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lenet => "lenet",
            Self::SmallVgg => "small-vgg",
            Self::Lstm => "lstm",
        }
    }

    /// What `glassbox bench` is told to train.
    pub fn subject(self) -> Vec<String> {
        match self {
            Self::Lenet => vec!["lenet5-mnist".into()],
            Self::Lstm => vec!["lstm-mnist".into()],
            Self::SmallVgg => {
                let layers = root().join("bench/small_vgg.json");
                let words = ["vgg-s", "--model", &layers.to_string_lossy()];
                words.map(String::from).into()
            }
        }
    }
}

/// What trains a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Glassbox's page in Chromium.
    Page,
    /// A page of `bench/peers` in the same Chromium.
    BrowserPeer,
    /// `glassbox bench` on a device, with a number of threads for the CPU.
    Native(Network, Device, u32),
    /// PyTorch on the CPU with a number of threads.
    Torch(Network, u32),
}

/// One engine on one device.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub title: &'static str,
    pub engine: Engine,
}

pub const ROWS: [Row; 23] = [
    row("page-webgpu", "this page, WebGPU", Engine::Page),
    row("jax-webgpu", "jax-js, WebGPU", Engine::BrowserPeer),
    row("tfjs-webgpu", "TensorFlow.js, WebGPU", Engine::BrowserPeer),
    row("page-cpu", "this page, CPU (Wasm)", Engine::Page),
    row("jax-wasm", "jax-js, Wasm", Engine::BrowserPeer),
    row(
        "jax-wasm-threads",
        "jax-js, Wasm with threads (cross-origin isolated)",
        Engine::BrowserPeer,
    ),
    row("tfjs-cpu", "TensorFlow.js, CPU", Engine::BrowserPeer),
    row(
        "native-cpu",
        "command line, CPU, 2 threads",
        Engine::Native(Network::Lenet, Device::Cpu, 2),
    ),
    row(
        "pytorch",
        "PyTorch, CPU, 2 threads",
        Engine::Torch(Network::Lenet, 2),
    ),
    row(
        "native-cpu-1",
        "command line, CPU, 1 thread",
        Engine::Native(Network::Lenet, Device::Cpu, 1),
    ),
    row(
        "pytorch-1",
        "PyTorch, CPU, 1 thread",
        Engine::Torch(Network::Lenet, 1),
    ),
    row(
        "native-gpu",
        "command line, GPU",
        Engine::Native(Network::Lenet, Device::Gpu, 1),
    ),
    row(
        "vgg-native-cpu",
        "command line, CPU, 2 threads, small VGG",
        Engine::Native(Network::SmallVgg, Device::Cpu, 2),
    ),
    row(
        "vgg-pytorch",
        "PyTorch, CPU, 2 threads, small VGG",
        Engine::Torch(Network::SmallVgg, 2),
    ),
    row(
        "vgg-native-gpu",
        "command line, GPU, small VGG",
        Engine::Native(Network::SmallVgg, Device::Gpu, 1),
    ),
    row("lstm-page-webgpu", "this page, WebGPU, LSTM", Engine::Page),
    row(
        "lstm-tfjs-webgpu",
        "TensorFlow.js, WebGPU, LSTM",
        Engine::BrowserPeer,
    ),
    row("lstm-page-cpu", "this page, CPU (Wasm), LSTM", Engine::Page),
    row(
        "lstm-tfjs-wasm",
        "TensorFlow.js, Wasm, LSTM",
        Engine::BrowserPeer,
    ),
    row(
        "lstm-native-cpu",
        "command line, CPU, 2 threads, LSTM",
        Engine::Native(Network::Lstm, Device::Cpu, 2),
    ),
    row(
        "lstm-pytorch",
        "PyTorch, CPU, 2 threads, LSTM",
        Engine::Torch(Network::Lstm, 2),
    ),
    row(
        "lstm-pytorch-1",
        "PyTorch, CPU, 1 thread, LSTM",
        Engine::Torch(Network::Lstm, 1),
    ),
    row(
        "lstm-native-gpu",
        "command line, GPU, LSTM",
        Engine::Native(Network::Lstm, Device::Gpu, 1),
    ),
];

const fn row(name: &'static str, title: &'static str, engine: Engine) -> Row {
    Row {
        name,
        title,
        engine,
    }
}

impl Row {
    pub fn group(&self) -> &'static str {
        match self.engine {
            Engine::Page => "page",
            Engine::Native(..) => "native",
            Engine::BrowserPeer | Engine::Torch(..) => "peers",
        }
    }

    pub fn is_own(&self) -> bool {
        self.group() != "peers"
    }
}

/// How many times as fast one row is to be as another.
pub struct Target {
    pub own: &'static str,
    pub peer: &'static str,
    /// Nothing where the comparison is only of interest.
    pub at_least: Option<f64>,
}

pub const TARGETS: [Target; 13] = [
    target("page-webgpu", "jax-webgpu", Some(2.0)),
    target("page-webgpu", "tfjs-webgpu", Some(20.0)),
    target("page-cpu", "jax-wasm", Some(10.0)),
    target("page-cpu", "jax-wasm-threads", None),
    target("page-cpu", "tfjs-cpu", None),
    target("native-cpu", "pytorch", Some(0.5)),
    target("native-cpu-1", "pytorch-1", None),
    target("page-cpu", "native-cpu-1", None),
    target("vgg-native-cpu", "vgg-pytorch", Some(0.5)),
    target("lstm-page-webgpu", "lstm-tfjs-webgpu", Some(5.0)),
    target("lstm-page-cpu", "lstm-tfjs-wasm", Some(5.0)),
    target("lstm-native-cpu", "lstm-pytorch", Some(1.0)),
    // PyTorch is not faster with two threads everywhere.
    target("lstm-native-cpu", "lstm-pytorch-1", Some(1.0)),
];

const fn target(own: &'static str, peer: &'static str, at_least: Option<f64>) -> Target {
    Target {
        own,
        peer,
        at_least,
    }
}

pub fn rows_named(names: &str) -> Result<Vec<&'static Row>, String> {
    let names: Vec<&str> = names.split(',').collect();
    for name in &names {
        let is_known = |row: &Row| row.name == *name || row.group() == *name;
        if !ROWS.iter().any(is_known) {
            let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            return Err(format!(
                "--only: expected page, native, peers or one of {}, got `{name}`",
                known.join(", ")
            ));
        }
    }
    Ok(ROWS
        .iter()
        .filter(|row| names.contains(&row.name) || names.contains(&row.group()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{ROWS, TARGETS};

    #[test]
    fn targets_name_rows() {
        for target in TARGETS {
            for name in [target.own, target.peer] {
                assert!(ROWS.iter().any(|row| row.name == name), "{name}");
            }
        }
    }
}
