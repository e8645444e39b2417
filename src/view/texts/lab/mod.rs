//! Texts of the compute lab: those of all its pages here, those of each instrument in a file of its own.

pub mod compress;
pub mod memory;
pub mod precision;
pub mod replicas;
pub mod roofline;
pub mod scale;

use super::{Locale, causes_chinese};
use crate::lab::LabError;
use crate::lab::precision::PrecisionError;
use crate::session::{FailureKind, MAX_BATCH};
use crate::view::lab::InstrumentId;

/// An instrument's name and what it is for, in one sentence.
pub struct InstrumentTexts {
    pub name: &'static str,
    pub purpose: &'static str,
}

texts! {
    /// What is on all pages of the lab.
    LabTexts {
        title,
        lead,
        open,
        all_instruments,
        engine_lost,
        file_missing,
        failed,
        kept,
        restart,
        dismiss,
        modelled,
        measured,
        measured_mean,
        below_clock,
        must_be_number,
        must_be_positive,
        must_not_be_negative,
        must_be_share,
        must_be_one_or_more,
        must_be_count,
    }
    functions {
        /// The name of an instrument that does not exist.
        unknown: fn(&str),
        /// A name from a link that is not offered, and those that are.
        must_be_one_of: fn(&str, &str),
        /// What became of the lab's engine, as the browser has it.
        loss: fn(&str),
    }
}

/// The texts of all pages of the lab.
pub fn lab_texts(locale: Locale) -> &'static LabTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

impl LabTexts {
    fn is_chinese(&self) -> bool {
        std::ptr::eq(self, &CHINESE)
    }

    /// Name and purpose of an instrument.
    pub fn instrument(&self, id: InstrumentId) -> &'static InstrumentTexts {
        let [english, chinese] = match id {
            InstrumentId::Scale => &scale::INSTRUMENT,
            InstrumentId::Roofline => &roofline::INSTRUMENT,
            InstrumentId::Memory => &memory::INSTRUMENT,
            InstrumentId::Precision => &precision::INSTRUMENT,
            InstrumentId::Replicas => &replicas::INSTRUMENT,
            InstrumentId::Compress => &compress::INSTRUMENT,
        };
        match self.is_chinese() {
            true => chinese,
            false => english,
        }
    }
}

/// Why an instrument refused a setting or stopped, in the learner's language.
pub fn explain(error: &LabError, locale: Locale) -> String {
    match locale {
        Locale::English => sentence(&error.to_string()),
        Locale::Chinese => chinese(error),
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

fn chinese(error: &LabError) -> String {
    let said = match error {
        LabError::UnknownPreset { actual } => {
            let offered = crate::lab::offered_presets().replace(", ", "、");
            format!("这里没有模型“{actual}”，应当是其中之一：{offered}")
        }
        LabError::BadBatch { actual } => {
            format!("批量大小是 {actual}，应当是 1 到 {MAX_BATCH} 的整数")
        }
        LabError::BadDistance { actual } => {
            format!("保留层的间隔是 {actual}，应当是不小于 1 的整数")
        }
        LabError::NeedsData { preset } => {
            format!("模型 {preset} 的大小取决于你自己的数据，请另选一个自带数据的模型")
        }
        LabError::TooLarge { bytes, most } => {
            format!("同时需要 {bytes} 字节，最多可用 {most} 字节，请减小批量大小")
        }
        LabError::TooLong {
            batch,
            millis,
            most_millis,
            most,
        } => {
            let hint = match most {
                0 => String::new(),
                most => format!("；批量大小为 {most} 时不会超过"),
            };
            let millis = millis.ceil();
            format!(
                "批量大小为 {batch} 的一步没有计时：其中一个运算会占用设备约 {millis} 毫秒，最多允许 {most_millis} 毫秒{hint}"
            )
        }
        LabError::NoTime { runs } => format!("连续运行 {runs} 次，设备的时钟也没有走动"),
        LabError::Precision(PrecisionError::Setting { setting, actual }) => {
            let expected = precision::texts(Locale::Chinese).wrong(*setting);
            format!("“{actual}”不能使用：{expected}")
        }
        LabError::Precision(PrecisionError::NoFloat16 { adapter }) => {
            format!("{adapter} 的着色器没有 float16（shader-f16），可以改为模拟 float16")
        }
        LabError::Precision(PrecisionError::Engine { message }) => {
            format!("程序内部出错：{message}")
        }
        LabError::Session(failure) => match (&failure.cause, failure.kind) {
            (Some(_), _) => causes_chinese::reason(&failure.as_ref().into()),
            (None, FailureKind::Crash) => format!("{}：{}", CHINESE.engine_lost, failure.message),
            (None, FailureKind::BadConfig) => format!("设置不能使用：{}", failure.message),
            (None, FailureKind::DeviceLost) => format!("GPU 设备已丢失：{}", failure.message),
            (None, FailureKind::OutOfMemory) => format!("内存不足：{}", failure.message),
            (None, FailureKind::MissingData) => format!("缺少数据：{}", failure.message),
            (None, _) => format!("程序内部出错：{}", failure.message),
        },
    };
    format!("{said}。")
}

static ENGLISH: LabTexts = LabTexts {
    title: "Compute lab",
    lead: "What training takes: time, memory, energy and communication, measured on this device or computed from stated constants. Each page says which.",
    open: "Open",
    all_instruments: "← All instruments",
    engine_lost: "The lab's engine has stopped",
    file_missing: "A data file could not be loaded",
    failed: "That did not work",
    kept: "What stands on the page and in its address is kept.",
    restart: "Start the engine again",
    dismiss: "Close",
    modelled: "modelled",
    measured: "measured",
    measured_mean: "measured (mean)",
    below_clock: "below the clock's step",
    must_be_number: "Must be a number, such as 175e9 or 12.5",
    must_be_positive: "Must be above 0, at most 10⁶⁰",
    must_not_be_negative: "Must not be below 0",
    must_be_share: "Must be above 0 and at most 1",
    must_be_one_or_more: "Must be 1 or more",
    must_be_count: "Must be a whole number from 1",
    unknown: |id| format!("The lab has no instrument called “{id}”. These are all there are."),
    must_be_one_of: |name, names| format!("There is no “{name}” here; choose one of {names}"),
    loss: |reason| format!("The browser says: {reason}"),
};

static CHINESE: LabTexts = LabTexts {
    title: "算力实验室",
    lead: "训练需要多少时间、内存、能量和通信：或在本机上实测，或由注明出处的常数计算得出，每一页都会写明是哪一种。",
    open: "打开",
    all_instruments: "← 全部实验",
    engine_lost: "实验室的引擎已停止",
    file_missing: "有数据文件未能加载",
    failed: "操作未能完成",
    kept: "页面和地址中的内容都已保留。",
    restart: "重新启动引擎",
    dismiss: "关闭",
    modelled: "模型估算",
    measured: "实测值",
    measured_mean: "实测值（平均）",
    below_clock: "小于时钟步长",
    must_be_number: "请填写一个数，例如 175e9 或 12.5",
    must_be_positive: "必须大于 0，且不超过 10⁶⁰",
    must_not_be_negative: "不能小于 0",
    must_be_share: "必须大于 0 且不超过 1",
    must_be_one_or_more: "必须不小于 1",
    must_be_count: "必须是不小于 1 的整数",
    unknown: |id| format!("实验室里没有名为“{id}”的实验。全部实验如下。"),
    must_be_one_of: |name, names| format!("这里没有“{name}”，请选择其中之一：{names}"),
    loss: |reason| format!("浏览器给出的原因：{reason}"),
};

#[cfg(test)]
pub(in crate::view::texts) mod tests {
    use super::super::tests::is_chinese;
    use super::*;

    /// That plain texts are there, each in its language.
    #[track_caller]
    pub fn check_languages(
        english: Vec<(&'static str, &'static str)>,
        chinese: Vec<(&'static str, &'static str)>,
    ) {
        assert!(!english.is_empty());
        for ((name, english), (_, chinese)) in english.into_iter().zip(chinese) {
            for text in [english, chinese] {
                assert!(!text.is_empty() && text.trim() == text, "{name}: {text:?}");
            }
            assert!(!english.chars().any(is_chinese), "{name}: {english}");
            assert!(chinese.chars().any(is_chinese), "{name}: {chinese}");
        }
    }

    #[test]
    fn failures_are_sentences_in_both_languages() {
        use crate::exec::gpu::GpuError;
        use crate::lab::precision::Setting;
        use crate::session::SessionError;
        let errors = [
            LabError::UnknownPreset {
                actual: "lenet6".into(),
            },
            LabError::BadBatch { actual: 0 },
            LabError::BadDistance { actual: 0 },
            LabError::NeedsData {
                preset: "own-text".into(),
            },
            LabError::TooLarge {
                bytes: 5_000_000_000,
                most: 2_147_483_648,
            },
            LabError::TooLong {
                batch: 4_096,
                millis: 512.3,
                most_millis: 80.0,
                most: 512,
            },
            LabError::NoTime { runs: 32_768 },
            LabError::Precision(PrecisionError::Setting {
                setting: Setting::Scale,
                actual: "0".into(),
            }),
            LabError::Precision(PrecisionError::NoFloat16 {
                adapter: "Some GPU".into(),
            }),
            GpuError::NoAdapter.into(),
            SessionError::NoTable { preset: "own-data" }.into(),
        ];
        for error in errors {
            let [english, chinese] = Locale::ALL.map(|locale| explain(&error, locale));
            // "5000000000 bytes …" begins with its number.
            let begins = |letter: char| letter.is_uppercase() || letter.is_ascii_digit();
            assert!(english.starts_with(begins), "{english}");
            assert!(
                english.ends_with('.') && !english.chars().any(is_chinese),
                "{english}"
            );
            assert!(
                chinese.ends_with('。') && chinese.chars().any(is_chinese),
                "{chinese}"
            );
            // No English sentence in it: names and numbers alone.
            assert!(
                !chinese.contains(" is ") && !chinese.contains("expected"),
                "{chinese}"
            );
        }
        let said = explain(
            &LabError::TooLong {
                batch: 64,
                millis: 512.3,
                most_millis: 80.0,
                most: 0,
            },
            Locale::English,
        );
        assert!(
            said.ends_with("about 513 ms, expected at most 80."),
            "{said}"
        );
    }

    #[test]
    fn every_text_of_the_lab_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for id in InstrumentId::ALL {
            let texts = Locale::ALL.map(|locale| lab_texts(locale).instrument(id));
            let pairs = texts.map(|texts| vec![("name", texts.name), ("purpose", texts.purpose)]);
            let [english, chinese] = pairs;
            check_languages(english, chinese);
            assert_eq!(InstrumentId::from_name(id.name()), Some(id));
        }
    }
}
