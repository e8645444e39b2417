//! Which neighbouring nodes one kernel can do together on the GPU.

use super::plan::PlannedCall;
use crate::graph::{Graph, NodeId, ValueId};

/// The nodes at the start of `order` that one fused kernel covers, and its calls;
/// `None` where nothing fuses. Values in `keep` must be written.
pub(super) fn fuse(
    _graph: &Graph,
    _order: &[NodeId],
    _keep: &[ValueId],
) -> Option<(usize, Vec<PlannedCall>)> {
    None
}
