//! Plans: memory is never shared by values that are both needed, and neither the mode nor padding
//! behind a partial batch changes a result.

use std::collections::BTreeMap;
use std::sync::Arc;

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::plan::Place;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Graph, NodeId, Phase, Source, ValueId};
use glassbox::ops::{
    AdamUpdate, Flatten, MomentumUpdate, Op, Role, SgdUpdate, SoftmaxCrossEntropy, StepValues,
};
use glassbox::tensor::{ElementType, Real, Values};

use crate::small_models::{Model, lenet, mlp};
use crate::support::{Tolerance, assert_close, assert_not_close};

fn updates() -> [(&'static str, Op); 3] {
    [
        ("sgd", Op::SgdUpdate(SgdUpdate::default())),
        (
            "momentum",
            Op::MomentumUpdate(MomentumUpdate {
                momentum: 0.9,
                ..MomentumUpdate::default()
            }),
        ),
        ("adam", Op::AdamUpdate(AdamUpdate::default())),
    ]
}

/// Follows which value's numbers every element of memory holds while the nodes run in `order`
/// (several times over), and says where one would read or keep another value's numbers.
///
/// Written from the meaning of a plan, not from how it is made: `place` says where a value lies.
pub fn memory_problem(
    graph: &Graph,
    order: &[NodeId],
    place: &dyn Fn(ValueId) -> Option<Place>,
    keep: &[ValueId],
) -> Option<String> {
    // (slot, element) -> the value whose numbers lie there, by the value that owns the memory.
    let mut memory: BTreeMap<(usize, usize), ValueId> = BTreeMap::new();
    let cells = |id: ValueId| {
        let count = graph.value(id).shape.count();
        place(id).map(|place| (place.offset..place.offset + count).map(move |at| (place.slot, at)))
    };
    let name = |id: ValueId| graph.value(id).name.clone();
    let overlap = |one: ValueId, other: ValueId| match (place(one), place(other)) {
        (Some(a), Some(b)) => {
            let (a_end, b_end) = (
                a.offset + graph.value(one).shape.count(),
                b.offset + graph.value(other).shape.count(),
            );
            a.slot == b.slot && a.offset < b_end && b.offset < a_end
        }
        _ => false,
    };
    for id in graph.value_ids() {
        let value = graph.value(id);
        let lasting = !matches!(value.source, Source::Node { .. });
        if lasting && value.view.is_none() {
            for cell in cells(id).into_iter().flatten() {
                if let Some(other) = memory.insert(cell, id) {
                    return Some(format!("{} lies on {}", name(id), name(other)));
                }
            }
        }
    }
    let holds = |memory: &BTreeMap<_, _>, id: ValueId| {
        let owner = graph.storage(id).0;
        let Some(mut cells) = cells(id) else {
            return Err(format!("{} has no place", name(id)));
        };
        match cells.find_map(|cell| match memory.get(&cell) {
            Some(&there) if there == owner => None,
            there => Some(there.copied()),
        }) {
            None => Ok(()),
            Some(there) => Err(format!("{} holds {:?}", name(id), there.map(name))),
        }
    };
    for round in 0..2 {
        for &node in order {
            let node = graph.node(node);
            for &input in &node.inputs {
                if let Err(problem) = holds(&memory, input) {
                    return Some(format!("round {round}: {} reads: {problem}", node.name));
                }
            }
            let declared = node.op.outputs();
            for (number, &output) in node.outputs.iter().enumerate() {
                let alias = matches!(declared[number].role, Role::Alias(_));
                let owner = graph.storage(output).0;
                // In place only where the operation says so.
                let overwritten = node
                    .inputs
                    .iter()
                    .find(|&&input| !alias && overlap(input, output));
                if let Some(&input) = overwritten {
                    return Some(format!(
                        "{} writes over its input {}",
                        node.name,
                        name(input)
                    ));
                }
                for cell in cells(output).into_iter().flatten() {
                    memory.insert(cell, owner);
                }
            }
            // Outputs of one node must not lie on each other.
            for &output in &node.outputs {
                if let Err(problem) = holds(&memory, output) {
                    return Some(format!("{} writes: {problem}", node.name));
                }
            }
        }
        for &kept in keep {
            if let Err(problem) = holds(&memory, kept) {
                return Some(format!("after the step: {problem}"));
            }
        }
    }
    None
}

pub fn order(plan: &Plan) -> Vec<NodeId> {
    plan.groups
        .iter()
        .flat_map(|group| group.nodes.iter().copied())
        .collect()
}

type MakeModel = fn(usize) -> Model;

/// Models by name, to be made with a batch's capacity.
fn models() -> [(&'static str, MakeModel); 2] {
    [("mlp", mlp), ("lenet", lenet)]
}

#[test]
fn values_that_are_both_needed_never_share_memory() {
    for (name, model) in models() {
        for (update_name, update) in updates() {
            let model = model(3).differentiated(Some(update));
            let graph = &model.graph;
            // The first activation is dead long before the step ends, unless it is kept.
            let first = graph.nodes()[1].outputs[0];
            let results = [model.loss, model.correct];
            for (mode, keep) in [
                (Mode::Train, results),
                (Mode::Train, [model.loss, first]),
                (Mode::Inspect, results),
            ] {
                let what = format!("{name} with {update_name}, {mode:?}");
                let plan = Plan::new(graph, mode, &keep);
                let problem =
                    memory_problem(graph, &order(&plan), &|id| plan.find_place(id), &keep);
                assert_eq!(problem, None, "{what}");
                for id in graph.value_ids() {
                    let (Some(place), value) = (plan.find_place(id), graph.value(id)) else {
                        continue;
                    };
                    let slot = plan.slots[place.slot];
                    assert_eq!(slot.element, value.element, "{what}: {}", value.name);
                    assert!(
                        place.offset + value.shape.count() <= slot.length,
                        "{what}: {}",
                        value.name
                    );
                }
            }
        }
    }
}

#[test]
fn the_check_of_memory_notices_values_that_do_share_it() {
    let model = lenet(3).differentiated(Some(Op::SgdUpdate(SgdUpdate::default())));
    let graph = &model.graph;
    let keep = [model.loss, model.correct];
    let plan = Plan::new(graph, Mode::Train, &keep);
    let order = order(&plan);
    let find = |name: &str| {
        graph
            .find_value(name)
            .unwrap_or_else(|| panic!("no value {name}"))
    };
    // The pair is alive together: relu1.y is read again by the backward pass.
    let (early, late) = (find("relu1.y"), find("conv2.y"));
    let shared = |id: ValueId| plan.find_place(if id == late { early } else { id });
    assert!(memory_problem(graph, &order, &shared, &keep).is_some());
    // A value that the plan does not keep is overwritten before the step ends.
    let kept = [model.loss, model.correct, find("conv1.y")];
    assert!(memory_problem(graph, &order, &|id| plan.find_place(id), &kept).is_some());
    // An order in which a node reads what is not yet there.
    let reversed: Vec<NodeId> = order.iter().rev().copied().collect();
    assert!(memory_problem(graph, &reversed, &|id| plan.find_place(id), &keep).is_some());
}

#[test]
fn training_shares_memory_and_inspecting_keeps_every_value() {
    for (name, model) in models() {
        let model = model(8).differentiated(Some(Op::SgdUpdate(SgdUpdate::default())));
        let keep = [model.loss, model.correct];
        let train = Plan::new(&model.graph, Mode::Train, &keep);
        let inspect = Plan::new(&model.graph, Mode::Inspect, &keep);
        assert!(
            train.slots.len() < inspect.slots.len(),
            "{name}: nothing is shared"
        );
        // Workspaces aside: kernels of their own mode have them.
        let elements = |plan: &Plan| plan.slots.iter().map(|slot| slot.length).sum::<usize>();
        assert!(elements(&train) < elements(&inspect), "{name}");
        let mut slots: Vec<usize> = model
            .graph
            .value_ids()
            .filter(|&id| model.graph.value(id).view.is_none())
            .filter_map(|id| inspect.find_place(id))
            .map(|place| place.slot)
            .collect();
        let count = slots.len();
        slots.sort_unstable();
        slots.dedup();
        assert_eq!(slots.len(), count, "{name}: inspecting shares a slot");
        assert!(inspect.slots.iter().all(|slot| slot.persistent), "{name}");
    }
}

/// A model's executor with parameters written.
fn executor<T: Real>(model: &Model, mode: Mode) -> CpuExecutor<T> {
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, mode, &[model.loss, model.correct]));
    let mut executor = CpuExecutor::new(graph, plan);
    for (id, values) in model.initial(3) {
        executor.write(id, &values);
    }
    executor
}

fn write_batch<T: Real>(executor: &mut CpuExecutor<T>, model: &Model, x: Vec<f32>, t: Vec<u32>) {
    executor.write(model.x, &Values::F32(x));
    executor.write(model.t, &Values::U32(t));
}

fn step(number: u32, valid: u32) -> StepValues {
    let [bias_correction_1, bias_correction_2] =
        AdamUpdate::default().bias_corrections(u64::from(number) + 1);
    StepValues {
        step: number,
        learning_rate: 0.05,
        bias_correction_1,
        bias_correction_2,
        ..StepValues::forward(valid)
    }
}

/// Losses of some steps, and the parameters after them.
fn train(model: &Model, mode: Mode, steps: u32) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut executor = executor::<f32>(model, mode);
    let mut losses = Vec::new();
    for number in 0..steps {
        let (x, t) = model.batch(u64::from(number % 2) + 40);
        let capacity = t.len() as u32;
        write_batch(&mut executor, model, x, t);
        let all = executor.plan().phases(Phase::Data, Phase::Update);
        executor.run(all, &step(number, capacity));
        losses.push(executor.reals(model.loss)[0]);
    }
    let parameters = model.graph.parameters();
    let values = parameters
        .iter()
        .map(|&id| executor.reals(id).to_vec())
        .collect();
    (losses, values)
}

#[test]
fn both_modes_train_to_the_same_bits() {
    for (name, model) in models() {
        for (update_name, update) in updates() {
            let model = model(5).differentiated(Some(update));
            let what = format!("{name} with {update_name}");
            let (losses, parameters) = train(&model, Mode::Train, 6);
            assert_eq!(
                (&losses, &parameters),
                (
                    &train(&model, Mode::Inspect, 6).0,
                    &train(&model, Mode::Inspect, 6).1
                ),
                "{what}"
            );
            assert!(
                losses.iter().all(|loss| loss.is_finite()),
                "{what}: {losses:?}"
            );
            // The same batch again: it has been learned from.
            assert!(losses[4] < losses[0], "{what}: {losses:?}");
            // Control: another number of steps gives other parameters.
            assert_ne!(parameters, train(&model, Mode::Train, 5).1, "{what}");
        }
    }
}

/// Loss, count of right answers and all gradients of one batch.
fn gradients(model: &Model, mode: Mode, x: Vec<f32>, t: Vec<u32>, valid: u32) -> Vec<Vec<f64>> {
    let mut executor = executor::<f64>(model, mode);
    write_batch(&mut executor, model, x, t);
    let all = executor.plan().phases(Phase::Data, Phase::Backward);
    executor.run(all, &step(0, valid));
    let mut results = vec![
        executor.reals(model.loss).to_vec(),
        executor.reals(model.correct).to_vec(),
    ];
    for id in model.graph.parameters() {
        let gradient = model.graph.value(id).gradient.unwrap();
        results.push(executor.reals(gradient).to_vec());
    }
    results
}

#[test]
fn a_partial_batch_gives_exactly_what_a_smaller_batch_gives() {
    // More rows than a chunk of the convolution's twin (8), so whole chunks are padding.
    const CAPACITY: usize = 19;
    for (name, model) in models() {
        let update = || Some(Op::SgdUpdate(SgdUpdate::default()));
        let whole = model(CAPACITY).differentiated(update());
        let (x, t) = whole.batch(50);
        let sample = x.len() / CAPACITY;
        for valid in [1, 3, 18] {
            let small = model(valid).differentiated(update());
            let expected = gradients(
                &small,
                Mode::Train,
                x[..valid * sample].to_vec(),
                t[..valid].to_vec(),
                valid as u32,
            );
            // The rows behind hold another batch's samples.
            let actual = gradients(&whole, Mode::Train, x.clone(), t.clone(), valid as u32);
            assert!(expected.iter().flatten().all(|value| value.is_finite()));
            assert_eq!(actual, expected, "{name}: {valid} of {CAPACITY}");
            // Control: with one sample more it is another batch.
            let more = gradients(&whole, Mode::Train, x.clone(), t.clone(), valid as u32 + 1);
            assert_ne!(more, expected, "{name}");
        }
    }
}

#[test]
fn every_gradient_takes_the_shape_of_its_value() {
    for (_, model) in models() {
        let model = model(2).differentiated(None);
        let mut compared = 0;
        for id in model.graph.value_ids() {
            let value = model.graph.value(id);
            if let Some(gradient) = value.gradient {
                let gradient = model.graph.value(gradient);
                assert_eq!(
                    (&gradient.shape, gradient.element),
                    (&value.shape, ElementType::F32),
                    "{}",
                    value.name
                );
                compared += 1;
            }
        }
        assert!(compared > model.graph.parameters().len());
    }
}

#[test]
fn a_parameter_that_is_only_reshaped_learns() {
    let mut graph = Graph::default();
    let t = graph.input("t", [2].into(), ElementType::U32);
    let z = graph.parameter("z", [2, 1, 3].into());
    let rows = graph
        .apply(Op::Flatten(Flatten {}), "flatten", &[z])
        .unwrap()[0];
    let loss = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
    let loss = graph
        .apply_in(Phase::Loss, None, loss, "loss".into(), &[rows, t])
        .unwrap()[0];
    graph.differentiate(loss, &[z]).unwrap();
    graph
        .append_update(Op::SgdUpdate(SgdUpdate::default()))
        .unwrap();
    let gradient = graph.value(z).gradient.unwrap();
    assert_eq!(graph.value(gradient).name, "z.grad");
    for mode in [Mode::Train, Mode::Inspect] {
        let graph = Arc::new(graph.clone());
        let plan = Arc::new(Plan::new(&graph, mode, &[loss]));
        assert_eq!(
            memory_problem(&graph, &order(&plan), &|id| plan.find_place(id), &[loss]),
            None
        );
        let mut executor = CpuExecutor::<f64>::new(graph, plan);
        executor.write(z, &Values::F32(vec![0.0; 6]));
        executor.write(t, &Values::U32(vec![0, 2]));
        let all = executor.plan().phases(Phase::Data, Phase::Update);
        executor.run(
            all,
            &StepValues {
                learning_rate: 1.0,
                ..StepValues::forward(2)
            },
        );
        // Each logit moves by (1[k = t] − 1/3) / 2.
        let sixth = 1.0 / 6.0;
        let expected = [2.0 * sixth, -sixth, -sixth, -sixth, -sixth, 2.0 * sixth];
        let tolerance = Tolerance {
            absolute: 1e-15,
            relative: 1e-15,
        };
        assert_close("z", executor.reals(z), &expected, tolerance);
        assert_not_close("z", &[0.0; 6], &expected, tolerance);
    }
}
