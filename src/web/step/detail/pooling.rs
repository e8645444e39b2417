//! Max pooling: windows with their winners.

use leptos::prelude::*;

use super::{Subject, numbers};
use crate::view::color::sign_and_strength;
use crate::view::format;
use crate::view::microscope::detail::pooling::{self, Window};
use crate::view::microscope::model::index_label;
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;

/// The windows of an element, and what became of it.
#[component]
pub fn PoolingView(
    /// Node and element.
    subject: Subject,
    /// Whether the element is a gradient.
    is_backward: bool,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let windows = Memo::new(move |_| {
        scope.revision.track();
        let Subject {
            graph,
            node,
            element,
        } = &subject;
        let numbers = numbers(scope);
        if is_backward {
            pooling::backward(graph, node, element, &numbers)
        } else {
            pooling::forward(graph, node, element, &numbers).map(|window| vec![window])
        }
    });
    let has_won = move |windows: &[Window]| {
        let mut cells = windows.iter().flat_map(|window| &window.cells);
        cells.any(|cell| cell.is_subject && cell.is_winner)
    };
    move || {
        let windows = windows.get()?;
        let detail = &texts.get().step;
        let sentence = match (is_backward, windows.is_empty()) {
            (false, _) => detail.pooling_forward,
            (true, true) => detail.pooling_no_window,
            (true, false) if has_won(&windows) => detail.pooling_won,
            (true, false) => detail.pooling_lost,
        };
        let won = (is_backward && has_won(&windows)).to_string();
        let windows = windows
            .into_iter()
            .map(|window| view! { <OneWindow window/> });
        Some(view! {
            <div class="step-subpart" data-testid="detail-pooling" data-won=won>
                <h4>{detail.pooling}</h4>
                <div class="window-grid">{windows.collect_view()}</div>
                <p class="detail-line">{sentence}</p>
            </div>
        })
    }
}

/// One window; the winner has a mark and a frame.
#[component]
fn OneWindow(
    /// The window.
    window: Window,
) -> impl IntoView {
    let texts = use_texts();
    let values = window.cells.iter().filter_map(|cell| cell.value);
    let limit = values.fold(0.0_f64, |limit, value| limit.max(value.abs()));
    let rows = window
        .cells
        .chunks(window.columns.max(1) as usize)
        .map(|row| {
            let cells = row
                .iter()
                .map(|cell| {
                    let value = cell.value.unwrap_or(f64::NAN);
                    let (hue, strength) = match sign_and_strength(value as f32, limit as f32) {
                        Some((sign, strength)) => (sign.class(), strength),
                        None => ("", 0.0),
                    };
                    let is_winner = cell.is_winner;
                    let text = cell.value.map_or(format::NO_VALUE.to_string(), |value| {
                        format::significant(value, 4)
                    });
                    view! {
                        <td
                            class=format!("window-cell value-cell {hue}")
                            class:is-winner=is_winner
                            class:is-subject=cell.is_subject
                            style:--strength=strength.to_string()
                            title=index_label(&cell.index)
                        >
                            <span>{text}</span>
                            <span>
                                {move || {
                                    if is_winner { texts.get().step.pooling_winner } else { "" }
                                }}
                            </span>
                        </td>
                    }
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    let value = window.value.map_or(format::NO_VALUE.to_string(), |value| {
        format::significant(value, 5)
    });
    view! {
        <table class="window">
            <caption>
                <code>{window.output.label()}</code>
                " = "
                <span class="numeric">{value}</span>
            </caption>
            <tbody>{rows}</tbody>
        </table>
    }
}
