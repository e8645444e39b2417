//! The microscope: stepping through a batch with the real engine.

use std::time::Duration;

use super::run::{LONG, focus};
use serde_json::json;

use crate::glassbox::{lines, of_event};
use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
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
            "three_gradients_are_checked_and_an_edit_is_undone",
            check_and_edit,
        ),
        test(
            "stepping_goes_back_and_forth_plays_resets_and_trains_an_epoch",
            transport,
        ),
        test("refusals_are_told_in_the_language_of_the_page", refusals),
        test(
            "the_microscope_fits_every_width_moves_little_and_gives_latex",
            widths_motion_latex,
        ),
        test(
            "the_microscope_works_by_keyboard_and_keeps_its_place_in_the_link",
            keyboard,
        ),
        test("bad_links_to_the_microscope_explain_themselves", bad_links),
    ]
}

/// A number that the page keeps beside the one it shows; `None` where it has none yet.
pub fn data_value(page: &Page, testid: &str) -> Result<Option<f64>, String> {
    if !page.has(testid)? {
        return Ok(None);
    }
    let value = page.attribute(testid, "data-value")?;
    Ok(value.and_then(|value| value.parse().ok()))
}

pub fn done_becomes(page: &Page, done: f64) -> Outcome {
    let what = format!("{done} operations to be done");
    page.wait_for(&what, LONG, || {
        Ok(data_value(page, "cursor-done")?.filter(|&now| now == done))
    })
    .map(drop)
}

pub fn open_at_start(page: &Page, path: &str) -> Outcome {
    page.open(path)?;
    page.wait_for("the microscope", LONG, || data_value(page, "cursor-done"))
        .map(drop)
}

/// Jumps behind an operation by its node in the graph.
pub fn go_to(page: &Page, node: &str) -> Outcome {
    page.element(&format!("node-{node}"))?;
    let script = "document.querySelector(`[data-testid='node-${arguments[0]}']`).click()";
    page.script(script, &[json!(node)])?;
    page.wait_for(&format!("the operation {node}"), LONG, || {
        let shown = page.attribute("operation", "data-node")?;
        let is_moving = !page.text("step-waiting")?.is_empty();
        Ok((shown.as_deref() == Some(node) && !is_moving).then_some(()))
    })
}

fn total(page: &Page) -> Result<f64, String> {
    let total = page.attribute("cursor-done", "data-total")?;
    total
        .and_then(|total| total.parse().ok())
        .ok_or_else(|| "expected a number of operations".to_string())
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

fn check_and_edit(page: &Page) -> Outcome {
    open_at_start(page, "/step/mlp-mnist?device=cpu&batch=4&seed=1")?;
    page.click("step-batch")?;
    let loss = page.wait_for("a loss", LONG, || data_value(page, "cursor-loss"))?;
    // Behind the update: one parameter after the other.
    let mut verdicts = Vec::new();
    for parameter in ["0", "1", "2"] {
        page.element("parameter-select")?;
        page.choose("parameter-select", parameter)?;
        page.wait_for("an unchecked parameter", LONG, || {
            Ok((!page.has("gradient-check-result")? && page.has("gradient-check")?).then_some(()))
        })?;
        page.click("gradient-check")?;
        let verdict = page.wait_for("the verdict", LONG, || {
            if !page.has("gradient-check-result")? {
                return Ok(None);
            }
            page.attribute("gradient-check-result", "data-verdict")
        })?;
        verdicts.push(verdict);
    }
    expect(
        verdicts
            .iter()
            .all(|v| ["agrees", "zero"].contains(&v.as_str()))
            && verdicts.iter().any(|verdict| verdict == "agrees"),
        format!("expected the gradients to agree, got {verdicts:?}"),
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
    // Then a weight, which the batch starts with.
    go_to(page, "fc1")?;
    page.click_at(
        "[data-testid='tensor-fc1.weight'] canvas.tensor-marks",
        (0.4, 0.4),
    )?;
    page.wait_for("a weight to edit", LONG, || {
        let element = page.text("explained-element")?;
        Ok((element.starts_with("fc1.weight") && page.has("edit-value")?).then_some(()))
    })?;
    page.fill("edit-value", "-3")?;
    page.click("edit-apply")?;
    page.click("step-batch")?;
    let twice = page.wait_for("a third loss", LONG, || {
        Ok(data_value(page, "cursor-loss")?.filter(|&now| now != loss && now != edited))
    })?;
    for (what, before) in [("the weight", edited), ("the pixel", loss)] {
        page.click("undo")?;
        page.wait_for(&format!("the loss before {what} was edited"), LONG, || {
            Ok(data_value(page, "cursor-loss")?.filter(|&now| now == before))
        })?;
    }
    expect(
        edited.is_finite() && twice.is_finite(),
        format!("expected finite losses, got {edited} and {twice}"),
    )?;
    page.expect_clean()
}

/// The numbers that stand on screen: of the tensors, of the loss, of the element looked at.
fn numbers_on_screen(page: &Page) -> Result<String, String> {
    let script = "return JSON.stringify([
        [...document.querySelectorAll('.tensor-panel')].map((panel) => panel.dataset.testid),
        ...['[data-statistic]', '[data-testid=cursor-loss]', '[data-testid=explained-sum]',
            '[data-testid=explained-stored]'].map((selector) =>
            [...document.querySelectorAll(selector)].map((cell) => cell.dataset.value))])";
    let numbers = page.script(script, &[])?;
    Ok(numbers.as_str().unwrap_or_default().to_string())
}

/// Waits until the numbers have not changed for some looks.
fn rested_numbers(page: &Page) -> Result<String, String> {
    let before = std::cell::RefCell::new((String::new(), 0));
    page.wait_for("numbers that stand still", LONG, || {
        let now = numbers_on_screen(page)?;
        let mut before = before.borrow_mut();
        let same = if before.0 == now { before.1 + 1 } else { 0 };
        *before = (now.clone(), same);
        Ok((same >= 6).then_some(now))
    })
}

fn transport(page: &Page) -> Outcome {
    open_at_start(page, "/step/mlp-mnist?device=cpu&batch=1000&seed=1")?;
    // Forward, and the same numbers on the way back.
    let mut seen = Vec::new();
    for done in 1..=5 {
        page.click("step-op")?;
        done_becomes(page, f64::from(done))?;
        seen.push(rested_numbers(page)?);
    }
    seen.pop();
    while let Some(before) = seen.pop() {
        page.click("step-back")?;
        done_becomes(page, (seen.len() + 1) as f64)?;
        expect_equal("numbers on the way back", rested_numbers(page)?, before)?;
    }
    page.click("play-pause")?;
    page.wait_for("playing to go on", LONG, || {
        Ok(data_value(page, "cursor-done")?.filter(|&done| done >= 4.0))
    })?;
    page.click("play-pause")?;
    page.wait_for("playing to stop", LONG, || {
        let pressed = page.attribute("play-pause", "aria-pressed")?;
        Ok(pressed.filter(|pressed| pressed == "false"))
    })?;
    for (unit, least) in [
        ("step-layer", 5.0),
        ("step-phase", 6.0),
        ("step-batch", 7.0),
    ] {
        page.click(unit)?;
        page.wait_for(&format!("{unit} to go on"), LONG, || {
            Ok(data_value(page, "cursor-done")?.filter(|&done| done >= least))
        })?;
    }
    done_becomes(page, total(page)?)?;
    page.click("reset")?;
    done_becomes(page, 0.0)?;
    page.click("step-epoch")?;
    page.wait_for_text("cursor-done", LONG, |text| {
        text.contains("epoch 2") && text.contains("atch 1 ")
    })?;
    done_becomes(page, 0.0)?;
    // The trained weights are those of the run: the training page goes on from them.
    page.click("back-to-training")?;
    page.wait_for_number("metric-step", LONG, |step| step == 10.0)?;
    page.expect_clean()
}

fn refusals(page: &Page) -> Outcome {
    open_at_start(page, "/step/mlp-mnist?device=cpu&batch=4&seed=1&lang=zh")?;
    page.click("step-op")?;
    done_becomes(page, 1.0)?;
    page.click_at(
        "[data-testid='tensor-batch.t'] canvas.tensor-marks",
        (0.5, 0.5),
    )?;
    page.wait_for("a label to edit", LONG, || {
        let element = page.text("explained-element")?;
        Ok((element.starts_with("batch.t") && page.has("edit-value")?).then_some(()))
    })?;
    page.fill("edit-value", "12")?;
    page.click("edit-apply")?;
    let told = page.wait_for_text("refusal", LONG, |text| text.contains("12"))?;
    expect(told.contains("类别应当是 0 到 9"), told)?;
    page.click("locale-toggle")?;
    page.wait_for_text("refusal", PATIENCE, |text| {
        text.contains("expected a class from 0 to 9, got 12")
    })?;
    page.expect_clean()
}

fn widths_motion_latex(page: &Page) -> Outcome {
    page.emulate_media(&[("prefers-reduced-motion", "reduce")])?;
    page.before_each_document(
        "if (navigator.clipboard) navigator.clipboard.writeText = async (text) => { window.copied = text; };",
    )?;
    open_at_start(page, "/step/lenet5-mnist?device=cpu&batch=2&seed=1&lang=zh")?;
    page.press(keys::END)?;
    done_becomes(page, total(page)?)?;
    go_to(page, "conv1")?;
    for lang in ["zh", "en"] {
        for width in [390, 1440, 1920] {
            page.resize((width, 900))?;
            page.wait_for(
                &format!("the microscope to fit into {width}"),
                PATIENCE,
                || {
                    let script = "const { scrollWidth } = document.documentElement;
                    return innerWidth === arguments[0] && scrollWidth <= innerWidth";
                    let fits = page.script(script, &[json!(width)])?;
                    Ok((fits == true).then_some(()))
                },
            )?;
        }
        if lang == "zh" {
            page.click("locale-toggle")?;
        }
    }
    page.resize(Launch::DEFAULT.size)?;
    let moving = "return document.getAnimations()
        .filter((a) => a.effect.getComputedTiming().duration > 50).length";
    page.press(keys::RIGHT)?;
    expect_equal("things that move", page.script(moving, &[])?, json!(0))?;
    page.press(keys::LEFT)?;
    go_to(page, "conv1")?;
    page.click("copy-latex")?;
    let copied = page.wait_for("the copy", PATIENCE, || {
        Ok(page
            .script("return window.copied ?? null", &[])?
            .as_str()
            .map(str::to_string))
    })?;
    let walked = lines(&[
        "step",
        "lenet5-mnist",
        "--batch",
        "1",
        "--values",
        "1",
        "--json",
    ])?;
    let conv1 = of_event(&walked, "operation")
        .into_iter()
        .find(|line| line["node"] == "conv1")
        .ok_or("expected conv1 in the walk")?;
    expect_equal(
        "the copied equation",
        Some(copied.as_str()),
        conv1["equations"][0].as_str(),
    )?;
    page.expect_clean()
}

/// Everything by keys: no pointer is used.
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
    done_becomes(page, total(page)?)?;
    page.press(keys::HOME)?;
    done_becomes(page, 0.0)?;
    page.press_with(keys::SHIFT, keys::RIGHT)?;
    done_becomes(page, 1.0)?;
    page.press(keys::PAGE_DOWN)?;
    page.wait_for("the end of the phase", LONG, || {
        Ok(data_value(page, "cursor-done")?.filter(|&done| done > 2.0))
    })?;
    page.press(keys::PAGE_UP)?;
    done_becomes(page, 0.0)?;
    page.press(keys::RIGHT)?;
    done_becomes(page, 1.0)?;
    // In a picture the arrows go from element to element.
    page.wait_for("a picture", LONG, || {
        let count = page.count("[data-testid='tensor-fc1.y'] canvas.tensor-marks")?;
        Ok((count == 1).then_some(()))
    })?;
    page.script(
        "document.querySelector(\"[data-testid='tensor-fc1.y'] canvas.tensor-marks\").focus()",
        &[],
    )?;
    let before = page.text("explained-element")?;
    page.press(keys::RIGHT)?;
    page.wait_for_text("explained-element", LONG, |element| {
        element != before && element.starts_with("fc1.y")
    })?;
    expect_equal(
        "operations done",
        data_value(page, "cursor-done")?,
        Some(1.0),
    )?;
    page.press(keys::ESCAPE)?;
    page.press(keys::RIGHT)?;
    done_becomes(page, 2.0)?;
    focus(page, "step-back")?;
    page.press("?")?;
    page.wait_for("the keys", PATIENCE, || {
        Ok((page.count("dialog[open]")? == 1).then_some(()))
    })?;
    page.press(keys::ESCAPE)?;
    page.wait_for("the keys to go", PATIENCE, || {
        Ok((page.count("dialog[open]")? == 0).then_some(()))
    })?;
    page.press("r")?;
    done_becomes(page, 0.0)?;
    // A link opens at its place.
    open_at_start(page, "/step/worked-2-3-1?device=cpu&cursor=5")?;
    done_becomes(page, 5.0)?;
    page.expect_clean()
}

fn bad_links(page: &Page) -> Outcome {
    page.open("/step/nonsense")?;
    let told = page.text("unknown-preset")?;
    expect(told.contains("nonsense"), told)?;
    // The way back: a card for each preset, which opens it here.
    page.click_on("[data-testid='unknown-preset'] a[href*='step/worked-2-3-1']")?;
    page.wait_for("the microscope", LONG, || data_value(page, "cursor-done"))?;
    for (cursor, lang, told) in [("999", "en", "999"), ("-3", "zh", "-3"), ("x", "en", "x")] {
        open_at_start(
            page,
            &format!("/step/worked-2-3-1?device=cpu&cursor={cursor}&lang={lang}"),
        )?;
        page.wait_for_text("error-banner", LONG, |text| {
            text.contains("cursor") && text.contains(told)
        })?;
        expect_equal(
            "operations done",
            data_value(page, "cursor-done")?,
            Some(0.0),
        )?;
    }
    page.expect_clean()
}
