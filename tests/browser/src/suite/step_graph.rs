//! The microscope's graph, the model's equations, and the path of the chain rule.

use std::time::Duration;

use super::run::LONG;
use crate::page::{Launch, PATIENCE, Page, expect, expect_equal};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(180),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("layers_fold_and_the_cursor_stays_marked", folding),
        test("the_graph_zooms_and_moves_and_follows_the_cursor", moving),
        test("the_whole_model_has_its_equations", whole_model),
        test(
            "a_path_of_the_chain_rule_is_followed_factor_by_factor",
            path,
        ),
        test("the_stepping_bar_stays_in_reach_on_a_phone", phone),
    ]
}

fn open(page: &Page, path: &str) -> Outcome {
    page.open(path)?;
    page.wait_for("the microscope", LONG, || {
        Ok((page.has("graph-world")? && page.has("step-op")?).then_some(()))
    })?;
    page.wait_for("the graph", LONG, || {
        let ready = "return document.querySelectorAll('.graph-node').length > 0";
        Ok((page.script(ready, &[])? == true).then_some(()))
    })
}

fn number(page: &Page, testid: &str) -> Result<Option<f64>, String> {
    if !page.has(testid)? {
        return Ok(None);
    }
    let value = page.attribute(testid, "data-value")?;
    Ok(value.and_then(|value| value.parse().ok()))
}

fn near(what: &str, actual: f64, expected: f64) -> Outcome {
    expect(
        (actual - expected).abs() <= 2e-6,
        format!("{what}: expected {expected}, got {actual}"),
    )
}

fn folding(page: &Page) -> Outcome {
    open(page, "/step/lenet5-mnist?device=cpu&batch=2&cursor=3")?;
    page.wait_for("the cursor at its place", LONG, || {
        Ok(
            (page.attribute("node-relu1", "data-state")?.as_deref() == Some("current"))
                .then_some(()),
        )
    })?;
    page.click("fold-all")?;
    page.wait_for("folded layers", PATIENCE, || {
        Ok(page.has("layer-conv1")?.then_some(()))
    })?;
    expect(
        !page.has("node-conv1")?,
        "expected conv1's nodes to be in its layer",
    )?;
    let state = |layer: &str| page.attribute(layer, "data-state");
    expect_equal("relu1", state("layer-relu1")?.as_deref(), Some("current"))?;
    expect_equal("conv1", state("layer-conv1")?.as_deref(), Some("partial"))?;
    expect_equal("fc3", state("layer-fc3")?.as_deref(), Some("waiting"))?;
    // A layer runs to the end of its forward pass, and is current then.
    page.click("layer-conv2")?;
    page.wait_for("conv2 to be current", LONG, || {
        Ok((state("layer-conv2")?.as_deref() == Some("current")).then_some(()))
    })?;
    // One layer alone, by its button.
    page.click("fold-conv2")?;
    page.wait_for("conv2's nodes", PATIENCE, || {
        Ok(page.has("node-conv2.backward_weight")?.then_some(()))
    })?;
    expect_equal(
        "conv2",
        page.attribute("node-conv2", "data-state")?.as_deref(),
        Some("current"),
    )?;
    expect(page.has("layer-conv1")?, "expected conv1 to stay folded")?;
    page.expect_clean()
}

fn transform(page: &Page) -> Result<String, String> {
    let transform = page.script(
        "return document.querySelector('[data-testid=graph-world]').style.transform",
        &[],
    )?;
    Ok(transform.as_str().unwrap_or_default().to_string())
}

fn moving(page: &Page) -> Outcome {
    open(page, "/step/lenet5-mnist?device=cpu&batch=2")?;
    page.wait_for(
        "the map of a graph that is larger than its frame",
        PATIENCE,
        || Ok(page.has("graph-map")?.then_some(())),
    )?;
    let start = transform(page)?;
    page.click("zoom-fit")?;
    page.wait_for("all of the graph", PATIENCE, || {
        Ok((transform(page)? != start && !page.has("graph-map")?).then_some(()))
    })?;
    let fitted = transform(page)?;
    page.click("zoom-in")?;
    page.wait_for("a closer look", PATIENCE, || {
        Ok((transform(page)? != fitted).then_some(()))
    })?;
    // The last operation lies outside of the frame until the cursor goes there.
    page.click("graph-follow")?;
    let before = transform(page)?;
    for done in [1.0, 10.0] {
        // To the end of the data, then of forward.
        page.click("step-phase")?;
        page.wait_for("the phase to end", LONG, || {
            Ok(number(page, "cursor-done")?.filter(|&now| now >= done))
        })?;
    }
    page.wait_for("the graph to follow the cursor", PATIENCE, || {
        Ok((transform(page)? != before).then_some(()))
    })?;
    page.wait_for("the current operation in the frame", PATIENCE, || {
        let inside = "const box = document.querySelector('.graph-node.is-current')
                .getBoundingClientRect();
            const frame = document.querySelector('.graph-frame').getBoundingClientRect();
            return box.right > frame.left && box.left < frame.right
                && box.bottom > frame.top && box.top < frame.bottom;";
        Ok((page.script(inside, &[])? == true).then_some(()))
    })?;
    page.expect_clean()
}

fn whole_model(page: &Page) -> Outcome {
    open(page, "/step/worked-2-3-1?device=cpu")?;
    page.click("step-batch")?;
    page.wait_for("the loss", LONG, || number(page, "cursor-loss"))?;
    page.click("equation-scope-1")?;
    let composed = page.wait_for("the model as one expression", PATIENCE, || {
        Ok(page.has("composition")?.then(|| page.text("composition")))
    })??;
    for part in ["σ", "ReLU", "W", "fc1", "fc2", "⊤"] {
        expect(
            composed.contains(part),
            format!("expected {part} in {composed}"),
        )?;
    }
    expect_equal("rows forward", page.count(".system-row")?, 5)?;
    // A symbol and its tensor light together, from the tensor's side.
    page.click("equation-scope-2")?;
    page.wait_for("the gradients", PATIENCE, || {
        Ok((page.count(".system-row.is-backward")? >= 6).then_some(()))
    })?;
    page.script(
        "document.querySelector('.system-row [data-term=\"fc2.weight.grad\"]')
            .dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))",
        &[],
    )?;
    page.wait_for("the update's edge to light up", PATIENCE, || {
        Ok(
            (page.count(".graph-edge.is-lit")? > 0 && page.count(".system-row .is-lit")? > 0)
                .then_some(()),
        )
    })?;
    page.expect_clean()
}

/// The worked example: −0.462570 · 0.4 · 1 · 0.5, one of two terms of −0.157274.
fn path(page: &Page) -> Outcome {
    open(page, "/step/worked-2-3-1?device=cpu")?;
    page.click("path-follow")?;
    let product = page.wait_for("the product along the path", LONG, || {
        number(page, "path-product")
    })?;
    near("the product", product, -0.092_514)?;
    let total = number(page, "path-total")?.unwrap_or(f64::NAN);
    near("all paths", total, -0.157_274)?;
    expect_equal("stops", page.count(".path-stop")?, 5)?;
    expect_equal("operations marked", page.count(".graph-node.is-path")?, 4)?;
    page.wait_for("the path in the link", PATIENCE, || {
        let address = page.current_address()?;
        Ok(address.contains("path=x.0.0~loss.L").then_some(()))
    })?;
    // The other way, by the first hidden unit: −0.462570 · 0.7 · 1 · 0.2.
    page.script(
        "const way = document.querySelector('[data-testid=path-way]');
        way.selectedIndex = 1;
        way.dispatchEvent(new Event('change', { bubbles: true }))",
        &[],
    )?;
    let other = page.wait_for("the other path", LONG, || {
        Ok(number(page, "path-product")?.filter(|&now| now != product))
    })?;
    near("the other product", other, -0.064_760)?;
    near("the sum of both", product + other, total)?;
    // A unit that is off: the path says where it ends. The link opens there.
    open(
        page,
        "/step/worked-2-3-1?device=cpu&lang=zh&path=fc1.weight.1.0~loss.L",
    )?;
    page.wait_for_text("path-blocked", LONG, |text| text.contains("relu"))?;
    page.expect_clean()
}

fn phone(page: &Page) -> Outcome {
    page.resize((390, 844))?;
    open(page, "/step/lenet5-mnist?device=cpu&batch=2")?;
    page.script("scrollTo(0, document.body.scrollHeight / 2)", &[])?;
    page.wait_for("the bar in the window", PATIENCE, || {
        let inside = "const box = document.querySelector('[data-testid=step-op]')
                .getBoundingClientRect();
            const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return scrollY > 300 && hit?.closest('[data-testid=step-op]') != null;";
        Ok((page.script(inside, &[])? == true).then_some(()))
    })?;
    let wide = page.script(
        "return document.documentElement.scrollWidth <= innerWidth",
        &[],
    )?;
    expect(wide == true, "expected nothing wider than the window")?;
    page.click("step-op")?;
    page.wait_for("a step", LONG, || {
        Ok(number(page, "cursor-done")?.filter(|&done| done == 1.0))
    })?;
    page.expect_clean()
}
