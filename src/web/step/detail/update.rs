//! An update's working for one element, line by line.

use leptos::prelude::*;

use super::Subject;
use crate::view::format;
use crate::view::microscope::detail::update::{legend, lines};
use crate::view::microscope::model::flat_index;
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;

/// Formula, numbers, value, and what the buffer holds.
#[component]
pub fn UpdateView(
    /// Node and element.
    subject: Subject,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let facts = scope.part(|state| state.update.clone());
    let working = Memo::new(move |_| {
        let facts = facts
            .get()
            .filter(|facts| facts.tensor == subject.element.tensor)?;
        let shape = &subject.graph.tensor(&facts.tensor)?.shape;
        lines(&facts, flat_index(shape, &subject.element.index)?)
    });
    move || {
        let working = working.get()?;
        let detail = &texts.get().step;
        let rows = working.into_iter().map(|line| {
            let given = legend(&line, |value| format::significant(value, 5));
            view! {
                <tr>
                    <th scope="row">
                        <span class="update-formula">{line.formula}</span>
                        <span class="panel-note numeric">{given}</span>
                    </th>
                    <td class="numeric">{format::significant(line.value, 6)}</td>
                    <td class="numeric">
                        {line.stored.map(|stored| format::significant(stored, 6))}
                    </td>
                </tr>
            }
        });
        Some(view! {
            <div class="step-subpart" data-testid="detail-update">
                <h4>{detail.update_working}</h4>
                <div class="table-scroll">
                    <table class="summary-table update-working">
                        <thead>
                            <tr>
                                <th scope="col">{detail.step_of_update}</th>
                                <th scope="col" class="numeric">{detail.value}</th>
                                <th scope="col" class="numeric">{detail.stored}</th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            </div>
        })
    }
}
