//! The pictures of the README, taken from the page at work.

use std::time::Duration;

use crate::page::{Launch, Look, PATIENCE, Page, by_testid, keys};
use crate::{Outcome, Test, package_folder};

use super::run::{LONG, expect_badge, open_ready, play_until};
use super::shell::engine_becomes;
use super::step::{done_becomes, open_at_start};

/// What a picture may weigh, so that the repository stays small.
const MOST_BYTES: usize = 400_000;

/// Steps that the pictured network has trained: enough for curves and good predictions.
const STEPS: f64 = 200.0;

/// What takes the pictures; each writes its own to `docs/screenshots`.
pub fn pictures() -> Vec<Test> {
    let picture = |name, run| Test {
        name,
        timeout: Duration::from_secs(180),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        picture("home-light-en", |page| {
            hide_scrollbars(page)?;
            let look = Look {
                size: (1280, 900),
                lang: "en",
                theme: "light",
            };
            page.picture("", look, "door-train")?;
            engine_becomes(page, "ready", PATIENCE)?;
            keep("home-light-en", &page.screenshot()?)
        }),
        picture("train-light-en", |page| {
            training(page, "train-light-en", (1280, 1420), "lang=en&theme=light")
        }),
        picture("train-dark-zh", |page| {
            training(page, "train-dark-zh", (1280, 1420), "lang=zh&theme=dark")
        }),
        picture("step-light-en", |page| {
            stepping(page, "step-light-en", "lang=en&theme=light")
        }),
        picture("step-dark-zh", |page| {
            stepping(page, "step-dark-zh", "lang=zh&theme=dark")
        }),
        picture("writing-light-en", |page| {
            writing(page, "writing-light-en", "lstm-text", "lang=en&theme=light")
        }),
        picture("writing-dark-zh", |page| {
            writing(
                page,
                "writing-dark-zh",
                "lstm-text-zh",
                "lang=zh&theme=dark",
            )
        }),
        picture("time-light-en", |page| {
            let path = "step/lstm-mnist?device=cpu&seed=1&batch=8&lang=en&theme=light";
            whole_batch(page, "time-light-en", path, "time")
        }),
        picture("attention-dark-zh", |page| {
            let path = "step/gpt-text-zh?device=cpu&seed=1&batch=2&lang=zh&theme=dark";
            whole_batch(page, "attention-dark-zh", path, "attention")
        }),
        picture("map-light-en", |page| {
            map(
                page,
                "map-light-en",
                "concept=transformer&lang=en&theme=light",
            )
        }),
        picture("map-dark-zh", |page| {
            map(page, "map-dark-zh", "concept=gpt&way=1&lang=zh&theme=dark")
        }),
        picture("learn-light-en", |page| {
            chapter(
                page,
                "learn-light-en",
                "learn/5?at=chain&lang=en&theme=light",
            )
        }),
        picture("learn-dark-zh", |page| {
            chapter(
                page,
                "learn-dark-zh",
                "learn/9?at=unrolled&lang=zh&theme=dark",
            )
        }),
        picture("learn-fit-en", |page| {
            hide_scrollbars(page)?;
            page.resize((1280, 1100))?;
            page.open("learn/widget?name=fit&seed=2&lang=en&theme=light")?;
            page.click("fit-run")?;
            page.wait_for("the run to end", LONG, || {
                let step = page.attribute("fit-step", "data-value")?;
                Ok((step.as_deref() == Some("2000")).then_some(()))
            })?;
            page.script("scrollTo(0, 0); document.activeElement.blur()", &[])?;
            keep("learn-fit-en", &page.screenshot()?)
        }),
        picture("exercise-light-zh", |page| {
            hide_scrollbars(page)?;
            page.resize((1280, 1100))?;
            page.open("learn/x5?lang=zh&theme=light")?;
            page.click("exercise-run")?;
            page.element("exercise-verdict")?;
            keep("exercise-light-zh", &page.screenshot()?)
        }),
        picture("lab-light-en", |page| {
            hide_scrollbars(page)?;
            page.resize((1440, 1300))?;
            page.open("lab/scale-calc?lang=en&theme=light")?;
            page.element("scale-flops")?;
            keep("lab-light-en", &page.screenshot()?)
        }),
        picture("lab-dark-zh", |page| {
            hide_scrollbars(page)?;
            page.resize((1440, 1300))?;
            page.open("lab/ddp-4?mode=rank0&lang=zh&theme=dark")?;
            let has_done = |steps: &str| {
                page.wait_for("the steps", LONG, || {
                    let step = page.attribute("replicas-status", "data-step")?;
                    let idle = page.attribute("replicas-status", "data-idle")?;
                    let is_there =
                        step.as_deref() == Some(steps) && idle.as_deref() == Some("true");
                    Ok(is_there.then_some(()))
                })
            };
            has_done("0")?;
            page.click("replicas-run")?;
            has_done("50")?;
            page.click("replicas-round")?;
            page.element("ring-table")?;
            page.script("scrollTo(0, 0); document.activeElement.blur()", &[])?;
            keep("lab-dark-zh", &page.screenshot()?)
        }),
        picture("train-phone-en", |page| {
            training(page, "train-phone-en", (390, 1180), "lang=en&theme=light")
        }),
    ]
}

/// The concept map with a concept open.
fn map(page: &Page, name: &str, query: &str) -> Outcome {
    hide_scrollbars(page)?;
    page.resize((1440, 1100))?;
    page.open(&format!("map?{query}"))?;
    page.element("concept-name")?;
    page.wait_for("the map at rest", PATIENCE, || {
        let count = page.script(
            "return document.getAnimations().filter((a) => a.playState === 'running').length",
            &[],
        )?;
        Ok((count == 0).then_some(()))
    })?;
    keep(name, &page.screenshot()?)
}

fn training(page: &Page, name: &str, size: (u32, u32), look: &str) -> Outcome {
    hide_scrollbars(page)?;
    page.resize(size)?;
    open_ready(page, &format!("train/lenet5-mnist?device=cpu&{look}"))?;
    expect_badge(page, "cpu")?;
    // A two, in one stroke.
    let two = [
        (0.30, 0.34),
        (0.34, 0.25),
        (0.44, 0.19),
        (0.56, 0.19),
        (0.65, 0.26),
        (0.66, 0.37),
        (0.59, 0.49),
        (0.47, 0.62),
        (0.33, 0.78),
        (0.50, 0.77),
        (0.72, 0.76),
    ];
    page.drag("draw-canvas", &two)?;
    play_until(page, STEPS)?;
    page.wait_for_text("digit-score", LONG, |text| {
        text.contains(&STEPS.to_string())
    })?;
    page.wait_for("a prediction of the trained network", LONG, || {
        Ok(page
            .attribute("prediction", "data-class")?
            .filter(|class| class == "2"))
    })?;
    page.script("scrollTo(0, 0); document.activeElement.blur()", &[])?;
    page.wait_for("the view at the top", PATIENCE, || {
        Ok((page.script("return scrollY", &[])? == 0).then_some(()))
    })?;
    keep(name, &page.screenshot()?)
}

/// A network that learned a text for some epochs, and what it writes.
fn writing(page: &Page, name: &str, preset: &str, look: &str) -> Outcome {
    hide_scrollbars(page)?;
    page.extend_deadline(Duration::from_secs(900));
    page.resize((1440, 1000))?;
    open_ready(page, &format!("train/{preset}?device=cpu&{look}"))?;
    play_until(page, STEPS)?;
    page.wait_for("a text of weights that learned", LONG, || {
        let after = page.text("written-after")?;
        let is_whole = !page.text("written-variety")?.is_empty();
        Ok((is_whole && !after.contains(" 0")).then_some(()))
    })?;
    page.script("scrollTo(0, 0); document.activeElement.blur()", &[])?;
    keep(name, &page.screenshot()?)
}

/// The weight gradient of a convolution, with the terms of one of its elements.
fn stepping(page: &Page, name: &str, look: &str) -> Outcome {
    hide_scrollbars(page)?;
    page.resize((1440, 1300))?;
    page.open(&format!(
        "step/lenet5-mnist?device=cpu&seed=1&cursor=30&{look}"
    ))?;
    page.wait_for("the terms of the gradient", LONG, || {
        Ok(page.has("explained-sum")?.then_some(()))
    })?;
    keep(name, &page.screenshot()?)
}

/// A panel of the microscope after all operations of a batch.
fn whole_batch(page: &Page, name: &str, path: &str, panel: &str) -> Outcome {
    hide_scrollbars(page)?;
    page.resize((1440, 1300))?;
    open_at_start(page, path)?;
    let total = page.wait_for("the batch's operations", LONG, || {
        page.attribute("cursor-done", "data-total")
    })?;
    page.press(keys::END)?;
    let total = total.parse().map_err(|_| "expected a number")?;
    done_becomes(page, total)?;
    page.wait_for("the panel at rest", LONG, || {
        let script = "
            const panel = document.querySelector(arguments[0]);
            panel.scrollIntoView();
            scrollBy(0, -72);
            const height = panel.getBoundingClientRect().height;
            const rests = height === window.lastHeight;
            window.lastHeight = height;
            return rests && height > 400;";
        let rests = page.script(script, &[by_testid(panel).into()])?;
        std::thread::sleep(Duration::from_millis(500));
        Ok((rests == true).then_some(()))
    })?;
    page.script("document.activeElement.blur()", &[])?;
    keep(name, &page.screenshot()?)
}

/// Leaves no room for the scrollbar, which pictures do not show.
fn hide_scrollbars(page: &Page) -> Outcome {
    page.before_each_document(
        "addEventListener('DOMContentLoaded',
            () => { document.documentElement.style.scrollbarGutter = 'auto'; });",
    )
}

/// Writes a picture for the README.
fn keep(name: &str, png: &[u8]) -> Outcome {
    if png.len() > MOST_BYTES {
        return Err(format!(
            "{name}: {} bytes, expected at most {MOST_BYTES}",
            png.len()
        ));
    }
    let folder = package_folder().join("../../docs/screenshots");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(format!("{name}.png")), png))
        .map_err(|error| format!("{}: {error}", folder.display()))
}

/// A chapter at a step, with its instrument at work.
fn chapter(page: &Page, name: &str, path: &str) -> Outcome {
    hide_scrollbars(page)?;
    page.resize((1440, 1000))?;
    page.open(path)?;
    let ready = "const frame = document.querySelector('[data-testid=instrument-frame]');
                 const inside = frame && frame.contentDocument;
                 const done = inside && inside.querySelector('[data-testid=cursor-done]');
                 return !!done && done.dataset.value !== '0' && !!inside.querySelector('.graph svg, svg');";
    page.wait_for("the microscope in the frame", LONG, || {
        Ok((page.script(ready, &[])? == true).then_some(()))
    })?;
    // Until the frame has scrolled to its part.
    std::thread::sleep(Duration::from_secs(4));
    keep(name, &page.screenshot()?)
}
