//! Softmax and cross-entropy of one sample: logits to probabilities to loss, and back.

use super::Numbers;
use crate::session::NodeFacts;
use crate::view::microscope::model::GraphModel;

/// One class on the way forward.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub logit: f64,
    /// `z − max z`
    pub shifted: f64,
    /// `exp(z − max z)`
    pub exponential: f64,
    /// The exponential over the sum of all.
    pub probability: f64,
    /// As stored in the buffer.
    pub stored: Option<f64>,
}

/// From logits to the loss of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    pub label: usize,
    pub largest: f64,
    /// Of the exponentials.
    pub sum: f64,
    pub classes: Vec<Class>,
    /// `−ln p[label]`
    pub loss: f64,
    pub stored_loss: Option<f64>,
}

/// The steps of one sample; `None` until its numbers are read.
pub fn forward(
    graph: &GraphModel,
    node: &NodeFacts,
    sample: u32,
    numbers: Numbers<'_>,
) -> Option<Forward> {
    let logits = graph.tensor(graph.bound(node, "z")?)?;
    let &[_, count] = logits.shape.as_slice() else {
        return None;
    };
    let z: Vec<f64> = (0..count)
        .map(|class| numbers(&logits.name, &[sample, class]))
        .collect::<Option<_>>()?;
    let label = numbers(graph.bound(node, "t")?, &[sample])? as usize;
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    let probabilities = graph.bound(node, "p");
    let classes = (0..count).zip(z.iter().zip(&exponentials));
    let classes = classes.map(|(class, (&logit, &exponential))| Class {
        logit,
        shifted: logit - largest,
        exponential,
        probability: exponential / sum,
        stored: probabilities.and_then(|p| numbers(p, &[sample, class])),
    });
    let loss_of_row = graph.bound(node, "loss_of_row");
    Some(Forward {
        label,
        largest,
        sum,
        classes: classes.collect(),
        loss: sum.ln() + largest - z.get(label)?,
        stored_loss: loss_of_row.and_then(|name| numbers(name, &[sample])),
    })
}

/// One class on the way back.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassGradient {
    pub probability: f64,
    /// 1 for the label, 0 for the others.
    pub target: f64,
    /// `p − y`
    pub difference: f64,
    /// `dL · (p − y) / B`
    pub gradient: f64,
    pub stored: Option<f64>,
}

/// From probabilities to the gradient of the logits of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Backward {
    pub label: usize,
    /// Gradient of the loss, that is, of the last value.
    pub upstream: f64,
    /// Samples that count.
    pub valid: u32,
    pub classes: Vec<ClassGradient>,
}

/// The steps of one sample; `None` until its numbers are read.
pub fn backward(
    graph: &GraphModel,
    node: &NodeFacts,
    (sample, valid): (u32, u32),
    numbers: Numbers<'_>,
) -> Option<Backward> {
    let probabilities = graph.tensor(graph.bound(node, "p")?)?;
    let &[_, count] = probabilities.shape.as_slice() else {
        return None;
    };
    let label = numbers(graph.bound(node, "t")?, &[sample])? as usize;
    let upstream = numbers(graph.bound(node, "dL")?, &[])?;
    let gradient = graph.bound(node, "dz")?;
    let counts = if sample < valid { 1.0 } else { 0.0 };
    let classes = (0..count).map(|class| {
        let probability = numbers(&probabilities.name, &[sample, class])?;
        let target = if class as usize == label { 1.0 } else { 0.0 };
        let difference = probability - target;
        Some(ClassGradient {
            probability,
            target,
            difference,
            gradient: counts * upstream * difference / f64::from(valid.max(1)),
            stored: numbers(gradient, &[sample, class]),
        })
    });
    Some(Backward {
        label,
        upstream,
        valid,
        classes: classes.collect::<Option<_>>()?,
    })
}
