//! Reports, and steps timed both ways.

use super::{Command, Event, Report, Settings, report, with_checkpoints};
use crate::exec::gpu::{GpuDevice, GpuError};
use crate::exec::{Mode, Plan};
use crate::graph::Graph;
use crate::lab::LabError;
use crate::lab::measure::{Place, Probe, Spread, executor};
use crate::lab::subject::{SAMPLES, Subject, check_batch, find_preset};
use crate::platform::now_millis;
use crate::session::{DevicePreference, OptimizerChoice};
use std::sync::Arc;

/// Measured pieces of each way: one more than a multiple of four, so that quartiles are measured values.
const REPEATS: usize = 9;

/// The instrument.
#[derive(Default)]
pub struct Memory {
    gpu: Option<GpuDevice>,
    timing: Option<Timing>,
}

/// Steps under way: without recomputation and with, in turns.
struct Timing {
    probes: [Probe; 2],
    /// Milliseconds of a step in each measured piece, once all have run.
    millis: [Option<Vec<f64>>; 2],
    is_second: bool,
    done: u32,
}

/// What is looked at, ready to run.
struct Looked {
    subject: Subject,
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
                let gpu = self.choose(settings.device).await?;
                self.look(settings, gpu.is_some(), emit).map(|_| ())
            }
            Command::Time(settings) => self.time(settings, emit).await,
            Command::Stop => {
                if self.timing.take().is_some() {
                    emit(Event::Stopped);
                }
                Ok(())
            }
        }
    }

    /// Works for about `budget_millis`, at least one piece. Returns whether there is more to do.
    ///
    /// # Errors
    /// When the GPU is lost; the timing has ended then.
    pub async fn advance(&mut self, budget_millis: f64, emit: Emit<'_>) -> Result<bool, LabError> {
        let start = now_millis();
        while let Some(timing) = &mut self.timing {
            match timing.piece(emit).await {
                Ok(true) => {}
                Ok(false) => self.timing = None,
                Err(error) => {
                    self.timing = None;
                    self.gpu = None;
                    return Err(error.into());
                }
            }
            if now_millis() - start >= budget_millis {
                break;
            }
        }
        Ok(self.timing.is_some())
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
            return Err(LabError::BadSetting {
                name: "the distance of kept layers",
                actual: "0".into(),
                expected: "a whole number of at least 1".into(),
            });
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
            ways,
            place,
        })
    }

    async fn time(&mut self, settings: Settings, emit: Emit<'_>) -> Result<(), LabError> {
        let gpu = self.choose(settings.device).await?;
        let Looked {
            subject,
            ways,
            place,
        } = self.look(settings, gpu.is_some(), emit)?;
        emit(Event::Device {
            place,
            name: gpu.as_ref().map_or_else(|| "CPU".into(), GpuDevice::name),
            is_software: gpu.as_ref().is_some_and(GpuDevice::is_software),
        });
        let mut probes = Vec::with_capacity(2);
        for (graph, plan) in &ways {
            let mut made = executor(graph, plan, gpu.as_ref()).await?;
            for (value, values) in subject.contents() {
                made.give(value, values);
            }
            let mut probe = Probe::new(made, subject.step(), 0.0, REPEATS);
            probe.start(0..plan.groups.len(), REPEATS);
            probes.push(probe);
        }
        let probes = <[Probe; 2]>::try_from(probes);
        self.timing = Some(Timing {
            probes: probes.unwrap_or_else(|_| unreachable!("two ways")),
            millis: [None, None],
            is_second: false,
            done: 0,
        });
        Ok(())
    }
}

impl Timing {
    /// Runs one piece of the way whose turn it is. Returns whether there is more to do.
    async fn piece(&mut self, emit: Emit<'_>) -> Result<bool, GpuError> {
        let turn = usize::from(self.is_second);
        self.is_second = !self.is_second;
        if self.millis[turn].is_none() {
            self.millis[turn] = self.probes[turn].piece().await?;
            let done = self.probes.iter().map(Probe::measured).sum();
            if done != self.done {
                self.done = done;
                let total = 2 * REPEATS as u32;
                emit(Event::Progress { done, total });
            }
        }
        let [Some(plain), Some(recomputing)] = &self.millis else {
            return Ok(true);
        };
        let spread = |millis: &[f64]| Spread::of(millis).expect("times are numbers");
        emit(Event::Timed {
            plain: spread(plain),
            recomputing: spread(recomputing),
        });
        Ok(false)
    }
}
