//! `glassbox summary`: the layers of a network, their parameters, work and memory.

use super::CliError;
use super::arguments::SummaryArguments;
use super::driver::find_preset;
use super::lines::{Line, MemoryBytes, print};
use super::subject::Subject;
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, Source, ValueId};
use crate::layers::{LayerSummary, summarize};

pub fn run(arguments: &SummaryArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let spec = arguments.model.spec()?;
    let batch = arguments.batch.unwrap_or(preset.defaults.batch);
    let model = Subject::new(preset, &arguments.table, spec.as_ref(), batch, 1)?.model;
    let mut keep = vec![model.loss, model.loss_of_row];
    keep.extend(model.correct);
    keep.push(model.told());
    let plan = Plan::new(&model.graph, Mode::Train, &keep);
    let memory = memory(&model.graph, &plan);
    let layers = summarize(&model);
    let flops: u64 = layers.iter().map(|layer| layer.flops).sum();
    let input_shape = model.graph.value(model.input).shape.dims()[1..].to_vec();
    if arguments.json {
        for layer in &layers {
            Line::Layer {
                name: &layer.name,
                operation: &layer.operation,
                inputs: &layer.inputs,
                output_shape: &layer.output_shape,
                parameters: layer.parameters,
                flops: layer.flops,
            }
            .print()?;
        }
        return Line::Summary {
            preset: preset.id,
            batch: model.batch,
            input_shape,
            parameters: model.parameter_count(),
            flops,
            bytes: memory,
        }
        .print();
    }
    print_table(&layers, &input_shape)?;
    print(&format!(
        "{} parameters; {} FLOPs a sample forward (a multiply-add is two)",
        grouped(model.parameter_count()),
        grouped(flops)
    ))?;
    print(&format!(
        "training with {} in batches of {}: {} bytes of parameters, {} of gradients, {} of the \
         optimizer's state, {} of activations and workspaces, {} of data",
        preset.defaults.optimizer.name(),
        model.batch,
        grouped(memory.parameters),
        grouped(memory.gradients),
        grouped(memory.optimizer_state),
        grouped(memory.activations),
        grouped(memory.data)
    ))
}

/// Bytes of a plan by what they hold.
fn memory(graph: &Graph, plan: &Plan) -> MemoryBytes {
    let bytes = |value: ValueId| {
        let value = graph.value(value);
        (value.shape.count() * value.element.bytes()) as u64
    };
    let mut memory = MemoryBytes::default();
    for id in graph.value_ids() {
        let value = graph.value(id);
        if value.view.is_some() || plan.find_place(id).is_none() {
            continue;
        }
        match value.source {
            Source::Arena if value.name.ends_with(".grad") => memory.gradients += bytes(id),
            // Running statistics live with what is learned.
            Source::Arena | Source::Parameter | Source::Buffer { .. } => {
                memory.parameters += bytes(id);
            }
            Source::State => memory.optimizer_state += bytes(id),
            Source::Input | Source::Constant(_) => memory.data += bytes(id),
            Source::Node { .. } => {}
        }
    }
    let named = memory.parameters + memory.gradients + memory.optimizer_state + memory.data;
    memory.activations = plan.bytes() - named;
    memory
}

fn print_table(layers: &[LayerSummary], input_shape: &[usize]) -> Result<(), CliError> {
    let shape = |sizes: &[usize]| {
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        sizes.join(" × ")
    };
    let mut rows = vec![
        [
            "layer",
            "operation",
            "reads",
            "output",
            "parameters",
            "FLOPs",
        ]
        .map(String::from),
        ["input", "", "", &shape(input_shape), "", ""].map(String::from),
    ];
    rows.extend(layers.iter().map(|layer| {
        [
            layer.name.clone(),
            layer.operation.clone(),
            layer.inputs.join(", "),
            shape(&layer.output_shape),
            grouped(layer.parameters),
            grouped(layer.flops),
        ]
    }));
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    for row in &rows {
        let cells = row.iter().zip(widths).enumerate();
        let cells: Vec<String> = cells
            .map(|(column, (cell, width))| match column {
                0..3 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        print(cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// `14,719,818`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(14_719_818), "14,719,818");
    }
}
