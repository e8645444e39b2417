//! X12 (R30): what a small network writes when it always takes the likeliest character, and when it draws.

use super::trainer::Trainer;
use super::{Form, Measure, Measures, Work};
use crate::data::{SampleSet, TextSet, TextSource, distinct_share};
use crate::layers::{Embedding, Layer, Linear, Loss, Lstm, ModelSpec};
use crate::lesson::LessonError;
use crate::models::{Hyperparameters, Preset, PresetData};
use crate::ops::SequenceCrossEntropy;
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;
use crate::session::{GenerateRequest, TextGenerator, Writing};

/// The text, and how many characters are read at once.
const SOURCE: TextSource = TextSource::Shakespeare;
const WINDOW: usize = 32;

/// Updates before it writes.
const STEPS: u64 = 400;

/// Characters that are written at each temperature.
const LENGTH: u32 = 300;

/// What is written on: the article's own beginning.
const PROMPT: &str = "The quick brown fox";

/// Greedy, and drawn.
const TEMPERATURES: [f32; 2] = [0.0, 0.8];

static PRESET: Preset = Preset {
    id: "exercise-x12",
    spec: || spec(1),
    data: PresetData::Text {
        source: SOURCE,
        window: WINDOW,
    },
    initial: &[],
    defaults: Hyperparameters {
        batch: 16,
        learning_rate: 1e-2,
        optimizer: OptimizerKind::Adam,
        momentum: 0.9,
        epochs: 1,
        options: Options {
            clip: Some(1.0),
            ..Options::NONE
        },
    },
    article: None,
};

/// V-24-48-V.
fn spec(vocabulary: usize) -> ModelSpec {
    let embedding = Embedding {
        vocabulary,
        features: 24,
    };
    ModelSpec {
        layers: vec![
            Layer::new("embedding", embedding),
            Layer::new("lstm", Lstm::new(48)),
            Layer::new(
                "fc",
                Linear {
                    out_features: vocabulary,
                },
            ),
        ],
        loss: Loss::SequenceCrossEntropy(SequenceCrossEntropy::default()),
    }
}

/// The path of the text.
pub(super) fn file() -> &'static str {
    SOURCE.path()
}

/// A network that learns characters and then writes.
pub(super) struct Letters {
    spec: ModelSpec,
    samples: SampleSet,
    trainer: Trainer,
    /// Of the last updates.
    loss: f64,
    generator: Option<TextGenerator>,
    /// By temperature.
    texts: Vec<(Writing, String)>,
}

impl Letters {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, LessonError> {
        let text = TextSet::from_bytes(SOURCE.name(), bytes, WINDOW)?;
        let spec = spec(text.vocabulary.len());
        let samples = SampleSet::Text(text);
        Ok(Self {
            trainer: Trainer::new(&PRESET, &spec, &samples, 1)?,
            spec,
            samples,
            loss: f64::NAN,
            generator: None,
            texts: Vec::new(),
        })
    }

    /// Makes the network that writes, with the weights as they stand.
    fn begin(&mut self) -> Result<TextGenerator, LessonError> {
        let text = self.samples.text().expect("the samples are a text");
        let mut generator = TextGenerator::new(&self.spec, &text.vocabulary, WINDOW)?;
        generator.write(self.trainer.parameters(), []);
        for temperature in TEMPERATURES {
            let writing = generator.begin(GenerateRequest {
                prompt: PROMPT.into(),
                length: LENGTH,
                temperature,
                top_k: None,
                seed: 1,
            })?;
            self.texts.push((writing, String::new()));
        }
        Ok(generator)
    }

    fn progress(&self) -> (u32, u32) {
        let written: u32 = self.texts.iter().map(|(writing, _)| writing.count()).sum();
        let total = STEPS as u32 + LENGTH * TEMPERATURES.len() as u32;
        (self.trainer.steps() as u32 + written, total)
    }
}

impl Work for Letters {
    fn advance(&mut self, budget_millis: f64) -> Result<(u32, u32), LessonError> {
        let deadline = now_millis() + budget_millis;
        while self.trainer.steps() < STEPS {
            let loss = self.trainer.step();
            // A running mean over about twenty batches.
            self.loss = match self.loss.is_nan() {
                true => loss,
                false => 0.95 * self.loss + 0.05 * loss,
            };
            if now_millis() >= deadline {
                return Ok(self.progress());
            }
        }
        let mut generator = match self.generator.take() {
            Some(generator) => generator,
            None => self.begin()?,
        };
        for (writing, text) in &mut self.texts {
            while !writing.is_done() && now_millis() < deadline {
                text.push(generator.next(writing, STEPS)?.character);
            }
        }
        self.generator = Some(generator);
        Ok(self.progress())
    }

    fn measures(&mut self, form: Form) -> Result<Measures, LessonError> {
        let at = usize::from(form == Form::Right);
        let text = self.texts.get(at).map_or("", |(_, text)| text);
        let share = distinct_share(text).unwrap_or(f64::NAN);
        Ok(Measures::default()
            .count("updates", self.trainer.steps())
            .number("training_loss", self.loss)
            .number("temperature", f64::from(TEMPERATURES[at]))
            .with("distinct_share", Measure::Share(share))
            .with("writing", Measure::Writing(text.into())))
    }
}

pub(super) fn x12_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("distinct_share") < 0.5 * right.get("distinct_share")
}
