//! `glassbox race`

use super::CliError;
use super::arguments::{RaceArguments, TableArguments};
use super::driver::{Driver, RUN, find_preset};
use super::lines::{Line, Number, PlaneEnd, print};
use crate::session::{
    Command, DevicePreference, Event, Landscape, Lane, LaneRecord, MainDirections, RunConfig,
};
use crate::view::race::{self, OFFERS, Standing};
use crate::view::race_plane;
use crate::view::texts::Locale;

/// Updates of each lane where none are given.
const STEPS: u32 = race::STEPS;

pub fn run(arguments: &RaceArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let lanes: Vec<Lane> = if arguments.lane.is_empty() {
        let usual = |offer: &race::Offer| offer.lane(offer.learning_rate(preset.id));
        OFFERS.iter().map(usual).collect()
    } else {
        arguments.lane.clone()
    };
    let steps = arguments.steps.unwrap_or(STEPS);
    let config = RunConfig {
        preset: preset.id.into(),
        device: DevicePreference::Cpu,
        seed: arguments.seed,
        ..RunConfig::default()
    };
    let (mut driver, _) = Driver::start(preset, &TableArguments::default(), config)?;
    let goal = arguments.goal.or(race::goal(preset.id));
    let command = Command::Race {
        run: RUN,
        lanes: lanes.clone(),
        steps,
    };
    driver.finish(command, &mut |event| match event {
        Event::LaneDone { lane, record, .. } => {
            tell(&lanes[lane as usize], &record, goal, steps, arguments.json)
        }
        Event::Landscape { landscape, .. } => match &landscape.main {
            Some(main) => tell_plane(&lanes, &landscape, main, arguments.json),
            None => Ok(()),
        },
        Event::NoLandscape { reason, .. } if !arguments.json => print(&format!(
            "no plane: {}",
            race_plane::refusal(reason, &Locale::English.texts().race)
        )),
        _ => Ok(()),
    })
}

fn tell_plane(
    lanes: &[Lane],
    landscape: &Landscape,
    main: &MainDirections,
    json: bool,
) -> Result<(), CliError> {
    let (least, largest) = race::span(landscape);
    if json {
        let end = |path: &crate::session::PlanePath| PlaneEnd {
            loss: path.loss.into(),
            loss_on_plane: path.loss_on_plane.into(),
            distance: path.off.into(),
            travelled: path.travelled.into(),
        };
        return Line::Plane {
            weights: main.weights,
            shares: main.shares.map(Number::from),
            size: landscape.size[0],
            least_loss: least.into(),
            largest_loss: largest.into(),
            ends: main.paths.iter().map(end).collect(),
        }
        .print();
    }
    let [first, second] = main.shares.map(|share| 100.0 * share);
    print(&format!(
        "plane through the start of {} weights: holds {first:.1} % + {second:.1} % of the squared distances from it, \
         loss {least:.4} to {largest:.4}",
        main.weights
    ))?;
    for (lane, path) in lanes.iter().zip(&main.paths) {
        print(&format!(
            "{:<9} {:<11} end at loss {:.4}, {:.3} from the plane, where it is {:.4}",
            lane.optimizer.name(),
            lane.options.schedule_kind().name(),
            path.loss,
            path.off,
            path.loss_on_plane
        ))?;
    }
    Ok(())
}

fn tell(
    lane: &Lane,
    record: &LaneRecord,
    goal: Option<f32>,
    steps: u32,
    json: bool,
) -> Result<(), CliError> {
    let standing = race::standing(record, goal, steps).expect("a lane has a first loss");
    let Standing {
        loss,
        below,
        diverged,
    } = standing;
    let schedule = lane.options.schedule_kind().name();
    if json {
        return Line::Lane {
            optimizer: lane.optimizer.name(),
            schedule,
            learning_rate: lane.learning_rate.into(),
            steps: (record.losses.len() - 1) as u32,
            last_loss: loss.into(),
            goal: goal.map(Number::from),
            first_below: below,
            diverged_at: diverged,
        }
        .print();
    }
    let how = match (below, diverged) {
        (Some(step), _) => format!("below {:e} after {step} steps", goal.unwrap_or_default()),
        (None, Some(step)) => format!("diverged at step {step}"),
        (None, None) => format!("after {steps} steps"),
    };
    print(&format!(
        "{:<9} {:<11} lr {:<8} {how}, last loss {loss:.6e}",
        lane.optimizer.name(),
        schedule,
        lane.learning_rate
    ))
}
