//! Widgets of the course that show pictures and runs: convolution, pooling, shapes, embedding, the pipeline.

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
        test("a_kernel_slides_over_a_digit_and_a_drawing", convolution),
        test("pooling_sends_its_gradient_back_on_a_phone", pooling),
        test("printed_networks_fail_with_their_numbers", shapes),
        test("a_letter_that_stands_twice_gets_the_sum", embedding),
        test("faults_of_a_pipeline_show_on_later_cards", pipeline),
        test("an_audit_of_picture_widgets_finds_nothing_serious", looks),
    ]
}

fn open(page: &Page, query: &str) -> Outcome {
    page.open(&format!("learn/widget?name={query}"))
}

/// The number in an element's `data-value`, once there is one that fits.
fn value(page: &Page, testid: &str, fits: impl Fn(f64) -> bool) -> Result<f64, String> {
    page.wait_for(&format!("{testid} to fit"), LONG, || {
        if !page.has(testid)? {
            return Ok(None);
        }
        let value = page.attribute(testid, "data-value")?.unwrap_or_default();
        Ok(value.parse().ok().filter(|&value| fits(value)))
    })
}

fn is_value(page: &Page, testid: &str, expected: f64) -> Outcome {
    // Six digits are shown.
    value(page, testid, |value| {
        (value - expected).abs() <= 1e-5 * expected.abs().max(1.0)
    })
    .map(drop)
    .map_err(|error| format!("{error}: expected {expected}"))
}

fn focus(page: &Page, testid: &str) -> Outcome {
    let script = format!("document.querySelector(\"{}\").focus()", by_testid(testid));
    page.script(&script, &[]).map(drop)
}

fn type_in(page: &Page, testid: &str, text: &str) -> Outcome {
    page.fill(testid, text)?;
    page.press(keys::TAB)
}

fn convolution(page: &Page) -> Outcome {
    open(page, "convolution&kernel=identity&padding=1&lang=en")?;
    // The identity with padding 1: the output is the picture, and doubled weights double it.
    value(page, "convolution-value", |_| true)?;
    is_value(page, "convolution-side", 28.0)?;
    let brightest = page.script(
        "const cells = [...document.querySelectorAll('[data-testid=convolution-output] .wg-cell')];
         const cell = cells.find((c) => Number(c.getAttribute('fill-opacity')) > 0.9);
         return [Number(cell.getAttribute('x')), Number(cell.getAttribute('y'))]",
        &[],
    )?;
    let [x, y] = [0, 1].map(|at| brightest[at].as_f64().unwrap_or_default());
    let output = by_testid("convolution-output");
    page.click_at(&output, ((x + 0.5) / 28.0, (y + 0.5) / 28.0))?;
    is_value(page, "convolution-output", y * 28.0 + x)?;
    let ink = value(page, "convolution-value", |value| value > 0.8)?;
    type_in(page, "convolution-weight-4", "2")?;
    is_value(page, "convolution-value", 2.0 * ink)?;
    expect_equal(
        "an edited kernel",
        page.value("convolution-kernel")?.as_str(),
        "",
    )?;
    page.wait_for_text("convolution-sum", PATIENCE, |text| text.contains("·2"))?;
    // Arrow keys walk over the output.
    focus(page, "convolution-output")?;
    page.press(keys::RIGHT)?;
    is_value(page, "convolution-output", y * 28.0 + x + 1.0)?;
    let spoken = page.attribute("convolution-output", "aria-valuetext")?;
    let place = format!("row {y}, column {}", x + 1.0);
    expect(
        spoken
            .as_deref()
            .is_some_and(|text| text.starts_with(&place)),
        format!("{place} is read out: {spoken:?}"),
    )?;
    // Sizes follow the formula.
    type_in(page, "convolution-stride", "2")?;
    is_value(page, "convolution-side", 14.0)?;
    page.click("convolution-size-5")?;
    is_value(page, "convolution-side", 13.0)?;
    expect_equal(
        "weights",
        page.count(&format!("{} input", by_testid("convolution-weight")))?,
        25,
    )?;
    type_in(page, "convolution-stride", "9")?;
    expect_equal("the stride is kept", page.count(".field-error")?, 1)?;
    is_value(page, "convolution-side", 13.0)?;
    // An own drawing: no ink, then a stroke.
    page.click("convolution-reset")?;
    is_value(page, "convolution-side", 28.0)?;
    page.click("convolution-clear")?;
    is_value(page, "convolution-value", 0.0)?;
    page.drag(
        "convolution-input",
        &[(0.2, 0.55), (0.5, 0.55), (0.8, 0.55)],
    )?;
    value(page, "convolution-value", |value| value > 0.5)?;
    expect_equal(
        "a drawing",
        page.value("convolution-picture")?.as_str(),
        "drawing",
    )?;
    page.choose("convolution-picture", "3")?;
    expect_equal("a digit", page.value("convolution-picture")?.as_str(), "3")?;
    // A link that cannot be used is told by name.
    open(page, "convolution&kernel=edge&stride=7&lang=en")?;
    page.wait_for_text("widget-problem", PATIENCE, |text| text.contains("kernel"))?;
    expect_equal("problems", page.count(&by_testid("widget-problem"))?, 2)?;
    page.expect_clean()
}

fn pooling(page: &Page) -> Outcome {
    page.resize((390, 844))?;
    open(page, "pooling&kind=max&at=0&lang=zh")?;
    // Only the largest cell of each window gets the gradient.
    for (cell, gradient) in [
        (0, 0.0),
        (4, 1.0),
        (7, -2.0),
        (10, 0.0),
        (13, 0.5),
        (15, 3.0),
    ] {
        is_value(page, &format!("pooling-dx-{cell}"), gradient)?;
    }
    focus(page, "pooling-output")?;
    page.press(keys::RIGHT)?;
    is_value(page, "pooling-output", 1.0)?;
    page.wait_for_text("pooling-backward", PATIENCE, |text| {
        text == "dx[1, 3] += −2"
    })?;
    // Another cell wins.
    type_in(page, "pooling-x-2", "9")?;
    is_value(page, "pooling-y-1", 9.0)?;
    is_value(page, "pooling-dx-2", -2.0)?;
    is_value(page, "pooling-dx-7", 0.0)?;
    page.click("pooling-kind-average")?;
    is_value(page, "pooling-dx-2", -0.5)?;
    is_value(page, "pooling-dx-7", -0.5)?;
    page.click("pooling-y-3")?;
    is_value(page, "pooling-output", 3.0)?;
    page.click("pooling-stride-1")?;
    page.wait_for("nine windows", PATIENCE, || {
        Ok(page.has("pooling-y-8")?.then_some(()))
    })?;
    page.click("pooling-reset")?;
    is_value(page, "pooling-dx-7", -2.0)?;
    no_overflow(page)?;
    page.expect_clean()
}

fn shapes(page: &Page) -> Outcome {
    open(page, "shapes&network=printed-vgg&batch=64&lang=en")?;
    is_value(page, "shapes-verdict", 3.0)?;
    page.wait_for_text("shapes-reason", PATIENCE, |text| {
        text.contains("65536x16, 4096x10")
    })?;
    is_value(page, "shapes-line", 3.0)?;
    page.choose("shapes-network", "lenet-28")?;
    is_value(page, "shapes-verdict", 6.0)?;
    type_in(page, "shapes-batch", "25")?;
    is_value(page, "shapes-verdict", 12.0)?;
    page.wait_for_text("shapes-mixed", PATIENCE, |text| text.contains("16 rows"))?;
    expect_equal(
        "rows behind the view",
        page.attribute("shapes-output-6", "data-value")?.as_deref(),
        Some("16,400"),
    )?;
    page.choose("shapes-network", "vgg16")?;
    is_value(page, "shapes-parameters", 14_719_818.0)?;
    // More than 2³² operations in one layer.
    type_in(page, "shapes-batch", "1024")?;
    page.wait_for("the large batch", PATIENCE, || {
        let shape = page.attribute("shapes-output-0", "data-value")?;
        Ok((shape.as_deref() == Some("1024,64,32,32")).then_some(()))
    })?;
    is_value(page, "shapes-parameters", 14_719_818.0)?;
    is_value(page, "shapes-work", 313_201_664.0)?;
    // Lines are chosen by pointer and by keys.
    page.click("shapes-line-2")?;
    is_value(page, "shapes-line", 2.0)?;
    page.press(keys::DOWN)?;
    is_value(page, "shapes-line", 3.0)?;
    page.wait_for_text("shapes-detail", PATIENCE, |text| text.contains("5 × 5"))?;
    page.click("shapes-reset")?;
    is_value(page, "shapes-verdict", 3.0)?;
    page.expect_clean()
}

fn embedding(page: &Page) -> Outcome {
    open(page, "embedding&token=2&lang=zh")?;
    // l stands twice in hello: 0.5 − 0.2, 0.2 + 0.4, −0.1 + 0.3.
    for (cell, gradient) in [(6, 0.3), (7, 0.6), (8, 0.2), (12, 0.0)] {
        is_value(page, &format!("embedding-dw-{cell}"), gradient)?;
    }
    page.wait_for_text("embedding-scatter", PATIENCE, |text| {
        text.starts_with("dw[2] = dy[2] + dy[3]")
    })?;
    focus(page, "embedding-token")?;
    page.press(keys::DOWN)?;
    page.press(keys::DOWN)?;
    is_value(page, "embedding-token", 4.0)?;
    type_in(page, "embedding-w-12", "5")?;
    type_in(page, "embedding-word", "pop")?;
    is_value(page, "embedding-y-0", 5.0)?;
    is_value(page, "embedding-y-6", 5.0)?;
    is_value(page, "embedding-dw-12", 0.6)?;
    page.click("embedding-letter-1")?;
    is_value(page, "embedding-token", 3.0)?;
    type_in(page, "embedding-word", "world")?;
    page.element("embedding-left-out")?;
    expect_equal("what is left", page.value("embedding-word")?.as_str(), "ol")?;
    page.click("embedding-reset")?;
    is_value(page, "embedding-dw-6", 0.3)?;
    page.expect_clean()
}

/// The colours of all cards.
fn cards(page: &Page) -> Result<Vec<String>, String> {
    let cards = ["preprocess", "graph", "loss", "train", "evaluate", "deploy"];
    let color = |card: &&str| page.attribute(&format!("pipeline-card-{card}"), "data-value");
    let colors = cards.iter().map(color);
    let colors: Result<Vec<_>, String> = colors.collect();
    Ok(colors?.into_iter().flatten().collect())
}

fn pipeline(page: &Page) -> Outcome {
    open(page, "pipeline&fault=none&lang=en")?;
    let becomes = |expected: [&str; 6]| {
        page.wait_for(&format!("cards {expected:?}"), LONG, || {
            let status = page.attribute("pipeline-status", "data-value")?;
            let is_done = status.as_deref() == Some("done");
            Ok((is_done && cards(page)? == expected).then_some(()))
        })
    };
    let (green, red) = ("green", "red");
    becomes([green; 6])?;
    is_value(page, "pipeline-same", 10.0)?;
    value(page, "pipeline-accuracy", |accuracy| accuracy > 0.8)?;
    let start = value(page, "pipeline-start", |_| true)?;
    expect(
        (start - 10_f64.ln()).abs() < 0.5,
        format!("starts at {start}"),
    )?;
    page.choose("pipeline-fault", "scale")?;
    becomes([green, green, red, green, green, green])?;
    page.choose("pipeline-fault", "loss")?;
    becomes([green, green, green, red, green, green])?;
    page.choose("pipeline-fault", "leak")?;
    becomes([green, green, green, green, red, red])?;
    is_value(page, "pipeline-shared", 500.0)?;
    // A run is cancelled by its button, and another one is started.
    focus(page, "pipeline-run")?;
    page.press(keys::ENTER)?;
    page.wait_for("a run under way", LONG, || {
        let status = page.attribute("pipeline-status", "data-value")?;
        Ok((status.as_deref() != Some("done")).then_some(()))
    })?;
    page.click("pipeline-cancel")?;
    page.wait_for_text("pipeline-status", PATIENCE, |text| {
        text.starts_with("Cancelled")
    })?;
    page.click("pipeline-reset")?;
    becomes([green; 6])?;
    page.expect_clean()
}

fn no_overflow(page: &Page) -> Outcome {
    let over = page.script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
        &[],
    )?;
    // Below zero where room is kept for a scroll bar.
    let fits = over.as_i64().is_some_and(|pixels| pixels <= 0);
    expect(fits, format!("{over} pixels beyond the edge"))
}

fn looks(page: &Page) -> Outcome {
    let mut found = Vec::new();
    page.resize((390, 844))?;
    for (name, ready, lang) in [
        ("convolution", "convolution-value", "zh"),
        ("pooling", "pooling-dx-15", "en"),
        ("shapes&network=printed-vgg", "shapes-verdict", "zh"),
        ("embedding", "embedding-dw-14", "en"),
        ("pipeline", "pipeline-same", "zh"),
    ] {
        open(page, &format!("{name}&lang={lang}&theme=light"))?;
        value(page, ready, |_| true)?;
        no_overflow(page)?;
        audit(page, name, &mut found)?;
    }
    report(&found)
}
