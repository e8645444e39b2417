//! A sequence unrolled in time: which operations run over it, what they keep of every step, and how gradients
//! change on their way back.

use super::model::{Element, GraphModel};
use crate::graph::Phase;
use crate::session::NormFacts;

/// What an operation over time keeps of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Rnn,
    Lstm,
    Gru,
}

impl Cell {
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "rnn" => Some(Self::Rnn),
            "lstm" => Some(Self::Lstm),
            "gru" => Some(Self::Gru),
            _ => None,
        }
    }

    /// The blocks of `gates`, in their order.
    pub fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Rnn => &[],
            Self::Lstm => &["i", "f", "g", "o"],
            Self::Gru => &["r", "z", "n"],
        }
    }
}

/// One direction of one recurrent layer: names of the tensors that it reads and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strand {
    /// Number in running order.
    pub node: u32,
    /// `lstm.l0_reverse`
    pub name: String,
    pub cell: Cell,
    pub steps: u32,
    pub hidden: u32,
    /// (N, T, features): what the layer reads.
    pub input: Option<(String, u32)>,
    /// (N, T, H)
    pub h: String,
    pub c: Option<String>,
    /// (N, T, blocks · H)
    pub gates: Option<String>,
    /// The gradients that reach each step, and those of the sums behind the gates.
    pub dh: Option<String>,
    pub dc: Option<String>,
    pub da: Option<String>,
    /// Whether a gradient arrives at every step from what reads its state, not only at the last one.
    pub is_read_everywhere: bool,
}

impl Strand {
    /// Every tensor that is shown.
    pub fn tensors(&self) -> Vec<String> {
        let input = self.input.as_ref().map(|(name, _)| name);
        let others = [&self.c, &self.gates, &self.dh, &self.dc, &self.da];
        let others = others.into_iter().filter_map(Option::as_ref);
        std::iter::once(&self.h)
            .chain(input)
            .chain(others)
            .cloned()
            .collect()
    }

    /// Elements of one unit at one step, with the symbols that equations have for them, forward first.
    pub fn elements(&self, sample: u32, step: u32, unit: u32) -> Vec<(String, Element)> {
        let element = |symbol: String, tensor: &String, column: u32| {
            let index = vec![sample, step, column];
            let tensor = tensor.clone();
            (symbol, Element { tensor, index })
        };
        let mut elements = Vec::new();
        if let Some(gates) = &self.gates {
            for (gate, number) in self.cell.gates().iter().zip(0..) {
                elements.push(element(
                    (*gate).to_string(),
                    gates,
                    number * self.hidden + unit,
                ));
            }
        }
        if let Some(c) = &self.c {
            elements.push(element("c".into(), c, unit));
        }
        elements.push(element("h".into(), &self.h, unit));
        for (symbol, tensor) in [("dh", &self.dh), ("dc", &self.dc)] {
            if let Some(tensor) = tensor {
                elements.push(element(symbol.into(), tensor, unit));
            }
        }
        if let Some(da) = &self.da {
            let gates = self.cell.gates();
            if gates.is_empty() {
                elements.push(element("da".into(), da, unit));
            }
            for (gate, number) in gates.iter().zip(0..) {
                elements.push(element(
                    format!("da({gate})"),
                    da,
                    number * self.hidden + unit,
                ));
            }
        }
        elements
    }
}

/// The tensor (N, T, features) that a tensor was made from, by way of first inputs.
fn input_of(graph: &GraphModel, tensor: &str, steps: u32) -> Option<(String, u32)> {
    let mut at = tensor.to_string();
    loop {
        let node = graph.tensor(&at)?.node?;
        let node = graph.node(node as usize)?;
        if node.phase != Phase::Forward {
            return None;
        }
        let (_, input) = node.inputs.first()?;
        match graph.tensor(input)?.shape[..] {
            [_, t, features] if t == steps => return Some((input.clone(), features)),
            _ => at = input.clone(),
        }
    }
}

/// The operations over time, in running order.
pub fn strands(graph: &GraphModel) -> Vec<Strand> {
    let nodes = (0..).zip(&graph.facts.nodes);
    nodes
        .filter_map(|(number, node)| {
            let cell = Cell::of(&node.operation).filter(|_| node.phase == Phase::Forward)?;
            let bound = |symbol| graph.bound(node, symbol).map(str::to_string);
            let h = bound("h")?;
            let &[_, steps, hidden] = &graph.tensor(&h)?.shape[..] else {
                return None;
            };
            let mut others = graph.facts.nodes.iter();
            let backward = others.find(|other| {
                let has_states = other.outputs.iter().any(|(symbol, _)| symbol == "dh");
                other.partner == Some(number) && has_states
            });
            let arriving = |symbol: &str| {
                let mut outputs = backward?.outputs.iter();
                let found = outputs.find(|(known, _)| known == symbol)?;
                Some(found.1.clone())
            };
            let a = bound("a")?;
            let mut readers = graph.facts.nodes.iter();
            let is_last_read = readers.any(|other| {
                let reads = other.inputs.iter().any(|(_, tensor)| *tensor == h);
                reads && other.operation == "last_step"
            });
            Some(Strand {
                node: number,
                name: node.name.clone(),
                cell,
                steps,
                hidden,
                input: input_of(graph, &a, steps),
                c: bound("c"),
                gates: bound("gates"),
                dh: arriving("dh"),
                dc: arriving("dc"),
                da: arriving("da"),
                is_read_everywhere: !is_last_read,
                h,
            })
        })
        .collect()
}

/// Values (T, `width`) of which `count` columns from `first` on become rows, with time to the right.
pub fn ribbon(values: &[f32], width: u32, first: u32, count: u32) -> Vec<f32> {
    let (width, first) = (width as usize, first as usize);
    (first..first + count as usize)
        .flat_map(|unit| values.iter().skip(unit).step_by(width.max(1)).copied())
        .collect()
}

/// Height of a ribbon of so many rows, in pixels.
pub fn ribbon_height(rows: u32) -> u32 {
    (rows * 12).clamp(20, 120)
}

/// What becomes of a gradient on its way from the last step to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Below a hundredth.
    Vanishes,
    /// Down to a tenth.
    Shrinks,
    /// Between a tenth and ten times.
    Keeps,
    /// Beyond ten times.
    Grows,
    /// Beyond a hundred times.
    Explodes,
}

impl Course {
    pub fn of(ratio: f64) -> Self {
        match ratio {
            r if r < 0.01 => Self::Vanishes,
            r if r < 0.1 => Self::Shrinks,
            r if r <= 10.0 => Self::Keeps,
            r if r <= 100.0 => Self::Grows,
            _ => Self::Explodes,
        }
    }
}

/// The norms at both ends of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// At the step that ran first, where the gradient arrives at the end of its way.
    pub first: f64,
    /// At the step that ran last.
    pub last: f64,
    pub ratio: f64,
    pub course: Course,
}

/// What norms at every step say; `None` where the last one is 0 or something is not finite.
pub fn course(norms: &[f64], is_reversed: bool) -> Option<Ends> {
    let (&left, &right) = (norms.first()?, norms.last()?);
    let (first, last) = if is_reversed {
        (right, left)
    } else {
        (left, right)
    };
    let ratio = first / last;
    (ratio.is_finite() && last > 0.0).then(|| Ends {
        first,
        last,
        ratio,
        course: Course::of(ratio),
    })
}

/// The ends of the first row of norms that is computed.
pub fn ends_of(facts: &NormFacts) -> Option<Ends> {
    let (_, values) = facts.rows.first()?;
    course(values.as_ref()?, facts.is_reversed)
}

/// Whether gradients are cut off on the way through the sequence.
pub fn is_cut(facts: &NormFacts) -> bool {
    let mut rows = facts.rows.iter();
    let steps = rows.find_map(|(_, values)| Some(values.as_ref()?.len()));
    let every = facts.truncate.zip(steps);
    every.is_some_and(|(every, steps)| (every as usize) < steps)
}

/// The ratio of the norms at both ends, where it tells of the network: what was cut off on its way did not arrive.
pub fn ratio_of_network(facts: &NormFacts) -> Option<f64> {
    let ends = ends_of(facts).filter(|_| !is_cut(facts))?;
    Some(ends.ratio)
}

/// Decades that a logarithmic axis shows.
const DECADES: f64 = 8.0;

/// Heights of bars, from 0 to 1: shares of the largest, or places between it and so many powers of ten below.
pub fn heights(values: &[f64], is_logarithmic: bool) -> Vec<f64> {
    let most = values
        .iter()
        .filter(|value| value.is_finite())
        .fold(0.0, |most: f64, value| most.max(value.abs()));
    let height = |&value: &f64| {
        if !value.is_finite() {
            return 1.0;
        }
        if most <= 0.0 || value == 0.0 {
            return 0.0;
        }
        let share = value.abs() / most;
        match is_logarithmic {
            false => share,
            true => (1.0 + share.log10() / DECADES).max(0.0),
        }
    };
    values.iter().map(height).collect()
}

/// Rectangles of an SVG of one unit's width a bar and one unit's height.
pub fn bars(heights: &[f64]) -> String {
    use std::fmt::Write as _;
    let mut svg = String::new();
    for (at, height) in heights.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(
            svg,
            r#"<rect x="{:.2}" y="{:.4}" width="0.84" height="{height:.4}"/>"#,
            at as f64 + 0.08,
            1.0 - height
        );
    }
    svg
}

/// How many of the steps up to `last`, counted from there back, carry half of the sum.
pub fn half_of(norms: &[f64], last: usize) -> Option<usize> {
    let seen = &norms[..norms.len().min(last + 1)];
    let total: f64 = seen.iter().sum();
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    let mut sum = 0.0;
    seen.iter()
        .rev()
        .position(|norm| {
            sum += norm;
            sum >= 0.5 * total
        })
        .map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ribbon_has_units_downwards_and_time_to_the_right() {
        // Two steps of three columns.
        let values = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        assert_eq!(ribbon(&values, 3, 1, 2), [2.0, 20.0, 3.0, 30.0]);
        assert_eq!(ribbon(&values, 3, 0, 1), [1.0, 10.0]);
    }

    #[test]
    fn the_course_of_a_gradient_is_told_from_the_step_that_ran_last() {
        let ends = course(&[0.001, 0.5, 1.0], false).unwrap();
        assert_eq!((ends.first, ends.course), (0.001, Course::Vanishes));
        let ends = course(&[0.001, 0.5, 1.0], true).unwrap();
        assert_eq!((ends.ratio, ends.course), (1000.0, Course::Explodes));
        let of = |ratio| Course::of(ratio);
        assert_eq!(
            [of(0.05), of(1.0), of(50.0)],
            [Course::Shrinks, Course::Keeps, Course::Grows]
        );
        assert_eq!(course(&[1.0, 0.0], false), None);
        assert_eq!(course(&[f64::NAN, 1.0], false), None);
    }

    #[test]
    fn a_gradient_that_is_cut_off_tells_nothing_of_the_network() {
        let facts = |truncate| NormFacts {
            node: 0,
            is_reversed: false,
            truncate,
            rows: vec![("rnn.l0.backward.dh".into(), Some(vec![0.5, 0.0, 1.0]))],
            clip: None,
        };
        for truncate in [None, Some(3)] {
            assert_eq!(ratio_of_network(&facts(truncate)), Some(0.5));
        }
        assert_eq!(ends_of(&facts(Some(2))).unwrap().ratio, 0.5);
        assert_eq!(ratio_of_network(&facts(Some(2))), None);
    }

    #[test]
    fn bars_are_shares_of_the_largest_or_powers_of_ten_below_it() {
        assert_eq!(heights(&[1.0, 2.0, 0.0], false), [0.5, 1.0, 0.0]);
        let log = heights(&[1e-4, 1.0, 0.0, 1e-20], true);
        assert!((log[0] - 0.5).abs() < 1e-12 && log[1] == 1.0, "{log:?}");
        assert_eq!(&log[2..], [0.0, 0.0]);
        assert_eq!(heights(&[f64::INFINITY, 1.0], false), [1.0, 1.0]);
        assert_eq!(bars(&[0.5, 1.0]).matches("<rect").count(), 2);
    }

    #[test]
    fn half_of_a_sum_is_counted_from_the_prediction_back() {
        assert_eq!(half_of(&[1.0, 1.0, 1.0, 3.0], 3), Some(1));
        assert_eq!(half_of(&[1.0, 1.0, 1.0, 1.0], 3), Some(2));
        assert_eq!(half_of(&[1.0, 5.0, 1.0, 9.0], 2), Some(2));
        assert_eq!(half_of(&[0.0, 0.0], 1), None);
    }
}
