//! What the tests of the training page share.

use std::time::Duration;

use base64::Engine;
use serde_json::json;

use crate::Outcome;
use crate::page::{PATIENCE, Page, by_testid, expect_equal, keys};

/// Longer than a start, an evaluation or some dozen steps take on a slow machine.
pub const LONG: Duration = Duration::from_secs(120);

/// Keeps the page's workers in `window.workers`, and what they say in `window.said`.
pub const KEEP_WORKERS: &str = "
    window.workers = [];
    window.said = [];
    window.Worker = class extends Worker {
        constructor(...options) {
            super(...options);
            window.workers.push(this);
            this.addEventListener('message', (event) => window.said.push(event.data));
        }
    };";

/// Keeps every file that the page offers, in base64, in `window.savedFiles`.
pub const KEEP_FILES: &str = "
    window.savedFiles = [];
    const create = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
        const reader = new FileReader();
        reader.onload = () => { window.savedFiles.push(reader.result.split(',')[1]); };
        reader.readAsDataURL(blob);
        return create.call(URL, blob);
    };";

/// Waits for what the page says of its run: `ready`, `playing`, `paused`, `stopped` and so on.
pub fn phase_becomes(page: &Page, phase: &str) -> Outcome {
    page.wait_for(&format!("the run to be {phase}"), LONG, || {
        let now = page.attribute("run-status", "data-phase")?;
        Ok(now.filter(|now| now == phase))
    })
    .map(drop)
}

pub fn open_ready(page: &Page, path: &str) -> Outcome {
    page.open(path)?;
    phase_becomes(page, "ready")
}

/// Checks what computes: `gpu`, `software` or `cpu`.
pub fn expect_badge(page: &Page, kind: &str) -> Outcome {
    let badge = page.attribute("device-badge", "data-kind")?;
    expect_equal("device badge", badge.as_deref(), Some(kind))
}

/// Trains one batch by the button, which moves the step by exactly one, and returns the loss as
/// it is shown.
pub fn step_once(page: &Page) -> Result<String, String> {
    let before = page.number("metric-step")?;
    page.click("step-batch")?;
    page.wait_for_number("metric-step", LONG, |step| step > before)?;
    phase_becomes(page, "paused")?;
    expect_equal("step", page.number("metric-step")?, before + 1.0)?;
    page.text("metric-loss")
}

/// A loss as it is shown, as a number.
pub fn number(loss: &str) -> Result<f64, String> {
    loss.parse()
        .map_err(|_| format!("expected a bare number as loss, got `{loss}`"))
}

/// Plays until at least this step, then pauses, and returns the step it stands at.
pub fn play_until(page: &Page, step: f64) -> Result<f64, String> {
    page.click("play-pause")?;
    page.wait_for_number("metric-step", LONG, |now| now >= step)?;
    page.click("play-pause")?;
    phase_becomes(page, "paused")?;
    page.number("metric-step")
}

/// Goes back to the initial weights.
pub fn reset(page: &Page) -> Outcome {
    page.click("reset")?;
    page.wait_for_number("metric-step", LONG, |step| step == 0.0)?;
    phase_becomes(page, "ready")
}

/// Types a value into a field and leaves it.
pub fn enter(page: &Page, testid: &str, value: &str) -> Outcome {
    page.fill(testid, value)?;
    page.press(keys::TAB)
}

/// Gives an element the focus, as the Tab key does.
pub fn focus(page: &Page, testid: &str) -> Outcome {
    page.element(testid)?;
    let script = "document.querySelector(arguments[0]).focus()";
    page.script(script, &[json!(by_testid(testid))]).map(drop)
}

pub fn address_contains(page: &Page, part: &str) -> Outcome {
    page.wait_for(&format!("{part} in the address"), PATIENCE, || {
        Ok(page.current_address()?.contains(part).then_some(()))
    })
}

/// How many points the training curve has.
pub fn curve_points(page: &Page) -> Result<u64, String> {
    let script = "
        const lines = document.querySelectorAll(arguments[0] + ' .plot-train polyline');
        const points = (line) => line.getAttribute('points').trim().split(/\\s+/).length;
        return [...lines].reduce((sum, line) => sum + points(line), 0)";
    let count = page.script(script, &[json!(by_testid("loss-curve"))])?;
    count
        .as_u64()
        .ok_or_else(|| format!("expected a number of points, got {count}"))
}

/// The texts of all messages that stand.
pub fn messages(page: &Page) -> Result<Vec<String>, String> {
    let script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)";
    let texts = page.script(script, &[json!(by_testid("error-banner"))])?;
    serde_json::from_value(texts).map_err(|error| error.to_string())
}

/// Saves the weights of a page opened with [`KEEP_FILES`], and returns the file.
///
/// The engine answers in order, so what it was told before is done when the file is there.
pub fn save_weights(page: &Page) -> Result<Vec<u8>, String> {
    let count = || {
        let count = page.script("return savedFiles.length", &[])?;
        count
            .as_u64()
            .ok_or_else(|| format!("expected kept files, got {count}"))
    };
    let before = count()?;
    page.click("save-weights")?;
    page.wait_for("the saved file", LONG, || {
        Ok((count()? > before).then_some(()))
    })?;
    let file = page.script("return savedFiles.at(-1)", &[])?;
    base64::engine::general_purpose::STANDARD
        .decode(file.as_str().unwrap_or_default())
        .map_err(|error| error.to_string())
}

/// The tensors in a saved file, without the header, whose entries have no fixed order.
pub fn tensors(file: &[u8]) -> Result<&[u8], String> {
    let missing = || format!("expected a safetensors file, got {} bytes", file.len());
    let (length, rest) = file.split_first_chunk::<8>().ok_or_else(missing)?;
    let header = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| missing())?;
    let tensors = rest.get(header..).ok_or_else(missing)?;
    if tensors.is_empty() {
        return Err("expected a safetensors file with tensors in it".to_string());
    }
    Ok(tensors)
}
