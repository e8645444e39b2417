//! Why an element has its value: the terms of its operation's equation.

use super::*;
use crate::ops::Op;
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
        let Some(explained) = self.terms_of(inspector, &subject).await? else {
            return Ok(Err(Refusal::NoEquation { name: name.into() }));
        };
        let stored_value = inspector
            .find(name)
            .expect("the subject was found by this name");
        let read = inspector.executor.read_many(&[stored_value]).await?;
        let stored_offset = inspector
            .offset(stored_value, index)
            .expect("the subject was found by this index");
        let stored = as_reals(&read[0])[stored_offset];
        let mut facts = self.explanation_facts(graph, name, index, stored, &explained);
        facts.inside = self.inside(inspector, &explained).await?;
        facts.curve = curve_facts(inspector, subject.node, subject.offset).await?;
        Ok(Ok(facts))
    }

    /// The terms of an element that a node computed; `None` where no equation says what it is.
    async fn terms_of(
        &self,
        inspector: &Inspector,
        subject: &Subject,
    ) -> Result<Option<Explained>, SessionError> {
        let graph = &inspector.graph;
        let node = graph.node(subject.node);
        let (declared_inputs, declared_outputs) = (node.op.inputs(), node.op.outputs());
        let equations = node.op.equations(&node.dims);
        let symbol = declared_outputs[subject.output].name;
        let Some(equation) = equations.iter().find(|equation| equation.output == symbol) else {
            return Ok(None);
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
        drop(environment);
        Ok(Some(Explained {
            explanation,
            operands: held
                .into_iter()
                .map(|(symbol, value, _)| (symbol, value))
                .collect(),
        }))
    }

    /// The sum inside the function that an element is: terms that are a sum of their own, such as the inputs' part of a
    /// gate and the sum of its biases, are written out, too.
    async fn inside(
        &self,
        inspector: &Inspector,
        explained: &Explained,
    ) -> Result<Option<InsideFacts>, SessionError> {
        let Some(inner) = &explained.explanation.inner else {
            return Ok(None);
        };
        let graph = &inspector.graph;
        let mut groups: Vec<GroupFacts> = Vec::new();
        // What is still to be written out, the next one last.
        let mut rest = vec![Explained {
            explanation: inner.explanation.clone(),
            operands: explained.operands.clone(),
        }];
        while let Some(mut sum) = rest.pop() {
            if sum.explanation.groups.is_empty() {
                continue;
            }
            let mut group = sum.explanation.groups.remove(0);
            let part = group
                .terms
                .iter()
                .position(|term| sum.part(graph, term).is_some());
            if let Some(at) = part {
                let behind = group.terms.split_off(at + 1);
                let term = group.terms.pop().expect("a term at this place");
                let subject = sum.part(graph, &term).expect("it is a sum");
                let key = group.key;
                let Some(part) = self.terms_of(inspector, &subject).await? else {
                    group.terms.push(term);
                    group.terms.extend(behind);
                    groups.push(self.group_facts(graph, &group, &sum));
                    rest.push(sum);
                    continue;
                };
                if !group.terms.is_empty() {
                    groups.push(self.group_facts(graph, &group, &sum));
                }
                if !behind.is_empty() {
                    let terms = behind;
                    sum.explanation
                        .groups
                        .insert(0, crate::equation::Group { key, terms });
                }
                rest.push(sum);
                rest.push(part);
            } else {
                groups.push(self.group_facts(graph, &group, &sum));
                rest.push(sum);
            }
        }
        let function = match inner.function {
            crate::equation::Function::Sigmoid => "σ",
            crate::equation::Function::Tanh => "tanh",
            _ => "max(0, ·)",
        };
        let mut room = MAX_TERMS;
        for group in &mut groups {
            group.terms.truncate(room);
            room -= group.terms.len();
        }
        Ok(Some(InsideFacts {
            function: function.into(),
            total: groups.iter().map(|group| group.subtotal).sum(),
            term_count: groups.iter().map(|group| group.term_count).sum(),
            groups,
        }))
    }

    fn group_facts(
        &self,
        graph: &Graph,
        group: &crate::equation::Group,
        of: &Explained,
    ) -> GroupFacts {
        let terms = group.terms.iter();
        GroupFacts {
            key: group.key.map(|(name, at)| (name.to_string(), at)),
            subtotal: group.subtotal(),
            term_count: group.terms.len() as u32,
            terms: terms.map(|term| self.term_facts(graph, term, of)).collect(),
        }
    }

    fn term_facts(&self, graph: &Graph, term: &crate::equation::Term, of: &Explained) -> TermFacts {
        let references = term.references.iter().map(|reference| {
            let value = of.operand(reference.tensor);
            self.reference_facts(graph, value, &reference.index, reference.value)
        });
        TermFacts {
            references: references.collect(),
            value: term.value,
        }
    }

    fn explanation_facts(
        &self,
        graph: &Graph,
        name: &str,
        index: &[u32],
        stored: f32,
        explained: &Explained,
    ) -> ExplanationFacts {
        let explanation = &explained.explanation;
        let term_facts = |term: &crate::equation::Term| self.term_facts(graph, term, explained);
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
            inside: None,
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

/// The terms of an element, and what their symbols stand for.
struct Explained {
    explanation: crate::equation::Explanation,
    operands: Vec<(&'static str, ValueId)>,
}

impl Explained {
    fn operand(&self, symbol: &str) -> ValueId {
        let found = self.operands.iter().find(|(known, _)| *known == symbol);
        found.expect("a reference names an operand").1
    }

    /// Where the element comes from that a term consists of, if it is a sum.
    fn part(&self, graph: &Graph, term: &crate::equation::Term) -> Option<Subject> {
        // What is looked up to find it comes behind it.
        let reference = term.references.first()?;
        if reference.value != term.value || term.references.len() > 1 {
            return None;
        }
        let mut value = self.operand(reference.tensor);
        let offset = graph.value(value).shape.offset(&reference.index)?;
        loop {
            let Source::Node { node, output } = graph.value(value).source else {
                return None;
            };
            if is_own(graph, node, output) {
                let is_sum = matches!(graph.node(node).op, Op::Linear(_) | Op::Add(_));
                return is_sum.then_some(Subject {
                    node,
                    output,
                    offset,
                });
            }
            // The same elements under another shape.
            value = graph.node(node).inputs[0];
        }
    }
}
