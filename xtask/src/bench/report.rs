//! The figures as tables.

use std::fmt::{Display, Formatter};

use super::rows::{BATCH, TARGETS, Target};
use super::{Bench, Taking};

/// The slowest engines take seconds a step and learn only a little in the few steps they get.
const LOSS_MUST_FALL_BY: f64 = 0.01;

/// The figures, as Markdown.
pub fn markdown(bench: &Bench, conditions: &[String], rounds: usize) -> String {
    let mut text = format!(
        "LeNet-5 unless a row says otherwise, Adam, batches of 64, f32: {rounds} rounds in which the rows take turns. \
         Median (lowest to highest).\n\n"
    );
    for condition in conditions {
        text += &format!("- {condition}\n");
    }
    let measured: Vec<Vec<String>> = bench.rows.iter().map(measured_row).collect();
    text += "\n";
    text += &table(
        &[
            "row",
            "engine",
            "ms a step",
            "samples/s",
            "loss, first to last step",
        ],
        &measured,
    );
    let compared: Vec<Vec<String>> = TARGETS
        .iter()
        .filter_map(|target| compared_row(&bench.rows, target))
        .collect();
    if !compared.is_empty() {
        text += "\n";
        text += &table(&["comparison", "times as fast", "target", ""], &compared);
    }
    for taking in &bench.rows {
        if let Some(micros) = Spread::of(&taking.encode_micros) {
            let name = taking.row.name;
            text += &format!("\nHost time to encode, {name}: {micros} µs a dispatch.\n");
        }
    }
    for left_out in &bench.left_out {
        let (name, reason) = (left_out.row.name, &left_out.reason);
        text += &format!("\nLeft out: {name} ({reason}).\n");
    }
    text
}

fn measured_row(taking: &Taking) -> Vec<String> {
    let mut cells = vec![taking.row.name.to_string(), taking.row.title.to_string()];
    match Spread::of(&taking.millis) {
        Some(millis) => {
            cells.push(millis.to_string());
            cells.push(significant(BATCH * 1000.0 / millis.median));
        }
        None => cells.extend(["".to_string(), "".to_string()]),
    }
    cells.push(match taking.losses {
        Some((first, last)) if last <= first - LOSS_MUST_FALL_BY => {
            format!("{first:.3} to {last:.3}")
        }
        Some((first, last)) => format!("{first:.3} to {last:.3}: does not learn!"),
        None => "not told".to_string(),
    });
    cells
}

/// How much faster one row is than another; nothing if one of them was not measured.
fn compared_row(rows: &[Taking], target: &Target) -> Option<Vec<String>> {
    let millis = |name: &str| {
        let taking = rows.iter().find(|taking| taking.row.name == name)?;
        Some(&taking.millis)
    };
    let (own, peer) = (millis(target.own)?, millis(target.peer)?);
    let ratios: Vec<f64> = own.iter().zip(peer).map(|(own, peer)| peer / own).collect();
    let ratio = Spread::of(&ratios)?;
    let (wanted, verdict) = match target.at_least {
        Some(least) if ratio.median >= least => (format!("at least {least}"), "reached"),
        Some(least) => (format!("at least {least}"), "missed"),
        None => (String::new(), ""),
    };
    Some(vec![
        format!("{} against {}", target.own, target.peer),
        ratio.to_string(),
        wanted,
        verdict.to_string(),
    ])
}

/// Median, lowest and highest of some values.
#[derive(Debug, PartialEq)]
struct Spread {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        Some(Self {
            median,
            lowest,
            highest,
        })
    }
}

impl Display for Spread {
    fn fmt(&self, formatter: &mut Formatter) -> std::fmt::Result {
        write!(
            formatter,
            "{} ({} to {})",
            significant(self.median),
            significant(self.lowest),
            significant(self.highest)
        )
    }
}

/// A positive number with three digits that count.
fn significant(value: f64) -> String {
    let decimals = (2 - value.log10().floor() as i32).clamp(0, 3) as usize;
    format!("{value:.decimals$}")
}

/// A Markdown table with aligned columns.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max()
    };
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let aligned = |cell: &str, width: &usize| format!("{cell:<width$}");
    let mut text = line(&mut head.iter().zip(&widths).map(|(cell, w)| aligned(cell, w)));
    text += &line(&mut widths.iter().map(|width| "-".repeat((*width).max(3))));
    for row in rows {
        text += &line(&mut row.iter().zip(&widths).map(|(cell, w)| aligned(cell, w)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Spread, significant, table};

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(spread.to_string(), "2.50 (1.00 to 4.00)");
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [5535.2, 490.4, 20.04, 1.234, 0.01234].map(significant);
        assert_eq!(shown, ["5535", "490", "20.0", "1.23", "0.012"]);
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [vec!["long cell".to_string(), "1".to_string()]];
        assert_eq!(
            table(&["a", "b"], &rows),
            "| a         | b |\n| --------- | --- |\n| long cell | 1 |\n"
        );
    }
}
