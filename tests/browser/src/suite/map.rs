//! The concept map: walking it, finding, paths, marks.

use std::time::Duration;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal, keys};
use crate::{Outcome, Test};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(120),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test(
            "a_concept_is_found_in_both_languages_and_opens_its_experiment",
            find,
        ),
        test("the_map_is_walked_by_keys", walk),
        test("a_link_opens_the_way_to_gpt", way),
        test(
            "what_is_known_survives_a_reload_and_decides_what_comes_next",
            marks,
        ),
        test("the_map_is_a_list_too_and_fits_every_width", list),
        test("the_map_is_pulled", pans),
    ]
}

fn name_becomes(page: &Page, name: &str) -> Outcome {
    page.wait_for_text("concept-name", PATIENCE, |text| text == name)
        .map(|_| ())
}

fn find(page: &Page) -> Outcome {
    page.open("map?lang=en&theme=light")?;
    page.element("concept-softmax")?;
    expect_equal("concepts", page.count("[data-concept]")?, 90)?;
    // A Chinese synonym on the English page.
    page.fill("map-search", "后向传播")?;
    page.wait_for("the concept to be found", PATIENCE, || {
        page.has("found-backpropagation")
            .map(|has| has.then_some(()))
    })?;
    page.press(keys::ENTER)?;
    name_becomes(page, "Backpropagation")?;
    expect(page.count(".map-text math")? > 0, "expected formulas")?;
    page.click("locale-toggle")?;
    name_becomes(page, "反向传播")?;
    let address = page.current_address()?;
    expect(address.contains("concept=backpropagation"), address)?;
    page.click("concept-experiment")?;
    page.wait_for("the experiment", PATIENCE, || {
        let address = page.current_address()?;
        Ok((address.contains("/step/worked-2-3-1") && address.contains("lang=zh")).then_some(()))
    })?;
    page.element("equation")?;
    page.back()?;
    name_becomes(page, "反向传播")?;
    page.fill("map-search", "xyzzy")?;
    page.wait_for("nothing", PATIENCE, || {
        Ok((page.count(".map-found[role=status]")? == 1).then_some(()))
    })?;
    page.expect_clean()
}

fn focused(page: &Page) -> Result<String, String> {
    let script = "return document.activeElement.getAttribute('data-concept') || ''";
    Ok(page
        .script(script, &[])?
        .as_str()
        .unwrap_or_default()
        .to_string())
}

fn walk(page: &Page) -> Outcome {
    page.open("map?lang=en&concept=softmax")?;
    name_becomes(page, "Softmax")?;
    page.script(
        "document.querySelector('[data-testid=concept-softmax]').focus()",
        &[],
    )?;
    for (key, id) in [
        (keys::LEFT, "activation-function"),
        (keys::LEFT, "neural-network"),
        (keys::RIGHT, "activation-function"),
    ] {
        page.press(key)?;
        page.wait_for(&format!("the focus on {id}"), PATIENCE, || {
            Ok((focused(page)? == id).then_some(()))
        })?;
    }
    expect_equal(
        "the tabulator reaches",
        page.count(".map-node[tabindex='0']")?,
        1,
    )?;
    page.expect_clean()
}

fn way(page: &Page) -> Outcome {
    page.open("map?lang=en&concept=gpt&way=1")?;
    page.element("concept-path")?;
    let steps = page.count("[data-testid=concept-path] > li")?;
    expect(steps > 8, format!("{steps} steps to GPT"))?;
    let last = page.script(
        "return [...document.querySelectorAll('[data-testid=concept-path] [data-chip]')].at(-1).dataset.chip",
        &[],
    )?;
    expect_equal("the last step", last, "gpt".into())?;
    expect_equal("boxes on the way", page.count(".map-node.is-path")?, steps)?;
    page.choose("map-edges", "m1")?;
    page.wait_for("the arrows of the diagram", PATIENCE, || {
        Ok((page.count(".map-edge")? == 12).then_some(()))
    })?;
    expect_equal("concepts of the diagram", page.count("[data-concept]")?, 13)?;
    page.choose("map-edges", "needs")?;
    page.wait_for("the whole map", PATIENCE, || {
        Ok((page.count("[data-concept]")? == 90).then_some(()))
    })?;
    page.open("map?lang=en&concept=warp-drive")?;
    let text = page.text("map-unknown")?;
    expect(text.contains("warp-drive"), text)?;
    page.expect_clean()
}

fn marks(page: &Page) -> Outcome {
    page.open("map?lang=en&concept=ai")?;
    name_becomes(page, "Artificial intelligence")?;
    page.click("concept-known")?;
    page.wait_for_text("map-known-count", PATIENCE, |text| {
        text.starts_with("1 of 90")
    })?;
    page.reload()?;
    page.wait_for_text("map-known-count", PATIENCE, |text| {
        text.starts_with("1 of 90")
    })?;
    expect_equal("ticks", page.count(".map-tick")?, 1)?;
    expect(
        page.count("[data-testid=map-next] [data-chip=machine-learning]")? == 1,
        "machine learning comes next",
    )?;
    page.choose_file("known-file", "marks.json", b"[\"ai\",\"machine-learning\"]")?;
    page.wait_for_text("map-known-count", PATIENCE, |text| {
        text.starts_with("2 of 90")
    })?;
    page.choose_file("known-file", "marks.json", b"{not marks")?;
    page.wait_for("the refusal", PATIENCE, || {
        Ok((page.count("[data-testid=map-progress] [role=alert]")? == 1).then_some(()))
    })?;
    page.wait_for_text("map-known-count", PATIENCE, |text| {
        text.starts_with("2 of 90")
    })?;
    page.expect_clean()
}

fn list(page: &Page) -> Outcome {
    page.open("map?lang=zh")?;
    page.element("concept-softmax")?;
    page.click("map-view")?;
    page.element("map-list")?;
    expect_equal("rows", page.count("[data-testid=map-list] li")?, 90)?;
    page.click("concept-lstm")?;
    name_becomes(page, "长短期记忆网络")?;
    for view in ["", "&view=list"] {
        page.open(&format!("map?lang=zh&concept=transformer{view}"))?;
        name_becomes(page, "Transformer 与注意力")?;
        for width in [390, 1280, 1920] {
            page.resize((width, 844))?;
            let is_wider = "return document.documentElement.scrollWidth > innerWidth";
            expect_equal(
                &format!("wider than {width}"),
                page.script(is_wider, &[])?,
                false.into(),
            )?;
        }
    }
    page.expect_clean()
}

/// Frames a second while the map is pulled are told in the log; what is asserted is that it moves.
fn pans(page: &Page) -> Outcome {
    page.open("map?lang=en")?;
    page.element("concept-softmax")?;
    let script = "
        const frame = document.querySelector('[data-testid=map-frame]');
        const bounds = frame.getBoundingClientRect();
        const event = (type, x) => frame.dispatchEvent(new PointerEvent(type, {
            pointerId: 1, pointerType: 'touch', isPrimary: true, bubbles: true,
            clientX: bounds.left + x, clientY: bounds.top + 200 }));
        event('pointerdown', 600);
        return new Promise((done) => {
            let frames = 0;
            const start = performance.now();
            const step = (now) => {
                frames += 1;
                event('pointermove', 600 - 4 * frames);
                if (now - start < 2000) requestAnimationFrame(step);
                else { event('pointerup', 0); done(frames / ((now - start) / 1000)); }
            };
            requestAnimationFrame(step);
        })";
    let rate = page.script(script, &[])?.as_f64().unwrap_or_default();
    println!("        the map pans at {rate:.0} frames a second");
    let moved = page.script(
        "return document.querySelector('[data-testid=map-world]').style.transform",
        &[],
    )?;
    expect(
        moved.as_str().is_some_and(|transform| {
            !transform.starts_with("translate(0.0px") && !transform.starts_with("translate(-0.0px")
        }),
        format!("the map stands at {moved}"),
    )?;
    page.expect_clean()
}
