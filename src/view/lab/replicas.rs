//! The page of data parallelism without a page: what its fields hold, its exercises, and its drawings.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write;

use super::is_unknown;
use super::scale::read_number;
use crate::lab::replicas::{
    Coordinator, LINEAR, Mode, RingRecord, Settings, SettingsError, Standing, StepRecord,
};
use crate::lab::ring::Receipt;
use crate::optim::OptimizerKind;
use crate::view::format;

/// Models that the page offers, as in the address.
pub const MODELS: [&str; 2] = [LINEAR.id, "lenet5-mnist"];

/// Optimizers that the page offers.
pub const OPTIMIZERS: [OptimizerKind; 2] = [OptimizerKind::Sgd, OptimizerKind::Adam];

/// Steps of one press on the button.
pub const STEPS: u64 = 50;

/// Uneven shards of the federated mode, over and over.
const UNEVEN: [u32; 4] = [1, 2, 3, 2];

/// Keys of the numbers, as in the address.
pub const NUMBERS: [&str; 5] = ["replicas", "rate", "local", "bandwidth", "latency"];

/// What stands in the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub model: String,
    pub mode: Mode,
    pub optimizer: OptimizerKind,
    pub is_uneven: bool,
    /// Text of each number, in the order of [`NUMBERS`].
    numbers: [String; 5],
    seed: u64,
    /// The first choice of the address that there is not.
    unknown: Option<&'static str>,
}

/// A field that does not hold what it should.
#[derive(Clone, Debug, PartialEq)]
pub enum FormError {
    /// The field of that key holds no number, or no name, that could be used there.
    Number {
        key: &'static str,
    },
    Settings(SettingsError),
}

impl FormError {
    /// The field below which it is explained.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Number { key } => key,
            Self::Settings(error) => match error {
                SettingsError::Bandwidth { .. } => "bandwidth",
                SettingsError::Latency { .. } => "latency",
                SettingsError::LearningRate { .. } => "rate",
                SettingsError::LocalSteps { .. } => "local",
                _ => "replicas",
            },
        }
    }
}

impl Form {
    /// The form as the address has it.
    pub fn read(settings: &BTreeMap<String, String>, seed: u64) -> Self {
        let text = |key: &str| settings.get(key).map(String::as_str);
        let model = text("model").filter(|model| MODELS.contains(model));
        let model = model.unwrap_or(LINEAR.id);
        let usual = usual(model);
        let optimizer = text("optim")
            .and_then(OptimizerKind::from_name)
            .unwrap_or(usual.optimizer);
        // The article's rates: 0.05 for SGD, 1e-3 for Adam.
        let rate = match (model == LINEAR.id, optimizer) {
            (true, OptimizerKind::Sgd) | (false, OptimizerKind::Sgd) => 0.05,
            (true, _) => 1e-3,
            (false, _) => usual.learning_rate,
        };
        let number = |key: &str, default: String| text(key).map_or(default, ToString::to_string);
        let modes = Mode::ALL.map(Mode::name);
        let choices: [(&str, &[&str]); 4] = [
            ("model", &MODELS),
            ("mode", &modes),
            ("optim", &OPTIMIZERS.map(OptimizerKind::name)),
            ("shares", &["even", "uneven"]),
        ];
        let mut choices = choices.into_iter();
        let unknown = choices.find(|(key, offered)| is_unknown(settings, key, offered));
        Self {
            unknown: unknown.map(|(key, _)| key),
            model: model.into(),
            mode: text("mode").and_then(Mode::from_name).unwrap_or_default(),
            optimizer,
            is_uneven: text("shares") == Some("uneven"),
            numbers: [
                number("replicas", usual.replicas.to_string()),
                number("rate", format::shortest(rate)),
                number("local", usual.local_steps.to_string()),
                number("bandwidth", "1.25e9".into()),
                number("latency", "5e-5".into()),
            ],
            seed,
        }
    }

    /// The text of a number's field.
    pub fn number(&self, key: &str) -> &str {
        let place = NUMBERS.iter().position(|&known| known == key);
        place.map_or("", |place| &self.numbers[place])
    }

    /// The run that the fields describe.
    ///
    /// # Errors
    /// The first field that does not hold what it should.
    pub fn settings(&self) -> Result<Settings, FormError> {
        if let Some(key) = self.unknown {
            return Err(FormError::Number { key });
        }
        let real = |key: &'static str| {
            let number = read_number(self.number(key));
            number.ok_or(FormError::Number { key })
        };
        let whole = |key: &'static str| {
            let number = real(key)?;
            let fits = number.fract() == 0.0 && (0.0..1e6).contains(&number);
            fits.then_some(number as u32)
                .ok_or(FormError::Number { key })
        };
        let replicas = whole("replicas")?;
        let shares = if self.is_uneven && self.mode == Mode::Federated {
            let shares = UNEVEN.into_iter().cycle();
            shares.take(replicas.min(64) as usize).collect()
        } else {
            Vec::new()
        };
        let settings = Settings {
            seed: self.seed,
            replicas,
            mode: self.mode,
            optimizer: self.optimizer,
            learning_rate: real("rate")? as f32,
            local_steps: whole("local")?,
            shares,
            bandwidth: real("bandwidth")?,
            latency: real("latency")?,
            ..usual(&self.model)
        };
        // Also what the coordinator alone can tell.
        Coordinator::new(settings.clone()).map_err(FormError::Settings)?;
        Ok(settings)
    }
}

fn usual(model: &str) -> Settings {
    match crate::models::find(model) {
        Some(preset) => Settings {
            tell_every: 1,
            ..Settings::of_preset(preset)
        },
        None => Settings::linear(),
    }
}

/// The spot-the-error exercises that the page decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exercise {
    /// Rank 0 alone steps.
    X14,
    /// A sum in place of the mean.
    X16,
}

impl Exercise {
    pub const ALL: [Self; 2] = [Self::X14, Self::X16];

    pub fn name(self) -> &'static str {
        match self {
            Self::X14 => "x14",
            Self::X16 => "x16",
        }
    }

    /// The runs that decide it, one after the other.
    pub fn runs(self) -> Vec<Settings> {
        let with = |mode, optimizer, learning_rate| Settings {
            mode,
            optimizer,
            learning_rate,
            ..Settings::linear()
        };
        match self {
            Self::X14 => vec![with(Mode::Rank0, OptimizerKind::Sgd, 0.05)],
            Self::X16 => vec![
                with(Mode::Sum, OptimizerKind::Sgd, 0.05),
                with(Mode::Mean, OptimizerKind::Sgd, 0.05),
                with(Mode::Mean, OptimizerKind::Sgd, 0.2),
                with(Mode::Sum, OptimizerKind::Adam, 1e-3),
                with(Mode::Mean, OptimizerKind::Adam, 1e-3),
            ],
        }
    }
}

/// What is kept of a run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub settings: Settings,
    pub workers: usize,
    pub steps: u64,
    /// Of every replica.
    pub parameters: Vec<Vec<f32>>,
    pub samples_per_second: Option<f64>,
}

impl Ended {
    pub fn of(run: &Coordinator, workers: usize) -> Self {
        Self {
            settings: run.settings().clone(),
            workers,
            steps: run.step(),
            parameters: run
                .members()
                .iter()
                .map(|&r| run.parameters(r).to_vec())
                .collect(),
            samples_per_second: samples_per_second(run.records()),
        }
    }
}

/// What the runs of an exercise show, as numbers: X14 how far the first replica and the others have moved; X16 how far
/// the sum lies from the mean, from the mean at four times the rate, and under Adam from the mean. Relative to the
/// norm of what they are compared with, but for X14.
pub fn verdict(exercise: Exercise, runs: &[Ended]) -> Option<Vec<f64>> {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let moved = |values: &Vec<f32>| norm(&mut values.iter().map(|&v| f64::from(v)));
    match exercise {
        Exercise::X14 => {
            // Everybody started at 0.
            let (first, others) = runs.first()?.parameters.split_first()?;
            Some(vec![
                moved(first),
                others.iter().map(moved).fold(0.0, f64::max),
            ])
        }
        Exercise::X16 => {
            let [sum, mean, faster, sum_adam, mean_adam] = runs.get(..5)? else {
                return None;
            };
            let apart = |a: &Ended, b: &Ended| -> Option<f64> {
                let (a, b) = (a.parameters.first()?, b.parameters.first()?);
                let difference = a.iter().zip(b).map(|(a, b)| f64::from(a - b));
                Some(norm(&mut { difference }) / moved(b))
            };
            Some(vec![
                apart(sum, mean)?,
                apart(sum, faster)?,
                apart(sum_adam, mean_adam)?,
            ])
        }
    }
}

/// Measured: samples over the time of their steps, without those that were stepped through and without the first, in
/// which caches and programs warm up.
pub fn samples_per_second(records: &[StepRecord]) -> Option<f64> {
    let (mut samples, mut millis) = (0, 0.0);
    for record in records.iter().skip(1) {
        if let Some(of_step) = record.step_millis {
            samples += record.samples;
            millis += of_step;
        }
    }
    (millis > 0.0).then(|| samples as f64 / millis * 1e3)
}

/// A measured time that stands for many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Typical {
    /// The median.
    Median(f64),
    /// The mean, where the median is 0: a browser's clock goes in steps, which most of the times were shorter than.
    Mean(f64),
    /// All times were shorter than a step of the clock.
    BelowClock,
}

/// What stands for the measured `values`; `None` without any.
pub fn typical(values: impl Iterator<Item = f64>) -> Option<Typical> {
    let values: Vec<f64> = values.collect();
    let middle = median(values.iter().copied())?;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some(match (middle > 0.0, mean > 0.0) {
        (true, _) => Typical::Median(middle),
        (false, true) => Typical::Mean(mean),
        (false, false) => Typical::BelowClock,
    })
}

/// The middle value.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Lines of the losses by replica: on its own samples, or on the common ones with the start.
pub fn loss_lines(run: &Coordinator, is_common: bool) -> Vec<Vec<(f64, f64)>> {
    let replicas = run.settings().replicas as usize;
    let line = |replica: usize| {
        let start = run.first().0.get(replica).copied().flatten();
        let start = start.filter(|_| is_common).map(|loss| (0.0, loss));
        let records = run.records().iter().filter_map(|record| {
            let losses = if is_common {
                &record.measured
            } else {
                &record.losses
            };
            Some((record.step as f64, losses[replica]?))
        });
        start.into_iter().chain(records).collect()
    };
    (0..replicas).map(line).collect()
}

/// The L2 distance and the largest difference of one parameter.
pub fn distance_lines(run: &Coordinator) -> Vec<Vec<(f64, f64)>> {
    let start = run.first().1.map(|distance| (0, distance));
    let records = run.records().iter();
    let told = records.filter_map(|record| Some((record.step, record.distance?)));
    let all: Vec<_> = start.into_iter().chain(told).collect();
    let line = |of: fn(&crate::lab::replicas::Distance) -> f64| {
        let all = all.iter();
        all.map(|(step, distance)| (*step as f64, of(distance)))
            .collect()
    };
    vec![line(|d| d.l2), line(|d| d.largest)]
}

/// Half the side of the ring's picture, its radius, and that of a replica.
const HALF: f64 = 150.0;
const RADIUS: f64 = 108.0;
const NODE: f64 = 20.0;

/// The ring: a circle for each replica by its number, and the messages of one round on their way, each with its chunk.
/// `label` is read out in its place.
pub fn ring_svg(members: &[u32], lost: &[u32], round: &[&RingRecord], label: &str) -> String {
    let count = members.len().max(1) as f64;
    let at = |place: f64, radius: f64| {
        let angle = TAU * place / count - TAU / 4.0;
        (HALF + radius * angle.cos(), HALF + radius * angle.sin())
    };
    let mut svg = format!(
        "<svg class=\"ring\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{}\">\
         <circle class=\"ring-track\" cx=\"{HALF}\" cy=\"{HALF}\" r=\"{RADIUS}\"/>",
        label
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;"),
        side = 2.0 * HALF
    );
    for record in round {
        let place = record.from as f64;
        let class = match record.receipt {
            Receipt::Add => "is-add",
            Receipt::Replace => "is-replace",
        };
        // Halfway to the next replica; arrived, it stands before its place.
        let share = if record.delivered { 0.68 } else { 0.5 };
        let (x, y) = at(place + share, RADIUS);
        let (from_x, from_y) = at(place + NODE / RADIUS / TAU * count * 1.1, RADIUS);
        let (to_x, to_y) = at(place + 1.0 - NODE / RADIUS / TAU * count * 1.1, RADIUS);
        let _ = write!(
            svg,
            "<path class=\"ring-way {class}\" d=\"M{from_x:.1} {from_y:.1}A{RADIUS} {RADIUS} 0 0 1 {to_x:.1} {to_y:.1}\"/>\
             <g class=\"ring-message {class}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"26\" height=\"20\" rx=\"3\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text></g>",
            x - 13.0,
            y - 10.0,
            y + 4.0,
            record.chunk
        );
    }
    for (place, replica) in members.iter().enumerate() {
        let (x, y) = at(place as f64, RADIUS);
        let _ = write!(
            svg,
            "<g class=\"ring-node\"><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{NODE}\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{replica}</text></g>",
            y + 5.0
        );
    }
    for (place, replica) in lost.iter().enumerate() {
        let (x, y) = (
            HALF + 44.0 * (place as f64 - (lost.len() as f64 - 1.0) / 2.0),
            HALF,
        );
        let _ = write!(
            svg,
            "<g class=\"ring-node is-lost\"><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{NODE}\"/><text x=\"{x:.1}\" \
             y=\"{:.1}\" text-anchor=\"middle\">{replica}</text></g>",
            y + 5.0
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The messages of the round that is under way, or of the last one.
pub fn round(run: &Coordinator) -> Vec<&RingRecord> {
    let last = run.ring().iter().map(|record| record.round).max();
    let mut messages: Vec<&RingRecord> = run
        .ring()
        .iter()
        .filter(|record| Some(record.round) == last)
        .collect();
    messages.sort_by_key(|record| record.from);
    messages
}

/// Whether a step can begin or go on.
pub fn can_step(standing: &Standing) -> bool {
    matches!(standing, Standing::Idle | Standing::Ringing { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::replicas::Crew;

    fn form(pairs: &[(&str, &str)]) -> Form {
        let pairs = pairs.iter();
        let settings = pairs.map(|(key, value)| (key.to_string(), value.to_string()));
        Form::read(&settings.collect(), 1)
    }

    #[test]
    fn an_empty_address_is_four_replicas_of_the_linear_regression() {
        assert_eq!(form(&[]).settings(), Ok(Settings::linear()));
        let adam = form(&[("optim", "adam"), ("mode", "sum"), ("replicas", "8")]);
        let settings = adam.settings().unwrap();
        assert_eq!((settings.learning_rate, settings.replicas), (1e-3, 8));
        let lenet = form(&[("model", "lenet5-mnist")]).settings().unwrap();
        assert_eq!((lenet.batch, lenet.optimizer), (64, OptimizerKind::Adam));
        let uneven = form(&[("mode", "federated"), ("shares", "uneven")]);
        assert_eq!(uneven.settings().unwrap().shares, UNEVEN);
    }

    #[test]
    fn what_cannot_be_used_is_explained_below_its_field_and_kept() {
        for (key, text) in [
            ("replicas", "0"),
            ("replicas", "3"),
            ("replicas", "2.5"),
            ("replicas", "many"),
            ("bandwidth", "-1"),
            ("latency", "-1"),
            ("rate", "0"),
            ("local", "0"),
        ] {
            let form = form(&[(key, text)]);
            assert_eq!(form.number(key), text);
            assert_eq!(form.settings().unwrap_err().key(), key, "{text}");
        }
    }

    fn ended(settings: Settings) -> (Ended, Coordinator) {
        let mut crew = Crew::new(settings.replicas, LINEAR.id, None);
        let mut run = Coordinator::new(settings).unwrap();
        crew.run(&mut run, STEPS);
        (Ended::of(&run, 1), run)
    }

    #[test]
    fn the_exercises_are_decided_by_their_runs() {
        let runs = |exercise: Exercise| -> Vec<Ended> {
            exercise
                .runs()
                .into_iter()
                .map(|settings| ended(settings).0)
                .collect()
        };
        let moved = verdict(Exercise::X14, &runs(Exercise::X14)).unwrap();
        assert!(moved[0] > 1.0 && moved[1] == 0.0, "{moved:?}");
        let apart = verdict(Exercise::X16, &runs(Exercise::X16)).unwrap();
        assert!(apart[0] > 1e-3, "{apart:?}");
        assert!(apart[1] < 1e-5, "{apart:?}");
        assert!(apart[2] < 1e-4, "{apart:?}");
        assert_eq!(verdict(Exercise::X16, &[]), None);
    }

    #[test]
    fn the_ring_shows_every_message_of_the_round_and_who_is_lost() {
        let (_, mut run) = ended(Settings::linear());
        let messages = round(&run);
        assert_eq!(messages.len(), 4);
        assert!(messages.iter().all(|message| message.round == 5));
        let svg = ring_svg(&run.members(), &[], &messages, "ring");
        assert_eq!(svg.matches("class=\"ring-message is-replace\"").count(), 4);
        assert_eq!(svg.matches("class=\"ring-node\"").count(), 4);
        run.lose(2);
        let svg = ring_svg(&run.members(), &[2], &[], "ring");
        assert_eq!(svg.matches("ring-node is-lost").count(), 1);
        assert_eq!(svg.matches("class=\"ring-node\"").count(), 3);
        assert!(!svg.contains("NaN"));

        assert_eq!(loss_lines(&run, true)[0].len(), STEPS as usize + 1);
        assert_eq!(loss_lines(&run, false)[3].len(), STEPS as usize);
        assert_eq!(distance_lines(&run)[0].len(), STEPS as usize + 1);
        assert!(samples_per_second(run.records()).unwrap() > 0.0);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        let of = |values: &[f64]| typical(values.iter().copied());
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some(Typical::Median(2.0)));
        assert_eq!(of(&[0.0, 0.0, 0.3]), Some(Typical::Mean(0.3 / 3.0)));
        assert_eq!(of(&[0.0, 0.0]), Some(Typical::BelowClock));
        assert_eq!(of(&[]), None);
    }
}
