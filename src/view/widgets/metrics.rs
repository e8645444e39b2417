//! A confusion matrix to edit, with the metrics that `train` computes of it.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use crate::train::Evaluation;
use crate::view::format;

/// Classes.
pub const LEAST: usize = 2;
pub const MOST: usize = 6;

/// The largest count of a cell.
pub const HIGHEST: u32 = 1_000_000;

/// As LaTeX.
pub const FORMULAS: [&str; 3] = [
    r"\text{precision}_k = \frac{TP_k}{TP_k + FP_k}",
    r"\text{recall}_k = \frac{TP_k}{TP_k + FN_k}",
    r"F1_k = \frac{2\,TP_k}{2\,TP_k + FP_k + FN_k}",
];

/// What the learner has set.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Rows true, columns predicted.
    pub matrix: Vec<Vec<u32>>,
}

/// The matrix of chapter 7: 150 cases.
fn usual() -> Vec<Vec<u32>> {
    [[50, 3, 2], [5, 40, 5], [2, 8, 35]].map(Vec::from).to_vec()
}

/// A ratio of two counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub part: u64,
    pub whole: u64,
    /// `None` for 0/0.
    pub value: Option<f32>,
}

impl Ratio {
    /// The value as machines read it: `undefined` for 0/0.
    pub fn bare(value: Option<f32>) -> String {
        value.map_or("undefined".to_string(), |value| format::bare(value.into()))
    }
}

/// Everything of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassMetrics {
    pub precision: Ratio,
    pub recall: Ratio,
    /// 2·TP / (2·TP + FP + FN)
    pub f1: Ratio,
}

impl State {
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let matrix = reader.square("matrix", (LEAST, MOST), HIGHEST, &usual());
        (Self { matrix }, reader.problems)
    }

    /// 95 negative samples and 5 positive ones, all called negative.
    pub fn always_negative() -> Self {
        Self {
            matrix: vec![vec![95, 0], vec![5, 0]],
        }
    }

    pub fn classes(&self) -> usize {
        self.matrix.len()
    }

    /// One class more, without samples, or one less.
    pub fn with_classes(&self, classes: usize) -> Self {
        let classes = classes.clamp(LEAST, MOST);
        let at = |row: usize, column: usize| {
            let row = self.matrix.get(row);
            row.and_then(|row| row.get(column)).copied().unwrap_or(0)
        };
        let rows = 0..classes;
        let matrix = rows.map(|row| (0..classes).map(|column| at(row, column)).collect());
        Self {
            matrix: matrix.collect(),
        }
    }

    pub fn with_cell(&self, row: usize, column: usize, count: u32) -> Self {
        let mut matrix = self.matrix.clone();
        if let Some(cell) = matrix.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = count.min(HIGHEST);
        }
        Self { matrix }
    }

    /// The engine's metrics.
    pub fn evaluation(&self) -> Evaluation {
        Evaluation::of_confusion(self.matrix.clone())
    }

    /// Samples whose true class it is.
    pub fn row(&self, class: usize) -> u64 {
        self.matrix[class].iter().copied().map(u64::from).sum()
    }

    /// Samples that are called it.
    pub fn column(&self, class: usize) -> u64 {
        let column = self.matrix.iter().map(|row| u64::from(row[class]));
        column.sum()
    }

    pub fn total(&self) -> u64 {
        (0..self.classes()).map(|class| self.row(class)).sum()
    }

    /// Right answers over all.
    pub fn accuracy(&self, evaluation: &Evaluation) -> Ratio {
        let right = (0..self.classes()).map(|class| u64::from(self.matrix[class][class]));
        Ratio {
            part: right.sum(),
            whole: self.total(),
            value: evaluation.accuracy,
        }
    }

    /// The counts behind a class's metrics beside their values.
    pub fn class(&self, evaluation: &Evaluation, class: usize) -> ClassMetrics {
        let right = u64::from(self.matrix[class][class]);
        let (row, column) = (self.row(class), self.column(class));
        let ratio = |part, whole, values: &[Option<f32>]| Ratio {
            part,
            whole,
            value: values.get(class).copied().flatten(),
        };
        ClassMetrics {
            precision: ratio(right, column, &evaluation.precision),
            recall: ratio(right, row, &evaluation.recall),
            f1: ratio(2 * right, row + column, &evaluation.f1),
        }
    }

    /// How strong a cell is drawn: its share of its row, in tenths.
    pub fn strength(&self, row: usize, column: usize) -> u64 {
        let count = u64::from(self.matrix[row][column]);
        (10 * count).checked_div(self.row(row)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: Option<f32>, expected: f32) {
        let actual = actual.expect("defined");
        assert!(
            (actual - expected).abs() < 5e-5,
            "{actual} is not {expected}"
        );
    }

    /// The reference figures of that matrix.
    #[test]
    fn the_metrics_of_the_lab_s_matrix() {
        let (state, problems) = State::read(&BTreeMap::new());
        assert!(problems.is_empty());
        let evaluation = state.evaluation();
        let accuracy = state.accuracy(&evaluation);
        near(accuracy.value, 0.8333);
        assert_eq!((accuracy.part, accuracy.whole), (125, 150));
        for (class, (precision, recall)) in [(0.8772, 0.9091), (0.7843, 0.8), (0.8333, 0.7778)]
            .into_iter()
            .enumerate()
        {
            let metrics = state.class(&evaluation, class);
            near(metrics.precision.value, precision);
            near(metrics.recall.value, recall);
            for ratio in [metrics.precision, metrics.recall, metrics.f1] {
                near(ratio.value, (ratio.part as f64 / ratio.whole as f64) as f32);
            }
        }
        near(evaluation.macro_precision, 0.8316);
        near(evaluation.macro_recall, 0.8290);
    }

    #[test]
    fn high_accuracy_can_go_with_no_recall_and_0_of_0_is_undefined() {
        let state = State::always_negative();
        let evaluation = state.evaluation();
        near(state.accuracy(&evaluation).value, 0.95);
        let positive = state.class(&evaluation, 1);
        assert_eq!(positive.recall.value, Some(0.0));
        assert_eq!((positive.precision.part, positive.precision.whole), (0, 0));
        assert_eq!(Ratio::bare(positive.precision.value), "undefined");
        assert_eq!(Ratio::bare(positive.recall.value), "0");
    }

    #[test]
    fn matrices_grow_shrink_and_change() {
        let settings = |text: &str| [("matrix".to_string(), text.to_string())].into();
        let (state, problems) = State::read(&settings("1,2,3,4"));
        assert!(problems.is_empty());
        let grown = state.with_classes(3);
        assert_eq!(grown.matrix, [[1, 2, 0], [3, 4, 0], [0, 0, 0]]);
        assert_eq!(grown.with_classes(2), state);
        assert_eq!(grown.with_classes(99).classes(), MOST);
        let changed = state.with_cell(1, 0, 7);
        assert_eq!(
            (changed.row(1), changed.column(0), changed.total()),
            (11, 8, 14)
        );
        assert_eq!(changed.strength(1, 0), 6);
        assert_eq!(grown.strength(2, 2), 0);
        for wrong in ["1,2,3", "1", "", "1,2,3,-4", "1,2,3,1000001"] {
            let (state, problems) = State::read(&settings(wrong));
            assert_eq!((state.classes(), problems.len()), (3, 1), "{wrong}");
        }
    }
}
