//! Attention of three tokens, forward and backward, by the twins of `ops`, with a worked example whose figures were
//! computed elsewhere.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use super::twin::run;
use crate::ops::{
    AttentionMixture, AttentionMixtureBackwardValue, AttentionMixtureBackwardWeight,
    AttentionScores, AttentionScoresBackwardKey, AttentionScoresBackwardQuery, AttentionWeights,
    AttentionWeightsBackward,
};
use crate::view::format;

/// T and d.
pub const TOKENS: usize = 3;
pub const WIDTH: usize = 2;

/// Inputs lie between −REACH and REACH.
pub const REACH: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    Queries,
    Keys,
    Values,
    OutputGradient,
    Scores,
    Weights,
    Output,
    ValuesGradient,
    WeightsGradient,
    RowSums,
    ScoresGradient,
    QueriesGradient,
    KeysGradient,
}

use Matrix::{
    Keys, KeysGradient, Output, OutputGradient, Queries, QueriesGradient, RowSums, Scores,
    ScoresGradient, Values, ValuesGradient, Weights, WeightsGradient,
};

impl Matrix {
    /// What the learner gives.
    pub const INPUTS: [Self; 4] = [Queries, Keys, Values, OutputGradient];
    pub const FORWARD: [Self; 3] = [Scores, Weights, Output];
    /// In the order in which the backward pass makes them.
    pub const BACKWARD: [Self; 6] = [
        ValuesGradient,
        WeightsGradient,
        RowSums,
        ScoresGradient,
        QueriesGradient,
        KeysGradient,
    ];

    /// In test ids and the like.
    pub fn id(self) -> &'static str {
        match self {
            Queries => "q",
            Keys => "k",
            Values => "v",
            OutputGradient => "do",
            Scores => "s",
            Weights => "p",
            Output => "o",
            ValuesGradient => "dv",
            WeightsGradient => "dp",
            RowSums => "rowsum",
            ScoresGradient => "ds",
            QueriesGradient => "dq",
            KeysGradient => "dk",
        }
    }

    /// As it is printed.
    pub fn symbol(self) -> &'static str {
        match self {
            Queries => "Q",
            Keys => "K",
            Values => "V",
            OutputGradient => "dO",
            Scores => "S",
            Weights => "P",
            Output => "O",
            ValuesGradient => "dV",
            WeightsGradient => "dP",
            RowSums => "r",
            ScoresGradient => "dS",
            QueriesGradient => "dQ",
            KeysGradient => "dK",
        }
    }

    /// How it is made, as LaTeX; empty for inputs.
    pub fn formula(self) -> &'static str {
        match self {
            Queries | Keys | Values | OutputGradient => "",
            Scores => r"S = Q K^{\top} / \sqrt{d}",
            Weights => r"P = \operatorname{softmax}(S)",
            Output => r"O = P V",
            ValuesGradient => r"dV = P^{\top} dO",
            WeightsGradient => r"dP = dO\, V^{\top}",
            RowSums => r"r_i = \textstyle\sum_j dP_{ij} P_{ij}",
            ScoresGradient => r"dS = P \odot (dP - r)",
            QueriesGradient => r"dQ = dS\, K / \sqrt{d}",
            KeysGradient => r"dK = dS^{\top} Q / \sqrt{d}",
        }
    }

    pub fn columns(self) -> usize {
        match self {
            Scores | Weights | WeightsGradient | ScoresGradient => TOKENS,
            RowSums => 1,
            _ => WIDTH,
        }
    }

    /// Whether its rows belong to keys (and values), not to queries.
    pub fn is_of_keys(self) -> bool {
        matches!(self, Keys | Values | ValuesGradient | KeysGradient)
    }
}

/// One element: matrix, row and column, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub matrix: Matrix,
    pub row: usize,
    pub column: usize,
}

/// What the learner has set.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Q, K, V and dO, (T, d) row by row.
    pub inputs: [Vec<f64>; 4],
    pub is_causal: bool,
    /// From 0.
    pub query: usize,
}

/// The worked example.
const USUAL: [[f64; 6]; 4] = [
    [1.0, 0.0, 0.5, 1.0, -1.0, 0.5],
    [1.0, 0.5, 0.0, 1.0, 0.5, -1.0],
    [1.0, 0.0, 0.0, 2.0, -1.0, 1.0],
    [1.0, 0.0, 0.5, -0.5, 0.0, 1.0],
];

impl Default for State {
    fn default() -> Self {
        Self {
            inputs: USUAL.map(|values| values.to_vec()),
            is_causal: true,
            query: 0,
        }
    }
}

impl State {
    /// Queries are numbered from 1 in links, as tokens are on the page.
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let query = reader.whole("query", (1, TOKENS as u64), 1) as usize - 1;
        let is_causal = reader.choice("causal", &[("1", true), ("0", false)], true);
        let count = TOKENS * WIDTH;
        let inputs = [("q", 0), ("k", 1), ("v", 2), ("do", 3)].map(|(name, place)| {
            reader.numbers(name, (count, count), (-REACH, REACH), &USUAL[place])
        });
        let state = Self {
            inputs,
            is_causal,
            query,
        };
        (state, reader.problems)
    }

    /// With another number in an input.
    pub fn with(&self, cell: Cell, value: f64) -> Self {
        let mut state = self.clone();
        if let Some(place) = Matrix::INPUTS.iter().position(|&m| m == cell.matrix) {
            state.inputs[place][cell.row * WIDTH + cell.column] = value;
        }
        state
    }

    pub fn results(&self) -> Results {
        let [q, k, v, d_o] = &self.inputs;
        let sizes = [
            ("N", 1),
            ("H", 1),
            ("T", TOKENS),
            ("S", TOKENS),
            ("D", WIDTH),
            ("E", WIDTH),
        ];
        let (small, square) = ([TOKENS * WIDTH], [TOKENS * TOKENS]);
        let heads = 1;
        let [scores] = run(&AttentionScores { heads }, &sizes, &[q, k], square, 1);
        let weigh = AttentionWeights {
            causal: self.is_causal,
        };
        let [weights] = run(&weigh, &sizes, &[&scores], square, 1);
        let [output] = run(
            &AttentionMixture { heads },
            &sizes,
            &[&weights, v],
            small,
            1,
        );
        let back = AttentionMixtureBackwardWeight { heads };
        let [d_weights] = run(&back, &sizes, &[d_o, v], square, 1);
        let back = AttentionMixtureBackwardValue { heads };
        let [d_values] = run(&back, &sizes, &[&weights, d_o], small, 1);
        let back = AttentionWeightsBackward {};
        let [d_scores] = run(&back, &sizes, &[&weights, &d_weights], square, 1);
        let back = AttentionScoresBackwardQuery { heads };
        let [d_queries] = run(&back, &sizes, &[&d_scores, k], small, 1);
        let back = AttentionScoresBackwardKey { heads };
        let [d_keys] = run(&back, &sizes, &[&d_scores, q], small, 1);
        // Inside `attention_weights_backward` it is a sum that no tensor holds.
        let rows = d_weights.chunks(TOKENS).zip(weights.chunks(TOKENS));
        let sums = rows.map(|(d, p)| d.iter().zip(p).map(|(d, p)| d * p).sum());
        let row_sums = sums.collect();
        Results {
            inputs: self.inputs.clone(),
            scores,
            weights,
            output,
            d_values,
            d_weights,
            row_sums,
            d_scores,
            d_queries,
            d_keys,
            is_causal: self.is_causal,
        }
    }
}

/// Every matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    inputs: [Vec<f64>; 4],
    scores: Vec<f64>,
    weights: Vec<f64>,
    output: Vec<f64>,
    d_values: Vec<f64>,
    d_weights: Vec<f64>,
    row_sums: Vec<f64>,
    d_scores: Vec<f64>,
    d_queries: Vec<f64>,
    d_keys: Vec<f64>,
    is_causal: bool,
}

impl Results {
    pub fn of(&self, matrix: Matrix) -> &[f64] {
        match matrix {
            Queries => &self.inputs[0],
            Keys => &self.inputs[1],
            Values => &self.inputs[2],
            OutputGradient => &self.inputs[3],
            Scores => &self.scores,
            Weights => &self.weights,
            Output => &self.output,
            ValuesGradient => &self.d_values,
            WeightsGradient => &self.d_weights,
            RowSums => &self.row_sums,
            ScoresGradient => &self.d_scores,
            QueriesGradient => &self.d_queries,
            KeysGradient => &self.d_keys,
        }
    }

    pub fn at(&self, cell: Cell) -> f64 {
        self.of(cell.matrix)[cell.row * cell.matrix.columns() + cell.column]
    }

    /// Whether the causal mask hides a score, a weight or its gradient.
    pub fn is_hidden(&self, cell: Cell) -> bool {
        let is_square = cell.matrix.columns() == TOKENS;
        self.is_causal && is_square && cell.column > cell.row
    }

    /// The elements that a cell is made of.
    pub fn sources(&self, cell: Cell) -> Vec<Cell> {
        let Cell {
            matrix,
            row: i,
            column: j,
        } = cell;
        let at = |matrix, row, column| Cell {
            matrix,
            row,
            column,
        };
        let tokens = 0..TOKENS;
        let pairs = |a: &dyn Fn(usize) -> Cell, b: &dyn Fn(usize) -> Cell, count: usize| {
            (0..count).flat_map(|k| [a(k), b(k)]).collect::<Vec<_>>()
        };
        match matrix {
            Queries | Keys | Values | OutputGradient => Vec::new(),
            Scores => pairs(&|e| at(Queries, i, e), &|e| at(Keys, j, e), WIDTH),
            Weights => {
                let seen = tokens.map(|w| at(Scores, i, w));
                seen.filter(|&cell| !self.is_hidden(cell)).collect()
            }
            Output => pairs(&|w| at(Weights, i, w), &|w| at(Values, w, j), TOKENS),
            ValuesGradient => pairs(
                &|t| at(Weights, t, i),
                &|t| at(OutputGradient, t, j),
                TOKENS,
            ),
            WeightsGradient => pairs(&|e| at(OutputGradient, i, e), &|e| at(Values, j, e), WIDTH),
            RowSums => pairs(
                &|w| at(WeightsGradient, i, w),
                &|w| at(Weights, i, w),
                TOKENS,
            ),
            ScoresGradient => vec![
                at(Weights, i, j),
                at(WeightsGradient, i, j),
                at(RowSums, i, 0),
            ],
            QueriesGradient => pairs(&|w| at(ScoresGradient, i, w), &|w| at(Keys, w, j), TOKENS),
            KeysGradient => pairs(
                &|t| at(ScoresGradient, t, i),
                &|t| at(Queries, t, j),
                TOKENS,
            ),
        }
    }

    /// How a cell comes about, with its numbers, as LaTeX.
    pub fn explanation(&self, cell: Cell) -> String {
        let number = |value: f64| format::significant(value, 6).replace('−', "-");
        let factor = |value: f64| match value < 0.0 {
            true => format!("({})", number(value)),
            false => number(value),
        };
        let (i, j) = (cell.row + 1, cell.column + 1);
        let symbol = match cell.matrix {
            RowSums => format!("r_{{{i}}}"),
            matrix => format!(r"\mathit{{{}}}_{{{i}{j}}}", matrix.symbol()),
        };
        let result = number(self.at(cell));
        let sources = self.sources(cell);
        let values: Vec<f64> = sources.iter().map(|&source| self.at(source)).collect();
        let products = || {
            let terms = values.chunks(2).map(|pair| match pair {
                [a, b] => format!(r"{} \cdot {}", factor(*a), factor(*b)),
                _ => String::new(),
            });
            terms.collect::<Vec<_>>().join(" + ")
        };
        let middle = match cell.matrix {
            Queries | Keys | Values | OutputGradient => return format!("{symbol} = {result}"),
            Weights if self.is_hidden(cell) => return format!("{symbol} = 0"),
            Weights => {
                let sum = values
                    .iter()
                    .map(|&score| format!("e^{{{}}}", number(score)));
                let own = number(self.at(Cell {
                    matrix: Scores,
                    ..cell
                }));
                let sum = sum.collect::<Vec<_>>().join(" + ");
                format!(r"\frac{{e^{{{own}}}}}{{{sum}}}")
            }
            ScoresGradient => {
                let [p, d, r] = [values[0], values[1], values[2]];
                format!(r"{} \cdot ({} - {})", number(p), number(d), factor(r))
            }
            Scores | QueriesGradient | KeysGradient => {
                format!(r"\frac{{{}}}{{\sqrt{{{WIDTH}}}}}", products())
            }
            _ => products(),
        };
        format!("{symbol} = {middle} = {result}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference figures of the worked example: what the app shows agrees within 2e-6.
    #[test]
    fn every_matrix_is_that_of_the_worked_example() {
        let results = State::default().results();
        // As it is printed there.
        let expected = [
            (
                Scores,
                "0.707107 0.000000 0.353553 0.707107 0.707107 -0.530330 -0.530330 0.353553 -0.707107",
            ),
            (
                Weights,
                "1 0 0 0.500000 0.500000 0 0.234838 0.568375 0.196787",
            ),
            (
                Output,
                "1.000000 0.000000 0.500000 1.000000 0.038052 1.333536",
            ),
            (
                ValuesGradient,
                "1.250000 -0.015162 0.250000 0.318375 0.000000 0.196787",
            ),
            (WeightsGradient, "1 0 -1 0.5 -1 -1 0 2 1"),
            (RowSums, "1.000000 -0.250000 1.333536"),
            (
                ScoresGradient,
                "0 0 0 0.375000 -0.375000 0 -0.313166 0.378801 -0.065636",
            ),
            (
                QueriesGradient,
                "0.000000 0.000000 0.265165 -0.132583 -0.244647 0.203543",
            ),
            (
                KeysGradient,
                "0.354024 0.154444 -0.400435 -0.131239 0.046411 -0.023206",
            ),
        ];
        for (matrix, expected) in expected {
            let expected: Vec<f64> = expected
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            let actual = results.of(matrix);
            assert_eq!(actual.len(), expected.len(), "{}", matrix.id());
            for (actual, expected) in actual.iter().zip(expected) {
                assert!(
                    (actual - expected).abs() <= 2e-6,
                    "{}: {actual} is not {expected}",
                    matrix.id()
                );
            }
        }
    }

    /// Every cell is what its sources make by its formula: the explanation explains the twin's number.
    #[test]
    fn every_cell_is_made_of_its_sources() {
        for is_causal in [true, false] {
            let results = State {
                is_causal,
                ..State::default()
            }
            .results();
            for matrix in Matrix::FORWARD.into_iter().chain(Matrix::BACKWARD) {
                for place in 0..results.of(matrix).len() {
                    let cell = Cell {
                        matrix,
                        row: place / matrix.columns(),
                        column: place % matrix.columns(),
                    };
                    let values: Vec<f64> = results
                        .sources(cell)
                        .iter()
                        .map(|&s| results.at(s))
                        .collect();
                    let products: f64 = values
                        .chunks(2)
                        .map(|pair| pair.iter().product::<f64>())
                        .sum();
                    let root = (WIDTH as f64).sqrt();
                    let made = match matrix {
                        Weights if results.is_hidden(cell) => 0.0,
                        Weights => {
                            let own = results.at(Cell {
                                matrix: Scores,
                                ..cell
                            });
                            own.exp() / values.iter().map(|score| score.exp()).sum::<f64>()
                        }
                        ScoresGradient => values[0] * (values[1] - values[2]),
                        Scores | QueriesGradient | KeysGradient => products / root,
                        _ => products,
                    };
                    assert!(
                        (made - results.at(cell)).abs() < 1e-12,
                        "{}: {made}",
                        results.explanation(cell)
                    );
                }
            }
        }
    }

    #[test]
    fn explanations_hold_the_numbers_and_the_mask_hides() {
        let results = State::default().results();
        let cell = |matrix, row, column| Cell {
            matrix,
            row,
            column,
        };
        let text = results.explanation(cell(Scores, 1, 1));
        assert_eq!(
            text,
            r"\mathit{S}_{22} = \frac{0.5 \cdot 0 + 1 \cdot 1}{\sqrt{2}} = 0.707107"
        );
        assert!(results.is_hidden(cell(Weights, 0, 2)) && !results.is_hidden(cell(Output, 0, 1)));
        assert_eq!(results.sources(cell(Weights, 1, 0)).len(), 2);
        assert!(
            results
                .explanation(cell(ScoresGradient, 1, 0))
                .contains("- (-0.25)")
        );
    }

    #[test]
    fn links_are_read_and_inputs_change() {
        let settings = [
            ("query", "3"),
            ("causal", "0"),
            ("q", "1,2,3,4,5"),
            ("v", "1,2,3,4,5,6"),
        ];
        let settings = settings.map(|(name, value)| (name.to_string(), value.to_string()));
        let (state, problems) = State::read(&settings.into());
        assert_eq!(
            (state.query, state.is_causal, problems.len()),
            (2, false, 1)
        );
        assert_eq!(
            (problems[0].name, &state.inputs[0][..]),
            ("q", &USUAL[0][..])
        );
        let cell = Cell {
            matrix: Values,
            row: 2,
            column: 1,
        };
        assert_eq!(state.with(cell, 9.0).results().at(cell), 9.0);
        assert_eq!(
            state.with(
                Cell {
                    matrix: Output,
                    ..cell
                },
                9.0
            ),
            state
        );
    }
}
