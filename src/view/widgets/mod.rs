//! Small instruments that stand beside the steps of a chapter: what each shows, without a page.
//!
//! A widget is a file here (its arithmetic and its drawings, tested natively), one in `web/course/widgets/` (how it is
//! laid out and moved), and its words in `view/texts/widgets/`.
//!
//! Shared: `reading`, settings of a link by name and range; `twin`, one operation of the engine on a few numbers;
//! `handle`, values that are dragged or moved by keys; `grid`, cells that are walked over.

pub mod activations;
pub mod attention;
pub mod convolution;
pub mod embedding;
pub mod fit;
pub mod grid;
pub mod handle;
pub mod losses;
pub mod metrics;
pub mod noise;
pub mod pipeline;
pub mod pooling;
pub mod reading;
pub mod schedules;
pub mod shapes;
pub mod temperature;
pub mod twin;

use std::collections::BTreeMap;

use super::texts::Locale;
use reading::Problem;

/// All widgets, by the names under which chapters show them.
pub const NAMES: [&str; 14] = [
    "activations",
    "losses",
    "temperature",
    "noise",
    "schedules",
    "metrics",
    "convolution",
    "pooling",
    "shapes",
    "embedding",
    "attention",
    "pipeline",
    "fit",
    "errors",
];

/// What is wrong with the settings that a link gives to a widget: a widget or a setting that there is not, or a value
/// that the setting cannot have.
pub fn fault_of(name: &str, settings: &BTreeMap<String, String>) -> Option<String> {
    if !NAMES.contains(&name) {
        return Some(format!("no widget is called {name}"));
    }
    // A name that a widget reads refuses nonsense; one that it does not read says nothing.
    let nonsense = |key: &String| BTreeMap::from([(key.clone(), String::from("?"))]);
    let mut keys = settings.keys();
    if let Some(key) = keys.find(|key| problems(name, &nonsense(key)).is_empty()) {
        return Some(format!("the widget {name} has no setting {key}"));
    }
    let problems = problems(name, settings);
    let problem = problems.first()?;
    Some(format!(
        "{} is \"{}\", expected {}",
        problem.name,
        problem.value,
        problem.expected.words(Locale::English)
    ))
}

/// What a widget cannot use of its settings.
fn problems(name: &str, settings: &BTreeMap<String, String>) -> Vec<Problem> {
    match name {
        "activations" => activations::State::read(settings).1,
        "losses" => losses::State::read(settings).1,
        "temperature" => temperature::State::read(settings).1,
        "noise" => noise::read(settings).1,
        "schedules" => schedules::State::read(settings).1,
        "metrics" => metrics::State::read(settings).1,
        "convolution" => convolution::State::read(settings).1,
        "pooling" => pooling::State::read(settings).1,
        "shapes" => shapes::State::read(settings).1,
        "embedding" => embedding::State::read(settings).1,
        "attention" => attention::State::read(settings).1,
        "pipeline" => pipeline::State::read(settings).1,
        "fit" => fit::read(settings).1,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::to_html;

    #[test]
    fn settings_that_a_widget_has_not_or_cannot_use_are_told() {
        let fault = |name: &str, pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            let settings = pairs.map(|(key, value)| (key.to_string(), value.to_string()));
            fault_of(name, &settings.collect())
        };
        for name in NAMES {
            assert_eq!(fault(name, &[]), None, "{name}");
            let told = fault(name, &[("colour", "red")]).unwrap_or_default();
            assert!(told.contains("no setting colour"), "{name}: {told}");
        }
        assert_eq!(fault("noise", &[("batch", "16"), ("seed", "3")]), None);
        let told = fault("noise", &[("batch", "0")]).unwrap_or_default();
        assert!(told.contains("a whole number from 1"), "{told}");
        assert!(fault("nothing", &[]).is_some());
    }

    /// Every formula that a widget shows, some with their numbers.
    fn formulas() -> Vec<String> {
        let mut all: Vec<String> = losses::FORMULAS.map(str::to_string).to_vec();
        all.extend(metrics::FORMULAS.map(str::to_string));
        all.push(temperature::FORMULA.to_string());
        all.extend(schedules::Kind::ALL.map(|(_, kind)| kind.formula().to_string()));
        for (_, function) in activations::Function::ALL {
            all.extend(function.formulas().map(str::to_string));
            for z in [-6.0, 0.0, 1e-7] {
                all.push(activations::State { function, z }.tangent());
            }
        }
        for z in [-8.0, 0.0, 7.9] {
            let losses = losses::Losses::at(z, 1);
            all.extend([losses.mse_product(), losses.bce_difference(1)]);
        }
        let results = attention::State::default().results();
        let matrices = attention::Matrix::INPUTS.into_iter();
        let computed = attention::Matrix::FORWARD
            .into_iter()
            .chain(attention::Matrix::BACKWARD);
        all.extend(computed.clone().map(|matrix| matrix.formula().to_string()));
        for matrix in matrices.chain(computed) {
            for place in 0..results.of(matrix).len() {
                let (row, column) = (place / matrix.columns(), place % matrix.columns());
                all.push(results.explanation(attention::Cell {
                    matrix,
                    row,
                    column,
                }));
            }
        }
        all
    }

    #[test]
    fn every_formula_can_be_shown() {
        let all = formulas();
        assert!(all.len() > 80);
        for latex in all {
            let html = to_html(&format!("$${latex}$$"), &|_| None);
            let html = html.unwrap_or_else(|mistakes| panic!("{latex}: {mistakes:?}"));
            assert!(html.contains("<math"), "{latex}: {html}");
            // The page's security policy allows no style attributes.
            assert!(!html.contains(" style="), "{latex}: {html}");
            assert!(!latex.contains("NaN") && !latex.contains('−'), "{latex}");
        }
        assert!(to_html("$$\\frac{1$$", &|_| None).is_err(), "a control");
    }
}
