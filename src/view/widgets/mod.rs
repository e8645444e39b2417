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

/// All widgets, by the names under which chapters show them.
pub const NAMES: [&str; 13] = [
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
    "errors",
];

#[cfg(test)]
mod tests {
    use super::{activations, attention, losses, metrics, schedules, temperature};
    use crate::course::to_html;

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
