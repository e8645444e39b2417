//! The chapters: every step with its instrument, questions, progress, languages, printing.

use std::time::Duration;

use serde_json::{Value, json};

use super::audit::audit;
use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

/// How long a page in the frame may take until it shows something.
const LOADING: Duration = Duration::from_secs(30);

/// The structure of the chapters, as it lies beside the page.
const CHAPTERS: &str = include_str!("../../../../assets/course/chapters.json");
/// Where the articles' headings are taught.
const COVERAGE: &str = include_str!("../../../../assets/course/coverage.json");

pub fn tests() -> Vec<Test> {
    let test = |name, seconds, run| Test {
        name,
        timeout: Duration::from_secs(seconds),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("home_leads_to_the_first_chapter", 60, home),
        test("chapters_1_to_3_are_walked_by_keys", 300, |page| {
            walk(page, 1..=3)
        }),
        test("chapters_4_to_6_are_walked_by_keys", 300, |page| {
            walk(page, 4..=6)
        }),
        test("chapters_7_to_9_are_walked_by_keys", 300, |page| {
            walk(page, 7..=9)
        }),
        test("chapters_10_to_12_are_walked_by_keys", 300, |page| {
            walk(page, 10..=12)
        }),
        test(
            "a_step_moves_the_microscope_and_takes_it_back",
            120,
            microscope,
        ),
        test("answers_are_explained_and_kept", 120, answers),
        test(
            "the_language_changes_in_the_middle_of_a_chapter",
            120,
            languages,
        ),
        test("scrolling_goes_from_step_to_step", 120, scrolling),
        test("a_chapter_is_printed_with_its_instruments", 120, stills),
        test(
            "a_chapter_is_read_on_a_phone_and_printed",
            120,
            phone_and_print,
        ),
        test(
            "every_heading_of_the_articles_leads_to_a_page",
            400,
            coverage,
        ),
        test("the_mistakes_of_the_articles_are_searched", 60, errors),
        test(
            "an_audit_of_the_chapters_finds_nothing_serious",
            300,
            audits,
        ),
    ]
}

/// The steps of a chapter: id, and what each shows (its own or that of the step before).
fn steps_of(chapter: u8) -> Result<Vec<(String, String)>, String> {
    let chapters: Value = serde_json::from_str(CHAPTERS).map_err(|error| error.to_string())?;
    let found = chapters["chapters"].as_array().into_iter().flatten();
    let mut found = found.filter(|one| one["number"] == u64::from(chapter));
    let steps = found
        .next()
        .and_then(|one| one["steps"].as_array().cloned());
    let steps = steps.ok_or_else(|| format!("chapter {chapter} has no steps"))?;
    let mut shown = String::new();
    let rows = steps.iter().map(|step| {
        if let Some(show) = step["show"].as_str() {
            shown = show.to_string();
        }
        (
            step["id"].as_str().unwrap_or_default().to_string(),
            shown.clone(),
        )
    });
    Ok(rows.collect())
}

fn at_step(page: &Page, number: usize) -> Outcome {
    page.wait_for(&format!("step {number}"), PATIENCE, || {
        let at = page.attribute("step-number", "data-value")?;
        Ok((at == Some(number.to_string())).then_some(()))
    })
}

/// What a script finds in the document of the frame; null where there is none.
fn in_frame(page: &Page, script: &str) -> Result<Value, String> {
    let script = format!(
        "const frame = document.querySelector('[data-testid=instrument-frame]');
         const inside = frame && frame.contentDocument;
         if (!inside) return null;
         {script}"
    );
    page.script(&script, &[])
}

/// Waits until the instrument of a step stands: a page in the frame without a message of trouble, a widget, an exercise.
fn expect_instrument(page: &Page, step: &str, show: &str) -> Outcome {
    if let Some(widget) = show.strip_prefix("widget:") {
        let name = widget.split('?').next().unwrap_or_default();
        return page.element(&format!("widget-{name}")).map(drop);
    }
    if show.starts_with("exercise:") {
        return page.element("exercise-run").map(drop);
    }
    let (address, part) = show.split_once('#').unwrap_or((show, ""));
    let path = address.split('?').next().unwrap_or_default();
    page.wait_for(&format!("{show} beside {step}"), LOADING, || {
        let route = in_frame(
            page,
            "const shown = inside.querySelector('[data-testid=page]');
             return shown && inside.documentElement.hasAttribute('data-embedded') && shown.dataset.route;",
        )?;
        Ok((route == path).then_some(()))
    })?;
    if !part.is_empty() {
        page.wait_for(&format!("{part} beside {step}"), LOADING, || {
            let there = in_frame(
                page,
                &format!("return !!inside.querySelector('[data-testid=\"{part}\"]');"),
            )?;
            Ok((there == true).then_some(()))
        })?;
    }
    let trouble = in_frame(
        page,
        "const trouble = inside.querySelector('[data-testid=error-banner]');
         return trouble ? trouble.textContent : '';",
    )?;
    expect_equal(&format!("trouble beside {step}"), trouble, "".into())
}

fn walk(page: &Page, chapters: std::ops::RangeInclusive<u8>) -> Outcome {
    for chapter in chapters {
        let language = if chapter % 2 == 0 { "zh" } else { "en" };
        page.open(&format!("learn/{chapter}?lang={language}"))?;
        let steps = steps_of(chapter)?;
        for (number, (id, show)) in steps.iter().enumerate() {
            at_step(page, number + 1)?;
            page.element(&format!("step-{id}"))?;
            let named = format!("{chapter}, {id}");
            page.wait_for(&format!("{show} to be shown at {named}"), PATIENCE, || {
                let shown = page
                    .attribute("instrument", "data-show")?
                    .unwrap_or_default();
                Ok((!shown.is_empty() && show.starts_with(&shown)).then_some(()))
            })?;
            expect_instrument(page, &named, show)?;
            page.press(keys::RIGHT)?;
        }
        let seen = page.attribute(&format!("progress-{chapter}"), "data-value")?;
        expect_equal("steps read", seen, Some(steps.len().to_string()))?;
        at_step(page, steps.len())?;
        page.press(keys::LEFT)?;
        at_step(page, steps.len() - 1)?;
        page.press(keys::RIGHT)?;
        if chapter < 12 {
            page.click("next-chapter")?;
            page.wait_for("the next chapter", PATIENCE, || {
                let address = page.current_address()?;
                Ok(address
                    .contains(&format!("/learn/{}", chapter + 1))
                    .then_some(()))
            })?;
            at_step(page, 1)?;
        }
    }
    page.expect_clean()
}

fn home(page: &Page) -> Outcome {
    page.open("?lang=en")?;
    page.element("door-course")?;
    let painted = page.wait_for("the first paint", PATIENCE, || {
        let script = "const paint = performance.getEntriesByName('first-contentful-paint')[0];
                      return paint ? paint.startTime : null;";
        Ok(page.script(script, &[])?.as_f64())
    })?;
    println!("        home paints after {painted:.0} ms");
    page.click("door-course")?;
    at_step(page, 1)?;
    let title = page.text("chapter-title")?;
    expect(title.contains("large model"), title)?;
    page.expect_clean()
}

fn microscope(page: &Page) -> Outcome {
    // Two steps of chapter 5 at other places of the same batch: the page in the frame stays.
    let steps = steps_of(5)?;
    let is_worked = |show: &str| show.starts_with("/step/worked-2-3-1?cursor=");
    let place = |show: &str| -> Option<u64> {
        let rest = show.split("cursor=").nth(1)?;
        rest.split(['&', '#']).next()?.parse().ok()
    };
    let pair = steps.windows(2).position(|two| {
        is_worked(&two[0].1)
            && is_worked(&two[1].1)
            && two.iter().all(|one| !one.1.contains("path="))
            && two[0].1 != two[1].1
    });
    let first = pair.ok_or("expected two steps at the microscope, one after the other")?;
    page.open(&format!("learn/5?lang=en&at={}", steps[first].0))?;
    at_step(page, first + 1)?;
    let done_is = |wanted: u64| {
        page.wait_for(&format!("the cursor at {wanted}"), LOADING, || {
            let done = in_frame(page, "const cursor = inside.querySelector('[data-testid=cursor-done]'); return cursor && cursor.dataset.value;")?;
            let done = done.as_str().and_then(|done| done.parse().ok());
            Ok((done == Some(wanted)).then_some(()))
        })
    };
    let [from, to] = [first, first + 1].map(|step| place(&steps[step].1).unwrap_or_default());
    done_is(from)?;
    in_frame(page, "frame.contentWindow.stays = true; return true;")?;
    page.click("step-next")?;
    done_is(to)?;
    let stays = in_frame(page, "return frame.contentWindow.stays === true;")?;
    expect_equal("the same document in the frame", stays, true.into())?;
    // The learner takes over, and comes back.
    in_frame(
        page,
        "inside.querySelector('[data-testid=step-op]').click(); return true;",
    )?;
    done_is(to + 1)?;
    page.click("instrument-again")?;
    done_is(to)?;
    page.expect_clean()
}

/// The first question of a chapter: id of its step, number of options, number of the right one.
fn first_question(page: &Page) -> Result<(String, usize), String> {
    let found = page.script(
        "const question = document.querySelector('.chapter-question');
         return [question.dataset.testid, question.querySelectorAll('input').length];",
        &[],
    )?;
    let id = found[0]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("question-")
        .to_string();
    let options = found[1].as_u64().unwrap_or_default() as usize;
    expect(options >= 2, format!("{options} options of {id}"))?;
    Ok((id, options))
}

fn answers(page: &Page) -> Outcome {
    page.open("learn/3?lang=en&at=check")?;
    page.element("step-check")?;
    let (id, options) = first_question(page)?;
    let mut verdicts = Vec::new();
    for option in 0..options {
        page.script(
            "document.querySelector(`[data-testid=\"${arguments[0]}\"]`).click()",
            &[json!(format!("option-{id}-{option}"))],
        )?;
        let feedback = format!("feedback-{id}");
        let text = page.wait_for_text(&feedback, PATIENCE, |text| text.len() > 10)?;
        expect(text.len() > 20, text)?;
        verdicts.push(page.attribute(&feedback, "data-right")? == Some("true".to_string()));
    }
    let right = verdicts.iter().filter(|right| **right).count();
    expect_equal("right options", right, 1)?;
    page.reload()?;
    page.element("step-check")?;
    page.wait_for("the answer to be kept", PATIENCE, || {
        let kept = page.attribute(&format!("feedback-{id}"), "data-right")?;
        Ok((kept == Some(verdicts[options - 1].to_string())).then_some(()))
    })?;
    page.wait_for("what was read to be kept", PATIENCE, || {
        let seen = page.attribute("progress-3", "data-value")?;
        Ok(seen.is_some_and(|seen| seen != "0").then_some(()))
    })?;
    // Not below the bar that stays at the bottom.
    page.script(
        "document.querySelector('[data-testid=mark-known]').scrollIntoView({ block: 'center' })",
        &[],
    )?;
    page.click("mark-known")?;
    page.wait_for("the concepts to be marked", PATIENCE, || {
        let disabled = page.attribute("mark-known", "disabled")?;
        Ok(disabled.map(drop))
    })?;
    page.open("map?lang=en&concept=forward-propagation")?;
    page.wait_for("the mark on the map", PATIENCE, || {
        let known = page.script("const box = document.querySelector('[data-testid=concept-known]'); return box && box.checked;", &[])?;
        Ok((known == true).then_some(()))
    })?;
    page.expect_clean()
}

fn languages(page: &Page) -> Outcome {
    let steps = steps_of(5)?;
    let place = steps
        .iter()
        .position(|(_, show)| show.starts_with("/step/"));
    let place = place.ok_or("expected the microscope in chapter 5")?;
    page.open(&format!("learn/5?lang=en&at={}", steps[place].0))?;
    at_step(page, place + 1)?;
    let (id, show) = &steps[place];
    expect_instrument(page, id, show)?;
    let title = page.text("chapter-title")?;
    in_frame(page, "frame.contentWindow.stays = true; return true;")?;
    page.click("locale-toggle")?;
    page.wait_for_text("chapter-title", PATIENCE, |text| text != title)?;
    at_step(page, place + 1)?;
    page.wait_for("Chinese in the frame", LOADING, || {
        let language = in_frame(page, "return inside.documentElement.lang;")?;
        Ok(language
            .as_str()
            .is_some_and(|language| language.starts_with("zh"))
            .then_some(()))
    })?;
    let stays = in_frame(page, "return frame.contentWindow.stays === true;")?;
    expect_equal("the same document in the frame", stays, true.into())?;
    let address = page.current_address()?;
    expect(address.contains("lang=zh"), address)?;
    page.expect_clean()
}

fn scrolling(page: &Page) -> Outcome {
    page.resize((1440, 900))?;
    page.open("learn/3?lang=en")?;
    page.element("step-check")?;
    at_step(page, 1)?;
    let scroll = |target: &str| {
        let script = format!(
            "window.dispatchEvent(new WheelEvent('wheel'));
             document.querySelector('[data-testid=\"{target}\"]').scrollIntoView();"
        );
        page.script(&script, &[]).map(drop)
    };
    let steps = steps_of(3)?;
    scroll(&format!("step-{}", steps[2].0))?;
    at_step(page, 3)?;
    page.wait_for("the place in the address", PATIENCE, || {
        let address = page.current_address()?;
        Ok(address
            .contains(&format!("at={}", steps[2].0))
            .then_some(()))
    })?;
    scroll("chapter-title")?;
    at_step(page, 1)?;
    page.open("learn/3?lang=en&at=nowhere")?;
    at_step(page, 1)?;
    let told = page.text("chapter-unknown-step")?;
    expect(told.contains("nowhere"), told)?;
    page.expect_clean()
}

fn phone_and_print(page: &Page) -> Outcome {
    for (width, height) in [(390, 844), (1920, 1080)] {
        page.resize((width, height))?;
        for chapter in [1, 3, 8] {
            page.open(&format!("learn/{chapter}?lang=zh"))?;
            page.element("chapter-end")?;
            let over = page.script(
                "return document.documentElement.scrollWidth - window.innerWidth",
                &[],
            )?;
            expect(
                over.as_i64().unwrap_or(1) <= 0,
                format!("chapter {chapter} at {width}: {over} too wide"),
            )?;
            if chapter == 1 {
                page.element("instrument-frame")?;
                let height =
                    "return document.querySelector('[data-testid=instrument-frame]').offsetHeight";
                let height = page.script(height, &[])?;
                expect(
                    height.as_i64().unwrap_or(0) > 400,
                    format!("the page beside a step at {width}: {height} high"),
                )?;
            }
        }
    }
    page.resize((390, 844))?;
    page.open("learn/3?lang=en")?;
    page.element("step-check")?;
    let height = page.script(
        "return document.querySelector('.chapter-frame').offsetHeight",
        &[],
    )?;
    expect(height.as_u64() > Some(400), format!("a frame of {height}"))?;
    let shown = "return [...document.querySelectorAll('.chapter-step')].filter((step) => step.offsetHeight > 0).length";
    expect_equal("steps on a phone", page.script(shown, &[])?, 1.into())?;
    page.devtools("Emulation.setEmulatedMedia", &json!({ "media": "print" }))?;
    let all = steps_of(3)?.len();
    expect_equal("steps on paper", page.script(shown, &[])?, all.into())?;
    let hidden = "return ['.app-header', '.chapter-stepping', '.chapter-tools'].every((part) => document.querySelector(part).offsetHeight === 0)";
    expect_equal("tools on paper", page.script(hidden, &[])?, true.into())?;
    let printed = page.devtools("Page.printToPDF", &json!({}))?;
    let bytes = printed["data"].as_str().map_or(0, str::len);
    expect(
        bytes > 20_000,
        format!("a printed chapter of {bytes} characters in base 64"),
    )?;
    page.devtools("Emulation.setEmulatedMedia", &json!({ "media": "" }))?;
    page.expect_clean()
}

/// What is told of every still that lies below a step: the step, how long its text is, how wide it is.
const STILLS: &str = "return [...document.querySelectorAll('.chapter-still > div')].map((still) => \
    [Number(still.parentElement.dataset.still), still.shadowRoot.textContent.trim().length, still.offsetWidth])";

/// Printing with all instruments, and with those alone that were opened.
fn stills(page: &Page) -> Outcome {
    page.open("learn/3?lang=en&theme=dark")?;
    page.element("step-check")?;
    let steps = steps_of(3)?;
    let own: Vec<usize> = steps
        .iter()
        .enumerate()
        .filter(|&(number, (_, show))| number == 0 || steps[number - 1].1 != *show)
        .map(|(number, _)| number)
        .collect();
    // A stand-in for the browser's dialog, which no test can answer.
    page.script(
        "window.print = () => { window.dispatchEvent(new Event('beforeprint')); window.isPrinted = true; }",
        &[],
    )?;
    page.click("print")?;
    page.wait_for(
        "all instruments to be shown",
        Duration::from_secs(90),
        || {
            let printed = page.script("return window.isPrinted === true", &[])?;
            Ok((printed == true).then_some(()))
        },
    )?;
    at_step(page, 1)?;
    page.devtools("Emulation.setEmulatedMedia", &json!({ "media": "print" }))?;
    let stills = page.script(STILLS, &[])?;
    let stills = stills.as_array().cloned().unwrap_or_default();
    let places: Vec<usize> = stills
        .iter()
        .filter_map(|still| still[0].as_u64().map(|number| number as usize))
        .collect();
    expect_equal("steps with a still", places, own)?;
    for still in &stills {
        let (text, width) = (still[1].as_u64(), still[2].as_u64());
        expect(
            text > Some(40) && width > Some(200),
            format!("the still {still}"),
        )?;
    }
    page.devtools("Emulation.setEmulatedMedia", &json!({ "media": "" }))?;
    let seen = page.script(STILLS, &[])?;
    let is_hidden = seen
        .as_array()
        .is_some_and(|stills| stills.iter().all(|still| still[2] == 0));
    expect(is_hidden, format!("on the screen: {seen}"))?;
    page.expect_clean()
}

fn coverage(page: &Page) -> Outcome {
    let coverage: Value = serde_json::from_str(COVERAGE).map_err(|error| error.to_string())?;
    let rows = coverage["rows"].as_array().ok_or("expected rows")?;
    let pages = rows
        .iter()
        .flat_map(|row| row["pages"].as_array().into_iter().flatten());
    let pages: std::collections::BTreeSet<&str> = pages.filter_map(Value::as_str).collect();
    expect(pages.len() > 50, format!("{} pages", pages.len()))?;
    for address in pages {
        page.open(address.trim_start_matches('/'))?;
        let path = address.split('?').next().unwrap_or_default();
        page.wait_for(address, LOADING, || {
            let script = "const shown = document.querySelector('[data-testid=page]');
                          return shown && shown.querySelector('h1, h2') && shown.dataset.route;";
            Ok((page.script(script, &[])? == path).then_some(()))
        })?;
        if let Some(concept) = address.split("concept=").nth(1) {
            let name = page.text("concept-name")?;
            expect(!name.is_empty(), format!("{concept} has no name"))?;
        }
        for trouble in ["error-banner", "learn-unknown", "map-unknown", "not-found"] {
            expect(!page.has(trouble)?, format!("{trouble} on {address}"))?;
        }
    }
    page.expect_clean()
}

fn errors(page: &Page) -> Outcome {
    page.open("learn/errors?lang=en")?;
    page.element("error-r1")?;
    expect_equal("mistakes", page.count(".errors-item")?, 43)?;
    page.fill("errors-search", "softmax")?;
    page.wait_for("fewer mistakes", PATIENCE, || {
        let left = page.count(".errors-item")?;
        Ok((left > 0 && left < 10).then_some(()))
    })?;
    page.click("locale-toggle")?;
    page.wait_for_text("errors-count", PATIENCE, |text| text.contains("43"))?;
    expect(
        page.count("[data-testid=coverage] tbody tr")? > 40,
        "expected the articles' headings",
    )?;
    page.expect_clean()
}

fn audits(page: &Page) -> Outcome {
    let mut found = Vec::new();
    for (width, path) in [
        (1440, "learn/3?lang=en&at=check"),
        (390, "learn/5?lang=zh"),
        (1440, "learn/errors?lang=zh"),
    ] {
        page.resize((width, 900))?;
        page.open(path)?;
        match path.contains("errors") {
            true => page.element("error-r1")?,
            false => page.element("chapter-end")?,
        };
        audit(page, path, &mut found)?;
    }
    expect(found.is_empty(), found.join("\n"))?;
    page.expect_clean()
}
