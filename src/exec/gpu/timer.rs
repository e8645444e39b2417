//! How long the kernels of a group take, by timestamps that the GPU writes itself.

use super::GpuError;
use super::objects::Objects;

/// Two timestamps for each group of a plan, and where they are resolved to.
#[derive(Debug)]
pub(super) struct Timer {
    queries: wgpu::QuerySet,
    /// A record at every multiple of [`wgpu::QUERY_RESOLVE_BUFFER_ALIGNMENT`].
    resolved: wgpu::Buffer,
}

impl Timer {
    /// Bytes of a group's record: the ticks before and after.
    pub const BYTES: u64 = 16;

    /// Whether one query set holds the timestamps of so many groups.
    pub fn fits(groups: usize) -> bool {
        (1..=wgpu::QUERY_SET_MAX_QUERIES as usize / 2).contains(&groups)
    }

    /// # Errors
    /// When the buffer is too large.
    pub fn new(objects: &Objects, groups: usize) -> Result<Self, GpuError> {
        let device = objects.gpu.device();
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * groups as u32,
        });
        let bytes = groups as u64 * wgpu::QUERY_RESOLVE_BUFFER_ALIGNMENT;
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = objects.buffer("timestamps", bytes, usage, None)?;
        Ok(Self { queries, resolved })
    }

    /// For the pass that runs a group.
    pub fn writes(&self, group: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        let first = 2 * group as u32;
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Puts a group's timestamps into its record, after the pass.
    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder, group: usize) {
        let first = 2 * group as u32;
        let offset = group as u64 * wgpu::QUERY_RESOLVE_BUFFER_ALIGNMENT;
        encoder.resolve_query_set(&self.queries, first..first + 2, &self.resolved, offset);
    }

    /// Copies a group's record to the start of a staging buffer.
    pub fn copy(&self, encoder: &mut wgpu::CommandEncoder, group: usize, staging: &wgpu::Buffer) {
        let offset = group as u64 * wgpu::QUERY_RESOLVE_BUFFER_ALIGNMENT;
        encoder.copy_buffer_to_buffer(&self.resolved, offset, staging, 0, Self::BYTES);
    }
}
