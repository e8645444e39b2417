//! `glassbox precision` from outside: the three ways side by side, what is refused, and kernels where there are any.

use super::command_line::{fails, glassbox, lines, of_event};
use serde_json::Value as Json;

fn of_mode<'a>(lines: &[&'a Json], mode: &str) -> Vec<&'a Json> {
    let lines = lines.iter().filter(|line| line["mode"] == mode);
    lines.copied().collect()
}

#[test]
fn precision_trains_the_same_network_in_three_ways() {
    let told = lines(&[
        "precision",
        "mlp-moons",
        "--steps",
        "60",
        "--scale",
        "1e12",
        "--seed",
        "2",
        "--json",
    ]);
    let [settings] = of_event(&told, "precision")[..] else {
        panic!("{told:?}");
    };
    assert_eq!(settings["preset"], "mlp-moons");
    assert_eq!(
        (&settings["parameters"], &settings["is_emulated"]),
        (&257.into(), &true.into())
    );
    let modes = settings["modes"].as_array().unwrap();
    assert_eq!(modes.len(), 3);
    for mode in modes {
        let bytes = if mode["mode"] == "float32" { 4 } else { 2 };
        assert!(mode["weights"].as_u64().unwrap() >= 257 * bytes, "{mode}");
        let has_master = mode["mode"] == "mixed";
        assert_eq!(mode["master"].as_u64().unwrap() > 0, has_master, "{mode}");
    }
    let steps = of_event(&told, "precision_step");
    let first = |mode| of_mode(&steps, mode)[0]["loss"].as_f64().unwrap();
    let float32 = first("float32");
    // The same weights and the same batch, but for rounding.
    for mode in ["float16", "mixed"] {
        assert!((first(mode) - float32).abs() < 0.01 * float32, "{mode}");
    }
    let mixed = of_mode(&steps, "mixed");
    assert_eq!(mixed.len(), 60);
    let skipped = mixed.iter().filter(|line| line["is_skipped"] == true);
    let skipped = skipped.count();
    // A scale of 10¹² overflows until it was halved often enough.
    assert!((1..40).contains(&skipped), "{skipped}");
    let scales = mixed
        .windows(2)
        .filter(|pair| pair[0]["is_skipped"] == true);
    for pair in scales {
        // The line holds the shortest digits that stand for the float32 number.
        let scale = |line: &Json| line["scale"].as_f64().unwrap() as f32;
        let [before, after] = [pair[0], pair[1]].map(scale);
        assert_eq!(after, before / 2.0);
    }
    let results = of_event(&told, "precision_result");
    assert_eq!(of_mode(&results, "mixed")[0]["skipped"], skipped);
    assert_eq!(of_mode(&results, "float32")[0]["steps"], 60);
    assert!(!of_event(&told, "gradients").is_empty());

    // The same for people, and of one way alone.
    let output = glassbox(&["precision", "mlp-moons", "--steps", "50", "--mode", "mixed"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("mixed") && text.contains("% of the held-out samples"),
        "{text}"
    );
    assert!(!text.contains("float16  step"), "{text}");
}

/// lavapipe stores float16; where no adapter does, the command says so and this test fails.
#[test]
fn precision_trains_on_a_device_that_stores_float16() {
    let told = lines(&[
        "precision",
        "mlp-moons",
        "--steps",
        "10",
        "--optimizer",
        "sgd",
        "--device",
        "gpu",
        "--json",
    ]);
    let [settings] = of_event(&told, "precision")[..] else {
        panic!("{told:?}");
    };
    assert_eq!(settings["is_emulated"], false);
    let adapter = settings["adapter"].as_str().expect("a device has a name");
    assert!(!adapter.is_empty());
    let emulated = lines(&[
        "precision",
        "mlp-moons",
        "--steps",
        "10",
        "--optimizer",
        "sgd",
        "--device",
        "cpu",
        "--json",
    ]);
    let [settings] = of_event(&emulated, "precision")[..] else {
        panic!("{emulated:?}");
    };
    assert_eq!(settings["is_emulated"], true);
    for mode in ["float32", "float16", "mixed"] {
        let losses = |told: &[Json]| -> Vec<f64> {
            let steps = of_event(told, "precision_step");
            let steps = of_mode(&steps, mode);
            steps
                .iter()
                .map(|line| line["loss"].as_f64().unwrap())
                .collect()
        };
        let (actual, expected) = (losses(&told), losses(&emulated));
        assert_eq!(actual.len(), 10, "{mode}");
        for (actual, expected) in actual.iter().zip(&expected) {
            // One unit in the last place of float16.
            assert!((actual - expected).abs() <= 1e-3 * expected, "{mode}");
        }
        let times = of_event(&told, "step_time");
        let time = of_mode(&times, mode)[0];
        let millis = |key: &str| time[key].as_f64().unwrap();
        assert!(0.0 < millis("fastest_millis"), "{time}");
        assert!(
            millis("fastest_millis") <= millis("median_millis"),
            "{time}"
        );
        assert!(
            millis("median_millis") <= millis("slowest_millis"),
            "{time}"
        );
    }
    // Of the emulation no speed is told.
    assert!(of_event(&emulated, "step_time").is_empty());
}

#[test]
fn precision_refuses_what_does_not_fit() {
    for (arguments, reason) in [
        (
            &["vgg-s"][..],
            "the network is vgg-s, expected one of lenet5-mnist",
        ),
        (&["--steps", "0"], "the number of steps is 0"),
        (&["--batch", "1025"], "a whole number from 1 to 1024"),
        (&["--lr", "-1"], "the learning rate is -1"),
        (&["--scale", "0"], "the loss scale is 0"),
        (&["--growth-interval", "0"], "the growth interval is 0"),
        (&["--mode", "mixed", "--mode", "mixed"], "the modes"),
        (
            &["--mode", "float64"],
            "expected one of float32, float16, mixed",
        ),
    ] {
        let said = fails(&[&["precision"], arguments].concat(), 2);
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}
