//! `glassbox check`

use super::CliError;
use super::arguments::CheckArguments;
use super::driver::find_preset;
use super::lines::{Line, print};
use super::subject::Subject;
use crate::exec::gpu::GpuDevice;
use crate::session::DevicePreference;
use crate::train::check::{self, NodeReport};
use pollster::block_on;

pub fn run(arguments: &CheckArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let spec = arguments.model.spec()?;
    let Subject { model, given, step } = Subject::new(
        preset,
        &arguments.table,
        spec.as_ref(),
        arguments.batch,
        arguments.seed,
    )?;
    let gpu = match arguments.device {
        DevicePreference::Gpu => Some(block_on(GpuDevice::request())?),
        DevicePreference::Auto | DevicePreference::Cpu => None,
    };
    let mut printed = Ok(());
    let mut on_node = |node: &NodeReport| {
        if printed.is_ok() {
            printed = print_node(node, arguments.json);
        }
    };
    let subject = check::Subject {
        model: &model,
        given: &given,
        step,
        negated: None,
    };
    let report = block_on(check::check(&subject, gpu.as_ref(), &mut on_node))?;
    printed?;
    if let Some(mismatch) = &report.mismatch {
        return Err(CliError::Check(mismatch.to_string()));
    }
    let elements = report.nodes.iter().map(|node| node.elements).sum();
    let adapter = gpu.map_or_else(|| "CPU".into(), |gpu| gpu.name());
    if arguments.json {
        return Line::Checked {
            preset: preset.id,
            device: arguments.device.name(),
            adapter: &adapter,
            comparisons: report.nodes.len(),
            elements,
            kinks: report.kinks(),
        }
        .print();
    }
    print(&format!(
        "{}: {} comparisons of {elements} elements agree on {adapter}; {} elements lie on kinks \
         and were left out",
        preset.id,
        report.nodes.len(),
        report.kinks()
    ))
}

fn print_node(node: &NodeReport, json: bool) -> Result<(), CliError> {
    if json {
        return Line::Node {
            name: &node.name,
            operation: node.operation,
            method: node.method.name(),
            elements: node.elements,
            kinks: node.kinks,
            largest_error: node.largest_error.into(),
            tolerance: node.method.tolerance().into(),
        }
        .print();
    }
    let kinks = match node.kinks {
        0 => String::new(),
        kinks => format!(", {kinks} on kinks left out"),
    };
    print(&format!(
        "{:<24} {:<32} {:<18} error {:.1e} of {} elements{kinks}",
        node.name,
        node.operation,
        node.method.name(),
        node.largest_error,
        node.elements
    ))
}
