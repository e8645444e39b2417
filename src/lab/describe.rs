//! What the models of the presets cost: counted from their graphs.

use serde::{Deserialize, Serialize};

use super::LabError;
use crate::graph::Phase;
use crate::layers::Model;
use crate::models::{self, PresetData};
use crate::session::{SessionError, outline};

/// A preset's model in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    pub preset: String,
    /// Trainable numbers; a shared one counts once.
    pub parameters: u64,
    /// Floating-point operations of training for each token: forward, loss and backward pass; a multiply-add is two.
    /// A token is a sample, or a character of a text.
    pub flops_per_token: f64,
    /// Values that the forward pass writes for one sample, or one window of a text.
    pub activations: u64,
}

/// Counts a preset's model.
///
/// # Errors
/// When there is no such preset, or its model depends on data that the learner brings.
pub fn describe(preset: &str) -> Result<Description, LabError> {
    let found = models::find(preset).ok_or_else(|| SessionError::UnknownPreset {
        name: preset.into(),
    })?;
    let model = outline(found)?.ok_or_else(|| LabError::NeedsData {
        preset: preset.into(),
    })?;
    let tokens = match found.data {
        PresetData::Text { window, .. } => window,
        _ => 1,
    };
    let samples = model.batch * tokens;
    Ok(Description {
        preset: preset.into(),
        parameters: parameters(&model),
        flops_per_token: training_flops(&model) as f64 / samples as f64,
        activations: activations(&model) / model.batch as u64,
    })
}

/// Trainable numbers of a model.
fn parameters(model: &Model) -> u64 {
    let parameters = model.parameters.iter();
    let counts = parameters.map(|one| model.graph.value(one.value).shape.count() as u64);
    counts.sum()
}

/// Values that the forward pass of one batch writes; views of others are not counted again.
fn activations(model: &Model) -> u64 {
    let graph = &model.graph;
    let forward = graph.nodes().iter();
    let forward =
        forward.filter(|node| node.phase == Phase::Forward && node.op.cost(&node.dims).bytes > 0);
    let outputs = forward.flat_map(|node| &node.outputs);
    outputs
        .map(|&value| graph.value(value).shape.count() as u64)
        .sum()
}

/// Operations of forward pass, loss and backward pass of one batch, as the operations count them.
fn training_flops(model: &Model) -> u64 {
    let nodes = model.graph.nodes().iter();
    let counted =
        nodes.filter(|node| matches!(node.phase, Phase::Forward | Phase::Loss | Phase::Backward));
    counted.map(|node| node.op.flops(&node.dims)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenet_is_counted_as_its_equations_say() {
        // LeNet-5: 61,706 parameters; 416,520 multiply-adds forward, and twice that backward but for the first layer,
        // whose input needs no gradient.
        let lenet = describe("lenet5-mnist").unwrap();
        assert_eq!(lenet.parameters, 61_706);
        // conv1, relu1, pool1 with its indices, and so on: at least each layer's output once.
        let outputs = 6 * 28 * 28 + 6 * 14 * 14 + 16 * 10 * 10 + 16 * 5 * 5 + 120 + 84 + 10;
        assert!(
            (outputs..4 * outputs).contains(&lenet.activations),
            "{}",
            lenet.activations
        );
        let by_rule = 6.0 * 416_520.0;
        let ratio = lenet.flops_per_token / by_rule;
        assert!((0.85..1.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_dense_model_costs_about_six_operations_for_each_parameter() {
        let moons = describe("mlp-moons").unwrap();
        assert_eq!(moons.parameters, 257);
        let ratio = moons.flops_per_token / (6.0 * 257.0);
        // The first layer's input needs no gradient, activations and loss come on top.
        assert!((0.6..1.6).contains(&ratio), "{ratio}");
    }

    #[test]
    fn what_cannot_be_counted_is_explained() {
        let unknown = describe("gpt-17").unwrap_err().to_string();
        assert!(unknown.contains("gpt-17"), "{unknown}");
        let own = describe("own-text").unwrap_err().to_string();
        assert!(
            own.contains("own-text") && own.contains("expected"),
            "{own}"
        );
    }
}
