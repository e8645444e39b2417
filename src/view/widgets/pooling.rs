//! The pooling widget without a page: a small map, what the engine is asked for, and where a gradient goes back.

use std::collections::BTreeMap;

use super::grid::moved;
use super::reading::{Problem, Reader};
use crate::lesson::{Numbers, OperationRequest, OperationResult};
use crate::view::format;

/// Cells along each side of the map.
pub const SIDE: usize = 4;

/// Cells along each side of a window.
pub const KERNEL: usize = 2;

/// Digits of a number that is shown.
pub const DIGITS: usize = 6;

/// Largest magnitude that a cell can be set to.
pub const MAX_VALUE: f64 = 1000.0;

const MAP: [f64; SIDE * SIDE] = [
    1., 3., 2., 0., //
    4., 2., 1., 5., //
    0., 1., 7., 3., //
    2., 6., 4., 8.,
];

/// Gradients that arrive from above; the first of them are taken.
const UPSTREAM: [f64; 9] = [1., -2., 0.5, 3., 1., -1., 2., 0.25, 4.];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Max,
    Average,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Max, Self::Average];

    /// As links have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Average => "average",
        }
    }

    /// The engine's operation.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Max => "max_pool2d",
            Self::Average => "avg_pool2d",
        }
    }
}

/// What is set.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub kind: Kind,
    /// 2: windows side by side; 1: they overlap.
    pub stride: usize,
    /// x (4, 4), row-major.
    pub map: Vec<f64>,
    /// dy (P, P), row-major.
    pub upstream: Vec<f64>,
    /// The output cell that is looked at, row-major.
    pub at: usize,
}

/// What the engine says of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// y (P, P)
    pub output: Vec<f64>,
    /// Of max pooling: which cell of its window won, row-major.
    pub winners: Option<Vec<usize>>,
    /// dx (4, 4)
    pub gradient: Vec<f64>,
}

impl State {
    /// As a link has it, and what could not be used of it.
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let kinds = Kind::ALL.map(|kind| (kind.name(), kind));
        let kind = reader.choice("kind", &kinds, Kind::Max);
        let stride = reader.choice("stride", &[("2", 2), ("1", 1)], 2);
        let count = out_side(stride).pow(2);
        let state = Self {
            kind,
            stride,
            map: MAP.to_vec(),
            upstream: UPSTREAM[..count].to_vec(),
            at: reader.whole("at", (0, count as u64 - 1), 0) as usize,
        };
        (state, reader.problems)
    }

    /// P: cells along a side of the output.
    pub fn out_side(&self) -> usize {
        out_side(self.stride)
    }

    /// Another stride: the gradients from above are those of the start again, because there are more or fewer.
    pub fn set_stride(&mut self, stride: usize) {
        self.stride = stride;
        let count = self.out_side().pow(2);
        self.upstream = UPSTREAM[..count].to_vec();
        self.at = self.at.min(count - 1);
    }

    /// What a key does to the cell that is looked at; whether it does anything.
    pub fn key(&mut self, key: &str) -> bool {
        let Some(at) = moved(key, self.at, [self.out_side(); 2]) else {
            return false;
        };
        self.at = at;
        true
    }

    /// Cells of the map under window number `at`, row-major.
    pub fn window(&self, at: usize) -> Vec<usize> {
        let side = self.out_side();
        let (row, column) = (at / side * self.stride, at % side * self.stride);
        (0..KERNEL * KERNEL)
            .map(|cell| (row + cell / KERNEL) * SIDE + column + cell % KERNEL)
            .collect()
    }

    /// Output cells whose window covers cell number `cell` of the map.
    pub fn windows_over(&self, cell: usize) -> Vec<usize> {
        let count = self.out_side().pow(2);
        (0..count)
            .filter(|&at| self.window(at).contains(&cell))
            .collect()
    }

    /// The engine's operation on x (1, 1, 4, 4), and its backward pass from dy (1, 1, P, P).
    pub fn request(&self) -> OperationRequest {
        let attributes = format!("{{\"kernel\": {KERNEL}, \"stride\": {}}}", self.stride);
        let side = self.out_side();
        OperationRequest::with_gradients(
            self.kind.operation(),
            &attributes,
            [Numbers::new([1, 1, SIDE, SIDE], self.map.clone())],
            [Numbers::new([1, 1, side, side], self.upstream.clone())],
        )
    }

    /// The output cell in symbols and numbers.
    pub fn forward_line(&self, pooled: &Pooled) -> String {
        let side = self.out_side();
        let values: Vec<String> = self
            .window(self.at)
            .into_iter()
            .map(|cell| format::significant(self.map[cell], DIGITS))
            .collect();
        let result = format::significant(pooled.output[self.at], DIGITS);
        let (p, q) = (self.at / side, self.at % side);
        match self.kind {
            Kind::Max => format!("y[{p}, {q}] = max({}) = {result}", values.join(", ")),
            Kind::Average => format!("y[{p}, {q}] = ({}) / 4 = {result}", values.join(" + ")),
        }
    }

    /// What the gradient of the output cell does to the cells of its window.
    pub fn backward_line(&self, pooled: &Pooled) -> String {
        let dy = self.upstream[self.at];
        let cells = self.window(self.at);
        let place = |cell: usize| format!("dx[{}, {}]", cell / SIDE, cell % SIDE);
        let given = format::significant(dy, DIGITS);
        match &pooled.winners {
            Some(winners) => {
                let winner = cells[winners[self.at]];
                format!("{} += {given}", place(winner))
            }
            None => {
                let share = format::significant(dy / 4.0, DIGITS);
                let places: Vec<String> = cells.into_iter().map(place).collect();
                format!("{} += {given} / 4 = {share}", places.join(", "))
            }
        }
    }
}

fn out_side(stride: usize) -> usize {
    (SIDE - KERNEL) / stride + 1
}

impl Pooled {
    /// Of the engine's answer to [`State::request`]; `None` where it is not one.
    pub fn read(result: &OperationResult) -> Option<Self> {
        let winners = result.outputs.get(1);
        let winners = winners.map(|winners| winners.data.iter().map(|&cell| cell as usize));
        Some(Self {
            output: result.outputs.first()?.data.clone(),
            winners: winners.map(Iterator::collect),
            gradient: result.gradients.first()?.as_ref()?.data.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::settings;
    use super::*;
    use crate::lesson::run_operation;

    fn run(state: &State) -> Pooled {
        let result = run_operation(&state.request()).expect("runs");
        Pooled::read(&result).expect("tensors of the operation")
    }

    fn state(pairs: &[(&str, &str)]) -> State {
        let (state, problems) = State::read(&settings(pairs));
        assert!(problems.is_empty(), "{problems:?}");
        state
    }

    #[test]
    fn only_the_largest_cell_of_a_window_gets_its_gradient() {
        let state = state(&[]);
        let pooled = run(&state);
        assert_eq!(pooled.output, [4., 5., 6., 8.]);
        let mut expected = vec![0.0; 16];
        for (at, &dy) in state.upstream.iter().enumerate() {
            let winner = pooled.winners.as_ref().unwrap()[at];
            let cell = state.window(at)[winner];
            assert_eq!(state.map[cell], pooled.output[at]);
            expected[cell] = dy;
        }
        assert_eq!(pooled.gradient, expected);
        assert_eq!(expected.iter().filter(|&&value| value != 0.0).count(), 4);
        assert_eq!(state.forward_line(&pooled), "y[0, 0] = max(1, 3, 4, 2) = 4");
        assert_eq!(state.backward_line(&pooled), "dx[1, 0] += 1");
    }

    #[test]
    fn the_average_shares_its_gradient_among_its_cells() {
        let mut state = state(&[("kind", "average"), ("at", "1")]);
        let pooled = run(&state);
        assert_eq!(pooled.output, [2.5, 2., 2.25, 5.5]);
        for cell in 0..16 {
            let shared: f64 = state
                .windows_over(cell)
                .iter()
                .map(|&at| state.upstream[at] / 4.0)
                .sum();
            assert_eq!(pooled.gradient[cell], shared);
        }
        assert_eq!(
            state.forward_line(&pooled),
            "y[0, 1] = (2 + 0 + 1 + 5) / 4 = 2"
        );
        assert_eq!(
            state.backward_line(&pooled),
            "dx[0, 2], dx[0, 3], dx[1, 2], dx[1, 3] += −2 / 4 = −0.5"
        );
        state.map[2] = 100.0;
        assert_eq!(run(&state).output[1], 26.5);
        assert_eq!(run(&state).gradient, pooled.gradient);
    }

    #[test]
    fn a_cell_that_wins_several_windows_gets_the_sum_of_their_gradients() {
        let state = state(&[("stride", "1")]);
        let pooled = run(&state);
        let winners = pooled.winners.as_ref().unwrap();
        // 7 stands in four windows and wins three of them: 8 beats it in the last.
        let seven = 10;
        let won: Vec<usize> = state
            .windows_over(seven)
            .into_iter()
            .filter(|&at| state.window(at)[winners[at]] == seven)
            .collect();
        assert_eq!(won.len(), 3);
        let sum: f64 = won.iter().map(|&at| state.upstream[at]).sum();
        assert_eq!(pooled.gradient[seven], sum);
    }

    #[test]
    fn settings_and_keys_stay_inside() {
        let (state, problems) = State::read(&settings(&[("kind", "median"), ("at", "4")]));
        assert_eq!(problems.len(), 2);
        assert_eq!((state.kind, state.at), (Kind::Max, 0));
        let mut state = state;
        assert!(state.key("ArrowRight") && state.key("ArrowDown") && state.key("ArrowDown"));
        assert_eq!(state.at, 3);
        state.set_stride(1);
        assert_eq!(state.upstream.len(), 9);
        state.at = 8;
        state.set_stride(2);
        assert_eq!(state.at, 3);
        assert!(!state.key("Enter"));
    }
}
