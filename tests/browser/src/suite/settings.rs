//! What links and fields set takes effect, and what cannot be used is explained.

use std::time::Duration;

use crate::page::{Launch, PATIENCE, Page, Site, expect, expect_equal};
use crate::{Outcome, Test};

use super::run::{
    LONG, address_contains, enter, expect_badge, messages, number, open_ready, phase_becomes,
    reset, step_once,
};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(180),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("link_sets_the_run_at_the_root_of_a_host", link_at_the_root),
        test("link_sets_the_run_below_a_sub_path", link_below_a_sub_path),
        test(
            "bad_values_in_the_address_are_explained",
            bad_values_are_explained,
        ),
        test("unknown_preset_offers_the_list", unknown_preset),
        test("learning_rate_changes_without_a_restart", learning_rate),
        test("learning_rate_changes_while_playing", rate_while_playing),
        test("settings_of_the_start_wait_for_a_reset", settings_wait),
        test("too_large_a_learning_rate_is_explained", non_finite),
        test(
            "after_training_broke_the_page_goes_back_to_a_good_checkpoint",
            go_back_after_non_finite,
        ),
        test(
            "settings_of_an_optimizer_show_where_they_apply",
            optimizer_settings,
        ),
        test(
            "a_schedule_is_drawn_and_sets_the_learning_rate",
            schedule_settings,
        ),
        test(
            "clipping_early_stopping_and_batch_choices_take_effect",
            stopping_settings,
        ),
        Test {
            launch: Launch::WITHOUT_ADAPTER,
            ..test("missing_gpu_is_explained_and_the_cpu_offered", missing_gpu)
        },
        Test {
            launch: Launch::WITHOUT_ADAPTER,
            ..test("missing_adapter_leaves_the_cpu", missing_adapter)
        },
        Test {
            launch: Launch::WITHOUT_WEBGPU,
            ..test("missing_webgpu_leaves_the_cpu", missing_webgpu)
        },
        Test {
            launch: Launch::WITHOUT_WEBGPU,
            ..test(
                "missing_webgpu_is_explained_and_the_cpu_offered",
                missing_gpu,
            )
        },
    ]
}

fn link_at_the_root(page: &Page) -> Outcome {
    link_sets_the_run(page, Site::Root)
}

fn link_below_a_sub_path(page: &Page) -> Outcome {
    link_sets_the_run(page, Site::Sub)
}

fn link_sets_the_run(page: &Page, site: Site) -> Outcome {
    let path =
        "train/mlp-mnist?device=cpu&seed=7&batch=100&lr=0.25&optimizer=momentum&momentum=0.5";
    page.open_at(site, path)?;
    phase_becomes(page, "ready")?;
    expect_badge(page, "cpu")?;
    for (testid, value) in [
        ("preset-select", "mlp-mnist"),
        ("device-select", "cpu"),
        ("seed", "7"),
        ("batch-size", "100"),
        ("learning-rate", "0.25"),
        ("optimizer", "momentum"),
        ("momentum", "0.5"),
    ] {
        expect_equal(testid, page.value(testid)?.as_str(), value)?;
    }
    step_once(page)?;
    // 10,000 samples in batches of 100.
    expect_equal("epoch", page.text("metric-epoch")?.as_str(), "0.01")?;
    let address = page.current_address()?;
    for part in path.split(['?', '&']) {
        expect(
            address.contains(part),
            format!("expected `{part}` in {address}"),
        )?;
    }
    expect_equal("messages", messages(page)?, vec![])?;
    page.expect_clean()
}

fn bad_values_are_explained(page: &Page) -> Outcome {
    let bad = [
        ("lr", "fast"),
        ("batch", "0"),
        ("seed", "-1"),
        ("device", "tpu"),
        ("optimizer", "magic"),
        ("momentum", "2"),
        ("theme", "pink"),
    ];
    let query: Vec<String> = bad
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    open_ready(page, &format!("train/worked-2-3-1?{}", query.join("&")))?;
    let shown = messages(page)?;
    expect_equal("messages", shown.len(), bad.len())?;
    for (key, value) in bad {
        expect(
            shown
                .iter()
                .any(|text| text.contains(&format!("gives {key} as “{value}”"))),
            format!("expected a message about {key}={value} in {shown:?}"),
        )?;
    }
    for (testid, value) in [
        ("learning-rate", "0.1"),
        ("device-select", "auto"),
        ("seed", "1"),
        ("batch-size", "1"),
    ] {
        expect_equal(testid, page.value(testid)?.as_str(), value)?;
    }
    let loss = number(&step_once(page)?)?;
    expect((loss - 0.620957).abs() <= 2e-6, format!("loss {loss}"))?;
    for left in (0..bad.len()).rev() {
        page.click("error-dismiss")?;
        page.wait_for(&format!("{left} messages"), PATIENCE, || {
            Ok((messages(page)?.len() == left).then_some(()))
        })?;
    }

    // What is good beside what is bad is used.
    open_ready(page, "train/worked-2-3-1?lr=fast&seed=7&device=cpu")?;
    expect_equal("seed", page.value("seed")?.as_str(), "7")?;
    expect_equal("device", page.value("device-select")?.as_str(), "cpu")?;
    expect_equal("messages", messages(page)?.len(), 1)?;
    page.expect_clean()
}

fn unknown_preset(page: &Page) -> Outcome {
    page.open("train/lenet9?seed=7")?;
    let text = page.text("unknown-preset")?;
    for part in ["lenet9", "lenet5-mnist", "mlp-mnist", "worked-2-3-1"] {
        expect(
            text.contains(part),
            format!("expected `{part}` in `{text}`"),
        )?;
    }
    page.click_on("[data-testid='unknown-preset'] a[href*='worked-2-3-1']")?;
    phase_becomes(page, "ready")?;
    step_once(page)?;
    page.expect_clean()
}

fn learning_rate(page: &Page) -> Outcome {
    open_ready(page, "train/worked-2-3-1?device=cpu")?;
    step_once(page)?;
    enter(page, "learning-rate", "0.5")?;
    address_contains(page, "lr=0.5")?;
    expect_equal("step", page.number("metric-step")?, 1.0)?;
    let second = step_once(page)?;
    let third = number(&step_once(page)?)?;
    open_ready(page, "train/worked-2-3-1?device=cpu")?;
    step_once(page)?;
    expect_equal(
        "loss of the second step, before the new rate counts",
        step_once(page)?,
        second,
    )?;
    expect(
        third < number(&step_once(page)?)?,
        "a larger learning rate made no difference",
    )?;
    enter(page, "learning-rate", "-1")?;
    page.element("field-error")?;
    expect(
        !page.current_address()?.contains("lr="),
        "a rate that cannot be used reached the address",
    )?;
    page.expect_clean()
}

fn rate_while_playing(page: &Page) -> Outcome {
    open_ready(
        page,
        "train/mlp-mnist?device=cpu&batch=16&optimizer=sgd&lr=0.01",
    )?;
    page.click("play-pause")?;
    page.wait_for_number("metric-step", LONG, |step| step >= 20.0)?;
    // So small that the weights do not move any more: every epoch is the same from now on.
    enter(page, "learning-rate", "1e-30")?;
    address_contains(page, "lr=1e-30")?;
    let changed_by = page.number("metric-step")?;
    page.wait_for_number("metric-step", LONG, |step| step > changed_by + 20.0)?;
    phase_becomes(page, "playing")?;
    page.click("play-pause")?;
    phase_becomes(page, "paused")?;
    let held_out_loss_moves = |page: &Page| -> Result<bool, String> {
        let before = page.text("metric-held-out-loss")?;
        let evaluated_at = evaluated_at(page)?;
        page.click("play-pause")?;
        page.wait_for("an evaluation", LONG, || {
            Ok((self::evaluated_at(page)? != evaluated_at).then_some(()))
        })?;
        page.click("play-pause")?;
        phase_becomes(page, "paused")?;
        Ok(page.text("metric-held-out-loss")? != before)
    };
    // The first evaluation may be from before the change.
    held_out_loss_moves(page)?;
    expect(
        !held_out_loss_moves(page)?,
        "the weights moved on with a learning rate of 1e-30",
    )?;
    enter(page, "learning-rate", "0.01")?;
    expect(
        held_out_loss_moves(page)?,
        "the weights did not move again with a learning rate of 0.01",
    )?;
    page.expect_clean()
}

/// The step of the last evaluation, as the page says it.
fn evaluated_at(page: &Page) -> Result<String, String> {
    page.text("digit-score")
}

fn settings_wait(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-mnist?device=cpu")?;
    step_once(page)?;
    enter(page, "batch-size", "100")?;
    address_contains(page, "batch=100")?;
    page.element("needs-reset")?;
    expect_equal("step", page.number("metric-step")?, 1.0)?;
    reset(page)?;
    expect(!page.has("needs-reset")?, "the reset took the setting over")?;
    step_once(page)?;
    expect_equal("epoch", page.text("metric-epoch")?.as_str(), "0.01")?;
    page.choose("preset-select", "worked-2-3-1")?;
    page.wait_for_text("total-parameters", LONG, |text| text == "13")?;
    expect(
        !page.current_address()?.contains("batch="),
        "another model kept the batch size",
    )?;
    page.expect_clean()
}

fn non_finite(page: &Page) -> Outcome {
    for device in ["cpu", "gpu"] {
        open_ready(
            page,
            &format!("train/mlp-mnist?device={device}&seed=2&batch=8&optimizer=sgd&lr=1000"),
        )?;
        let first = step_once(page)?;
        page.click("play-pause")?;
        phase_becomes(page, "stopped")?;
        let text = page.text("error-banner")?;
        let step = page.text("metric-step")?;
        let named = format!("became infinite or NaN in step {step} (first seen in ");
        for part in [named.as_str(), "smaller learning rate"] {
            expect(
                text.contains(part),
                format!("expected `{part}` in `{text}` on {device}"),
            )?;
        }
        // Operations are named by their layer.
        expect(text.contains("fc") || text.contains("loss"), text)?;
        enter(page, "learning-rate", "0.05")?;
        reset(page)?;
        expect_equal("messages", messages(page)?, vec![])?;
        expect_equal("first loss", step_once(page)?, first)?;
        step_once(page)?;
    }
    page.expect_clean()
}

fn go_back_after_non_finite(page: &Page) -> Outcome {
    open_ready(
        page,
        "train/mlp-mnist?device=cpu&seed=2&batch=100&optimizer=sgd&lr=0.05&epochs=1",
    )?;
    page.click("play-pause")?;
    page.wait_for_text("best-checkpoint", LONG, |text| text.contains("Step 100"))?;
    phase_becomes(page, "paused")?;
    enter(page, "learning-rate", "1000")?;
    page.click("play-pause")?;
    phase_becomes(page, "stopped")?;
    let offer = page.text("go-back")?;
    expect_equal("offer", offer.as_str(), "Go back to step 100")?;
    page.click("go-back")?;
    page.wait_for_number("metric-step", LONG, |step| step == 100.0)?;
    phase_becomes(page, "paused")?;
    expect_equal("messages", messages(page)?, vec![])?;
    enter(page, "learning-rate", "0.05")?;
    step_once(page)?;
    expect_equal("step", page.number("metric-step")?, 101.0)?;
    page.click("go-back-best")?;
    page.wait_for_number("metric-step", LONG, |step| step == 100.0)?;
    page.expect_clean()
}

/// Opens a folded group of settings.
fn unfold(page: &Page, testid: &str) -> Outcome {
    page.click_on(&format!("[data-testid='{testid}'] summary"))
}

/// Scrolls first, so that nothing that stays at the top lies over the element.
fn click_in_the_middle(page: &Page, testid: &str) -> Outcome {
    page.element(testid)?;
    let selector = format!("[data-testid='{testid}']");
    let script = "document.querySelector(arguments[0]).scrollIntoView({block: 'center'})";
    page.script(script, &[selector.into()])?;
    page.click(testid)
}

fn optimizer_settings(page: &Page) -> Outcome {
    open_ready(page, "train/worked-2-3-1?device=cpu")?;
    unfold(page, "optimizer-options")?;
    for (optimizer, shown, hidden) in [
        (
            "rmsprop",
            &["alpha", "centered", "eps"][..],
            &["beta1", "momentum"][..],
        ),
        ("momentum", &["momentum", "dampening"], &["alpha", "eps"]),
        (
            "adamw",
            &["beta1", "beta2", "eps", "weight-decay"],
            &["momentum", "alpha"],
        ),
    ] {
        page.choose("optimizer", optimizer)?;
        address_contains(page, &format!("optimizer={optimizer}"))?;
        for testid in shown {
            page.element(testid)?;
        }
        for testid in hidden {
            expect(!page.has(testid)?, format!("{optimizer} shows {testid}"))?;
        }
    }
    expect_equal("decay", page.value("weight-decay")?.as_str(), "0.01")?;
    page.element("needs-reset")?;
    reset(page)?;
    step_once(page)?;
    enter(page, "beta1", "1")?;
    page.element("field-error")?;
    enter(page, "beta1", "0.5")?;
    address_contains(page, "beta1=0.5")?;
    page.element("needs-reset")?;
    page.expect_clean()
}

fn schedule_settings(page: &Page) -> Outcome {
    open_ready(
        page,
        "train/worked-2-3-1?device=cpu&steps=4&schedule=exponential",
    )?;
    unfold(page, "schedule-options")?;
    let rate = |page: &Page| page.number("metric-learning-rate");
    for expected in [0.1, 0.05, 0.025] {
        step_once(page)?;
        let shown = rate(page)?;
        expect(
            (shown - expected).abs() < 1e-6,
            format!("{shown}, not {expected}"),
        )?;
    }
    // The schedule goes on from the new rate.
    enter(page, "learning-rate", "0.8")?;
    address_contains(page, "lr=0.8")?;
    step_once(page)?;
    expect((rate(page)? - 0.1).abs() < 1e-6, "0.8 halved three times")?;
    let drawn = page.text("schedule-preview")?;
    for part in ["4 steps", "0.8 at first", "0.1 at last"] {
        expect(
            drawn.contains(part),
            format!("expected `{part}` in `{drawn}`"),
        )?;
    }
    page.choose("schedule", "cosine")?;
    page.element("t-max")?;
    expect(!page.has("gamma")?, "the cosine has no factor")?;
    for bad in ["0", "1e999"] {
        enter(page, "learning-rate", bad)?;
        page.element("field-error")?;
    }
    expect(
        page.current_address()?.contains("lr=0.8"),
        "a bad rate was taken",
    )?;
    page.expect_clean()
}

fn stopping_settings(page: &Page) -> Outcome {
    open_ready(
        page,
        "train/mlp-mnist?device=cpu&batch=1000&optimizer=sgd&lr=1e-30&patience=1",
    )?;
    page.click("play-pause")?;
    phase_becomes(page, "paused")?;
    // Best after the first ten steps, no better after the next ten.
    expect_equal("step", page.number("metric-step")?, 20.0)?;
    let said = page.text("run-status")?;
    expect(said.contains("Stopped early"), said)?;
    unfold(page, "stopping-options")?;
    enter(page, "clip", "0.5")?;
    address_contains(page, "clip=0.5")?;
    click_in_the_middle(page, "batch-all")?;
    address_contains(page, "batch=10000")?;
    reset(page)?;
    step_once(page)?;
    expect_equal("epoch", page.text("metric-epoch")?.as_str(), "1.00")?;
    expect(
        page.number("metric-gradient-norm")? > 0.0,
        "no norm is shown",
    )?;
    click_in_the_middle(page, "batch-one")?;
    address_contains(page, "batch=1&")?;
    page.expect_clean()
}

fn missing_gpu(page: &Page) -> Outcome {
    page.open("train/mlp-mnist?device=gpu")?;
    page.wait_for_text("error-banner", LONG, |text| text.contains("no GPU"))?;
    expect_badge(page, "none")?;
    page.click("use-cpu")?;
    phase_becomes(page, "ready")?;
    address_contains(page, "device=cpu")?;
    expect_badge(page, "cpu")?;
    expect_equal("messages", messages(page)?, vec![])?;
    step_once(page)?;
    // Asked for in the middle of a run, the GPU is missing and the run stays.
    page.choose("device-select", "gpu")?;
    page.wait_for_text("error-banner", LONG, |text| text.contains("no GPU"))?;
    step_once(page).map(drop)
}

fn missing_adapter(page: &Page) -> Outcome {
    cpu_stands_in(page, "offers no graphics adapter")
}

fn missing_webgpu(page: &Page) -> Outcome {
    cpu_stands_in(page, "has no WebGPU")?;
    page.expect_clean()
}

fn cpu_stands_in(page: &Page, why: &str) -> Outcome {
    open_ready(page, "train/mlp-mnist")?;
    expect_badge(page, "cpu")?;
    let said = page.text("device-fallback")?;
    expect(said.contains(why), said)?;
    let first = number(&step_once(page)?)?;
    page.click("play-pause")?;
    page.wait_for_number("metric-loss", LONG, |loss| loss < first - 0.5)?;
    page.click("play-pause")?;
    phase_becomes(page, "paused")
}
