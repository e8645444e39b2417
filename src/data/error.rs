//! What can be wrong with a data set.

use super::csv_problem::CsvProblem;
use super::text_problem::TextProblem;
use thiserror::Error;

/// Why a data set could not be made. Every message names the file or the split it is about.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DataError {
    /// No data set has this name.
    #[error("there is no data set named {name}, expected one of: {expected}")]
    UnknownDataset {
        /// The name asked for.
        name: String,
        /// The names that exist.
        expected: String,
    },
    /// Files that the data set cannot do without are not there.
    #[error("{dataset}: files not found: {files}{}", looked_in(places))]
    MissingFiles {
        /// The data set's name.
        dataset: &'static str,
        /// What is missing, for people.
        files: String,
        /// Folders that were searched; empty for files given in memory.
        places: Vec<String>,
    },
    /// A file exists but cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// Path of the file.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// A file's bytes are not what they should be.
    #[error("{file}: {problem}")]
    File {
        /// Path or name of the file.
        file: String,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// Two halves of a split do not belong together.
    #[error("{who}: {images} images but {labels} labels, expected as many labels as images")]
    CountMismatch {
        /// Data set and split.
        who: String,
        /// Images found.
        images: u64,
        /// Labels found.
        labels: u64,
    },
    /// A label names no class.
    #[error("{who}: label {label} of sample {index} is out of range, expected 0 to {}", classes.saturating_sub(1))]
    LabelOutOfRange {
        /// Data set and split.
        who: String,
        /// Which sample.
        index: usize,
        /// Its label.
        label: u32,
        /// Number of classes.
        classes: u32,
    },
    /// Images of another size than the data set's.
    #[error("{who}: images are {got} (C, H, W), expected {expected}")]
    WrongShape {
        /// Data set and split.
        who: String,
        /// The data set's shape.
        expected: String,
        /// The shape found.
        got: String,
    },
    /// Nothing to train or test on.
    #[error("{who}: no samples, expected at least 1")]
    Empty {
        /// Data set and split.
        who: String,
    },
    /// Rows and targets of a table do not belong together.
    #[error(
        "{who}: {values} values in rows of {features} and {targets} targets, expected one target for each row"
    )]
    RowMismatch {
        /// Table and part.
        who: String,
        /// Values of all rows.
        values: usize,
        /// Values of one row.
        features: usize,
        /// Targets.
        targets: usize,
    },
    /// A number that nothing can be computed with.
    #[error("{who}: {what} is {value}, expected a finite number")]
    NotFinite {
        /// Table and part.
        who: String,
        /// Which number.
        what: String,
        /// What it is.
        value: String,
    },
    /// A set that cannot be drawn.
    #[error("{name}: {what} is {got}, expected {expected}")]
    BadToy {
        /// The set's name.
        name: &'static str,
        /// What makes no sense.
        what: &'static str,
        /// Its value.
        got: String,
        /// What it should have been.
        expected: String,
    },
    /// A CSV file that is no table of numbers.
    #[error("{file}: {problem}")]
    Csv {
        /// Name of the file.
        file: String,
        /// What is wrong, with line and column.
        problem: CsvProblem,
    },
    /// A text that cannot be learned from.
    #[error("{file}: {problem}")]
    Text {
        /// Name of the text.
        file: String,
        /// What is wrong with it.
        problem: TextProblem,
    },
    /// A batch of no samples.
    #[error("batches: the batch size is 0, expected at least 1")]
    ZeroBatchSize,
}

fn looked_in(places: &[String]) -> String {
    if places.is_empty() {
        return String::new();
    }
    format!("; looked in {}", places.join(", "))
}

/// What is wrong with the bytes of one file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FileProblem {
    /// The file ends inside its header or inside its values.
    #[error("truncated: {what} needs {expected} bytes, got {got}")]
    Truncated {
        /// The part that is incomplete.
        what: &'static str,
        /// Bytes needed from the start of the file.
        expected: u64,
        /// Bytes there are.
        got: u64,
    },
    /// Not this kind of file.
    #[error("magic number is {got:#010x}, expected {expected:#010x}")]
    WrongMagic {
        /// The format's number.
        expected: u32,
        /// The file's number.
        got: u32,
    },
    /// Larger than is ever needed, or than a header may claim.
    #[error("too large: {}, expected at most {limit} bytes", claimed(got))]
    TooLarge {
        /// The most that is accepted.
        limit: u64,
        /// Its size where that is known; a gzip stream is not inflated further to find out.
        got: Option<u128>,
    },
    /// More bytes than the header says.
    #[error("trailing bytes: the contents end after {expected} bytes, got {got}")]
    TrailingBytes {
        /// Bytes that belong to the file.
        expected: u64,
        /// Bytes there are.
        got: u64,
    },
    /// A gzip stream that cannot be inflated.
    #[error("broken gzip data: {0}")]
    Gzip(String),
    /// Fixed-size records, and a rest.
    #[error(
        "{got} bytes are not whole records, expected a multiple of {record_bytes}, at least one"
    )]
    PartialRecord {
        /// Bytes of one record.
        record_bytes: u64,
        /// Bytes there are.
        got: u64,
    },
}

fn claimed(got: &Option<u128>) -> String {
    got.map_or_else(
        || "inflates beyond the limit".to_string(),
        |bytes| format!("{bytes} bytes"),
    )
}

impl FileProblem {
    /// Names the file that the problem is in.
    pub fn in_file(self, file: &str) -> DataError {
        DataError::File {
            file: file.to_string(),
            problem: self,
        }
    }
}
