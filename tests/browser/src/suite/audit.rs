//! Accessibility: axe-core on the states of every page, in both themes.
//!
//! Nothing that it calls serious or critical may stand. It finds what a program can find: names,
//! roles, contrast, order; the keyboard has tests of its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::run::{LONG, open_ready, step_once};
use super::step::{done_becomes, go_to, open_at_start};
use crate::page::{Launch, PATIENCE, Page, expect, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(400),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("an_audit_of_the_simple_pages_finds_nothing_serious", simple),
        test("an_audit_of_the_training_page_finds_nothing_serious", train),
        test("an_audit_of_the_panels_finds_nothing_serious", panels),
        test("an_audit_of_the_microscope_finds_nothing_serious", step),
        test("an_audit_of_sequences_finds_nothing_serious", sequences),
    ]
}

fn load(page: &Page) -> Outcome {
    let path = crate::package_folder().join("audit/node_modules/axe-core/axe.min.js");
    let source = std::fs::read_to_string(&path).map_err(|error| {
        format!(
            "{}: {error}; `npm ci` in tests/browser/audit makes it",
            path.display()
        )
    })?;
    // Not through the document, whose security policy allows no foreign script.
    page.devtools("Runtime.evaluate", &json!({ "expression": source }))?;
    let version = page.script("return axe.version", &[])?;
    expect(version.is_string(), "expected axe in the page")
}

/// What axe finds, as lines of text; with what it could look at.
fn findings(page: &Page) -> Result<(Vec<String>, u64), String> {
    let script = "
        return axe.run(document, { resultTypes: ['violations'] }).then((result) => ({
            passes: result.passes.length,
            found: result.violations
                .filter((v) => v.impact === 'serious' || v.impact === 'critical')
                .flatMap((v) => v.nodes.map((n) =>
                    `${v.impact} ${v.id}: ${n.target.join(' ')}: ${n.failureSummary.replace(/\\s+/g, ' ')}`)),
        }))";
    let result: Value = page.script(script, &[])?;
    let found = result["found"]
        .as_array()
        .ok_or("expected axe's findings")?;
    let found = found.iter().filter_map(|line| line.as_str());
    let passes = result["passes"].as_u64().unwrap_or_default();
    Ok((found.map(str::to_string).collect(), passes))
}

/// Audits the page as it stands, in the light and in the dark theme.
pub(super) fn audit(page: &Page, state: &str, all: &mut Vec<String>) -> Outcome {
    if page.script("return typeof axe", &[])? != "object" {
        load(page)?;
    }
    for theme in ["light", "dark"] {
        let look = || page.attribute("theme-toggle", "data-theme-choice");
        for _ in 0..3 {
            if look()?.as_deref() == Some(theme) {
                break;
            }
            page.script(
                "document.querySelector('[data-testid=theme-toggle]').click()",
                &[],
            )?;
        }
        page.wait_for(&format!("the {theme} theme"), PATIENCE, || {
            Ok(look()?.filter(|choice| choice == theme))
        })?;
        // Colours change over some time.
        page.wait_for("the colours to rest", PATIENCE, || {
            let count = page.script(
                "return document.getAnimations().filter((a) => a.playState === 'running').length",
                &[],
            )?;
            Ok((count == 0).then_some(()))
        })?;
        let (found, passes) = findings(page)?;
        expect(
            passes > 5,
            format!("{state}: axe looked at {passes} rules alone"),
        )?;
        all.extend(
            found
                .into_iter()
                .map(|line| format!("{state}, {theme}: {line}")),
        );
    }
    Ok(())
}

pub(super) fn report(found: &[String]) -> Outcome {
    expect(
        found.is_empty(),
        format!("axe finds {}:\n{}", found.len(), found.join("\n")),
    )
}

fn simple(page: &Page) -> Outcome {
    let mut found = Vec::new();
    for (path, lang) in [
        ("", "en"),
        ("about", "zh"),
        ("nowhere", "en"),
        ("train/lenet9", "zh"),
        ("lab", "zh"),
        ("lab/scale-calc", "en"),
        ("map", "zh"),
    ] {
        page.open(&format!("{path}?lang={lang}&theme=light"))?;
        page.element("page")?;
        audit(page, &format!("/{path}"), &mut found)?;
    }
    // Control: axe notices a picture without a text.
    page.script("document.querySelector('main').append(new Image())", &[])?;
    let (noticed, _) = findings(page)?;
    expect(
        noticed.iter().any(|line| line.contains("image-alt")),
        "expected axe to notice a picture without a text",
    )?;
    report(&found)
}

fn train(page: &Page) -> Outcome {
    let mut found = Vec::new();
    open_ready(
        page,
        "train/lenet5-mnist?device=cpu&lr=fast&theme=light&lang=en",
    )?;
    page.click("draw-sample")?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |_| true)?;
    step_once(page)?;
    audit(page, "training with a message and a prediction", &mut found)?;
    page.press("?")?;
    page.element("help-dialog")?;
    audit_dialog(page, "the keys of training", &mut found)?;
    report(&found)
}

fn panels(page: &Page) -> Outcome {
    let mut found = Vec::new();
    open_ready(page, "train/optim-race?device=cpu&theme=light&lang=en")?;
    page.wait_for_text("race-result-adam", LONG, |text| text.contains("82"))?;
    audit(page, "the race", &mut found)?;
    open_ready(page, "train/mlp-moons?device=cpu&theme=light&lang=zh")?;
    step_once(page)?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |_| true)?;
    audit(page, "points", &mut found)?;
    page.open("train/mlp-csv?device=cpu&theme=light&lang=en")?;
    page.element("table-needed")?;
    audit(page, "waiting for a table", &mut found)?;
    let rows = (0..40).map(|row| format!("{row},{},{}\n", (row * 7) % 11, f64::from(row) / 3.0));
    let table = format!("a,b,c\n{}", rows.collect::<String>());
    page.choose_file("table-file", "own.csv", table.as_bytes())?;
    page.wait_for_number("metric-mse", LONG, |_| true)?;
    audit(page, "numbers of a table", &mut found)?;
    open_ready(page, "train/mlp-mnist?device=cpu&theme=light&lang=en")?;
    step_once(page)?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |_| true)?;
    let cell = page.script(
        "const cell = document.querySelector('.cell-button'); cell.click(); return cell.innerText",
        &[],
    )?;
    expect(!cell.is_null(), "expected a cell with pictures")?;
    page.element("cell-pictures")?;
    audit(page, "pictures of a cell", &mut found)?;
    report(&found)
}

/// Audits an open dialog, behind which the theme cannot be changed.
fn audit_dialog(page: &Page, state: &str, all: &mut Vec<String>) -> Outcome {
    let (found, _) = findings(page)?;
    all.extend(found.into_iter().map(|line| format!("{state}: {line}")));
    page.press(keys::ESCAPE)
}

fn step(page: &Page) -> Outcome {
    let mut found = Vec::new();
    open_at_start(
        page,
        "/step/lenet5-mnist?device=cpu&batch=2&seed=1&theme=light&lang=en",
    )?;
    audit(page, "the start of a batch", &mut found)?;
    go_to(page, "conv1")?;
    audit(page, "a convolution", &mut found)?;
    page.press("?")?;
    audit_dialog(page, "the keys of stepping", &mut found)?;
    page.press(keys::END)?;
    let total = page.attribute("cursor-done", "data-total")?;
    let total: f64 = total
        .and_then(|t| t.parse().ok())
        .ok_or("expected a total")?;
    done_becomes(page, total)?;
    page.click("gradient-check")?;
    page.wait_for("the verdict", LONG, || {
        Ok(page.has("gradient-check-result")?.then_some(()))
    })?;
    audit(page, "an update with a gradient check", &mut found)?;
    open_at_start(page, "/step/worked-2-3-1?device=cpu&lang=zh&theme=light")?;
    page.press(keys::END)?;
    page.wait_for("the loss after the update", LONG, || {
        Ok(page.has("cursor-loss-after")?.then_some(()))
    })?;
    page.resize((390, 844))?;
    audit(page, "the blackboard on a telephone", &mut found)?;
    report(&found)
}

fn sequences(page: &Page) -> Outcome {
    let mut found = Vec::new();
    for (path, panel) in [
        (
            "/step/lstm-mnist?device=cpu&batch=2&seed=1&theme=light&lang=en",
            "time",
        ),
        (
            "/step/gpt-text?device=cpu&batch=2&seed=1&theme=light&lang=zh",
            "attention",
        ),
    ] {
        open_at_start(page, path)?;
        audit(page, &format!("{panel} before anything ran"), &mut found)?;
        page.press(keys::END)?;
        page.wait_for("the loss after the update", LONG, || {
            Ok(page.has("cursor-loss-after")?.then_some(()))
        })?;
        page.script(
            "document.querySelectorAll('.time details').forEach((part) => { part.open = true })",
            &[],
        )?;
        page.wait_for("what a prediction depends on", LONG, || {
            Ok(page.has("influence")?.then_some(()))
        })?;
        audit(page, &format!("{panel} with all its parts"), &mut found)?;
    }
    report(&found)
}
