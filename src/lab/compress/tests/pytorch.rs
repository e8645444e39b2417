//! The same in PyTorch: `tests/fixtures/compression.py`.

use super::super::trainer::distillation_loss;
use super::*;
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, Phase};
use crate::ops::{Op, SoftmaxCrossEntropy, StepValues};
use crate::tensor::ElementType;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Given {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl Given {
    fn reals(&self) -> Vec<f32> {
        self.data.iter().map(|&value| value as f32).collect()
    }
}

#[derive(Deserialize)]
struct Expected {
    levels: Vec<i8>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct PrunedCase {
    sparsity: f64,
    scope: String,
    #[serde(flatten)]
    masks: BTreeMap<String, Vec<u8>>,
}

#[derive(Deserialize)]
struct QuantizedCase {
    bits: u8,
    per: String,
    #[serde(flatten)]
    expected: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct DistilledCase {
    lambda: f32,
    temperature: f32,
    student: Given,
    teacher: Given,
    labels: Vec<u32>,
    loss: f64,
    gradient: Given,
}

#[derive(Deserialize)]
struct Fixture {
    tensors: BTreeMap<String, Given>,
    pruned: Vec<PrunedCase>,
    quantized: Vec<QuantizedCase>,
    distilled: Vec<DistilledCase>,
}

fn fixture() -> Fixture {
    let text = include_str!("../../../../tests/fixtures/compression.json");
    serde_json::from_str(text).unwrap()
}

fn tensors(fixture: &Fixture) -> Vec<NamedTensor> {
    let given = fixture.tensors.iter();
    given
        .map(|(name, given)| {
            let shape = Shape::new(given.shape.clone()).unwrap();
            named(name, shape, given.reals())
        })
        .collect()
}

#[test]
fn the_same_weights_are_pruned() {
    let fixture = fixture();
    let tensors = tensors(&fixture);
    assert_eq!(fixture.pruned.len(), 6);
    for case in &fixture.pruned {
        let scope = Scope::from_name(&case.scope).unwrap();
        let masks = Masks::new(&tensors, case.sparsity, scope).unwrap();
        let mut compared = 0;
        for (at, tensor) in tensors.iter().enumerate() {
            let Some(expected) = case.masks.get(&tensor.name) else {
                assert!(masks.of(at).is_none(), "{} is a bias", tensor.name);
                continue;
            };
            let actual: Vec<u8> = masks
                .of(at)
                .unwrap()
                .iter()
                .map(|&stays| stays.into())
                .collect();
            assert_eq!(&actual, expected, "{} {}", case.scope, case.sparsity);
            compared += 1;
        }
        assert_eq!(compared, 2);
    }
}

#[test]
fn weights_are_rounded_to_the_same_levels() {
    let fixture = fixture();
    let tensors = tensors(&fixture);
    assert_eq!(fixture.quantized.len(), 10);
    for case in &fixture.quantized {
        for (name, expected) in &case.expected {
            let tensor = tensors.iter().find(|tensor| tensor.name == *name).unwrap();
            let per = Granularity::from_name(&case.per).unwrap();
            let scales = per.scales(tensor.shape.dims()[0]);
            let quantized = Quantized::new(&tensor.values, scales, case.bits).unwrap();
            assert_eq!(
                quantized.levels, expected.levels,
                "{name} {} {}",
                case.bits, case.per
            );
            for (actual, &expected) in quantized.values().iter().zip(&expected.values) {
                // One product of floats, printed with nine digits.
                let bound = 2e-7 * expected.abs();
                assert!(
                    (f64::from(*actual) - expected).abs() <= bound,
                    "{actual} {expected}"
                );
            }
        }
    }
}

/// Loss of the distillation and its gradient by the student's logits, in f64.
fn distil(case: &DistilledCase) -> (f64, Vec<f64>) {
    let mut graph = Graph::default();
    let shape = Shape::new(case.student.shape.clone()).unwrap();
    let student = graph.parameter("student", shape);
    let rows = case.labels.len();
    let target = graph.input("target", [rows].into(), ElementType::U32);
    let op = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
    let shares = (case.lambda, case.temperature);
    let (outputs, teacher) = distillation_loss(&mut graph, op, [student, target], shares).unwrap();
    graph.differentiate(outputs[0], &[student]).unwrap();
    let gradient = graph.value(student).gradient.unwrap();
    let graph = Arc::new(graph);
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut executor = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
    executor.write(student, &Values::F32(case.student.reals()));
    executor.write(teacher, &Values::F32(case.teacher.reals()));
    executor.write(target, &Values::U32(case.labels.clone()));
    let values = StepValues::forward(rows as u32).in_training();
    executor.run(plan.phases(Phase::Data, Phase::Backward), &values);
    (
        executor.reals(outputs[0])[0],
        executor.reals(gradient).to_vec(),
    )
}

#[test]
fn a_student_learns_by_the_same_loss_and_gradient() {
    let fixture = fixture();
    assert_eq!(fixture.distilled.len(), 4);
    for case in &fixture.distilled {
        let (loss, gradient) = distil(case);
        // Nine digits of the fixture; shares and temperatures are exact.
        let close =
            |actual: f64, expected: f64| (actual - expected).abs() <= 2e-9 * (1.0 + expected.abs());
        assert!(close(loss, case.loss), "{loss} {}", case.loss);
        assert_eq!(gradient.len(), case.gradient.data.len());
        for (&actual, &expected) in gradient.iter().zip(&case.gradient.data) {
            assert!(close(actual, expected), "{actual} {expected}");
        }
        // Control: another temperature is another loss, but for the labels alone.
        let other = DistilledCase {
            temperature: case.temperature + 1.0,
            student: Given {
                shape: case.student.shape.clone(),
                data: case.student.data.clone(),
            },
            teacher: Given {
                shape: case.teacher.shape.clone(),
                data: case.teacher.data.clone(),
            },
            labels: case.labels.clone(),
            gradient: Given {
                shape: Vec::new(),
                data: Vec::new(),
            },
            ..*case
        };
        assert_eq!(close(distil(&other).0, case.loss), case.lambda == 0.0);
    }
}
