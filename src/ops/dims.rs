//! Sizes by letter: `N` = 64, `C` = 1. Bound from the inputs' shapes.

use super::{ANY, FREE};
use crate::tensor::{Shape, TensorError};

/// The sizes that an operation's letters stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dims {
    sizes: Vec<(&'static str, usize)>,
    /// The shape of inputs declared as [`ANY`].
    any: Option<Shape>,
    /// The shapes of all inputs, in their order.
    inputs: Vec<Shape>,
    /// The shapes of outputs declared as [`FREE`], by the output's number.
    outputs: Vec<Option<Shape>>,
}

impl Dims {
    /// The shape of an input. Panics on a number that the operation does not declare.
    pub fn input(&self, number: usize) -> &Shape {
        &self.inputs[number]
    }

    /// How many inputs there are.
    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// The shape of a [`FREE`] output. Panics where [`super::Operation::derive`] set none.
    pub fn output(&self, number: usize) -> &Shape {
        self.outputs
            .get(number)
            .and_then(Option::as_ref)
            .unwrap_or_else(|| panic!("output {number} has no shape yet"))
    }

    /// Sets the shape of a [`FREE`] output.
    pub fn set_output(&mut self, number: usize, shape: Shape) {
        if self.outputs.len() <= number {
            self.outputs.resize(number + 1, None);
        }
        self.outputs[number] = Some(shape);
    }

    /// The size that `letter` stands for. Panics on a letter that no input and
    /// no shape rule binds: a bug in the operation.
    pub fn get(&self, letter: &str) -> usize {
        self.find(letter)
            .unwrap_or_else(|| panic!("no size is bound to {letter}"))
    }

    pub fn find(&self, letter: &str) -> Option<usize> {
        self.sizes
            .iter()
            .find(|(name, _)| *name == letter)
            .map(|&(_, size)| size)
    }

    /// Several sizes at once.
    pub fn all<const N: usize>(&self, letters: [&str; N]) -> [usize; N] {
        letters.map(|letter| self.get(letter))
    }

    /// All letters with their sizes, in the order in which they were bound.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.sizes.iter().copied()
    }

    pub fn set(&mut self, letter: &'static str, size: usize) {
        match self.sizes.iter_mut().find(|(name, _)| *name == letter) {
            Some(entry) => entry.1 = size,
            None => self.sizes.push((letter, size)),
        }
    }

    /// The shape of the tensors of any shape.
    pub fn any(&self) -> Option<&Shape> {
        self.any.as_ref()
    }

    /// Binds the letters of one input.
    ///
    /// # Errors
    /// What the shape should have been, in words.
    pub(super) fn unify(
        &mut self,
        letters: &'static [&'static str],
        shape: &Shape,
    ) -> Result<(), String> {
        if shape.count() == 0 {
            return Err("sizes of at least 1".into());
        }
        self.inputs.push(shape.clone());
        if letters == FREE {
            return Ok(());
        }
        if letters == ANY {
            match &self.any {
                Some(any) if any != shape => return Err(any.to_string()),
                Some(_) => {}
                None => {
                    self.set("count", shape.count());
                    self.any = Some(shape.clone());
                }
            }
            return Ok(());
        }
        let fits = letters.len() == shape.rank()
            && letters
                .iter()
                .zip(shape.dims())
                .all(|(letter, &size)| self.find(letter).is_none_or(|bound| bound == size));
        if !fits {
            return Err(self.describe(letters));
        }
        for (letter, &size) in letters.iter().zip(shape.dims()) {
            self.set(letter, size);
        }
        Ok(())
    }

    /// `(N, I = 4)`: letters, with the sizes known so far.
    fn describe(&self, letters: &[&str]) -> String {
        let parts: Vec<String> = letters
            .iter()
            .map(|letter| match self.find(letter) {
                Some(size) => format!("{letter} = {size}"),
                None => (*letter).to_string(),
            })
            .collect();
        format!("({})", parts.join(", "))
    }

    /// The shape that letters stand for.
    ///
    /// # Errors
    /// When it has too many elements.
    pub fn shape(&self, letters: &[&'static str]) -> Result<Shape, TensorError> {
        if letters == ANY {
            return Ok(self.any.clone().expect("an input of any shape is bound"));
        }
        Shape::new(
            letters
                .iter()
                .map(|letter| self.get(letter))
                .collect::<Vec<_>>(),
        )
    }
}
