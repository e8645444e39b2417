//! Pooling: a map to edit, its windows, and where their gradients go back.

use std::sync::Arc;

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Started};
use super::map::{self, Asked, Grid};
use crate::view::format;
use crate::view::texts::widgets::pooling::{PoolingTexts, texts};
use crate::view::widgets::pooling::{DIGITS, Kind, MAX_VALUE, Pooled, SIDE, State};
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&PoolingTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let asked = Asked::new(Signal::derive(move || Some(state.with(State::request))));
    let kind = Memo::new(move |_| state.with(|state| state.kind));
    let stride = Memo::new(move |_| state.with(|state| state.stride));
    let pooled = Memo::new(move |_| {
        let pooled = asked.result.with(|result| Pooled::read(result.as_ref()?));
        // The engine's answer, where it belongs to what is set.
        let fits = |pooled: &Pooled| {
            pooled.output.len() == state.with(State::out_side).pow(2)
                && pooled.winners.is_some() == (kind.get() == Kind::Max)
        };
        pooled.filter(fits)
    });
    let winner = Memo::new(move |_| {
        let pooled = pooled.get()?;
        let winners = pooled.winners?;
        state.with(|state| state.window(state.at).get(winners[state.at]).copied())
    });
    // A cell of the map: in the window that is looked at, or its largest.
    let in_window = Arc::new(move |cell: usize| {
        let is_inside = state.with(|state| state.window(state.at).contains(&cell));
        match (is_inside, winner.get() == Some(cell)) {
            (true, true) => "is-window is-winner",
            (true, false) => "is-window",
            _ => "",
        }
    });
    let is_at = Arc::new(
        move |cell: usize| match state.with(|state| state.at) == cell {
            true => "is-window",
            false => "",
        },
    );
    let named = move |tensor: &'static str, columns: usize| {
        Arc::new(move |cell: usize| (t().cell)(tensor, cell / columns, cell % columns))
    };
    let x = map::number_grid(Grid {
        testid: "pooling-x",
        label: words(|t| t.map),
        rows: SIDE,
        columns: SIDE,
        most: MAX_VALUE,
        values: Signal::derive(move || state.with(|state| state.map.clone())),
        set: Callback::new(move |(cell, value): (usize, f64)| {
            state.update(|state| state.map[cell] = value);
        }),
        name: named("x", SIDE),
        class: in_window.clone(),
    });
    let cells = move |of: fn(&Pooled) -> &Vec<f64>| {
        Signal::derive(move || {
            pooled.with(|pooled| {
                let values = pooled.iter().flat_map(|pooled| of(pooled).iter());
                values
                    .map(|&value| (format::significant(value, DIGITS), format::bare(value)))
                    .collect()
            })
        })
    };
    let outgoing = is_at.clone();
    let upstream = move || {
        let side = (SIDE - 2) / stride.get() + 1;
        map::number_grid(Grid {
            testid: "pooling-dy",
            label: words(|t| t.upstream),
            rows: side,
            columns: side,
            most: MAX_VALUE,
            values: Signal::derive(move || state.with(|state| state.upstream.clone())),
            set: Callback::new(move |(cell, value): (usize, f64)| {
                state.update(|state| {
                    if let Some(known) = state.upstream.get_mut(cell) {
                        *known = value;
                    }
                });
            }),
            name: named("dy", side),
            class: outgoing.clone(),
        })
    };
    let back = in_window.clone();
    let line = move |of: fn(&State, &Pooled) -> String| {
        move || {
            pooled.with(|pooled| {
                pooled
                    .as_ref()
                    .map(|pooled| state.with(|state| of(state, pooled)))
            })
        }
    };
    let note = move || match kind.get() {
        Kind::Max => t().max_note,
        Kind::Average => t().average_note,
    };
    let body = view! {
        <p class="panel-note">{words(|t| t.lead)}</p>
        {fields(state)}
        {asked.trouble()}
        <h3 class="widget-title">{words(|t| t.forward)}</h3>
        <div class="wg-pair is-tight">
            <figure class="wg-figure">
                <figcaption>{words(|t| t.map)}</figcaption>
                {x}
            </figure>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.output)}</figcaption>
                {output(state, pooled)}
            </figure>
        </div>
        <p class="wg-line numeric" data-testid="pooling-forward">{line(State::forward_line)}</p>
        <h3 class="widget-title">{words(|t| t.backward)}</h3>
        <div class="wg-pair is-tight">
            <figure class="wg-figure">
                <figcaption>{words(|t| t.gradient)}</figcaption>
                {map::value_grid("pooling-dx", words(|t| t.gradient), SIDE, cells(|pooled| &pooled.gradient), back)}
            </figure>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.upstream)}</figcaption>
                {upstream}
            </figure>
        </div>
        <p class="wg-line numeric" data-testid="pooling-backward">{line(State::backward_line)}</p>
        <p>{note} {move || (stride.get() == 1).then(|| format!(" {}", t().overlap_note))}</p>
    };
    controls::frame(
        "pooling",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

fn fields(state: RwSignal<State>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&PoolingTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let kinds = Signal::derive(move || {
        let t = t();
        vec![
            ("max".into(), t.max.into()),
            ("average".into(), t.average.into()),
        ]
    });
    let strides = Signal::derive(move || {
        let t = t();
        vec![
            ("2".into(), t.beside.into()),
            ("1".into(), t.overlapping.into()),
        ]
    });
    view! {
        <div class="widget-fields">
            {controls::switch(
                "pooling-kind",
                words(|t| t.kind),
                kinds,
                Signal::derive(move || state.with(|state| state.kind.name().to_string())),
                Callback::new(move |name: String| {
                    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
                    state.update(|state| state.kind = kind.unwrap_or(state.kind));
                }),
            )}
            {controls::switch(
                "pooling-stride",
                words(|t| t.stride),
                strides,
                Signal::derive(move || state.with(|state| state.stride.to_string())),
                Callback::new(move |stride: String| {
                    state.update(|state| state.set_stride(if stride == "1" { 1 } else { 2 }));
                }),
            )}
        </div>
    }
    .into_any()
}

/// The output, of which one cell is chosen.
fn output(state: RwSignal<State>, pooled: Memo<Option<Pooled>>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let at = Memo::new(move |_| state.with(|state| state.at));
    let side = Memo::new(move |_| state.with(State::out_side));
    let text = move |cell: usize| {
        let value = pooled.with(|pooled| pooled.as_ref()?.output.get(cell).copied());
        value.map_or(format::NO_VALUE.into(), |value| {
            format::significant(value, DIGITS)
        })
    };
    let bare = move |cell: usize| {
        pooled.with(|pooled| pooled.as_ref()?.output.get(cell).copied().map(format::bare))
    };
    let rows = move || {
        let side = side.get();
        (0..side)
            .map(|row| {
                let cells = (0..side).map(|column| {
                    let cell = row * side + column;
                    let choose = move |_| state.update(|state| state.at = cell);
                    view! {
                        <td
                            class=move || if at.get() == cell { "is-window is-pointed" } else { "is-pointed" }
                            data-testid=format!("pooling-y-{cell}")
                            data-value=move || bare(cell)
                            on:pointerenter=choose
                            on:pointerdown=choose
                        >
                            {move || text(cell)}
                        </td>
                    }
                });
                view! { <tr>{cells.collect_view()}</tr> }
            })
            .collect_view()
    };
    let key = Callback::new(move |key: String| {
        state.try_update(|state| state.key(&key)).unwrap_or(false)
    });
    let spoken = move || {
        let (at, side) = (at.get(), side.get());
        (t().chosen)(at / side, at % side, &text(at))
    };
    view! {
        <div
            class="wg-chooser"
            role="slider"
            tabindex="0"
            data-testid="pooling-output"
            aria-label=move || t().output
            aria-valuemin="0"
            aria-valuemax=move || (side.get() * side.get() - 1).to_string()
            aria-valuenow=move || at.get().to_string()
            aria-valuetext=spoken
            data-value=move || at.get().to_string()
            on:keydown=move |event| map::on_key(&event, key)
        >
            <table class="wg-numbers is-read"><tbody>{rows}</tbody></table>
        </div>
    }
    .into_any()
}
