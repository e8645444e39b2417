//! The settings of a run beyond learning rate, batch size and momentum: one table gives the
//! struct, the names in links and on the command line, the ranges, and reading and writing.

use super::{MAX_LEARNING_RATE, OptimizerKind, ScheduleKind, ScheduleUnit};
use crate::tensor::init::InitializerKind;
use serde::{Deserialize, Serialize};

/// The most steps or epochs that a setting may name.
const MOST_STEPS: u64 = 10_000_000;

/// What a value should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    OneOf(&'static [&'static str]),
    /// A number above 0 and at most [`MAX_LEARNING_RATE`].
    PositiveNumber,
    /// A number from 0 and at most [`MAX_LEARNING_RATE`].
    NumberFromZero,
    /// A number of at most [`MAX_LEARNING_RATE`] in either direction.
    Number,
    /// A number from 0 to below 1.
    NumberBelowOne,
    /// A number above 0 and at most 1.
    Share,
    /// Two elements: `x.0.1~loss.L`.
    PathEnds,
    WholeNumber {
        least: u64,
        most: u64,
    },
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneOf(choices) => write!(f, "one of {}", choices.join(", ")),
            Self::PositiveNumber => {
                write!(f, "a number above 0 and at most {MAX_LEARNING_RATE}")
            }
            Self::NumberFromZero => write!(f, "a number from 0 to {MAX_LEARNING_RATE}"),
            Self::Number => {
                write!(
                    f,
                    "a number from −{MAX_LEARNING_RATE} to {MAX_LEARNING_RATE}"
                )
            }
            Self::NumberBelowOne => write!(f, "a number from 0 to below 1"),
            Self::Share => write!(f, "a number above 0 and at most 1"),
            Self::PathEnds => write!(f, "two elements, as in x.0.1~loss.L"),
            Self::WholeNumber { least, most } => {
                write!(f, "a whole number from {least} to {most}")
            }
        }
    }
}

impl Expected {
    fn allows(&self, value: f32) -> bool {
        let most = MAX_LEARNING_RATE;
        match self {
            Self::PositiveNumber => value > 0.0 && value <= most,
            Self::NumberFromZero => (0.0..=most).contains(&value),
            Self::Number => (-most..=most).contains(&value),
            Self::NumberBelowOne => (0.0..1.0).contains(&value),
            Self::Share => value > 0.0 && value <= 1.0,
            Self::OneOf(_) | Self::PathEnds | Self::WholeNumber { .. } => false,
        }
    }
}

const YES_OR_NO: Expected = Expected::OneOf(&["true", "false"]);
const POSITIVE_WHOLE: Expected = Expected::WholeNumber {
    least: 1,
    most: MOST_STEPS,
};
const WHOLE: Expected = Expected::WholeNumber {
    least: 0,
    most: MOST_STEPS,
};

/// How a kind of value is read and written.
trait Setting: Sized {
    fn read(text: &str, expected: &Expected) -> Option<Self>;
    fn written(&self) -> String;
}

impl Setting for f32 {
    fn read(text: &str, expected: &Expected) -> Option<Self> {
        let value: Self = text.parse().ok()?;
        // −0 is 0.
        expected.allows(value).then_some(value + 0.0)
    }

    /// As many digits as it takes to read the same number back.
    fn written(&self) -> String {
        let (plain, scientific) = (self.to_string(), format!("{self:e}"));
        if scientific.len() < plain.len() {
            scientific
        } else {
            plain
        }
    }
}

impl Setting for u32 {
    fn read(text: &str, expected: &Expected) -> Option<Self> {
        let Expected::WholeNumber { least, most } = expected else {
            return None;
        };
        let value: u64 = text.parse().ok()?;
        let fits = (*least..=*most).contains(&value);
        fits.then(|| Self::try_from(value).ok()).flatten()
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

impl Setting for bool {
    fn read(text: &str, _: &Expected) -> Option<Self> {
        text.to_ascii_lowercase().parse().ok()
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

macro_rules! named {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn read(text: &str, _: &Expected) -> Option<Self> {
                Self::from_name(&text.to_ascii_lowercase())
            }

            fn written(&self) -> String {
                self.name().into()
            }
        }
    )+};
}
named!(ScheduleKind, ScheduleUnit, Monitor, InitializerKind);

/// What early stopping and the best checkpoint look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Monitor {
    /// The held-out loss; smaller is better.
    #[default]
    Loss,
    /// The held-out accuracy; larger is better.
    Accuracy,
}

impl Monitor {
    pub const ALL: [Self; 2] = [Self::Loss, Self::Accuracy];
    pub const NAMES: &'static [&'static str] = &["loss", "accuracy"];

    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|monitor| monitor.name() == name)
    }
}

macro_rules! options {
    ($($(#[$doc:meta])* $field:ident $key:ident $name:literal: $type:ty, $expected:expr;)+) => {
        /// Settings of a run; `None` is the preset's own value, or the usual one.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Options {
            $($(#[$doc])* pub $field: Option<$type>,)+
        }

        /// One of the [`Options`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OptionKey {
            $($(#[$doc])* $key,)+
        }

        impl OptionKey {
            pub const ALL: &'static [Self] = &[$(Self::$key),+];

            /// The name in links; on the command line with `--` in front.
            pub fn name(self) -> &'static str {
                match self { $(Self::$key => $name),+ }
            }

            pub fn expected(self) -> Expected {
                match self { $(Self::$key => $expected),+ }
            }
        }

        impl Options {
            /// Nothing given.
            pub const NONE: Self = Self { $($field: None),+ };

            /// These settings; where one is not given, that of `others`.
            #[must_use]
            pub fn or(&self, others: &Self) -> Self {
                Self { $($field: self.$field.or(others.$field)),+ }
            }

            /// The value of a setting, as links have it.
            pub fn text(&self, key: OptionKey) -> Option<String> {
                match key { $(OptionKey::$key => self.$field.as_ref().map(Setting::written)),+ }
            }

            /// Sets one; what cannot be used leaves it not given.
            ///
            /// # Errors
            /// What the value should have been.
            pub fn set(&mut self, key: OptionKey, text: &str) -> Result<(), Expected> {
                let expected = key.expected();
                let is_known = match key {
                    $(OptionKey::$key => {
                        self.$field = Setting::read(text, &expected);
                        self.$field.is_some()
                    })+
                };
                if is_known { Ok(()) } else { Err(expected) }
            }

            /// Forgets one.
            pub fn clear(&mut self, key: OptionKey) {
                match key { $(OptionKey::$key => self.$field = None),+ }
            }
        }
    };
}

options! {
    /// τ of SGD with momentum.
    dampening Dampening "dampening": f32, Expected::Number;
    /// λ: L2 regularisation; with AdamW decoupled from the gradient.
    weight_decay WeightDecay "weight-decay": f32, Expected::NumberFromZero;
    /// ρ of RMSprop.
    alpha Alpha "alpha": f32, Expected::NumberBelowOne;
    /// Whether RMSprop divides by the root of the variance.
    centered Centered "centered": bool, YES_OR_NO;
    /// μ of RMSprop; the optimizers named after their momentum have it as a setting of the run.
    rmsprop_momentum RmspropMomentum "rmsprop-momentum": f32, Expected::NumberBelowOne;
    /// β₁ of Adam.
    beta1 Beta1 "beta1": f32, Expected::NumberBelowOne;
    /// β₂ of Adam.
    beta2 Beta2 "beta2": f32, Expected::NumberBelowOne;
    /// ε, added to roots that are divided by.
    eps Eps "eps": f32, Expected::NumberFromZero;
    /// κ of Adagrad.
    lr_decay LrDecay "lr-decay": f32, Expected::NumberFromZero;
    schedule Schedule "schedule": ScheduleKind, Expected::OneOf(ScheduleKind::NAMES);
    /// What the schedule counts.
    schedule_unit ScheduleUnit "schedule-unit": ScheduleUnit, Expected::OneOf(ScheduleUnit::NAMES);
    /// k of `1 / (1 + k·t)`.
    schedule_k ScheduleK "schedule-k": f32, Expected::PositiveNumber;
    /// γ of the step and the exponential schedule.
    gamma Gamma "gamma": f32, Expected::Share;
    /// Steps or epochs from one drop of the step schedule to the next.
    step_size StepSize "step-size": u32, POSITIVE_WHOLE;
    /// Steps or epochs of the cosine; not given: the run's length.
    t_max TMax "t-max": u32, POSITIVE_WHOLE;
    /// Learning rate at the end of the cosine.
    lr_min LrMin "lr-min": f32, Expected::NumberFromZero;
    /// Steps or epochs of linear warm-up in front of the schedule.
    warmup Warmup "warmup": u32, WHOLE;
    /// The largest norm of all gradients together.
    clip Clip "clip": f32, Expected::PositiveNumber;
    /// Epochs without improvement after which training stops.
    patience Patience "patience": u32, POSITIVE_WHOLE;
    monitor Monitor "monitor": Monitor, Expected::OneOf(Monitor::NAMES);
    init Init "init": InitializerKind, Expected::OneOf(InitializerKind::NAMES);
    /// The value of constant initial weights.
    init_value InitValue "init-value": f32, Expected::Number;
}

impl OptionKey {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// Whether the setting belongs to one optimizer or another.
    pub fn is_of_optimizer(self) -> bool {
        OptimizerKind::ALL
            .iter()
            .any(|optimizer| optimizer.options().contains(&self))
    }
}

impl Options {
    /// The schedule's kind; constant where none is given.
    pub fn schedule_kind(&self) -> ScheduleKind {
        self.schedule.unwrap_or_default()
    }

    /// Whether a setting has an effect beside the others and an optimizer.
    pub fn applies(&self, key: OptionKey, optimizer: OptimizerKind) -> bool {
        let kind = self.schedule_kind();
        match key {
            OptionKey::ScheduleUnit => {
                kind != ScheduleKind::Constant || self.warmup.is_some_and(|warmup| warmup > 0)
            }
            OptionKey::ScheduleK => kind == ScheduleKind::Inverse,
            OptionKey::Gamma => matches!(kind, ScheduleKind::Step | ScheduleKind::Exponential),
            OptionKey::StepSize => kind == ScheduleKind::Step,
            OptionKey::TMax | OptionKey::LrMin => kind == ScheduleKind::Cosine,
            OptionKey::InitValue => self.init == Some(InitializerKind::Constant),
            key if key.is_of_optimizer() => optimizer.options().contains(&key),
            _ => true,
        }
    }

    /// These settings over a preset's and the usual ones, without those that have no effect.
    /// A preset's settings of its own optimizer do not go over to another one.
    #[must_use]
    pub fn resolve(
        &self,
        optimizer: OptimizerKind,
        preset: &Self,
        preset_optimizer: OptimizerKind,
    ) -> Self {
        let mut preset = *preset;
        if optimizer != preset_optimizer {
            for &key in OptionKey::ALL.iter().filter(|key| key.is_of_optimizer()) {
                preset.clear(key);
            }
        }
        if self
            .schedule
            .is_some_and(|kind| Some(kind) != preset.schedule)
        {
            use OptionKey::{Gamma, LrMin, ScheduleK, ScheduleUnit, StepSize, TMax};
            for key in [ScheduleUnit, ScheduleK, Gamma, StepSize, TMax, LrMin] {
                preset.clear(key);
            }
        }
        let usual = optimizer.defaults().or(&Self {
            schedule: Some(ScheduleKind::Constant),
            monitor: Some(Monitor::Loss),
            init: Some(InitializerKind::Pytorch),
            init_value: Some(0.0),
            warmup: Some(0),
            ..Schedule::USUAL
        });
        let mut resolved = self.or(&preset).or(&usual);
        for &key in OptionKey::ALL {
            if !resolved.applies(key, optimizer) {
                resolved.clear(key);
            }
        }
        resolved
    }
}

use super::Schedule;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read_written_and_refused_by_its_name() {
        for &key in OptionKey::ALL {
            assert_eq!(OptionKey::from_name(key.name()), Some(key));
            let mut options = Options::NONE;
            let good = match key.expected() {
                Expected::OneOf(names) => names[names.len() - 1].to_string(),
                Expected::WholeNumber { .. } => "7".into(),
                _ => "0.25".into(),
            };
            options.set(key, &good).expect("a value in range");
            assert_eq!(options.text(key).as_ref(), Some(&good), "{key:?}");
            for bad in ["", "fast", "NaN", "inf", "-2000", "1e99", "2.5e3", "-0x1"] {
                assert_eq!(options.set(key, bad), Err(key.expected()), "{key:?} {bad}");
                assert_eq!(options.text(key), None);
            }
            assert_eq!(options, Options::NONE);
        }
    }

    #[test]
    fn a_given_setting_goes_before_the_presets_and_that_before_the_usual() {
        let preset = Options {
            beta1: Some(0.8),
            schedule: Some(ScheduleKind::Cosine),
            lr_min: Some(1e-5),
            ..Options::NONE
        };
        let given = Options {
            clip: Some(1.0),
            gamma: Some(0.5),
            ..Options::NONE
        };
        let adam = given.resolve(OptimizerKind::Adam, &preset, OptimizerKind::Adam);
        assert_eq!((adam.beta1, adam.beta2), (Some(0.8), Some(0.999)));
        assert_eq!((adam.clip, adam.lr_min), (Some(1.0), Some(1e-5)));
        assert_eq!(
            (adam.gamma, adam.alpha),
            (None, None),
            "they have no effect"
        );
        // Another optimizer has its own usual settings.
        let adamw = given.resolve(OptimizerKind::AdamW, &preset, OptimizerKind::Adam);
        assert_eq!((adamw.beta1, adamw.weight_decay), (Some(0.9), Some(0.01)));
        let step = Options {
            schedule: Some(ScheduleKind::Step),
            ..given
        };
        let step = step.resolve(OptimizerKind::Sgd, &preset, OptimizerKind::Adam);
        assert_eq!((step.gamma, step.lr_min), (Some(0.5), None));
        assert!(step.step_size.is_some() && step.schedule_unit.is_some());
    }

    #[test]
    fn settings_of_an_optimizer_reach_its_update() {
        use crate::ops::{AdamwUpdate, Op, RmspropUpdate};
        let given = Options {
            beta1: Some(0.5),
            weight_decay: Some(0.125),
            clip: Some(2.0),
            ..Options::NONE
        };
        let update = OptimizerKind::AdamW.update(0.9, &given);
        let expected = AdamwUpdate {
            betas: [0.5, 0.999],
            weight_decay: 0.125,
            ..AdamwUpdate::default()
        };
        assert_eq!(update.op, Op::AdamwUpdate(expected));
        assert_eq!(update.max_norm, Some(2.0));
        let given = Options {
            rmsprop_momentum: Some(0.75),
            ..Options::NONE
        };
        // The momentum of the run is that of other optimizers.
        let expected = |momentum| {
            Op::RmspropUpdate(RmspropUpdate {
                momentum,
                ..RmspropUpdate::default()
            })
        };
        let update = |options: &Options| OptimizerKind::RmsProp.update(0.9, options).op;
        assert_eq!(update(&given), expected(0.75));
        assert_eq!(update(&Options::NONE), expected(0.0));
        for kind in OptimizerKind::ALL {
            let mut names = kind.options().iter();
            assert!(names.all(|&key| kind.defaults().text(key).is_some()));
            assert_eq!(OptimizerKind::from_name(kind.name()), Some(kind));
        }
    }
}
