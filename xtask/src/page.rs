//! The page: serving it, building it for release, and weighing it.

use crate::tools::{self, command, execute, root, target_dir};
use flate2::{Compression, write::GzEncoder};
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the page may weigh: program, styles and documents after gzip, data apart.
const WEIGHT_LIMIT_BYTES: usize = 1_500_000;

/// The only sources the page loads anything from: its own origin.
///
/// `wasm-unsafe-eval` allows WebAssembly and nothing else; `data:` and `blob:` images are
/// pictures the page itself makes.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; \
    style-src 'self'; \
    img-src 'self' data: blob:; \
    font-src 'self'; \
    connect-src 'self'; \
    base-uri 'self'; \
    form-action 'none'";

/// The sub-path below which the second copy of the page lies, for the browser tests.
const SUB_PATH: &str = "/sub/";

/// Installs what is missing and serves the page.
///
/// # Errors
/// When an installation, or Trunk, fails.
pub fn serve(arguments: &[String]) -> Result<(), String> {
    tools::for_the_page()?;
    if !root().join("assets/data/cifar10").is_dir() {
        println!("CIFAR-10 is not here; the page will say so. `cargo xtask data` gets it.");
    }
    println!("Building and serving the page (the first build takes some minutes) ...");
    let mut trunk = trunk("serve");
    trunk.arg("--open").args(arguments).stdin(Stdio::inherit());
    if arguments.iter().any(|argument| argument == "--release") {
        // Trunk's reload script is inline, which the release page's security policy forbids.
        trunk.arg("--no-autoreload");
    }
    execute(&mut trunk)
}

/// Builds the release page into `dist`, and once more for a sub-path, and weighs it.
///
/// # Errors
/// When a build fails or the page is too heavy.
pub fn build() -> Result<(), String> {
    execute(trunk("build").arg("--release"))?;
    // The same programs again (cargo has nothing to do), in a document that lies below a folder.
    let sub = target_dir().join("dist-sub");
    fs::create_dir_all(&sub)
        .map_err(|error| format!("cannot create {}: {error}", sub.display()))?;
    execute(
        trunk("build")
            .args(["--release", "--public-url", SUB_PATH, "--dist"])
            .arg(sub),
    )?;
    check_weight(&root().join("dist"))
}

/// Finishes a page that Trunk has just built: the security policy, and a copy for deep links.
///
/// Static hosts answer an unknown path with `404.html`, so a copy of the page under that name
/// makes links like `/train/lenet5-mnist` work.
///
/// # Errors
/// When it is not Trunk that called, or a file cannot be read or written.
pub fn finish() -> Result<(), String> {
    let variable = |name: &str| {
        env::var(name).map_err(|_| format!("{name} is not set; Trunk calls this command"))
    };
    let folder = PathBuf::from(variable("TRUNK_STAGING_DIR")?);
    let index = folder.join("index.html");
    let mut html = fs::read_to_string(&index)
        .map_err(|error| format!("cannot read {}: {error}", index.display()))?;
    if variable("TRUNK_PROFILE")? == "release" {
        html = with_security_policy(&html)?;
    }
    for path in [index, folder.join("404.html")] {
        fs::write(&path, &html)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

fn with_security_policy(html: &str) -> Result<String, String> {
    // The policy holds for what follows it, so it stands first.
    let head = "<head>";
    if html.matches(head).count() != 1 {
        return Err(format!(
            "expected one {head} in index.html to put the security policy after"
        ));
    }
    let policy = format!(
        "{head}\n<meta http-equiv=\"Content-Security-Policy\" content=\"{CONTENT_SECURITY_POLICY}\">"
    );
    Ok(html.replacen(head, &policy, 1))
}

fn trunk(subcommand: &str) -> Command {
    let mut trunk = command("trunk");
    // Trunk refuses NO_COLOR=1, which other programs read as "yes".
    trunk
        .args([subcommand, "--skip-version-check"])
        .env_remove("NO_COLOR");
    trunk
}

fn check_weight(folder: &Path) -> Result<(), String> {
    let mut total = 0;
    for path in program_files(folder)? {
        let bytes =
            fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let weight = gzip_size(&bytes)?;
        total += weight;
        println!(
            "{weight:>9}  {:>9} raw  {}",
            bytes.len(),
            path.file_name().unwrap_or_default().to_string_lossy()
        );
    }
    println!("{total:>9} bytes after gzip, at most {WEIGHT_LIMIT_BYTES}");
    if total > WEIGHT_LIMIT_BYTES {
        return Err(format!(
            "the page weighs {total} bytes after gzip, expected at most {WEIGHT_LIMIT_BYTES}"
        ));
    }
    Ok(())
}

/// The files of the page itself; `404.html` is the same document again.
fn program_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension().is_some_and(|kind| {
                ["wasm", "js", "html", "css"]
                    .iter()
                    .any(|known| kind == *known)
            })
        })
        .filter(|path| path.file_name().is_some_and(|name| name != "404.html"))
        .collect();
    files.sort();
    let programs = files
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "wasm"))
        .count();
    if programs != 2 {
        return Err(format!(
            "expected 2 wasm files (page and worker) in {}, found {programs}",
            folder.display()
        ));
    }
    Ok(files)
}

fn gzip_size(bytes: &[u8]) -> Result<usize, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    Ok(compressed.map_err(|error| format!("gzip: {error}"))?.len())
}

#[cfg(test)]
mod tests {
    use super::with_security_policy;

    #[test]
    fn the_security_policy_stands_first_in_the_head() {
        let html = with_security_policy("<html><head><script src=x></script></head></html>")
            .expect("one head");
        assert!(html.find("Content-Security-Policy") < html.find("<script"));
        assert!(!html.contains("unsafe-inline") && !html.contains("'unsafe-eval'"));
    }

    #[test]
    fn a_document_without_head_is_refused() {
        assert!(with_security_policy("<html></html>").is_err());
    }
}
