//! The microscope: stepping through a batch with the real engine.

use std::time::Duration;

use super::run::LONG;
use crate::page::{Launch, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(240),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test(
            "the_worked_example_steps_with_the_numbers_of_the_course",
            worked_example,
        ),
        test(
            "every_operation_of_lenet_is_explained_by_terms_that_add_up",
            lenet_adds_up,
        ),
        test(
            "a_gradient_is_checked_and_an_edit_is_undone",
            check_and_edit,
        ),
        test(
            "the_microscope_works_by_keyboard_and_keeps_its_place_in_the_link",
            keyboard,
        ),
        test("bad_links_to_the_microscope_explain_themselves", bad_links),
    ]
}

/// A number that the page keeps beside the one it shows; `None` where it has none yet.
fn data_value(page: &Page, testid: &str) -> Result<Option<f64>, String> {
    if !page.has(testid)? {
        return Ok(None);
    }
    let value = page.attribute(testid, "data-value")?;
    Ok(value.and_then(|value| value.parse().ok()))
}

fn done_becomes(page: &Page, done: f64) -> Outcome {
    let what = format!("{done} operations to be done");
    page.wait_for(&what, LONG, || {
        Ok(data_value(page, "cursor-done")?.filter(|&now| now == done))
    })
    .map(drop)
}

fn open_at_start(page: &Page, path: &str) -> Outcome {
    page.open(path)?;
    page.wait_for("the microscope", LONG, || data_value(page, "cursor-done"))
        .map(drop)
}

fn expect_near(what: &str, actual: Option<f64>, expected: f64, tolerance: f64) -> Outcome {
    expect(
        actual.is_some_and(|actual| (actual - expected).abs() <= tolerance),
        format!("{what}: expected {expected}, got {actual:?}"),
    )
}

/// Every number within 2e-6 of the worked example, on WebGPU.
fn worked_example(page: &Page) -> Outcome {
    open_at_start(page, "/step/worked-2-3-1?device=gpu")?;
    expect(
        page.attribute("node-fc1", "data-state")?.as_deref() != Some("done"),
        "expected nothing to be done before the first step",
    )?;
    let total: f64 = page
        .attribute("cursor-done", "data-total")?
        .and_then(|total| total.parse().ok())
        .ok_or("expected a number of operations")?;
    for done in 1..=total as u32 {
        page.click("step-op")?;
        done_becomes(page, f64::from(done))?;
    }
    expect_near("loss", data_value(page, "cursor-loss")?, 0.620_957, 2e-6)?;
    let after = page.wait_for("the loss after the update", LONG, || {
        data_value(page, "cursor-loss-after")
    })?;
    expect_near("loss after the update", Some(after), 0.565_096, 2e-6)?;
    for (tensor, number) in [
        ("fc1.y", "−0.500000"),
        ("loss.p", "0.537430"),
        ("fc2.y.grad", "−0.462570"),
        ("fc1.weight.grad", "−0.161900"),
        ("x.grad", "0.074011"),
        ("fc1.weight", "0.232380"),
    ] {
        let row = format!("board-{tensor}");
        page.wait_for(&format!("{number} in {row}"), LONG, || {
            Ok(page.text(&row)?.contains(number).then_some(()))
        })?;
    }
    page.expect_clean()
}

/// At each operation, the terms of the element that is looked at give the stored value.
fn lenet_adds_up(page: &Page) -> Outcome {
    open_at_start(page, "/step/lenet5-mnist?device=cpu&batch=4&seed=1")?;
    let total = page.attribute("cursor-done", "data-total")?;
    let total: u32 = total
        .and_then(|total| total.parse().ok())
        .ok_or("expected a number of operations")?;
    let mut explained = 0;
    let mut before = None;
    for done in 1..=total {
        page.click("step-op")?;
        done_becomes(page, f64::from(done))?;
        let node = page.wait_for("the operation", LONG, || {
            let node = page.attribute("operation", "data-node")?;
            Ok(node.filter(|node| Some(node) != before.as_ref()))
        })?;
        // A new shape of another tensor has no terms of its own.
        let reshaped = node.starts_with("flatten");
        if !reshaped {
            let sum = page.wait_for(&format!("the terms of {node}"), LONG, || {
                data_value(page, "explained-sum")
            })?;
            let stored = data_value(page, "explained-stored")?;
            expect_near(&node, stored, sum, 1e-5 + 1e-4 * sum.abs())?;
            expect(
                page.text("equation")?.contains('='),
                format!("expected an equation of {node}"),
            )?;
            explained += 1;
        }
        before = Some(node);
    }
    expect(
        explained >= 30,
        format!("expected over 30 operations, got {explained}"),
    )?;
    page.expect_clean()
}

fn check_and_edit(page: &Page) -> Outcome {
    open_at_start(page, "/step/mlp-mnist?device=cpu&batch=4&seed=1")?;
    page.click("step-batch")?;
    let loss = page.wait_for("a loss", LONG, || data_value(page, "cursor-loss"))?;
    page.wait_for("a parameter to check", LONG, || {
        Ok(page.has("gradient-check")?.then_some(()))
    })?;
    page.click("gradient-check")?;
    let verdict = page.wait_for("the verdict", LONG, || {
        if !page.has("gradient-check-result")? {
            return Ok(None);
        }
        page.attribute("gradient-check-result", "data-verdict")
    })?;
    expect(
        ["agrees", "zero"].contains(&verdict.as_str()),
        format!("expected the gradients to agree, got {verdict}"),
    )?;
    // The first operation's output is the batch itself, which can be edited.
    page.press(keys::HOME)?;
    done_becomes(page, 0.0)?;
    page.click("step-op")?;
    done_becomes(page, 1.0)?;
    page.wait_for("the editor", LONG, || {
        Ok(page.has("edit-value")?.then_some(()))
    })?;
    page.fill("edit-value", "25")?;
    page.click("edit-apply")?;
    page.wait_for("the way back", LONG, || Ok(page.has("undo")?.then_some(())))?;
    page.click("step-batch")?;
    let edited = page.wait_for("another loss", LONG, || {
        Ok(data_value(page, "cursor-loss")?.filter(|&now| now != loss))
    })?;
    page.click("undo")?;
    page.wait_for("the loss as it was", LONG, || {
        Ok(data_value(page, "cursor-loss")?.filter(|&now| now == loss))
    })?;
    expect(
        edited.is_finite(),
        format!("expected a finite loss, got {edited}"),
    )?;
    page.expect_clean()
}

fn keyboard(page: &Page) -> Outcome {
    open_at_start(page, "/step/worked-2-3-1?device=cpu&lang=zh")?;
    page.press(keys::RIGHT)?;
    done_becomes(page, 1.0)?;
    page.press(keys::RIGHT)?;
    done_becomes(page, 2.0)?;
    page.press(keys::LEFT)?;
    done_becomes(page, 1.0)?;
    page.wait_for("the link to name the place", LONG, || {
        Ok(page.current_address()?.contains("cursor=1").then_some(()))
    })?;
    page.press(keys::END)?;
    let total = page
        .attribute("cursor-done", "data-total")?
        .unwrap_or_default();
    done_becomes(
        page,
        total
            .parse()
            .map_err(|_| "expected a number of operations")?,
    )?;
    page.press(keys::HOME)?;
    done_becomes(page, 0.0)?;
    // A link opens at its place.
    open_at_start(page, "/step/worked-2-3-1?device=cpu&cursor=5")?;
    done_becomes(page, 5.0)?;
    page.expect_clean()
}

fn bad_links(page: &Page) -> Outcome {
    page.open("/step/nonsense")?;
    page.wait_for("an explanation", LONG, || {
        Ok(page.has("unknown-preset")?.then_some(()))
    })?;
    open_at_start(page, "/step/worked-2-3-1?device=cpu&cursor=999")?;
    page.wait_for("an explanation", LONG, || {
        Ok((page.has("refusal")? || page.has("error-banner")?).then_some(()))
    })?;
    expect_equal(
        "operations done",
        data_value(page, "cursor-done")?,
        Some(0.0),
    )
}
