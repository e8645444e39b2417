//! What a network that learned a text writes: the continuation on the page, earlier ones, and what is counted of them.

use std::sync::Arc;

pub use crate::data::text::{RUN_LENGTH, distinct_share};
use crate::session::{Event, GenerateRequest, GeneratedStep, RunId, TextAttention, TextFacts};

/// Earlier texts that are kept.
const EARLIER: usize = 6;

/// Below this share of different runs a text goes round in a loop.
const LOOP_SHARE: f64 = 0.3;

/// A prompt's continuation, whole or as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Training steps done before it.
    pub step: u64,
    pub request: GenerateRequest,
    pub steps: Vec<GeneratedStep>,
    pub is_done: bool,
}

impl Written {
    /// The characters that were added.
    pub fn text(&self) -> String {
        self.steps.iter().map(|step| step.character).collect()
    }
}

/// The learner's own text, as the engine has read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnText {
    pub name: String,
    pub characters: u32,
    /// Different characters.
    pub vocabulary: u32,
}

/// Everything about the text of a run.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// `None` where the run does not learn from a text.
    pub facts: Option<Arc<TextFacts>>,
    pub written: Option<Arc<Written>>,
    /// Whole texts that were replaced since the weights were new, latest first.
    pub earlier: Vec<Arc<Written>>,
    /// What every attention makes of the prompt.
    pub attention: Option<Arc<TextAttention>>,
}

impl Writing {
    /// Takes in what the engine says of `current`, the run that stands.
    pub fn apply(&mut self, current: Option<RunId>, event: Event) {
        match event {
            Event::Text { run, facts } if current == Some(run) => {
                *self = Self {
                    facts: Some(Arc::new(facts)),
                    ..Self::default()
                };
            }
            Event::Generated {
                run,
                step,
                request,
                first,
                steps,
                is_done,
            } if current == Some(run) => {
                if first == 0 {
                    self.begin(step, request);
                }
                self.go_on(first, steps, is_done);
            }
            Event::Attention { run, attention } if current == Some(run) => {
                self.attention = Some(Arc::new(attention));
            }
            _ => {}
        }
    }

    fn begin(&mut self, step: u64, request: GenerateRequest) {
        if let Some(last) = self.written.take().filter(|last| last.is_done) {
            // Of one state of the weights the last text stays.
            self.earlier.retain(|earlier| earlier.step != last.step);
            if last.step != step {
                self.earlier.insert(0, last);
                self.earlier.truncate(EARLIER);
            }
        }
        self.written = Some(Arc::new(Written {
            step,
            request,
            steps: Vec::new(),
            is_done: false,
        }));
    }

    fn go_on(&mut self, first: u32, steps: Vec<GeneratedStep>, is_done: bool) {
        let Some(written) = &mut self.written else {
            return;
        };
        let written = Arc::make_mut(written);
        // Steps that do not follow belong to a text that was given up.
        if written.steps.len() == first as usize {
            written.steps.extend(steps);
            written.is_done = is_done;
        }
    }

    /// The weights are others than they were: what they wrote is gone.
    pub fn forget(&mut self) {
        self.written = None;
        self.earlier.clear();
        self.attention = None;
    }

    /// The text whose attention is to be asked for after `step` steps; `None` where what is known of it holds.
    pub fn attention_due(&self, step: u64) -> Option<String> {
        let facts = self.facts.as_ref()?;
        // What was written has a prompt that can be read.
        let written = self.written.as_ref();
        let text = written.map_or(&facts.prompt, |written| &written.request.prompt);
        let known = self.attention.as_ref();
        let holds = known.is_some_and(|known| known.step == step && known.text == *text);
        (!holds).then(|| text.clone())
    }
}

/// Whether a text with this share of different runs goes round in a loop.
pub fn is_loop(share: f64) -> bool {
    share < LOOP_SHARE
}

/// A character as it is shown alone: blanks and line ends have signs.
pub fn shown(character: char) -> String {
    match character {
        ' ' => "␣".into(),
        '\n' => "⏎".into(),
        '\t' => "⇥".into(),
        '\u{3000}' => "□".into(),
        other => other.to_string(),
    }
}

/// Most characters that stand along a matrix.
const MOST_ON_AXIS: usize = 40;

/// The characters along a side of a matrix as HTML, the one in `chosen` marked; none where they would be too small to
/// read.
pub fn axis_html(characters: &[char], chosen: u32) -> String {
    let mut html = String::new();
    if characters.len() > MOST_ON_AXIS {
        return html;
    }
    for (place, &character) in (0..).zip(characters) {
        let mark = if place == chosen {
            " class=\"is-chosen\""
        } else {
            ""
        };
        let text = escaped(character).unwrap_or_else(|| shown(character));
        html += &format!("<span{mark}>{text}</span>");
    }
    html
}

/// A character that HTML would take for its own.
fn escaped(character: char) -> Option<String> {
    let text = match character {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        _ => return None,
    };
    Some(text.into())
}

/// The added characters as HTML: each an element with its place and, for the ground behind it, a class by the
/// probability that the network gave it: `sure-0` to `sure-4` for each fifth. Characters are escaped; the place in
/// `chosen` is marked.
pub fn characters_html(written: &Written, chosen: Option<usize>) -> String {
    let mut html = String::new();
    for (place, step) in written.steps.iter().enumerate() {
        let own = step
            .candidates
            .iter()
            .find(|c| c.character == step.character);
        // One that is not among the most probable is at most as probable as the last of them.
        let probability = own.map_or(0.0, |candidate| candidate.probability);
        let fifth = ((probability * 5.0) as u32).min(4);
        let mark = if chosen == Some(place) {
            " is-chosen"
        } else {
            ""
        };
        let text = match step.character {
            '\n' => "<i>⏎</i>\n".into(),
            other => escaped(other).unwrap_or_else(|| other.into()),
        };
        html += &format!("<span class=\"sure-{fifth}{mark}\" data-place=\"{place}\">{text}</span>");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Candidate;

    fn request(temperature: f32) -> GenerateRequest {
        GenerateRequest {
            prompt: "ab".into(),
            length: 4,
            temperature,
            top_k: None,
            seed: 1,
        }
    }

    fn steps(text: &str) -> Vec<GeneratedStep> {
        let candidates = vec![Candidate {
            character: 'a',
            probability: 0.75,
            drawn: 1.0,
        }];
        let step = |character| GeneratedStep {
            character,
            candidates: candidates.clone(),
        };
        text.chars().map(step).collect()
    }

    fn generated(run: RunId, step: u64, first: u32, text: &str, is_done: bool) -> Event {
        Event::Generated {
            run,
            step,
            request: request(0.5),
            first,
            steps: steps(text),
            is_done,
        }
    }

    #[test]
    fn a_text_grows_and_stays_when_the_next_one_begins() {
        let mut writing = Writing::default();
        writing.apply(Some(1), generated(1, 50, 0, "ab", false));
        writing.apply(Some(1), generated(2, 50, 2, "xx", true));
        writing.apply(Some(1), generated(1, 50, 2, "cd", true));
        let written = writing.written.clone().unwrap();
        assert_eq!((written.text().as_str(), written.is_done), ("abcd", true));

        writing.apply(Some(1), generated(1, 100, 0, "e", false));
        assert_eq!(writing.earlier, [written]);
        // Given up for another of the same weights.
        writing.apply(Some(1), generated(1, 100, 0, "f", true));
        writing.apply(Some(1), generated(1, 100, 0, "g", true));
        assert_eq!(writing.earlier.len(), 1);
        assert_eq!(writing.written.as_ref().unwrap().text(), "g");
        // Steps of a text that is no longer written.
        writing.apply(Some(1), generated(1, 100, 7, "z", true));
        assert_eq!(writing.written.as_ref().unwrap().text(), "g");

        for step in 2..20 {
            writing.apply(Some(1), generated(1, step * 100, 0, "h", true));
        }
        assert_eq!(writing.earlier.len(), EARLIER);
        assert_eq!(writing.earlier[0].step, 1_800);
        writing.forget();
        assert!(writing.written.is_none() && writing.earlier.is_empty());
    }

    #[test]
    fn attention_is_asked_for_where_what_is_known_of_it_no_longer_holds() {
        let mut writing = Writing::default();
        assert_eq!(writing.attention_due(0), None, "nothing is read");
        let facts = TextFacts {
            name: "own".into(),
            characters: 9,
            train_characters: 8,
            vocabulary: 3,
            window: 4,
            prompt: "begin".into(),
        };
        writing.apply(Some(1), Event::Text { run: 1, facts });
        assert_eq!(writing.attention_due(0).as_deref(), Some("begin"));
        let answer = |run, step, text: &str| Event::Attention {
            run,
            attention: TextAttention {
                step,
                text: text.into(),
                characters: Vec::new(),
                blocks: Vec::new(),
            },
        };
        writing.apply(Some(1), answer(2, 0, "begin"));
        assert!(writing.attention.is_none(), "of another run");
        writing.apply(Some(1), answer(1, 0, "begin"));
        assert_eq!(writing.attention_due(0), None);
        assert!(writing.attention_due(3).is_some(), "other weights");
        // The prompt that was written on comes first.
        writing.apply(Some(1), generated(1, 0, 0, "cd", true));
        assert_eq!(writing.attention_due(0).as_deref(), Some("ab"));
        writing.apply(Some(1), answer(1, 0, "ab"));
        assert_eq!(writing.attention_due(0), None);
        writing.forget();
        assert!(writing.attention.is_none());
    }

    #[test]
    fn repetition_is_counted() {
        assert_eq!(distinct_share("short"), None);
        assert_eq!(distinct_share("abcdefghijklmnop"), Some(1.0));
        let looped = distinct_share(&"the cat ".repeat(20)).unwrap();
        assert!((looped - 8.0 / 153.0).abs() < 1e-12);
        assert!(is_loop(looped) && !is_loop(1.0));
    }

    #[test]
    fn characters_are_escaped_and_carry_their_probability() {
        let written = Written {
            step: 1,
            request: request(1.0),
            steps: steps("a<&\n"),
            is_done: true,
        };
        assert_eq!(
            characters_html(&written, Some(1)),
            "<span class=\"sure-3\" data-place=\"0\">a</span>\
             <span class=\"sure-0 is-chosen\" data-place=\"1\">&lt;</span>\
             <span class=\"sure-0\" data-place=\"2\">&amp;</span>\
             <span class=\"sure-0\" data-place=\"3\"><i>⏎</i>\n</span>"
        );
        assert_eq!(shown(' '), "␣");
        assert_eq!(
            axis_html(&['a', '<', '\n'], 1),
            "<span>a</span><span class=\"is-chosen\">&lt;</span><span>⏎</span>"
        );
        assert_eq!(axis_html(&['a'; 41], 0), "");
    }
}
