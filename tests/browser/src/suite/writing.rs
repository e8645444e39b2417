//! Networks that learn a text, and what they write.

use std::time::Duration;

use super::run::{LONG, focus, open_ready, phase_becomes, play_until};
use crate::page::{Launch, PATIENCE, Page, by_testid, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(300),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("a_network_writes_while_it_learns", writes),
        test("a_network_writes_chinese", writes_chinese),
        test("a_transformer_writes_on_a_phone", transformer),
        test("a_text_of_the_learner_is_learned", own_text),
        test("a_transformer_shows_where_it_looks", attention),
    ]
}

/// The continuation, when it is whole.
fn written(page: &Page, what: &str, is_it: impl Fn(&str) -> bool) -> Result<String, String> {
    // In one look: the page may write on between two.
    let script = "
        const text = (id) => document.querySelector(`[data-testid='${id}']`)?.innerText ?? '';
        return text('written-variety') === '' ? null : text('written-text');";
    page.wait_for(what, LONG, || {
        let text = page.script(script, &[])?;
        Ok(text.as_str().filter(|text| is_it(text)).map(str::to_string))
    })
}

/// Moves a slider to its first value.
fn to_the_start(page: &Page, slider: &str) -> Outcome {
    focus(page, slider)?;
    page.press(keys::HOME)
}

fn share(text: &str) -> Result<f64, String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // The length of the runs, 8, stands before or behind the share.
    let digits = digits.strip_prefix('8').or(digits.strip_suffix('8'));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("expected a share in {text:?}"))
}

fn writes(page: &Page) -> Outcome {
    open_ready(page, "train/lstm-text?device=cpu&lang=en")?;
    let facts = page.text("text-facts")?;
    expect(
        facts.contains("237,") && facts.contains("69") && facts.contains("64"),
        format!("length, vocabulary and window in {facts:?}"),
    )?;
    let noise = written(page, "a first text", |text| !text.is_empty())?;
    expect(
        noise.chars().count() >= 160,
        format!("160 characters, and signs of line ends: {noise:?}"),
    )?;
    play_until(page, 50.0)?;
    page.wait_for_text("written-after", LONG, |text| text.contains("50"))?;
    let learned = written(page, "a text of learned weights", |text| text != noise)?;
    expect(
        learned.matches(' ').count() > noise.matches(' ').count(),
        format!("blanks are learned first: {learned:?}, before {noise:?}"),
    )?;
    page.click_on(&format!("{} summary", by_testid("earlier-texts")))?;
    let earlier = page.text("earlier-texts")?;
    expect(earlier.contains("after step 0"), earlier)?;

    // Greedy: no draw is left, and the text goes round in a loop.
    to_the_start(page, "temperature")?;
    page.wait_for_text("temperature-note", PATIENCE, |text| text.contains("greedy"))?;
    let greedy = written(page, "a greedy text", |text| text != learned)?;
    let of_greedy = share(&page.text("written-variety")?)?;
    expect(of_greedy < 50.0, format!("{of_greedy} % of {greedy:?}"))?;
    expect_equal(
        "drawing again",
        page.attribute("redraw", "disabled")?.is_some(),
        true,
    )?;
    // Of the most probable one alone, any temperature draws the same.
    page.press(keys::END)?;
    written(page, "a hot text", |text| text != greedy)?;
    to_the_start(page, "top-k")?;
    written(page, "the greedy text again", |text| text == greedy)?;

    // A character is looked at by the keyboard.
    focus(page, "written")?;
    page.press(keys::HOME)?;
    page.press(keys::RIGHT)?;
    page.wait_for("the second character", PATIENCE, || {
        let place = page.attribute("written", "aria-valuenow")?;
        Ok((place.as_deref() == Some("2")).then_some(()))
    })?;
    expect_equal(
        "characters that could have come",
        page.count(&format!("{} tbody tr", by_testid("next-characters")))?,
        10,
    )?;
    let bars = page.text("next-characters")?;
    expect(
        bars.contains("100.0%"),
        format!("of the most probable alone: {bars}"),
    )?;

    // What is outside of the vocabulary is named, and the text of before stays.
    page.fill("prompt", "to be €")?;
    page.click("generate")?;
    page.wait_for_text("error-banner", LONG, |text| {
        text.contains('€') && text.contains("cannot write on") && !text.contains("engine")
    })?;
    expect_equal(
        "the text",
        written(page, "the text of before", |_| true)?,
        greedy.clone(),
    )?;
    page.fill("prompt", "to be")?;
    page.click("generate")?;
    page.wait_for_text("written-prompt", LONG, |text| text == "to be")?;
    written(page, "a text from another prompt", |text| text != greedy)?;
    page.expect_clean()
}

fn writes_chinese(page: &Page) -> Outcome {
    open_ready(page, "train/lstm-text-zh?device=cpu&lang=zh")?;
    let facts = page.text("text-facts")?;
    expect(
        facts.contains("五言诗") && facts.contains("1,195"),
        facts.clone(),
    )?;
    let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let noise = written(page, "a first text", |text| text.chars().any(is_chinese))?;
    play_until(page, 20.0)?;
    let learned = written(page, "another text", |text| text != noise)?;
    page.fill("prompt", "hello")?;
    page.click("generate")?;
    page.wait_for_text("error-banner", LONG, |text| {
        text.contains("提示词里有网络从未见过的字符：“h”") && !text.contains("引擎")
    })?;
    expect_equal(
        "the text of before",
        written(page, "the text of before", |_| true)?,
        learned.clone(),
    )?;
    page.fill("prompt", "春风")?;
    page.click("generate")?;
    page.wait_for_text("written-prompt", LONG, |text| text == "春风")?;
    let followed = written(page, "a text behind the prompt", |text| text != learned)?;
    expect(
        followed.chars().any(is_chinese),
        format!("expected Chinese characters in {followed:?}"),
    )?;
    page.expect_clean()
}

fn transformer(page: &Page) -> Outcome {
    page.resize((390, 900))?;
    open_ready(page, "train/gpt-text?device=cpu&lang=en&batch=16")?;
    let noise = written(page, "a first text", |text| !text.is_empty())?;
    play_until(page, 10.0)?;
    page.click("redraw")?;
    written(page, "another text", |text| text != noise)?;
    let overflow = page.script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
        &[],
    )?;
    // Less than 0 where the scroll bar's place is kept free.
    let fits = overflow.as_i64().is_some_and(|pixels| pixels <= 0);
    expect(fits, format!("{overflow} pixels beyond the screen"))?;
    page.expect_clean()
}

fn attention(page: &Page) -> Outcome {
    open_ready(page, "train/gpt-text?device=cpu&lang=en&batch=4")?;
    let of_step = |text: &str, step: f64| text.ends_with(&format!(" {step}"));
    let after = |step: f64| page.wait_for_text("attention-after", LONG, |text| of_step(text, step));
    after(0.0)?;
    let of_block = |block: u32| {
        let heads = format!("[data-testid^='attention-{block}-'] canvas");
        page.count(&heads)
    };
    expect_equal(
        "heads",
        [of_block(0)?, of_block(1)?, of_block(2)?],
        [4, 4, 0],
    )?;
    // All characters of the prompt stand along both sides.
    let prompt = page.text("written-prompt")?.chars().count();
    let sides = page.count(".attention-axis > span")?;
    expect(
        prompt > 20 && sides >= 2 * prompt,
        format!("{sides} characters beside {prompt}"),
    )?;
    expect_equal(
        "cells",
        page.script(
            "return document.querySelector('.attention-cells canvas').width",
            &[],
        )?
        .as_u64(),
        Some(sides as u64 / 2),
    )?;
    let says =
        |what: &str, testid: &str| page.wait_for_text(testid, PATIENCE, |text| text.contains(what));
    says("Its weights add up to", "attention-row")?;
    focus(page, "attention-matrix")?;
    for _ in 0..3 {
        page.press(keys::UP)?;
    }
    page.press(keys::RIGHT)?;
    let row = sides / 2 - 4;
    says(&format!("Query {row} "), "attention-cell")?;
    says("key 1 ", "attention-cell")?;
    says("weight 0.", "attention-cell")?;
    let before = page.text("attention-cell")?;
    let spoken = page.attribute("attention-matrix", "aria-valuetext")?;
    expect_equal("what is spoken", spoken, Some(before.clone()))?;
    page.press(keys::END)?;
    page.press(keys::RIGHT)?;
    says("mask", "attention-cell")?;
    page.press(keys::HOME)?;
    says("key 0 ", "attention-cell")?;
    // Another head has other weights.
    let of_first = page.text("attention-row")?;
    page.click("attention-1-3")?;
    page.wait_for_text("attention-row", PATIENCE, |text| text != of_first)?;
    // It follows the training, and asks for nothing while it is folded.
    // By the keyboard: the buttons that stay on top may cover it.
    let fold = || {
        page.script("document.querySelector('.attention-summary').focus()", &[])?;
        page.press(keys::ENTER)
    };
    let open = play_until(page, 3.0)?;
    after(open)?;
    fold()?;
    let folded = play_until(page, open + 2.0)?;
    std::thread::sleep(Duration::from_secs(3));
    expect(
        of_step(&page.text("attention-after")?, open),
        "nothing new while it is folded",
    )?;
    fold()?;
    after(folded)?;
    // The prompt that is written on is the one that is looked at.
    page.fill("prompt", "To be, or")?;
    page.click("generate")?;
    page.wait_for("a smaller matrix", LONG, || {
        let sides = page.count(".attention-axis > span")?;
        Ok((sides == 18).then_some(()))
    })?;
    page.open("train/lstm-text?device=cpu&lang=zh")?;
    phase_becomes(page, "ready")?;
    expect(!page.has("attention-weights")?, "an LSTM has no attention")?;
    page.expect_clean()
}

fn own_text(page: &Page) -> Outcome {
    page.open("train/own-text?device=cpu&lang=en")?;
    page.wait_for_text("text-needed", LONG, |text| text.contains("file"))?;
    expect(
        !page.has("play-pause")?,
        "nothing can be played without a text",
    )?;
    page.fill("text-pasted", "too short")?;
    page.click("text-learn")?;
    page.wait_for_text("error-banner", LONG, |text| text.contains("characters"))?;
    page.choose_file("text-file", "latin1.txt", b"caf\xe9 caf\xe9")?;
    page.wait_for_text("error-banner", LONG, |text| text.contains("UTF-8"))?;
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(60);
    page.choose_file("text-file", "fox.txt", text.as_bytes())?;
    phase_becomes(page, "ready")?;
    page.wait_for_text("text-note", LONG, |note| {
        note.contains("fox.txt: 2,700 characters") && note.contains("29 different")
    })?;
    play_until(page, 5.0)?;
    written(page, "a text", |text| !text.is_empty())?;
    page.expect_clean()
}
