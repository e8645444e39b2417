//! Reading part of a tensor.

use super::*;
use crate::session::facts::statistics;

/// Elements of the largest tensor that is read whole: data sets are not.
const MAX_READ: usize = 1 << 22;

/// Part of a tensor, with statistics of the whole.
pub(super) async fn tensor_report(
    inspector: &Inspector,
    request: u32,
    value: ValueId,
    first: u64,
    count: u64,
) -> Result<InspectionReport, SessionError> {
    let described = inspector.graph.value(value);
    let name = described.name.clone();
    let length = described.shape.count();
    if length > MAX_READ {
        let (elements, most) = (length as u64, MAX_READ as u64);
        let reason = Refusal::TooLarge {
            name,
            elements,
            most,
        };
        return Ok(refused(Some(request), reason));
    }
    if first >= length as u64 {
        let elements = length as u64;
        let reason = Refusal::PastTheTensor {
            name,
            elements,
            first,
        };
        return Ok(refused(Some(request), reason));
    }
    let (mut values, mut facts) = (None, None);
    if inspector.is_computed(value) && inspector.plan().find_place(value).is_some() {
        let read = inspector.executor.read_many(&[value]).await?;
        let all = as_reals(&read[0]);
        let last = (first + count.min(MAX_VALUES)).min(length as u64);
        facts = Some(statistics(&all));
        values = Some(all[first as usize..last as usize].to_vec());
    }
    Ok(InspectionReport::Tensor {
        request,
        name,
        first,
        values,
        statistics: facts,
    })
}
