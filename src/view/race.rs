//! A race of optimizers on the page: which lanes there are, how they stand, and their drawings.

use super::color::Palette;
use crate::models::{self, PresetData};
use crate::optim::{OptimizerKind, Options, ScheduleKind};
use crate::session::{Landscape, Lane, LaneRecord};

/// Where a race on the bowl is won: the first step at which the loss is below it.
pub const GOAL: f32 = 1e-6;

/// Updates of every lane, unless the learner asks for more.
pub const STEPS: u32 = 700;

/// Most updates that the page offers.
pub const MOST_STEPS: u32 = 5_000;

/// A lane that the page offers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// In `data-testid`s.
    pub id: &'static str,
    pub optimizer: OptimizerKind,
    pub schedule: ScheduleKind,
    /// On the bowl, and on other presets.
    rates: [f32; 2],
}

/// All lanes, in the order of their colours.
pub const OFFERS: [Offer; 8] = [
    Offer::new(
        "sgd",
        OptimizerKind::Sgd,
        ScheduleKind::Constant,
        [0.039, 0.1],
    ),
    Offer::new(
        "inverse",
        OptimizerKind::Sgd,
        ScheduleKind::Inverse,
        [0.039, 0.1],
    ),
    Offer::new(
        "cosine",
        OptimizerKind::Sgd,
        ScheduleKind::Cosine,
        [0.039, 0.1],
    ),
    Offer::new(
        "momentum",
        OptimizerKind::Momentum,
        ScheduleKind::Constant,
        [0.01, 0.05],
    ),
    Offer::new(
        "nesterov",
        OptimizerKind::Nesterov,
        ScheduleKind::Constant,
        [0.01, 0.05],
    ),
    Offer::new(
        "rmsprop",
        OptimizerKind::RmsProp,
        ScheduleKind::Constant,
        [0.01, 0.005],
    ),
    Offer::new(
        "adagrad",
        OptimizerKind::Adagrad,
        ScheduleKind::Constant,
        [0.1, 0.05],
    ),
    Offer::new(
        "adam",
        OptimizerKind::Adam,
        ScheduleKind::Constant,
        [0.1, 0.01],
    ),
];

impl Offer {
    const fn new(
        id: &'static str,
        optimizer: OptimizerKind,
        schedule: ScheduleKind,
        rates: [f32; 2],
    ) -> Self {
        Self {
            id,
            optimizer,
            schedule,
            rates,
        }
    }

    /// The learning rate that it starts with on a preset.
    pub fn learning_rate(&self, preset: &str) -> f32 {
        self.rates[usize::from(!has_bowl(preset))]
    }

    /// What the engine is asked for.
    pub fn lane(&self, learning_rate: f32) -> Lane {
        Lane {
            optimizer: self.optimizer,
            learning_rate,
            momentum: None,
            options: Options {
                schedule: Some(self.schedule),
                // η₀ / (1 + t): the schedule whose steps hardly add up.
                schedule_k: (self.schedule == ScheduleKind::Inverse).then_some(1.0),
                ..Options::NONE
            },
        }
    }
}

/// Whether a preset is the bowl, whose least loss is 0.
fn has_bowl(preset: &str) -> bool {
    preset == "optim-race"
}

/// The loss that a race on a preset is about, if its least loss is known.
pub fn goal(preset: &str) -> Option<f32> {
    has_bowl(preset).then_some(GOAL)
}

/// Whether optimizers can race on a preset: it is small enough for several runs at once.
pub fn is_offered(preset: &str) -> bool {
    models::find(preset)
        .is_some_and(|found| has_bowl(preset) || matches!(found.data, PresetData::Toy(_)))
}

/// How a lane stands after so many updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The loss after them.
    pub loss: f32,
    /// The update after which the loss was first below the goal.
    pub below: Option<u32>,
    /// The update at which the loss had grown a thousandfold, or was no number any more.
    pub diverged: Option<u32>,
}

/// The loss has grown this much: nothing brings it back.
const GROWTH: f32 = 1e3;

/// How a lane stands after `step` updates; `None` before anything was computed.
pub fn standing(record: &LaneRecord, goal: Option<f32>, step: u32) -> Option<Standing> {
    let first = *record.losses.first()?;
    let step = (step as usize).min(record.losses.len() - 1);
    let seen = &record.losses[..=step];
    let position = |found: Option<usize>| found.map(|at| at as u32);
    Some(Standing {
        loss: seen[step],
        below: goal.and_then(|goal| position(seen.iter().position(|loss| *loss < goal))),
        diverged: position(
            seen.iter()
                .position(|loss| !(loss.is_finite() && *loss <= GROWTH * first.max(GOAL))),
        ),
    })
}

/// `x,y x,y …` of an SVG polyline: the path of lane number `lane` up to a step, over a landscape drawn `side` wide and
/// high.
pub fn path(
    lane: usize,
    record: &LaneRecord,
    landscape: &Landscape,
    side: f64,
    step: u32,
) -> String {
    let (places, count) = match &landscape.main {
        None => (&record.places[..], step as usize + 1),
        // The paths belong to the landscape: they lie on its plane.
        Some(main) => match main.paths.get(lane) {
            Some(path) if step >= path.last => (&path.places[..], path.places.len()),
            Some(path) => (&path.places[..], (step / main.every) as usize + 1),
            None => (&[][..], 0),
        },
    };
    let places = places.chunks_exact(2).take(count);
    let mut points: Vec<String> = Vec::new();
    for place in places {
        let [x, y] = on_picture(landscape, [place[0], place[1]], side);
        // Far outside there is nothing to see, and browsers have limits.
        if !(x.abs() < 20.0 * side && y.abs() < 20.0 * side) {
            break;
        }
        points.push(format!("{x:.1},{y:.1}"));
    }
    points.dedup();
    points.join(" ")
}

/// Where a place lies on the picture, the second weight upwards.
pub fn on_picture(landscape: &Landscape, place: [f32; 2], side: f64) -> [f64; 2] {
    let share = |axis: usize| {
        let (low, high) = landscape.bounds[axis];
        f64::from((place[axis] - low) / (high - low))
    };
    [share(0) * side, (1.0 - share(1)) * side]
}

/// Between two lines of the landscape the loss grows by this factor.
const BAND: f32 = 2.0;

/// Lines from the least loss upwards.
const BANDS: f32 = 12.0;

/// In the picture of a plane among many weights the lines are laid out for losses up to this many times as far above
/// the least one as the start's.
const RISE: f32 = 8.0;

/// The loss at the start of all paths on a plane, between the places of the grid.
fn start_loss(landscape: &Landscape) -> f32 {
    let [x, y] = on_picture(landscape, [0.0, 0.0], 1.0);
    smooth_loss(landscape, x as f32, 1.0 - y as f32)
}

/// The least and the largest loss of a landscape, of those that are finite.
pub fn span(landscape: &Landscape) -> (f32, f32) {
    let finite = landscape.losses.iter().filter(|loss| loss.is_finite());
    finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &loss| {
        (low.min(loss), high.max(loss))
    })
}

/// The landscape as RGBA, `side` pixels wide and high: deeper where the loss is lower, with lines of equal loss.
pub fn picture(landscape: &Landscape, palette: &Palette, side: usize) -> Vec<u8> {
    let [width, height] = landscape.size.map(|size| size as usize);
    let (low, high) = span(landscape);
    let paper = [palette.surface.0, palette.surface.1, palette.surface.2, 255];
    let mut rgba = paper.repeat(side * side);
    // Without a finite loss there is nothing between them.
    if high <= low || width < 3 || height < 3 || landscape.losses.len() != width * height {
        return rgba;
    }
    // Around a network's paths the loss may rise a thousandfold to the corners: the lines are for the paths.
    let high = match landscape.main {
        None => high,
        Some(_) => high.min(low + RISE * (start_loss(landscape) - low).abs()),
    };
    // Equal steps of the logarithm above the least loss, so that a flat valley has lines too.
    let least = (high - low) / BAND.powf(BANDS);
    let band = |loss: f32| ((loss - low).max(0.0) / least + 1.0).log2() / BAND.log2();
    let mut values = vec![0.0_f32; side * side];
    for (at, value) in values.iter_mut().enumerate() {
        let share = |pixel: usize| pixel as f32 / (side - 1) as f32;
        *value = band(smooth_loss(
            landscape,
            share(at % side),
            1.0 - share(at / side),
        ));
    }
    for y in 0..side {
        for x in 0..side {
            let value = values[y * side + x];
            if !value.is_finite() {
                continue;
            }
            let depth = f64::from(1.0 - value / (BANDS + 1.0)).clamp(0.0, 1.0);
            let mut color = palette.surface.mix(palette.forward, 0.42 * depth);
            let crosses = |other: f32| other.floor() != value.floor();
            let right = x + 1 < side && crosses(values[y * side + x + 1]);
            let below = y + 1 < side && crosses(values[(y + 1) * side + x]);
            if right || below {
                color = color.mix(palette.ink, 0.35);
            }
            rgba[4 * (y * side + x)..][..3].copy_from_slice(&[color.0, color.1, color.2]);
        }
    }
    rgba
}

/// The loss between the places of the grid, by parabolas through three of them along each axis.
fn smooth_loss(landscape: &Landscape, x: f32, y: f32) -> f32 {
    let [width, height] = landscape.size.map(|size| size as usize);
    let along = |share: f32, count: usize| {
        let at = share * (count - 1) as f32;
        let middle = (at.round() as usize).clamp(1, count - 2);
        (middle, at - middle as f32)
    };
    let (column, dx) = along(x, width);
    let (row, dy) = along(y, height);
    let parabola = |values: [f32; 3], t: f32| {
        let [a, b, c] = values;
        b + 0.5 * t * (c - a) + 0.5 * t * t * (a - 2.0 * b + c)
    };
    let of_row = |row: usize| {
        let from = row * width + column - 1;
        let values = &landscape.losses[from..from + 3];
        parabola([values[0], values[1], values[2]], dx)
    };
    parabola([of_row(row - 1), of_row(row), of_row(row + 1)], dy)
}

/// Size of the coordinates of the drawing of losses.
pub const CHART: (f64, f64) = (480.0, 240.0);

/// Space for the numbers on the left and below.
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 8.0;

/// Points of a line at most: more than pixels show.
const MOST_POINTS: usize = 400;

/// The drawing of all losses over steps, the losses on a logarithmic axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// log₁₀ of the loss at the bottom and at the top.
    exponents: (i32, i32),
    steps: u32,
}

impl Chart {
    /// An axis that holds these lanes: from 10⁻¹² upwards, no more than 10⁶ above what they start with.
    pub fn new<'a>(records: impl Iterator<Item = &'a LaneRecord> + Clone, steps: u32) -> Self {
        let losses = || {
            let all = records
                .clone()
                .flat_map(|record| record.losses.iter().copied());
            all.filter(|loss| loss.is_finite() && *loss > 0.0)
        };
        let start = records
            .clone()
            .filter_map(|record| record.losses.first().copied())
            .fold(1e-12_f32, f32::max);
        let low = losses().fold(start, f32::min).max(1e-12);
        let high = losses().fold(start, f32::max).min(1e6 * start);
        let exponent = |loss: f32| f64::from(loss).log10();
        let (low, high) = (exponent(low).floor() as i32, exponent(high).ceil() as i32);
        Self {
            exponents: (low, high.max(low + 1)),
            steps: steps.max(1),
        }
    }

    /// Where the axis has lines: the loss as `10ⁿ`, and its height.
    pub fn ticks(&self) -> Vec<(i32, f64)> {
        let (low, high) = self.exponents;
        let every = ((high - low) / 5).max(1);
        (low..=high)
            .filter(|exponent| exponent.rem_euclid(every) == 0)
            .map(|exponent| (exponent, self.height(exponent.into())))
            .collect()
    }

    fn height(&self, exponent: f64) -> f64 {
        let (low, high) = self.exponents;
        let share = (exponent - f64::from(low)) / f64::from(high - low);
        let bottom = CHART.1 - BOTTOM;
        (bottom - share.clamp(0.0, 1.05) * (bottom - TOP)).max(0.0)
    }

    /// Where a step stands, from left to right.
    pub fn x(&self, step: u32) -> f64 {
        LEFT + (CHART.0 - LEFT - 4.0) * f64::from(step.min(self.steps)) / f64::from(self.steps)
    }

    /// The points of an SVG polyline: the losses of a lane up to a step.
    pub fn line(&self, losses: &[f32], step: u32) -> String {
        let shown = &losses[..losses.len().min(step as usize + 1)];
        let every = shown.len().div_ceil(MOST_POINTS).max(1);
        let last = shown.len().saturating_sub(1);
        let chosen = shown
            .iter()
            .enumerate()
            .filter(|(at, _)| at % every == 0 || *at == last);
        let points = chosen
            .filter(|(_, loss)| loss.is_finite())
            .map(|(at, loss)| {
                let exponent = f64::from(*loss).max(1e-30).log10();
                format!("{:.1},{:.1}", self.x(at as u32), self.height(exponent))
            });
        points.collect::<Vec<_>>().join(" ")
    }

    /// Left, top, right and bottom of the field.
    pub fn frame(&self) -> [f64; 4] {
        [LEFT, TOP, CHART.0 - 4.0, CHART.1 - BOTTOM]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{MainDirections, PlanePath};

    fn record(losses: &[f32], places: &[f32]) -> LaneRecord {
        LaneRecord {
            losses: losses.to_vec(),
            places: places.to_vec(),
            learning_rates: Vec::new(),
        }
    }

    /// f = x² + 4y² on [−1, 3] × [−2, 2].
    fn landscape() -> Landscape {
        let size = [17_u32, 17];
        let at = |low: f32, number: u32| low + 4.0 * number as f32 / 16.0;
        let losses = (0..17 * 17).map(|n| {
            let (x, y) = (at(-1.0, n % 17), at(-2.0, n / 17));
            x * x + 4.0 * y * y
        });
        Landscape {
            size,
            bounds: [(-1.0, 3.0), (-2.0, 2.0)],
            names: ["a".into(), "b".into()],
            losses: losses.collect(),
            main: None,
        }
    }

    #[test]
    fn a_standing_knows_when_the_goal_was_reached_and_when_all_was_lost() {
        let good = record(&[1.0, 0.1, 1e-7, 1e-3], &[]);
        let early = standing(&good, Some(GOAL), 1).expect("there are losses");
        assert_eq!((early.loss, early.below, early.diverged), (0.1, None, None));
        let late = standing(&good, Some(GOAL), 99).expect("there are losses");
        assert_eq!((late.loss, late.below), (1e-3, Some(2)));
        let bad = record(&[1.0, 30.0, 2e3, f32::INFINITY], &[]);
        let lost = standing(&bad, None, 99).expect("there are losses");
        assert_eq!((lost.below, lost.diverged), (None, Some(2)));
        assert_eq!(standing(&record(&[], &[]), None, 0), None);
    }

    #[test]
    fn paths_lie_on_the_picture_with_the_second_weight_upwards() {
        let landscape = landscape();
        let path_of = |step| {
            path(
                0,
                &record(&[], &[-1.0, 2.0, 3.0, -2.0, 1.0, 0.0]),
                &landscape,
                100.0,
                step,
            )
        };
        assert_eq!(path_of(0), "0.0,0.0");
        assert_eq!(path_of(9), "0.0,0.0 100.0,100.0 50.0,50.0");
        let away = record(&[], &[0.0, 0.0, 1e6, 0.0]);
        assert_eq!(path(0, &away, &landscape, 100.0, 9), "25.0,50.0");
    }

    /// The same surface as a plane among more weights, with the path of one lane on it: every 10th of 25 updates.
    fn plane() -> Landscape {
        let path = PlanePath {
            places: vec![0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 2.0],
            last: 25,
            off: 0.5,
            travelled: 4.0,
            loss: 30.0,
            loss_on_plane: 25.0,
        };
        Landscape {
            names: Default::default(),
            main: Some(MainDirections {
                weights: 257,
                shares: [0.8, 0.1],
                every: 10,
                paths: vec![path],
            }),
            ..landscape()
        }
    }

    #[test]
    fn paths_on_a_plane_are_those_of_the_landscape() {
        let landscape = plane();
        // What the lane itself says of its places is nothing.
        let path_of = |lane, step| path(lane, &record(&[], &[]), &landscape, 100.0, step);
        assert_eq!(path_of(0, 0), "25.0,50.0");
        assert_eq!(path_of(0, 9), "25.0,50.0");
        assert_eq!(path_of(0, 10), "25.0,50.0 50.0,50.0");
        assert_eq!(path_of(0, 24), "25.0,50.0 50.0,50.0 75.0,50.0");
        assert_eq!(path_of(0, 25), "25.0,50.0 50.0,50.0 75.0,50.0 100.0,0.0");
        assert_eq!(path_of(1, 25), "");
    }

    #[test]
    fn corners_a_thousand_times_as_high_leave_the_lines_near_the_paths() {
        // f = x² + 4y² is 0 at the start of this plane: raise it there by moving the picture's bounds.
        let mut steep = plane();
        steep.bounds = [(-3.0, 1.0), (-2.0, 2.0)];
        let lines = |landscape: &Landscape| {
            let picture = picture(landscape, &Palette::LIGHT, 65);
            let shades: std::collections::BTreeSet<_> = picture.chunks_exact(4).collect();
            shades.len()
        };
        let before = lines(&steep);
        // A corner far above all else.
        *steep.losses.last_mut().expect("losses") = 1e7;
        let after = lines(&steep);
        assert!(after * 2 > before, "{before} shades became {after}");
        steep.main = None;
        let unbounded = lines(&steep);
        assert!(
            unbounded * 4 < before,
            "without the bound: {unbounded} of {before}"
        );
    }

    #[test]
    fn the_loss_between_the_places_of_a_quadratic_is_exact() {
        let landscape = landscape();
        for (x, y) in [(0.0, 0.0), (0.31, 0.77), (1.0, 1.0), (0.5, 0.013)] {
            let (a, b) = (-1.0 + 4.0 * x, -2.0 + 4.0 * y);
            let exact = a * a + 4.0 * b * b;
            let found = smooth_loss(&landscape, x, y);
            assert!((found - exact).abs() < 1e-4, "{found} {exact}");
        }
    }

    #[test]
    fn the_picture_is_deepest_at_the_least_loss() {
        let picture = picture(&landscape(), &Palette::LIGHT, 65);
        assert_eq!(picture.len(), 4 * 65 * 65);
        let brightness = |x: usize, y: usize| -> u32 {
            let at = 4 * (y * 65 + x);
            picture[at..at + 3]
                .iter()
                .map(|&byte| u32::from(byte))
                .sum()
        };
        // (0, 0) lies a quarter from the left and halfway up.
        assert!(brightness(17, 31) < brightness(60, 3));
    }

    #[test]
    fn charts_hold_all_lanes_on_a_logarithmic_axis() {
        let records = [record(&[25.0, 1.0, 1e-9], &[]), record(&[25.0, 1e30], &[])];
        let chart = Chart::new(records.iter(), 2);
        assert_eq!(chart.exponents, (-10, 8));
        let [_, top, _, bottom] = chart.frame();
        let ticks = chart.ticks();
        assert!(ticks.len() >= 4, "{ticks:?}");
        assert!(ticks.iter().all(|(_, y)| (top..=bottom).contains(y)));
        assert_eq!(chart.line(&records[0].losses, 0).matches(',').count(), 1);
        assert_eq!(chart.line(&records[0].losses, 9).matches(',').count(), 3);
        let long = vec![1.0_f32; 10_000];
        let points = chart.line(&long, 10_000).matches(',').count();
        assert!(points <= MOST_POINTS + 1, "{points}");
    }

    #[test]
    fn optimizers_race_on_the_bowl_and_on_points() {
        assert!(is_offered("optim-race") && is_offered("mlp-moons"));
        assert!(!is_offered("lenet5-mnist") && !is_offered("lenet9"));
        assert_eq!(goal("mlp-moons"), None);
        for (number, offer) in OFFERS.iter().enumerate() {
            assert!(OFFERS[..number].iter().all(|other| other.id != offer.id));
            assert!(offer.learning_rate("optim-race") > 0.0);
        }
    }
}
