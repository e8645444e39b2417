//! Softmax and cross-entropy of one sample, class by class.

use leptos::prelude::*;

use super::{Subject, numbers, sample_of};
use crate::view::format;
use crate::view::microscope::detail::softmax;
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;

const DIGITS: usize = 5;

fn number(value: f64) -> String {
    format::significant(value, DIGITS)
}

/// Logits, shifted, exponentials, probabilities, and the loss of the sample.
#[component]
pub fn SoftmaxView(
    /// Node and element.
    subject: Subject,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let steps = Memo::new(move |_| {
        scope.revision.track();
        let sample = sample_of(scope, &subject);
        softmax::forward(&subject.graph, &subject.node, sample, &numbers(scope))
            .map(|steps| (sample, steps))
    });
    move || {
        let (sample, steps) = steps.get()?;
        let detail = &texts.get().step;
        let label = steps.label;
        let rows = steps.classes.iter().enumerate().map(|(class, row)| {
            let share = row.probability as f32;
            let is_label = class == label;
            view! {
                <tr class:is-label=is_label>
                    <th scope="row" class="numeric">{class.to_string()}</th>
                    <td class="numeric">{number(row.logit)}</td>
                    <td class="numeric">{number(row.shifted)}</td>
                    <td class="numeric">{number(row.exponential)}</td>
                    <td class="numeric">{number(row.probability)}</td>
                    <td class="detail-bar">
                        <span class="term-fill is-positive" style:--share=share.to_string()></span>
                    </td>
                </tr>
            }
        });
        let p = steps.classes.get(label)?.probability;
        let stored = steps.stored_loss;
        Some(view! {
            <div class="step-subpart" data-testid="detail-softmax">
                <h4>{(detail.softmax_of)(sample, label)}</h4>
                <div class="table-scroll">
                    <table class="summary-table detail-table">
                        <thead>
                            <tr>
                                <th scope="col" class="numeric">"k"</th>
                                <th scope="col" class="numeric">"z"</th>
                                <th scope="col" class="numeric">"z − max z"</th>
                                <th scope="col" class="numeric">"exp"</th>
                                <th scope="col" class="numeric">"p"</th>
                                <th scope="col"></th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                        <tfoot>
                            <tr>
                                <th scope="row">"Σ"</th>
                                <td></td>
                                <td></td>
                                <td class="numeric">{number(steps.sum)}</td>
                                <td class="numeric">"1"</td>
                                <td></td>
                            </tr>
                        </tfoot>
                    </table>
                </div>
                <p class="detail-line numeric" data-testid="detail-loss" data-value=format::bare(steps.loss)>
                    {format!("−ln p[{label}] = −ln {} = {}", number(p), number(steps.loss))}
                </p>
                {stored.map(|stored| view! {
                    <p class="panel-note numeric">
                        {detail.stored} {texts.get().locale.colon()} {number(stored)}
                    </p>
                })}
            </div>
        })
    }
}

/// Probability less target, and the gradient of the logits.
#[component]
pub fn SoftmaxBackwardView(
    /// Node and element.
    subject: Subject,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let looked_at = subject.element.index.get(1).copied();
    let steps = Memo::new(move |_| {
        scope.revision.track();
        let sample = sample_of(scope, &subject);
        let valid = scope
            .cursor
            .with(|cursor| cursor.as_ref().map_or(1, |c| c.valid));
        let steps = softmax::backward(
            &subject.graph,
            &subject.node,
            (sample, valid),
            &numbers(scope),
        )?;
        Some((sample, steps))
    });
    move || {
        let (sample, steps) = steps.get()?;
        let detail = &texts.get().step;
        let limit = steps.classes.iter().map(|class| class.gradient.abs());
        let limit = limit.fold(f64::MIN_POSITIVE, f64::max);
        let rows = (0..).zip(&steps.classes).map(|(class, row)| {
            let hue = if row.gradient < 0.0 { "is-negative" } else { "is-positive" };
            let share = (row.gradient.abs() / limit) as f32;
            let is_label = class as usize == steps.label;
            let is_looked_at = looked_at == Some(class);
            view! {
                <tr
                    class:is-label=is_label class:is-looked-at=is_looked_at
                >
                    <th scope="row" class="numeric">{class.to_string()}</th>
                    <td class="numeric">{number(row.probability)}</td>
                    <td class="numeric">{number(row.target)}</td>
                    <td class="numeric">{number(row.difference)}</td>
                    <td class="numeric">{number(row.gradient)}</td>
                    <td class="detail-bar">
                        <span class=format!("term-fill {hue}") style:--share=share.to_string()></span>
                    </td>
                </tr>
            }
        });
        let by = format!(
            "dz = dL · (p − y) / B, dL = {}, B = {}",
            number(steps.upstream),
            steps.valid
        );
        Some(view! {
            <div class="step-subpart" data-testid="detail-softmax-backward">
                <h4>{(detail.softmax_of)(sample, steps.label)}</h4>
                <div class="table-scroll">
                    <table class="summary-table detail-table">
                        <thead>
                            <tr>
                                <th scope="col" class="numeric">"k"</th>
                                <th scope="col" class="numeric">"p"</th>
                                <th scope="col" class="numeric">"y"</th>
                                <th scope="col" class="numeric">"p − y"</th>
                                <th scope="col" class="numeric">"dz"</th>
                                <th scope="col"></th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
                <p class="detail-line numeric">{by}</p>
                <p class="panel-note">{detail.softmax_backward_note}</p>
            </div>
        })
    }
}
