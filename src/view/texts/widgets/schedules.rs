//! Words of the widget of learning-rate schedules.

use crate::view::texts::Locale;

texts! {
    SchedulesTexts {
        title,
        schedule,
        inverse,
        constant,
        step_drops,
        cosine,
        warm_up,
        steps,
        base,
        k,
        gamma,
        every,
        warmup,
        axis,
        log_axis,
        plot_rate,
        plot_sum,
        step_axis,
        rate_axis,
        sum_axis,
        t,
        rate,
        sum,
        total,
        full_steps,
        compare,
        name,
        rule,
        travelled,
    }
    functions {
        /// What is read out where the step is dragged: the step, its rate.
        point: fn(&str, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static SchedulesTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: SchedulesTexts = SchedulesTexts {
    title: "Learning-rate schedules",
    schedule: "Schedule",
    inverse: "Inverse",
    constant: "Constant",
    step_drops: "Drops by steps",
    cosine: "Cosine",
    warm_up: "Linear warm-up",
    steps: "Steps of the run T",
    base: "Base rate α₀",
    k: "k",
    gamma: "Factor γ of a drop",
    every: "Steps s between drops",
    warmup: "Steps w of warm-up",
    axis: "Axis of the rate",
    log_axis: "logarithmic",
    plot_rate: "Learning rate over the steps",
    plot_sum: "Sum of the learning rates so far, over the steps",
    step_axis: "step t",
    rate_axis: "learning rate αₜ",
    sum_axis: "sum of αₜ so far",
    t: "Step t",
    rate: "rate αₜ of this step",
    sum: "sum of the rates so far",
    total: "sum over the whole run",
    full_steps: "the same in full steps, divided by α₀",
    compare: "How far each schedule travels",
    name: "Schedule",
    rule: "t counts steps from 0. With gradients of length 1 that always point the same way, the sum of the rates is how far the weights move.",
    travelled: "full steps of α₀",
    point: |step, rate| format!("step {step}, learning rate {rate}"),
};

static CHINESE: SchedulesTexts = SchedulesTexts {
    title: "学习率调度",
    schedule: "调度方式",
    inverse: "反比例衰减",
    constant: "恒定",
    step_drops: "阶梯衰减",
    cosine: "余弦",
    warm_up: "线性预热",
    steps: "总步数 T",
    base: "初始学习率 α₀",
    k: "系数 k",
    gamma: "每次衰减的因子 γ",
    every: "衰减间隔 s（步）",
    warmup: "预热步数 w",
    axis: "学习率的坐标轴",
    log_axis: "对数轴",
    plot_rate: "学习率随步数的变化",
    plot_sum: "学习率累计和随步数的变化",
    step_axis: "步 t",
    rate_axis: "学习率 αₜ",
    sum_axis: "αₜ 的累计和",
    t: "第 t 步",
    rate: "这一步的学习率 αₜ",
    sum: "到这一步为止的学习率之和",
    total: "全程学习率之和",
    full_steps: "除以 α₀，折合成整步数",
    compare: "各种调度共能走多远",
    name: "调度",
    rule: "t 从 0 开始计步。若梯度长度恒为 1 且方向不变，学习率之和就是权重移动的距离。",
    travelled: "折合 α₀ 的整步数",
    point: |step, rate| format!("第 {step} 步，学习率 {rate}"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }
}
