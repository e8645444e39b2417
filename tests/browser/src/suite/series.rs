//! Series: the forecast while a network learns, the learner's own, and a gate's sum in the microscope.

use std::time::Duration;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal};
use crate::{Outcome, Test};

use super::run::{LONG, open_ready, phase_becomes, play_until};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(240),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("a_series_is_forecast_while_it_is_learned", forecast),
        test("a_series_of_the_learner_s_own_is_chosen_and_learned", own),
    ]
}

/// A number as the page writes it: `4.1×10⁻⁵` is 4.1e-5.
fn shown(page: &Page, testid: &str) -> Result<Option<f64>, String> {
    const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let text = page.text(testid)?.replace("×10", "e");
    let plain = text.chars().map(|c| match c {
        '⁻' | '−' => '-',
        c => match SUPERSCRIPTS
            .iter()
            .position(|superscript| *superscript == c)
        {
            Some(digit) => char::from(b'0' + digit as u8),
            None => c,
        },
    });
    Ok(plain.collect::<String>().parse().ok())
}

/// Waits until such a number is what it should be.
fn wait_for(page: &Page, testid: &str, is_right: impl Fn(f64) -> bool) -> Result<f64, String> {
    page.wait_for(testid, LONG, || {
        Ok(shown(page, testid)?.filter(|number| is_right(*number)))
    })
}

fn forecast(page: &Page) -> Outcome {
    open_ready(page, "train/rnn-sine?device=cpu&lang=en")?;
    expect(!page.has("draw-canvas")?, "a sine is not drawn by hand")?;
    let first = wait_for(page, "one-step-mse", |mse| mse > 0.0)?;
    // 20 known numbers before those that are held out; the truth, and a free run of 100.
    let points = |class: &str| -> Result<usize, String> {
        let path = format!(
            "return document.querySelector('[data-testid=forecast-drawing] .{class}').getAttribute('d')"
        );
        let path = page.script(&path, &[])?;
        Ok(path
            .as_str()
            .unwrap_or_default()
            .matches(['M', 'L'])
            .count())
    };
    expect_equal("numbers of the truth", points("forecast-truth")?, 20 + 160)?;
    expect_equal("numbers of the free run", points("forecast-free")?, 1 + 100)?;
    play_until(page, 600.0)?;
    let one_step = wait_for(page, "one-step-mse", |mse| mse < first / 20.0)?;
    let free_run = wait_for(page, "free-run-mse", |mse| mse > 0.0)?;
    expect(
        free_run > one_step,
        format!("{free_run} running free, {one_step} one step"),
    )?;
    let repeat = wait_for(page, "one-step-repeat", |mse| mse > 0.0)?;
    expect(
        (repeat - 4.99e-3).abs() < 2e-5,
        format!("repeating misses by {repeat}"),
    )?;
    page.wait_for_text("forecast-conclusion", LONG, |text| {
        text.contains("100 steps")
    })?;
    // Without accuracy none is told.
    page.wait_for_text("best-checkpoint", LONG, |text| {
        text.contains("held-out loss")
    })?;
    expect(
        !page.text("best-checkpoint")?.contains("accuracy"),
        "a regression has no accuracy",
    )?;
    page.click("reset")?;
    phase_becomes(page, "ready")?;
    page.open("train/rnn-sine?device=cpu&lang=zh")?;
    page.wait_for_text("forecast-conclusion", LONG, |text| !text.is_empty())?;
    page.expect_clean()
}

fn own(page: &Page) -> Outcome {
    page.open("train/own-series?device=cpu&lang=zh")?;
    page.element("series-needed")?;
    expect(
        !page.has("play-pause")?,
        "nothing can be played without a series",
    )?;
    let series: String = (0..124)
        .map(|t| format!("{}\n", 100.0 + 20.0 * (0.4 * f64::from(t)).sin()))
        .collect();
    let gap = series.replacen('\n', "\n\n", 1);
    page.choose_file("series-file", "gap.txt", gap.as_bytes())?;
    page.wait_for_text("error-banner", LONG, |text| text.contains("第 2 行是空的"))?;
    page.choose_file("series-file", "wave.txt", series.as_bytes())?;
    phase_becomes(page, "ready")?;
    page.wait_for_text("series-note", PATIENCE, |text| {
        text.contains("wave.txt") && text.contains("20")
    })?;
    // A window that does not fit leaves the run alone.
    page.fill("series-window", "120")?;
    page.press("\u{e007}")?;
    page.wait_for_text("error-banner", LONG, |text| {
        text.contains("120") && text.contains("124")
    })?;
    page.fill("series-window", "4")?;
    page.press("\u{e007}")?;
    page.wait_for_text("series-note", LONG, |text| text.contains("96"))?;
    phase_becomes(page, "ready")?;
    play_until(page, 60.0)?;
    let free_run = wait_for(page, "free-run-mse", |mse| mse > 0.0)?;
    expect(free_run < 2_000.0, format!("{free_run}"))?;
    page.expect_clean()
}
