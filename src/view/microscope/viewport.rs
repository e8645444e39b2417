//! Which part of a large picture is on screen: panning, zooming, following.

use super::layout::Place;

/// Zooms between which everything moves.
pub const LEAST_ZOOM: f64 = 0.1;
pub const MOST_ZOOM: f64 = 2.0;
/// One press of a button.
pub const ZOOM_FACTOR: f64 = 1.25;
/// Below this the names cannot be read: a large graph starts here, with a part of it on screen.
pub const READABLE_ZOOM: f64 = 0.82;
/// How near to the edge of the frame what is followed may come, in pixels and as a part of the frame.
const FOLLOW_MARGIN: f64 = 110.0;
const FOLLOW_SHARE: f64 = 0.25;

/// Around a part that is shown as a whole, in units of the picture.
const PART_MARGIN: f64 = 30.0;

/// Width and height: of the frame in pixels, of the picture in its own units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// The part of the picture that is on screen: its upper left corner, and pixels for each unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    pub x: f64,
    pub y: f64,
    pub zoom: f64,
}

impl Default for Viewport {
    fn default() -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            zoom: 1.0,
        }
    }
}

impl Viewport {
    /// All of the picture, as large as it gets, but never enlarged.
    pub fn fit(frame: Size, world: Size) -> Self {
        let zoom = (frame.width / world.width).min(frame.height / world.height);
        let zoom = if zoom.is_finite() { zoom } else { 1.0 };
        Self {
            zoom: zoom.clamp(LEAST_ZOOM, 1.0),
            ..Self::default()
        }
        .settled(frame, world)
    }

    /// The first look: all of it where names can be read then, else its beginning.
    pub fn start(frame: Size, world: Size) -> Self {
        let fit = Self::fit(frame, world);
        Self {
            x: 0.0,
            y: 0.0,
            zoom: fit.zoom.max(READABLE_ZOOM),
        }
        .settled(frame, world)
    }

    /// A part of the picture, as large as it fits with some room around it.
    pub fn around(part: &Place, frame: Size, world: Size) -> Self {
        let along = |frame: f64, part: f64| frame / (part + 2.0 * PART_MARGIN);
        let zoom = along(frame.width, part.width).min(along(frame.height, part.height));
        let view = Self {
            zoom: zoom.clamp(LEAST_ZOOM, 1.0),
            ..Self::default()
        };
        view.centered(part.center(), frame, world)
    }

    /// Without empty room on one side: a small picture stands in the middle, a large one fills the frame.
    pub fn settled(self, frame: Size, world: Size) -> Self {
        let along = |at: f64, frame: f64, world: f64| {
            let seen = frame / self.zoom;
            if seen >= world {
                (world - seen) / 2.0
            } else {
                at.clamp(0.0, world - seen)
            }
        };
        Self {
            x: along(self.x, frame.width, world.width),
            y: along(self.y, frame.height, world.height),
            ..self
        }
    }

    /// Closer or further; what is at `(x, y)` in the frame, in pixels, stays there.
    pub fn zoomed(self, factor: f64, (x, y): (f64, f64), frame: Size, world: Size) -> Self {
        let zoom = (self.zoom * factor).clamp(LEAST_ZOOM, MOST_ZOOM);
        Self {
            x: self.x + x / self.zoom - x / zoom,
            y: self.y + y / self.zoom - y / zoom,
            zoom,
        }
        .settled(frame, world)
    }

    /// Moved by pixels of the screen: the picture goes the other way.
    pub fn panned(self, (dx, dy): (f64, f64), frame: Size, world: Size) -> Self {
        Self {
            x: self.x + dx / self.zoom,
            y: self.y + dy / self.zoom,
            ..self
        }
        .settled(frame, world)
    }

    /// With a point of the picture in the middle.
    pub fn centered(self, (x, y): (f64, f64), frame: Size, world: Size) -> Self {
        Self {
            x: x - frame.width / self.zoom / 2.0,
            y: y - frame.height / self.zoom / 2.0,
            ..self
        }
        .settled(frame, world)
    }

    /// Moved only if a box is not well inside the frame; along each axis by itself.
    pub fn showing(self, place: &Place, frame: Size, world: Size) -> Self {
        let along = |at: f64, middle: f64, frame: f64| {
            let margin = FOLLOW_MARGIN.min(frame * FOLLOW_SHARE) / self.zoom;
            let seen = frame / self.zoom;
            if (at + margin..=at + seen - margin).contains(&middle) {
                at
            } else {
                middle - seen / 2.0
            }
        };
        let (x, y) = place.center();
        Self {
            x: along(self.x, x.min(place.x + frame.width / 2.0), frame.width),
            y: along(self.y, y, frame.height),
            ..self
        }
        .settled(frame, world)
    }

    /// Whether a part of the picture lies outside the frame.
    pub fn is_partial(&self, frame: Size, world: Size) -> bool {
        world.width * self.zoom > frame.width + 1.0 || world.height * self.zoom > frame.height + 1.0
    }

    /// What is on screen, as a box of the picture.
    pub fn window(&self, frame: Size) -> Place {
        Place {
            x: self.x,
            y: self.y,
            width: frame.width / self.zoom,
            height: frame.height / self.zoom,
        }
    }

    /// The CSS transform of the picture inside the frame.
    pub fn transform(&self) -> String {
        format!(
            "translate({:.1}px, {:.1}px) scale({:.4})",
            -self.x * self.zoom,
            -self.y * self.zoom,
            self.zoom
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Size = Size {
        width: 400.0,
        height: 300.0,
    };
    const WORLD: Size = Size {
        width: 2_000.0,
        height: 500.0,
    };

    #[test]
    fn all_of_a_picture_fits_and_stands_in_the_middle() {
        let fit = Viewport::fit(FRAME, WORLD);
        assert_eq!(fit.zoom, 0.2);
        assert!(!fit.is_partial(FRAME, WORLD));
        assert_eq!((fit.x, fit.y), (0.0, -500.0));
        let small = Size {
            width: 100.0,
            height: 50.0,
        };
        let fit = Viewport::fit(FRAME, small);
        assert_eq!((fit.zoom, fit.x, fit.y), (1.0, -150.0, -125.0));
        let start = Viewport::start(FRAME, WORLD);
        assert_eq!((start.zoom, start.x, start.y), (READABLE_ZOOM, 0.0, 0.0));
        assert!(start.is_partial(FRAME, WORLD));
        // A frame that is not laid out yet.
        assert!(Viewport::fit(Size::default(), Size::default()).zoom > 0.0);
    }

    #[test]
    fn a_part_is_shown_whole_and_in_the_middle() {
        let part = Place {
            x: 600.0,
            y: 300.0,
            width: 900.0,
            height: 200.0,
        };
        let view = Viewport::around(&part, FRAME, WORLD);
        let seen = view.window(FRAME);
        assert!(seen.x <= part.x && seen.x + seen.width >= part.x + part.width);
        assert!(seen.y <= part.y && seen.y + seen.height >= part.y + part.height);
        assert!((LEAST_ZOOM..=1.0).contains(&view.zoom));
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let before = Viewport {
            x: 500.0,
            y: 100.0,
            zoom: 1.0,
        };
        let after = before.zoomed(1.5, (120.0, 60.0), FRAME, WORLD);
        let under = |view: Viewport| (view.x + 120.0 / view.zoom, view.y + 60.0 / view.zoom);
        let (before, after) = (under(before), under(after));
        assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
        let far = Viewport::default().zoomed(1e-9, (0.0, 0.0), FRAME, WORLD);
        assert_eq!(far.zoom, LEAST_ZOOM);
    }

    #[test]
    fn panning_ends_at_the_edges() {
        let view = Viewport::default().panned((-50.0, 5_000.0), FRAME, WORLD);
        assert_eq!((view.x, view.y), (0.0, 200.0));
        let view = view.centered((1_000.0, 250.0), FRAME, WORLD);
        assert_eq!((view.x, view.y), (800.0, 100.0));
    }

    #[test]
    fn what_is_followed_moves_the_picture_only_when_it_leaves() {
        let place = |x: f64, y: f64| Place {
            x,
            y,
            width: 20.0,
            height: 20.0,
        };
        let view = Viewport::default();
        assert_eq!(view.showing(&place(190.0, 140.0), FRAME, WORLD), view);
        let moved = view.showing(&place(990.0, 140.0), FRAME, WORLD);
        assert_eq!((moved.x, moved.y), (800.0, 0.0));
        // The middle of a box wider than the frame is not what is looked for.
        let wide = Place {
            x: 100.0,
            y: 140.0,
            width: 1_800.0,
            height: 20.0,
        };
        assert_eq!(view.showing(&wide, FRAME, WORLD).x, 0.0);
    }
}
