//! Words of the widgets beside the steps of a chapter, a file each, in both languages.

pub mod activations;
pub mod attention;
pub mod common;
pub mod convolution;
pub mod embedding;
pub mod fit;
pub mod losses;
pub mod metrics;
pub mod noise;
pub mod pipeline;
pub mod pooling;
pub mod schedules;
pub mod shapes;
pub mod temperature;
