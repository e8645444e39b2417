//! The measuring itself, piece by piece.

use super::points::{Counted, count};
use super::probe::{Probe, round_trip};
use super::quantity::executor;
use super::{
    Command, Device, Event, HOLD_MILLIS, MOST_MILLIS, Measurement, NoGpu, Operation, Place,
    Quantity, Roof, Settings, Spread, WarmUp, fitting,
};
use crate::exec::gpu::{GpuDevice, GpuError};
use crate::exec::{Mode, Plan};
use crate::lab::LabError;
use crate::lab::subject::{SAMPLES, Subject, check_batch, find_preset};
use crate::models::Preset;
use crate::platform::now_millis;
use crate::session::{DevicePreference, OptimizerChoice};
use std::collections::VecDeque;
use std::sync::Arc;

/// Measured pieces of a figure: one more than a multiple of four, so that quartiles are measured values.
const REPEATS: usize = 9;
/// Of each operation of the model.
const OPERATION_REPEATS: usize = 5;
/// Of the time of an empty submit; the first ones are slower and not counted.
const SUBMITS: usize = 17;
const WARM_UP_SUBMITS: usize = 3;
/// Operations may be so many times slower than the roof when the size of a batch is chosen.
const MARGIN: f64 = 8.0;

/// The instrument. It measures one device after the other, then a model's operations.
#[derive(Default)]
pub struct Measure {
    gpu: Option<GpuDevice>,
    work: Option<Work>,
}

/// A figure that is still to be measured.
#[derive(Clone, Copy)]
struct Task {
    place: Place,
    quantity: Quantity,
    size: u64,
}

/// What is under way.
enum Stage {
    /// The next task is to begin.
    Between,
    Figure(Box<Probe>, Task),
    /// Milliseconds of empty submits so far.
    Submits(Box<Probe>, Vec<f64>),
    WarmUp(Box<Prepared>),
    Operations(Box<Probe>, VecDeque<Counted>),
}

/// The model for a batch of one size.
struct Planned {
    subject: Subject,
    plan: Arc<Plan>,
    counted: Vec<Counted>,
    batch: u32,
}

/// Its groups, which run once.
struct Prepared {
    warm_up: WarmUp,
    counted: Vec<Counted>,
    batch: u32,
    roof: Roof,
}

struct Work {
    settings: Settings,
    preset: &'static Preset,
    gpu: Option<GpuDevice>,
    tasks: VecDeque<Task>,
    stage: Stage,
    has_model: bool,
    figures: Vec<Measurement>,
    /// Milliseconds of an empty submit.
    round_trip: f64,
    done: u32,
    total: u32,
    started_at: f64,
    pieces: u32,
}

type Emit<'a> = &'a mut dyn FnMut(Event);

impl Measure {
    /// Carries out a command.
    ///
    /// # Errors
    /// When a setting does not fit, or a GPU is asked for and there is none. What was under way goes on.
    pub async fn handle(&mut self, command: Command, emit: Emit<'_>) -> Result<(), LabError> {
        match command {
            Command::Start(settings) => self.start(settings, emit).await,
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
    /// When the GPU is lost; the measuring has ended then.
    pub async fn advance(&mut self, budget_millis: f64, emit: Emit<'_>) -> Result<bool, LabError> {
        let start = now_millis();
        while let Some(work) = &mut self.work {
            match work.piece(emit).await {
                Ok(true) => {}
                Ok(false) => self.work = None,
                Err(error) => {
                    self.work = None;
                    self.gpu = None;
                    return Err(error);
                }
            }
            if now_millis() - start >= budget_millis {
                break;
            }
        }
        Ok(self.work.is_some())
    }

    /// Pieces that have run since the start; 0 when nothing is under way.
    pub fn pieces(&self) -> u32 {
        self.work.as_ref().map_or(0, |work| work.pieces)
    }

    async fn start(&mut self, settings: Settings, emit: Emit<'_>) -> Result<(), LabError> {
        let preset = find_preset(&settings.preset)?;
        if let Some(batch) = settings.batch {
            check_batch(batch)?;
            // Whether a model of it can be at all is known before anything is measured.
            Subject::new(preset, batch, SAMPLES, OptimizerChoice::of(preset))?;
        }
        let (gpu, reason) = self.choose(settings.device).await?;
        emit(Event::Started(settings.clone()));
        if let Some(device) = &gpu {
            emit(Event::Device(describe_gpu(device)));
        }
        if let Some(reason) = reason {
            emit(Event::NoGpu { reason });
        }
        emit(Event::Device(describe_cpu()));
        let mut tasks = VecDeque::new();
        for place in gpu.iter().map(|_| Place::Gpu).chain([Place::Cpu]) {
            let quantities = Quantity::of(place);
            tasks.extend(quantities.map(|(quantity, size)| Task {
                place,
                quantity,
                size,
            }));
        }
        self.work = Some(Work {
            settings,
            preset,
            gpu,
            total: tasks.len() as u32,
            tasks,
            stage: Stage::Between,
            has_model: false,
            figures: Vec::new(),
            round_trip: 0.0,
            done: 0,
            started_at: now_millis(),
            pieces: 0,
        });
        Ok(())
    }

    /// The GPU to measure, or why there is none.
    async fn choose(
        &mut self,
        device: DevicePreference,
    ) -> Result<(Option<GpuDevice>, Option<NoGpu>), LabError> {
        if device == DevicePreference::Cpu {
            return Ok((None, Some(NoGpu::NotWanted)));
        }
        let known = self.gpu.take().filter(|gpu| gpu.lost().is_none());
        let gpu = match known {
            Some(gpu) => Ok(gpu),
            None => GpuDevice::request().await,
        };
        match (gpu, device) {
            (Ok(gpu), _) => {
                self.gpu = Some(gpu.clone());
                if device == DevicePreference::Auto && gpu.is_software() {
                    return Ok((None, Some(NoGpu::Software)));
                }
                Ok((Some(gpu), None))
            }
            (Err(error), DevicePreference::Gpu) => Err(error.into()),
            (Err(GpuError::NoWebGpu | GpuError::NoAdapter | GpuError::NoDevice { .. }), _) => {
                Ok((None, Some(NoGpu::None)))
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}

impl Work {
    /// Does one piece. Returns whether there is more to do.
    async fn piece(&mut self, emit: Emit<'_>) -> Result<bool, LabError> {
        self.pieces += 1;
        match &mut self.stage {
            Stage::Between => return self.begin(emit).await,
            Stage::Figure(probe, task) => {
                let Some(millis) = probe.piece().await? else {
                    return Ok(true);
                };
                let task = *task;
                self.stage = Stage::Between;
                self.tell(task, &millis, emit);
            }
            Stage::Submits(probe, millis) => {
                millis.push(round_trip(probe).await?);
                if millis.len() < SUBMITS + WARM_UP_SUBMITS {
                    return Ok(true);
                }
                let millis = millis.split_off(WARM_UP_SUBMITS);
                let spread = Spread::of(&millis).expect("times are numbers");
                self.round_trip = spread.median;
                self.stage = Stage::Between;
                let task = Task {
                    place: Place::Gpu,
                    quantity: Quantity::Submit,
                    size: 0,
                };
                self.tell(task, &millis, emit);
            }
            Stage::WarmUp(prepared) => {
                if !prepared.warm_up.piece().await? {
                    return Ok(true);
                }
                let Stage::WarmUp(prepared) = std::mem::replace(&mut self.stage, Stage::Between)
                else {
                    unreachable!("it was just looked at")
                };
                return self.warmed_up(*prepared, emit).await;
            }
            Stage::Operations(probe, counted) => {
                let Some(millis) = probe.piece().await? else {
                    return Ok(true);
                };
                let done = counted.pop_front().expect("a group is under way");
                if let Some(next) = counted.front() {
                    probe.start(next.group..next.group + 1, OPERATION_REPEATS);
                }
                let has_ended = counted.is_empty();
                emit(Event::Operation(operation(done, &millis)));
                self.count_done(emit);
                if has_ended {
                    self.tell_done(emit);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn count_done(&mut self, emit: Emit<'_>) {
        self.done += 1;
        emit(Event::Progress {
            done: self.done,
            total: self.total,
        });
    }

    /// A figure is measured.
    fn tell(&mut self, task: Task, millis: &[f64], emit: Emit<'_>) {
        let Task {
            place,
            quantity,
            size,
        } = task;
        let times = Spread::of(millis).expect("times are numbers");
        let figure = match quantity {
            Quantity::Submit | Quantity::Dispatch => Spread {
                median: quantity.figure(size, times.median),
                lower: quantity.figure(size, times.lower),
                upper: quantity.figure(size, times.upper),
                repeats: times.repeats,
            },
            _ => times.falling(|millis| quantity.figure(size, millis)),
        };
        let measurement = Measurement {
            place,
            quantity,
            size,
            figure,
        };
        self.figures.push(measurement.clone());
        emit(Event::Measured(measurement));
        self.count_done(emit);
    }

    /// Begins the next figure, or the model's operations.
    async fn begin(&mut self, emit: Emit<'_>) -> Result<bool, LabError> {
        let Some(task) = self.tasks.pop_front() else {
            return self.begin_model(emit).await;
        };
        let Task {
            place,
            quantity,
            size,
        } = task;
        if let Some(millis) = self.expected(task).filter(|&millis| millis > MOST_MILLIS) {
            emit(Event::LeftOut {
                place,
                quantity,
                size,
                millis,
            });
            self.count_done(emit);
            return Ok(true);
        }
        let gpu = match place {
            Place::Gpu => self.gpu.as_ref(),
            Place::Cpu => None,
        };
        let executor = quantity.executor(size, gpu).await?;
        let step = crate::ops::StepValues::forward(1);
        let probe = Box::new(Probe::new(executor, step, self.round_trip, REPEATS));
        self.stage = match quantity {
            Quantity::Submit => Stage::Submits(probe, Vec::new()),
            _ => Stage::Figure(probe, task),
        };
        Ok(true)
    }

    /// Milliseconds that a single run will take, by the size below it; `None` where there is none.
    fn expected(&self, task: Task) -> Option<f64> {
        let mut figures = self.figures.iter().rev();
        let below = figures
            .find(|figure| figure.place == task.place && figure.quantity == task.quantity)?;
        let growth = task.quantity.growth(below.size, task.size);
        // The figure of 1 ms over the figure that was measured gives back the milliseconds.
        let millis = task.quantity.figure(below.size, 1.0) / below.figure.median;
        Some(millis * growth)
    }

    fn roof(&self, place: Place) -> Option<Roof> {
        let of = |quantity: Quantity| {
            self.figures
                .iter()
                .filter(move |figure| figure.place == place && figure.quantity == quantity)
        };
        let highest = |figures: &mut dyn Iterator<Item = &Measurement>| {
            figures.map(|figure| figure.figure.median).reduce(f64::max)
        };
        Some(Roof {
            place,
            peak: highest(&mut of(Quantity::Product).chain(of(Quantity::Convolution)))?,
            memory: of(Quantity::Copy).next_back()?.figure.median,
            cache: highest(&mut of(Quantity::Copy))?,
        })
    }

    /// Builds the model and begins with its first operation.
    async fn begin_model(&mut self, emit: Emit<'_>) -> Result<bool, LabError> {
        debug_assert!(!self.has_model, "the operations come last");
        self.has_model = true;
        let place = match self.gpu {
            Some(_) => Place::Gpu,
            None => Place::Cpu,
        };
        for place in self.gpu.iter().map(|_| Place::Gpu).chain([Place::Cpu]) {
            if let Some(roof) = self.roof(place) {
                emit(Event::Roof(roof));
            }
        }
        let roof = self.roof(place).unwrap_or(Roof::slow(place));
        // By the roof alone; then each group is run once, which may show that more fits.
        let mut batch = self.wanted_batch();
        let planned = loop {
            let planned = self.plan(batch, place)?;
            let growing = planned.counted.iter().filter(|group| group.grows());
            let longest = growing.map(|group| MARGIN * group.expected(&roof));
            if longest.fold(0.0, f64::max) <= MOST_MILLIS || batch == 1 {
                break planned;
            }
            batch /= 2;
        };
        self.stage = self.prepare(planned, roof).await?;
        Ok(true)
    }

    /// The batch that was asked for, or the preset's own.
    fn wanted_batch(&self) -> u32 {
        self.settings.batch.unwrap_or(self.preset.defaults.batch)
    }

    fn plan(&self, batch: u32, place: Place) -> Result<Planned, LabError> {
        let choice = OptimizerChoice::of(self.preset);
        let subject = Subject::new(self.preset, batch, SAMPLES, choice)?;
        let plan = Plan::new(&subject.model.graph, Mode::Train, &subject.kept());
        let counted = count(&subject.model.graph, &plan, place);
        Ok(Planned {
            subject,
            plan: Arc::new(plan),
            counted,
            batch,
        })
    }

    /// Gives an executor what a step reads, and begins to run each group once.
    async fn prepare(&self, planned: Planned, roof: Roof) -> Result<Stage, LabError> {
        let Planned { subject, plan, .. } = &planned;
        let graph = Arc::new(subject.model.graph.clone());
        let mut executor = executor(&graph, plan, self.gpu.as_ref()).await?;
        for (value, values) in subject.contents() {
            executor.give(value, values);
        }
        let mut expected = vec![0.0; plan.groups.len()];
        for group in &planned.counted {
            expected[group.group] = group.expected(&roof);
        }
        let probe = Probe::new(executor, subject.step(), self.round_trip, OPERATION_REPEATS);
        Ok(Stage::WarmUp(Box::new(Prepared {
            warm_up: WarmUp::new(probe, expected),
            counted: planned.counted,
            batch: planned.batch,
            roof,
        })))
    }

    /// Every group has run once: a larger batch where that showed that it fits, else the first operation.
    async fn warmed_up(&mut self, prepared: Prepared, emit: Emit<'_>) -> Result<bool, LabError> {
        let Prepared {
            warm_up,
            counted,
            batch,
            roof,
        } = prepared;
        let (mut probe, millis) = warm_up.finish();
        let growing = counted.iter().filter(|group| group.grows());
        let longest = growing.map(|group| millis[group.group]);
        let wanted = self.wanted_batch();
        let larger = fitting(wanted, batch, longest.fold(0.0, f64::max), MOST_MILLIS);
        if larger > batch {
            drop(probe);
            let planned = self.plan(larger, roof.place)?;
            self.stage = self.prepare(planned, roof).await?;
            return Ok(true);
        }
        // A run that takes long although there is little to do was held up by something else.
        let is_too_long = |group: &Counted| {
            millis[group.group] > HOLD_MILLIS && MARGIN * group.expected(&roof) > HOLD_MILLIS
        };
        let (left_out, counted): (Vec<_>, VecDeque<_>) = {
            let (left_out, rest): (Vec<_>, Vec<_>) = counted.into_iter().partition(is_too_long);
            (left_out, rest.into())
        };
        emit(Event::Model {
            preset: self.preset.id.into(),
            place: roof.place,
            batch,
            wanted_batch: wanted,
            operations: counted.len() as u32,
        });
        for group in left_out {
            emit(Event::OperationLeftOut {
                millis: millis[group.group],
                name: group.name,
            });
        }
        self.total += counted.len() as u32;
        let Some(first) = counted.front() else {
            self.tell_done(emit);
            return Ok(false);
        };
        // They are measured in running order: where values share memory, a group reads what the groups before it wrote.
        probe.start(first.group..first.group + 1, OPERATION_REPEATS);
        self.stage = Stage::Operations(Box::new(probe), counted);
        Ok(true)
    }

    fn tell_done(&self, emit: Emit<'_>) {
        emit(Event::Done {
            millis: now_millis() - self.started_at,
            pieces: self.pieces,
        });
    }
}

fn operation(counted: Counted, millis: &[f64]) -> Operation {
    let micros: Vec<f64> = millis.iter().map(|millis| millis * 1e3).collect();
    Operation {
        name: counted.name,
        operation: counted.operation,
        phase: counted.phase,
        flops: counted.flops,
        bytes: counted.bytes,
        bytes_apart: counted.bytes_apart,
        micros: Spread::of(&micros).expect("times are numbers"),
    }
}

fn describe_gpu(device: &GpuDevice) -> Device {
    let adapter = device.adapter();
    let limits = adapter.limits.into_iter();
    Device {
        place: Place::Gpu,
        name: adapter.name,
        backend: adapter.backend,
        driver: adapter.driver,
        is_software: adapter.is_software,
        has_timestamps: device.has_timestamps(),
        features: adapter.features.into_iter().map(String::from).collect(),
        limits: limits
            .map(|(name, value)| (name.to_string(), value))
            .collect(),
    }
}

fn describe_cpu() -> Device {
    Device {
        place: Place::Cpu,
        name: "CPU".into(),
        backend: "CPU".into(),
        driver: String::new(),
        is_software: false,
        has_timestamps: false,
        features: Vec::new(),
        limits: vec![("threads".into(), crate::platform::threads() as u64)],
    }
}
