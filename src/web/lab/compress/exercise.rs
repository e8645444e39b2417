//! Exercise X15: minimise the loss over the size alone.

use leptos::prelude::*;

use super::Bench;
use crate::lab::compress::Command;
use crate::view::format;
use crate::view::lab::compress::lowest_loss;
use crate::view::texts::lab::compress::{CompressTexts, texts};
use crate::web::address::use_locale;

type Label = fn(&CompressTexts) -> &'static str;

/// What can be predicted: smallest, one between, largest.
const GUESSES: [(&str, Label); 3] = [
    ("smallest", |text| text.smallest),
    ("middle", |text| text.middle),
    ("largest", |text| text.largest),
];

pub fn panel(bench: Bench) -> AnyView {
    let locale = use_locale();
    let guess = RwSignal::new(None::<usize>);
    let text = Signal::derive(move || texts(locale.get()));
    let guesses = GUESSES.iter().enumerate().map(|(at, (name, label))| {
        view! {
            <label class="compress-tick">
                <input
                    type="radio"
                    name="x15"
                    data-testid=format!("x15-{name}")
                    prop:checked=move || guess.get() == Some(at)
                    on:change=move |_| guess.set(Some(at))
                />
                <span>{move || label(text.get())}</span>
            </label>
        }
    });
    let run = move |_| {
        bench.sizes.set(Vec::new());
        let seed = bench.seed();
        bench.begin(Command::Sizes { seed });
    };
    let is_done = move || {
        bench
            .sizes
            .with(|sizes| sizes.last().is_some_and(|sized| sized.is_last))
    };
    let rows = move || {
        bench.sizes.with(|sizes| {
            let rows = sizes.iter().map(|sized| {
                view! {
                    <tr>
                        <th scope="row">{sized.width}</th>
                        <td class="numeric">{format::count(sized.bytes)}</td>
                        <td class="numeric">{format!("{:.4}", sized.loss)}</td>
                    </tr>
                }
            });
            rows.collect_view()
        })
    };
    let verdict = move || {
        let text = text.get();
        let sizes = bench.sizes.get();
        let winner = lowest_loss(&sizes, None).filter(|_| is_done())?;
        // Judged by what was computed, not by what is expected.
        let actual = match winner {
            0 => 0,
            last if last + 1 == sizes.len() => 2,
            _ => 1,
        };
        let width = sizes[winner].width.to_string();
        let is_right = guess.get() == Some(actual);
        let told = if is_right && actual == 2 {
            (text.exercise_right)(&width)
        } else {
            (text.exercise_wrong)(&width)
        };
        let budget = bench.form.with(|form| form.budget()).ok();
        let bounded = budget.map(|budget| {
            let shown = format::count(budget);
            match lowest_loss(&sizes, Some(budget)) {
                Some(at) => (text.exercise_budget)(&shown, &sizes[at].width.to_string()),
                None => (text.exercise_none)(&shown),
            }
        });
        let answer = (actual == 2).then_some(text.exercise_answer);
        Some(view! {
            <p data-testid="x15-verdict" data-right=is_right.to_string()>{told}</p>
            <p>{answer}</p>
            <p data-testid="x15-budget">{bounded}</p>
        })
    };
    view! {
        <section class="panel stack lab-wide" data-testid="x15">
            <h2 class="panel-title">{move || text.get().exercise_title}</h2>
            <p>{move || text.get().exercise_lead}</p>
            <p class="compress-formula">{move || text.get().exercise_formula}</p>
            <fieldset class="compress-guess">
                <legend>{move || text.get().exercise_question}</legend>
                {guesses.collect_view()}
            </fieldset>
            <div class="compress-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="x15-run"
                    disabled=move || bench.is_busy.get() || guess.get().is_none()
                    on:click=run
                >
                    {move || text.get().run}
                </button>
                <span class="panel-note" hidden=move || guess.get().is_some()>
                    {move || text.get().choose_first}
                </span>
            </div>
            <table class="lab-table compress-sizes" hidden=move || bench.sizes.with(Vec::is_empty)>
                <thead>
                    <tr>
                        <th scope="col">{move || text.get().width}</th>
                        <th scope="col">{move || text.get().bytes}</th>
                        <th scope="col">{move || text.get().training_loss}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <div aria-live="polite">{verdict}</div>
        </section>
    }
    .into_any()
}
