//! A confusion matrix to edit, and the metrics of it.

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Started};
use crate::view::format;
use crate::view::texts::widgets::common;
use crate::view::texts::widgets::metrics::{MetricsTexts, texts};
use crate::view::widgets::metrics::{FORMULAS, HIGHEST, LEAST, MOST, Ratio, State};
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&MetricsTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    // The class whose row and column are marked.
    let chosen = RwSignal::new(None::<usize>);
    let classes = Memo::new(move |_| state.with(State::classes));
    let evaluation = Memo::new(move |_| state.with(State::evaluation));
    let number = move |value: Option<f32>| match value {
        Some(value) => format::fixed(value.into(), 4),
        None => common::texts(locale.get()).undefined.to_string(),
    };
    // The ratio with its counts: 57/57 = 1.
    let ratio = move |ratio: &Ratio| {
        let (part, whole) = (format::count(ratio.part), format::count(ratio.whole));
        format!("{part}/{whole} = {}", number(ratio.value))
    };
    let resize = move |change: i32| {
        state.update(|state| {
            let classes = state.classes().saturating_add_signed(change as isize);
            *state = state.with_classes(classes);
        });
        chosen.set(None);
    };
    let head = move || {
        (0..classes.get())
            .map(|class| {
                view! {
                    <th scope="col">
                        <span class="visually-hidden">{move || format!("{} ", t().predicted)}</span>
                        {move || (t().class_name)(class + 1)}
                    </th>
                }
            })
            .collect_view()
    };
    let row = move |row: usize, count: usize| {
        let cells = (0..count).map(|column| {
            let testid = format!("metrics-cell-{}-{}", row + 1, column + 1);
            let expected = Expected::Whole {
                low: 0,
                high: HIGHEST.into(),
            };
            let at = move |state: &State| {
                let row = state.matrix.get(row);
                row.and_then(|row| row.get(column)).copied().unwrap_or(0)
            };
            let value = Signal::derive(move || f64::from(state.with(at)));
            let set = Callback::new(move |value: f64| {
                state.update(|state| *state = state.with_cell(row, column, value as u32));
            });
            let label = Signal::derive(move || (t().cell)(row + 1, column + 1));
            let (input, error) = controls::number_input(testid, label, expected, value, set);
            let class = move || {
                let strength =
                    state.with(
                        |state| match row < state.classes() && column < state.classes() {
                            true => state.strength(row, column),
                            false => 0,
                        },
                    );
                let kind = if row == column {
                    "is-right"
                } else {
                    "is-wrong"
                };
                let chosen = chosen.get();
                let mark = match chosen == Some(row) || chosen == Some(column) {
                    true => " is-chosen",
                    false => "",
                };
                format!("metrics-cell {kind} is-strength-{strength}{mark}")
            };
            view! { <td class=class>{input}{error}</td> }
        });
        let sum = move || {
            let sum = state.with(|state| {
                if row < state.classes() {
                    state.row(row)
                } else {
                    0
                }
            });
            format::count(sum)
        };
        view! {
            <tr>
                <th scope="row">
                    <span class="visually-hidden">{move || format!("{} ", t().truth)}</span>
                    {move || (t().class_name)(row + 1)}
                </th>
                {cells.collect_view()}
                <td class="numeric">{sum}</td>
            </tr>
        }
    };
    let rows = move || {
        let count = classes.get();
        (0..count).map(|number| row(number, count)).collect_view()
    };
    let sums = move || {
        let columns = (0..classes.get()).map(|class| state.with(|state| state.column(class)));
        let columns = columns.map(|sum| view! { <td class="numeric">{format::count(sum)}</td> });
        view! {
            <tr>
                <th scope="row">{t().column_sum}</th>
                {columns.collect_view()}
                <td class="numeric">{format::count(state.with(State::total))}</td>
            </tr>
        }
    };
    let cell = move |name: &str, class: usize, counts: Ratio| {
        view! {
            <td class="numeric" data-testid=format!("metrics-{name}-{}", class + 1) data-value=Ratio::bare(counts.value)>
                <span class="widget-counts">{format!("{}/{} = ", format::count(counts.part), format::count(counts.whole))}</span>
                {number(counts.value)}
            </td>
        }
    };
    let of_classes = move || {
        let evaluation = evaluation.get();
        let state = state.get();
        let rows = (0..state.classes()).map(|class| {
            let metrics = state.class(&evaluation, class);
            let is_chosen = move || chosen.get() == Some(class);
            view! {
                <tr aria-current=move || is_chosen().then_some("true")>
                    <th scope="row">
                        <button
                            type="button"
                            class="widget-link"
                            data-testid=format!("metrics-class-{}", class + 1)
                            aria-pressed=move || is_chosen().to_string()
                            title=t().choose
                            on:click=move |_| chosen.update(|chosen| {
                                *chosen = if *chosen == Some(class) { None } else { Some(class) };
                            })
                        >
                            {(t().class_name)(class + 1)}
                        </button>
                    </th>
                    {cell("precision", class, metrics.precision)}
                    {cell("recall", class, metrics.recall)}
                    {cell("f1", class, metrics.f1)}
                </tr>
            }
        });
        let means = [
            ("precision", evaluation.macro_precision),
            ("recall", evaluation.macro_recall),
            ("f1", evaluation.macro_f1),
        ];
        let means = means.map(|(name, mean)| {
            view! {
                <td class="numeric" data-testid=format!("metrics-macro-{name}") data-value=Ratio::bare(mean)>
                    {number(mean)}
                </td>
            }
        });
        view! {
            {rows.collect_view()}
            <tr class="widget-mean">
                <th scope="row">{t().macro_mean}</th>
                {means.collect_view()}
            </tr>
        }
    };
    let accuracy = Memo::new(move |_| state.with(|state| state.accuracy(&evaluation.get())));
    let sentences = move || {
        let class = chosen.get().filter(|class| *class < classes.get())?;
        let t = t();
        let metrics = state.with(|state| state.class(&evaluation.get(), class));
        let (right, called) = (
            format::count(metrics.precision.part),
            format::count(metrics.precision.whole),
        );
        let all = format::count(metrics.recall.whole);
        Some(view! {
            <p>{(t.precision_words)(class + 1, &right, &called)}</p>
            <p>{(t.recall_words)(class + 1, &right, &all)}</p>
        })
    };
    let body = view! {
        <p class="panel-note">{words(|t| t.note)}</p>
        <div class="widget-scroll" tabindex="0" role="region" aria-label=words(|t| t.matrix)>
            <table class="widget-table metrics-matrix">
                <caption>{words(|t| t.matrix)}</caption>
                <thead>
                    <tr>
                        <th scope="col">{move || format!("{} \\ {}", t().truth, t().predicted)}</th>
                        {head}
                        <th scope="col" class="numeric">{words(|t| t.row_sum)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>{sums}</tfoot>
            </table>
        </div>
        <div class="cluster">
            <button
                type="button"
                class="button"
                data-testid="metrics-fewer"
                disabled={move || classes.get() <= LEAST}
                on:click=move |_| resize(-1)
            >
                {words(|t| t.fewer)}
            </button>
            <button
                type="button"
                class="button"
                data-testid="metrics-more"
                disabled={move || classes.get() >= MOST}
                on:click=move |_| resize(1)
            >
                {words(|t| t.more)}
            </button>
            <button
                type="button"
                class="button"
                data-testid="metrics-always-negative"
                on:click=move |_| {
                    chosen.set(None);
                    state.set(State::always_negative());
                }
            >
                {words(|t| t.always_negative)}
            </button>
        </div>
        <dl class="widget-values">
            {controls::value_of(
                "metrics-accuracy",
                words(|t| t.accuracy),
                Signal::derive(move || Ratio::bare(accuracy.get().value)),
                Signal::derive(move || ratio(&accuracy.get())),
            )}
        </dl>
        <div class="widget-scroll" tabindex="0" role="region" aria-label=words(|t| t.per_class)>
            <table class="widget-table">
                <caption>{words(|t| t.per_class)}</caption>
                <thead>
                    <tr>
                        <th scope="col">{words(|t| t.class)}</th>
                        <th scope="col" class="numeric">{words(|t| t.precision)}</th>
                        <th scope="col" class="numeric">{words(|t| t.recall)}</th>
                        <th scope="col" class="numeric">{words(|t| t.f1)}</th>
                    </tr>
                </thead>
                <tbody>{of_classes}</tbody>
            </table>
        </div>
        <div role="status">{sentences}</div>
        {FORMULAS.map(|latex| controls::formula(Signal::stored(latex.to_string())))}
        <p>{words(|t| t.undefined_note)}</p>
        <p>{words(|t| t.why)}</p>
    };
    controls::frame(
        "metrics",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}
