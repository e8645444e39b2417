//! The page's state as a link, and back.
//!
//! Reading never fails: a value that makes no sense is replaced by its default and reported as
//! a [`Problem`]. Writing leaves out what has its default, so links stay short. What is written
//! reads back as the same state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::format;
use super::microscope::model::Element;
use super::microscope::path::{parse_ends, write_ends};
use super::texts::Locale;
pub use crate::optim::Expected;
use crate::optim::{MAX_LEARNING_RATE, OptionKey, Options};

/// The preset of `/train` and `/step` when the address names none.
pub const DEFAULT_PRESET: &str = "lenet5-mnist";
/// The seed of a run whose address gives none.
pub const DEFAULT_SEED: u64 = 1;
/// Chapters of the course, from 1.
pub const CHAPTERS: u8 = 12;
/// The largest batch size a link may ask for.
pub const MOST_BATCH: u32 = 65_536;
/// The most operations of a batch a link may ask to have run.
pub const MOST_OPERATIONS: u64 = 100_000;
/// The most steps or epochs a link may ask for.
pub const MOST_STEPS: u64 = 10_000_000;

/// The most settings of the lab's instruments or the map that a link may hold, and the longest of them in characters.
const MOST_SETTINGS: usize = 40;
const LONGEST_SETTING: usize = 200;

/// Longest part of an address that is repeated in a message, in characters.
const SHOWN_CHARACTERS: usize = 60;

/// A choice among names that stand in the address.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            const NAMES: &'static [&'static str] = &[$($text),*];

            /// The name in the address and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The choice of this name, in any case.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

choice! {
    /// Where to train.
    DeviceChoice {
        Auto = "auto",
        Gpu = "gpu",
        Cpu = "cpu",
    }
}

choice! {
    /// Light or dark; `Auto` follows the system.
    Theme {
        Auto = "auto",
        Light = "light",
        Dark = "dark",
    }
}

choice! {
    OptimizerChoice {
        /// Plain stochastic gradient descent.
        Sgd = "sgd",
        /// Stochastic gradient descent with momentum.
        Momentum = "momentum",
        /// Stochastic gradient descent with Nesterov's momentum.
        Nesterov = "nesterov",
        RmsProp = "rmsprop",
        Adagrad = "adagrad",
        Adam = "adam",
        AdamW = "adamw",
    }
}

/// The programs of the site. Each is loaded only where one of its pages is opened (`start.js`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// All pages but those of the others.
    Training,
    Lab,
    /// The concept map and the chapters.
    Course,
}

/// A page of the site. Addresses are below the site's base path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    Home,
    Map,
    /// A chapter, 1 to 12.
    Learn(u8),
    /// Another page of the course by its identifier, which may be unknown.
    LearnPage(String),
    /// A preset by its identifier, which may be unknown.
    Step(String),
    /// A preset by its identifier, which may be unknown.
    Train(String),
    Lab,
    /// One lab by its identifier, which may be unknown.
    LabPage(String),
    About,
    /// Any other path, as asked for.
    NotFound(String),
}

impl Route {
    /// Reads a path below the base path; `/learn`, `/train` and `/step` alone lead to their first page.
    pub fn parse(path: &str) -> Self {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| decode(segment, false))
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let chapter = |text: &str| text.parse().ok().filter(|n| (1..=CHAPTERS).contains(n));
        match segments[..] {
            [] | ["index.html"] => Self::Home,
            ["map"] => Self::Map,
            ["learn"] => Self::Learn(1),
            ["learn", number] if chapter(number).is_some() => {
                Self::Learn(chapter(number).unwrap_or(1))
            }
            ["learn", id] => Self::LearnPage(id.to_string()),
            ["step"] => Self::Step(DEFAULT_PRESET.to_string()),
            ["step", preset] => Self::Step(preset.to_string()),
            ["train"] => Self::Train(DEFAULT_PRESET.to_string()),
            ["train", preset] => Self::Train(preset.to_string()),
            ["lab"] => Self::Lab,
            ["lab", id] => Self::LabPage(id.to_string()),
            ["about"] => Self::About,
            _ => Self::NotFound(segments.join("/")),
        }
    }

    /// The program that shows the page.
    pub fn program(&self) -> Program {
        match self {
            Self::Lab | Self::LabPage(_) => Program::Lab,
            Self::Map | Self::Learn(_) | Self::LearnPage(_) => Program::Course,
            _ => Program::Training,
        }
    }

    /// The path below the base path, with a leading slash.
    pub fn path(&self) -> String {
        match self {
            Self::Home => "/".to_string(),
            Self::Map => "/map".to_string(),
            Self::Learn(chapter) => format!("/learn/{chapter}"),
            Self::LearnPage(id) => format!("/learn/{}", encode(id)),
            Self::Step(preset) => format!("/step/{}", encode(preset)),
            Self::Train(preset) => format!("/train/{}", encode(preset)),
            Self::Lab => "/lab".to_string(),
            Self::LabPage(id) => format!("/lab/{}", encode(id)),
            Self::About => "/about".to_string(),
            Self::NotFound(path) => {
                let segments: Vec<String> = path.split('/').map(encode).collect();
                format!("/{}", segments.join("/"))
            }
        }
    }

    /// The preset the page shows.
    pub fn preset(&self) -> Option<&str> {
        match self {
            Self::Train(preset) | Self::Step(preset) => Some(preset),
            _ => None,
        }
    }
}

/// The path below `base`: `/sub/train/x` below `/sub/` is `/train/x`.
pub fn below_base<'a>(path: &'a str, base: &str) -> &'a str {
    let base = base.trim_end_matches('/');
    match path.strip_prefix(base) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

/// What a run may be asked to do differently from its preset; `None` is the preset's own value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hyperparameters {
    /// `lr`, above 0.
    pub learning_rate: Option<f32>,
    /// `batch`, 1 to [`MOST_BATCH`].
    pub batch: Option<u32>,
    pub optimizer: Option<OptimizerChoice>,
    /// From 0 to below 1.
    pub momentum: Option<f32>,
    pub epochs: Option<u64>,
    pub steps: Option<u64>,
    /// Each under the name of its key.
    pub options: Options,
}

/// Everything about the page that a link carries.
#[derive(Clone, Debug, PartialEq)]
pub struct PageState {
    pub route: Route,
    pub device: DeviceChoice,
    pub seed: Option<u64>,
    /// `None` leaves the choice to the browser's languages.
    pub locale: Option<Locale>,
    pub theme: Theme,
    pub hyperparameters: Hyperparameters,
    /// Operations of the batch that have run, on the page that steps through it.
    pub cursor: Option<u32>,
    /// The ends of the path of the chain rule that is followed there.
    pub path: Option<[Element; 2]>,
    /// What is chosen in its views of sequences: a step and a unit, or a query and a key.
    pub place: [Option<u32>; 2],
    /// What the lab's instruments and the map are set to, as it stands in the address: each reads its own. Empty on
    /// other pages.
    pub settings: BTreeMap<String, String>,
}

/// A value in the address that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The query key.
    pub parameter: String,
    /// What stood there, cut to a length that can be shown.
    pub given: String,
    pub expected: Expected,
    /// The value used instead; `None` where it is the preset's own.
    pub used: Option<String>,
}

impl PageState {
    /// A page with nothing but defaults.
    pub fn new(route: Route) -> Self {
        Self {
            route,
            device: DeviceChoice::Auto,
            seed: None,
            locale: None,
            theme: Theme::Auto,
            hyperparameters: Hyperparameters::default(),
            cursor: None,
            path: None,
            place: [None; 2],
            settings: BTreeMap::new(),
        }
    }

    /// Reads a path below the base path and a query string, with or without its `?`.
    ///
    /// Unknown keys are ignored; of a key given twice the last one counts.
    pub fn parse(path: &str, query: &str) -> (Self, Vec<Problem>) {
        let mut state = Self::new(Route::parse(path));
        let mut problems = Vec::new();
        for pair in query.trim_start_matches('?').split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (decode(key, true), decode(value, true));
            problems.retain(|problem: &Problem| problem.parameter != key);
            if let Err((expected, used)) = state.set(&key, value.trim()) {
                let given = value
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(SHOWN_CHARACTERS)
                    .collect();
                problems.push(Problem {
                    parameter: key,
                    given,
                    expected,
                    used,
                });
            }
        }
        (state, problems)
    }

    /// Sets one key, or gives it its default and says what was expected and what is used.
    fn set(&mut self, key: &str, value: &str) -> Result<(), (Expected, Option<String>)> {
        // A widget's settings are its own, whatever their names mean on other pages.
        if matches!(&self.route, Route::LearnPage(page) if page == "widget")
            && !matches!(key, "lang" | "theme")
        {
            self.set_setting(key, value);
            return Ok(());
        }
        let run = &mut self.hyperparameters;
        match key {
            "device" => set_choice(
                &mut self.device,
                DeviceChoice::parse(value),
                (DeviceChoice::Auto, "auto", DeviceChoice::NAMES),
            ),
            "theme" => set_choice(
                &mut self.theme,
                Theme::parse(value),
                (Theme::Auto, "auto", Theme::NAMES),
            ),
            "lang" => {
                self.locale = Locale::parse(value);
                self.locale
                    .map(|_| ())
                    .ok_or((Expected::OneOf(&["en", "zh"]), None))
            }
            "optimizer" => set_or(
                &mut run.optimizer,
                OptimizerChoice::parse(value),
                Expected::OneOf(OptimizerChoice::NAMES),
            ),
            "seed" => set_whole(&mut self.seed, value, 0, u64::MAX),
            "epochs" => set_whole(&mut run.epochs, value, 1, MOST_STEPS),
            "cursor" => set_whole(&mut self.cursor, value, 0, MOST_OPERATIONS),
            "path" => set_or(&mut self.path, parse_ends(value), Expected::PathEnds),
            "t" | "u" if matches!(self.route, Route::Step(_)) => {
                let which = usize::from(key == "u");
                set_whole(&mut self.place[which], value, 0, MOST_OPERATIONS)
            }
            "steps" => set_whole(&mut run.steps, value, 1, MOST_STEPS),
            "batch" => set_whole(&mut run.batch, value, 1, MOST_BATCH.into()),
            "lr" => {
                let number = value
                    .parse()
                    .ok()
                    .filter(|lr: &f32| *lr > 0.0 && *lr <= MAX_LEARNING_RATE);
                set_or(&mut run.learning_rate, number, Expected::PositiveNumber)
            }
            "momentum" => {
                let number = value.parse().ok().filter(|m: &f32| (0.0..1.0).contains(m));
                // -0.0 is in the range, but has a sign to lose.
                set_or(
                    &mut run.momentum,
                    number.map(f32::abs),
                    Expected::NumberBelowOne,
                )
            }
            _ => match OptionKey::from_name(key) {
                Some(key) => run.options.set(key, value).map_err(|e| (e, None)),
                None => {
                    if self.route.program() != Program::Training {
                        self.set_setting(key, value);
                    }
                    Ok(())
                }
            },
        }
    }

    /// Sets what an instrument of the lab, or the map, reads; an empty value is its default. What is too long or too many is left
    /// out.
    pub fn set_setting(&mut self, key: &str, value: &str) {
        let has_room = self.settings.len() < MOST_SETTINGS || self.settings.contains_key(key);
        if value.is_empty() {
            self.settings.remove(key);
        } else if has_room && !key.is_empty() && value.chars().count() <= LONGEST_SETTING {
            self.settings.insert(key.to_string(), value.to_string());
        }
    }

    /// The same state with another value of a query key; an empty one is the default.
    ///
    /// # Errors
    ///
    /// What the value should have been.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, Expected> {
        let mut state = self.clone();
        let outcome = state.set(key, value.trim());
        match outcome {
            Err((expected, _)) if !value.trim().is_empty() => Err(expected),
            _ => Ok(state),
        }
    }

    /// The query string without `?`, empty when everything has its default.
    pub fn query(&self) -> String {
        let run = &self.hyperparameters;
        let not_default = |is_default: bool, name: &str| (!is_default).then(|| name.to_string());
        let pairs = [
            (
                "device",
                not_default(self.device == DeviceChoice::Auto, self.device.name()),
            ),
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("lr", run.learning_rate.map(format::shortest)),
            ("batch", run.batch.map(|batch| batch.to_string())),
            (
                "optimizer",
                run.optimizer.map(|optimizer| optimizer.name().to_string()),
            ),
            ("momentum", run.momentum.map(format::shortest)),
            ("epochs", run.epochs.map(|epochs| epochs.to_string())),
            ("steps", run.steps.map(|steps| steps.to_string())),
            ("cursor", self.cursor.map(|cursor| cursor.to_string())),
            ("path", self.path.as_ref().map(write_ends)),
            ("t", self.place[0].map(|step| step.to_string())),
            ("u", self.place[1].map(|unit| unit.to_string())),
            ("lang", self.locale.map(|locale| locale.code().to_string())),
            (
                "theme",
                not_default(self.theme == Theme::Auto, self.theme.name()),
            ),
        ];
        // Behind the keys that were there first, so that old links stay as they are.
        let options = OptionKey::ALL
            .iter()
            .map(|&key| (key.name(), run.options.text(key)));
        let settings = self.settings.iter();
        let settings = settings.map(|(key, value)| format!("{}={}", encode(key), encode(value)));
        let pairs: Vec<String> = pairs
            .into_iter()
            .chain(options)
            .filter_map(|(key, value)| Some(format!("{key}={}", encode(&value?))))
            .chain(settings)
            .collect();
        pairs.join("&")
    }

    /// Path and query below the base path: `/train/lenet5-mnist?seed=7`.
    pub fn href(&self) -> String {
        let query = self.query();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.route.path())
    }

    /// The way back to a run that was left: its settings, with the language and theme of this page.
    pub fn back_to(&self, run: &Self) -> Self {
        Self {
            locale: self.locale,
            theme: self.theme,
            ..run.clone()
        }
    }

    /// The same state on another page; another model, and another program, forgets the hyperparameters of this one, and
    /// every other page the place in the batch.
    pub fn on(&self, route: Route) -> Self {
        let keeps_run = route.program() == self.route.program()
            && (route.preset().is_none() || route.preset() == self.route.preset());
        let mut state = Self {
            route,
            ..self.clone()
        };
        if !keeps_run {
            state.hyperparameters = Hyperparameters::default();
        }
        if state.route != self.route {
            state.cursor = None;
            state.path = None;
            state.place = [None; 2];
            state.settings.clear();
        }
        state
    }
}

fn set_choice<T: Copy>(
    place: &mut T,
    value: Option<T>,
    (default, default_name, names): (T, &str, &'static [&'static str]),
) -> Result<(), (Expected, Option<String>)> {
    *place = value.unwrap_or(default);
    value
        .map(|_| ())
        .ok_or_else(|| (Expected::OneOf(names), Some(default_name.to_string())))
}

fn set_or<T>(
    place: &mut Option<T>,
    value: Option<T>,
    expected: Expected,
) -> Result<(), (Expected, Option<String>)> {
    *place = value;
    if place.is_some() {
        Ok(())
    } else {
        Err((expected, None))
    }
}

fn set_whole<T: TryFrom<u64>>(
    place: &mut Option<T>,
    value: &str,
    least: u64,
    most: u64,
) -> Result<(), (Expected, Option<String>)> {
    let number = value.parse().ok().filter(|n| (least..=most).contains(n));
    let number = number.and_then(|n| T::try_from(n).ok());
    set_or(place, number, Expected::WholeNumber { least, most })
}

/// Percent-encodes what is not a letter, digit, `-`, `_`, `.` or `~`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Decodes percent-encoding; what is not valid stays as it is, and bad UTF-8 becomes U+FFFD.
fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let hex = |offset: usize| {
            bytes
                .get(position + offset)
                .and_then(|&b| char::from(b).to_digit(16))
        };
        match (bytes[position], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                position += 2;
            }
            (b'+', _, _) if plus_is_space => decoded.push(b' '),
            (byte, _, _) => decoded.push(byte),
        }
        position += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;

    fn parse(href: &str) -> (PageState, Vec<Problem>) {
        let (path, query) = href.split_once('?').unwrap_or((href, ""));
        PageState::parse(path, query)
    }

    #[test]
    fn a_full_link_is_read_key_by_key() {
        let (state, problems) = parse(
            "/train/mlp-mnist?device=gpu&seed=7&lr=1e-3&batch=128&optimizer=momentum\
             &momentum=0.9&epochs=3&steps=100&lang=zh&theme=dark&utm=ignored",
        );
        assert_eq!(problems, []);
        assert_eq!(state.route, Route::Train("mlp-mnist".into()));
        assert_eq!(state.device, DeviceChoice::Gpu);
        assert_eq!(state.seed, Some(7));
        assert_eq!(state.locale, Some(Locale::Chinese));
        assert_eq!(state.theme, Theme::Dark);
        let run = Hyperparameters {
            learning_rate: Some(0.001),
            batch: Some(128),
            optimizer: Some(OptimizerChoice::Momentum),
            momentum: Some(0.9),
            epochs: Some(3),
            steps: Some(100),
            options: Options::NONE,
        };
        assert_eq!(state.hyperparameters, run);
        assert_eq!(
            state.href(),
            "/train/mlp-mnist?device=gpu&seed=7&lr=0.001&batch=128&optimizer=momentum\
             &momentum=0.9&epochs=3&steps=100&lang=zh&theme=dark"
        );
    }

    #[test]
    fn the_way_back_to_a_run_keeps_its_settings() {
        let (run, _) = parse("/train/mlp-mnist?lr=0.1&seed=7&lang=en");
        let (about, _) = parse("/about?seed=7&lang=zh&theme=dark");
        let href = about.back_to(&run).href();
        assert_eq!(href, "/train/mlp-mnist?seed=7&lr=0.1&lang=zh&theme=dark");
    }

    #[test]
    fn one_value_is_set_as_a_link_sets_it() {
        let (state, _) = parse("/train/mlp-mnist?lr=0.1&seed=7");
        let set = state.with("lr", " 0.5 ").expect("a number");
        assert_eq!(set.href(), "/train/mlp-mnist?seed=7&lr=0.5");
        let cleared = state.with("lr", "").expect("the default");
        assert_eq!(cleared.href(), "/train/mlp-mnist?seed=7");
        assert_eq!(state.with("lr", "0"), Err(Expected::PositiveNumber));
    }

    #[test]
    fn defaults_are_left_out() {
        let (state, problems) = parse("/train/lenet5-mnist?device=auto&theme=auto");
        assert_eq!(problems, []);
        assert_eq!(state, PageState::new(Route::Train("lenet5-mnist".into())));
        assert_eq!(state.href(), "/train/lenet5-mnist");
    }

    #[test]
    fn every_route_is_read_and_written() {
        for (path, route) in [
            ("/", Route::Home),
            ("/map", Route::Map),
            ("/learn/1", Route::Learn(1)),
            ("/learn/12", Route::Learn(12)),
            ("/step/worked-2-3-1", Route::Step("worked-2-3-1".into())),
            ("/train/lenet5-mnist", Route::Train("lenet5-mnist".into())),
            ("/lab", Route::Lab),
            ("/lab/logreg", Route::LabPage("logreg".into())),
            ("/about", Route::About),
            ("/nowhere/at/all", Route::NotFound("nowhere/at/all".into())),
        ] {
            assert_eq!(Route::parse(path), route);
            assert_eq!(route.path(), path);
        }
        assert_eq!(Route::parse(""), Route::Home);
        assert_eq!(Route::parse("/train/"), Route::Train(DEFAULT_PRESET.into()));
        assert_eq!(Route::parse("/learn"), Route::Learn(1));
        assert_eq!(Route::parse("/learn/13"), Route::LearnPage("13".into()));
        assert_eq!(Route::parse("/learn/0"), Route::LearnPage("0".into()));
    }

    #[test]
    fn the_base_path_is_taken_off() {
        assert_eq!(below_base("/sub/train/x", "/sub/"), "/train/x");
        assert_eq!(below_base("/sub", "/sub/"), "");
        assert_eq!(below_base("/subway", "/sub/"), "/subway");
        assert_eq!(below_base("/train/x", "/"), "/train/x");
    }

    #[test]
    fn bad_values_are_reported_and_replaced() {
        let (state, problems) = parse(
            "/train/lenet5-mnist?device=tpu&seed=-1&lr=0&batch=0&optimizer=lion&momentum=1&lang=fr&theme=blue&steps=1e9",
        );
        assert_eq!(state, PageState::new(Route::Train("lenet5-mnist".into())));
        let keys: Vec<&str> = problems
            .iter()
            .map(|problem| problem.parameter.as_str())
            .collect();
        assert_eq!(
            keys,
            [
                "device",
                "seed",
                "lr",
                "batch",
                "optimizer",
                "momentum",
                "lang",
                "theme",
                "steps"
            ]
        );
        assert_eq!(problems[0].given, "tpu");
        assert_eq!(
            problems[0].expected,
            Expected::OneOf(&["auto", "gpu", "cpu"])
        );
        assert_eq!(problems[0].used.as_deref(), Some("auto"));
        assert_eq!(problems[2].expected, Expected::PositiveNumber);
        assert_eq!(problems[2].used, None);
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for value in ["NaN", "inf", "1e99", "1001", "-0.1", "", "0x10", "%"] {
            let (state, problems) = parse(&format!("/train/x?lr={value}"));
            assert_eq!(state.hyperparameters.learning_rate, None, "{value}");
            assert_eq!(problems.len(), 1, "{value}");
        }
    }

    #[test]
    fn a_widget_s_settings_are_its_own() {
        let query = "name=schedules&schedule=warm-up&steps=0&matrix=1,2&lang=zh";
        let (state, problems) = PageState::parse("/learn/widget", query);
        assert_eq!(problems, []);
        for (key, value) in [("schedule", "warm-up"), ("steps", "0"), ("matrix", "1,2")] {
            assert_eq!(state.settings[key], value);
        }
        assert_eq!(state.locale, Some(Locale::Chinese));
        let href = state.href();
        let (path, query) = href.split_once('?').unwrap();
        assert_eq!(PageState::parse(path, query).0, state);
    }

    #[test]
    fn instruments_of_the_lab_keep_their_settings_in_the_link() {
        let link = "/lab/ddp-4?seed=3&lang=zh&mode=rank0&replicas=%E5%9B%9B";
        let (state, problems) = parse(link);
        assert_eq!(problems, []);
        assert_eq!(state.settings["replicas"], "四");
        assert_eq!(state.href(), link);
        assert_eq!(state.on(Route::Lab).href(), "/lab?seed=3&lang=zh");
        assert!(parse("/train/x?mode=rank0").0.settings.is_empty());
        let long = format!("/lab/x?a={}&b=2", "9".repeat(LONGEST_SETTING + 1));
        assert_eq!(parse(&long).0.href(), "/lab/x?b=2");
        let many: Vec<String> = (0..90).map(|n| format!("k{n}=1")).collect();
        let (state, _) = parse(&format!("/lab/x?{}", many.join("&")));
        assert_eq!(state.settings.len(), MOST_SETTINGS);
    }

    #[test]
    fn the_step_and_the_unit_that_are_looked_at_stand_in_the_link() {
        let link = "/step/gru-mnist?cursor=40&t=27&u=0&lang=zh";
        let (state, problems) = parse(link);
        assert_eq!((state.place, problems), ([Some(27), Some(0)], vec![]));
        assert_eq!(state.href(), link);
        let train = Route::Train("gru-mnist".into());
        assert_eq!(state.on(train).href(), "/train/gru-mnist?lang=zh");
        let (state, problems) = parse("/step/gru-mnist?t=-1&u=3");
        assert_eq!((state.place, problems.len()), ([None, Some(3)], 1));
        // They are the microscope's own: an instrument of the lab may have settings of these names.
        assert_eq!(parse("/lab/x?t=far").0.settings["t"], "far");
    }

    #[test]
    fn another_program_forgets_the_hyperparameters() {
        let (state, _) = parse("/train/lenet5-mnist?lr=0.5&seed=3&lang=zh");
        assert_eq!(state.on(Route::Lab).href(), "/lab?seed=3&lang=zh");
    }

    #[test]
    fn of_a_key_given_twice_the_last_counts() {
        let (state, problems) = parse("/train/x?lr=fast&lr=0.5");
        assert_eq!(state.hyperparameters.learning_rate, Some(0.5));
        assert_eq!(problems, []);
    }

    #[test]
    fn another_model_forgets_the_hyperparameters() {
        let (state, _) = parse("/train/lenet5-mnist?lr=0.5&seed=3&lang=zh");
        let other = state.on(Route::Train("mlp-mnist".into()));
        assert_eq!(other.href(), "/train/mlp-mnist?seed=3&lang=zh");
        assert_eq!(
            state.on(Route::Step("lenet5-mnist".into())).hyperparameters,
            state.hyperparameters
        );
        assert_eq!(
            state.on(Route::About).hyperparameters,
            state.hyperparameters
        );
    }

    #[test]
    fn long_and_strange_values_are_cut_for_the_message() {
        let (_, problems) = parse(&format!("/train/x?batch={}", "%00a".repeat(500)));
        assert_eq!(problems[0].given, "a".repeat(SHOWN_CHARACTERS));
    }

    fn element() -> impl Strategy<Value = Element> {
        let name = "[a-z][a-z0-9_]{0,9}(\\.[a-z][a-z0-9_]{0,9}){0,2}";
        let index = prop::collection::vec(any::<u32>(), 0..5);
        (name, index).prop_map(|(tensor, index)| Element { tensor, index })
    }

    fn route() -> impl Strategy<Value = Route> {
        prop_oneof![
            Just(Route::Home),
            Just(Route::Map),
            (1..=CHAPTERS).prop_map(Route::Learn),
            ".+".prop_map(Route::Step),
            "[a-z0-9-]{1,20}".prop_map(Route::Train),
            Just(Route::Lab),
            ".+".prop_map(Route::LabPage),
            Just(Route::About),
        ]
    }

    /// Some settings, each with a value that it allows.
    fn options() -> impl Strategy<Value = Options> {
        let one = |&key: &OptionKey| match key.expected() {
            Expected::OneOf(names) => {
                option::of(prop::sample::select(names).prop_map(str::to_string)).boxed()
            }
            Expected::WholeNumber { least, most } => {
                option::of((least..=most).prop_map(|n| n.to_string())).boxed()
            }
            _ => option::of((1e-30f32..0.999).prop_map(|x| x.to_string())).boxed(),
        };
        let all: Vec<_> = OptionKey::ALL.iter().map(one).collect();
        all.prop_map(|texts| {
            let mut options = Options::NONE;
            for (&key, text) in OptionKey::ALL.iter().zip(texts) {
                if let Some(text) = text {
                    options.set(key, &text).expect("a value in range");
                }
            }
            options
        })
    }

    #[test]
    fn settings_stand_in_links_under_their_names() {
        let link = "/train/lenet5-mnist?lr=0.1&optimizer=rmsprop&alpha=0.9&centered=true\
                    &schedule=cosine&schedule-unit=epoch&warmup=2&clip=1&patience=3&init=orthogonal";
        let (state, problems) = parse(link);
        assert_eq!(problems, []);
        assert_eq!(state.href(), link);
        let options = state.hyperparameters.options;
        assert_eq!((options.clip, options.patience), (Some(1.0), Some(3)));
        let (state, problems) = parse("/train/x?clip=0&schedule=square&warmup=-1&init=xavier");
        assert_eq!(problems.len(), 4);
        assert_eq!(state.hyperparameters.options, Options::NONE);
        assert_eq!(problems[0].expected, Expected::PositiveNumber);
    }

    prop_compose! {
        fn state()(
            route in route(),
            device in prop::sample::select(DeviceChoice::ALL),
            theme in prop::sample::select(Theme::ALL),
            seed in option::of(any::<u64>()),
            locale in option::of(prop::sample::select(&Locale::ALL[..])),
            learning_rate in option::of((-100f32..3.0).prop_map(|exponent| 10f32.powf(exponent)).prop_filter("in range", |x| *x > 0.0 && *x <= MAX_LEARNING_RATE)),
            batch in option::of(1..=MOST_BATCH),
            optimizer in option::of(prop::sample::select(OptimizerChoice::ALL)),
            momentum in option::of(0f32..1.0),
            epochs in option::of(1..=MOST_STEPS),
            steps in option::of(1..=MOST_STEPS),
            cursor in option::of(0..=MOST_OPERATIONS as u32),
            path in option::of([element(), element()]),
            place in [option::of(0..=MOST_OPERATIONS as u32), option::of(0..=MOST_OPERATIONS as u32)],
            options in options(),
        ) -> PageState {
            let place = if matches!(route, Route::Step(_)) { place } else { [None; 2] };
            let hyperparameters = Hyperparameters { learning_rate, batch, optimizer, momentum, epochs, steps, options };
            PageState { route, device, seed, locale, theme, hyperparameters, cursor, path, place, settings: BTreeMap::new() }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(state in state()) {
            let (read, problems) = parse(&state.href());
            prop_assert_eq!(problems, vec![]);
            prop_assert_eq!(read, state);
        }

        #[test]
        fn any_text_is_read_and_settles(path in ".*", query in ".*") {
            let (state, _) = PageState::parse(&path, &query);
            let (again, problems) = parse(&state.href());
            prop_assert_eq!(problems, vec![]);
            prop_assert_eq!(again.href(), state.href());
        }

        #[test]
        fn any_value_of_a_known_key_is_used_or_reported(
            key in prop::sample::select(&["device", "seed", "lang", "theme", "lr", "batch", "optimizer", "momentum", "epochs", "steps"][..]),
            value in "[ -~]*",
        ) {
            let (state, problems) = PageState::parse("/train/x", &format!("{key}={}", encode(&value)));
            let is_default = state == PageState::new(Route::Train("x".into()));
            prop_assert_eq!(problems.is_empty(), !is_default || ["auto"].contains(&value.trim().to_lowercase().as_str()));
        }
    }
}
