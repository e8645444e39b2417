//! The page notices every way in which the engine's worker can be lost, and starts another.

use std::time::Duration;

use serde_json::json;

use crate::page::{Launch, PATIENCE, Page, expect_equal};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(90),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("worker_answers_pings", answers_pings),
        test(
            "worker_that_answers_no_more_is_noticed_and_replaced",
            silence_is_noticed,
        ),
        test("worker_that_panics_is_noticed", panic_is_noticed),
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

/// Keeps the page's workers in `window.workers`, and what they say in `window.said`.
const KEEP_WORKERS: &str = "
    window.workers = [];
    window.said = [];
    window.Worker = class extends Worker {
        constructor(...options) {
            super(...options);
            window.workers.push(this);
            this.addEventListener('message', (event) => window.said.push(event.data));
        }
    };";

/// Makes the page ask for a worker script that its host does not have.
const MISPLACE_WORKER: &str = "
    window.Worker = class extends Worker {
        constructor(address) { super(address.replace('worker-start.js', 'elsewhere.js')); }
    };";

fn open_ready(page: &Page) -> Outcome {
    page.before_each_document(KEEP_WORKERS)?;
    page.open("")?;
    status_becomes(page, "ready", PATIENCE)
}

fn status_becomes(page: &Page, part: &str, patience: Duration) -> Outcome {
    page.wait_for_text("engine-status", patience, |status| status.contains(part))
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
    expect_equal("status", page.text("engine-status")?.as_str(), "ready")?;
    page.expect_clean()
}

fn silence_is_noticed(page: &Page) -> Outcome {
    open_ready(page)?;
    page.script("workers[0].terminate()", &[])?;
    status_becomes(page, "Unresponsive", SILENCE)?;
    page.click("engine-restart")?;
    status_becomes(page, "ready", PATIENCE)?;
    expect_equal(
        "workers",
        page.script("return workers.length", &[])?,
        json!(2),
    )
}

fn panic_is_noticed(page: &Page) -> Outcome {
    open_ready(page)?;
    hear(page, "failed panicked at src/lib.rs: on purpose")?;
    status_becomes(
        page,
        "Crashed { reason: \"panicked at src/lib.rs: on purpose\" }",
        PATIENCE,
    )
}

fn other_build_is_refused(page: &Page) -> Outcome {
    open_ready(page)?;
    hear(page, "ready 0123")?;
    status_becomes(page, "OtherBuild { worker: \"0123\" }", PATIENCE)
}

fn missing_script_is_noticed(page: &Page) -> Outcome {
    page.before_each_document(MISPLACE_WORKER)?;
    page.open("")?;
    status_becomes(page, "NotStarted", PATIENCE)
}

fn unreadable_command_is_answered(page: &Page) -> Outcome {
    open_ready(page)?;
    page.script(
        "workers[0].postMessage(new Uint8Array([255, 255, 255]))",
        &[],
    )?;
    page.wait_for("a warning about an unreadable command", PATIENCE, || {
        Ok(page
            .console()?
            .into_iter()
            .find(|line| line.text.contains("unreadable command")))
    })
    .map(drop)
}
