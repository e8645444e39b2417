//! Finite differences beside the gradient, for one element of a parameter.

use std::sync::Arc;

use leptos::prelude::*;

use super::scope::use_microscope;
use crate::session::GradientCheckFacts;
use crate::view::format;
use crate::view::microscope::agreement::{
    self, HEIGHT, Verdict, WIDTH, polyline, relative_difference, verdict,
};
use crate::view::microscope::model::Element;
use crate::web::address::use_texts;

/// The button, and what the check found.
#[component]
pub fn GradientCheck() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let target = Memo::new(move |_| {
        let element = scope.selected().get()?;
        scope
            .graph
            .with(|graph| graph.as_ref()?.checkable(&element))
    });
    let is_checking = scope.part(|state| state.is_checking());
    let check = scope.part(|state| state.check.clone());
    let found = Memo::new(move |_| {
        let check = check.get()?;
        let target = target.get()?;
        (check.tensor == target.tensor && check.index == target.index).then_some(check)
    });
    let press = move |_| {
        if let Some(element) = target.get_untracked() {
            scope.check(element);
        }
    };
    let label = move || target.get().map(|element: Element| element.label());
    view! {
        <Show when=move || target.with(Option::is_some)>
            <div class="step-part" data-testid="gradient-check-panel">
                <h3>{move || texts.get().step.check}</h3>
                <p class="panel-note">{move || texts.get().step.check_hint}</p>
                <div class="cluster">
                    <button
                        type="button"
                        class="button"
                        data-testid="gradient-check"
                        disabled=move || is_checking.get()
                        on:click=press
                    >
                        {move || {
                            let step = &texts.get().step;
                            if is_checking.get() { step.checking } else { step.check }
                        }}
                    </button>
                    <code>{label}</code>
                </div>
                {move || found.get().map(|check| view! { <Findings check/> })}
            </div>
        </Show>
    }
}

/// Losses, slopes and their agreement.
#[component]
fn Findings(
    /// The check.
    check: Arc<GradientCheckFacts>,
) -> impl IntoView {
    let texts = use_texts();
    let verdict = verdict(&check);
    let (name, sentence): (_, fn(&crate::view::texts::StepTexts) -> &'static str) = match verdict {
        Verdict::Agrees => ("agrees", |step| step.verdict_agrees),
        Verdict::BothZero => ("zero", |step| step.verdict_zero),
        Verdict::Differs => ("differs", |step| step.verdict_differs),
    };
    let rows = check
        .nudges
        .iter()
        .map(|nudge| {
            let difference = relative_difference(nudge.slope, check.analytic);
            view! {
                <tr>
                    <th scope="row" class="numeric">{format::significant(nudge.step_size, 1)}</th>
                    <td class="numeric">{format::significant(nudge.loss_minus, 10)}</td>
                    <td class="numeric">{format::significant(nudge.loss_plus, 10)}</td>
                    <td class="numeric">{format::significant(nudge.slope, 7)}</td>
                    <td class="numeric">{format::significant(nudge.slope_f32, 7)}</td>
                    <td class="numeric">{format::significant(difference, 2)}</td>
                </tr>
            }
        })
        .collect_view();
    let stored = check.stored.map(f64::from);
    let plot = agreement::plot(&check);
    let best = agreement::best(&check).unwrap_or(f64::NAN);
    view! {
        <div class="check-findings" data-testid="gradient-check-result" data-verdict=name>
            <p class="check-verdict" role="status">{move || sentence(&texts.get().step)}</p>
            <dl class="figures">
                <dt>{move || texts.get().step.analytic}</dt>
                <dd class="numeric" data-testid="check-analytic" data-value=format::bare(check.analytic)>
                    {format::significant(check.analytic, 8)}
                </dd>
                <dt>{move || texts.get().step.stored_gradient}</dt>
                <dd class="numeric">
                    {move || match stored {
                        Some(stored) => format::significant(stored, 8),
                        None => texts.get().step.not_computed.to_string(),
                    }}
                </dd>
                <dt>{move || texts.get().step.difference}</dt>
                <dd class="numeric" data-testid="check-difference" data-value=format::bare(best)>
                    {format::significant(best, 2)}
                </dd>
            </dl>
            <AgreementPlot plot/>
            <div
                class="table-scroll"
                tabindex="0"
                role="group"
                data-own-arrows=""
                aria-label=move || texts.get().step.check
            >
                <table class="summary-table">
                    <thead>
                        <tr>
                            <th scope="col" class="numeric">{move || texts.get().step.step_size}</th>
                            <th scope="col" class="numeric">{move || texts.get().step.loss_minus}</th>
                            <th scope="col" class="numeric">{move || texts.get().step.loss_plus}</th>
                            <th scope="col" class="numeric">{move || texts.get().step.slope}</th>
                            <th scope="col" class="numeric">{move || texts.get().step.slope_f32}</th>
                            <th scope="col" class="numeric">{move || texts.get().step.difference}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p class="panel-note">{move || texts.get().step.check_rounding}</p>
            <p class="panel-note">{move || texts.get().step.check_kink}</p>
        </div>
    }
}

/// Relative difference against step size.
#[component]
fn AgreementPlot(
    /// The curves.
    plot: agreement::Plot,
) -> impl IntoView {
    let texts = use_texts();
    let power = |exponent: i32| format!("10{}", format::superscript(exponent));
    let x_marks = plot
        .x_marks
        .iter()
        .map(|&(exponent, x)| {
            view! {
                <line class="plot-rule" x1=x x2=x y1="10" y2=HEIGHT - 28.0></line>
                <text x=x y=HEIGHT - 14.0 text-anchor="middle">{power(exponent)}</text>
            }
        })
        .collect_view();
    let y_marks = plot
        .y_marks
        .iter()
        .map(|&(exponent, y)| {
            view! {
                <line class="plot-rule" x1="44" x2=WIDTH - 12.0 y1=y y2=y></line>
                <text x="40" y=y + 3.5 text-anchor="end">{power(exponent)}</text>
            }
        })
        .collect_view();
    let dots = plot
        .precise
        .iter()
        .map(|point| view! { <circle cx=point.x cy=point.y r="2.5"></circle> })
        .collect_view();
    let squares = plot
        .rounded
        .iter()
        .map(|point| {
            view! { <rect x=point.x - 2.5 y=point.y - 2.5 width="5" height="5"></rect> }
        })
        .collect_view();
    view! {
        <figure class="agreement">
            <svg
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label=move || texts.get().step.plot_label
            >
                {x_marks} {y_marks}
                <g class="agreement-rounded">
                    <polyline points=polyline(&plot.rounded)></polyline>
                    {squares}
                </g>
                <g class="agreement-precise">
                    <polyline points=polyline(&plot.precise)></polyline>
                    {dots}
                </g>
            </svg>
            <figcaption class="panel-note">
                <span class="agreement-key is-precise">{move || texts.get().step.plot_precise}</span>
                <span class="agreement-key is-rounded">{move || texts.get().step.plot_rounded}</span>
                <span>{move || texts.get().step.plot_label}</span>
            </figcaption>
        </figure>
    }
}
