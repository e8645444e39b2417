//! The scale calculator's form: what its fields hold, and the job they describe.

use std::collections::BTreeMap;

use crate::lab::Description;
use crate::lab::scale::{
    Expected, Job, Precision, REFERENCE_DEVICES, REFERENCE_MODELS, ReferenceDevice, ReferenceModel,
    SECONDS_PER_DAY, SECONDS_PER_YEAR, TOKENS_PER_PARAMETER,
};
use crate::view::format;
use crate::view::texts::Locale;

/// The model of an address that names none.
pub const DEFAULT_MODEL: &str = "gpt-3";
/// The device of an address that names none.
pub const DEFAULT_DEVICE: &str = "a100";
/// The choice of the device that was measured here.
pub const THIS_DEVICE: &str = "this";

/// Keys of the form's numbers, as in the address, in the order in which they are shown.
pub const NUMBERS: [&str; 14] = [
    "parameters",
    "tokens",
    "flops_per_token",
    "devices",
    "peak",
    "utilisation",
    "activations",
    "sequences",
    "memory",
    "power",
    "pue",
    "carbon",
    "bandwidth",
    "latency",
];

/// Keys of the numbers that a device brings.
const OF_DEVICE: [&str; 4] = ["peak", "memory", "power", "bandwidth"];

/// What stands in the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub model: String,
    pub device: String,
    pub precision: String,
    /// Text of each number, in the order of [`NUMBERS`].
    pub numbers: Vec<String>,
    /// Keys of numbers that were typed over those of the device: what follows from them is not the device's.
    pub own: Vec<&'static str>,
}

/// A field that does not hold what it should.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub key: String,
    pub expected: Wanted,
}

/// What a field expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any number.
    Number,
    /// A number in a certain range.
    Range(Expected),
    /// The name of a precision.
    Precision,
}

impl Form {
    /// The form as the address has it. What it leaves out comes from its model and device; `counted` is the chosen
    /// preset in numbers, and `measured` this device's FLOP/s, where they are known.
    pub fn read(
        settings: &BTreeMap<String, String>,
        counted: Option<&Description>,
        measured: Option<f64>,
    ) -> Self {
        let text = |key: &str, default: &str| {
            settings
                .get(key)
                .cloned()
                .unwrap_or_else(|| default.to_string())
        };
        let model = text("model", DEFAULT_MODEL);
        let device = text("accelerator", DEFAULT_DEVICE);
        let precision = text("precision", Precision::Mixed16.name());
        let defaults = Defaults {
            model: REFERENCE_MODELS.iter().find(|known| known.name == model),
            counted: counted.filter(|counted| counted.preset == model),
            chip: REFERENCE_DEVICES.iter().find(|known| known.name == device),
            is_this: device == THIS_DEVICE,
            precision: Precision::from_name(&precision).unwrap_or_default(),
            measured,
            // What was counted holds for the preset's own size alone.
            is_resized: settings.contains_key("parameters"),
        };
        let numbers = NUMBERS
            .iter()
            .map(|&key| {
                let given = settings.get(key).cloned();
                given.unwrap_or_else(|| defaults.of(key).map(field_text).unwrap_or_default())
            })
            .collect();
        let is_own = |key: &str| {
            let Some(given) = settings.get(key) else {
                return false;
            };
            read_number(given) != defaults.of(key)
        };
        let own = OF_DEVICE.into_iter().filter(|key| is_own(key)).collect();
        Self {
            model,
            device,
            precision,
            numbers,
            own,
        }
    }

    /// The text of a number's field.
    pub fn number(&self, key: &str) -> &str {
        let place = NUMBERS.iter().position(|&known| known == key);
        place.map_or("", |place| &self.numbers[place])
    }

    /// The job that the fields describe.
    ///
    /// # Errors
    /// The first field that does not hold what it should.
    pub fn job(&self) -> Result<Job, FieldError> {
        let number = |key: &str| {
            read_number(self.number(key)).ok_or_else(|| FieldError {
                key: key.into(),
                expected: Wanted::Number,
            })
        };
        let job = Job {
            parameters: number("parameters")?,
            tokens: number("tokens")?,
            flops_per_token: match self.number("flops_per_token").trim() {
                "" => None,
                _ => Some(number("flops_per_token")?),
            },
            precision: Precision::from_name(&self.precision).ok_or_else(|| FieldError {
                key: "precision".into(),
                expected: Wanted::Precision,
            })?,
            devices: number("devices")?,
            peak: number("peak")?,
            utilisation: number("utilisation")?,
            activations: number("activations")?,
            sequences: number("sequences")?,
            memory: number("memory")?,
            power: number("power")?,
            pue: number("pue")?,
            carbon: number("carbon")?,
            bandwidth: number("bandwidth")?,
            latency: number("latency")?,
        };
        job.estimate().map(|_| job).map_err(|error| FieldError {
            key: error.field,
            expected: Wanted::Range(error.expected),
        })
    }
}

/// A number as a field shows it: `312000`, `3.12e14`.
fn field_text(value: f64) -> String {
    match value.abs() >= 1e6 {
        true => format!("{value:e}"),
        false => format::bare(value),
    }
}

/// One line of the result: what is computed, how, and what comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name among the texts, and its `data-testid` behind `scale-`.
    pub key: &'static str,
    /// The formula with symbols.
    pub formula: &'static str,
    /// The same with the job's numbers.
    pub numbers: String,
    /// In the unit that the formula gives.
    pub value: f64,
    /// For people.
    pub shown: String,
}

/// Every result of a job with its formula.
pub fn lines(job: &Job, locale: Locale) -> Vec<Line> {
    let Ok(estimate) = job.estimate() else {
        return Vec::new();
    };
    let n = |value: f64| format::significant(value, 3);
    // Published figures have four digits: 3,646 petaflop/s-days, 79.98 device-years.
    let four = |value: f64| format::significant(value, 4);
    let bytes = |value: f64| decimal(value, "B");
    let rate = job.devices * job.peak * job.utilisation;
    let precision = job.precision;
    let (weight, state) = (precision.bytes(), precision.optimizer_bytes());
    let per_token = estimate.flops / job.tokens;
    let line = |key, formula, numbers, value, shown| Line {
        key,
        formula,
        numbers,
        value,
        shown,
    };
    let mut lines = vec![
        line(
            "flops",
            match job.flops_per_token {
                Some(_) => "C = F · D",
                None => "C = 6 · N · D",
            },
            match job.flops_per_token {
                Some(_) => format!("{} × {}", n(per_token), n(job.tokens)),
                None => format!("6 × {} × {}", n(job.parameters), n(job.tokens)),
            },
            estimate.flops,
            decimal(estimate.flops, "FLOP"),
        ),
        line(
            "petaflop-days",
            "C / (10¹⁵ · 86,400)",
            format!("{} / 8.64×10¹⁹", n(estimate.flops)),
            estimate.petaflop_days,
            four(estimate.petaflop_days),
        ),
        line(
            "best-tokens",
            "20 · N",
            format!("20 × {}", n(job.parameters)),
            estimate.best_tokens,
            n(estimate.best_tokens),
        ),
        line(
            "weights",
            "b · N",
            format!("{weight} × {}", n(job.parameters)),
            estimate.weights,
            bytes(estimate.weights),
        ),
        line(
            "gradients",
            "b · N",
            format!("{weight} × {}", n(job.parameters)),
            estimate.gradients,
            bytes(estimate.gradients),
        ),
        line(
            "optimizer",
            "s · N",
            format!("{state} × {}", n(job.parameters)),
            estimate.optimizer,
            bytes(estimate.optimizer),
        ),
        line(
            "states",
            "(2b + s) · N",
            format!("{} × {}", 2.0 * weight + state, n(job.parameters)),
            estimate.states,
            bytes(estimate.states),
        ),
        line(
            "activations",
            "A · q",
            format!("{} × {}", n(job.activations), n(job.sequences)),
            estimate.activations,
            bytes(estimate.activations),
        ),
        line(
            "devices-for-states",
            "⌈(2b + s) · N / M⌉",
            format!("⌈{} / {}⌉", n(estimate.states), n(job.memory)),
            estimate.devices_for_states,
            n(estimate.devices_for_states),
        ),
        line(
            "seconds",
            "t = C / (p · R · u)",
            format!("{} / {}", n(estimate.flops), n(rate)),
            estimate.seconds,
            span(estimate.seconds, locale),
        ),
        line(
            "device-years",
            "p · t / 31,557,600",
            format!("{} × {} / 31,557,600", n(job.devices), n(estimate.seconds)),
            estimate.device_years,
            four(estimate.device_years),
        ),
        line(
            "energy",
            "E = p · P · t · PUE",
            format!(
                "{} × {} × {} × {} / 3.6×10⁶",
                n(job.devices),
                n(job.power),
                n(estimate.seconds),
                n(job.pue)
            ),
            estimate.kilowatt_hours,
            energy(estimate.kilowatt_hours),
        ),
        line(
            "carbon",
            "E · k",
            format!("{} × {}", n(estimate.kilowatt_hours), n(job.carbon)),
            estimate.carbon_kilograms,
            mass(estimate.carbon_kilograms),
        ),
    ];
    if let Some(seconds) = estimate.all_reduce {
        let steps = 2.0 * (job.devices - 1.0);
        lines.push(line(
            "all-reduce",
            "2(p − 1)/p · S/B + 2(p − 1) · l",
            format!(
                "{} / {} × {} / {} + {} × {}",
                n(steps),
                n(job.devices),
                n(estimate.gradients),
                n(job.bandwidth),
                n(steps),
                n(job.latency)
            ),
            seconds,
            span(seconds, locale),
        ));
    }
    lines
}

/// With a decimal prefix: `700 GB`.
fn decimal(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 7] = [
        (1e24, "Y"),
        (1e21, "Z"),
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
    ];
    let prefix = PREFIXES.into_iter().find(|(size, _)| value >= *size);
    let (size, prefix) = prefix.unwrap_or(match value >= 1e3 {
        true => (1e3, "k"),
        false => (1.0, ""),
    });
    format!("{} {prefix}{unit}", format::significant(value / size, 3))
}

fn energy(kilowatt_hours: f64) -> String {
    match kilowatt_hours {
        large if large >= 1e6 => format!("{} GWh", format::significant(large / 1e6, 3)),
        large if large >= 1e3 => format!("{} MWh", format::significant(large / 1e3, 4)),
        small if small < 1.0 => format!("{} Wh", format::significant(small * 1e3, 3)),
        other => format!("{} kWh", format::significant(other, 3)),
    }
}

fn mass(kilograms: f64) -> String {
    match kilograms {
        large if large >= 1e3 => format!("{} t CO₂e", format::significant(large / 1e3, 3)),
        small if small < 1.0 => format!("{} g CO₂e", format::significant(small * 1e3, 3)),
        other => format!("{} kg CO₂e", format::significant(other, 3)),
    }
}

/// A time span of any length for people.
pub fn span(seconds: f64, locale: Locale) -> String {
    let (value, english, chinese) = match seconds {
        long if long >= SECONDS_PER_YEAR => (long / SECONDS_PER_YEAR, "years", "年"),
        long if long >= SECONDS_PER_DAY => (long / SECONDS_PER_DAY, "days", "天"),
        other => return format::duration(other * 1e3, locale),
    };
    let unit = match locale {
        Locale::English => english,
        Locale::Chinese => chinese,
    };
    format!("{} {unit}", format::significant(value, 4))
}

/// A number as people write it: `175e9`, `1_000`, `1,000`, with full-width digits too. A comma parts thousands alone,
/// so `0,4` is no number.
pub fn read_number(text: &str) -> Option<f64> {
    let plain: String = text
        .trim()
        .chars()
        .map(|character| match character {
            '０'..='９' => char::from(b'0' + (u32::from(character) - u32::from('０')) as u8),
            '．' => '.',
            '－' | '−' => '-',
            '，' | '_' | ' ' => ',',
            other => other,
        })
        .collect();
    let end = plain.find(['.', 'e', 'E']).unwrap_or(plain.len());
    let (whole, rest) = plain.split_at(end);
    let mut groups = whole.trim_start_matches(['-', '+']).split(',');
    let first = groups.next().unwrap_or_default();
    let is_parted = whole.contains(',');
    let mut later = groups;
    let fits =
        !is_parted || ((1..=3).contains(&first.len()) && later.all(|group| group.len() == 3));
    if !fits || rest.contains(',') {
        return None;
    }
    let plain = whole.replace(',', "") + rest;
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What the fields hold where the address has nothing.
struct Defaults<'a> {
    model: Option<&'a ReferenceModel>,
    counted: Option<&'a Description>,
    chip: Option<&'a ReferenceDevice>,
    is_this: bool,
    precision: Precision,
    measured: Option<f64>,
    /// Whether the number of parameters is not the model's own.
    is_resized: bool,
}

impl Defaults<'_> {
    fn of(&self, key: &str) -> Option<f64> {
        let (model, counted, chip) = (self.model, self.counted, self.chip);
        match key {
            "parameters" => model
                .map(|known| known.parameters)
                .or(counted.map(|counted| counted.parameters as f64)),
            "tokens" => model
                .map(|known| known.tokens)
                .or(counted.map(|counted| TOKENS_PER_PARAMETER * counted.parameters as f64)),
            // Empty is 6 N, whatever N is.
            "flops_per_token" if self.is_resized => None,
            "flops_per_token" => counted.map(|counted| counted.flops_per_token),
            "devices" | "sequences" => Some(1.0),
            "peak" if self.is_this => self.measured,
            "peak" => chip.map(|chip| match self.precision {
                Precision::Float32 => chip.peak_float32,
                Precision::Mixed16 => chip.peak,
            }),
            // What was measured is what is reached.
            "utilisation" if self.is_this => Some(1.0),
            "utilisation" => Some(0.4),
            "activations" => {
                // The published formula counts 16-bit values.
                let known = model.map(|known| known.activations() / 2.0);
                let values = known.or(counted.map(|counted| counted.activations as f64));
                values.map(|values| values * self.precision.bytes())
            }
            "memory" => Some(chip.map_or(16e9, |chip| chip.memory)),
            "power" => Some(chip.map_or(50.0, |chip| chip.power)),
            "pue" if self.is_this => Some(1.0),
            "pue" => Some(1.1),
            "carbon" => Some(0.429),
            "bandwidth" => Some(chip.map_or(125e6, |chip| chip.bandwidth)),
            "latency" => Some(1e-5),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn the_form_starts_with_gpt_3_on_an_a100() {
        let job = Form::read(&settings(&[]), None, None).job().unwrap();
        assert_eq!((job.parameters, job.tokens), (175e9, 300e9));
        assert_eq!(job.peak, 312e12);
        let years = job.estimate().unwrap().device_years;
        assert!((79.5..80.5).contains(&years), "{years}");
    }

    #[test]
    fn numbers_that_are_not_the_devices_are_told_as_the_learners_own() {
        let own = |pairs: &[(&str, &str)]| Form::read(&settings(pairs), None, None).own;
        assert!(own(&[]).is_empty());
        assert_eq!(own(&[("peak", "1e12"), ("power", "5")]), ["peak", "power"]);
        // The device's own number, typed or chosen by its precision, is the device's.
        assert!(own(&[("peak", "312e12"), ("memory", "")]).contains(&"memory"));
        assert!(own(&[("peak", "312e12")]).is_empty());
        assert!(own(&[("peak", "19.5e12"), ("precision", "float32")]).is_empty());
        assert_eq!(own(&[("peak", "19.5e12")]), ["peak"]);
        // What belongs to the job is no number of the device.
        assert!(own(&[("tokens", "5"), ("devices", "8")]).is_empty());
        // A device that was not measured has no figure that this could be.
        let given = settings(&[("accelerator", "this"), ("peak", "1e12")]);
        assert_eq!(Form::read(&given, None, None).own, ["peak"]);
        assert!(Form::read(&given, None, Some(1e12)).own.is_empty());
    }

    #[test]
    fn the_address_overrides_what_model_and_device_bring() {
        let given = settings(&[
            ("model", "bert-large"),
            ("accelerator", "h100"),
            ("tokens", "4.26e10"),
        ]);
        let form = Form::read(&given, None, None);
        let job = form.job().unwrap();
        assert_eq!(
            (job.parameters, job.tokens, job.peak),
            (340e6, 4.26e10, 989e12)
        );
    }

    #[test]
    fn this_device_needs_a_measurement_and_a_preset_its_count() {
        let given = settings(&[("model", "lenet5-mnist"), ("accelerator", "this")]);
        let error = Form::read(&given, None, None).job().unwrap_err();
        assert_eq!(
            (error.key.as_str(), error.expected),
            ("parameters", Wanted::Number)
        );
        let counted = crate::lab::describe("lenet5-mnist").unwrap();
        let error = Form::read(&given, Some(&counted), None).job().unwrap_err();
        assert_eq!(error.key, "peak");
        let job = Form::read(&given, Some(&counted), Some(2e10))
            .job()
            .unwrap();
        assert_eq!((job.peak, job.utilisation), (2e10, 1.0));
        assert_eq!(job.tokens, 20.0 * 61_706.0);
    }

    #[test]
    fn the_work_follows_the_number_of_parameters_and_the_time_the_precision() {
        let flops = |pairs: &[(&str, &str)]| {
            let counted = crate::lab::describe("lenet5-mnist").unwrap();
            let job = Form::read(&settings(pairs), Some(&counted), None)
                .job()
                .unwrap();
            job.estimate().unwrap().flops
        };
        assert_eq!(flops(&[("parameters", "87.5e9")]), flops(&[]) / 2.0);
        let counted = flops(&[("model", "lenet5-mnist"), ("tokens", "1000")]);
        let resized = flops(&[
            ("model", "lenet5-mnist"),
            ("tokens", "1000"),
            ("parameters", "1e5"),
        ]);
        assert_eq!(resized, 6.0 * 1e5 * 1000.0);
        // Shared kernels do more work for each parameter than the rule says.
        assert!(counted > 6.0 * 61_706.0 * 1000.0);
        let seconds = |precision| {
            let given = settings(&[("precision", precision)]);
            let job = Form::read(&given, None, None).job().unwrap();
            job.estimate().unwrap().seconds
        };
        assert_eq!(seconds("float32") / seconds("mixed16"), 312.0 / 19.5);
        let error = Form::read(&settings(&[("precision", "fp8")]), None, None)
            .job()
            .unwrap_err();
        assert_eq!(error.key, "precision");
    }

    #[test]
    fn what_cannot_be_used_is_named_and_kept() {
        for (key, text) in [
            ("devices", "0"),
            ("bandwidth", "-1"),
            ("peak", "fast"),
            ("pue", "0.5"),
            ("utilisation", "2"),
        ] {
            let form = Form::read(&settings(&[(key, text)]), None, None);
            assert_eq!(form.number(key), text);
            assert_eq!(form.job().unwrap_err().key, key);
        }
    }

    #[test]
    fn the_lines_show_what_the_formulas_give() {
        let job = Form::read(&settings(&[]), None, None).job().unwrap();
        let lines = lines(&job, Locale::English);
        let shown = |key: &str| {
            let line = lines.iter().find(|line| line.key == key).expect(key);
            line.shown.as_str()
        };
        assert_eq!(shown("flops"), "315 ZFLOP");
        assert_eq!(shown("weights"), "350 GB");
        assert_eq!(shown("states"), "2.8 TB");
        assert_eq!(shown("petaflop-days"), "3,646");
        assert_eq!(shown("device-years"), "79.98");
        assert_eq!(shown("devices-for-states"), "35");
        assert!(shown("seconds").ends_with("years"));
        assert!(shown("energy").ends_with("MWh"));
        // One device sends nothing round.
        assert!(lines.iter().all(|line| line.key != "all-reduce"));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("175e9", 175e9),
            ("1,000", 1e3),
            ("１２．５", 12.5),
            (" 1_000 ", 1e3),
            ("−2", -2.0),
        ] {
            assert_eq!(read_number(text), Some(number), "{text}");
        }
        for text in [
            "", "inf", "NaN", "1e999", "a", "0,4", "1,5e9", "1 2", "1,0000", ",5",
        ] {
            assert_eq!(read_number(text), None, "{text}");
        }
    }
}
