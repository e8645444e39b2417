//! The exercises: every one is run in the page, by the engine in its worker.

use std::time::Duration;

use super::audit::{audit, report};
use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

/// The longest exercise, in a build without optimization on a busy machine.
const RUN: Duration = Duration::from_secs(240);

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(600),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("every_exercise_is_run_and_judged_in_the_page", all),
        test("predictions_are_judged_after_the_run_and_kept", predictions),
        test("an_exercise_is_done_by_keys_and_can_be_stopped", keyboard),
        test(
            "exercises_fit_every_width_and_axe_finds_nothing_serious",
            looks,
        ),
        test(
            "a_lost_engine_of_the_course_is_told_and_started_again",
            lost,
        ),
    ]
}

fn open(page: &Page, exercise: &str, query: &str) -> Outcome {
    page.open(&format!("learn/{exercise}?{query}"))?;
    page.element("exercise-run").map(|_| ())
}

/// Waits for the verdict; whether it is yes.
fn verdict(page: &Page) -> Result<bool, String> {
    page.wait_for("the verdict", RUN, || {
        match page.has("exercise-verdict")? {
            true => page.attribute("exercise-verdict", "data-verdict"),
            false if page.has("exercise-failed")? => Err(page.text("exercise-failed")?),
            false => Ok(None),
        }
    })
    .map(|verdict| verdict == "true")
}

/// A measured number: of the faulty or of the right form.
fn measured(page: &Page, key: &str, form: &str) -> Result<f64, String> {
    let script = "
        const cell = document.querySelector(`[data-testid=exercise-row-${arguments[0]}] [data-form=${arguments[1]}]`);
        return cell?.dataset.value ?? cell?.textContent ?? 'nothing'";
    let text = page.script(script, &[key.into(), form.into()])?;
    let text = text.as_str().unwrap_or_default();
    text.parse()
        .map_err(|_| format!("{key}, {form}, holds {text}"))
}

/// The text of a cell.
fn told(page: &Page, key: &str, form: &str) -> Result<String, String> {
    let script = "
        return document.querySelector(`[data-testid=exercise-row-${arguments[0]}] [data-form=${arguments[1]}]`)
            ?.textContent ?? 'nothing'";
    let text = page.script(script, &[key.into(), form.into()])?;
    Ok(text.as_str().unwrap_or_default().to_string())
}

fn near(page: &Page, key: &str, form: &str, expected: f64, within: f64) -> Outcome {
    let actual = measured(page, key, form)?;
    expect(
        (actual - expected).abs() <= within,
        format!("{key}, {form}, is {actual}, expected {expected}"),
    )
}

/// A figure of an exercise: key, form, value, how near.
type Figure = (&'static str, &'static str, f64, f64);

/// Figures of the course, by exercise.
const FIGURES: &[(&str, &[Figure])] = &[
    (
        "x1",
        &[
            ("two_layers", "faulty", 0.3, 1e-6),
            ("largest_difference", "faulty", 0.0, 1e-6),
        ],
    ),
    (
        "x2",
        &[
            ("loss", "faulty", 0.0, 0.0),
            ("largest_gradient", "faulty", 0.0, 0.0),
        ],
    ),
    ("x3", &[("slope_error", "right", 0.0, 1e-6)]),
    (
        "x4",
        &[
            ("delta2", "faulty", 0.138771, 1e-6),
            ("delta2", "right", 0.0, 0.0),
        ],
    ),
    (
        "x5",
        &[
            ("loss_after", "faulty", 0.679508, 1e-6),
            ("loss_after", "right", 0.565096, 1e-6),
        ],
    ),
    (
        "x6",
        &[
            ("gradient", "faulty", -0.993307, 1e-6),
            ("gradient", "right", -0.006604, 1e-6),
        ],
    ),
    (
        "x7",
        &[
            ("travelled", "faulty", 9.79, 0.005),
            ("bowl_loss", "faulty", 0.245, 0.001),
        ],
    ),
    (
        "x8",
        &[
            ("pictures_in_a_row", "faulty", 3.0, 0.0),
            ("pictures_in_a_row", "right", 1.0, 0.0),
        ],
    ),
    (
        "x9",
        &[("works", "faulty", 1.0, 0.0), ("works", "right", 4.0, 0.0)],
    ),
    (
        "x10",
        &[
            ("convolutions", "right", 13.0, 0.0),
            ("parameters", "right", 14_719_818.0, 0.0),
        ],
    ),
    (
        "x11",
        &[
            ("accuracy", "faulty", 1.0, 0.03),
            ("accuracy", "right", 0.8, 0.1),
        ],
    ),
    (
        "x12",
        &[
            ("distinct_share", "faulty", 0.15, 0.15),
            ("distinct_share", "right", 0.9, 0.1),
        ],
    ),
    (
        "x13",
        &[
            ("parameters", "faulty", 4_047_120.0, 0.0),
            ("times_smaller", "faulty", 43_241.0, 0.5),
        ],
    ),
    ("x14", &[("moved_others_most", "faulty", 0.0, 0.0)]),
    ("x15", &[("chosen_width", "faulty", 64.0, 0.0)]),
    ("x16", &[("apart_from_rate_times_n", "faulty", 0.0, 1e-4)]),
];

fn all(page: &Page) -> Outcome {
    for (number, (exercise, figures)) in FIGURES.iter().enumerate() {
        // Every third in Chinese.
        let language = if number % 3 == 1 { "zh" } else { "en" };
        open(page, exercise, &format!("lang={language}"))?;
        page.click("exercise-run")?;
        expect(verdict(page)?, format!("{exercise}: the verdict is no"))?;
        for &(key, form, expected, within) in *figures {
            near(page, key, form, expected, within)
                .map_err(|error| format!("{exercise}: {error}"))?;
        }
        let judged = page.attribute("exercise-judgement", "data-judgement")?;
        expect_equal("without a prediction", judged.as_deref(), Some("none"))?;
        match *exercise {
            "x3" => {
                let message = told(page, "result", "faulty")?;
                expect(message.contains("multiply"), message)?;
            }
            "x10" => {
                let message = told(page, "linear_before", "faulty")?;
                expect(message.contains("4096"), message)?;
            }
            "x11" => expect(
                page.count(".exercise-curve path")? == 2,
                "expected two lines",
            )?,
            _ => {}
        }
    }
    page.expect_clean()
}

fn predictions(page: &Page) -> Outcome {
    open(page, "x5", "lang=en&theme=light")?;
    page.fill("exercise-prediction", "yes, it falls")?;
    page.wait_for_text("exercise-hint", PATIENCE, |text| text.contains("Noted"))?;
    expect(
        !page.has("exercise-verdict")?,
        "nothing is judged before the run",
    )?;
    page.click("exercise-run")?;
    expect(verdict(page)?, "the verdict is no")?;
    let judged = || page.attribute("exercise-judgement", "data-judgement");
    expect_equal("a wrong one", judged()?.as_deref(), Some("wrong"))?;
    page.click("exercise-same")?;
    page.wait_for("the learner's own judgement", PATIENCE, || {
        Ok((judged()?.as_deref() == Some("own")).then_some(()))
    })?;
    page.fill("exercise-prediction", "０．６７９５０８")?;
    page.click("exercise-run")?;
    page.wait_for("the judgement", RUN, || {
        Ok((judged()?.as_deref() == Some("right")).then_some(()))
    })?;
    // What was measured stays when the language changes, and is told in the other one.
    page.click("locale-toggle")?;
    page.wait_for_text("exercise-judgement", PATIENCE, |text| text.contains("对的"))?;
    near(page, "loss_after", "faulty", 0.679508, 1e-6)?;
    page.reload()?;
    page.wait_for_text("exercise-solved-count", PATIENCE, |text| text.contains('1'))?;
    let kept = page.script("return localStorage.getItem('glassbox-exercises')", &[])?;
    expect_equal("kept", kept.as_str(), Some("x5"))?;
    page.expect_clean()
}

fn keyboard(page: &Page) -> Outcome {
    open(page, "x4", "lang=en")?;
    page.script(
        "document.querySelector('[data-testid=exercise-prediction]').focus()",
        &[],
    )?;
    page.press("0")?;
    page.press(keys::ENTER)?;
    expect(verdict(page)?, "the verdict is no")?;
    expect_equal(
        "judged",
        page.attribute("exercise-judgement", "data-judgement")?
            .as_deref(),
        Some("right"),
    )?;
    // The longest one is stopped, and nothing is told of it.
    open(page, "x12", "lang=en")?;
    page.script(
        "document.querySelector('[data-testid=exercise-run]').focus()",
        &[],
    )?;
    page.press(keys::ENTER)?;
    page.wait_for("the network to learn", RUN, || {
        let value = page.script(
            "return document.querySelector('[data-testid=exercise-progress] progress')?.value ?? 0",
            &[],
        )?;
        Ok((value.as_f64().unwrap_or_default() > 0.0).then_some(()))
    })?;
    page.click("exercise-stop")?;
    page.element("exercise-stopped")?;
    expect(
        !page.has("exercise-result")?,
        "a stopped exercise has no result",
    )?;
    // The engine is free again.
    open(page, "x6", "lang=en")?;
    page.click("exercise-run")?;
    expect(verdict(page)?, "the verdict is no")?;
    page.click("exercise-next")?;
    page.wait_for("the next exercise", PATIENCE, || {
        Ok(page.current_address()?.contains("/learn/x7").then_some(()))
    })?;
    page.expect_clean()
}

fn looks(page: &Page) -> Outcome {
    let mut found = Vec::new();
    for (exercise, language) in [("x8", "zh"), ("x7", "en")] {
        open(page, exercise, &format!("lang={language}&theme=light"))?;
        page.click("exercise-run")?;
        expect(verdict(page)?, "the verdict is no")?;
        for width in [390, 1440] {
            page.resize((width, 900))?;
            let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            let over = page.script(script, &[])?.as_f64().unwrap_or(f64::NAN);
            expect(
                over <= 0.0,
                format!("{exercise}: {over} pixels too wide at {width}"),
            )?;
        }
        audit(page, exercise, &mut found)?;
    }
    report(&found)?;
    page.expect_clean()
}

/// Keeps the first worker from ever working, as a file that does not load would.
const BREAK_FIRST_WORKER: &str = "
    const Real = Worker;
    let first = true;
    self.Worker = function (url) {
        if (!first) return new Real(url);
        first = false;
        return new Real(new URL('no-such-engine.js', document.baseURI));
    };";

fn lost(page: &Page) -> Outcome {
    page.before_each_document(BREAK_FIRST_WORKER)?;
    open(page, "x5", "lang=zh")?;
    page.click("exercise-run")?;
    page.element("exercise-failed")?;
    let banner = page.text("error-banner")?;
    expect(banner.contains("引擎"), banner)?;
    page.click("engine-restart")?;
    page.wait_for("the banner to go", PATIENCE, || {
        Ok((!page.has("error-banner")?).then_some(()))
    })?;
    page.click("exercise-run")?;
    expect(verdict(page)?, "the verdict is no")
}
