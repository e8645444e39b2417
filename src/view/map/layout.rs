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

/// The whole map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapLayout {
    pub width: f64,
    pub height: f64,
    /// By the number of the concept.
    pub places: Vec<Place>,
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
    use super::super::state::tests::shipped;
    use super::*;

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
