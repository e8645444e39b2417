//! The stage on which the graph is moved: folding, following.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use leptos::prelude::*;

use super::scope::Microscope;
use crate::view::microscope::layers::{is_large, layers};
use crate::view::microscope::layout::{Layout, arrange};
use crate::view::microscope::viewport::{Size, Viewport};
use crate::web::panning::Panning;

/// Which part of the graph is on screen, and which layers are folded.
#[derive(Clone, Copy)]
pub struct Stage {
    pub panning: Panning,
    scope: Microscope,
    pub folded: RwSignal<HashSet<String>>,
    pub layout: Memo<Option<Arc<Layout>>>,
}

impl Deref for Stage {
    type Target = Panning;

    fn deref(&self) -> &Panning {
        &self.panning
    }
}

impl Stage {
    pub fn new(scope: Microscope) -> Self {
        let folded = RwSignal::new(HashSet::new());
        let layout = Memo::new(move |_| {
            let graph = scope.graph.get()?;
            Some(Arc::new(
                folded.with(|folded| arrange(&graph.facts, folded)),
            ))
        });
        let world = Signal::derive(move || {
            layout.with(|layout| {
                layout.as_ref().map_or(Size::default(), |layout| Size {
                    width: layout.width,
                    height: layout.height,
                })
            })
        });
        Self {
            panning: Panning::new(world),
            scope,
            folded,
            layout,
        }
    }

    /// Looks at every new graph from its start, and follows the cursor from then on.
    pub fn follow(self) {
        let scope = self.scope;
        Effect::new(move |_| {
            let Some(graph) = scope.graph.get() else {
                return;
            };
            let mut folded = HashSet::new();
            if is_large(&graph.facts) {
                let all = layers(&graph.facts).into_iter();
                folded.extend(all.filter(|layer| layer.can_fold()).map(|layer| layer.name));
            }
            self.folded.set(folded);
            // The frame has its size once the graph has been laid out in it.
            request_animation_frame(move || {
                self.measure();
                self.change(false, |_, frame, world| Viewport::start(frame, world));
                self.show_current(false);
            });
        });
        Effect::new(move |_| {
            scope.shown.with(|_| ());
            self.layout.with(|_| ());
            request_animation_frame(move || {
                self.measure();
                self.show_current(true);
            });
        });
    }

    fn show_current(self, glides: bool) {
        let place = self
            .layout
            .try_get_untracked()
            .flatten()
            .and_then(|layout| {
                let shown = self.scope.shown.try_get_untracked()?;
                layout.nodes.get(shown).copied()
            });
        if let Some(place) = place {
            self.show(&place, glides);
        }
    }

    /// The current operation in the middle, readable.
    pub fn go_to_current(self) {
        let place = self.layout.get_untracked().and_then(|layout| {
            let shown = self.scope.shown.get_untracked();
            layout.nodes.get(shown).copied()
        });
        if let Some(place) = place {
            self.go_to(&place);
        }
    }

    /// Folds a layer, or unfolds it.
    pub fn toggle(self, layer: &str) {
        self.folded.update(|folded| {
            if !folded.remove(layer) {
                folded.insert(layer.to_string());
            }
        });
    }

    /// Folds all layers, or unfolds them if one is folded.
    pub fn toggle_all(self) {
        let all = self.scope.graph.with_untracked(|graph| {
            let graph = graph.as_ref()?;
            let all = layers(&graph.facts).into_iter();
            Some(
                all.filter(|layer| layer.can_fold())
                    .map(|layer| layer.name)
                    .collect(),
            )
        });
        self.folded.update(|folded| {
            if folded.is_empty() {
                *folded = all.unwrap_or_default();
            } else {
                folded.clear();
            }
        });
    }
}
