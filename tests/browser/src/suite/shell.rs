//! The page starts wherever it is served, keeps to its own host, and reaches its engine.

use std::time::Duration;

use crate::page::{Launch, PATIENCE, Page, Site, expect, expect_equal};
use crate::{Outcome, Test};

const TIMEOUT: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Test> {
    let with_webgpu = |name, run| Test {
        name,
        timeout: TIMEOUT,
        launch: Launch::DEFAULT,
        run,
    };
    vec![
        with_webgpu("page_opens_at_the_root_of_a_host", opens_at_the_root),
        with_webgpu("page_opens_below_a_sub_path", opens_below_a_sub_path),
        with_webgpu(
            "deep_link_opens_at_the_root_of_a_host",
            deep_link_at_the_root,
        ),
        with_webgpu(
            "deep_link_opens_below_a_sub_path",
            deep_link_below_a_sub_path,
        ),
        with_webgpu(
            "security_policy_blocks_inline_scripts",
            policy_blocks_inline_scripts,
        ),
        with_webgpu(
            "console_check_sees_errors_and_foreign_requests",
            checks_see_what_they_should,
        ),
        with_webgpu("browser_has_an_adapter", has_an_adapter),
        Test {
            launch: Launch::WITHOUT_ADAPTER,
            ..with_webgpu("page_starts_without_an_adapter", starts_without_an_adapter)
        },
        Test {
            launch: Launch::WITHOUT_WEBGPU,
            ..with_webgpu("page_starts_without_webgpu", starts_without_webgpu)
        },
    ]
}

fn opens_at_the_root(page: &Page) -> Outcome {
    opens(page, Site::Root, "", "/")
}

fn opens_below_a_sub_path(page: &Page) -> Outcome {
    opens(page, Site::Sub, "", "/")
}

fn deep_link_at_the_root(page: &Page) -> Outcome {
    opens(
        page,
        Site::Root,
        "train/lenet5-mnist?seed=7",
        "/train/lenet5-mnist",
    )
}

fn deep_link_below_a_sub_path(page: &Page) -> Outcome {
    opens(
        page,
        Site::Sub,
        "train/lenet5-mnist?seed=7",
        "/train/lenet5-mnist",
    )
}

fn opens(page: &Page, site: Site, path: &str, route: &str) -> Outcome {
    page.open_at(site, path)?;
    let shown = page.attribute("page", "data-route")?;
    expect_equal("route", shown.as_deref(), Some(route))?;
    engine_becomes(page, "ready", PATIENCE)?;
    expect_equal("address", page.current_address()?, page.address(site, path))?;
    page.expect_clean()
}

/// Waits until the page stands with the engine as wanted: `starting`, `ready` or `lost`.
pub fn engine_becomes(page: &Page, state: &str, patience: Duration) -> Outcome {
    page.wait_for(&format!("the engine to be {state}"), patience, || {
        let now = page.attribute("engine-status", "data-state")?;
        Ok(now.filter(|now| now == state))
    })
    .map(drop)
}

fn policy_blocks_inline_scripts(page: &Page) -> Outcome {
    page.open("")?;
    page.element("page")?;
    page.script(
        "const script = document.createElement('script');
         script.textContent = 'window.inlineScriptRan = true';
         document.body.append(script);",
        &[],
    )?;
    let ran = page.script("return window.inlineScriptRan === true", &[])?;
    expect(
        ran == false,
        "an inline script ran; expected the security policy to block it",
    )
}

/// The control of `expect_clean`.
fn checks_see_what_they_should(page: &Page) -> Outcome {
    page.open("")?;
    engine_becomes(page, "ready", PATIENCE)?;
    page.expect_clean()?;
    page.script("console.error('on purpose')", &[])?;
    expect(
        page.expect_clean().is_err(),
        "an error in the console went unnoticed",
    )?;
    page.script("fetch('https://example.invalid/').catch(() => {})", &[])?;
    page.wait_for(
        "a complaint about the request to another host",
        PATIENCE,
        || {
            Ok(page
                .console()?
                .into_iter()
                .find(|line| line.text.contains("Content Security Policy")))
        },
    )
    .map(drop)
}

/// What the page's own thread sees of WebGPU: `missing`, `no adapter` or `adapter`.
fn webgpu(page: &Page) -> Result<String, String> {
    let script = "return navigator.gpu
        ? navigator.gpu.requestAdapter().then((adapter) => adapter ? 'adapter' : 'no adapter')
        : 'missing'";
    Ok(page
        .script(script, &[])?
        .as_str()
        .unwrap_or_default()
        .to_string())
}

fn has_an_adapter(page: &Page) -> Outcome {
    page.open("")?;
    expect_equal("WebGPU", webgpu(page)?.as_str(), "adapter")
}

fn starts_without_an_adapter(page: &Page) -> Outcome {
    page.open("")?;
    expect_equal("WebGPU", webgpu(page)?.as_str(), "no adapter")?;
    engine_becomes(page, "ready", PATIENCE)
}

fn starts_without_webgpu(page: &Page) -> Outcome {
    page.open("")?;
    expect_equal("WebGPU", webgpu(page)?.as_str(), "missing")?;
    engine_becomes(page, "ready", PATIENCE)?;
    page.expect_clean()
}
