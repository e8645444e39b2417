//! Held-out metrics from probabilities and labels.

use serde::{Deserialize, Serialize};

/// What a pass over the held-out split measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean over the samples, nats.
    pub loss: f32,
    pub accuracy: f32,
    /// Rows true, columns predicted.
    pub confusion: Vec<Vec<u32>>,
    /// For each class; `None` where it was never predicted (0/0).
    pub precision: Vec<Option<f32>>,
    /// For each class; `None` where it never occurs.
    pub recall: Vec<Option<f32>>,
}

/// Collects predictions batch by batch.
#[derive(Clone, Debug)]
pub struct Tally {
    confusion: Vec<Vec<u32>>,
    loss_sum: f64,
    count: u32,
}

impl Tally {
    pub fn new(classes: usize) -> Self {
        Self {
            confusion: vec![vec![0; classes]; classes],
            loss_sum: 0.0,
            count: 0,
        }
    }

    /// Adds samples: `probabilities` (labels.len(), classes) row-major.
    pub fn add(&mut self, probabilities: &[f32], losses: &[f32], labels: &[u32]) {
        let classes = self.confusion.len();
        for (row, (&label, &loss)) in probabilities
            .chunks_exact(classes)
            .zip(labels.iter().zip(losses))
        {
            self.confusion[label as usize][arg_max(row)] += 1;
            self.loss_sum += f64::from(loss);
            self.count += 1;
        }
    }

    pub fn finish(self) -> Evaluation {
        let classes = self.confusion.len();
        let right: u32 = (0..classes).map(|class| self.confusion[class][class]).sum();
        let ratio = |part: u32, whole: u32| (whole > 0).then(|| part as f32 / whole as f32);
        let predicted = |class: usize| self.confusion.iter().map(|row| row[class]).sum();
        let actual = |class: usize| self.confusion[class].iter().sum();
        let samples = f64::from(self.count.max(1));
        Evaluation {
            loss: (self.loss_sum / samples) as f32,
            accuracy: (f64::from(right) / samples) as f32,
            precision: (0..classes)
                .map(|c| ratio(self.confusion[c][c], predicted(c)))
                .collect(),
            recall: (0..classes)
                .map(|c| ratio(self.confusion[c][c], actual(c)))
                .collect(),
            confusion: self.confusion,
        }
    }
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

    /// CURRICULUM L12: rows true, columns predicted.
    #[test]
    fn metrics_of_a_known_confusion_matrix() {
        let matrix = [[50, 3, 2], [5, 40, 5], [2, 8, 35]];
        let mut tally = Tally::new(3);
        for (label, row) in matrix.iter().enumerate() {
            for (predicted, &count) in row.iter().enumerate() {
                let mut probabilities = [0.0; 3];
                probabilities[predicted] = 1.0;
                for _ in 0..count {
                    tally.add(&probabilities, &[0.5], &[label as u32]);
                }
            }
        }
        let result = tally.finish();
        let close = |actual: Option<f32>, expected: f32| {
            let actual = actual.expect("defined");
            assert!(
                (actual - expected).abs() < 5e-5,
                "{actual} is not {expected}"
            );
        };
        close(Some(result.accuracy), 0.8333);
        close(Some(result.loss), 0.5);
        for (actual, expected) in result.precision.iter().zip([0.8772, 0.7843, 0.8333]) {
            close(*actual, expected);
        }
        for (actual, expected) in result.recall.iter().zip([0.9091, 0.8000, 0.7778]) {
            close(*actual, expected);
        }
    }

    #[test]
    fn a_class_never_predicted_has_no_precision() {
        let mut tally = Tally::new(2);
        tally.add(&[1.0, 0.0, 1.0, 0.0], &[0.1, 0.2], &[0, 1]);
        let result = tally.finish();
        assert_eq!(result.precision, [Some(0.5), None]);
        assert_eq!(result.recall, [Some(1.0), Some(0.0)]);
    }
}
