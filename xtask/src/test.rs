//! `cargo xtask test`: every check, stage by stage.

use crate::page;
use crate::tools::{self, WASM_TARGET, command, execute};
use std::time::{Duration, Instant};

/// One stage: its name, and what it does with the arguments for the browser tests.
type Stage = (&'static str, fn(&[String]) -> Result<(), String>);

const STAGES: [Stage; 5] = [
    ("fmt", fmt),
    ("clippy", clippy),
    ("native", native),
    ("page", build_page),
    ("browser", browser),
];

/// Runs the stages, all of them even after one has failed.
///
/// # Errors
/// When the arguments are not understood, or a stage fails.
fn run_stages(chosen: &[Stage], browser_arguments: &[String]) -> Result<(), String> {
    let started = Instant::now();
    let mut results: Vec<(&str, Duration, Result<(), String>)> = Vec::new();
    for (name, stage) in chosen {
        let page_failed = results
            .iter()
            .any(|(name, _, result)| *name == "page" && result.is_err());
        println!("\n=== {name}");
        let stage_started = Instant::now();
        let result = if *name == "browser" && page_failed {
            Err("not run, because the page was not built".to_string())
        } else {
            stage(browser_arguments)
        };
        if let Err(message) = &result {
            eprintln!("{name}: {message}");
        }
        results.push((name, stage_started.elapsed(), result));
    }

    println!();
    for (name, duration, result) in &results {
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        println!("{name:<8} {verdict}  {:>6.1} s", duration.as_secs_f64());
    }
    let failed: Vec<&str> = results
        .iter()
        .filter(|(.., result)| result.is_err())
        .map(|(name, ..)| *name)
        .collect();
    let seconds = started.elapsed().as_secs();
    if failed.is_empty() {
        println!(
            "cargo xtask test: {} of {} stages passed in {seconds} s",
            results.len(),
            results.len()
        );
        Ok(())
    } else {
        Err(format!(
            "{} of {} stages failed in {seconds} s: {}",
            failed.len(),
            results.len(),
            failed.join(", ")
        ))
    }
}

/// Parses the arguments and runs the stages they ask for.
///
/// # Errors
/// When the arguments are not understood, or a stage fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (own, browser_arguments) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => (&arguments[..at], &arguments[at + 1..]),
        None => (arguments, &[] as &[String]),
    };
    run_stages(&chosen_stages(own)?, browser_arguments)
}

fn chosen_stages(arguments: &[String]) -> Result<Vec<Stage>, String> {
    let names = match arguments {
        [] => return Ok(STAGES.to_vec()),
        [option, names] if option == "--only" => names,
        other => {
            return Err(format!(
                "expected nothing or `--only STAGE[,STAGE]`, got `{}`",
                other.join(" ")
            ));
        }
    };
    names
        .split(',')
        .map(|wanted| {
            STAGES
                .iter()
                .copied()
                .find(|(name, _)| *name == wanted)
                .ok_or_else(|| {
                    let known: Vec<&str> = STAGES.iter().map(|(name, _)| *name).collect();
                    format!(
                        "unknown stage `{wanted}`, expected one of {}",
                        known.join(", ")
                    )
                })
        })
        .collect()
}

fn fmt(_: &[String]) -> Result<(), String> {
    execute(command("cargo").args(["fmt", "--all", "--check"]))
}

fn clippy(_: &[String]) -> Result<(), String> {
    tools::for_the_page()?;
    let native = execute(command("cargo").args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]));
    let wasm = execute(
        command("cargo")
            .args([
                "clippy",
                "--package",
                "glassbox",
                "--lib",
                "--bins",
                "--target",
                WASM_TARGET,
            ])
            .args(["--", "-D", "warnings"]),
    );
    native.and(wasm)
}

fn native(_: &[String]) -> Result<(), String> {
    tools::for_native_tests()?;
    execute(command("cargo").args(["test", "--workspace", "--exclude", "browser-tests"]))
}

fn build_page(_: &[String]) -> Result<(), String> {
    tools::for_the_page()?;
    page::build()
}

fn browser(arguments: &[String]) -> Result<(), String> {
    tools::for_browser_tests()?;
    tools::axe()?;
    // The page's numbers are compared with the command line's.
    execute(command("cargo").args(["build", "--quiet", "--bin", "glassbox"]))?;
    let mut tests = command("cargo");
    tests
        .args(["run", "--quiet", "--package", "browser-tests", "--"])
        .args(arguments);
    tools::name_browser(&mut tests);
    execute(&mut tests)
}

#[cfg(test)]
mod tests {
    use super::chosen_stages;

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| argument.to_string())
            .collect();
        Ok(chosen_stages(&arguments)?
            .iter()
            .map(|(name, _)| *name)
            .collect())
    }

    #[test]
    fn stages_are_chosen_by_name() {
        assert_eq!(names(&[]).unwrap().len(), 5);
        assert_eq!(
            names(&["--only", "page,browser"]).unwrap(),
            ["page", "browser"]
        );
        assert!(
            names(&["--only", "pages"])
                .unwrap_err()
                .contains("fmt, clippy")
        );
        assert!(names(&["--quick"]).is_err());
    }
}
