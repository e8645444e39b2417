//! Words of the pooling widget, in both languages.

use crate::view::texts::Locale;

texts! {
    PoolingTexts {
        title,
        lead,
        kind,
        max,
        average,
        stride,
        beside,
        overlapping,
        map,
        output,
        upstream,
        gradient,
        forward,
        backward,
        winner,
        max_note,
        average_note,
        overlap_note,
    }
    functions {
        /// Name of a tensor, row and column.
        cell: fn(&str, usize, usize),
        /// Row, column and value of the output cell.
        chosen: fn(usize, usize, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static PoolingTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: PoolingTexts = PoolingTexts {
    title: "Pooling",
    lead: "Every 2 × 2 window of x becomes one cell of y. Change the numbers; point at a cell of y, or focus it and use the arrow keys.",
    kind: "Kind",
    max: "maximum",
    average: "average",
    stride: "Stride",
    beside: "2: windows side by side",
    overlapping: "1: windows overlap",
    map: "x",
    output: "y",
    upstream: "dy, the gradient from above",
    gradient: "dx, the gradient that goes back",
    forward: "Forward",
    backward: "Backward",
    winner: "largest",
    max_note: "The gradient of a cell of y goes to the largest cell of its window alone (of equal ones to the first); all others get 0 from it.",
    average_note: "Each of the four cells of a window gets a quarter of its gradient, whatever its value.",
    overlap_note: "Where windows overlap, a cell gets the sum of what all of them send.",
    cell: |tensor, row, column| format!("{tensor}, row {row}, column {column}"),
    chosen: |row, column, value| format!("y, row {row}, column {column}: {value}"),
};

static CHINESE: PoolingTexts = PoolingTexts {
    title: "池化",
    lead: "x 的每个 2 × 2 窗口变成 y 的一格。可以改动数字；指向 y 的一格，或选中 y 后用方向键移动。",
    kind: "方式",
    max: "最大池化",
    average: "平均池化",
    stride: "步幅",
    beside: "2：窗口并排",
    overlapping: "1：窗口重叠",
    map: "输入 x",
    output: "输出 y",
    upstream: "dy：上层传来的梯度",
    gradient: "dx：传回去的梯度",
    forward: "前向",
    backward: "反向",
    winner: "最大",
    max_note: "y 中一格的梯度只传给窗口里最大的那一格（相等时传给第一个），其他各格从它得到 0。",
    average_note: "窗口里的四格各得这个梯度的四分之一，与数值大小无关。",
    overlap_note: "窗口重叠时，一格得到的是所有窗口传来的梯度之和。",
    cell: |tensor, row, column| format!("{tensor}，第 {row} 行第 {column} 列"),
    chosen: |row, column, value| format!("y 第 {row} 行第 {column} 列：{value}"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for texts in [&ENGLISH, &CHINESE] {
            assert!((texts.cell)("dy", 1, 2).starts_with("dy"));
            assert!((texts.chosen)(1, 2, "5").ends_with('5'));
        }
    }
}
