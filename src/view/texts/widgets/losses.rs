//! Words of the widget of losses.

use crate::view::texts::Locale;

texts! {
    LossesTexts {
        title,
        target,
        shown,
        bce,
        mse,
        both,
        z,
        plot_loss,
        plot_gradient,
        loss_axis,
        gradient_axis,
        prediction,
        loss,
        gradient,
        bce_line,
        mse_line,
        bce_why,
        mse_why,
        ratio,
        units,
    }
    functions {
        /// What is read out where the point is dragged: z, prediction.
        point: fn(&str, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static LossesTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: LossesTexts = LossesTexts {
    title: "Loss of one prediction",
    target: "Target y",
    shown: "Loss",
    bce: "Cross-entropy",
    mse: "½(a − y)²",
    both: "Both",
    z: "Logit z",
    plot_loss: "Loss over the logit z",
    plot_gradient: "Gradient of the loss by z, over z",
    loss_axis: "loss L",
    gradient_axis: "gradient ∂L/∂z",
    prediction: "prediction a = σ(z)",
    loss: "loss L",
    gradient: "gradient ∂L/∂z",
    bce_line: "cross-entropy",
    mse_line: "½(a − y)²",
    bce_why: "Cross-entropy: σ′ cancels, and what is left is the error itself.",
    mse_why: "Half the squared error: σ′(z) = a(1 − a) stays as a factor. Where the unit is saturated it is nearly 0, however wrong the prediction is.",
    ratio: "cross-entropy's gradient is larger by the factor 1/σ′(z)",
    units: "Cross-entropy is in nats; both are the loss of one sample.",
    point: |z, prediction| format!("z = {z}, prediction {prediction}"),
};

static CHINESE: LossesTexts = LossesTexts {
    title: "一次预测的损失",
    target: "目标值 y",
    shown: "损失函数",
    bce: "交叉熵",
    mse: "½(a − y)²（平方误差）",
    both: "两者",
    z: "logit z（线性输出）",
    plot_loss: "损失随 z 的变化",
    plot_gradient: "损失对 z 的梯度随 z 的变化",
    loss_axis: "损失 L",
    gradient_axis: "梯度 ∂L/∂z",
    prediction: "预测 a = σ(z)",
    loss: "损失 L",
    gradient: "梯度 ∂L/∂z",
    bce_line: "交叉熵",
    mse_line: "平方误差 ½(a − y)²",
    bce_why: "交叉熵：σ′ 恰好消去，剩下的就是误差本身。",
    mse_why: "平方误差的一半：σ′(z) = a(1 − a) 仍是一个因子。单元饱和时它几乎为 0，无论预测错得多离谱。",
    ratio: "交叉熵的梯度大到 1/σ′(z) 倍",
    units: "交叉熵以奈特（nat）为单位；两者都是单个样本的损失。",
    point: |z, prediction| format!("z = {z}，预测 {prediction}"),
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
