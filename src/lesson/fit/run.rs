//! The network as it learns: two plans of one layer list on the CPU, one that learns from all training points at once,
//! and one that asks the network about all points and all places of the picture.

use std::sync::Arc;

use super::points;
use super::{EVERY, FitReport, FitRequest, LEARNING_RATE, Place, STEPS, Score, best};
use crate::data::{Table, TableSet};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::{Phase, ValueId};
use crate::layers::{BatchSource, Layer, Linear, Loss, Model, ModelSpec, Relu, TableTargets};
use crate::lesson::LessonError;
use crate::ops::StepValues;
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;
use crate::session::{Boundary, TablePoints};
use crate::tensor::Values;
use crate::tensor::init::Initializer;

/// Rows of a pass of questions.
const PASS: usize = 256;

/// A run.
pub struct Fit {
    request: FitRequest,
    learner: Half,
    asked: Half,
    /// Updates done, and those after which it waits.
    step: u32,
    goal: u32,
    report: FitReport,
    /// The step of the report's boundaries.
    drawn: [Option<u32>; 2],
    /// The parameters where the held-out loss was least.
    best: Vec<Vec<f32>>,
    /// Classes of all points, the training points first.
    classes: Vec<u32>,
}

/// A model with its memory.
struct Half {
    model: Model,
    executor: CpuExecutor<f32>,
    order: ValueId,
}

/// `layers` hidden layers with ReLU, and one unit whose sigmoid is part of the loss.
fn spec(request: &FitRequest) -> ModelSpec {
    let linear = |number: u32, out_features: usize| {
        Layer::new(format!("fc{number}"), Linear { out_features })
    };
    let hidden = (1..=request.layers).flat_map(|number| {
        let relu = Layer::new(format!("relu{number}"), Relu {});
        [linear(number, request.hidden as usize), relu]
    });
    ModelSpec {
        layers: hidden.chain([linear(request.layers + 1, 1)]).collect(),
        loss: Loss::BinaryCrossEntropy,
    }
}

impl Half {
    /// The network of a request on these rows (M, 2), for batches of `batch` of them.
    fn new(
        request: &FitRequest,
        rows: &[f32],
        classes: &[u32],
        batch: usize,
        learns: bool,
    ) -> Result<Self, LessonError> {
        let samples = classes.len();
        let source = BatchSource::Table {
            samples,
            mean: vec![0.0; 2],
            standard_deviation: vec![1.0; 2],
            targets: TableTargets::Numbers {
                mean: 0.0,
                standard_deviation: 1.0,
            },
            order_length: batch,
        };
        let options = Options {
            weight_decay: Some(request.decay as f32),
            ..Options::NONE
        };
        let update = OptimizerKind::AdamW.update(0.0, &options);
        let model = Model::build(&spec(request), &source, batch, update)?;
        let graph = Arc::new(model.graph.clone());
        let plan = match learns {
            true => Plan::new(&graph, Mode::Train, &[model.loss]),
            false => {
                let mut keep = vec![model.loss_of_row];
                keep.extend(model.probabilities);
                Plan::forward(&graph, Mode::Train, &keep)
            }
        };
        let mut executor = CpuExecutor::new(graph, Arc::new(plan));
        let gathered = model.gathered.expect("rows of a table are gathered");
        executor.give(gathered.samples, Values::F32(rows.to_vec()));
        let targets = classes.iter().map(|&class| class as f32).collect();
        executor.give(gathered.targets, Values::F32(targets));
        Ok(Self {
            model,
            executor,
            order: gathered.order,
        })
    }

    fn parameters(&self) -> Vec<Vec<f32>> {
        let parameters = self.model.parameters.iter();
        parameters
            .map(|parameter| self.executor.reals(parameter.value).to_vec())
            .collect()
    }

    fn set_parameters(&mut self, values: &[Vec<f32>]) {
        for (parameter, values) in self.model.parameters.iter().zip(values) {
            self.executor
                .reals_mut(parameter.value)
                .copy_from_slice(values);
        }
    }

    /// Loss and probability of class 1 of some samples.
    fn ask(&mut self, samples: std::ops::Range<u32>) -> Vec<(f32, f32)> {
        let probabilities = self.model.probabilities.expect("classes are told apart");
        let samples: Vec<u32> = samples.collect();
        let mut answers = Vec::with_capacity(samples.len());
        for part in samples.chunks(self.model.batch) {
            self.executor.write(self.order, &Values::U32(part.to_vec()));
            let groups = self.executor.plan().phases(Phase::Data, Phase::Loss);
            let step = StepValues::forward(part.len() as u32);
            self.executor.run(groups, &step);
            let losses = self.executor.reals(self.model.loss_of_row);
            let told = losses.iter().zip(self.executor.reals(probabilities));
            answers.extend(told.take(part.len()).map(|(&loss, &p)| (loss, p)));
        }
        answers
    }
}

impl Fit {
    /// A run at step 0.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new(request: FitRequest) -> Result<Self, LessonError> {
        request.check()?;
        let set = points::draw(&request)?;
        let floor = points::floor(&request, &set.test)?;
        let points = TablePoints::of(&set).expect("two coordinates, two classes");
        let TableSet { train, test, .. } = &set;
        let of = |table: &Table| table.classes().unwrap_or_default().to_vec();
        let mut learner = Half::new(
            &request,
            train.rows(),
            &of(train),
            request.points as usize,
            true,
        )?;
        let order = (0..request.points).collect();
        learner.executor.write(learner.order, &Values::U32(order));
        for (stream, parameter) in (0..).zip(&learner.model.parameters) {
            let value = learner.model.graph.value(parameter.value);
            let values = parameter.values(value, request.seed, stream, Initializer::default());
            learner
                .executor
                .reals_mut(parameter.value)
                .copy_from_slice(&values);
        }
        // Behind the points: the places of the picture, whose labels count nowhere.
        let (size, places) = Boundary::places(&points.bounds);
        let classes = [of(train), of(test)].concat();
        let rows = [train.rows(), test.rows(), &places].concat();
        let mut labels = classes.clone();
        labels.resize(rows.len() / 2, 0);
        let asked = Half::new(&request, &rows, &labels, PASS, false)?;
        let empty = Boundary {
            size,
            bounds: points.bounds.clone(),
            probabilities: Vec::new(),
        };
        let mut fit = Self {
            report: FitReport {
                request,
                parameters: learner.model.parameter_count(),
                points,
                floor,
                curve: Vec::new(),
                boundary: empty.clone(),
                best_boundary: empty,
            },
            request,
            best: learner.parameters(),
            learner,
            asked,
            step: 0,
            goal: 0,
            drawn: [None; 2],
            classes,
        };
        fit.measure();
        Ok(fit)
    }

    /// Lets it learn for so many more steps, up to [`STEPS`] in all.
    pub fn go_on(&mut self, steps: u32) {
        self.goal = self.goal.saturating_add(steps).min(STEPS);
    }

    /// Learns for about `budget_millis`. Returns whether there is more to do before it waits.
    pub fn advance(&mut self, budget_millis: f64) -> bool {
        let deadline = now_millis() + budget_millis;
        while self.step < self.goal {
            self.learn();
            if self.step.is_multiple_of(EVERY) {
                self.measure();
            }
            if now_millis() >= deadline {
                break;
            }
        }
        self.step < self.goal
    }

    /// The run as far as it has come, with its pictures.
    pub fn report(&mut self) -> &FitReport {
        let steps = [self.report.now().step, self.report.best().step];
        let places = self.classes.len() as u32;
        let places = places..places + self.report.boundary.size.iter().product::<u32>();
        for (picture, step) in steps.into_iter().enumerate() {
            if self.drawn[picture] == Some(step) {
                continue;
            }
            match picture {
                0 => self.asked.set_parameters(&self.learner.parameters()),
                _ => self.asked.set_parameters(&self.best),
            }
            let answers = self.asked.ask(places.clone());
            let boundary = match picture {
                0 => &mut self.report.boundary,
                _ => &mut self.report.best_boundary,
            };
            boundary.probabilities = answers.into_iter().map(|(_, p)| p).collect();
            self.drawn[picture] = Some(step);
        }
        &self.report
    }

    /// One update by all training points.
    fn learn(&mut self) {
        let Half {
            model, executor, ..
        } = &mut self.learner;
        let update = model.graph.update().expect("a model that learns");
        let [bias_correction_1, bias_correction_2] =
            update.bias_corrections(u64::from(self.step) + 1);
        let step = StepValues {
            step: self.step,
            learning_rate: LEARNING_RATE,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(self.request.points)
        };
        let groups = executor.plan().phases(Phase::Data, Phase::Update);
        executor.run(groups, &step.in_training());
        self.step += 1;
    }

    /// Adds a place to the curve.
    fn measure(&mut self) {
        let parameters = self.learner.parameters();
        self.asked.set_parameters(&parameters);
        let answers = self.asked.ask(0..self.classes.len() as u32);
        let told: Vec<(f32, bool)> = answers
            .into_iter()
            .zip(&self.classes)
            .map(|((loss, p), &class)| (loss, (p > 0.5) == (class == 1)))
            .collect();
        let (train, held_out) = told.split_at(self.request.points as usize);
        let score = |told: &[(f32, bool)]| Score {
            loss: told.iter().map(|&(loss, _)| f64::from(loss)).sum::<f64>() / told.len() as f64,
            accuracy: told.iter().filter(|(_, is_right)| *is_right).count() as f64
                / told.len() as f64,
        };
        self.report.curve.push(Place {
            step: self.step,
            train: score(train),
            held_out: score(held_out),
        });
        if best(&self.report.curve).step == self.step {
            self.best = parameters;
        }
    }
}
