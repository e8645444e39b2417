//! What a large model takes: VGG16 on images of 32 by 32, at batch 64.

use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Graph, Source, ValueId};
use glassbox::layers::{
    BatchSource, Conv2d, Flatten, Layer, Linear, MaxPool2d, Model, ModelSpec, Relu,
};
use glassbox::models;
use glassbox::ops::{AdamUpdate, Op};
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// Bytes that one buffer may have on any device.
const MAX_BUFFER_BYTES: usize = 128 << 20;

fn vgg16(batch: usize) -> Model {
    let mut layers = Vec::new();
    let blocks = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];
    let mut number = 0;
    for (block, (channels, count)) in blocks.into_iter().enumerate() {
        for _ in 0..count {
            number += 1;
            let conv = Conv2d::new(channels, 3).with_padding(1);
            layers.push(Layer::new(format!("conv{number}"), conv));
            layers.push(Layer::new(format!("relu{number}"), Relu {}));
        }
        layers.push(Layer::new(format!("pool{}", block + 1), MaxPool2d::new(2)));
    }
    layers.push(Layer::new("flatten", Flatten {}));
    layers.push(Layer::new("fc", Linear { out_features: 10 }));
    let spec = ModelSpec {
        layers,
        ..(models::find("lenet5-mnist").unwrap().spec)()
    };
    let source = BatchSource::Images {
        samples: 2_000,
        shape: [3, 32, 32],
        mean: vec![0.5; 3],
        standard_deviation: vec![0.25; 3],
        order_length: 64 * batch,
        margin: None,
    };
    Model::build(&spec, &source, batch, Op::AdamUpdate(AdamUpdate::default())).unwrap()
}

/// First and last group that touch what a node computes, by the owner of the memory.
fn lives(graph: &Graph, plan: &Plan) -> HashMap<ValueId, RangeInclusive<usize>> {
    let mut lives: HashMap<ValueId, RangeInclusive<usize>> = HashMap::new();
    for (number, group) in plan.groups.iter().enumerate() {
        for &node in &group.nodes {
            let node = graph.node(node);
            for &value in node.inputs.iter().chain(&node.outputs) {
                let owner = graph.storage(value).0;
                if matches!(graph.value(owner).source, Source::Node { .. }) {
                    let life = lives.entry(owner).or_insert(number..=number);
                    *life = *life.start()..=number;
                }
            }
        }
    }
    lives
}

#[test]
fn vgg16_takes_little_more_than_what_lives_at_once() {
    let model = vgg16(64);
    assert_eq!(model.parameter_count(), 14_719_818);
    let graph = &model.graph;
    let mut keep = vec![model.loss, model.loss_of_row];
    keep.extend(model.correct);
    keep.extend(model.probabilities);
    let plan = Plan::new(graph, Mode::Train, &keep);
    let bytes = |value: ValueId| {
        let value = graph.value(value);
        value.shape.count() * value.element.bytes()
    };
    let lives = lives(graph, &plan);
    let live_at = |group| -> usize {
        let living = lives.iter().filter(|(_, life)| life.contains(&group));
        living.map(|(&value, _)| bytes(value)).sum()
    };
    let live = (0..plan.groups.len()).map(live_at).max().unwrap();
    let given: usize = graph
        .value_ids()
        .filter(|&id| graph.value(id).view.is_none())
        .filter(|&id| !matches!(graph.value(id).source, Source::Node { .. }))
        .map(bytes)
        .sum();
    let ratio = plan.bytes() as f64 / (live + given) as f64;
    println!(
        "VGG16, batch 64: {} bytes, {live} live, {given} given: {ratio:.3}",
        plan.bytes()
    );
    assert!(ratio <= 1.3, "{ratio}");
    assert_eq!(plan.needed_bytes(graph), (live + given) as u64);
    assert!(
        ratio >= 1.0,
        "{ratio}: the plan cannot take less than what lives at once"
    );
}

#[test]
fn no_buffer_of_vgg16_is_beyond_the_base_limit() {
    let model = vgg16(64);
    for mode in [Mode::Train, Mode::Inspect] {
        let plan = Plan::new(&model.graph, mode, &[]);
        for slot in &plan.slots {
            assert!(
                slot.length * slot.element.bytes() <= MAX_BUFFER_BYTES,
                "{mode:?}: {slot:?}"
            );
        }
        for &length in &plan.workspaces {
            assert!(
                length * 4 <= MAX_BUFFER_BYTES,
                "{mode:?}: a workspace of {length}"
            );
        }
        for call in plan.groups.iter().flat_map(|group| &group.calls) {
            assert!(
                call.workgroups.iter().all(|&count| count <= 65_535),
                "{}",
                call.shader
            );
        }
    }
}
