//! The training page trains, and its buttons and keys do what they say.

use std::time::Duration;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

use super::run::{
    KEEP_FILES, LONG, address_contains, curve_points, expect_badge, focus, number, open_ready,
    phase_becomes, play_until, reset, save_weights, step_once, tensors,
};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(240),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("lenet_learns_on_webgpu_and_obeys_its_buttons", lenet_learns),
        test("training_reads_held_out_digits", held_out_digits),
        test("drawn_digit_is_read_as_the_network_learns", drawing_is_read),
        test("keys_play_step_reset_and_help", keys_work),
        test("same_seed_repeats_and_another_differs", seed_decides),
        test("curves_are_read_with_the_keyboard", curves_are_read),
        test(
            "worked_example_has_the_loss_of_the_calculation",
            worked_example,
        ),
        test("language_and_theme_change_beside_a_run", switches),
    ]
}

fn lenet_learns(page: &Page) -> Outcome {
    page.before_each_document(KEEP_FILES)?;
    open_ready(page, "train/lenet5-mnist?device=gpu&seed=3&batch=32")?;
    expect_badge(page, "software")?;
    let badge = page.text("device-badge")?;
    expect(badge.contains("GPU emulated · WebGPU"), badge)?;
    let first = step_once(page)?;
    let first_loss = number(&first)?;
    expect(
        (first_loss - 10f64.ln()).abs() < 0.3,
        format!("ten classes by chance lose ln 10 = 2.30, got {first_loss}"),
    )?;
    let after_one = save_weights(page)?;

    play_until(page, 40.0)?;
    let curve = curve_points(page)?;
    expect(curve >= 2, format!("the curve has {curve} points"))?;
    let stopped_at = play_until(page, 60.0)?;
    page.wait_for("a longer curve", PATIENCE, || {
        Ok((curve_points(page)? > curve).then_some(()))
    })?;
    // An answer from the engine later, nothing has moved.
    save_weights(page)?;
    expect_equal("step while paused", page.number("metric-step")?, stopped_at)?;
    let late_loss = number(&step_once(page)?)?;
    expect(
        late_loss < first_loss - 0.5,
        format!("the loss was {first_loss} and after {stopped_at} steps {late_loss}"),
    )?;
    expect(page.number("metric-speed")? > 0.0, "training has a speed")?;
    expect(
        (1.0..=30.0).contains(&page.number("dispatches-per-step")?),
        "expected 1 to 30 dispatches a step",
    )?;
    expect(
        page.number("submits-per-step")? <= 1.0,
        "expected at most one submit a step",
    )?;
    expect_equal(
        "allocations after warming up",
        page.text("allocations-after-warm-up")?.as_str(),
        "0",
    )?;

    reset(page)?;
    expect_equal("points after the reset", curve_points(page)?, 0)?;
    expect_equal("first loss after the reset", step_once(page)?, first)?;
    expect(
        tensors(&save_weights(page)?)? == tensors(&after_one)?,
        "the weights after the first step differ from those before the reset",
    )?;
    page.expect_clean()
}

fn held_out_digits(page: &Page) -> Outcome {
    open_ready(page, "train/lenet5-mnist?device=cpu")?;
    expect_badge(page, "cpu")?;
    expect_equal(
        "parameters",
        page.text("total-parameters")?.as_str(),
        "61,706",
    )?;
    page.click("play-pause")?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |accuracy| accuracy > 0.7)?;
    page.click("play-pause")?;
    phase_becomes(page, "paused")?;
    expect(page.number("metric-loss")? < 1.5, "the loss did not fall")?;
    expect_equal(
        "digits with a verdict",
        page.count(".digit.is-right")? + page.count(".digit.is-wrong")?,
        20,
    )?;
    page.expect_clean()
}

fn drawing_is_read(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-mnist?device=cpu")?;
    page.drag("draw-canvas", &[(0.5, 0.15), (0.5, 0.5), (0.5, 0.85)])?;
    let class = || page.attribute("prediction", "data-class");
    page.wait_for("a prediction before training", PATIENCE, class)?;
    let untrained = page.text("prediction")?;
    page.click("play-pause")?;
    page.wait_for("the stroke to be read as 1", LONG, || {
        Ok(class()?.filter(|class| class == "1"))
    })?;
    page.click("play-pause")?;
    phase_becomes(page, "paused")?;
    let trained = page.text("prediction")?;
    expect(trained != untrained, "the prediction did not change")?;
    let percentages: Vec<f64> = trained
        .split_whitespace()
        .filter_map(|word| word.strip_suffix('%')?.parse().ok())
        .collect();
    // The sentence, and a bar for each digit; they are rounded to a tenth.
    expect_equal("percentages", percentages.len(), 11)?;
    let sum: f64 = percentages[1..].iter().sum();
    expect((sum - 100.0).abs() < 1.0, format!("{sum} % in all"))?;
    page.click("draw-clear")?;
    page.wait_for("no prediction", PATIENCE, || {
        Ok(class()?.is_none().then_some(()))
    })?;

    // The way without a pointer: Space presses the button and does not play.
    let step = page.number("metric-step")?;
    focus(page, "draw-sample")?;
    page.press(" ")?;
    page.wait_for("a prediction for the sample", PATIENCE, class)?;
    phase_becomes(page, "paused")?;
    expect_equal("step", page.number("metric-step")?, step)?;
    page.expect_clean()
}

fn keys_work(page: &Page) -> Outcome {
    open_ready(page, "train/worked-2-3-1?device=cpu")?;
    page.press(keys::RIGHT)?;
    page.wait_for_number("metric-step", PATIENCE, |step| step == 1.0)?;
    page.press(" ")?;
    phase_becomes(page, "playing")?;
    page.press(" ")?;
    phase_becomes(page, "paused")?;
    let help_after = |key: &str, is_open: bool| {
        page.press(key)?;
        let what = format!("the help to be {}", if is_open { "open" } else { "closed" });
        page.wait_for(&what, PATIENCE, || {
            Ok(((page.count("dialog[open]")? == 1) == is_open).then_some(()))
        })
    };
    for closes in [keys::ESCAPE, "?"] {
        help_after("?", true)?;
        help_after(closes, false)?;
    }
    // In a field, keys are text.
    let before = page.number("metric-step")?;
    page.click("seed")?;
    page.press("r ")?;
    page.press(keys::RIGHT)?;
    page.script("document.activeElement.blur()", &[])?;
    page.press(keys::RIGHT)?;
    page.wait_for_number("metric-step", PATIENCE, |step| step > before)?;
    phase_becomes(page, "paused")?;
    expect_equal("step", page.number("metric-step")?, before + 1.0)?;
    page.press("r")?;
    page.wait_for_number("metric-step", PATIENCE, |step| step == 0.0)?;
    page.expect_clean()
}

fn seed_decides(page: &Page) -> Outcome {
    let first_losses = |page: &Page| Ok::<_, String>([step_once(page)?, step_once(page)?]);
    open_ready(page, "train/mlp-mnist?device=cpu&seed=5")?;
    let losses = first_losses(page)?;
    page.reload()?;
    phase_becomes(page, "ready")?;
    expect_equal(
        "losses of the same link",
        first_losses(page)?,
        losses.clone(),
    )?;
    page.click("reseed")?;
    page.wait_for("another seed in the address", PATIENCE, || {
        let address = page.current_address()?;
        let seed = address.split("seed=").nth(1).map(str::to_string);
        Ok(seed.filter(|seed| seed != "5" && !seed.starts_with("5&")))
    })?;
    page.wait_for_number("metric-step", LONG, |step| step == 0.0)?;
    phase_becomes(page, "ready")?;
    let seed = page.value("seed")?;
    address_contains(page, &format!("seed={seed}"))?;
    let [first, second] = first_losses(page)?;
    expect(first != losses[0], "another seed gave the same first loss")?;
    expect(second != losses[1], "another seed gave the same loss")?;
    page.expect_clean()
}

fn curves_are_read(page: &Page) -> Outcome {
    open_ready(page, "train/worked-2-3-1?device=cpu")?;
    for _ in 0..3 {
        step_once(page)?;
    }
    focus(page, "loss-curve")?;
    page.press(keys::LEFT)?;
    let said = page.wait_for("a value text of one step", PATIENCE, || {
        let text = page.attribute("loss-curve", "aria-valuetext")?;
        Ok(text.filter(|text| text.contains("after")))
    })?;
    expect_equal("drawn cursors", page.count(".curve-hover svg")?, 1)?;
    expect(said.contains("0."), said)?;
    expect_equal("step", page.number("metric-step")?, 3.0)?;
    page.expect_clean()
}

fn worked_example(page: &Page) -> Outcome {
    for (device, badge) in [("cpu", "cpu"), ("gpu", "software")] {
        open_ready(page, &format!("train/worked-2-3-1?device={device}"))?;
        expect_badge(page, badge)?;
        // z1 = (0.1, -0.5, 0.45), a1 = (0.1, 0, 0.45), z2 = 0.15, loss = ln(1 + e^-0.15).
        let by_hand = 0.620957;
        let loss = number(&step_once(page)?)?;
        expect(
            (loss - by_hand).abs() <= 2e-6,
            format!("expected {by_hand} by hand, got {loss} on {device}"),
        )?;
        let next = number(&step_once(page)?)?;
        expect(next < loss, format!("{next} after {loss} on {device}"))?;
        for absent in ["draw-canvas", "digit-strip", "confusion"] {
            expect(
                !page.has(absent)?,
                format!("{absent} has no place without images"),
            )?;
        }
    }
    page.expect_clean()
}

fn switches(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-mnist?device=cpu&lang=en&theme=light")?;
    let loss = step_once(page)?;
    let play = page.text("play-pause")?;
    page.click("locale-toggle")?;
    page.wait_for_text("play-pause", PATIENCE, |text| text != play)?;
    page.click("theme-toggle")?;
    page.wait_for("the dark page", PATIENCE, || {
        Ok((page.count("html[lang='zh-CN'][data-theme='dark']")? == 1).then_some(()))
    })?;
    address_contains(page, "lang=zh&theme=dark")?;
    expect_equal("step", page.number("metric-step")?, 1.0)?;
    expect_equal("loss", page.text("metric-loss")?, loss)?;
    step_once(page)?;
    page.expect_clean()
}
