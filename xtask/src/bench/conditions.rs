//! What the figures were measured on.

use std::fs;
use std::thread;
use std::time::Duration;

use super::engines::parse_json;
use crate::tools::{command, root};

/// Above it, other programs disturb the measurement.
const LOAD_LIMIT_PERCENT: f64 = 10.0;

/// Cores and processor.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, {}", processor())
}

/// The pinned versions of the engines from npm.
pub fn peer_versions() -> String {
    let path = root().join("bench/peers/package.json");
    let text = fs::read_to_string(&path).map_err(|error| error.to_string());
    match text.and_then(|text| parse_json(&text)) {
        Ok(package) => {
            let version = |name: &str| package["dependencies"][name].as_str().unwrap_or("?");
            format!(
                "TensorFlow.js {}, jax-js {}",
                version("@tensorflow/tfjs-core"),
                version("@jax-js/jax")
            )
        }
        Err(message) => format!("{}: {message}", path.display()),
    }
}

/// How much of the processor was in use while this program waited (Linux only).
pub fn load() -> Option<String> {
    let busy = busy_percent()?;
    let remark = if busy > LOAD_LIMIT_PERCENT {
        ": the figures are rough"
    } else {
        ""
    };
    Some(format!(
        "before the first round other programs took {busy:.0} % of the processor time{remark}"
    ))
}

/// The processor's name.
fn processor() -> String {
    let from_proc = || {
        let info = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let from_sysctl = || {
        let output = command("sysctl")
            .args(["-n", "machdep.cpu.brand_string"])
            .output()
            .ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    from_proc()
        .or_else(from_sysctl)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("unknown {} processor", std::env::consts::ARCH))
}

/// The share of the processor time that was in use during two seconds of waiting.
fn busy_percent() -> Option<f64> {
    let times = || -> Option<(f64, f64)> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields: Vec<f64> = stat
            .lines()
            .next()?
            .split_whitespace()
            .skip(1)
            .filter_map(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait ...
        Some((fields.iter().sum(), fields.get(3)? + fields.get(4)?))
    };
    let (total_before, idle_before) = times()?;
    thread::sleep(Duration::from_secs(2));
    let (total, idle) = times()?;
    Some(100.0 * (1.0 - (idle - idle_before) / (total - total_before)))
}
