//! The stage on which the graph is moved: panning, zooming, folding, following.

use std::collections::HashSet;
use std::sync::Arc;

use leptos::html::Div;
use leptos::leptos_dom::helpers::window_event_listener;
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

use super::scope::Microscope;
use crate::view::microscope::layers::{is_large, layers};
use crate::view::microscope::layout::{Layout, Place, arrange};
use crate::view::microscope::viewport::{Size, Viewport, ZOOM_FACTOR};

/// Pixels that a pointer may move before a press becomes a pull.
const PULL: f64 = 5.0;
/// Pixels of one press of an arrow key.
const KEY_PAN: f64 = 80.0;
/// Zoom for each pixel of a wheel.
const WHEEL_ZOOM: f64 = 0.002;

/// A pointer that is down on the stage.
#[derive(Clone, Copy)]
struct Held {
    id: i32,
    start: (f64, f64),
    at: (f64, f64),
}

/// Which part of the graph is on screen, and which layers are folded.
#[derive(Clone, Copy)]
pub struct Stage {
    pub frame: NodeRef<Div>,
    scope: Microscope,
    pub folded: RwSignal<HashSet<String>>,
    pub layout: Memo<Option<Arc<Layout>>>,
    pub view: RwSignal<Viewport>,
    pub size: RwSignal<Size>,
    /// Whether the last move was made for the reader, and may be animated.
    pub glides: RwSignal<bool>,
    held: StoredValue<Vec<Held>>,
    is_pulled: StoredValue<bool>,
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
        Self {
            frame: NodeRef::new(),
            scope,
            folded,
            layout,
            view: RwSignal::default(),
            size: RwSignal::default(),
            glides: RwSignal::new(false),
            held: StoredValue::new(Vec::new()),
            is_pulled: StoredValue::new(false),
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
        let on_resize = window_event_listener(leptos::ev::resize, move |_| {
            self.measure();
            self.change(false, Viewport::settled);
        });
        on_cleanup(move || on_resize.remove());
    }

    fn measure(self) {
        // The page may have gone on before the frame was drawn.
        if let Some(Some(frame)) = self.frame.try_get_untracked() {
            self.size.set(Size {
                width: f64::from(frame.client_width()),
                height: f64::from(frame.client_height()),
            });
        }
    }

    fn world(self) -> Size {
        let layout = self.layout.try_get_untracked().flatten();
        layout.map_or(Size::default(), |layout| Size {
            width: layout.width,
            height: layout.height,
        })
    }

    fn change(self, glides: bool, change: impl FnOnce(Viewport, Size, Size) -> Viewport) {
        let Some(before) = self.view.try_get_untracked() else {
            return;
        };
        let (frame, world) = (self.size.get_untracked(), self.world());
        if frame.width <= 0.0 || world.width <= 0.0 {
            return;
        }
        let after = change(before, frame, world);
        if after != before {
            self.glides.set(glides);
            self.view.set(after);
        }
    }

    pub fn zoom(self, factor: f64) {
        self.change(true, |view, frame, world| {
            let middle = (frame.width / 2.0, frame.height / 2.0);
            view.zoomed(factor, middle, frame, world)
        });
    }

    pub fn fit(self) {
        self.change(true, |_, frame, world| Viewport::fit(frame, world));
    }

    fn pan(self, by: (f64, f64), glides: bool) {
        self.change(glides, |view, frame, world| view.panned(by, frame, world));
    }

    pub fn show(self, place: &Place, glides: bool) {
        self.change(glides, |view, frame, world| {
            view.showing(place, frame, world)
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
            self.change(true, |view, frame, world| {
                let zoom = view
                    .zoom
                    .max(crate::view::microscope::viewport::READABLE_ZOOM);
                Viewport { zoom, ..view }.centered(place.center(), frame, world)
            });
        }
    }

    /// The middle of the screen goes to a point of the picture, given as parts of its size.
    pub fn look_at(self, (x, y): (f64, f64)) {
        self.change(false, |view, frame, world| {
            view.centered((x * world.width, y * world.height), frame, world)
        });
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

    pub fn on_down(self, event: &PointerEvent) {
        if event.pointer_type() == "mouse" && event.button() != 0 {
            return;
        }
        let at = position(event);
        self.is_pulled.set_value(false);
        self.held.update_value(|held| {
            held.retain(|other| other.id != event.pointer_id());
            held.push(Held {
                id: event.pointer_id(),
                start: at,
                at,
            });
        });
    }

    pub fn on_move(self, event: &PointerEvent) {
        let id = event.pointer_id();
        let held = self.held.get_value();
        let Some(number) = held.iter().position(|pointer| pointer.id == id) else {
            return;
        };
        let (before, at) = (held[number], position(event));
        if !self.is_pulled.get_value() {
            let moved = (at.0 - before.start.0).hypot(at.1 - before.start.1);
            if moved < PULL && held.len() == 1 {
                return;
            }
            self.is_pulled.set_value(true);
        }
        if let Some(frame) = self.frame.get_untracked() {
            // From here on it is no press of what lies under the pointer. A pointer that has gone
            // cannot be captured, and needs not be.
            let _ = frame.set_pointer_capture(id);
        }
        self.held.update_value(|held| held[number].at = at);
        match held.iter().find(|other| other.id != id) {
            None => self.pan((before.at.0 - at.0, before.at.1 - at.1), false),
            Some(other) => self.pinch(before.at, at, other.at),
        }
    }

    /// One of two fingers has moved: what lay under both still does.
    fn pinch(self, before: (f64, f64), after: (f64, f64), other: (f64, f64)) {
        let apart = |at: (f64, f64)| (at.0 - other.0).hypot(at.1 - other.1).max(1.0);
        let middle = |at: (f64, f64)| ((at.0 + other.0) / 2.0, (at.1 + other.1) / 2.0);
        let (from, to) = (middle(before), middle(after));
        let corner = self.corner();
        self.change(false, |view, frame, world| {
            let at = (to.0 - corner.0, to.1 - corner.1);
            view.panned((from.0 - to.0, from.1 - to.1), frame, world)
                .zoomed(apart(after) / apart(before), at, frame, world)
        });
    }

    pub fn on_up(self, event: &PointerEvent) {
        self.held
            .update_value(|held| held.retain(|pointer| pointer.id != event.pointer_id()));
    }

    /// Where the frame lies in the window.
    fn corner(self) -> (f64, f64) {
        self.frame.get_untracked().map_or((0.0, 0.0), |frame| {
            let bounds = frame.get_bounding_client_rect();
            (bounds.left(), bounds.top())
        })
    }

    /// With Ctrl (and so by a pinch on a touchpad) the wheel zooms; without, it moves the graph as far
    /// as there is more of it, and then the page.
    pub fn on_wheel(self, event: &WheelEvent) {
        // Lines and pages, as some mice count them.
        let unit = match event.delta_mode() {
            WheelEvent::DOM_DELTA_LINE => 20.0,
            WheelEvent::DOM_DELTA_PAGE => 200.0,
            _ => 1.0,
        };
        let (mut dx, mut dy) = (event.delta_x() * unit, event.delta_y() * unit);
        let before = self.view.get_untracked();
        if event.ctrl_key() || event.meta_key() {
            let corner = self.corner();
            let at = (
                f64::from(event.client_x()) - corner.0,
                f64::from(event.client_y()) - corner.1,
            );
            let factor = (-dy * WHEEL_ZOOM * 2.0).clamp(-0.5, 0.5).exp();
            self.change(false, |view, frame, world| {
                view.zoomed(factor, at, frame, world)
            });
            event.prevent_default();
            return;
        }
        if event.shift_key() && dx == 0.0 {
            (dx, dy) = (dy, 0.0);
        }
        self.pan((dx, dy), false);
        if self.view.get_untracked() != before {
            event.prevent_default();
        }
    }

    /// Keys of the stage itself; the others go on to the page.
    pub fn on_key(self, event: &KeyboardEvent, is_on_frame: bool) {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        match event.key().as_str() {
            "+" | "=" => self.zoom(ZOOM_FACTOR),
            "-" | "_" => self.zoom(1.0 / ZOOM_FACTOR),
            "0" => self.fit(),
            "ArrowLeft" if is_on_frame => self.pan((-KEY_PAN, 0.0), true),
            "ArrowRight" if is_on_frame => self.pan((KEY_PAN, 0.0), true),
            "ArrowUp" if is_on_frame => self.pan((0.0, -KEY_PAN), true),
            "ArrowDown" if is_on_frame => self.pan((0.0, KEY_PAN), true),
            _ => return,
        }
        event.prevent_default();
    }
}

fn position(event: &PointerEvent) -> (f64, f64) {
    (f64::from(event.client_x()), f64::from(event.client_y()))
}
