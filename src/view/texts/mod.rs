//! Every text of the page, in English and Simplified Chinese.
//!
//! A text is a field of a struct; each language is one constant of that struct, so a
//! translation that is missing does not compile. Sentences with numbers or names in them
//! are functions, because word order differs between the languages.
//! The words follow the glossary of the course; symbols and identifiers are not translated.

mod causes_chinese;
mod chinese;
mod english;

use serde::{Deserialize, Serialize};

use crate::session::{Cause, Failure, Refusal};
use crate::view::url::{Expected, Problem};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Locale {
    #[default]
    English,
    Chinese,
}

impl Locale {
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The value of `<html lang>`.
    pub fn lang(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The value of the query key `lang`.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Reads a language tag (`en`, `zh`, `zh-CN`, `en_GB`), in any case.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or(tag);
        Self::ALL
            .into_iter()
            .find(|locale| primary.eq_ignore_ascii_case(locale.code()))
    }

    /// The first language of a browser's list that the page has; English when it has none.
    pub fn preferred<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        tags.into_iter().find_map(Self::parse).unwrap_or_default()
    }

    /// The language a toggle switches to.
    pub fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &english::TEXTS,
            Self::Chinese => &chinese::TEXTS,
        }
    }
}

/// A struct of texts, and a list of its plain ones for the tests.
macro_rules! texts {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$text_meta:meta])* $text:ident,)*
        }
        $(functions {
            $($(#[$function_meta:meta])* $function:ident: fn($($argument:ty),*),)*
        })?
    ) => {
        $(#[$meta])*
        pub struct $name {
            $($(#[$text_meta])* pub $text: &'static str,)*
            $($($(#[$function_meta])* pub $function: fn($($argument),*) -> String,)*)?
        }

        impl $name {
            /// Name and text of every plain text.
            pub fn entries(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((concat!(stringify!($name), "::", stringify!($text)), self.$text)),*]
            }
        }
    };
}

mod data;
mod data_chinese;
mod data_english;
pub mod lab;
mod presets;
mod race;
mod series;
mod settings;
mod settings_chinese;
mod settings_english;
mod step;
mod step_chinese;
mod step_english;
mod step_graph;
mod time;
mod writing;
pub use data::DataTexts;
pub use race::RaceTexts;
pub use series::SeriesTexts;
pub use settings::SettingTexts;
pub use step::StepTexts;
pub use step_graph::StepGraphTexts;
pub use time::TimeTexts;
pub use writing::WritingTexts;

texts! {
    /// The name and what is on every page.
    AppTexts {
        name,
        tagline,
        skip_to_content,
        /// The label of the button that changes the language: the other language's own name.
        switch_language,
        /// What a screen reader says of that button.
        switch_language_label,
        theme,
        theme_auto,
        theme_light,
        theme_dark,
        close,
        copy_link,
        link_copied,
        retry,
        reload,
        more,
    }
    functions {
        /// Title of the browser tab: page name.
        document_title: fn(&str),
    }
}

texts! {
    NavTexts {
        label,
        home,
        map,
        learn,
        step,
        train,
        lab,
        about,
        /// A mark beside the name of a page that does not exist yet.
        coming,
        coming_title,
        coming_body,
        coming_door,
    }
}

texts! {
    /// A preset's name, one sentence on it, and one on what it learns from.
    PresetTexts {
        name,
        description,
        data,
    }
}

texts! {
    PresetsTexts {
        label,
    }
}

texts! {
    TrainTexts {
        title,
        intro,
        controls,
        play,
        pause,
        step_batch,
        step_batch_hint,
        reset,
        reset_hint,
        reseed,
        reseed_hint,
        hyperparameters,
        learning_rate,
        learning_rate_hint,
        batch_size,
        batch_size_hint,
        optimizer,
        optimizer_sgd,
        optimizer_momentum,
        optimizer_nesterov,
        optimizer_adam,
        momentum,
        momentum_hint,
        seed,
        seed_hint,
        epochs,
        epochs_hint,
        applies_on_reset,
        applies_now,
        status_starting,
        status_ready,
        status_running,
        status_paused,
        status_finished,
        status_stopped,
        share,
        needs_reset,
        last_batch,
        step_through,
        step_through_hint,
        /// On the place of the model's page where there is no such model.
        choose_preset,
    }
    functions {
        /// Announced after a rebuild: seed.
        reset_done: fn(u64),
    }
}

texts! {
    DeviceTexts {
        label,
        auto,
        gpu,
        cpu,
        auto_hint,
        gpu_hint,
        cpu_hint,
        badge_starting,
        badge_none,
        badge_gpu,
        badge_software,
        badge_cpu,
        meaning_gpu,
        meaning_software,
        meaning_cpu,
        /// Why the CPU stands in for a GPU.
        fallback_no_webgpu,
        fallback_no_adapter,
        fallback_software,
        fallback_no_device,
    }
    functions {
        /// Adapter name behind the badge.
        adapter: fn(&str),
    }
}

texts! {
    MetricsTexts {
        label,
        step,
        epoch,
        loss,
        loss_unit,
        accuracy,
        held_out_loss,
        held_out_accuracy,
        perplexity,
        perplexity_hint,
        held_out_hint,
        samples_per_second,
        not_computed,
    }
}

texts! {
    CurveTexts {
        title,
        summary_empty,
        x_step,
        y_loss,
        y_accuracy,
        train_raw,
        train_smoothed,
        held_out_loss,
        held_out_accuracy,
        smoothing,
        smoothing_hint,
        log_scale,
        show_raw,
    }
    functions {
        /// The curve in words, for readers who do not see it: last step, loss.
        summary: fn(&str, &str),
    }
}

texts! {
    DigitsTexts {
        title,
        hint,
        right,
        wrong,
        predicted,
        truth,
        only_wrong,
        waiting,
    }
    functions {
        /// The picture in words: true label, predicted label.
        describe_right: fn(u32),
        describe_wrong: fn(u32, u32),
        /// Right ones, all.
        score: fn(usize, usize),
    }
}

texts! {
    DrawTexts {
        title,
        hint,
        clear,
        canvas_label,
        keyboard_hint,
        how_it_is_made,
        network_sees,
        prediction,
        probabilities,
        empty,
        waiting,
        use_sample,
    }
    functions {
        /// Digit, probability as text.
        predicts: fn(u32, &str),
    }
}

texts! {
    SummaryTexts {
        title,
        layer,
        output_shape,
        parameters,
        flops,
        total,
        parameter_total,
        flops_hint,
        dispatches_per_step,
        dispatches_hint,
        submits_per_step,
        submits_hint,
        allocations_in_warm_up,
        allocations_after_warm_up,
        allocations_hint,
        step_time,
        step_time_hint,
        memory,
        memory_hint,
        input,
        work_title,
        waiting,
    }
}

texts! {
    ConfusionTexts {
        title,
        hint,
        actual,
        predicted,
        recall,
        recall_hint,
        waiting,
    }
    functions {
        /// A cell in words: count, true class, predicted class.
        cell: fn(u32, &str, &str),
        /// Steps after which it was measured, as text.
        after: fn(&str),
    }
}

texts! {
    FilesTexts {
        title,
        save,
        load,
        format_hint,
        drop_here,
        drop_now,
        choose,
        unreadable,
    }
    functions {
        /// Name, size and limit of a file, as text.
        too_large: fn(&str, &str, &str),
        saved: fn(&str),
        loaded: fn(&str),
    }
}

texts! {
    KeyTexts {
        title,
        open,
        space,
        arrow_right,
        letter_r,
        question_mark,
        escape,
        play_or_pause,
        step_one_batch,
        reset,
        help,
        close,
        not_while_typing,
    }
}

texts! {
    LoadingTexts {
        page,
        engine,
        compiling,
        model,
        data_files,
        first_step,
        engine_ready,
        engine_lost,
        build,
    }
    functions {
        data: fn(&str),
        /// What is loaded, bytes so far as text, bytes in all as text.
        progress: fn(&str, &str, &str),
    }
}

/// A message about something that went wrong (or is worth knowing): what happened, what was
/// kept, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub title: String,
    pub kept: String,
    pub action: String,
}

impl Message {
    fn new(title: impl Into<String>, kept: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            kept: kept.into(),
            action: action.into(),
        }
    }
}

/// How a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing failed.
    Info,
    /// The page works on, in another way than asked for.
    Warning,
    /// What was asked for was not done.
    Error,
}

/// What is behind a trouble.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// As the engine, the browser or the driver says it, in English.
    message: String,
    /// Its facts, where the page has words for them.
    cause: Option<Cause>,
}

impl Reason {
    /// In English.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        Self {
            message: failure.message.clone(),
            cause: failure.cause.clone(),
        }
    }
}

impl From<String> for Reason {
    fn from(message: String) -> Self {
        Self {
            message,
            cause: None,
        }
    }
}

impl From<&str> for Reason {
    fn from(message: &str) -> Self {
        message.to_string().into()
    }
}

/// Everything that can go wrong and has a message of its own.
///
/// The names in it (nodes, files, presets) are shown as they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// The browser has no `navigator.gpu`.
    NoWebGpu,
    /// The browser has WebGPU but gives no adapter.
    NoAdapter,
    /// The adapter is emulated on the CPU.
    SoftwareAdapter {
        adapter: String,
    },
    DeviceLost {
        reason: Reason,
    },
    OutOfMemory {
        reason: Reason,
    },
    /// A value that is infinite or not a number; `reason` names where and when.
    NonFinite {
        reason: Reason,
    },
    BadFile {
        reason: Reason,
    },
    /// The learner's table cannot be read.
    BadTable {
        reason: Reason,
    },
    /// The learner's text cannot be read, or not be learned from.
    BadText {
        reason: Reason,
    },
    /// A GPU was asked for, and there is none.
    NoGpu {
        reason: Reason,
    },
    /// A hyperparameter that the engine refuses.
    BadSetting {
        reason: Reason,
    },
    BadUrlValue(Problem),
    UnknownPreset {
        name: String,
    },
    DataMissing {
        reason: Reason,
    },
    WorkerCrash {
        reason: Reason,
    },
    /// The worker answers no more.
    WorkerSilent,
    /// The worker never came up.
    WorkerNotStarted {
        reason: Reason,
    },
    /// The page and its worker come from different builds.
    DifferentBuilds {
        page: String,
        worker: String,
    },
    /// Anything else; `reason` is the engine's own message.
    Other {
        reason: Reason,
    },
}

impl Trouble {
    pub fn severity(&self) -> Severity {
        match self {
            Self::SoftwareAdapter { .. } => Severity::Info,
            Self::NoWebGpu
            | Self::NoAdapter
            | Self::BadUrlValue(_)
            | Self::UnknownPreset { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The message in a language.
    pub fn message(&self, locale: Locale) -> Message {
        (locale.texts().errors.message)(self)
    }
}

/// What is said when something goes wrong. The compiler asks each language for every `Trouble`.
pub struct ErrorTexts {
    pub happened: &'static str,
    pub kept: &'static str,
    pub action: &'static str,
    pub details: &'static str,
    pub use_cpu: &'static str,
    pub restart_engine: &'static str,
    /// Beside a field: what its value should be.
    pub must_be: fn(&Expected) -> String,
    pub message: fn(&Trouble) -> Message,
    /// Why the microscope cannot answer.
    pub refusal: fn(&Refusal) -> String,
}

texts! {
    /// One door of the home page.
    DoorTexts {
        title,
        body,
        action,
    }
}

texts! {
    HomeTexts {
        headline,
        lead,
        promise_real,
        promise_local,
        promise_link,
        legend,
        legend_forward,
        legend_backward,
        legend_update,
    }
}

texts! {
    AboutTexts {
        title,
        what_title,
        what,
        privacy_title,
        privacy,
        honesty_title,
        honesty,
        computes_title,
        computes,
        licence_title,
        licence,
        credits_title,
        /// Followed by the licence's name as a link.
        credit_mnist,
        credit_mnist_licence,
        source,
    }
}

texts! {
    NotFoundTexts {
        title,
        body,
        home,
    }
    functions {
        /// The address asked for.
        address: fn(&str),
    }
}

/// All texts of the page in one language.
pub struct Texts {
    pub locale: Locale,
    pub app: AppTexts,
    pub nav: NavTexts,
    pub presets: PresetsTexts,
    /// By identifier.
    pub of_presets: &'static [(&'static str, PresetTexts)],
    pub train: TrainTexts,
    pub settings: SettingTexts,
    pub device: DeviceTexts,
    pub metrics: MetricsTexts,
    pub curves: CurveTexts,
    pub digits: DigitsTexts,
    pub draw: DrawTexts,
    pub summary: SummaryTexts,
    pub confusion: ConfusionTexts,
    pub data: DataTexts,
    pub race: RaceTexts,
    pub writing: WritingTexts,
    pub series: SeriesTexts,
    pub files: FilesTexts,
    pub keys: KeyTexts,
    pub loading: LoadingTexts,
    pub errors: ErrorTexts,
    pub home: HomeTexts,
    pub door_train: DoorTexts,
    pub door_map: DoorTexts,
    pub door_course: DoorTexts,
    pub step: StepTexts,
    pub step_graph: StepGraphTexts,
    pub time: TimeTexts,
    pub about: AboutTexts,
    pub not_found: NotFoundTexts,
}

impl Texts {
    /// Name and sentence of a preset by its identifier; `None` for one without texts.
    pub fn preset(&self, id: &str) -> Option<&PresetTexts> {
        let found = self.of_presets.iter().find(|(known, _)| *known == id);
        found.map(|(_, texts)| texts)
    }

    /// Name and text of every plain text.
    pub fn entries(&self) -> Vec<(&'static str, &'static str)> {
        let errors = &self.errors;
        [
            self.app.entries(),
            self.nav.entries(),
            self.presets.entries(),
            self.of_presets
                .iter()
                .flat_map(|(_, texts)| texts.entries())
                .collect(),
            self.data.entries(),
            self.race.entries(),
            self.writing.entries(),
            self.series.entries(),
            self.train.entries(),
            self.settings.entries(),
            self.device.entries(),
            self.metrics.entries(),
            self.curves.entries(),
            self.digits.entries(),
            self.draw.entries(),
            self.summary.entries(),
            self.confusion.entries(),
            self.files.entries(),
            self.keys.entries(),
            self.loading.entries(),
            vec![
                ("ErrorTexts::happened", errors.happened),
                ("ErrorTexts::kept", errors.kept),
                ("ErrorTexts::action", errors.action),
                ("ErrorTexts::details", errors.details),
                ("ErrorTexts::use_cpu", errors.use_cpu),
                ("ErrorTexts::restart_engine", errors.restart_engine),
            ],
            self.home.entries(),
            self.door_train.entries(),
            self.door_map.entries(),
            self.door_course.entries(),
            self.step.entries(),
            self.step_graph.entries(),
            self.time.entries(),
            self.about.entries(),
            self.not_found.entries(),
        ]
        .concat()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

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
}
