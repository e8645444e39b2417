//! `glassbox step`: training batches, operation by operation, every value kept.
//!
//! It drives the session's microscope with the requests that the page makes, so that the same
//! preset, seed, batch size and optimizer give the same numbers here and there.

use super::CliError;
use super::arguments::{Element, StepArguments};
use super::driver::{Driver, RUN, find_preset};
use super::lines::{
    GroupLine, InsideLine, Line, NudgeLine, Number, ReferenceLine, Statistics, Tensor, TermLine,
    print,
};
use crate::graph::{PARAMETERS, Phase};
use crate::models::PresetData;
use crate::optim::OptimizerKind;
use crate::session::{
    self, Command, CursorFacts, Event, ExplanationFacts, GradientCheckFacts, GraphFacts,
    GroupFacts, Inspection, InspectionReport, NodeFacts, RunConfig, StepUnit, TensorFacts,
    TensorKind,
};

/// Samples of a batch where none are asked for: few enough to read.
const BATCH: u32 = 4;

pub fn run(arguments: &StepArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let batch = match preset.data {
        PresetData::Images { .. } | PresetData::Text { .. } | PresetData::OwnText { .. } => {
            Some(arguments.batch.unwrap_or(BATCH))
        }
        _ => arguments.batch,
    };
    let config = RunConfig {
        preset: preset.id.into(),
        device: arguments.device,
        seed: arguments.seed,
        batch,
        learning_rate: arguments.lr,
        optimizer: arguments.optimizer,
        momentum: arguments.momentum,
        ..RunConfig::default()
    };
    let spec = arguments.model.spec()?;
    let (driver, started) = Driver::start_with(spec, preset, &arguments.table, config)?;
    if arguments.momentum.is_some() && started.config.optimizer != OptimizerKind::Momentum {
        return Err(CliError::Usage(format!(
            "--momentum belongs to --optimizer momentum; this run has {}",
            started.config.optimizer.name()
        )));
    }
    let mut walk = Walk::enter(driver, arguments)?;
    for _ in 0..arguments.batches {
        walk.batch()?;
    }
    Ok(())
}

/// A walk through the batches of a run.
struct Walk<'a> {
    driver: Driver,
    arguments: &'a StepArguments,
    graph: GraphFacts,
    last_request: u32,
}

impl<'a> Walk<'a> {
    fn enter(driver: Driver, arguments: &'a StepArguments) -> Result<Self, CliError> {
        let mut walk = Self {
            driver,
            arguments,
            graph: GraphFacts {
                nodes: Vec::new(),
                tensors: Vec::new(),
            },
            last_request: 0,
        };
        for report in walk.ask(Inspection::Enter)? {
            if let InspectionReport::Graph(graph) = report {
                walk.graph = graph;
            }
        }
        for element in arguments.explain.iter().chain(&arguments.check_gradient) {
            walk.tensor(&element.tensor)?;
        }
        Ok(walk)
    }

    /// What the microscope answers; a refusal ends the command.
    fn ask(&mut self, inspection: Inspection) -> Result<Vec<InspectionReport>, CliError> {
        let mut reports = Vec::new();
        let command = Command::Inspect {
            run: RUN,
            inspection,
        };
        self.driver.finish(command, &mut |event| {
            match event {
                Event::Inspected {
                    report: InspectionReport::Refused { reason, .. },
                    ..
                } => return Err(CliError::Usage(reason.to_string())),
                Event::Inspected { report, .. } => reports.push(report),
                _ => {}
            }
            Ok(())
        })?;
        Ok(reports)
    }

    fn request(&mut self) -> u32 {
        self.last_request += 1;
        self.last_request
    }

    fn tensor(&self, name: &str) -> Result<&TensorFacts, CliError> {
        let mut tensors = self.graph.tensors.iter();
        tensors.find(|tensor| tensor.name == name).ok_or_else(|| {
            let name = name.to_string();
            CliError::Usage(session::Refusal::UnknownTensor { name }.to_string())
        })
    }

    /// The tensors behind the symbols of a node. An update works on all parameters as one row:
    /// it is told as the parameters and gradients that the row is made of.
    fn known(&self, node: &NodeFacts, operands: &[(String, String)]) -> Vec<(String, TensorFacts)> {
        let tensors = &self.graph.tensors;
        let mut known = Vec::new();
        for (symbol, name) in operands {
            let parameters = tensors
                .iter()
                .filter(|tensor| tensor.kind == TensorKind::Parameter);
            let is_new_row = node.phase == Phase::Update && symbol == "w′";
            let found: Vec<&TensorFacts> = match name.strip_prefix(PARAMETERS) {
                _ if is_new_row => parameters.collect(),
                Some("") => parameters.collect(),
                Some(".grad") => {
                    let gradients = parameters.filter_map(|tensor| tensor.gradient.as_ref());
                    gradients
                        .filter_map(|name| tensors.iter().find(|tensor| tensor.name == *name))
                        .collect()
                }
                _ => tensors.iter().filter(|t| t.name == *name).collect(),
            };
            let found = found.into_iter().cloned();
            known.extend(found.map(|tensor| (symbol.clone(), tensor)));
        }
        known
    }

    fn forward(&mut self) -> Result<CursorFacts, CliError> {
        let reports = self.ask(Inspection::Forward(StepUnit::Operation))?;
        let mut cursors = reports.into_iter().filter_map(|report| match report {
            InspectionReport::Cursor(cursor) => Some(cursor),
            _ => None,
        });
        Ok(cursors.next_back().expect("a step moves the cursor"))
    }

    /// One batch from its first operation to its last.
    fn batch(&mut self) -> Result<(), CliError> {
        loop {
            let cursor = self.forward()?;
            let at = cursor.done - 1;
            self.operation(at as usize, cursor.step)?;
            let is_last = cursor.done == cursor.total;
            let elements = self.arguments.explain.clone();
            for element in &elements {
                let facts = self.tensor(&element.tensor)?;
                let is_now = match (facts.node, facts.kind) {
                    (Some(node), _) => node == at,
                    (None, TensorKind::Parameter) => is_last,
                    // Refused, with the reason, once.
                    (None, _) => at == 0,
                };
                if is_now {
                    self.explain(element)?;
                }
            }
            if is_last {
                return self.end_of_batch(&cursor);
            }
        }
    }

    fn operation(&mut self, at: usize, step: u64) -> Result<(), CliError> {
        let node: NodeFacts = self.graph.nodes[at].clone();
        let outputs = self.known(&node, &node.outputs);
        let mut results = Vec::new();
        for (_, tensor) in &outputs {
            let request = self.request();
            let wanted = Inspection::Tensor {
                request,
                name: tensor.name.clone(),
                first: 0,
                count: self.arguments.values as u64,
            };
            let mut read = (None, None);
            for report in self.ask(wanted)? {
                if let InspectionReport::Tensor {
                    values, statistics, ..
                } = report
                {
                    read = (values, statistics);
                }
            }
            results.push(read);
        }
        let inputs = self.known(&node, &node.inputs);
        let inputs = inputs
            .iter()
            .map(|(symbol, tensor)| described(symbol, tensor));
        let read = outputs.iter().zip(results);
        let outputs = read.map(|((symbol, tensor), (values, statistics))| Tensor {
            statistics: statistics.map(|of| Statistics {
                min: of.minimum.into(),
                max: of.maximum.into(),
                mean: of.mean.into(),
                zeros: of.zeros.into(),
                norm: of.norm.into(),
                non_finite: of.non_finite,
            }),
            values: values
                .unwrap_or_default()
                .into_iter()
                .map(Number::from)
                .collect(),
            ..described(symbol, tensor)
        });
        let line = Line::Operation {
            step,
            number: at as u32 + 1,
            node: &node.name,
            operation: &node.operation,
            phase: node.phase.name(),
            layer: &node.layer,
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            equations: node.equations.iter().map(|e| e.latex.as_str()).collect(),
        };
        if self.arguments.json {
            line.print()
        } else {
            print_operation(&line)
        }
    }

    fn explain(&mut self, element: &Element) -> Result<(), CliError> {
        let request = self.request();
        let reports = self.ask(Inspection::Explain {
            request,
            name: element.tensor.clone(),
            index: element.index.clone(),
        })?;
        for report in reports {
            if let InspectionReport::Explained { explanation, .. } = report {
                print_explanation(&explanation, self.arguments.json)?;
            }
        }
        Ok(())
    }

    fn end_of_batch(&mut self, cursor: &CursorFacts) -> Result<(), CliError> {
        let elements = self.arguments.check_gradient.clone();
        for element in elements {
            let request = self.request();
            let reports = self.ask(Inspection::CheckGradient {
                request,
                name: element.tensor,
                index: element.index,
            })?;
            for report in reports {
                if let InspectionReport::GradientChecked { check, .. } = report {
                    print_check(&check, self.arguments.json)?;
                }
            }
        }
        let line = Line::Batch {
            step: cursor.step,
            samples: cursor.valid,
            loss: cursor.loss.map(Number::from),
            loss_after: cursor.loss_after.map(Number::from),
        };
        if self.arguments.json {
            return line.print();
        }
        let text = |loss: Option<f32>| loss.map_or("-".into(), |loss| format!("{loss:.6}"));
        print(&format!(
            "batch {}: loss {}, after the update {}",
            cursor.step + 1,
            text(cursor.loss),
            text(cursor.loss_after)
        ))
    }
}

fn described<'a>(symbol: &'a str, tensor: &'a TensorFacts) -> Tensor<'a> {
    Tensor {
        symbol,
        name: &tensor.name,
        shape: &tensor.shape,
        statistics: None,
        values: Vec::new(),
    }
}

fn print_operation(line: &Line<'_>) -> Result<(), CliError> {
    let Line::Operation {
        node,
        operation,
        phase,
        inputs,
        outputs,
        equations,
        ..
    } = line
    else {
        unreachable!("only operations are walked through")
    };
    let shape_text = session::shape_text;
    print(&format!("{phase:<8} {node}: {operation}"))?;
    for input in inputs {
        let shape = shape_text(input.shape);
        print(&format!("    {} = {} {shape}", input.symbol, input.name))?;
    }
    for equation in equations {
        print(&format!("  {equation}"))?;
    }
    for output in outputs {
        let shape = shape_text(output.shape);
        print(&format!("    {} = {} {shape}", output.symbol, output.name))?;
        if let Some(of) = &output.statistics {
            let non_finite = match of.non_finite {
                0 => String::new(),
                count => format!(" infinite or NaN {count}"),
            };
            print(&format!(
                "    min {:.6} max {:.6} mean {:.6} zeros {:.1} % norm {:.6}{non_finite}",
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
        let count: u64 = output.shape.iter().map(|&size| u64::from(size)).product();
        let more = if count > values.len() as u64 {
            ", …"
        } else {
            ""
        };
        print(&format!("    [{}{more}]", values.join(", ")))?;
    }
    Ok(())
}

fn group_line(group: &GroupFacts) -> GroupLine<'_> {
    let terms = group.terms.iter().map(|term| TermLine {
        value: term.value.into(),
        references: term
            .references
            .iter()
            .map(|reference| ReferenceLine {
                tensor: &reference.tensor,
                index: &reference.index,
                value: reference.value.into(),
            })
            .collect(),
    });
    GroupLine {
        key: group.key.as_ref().map(|(index, at)| (index.as_str(), *at)),
        subtotal: group.subtotal.into(),
        term_count: group.term_count,
        terms: terms.collect(),
    }
}

fn print_groups(groups: &[GroupFacts]) -> Result<(), CliError> {
    for group in groups {
        if let Some((index, at)) = &group.key {
            let (count, subtotal) = (group.term_count, group.subtotal);
            print(&format!("    {index} = {at}: {count} terms, {subtotal:.8}"))?;
        }
        for term in &group.terms {
            let references: Vec<String> = term
                .references
                .iter()
                .map(|r| format!("{}{:?} = {:.6}", r.tensor, r.index, r.value))
                .collect();
            print(&format!(
                "      {:.8}  {}",
                term.value,
                references.join(", ")
            ))?;
        }
    }
    Ok(())
}

fn print_explanation(facts: &ExplanationFacts, json: bool) -> Result<(), CliError> {
    if json {
        return Line::Explanation {
            tensor: &facts.tensor,
            index: &facts.index,
            stored: facts.stored.into(),
            total: facts.total.into(),
            term_count: facts.term_count,
            groups: facts.groups.iter().map(group_line).collect(),
            inside: facts.inside.as_ref().map(|inside| InsideLine {
                function: &inside.function,
                total: inside.total.into(),
                term_count: inside.term_count,
                groups: inside.groups.iter().map(group_line).collect(),
            }),
        }
        .print();
    }
    print(&format!(
        "  {}{:?} = {:.8}: {} terms add up to {:.8}",
        facts.tensor, facts.index, facts.stored, facts.term_count, facts.total
    ))?;
    print_groups(&facts.groups)?;
    let Some(inside) = &facts.inside else {
        return Ok(());
    };
    print(&format!(
        "    inside {}: {} terms add up to {:.8}",
        inside.function, inside.term_count, inside.total
    ))?;
    print_groups(&inside.groups)
}

fn print_check(check: &GradientCheckFacts, json: bool) -> Result<(), CliError> {
    if json {
        let nudges = check.nudges.iter().map(|nudge| NudgeLine {
            step_size: nudge.step_size.into(),
            loss_minus: nudge.loss_minus.into(),
            loss_plus: nudge.loss_plus.into(),
            slope: nudge.slope.into(),
            slope_f32: nudge.slope_f32.into(),
        });
        return Line::GradientCheck {
            tensor: &check.tensor,
            index: &check.index,
            stored: check.stored.map(Number::from),
            analytic: check.analytic.into(),
            nudges: nudges.collect(),
        }
        .print();
    }
    print(&format!(
        "  {}{:?}: gradient {:.10}",
        check.tensor, check.index, check.analytic
    ))?;
    for nudge in &check.nudges {
        print(&format!(
            "    ±{:.0e}: losses {:.12} and {:.12}, slope {:.10} (in f32 {:.10})",
            nudge.step_size, nudge.loss_minus, nudge.loss_plus, nudge.slope, nudge.slope_f32
        ))?;
    }
    Ok(())
}
