//! Comparisons, cases and random numbers that the other modules share.

use glassbox::exec::single::{SingleOperation, SingleRun};
use glassbox::ops::{Buffer, Op, StepValues};
use glassbox::tensor::init::{generator, uniform};
use glassbox::tensor::{ElementType, Real, Shape, Tensor};

/// How far apart two numbers may be: `|a − e| ≤ absolute + relative · |e|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

impl Tolerance {
    pub const EXACT: Self = Self {
        absolute: 0.0,
        relative: 0.0,
    };

    /// False for NaN on either side.
    pub fn allows(self, actual: f64, expected: f64) -> bool {
        (actual - expected).abs() <= self.absolute + self.relative * expected.abs()
    }
}

/// The first difference that the tolerance does not allow, in words.
pub fn difference(actual: &[f64], expected: &[f64], tolerance: Tolerance) -> Option<String> {
    if actual.len() != expected.len() {
        return Some(format!(
            "{} values, expected {}",
            actual.len(),
            expected.len()
        ));
    }
    let pairs = actual.iter().zip(expected).enumerate();
    pairs
        .filter(|&(_, (&a, &e))| !tolerance.allows(a, e))
        .map(|(at, (a, e))| format!("[{at}] is {a:e}, expected {e:e} within {tolerance:?}"))
        .next()
}

/// Panics unless every value is close; comparing nothing fails too.
pub fn assert_close(what: &str, actual: &[f64], expected: &[f64], tolerance: Tolerance) {
    assert!(!expected.is_empty(), "{what}: nothing to compare");
    if let Some(difference) = difference(actual, expected, tolerance) {
        panic!("{what}: {difference}");
    }
}

/// The control of a comparison: panics when it would pass.
pub fn assert_not_close(what: &str, actual: &[f64], expected: &[f64], tolerance: Tolerance) {
    assert!(
        difference(actual, expected, tolerance).is_some(),
        "{what}: the comparison does not notice a wrong value"
    );
}

/// A copy with the element at `at` moved by `amount`.
pub fn with_one_off(values: &[f64], at: usize, amount: f64) -> Vec<f64> {
    let mut changed = values.to_vec();
    changed[at] += amount;
    changed
}

/// The values as f64, whatever they are.
pub fn numbers<T: Real>(buffer: &Buffer<T>) -> Vec<f64> {
    (0..buffer.len())
        .map(|at| buffer.number(at).expect("a position below the length"))
        .collect()
}

/// One operation with inputs, attributes and the step's values.
#[derive(Clone, Debug)]
pub struct Case {
    /// Says what is particular: sizes and attributes.
    pub label: String,
    pub op: Op,
    /// Reals are exact in f32, so that every precision starts from the same numbers.
    pub inputs: Vec<Tensor>,
    pub step: StepValues,
    /// False where an input lies on a kink, such as a tie of maxima: there finite
    /// differences do not see the gradient that the operation defines.
    pub smooth: bool,
}

impl Case {
    pub fn new(label: impl Into<String>, op: Op, inputs: Vec<Tensor>) -> Self {
        let label = format!("{} {}", op.name(), label.into());
        let step = StepValues::forward(0);
        Self {
            label,
            op,
            inputs,
            step,
            smooth: true,
        }
    }

    pub fn with_valid(mut self, valid: usize) -> Self {
        self.step.valid = valid as u32;
        self
    }

    pub fn buffers<T: Real>(&self) -> Vec<Buffer<T>> {
        self.inputs.iter().map(Buffer::from_tensor).collect()
    }

    pub fn described(&self) -> Vec<(Shape, ElementType)> {
        self.inputs
            .iter()
            .map(|tensor| (tensor.shape().clone(), tensor.values().element_type()))
            .collect()
    }

    pub fn single(&self) -> SingleOperation {
        SingleOperation::forward(self.op.clone(), &self.described())
            .unwrap_or_else(|error| panic!("{}: {error}", self.label))
    }

    /// Runs the twin, in a plan that keeps every value.
    pub fn run<T: Real>(&self) -> SingleRun<T> {
        self.single()
            .run(&self.buffers(), &[], &self.step)
            .unwrap_or_else(|error| panic!("{}: {error}", self.label))
    }
}

/// Random inputs of one case; every tensor asked for is another one.
pub struct Random {
    seed: u64,
    stream: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, stream: 0 }
    }

    /// `count` values in [-bound, bound), exact in f32.
    pub fn values(&mut self, bound: f32, count: usize) -> Vec<f32> {
        self.stream += 1;
        uniform(&mut generator(self.seed, self.stream), bound, count)
    }

    /// Reals in [-1, 1).
    pub fn reals<const R: usize>(&mut self, shape: [usize; R]) -> Tensor {
        let count = shape.iter().product();
        tensor(shape, self.values(1.0, count))
    }

    /// Reals in [low, high).
    pub fn between<const R: usize>(&mut self, shape: [usize; R], low: f32, high: f32) -> Tensor {
        let count = shape.iter().product();
        let values = self.values(0.5, count);
        let scale = |value: f32| low + (value + 0.5) * (high - low);
        tensor(shape, values.into_iter().map(scale).collect())
    }

    /// Reals whose distance from 0 is at least 1/8.
    pub fn away_from_zero<const R: usize>(&mut self, shape: [usize; R]) -> Tensor {
        let count = shape.iter().product();
        let values = self.values(1.0, count);
        let push = |value: f32| value + 0.125f32.copysign(value);
        tensor(shape, values.into_iter().map(push).collect())
    }

    /// Reals in random order that lie 1/64 apart.
    pub fn spaced<const R: usize>(&mut self, shape: [usize; R]) -> Tensor {
        let count: usize = shape.iter().product();
        let keys = self.values(1.0, count);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        let value = |place: usize| (place as f32 - (count / 2) as f32) / 64.0;
        tensor(shape, order.into_iter().map(value).collect())
    }

    /// Whole numbers from 0 to below `bound`.
    pub fn below(&mut self, count: usize, bound: usize) -> Vec<u32> {
        let unit = |value: f32| (value + 0.5) * bound as f32;
        let values = self.values(0.5, count);
        values
            .into_iter()
            .map(|value| (unit(value) as u32).min(bound as u32 - 1))
            .collect()
    }

    pub fn indices<const R: usize>(&mut self, shape: [usize; R], bound: usize) -> Tensor {
        let count = shape.iter().product();
        Tensor::u32(shape, self.below(count, bound)).unwrap()
    }
}

/// A tensor of reals; panics where the values are not as many as the shape says.
pub fn tensor<const R: usize>(shape: [usize; R], values: Vec<f32>) -> Tensor {
    Tensor::f32(shape, values).unwrap()
}

mod tests {
    use super::*;

    #[test]
    fn a_comparison_fails_for_nan_wrong_lengths_and_nothing() {
        let wide = Tolerance {
            absolute: 1e9,
            relative: 1e9,
        };
        assert!(difference(&[f64::NAN], &[1.0], wide).is_some());
        assert!(difference(&[1.0], &[f64::NAN], wide).is_some());
        assert!(difference(&[1.0, 1.0], &[1.0], wide).is_some());
        assert!(difference(&[1.0], &[1.0], Tolerance::EXACT).is_none());
        assert!(std::panic::catch_unwind(|| assert_close("nothing", &[], &[], wide)).is_err());
    }
}
