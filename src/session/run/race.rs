//! A run as one lane of a race: whole steps at once, and the loss at other weights.

use super::Run;
use crate::exec::Executor;
use crate::exec::cpu::CpuExecutor;
use crate::graph::{Phase, ValueId};
use crate::ops::StepValues;
use crate::platform::now_millis;
use crate::session::{Landscape, LaneRecord};
use crate::tensor::Values;

impl Run {
    /// Trains until `steps` updates are recorded, the loss is not finite or the deadline has passed; whether there
    /// is more to do. The loss after the last update is recorded too.
    pub(in crate::session) fn race(
        &mut self,
        steps: u32,
        deadline: f64,
        record: &mut LaneRecord,
    ) -> bool {
        let groups = self.training_groups();
        let forward = self.executor.plan().phases(Phase::Data, Phase::Loss);
        let weights = self.two_weights();
        loop {
            for &value in weights.iter().flatten() {
                let places = self.cpu().reals(value);
                record.places.extend_from_slice(places);
            }
            let (values, planned) = self.plan_steps(1);
            let is_last = record.losses.len() >= steps as usize;
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

    /// Measures the loss at the next places of a landscape until the deadline; whether there is more to do.
    /// The plan's batch holds all training samples.
    pub(in crate::session) fn survey(&mut self, landscape: &mut Landscape, deadline: f64) -> bool {
        let Some(weights) = self.two_weights() else {
            return false;
        };
        let groups = self.executor.plan().phases(Phase::Data, Phase::Loss);
        let (values, _) = self.plan_steps(1);
        // As in an evaluation: nothing is drawn, nothing is gathered.
        let values = StepValues {
            first: values[0].first,
            ..StepValues::forward(values[0].valid)
        };
        let [width, height] = landscape.size;
        let at = |axis: usize, number: u32, of: u32| {
            let (low, high) = landscape.bounds[axis];
            low + (high - low) * number as f32 / (of - 1) as f32
        };
        let mut losses = std::mem::take(&mut landscape.losses);
        while (losses.len() as u32) < width * height {
            let number = losses.len() as u32;
            let place = [at(0, number % width, width), at(1, number / width, height)];
            let mut place = place.into_iter();
            for &value in &weights {
                let count = self.model.graph.value(value).shape.count();
                let values = place.by_ref().take(count).collect();
                self.executor.write(value, &Values::F32(values));
            }
            self.executor.run(groups.clone(), &values);
            losses.push(self.cpu().reals(self.model.loss)[0]);
            if now_millis() > deadline {
                break;
            }
        }
        let more = (losses.len() as u32) < width * height;
        landscape.losses = losses;
        more
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
