//! The learner's own table: a CSV file of numbers, with one column to predict.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};

use super::batches::epoch_order;
use super::csv_problem::{CellPlace, CsvProblem};
use super::error::DataError;
use super::table::{Standardization, Table, TableSet, Targets};

/// Most bytes of a CSV file.
pub const MAX_CSV_BYTES: usize = 16 << 20;
/// Most rows of a table, without its header.
pub const MAX_ROWS: usize = 100_000;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 256;
/// Fewest rows: two to hold out, and some to learn from.
pub const MIN_ROWS: usize = 10;
/// A column of whole numbers with at most this many different values holds classes.
pub const MAX_CLASSES: usize = 20;

/// One row in this many is held out.
const HELD_OUT: usize = 5;
/// Seed of the choice of the held-out rows: the same file is always divided alike.
const SPLIT_SEED: u64 = 1;
/// Longest part of a cell that a message repeats, in characters.
const SHOWN_CHARACTERS: usize = 24;

/// A file's text, cut into cells. Every row has as many cells as the first.
struct Cells {
    names: Vec<String>,
    rows: Vec<StringRecord>,
    /// Line of each row in the file, from 1.
    lines: Vec<u64>,
}

/// Reads a table from CSV text: commas, semicolons or tabs between cells, quoted cells as RFC 4180 has them.
///
/// The first line is a header where a cell of it is text and the cell below is a number. `target` is the column to
/// predict, by name or by number from 1; without one it is the last. Text in it, or whole numbers of at most
/// [`MAX_CLASSES`] different values, are classes; other numbers are predicted as numbers. Every other column has to
/// hold finite numbers. One row in five, chosen by a fixed seed, is held out; columns (and a predicted number) are
/// standardised with mean and deviation of the training rows. `name` names the file in messages.
///
/// # Errors
/// When the file is too large, no text, has gaps or rows of different lengths, too few rows or only one class, or a
/// cell is no finite number: the message names line and column.
pub fn table_from_csv(
    name: &str,
    bytes: &[u8],
    target: Option<&str>,
) -> Result<TableSet, DataError> {
    let problem = |problem: CsvProblem| DataError::Csv {
        file: name.to_string(),
        problem,
    };
    let cells = read_cells(bytes).map_err(problem)?;
    let target = find_target(&cells.names, target).map_err(problem)?;
    let (targets, classes) = read_targets(&cells, target).map_err(problem)?;
    let features: Vec<usize> = (0..cells.names.len())
        .filter(|&column| column != target)
        .collect();
    let mut rows = Vec::with_capacity(cells.rows.len() * features.len());
    for row in 0..cells.rows.len() {
        for &column in &features {
            rows.push(cells.number(row, column).map_err(problem)?);
        }
    }
    divide(name, &cells, target, &features, &rows, &targets, classes)
}

/// The names of the columns of CSV text, in their order: `column 1`, … where it has no header.
///
/// # Errors
/// As [`table_from_csv`], for what is wrong with the file as a whole.
pub fn columns_of_csv(name: &str, bytes: &[u8]) -> Result<Vec<String>, DataError> {
    let cells = read_cells(bytes).map_err(|problem| DataError::Csv {
        file: name.to_string(),
        problem,
    })?;
    Ok(cells.names)
}

impl Cells {
    fn place(&self, row: usize, column: usize) -> CellPlace {
        CellPlace {
            line: self.lines[row],
            column: column as u64 + 1,
            name: self.names[column].clone(),
        }
    }

    /// The finite number in a cell.
    fn number(&self, row: usize, column: usize) -> Result<f32, CsvProblem> {
        let text = &self.rows[row][column];
        if text.is_empty() {
            let place = self.place(row, column);
            return Err(CsvProblem::NoNumber { place });
        }
        match text.parse::<f32>() {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(CsvProblem::NotFinite {
                place: self.place(row, column),
                text: shown(text),
            }),
            Err(_) => Err(CsvProblem::NotANumber {
                place: self.place(row, column),
                text: shown(text),
            }),
        }
    }
}

pub(super) fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARACTERS {
        return text.to_string();
    }
    let start: String = text.chars().take(SHOWN_CHARACTERS).collect();
    format!("{start}…")
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// UTF-8 without its byte order mark.
pub(super) fn read_text(bytes: &[u8]) -> Result<&str, CsvProblem> {
    let text = std::str::from_utf8(bytes).map_err(|error| CsvProblem::NotText {
        from: error.valid_up_to() as u64,
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn read_cells(bytes: &[u8]) -> Result<Cells, CsvProblem> {
    if bytes.len() > MAX_CSV_BYTES {
        return Err(CsvProblem::TooLarge {
            bytes: bytes.len() as u64,
            most: MAX_CSV_BYTES as u64,
        });
    }
    let text = read_text(bytes)?;
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let (mut rows, mut lines) = (Vec::<StringRecord>::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| CsvProblem::Unreadable {
            reason: error.to_string(),
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let width = rows.first().map_or(record.len(), StringRecord::len);
        if record.len() != width {
            return Err(CsvProblem::Ragged {
                line,
                cells: record.len() as u64,
                expected: width as u64,
            });
        }
        if width > MAX_COLUMNS {
            return Err(CsvProblem::TooWide {
                columns: width as u64,
                most: MAX_COLUMNS as u64,
            });
        }
        // The header may be one more.
        if rows.len() > MAX_ROWS {
            return Err(CsvProblem::TooLong {
                most: MAX_ROWS as u64,
            });
        }
        rows.push(record);
        lines.push(line);
    }
    let width = rows.first().map_or(0, StringRecord::len);
    if width < 2 {
        return Err(CsvProblem::TooNarrow {
            columns: width as u64,
        });
    }
    let names = match rows.get(1) {
        Some(second) if is_header(&rows[0], second) => {
            lines.remove(0);
            let header = rows.remove(0);
            header.iter().map(shown).collect()
        }
        _ => (1..=width)
            .map(|number| format!("column {number}"))
            .collect(),
    };
    if rows.len() < MIN_ROWS {
        return Err(CsvProblem::TooShort {
            rows: rows.len() as u64,
            least: MIN_ROWS as u64,
        });
    }
    Ok(Cells { names, rows, lines })
}

/// The separator that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |separator: &u8| first.bytes().filter(|byte| byte == separator).count();
    // Of equals the last is taken: the comma.
    *b"\t;,"
        .iter()
        .max_by_key(|separator| count(separator))
        .expect("three")
}

fn is_header(first: &StringRecord, second: &StringRecord) -> bool {
    let mut pairs = first.iter().zip(second);
    pairs.any(|(above, below)| !above.is_empty() && !is_number(above) && is_number(below))
}

fn find_target(names: &[String], target: Option<&str>) -> Result<usize, CsvProblem> {
    let Some(target) = target else {
        return Ok(names.len() - 1);
    };
    if let Some(at) = names.iter().position(|name| name == target) {
        return Ok(at);
    }
    let numbered = target.parse::<usize>().ok();
    numbered
        .filter(|number| (1..=names.len()).contains(number))
        .map(|number| number - 1)
        .ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(String::as_str).take(12).collect();
            let more = if names.len() > known.len() {
                ", …"
            } else {
                ""
            };
            CsvProblem::NoColumn {
                name: shown(target),
                known: format!("{}{more}", known.join(", ")),
                columns: names.len() as u64,
            }
        })
}

/// The targets of all rows, and the names of their classes; no classes where numbers are predicted.
fn read_targets(cells: &Cells, column: usize) -> Result<(Targets, Vec<String>), CsvProblem> {
    let texts: Vec<&str> = cells.rows.iter().map(|row| &row[column]).collect();
    if let Some(row) = texts.iter().position(|text| text.is_empty()) {
        let place = cells.place(row, column);
        return Err(CsvProblem::NoTarget { place });
    }
    let numbers = texts.iter().all(|text| is_number(text));
    if numbers {
        let numbers: Vec<f32> = (0..texts.len())
            .map(|row| cells.number(row, column))
            .collect::<Result<_, _>>()?;
        let mut values: Vec<f32> = numbers.clone();
        values.sort_unstable_by(f32::total_cmp);
        values.dedup();
        let whole = values.iter().all(|value| value.fract() == 0.0);
        if !whole || values.len() > MAX_CLASSES {
            return Ok((Targets::Numbers(numbers), Vec::new()));
        }
        let classes = numbers.iter().map(|number| {
            let at = values.iter().position(|value| value == number);
            at.expect("a value of the column") as u32
        });
        let targets = Targets::Classes(classes.collect());
        let names: Vec<String> = values.iter().map(f32::to_string).collect();
        return at_least_two(targets, names);
    }
    // In alphabetical order, so that the numbers do not depend on the order of the rows.
    let mut numbered: BTreeMap<&str, u32> = texts.iter().map(|text| (*text, 0)).collect();
    if numbered.len() > MAX_CLASSES {
        let row = texts.iter().position(|text| !is_number(text)).unwrap_or(0);
        return Err(CsvProblem::TooManyClasses {
            place: cells.place(row, column),
            text: shown(texts[row]),
            values: numbered.len() as u64,
            most: MAX_CLASSES as u64,
        });
    }
    for (number, class) in numbered.values_mut().enumerate() {
        *class = number as u32;
    }
    let targets = Targets::Classes(texts.iter().map(|text| numbered[text]).collect());
    at_least_two(targets, numbered.keys().map(|name| shown(name)).collect())
}

fn at_least_two(
    targets: Targets,
    names: Vec<String>,
) -> Result<(Targets, Vec<String>), CsvProblem> {
    if names.len() < 2 {
        return Err(CsvProblem::OneClass {
            value: names.into_iter().next().unwrap_or_default(),
        });
    }
    Ok((targets, names))
}

/// Holds out one row in five and measures the training part.
fn divide(
    name: &str,
    cells: &Cells,
    target: usize,
    features: &[usize],
    rows: &[f32],
    targets: &Targets,
    classes: Vec<String>,
) -> Result<TableSet, DataError> {
    let count = cells.rows.len();
    let order = epoch_order(SPLIT_SEED, 0, count as u32);
    let (test, train) = order.split_at(count / HELD_OUT);
    let width = features.len();
    let part = |who: &str, chosen: &[u32]| {
        let mut chosen: Vec<usize> = chosen.iter().map(|&row| row as usize).collect();
        chosen.sort_unstable();
        let rows = chosen
            .iter()
            .flat_map(|&row| rows[row * width..(row + 1) * width].iter().copied());
        let targets = match targets {
            Targets::Classes(all) => Targets::Classes(chosen.iter().map(|&row| all[row]).collect()),
            Targets::Numbers(all) => Targets::Numbers(chosen.iter().map(|&row| all[row]).collect()),
        };
        let who = format!("{name} {who} part");
        Table::new(&who, width, rows.collect(), targets, classes.len() as u32)
    };
    let (train, test) = (part("train", train)?, part("test", test)?);
    let standardization = Standardization::of_columns(train.rows(), width);
    let target_standardization = match train.targets() {
        Targets::Numbers(numbers) => Standardization::of_columns(numbers, 1),
        Targets::Classes(_) => Standardization::identity(1),
    };
    Ok(TableSet {
        name: name.to_string(),
        columns: features
            .iter()
            .map(|&column| cells.names[column].clone())
            .collect(),
        target: cells.names[target].clone(),
        // The learner's own words, in both languages.
        classes: classes
            .into_iter()
            .map(|class| (class.clone(), class))
            .collect(),
        train,
        test,
        standardization,
        target_standardization,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, target: Option<&str>) -> Result<TableSet, String> {
        table_from_csv("own.csv", text.as_bytes(), target).map_err(|error| error.to_string())
    }

    /// `count` rows of x, 2x and a last cell made by `last`.
    fn rows(header: &str, count: usize, last: impl Fn(usize) -> String) -> String {
        let body = (0..count).map(|row| format!("{row},{},{}\n", 2 * row, last(row)));
        format!("{header}{}", body.collect::<String>())
    }

    #[test]
    fn a_header_classes_and_the_split_are_found() {
        let kinds = ["cat", "ant", "bee"];
        let text = rows("length,width,kind\n", 25, |row| kinds[row % 3].into());
        let table = read(&text, None).unwrap();
        assert_eq!(table.columns, ["length", "width"]);
        assert_eq!(table.target, "kind");
        let names: Vec<&str> = table.classes.iter().map(|(en, _)| en.as_str()).collect();
        assert_eq!(names, ["ant", "bee", "cat"]);
        assert_eq!((table.train.count(), table.test.count()), (20, 5));
        // Row r has length r and kind r mod 3: cat, ant, bee.
        for part in [&table.train, &table.test] {
            for index in 0..part.count() {
                let row = part.row(index)[0] as usize;
                let class = part.classes().unwrap()[index as usize] as usize;
                assert_eq!(names[class], kinds[row % 3]);
            }
        }
        let lengths = table.train.rows().iter().step_by(2);
        let mean = lengths.map(|&v| f64::from(v)).sum::<f64>() / 20.0;
        assert!((f64::from(table.standardization.mean[0]) - mean).abs() < 1e-5);
        assert_eq!(table, read(&text, None).unwrap(), "the split repeats");
    }

    #[test]
    fn without_a_header_columns_have_numbers_and_numbers_are_predicted() {
        let text = rows("", 30, |row| format!("{}", row as f32 * 0.5));
        let table = read(&text, None).unwrap();
        assert_eq!(table.columns, ["column 1", "column 2"]);
        assert!(table.classes.is_empty());
        assert!(matches!(table.train.targets(), Targets::Numbers(_)));
        assert!(table.target_standardization.deviation[0] > 1.0);
        let other = read(&text, Some("1")).unwrap();
        assert_eq!(other.target, "column 1");
    }

    #[test]
    fn semicolons_tabs_a_mark_of_order_and_quotes_are_understood() {
        let commas = rows("a,b,\"the class\"\n", 12, |row| (row % 2).to_string());
        let expected = read(&commas, None).unwrap();
        assert_eq!(expected.target, "the class");
        for separator in [";", "\t"] {
            let text = format!("\u{feff}{}", commas.replace(',', separator));
            assert_eq!(read(&text, None).unwrap(), expected);
        }
        let windows = commas.replace('\n', "\r\n");
        assert_eq!(read(&windows, None).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_column() {
        let good = |row: usize| (row % 2).to_string();
        let broken = |from: &str, to: &str| rows("a,b,class\n", 12, good).replace(from, to);
        for (text, expected) in [
            (
                broken("3,6,1", "3,,1"),
                "own.csv: line 5, column 2 (b) is empty; expected a number",
            ),
            (
                broken("3,6,1", "3,tall,1"),
                "own.csv: line 5, column 2 (b) is \"tall\", expected a number such as 3.5",
            ),
            (
                broken("3,6,1", "NaN,6,1"),
                "own.csv: line 5, column 1 (a) is NaN, expected a finite number",
            ),
            (
                broken("3,6,1", "3,1e60,1"),
                "own.csv: line 5, column 2 (b) is 1e60, expected a finite number",
            ),
            (
                broken("3,6,1", "3,6,"),
                "own.csv: line 5, column 3 (class) is empty; expected what is to be predicted",
            ),
            (
                broken("3,6,1", "3,6,1,9"),
                "own.csv: line 5 has 4 cells, expected 3 as in the first line",
            ),
            (
                rows("a,b,class\n", 12, |_| "1".into()),
                "own.csv: the column to predict holds nothing but \"1\"",
            ),
            (
                rows("a,b,class\n", 5, good),
                "own.csv: 5 rows of data, expected at least 10",
            ),
            (String::new(), "own.csv: 0 columns, expected at least 2"),
            (
                rows("a,b,class\n", 40, |row| format!("name{row}")),
                "own.csv: line 2, column 3 (class) is \"name0\": the column to predict holds text with 40",
            ),
        ] {
            let refused = read(&text, None).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
        let refused = read(&rows("a,b,class\n", 12, good), Some("weight")).unwrap_err();
        assert_eq!(
            refused,
            "own.csv: no column \"weight\" to predict; there are: a, b, class, or a number from 1 to 3"
        );
        let refused = table_from_csv("own.csv", &[b'1', 0xff, 0xfe], None).unwrap_err();
        assert!(refused.to_string().contains("not UTF-8 text from byte 1"));
        let large = vec![b'1'; MAX_CSV_BYTES + 1];
        let refused = table_from_csv("own.csv", &large, None).unwrap_err();
        assert!(refused.to_string().contains("expected at most 16777216"));
    }
}
