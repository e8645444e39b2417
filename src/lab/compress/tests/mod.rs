//! What compression must hold to; figures of whole trainings are in `docs/LAB.md` (`cargo xtask bench --lab`).

mod file;
mod instrument;
mod laws;
mod pytorch;
mod training;

use super::*;
use crate::data::{DataSource, Dataset};
use crate::export::NamedTensor;
use crate::session::{initial_parameters, outline};
use crate::tensor::{Shape, Values};
use std::sync::Arc;

/// The first digits of each class, and held-out ones.
fn digits(train_per_class: usize, test_per_class: usize) -> Arc<Dataset> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/data");
    let all = DataSource::Mnist.load(&[folder]).unwrap();
    Arc::new(all.subset(train_per_class, test_per_class))
}

/// A network's initial weights.
fn initial(network: Network, seed: u64) -> Vec<NamedTensor> {
    let model = outline(network.preset).unwrap().unwrap();
    let values = initial_parameters(network.preset, &model, seed);
    let named = model
        .parameters
        .iter()
        .zip(values)
        .map(|(parameter, values)| {
            let value = model.graph.value(parameter.value);
            let Values::F32(values) = values else {
                panic!("weights are reals")
            };
            named(&value.name, value.shape.clone(), values)
        });
    named.collect()
}

fn named(name: &str, shape: impl Into<Shape>, values: Vec<f32>) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: shape.into(),
        values,
    }
}

fn lenet() -> Network {
    Network::find("lenet5-mnist").unwrap()
}

/// LeNet-5 pruned.
fn pruned(sparsity: f64, scope: Scope) -> Vec<NamedTensor> {
    let mut weights = initial(lenet(), 7);
    Masks::new(&weights, sparsity, scope)
        .unwrap()
        .apply(&mut weights);
    weights
}

fn bits_of(tensors: &[NamedTensor]) -> Vec<u32> {
    let values = tensors.iter().flat_map(|tensor| &tensor.values);
    values.map(|value| value.to_bits()).collect()
}
