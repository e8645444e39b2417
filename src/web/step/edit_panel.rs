//! What if: another number in place of one, and what becomes of the loss.

use leptos::prelude::*;

use super::scope::use_microscope;
use crate::session::Inspection;
use crate::view::format;
use crate::view::microscope::model::Element;
use crate::view::texts::Locale;
use crate::web::address::{use_locale, use_texts};
use crate::web::engine::use_engine;

/// Edits the chosen element, and takes edits back.
#[component]
pub fn EditPanel() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let target = Memo::new(move |_| {
        let element = scope.selected().get()?;
        let is_editable = scope.graph.with(|graph| {
            graph
                .as_ref()
                .is_some_and(|g| g.is_editable(&element.tensor))
        });
        is_editable.then_some(element)
    });
    let edits = scope.part(|state| state.edits.clone());
    let typed = RwSignal::new(String::new());
    let is_wrong = RwSignal::new(false);
    Effect::new(move |_| {
        scope.revision.track();
        let value = target.get().and_then(|element| scope.value_of(&element));
        typed.set(value.map(format::shortest).unwrap_or_default());
        is_wrong.set(false);
    });
    let apply = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let number: Option<f32> = typed.get_untracked().trim().parse().ok();
        let number = number.filter(|number| number.is_finite());
        is_wrong.set(number.is_none());
        if let (Some(number), Some(element)) = (number, target.get_untracked()) {
            scope.edit(element, number);
        }
    };
    let form = move || {
        let element = target.get()?;
        Some(view! {
            <form class="edit-form" on:submit=apply>
                <label class="field-label" for="edit-value">
                    {move || texts.get().step.edit_value}
                    " "
                    <code>{element.label()}</code>
                </label>
                <input
                    id="edit-value"
                    class="input"
                    inputmode="decimal"
                    autocomplete="off"
                    data-testid="edit-value"
                    aria-invalid=move || is_wrong.get().then_some("true")
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
                <button type="submit" class="button" data-testid="edit-apply">
                    {move || texts.get().step.apply}
                </button>
            </form>
        })
    };
    let notes = move || {
        let step = &texts.get().step;
        edits
            .get()
            .into_iter()
            .map(|edit| {
                let value = format::significant(edit.value.into(), 6);
                let text = if edit.count > 1 {
                    (step.painted)(&edit.element.tensor, edit.count, &value)
                } else {
                    (step.edited)(&edit.element.label(), &value)
                };
                view! { <li>{text}</li> }
            })
            .collect_view()
    };
    let loss = move |value: Option<f32>| match value {
        Some(value) => format::significant(value.into(), 6),
        None => texts.get().step.not_computed.to_string(),
    };
    let before = move || loss(edits.with(|edits| edits.first().and_then(|edit| edit.loss_before)));
    let with_edit = move || {
        loss(
            scope
                .cursor
                .with(|cursor| cursor.as_ref().and_then(|c| c.loss)),
        )
    };
    let has_edits = Memo::new(move |_| edits.with(|edits| !edits.is_empty()));
    view! {
        <div class="step-part" data-testid="edit-panel">
            <h3>{move || texts.get().step.edit}</h3>
            <p class="panel-note">{move || texts.get().step.edit_hint}</p>
            <LabelChooser/>
            {form}
            <Show when=move || target.with(Option::is_none)>
                <p class="panel-note">{move || texts.get().step.edit_not_here}</p>
            </Show>
            <Show when=move || is_wrong.get()>
                <p class="field-error" role="alert">{move || texts.get().step.edit_bad_number}</p>
            </Show>
            <Show when=move || has_edits.get()>
                <ul class="edit-notes" data-testid="edits">{notes}</ul>
                <dl class="figures">
                    <dt>{move || texts.get().step.loss_before_edit}</dt>
                    <dd class="numeric" data-testid="loss-before-edit">{before}</dd>
                    <dt>{move || texts.get().step.loss_with_edit}</dt>
                    <dd class="numeric" data-testid="loss-with-edit">{with_edit}</dd>
                </dl>
                <div class="cluster">
                    <button
                        type="button"
                        class="button"
                        data-testid="undo"
                        on:click=move |_| scope.go(Inspection::Undo)
                    >
                        {move || texts.get().step.undo}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="undo-all"
                        on:click=move |_| scope.go(Inspection::UndoAll)
                    >
                        {move || texts.get().step.undo_all}
                    </button>
                </div>
            </Show>
        </div>
    }
}

/// Another label for the shown sample: a button for each class.
#[component]
fn LabelChooser() -> impl IntoView {
    let scope = use_microscope();
    let engine = use_engine();
    let texts = use_texts();
    let locale = use_locale();
    let labels = Memo::new(move |_| {
        scope.graph.with(|graph| {
            let (labels, classes) = graph.as_ref()?.labels()?;
            Some((labels.name.clone(), classes))
        })
    });
    let names = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let element = Memo::new(move |_| {
        let tensor = labels.get()?.0;
        let index = vec![scope.sample.get()];
        Some(Element { tensor, index })
    });
    let current = Memo::new(move |_| {
        scope.revision.track();
        scope.value_of(&element.get()?).map(|class| class as u32)
    });
    let has_label = Memo::new(move |_| current.get().is_some());
    let buttons = move || {
        let (_, classes) = labels.get()?;
        has_label.get().then_some(())?;
        let names = names.get().unwrap_or_default();
        let buttons = (0..classes).map(|class| {
            let name = names.get(class as usize).map_or_else(
                || class.to_string(),
                |(english, chinese)| match locale.get() {
                    Locale::English => english.clone(),
                    Locale::Chinese => chinese.clone(),
                },
            );
            let choose = move |_| {
                let element = element.get_untracked();
                if let Some(element) = element.filter(|_| current.get_untracked() != Some(class)) {
                    scope.edit(element, class as f32);
                }
            };
            view! {
                <button
                    type="button"
                    class="button label-choice"
                    data-testid=format!("label-{class}")
                    aria-pressed=move || (current.get() == Some(class)).to_string()
                    on:click=choose
                >
                    {name}
                </button>
            }
        });
        Some(view! {
            <div class="label-chooser" role="group" data-testid="label-chooser"
                aria-label=move || (texts.get().step.label_of)(scope.sample.get())>
                <span class="field-label">
                    {move || (texts.get().step.label_of)(scope.sample.get())}
                </span>
                <div class="cluster">{buttons.collect_view()}</div>
            </div>
        })
    };
    // A row that only changes what is pressed keeps its focus.
    buttons
}
