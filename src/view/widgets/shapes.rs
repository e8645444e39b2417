//! The shapes widget without a page: what is set, and where the numbers of a line come from.

use std::collections::BTreeMap;

use super::grid::moved;
use super::reading::{Problem, Reader};
use crate::lesson::shapes::{Line, MAX_BATCH, NetworkId, Walk};
use crate::view::format;

/// What is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    pub network: NetworkId,
    pub batch: u32,
    /// The line that is looked at; `None` for the one that fails, or the first.
    pub line: Option<usize>,
}

impl State {
    /// As a link has it, and what could not be used of it.
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let networks = NetworkId::ALL.map(|network| (network.name(), network));
        let state = Self {
            network: reader.choice("network", &networks, NetworkId::Lenet),
            batch: reader.whole("batch", (1, MAX_BATCH.into()), 64) as u32,
            line: None,
        };
        (state, reader.problems)
    }

    /// The line that is looked at.
    pub fn looked_at(&self, walk: &Walk) -> usize {
        let usual = walk
            .failure
            .as_ref()
            .map_or(0, |failure| failure.line as usize);
        self.line.unwrap_or(usual).min(walk.lines.len() - 1)
    }

    /// What a key does to the line that is looked at; whether it does anything.
    pub fn key(&mut self, key: &str, walk: &Walk) -> bool {
        let next = moved(key, self.looked_at(walk), [walk.lines.len(), 1]);
        if next.is_some() {
            self.line = next;
        }
        next.is_some()
    }
}

/// A shape as it is written: `(64, 6, 28, 28)`.
pub fn shape(dims: &[usize]) -> String {
    let sizes: Vec<String> = dims.iter().map(usize::to_string).collect();
    match sizes.len() {
        1 => format!("({},)", sizes[0]),
        _ => format!("({})", sizes.join(", ")),
    }
}

/// What a line reads.
pub fn input(walk: &Walk, line: usize) -> Vec<usize> {
    match line.checked_sub(1).and_then(|before| walk.rows.get(before)) {
        Some(row) => row.output.clone(),
        None => {
            let sample = walk.sample.map(|size| size as usize);
            [&[walk.batch as usize], &sample[..]].concat()
        }
    }
}

/// Where the numbers of a line come from: formulas with its numbers. Empty where there is nothing to compute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Formulas {
    pub shape: String,
    pub parameters: String,
    pub multiply_adds: String,
}

/// The formulas of a line that ran.
pub fn formulas(walk: &Walk, line: usize) -> Option<Formulas> {
    let row = walk.rows.get(line)?;
    let before = input(walk, line);
    let after = &row.output;
    let sides = format!("{} → {}", shape(&before), shape(after));
    Some(match row.line {
        Line::Conv {
            inputs,
            outputs,
            kernel,
            padding,
        } => Formulas {
            shape: format!(
                "⌊({} + 2·{padding} − {kernel}) / 1⌋ + 1 = {};  {sides}",
                before[2], after[2]
            ),
            parameters: format!(
                "{outputs}·{inputs}·{kernel}·{kernel} + {outputs} = {}",
                format::count(row.parameters)
            ),
            multiply_adds: format!(
                "{}·{}·{outputs}·{inputs}·{kernel}·{kernel} = {}",
                after[2],
                after[3],
                format::count(row.multiply_adds)
            ),
        },
        Line::MaxPool => Formulas {
            shape: format!("⌊({} − 2) / 2⌋ + 1 = {};  {sides}", before[2], after[2]),
            ..Formulas::default()
        },
        Line::Linear { inputs, outputs } => Formulas {
            shape: sides,
            parameters: format!(
                "{outputs}·{inputs} + {outputs} = {}",
                format::count(row.parameters)
            ),
            multiply_adds: {
                let work = format::count(row.multiply_adds);
                match after[0] == walk.batch as usize {
                    true => format!("{outputs}·{inputs} = {work}"),
                    // Rows that are no longer samples.
                    false => format!("{outputs}·{inputs}·{} / {} = {work}", after[0], walk.batch),
                }
            },
        },
        Line::View { features } => {
            let count: usize = before.iter().product();
            Formulas {
                shape: format!(
                    "{} = {} / {features} = {};  {sides}",
                    product(&before, features),
                    format::count(count as u64),
                    after[0]
                ),
                ..Formulas::default()
            }
        }
        Line::Flatten => {
            let sizes: Vec<String> = before[1..].iter().map(usize::to_string).collect();
            Formulas {
                shape: format!("{} = {};  {sides}", sizes.join("·"), after[1]),
                ..Formulas::default()
            }
        }
        Line::Relu => Formulas {
            shape: sides,
            ..Formulas::default()
        },
        Line::Loss => Formulas {
            shape: format!("{}, ({},) → ()", shape(&before), walk.batch),
            ..Formulas::default()
        },
    })
}

/// `64·16·4·4 / 400`
fn product(dims: &[usize], features: u32) -> String {
    let sizes: Vec<String> = dims.iter().map(usize::to_string).collect();
    format!("{} / {features}", sizes.join("·"))
}

/// The picture with the pixels that a number in the middle depends on; as much of them as the picture has.
pub fn field_svg(field: Option<u32>, side: u32) -> String {
    let seen = field.unwrap_or(side);
    let shown = seen.min(side);
    let from = f64::from(side - shown) / 2.0;
    let class = if seen > side || field.is_none() {
        "wg-window is-whole"
    } else {
        "wg-window"
    };
    format!(
        "<svg class=\"wg-map wg-field\" viewBox=\"-1 -1 {0} {0}\" aria-hidden=\"true\">\
         <rect class=\"wg-paper wg-edge\" x=\"0\" y=\"0\" width=\"{side}\" height=\"{side}\"/>\
         <rect class=\"{class}\" x=\"{from}\" y=\"{from}\" width=\"{shown}\" height=\"{shown}\"/></svg>",
        side + 2
    )
}

#[cfg(test)]
mod tests {
    use super::super::grid::settings;
    use super::*;
    use crate::lesson::shapes::walk;

    #[test]
    fn formulas_come_out_at_what_the_engine_says() {
        let mut checked = 0;
        for network in NetworkId::ALL {
            let walk = walk(network, 25).unwrap();
            for line in 0..walk.rows.len() {
                let formulas = formulas(&walk, line).expect("it ran");
                for text in [&formulas.parameters, &formulas.multiply_adds] {
                    let Some((left, right)) = text.split_once(" = ") else {
                        assert!(text.is_empty());
                        continue;
                    };
                    let terms = left.split(" + ").map(|term| {
                        let (term, divisor) = term.split_once(" / ").unwrap_or((term, "1"));
                        let factors = term.split('·').map(|factor| factor.parse::<u64>().unwrap());
                        factors.product::<u64>() / divisor.parse::<u64>().unwrap()
                    });
                    assert_eq!(format::count(terms.sum()), right, "{text}");
                    checked += 1;
                }
            }
            assert_eq!(formulas(&walk, walk.rows.len()), None);
        }
        assert!(checked > 60, "{checked}");
        let lenet = walk(NetworkId::Lenet, 64).unwrap();
        let first = formulas(&lenet, 0).unwrap();
        assert_eq!(
            first.shape,
            "⌊(28 + 2·2 − 5) / 1⌋ + 1 = 28;  (64, 1, 28, 28) → (64, 6, 28, 28)"
        );
        assert_eq!(first.parameters, "6·1·5·5 + 6 = 156");
        assert_eq!(
            formulas(&lenet, 6).unwrap().shape,
            "16·5·5 = 400;  (64, 16, 5, 5) → (64, 400)"
        );
        let mixed = walk(NetworkId::Lenet28, 25).unwrap();
        assert_eq!(
            formulas(&mixed, 6).unwrap().shape,
            "25·16·4·4 / 400 = 6,400 / 400 = 16;  (25, 16, 4, 4) → (16, 400)"
        );
    }

    #[test]
    fn the_line_that_fails_is_looked_at_first() {
        let (mut state, problems) =
            State::read(&settings(&[("network", "printed-vgg"), ("batch", "32")]));
        assert!(problems.is_empty());
        let walk = walk(state.network, state.batch).unwrap();
        assert_eq!(state.looked_at(&walk), 3);
        assert!(state.key("ArrowDown", &walk));
        assert_eq!(state.looked_at(&walk), 4);
        assert!(state.key("End", &walk) && state.key("ArrowDown", &walk));
        assert_eq!(state.looked_at(&walk), 6);
        assert!(!state.key("x", &walk));
        let (_, problems) = State::read(&settings(&[("network", "alexnet"), ("batch", "0")]));
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn a_field_larger_than_the_picture_covers_it() {
        assert!(field_svg(Some(212), 32).contains("width=\"32\" height=\"32\"/></svg>"));
        assert!(field_svg(Some(5), 28).contains("x=\"11.5\""));
        assert!(field_svg(None, 28).contains("is-whole"));
    }
}
