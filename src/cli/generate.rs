//! `glassbox generate`

use super::CliError;
use super::arguments::GenerateArguments;
use super::driver::find_preset;
use super::lines::{CandidateLine, GeneratedLine, Line, print};
use super::train::read_weights;
use crate::data::Vocabulary;
use crate::export::Checkpoint;
use crate::models::{PresetData, vocabulary_spec};
use crate::session::{GenerateRequest, SessionError, TextGenerator};
use crate::tensor::{Shape, Values};

pub fn run(arguments: &GenerateArguments) -> Result<(), CliError> {
    let bytes = read_weights(&arguments.weights)?;
    let facts = Checkpoint::read_facts(&bytes)?;
    let preset = find_preset(&facts.preset)?;
    let (PresetData::Text { window, .. } | PresetData::OwnText { window }) = preset.data else {
        return Err(CliError::Usage(format!(
            "{}: {} writes no text; text presets do, such as lstm-text",
            arguments.weights.display(),
            preset.id
        )));
    };
    // The text itself is not needed: the file holds the characters that the network knows.
    let characters = facts.vocabulary.as_deref().ok_or_else(|| {
        CliError::file(
            &arguments.weights,
            "it does not say which characters the network knows",
        )
    })?;
    let vocabulary = Vocabulary::of(characters);
    // The page's slider goes on to 20 whatever the text; what is typed here is meant.
    if let Some(k) = arguments.top_k.filter(|&k| k as usize > vocabulary.len()) {
        return Err(CliError::Session(SessionError::BadConfig {
            name: "top-k",
            actual: k.to_string(),
            expected: format!("a whole number from 1 to {}", vocabulary.len()),
        }));
    }
    let spec = match preset.data {
        PresetData::OwnText { .. } => vocabulary_spec(vocabulary.len()),
        _ => (preset.spec)(),
    };
    let mut generator = TextGenerator::new(&spec, &vocabulary, window)
        .map_err(|error| CliError::file(&arguments.weights, error))?;
    let graph = &generator.model().graph;
    let named = |value| {
        let value = graph.value(value);
        (value.name.clone(), value.shape.clone())
    };
    let parameters = generator.model().parameters.iter().map(|p| p.value);
    let parameters: Vec<(String, Shape)> = parameters.map(named).collect();
    let buffers: Vec<(String, Shape)> = graph.buffers().into_iter().map(named).collect();
    let expected = [&parameters[..], &buffers[..]].concat();
    let file = Checkpoint::from_bytes(&bytes, preset.id, &expected, &[])?;
    let values = |names: &[(String, Shape)]| -> Vec<Values> {
        let tensors = names.iter().filter_map(|(name, _)| file.find(name));
        tensors.map(|t| Values::F32(t.values.clone())).collect()
    };
    generator.write(values(&parameters), values(&buffers));

    let mut writing = generator.begin(GenerateRequest {
        prompt: arguments.prompt.clone(),
        length: arguments.length,
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        seed: arguments.seed,
    })?;
    let mut steps = Vec::new();
    while !writing.is_done() {
        steps.push(generator.next(&mut writing, facts.step)?);
    }
    let text: String = steps.iter().map(|step| step.character).collect();
    if !arguments.json {
        return print(&format!("{}{text}", arguments.prompt));
    }
    let steps = steps.iter().map(|step| GeneratedLine {
        character: step.character,
        candidates: step.candidates.iter().map(CandidateLine::from).collect(),
    });
    Line::Generated {
        preset: preset.id,
        step: facts.step,
        prompt: &arguments.prompt,
        text: &text,
        steps: steps.collect(),
    }
    .print()
}
