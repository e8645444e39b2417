//! What follows from the structure: what to learn first, what becomes possible, the way to a concept.

use std::collections::{HashMap, HashSet};

use super::{Concept, Structure};

/// The concepts as a graph; concepts are named by their number in the structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConceptGraph {
    pub structure: Structure,
    numbers: HashMap<String, usize>,
    needs: Vec<Vec<usize>>,
    unlocks: Vec<Vec<usize>>,
}

impl ConceptGraph {
    /// Of a structure that has been checked.
    pub fn new(structure: Structure) -> Self {
        let concepts = &structure.concepts;
        let numbers: HashMap<String, usize> = concepts
            .iter()
            .enumerate()
            .map(|(number, concept)| (concept.id.clone(), number))
            .collect();
        let needs: Vec<Vec<usize>> = concepts
            .iter()
            .map(|concept| {
                let needs = concept.needs.iter();
                needs.filter_map(|id| numbers.get(id).copied()).collect()
            })
            .collect();
        let mut unlocks = vec![Vec::new(); concepts.len()];
        for (number, needs) in needs.iter().enumerate() {
            for &need in needs {
                unlocks[need].push(number);
            }
        }
        Self {
            structure,
            numbers,
            needs,
            unlocks,
        }
    }

    pub fn len(&self) -> usize {
        self.structure.concepts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.structure.concepts.is_empty()
    }

    pub fn concept(&self, number: usize) -> &Concept {
        &self.structure.concepts[number]
    }

    pub fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// What a concept needs directly.
    pub fn needs(&self, number: usize) -> &[usize] {
        &self.needs[number]
    }

    /// What needs a concept directly.
    pub fn unlocks(&self, number: usize) -> &[usize] {
        &self.unlocks[number]
    }

    /// How many concepts come before it on the longest way.
    pub fn depth(&self, number: usize) -> usize {
        let needs = self.needs[number].iter();
        needs.map(|&need| self.depth(need) + 1).max().unwrap_or(0)
    }

    /// The fewest concepts that lead to `goal` from what is known, each behind what it needs; the goal last. Empty
    /// where the goal is known.
    pub fn path_to(&self, goal: usize, known: &HashSet<usize>) -> Vec<usize> {
        let mut wanted = HashSet::new();
        let mut open = vec![goal];
        while let Some(number) = open.pop() {
            if !known.contains(&number) && wanted.insert(number) {
                open.extend(&self.needs[number]);
            }
        }
        let mut path: Vec<usize> = wanted.into_iter().collect();
        path.sort_by_key(|&number| (self.depth(number), number));
        path
    }

    /// Concepts that are not known and need nothing that is not.
    pub fn next(&self, known: &HashSet<usize>) -> Vec<usize> {
        let is_next = |number: &usize| {
            let mut needs = self.needs[*number].iter();
            !known.contains(number) && needs.all(|need| known.contains(need))
        };
        (0..self.len()).filter(is_next).collect()
    }
}
