//! What the page says of a race's plane among many weights: how much of the paths it holds, and how far from it they end.

use super::format;
use super::race;
use super::texts::{RaceTexts, Texts};
use crate::session::{Landscape, MainDirections, NoLandscape};
use std::fmt::Write;

fn number(value: f32) -> String {
    format::significant(value.into(), 3)
}

fn percent(share: f32) -> String {
    format::percent(share.into(), 1)
}

/// What stands under the picture: the axes, the range of the loss, and how many updates lie between two points.
pub fn caption(landscape: &Landscape, main: &MainDirections, texts: &Texts) -> String {
    let colon = texts.locale.colon();
    let texts = &texts.race;
    let [across, upwards] = landscape
        .bounds
        .map(|(low, high)| format!("{} … {}", number(low), number(high)));
    let [first, second] = main.shares.map(percent);
    let (least, largest) = race::span(landscape);
    let mut caption = format!(
        "→ {} ({first}){colon}{across} · ↑ {} ({second}){colon}{upwards} · {}",
        texts.first_direction,
        texts.second_direction,
        (texts.span)(&number(least), &number(largest))
    );
    if main.every > 1 {
        let _ = write!(
            caption,
            " · {}",
            (texts.every)(&format::count(main.every.into()))
        );
    }
    caption
}

/// Why there is no picture.
pub fn refusal(reason: NoLandscape, texts: &RaceTexts) -> String {
    match reason {
        NoLandscape::TooLarge { weights } => (texts.too_large)(&format::count(weights)),
        NoLandscape::Statistics => texts.keeps_statistics.into(),
        NoLandscape::NoPath => texts.no_path.into(),
    }
}

/// What the plane is.
pub fn note(main: &MainDirections, texts: &RaceTexts) -> String {
    let [first, second] = main.shares;
    let shares = [first, second, first + second].map(percent);
    let weights = format::count(main.weights.into());
    (texts.plane)(&weights, [0, 1, 2].map(|at| &shares[at][..]))
}

/// A table of the ends of all paths, as HTML; `lane` and `names` are the heading of the lanes and their names.
pub fn ends(main: &MainDirections, lane: &str, names: &[String], texts: &RaceTexts) -> String {
    let mut html = format!(
        "<p class=\"panel-note\">{}</p><div class=\"table-scroll\" tabindex=\"0\">\
         <table class=\"summary-table race-ends\" aria-label=\"{}\"><thead><tr><th scope=\"col\">{lane}</th>",
        texts.plane_shadow, texts.plane_ends
    );
    for heading in [
        texts.on_plane,
        texts.at_end,
        texts.off_plane,
        texts.off_start,
    ] {
        let _ = write!(html, "<th scope=\"col\" class=\"numeric\">{heading}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for (at, (path, name)) in main.paths.iter().zip(names).enumerate() {
        let _ = write!(
            html,
            "<tr class=\"lane lane-{at}\"><th scope=\"row\"><svg class=\"lane-key\" viewBox=\"0 0 28 8\" aria-hidden=\"true\">\
             <line class=\"lane-line\" x1=\"0\" y1=\"4\" x2=\"28\" y2=\"4\"/></svg> {name}</th>"
        );
        for value in [path.loss_on_plane, path.loss, path.off, path.travelled] {
            let _ = write!(html, "<td class=\"numeric\">{}</td>", number(value));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::PlanePath;
    use crate::view::texts::Locale;

    fn landscape(every: u32) -> Landscape {
        Landscape {
            size: [3, 3],
            bounds: [(-1.0, 8.25), (-2.0, 2.0)],
            names: Default::default(),
            losses: vec![0.25, 0.5, 1.0, 2.0, f32::INFINITY, 3.0, 4.0, 5.0, 6.0],
            main: Some(MainDirections {
                weights: 4_417,
                shares: [0.701, 0.2304],
                every,
                paths: vec![PlanePath {
                    places: vec![0.0, 0.0],
                    last: 700,
                    off: 8.793,
                    travelled: 12.0,
                    loss: 0.2776,
                    loss_on_plane: 0.6582,
                }],
            }),
        }
    }

    #[test]
    fn the_page_says_what_the_plane_holds_and_what_a_path_has_besides() {
        for locale in Locale::ALL {
            let texts = &locale.texts().race;
            let landscape = landscape(1);
            let main = landscape.main.as_ref().expect("a plane");
            let note = note(main, texts);
            for part in ["4,417", "70.1%", "23.0%", "93.1%"] {
                assert!(note.contains(part), "{part}: {note}");
            }
            let html = ends(main, "Optimizer", &["SGD".into()], texts);
            for part in ["SGD", "0.278", "0.658", "8.79", "12"] {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert_eq!(html.matches("<tr").count(), 2);
            assert!(!html.contains("style="));
        }
    }

    #[test]
    fn the_caption_names_the_directions_and_the_points_left_out() {
        for locale in Locale::ALL {
            let texts = locale.texts();
            let caption_of = |every| {
                let landscape = landscape(every);
                let main = landscape.main.clone().expect("a plane");
                caption(&landscape, &main, texts)
            };
            let every_update = caption_of(1);
            for part in ["70.1%", "−1 … 8.25", "−2 … 2", "0.25", "6"] {
                assert!(every_update.contains(part), "{part}: {every_update}");
            }
            let sixth = caption_of(6);
            assert!(sixth.starts_with(&every_update) && sixth.len() > every_update.len());
        }
    }

    #[test]
    fn every_reason_for_no_picture_has_words_of_its_own() {
        let large = NoLandscape::TooLarge { weights: 61_706 };
        for locale in Locale::ALL {
            let texts = &locale.texts().race;
            let said = [large, NoLandscape::Statistics, NoLandscape::NoPath]
                .map(|reason| refusal(reason, texts));
            assert!(said[0].contains("61,706"));
            assert!(said[0] != said[1] && said[1] != said[2] && said[0] != said[2]);
        }
    }
}
