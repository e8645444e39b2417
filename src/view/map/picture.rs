//! The map as SVG: boxes with names, curves between them.

use std::collections::HashSet;
use std::fmt::Write;

use super::layout::{MapLayout, NODE_HEIGHT, NODE_WIDTH};
use crate::course::{ConceptGraph, CourseTexts};

/// Pixels for each unit of a name's width; a name of more takes a second line.
const LINE_UNITS: usize = 21;

/// How far an arrow between two boxes of a column swings out.
const COLUMN_BEND: f64 = 56.0;

/// What of the map is picked out.
pub struct Shown<'a> {
    pub edges: &'a [(usize, usize)],
    /// The concept that is open or pointed at: it and its neighbours stand out.
    pub chosen: Option<usize>,
    /// The way to it.
    pub path: &'a [usize],
    pub group: Option<&'a str>,
    pub known: &'a HashSet<usize>,
    /// What can be learned next.
    pub next: &'a [usize],
}

/// The class that gives a group its colour, by its number.
pub fn legend_class(group: usize) -> String {
    format!("map-group-{}", group % 11)
}

/// The whole map as one `<svg>`. Every box carries `data-concept` and the test id `concept-<id>`; the one that is
/// chosen, or else the first, can be reached by the tabulator.
pub fn picture(
    graph: &ConceptGraph,
    layout: &MapLayout,
    texts: &CourseTexts,
    shown: &Shown,
    known_label: &str,
) -> String {
    let mut svg = format!(
        "<svg class=\"map-svg\" width=\"{0:.0}\" height=\"{1:.0}\" viewBox=\"0 0 {0:.0} {1:.0}\">\
         <defs><marker id=\"map-arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 L8 4 L0 8 z\"></path></marker></defs>",
        layout.width, layout.height
    );
    let drawing = Drawing::new(graph, layout, texts, shown, known_label);
    for &(from, to) in shown.edges {
        let touches = shown
            .chosen
            .is_some_and(|chosen| from == chosen || to == chosen);
        let leads = drawing.on_path.contains(&from) && drawing.on_path.contains(&to);
        let class = match (leads, touches, shown.chosen.is_some()) {
            (true, _, _) => "map-edge is-path",
            (false, true, _) => "map-edge is-near",
            (false, false, true) => "map-edge is-far",
            (false, false, false) => "map-edge",
        };
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"{}\"></path>",
            curve(layout, from, to)
        );
    }
    for &number in &layout.members {
        drawing.node(&mut svg, number);
    }
    svg.push_str("</svg>");
    svg
}

/// What the boxes of one picture share.
struct Drawing<'a> {
    graph: &'a ConceptGraph,
    layout: &'a MapLayout,
    texts: &'a CourseTexts,
    shown: &'a Shown<'a>,
    known_label: &'a str,
    /// The chosen concept and its neighbours along the drawn edges.
    near: HashSet<usize>,
    on_path: HashSet<usize>,
}

impl<'a> Drawing<'a> {
    fn new(
        graph: &'a ConceptGraph,
        layout: &'a MapLayout,
        texts: &'a CourseTexts,
        shown: &'a Shown<'a>,
        known_label: &'a str,
    ) -> Self {
        let mut near = HashSet::new();
        if let Some(chosen) = shown.chosen {
            near.insert(chosen);
            for &(from, to) in shown.edges {
                if from == chosen || to == chosen {
                    near.extend([from, to]);
                }
            }
        }
        Self {
            graph,
            layout,
            texts,
            shown,
            known_label,
            near,
            on_path: shown.path.iter().copied().collect(),
        }
    }

    /// The box of a concept.
    fn node(&self, svg: &mut String, number: usize) {
        let Self {
            graph,
            shown,
            near,
            on_path,
            ..
        } = self;
        let concept = graph.concept(number);
        let place = self.layout.places[number];
        let mut groups = graph.structure.groups.iter();
        let group = groups.position(|id| *id == concept.group).unwrap_or(0);
        let mut class = format!("map-node {}", legend_class(group));
        let is_known = shown.known.contains(&number);
        let is_chosen = shown.chosen == Some(number);
        for (holds, name) in [
            (is_chosen, " is-chosen"),
            (on_path.contains(&number), " is-path"),
            (is_known, " is-known"),
            (shown.next.contains(&number), " is-next"),
        ] {
            if holds {
                class.push_str(name);
            }
        }
        let is_out = shown.group.is_some_and(|group| group != concept.group)
            || (shown.chosen.is_some() && !near.contains(&number) && !on_path.contains(&number));
        if is_out {
            class.push_str(" is-far");
        }
        let name = self
            .texts
            .get(&concept.id)
            .map_or(concept.id.as_str(), |text| &text.name);
        let chosen = shown
            .chosen
            .filter(|chosen| self.layout.members.contains(chosen));
        let focus = chosen.or(self.layout.members.first().copied()) == Some(number);
        let mut label = escaped(name);
        if is_known {
            label.push_str(", ");
            label.push_str(&escaped(self.known_label));
        }
        let _ = write!(
            svg,
            "<g class=\"{class}\" data-concept=\"{id}\" data-testid=\"concept-{id}\" role=\"button\" tabindex=\"{tab}\" \
             aria-label=\"{label}\" transform=\"translate({x:.1} {y:.1})\">\
             <rect class=\"map-box\" width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"5\"></rect>\
             <rect class=\"map-stripe\" width=\"6\" height=\"{NODE_HEIGHT}\" rx=\"3\"></rect>",
            id = concept.id,
            tab = if focus { 0 } else { -1 },
            x = place.x,
            y = place.y,
        );
        let lines = wrapped(name);
        for (line, text) in lines.iter().enumerate() {
            let y = match lines.len() {
                1 => NODE_HEIGHT / 2.0 + 4.5,
                _ => NODE_HEIGHT / 2.0 - 3.0 + 15.0 * line as f64,
            };
            let _ = write!(
                svg,
                "<text class=\"map-name\" x=\"16\" y=\"{y:.1}\">{}</text>",
                escaped(text)
            );
        }
        if is_known {
            let _ = write!(
                svg,
                "<path class=\"map-tick\" d=\"M{0:.0} 9 l3 4 l6 -8\"></path>",
                NODE_WIDTH - 18.0
            );
        }
        svg.push_str("</g>");
    }
}

/// From the right side of one box to the left side of another; around the right sides of two boxes of a column; or
/// back from left to right.
fn curve(layout: &MapLayout, from: usize, to: usize) -> String {
    let (from, to) = (layout.places[from], layout.places[to]);
    if (from.x - to.x).abs() < 1.0 {
        let (x, bend) = (from.x + NODE_WIDTH, from.x + NODE_WIDTH + COLUMN_BEND);
        let (y1, y2) = (from.y + NODE_HEIGHT / 2.0, to.y + NODE_HEIGHT / 2.0);
        return format!(
            "M{x:.1} {y1:.1} C{bend:.1} {y1:.1} {bend:.1} {y2:.1} {:.1} {y2:.1}",
            x + 1.0
        );
    }
    let (start, end) = if from.x < to.x {
        (from.x + NODE_WIDTH, to.x - 1.0)
    } else {
        (from.x, to.x + NODE_WIDTH + 1.0)
    };
    let (y1, y2) = (from.y + NODE_HEIGHT / 2.0, to.y + NODE_HEIGHT / 2.0);
    let bend = ((end - start).abs() / 2.0).clamp(24.0, 120.0) * (end - start).signum();
    format!(
        "M{start:.1} {y1:.1} C{:.1} {y1:.1} {:.1} {y2:.1} {end:.1} {y2:.1}",
        start + bend,
        end - bend
    )
}

/// A name in at most two lines; a Chinese character is as wide as two letters.
fn wrapped(name: &str) -> Vec<String> {
    let width = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii() { 1 } else { 2 })
            .sum::<usize>()
    };
    if width(name) <= LINE_UNITS {
        return vec![name.to_string()];
    }
    let mut best: Option<(usize, usize)> = None;
    for (at, character) in name.char_indices() {
        let end = at + character.len_utf8();
        let can_break =
            matches!(character, ' ' | '、' | '，' | '与' | '和' | '（') || !character.is_ascii();
        if can_break && end < name.len() {
            let longer = width(name[..end].trim()).max(width(name[end..].trim()));
            // Natural places first: they may be a little less even.
            let cost = longer
                + if character.is_ascii() || matches!(character, '、' | '，' | '与' | '和') {
                    0
                } else {
                    4
                };
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, end));
            }
        }
    }
    match best {
        Some((_, at)) => vec![name[..at].trim().to_string(), name[at..].trim().to_string()],
        None => vec![name.to_string()],
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::layout::lay_out;
    use super::super::state::EdgeChoice;
    use super::super::state::tests::{shipped, shipped_texts};
    use super::*;

    #[test]
    fn every_concept_and_edge_is_in_the_picture_and_names_fit() {
        let graph = shipped();
        let layout = lay_out(&graph);
        let edges = EdgeChoice::Needs.edges(&graph);
        let shown = Shown {
            edges: &edges,
            chosen: graph.number("gpt"),
            path: &[],
            group: None,
            known: &HashSet::from([0]),
            next: &[],
        };
        for texts in shipped_texts() {
            let svg = picture(&graph, &layout, &texts, &shown, "known");
            assert_eq!(svg.matches("data-concept=").count(), 90);
            assert_eq!(svg.matches("class=\"map-edge").count(), 107);
            assert_eq!(svg.matches("tabindex=\"0\"").count(), 1);
            assert!(svg.contains("is-known") && !svg.contains("style="));
            for concept in &texts.concepts {
                let lines = wrapped(&concept.name);
                assert!(lines.len() <= 2);
                for line in lines {
                    let units: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
                    assert!(units <= LINE_UNITS + 2, "{line}: {units}");
                }
            }
        }
    }
}
