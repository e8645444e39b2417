//! Timing groups of a plan: how often it runs in a piece, and how long the pieces took.

use crate::exec::Executor;
use crate::exec::gpu::GpuError;
use crate::lab::LabError;
use crate::ops::StepValues;
use crate::platform::now_millis;
use std::ops::Range;

/// A piece should take about this long: far above the clock's grain (0.1 ms in browsers).
const PIECE_MILLIS: f64 = 12.0;

/// What a piece may take at most of a device, as far as can be known before.
pub const HOLD_MILLIS: f64 = 100.0;

/// A measured piece that is shorter than this says that the one before it, from which the number of runs follows, was
/// held up by something else.
const LEAST_MILLIS: f64 = 0.1 * PIECE_MILLIS;

/// Most runs in one piece.
pub(super) const MOST_RUNS: usize = 32_768;

/// How many runs a piece has: it grows until a piece is long enough to be measured, then stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Pieces {
    runs: usize,
    /// The first piece has run. It waits for what nobody waited for before (uploads, pipelines), so it decides nothing.
    is_warm: bool,
    is_settled: bool,
    repeats: usize,
    /// Milliseconds of one run, piece by piece.
    millis: Vec<f64>,
    /// Pieces of most runs in which the clock showed no time.
    without_time: usize,
}

impl Pieces {
    /// `repeats` measured pieces, after those that warm up and find out how many runs fit.
    pub fn new(repeats: usize) -> Self {
        Self {
            runs: 1,
            is_warm: false,
            is_settled: false,
            repeats,
            millis: Vec::with_capacity(repeats),
            without_time: 0,
        }
    }

    /// Runs of the next piece.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Pieces of most runs in which the clock showed no time.
    #[cfg(test)]
    pub fn measured_in_vain(&self) -> usize {
        self.without_time
    }

    /// Takes in how long the piece took; returns the milliseconds of a run in each measured piece once all are there,
    /// all of them above 0. None of them where the clock showed no time even for the most runs.
    pub fn took(&mut self, millis: f64) -> Option<&[f64]> {
        if !self.is_warm {
            self.is_warm = true;
            return None;
        }
        if self.is_settled && (millis >= LEAST_MILLIS || self.runs == MOST_RUNS) {
            if millis > 0.0 {
                self.millis.push(millis / self.runs as f64);
                return (self.millis.len() >= self.repeats).then_some(&self.millis[..]);
            }
            self.without_time += 1;
            return (self.without_time > self.repeats).then_some(&[]);
        }
        self.is_settled = false;
        self.millis.clear();
        if millis >= 0.5 * PIECE_MILLIS || self.runs == MOST_RUNS {
            self.is_settled = true;
        } else {
            // The first runs are slower than later ones: never more than eight times as many at once, so that a piece
            // stays far below what a device may be held for.
            let fitting = self.runs as f64 * PIECE_MILLIS / millis.max(1e-3);
            let most = self.runs * 8;
            self.runs = (fitting as usize).clamp(self.runs + 1, most).min(MOST_RUNS);
        }
        None
    }
}

/// Groups of a plan that are being timed.
pub struct Probe {
    pub executor: Executor,
    pub step: StepValues,
    groups: Range<usize>,
    pieces: Pieces,
    /// Milliseconds of a submit that does nothing, which are subtracted where the device has no clock of its own.
    round_trip: f64,
}

impl Probe {
    pub fn new(executor: Executor, step: StepValues, round_trip: f64, repeats: usize) -> Self {
        Self {
            executor,
            step,
            groups: 0..1,
            pieces: Pieces::new(repeats),
            round_trip,
        }
    }

    /// Goes on with other groups.
    pub fn start(&mut self, groups: Range<usize>, repeats: usize) {
        self.groups = groups;
        self.pieces = Pieces::new(repeats);
    }

    /// Milliseconds of one run of one group. The next piece needs a [`Probe::start`] before.
    ///
    /// # Errors
    /// When the GPU is lost.
    pub async fn once(&mut self, group: usize) -> Result<f64, GpuError> {
        self.start(group..group + 1, 0);
        self.run(1).await
    }

    /// Measured pieces so far.
    pub fn measured(&self) -> u32 {
        self.pieces.millis.len() as u32
    }

    /// Runs one piece. Milliseconds of one run in each measured piece, once all have run.
    ///
    /// # Errors
    /// When the GPU is lost, or its clock shows no time.
    pub async fn piece(&mut self) -> Result<Option<Vec<f64>>, LabError> {
        let millis = self.run(self.pieces.runs()).await?;
        match self.pieces.took(millis) {
            Some([]) => Err(LabError::NoTime {
                runs: MOST_RUNS as u64,
            }),
            measured => Ok(measured.map(<[f64]>::to_vec)),
        }
    }

    /// Milliseconds of the groups, so many times in a row.
    async fn run(&mut self, runs: usize) -> Result<f64, GpuError> {
        if let (Executor::Gpu(gpu), false) = (&self.executor, self.pieces.is_warm) {
            // What was handed over before does not count.
            gpu.wait().await?;
        }
        let start = now_millis();
        let gpu = match &mut self.executor {
            Executor::Cpu(cpu) => {
                for _ in 0..runs {
                    cpu.run(self.groups.clone(), &self.step);
                }
                return Ok(now_millis() - start);
            }
            Executor::Gpu(gpu) => gpu,
        };
        gpu.submit_repeated(self.groups.clone(), &self.step, runs);
        gpu.wait().await?;
        let wall = now_millis() - start;
        let told = gpu
            .read_time(self.groups.start)
            .await?
            .map(|micros| micros / 1e3);
        // A clock that stood still, or counted more than passed, says nothing.
        let told = told.filter(|&millis| millis > 0.0 && millis <= wall);
        Ok(told.unwrap_or((wall - self.round_trip).max(0.0)))
    }
}

/// Milliseconds from handing over a submit that does nothing to knowing that it is done.
///
/// # Errors
/// When the GPU is lost.
pub async fn round_trip(probe: &mut Probe) -> Result<f64, GpuError> {
    let Executor::Gpu(gpu) = &mut probe.executor else {
        return Ok(0.0);
    };
    let start = now_millis();
    gpu.submit_repeated(0..1, &probe.step, 0);
    gpu.wait().await?;
    Ok(now_millis() - start)
}
