//! Finite differences of the loss beside the analytic gradient.

use super::*;
use crate::tensor::Real;
use std::ops::Range;

/// Step sizes of a gradient check, from large to small.
const STEP_SIZES: [f64; 8] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];

impl Run {
    pub(super) async fn check_gradient(
        &self,
        inspector: &Inspector,
        name: &str,
        index: &[u32],
    ) -> Result<Result<GradientCheckFacts, Refusal>, SessionError> {
        let found = inspector
            .find(name)
            .and_then(|value| Ok((value, inspector.offset(value, index)?)));
        let (value, offset) = match found {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(gradient) = inspector.graph.value(value).gradient else {
            return Ok(Err(Refusal::NoGradient { name: name.into() }));
        };
        if inspector.graph.value(value).source != Source::Parameter {
            return Ok(Err(Refusal::NotAParameter { name: name.into() }));
        }
        let stored = if inspector.is_computed(gradient) {
            let read = inspector.executor.read_many(&[gradient]).await?;
            Some(as_reals(&read[0])[offset])
        } else {
            None
        };
        let mut exact = self.oracle::<f64>(inspector).await?;
        let mut rounded = self.oracle::<f32>(inspector).await?;
        let plan = Arc::clone(inspector.plan());
        let forward = plan.phases(Phase::Forward, Phase::Loss);
        let nudges = STEP_SIZES
            .iter()
            .map(|&step_size| {
                let [minus, plus] =
                    self.losses(&mut exact, inspector, value, offset, step_size, &forward);
                let [minus_f32, plus_f32] =
                    self.losses(&mut rounded, inspector, value, offset, step_size, &forward);
                Nudge {
                    step_size,
                    loss_minus: minus,
                    loss_plus: plus,
                    slope: (plus - minus) / (2.0 * step_size),
                    slope_f32: (plus_f32 - minus_f32) / (2.0 * step_size),
                }
            })
            .collect();
        exact.run(
            plan.phases(Phase::Forward, Phase::Backward),
            &inspector.values,
        );
        Ok(Ok(GradientCheckFacts {
            tensor: name.into(),
            index: index.to_vec(),
            stored,
            analytic: exact.reals(gradient)[offset],
            nudges,
        }))
    }

    /// A CPU executor at this batch's start, edits included, with the batch gathered.
    pub(super) async fn oracle<T: Real>(
        &self,
        inspector: &Inspector,
    ) -> Result<CpuExecutor<T>, SessionError> {
        let plan = Arc::clone(inspector.plan());
        let mut oracle = CpuExecutor::<T>::new(Arc::clone(&inspector.graph), plan);
        let batch = [self.model.input, self.model.target];
        let read = if inspector.is_computed(self.model.input) {
            inspector.executor.read_many(&batch).await?
        } else {
            let mut gathered = self.gathered(inspector);
            for edit in &inspector.edits {
                if let Some(at) = batch.iter().position(|&value| value == edit.value) {
                    edit.write_over(&mut gathered[at]);
                }
            }
            gathered
        };
        for (value, values) in batch.iter().zip(&read) {
            oracle.write(*value, values);
        }
        let parameters = self.parameter_values();
        let started = inspector
            .start
            .parameters(self.preset, &self.config, &self.model);
        for (&value, values) in parameters.iter().zip(started) {
            oracle.write(value, &values);
        }
        for edit in &inspector.edits {
            if oracle.plan().find_place(edit.value).is_some()
                && inspector.graph.value(edit.value).source == Source::Parameter
            {
                for &(offset, number) in &edit.elements {
                    oracle.reals_mut(edit.value)[offset] = T::from_f64(f64::from(number));
                }
            }
        }
        Ok(oracle)
    }

    /// The batch's input and target before the gather has run in the microscope.
    fn gathered(&self, inspector: &Inspector) -> Vec<Values> {
        let plan = Arc::clone(inspector.plan());
        let cpu = CpuExecutor::new(Arc::clone(&inspector.graph), Arc::clone(&plan));
        let mut executor = Executor::Cpu(Box::new(cpu));
        super::start::write_data(
            &mut executor,
            &self.model,
            self.preset,
            self.samples.as_deref(),
        );
        for (value, values) in self.order_of(inspector.start.step, &inspector.samples) {
            executor.write(value, &values);
        }
        executor.run(plan.phases(Phase::Data, Phase::Data), &inspector.values);
        let Executor::Cpu(cpu) = &executor else {
            unreachable!("made as the CPU executor above")
        };
        vec![cpu.read(self.model.input), cpu.read(self.model.target)]
    }

    /// The losses with one element moved down and up by `step_size`.
    fn losses<T: Real>(
        &self,
        oracle: &mut CpuExecutor<T>,
        inspector: &Inspector,
        value: ValueId,
        offset: usize,
        step_size: f64,
        forward: &Range<usize>,
    ) -> [f64; 2] {
        let middle = oracle.reals(value)[offset];
        let losses = [-step_size, step_size].map(|nudge| {
            oracle.reals_mut(value)[offset] = middle + T::from_f64(nudge);
            oracle.run(forward.clone(), &inspector.values);
            oracle.reals(self.model.loss)[0].to_f64()
        });
        oracle.reals_mut(value)[offset] = middle;
        losses
    }
}
