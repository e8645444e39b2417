//! Attention of three tokens: inputs are edited, every matrix of both passes follows, every number explains itself.

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Started};
use crate::view::format;
use crate::view::texts::widgets::attention::{AttentionTexts, texts};
use crate::view::widgets::attention::{Cell, Matrix, REACH, Results, State, TOKENS};
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;

/// What the parts share.
#[derive(Clone, Copy)]
struct Scope {
    state: RwSignal<State>,
    results: Memo<Results>,
    /// The number that is explained.
    chosen: RwSignal<Cell>,
    /// The elements that it is made of.
    sources: Memo<Vec<Cell>>,
    texts: Signal<&'static AttentionTexts>,
}

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&AttentionTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let weight_of = |query: usize| Cell {
        matrix: Matrix::Weights,
        row: query,
        column: 0,
    };
    let chosen = RwSignal::new(weight_of(state.with_untracked(|state| state.query)));
    let query = Memo::new(move |_| state.with(|state| state.query));
    Effect::new(move |_| chosen.set(weight_of(query.get())));
    let results = Memo::new(move |_| state.with(State::results));
    let sources = Memo::new(move |_| results.with(|results| results.sources(chosen.get())));
    let scope = Scope {
        state,
        results,
        chosen,
        sources,
        texts: Signal::derive(t),
    };
    let queries = Signal::derive(move || {
        let tokens = 0..TOKENS;
        tokens
            .map(|token| {
                let number = (token + 1).to_string();
                (number, (t().token_name)(token + 1))
            })
            .collect()
    });
    let choose = Callback::new(move |id: String| {
        let number: usize = id.parse().unwrap_or(1);
        state.update(|state| state.query = number.saturating_sub(1).min(TOKENS - 1));
    });
    let explanation = Signal::derive(move || results.with(|r| r.explanation(chosen.get())));
    let rule = Signal::derive(move || chosen.get().matrix.formula().to_string());
    let kind = move || {
        let cell = chosen.get();
        let is_hidden = results.with(|results| results.is_hidden(cell));
        match (Matrix::INPUTS.contains(&cell.matrix), is_hidden) {
            (true, _) => Some(t().given),
            (false, true) => Some(t().hidden),
            (false, false) => None,
        }
    };
    let bars = move || {
        let row = query.get();
        let cells = (0..TOKENS).map(|column| {
            let weight = results.with(|results| {
                results.at(Cell {
                    matrix: Matrix::Weights,
                    row,
                    column,
                })
            });
            let svg = format!(
                "<svg class=\"widget-bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
                 <rect class=\"is-part-0\" width=\"{:.3}\" height=\"10\"/></svg>",
                100.0 * weight
            );
            let name = (t().token_name)(column + 1);
            view! {
                <div class="attention-bar">
                    <span>{name}</span>
                    <span inner_html=svg></span>
                    <span class="numeric">{format::significant(weight, 6)}</span>
                </div>
            }
        });
        cells.collect_view()
    };
    let group = move |title: fn(&AttentionTexts) -> &'static str, matrices: Vec<Matrix>| {
        let matrices = matrices.into_iter().map(|m| matrix(scope, m));
        view! {
            <h3 class="widget-title">{words(title)}</h3>
            <div class="attention-matrices">{matrices.collect_view()}</div>
        }
    };
    let body = view! {
        <p>{words(|t| t.lead)}</p>
        <div class="widget-fields">
            {controls::switch(
                "attention-query",
                words(|t| t.query),
                queries,
                Signal::derive(move || (query.get() + 1).to_string()),
                choose,
            )}
            <label class="widget-check">
                <input
                    type="checkbox"
                    data-testid="attention-causal"
                    prop:checked=move || state.with(|state| state.is_causal)
                    on:change=move |event| {
                        let is_causal = event_target_checked(&event);
                        state.update(|state| state.is_causal = is_causal);
                    }
                />
                {words(|t| t.causal)}
            </label>
        </div>
        <h3 class="widget-title">{words(|t| t.weights_of)}</h3>
        <div>{bars}</div>
        {group(|t| t.inputs, Matrix::INPUTS.to_vec())}
        <div class="attention-explanation" role="status" data-testid="attention-explanation">
            <h3 class="widget-title">{words(|t| t.chosen)}</h3>
            {controls::formula(rule)}
            {controls::formula(explanation)}
            <p class="panel-note">{kind}</p>
        </div>
        {group(|t| t.forward, Matrix::FORWARD.to_vec())}
        {group(|t| t.backward, Matrix::BACKWARD.to_vec())}
        <p>{words(|t| t.rule)}</p>
        <p>{words(|t| t.masked)}</p>
    };
    controls::frame(
        "attention",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

/// One matrix as a table, with its formula above it.
fn matrix(scope: Scope, matrix: Matrix) -> AnyView {
    let head = match matrix.formula() {
        "" => format!(r"\mathit{{{}}}", matrix.symbol()),
        formula => formula.to_string(),
    };
    let rows = (0..TOKENS).map(|row| {
        let cells = (0..matrix.columns()).map(|column| {
            let cell = Cell {
                matrix,
                row,
                column,
            };
            match Matrix::INPUTS.contains(&matrix) {
                true => given(scope, cell),
                false => computed(scope, cell),
            }
        });
        // The query's own rows; keys and values have rows of their own.
        let is_query = move || !matrix.is_of_keys() && scope.state.with(|s| s.query == row);
        view! {
            <tr class:is-query=is_query>
                <th scope="row">
                    <span class="visually-hidden">{move || format!("{} ", scope.texts.get().token)}</span>
                    {row + 1}
                </th>
                {cells.collect_view()}
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <div class="attention-matrix">
            {controls::formula(Signal::stored(head))}
            <table class="widget-table" aria-label=matrix.symbol()>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn testid(cell: Cell) -> String {
    format!(
        "attention-{}-{}-{}",
        cell.matrix.id(),
        cell.row + 1,
        cell.column + 1
    )
}

/// Whether an element is among those of the chosen one.
fn source_class(scope: Scope, cell: Cell) -> impl Fn() -> bool + Copy + Send {
    move || scope.sources.with(|sources| sources.contains(&cell))
}

/// An element that the learner gives.
fn given(scope: Scope, cell: Cell) -> AnyView {
    let expected = Expected::Number {
        low: -REACH,
        high: REACH,
    };
    let label = Signal::derive(move || {
        (scope.texts.get().cell)(cell.matrix.symbol(), cell.row + 1, cell.column + 1)
    });
    let value = Signal::derive(move || scope.results.with(|results| results.at(cell)));
    let set = Callback::new(move |value| {
        scope.state.update(|state| *state = state.with(cell, value));
    });
    let (input, error) = controls::number_input(testid(cell), label, expected, value, set);
    view! { <td class:is-source=source_class(scope, cell)>{input}{error}</td> }.into_any()
}

/// An element that is computed: pressed, it is explained.
fn computed(scope: Scope, cell: Cell) -> AnyView {
    let value = Memo::new(move |_| scope.results.with(|results| results.at(cell)));
    let is_hidden = move || scope.results.with(|results| results.is_hidden(cell));
    let is_chosen = move || scope.chosen.get() == cell;
    let label = move || {
        let texts = scope.texts.get();
        let name = (texts.cell)(cell.matrix.symbol(), cell.row + 1, cell.column + 1);
        let hidden = if is_hidden() { texts.hidden } else { "" };
        format!("{name}: {} {hidden}", format::significant(value.get(), 6))
    };
    view! {
        <td class:is-source=source_class(scope, cell) class:is-hidden=is_hidden class:is-chosen=is_chosen>
            <button
                type="button"
                class="attention-cell numeric"
                data-testid=testid(cell)
                data-value=move || format::bare(value.get())
                aria-label=label
                aria-pressed=move || is_chosen().to_string()
                on:click=move |_| scope.chosen.set(cell)
            >
                {move || format::fixed(value.get(), 6)}
            </button>
        </td>
    }
    .into_any()
}
