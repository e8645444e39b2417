//! What the map shows, as it stands in its address, and what a learner knows, as it is kept.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::course::{ConceptGraph, EdgeKind, Source};

/// Which edges are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EdgeChoice {
    /// What is to be learned first.
    #[default]
    Needs,
    /// One of the other kinds.
    Kind(EdgeKind),
    /// The arrows of one of the articles' diagrams.
    Diagram(Source),
}

impl EdgeChoice {
    /// In the order in which they are offered.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Needs]
            .into_iter()
            .chain(EdgeKind::ALL.map(Self::Kind))
            .chain(Source::DIAGRAMS.map(Self::Diagram))
    }

    /// The name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Kind(EdgeKind::PartOf) => "part-of",
            Self::Kind(EdgeKind::Enables) => "enables",
            Self::Kind(EdgeKind::AppliedIn) => "applied-in",
            Self::Kind(EdgeKind::LimitedBy) => "limited-by",
            Self::Kind(EdgeKind::Uses) => "uses",
            Self::Kind(EdgeKind::Related) => "related",
            Self::Diagram(Source::M1) => "m1",
            Self::Diagram(Source::M2) => "m2",
            Self::Diagram(_) => "m3",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|choice| choice.name() == name)
    }

    /// Whether it is one of the articles' diagrams, which are drawn without the other concepts.
    pub fn is_diagram(self) -> bool {
        matches!(self, Self::Diagram(_))
    }

    /// The edges, each from one concept to another.
    pub fn edges(self, graph: &ConceptGraph) -> Vec<(usize, usize)> {
        let typed = |fits: &dyn Fn(&crate::course::TypedEdge) -> bool| {
            let edges = graph.structure.edges.iter().filter(|edge| fits(edge));
            let mut pairs: Vec<(usize, usize)> = edges
                .filter_map(|edge| Some((graph.number(&edge.from)?, graph.number(&edge.to)?)))
                .collect();
            pairs.dedup();
            pairs
        };
        match self {
            Self::Needs => (0..graph.len())
                .flat_map(|number| graph.needs(number).iter().map(move |&need| (need, number)))
                .collect(),
            Self::Kind(kind) => typed(&|edge| edge.kind == kind),
            Self::Diagram(source) => typed(&|edge| edge.source == source),
        }
    }
}

/// What the map's address says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapState {
    /// The concept that is open.
    pub concept: Option<usize>,
    /// Whether the way to it is drawn.
    pub has_path: bool,
    /// The group that is picked out.
    pub group: Option<String>,
    pub edges: EdgeChoice,
}

impl MapState {
    /// The arrows that are drawn: with a field and a kind of arrow other than needs, those that touch the field.
    pub fn arrows(&self, graph: &ConceptGraph) -> Vec<(usize, usize)> {
        let mut arrows = self.edges.edges(graph);
        if let (EdgeChoice::Kind(_), Some(group)) = (self.edges, &self.group) {
            let is_in = |number: usize| graph.concept(number).group == *group;
            arrows.retain(|&(from, to)| is_in(from) || is_in(to));
        }
        arrows
    }

    /// Whether the concepts of these arrows are drawn alone: a diagram of an article, or the arrows of a field. On the
    /// whole map they would lie too far apart to be read.
    pub fn stands_alone(&self, graph: &ConceptGraph) -> bool {
        let is_chosen = self.edges.is_diagram()
            || matches!(self.edges, EdgeChoice::Kind(_)) && self.group.is_some();
        is_chosen && !self.arrows(graph).is_empty()
    }

    /// Reads what the address has; the names of concepts and choices that there are not come back beside it.
    pub fn read(settings: &BTreeMap<String, String>, graph: &ConceptGraph) -> (Self, Vec<String>) {
        let mut unknown = Vec::new();
        let mut known = |key: &str, fits: &dyn Fn(&str) -> bool| {
            let given = settings.get(key)?;
            if fits(given) {
                return Some(given.clone());
            }
            unknown.push(given.clone());
            None
        };
        let concept = known("concept", &|id| graph.number(id).is_some());
        let group = known("group", &|id| {
            graph.structure.groups.iter().any(|group| group == id)
        });
        let edges = known("edges", &|name| EdgeChoice::from_name(name).is_some());
        let state = Self {
            concept: concept.and_then(|id| graph.number(&id)),
            has_path: settings.get("way").is_some_and(|value| value == "1"),
            group,
            edges: edges
                .and_then(|name| EdgeChoice::from_name(&name))
                .unwrap_or_default(),
        };
        (state, unknown)
    }
}

/// The concepts that a learner has marked as known, by id: ids of another version of the map are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(pub BTreeSet<String>);

/// The most bytes of a file of known concepts.
const MOST_BYTES: usize = 200_000;

impl Known {
    /// Reads a JSON list of ids.
    ///
    /// # Errors
    /// What was expected, for a text that is no such list.
    pub fn read(text: &str) -> Result<Self, String> {
        let expected = "expected a JSON list of concept ids, such as [\"softmax\"]";
        if text.len() > MOST_BYTES {
            return Err(format!("{} bytes; {expected}", text.len()));
        }
        let ids: Vec<String> =
            serde_json::from_str(text).map_err(|error| format!("{error}; {expected}"))?;
        Ok(Self(ids.into_iter().collect()))
    }

    /// As a JSON list of ids.
    pub fn write(&self) -> String {
        serde_json::to_string(&self.0).expect("a list of texts can be written")
    }

    pub fn toggle(&mut self, id: &str) {
        if !self.0.remove(id) {
            self.0.insert(id.to_string());
        }
    }

    /// Their numbers on this map.
    pub fn numbers(&self, graph: &ConceptGraph) -> HashSet<usize> {
        self.0.iter().filter_map(|id| graph.number(id)).collect()
    }
}

#[cfg(test)]
pub(in crate::view) mod tests {
    use super::*;
    use crate::course::{CourseTexts, Structure, check};
    use crate::view::course_page;

    const STRUCTURE: &str = include_str!("../../../assets/course/concepts.json");
    const ENGLISH: &str = include_str!("../../../assets/course/concepts.en.md");
    const CHINESE: &str = include_str!("../../../assets/course/concepts.zh.md");

    /// The map that is shipped.
    pub fn shipped() -> ConceptGraph {
        ConceptGraph::new(Structure::read(STRUCTURE).unwrap_or_else(|mistake| panic!("{mistake}")))
    }

    /// Its texts, English and Chinese.
    pub fn shipped_texts() -> [CourseTexts; 2] {
        [("concepts.en.md", ENGLISH), ("concepts.zh.md", CHINESE)].map(|(file, text)| {
            CourseTexts::read(file, text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
        })
    }

    #[test]
    fn every_text_of_the_map_is_whole() {
        let graph = shipped();
        assert_eq!(graph.len(), 90);
        let mut mistakes = Vec::new();
        let files = ["concepts.en.md", "concepts.zh.md"];
        for (file, texts) in files.into_iter().zip(&shipped_texts()) {
            mistakes.extend(check(&graph.structure, file, texts, &course_page));
            let ids: Vec<&str> = texts.concepts.iter().map(|text| text.id.as_str()).collect();
            let concepts = graph.structure.concepts.iter();
            let wanted: Vec<&str> = concepts.map(|concept| concept.id.as_str()).collect();
            assert_eq!(ids, wanted, "{file}: the order of the structure");
        }
        assert!(mistakes.is_empty(), "{mistakes:#?}");
    }

    #[test]
    fn the_way_to_gpt_goes_step_by_step() {
        let graph = shipped();
        let gpt = graph.number("gpt").unwrap();
        let path = graph.path_to(gpt, &HashSet::new());
        assert_eq!(path.last(), Some(&gpt));
        for (place, &number) in path.iter().enumerate() {
            for need in graph.needs(number) {
                assert!(path[..place].contains(need));
            }
        }
        let known: HashSet<usize> = path[..path.len() - 1].iter().copied().collect();
        assert_eq!(graph.path_to(gpt, &known), [gpt]);
        assert!(graph.next(&known).contains(&gpt));
        // Nothing can be left out: every concept on the way is needed by a later one.
        for (place, number) in path[..path.len() - 1].iter().enumerate() {
            let mut later = path[place + 1..].iter();
            assert!(later.any(|&one| graph.needs(one).contains(number)));
        }
    }

    #[test]
    fn no_need_follows_from_the_others() {
        let graph = shipped();
        for number in 0..graph.len() {
            for &need in graph.needs(number) {
                let others = graph.needs(number).iter().filter(|&&other| other != need);
                for &other in others {
                    let behind = graph.path_to(other, &HashSet::new());
                    assert!(!behind.contains(&need), "{}", graph.concept(number).id);
                }
            }
        }
    }

    #[test]
    fn the_address_names_concept_path_group_and_edges() {
        let graph = shipped();
        let read = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            let settings = pairs.map(|(key, value)| (key.to_string(), value.to_string()));
            MapState::read(&settings.collect(), &graph)
        };
        let (state, unknown) = read(&[("concept", "gpt"), ("way", "1"), ("edges", "m1")]);
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(state.concept, graph.number("gpt"));
        assert!(state.has_path);
        assert_eq!(state.edges.edges(&graph).len(), 12);
        let (state, unknown) = read(&[("concept", "warp-drive"), ("edges", "all")]);
        assert_eq!(
            (state, unknown),
            (MapState::default(), vec!["warp-drive".into(), "all".into()])
        );
        assert_eq!(EdgeChoice::Needs.edges(&graph).len(), 107);
    }

    #[test]
    fn the_arrows_of_a_field_stand_alone() {
        let graph = shipped();
        let state = |group: Option<&str>, edges: &str| MapState {
            group: group.map(str::to_string),
            edges: EdgeChoice::from_name(edges).unwrap(),
            ..MapState::default()
        };
        let compute = state(Some("compute"), "enables");
        let arrows = compute.arrows(&graph);
        assert!(compute.stands_alone(&graph) && arrows.len() > 3);
        assert!(arrows.len() < state(None, "enables").arrows(&graph).len());
        for alone in [state(None, "m1"), state(Some("applications"), "applied-in")] {
            assert!(alone.stands_alone(&graph));
        }
        for together in [state(Some("compute"), "needs"), state(None, "enables")] {
            assert!(!together.stands_alone(&graph));
        }
        assert_eq!(state(Some("compute"), "needs").arrows(&graph).len(), 107);
    }

    #[test]
    fn what_is_known_is_kept_as_a_list_and_bad_lists_are_refused() {
        let mut known = Known::default();
        known.toggle("softmax");
        known.toggle("of-another-map");
        known.toggle("ai");
        known.toggle("ai");
        assert_eq!(Known::read(&known.write()), Ok(known.clone()));
        assert_eq!(known.numbers(&shipped()).len(), 1);
        for text in ["", "{}", "[1]", "\"softmax\""] {
            assert!(
                Known::read(text).unwrap_err().contains("expected"),
                "{text}"
            );
        }
    }
}
