//! The structure that both languages share: groups, concepts, edges.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Mistake, STRUCTURE_FILE};

/// The most bytes of the file of structure.
const MOST_BYTES: usize = 1 << 20;
/// The most concepts.
const MOST_CONCEPTS: usize = 2_000;

/// All concepts with what connects them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Structure {
    /// Ids of the groups, in the order in which they are shown.
    pub groups: Vec<String>,
    pub concepts: Vec<Concept>,
    pub edges: Vec<TypedEdge>,
}

/// A concept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    pub id: String,
    pub group: String,
    /// Concepts to learn first.
    pub needs: Vec<String>,
    /// Address of the page that shows it; none where it is only explained.
    #[serde(default)]
    pub experiment: Option<String>,
}

/// Something that connects two concepts besides the order of learning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypedEdge {
    pub from: String,
    pub kind: EdgeKind,
    pub to: String,
    pub source: Source,
}

/// How two concepts are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    PartOf,
    Enables,
    AppliedIn,
    LimitedBy,
    Uses,
    /// An article draws an arrow without a reason.
    Related,
}

impl EdgeKind {
    pub const ALL: [Self; 6] = [
        Self::PartOf,
        Self::Enables,
        Self::AppliedIn,
        Self::LimitedBy,
        Self::Uses,
        Self::Related,
    ];
}

/// Where an edge comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The articles' text, or common knowledge.
    Prose,
    /// What an article expects or asserts, and nobody has seen yet.
    Claim,
    /// The articles' three diagrams.
    M1,
    M2,
    M3,
}

impl Source {
    pub const DIAGRAMS: [Self; 3] = [Self::M1, Self::M2, Self::M3];
}

impl Structure {
    /// Reads and checks the file of structure: ids are there and unique, every edge leads to a concept, nothing needs
    /// itself.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn read(json: &str) -> Result<Self, Mistake> {
        let mistake = |line, message: String| Mistake::new(STRUCTURE_FILE, line, message);
        if json.len() > MOST_BYTES {
            let message = format!("{} bytes; expected at most {MOST_BYTES}", json.len());
            return Err(mistake(1, message));
        }
        let structure: Self =
            serde_json::from_str(json).map_err(|error| mistake(error.line(), error.to_string()))?;
        structure
            .check()
            .map_err(|(id, message)| mistake(line_of(json, &id), message))?;
        Ok(structure)
    }

    /// The id near which the mistake is, and what it is.
    fn check(&self) -> Result<(), (String, String)> {
        if self.concepts.len() > MOST_CONCEPTS {
            let message = format!(
                "{} concepts; expected at most {MOST_CONCEPTS}",
                self.concepts.len()
            );
            return Err((String::new(), message));
        }
        let mut known = HashSet::new();
        for concept in &self.concepts {
            let id = &concept.id;
            let fail = |message: String| Err((id.clone(), message));
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if id.is_empty() || !id.chars().all(is_plain) {
                return fail(format!(
                    "the id \"{id}\"; expected small letters, digits and hyphens"
                ));
            }
            if !known.insert(id.as_str()) {
                return fail(format!("the concept {id} stands here twice"));
            }
            if !self.groups.contains(&concept.group) {
                return fail(format!(
                    "{id} is in the group {}; expected one of {}",
                    concept.group,
                    self.groups.join(", ")
                ));
            }
        }
        for concept in &self.concepts {
            if let Some(need) = concept
                .needs
                .iter()
                .find(|need| !known.contains(need.as_str()))
            {
                let message = format!("{} needs {need}, which is no concept", concept.id);
                return Err((concept.id.clone(), message));
            }
        }
        for edge in &self.edges {
            for end in [&edge.from, &edge.to] {
                if !known.contains(end.as_str()) {
                    let message = format!(
                        "an edge from {} to {}: {end} is no concept",
                        edge.from, edge.to
                    );
                    return Err((end.clone(), message));
                }
            }
        }
        self.check_cycles()
    }

    /// That no concept needs itself by way of others.
    fn check_cycles(&self) -> Result<(), (String, String)> {
        let mut done: HashSet<&str> = HashSet::new();
        loop {
            let before = done.len();
            for concept in &self.concepts {
                if concept
                    .needs
                    .iter()
                    .all(|need| done.contains(need.as_str()))
                {
                    done.insert(&concept.id);
                }
            }
            if done.len() == self.concepts.len() {
                return Ok(());
            }
            if done.len() == before {
                let mut left = self.concepts.iter();
                let left = left.find(|concept| !done.contains(concept.id.as_str()));
                let id = left.map(|concept| concept.id.clone()).unwrap_or_default();
                let message = format!("{id} needs itself by way of what it needs");
                return Err((id, message));
            }
        }
    }
}

/// The line on which an id first stands as one.
fn line_of(json: &str, id: &str) -> usize {
    let wanted = format!("\"{id}\"");
    let mut lines = json.lines();
    lines
        .position(|line| line.contains(&wanted))
        .map_or(1, |line| line + 1)
}
