//! What the engine says of its errors and refusals, in Simplified Chinese.
//!
//! In English they are `Display` of the types themselves. Messages of drivers and browsers, and
//! of faults of Glassbox, have no facts to word: they stay as they are.

use super::*;
use crate::data::{CellPlace, CsvProblem, TextProblem};
use crate::session::{Cause, Fallback, FileFault, PromptProblem, Refusal, shape_text};

/// Why the microscope cannot answer.
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotEntered => "请先进入显微镜".into(),
        Refusal::UnknownTensor { name } => format!("这个模型没有名为“{name}”的张量"),
        Refusal::OutsideTensor { name, shape, index } => format!(
            "{name} 的形状是 {}，元素 {index:?} 在它之外",
            shape_text(shape)
        ),
        Refusal::NotComputed { name } => format!("{name} 在这个批量中还没有算出"),
        Refusal::Reshaped { name, of } => format!("{name} 就是换了形状的 {of}"),
        Refusal::NotUpdated { name } => format!("{name} 在这个批量中还没有更新"),
        Refusal::NotInTheUpdate { name } => format!("{name} 在这个模型中不更新"),
        Refusal::NoElements { name } => format!("没有指出要修改 {name} 的哪些元素"),
        Refusal::NoDerivative { name } => format!("{name} 存放的是整数，没有导数"),
        Refusal::NoPath { from, to } => format!(
            "没有从 {from} 到 {to} 的路径；起点应当是参数、输入或前向传播中的值，终点是由它算出的值"
        ),
        Refusal::TooMuchWork { flops, most } => format!(
            "沿路径求导要用 64 位重算整个批量：这里需要 {flops} 次浮点运算，最多执行 {most} 次；请减小批量大小"
        ),
        Refusal::NoSequence { name } => format!("{name} 不沿序列的时间步运行"),
        Refusal::Given { name } => format!("{name} 是给定的，不是算出来的"),
        Refusal::NoEquation { name } => format!("{name} 没有自己的公式"),
        Refusal::NoGradient { name } => format!("{name} 在这个计算图中没有梯度"),
        Refusal::NotAParameter { name } => format!("{name} 不是参数"),
        Refusal::TooLarge {
            name,
            elements,
            most,
        } => format!("{name} 有 {elements} 个元素；最多整体读取 {most} 个"),
        Refusal::PastTheTensor {
            name,
            elements,
            first,
        } => format!("{name} 只有 {elements} 个元素，第 {first} 个已超出末尾"),
        Refusal::PastTheBatch { total, done } => {
            format!("这个批量有 {total} 个运算，{done} 已超出末尾")
        }
        Refusal::NotEditable { name } => {
            format!("{name} 是算出来的；可以修改的是参数、批量的输入和标签")
        }
        Refusal::NotFinite { name, number } => {
            format!("{name} 应当是有限的数，而这里是 {number}")
        }
        Refusal::NotAClass { classes, number } => format!(
            "类别应当是 0 到 {} 的整数，而这里是 {number}",
            classes.saturating_sub(1)
        ),
    }
}

/// What is behind a trouble, as far as the page has words for it.
pub fn reason(reason: &Reason) -> String {
    match reason.cause() {
        Some(cause) => self::cause(cause),
        None => reason.message().to_string(),
    }
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Setting {
            name,
            actual,
            expected,
        } => format!("{}是 {actual}，应当是{}", setting(name), allowed(expected)),
        Cause::NothingKept => "还没有在留出样本上测过任何检查点，所以没有最好的一个".into(),
        Cause::NoTable { preset } => format!("模型 {preset} 要从你自己的表格学习，还没有给出表格"),
        Cause::NoOwnSeries { preset } => {
            format!("模型 {preset} 要从你自己的序列学习，还没有给出序列")
        }
        Cause::NoSeries { preset } => format!("模型 {preset} 不是从序列学习的，没有可以预测的序列"),
        Cause::MissingData { dataset, path } => {
            format!("数据集 {dataset} 缺少文件 {path}")
        }
        Cause::NonFinite { step, node, tensor } => {
            format!("第 {step} 步中 {node} 变成了无穷大或 NaN（最先见于 {tensor}）")
        }
        Cause::BadImage { expected, actual } => {
            format!("图像应当有 {expected} 个像素，而这里有 {actual} 个")
        }
        Cause::NoImages { preset } => format!("模型 {preset} 不用图像训练"),
        Cause::NoText { preset } => format!("模型 {preset} 不从文本学习，所以没有可以续写的文本"),
        Cause::NoOwnText { preset } => {
            format!("模型 {preset} 要从你自己的文本学习，还没有给出文本")
        }
        Cause::Text { file, problem } => format!("{file}：{}", text(problem)),
        Cause::Prompt(problem) => prompt(problem),
        Cause::Stopped => "训练已停止，请先重置再继续".into(),
        Cause::Table { file, problem } => format!("{file}：{}", table(problem)),
        Cause::WrongRun => "这个请求属于另一次训练".into(),
        Cause::File { file, problem } => {
            let separator = if file.is_empty() { "" } else { "：" };
            format!("{file}{separator}{}", fault(problem))
        }
        Cause::NoGpu(Fallback::NoWebGpu) => "这个浏览器没有 WebGPU".into(),
        Cause::NoGpu(Fallback::NoDevice) => "GPU 没有给出可用的设备".into(),
        Cause::NoGpu(_) => "没有找到 GPU 适配器".into(),
        Cause::NotServed { path, status } => match status {
            Some(status) => format!("{path}：服务器返回 {status}"),
            None => format!("{path}：没有这个文件"),
        },
    }
}

/// A setting's name; flags such as `clip` are names everywhere.
fn setting(name: &str) -> &str {
    match name {
        "the learning rate" => "学习率",
        "the batch size" => "批量大小",
        "the momentum" => "动量",
        "the patience" => "早停的耐心值",
        "the column to predict" => "要预测的列",
        "the temperature" => "温度",
        "top-k" => "候选字符的个数（top-k）",
        "the length of the text" => "续写的字符数",
        flag => flag,
    }
}

/// A range as the engine words it: `a number above 0 and at most 1000`.
fn allowed(expected: &str) -> String {
    if let Some(most) = expected.strip_prefix("a number above 0 and at most ") {
        return format!("大于 0、不超过 {most} 的数");
    }
    if let Some(most) = expected.strip_prefix("0 for greedy, or a number up to ") {
        return format!("从 0（贪心）到 {most} 的数");
    }
    let whole = expected.strip_prefix("a whole number from ");
    if let Some((least, most)) = whole.and_then(|rest| rest.split_once(" to ")) {
        return format!("从 {least} 到 {most} 的整数");
    }
    match expected {
        "a number from 0 to below 1" => "从 0 到 1（不含 1）的数".into(),
        other => format!("（英文）{other}"),
    }
}

/// What is wrong with the learner's text.
fn text(problem: &TextProblem) -> String {
    match problem {
        TextProblem::TooLarge { bytes, most } => format!("{bytes} 字节，最多 {most} 字节"),
        TextProblem::NotText { from } => {
            format!("从第 {from} 个字节起不是 UTF-8 文本；请另存为 UTF-8 编码的纯文本")
        }
        TextProblem::TooVaried { characters, most } => {
            format!("有 {characters} 种不同的字符，最多 {most} 种")
        }
        TextProblem::TooShort {
            characters,
            least,
            window,
        } => format!(
            "只有 {characters} 个字符，至少要有 {least} 个，这样留出的十分之一里才有一个长 {window} 的窗口和后面的一个字符"
        ),
        TextProblem::OneCharacter => {
            "所有字符都相同，至少要有 2 种不同的字符：没有什么可以预测".into()
        }
    }
}

/// What is wrong with a prompt.
fn prompt(problem: &PromptProblem) -> String {
    match problem {
        PromptProblem::Empty => "提示词是空的，至少要有 1 个字符".into(),
        PromptProblem::TooLong { characters, most } => {
            format!("提示词有 {characters} 个字符，最多 {most} 个")
        }
        PromptProblem::Unknown {
            characters,
            vocabulary,
        } => {
            let named = characters.iter().take(12);
            let named: Vec<String> = named.map(|c| format!("“{}”", c.escape_debug())).collect();
            let more = match characters.len().saturating_sub(12) {
                0 => String::new(),
                more => format!("等，另有 {more} 个"),
            };
            format!(
                "提示词里有网络从未见过的字符：{}{more}；它只认识自己文本里的 {vocabulary} 种字符",
                named.join("、")
            )
        }
    }
}

/// What is wrong with the learner's table.
fn table(problem: &CsvProblem) -> String {
    let at = |place: &CellPlace| {
        let CellPlace { line, column, name } = place;
        format!("第 {line} 行第 {column} 列（{name}）")
    };
    match problem {
        CsvProblem::TooLarge { bytes, most } => format!("{bytes} 字节，最多 {most} 字节"),
        CsvProblem::NotText { from } => {
            format!("从第 {from} 个字节起不是 UTF-8 文本；请另存为 UTF-8 编码的 CSV")
        }
        CsvProblem::Unreadable { reason } => format!("不能当作 CSV 读取：{reason}"),
        CsvProblem::Ragged {
            line,
            cells,
            expected,
        } => format!("第 {line} 行有 {cells} 个单元格，应当与首行一样有 {expected} 个"),
        CsvProblem::TooWide { columns, most } => format!("有 {columns} 列，最多 {most} 列"),
        CsvProblem::TooNarrow { columns } => {
            format!("只有 {columns} 列，至少要有 2 列：一列作输入，一列作预测目标")
        }
        CsvProblem::TooLong { most } => format!("超过 {most} 行，最多这么多行"),
        CsvProblem::TooShort { rows, least } => format!("只有 {rows} 行数据，至少要有 {least} 行"),
        CsvProblem::NoNumber { place } => format!("{}是空的，应当是数字", at(place)),
        CsvProblem::NotANumber { place, text } => {
            format!("{}是“{text}”，应当是像 3.5 这样的数字", at(place))
        }
        CsvProblem::NotFinite { place, text } => format!(
            "{}是 {text}，应当是不超过 {:e} 的有限的数",
            at(place),
            f32::MAX
        ),
        CsvProblem::NoTarget { place } => format!("{}是空的，应当是要预测的值", at(place)),
        CsvProblem::NoColumn {
            name,
            known,
            columns,
        } => {
            format!("没有可以预测的列“{name}”；已有的列：{known}，也可以用从 1 到 {columns} 的列号")
        }
        CsvProblem::TooManyClasses {
            place,
            text,
            values,
            most,
        } => format!(
            "{}是“{text}”：要预测的列是文字，有 {values} 个不同的值；应当至多 {most} 个类别，或者是数字",
            at(place)
        ),
        CsvProblem::Gap { line } => {
            format!("第 {line} 行是空的，每一行都应当有一个数：序列中间不能有空缺")
        }
        CsvProblem::NotOneNumber { line, text } => {
            format!("第 {line} 行是“{text}”，应当是一个像 3.5 这样的有限的数")
        }
        CsvProblem::BadWindow { window, most } => {
            format!("窗口长度是 {window}，应当是从 1 到 {most}")
        }
        CsvProblem::ShortSeries {
            numbers,
            window,
            least,
        } => format!(
            "窗口长度是 {window}，而序列只有 {numbers} 个数；这样的窗口至少需要 {least} 个数"
        ),
        CsvProblem::OneClass { value } => {
            format!("要预测的列只有“{value}”一个值，至少要有两个不同的值")
        }
    }
}

fn fault(fault: &FileFault) -> String {
    match fault {
        FileFault::Truncated { expected, actual } => {
            format!("文件不完整：需要 {expected} 字节，只有 {actual} 字节")
        }
        FileFault::WrongFormat => "文件不是这种格式，或已损坏".into(),
        FileFault::TooLarge { most } => format!("文件太大：最多读取 {most} 字节"),
        FileFault::TrailingBytes { expected, actual } => {
            format!("文件末尾有多余的字节：内容到 {expected} 字节为止，文件有 {actual} 字节")
        }
        FileFault::NotSavedByGlassbox { key } => {
            format!("文件没有元数据“{key}”：它不是由 Glassbox 保存的")
        }
        FileFault::BadMetadata { key, value } => format!("元数据“{key}”的值“{value}”无效"),
        FileFault::OtherModel { expected, actual } => {
            format!("文件属于模型 {actual}，而这里是 {expected}")
        }
        FileFault::MissingTensor { name } => format!("文件中没有张量“{name}”"),
        FileFault::OtherShape {
            name,
            expected,
            actual,
        } => format!("张量“{name}”是 {actual}，应当是 {expected}"),
        FileFault::OtherVocabulary { expected, actual } => {
            format!("文件中的网络读的是另一个有 {actual} 种字符的文本，不是这里的 {expected} 种")
        }
        FileFault::NonFinite { name } => format!("张量“{name}”含有无穷大或 NaN"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_chinese;
    use super::*;
    use crate::exec::gpu::GpuError;
    use crate::export::ExportError;
    use crate::session::SessionError;

    fn refusals() -> Vec<Refusal> {
        let name = || "fc1.y".to_string();
        vec![
            Refusal::NotEntered,
            Refusal::UnknownTensor { name: name() },
            Refusal::OutsideTensor {
                name: name(),
                shape: vec![2, 3],
                index: vec![9, 9],
            },
            Refusal::NotComputed { name: name() },
            Refusal::Reshaped {
                name: name(),
                of: "x".into(),
            },
            Refusal::NotUpdated { name: name() },
            Refusal::NotInTheUpdate { name: name() },
            Refusal::NoElements { name: name() },
            Refusal::NoDerivative { name: name() },
            Refusal::NoPath {
                from: name(),
                to: "fc2.y".into(),
            },
            Refusal::TooMuchWork {
                flops: 5_000,
                most: 4_000,
            },
            Refusal::NoSequence { name: name() },
            Refusal::Given { name: name() },
            Refusal::NoEquation { name: name() },
            Refusal::NoGradient { name: name() },
            Refusal::NotAParameter { name: name() },
            Refusal::TooLarge {
                name: name(),
                elements: 4321,
                most: 100,
            },
            Refusal::PastTheTensor {
                name: name(),
                elements: 4321,
                first: 9999,
            },
            Refusal::PastTheBatch {
                total: 31,
                done: 999,
            },
            Refusal::NotEditable { name: name() },
            Refusal::NotFinite {
                name: name(),
                number: f32::INFINITY,
            },
            Refusal::NotAClass {
                classes: 10,
                number: 10.0,
            },
        ]
    }

    /// The numbers and the names of tensors in a sentence.
    fn facts(text: &str) -> Vec<String> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
        let words = text.split(|letter: char| !is_part(letter));
        let mut facts: Vec<String> = words
            .filter(|word| word.contains(|letter: char| letter.is_ascii_digit()))
            .map(|word| word.trim_matches('.').to_string())
            .collect();
        facts.sort();
        facts
    }

    #[test]
    fn refusals_name_the_same_facts_in_both_languages() {
        for refusal in refusals() {
            let [english, chinese] = Locale::ALL.map(|l| (l.texts().errors.refusal)(&refusal));
            assert!(!english.chars().any(is_chinese), "{english}");
            assert!(chinese.chars().any(is_chinese), "{chinese}");
            assert_eq!(facts(&english), facts(&chinese), "{english} / {chinese}");
        }
    }

    /// The error of a table that cannot be read.
    fn table(text: &str) -> SessionError {
        let refused = crate::data::table_from_csv("own.csv", text.as_bytes(), None);
        refused.expect_err("it cannot be read").into()
    }

    /// The error of a text that cannot be learned from.
    fn text(bytes: &[u8]) -> SessionError {
        let refused = crate::data::TextSet::from_bytes("own.txt", bytes, 64);
        refused.expect_err("it cannot be read").into()
    }

    #[test]
    fn errors_of_a_session_are_worded_in_chinese() {
        for error in [
            SessionError::BadConfig {
                name: "the batch size",
                actual: "0".into(),
                expected: "a whole number from 1 to 4096".into(),
            },
            SessionError::BadConfig {
                name: "the learning rate",
                actual: "-1".into(),
                expected: "a number above 0 and at most 1000".into(),
            },
            SessionError::NonFinite {
                step: 7,
                node: "conv2".into(),
                tensor: "conv2.y".into(),
            },
            SessionError::BadImage {
                expected: 784,
                actual: 3,
            },
            SessionError::Stopped,
            SessionError::Gpu(GpuError::NoWebGpu),
            SessionError::Gpu(GpuError::NoAdapter),
            SessionError::Gpu(GpuError::NoDevice {
                message: String::new(),
            }),
            SessionError::MissingData {
                dataset: "mnist",
                path: "mnist/train-images-idx3-ubyte.gz",
            },
            SessionError::NoOwnText { preset: "own-text" },
            SessionError::Prompt(PromptProblem::Empty),
            SessionError::Prompt(PromptProblem::TooLong {
                characters: 10_001,
                most: 10_000,
            }),
            SessionError::Prompt(PromptProblem::Unknown {
                characters: "é\t学".chars().collect(),
                vocabulary: 69,
            }),
            SessionError::BadConfig {
                name: "the temperature",
                actual: "-1".into(),
                expected: "0 for greedy, or a number up to 100".into(),
            },
            SessionError::BadConfig {
                name: "top-k",
                actual: "0".into(),
                expected: "a whole number from 1 to 69".into(),
            },
            text(b"a"),
            text(&[b'a'; 900]),
            text(b"ab\xff"),
            SessionError::Export(ExportError::OtherVocabulary {
                expected: 69,
                actual: 71,
            }),
            table("a,b\n1,2,3\n"),
            table("a,b\n1,2\n3,4\n"),
            table(&format!("a,b\n1,x\n{}", "2,x\n".repeat(12))),
            table(&format!("a,b\n1,x\n{}", "two,y\n".repeat(12))),
            table(&format!("a,b\n1,x\n{}", ",y\n".repeat(12))),
            table(&format!("a,b\n1,x\n{}", "2,\n".repeat(12))),
            table(&format!("a,b\n1,x\n{}", "1e99,y\n".repeat(12))),
        ] {
            let failure = error.failure();
            let chinese = reason(&Reason::from(&failure));
            assert!(chinese.chars().any(is_chinese), "{chinese}");
            assert_eq!(facts(&failure.message), facts(&chinese), "{chinese}");
        }
    }

    #[test]
    fn files_that_the_server_does_not_give_are_named() {
        let path = "mnist/train-labels-idx1-ubyte.gz".to_string();
        for (status, expected) in [(Some(404), "404"), (None, "没有这个文件")] {
            let told = cause(&Cause::NotServed {
                path: path.clone(),
                status,
            });
            assert!(told.contains(&path) && told.contains(expected), "{told}");
        }
    }
}
