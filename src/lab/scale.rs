//! From a small model to GPT-3: work, memory, time, energy and communication of a training run (docs/LAB.md).
//!
//! Everything here is computed from the numbers of a [`Job`]; nothing is measured. Constants of published models and
//! devices stand in [`REFERENCE_MODELS`] and [`REFERENCE_DEVICES`], each with its source.

use serde::{Deserialize, Serialize};

/// Floating-point operations of training for each parameter and token: 2 forward, 4 backward.
/// Kaplan et al. 2020, arXiv 2001.08361.
pub const FLOPS_PER_PARAMETER_AND_TOKEN: f64 = 6.0;

/// Tokens for each parameter that use a budget of compute best, about. Hoffmann et al. 2022, arXiv 2203.15556.
pub const TOKENS_PER_PARAMETER: f64 = 20.0;

pub const SECONDS_PER_DAY: f64 = 86_400.0;
/// Of 365.25 days.
pub const SECONDS_PER_YEAR: f64 = 365.25 * SECONDS_PER_DAY;
const JOULES_PER_KILOWATT_HOUR: f64 = 3.6e6;

/// No number of a job is larger: products of several stay finite.
pub const MOST: f64 = 1e60;

/// How weights, gradients and the states of Adam are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Everything in 4 bytes.
    #[default]
    Float32,
    /// Weights and gradients in 2 bytes, a master copy of the weights and both states in 4 each. ZeRO, arXiv
    /// 1910.02054.
    Mixed16,
}

impl Precision {
    pub const ALL: [Self; 2] = [Self::Float32, Self::Mixed16];

    /// `float32`, `mixed16`
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Mixed16 => "mixed16",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.name() == name)
    }

    /// Bytes of one weight as the forward pass reads it, and of one gradient.
    pub fn bytes(self) -> f64 {
        match self {
            Self::Float32 => 4.0,
            Self::Mixed16 => 2.0,
        }
    }

    /// Bytes that Adam keeps for each weight: two states, and the master copy where there is one.
    pub fn optimizer_bytes(self) -> f64 {
        match self {
            Self::Float32 => 8.0,
            Self::Mixed16 => 12.0,
        }
    }
}

/// A training run, in SI units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// N
    pub parameters: f64,
    /// D; for images the samples.
    pub tokens: f64,
    /// Of training, for each token; `None`: 6 N.
    pub flops_per_token: Option<f64>,
    pub precision: Precision,
    pub devices: f64,
    /// Largest rate of one device, in FLOP/s.
    pub peak: f64,
    /// Part of the peak that is reached, above 0 to 1.
    pub utilisation: f64,
    /// Bytes of the values that the backward pass needs of one sequence (or image).
    pub activations: f64,
    /// Sequences that one device holds at a time.
    pub sequences: f64,
    /// Memory of one device, in bytes.
    pub memory: f64,
    /// Of one device, in watts.
    pub power: f64,
    /// Power usage effectiveness: all power of the building over that of the devices; at least 1.
    pub pue: f64,
    /// Kilograms of CO2 for each kilowatt-hour.
    pub carbon: f64,
    /// Between neighbours of the ring, in bytes a second.
    pub bandwidth: f64,
    /// Of one message, in seconds.
    pub latency: f64,
}

/// A field of a job that does not fit, and what would.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{field} is {actual}; expected {expected}")]
pub struct JobError {
    pub field: String,
    pub actual: f64,
    pub expected: Expected,
}

/// What a field of a job expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Expected {
    #[error("a number above 0, at most 1e60")]
    Positive,
    #[error("0 or a number above it, at most 1e60")]
    NotNegative,
    #[error("a number above 0 and at most 1")]
    Share,
    #[error("a number of at least 1, at most 1e60")]
    AtLeastOne,
    #[error("a whole number of at least 1, at most 1e60")]
    Count,
}

impl Expected {
    fn fits(self, value: f64) -> bool {
        value.is_finite()
            && value <= MOST
            && match self {
                Self::Positive => value > 0.0,
                Self::NotNegative => value >= 0.0,
                Self::Share => value > 0.0 && value <= 1.0,
                Self::AtLeastOne => value >= 1.0,
                Self::Count => value >= 1.0 && value.fract() == 0.0,
            }
    }
}

/// What a job takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// C, floating-point operations of the whole training.
    pub flops: f64,
    /// The same in days of 10^15 FLOP/s.
    pub petaflop_days: f64,
    /// Tokens that would use C best with this many parameters.
    pub best_tokens: f64,
    /// Bytes of the weights that the forward pass reads.
    pub weights: f64,
    pub gradients: f64,
    /// Adam's states, and the master copy of the weights where there is one.
    pub optimizer: f64,
    /// Weights, gradients and optimizer together; activations come on top.
    pub states: f64,
    /// Bytes of all sequences that one device holds at a time.
    pub activations: f64,
    /// The fewest devices whose memory together holds the states.
    pub devices_for_states: f64,
    pub seconds: f64,
    /// Years of one device.
    pub device_years: f64,
    pub kilowatt_hours: f64,
    pub carbon_kilograms: f64,
    /// Seconds of one ring all-reduce of all gradients; `None` for one device, and where a device cannot hold the
    /// states of a replica.
    pub all_reduce: Option<f64>,
}

impl Job {
    /// Computes everything.
    ///
    /// # Errors
    /// Names the first field that does not fit.
    pub fn estimate(&self) -> Result<Estimate, JobError> {
        self.check()?;
        let per_token = self
            .flops_per_token
            .unwrap_or(FLOPS_PER_PARAMETER_AND_TOKEN * self.parameters);
        let flops = per_token * self.tokens;
        let weights = self.parameters * self.precision.bytes();
        let gradients = weights;
        let optimizer = self.parameters * self.precision.optimizer_bytes();
        let states = weights + gradients + optimizer;
        let seconds = flops / (self.devices * self.peak * self.utilisation);
        let joules = self.devices * self.power * seconds * self.pue;
        let kilowatt_hours = joules / JOULES_PER_KILOWATT_HOUR;
        let is_ring = self.devices > 1.0 && states <= self.memory;
        Ok(Estimate {
            flops,
            petaflop_days: flops / (1e15 * SECONDS_PER_DAY),
            best_tokens: TOKENS_PER_PARAMETER * self.parameters,
            weights,
            gradients,
            optimizer,
            states,
            activations: self.activations * self.sequences,
            devices_for_states: (states / self.memory).ceil(),
            seconds,
            device_years: self.devices * seconds / SECONDS_PER_YEAR,
            kilowatt_hours,
            carbon_kilograms: kilowatt_hours * self.carbon,
            all_reduce: is_ring
                .then(|| ring_seconds(self.devices, gradients, self.bandwidth, self.latency)),
        })
    }

    fn check(&self) -> Result<(), JobError> {
        let fields = [
            ("parameters", self.parameters, Expected::Positive),
            ("tokens", self.tokens, Expected::Positive),
            (
                "flops_per_token",
                self.flops_per_token.unwrap_or(1.0),
                Expected::Positive,
            ),
            ("devices", self.devices, Expected::Count),
            ("peak", self.peak, Expected::Positive),
            ("utilisation", self.utilisation, Expected::Share),
            ("activations", self.activations, Expected::NotNegative),
            ("sequences", self.sequences, Expected::Count),
            ("memory", self.memory, Expected::Positive),
            ("power", self.power, Expected::NotNegative),
            ("pue", self.pue, Expected::AtLeastOne),
            ("carbon", self.carbon, Expected::NotNegative),
            ("bandwidth", self.bandwidth, Expected::Positive),
            ("latency", self.latency, Expected::NotNegative),
        ];
        let wrong = fields
            .into_iter()
            .find(|(_, actual, expected)| !expected.fits(*actual));
        wrong.map_or(Ok(()), |(field, actual, expected)| {
            Err(JobError {
                field: field.into(),
                actual,
                expected,
            })
        })
    }
}

/// Seconds of a ring all-reduce of `bytes` over `devices`: 2 (p - 1) messages of 1/p of them, one after the other.
/// Patarasuk and Yuan 2009.
pub fn ring_seconds(devices: f64, bytes: f64, bandwidth: f64, latency: f64) -> f64 {
    let messages = 2.0 * (devices - 1.0);
    messages / devices * bytes / bandwidth + messages * latency
}

/// A published model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceModel {
    pub name: &'static str,
    pub parameters: f64,
    pub tokens: f64,
    pub layers: f64,
    /// h
    pub width: f64,
    /// a, attention heads of a layer.
    pub heads: f64,
    /// s, tokens of a sequence.
    pub length: f64,
    pub source: &'static str,
}

impl ReferenceModel {
    /// Bytes of the activations of one sequence in 16 bit, without recomputation: s h L (34 + 5 a s / h).
    /// Korthikanti et al. 2022, arXiv 2205.05198, equation 2.
    pub fn activations(&self) -> f64 {
        let (s, h) = (self.length, self.width);
        s * h * self.layers * (34.0 + 5.0 * self.heads * s / h)
    }
}

pub const REFERENCE_MODELS: [ReferenceModel; 2] = [
    ReferenceModel {
        name: "bert-large",
        parameters: 340e6,
        tokens: 256.0 * 1e6 * (0.9 * 128.0 + 0.1 * 512.0),
        layers: 24.0,
        width: 1024.0,
        heads: 16.0,
        length: 512.0,
        source: "Devlin et al. 2018, arXiv 1810.04805: 10^6 steps of 256 sequences, nine tenths of 128 tokens, one tenth of 512",
    },
    ReferenceModel {
        name: "gpt-3",
        parameters: 175e9,
        tokens: 300e9,
        layers: 96.0,
        width: 12_288.0,
        heads: 96.0,
        length: 2048.0,
        source: "Brown et al. 2020, arXiv 2005.14165",
    },
];

/// A device of a data centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceDevice {
    pub name: &'static str,
    /// FLOP/s of dense 16-bit products.
    pub peak: f64,
    /// FLOP/s of float32 arithmetic, without tensor cores.
    pub peak_float32: f64,
    pub memory: f64,
    /// Thermal design power of the chip, in watts.
    pub power: f64,
    /// NVLink, bytes a second in one direction.
    pub bandwidth: f64,
    pub source: &'static str,
}

pub const REFERENCE_DEVICES: [ReferenceDevice; 2] = [
    ReferenceDevice {
        name: "a100",
        peak: 312e12,
        peak_float32: 19.5e12,
        memory: 80e9,
        power: 400.0,
        bandwidth: 300e9,
        source: "NVIDIA A100 SXM datasheet: dense BF16, FP32, NVLink 600 GB/s in both directions together",
    },
    ReferenceDevice {
        name: "h100",
        peak: 989e12,
        peak_float32: 67e12,
        memory: 80e9,
        power: 700.0,
        bandwidth: 450e9,
        source: "NVIDIA H100 SXM datasheet: dense BF16, FP32, NVLink 900 GB/s in both directions together",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// GPT-3 on one device of that name, used to 40 %.
    fn job(model: &str, device: &str) -> Job {
        let model = REFERENCE_MODELS.iter().find(|m| m.name == model).unwrap();
        let device = REFERENCE_DEVICES.iter().find(|d| d.name == device).unwrap();
        Job {
            parameters: model.parameters,
            tokens: model.tokens,
            flops_per_token: None,
            precision: Precision::Mixed16,
            devices: 1.0,
            peak: device.peak,
            utilisation: 0.4,
            activations: model.activations(),
            sequences: 1.0,
            memory: device.memory,
            power: device.power,
            pue: 1.1,
            carbon: 0.429,
            bandwidth: 1.25e9,
            latency: 0.0,
        }
    }

    /// Within half a unit of the last digit printed.
    #[track_caller]
    fn assert_printed(value: f64, printed: f64, unit: f64) {
        assert!(
            (value - printed).abs() <= unit / 2.0,
            "{value}, printed {printed}"
        );
    }

    #[test]
    fn the_published_figures_of_gpt_3_come_out() {
        // Patterson et al. 2021, arXiv 2104.10350: 10,000 V100 at 24.6 TFLOP/s and 330 W.
        let published = Job {
            flops_per_token: Some(3.14e23 / 300e9),
            devices: 10_000.0,
            peak: 24.6e12,
            utilisation: 1.0,
            power: 330.0,
            ..job("gpt-3", "a100")
        };
        let estimate = published.estimate().unwrap();
        assert_printed(estimate.seconds / SECONDS_PER_DAY, 14.77, 0.01);
        assert_printed(estimate.kilowatt_hours / 1e3, 1287.0, 1.0);
        assert_printed(estimate.carbon_kilograms / 1e3, 552.0, 1.0);
        let by_rule = Job {
            flops_per_token: None,
            ..published
        };
        let estimate = by_rule.estimate().unwrap();
        assert_printed(estimate.seconds / SECONDS_PER_DAY, 14.82, 0.01);
        assert_printed(estimate.kilowatt_hours / 1e3, 1291.0, 1.0);
    }

    #[test]
    fn both_models_have_the_figures_of_the_course() {
        let gpt = job("gpt-3", "a100").estimate().unwrap();
        assert_printed(gpt.flops / 1e23, 3.15, 0.01);
        assert_printed(gpt.petaflop_days, 3646.0, 1.0);
        assert_printed(gpt.weights / 1e9, 350.0, 1.0);
        assert_printed(gpt.states / 1e12, 2.8, 0.1);
        assert_eq!(gpt.devices_for_states, 35.0);
        assert_printed(gpt.device_years, 80.0, 1.0);
        assert_printed(gpt.kilowatt_hours / 1e3, 308.0, 1.0);
        assert_eq!(gpt.all_reduce, None);
        let gpt = job("gpt-3", "h100").estimate().unwrap();
        assert_printed(gpt.device_years, 25.2, 0.1);
        assert_printed(gpt.kilowatt_hours / 1e3, 170.0, 1.0);

        let bert = job("bert-large", "a100").estimate().unwrap();
        assert_printed(bert.flops / 1e19, 8.69, 0.01);
        assert_printed(bert.petaflop_days, 1.0, 0.1);
        assert_printed(bert.weights / 1e9, 0.68, 0.01);
        assert_printed(bert.states / 1e9, 5.44, 0.01);
        assert_printed(bert.device_years, 0.0221, 1e-4);
        assert_printed(bert.kilowatt_hours / 1e3, 0.085, 1e-3);
        let float32 = Job {
            precision: Precision::Float32,
            ..job("bert-large", "h100")
        };
        let bert = float32.estimate().unwrap();
        assert_printed(bert.weights / 1e9, 1.36, 0.01);
        assert_printed(bert.states / 1e9, 5.44, 0.01);
        let bert = job("bert-large", "h100").estimate().unwrap();
        assert_printed(bert.device_years, 0.0070, 1e-4);
        assert_printed(bert.kilowatt_hours / 1e3, 0.047, 1e-3);

        let teraflop = |model| Job {
            peak: 1e12,
            utilisation: 1.0,
            ..job(model, "a100")
        };
        let years = |model| teraflop(model).estimate().unwrap().device_years;
        assert_printed(years("gpt-3"), 9_982.0, 1.0);
        assert_printed(years("bert-large"), 2.75, 0.01);
    }

    #[test]
    fn activations_grow_with_the_square_of_the_sequence() {
        // 2,048 x 12,288 x 96 x (34 + 80) bytes.
        let gpt = REFERENCE_MODELS
            .iter()
            .find(|model| model.name == "gpt-3")
            .unwrap();
        assert_eq!(gpt.activations(), 275_414_777_856.0);
        let estimate = Job {
            sequences: 2.0,
            ..job("gpt-3", "a100")
        };
        assert_eq!(
            estimate.estimate().unwrap().activations,
            2.0 * gpt.activations()
        );
    }

    #[test]
    fn a_ring_of_eight_takes_as_long_as_the_course_says() {
        let eight = Job {
            devices: 8.0,
            ..job("bert-large", "a100")
        };
        assert_printed(eight.estimate().unwrap().all_reduce.unwrap(), 0.95, 0.01);
        // 14 messages, each as late as one.
        let late = Job {
            latency: 1e-3,
            ..eight.clone()
        };
        let difference = late.estimate().unwrap().all_reduce.unwrap()
            - eight.estimate().unwrap().all_reduce.unwrap();
        assert!((difference - 14e-3).abs() < 1e-12);
        assert_eq!(
            job("bert-large", "a100").estimate().unwrap().all_reduce,
            None
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = |job: Job| job.estimate().unwrap_err().to_string();
        let usual = || job("bert-large", "a100");
        let none = Job {
            devices: 0.0,
            ..usual()
        };
        assert_eq!(
            refused(none),
            "devices is 0; expected a whole number of at least 1, at most 1e60"
        );
        let backwards = Job {
            bandwidth: -1.0,
            ..usual()
        };
        assert_eq!(
            refused(backwards),
            "bandwidth is -1; expected a number above 0, at most 1e60"
        );
        let half = Job {
            devices: 1.5,
            ..usual()
        };
        assert!(refused(half).starts_with("devices is 1.5"));
        let more = Job {
            utilisation: 1.2,
            ..usual()
        };
        assert!(refused(more).contains("at most 1"));
        let unknown = Job {
            tokens: f64::NAN,
            ..usual()
        };
        assert!(refused(unknown).starts_with("tokens is NaN"));
        let endless = Job {
            parameters: 1.7e308,
            ..usual()
        };
        assert!(refused(endless).contains("at most 1e60"));
    }
}
