//! Held-out samples: evaluations, watched samples, the learner's own image.

use super::{Emit, Evaluating, Run, reals};
use crate::graph::Phase;
use crate::ops::StepValues;
use crate::platform::now_millis;
use crate::session::{Event, SessionError};
use crate::tensor::Values;
use crate::train::Tally;

impl Run {
    pub(super) fn begin_evaluation(&mut self) {
        // Without classes there is nothing to count right answers of.
        let (Some(dataset), Some(_)) = (&self.dataset, self.model.probabilities) else {
            return;
        };
        self.evaluating = Some(Evaluating {
            step: self.done,
            next: 0,
            tally: Tally::new(dataset.classes.len()),
            probabilities: Vec::new(),
        });
    }

    pub(super) async fn advance_evaluation(
        &mut self,
        deadline: f64,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let Some(mut evaluating) = self.evaluating.take() else {
            return Ok(());
        };
        let test_count = self.config.test_count;
        while evaluating.next < test_count {
            self.evaluate_batch(&mut evaluating).await?;
            if now_millis() > deadline && evaluating.next < test_count {
                self.evaluating = Some(evaluating);
                return Ok(());
            }
        }
        let step = evaluating.step;
        self.evaluated_at = Some(step);
        emit(Event::Evaluated {
            run: self.id,
            step,
            evaluation: evaluating.tally.finish(),
        });
        if let Some(probabilities) = self.model.probabilities
            && !self.watched.is_empty()
        {
            let classes = self.model.graph.value(probabilities).shape.dims()[1];
            let row = |&sample: &u32| {
                let start = sample as usize * classes;
                evaluating.probabilities[start..start + classes]
                    .iter()
                    .copied()
            };
            emit(Event::SamplePredictions {
                run: self.id,
                step,
                probabilities: self.watched.iter().flat_map(row).collect(),
            });
        }
        self.predict_image(emit).await
    }

    /// Runs the forward pass and the loss on the next held-out batch.
    pub(super) async fn evaluate_batch(
        &mut self,
        evaluating: &mut Evaluating,
    ) -> Result<(), SessionError> {
        let (Some(dataset), Some(images), Some(probabilities)) = (
            self.dataset.clone(),
            self.model.images,
            self.model.probabilities,
        ) else {
            return Ok(());
        };
        let first = evaluating.next;
        let last = (first + self.config.batch).min(self.config.test_count);
        let behind = self.config.train_count;
        let order: Vec<u32> = (first..last).map(|sample| behind + sample).collect();
        self.executor.write(images.order, &Values::U32(order));
        let groups = self.executor.plan().phases(Phase::Data, Phase::Loss);
        self.executor
            .run(groups, &StepValues::forward(last - first));
        let read = [probabilities, self.model.loss_of_row];
        let read = self.executor.read_many(&read).await?;
        let (probabilities, losses) = (reals(&read[0]), reals(&read[1]));
        let labels = &dataset.test.labels()[first as usize..last as usize];
        let classes = dataset.classes.len();
        let rows = &probabilities[..labels.len() * classes];
        evaluating.tally.add(rows, &losses[..labels.len()], labels);
        evaluating.probabilities.extend_from_slice(rows);
        evaluating.next = last;
        Ok(())
    }

    pub(super) fn watch(&mut self, count: u32, emit: &mut Emit) -> Result<(), SessionError> {
        let Some(dataset) = &self.dataset else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "watch",
            });
        };
        let test = &dataset.test;
        let count = count.min(test.count());
        // Evenly spaced: the file's halves come from different groups of writers.
        self.watched = (0..count)
            .map(|number| {
                (u64::from(number) * u64::from(test.count()) / u64::from(count.max(1))) as u32
            })
            .collect();
        let shape = test.shape();
        emit(Event::Samples {
            run: self.id,
            shape: vec![
                shape.channels as usize,
                shape.height as usize,
                shape.width as usize,
            ],
            pixels: self
                .watched
                .iter()
                .flat_map(|&sample| test.image(sample).to_vec())
                .collect(),
            labels: self
                .watched
                .iter()
                .map(|&sample| test.labels()[sample as usize])
                .collect(),
        });
        Ok(())
    }

    pub(super) fn set_image(&mut self, pixels: Vec<u8>) -> Result<(), SessionError> {
        if pixels.is_empty() {
            self.image = None;
            return Ok(());
        }
        let Some(dataset) = &self.dataset else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "predict",
            });
        };
        let expected = dataset.train.shape().values();
        if pixels.len() != expected {
            return Err(SessionError::BadImage {
                expected,
                actual: pixels.len(),
            });
        }
        self.image = Some(pixels);
        Ok(())
    }

    /// Predicts the image that was given, if any.
    pub(super) async fn predict_image(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        let (Some(pixels), Some(dataset), Some(probabilities)) =
            (&self.image, &self.dataset, self.model.probabilities)
        else {
            return Ok(());
        };
        // A step half done on the CPU would lose its activations.
        if self.cpu_group > 0 {
            return Ok(());
        }
        let channel_size = pixels.len() / dataset.train.shape().channels as usize;
        let normalized = pixels
            .iter()
            .enumerate()
            .map(|(at, &pixel)| dataset.normalization.apply(at / channel_size, pixel))
            .collect();
        self.executor
            .write(self.model.input, &Values::F32(normalized));
        // Before the first batch the classes are unwritten; the loss reads them all.
        let batch = self.config.batch as usize;
        self.executor
            .write(self.model.target, &Values::U32(vec![0; batch]));
        let groups = self.executor.plan().phases(Phase::Forward, Phase::Loss);
        self.executor.run(groups, &StepValues::forward(1));
        let read = self.executor.read_many(&[probabilities]).await?;
        let classes = dataset.classes.len();
        emit(Event::Prediction {
            run: self.id,
            step: self.done,
            probabilities: reals(&read[0])[..classes].to_vec(),
        });
        Ok(())
    }
}
