//! Words of the shapes widget, in both languages.

use crate::lesson::shapes::{Failure, Misfit, NetworkId};
use crate::view::format;
use crate::view::texts::Locale;

texts! {
    ShapesTexts {
        title,
        lead,
        network,
        batch,
        line,
        output,
        parameters,
        work,
        field,
        whole,
        sum,
        not_reached,
        waiting,
        of_line,
        shape_rule,
        parameter_rule,
        work_rule,
        field_rule,
        failure_title,
        engine_says,
        works,
        none,
        r3_note,
        r10_note,
        pads_note,
    }
    functions {
        /// Samples that became rows.
        mixed: fn(usize, usize),
        /// Side of a receptive field, and of the picture.
        sees: fn(u32, u32),
        /// Number of a line and its code.
        at_line: fn(usize, &str),
        /// The line that fails: its number and its code.
        fails_at: fn(usize, &str),
        /// The next one, with the reason.
        next_fails: fn(usize, &str, &str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static ShapesTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

impl ShapesTexts {
    fn is_chinese(&self) -> bool {
        std::ptr::eq(self, &CHINESE)
    }

    pub fn network_name(&self, network: NetworkId) -> &'static str {
        match (self.is_chinese(), network) {
            (false, NetworkId::Lenet) => "LeNet on 28 × 28, padded",
            (true, NetworkId::Lenet) => "LeNet，28 × 28 加填充",
            (false, NetworkId::Lenet28) => "LeNet as printed, on 28 × 28",
            (true, NetworkId::Lenet28) => "原文的 LeNet，输入 28 × 28",
            (false, NetworkId::Vgg16) => "VGG16 for CIFAR-10",
            (true, NetworkId::Vgg16) => "用于 CIFAR-10 的 VGG16",
            (false, NetworkId::Vgg16Thin) => "VGG16, an eighth as wide",
            (true, NetworkId::Vgg16Thin) => "宽度为八分之一的 VGG16",
            (false, NetworkId::PrintedVgg) => "“VGG16” as printed",
            (true, NetworkId::PrintedVgg) => "原文的“VGG16”",
        }
    }

    /// What to remember of a network; nothing for a right one.
    pub fn note(&self, network: NetworkId) -> Option<&'static str> {
        match network {
            NetworkId::PrintedVgg => Some(self.r3_note),
            NetworkId::Lenet28 => Some(self.r10_note),
            NetworkId::Lenet => Some(self.pads_note),
            NetworkId::Vgg16 | NetworkId::Vgg16Thin => None,
        }
    }

    /// Why a line fails, with its numbers.
    pub fn reason(&self, failure: &Failure) -> String {
        let count = |value: usize| format::count(value as u64);
        let chinese = self.is_chinese();
        match failure.misfit {
            Misfit::Product {
                left: [rows, inner],
                right: [expected, outputs],
            } => {
                let sizes = format!("{rows}x{inner}, {expected}x{outputs}");
                match chinese {
                    false => format!(
                        "The layer multiplies matrices of {sizes}: {} columns meet {} rows.",
                        count(inner),
                        count(expected)
                    ),
                    true => format!(
                        "这一层要相乘的两个矩阵是 {sizes}：{} 列碰上 {} 行，无法相乘。",
                        count(inner),
                        count(expected)
                    ),
                }
            }
            Misfit::View { numbers, features } => {
                let rest = numbers % features;
                match chinese {
                    false => format!(
                        "{} numbers do not make rows of {features}: {rest} are left over.",
                        count(numbers)
                    ),
                    true => format!(
                        "{} 个数排不成每行 {features} 个：余 {rest} 个。",
                        count(numbers)
                    ),
                }
            }
            Misfit::Labels { rows, labels } => match chinese {
                false => {
                    format!("{rows} rows arrive at the loss, but the batch has {labels} labels.")
                }
                true => format!("到达损失函数的有 {rows} 行，而这一批有 {labels} 个标签。"),
            },
            Misfit::Channels { actual, expected } => match chinese {
                false => {
                    format!("The picture has {actual} channels, the layer expects {expected}.")
                }
                true => format!("图片有 {actual} 个通道，这一层要的是 {expected} 个。"),
            },
        }
    }
}

static ENGLISH: ShapesTexts = ShapesTexts {
    title: "Shapes, line by line",
    lead: "A batch walks through a network. Choose a line, by pointer or arrow keys, to see where its numbers come from.",
    network: "Network",
    batch: "Batch",
    line: "Line",
    output: "Output",
    parameters: "Parameters",
    work: "Multiply-adds per sample",
    field: "Receptive field",
    whole: "all",
    sum: "Sum",
    not_reached: "not reached",
    waiting: "The engine walks through the network …",
    of_line: "Numbers of this line",
    shape_rule: "Shape",
    parameter_rule: "Parameters",
    work_rule: "Multiply-adds",
    field_rule: "Receptive field",
    failure_title: "Here it fails",
    engine_says: "The engine says:",
    works: "Every line fits.",
    none: "none",
    r3_note: "As printed, a dense layer stands among the convolutions, before anything is flattened. A true VGG16 for 32 × 32 pictures has thirteen convolutions, flattens to 512 and ends in Linear(512, 10).",
    r10_note: "16·5·5 belongs to pictures of 32 × 32. Of 28 × 28, 16·4·4 = 256 numbers a sample are left, and view(-1, 400) does not ask whose they are.",
    pads_note: "A padding of 2 makes up for the picture's 28 instead of 32 pixels, so 16·5·5 = 400 is right.",
    mixed: |samples, rows| {
        format!(
            "{samples} samples became {rows} rows: every row holds numbers of more than one picture."
        )
    },
    sees: |field, side| match field > side {
        true => format!(
            "A number depends on {field} × {field} pixels; the picture has {side} × {side}, the rest is padding."
        ),
        false => format!("A number depends on {field} × {field} of {side} × {side} pixels."),
    },
    at_line: |number, code| format!("Line {number}: {code}"),
    fails_at: |number, code| format!("Here it fails, in line {number}: {code}"),
    next_fails: |number, code, reason| {
        format!("Left out, the next one fails, line {number}: {code}. {reason}")
    },
};

static CHINESE: ShapesTexts = ShapesTexts {
    title: "逐行看形状",
    lead: "一批样本从头到尾走过网络。用指针或方向键选一行，看这一行的数从何而来。",
    network: "网络",
    batch: "批量大小",
    line: "代码",
    output: "输出形状",
    parameters: "参数",
    work: "每个样本的乘加次数",
    field: "感受野",
    whole: "全图",
    sum: "合计",
    not_reached: "未执行",
    waiting: "引擎正在逐行检查……",
    of_line: "这一行的数",
    shape_rule: "形状",
    parameter_rule: "参数",
    work_rule: "乘加",
    field_rule: "感受野",
    failure_title: "在这里出错",
    engine_says: "引擎的原话：",
    works: "每一行都对得上。",
    none: "无",
    r3_note: "原文把全连接层放在卷积之间，而且没有先展平。真正用于 32 × 32 图片的 VGG16 有十三个卷积层，展平后是 512 个数，最后是 Linear(512, 10)。",
    r10_note: "16·5·5 对应 32 × 32 的图片。28 × 28 的图片每个样本只剩 16·4·4 = 256 个数，而 view(-1, 400) 并不管这些数属于谁。",
    pads_note: "填充 2 补上了 28 与 32 之间的差，所以 16·5·5 = 400 是对的。",
    mixed: |samples, rows| {
        format!("{samples} 个样本变成了 {rows} 行：每一行都混有不止一张图片的数。")
    },
    sees: |field, side| match field > side {
        true => {
            format!("一个数取决于 {field} × {field} 个像素；图片只有 {side} × {side}，其余是填充。")
        }
        false => format!("一个数取决于 {side} × {side} 个像素中的 {field} × {field} 个。"),
    },
    at_line: |number, code| format!("第 {number} 行：{code}"),
    fails_at: |number, code| format!("第 {number} 行在这里出错：{code}"),
    next_fails: |number, code, reason| {
        format!("去掉这一行，下一个出错的是第 {number} 行：{code}。{reason}")
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::shapes::walk;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for network in NetworkId::ALL {
            assert_ne!(ENGLISH.network_name(network), CHINESE.network_name(network));
        }
        assert_ne!((ENGLISH.mixed)(25, 16), (CHINESE.mixed)(25, 16));
        assert_ne!((ENGLISH.sees)(3, 28), (ENGLISH.sees)(212, 32));
        assert_ne!((CHINESE.sees)(3, 28), (CHINESE.sees)(212, 32));
    }

    #[test]
    fn reasons_have_the_numbers_that_a_reader_knows_from_pytorch() {
        let failure = |network, batch| walk(network, batch).unwrap().failure.unwrap();
        let printed = failure(NetworkId::PrintedVgg, 64);
        for texts in [&ENGLISH, &CHINESE] {
            assert!(texts.reason(&printed).contains("65536x16, 4096x10"));
            let view = texts.reason(&failure(NetworkId::Lenet28, 64));
            assert!(view.contains("16,384") && view.contains("384"), "{view}");
            let loss = texts.reason(&failure(NetworkId::Lenet28, 25));
            assert!(loss.contains("16") && loss.contains("25"), "{loss}");
        }
    }
}
