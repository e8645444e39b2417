//! Texts from data to generated characters: the loss of every step against PyTorch's numbers and by hand, training,
//! evaluation, writing on, and what is refused.

use std::collections::HashSet;

use glassbox::data::{TextSet, TextSource};
use glassbox::models;
use glassbox::session::{
    Cause, Command, DevicePreference, Event, FailureKind, GenerateRequest, GeneratedStep,
    MAX_GENERATED, PromptProblem, RunConfig,
};
use glassbox::train::Evaluation;
use sha2::{Digest, Sha256};

use crate::session::{Engine, RUN, failures};
use crate::short_runs::shipped_text;

const WINDOW: usize = models::TEXT_WINDOW;

/// A run of a preset of texts on the CPU, at step 0.
fn start(preset: &str, batch: Option<u32>) -> Engine {
    let mut engine = Engine::without_data();
    for source in TextSource::ALL {
        let text = shipped_text(source, WINDOW);
        engine.session.provide_source_text(source, text);
    }
    let events = engine.send(Command::Start {
        run: RUN,
        config: config(preset, batch),
    });
    assert_eq!(failures(&events), []);
    engine
}

fn config(preset: &str, batch: Option<u32>) -> RunConfig {
    RunConfig {
        preset: preset.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        batch,
        ..RunConfig::default()
    }
}

fn request(prompt: &str, length: u32, temperature: f32) -> GenerateRequest {
    GenerateRequest {
        prompt: prompt.into(),
        length,
        temperature,
        top_k: None,
        seed: 7,
    }
}

fn generate(request: Option<GenerateRequest>) -> Command {
    Command::Generate { run: RUN, request }
}

/// What was written, with the step of each whole text; texts arrive in order and without gaps.
fn written(events: &[Event]) -> Vec<(u64, Vec<GeneratedStep>)> {
    let mut texts = Vec::new();
    let mut current: Vec<GeneratedStep> = Vec::new();
    for event in events {
        let Event::Generated {
            step,
            first,
            steps,
            is_done,
            request,
            ..
        } = event
        else {
            continue;
        };
        if *first == 0 {
            current.clear();
        }
        assert_eq!(current.len(), *first as usize, "no gap");
        current.extend(steps.iter().cloned());
        assert_eq!(*is_done, current.len() == request.length as usize);
        if *is_done {
            texts.push((*step, std::mem::take(&mut current)));
        }
    }
    texts
}

fn text_of(steps: &[GeneratedStep]) -> String {
    steps.iter().map(|step| step.character).collect()
}

/// One text, written now.
fn write(engine: &mut Engine, request: GenerateRequest) -> String {
    let events = engine.finish(generate(Some(request)));
    assert_eq!(failures(&events), []);
    let texts = written(&events);
    assert_eq!(texts.len(), 1);
    text_of(&texts[0].1)
}

fn evaluate(engine: &mut Engine) -> Evaluation {
    let events = engine.finish(Command::Evaluate { run: RUN });
    let found = events.into_iter().find_map(|event| match event {
        Event::Evaluated { evaluation, .. } => Some(evaluation),
        _ => None,
    });
    found.expect("an evaluation")
}

/// Share of different runs of eight characters.
fn distinct(text: &str) -> f64 {
    let characters: Vec<char> = text.chars().collect();
    let runs: Vec<&[char]> = characters.windows(8).collect();
    let different: HashSet<&[char]> = runs.iter().copied().collect();
    different.len() as f64 / runs.len() as f64
}

/// Entropy of the characters that are learned from, in nats.
fn unigram_entropy(text: &TextSet) -> f64 {
    let train = &text.tokens()[..text.train_characters()];
    let mut counts = vec![0u32; text.vocabulary.len()];
    for &token in train {
        counts[token as usize] += 1;
    }
    let share = |&count: &u32| f64::from(count) / train.len() as f64;
    let shares = counts.iter().map(share).filter(|&share| share > 0.0);
    -shares.map(|share| share * share.ln()).sum::<f64>()
}

#[test]
fn the_committed_texts_match_their_manifest_and_the_curriculum() {
    let folder = format!("{}/assets/data/text", env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(format!("{folder}/manifest.txt")).unwrap();
    let mut checked = 0;
    for line in manifest.lines().filter(|line| !line.starts_with('#')) {
        let [sha256, length, name] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        assert_eq!(bytes.len().to_string(), length, "{name}");
        let digest = Sha256::digest(&bytes);
        let actual: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(actual, sha256, "{name}");
        checked += 1;
    }
    assert_eq!(checked, TextSource::ALL.len());
    for (source, vocabulary, entropy) in [
        (TextSource::Shakespeare, 69, 3.266),
        (TextSource::FiveCharacterPoems, 1_195, 5.595),
    ] {
        let text = shipped_text(source, WINDOW);
        assert_eq!(text.vocabulary.len(), vocabulary);
        let actual = unigram_entropy(&text);
        assert!((actual - entropy).abs() < 5e-4, "{actual}");
    }
}

/// CURRICULUM L7, its first criterion, with both kinds of network in both languages.
#[test]
fn held_out_loss_falls_below_the_entropy_of_single_characters_in_fifty_steps() {
    for (preset, source) in [
        ("lstm-text", TextSource::Shakespeare),
        ("lstm-text-zh", TextSource::FiveCharacterPoems),
        ("gpt-text", TextSource::Shakespeare),
        ("gpt-text-zh", TextSource::FiveCharacterPoems),
    ] {
        let mut engine = start(preset, None);
        let text = shipped_text(source, WINDOW);
        let before = evaluate(&mut engine).loss;
        // Nothing is known yet: about as many nats as a guess among all characters.
        let guess = (text.vocabulary.len() as f32).ln();
        assert!((before - guess).abs() < 0.4, "{preset}: {before}");
        let records = engine.train(50);
        let evaluation = evaluate(&mut engine);
        let entropy = unigram_entropy(&text) as f32;
        println!("{preset}: {} of {entropy}", evaluation.loss);
        assert!(evaluation.loss < entropy, "{preset}: {evaluation:?}");
        let perplexity = evaluation.perplexity.expect("it is a text");
        assert!((perplexity / evaluation.loss.exp() - 1.0).abs() < 1e-5);
        let share = evaluation.accuracy.expect("characters are right or wrong");
        let of_batch = records[49].accuracy.expect("as in training");
        assert!((0.05..0.9).contains(&share) && (0.05..0.9).contains(&of_batch));
        assert!(evaluation.confusion.is_empty());
    }
}

#[test]
fn a_greedy_text_goes_round_and_a_warm_one_does_not() {
    let mut engine = start("lstm-text", Some(32));
    engine.train(150);
    let prompt = "The quick brown fox";
    let greedy = write(&mut engine, request(prompt, 400, 0.0));
    let warm = write(&mut engine, request(prompt, 400, 0.8));
    println!("{greedy:?}\n{warm:?}");
    assert!(distinct(&greedy) < 0.3, "{}", distinct(&greedy));
    assert!(distinct(&warm) > 0.9, "{}", distinct(&warm));
}

#[test]
fn equal_requests_give_equal_texts_and_other_seeds_others() {
    for preset in ["lstm-text", "gpt-text-zh"] {
        let mut engine = start(preset, Some(8));
        engine.train(5);
        let source = match preset {
            "lstm-text" => TextSource::Shakespeare,
            _ => TextSource::FiveCharacterPoems,
        };
        let prompt = shipped_text(source, WINDOW).held_out_beginning(160);
        let warm = request(&prompt, 90, 1.0);
        let first = write(&mut engine, warm.clone());
        assert_eq!(first.chars().count(), 90);
        assert_eq!(write(&mut engine, warm.clone()), first);
        let other = GenerateRequest {
            seed: 8,
            ..warm.clone()
        };
        assert_ne!(write(&mut engine, other), first);
        // The longest prompt decides by its last window alone.
        let longer = GenerateRequest {
            prompt: format!("{prompt}{prompt}"),
            ..warm.clone()
        };
        assert_eq!(write(&mut engine, longer), first);
        // One candidate is greedy, whatever the temperature.
        let one = GenerateRequest {
            top_k: Some(1),
            temperature: 5.0,
            ..warm.clone()
        };
        let greedy = request(&prompt, 90, 0.0);
        assert_eq!(write(&mut engine, one), write(&mut engine, greedy));
    }
}

#[test]
fn candidates_are_the_most_probable_characters_and_top_k_cuts_them() {
    let mut engine = start("lstm-text", Some(16));
    engine.train(20);
    let cut = GenerateRequest {
        top_k: Some(3),
        ..request("O Romeo, Romeo", 60, 0.5)
    };
    let events = engine.finish(generate(Some(cut)));
    let steps = &written(&events)[0].1;
    for step in steps {
        let candidates = &step.candidates;
        assert_eq!(candidates.len(), 10);
        let falling = candidates
            .windows(2)
            .all(|c| c[0].probability >= c[1].probability);
        assert!(falling, "{candidates:?}");
        let drawn: f32 = candidates.iter().map(|candidate| candidate.drawn).sum();
        assert!((drawn - 1.0).abs() < 1e-5);
        assert!(
            candidates[3..]
                .iter()
                .all(|candidate| candidate.drawn == 0.0)
        );
        let allowed = candidates[..3].iter().map(|candidate| candidate.character);
        assert!(allowed.clone().any(|character| character == step.character));
        // Colder than 1: the first gains.
        assert!(candidates[0].drawn > candidates[0].probability);
    }
    assert!(
        steps
            .iter()
            .any(|step| step.character != step.candidates[0].character)
    );
}

#[test]
fn a_text_is_written_anew_after_every_evaluation_while_training_goes_on() {
    let mut engine = start("lstm-text", Some(16));
    engine.send(Command::SetEvaluationInterval {
        run: RUN,
        steps: 10,
    });
    let mut events = engine.send(generate(Some(request("ROMEO", 12, 0.8))));
    // Little work at a time, as in the page.
    events.extend(engine.send(Command::StepBatches {
        run: RUN,
        count: 30,
    }));
    events.extend(engine.work(1.0));
    let texts = written(&events);
    let steps: Vec<u64> = texts.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [0, 10, 20, 30]);
    assert_ne!(text_of(&texts[0].1), text_of(&texts[3].1));
    // Where training leaves the text behind, what is written last still comes from the newest weights.
    let mut hasty = start("lstm-text", Some(16));
    hasty.send(generate(Some(request("ROMEO", 12, 0.8))));
    let events = hasty.finish(Command::StepBatches {
        run: RUN,
        count: 30,
    });
    let of_hasty = written(&events);
    assert_eq!(of_hasty.last(), texts.last());
    // The text of a step does not depend on the training that went on beside it.
    let mut paused = start("lstm-text", Some(16));
    paused.train(10);
    assert_eq!(
        write(&mut paused, request("ROMEO", 12, 0.8)),
        text_of(&texts[1].1)
    );
    // Until none is asked for.
    engine.send(generate(None));
    let events = engine.finish(Command::StepBatches {
        run: RUN,
        count: 10,
    });
    assert_eq!(written(&events), []);
}

#[test]
fn what_cannot_be_written_on_is_refused_and_named() {
    let mut engine = start("lstm-text", Some(8));
    let good = request("To be", 5, 0.5);
    let mut refused = |request: GenerateRequest| {
        let events = engine.send(generate(Some(request)));
        let failed = events.into_iter().find_map(|event| match event {
            Event::Failed { failure, .. } => Some(failure),
            _ => None,
        });
        failed.expect("it is refused")
    };
    let empty = refused(request("", 5, 0.5));
    assert_eq!(
        empty.message,
        "the prompt is empty, expected at least 1 character"
    );
    assert_eq!(empty.kind, FailureKind::BadCommand);
    let unknown = refused(request("Café 学而\t", 5, 0.5));
    assert_eq!(
        unknown.message,
        "the prompt has characters that the network never saw: \"é\", \"学\", \"而\", \"\\t\"; it knows only the 69 of \
         its text"
    );
    let Some(Cause::Prompt(PromptProblem::Unknown { characters, .. })) = unknown.cause else {
        panic!("{unknown:?}")
    };
    assert_eq!(characters, ['é', '学', '而', '\t']);
    let long = refused(request(&"a".repeat(10_001), 5, 0.5));
    assert!(
        long.message
            .contains("10001 characters, expected at most 10000")
    );
    for temperature in [-0.1, f32::NAN, f32::INFINITY, 101.0] {
        let failure = refused(GenerateRequest {
            temperature,
            ..good.clone()
        });
        let expected = format!(
            "the temperature is {temperature}; expected 0 for greedy, or a number up to 100"
        );
        assert_eq!(failure.message, expected);
        assert_eq!(failure.kind, FailureKind::BadConfig);
    }
    let none = refused(GenerateRequest {
        top_k: Some(0),
        ..good.clone()
    });
    assert_eq!(
        none.message,
        "top-k is 0; expected a whole number from 1 to 69"
    );
    for length in [0, MAX_GENERATED + 1] {
        let failure = refused(GenerateRequest {
            length,
            ..good.clone()
        });
        assert!(
            failure.message.contains("from 1 to 2000"),
            "{}",
            failure.message
        );
    }
    // Nothing is lost: the run goes on, and so does a good request.
    assert_eq!(write(&mut engine, good).chars().count(), 5);
    assert_eq!(engine.train(2).len(), 2);

    let mut images = Engine::started("mlp-mnist", DevicePreference::Cpu);
    let failure = images.refused(generate(Some(request("a", 1, 0.0))));
    assert!(failure.message.contains("does not learn from a text"));
}
