//! Tests of the built page in headless Chromium: `cargo xtask test --only browser`.
//!
//! # Layout
//! - `suite/`: the tests, one file a topic; `suite::all` lists them
//! - `page`: what a test can do with an open page
//! - `webdriver`: chromedriver's process and protocol
//! - `server`: serves the built page as a static host does
//! - `glassbox`: runs the command line, for its numbers
//! - `bench`: no test; the browser's part of `cargo xtask bench`
//!
//! The tests run one after the other, each in a browser of its own. Where one fails, a screenshot,
//! the document and the console stay in `tests/browser/artifacts`.

mod bench;
mod glassbox;
mod page;
mod server;
mod suite;
mod webdriver;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use page::{Launch, Page, Sites};
use server::Server;
use webdriver::Chromedriver;

/// What a test answers: nothing, or what was expected and what came.
pub type Outcome = Result<(), String>;

/// A test of the page.
pub struct Test {
    /// A sentence in snake case.
    pub name: &'static str,
    /// The time it may take, browser start included.
    pub timeout: Duration,
    /// How its browser is started.
    pub launch: Launch,
    /// The test itself.
    pub run: fn(&Page) -> Outcome,
}

const USAGE: &str = "\
usage: browser-tests [--list] [--filter PART_OF_NAME] [--screenshots]
       browser-tests bench

With --screenshots the pictures in docs/screenshots are taken anew, instead of the tests.

The page must have been built before: `cargo xtask test --only page`.";

struct Options {
    list: bool,
    filter: String,
    screenshots: bool,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("bench") {
        return match bench::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("browser tests: {message}");
                ExitCode::FAILURE
            }
        };
    }
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let tests = if options.screenshots {
        suite::pictures()
    } else {
        suite::all()
    };
    let tests: Vec<Test> = tests
        .into_iter()
        .filter(|test| test.name.contains(&options.filter))
        .collect();
    if options.list {
        tests.iter().for_each(|test| println!("{}", test.name));
        return ExitCode::SUCCESS;
    }
    match run(&tests) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("browser tests: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        list: false,
        filter: String::new(),
        screenshots: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => options.list = true,
            "--screenshots" => options.screenshots = true,
            "--filter" => {
                options.filter = arguments
                    .next()
                    .ok_or("--filter: expected a part of a test's name")?
            }
            other => return Err(format!("unexpected argument `{other}`")),
        }
    }
    Ok(options)
}

/// The folder of this package.
fn package_folder() -> PathBuf {
    // Asked when running: copies of the repository may share a folder of build outputs.
    std::env::var_os("CARGO_MANIFEST_DIR")
        .unwrap_or(env!("CARGO_MANIFEST_DIR").into())
        .into()
}

/// The repository's root.
fn repository() -> PathBuf {
    package_folder().join("../..")
}

/// The folder of cargo's build outputs.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or(repository().join("target"), |dir| repository().join(dir))
}

/// Runs the tests and returns how many failed.
fn run(tests: &[Test]) -> Result<usize, String> {
    if tests.is_empty() {
        return Err("no test has such a name; `--list` names them".to_string());
    }
    let package = package_folder();
    let sites = Sites {
        root: Server::start(&repository().join("dist"), "/")?,
        sub: Server::start(&target_dir().join("dist-sub"), "/sub/")?,
    };
    let driver = Chromedriver::start()?;
    let artifacts = Artifacts::emptied(package.join("artifacts"))?;

    let started = Instant::now();
    let mut failed = Vec::new();
    for test in tests {
        let test_started = Instant::now();
        let outcome = run_one(test, &driver, &sites, &artifacts);
        let seconds = test_started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => println!("ok      {} ({seconds:.1} s)", test.name),
            Err(message) => {
                println!(
                    "FAILED  {} ({seconds:.1} s)\n        {}",
                    test.name,
                    message.replace('\n', "\n        ")
                );
                failed.push(test.name);
            }
        }
    }
    println!(
        "\n{} passed, {} failed in {:.1} s{}",
        tests.len() - failed.len(),
        failed.len(),
        started.elapsed().as_secs_f64(),
        if failed.is_empty() {
            String::new()
        } else {
            format!(": {}", failed.join(", "))
        }
    );
    Ok(failed.len())
}

fn run_one(test: &Test, driver: &Chromedriver, sites: &Sites, artifacts: &Artifacts) -> Outcome {
    let page = Page::launch(driver, sites, test.launch, test.timeout)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| (test.run)(&page)))
        .unwrap_or_else(|_| Err("panicked; the message stands above".to_string()));
    outcome.map_err(|message| match artifacts.save(test.name, &message, &page) {
        Ok(folder) => format!("{message}\nsee {}", folder.display()),
        Err(error) => format!("{message}\nand saving a screenshot failed: {error}"),
    })
}

/// The folder for what failed tests leave behind.
struct Artifacts(PathBuf);

impl Artifacts {
    fn emptied(folder: PathBuf) -> Result<Self, String> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(Self(folder))
    }

    fn save(&self, test: &str, message: &str, page: &Page) -> Result<PathBuf, String> {
        let folder = self.0.join(test);
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        page.extend_deadline(Duration::from_secs(20));
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.join(name), bytes).map_err(|error| error.to_string())
        };
        write("message.txt", message.as_bytes())?;
        let console: Vec<String> = page
            .console()?
            .iter()
            .map(|line| format!("{line:?}"))
            .collect();
        write("console.txt", console.join("\n").as_bytes())?;
        write("document.html", page.source()?.as_bytes())?;
        write("screenshot.png", &page.screenshot()?)?;
        Ok(folder)
    }
}
