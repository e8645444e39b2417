//! Where the concepts stand: in layers by what they need, from left to right, by Sugiyama's method.

use rust_sugiyama::configure::Config;

use crate::course::ConceptGraph;
use crate::view::microscope::layout::Place;

/// Size of a concept's box.
pub const NODE_WIDTH: f64 = 172.0;
pub const NODE_HEIGHT: f64 = 46.0;
/// Between two layers: room for the curves of the edges.
const COLUMN_GAP: f64 = 76.0;
const ROW_GAP: f64 = 14.0;
const MARGIN: f64 = 28.0;
/// Between the boxes of a diagram, which has room.
const DIAGRAM_GAP: f64 = 30.0;

/// The whole map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapLayout {
    pub width: f64,
    pub height: f64,
    /// By the number of the concept; of no meaning for those that are not drawn.
    pub places: Vec<Place>,
    /// Numbers of the concepts that are drawn, in rising order.
    pub members: Vec<usize>,
}

impl MapLayout {
    /// The rectangle that holds all boxes of a group; none where none of it is drawn.
    pub fn around_group(&self, graph: &ConceptGraph, group: &str) -> Option<Place> {
        let members = self.members.iter().copied();
        let mut places = members
            .filter(|&number| graph.concept(number).group == group)
            .map(|number| self.places[number]);
        let first = places.next()?;
        Some(places.fold(first, |all, place| {
            let (x, y) = (all.x.min(place.x), all.y.min(place.y));
            Place {
                x,
                y,
                width: (all.x + all.width).max(place.x + place.width) - x,
                height: (all.y + all.height).max(place.y + place.height) - y,
            }
        }))
    }
}

/// Lays the concepts out: what a concept needs stands left of it.
pub fn lay_out(graph: &ConceptGraph) -> MapLayout {
    let vertices: Vec<(u32, (f64, f64))> = (0..graph.len())
        .map(|number| (number as u32, (NODE_HEIGHT, NODE_WIDTH)))
        .collect();
    let edges: Vec<(u32, u32)> = (0..graph.len())
        .flat_map(|number| {
            let needs = graph.needs(number).iter();
            needs.map(move |&need| (need as u32, number as u32))
        })
        .collect();
    let config = Config {
        vertex_spacing: ROW_GAP,
        ..Config::default()
    };
    let mut places = vec![Place::default(); graph.len()];
    let mut top = MARGIN;
    let mut width: f64 = 0.0;
    for (positions, _, _) in rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config) {
        let least = positions.iter().map(|&(_, (x, _))| x);
        let least = least.fold(f64::INFINITY, f64::min);
        let mut lowest = top;
        for (number, (x, _)) in positions {
            // The layer is the longest way that leads here, so every edge leads to the right.
            let column = graph.depth(number) as f64;
            let place = Place {
                x: MARGIN + column * (NODE_WIDTH + COLUMN_GAP),
                y: top + (x - least),
                width: NODE_WIDTH,
                height: NODE_HEIGHT,
            };
            lowest = lowest.max(place.y + NODE_HEIGHT);
            width = width.max(place.x + NODE_WIDTH + MARGIN);
            places[number] = place;
        }
        top = lowest + 2.0 * ROW_GAP;
    }
    let height = spread(graph, &mut places);
    MapLayout {
        width,
        height,
        places,
        members: (0..graph.len()).collect(),
    }
}

/// Lays out the concepts of a diagram alone: arrows lead to the right, but for those that close a circle.
pub fn lay_out_diagram(graph: &ConceptGraph, edges: &[(usize, usize)]) -> MapLayout {
    let mut members: Vec<usize> = edges.iter().flat_map(|&(from, to)| [from, to]).collect();
    members.sort_unstable();
    members.dedup();
    // Numbered anew from 0, as the library numbers what it gives back.
    let place_of = |number: usize| members.partition_point(|&member| member < number) as u32;
    let vertices: Vec<(u32, (f64, f64))> = members
        .iter()
        .map(|&number| (place_of(number), (NODE_HEIGHT, NODE_WIDTH)))
        .collect();
    // The longest way that leads to a concept; as many rounds as a way can have arrows, so that circles end.
    let mut columns = vec![0_usize; graph.len()];
    for _ in 1..members.len() {
        for &(from, to) in edges {
            columns[to] = columns[to].max(columns[from] + 1).min(members.len() - 1);
        }
    }
    let edges: Vec<(u32, u32)> = edges
        .iter()
        .map(|&(from, to)| (place_of(from), place_of(to)))
        .collect();
    let config = Config {
        vertex_spacing: DIAGRAM_GAP,
        ..Config::default()
    };
    let mut places = vec![Place::default(); graph.len()];
    let (mut width, mut top) = (0.0_f64, MARGIN);
    for (positions, _, _) in rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config) {
        let least = positions.iter().map(|&(_, (x, _))| x);
        let least = least.fold(f64::INFINITY, f64::min);
        let mut lowest = top;
        for (place, (x, _)) in positions {
            let number = members[place];
            let column = columns[number] as f64;
            let place = Place {
                x: MARGIN + column * (NODE_WIDTH + COLUMN_GAP),
                y: top + (x - least),
                width: NODE_WIDTH,
                height: NODE_HEIGHT,
            };
            width = width.max(place.x + NODE_WIDTH + MARGIN);
            lowest = lowest.max(place.y + NODE_HEIGHT);
            places[number] = place;
        }
        top = lowest + 2.0 * DIAGRAM_GAP;
    }
    // A concept may stand in another column than it was given a place in.
    let mut order = members.clone();
    order.sort_by(|&one, &other| {
        let (one, other) = (&places[one], &places[other]);
        one.x.total_cmp(&other.x).then(one.y.total_cmp(&other.y))
    });
    for pair in order.windows(2) {
        let (above, below) = (places[pair[0]], &mut places[pair[1]]);
        if (above.x - below.x).abs() < 1.0 {
            below.y = below.y.max(above.y + NODE_HEIGHT + DIAGRAM_GAP);
        }
    }
    let bottom = members.iter().map(|&number| places[number].y);
    MapLayout {
        width,
        height: bottom.fold(0.0, f64::max) + NODE_HEIGHT + MARGIN,
        places,
        members,
    }
}

/// Keeps the order that was found in each column and takes out the room that long edges were given; returns the
/// height of the map.
fn spread(graph: &ConceptGraph, places: &mut [Place]) -> f64 {
    let columns = (0..graph.len()).map(|number| graph.depth(number)).max();
    let columns: Vec<Vec<usize>> = (0..=columns.unwrap_or(0))
        .map(|column| {
            let mut members: Vec<usize> = (0..graph.len())
                .filter(|&number| graph.depth(number) == column)
                .collect();
            members.sort_by(|&one, &other| places[one].y.total_cmp(&places[other].y));
            members
        })
        .collect();
    let step = NODE_HEIGHT + ROW_GAP;
    let most = columns.iter().map(Vec::len).max().unwrap_or(0);
    let height = 2.0 * MARGIN + most as f64 * step - ROW_GAP;
    // Each box wants to stand at the height of what it needs; the order in its column stays.
    for members in &columns {
        let wanted: Vec<f64> = members
            .iter()
            .map(|&number| match graph.needs(number) {
                [] => height / 2.0,
                needs => {
                    let sum: f64 = needs.iter().map(|&need| places[need].y).sum();
                    sum / needs.len() as f64
                }
            })
            .collect();
        for (&number, y) in members.iter().zip(without_overlaps(&wanted, step, height)) {
            places[number].y = y;
        }
    }
    height
}

/// Places in rising order at least `step` apart and inside the map, each as near to where it wants to be as the ones
/// beside it let it.
fn without_overlaps(wanted: &[f64], step: f64, height: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&one, &other| wanted[one].total_cmp(&wanted[other]));
    // In the order of the wishes, so that edges cross little.
    let mut places = vec![0.0; wanted.len()];
    let mut least = MARGIN;
    for &one in &order {
        places[one] = wanted[one].max(least);
        least = places[one] + step;
    }
    let mut most = height - MARGIN - NODE_HEIGHT;
    for &one in order.iter().rev() {
        places[one] = places[one].min(most);
        most = places[one] - step;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::state::EdgeChoice;
    use super::super::state::tests::shipped;
    use super::*;
    use crate::course::Source;

    #[test]
    fn the_boxes_of_a_group_lie_in_its_rectangle() {
        let graph = shipped();
        let layout = lay_out(&graph);
        let around = layout.around_group(&graph, "compute").unwrap();
        let members = (0..graph.len()).filter(|&number| graph.concept(number).group == "compute");
        for place in members.map(|number| layout.places[number]) {
            assert!(place.x >= around.x && place.x + place.width <= around.x + around.width);
            assert!(place.y >= around.y && place.y + place.height <= around.y + around.height);
        }
        assert!(layout.around_group(&graph, "nothing").is_none());
    }

    #[test]
    fn a_diagram_shows_its_concepts_alone_and_none_on_another() {
        let graph = shipped();
        for (source, count) in Source::DIAGRAMS.into_iter().zip([13, 6, 8]) {
            let edges = EdgeChoice::Diagram(source).edges(&graph);
            let layout = lay_out_diagram(&graph, &edges);
            assert_eq!(layout.members.len(), count, "{source:?}");
            for (number, &one) in layout.members.iter().enumerate() {
                let place = layout.places[one];
                assert_eq!((place.width, place.height), (NODE_WIDTH, NODE_HEIGHT));
                assert!(place.x >= 0.0 && place.x + place.width <= layout.width);
                assert!(place.y >= 0.0 && place.y + place.height <= layout.height);
                for &other in &layout.members[..number] {
                    assert!(!place.overlaps(&layout.places[other]));
                }
            }
            for (from, to) in edges {
                assert!(layout.places[from].x < layout.places[to].x);
            }
        }
    }

    #[test]
    fn every_concept_stands_right_of_what_it_needs_and_none_on_another() {
        let graph = shipped();
        let layout = lay_out(&graph);
        for number in 0..graph.len() {
            let place = layout.places[number];
            assert!(place.x >= 0.0 && place.x + place.width <= layout.width);
            assert!(
                place.y >= 0.0 && place.y + place.height <= layout.height,
                "{} at {place:?}",
                graph.concept(number).id
            );
            for &need in graph.needs(number) {
                assert!(layout.places[need].x + NODE_WIDTH < place.x);
            }
            for other in 0..number {
                let other_place = layout.places[other];
                assert!(
                    !place.overlaps(&other_place),
                    "{} on {}",
                    graph.concept(number).id,
                    graph.concept(other).id
                );
            }
        }
    }
}
