//! The picture of the element that is looked at, one component for each family of operations.

mod activation;
mod convolution;
mod heat_map;
mod pooling;
mod products;
mod softmax;
mod update;

use std::sync::Arc;

use leptos::prelude::*;

use self::activation::ActivationView;
use self::convolution::{SampleGradientView, WindowView};
pub use self::heat_map::{HeatMap, PictureMap};
use self::pooling::PoolingView;
use self::products::ProductsView;
use self::softmax::{SoftmaxBackwardView, SoftmaxView};
use self::update::UpdateView;
use super::scope::{Microscope, use_microscope};
use crate::session::{ExplanationFacts, NodeFacts};
use crate::view::microscope::detail::convolution::{Window, windows};
use crate::view::microscope::detail::products::products;
use crate::view::microscope::detail::{Kind, kind};
use crate::view::microscope::model::{Element, GraphModel};

/// What a picture is made for: a node, and an element of its result.
#[derive(Clone, PartialEq)]
pub struct Subject {
    pub graph: Arc<GraphModel>,
    pub node: NodeFacts,
    pub element: Element,
}

/// Numbers of what was read, for the pictures.
fn numbers(scope: Microscope) -> impl Fn(&str, &[u32]) -> Option<f64> {
    move |tensor, index| {
        let element = Element {
            tensor: tensor.to_string(),
            index: index.to_vec(),
        };
        scope.value_of(&element).map(f64::from)
    }
}

/// The sample that an element belongs to; the one that is shown where it has none.
fn sample_of(scope: Microscope, subject: &Subject) -> u32 {
    let is_batched = subject.graph.is_batched(&subject.element.tensor);
    let own = subject.element.index.first().filter(|_| is_batched);
    own.copied().unwrap_or_else(|| scope.sample.get())
}

/// The picture of the element that is looked at; nothing for operations without one.
#[component]
pub fn Detail(
    /// Why the element has its value.
    facts: Arc<ExplanationFacts>,
) -> impl IntoView {
    let scope = use_microscope();
    let graph = scope.graph.get_untracked();
    graph.and_then(|graph| picture(graph, facts))
}

fn picture(graph: Arc<GraphModel>, facts: Arc<ExplanationFacts>) -> Option<AnyView> {
    let tensor = graph.tensor(&facts.tensor)?;
    // A parameter's value comes from the update, others' from the node that computes them.
    let last = graph.facts.nodes.len().checked_sub(1)?;
    let number = tensor.node.map_or(last, |node| node as usize);
    let node = graph.node(number)?.clone();
    let subject = Subject {
        graph: Arc::clone(&graph),
        element: Element {
            tensor: facts.tensor.clone(),
            index: facts.index.clone(),
        },
        node,
    };
    if let Some(curve) = facts.curve.clone() {
        return Some(view! { <ActivationView subject curve/> }.into_any());
    }
    let kind = kind(&subject.node)?;
    let in_windows = || windows(&facts, |name: &str| Some(graph.tensor(name)?.shape.clone()));
    Some(match kind {
        Kind::Softmax => view! { <SoftmaxView subject/> }.into_any(),
        Kind::SoftmaxBackward => view! { <SoftmaxBackwardView subject/> }.into_any(),
        Kind::Pooling => view! { <PoolingView subject is_backward=false/> }.into_any(),
        Kind::PoolingBackward => view! { <PoolingView subject is_backward=true/> }.into_any(),
        Kind::Convolution => {
            let windows = in_windows()?;
            view! { <WindowView windows is_flipped=false/> }.into_any()
        }
        Kind::ConvolutionBackwardInput => {
            let windows = in_windows()?.into_iter().map(Window::flipped);
            let windows = windows.collect::<Vec<_>>();
            view! { <WindowView windows is_flipped=true/> }.into_any()
        }
        Kind::ConvolutionBackwardWeight => view! { <SampleGradientView subject facts/> }.into_any(),
        Kind::Products => {
            let products = products(&facts)?;
            view! { <ProductsView products/> }.into_any()
        }
        Kind::Update => view! { <UpdateView subject/> }.into_any(),
    })
}
