//! Where a model's batches come from: the data phase of its graph.

use super::ModelError;
use crate::graph::{Graph, Phase, ValueId};
use crate::ops::{Augment, GatherBatch, GatherClasses, GatherRows, GatherWindows, Op};
use crate::tensor::{ElementType, Shape, Tensor};

/// Where batches come from.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchSource {
    /// Gathered on the device from `samples` images of (C, H, W) bytes.
    Images {
        samples: usize,
        shape: [usize; 3],
        mean: Vec<f32>,
        standard_deviation: Vec<f32>,
        /// Places in the uploaded order: batches of one submit times the batch.
        order_length: usize,
        /// Zeros around a training image before it is cropped and perhaps mirrored; `None` leaves images alone.
        margin: Option<usize>,
    },
    /// Gathered on the device from `samples` rows of f32 features.
    Table {
        samples: usize,
        mean: Vec<f32>,
        standard_deviation: Vec<f32>,
        targets: TableTargets,
        /// As for images.
        order_length: usize,
    },
    /// Gathered on the device from `tokens` tokens of a text: windows of `window` tokens, and the token behind each.
    Text {
        tokens: usize,
        /// Places where a window begins: the samples.
        windows: usize,
        window: usize,
        /// As for images.
        order_length: usize,
    },
    /// Written from outside once: (features) for each sample.
    Features { features: usize, targets: usize },
}

/// What a table's batches are to be compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TableTargets {
    /// (N) classes, u32.
    Classes,
    /// (N, 1) numbers, standardised: f32.
    Numbers { mean: f32, standard_deviation: f32 },
}

/// What a batch is gathered from: written from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatheredInputs {
    /// (M, C, H, W) u8, or (M, I) f32, or the whole text's tokens (L) u32.
    pub samples: ValueId,
    /// (M) u32, or (M, 1) f32; of a text where each window begins, (M) u32.
    pub targets: ValueId,
    /// (R) u32
    pub order: ValueId,
    /// How images are moved: top, left and flip, (R) u32 each, beside the order.
    pub transforms: Option<[ValueId; 3]>,
}

/// Adds what a batch is made of; returns (what it is gathered from, x, target).
pub(super) fn add_batch(
    graph: &mut Graph,
    source: &BatchSource,
    batch: usize,
) -> Result<(Option<GatheredInputs>, ValueId, ValueId), ModelError> {
    match source {
        BatchSource::Images {
            samples,
            shape: [channels, height, width],
            mean,
            standard_deviation,
            order_length,
            margin,
        } => {
            let shape = Shape::new([*samples, *channels, *height, *width])?;
            let bytes = graph.input("data.bytes", shape, ElementType::U8);
            let classes = graph.input("data.classes", Shape::new([*samples])?, ElementType::U32);
            let order = graph.input("data.order", Shape::new([*order_length])?, ElementType::U32);
            let per_channel = |values: &Vec<f32>| Tensor::f32([*channels], values.clone());
            let mean = graph.constant("data.mean", per_channel(mean)?);
            let deviation = graph.constant("data.std", per_channel(standard_deviation)?);
            let gather = Op::GatherBatch(GatherBatch { batch });
            let inputs = [bytes, classes, order, mean, deviation];
            let outputs = graph.apply_in(Phase::Data, None, gather, "batch".into(), &inputs)?;
            let mut x = outputs[0];
            let mut transforms = None;
            if let Some(margin) = *margin {
                let shape = Shape::new([*order_length])?;
                let [top, left, flip] = ["top", "left", "flip"].map(|name| {
                    graph.input(format!("data.{name}"), shape.clone(), ElementType::U32)
                });
                let augment = Op::Augment(Augment { margin });
                let inputs = [x, top, left, flip];
                x = graph.apply_in(Phase::Data, None, augment, "augment".into(), &inputs)?[0];
                transforms = Some([top, left, flip]);
            }
            let gathered = GatheredInputs {
                samples: bytes,
                targets: classes,
                order,
                transforms,
            };
            Ok((Some(gathered), x, outputs[1]))
        }
        BatchSource::Table {
            samples,
            mean,
            standard_deviation,
            targets,
            order_length,
        } => {
            let features = mean.len();
            let shape = Shape::new([*samples, features])?;
            let rows = graph.input("data.rows", shape, ElementType::F32);
            let order = graph.input("data.order", Shape::new([*order_length])?, ElementType::U32);
            let constant = |graph: &mut Graph, name: &str, values: &[f32]| {
                let tensor = Tensor::f32([values.len()], values.to_vec())?;
                Ok::<ValueId, ModelError>(graph.constant(name, tensor))
            };
            let mean = constant(graph, "data.mean", mean)?;
            let deviation = constant(graph, "data.std", standard_deviation)?;
            let gather = || Op::GatherRows(GatherRows { batch });
            let inputs = [rows, order, mean, deviation];
            let x = graph.apply_in(Phase::Data, None, gather(), "batch".into(), &inputs)?[0];
            let (targets, t) = match *targets {
                TableTargets::Classes => {
                    let shape = Shape::new([*samples])?;
                    let classes = graph.input("data.classes", shape, ElementType::U32);
                    let op = Op::GatherClasses(GatherClasses { batch });
                    let inputs = [classes, order];
                    let t = graph.apply_in(Phase::Data, None, op, "target".into(), &inputs)?;
                    (classes, t[0])
                }
                TableTargets::Numbers {
                    mean,
                    standard_deviation,
                } => {
                    let shape = Shape::new([*samples, 1])?;
                    let numbers = graph.input("data.targets", shape, ElementType::F32);
                    let mean = constant(graph, "data.target_mean", &[mean])?;
                    let deviation = constant(graph, "data.target_std", &[standard_deviation])?;
                    let inputs = [numbers, order, mean, deviation];
                    let t =
                        graph.apply_in(Phase::Data, None, gather(), "target".into(), &inputs)?;
                    (numbers, t[0])
                }
            };
            let gathered = GatheredInputs {
                samples: rows,
                targets,
                order,
                transforms: None,
            };
            Ok((Some(gathered), x, t))
        }
        BatchSource::Text {
            tokens,
            windows,
            window,
            order_length,
        } => {
            let mut row = |name: &str, count: usize| {
                let shape = Shape::new([count])?;
                Ok::<ValueId, ModelError>(graph.input(name, shape, ElementType::U32))
            };
            let tokens = row("data.tokens", *tokens)?;
            let starts = row("data.starts", *windows)?;
            let order = row("data.order", *order_length)?;
            let gather = Op::GatherWindows(GatherWindows {
                batch,
                window: *window,
            });
            let inputs = [tokens, starts, order];
            let outputs = graph.apply_in(Phase::Data, None, gather, "batch".into(), &inputs)?;
            let gathered = GatheredInputs {
                samples: tokens,
                targets: starts,
                order,
                transforms: None,
            };
            Ok((Some(gathered), outputs[0], outputs[1]))
        }
        BatchSource::Features { features, targets } => {
            let input = graph.input("x", Shape::new([batch, *features])?, ElementType::F32);
            let target = graph.input("y", Shape::new([batch, *targets])?, ElementType::F32);
            Ok((None, input, target))
        }
    }
}
