//! The text of a chapter, step by step, with its questions.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Scope, link};
use crate::course::{Chapter, ChapterText, Question, StepText, to_html};
use crate::view::texts::Locale;
use crate::view::texts::course::texts;
use crate::web::base_path;

/// All steps and what the chapter taught.
pub fn steps(scope: Scope, chapter: &Arc<Chapter>, text: &ChapterText) -> AnyView {
    let sections: Vec<AnyView> = text
        .steps
        .iter()
        .enumerate()
        .map(|(number, step)| section(scope, chapter, number, step))
        .collect();
    view! {
        {sections}
        {end(scope, chapter.clone())}
    }
    .into_any()
}

fn section(scope: Scope, chapter: &Arc<Chapter>, number: usize, step: &StepText) -> AnyView {
    let html = html(scope, &step.body);
    let questions: Vec<AnyView> = step
        .questions
        .iter()
        .enumerate()
        .map(|(place, question)| self::question(scope, chapter.number, &step.id, place, question))
        .collect();
    let is_here = Memo::new(move |_| scope.at.get() == number);
    let has_show = chapter
        .steps
        .get(number)
        .is_some_and(|step| step.show.is_some());
    let show = move || {
        (has_show && !is_here.get()).then(|| {
            view! {
                <button type="button" class="button button-quiet chapter-show" on:click=move |_| scope.turn_to(number)>
                    {texts(scope.locale.get()).show}
                </button>
            }
        })
    };
    view! {
        <section
            class="chapter-step"
            class:is-here=is_here
            tabindex="-1"
            data-step-number=number
            data-testid=format!("step-{}", step.id)
            aria-labelledby=format!("step-title-{}", step.id)
            aria-current=move || is_here.get().then_some("step")
        >
            <h2 id=format!("step-title-{}", step.id)>
                <span class="chapter-step-number">{number + 1}</span>
                {step.title.clone()}
            </h2>
            <div class="prose" inner_html=html></div>
            {questions}
            {show}
            <div class="chapter-still" data-still=number></div>
        </section>
    }
    .into_any()
}

/// Markdown as HTML, with links that keep language and theme.
fn html(scope: Scope, markdown: &str) -> String {
    let href = |target: &str| Some(link(scope.address, target));
    let told = |mistakes: Vec<(usize, String)>| {
        let told: Vec<String> = mistakes.into_iter().map(|(_, message)| message).collect();
        told.join("; ").replace('&', "&amp;").replace('<', "&lt;")
    };
    let html = to_html(markdown, &href).unwrap_or_else(told);
    // Opened beside the text by a click on it (`open_aside`).
    ["map", "step", "train", "lab"]
        .into_iter()
        .fold(html, |html, page| {
            let link = format!("href=\"{}/{page}", base_path());
            html.replace(
                &format!("<a {link}"),
                &format!("<a rel=\"external\" {link}"),
            )
        })
}

/// A line of Markdown without the paragraph around it.
fn line(scope: Scope, markdown: &str) -> String {
    let html = html(scope, markdown);
    let html = html.trim();
    let inner = html
        .strip_prefix("<p>")
        .and_then(|rest| rest.strip_suffix("</p>"));
    inner.unwrap_or(html).to_string()
}

/// A question: every answer is met at once by the reason why it is right or wrong.
fn question(scope: Scope, chapter: u8, step: &str, place: usize, question: &Question) -> AnyView {
    let id = format!("{step}-{place}");
    let kept = scope.kept;
    let key = step.to_string();
    let chosen = Memo::new(move |_| {
        kept.progress
            .with(|progress| progress.answered(chapter, &key, place))
    });
    let right = question.right;
    let options: Vec<AnyView> = question
        .options
        .iter()
        .enumerate()
        .map(|(number, option)| {
            let step = step.to_string();
            let choose = move |_| kept.answer(chapter, &step, place, number);
            view! {
                <label
                    class="chapter-option"
                    class:is-right=move || chosen.get() == Some(number) && number == right
                    class:is-wrong=move || chosen.get() == Some(number) && number != right
                >
                    <input
                        type="radio"
                        name=format!("question-{id}")
                        data-testid=format!("option-{id}-{number}")
                        prop:checked=move || chosen.get() == Some(number)
                        on:change=choose
                    />
                    <span inner_html=line(scope, &option.text)></span>
                </label>
            }
            .into_any()
        })
        .collect();
    let feedback: Vec<String> = question
        .options
        .iter()
        .map(|option| line(scope, &option.feedback))
        .collect();
    let told = move || {
        let number = chosen.get()?;
        let words = texts(scope.locale.get());
        let verdict = if number == right {
            words.right
        } else {
            words.wrong
        };
        let feedback = feedback.get(number)?.clone();
        Some(view! {
            <p class="chapter-feedback" class:is-right=number == right class:is-wrong=number != right>
                <strong>{verdict}</strong>
                // A Chinese full stop has its room already.
                {(scope.locale.get() == Locale::English).then_some(" ")}
                <span inner_html=feedback></span>
            </p>
        })
    };
    view! {
        <fieldset class="chapter-question" data-testid=format!("question-{id}")>
            <legend inner_html=line(scope, &question.text)></legend>
            {options}
            <div
                role="status"
                data-testid=format!("feedback-{id}")
                data-right=move || chosen.get().map(|number| (number == right).to_string())
            >
                {told}
            </div>
        </fieldset>
    }
    .into_any()
}

/// The chapter's concepts, and a button that marks them as known.
fn end(scope: Scope, chapter: Arc<Chapter>) -> AnyView {
    let all = chapter.concepts.clone();
    let is_known = Memo::new(move |_| {
        scope
            .marks
            .0
            .with(|known| all.iter().all(|id| known.0.contains(id)))
    });
    let all = StoredValue::new(chapter.concepts.clone());
    let mark = move |_| {
        let missing: Vec<String> = scope.marks.0.with_untracked(|known| {
            all.with_value(|all| {
                all.iter()
                    .filter(|id| !known.0.contains(*id))
                    .cloned()
                    .collect()
            })
        });
        missing.iter().for_each(|id| scope.marks.toggle(id));
    };
    let rows = move || {
        let texts = scope.content.texts(scope.locale.get());
        let name = |id: &String| {
            let text = texts.as_ref().and_then(|texts| texts.get(id));
            text.map_or(id.clone(), |text| text.name.clone())
        };
        all.with_value(|all| {
            let rows = all.iter().map(|id| {
                let href = link(scope.address, id);
                view! { <li><a class="map-chip" href=href>{name(id)}</a></li> }.into_any()
            });
            rows.collect::<Vec<AnyView>>()
        })
    };
    let marks = chapter.marks;
    let words = move || texts(scope.locale.get());
    view! {
        <section class="chapter-end" data-testid="chapter-end">
            <h2>{move || words().end_title}</h2>
            <ul class="map-chips">{rows}</ul>
            <p class="panel-note">{move || if marks { words().end_marks } else { words().end_overview }}</p>
            {marks.then(|| view! {
                <button
                    type="button"
                    class="button"
                    data-testid="mark-known"
                    disabled=is_known
                    on:click=mark
                >
                    {move || if is_known.get() { words().marked } else { words().mark }}
                </button>
            })}
        </section>
    }
    .into_any()
}
