//! The form of the compression instrument: what its fields hold, and the requests they describe.

use std::collections::BTreeMap;

use super::is_unknown;
use crate::lab::compress::{
    CompressError, DistilSettings, FineTune, Granularity, Origin, Recipe, Scope, Sized, Student,
};

/// The bits of an address that names none: 32-bit floats.
pub const FLOAT_BITS: u32 = 32;

/// Position of the slider of bits that stands for floats; the others stand for themselves.
pub const FLOAT_POSITION: u32 = 9;

/// Ends of the slider of the budget, in bytes.
pub const BUDGETS: (f64, f64) = (500.0, 300_000.0);

/// Positions of the slider of the budget, from 0.
pub const BUDGET_POSITIONS: u32 = 200;

/// What stands in the fields, as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    texts: BTreeMap<String, String>,
    /// The first choice of the address that there is not.
    unknown: Option<&'static str>,
}

/// A field that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldProblem {
    pub key: &'static str,
    /// `None` for what is no number.
    pub reason: Option<CompressError>,
}

/// Fields with the values of an address that does not name them.
const DEFAULTS: [(&str, &str); 14] = [
    ("train", "5"),
    ("sparsity", "0.8"),
    ("bits", "4"),
    ("scope", "global"),
    ("per", "tensor"),
    ("origin", "base"),
    ("finetune", "1"),
    ("gradual", "no"),
    ("rounded", "no"),
    ("student", "mlp"),
    ("lambda", "0.5"),
    ("temperature", "4"),
    ("lessons", "5"),
    ("budget", "20000"),
];

/// Names that each choice has.
const CHOICES: [(&str, &[&str]); 6] = [
    ("scope", &["global", "layer"]),
    ("per", &["tensor", "channel"]),
    ("origin", &["base", "student"]),
    ("gradual", &["yes", "no"]),
    ("rounded", &["yes", "no"]),
    ("student", &["mlp", "lenet"]),
];

impl Form {
    /// The form as the address has it.
    pub fn read(settings: &BTreeMap<String, String>) -> Self {
        let given = |(key, usual): (&str, &str)| {
            let value = settings.get(key).map_or(usual, String::as_str);
            (key.to_string(), value.to_string())
        };
        let mut choices = CHOICES.into_iter();
        let unknown = choices.find(|(key, offered)| is_unknown(settings, key, offered));
        Self {
            texts: DEFAULTS.map(given).into(),
            unknown: unknown.map(|(key, _)| key),
        }
    }

    /// What stands in a field.
    pub fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, key: &'static str) -> Result<T, FieldProblem> {
        let problem = |_| FieldProblem { key, reason: None };
        self.text(key).parse().map_err(problem)
    }

    /// Whether a box is ticked.
    pub fn is_on(&self, key: &str) -> bool {
        self.text(key) == "yes"
    }

    /// Epochs of the first training.
    pub fn train_epochs(&self) -> Result<u32, FieldProblem> {
        self.number("train")
    }

    /// `C_max`, bytes; no file has fewer than 1.
    ///
    /// # Errors
    /// When it is no whole number from 1.
    pub fn budget(&self) -> Result<u64, FieldProblem> {
        let bytes: u64 = self.number("budget")?;
        let key = "budget";
        (bytes > 0)
            .then_some(bytes)
            .ok_or(FieldProblem { key, reason: None })
    }

    /// What is wrong with each of the two sliders, sparsity and bits, whatever the other says.
    pub fn slider_problems(&self) -> Vec<FieldProblem> {
        let alone = |[key, other]: [&'static str; 2]| {
            let usual = DEFAULTS.iter().find(|(known, _)| *known == other);
            let usual = usual.map_or("", |(_, usual)| *usual);
            let mut form = Self {
                unknown: None,
                ..self.clone()
            };
            form.texts.insert(other.into(), usual.into());
            let problem = form.recipe(false, 1).err();
            problem.filter(|problem| problem.key == key)
        };
        let sliders = [["sparsity", "bits"], ["bits", "sparsity"]];
        sliders.into_iter().filter_map(alone).collect()
    }

    fn bits(&self) -> Result<Option<u8>, FieldProblem> {
        let bits: u32 = self.number("bits")?;
        Ok((bits != FLOAT_BITS).then(|| u8::try_from(bits).unwrap_or(u8::MAX)))
    }

    /// That the address names nothing that there is not.
    fn check_choices(&self) -> Result<(), FieldProblem> {
        let problem = self.unknown.map(|key| FieldProblem { key, reason: None });
        problem.map_or(Ok(()), Err)
    }

    /// What is asked for, with fine-tuning or without.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn recipe(&self, is_tuned: bool, seed: u64) -> Result<Recipe, FieldProblem> {
        self.check_choices()?;
        let fine_tune = FineTune {
            epochs: match is_tuned {
                true => self.number("finetune")?,
                false => 1,
            },
            gradual: self.is_on("gradual"),
            through_quantized: self.is_on("rounded"),
            learning_rate: None,
            seed,
        };
        let recipe = Recipe {
            origin: match self.text("origin") {
                "student" => Origin::Student,
                _ => Origin::Base,
            },
            sparsity: self.number("sparsity")?,
            scope: Scope::from_name(self.text("scope")).unwrap_or_default(),
            bits: self.bits()?,
            granularity: Granularity::from_name(self.text("per")).unwrap_or_default(),
            fine_tune: is_tuned.then_some(fine_tune),
        };
        recipe.check().map_err(|reason| {
            let key = match reason {
                CompressError::OneBit | CompressError::BadBits { .. } => "bits",
                CompressError::BadSparsity { .. } => "sparsity",
                _ => "finetune",
            };
            let reason = Some(reason);
            FieldProblem { key, reason }
        })?;
        Ok(recipe)
    }

    /// How the student is to be taught.
    ///
    /// # Errors
    /// The first field that is no number; what is out of range the engine refuses.
    pub fn lesson(&self, seed: u64) -> Result<DistilSettings, FieldProblem> {
        self.check_choices()?;
        Ok(DistilSettings {
            student: Student::from_name(self.text("student")).unwrap_or_default(),
            lambda: self.number("lambda")?,
            temperature: self.number("temperature")?,
            epochs: self.number("lessons")?,
            learning_rate: None,
            seed,
        })
    }

    /// Position of the slider of bits.
    pub fn bits_position(&self) -> u32 {
        match self.number("bits") {
            Ok(FLOAT_BITS) => FLOAT_POSITION,
            Ok(bits) => bits,
            Err(_) => 0,
        }
    }

    /// Position of the slider of the budget.
    pub fn budget_position(&self) -> u32 {
        let bytes = self.budget().map_or(BUDGETS.0, |bytes| bytes as f64);
        let (low, high) = BUDGETS;
        let share = (bytes.clamp(low, high) / low).ln() / (high / low).ln();
        (share * f64::from(BUDGET_POSITIONS)).round() as u32
    }
}

/// Bits at a position of their slider.
pub fn bits_at(position: u32) -> u32 {
    match position {
        FLOAT_POSITION => FLOAT_BITS,
        bits => bits,
    }
}

/// Bytes at a position of the budget's slider, with three digits.
pub fn budget_at(position: u32) -> u64 {
    let (low, high) = BUDGETS;
    let share = f64::from(position) / f64::from(BUDGET_POSITIONS);
    let bytes = low * (high / low).powf(share);
    let unit = 10f64.powf(bytes.log10().floor() - 2.0);
    ((bytes / unit).round() * unit).round() as u64
}

/// Which of the networks of exercise X15 has the lowest loss, among all or among those that fit; its place.
pub fn lowest_loss(sizes: &[Sized], most_bytes: Option<u64>) -> Option<usize> {
    let fits = |sized: &Sized| most_bytes.is_none_or(|most| sized.bytes <= most);
    let fitting = (0..sizes.len()).filter(|&at| fits(&sizes[at]));
    fitting.min_by(|&one, &other| sizes[one].loss.total_cmp(&sizes[other].loss))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(given: &[(&str, &str)]) -> Form {
        let settings = given.iter();
        let settings = settings.map(|(key, value)| (key.to_string(), value.to_string()));
        Form::read(&settings.collect())
    }

    #[test]
    fn an_address_without_settings_asks_for_something_that_can_be_done() {
        let usual = form(&[]);
        let recipe = usual.recipe(false, 3).unwrap();
        assert_eq!((recipe.sparsity, recipe.bits), (0.8, Some(4)));
        assert_eq!(recipe.fine_tune, None);
        assert_eq!(usual.recipe(true, 3).unwrap().fine_tune.unwrap().seed, 3);
        assert_eq!(usual.lesson(1).unwrap().lambda, 0.5);
        assert_eq!(usual.budget(), Ok(20_000));
        assert_eq!(usual.train_epochs(), Ok(5));
    }

    #[test]
    fn settings_come_from_the_address() {
        let given = form(&[
            ("sparsity", "0.5"),
            ("bits", "32"),
            ("scope", "layer"),
            ("per", "channel"),
            ("origin", "student"),
            ("gradual", "yes"),
            ("finetune", "2"),
        ]);
        let recipe = given.recipe(true, 1).unwrap();
        assert_eq!((recipe.bits, recipe.scope), (None, Scope::Layer));
        assert_eq!(recipe.granularity, Granularity::Channel);
        assert_eq!(recipe.origin, Origin::Student);
        let fine_tune = recipe.fine_tune.unwrap();
        assert_eq!((fine_tune.epochs, fine_tune.gradual), (2, true));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_field() {
        let problem = |given: &[(&str, &str)]| form(given).recipe(true, 1).unwrap_err();
        let one_bit = problem(&[("bits", "1")]);
        assert_eq!(
            (one_bit.key, one_bit.reason),
            ("bits", Some(CompressError::OneBit))
        );
        let many = problem(&[("bits", "300")]);
        assert!(matches!(many.reason, Some(CompressError::BadBits { .. })));
        let word = problem(&[("sparsity", "much")]);
        assert_eq!((word.key, word.reason), ("sparsity", None));
        let all = problem(&[("sparsity", "1")]);
        assert_eq!(all.key, "sparsity");
        let never = problem(&[("finetune", "0")]);
        assert_eq!(never.key, "finetune");
        let keys = |given: &[(&str, &str)]| -> Vec<&str> {
            let problems = form(given).slider_problems();
            problems.iter().map(|problem| problem.key).collect()
        };
        assert_eq!(
            keys(&[("bits", "1"), ("sparsity", "2")]),
            ["sparsity", "bits"]
        );
        assert_eq!(keys(&[("bits", "1")]), ["bits"]);
        assert!(keys(&[]).is_empty());
        for typed in ["-3", "0", "1.5", ""] {
            let refused = form(&[("budget", typed)]).budget();
            assert_eq!(refused.unwrap_err().key, "budget", "{typed}");
        }
        for key in ["scope", "per", "origin", "gradual", "rounded", "student"] {
            let unknown = form(&[(key, "foo")]);
            let found = FieldProblem { key, reason: None };
            assert_eq!(unknown.recipe(false, 1), Err(found.clone()));
            assert_eq!(unknown.lesson(1), Err(found));
        }
        for (key, names) in CHOICES {
            for name in names {
                assert!(
                    form(&[(key, name)]).recipe(false, 1).is_ok(),
                    "{key} {name}"
                );
            }
        }
        let rounded = problem(&[("rounded", "yes"), ("bits", "32")]);
        assert_eq!(rounded.reason, Some(CompressError::NothingToQuantize));
    }

    #[test]
    fn sliders_and_values_agree() {
        for position in 1..=FLOAT_POSITION {
            let bits = bits_at(position).to_string();
            assert_eq!(form(&[("bits", &bits)]).bits_position(), position);
        }
        for position in 0..=BUDGET_POSITIONS {
            let bytes = budget_at(position).to_string();
            let back = form(&[("budget", &bytes)]).budget_position();
            assert!(back.abs_diff(position) <= 1, "{bytes}: {position} {back}");
        }
        assert_eq!((budget_at(0), budget_at(BUDGET_POSITIONS)), (500, 300_000));
    }

    #[test]
    fn a_budget_changes_which_network_wins() {
        let sized = |width: u32, loss: f32| Sized {
            width,
            bytes: u64::from(width) * 1_000,
            loss,
            is_last: false,
        };
        let sizes = [sized(2, 1.0), sized(8, 0.5), sized(64, 0.1)];
        assert_eq!(lowest_loss(&sizes, None), Some(2));
        assert_eq!(lowest_loss(&sizes, Some(10_000)), Some(1));
        assert_eq!(lowest_loss(&sizes, Some(1_000)), None);
        assert_eq!(lowest_loss(&[], None), None);
    }
}
