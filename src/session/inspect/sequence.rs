//! Sequences: how long gradients are at every step, and which inputs a prediction depends on.

use super::reverse::{Reverse, behind};
use super::*;
use crate::data::SampleSet;
use crate::layers::Model;
use crate::ops::{Op, order_of_steps};
use crate::tensor::ElementType;

impl Run {
    pub(super) async fn answer_sequence(
        &self,
        inspector: &Inspector,
        question: SequenceQuestion,
    ) -> Result<Result<SequenceAnswer, Refusal>, SessionError> {
        Ok(match question {
            SequenceQuestion::Norms { node } => match inspector.over_time(node) {
                Ok(id) => Ok(SequenceAnswer::Norms(norms(inspector, node, id).await?)),
                Err(refusal) => Err(refusal),
            },
            SequenceQuestion::Influence {
                sample,
                position,
                of,
            } => {
                let facts = self.influence(inspector, sample, position, of).await?;
                facts.map(SequenceAnswer::Influence)
            }
            SequenceQuestion::Text { sample } => {
                let window = self.text_window(inspector, sample).await?;
                window.map(SequenceAnswer::Text)
            }
            SequenceQuestion::Path {
                node,
                sample,
                to,
                from,
                unit,
                way,
            } => match inspector.over_time(node) {
                Ok(id) => {
                    let ends = [to, from, unit];
                    let path = time_path::path(inspector, (node, id), sample, ends, way).await?;
                    path.map(SequenceAnswer::Path)
                }
                Err(refusal) => Err(refusal),
            },
        })
    }
}

impl Inspector {
    /// The operation over time with this number in running order.
    fn over_time(&self, number: u32) -> Result<NodeId, Refusal> {
        let node = self.order.get(number as usize).copied();
        let name = match node {
            Some(id) => self.graph.node(id).name.clone(),
            None => number.to_string(),
        };
        node.filter(|&id| order_of_steps(&self.graph.node(id).op).is_some())
            .ok_or(Refusal::NoSequence { name })
    }

    async fn reals(&self, value: ValueId) -> Result<Option<Vec<f32>>, SessionError> {
        if !self.is_computed(value) {
            return Ok(None);
        }
        let read = self.executor.read_many(&[value]).await?;
        Ok(Some(as_reals(&read[0]).to_vec()))
    }
}

fn norm<'a>(values: impl IntoIterator<Item = &'a f32>) -> f64 {
    let squares = values.into_iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Norms of what the backward operation keeps of every step, and of all gradients around their clipping.
async fn norms(inspector: &Inspector, number: u32, id: NodeId) -> Result<NormFacts, SessionError> {
    let graph = &inspector.graph;
    let node = graph.node(id);
    let (is_reversed, truncate) =
        order_of_steps(&node.op).expect("the node was found as one over time");
    let [steps, hidden] = node.dims.all(["T", "H"]);
    let backward = graph.nodes().iter().find(|other| {
        let outputs = other.op.outputs();
        other.partner == Some(id) && outputs.iter().any(|output| output.name == "dh")
    });
    let mut rows = Vec::new();
    if let Some(node) = backward {
        for (declared, &value) in node.op.outputs().iter().zip(&node.outputs) {
            if !matches!(declared.name, "dh" | "dc") {
                continue;
            }
            let values = inspector.reals(value).await?;
            let samples = inspector.values.valid as usize;
            let row = values.map(|values| {
                let at = |t: usize| {
                    let rows = values.chunks_exact(hidden).skip(t).step_by(steps);
                    norm(rows.take(samples).flatten())
                };
                (0..steps).map(at).collect()
            });
            rows.push((graph.value(value).name.clone(), row));
        }
    }
    Ok(NormFacts {
        node: number,
        is_reversed,
        truncate: truncate.map(|every| every as u32),
        rows,
        clip: clip_facts(inspector).await?,
    })
}

async fn clip_facts(inspector: &Inspector) -> Result<Option<ClipFacts>, SessionError> {
    let mut nodes = inspector.graph.nodes().iter();
    let clip = nodes.find_map(|node| match &node.op {
        Op::ClipGradient(op) => Some((op.max_norm, node)),
        _ => None,
    });
    let Some((max_norm, node)) = clip else {
        return Ok(None);
    };
    let before = inspector.reals(node.inputs[1]).await?;
    let after = inspector.reals(node.outputs[0]).await?;
    Ok(Some(ClipFacts {
        max_norm: max_norm.into(),
        before: before.map(|norm| norm[0].into()),
        after: after.map(|clipped| norm(&clipped)),
    }))
}

/// One sample's part of a tensor whose first axis counts samples.
pub(super) fn row_of(values: &Values, samples: usize, sample: usize) -> Values {
    let count = values.len() / samples.max(1);
    let range = sample * count..(sample + 1) * count;
    match values {
        Values::F32(values) => Values::F32(values[range].to_vec()),
        Values::U32(values) => Values::U32(values[range].to_vec()),
        Values::U8(values) => Values::U8(values[range].to_vec()),
    }
}

/// The first tensor of real numbers (N, T, features) that a model makes of its input.
fn steps_of_input(model: &Model) -> Option<ValueId> {
    let graph = &model.graph;
    let mut at = model.input;
    loop {
        let value = graph.value(at);
        if value.shape.rank() == 3 && value.element == ElementType::F32 {
            return Some(at);
        }
        // Other shapes of the input, and the rows that tokens stand for.
        let reads = |op: &Op| matches!(op, Op::Reshape(_)) || value.element == ElementType::U32;
        let mut nodes = graph.nodes().iter();
        let node = nodes.find(|node| {
            let is_read = node.inputs.contains(&at) && reads(&node.op);
            is_read && matches!(node.phase, Phase::Forward)
        })?;
        at = node.outputs[0];
    }
}

impl Run {
    /// The gradient of one prediction by the steps of the input, on a model for this sample alone.
    async fn influence(
        &self,
        inspector: &Inspector,
        sample: u32,
        position: Option<u32>,
        of: InfluenceOf,
    ) -> Result<Result<InfluenceFacts, Refusal>, SessionError> {
        if let Err(refusal) = self.gathered_sample(inspector, sample) {
            return Ok(Err(refusal));
        }
        let batch = [self.model.input, self.model.target];
        let value = inspector.graph.value(self.model.input);
        let model = self.model_for(1)?;
        let Some(input) = steps_of_input(&model) else {
            let name = value.name.clone();
            return Ok(Err(Refusal::NoSequence { name }));
        };
        let mut exact = self.alone(inspector, &model).await?;
        let read = inspector.executor.read_many(&batch).await?;
        for (own, values) in [model.input, model.target].into_iter().zip(&read) {
            exact.write(own, &row_of(values, self.model.batch, sample as usize));
        }
        let step = StepValues::forward(1);
        let forward = exact.plan().phases(Phase::Forward, Phase::Loss);
        exact.run(forward, &step);
        let facts = differentiate(&model, &exact, input, (sample, position), of);
        let text = self.samples.as_deref().and_then(SampleSet::text);
        Ok(facts.map(|facts| InfluenceFacts {
            character: text.and_then(|text| text.vocabulary.character(facts.class)),
            ..facts
        }))
    }

    /// Whether the batch's input holds this sample.
    fn gathered_sample(&self, inspector: &Inspector, sample: u32) -> Result<(), Refusal> {
        let value = inspector.graph.value(self.model.input);
        let name = value.name.clone();
        if !inspector.is_computed(self.model.input) {
            return Err(Refusal::NotComputed { name });
        }
        if sample >= inspector.values.valid {
            let shape = value.shape.dims().iter().map(|&size| size as u32);
            return Err(Refusal::OutsideTensor {
                name,
                shape: shape.collect(),
                index: vec![sample],
            });
        }
        Ok(())
    }

    /// The characters of a sample.
    async fn text_window(
        &self,
        inspector: &Inspector,
        sample: u32,
    ) -> Result<Result<TextWindow, Refusal>, SessionError> {
        let Some(text) = self.samples.as_deref().and_then(SampleSet::text) else {
            let name = inspector.graph.value(self.model.input).name.clone();
            return Ok(Err(Refusal::NoSequence { name }));
        };
        if let Err(refusal) = self.gathered_sample(inspector, sample) {
            return Ok(Err(refusal));
        }
        let batch = [self.model.input, self.model.target];
        let read = inspector.executor.read_many(&batch).await?;
        let [characters, targets] = [0, 1].map(|at| {
            let tokens = row_of(&read[at], self.model.batch, sample as usize);
            let Values::U32(tokens) = tokens else {
                return Vec::new();
            };
            let character = |&token: &u32| text.vocabulary.character(token);
            tokens.iter().filter_map(character).collect()
        });
        Ok(Ok(TextWindow {
            sample,
            characters,
            targets,
        }))
    }

    /// A CPU executor of another model with the parameters of this batch, edits included.
    async fn alone(
        &self,
        inspector: &Inspector,
        model: &Model,
    ) -> Result<CpuExecutor<f64>, SessionError> {
        let graph = Arc::new(model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let mut exact = CpuExecutor::<f64>::new(graph, plan);
        let started = inspector
            .start
            .parameters(self.preset, &self.config, &self.model);
        for (own, values) in model.parameters.iter().zip(started) {
            exact.write(own.value, &values);
        }
        let buffers = model.graph.buffers();
        for (&own, values) in buffers.iter().zip(inspector.start.buffers.iter()) {
            exact.write(own, values);
        }
        let parameters = self.parameter_values();
        for edit in &inspector.edits {
            let number = parameters.iter().position(|&value| value == edit.value);
            for &(offset, value) in number.map_or(&[][..], |_| &edit.elements) {
                let own = model.parameters[number.unwrap_or_default()].value;
                exact.reals_mut(own)[offset] = f64::from(value);
            }
        }
        Ok(exact)
    }
}

/// An output of the loss, by its symbol.
fn of_loss(model: &Model, symbol: &str) -> Option<ValueId> {
    let mut nodes = model.graph.nodes().iter();
    let node = nodes.find(|node| node.outputs.contains(&model.loss))?;
    let outputs = node.op.outputs();
    let at = outputs.iter().position(|output| output.name == symbol)?;
    Some(node.outputs[at])
}

/// What the largest output, or the loss, of one place depends on.
fn differentiate(
    model: &Model,
    exact: &CpuExecutor<f64>,
    input: ValueId,
    (sample, position): (u32, Option<u32>),
    of: InfluenceOf,
) -> Result<InfluenceFacts, Refusal> {
    let graph = &model.graph;
    let is_behind = behind(graph, input);
    let reverse = Reverse {
        graph,
        exact,
        step: StepValues::forward(1),
        is_behind: &is_behind,
    };
    let outputs = graph.value(model.logits);
    let columns = outputs.shape.dims().last().copied().unwrap_or(1).max(1);
    let logits = exact.reals(model.logits);
    let positions = (logits.len() / columns) as u32;
    let position = position.unwrap_or(positions - 1);
    if position >= positions {
        return Err(Refusal::OutsideTensor {
            name: outputs.name.clone(),
            shape: vec![positions, columns as u32],
            index: vec![position],
        });
    }
    let first = position as usize * columns;
    let row = first..first + columns;
    let own = &logits[row.clone()];
    let class = (0..columns).fold(0, |best, at| if own[at] > own[best] { at } else { best });
    let (mut seed, value) = (vec![0.0; logits.len()], own[class]);
    let value = match of {
        InfluenceOf::Prediction => {
            seed[first + class] = 1.0;
            value
        }
        InfluenceOf::Loss => {
            // Where the loss is a mean, that of one place has so many times its gradient as places count.
            let scale = of_loss(model, "D").map_or(1.0, |divisor| exact.reals(divisor)[0]);
            let gradients = reverse.gradients(model.loss, vec![1.0]);
            let of_all = gradients.get(&model.logits).map_or(&[][..], |g| g);
            for (seed, &slope) in seed[row.clone()].iter_mut().zip(of_all.iter().skip(first)) {
                *seed = slope * scale;
            }
            match of_loss(model, "loss_of_token") {
                // 0 where the place does not count.
                Some(losses) => exact.reals(losses)[position as usize],
                None => exact.reals(model.loss_of_row)[0],
            }
        }
    };
    let gradients = reverse.gradients(model.logits, seed);
    let shape = &graph.value(input).shape;
    let features = shape.dims()[2].max(1);
    let gradient = gradients.get(&input).cloned();
    let gradient = gradient.unwrap_or_else(|| vec![0.0; shape.count()]);
    let length = |row: &[f64]| row.iter().map(|value| value * value).sum::<f64>().sqrt();
    Ok(InfluenceFacts {
        sample,
        position,
        positions,
        of,
        class: class as u32,
        character: None,
        value,
        input: graph.value(input).name.clone(),
        features: features as u32,
        norms: gradient.chunks_exact(features).map(length).collect(),
        gradient: gradient.iter().map(|&value| value as f32).collect(),
    })
}
