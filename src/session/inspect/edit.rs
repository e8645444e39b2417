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
            return Err(Refusal::NoElements { name: name.into() });
        }
        let elements = elements.iter().map(|&(at, number)| {
            let offset = usize::try_from(at).ok().filter(|&at| at < count);
            let outside = || Refusal::PastTheTensor {
                name: name.into(),
                elements: count as u64,
                first: at,
            };
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
            return Err(Refusal::NotEditable { name: name.into() });
        }
        let is_class = value == self.model.target && described.element == ElementType::U32;
        let classes = inspector.graph.value(self.model.logits).shape.dims()[1];
        for &(_, number) in &elements {
            if !number.is_finite() {
                let name = name.into();
                return Err(Refusal::NotFinite { name, number });
            }
            if is_class && !(number >= 0.0 && number < classes as f32 && number.fract() == 0.0) {
                let classes = classes as u32;
                return Err(Refusal::NotAClass { classes, number });
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
