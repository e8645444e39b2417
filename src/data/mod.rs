//! Data sets: untrusted bytes in, checked [`Dataset`]s and reproducible batches out.
//!
//! # Layout
//! - [`error`]: what can be wrong with a data set, said with who, expected and got.
//! - [`gzip`]: inflating with a limit, so that a small file cannot fill the memory.
//! - [`idx`], [`cifar`]: the two file formats.
//! - [`dataset`]: splits of images and labels, class names, normalisation.
//! - [`source`]: which files a named data set needs, and putting them together.
//! - [`batches`]: the order of samples, a function of seed and step alone.
//!
//! The way of data: files -> `inflate` -> parser -> [`Split`] -> [`Dataset`] -> batches of indices.
//! Nothing here knows devices; pixels stay bytes until a batch is gathered.

pub mod batches;
pub mod cifar;
pub mod dataset;
pub mod error;
pub mod gzip;
pub mod idx;
pub mod source;

pub use batches::{Batch, BatchSchedule, epoch_order};
pub use dataset::{ClassName, Dataset, ImageShape, Normalization, Split};
pub use error::{DataError, FileProblem};
pub use source::{DataFile, DataSource, assemble, default_folders, load, mnist_from_bytes};

/// Most bytes taken from one data file, before and after inflating.
/// The largest official file has 47,040,016 (training images of MNIST and Fashion-MNIST).
pub const MAX_FILE_BYTES: u64 = 64 << 20;
