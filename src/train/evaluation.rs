//! Held-out metrics: from probabilities and classes, or from predicted numbers.
//!
//! A ratio of 0/0 is undefined (`None`), never 0: a class that is never predicted has no precision, one that never
//! occurs has no recall. A mean over classes is undefined as soon as one of them is.

use serde::{Deserialize, Serialize};

/// What a pass over the held-out split measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean over the samples; nats for cross-entropy.
    pub loss: f32,
    /// Share of samples that are right; `None` where numbers are predicted.
    pub accuracy: Option<f32>,
    /// Share of samples whose class is among the `k` most probable; `None` for fewer than three classes.
    pub top_k: Option<TopK>,
    /// Rows true, columns predicted; empty where numbers are predicted.
    pub confusion: Vec<Vec<u32>>,
    /// For each class; `None` where it was never predicted.
    pub precision: Vec<Option<f32>>,
    /// For each class; `None` where it never occurs.
    pub recall: Vec<Option<f32>>,
    /// For each class; `None` where it neither occurs nor was predicted.
    pub f1: Vec<Option<f32>>,
    /// Means over the classes.
    pub macro_precision: Option<f32>,
    pub macro_recall: Option<f32>,
    pub macro_f1: Option<f32>,
    /// exp(loss): as many characters as the network is torn between; only of texts.
    pub perplexity: Option<f32>,
    /// Mean squared error in the square of the target's unit; `None` where classes are predicted.
    pub mse: Option<f32>,
    /// Mean absolute error in the target's unit.
    pub mae: Option<f32>,
}

/// How often the true class is among the most probable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    pub k: u32,
    /// Share of the samples.
    pub share: f32,
}

/// How many of the most probable classes [`Evaluation::top_k`] looks at.
fn top_count(classes: usize) -> Option<u32> {
    match classes {
        0..=2 => None,
        3..=5 => Some(2),
        _ => Some(5),
    }
}

/// Collects predictions of classes, batch by batch.
#[derive(Clone, Debug)]
pub struct Tally {
    confusion: Vec<Vec<u32>>,
    loss_sum: f64,
    count: u32,
    among_top: u32,
}

impl Tally {
    pub fn new(classes: usize) -> Self {
        Self {
            confusion: vec![vec![0; classes]; classes],
            loss_sum: 0.0,
            count: 0,
            among_top: 0,
        }
    }

    /// Adds samples: `probabilities` (labels.len(), K) row-major. K is the number of classes, or 1 where the one
    /// number is the probability of class 1 against class 0.
    pub fn add(&mut self, probabilities: &[f32], losses: &[f32], labels: &[u32]) {
        let width = probabilities.len().checked_div(labels.len()).unwrap_or(0);
        let top = top_count(self.confusion.len()).unwrap_or(0);
        for (row, (&label, &loss)) in probabilities
            .chunks_exact(width.max(1))
            .zip(labels.iter().zip(losses))
        {
            self.confusion[label as usize][predicted_class(row)] += 1;
            self.among_top += u32::from(rank(row, label as usize) < top);
            self.loss_sum += f64::from(loss);
            self.count += 1;
        }
    }

    pub fn finish(self) -> Evaluation {
        let classes = self.confusion.len();
        let right: u32 = (0..classes).map(|class| self.confusion[class][class]).sum();
        let samples = f64::from(self.count.max(1));
        let share = |part: u32| (f64::from(part) / samples) as f32;
        Evaluation {
            loss: (self.loss_sum / samples) as f32,
            accuracy: Some(share(right)),
            top_k: top_count(classes).map(|k| TopK {
                k,
                share: share(self.among_top),
            }),
            ..Evaluation::of_confusion(self.confusion)
        }
    }
}

impl Evaluation {
    /// What a confusion matrix alone tells: accuracy, and the metrics of each class and their means. Rows true, columns
    /// predicted, as many of both; the loss is left at 0. The accuracy of no sample is undefined.
    pub fn of_confusion(confusion: Vec<Vec<u32>>) -> Self {
        let total: u64 = confusion.iter().flatten().copied().map(u64::from).sum();
        let right: u64 = (0..confusion.len())
            .map(|class| u64::from(confusion[class][class]))
            .sum();
        let PerClass {
            precision,
            recall,
            f1,
        } = PerClass::of(&confusion);
        Self {
            accuracy: (total > 0).then(|| (right as f64 / total as f64) as f32),
            macro_precision: mean(&precision),
            macro_recall: mean(&recall),
            macro_f1: mean(&f1),
            precision,
            recall,
            f1,
            confusion,
            ..Self::default()
        }
    }
}

/// The metrics of each class.
struct PerClass {
    precision: Vec<Option<f32>>,
    recall: Vec<Option<f32>>,
    f1: Vec<Option<f32>>,
}

impl PerClass {
    /// From a confusion matrix; rows true, columns predicted.
    fn of(confusion: &[Vec<u32>]) -> Self {
        let ratio = |part: u32, whole: u32| (whole > 0).then(|| part as f32 / whole as f32);
        let classes = 0..confusion.len();
        let right = |class: usize| confusion[class][class];
        let predicted = |class: usize| -> u32 { confusion.iter().map(|row| row[class]).sum() };
        let actual = |class: usize| -> u32 { confusion[class].iter().sum() };
        Self {
            precision: classes
                .clone()
                .map(|class| ratio(right(class), predicted(class)))
                .collect(),
            recall: classes
                .clone()
                .map(|class| ratio(right(class), actual(class)))
                .collect(),
            // 2·TP / (2·TP + FP + FN): the harmonic mean of precision and recall, where both are defined.
            f1: classes
                .map(|class| ratio(2 * right(class), predicted(class) + actual(class)))
                .collect(),
        }
    }
}

/// Undefined as soon as one of them is, or when there are none.
fn mean(values: &[Option<f32>]) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let sum: Option<f64> = values.iter().map(|value| value.map(f64::from)).sum();
    sum.map(|sum| (sum / values.len() as f64) as f32)
}

/// Collects predicted numbers, batch by batch.
#[derive(Clone, Debug)]
pub struct NumberTally {
    /// What turns a difference of the network's output into the target's unit.
    scale: f64,
    loss_sum: f64,
    squares: f64,
    absolutes: f64,
    samples: u32,
    numbers: u64,
}

impl NumberTally {
    /// `scale` is the deviation that the targets were divided by.
    pub fn new(scale: f32) -> Self {
        Self {
            scale: scale.into(),
            loss_sum: 0.0,
            squares: 0.0,
            absolutes: 0.0,
            samples: 0,
            numbers: 0,
        }
    }

    /// Adds samples: predictions and standardised targets (N, K) alike, losses (N).
    pub fn add(&mut self, predictions: &[f32], targets: &[f32], losses: &[f32]) {
        for (prediction, target) in predictions.iter().zip(targets) {
            let error = self.scale * (f64::from(*prediction) - f64::from(*target));
            self.squares += error * error;
            self.absolutes += error.abs();
            self.numbers += 1;
        }
        self.loss_sum += losses.iter().copied().map(f64::from).sum::<f64>();
        self.samples += losses.len() as u32;
    }

    pub fn finish(self) -> Evaluation {
        let numbers = self.numbers.max(1) as f64;
        Evaluation {
            loss: (self.loss_sum / f64::from(self.samples.max(1))) as f32,
            mse: Some((self.squares / numbers) as f32),
            mae: Some((self.absolutes / numbers) as f32),
            ..Evaluation::default()
        }
    }
}

/// The class that a row of probabilities speaks for. A single number is the probability of class 1.
pub fn predicted_class(row: &[f32]) -> usize {
    match row {
        [one] => usize::from(*one > 0.5),
        row => arg_max(row),
    }
}

/// How many classes come before `class`: those more probable, and earlier ones as probable.
fn rank(row: &[f32], class: usize) -> u32 {
    let Some(own) = row.get(class) else {
        return 0;
    };
    let before = row
        .iter()
        .enumerate()
        .filter(|(at, value)| *value > own || (*value == own && *at < class));
    before.count() as u32
}

/// The first of the largest values.
pub fn arg_max(values: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tally that has seen this confusion matrix; rows true, columns predicted.
    fn tally_of<const K: usize>(matrix: [[u32; K]; K]) -> Tally {
        let mut tally = Tally::new(K);
        for (label, row) in matrix.iter().enumerate() {
            for (predicted, &count) in row.iter().enumerate() {
                let mut probabilities = [0.0; K];
                probabilities[predicted] = 1.0;
                for _ in 0..count {
                    tally.add(&probabilities, &[0.5], &[label as u32]);
                }
            }
        }
        tally
    }

    fn close(actual: Option<f32>, expected: f32) {
        let actual = actual.expect("defined");
        assert!(
            (actual - expected).abs() < 5e-5,
            "{actual} is not {expected}"
        );
    }

    /// The reference figures of a matrix of 150 cases: rows true, columns predicted.
    #[test]
    fn metrics_of_a_known_confusion_matrix() {
        let result = tally_of([[50, 3, 2], [5, 40, 5], [2, 8, 35]]).finish();
        close(result.accuracy, 0.8333);
        close(Some(result.loss), 0.5);
        for (actual, expected) in result.precision.iter().zip([0.8772, 0.7843, 0.8333]) {
            close(*actual, expected);
        }
        for (actual, expected) in result.recall.iter().zip([0.9091, 0.8000, 0.7778]) {
            close(*actual, expected);
        }
        // 100/112, 80/101, 70/87.
        for (actual, expected) in result.f1.iter().zip([0.8929, 0.7921, 0.8046]) {
            close(*actual, expected);
        }
        close(result.macro_precision, 0.8316);
        close(result.macro_recall, 0.8290);
        close(result.macro_f1, 0.8298);
        assert_eq!((result.mse, result.mae), (None, None));
    }

    #[test]
    fn a_matrix_alone_has_the_metrics_of_its_samples() {
        let matrix = [[50, 3, 2], [5, 40, 5], [2, 8, 35]];
        let counted = tally_of(matrix).finish();
        let alone = Evaluation::of_confusion(matrix.map(Vec::from).to_vec());
        assert_eq!(
            Evaluation {
                loss: 0.0,
                top_k: None,
                ..counted
            },
            alone
        );
        let empty = Evaluation::of_confusion(vec![vec![0; 2]; 2]);
        assert_eq!((empty.accuracy, empty.macro_recall), (None, None));
    }

    /// Always negative at 95 to 5.
    #[test]
    fn a_class_never_predicted_has_no_precision_and_the_mean_has_none_either() {
        let result = tally_of([[95, 0], [5, 0]]).finish();
        close(result.accuracy, 0.95);
        assert_eq!(result.precision, [Some(0.95), None]);
        assert_eq!(result.recall, [Some(1.0), Some(0.0)]);
        assert_eq!(result.f1[1], Some(0.0));
        assert_eq!(result.macro_precision, None);
        close(result.macro_recall, 0.5);
        assert_eq!(result.top_k, None, "of two classes the top two are all");

        let result = tally_of([[3, 1, 0], [0, 2, 0], [0, 0, 0]]).finish();
        assert_eq!(result.recall[2], None, "it never occurs");
        assert_eq!(result.f1[2], None, "nor is it predicted");
        assert_eq!((result.macro_recall, result.macro_f1), (None, None));
    }

    #[test]
    fn the_top_classes_are_counted_by_rank_and_ties_by_order() {
        let mut tally = Tally::new(3);
        tally.add(
            &[0.5, 0.3, 0.2, 0.5, 0.3, 0.2, 0.4, 0.2, 0.4, 0.2, 0.4, 0.4],
            &[0.0; 4],
            &[1, 2, 2, 2],
        );
        let result = tally.finish();
        // Ranks 1, 2, 1 (behind an equal, earlier one) and 1.
        assert_eq!(result.top_k, Some(TopK { k: 2, share: 0.75 }));
        close(result.accuracy, 0.0);
    }

    #[test]
    fn one_probability_decides_between_two_classes_at_one_half() {
        let mut tally = Tally::new(2);
        tally.add(&[0.2, 0.5, 0.51, 0.9], &[0.1; 4], &[0, 1, 1, 0]);
        assert_eq!(tally.finish().confusion, [[1, 1], [1, 1]]);
    }

    #[test]
    fn errors_of_numbers_are_in_the_unit_of_the_target() {
        let mut tally = NumberTally::new(10.0);
        tally.add(&[1.0, 2.0], &[1.5, 1.0], &[0.25, 1.0]);
        tally.add(&[0.0], &[0.0], &[0.0]);
        let result = tally.finish();
        close(result.mse, (25.0 + 100.0) / 3.0);
        close(result.mae, 5.0);
        close(Some(result.loss), 1.25 / 3.0);
        assert_eq!(result.accuracy, None);
        assert!(result.confusion.is_empty());
    }
}
