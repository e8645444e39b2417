//! What trains a mode of a comparison: the emulation, or a device that stores float16.

use super::device::DeviceStepper;
use super::message::{Place, PrecisionError, Why};
use super::scaler::LossScale;
use super::stepper::{StepOutcome, Stepper};
use crate::exec::gpu::{GpuDevice, GpuError};
use crate::graph::ValueId;
use crate::ops::StepValues;
use crate::session::DevicePreference;
use crate::tensor::Values;

pub(super) enum Trainer {
    Emulated(Box<Stepper>),
    Device(Box<DeviceStepper>),
}

impl Trainer {
    /// Overwrites data, the order of samples and the like.
    pub fn write(&mut self, value: ValueId, values: &Values) {
        match self {
            Self::Emulated(stepper) => stepper.write(value, values),
            Self::Device(stepper) => stepper.write(value, values),
        }
    }

    pub fn write_parameter(&mut self, parameter: ValueId, values: &[f32]) {
        match self {
            Self::Emulated(stepper) => stepper.write_parameter(parameter, values),
            Self::Device(stepper) => stepper.write_parameter(parameter, values),
        }
    }

    pub fn scale(&self) -> &LossScale {
        match self {
            Self::Emulated(stepper) => stepper.scale(),
            Self::Device(stepper) => stepper.scale(),
        }
    }

    /// One step of training.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn step(&mut self, step: StepValues) -> Result<StepOutcome, GpuError> {
        match self {
            Self::Emulated(stepper) => Ok(stepper.step(step)),
            Self::Device(stepper) => stepper.step(step).await,
        }
    }

    /// Forward pass and loss, as in inference: the first element of a value.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn evaluate(&mut self, step: &StepValues, value: ValueId) -> Result<f32, GpuError> {
        match self {
            Self::Emulated(stepper) => {
                stepper.evaluate(step);
                Ok(stepper.reals(value)[0])
            }
            Self::Device(stepper) => stepper.evaluate(step, value).await,
        }
    }

    #[cfg(test)]
    pub fn emulated(&mut self) -> Option<&mut Stepper> {
        match self {
            Self::Emulated(stepper) => Some(stepper),
            Self::Device(_) => None,
        }
    }

    pub fn device(&mut self) -> Option<&mut DeviceStepper> {
        match self {
            Self::Emulated(_) => None,
            Self::Device(stepper) => Some(stepper),
        }
    }
}

impl From<GpuError> for PrecisionError {
    fn from(error: GpuError) -> Self {
        Self::Engine {
            message: error.to_string(),
        }
    }
}

/// Where a comparison is computed: the device, if it is one, and what is to be said of it. `known` is a device from
/// before, and becomes the one that was asked.
///
/// # Errors
/// When a device was asked for by name and there is none, or none with float16.
pub(super) async fn choose(
    known: &mut Option<GpuDevice>,
    wanted: DevicePreference,
) -> Result<(Option<GpuDevice>, Place), PrecisionError> {
    let emulated = |why| Ok((None, Place::Emulated { why }));
    if wanted == DevicePreference::Cpu {
        return emulated(Why::Wanted);
    }
    let gpu = match known.take().filter(|gpu| gpu.lost().is_none()) {
        Some(gpu) => Ok(gpu),
        None => GpuDevice::request().await,
    };
    let is_auto = wanted == DevicePreference::Auto;
    let gpu = match gpu {
        Ok(gpu) => gpu,
        Err(GpuError::NoWebGpu | GpuError::NoAdapter | GpuError::NoDevice { .. }) if is_auto => {
            return emulated(Why::NoGpu);
        }
        Err(error) => return Err(error.into()),
    };
    *known = Some(gpu.clone());
    let (adapter, is_software) = (gpu.name(), gpu.is_software());
    match (gpu.has_f16(), is_auto) {
        (false, true) => emulated(Why::NoFloat16 { adapter }),
        (false, false) => Err(PrecisionError::NoFloat16 { adapter }),
        (true, true) if is_software => emulated(Why::Software { adapter }),
        (true, _) => Ok((
            Some(gpu),
            Place::Device {
                adapter,
                is_software,
            },
        )),
    }
}
