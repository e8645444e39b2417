//! Shapes: a network line by line, and the line at which a printed one fails.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::Settings;
use super::controls::{self, Started};
use super::map;
use crate::lesson::shapes::{Failure, MAX_BATCH, NetworkId, Row, Walk};
use crate::lesson::{Answer, Ask};
use crate::view::format;
use crate::view::texts::widgets::shapes::{ShapesTexts, texts};
use crate::view::widgets::reading::Expected;
use crate::view::widgets::shapes::{State, field_svg, formulas, input, shape};
use crate::web::address::use_locale;
use crate::web::course::engine::use_engine;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words =
        move |text: fn(&ShapesTexts) -> &'static str| Signal::derive(move || text(t()).to_string());
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let (walk, trouble) = ask(state);
    let networks = Signal::derive(move || {
        let t = t();
        let all = NetworkId::ALL.iter();
        all.map(|&network| {
            (
                network.name().to_string(),
                t.network_name(network).to_string(),
            )
        })
        .collect()
    });
    let body = view! {
        <p class="panel-note">{words(|t| t.lead)}</p>
        <div class="widget-fields">
            {controls::choice(
                "shapes-network",
                words(|t| t.network),
                networks,
                Signal::derive(move || state.with(|state| state.network.name().to_string())),
                Callback::new(move |name: String| {
                    let mut all = NetworkId::ALL.into_iter();
                    let network = all.find(|network| network.name() == name);
                    state.update(|state| {
                        state.network = network.unwrap_or(state.network);
                        state.line = None;
                    });
                }),
            )}
            {controls::number_field(
                "shapes-batch",
                words(|t| t.batch),
                Expected::Whole {
                    low: 1,
                    high: MAX_BATCH.into(),
                },
                Memo::new(move |_| f64::from(state.with(|state| state.batch))).into(),
                Callback::new(move |batch: f64| {
                    state.update(|state| {
                        state.batch = batch as u32;
                        state.line = None;
                    });
                }),
            )}
        </div>
        {move || trouble.get().map(|message| view! { <p class="field-error" role="alert">{message}</p> })}
        {move || match walk.get() {
            None => view! { <p role="status">{t().waiting}</p> }.into_any(),
            Some(walk) => walked(state, walk),
        }}
    };
    controls::frame(
        "shapes",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

/// The walk that the engine made, and why there is none.
fn ask(state: RwSignal<State>) -> (RwSignal<Option<Arc<Walk>>>, RwSignal<Option<String>>) {
    let engine = use_engine();
    let walk = RwSignal::new(None);
    let trouble = RwSignal::new(None);
    let asked = StoredValue::new(None::<u32>);
    let what = Memo::new(move |_| state.with(|state| (state.network, state.batch)));
    Effect::new(move |_| {
        engine.restarts();
        let (network, batch) = what.get();
        if let Some(before) = asked.get_value() {
            engine.stop(before);
        }
        let id = engine.ask(Ask::Shapes { network, batch }, move |answer| match answer {
            Answer::Shapes(told) => {
                trouble.set(None);
                walk.set(Some(Arc::new((**told).clone())));
            }
            Answer::Failed { message } => trouble.set(Some(message.clone())),
            _ => {}
        });
        asked.set_value(Some(id));
    });
    on_cleanup(move || {
        if let Some(Some(id)) = asked.try_get_value() {
            engine.stop(id);
        }
    });
    (walk, trouble)
}

fn walked(state: RwSignal<State>, walk: Arc<Walk>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let known = walk.clone();
    let line = Memo::new(move |_| state.with(|state| state.looked_at(&known)));
    let all = walk.clone();
    let rows = move || {
        let lines = all.lines.iter().enumerate();
        lines
            .map(|(number, code)| row(state, &all, line, number, &code.code()))
            .collect_view()
    };
    let sum = |of: fn(&Row) -> u64| format::count(walk.rows.iter().map(of).sum());
    let (parameters, work) = (sum(|row| row.parameters), sum(|row| row.multiply_adds));
    let bare = |of: fn(&Row) -> u64| walk.rows.iter().map(of).sum::<u64>().to_string();
    let bares = (bare(|row| row.parameters), bare(|row| row.multiply_adds));
    let moved = walk.clone();
    let key = Callback::new(move |key: String| {
        let is_moved = state
            .try_update(|state| state.key(&key, &moved))
            .unwrap_or(false);
        if is_moved {
            focus(line.get_untracked());
        }
        is_moved
    });
    let verdict = verdict(&walk);
    let looked = walk.clone();
    let detail = move || detail(&looked, line.get());
    view! {
        <div
            class="widget-scroll"
            data-testid="shapes-line"
            data-value=move || line.get().to_string()
            on:keydown=move |event| map::on_key(&event, key)
        >
            <table class="widget-table wg-shapes">
                <thead>
                    <tr>
                        <th scope="col">{move || t().line}</th>
                        <th scope="col">{move || t().output}</th>
                        <th scope="col" class="numeric">{move || t().parameters}</th>
                        <th scope="col" class="numeric">{move || t().work}</th>
                        <th scope="col" class="numeric">{move || t().field}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">{move || t().sum}</th>
                        <td></td>
                        <td class="numeric" data-testid="shapes-parameters" data-value=bares.0>{parameters}</td>
                        <td class="numeric" data-testid="shapes-work" data-value=bares.1>{work}</td>
                        <td></td>
                    </tr>
                </tfoot>
            </table>
        </div>
        {verdict}
        {detail}
    }
    .into_any()
}

fn button_id(line: usize) -> String {
    format!("shapes-line-{line}")
}

/// Moves the focus to a line.
fn focus(line: usize) {
    let button = document().get_element_by_id(&button_id(line));
    if let Some(button) = button {
        // A button can have the focus.
        let _ = button.unchecked_into::<HtmlElement>().focus();
    }
}

fn row(
    state: RwSignal<State>,
    walk: &Walk,
    line: Memo<usize>,
    number: usize,
    code: &str,
) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let fails = walk
        .failure
        .as_ref()
        .is_some_and(|failure| failure.line as usize == number);
    let is_mixed = walk.rows.get(number).is_some_and(|row| row.mixed.is_some());
    let choose = move |_| state.update(|state| state.line = Some(number));
    let count = |value: u64| match value {
        0 => String::new(),
        value => format::count(value),
    };
    let cells = match walk.rows.get(number) {
        Some(row) => {
            let field = row.receptive_field;
            let dims: Vec<String> = row.output.iter().map(usize::to_string).collect();
            view! {
                <td class="numeric wg-shape" data-testid=format!("shapes-output-{number}") data-value=dims.join(",")>
                    {shape(&row.output)}
                </td>
                <td class="numeric">{count(row.parameters)}</td>
                <td class="numeric">{count(row.multiply_adds)}</td>
                <td class="numeric">
                    {move || match field {
                        Some(field) => format!("{field} × {field}"),
                        None => t().whole.to_string(),
                    }}
                </td>
            }
            .into_any()
        }
        None => {
            let text = move || {
                if fails {
                    t().failure_title
                } else {
                    t().not_reached
                }
            };
            view! { <td colspan="4" class="wg-not-reached">{text}</td> }.into_any()
        }
    };
    view! {
        <tr
            class="is-pointed"
            class:is-failing=fails
            class:is-mixed=is_mixed
            data-testid=format!("shapes-row-{number}")
            aria-current=move || (line.get() == number).then_some("true")
            on:click=choose
        >
            <th scope="row">
                <button
                    type="button"
                    id=button_id(number)
                    class="wg-code"
                    data-testid=format!("shapes-line-{number}")
                    tabindex=move || if line.get() == number { "0" } else { "-1" }
                    aria-pressed=move || (line.get() == number).to_string()
                >
                    <code>{code.to_string()}</code>
                </button>
            </th>
            {cells}
        </tr>
    }
    .into_any()
}

/// Whether every line fits, or where the first one fails and why.
fn verdict(walk: &Walk) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let network = walk.network;
    let note = move || t().note(network).map(|note| view! { <p>{note}</p> });
    let code = |failure: &Failure| walk.lines[failure.line as usize].code();
    let mixed = walk.rows.iter().find_map(|row| row.mixed);
    let mixed = move || {
        mixed.map(|[samples, rows]| {
            let words = (t().mixed)(samples, rows);
            view! { <p class="widget-problem" data-testid="shapes-mixed">{words}</p> }
        })
    };
    let Some(failure) = walk.failure.clone() else {
        return view! {
            {mixed}
            <p data-testid="shapes-verdict" data-value="fits"><strong>{move || t().works}</strong></p>
            {note}
        }
        .into_any();
    };
    let failing = (failure.line as usize + 1, code(&failure));
    let next = walk
        .next_failure
        .clone()
        .map(|next| (next.line as usize + 1, code(&next), next));
    let message = failure.message.clone();
    let next = move || {
        next.as_ref().map(|(line, code, next)| {
            let t = t();
            view! { <p>{(t.next_fails)(*line, code, &t.reason(next))}</p> }
        })
    };
    let line = failure.line;
    view! {
        {mixed}
        <div class="wg-failure" data-testid="shapes-verdict" data-value=line.to_string()>
            <p>
                <strong>{move || (t().fails_at)(failing.0, &failing.1)}</strong>
            </p>
            <p data-testid="shapes-reason">{move || t().reason(&failure)}</p>
            <p class="panel-note">{move || t().engine_says} " " <code lang="en">{message}</code></p>
            {next}
        </div>
        {note}
    }
    .into_any()
}

/// Where the numbers of one line come from.
fn detail(walk: &Walk, line: usize) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let code = walk.lines[line].code();
    let title = move || (t().at_line)(line + 1, &code);
    let side = walk.sample[1];
    let lines = formulas(walk, line);
    let field = walk.rows.get(line).and_then(|row| row.receptive_field);
    let body = match lines {
        None => {
            let is_failing = walk
                .failure
                .as_ref()
                .is_some_and(|failure| failure.line as usize == line);
            let reads = is_failing.then(|| format!("x {}", shape(&input(walk, line))));
            let words = move || {
                if is_failing {
                    t().failure_title
                } else {
                    t().not_reached
                }
            };
            let reads = reads.map(|reads| move || format!("{}{reads}", locale.get().colon()));
            view! { <p>{words} {reads}</p> }.into_any()
        }
        Some(formulas) => {
            let part = move |name: fn(&ShapesTexts) -> &'static str, text: String| {
                (!text.is_empty()).then(|| {
                    view! {
                        <p class="wg-line">
                            <span class="muted">{move || name(t())} {move || locale.get().colon()}</span>
                            <span class="numeric">{text}</span>
                        </p>
                    }
                })
            };
            view! {
                <div class="wg-detail">
                    <div>
                        {part(|t| t.shape_rule, formulas.shape)}
                        {part(|t| t.parameter_rule, formulas.parameters)}
                        {part(|t| t.work_rule, formulas.multiply_adds)}
                        {field.map(|field| view! { <p>{move || (t().sees)(field, side)}</p> })}
                    </div>
                    <div class="wg-field-frame" inner_html=field_svg(field, side)></div>
                </div>
            }
            .into_any()
        }
    };
    view! {
        <h3 class="widget-title">{title}</h3>
        <div data-testid="shapes-detail">{body}</div>
    }
    .into_any()
}
