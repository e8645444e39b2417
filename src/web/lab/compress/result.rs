//! What came of it.

use leptos::prelude::*;

use super::Bench;
use super::controls::slider;
use crate::lab::LabCommand;
use crate::lab::compress::{Budgeted, Command, Layout, Origin, Try, best_under, pareto_front};
use crate::plot::{BudgetLabels, BudgetPoint, budget_svg, histogram_svg};
use crate::view::format;
use crate::view::lab::compress::budget_at;
use crate::view::texts::lab::compress::{CompressTexts, texts};
use crate::web::address::use_locale;
use crate::web::lab::drawing_width;

/// Width and height of the plot and of a histogram, where there is room.
const PLOT: (u32, u32) = (620, 330);
const HISTOGRAM: (u32, u32) = (460, 180);

/// The try that is shown in two numbers, the plot, the budget.
pub fn summary(bench: Bench) -> AnyView {
    let locale = use_locale();
    let accuracy = move || {
        bench
            .shown_try()
            .map(|tried| format!("{:.4}", tried.accuracy))
    };
    let bytes = move || bench.shown_try().map(|tried| format::count(tried.bytes));
    let front = Memo::new(move |_| bench.tries.with(|tries| pareto_front(tries)));
    let plot = move || {
        let text = texts(locale.get());
        let budget = bench.form.with(|form| form.budget()).ok();
        let front = front.get();
        bench.tries.with(|tries| {
            let points = tries.iter().enumerate().map(|(at, tried)| BudgetPoint {
                bytes: tried.bytes as f64,
                accuracy: tried.halves.choosing.into(),
                is_on_front: front.contains(&at),
                is_shown: bench.shown.get() == at,
            });
            let labels = BudgetLabels {
                whole: text.plot,
                bytes: text.bytes,
                accuracy: text.choosing,
                budget: text.budget_line,
            };
            let budget = budget.map(|budget| budget as f64);
            let size = (drawing_width(PLOT.0), PLOT.1);
            budget_svg(&points.collect::<Vec<_>>(), budget, size, &labels)
        })
    };
    let judged = move || {
        let text = texts(locale.get());
        let Ok(budget) = bench.form.with(|form| form.budget()) else {
            return text.must_be_budget.to_string();
        };
        bench.tries.with(|tries| match best_under(tries, budget) {
            Budgeted::NoTries => text.nothing_yet.to_string(),
            Budgeted::TooSmall { smallest } => {
                (text.too_small)(&format::count(budget), &format::count(smallest))
            }
            Budgeted::Best(at) => {
                let best = &tries[at];
                let [choosing, reporting] = [best.halves.choosing, best.halves.reporting]
                    .map(|accuracy| format!("{accuracy:.4}"));
                (text.best)(
                    &best.number.to_string(),
                    &format::count(best.bytes),
                    &choosing,
                    &reporting,
                )
            }
        })
    };
    let budget = Signal::derive(move || {
        let form = bench.form.get();
        form.budget()
            .map_or_else(|_| form.text("budget").to_string(), format::count)
    });
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{move || texts(locale.get()).result_title}</h2>
            <dl class="compress-numbers" aria-live="polite">
                <div>
                    <dt>{move || texts(locale.get()).accuracy}</dt>
                    <dd data-testid="compress-accuracy">{accuracy}</dd>
                </div>
                <div>
                    <dt>{move || texts(locale.get()).bytes}</dt>
                    <dd data-testid="compress-bytes">{bytes}</dd>
                </div>
            </dl>
            <div data-testid="compress-plot" inner_html=plot></div>
            <ul class="compress-legend">
                <li class="is-front">{move || texts(locale.get()).on_front}</li>
                <li class="is-beaten">{move || texts(locale.get()).beaten}</li>
            </ul>
            {slider(
                ("budget", "compress-budget"),
                |text| text.budget,
                ["0", "200", "1"],
                Signal::derive(move || bench.form.with(|form| form.budget_position().to_string())),
                budget,
                |position| budget_at(position.parse().unwrap_or_default()).to_string(),
            )}
            <p class="status-line" role="status" data-testid="compress-best">{judged}</p>
            <p class="panel-note" data-testid="compress-halves">{move || texts(locale.get()).halves_note}</p>
        </section>
    }
    .into_any()
}

/// All tries, and the weights and bytes of the one that is shown.
pub fn details(bench: Bench) -> AnyView {
    let locale = use_locale();
    let rows = move || {
        let text = texts(locale.get());
        let front = bench.tries.with(|tries| pareto_front(tries));
        bench.tries.with(|tries| {
            let rows = tries.iter().enumerate();
            rows.map(|(at, tried)| row(bench, text, at, tried, front.contains(&at)))
                .collect_view()
        })
    };
    let weights = move || {
        let tried = bench.shown_try()?;
        Some(weights(texts(locale.get()), &tried))
    };
    let head = move || {
        let text = texts(locale.get());
        let names = [
            text.column_try,
            text.column_network,
            text.column_pruned,
            text.column_bits,
            text.column_tuned,
            text.bytes,
            text.accuracy,
            text.choosing,
            text.reporting,
        ];
        let names = names.map(|name| view! { <th scope="col">{name}</th> });
        view! { <tr>{names.collect_view()}<td></td></tr> }
    };
    view! {
        <section class="panel stack lab-wide" hidden=move || bench.tries.with(Vec::is_empty)>
            <h2 class="panel-title">{move || texts(locale.get()).tries}</h2>
            <div class="lab-scroll" tabindex="0" role="region" aria-label=move || texts(locale.get()).tries>
                <table class="lab-table" data-testid="compress-tries">
                    <thead>{head}</thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <div class="compress-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="compress-clear"
                    disabled=move || bench.is_busy.get()
                    on:click=move |_| bench.engine.send(&LabCommand::Compress(Command::Clear))
                >
                    {move || texts(locale.get()).clear}
                </button>
            </div>
            {weights}
        </section>
    }
    .into_any()
}

fn row(
    bench: Bench,
    text: &'static CompressTexts,
    at: usize,
    tried: &Try,
    is_on_front: bool,
) -> AnyView {
    let number = tried.number.to_string();
    let recipe = &tried.recipe;
    let bits = recipe
        .bits
        .map_or_else(|| text.float_bits.to_string(), |bits| bits.to_string());
    let steps = match recipe.fine_tune {
        Some(_) => format::count(tried.steps),
        None => "–".into(),
    };
    let mark = if is_on_front { "●" } else { "○" };
    let title = if is_on_front {
        text.on_front
    } else {
        text.beaten
    };
    let origin = match recipe.origin {
        Origin::Base => "LeNet-5".to_string(),
        Origin::Student if tried.network == "student-mlp" => text.student_mlp.to_string(),
        Origin::Student => tried.network.clone(),
    };
    let label = (text.show_try)(&number);
    let testid = format!("compress-try-{number}");
    view! {
        <tr data-testid=testid>
            <th scope="row"><span title=title>{mark}</span>" "{number}</th>
            <td>{origin}</td>
            <td class="numeric">{recipe.sparsity.to_string()}</td>
            <td class="numeric">{bits}</td>
            <td class="numeric">{steps}</td>
            <td class="numeric">{format::count(tried.bytes)}</td>
            <td class="numeric">{format!("{:.4}", tried.accuracy)}</td>
            <td class="numeric">{format!("{:.4}", tried.halves.choosing)}</td>
            <td class="numeric">{format!("{:.4}", tried.halves.reporting)}</td>
            <td>
                <button
                    type="button"
                    class="button is-small"
                    aria-label=label
                    aria-pressed=move || (bench.shown.get() == at).to_string()
                    on:click=move |_| bench.shown.set(at)
                >
                    {move || if bench.shown.get() == at { text.shown } else { text.show }}
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// Histograms before and after, and a line for each tensor.
fn weights(text: &'static CompressTexts, tried: &Try) -> AnyView {
    let largest = tried.before.largest;
    let most = tried.before.counts.iter().chain(&tried.after.counts);
    let most = most.copied().max().unwrap_or(1);
    let histograms = [
        (text.before, &tried.before, "before"),
        (text.after, &tried.after, "after"),
    ];
    let size = (drawing_width(HISTOGRAM.0), HISTOGRAM.1);
    let histograms = histograms.map(|(name, histogram, key)| {
        let svg = histogram_svg(&histogram.counts, largest, most, size, name);
        let weights = format::count(tried.weights);
        let zeros = (text.zeros)(&format::count(histogram.zeros.into()), &weights);
        view! {
            <figure class="compress-histogram" data-testid=format!("compress-{key}")>
                <figcaption>{name}</figcaption>
                <div inner_html=svg></div>
                <p class="panel-note">{zeros}</p>
            </figure>
        }
    });
    let threshold = tried.threshold.map(|threshold| {
        let threshold = format::significant(threshold.into(), 4);
        view! { <p class="panel-note">{(text.threshold)(&threshold)}</p> }
    });
    let parts = tried.parts.iter().map(|part| {
        let layout = match part.layout {
            Layout::Dense => text.layout_dense,
            Layout::Bitmap => text.layout_bitmap,
            Layout::Gaps => text.layout_gaps,
        };
        view! {
            <tr>
                <th scope="row">{part.name.clone()}</th>
                <td class="numeric">
                    {[part.kept, part.count].map(|count| format::count(count.into())).join(" / ")}
                </td>
                <td class="numeric">{part.bits.to_string()}</td>
                <td>{layout}</td>
                <td class="numeric">{format::count(part.bytes)}</td>
            </tr>
        }
    });
    let names = [
        text.tensor,
        text.kept,
        text.column_bits,
        text.layout,
        text.bytes,
    ];
    let names = names.map(|name| view! { <th scope="col">{name}</th> });
    view! {
        <h3 class="panel-title">{text.weights_title}</h3>
        <div class="compress-histograms">{histograms.collect_view()}</div>
        {threshold}
        <h3 class="panel-title">{text.parts}</h3>
        <div class="lab-scroll" tabindex="0" role="region" aria-label=text.parts>
            <table class="lab-table" data-testid="compress-parts">
                <thead><tr>{names.collect_view()}</tr></thead>
                <tbody>{parts.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
