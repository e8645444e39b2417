//! `glassbox race`

use super::CliError;
use super::arguments::{RaceArguments, TableArguments};
use super::driver::{Driver, RUN, find_preset};
use super::lines::{Line, Number, print};
use crate::session::{Command, DevicePreference, Event, Lane, LaneRecord, RunConfig};
use crate::view::race::{self, OFFERS, Standing};

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
        _ => Ok(()),
    })
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
