//! What each preset is to reach: one entry for each criterion.
//!
//! `glassbox presets --json` tells them, and `cargo xtask bench --presets` runs them and writes
//! `docs/PRESETS.md`. A new preset needs an entry here and nothing else.

use super::Preset;

/// A criterion, and how to run into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    pub preset: &'static str,
    /// What differs from the preset's own settings, as `glassbox train` takes it.
    pub settings: &'static [&'static str],
    pub length: Length,
    pub metric: Metric,
    pub bound: Bound,
    /// Who asks for it: `reference` or `own`.
    pub source: &'static str,
}

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Epochs(u32),
    Steps(u32),
}

/// What is measured, behind the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of held-out samples that are right.
    Accuracy,
    /// Mean loss of the held-out samples.
    TestLoss,
    /// Mean squared error of the held-out samples, in the target's unit.
    Mse,
    /// The same of a series that goes on by itself: each forecast is part of the input of the next.
    FreeRunMse,
    /// Loss of the last step's batch, before its update.
    StepLoss,
    /// The process's memory beyond program and data, as a multiple of what parameters, gradients, optimizer states,
    /// data and live activations take.
    Memory,
}

impl Metric {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::TestLoss => "test_loss",
            Self::Mse => "mse",
            Self::FreeRunMse => "free_run_mse",
            Self::StepLoss => "step_loss",
            Self::Memory => "memory",
        }
    }
}

/// Where the metric is to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
}

impl Bound {
    /// The lowest and the highest value that pass.
    pub fn range(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::AtLeast(least) => (Some(least), None),
            Self::AtMost(most) => (None, Some(most)),
            Self::Between(least, most) => (Some(least), Some(most)),
        }
    }
}

/// The project itself.
const OWN: &str = "own";
/// Figures that were computed or measured elsewhere, before there was an engine.
const REFERENCE: &str = "reference";

/// All criteria, those of a preset one after the other.
pub const TARGETS: &[Target] = &[
    accuracy("lenet5-mnist", 5, 0.97, OWN),
    Target {
        settings: &["--article"],
        ..accuracy("lenet5-mnist", 10, 0.93, REFERENCE)
    },
    Target {
        settings: &["--article", "--lr", "0.01"],
        ..accuracy("lenet5-mnist", 5, 0.96, REFERENCE)
    },
    accuracy("mlp-mnist", 5, 0.93, OWN),
    Target {
        preset: "worked-2-3-1",
        settings: &[],
        // The second step's loss is that behind the first update.
        length: Length::Steps(2),
        metric: Metric::StepLoss,
        bound: Bound::Between(0.565094, 0.565098),
        source: REFERENCE,
    },
    accuracy("lenet5-fashion", 5, 0.84, OWN),
    Target {
        length: Length::Steps(100),
        ..accuracy("logreg", 0, 0.98, REFERENCE)
    },
    // The squared error stalls where the sigmoid is flat, and arrives in the end.
    Target {
        length: Length::Steps(100),
        bound: Bound::Between(0.01, 0.025),
        ..accuracy("logreg-mse", 0, 0.0, REFERENCE)
    },
    Target {
        length: Length::Steps(1_000),
        bound: Bound::Between(0.975, 0.99),
        ..accuracy("logreg-mse", 0, 0.0, REFERENCE)
    },
    // Two clouds of deviation 1, 2√2 apart: the best line is right in Φ(√2) = 92.1 %.
    accuracy("logreg-gaussians", 20, 0.9, OWN),
    accuracy("mlp-moons", 100, 0.91, REFERENCE),
    accuracy("mlp-circles", 30, 0.97, OWN),
    accuracy("mlp-spirals", 100, 0.95, OWN),
    // The noise takes about 8 % of the points across an axis.
    accuracy("mlp-xor", 30, 0.9, OWN),
    Target {
        metric: Metric::Mse,
        bound: Bound::AtMost(1e-4),
        ..accuracy("rnn-sine", 100, 0.0, REFERENCE)
    },
    // The same 100 epochs, told by their steps.
    Target {
        length: Length::Steps(2_500),
        metric: Metric::FreeRunMse,
        bound: Bound::AtMost(0.11),
        ..accuracy("rnn-sine", 100, 0.0, REFERENCE)
    },
    // Repeating the last number gives 0.005. Seeds 1 to 5: 1e-12 to 4e-6.
    Target {
        metric: Metric::Mse,
        bound: Bound::AtMost(1e-4),
        ..accuracy("rnn-relu", 100, 0.0, OWN)
    },
    // 0.01 is the noise's own variance; repeating the last number gives 0.04. Seeds 1 to 3: 0.0154 to 0.0157.
    Target {
        metric: Metric::Mse,
        bound: Bound::AtMost(0.018),
        ..accuracy("lstm-trend", 20, 0.0, OWN)
    },
    accuracy("rnn-mnist", 5, 0.9, OWN),
    accuracy("lstm-mnist", 5, 0.95, OWN),
    accuracy("gru-mnist", 5, 0.95, OWN),
    // The entropy of the training part's single characters: 3.266 and 5.595 nats.
    held_out_loss("lstm-text", 50, 3.266, REFERENCE),
    held_out_loss("lstm-text", 2_000, 2.0, REFERENCE),
    held_out_loss("lstm-text-zh", 50, 5.595, REFERENCE),
    held_out_loss("gpt-text", 50, 3.266, REFERENCE),
    held_out_loss("gpt-text", 1_000, 2.0, REFERENCE),
    held_out_loss("gpt-text-zh", 50, 5.595, REFERENCE),
    Target {
        preset: "optim-race",
        settings: &["--lr", "0.01"],
        // The loss behind 653 updates, which the next step measures.
        length: Length::Steps(654),
        metric: Metric::StepLoss,
        bound: Bound::AtMost(1e-6),
        source: REFERENCE,
    },
    accuracy("cnn-shapes", 10, 0.7, OWN),
    accuracy("vgg-s", 6, 0.55, REFERENCE),
    accuracy("vgg-s-bn", 10, 0.65, OWN),
    accuracy("resnet-s", 6, 0.55, OWN),
    accuracy("vgg16-thin", 10, 0.45, REFERENCE),
    Target {
        settings: &["--init", "pytorch"],
        bound: Bound::AtMost(0.3),
        ..accuracy("vgg16-thin", 3, 0.0, REFERENCE)
    },
    // A guess is right in 10 %.
    Target {
        length: Length::Steps(40),
        ..accuracy("vgg16-cifar10", 0, 0.15, OWN)
    },
    Target {
        preset: "vgg16-cifar10",
        settings: &[],
        length: Length::Steps(3),
        metric: Metric::Memory,
        bound: Bound::AtMost(1.3),
        source: OWN,
    },
];

/// Held-out accuracy after some epochs with the preset's own settings.
const fn accuracy(preset: &'static str, epochs: u32, least: f64, source: &'static str) -> Target {
    Target {
        preset,
        settings: &[],
        length: Length::Epochs(epochs),
        metric: Metric::Accuracy,
        bound: Bound::AtLeast(least),
        source,
    }
}

/// Held-out loss after some steps with the preset's own settings, in nats.
const fn held_out_loss(
    preset: &'static str,
    steps: u32,
    most: f64,
    source: &'static str,
) -> Target {
    Target {
        preset,
        settings: &[],
        length: Length::Steps(steps),
        metric: Metric::TestLoss,
        bound: Bound::AtMost(most),
        source,
    }
}

impl Preset {
    /// What it is to reach.
    pub fn targets(&self) -> impl Iterator<Item = &'static Target> {
        let id = self.id;
        TARGETS.iter().filter(move |target| target.preset == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{PRESETS, find};

    #[test]
    fn every_preset_that_brings_its_data_has_a_target() {
        for preset in PRESETS {
            let has_data = !preset.data.is_own();
            assert_eq!(preset.targets().count() > 0, has_data, "{}", preset.id);
        }
        for target in TARGETS {
            assert!(find(target.preset).is_some(), "{}", target.preset);
            let (least, most) = target.bound.range();
            assert!(least.is_some() || most.is_some());
            assert!(least.unwrap_or(f64::MIN) < most.unwrap_or(f64::MAX));
        }
    }
}
