//! A network line by line: shapes, parameters, work and receptive field, and the line at which a printed one fails.
//!
//! Every line is applied to a graph by the engine's own operations, so what a shape is, and what is refused, the engine
//! says. Nothing is computed, and nothing is allocated but the graph.

use serde::{Deserialize, Serialize};

use super::LessonError;
use crate::graph::{Graph, GraphError, ValueId};
use crate::ops::{Conv2d, Flatten, Linear, MaxPool2d, Op, Relu, Reshape, SoftmaxCrossEntropy};
use crate::tensor::{ElementType, Shape};

/// Largest batch.
pub const MAX_BATCH: u32 = 4096;

/// Networks that are walked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkId {
    /// LeNet-5 on digits of 28 × 28 with padding.
    #[default]
    Lenet,
    /// As 001 §4.1 prints it, on digits of 28 × 28: mistake R10.
    Lenet28,
    /// VGG16 on pictures of 32 × 32, with one dense layer.
    Vgg16,
    /// All widths divided by eight.
    Vgg16Thin,
    /// As 000 §5.2 prints it: mistake R3.
    PrintedVgg,
}

impl NetworkId {
    pub const ALL: [Self; 5] = [
        Self::Lenet,
        Self::Lenet28,
        Self::Vgg16,
        Self::Vgg16Thin,
        Self::PrintedVgg,
    ];

    /// As links have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lenet => "lenet",
            Self::Lenet28 => "lenet-28",
            Self::Vgg16 => "vgg16",
            Self::Vgg16Thin => "vgg16-thin",
            Self::PrintedVgg => "printed-vgg",
        }
    }

    /// (C, H, W) of a sample.
    pub fn sample(self) -> [u32; 3] {
        match self {
            Self::Lenet | Self::Lenet28 => [1, 28, 28],
            Self::Vgg16 | Self::Vgg16Thin | Self::PrintedVgg => [3, 32, 32],
        }
    }
}

/// A line of a network, with the numbers that are written in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    Conv {
        inputs: u32,
        outputs: u32,
        kernel: u32,
        padding: u32,
    },
    Relu,
    /// 2 × 2, stride 2.
    MaxPool,
    /// All that there is, in rows of so many numbers.
    View {
        features: u32,
    },
    /// Every sample a row.
    Flatten,
    Linear {
        inputs: u32,
        outputs: u32,
    },
    /// Cross-entropy with one label for each sample.
    Loss,
}

impl Line {
    /// As it is written with PyTorch.
    pub fn code(&self) -> String {
        match self {
            Self::Conv {
                inputs,
                outputs,
                kernel,
                padding: 0,
            } => format!("Conv2d({inputs}, {outputs}, {kernel})"),
            Self::Conv {
                inputs,
                outputs,
                kernel,
                padding,
            } => format!("Conv2d({inputs}, {outputs}, {kernel}, padding={padding})"),
            Self::Relu => "ReLU()".into(),
            Self::MaxPool => "MaxPool2d(2)".into(),
            Self::View { features } => format!("x.view(-1, {features})"),
            Self::Flatten => "x.flatten(1)".into(),
            Self::Linear { inputs, outputs } => format!("Linear({inputs}, {outputs})"),
            Self::Loss => "cross_entropy(x, labels)".into(),
        }
    }
}

/// What a line makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub line: Line,
    /// With the batch in front; empty for the loss.
    pub output: Vec<usize>,
    /// Weights and biases.
    pub parameters: u64,
    /// Multiply-adds for one sample.
    pub multiply_adds: u64,
    /// Pixels along a side that one number depends on; `None` where it is the whole picture.
    pub receptive_field: Option<u32>,
    /// Whether rows are no longer samples: so many samples became so many rows.
    pub mixed: Option<[usize; 2]>,
}

/// Which numbers do not fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Misfit {
    /// A matrix of the first two sizes meets one of the last two.
    Product { left: [usize; 2], right: [usize; 2] },
    /// So many numbers do not make rows of so many.
    View { numbers: usize, features: usize },
    /// So many rows, so many labels.
    Labels { rows: usize, labels: usize },
    /// An image has other channels.
    Channels { actual: usize, expected: usize },
}

/// Where and why a network fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Number of the line, from 0.
    pub line: u32,
    /// What the line reads.
    pub input: Vec<usize>,
    pub misfit: Misfit,
    /// In the engine's words.
    pub message: String,
}

/// A network, walked through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    pub network: NetworkId,
    pub batch: u32,
    /// (C, H, W)
    pub sample: [u32; 3],
    /// All lines, whether they are reached or not.
    pub lines: Vec<Line>,
    /// The lines that run.
    pub rows: Vec<Row>,
    pub failure: Option<Failure>,
    /// The next failure, once a dense layer that failed is left out.
    pub next_failure: Option<Failure>,
}

fn conv(inputs: u32, outputs: u32, kernel: u32, padding: u32) -> Line {
    Line::Conv {
        inputs,
        outputs,
        kernel,
        padding,
    }
}

fn linear(inputs: u32, outputs: u32) -> Line {
    Line::Linear { inputs, outputs }
}

/// 6 and 16 channels, then 400-120-84-10.
fn lenet(padding: u32, flatten: Line) -> Vec<Line> {
    use Line::{Loss, MaxPool, Relu};
    vec![
        conv(1, 6, 5, padding),
        Relu,
        MaxPool,
        conv(6, 16, 5, 0),
        Relu,
        MaxPool,
        flatten,
        linear(400, 120),
        Relu,
        linear(120, 84),
        Relu,
        linear(84, 10),
        Loss,
    ]
}

/// Thirteen convolutions in blocks of 2, 2, 3, 3 and 3, all widths divided by `divisor`, and one dense layer.
fn vgg16(divisor: u32) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut inputs = 3;
    for (width, count) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
        for _ in 0..count {
            lines.extend([conv(inputs, width / divisor, 3, 1), Line::Relu]);
            inputs = width / divisor;
        }
        lines.push(Line::MaxPool);
    }
    lines.extend([Line::Flatten, linear(inputs, 10), Line::Loss]);
    lines
}

/// The lines of a network.
pub fn lines(network: NetworkId) -> Vec<Line> {
    match network {
        NetworkId::Lenet => lenet(2, Line::Flatten),
        NetworkId::Lenet28 => lenet(0, Line::View { features: 400 }),
        NetworkId::Vgg16 => vgg16(1),
        NetworkId::Vgg16Thin => vgg16(8),
        NetworkId::PrintedVgg => vec![
            conv(3, 64, 3, 1),
            Line::Relu,
            Line::MaxPool,
            linear(4096, 10),
            Line::Flatten,
            linear(4096, 10),
            Line::Loss,
        ],
    }
}

/// Walks through a network with batches of so many samples.
///
/// # Errors
/// When the batch is 0 or too large. A network that fails is no error: the walk tells where.
pub fn walk(network: NetworkId, batch: u32) -> Result<Walk, LessonError> {
    if !(1..=MAX_BATCH).contains(&batch) {
        return Err(LessonError::Setting {
            name: "batch",
            actual: batch.to_string(),
            expected: format!("a whole number from 1 to {MAX_BATCH}"),
        });
    }
    let lines = lines(network);
    let mut walker = Walker::new(network, batch)?;
    let failure = walker.walk(&lines)?;
    let next_failure = match &failure {
        Some(failure) if matches!(failure.misfit, Misfit::Product { .. }) => {
            let mut others = lines.clone();
            others.remove(failure.line as usize);
            let next = Walker::new(network, batch)?.walk(&others)?;
            // Numbers are those of the whole list.
            next.map(|next| Failure {
                line: next.line + u32::from(next.line >= failure.line),
                ..next
            })
        }
        _ => None,
    };
    Ok(Walk {
        network,
        batch,
        sample: network.sample(),
        lines,
        rows: walker.rows,
        failure,
        next_failure,
    })
}

/// Where a walk stands.
struct Walker {
    graph: Graph,
    batch: usize,
    x: ValueId,
    rows: Vec<Row>,
    /// Side of the receptive field, and pixels between neighbours; `None` once a number depends on everything.
    field: Option<[u32; 2]>,
}

impl Walker {
    fn new(network: NetworkId, batch: u32) -> Result<Self, LessonError> {
        let mut graph = Graph::default();
        let [channels, height, width] = network.sample().map(|size| size as usize);
        let shape = Shape::new([batch as usize, channels, height, width])?;
        let x = graph.input("x", shape, ElementType::F32);
        Ok(Self {
            graph,
            batch: batch as usize,
            x,
            rows: Vec::new(),
            field: Some([1, 1]),
        })
    }

    fn shape(&self) -> Vec<usize> {
        self.graph.value(self.x).shape.dims().to_vec()
    }

    /// Applies lines up to the one that fails.
    fn walk(&mut self, lines: &[Line]) -> Result<Option<Failure>, LessonError> {
        for (number, line) in lines.iter().enumerate() {
            let input = self.shape();
            if let Err(error) = self.apply(number, line) {
                let Some(misfit) = misfit(line, &input, self.batch) else {
                    return Err(error);
                };
                return Ok(Some(Failure {
                    line: number as u32,
                    input,
                    misfit,
                    message: error.to_string(),
                }));
            }
        }
        Ok(None)
    }

    fn parameters(&mut self, number: usize, dims: &[u32]) -> Result<[ValueId; 2], LessonError> {
        let dims: Vec<usize> = dims.iter().map(|&size| size as usize).collect();
        let bias = Shape::new([dims[0]])?;
        let weight = self
            .graph
            .parameter(format!("{number}.weight"), Shape::new(dims)?);
        let bias = self.graph.parameter(format!("{number}.bias"), bias);
        Ok([weight, bias])
    }

    fn apply(&mut self, number: usize, line: &Line) -> Result<(), LessonError> {
        let name = format!("line {}", number + 1);
        let before = self.shape();
        let mut parameters = Vec::new();
        let outputs: Result<Vec<ValueId>, GraphError> = match *line {
            Line::Conv {
                inputs,
                outputs,
                kernel,
                padding,
            } => {
                let dims = [outputs, inputs, kernel, kernel];
                parameters.extend(self.parameters(number, &dims)?);
                if let Some([field, step]) = &mut self.field {
                    *field += (kernel - 1) * *step;
                }
                let op = Op::Conv2d(Conv2d::new(1, padding as usize));
                let operands = [self.x, parameters[0], parameters[1]];
                self.graph.apply(op, name, &operands)
            }
            Line::Relu => self.graph.apply(Op::Relu(Relu {}), name, &[self.x]),
            Line::MaxPool => {
                if let Some([field, step]) = &mut self.field {
                    *field += *step;
                    *step *= 2;
                }
                let op = Op::MaxPool2d(MaxPool2d::new(2, 2));
                self.graph.apply(op, name, &[self.x])
            }
            Line::View { features } => {
                let shape = vec![-1, i64::from(features)];
                let op = Op::Reshape(Reshape { shape });
                self.graph.apply(op, name, &[self.x])
            }
            Line::Flatten => self.graph.apply(Op::Flatten(Flatten {}), name, &[self.x]),
            Line::Linear { inputs, outputs } => {
                parameters.extend(self.parameters(number, &[outputs, inputs])?);
                self.field = None;
                self.linear(name, [parameters[0], parameters[1]], outputs)
            }
            Line::Loss => {
                let labels = Shape::new([self.batch])?;
                let labels = self.graph.input("labels", labels, ElementType::U32);
                let op = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
                self.graph.apply(op, name, &[self.x, labels])
            }
        };
        self.x = outputs?[0];
        let counts = parameters
            .iter()
            .map(|&value| self.graph.value(value).shape.count() as u64);
        let output = self.shape();
        let multiply_adds = multiply_adds(line, &output);
        let is_mixed = matches!(line, Line::View { .. }) && output[0] != before[0];
        self.rows.push(Row {
            line: line.clone(),
            parameters: counts.sum(),
            multiply_adds: multiply_adds / self.batch as u64,
            receptive_field: self.field.map(|[field, _]| field),
            mixed: is_mixed.then(|| [before[0], output[0]]),
            output,
        });
        Ok(())
    }

    /// As PyTorch applies it: to the last axis, whatever stands in front.
    fn linear(
        &mut self,
        name: String,
        [weight, bias]: [ValueId; 2],
        outputs: u32,
    ) -> Result<Vec<ValueId>, GraphError> {
        let mut dims: Vec<i64> = self.shape().iter().map(|&size| size as i64).collect();
        let op = Op::Linear(Linear {});
        if dims.len() == 2 {
            return self.graph.apply(op, name, &[self.x, weight, bias]);
        }
        let rows = Op::Reshape(Reshape {
            shape: vec![-1, dims[dims.len() - 1]],
        });
        let rows = self.graph.apply(rows, format!("{name}.rows"), &[self.x])?[0];
        let product = self.graph.apply(op, name.clone(), &[rows, weight, bias])?[0];
        if let Some(last) = dims.last_mut() {
            *last = outputs.into();
        }
        let back = Op::Reshape(Reshape { shape: dims });
        self.graph.apply(back, format!("{name}.back"), &[product])
    }
}

/// Multiply-adds of a line for the whole batch: each number of its output is a sum of so many products. Counted here in
/// 64 bits, because the engine counts in words of the machine, which are too short for VGG16 in a browser; the tests
/// hold both equal.
fn multiply_adds(line: &Line, output: &[usize]) -> u64 {
    let numbers: u64 = output.iter().map(|&size| size as u64).product();
    match *line {
        Line::Conv { inputs, kernel, .. } => numbers * u64::from(inputs * kernel * kernel),
        Line::Linear { inputs, .. } => numbers * u64::from(inputs),
        _ => 0,
    }
}

/// The numbers of a line that do not fit what it reads; `None` where they do.
fn misfit(line: &Line, input: &[usize], batch: usize) -> Option<Misfit> {
    let count: usize = input.iter().product();
    match *line {
        Line::Linear { inputs, outputs } => {
            let last = *input.last()?;
            let misfit = Misfit::Product {
                left: [count / last, last],
                right: [inputs as usize, outputs as usize],
            };
            (last != inputs as usize).then_some(misfit)
        }
        Line::View { features } => {
            let features = features as usize;
            let misfit = Misfit::View {
                numbers: count,
                features,
            };
            (!count.is_multiple_of(features)).then_some(misfit)
        }
        Line::Loss => (input[0] != batch).then_some(Misfit::Labels {
            rows: input[0],
            labels: batch,
        }),
        Line::Conv { inputs, .. } => {
            let actual = *input.get(1)?;
            let expected = inputs as usize;
            (actual != expected).then_some(Misfit::Channels { actual, expected })
        }
        Line::Relu | Line::MaxPool | Line::Flatten => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{BatchSource, Model, summarize};
    use crate::models;
    use crate::optim::{OptimizerKind, Options};

    fn total(walk: &Walk, of: impl Fn(&Row) -> u64) -> u64 {
        walk.rows.iter().map(of).sum()
    }

    #[test]
    fn right_networks_agree_with_the_models_that_train() {
        let cases = [
            (NetworkId::Lenet, "lenet5-mnist", 61_706, 416_520),
            (NetworkId::Vgg16, "vgg16-cifar10", 14_719_818, 313_201_664),
            (NetworkId::Vgg16Thin, "vgg16-thin", 231_218, 5_087_872),
        ];
        for (network, preset, parameters, multiply_adds) in cases {
            let walk = walk(network, 64).unwrap();
            assert_eq!(walk.failure, None);
            assert_eq!(walk.rows.len(), walk.lines.len());
            assert_eq!(total(&walk, |row| row.parameters), parameters, "{preset}");
            let work = total(&walk, |row| row.multiply_adds);
            let preset = models::find(preset).expect("a preset");
            let source = BatchSource::Images {
                samples: 64,
                shape: network.sample().map(|size| size as usize),
                mean: vec![0.0; network.sample()[0] as usize],
                standard_deviation: vec![1.0; network.sample()[0] as usize],
                order_length: 64,
                margin: None,
            };
            let update = OptimizerKind::Sgd.update(0.0, &Options::NONE);
            let model = Model::build(&(preset.spec)(), &source, 64, update).unwrap();
            let rows = summarize(&model);
            assert_eq!(rows.len() + 1, walk.rows.len());
            for (expected, row) in rows.iter().zip(&walk.rows) {
                assert_eq!(row.output[0], 64);
                assert_eq!(row.output[1..], expected.output_shape, "{}", expected.name);
                assert_eq!(row.parameters, expected.parameters);
                if row.multiply_adds > 0 {
                    assert_eq!(2 * row.multiply_adds, expected.flops, "{}", expected.name);
                }
            }
            assert_eq!(work, multiply_adds, "{}", preset.id);
        }
    }

    #[test]
    fn receptive_fields_are_those_of_vgg16() {
        let walk = walk(NetworkId::Vgg16, 1).unwrap();
        let fields: Vec<u32> = walk
            .rows
            .iter()
            .filter(|row| matches!(row.line, Line::Conv { .. } | Line::MaxPool))
            .map(|row| row.receptive_field.expect("of a picture"))
            .collect();
        // The usual table of VGG16's receptive fields; pool5 sees 212 pixels.
        let expected = [
            3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212,
        ];
        assert_eq!(fields, expected);
        let last = walk.rows.last().unwrap();
        assert_eq!(last.receptive_field, None);
    }

    #[test]
    fn the_printed_vgg_fails_at_its_first_dense_layer_with_the_numbers_of_pytorch() {
        let walk = walk(NetworkId::PrintedVgg, 64).unwrap();
        let failure = walk.failure.expect("it fails");
        assert_eq!(failure.line, 3);
        assert_eq!(failure.input, [64, 64, 16, 16]);
        // PyTorch 1.13: "mat1 and mat2 shapes cannot be multiplied (65536x16 and 4096x10)".
        let expected = Misfit::Product {
            left: [65_536, 16],
            right: [4096, 10],
        };
        assert_eq!(failure.misfit, expected);
        assert!(
            failure.message.contains("(10, 4096)"),
            "{}",
            failure.message
        );
        assert_eq!(walk.rows.len(), 3);
        // Without it the second one is wrong too.
        let next = walk.next_failure.expect("it fails again");
        assert_eq!(next.line, 5);
        let expected = Misfit::Product {
            left: [64, 16_384],
            right: [4096, 10],
        };
        assert_eq!(next.misfit, expected);
    }

    #[test]
    fn a_view_of_400_mixes_samples_of_256_features() {
        let fails = walk(NetworkId::Lenet28, 64).unwrap();
        let failure = fails.failure.expect("it fails");
        assert_eq!(failure.line, 6);
        let expected = Misfit::View {
            numbers: 64 * 256,
            features: 400,
        };
        assert_eq!(failure.misfit, expected);
        assert!(failure.message.contains("16384"), "{}", failure.message);
        // 25 samples go through, as 16 rows, and the loss finds out.
        let mixes = walk(NetworkId::Lenet28, 25).unwrap();
        let row = &mixes.rows[6];
        assert_eq!(
            (row.mixed, &row.output[..]),
            (Some([25, 16]), &[16, 400][..])
        );
        let failure = mixes.failure.expect("the loss refuses");
        assert_eq!(failure.line, 12);
        let expected = Misfit::Labels {
            rows: 16,
            labels: 25,
        };
        assert_eq!(failure.misfit, expected);
    }

    #[test]
    fn batches_that_cannot_be_are_refused() {
        for batch in [0, MAX_BATCH + 1] {
            let error = walk(NetworkId::Lenet, batch).unwrap_err().to_string();
            assert!(error.contains("expected a whole number"), "{error}");
        }
        assert!(walk(NetworkId::Vgg16, MAX_BATCH).is_ok());
    }
}
