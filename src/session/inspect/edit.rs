//! Numbers that the learner writes over.

use super::*;

/// An element overwritten by the learner.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct Edit {
    pub value: ValueId,
    pub offset: usize,
    pub number: f32,
}

impl Run {
    pub(super) fn new_edit(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
        number: f32,
    ) -> Result<Edit, Refusal> {
        let value = inspector.find(name)?;
        let offset = inspector.offset(value, index)?;
        let is_parameter = inspector.graph.value(value).source == Source::Parameter;
        if !(is_parameter || value == self.model.input || value == self.model.target) {
            return Err(format!(
                "{name} is computed; parameters, the batch's input and its labels can be edited"
            ));
        }
        if !number.is_finite() {
            return Err(format!("expected a finite number for {name}, got {number}"));
        }
        let classes = inspector.graph.value(self.model.logits).shape.dims()[1];
        let is_class = value == self.model.target && self.model.images.is_some();
        if is_class && !(number >= 0.0 && number < classes as f32 && number.fract() == 0.0) {
            return Err(format!(
                "expected a class from 0 to {}, got {number}",
                classes - 1
            ));
        }
        Ok(Edit {
            value,
            offset,
            number,
        })
    }
}

/// Overwrites one element.
pub(super) async fn apply(executor: &mut Executor, edit: Edit) -> Result<(), SessionError> {
    let mut read = executor.read_many(&[edit.value]).await?;
    match &mut read[0] {
        Values::F32(values) => values[edit.offset] = edit.number,
        Values::U32(values) => values[edit.offset] = edit.number as u32,
        Values::U8(values) => values[edit.offset] = edit.number as u8,
    }
    executor.write(edit.value, &read[0]);
    Ok(())
}
