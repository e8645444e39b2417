//! From a plan's calls to pipelines and bind groups. Everything is made once.

use super::objects::Objects;
use super::{GpuDevice, GpuError};
use crate::ops::shader;
use std::collections::HashMap;

/// (name, WGSL text)
pub(super) type Shaders = &'static [(&'static str, &'static str)];

/// Constants by their bits, so that they can be compared and hashed.
type Constants = Vec<(&'static str, u64)>;

/// A pipeline and the layout of its group 0.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    /// Whether group 1, the step's values, is bound.
    pub uses_step: bool,
}

/// All pipelines of a plan, one for each shader and set of constants.
#[derive(Clone, Debug)]
pub(super) struct Pipelines {
    /// (name, WGSL text) of shaders outside of the list that every program holds.
    further: Shaders,
    modules: HashMap<&'static str, wgpu::ShaderModule>,
    layouts: HashMap<Vec<shader::Access>, wgpu::BindGroupLayout>,
    kernels: HashMap<(&'static str, Constants), Kernel>,
    /// Layout of group 1.
    pub step_layout: wgpu::BindGroupLayout,
}

impl Pipelines {
    pub fn new(gpu: &GpuDevice, further: Shaders) -> Self {
        let entry = layout_entry(0, wgpu::BufferBindingType::Uniform, true);
        let step_layout = gpu
            .device()
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("step"),
                entries: &[entry],
            });
        Self {
            further,
            modules: HashMap::new(),
            layouts: HashMap::new(),
            kernels: HashMap::new(),
            step_layout,
        }
    }

    /// Compiles `name` with `constants`, unless that was done before.
    ///
    /// # Errors
    /// What the compiler says.
    pub async fn prepare(
        &mut self,
        objects: &Objects,
        name: &'static str,
        constants: &[(&'static str, f64)],
    ) -> Result<Kernel, GpuError> {
        let key = (name, bits(constants));
        if let Some(kernel) = self.kernels.get(&key) {
            return Ok(kernel.clone());
        }
        let kernel = objects
            .scoped(name, || Ok(self.make(objects, name, constants)))
            .await?;
        self.kernels.insert(key, kernel.clone());
        Ok(kernel)
    }

    fn text(&self, name: &str) -> &'static str {
        let own = self.further.iter().find(|(known, _)| *known == name);
        own.map_or_else(|| shader::source(name), |&(_, text)| text)
    }

    fn make(
        &mut self,
        objects: &Objects,
        name: &'static str,
        constants: &[(&'static str, f64)],
    ) -> Kernel {
        let device = objects.gpu.device();
        let text = self.text(name);
        let module = self.modules.entry(name).or_insert_with(|| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(name),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            })
        });
        let accesses = shader::bindings_of(text);
        let layout = self
            .layouts
            .entry(accesses)
            .or_insert_with_key(|accesses| group_layout(device, accesses))
            .clone();
        let uses_step = shader::text_uses_step(text);
        let groups = [Some(&layout), uses_step.then_some(&self.step_layout)];
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &groups[..1 + usize::from(uses_step)],
            immediate_size: 0,
        });
        Kernel {
            pipeline: objects.pipeline(name, &pipeline_layout, module, constants),
            layout,
            uses_step,
        }
    }
}

fn bits(constants: &[(&'static str, f64)]) -> Constants {
    constants
        .iter()
        .map(|&(name, value)| (name, value.to_bits()))
        .collect()
}

/// Binding 0 is `params`, the others are storage buffers.
pub(super) fn group_layout(
    device: &wgpu::Device,
    accesses: &[shader::Access],
) -> wgpu::BindGroupLayout {
    let mut entries = vec![layout_entry(0, wgpu::BufferBindingType::Uniform, false)];
    entries.extend((1u32..).zip(accesses).map(|(binding, access)| {
        let read_only = *access == shader::Access::Read;
        layout_entry(
            binding,
            wgpu::BufferBindingType::Storage { read_only },
            false,
        )
    }));
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("operands"),
        entries: &entries,
    })
}

fn layout_entry(
    binding: u32,
    ty: wgpu::BufferBindingType,
    has_dynamic_offset: bool,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset,
            min_binding_size: None,
        },
        count: None,
    }
}
