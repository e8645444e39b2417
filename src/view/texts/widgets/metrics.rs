//! Words of the widget of metrics.

use crate::view::texts::Locale;

texts! {
    MetricsTexts {
        title,
        matrix,
        note,
        predicted,
        truth,
        row_sum,
        column_sum,
        more,
        fewer,
        always_negative,
        accuracy,
        class,
        precision,
        recall,
        f1,
        macro_mean,
        per_class,
        undefined_note,
        why,
        choose,
    }
    functions {
        /// A class: its number.
        class_name: fn(usize),
        /// A cell: its true class and the predicted one.
        cell: fn(usize, usize),
        /// A class's precision in words: right, predicted.
        precision_words: fn(usize, &str, &str),
        /// A class's recall in words: right, all of it.
        recall_words: fn(usize, &str, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static MetricsTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: MetricsTexts = MetricsTexts {
    title: "Confusion matrix and metrics",
    matrix: "Confusion matrix: counts of samples",
    note: "Rows are the true classes, columns the predicted ones. Change any count.",
    predicted: "predicted",
    truth: "true",
    row_sum: "of the class",
    column_sum: "predicted so",
    more: "One class more",
    fewer: "One class less",
    always_negative: "Always negative at 95 : 5",
    accuracy: "accuracy",
    class: "Class",
    precision: "Precision",
    recall: "Recall",
    f1: "F1",
    macro_mean: "Macro mean",
    per_class: "Metrics of each class",
    undefined_note: "0/0 is undefined, not 0: a class that is never predicted has no precision, and a macro mean over it has none either.",
    why: "TP: called so and right; FP: called so and wrong; FN: of the class and missed. Accuracy is the share of the diagonal. It can be high while a rare class is never found: look at its recall.",
    choose: "Show row and column",
    class_name: |class| format!("class {class}"),
    cell: |truth, predicted| format!("true class {truth}, predicted {predicted}"),
    precision_words: |class, right, all| {
        format!(
            "Precision of class {class}: of {all} samples that are called class {class}, {right} are."
        )
    },
    recall_words: |class, right, all| {
        format!("Recall of class {class}: of {all} samples of class {class}, {right} are found.")
    },
};

static CHINESE: MetricsTexts = MetricsTexts {
    title: "混淆矩阵与评估指标",
    matrix: "混淆矩阵：样本数",
    note: "行是真实类别，列是预测类别。每个数都可以改。",
    predicted: "预测",
    truth: "真实",
    row_sum: "该类样本数",
    column_sum: "预测为该类",
    more: "增加一类",
    fewer: "减少一类",
    always_negative: "95 : 5，总是预测负类",
    accuracy: "准确率",
    class: "类别",
    precision: "精确率",
    recall: "召回率",
    f1: "F1 值",
    macro_mean: "宏平均",
    per_class: "各类别的指标",
    undefined_note: "0/0 是“无定义”，不是 0：从未被预测到的类别没有精确率，包含它的宏平均也没有。",
    why: "precision 是精确率，recall 是召回率；TP：预测为该类且预测对了；FP：预测为该类却错了；FN：属于该类却漏掉了。准确率是对角线所占的比例。即使稀有类别一个也没找出来，准确率也可能很高：要看它的召回率。",
    choose: "标出所在的行和列",
    class_name: |class| format!("类别 {class}"),
    cell: |truth, predicted| format!("真实类别 {truth}，预测为 {predicted}"),
    precision_words: |class, right, all| {
        format!(
            "类别 {class} 的精确率：预测为类别 {class} 的 {all} 个样本中，有 {right} 个确实是。"
        )
    },
    recall_words: |class, right, all| {
        format!("类别 {class} 的召回率：属于类别 {class} 的 {all} 个样本中，找出了 {right} 个。")
    },
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
