//! `glassbox step`: one training batch, operation by operation, every value kept.

use super::CliError;
use super::arguments::StepArguments;
use super::driver::find_preset;
use super::lines::{Line, Number, Statistics, Tensor, print};
use super::subject::Subject;
use crate::equation::render::latex;
use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, GpuExecutor};
use crate::exec::{Executor, Mode, Plan};
use crate::graph::{Graph, Node};
use crate::session::DevicePreference;
use crate::tensor::Values;
use pollster::block_on;
use std::sync::Arc;

pub fn run(arguments: &StepArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let spec = arguments.model.spec()?;
    let Subject { model, given, step } = Subject::new(
        preset,
        &arguments.table,
        spec.as_ref(),
        arguments.batch,
        arguments.seed,
    )?;
    let graph = Arc::new(model.graph);
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut executor = make_executor(arguments.device, &graph, &plan)?;
    for (value, values) in &given {
        executor.write(*value, values);
    }
    for (number, group) in plan.groups.iter().enumerate() {
        executor.run(number..number + 1, &step);
        let node = graph.node(group.nodes[0]);
        let outputs = block_on(executor.read_many(&node.outputs))?;
        let line = describe(&graph, node, &outputs, arguments.values);
        if arguments.json {
            line.print()?;
        } else {
            print_operation(&line)?;
        }
    }
    Ok(())
}

fn make_executor(
    device: DevicePreference,
    graph: &Arc<Graph>,
    plan: &Arc<Plan>,
) -> Result<Executor, CliError> {
    let (graph, plan) = (Arc::clone(graph), Arc::clone(plan));
    Ok(match device {
        DevicePreference::Gpu => {
            let gpu = block_on(GpuDevice::request())?;
            let mut quiet = |_, _| {};
            let executor = GpuExecutor::new(&gpu, graph, plan, None, &mut quiet);
            Executor::Gpu(Box::new(block_on(executor)?))
        }
        DevicePreference::Auto | DevicePreference::Cpu => {
            Executor::Cpu(Box::new(CpuExecutor::new(graph, plan)))
        }
    })
}

/// A node with what it has computed.
fn describe<'a>(
    graph: &'a Graph,
    node: &'a Node,
    outputs: &[Values],
    most_values: usize,
) -> Line<'a> {
    let tensor = |symbol: &'static str, id| {
        let value = graph.value(id);
        Tensor {
            symbol,
            name: &value.name,
            shape: value.shape.dims(),
            statistics: None,
            values: Vec::new(),
        }
    };
    let (inputs, declared) = (node.op.inputs(), node.op.outputs());
    let inputs = inputs.iter().zip(&node.inputs);
    let results = declared.iter().zip(&node.outputs).zip(outputs);
    Line::Operation {
        node: &node.name,
        operation: node.op.name(),
        phase: node.phase.name(),
        inputs: inputs.map(|(input, &id)| tensor(input.name, id)).collect(),
        outputs: results
            .map(|((output, &id), values)| Tensor {
                statistics: Some(statistics(values)),
                values: first_values(values, most_values),
                ..tensor(output.name, id)
            })
            .collect(),
        equations: node.op.equations(&node.dims).iter().map(latex).collect(),
    }
}

fn first_values(values: &Values, most: usize) -> Vec<Number> {
    match values {
        Values::F32(values) => values.iter().take(most).map(|&v| v.into()).collect(),
        other => (0..other.len().min(most))
            .filter_map(|at| other.number(at).map(Number::from))
            .collect(),
    }
}

/// Infinite and NaN elements show in all of them.
fn statistics(values: &Values) -> Statistics {
    let numbers: Vec<f64> = (0..values.len())
        .filter_map(|at| values.number(at))
        .collect();
    let count = numbers.len().max(1) as f64;
    let fold = |choose: fn(f64, f64) -> bool| {
        let mut numbers = numbers.iter().copied();
        let first = numbers.next().unwrap_or(0.0);
        // NaN wins every comparison, so that it is not lost.
        numbers.fold(first, |best, number| {
            if number.is_nan() || choose(number, best) {
                number
            } else {
                best
            }
        })
    };
    let zeros = numbers.iter().filter(|number| **number == 0.0).count();
    Statistics {
        min: fold(|number, best| number < best).into(),
        max: fold(|number, best| number > best).into(),
        mean: (numbers.iter().sum::<f64>() / count).into(),
        zeros: (zeros as f64 / count).into(),
        norm: numbers.iter().map(|x| x * x).sum::<f64>().sqrt().into(),
    }
}

fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}

fn print_operation(line: &Line<'_>) -> Result<(), CliError> {
    let Line::Operation {
        node,
        operation,
        phase,
        inputs,
        outputs,
        equations,
    } = line
    else {
        unreachable!("only operations are walked through")
    };
    print(&format!("{phase:<8} {node}: {operation}"))?;
    for input in inputs {
        let shape = shape_text(input.shape);
        print(&format!("    {} = {} {shape}", input.symbol, input.name))?;
    }
    for (output, equation) in outputs.iter().zip(equations) {
        print(&format!("  {equation}"))?;
        let shape = shape_text(output.shape);
        print(&format!("    {} = {} {shape}", output.symbol, output.name))?;
        if let Some(of) = &output.statistics {
            print(&format!(
                "    min {:.6} max {:.6} mean {:.6} zeros {:.1} % norm {:.6}",
                of.min.get(),
                of.max.get(),
                of.mean.get(),
                100.0 * of.zeros.get(),
                of.norm.get()
            ))?;
        }
        let values: Vec<String> = output
            .values
            .iter()
            .map(|value| format!("{:.6}", value.get()))
            .collect();
        let more = output.shape.iter().product::<usize>() > values.len();
        let more = if more { ", …" } else { "" };
        print(&format!("    [{}{more}]", values.join(", ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_known_values() {
        let found = statistics(&Values::F32(vec![3.0, 0.0, -4.0, 0.0]));
        assert_eq!(found.min.get(), -4.0);
        assert_eq!(found.max.get(), 3.0);
        assert_eq!(found.mean.get(), -0.25);
        assert_eq!(found.zeros.get(), 0.5);
        assert_eq!(found.norm.get(), 5.0);
    }

    #[test]
    fn nan_shows_in_every_statistic_but_the_zeros() {
        for values in [[f32::NAN, 1.0], [1.0, f32::NAN]] {
            let found = statistics(&Values::F32(values.to_vec()));
            for number in [found.min, found.max, found.mean, found.norm] {
                assert!(number.get().is_nan());
            }
        }
    }
}
