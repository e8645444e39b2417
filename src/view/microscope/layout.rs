//! Where the nodes and edges of a batch stand in its picture.
//!
//! Forward runs from left to right in the upper half, laid out by Sugiyama's method. Each backward
//! node stands below its forward partner, in the same column, so that gradients flow back from
//! right to left along the same way. The update lies below all, as wide as what feeds it.

use std::collections::HashMap;

use rust_sugiyama::configure::Config;

use super::model::shape_label;
use crate::graph::Phase;
use crate::session::{GraphFacts, NodeFacts, TensorKind};

/// Size of a node, in pixels at a zoom of 1.
pub const NODE_WIDTH: f64 = 124.0;
pub const NODE_HEIGHT: f64 = 44.0;
/// Between two columns: room for the shape on the edge.
const COLUMN_GAP: f64 = 100.0;
const ROW_GAP: f64 = 16.0;
/// Between forward, backward and update.
const BAND_GAP: f64 = 56.0;
const MARGIN: f64 = 24.0;
/// Above the first row: room for ways that pass over other nodes.
const TOP_MARGIN: f64 = 44.0;

/// A box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Place {
    pub fn center(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Whether two boxes share a point inside.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// What flows along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flow {
    /// Activations on their way to the loss.
    Forward,
    /// Gradients on their way back.
    Gradient,
    /// A forward value that the backward pass uses again.
    Reuse,
    /// Gradients that the update takes.
    Update,
}

/// A tensor on its way from one node to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    pub tensor: String,
    pub from: usize,
    pub to: usize,
    pub flow: Flow,
    /// SVG path data.
    pub path: String,
    /// The shape, and where the middle of its text stands; only for the main ways.
    pub label: Option<(String, f64, f64)>,
}

/// The whole picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// By the number of the node.
    pub nodes: Vec<Place>,
    pub edges: Vec<Edge>,
}

/// Lays out a batch's graph.
pub fn layout(facts: &GraphFacts) -> Layout {
    let nodes = &facts.nodes;
    let producers = producers(facts);
    let mut places: Vec<Option<Place>> = vec![None; nodes.len()];
    place_forward(nodes, &producers, &mut places);
    let forward_bottom = bottom(&places).unwrap_or(MARGIN);
    place_backward(nodes, &producers, forward_bottom + BAND_GAP, &mut places);
    let links = links(facts, &producers);
    place_updates(nodes, &links, &mut places);
    let nodes: Vec<Place> = places.into_iter().map(Option::unwrap_or_default).collect();
    let edges = links
        .into_iter()
        .map(|link| edge(facts, &nodes, link))
        .collect();
    let right = nodes.iter().map(|place| place.x + place.width);
    let lower = nodes.iter().map(|place| place.y + place.height);
    Layout {
        width: right.fold(0.0, f64::max) + MARGIN,
        height: lower.fold(0.0, f64::max) + MARGIN,
        nodes,
        edges,
    }
}

/// The node that writes each tensor; of several the first.
fn producers(facts: &GraphFacts) -> HashMap<&str, usize> {
    let mut producers = HashMap::new();
    for (number, node) in facts.nodes.iter().enumerate() {
        for (_, tensor) in &node.outputs {
            producers.entry(tensor.as_str()).or_insert(number);
        }
    }
    producers
}

fn is_forward(node: &NodeFacts) -> bool {
    matches!(node.phase, Phase::Data | Phase::Forward | Phase::Loss)
}

fn bottom(places: &[Option<Place>]) -> Option<f64> {
    let lower = places.iter().flatten().map(|place| place.y + place.height);
    lower.reduce(f64::max)
}

/// Layers of Sugiyama's method become columns.
fn place_forward(
    nodes: &[NodeFacts],
    producers: &HashMap<&str, usize>,
    places: &mut [Option<Place>],
) {
    // The method goes from top to bottom: width and height change places.
    let vertices: Vec<(u32, (f64, f64))> = (0..nodes.len())
        .filter(|&number| is_forward(&nodes[number]))
        .map(|number| (number as u32, (NODE_HEIGHT, NODE_WIDTH)))
        .collect();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    for &(number, _) in &vertices {
        for (_, tensor) in &nodes[number as usize].inputs {
            let Some(&from) = producers.get(tensor.as_str()) else {
                continue;
            };
            let edge = (from as u32, number);
            // The label's way from the batch to the loss would pull the chain out of line.
            let is_label = nodes[from].phase == Phase::Data
                && nodes[number as usize].phase == Phase::Loss
                && nodes.iter().any(|node| node.phase == Phase::Forward);
            let is_new = from != number as usize && !edges.contains(&edge);
            if is_new && is_forward(&nodes[from]) && !is_label {
                edges.push(edge);
            }
        }
    }
    let config = Config {
        vertex_spacing: ROW_GAP,
        ..Config::default()
    };
    let parts = rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config);
    let mut top = TOP_MARGIN;
    for (positions, _, _) in parts {
        let columns = sorted_levels(positions.iter().map(|&(_, (_, y))| y));
        let least = positions.iter().map(|&(_, (x, _))| x);
        let least = least.fold(f64::INFINITY, f64::min);
        let mut lowest = top;
        for (number, (x, y)) in positions {
            let column = columns.iter().position(|&level| same_level(level, y));
            let place = Place {
                x: MARGIN + column.unwrap_or(0) as f64 * (NODE_WIDTH + COLUMN_GAP),
                y: top + (x - least),
                width: NODE_WIDTH,
                height: NODE_HEIGHT,
            };
            lowest = lowest.max(place.y + NODE_HEIGHT);
            places[number] = Some(place);
        }
        top = lowest + BAND_GAP;
    }
}

fn same_level(a: f64, b: f64) -> bool {
    (a - b).abs() < 1.0
}

fn sorted_levels(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut levels: Vec<f64> = values.collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|a, b| same_level(*a, *b));
    levels
}

/// Below their partners, column by column: what the gradient flows through on top, what it ends
/// in (weights, biases) below.
fn place_backward(
    nodes: &[NodeFacts],
    producers: &HashMap<&str, usize>,
    top: f64,
    places: &mut [Option<Place>],
) {
    let flows_on = |number: usize| {
        nodes.iter().any(|node| {
            node.phase == Phase::Backward
                && node
                    .inputs
                    .iter()
                    .any(|(_, tensor)| producers.get(tensor.as_str()) == Some(&number))
        })
    };
    let column_of = |number: usize| {
        let mut at = number;
        // A sum of gradients has no partner: it stands with what feeds it.
        for _ in 0..nodes.len() {
            let node = &nodes[at];
            if let Some(partner) = node.partner {
                return (
                    places.get(partner as usize).copied().flatten(),
                    partner as usize,
                );
            }
            let mut before = node
                .inputs
                .iter()
                .filter_map(|(_, tensor)| producers.get(tensor.as_str()))
                .filter(|&&from| nodes[from].phase == Phase::Backward && from < at);
            match before.next_back() {
                Some(&from) => at = from,
                None => break,
            }
        }
        (None, number)
    };
    let mut columns: Vec<Column> = Vec::new();
    for number in (0..nodes.len()).filter(|&n| nodes[n].phase == Phase::Backward) {
        let (place, partner) = column_of(number);
        let place = place.unwrap_or(Place {
            x: MARGIN,
            ..Place::default()
        });
        let entry = (place.y, partner, !flows_on(number), number);
        match columns.iter_mut().find(|(x, _)| same_level(*x, place.x)) {
            Some((_, column)) => column.push(entry),
            None => columns.push((place.x, vec![entry])),
        }
    }
    for (x, mut column) in columns {
        column.sort_by(|a, b| {
            a.0.total_cmp(&b.0)
                .then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3)))
        });
        for (row, (_, _, _, number)) in column.into_iter().enumerate() {
            places[number] = Some(Place {
                x,
                y: top + row as f64 * (NODE_HEIGHT + ROW_GAP),
                width: NODE_WIDTH,
                height: NODE_HEIGHT,
            });
        }
    }
}

/// Below everything; over as many columns as feed it.
fn place_updates(nodes: &[NodeFacts], links: &[Link], places: &mut [Option<Place>]) {
    let mut top = bottom(places).unwrap_or(MARGIN) + BAND_GAP;
    for number in (0..nodes.len()).filter(|&n| nodes[n].phase == Phase::Update) {
        let feeding: Vec<Place> = links
            .iter()
            .filter(|link| link.to == number)
            .filter_map(|link| places[link.from])
            .collect();
        let left = feeding
            .iter()
            .map(|p| p.x)
            .reduce(f64::min)
            .unwrap_or(MARGIN);
        let right = feeding.iter().map(|p| p.x + p.width).reduce(f64::max);
        places[number] = Some(Place {
            x: left,
            y: top,
            width: (right.unwrap_or(0.0) - left).max(NODE_WIDTH),
            height: NODE_HEIGHT,
        });
        top += NODE_HEIGHT + ROW_GAP;
    }
}

/// Left edge of a column of backward nodes, and the nodes in it: (height of the partner, the
/// partner's number, whether nothing flows on from it, its own number), the order from the top.
type Column = (f64, Vec<(f64, usize, bool, usize)>);

struct Link {
    tensor: String,
    from: usize,
    to: usize,
    flow: Flow,
}

fn links(facts: &GraphFacts, producers: &HashMap<&str, usize>) -> Vec<Link> {
    let nodes = &facts.nodes;
    let mut links: Vec<Link> = Vec::new();
    let mut add = |tensor: &str, from: usize, to: usize| {
        let flow = match (nodes[from].phase, nodes[to].phase) {
            (_, Phase::Update) => Flow::Update,
            (Phase::Backward, _) => Flow::Gradient,
            (_, Phase::Backward) => Flow::Reuse,
            _ => Flow::Forward,
        };
        let is_new = !links
            .iter()
            .any(|link| (link.tensor.as_str(), link.from, link.to) == (tensor, from, to));
        if from != to && is_new {
            links.push(Link {
                tensor: tensor.to_string(),
                from,
                to,
                flow,
            });
        }
    };
    for (to, node) in nodes.iter().enumerate() {
        for (_, tensor) in &node.inputs {
            if let Some(&from) = producers.get(tensor.as_str())
                && from < to
            {
                add(tensor, from, to);
            }
        }
    }
    // An update that takes all parameters as one row takes each one's gradient.
    for (to, node) in nodes.iter().enumerate() {
        let reads_row = node
            .inputs
            .iter()
            .any(|(_, t)| !producers.contains_key(t.as_str()));
        if node.phase != Phase::Update || !reads_row {
            continue;
        }
        let parameters = facts.tensors.iter();
        let gradients = parameters
            .filter(|tensor| tensor.kind == TensorKind::Parameter)
            .filter_map(|tensor| tensor.gradient.as_deref());
        for gradient in gradients {
            if let Some(&from) = producers.get(gradient) {
                add(gradient, from, to);
            }
        }
    }
    links
}

fn edge(facts: &GraphFacts, places: &[Place], link: Link) -> Edge {
    let (from, to) = (&places[link.from], &places[link.to]);
    let (start, end, is_level) = match link.flow {
        _ if same_level(from.x, to.x) => below(from, to),
        Flow::Update => {
            let x = from.center().0;
            ((x, from.y + from.height), (x, to.y), false)
        }
        Flow::Reuse => (
            (from.center().0, from.y + from.height),
            (to.center().0, to.y),
            false,
        ),
        _ if from.x < to.x => (
            (from.x + from.width, from.center().1),
            (to.x, to.center().1),
            true,
        ),
        _ => (
            (from.x, from.center().1),
            (to.x + to.width, to.center().1),
            true,
        ),
    };
    let is_near = (start.0 - end.0).abs() <= COLUMN_GAP + 1.0;
    let is_flat = same_level(start.1, end.1);
    let path = if is_level && is_flat && !is_near {
        over(from, to)
    } else if is_level {
        let bend = (start.0 + end.0) / 2.0;
        format!(
            "M{:.1} {:.1} C{bend:.1} {:.1} {bend:.1} {:.1} {:.1} {:.1}",
            start.0, start.1, start.1, end.1, end.0, end.1
        )
    } else {
        let bend = (start.1 + end.1) / 2.0;
        format!(
            "M{:.1} {:.1} C{:.1} {bend:.1} {:.1} {bend:.1} {:.1} {:.1}",
            start.0, start.1, start.0, end.0, end.0, end.1
        )
    };
    let shape = facts.tensors.iter().find(|t| t.name == link.tensor);
    let label = shape
        .filter(|_| is_level && is_near && is_flat)
        .map(|tensor| {
            let (x, y) = ((start.0 + end.0) / 2.0, (start.1 + end.1) / 2.0);
            (shape_label(&tensor.shape), x, y - 5.0)
        });
    Edge {
        tensor: link.tensor,
        from: link.from,
        to: link.to,
        flow: link.flow,
        path,
        label,
    }
}

/// From top to top, over what stands between.
fn over(from: &Place, to: &Place) -> String {
    let (start, end) = (from.center().0, to.center().0);
    let (top, lift) = (from.y.min(to.y), TOP_MARGIN - 8.0);
    let reach = (end - start).clamp(-60.0, 60.0);
    format!(
        "M{start:.1} {:.1} C{start:.1} {:.1} {:.1} {:.1} {:.1} {:.1} L{:.1} {:.1} C{:.1} {:.1} {end:.1} {:.1} {end:.1} {:.1}",
        from.y,
        top - lift,
        start + reach / 2.0,
        top - lift,
        start + reach,
        top - lift,
        end - reach,
        top - lift,
        end - reach / 2.0,
        top - lift,
        top - lift,
        to.y
    )
}

/// Straight down or up between two boxes of a column.
fn below(from: &Place, to: &Place) -> ((f64, f64), (f64, f64), bool) {
    let x = from.center().0;
    if from.y < to.y {
        ((x, from.y + from.height), (x, to.y), false)
    } else {
        ((x, from.y), (x, to.y + to.height), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::microscope::model::tests::small;

    fn no_overlaps(layout: &Layout) {
        for (a, one) in layout.nodes.iter().enumerate() {
            assert!(one.width > 0.0 && one.x >= 0.0 && one.y >= 0.0, "{one:?}");
            assert!(one.x + one.width <= layout.width && one.y + one.height <= layout.height);
            for (b, other) in layout.nodes.iter().enumerate().skip(a + 1) {
                assert!(!one.overlaps(other), "{a} {one:?} and {b} {other:?}");
            }
        }
    }

    #[test]
    fn nodes_do_not_overlap_and_partners_share_a_column() {
        let facts = small();
        let layout = layout(&facts);
        no_overlaps(&layout);
        for (number, node) in facts.nodes.iter().enumerate() {
            if let Some(partner) = node.partner {
                let (forward, backward) = (layout.nodes[partner as usize], layout.nodes[number]);
                assert_eq!(forward.x, backward.x, "{}", node.name);
                assert!(backward.y > forward.y + forward.height, "{}", node.name);
            }
        }
    }

    #[test]
    fn forward_goes_right_and_gradients_come_back() {
        let layout = layout(&small());
        let find = |tensor: &str, flow: Flow| {
            let mut edges = layout.edges.iter();
            edges
                .find(|edge| edge.tensor == tensor && edge.flow == flow)
                .unwrap_or_else(|| panic!("no edge of {tensor}"))
        };
        let x = |number: usize| layout.nodes[number].x;
        let forward = find("fc.y", Flow::Forward);
        assert!(x(forward.from) < x(forward.to));
        assert_eq!(
            forward.label.as_ref().map(|label| label.0.as_str()),
            Some("2×4")
        );
        let back = find("fc.y.grad", Flow::Gradient);
        assert!(x(back.from) > x(back.to));
        find("loss.p", Flow::Reuse);
        // The update takes its gradients as parts of one row.
        find("fc.weight.grad", Flow::Update);
        let update = layout.nodes[6];
        assert!(layout.nodes[..6].iter().all(|node| node.y < update.y));
    }

    #[test]
    fn branches_and_sums_are_placed_too() {
        // batch -> fc -> loss, and a second layer beside fc that joins in the loss.
        let mut facts = small();
        let mut second = facts.nodes[1].clone();
        second.name = "gc".into();
        second.outputs = vec![("y".into(), "gc.y".into())];
        facts.nodes.insert(2, second);
        facts.nodes[3].inputs.push(("y".into(), "gc.y".into()));
        facts.nodes[4].partner = Some(3);
        let mut sum = facts.nodes[4].clone();
        sum.name = "x.grad_sum".into();
        sum.partner = None;
        sum.inputs = vec![("a".into(), "fc.weight.grad".into())];
        sum.outputs = vec![("y".into(), "x.grad".into())];
        facts.nodes.insert(7, sum);
        no_overlaps(&layout(&facts));
    }

    #[test]
    fn nothing_and_a_single_node_have_a_picture() {
        let mut facts = small();
        facts.nodes.truncate(1);
        no_overlaps(&layout(&facts));
        facts.nodes.clear();
        assert!(layout(&facts).nodes.is_empty());
    }
}
