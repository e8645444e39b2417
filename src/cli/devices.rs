//! `glassbox devices`

use super::CliError;
use super::arguments::ListArguments;
use super::lines::{Line, print};
use crate::exec::gpu::adapters;
use pollster::block_on;
use std::collections::BTreeMap;

pub fn run(arguments: &ListArguments) -> Result<(), CliError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for adapter in &block_on(adapters()) {
        if arguments.json {
            Line::Device {
                device: "gpu",
                adapter: &adapter.name,
                backend: &adapter.backend,
                driver: &adapter.driver,
                is_software: adapter.is_software,
                features: adapter.features.clone(),
                limits: adapter.limits.iter().copied().collect(),
            }
            .print()?;
        } else {
            let software = if adapter.is_software {
                ", software: `auto` takes the CPU instead"
            } else {
                ""
            };
            print(&format!(
                "gpu  {} ({}, {}{software})",
                adapter.name, adapter.backend, adapter.driver
            ))?;
        }
    }
    if arguments.json {
        return Line::Device {
            device: "cpu",
            adapter: "CPU",
            backend: "CPU",
            driver: "",
            is_software: false,
            features: Vec::new(),
            limits: BTreeMap::from([("threads", threads as u64)]),
        }
        .print();
    }
    print(&format!("cpu  {threads} threads"))
}
