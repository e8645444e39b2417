//! Rows of numbers in memory with their targets, checked once when they are made.

use super::error::DataError;

/// What is to be predicted, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Classes, counted from 0.
    Classes(Vec<u32>),
    /// Numbers in their own unit.
    Numbers(Vec<f32>),
}

impl Targets {
    fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }
}

/// Rows with their targets. Always at least one, every number finite, every class below the number of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    features: usize,
    rows: Vec<f32>,
    targets: Targets,
}

impl Table {
    /// Joins rows (M, I) and targets (M); each class is 0 to `classes` - 1. `who` names the table in errors.
    ///
    /// # Errors
    /// When there are no rows or no features, the counts differ, a class is out of range, or a number is infinite
    /// or NaN.
    pub fn new(
        who: &str,
        features: usize,
        rows: Vec<f32>,
        targets: Targets,
        classes: u32,
    ) -> Result<Self, DataError> {
        let who = || who.to_string();
        if features == 0 || rows.is_empty() || targets.len() == 0 {
            return Err(DataError::Empty { who: who() });
        }
        let count = rows.len() / features;
        // Indices of samples are u32 everywhere.
        if !rows.len().is_multiple_of(features)
            || count != targets.len()
            || u32::try_from(count).is_err()
        {
            return Err(DataError::RowMismatch {
                who: who(),
                values: rows.len(),
                features,
                targets: targets.len(),
            });
        }
        if let Some(at) = rows.iter().position(|value| !value.is_finite()) {
            return Err(DataError::NotFinite {
                who: who(),
                what: format!("feature {} of row {}", at % features + 1, at / features + 1),
                value: rows[at].to_string(),
            });
        }
        match &targets {
            Targets::Numbers(numbers) => {
                if let Some(at) = numbers.iter().position(|value| !value.is_finite()) {
                    return Err(DataError::NotFinite {
                        who: who(),
                        what: format!("the target of row {}", at + 1),
                        value: numbers[at].to_string(),
                    });
                }
            }
            Targets::Classes(of_rows) => {
                if let Some((index, &label)) = of_rows
                    .iter()
                    .enumerate()
                    .find(|&(_, &class)| class >= classes)
                {
                    return Err(DataError::LabelOutOfRange {
                        who: who(),
                        index,
                        label,
                        classes,
                    });
                }
            }
        }
        Ok(Self {
            features,
            rows,
            targets,
        })
    }

    /// M: the number of rows, at least 1.
    pub fn count(&self) -> u32 {
        self.targets.len() as u32
    }

    /// I: numbers in a row.
    pub fn features(&self) -> usize {
        self.features
    }

    /// All rows (M, I), row-major.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// One row (I).
    pub fn row(&self, index: u32) -> &[f32] {
        &self.rows[index as usize * self.features..][..self.features]
    }

    /// What is to be predicted (M).
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The classes (M), where classes are to be predicted.
    pub fn classes(&self) -> Option<&[u32]> {
        match &self.targets {
            Targets::Classes(classes) => Some(classes),
            Targets::Numbers(_) => None,
        }
    }
}

/// `(value − mean) / deviation`, one of each for every column.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardization {
    pub mean: Vec<f32>,
    /// Above 0.
    pub deviation: Vec<f32>,
}

impl Standardization {
    /// Leaves `columns` columns as they are.
    pub fn identity(columns: usize) -> Self {
        Self {
            mean: vec![0.0; columns],
            deviation: vec![1.0; columns],
        }
    }

    /// Mean and standard deviation (of the rows at hand, divided by their number) of each column of (M, I).
    /// A column whose values are all equal keeps deviation 1, and becomes 0.
    pub fn of_columns(rows: &[f32], columns: usize) -> Self {
        let count = (rows.len() / columns) as f64;
        let column = |at: usize| rows.iter().skip(at).step_by(columns).map(|&v| f64::from(v));
        let (mut means, mut deviations) = (Vec::new(), Vec::new());
        for at in 0..columns {
            let mean = column(at).sum::<f64>() / count;
            let variance = column(at).map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let deviation = variance.sqrt() as f32;
            means.push(mean as f32);
            deviations.push(if deviation > 0.0 { deviation } else { 1.0 });
        }
        Self {
            mean: means,
            deviation: deviations,
        }
    }
}

/// A named table with its training and test part.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSet {
    /// `two-moons`, or the name of the learner's file.
    pub name: String,
    /// Names of the columns that are read, I of them.
    pub columns: Vec<String>,
    /// Name of the column that is to be predicted.
    pub target: String,
    /// Names of the classes in English and Chinese, by number; empty where numbers are to be predicted.
    pub classes: Vec<(String, String)>,
    /// Rows to learn from.
    pub train: Table,
    /// Rows that are never learned from.
    pub test: Table,
    /// What makes inputs of the columns: measured on the training part, or the identity.
    pub standardization: Standardization,
    /// The same for numbers that are to be predicted, one column; the identity for classes.
    pub target_standardization: Standardization,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_refuses_what_cannot_be_learned_from() {
        let table = |features, rows: &[f32], targets| {
            Table::new("points", features, rows.to_vec(), targets, 2).map_err(|e| e.to_string())
        };
        let classes = |classes: &[u32]| Targets::Classes(classes.to_vec());
        let refused = |outcome: Result<Table, String>| outcome.unwrap_err();
        assert!(table(2, &[1.0, 2.0, 3.0, 4.0], classes(&[0, 1])).is_ok());
        assert_eq!(
            refused(table(2, &[], classes(&[]))),
            "points: no samples, expected at least 1"
        );
        assert_eq!(
            refused(table(2, &[1.0, 2.0, 3.0], classes(&[0]))),
            "points: 3 values in rows of 2 and 1 targets, expected one target for each row"
        );
        assert_eq!(
            refused(table(2, &[1.0, 2.0, 3.0, f32::NAN], classes(&[0, 1]))),
            "points: feature 2 of row 2 is NaN, expected a finite number"
        );
        assert_eq!(
            refused(table(1, &[1.0], Targets::Numbers(vec![f32::INFINITY]))),
            "points: the target of row 1 is inf, expected a finite number"
        );
        assert!(refused(table(1, &[1.0], classes(&[2]))).contains("expected 0 to 1"));
    }

    #[test]
    fn columns_are_standardized_by_their_own_mean_and_deviation() {
        let found = Standardization::of_columns(&[1.0, 5.0, 3.0, 5.0], 2);
        assert_eq!(found.mean, [2.0, 5.0]);
        assert_eq!(found.deviation, [1.0, 1.0]);
    }
}
