//! Why an element has its value: the terms of its operation's equation.

use super::*;
use crate::session::facts::{is_buffer, is_own};
use crate::tensor::ElementType;

impl Run {
    /// The terms that make an element what it is.
    pub(super) async fn explain(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
    ) -> Result<Result<ExplanationFacts, Refusal>, SessionError> {
        let subject = match self.subject(inspector, name, index) {
            Ok(subject) => subject,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let graph = &inspector.graph;
        let node = graph.node(subject.node);
        let (declared_inputs, declared_outputs) = (node.op.inputs(), node.op.outputs());
        let equations = node.op.equations(&node.dims);
        let symbol = declared_outputs[subject.output].name;
        let Some(equation) = equations.iter().find(|equation| equation.output == symbol) else {
            return Ok(Err(Refusal::NoEquation { name: name.into() }));
        };
        // (symbol, value, what it holds); the data set's bytes are read where they are.
        let mut held: Vec<(&'static str, ValueId, Option<Values>)> = Vec::new();
        for (declared, &value) in declared_inputs.iter().zip(&node.inputs) {
            let values = match inspector.before_update(value, node.phase) {
                Some(values) => Some(values),
                None => self.read_for_explanation(inspector, value).await?,
            };
            held.push((declared.name, value, values));
        }
        for (output, (declared, &value)) in declared_outputs.iter().zip(&node.outputs).enumerate() {
            if is_own(graph, subject.node, output) {
                let values = self.read_for_explanation(inspector, value).await?;
                held.push((declared.name, value, values));
            }
        }
        let mut environment = OperationEnvironment::new(&node.op, &node.dims, inspector.values);
        for (symbol, value, values) in &held {
            let shape = &graph.value(*value).shape;
            environment = match values {
                Some(values) => environment.with_values(symbol, shape, values),
                None => environment.with_tensor(symbol, shape, |offset| self.data_byte(offset)),
            };
        }
        let shape = &graph.value(node.outputs[subject.output]).shape;
        let position = if equation.indices.len() == shape.rank() {
            shape.index(subject.offset)
        } else {
            vec![subject.offset]
        };
        let explanation = equation.explain(&environment, &position);
        let stored_value = inspector
            .find(name)
            .expect("the subject was found by this name");
        let read = inspector.executor.read_many(&[stored_value]).await?;
        let stored_offset = inspector
            .offset(stored_value, index)
            .expect("the subject was found by this index");
        let resolve = |symbol: &str| {
            let found = held.iter().find(|(known, _, _)| *known == symbol);
            found.expect("a reference names an operand").1
        };
        let mut facts = self.explanation_facts(
            graph,
            name,
            index,
            as_reals(&read[0])[stored_offset],
            &explanation,
            resolve,
        );
        facts.curve = curve_facts(inspector, subject.node, subject.offset).await?;
        Ok(Ok(facts))
    }

    fn explanation_facts(
        &self,
        graph: &Graph,
        name: &str,
        index: &[u32],
        stored: f32,
        explanation: &crate::equation::Explanation,
        resolve: impl Fn(&str) -> ValueId,
    ) -> ExplanationFacts {
        let term_facts = |term: &crate::equation::Term| TermFacts {
            value: term.value,
            references: term
                .references
                .iter()
                .map(|reference| {
                    let value = resolve(reference.tensor);
                    self.reference_facts(graph, value, &reference.index, reference.value)
                })
                .collect(),
        };
        let mut room = MAX_TERMS;
        let groups = explanation
            .groups
            .iter()
            .map(|group| {
                let shown = group.terms.len().min(room);
                room -= shown;
                let terms = group.terms[..shown].iter().map(&term_facts);
                GroupFacts {
                    key: group.key.map(|(name, at)| (name.to_string(), at)),
                    subtotal: group.subtotal(),
                    term_count: group.terms.len() as u32,
                    terms: terms.collect(),
                }
            })
            .collect();
        let hidden = explanation.hidden.iter().take(MAX_HIDDEN);
        ExplanationFacts {
            hidden: hidden.map(&term_facts).collect(),
            tensor: name.into(),
            index: index.to_vec(),
            stored,
            total: explanation.total(),
            term_count: explanation.term_count() as u32,
            groups,
            curve: None,
        }
    }

    /// A referenced element under the name and index that a learner knows: an
    /// arena's place becomes the parameter's own element.
    fn reference_facts(
        &self,
        graph: &Graph,
        value: ValueId,
        index: &[i64],
        number: f64,
    ) -> ReferenceFacts {
        let unsigned = |index: &[usize]| index.iter().map(|&at| at as u32).collect();
        let shape = &graph.value(value).shape;
        let offset = match index {
            [at] if shape.rank() != 1 => *at as usize,
            _ => shape
                .offset(index)
                .expect("a reference lies inside its tensor"),
        };
        if matches!(graph.value(value).source, Source::Arena | Source::State) {
            let ranges = self.arena_ranges();
            let owner = ranges.iter().position(|range| range.contains(&offset));
            if let Some(number_of) = owner {
                let parameter = self.model.parameters[number_of].value;
                let local = offset - ranges[number_of].start;
                let own = graph.value(parameter);
                let suffix = graph
                    .value(value)
                    .name
                    .strip_prefix(crate::graph::PARAMETERS);
                return ReferenceFacts {
                    tensor: format!("{}{}", own.name, suffix.unwrap_or_default()),
                    index: unsigned(&own.shape.index(local)),
                    value: number,
                };
            }
        }
        ReferenceFacts {
            tensor: graph.value(value).name.clone(),
            index: unsigned(&shape.index(offset)),
            value: number,
        }
    }

    /// All values of an operand, or `None` for the data set's bytes.
    async fn read_for_explanation(
        &self,
        inspector: &Inspector,
        value: ValueId,
    ) -> Result<Option<Values>, SessionError> {
        let gathered = self.model.gathered;
        let element = inspector.graph.value(value).element;
        if element == ElementType::U8 && gathered.is_some_and(|from| from.samples == value) {
            return Ok(None);
        }
        let mut read = inspector.executor.read_many(&[value]).await?;
        Ok(read.pop())
    }

    /// A byte of the data set, as it lies on the device: held-out samples behind the others.
    fn data_byte(&self, offset: usize) -> Option<f64> {
        let images = self.samples.as_ref()?.images()?;
        let (train, test) = (images.train.images(), images.test.images());
        let byte = match offset.checked_sub(train.len()) {
            None => train.get(offset),
            Some(behind) => test.get(behind),
        };
        byte.map(|&byte| f64::from(byte))
    }

    /// Which node computed an element, and where it lies in the node's output.
    fn subject(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
    ) -> Result<Subject, Refusal> {
        let value = inspector.find(name)?;
        let offset = inspector.offset(value, index)?;
        if !inspector.is_computed(value) {
            return Err(Refusal::NotComputed { name: name.into() });
        }
        match inspector.graph.value(value).source {
            Source::Node { node, output }
                if is_own(&inspector.graph, node, output) || is_buffer(&inspector.graph, value) =>
            {
                Ok(Subject {
                    node,
                    output,
                    offset,
                })
            }
            Source::Node { node, .. } => {
                let input = inspector.graph.node(node).inputs[0];
                Err(Refusal::Reshaped {
                    name: name.into(),
                    of: inspector.graph.value(input).name.clone(),
                })
            }
            Source::Parameter => {
                let update = inspector
                    .order
                    .last()
                    .copied()
                    .filter(|_| inspector.done == inspector.total());
                let Some(node) = update else {
                    return Err(Refusal::NotUpdated { name: name.into() });
                };
                let (_, start) = inspector.graph.storage(value);
                Ok(Subject {
                    node,
                    output: 0,
                    offset: start + offset,
                })
            }
            _ => Err(Refusal::Given { name: name.into() }),
        }
    }
}

/// An element that a node computed.
struct Subject {
    node: NodeId,
    output: usize,
    /// Row-major, in the output.
    offset: usize,
}
