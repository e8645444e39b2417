//! The model, layer by layer.

use leptos::prelude::*;

use crate::view::lab::InstrumentId;
use crate::view::url::Route;
use crate::view::{format, presets};
use crate::web::address::{use_address, use_texts};
use crate::web::engine::use_engine;

fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join(" × ")
}

/// Layers with their output shapes, parameters and work, and the totals.
#[component]
pub fn ModelTable() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let started = engine.part(|run| run.started.clone());
    let input = move || {
        let started = started.get()?;
        let shape = shape_text(&started.model.input_shape);
        Some(view! {
            <tr>
                <th scope="row">{texts.get().summary.input}</th>
                <td></td>
                <td class="numeric">{shape}</td>
                <td class="numeric"></td>
                <td class="numeric"></td>
            </tr>
        })
    };
    let rows = move || {
        let started = started.get()?;
        let rows = started.model.layers.iter().map(|layer| {
            view! {
                <tr>
                    <th scope="row"><code>{layer.name.clone()}</code></th>
                    <td class="muted">{layer.operation.clone()}</td>
                    <td class="numeric">{shape_text(&layer.output_shape)}</td>
                    <td class="numeric">{format::count(layer.parameters)}</td>
                    <td class="numeric">{format::count(layer.flops)}</td>
                </tr>
            }
        });
        Some(rows.collect_view())
    };
    let totals = move || {
        let started = started.get()?;
        let flops = started.model.layers.iter().map(|layer| layer.flops).sum();
        Some(view! {
            <tr>
                <th scope="row" colspan="3">{texts.get().summary.total}</th>
                <td class="numeric" data-testid="total-parameters">
                    {format::count(started.model.parameters)}
                </td>
                <td class="numeric">{format::count(flops)}</td>
            </tr>
        })
    };
    let address = use_address();
    // The lab counts networks that bring their own data.
    let scale = move || {
        let preset = address.preset();
        presets::own_data(&preset).is_none().then(|| {
            let mut href = address.href(&Route::LabPage(InstrumentId::Scale.name().into()));
            href.push(if href.contains('?') { '&' } else { '?' });
            href.push_str("model=");
            href.push_str(&preset);
            view! {
                <p class="panel-note">
                    <a data-testid="model-scale" href=href>{texts.get().summary.scale_link}</a>
                </p>
            }
        })
    };
    view! {
        <section class="panel" data-testid="model-table">
            <h2 class="panel-title">{move || texts.get().summary.title}</h2>
            <div class="panel-body">
                <div class="table-scroll">
                    <table class="summary-table">
                        <thead>
                            <tr>
                                <th scope="col" colspan="2">{move || texts.get().summary.layer}</th>
                                <th scope="col" class="numeric">
                                    {move || texts.get().summary.output_shape}
                                </th>
                                <th scope="col" class="numeric">
                                    {move || texts.get().summary.parameters}
                                </th>
                                <th scope="col" class="numeric">{move || texts.get().summary.flops}</th>
                            </tr>
                        </thead>
                        <tbody>{input} {rows}</tbody>
                        <tfoot>{totals}</tfoot>
                    </table>
                </div>
                <p class="panel-note">{move || texts.get().summary.flops_hint}</p>
                {scale}
            </div>
        </section>
    }
}
