//! Held-out samples: evaluations, watched samples, the learner's own image, the boundary between points.

use super::evaluator::Pass;
use super::{Emit, Run, reals};
use crate::data::{SampleSet, Targets};
use crate::graph::Phase;
use crate::platform::now_millis;
use crate::session::{Boundary, Event, SessionError, TablePoints};
use crate::tensor::{ElementType, Values};
use crate::train::{Evaluation, NumberTally, Tally, predicted_class};
use std::ops::Range;

/// An evaluation under way.
pub(super) struct Evaluating {
    step: u64,
    next: u32,
    tally: AnyTally,
    /// Sums of losses and of weights, where rows do not count alike.
    weighted: Option<[f64; 2]>,
    /// Probabilities, or predicted numbers, of the samples so far.
    outputs: Vec<f32>,
}

enum AnyTally {
    Classes(Tally),
    Numbers(NumberTally),
    /// How many tokens of the sequences are right.
    Tokens(f64),
}

impl AnyTally {
    fn of(samples: &SampleSet) -> Self {
        match samples {
            SampleSet::Table(table) if table.classes.is_empty() => {
                Self::Numbers(NumberTally::new(table.target_standardization.deviation[0]))
            }
            SampleSet::Text(_) => Self::Tokens(0.0),
            samples => Self::Classes(Tally::new(samples.class_names().len())),
        }
    }

    fn add(&mut self, outputs: &[f32], losses: &[f32], samples: &SampleSet, range: Range<usize>) {
        match self {
            Self::Tokens(right) => {
                *right += outputs.iter().map(|&count| f64::from(count)).sum::<f64>()
            }
            Self::Classes(tally) => {
                let classes = samples.test_classes().expect("classes are counted");
                tally.add(outputs, losses, &classes[range]);
            }
            Self::Numbers(tally) => {
                let table = samples.table().expect("only tables hold numbers");
                let Targets::Numbers(numbers) = table.test.targets() else {
                    unreachable!("numbers are counted")
                };
                let standard = &table.target_standardization;
                let targets: Vec<f32> = numbers[range]
                    .iter()
                    .map(|number| (number - standard.mean[0]) / standard.deviation[0])
                    .collect();
                tally.add(outputs, &targets, losses);
            }
        }
    }

    /// `weighted`: sums of losses and of weights, where rows do not count alike.
    fn finish(self, weighted: Option<[f64; 2]>) -> Evaluation {
        // Where no weight counts, neither does a loss.
        let mean = |[sum, weights]: [f64; 2]| sum / if weights > 0.0 { weights } else { 1.0 };
        let mut evaluation = match self {
            Self::Tokens(right) => {
                let [_, weights] = weighted.unwrap_or_default();
                Evaluation {
                    accuracy: Some(mean([right, weights]) as f32),
                    perplexity: weighted.map(|sums| mean(sums).exp() as f32),
                    ..Evaluation::default()
                }
            }
            Self::Classes(tally) => tally.finish(),
            Self::Numbers(tally) => tally.finish(),
        };
        if let Some(sums) = weighted {
            evaluation.loss = mean(sums) as f32;
        }
        evaluation
    }
}

impl Run {
    /// Numbers of [`Model::told`] for one sample.
    fn output_width(&self) -> usize {
        let dims = self.model.graph.value(self.model.told()).shape.dims();
        dims[1..].iter().product()
    }

    pub(super) fn begin_evaluation(&mut self) {
        let Some(samples) = &self.samples else {
            return;
        };
        self.evaluating = Some(Evaluating {
            step: self.done,
            next: 0,
            tally: AnyTally::of(samples),
            weighted: self.model.weight_of_row.map(|_| [0.0; 2]),
            outputs: Vec::new(),
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
        let evaluation = evaluating.tally.finish(evaluating.weighted);
        emit(Event::Evaluated {
            run: self.id,
            step,
            evaluation: evaluation.clone(),
        });
        self.judge(step, &evaluation, emit);
        if !evaluation.confusion.is_empty() {
            let rows = evaluating.outputs.chunks_exact(self.output_width());
            self.judged = rows.map(|row| predicted_class(row) as u32).collect();
        }
        if !self.watched.is_empty() {
            let width = self.output_width();
            let row = |&sample: &u32| {
                let start = sample as usize * width;
                evaluating.outputs[start..start + width].iter().copied()
            };
            let mut probabilities: Vec<f32> = self.watched.iter().flat_map(row).collect();
            let samples = self.samples.as_ref().and_then(|samples| samples.table());
            if let Some(table) = samples.filter(|table| table.classes.is_empty()) {
                // Back from what the network learns to the target's unit.
                let standard = &table.target_standardization;
                for number in &mut probabilities {
                    *number = *number * standard.deviation[0] + standard.mean[0];
                }
            }
            emit(Event::SamplePredictions {
                run: self.id,
                step,
                probabilities,
            });
        }
        self.draw_boundary(emit).await?;
        self.begin_forecast(step, evaluating.outputs);
        self.predict_image(emit).await?;
        self.rewrite_text().await
    }

    /// Runs the forward pass and the loss on the next held-out batch.
    async fn evaluate_batch(&mut self, evaluating: &mut Evaluating) -> Result<(), SessionError> {
        let Some(samples) = self.samples.clone() else {
            return Ok(());
        };
        let test_count = self.config.test_count;
        let (through, most) = self.way_for(test_count).await?;
        let model = self.model_of(through);
        let Some(gathered) = model.gathered else {
            return Ok(());
        };
        let mut read = vec![model.told(), model.loss_of_row];
        read.extend(model.weight_of_row);
        let first = evaluating.next;
        let last = (first + most).min(test_count);
        let behind = self.config.train_count;
        let order: Vec<u32> = (first..last).map(|sample| behind + sample).collect();
        let pass = Pass {
            writes: vec![(gathered.order, Values::U32(order))],
            first: Phase::Data,
            valid: last - first,
        };
        let read = self.run_pass(through, &pass, &read).await?;
        let count = (last - first) as usize;
        let outputs = &reals(&read[0])[..count * self.output_width()];
        let losses = &reals(&read[1])[..count];
        let range = first as usize..last as usize;
        evaluating.tally.add(outputs, losses, &samples, range);
        if let (Some(sums), Some(weights)) = (&mut evaluating.weighted, read.get(2)) {
            for (sum, values) in sums.iter_mut().zip([losses, &reals(weights)[..count]]) {
                *sum += values.iter().map(|&value| f64::from(value)).sum::<f64>();
            }
        }
        evaluating.outputs.extend_from_slice(outputs);
        evaluating.next = last;
        Ok(())
    }

    /// What the network says of samples given as the first layer reads them, (samples, …) row-major.
    pub(super) async fn infer(&mut self, inputs: &[f32]) -> Result<Vec<f32>, SessionError> {
        let dims = self.model.graph.value(self.model.input).shape.dims();
        let width: usize = dims[1..].iter().product();
        let output_width = self.output_width();
        let count = inputs.len() / width;
        let (through, most) = self.way_for(count as u32).await?;
        let mut outputs = Vec::with_capacity(count * output_width);
        for chunk in inputs.chunks(most as usize * width) {
            let model = self.model_of(through);
            // Before the first batch the targets are unwritten; the loss reads them all.
            let target = model.graph.value(model.target);
            let zeros = match target.element {
                ElementType::U32 => Values::U32(vec![0; target.shape.count()]),
                _ => Values::F32(vec![0.0; target.shape.count()]),
            };
            let valid = chunk.len() / width;
            let pass = Pass {
                writes: vec![
                    (model.input, Values::F32(chunk.to_vec())),
                    (model.target, zeros),
                ],
                first: Phase::Forward,
                valid: valid as u32,
            };
            let read = [model.told()];
            let read = self.run_pass(through, &pass, &read).await?;
            outputs.extend_from_slice(&reals(&read[0])[..valid * output_width]);
        }
        Ok(outputs)
    }

    /// Sends the points of a table that can be drawn.
    pub(in crate::session) fn send_points(&self, emit: &mut dyn FnMut(Event)) {
        let points = self.samples.as_ref().and_then(|samples| samples.table());
        if let Some(points) = points.and_then(TablePoints::of) {
            emit(Event::Points {
                run: self.id,
                points,
            });
        }
    }

    /// What the network says between the points of a table that can be drawn.
    async fn draw_boundary(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        let Some(samples) = self.samples.clone() else {
            return Ok(());
        };
        let Some((table, points)) = samples
            .table()
            .and_then(|table| Some((table, TablePoints::of(table)?)))
        else {
            return Ok(());
        };
        let (size, mut places) = Boundary::places(&points.bounds);
        let standard = &table.standardization;
        for row in places.chunks_exact_mut(table.columns.len()) {
            for (at, value) in row.iter_mut().enumerate() {
                *value = (*value - standard.mean[at]) / standard.deviation[at];
            }
        }
        let outputs = self.infer(&places).await?;
        // One number is the probability of class 1; of two it is the second.
        let width = self.output_width();
        let probabilities = outputs.iter().skip(width - 1).step_by(width).copied();
        emit(Event::Boundary {
            run: self.id,
            step: self.done,
            boundary: Boundary {
                size,
                bounds: points.bounds,
                probabilities: probabilities.collect(),
            },
        });
        Ok(())
    }

    pub(super) fn watch(&mut self, count: u32, emit: &mut Emit) -> Result<(), SessionError> {
        let samples = self
            .samples
            .clone()
            .filter(|samples| samples.text().is_none());
        let Some(samples) = samples else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "watch",
            });
        };
        let all = samples.test_count();
        let count = count.min(all);
        // Evenly spaced: the file's halves come from different groups of writers.
        self.watched = (0..count)
            .map(|number| (u64::from(number) * u64::from(all) / u64::from(count.max(1))) as u32)
            .collect();
        let labels = samples.test_classes().map_or_else(Vec::new, |classes| {
            let watched = self.watched.iter();
            watched.map(|&sample| classes[sample as usize]).collect()
        });
        let run = self.id;
        emit(match &*samples {
            SampleSet::Images(images) => {
                let shape = images.test.shape();
                let shape = [shape.channels, shape.height, shape.width];
                Event::Samples {
                    run,
                    shape: shape.map(|size| size as usize).into(),
                    pixels: self
                        .watched
                        .iter()
                        .flat_map(|&sample| images.test.image(sample).to_vec())
                        .collect(),
                    labels,
                }
            }
            SampleSet::Text(_) => unreachable!("refused above"),
            SampleSet::Table(table) => Event::Rows {
                run,
                columns: table.columns.clone(),
                rows: self
                    .watched
                    .iter()
                    .flat_map(|&sample| table.test.row(sample).to_vec())
                    .collect(),
                target: table.target.clone(),
                labels,
                numbers: match table.test.targets() {
                    Targets::Numbers(numbers) => {
                        let watched = self.watched.iter();
                        watched.map(|&sample| numbers[sample as usize]).collect()
                    }
                    Targets::Classes(_) => Vec::new(),
                },
            },
        });
        Ok(())
    }

    /// Sends held-out images of a cell of the confusion matrix.
    pub(super) fn show_cell(
        &mut self,
        actual: u32,
        predicted: u32,
        most: u32,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let samples = self.samples.clone();
        let Some(images) = samples.as_ref().and_then(|samples| samples.images()) else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "show",
            });
        };
        let labels = images.test.labels().iter();
        let of_cell: Vec<u32> = (0..)
            .zip(labels.zip(&self.judged))
            .filter(|&(_, (&label, &judged))| label == actual && judged == predicted)
            .map(|(sample, _)| sample)
            .collect();
        let shape = images.test.shape();
        let shape = [shape.channels, shape.height, shape.width];
        let shown = of_cell.iter().take(most as usize);
        emit(Event::CellSamples {
            run: self.id,
            step: self.evaluated_at.unwrap_or(self.done),
            actual,
            predicted,
            count: of_cell.len() as u32,
            shape: shape.map(|size| size as usize).into(),
            pixels: shown
                .flat_map(|&sample| images.test.image(sample).to_vec())
                .collect(),
        });
        Ok(())
    }

    pub(super) fn set_image(&mut self, pixels: Vec<u8>) -> Result<(), SessionError> {
        if pixels.is_empty() {
            self.image = None;
            return Ok(());
        }
        let images = self.samples.as_ref().and_then(|samples| samples.images());
        let Some(images) = images else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "predict",
            });
        };
        let expected = images.train.shape().values();
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
        let images = self.samples.as_ref().and_then(|samples| samples.images());
        let (Some(pixels), Some(images), Some(_)) = (&self.image, images, self.model.probabilities)
        else {
            return Ok(());
        };
        // A step half done on the CPU would lose its activations.
        if self.cpu_group > 0 {
            return Ok(());
        }
        let channel_size = pixels.len() / images.train.shape().channels as usize;
        let normalized: Vec<f32> = pixels
            .iter()
            .enumerate()
            .map(|(at, &pixel)| images.normalization.apply(at / channel_size, pixel))
            .collect();
        let probabilities = self.infer(&normalized).await?;
        emit(Event::Prediction {
            run: self.id,
            step: self.done,
            probabilities,
        });
        Ok(())
    }
}
