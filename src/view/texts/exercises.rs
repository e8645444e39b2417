//! Texts of the exercises and of the course's engine, in both languages.

use super::Locale;
use crate::lesson::exercises::{ExerciseId, Misfit, Refused};
use crate::view::format;

texts! {
    /// What is on all pages of exercises.
    ExerciseTexts {
        engine_lost,
        kept,
        restart,
        all,
        solved,
        code_faulty,
        code_right,
        prediction,
        prediction_hint,
        noted,
        run,
        run_again,
        stop,
        running,
        loading_file,
        stopped,
        result,
        measured,
        stated,
        faulty,
        right,
        not_here,
        verdict,
        not_shown,
        judged_right,
        judged_wrong,
        judged_none,
        judged_own,
        /// The learner judges a prediction that was not recognised.
        same,
        answer,
        reason,
        look_further,
        mistake,
        previous,
        next,
    }
    functions {
        /// What became of the course's engine, as the browser has it.
        loss: fn(&str),
        /// What the engine said when it refused.
        refused: fn(&str),
        /// An exercise: its number.
        name: fn(u8),
        /// Exercises solved, all.
        solved_count: fn(usize, usize),
        /// The chapter that teaches it.
        chapter: fn(u8),
        /// What kept the run from its end.
        failed: fn(&str),
    }
}

/// The texts of a language.
pub fn exercise_texts(locale: Locale) -> &'static ExerciseTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

/// Why the engine refused.
pub fn refusal_text(refused: &Refused, locale: Locale) -> String {
    let said = match (locale, &refused.misfit) {
        (Locale::Chinese, Some(misfit)) => in_chinese(misfit),
        _ => refused.message.clone(),
    };
    (exercise_texts(locale).refused)(&said)
}

/// What does not fit; in English the engine's own words say it.
fn in_chinese(misfit: &Misfit) -> String {
    match misfit {
        Misfit::Input {
            operation,
            tensor,
            actual,
            expected,
        } => {
            let name = match (operation.as_str(), tensor.as_str()) {
                ("linear", "w") => "权重 w",
                ("softmax_cross_entropy", "t") => "标签 t",
                ("rnn", "h0") => "初始状态 h0",
                (_, tensor) => tensor,
            };
            format!(
                "{operation}：{name} 的形状是 {}，应为 {expected}",
                sizes(actual)
            )
        }
        Misfit::Elementwise { left, right } => {
            let mut pairs = left.iter().rev().zip(right.iter().rev());
            let clash = pairs.find(|(a, b)| a != b && **a != 1 && **b != 1);
            let clash =
                clash.map(|(a, b)| format!("：从最后一维数起，{a} 与 {b} 不相等，也都不是 1"));
            format!(
                "{} 与 {} 无法逐元素相乘{}",
                sizes(left),
                sizes(right),
                clash.unwrap_or_default()
            )
        }
        Misfit::View { from, to } => {
            let count = from.iter().product::<usize>() as u64;
            let to: Vec<String> = to.iter().map(i64::to_string).collect();
            format!(
                "无法把 {} 的 {} 个数排成 ({})：除不尽",
                sizes(from),
                format::count(count),
                to.join(", ").replace('-', "−")
            )
        }
    }
}

/// `(64, 16, 4, 4)`
fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}

static ENGLISH: ExerciseTexts = ExerciseTexts {
    engine_lost: "The course's engine has stopped",
    kept: "What stands on the page and in its address is kept.",
    restart: "Start the engine again",
    all: "All exercises",
    solved: "solved",
    code_faulty: "As it is printed",
    code_right: "The right form",
    prediction: "Your prediction",
    prediction_hint: "A word or a number is enough.",
    noted: "Noted. It is judged after the run.",
    run: "Run both forms",
    run_again: "Run again",
    stop: "Stop",
    running: "The engine is computing …",
    loading_file: "A data file is being loaded …",
    stopped: "Stopped; nothing was measured.",
    result: "What was measured",
    measured: "Every value was computed just now, by the engine, on this device.",
    stated: "The left column was counted just now, by the engine; the right one is GPT-3 as its authors describe it (arXiv 2005.14165).",
    faulty: "faulty form",
    right: "right form",
    not_here: "does not arise",
    verdict: "Verdict",
    not_shown: "The measured values do not show what was expected. That is worth a closer look: the row that is out of place tells where.",
    judged_right: "Your prediction was right.",
    judged_wrong: "Your prediction was not recognised as right; compare it with the answer below.",
    judged_none: "You have predicted nothing this time.",
    judged_own: "Counted as solved: you judged that your prediction means the same.",
    same: "Mine means the same",
    answer: "Answer",
    reason: "Why",
    look_further: "Look further on this page",
    mistake: "The mistake among all others",
    previous: "Previous exercise",
    next: "Next exercise",
    loss: |reason| format!("The browser says: {reason}"),
    refused: |message| format!("refused: {message}"),
    name: |number| format!("Exercise X{number}"),
    solved_count: |solved, all| format!("{solved} of {all} solved"),
    chapter: |number| format!("Chapter {number}"),
    failed: |message| format!("The exercise could not be run: {message}"),
};

static CHINESE: ExerciseTexts = ExerciseTexts {
    engine_lost: "课程的引擎已停止",
    kept: "页面和地址中的内容都已保留。",
    restart: "重新启动引擎",
    all: "全部练习",
    solved: "已答对",
    code_faulty: "文中的写法",
    code_right: "正确的写法",
    prediction: "你的预测",
    prediction_hint: "写一个词或一个数就够了。",
    noted: "已记下，运行之后再评判。",
    run: "运行两种写法",
    run_again: "再运行一次",
    stop: "停止",
    running: "引擎正在计算……",
    loading_file: "正在加载数据文件……",
    stopped: "已停止，没有测得任何结果。",
    result: "测得的结果",
    measured: "所有数值都是刚才由引擎在本机上算出来的。",
    stated: "左列是刚才由引擎数出来的，右列是论文（arXiv 2005.14165）中描述的 GPT-3。",
    faulty: "错误写法",
    right: "正确写法",
    not_here: "不涉及",
    verdict: "结论",
    not_shown: "测得的数值没有显示出预期的现象。这值得细看：哪一行不对，问题就在哪里。",
    judged_right: "你的预测是对的。",
    judged_wrong: "你的预测没有被判为正确，请对照下面的答案。",
    judged_none: "这次你没有写下预测。",
    judged_own: "已记为答对：你判断自己的预测是同一个意思。",
    same: "我写的是同一个意思",
    answer: "答案",
    reason: "为什么",
    look_further: "到这一页继续看",
    mistake: "在全部错误中查看这一条",
    previous: "上一个练习",
    next: "下一个练习",
    loss: |reason| format!("浏览器给出的原因：{reason}"),
    refused: |message| format!("引擎拒绝执行：{message}"),
    name: |number| format!("练习 X{number}"),
    solved_count: |solved, all| format!("共 {all} 题，已答对 {solved} 题"),
    chapter: |number| format!("第 {number} 章"),
    failed: |message| format!("练习没能运行：{message}"),
};

/// English, Chinese.
type Pair = [&'static str; 2];

fn of(pair: &Pair, locale: Locale) -> &'static str {
    match locale {
        Locale::English => pair[0],
        Locale::Chinese => pair[1],
    }
}

/// What a row of measured values is about, by its key; `None` where the key is not known.
pub fn row_text(key: &str, locale: Locale) -> Option<&'static str> {
    let mut rows = ROWS.iter();
    let (_, pair) = rows.find(|(known, _)| *known == key)?;
    Some(of(pair, locale))
}

/// What the measured values show where the verdict is yes.
pub fn verdict_text(id: ExerciseId, locale: Locale) -> &'static str {
    of(&VERDICTS[usize::from(id.number()) - 1], locale)
}

/// Title and axes of a curve.
pub struct CurveTexts {
    pub title: &'static str,
    /// Name of the horizontal axis.
    pub along: &'static str,
    /// Name of the vertical axis.
    pub upright: &'static str,
}

/// What a curve is about, by its key; `None` where the key is not known.
pub fn curve_texts(key: &str, locale: Locale) -> Option<CurveTexts> {
    let mut curves = CURVES.iter();
    let (_, [title, along, upright]) = curves.find(|(known, _)| *known == key)?;
    Some(CurveTexts {
        title: of(title, locale),
        along: of(along, locale),
        upright: of(upright, locale),
    })
}

static ROWS: &[(&str, Pair)] = &[
    (
        "two_layers",
        [
            "output of the two layers for the worked example",
            "两层对手算示例的输出",
        ],
    ),
    (
        "one_layer",
        ["output of the merged layer W₂W₁", "合并成一层 W₂W₁ 的输出"],
    ),
    (
        "merged_weights",
        ["weights of the merged layer", "合并后那一层的权重"],
    ),
    ("samples", ["inputs tried", "试过的输入个数"]),
    (
        "largest_difference",
        ["largest difference between the two", "两者的最大差别"],
    ),
    ("logits", ["logits z of four inputs", "四个输入的 logit z"]),
    ("predictions", ["predictions p", "预测 p"]),
    ("loss", ["loss", "损失"]),
    (
        "largest_gradient",
        ["largest gradient of any parameter", "所有参数中最大的梯度"],
    ),
    (
        "first_operand",
        ["shape of the first operand", "第一个运算对象的形状"],
    ),
    (
        "second_operand",
        ["shape of the second operand", "第二个运算对象的形状"],
    ),
    (
        "weights",
        [
            "shape of W, which the gradient must have",
            "W 的形状，梯度应与它相同",
        ],
    ),
    ("result", ["result", "结果"]),
    (
        "square_result",
        [
            "result with as many inputs as units, where W is (2, 2)",
            "输入与单元一样多、W 为 (2, 2) 时的结果",
        ],
    ),
    (
        "slope_error",
        [
            "largest distance from finite differences",
            "与有限差分的最大差距",
        ],
    ),
    ("z2", ["z of unit 2", "单元 2 的 z"]),
    ("delta2", ["δ of unit 2", "单元 2 的 δ"]),
    (
        "slope2",
        [
            "finite difference of the loss by that z",
            "损失对这个 z 的有限差分",
        ],
    ),
    ("delta", ["δ of all three units", "三个单元的 δ"]),
    ("output_delta", ["δ of the output", "输出的 δ"]),
    ("loss_before", ["loss before the step", "走一步之前的损失"]),
    ("loss_after", ["loss after the step", "走一步之后的损失"]),
    ("loss_change", ["change of the loss", "损失的变化"]),
    ("prediction", ["prediction a = σ(−5)", "预测 a = σ(−5)"]),
    ("gradient", ["∂L/∂z at z = −5", "z = −5 处的 ∂L/∂z"]),
    (
        "slope",
        ["finite difference of L by z", "L 对 z 的有限差分"],
    ),
    ("k", ["k of 1/(1 + k·t)", "1/(1 + k·t) 中的 k"]),
    (
        "travelled",
        [
            "sum of 10,000 rates, in units of α₀",
            "10,000 个学习率之和（以 α₀ 为单位）",
        ],
    ),
    (
        "last_rate",
        [
            "last rate, in units of α₀",
            "最后一步的学习率（以 α₀ 为单位）",
        ],
    ),
    (
        "bowl_loss",
        [
            "f = ½(w₁² + 50 w₂²) after 5,000 steps of descent from (1, 1), α₀ = 0.039",
            "从 (1, 1) 出发下降 5,000 步（α₀ = 0.039）之后的 f = ½(w₁² + 50 w₂²)",
        ],
    ),
    (
        "features",
        [
            "shape after convolutions and pooling",
            "卷积和池化之后的形状",
        ],
    ),
    (
        "features_of_one",
        ["numbers of one picture", "每张图片的数值个数"],
    ),
    ("view", ["shape after flattening", "展平之后的形状"]),
    (
        "pictures_in_a_row",
        [
            "pictures mixed in one row, at most",
            "一行里最多混了几张图片",
        ],
    ),
    (
        "dense",
        ["shape after the dense layer", "全连接层之后的形状"],
    ),
    (
        "batch_of_64",
        ["the same with a batch of 64", "批量为 64 时的同一操作"],
    ),
    ("batch_1", ["batch of 1", "批量大小 1"]),
    ("batch_2", ["batch of 2", "批量大小 2"]),
    ("batch_8", ["batch of 8", "批量大小 8"]),
    ("batch_32", ["batch of 32", "批量大小 32"]),
    (
        "works",
        ["batch sizes that work, of four", "四种批量大小中可用的个数"],
    ),
    (
        "convolved",
        ["shape after the first convolution", "第一个卷积之后的形状"],
    ),
    (
        "pooled",
        ["shape after the last pooling", "最后一次池化之后的形状"],
    ),
    (
        "rows_before",
        [
            "rows and columns that the first Linear reads",
            "第一个 Linear 读到的行和列",
        ],
    ),
    (
        "linear_before",
        ["Linear before flattening", "展平之前的 Linear"],
    ),
    ("flattened", ["shape after flattening", "展平之后的形状"]),
    (
        "linear_after",
        ["Linear after flattening", "展平之后的 Linear"],
    ),
    ("convolutions", ["convolutions", "卷积层数"]),
    ("parameters", ["parameters", "参数量"]),
    ("learned_from", ["points learned from", "用来学习的点数"]),
    ("evaluated_on", ["points evaluated on", "用来评估的点数"]),
    ("accuracy", ["accuracy that is reported", "报告的准确率"]),
    ("updates", ["updates before writing", "写之前更新的次数"]),
    (
        "training_loss",
        [
            "training loss, nats per character",
            "训练损失（奈特／字符）",
        ],
    ),
    ("temperature", ["temperature T", "温度 T"]),
    (
        "distinct_share",
        [
            "share of different stretches of 8 characters",
            "互不相同的 8 字符片段所占比例",
        ],
    ),
    (
        "writing",
        [
            "what it writes behind “The quick brown fox”",
            "接着 The quick brown fox 写出的文字",
        ],
    ),
    (
        "times_smaller",
        [
            "GPT-3's 175×10⁹ divided by this",
            "GPT-3 的 1750 亿除以此数",
        ],
    ),
    ("attentions", ["layers with attention", "带注意力的层数"]),
    (
        "weights_16_bit",
        ["bytes of the weights in 16 bits", "16 位权重的字节数"],
    ),
    ("replicas", ["replicas", "副本数"]),
    ("steps", ["steps", "步数"]),
    (
        "loss_at_start",
        ["loss of all at the start", "开始时所有副本的损失"],
    ),
    (
        "loss_of_rank_0",
        ["loss of rank 0 at the end", "结束时 rank 0 的损失"],
    ),
    (
        "loss_of_others",
        [
            "largest loss of the others at the end",
            "结束时其他副本中最大的损失",
        ],
    ),
    (
        "moved_rank_0",
        [
            "how far the parameters of rank 0 moved",
            "rank 0 的参数移动的距离",
        ],
    ),
    (
        "moved_others_most",
        [
            "how far those of the others moved, at most",
            "其他副本的参数最多移动的距离",
        ],
    ),
    (
        "moved_others_least",
        [
            "how far those of the others moved, at least",
            "其他副本的参数最少移动的距离",
        ],
    ),
    (
        "largest_width",
        [
            "largest width tried, in hidden units",
            "试过的最大宽度（隐藏单元数）",
        ],
    ),
    (
        "budget_bytes",
        [
            "budget C_max in bytes (right form only)",
            "预算 C_max，字节（仅正确写法使用）",
        ],
    ),
    ("chosen_width", ["width that is chosen", "选中的宽度"]),
    (
        "chosen_bytes",
        ["its bytes in float32", "它的字节数（float32）"],
    ),
    ("chosen_loss", ["its training loss", "它的训练损失"]),
    (
        "held_out_loss",
        ["its loss on held-out points", "它在留出点上的损失"],
    ),
    ("shares", ["shares N of the batch", "批量分成的份数 N"]),
    (
        "first_step_sgd",
        ["length of the first step by SGD", "SGD 第一步的长度"],
    ),
    (
        "first_step_adam",
        ["length of the first step by Adam", "Adam 第一步的长度"],
    ),
    (
        "apart_sgd",
        [
            "distance from the run with the mean after 50 steps by SGD",
            "SGD 走 50 步后与求平均的差距",
        ],
    ),
    (
        "apart_adam",
        [
            "the same after 500 steps by Adam",
            "Adam 走 500 步后与求平均的差距",
        ],
    ),
    (
        "apart_from_rate_times_n",
        [
            "distance from the mean at N times the learning rate (SGD)",
            "与学习率乘 N 后求平均的差距（SGD）",
        ],
    ),
];

/// In the order of the exercises.
static VERDICTS: [Pair; 16] = [
    [
        "Without an activation the two layers and the merged one differ by rounding alone: they are one layer. With ReLU between them no merged layer gives the same.",
        "没有激活函数时，两层与合并后的一层只差舍入误差，它们就是一层；中间加上 ReLU，合并后的一层就不再相同。",
    ],
    [
        "Over one unit the softmax says 1 whatever the logit, and every gradient is exactly 0. With a sigmoid the predictions differ, and there is a gradient to learn from.",
        "只有一个单元时，无论 logit 是多少，softmax 都输出 1，所有梯度正好为 0；换成 sigmoid，预测各不相同，也有了可供学习的梯度。",
    ],
    [
        "The elementwise product is refused, and where the shapes happen to fit it has the wrong one. The outer product has the shape of W and agrees with finite differences.",
        "逐元素乘积被拒绝；即使形状碰巧能乘，得到的形状也不对。外积与 W 同形，并与有限差分一致。",
    ],
    [
        "Without f′ the dead unit gets a δ, though the loss does not move with its z. With f′ every δ agrees with finite differences.",
        "漏乘 f′ 时，失活的单元也有 δ，可是它的 z 变动并不影响损失；乘上 f′ 之后，每个 δ 都与有限差分一致。",
    ],
    [
        "With y − p the loss rises, with p − y it falls.",
        "用 y − p 更新，损失上升；用 p − y 更新，损失下降。",
    ],
    [
        "Only the form with σ′ agrees with finite differences of the loss; without it the gradient is far too large where the unit is saturated.",
        "只有乘了 σ′ 的写法与损失的有限差分一致；漏乘 σ′ 时，单元饱和处的梯度大了许多。",
    ],
    [
        "All rates of 1/(t + 1) together are fewer than ten full steps, and the descent has not arrived. With a smaller k the same rule goes far enough.",
        "1/(t + 1) 的所有学习率加起来还不到十个整步，下降没有到达谷底；k 取小一些，同样的规则就走得到。",
    ],
    [
        "The view makes rows out of several pictures, and the loss refuses them. Padded and flattened picture by picture, every row is one picture.",
        "view 把几张图片混进同一行，损失函数随即报错；先填充、再逐张展平，每一行就是一张图片。",
    ],
    [
        "A state for one sequence is accepted for a batch of 1 alone; one for each sequence, for every batch.",
        "只为一个序列准备的状态，仅在批量为 1 时可用；为每个序列各备一个，任何批量都可用。",
    ],
    [
        "Both dense layers are refused, the one before flattening first. The repaired network goes through and ends with ten numbers for each picture.",
        "两个全连接层都被拒绝，最先出错的是展平之前的那个；修正后的网络可以走到底，每张图片得到十个数。",
    ],
    [
        "On the points it learned from the network is clearly better than on points that it has never seen: the training accuracy is no test score.",
        "网络在学过的点上明显好于从未见过的点：训练准确率不是测试成绩。",
    ],
    [
        "Greedy, the text goes round in a loop; drawn at T = 0.8, it does not.",
        "贪心选择时，文本陷入循环；以 T = 0.8 抽样，就不会。",
    ],
    [
        "What is printed has thousands of times fewer parameters than GPT-3, and no attention at all.",
        "文中的模型，参数量比 GPT-3 少了几个数量级，而且完全没有注意力。",
    ],
    [
        "Where rank 0 alone takes steps, the parameters of all others stay exactly where they were. With averaged gradients all learn.",
        "只有 rank 0 更新时，其他副本的参数纹丝不动；对梯度求平均，所有副本都在学习。",
    ],
    [
        "The loss alone chooses the largest width, which is beyond the budget. With the budget the best one that fits is chosen.",
        "只看损失会选中最大的宽度，超出了预算；加上预算，选中的是预算之内最好的。",
    ],
    [
        "By SGD the sum takes a step N times as long, and ends where the mean ends at N times the learning rate. By Adam the steps are the same.",
        "用 SGD 时，求和的步长是求平均的 N 倍，终点与学习率乘 N 后求平均相同；用 Adam 时，步长不变。",
    ],
];

/// Title, horizontal axis, vertical axis.
static CURVES: &[(&str, [Pair; 3])] = &[
    (
        "gradient_of_z",
        [
            [
                "What is taken for ∂L/∂z, for y = 1",
                "被当作 ∂L/∂z 的数（y = 1）",
            ],
            ["z", "z 的值"],
            ["gradient", "梯度"],
        ],
    ),
    (
        "travelled",
        [
            [
                "Sum of the learning rates so far",
                "到当前步为止的学习率之和",
            ],
            ["step", "步"],
            ["sum, in units of α₀", "和（以 α₀ 为单位）"],
        ],
    ),
    (
        "accuracy",
        [
            [
                "Accuracy that each form reports during training",
                "训练过程中两种写法报告的准确率",
            ],
            ["step", "步"],
            ["accuracy", "准确率"],
        ],
    ),
    (
        "loss_of_rank_1",
        [
            ["Loss of rank 1 on all samples", "rank 1 在全部样本上的损失"],
            ["step", "步"],
            ["loss", "损失"],
        ],
    ),
    (
        "loss_of_width",
        [
            [
                "Training loss of each width that may be chosen",
                "可选的各个宽度的训练损失",
            ],
            ["hidden units", "隐藏单元数"],
            ["loss", "损失"],
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::super::lab::tests::check_languages;
    use super::super::tests::is_chinese;
    use super::*;

    #[test]
    fn every_text_of_the_exercises_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        let pairs = ROWS.iter().map(|(_, pair)| pair).chain(&VERDICTS);
        let curves = CURVES.iter().flat_map(|(_, parts)| parts);
        for [english, chinese] in pairs.chain(curves) {
            assert!(
                !english.is_empty() && !english.chars().any(is_chinese),
                "{english}"
            );
            // Names of ranks and of shapes stay as they are, but nothing is all in English.
            assert!(chinese.chars().any(is_chinese), "{chinese}");
        }
    }

    #[test]
    fn refusals_are_told_in_chinese_with_their_numbers() {
        let misfits = [
            Misfit::Input {
                operation: "linear".into(),
                tensor: "w".into(),
                actual: vec![10, 4_096],
                expected: "(O, I = 16)".into(),
            },
            Misfit::Elementwise {
                left: vec![3],
                right: vec![3, 3, 2],
            },
            Misfit::View {
                from: vec![64, 16, 4, 4],
                to: vec![-1, 400],
            },
        ];
        let expected = [
            "引擎拒绝执行：linear：权重 w 的形状是 (10, 4096)，应为 (O, I = 16)",
            "引擎拒绝执行：(3) 与 (3, 3, 2) 无法逐元素相乘：从最后一维数起，3 与 2 不相等，也都不是 1",
            "引擎拒绝执行：无法把 (64, 16, 4, 4) 的 16,384 个数排成 (−1, 400)：除不尽",
        ];
        for (misfit, expected) in misfits.into_iter().zip(expected) {
            let refused = Refused {
                message: "linear: w".into(),
                misfit: Some(misfit),
            };
            assert_eq!(refusal_text(&refused, Locale::Chinese), expected);
            assert_eq!(
                refusal_text(&refused, Locale::English),
                "refused: linear: w"
            );
        }
    }

    #[test]
    fn every_key_stands_once() {
        for (number, (key, _)) in ROWS.iter().enumerate() {
            assert!(
                ROWS[..number].iter().all(|(other, _)| other != key),
                "{key}"
            );
        }
    }
}
