//! The lab's roofline and memory: measured in the page, in both languages, by keyboard, on a narrow screen.

use std::time::Duration;

use serde_json::Value;

use super::audit::{audit, report};
use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

/// A debug page on a software adapter or a slow CPU takes its time.
const LONG: Duration = Duration::from_secs(240);

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(500),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test(
            "this_device_is_measured_stopped_and_measured_again",
            measure,
        ),
        test("a_measured_speed_reaches_the_scale_calculator", hand_over),
        test(
            "measuring_by_keyboard_in_chinese_on_a_narrow_screen",
            keyboard,
        ),
        test("a_software_gpu_is_measured_when_it_is_asked_for", gpu),
        test(
            "memory_shows_where_bytes_go_and_what_recomputing_saves",
            memory,
        ),
        test(
            "an_audit_of_the_measured_pages_finds_nothing_serious",
            audits,
        ),
    ]
}

fn state_is(page: &Page, wanted: &str) -> Outcome {
    page.wait_for(&format!("the state {wanted}"), LONG, || {
        let state = page.attribute("measure-status", "data-state")?;
        Ok(state.filter(|state| state == wanted).map(|_| ()))
    })
}

fn is_enabled(page: &Page, testid: &str) -> Outcome {
    page.wait_for(&format!("{testid} to be enabled"), PATIENCE, || {
        let disabled = page.attribute(testid, "disabled")?;
        Ok(disabled.is_none().then_some(()))
    })
}

/// That nothing reaches beyond the screen; with a scroll bar's room the document is even narrower.
fn fits(page: &Page) -> Outcome {
    let script =
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let overflow = page.script(script, &[])?;
    let fits = overflow.as_i64().is_some_and(|pixels| pixels <= 0);
    expect(fits, format!("{overflow} pixels beyond the screen"))
}

fn measure(page: &Page) -> Outcome {
    page.open("lab/roofline?device=cpu&lang=en&samples=8")?;
    is_enabled(page, "measure-start")?;
    page.click("measure-start")?;
    state_is(page, "measuring")?;
    // Something is found, then it is stopped: what was found stays.
    page.wait_for("a first figure", LONG, || {
        Ok(page.has("measure-cpu-dispatch")?.then_some(()))
    })?;
    page.click("measure-stop")?;
    state_is(page, "stopped")?;
    expect(
        page.number("measure-cpu-dispatch")? > 0.0,
        "a figure is lost",
    )?;
    expect(
        !page.has("roofline-plot")?,
        "it did not stop before the plot",
    )?;

    page.click("measure-start")?;
    state_is(page, "done")?;
    for name in [
        "dispatch",
        "copy-256k",
        "copy-4m",
        "product-64",
        "product-128",
        "convolution-16",
    ] {
        let figure = page.number(&format!("measure-cpu-{name}"))?;
        expect(
            figure > 0.0 && figure.is_finite(),
            format!("{name} is {figure}"),
        )?;
    }
    expect(
        page.has("measure-no-gpu")?,
        "why there is no GPU is not said",
    )?;
    expect(page.has("measure-device-cpu")?, "the CPU is not named")?;
    let rows = page.count("[data-testid=measure-operations] tbody tr")?;
    expect(rows > 20, format!("LeNet-5 has {rows} operations"))?;
    let marks = page.count(
        "[data-testid=roofline-plot] svg circle, [data-testid=roofline-plot] svg polyline",
    )?;
    expect(marks > 20, format!("{marks} marks on the plot"))?;
    // Another language in between: nothing is lost, nothing is measured again.
    let figure = page.number("measure-cpu-copy-4m")?;
    page.click("locale-toggle")?;
    page.wait_for("the Chinese page", PATIENCE, || {
        let language = page.script("return document.documentElement.lang", &[])?;
        Ok((language == "zh-CN").then_some(()))
    })?;
    expect_equal("the figure", page.number("measure-cpu-copy-4m")?, figure)?;
    // A batch that cannot be used: said below its field, and nothing starts.
    page.fill("samples", "0")?;
    page.press(keys::TAB)?;
    page.wait_for("the error", PATIENCE, || {
        Ok(page.has("field-error")?.then_some(()))
    })?;
    let disabled = page.attribute("measure-start", "disabled")?;
    expect(disabled.is_some(), "a batch of 0 can be started")?;
    expect_equal("the figure", page.number("measure-cpu-copy-4m")?, figure)?;
    page.expect_clean()
}

fn hand_over(page: &Page) -> Outcome {
    page.open("lab/roofline?device=cpu&lang=en&model=mlp-xor")?;
    is_enabled(page, "measure-start")?;
    page.click("measure-start")?;
    state_is(page, "done")?;
    let speed = page.attribute("measure-use", "data-value")?;
    let speed: f64 = speed.and_then(|text| text.parse().ok()).ok_or("no speed")?;
    expect(speed > 1e6, format!("{speed} FLOP/s"))?;
    let own = page
        .attribute("measure-use-own", "href")?
        .unwrap_or_default();
    expect(
        own.contains("/lab/scale-calc") && own.contains("model=mlp-xor&accelerator=this"),
        own,
    )?;
    page.click("measure-use")?;
    page.wait_for("the time on this device", PATIENCE, || {
        Ok(page.has("scale-here")?.then_some(()))
    })?;
    let years = page.attribute("scale-here", "data-value")?;
    let years: f64 = years.and_then(|text| text.parse().ok()).ok_or("no years")?;
    // GPT-3 takes 3.15e23 operations (6 · 175e9 · 300e9).
    let expected = 3.15e23 / speed / (365.25 * 86_400.0);
    expect(
        (years / expected - 1.0).abs() < 1e-3,
        format!("{years} years, expected {expected}"),
    )?;
    // Without the link the page still knows it.
    page.open("lab/scale-calc?model=gpt-3&accelerator=this&lang=en")?;
    page.wait_for("the kept speed", PATIENCE, || {
        Ok(page.has("scale-here")?.then_some(()))
    })?;
    // A network that nobody knows: the engine says which there are, and the page stays.
    page.open("lab/roofline?device=cpu&lang=en&model=lenet6")?;
    is_enabled(page, "measure-start")?;
    page.click("measure-start")?;
    let said = page.wait_for("the refusal", PATIENCE, || {
        let text = match page.has("error-banner")? {
            true => page.text("error-banner")?,
            false => String::new(),
        };
        Ok(text.contains("lenet6").then_some(text))
    })?;
    expect(said.contains("lenet5-mnist"), said)
}

fn keyboard(page: &Page) -> Outcome {
    page.resize((390, 844))?;
    page.open("lab/roofline?device=cpu&lang=zh&samples=2&model=mlp-moons")?;
    is_enabled(page, "measure-start")?;
    fits(page)?;
    page.script(
        "document.querySelector('[data-testid=measure-start]').focus()",
        &[],
    )?;
    page.press(keys::ENTER)?;
    state_is(page, "done")?;
    fits(page)?;
    let title = page.script("return document.querySelector('h1').textContent", &[])?;
    expect_equal("the title", title, Value::from("测量本机"))?;
    page.open("lab/memory?device=cpu&lang=zh")?;
    page.wait_for("the counts", PATIENCE, || {
        Ok(page.has("memory-plot")?.then_some(()))
    })?;
    page.script(
        "document.querySelector('[data-testid=memory-recompute]').focus()",
        &[],
    )?;
    page.press(" ")?;
    page.wait_for("the switch in the address", PATIENCE, || {
        Ok(page
            .current_address()?
            .contains("recompute=on")
            .then_some(()))
    })?;
    fits(page)?;
    // What is neither on nor off is told, and nothing is counted for it.
    page.open("lab/memory?device=cpu&lang=en&recompute=foo")?;
    page.wait_for_text("field-error", PATIENCE, |text| text.contains("on, off"))?;
    expect(
        page.attribute("memory-time", "disabled")?.is_some(),
        "nothing can be timed",
    )?;
    page.expect_clean()
}

fn gpu(page: &Page) -> Outcome {
    page.open("lab/roofline?device=gpu&lang=en&samples=1&model=mlp-xor")?;
    is_enabled(page, "measure-start")?;
    page.click("measure-start")?;
    state_is(page, "done")?;
    for name in ["submit", "dispatch", "copy-256k", "product-64"] {
        let figure = page.number(&format!("measure-gpu-{name}"))?;
        expect(
            figure > 0.0 && figure.is_finite(),
            format!("{name} is {figure}"),
        )?;
    }
    expect(
        page.has("measure-cpu-product-64")?,
        "the CPU is not measured beside it",
    )?;
    let device = page.text("measure-devices")?;
    expect(
        device.contains("maxBufferSize"),
        format!("no limits: {device}"),
    )?;
    page.expect_clean()
}

fn value(page: &Page, testid: &str) -> Result<f64, String> {
    let text = page.attribute(testid, "data-value")?;
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("{testid} has no number"))
}

fn memory(page: &Page) -> Outcome {
    page.open("lab/memory?device=cpu&lang=en&model=resnet-s&samples=4&every=4")?;
    page.wait_for("the counts", LONG, || {
        Ok(page.has("memory-peak-plain")?.then_some(()))
    })?;
    let (plain, again) = (
        value(page, "memory-peak-plain")?,
        value(page, "memory-peak-again")?,
    );
    expect(again < plain, format!("{again} bytes instead of {plain}"))?;
    expect(
        value(page, "memory-flops-again")? > value(page, "memory-flops-plain")?,
        "computing again costs nothing",
    )?;
    expect_equal(
        "bands of what is computed again",
        page.count(".memory-band.memory-recomputed")?,
        0,
    )?;
    page.click("memory-recompute")?;
    page.wait_for("the other step", PATIENCE, || {
        Ok((page.count(".memory-band.memory-recomputed")? == 1).then_some(()))
    })?;
    page.click("memory-time")?;
    page.wait_for("the times", LONG, || {
        Ok(page.has("memory-comparison")?.then_some(()))
    })?;
    expect(
        value(page, "memory-time-plain")? > 0.0 && value(page, "memory-time-again")? > 0.0,
        "a step takes time",
    )?;
    // A distance that cannot be used leaves what is known.
    page.fill("every", "0")?;
    page.press(keys::TAB)?;
    page.wait_for("the error", PATIENCE, || {
        Ok(page.has("field-error")?.then_some(()))
    })?;
    expect_equal("the peak", value(page, "memory-peak-plain")?, plain)?;
    // An optimizer of a link that there is not is told, and nothing is counted for another one in its place.
    page.open("lab/memory?device=cpu&lang=en&model=mlp-moons&update=foo")?;
    page.wait_for_text("field-error", PATIENCE, |text| {
        text.contains("foo") && text.contains("adam")
    })?;
    expect_equal("the choice", page.value("update")?.as_str(), "foo")?;
    let disabled = page.attribute("memory-time", "disabled")?;
    expect(disabled.is_some(), "nothing can be timed")?;
    expect(!page.has("memory-plot")?, "something was counted")?;
    page.choose("update", "sgd")?;
    page.wait_for("the counts", LONG, || {
        Ok(page.has("memory-plot")?.then_some(()))
    })?;
    // A batch that no page can count is refused in the reader's language.
    page.open("lab/memory?device=cpu&lang=zh&model=own-text")?;
    page.wait_for_text("error-banner", LONG, |text| {
        text.contains("这里没有模型“own-text”")
    })?;
    page.expect_clean()
}

fn audits(page: &Page) -> Outcome {
    let mut found = Vec::new();
    page.open("lab/roofline?device=cpu&lang=en&samples=2&model=mlp-moons")?;
    is_enabled(page, "measure-start")?;
    audit(page, "roofline at the start", &mut found)?;
    page.click("measure-start")?;
    state_is(page, "done")?;
    audit(page, "roofline measured", &mut found)?;
    page.open("lab/memory?device=cpu&lang=zh&recompute=on")?;
    page.wait_for("the counts", LONG, || {
        Ok(page.has("memory-plot")?.then_some(()))
    })?;
    audit(page, "memory", &mut found)?;
    report(&found)
}
