//! What can be wrong with the learner's table, as facts: in English by `Display`, on the page in its language.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a cell stands in its file.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("line {line}, column {column} ({name})")]
pub struct CellPlace {
    /// From 1, with the header.
    pub line: u64,
    /// From 1.
    pub column: u64,
    /// The column's name.
    pub name: String,
}

/// What is wrong with a CSV file.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum CsvProblem {
    #[error("{bytes} bytes, expected at most {most}")]
    TooLarge { bytes: u64, most: u64 },
    #[error("not UTF-8 text from byte {from}; save it as CSV in UTF-8")]
    NotText { from: u64 },
    /// In the words of the reader of CSV.
    #[error("{reason}")]
    Unreadable { reason: String },
    #[error("line {line} has {cells} cells, expected {expected} as in the first line")]
    Ragged {
        line: u64,
        cells: u64,
        expected: u64,
    },
    #[error("{columns} columns, expected at most {most}")]
    TooWide { columns: u64, most: u64 },
    #[error("{columns} columns, expected at least 2: one to read and one to predict")]
    TooNarrow { columns: u64 },
    #[error("more than {most} rows, expected at most that")]
    TooLong { most: u64 },
    #[error("{rows} rows of data, expected at least {least}")]
    TooShort { rows: u64, least: u64 },
    #[error("{place} is empty; expected a number")]
    NoNumber { place: CellPlace },
    #[error("{place} is \"{text}\", expected a number such as 3.5")]
    NotANumber { place: CellPlace, text: String },
    #[error(
        "{place} is {text}, expected a finite number of at most {:e}",
        f32::MAX
    )]
    NotFinite { place: CellPlace, text: String },
    #[error("{place} is empty; expected what is to be predicted")]
    NoTarget { place: CellPlace },
    #[error("no column \"{name}\" to predict; there are: {known}, or a number from 1 to {columns}")]
    NoColumn {
        name: String,
        known: String,
        columns: u64,
    },
    #[error(
        "{place} is \"{text}\": the column to predict holds text with {values} different values, expected at most \
         {most} classes, or numbers"
    )]
    TooManyClasses {
        place: CellPlace,
        text: String,
        values: u64,
        most: u64,
    },
    #[error(
        "the column to predict holds nothing but \"{value}\", expected at least two different values"
    )]
    OneClass { value: String },
    #[error("line {line} is empty, expected one number on every line: a series has no gaps")]
    Gap { line: u64 },
    #[error("line {line} is \"{text}\", expected one finite number such as 3.5")]
    NotOneNumber { line: u64, text: String },
    #[error("a window of {window} numbers, expected 1 to {most}")]
    BadWindow { window: u64, most: u64 },
    #[error(
        "a window of {window} numbers and {numbers} numbers in all, expected at least {least} numbers for such a window"
    )]
    ShortSeries {
        numbers: u64,
        window: u64,
        least: u64,
    },
}
