//! Embedding: a table, the rows that a word looks up, and the gradient that is scattered back.

use std::sync::Arc;

use leptos::prelude::*;
use web_sys::HtmlInputElement;

use super::Settings;
use super::controls::{self, Started};
use super::map::{self, Asked, Grid};
use crate::view::format;
use crate::view::texts::widgets::embedding::{EmbeddingTexts, texts};
use crate::view::widgets::embedding::{
    DIGITS, FEATURES, LETTERS, Looked, MAX_VALUE, MOST_LETTERS, State, VOCABULARY,
};
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&EmbeddingTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let asked = Asked::new(Signal::derive(move || Some(state.with(State::request))));
    let token = Memo::new(move |_| state.with(|state| state.token));
    let tokens = Memo::new(move |_| state.with(State::tokens));
    let places = Memo::new(move |_| state.with(State::places));
    let looked = Memo::new(move |_| {
        let looked = asked.result.with(|result| Looked::read(result.as_ref()?));
        let length = tokens.with(Vec::len) * FEATURES;
        looked.filter(|looked| looked.output.len() == length)
    });
    let cells = move |of: fn(&Looked) -> &Vec<f64>| {
        Signal::derive(move || {
            looked.with(|looked| {
                let values = looked.iter().flat_map(|looked| of(looked).iter());
                values
                    .map(|&value| (format::significant(value, DIGITS), format::bare(value)))
                    .collect()
            })
        })
    };
    let of_token = Arc::new(move |cell: usize| match cell / FEATURES == token.get() {
        true => "is-window",
        false => "",
    });
    let of_place = Arc::new(move |cell: usize| {
        match places.with(|places| places.contains(&(cell / FEATURES))) {
            true => "is-window",
            false => "",
        }
    });
    let named = move |tensor: &'static str| {
        Arc::new(move |cell: usize| (t().cell)(tensor, cell / FEATURES, cell % FEATURES))
    };
    let table = map::number_grid(Grid {
        testid: "embedding-w",
        label: words(|t| t.table),
        rows: VOCABULARY,
        columns: FEATURES,
        most: MAX_VALUE,
        values: Signal::derive(move || state.with(|state| state.table.clone())),
        set: Callback::new(move |(cell, value): (usize, f64)| {
            state.update(|state| state.table[cell] = value);
        }),
        name: named("w"),
        class: of_token.clone(),
    });
    let length = Memo::new(move |_| tokens.with(Vec::len));
    let marked = of_place.clone();
    let upstream = move || {
        map::number_grid(Grid {
            testid: "embedding-dy",
            label: words(|t| t.upstream),
            rows: length.get(),
            columns: FEATURES,
            most: MAX_VALUE,
            values: Signal::derive(move || state.with(|state| state.upstream.clone())),
            set: Callback::new(move |(cell, value): (usize, f64)| {
                state.update(|state| state.upstream[cell] = value);
            }),
            name: named("dy"),
            class: marked.clone(),
        })
    };
    let scatter = move || {
        looked.with(|looked| {
            looked
                .as_ref()
                .map(|looked| state.with(|state| state.scatter_line(looked)))
        })
    };
    let body = view! {
        <p class="panel-note">{words(|t| t.lead)}</p>
        {word_field(state)}
        {letters(state, tokens, token)}
        {asked.trouble()}
        <div class="wg-pair is-narrow">
            <figure class="wg-figure">
                <figcaption>{words(|t| t.table)}</figcaption>
                <div class="wg-rows">{token_chooser(state, places)} {table}</div>
            </figure>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.lookup)}</figcaption>
                {map::value_grid("embedding-y", words(|t| t.lookup), FEATURES, cells(|looked| &looked.output), of_place)}
            </figure>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.gradient)}</figcaption>
                {map::value_grid("embedding-dw", words(|t| t.gradient), FEATURES, cells(|looked| &looked.gradient), of_token)}
            </figure>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.upstream)}</figcaption>
                {upstream}
            </figure>
        </div>
        <h3 class="widget-title">{words(|t| t.scatter_title)}</h3>
        <p class="wg-line numeric" data-testid="embedding-scatter">{scatter}</p>
        <p role="status">
            {move || if places.with(Vec::is_empty) { t().absent } else { t().scatter_note }}
        </p>
        <p class="panel-note">{words(|t| t.same_as)}</p>
    };
    controls::frame(
        "embedding",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

/// The word, of letters of the vocabulary.
fn word_field(state: RwSignal<State>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let is_cut = RwSignal::new(false);
    let change = move |event| {
        let field: HtmlInputElement = event_target(&event);
        let is_whole = state.try_update(|state| state.set_word(field.value().trim()));
        is_cut.set(is_whole == Some(false));
        // What is shown is what was taken, also where nothing was.
        field.set_value(&state.with_untracked(|state| state.word.clone()));
    };
    let told = move || {
        is_cut.get().then(|| {
            view! { <p class="field-error" role="alert" data-testid="embedding-left-out">{t().left_out}</p> }
        })
    };
    view! {
        <div class="field">
            <label class="field-label" for="embedding-word">{move || t().word}</label>
            <input
                id="embedding-word"
                type="text"
                class="input"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                maxlength=(4 * MOST_LETTERS).to_string()
                data-testid="embedding-word"
                aria-describedby="embedding-word-hint"
                prop:value=move || state.with(|state| state.word.clone())
                on:change=change
            />
            {told}
            <p class="field-hint" id="embedding-word-hint">{move || t().word_hint}</p>
        </div>
    }
    .into_any()
}

/// The word letter by letter, with token numbers; a press looks at the letter's token.
fn letters(state: RwSignal<State>, tokens: Memo<Vec<u32>>, token: Memo<usize>) -> AnyView {
    let letters = move || {
        let tokens = tokens.get().into_iter().enumerate();
        tokens
            .map(|(place, number)| {
                let number = number as usize;
                let letter = LETTERS[number..=number].to_string();
                view! {
                    <button
                        type="button"
                        class="wg-letter"
                        data-testid=format!("embedding-letter-{place}")
                        aria-pressed=move || (token.get() == number).to_string()
                        on:click=move |_| state.update(|state| state.token = number)
                    >
                        <strong>{letter}</strong>
                        <span class="numeric">{number}</span>
                    </button>
                }
            })
            .collect_view()
    };
    view! { <div class="wg-letters">{letters}</div> }.into_any()
}

/// The rows' letters and numbers, of which one is chosen.
fn token_chooser(state: RwSignal<State>, places: Memo<Vec<usize>>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let token = Memo::new(move |_| state.with(|state| state.token));
    let key = Callback::new(move |key: String| {
        state.try_update(|state| state.key(&key)).unwrap_or(false)
    });
    let rows = LETTERS.chars().enumerate().map(|(number, letter)| {
        view! {
            <span
                class="wg-token"
                class:is-window=move || token.get() == number
                data-testid=format!("embedding-token-{number}")
                on:pointerdown=move |_| state.update(|state| state.token = number)
            >
                <strong>{letter.to_string()}</strong>
                " "
                {number}
            </span>
        }
    });
    let spoken = move || {
        let token = token.get();
        let letter = LETTERS.chars().nth(token).unwrap_or_default();
        (t().chosen)(token, letter, places.with(Vec::len))
    };
    view! {
        <div
            class="wg-chooser wg-tokens"
            role="slider"
            aria-orientation="vertical"
            tabindex="0"
            data-testid="embedding-token"
            aria-label=move || t().token
            aria-valuemin="0"
            aria-valuemax=(VOCABULARY - 1).to_string()
            aria-valuenow=move || token.get().to_string()
            aria-valuetext=spoken
            data-value=move || token.get().to_string()
            on:keydown=move |event| map::on_key(&event, key)
        >
            {rows.collect_view()}
        </div>
    }
    .into_any()
}
