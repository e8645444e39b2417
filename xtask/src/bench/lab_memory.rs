//! Bytes of a training step with and without recomputation, as counted from its plan.

use serde_json::Value;

use super::presets::lines;
use super::report::table;

/// A network, and every how many layers an output is kept.
const STEPS: [(&str, &str); 2] = [("lenet5-mnist", "3"), ("resnet-s", "4")];

/// Counts them for the CPU executor; nothing is timed.
///
/// # Errors
/// When the program cannot be run, recomputation takes more bytes at the peak, or it takes no more work.
pub fn memory() -> Result<String, String> {
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    for (preset, every) in STEPS {
        let arguments = [
            "memory",
            preset,
            "--device",
            "cpu",
            "--optimizer",
            "adam",
            "--batch",
            "64",
            "--recompute",
            every,
            "--json",
        ];
        let lines = lines(&arguments.map(String::from))?;
        let found: Vec<&Value> = lines
            .iter()
            .filter(|line| line["event"] == "memory")
            .collect();
        let [plain, again] = found[..] else {
            return Err(format!(
                "{preset}: expected a step without recomputation, and one with"
            ));
        };
        let figure = |line: &Value, key: &str| {
            let figure = line[key].as_u64();
            figure.ok_or_else(|| format!("{preset}: expected a number of {key}"))
        };
        let [bytes, bytes_again] = [figure(plain, "peak_bytes")?, figure(again, "peak_bytes")?];
        let [flops, flops_again] = [figure(plain, "flops")?, figure(again, "flops")?];
        if bytes_again > bytes || flops_again <= flops {
            missed.push(format!(
                "{preset}: {bytes} bytes and {flops} FLOPs, {bytes_again} and {flops_again} with recomputation"
            ));
        }
        let mut row = vec![preset.to_string(), every.to_string()];
        row.extend([bytes, bytes_again, flops, flops_again].map(thousands));
        rows.push(row);
    }
    if !missed.is_empty() {
        return Err(missed.join("; "));
    }
    let head = [
        "network",
        "k",
        "bytes alive at the peak",
        "with recomputation",
        "FLOPs a step",
        "with recomputation",
    ];
    Ok(table(&head, &rows))
}

/// `5,427,988`
fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        let shown = [0, 999, 1_000, 5_427_988].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "5,427,988"]);
    }
}
