//! A large picture that is moved inside a frame: by pointers, wheel, fingers, keys.

use leptos::html::Div;
use leptos::leptos_dom::helpers::window_event_listener;
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

use crate::view::microscope::layout::Place;
use crate::view::microscope::viewport::{READABLE_ZOOM, Size, Viewport, ZOOM_FACTOR};

/// Pixels that a pointer may move before a press becomes a pull.
const PULL: f64 = 5.0;
/// Pixels of one press of an arrow key.
const KEY_PAN: f64 = 80.0;
/// Zoom for each pixel of a wheel.
const WHEEL_ZOOM: f64 = 0.002;

/// A pointer that is down on the frame.
#[derive(Clone, Copy)]
struct Held {
    id: i32,
    start: (f64, f64),
    at: (f64, f64),
}

/// Which part of a picture is on screen.
#[derive(Clone, Copy)]
pub struct Panning {
    pub frame: NodeRef<Div>,
    pub view: RwSignal<Viewport>,
    pub size: RwSignal<Size>,
    /// Whether the last move was made for the reader, and may be animated.
    pub glides: RwSignal<bool>,
    /// Size of the whole picture; 0 while there is none.
    world: Signal<Size>,
    held: StoredValue<Vec<Held>>,
    is_pulled: StoredValue<bool>,
}

impl Panning {
    /// Follows the size of the window from now on.
    pub fn new(world: Signal<Size>) -> Self {
        let panning = Self {
            frame: NodeRef::new(),
            view: RwSignal::default(),
            size: RwSignal::default(),
            glides: RwSignal::new(false),
            world,
            held: StoredValue::new(Vec::new()),
            is_pulled: StoredValue::new(false),
        };
        let on_resize = window_event_listener(leptos::ev::resize, move |_| {
            panning.measure();
            panning.change(false, Viewport::settled);
        });
        on_cleanup(move || on_resize.remove());
        panning
    }

    pub fn measure(self) {
        // The page may have gone on before the frame was drawn.
        if let Some(Some(frame)) = self.frame.try_get_untracked() {
            self.size.set(Size {
                width: f64::from(frame.client_width()),
                height: f64::from(frame.client_height()),
            });
        }
    }

    pub fn change(self, glides: bool, change: impl FnOnce(Viewport, Size, Size) -> Viewport) {
        let Some(before) = self.view.try_get_untracked() else {
            return;
        };
        let (frame, world) = (
            self.size.get_untracked(),
            self.world.try_get_untracked().unwrap_or_default(),
        );
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

    /// A part of the picture, whole.
    pub fn show_whole(self, part: &Place) {
        self.change(true, |_, frame, world| Viewport::around(part, frame, world));
    }

    fn pan(self, by: (f64, f64), glides: bool) {
        self.change(glides, |view, frame, world| view.panned(by, frame, world));
    }

    pub fn show(self, place: &Place, glides: bool) {
        self.change(glides, |view, frame, world| {
            view.showing(place, frame, world)
        });
    }

    /// A box in the middle, readable.
    pub fn go_to(self, place: &Place) {
        self.change(true, |view, frame, world| {
            let zoom = view.zoom.max(READABLE_ZOOM);
            Viewport { zoom, ..view }.centered(place.center(), frame, world)
        });
    }

    /// The middle of the screen goes to a point of the picture, given as parts of its size.
    pub fn look_at(self, (x, y): (f64, f64)) {
        self.change(false, |view, frame, world| {
            view.centered((x * world.width, y * world.height), frame, world)
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
