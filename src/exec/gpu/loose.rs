//! Kernels on buffers of their own, outside any plan: to measure them, and to run those that no operation uses.

use super::executor::{map, staging};
use super::objects::Objects;
use super::pipelines::group_layout;
use super::{GpuDevice, GpuError};
use crate::ops::KernelCall;
use crate::ops::shader;
use crate::platform::{self, now_millis};
use futures_channel::oneshot;

/// One dispatch: its shader's text, and the numbers of the buffers that it binds behind its params.
#[derive(Clone, Copy, Debug)]
pub struct LooseCall<'a> {
    pub text: &'a str,
    pub call: &'a KernelCall,
    pub buffers: &'a [usize],
}

struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// Dispatches that run one after the other.
pub struct LooseKernels {
    objects: Objects,
    buffers: Vec<wgpu::Buffer>,
    dispatches: Vec<Dispatch>,
}

impl LooseKernels {
    /// Makes a buffer of each of `contents`, pipelines and bind groups.
    ///
    /// # Errors
    /// When the device refuses a shader or a buffer, or is out of memory.
    pub async fn new(
        gpu: &GpuDevice,
        contents: &[Vec<u8>],
        calls: &[LooseCall<'_>],
    ) -> Result<Self, GpuError> {
        let objects = Objects::new(gpu.clone());
        let make = || {
            let buffers = contents.iter().map(|bytes| buffer(&objects, bytes));
            let buffers = buffers.collect::<Result<Vec<_>, GpuError>>()?;
            let dispatches = calls.iter().map(|call| dispatch(&objects, &buffers, call));
            let dispatches = dispatches.collect::<Result<Vec<_>, GpuError>>()?;
            Ok((buffers, dispatches))
        };
        let name = calls.first().map_or("kernels", |call| call.call.shader);
        let (buffers, dispatches) = objects.scoped(name, make).await?;
        Ok(Self {
            objects,
            buffers,
            dispatches,
        })
    }

    /// Bytes of the tensors' buffers.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(wgpu::Buffer::size).sum()
    }

    /// Runs all dispatches `times` times in one submit and waits: the wall time in milliseconds.
    ///
    /// # Errors
    /// When the device is lost or reported an error.
    pub async fn run(&self, times: u32) -> Result<f64, GpuError> {
        let device = self.objects.gpu.device();
        let started = now_millis();
        let descriptor = wgpu::CommandEncoderDescriptor { label: None };
        let mut encoder = device.create_command_encoder(&descriptor);
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for dispatch in std::iter::repeat_n(&self.dispatches, times as usize).flatten() {
                pass.set_pipeline(&dispatch.pipeline);
                pass.set_bind_group(0, &dispatch.bindings, &[]);
                self.objects.dispatch(&mut pass, dispatch.workgroups);
            }
        }
        self.objects.submit(encoder);
        let (done, waiting) = oneshot::channel();
        self.objects.gpu.queue().on_submitted_work_done(move || {
            // Nobody listens once the measurement was given up.
            let _ = done.send(());
        });
        platform::poll_device(device, None).map_err(|message| GpuError::Read { message })?;
        // Without an answer the device is gone; the check says so.
        let _ = waiting.await;
        self.objects.gpu.check()?;
        Ok(now_millis() - started)
    }

    /// The bytes of a buffer as they stand.
    ///
    /// # Errors
    /// When the device is lost or out of memory.
    pub async fn read(&self, buffer: usize) -> Result<Vec<u8>, GpuError> {
        let buffer = &self.buffers[buffer];
        let bytes = buffer.size();
        let make = || staging(&self.objects, "read staging", bytes);
        let staging = self.objects.scoped("read staging", make).await?;
        let device = self.objects.gpu.device();
        let descriptor = wgpu::CommandEncoderDescriptor { label: None };
        let mut encoder = device.create_command_encoder(&descriptor);
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes);
        let submission = self.objects.submit(encoder);
        let mapped = map(&staging, bytes);
        let read = |message| GpuError::Read { message };
        platform::poll_device(device, Some(submission)).map_err(read)?;
        let outcome = mapped.await;
        self.objects.gpu.check()?;
        outcome
            .map_err(|_| read("the device gave no answer".into()))?
            .map_err(|error| read(error.to_string()))?;
        let view = staging.get_mapped_range(..bytes);
        let bytes = view.map_err(|error| read(error.to_string()))?.to_vec();
        self.objects.destroy(&staging);
        Ok(bytes)
    }
}

impl Drop for LooseKernels {
    /// A measurement must not leave its memory to a later one.
    fn drop(&mut self) {
        for buffer in &self.buffers {
            self.objects.destroy(buffer);
        }
    }
}

fn buffer(objects: &Objects, bytes: &[u8]) -> Result<wgpu::Buffer, GpuError> {
    use wgpu::BufferUsages as Usages;
    let usage = Usages::STORAGE | Usages::COPY_SRC | Usages::COPY_DST;
    let buffer = objects.buffer("operand", bytes.len() as u64, usage, None)?;
    write(objects, &buffer, bytes);
    Ok(buffer)
}

/// Writes whole words: what is missing of the last one is 0.
fn write(objects: &Objects, buffer: &wgpu::Buffer, bytes: &[u8]) {
    let mut words = bytes.to_vec();
    words.resize(bytes.len().next_multiple_of(4), 0);
    objects.gpu.queue().write_buffer(buffer, 0, &words);
}

fn dispatch(
    objects: &Objects,
    buffers: &[wgpu::Buffer],
    loose: &LooseCall<'_>,
) -> Result<Dispatch, GpuError> {
    let (device, call) = (objects.gpu.device(), loose.call);
    let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let params = objects.buffer("params", call.params.bytes.len() as u64, usage, None)?;
    write(objects, &params, &call.params.bytes);
    let layout = group_layout(device, &shader::bindings_of(loose.text));
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(call.shader),
        source: wgpu::ShaderSource::Wgsl(loose.text.into()),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(call.shader),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let operands = loose.buffers.iter().map(|&number| &buffers[number]);
    let bindings: Vec<wgpu::BufferBinding<'_>> = std::iter::once(&params)
        .chain(operands)
        .map(wgpu::Buffer::as_entire_buffer_binding)
        .collect();
    let constants = &call.constants;
    Ok(Dispatch {
        pipeline: objects.pipeline(call.shader, &pipeline_layout, &module, constants),
        bindings: objects.bind_group(call.shader, &layout, &bindings),
        workgroups: call.workgroups,
    })
}
