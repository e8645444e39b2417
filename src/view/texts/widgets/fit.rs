//! Words of the widget of over- and underfitting.

use crate::lesson::fit::Cloud;
use crate::view::texts::Locale;

texts! {
    FitTexts {
        title,
        lead,
        data,
        moons,
        circles,
        points,
        noise,
        flipped,
        layers,
        line,
        hidden,
        decay,
        seed,
        run,
        pause,
        stretch,
        again,
        waiting,
        failed,
        not_yet,
        boundary,
        show_train,
        show_held_out,
        ground,
        losses,
        accuracies,
        step_axis,
        loss_axis,
        accuracy_axis,
        train,
        held_out,
        floor,
        table,
        loss_now,
        accuracy_now,
        loss_best,
        accuracy_best,
        rule,
        rule_over,
        rule_under,
        rule_floor,
    }
    functions {
        /// Steps done, of all.
        step: fn(&str, &str),
        /// Sizes of the layers, learned numbers, learning rate.
        network: fn(&str, &str, &str),
        /// What the picture shows: training points, held-out points, step.
        picture: fn(&str, &str, &str),
        /// The switch of early stopping: step.
        stopped: fn(&str),
        /// Row of the table: what is told, at which step.
        at_best: fn(&str, &str),
        /// Training loss, held-out loss, its least value.
        learning: fn(&str, &str, &str),
        /// Training loss then and now, held-out loss then and now, the step of then.
        overfits: fn([&str; 2], [&str; 2], &str),
        /// Training loss, held-out loss, that of one who knows the distribution.
        underfits: fn(&str, &str, &str),
        /// Training loss, held-out loss, its least value.
        fits: fn(&str, &str, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static FitTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

impl FitTexts {
    pub fn cloud(&self, cloud: Cloud) -> &'static str {
        match cloud {
            Cloud::Moons => self.moons,
            Cloud::Circles => self.circles,
        }
    }
}

static ENGLISH: FitTexts = FitTexts {
    title: "Under- and overfitting",
    lead: "A network learns a few points, all of them in every step, and is measured on 200 others from the same source. The engine trains as you watch.",
    data: "Data",
    moons: "two moons",
    circles: "two circles",
    points: "Training points",
    noise: "Noise",
    flipped: "Wrong labels",
    layers: "Hidden layers",
    line: "0 (a line)",
    hidden: "Units per layer",
    decay: "Weight decay λ",
    seed: "Seed",
    run: "Run",
    pause: "Pause",
    stretch: "10 steps",
    again: "Start over",
    waiting: "preparing …",
    failed: "The engine could not compute this.",
    not_yet: "Not trained yet. What will the boundary look like in the end? Decide, then press “Run”.",
    boundary: "Decision boundary",
    show_train: "training points: filled",
    show_held_out: "held-out points: hollow",
    ground: "The ground is what the network says at that place; on the line both classes are equally probable.",
    losses: "Loss, step by step",
    accuracies: "Accuracy, step by step",
    step_axis: "step",
    loss_axis: "loss in nats",
    accuracy_axis: "share right",
    train: "training",
    held_out: "held out",
    floor: "best possible",
    table: "Loss and accuracy in numbers",
    loss_now: "loss now",
    accuracy_now: "accuracy now",
    loss_best: "loss",
    accuracy_best: "accuracy",
    rule: "How the case is told",
    rule_over: "Overfits: the held-out loss is at least 1.2 times its least value and 0.05 nats above it, while the training loss is lower than it was then.",
    rule_under: "Underfits: over 500 steps the training loss has fallen by less than 5%, and both losses are at least 0.1 nats above “best possible”.",
    rule_floor: "“Best possible” is computed from the formula by which the points are drawn: what one would score on the held-out points who knew the probability of each class at every place. Noise lets nobody do better, except by luck.",
    step: |step, all| format!("step {step} of {all}"),
    network: |sizes, parameters, rate| {
        format!("Network {sizes}: {parameters} parameters, ReLU, cross-entropy, AdamW at {rate}.")
    },
    picture: |train, held_out, step| {
        format!(
            "Decision boundary after step {step}, with {train} training points and {held_out} held-out points"
        )
    },
    stopped: |step| {
        format!("network of step {step}, where the held-out loss was least (early stopping)")
    },
    at_best: |what, step| format!("{what} at step {step} (held-out loss least)"),
    learning: |train, held_out, least| {
        format!(
            "Still learning. The training loss is {train}; the held-out loss is {held_out}, not clearly above its least value, {least}."
        )
    },
    overfits: |train, held_out, step| {
        format!(
            "It overfits: since step {step} the training loss has fallen from {} to {}, while the held-out loss has risen from {} to {}.",
            train[0], train[1], held_out[0], held_out[1]
        )
    },
    underfits: |train, held_out, floor| {
        format!(
            "It underfits: the training loss hardly falls any more, and both losses are high, {train} in training and {held_out} held out. The points would allow {floor}."
        )
    },
    fits: |train, held_out, least| {
        format!(
            "Neither: the training loss has settled at {train}, and the held-out loss, {held_out}, is not clearly above its least value, {least}."
        )
    },
};

static CHINESE: FitTexts = FitTexts {
    title: "欠拟合与过拟合",
    lead: "网络学习少量的点，每一步都用上全部训练点，再用同一来源的另外 200 个点来衡量。训练由引擎当场进行。",
    data: "数据",
    moons: "双月",
    circles: "双圆",
    points: "训练点个数",
    noise: "噪声",
    flipped: "标错比例",
    layers: "隐藏层数",
    line: "0（直线）",
    hidden: "每层单元数",
    decay: "权重衰减 λ",
    seed: "种子",
    run: "开始",
    pause: "暂停",
    stretch: "走 10 步",
    again: "从头再来",
    waiting: "准备中……",
    failed: "引擎未能完成计算。",
    not_yet: "还没有训练。最后的边界会是什么样？先想好，再按“开始”。",
    boundary: "决策边界",
    show_train: "训练点：实心",
    show_held_out: "留出点：空心",
    ground: "底色表示网络对这个位置的判断；线上两个类别的概率相等。",
    losses: "每一步的损失",
    accuracies: "每一步的准确率",
    step_axis: "步",
    loss_axis: "损失（nat）",
    accuracy_axis: "答对的比例",
    train: "训练",
    held_out: "留出",
    floor: "理论最好",
    table: "损失与准确率的数值",
    loss_now: "现在的损失",
    accuracy_now: "现在的准确率",
    loss_best: "损失",
    accuracy_best: "准确率",
    rule: "判断的规则",
    rule_over: "过拟合：留出损失至少是其最低值的 1.2 倍，并高出 0.05 nat 以上，同时训练损失比那时更低。",
    rule_under: "欠拟合：500 步内训练损失下降不到 5%，并且两个损失都比“理论最好”高出 0.1 nat 以上。",
    rule_floor: "“理论最好”由生成这些点的公式算出：如果知道每个位置上各类别的概率，在留出点上能得到的成绩。有噪声在，除非靠运气，谁也好不过它。",
    step: |step, all| format!("第 {step} 步，共 {all} 步"),
    network: |sizes, parameters, rate| {
        format!("网络 {sizes}：{parameters} 个参数，ReLU，交叉熵，AdamW，学习率 {rate}。")
    },
    picture: |train, held_out, step| {
        format!("第 {step} 步之后的决策边界，以及 {train} 个训练点和 {held_out} 个留出点")
    },
    stopped: |step| format!("显示第 {step} 步的网络：留出损失最低时（早停）"),
    at_best: |what, step| format!("第 {step} 步的{what}（留出损失最低时）"),
    learning: |train, held_out, least| {
        format!("还在学。训练损失 {train}；留出损失 {held_out}，没有明显高于其最低值 {least}。")
    },
    overfits: |train, held_out, step| {
        format!(
            "过拟合：从第 {step} 步起，训练损失由 {} 降到 {}，留出损失却由 {} 升到 {}。",
            train[0], train[1], held_out[0], held_out[1]
        )
    },
    underfits: |train, held_out, floor| {
        format!(
            "欠拟合：训练损失几乎不再下降，两个损失都偏高，训练 {train}，留出 {held_out}，而这些点本来允许做到 {floor}。"
        )
    },
    fits: |train, held_out, least| {
        format!(
            "两者都不是：训练损失稳定在 {train}，留出损失 {held_out}，没有明显高于其最低值 {least}。"
        )
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::fit::{
        EVERY, HELD_OUT, OVER_FACTOR, OVER_LEAST, SETTLED_SHARE, SETTLED_STEPS, UNDER_LEAST,
    };
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }

    #[test]
    fn the_rule_is_told_with_the_numbers_that_judge() {
        for t in [&ENGLISH, &CHINESE] {
            assert!(
                t.rule_over.contains(&format!("{OVER_FACTOR}")),
                "{}",
                t.rule_over
            );
            assert!(
                t.rule_over.contains(&format!("{OVER_LEAST} ")),
                "{}",
                t.rule_over
            );
            assert!(
                t.rule_under.contains(&format!("{SETTLED_STEPS} ")),
                "{}",
                t.rule_under
            );
            let share = format!("{}%", 100.0 * SETTLED_SHARE);
            assert!(t.rule_under.contains(&share), "{}", t.rule_under);
            assert!(
                t.rule_under.contains(&format!("{UNDER_LEAST} ")),
                "{}",
                t.rule_under
            );
            assert!(t.lead.contains(&HELD_OUT.to_string()));
            assert!(t.stretch.contains(&EVERY.to_string()));
        }
    }
}
