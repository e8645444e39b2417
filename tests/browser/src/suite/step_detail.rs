//! The microscope's details: pictures of single operations, painting, labels, updates, kernels.

use std::time::Duration;

use super::run::LONG;
use crate::page::{Launch, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(180),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("operations_of_lenet_have_their_pictures", pictures_of_lenet),
        test(
            "a_stroke_and_a_label_change_the_batch_and_are_taken_back",
            paint_and_label,
        ),
        test(
            "an_update_is_compared_and_its_kernel_is_read",
            update_and_kernel,
        ),
    ]
}

/// Which picture each operation has; those without one show their terms alone.
const PICTURES: &[(&str, &str)] = &[
    ("conv2d", "window"),
    ("relu", "detail-activation"),
    ("max_pool2d", "detail-pooling"),
    ("linear", "detail-products"),
    ("softmax_cross_entropy", "detail-softmax"),
    ("softmax_cross_entropy_backward", "detail-softmax-backward"),
    ("linear_backward_input", "detail-products"),
    ("linear_backward_weight", "detail-products"),
    ("relu_backward", "detail-activation"),
    ("max_pool2d_backward", "detail-pooling"),
    ("conv2d_backward_input", "window"),
    ("conv2d_backward_weight", "detail-sample-gradient"),
    ("adam_update", "detail-update"),
];

fn value_of(page: &Page, testid: &str, name: &str) -> Result<Option<f64>, String> {
    if !page.has(testid)? {
        return Ok(None);
    }
    let value = page.attribute(testid, name)?;
    Ok(value.and_then(|value| value.parse().ok()))
}

fn open(page: &Page, path: &str) -> Outcome {
    page.open(path)?;
    page.wait_for("the microscope", LONG, || {
        value_of(page, "cursor-done", "data-value")
    })
    .map(drop)
}

fn done_becomes(page: &Page, done: f64) -> Outcome {
    page.wait_for(&format!("{done} operations to be done"), LONG, || {
        Ok(value_of(page, "cursor-done", "data-value")?.filter(|&now| now == done))
    })
    .map(drop)
}

fn total(page: &Page) -> Result<f64, String> {
    value_of(page, "cursor-done", "data-total")?.ok_or("expected a number of operations".into())
}

fn pictures_of_lenet(page: &Page) -> Outcome {
    open(
        page,
        "/step/lenet5-mnist?device=cpu&batch=4&seed=1&optimizer=adam",
    )?;
    let total = total(page)?;
    let mut seen = Vec::new();
    for done in 1..=total as u32 {
        page.click("step-op")?;
        done_becomes(page, f64::from(done))?;
        let operation = page.attribute("operation", "data-operation")?;
        let operation = operation.ok_or("expected an operation")?;
        let expected = PICTURES.iter().find(|(name, _)| *name == operation);
        if let Some((_, picture)) = expected.filter(|(name, _)| !seen.contains(name)) {
            page.wait_for(&format!("{picture} of {operation}"), LONG, || {
                Ok(page.has(picture)?.then_some(()))
            })?;
            seen.push(expected.map_or("", |(name, _)| name));
        }
    }
    expect_equal("operations with pictures", seen.len(), PICTURES.len())?;
    page.expect_clean()
}

fn loss(page: &Page) -> Result<Option<f64>, String> {
    value_of(page, "cursor-loss", "data-value")
}

fn loss_changes(page: &Page, before: f64) -> Result<f64, String> {
    page.wait_for("another loss", LONG, || {
        Ok(loss(page)?.filter(|&now| now != before))
    })
}

fn loss_returns(page: &Page, before: f64) -> Outcome {
    page.wait_for("the loss as it was", LONG, || {
        Ok(loss(page)?.filter(|&now| now == before))
    })
    .map(drop)
}

/// Presses what may be hidden behind its label.
fn press_radio(page: &Page, testid: &str) -> Outcome {
    page.script(
        &format!("document.querySelector(\"[data-testid='{testid}']\").click()"),
        &[],
    )
    .map(drop)
}

fn paint_and_label(page: &Page) -> Outcome {
    open(page, "/step/lenet5-mnist?device=cpu&batch=4&seed=1")?;
    let total = total(page)?;
    page.press(keys::END)?;
    done_becomes(page, total)?;
    // The first convolution's weight gradient reads the images of the batch.
    for back in 1..=2 {
        page.press(keys::LEFT)?;
        done_becomes(page, total - f64::from(back))?;
    }
    page.wait_for("the images", LONG, || {
        Ok(page.has("marks-batch.x")?.then_some(()))
    })?;
    let before = loss(page)?.ok_or("expected a loss")?;
    press_radio(page, "paint-tool-1")?;
    page.drag("marks-batch.x", &[(0.1, 0.2), (0.5, 0.5), (0.9, 0.8)])?;
    let painted = loss_changes(page, before)?;
    expect_equal("edits", page.count("[data-testid='edits'] li")?, 1)?;
    page.wait_for("the label", LONG, || Ok(page.has("label-0")?.then_some(())))?;
    let pressed = "[data-testid='label-chooser'] [aria-pressed='true']";
    expect_equal("labels that hold", page.count(pressed)?, 1)?;
    let is_zero = page.attribute("label-0", "aria-pressed")?.as_deref() == Some("true");
    page.click(if is_zero { "label-1" } else { "label-0" })?;
    let relabelled = loss_changes(page, painted)?;
    expect_equal("edits", page.count("[data-testid='edits'] li")?, 2)?;
    expect(
        relabelled != before,
        "expected the label to change the loss",
    )?;
    page.click("undo")?;
    loss_returns(page, painted)?;
    page.click("undo-all")?;
    loss_returns(page, before)?;
    // By keyboard: choose an element, paint on it, take it back.
    page.script(
        "document.querySelector(\"[data-testid='marks-batch.x']\").focus()",
        &[],
    )?;
    page.press(keys::RIGHT)?;
    page.press(keys::ENTER)?;
    loss_changes(page, before)?;
    page.click("undo-all")?;
    loss_returns(page, before)?;
    page.expect_clean()
}

fn update_and_kernel(page: &Page) -> Outcome {
    open(
        page,
        "/step/lenet5-mnist?device=gpu&batch=4&seed=1&optimizer=adam",
    )?;
    page.press(keys::END)?;
    done_becomes(page, total(page)?)?;
    page.wait_for("the update", LONG, || {
        value_of(page, "update-ratio", "data-value")
    })?;
    for symbol in ["w", "g", "m", "v", "m′", "v′", "Δw", "w′"] {
        let row = format!("update-row-{symbol}");
        page.wait_for(&format!("the norm of {symbol}"), LONG, || {
            value_of(page, &row, "data-norm")
        })?;
    }
    let norm = |symbol: &str| value_of(page, &format!("update-row-{symbol}"), "data-norm");
    let (change, before) = (norm("Δw")?, norm("w")?);
    let ratio = value_of(page, "update-ratio", "data-value")?.unwrap_or(f64::NAN);
    let expected = change.unwrap_or(f64::NAN) / before.unwrap_or(f64::NAN);
    expect(
        (ratio - expected).abs() <= 1e-3 * expected,
        format!("expected a ratio of {expected}, got {ratio}"),
    )?;
    let clock = page.wait_for("a clock", LONG, || {
        page.attribute("kernel-time", "data-clock")
    })?;
    expect(
        ["timestamps", "none"].contains(&clock.as_str()),
        format!("expected the GPU's clock or none, got {clock}"),
    )?;
    // A kernel with an inner product marks it.
    page.press(keys::HOME)?;
    done_becomes(page, 0.0)?;
    for done in 1..=2 {
        page.click("step-op")?;
        done_becomes(page, f64::from(done))?;
    }
    page.wait_for("the convolution's source", LONG, || {
        let operation = page.attribute("operation", "data-operation")?;
        Ok(operation.filter(|operation| operation == "conv2d"))
    })?;
    expect_equal("marked lines", page.count(".code-line.is-marked")?, 1)?;
    // The worker's copy has no comments; who opens a shader reads all of it.
    page.click_on(".kernel summary")?;
    page.wait_for("the shader's first comment", LONG, || {
        let source = page.script(
            "return document.querySelector('.kernel code.source').textContent",
            &[],
        )?;
        Ok(source
            .as_str()
            .is_some_and(|text| text.contains("//! conv2d"))
            .then_some(()))
    })?;
    expect_equal("marked lines", page.count(".code-line.is-marked")?, 1)?;
    expect(
        page.has("intensity")? && page.has("bytes")?,
        "expected bytes and arithmetic intensity",
    )?;
    page.expect_clean()
}
