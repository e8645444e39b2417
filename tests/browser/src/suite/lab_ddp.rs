//! The lab's data parallelism: replicas in real Web Workers, their ring, and what happens when one dies.

use std::time::Duration;

use super::audit::{audit, report};
use super::run::{LONG, focus};
use crate::page::{Launch, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(400),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("every_mode_of_data_parallelism_shows_what_it_does", modes),
        test("the_ring_goes_round_message_by_message", rounds),
        test("replicas_that_die_in_the_ring_leave_the_others_whole", dead),
        test(
            "the_lab_s_exercises_on_data_parallelism_are_decided",
            exercises,
        ),
        test("what_data_parallelism_cannot_do_is_explained", refused),
        test("data_parallelism_is_run_by_the_keyboard", keyboard),
        test(
            "an_audit_of_data_parallelism_finds_nothing_serious",
            audited,
        ),
    ]
}

/// Waits until so many steps are done and nothing is under way.
fn steps_done(page: &Page, steps: u32) -> Outcome {
    page.wait_for(&format!("{steps} steps"), LONG, || {
        let step = page.attribute("replicas-status", "data-step")?;
        let idle = page.attribute("replicas-status", "data-idle")?;
        let is_there = step == Some(steps.to_string()) && idle.as_deref() == Some("true");
        Ok(is_there.then_some(()))
    })
}

fn open(page: &Page, query: &str) -> Outcome {
    page.open(&format!("lab/ddp-4?{query}"))?;
    steps_done(page, 0)
}

/// A number as the page keeps it beside what it shows.
fn number(page: &Page, testid: &str) -> Result<f64, String> {
    let value = page.attribute(testid, "data-value")?;
    let value = value.ok_or_else(|| format!("{testid} has no number"))?;
    value.parse().map_err(|_| format!("{testid} is {value}"))
}

fn commons(page: &Page) -> Result<Vec<f64>, String> {
    (0..4)
        .map(|replica| number(page, &format!("common-{replica}")))
        .collect()
}

fn modes(page: &Page) -> Outcome {
    for mode in ["mean", "sum", "rank0", "federated&shares=uneven"] {
        open(page, &format!("lang=en&mode={mode}"))?;
        let before = commons(page)?;
        expect(
            before.iter().all(|loss| *loss == before[0] && *loss > 10.0),
            format!("{mode}: {before:?} at the start"),
        )?;
        page.click("replicas-run")?;
        steps_done(page, 50)?;
        let after = commons(page)?;
        let distance = number(page, "distance-l2")?;
        expect(
            after[0] < before[0] / 100.0,
            format!(
                "{mode}: the first replica went from {} to {}",
                before[0], after[0]
            ),
        )?;
        if mode == "rank0" {
            expect_equal("losses of the others", &after[1..], &before[1..])?;
            expect(distance > 1.0, format!("{mode}: {distance} apart"))?;
            page.element("summed-loss")?;
        } else {
            expect_equal("distance", distance, 0.0)?;
            expect(
                after.iter().all(|loss| *loss == after[0]),
                format!("{mode}: {after:?}"),
            )?;
        }
        let speed = page.text("speed")?;
        expect(
            speed.chars().any(|c| c.is_ascii_digit()),
            format!("speed: {speed}"),
        )?;
    }
    // Real digits in real workers; the curves of one replica and of two are the same.
    let mut ends = Vec::new();
    for replicas in [1, 2] {
        open(
            page,
            &format!("lang=en&model=lenet5-mnist&optim=sgd&replicas={replicas}"),
        )?;
        for step in 1..=3 {
            page.click("replicas-step")?;
            steps_done(page, step)?;
        }
        ends.push(number(page, "common-0")?);
    }
    expect(
        (ends[0] - ends[1]).abs() < 1e-5 * ends[0],
        format!("losses of one replica and of two: {ends:?}"),
    )?;
    page.expect_clean()
}

fn rounds(page: &Page) -> Outcome {
    open(page, "lang=zh")?;
    for round in 1..=6 {
        page.click("replicas-round")?;
        page.wait_for_text("replicas-status", LONG, |text| {
            text.contains(&format!("环的第 {round} 轮"))
        })?;
        page.wait_for("the round's messages", LONG, || {
            let rows = page.count("[data-testid=ring-table] tbody tr")?;
            let drawn = page.count(".ring-message")?;
            let table = page.text("ring-table")?;
            Ok((rows == 4 && drawn == 4 && table.contains(&format!("{round}（"))).then_some(()))
        })?;
        expect_equal(
            "steps in the middle of the ring",
            page.attribute("replicas-status", "data-step")?.as_deref(),
            Some("0"),
        )?;
    }
    // The keyboard as well as the pointer: the button has the focus.
    page.press(keys::ENTER)?;
    steps_done(page, 1)?;
    expect_equal("distance", number(page, "distance-l2")?, 0.0)?;
    page.expect_clean()
}

fn dead(page: &Page) -> Outcome {
    open(page, "lang=en&replicas=2")?;
    page.click("replicas-step")?;
    steps_done(page, 1)?;
    let before = number(page, "common-0")?;
    page.click("replicas-round")?;
    page.wait_for_text("replicas-status", LONG, |text| text.contains("round 1"))?;
    page.click("stop-1")?;
    page.wait_for_text("replicas-status", LONG, |text| {
        text.contains("Replica 1 is gone") && text.contains("after step 1")
    })?;
    expect_equal("loss of the other", number(page, "common-0")?, before)?;
    page.click("replicas-restart")?;
    steps_done(page, 1)?;
    expect_equal("the new one's loss", number(page, "common-1")?, before)?;
    page.click("replicas-step")?;
    steps_done(page, 2)?;
    expect_equal("distance", number(page, "distance-l2")?, 0.0)?;
    // Once more, and on without it.
    page.click("stop-1")?;
    page.wait_for_text("replicas-status", LONG, |text| {
        text.contains("Replica 1 is gone")
    })?;
    page.click("replicas-go-on")?;
    page.click("replicas-run")?;
    steps_done(page, 52)?;
    expect(number(page, "common-0")? < 0.1, "the other learns on alone")?;
    expect_equal("the lost one", page.text("common-1")?.as_str(), "lost")?;
    page.expect_clean()
}

fn exercises(page: &Page) -> Outcome {
    open(page, "lang=en")?;
    page.click("x14-0")?;
    page.click("x14-run")?;
    page.wait_for_text("x14-verdict", LONG, |text| {
        text.contains("the others by 0 at most") && text.contains("right")
    })?;
    // The fields are not the exercise's: the page says whose run is shown, until the fields' own one is back.
    let said = page.text("replicas-exercise")?;
    expect(
        said.contains("X14, run 1 of 1") && said.contains("only rank 0") && said.contains("0.05"),
        said,
    )?;
    page.click("x16-2")?;
    page.click("x16-run")?;
    page.wait_for_text("x16-verdict", LONG, |text| text.contains("another one"))?;
    let said = page.text("replicas-exercise")?;
    expect(
        said.contains("X16, run 5 of 5") && said.contains("mean of the gradients, Adam"),
        said,
    )?;
    page.click("replicas-reset")?;
    steps_done(page, 0)?;
    page.wait_for("the fields' own run", LONG, || {
        Ok((!page.has("replicas-exercise")?).then_some(()))
    })?;
    page.expect_clean()
}

/// Presses the key until the element of that name has the focus.
fn walk_to(page: &Page, testid: &str, press: impl Fn() -> Outcome) -> Outcome {
    for _ in 0..12 {
        press()?;
        let script = "return document.activeElement.dataset.testid || ''";
        if page.script(script, &[])? == testid {
            return Ok(());
        }
    }
    Err(format!("twelve keys do not lead to {testid}"))
}

/// No pointer: steps, a message round, and a replica that is lost and comes back.
fn keyboard(page: &Page) -> Outcome {
    let next = || page.press(keys::TAB);
    let back = || page.press_with(keys::SHIFT, keys::TAB);
    open(page, "lang=en&replicas=2")?;
    focus(page, "latency")?;
    walk_to(page, "replicas-run", next)?;
    page.press(keys::ENTER)?;
    steps_done(page, 50)?;
    walk_to(page, "replicas-step", next)?;
    page.press(" ")?;
    steps_done(page, 51)?;
    walk_to(page, "replicas-round", next)?;
    page.press(keys::ENTER)?;
    page.wait_for_text("replicas-status", LONG, |text| text.contains("round 1"))?;
    walk_to(page, "stop-1", next)?;
    page.press(keys::ENTER)?;
    page.wait_for_text("replicas-status", LONG, |text| {
        text.contains("Replica 1 is gone") && text.contains("after step 51")
    })?;
    walk_to(page, "replicas-restart", back)?;
    page.press(keys::ENTER)?;
    steps_done(page, 51)?;
    expect_equal("distance", number(page, "distance-l2")?, 0.0)?;
    // An exercise: the answer by the space bar, then the button.
    focus(page, "x14-0")?;
    page.press(" ")?;
    page.wait_for("the button", LONG, || {
        let disabled = page.attribute("x14-run", "disabled")?;
        Ok(disabled.is_none().then_some(()))
    })?;
    walk_to(page, "x14-run", next)?;
    page.press(keys::ENTER)?;
    page.wait_for_text("x14-verdict", LONG, |text| text.contains("right"))?;
    page.expect_clean()
}

fn refused(page: &Page) -> Outcome {
    for (query, told) in [
        ("replicas=0", "1 to 16"),
        ("replicas=3", "Does not divide the batch of 256"),
        ("bandwidth=-1", "above 0"),
        ("latency=late", "number"),
        ("rate=0", "above 0"),
    ] {
        page.open(&format!("lab/ddp-4?lang=en&{query}"))?;
        page.wait_for_text("field-error", LONG, |text| text.contains(told))?;
        let (key, typed) = query.split_once('=').unwrap_or_default();
        expect_equal("what was typed", page.value(key)?.as_str(), typed)?;
    }
    // What can be used again is used.
    page.fill("rate", "0.05")?;
    page.press(keys::TAB)?;
    steps_done(page, 0)?;
    // Unequal shards outside of the federated mode do nothing, and the page says so.
    page.open("lab/ddp-4?lang=en&shares=uneven")?;
    page.wait_for_text("shares-unused", LONG, |text| text.contains("federated"))?;
    page.choose("mode", "federated")?;
    page.wait_for("shards that are used", LONG, || {
        Ok((!page.has("shares-unused")?).then_some(()))
    })?;
    // The command to copy has the chosen model.
    page.choose("model", "lenet5-mnist")?;
    page.wait_for_text("replicas-export", LONG, |text| {
        text == "glassbox export lenet5-mnist --format torch --out ddp"
    })?;
    page.expect_clean()
}

fn audited(page: &Page) -> Outcome {
    let mut found = Vec::new();
    for lang in ["en", "zh"] {
        open(page, &format!("lang={lang}&theme=light"))?;
        page.click("replicas-run")?;
        steps_done(page, 50)?;
        page.click("replicas-round")?;
        page.element("ring-table")?;
        audit(page, &format!("the ring, {lang}"), &mut found)?;
    }
    page.resize((390, 844))?;
    page.wait_for("a page as wide as the window", LONG, || {
        let script =
            "const { scrollWidth } = document.documentElement; return scrollWidth <= innerWidth";
        Ok((page.script(script, &[])? == true).then_some(()))
    })?;
    audit(page, "the ring on a telephone", &mut found)?;
    report(&found)
}
