//! Texts from data to generated characters: the loss of every step against PyTorch's numbers and by hand, training,
//! evaluation, writing on, and what is refused.

use std::collections::HashSet;

use glassbox::data::{TextSet, TextSource};
use glassbox::layers::ModelSpec;
use glassbox::models;
use glassbox::session::{
    Cause, Command, DevicePreference, Event, FailureKind, GenerateRequest, GeneratedStep,
    MAX_GENERATED, PromptProblem, RunConfig,
};
use glassbox::train::Evaluation;
use sha2::{Digest, Sha256};

use crate::command_line::{fails, glassbox, lines, of_event};
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
fn the_committed_texts_match_their_manifest_and_their_known_counts() {
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

/// The first criterion of the presets of text, with both kinds of network in both languages.
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
    // A text that is still under way at an evaluation runs to its end, so a slow machine leaves some out, but neither
    // the first nor the last.
    assert_eq!((steps[0], *steps.last().unwrap()), (0, 30), "{steps:?}");
    assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
    assert!(steps.iter().all(|step| step % 10 == 0), "{steps:?}");
    assert_ne!(text_of(&texts[0].1), text_of(&texts.last().unwrap().1));
    // Where training leaves the text behind, what is written last still comes from the newest weights.
    let mut hasty = start("lstm-text", Some(16));
    hasty.send(Command::SetEvaluationInterval {
        run: RUN,
        steps: 10,
    });
    hasty.send(generate(Some(request("ROMEO", 12, 0.8))));
    let events = hasty.finish(Command::StepBatches {
        run: RUN,
        count: 30,
    });
    let of_hasty = written(&events);
    assert_eq!(of_hasty.last(), texts.last());
    // The text of a step does not depend on the training that went on beside it.
    let mut paused = start("lstm-text", Some(16));
    paused.train(30);
    assert_eq!(
        write(&mut paused, request("ROMEO", 12, 0.8)),
        text_of(&texts.last().unwrap().1)
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

/// A text of `count` characters.
fn rhyme(count: usize) -> String {
    let line = "twinkle twinkle little star, how I wonder what you are\n";
    line.chars().cycle().take(count).collect()
}

fn provide(name: &str, text: &[u8]) -> Command {
    Command::ProvideText {
        name: name.into(),
        bytes: text.to_vec(),
    }
}

#[test]
fn the_learners_own_text_is_read_learned_and_written_on() {
    let mut engine = Engine::without_data();
    let start = || Command::Start {
        run: RUN,
        config: config("own-text", Some(4)),
    };
    let failure = engine.refused(start());
    assert!(failure.message.contains("learns from a text of your own"));
    assert!(matches!(failure.cause, Some(Cause::NoOwnText { .. })));

    let text = rhyme(2_000);
    let events = engine.send(provide("star.txt", text.as_bytes()));
    let read = Event::TextRead {
        name: "star.txt".into(),
        characters: 2_000,
        vocabulary: 19,
    };
    assert_eq!(events, [read]);
    let events = engine.send(start());
    assert_eq!(failures(&events), []);
    let facts = events.iter().find_map(|event| match event {
        Event::Text { facts, .. } => Some(facts.clone()),
        _ => None,
    });
    let facts = facts.expect("it learns from a text");
    assert_eq!((facts.name.as_str(), facts.characters), ("star.txt", 2_000));
    assert_eq!(
        (facts.train_characters, facts.vocabulary, facts.window),
        (1_800, 19, 64)
    );
    assert!(text[1_800..].contains(&facts.prompt) && !facts.prompt.is_empty());
    let started = events.iter().find_map(|event| match event {
        Event::Started { model, .. } => Some(model.clone()),
        _ => None,
    });
    let model = started.expect("it starts");
    assert_eq!(model.classes.len(), 19);
    assert_eq!(model.input_shape, [64]);
    engine.train(120);
    let written = write(
        &mut engine,
        request("twinkle twinkle little star, ", 25, 0.0),
    );
    assert_eq!(written, "how I wonder what you are");

    // Another text with as many characters is not what the file's network has read.
    let saved = engine.save();
    let other = text.replace('t', "T");
    engine.send(provide("other.txt", other.as_bytes()));
    engine.send(start());
    let load = |bytes: &[u8]| Command::Load {
        run: RUN,
        bytes: bytes.to_vec(),
    };
    let failure = engine.refused(load(&saved));
    assert!(
        failure
            .message
            .contains("19 different characters, which are not the 19")
    );
    engine.send(provide("star.txt", text.as_bytes()));
    engine.send(start());
    assert_eq!(failures(&engine.finish(load(&saved))), []);
    let again = write(
        &mut engine,
        request("twinkle twinkle little star, ", 25, 0.0),
    );
    assert_eq!(again, written);
}

#[test]
fn texts_that_cannot_be_learned_from_are_refused_and_the_one_before_stays() {
    let mut engine = Engine::without_data();
    engine.send(provide("star.txt", rhyme(700).as_bytes()));
    let least = "expected at least 650, so that the held-out tenth has a window of 64 and one more";
    for (text, expected) in [
        (&b""[..], format!("my.txt: 0 characters, {least}")),
        (b"a", format!("my.txt: 1 characters, {least}")),
        (
            rhyme(649).as_bytes(),
            format!("my.txt: 649 characters, {least}"),
        ),
        (
            &[b'a'; 900],
            "my.txt: all its characters are the same".into(),
        ),
        (b"ab\xffcd", "my.txt: not UTF-8 text from byte 2".into()),
    ] {
        let failure = engine.refused(provide("my.txt", text));
        assert!(
            failure.message.starts_with(&expected),
            "{}",
            failure.message
        );
        assert_eq!(failure.kind, FailureKind::BadFile);
        assert!(matches!(failure.cause, Some(Cause::Text { .. })));
    }
    let events = engine.send(Command::Start {
        run: RUN,
        config: config("own-text", None),
    });
    assert_eq!(failures(&events), []);
    assert_eq!(engine.train(1).len(), 1);
}

#[test]
fn a_table_of_vectors_too_small_for_the_text_is_refused() {
    let mut engine = Engine::without_data();
    let text = shipped_text(TextSource::Shakespeare, WINDOW);
    engine
        .session
        .provide_source_text(TextSource::Shakespeare, text);
    let spec = |vocabulary: usize, classes: usize| {
        let json = format!(
            r#"{{"layers": [
                {{"name": "embedding", "kind": "embedding", "vocabulary": {vocabulary}, "features": 4}},
                {{"name": "rnn", "kind": "rnn", "hidden_size": 3}},
                {{"name": "fc", "kind": "linear", "out_features": {classes}}}
            ], "loss": {{"sequence_cross_entropy": {{}}}}}}"#
        );
        ModelSpec::from_json(&json).expect("a layer list")
    };
    let mut start = |spec: ModelSpec| {
        engine.session.provide_model(spec);
        let events = engine.send(Command::Start {
            run: RUN,
            config: config("lstm-text", Some(4)),
        });
        failures(&events)
            .into_iter()
            .next()
            .map(|failure| failure.message)
    };
    let rows = start(spec(68, 69)).expect("refused");
    assert!(
        rows.contains("embedding: vocabulary is 68, expected at least the text's 69"),
        "{rows}"
    );
    let classes = start(spec(69, 60)).expect("refused");
    assert!(
        classes.contains("fc: its output is (4, 64, 60)"),
        "{classes}"
    );
    assert_eq!(start(spec(69, 69)), None);
    // Numbers are no tokens, and tokens no numbers.
    let dense = r#"{"layers": [{"name": "fc", "kind": "linear", "out_features": 69}],
        "loss": {"sequence_cross_entropy": {}}}"#;
    let message = start(ModelSpec::from_json(dense).unwrap()).expect("refused");
    assert!(message.contains("fc"), "{message}");
}

#[test]
fn the_command_line_trains_saves_and_writes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (text, saved, digits) = (
        path("star.txt"),
        path("w.safetensors"),
        path("d.safetensors"),
    );
    std::fs::write(&text, rhyme(1_500)).unwrap();
    let train = [
        "train", "own-text", "--text", &text, "--device", "cpu", "--steps", "60", "--json",
    ];
    let output = lines(&[&train[..], &["--batch", "8", "--save", &saved]].concat());
    let evaluation = of_event(&output, "evaluation");
    let last = evaluation.last().expect("an evaluation");
    let (loss, perplexity) = (
        last["loss"].as_f64().unwrap(),
        last["perplexity"].as_f64().unwrap(),
    );
    assert!((perplexity / loss.exp() - 1.0).abs() < 1e-5);

    let generate = ["generate", &saved, "--prompt", "twinkle "];
    let bare = |rest: &[&'static str]| [&generate[..], rest].concat();
    let with = |rest: &[&'static str]| [&generate[..], &["--length", "30"], rest].concat();
    let output = lines(&with(&[
        "--temperature",
        "0.7",
        "--top-k",
        "4",
        "--seed",
        "9",
        "--json",
    ]));
    let [line] = &output[..] else {
        panic!("one line")
    };
    assert_eq!(line["event"], "generated");
    assert_eq!(
        (line["step"].as_u64(), &line["preset"]),
        (Some(60), &"own-text".into())
    );
    let written = line["text"].as_str().unwrap();
    assert_eq!(written.chars().count(), 30);
    let steps = line["steps"].as_array().unwrap();
    let characters: String = steps
        .iter()
        .map(|s| s["character"].as_str().unwrap())
        .collect();
    assert_eq!(characters, written);
    assert_eq!(steps[0]["candidates"].as_array().unwrap().len(), 10);
    let plain = glassbox(&with(&[
        "--temperature",
        "0.7",
        "--top-k",
        "4",
        "--seed",
        "9",
    ]));
    assert_eq!(
        String::from_utf8_lossy(&plain.stdout),
        format!("twinkle {written}\n")
    );

    for (rest, expected) in [
        (
            &["--temperature", "-1"][..],
            "the temperature is -1; expected 0 for greedy",
        ),
        (&["--temperature", "nan"], "the temperature is NaN"),
        (&["--top-k", "0"], "top-k is 0"),
        (
            &["--top-k", "999"],
            "top-k is 999; expected a whole number from 1 to 19",
        ),
        (&["--length", "0"], "the length of the text is 0"),
    ] {
        let text = fails(&bare(rest), 2);
        assert!(text.contains(expected), "{text}");
    }
    let unknown = fails(&["generate", &saved, "--prompt", "zebra"], 2);
    assert!(unknown.contains("\"z\", \"b\""), "{unknown}");
    lines(&[
        "train",
        "mlp-mnist",
        "--device",
        "cpu",
        "--steps",
        "1",
        "--json",
        "--save",
        &digits,
    ]);
    let images = fails(&["generate", &digits, "--prompt", "a"], 2);
    assert!(images.contains("mlp-mnist writes no text"), "{images}");
    let none = fails(&["train", "own-text", "--steps", "1"], 2);
    assert!(none.contains("--text FILE"), "{none}");
    let other = fails(&["train", "lstm-text", "--text", &text, "--steps", "1"], 2);
    assert!(other.contains("own-text does"), "{other}");
    let window = fails(&[&train[..], &["--window", "5000"]].concat(), 2);
    assert!(
        window.contains("own-text reads windows of 64 characters, not of 5000"),
        "{window}"
    );
    let none = fails(&["train", "own-series", "--window", "5"], 2);
    assert!(none.contains("--csv FILE"), "{none}");
}
