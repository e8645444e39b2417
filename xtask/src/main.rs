//! Developer commands of Glassbox: `cargo xtask <command>`.
//!
//! # Layout
//! - `tools`: finds and installs what the commands need, at pinned versions
//! - `page`: `serve`, the release build of the page, and its weight
//! - `test`: the stages of `cargo xtask test`
//! - `data`: gets the data sets
//! - `bench`: the comparison with other engines

mod bench;
mod data;
mod page;
mod test;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
Developer commands of Glassbox.

  cargo xtask serve [TRUNK ARGUMENTS]
      Installs what the page needs (first time only: 5 to 20 minutes), then runs
      `trunk serve --open`. Everything after `serve` goes to Trunk, for example
      `--release` or `--port 9000`.

  cargo xtask test [--only STAGE[,STAGE]] [-- BROWSER TEST ARGUMENTS]
      Installs what the tests need, then runs every stage:
        fmt      formatting
        clippy   lints for the native and the wasm32 target, warnings are errors
        native   unit and integration tests
        page     release build of the page, and its weight
        browser  tests in headless Chromium, on the page that was built last
      With `--only`, runs these stages alone. Arguments after `--` go to the
      browser tests, for example `-- --filter worker`.

  cargo xtask data [--from DIR]
      Gets CIFAR-10 and Fashion-MNIST, checks them, and writes the subsets the page uses.

  cargo xtask bench [--quick] [--only NAME[,NAME]] [--markdown FILE] [--skip-build]
      Compares the speed with TensorFlow.js, jax-js and PyTorch on this machine
      (about 10 minutes, with `--quick` 4; docs/PERFORMANCE.md). `--only` takes the
      groups `page`, `native` and `peers`, or rows by their names.

  cargo xtask bench --presets [NAME[,NAME]] [--skip-build]
      Trains every preset, or those named, to its target on the CPU and writes the table of
      docs/PRESETS.md (all of them: about half an hour on two cores). CIFAR-10 and
      Fashion-MNIST come from where `cargo xtask data` puts them.

  cargo xtask bench --lab [NAME[,NAME]] [--skip-build]
      Runs the instruments of the compute lab at length, holds them to their pass criteria and
      writes their tables into docs/LAB.md.

  cargo xtask help
      This text.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[] as &[String]),
    };
    let result = match command {
        "serve" => page::serve(rest),
        "test" => test::run(rest),
        "data" => data::run(rest),
        "bench" => bench::run(rest),
        // Called by Trunk at the end of every build of the page (Trunk.toml).
        "finish-page" => page::finish(),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => {
            eprintln!("cargo xtask: unknown command `{unknown}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cargo xtask {command}: {message}");
            ExitCode::FAILURE
        }
    }
}
