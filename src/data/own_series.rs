//! The learner's own series: a file with one number a line.

use super::csv_problem::CsvProblem;
use super::csv_table::{MAX_COLUMNS, MAX_CSV_BYTES, read_text, shown};
use super::error::DataError;
use super::series::Windows;
use super::table::TableSet;

/// Numbers in a window, unless the learner asks for another length.
pub const DEFAULT_WINDOW: u32 = 20;
/// Longest window.
pub const MAX_WINDOW: u32 = MAX_COLUMNS as u32;
/// Most numbers of a series: its windows take this times [`MAX_WINDOW`] numbers of memory at the most.
pub const MAX_NUMBERS: usize = 20_000;
/// Fewest windows: two to hold out, and some to learn from.
const MIN_WINDOWS: u32 = 10;
/// One window in this many is held out: the last ones.
const HELD_OUT: usize = 5;

/// Reads a series of one number a line and cuts it into windows, one step apart.
///
/// A first line of text names the series; empty lines at the end are no gaps. The last fifth of the windows is held
/// out. Numbers are standardised with mean and deviation of those that are learned from. `name` names the file in
/// messages.
///
/// # Errors
/// When the file is too large or no text, a line is empty or holds anything else than one finite number, or there are
/// too many numbers or too few for the window: the message names line and numbers.
pub fn series_from_text(
    name: &str,
    bytes: &[u8],
    window: Option<u32>,
) -> Result<TableSet, DataError> {
    let window = window.unwrap_or(DEFAULT_WINDOW);
    let numbers = read_numbers(bytes, window).map_err(|problem| DataError::Csv {
        file: name.to_string(),
        problem,
    })?;
    let count = numbers.len() - window as usize;
    let windows = Windows {
        name,
        window: window as usize,
        train: count - count / HELD_OUT,
        is_standardized: true,
    };
    windows.cut(&numbers)
}

fn read_numbers(bytes: &[u8], window: u32) -> Result<Vec<f32>, CsvProblem> {
    if !(1..=MAX_WINDOW).contains(&window) {
        return Err(CsvProblem::BadWindow {
            window: window.into(),
            most: MAX_WINDOW.into(),
        });
    }
    if bytes.len() > MAX_CSV_BYTES {
        return Err(CsvProblem::TooLarge {
            bytes: bytes.len() as u64,
            most: MAX_CSV_BYTES as u64,
        });
    }
    let text = read_text(bytes)?.trim_end();
    let mut numbers = Vec::new();
    for (at, line) in text.lines().map(str::trim).enumerate() {
        let place = at as u64 + 1;
        match line.parse::<f32>() {
            Ok(number) if number.is_finite() => numbers.push(number),
            _ if line.is_empty() => return Err(CsvProblem::Gap { line: place }),
            // A heading.
            Err(_) if at == 0 && text.lines().nth(1).is_some_and(is_number) => {}
            _ => {
                return Err(CsvProblem::NotOneNumber {
                    line: place,
                    text: shown(line),
                });
            }
        }
        if numbers.len() > MAX_NUMBERS {
            return Err(CsvProblem::TooLong {
                most: MAX_NUMBERS as u64,
            });
        }
    }
    let least = u64::from(window + MIN_WINDOWS);
    if (numbers.len() as u64) < least {
        return Err(CsvProblem::ShortSeries {
            numbers: numbers.len() as u64,
            window: window.into(),
            least,
        });
    }
    Ok(numbers)
}

fn is_number(line: &str) -> bool {
    line.trim().parse::<f32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::table::Targets;
    use super::*;

    fn read(text: &str, window: u32) -> Result<TableSet, String> {
        series_from_text("own.txt", text.as_bytes(), Some(window)).map_err(|e| e.to_string())
    }

    fn lines(count: u32) -> String {
        (0..count).map(|t| format!("{t}.5\n")).collect()
    }

    #[test]
    fn a_series_is_cut_into_windows_and_its_end_is_held_out() {
        for text in [lines(53), format!("\u{feff}price\r\n{}\n\n", lines(53))] {
            let set = read(&text, 3).unwrap();
            assert_eq!((set.train.count(), set.test.count()), (40, 10));
            assert_eq!(set.train.row(0), [0.5, 1.5, 2.5]);
            assert_eq!(set.test.row(0), [40.5, 41.5, 42.5]);
            let Targets::Numbers(targets) = set.test.targets() else {
                panic!("numbers are predicted")
            };
            assert_eq!((targets[0], targets[9]), (43.5, 52.5));
            // 0.5 to 42.5 are learned from.
            assert_eq!(set.target_standardization.mean, [21.5]);
        }
    }

    #[test]
    fn gaps_and_what_is_no_number_are_refused_by_their_line() {
        let refused = |text: &str, window| read(text, window).unwrap_err();
        let gap = refused(&lines(40).replace("7.5\n", "\n"), 5);
        assert_eq!(
            gap,
            "own.txt: line 8 is empty, expected one number on every line: a series has no gaps"
        );
        for (wrong, shown) in [
            ("NaN", "NaN"),
            ("inf", "inf"),
            ("n/a", "n/a"),
            ("1,2", "1,2"),
        ] {
            let text = lines(40).replace("3.5\n4.5\n", &format!("3.5\n{wrong}\n"));
            assert_eq!(
                refused(&text, 5),
                format!("own.txt: line 5 is \"{shown}\", expected one finite number such as 3.5")
            );
        }
        // Two lines of text are no heading.
        let text = format!("a\nb\n{}", lines(40));
        assert!(refused(&text, 5).contains("line 1 is \"a\""));
    }

    #[test]
    fn windows_that_do_not_fit_are_refused_with_both_numbers() {
        let refused = |text: &str, window| read(text, window).unwrap_err();
        assert_eq!(
            refused(&lines(15), 20),
            "own.txt: a window of 20 numbers and 15 numbers in all, expected at least 30 numbers for such a window"
        );
        assert!(read(&lines(30), 20).is_ok());
        assert!(refused(&lines(29), 20).contains("29 numbers in all"));
        assert!(refused(&lines(40), 0).contains("a window of 0 numbers, expected 1 to 256"));
        assert!(refused("", 5).contains("0 numbers in all"));
        assert!(refused(&lines(20_001), 5).contains("more than 20000"));
    }
}
