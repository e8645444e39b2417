//! Widgets of the course that compute: moved by pointer and by keys, exact numbers typed, what a link got wrong told.

use std::time::Duration;

use super::audit::{audit, report};
use super::run::LONG;
use crate::page::{Launch, PATIENCE, Page, by_testid, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(150),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test(
            "a_point_is_dragged_along_an_activation_function",
            activations,
        ),
        test(
            "losses_of_a_saturated_unit_are_those_of_the_exercise",
            losses,
        ),
        test("a_temperature_is_dragged_and_logits_are_typed", temperature),
        test("the_inverse_schedule_travels_9_79_full_steps", schedules),
        test("metrics_follow_a_matrix_and_0_of_0_is_undefined", metrics),
        test("mini_batch_gradients_scatter_less_in_larger_batches", noise),
        test("attention_is_that_of_the_worked_example", attention),
        Test {
            timeout: Duration::from_secs(240),
            ..test("forty_points_are_overfitted_before_the_learner_s_eyes", fit)
        },
        test("widgets_tell_what_a_link_got_wrong", wrong_settings),
        test(
            "widgets_fit_a_phone_and_an_audit_finds_nothing_serious",
            fit_and_audit,
        ),
    ]
}

/// Where the axis of x begins and ends, as shares of a drawing's width (`plot::Plane`).
const SPAN: (f64, f64) = (52.0 / 460.0, 440.0 / 460.0);

/// Drags the handle of a drawing to a share of its axis.
fn drag_to(page: &Page, testid: &str, share: f64) -> Outcome {
    let x = SPAN.0 + share * (SPAN.1 - SPAN.0);
    page.drag(testid, &[(0.5, 0.5), (0.3, 0.4), (x, 0.5)])
}

/// The bare number of a value.
fn bare(page: &Page, testid: &str) -> Result<f64, String> {
    let text = page.attribute(testid, "data-value")?.unwrap_or_default();
    text.parse()
        .map_err(|_| format!("{testid}: expected a bare number, got `{text}`"))
}

fn becomes(page: &Page, testid: &str, expected: f64, tolerance: f64) -> Outcome {
    let look = || Ok(Some(bare(page, testid)?).filter(|n| (n - expected).abs() <= tolerance));
    page.wait_for(&format!("{testid} to be {expected}"), PATIENCE, look)
        .map(drop)
        .map_err(|message| format!("{message}; it is {:?}", bare(page, testid)))
}

fn typed(page: &Page, testid: &str, value: &str) -> Outcome {
    page.fill(testid, value)?;
    page.press(keys::ENTER)
}

fn focus(page: &Page, testid: &str) -> Outcome {
    let script = format!("document.querySelector(\"{}\").focus()", by_testid(testid));
    page.script(&script, &[]).map(drop)
}

fn field_becomes(page: &Page, testid: &str, expected: f64, tolerance: f64) -> Outcome {
    let look = || {
        let value: Result<f64, _> = page.value(testid)?.parse();
        Ok(value.ok().filter(|n| (n - expected).abs() <= tolerance))
    };
    page.wait_for(&format!("{testid} to be {expected}"), PATIENCE, look)
        .map(drop)
        .map_err(|message| format!("{message}; it is {:?}", page.value(testid)))
}

fn activations(page: &Page) -> Outcome {
    page.open("learn/widget?name=activations&lang=en&theme=light")?;
    page.element("widget-activations")?;
    becomes(page, "activations-value", 0.5, 0.0)?;
    // By pointer: three quarters of the axis is z = 3.
    drag_to(page, "activations-plot", 0.75)?;
    field_becomes(page, "activations-z", 3.0, 0.11)?;
    let z: f64 = page.value("activations-z")?.parse().unwrap_or_default();
    becomes(page, "activations-value", z, 1e-6)?;
    becomes(page, "activations-derivative", 1.0, 0.0)?;
    // By keys.
    focus(page, "activations-plot")?;
    page.press(keys::LEFT)?;
    field_becomes(page, "activations-z", z - 0.1, 1e-6)?;
    let words = page.attribute("activations-plot", "aria-valuetext")?;
    let words = words.unwrap_or_default();
    expect(
        words.contains("f(z) =") && words.contains("f′(z) = 1"),
        words,
    )?;
    // Exactly.
    page.choose("activations-function", "sigmoid")?;
    typed(page, "activations-z", "-1.3")?;
    becomes(page, "activations-value", 0.214_165, 1e-6)?;
    becomes(page, "activations-derivative", 0.168_298, 1e-6)?;
    expect(
        page.count(".widget-formula math")? >= 3,
        "expected formulas",
    )?;
    // What cannot be used is told and changes nothing.
    typed(page, "activations-z", "seven")?;
    page.wait_for("what is expected", PATIENCE, || {
        Ok((page.count(".field-error")? == 1).then_some(()))
    })?;
    becomes(page, "activations-value", 0.214_165, 1e-6)?;
    page.click("activations-reset")?;
    becomes(page, "activations-value", 0.5, 0.0)?;
    expect_equal("errors", page.count(".field-error")?, 0)?;
    expect_equal(
        "the function",
        page.value("activations-function")?,
        "relu".into(),
    )?;
    page.expect_clean()
}

fn losses(page: &Page) -> Outcome {
    page.open("learn/widget?name=losses&loss=both&lang=zh&theme=dark")?;
    page.element("widget-losses")?;
    // Exercise X6.
    typed(page, "losses-z", "-5")?;
    becomes(page, "losses-mse-gradient", -0.006_604, 5e-7)?;
    becomes(page, "losses-bce-gradient", -0.993_307, 5e-7)?;
    drag_to(page, "losses-gradient-plot", 1.0)?;
    field_becomes(page, "losses-z", 8.0, 0.0)?;
    focus(page, "losses-plot")?;
    page.press(keys::LEFT)?;
    field_becomes(page, "losses-z", 7.9, 1e-9)?;
    page.click("losses-target-0")?;
    page.wait_for("the loss of the other target", PATIENCE, || {
        Ok((bare(page, "losses-bce")? > 7.0).then_some(()))
    })?;
    page.click("losses-loss-bce")?;
    page.wait_for("the squared error to go", PATIENCE, || {
        Ok((!page.has("losses-mse")?).then_some(()))
    })?;
    page.expect_clean()
}

fn temperature(page: &Page) -> Outcome {
    page.open("learn/widget?name=temperature&lang=en&theme=dark")?;
    becomes(page, "temperature-p-1", 0.643_914, 1e-6)?;
    becomes(page, "temperature-entropy", 0.947_537, 1e-6)?;
    // Beyond its end is its end.
    drag_to(page, "temperature-plot", 1.03)?;
    field_becomes(page, "temperature-t", 10.0, 0.0)?;
    let hot = bare(page, "temperature-entropy")?;
    expect(hot > 1.36, format!("entropy {hot} at T = 10"))?;
    focus(page, "temperature-plot")?;
    page.press(keys::HOME)?;
    field_becomes(page, "temperature-t", 0.05, 0.0)?;
    page.click("temperature-greedy")?;
    becomes(page, "temperature-p-1", 1.0, 0.0)?;
    typed(page, "temperature-logit-3", "4")?;
    becomes(page, "temperature-p-3", 1.0, 0.0)?;
    page.click("temperature-add")?;
    page.element("temperature-p-5")?;
    page.click("temperature-reset")?;
    becomes(page, "temperature-p-1", 0.643_914, 1e-6)?;
    expect(!page.has("temperature-p-5")?, "four logits again")?;
    page.expect_clean()
}

fn schedules(page: &Page) -> Outcome {
    page.open("learn/widget?name=schedules&lang=zh&theme=light")?;
    // Exercise X7.
    becomes(page, "schedules-full-steps", 9.787_61, 1e-5)?;
    becomes(page, "schedules-full-cosine", 5_000.5, 0.01)?;
    drag_to(page, "schedules-plot", 0.0)?;
    becomes(page, "schedules-value", 0.1, 0.0)?;
    focus(page, "schedules-sum-plot")?;
    page.press(keys::END)?;
    becomes(page, "schedules-sum", 0.978_761, 1e-6)?;
    page.choose("schedules-schedule", "warm-up")?;
    typed(page, "schedules-steps", "100")?;
    typed(page, "schedules-warmup", "9")?;
    // Σ over 9 steps of (t + 1)/10, then 91 full steps.
    becomes(page, "schedules-full-steps", 4.5 + 91.0, 1e-4)?;
    page.click("schedules-log")?;
    page.expect_clean()
}

fn metrics(page: &Page) -> Outcome {
    page.open("learn/widget?name=metrics&lang=en&theme=light")?;
    // The reference figures of the matrix of chapter 7.
    becomes(page, "metrics-accuracy", 0.8333, 5e-5)?;
    becomes(page, "metrics-precision-2", 0.7843, 5e-5)?;
    becomes(page, "metrics-recall-3", 0.7778, 5e-5)?;
    becomes(page, "metrics-macro-recall", 0.8290, 5e-5)?;
    focus(page, "metrics-class-2")?;
    page.press(keys::ENTER)?;
    page.wait_for("row and column to be marked", PATIENCE, || {
        Ok((page.count(".metrics-cell.is-chosen")? == 5).then_some(()))
    })?;
    typed(page, "metrics-cell-1-1", "0")?;
    becomes(page, "metrics-recall-1", 0.0, 0.0)?;
    typed(page, "metrics-cell-1-1", "-3")?;
    page.wait_for("what is expected", PATIENCE, || {
        Ok((page.count(".field-error")? == 1).then_some(()))
    })?;
    page.click("metrics-always-negative")?;
    becomes(page, "metrics-accuracy", 0.95, 1e-6)?;
    becomes(page, "metrics-recall-2", 0.0, 0.0)?;
    let precision = page.attribute("metrics-precision-2", "data-value")?;
    expect_equal("precision of 0/0", precision, Some("undefined".into()))?;
    page.click("metrics-more")?;
    page.element("metrics-cell-3-3")?;
    page.expect_clean()
}

fn noise_is_current(page: &Page) -> Outcome {
    page.wait_for("the engine's answer", Duration::from_secs(60), || {
        let status = page.attribute("noise-status", "data-value")?;
        Ok((status.as_deref() == Some("true")).then_some(()))
    })
}

fn noise(page: &Page) -> Outcome {
    page.open("learn/widget?name=noise&lang=zh&theme=light")?;
    noise_is_current(page)?;
    let dots = page.count("[data-testid=noise-gradients] .is-sample")?;
    expect_equal("gradients drawn", dots, 200)?;
    let single = bare(page, "noise-value")?;
    becomes(page, "noise-expected", single, 1e-5)?;
    expect(single > 0.1, format!("spread of single samples {single}"))?;
    typed(page, "noise-batch", "100")?;
    noise_is_current(page)?;
    let hundred = bare(page, "noise-value")?;
    expect(
        hundred < 0.15 * single,
        format!("{hundred} against {single}"),
    )?;
    drag_to(page, "noise-spread-plot", 0.0)?;
    field_becomes(page, "noise-batch", 1.0, 0.0)?;
    focus(page, "noise-plot")?;
    page.press(keys::END)?;
    noise_is_current(page)?;
    let loss = bare(page, "noise-loss")?;
    expect(loss < 0.3, format!("loss {loss} after 100 steps"))?;
    page.expect_clean()
}

fn attention(page: &Page) -> Outcome {
    page.open("learn/widget?name=attention&query=2&lang=en&theme=dark")?;
    // The worked example.
    for (cell, expected) in [
        ("s-2-3", -0.530_330),
        ("p-3-2", 0.568_375),
        ("o-3-2", 1.333_536),
        ("dv-1-2", -0.015_162),
        ("rowsum-3-1", 1.333_536),
        ("ds-3-1", -0.313_166),
        ("dq-2-2", -0.132_583),
        ("dk-2-1", -0.400_435),
        ("ds-1-2", 0.0),
    ] {
        // As it is shown, with six decimals: the bare numbers have six digits.
        let shown = page.text(&format!("attention-{cell}"))?.replace('−', "-");
        let number: f64 = shown.parse().map_err(|_| format!("{cell}: {shown}"))?;
        expect(
            (number - expected).abs() <= 2e-6,
            format!("{cell} is {number}, expected {expected}"),
        )?;
    }
    page.click("attention-dq-2-1")?;
    page.wait_for("what the number is made of", PATIENCE, || {
        Ok((page.count(".attention-matrix td.is-source")? == 6).then_some(()))
    })?;
    let pressed = page.attribute("attention-dq-2-1", "aria-pressed")?;
    expect_equal("pressed", pressed, Some("true".into()))?;
    focus(page, "attention-causal")?;
    page.press(" ")?;
    page.wait_for("the mask to go", PATIENCE, || {
        Ok((bare(page, "attention-p-1-3")? > 0.1).then_some(()))
    })?;
    typed(page, "attention-v-1-1", "3")?;
    becomes(page, "attention-dp-1-1", 3.0, 1e-6)?;
    page.click("attention-reset")?;
    becomes(page, "attention-p-1-3", 0.0, 0.0)?;
    becomes(page, "attention-dp-1-1", 1.0, 1e-6)?;
    page.expect_clean()
}

/// The step of the run, once it is one that fits.
fn fit_step(page: &Page, fits: impl Fn(u32) -> bool) -> Result<u32, String> {
    page.wait_for("the step of the run", LONG, || {
        let step = page.attribute("fit-step", "data-value")?;
        let step = step.and_then(|step| step.parse().ok());
        // Before the first report there is no table.
        let is_there = page.has("fit-train-loss")?;
        Ok(step.filter(|&step| is_there && fits(step)))
    })
}

/// The picture of the boundary, and how many places each curve has.
fn fit_drawings(page: &Page) -> Result<(String, Vec<usize>), String> {
    let script = format!(
        "return document.querySelector(\"{}\").toDataURL()",
        by_testid("fit-boundary")
    );
    let picture = page.script(&script, &[])?;
    let places = ["losses", "accuracies"].into_iter().flat_map(|figure| {
        ["is-train", "is-held-out"].map(|line| {
            let script = format!(
                "return document.querySelector(\"{} path.{line}\").getAttribute('d').split('L').length",
                by_testid(&format!("fit-{figure}"))
            );
            let count = page.script(&script, &[])?;
            count.as_u64().map(|count| count as usize).ok_or(script)
        })
    });
    let places: Result<_, String> = places.collect();
    Ok((picture.as_str().unwrap_or_default().into(), places?))
}

fn fit_verdict(page: &Page, expected: &str) -> Outcome {
    page.wait_for(&format!("the run {expected}"), LONG, || {
        let verdict = page.attribute("fit-verdict", "data-value")?;
        Ok((verdict.as_deref() == Some(expected)).then_some(()))
    })
}

fn fit(page: &Page) -> Outcome {
    let settings = "points=40&noise=0.25&hidden=32&layers=2&decay=0&seed=2";
    page.open(&format!(
        "learn/widget?name=fit&{settings}&lang=en&theme=light"
    ))?;
    fit_step(page, |step| step == 0)?;
    page.wait_for_text("fit-verdict", PATIENCE, |text| {
        text.starts_with("Not trained yet")
    })?;
    page.wait_for_text("fit-network", PATIENCE, |text| {
        text.contains("2-32-32-1: 1,185 parameters")
    })?;
    let (untrained, places) = fit_drawings(page)?;
    expect_equal("places of the curves", places, vec![1; 4])?;
    let guess = bare(page, "fit-train-loss")?;
    expect(
        (guess - 0.69).abs() < 0.2,
        format!("loss {guess} at the start"),
    )?;
    // One stretch, and then by itself until it is paused, by keys.
    page.click("fit-stretch")?;
    fit_step(page, |step| step == 10)?;
    focus(page, "fit-run")?;
    page.press(keys::ENTER)?;
    fit_step(page, |step| step >= 150)?;
    page.press(keys::ENTER)?;
    page.wait_for_text("fit-run", PATIENCE, |text| text == "Run")?;
    // A stretch that was under way ends.
    std::thread::sleep(Duration::from_secs(1));
    let paused = fit_step(page, |_| true)?;
    let (learning, places) = fit_drawings(page)?;
    expect(learning != untrained, "the boundary has not moved")?;
    expect_equal(
        "places of the curves",
        places,
        vec![paused as usize / 10 + 1; 4],
    )?;
    // A change of language keeps the run.
    page.click("locale-toggle")?;
    page.wait_for_text("fit-step", PATIENCE, |text| text.starts_with('第'))?;
    page.click("locale-toggle")?;
    expect_equal("paused", fit_step(page, |_| true)?, paused)?;
    // Where less is to move, stretches are longer: the rest of the run is sooner over.
    page.emulate_media(&[("prefers-reduced-motion", "reduce")])?;
    let to_the_end = |verdict: &str| {
        page.click("fit-run")?;
        fit_step(page, |step| step == 2000)?;
        fit_verdict(page, verdict)
    };
    to_the_end("overfits")?;
    let [now, least] = ["fit-held-out-loss", "fit-held-out-best-loss"].map(|id| bare(page, id));
    let (now, least) = (now?, least?);
    expect(
        now > 2.0 * least,
        format!("held-out loss {now} after {least}"),
    )?;
    becomes(page, "fit-train-accuracy", 1.0, 0.0)?;
    let text = page.text("fit-verdict")?;
    expect(text.contains(&format!("{least:.3} to {now:.3}")), text)?;
    let (last, _) = fit_drawings(page)?;
    page.click("fit-show-best")?;
    page.wait_for("the boundary of the best step", PATIENCE, || {
        Ok((fit_drawings(page)?.0 != last).then_some(()))
    })?;
    // What is set begins a new run.
    typed(page, "fit-decay", "2")?;
    fit_step(page, |step| step == 0)?;
    to_the_end("fits")?;
    let decayed = bare(page, "fit-held-out-loss")?;
    expect(
        decayed < 0.5 * now,
        format!("held-out loss {decayed} with weight decay, {now} without"),
    )?;
    page.choose("fit-layers", "0")?;
    fit_step(page, |step| step == 0)?;
    to_the_end("underfits")?;
    let accuracy = bare(page, "fit-train-accuracy")?;
    expect(accuracy < 0.92, format!("a line gets {accuracy}"))?;
    page.click("fit-reset")?;
    fit_step(page, |step| step == 0)?;
    expect_equal("layers", page.value("fit-layers")?, "2".into())?;
    page.open("learn/widget?name=fit&points=7&data=rings&lang=en")?;
    page.wait_for("two settings told", PATIENCE, || {
        Ok((page.count("[data-testid=widget-problem]")? == 2).then_some(()))
    })?;
    let told = page.source()?;
    for expected in ["one of moons, circles", "a whole number from 20 to 400"] {
        expect(told.contains(expected), format!("expected `{expected}`"))?;
    }
    expect_equal("points", page.value("fit-points")?, "40".into())?;
    page.expect_clean()
}

fn wrong_settings(page: &Page) -> Outcome {
    page.open("learn/widget?name=activations&function=swish&z=99&lang=en")?;
    page.element("widget-activations")?;
    page.wait_for("two settings told", PATIENCE, || {
        Ok((page.count("[data-testid=widget-problem]")? == 2).then_some(()))
    })?;
    let told = page.text("widget-problem")?;
    expect(
        told.contains("“function”") && told.contains("swish") && told.contains("leaky_relu"),
        told,
    )?;
    becomes(page, "activations-value", 0.5, 0.0)?;
    // A change of language keeps what the learner did.
    typed(page, "activations-z", "2")?;
    page.click("locale-toggle")?;
    page.wait_for_text("widget-problem", PATIENCE, |text| text.contains("应为"))?;
    becomes(page, "activations-value", 2.0, 0.0)?;
    page.expect_clean()
}

fn fit_and_audit(page: &Page) -> Outcome {
    page.resize((390, 844))?;
    let mut found = Vec::new();
    let names = [
        "activations",
        "losses",
        "temperature",
        "schedules",
        "metrics",
        "noise",
        "attention",
        "fit",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let language = ["en", "zh"][number % 2];
        page.open(&format!("learn/widget?name={name}&lang={language}"))?;
        page.element(&format!("widget-{name}"))?;
        if name == "noise" {
            noise_is_current(page)?;
        }
        if name == "fit" {
            page.element("fit-floor")?;
        }
        let is_wider = "return document.documentElement.scrollWidth > innerWidth";
        expect_equal(
            &format!("{name} is wider than the page"),
            page.script(is_wider, &[])?,
            false.into(),
        )?;
        audit(page, name, &mut found)?;
    }
    report(&found)?;
    page.expect_clean()
}
