//! Texts of the settings that govern a run: names, hints and choices.

use crate::optim::{OptimizerKind, OptionKey, ScheduleKind};

texts! {
    SettingTexts {
        optimizer_own,
        schedule,
        schedule_kind,
        schedule_kind_hint,
        constant,
        inverse,
        step,
        exponential,
        cosine,
        unit,
        unit_hint,
        per_step,
        per_epoch,
        k,
        k_hint,
        gamma,
        gamma_hint,
        step_size,
        step_size_hint,
        t_max,
        t_max_hint,
        lr_min,
        lr_min_hint,
        warmup,
        warmup_hint,
        preview_waiting,
        dampening,
        dampening_hint,
        weight_decay,
        weight_decay_hint,
        alpha,
        alpha_hint,
        centered,
        centered_hint,
        rmsprop_momentum,
        rmsprop_momentum_hint,
        yes,
        no,
        beta1,
        beta1_hint,
        beta2,
        beta2_hint,
        eps,
        eps_hint,
        lr_decay,
        lr_decay_hint,
        stopping,
        clip,
        clip_hint,
        patience,
        patience_hint,
        monitor,
        monitor_hint,
        monitor_loss,
        monitor_accuracy,
        init,
        init_hint,
        init_pytorch,
        init_xavier_uniform,
        init_xavier_normal,
        init_he_uniform,
        init_he_normal,
        init_orthogonal,
        init_constant,
        init_value,
        init_value_hint,
        batch_one,
        batch_one_hint,
        batch_all_hint,
        stopped_early,
        kept,
        kept_waiting,
        go_back,
        save_best,
        learning_rate_now,
        gradient_norm,
        gradient_norm_hint,
    }
    functions {
        /// How many samples there are, as text.
        batch_all: fn(&str),
        /// Rates of the first and the last step and the largest in between; steps in all.
        preview: fn(&str, &str, &str, &str),
        /// The best checkpoint: step, held-out loss, held-out accuracy.
        best: fn(&str, &str, &str),
        /// The same where there is no accuracy.
        best_loss: fn(&str, &str),
        /// The step of the last good checkpoint.
        go_back_to: fn(&str),
    }
}

impl SettingTexts {
    /// The name of a setting.
    pub fn label(&self, key: OptionKey) -> &'static str {
        self.both(key).0
    }

    /// What a setting does.
    pub fn hint(&self, key: OptionKey) -> &'static str {
        self.both(key).1
    }

    fn both(&self, key: OptionKey) -> (&'static str, &'static str) {
        match key {
            OptionKey::Dampening => (self.dampening, self.dampening_hint),
            OptionKey::WeightDecay => (self.weight_decay, self.weight_decay_hint),
            OptionKey::Alpha => (self.alpha, self.alpha_hint),
            OptionKey::Centered => (self.centered, self.centered_hint),
            OptionKey::RmspropMomentum => (self.rmsprop_momentum, self.rmsprop_momentum_hint),
            OptionKey::Beta1 => (self.beta1, self.beta1_hint),
            OptionKey::Beta2 => (self.beta2, self.beta2_hint),
            OptionKey::Eps => (self.eps, self.eps_hint),
            OptionKey::LrDecay => (self.lr_decay, self.lr_decay_hint),
            OptionKey::Schedule => (self.schedule_kind, self.schedule_kind_hint),
            OptionKey::ScheduleUnit => (self.unit, self.unit_hint),
            OptionKey::ScheduleK => (self.k, self.k_hint),
            OptionKey::Gamma => (self.gamma, self.gamma_hint),
            OptionKey::StepSize => (self.step_size, self.step_size_hint),
            OptionKey::TMax => (self.t_max, self.t_max_hint),
            OptionKey::LrMin => (self.lr_min, self.lr_min_hint),
            OptionKey::Warmup => (self.warmup, self.warmup_hint),
            OptionKey::Clip => (self.clip, self.clip_hint),
            OptionKey::Patience => (self.patience, self.patience_hint),
            OptionKey::Monitor => (self.monitor, self.monitor_hint),
            OptionKey::Init => (self.init, self.init_hint),
            OptionKey::InitValue => (self.init_value, self.init_value_hint),
        }
    }

    /// The words for one of a setting's choices, by its name in links; the name itself where
    /// there are none.
    pub fn choice(&self, key: OptionKey, name: &'static str) -> &'static str {
        match (key, name) {
            (OptionKey::Centered, "true") => self.yes,
            (OptionKey::Centered, "false") => self.no,
            (OptionKey::Schedule, name) => {
                ScheduleKind::from_name(name).map_or(name, |kind| match kind {
                    ScheduleKind::Constant => self.constant,
                    ScheduleKind::Inverse => self.inverse,
                    ScheduleKind::Step => self.step,
                    ScheduleKind::Exponential => self.exponential,
                    ScheduleKind::Cosine => self.cosine,
                })
            }
            (OptionKey::ScheduleUnit, "step") => self.per_step,
            (OptionKey::ScheduleUnit, "epoch") => self.per_epoch,
            (OptionKey::Monitor, "loss") => self.monitor_loss,
            (OptionKey::Monitor, "accuracy") => self.monitor_accuracy,
            (OptionKey::Init, "pytorch") => self.init_pytorch,
            (OptionKey::Init, "xavier-uniform") => self.init_xavier_uniform,
            (OptionKey::Init, "xavier-normal") => self.init_xavier_normal,
            (OptionKey::Init, "he-uniform") => self.init_he_uniform,
            (OptionKey::Init, "he-normal") => self.init_he_normal,
            (OptionKey::Init, "orthogonal") => self.init_orthogonal,
            (OptionKey::Init, "constant") => self.init_constant,
            (_, name) => name,
        }
    }

    /// The name of an optimizer: the same in every language but for the words around it.
    pub fn optimizer(&self, train: &super::TrainTexts, kind: OptimizerKind) -> &'static str {
        match kind {
            OptimizerKind::Sgd => train.optimizer_sgd,
            OptimizerKind::Momentum => train.optimizer_momentum,
            OptimizerKind::Nesterov => train.optimizer_nesterov,
            OptimizerKind::RmsProp => "RMSprop",
            OptimizerKind::Adagrad => "Adagrad",
            OptimizerKind::Adam => train.optimizer_adam,
            OptimizerKind::AdamW => "AdamW",
        }
    }
}
