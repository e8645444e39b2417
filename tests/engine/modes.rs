//! Training and inference: a network with batch normalization and dropout, driven through the session on
//! both executors, through the microscope, and checked node by node.

use crate::training::mnist;
use glassbox::data::{DataSource, SampleSet};
use glassbox::exec::gpu::GpuDevice;
use glassbox::export::Checkpoint;
use glassbox::layers::{
    BatchNorm, Conv2d, Dropout, Flatten, Layer, LayerNorm, Linear, MaxPool2d, ModelSpec, Relu,
};
use glassbox::models::{self, Preset};
use glassbox::session::{
    Command, DevicePreference, Event, Inspection, InspectionReport, RunConfig, Session, StepRecord,
    StepUnit,
};
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;

const RUN: u32 = 3;
const BOTH: [DevicePreference; 2] = [DevicePreference::Cpu, DevicePreference::Gpu];

fn spec() -> ModelSpec {
    let layers = vec![
        Layer::new("conv1", Conv2d::new(4, 3).with_stride(2)),
        Layer::new("bn1", BatchNorm::default()),
        Layer::new("relu1", Relu {}),
        Layer::new("pool1", MaxPool2d::new(2)),
        Layer::new("flatten", Flatten {}),
        Layer::new("fc1", Linear { out_features: 12 }),
        Layer::new("bn2", BatchNorm::default()),
        Layer::new("relu2", Relu {}),
        Layer::new("ln2", LayerNorm::default()),
        Layer::new("dropout", Dropout { rate: 0.4 }),
        Layer::new("fc2", Linear { out_features: 10 }),
    ];
    ModelSpec {
        layers,
        ..(models::find("lenet5-mnist").unwrap().spec)()
    }
}

fn preset() -> &'static Preset {
    Box::leak(Box::new(Preset {
        id: "modes",
        spec,
        ..*models::find("lenet5-mnist").unwrap()
    }))
}

struct Engine {
    session: Session,
    events: Rc<RefCell<Vec<Event>>>,
}

impl Engine {
    /// 50 training digits in batches of 16: the last batch of an epoch has 2.
    fn new(device: DevicePreference, seed: u64) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        session.provide_dataset(DataSource::Mnist, mnist().subset(5, 2));
        let config = RunConfig {
            preset: "modes".into(),
            device,
            seed,
            batch: Some(16),
            ..RunConfig::default()
        };
        block_on(session.start_preset(RUN, preset(), &config)).unwrap();
        let mut engine = Self { session, events };
        engine.run(Command::SetEvaluationInterval { run: RUN, steps: 0 });
        engine
    }

    /// Carries a command out to its end.
    fn run(&mut self, command: Command) -> Vec<Event> {
        self.events.borrow_mut().clear();
        block_on(self.session.handle(command));
        while block_on(self.session.advance(1e4)) {}
        let events = self.events.take();
        for event in &events {
            assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
        }
        events
    }

    fn train(&mut self, count: u32) -> Vec<u32> {
        let events = self.run(Command::StepBatches { run: RUN, count });
        let records = events.into_iter().filter_map(|event| match event {
            Event::Steps { records, .. } => Some(records),
            _ => None,
        });
        let losses: Vec<u32> = records
            .flatten()
            .map(|StepRecord { loss, .. }| loss.to_bits())
            .collect();
        assert_eq!(losses.len(), count as usize);
        losses
    }

    fn save(&mut self) -> Vec<u8> {
        let mut events = self.run(Command::Save { run: RUN }).into_iter();
        let saved = events.find_map(|event| match event {
            Event::Saved { bytes, .. } => Some(bytes),
            _ => None,
        });
        saved.expect("the run is saved")
    }

    /// The held-out loss.
    fn evaluate(&mut self) -> f32 {
        let mut events = self.run(Command::Evaluate { run: RUN }).into_iter();
        let loss = events.find_map(|event| match event {
            Event::Evaluated { evaluation, .. } => Some(evaluation.loss),
            _ => None,
        });
        loss.expect("the run is evaluated")
    }

    fn inspect(&mut self, inspection: Inspection) -> Vec<InspectionReport> {
        let run = RUN;
        let events = self.run(Command::Inspect { run, inspection });
        let reports = events.into_iter().filter_map(|event| match event {
            Event::Inspected { report, .. } => Some(report),
            _ => None,
        });
        reports.collect()
    }

    fn tensor(&mut self, name: &str) -> Vec<f32> {
        let request = Inspection::Tensor {
            request: 1,
            name: name.into(),
            first: 0,
            count: 1 << 20,
        };
        match self.inspect(request).pop() {
            Some(InspectionReport::Tensor {
                values: Some(values),
                ..
            }) => values,
            other => panic!("expected {name}, got {other:?}"),
        }
    }
}

/// All tensors of a saved run, by name: the file's metadata come in any order.
fn tensors(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensors = file.tensors().into_iter();
    let mut tensors: Vec<(String, Vec<u8>)> = tensors
        .map(|(name, tensor)| (name, tensor.data().to_vec()))
        .collect();
    tensors.sort();
    assert!(tensors.len() > 10);
    tensors
}

/// A tensor of a saved run.
fn saved(bytes: &[u8], name: &str) -> Vec<f32> {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensor = file.tensor(name).unwrap_or_else(|_| panic!("no {name}"));
    let (words, rest) = tensor.data().as_chunks::<4>();
    assert!(rest.is_empty());
    words.iter().map(|&word| f32::from_le_bytes(word)).collect()
}

#[test]
fn running_statistics_move_in_training_alone_and_are_saved_by_pytorchs_names() {
    for device in BOTH {
        let mut engine = Engine::new(device, 5);
        let start = engine.save();
        assert_eq!(saved(&start, "bn1.running_mean"), [0.0; 4]);
        assert_eq!(saved(&start, "bn2.running_var"), [1.0; 12]);
        engine.train(5);
        let trained = engine.save();
        for name in [
            "bn1.running_mean",
            "bn1.running_var",
            "bn2.running_mean",
            "bn2.running_var",
        ] {
            let (before, after) = (saved(&start, name), saved(&trained, name));
            assert_ne!(before, after, "{device:?}: {name}");
            assert!(
                after.iter().all(|value| value.is_finite()),
                "{device:?}: {name}"
            );
        }
        for (bytes, batches) in [(&start, 0), (&trained, 5)] {
            let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
            let count = file.tensor("bn2.num_batches_tracked").unwrap();
            assert_eq!(count.dtype(), safetensors::Dtype::I64);
            assert_eq!(count.shape(), [0; 0]);
            assert_eq!(count.data(), i64::from(batches).to_le_bytes());
        }
        let first = engine.evaluate();
        assert_eq!(
            engine.evaluate().to_bits(),
            first.to_bits(),
            "{device:?}: nothing drops out"
        );
        engine.run(Command::Predict {
            run: RUN,
            pixels: mnist().test.image(0).to_vec(),
        });
        assert!(
            tensors(&engine.save()) == tensors(&trained),
            "{device:?}: inference leaves everything"
        );
        // Control: training does not.
        assert!(tensors(&start) != tensors(&trained), "{device:?}");
    }
}

#[test]
fn a_run_goes_on_from_a_file_as_it_went_on_by_itself() {
    for device in BOTH {
        let mut engine = Engine::new(device, 5);
        let first = engine.train(3);
        let bytes = engine.save();
        let on = engine.train(4);
        let end = engine.save();
        engine.run(Command::Load {
            run: RUN,
            bytes: bytes.clone(),
        });
        assert_eq!(engine.train(4), on, "{device:?}");
        assert!(tensors(&engine.save()) == tensors(&end), "{device:?}");
        // From the start again, running statistics and all.
        engine.run(Command::Reset { run: RUN });
        assert_eq!(engine.train(3), first, "{device:?}");
        assert!(tensors(&engine.save()) == tensors(&bytes), "{device:?}");
        // Control: another seed drops other elements.
        assert_ne!(Engine::new(device, 6).train(3), first, "{device:?}");
    }
}

#[test]
fn a_file_without_running_statistics_is_refused() {
    let mut engine = Engine::new(DevicePreference::Cpu, 5);
    let bytes = engine.save();
    let names = [("bn3.running_mean".to_string(), [4].into())];
    let error = Checkpoint::from_bytes(&bytes, "modes", &names, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file has no tensor \"bn3.running_mean\""
    );
}

#[test]
fn stepping_back_and_forth_through_batches_trains_what_training_trains() {
    for device in BOTH {
        let mut engine = Engine::new(device, 5);
        engine.train(1);
        engine.inspect(Inspection::Enter);
        engine.inspect(Inspection::Forward(StepUnit::Phase));
        engine.inspect(Inspection::Forward(StepUnit::Phase));
        let (mask, mean) = (
            engine.tensor("dropout.m"),
            engine.tensor("bn1.running_mean"),
        );
        assert!(mask.contains(&0.0) && mask.iter().any(|&value| value > 1.5));
        engine.inspect(Inspection::Back(StepUnit::Batch));
        let before = engine.tensor("bn1.running_mean");
        assert_ne!(before, mean, "{device:?}: the batch's start is restored");
        engine.inspect(Inspection::Forward(StepUnit::Batch));
        assert_eq!(
            engine.tensor("dropout.m"),
            mask,
            "{device:?}: the same elements drop out"
        );
        assert_eq!(engine.tensor("bn1.running_mean"), mean, "{device:?}");
        engine.inspect(Inspection::Forward(StepUnit::Batch));
        engine.inspect(Inspection::Leave);
        let stepped = engine.save();
        let mut straight = Engine::new(device, 5);
        straight.train(3);
        let straight = straight.save();
        if device == DevicePreference::Cpu {
            assert!(tensors(&stepped) == tensors(&straight));
            continue;
        }
        // The GPU trains with other kernels than it shows. A bias in front of batch
        // normalization has a gradient of rounding alone, which Adam makes whole steps of: it and
        // the running means are left out.
        for name in [
            "bn1.running_var",
            "bn2.running_var",
            "conv1.weight",
            "fc2.bias",
        ] {
            let (actual, expected) = (saved(&stepped, name), saved(&straight, name));
            let close = |(a, e): (&f32, &f32)| (a - e).abs() <= 1e-4 + 1e-4 * e.abs();
            let all = actual.iter().zip(&expected).all(close);
            assert!(all && actual.len() == expected.len(), "{device:?}: {name}");
        }
    }
}

#[test]
fn the_microscope_explains_normalization_dropout_and_running_statistics() {
    let mut engine = Engine::new(DevicePreference::Cpu, 5);
    engine.train(2);
    engine.inspect(Inspection::Enter);
    engine.inspect(Inspection::Forward(StepUnit::Batch));
    for (name, index) in [
        ("bn1.y", vec![1, 2, 3, 4]),
        ("bn1.mean", vec![2]),
        ("bn1.variance", vec![3]),
        ("bn1.running_mean′", vec![1]),
        ("bn2.running_var′", vec![7]),
        ("bn2.variance", vec![5]),
        ("conv1.y.grad", vec![0, 1, 2, 3]),
        ("bn2.weight.grad", vec![4]),
        ("ln2.y", vec![3, 4]),
        ("relu2.y.grad", vec![2, 5]),
        ("dropout.m", vec![2, 3]),
        ("dropout.y", vec![2, 3]),
        ("conv1.weight.grad", vec![1, 0, 2, 2]),
    ] {
        let request = Inspection::Explain {
            request: 2,
            name: name.into(),
            index,
        };
        let Some(InspectionReport::Explained { explanation, .. }) = engine.inspect(request).pop()
        else {
            panic!("{name} is not explained");
        };
        let (stored, total) = (f64::from(explanation.stored), explanation.total);
        // Sums of up to 2,704 values of about 1 in f32; gradients are differences of them.
        assert!(
            (stored - total).abs() <= 2e-5 * (1.0 + total.abs()),
            "{name}: {stored} {total}"
        );
    }
    for name in ["conv1.weight", "bn1.weight", "bn2.bias", "fc1.weight"] {
        let index = match name {
            "conv1.weight" => vec![0, 0, 1, 1],
            "fc1.weight" => vec![2, 40],
            _ => vec![1],
        };
        let request = Inspection::CheckGradient {
            request: 3,
            name: name.into(),
            index,
        };
        let Some(InspectionReport::GradientChecked { check, .. }) = engine.inspect(request).pop()
        else {
            panic!("{name} is not checked");
        };
        let errors = check
            .nudges
            .iter()
            .map(|nudge| (nudge.slope - check.analytic).abs());
        let best = errors.fold(f64::INFINITY, f64::min);
        assert!(
            best <= 1e-7 + 1e-5 * check.analytic.abs(),
            "{name}: {check:?}"
        );
    }
}

#[test]
fn every_node_of_a_network_with_normalization_and_dropout_is_checked() {
    use glassbox::ops::{AdamUpdate, StepValues};
    use glassbox::session::{OptimizerChoice, build_model, given_values, initial_parameters};
    use glassbox::tensor::Values;
    use glassbox::train::check;
    let data: SampleSet = mnist().subset(2, 1).into();
    let preset = preset();
    let optimizer = OptimizerChoice::of(preset);
    let mut model = build_model(preset, Some(&data), 5, optimizer).unwrap();
    model.graph.set_seed(9);
    let mut given = given_values(&model, preset, Some(&data));
    let order: Vec<u32> = (0..5).map(|sample| 3 * sample).collect();
    given.push((model.gathered.unwrap().order, Values::U32(order)));
    let parameters = model.parameters.iter().map(|parameter| parameter.value);
    given.extend(parameters.zip(initial_parameters(preset, &model, 9)));
    let [bias_correction_1, bias_correction_2] = AdamUpdate::default().bias_corrections(1);
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    for valid in [5, 4] {
        let step = StepValues {
            learning_rate: 0.01,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(valid).in_training()
        };
        let mut subject = check::Subject {
            model: &model,
            given: &given,
            step,
            negated: None,
        };
        let report = block_on(check::check(&subject, Some(&device), &mut |_| {})).unwrap();
        assert_eq!(report.mismatch, None, "{valid} samples");
        // Control: each of the new operations, negated, is named.
        for name in [
            "bn1",
            "bn1.backward_input",
            "dropout",
            "ln2.backward_weight",
        ] {
            subject.negated = model.graph.find_node(name);
            assert!(subject.negated.is_some(), "{name}");
            let report = block_on(check::check(&subject, None, &mut |_| {})).unwrap();
            assert_eq!(report.mismatch.map(|m| m.name), Some(name.to_string()));
        }
    }
}

#[test]
fn max_pooling_hands_nan_on() {
    use crate::support::{Case, numbers};
    use glassbox::exec::gpu::GpuExecutor;
    use glassbox::exec::{Mode, Plan};
    use glassbox::ops::{MaxPool2d, Op};
    use glassbox::tensor::Tensor;
    use std::sync::Arc;
    let nan = f32::NAN;
    let x = vec![
        1.0, nan, 3.0, 2.0, 5.0, 4.0, -1.0, nan, nan, nan, -1.0, -2.0, 0.0, 9.0, -4.0, -3.0,
    ];
    let op = Op::MaxPool2d(MaxPool2d::new(2, 2));
    let case = Case::new(
        "with NaN",
        op,
        vec![Tensor::f32([1, 1, 4, 4], x.clone()).unwrap()],
    );
    // PyTorch 1.13: NaN wins, and the last of several.
    let expected = ([true, true, true, false], [1.0, 3.0, 1.0, 0.0]);
    let check = |y: &[f64], a: &[f64]| {
        let is_nan: Vec<bool> = y.iter().map(|value| value.is_nan()).collect();
        assert_eq!((&is_nan[..], a), (&expected.0[..], &expected.1[..]));
        assert_eq!(y[3], -1.0);
    };
    let run = case.run::<f32>();
    check(&numbers(&run.outputs[0]), &numbers(&run.outputs[1]));
    let single = case.single();
    let plan = Arc::new(Plan::new(single.graph(), Mode::Train, single.outputs()));
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    let graph = Arc::clone(single.graph());
    let mut silent = |_, _| {};
    let gpu = GpuExecutor::new(&device, graph, Arc::clone(&plan), None, &mut silent);
    let mut gpu = block_on(gpu).unwrap();
    gpu.write(single.inputs()[0], case.inputs[0].values());
    gpu.submit(0..plan.groups.len(), &[case.step]);
    let read = block_on(gpu.read_many(single.outputs())).unwrap();
    let all = |at: usize| -> Vec<f64> {
        (0..4)
            .map(|place| read[at].number(place).unwrap())
            .collect()
    };
    check(&all(0), &all(1));
}
