//! The command line, whose numbers the page's must equal.

use std::process::Command;

use serde_json::Value;

/// Runs the native `glassbox` and returns the JSON lines that it prints.
///
/// # Errors
/// When it is not built, or fails.
pub fn lines(arguments: &[&str]) -> Result<Vec<Value>, String> {
    let program = crate::target_dir().join("debug/glassbox");
    let output = Command::new(&program)
        .current_dir(crate::repository())
        .args(arguments)
        .output()
        .map_err(|error| {
            let program = program.display();
            format!("cannot run {program} ({error}); `cargo build --bin glassbox` makes it")
        })?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("glassbox {arguments:?}: {complaint}"));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{error} in `{line}`")))
        .collect()
}

/// The lines of one event.
pub fn of_event<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}
