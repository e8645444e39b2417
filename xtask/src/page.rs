//! The page: serving it, building it for release, and weighing it.

use crate::tools::{self, command, execute, root, target_dir};
use flate2::{Compression, write::GzEncoder};
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What opening a page may load: its program, its engine, styles and documents after gzip, data apart.
const WEIGHT_LIMIT_BYTES: usize = 1_500_000;

/// The site's programs, each with the engine that works for it. An address loads one of them (`start.js`).
const PROGRAMS: [&[&str]; 3] = [
    &["glassbox", "worker"],
    &["lab", "lab_worker"],
    &["course", "course_worker"],
];

/// The only sources the page loads anything from: its own origin.
///
/// `wasm-unsafe-eval` allows WebAssembly and nothing else; `data:` and `blob:` images are
/// pictures the page itself makes.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; \
    frame-src 'self'; \
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
    let mut files = Vec::new();
    for path in program_files(folder)? {
        let bytes =
            fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let weight = gzip_size(&bytes)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{weight:>9}  {:>9} raw  {name}", bytes.len());
        files.push((name.into_owned(), weight));
    }
    for programs in PROGRAMS {
        let total = weight_with(&files, programs)?;
        let names = programs.join(" and ");
        println!("{total:>9} bytes after gzip with {names}, at most {WEIGHT_LIMIT_BYTES}");
        if total > WEIGHT_LIMIT_BYTES {
            return Err(format!(
                "a page with {names} weighs {total} bytes after gzip, expected at most {WEIGHT_LIMIT_BYTES}"
            ));
        }
    }
    Ok(())
}

/// What is loaded with some of the programs: their files, and all that belong to none.
fn weight_with(files: &[(String, usize)], programs: &[&str]) -> Result<usize, String> {
    let mut total = 0;
    let mut found = 0;
    for (name, weight) in files {
        let program = program_of(name);
        if program.is_none_or(|program| programs.contains(&program)) {
            total += weight;
        }
        if name.ends_with(".wasm") && program.is_some_and(|program| programs.contains(&program)) {
            found += 1;
        }
    }
    match found == programs.len() {
        true => Ok(total),
        false => Err(format!(
            "expected {} wasm files for {}, found {found}",
            programs.len(),
            programs.join(" and ")
        )),
    }
}

/// The program that a file belongs to: its wasm and the module around it, whose names may carry a hash, and the style
/// sheets that `start.js` loads for it.
fn program_of(name: &str) -> Option<&'static str> {
    if let Some(sheet) = name.strip_suffix(".css") {
        return match sheet {
            "map" | "course" | "widgets" | "exercises" => Some("course"),
            sheet if sheet == "lab" || sheet.starts_with("lab_") => Some("lab"),
            _ => None,
        };
    }
    let stem = name
        .strip_suffix("_bg.wasm")
        .or_else(|| name.strip_suffix(".js"))?;
    let mut programs = PROGRAMS.into_iter().flatten().copied();
    programs.find(|program| {
        let rest = stem.strip_prefix(program);
        rest.is_some_and(|rest| {
            let hash = rest.strip_prefix('-');
            rest.is_empty()
                || hash.is_some_and(|hash| hash.chars().all(|digit| digit.is_ascii_hexdigit()))
        })
    })
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
    Ok(files)
}

fn gzip_size(bytes: &[u8]) -> Result<usize, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    Ok(compressed.map_err(|error| format!("gzip: {error}"))?.len())
}

#[cfg(test)]
mod tests {
    use super::{program_of, weight_with, with_security_policy};

    #[test]
    fn files_belong_to_the_program_of_their_name() {
        for (name, program) in [
            ("glassbox-ea7daaec3619f5b7_bg.wasm", Some("glassbox")),
            ("glassbox-ea7daaec3619f5b7.js", Some("glassbox")),
            ("worker_bg.wasm", Some("worker")),
            ("lab_worker_bg.wasm", Some("lab_worker")),
            ("lab.js", Some("lab")),
            ("course_worker.js", Some("course_worker")),
            ("lab.css", Some("lab")),
            ("lab_measure.css", Some("lab")),
            ("map.css", Some("course")),
            ("train-0f.css", None),
            ("worker-start.js", None),
            ("start.js", None),
            ("index.html", None),
        ] {
            assert_eq!(program_of(name), program, "{name}");
        }
    }

    #[test]
    fn a_page_weighs_its_own_programs_and_what_all_share() {
        let files = [
            ("lab_bg.wasm", 1),
            ("lab_worker_bg.wasm", 2),
            ("worker_bg.wasm", 4),
            ("a.css", 8),
        ];
        let files = files.map(|(name, weight)| (name.to_string(), weight));
        assert_eq!(weight_with(&files, &["lab", "lab_worker"]), Ok(11));
        assert!(weight_with(&files, &["glassbox", "worker"]).is_err());
    }

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
