//! The one place that makes GPU objects and encodes dispatches: what it counts
//! is all there is.

use super::{GpuDevice, GpuError, MAX_BUFFER_BYTES};
use crate::platform::now_millis;
use std::cell::Cell;

/// GPU objects made and work submitted since an executor was begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuCounters {
    pub buffers: u64,
    pub bind_groups: u64,
    pub pipelines: u64,
    pub dispatches: u64,
    pub submits: u64,
    /// Time of the host to encode recorded submits, without handing them over: a software driver computes then.
    pub encode_nanos: u64,
    /// Bytes of the buffers that exist now.
    pub bytes: u64,
}

impl GpuCounters {
    /// GPU objects made so far: none may come after the first steps of a run.
    pub fn allocations(&self) -> u64 {
        self.buffers + self.bind_groups + self.pipelines
    }
}

/// Makes GPU objects and counts them.
#[derive(Debug)]
pub(super) struct Objects {
    pub gpu: GpuDevice,
    counters: Cell<GpuCounters>,
}

impl Objects {
    pub fn new(gpu: GpuDevice) -> Self {
        Self {
            gpu,
            counters: Cell::default(),
        }
    }

    pub fn counters(&self) -> GpuCounters {
        self.counters.get()
    }

    fn count(&self, change: impl FnOnce(&mut GpuCounters)) {
        let mut counters = self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    /// A buffer of zeros, or filled with one 32-bit pattern.
    ///
    /// # Errors
    /// When it is too large; the name says what it was for.
    pub fn buffer(
        &self,
        name: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
        pattern: Option<u32>,
    ) -> Result<wgpu::Buffer, GpuError> {
        let size = bytes.next_multiple_of(16).max(16);
        if size > MAX_BUFFER_BYTES {
            return Err(GpuError::TooLarge {
                name: name.to_string(),
                bytes,
            });
        }
        let buffer = self.gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some(name),
            size,
            usage,
            mapped_at_creation: pattern.is_some(),
        });
        if let Some(pattern) = pattern {
            // Without memory there is nothing to map; the error scope has the reason.
            if let Ok(mut view) = buffer.get_mapped_range_mut(..) {
                let words = vec![pattern; size as usize / 4];
                view.copy_from_slice(bytemuck::cast_slice(&words));
            }
            buffer.unmap();
        }
        self.count(|counters| {
            counters.buffers += 1;
            counters.bytes += size;
        });
        Ok(buffer)
    }

    /// Gives a buffer's memory back.
    pub fn destroy(&self, buffer: &wgpu::Buffer) {
        buffer.destroy();
        self.count(|counters| counters.bytes -= buffer.size());
    }

    pub fn bind_group(
        &self,
        name: &str,
        layout: &wgpu::BindGroupLayout,
        bindings: &[wgpu::BufferBinding<'_>],
    ) -> wgpu::BindGroup {
        self.count(|counters| counters.bind_groups += 1);
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0u32..)
            .zip(bindings)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(buffer.clone()),
            })
            .collect();
        self.gpu
            .device()
            .create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(name),
                layout,
                entries: &entries,
            })
    }

    pub fn pipeline(
        &self,
        name: &str,
        layout: &wgpu::PipelineLayout,
        module: &wgpu::ShaderModule,
        constants: &[(&str, f64)],
    ) -> wgpu::ComputePipeline {
        self.count(|counters| counters.pipelines += 1);
        self.gpu
            .device()
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: Some(layout),
                module,
                entry_point: Some(name),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants,
                    ..Default::default()
                },
                cache: None,
            })
    }

    pub fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, [x, y, z]: [u32; 3]) {
        self.count(|counters| counters.dispatches += 1);
        pass.dispatch_workgroups(x, y, z);
    }

    pub fn submit(&self, encoder: wgpu::CommandEncoder) -> wgpu::SubmissionIndex {
        self.hand_over(encoder.finish())
    }

    fn hand_over(&self, commands: wgpu::CommandBuffer) -> wgpu::SubmissionIndex {
        self.count(|counters| counters.submits += 1);
        self.gpu.queue().submit([commands])
    }

    /// As [`Objects::submit`] of what `encode` makes, whose time is counted.
    pub fn submit_timed(
        &self,
        encode: impl FnOnce() -> wgpu::CommandEncoder,
    ) -> wgpu::SubmissionIndex {
        let started = now_millis();
        let commands = encode().finish();
        let nanos = (now_millis() - started) * 1e6;
        self.count(|counters| counters.encode_nanos += nanos as u64);
        self.hand_over(commands)
    }

    /// Runs `make` and returns the error that it caused on the device, if any.
    ///
    /// # Errors
    /// Validation or memory errors, with `what` for a subject; or that of `make` itself.
    pub async fn scoped<T>(
        &self,
        what: &str,
        make: impl FnOnce() -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        let device = self.gpu.device();
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let made = make();
        let (internal, validation, memory) = (internal.pop(), validation.pop(), memory.pop());
        let errors = [internal.await, validation.await, memory.await];
        match errors.into_iter().flatten().next() {
            Some(error) => Err(GpuError::from_wgpu(what, error)),
            None => made,
        }
    }
}
