//! The pipeline widget without a page: what is set, what each card says of the run, and the curve of its loss.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use crate::lesson::pipeline::{Card, Check, Fault, Report, Rule};
use crate::plot::{PlotLine, lines_svg};
use crate::view::format;
use crate::view::texts::widgets::pipeline::PipelineTexts;

/// What is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    pub fault: Fault,
    pub seed: u64,
}

impl State {
    /// As a link has it, and what could not be used of it.
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let faults = Fault::ALL.map(|fault| (fault.name(), fault));
        let state = Self {
            fault: reader.choice("fault", &faults, Fault::None),
            seed: reader.whole("seed", (0, u32::MAX.into()), 1),
        };
        (state, reader.problems)
    }
}

/// One number of a card: what it is, and how it is written; the bare one for machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub id: &'static str,
    pub name: &'static str,
    pub text: String,
    pub bare: String,
}

fn figure(id: &'static str, name: &'static str, value: f64, text: String) -> Figure {
    Figure {
        id,
        name,
        text,
        bare: format::bare(value),
    }
}

fn counted(id: &'static str, name: &'static str, value: u64) -> Figure {
    figure(id, name, value as f64, format::count(value))
}

fn written(id: &'static str, name: &'static str, value: f64) -> Figure {
    figure(id, name, value, format::significant(value, 4))
}

fn share(id: &'static str, name: &'static str, value: f64) -> Figure {
    figure(id, name, value, format::percent(value, 1))
}

/// The numbers of a card, as far as the run has come; empty before it gets there.
pub fn figures(report: &Report, card: Card, t: &PipelineTexts) -> Vec<Figure> {
    match card {
        Card::Preprocess => report
            .preprocess
            .iter()
            .flat_map(|card| {
                vec![
                    counted("training", t.training, card.training.into()),
                    counted("held-out", t.held_out, card.held_out.into()),
                    Figure {
                        id: "bytes",
                        name: t.bytes,
                        text: format!("{} … {}", card.bytes[0], card.bytes[1]),
                        bare: format!("{},{}", card.bytes[0], card.bytes[1]),
                    },
                    Figure {
                        id: "range",
                        name: t.range,
                        text: format!(
                            "{} … {}",
                            format::significant(card.low.into(), 4),
                            format::significant(card.high.into(), 4)
                        ),
                        bare: format!(
                            "{},{}",
                            format::bare(card.low.into()),
                            format::bare(card.high.into())
                        ),
                    },
                    written("mean", t.mean, card.mean),
                    written("deviation", t.deviation, card.deviation),
                ]
            })
            .collect(),
        Card::Graph => report
            .graph
            .iter()
            .flat_map(|card| {
                let shapes = card.layers.iter().map(|layer| {
                    let sizes: Vec<String> = std::iter::once(card.batch.to_string())
                        .chain(layer.output_shape.iter().map(usize::to_string))
                        .collect();
                    format!("{} ({})", layer.name, sizes.join(", "))
                });
                let shapes: Vec<String> = shapes.collect();
                vec![
                    Figure {
                        id: "layers",
                        name: t.layers,
                        text: shapes.join(" → "),
                        bare: card.layers.len().to_string(),
                    },
                    counted("parameters", t.parameters, card.parameters),
                ]
            })
            .collect(),
        Card::Loss => report
            .loss
            .iter()
            .flat_map(|card| {
                vec![
                    written("start", t.loss_before, card.loss),
                    written("guess", t.guess, std::f64::consts::LN_10),
                    share("accuracy-before", t.accuracy_before, card.accuracy),
                ]
            })
            .collect(),
        Card::Train => report
            .train
            .iter()
            .flat_map(|card| {
                let mut figures = vec![
                    counted("steps", t.steps, card.losses.len() as u64),
                    counted("epochs", t.epochs, card.epochs.into()),
                    written("learning-rate", t.learning_rate, card.learning_rate.into()),
                ];
                if let Some(&last) = card.losses.last() {
                    figures.push(written("last", t.loss_now, last.into()));
                }
                if let Some(mean) = card.last_epoch {
                    figures.push(written("last-epoch", t.loss_last, mean));
                }
                figures
            })
            .collect(),
        Card::Evaluate => report
            .evaluate
            .iter()
            .flat_map(|card| {
                vec![
                    Figure {
                        text: format!(
                            "{} ({} / {})",
                            format::percent(card.accuracy, 1),
                            card.right,
                            card.samples
                        ),
                        ..share("accuracy", t.accuracy, card.accuracy)
                    },
                    written("held-out-loss", t.held_out_loss, card.loss),
                    share("most-frequent", t.most_frequent, card.most_frequent),
                    counted("shared", t.shared, card.shared.into()),
                ]
            })
            .collect(),
        Card::Deploy => report
            .deploy
            .iter()
            .flat_map(|card| {
                vec![
                    figure(
                        "file-bytes",
                        t.file,
                        card.bytes as f64,
                        format::bytes(card.bytes),
                    ),
                    figure(
                        "same",
                        t.same,
                        card.same.into(),
                        format!("{} / {}", card.same, card.asked),
                    ),
                    share("fresh", t.fresh, card.fresh_accuracy),
                ]
            })
            .collect(),
    }
}

/// A rule's two numbers as they are written.
pub fn numbers_of(check: &Check) -> (String, String) {
    let text = |value: f64| match check.rule {
        Rule::LossFalls | Rule::BeatsGuessing => format::percent(value, 1),
        // In percentage points.
        Rule::FreshAgrees => format::fixed(100.0 * value, 1),
        Rule::StartsAtGuess => format::significant(value, 3),
        _ => format::fixed(value, 0),
    };
    (text(check.measured), text(check.bound))
}

/// Most points of the curve that are drawn.
const MOST_POINTS: usize = 300;

/// The loss of every step, with ln 10 as a line across.
pub fn curve_svg(report: &Report, label: &str, names: [&str; 2]) -> String {
    let Some(trained) = &report.train else {
        return String::new();
    };
    let all = trained.losses.len();
    let every = all.div_ceil(MOST_POINTS).max(1);
    let last = f64::from(trained.epochs * trained.steps_per_epoch);
    let points = trained.losses.iter().enumerate().step_by(every);
    let points = points.map(|(step, &loss)| ((step + 1) as f64, f64::from(loss)));
    let guess = std::f64::consts::LN_10;
    let lines = [
        PlotLine {
            class: "wg-guess",
            points: vec![(0.0, guess), (last, guess)],
            marks: Vec::new(),
        },
        PlotLine {
            class: "wg-loss",
            points: points.collect(),
            marks: Vec::new(),
        },
    ];
    lines_svg(&lines, (360, 190), label, names, last, 0.0)
}

/// The first card whose rules do not hold.
pub fn first_red(report: &Report) -> Option<Card> {
    Card::ALL
        .into_iter()
        .find(|&card| report.holds(card) == Some(false))
}

#[cfg(test)]
mod tests {
    use super::super::grid::settings;
    use super::*;
    use crate::lesson::pipeline::{Pipeline, files};
    use crate::view::texts::Locale;
    use crate::view::texts::widgets::pipeline::texts;

    #[test]
    fn every_card_has_its_numbers_once_the_run_is_there() {
        let t = texts(Locale::English);
        let bytes = files().map(|path| std::fs::read(format!("assets/data/{path}")).unwrap());
        let files = bytes.each_ref().map(|file| &file[..]);
        let mut run = Pipeline::new(Fault::None, 1, files).unwrap();
        // Before anything has run the data and the graph are known.
        let there: Vec<bool> = Card::ALL
            .map(|card| !figures(run.report(), card, t).is_empty())
            .into();
        assert_eq!(there, [true, true, false, false, false, false]);
        assert_eq!(curve_svg(run.report(), "", ["", ""]), "");
        while run.advance(50.0).unwrap() {}
        let report = run.report();
        for card in Card::ALL {
            let figures = figures(report, card, t);
            assert!(figures.len() >= 2, "{card:?}");
            assert!(figures.iter().all(|figure| !figure.text.contains("NaN")));
        }
        let guess = &figures(report, Card::Loss, t)[1];
        assert_eq!((guess.id, &guess.text[..]), ("guess", "2.303"));
        assert_eq!(first_red(report), None);
        for check in &report.checks {
            let (measured, bound) = numbers_of(check);
            assert!(!measured.is_empty() && !bound.is_empty());
        }
        let svg = curve_svg(report, "loss", ["step", "loss"]);
        assert!(svg.contains("wg-loss") && !svg.contains("NaN"));
    }

    #[test]
    fn settings_of_a_link_are_read_or_named() {
        let (state, problems) = State::read(&settings(&[("fault", "leak")]));
        assert!(problems.is_empty());
        assert_eq!(state.fault, Fault::Leak);
        let (state, problems) = State::read(&settings(&[("fault", "virus"), ("seed", "-1")]));
        assert_eq!(problems.len(), 2);
        assert_eq!((state.fault, state.seed), (Fault::None, 1));
    }
}
