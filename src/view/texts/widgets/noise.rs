//! Words of the widget of mini-batch noise.

use crate::view::texts::Locale;

texts! {
    NoiseTexts {
        title,
        lead,
        batch,
        seed,
        step,
        waiting,
        failed,
        gradients,
        gradient_w,
        gradient_b,
        full,
        spread,
        spread_axis,
        batch_axis,
        expected,
        path,
        weight,
        bias,
        by_batches,
        by_all,
        losses,
        step_axis,
        loss_axis,
        full_w,
        full_b,
        measured,
        expected_spread,
        loss_here,
        place,
        rule,
        drawn,
    }
    functions {
        /// What is read out where the batch size is dragged.
        of_batch: fn(&str),
        /// What is read out where the step is dragged: step, loss.
        of_step: fn(&str, &str),
        /// What the drawing of gradients shows: batch size, spread.
        cloud: fn(&str, &str),
        /// The learning rate of the descents.
        rate: fn(&str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static NoiseTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: NoiseTexts = NoiseTexts {
    title: "Noise of mini-batch gradients",
    lead: "The preset logreg: one sigmoid unit, cross-entropy, 200 points, from w = −6, b = 0. Each point of the first drawing is the gradient of one mini-batch, computed by the engine.",
    batch: "Batch size B",
    seed: "Seed of the order",
    step: "After step",
    waiting: "computing …",
    failed: "The engine could not compute this.",
    gradients: "Gradients of 200 mini-batches",
    gradient_w: "∂L/∂w",
    gradient_b: "∂L/∂b",
    full: "all 200 samples",
    spread: "Spread over the batch size",
    spread_axis: "spread (logarithmic)",
    batch_axis: "batch size B (logarithmic)",
    expected: "expected, about σ/√B",
    path: "Descent in the plane of w and b",
    weight: "weight w",
    bias: "bias b",
    by_batches: "mini-batches",
    by_all: "all samples",
    losses: "Loss over all samples, step by step",
    step_axis: "step",
    loss_axis: "loss in nats",
    full_w: "full gradient ∂L/∂w",
    full_b: "full gradient ∂L/∂b",
    measured: "spread, measured over 200 mini-batches",
    expected_spread: "spread, expected",
    loss_here: "loss here, over all samples",
    place: "Here: weight and bias",
    rule: "Mini-batch gradients scatter around the full one, on average they equal it. Four times the batch size halves the spread; drawing without putting back makes it 0 for all samples.",
    drawn: "The spread is the root of the mean squared distance from the full gradient; σ is that of single samples.",
    of_batch: |batch| format!("batch size {batch}"),
    of_step: |step, loss| format!("step {step}, loss {loss}"),
    cloud: |batch, spread| {
        format!(
            "200 gradients of mini-batches of {batch} around the full gradient, spread {spread}"
        )
    },
    rate: |rate| format!("Learning rate {rate}, 100 steps each."),
};

static CHINESE: NoiseTexts = NoiseTexts {
    title: "小批量梯度的噪声",
    lead: "预设 logreg：一个 sigmoid 单元，交叉熵，200 个点，从 w = −6、b = 0 开始。第一幅图中的每个点都是引擎算出的一个小批量的梯度。",
    batch: "批量大小 B",
    seed: "样本顺序的种子",
    step: "走到第几步",
    waiting: "计算中……",
    failed: "引擎未能完成计算。",
    gradients: "200 个小批量的梯度",
    gradient_w: "∂L/∂w（对权重）",
    gradient_b: "∂L/∂b（对偏置）",
    full: "全部 200 个样本",
    spread: "离散程度与批量大小",
    spread_axis: "离散程度（对数轴）",
    batch_axis: "批量大小 B（对数轴）",
    expected: "理论值，约为 σ/√B",
    path: "w、b 平面上的下降路径",
    weight: "权重 w",
    bias: "偏置 b",
    by_batches: "小批量",
    by_all: "全部样本",
    losses: "每一步之后在全部样本上的损失",
    step_axis: "步",
    loss_axis: "损失（奈特）",
    full_w: "全量梯度 ∂L/∂w",
    full_b: "全量梯度 ∂L/∂b",
    measured: "离散程度：200 个小批量的实测值",
    expected_spread: "离散程度：理论值",
    loss_here: "此处在全部样本上的损失",
    place: "此处的权重和偏置",
    rule: "小批量梯度散布在全量梯度周围，平均起来与它相等。批量增大到四倍，离散程度减半；由于是不放回抽样，取全部样本时为 0。",
    drawn: "离散程度是到全量梯度距离的均方根；σ 是单个样本梯度的离散程度。",
    of_batch: |batch| format!("批量大小 {batch}"),
    of_step: |step, loss| format!("第 {step} 步，损失 {loss}"),
    cloud: |batch, spread| {
        format!("大小为 {batch} 的 200 个小批量的梯度散布在全量梯度周围，离散程度 {spread}")
    },
    rate: |rate| format!("学习率 {rate}，各走 100 步。"),
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
