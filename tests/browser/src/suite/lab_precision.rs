//! The lab's page of mixed precision, on an adapter without float16.

use std::time::Duration;

use super::audit::{audit, report};
use super::run::LONG;
use crate::page::{Launch, PATIENCE, Page, by_testid, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(240),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("three_precisions_are_trained_side_by_side", side_by_side),
        test(
            "settings_of_precision_that_make_no_sense_are_explained",
            bad_settings,
        ),
        test(
            "precision_is_worked_by_keys_in_both_languages_on_a_phone",
            phone,
        ),
    ]
}

const PAGE: &str = "lab/mixed-precision";

/// The number in an element's `data-value`.
fn value(page: &Page, testid: &str) -> Result<f64, String> {
    let value = page.attribute(testid, "data-value")?.unwrap_or_default();
    value
        .parse()
        .map_err(|_| format!("{testid}: expected a number, got `{value}`"))
}

fn side_by_side(page: &Page) -> Outcome {
    page.open(&format!(
        "{PAGE}?preset=mlp-moons&updates=400&rate=0.01&lang=en"
    ))?;
    page.click("precision-start")?;
    let accurate = |mode: &str| {
        page.wait_for_number(&format!("precision-accuracy-{mode}"), LONG, |accuracy| {
            accuracy > 0.0
        })
    };
    let (float32, mixed) = (accurate("float32")?, accurate("mixed")?);
    expect(float32 > 0.9, format!("float32 reaches {float32}"))?;
    expect(
        (float32 - mixed).abs() <= 0.01,
        format!("mixed precision reaches {mixed}, float32 {float32}"),
    )?;
    let scale = page.number("precision-scale")?;
    expect(scale > 1_024.0, format!("the scale grows: {scale}"))?;
    let skipped = page.number("precision-skipped")?;
    let crosses = page.count(&format!("{} .lines-mark", by_testid("precision-scale-log")))?;
    expect_equal("crosses in the log", crosses as f64, skipped)?;
    expect_equal(
        "curves",
        page.count(&format!(
            "{} path[class^=line-]",
            by_testid("precision-curves")
        ))?,
        3,
    )?;
    // Adam's second moment is lost in float16: it ends, or does worse than chance would have it for long.
    accurate("float16")?;
    expect(
        page.has("precision-diverged-float16")?,
        "float16 alone cannot go on with Adam",
    )?;
    // Gradients: what float16 loses, a scale saves.
    let bars = format!("{} .bar", by_testid("precision-histogram"));
    expect(page.count(&bars)? > 5, "the histogram has bars")?;
    let [plain, scaled] =
        ["fate-subnormal-plain", "fate-subnormal-scaled"].map(|testid| value(page, testid));
    let (plain, scaled) = (plain?, scaled?);
    expect(
        plain > scaled,
        format!("{plain} subnormal, {scaled} with the scale"),
    )?;
    // The software adapter has no float16: the page says so and claims no speed.
    page.wait_for_text("precision-place", PATIENCE, |text| {
        text.starts_with("Emulated on the CPU") && text.contains("nothing is said of speed")
    })?;
    expect(!page.has("precision-time-mixed")?, "no step was timed")?;
    let support = || page.attribute("precision-support", "data-value");
    expect_equal("support", support()?.as_deref(), Some("emulated"))?;
    page.click("precision-measure")?;
    page.wait_for_text("precision-kernels", LONG, |text| {
        text.contains("shader-f16")
    })?;
    expect_equal("support", support()?.as_deref(), Some("emulated"))?;
    let rows = page.count(&format!("{} tr", by_testid("precision-kernels")))?;
    expect_equal("rows of speeds", rows, 0)?;
    // A comparison under way can be stopped, and what it told stays.
    page.choose("preset", "lenet5-mnist")?;
    page.fill("updates", "2000")?;
    page.press(keys::TAB)?;
    page.click("precision-start")?;
    page.wait_for_number("precision-step-float32", LONG, |step| step >= 2.0)?;
    page.click("precision-stop")?;
    page.wait_for_text("precision-status", LONG, str::is_empty)?;
    let steps = page.number("precision-step-float32")?;
    expect(
        (2.0..2_000.0).contains(&steps),
        format!("{steps} steps stand"),
    )?;
    let address = page.current_address()?;
    expect(
        address.contains("preset=lenet5-mnist") && address.contains("updates=2000"),
        format!("the link has the settings: {address}"),
    )?;
    page.expect_clean()
}

fn bad_settings(page: &Page) -> Outcome {
    // All that a link has wrong is told at once.
    page.open(&format!(
        "{PAGE}?scale=0&rate=-1&updates=0&update=foo&lang=en"
    ))?;
    page.element("precision-start")?;
    page.wait_for("four errors", PATIENCE, || {
        let errors = page.count(&by_testid("field-error"))?;
        Ok((errors == 4).then_some(()))
    })?;
    page.open(&format!("{PAGE}?scale=0&lang=en"))?;
    let is_refused = |part: &str| {
        page.wait_for_text("field-error", PATIENCE, |text| text.contains(part))?;
        let disabled = page.attribute("precision-start", "disabled")?;
        expect(disabled.is_some(), "nothing can be started")
    };
    is_refused("2⁻¹⁴")?;
    expect_equal("what was typed", page.value("scale")?.as_str(), "0")?;
    page.fill("scale", "-8")?;
    page.press(keys::TAB)?;
    is_refused("2⁻¹⁴")?;
    page.fill("scale", "1024")?;
    page.fill("rate", "fast")?;
    page.press(keys::TAB)?;
    is_refused("above 0")?;
    // Backspace: emptied.
    page.fill("rate", "\u{e003}")?;
    page.fill("updates", "0")?;
    page.press(keys::TAB)?;
    is_refused("5000")?;
    page.fill("updates", "20")?;
    for mode in ["float32", "float16", "mixed"] {
        page.click(&format!("precision-mode-{mode}"))?;
    }
    is_refused("at least one")?;
    page.click("precision-mode-mixed")?;
    page.wait_for("the settings to be fine", PATIENCE, || {
        let disabled = page.attribute("precision-start", "disabled")?;
        Ok(disabled.is_none().then_some(()))
    })?;
    // A device that does not store float16, asked for by name.
    page.choose("device", "gpu")?;
    page.click("precision-start")?;
    page.wait_for_text("error-banner", LONG, |text| {
        text.contains("GPU") || text.contains("shader-f16")
    })?;
    page.click("error-dismiss")?;
    page.choose("device", "cpu")?;
    // A scale that is far too large: steps are skipped until it fits.
    page.choose("preset", "mlp-moons")?;
    page.fill("scale", "1e12")?;
    page.press(keys::TAB)?;
    page.click("precision-start")?;
    page.wait_for_number("precision-skipped", LONG, |skipped| skipped > 5.0)?;
    page.wait_for_text("precision-place", PATIENCE, |text| {
        text.contains("as chosen")
    })?;
    // One number.
    page.fill("number", "1e-8")?;
    page.fill("scale", "1024")?;
    page.press(keys::TAB)?;
    page.wait_for("the number times the scale", PATIENCE, || {
        let scaled = value(page, "number-scaled").ok();
        Ok(scaled.filter(|scaled| (scaled - 1.024e-5).abs() < 3e-8))
    })?;
    expect_equal("1e-8 in float16", value(page, "number-plain")?, 0.0)?;
    page.fill("number", "0.1")?;
    page.press(keys::TAB)?;
    page.wait_for_text("bits-plain", PATIENCE, |text| text == "0 01011 1001100110")?;
    page.fill("number", "many")?;
    page.press(keys::TAB)?;
    page.wait_for_text("field-error", PATIENCE, |text| text.contains("1e-8"))?;
    page.expect_clean()
}

fn phone(page: &Page) -> Outcome {
    page.resize((390, 844))?;
    page.open(&format!(
        "{PAGE}?preset=mlp-moons&updates=60&rate=0.01&modes=float32,mixed&lang=zh&theme=light"
    ))?;
    page.wait_for_text("precision-start", PATIENCE, |text| text == "同时训练")?;
    page.script(
        "document.querySelector('[data-testid=precision-start]').focus()",
        &[],
    )?;
    page.press(keys::ENTER)?;
    page.wait_for_number("precision-accuracy-mixed", LONG, |accuracy| accuracy > 0.5)?;
    expect(
        !page.has("precision-accuracy-float16")?,
        "float16 alone was not chosen",
    )?;
    // Checkboxes answer the space bar.
    page.script(
        "document.querySelector('[data-testid=precision-mode-float16]').focus()",
        &[],
    )?;
    page.press(" ")?;
    page.wait_for("all modes to be chosen", PATIENCE, || {
        let address = page.current_address()?;
        let all = ["float32,float16,mixed", "float32%2Cfloat16%2Cmixed"];
        Ok(all
            .iter()
            .any(|modes| address.contains(modes))
            .then_some(()))
    })?;
    let overflow = page.script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
        &[],
    )?;
    let fits = overflow.as_i64().is_some_and(|pixels| pixels <= 0);
    expect(fits, format!("{overflow} pixels beyond the screen"))?;
    let mut found = Vec::new();
    audit(page, "mixed precision", &mut found)?;
    report(&found)?;
    page.click("locale-toggle")?;
    page.wait_for_text("precision-start", PATIENCE, |text| {
        text == "Train side by side"
    })?;
    page.wait_for_number("precision-accuracy-mixed", PATIENCE, |accuracy| {
        accuracy > 0.5
    })?;
    page.expect_clean()
}
