//! Data sets: untrusted bytes in, checked [`Dataset`]s and reproducible batches out.
//!
//! # Layout
//! - [`error`]: what can be wrong with a data set, said with who, expected and got.
//! - [`gzip`]: inflating with a limit, so that a small file cannot fill the memory.
//! - [`idx`], [`cifar`]: the two file formats; [`residual`]: the page's packing of colour images.
//! - [`dataset`]: splits of images and labels, class names, normalisation.
//! - [`source`]: which files a named data set needs, and putting them together.
//! - [`table`]: rows of numbers with classes or numbers to predict; [`toy`] draws some from a seed,
//!   [`series`] cuts a series into windows, [`csv_table`] and [`own_series`] read the learner's own, and
//!   [`csv_problem`] says what is wrong with them.
//! - [`text`]: characters with their vocabulary, cut into windows; [`text_problem`]: what is wrong with one.
//! - [`shapes`]: small colour pictures, drawn from a seed.
//! - [`samples`]: images, a table or a text, whichever a run learns from.
//! - [`batches`]: the order of samples, a function of seed and step alone; [`augmentation`]: how images are
//!   moved and mirrored, a function of seed, epoch and sample alone.
//!
//! The way of data: files -> `inflate` -> parser -> [`Split`] -> [`Dataset`] -> batches of indices.
//! Nothing here knows devices; pixels stay bytes until a batch is gathered.

pub mod augmentation;
pub mod batches;
pub mod cifar;
pub mod csv_problem;
pub mod csv_table;
pub mod dataset;
pub mod error;
pub mod gzip;
pub mod idx;
pub mod own_series;
pub mod residual;
pub mod samples;
pub mod series;
pub mod shapes;
pub mod source;
pub mod table;
pub mod text;
pub mod text_problem;
pub mod toy;

pub use augmentation::{Augmentation, Transform};
pub use batches::{Batch, BatchSchedule, epoch_order};
pub use csv_problem::{CellPlace, CsvProblem};
pub use csv_table::{columns_of_csv, table_from_csv};
pub use dataset::{ClassName, Dataset, ImageShape, Normalization, Split, Subset, Take};
pub use error::{DataError, FileProblem};
pub use own_series::series_from_text;
pub use samples::SampleSet;
pub use series::SeriesSource;
pub use source::{DataFile, DataSource, assemble, default_folders, load, mnist_from_bytes};
pub use table::{Standardization, Table, TableSet, Targets};
pub use text::{TextSet, TextSource, Vocabulary, distinct_share};
pub use text_problem::TextProblem;
pub use toy::{ToyShape, ToySource};

/// Most bytes taken from one data file, before and after inflating.
/// The largest official file has 47,040,016 (training images of MNIST and Fashion-MNIST).
pub const MAX_FILE_BYTES: u64 = 64 << 20;
