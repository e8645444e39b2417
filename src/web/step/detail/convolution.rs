//! The part of an image under a kernel, cell by cell; a kernel's gradient sample by sample.

use std::sync::Arc;

use leptos::prelude::*;

use super::{HeatMap, Subject, numbers};
use crate::session::ExplanationFacts;
use crate::view::color::sign_and_strength;
use crate::view::format;
use crate::view::microscope::detail::convolution::{Cell, SampleMap, Window, sample_map};
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;

/// Digits in a cell.
const DIGITS: usize = 3;

/// One window for each input channel: value over weight, coloured by their product.
#[component]
pub fn WindowView(
    /// The windows of one element.
    windows: Vec<Window>,
    /// Whether the kernel is turned by half a turn.
    is_flipped: bool,
) -> impl IntoView {
    let texts = use_texts();
    let products = windows
        .iter()
        .flat_map(|window| window.cells.iter().flatten())
        .map(|cell| cell.product.abs());
    let limit = products.fold(0.0, f64::max);
    let windows = windows
        .into_iter()
        .map(|window| {
            let columns = window.columns;
            let channel = match window.at.as_slice() {
                [out, channel] => format!("{channel} → {out}"),
                _ => String::new(),
            };
            let rows = window
                .cells
                .chunks(columns as usize)
                .map(|row| {
                    let cells = row
                        .iter()
                        .map(|cell| view! { <WindowCell cell=cell.clone() limit/> })
                        .collect_view();
                    view! { <tr>{cells}</tr> }
                })
                .collect_view();
            let subtotal = format::significant(window.subtotal, 5);
            view! {
                <table class="window">
                    <caption>
                        {move || (texts.get().step.window_of)(&channel)}
                        {move || texts.get().locale.colon()}
                        <span class="numeric">{subtotal}</span>
                    </caption>
                    <tbody>{rows}</tbody>
                </table>
            }
        })
        .collect_view();
    view! {
        <div class="step-subpart" data-testid="window">
            <h4>
                {move || {
                    let step = &texts.get().step;
                    if is_flipped { step.window_flipped } else { step.window }
                }}
            </h4>
            <div class="window-grid">{windows}</div>
        </div>
    }
}

/// A value times a weight; empty where the kernel lies outside of the image.
#[component]
fn WindowCell(
    /// The cell.
    cell: Option<Cell>,
    /// Largest magnitude of a product.
    limit: f64,
) -> impl IntoView {
    let texts = use_texts();
    match cell {
        None => view! {
            <td class="window-cell is-missing" title=move || texts.get().step.outside>"·"</td>
        }
        .into_any(),
        Some(cell) => {
            let (hue, strength) = match sign_and_strength(cell.product as f32, limit as f32) {
                Some((sign, strength)) => (sign.class(), strength),
                None => ("is-missing", 0.0),
            };
            let product = format::significant(cell.product, DIGITS + 1);
            view! {
                <td
                    class=format!("window-cell value-cell {hue}")
                    style:--strength=strength.to_string()
                    title=format!("= {product}")
                >
                    <span>{format::significant(cell.value, DIGITS)}</span>
                    <span>"× " {format::significant(cell.weight, DIGITS)}</span>
                </td>
            }
            .into_any()
        }
    }
}

/// Which part of a kernel's gradient comes from which sample, and where in the shown sample.
#[component]
pub fn SampleGradientView(
    /// Node and element.
    subject: Subject,
    /// Why the element has its value; grouped by sample.
    facts: Arc<ExplanationFacts>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let map = Memo::new(move |_| {
        scope.revision.track();
        let sample = scope.sample.get();
        let Subject {
            graph,
            node,
            element,
        } = &subject;
        sample_map(graph, node, element, sample, &numbers(scope)).map(|map| (sample, map))
    });
    let groups = facts.groups.len();
    let total = facts.total;
    let picture = move || {
        let (
            sample,
            SampleMap {
                columns,
                products,
                subtotal,
                ..
            },
        ) = map.get()?;
        let limit = products
            .iter()
            .fold(0.0_f32, |limit, value| limit.max(value.abs()));
        let step = &texts.get().step;
        let words = (step.sample_part)(
            sample,
            &format::significant(subtotal, 5),
            &format::significant(total, 5),
        );
        let label = words.clone();
        Some(view! {
            <div class="sample-map">
                <HeatMap
                    values=Signal::stored(products)
                    columns
                    limit=Signal::stored(limit)
                    label=Signal::derive(move || label.clone())
                />
            </div>
            <p class="detail-line numeric">{words}</p>
        })
    };
    view! {
        <div class="step-subpart" data-testid="detail-sample-gradient" data-groups=groups.to_string()>
            <h4>{move || texts.get().step.sample_gradient}</h4>
            {picture}
            <p class="panel-note">{move || texts.get().step.sample_gradient_note}</p>
        </div>
    }
}
