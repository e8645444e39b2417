//! Small instruments beside the steps of a chapter, a file each. What they show is decided in `view/widgets/`.

mod activations;
mod attention;
mod controls;
mod convolution;
mod embedding;
mod fit;
mod losses;
mod map;
mod metrics;
mod noise;
mod pipeline;
mod pooling;
mod schedules;
mod shapes;
mod temperature;

use std::collections::BTreeMap;

use leptos::prelude::*;

/// The settings a widget starts with: those of the step, anew where another step of the chapter shows it.
pub type Settings = Signal<BTreeMap<String, String>>;

/// The widget of this name; none where there is none.
pub fn widget(name: &str, settings: Settings) -> Option<AnyView> {
    Some(match name {
        "activations" => activations::widget(settings),
        "losses" => losses::widget(settings),
        "temperature" => temperature::widget(settings),
        "schedules" => schedules::widget(settings),
        "metrics" => metrics::widget(settings),
        "noise" => noise::widget(settings),
        "attention" => attention::widget(settings),
        "convolution" => convolution::widget(settings),
        "pooling" => pooling::widget(settings),
        "shapes" => shapes::widget(settings),
        "embedding" => embedding::widget(settings),
        "pipeline" => pipeline::widget(settings),
        "fit" => fit::widget(settings),
        "errors" => super::errors::clinic(settings),
        _ => return None,
    })
}
