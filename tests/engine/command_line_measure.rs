//! `glassbox measure` and `glassbox memory` from outside: lines, exit codes, drawings.

use serde_json::Value as Json;
use std::process::Command;

use super::command_line::{fails, glassbox, lines, of_event};

fn number(line: &Json, key: &str) -> f64 {
    line[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key}: {line}"))
}

#[test]
fn measure_tells_devices_figures_roofs_and_operations() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("roofline.svg");
    let plot = plot.to_str().unwrap();
    let lines = lines(&[
        "measure", "--preset", "mlp-xor", "--device", "cpu", "--batch", "8", "--json", "--plot",
        plot,
    ]);
    let devices = of_event(&lines, "device");
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0]["device"], "cpu");
    let figures = of_event(&lines, "measurement");
    let left_out = of_event(&lines, "left_out");
    assert_eq!(figures.len() + left_out.len(), 12);
    for figure in figures {
        let [lower, median, upper] =
            ["lower_quartile", "median", "upper_quartile"].map(|key| number(figure, key));
        assert!(
            0.0 < lower && lower <= median && median <= upper,
            "{figure}"
        );
        assert_eq!(figure["repeats"], 9);
        assert!(["µs", "GB/s", "GFLOP/s"].contains(&figure["unit"].as_str().unwrap()));
    }
    let roof = of_event(&lines, "roof")[0];
    assert!(number(roof, "peak_gflops") > 0.0);
    let model = of_event(&lines, "model")[0];
    assert_eq!(
        (&model["batch"], &model["preset"]),
        (&Json::from(8), &Json::from("mlp-xor"))
    );
    let operations = of_event(&lines, "operation");
    assert_eq!(Json::from(operations.len()), model["operations"]);
    for operation in operations {
        let rate = number(operation, "flops") / number(operation, "median") / 1e3;
        assert!(
            (rate - number(operation, "gflops")).abs() <= 1e-9 * rate,
            "{operation}"
        );
    }
    assert_eq!(of_event(&lines, "done").len(), 1);
    let drawn = std::fs::read_to_string(plot).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("GFLOP/s"));
}

#[test]
fn measure_and_memory_refuse_what_does_not_fit() {
    let said = fails(&["measure", "--preset", "lenet6"], 2);
    assert!(
        said.contains("the preset is lenet6; expected one of"),
        "{said}"
    );
    // Before anything is measured.
    let before = std::time::Instant::now();
    let said = fails(&["measure", "--device", "cpu", "--plot", "roof.txt"], 2);
    assert!(said.contains("neither in .svg nor in .png"), "{said}");
    assert!(before.elapsed().as_secs() < 2, "it measured first");
    let said = fails(&["measure", "--device", "cpu", "--batch", "0"], 2);
    assert!(said.contains("the batch size is 0; expected"), "{said}");
    let said = fails(
        &[
            "memory",
            "lenet5-mnist",
            "--recompute",
            "0",
            "--device",
            "cpu",
        ],
        2,
    );
    assert!(
        said.contains("expected a whole number of at least 1"),
        "{said}"
    );
    let said = fails(&["memory", "own-text", "--device", "cpu"], 2);
    assert!(said.contains("the preset is own-text"), "{said}");
}

#[test]
fn without_any_gpu_the_cpu_is_measured_unless_a_gpu_is_asked_for() {
    let without = |device: &str| {
        let arguments = ["memory", "mlp-xor", "--json", "--device", device];
        Command::new(env!("CARGO_BIN_EXE_glassbox"))
            .args(arguments)
            // No driver is described there.
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .env("LIBGL_DRIVERS_PATH", "/nonexistent")
            .output()
            .expect("the program starts")
    };
    assert_eq!(without("auto").status.code(), Some(0));
    let refused = without("gpu");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("no GPU adapter was found"), "{said}");
}

#[test]
fn memory_counts_both_ways() {
    let told = lines(&[
        "memory",
        "resnet-s",
        "--batch",
        "4",
        "--recompute",
        "4",
        "--device",
        "cpu",
        "--json",
    ]);
    let [plain, again] = of_event(&told, "memory")[..] else {
        panic!("{told:?}");
    };
    assert!(number(again, "peak_bytes") < number(plain, "peak_bytes"));
    assert!(number(again, "flops") > number(plain, "flops"));
    assert!(plain["recompute"].is_null() && again["recompute"] == 4);
    let moments = of_event(&told, "moment");
    let highest = moments
        .iter()
        .filter(|line| line["recompute"].is_null())
        .map(|line| number(line, "total"))
        .fold(0.0, f64::max);
    assert_eq!(highest, number(plain, "peak_bytes"));
    let output = glassbox(&["memory", "lenet5-mnist", "--device", "cpu"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("largest tensors:") && text.contains("conv1"),
        "{text}"
    );
}
