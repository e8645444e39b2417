//! The mixed-precision page without a page: what its fields hold, what a comparison has told, and its drawings.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::is_unknown;
use super::scale::read_number;
use crate::lab::precision::{
    Event, Fates, HIGHEST_EXPONENT, KernelReport, LOWEST_EXPONENT, LayerGradients, MemoryParts,
    ModeResult, PRESETS, Place, PrecisionConfig, PrecisionError, PrecisionMode, Setting,
    StepRecord, StepTime,
};
use crate::optim::OptimizerKind;
use crate::plot::{PlotLine, lines_svg, smooth};
use crate::session::DevicePreference;
use crate::view::format;
use crate::view::url::PageState;

/// Optimizers that are offered beside the preset's own.
pub const OPTIMIZERS: [OptimizerKind; 3] = [
    OptimizerKind::Adam,
    OptimizerKind::Momentum,
    OptimizerKind::Sgd,
];

/// The number of the small laboratory where the address has none.
const NUMBER: &str = "1e-8";

/// Share of the past in a curve of losses.
const SMOOTHING: f32 = 0.9;

/// Most points of a line that are drawn.
const MOST_POINTS: usize = 600;

/// What stands in the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub preset: String,
    pub modes: [bool; 3],
    pub device: DevicePreference,
    pub optimizer: String,
    /// Empty for the preset's.
    pub rate: String,
    pub updates: String,
    pub scale: String,
    pub growth: String,
    pub seed: u64,
    /// A number to look at.
    pub number: String,
    /// The parameter whose gradients are drawn; empty for all.
    pub layer: String,
    /// Choices of the address that there are not.
    unknown: Vec<Setting>,
}

impl Form {
    /// As the address has it.
    pub fn read(state: &PageState) -> Self {
        let usual = PrecisionConfig::default();
        let settings: &BTreeMap<String, String> = &state.settings;
        let text = |key: &str, default: String| settings.get(key).cloned().unwrap_or(default);
        let run = &state.hyperparameters;
        let names = settings.get("modes");
        let modes = PrecisionMode::ALL.map(|mode| match names {
            Some(names) => names.split(',').any(|name| name == mode.name()),
            None => true,
        });
        let optimizer = run.optimizer.map(|choice| choice.name().to_string());
        let mut unknown = Vec::new();
        if is_unknown(
            settings,
            "update",
            &OptimizerKind::ALL.map(OptimizerKind::name),
        ) {
            unknown.push(Setting::Optimizer);
        }
        let is_mode = |name: &str| {
            matches!(name, "none" | "") || PrecisionMode::ALL.iter().any(|mode| mode.name() == name)
        };
        if names.is_some_and(|names| !names.split(',').all(is_mode)) {
            unknown.push(Setting::Modes);
        }
        Self {
            unknown,
            preset: text("preset", usual.preset),
            modes,
            device: DevicePreference::from_name(state.device.name()).unwrap_or_default(),
            optimizer: text("update", optimizer.unwrap_or_default()),
            rate: text(
                "rate",
                run.learning_rate.map(format::shortest).unwrap_or_default(),
            ),
            updates: text(
                "updates",
                run.steps.unwrap_or(usual.steps.into()).to_string(),
            ),
            scale: text("scale", format::shortest(usual.scale)),
            growth: text("growth", usual.growth_interval.to_string()),
            seed: state.seed.unwrap_or(usual.seed),
            number: text("number", NUMBER.into()),
            layer: text("layer", String::new()),
        }
    }

    /// The modes as the address names them, with one of them changed.
    pub fn modes_with(&self, mode: PrecisionMode, is_chosen: bool) -> String {
        let chosen = PrecisionMode::ALL.iter().zip(self.modes);
        let names: Vec<&str> = chosen
            .filter(|&(&other, was_chosen)| match other == mode {
                true => is_chosen,
                false => was_chosen,
            })
            .map(|(mode, _)| mode.name())
            .collect();
        match names.is_empty() {
            // An empty value would stand for all.
            true => "none".into(),
            false => names.join(","),
        }
    }

    /// The comparison that the fields describe.
    ///
    /// # Errors
    /// All settings that cannot be used.
    pub fn config(&self) -> Result<PrecisionConfig, Vec<Setting>> {
        let mut wrong = self.unknown.clone();
        // What is no number stands for 0 while the others are looked at: it is wrong in any case.
        let mut number = |text: &str, setting: Setting, is_whole: bool| {
            let fits = |value: &f64| {
                !is_whole || value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(value)
            };
            let value = read_number(text).filter(fits);
            if value.is_none() {
                wrong.push(setting);
            }
            value.unwrap_or_default()
        };
        let modes = PrecisionMode::ALL.into_iter().zip(self.modes);
        let learning_rate = match self.rate.trim() {
            "" => None,
            text => Some(number(text, Setting::LearningRate, false) as f32),
        };
        let config = PrecisionConfig {
            preset: self.preset.clone(),
            modes: modes
                .filter(|(_, chosen)| *chosen)
                .map(|(mode, _)| mode)
                .collect(),
            device: self.device,
            optimizer: OptimizerKind::from_name(&self.optimizer),
            learning_rate,
            batch: None,
            steps: number(&self.updates, Setting::Steps, true) as u32,
            scale: number(&self.scale, Setting::Scale, false) as f32,
            growth_interval: number(&self.growth, Setting::GrowthInterval, true) as u32,
            seed: self.seed,
        };
        let resolved = config.resolved();
        if let Err(refused) = &resolved {
            wrong.extend(refused.iter().map(|error| match error {
                PrecisionError::Setting { setting, .. } => *setting,
                // These are no matter of settings, and are told when it is started.
                PrecisionError::NoFloat16 { .. } | PrecisionError::Engine { .. } => Setting::Preset,
            }));
        }
        // A setting that is wrong twice is told once.
        let mut told = Vec::new();
        for setting in wrong {
            if !told.contains(&setting) {
                told.push(setting);
            }
        }
        match resolved {
            Ok(config) if told.is_empty() => Ok(config),
            _ => Err(told),
        }
    }

    /// The presets that are offered.
    pub fn presets() -> impl Iterator<Item = &'static str> {
        PRESETS.into_iter()
    }
}

/// What a comparison has told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub run: u32,
    pub config: Option<PrecisionConfig>,
    pub memory: Vec<MemoryParts>,
    /// Where it is computed.
    pub place: Option<Place>,
    /// Measured, where it is not emulated.
    pub times: Vec<StepTime>,
    /// In the order of [`PrecisionMode::ALL`].
    pub records: [Vec<StepRecord>; 3],
    pub results: Vec<ModeResult>,
    /// Modes that could not go on, with their last step.
    pub diverged: Vec<(PrecisionMode, u32)>,
    /// The last look at the gradients: step, scale, parameters.
    pub gradients: Option<(u32, f32, Vec<LayerGradients>)>,
    pub is_running: bool,
    pub kernels: Option<KernelReport>,
}

fn place(mode: PrecisionMode) -> usize {
    let mut modes = PrecisionMode::ALL.into_iter();
    modes.position(|known| known == mode).unwrap_or_default()
}

impl Told {
    /// Takes in what the instrument reports; what belongs to an earlier comparison is left out.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Started {
                run,
                config,
                memory,
                place,
                ..
            } => {
                *self = Self {
                    run: *run,
                    config: Some(config.clone()),
                    memory: memory.clone(),
                    place: Some(place.clone()),
                    is_running: true,
                    kernels: self.kernels.take(),
                    ..Self::default()
                };
            }
            Event::Steps { run, mode, records } if *run == self.run => {
                self.records[place(*mode)].extend(records);
            }
            Event::Gradients {
                run,
                step,
                scale,
                layers,
            } if *run == self.run => self.gradients = Some((*step, *scale, layers.clone())),
            Event::Diverged { run, mode, step } if *run == self.run => {
                self.diverged.push((*mode, *step));
            }
            Event::Finished { run, result } if *run == self.run => self.results.push(*result),
            Event::Timed { run, times } if *run == self.run => self.times.clone_from(times),
            Event::Done { run, .. } if *run == self.run => self.is_running = false,
            Event::Kernels(report) => self.kernels = Some(report.clone()),
            _ => {}
        }
    }

    /// Whether what stands on the page was computed by kernels with float16 storage; `None` where nothing was yet.
    pub fn support(&self) -> Option<bool> {
        let trained = self.place.as_ref().map(|place| !place.is_emulated());
        trained.or(self.kernels.as_ref().map(|report| report.has_f16))
    }

    pub fn is_real(&self) -> bool {
        self.support() == Some(true)
    }

    /// The time of a mode's step, and how many times as fast as float32 it is where both were timed.
    pub fn time(&self, mode: PrecisionMode) -> Option<(&StepTime, Option<f64>)> {
        let find = |mode| self.times.iter().find(|time| time.mode == mode);
        let time = find(mode)?;
        let float32 = find(PrecisionMode::Float32);
        let speed = float32.map(|float32| float32.median_millis / time.median_millis);
        Some((time, speed))
    }

    pub fn of(&self, mode: PrecisionMode) -> &[StepRecord] {
        &self.records[place(mode)]
    }

    pub fn result(&self, mode: PrecisionMode) -> Option<&ModeResult> {
        self.results.iter().find(|result| result.mode == mode)
    }

    /// Steps of mixed precision that were skipped.
    pub fn skipped(&self) -> usize {
        let records = self.of(PrecisionMode::Mixed).iter();
        records.filter(|record| record.is_skipped).count()
    }

    /// The scale of the last step.
    pub fn scale(&self) -> Option<f32> {
        self.of(PrecisionMode::Mixed)
            .last()
            .map(|record| record.scale)
    }

    fn steps(&self) -> f64 {
        let config = self.config.as_ref();
        f64::from(config.map_or(PrecisionConfig::default().steps, |config| config.steps))
    }

    /// The losses of all modes; `names` of the axes.
    pub fn loss_drawing(&self, label: &str, names: [&str; 2]) -> String {
        let lines: Vec<PlotLine<'_>> = PrecisionMode::ALL
            .iter()
            .map(|&mode| {
                let records = self.of(mode);
                let losses: Vec<f32> = records.iter().map(|record| record.loss).collect();
                let smoothed = smooth(&losses, SMOOTHING);
                let points: Vec<(f64, f64)> = records
                    .iter()
                    .zip(smoothed)
                    .map(|(record, loss)| (record.step.into(), loss.into()))
                    .collect();
                let finite = points.iter().rfind(|(_, loss)| loss.is_finite());
                let has_diverged = self.diverged.iter().any(|&(of, _)| of == mode);
                PlotLine {
                    class: line_class(mode),
                    marks: finite
                        .filter(|_| has_diverged)
                        .copied()
                        .into_iter()
                        .collect(),
                    points: thinned(points),
                }
            })
            .collect();
        lines_svg(&lines, (640, 280), label, names, self.steps(), 0.0)
    }

    /// The exponent of the scale at every step, with the skipped ones marked.
    pub fn scale_drawing(&self, label: &str, names: [&str; 2]) -> String {
        let records = self.of(PrecisionMode::Mixed);
        let at = |record: &StepRecord| {
            let exponent = libm::log2(record.scale.into());
            (f64::from(record.step), exponent)
        };
        let line = PlotLine {
            class: line_class(PrecisionMode::Mixed),
            points: records.iter().map(at).collect(),
            marks: records
                .iter()
                .filter(|record| record.is_skipped)
                .map(at)
                .collect(),
        };
        lines_svg(&[line], (640, 200), label, names, self.steps(), 0.0)
    }

    /// The gradients of one parameter, or of all together: bins, and fates without and with the scale.
    pub fn gradients_of(&self, layer: &str) -> Option<(Vec<u32>, [Fates; 2])> {
        let (_, _, layers) = self.gradients.as_ref()?;
        let mut bins = vec![0; layers.first()?.bins.len()];
        let mut fates = [Fates::default(); 2];
        let is_known = layers.iter().any(|known| known.name == layer);
        for known in layers
            .iter()
            .filter(|known| !is_known || known.name == layer)
        {
            for (sum, count) in bins.iter_mut().zip(&known.bins) {
                *sum += count;
            }
            fates[0].add(&known.unscaled);
            fates[1].add(&known.scaled);
        }
        Some((bins, fates))
    }
}

/// The class of a mode's line.
pub fn line_class(mode: PrecisionMode) -> &'static str {
    match mode {
        PrecisionMode::Float32 => "line-float32",
        PrecisionMode::Float16 => "line-float16",
        PrecisionMode::Mixed => "line-mixed",
    }
}

/// Every so many points, and the last.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.into_iter().enumerate();
    kept.filter(|(at, _)| at % every == 0 || *at == last)
        .map(|(_, point)| point)
        .collect()
}

/// Exponents at which float16 ends: below −25 a number becomes 0, below −14 it is subnormal, from 16 on infinite.
const ENDS: [i32; 3] = [-25, -14, 16];

/// The histogram of exponents. Bars have the class of what becomes of them in float16, without a scale where `shift` is
/// 0, else with the scale 2 to that power; dashed lines stand where float16 ends.
pub fn histogram_svg(bins: &[u32], shift: f64, label: &str, axis: &str) -> String {
    const SIZE: (f64, f64) = (640.0, 180.0);
    const FOOT: f64 = 36.0;
    let most = f64::from(bins.iter().copied().max().unwrap_or(0).max(1));
    let width = SIZE.0 / bins.len().max(1) as f64;
    let x = |exponent: f64| (exponent - f64::from(LOWEST_EXPONENT)) * width;
    let mut svg = format!(
        "<svg class=\"lines\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
        SIZE.0,
        SIZE.1,
        label.replace('&', "&amp;").replace('"', "&quot;")
    );
    for (exponent, &count) in (LOWEST_EXPONENT..).zip(bins) {
        if count == 0 {
            continue;
        }
        let scaled = f64::from(exponent) + shift;
        let fate = ENDS.iter().filter(|&&end| scaled >= f64::from(end)).count();
        let class = ["is-lost", "is-subnormal", "is-normal", "is-lost"][fate];
        // At least a pixel: a few lost gradients are what is looked for.
        let height = ((SIZE.1 - FOOT - 14.0) * f64::from(count) / most).max(1.5);
        let _ = write!(
            svg,
            "<rect class=\"bar {class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
            x(exponent.into()) + 0.5,
            SIZE.1 - FOOT - height,
            width - 1.0
        );
    }
    for (end, name) in ENDS.into_iter().zip(["2⁻²⁵", "2⁻¹⁴", "2¹⁶"]) {
        let at = x(f64::from(end) - shift);
        if !(0.0..=SIZE.0).contains(&at) {
            continue;
        }
        let anchor = if at > SIZE.0 - 40.0 { "end" } else { "start" };
        let _ = write!(
            svg,
            "<path class=\"lab-mark\" d=\"M{at:.1} 0V{}\"/><text x=\"{at:.1}\" y=\"12\" dx=\"3\" \
             text-anchor=\"{anchor}\">{name}</text>",
            SIZE.1 - FOOT
        );
    }
    for exponent in (LOWEST_EXPONENT..=HIGHEST_EXPONENT).filter(|exponent| exponent % 8 == 0) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{exponent}</text>",
            (x(exponent.into()) + width / 2.0).clamp(12.0, SIZE.0 - 8.0),
            SIZE.1 - FOOT + 14.0
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{axis}</text></svg>",
        SIZE.0,
        SIZE.1 - 4.0
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::precision::Why;

    fn form(query: &str) -> Form {
        let (state, problems) = PageState::parse("/lab/mixed-precision", query);
        assert_eq!(problems, []);
        Form::read(&state)
    }

    #[test]
    fn the_address_fills_the_form_and_what_cannot_be_used_is_kept_and_named() {
        let config = form("").config().unwrap();
        assert_eq!((config.steps, config.scale), (300, 1_024.0));
        assert_eq!(config.modes, PrecisionMode::ALL);
        let query = "preset=mlp-moons&modes=float16,mixed&update=sgd&rate=0.5&updates=50&scale=2e3&growth=7&seed=4";
        let config = form(query).config().unwrap();
        assert_eq!(config.modes, [PrecisionMode::Float16, PrecisionMode::Mixed]);
        assert_eq!(config.optimizer, Some(OptimizerKind::Sgd));
        assert_eq!(config.learning_rate, Some(0.5));
        assert_eq!(
            (
                config.steps,
                config.scale,
                config.growth_interval,
                config.seed
            ),
            (50, 2e3, 7, 4)
        );
        assert_eq!(config.device, DevicePreference::Auto);
        let config = form("device=cpu").config().unwrap();
        assert_eq!(config.device, DevicePreference::Cpu);
        // The names of the command line are understood, too.
        let config = form("lr=0.25&steps=9").config().unwrap();
        assert_eq!((config.learning_rate, config.steps), (Some(0.25), 9));
        for (query, setting) in [
            ("scale=0", Setting::Scale),
            ("scale=-8", Setting::Scale),
            ("scale=big", Setting::Scale),
            ("rate=-1", Setting::LearningRate),
            ("updates=1.5", Setting::Steps),
            ("updates=0", Setting::Steps),
            ("growth=0", Setting::GrowthInterval),
            ("modes=none", Setting::Modes),
            ("modes=float32,float64", Setting::Modes),
            ("update=foo", Setting::Optimizer),
            ("preset=vgg-s", Setting::Preset),
        ] {
            assert_eq!(form(query).config(), Err(vec![setting]), "{query}");
        }
        assert_eq!(form("scale=big").scale, "big");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let all = form("scale=big&rate=-1&updates=0&growth=1.5&modes=none&preset=vgg-s&update=foo");
        let mut wrong = all.config().unwrap_err();
        let count = wrong.len();
        let expected = [
            Setting::Optimizer,
            Setting::Scale,
            Setting::LearningRate,
            Setting::Steps,
            Setting::GrowthInterval,
            Setting::Modes,
            Setting::Preset,
        ];
        wrong.retain(|setting| expected.contains(setting));
        assert_eq!((wrong.len(), count), (7, 7), "{wrong:?}");
    }

    #[test]
    fn modes_are_chosen_one_by_one() {
        let all = form("");
        assert_eq!(
            all.modes_with(PrecisionMode::Float16, false),
            "float32,mixed"
        );
        assert_eq!(
            form("modes=mixed").modes_with(PrecisionMode::Mixed, false),
            "none"
        );
        assert_eq!(
            form("modes=none").modes_with(PrecisionMode::Float32, true),
            "float32"
        );
    }

    fn record(step: u32, scale: f32, is_skipped: bool) -> StepRecord {
        StepRecord {
            step,
            loss: 2.0 / step as f32,
            scale,
            is_skipped,
        }
    }

    fn told() -> Told {
        let mut told = Told::default();
        told.hear(&Event::Started {
            run: 2,
            config: form("modes=float16,mixed&updates=4").config().unwrap(),
            parameters: 10,
            place: Place::Emulated { why: Why::NoGpu },
            memory: vec![MemoryParts::default(); 2],
        });
        let records = vec![
            record(1, 1_024.0, false),
            record(2, 2_048.0, true),
            record(3, 1_024.0, false),
        ];
        let mode = PrecisionMode::Mixed;
        told.hear(&Event::Steps {
            run: 1,
            mode,
            records: records.clone(),
        });
        told.hear(&Event::Steps {
            run: 2,
            mode,
            records,
        });
        let mode = PrecisionMode::Float16;
        told.hear(&Event::Diverged {
            run: 2,
            mode,
            step: 1,
        });
        told
    }

    #[test]
    fn only_the_comparison_that_was_asked_for_is_told() {
        let mut told = told();
        assert_eq!(
            (
                told.of(PrecisionMode::Mixed).len(),
                told.skipped(),
                told.scale()
            ),
            (3, 1, Some(1_024.0))
        );
        assert!(told.is_running);
        told.hear(&Event::Done {
            run: 1,
            is_complete: true,
        });
        assert!(told.is_running);
        told.hear(&Event::Done {
            run: 2,
            is_complete: true,
        });
        assert!(!told.is_running);
    }

    #[test]
    fn times_are_of_the_comparison_and_set_beside_float32() {
        let mut told = told();
        assert_eq!(
            (Told::default().support(), told.support()),
            (None, Some(false))
        );
        assert!(told.time(PrecisionMode::Mixed).is_none());
        let time = |mode, median_millis| StepTime {
            mode,
            median_millis,
            fastest_millis: median_millis / 2.0,
            slowest_millis: 2.0 * median_millis,
            rounds: 9,
            steps: 4,
        };
        let times = vec![
            time(PrecisionMode::Float32, 3.0),
            time(PrecisionMode::Mixed, 2.0),
        ];
        told.hear(&Event::Timed {
            run: 1,
            times: times.clone(),
        });
        assert!(told.times.is_empty());
        told.hear(&Event::Timed { run: 2, times });
        let (_, speed) = told.time(PrecisionMode::Mixed).unwrap();
        assert_eq!(speed, Some(1.5));
        told.times.remove(0);
        assert_eq!(told.time(PrecisionMode::Mixed).unwrap().1, None);
        told.hear(&Event::Started {
            run: 3,
            config: form("device=gpu").config().unwrap(),
            parameters: 10,
            place: Place::Device {
                adapter: "GPU".into(),
                is_software: false,
            },
            memory: Vec::new(),
        });
        assert!(told.is_real() && told.times.is_empty());
    }

    #[test]
    fn drawings_mark_what_was_skipped() {
        let told = told();
        let scale = told.scale_drawing("scale", ["step", "log₂ s"]);
        assert_eq!(scale.matches("lines-mark line-mixed").count(), 1);
        let loss = told.loss_drawing("loss", ["step", "loss"]);
        assert_eq!(loss.matches("<path class=\"line-").count(), 3);
        assert!(!loss.contains("NaN"));
        assert!(!Told::default().loss_drawing("", ["", ""]).contains("NaN"));
    }

    #[test]
    fn bars_have_the_fate_of_their_exponent_without_and_with_a_scale() {
        let mut told = told();
        let gradients = [1e-9, 1e-6, 1e-3, 0.0];
        let layers = vec![
            LayerGradients::new("a", &gradients, 1_024.0),
            LayerGradients::new("b", &[1.0], 1_024.0),
        ];
        told.hear(&Event::Gradients {
            run: 2,
            step: 0,
            scale: 1_024.0,
            layers,
        });
        let (bins, [plain, scaled]) = told.gradients_of("").unwrap();
        assert_eq!(bins.iter().sum::<u32>(), 4);
        assert_eq!(
            (plain.underflow, plain.subnormal, plain.normal, plain.zero),
            (1, 1, 2, 1)
        );
        assert_eq!(
            (scaled.underflow, scaled.subnormal, scaled.normal),
            (0, 1, 3)
        );
        let svg = histogram_svg(&bins, 0.0, "h", "e");
        let count = |svg: &str, class: &str| svg.matches(&format!("bar {class}")).count();
        assert_eq!(
            ["is-lost", "is-subnormal", "is-normal"].map(|class| count(&svg, class)),
            [1, 1, 2]
        );
        let svg = histogram_svg(&bins, 10.0, "h", "e");
        assert_eq!(
            ["is-lost", "is-subnormal", "is-normal"].map(|class| count(&svg, class)),
            [0, 1, 3]
        );
        assert_eq!(told.gradients_of("b").unwrap().0.iter().sum::<u32>(), 1);
    }
}
