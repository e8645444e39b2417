//! The panels of points, tables, classes and the race of optimizers.

use std::time::Duration;

use serde_json::Value;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal};
use crate::{Outcome, Test};

use super::run::{LONG, enter, open_ready, phase_becomes, play_until, step_once};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(240),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("the_boundary_between_points_moves_while_training", boundary),
        test(
            "a_table_of_classes_is_chosen_and_learned",
            classes_of_a_table,
        ),
        test(
            "a_table_of_numbers_is_predicted_in_its_unit",
            numbers_of_a_table,
        ),
        test("stepping_asks_for_a_table_too", stepping_asks),
        test("classes_are_measured_one_by_one", class_metrics),
        test("a_cell_of_the_matrix_shows_its_pictures", cell_pictures),
        test("the_schedule_is_drawn_before_it_runs", schedule_preview),
        test("optimizers_race", race),
        test("optimizers_race_on_a_plane", race_on_a_plane),
        test("a_squared_error_is_no_cross_entropy", squared_error),
    ]
}

/// How many different colours a canvas has, and a sum of all its bytes.
fn colours(page: &Page, testid: &str) -> Result<(f64, f64), String> {
    let script = "
        const canvas = document.querySelector(`[data-testid='${arguments[0]}']`);
        // A copy for reading: browsers warn of reading a canvas that is drawn on.
        const copy = new OffscreenCanvas(canvas.width, canvas.height)
            .getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const bytes = copy.getImageData(0, 0, canvas.width, canvas.height).data;
        const seen = new Set();
        let sum = 0;
        for (let at = 0; at < bytes.length; at += 4) {
            seen.add(bytes[at] * 65536 + bytes[at + 1] * 256 + bytes[at + 2]);
            sum += (at % 65521) * (bytes[at] + 2 * bytes[at + 1] + 3 * bytes[at + 2]);
        }
        return [seen.size, sum];";
    let answer = page.script(script, &[testid.into()])?;
    let number = |at: usize| answer[at].as_f64().ok_or("expected a number");
    Ok((number(0)?, number(1)?))
}

fn boundary(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-moons?device=cpu&lang=en")?;
    page.wait_for_text("boundary-step", LONG, |text| text.contains("after step"))?;
    let (few, before) = colours(page, "boundary-canvas")?;
    expect(few > 20.0, format!("{few} colours are no ground"))?;
    play_until(page, 200.0)?;
    page.wait_for("another boundary", LONG, || {
        Ok((colours(page, "boundary-canvas")?.1 != before).then_some(()))
    })?;
    // Without its points the ground alone is left.
    let (_, with_points) = colours(page, "boundary-canvas")?;
    page.click("show-held-out")?;
    page.wait_for("fewer points", PATIENCE, || {
        Ok((colours(page, "boundary-canvas")?.1 != with_points).then_some(()))
    })?;
    expect_equal(
        "held-out points told one by one",
        page.count("[data-testid='watched-points'] tbody tr")?,
        10,
    )?;
    page.expect_clean()
}

/// Points inside a circle, and outside.
fn circle() -> String {
    let rows = (0..144).map(|row| {
        let (x, y) = (
            f64::from(row % 12) / 6.0 - 0.95,
            f64::from(row / 12) / 6.0 - 0.95,
        );
        let kind = if x * x + y * y < 0.5 {
            "inside"
        } else {
            "outside"
        };
        format!("{x:.2},{y:.2},{kind}\n")
    });
    format!("x,y,place\n{}", rows.collect::<String>())
}

fn classes_of_a_table(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-moons?device=cpu&lang=en")?;
    step_once(page)?;
    // The run of another model is not taken for one of the table.
    page.choose("preset-select", "mlp-csv")?;
    page.wait_for_text("table-needed", PATIENCE, |text| text.contains("CSV"))?;
    expect(
        !page.has("play-pause")?,
        "nothing can be played without a table",
    )?;
    expect(
        !page.has("boundary")?,
        "the other run's points are not shown",
    )?;
    // And it is still there.
    page.choose("preset-select", "mlp-moons")?;
    page.wait_for_number("metric-step", LONG, |step| step == 1.0)?;
    page.choose("preset-select", "mlp-csv")?;
    page.element("table-needed")?;

    page.choose_file("table-file", "broken.csv", b"a,b\n1,2\n3\n")?;
    page.wait_for_text("error-banner", LONG, |text| {
        text.contains("broken.csv") && text.contains("line 3 has 1 cells")
    })?;
    page.choose_file("table-file", "circle.csv", circle().as_bytes())?;
    phase_becomes(page, "ready")?;
    expect(
        !page.has("error-banner")?,
        "the message of the other file is gone",
    )?;
    page.wait_for_text("table-note", PATIENCE, |text| {
        text.contains("circle.csv: 116 rows") && text.contains("28 held out")
    })?;
    page.wait_for_text("boundary-step", LONG, |text| text.contains("after step"))?;
    play_until(page, 60.0)?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |accuracy| accuracy > 0.7)?;

    // Another column to predict leaves text among the inputs: said, and the run goes on.
    page.choose("table-target", "x")?;
    page.wait_for_text("error-banner", LONG, |text| text.contains("(place)"))?;
    phase_becomes(page, "paused")?;
    page.expect_clean()
}

/// A plane over two columns.
fn prices() -> String {
    let rows = (0..120).map(|row| {
        let (a, b) = (row % 13, (row * 7) % 17);
        format!(
            "{a},{b},{}\n",
            50.0 + 2.5 * f64::from(a) - 1.5 * f64::from(b)
        )
    });
    format!("size,age,price\n{}", rows.collect::<String>())
}

fn numbers_of_a_table(page: &Page) -> Outcome {
    page.open("train/mlp-csv?device=cpu&lang=en")?;
    page.element("table-needed")?;
    page.choose_file("table-file", "prices.csv", prices().as_bytes())?;
    phase_becomes(page, "ready")?;
    expect(!page.has("metric-accuracy")?, "numbers have no accuracy")?;
    expect(!page.has("confusion")?, "numbers have no confusion matrix")?;
    let first = page.wait_for_number("metric-mse", LONG, |mse| mse > 0.0)?;
    play_until(page, 150.0)?;
    let last = page.wait_for_number("metric-mse", LONG, |mse| mse < first / 4.0)?;
    let mae = page.number("metric-mae")?;
    expect(
        mae * mae <= last * 1.001,
        format!("mae {mae} and mse {last}"),
    )?;
    // Ten rows in the column's own unit: 26 to 80.
    let rows = page.script(
        "return [...document.querySelectorAll(\"[data-testid='watched-points'] tbody tr\")]
             .map((row) => [...row.children].map((cell) => parseFloat(cell.innerText)))",
        &[],
    )?;
    let rows = rows.as_array().ok_or("expected rows")?;
    expect_equal("rows", rows.len(), 10)?;
    for row in rows {
        let number = |at: usize| row[at].as_f64().ok_or("expected a number");
        let (a, b, price, predicted) = (number(0)?, number(1)?, number(2)?, number(3)?);
        expect(
            (50.0 + 2.5 * a - 1.5 * b - price).abs() < 0.01,
            format!("{row}"),
        )?;
        expect((predicted - price).abs() < 25.0, format!("{row}"))?;
    }
    page.expect_clean()
}

fn stepping_asks(page: &Page) -> Outcome {
    page.open("step/mlp-csv?device=cpu&lang=zh")?;
    page.wait_for_text("table-needed", PATIENCE, |text| text.contains("CSV"))?;
    expect(!page.has("graph")?, "there is no graph without a table")?;
    page.choose_file("table-file", "own.csv", b"a,b\n1,2\n3,4\n")?;
    // In the language of the page.
    page.wait_for_text("error-banner", LONG, |text| text.contains("至少要有 10 行"))?;
    page.choose_file("table-file", "circle.csv", circle().as_bytes())?;
    page.wait_for("a batch under the microscope", LONG, || {
        page.attribute("cursor-done", "data-total")
    })?;
    page.click("step-op")?;
    page.wait_for("one operation", LONG, || {
        Ok((page.attribute("cursor-done", "data-value")?.as_deref() == Some("1")).then_some(()))
    })?;
    page.expect_clean()
}

fn class_metrics(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-mnist?device=cpu&lang=en")?;
    play_until(page, 60.0)?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |accuracy| accuracy > 0.5)?;
    // What the table says is what the matrix says.
    let script = "
        const rows = [...document.querySelectorAll('[data-testid=confusion] tbody tr')];
        const matrix = rows.map((row) => [...row.querySelectorAll('td.value-cell')].map((td) => Number(td.innerText)));
        const table = [...document.querySelectorAll('[data-testid=class-metrics] tbody tr')]
            .map((row) => [...row.querySelectorAll('td')].map((td) => td.innerText.trim()));
        return { matrix, table };";
    let told = page.script(script, &[])?;
    let matrix: Vec<Vec<f64>> = serde_json::from_value(told["matrix"].clone())
        .map_err(|error| format!("{error}: {told}"))?;
    let table = told["table"].as_array().ok_or("expected a table")?;
    expect_equal("classes", (matrix.len(), table.len()), (10, 10))?;
    expect_equal(
        "held-out digits",
        matrix.iter().flatten().sum::<f64>(),
        2_000.0,
    )?;
    for class in 0..10 {
        let right = matrix[class][class];
        let actual: f64 = matrix[class].iter().sum();
        let predicted: f64 = matrix.iter().map(|row| row[class]).sum();
        let expected = [
            right / predicted,
            right / actual,
            2.0 * right / (actual + predicted),
        ];
        for (at, expected) in expected.into_iter().enumerate() {
            let said = table[class][at].as_str().unwrap_or_default();
            let fits = match said.parse::<f64>() {
                Ok(said) => (said - expected).abs() < 1e-4,
                // 0/0 is undefined.
                Err(_) => expected.is_nan() && said == "undefined",
            };
            expect(fits, format!("class {class}: {said}, expected {expected}"))?;
        }
    }
    page.expect_clean()
}

fn cell_pictures(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-mnist?device=cpu&lang=en")?;
    play_until(page, 60.0)?;
    page.click("cell-3-3")?;
    page.element("cell-pictures")?;
    let count = page.number("cell-3-3")?;
    let pictures = page.count("[data-testid='cell-pictures'] canvas")?;
    expect_equal("pictures of a cell", pictures as f64, count.min(30.0))?;
    expect_equal(
        "the pressed cell",
        page.attribute("cell-3-3", "aria-pressed")?.as_deref(),
        Some("true"),
    )?;
    page.click("cell-close")?;
    page.wait_for("no pictures", PATIENCE, || {
        Ok((!page.has("cell-pictures")?).then_some(()))
    })?;
    page.expect_clean()
}

fn schedule_preview(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-moons?device=cpu&lang=en")?;
    page.script(
        "document.querySelector('[data-testid=schedule-options]').open = true",
        &[],
    )?;
    let points = |page: &Page| -> Result<Value, String> {
        page.script(
            "return document.querySelector('[data-testid=schedule-preview] polyline')?.getAttribute('points') ?? null",
            &[],
        )
    };
    let constant = page.wait_for("a line", LONG, || {
        Ok(Some(points(page)?).filter(|points| !points.is_null()))
    })?;
    page.choose("schedule", "cosine")?;
    page.wait_for("a curve", PATIENCE, || {
        Ok((points(page)? != constant).then_some(()))
    })?;
    page.expect_clean()
}

fn race(page: &Page) -> Outcome {
    open_ready(page, "train/optim-race?device=cpu&lang=en")?;
    let result = |lane: &str| format!("race-result-{lane}");
    page.wait_for_text(&result("sgd"), LONG, |text| text.contains("after 174"))?;
    page.wait_for_text(&result("adam"), LONG, |text| text.contains("after 82"))?;
    page.wait_for_text(&result("momentum"), LONG, |text| text.contains("after 95"))?;
    page.wait_for_text(&result("rmsprop"), LONG, |text| text.contains("after 167"))?;
    page.wait_for("the paths", LONG, || {
        let paths = page.count("[data-testid='race-paths'] polyline")?;
        Ok((paths == 8).then_some(()))
    })?;
    let (many, _) = colours(page, "race-canvas")?;
    expect(many > 20.0, format!("{many} colours are no landscape"))?;
    // The learning rate decides: slower, at the edge, beyond it.
    enter(page, "race-rate-sgd", "0.01")?;
    page.wait_for_text(&result("sgd"), LONG, |text| text.contains("after 653"))?;
    enter(page, "race-rate-sgd", "0.041")?;
    page.wait_for_text(&result("sgd"), LONG, |text| text.contains("diverges"))?;
    // What cannot be used is put back.
    enter(page, "race-rate-sgd", "-1")?;
    page.wait_for("the old rate", PATIENCE, || {
        Ok((page.value("race-rate-sgd")? == "0.041").then_some(()))
    })?;
    page.click("race-show-sgd")?;
    page.wait_for("one path less", PATIENCE, || {
        Ok((page.count("[data-testid='race-paths'] polyline")? == 7).then_some(()))
    })?;
    // The same bowl is a run as any other.
    let loss = step_once(page)?;
    expect_equal("f at (1, 1)", loss, "25.5".to_string())?;
    page.expect_clean()
}

/// A network of 257 weights: the paths on a plane of its loss surface.
fn race_on_a_plane(page: &Page) -> Outcome {
    open_ready(page, "train/mlp-moons?device=cpu&lang=zh")?;
    page.wait_for_text("race-result-adam", LONG, |text| text.contains("损失"))?;
    page.wait_for("the paths", LONG, || {
        let paths = page.count("[data-testid='race-paths'] polyline")?;
        Ok((paths == 8).then_some(()))
    })?;
    let (many, _) = colours(page, "race-canvas")?;
    expect(many > 20.0, format!("{many} colours are no landscape"))?;
    let says = page.text("race-shares")?;
    expect(
        says.contains("257") && says.matches('%').count() == 3,
        format!("the plane's share is not said: {says}"),
    )?;
    let numbers = page.script(
        "const rows = [...document.querySelectorAll('.race-ends tbody tr')];
         return rows.map(row => [...row.querySelectorAll('td')].map(cell => Number(cell.textContent)));",
        &[],
    )?;
    let rows = numbers.as_array().ok_or("expected rows")?;
    expect_equal("rows of ends", rows.len(), 8)?;
    for row in rows {
        let [on_plane, lane, off, travelled] =
            [0, 1, 2, 3].map(|at| row[at].as_f64().unwrap_or(f64::NAN));
        expect(
            on_plane > 0.0 && lane > 0.0 && off > 0.0 && off < travelled,
            format!("an end is not told: {row}"),
        )?;
    }
    // Back at the start all paths are one point.
    page.script(
        "const slider = document.querySelector('[data-testid=race-at]');
         slider.value = '0';
         slider.dispatchEvent(new Event('input', { bubbles: true }));",
        &[],
    )?;
    page.wait_for("all at the start", PATIENCE, || {
        let at_start = page.script(
            "const svg = document.querySelector('[data-testid=race-paths]');
             const start = svg.querySelector('.race-start');
             const ends = [...svg.querySelectorAll('.lane-end')];
             const near = (a, b, name) => Math.abs(a.getAttribute(name) - b.getAttribute(name)) < 0.2;
             return ends.length === 8 && ends.every(end => near(end, start, 'cx') && near(end, start, 'cy'));",
            &[],
        )?;
        Ok((at_start == Value::Bool(true)).then_some(()))
    })?;
    page.expect_clean()
}

fn squared_error(page: &Page) -> Outcome {
    open_ready(page, "train/logreg-mse?device=cpu&lang=en")?;
    step_once(page)?;
    let source = page.source()?;
    expect(!source.contains("nats"), "squared errors are not in nats")?;
    expect(
        !page.has("metric-accuracy")?,
        "this loss counts nothing as right",
    )?;
    page.wait_for_number("metric-held-out-accuracy", LONG, |accuracy| accuracy < 0.2)?;
    page.expect_clean()
}
