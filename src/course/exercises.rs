//! The exercises: what both languages share, and the texts of one.
//!
//! ```text
//! ## x1: Two layers without an activation
//! question: How many layers is that?
//! answer: One.
//!
//! Where it stands, in a sentence or two.
//!
//! ### reason
//! Why.
//! ```

use serde::{Deserialize, Serialize};

use super::{CHAPTERS, EXERCISES_FILE, Mistake, to_html};

/// The most bytes of a file.
const MOST_BYTES: usize = 1 << 20;

/// The most characters of a line of code: more would not be read without scrolling.
const MOST_COLUMNS: usize = 60;

/// The most characters of a typed answer that are looked at.
pub const MOST_TYPED: usize = 200;

/// All exercises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercises {
    pub exercises: Vec<Exercise>,
}

/// An exercise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// `x1`
    pub id: String,
    /// The mistake of the articles that it is about: `r19`.
    pub mistake: String,
    /// Number of the chapter that teaches it.
    pub chapter: u8,
    /// Code with the mistake.
    pub snippet: String,
    /// The same code without it.
    pub right: String,
    /// Answers that count as right, in all languages.
    pub accept: Vec<String>,
    /// The page to look further.
    pub page: String,
}

impl Exercises {
    /// Reads the structure.
    ///
    /// # Errors
    /// The first mistake with its line.
    pub fn parse(json: &str) -> Result<Self, Mistake> {
        let mistake = |line, message: String| Err(Mistake::new(EXERCISES_FILE, line, message));
        if json.len() > MOST_BYTES {
            let message = format!("{} bytes; expected at most {MOST_BYTES}", json.len());
            return mistake(1, message);
        }
        let exercises: Self = match serde_json::from_str(json) {
            Ok(exercises) => exercises,
            Err(error) => {
                let error: serde_json::Error = error;
                return mistake(error.line(), error.to_string());
            }
        };
        for (place, exercise) in exercises.exercises.iter().enumerate() {
            let line = line_of(json, &exercise.id);
            let expected = format!("x{}", place + 1);
            if exercise.id != expected {
                let message = format!("{} stands where {expected} is expected", exercise.id);
                return mistake(line, message);
            }
            if !(1..=CHAPTERS).contains(&exercise.chapter) {
                let message = format!(
                    "{expected} names chapter {}; expected 1 to {CHAPTERS}",
                    exercise.chapter
                );
                return mistake(line, message);
            }
            for code in [&exercise.snippet, &exercise.right] {
                let longest = code.lines().map(|line| line.chars().count()).max();
                match longest {
                    None | Some(0) => return mistake(line, format!("{expected} has no code")),
                    Some(columns) if columns > MOST_COLUMNS => {
                        let message = format!(
                            "{expected} has a line of {columns} characters; expected at most {MOST_COLUMNS}"
                        );
                        return mistake(line, message);
                    }
                    Some(_) => {}
                }
            }
            let is_empty = |answer: &String| plain(answer).is_empty();
            if exercise.accept.is_empty() || exercise.accept.iter().any(is_empty) {
                let message = format!("{expected} accepts no answer, or an empty one");
                return mistake(line, message);
            }
        }
        Ok(exercises)
    }

    pub fn get(&self, id: &str) -> Option<&Exercise> {
        self.exercises.iter().find(|exercise| exercise.id == id)
    }
}

/// The line on which an exercise begins.
fn line_of(json: &str, id: &str) -> usize {
    let wanted = format!("\"{id}\"");
    let mut lines = json.lines();
    let is_head = |line: &str| line.contains("\"id\"") && line.contains(&wanted);
    lines.position(is_head).map_or(1, |line| line + 1)
}

impl Exercise {
    /// Whether what a learner typed is right: one of the accepted answers, whatever its case, spaces and full-width
    /// forms; of a number with decimals the last one printed may differ by 1.
    pub fn accepts(&self, typed: &str) -> bool {
        let typed: String = typed.chars().take(MOST_TYPED).collect();
        let typed = plain(&typed);
        let is_it = |accepted: &String| {
            let accepted = plain(accepted);
            typed == accepted || is_near(&typed, &accepted)
        };
        !typed.is_empty() && self.accept.iter().any(is_it)
    }
}

/// Small letters without spaces and without a full stop at the end, in the forms of a keyboard.
fn plain(text: &str) -> String {
    let characters = text.chars().filter_map(|character| {
        let keyed = match character {
            // Full-width forms stand 0xfee0 behind those of ASCII.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0)?,
            '\u{2212}' | '\u{2013}' => '-',
            '\u{2032}' | '\u{2019}' | '\u{2018}' => '\'',
            '\u{00d7}' | '\u{00b7}' | '\u{22c5}' => '*',
            '\u{3001}' => ',',
            '\u{3002}' => '.',
            other => other,
        };
        (!keyed.is_whitespace()).then_some(keyed)
    });
    let plain: String = characters.flat_map(char::to_lowercase).collect();
    plain.trim_end_matches(['.', '!', '?']).to_string()
}

/// Whether both are numbers, and as near to each other as the printed decimals of `accepted` tell.
fn is_near(typed: &str, accepted: &str) -> bool {
    let (Ok(value), Ok(wanted)) = (typed.parse::<f64>(), accepted.parse::<f64>()) else {
        return false;
    };
    let (mantissa, exponent) = accepted.split_once('e').unwrap_or((accepted, "0"));
    let decimals = mantissa
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let last_digit = match decimals {
        // A whole number is counted, not rounded.
        0 => 0.0,
        decimals => libm::exp10(f64::from(exponent) - decimals as f64),
    };
    // The step itself is not exact in binary.
    (value - wanted).abs() <= last_digit * (1.0 + 1e-6)
}

/// An exercise's texts in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExerciseText {
    pub id: String,
    pub title: String,
    pub question: String,
    pub answer: String,
    /// Markdown: what stands above the code.
    pub introduction: String,
    /// Markdown: why.
    pub reason: String,
    /// The line on which it begins, from 1; those of its two parts.
    pub line: usize,
    pub introduction_line: usize,
    pub reason_line: usize,
}

/// Reads the texts of the exercises.
///
/// # Errors
/// Every mistake of the file with its line.
pub fn read_exercises(file: &str, text: &str) -> Result<Vec<ExerciseText>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut tell = |line: usize, message: String| mistakes.push(Mistake::new(file, line, message));
    if text.len() > MOST_BYTES {
        let message = format!("{} bytes; expected at most {MOST_BYTES}", text.len());
        tell(1, message);
        return Err(mistakes);
    }
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|&number| lines[number].starts_with("## "))
        .collect();
    let first = starts.first().copied().unwrap_or(lines.len());
    if let Some(stray) = (0..first).find(|&number| !lines[number].trim().is_empty()) {
        let message =
            "text before the first exercise; expected a line such as \"## x1: Two layers\"";
        tell(stray + 1, message.into());
    }
    let mut exercises: Vec<ExerciseText> = Vec::new();
    for (number, &start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(lines.len());
        match read_one(&lines, start, end, &mut tell) {
            Some(exercise) if exercises.iter().any(|other| other.id == exercise.id) => {
                tell(start + 1, format!("{} stands here twice", exercise.id));
            }
            Some(exercise) => exercises.push(exercise),
            None => {}
        }
    }
    match mistakes.is_empty() {
        true => Ok(exercises),
        false => Err(mistakes),
    }
}

/// The exercise on the lines from `start` to `end`; none where something is missing, which is told.
fn read_one(
    lines: &[&str],
    start: usize,
    end: usize,
    tell: &mut dyn FnMut(usize, String),
) -> Option<ExerciseText> {
    let head = lines[start][3..].split_once(':');
    let Some((id, title)) = head.filter(|(_, title)| !title.trim().is_empty()) else {
        let message = format!("expected \"## id: title\", found \"{}\"", lines[start]);
        tell(start + 1, message);
        return None;
    };
    let mut values = ["question", "answer"]
        .into_iter()
        .enumerate()
        .map(|(offset, key)| {
            let at = start + 1 + offset;
            let line = lines[..end].get(at).copied().unwrap_or_default();
            let value = line
                .strip_prefix(key)
                .and_then(|rest| rest.strip_prefix(':'));
            let value = value.map(str::trim).filter(|value| !value.is_empty());
            if value.is_none() {
                tell(at + 1, format!("expected \"{key}: ...\", found \"{line}\""));
            }
            value.map(str::to_string)
        });
    let (question, answer) = (values.next()?, values.next()?);
    let body = (start + 3).min(end);
    let Some(reason) = (body..end).find(|&at| lines[at].trim() == "### reason") else {
        tell(start + 1, format!("{id} has no line \"### reason\""));
        return None;
    };
    let part = |from: usize, to: usize| lines[from..to].join("\n").trim_matches('\n').to_string();
    let (introduction, why) = (part(body, reason), part(reason + 1, end));
    for (text, name) in [(&introduction, "introduction"), (&why, "reason")] {
        if text.trim().is_empty() {
            tell(start + 1, format!("{id} has no {name}"));
        }
    }
    // The first line of a part that is not empty.
    let first = |from: usize| {
        (from..end)
            .find(|&at| !lines[at].trim().is_empty())
            .unwrap_or(from)
            + 1
    };
    Some(ExerciseText {
        id: id.trim().to_string(),
        title: title.trim().to_string(),
        question: question?,
        answer: answer?,
        introduction,
        reason: why,
        line: start + 1,
        introduction_line: first(body),
        reason_line: first(reason + 1),
    })
}

/// Checks the structure: the mistakes that it names, by `is_mistake`, and the pages that it leads to.
pub(super) fn check_exercises(
    json: &str,
    exercises: &Exercises,
    is_mistake: &dyn Fn(&str) -> bool,
    href: &dyn Fn(&str) -> Option<String>,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for exercise in &exercises.exercises {
        let mut tell = |message: String| {
            let line = line_of(json, &exercise.id);
            mistakes.push(Mistake::new(EXERCISES_FILE, line, message));
        };
        if href(&exercise.page).is_none() {
            tell(format!(
                "{} leads to {}, which is no page",
                exercise.id, exercise.page
            ));
        }
        if !is_mistake(&exercise.mistake) {
            tell(format!(
                "{} names no mistake: {}",
                exercise.id, exercise.mistake
            ));
        }
    }
    mistakes
}

/// Checks the texts of a language: an exercise for each of the structure, links and formulas.
pub(super) fn check_texts(
    file: &str,
    texts: &[ExerciseText],
    exercises: &Exercises,
    href: &dyn Fn(&str) -> Option<String>,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for exercise in &exercises.exercises {
        if texts.iter().all(|text| text.id != exercise.id) {
            mistakes.push(Mistake::new(
                file,
                1,
                format!("no text for {}", exercise.id),
            ));
        }
    }
    for text in texts {
        match exercises.get(&text.id) {
            None => {
                let message = format!("there is no exercise {}", text.id);
                mistakes.push(Mistake::new(file, text.line, message));
            }
            // What is told as the answer need not be one that is accepted, but it must not be empty to the judge.
            Some(_) if plain(&text.answer).is_empty() => {
                let message = format!("{} has an empty answer", text.id);
                mistakes.push(Mistake::new(file, text.line + 2, message));
            }
            Some(_) => {}
        }
        let parts = [
            (&text.introduction, text.introduction_line),
            (&text.reason, text.reason_line),
        ];
        for (markdown, first) in parts {
            if let Err(found) = to_html(markdown, href) {
                for (at, message) in found {
                    let line = first + markdown[..at].matches('\n').count();
                    mistakes.push(Mistake::new(file, line, format!("{}: {message}", text.id)));
                }
            }
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"exercises": [
  {"id": "x1", "mistake": "r19", "chapter": 3, "snippet": "y = x", "right": "y = -x",
   "accept": ["9.79", "-0.006604", "f′", "One layer", "1", "什么也没学到", "δᵀ@A", "×N"], "page": "/learn/3"}
]}"#;

    const TEXT: &str = "## x1: A title
question: What?
answer: That.

Where $x$ stands.

### reason
Because.
";

    fn exercise() -> Exercise {
        Exercises::parse(JSON).unwrap().exercises.remove(0)
    }

    #[test]
    fn answers_are_judged_whatever_their_form() {
        let exercise = exercise();
        for right in [
            "9.79",
            "9.8",
            "９．７８",
            " -0.006605 ",
            "−0.006604",
            "F'",
            "f’",
            "ONE  layer.",
            "1",
            "1.0",
            "什么也没学到。",
            "δᵀ @ A",
            "* n",
        ] {
            // 9.8 is within the last digit of 9.79.
            assert!(exercise.accepts(right), "{right}");
        }
        for wrong in [
            "", " ", "9.81", "9.7", "0.006604", "-0.0066", "2", "0", "layer", "nothing", "f",
            "NaN", "inf",
        ] {
            assert!(!exercise.accepts(wrong), "{wrong}");
        }
        assert!(!exercise.accepts(&"1".repeat(10_000)));
    }

    #[test]
    fn texts_are_read_and_every_mistake_names_its_line() {
        let texts = read_exercises("t.md", TEXT).unwrap();
        let text = &texts[0];
        assert_eq!((text.id.as_str(), text.title.as_str()), ("x1", "A title"));
        assert_eq!(
            (text.question.as_str(), text.answer.as_str()),
            ("What?", "That.")
        );
        assert_eq!(
            (text.introduction.as_str(), text.reason.as_str()),
            ("Where $x$ stands.", "Because.")
        );
        assert_eq!(
            (text.line, text.introduction_line, text.reason_line),
            (1, 5, 8)
        );
        for (wrong, right, line, said) in [
            ("## x1 A title", "## x1: A title", 1, "## id: title"),
            ("asked: What?", "question: What?", 2, "question: ..."),
            ("answer:", "answer: That.", 3, "answer: ..."),
            ("### why", "### reason", 1, "### reason"),
        ] {
            let mistakes = read_exercises("t.md", &TEXT.replace(right, wrong)).unwrap_err();
            assert_eq!(mistakes[0].line, line, "{mistakes:?}");
            assert!(mistakes[0].message.contains(said), "{mistakes:?}");
        }
        let twice = format!("{TEXT}\n{TEXT}");
        assert!(
            read_exercises("t.md", &twice).unwrap_err()[0]
                .message
                .contains("twice")
        );
        assert!(
            read_exercises("t.md", "stray").unwrap_err()[0]
                .message
                .contains("before the first")
        );
    }

    #[test]
    fn structures_and_links_with_mistakes_are_told_with_their_line() {
        for (wrong, right, said) in [
            ("\"x2\"", "\"x1\"", "x2 stands where x1"),
            ("\"chapter\": 13", "\"chapter\": 3", "chapter 13"),
            ("\"snippet\": \"\"", "\"snippet\": \"y = x\"", "no code"),
            ("\"accept\": [\" \", ", "\"accept\": [", "empty"),
        ] {
            let mistake = Exercises::parse(&JSON.replace(right, wrong)).unwrap_err();
            assert!(
                mistake.message.contains(said) && mistake.line == 2,
                "{mistake}"
            );
        }
        let exercises = Exercises::parse(JSON).unwrap();
        let texts = read_exercises("t.md", TEXT).unwrap();
        let nowhere = |_: &str| None;
        let anywhere = |to: &str| Some(to.to_string());
        assert_eq!(check_texts("t.md", &texts, &exercises, &anywhere), []);
        assert_eq!(
            check_exercises(JSON, &exercises, &|id| id == "r19", &anywhere),
            []
        );
        let found = check_exercises(JSON, &exercises, &|_| false, &nowhere);
        assert_eq!((found.len(), found[0].line), (2, 2));
        let other = TEXT.replace("x1", "x7").replace("$x$", "[x](/nowhere)");
        let other = read_exercises("t.md", &other).unwrap();
        let found = check_texts("t.md", &other, &exercises, &nowhere);
        let lines: Vec<usize> = found.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [1, 1, 5], "{found:?}");
    }
}
