//! A run as one lane of a race: whole steps at once, and the loss at other weights.

use super::Run;
use crate::exec::Executor;
use crate::exec::cpu::CpuExecutor;
use crate::graph::{Phase, ValueId};
use crate::ops::StepValues;
use crate::platform::now_millis;
use crate::session::plane::{Plane, Track};
use crate::session::{Landscape, LaneRecord, PlanePath};
use crate::tensor::Values;
use std::ops::Range;

impl Run {
    /// Trains until `steps` updates are recorded, the loss is not finite or the deadline has passed; whether there
    /// is more to do. The loss after the last update is recorded too. All weights go to `track`, if there is one, as
    /// often as it keeps them.
    pub(in crate::session) fn race(
        &mut self,
        steps: u32,
        deadline: f64,
        record: &mut LaneRecord,
        mut track: Option<&mut Track>,
    ) -> bool {
        let groups = self.training_groups();
        let forward = self.executor.plan().phases(Phase::Data, Phase::Loss);
        let weights = self.two_weights();
        loop {
            for &value in weights.iter().flatten() {
                let places = self.cpu().reals(value);
                record.places.extend_from_slice(places);
            }
            let is_last = record.losses.len() >= steps as usize;
            let update = record.losses.len() as u32;
            if let Some(track) = track.as_mut().filter(|track| track.keeps(update, is_last)) {
                let parameters = self.model.parameters.iter();
                track.push(update, parameters.map(|p| self.cpu().reals(p.value)));
            }
            let (values, planned) = self.plan_steps(1);
            let range = if is_last { &forward } else { &groups };
            self.executor.run(range.clone(), &values[0]);
            self.sent += 1;
            self.done = self.sent;
            let loss = self.cpu().reals(self.model.loss)[0];
            record.losses.push(loss);
            if is_last || !loss.is_finite() {
                return false;
            }
            record.learning_rates.push(planned[0].learning_rate);
            if now_millis() > deadline {
                return true;
            }
        }
    }

    /// Measures the loss at the next places of a landscape until the deadline; whether there is more to do. The places
    /// are the values of the model's two weights, or lie on a plane. The plan's batch holds all training samples.
    pub(in crate::session) fn survey(
        &mut self,
        landscape: &mut Landscape,
        plane: Option<&Plane>,
        deadline: f64,
    ) -> bool {
        let (groups, values) = self.full_batch();
        let [width, height] = landscape.size;
        let at = |axis: usize, number: u32, of: u32| {
            let (low, high) = landscape.bounds[axis];
            low + (high - low) * number as f32 / (of - 1) as f32
        };
        let mut losses = std::mem::take(&mut landscape.losses);
        while (losses.len() as u32) < width * height {
            let number = losses.len() as u32;
            let place = [at(0, number % width, width), at(1, number / width, height)];
            losses.push(match plane {
                Some(plane) => self.measure(&plane.weights(place.map(f64::from)), &groups, &values),
                None => self.measure(&place, &groups, &values),
            });
            if now_millis() > deadline {
                break;
            }
        }
        let more = (losses.len() as u32) < width * height;
        landscape.losses = losses;
        more
    }

    /// Measures the loss at the end of a path, and at the point of the plane nearest to it.
    pub(in crate::session) fn measure_end(
        &mut self,
        plane: &Plane,
        track: &Track,
        path: &mut PlanePath,
    ) {
        let (groups, values) = self.full_batch();
        path.loss = self.measure(track.end(), &groups, &values);
        if let Some(place) = path.places.rchunks_exact(2).next() {
            let weights = plane.weights([place[0].into(), place[1].into()]);
            path.loss_on_plane = self.measure(&weights, &groups, &values);
        }
    }

    /// What runs the forward pass of a plan whose batch is all training samples.
    fn full_batch(&mut self) -> (Range<usize>, StepValues) {
        let groups = self.executor.plan().phases(Phase::Data, Phase::Loss);
        let (values, _) = self.plan_steps(1);
        // As in an evaluation: nothing is drawn, nothing is gathered.
        let values = StepValues {
            first: values[0].first,
            ..StepValues::forward(values[0].valid)
        };
        (groups, values)
    }

    /// The loss of the batch that stands at these weights, all parameters one after the other.
    fn measure(&mut self, weights: &[f32], groups: &Range<usize>, values: &StepValues) -> f32 {
        let mut rest = weights;
        for value in self.parameter_values() {
            let (own, others) = rest.split_at(self.model.graph.value(value).shape.count());
            self.executor.write(value, &Values::F32(own.to_vec()));
            rest = others;
        }
        self.executor.run(groups.clone(), values);
        self.cpu().reals(self.model.loss)[0]
    }

    /// Floating-point operations of the forward pass and the loss of one sample.
    pub(in crate::session) fn forward_flops(&self) -> u64 {
        let nodes = self.model.graph.nodes().iter();
        let forward = nodes.filter(|node| node.phase <= Phase::Loss);
        let flops: u64 = forward.map(|node| node.op.flops(&node.dims)).sum();
        flops.div_ceil(u64::from(self.config.batch)).max(1)
    }

    /// The parameters of a model that has two numbers in all.
    fn two_weights(&self) -> Option<Vec<ValueId>> {
        (self.model.parameter_count() == 2).then(|| self.parameter_values())
    }

    /// The names of the two numbers, such as `fc.weight[0,0]` and `fc.bias[0]`; empty for other models.
    pub(in crate::session) fn weight_names(&self) -> [String; 2] {
        let names: Vec<String> = self
            .two_weights()
            .into_iter()
            .flatten()
            .flat_map(|value| {
                let value = self.model.graph.value(value);
                let dims = value.shape.dims();
                let name = &value.name;
                (0..value.shape.count()).map(move |at| {
                    let mut index = Vec::new();
                    let mut rest = at;
                    for &size in dims.iter().rev() {
                        index.insert(0, (rest % size).to_string());
                        rest /= size;
                    }
                    format!("{name}[{}]", index.join(","))
                })
            })
            .collect();
        names.try_into().unwrap_or_default()
    }

    fn cpu(&self) -> &CpuExecutor<f32> {
        match &self.executor {
            Executor::Cpu(executor) => executor,
            Executor::Gpu(_) => unreachable!("lanes run on the CPU"),
        }
    }
}
