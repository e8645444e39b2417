//! A model that was printed under the name of GPT-3 (exercise X13), built of this engine's layers and counted.

use serde::{Deserialize, Serialize};

use super::LabError;
use crate::layers::{BatchSource, Embedding, Layer, Linear, Loss, Lstm, Model, ModelSpec};
use crate::ops::SequenceCrossEntropy;
use crate::optim::{OptimizerKind, Options};
use crate::session::SessionError;

/// The listing, as it was printed.
pub const LISTING: &str = "Embedding(10000,256), LSTM(128), Dense(10000)  # GPT-3";

const WORDS: usize = 10_000;
const FEATURES: usize = 256;
const UNITS: usize = 128;
/// Gates of an LSTM, with the candidate.
const GATES: usize = 4;

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Printed {
    /// Name and trainable numbers of each layer.
    pub layers: Vec<(String, u64)>,
    pub parameters: u64,
    /// The same if an LSTM has one bias for each gate, as in Keras, and not two, as in PyTorch and here.
    pub parameters_with_one_bias: u64,
    /// How many of the layers are attention.
    pub attention_layers: u64,
}

fn spec() -> ModelSpec {
    ModelSpec {
        layers: vec![
            Layer::new(
                "Embedding",
                Embedding {
                    vocabulary: WORDS,
                    features: FEATURES,
                },
            ),
            Layer::new("LSTM", Lstm::new(UNITS)),
            Layer::new(
                "Dense",
                Linear {
                    out_features: WORDS,
                },
            ),
        ],
        loss: Loss::SequenceCrossEntropy(SequenceCrossEntropy::default()),
    }
}

/// Builds the printed model's graph, without memory for its values, and counts it.
///
/// # Errors
/// Never: the layers fit.
pub fn printed() -> Result<Printed, LabError> {
    let spec = spec();
    let source = BatchSource::Text {
        tokens: 3,
        windows: 1,
        window: 2,
        order_length: 1,
    };
    let update = OptimizerKind::Sgd.update(0.0, &Options::NONE);
    let model = Model::build(&spec, &source, 1, update).map_err(SessionError::from)?;
    let of_layer = |layer: &Layer| {
        let parameters = model.parameters.iter();
        let counts = parameters.filter_map(|parameter| {
            let value = model.graph.value(parameter.value);
            let owner = value.name.split('.').next();
            (owner == Some(&layer.name)).then_some(value.shape.count() as u64)
        });
        (layer.name.clone(), counts.sum())
    };
    let layers: Vec<(String, u64)> = spec.layers.iter().map(of_layer).collect();
    let parameters = layers.iter().map(|(_, count)| count).sum();
    let kinds = spec.layers.iter().map(|layer| layer.kind.name());
    Ok(Printed {
        parameters,
        parameters_with_one_bias: parameters - (GATES * UNITS) as u64,
        attention_layers: kinds.filter(|kind| kind.contains("attention")).count() as u64,
        layers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    #[test]
    fn the_printed_model_has_four_million_parameters_and_no_attention() {
        let printed = printed().unwrap();
        let expected = [
            ("Embedding", 10_000 * 256),
            // Input and hidden weights and two biases of four gates.
            ("LSTM", 4 * 128 * (256 + 128 + 2)),
            ("Dense", 128 * 10_000 + 10_000),
        ];
        let expected = expected.map(|(name, count)| (name.to_string(), count));
        assert_eq!(printed.layers, expected);
        assert_eq!(printed.parameters, 4_047_632);
        // Exercise X13: 4.05e6; with one bias for each gate 4,047,120.
        assert_eq!(printed.parameters_with_one_bias, 4_047_120);
        assert_eq!(printed.attention_layers, 0);
        // Control: attention is found where there is some.
        let gpt = (models::find("gpt-text").unwrap().spec)();
        let mut kinds = gpt.layers.iter().map(|layer| layer.kind.name());
        assert!(kinds.any(|kind| kind.contains("attention")));
    }
}
