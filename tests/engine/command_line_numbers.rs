//! The `glassbox` program on runs whose loss knows no classes: the race of optimizers, and a table of numbers.

use crate::command_line::{fails, glassbox, lines, of_event};

#[test]
fn a_race_tells_how_every_lane_went() {
    let told = lines(&[
        "race",
        "--lane",
        "sgd:0.039",
        "--lane",
        "adam:0.1",
        "--lane",
        "sgd:0.041",
        "--lane",
        "sgd+inverse:0.039",
        "--steps",
        "400",
        "--json",
    ]);
    let lanes = of_event(&told, "lane");
    assert_eq!(lanes.len(), 4);
    assert_eq!(lanes[0]["first_below"], 174);
    assert_eq!(
        (&lanes[1]["optimizer"], &lanes[1]["first_below"]),
        (&"adam".into(), &82.into())
    );
    assert!(
        lanes[2]["first_below"].is_null() && lanes[2]["diverged_at"].is_u64(),
        "{}",
        lanes[2]
    );
    assert_eq!(lanes[3]["schedule"], "inverse");
    // Two weights are a plane already; among more the race says which one it measures.
    assert!(of_event(&told, "plane").is_empty());
    let lanes = [
        "race",
        "mlp-xor",
        "--lane",
        "sgd:0.1",
        "--lane",
        "adam:0.01",
    ];
    let told = lines(&[&lanes[..], &["--steps", "30", "--json"]].concat());
    let plane = &of_event(&told, "plane")[0];
    assert_eq!(plane["weights"], 257);
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let held = number(&plane["shares"][0]) + number(&plane["shares"][1]);
    assert!(held > 0.5 && held <= 1.0, "{plane}");
    assert_eq!(plane["ends"].as_array().map(Vec::len), Some(2));
    assert!(number(&plane["ends"][0]["distance"]) < number(&plane["ends"][0]["travelled"]));
    // All that the page offers, in words.
    let words = String::from_utf8(glassbox(&["race"]).stdout).expect("UTF-8");
    assert_eq!(words.lines().count(), 8, "{words}");
    assert!(words.contains("below 1e-6 after 174 steps"), "{words}");
    for (arguments, expected) in [
        (&["race", "--lane", "adam"][..], "adam:0.1"),
        (&["race", "--lane", "sgd+zigzag:1"], "there are: constant"),
        (&["race", "lenet-6"], "lenet5-mnist"),
        (&["race", "--steps", "0"], "the number of steps is 0"),
    ] {
        let text = fails(arguments, 2);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn the_bowl_trains_as_a_preset_does() {
    let told = lines(&[
        "train",
        "optim-race",
        "--device",
        "cpu",
        "--lr",
        "0.01",
        "--steps",
        "660",
        "--json",
    ]);
    let steps = of_event(&told, "step");
    // A step's loss is from before its update.
    let below = steps
        .iter()
        .position(|step| step["loss"].as_f64().is_some_and(|loss| loss < 1e-6));
    assert_eq!(below, Some(653));
    assert!(steps.iter().all(|step| step.get("accuracy").is_none()));
    assert!(of_event(&told, "evaluation").is_empty());
}

#[test]
fn a_table_of_numbers_has_errors_in_place_of_accuracies() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prices.csv");
    let rows = (0..100).map(|row| {
        format!(
            "{},{},{}\n",
            row % 9,
            row % 11,
            2.5 * f64::from(row % 9) + 7.0
        )
    });
    std::fs::write(&path, format!("a,b,price\n{}", rows.collect::<String>())).expect("a file");
    let path = path.to_str().expect("UTF-8");
    let plot = folder.path().join("curves.svg");
    let plot = plot.to_str().expect("UTF-8");
    let train = [
        "train", "mlp-csv", "--csv", path, "--device", "cpu", "--steps", "60",
    ];
    let told = lines(&[&train[..], &["--plot", plot, "--json"]].concat());
    let evaluation = *of_event(&told, "evaluation").last().expect("an evaluation");
    let number = |key: &str| {
        evaluation[key]
            .as_f64()
            .unwrap_or_else(|| panic!("{key}: {evaluation}"))
    };
    assert!(number("mse") < 10.0 && number("mae") < 4.0, "{evaluation}");
    assert!(evaluation.get("accuracy").is_none() && evaluation.get("confusion").is_none());
    assert!(
        of_event(&told, "step")
            .iter()
            .all(|step| step.get("accuracy").is_none())
    );
    let drawn = std::fs::read_to_string(plot).expect("the plot");
    assert!(!drawn.contains("Accuracy"), "numbers have no accuracy");
    let words = String::from_utf8(glassbox(&train).stdout).expect("UTF-8");
    assert!(
        words.contains("mse ") && words.contains("mae ") && !words.contains("accuracy"),
        "{words}"
    );
}
