//! Where the nodes and edges of a batch stand in its picture.
//!
//! Forward runs from left to right in the upper half, laid out by Sugiyama's method. Each backward
//! node stands below its forward partner, in the same column, so that gradients flow back from
//! right to left along the same way. The update lies below all, as wide as what feeds it.
//!
//! A layer can be folded: its forward and backward nodes become one box in the upper half. What stands
//! by itself in the picture, a node or a folded layer, is called a *unit* here.

use std::collections::{HashMap, HashSet};

use rust_sugiyama::configure::Config;

use super::layers::{Layer, layers};
use super::model::shape_label;
use crate::graph::Phase;
use crate::session::{GraphFacts, TensorKind};

/// Size of a node, in pixels at a zoom of 1.
pub const NODE_WIDTH: f64 = 124.0;
pub const NODE_HEIGHT: f64 = 44.0;
/// Height of a folded layer: room for a mark for each of its nodes.
pub const LAYER_HEIGHT: f64 = 66.0;
/// Between two columns: room for the shape on the edge.
const COLUMN_GAP: f64 = 100.0;
const ROW_GAP: f64 = 16.0;
/// Between forward, backward and update.
const BAND_GAP: f64 = 56.0;
const MARGIN: f64 = 24.0;
/// Between two ways that pass over or under other units.
const LANE: f64 = 18.0;

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

    fn right(&self) -> f64 {
        self.x + self.width
    }

    fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// Whether two boxes share a point inside.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
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

/// A layer drawn as one box.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedLayer {
    pub layer: Layer,
    pub place: Place,
}

/// The whole picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// By the number of the node; nodes of a folded layer share its box.
    pub nodes: Vec<Place>,
    pub edges: Vec<Edge>,
    pub folded: Vec<FoldedLayer>,
}

impl Layout {
    /// Whether a node is part of a folded layer.
    pub fn is_folded(&self, node: usize) -> bool {
        let mut folded = self.folded.iter();
        folded.any(|folded| folded.layer.nodes.contains(&node))
    }
}

/// Lays out a batch's graph with every node by itself.
pub fn layout(facts: &GraphFacts) -> Layout {
    arrange(facts, &HashSet::new())
}

/// Lays out a batch's graph; the layers named in `folded` as one box each.
pub fn arrange(facts: &GraphFacts, folded: &HashSet<String>) -> Layout {
    let plan = Plan::new(facts, folded);
    let mut places: Vec<Place> = vec![Place::default(); plan.units.len()];
    plan.place_forward(&mut places);
    let over = plan.lanes(Band::Forward, &places);
    plan.shift(Band::Forward, over.room(), &mut places);
    let middle = plan.bottom(Band::Forward, &places).unwrap_or(MARGIN);
    plan.place_backward(middle + BAND_GAP, &mut places);
    let under = plan.lanes(Band::Backward, &places);
    plan.shift(Band::Backward, under.room(), &mut places);
    plan.place_updates(&mut places);
    let top = MARGIN + over.room() - LANE;
    let gap = middle + BAND_GAP / 2.0 + under.room() - LANE;
    let edges = plan
        .links
        .iter()
        .enumerate()
        .map(|(number, link)| {
            let lane = over.of.get(&number).map(|lane| top - *lane as f64 * LANE);
            let under = under.of.get(&number);
            let lane = lane.or(under.map(|lane| gap - *lane as f64 * LANE));
            plan.edge(link, lane, &places)
        })
        .collect();
    let nodes: Vec<Place> = plan.unit_of.iter().map(|&unit| places[unit]).collect();
    let folded = plan.units.iter().zip(&places).filter_map(|(unit, &place)| {
        let layer = unit.layer.clone()?;
        Some(FoldedLayer { layer, place })
    });
    Layout {
        width: places.iter().map(Place::right).fold(0.0, f64::max) + MARGIN,
        height: places.iter().map(Place::bottom).fold(0.0, f64::max) + MARGIN,
        nodes,
        edges,
        folded: folded.collect(),
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

fn same_level(a: f64, b: f64) -> bool {
    (a - b).abs() < 1.0
}

fn sorted_levels(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut levels: Vec<f64> = values.collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|a, b| same_level(*a, *b));
    levels
}

/// The part of the picture in which a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Band {
    Forward,
    Backward,
    Update,
}

struct Unit {
    nodes: Vec<usize>,
    band: Band,
    /// Where it is a folded layer.
    layer: Option<Layer>,
}

impl Unit {
    fn height(&self) -> f64 {
        if self.layer.is_some() {
            LAYER_HEIGHT
        } else {
            NODE_HEIGHT
        }
    }
}

struct Link {
    tensor: String,
    from: usize,
    to: usize,
    flow: Flow,
}

/// Ways that pass other units, by the number of their link: how far out each runs.
#[derive(Default)]
struct Lanes {
    of: HashMap<usize, usize>,
    count: usize,
}

impl Lanes {
    fn room(&self) -> f64 {
        self.count as f64 * LANE
    }
}

/// Left edge of a column of backward units, and the units in it: (height of the partner, the
/// partner's number, whether nothing flows on from it, its own number), the order from the top.
type Column = (f64, Vec<(f64, usize, bool, usize)>);

/// What stands in the picture, before it has a place.
struct Plan<'a> {
    facts: &'a GraphFacts,
    units: Vec<Unit>,
    /// By the number of the node.
    unit_of: Vec<usize>,
    links: Vec<Link>,
}

impl<'a> Plan<'a> {
    fn new(facts: &'a GraphFacts, folded: &HashSet<String>) -> Self {
        let nodes = &facts.nodes;
        let mut units: Vec<Unit> = Vec::new();
        let mut unit_of = vec![usize::MAX; nodes.len()];
        let all = layers(facts);
        for number in 0..nodes.len() {
            if unit_of[number] != usize::MAX {
                continue;
            }
            let layer = all
                .iter()
                .find(|layer| layer.nodes.contains(&number))
                .filter(|layer| layer.can_fold() && folded.contains(&layer.name));
            let band = match nodes[number].phase {
                _ if layer.is_some() => Band::Forward,
                Phase::Backward => Band::Backward,
                Phase::Update => Band::Update,
                _ => Band::Forward,
            };
            let members = layer.map_or(vec![number], |layer| layer.nodes.clone());
            for &member in &members {
                unit_of[member] = units.len();
            }
            units.push(Unit {
                nodes: members,
                band,
                layer: layer.cloned(),
            });
        }
        let links = links(facts, &unit_of);
        Self {
            facts,
            units,
            unit_of,
            links,
        }
    }

    fn of_band(&self, band: Band) -> impl Iterator<Item = usize> + '_ {
        (0..self.units.len()).filter(move |&unit| self.units[unit].band == band)
    }

    fn bottom(&self, band: Band, places: &[Place]) -> Option<f64> {
        let lower = self.of_band(band).map(|unit| places[unit].bottom());
        lower.reduce(f64::max)
    }

    fn shift(&self, band: Band, down: f64, places: &mut [Place]) {
        for unit in self.of_band(band) {
            places[unit].y += down;
        }
    }

    /// Layers of Sugiyama's method become columns.
    fn place_forward(&self, places: &mut [Place]) {
        // The method goes from top to bottom: width and height change places.
        let height = self.of_band(Band::Forward).map(|u| self.units[u].height());
        let height = height.fold(NODE_HEIGHT, f64::max);
        let vertices: Vec<(u32, (f64, f64))> = self
            .of_band(Band::Forward)
            .map(|unit| (unit as u32, (height, NODE_WIDTH)))
            .collect();
        let nodes = &self.facts.nodes;
        let has_forward = nodes.iter().any(|node| node.phase == Phase::Forward);
        let mut edges: Vec<(u32, u32)> = Vec::new();
        for link in self.links.iter().filter(|link| link.flow == Flow::Forward) {
            // The label's way from the batch to the loss would pull the chain out of line.
            let is_label = nodes[link.from].phase == Phase::Data
                && nodes[link.to].phase == Phase::Loss
                && has_forward;
            let edge = (self.unit_of[link.from] as u32, self.unit_of[link.to] as u32);
            if !is_label && !edges.contains(&edge) {
                edges.push(edge);
            }
        }
        let config = Config {
            vertex_spacing: ROW_GAP,
            ..Config::default()
        };
        let parts = rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config);
        let mut top = MARGIN;
        for (positions, _, _) in parts {
            let columns = sorted_levels(positions.iter().map(|&(_, (_, y))| y));
            let least = positions.iter().map(|&(_, (x, _))| x);
            let least = least.fold(f64::INFINITY, f64::min);
            let mut lowest = top;
            for (unit, (x, y)) in positions {
                let column = columns.iter().position(|&level| same_level(level, y));
                let place = Place {
                    x: MARGIN + column.unwrap_or(0) as f64 * (NODE_WIDTH + COLUMN_GAP),
                    y: top + (x - least),
                    width: NODE_WIDTH,
                    height: self.units[unit].height(),
                };
                lowest = lowest.max(place.bottom());
                places[unit] = place;
            }
            top = lowest + BAND_GAP;
        }
    }

    /// The unit below which a backward unit stands.
    fn partner(&self, unit: usize) -> Option<usize> {
        let nodes = &self.facts.nodes;
        let mut at = *self.units[unit].nodes.first()?;
        // A sum of gradients has no partner: it stands with what feeds it.
        for _ in 0..nodes.len() {
            if let Some(partner) = nodes[at].partner {
                return Some(self.unit_of[partner as usize]);
            }
            let before =
                |link: &&Link| link.to == at && link.flow == Flow::Gradient && link.from < at;
            at = self.links.iter().rev().find(before)?.from;
        }
        None
    }

    /// Below their partners, column by column: what the gradient flows through on top, what it ends
    /// in (weights, biases) below.
    fn place_backward(&self, top: f64, places: &mut [Place]) {
        let flows_on = |unit: usize| {
            self.links
                .iter()
                .any(|link| link.flow == Flow::Gradient && self.unit_of[link.from] == unit)
        };
        let mut columns: Vec<Column> = Vec::new();
        for unit in self.of_band(Band::Backward) {
            let partner = self.partner(unit);
            let place = partner.map_or(
                Place {
                    x: MARGIN,
                    ..Place::default()
                },
                |partner| places[partner],
            );
            let entry = (place.y, partner.unwrap_or(unit), !flows_on(unit), unit);
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
            for (row, (_, _, _, unit)) in column.into_iter().enumerate() {
                places[unit] = Place {
                    x,
                    y: top + row as f64 * (NODE_HEIGHT + ROW_GAP),
                    width: NODE_WIDTH,
                    height: NODE_HEIGHT,
                };
            }
        }
    }

    /// Below everything; over as many columns as feed it.
    fn place_updates(&self, places: &mut [Place]) {
        let bottoms = [Band::Forward, Band::Backward].map(|band| self.bottom(band, places));
        let lowest = bottoms.into_iter().flatten().reduce(f64::max);
        let mut top = lowest.unwrap_or(MARGIN) + BAND_GAP;
        for unit in self.of_band(Band::Update) {
            let feeding: Vec<Place> = self
                .links
                .iter()
                .filter(|link| self.unit_of[link.to] == unit)
                .map(|link| places[self.unit_of[link.from]])
                .collect();
            let left = feeding.iter().map(|p| p.x).reduce(f64::min);
            let left = left.unwrap_or(MARGIN);
            let right = feeding.iter().map(Place::right).reduce(f64::max);
            places[unit] = Place {
                x: left,
                y: top,
                width: (right.unwrap_or(0.0) - left).max(NODE_WIDTH),
                height: NODE_HEIGHT,
            };
            top += NODE_HEIGHT + ROW_GAP;
        }
    }

    /// Where an edge leaves and arrives, in height: a folded layer has its gradients further down.
    fn level(&self, unit: usize, flow: Flow, place: &Place) -> f64 {
        match (&self.units[unit].layer, flow) {
            (Some(_), Flow::Gradient) => place.bottom() - 13.0,
            (Some(_), _) => place.y + NODE_HEIGHT / 2.0,
            (None, _) => place.center().1,
        }
    }

    /// The ways that would run through other units of a band, each on a lane of its own where they
    /// are side by side.
    fn lanes(&self, band: Band, places: &[Place]) -> Lanes {
        let mut lanes = Lanes::default();
        // (left, right) of what runs on each lane.
        let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
        for (number, link) in self.links.iter().enumerate() {
            let (from, to) = (self.unit_of[link.from], self.unit_of[link.to]);
            let is_level = matches!(link.flow, Flow::Forward | Flow::Gradient);
            let is_here = match link.flow {
                // Gradients between folded layers run in the gap below them.
                Flow::Gradient => band == Band::Backward,
                _ => band == Band::Forward,
            };
            if !is_level || !is_here || !self.is_obstructed(link, places) {
                continue;
            }
            let (a, b) = (places[from].center().0, places[to].center().0);
            let span = (a.min(b), a.max(b));
            let is_free = |lane: &&mut Vec<(f64, f64)>| {
                lane.iter()
                    .all(|other| span.1 <= other.0 || other.1 <= span.0)
            };
            let lane = match taken.iter_mut().position(|lane| is_free(&lane)) {
                Some(lane) => lane,
                None => {
                    taken.push(Vec::new());
                    taken.len() - 1
                }
            };
            taken[lane].push(span);
            lanes.of.insert(number, lane);
        }
        lanes.count = taken.len();
        lanes
    }

    /// Whether another unit stands between the two ends.
    fn is_obstructed(&self, link: &Link, places: &[Place]) -> bool {
        let (from, to) = (self.unit_of[link.from], self.unit_of[link.to]);
        let levels = [from, to].map(|unit| self.level(unit, link.flow, &places[unit]));
        let (high, low) = (
            levels[0].min(levels[1]) - 4.0,
            levels[0].max(levels[1]) + 4.0,
        );
        let (left, right) = (
            places[from].x.min(places[to].x),
            places[from].x.max(places[to].x),
        );
        (0..self.units.len()).any(|unit| {
            let place = &places[unit];
            unit != from
                && unit != to
                && place.width > 0.0
                && place.x > left + 1.0
                && place.x < right - 1.0
                && place.y < low
                && place.bottom() > high
        })
    }

    fn edge(&self, link: &Link, lane: Option<f64>, places: &[Place]) -> Edge {
        let (from_unit, to_unit) = (self.unit_of[link.from], self.unit_of[link.to]);
        let (from, to) = (&places[from_unit], &places[to_unit]);
        let level = |unit: usize| self.level(unit, link.flow, &places[unit]);
        let (start, end, is_level) = match link.flow {
            _ if same_level(from.x, to.x) => below(from, to),
            Flow::Update => {
                let x = from.center().0;
                ((x, from.bottom()), (x, to.y), false)
            }
            Flow::Reuse => (
                (from.center().0, from.bottom()),
                (to.center().0, to.y),
                false,
            ),
            _ if from.x < to.x => (
                (from.right(), level(from_unit)),
                (to.x, level(to_unit)),
                true,
            ),
            _ => (
                (from.x, level(from_unit)),
                (to.right(), level(to_unit)),
                true,
            ),
        };
        let path = match lane {
            Some(lane) => along(from, to, lane),
            None if is_level => {
                let bend = (start.0 + end.0) / 2.0;
                format!(
                    "M{:.1} {:.1} C{bend:.1} {:.1} {bend:.1} {:.1} {:.1} {:.1}",
                    start.0, start.1, start.1, end.1, end.0, end.1
                )
            }
            None => {
                let bend = (start.1 + end.1) / 2.0;
                format!(
                    "M{:.1} {:.1} C{:.1} {bend:.1} {:.1} {bend:.1} {:.1} {:.1}",
                    start.0, start.1, start.0, end.0, end.0, end.1
                )
            }
        };
        let shape = self.facts.tensors.iter().find(|t| t.name == link.tensor);
        let label = shape.filter(|_| lane.is_some() || is_level).map(|tensor| {
            let y = lane.unwrap_or((start.1 + end.1) / 2.0);
            (shape_label(&tensor.shape), (start.0 + end.0) / 2.0, y - 5.0)
        });
        Edge {
            tensor: link.tensor.clone(),
            from: link.from,
            to: link.to,
            flow: link.flow,
            path,
            label,
        }
    }
}

/// What flows from unit to unit; between two units every tensor once.
fn links(facts: &GraphFacts, unit_of: &[usize]) -> Vec<Link> {
    let nodes = &facts.nodes;
    let producers = producers(facts);
    let mut links: Vec<Link> = Vec::new();
    let mut seen: HashSet<(String, usize, usize)> = HashSet::new();
    let mut add = |tensor: &str, from: usize, to: usize| {
        let flow = match (nodes[from].phase, nodes[to].phase) {
            (_, Phase::Update) => Flow::Update,
            (Phase::Backward, _) => Flow::Gradient,
            (_, Phase::Backward) => Flow::Reuse,
            _ => Flow::Forward,
        };
        let ends = (tensor.to_string(), unit_of[from], unit_of[to]);
        if ends.1 != ends.2 && seen.insert(ends) {
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

/// Up or down to a lane, along it past what stands between, and back.
fn along(from: &Place, to: &Place, lane: f64) -> String {
    let (start, end) = (from.center().0, to.center().0);
    let side = |place: &Place| {
        if lane < place.y {
            place.y
        } else {
            place.bottom()
        }
    };
    let reach = (end - start).clamp(-60.0, 60.0);
    format!(
        "M{start:.1} {:.1} C{start:.1} {lane:.1} {:.1} {lane:.1} {:.1} {lane:.1} L{:.1} {lane:.1} \
         C{:.1} {lane:.1} {end:.1} {lane:.1} {end:.1} {:.1}",
        side(from),
        start + reach / 2.0,
        start + reach,
        end - reach,
        end - reach / 2.0,
        side(to)
    )
}

/// Straight down or up between two boxes of a column.
fn below(from: &Place, to: &Place) -> ((f64, f64), (f64, f64), bool) {
    let x = from.center().0;
    if from.y < to.y {
        ((x, from.bottom()), (x, to.y), false)
    } else {
        ((x, from.y), (x, to.bottom()), false)
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

    fn folded_names(facts: &GraphFacts) -> HashSet<String> {
        layers(facts).into_iter().map(|layer| layer.name).collect()
    }

    #[test]
    fn a_folded_layer_is_one_box_with_both_directions_beside_it() {
        let facts = small();
        let layout = arrange(&facts, &folded_names(&facts));
        let names: Vec<&str> = layout
            .folded
            .iter()
            .map(|f| f.layer.name.as_str())
            .collect();
        assert_eq!(names, ["fc", "loss"]);
        assert_eq!(
            layout.nodes[1], layout.nodes[4],
            "forward and backward share a box"
        );
        assert!(layout.is_folded(4) && !layout.is_folded(0) && !layout.is_folded(6));
        let between: Vec<Flow> = layout
            .edges
            .iter()
            .filter(|edge| edge.from.min(edge.to) >= 1 && edge.to != 6)
            .map(|edge| edge.flow)
            .collect();
        assert_eq!(between, [Flow::Forward, Flow::Gradient]);
        // Nothing leads from a box into itself.
        assert!(
            layout
                .edges
                .iter()
                .all(|edge| layout.nodes[edge.from] != layout.nodes[edge.to])
        );
        // One alone: the others stay as they are.
        let one = arrange(&facts, &HashSet::from(["fc".to_string()]));
        assert_eq!(one.folded.len(), 1);
        assert_eq!(one.nodes[2].x, one.nodes[3].x, "the loss and its gradient");
    }

    /// A chain of layers, with a skip over every second one that an addition joins.
    fn residual(blocks: usize) -> GraphFacts {
        let base = small();
        let mut facts = GraphFacts {
            nodes: vec![base.nodes[0].clone()],
            tensors: base.tensors.clone(),
        };
        let mut before = "batch.x".to_string();
        for block in 0..blocks {
            let mut layer = base.nodes[1].clone();
            layer.name = format!("fc{block}");
            layer.layer.clone_from(&layer.name);
            layer.inputs = vec![("x".into(), before.clone())];
            layer.outputs = vec![("y".into(), format!("fc{block}.y"))];
            let mut sum = layer.clone();
            sum.name = format!("add{block}");
            sum.layer.clone_from(&sum.name);
            sum.inputs = vec![("a".into(), before), ("b".into(), format!("fc{block}.y"))];
            sum.outputs = vec![("y".into(), format!("add{block}.y"))];
            before = format!("add{block}.y");
            facts.nodes.extend([layer, sum]);
        }
        facts
    }

    #[test]
    fn skips_have_a_way_of_their_own_with_their_shape() {
        let facts = residual(3);
        let layout = layout(&facts);
        no_overlaps(&layout);
        // From the batch over the first layer to the first sum.
        let mut edges = layout.edges.iter();
        let skip = edges.find(|edge| edge.tensor == "batch.x" && edge.to == 2);
        let (shape, x, y) = skip.and_then(|skip| skip.label.clone()).unwrap();
        assert_eq!(shape, "2×3");
        let mut boxes = layout.nodes.iter();
        assert!(
            !boxes
                .any(|place| place.x < x && x < place.right() && place.y < y && y < place.bottom()),
            "{x} {y}"
        );
    }

    #[test]
    fn what_would_run_through_others_passes_above_them() {
        let layout = layout(&small());
        let mut edges = layout.edges.iter();
        let target = edges.find(|edge| edge.tensor == "batch.t" && edge.flow == Flow::Forward);
        let target = target.unwrap();
        assert!(target.path.contains('L'), "{}", target.path);
        let (shape, _, y) = target.label.clone().unwrap();
        assert_eq!(shape, "2");
        let tops = layout.nodes.iter().map(|node| node.y);
        assert!(y > 0.0 && y < tops.fold(f64::INFINITY, f64::min), "{y}");
    }

    #[test]
    fn a_graph_of_many_nodes_is_laid_out_folded_and_not() {
        let facts = residual(60);
        no_overlaps(&layout(&facts));
        let started = std::time::Instant::now();
        let folded = arrange(&facts, &folded_names(&facts));
        assert!(folded.width > layout(&residual(3)).width);
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }
}
