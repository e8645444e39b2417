use super::verdict::judge_curve;
use super::*;
use crate::tensor::init::standard_normal;

/// Drawn points and initial weights differ from seed to seed; what is claimed holds for each.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

fn run(request: FitRequest) -> FitReport {
    let mut fit = Fit::new(request).unwrap();
    fit.go_on(STEPS);
    while fit.advance(50.0) {}
    fit.report().clone()
}

fn of_seed(seed: u64) -> FitRequest {
    FitRequest {
        seed,
        ..FitRequest::default()
    }
}

#[test]
fn a_large_network_overfits_a_line_underfits_and_decay_or_more_points_help() {
    for seed in SEEDS {
        let usual = of_seed(seed);
        let large = run(usual);
        let judged = judge(&large);
        assert_eq!(judged.verdict, Verdict::Overfits, "seed {seed}");
        let (now, best) = (judged.now, judged.best);
        assert!(now.held_out.loss > 2.0 * best.held_out.loss, "{judged:?}");
        assert!(now.train.loss < 0.1 * best.train.loss, "{judged:?}");
        assert_eq!(now.train.accuracy, 1.0, "seed {seed}");
        // The case shows early: within a fifth of the run.
        let first = (1..=large.curve.len())
            .find(|&count| {
                let told = judge_curve(&large.curve[..count], large.floor.loss);
                told.verdict == Verdict::Overfits
            })
            .unwrap();
        assert!(large.curve[first - 1].step <= STEPS / 5, "{first}");

        let line = run(FitRequest { layers: 0, ..usual });
        let judged = judge(&line);
        assert_eq!(judged.verdict, Verdict::Underfits, "seed {seed}");
        assert!(judged.now.train.accuracy < now.train.accuracy - 0.08);
        assert_eq!(line.parameters, 3);

        let decayed = judge(&run(FitRequest {
            decay: 2.0,
            ..usual
        }));
        assert_eq!(decayed.verdict, Verdict::Fits, "seed {seed}");
        assert!(
            decayed.now.held_out.loss < 0.5 * now.held_out.loss,
            "{decayed:?}"
        );

        let more = judge(&run(FitRequest {
            points: 400,
            ..usual
        }));
        assert!(more.now.held_out.loss < 0.7 * now.held_out.loss, "{more:?}");
        assert!(more.best.held_out.loss < best.held_out.loss, "{more:?}");
    }
}

#[test]
fn the_seed_decides_and_stretches_change_nothing() {
    let whole = run(of_seed(5));
    assert_eq!(run(of_seed(5)), whole);
    assert_ne!(run(of_seed(6)).curve, whole.curve);
    let mut fit = Fit::new(of_seed(5)).unwrap();
    assert!(!fit.advance(50.0), "it waits until it is asked to go on");
    assert_eq!(fit.report().curve.len(), 1);
    let mut stretches = 0;
    while !fit.report().is_done() {
        fit.go_on(7 * EVERY);
        // A piece is at least one step, whatever the budget.
        while fit.advance(0.0) {}
        stretches += 1;
    }
    assert_eq!(stretches, STEPS.div_ceil(7 * EVERY));
    assert_eq!(*fit.report(), whole);
}

#[test]
fn a_report_has_all_points_and_both_pictures() {
    let mut fit = Fit::new(of_seed(1)).unwrap();
    let before = fit.report().clone();
    assert_eq!(before.parameters, 2 * 32 + 32 + 32 * 32 + 32 + 32 + 1);
    assert_eq!(before.points.train.classes.len(), 40);
    assert_eq!(before.points.held_out.classes.len(), HELD_OUT as usize);
    assert_eq!(before.boundary, before.best_boundary);
    fit.go_on(STEPS);
    while fit.advance(50.0) {}
    let report = fit.report();
    assert_eq!(report.curve.len() as u32, STEPS / EVERY + 1);
    assert_eq!(report.curve[0], before.now());
    let places = before.boundary.size.iter().product::<u32>() as usize;
    for boundary in [&report.boundary, &report.best_boundary] {
        assert_eq!(boundary.probabilities.len(), places);
        assert!(
            boundary
                .probabilities
                .iter()
                .all(|p| (0.0..=1.0).contains(p))
        );
    }
    assert_ne!(report.boundary, report.best_boundary);
    assert_ne!(report.boundary, before.boundary);
    let best = report.best();
    let least = report.curve.iter().map(|place| place.held_out.loss);
    assert_eq!(best.held_out.loss, least.fold(f64::INFINITY, f64::min));
    // The picture of the best step is the network of that step.
    let mut short = Fit::new(of_seed(1)).unwrap();
    short.go_on(best.step);
    while short.advance(50.0) {}
    assert_eq!(short.report().boundary, fit.report().best_boundary);
    // Told at the points themselves: the nearest place of the picture mostly agrees with the label.
    let agreeing = agreement(fit.report());
    assert!(agreeing > 0.9, "{agreeing}");
}

/// Share of the training points on whose side of one half the nearest place of the picture lies.
fn agreement(report: &FitReport) -> f64 {
    let (boundary, points) = (&report.boundary, &report.points);
    let columns = boundary.size[0] as usize;
    let nearest = |value: f32, axis: usize| {
        let (low, high) = boundary.bounds[axis];
        let share = (value - low) / (high - low);
        (share * (boundary.size[axis] - 1) as f32).round() as usize
    };
    let rows = points.train.rows.chunks_exact(2);
    let right = rows.zip(&points.train.classes).filter(|(row, class)| {
        let at = nearest(row[1], 1) * columns + nearest(row[0], 0);
        (boundary.probabilities[at] > 0.5) == (**class == 1)
    });
    right.count() as f64 / points.train.classes.len() as f64
}

#[test]
fn flipped_labels_are_as_many_as_asked_and_raise_what_is_possible() {
    let plain = points::draw(&of_seed(3)).unwrap();
    let request = FitRequest {
        flipped: 0.2,
        ..of_seed(3)
    };
    let flipped = points::draw(&request).unwrap();
    for (plain, flipped) in [(&plain.train, &flipped.train), (&plain.test, &flipped.test)] {
        assert_eq!(plain.rows(), flipped.rows());
        let pairs = plain
            .classes()
            .unwrap()
            .iter()
            .zip(flipped.classes().unwrap());
        let turned = pairs.filter(|(one, other)| one != other).count() as u32;
        assert_eq!(turned, plain.count() / 5);
    }
    let floor = |request, set: &crate::data::TableSet| points::floor(request, &set.test).unwrap();
    let (clean, noisy) = (floor(&of_seed(3), &plain), floor(&request, &flipped));
    assert!(noisy.loss > clean.loss + 0.2, "{clean:?} {noisy:?}");
    // Whoever knows that every fifth label is turned pays at least the entropy of that.
    let entropy = -(0.2_f64 * 0.2_f64.ln() + 0.8 * 0.8_f64.ln());
    assert!(noisy.loss > 0.95 * entropy, "{noisy:?}");
}

/// The loss of one who knows the distribution, beside the entropy that a sum over a fine grid gives it.
#[test]
fn what_is_possible_is_the_mean_over_the_distribution() {
    let noise = 0.4;
    // Class y at angle φ: the mean over many points that are drawn here by other random numbers.
    let count = 20_000;
    let drawn = standard_normal(9, 0, 2 * count);
    let circle = |radius: f64, angle: f64| [radius * angle.cos(), radius * angle.sin()];
    let mut sum = 0.0;
    for at in 0..count {
        let radius = if at % 2 == 0 { 1.0 } else { 0.5 };
        let angle = std::f64::consts::TAU * (at as f64 * 0.618_033_988_75).fract();
        let [x, y] = circle(radius, angle);
        let [dx, dy] = [drawn[2 * at], drawn[2 * at + 1]].map(|part| noise * f64::from(part));
        let from_center = (x + dx).hypot(y + dy);
        // The mean density over a circle depends on the distance from its centre alone.
        let density = |radius: f64| {
            let parts = (0..200).map(|part| {
                let angle = std::f64::consts::TAU * f64::from(part) / 200.0;
                let [cx, cy] = circle(radius, angle);
                let square = (from_center - cx).powi(2) + cy.powi(2);
                (-0.5 * square / (noise * noise)).exp()
            });
            parts.sum::<f64>()
        };
        let (own, other) = (density(radius), density(1.5 - radius));
        sum -= (own / (own + other)).ln() / count as f64;
    }
    let mean: f64 = (0..10)
        .map(|seed| {
            let request = FitRequest {
                cloud: Cloud::Circles,
                noise,
                ..of_seed(seed)
            };
            let set = points::draw(&request).unwrap();
            points::floor(&request, &set.test).unwrap().loss / 10.0
        })
        .sum();
    // 2,000 points tell a mean to about 0.01.
    assert!((mean - sum).abs() < 0.04, "{mean} is not {sum}");
}

#[test]
fn the_rule_tells_the_cases_by_losses_alone() {
    let place = |step: u32, train: f64, held_out: f64| Place {
        step,
        train: Score {
            loss: train,
            accuracy: 0.5,
        },
        held_out: Score {
            loss: held_out,
            accuracy: 0.5,
        },
    };
    let verdict = |curve: &[Place]| judge_curve(curve, 0.1).verdict;
    let start = place(0, 0.7, 0.7);
    assert_eq!(verdict(&[start]), Verdict::Learning);
    // Risen by 1.2 times and more, by 0.05 and more, with a training loss that falls.
    let low = place(100, 0.3, 0.3);
    for (now, expected) in [
        (place(200, 0.2, 0.361), Verdict::Overfits),
        (place(200, 0.2, 0.355), Verdict::Learning),
        (place(200, 0.31, 0.9), Verdict::Learning),
    ] {
        assert_eq!(verdict(&[start, low, now]), expected, "{now:?}");
    }
    let tiny = place(100, 0.01, 0.01);
    assert_eq!(
        verdict(&[start, tiny, place(200, 0.0, 0.05)]),
        Verdict::Learning,
        "1.2 times, but 0.04 nats"
    );
    // Settled: by less than 5% over 500 steps.
    for (train, held_out, expected) in [
        (0.30, 0.31, Verdict::Underfits),
        (0.28, 0.31, Verdict::Learning),
        (0.19, 0.31, Verdict::Learning),
        (0.30, 0.19, Verdict::Fits),
    ] {
        let curve = [start, place(100, 0.3, 0.31), place(600, train, held_out)];
        assert_eq!(verdict(&curve), expected, "{train} {held_out}");
    }
    let never = [start, place(100, 0.3, 0.31), place(600, f64::NAN, f64::NAN)];
    assert_eq!(verdict(&never), Verdict::Learning);
}

#[test]
fn settings_outside_their_range_are_refused_by_name() {
    let good = FitRequest::default();
    for (request, name) in [
        (FitRequest { points: 19, ..good }, "points"),
        (
            FitRequest {
                points: 401,
                ..good
            },
            "points",
        ),
        (FitRequest { noise: 0.0, ..good }, "noise"),
        (
            FitRequest {
                noise: f64::NAN,
                ..good
            },
            "noise",
        ),
        (
            FitRequest {
                flipped: 0.5,
                ..good
            },
            "flipped",
        ),
        (FitRequest { layers: 4, ..good }, "layers"),
        (FitRequest { hidden: 0, ..good }, "hidden"),
        (FitRequest { hidden: 65, ..good }, "hidden"),
        (
            FitRequest {
                decay: -0.1,
                ..good
            },
            "decay",
        ),
    ] {
        let refused = Fit::new(request).map(|_| ()).unwrap_err().to_string();
        assert!(refused.starts_with(name), "{refused}");
        assert!(refused.contains("expected a"), "{refused}");
    }
    // The corners of what is allowed.
    for request in [
        FitRequest {
            points: 20,
            noise: 0.05,
            layers: 3,
            hidden: 1,
            decay: 5.0,
            ..good
        },
        FitRequest {
            points: 21,
            noise: 0.6,
            flipped: 0.4,
            cloud: Cloud::Circles,
            layers: 3,
            hidden: 64,
            ..good
        },
    ] {
        let mut fit = Fit::new(request).unwrap();
        fit.go_on(50);
        while fit.advance(50.0) {}
        let now = fit.report().now();
        assert!(now.train.loss.is_finite() && now.held_out.loss.is_finite());
        assert!(fit.report().floor.loss.is_finite());
    }
}
