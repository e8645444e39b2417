//! A parameter before and after the update of a batch, and how long a node took.

use super::*;
use crate::ops::Role;
use crate::session::facts::statistics;

impl Run {
    /// The rows of the update that belong to one parameter.
    pub(super) async fn update_facts(
        &self,
        inspector: &Inspector,
        name: &str,
        first: u64,
        count: u64,
    ) -> Result<Result<UpdateFacts, Refusal>, SessionError> {
        let value = match inspector.find(name) {
            Ok(value) => value,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let graph = &inspector.graph;
        let described = graph.value(value);
        let length = described.shape.count();
        let last = inspector.order.last().copied();
        let update = last.filter(|&node| graph.node(node).phase == Phase::Update);
        let gradient = described.gradient;
        let (Some(node), Some(gradient), Source::Parameter) = (update, gradient, &described.source)
        else {
            return Ok(Err(Refusal::NotInTheUpdate { name: name.into() }));
        };
        if first >= length as u64 {
            return Ok(Err(Refusal::PastTheTensor {
                name: name.into(),
                elements: length as u64,
                first,
            }));
        }
        let node = graph.node(node);
        let (arena, start) = graph.storage(value);
        let whole = graph.value(arena).shape.clone();
        let part = |values: &Values| match values {
            Values::F32(values) if values.len() == whole.count() => {
                Some(values[start..start + length].to_vec())
            }
            _ => None,
        };
        let has_run = inspector.done == inspector.total();
        let now = inspector.executor.read_many(&node.inputs).await?;
        let before: Vec<Option<Values>> = node
            .inputs
            .iter()
            .zip(&now)
            .map(|(&input, now)| {
                let kept = inspector.before_update(input, Phase::Update);
                kept.or_else(|| (!has_run).then(|| now.clone()))
            })
            .collect();
        let (inputs, outputs) = (node.op.inputs(), node.op.outputs());
        let row = |symbol: &str, part: UpdatePart, values: Option<Vec<f32>>| UpdateRow {
            symbol: symbol.into(),
            part,
            statistics: values.as_deref().map(statistics),
            values,
        };
        let mut rows = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            let kind = match number {
                0 => UpdatePart::Before,
                1 => UpdatePart::Gradient,
                _ => UpdatePart::StateBefore,
            };
            let is_known = number != 1 || inspector.is_computed(gradient);
            let values = before[number].as_ref().filter(|_| is_known);
            rows.push(row(input.name, kind, values.and_then(&part)));
        }
        let after = |output: usize| match outputs[output].role {
            Role::Alias(input) if has_run => part(&now[input]),
            _ => None,
        };
        for (number, output) in outputs.iter().enumerate().skip(1) {
            rows.push(row(output.name, UpdatePart::StateAfter, after(number)));
        }
        let change = after(0)
            .zip(rows[0].values.as_ref())
            .map(|(after, before)| {
                let pairs = after.iter().zip(before);
                pairs.map(|(after, before)| after - before).collect()
            });
        rows.push(row("Δw", UpdatePart::Change, change));
        rows.push(row(outputs[0].name, UpdatePart::After, after(0)));
        // All rows together fit one answer.
        let most = MAX_VALUES / rows.len() as u64;
        let end = (first + count.min(most)).min(length as u64) as usize;
        for row in &mut rows {
            let sent = row.values.take();
            row.values = sent.map(|values| values[first as usize..end].to_vec());
        }
        let named = |(name, value): (&'static str, f64)| (name.to_string(), value);
        let mut scalars: Vec<(String, f64)> = node.op.scalars().into_iter().map(named).collect();
        for name in ["η", "t"] {
            let value = inspector.values.scalar(name);
            scalars.push((name.into(), value.expect("every step has it")));
        }
        Ok(Ok(UpdateFacts {
            tensor: name.into(),
            operation: node.op.name().into(),
            first,
            has_run,
            scalars,
            rows,
        }))
    }
}

/// How long a node took when it ran in this batch.
pub(super) async fn time_report(
    inspector: &Inspector,
    request: u32,
    node: u32,
) -> Result<InspectionReport, SessionError> {
    if node as usize >= inspector.total() {
        let total = inspector.total();
        let (total, done) = (total as u32, node);
        let reason = Refusal::PastTheBatch { total, done };
        return Ok(refused(Some(request), reason));
    }
    let clock = match &inspector.executor {
        Executor::Cpu(_) => Clock::Twin,
        Executor::Gpu(gpu) if gpu.measures_times() => Clock::Timestamps,
        Executor::Gpu(_) => Clock::None,
    };
    let has_run = (node as usize) < inspector.done;
    let micros = if has_run {
        inspector.executor.read_time(node as usize).await?
    } else {
        None
    };
    let time = TimeFacts {
        node,
        clock,
        micros,
    };
    Ok(InspectionReport::Timed { request, time })
}
