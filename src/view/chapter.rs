//! Pages of the course: which there are, how an instrument is moved from one step to the next, and what a learner has
//! done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::url::{PageState, Route};

/// The exercises, from 1.
pub const EXERCISES: u8 = 16;

/// A page below `/learn` that is no chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnPage {
    /// An exercise alone.
    Exercise(u8),
    /// What the articles get wrong, and where their headings are taught.
    Errors,
    /// A widget alone, as its settings say: `/learn/widget?name=activations&function=tanh`.
    Widget,
}

impl LearnPage {
    /// The page of this name in the address.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "errors" => Some(Self::Errors),
            "widget" => Some(Self::Widget),
            _ => exercise_number(name).map(Self::Exercise),
        }
    }
}

/// The number of the exercise with this id, `x1` to `x16`.
pub fn exercise_number(id: &str) -> Option<u8> {
    let number: u8 = id.strip_prefix('x')?.parse().ok()?;
    let is_plain = id == format!("x{number}");
    (is_plain && (1..=EXERCISES).contains(&number)).then_some(number)
}

/// Whether an instrument that shows one address can be moved to another without being loaded anew: the microscope on
/// the same run, elsewhere in its batch.
pub fn moves_in_place(from: &PageState, to: &PageState) -> bool {
    let is_step = matches!(to.route, Route::Step(_));
    let placeless = |state: &PageState| PageState {
        cursor: None,
        locale: None,
        theme: super::url::Theme::Auto,
        ..state.clone()
    };
    is_step && placeless(from) == placeless(to)
}

/// Rules of a page, as they read in a shadow tree: what stands on the root of the page stands on the tree's host, and what
/// holds for screens alone holds on paper too.
pub fn rules_of_a_shadow_tree(css: &str) -> String {
    css.replace(
        ":root:not([data-theme=\"light\"])",
        ":host(:not([data-theme=\"light\"]))",
    )
    .replace(":root[data-theme=\"dark\"]", ":host([data-theme=\"dark\"])")
    .replace(
        ":root[data-theme=\"light\"]",
        ":host([data-theme=\"light\"])",
    )
    .replace(":root", ":host")
    .replace("@media screen", "@media all")
}

/// Whether an instrument that was just shown has come to rest, from looks at it at equal intervals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settling {
    looks: u32,
    equal: u32,
    length: Option<usize>,
}

impl Settling {
    /// Looks at which nothing changed before an instrument counts as settled.
    const EQUAL: u32 = 4;
    /// After so many looks it is taken as it is: one that trains changes for as long as it trains.
    const MOST: u32 = 40;

    /// A look: the length of what is shown, none while there is nothing. Whether it has settled.
    pub fn look(&mut self, length: Option<usize>) -> bool {
        self.looks += 1;
        let is_equal = length.is_some() && length == self.length;
        self.equal = if is_equal { self.equal + 1 } else { 0 };
        self.length = length;
        self.equal >= Self::EQUAL || self.looks >= Self::MOST
    }
}

/// The most bytes of kept progress that are read.
const MOST_BYTES: usize = 1 << 18;

/// What a learner has done in the chapters, as the browser keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    chapters: BTreeMap<u8, ChapterProgress>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ChapterProgress {
    /// Steps that were on the screen.
    seen: BTreeSet<String>,
    /// Options chosen last, by question: `step.number`.
    answers: BTreeMap<String, usize>,
}

impl Progress {
    /// Reads what was kept; nothing where it is unreadable or too long.
    pub fn read(text: &str) -> Self {
        let is_short = text.len() <= MOST_BYTES;
        let read = is_short.then(|| serde_json::from_str(text).ok()).flatten();
        read.unwrap_or_default()
    }

    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts can be written")
    }

    /// Notes that a step was on the screen; whether it is new.
    pub fn see(&mut self, chapter: u8, step: &str) -> bool {
        self.chapters
            .entry(chapter)
            .or_default()
            .seen
            .insert(step.to_string())
    }

    /// Notes the option that was chosen.
    pub fn answer(&mut self, chapter: u8, step: &str, question: usize, option: usize) {
        let answers = &mut self.chapters.entry(chapter).or_default().answers;
        answers.insert(format!("{step}.{question}"), option);
    }

    /// The option chosen last.
    pub fn answered(&self, chapter: u8, step: &str, question: usize) -> Option<usize> {
        let answers = &self.chapters.get(&chapter)?.answers;
        answers.get(&format!("{step}.{question}")).copied()
    }

    /// How many of these steps were on the screen.
    pub fn seen<'a>(&self, chapter: u8, steps: impl IntoIterator<Item = &'a str>) -> usize {
        let Some(progress) = self.chapters.get(&chapter) else {
            return 0;
        };
        steps
            .into_iter()
            .filter(|step| progress.seen.contains(*step))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_the_root_hold_for_the_host_of_a_shadow_tree() {
        let css = ":root { --a: 1; }\n@media screen { :root[data-theme=\"dark\"] { --a: 2; } }\n\
            :root:not([data-theme=\"light\"]) .panel { color: red; }";
        let wanted = ":host { --a: 1; }\n@media all { :host([data-theme=\"dark\"]) { --a: 2; } }\n\
            :host(:not([data-theme=\"light\"])) .panel { color: red; }";
        assert_eq!(rules_of_a_shadow_tree(css), wanted);
    }

    #[test]
    fn an_instrument_settles_when_it_stays_the_same_and_is_not_waited_for_for_ever() {
        let looks = |mut lengths: Box<dyn Iterator<Item = Option<usize>>>| {
            let mut settling = Settling::default();
            lengths.position(|length| settling.look(length))
        };
        let still = [None, None, Some(5)]
            .into_iter()
            .chain(std::iter::repeat(Some(9)));
        assert_eq!(looks(Box::new(still)), Some(7));
        assert_eq!(looks(Box::new((0..).map(Some))), Some(39));
        assert_eq!(looks(Box::new(std::iter::repeat(None))), Some(39));
    }

    #[test]
    fn pages_of_the_course_are_known_by_their_names() {
        assert_eq!(LearnPage::from_name("x16"), Some(LearnPage::Exercise(16)));
        assert_eq!(LearnPage::from_name("errors"), Some(LearnPage::Errors));
        for name in ["x0", "x17", "x01", "x", "13", "xx", "x+1"] {
            assert_eq!(LearnPage::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn only_the_microscope_on_the_same_run_moves_in_place() {
        let read = |address: &str| {
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            PageState::parse(path, query).0
        };
        let can = |from: &str, to: &str| moves_in_place(&read(from), &read(to));
        assert!(can(
            "/step/worked-2-3-1?cursor=3",
            "/step/worked-2-3-1?cursor=5&lang=zh"
        ));
        assert!(!can("/step/worked-2-3-1", "/step/worked-2-3-1?seed=2"));
        assert!(!can("/step/worked-2-3-1", "/step/lenet5-mnist"));
        let path = "/step/worked-2-3-1?path=fc1.weight.0.0~loss.L";
        assert!(read(path).path.is_some());
        assert!(!can("/step/worked-2-3-1", path));
        assert!(!can("/train/mlp-moons", "/train/mlp-moons?cursor=1"));
    }

    #[test]
    fn the_course_has_no_mistakes() {
        use crate::course::{Site, check_all};
        use crate::view::{course_page, fault_of_shown};

        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/course");
        let read = |file: &str| {
            std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string())
        };
        let site = Site {
            is_page: &course_page,
            fault_of: &fault_of_shown,
        };
        let report = check_all(&read, &["en", "zh"], site);
        assert_eq!(report.mistakes, []);
        assert_eq!(
            (
                report.concepts,
                report.chapters,
                report.exercises,
                report.errors
            ),
            (90, 12, usize::from(EXERCISES), 43)
        );
        assert!(
            report.questions >= 12 && report.headings >= 40,
            "{report:?}"
        );
    }

    #[test]
    fn progress_is_kept_and_read_with_limits() {
        let mut progress = Progress::default();
        assert!(progress.see(3, "neuron"));
        assert!(!progress.see(3, "neuron"));
        progress.answer(3, "check", 0, 2);
        let read = Progress::read(&progress.write());
        assert_eq!(read, progress);
        assert_eq!(read.answered(3, "check", 0), Some(2));
        assert_eq!(read.answered(3, "check", 1), None);
        assert_eq!(read.seen(3, ["neuron", "check"]), 1);
        assert_eq!(read.seen(4, ["neuron"]), 0);
        assert_eq!(Progress::read("{\"chapters\": 7}"), Progress::default());
        assert_eq!(Progress::read(&"x".repeat(1 << 19)), Progress::default());
    }
}
