//! Held-out samples, and what the network takes them for.

use std::sync::Arc;

use leptos::prelude::*;

use super::pixel_image::PixelImage;
use crate::session::Command;
use crate::view::format;
use crate::view::run_state::Samples;
use crate::view::samples::{Verdict, class_names, verdicts};
use crate::web::address::{use_locale, use_texts};
use crate::web::engine::use_engine;

/// How many samples are watched.
const COUNT: u32 = 20;

/// A strip of samples the network never trains on, with its verdicts as it learns.
#[component]
pub fn DigitStrip() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let run = engine.part(|run| run.id().filter(|_| run.has_images()));
    Effect::new(move |_| {
        if run.get().is_some() {
            engine.command(|run| Command::WatchSamples { run, count: COUNT });
        }
    });
    let has_digits = engine.part(|run| run.started.as_ref().is_none_or(|s| s.has_digits()));
    let title = move || {
        let texts = texts.get();
        if has_digits.get() {
            texts.digits.title
        } else {
            texts.data.samples_title
        }
    };
    let hint = move || {
        let texts = texts.get();
        if has_digits.get() {
            texts.digits.hint
        } else {
            texts.data.samples_hint
        }
    };
    let samples = engine.part(|run| run.samples.clone());
    let verdicts = engine.part(|run| match (&run.samples, &run.sample_predictions) {
        (Some(samples), Some(predictions)) => verdicts(samples, predictions),
        _ => Vec::new(),
    });
    let step = engine.part(|run| run.sample_predictions.as_ref().map(|p| p.step));
    let only_wrong = RwSignal::new(false);
    let items = move || {
        let samples = samples.get()?;
        let items = (0..samples.labels.len()).map(|index| {
            let verdict =
                Memo::new(move |_| verdicts.with(|verdicts| verdicts.get(index).copied()));
            let samples = Arc::clone(&samples);
            view! { <Digit samples index verdict only_wrong/> }
        });
        Some(items.collect_view())
    };
    let score = move || {
        verdicts.with(|verdicts| {
            let right = verdicts.iter().filter(|verdict| verdict.is_right()).count();
            if verdicts.is_empty() {
                texts.get().digits.waiting.to_string()
            } else {
                let score = (texts.get().digits.score)(right, verdicts.len());
                let after = (texts.get().confusion.after)(&format::count(step.get().unwrap_or(0)));
                format!("{score} · {after}")
            }
        })
    };
    view! {
        <section class="panel" data-testid="digit-strip">
            <div class="panel-header">
                <h2 class="panel-title">{title}</h2>
                <span class="panel-note numeric" data-testid="digit-score">{score}</span>
            </div>
            <div class="panel-body">
                <p class="panel-note">{hint}</p>
                <ul class="digit-strip">{items}</ul>
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="only-wrong"
                        prop:checked=move || only_wrong.get()
                        on:change=move |event| only_wrong.set(event_target_checked(&event))
                    />
                    {move || texts.get().digits.only_wrong}
                </label>
            </div>
        </section>
    }
}

/// One sample: the image, and what the network takes it for.
#[component]
fn Digit(
    /// All watched samples.
    samples: Arc<Samples>,
    /// Which of them this is.
    index: usize,
    /// What the network takes it for; `None` before the first evaluation.
    #[prop(into)]
    verdict: Signal<Option<Verdict>>,
    /// Whether samples that are right are hidden.
    #[prop(into)]
    only_wrong: Signal<bool>,
) -> impl IntoView {
    let texts = use_texts();
    let locale = use_locale();
    let engine = use_engine();
    let has_digits = engine.part(|run| run.started.as_ref().is_none_or(|s| s.has_digits()));
    let classes = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let name = move |class: u32| {
        let names = class_names(&classes.get().unwrap_or_default(), locale.get());
        let name = names.get(class as usize).cloned();
        name.unwrap_or_else(|| class.to_string())
    };
    let pixels = samples.image(index).map(<[u8]>::to_vec);
    let label = samples.labels.get(index).copied().unwrap_or_default();
    let is_right = move || verdict.get().is_some_and(Verdict::is_right);
    let is_wrong = move || verdict.get().is_some_and(|verdict| !verdict.is_right());
    let said = Signal::derive(move || {
        let (digits, data) = (&texts.get().digits, &texts.get().data);
        match verdict.get() {
            None => name(label),
            Some(verdict) if !has_digits.get() && verdict.is_right() => {
                (data.describe_right)(&name(label))
            }
            Some(verdict) if !has_digits.get() => {
                (data.describe_wrong)(&name(label), &name(verdict.predicted))
            }
            Some(verdict) if verdict.is_right() => (digits.describe_right)(label),
            Some(verdict) => (digits.describe_wrong)(label, verdict.predicted),
        }
    });
    let caption = move || {
        verdict.get().map(|verdict| {
            let mark = if verdict.is_right() { "✓" } else { "✗" };
            view! {
                <span class="digit-caption" aria-hidden="true">
                    <span class="digit-mark">{mark}</span>
                    " "
                    <strong>{name(verdict.predicted)}</strong>
                    <span class="digit-share">
                        {format::percent(verdict.probability.into(), 0)}
                    </span>
                </span>
            }
        })
    };
    view! {
        <li
            class="digit"
            class:is-right=is_right
            class:is-wrong=is_wrong
            hidden=move || only_wrong.get() && is_right()
            title=said
        >
            <PixelImage
                pixels=Signal::stored(pixels)
                shape=samples.shape.clone()
                class="digit-image"
                label=said
            />
            {caption}
        </li>
    }
}
