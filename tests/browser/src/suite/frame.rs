//! Navigation, language, theme and messages: what is on every page.

use std::time::Duration;

use serde_json::json;

use crate::page::{Launch, PATIENCE, Page, expect, expect_equal};
use crate::{Outcome, Test};

use super::run::{LONG, open_ready, step_once};

pub fn tests() -> Vec<Test> {
    let test = |name, run| Test {
        name,
        timeout: Duration::from_secs(90),
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        test("navigation_keeps_language_and_theme", navigation_keeps),
        test("language_follows_the_toggle", language_follows),
        test("theme_goes_through_its_choices", theme_goes_round),
        test("pages_that_do_not_exist_say_so", missing_pages_say_so),
        test("no_page_is_wider_than_its_view", no_page_is_wider),
    ]
}

fn root_attribute(page: &Page, name: &str) -> Result<Option<String>, String> {
    let value = page.script(
        "return document.documentElement.getAttribute(arguments[0])",
        &[json!(name)],
    )?;
    Ok(value.as_str().map(str::to_string))
}

fn title(page: &Page) -> Result<String, String> {
    let title = page.script("return document.title", &[])?;
    Ok(title.as_str().unwrap_or_default().to_string())
}

fn route_becomes(page: &Page, route: &str) -> Outcome {
    page.wait_for(&format!("the page {route}"), PATIENCE, || {
        let shown = page.attribute("page", "data-route")?;
        Ok(shown.filter(|shown| shown == route))
    })
    .map(drop)
}

fn navigation_keeps(page: &Page) -> Outcome {
    page.open("?lang=zh&theme=dark")?;
    page.click("door-train")?;
    route_becomes(page, "/train/lenet5-mnist")?;
    expect(
        page.current_address()?
            .ends_with("/train/lenet5-mnist?lang=zh&theme=dark"),
        page.current_address()?,
    )?;
    page.back()?;
    route_becomes(page, "/")?;
    page.click_on(".app-nav a[href*='about']")?;
    route_becomes(page, "/about")?;
    let address = page.current_address()?;
    expect(address.ends_with("/about?lang=zh&theme=dark"), address)?;
    page.expect_clean()
}

fn language_follows(page: &Page) -> Outcome {
    page.open("about")?;
    page.element("locale-toggle")?;
    expect_equal("lang", root_attribute(page, "lang")?.as_deref(), Some("en"))?;
    let english = title(page)?;
    page.click("locale-toggle")?;
    page.wait_for("Chinese", PATIENCE, || {
        Ok(root_attribute(page, "lang")?.filter(|lang| lang == "zh-CN"))
    })?;
    expect(title(page)? != english, "the title stayed English")?;
    let address = page.current_address()?;
    expect(address.ends_with("/about?lang=zh"), address)?;
    page.reload()?;
    page.wait_for("Chinese after loading again", PATIENCE, || {
        Ok(root_attribute(page, "lang")?.filter(|lang| lang == "zh-CN"))
    })?;
    page.expect_clean()
}

fn theme_goes_round(page: &Page) -> Outcome {
    let background = || {
        page.script(
            "return getComputedStyle(document.body).backgroundColor",
            &[],
        )
    };
    page.emulate_media(&[("prefers-color-scheme", "light")])?;
    page.open("about")?;
    let mut backgrounds = Vec::new();
    for theme in [Some("light"), Some("dark"), None] {
        page.click("theme-toggle")?;
        page.wait_for(&format!("the theme {theme:?}"), PATIENCE, || {
            let now = root_attribute(page, "data-theme")?;
            Ok((now.as_deref() == theme).then_some(()))
        })?;
        backgrounds.push(background()?);
    }
    let [light, dark, automatic] = &backgrounds[..] else {
        unreachable!("one for each theme");
    };
    expect(light != dark, format!("light and dark are both {light}"))?;
    expect_equal("automatic in a light system", automatic, light)?;
    page.emulate_media(&[("prefers-color-scheme", "dark")])?;
    expect_equal("automatic in a dark system", &background()?, dark)?;
    let address = page.current_address()?;
    expect(address.ends_with("/about"), address)?;
    page.expect_clean()
}

fn missing_pages_say_so(page: &Page) -> Outcome {
    for path in ["learn/13", "learn/x17", "learn/nothing"] {
        page.open(path)?;
        let text = page.text("learn-unknown")?;
        expect(text.contains(path.trim_start_matches("learn/")), text)?;
    }
    page.open("nowhere/at/all")?;
    let text = page.text("not-found")?;
    expect(text.contains("/nowhere/at/all"), text)?;
    page.expect_clean()
}

fn no_page_is_wider(page: &Page) -> Outcome {
    let widths = [390, 1280, 1920];
    let fits = |what: &str| {
        for width in widths {
            page.resize((width, 844))?;
            page.wait_for(&format!("{what} to fit into {width}"), PATIENCE, || {
                let script = "scrollTo(10_000, 0);
                    const { scrollWidth } = document.documentElement;
                    return innerWidth === arguments[0] && scrollX === 0 && scrollWidth <= innerWidth";
                let fits = page.script(script, &[json!(width)])?;
                Ok((fits == true).then_some(()))
            })?;
        }
        Ok::<(), String>(())
    };
    for path in ["", "about", "map", "train/lenet9", "nowhere"] {
        for lang in ["en", "zh"] {
            page.open(&format!("{path}?lang={lang}"))?;
            page.element("page")?;
            fits(&format!("/{path} in {lang}"))?;
        }
    }
    for lang in ["en", "zh"] {
        // With everything on it: digits, verdicts, curves, a prediction, messages.
        open_ready(
            page,
            &format!("train/lenet5-mnist?device=cpu&lr=fast&lang={lang}"),
        )?;
        page.click("draw-sample")?;
        page.wait_for_number("metric-held-out-accuracy", LONG, |_| true)?;
        step_once(page)?;
        fits(&format!("the training page in {lang}"))?;
    }
    page.expect_clean()
}
