//! An update, step by step for one element, and the rows of a parameter around it.

use crate::session::{UpdateFacts, UpdatePart, UpdateRow};

/// One line of working: a formula, the numbers in it, and what comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// In the symbols of the equation.
    pub formula: &'static str,
    /// The same with numbers.
    pub numbers: Vec<f64>,
    pub value: f64,
    /// What the buffer holds, where the line's value is stored.
    pub stored: Option<f64>,
}

/// A number of one row at a position of the parameter.
pub fn number(facts: &UpdateFacts, symbol: &str, at: u64) -> Option<f64> {
    let row = facts.rows.iter().find(|row| row.symbol == symbol)?;
    let offset = at.checked_sub(facts.first)?;
    let value = row.values.as_ref()?.get(offset as usize)?;
    Some(f64::from(*value))
}

/// A scalar of the update.
pub fn scalar(facts: &UpdateFacts, name: &str) -> Option<f64> {
    let mut scalars = facts.scalars.iter();
    scalars
        .find(|(known, _)| known == name)
        .map(|(_, value)| *value)
}

/// The working of an update for one element, in f64 from the numbers before it; `None` for an
/// update that has no lines here, or until its numbers are read.
pub fn lines(facts: &UpdateFacts, at: u64) -> Option<Vec<Line>> {
    let of = |symbol| number(facts, symbol, at);
    let (w, g, rate) = (of("w")?, of("g")?, scalar(facts, "η")?);
    let line = |formula, numbers: &[f64], value, stored| Line {
        formula,
        numbers: numbers.to_vec(),
        value,
        stored,
    };
    match facts.operation.as_str() {
        "sgd_update" => {
            let step = rate * g;
            Some(vec![
                line("Δw = −η · g", &[rate, g], -step, of("Δw")),
                line("w′ = w + Δw", &[w, -step], w - step, of("w′")),
            ])
        }
        "momentum_update" => {
            let (v, momentum) = (of("v")?, scalar(facts, "μ")?);
            let velocity = momentum * v + g;
            let step = rate * velocity;
            Some(vec![
                line("v′ = μ · v + g", &[momentum, v, g], velocity, of("v′")),
                line("Δw = −η · v′", &[rate, velocity], -step, of("Δw")),
                line("w′ = w + Δw", &[w, -step], w - step, of("w′")),
            ])
        }
        "adam_update" => {
            let (m, v) = (of("m")?, of("v")?);
            let (beta_1, beta_2) = (scalar(facts, "β₁")?, scalar(facts, "β₂")?);
            let (epsilon, t) = (scalar(facts, "ε")?, scalar(facts, "t")?);
            let first = beta_1 * m + (1.0 - beta_1) * g;
            let second = beta_2 * v + (1.0 - beta_2) * g * g;
            let mean = first / (1.0 - beta_1.powf(t));
            let square = second / (1.0 - beta_2.powf(t));
            let step = rate * mean / (square.sqrt() + epsilon);
            Some(vec![
                line(
                    "m′ = β₁ · m + (1 − β₁) · g",
                    &[beta_1, m, g],
                    first,
                    of("m′"),
                ),
                line(
                    "v′ = β₂ · v + (1 − β₂) · g²",
                    &[beta_2, v, g],
                    second,
                    of("v′"),
                ),
                line("m̂ = m′ / (1 − β₁ᵗ)", &[first, beta_1, t], mean, None),
                line("v̂ = v′ / (1 − β₂ᵗ)", &[second, beta_2, t], square, None),
                line(
                    "Δw = −η · m̂ / (√v̂ + ε)",
                    &[rate, mean, square, epsilon],
                    -step,
                    of("Δw"),
                ),
                line("w′ = w + Δw", &[w, -step], w - step, of("w′")),
            ])
        }
        _ => None,
    }
}

/// The values of a formula's letters, for the line below it: `β₁ = 0.9`.
pub fn legend(line: &Line, write: impl Fn(f64) -> String) -> String {
    let right = line.formula.split(" = ").nth(1).unwrap_or_default();
    let mut letters: Vec<&str> = Vec::new();
    for token in right.split([' ', '(', ')', '/', '·', '+', '−', '1']) {
        let token = token.trim_start_matches('√').trim_end_matches(['²', 'ᵗ']);
        if !token.is_empty() && !letters.contains(&token) {
            letters.push(token);
        }
    }
    if right.contains('ᵗ') {
        letters.push("t");
    }
    let pairs = letters.iter().zip(&line.numbers);
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name} = {}", write(*value)))
        .collect();
    pairs.join(", ")
}

/// The largest magnitude among rows that share a scale with `row`: a tensor before and after.
pub fn shared_limit(facts: &UpdateFacts, row: &UpdateRow) -> f32 {
    let base = |symbol: &str| symbol.trim_end_matches('′').to_string();
    let shared = facts
        .rows
        .iter()
        .filter(|other| base(&other.symbol) == base(&row.symbol));
    let extremes = shared.filter_map(|row| row.statistics);
    extremes.fold(0.0, |limit, facts| {
        limit.max(facts.minimum.abs()).max(facts.maximum.abs())
    })
}

/// `‖Δw‖ / ‖w‖`: how much of itself the update moves a parameter.
pub fn relative_change(facts: &UpdateFacts) -> Option<f64> {
    let norm = |part: UpdatePart| {
        let row = facts.rows.iter().find(|row| row.part == part)?;
        Some(f64::from(row.statistics?.norm))
    };
    let (change, before) = (norm(UpdatePart::Change)?, norm(UpdatePart::Before)?);
    (before > 0.0).then(|| change / before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_names_the_letters_of_its_formula_in_order() {
        let line = Line {
            formula: "m̂ = m′ / (1 − β₁ᵗ)",
            numbers: vec![0.5, 0.9, 3.0],
            value: 1.0,
            stored: None,
        };
        let text = legend(&line, |value| value.to_string());
        assert_eq!(text, "m′ = 0.5, β₁ = 0.9, t = 3");
        let line = Line {
            formula: "Δw = −η · m̂ / (√v̂ + ε)",
            numbers: vec![0.1, 0.2, 0.3, 0.4],
            value: 1.0,
            stored: None,
        };
        let text = legend(&line, |value| value.to_string());
        assert_eq!(text, "η = 0.1, m̂ = 0.2, v̂ = 0.3, ε = 0.4");
    }
}
