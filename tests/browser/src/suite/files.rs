//! Weights leave the page as a file and come back, and no other file does harm.

use std::time::Duration;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal};
use crate::{Outcome, Test};

use super::run::{KEEP_FILES, LONG, messages, open_ready, reset, save_weights, step_once, tensors};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(180),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("weights_are_saved_and_loaded", weights_come_back),
        test(
            "files_that_do_not_fit_change_nothing",
            bad_files_are_refused,
        ),
    ]
}

fn weights_come_back(page: &Page) -> Outcome {
    page.before_each_document(KEEP_FILES)?;
    open_ready(page, "train/mlp-mnist?device=cpu&seed=3")?;
    step_once(page)?;
    step_once(page)?;
    let saved = save_weights(page)?;
    let note = page.text("file-note")?;
    expect(note.contains("mlp-mnist-step-2.safetensors"), note)?;
    let third = step_once(page)?;

    reset(page)?;
    page.drop_file("load-drop", "dropped.safetensors", &saved)?;
    loaded(page, "dropped.safetensors")?;
    expect_equal("loss after a dropped file", step_once(page)?, third.clone())?;

    reset(page)?;
    page.choose_file("load-weights", "chosen.safetensors", &saved)?;
    loaded(page, "chosen.safetensors")?;
    expect_equal("loss after a chosen file", step_once(page)?, third)?;
    page.expect_clean()
}

/// Waits until a file of step 2 is loaded.
fn loaded(page: &Page, name: &str) -> Outcome {
    page.wait_for_number("metric-step", LONG, |step| step == 2.0)?;
    page.wait_for_text("file-note", PATIENCE, |text| text.contains(name))
        .map(drop)
}

fn bad_files_are_refused(page: &Page) -> Outcome {
    page.before_each_document(KEEP_FILES)?;
    open_ready(page, "train/worked-2-3-1?device=cpu")?;
    let other_model = save_weights(page)?;

    open_ready(page, "train/mlp-mnist?device=cpu&seed=3")?;
    step_once(page)?;
    let good = save_weights(page)?;
    let second = step_once(page)?;
    reset(page)?;
    step_once(page)?;
    let huge_header = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let cases: [(&str, &[u8]); 6] = [
        ("truncated.safetensors", &good[..good.len() / 2]),
        ("header-only.safetensors", &good[..64]),
        ("huge-header.safetensors", &huge_header),
        ("other-model.safetensors", &other_model),
        ("empty.safetensors", b""),
        ("notes.txt", b"not a safetensors file"),
    ];
    for (name, bytes) in cases {
        page.drop_file("load-drop", name, bytes)?;
        page.wait_for("a message about the file", PATIENCE, || {
            let texts = messages(page)?;
            let text = texts
                .iter()
                .find(|text| text.contains("could not be loaded"));
            Ok(text.cloned())
        })
        .map_err(|error| format!("{name}: {error}"))?;
        expect_equal(name, page.number("metric-step")?, 1.0)?;
        expect_equal("note", page.text("file-note")?.as_str(), "")?;
        page.click("error-dismiss")?;
        page.wait_for("no message", PATIENCE, || {
            Ok(messages(page)?.is_empty().then_some(()))
        })?;
    }
    expect(
        tensors(&save_weights(page)?)? == tensors(&good)?,
        "a file that was refused changed the weights",
    )?;
    expect_equal("loss of the next step", step_once(page)?, second)?;
    page.expect_clean()
}
