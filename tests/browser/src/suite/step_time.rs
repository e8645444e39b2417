//! The microscope's views of sequences: unrolled in time, gradients on their way back, attention.

use std::time::Duration;

use super::run::{LONG, address_contains, focus};
use super::step::{data_value, done_becomes, open_at_start};
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
        test("a_recurrent_network_is_unrolled_in_time", unrolled),
        test("the_gradient_of_a_gate_is_explained_by_its_terms", gate),
        test("what_a_character_depends_on_is_shown_on_the_text", text),
        test("attention_is_shown_query_by_query_and_explained", attention),
    ]
}

fn to_the_end(page: &Page) -> Outcome {
    let total = page.attribute("cursor-done", "data-total")?;
    let total: Option<f64> = total.and_then(|total| total.parse().ok());
    page.press(keys::END)?;
    done_becomes(page, total.ok_or("expected a number of operations")?)
}

fn computed(page: &Page, testid: &str) -> Outcome {
    page.wait_for(&format!("{testid} to be computed"), LONG, || {
        let computed = page.attribute(testid, "data-computed")?;
        Ok(computed.filter(|computed| computed == "true"))
    })
    .map(drop)
}

/// The numbers in an attribute.
fn numbers(page: &Page, testid: &str, name: &str) -> Result<Vec<f64>, String> {
    page.wait_for(&format!("{name} of {testid}"), LONG, || {
        if !page.has(testid)? {
            return Ok(None);
        }
        let values = page.attribute(testid, name)?;
        let values = values.map(|values| {
            let parse = |value: &str| value.parse::<f64>().ok();
            values
                .split_whitespace()
                .map(parse)
                .collect::<Option<Vec<_>>>()
        });
        Ok(values.flatten().filter(|values| !values.is_empty()))
    })
}

fn open_part(page: &Page, testid: &str) -> Outcome {
    let script = format!("document.querySelector(\"[data-testid='{testid}']\").open = true");
    page.script(&script, &[]).map(drop)
}

fn press(page: &Page, testid: &str) -> Outcome {
    let script = format!("document.querySelector(\"[data-testid='{testid}']\").click()");
    page.script(&script, &[]).map(drop)
}

fn expect_no_overflow(page: &Page) -> Outcome {
    let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    expect_equal(
        "sideways scrolling",
        page.script(wide, &[])?.as_bool(),
        Some(false),
    )
}

fn is_close(what: &str, actual: f64, expected: f64) -> Outcome {
    let is_close = (actual - expected).abs() <= 1e-4 * expected.abs() + 1e-12;
    expect(is_close, format!("{what} is {actual}, expected {expected}"))
}

/// The terms of the element that a number of the panel belongs to add up to that number.
fn explained(page: &Page, testid: &str) -> Result<String, String> {
    let shown = page.wait_for(&format!("a number at {testid}"), LONG, || {
        data_value(page, testid)
    })?;
    press(page, testid)?;
    let element = page.attribute(testid, "title")?.unwrap_or_default();
    page.wait_for_text("explained-element", LONG, |text| text == element)?;
    let sum = page.wait_for("the sum of the terms", LONG, || {
        let is_this = page.text("explained-element")? == element;
        Ok(data_value(page, "explained-sum")?.filter(|_| is_this))
    })?;
    is_close(&element, sum, shown)?;
    Ok(element)
}

fn unrolled(page: &Page) -> Outcome {
    open_at_start(page, "/step/rnn-sine?device=cpu&seed=1&lang=en")?;
    page.wait_for("the panel", LONG, || Ok(page.has("time")?.then_some(())))?;
    let before = page.attribute("ribbon-h", "data-computed")?;
    expect_equal("h at the start", before.as_deref(), Some("false"))?;
    to_the_end(page)?;
    for ribbon in ["ribbon-x", "ribbon-h", "ribbon-dh", "ribbon-da"] {
        computed(page, ribbon)?;
    }
    let norms = numbers(page, "time-norms-dh", "data-values")?;
    expect_equal("steps", norms.len(), 20)?;
    let ratio = numbers(page, "time-verdict", "data-ratio")?[0];
    is_close("the ratio", ratio, norms[0] / norms[19])?;
    expect(
        !page.has("time-own")?,
        "only the last state of the sine's network is read",
    )?;
    // Batch by batch the norms change, and the ratios of the batches stand side by side.
    page.click("step-batch")?;
    page.wait_for("other norms", LONG, || {
        let now = numbers(page, "time-norms-dh", "data-values")?;
        Ok((now != norms).then_some(()))
    })?;
    page.wait_for("two batches", LONG, || {
        let batches = match page.has("time-history")? {
            true => page.attribute("time-history", "data-batches")?,
            false => None,
        };
        Ok(batches.filter(|batches| batches == "2"))
    })?;
    // By keyboard to another step; the batch stays where it is.
    let done = data_value(page, "cursor-done")?;
    focus(page, "time-step")?;
    page.press(keys::LEFT)?;
    page.wait_for("step 18", LONG, || {
        Ok(page.text("time-step-label")?.contains("18 ").then_some(()))
    })?;
    expect_equal("operations done", data_value(page, "cursor-done")?, done)?;
    open_part(page, "time-influence")?;
    let influence = numbers(page, "influence", "data-norms")?;
    expect_equal("inputs", influence.len(), 20)?;
    open_part(page, "time-path")?;
    let product = numbers(page, "chain-says", "data-product")?[0];
    let mut factors = 1.0;
    for step in 0..19 {
        factors *= numbers(page, &format!("chain-{step}"), "data-factor")?[0];
    }
    let relative = (factors - product).abs() / product.abs().max(f64::MIN_POSITIVE);
    expect(
        relative < 1e-3,
        format!("the factors make {factors}, the product is {product}"),
    )?;
    explosion(page)?;
    page.resize((390, 844))?;
    expect_no_overflow(page)?;
    page.expect_clean()
}

/// With equal weights the gradient of the ReLU network grows at every step back, and is clipped.
fn explosion(page: &Page) -> Outcome {
    let address = "/step/rnn-relu?init=constant&init-value=0.14&device=cpu&seed=1&lang=en";
    open_at_start(page, address)?;
    page.wait_for_text("time-clip", LONG, |text| text.contains("a norm of 1 if"))?;
    to_the_end(page)?;
    computed(page, "ribbon-dh")?;
    page.wait_for_text("time-verdict", LONG, |text| text.contains("it explodes"))?;
    let ratio = numbers(page, "time-verdict", "data-ratio")?[0];
    expect(
        ratio > 100.0,
        format!("the gradient at the first step is {ratio} times that at the last"),
    )?;
    page.wait_for_text("time-clip", LONG, |text| {
        text.contains("above the limit 1: every one was multiplied by 1.2")
            && text.ends_with("and the norm is 1.")
    })
    .map(drop)
}

fn gate(page: &Page) -> Outcome {
    open_at_start(page, "/step/lstm-mnist?device=cpu&seed=1&batch=2&lang=zh")?;
    to_the_end(page)?;
    computed(page, "ribbon-dc")?;
    page.fill("time-unit", "3")?;
    page.press(keys::TAB)?;
    page.wait_for("unit 3", LONG, || {
        let title = page.attribute("time-dc", "title")?;
        Ok(title.filter(|title| title.ends_with(", 27, 3]")))
    })?;
    let element = explained(page, "time-da(f)")?;
    // The forget gate's block is the second of four.
    expect_equal("the element", element.ends_with("[0, 27, 131]"), true)?;
    explained(page, "time-dc")?;
    explained(page, "time-f")?;
    press(page, "time-gate-1")?;
    computed(page, "ribbon-gates")?;
    // The link leads back to them.
    address_contains(page, "t=27&u=3")?;
    open_at_start(
        page,
        "/step/lstm-mnist?device=cpu&batch=2&t=5&u=900&lang=en",
    )?;
    page.wait_for_text("time-step-label", LONG, |label| {
        label.starts_with("Step 5 ")
    })?;
    let unit = "return document.querySelector(\"[data-testid='time-unit']\").value";
    expect_equal(
        "the last unit",
        page.script(unit, &[])?.as_str(),
        Some("127"),
    )?;
    page.expect_clean()
}

fn text(page: &Page) -> Outcome {
    open_at_start(page, "/step/lstm-text?device=cpu&seed=1&batch=2&lang=en")?;
    to_the_end(page)?;
    page.wait_for("the characters", LONG, || {
        Ok(page.has("time-characters")?.then_some(()))
    })?;
    let characters = page.count("[data-testid='time-characters'] span")?;
    expect(
        characters >= 64,
        format!("expected the characters of a window, got {characters}"),
    )?;
    expect(
        page.has("time-own")?,
        "expected a word on the gradients of every step's own loss",
    )?;
    open_part(page, "time-influence")?;
    let last = numbers(page, "influence", "data-norms")?;
    expect_equal("characters", last.len(), 64)?;
    // A prediction in the middle depends on nothing behind it.
    page.script(
        "let e = document.querySelector(\"[data-testid='influence-position']\");
         e.value = '20'; e.dispatchEvent(new Event('input', { bubbles: true }))",
        &[],
    )?;
    page.wait_for("a prediction in the middle", LONG, || {
        let norms = numbers(page, "influence", "data-norms")?;
        let is_seen = norms[..=20].iter().all(|&norm| norm > 0.0);
        Ok((is_seen && norms[21..].iter().all(|&norm| norm == 0.0)).then_some(()))
    })?;
    page.expect_clean()
}

fn attention(page: &Page) -> Outcome {
    open_at_start(page, "/step/gpt-text?device=cpu&seed=1&batch=2&lang=en")?;
    page.wait_for("the panel", LONG, || {
        Ok(page.has("attention")?.then_some(()))
    })?;
    expect(page.has("attention-missing")?, "expected no weights yet")?;
    to_the_end(page)?;
    computed(page, "ribbon-a")?;
    // The row of a query in the middle: later keys are masked.
    let (query, key) = (30, 6);
    let middle = |place: i32| (f64::from(place) + 0.5) / 64.0;
    let cell = (middle(key), middle(query));
    page.click_at("[data-testid='attention-head-1'] .ribbon-cells", cell)?;
    page.wait_for("the mask", LONG, || {
        Ok(page.has("attention-mask")?.then_some(()))
    })?;
    address_contains(page, &format!("t={query}&u={key}"))?;
    let weight = explained(page, "attention-a")?;
    expect(
        weight.starts_with("block1.attention.weights") && weight.contains("[0, 1, "),
        format!("expected a weight of head 1, got {weight}"),
    )?;
    explained(page, "attention-s")?;
    explained(page, "attention-o")?;
    press(page, "attention-direction-1")?;
    for symbol in ["ds", "da", "dv", "dq", "dk"] {
        explained(page, &format!("attention-{symbol}"))?;
    }
    let influence = numbers(page, "influence", "data-norms")?;
    expect_equal("characters", influence.len(), 64)?;
    page.resize((390, 844))?;
    expect_no_overflow(page)?;
    page.expect_clean()
}
