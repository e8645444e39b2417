//! The numbers of the microscope beside those of `glassbox step`: a whole batch, operation by
//! operation, forward, backward and update.

use std::time::Duration;

use serde_json::{Value, json};

use super::run::LONG;
use super::step::{data_value, done_becomes, go_to, open_at_start};
use crate::glassbox::{lines, of_event};
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
        test(
            "lenet_walks_through_a_whole_batch_with_the_numbers_of_the_command_line",
            whole_batch,
        ),
        test(
            "stops_on_webgpu_have_the_numbers_of_the_command_line",
            stops_on_webgpu,
        ),
    ]
}

/// Both sides compute in f32, with other orders of additions and other roundings of `exp`.
const RELATIVE: f64 = 1e-5;
/// Of the largest magnitude in the tensor: what is left where large terms cancel.
const CANCELLED: f64 = 1e-6;

/// Operations at one of whose elements the test points.
const POINTED_AT: [&str; 9] = [
    "conv2d",
    "conv2d_backward_weight",
    "conv2d_backward_input",
    "max_pool2d",
    "max_pool2d_backward",
    "linear",
    "linear_backward_weight",
    "softmax_cross_entropy_backward",
    "adam_update",
];

/// What the page shows at one stop.
const STOP: &str = "
    const part = (name) => document.querySelector(`[data-testid='${name}']`);
    const value = (name) => part(name)?.dataset.value ?? null;
    const panels = [...document.querySelectorAll('.tensor-panel[data-computed=true]')];
    return {
        node: part('operation')?.dataset.node ?? null,
        loss: value('cursor-loss'),
        lossAfter: value('cursor-loss-after'),
        element: part('explained-element')?.textContent ?? '',
        sum: value('explained-sum'),
        stored: value('explained-stored'),
        terms: value('term-count'),
        shownTerms: [...document.querySelectorAll(\"[data-testid='terms'] .term-value\")]
            .map((cell) => cell.textContent),
        panels: panels.map((panel) => ({
            name: panel.dataset.testid.slice('tensor-'.length),
            statistics: Object.fromEntries([...panel.querySelectorAll('[data-statistic]')]
                .map((cell) => [cell.dataset.statistic, Number(cell.dataset.value)])),
        })),
    }";

/// Measures each key: from the event to the first frame with all of what the key asked for.
const MEASURE: &str = "
    window.keyTimes = [];
    window.longTasks = [];
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) window.longTasks.push(task.duration);
    }).observe({ type: 'longtask' });
    const part = (name) => document.querySelector(`[data-testid='${name}']`);
    const done = () => part('cursor-done')?.dataset.value;
    addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowRight') return;
        const [before, element] = [done(), part('explained-element')?.textContent];
        const isShown = () => {
            const panels = [...document.querySelectorAll('.tensor-panel[data-computed=true]')];
            const explained = part('explained-sum') || part('element-value') || part('not-explained');
            return done() !== before && part('explained-element')?.textContent !== element
                && explained && panels.every((panel) => panel.querySelector('[data-statistic]'));
        };
        const look = () => {
            if (!isShown()) return requestAnimationFrame(look);
            setTimeout(() => window.keyTimes.push(performance.now() - event.timeStamp));
        };
        requestAnimationFrame(look);
    }, true);";

/// A tensor of a line of the command line.
struct Expected<'a> {
    shape: Vec<usize>,
    values: &'a [Value],
    statistics: &'a Value,
}

impl<'a> Expected<'a> {
    fn new(tensor: &'a Value) -> Result<Self, String> {
        let shape = tensor["shape"].as_array().ok_or("expected a shape")?;
        let sizes = shape.iter().filter_map(Value::as_u64);
        Ok(Self {
            shape: sizes.map(|size| size as usize).collect(),
            values: tensor["values"].as_array().map_or(&[], Vec::as_slice),
            statistics: &tensor["statistics"],
        })
    }

    fn largest(&self) -> f64 {
        let of = |key: &str| self.statistics[key].as_f64().unwrap_or(f64::NAN);
        of("min").abs().max(of("max").abs())
    }

    /// False for NaN.
    fn allows(&self, actual: f64, expected: f64) -> bool {
        (actual - expected).abs() <= RELATIVE * expected.abs() + CANCELLED * self.largest()
    }

    /// The value of an element such as `conv1.y[0, 2, 3, 4]`.
    fn value(&self, element: &str) -> Option<f64> {
        let inside = element.split_once('[').map_or("", |(_, rest)| rest);
        let index = inside
            .trim_end_matches(']')
            .split(',')
            .filter(|at| !at.is_empty());
        let mut flat = 0;
        for (size, at) in self.shape.iter().zip(index) {
            flat = flat * size + at.trim().parse::<usize>().ok()?;
        }
        self.values.get(flat)?.as_f64()
    }
}

/// What differs between the page's stop and the command line's line; `None` where nothing does.
fn difference(stop: &Value, line: &Value) -> Result<Option<String>, String> {
    if stop["node"] != line["node"] {
        return Ok(Some(format!("the page shows {}", stop["node"])));
    }
    let outputs = line["outputs"].as_array().ok_or("expected outputs")?;
    let mut compared = 0;
    for panel in stop["panels"].as_array().ok_or("expected panels")? {
        let Some(output) = outputs
            .iter()
            .find(|output| output["name"] == panel["name"])
        else {
            continue;
        };
        let expected = Expected::new(output)?;
        for key in ["min", "max", "mean", "zeros", "norm"] {
            let (Some(actual), Some(wanted)) = (
                panel["statistics"][key].as_f64(),
                expected.statistics[key].as_f64(),
            ) else {
                return Ok(Some(format!("{} has no {key} yet", panel["name"])));
            };
            if !expected.allows(actual, wanted) {
                let name = &panel["name"];
                return Ok(Some(format!(
                    "{key} of {name} is {actual}, expected {wanted}"
                )));
            }
            compared += 1;
        }
    }
    if compared == 0 {
        return Ok(Some("no statistics could be compared".to_string()));
    }
    element_difference(stop, outputs)
}

/// Compares the element that is looked at, and its terms; a new shape of another tensor has none.
fn element_difference(stop: &Value, outputs: &[Value]) -> Result<Option<String>, String> {
    let element = stop["element"].as_str().unwrap_or_default();
    let name = element.split('[').next().unwrap_or_default();
    let Some(output) = outputs.iter().find(|output| output["name"] == name) else {
        return Ok(Some(format!("`{element}` is not of this operation")));
    };
    if is_reshaped(stop) {
        return Ok(None);
    }
    let expected = Expected::new(output)?;
    let number = |key: &str| stop[key].as_str().and_then(|text| text.parse::<f64>().ok());
    let (Some(stored), Some(sum)) = (number("stored"), number("sum")) else {
        return Ok(Some(format!("{element} is not explained yet")));
    };
    let wanted = expected
        .value(element)
        .ok_or_else(|| format!("expected a value of {element}"))?;
    if !expected.allows(stored, wanted) {
        return Ok(Some(format!("{element} is {stored}, expected {wanted}")));
    }
    if (sum - stored).abs() > 1e-5 + 1e-4 * sum.abs() {
        return Ok(Some(format!(
            "the terms of {element} give {sum}, not {stored}"
        )));
    }
    Ok(None)
}

fn is_reshaped(stop: &Value) -> bool {
    let node = stop["node"].as_str().unwrap_or_default();
    node.starts_with("flatten")
}

/// Waits until the page shows what the command line says of an operation.
fn expect_equal_stop(page: &Page, line: &Value) -> Result<Value, String> {
    let last = std::cell::RefCell::new(String::new());
    let found = page.wait_for("the numbers of the command line", LONG, || {
        let stop = page.script(STOP, &[])?;
        Ok(match difference(&stop, line)? {
            None => Some(stop),
            Some(difference) => {
                last.replace(difference);
                None
            }
        })
    });
    found.map_err(|error| format!("{}: {}: {error}", line["node"], last.borrow()))
}

fn walk(device: &str, batch: &str) -> Result<Vec<Value>, String> {
    lines(&[
        "step",
        "lenet5-mnist",
        "--device",
        device,
        "--batch",
        batch,
        "--optimizer",
        "adam",
        "--seed",
        "1",
        "--values",
        "70000",
        "--json",
    ])
}

fn whole_batch(page: &Page) -> Outcome {
    let expected = walk("cpu", "2")?;
    let operations = of_event(&expected, "operation");
    open_at_start(
        page,
        "/step/lenet5-mnist?device=cpu&batch=2&optimizer=adam&seed=1",
    )?;
    page.script(MEASURE, &[])?;
    let total = data_total(page)?;
    expect_equal("operations", total, operations.len())?;
    let mut pointed = Vec::new();
    let mut explained = 0;
    for (done, line) in operations.iter().enumerate() {
        page.press(keys::RIGHT)?;
        done_becomes(page, (done + 1) as f64)?;
        let stop = expect_equal_stop(page, line)?;
        explained += usize::from(!is_reshaped(&stop));
        // Control: the comparison notices a number that is off.
        let mut wrong = (*line).clone();
        let norm = wrong["outputs"][0]["statistics"]["norm"].as_f64();
        wrong["outputs"][0]["statistics"]["norm"] = json!(norm.unwrap_or(0.0) * 1.0001 + 1e-3);
        expect(
            difference(&stop, &wrong)?.is_some(),
            format!("expected a wrong norm of {} to be noticed", line["node"]),
        )?;
        let operation = line["operation"].as_str().unwrap_or_default();
        if POINTED_AT.contains(&operation) && !pointed.contains(&operation) {
            point(page, line, &stop)?;
            pointed.push(operation);
        }
    }
    expect_equal("operations pointed at", pointed.len(), POINTED_AT.len())?;
    expect(
        explained >= 25,
        format!("expected over 25 operations, got {explained}"),
    )?;
    let batch = of_event(&expected, "batch");
    for (testid, key) in [("cursor-loss", "loss"), ("cursor-loss-after", "loss_after")] {
        let (actual, wanted) = (data_value(page, testid)?, batch[0][key].as_f64());
        let is_near = |a: f64, e: f64| (a - e).abs() <= RELATIVE * e.abs();
        expect(
            matches!((actual, wanted), (Some(a), Some(e)) if is_near(a, e)),
            format!("{key}: expected {wanted:?}, got {actual:?}"),
        )?;
    }
    report_times(page)?;
    page.expect_clean()
}

fn data_total(page: &Page) -> Result<usize, String> {
    let total = page.attribute("cursor-done", "data-total")?;
    total
        .and_then(|total| total.parse().ok())
        .ok_or_else(|| "expected a number of operations".to_string())
}

/// Where the test points, until an element has terms: one that lost against its neighbours in a
/// pooling window has none.
const POINTS: [(f64, f64); 6] = [
    (0.62, 0.31),
    (0.59, 0.34),
    (0.55, 0.38),
    (0.52, 0.42),
    (0.45, 0.45),
    (0.40, 0.48),
];

/// Longer than a click takes to show.
const SOON: Duration = Duration::from_secs(5);

/// Points at elements of the operation's first output until one has terms.
fn point(page: &Page, line: &Value, before: &Value) -> Outcome {
    let name = line["outputs"][0]["name"]
        .as_str()
        .ok_or("expected an output")?;
    let canvas = format!("[data-testid='tensor-{name}'] canvas.tensor-marks");
    let mut last = before["element"].clone();
    for at in POINTS {
        page.click_at(&canvas, at)?;
        // In a picture the arrows go from element to element: back to the page.
        page.script("document.activeElement.blur()", &[])?;
        let moved = page.wait_for("another element", SOON, || {
            let stop = page.script(STOP, &[])?;
            Ok((stop["element"] != last).then_some(()))
        });
        if moved.is_err() {
            // Between two kernels lies nothing.
            continue;
        }
        let stop = expect_equal_stop(page, line)?;
        last = stop["element"].clone();
        if has_right_terms(&stop)? {
            return Ok(());
        }
    }
    Err(format!("expected an element of {name} with terms"))
}

/// Whether there are terms; where all of them are on screen, they must give the sum.
fn has_right_terms(stop: &Value) -> Result<bool, String> {
    let element = &stop["element"];
    let number = |key: &str| stop[key].as_str().and_then(|text| text.parse::<f64>().ok());
    let (sum, count) = (number("sum"), number("terms").unwrap_or(0.0));
    let shown = stop["shownTerms"].as_array().ok_or("expected terms")?;
    if shown.is_empty() {
        expect(
            count == 0.0 && sum == Some(0.0),
            format!("expected 0 for {element}, which has no terms"),
        )?;
        return Ok(false);
    }
    if shown.len() as f64 == count {
        // With five digits each.
        let parse = |text: &Value| text.as_str()?.replace('−', "-").parse::<f64>().ok();
        let terms: Vec<f64> = shown.iter().filter_map(parse).collect();
        let scale: f64 = terms.iter().map(|term| term.abs()).sum();
        let total: f64 = terms.iter().sum();
        expect(
            terms.len() == shown.len()
                && sum.is_some_and(|sum| (sum - total).abs() <= 1e-4 * scale + 1e-12),
            format!("the terms of {element} on screen give {total}, expected {sum:?}"),
        )?;
    }
    Ok(true)
}

/// Prints how long the keys took; never fails on a time.
fn report_times(page: &Page) -> Outcome {
    let numbers = |name: &str| -> Result<Vec<f64>, String> {
        let list = page.script(&format!("return window.{name}"), &[])?;
        let list = list.as_array().ok_or_else(|| format!("expected {name}"))?;
        let mut numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
        numbers.sort_by(f64::total_cmp);
        Ok(numbers)
    };
    let (times, tasks) = (numbers("keyTimes")?, numbers("longTasks")?);
    expect(
        times.len() > 10,
        format!("expected times of keys, got {}", times.len()),
    )?;
    println!(
        "        key to screen, LeNet on the CPU executor: median {:.0} ms, worst {:.0} ms of {}; \
         longest block of the page {:.0} ms, {} above 50 ms",
        times[times.len() / 2],
        times[times.len() - 1],
        times.len(),
        tasks.last().copied().unwrap_or(0.0),
        tasks.len(),
    );
    Ok(())
}

fn stops_on_webgpu(page: &Page) -> Outcome {
    let expected = walk("cpu", "2")?;
    let operations = of_event(&expected, "operation");
    open_at_start(
        page,
        "/step/lenet5-mnist?device=gpu&batch=2&optimizer=adam&seed=1",
    )?;
    for operation in [
        "conv2d",
        "softmax_cross_entropy_backward",
        "conv2d_backward_weight",
        "adam_update",
    ] {
        let line = operations
            .iter()
            .find(|line| line["operation"] == operation)
            .ok_or_else(|| format!("expected {operation} in the walk"))?;
        go_to(page, line["node"].as_str().unwrap_or_default())?;
        expect_equal_stop(page, line)?;
    }
    page.expect_clean()
}
