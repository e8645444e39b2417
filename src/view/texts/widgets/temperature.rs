//! Words of the widget of softmax at a temperature.

use crate::view::texts::Locale;

texts! {
    TemperatureTexts {
        title,
        temperature,
        greedy,
        logits,
        add,
        remove,
        plot,
        axis,
        probability,
        bars,
        entropy,
        choices,
        greedy_note,
        rule,
    }
    functions {
        /// A logit: its number.
        logit: fn(usize),
        /// What is read out where the temperature is dragged.
        at: fn(&str),
        /// Of how many logits the entropy's largest value is.
        of_most: fn(&str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static TemperatureTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: TemperatureTexts = TemperatureTexts {
    title: "Softmax and temperature",
    temperature: "Temperature T",
    greedy: "Greedy (T = 0)",
    logits: "Logits z",
    add: "Add a logit",
    remove: "Remove the last",
    plot: "Probabilities over the temperature T",
    axis: "temperature T (logarithmic)",
    probability: "probability p",
    bars: "Probabilities",
    entropy: "entropy H in nats",
    choices: "as undecided as an even choice among eᴴ =",
    greedy_note: "T = 0 is the limit: all probability on the largest logit, which is what greedy decoding picks.",
    rule: "A constant added to all logits changes nothing; a factor does: dividing by T is such a factor.",
    logit: |number| format!("z{}", crate::view::widgets::temperature::subscript(number)),
    at: |temperature| format!("T = {temperature}"),
    of_most: |most| format!("largest possible: {most}"),
};

static CHINESE: TemperatureTexts = TemperatureTexts {
    title: "softmax 与温度",
    temperature: "温度 T",
    greedy: "贪心（T = 0）",
    logits: "各个 logit（z）",
    add: "添加一个 logit",
    remove: "去掉最后一个",
    plot: "各概率随温度 T 的变化",
    axis: "温度 T（对数轴）",
    probability: "概率 p",
    bars: "各项概率",
    entropy: "熵 H（单位：奈特）",
    choices: "犹豫程度相当于在这么多项中均匀选择：eᴴ =",
    greedy_note: "T = 0 是极限：全部概率落在最大的 logit 上，也就是贪心解码的选择。",
    rule: "所有 logit 加上同一个常数，结果不变；乘以一个因子就会变：除以 T 正是这样的因子。",
    logit: |number| format!("z{}", crate::view::widgets::temperature::subscript(number)),
    at: |temperature| format!("温度 {temperature}"),
    of_most: |most| format!("最大可能值：{most}"),
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
