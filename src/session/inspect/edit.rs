//! Numbers that the learner writes over.

use super::*;
use crate::tensor::ElementType;

/// Elements of one tensor overwritten by the learner, all at once.
#[derive(Clone, Debug)]
pub(in crate::session) struct Edit {
    pub value: ValueId,
    /// (row-major position, number)
    pub elements: Vec<(usize, f32)>,
}

impl Run {
    /// One element of a parameter, of the batch's input, or a label.
    pub(super) fn new_edit(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
        number: f32,
    ) -> Result<Edit, Refusal> {
        let value = inspector.find(name)?;
        let offset = inspector.offset(value, index)?;
        self.checked_edit(inspector, value, vec![(offset, number)])
    }

    /// Many elements of one tensor, by their row-major positions.
    pub(super) fn new_stroke(
        &self,
        inspector: &Inspector,
        name: &str,
        elements: &[(u64, f32)],
    ) -> Result<Edit, Refusal> {
        let value = inspector.find(name)?;
        let count = inspector.graph.value(value).shape.count();
        if elements.is_empty() {
            return Err(format!("expected elements of {name} to change, got none"));
        }
        let elements = elements.iter().map(|&(at, number)| {
            let offset = usize::try_from(at).ok().filter(|&at| at < count);
            let outside = || format!("{name} has {count} elements; {at} is past its end");
            Ok((offset.ok_or_else(outside)?, number))
        });
        let elements = elements.collect::<Result<Vec<_>, Refusal>>()?;
        self.checked_edit(inspector, value, elements)
    }

    fn checked_edit(
        &self,
        inspector: &Inspector,
        value: ValueId,
        elements: Vec<(usize, f32)>,
    ) -> Result<Edit, Refusal> {
        let described = inspector.graph.value(value);
        let name = &described.name;
        let is_parameter = described.source == Source::Parameter;
        if !(is_parameter || value == self.model.input || value == self.model.target) {
            return Err(format!(
                "{name} is computed; parameters, the batch's input and its labels can be edited"
            ));
        }
        let is_class = value == self.model.target && described.element == ElementType::U32;
        let classes = inspector.graph.value(self.model.logits).shape.dims()[1];
        for &(_, number) in &elements {
            if !number.is_finite() {
                return Err(format!("expected a finite number for {name}, got {number}"));
            }
            if is_class && !(number >= 0.0 && number < classes as f32 && number.fract() == 0.0) {
                return Err(format!(
                    "expected a class from 0 to {}, got {number}",
                    classes - 1
                ));
            }
        }
        Ok(Edit { value, elements })
    }
}

/// Overwrites an edit's elements.
pub(super) async fn apply(executor: &mut Executor, edit: &Edit) -> Result<(), SessionError> {
    let mut read = executor.read_many(&[edit.value]).await?;
    edit.write_over(&mut read[0]);
    executor.write(edit.value, &read[0]);
    Ok(())
}

impl Edit {
    /// Puts the numbers in their places.
    pub(super) fn write_over(&self, values: &mut Values) {
        for &(offset, number) in &self.elements {
            match values {
                Values::F32(values) => values[offset] = number,
                Values::U32(values) => values[offset] = number as u32,
                Values::U8(values) => values[offset] = number as u8,
            }
        }
    }
}
