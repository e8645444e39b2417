//! Words of the pipeline widget, in both languages.

use crate::lesson::pipeline::{Card, Fault, Rule};
use crate::view::texts::Locale;

texts! {
    PipelineTexts {
        title,
        lead,
        fault,
        run,
        cancel,
        cancelled,
        loading,
        not_yet,
        keeps,
        breaks,
        training,
        held_out,
        bytes,
        range,
        mean,
        deviation,
        layers,
        parameters,
        loss_before,
        guess,
        accuracy_before,
        steps,
        epochs,
        learning_rate,
        loss_now,
        loss_last,
        curve,
        step_axis,
        loss_axis,
        accuracy,
        held_out_loss,
        most_frequent,
        shared,
        file,
        same,
        fresh,
        all_green,
    }
    functions {
        /// Pieces of work done, of all.
        working: fn(u32, u32),
        /// Milliseconds of computing, written out.
        done: fn(&str),
        /// Number of a card.
        number: fn(usize),
        /// Name of the first card whose rule is broken.
        first: fn(&str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static PipelineTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

impl PipelineTexts {
    fn is_chinese(&self) -> bool {
        std::ptr::eq(self, &CHINESE)
    }

    fn choose(&self, english: &'static str, chinese: &'static str) -> &'static str {
        match self.is_chinese() {
            true => chinese,
            false => english,
        }
    }

    pub fn card(&self, card: Card) -> &'static str {
        match card {
            Card::Preprocess => self.choose("Preprocess", "数据预处理"),
            Card::Graph => self.choose("Graph", "构建计算图"),
            Card::Loss => self.choose("Loss", "定义损失"),
            Card::Train => self.choose("Train", "训练"),
            Card::Evaluate => self.choose("Evaluate", "评估"),
            Card::Deploy => self.choose("Deploy", "部署"),
        }
    }

    pub fn fault_name(&self, fault: Fault) -> &'static str {
        match fault {
            Fault::None => self.choose("none", "没有错误"),
            Fault::Scale => self.choose("no scaling of the pixels", "像素不缩放"),
            Fault::Loss => self.choose("wrong loss: softmax twice", "损失有误：做了两次 softmax"),
            Fault::Leak => self.choose(
                "test images among the training images",
                "测试图片混进训练集",
            ),
        }
    }

    /// What is done in a run with this fault.
    pub fn fault_note(&self, fault: Fault) -> &'static str {
        match fault {
            Fault::None => self.choose(
                "1,000 digits of MNIST, pixels divided by 255 and standardised, 784-32-10 with ReLU, cross-entropy, Adam.",
                "MNIST 的 1,000 个手写数字，像素除以 255 后标准化，784-32-10 加 ReLU，交叉熵，Adam。",
            ),
            Fault::Scale => self.choose(
                "Pixels go in as they are, from 0 to 255. Nothing complains: any numbers can be multiplied.",
                "像素按原样输入，从 0 到 255。没有任何报错：什么数都能相乘。",
            ),
            Fault::Loss => self.choose(
                "The network ends in softmax, and cross-entropy applies softmax once more: the scores it works with lie between 0 and 1.",
                "网络末尾已经有 softmax，交叉熵又做了一次 softmax：它看到的分数都在 0 和 1 之间。",
            ),
            Fault::Leak => self.choose(
                "The 500 held-out images were put among the training images, labels and all.",
                "500 张测试图片连同标签一起混进了训练集。",
            ),
        }
    }

    /// What a rule demands: what is measured must be so compared with its bound.
    pub fn rule(&self, rule: Rule, measured: &str, bound: &str) -> String {
        let chinese = self.is_chinese();
        match (rule, chinese) {
            (Rule::EveryClass, false) => {
                format!("The rarest class has {measured} images; at least {bound} expected.")
            }
            (Rule::EveryClass, true) => {
                format!("最少的一类有 {measured} 张；至少应有 {bound} 张。")
            }
            (Rule::OneOutputPerClass, false) => {
                format!("{measured} outputs for {bound} classes.")
            }
            (Rule::OneOutputPerClass, true) => format!("{bound} 个类别，{measured} 个输出。"),
            (Rule::StartsAtGuess, false) => format!(
                "Before training the loss is {measured} away from ln 10; at most {bound} expected of random weights."
            ),
            (Rule::StartsAtGuess, true) => {
                format!("训练前的损失与 ln 10 相差 {measured}；随机权重下应不超过 {bound}。")
            }
            (Rule::LossFalls, false) => format!(
                "In the last epoch the loss is {measured} of what it was before training; at most {bound} expected."
            ),
            (Rule::LossFalls, true) => {
                format!("最后一轮的损失是训练前的 {measured}；应不超过 {bound}。")
            }
            (Rule::BeatsGuessing, false) => format!(
                "Accuracy {measured}; more than {bound} expected, which always naming the most frequent class reaches with luck."
            ),
            (Rule::BeatsGuessing, true) => {
                format!(
                    "准确率 {measured}；应高于 {bound}，即一律猜最常见的一类、再加上运气所能达到的。"
                )
            }
            (Rule::NothingShared, false) => format!(
                "{measured} held-out images are also training images, pixel by pixel; {bound} expected."
            ),
            (Rule::NothingShared, true) => {
                format!("{measured} 张测试图片与训练图片逐像素相同；应为 {bound} 张。")
            }
            (Rule::SamePredictions, false) => format!(
                "Read back from its file, the network says the same to the last bit about {measured} of {bound} images."
            ),
            (Rule::SamePredictions, true) => {
                format!(
                    "从文件重新读入的网络，对 {bound} 张图片中的 {measured} 张给出逐位相同的结果。"
                )
            }
            (Rule::FreshAgrees, _) => self.fresh_agrees(measured, bound),
        }
    }

    /// How far the accuracy on fresh images is below the one evaluated, in percentage points; above where it is
    /// negative.
    fn fresh_agrees(&self, below: &str, bound: &str) -> String {
        let above = below.strip_prefix('−');
        match (above, self.is_chinese()) {
            (None, false) => format!(
                "On fresh images the accuracy is {below} percentage points below the one evaluated; up to {bound} points below is chance (three standard errors)."
            ),
            (Some(above), false) => format!(
                "On fresh images the accuracy is {above} percentage points above the one evaluated; up to {bound} points below would be chance (three standard errors)."
            ),
            (None, true) => format!(
                "在新图片上的准确率比评估时低 {below} 个百分点；低得不超过 {bound} 个百分点属于偶然（三倍标准误差）。"
            ),
            (Some(above), true) => format!(
                "在新图片上的准确率比评估时高 {above} 个百分点；就算低一些，不超过 {bound} 个百分点也属于偶然（三倍标准误差）。"
            ),
        }
    }
}

static ENGLISH: PipelineTexts = PipelineTexts {
    title: "Six steps of a pipeline",
    lead: "A small network learns digits on this device's CPU, in seconds. Every card shows what was measured there, and turns red where a rule computed from those numbers is broken.",
    fault: "Fault",
    run: "Run again",
    cancel: "Cancel",
    cancelled: "Cancelled. What was measured stays.",
    loading: "The digits are being loaded …",
    not_yet: "not computed yet",
    keeps: "in order",
    breaks: "out of order",
    training: "Training images",
    held_out: "Held-out images",
    bytes: "Bytes of a pixel",
    range: "What the network reads",
    mean: "Mean",
    deviation: "Standard deviation",
    layers: "Outputs of the layers",
    parameters: "Parameters",
    loss_before: "Loss before training",
    guess: "A guess among ten: ln 10",
    accuracy_before: "Accuracy before training",
    steps: "Steps",
    epochs: "Epochs",
    learning_rate: "Learning rate",
    loss_now: "Loss of the last step",
    loss_last: "Mean loss, last epoch",
    curve: "Loss of every step; the dashed line is ln 10",
    step_axis: "step",
    loss_axis: "loss",
    accuracy: "Held-out accuracy",
    held_out_loss: "Held-out loss",
    most_frequent: "Most frequent class",
    shared: "Images also trained on",
    file: "safetensors file",
    same: "Same predictions, reloaded",
    fresh: "Accuracy on 500 fresh images",
    all_green: "All six cards are in order.",
    working: |done, total| format!("Step {done} of {total}"),
    done: |time| format!("Done: {time} of computing."),
    number: |number| format!("Card {number} of 6"),
    first: |card| format!("First card out of order: {card}."),
};

static CHINESE: PipelineTexts = PipelineTexts {
    title: "训练流程的六步",
    lead: "一个小网络在本机 CPU 上用几秒钟学会认数字。每张卡片显示在那一步测得的数；由这些数算出的规则一旦不成立，卡片就变红。",
    fault: "错误",
    run: "重新运行",
    cancel: "取消",
    cancelled: "已取消。已经测得的数仍保留。",
    loading: "正在加载手写数字……",
    not_yet: "尚未计算",
    keeps: "正常",
    breaks: "异常",
    training: "训练图片",
    held_out: "测试图片",
    bytes: "像素的字节值",
    range: "网络读到的数",
    mean: "均值",
    deviation: "标准差",
    layers: "各层的输出",
    parameters: "参数",
    loss_before: "训练前的损失",
    guess: "十选一的猜测：ln 10",
    accuracy_before: "训练前的准确率",
    steps: "步数",
    epochs: "轮次",
    learning_rate: "学习率",
    loss_now: "最后一步的损失",
    loss_last: "最后一轮的平均损失",
    curve: "每一步的损失；虚线是 ln 10",
    step_axis: "步",
    loss_axis: "损失",
    accuracy: "测试准确率",
    held_out_loss: "测试损失",
    most_frequent: "最常见的一类",
    shared: "也在训练集中的图片",
    file: "safetensors 文件",
    same: "重新读入后预测相同",
    fresh: "500 张新图片上的准确率",
    all_green: "六张卡片全部正常。",
    working: |done, total| format!("第 {done} 步，共 {total} 步"),
    done: |time| format!("完成：计算用时 {time}。"),
    number: |number| format!("第 {number} 张，共 6 张"),
    first: |card| format!("最先异常的卡片：{card}。"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        let pairs = |of: &dyn Fn(&PipelineTexts) -> &'static str| {
            check_languages(vec![("", of(&ENGLISH))], vec![("", of(&CHINESE))]);
        };
        for card in Card::ALL {
            pairs(&|texts| texts.card(card));
        }
        for fault in Fault::ALL {
            pairs(&|texts| texts.fault_name(fault));
            pairs(&|texts| texts.fault_note(fault));
        }
        for rule in [
            Rule::EveryClass,
            Rule::OneOutputPerClass,
            Rule::StartsAtGuess,
            Rule::LossFalls,
            Rule::BeatsGuessing,
            Rule::NothingShared,
            Rule::SamePredictions,
            Rule::FreshAgrees,
        ] {
            let [english, chinese] = [&ENGLISH, &CHINESE].map(|texts| texts.rule(rule, "17", "4"));
            assert_ne!(english, chinese);
            for text in [english, chinese] {
                assert!(text.contains("17") && text.contains('4'), "{text}");
            }
        }
        let above = |texts: &PipelineTexts| texts.rule(Rule::FreshAgrees, "−5.4", "8.4");
        for (text, word) in [
            (above(&ENGLISH), "5.4 percentage points above"),
            (above(&CHINESE), "高 5.4 个百分点"),
        ] {
            assert!(text.contains(word) && !text.contains('−'), "{text}");
        }
    }
}
