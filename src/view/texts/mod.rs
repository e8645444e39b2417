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

    /// What stands between a name and what is told of it.
    pub fn colon(self) -> &'static str {
        match self {
            Self::English => ": ",
            Self::Chinese => "：",
        }
    }

    /// What stands between the items of a list.
    pub fn comma(self) -> &'static str {
        match self {
            Self::English => ", ",
            Self::Chinese => "、",
        }
    }

    /// What stands between sentences.
    pub fn full_stop(self) -> &'static str {
        match self {
            Self::English => ". ",
            Self::Chinese => "。",
        }
    }

    /// A remark in brackets, with the room that the language leaves before them.
    pub fn in_brackets(self, remark: &str) -> String {
        match self {
            Self::English => format!(" ({remark})"),
            Self::Chinese => format!("（{remark}）"),
        }
    }

    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &english::TEXTS,
            Self::Chinese => &chinese::TEXTS,
        }
    }
}

/// Chinese words and what follows them, with room between where that begins with a number or a Latin letter.
pub(crate) fn joined(before: &str, after: &str) -> String {
    let is_apart = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '−');
    format!("{before}{}{after}", if is_apart { " " } else { "" })
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

pub mod course;
mod data;
mod data_chinese;
mod data_english;
pub mod exercises;
pub mod lab;
pub mod map;
mod messages;
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
mod training;
pub mod widgets;
mod writing;
pub use data::DataTexts;
pub use messages::{ErrorTexts, Message, Reason, Severity, Trouble};
pub use race::RaceTexts;
pub use series::SeriesTexts;
pub use settings::SettingTexts;
pub use step::StepTexts;
pub use step_graph::StepGraphTexts;
pub use time::TimeTexts;
pub use training::{
    ConfusionTexts, CurveTexts, DeviceTexts, DigitsTexts, DrawTexts, FilesTexts, MetricsTexts,
    PresetTexts, PresetsTexts, SummaryTexts, TrainTexts,
};
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
pub(super) mod tests;
