//! Reports, and steps timed both ways.

use super::{Command, Event, Report, Settings, report, with_checkpoints};
use crate::exec::gpu::{GpuDevice, GpuError};
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, Phase};
use crate::lab::LabError;
use crate::lab::measure::{
    MOST_MILLIS, Place, Probe, Roof, Spread, WarmUp, check_bytes, count, executor, fitting,
};
use crate::lab::subject::{SAMPLES, Subject, check_batch, find_preset};
use crate::platform::now_millis;
use crate::session::{DevicePreference, OptimizerChoice};
use std::ops::Range;
use std::sync::Arc;

/// Measured pieces of each way: one more than a multiple of four, so that quartiles are measured values.
const REPEATS: usize = 9;

/// Groups that run one behind the other in a piece take at most this long together.
const PART_MILLIS: f64 = 40.0;

/// The instrument.
pub struct Memory {
    gpu: Option<GpuDevice>,
    work: Option<Work>,
    /// That an operation may take.
    pub(in crate::lab) most_millis: f64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            gpu: None,
            work: None,
            most_millis: MOST_MILLIS,
        }
    }
}

/// Steps that are to be timed.
struct Work {
    settings: Settings,
    looked: Looked,
    gpu: Option<GpuDevice>,
    most_millis: f64,
    stage: Stage,
}

enum Stage {
    Between,
    /// Groups of a step of fewer samples run once, to see whether the batch that is wanted holds the device for too
    /// long.
    Smaller {
        warm_up: WarmUp,
        grows: Vec<bool>,
        batch: u32,
    },
    /// Groups of the step without recomputation run once.
    Plain(WarmUp),
    /// Those of the step with recomputation; the other one is ready.
    Recomputing(Way, WarmUp),
    Turns(Timing),
}

/// Steps under way: without recomputation and with, in turns.
struct Timing {
    ways: [Way; 2],
    is_second: bool,
    done: u32,
}

/// A step, in parts that hold the device for a short time each.
struct Way {
    probe: Probe,
    parts: Vec<Range<usize>>,
    /// The part that is being measured.
    at: usize,
    /// Milliseconds of the parts that were measured, together, by the number of the piece.
    millis: Vec<f64>,
}

/// What is looked at, ready to run.
struct Looked {
    subject: Subject,
    batch: u32,
    optimizer: OptimizerChoice,
    ways: [(Arc<Graph>, Arc<Plan>); 2],
    place: Place,
}

type Emit<'a> = &'a mut dyn FnMut(Event);

impl Memory {
    /// Carries out a command.
    ///
    /// # Errors
    /// When a setting does not fit, or a GPU is asked for and there is none. What was under way goes on.
    pub async fn handle(&mut self, command: Command, emit: Emit<'_>) -> Result<(), LabError> {
        match command {
            Command::Look(settings) => {
                // What is timed would belong to other settings.
                if self.work.take().is_some() {
                    emit(Event::Stopped);
                }
                let gpu = self.choose(settings.device).await?;
                self.look(settings, gpu.is_some(), emit).map(|_| ())
            }
            Command::Time(settings) => self.time(settings, emit).await,
            Command::Stop => {
                if self.work.take().is_some() {
                    emit(Event::Stopped);
                }
                Ok(())
            }
        }
    }

    /// Works for about `budget_millis`, at least one piece. Returns whether there is more to do.
    ///
    /// # Errors
    /// When the GPU is lost, or a step would hold the device for too long; the timing has ended then.
    pub async fn advance(&mut self, budget_millis: f64, emit: Emit<'_>) -> Result<bool, LabError> {
        let start = now_millis();
        while let Some(work) = &mut self.work {
            match work.piece(emit).await {
                Ok(true) => {}
                Ok(false) => self.work = None,
                Err(error) => {
                    self.work = None;
                    if matches!(error, LabError::Session(_)) {
                        // Perhaps the GPU's: it is asked for anew.
                        self.gpu = None;
                    }
                    return Err(error);
                }
            }
            if now_millis() - start >= budget_millis {
                break;
            }
        }
        Ok(self.work.is_some())
    }

    /// Whether whole steps are being timed, after each group has run once.
    #[cfg(test)]
    pub(super) fn is_timing(&self) -> bool {
        let stage = self.work.as_ref().map(|work| &work.stage);
        matches!(stage, Some(Stage::Turns(_)))
    }

    /// The GPU to run on; `None` is the CPU.
    async fn choose(&mut self, device: DevicePreference) -> Result<Option<GpuDevice>, LabError> {
        if device == DevicePreference::Cpu {
            return Ok(None);
        }
        let known = self.gpu.take().filter(|gpu| gpu.lost().is_none());
        let gpu = match known {
            Some(gpu) => Ok(gpu),
            None => GpuDevice::request().await,
        };
        let is_auto = device == DevicePreference::Auto;
        match gpu {
            Ok(gpu) => {
                self.gpu = Some(gpu.clone());
                Ok((!is_auto || !gpu.is_software()).then_some(gpu))
            }
            Err(GpuError::NoWebGpu | GpuError::NoAdapter | GpuError::NoDevice { .. })
                if is_auto =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Counts both ways and tells it.
    fn look(&self, settings: Settings, on_gpu: bool, emit: Emit<'_>) -> Result<Looked, LabError> {
        let preset = find_preset(&settings.preset)?;
        let batch = check_batch(settings.batch.unwrap_or(preset.defaults.batch))?;
        if settings.every == 0 {
            return Err(LabError::BadDistance { actual: 0 });
        }
        let own = OptimizerChoice::of(preset);
        let choice = OptimizerChoice {
            kind: settings.optimizer.unwrap_or(own.kind),
            ..own
        };
        let place = if on_gpu { Place::Gpu } else { Place::Cpu };
        let subject = Subject::new(preset, batch, SAMPLES, choice)?;
        let spec = (preset.spec)();
        let kept = subject.kept();
        let left_out: Vec<_> = subject.model.gathered.iter().collect();
        let left_out: Vec<_> = left_out
            .iter()
            .flat_map(|gathered| [gathered.samples, gathered.targets])
            .collect();
        let graphs = [
            subject.model.graph.clone(),
            with_checkpoints(&subject.model, &spec, settings.every),
        ];
        let ways = graphs.map(|graph| {
            let plan = Plan::new(&graph, Mode::Train, &kept);
            (Arc::new(graph), Arc::new(plan))
        });
        let reports: Vec<Report> = ways
            .iter()
            .map(|(graph, plan)| report(graph, plan, (&kept, &left_out), place))
            .collect();
        let [plain, recomputing] = <[Report; 2]>::try_from(reports).expect("two ways");
        emit(Event::Reports {
            settings,
            batch,
            optimizer: choice.kind,
            layers: spec.layers.len() as u32,
            plain,
            recomputing,
        });
        Ok(Looked {
            subject,
            batch,
            optimizer: choice,
            ways,
            place,
        })
    }

    async fn time(&mut self, settings: Settings, emit: Emit<'_>) -> Result<(), LabError> {
        let gpu = self.choose(settings.device).await?;
        let looked = self.look(settings.clone(), gpu.is_some(), emit)?;
        if gpu.is_none() {
            // Both ways are held at once, because they are measured in turns.
            check_bytes(looked.ways.iter().map(|(_, plan)| plan.bytes()).sum())?;
        }
        emit(Event::Device {
            place: looked.place,
            name: gpu.as_ref().map_or_else(|| "CPU".into(), GpuDevice::name),
            is_software: gpu.as_ref().is_some_and(GpuDevice::is_software),
        });
        // How long a step of this batch holds the device is not known yet: a smaller one goes first where it might be
        // long.
        let mut batch = looked.batch;
        while batch > 1 && self.longest_expected(&looked, batch)? > self.most_millis {
            batch /= 2;
        }
        let mut work = Work {
            settings,
            looked,
            gpu,
            most_millis: self.most_millis,
            stage: Stage::Between,
        };
        work.try_batch(batch).await?;
        self.work = Some(work);
        Ok(())
    }

    /// Milliseconds of the longest operation for a batch on a slow device.
    fn longest_expected(&self, looked: &Looked, batch: u32) -> Result<f64, LabError> {
        let subject = looked.subject_of(batch)?;
        let plan = Plan::new(&subject.model.graph, Mode::Train, &subject.kept());
        let roof = Roof::slow(looked.place);
        let counted = count(&subject.model.graph, &plan, looked.place);
        let growing = counted.iter().filter(|group| group.grows());
        let longest = growing.map(|group| group.expected(&roof));
        Ok(longest.fold(0.0, f64::max))
    }
}

impl Looked {
    /// The same model for another batch.
    fn subject_of(&self, batch: u32) -> Result<Subject, LabError> {
        Subject::new(self.subject.preset, batch, SAMPLES, self.optimizer)
    }

    /// For each group of a plan whether its work grows with the batch.
    fn grows(plan: &Plan) -> impl Iterator<Item = bool> {
        plan.groups.iter().map(|group| group.phase != Phase::Update)
    }
}

impl Work {
    /// Begins to run each group of a step of so many samples once, every activation kept.
    async fn try_batch(&mut self, batch: u32) -> Result<(), LabError> {
        if batch == self.looked.batch {
            let (graph, plan) = &self.looked.ways[0];
            let warm_up = self.warm_up(&self.looked.subject, graph, plan).await?;
            self.stage = Stage::Plain(warm_up);
            return Ok(());
        }
        let subject = self.looked.subject_of(batch)?;
        let graph = Arc::new(subject.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &subject.kept()));
        self.stage = Stage::Smaller {
            warm_up: self.warm_up(&subject, &graph, &plan).await?,
            grows: Looked::grows(&plan).collect(),
            batch,
        };
        Ok(())
    }

    async fn warm_up(
        &self,
        subject: &Subject,
        graph: &Arc<Graph>,
        plan: &Arc<Plan>,
    ) -> Result<WarmUp, LabError> {
        let mut made = executor(graph, plan, self.gpu.as_ref()).await?;
        for (value, values) in subject.contents() {
            made.give(value, values);
        }
        let probe = Probe::new(made, subject.step(), 0.0, REPEATS);
        Ok(WarmUp::new(probe, vec![0.0; plan.groups.len()]))
    }

    /// Runs one piece. Returns whether there is more to do.
    async fn piece(&mut self, emit: Emit<'_>) -> Result<bool, LabError> {
        match &mut self.stage {
            Stage::Between => Ok(false),
            Stage::Turns(timing) => {
                let Some([plain, recomputing]) = timing.piece(emit).await? else {
                    return Ok(true);
                };
                emit(Event::Timed {
                    settings: self.settings.clone(),
                    plain,
                    recomputing,
                });
                Ok(false)
            }
            Stage::Smaller { warm_up, .. }
            | Stage::Plain(warm_up)
            | Stage::Recomputing(_, warm_up) => {
                if warm_up.piece().await? {
                    self.warmed_up().await?;
                }
                Ok(true)
            }
        }
    }

    /// Every group of the step that is tried has run once.
    async fn warmed_up(&mut self) -> Result<(), LabError> {
        let most_millis = self.most_millis;
        let wanted = self.looked.batch;
        match std::mem::replace(&mut self.stage, Stage::Between) {
            Stage::Smaller {
                warm_up,
                grows,
                batch,
            } => {
                let millis = warm_up.finish().1;
                let growing = millis.iter().zip(&grows).filter(|(_, grows)| **grows);
                let longest = growing.map(|(millis, _)| *millis).fold(0.0, f64::max);
                let next = fitting(wanted, batch, longest, most_millis);
                if next == batch {
                    return Err(LabError::TooLong {
                        batch: wanted,
                        millis: longest * f64::from(wanted) / f64::from(batch),
                        most_millis,
                        most: match longest > most_millis {
                            true => 0,
                            false => batch,
                        },
                    });
                }
                self.try_batch(next).await
            }
            Stage::Plain(warm_up) => {
                let (probe, millis) = warm_up.finish();
                let (graph, plan) = &self.looked.ways[1];
                let again = self.warm_up(&self.looked.subject, graph, plan).await?;
                self.stage = Stage::Recomputing(Way::new(probe, &millis), again);
                Ok(())
            }
            Stage::Recomputing(plain, warm_up) => {
                let (probe, millis) = warm_up.finish();
                self.stage = Stage::Turns(Timing {
                    ways: [plain, Way::new(probe, &millis)],
                    is_second: false,
                    done: 0,
                });
                Ok(())
            }
            Stage::Between | Stage::Turns(_) => unreachable!("nothing is run once there"),
        }
    }
}

/// Runs of groups, one behind the other, each of which takes at most [`PART_MILLIS`], or is a single group.
pub(super) fn parts(millis: &[f64]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut sum = 0.0;
    for (group, &millis) in millis.iter().enumerate() {
        sum += millis;
        match parts.last_mut().filter(|_| sum <= PART_MILLIS) {
            Some(part) => part.end = group + 1,
            None => {
                parts.push(group..group + 1);
                sum = millis;
            }
        }
    }
    parts
}

impl Way {
    fn new(mut probe: Probe, millis: &[f64]) -> Self {
        let parts = parts(millis);
        probe.start(parts[0].clone(), REPEATS);
        Self {
            probe,
            parts,
            at: 0,
            millis: vec![0.0; REPEATS],
        }
    }

    fn is_done(&self) -> bool {
        self.at == self.parts.len()
    }

    /// Pieces measured, and all.
    fn progress(&self) -> [u32; 2] {
        let under_way = match self.is_done() {
            true => 0,
            false => self.probe.measured(),
        };
        let pieces = |parts: usize| (parts * REPEATS) as u32;
        [pieces(self.at) + under_way, pieces(self.parts.len())]
    }

    /// Runs one piece of the part that is due.
    async fn piece(&mut self) -> Result<(), LabError> {
        let Some(millis) = self.probe.piece().await? else {
            return Ok(());
        };
        for (sum, millis) in self.millis.iter_mut().zip(millis) {
            *sum += millis;
        }
        self.at += 1;
        if let Some(part) = self.parts.get(self.at) {
            self.probe.start(part.clone(), REPEATS);
        }
        Ok(())
    }
}

impl Timing {
    /// Runs one piece of the way whose turn it is. What a step takes both ways, once all have run.
    async fn piece(&mut self, emit: Emit<'_>) -> Result<Option<[Spread; 2]>, LabError> {
        let turn = usize::from(self.is_second);
        self.is_second = !self.is_second;
        let way = &mut self.ways[turn];
        if !way.is_done() {
            way.piece().await?;
            let [one, other] = self.ways.each_ref().map(Way::progress);
            let [done, total] = [one[0] + other[0], one[1] + other[1]];
            if done != self.done {
                self.done = done;
                emit(Event::Progress { done, total });
            }
        }
        if !self.ways.iter().all(Way::is_done) {
            return Ok(None);
        }
        let spread = |way: &Way| Spread::of(&way.millis).expect("times are numbers");
        Ok(Some(self.ways.each_ref().map(spread)))
    }
}
