//! A row times a column: both as strips of colour, and the sum as it grows.

use leptos::prelude::*;

use super::HeatMap;
use crate::session::ReferenceFacts;
use crate::view::format;
use crate::view::microscope::detail::products::{Products, running_line};
use crate::web::address::use_texts;

/// Size of the plot of the running sum.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 72.0;
/// Longest row that is one strip; longer ones take several lines.
const STRIP: u32 = 112;

/// Two rows of factors, their products, and the running sum.
#[component]
pub fn ProductsView(
    /// The sum.
    products: Products,
) -> impl IntoView {
    let texts = use_texts();
    let count = products.items.len();
    let columns = (count as u32).clamp(1, STRIP);
    let strip = |name: String, values: Vec<f32>| {
        let limit = values
            .iter()
            .fold(0.0_f32, |limit, value| limit.max(value.abs()));
        let label = name.clone();
        let words = Signal::derive(move || label.clone());
        view! {
            <div class="strip">
                <code class="strip-name">{name}</code>
                <HeatMap values=Signal::stored(values) columns limit=Signal::stored(limit) label=words/>
            </div>
        }
    };
    let factors =
        |of: fn(&crate::view::microscope::detail::products::Product) -> &ReferenceFacts| {
            products
                .items
                .iter()
                .map(|item| of(item).value as f32)
                .collect::<Vec<f32>>()
        };
    let left = strip(products.left.clone(), factors(|item| &item.left));
    let right = strip(products.right.clone(), factors(|item| &item.right));
    let values = products.items.iter().map(|item| item.value as f32);
    let both = strip("×".to_string(), values.collect());
    let (points, zero) = running_line(&products, WIDTH, HEIGHT);
    let sum: f64 = products.items.iter().map(|item| item.value).sum();
    let others = products
        .others
        .iter()
        .map(|(reference, value)| {
            format!(" + {} {}", reference.tensor, format::significant(*value, 5))
        })
        .collect::<String>();
    let line = format!(
        "Σ {}{others} = {}",
        format::significant(sum, 5),
        format::significant(products.total, 6)
    );
    let is_cut = products.is_cut;
    view! {
        <div class="step-subpart" data-testid="detail-products" data-count=count.to_string()>
            <h4>{move || (texts.get().step.products_of)(count)}</h4>
            {left}
            {right}
            {both}
            <figure class="running">
                <svg
                    viewBox=format!("0 -2 {WIDTH} {}", HEIGHT + 4.0)
                    role="img"
                    aria-label=move || texts.get().step.running_sum
                >
                    <line
                        class="plot-rule"
                        x1="0"
                        x2=WIDTH.to_string()
                        y1=format!("{zero:.1}")
                        y2=format!("{zero:.1}")
                    ></line>
                    <polyline points=points></polyline>
                </svg>
                <figcaption class="panel-note">{move || texts.get().step.running_sum}</figcaption>
            </figure>
            <p class="detail-line numeric">{line}</p>
            <Show when=move || is_cut>
                <p class="panel-note">{move || texts.get().step.products_cut}</p>
            </Show>
        </div>
    }
}
