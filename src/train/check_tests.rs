//! That the check sees what it is there for, also where gradients are small.

use super::*;

fn compare(analytic: f64, f: impl Fn(f64) -> f64) -> Slope {
    compare_slope(analytic, analytic.abs(), GRADIENT_TOLERANCE, |step| {
        (f(step) - f(0.0), f(0.0) - f(-step))
    })
}

#[test]
fn a_slope_is_compared_with_both_sides_of_a_kink() {
    let relu = |x: f64| x.max(0.0);
    assert!(matches!(compare(0.0, relu), Slope::Kink));
    assert!(matches!(compare(1.0, relu), Slope::Kink));
    // No slope of either side, nor between them.
    assert!(matches!(compare(-1.0, relu), Slope::Mismatch { .. }));
    assert!(matches!(compare(1.1, relu), Slope::Mismatch { .. }));
    // A kink beside the point is stepped over.
    let beside = |x: f64| (x + 2e-6).max(0.0);
    assert!(matches!(compare(1.0, beside), Slope::Match { .. }));
    assert!(matches!(compare(0.0, beside), Slope::Mismatch { .. }));
}

#[test]
fn smooth_slopes_match_or_do_not() {
    let square = |x: f64| (x + 3.0) * (x + 3.0);
    assert!(matches!(compare(6.0, square), Slope::Match { .. }));
    assert!(matches!(compare(6.001, square), Slope::Mismatch { .. }));
    assert!(matches!(compare(-6.0, square), Slope::Mismatch { .. }));
    assert!(matches!(compare(f64::NAN, square), Slope::Mismatch { .. }));
    assert!(matches!(compare(6.0, |_| f64::NAN), Slope::Mismatch { .. }));
}

/// Two layers of sigmoids, the last of which hardly reads the first ones: gradients of very different sizes.
fn faint(scale: f32) -> (crate::layers::Model, Vec<(ValueId, Values)>) {
    use crate::layers::{BatchSource, Layer, Linear, Loss, ModelSpec, Sigmoid, Tanh};
    use crate::ops::{MeanSquaredError, SgdUpdate};
    use crate::tensor::init::{generator, uniform};
    let layers = vec![
        Layer::new("fc1", Linear { out_features: 4 }),
        Layer::new("tanh1", Tanh {}),
        Layer::new("fc2", Linear { out_features: 5 }),
        Layer::new("sigmoid2", Sigmoid {}),
        Layer::new("fc3", Linear { out_features: 6 }),
    ];
    let spec = ModelSpec {
        layers,
        loss: Loss::MeanSquaredError(MeanSquaredError::default()),
    };
    let source = BatchSource::Features {
        features: 3,
        targets: 6,
    };
    let update = crate::ops::Op::SgdUpdate(SgdUpdate::default());
    let model = crate::layers::Model::build(&spec, &source, 4, update).expect("a model");
    let mut given = Vec::new();
    for (stream, parameter) in (0..).zip(&model.parameters) {
        let value = model.graph.value(parameter.value);
        let bound = if value.name == "fc2.weight" {
            scale
        } else {
            0.8
        };
        let drawn = uniform(&mut generator(3, stream), bound, value.shape.count());
        given.push((parameter.value, Values::F32(drawn)));
    }
    for (stream, value) in [(10, model.input), (11, model.target)] {
        let count = model.graph.value(value).shape.count();
        let drawn = uniform(&mut generator(3, stream), 1.0, count);
        given.push((value, Values::F32(drawn)));
    }
    (model, given)
}

/// Whether every node and parameter passes, with one node's outputs multiplied by a factor.
fn passes<'a>(subject: &Subject<'a>, altered: Option<(NodeId, f64)>) -> (bool, Bench<'a>, String) {
    let mut bench = Bench::new(subject);
    bench.altered = altered;
    let mut ignore = |_: &NodeReport| {};
    let mut report = Collector {
        report: CheckReport::default(),
        on_node: &mut ignore,
    };
    let passed = bench.check_nodes(&mut report) && bench.check_parameters(&mut report);
    let named = report.report.mismatch.map(|m| m.name).unwrap_or_default();
    (passed, bench, named)
}

#[test]
fn wrong_factors_and_signs_of_small_gradients_are_noticed_and_named() {
    let (model, given) = faint(1e-5);
    let subject = Subject {
        model: &model,
        given: &given,
        step: StepValues::forward(4).in_training(),
        negated: None,
    };
    let (passed, bench, _) = passes(&subject, None);
    assert!(passed, "the gradients themselves are right");
    let gradient = |name: &str| {
        let value = model.graph.find_value(name).expect("a parameter");
        let gradient = model.graph.value(value).gradient.expect("a gradient");
        largest_magnitude(bench.executor.reals(gradient))
    };
    // The premise: they are small beside the others.
    let part = gradient("fc1.weight") / bench.largest_gradient();
    assert!(part > 0.0 && part < 1e-4, "{part:e}");
    let backward = model.graph.node_ids().filter(|&id| {
        let node = model.graph.node(id);
        node.phase == Phase::Backward && node.partner.is_some()
    });
    let mut altered = 0;
    for node in backward {
        for factor in [-1.0, 0.0, 0.5, 0.99, 2.0] {
            let (passed, _, named) = passes(&subject, Some((node, factor)));
            let name = &model.graph.node(node).name;
            assert!(!passed, "{name} times {factor} is not noticed");
            assert_eq!(&named, name, "times {factor}");
            altered += 1;
        }
    }
    assert!(altered > 30, "{altered}");
}
