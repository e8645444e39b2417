//! The lab's frame and its scale calculator.

use std::time::Duration;

use super::audit::{audit, report};
use super::run::open_ready;
use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(120),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test(
            "the_lab_is_loaded_from_the_training_page_and_leads_back",
            there_and_back,
        ),
        test("gpt_3_is_computed_as_published", gpt_3),
        test(
            "numbers_that_cannot_be_used_are_explained_and_kept",
            bad_numbers,
        ),
        test("an_instrument_that_does_not_exist_is_named", unknown),
        test(
            "the_model_printed_as_gpt_3_is_counted_and_judged",
            printed_model,
        ),
        test(
            "the_network_in_training_is_carried_to_the_scale_calculator",
            carried,
        ),
        test(
            "the_scale_calculator_fits_a_phone_and_axe_finds_nothing_serious",
            on_a_phone,
        ),
    ]
}

/// A bare number of the result.
fn result(page: &Page, key: &str) -> Result<f64, String> {
    let testid = format!("scale-{key}");
    let text = page.attribute(&testid, "data-value")?.unwrap_or_default();
    text.parse().map_err(|_| format!("{testid} holds {text}"))
}

fn close(what: &str, actual: f64, expected: f64, tolerance: f64) -> Outcome {
    expect(
        (actual / expected - 1.0).abs() <= tolerance,
        format!("{what} is {actual}, expected {expected}"),
    )
}

fn there_and_back(page: &Page) -> Outcome {
    page.open("about?lang=zh&theme=dark")?;
    page.element("page")?;
    page.click_on("a.app-nav-link[href*='/lab']")?;
    page.element("lab-index")?;
    let address = page.current_address()?;
    expect(
        address.contains("lang=zh") && address.contains("theme=dark"),
        address,
    )?;
    page.click("lab-scale-calc")?;
    page.element("scale-flops")?;
    page.click_on("a.app-nav-link[href*='/about']")?;
    page.wait_for("the training program", PATIENCE, || {
        Ok((!page.has("lab-page")? && page.current_address()?.contains("/about")).then_some(()))
    })?;
    page.expect_clean()
}

fn gpt_3(page: &Page) -> Outcome {
    page.open("lab/scale-calc?lang=en")?;
    page.element("scale-flops")?;
    // The figures of the course: 6ND, PF-days, states, device-years and energy of one A100 at 40 %.
    close("work", result(page, "flops")?, 3.15e23, 1e-3)?;
    close("PF-days", result(page, "petaflop-days")?, 3646.0, 1e-3)?;
    close("states", result(page, "states")?, 2.8e12, 1e-3)?;
    expect_equal("devices", result(page, "devices-for-states")?, 35.0)?;
    close("device-years", result(page, "device-years")?, 80.0, 1e-2)?;
    close("energy", result(page, "energy")?, 308e3, 1e-2)?;
    // Patterson et al. 2021: 14.82 days by 6ND on 10,000 V100, 1,291 MWh.
    page.open("lab/scale-calc?lang=zh&devices=10000&peak=24.6e12&utilisation=1&power=330")?;
    page.element("scale-flops")?;
    close("days", result(page, "seconds")? / 86_400.0, 14.82, 1e-3)?;
    close("energy", result(page, "energy")?, 1_291e3, 1e-3)?;
    // They stand beside the name of an A100: the page says that they are not its own.
    page.wait_for_text("scale-own", PATIENCE, |text| {
        text.starts_with("这些是你自己填的数")
    })?;
    // A model of this page is counted by the engine, and eight of them send their gradients round.
    page.choose("model", "lenet5-mnist")?;
    page.wait_for("LeNet to be counted", PATIENCE, || {
        Ok((page.value("parameters")? == "61706").then_some(()))
    })?;
    expect(
        page.has("scale-all-reduce")?,
        "expected the time of an all-reduce",
    )?;
    let address = page.current_address()?;
    expect(address.contains("model=lenet5-mnist"), address)?;
    page.expect_clean()
}

fn bad_numbers(page: &Page) -> Outcome {
    page.open("lab/scale-calc?lang=en&devices=0")?;
    let text = page.text("field-error")?;
    expect(text.contains("whole number"), text)?;
    expect(
        !page.has("scale-flops")?,
        "a job without devices has no result",
    )?;
    page.fill("devices", "4")?;
    page.press(keys::ENTER)?;
    page.element("scale-flops")?;
    page.fill("bandwidth", "-1")?;
    page.press(keys::ENTER)?;
    page.element("field-error")?;
    expect_equal("what was typed", page.value("bandwidth")?, "-1".to_string())?;
    for width in [390, 1440] {
        page.resize((width, 844))?;
        let is_wider = "return document.documentElement.scrollWidth > innerWidth";
        expect_equal(
            &format!("wider than {width}"),
            page.script(is_wider, &[])?,
            false.into(),
        )?;
    }
    page.expect_clean()
}

/// Exercise X13, by the keyboard.
fn printed_model(page: &Page) -> Outcome {
    for (lang, right, wrong) in [
        ("en", "Your prediction was right", "was another one"),
        ("zh", "你的预测正确", "与你的预测不同"),
    ] {
        page.open(&format!("lab/scale-calc?lang={lang}"))?;
        let disabled = page.attribute("x13-run", "disabled")?;
        expect(disabled.is_some(), "the learner predicts before running")?;
        page.click("x13-1")?;
        page.script(
            "document.querySelector(\"[data-testid='x13-run']\").focus()",
            &[],
        )?;
        page.press(keys::ENTER)?;
        page.wait_for_text("x13-verdict", PATIENCE, |text| text.contains(wrong))?;
        let counted = page.attribute("x13-parameters", "data-value")?;
        expect_equal("parameters", counted.as_deref(), Some("4047632"))?;
        let attention = page.attribute("x13-attention", "data-value")?;
        expect_equal("layers with attention", attention.as_deref(), Some("0"))?;
        page.click("x13-0")?;
        page.wait_for_text("x13-verdict", PATIENCE, |text| text.contains(right))?;
        // The bars of time, and why there is no all-reduce of GPT-3.
        let bars = "[data-testid='scale-time-bars'] rect";
        expect_equal("bars of time", page.count(bars)?, 1)?;
        page.fill("devices", "1024")?;
        page.press(keys::ENTER)?;
        page.wait_for("a bar for all devices", PATIENCE, || {
            Ok((page.count(bars)? == 2).then_some(()))
        })?;
        expect_equal(
            "parts",
            page.count("[data-testid='scale-ring-bar'] rect")?,
            0,
        )?;
        page.choose("model", "lenet5-mnist")?;
        page.wait_for("an all-reduce in two parts", PATIENCE, || {
            let parts = page.count("[data-testid='scale-ring-bar'] rect")?;
            Ok((parts == 2).then_some(()))
        })?;
        for width in [390, 1440] {
            page.resize((width, 844))?;
            let is_wider = "return document.documentElement.scrollWidth > innerWidth";
            let name = format!("wider than {width}");
            expect_equal(&name, page.script(is_wider, &[])?, false.into())?;
        }
    }
    page.expect_clean()
}

/// From training to the calculator, and from there to the page that measures.
fn carried(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-moons?lang=en&device=cpu")?;
    page.click("model-scale")?;
    page.element("scale-flops")?;
    let address = page.current_address()?;
    expect(
        address.contains("/lab/scale-calc") && address.contains("model=mlp-moons"),
        address,
    )?;
    expect_equal("model", page.value("model")?.as_str(), "mlp-moons")?;
    // This device is not measured: the page says so and leads there, with the network.
    page.choose("accelerator", "this")?;
    page.element("scale-assumed")?;
    page.click("scale-measure")?;
    page.element("measure-start")?;
    let address = page.current_address()?;
    expect(
        address.contains("/lab/roofline") && address.contains("model=mlp-moons"),
        address,
    )?;
    expect_equal("network", page.value("model")?.as_str(), "mlp-moons")?;
    // GPT-3 cannot be measured here: a link to the page alone.
    page.open("lab/scale-calc?lang=zh")?;
    page.element("scale-here-unknown")?;
    page.click("scale-measure")?;
    page.element("measure-start")?;
    page.expect_clean()
}

/// 390 pixels, both languages and themes, with a result and with an error.
fn on_a_phone(page: &Page) -> Outcome {
    let mut found = Vec::new();
    for (lang, query) in [("en", "devices=1024&model=bert-large"), ("zh", "devices=0")] {
        page.open(&format!("lab/scale-calc?lang={lang}&theme=light&{query}"))?;
        page.resize((390, 844))?;
        let shown = if lang == "en" {
            "scale-flops"
        } else {
            "field-error"
        };
        page.element(shown)?;
        page.wait_for("a page as wide as the phone", PATIENCE, || {
            let wider = "return document.documentElement.scrollWidth - innerWidth";
            let wider = page.script(wider, &[])?.as_i64();
            Ok(wider.filter(|wider| *wider <= 0).map(|_| ()))
        })?;
        audit(page, &format!("scale-calc on a phone, {lang}"), &mut found)?;
    }
    report(&found)?;
    page.expect_clean()
}

fn unknown(page: &Page) -> Outcome {
    page.open("lab/warp-drive?lang=en")?;
    let text = page.text("unknown-lab")?;
    expect(text.contains("warp-drive"), text)?;
    page.element("lab-scale-calc")?;
    page.expect_clean()
}
