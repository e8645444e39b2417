//! Words of the widget of activation functions.

use crate::view::texts::Locale;

texts! {
    ActivationsTexts {
        title,
        function,
        z,
        plot,
        at_value,
        at_derivative,
        function_line,
        derivative_line,
        tangent,
        tangent_line,
        passes,
        all,
        at_corner,
        small_slope,
        saturated,
    }
    functions {
        /// What is read out where the point is dragged: z, value, derivative.
        point: fn(&str, &str, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static ActivationsTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: ActivationsTexts = ActivationsTexts {
    title: "Activation functions",
    function: "Function f",
    z: "Input z",
    plot: "Point on the curve of the activation function",
    at_value: "value f(z)",
    at_derivative: "derivative f′(z)",
    function_line: "f(z)",
    derivative_line: "f′(z)",
    tangent: "Tangent at the point",
    tangent_line: "tangent",
    passes: "In the backward pass the unit multiplies the gradient that reaches it by f′(z): where f′ is 0, nothing gets through.",
    all: "All five at this z",
    at_corner: "At z = 0 there is no derivative; the engine uses 0 for ReLU and 0.01 for Leaky ReLU there, as PyTorch does.",
    small_slope: "The slope on the left is 0.01: too small to see beside 1, but not 0.",
    saturated: "Saturated: the derivative is below 0.01.",
    point: |z, value, slope| format!("z = {z}, f(z) = {value}, f′(z) = {slope}"),
};

static CHINESE: ActivationsTexts = ActivationsTexts {
    title: "激活函数",
    function: "函数 f",
    z: "输入 z",
    plot: "激活函数曲线上的点",
    at_value: "函数值 f(z)",
    at_derivative: "导数 f′(z)",
    function_line: "函数 f(z)",
    derivative_line: "导数 f′(z)",
    tangent: "该点处的切线",
    tangent_line: "切线",
    passes: "反向传播时，传到这个单元的梯度会乘以 f′(z)：f′ 为 0 的地方，梯度传不过去。",
    all: "同一个 z，五种函数",
    at_corner: "z = 0 处没有导数；引擎与 PyTorch 一样，ReLU 在此取 0，Leaky ReLU 取 0.01。",
    small_slope: "左侧的斜率是 0.01：与 1 相比小得看不出来，但不是 0。",
    saturated: "已饱和：导数小于 0.01。",
    point: |z, value, slope| format!("z = {z}，函数值 {value}，导数 {slope}"),
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
