//! Spot the error: predict, run, see.

use leptos::prelude::*;

use super::Held;
use crate::view::lab::replicas::{Exercise, verdict};
use crate::view::texts::lab::replicas::{ReplicaTexts, texts};
use crate::web::address::use_locale;

/// The listing with its mistake.
fn listing(exercise: Exercise) -> &'static str {
    match exercise {
        Exercise::X14 => "all_reduce(loss); loss.backward(); if rank == 0: step()",
        Exercise::X16 => "g = sum(grads)  # no 1/N",
    }
}

fn question(text: &ReplicaTexts, exercise: Exercise) -> &'static str {
    match exercise {
        Exercise::X14 => text.x14_question,
        Exercise::X16 => text.x16_question,
    }
}

/// The answers to choose from; the first is right.
fn answers(text: &ReplicaTexts, exercise: Exercise) -> [&'static str; 3] {
    match exercise {
        Exercise::X14 => [text.x14_nothing, text.x14_same, text.x14_slower],
        Exercise::X16 => [text.x16_rate, text.x16_mean, text.x16_nothing],
    }
}

/// The order in which answers stand, so that the right one is not always the first.
fn order(exercise: Exercise) -> [usize; 3] {
    match exercise {
        Exercise::X14 => [1, 0, 2],
        Exercise::X16 => [2, 1, 0],
    }
}

pub(super) fn panel(bench: Held) -> AnyView {
    let locale = use_locale();
    view! {
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{move || texts(locale.get()).exercises}</h2>
            <div class="lab-exercises">{Exercise::ALL.map(|exercise| one(bench, exercise))}</div>
        </section>
    }
    .into_any()
}

fn one(bench: Held, exercise: Exercise) -> AnyView {
    let locale = use_locale();
    let text = move || texts(locale.get());
    let version = bench.with_value(|bench| bench.version());
    let chosen = RwSignal::new(None::<usize>);
    let name = exercise.name();
    let choices = order(exercise).map(|answer| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name=name
                    data-testid=format!("{name}-{answer}")
                    on:change=move |_| chosen.set(Some(answer))
                />
                <span>{move || answers(text(), exercise)[answer]}</span>
            </label>
        }
    });
    let run = move |_| bench.with_value(|bench| bench.start_exercise(exercise));
    let seen = move || {
        version.track();
        let (id, runs) = bench.with_value(|bench| bench.exercise())?;
        if id != exercise || runs.len() < exercise.runs().len() {
            return None;
        }
        let numbers = verdict(exercise, &runs)?;
        let told = (text().verdict)(exercise, &numbers);
        let judged = match chosen.get() {
            Some(0) => text().right,
            Some(_) => text().wrong_answer,
            None => "",
        };
        Some(view! {
            <p data-testid=format!("{name}-verdict")>{told}" "<strong>{judged}</strong></p>
        })
    };
    view! {
        <article class="stack">
            <p><code class="mono">{listing(exercise)}</code></p>
            <fieldset class="lab-prediction">
                <legend>{move || question(text(), exercise)}" — "{move || text().predict}</legend>
                {choices}
            </fieldset>
            <button type="button" class="button" data-testid=format!("{name}-run") disabled=move || chosen.get().is_none() on:click=run>
                {move || text().run_exercise}
            </button>
            <div aria-live="polite">{seen}</div>
        </article>
    }
    .into_any()
}
