//! Adapters and devices.

use super::GpuError;
use crate::platform;
use std::sync::{Arc, Mutex, PoisonError};

/// Parts of names that only adapters computing on the CPU have.
const SOFTWARE_NAMES: [&str; 5] = [
    "swiftshader",
    "llvmpipe",
    "lavapipe",
    "microsoft basic render",
    "warp",
];

/// A GPU that is ready to compute. Clones share it.
#[derive(Clone, Debug)]
pub struct GpuDevice {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    /// Of the adapter; the device itself has WebGPU's default limits.
    limits: wgpu::Limits,
    features: wgpu::Features,
    /// What a browser says about its adapter beside the name.
    description: String,
    troubles: Arc<Mutex<Troubles>>,
}

/// What callbacks report.
#[derive(Debug, Default)]
struct Troubles {
    lost: Option<String>,
    error: Option<GpuError>,
}

impl GpuDevice {
    /// Asks for the fastest adapter, with WebGPU's default limits, and timestamps and float16 where it has them.
    ///
    /// # Errors
    /// [`GpuError::NoWebGpu`], [`GpuError::NoAdapter`] or [`GpuError::NoDevice`].
    pub async fn request() -> Result<Self, GpuError> {
        if !platform::has_web_gpu() {
            return Err(GpuError::NoWebGpu);
        }
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance()
            .request_adapter(&options)
            .await
            .map_err(|_| GpuError::NoAdapter)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("glassbox"),
            required_limits: wgpu::Limits::default(),
            // Extras for the microscope and the lab: training depends on neither.
            required_features: adapter.features()
                & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16),
            ..Default::default()
        };
        let (device, queue) =
            adapter
                .request_device(&descriptor)
                .await
                .map_err(|error| GpuError::NoDevice {
                    message: error.to_string(),
                })?;
        let troubles = Arc::new(Mutex::new(Troubles::default()));
        listen(&device, &troubles);
        // The page's devices stay on one thread; natively the same type crosses threads.
        #[allow(clippy::arc_with_non_send_sync)]
        let shared = Arc::new(Shared {
            description: platform::describe_web_adapter(&device),
            device,
            queue,
            info: adapter.get_info(),
            limits: adapter.limits(),
            features: adapter.features(),
            troubles,
        });
        Ok(Self { shared })
    }

    pub(super) fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    pub(super) fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    /// The adapter's name; where a browser hides it, what it does say.
    pub fn name(&self) -> String {
        let named = [&self.shared.info.name, &self.shared.description];
        named
            .into_iter()
            .find(|name| !name.is_empty())
            .map_or_else(|| "GPU".into(), Clone::clone)
    }

    /// `WebGPU` in the page; natively the interface of the driver, `Vulkan`.
    pub fn backend(&self) -> String {
        backend_name(self.shared.info.backend)
    }

    /// Whether it can tell how long kernels take.
    pub fn has_timestamps(&self) -> bool {
        let features = self.shared.device.features();
        features.contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Whether its shaders store and compute float16.
    pub fn has_f16(&self) -> bool {
        let features = self.shared.device.features();
        features.contains(wgpu::Features::SHADER_F16)
    }

    /// Whether the adapter computes on the CPU, slower than the CPU executor.
    pub fn is_software(&self) -> bool {
        let Shared {
            info, description, ..
        } = &*self.shared;
        is_software(info) || has_software_name(description)
    }

    /// The adapter that it is on, with the adapter's limits and features.
    pub fn adapter(&self) -> AdapterSummary {
        let Shared {
            info,
            limits,
            features,
            ..
        } = &*self.shared;
        AdapterSummary {
            name: self.name(),
            is_software: self.is_software(),
            ..describe(info.clone(), limits, *features)
        }
    }

    /// Why the device was lost, once it was.
    pub fn lost(&self) -> Option<String> {
        self.troubles(|troubles| troubles.lost.clone())
    }

    /// The first error that no call returned, and forgets it.
    pub fn take_error(&self) -> Option<GpuError> {
        self.troubles(|troubles| troubles.error.take())
    }

    /// # Errors
    /// When the device was lost, or reported an error since the last check.
    pub(super) fn check(&self) -> Result<(), GpuError> {
        self.troubles(|troubles| match (&troubles.lost, &troubles.error) {
            (Some(message), _) => Err(GpuError::Lost {
                message: message.clone(),
            }),
            (None, Some(_)) => Err(troubles.error.take().expect("it is there")),
            (None, None) => Ok(()),
        })
    }

    fn troubles<R>(&self, look: impl FnOnce(&mut Troubles) -> R) -> R {
        let mut troubles = self
            .shared
            .troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        look(&mut troubles)
    }
}

/// Puts down what the device reports by itself.
fn listen(device: &wgpu::Device, troubles: &Arc<Mutex<Troubles>>) {
    let shared = Arc::clone(troubles);
    device.set_device_lost_callback(move |reason, message| {
        let mut troubles = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let text = if message.is_empty() {
            format!("{reason:?}")
        } else {
            message
        };
        troubles.lost.get_or_insert(text);
    });
    let shared = Arc::clone(troubles);
    device.on_uncaptured_error(Arc::new(move |error| {
        let mut troubles = shared.lock().unwrap_or_else(PoisonError::into_inner);
        troubles
            .error
            .get_or_insert_with(|| GpuError::from_wgpu("a submit", error));
    }));
}

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    // Drivers' own debug layers are for those who write drivers' callers; wgpu validates in any case.
    descriptor.flags = wgpu::InstanceFlags::empty();
    wgpu::Instance::new(descriptor)
}

fn backend_name(backend: wgpu::Backend) -> String {
    match backend {
        wgpu::Backend::BrowserWebGpu => "WebGPU".into(),
        wgpu::Backend::Dx12 => "Direct3D 12".into(),
        other => format!("{other:?}"),
    }
}

fn is_software(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
        || [&info.name, &info.driver, &info.driver_info]
            .into_iter()
            .any(|text| has_software_name(text))
}

fn has_software_name(text: &str) -> bool {
    let text = text.to_lowercase();
    // Whole words, so that no real adapter's name is taken for one.
    SOFTWARE_NAMES.iter().any(|name| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            [before, after]
                .into_iter()
                .flatten()
                .all(|c| !c.is_alphabetic())
        })
    })
}

/// What there is to compute on, for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterSummary {
    pub name: String,
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `VirtualGpu`, `Cpu` or `Other`.
    pub device_type: String,
    pub driver: String,
    pub is_software: bool,
    /// (name in WebGPU, value)
    pub limits: Vec<(&'static str, u64)>,
    /// Optional WebGPU features that it has, of those that matter to computing.
    pub features: Vec<&'static str>,
}

/// All adapters of this computer; in the page, of the browser.
pub async fn adapters() -> Vec<AdapterSummary> {
    if !platform::has_web_gpu() {
        return Vec::new();
    }
    let found = instance().enumerate_adapters(wgpu::Backends::all()).await;
    found.iter().map(summarise).collect()
}

fn summarise(adapter: &wgpu::Adapter) -> AdapterSummary {
    describe(adapter.get_info(), &adapter.limits(), adapter.features())
}

fn describe(
    info: wgpu::AdapterInfo,
    limits: &wgpu::Limits,
    features: wgpu::Features,
) -> AdapterSummary {
    let known = [
        ("shader-f16", wgpu::Features::SHADER_F16),
        ("subgroups", wgpu::Features::SUBGROUP),
        ("timestamp-query", wgpu::Features::TIMESTAMP_QUERY),
    ];
    AdapterSummary {
        is_software: is_software(&info),
        backend: backend_name(info.backend),
        device_type: format!("{:?}", info.device_type),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_string(),
        name: info.name,
        limits: vec![
            (
                "maxStorageBuffersPerShaderStage",
                limits.max_storage_buffers_per_shader_stage.into(),
            ),
            (
                "maxStorageBufferBindingSize",
                limits.max_storage_buffer_binding_size,
            ),
            ("maxBufferSize", limits.max_buffer_size),
            (
                "maxComputeWorkgroupStorageSize",
                limits.max_compute_workgroup_storage_size.into(),
            ),
            (
                "maxComputeInvocationsPerWorkgroup",
                limits.max_compute_invocations_per_workgroup.into(),
            ),
        ],
        features: known
            .into_iter()
            .filter(|(_, feature)| features.contains(*feature))
            .map(|(name, _)| name)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_adapters_are_told_by_their_names() {
        for name in [
            "llvmpipe (LLVM 15.0.6, 256 bits)",
            "google swiftshader",
            "SwiftShader Device (Subzero)",
            "Microsoft Basic Render Driver",
        ] {
            assert!(has_software_name(name), "{name}");
        }
        for name in ["NVIDIA H100", "Apple M2", "AMD Radeon Warpath", ""] {
            assert!(!has_software_name(name), "{name}");
        }
    }
}
