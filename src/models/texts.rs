//! Presets that read a text character by character and predict the one behind each: an LSTM and a small GPT, in English
//! and Chinese, and an LSTM on the learner's own text.

use super::presets::linear;
use super::{Hyperparameters, Preset, PresetData};
use crate::data::{TextSet, TextSource};
use crate::layers::{
    Add, Embedding, Layer, LayerNorm, Loss, Lstm, ModelSpec, PositionalEmbedding, Relu,
    SelfAttention,
};
use crate::ops::SequenceCrossEntropy;
use crate::optim::{OptimizerKind, Options, ScheduleKind};
use crate::tensor::init::Initializer;

/// T: characters that a network reads at once.
pub const TEXT_WINDOW: usize = 64;

/// Different characters of the texts that Glassbox ships.
const ENGLISH: usize = 69;
const CHINESE: usize = 1_195;

/// Vectors of characters, and of the GPT's tokens throughout.
const FEATURES: usize = 64;

const fn text(source: TextSource) -> PresetData {
    PresetData::Text {
        source,
        window: TEXT_WINDOW,
    }
}

/// Adam with gradients clipped to a norm of 1.
const LSTM: Hyperparameters =
    Hyperparameters::new(OptimizerKind::Adam, 3e-3, 64, 40).with(Options {
        clip: Some(1.0),
        ..Options::NONE
    });

const GPT: Hyperparameters =
    Hyperparameters::new(OptimizerKind::AdamW, 3e-3, 64, 40).with(Options {
        clip: Some(1.0),
        schedule: Some(ScheduleKind::Cosine),
        // Who trains on after the end still learns a little.
        lr_min: Some(3e-5),
        warmup: Some(50),
        ..Options::NONE
    });

/// 112,645 parameters.
pub(super) const LSTM_TEXT: Preset = Preset {
    id: "lstm-text",
    spec: || lstm(ENGLISH),
    data: text(TextSource::Shakespeare),
    initial: &[],
    defaults: LSTM,
    article: None,
};

pub(super) const LSTM_TEXT_ZH: Preset = Preset {
    id: "lstm-text-zh",
    spec: || lstm(CHINESE),
    data: text(TextSource::FiveCharacterPoems),
    initial: &[],
    defaults: LSTM,
    article: None,
};

pub(super) const GPT_TEXT: Preset = Preset {
    id: "gpt-text",
    spec: || gpt(ENGLISH),
    data: text(TextSource::Shakespeare),
    initial: &[],
    defaults: GPT,
    article: None,
};

pub(super) const GPT_TEXT_ZH: Preset = Preset {
    id: "gpt-text-zh",
    spec: || gpt(CHINESE),
    data: text(TextSource::FiveCharacterPoems),
    initial: &[],
    defaults: GPT,
    article: None,
};

/// The same LSTM on a text of the learner's own.
pub(super) const OWN_TEXT: Preset = Preset {
    id: "own-text",
    // Of the shipped English text; the learner's own decides how many characters there are.
    spec: || lstm(ENGLISH),
    data: PresetData::OwnText {
        window: TEXT_WINDOW,
    },
    initial: &[],
    defaults: LSTM,
    article: None,
};

/// The layer list of `own-text` for a text.
pub fn text_spec(text: &TextSet) -> ModelSpec {
    vocabulary_spec(text.vocabulary.len())
}

/// As [`text_spec`], for a text of so many different characters.
pub fn vocabulary_spec(vocabulary: usize) -> ModelSpec {
    lstm(vocabulary)
}

fn loss() -> Loss {
    Loss::SequenceCrossEntropy(SequenceCrossEntropy::default())
}

fn embedding(vocabulary: usize) -> Layer {
    let features = FEATURES;
    Layer::new(
        "embedding",
        Embedding {
            vocabulary,
            features,
        },
    )
}

/// V-64-128-V: a vector for each character, an LSTM, and a dense layer at every step.
fn lstm(vocabulary: usize) -> ModelSpec {
    ModelSpec {
        layers: vec![
            embedding(vocabulary),
            Layer::new("lstm", Lstm::new(128)),
            linear("fc", vocabulary),
        ],
        loss: loss(),
    }
}

/// Two blocks of causal attention with four heads and a dense part of four times the width, each behind a layer
/// normalization and around a residual sum (pre-LN). After Radford et al. (2019), "Language models are unsupervised
/// multitask learners", with the sizes of a classroom.
fn gpt(vocabulary: usize) -> ModelSpec {
    let norm = |name: String| {
        let axes = Some(1);
        let norm = LayerNorm {
            axes,
            ..LayerNorm::default()
        };
        Layer::new(name, norm)
    };
    let mut layers = vec![
        // As large as the vectors of places: both are there to be told apart.
        embedding(vocabulary).with_initializer(Initializer::XavierNormal),
        Layer::new("positions", PositionalEmbedding {}),
    ];
    let mut stream = String::from("positions");
    for block in 1..=2 {
        let name = |part: &str| format!("block{block}.{part}");
        let (attended, sum) = (name("attended"), name("sum"));
        layers.extend([
            norm(name("ln1")),
            Layer::new(name("attention"), SelfAttention::causal(4)),
            Layer::new(&attended, Add {}).with_inputs(&[&stream, &name("attention")]),
            norm(name("ln2")),
            linear(&name("fc1"), 4 * FEATURES),
            // The exact GELU would take a third of a step on the CPU.
            Layer::new(name("relu"), Relu {}),
            linear(&name("fc2"), FEATURES),
            Layer::new(&sum, Add {}).with_inputs(&[&attended, &name("fc2")]),
        ]);
        stream = sum;
    }
    layers.extend([norm("ln".into()), linear("head", vocabulary)]);
    ModelSpec {
        layers,
        loss: loss(),
    }
}
