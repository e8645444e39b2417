//! Writing on: a network's next character, drawn and put behind the text, over and over.
//!
//! Always on the CPU and on a copy of the weights: a text is the same on every device, training goes on while it is
//! written, and nothing waits for a GPU at every character.

use super::generation::{
    BlockAttention, CANDIDATES, Candidate, GenerateRequest, GeneratedStep, MAX_GENERATED,
    MAX_PROMPT, PromptProblem, TextAttention,
};
use super::{SessionError, TextFacts};
use crate::data::{TextSet, Vocabulary};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::{Phase, ValueId};
use crate::layers::{BatchSource, Model, ModelError, ModelSpec};
use crate::ops::{Op, SgdUpdate, StepValues, order_of_steps};
use crate::tensor::Values;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

/// Fills the generator's key after the seed, so that no other use of the same seed meets the same numbers.
const KEY_DOMAIN: &[u8; 24] = b"glassbox characters v1\0\0";

/// Highest temperature: beyond it every character is about as probable as any other.
pub const MAX_TEMPERATURE: f32 = 100.0;

/// A network for one sample, with weights of its own.
pub struct TextGenerator {
    vocabulary: Vocabulary,
    /// T: the network reads the last characters of the text, as many as this.
    window: usize,
    model: Model,
    executor: CpuExecutor<f32>,
    /// Names of the attentions and their weights (1, heads, T, T), in running order.
    attentions: Vec<(String, ValueId)>,
}

/// A text under way.
#[derive(Clone, Debug)]
pub struct Writing {
    request: GenerateRequest,
    /// The prompt, then what was added.
    tokens: Vec<u32>,
    prompt: usize,
    random: ChaCha8Rng,
}

impl Writing {
    pub fn request(&self) -> &GenerateRequest {
        &self.request
    }

    /// Characters added.
    pub fn count(&self) -> u32 {
        (self.tokens.len() - self.prompt) as u32
    }

    pub fn is_done(&self) -> bool {
        self.count() >= self.request.length
    }
}

/// The tokens of a prompt.
///
/// # Errors
/// When it is empty, too long or has unknown characters.
fn read_prompt(prompt: &str, vocabulary: &Vocabulary) -> Result<Vec<u32>, SessionError> {
    let characters = prompt.chars().count();
    if characters == 0 {
        return Err(SessionError::Prompt(PromptProblem::Empty));
    }
    if characters > MAX_PROMPT {
        return Err(SessionError::Prompt(PromptProblem::TooLong {
            characters: characters as u64,
            most: MAX_PROMPT as u64,
        }));
    }
    vocabulary.encode(prompt).map_err(|characters| {
        SessionError::Prompt(PromptProblem::Unknown {
            characters,
            vocabulary: vocabulary.len() as u64,
        })
    })
}

/// That a request can be carried out with this vocabulary; the tokens of its prompt.
///
/// # Errors
/// When the prompt is empty, too long or has unknown characters, or a number is out of range.
fn check(request: &GenerateRequest, vocabulary: &Vocabulary) -> Result<Vec<u32>, SessionError> {
    let tokens = read_prompt(&request.prompt, vocabulary)?;
    let refuse = |name, actual: String, expected: String| SessionError::BadConfig {
        name,
        actual,
        expected,
    };
    if !(1..=MAX_GENERATED).contains(&request.length) {
        return Err(refuse(
            "the length of the text",
            request.length.to_string(),
            format!("a whole number from 1 to {MAX_GENERATED}"),
        ));
    }
    // Written so that NaN fails.
    if !(0.0..=MAX_TEMPERATURE).contains(&request.temperature) {
        return Err(refuse(
            "the temperature",
            request.temperature.to_string(),
            format!("0 for greedy, or a number up to {MAX_TEMPERATURE}"),
        ));
    }
    if request.top_k == Some(0) {
        let expected = format!("a whole number from 1 to {}", vocabulary.len());
        return Err(refuse("top-k", "0".into(), expected));
    }
    Ok(tokens)
}

/// The layer behind which a step can know of later ones, as far as operations tell: one that runs from the end to the
/// beginning, or an attention without a mask.
fn looks_ahead(model: &Model) -> Option<String> {
    let mut nodes = model.graph.nodes().iter();
    let node = nodes.find(|node| match &node.op {
        Op::AttentionWeights(op) => !op.causal,
        op => order_of_steps(op).is_some_and(|(is_reversed, _)| is_reversed),
    })?;
    Some(node.name.clone())
}

fn last_layer(spec: &ModelSpec) -> String {
    spec.layers
        .last()
        .map_or("input", |layer| &layer.name)
        .into()
}

/// The n-th of some numbers between −1/2 and 1/2 that are far from each other.
fn scattered(n: usize) -> f32 {
    let golden = (n as u32).wrapping_mul(0x9e37_79b9);
    (f64::from(golden) / f64::from(u32::MAX) - 0.5) as f32
}

impl TextGenerator {
    /// A network of this layer list; its weights are written by [`TextGenerator::write`].
    ///
    /// # Errors
    /// When a layer does not fit, the last one does not tell every character of the vocabulary at every step, or what is
    /// told at a step depends on later characters: of a text that is being written there are none.
    pub fn new(
        spec: &ModelSpec,
        vocabulary: &Vocabulary,
        window: usize,
    ) -> Result<Self, ModelError> {
        let source = BatchSource::Text {
            tokens: window + 1,
            windows: 1,
            window,
            order_length: 1,
        };
        let model = Model::build(spec, &source, 1, Op::SgdUpdate(SgdUpdate::default()))?;
        let logits = model.graph.value(model.logits);
        if logits.shape.dims() != [1, window, vocabulary.len()] {
            return Err(ModelError::Attribute {
                layer: last_layer(spec),
                message: format!(
                    "its output is {}, expected a value for each of the {} characters at each of {window} steps",
                    logits.shape,
                    vocabulary.len()
                ),
            });
        }
        let graph = Arc::new(model.graph.clone());
        let nodes = graph.nodes().iter();
        let attentions: Vec<(String, ValueId)> = nodes
            .filter(|node| matches!(node.op, Op::AttentionWeights(_)))
            .map(|node| {
                let name = node.name.strip_suffix(".weights").unwrap_or(&node.name);
                (name.to_string(), node.outputs[0])
            })
            .collect();
        let mut keep = vec![model.logits];
        keep.extend(attentions.iter().map(|(_, weights)| *weights));
        let plan = Arc::new(Plan::forward(&graph, Mode::Train, &keep));
        let mut generator = Self {
            vocabulary: vocabulary.clone(),
            window,
            executor: CpuExecutor::new(graph, plan),
            model,
            attentions,
        };
        generator.check_direction(spec)?;
        Ok(generator)
    }

    /// Tries whether what is told at a step changes with the characters behind it, on some weights or other.
    fn check_direction(&mut self, spec: &ModelSpec) -> Result<(), ModelError> {
        let mut at = 0;
        for parameter in &self.model.parameters {
            let shape = &self.model.graph.value(parameter.value).shape;
            let count = shape.count();
            // Rows of at most 1 in all: nothing grows from step to step.
            let scale = 2.0 / shape.dims().last().map_or(1.0, |&columns| columns as f32);
            let values = (at..at + count).map(|n| scale * scattered(n)).collect();
            at += count;
            self.executor.write(parameter.value, &Values::F32(values));
        }
        for buffer in self.model.graph.buffers() {
            let initial = self.model.graph.initial_buffer(buffer);
            self.executor.write(buffer, &initial);
        }
        let steps = self.window;
        let classes = self.vocabulary.len() as u32;
        // From the middle on every character is another one.
        let half = steps / 2;
        let tokens = |shift| {
            let token = move |t| (t as u32 + if t < half { 0 } else { shift }) % classes;
            (0..steps).map(token).collect::<Vec<_>>()
        };
        let [mut first, second] = [0, 1].map(|shift| {
            self.run(tokens(shift));
            self.executor.reals(self.model.logits).to_vec()
        });
        first.truncate(half * classes as usize);
        let mut pairs = first.iter().zip(&second);
        if pairs.all(|(a, b)| a == b || a.is_nan() && b.is_nan()) {
            return Ok(());
        }
        Err(ModelError::Attribute {
            layer: looks_ahead(&self.model).unwrap_or_else(|| last_layer(spec)),
            message: "what is told at a step depends on the characters behind it, expected on those up to it alone: a \
                      text cannot be written by layers that look ahead (bidirectional or reversed ones, attention \
                      without \"causal\", sums over steps)"
                .into(),
        })
    }

    /// The network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Gives the network its weights and what its layers have gathered, both in the order of the model's.
    pub fn write(
        &mut self,
        parameters: impl IntoIterator<Item = Values>,
        buffers: impl IntoIterator<Item = Values>,
    ) {
        for (parameter, values) in self.model.parameters.iter().zip(parameters) {
            self.executor.write(parameter.value, &values);
        }
        for (buffer, values) in self.model.graph.buffers().into_iter().zip(buffers) {
            self.executor.write(buffer, &values);
        }
    }

    /// Begins a text.
    ///
    /// # Errors
    /// When the prompt is empty, too long or has unknown characters, or a number is out of range.
    pub fn begin(&self, request: GenerateRequest) -> Result<Writing, SessionError> {
        let tokens = check(&request, &self.vocabulary)?;
        let mut key = [0; 32];
        key[..8].copy_from_slice(&request.seed.to_le_bytes());
        key[8..].copy_from_slice(KEY_DOMAIN);
        Ok(Writing {
            prompt: tokens.len(),
            tokens,
            random: ChaCha8Rng::from_seed(key),
            request,
        })
    }

    /// The logits (V) of the character behind a text, of which the last T characters are read.
    ///
    /// The window begins with them and what lies behind is padding, which a network that looks back alone never sees.
    pub fn logits(&mut self, tokens: &[u32]) -> Vec<f32> {
        let read = self.read(tokens);
        let classes = self.vocabulary.len();
        let last = read.len().saturating_sub(1) * classes;
        self.executor.reals(self.model.logits)[last..last + classes].to_vec()
    }

    /// Runs the forward pass on the last T characters of a text; those characters.
    fn read<'a>(&mut self, tokens: &'a [u32]) -> &'a [u32] {
        let read = &tokens[tokens.len().saturating_sub(self.window)..];
        let mut padded = read.to_vec();
        padded.resize(self.window, 0);
        self.run(padded);
        read
    }

    /// Runs the forward pass on a window (T) of tokens.
    fn run(&mut self, tokens: Vec<u32>) {
        self.executor.write(self.model.input, &Values::U32(tokens));
        let groups = self.executor.plan().phases(Phase::Forward, Phase::Forward);
        self.executor.run(groups, &StepValues::forward(1));
    }

    /// What every attention makes of a text, of which the last T characters are read. `step`: training steps done.
    ///
    /// # Errors
    /// When the text is empty, too long or has unknown characters.
    pub fn attention(&mut self, text: String, step: u64) -> Result<TextAttention, SessionError> {
        let tokens = read_prompt(&text, &self.vocabulary)?;
        let read = self.read(&tokens);
        let (steps, length) = (self.window, read.len());
        let blocks = self.attentions.iter().map(|(name, weights)| {
            let all = self.executor.reals(*weights);
            // Queries and keys behind the text are padding.
            let queries = all.chunks_exact(steps * steps).flat_map(|head| {
                let rows = head.chunks_exact(steps).take(length);
                rows.flat_map(|row| &row[..length])
            });
            BlockAttention {
                name: name.clone(),
                heads: (all.len() / (steps * steps)) as u32,
                weights: queries.copied().collect(),
            }
        });
        let characters = read.iter().filter_map(|&t| self.vocabulary.character(t));
        Ok(TextAttention {
            step,
            characters: characters.collect(),
            blocks: blocks.collect(),
            text,
        })
    }

    /// Adds one character.
    ///
    /// # Errors
    /// When the network gives no finite logits.
    pub fn next(
        &mut self,
        writing: &mut Writing,
        step: u64,
    ) -> Result<GeneratedStep, SessionError> {
        let logits = self.logits(&writing.tokens);
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(SessionError::NonFinite {
                step,
                node: "the next character".into(),
                tensor: self.model.graph.value(self.model.logits).name.clone(),
            });
        }
        let request = &writing.request;
        let odds = Odds::new(&logits, request.temperature, request.top_k);
        let token = odds.draw(&mut writing.random);
        writing.tokens.push(token as u32);
        let character = |token: usize| {
            let character = self.vocabulary.character(token as u32);
            character.expect("there is a logit for each character")
        };
        let candidates = odds.ranked.iter().take(CANDIDATES);
        Ok(GeneratedStep {
            character: character(token),
            candidates: candidates
                .map(|&token| Candidate {
                    character: character(token),
                    probability: odds.probability[token] as f32,
                    drawn: odds.drawn[token] as f32,
                })
                .collect(),
        })
    }
}

/// How probable each character is, and how it is drawn.
struct Odds {
    /// Most probable first; of equal ones the earlier.
    ranked: Vec<usize>,
    /// softmax(z)
    probability: Vec<f64>,
    /// softmax(z / temperature) over the allowed characters, 0 for the others.
    drawn: Vec<f64>,
}

/// `softmax(z / temperature)` in f64, of the logits for which `allowed` holds; 0 for the others.
fn softmax(logits: &[f32], temperature: f64, allowed: impl Fn(usize) -> bool) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |(token, &logit): (usize, &f32)| {
        let distance = f64::from(logit) - f64::from(largest);
        // `libm`'s is the same on every machine.
        let weight = libm::exp(distance / temperature);
        if allowed(token) { weight } else { 0.0 }
    };
    let weights: Vec<f64> = logits.iter().enumerate().map(weight).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

impl Odds {
    fn new(logits: &[f32], temperature: f32, top_k: Option<u32>) -> Self {
        let mut ranked: Vec<usize> = (0..logits.len()).collect();
        ranked.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let mut rank = vec![0; logits.len()];
        for (place, &token) in ranked.iter().enumerate() {
            rank[token] = place;
        }
        let most = top_k.map_or(usize::MAX, |k| k as usize);
        let drawn = if temperature == 0.0 {
            let mut drawn = vec![0.0; logits.len()];
            drawn[ranked[0]] = 1.0;
            drawn
        } else {
            softmax(logits, temperature.into(), |token| rank[token] < most)
        };
        Self {
            probability: softmax(logits, 1.0, |_| true),
            ranked,
            drawn,
        }
    }

    /// The first character at which the sum of probabilities passes a random number below 1.
    fn draw(&self, random: &mut ChaCha8Rng) -> usize {
        let threshold = f64::from(random.next_u32()) / f64::from(1u32 << 31) / 2.0;
        let mut sum = 0.0;
        for (token, &share) in self.drawn.iter().enumerate() {
            sum += share;
            if share > 0.0 && sum > threshold {
                return token;
            }
        }
        // Rounding may leave the sum just below the number.
        self.ranked[0]
    }
}

/// What a page is told of the text that a run learns from.
pub(super) fn text_facts(text: &TextSet) -> TextFacts {
    TextFacts {
        name: text.name.clone(),
        characters: text.tokens().len() as u32,
        train_characters: text.train_characters() as u32,
        vocabulary: text.vocabulary.len() as u32,
        window: text.window() as u32,
        prompt: text.held_out_beginning(PROMPT),
    }
}

/// Characters of the prompt that is offered to start with.
const PROMPT: usize = 32;
