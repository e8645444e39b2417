//! The page notices every way in which the engine's worker can be lost, and starts another.

use std::time::Duration;

use serde_json::json;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal};
use crate::{Outcome, Test};

use super::run::{
    self, KEEP_WORKERS, curve_points, expect_badge, messages, phase_becomes, play_until, step_once,
};
use super::shell::engine_becomes;

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(180),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("worker_answers_pings", answers_pings),
        test(
            "worker_killed_while_training_is_noticed_and_replaced",
            silence_is_noticed,
        ),
        test("worker_that_panics_is_noticed", panic_is_noticed),
        test(
            "worker_that_panics_while_training_is_replaced",
            crash_is_survived,
        ),
        test("worker_of_another_build_is_refused", other_build_is_refused),
        test(
            "worker_script_that_does_not_load_is_noticed",
            missing_script_is_noticed,
        ),
        test(
            "worker_that_cannot_read_a_command_says_so",
            unreadable_command_is_answered,
        ),
    ]
}

/// Longer than the page needs to find its worker silent.
const SILENCE: Duration = Duration::from_secs(45);

/// Makes the page ask for a worker script that its host does not have.
const MISPLACE_WORKER: &str = "
    window.Worker = class extends Worker {
        constructor(address) { super(address.replace('worker-start.js', 'elsewhere.js')); }
    };";

fn open_ready(page: &Page) -> Outcome {
    page.before_each_document(KEEP_WORKERS)?;
    page.open("")?;
    engine_becomes(page, "ready", PATIENCE)
}

/// Waits until the engine is lost and a message says so with these words.
fn loss_is_explained(page: &Page, words: &str, patience: Duration) -> Outcome {
    engine_becomes(page, "lost", patience)?;
    page.wait_for_text("error-banner", PATIENCE, |text| text.contains(words))
        .map(drop)
}

/// Lets the page hear a text as if its worker had sent it.
fn hear(page: &Page, text: &str) -> Outcome {
    let script = "workers[0].dispatchEvent(new MessageEvent('message', { data: arguments[0] }))";
    page.script(script, &[json!(text)]).map(drop)
}

fn answers_pings(page: &Page) -> Outcome {
    open_ready(page)?;
    page.wait_for("two answered pings", PATIENCE, || {
        let count = page.script("return said.filter((text) => text === 'pong').length", &[])?;
        Ok(count.as_u64().filter(|count| *count >= 2))
    })?;
    engine_becomes(page, "ready", PATIENCE)?;
    page.expect_clean()
}

fn silence_is_noticed(page: &Page) -> Outcome {
    loss_is_survived(page, "answers no more", || {
        page.script("workers[0].terminate()", &[]).map(drop)
    })
}

fn crash_is_survived(page: &Page) -> Outcome {
    loss_is_survived(page, "panicked: on purpose", || {
        hear(page, "failed panicked: on purpose")
    })
}

/// Loses the worker in the middle of a run, and restarts the same run.
fn loss_is_survived(page: &Page, words: &str, lose: impl Fn() -> Outcome) -> Outcome {
    page.before_each_document(KEEP_WORKERS)?;
    run::open_ready(page, "train/mlp-mnist?device=cpu&seed=9&batch=16&lr=0.001")?;
    let address = page.current_address()?;
    let first = step_once(page)?;
    play_until(page, 20.0)?;
    page.click("play-pause")?;
    phase_becomes(page, "playing")?;
    lose()?;
    loss_is_explained(page, words, SILENCE)?;
    phase_becomes(page, "engine-lost")?;
    expect(page.number("metric-step")? >= 20.0, "the step was lost")?;
    expect(curve_points(page)? > 1, "the curve was lost")?;
    page.click("engine-restart")?;
    phase_becomes(page, "ready")?;
    engine_becomes(page, "ready", PATIENCE)?;
    expect_badge(page, "cpu")?;
    expect_equal("messages", messages(page)?, vec![])?;
    expect_equal("address", page.current_address()?, address)?;
    expect_equal("batch size", page.value("batch-size")?.as_str(), "16")?;
    expect_equal(
        "learning rate",
        page.value("learning-rate")?.as_str(),
        "0.001",
    )?;
    expect_equal("first loss of the same run", step_once(page)?, first)?;
    expect_equal(
        "workers",
        page.script("return workers.length", &[])?,
        json!(2),
    )
}

fn panic_is_noticed(page: &Page) -> Outcome {
    open_ready(page)?;
    hear(page, "failed panicked at src/lib.rs: on purpose")?;
    loss_is_explained(page, "panicked at src/lib.rs: on purpose", PATIENCE)
}

fn other_build_is_refused(page: &Page) -> Outcome {
    open_ready(page)?;
    hear(page, "ready 0123")?;
    loss_is_explained(page, "0123", PATIENCE)
}

fn missing_script_is_noticed(page: &Page) -> Outcome {
    page.before_each_document(MISPLACE_WORKER)?;
    page.open("")?;
    loss_is_explained(page, "could not be started", PATIENCE)
}

fn unreadable_command_is_answered(page: &Page) -> Outcome {
    open_ready(page)?;
    page.script(
        "workers[0].postMessage(new Uint8Array([255, 255, 255]))",
        &[],
    )?;
    page.wait_for_text("error-banner", PATIENCE, |text| {
        text.contains("unreadable command")
    })
    .map(drop)
}
