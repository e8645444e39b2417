//! Memory, submits and reading back.

use super::objects::{GpuCounters, Objects};
use super::pipelines::{Kernel, Pipelines};
use super::timer::Timer;
use super::{GpuDevice, GpuError, MAX_BUFFER_BYTES};
use crate::exec::plan::{Plan, PlannedCall, PlannedOperand};
use crate::graph::{Graph, Phase, Source, ValueId};
use crate::ops::{Params, StepValues};
use crate::platform;
use crate::tensor::{ElementType, Values};
use futures_channel::oneshot;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Most steps in one submit; also the length of the ring of losses.
pub const MAX_STEPS_PER_SUBMIT: usize = 64;

/// Most recorded submits that may wait to be collected.
pub const MAX_IN_FLIGHT: usize = 4;

/// Uniform bindings begin at multiples of this many bytes, as do bindings of views.
const ALIGNMENT: u64 = 256;

/// Numbers of one slot in the ring: loss, right answers, norm of the gradients.
const RING_WIDTH: usize = 3;

/// Bytes of the ring.
const RING_BYTES: u64 = (MAX_STEPS_PER_SUBMIT * RING_WIDTH * 4) as u64;

/// Bytes that reads may take before their staging buffer has to grow.
const READ_BYTES: u64 = 1 << 20;

/// What f32 outputs hold before they are written: NaN, so that a missing element is seen.
const UNWRITTEN_REAL: u32 = 0x7fc0_0000;

/// Fields of `RecordParams` in `record_step.wgsl`.
const RECORD_FIELDS: &[(&str, usize)] = &[
    ("slots", 0),
    ("has_norm", 4),
    ("unused_0", 8),
    ("unused_1", 12),
];

/// The values that a step puts down: the loss, and the count of right answers
/// where the loss knows classes.
pub type Recorded = (ValueId, Option<ValueId>);

/// What a recorded step put down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    pub loss: f32,
    /// How many rows were right, where the loss knows classes.
    pub correct: Option<f32>,
    /// Of all gradients together, where it is computed.
    pub gradient_norm: Option<f32>,
}

/// A dispatch, ready to be encoded.
#[derive(Debug)]
struct Dispatch {
    kernel: Kernel,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// A recorded submit whose losses are on their way.
#[derive(Debug)]
struct Flight {
    staging: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    /// Ring slot of each step.
    slots: Vec<usize>,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// A graph's values in GPU memory, and everything needed to run its plan.
#[derive(Debug)]
pub struct GpuExecutor {
    objects: Objects,
    /// For executors that share values with this one.
    pipelines: Pipelines,
    graph: Arc<Graph>,
    plan: Arc<Plan>,
    slots: Vec<wgpu::Buffer>,
    /// By group.
    dispatches: Vec<Vec<Dispatch>>,
    /// Runs after the loss phase.
    record: Option<Dispatch>,
    /// Whether it puts down a count of right answers.
    has_correct: bool,
    ring: wgpu::Buffer,
    step_values: wgpu::Buffer,
    step_bindings: wgpu::BindGroup,
    flights: VecDeque<Flight>,
    idle_staging: Vec<wgpu::Buffer>,
    /// For `read`; gone while a read is going on.
    read_staging: Mutex<Option<wgpu::Buffer>>,
    /// Made when times are asked for and the device measures them.
    timer: Option<Timer>,
}

impl GpuExecutor {
    /// Makes every buffer, pipeline and bind group of the plan; none is made later,
    /// except a larger staging buffer for reads that need one.
    ///
    /// Values that nodes compute start as NaN, states, arenas and inputs as 0.
    /// `record` names the loss and, where there are classes, the count of right
    /// answers, which every step then puts down. `progress` hears (pipelines done, pipelines in all).
    ///
    /// # Errors
    /// When a value is too large for one buffer, memory runs out, or a shader is refused.
    pub async fn new(
        device: &GpuDevice,
        graph: Arc<Graph>,
        plan: Arc<Plan>,
        record: Option<Recorded>,
        progress: &mut dyn FnMut(u32, u32),
    ) -> Result<Self, GpuError> {
        let pipelines = Pipelines::new(device, &[]);
        let lent = HashMap::new();
        Self::with(device, pipelines, &lent, graph, plan, record, progress).await
    }

    /// As [`GpuExecutor::new`], of a plan that runs shaders outside of the list that every program holds: (name, WGSL
    /// text).
    ///
    /// # Errors
    /// As [`GpuExecutor::new`].
    pub async fn with_shaders(
        device: &GpuDevice,
        shaders: &'static [(&'static str, &'static str)],
        graph: Arc<Graph>,
        plan: Arc<Plan>,
    ) -> Result<Self, GpuError> {
        let pipelines = Pipelines::new(device, shaders);
        let lent = HashMap::new();
        Self::with(device, pipelines, &lent, graph, plan, None, &mut |_, _| {}).await
    }

    /// An executor of another plan on the same device, whose values that are the first of a pair lie in the memory
    /// that this one has for the second. Both own their memory, and it is equally large. Nothing is compiled twice.
    ///
    /// # Errors
    /// As [`GpuExecutor::new`].
    pub async fn sharing(
        &self,
        graph: Arc<Graph>,
        plan: Arc<Plan>,
        shared: &[(ValueId, ValueId)],
    ) -> Result<Self, GpuError> {
        let lent: HashMap<usize, wgpu::Buffer> = shared
            .iter()
            .map(|&(own, theirs)| {
                let buffer = &self.slots[self.plan.place(theirs).slot];
                (plan.place(own).slot, buffer.clone())
            })
            .collect();
        let pipelines = self.pipelines.clone();
        let device = &self.objects.gpu;
        Self::with(device, pipelines, &lent, graph, plan, None, &mut |_, _| {}).await
    }

    async fn with(
        device: &GpuDevice,
        mut pipelines: Pipelines,
        lent: &HashMap<usize, wgpu::Buffer>,
        graph: Arc<Graph>,
        plan: Arc<Plan>,
        record: Option<Recorded>,
        progress: &mut dyn FnMut(u32, u32),
    ) -> Result<Self, GpuError> {
        check_sizes(&graph, &plan)?;
        let objects = Objects::new(device.clone());
        let has_correct = matches!(record, Some((_, Some(_))));
        let record = record.map(|record| record_call(&graph, record));
        let calls: Vec<&PlannedCall> = plan
            .groups
            .iter()
            .flat_map(|group| &group.calls)
            .chain(&record)
            .collect();

        let mut kernels = Vec::with_capacity(calls.len());
        let total = calls.len() as u32;
        for (done, call) in (0u32..).zip(&calls) {
            progress(done, total);
            let kernel = pipelines.prepare(&objects, call.shader, &call.constants);
            kernels.push(kernel.await?);
        }
        progress(total, total);

        let memory = objects
            .scoped("memory", || {
                Memory::new(&objects, lent, &graph, &plan, &calls)
            })
            .await?;
        let made = objects.scoped("bind groups", || {
            let mut dispatches =
                bind_all(&objects, (&graph, &plan), &memory, &calls, kernels).into_iter();
            let by_group = plan
                .groups
                .iter()
                .map(|group| dispatches.by_ref().take(group.calls.len()).collect())
                .collect();
            let step = [wgpu::BufferBinding {
                buffer: &memory.step_values,
                offset: 0,
                size: wgpu::BufferSize::new(size_of::<StepValues>() as u64),
            }];
            let step_bindings = objects.bind_group("step", &pipelines.step_layout, &step);
            Ok((by_group, dispatches.next(), step_bindings))
        });
        let (dispatches, record, step_bindings) = made.await?;
        let executor = Self {
            objects,
            pipelines,
            graph,
            plan,
            slots: memory.slots,
            dispatches,
            record,
            has_correct,
            ring: memory.ring,
            step_values: memory.step_values,
            step_bindings,
            flights: VecDeque::with_capacity(MAX_IN_FLIGHT),
            idle_staging: memory.idle_staging,
            read_staging: Mutex::new(Some(memory.read_staging)),
            timer: None,
        };
        executor.write_constants();
        Ok(executor)
    }

    fn write_constants(&self) {
        for id in self.graph.value_ids() {
            if let Source::Constant(values) = &self.graph.value(id).source
                && self.plan.find_place(id).is_some()
            {
                self.put(id, values);
            }
        }
    }

    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn device(&self) -> &GpuDevice {
        &self.objects.gpu
    }

    pub fn counters(&self) -> GpuCounters {
        self.objects.counters()
    }

    /// Overwrites a value from its start; fewer elements than it has leave the rest
    /// (bytes: up to a multiple of 4, filled with 0). Takes effect before later submits.
    ///
    /// Panics when the type differs or there are too many elements: callers check
    /// what comes from outside.
    pub fn write(&mut self, value: ValueId, values: &Values) {
        self.put(value, values);
    }

    /// Overwrites a value of reals with zeros.
    pub fn write_zeros(&mut self, value: ValueId) {
        let count = self.graph.value(value).shape.count();
        self.put(value, &Values::F32(vec![0.0; count]));
    }

    fn put(&self, value: ValueId, values: &Values) {
        let described = self.graph.value(value);
        assert!(
            values.len() <= described.shape.count(),
            "{}: too many values",
            described.name
        );
        assert_eq!(
            values.element_type(),
            described.element,
            "{}: wrong type",
            described.name
        );
        let place = self.plan.place(value);
        let offset = (place.offset * described.element.bytes()) as u64;
        let buffer = &self.slots[place.slot];
        let queue = self.objects.gpu.queue();
        match values {
            Values::F32(values) => queue.write_buffer(buffer, offset, bytemuck::cast_slice(values)),
            Values::U32(values) => queue.write_buffer(buffer, offset, bytemuck::cast_slice(values)),
            Values::U8(values) => {
                let (whole, rest) = values.split_at(values.len() / 4 * 4);
                queue.write_buffer(buffer, offset, whole);
                if !rest.is_empty() {
                    let mut word = [0; 4];
                    word[..rest.len()].copy_from_slice(rest);
                    queue.write_buffer(buffer, offset + whole.len() as u64, &word);
                }
            }
        }
    }

    /// A value as it stands after all earlier submits.
    ///
    /// # Errors
    /// When the device is lost or reports an error.
    pub async fn read(&self, value: ValueId) -> Result<Values, GpuError> {
        let values = self.read_many(&[value]).await?;
        Ok(values.into_iter().next().expect("one value was asked for"))
    }

    /// Several values at once, at the cost of one.
    ///
    /// # Errors
    /// As [`GpuExecutor::read`].
    pub async fn read_many(&self, values: &[ValueId]) -> Result<Vec<Values>, GpuError> {
        let spans: Vec<Span> = values
            .iter()
            .map(|&value| Span::new(&self.graph, &self.plan, value))
            .collect();
        let bytes: u64 = spans.iter().map(|span| span.bytes).sum();
        let staging = self.take_read_staging(bytes).await?;
        let device = self.objects.gpu.device();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("read"),
        });
        let mut at = 0;
        for span in &spans {
            let slot = &self.slots[span.slot];
            encoder.copy_buffer_to_buffer(slot, span.offset, &staging, at, span.bytes);
            at += span.bytes;
        }
        let submission = self.objects.submit(encoder);
        let mapped = map(&staging, bytes);
        platform::poll_device(device, Some(submission))
            .map_err(|message| GpuError::Read { message })?;
        self.mapped(mapped.await)?;

        let read = {
            let view = staging
                .get_mapped_range(..bytes)
                .map_err(|error| GpuError::Read {
                    message: error.to_string(),
                })?;
            let mut at = 0;
            let parse = |span: &Span| {
                let start = at;
                at += span.bytes as usize;
                span.parse(&view[start..at])
            };
            spans.iter().map(parse).collect()
        };
        staging.unmap();
        self.lock_staging().replace(staging);
        Ok(read)
    }

    /// Runs some groups once for each step, in one submit.
    ///
    /// Panics for more than [`MAX_STEPS_PER_SUBMIT`] steps.
    pub fn submit(&mut self, groups: Range<usize>, steps: &[StepValues]) {
        let encoder = self.encode(groups, steps, None);
        self.objects.submit(encoder);
    }

    /// Makes what [`GpuExecutor::submit_timed`] measures with, where the device can.
    ///
    /// # Errors
    /// When memory runs out.
    pub async fn measure_times(&mut self) -> Result<(), GpuError> {
        let groups = self.plan.groups.len();
        if self.timer.is_none() && self.objects.gpu.has_timestamps() && Timer::fits(groups) {
            let make = || Timer::new(&self.objects, groups);
            self.timer = Some(self.objects.scoped("timestamps", make).await?);
        }
        Ok(())
    }

    /// Whether [`GpuExecutor::submit_timed`] measures.
    pub fn measures_times(&self) -> bool {
        self.timer.is_some()
    }

    /// Runs one group once, in a submit of its own, with timestamps where they are measured.
    pub fn submit_timed(&mut self, group: usize, step: &StepValues) {
        let Some(timer) = &self.timer else {
            self.submit(group..group + 1, std::slice::from_ref(step));
            return;
        };
        let steps = std::slice::from_ref(step);
        let mut encoder = self.encode(group..group + 1, steps, Some(timer.writes(group)));
        timer.resolve(&mut encoder, group);
        self.objects.submit(encoder);
    }

    /// Runs groups `count` times in one submit, with the same step's values; with timestamps around all of them where
    /// they are measured, for [`GpuExecutor::read_time`] of the first group.
    pub fn submit_repeated(&mut self, groups: Range<usize>, step: &StepValues, count: usize) {
        self.upload_steps(std::slice::from_ref(step));
        let device = self.objects.gpu.device();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("repeated"),
        });
        let timer = self.timer.as_ref();
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("repeated"),
            timestamp_writes: timer.map(|timer| timer.writes(groups.start)),
        });
        for _ in 0..count {
            for dispatch in self.dispatches[groups.clone()].iter().flatten() {
                self.encode_dispatch(&mut pass, dispatch, 0);
            }
        }
        drop(pass);
        if let Some(timer) = timer {
            timer.resolve(&mut encoder, groups.start);
        }
        self.objects.submit(encoder);
    }

    /// Microseconds that a group took when it was last submitted timed; `None` where nothing
    /// measured it.
    ///
    /// # Errors
    /// As [`GpuExecutor::read`].
    pub async fn read_time(&self, group: usize) -> Result<Option<f64>, GpuError> {
        let Some(timer) = &self.timer else {
            return Ok(None);
        };
        let staging = self.take_read_staging(Timer::BYTES).await?;
        let device = self.objects.gpu.device();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("time"),
        });
        timer.copy(&mut encoder, group, &staging);
        let submission = self.objects.submit(encoder);
        let mapped = map(&staging, Timer::BYTES);
        platform::poll_device(device, Some(submission))
            .map_err(|message| GpuError::Read { message })?;
        self.mapped(mapped.await)?;
        let ticks: Vec<u64> = {
            let view =
                staging
                    .get_mapped_range(..Timer::BYTES)
                    .map_err(|error| GpuError::Read {
                        message: error.to_string(),
                    })?;
            bytemuck::pod_collect_to_vec(&view[..])
        };
        staging.unmap();
        self.lock_staging().replace(staging);
        let period = f64::from(self.objects.gpu.queue().get_timestamp_period());
        // A clock that was reset between the two says nothing.
        let passed = ticks[1].checked_sub(ticks[0]);
        Ok(passed.map(|ticks| ticks as f64 * period / 1e3))
    }

    /// As [`GpuExecutor::submit`], and sends the steps' losses on their way to
    /// [`GpuExecutor::collect`]. The steps' slots differ modulo [`MAX_STEPS_PER_SUBMIT`].
    ///
    /// Panics when [`MAX_IN_FLIGHT`] submits wait to be collected, or the executor
    /// was made without `record`.
    pub fn submit_recorded(&mut self, groups: Range<usize>, steps: &[StepValues]) {
        assert!(self.record.is_some(), "the executor records nothing");
        let staging = self
            .idle_staging
            .pop()
            .expect("collect before more submits are recorded");
        let submission = self.objects.submit_timed(|| {
            let mut encoder = self.encode(groups, steps, None);
            encoder.copy_buffer_to_buffer(&self.ring, 0, &staging, 0, RING_BYTES);
            encoder
        });
        self.flights.push_back(Flight {
            mapped: map(&staging, RING_BYTES),
            staging,
            submission,
            slots: steps
                .iter()
                .map(|step| step.slot as usize % MAX_STEPS_PER_SUBMIT)
                .collect(),
        });
    }

    /// Recorded submits that were not collected yet.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Waits for the oldest recorded submit: what its steps recorded, in order.
    /// Nothing when none is in flight.
    ///
    /// # Errors
    /// When the device is lost or reported an error.
    pub async fn collect(&mut self) -> Result<Vec<Record>, GpuError> {
        let Some(flight) = self.flights.front_mut() else {
            return Ok(Vec::new());
        };
        let has_correct = self.has_correct;
        let device = self.objects.gpu.device();
        platform::poll_device(device, Some(flight.submission.clone()))
            .map_err(|message| GpuError::Read { message })?;
        let mapped = (&mut flight.mapped).await;
        let flight = self.flights.pop_front().expect("it was there");
        let outcome = self
            .mapped(mapped)
            .and_then(|()| read_records(&flight.staging, &flight.slots, has_correct));
        flight.staging.unmap();
        self.idle_staging.push(flight.staging);
        outcome
    }

    /// Waits until everything submitted is done.
    ///
    /// # Errors
    /// When the device is lost or reported an error.
    pub async fn wait(&self) -> Result<(), GpuError> {
        let (done, waiting) = oneshot::channel();
        self.objects.gpu.queue().on_submitted_work_done(move || {
            // Nobody listens once the wait was given up.
            let _ = done.send(());
        });
        platform::poll_device(self.objects.gpu.device(), None)
            .map_err(|message| GpuError::Read { message })?;
        // Without an answer the device is gone; the check says so.
        let _ = waiting.await;
        self.objects.gpu.check()
    }

    fn encode(
        &self,
        groups: Range<usize>,
        steps: &[StepValues],
        timestamp_writes: Option<wgpu::ComputePassTimestampWrites<'_>>,
    ) -> wgpu::CommandEncoder {
        self.upload_steps(steps);
        let device = self.objects.gpu.device();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("steps"),
        });
        let descriptor = wgpu::ComputePassDescriptor {
            label: Some("steps"),
            timestamp_writes,
        };
        // The norm of the gradients is known in the update alone.
        let phase = match self.graph.gradient_norm() {
            Some(_) => Phase::Update,
            None => Phase::Loss,
        };
        let record_after = self.plan.phases(phase, phase).last();
        let mut pass = encoder.begin_compute_pass(&descriptor);
        for number in 0..steps.len() {
            for group in groups.clone() {
                for dispatch in &self.dispatches[group] {
                    self.encode_dispatch(&mut pass, dispatch, number);
                }
                if record_after == Some(group)
                    && let Some(record) = &self.record
                {
                    self.encode_dispatch(&mut pass, record, number);
                }
            }
        }
        drop(pass);
        encoder
    }

    fn upload_steps(&self, steps: &[StepValues]) {
        assert!(
            steps.len() <= MAX_STEPS_PER_SUBMIT,
            "{} steps in one submit",
            steps.len()
        );
        let mut bytes = vec![0; steps.len() * ALIGNMENT as usize];
        for (record, step) in bytes.chunks_exact_mut(ALIGNMENT as usize).zip(steps) {
            record[..size_of::<StepValues>()].copy_from_slice(bytemuck::bytes_of(step));
        }
        let queue = self.objects.gpu.queue();
        queue.write_buffer(&self.step_values, 0, &bytes);
    }

    fn encode_dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        dispatch: &Dispatch,
        step_number: usize,
    ) {
        pass.set_pipeline(&dispatch.kernel.pipeline);
        pass.set_bind_group(0, &dispatch.bindings, &[]);
        if dispatch.kernel.uses_step {
            let offset = step_number as u32 * ALIGNMENT as u32;
            pass.set_bind_group(1, &self.step_bindings, &[offset]);
        }
        self.objects.dispatch(pass, dispatch.workgroups);
    }

    fn lock_staging(&self) -> std::sync::MutexGuard<'_, Option<wgpu::Buffer>> {
        self.read_staging
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The staging buffer for reads, grown where it is too small.
    async fn take_read_staging(&self, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        let taken = self.lock_staging().take();
        match taken {
            Some(buffer) if buffer.size() >= bytes => Ok(buffer),
            small => {
                if let Some(small) = small {
                    self.objects.destroy(&small);
                }
                let size = bytes.next_power_of_two();
                let make = || staging(&self.objects, "read staging", size);
                self.objects.scoped("read staging", make).await
            }
        }
    }

    /// # Errors
    /// When a mapping failed, or the device did.
    fn mapped(
        &self,
        outcome: Result<Result<(), wgpu::BufferAsyncError>, oneshot::Canceled>,
    ) -> Result<(), GpuError> {
        self.objects.gpu.check()?;
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(GpuError::Read {
                message: error.to_string(),
            }),
            Err(oneshot::Canceled) => Err(GpuError::Read {
                message: "the device gave no answer".into(),
            }),
        }
    }
}

/// The part of a slot that a value takes.
#[derive(Clone, Copy, Debug)]
struct Span {
    slot: usize,
    offset: u64,
    bytes: u64,
    element: ElementType,
    count: usize,
}

impl Span {
    fn new(graph: &Graph, plan: &Plan, value: ValueId) -> Self {
        let described = graph.value(value);
        let place = plan.place(value);
        let element = described.element;
        let count = described.shape.count();
        Self {
            slot: place.slot,
            offset: (place.offset * element.bytes()) as u64,
            bytes: ((count * element.bytes()) as u64).next_multiple_of(4),
            element,
            count,
        }
    }

    fn parse(&self, bytes: &[u8]) -> Values {
        match self.element {
            ElementType::F32 => Values::F32(bytemuck::pod_collect_to_vec(bytes)),
            ElementType::U32 => Values::U32(bytemuck::pod_collect_to_vec(bytes)),
            ElementType::U8 => Values::U8(bytes[..self.count].to_vec()),
        }
    }
}

/// All buffers of an executor.
struct Memory {
    slots: Vec<wgpu::Buffer>,
    workspaces: Vec<wgpu::Buffer>,
    /// Uniforms of all calls, each at a multiple of [`ALIGNMENT`].
    params: wgpu::Buffer,
    step_values: wgpu::Buffer,
    ring: wgpu::Buffer,
    idle_staging: Vec<wgpu::Buffer>,
    read_staging: wgpu::Buffer,
}

impl Memory {
    fn new(
        objects: &Objects,
        lent: &HashMap<usize, wgpu::Buffer>,
        graph: &Graph,
        plan: &Plan,
        calls: &[&PlannedCall],
    ) -> Result<Self, GpuError> {
        use wgpu::BufferUsages as Usages;
        let storage = Usages::STORAGE | Usages::COPY_SRC | Usages::COPY_DST;
        let uniform = Usages::UNIFORM | Usages::COPY_DST;
        let slots = slot_contents(graph, plan)
            .iter()
            .zip(&plan.slots)
            .enumerate()
            .map(|(number, ((name, pattern), slot))| {
                let bytes = (slot.length * slot.element.bytes()) as u64;
                match lent.get(&number) {
                    Some(buffer) => {
                        assert!(buffer.size() >= bytes, "{name}: memory of another size");
                        Ok(buffer.clone())
                    }
                    None => objects.buffer(name, bytes, storage, *pattern),
                }
            })
            .collect::<Result<_, _>>()?;
        let workspaces = plan
            .workspaces
            .iter()
            .map(|&length| {
                let bytes = length as u64 * 4;
                objects.buffer("workspace", bytes, Usages::STORAGE, Some(UNWRITTEN_REAL))
            })
            .collect::<Result<_, _>>()?;
        let bytes = params_bytes(calls);
        let params = objects.buffer("params", bytes.len() as u64, uniform, None)?;
        objects.gpu.queue().write_buffer(&params, 0, &bytes);
        let step_bytes = MAX_STEPS_PER_SUBMIT as u64 * ALIGNMENT;
        Ok(Self {
            slots,
            workspaces,
            params,
            step_values: objects.buffer("step values", step_bytes, uniform, None)?,
            ring: objects.buffer(RING_NAME, RING_BYTES, storage, None)?,
            idle_staging: (0..MAX_IN_FLIGHT)
                .map(|_| staging(objects, "ring staging", RING_BYTES))
                .collect::<Result<_, _>>()?,
            read_staging: staging(objects, "read staging", READ_BYTES)?,
        })
    }

    fn binding(&self, graph_place: BindingPlace) -> wgpu::BufferBinding<'_> {
        let (buffer, offset, bytes) = match graph_place {
            BindingPlace::Slot(slot, offset, bytes) => (&self.slots[slot], offset, bytes),
            BindingPlace::Workspace(number) => {
                let buffer = &self.workspaces[number];
                (buffer, 0, buffer.size())
            }
            BindingPlace::Params(offset, bytes) => (&self.params, offset, bytes),
            BindingPlace::Ring => (&self.ring, 0, RING_BYTES),
        };
        wgpu::BufferBinding {
            buffer,
            offset,
            size: wgpu::BufferSize::new(bytes),
        }
    }
}

/// (offset in bytes, bytes) of what a binding shows.
enum BindingPlace {
    Slot(usize, u64, u64),
    Workspace(usize),
    Params(u64, u64),
    Ring,
}

/// Label and workspace number of the ring in `record_call`.
const RING_NAME: &str = "ring";
const RING: usize = usize::MAX;

/// The call that puts a step's loss down.
fn record_call(graph: &Graph, (loss, correct): Recorded) -> PlannedCall {
    debug_assert_eq!(graph.value(loss).shape.count(), 1);
    let norm = graph.gradient_norm();
    let params = [MAX_STEPS_PER_SUBMIT as u32, u32::from(norm.is_some()), 0, 0];
    PlannedCall {
        shader: "record_step",
        constants: Vec::new(),
        params: Params {
            bytes: bytemuck::cast_slice(&params).to_vec(),
            name: "RecordParams",
            fields: RECORD_FIELDS,
        },
        operands: vec![
            PlannedOperand::Value(loss),
            // Something must be bound; without a count or a norm the host leaves it out.
            PlannedOperand::Value(correct.unwrap_or(loss)),
            PlannedOperand::Value(norm.unwrap_or(loss)),
            PlannedOperand::Workspace(RING),
        ],
        workgroups: [1, 1, 1],
    }
}

/// Name and first contents of every slot: what nodes compute starts as unwritten.
fn slot_contents(graph: &Graph, plan: &Plan) -> Vec<(String, Option<u32>)> {
    let mut contents = vec![(String::new(), None); plan.slots.len()];
    for id in graph.value_ids() {
        let value = graph.value(id);
        let Some(place) = plan.find_place(id).filter(|_| value.view.is_none()) else {
            continue;
        };
        let (name, pattern) = &mut contents[place.slot];
        if name.is_empty() {
            name.clone_from(&value.name);
        }
        if let Source::Buffer { initial } = value.source {
            *pattern = Some(initial.to_bits());
        }
        if matches!(value.source, Source::Node { .. } | Source::Parameter) {
            *pattern = Some(match value.element {
                ElementType::F32 => UNWRITTEN_REAL,
                ElementType::U32 | ElementType::U8 => u32::MAX,
            });
        }
    }
    contents
}

/// That every value fits one buffer, before anything is made.
fn check_sizes(graph: &Graph, plan: &Plan) -> Result<(), GpuError> {
    let names = slot_contents(graph, plan).into_iter().map(|(name, _)| name);
    let slots = plan.slots.iter();
    let slots = slots.map(|slot| (slot.length * slot.element.bytes()) as u64);
    let workspaces = plan.workspaces.iter().map(|&length| length as u64 * 4);
    let workspace_names = std::iter::repeat("workspace".to_string());
    let all = names.zip(slots).chain(workspace_names.zip(workspaces));
    for (name, bytes) in all {
        if bytes > MAX_BUFFER_BYTES {
            return Err(GpuError::TooLarge { name, bytes });
        }
    }
    Ok(())
}

fn params_bytes(calls: &[&PlannedCall]) -> Vec<u8> {
    let mut bytes = vec![0; calls.len() * ALIGNMENT as usize];
    for (record, call) in bytes.chunks_exact_mut(ALIGNMENT as usize).zip(calls) {
        record[..call.params.bytes.len()].copy_from_slice(&call.params.bytes);
    }
    bytes
}

fn bind_all(
    objects: &Objects,
    (graph, plan): (&Graph, &Plan),
    memory: &Memory,
    calls: &[&PlannedCall],
    kernels: Vec<Kernel>,
) -> Vec<Dispatch> {
    (0u64..)
        .zip(calls)
        .zip(kernels)
        .map(|((number, call), kernel)| {
            let params = BindingPlace::Params(number * ALIGNMENT, call.params.bytes.len() as u64);
            let operands = call.operands.iter().map(|operand| match *operand {
                PlannedOperand::Value(value) => {
                    let span = Span::new(graph, plan, value);
                    BindingPlace::Slot(span.slot, span.offset, span.bytes)
                }
                PlannedOperand::Workspace(RING) => BindingPlace::Ring,
                PlannedOperand::Workspace(number) => BindingPlace::Workspace(number),
            });
            let bindings: Vec<wgpu::BufferBinding<'_>> = std::iter::once(params)
                .chain(operands)
                .map(|place| memory.binding(place))
                .collect();
            Dispatch {
                bindings: objects.bind_group(call.shader, &kernel.layout, &bindings),
                kernel,
                workgroups: call.workgroups,
            }
        })
        .collect()
}

pub(super) fn staging(objects: &Objects, name: &str, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    objects.buffer(name, bytes, usage, None)
}

/// Starts mapping the first `bytes` of a staging buffer.
pub(super) fn map(
    staging: &wgpu::Buffer,
    bytes: u64,
) -> oneshot::Receiver<Result<(), wgpu::BufferAsyncError>> {
    let (send, receive) = oneshot::channel();
    staging.map_async(wgpu::MapMode::Read, ..bytes, move |outcome| {
        // Nobody listens once the executor is gone.
        let _ = send.send(outcome);
    });
    receive
}

/// The records in some ring slots.
fn read_records(
    staging: &wgpu::Buffer,
    slots: &[usize],
    has_correct: bool,
) -> Result<Vec<Record>, GpuError> {
    let view = staging
        .get_mapped_range(..RING_BYTES)
        .map_err(|error| GpuError::Read {
            message: error.to_string(),
        })?;
    let ring: Vec<f32> = bytemuck::pod_collect_to_vec(&view[..]);
    Ok(slots
        .iter()
        .map(|&slot| {
            let record = &ring[RING_WIDTH * slot..][..RING_WIDTH];
            Record {
                loss: record[0],
                correct: has_correct.then_some(record[1]),
                // Where none was computed, −1 stands there.
                gradient_norm: (record[2] != -1.0).then_some(record[2]),
            }
        })
        .collect())
}
