//! The compression instrument: sizes and accuracies change, files come back, bad input is explained.

use std::time::Duration;

use base64::Engine;
use serde_json::json;

use super::audit::{audit, report};
use super::run::{KEEP_FILES, LONG, address_contains, enter, focus};
use crate::page::{Launch, PATIENCE, Page, by_testid, expect, expect_equal, keys};
use crate::{Outcome, Test};

/// A training of one epoch, and whatever follows on it.
const TRAINING: Duration = Duration::from_secs(240);

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(500),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test(
            "a_network_is_pruned_quantized_saved_and_read_again",
            compresses,
        ),
        test("compression_explains_what_it_cannot_do", refuses),
        test(
            "a_student_is_distilled_and_weights_go_while_they_are_tuned",
            teaches,
        ),
        test(
            "the_loss_alone_chooses_the_largest_network_on_the_page",
            exercise,
        ),
        test(
            "compression_fits_a_phone_and_axe_finds_nothing_serious",
            fits,
        ),
    ]
}

fn open(page: &Page, query: &str) -> Outcome {
    page.open(&format!("lab/compress?{query}"))?;
    page.element("compress-train").map(drop)
}

/// Trains for one epoch, which the address asks for.
fn train(page: &Page) -> Outcome {
    page.click("compress-train")?;
    page.wait_for_number("compress-accuracy", TRAINING, |accuracy| accuracy > 0.8)
        .map(drop)
}

/// Presses a button and waits for the try of that number.
fn attempt(page: &Page, button: &str, number: u32) -> Result<(f64, f64), String> {
    page.click(button)?;
    page.wait_for("the try", TRAINING, || {
        Ok(page.has(&format!("compress-try-{number}"))?.then_some(()))
    })?;
    Ok((
        page.number("compress-accuracy")?,
        page.number("compress-bytes")?,
    ))
}

fn saved_file(page: &Page) -> Result<Vec<u8>, String> {
    let count = || {
        let count = page.script("return savedFiles.length", &[])?;
        Ok::<u64, String>(count.as_u64().unwrap_or_default())
    };
    let before = count()?;
    page.click("compress-save")?;
    page.wait_for("the saved file", LONG, || {
        Ok((count()? > before).then_some(()))
    })?;
    let file = page.script("return savedFiles.at(-1)", &[])?;
    let decoded =
        base64::engine::general_purpose::STANDARD.decode(file.as_str().unwrap_or_default());
    decoded.map_err(|error| error.to_string())
}

fn compresses(page: &Page) -> Outcome {
    page.before_each_document(KEEP_FILES)?;
    open(
        page,
        "lang=en&train=1&sparsity=0.5&bits=8&per=channel&budget=45000",
    )?;
    train(page)?;
    let whole = (
        page.number("compress-accuracy")?,
        page.number("compress-bytes")?,
    );
    expect_equal("bytes of LeNet-5 as floats", whole.1, 246_862.0)?;

    let half = attempt(page, "compress-apply", 1)?;
    expect(
        half.1 < whole.1 / 4.0,
        format!("half the weights at 8 bits take {}", half.1),
    )?;
    expect(
        (half.0 - whole.0).abs() < 0.05,
        format!("{} after {}", half.0, whole.0),
    )?;

    // By the keyboard: the slider of bits from 8 down to 2.
    focus(page, "compress-bits")?;
    for _ in 0..6 {
        page.press(keys::LEFT)?;
    }
    address_contains(page, "bits=2")?;
    expect_equal("bits", page.text("compress-bits-value")?.as_str(), "2 bits")?;
    focus(page, "compress-apply")?;
    page.press(keys::ENTER)?;
    page.wait_for("the try", TRAINING, || {
        Ok(page.has("compress-try-2")?.then_some(()))
    })?;
    let two = (
        page.number("compress-accuracy")?,
        page.number("compress-bytes")?,
    );
    expect(
        two.1 < half.1,
        format!("{} bytes at 2 bits, {} at 8", two.1, half.1),
    )?;
    expect(
        two.0 < half.0,
        format!("accuracy {} at 2 bits, {} at 8", two.0, half.0),
    )?;
    let best = page.text("compress-best")?;
    expect(
        best.contains("try 1") && best.contains("on the other half"),
        format!("the best within 45,000 bytes: {best}"),
    )?;

    // The file is as long as it says, and gives the same predictions.
    page.click_on("[data-testid='compress-try-1'] button")?;
    page.wait_for_number("compress-bytes", PATIENCE, |bytes| bytes == half.1)?;
    let file = saved_file(page)?;
    expect_equal("length of the file", file.len() as f64, half.1)?;
    page.choose_file("compress-load", "again.gbc", &file)?;
    page.wait_for("the file's predictions", TRAINING, || {
        let same = page.attribute("compress-loaded", "data-same")?;
        Ok(same.filter(|same| same == "1"))
    })?;
    let loaded = page.text("compress-loaded")?;
    expect(
        loaded.contains("bit for bit") && loaded.contains("2000"),
        loaded,
    )?;

    // With an epoch of fine-tuning.
    let tuned = attempt(page, "compress-finetune", 3)?;
    let row = page.text("compress-try-3")?;
    expect(
        row.contains("157"),
        format!("157 steps of fine-tuning: {row}"),
    )?;
    expect(tuned.1 < whole.1 / 8.0, format!("{} bytes", tuned.1))?;

    // The other language keeps everything.
    page.click("locale-toggle")?;
    page.wait_for_text("compress-best", PATIENCE, |text| {
        text.contains("第 1 次尝试")
    })?;
    expect_equal(
        "tries",
        page.count("[data-testid='compress-tries'] tbody tr")?,
        4,
    )?;
    // And a budget that nothing fits is explained.
    let slider = by_testid("compress-budget");
    page.script(
        "const slider = document.querySelector(arguments[0]); slider.value = 0;
         slider.dispatchEvent(new Event('input', { bubbles: true }));",
        &[json!(slider)],
    )?;
    page.wait_for_text("compress-best", PATIENCE, |text| {
        text.contains("没有一次尝试放得进")
    })?;
    page.expect_clean()
}

/// Distillation, and fine-tuning that prunes step by step through quantized weights.
fn teaches(page: &Page) -> Outcome {
    open(
        page,
        "lang=en&train=1&lessons=1&sparsity=0.8&bits=8&finetune=1",
    )?;
    train(page)?;
    let whole = page.number("compress-bytes")?;
    // The student has 784 · 32 + 32 + 32 · 10 + 10 numbers, each of four bytes, and few more for its names.
    let student = attempt(page, "compress-distil", 1)?;
    let numbers = f64::from(4 * (784 * 32 + 32 + 32 * 10 + 10));
    expect(
        (numbers..numbers + 100.0).contains(&student.1) && student.1 < whole,
        format!("the student takes {} bytes", student.1),
    )?;
    expect(
        student.0 > 0.7,
        format!("the student is right in {}", student.0),
    )?;
    let row = page.text("compress-try-1")?;
    expect(row.contains("MLP 784-32-10"), row)?;

    // The boxes by the keyboard.
    for key in ["gradual", "rounded"] {
        focus(page, key)?;
        page.press(" ")?;
        address_contains(page, &format!("{key}=yes"))?;
    }
    let tuned = attempt(page, "compress-finetune", 2)?;
    expect(
        tuned.0 > 0.8,
        format!("{} with four weights of five gone", tuned.0),
    )?;
    expect(tuned.1 < whole / 8.0, format!("{} bytes", tuned.1))?;
    let row = page.text("compress-try-2")?;
    expect(row.contains("157") && row.contains("0.8"), row)?;
    // 0.8 of 61,470 weights; rounding to 8 bits makes some more of them 0.
    let zeros = page.text("compress-after")?;
    let zeros = zeros.split(" of 61,470 weights").next().unwrap_or_default();
    let zeros = zeros.split_whitespace().next_back().unwrap_or_default();
    let zeros: f64 = zeros
        .replace(',', "")
        .parse()
        .map_err(|_| format!("zeros: {zeros}"))?;
    expect(
        (49_176.0..61_470.0).contains(&zeros),
        format!("{zeros} zeros"),
    )?;
    page.expect_clean()
}

fn refuses(page: &Page) -> Outcome {
    // Both sliders say what is wrong with them, and so does the budget, which has no place on the plot then.
    open(page, "lang=en&bits=1&sparsity=2&budget=-3")?;
    page.wait_for("two errors", PATIENCE, || {
        Ok((page.count(&by_testid("field-error"))? == 2).then_some(()))
    })?;
    expect_equal("bits", page.text("compress-bits-value")?.as_str(), "1 bit")?;
    let budget = page.text("compress-best")?;
    expect(budget.contains("1 or more"), budget)?;
    expect_equal("lines of a budget", page.count(".budget-line")?, 0)?;
    open(page, "lang=en&train=1&bits=1&sparsity=0.5")?;
    let error = page.text("field-error")?;
    expect(
        error.contains("0 levels") && error.contains("2 to 8"),
        error,
    )?;
    // Not a network, a cut one, and not even trained.
    for (name, bytes) in [
        ("notes.gbc", &b"not a network"[..]),
        ("cut.gbc", &b"GBXC\x01\x0clenet5-mnist\x20\x00"[..]),
        ("empty.gbc", &b""[..]),
    ] {
        page.choose_file("compress-load", name, bytes)?;
        page.wait_for_text("compress-refused", LONG, |text| {
            text.contains("Not a compressed network")
        })
        .map_err(|error| format!("{name}: {error}"))?;
    }
    page.choose_file("compress-base-file", "notes.safetensors", b"nothing")?;
    page.wait_for_text("compress-refused", LONG, |text| {
        text.contains("safetensors")
    })?;
    train(page)?;
    // Nothing happens while a field cannot be used.
    page.click("compress-apply")?;
    enter(page, "lambda", "2")?;
    page.click("compress-distil")?;
    page.wait_for_text("compress-refused", LONG, |text| text.contains("0 to 1"))?;
    page.choose("origin", "student")?;
    page.script(
        "const slider = document.querySelector(arguments[0]); slider.value = 4;
         slider.dispatchEvent(new Event('input', { bubbles: true }));",
        &[json!(by_testid("compress-bits"))],
    )?;
    address_contains(page, "origin=student")?;
    page.click("compress-apply")?;
    page.wait_for_text("compress-refused", LONG, |text| text.contains("no student"))?;
    expect_equal(
        "tries",
        page.count("[data-testid='compress-tries'] tbody tr")?,
        1,
    )?;
    // Work can be ended, and leaves what was there.
    page.choose("origin", "base")?;
    enter(page, "finetune", "50")?;
    page.click("compress-finetune")?;
    page.wait_for_text("compress-progress", LONG, |text| {
        text.contains("Fine-tuning")
    })?;
    page.click("compress-cancel")?;
    page.wait_for("rest", LONG, || {
        let disabled = page.attribute("compress-apply", "disabled")?;
        Ok(disabled.is_none().then_some(()))
    })?;
    expect_equal(
        "tries",
        page.count("[data-testid='compress-tries'] tbody tr")?,
        1,
    )?;
    page.expect_clean()
}

fn exercise(page: &Page) -> Outcome {
    open(page, "lang=en&budget=60000")?;
    let disabled = page.attribute("x15-run", "disabled")?;
    expect(disabled.is_some(), "the learner predicts before running")?;
    page.click("x15-largest")?;
    page.click("x15-run")?;
    page.wait_for("the verdict", TRAINING, || {
        Ok(page.has("x15-verdict")?.then_some(()))
    })?;
    let right = page.attribute("x15-verdict", "data-right")?;
    expect_equal("the verdict", right.as_deref(), Some("true"))?;
    let bounded = page.text("x15-budget")?;
    expect(
        bounded.contains("60,000") && bounded.contains("wins"),
        bounded,
    )?;
    page.click("x15-smallest")?;
    page.wait_for_text("x15-verdict", PATIENCE, |text| text.contains("Not so"))?;
    page.expect_clean()
}

fn fits(page: &Page) -> Outcome {
    open(page, "lang=en&train=1&theme=light")?;
    train(page)?;
    attempt(page, "compress-apply", 1)?;
    let mut found = Vec::new();
    audit(page, "compress", &mut found)?;
    page.resize((390, 844))?;
    let wide = "return document.documentElement.scrollWidth - innerWidth";
    page.wait_for("the narrow page", PATIENCE, || {
        Ok(page
            .script(wide, &[])?
            .as_i64()
            .filter(|wider| *wider <= 0)
            .map(|_| ()))
    })?;
    audit(page, "compress, narrow", &mut found)?;
    report(&found)?;
    page.expect_clean()
}
