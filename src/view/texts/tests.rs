//! The texts of both languages are there, each in its own words.

use super::*;
use crate::data::{TextSet, series_from_text, table_from_csv};
use crate::session::SessionError;
use crate::view::url::{Expected, Problem};

pub(super) fn is_chinese(character: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&character)
}

#[test]
fn languages_are_read_from_tags_of_any_form() {
    assert_eq!(Locale::parse("en"), Some(Locale::English));
    assert_eq!(Locale::parse("zh"), Some(Locale::Chinese));
    assert_eq!(Locale::parse("ZH-Hans-CN"), Some(Locale::Chinese));
    assert_eq!(Locale::parse("en_GB"), Some(Locale::English));
    assert_eq!(Locale::parse("english"), None);
    assert_eq!(Locale::parse(""), None);
    assert_eq!(Locale::preferred(["fr-FR", "zh-TW", "en"]), Locale::Chinese);
    assert_eq!(Locale::preferred(["fr"]), Locale::English);
    for locale in Locale::ALL {
        assert_eq!(Locale::parse(locale.code()), Some(locale));
        assert_eq!(Locale::parse(locale.lang()), Some(locale));
        assert_eq!(locale.texts().locale, locale);
        assert_ne!(locale.other(), locale);
    }
}

#[test]
fn no_text_is_empty_and_each_is_in_its_language() {
    // These are the same in both languages: names and identifiers.
    const SAME: [&str; 9] = [
        "AppTexts::name",
        "DeviceTexts::gpu",
        "DeviceTexts::cpu",
        "DeviceTexts::badge_gpu",
        "DeviceTexts::badge_cpu",
        "AboutTexts::credit_mnist_licence",
        "KeyTexts::letter_r",
        "DataTexts::f1",
        "DataTexts::f1_hint",
    ];
    let english = Locale::English.texts().entries();
    let chinese = Locale::Chinese.texts().entries();
    assert!(
        english.len() > 150,
        "the scan found {} texts",
        english.len()
    );
    for ((name, english), (chinese_name, chinese)) in english.into_iter().zip(chinese) {
        assert_eq!(name, chinese_name);
        for text in [english, chinese] {
            assert!(!text.is_empty() && text.trim() == text, "{name}: {text:?}");
            assert!(!text.to_lowercase().contains("todo"), "{name}: {text:?}");
        }
        // The button that changes the language names the other one.
        if name == "AppTexts::switch_language" || SAME.contains(&name) {
            continue;
        }
        assert!(!english.chars().any(is_chinese), "{name}: {english}");
        // Keys have the names printed on them; optimisers their English names.
        if !name.starts_with("KeyTexts") && !name.starts_with("TrainTexts::optimizer_") {
            assert!(chinese.chars().any(is_chinese), "{name}: {chinese}");
        }
    }
}

#[test]
fn chinese_texts_keep_to_the_glossary() {
    for (name, text) in Locale::Chinese.texts().entries() {
        for wrong in [
            "精度",
            "反向传递",
            "批次大小",
            "大规模模型",
            "变形金刚",
            "优化算法",
        ] {
            assert!(!text.contains(wrong), "{name} says {wrong}: {text}");
        }
        // Full-width punctuation between Chinese characters.
        let characters: Vec<char> = text.chars().collect();
        for window in characters.windows(2) {
            assert!(
                !(is_chinese(window[0]) && matches!(window[1], ',' | ';' | ':' | '?' | '!')),
                "{name} has half-width punctuation: {text}"
            );
        }
    }
}

fn every_trouble() -> Vec<Trouble> {
    let text = |text: &str| text.to_string();
    vec![
        Trouble::NoWebGpu,
        Trouble::NoAdapter,
        Trouble::SoftwareAdapter {
            adapter: text("SwiftShader"),
        },
        Trouble::DeviceLost {
            reason: "destroyed".into(),
        },
        Trouble::OutOfMemory {
            reason: "conv1.weight".into(),
        },
        Trouble::NonFinite {
            reason: "fc3 became NaN in step 1234".into(),
        },
        Trouble::BadFile {
            reason: "too short".into(),
        },
        Trouble::BadTable {
            reason: "line 2 has 3 cells".into(),
        },
        Trouble::BadText {
            reason: "no UTF-8".into(),
        },
        Trouble::BadPrompt {
            reason: "the prompt is empty".into(),
        },
        Trouble::NoGpu {
            reason: "no adapter".into(),
        },
        Trouble::BadSetting {
            reason: "batch 0".into(),
        },
        Trouble::BadUrlValue(Problem {
            parameter: text("lr"),
            given: text("fast"),
            expected: Expected::PositiveNumber,
            used: None,
        }),
        Trouble::UnknownPreset {
            name: text("lenet9"),
        },
        Trouble::DataMissing {
            reason: "404".into(),
        },
        Trouble::WorkerCrash {
            reason: "unreachable".into(),
        },
        Trouble::WorkerSilent,
        Trouble::WorkerNotStarted {
            reason: "404".into(),
        },
        Trouble::DifferentBuilds {
            page: text("a1"),
            worker: text("b2"),
        },
        Trouble::Other {
            reason: "conv2d: weight is (6, 1, 5, 5)".into(),
        },
    ]
}

#[test]
fn every_trouble_says_what_happened_what_was_kept_and_what_to_do() {
    for trouble in every_trouble() {
        for locale in Locale::ALL {
            let message = trouble.message(locale);
            for part in [&message.title, &message.kept, &message.action] {
                assert!(part.chars().count() >= 4, "{trouble:?}: {message:?}");
                let chinese = part.chars().any(is_chinese);
                assert_eq!(chinese, locale == Locale::Chinese, "{trouble:?}: {part}");
            }
        }
    }
}

/// The advice of a trouble that a session's error is told as.
fn advice(
    locale: Locale,
    trouble: fn(Reason) -> Trouble,
    error: impl Into<SessionError>,
) -> String {
    let reason = Reason::from(&error.into().failure());
    trouble(reason).message(locale).action
}

/// A series has no columns, and a text of one letter is not too short.
#[test]
fn advice_on_data_fits_what_is_wrong_with_it() {
    let series = |text: &str, window| {
        let refused = series_from_text("own.txt", text.as_bytes(), Some(window));
        refused.expect_err("it cannot be read")
    };
    let text = |text: &str| TextSet::new("own.txt", text, 64).expect_err("it cannot be read");
    let table = |text: &str| {
        let refused = table_from_csv("own.csv", text.as_bytes(), None);
        refused.expect_err("it cannot be read")
    };
    for (locale, column, shorter, longer) in [
        (Locale::English, "column", "shorter window", "longer text"),
        (Locale::Chinese, "列。", "缩短窗口", "更长的文本"),
    ] {
        let of_table = |error| advice(locale, |reason| Trouble::BadTable { reason }, error);
        let of_text = |error| advice(locale, |reason| Trouble::BadText { reason }, error);
        let lines = "1\n2\n3\n".repeat(20);
        for refused in [
            series(&format!("{lines}\n4\n"), 4),
            series(&format!("{lines}x\n"), 4),
            series(&lines, 300),
        ] {
            let told = of_table(refused);
            assert!(!told.contains(column), "{told}");
        }
        let told = of_table(series(&lines, 60));
        assert!(told.contains(shorter), "{told}");
        let told = of_table(table(&"1,same\n".repeat(20)));
        assert!(told.contains(column), "{told}");
        let told = of_text(text("to be"));
        assert!(told.contains(longer), "{told}");
        let told = of_text(text(&"a".repeat(900)));
        assert!(!told.contains(longer), "{told}");
    }
}

#[test]
fn messages_name_what_they_are_about() {
    for locale in Locale::ALL {
        let said = |trouble: Trouble| {
            let Message {
                title,
                kept,
                action,
            } = trouble.message(locale);
            format!("{title} {kept} {action}")
        };
        let non_finite = said(Trouble::NonFinite {
            reason: "conv2 became NaN in step 1234".into(),
        });
        assert!(non_finite.contains("conv2 became"), "{non_finite}");
        let bad_value = said(Trouble::BadUrlValue(Problem {
            parameter: "batch".into(),
            given: "0".into(),
            expected: Expected::WholeNumber {
                least: 1,
                most: 4096,
            },
            used: Some("64".into()),
        }));
        for part in ["batch", "0", "4,096", "64"] {
            assert!(bad_value.contains(part), "{bad_value}");
        }
        let builds = said(Trouble::DifferentBuilds {
            page: "a1".into(),
            worker: "b2".into(),
        });
        assert!(builds.contains("a1") && builds.contains("b2"), "{builds}");
    }
}

#[test]
fn texts_with_values_contain_them() {
    for locale in Locale::ALL {
        let texts = locale.texts();
        assert!((texts.app.document_title)("X").contains('X'));
        assert!((texts.train.reset_done)(42).contains("42"));
        assert!((texts.device.adapter)("NVIDIA").contains("NVIDIA"));
        let summary = (texts.curves.summary)("1,000", "0.25");
        assert!(summary.contains("1,000") && summary.contains("0.25"));
        assert!((texts.digits.describe_right)(7).contains('7'));
        let wrong = (texts.digits.describe_wrong)(7, 1);
        assert!(wrong.contains('7') && wrong.contains('1'));
        let score = (texts.digits.score)(9, 10);
        assert!(score.contains('9') && score.contains("10"));
        let predicts = (texts.draw.predicts)(3, "97%");
        assert!(predicts.contains('3') && predicts.contains("97%"));
        let must_be = (texts.errors.must_be)(&Expected::WholeNumber { least: 1, most: 9 });
        assert!(must_be.contains('1') && must_be.contains('9'));
        let cell = (texts.confusion.cell)(12, "7", "1");
        assert!(cell.contains("12") && cell.contains('7') && cell.contains('1'));
        assert!((texts.confusion.after)("1,000").contains("1,000"));
        let race = &texts.race;
        assert!((race.after)("700").contains("700"));
        assert!((race.below)("653").contains("653"));
        assert!((race.diverged)("99").contains("99"));
        assert!((race.loss)("0.5").contains("0.5"));
        assert!((race.rate_of)("Adam").contains("Adam"));
        let lane = (race.with_schedule)("SGD", "cosine");
        assert!(lane.contains("SGD") && lane.contains("cosine"));
        let plane = (race.plane)("257", ["70%", "20%", "90%"]);
        assert!(
            ["257", "70%", "20%", "90%"]
                .iter()
                .all(|part| plane.contains(part))
        );
        let span = (race.span)("0.2", "35");
        assert!(span.contains("0.2") && span.contains("35"));
        assert!((race.every)("3").contains('3') && (race.too_large)("61,706").contains("61,706"));
        let picture = (race.picture_label)("w", "b");
        assert!(picture.contains('w') && picture.contains('b'));
        let series = &texts.series;
        let label = (series.label)(201, 99, "1,000");
        assert!(label.contains("201") && label.contains("99") && label.contains("1,000"));
        assert!((series.row_free_run)(99).contains("99"));
        let conclusion = (series.numbers)("520", 99, "286");
        assert!(
            ["520", "99", "286"]
                .iter()
                .all(|part| conclusion.contains(part))
        );
        assert!((series.floor)("0.01").contains("0.01"));
        let loaded = (series.loaded)("own.txt", 20, 96, 24);
        assert!(
            ["own.txt", "20", "96", "24"]
                .iter()
                .all(|part| loaded.contains(part))
        );
        assert!((texts.settings.best_loss)("628", "0.09").contains("0.09"));
        let cell = (texts.data.cell_samples)(12, "7", "1");
        assert!(cell.contains("12") && cell.contains('7') && cell.contains('1'));
        let other = (texts.data.other_run)("LeNet-5");
        assert!(other.contains("LeNet-5"));
        assert!((texts.data.describe_right)("cat").contains("cat"));
        let wrong = (texts.data.describe_wrong)("cat", "dog");
        assert!(wrong.contains("cat") && wrong.contains("dog"));
        let boundary = (texts.data.boundary_label)("x1, x2", 800, "1,000");
        assert!(boundary.contains("x1, x2") && boundary.contains("800"));
        let top = (texts.data.top_k)(5, "98 %");
        assert!(top.contains('5') && top.contains("98 %"));
        let table = (texts.data.table_loaded)("own.csv", 80, 20);
        assert!(table.contains("own.csv") && table.contains("80") && table.contains("20"));
        let large = (texts.files.too_large)("a.bin", "9 MiB", "8 MiB");
        assert!(large.contains("a.bin") && large.contains("9 MiB") && large.contains("8 MiB"));
        assert!((texts.files.saved)("a.safetensors").contains("a.safetensors"));
        assert!((texts.files.loaded)("a.safetensors").contains("a.safetensors"));
        assert!((texts.loading.data)("MNIST").contains("MNIST"));
        assert!((texts.loading.progress)("MNIST", "1 MB", "9 MB").contains("9 MB"));
        assert!((texts.not_found.address)("/x").contains("/x"));
        assert!((texts.settings.batch_all)("10,000").contains("10,000"));
        let preview = (texts.settings.preview)("0.1", "0.3", "0.02", "785");
        assert!(
            ["0.1", "0.3", "0.02", "785"]
                .iter()
                .all(|part| preview.contains(part))
        );
        let best = (texts.settings.best)("628", "0.09", "97.5%");
        assert!(
            ["628", "0.09", "97.5%"]
                .iter()
                .all(|part| best.contains(part))
        );
        assert!((texts.settings.go_back_to)("628").contains("628"));
    }
}

#[test]
fn every_setting_and_every_choice_has_words() {
    use crate::optim::{Expected, OptionKey};
    for locale in Locale::ALL {
        let settings = &locale.texts().settings;
        for &key in OptionKey::ALL {
            assert_ne!(settings.label(key), settings.hint(key), "{key:?}");
            if let Expected::OneOf(names) = key.expected() {
                for name in names {
                    assert_ne!(settings.choice(key, name), *name, "{key:?} {name}");
                }
            }
        }
    }
}

#[test]
fn the_presets_of_the_train_page_have_texts() {
    for locale in Locale::ALL {
        for preset in ["lenet5-mnist", "mlp-mnist", "worked-2-3-1"] {
            assert!(locale.texts().preset(preset).is_some());
        }
        assert!(locale.texts().preset("lenet9").is_none());
    }
    let ids = |locale: Locale| locale.texts().of_presets.iter().map(|(id, _)| *id);
    assert!(ids(Locale::English).eq(ids(Locale::Chinese)));
}
