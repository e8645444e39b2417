//! The widget of over- and underfitting without a page: settings, curves, and the sentence that says which case it is.

use std::collections::BTreeMap;

use super::noise::HIGHEST_SEED;
use super::reading::{Problem, Reader};
use crate::lesson::fit::{
    Cloud, DECAY, FLIPPED, FitReport, FitRequest, HIDDEN, Judgement, LAYERS, NOISE, POINTS, Place,
    Score, Verdict, judge,
};
use crate::plot::{Extent, Plane};
use crate::view::format;
use crate::view::texts::widgets::fit::FitTexts;

const SIZE: (u32, u32) = (460, 230);

/// The axis of steps reaches at least so far.
const FIRST_STEPS: f64 = 100.0;

/// The axis of losses reaches at least so far: a little above ln 2, what guessing costs.
const LEAST_HIGH: f64 = 0.8;

/// The axis of accuracies begins here, or where the curves reach lower.
const LEAST_ACCURACY: f64 = 0.4;

/// The least loss that is written out.
const LEAST_WRITTEN: f64 = 0.001;

/// What the settings ask for.
pub fn read(settings: &BTreeMap<String, String>) -> (FitRequest, Vec<Problem>) {
    let mut reader = Reader::new(settings);
    let usual = FitRequest::default();
    let range = |(low, high): (u32, u32)| (u64::from(low), u64::from(high));
    let request = FitRequest {
        cloud: reader.choice("data", &Cloud::ALL, usual.cloud),
        points: reader.whole("points", range(POINTS), usual.points.into()) as u32,
        noise: reader.number("noise", NOISE, usual.noise),
        flipped: reader.number("flipped", FLIPPED, usual.flipped),
        layers: reader.whole("layers", range(LAYERS), usual.layers.into()) as u32,
        hidden: reader.whole("hidden", range(HIDDEN), usual.hidden.into()) as u32,
        decay: reader.number("decay", DECAY, usual.decay),
        seed: reader.whole("seed", (0, HIGHEST_SEED), usual.seed),
    };
    (request, reader.problems)
}

/// The sizes of the layers: `2-32-32-1`.
pub fn sizes(request: &FitRequest) -> String {
    let hidden = format!("{}-", request.hidden).repeat(request.layers as usize);
    format!("2-{hidden}1")
}

/// One of the two scores of a place.
pub fn score(place: &Place, is_held_out: bool) -> Score {
    match is_held_out {
        true => place.held_out,
        false => place.train,
    }
}

/// Both curves of one number over the steps, with a line where the held-out loss was least.
fn plane(
    report: &FitReport,
    names: [&str; 2],
    (low, high): (f64, f64),
    number: fn(&Score) -> f64,
) -> Plane {
    let (now, best) = (report.now(), report.best());
    let last = f64::from(now.step).max(FIRST_STEPS);
    let x = Extent::linear(0.0, last);
    let mut plane = Plane::new(SIZE, x, Extent::linear(low, high), names);
    plane.upright("plane-cursor", best.step.into());
    let level = number(&report.floor);
    plane.curve("is-floor", [(0.0, level), (last, level)]);
    for (class, is_held_out) in [("is-train", false), ("is-held-out", true)] {
        let points = report.curve.iter();
        let points =
            points.map(|place| (f64::from(place.step), number(&score(place, is_held_out))));
        plane.curve(class, points);
    }
    plane.point(
        "is-held-out",
        (best.step.into(), number(&best.held_out)),
        5.0,
    );
    plane
}

/// Both losses.
pub fn loss_plane(report: &FitReport, names: [&str; 2]) -> Plane {
    let losses = report.curve.iter();
    let losses = losses.flat_map(|place| [place.train.loss, place.held_out.loss]);
    let high = losses
        .filter(|loss| loss.is_finite())
        .fold(LEAST_HIGH, f64::max);
    plane(report, names, (0.0, 1.05 * high), |score| score.loss)
}

/// Both accuracies.
pub fn accuracy_plane(report: &FitReport, names: [&str; 2]) -> Plane {
    let accuracies = report.curve.iter();
    let accuracies = accuracies.flat_map(|place| [place.train.accuracy, place.held_out.accuracy]);
    let low = accuracies.fold(LEAST_ACCURACY, f64::min);
    plane(report, names, (low, 1.02), |score| score.accuracy)
}

/// A loss as it is written; one that would look like 0 is told as less than what would not.
pub fn loss_text(loss: f64) -> String {
    match loss < LEAST_WRITTEN {
        true => format!("<{LEAST_WRITTEN}"),
        false => format::fixed(loss, 3),
    }
}

/// An accuracy as it is written.
pub fn accuracy_text(accuracy: f64) -> String {
    format::percent(accuracy, 1)
}

/// Which case the run is, with the numbers that it follows from.
pub fn sentence(report: &FitReport, t: &FitTexts) -> (Judgement, String) {
    let judgement = judge(report);
    let Judgement { now, best, .. } = judgement;
    let loss = loss_text;
    let words = match judgement.verdict {
        _ if now.step == 0 => t.not_yet.to_string(),
        Verdict::Learning => (t.learning)(
            &loss(now.train.loss),
            &loss(now.held_out.loss),
            &loss(best.held_out.loss),
        ),
        Verdict::Overfits => (t.overfits)(
            [&loss(best.train.loss), &loss(now.train.loss)],
            [&loss(best.held_out.loss), &loss(now.held_out.loss)],
            &format::count(best.step.into()),
        ),
        Verdict::Underfits => (t.underfits)(
            &loss(now.train.loss),
            &loss(now.held_out.loss),
            &loss(report.floor.loss),
        ),
        Verdict::Fits => (t.fits)(
            &loss(now.train.loss),
            &loss(now.held_out.loss),
            &loss(best.held_out.loss),
        ),
    };
    (judgement, words)
}

#[cfg(test)]
mod tests {
    use super::super::grid::settings;
    use super::*;
    use crate::lesson::fit::{Fit, STEPS};
    use crate::view::texts::Locale;
    use crate::view::texts::widgets::fit::texts;

    #[test]
    fn settings_are_read_and_what_cannot_be_used_is_told() {
        let asked = settings(&[
            ("data", "circles"),
            ("points", "60"),
            ("noise", "0.2"),
            ("flipped", "0.1"),
            ("layers", "1"),
            ("hidden", "8"),
            ("decay", "1.5"),
            ("seed", "7"),
        ]);
        let (request, problems) = read(&asked);
        assert!(problems.is_empty(), "{problems:?}");
        let expected = FitRequest {
            cloud: Cloud::Circles,
            points: 60,
            noise: 0.2,
            flipped: 0.1,
            layers: 1,
            hidden: 8,
            decay: 1.5,
            seed: 7,
        };
        assert_eq!(request, expected);
        assert_eq!(sizes(&request), "2-8-1");
        let line = FitRequest {
            layers: 0,
            ..request
        };
        assert_eq!(sizes(&line), "2-1");
        let wrong = settings(&[
            ("data", "rings"),
            ("points", "19"),
            ("noise", "0"),
            ("flipped", "0.5"),
            ("layers", "4"),
            ("hidden", "1.5"),
            ("decay", "-1"),
            ("seed", "one"),
        ]);
        let (request, problems) = read(&wrong);
        assert_eq!(request, FitRequest::default());
        assert_eq!(problems.len(), 8);
        // Whatever can be set, the engine takes.
        for (pair, is_good) in [(("points", "20"), true), (("points", "401"), false)] {
            let (request, problems) = read(&settings(&[pair]));
            assert_eq!(problems.is_empty(), is_good);
            Fit::new(request).unwrap();
        }
    }

    #[test]
    fn curves_and_sentence_follow_the_run_in_both_languages() {
        let mut fit = Fit::new(FitRequest::default()).unwrap();
        let empty = fit.report().clone();
        for locale in [Locale::English, Locale::Chinese] {
            let t = texts(locale);
            assert_eq!(sentence(&empty, t).1, t.not_yet);
        }
        fit.go_on(STEPS);
        while fit.advance(50.0) {}
        let report = fit.report().clone();
        for report in [&empty, &report] {
            for svg in [
                loss_plane(report, ["t", "L"]).finish("loss"),
                accuracy_plane(report, ["t", "a"]).finish("accuracy"),
            ] {
                assert!(!svg.contains("NaN"), "{svg}");
                for class in ["is-train", "is-held-out", "is-floor"] {
                    assert!(svg.contains(&format!("plane-curve {class}")), "{class}");
                }
            }
        }
        let steps = |report: &FitReport| {
            let svg = loss_plane(report, ["", ""]).finish("");
            svg.matches('L').count()
        };
        assert!(steps(&report) > steps(&empty) + 300, "both curves grow");
        for locale in [Locale::English, Locale::Chinese] {
            let (judgement, words) = sentence(&report, texts(locale));
            assert_eq!(judgement.verdict, Verdict::Overfits);
            for number in [
                judgement.now.train.loss,
                judgement.now.held_out.loss,
                judgement.best.held_out.loss,
            ] {
                assert!(words.contains(&loss_text(number)), "{words}");
            }
        }
    }
}
