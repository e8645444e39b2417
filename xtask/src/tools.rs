//! Finds and installs what the developer commands need.
//!
//! Tools built by cargo are pinned. They go where cargo puts them; but where another version is
//! already installed, that one is left alone and ours goes to `target/tools`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The newest Trunk that builds with the pinned Rust toolchain.
const TRUNK_VERSION: &str = "0.21.14";

/// The wasm target of the page and its worker.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The root folder of the repository.
///
/// Asked when running: copies of the repository may share a folder of build outputs, and then the
/// place where this program was compiled can be another copy's.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package)
        .join("..")
        .canonicalize()
        .expect("xtask lies in the repository")
}

/// The folder of cargo's build outputs.
pub fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A command that runs in the repository's root and finds the tools of `target/tools` first.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .env("PATH", search_path())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, after printing it.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn execute(command: &mut Command) -> Result<(), String> {
    let line = describe(command);
    println!("$ {line}");
    let status = command
        .status()
        .map_err(|error| format!("cannot run `{line}`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` failed ({status})"))
    }
}

/// Installs what building the page needs: the wasm target, Trunk and the wasm-bindgen program.
///
/// # Errors
/// When an installation fails.
pub fn for_the_page() -> Result<(), String> {
    install_wasm_target()?;
    install_cargo_tool("Trunk", "trunk", "trunk", TRUNK_VERSION, &["--locked"])?;
    // Without --locked: the published lock file of this program names a version of a dependency
    // that some registry mirrors lack.
    let wasm_bindgen = locked_version("wasm-bindgen")?;
    install_cargo_tool(
        "wasm-bindgen",
        "wasm-bindgen-cli",
        "wasm-bindgen",
        &wasm_bindgen,
        &[],
    )
}

/// Makes sure that there is a Vulkan driver for the tests of the GPU executor.
///
/// # Errors
/// When there is none and it cannot be installed.
pub fn for_native_tests() -> Result<(), String> {
    // Windows and macOS bring DirectX and Metal.
    if !cfg!(target_os = "linux") || vulkan_driver_found() {
        return Ok(());
    }
    install_packages("a Vulkan driver", &["mesa-vulkan-drivers"])?;
    if vulkan_driver_found() {
        Ok(())
    } else {
        Err("no Vulkan driver was found after installing one".to_string())
    }
}

/// Makes sure that there are Chromium, its driver, and a font with Chinese characters.
///
/// # Errors
/// When one is missing and cannot be installed.
pub fn for_browser_tests() -> Result<(), String> {
    let mut packages = Vec::new();
    if find_chromium().is_none() {
        packages.push("chromium");
    }
    if find_chromedriver().is_none() {
        packages.push("chromium-driver");
    }
    if cfg!(target_os = "linux") && !chinese_font_found() {
        packages.push("fonts-noto-cjk");
    }
    if packages.is_empty() {
        return Ok(());
    }
    install_packages("the browser tests", &packages)?;
    if find_chromium().is_none() || find_chromedriver().is_none() {
        return Err(
            "Chromium or chromedriver was not found after installing them; \
                    the environment variables CHROMIUM and CHROMEDRIVER may name the programs"
                .to_string(),
        );
    }
    Ok(())
}

/// Installs what a folder's `package.json` and lock file name, from npm, if it is not there as
/// they say.
///
/// # Errors
/// When npm is missing and cannot be installed, or an installation fails.
pub fn install_from_npm(folder: &str, what: &str, size: &str) -> Result<(), String> {
    let path = root().join(folder);
    let modified = |name: &str| {
        let meta = fs::metadata(path.join(name));
        meta.and_then(|meta| meta.modified()).ok()
    };
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    if find_in_path("npm").is_none() {
        install_packages(what, &["npm"])?;
    }
    println!("Installing {what} from npm into {folder} (about {size}) ...");
    execute(command("npm").current_dir(path).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]))
}

/// Makes sure that there is axe-core, with which the browser tests audit the page.
///
/// # Errors
/// When it cannot be installed.
pub fn axe() -> Result<(), String> {
    install_from_npm("tests/browser/audit", "axe-core", "3 MB")
}

/// A Python that has PyTorch.
///
/// # Errors
/// When there is none and PyTorch cannot be installed.
pub fn python_with_torch() -> Result<PathBuf, String> {
    let find = || {
        ["python3", "python", "/usr/bin/python3"]
            .into_iter()
            .find(|python| {
                let mut import = command(python);
                import.args(["-c", "import torch"]).stderr(Stdio::null());
                import.status().is_ok_and(|status| status.success())
            })
            .map(PathBuf::from)
    };
    if let Some(python) = find() {
        return Ok(python);
    }
    install_packages("PyTorch", &["python3-torch"])?;
    find().ok_or_else(|| "no Python imports torch after installing it".to_string())
}

/// Tells a program by its environment which browser to use.
pub fn name_browser(program: &mut Command) {
    for (variable, path) in [
        ("CHROMIUM", find_chromium()),
        ("CHROMEDRIVER", find_chromedriver()),
    ] {
        if let Some(path) = path {
            program.env(variable, path);
        }
    }
}

/// The Chromium or Chrome to test with.
pub fn find_chromium() -> Option<PathBuf> {
    find_program(
        "CHROMIUM",
        &[
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
        ],
    )
}

/// The chromedriver to test with.
pub fn find_chromedriver() -> Option<PathBuf> {
    find_program("CHROMEDRIVER", &["chromedriver"])
}

fn install_wasm_target() -> Result<(), String> {
    let libraries =
        output_of(command("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    println!("Installing the wasm target of the Rust toolchain (under a minute) ...");
    execute(command("rustup").args(["target", "add", WASM_TARGET])).map_err(|error| {
        format!("{error}\nThe Rust toolchain lacks the target {WASM_TARGET}, and rustup could not add it")
    })
}

/// Installs `package` with cargo unless `program --version` already says `version`.
fn install_cargo_tool(
    name: &str,
    package: &str,
    program: &str,
    version: &str,
    options: &[&str],
) -> Result<(), String> {
    let installed = installed_version(program);
    if installed.as_deref() == Some(version) {
        return Ok(());
    }
    println!("Installing {name} {version} (built from source: 1 to 10 minutes) ...");
    let started = Instant::now();
    let mut install = command("cargo");
    install
        .args(["install", package, "--version", &format!("={version}")])
        .args(options);
    if let Some(other) = installed {
        let own = own_tools();
        println!(
            "{name} {other} is installed and stays as it is; {version} goes to {}.",
            own.display()
        );
        install.arg("--force").arg("--root").arg(own);
    }
    // The tools run for seconds; building them cheaply saves a quarter of an hour on two cores.
    install
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    execute(&mut install)?;
    match installed_version(program) {
        Some(found) if found == version => {
            println!(
                "Installed {name} {version} in {} s.",
                started.elapsed().as_secs()
            );
            Ok(())
        }
        found => Err(format!(
            "{name}: expected version {version} after installing it, `{program} --version` says {found:?}; \
             is cargo's bin folder in PATH?"
        )),
    }
}

fn installed_version(program: &str) -> Option<String> {
    let output = command(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().nth(1).map(str::to_string)
}

/// The version of a package in Cargo.lock.
fn locked_version(package: &str) -> Result<String, String> {
    let path = root().join("Cargo.lock");
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    version_in_lock(&text, package)
        .ok_or_else(|| format!("{} names no package `{package}`", path.display()))
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')?;
    Some(version.to_string())
}

/// Installs Debian packages, or says what to install where there is no apt.
fn install_packages(purpose: &str, packages: &[&str]) -> Result<(), String> {
    let list = packages.join(" ");
    if find_in_path("apt-get").is_none() {
        return Err(format!(
            "{purpose}: missing {}",
            packages
                .iter()
                .map(|p| advice(p))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    println!("Installing {list} for {purpose} (about 1 to 5 minutes) ...");
    execute(&mut apt_get(&["update"]))
        .and_then(|()| {
            execute(apt_get(&["install", "--yes", "--no-install-recommends"]).args(packages))
        })
        .map_err(|error| {
            format!(
                "{error}\n{purpose}: expected to install the packages {list}; please install them"
            )
        })
}

/// What to install where there is no apt, for a Debian package.
fn advice(package: &str) -> &str {
    match package {
        "chromium" => "Chromium or Chrome (in PATH, or named by the environment variable CHROMIUM)",
        "chromium-driver" => {
            "chromedriver of the same version as Chromium (in PATH, or named by the environment variable CHROMEDRIVER)"
        }
        "mesa-vulkan-drivers" => "a Vulkan driver (for a machine without a GPU: Mesa's lavapipe)",
        "npm" => "Node.js with npm",
        "python3-torch" => "Python 3 with PyTorch",
        "fonts-noto-cjk" => "a font with Chinese characters (Noto Sans CJK)",
        other => other,
    }
}

fn apt_get(arguments: &[&str]) -> Command {
    let is_root = output_of(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut apt = if is_root || find_in_path("sudo").is_none() {
        command("apt-get")
    } else {
        let mut sudo = command("sudo");
        // A person may be asked for the password; a machine must not wait for one.
        if env::var_os("CI").is_some() {
            sudo.arg("--non-interactive");
        } else {
            sudo.stdin(Stdio::inherit());
        }
        sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

fn vulkan_driver_found() -> bool {
    let named = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
        .iter()
        .any(|name| env::var_os(name).is_some());
    named
        || [
            "/usr/share/vulkan/icd.d",
            "/usr/local/share/vulkan/icd.d",
            "/etc/vulkan/icd.d",
            "/run/opengl-driver/share/vulkan/icd.d",
        ]
        .iter()
        .any(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

fn chinese_font_found() -> bool {
    output_of(Command::new("fc-list").arg(":lang=zh-cn"))
        .is_ok_and(|fonts| !fonts.trim().is_empty())
}

fn find_program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    match env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => names.iter().find_map(|name| find_in_path(name)),
    }
}

fn find_in_path(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&search_path())
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

fn own_tools() -> PathBuf {
    target_dir().join("tools")
}

fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(own_tools().join("bin")).chain(env::split_paths(&path));
    env::join_paths(folders).unwrap_or(path)
}

fn output_of(command: &mut Command) -> Result<String, String> {
    let line = describe(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run `{line}`: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{line}` failed ({})", output.status))
    }
}

fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::version_in_lock;

    const LOCK: &str = "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n\
                        [[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.2.131\"\n";

    #[test]
    fn the_locked_version_is_that_of_the_exact_package_name() {
        assert_eq!(
            version_in_lock(LOCK, "wasm-bindgen").as_deref(),
            Some("0.2.130")
        );
        assert_eq!(
            version_in_lock(LOCK, "wasm-bindgen-macro").as_deref(),
            Some("0.2.131")
        );
        assert_eq!(version_in_lock(LOCK, "wasm"), None);
    }
}
