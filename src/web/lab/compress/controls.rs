//! What is asked for.

use leptos::prelude::*;

use super::Bench;
use crate::lab::compress::{Command, TrainSettings};
use crate::view::format;
use crate::view::lab::compress::{FLOAT_POSITION, FieldProblem, bits_at};
use crate::view::texts::lab::compress::{CompressTexts, explain, texts};
use crate::web::address::{use_address, use_locale};
use crate::web::lab::field::{choice_field, text_field};
use crate::web::train::file_drop::{Chosen, FileDrop};

/// Larger files are refused before they are read.
const MOST_BYTES: usize = 64 << 20;

type Label = fn(&CompressTexts) -> &'static str;

fn words(label: Label) -> Signal<String> {
    let locale = use_locale();
    Signal::derive(move || label(texts(locale.get())).to_string())
}

/// A field whose text stands in the address; `problem` finds what is wrong with it.
fn number(
    bench: Bench,
    key: &'static str,
    label: Label,
    problem: impl Fn() -> Option<FieldProblem> + Send + Sync + 'static,
) -> AnyView {
    let locale = use_locale();
    let wrong = Signal::derive(move || {
        let problem = problem().filter(|problem| problem.key == key)?;
        Some(said(&problem, locale.get()))
    });
    text_field(
        key,
        words(label),
        Signal::derive(String::new),
        Signal::derive(move || bench.form.with(|form| form.text(key).to_string())),
        wrong,
    )
}

fn said(problem: &FieldProblem, locale: crate::view::texts::Locale) -> String {
    match &problem.reason {
        Some(reason) => explain(reason, locale),
        None => texts(locale).must_be_number.to_string(),
    }
}

fn choice(
    bench: Bench,
    key: &'static str,
    label: Label,
    choices: &'static [(&'static str, Label)],
) -> AnyView {
    let locale = use_locale();
    let choices = Signal::derive(move || {
        let text = texts(locale.get());
        let named = choices.iter();
        named
            .map(|(name, label)| (name.to_string(), label(text).to_string()))
            .collect()
    });
    let value = Signal::derive(move || bench.form.with(|form| form.text(key).to_string()));
    choice_field(key, words(label), value, choices)
}

/// A box to tick; `yes` in the address.
fn tick(bench: Bench, key: &'static str, label: Label) -> AnyView {
    let address = use_address();
    let change = move |event| {
        let value = if event_target_checked(&event) {
            "yes"
        } else {
            ""
        };
        address.change(|state| state.set_setting(key, value));
    };
    view! {
        <label class="compress-tick">
            <input
                type="checkbox"
                data-testid=key
                prop:checked=move || bench.form.with(|form| form.is_on(key))
                on:change=change
            />
            <span>{words(label)}</span>
        </label>
    }
    .into_any()
}

/// A slider with what it stands at beside its label.
pub fn slider(
    (key, testid): (&'static str, &'static str),
    label: Label,
    [min, max, step]: [&'static str; 3],
    position: Signal<String>,
    shown: Signal<String>,
    chosen: impl Fn(&str) -> String + 'static,
) -> AnyView {
    let address = use_address();
    let change = move |event| {
        let value = chosen(&event_target_value(&event));
        address.change(|state| state.set_setting(key, &value));
    };
    let id = format!("{testid}-slider");
    view! {
        <div class="field">
            <label class="field-label compress-slider-label" for=id.clone()>
                <span>{words(label)}</span>
                <output data-testid=format!("{testid}-value")>{shown}</output>
            </label>
            <input
                id=id
                type="range"
                class="compress-slider"
                min=min
                max=max
                step=step
                data-testid=testid
                aria-valuetext=move || shown.get()
                prop:value=move || position.get()
                on:input=change
            />
        </div>
    }
    .into_any()
}

fn button(
    bench: Bench,
    testid: &'static str,
    label: Label,
    is_main: bool,
    needs_base: bool,
    act: impl Fn() + 'static,
) -> AnyView {
    let cannot = move || bench.is_busy.get() || needs_base && bench.base.with(Option::is_none);
    view! {
        <button
            type="button"
            class="button"
            class:is-primary=is_main
            data-testid=testid
            disabled=cannot
            on:click=move |_| act()
        >
            {words(label)}
        </button>
    }
    .into_any()
}

/// The network that is compressed.
pub fn training(bench: Bench) -> AnyView {
    let locale = use_locale();
    let problem = move || bench.form.with(|form| form.train_epochs().err());
    let train = move || {
        let epochs = bench.form.with_untracked(|form| form.train_epochs());
        bench.begin_if(epochs, |epochs| {
            Command::Train(TrainSettings {
                network: "lenet5-mnist".into(),
                epochs: Some(epochs),
                learning_rate: None,
                seed: bench.seed(),
            })
        });
    };
    let base = move || {
        let text = texts(locale.get());
        bench.base.with(|base| match base {
            None => text.no_base.to_string(),
            Some(base) => {
                let [parameters, weights, steps] =
                    [base.parameters, base.weights, base.steps].map(format::count);
                (text.base)(&parameters, &weights, &steps)
            }
        })
    };
    let open = move |chosen| match chosen {
        Chosen::Read { bytes, .. } => bench.begin(Command::LoadBase { bytes }),
        Chosen::Refused(message) => {
            let error = crate::lab::compress::CompressError::BadFile { message };
            bench.refused.set(Some(error));
        }
    };
    let text = Signal::derive(move || texts(locale.get()));
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{words(|text| text.train_title)}</h2>
            <p class="panel-note">{words(|text| text.train_lead)}</p>
            <div class="lab-fields">{number(bench, "train", |text| text.train_epochs, problem)}</div>
            <div class="compress-actions">
                {button(bench, "compress-train", |text| text.train, true, false, train)}
                <FileDrop
                    label=Signal::derive(move || text.get().open_base)
                    aria_label=Signal::derive(move || text.get().open_base_label)
                    accept=".safetensors"
                    most_bytes=MOST_BYTES
                    testids=("compress-base-drop", "compress-base-file")
                    is_disabled=bench.is_busy
                    on_file=Callback::new(open)
                />
            </div>
            <p class="status-line" role="status" data-testid="compress-base">{base}</p>
        </section>
    }
    .into_any()
}

/// How it is made smaller.
pub fn compression(bench: Bench) -> AnyView {
    let locale = use_locale();
    let form = bench.form;
    let problem = move |is_tuned| form.with(|form| form.recipe(is_tuned, 1).err());
    let field = move |key: &'static str| {
        Signal::derive(move || form.with(|form| form.text(key).to_string()))
    };
    let wrong = move || {
        // A choice tells itself what is wrong with it.
        let problems = form.with(|form| form.slider_problems());
        let told = problems.iter().map(|problem| {
            view! {
                <p class="field-error" role="alert" data-testid="field-error">
                    {said(problem, locale.get())}
                </p>
            }
        });
        told.collect_view()
    };
    let bits = Signal::derive(move || {
        let text = texts(locale.get());
        form.with(|form| match form.text("bits") {
            "32" => text.float_bits.to_string(),
            bits => (text.bits_value)(bits),
        })
    });
    let attempt = move |is_tuned| {
        let recipe = form.with_untracked(|form| form.recipe(is_tuned, bench.seed()));
        bench.begin_if(recipe, Command::Try);
    };
    let distil = move || {
        let lesson = form.with_untracked(|form| form.lesson(bench.seed()));
        bench.begin_if(lesson, Command::Distil);
    };
    let lesson = move || form.with(|form| form.lesson(1).err());
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{words(|text| text.compress_title)}</h2>
            {slider(
                ("sparsity", "compress-sparsity"),
                |text| text.sparsity,
                ["0", "0.99", "0.01"],
                field("sparsity"),
                field("sparsity"),
                str::to_string,
            )}
            {slider(
                ("bits", "compress-bits"),
                |text| text.bits,
                ["1", "9", "1"],
                Signal::derive(move || form.with(|form| form.bits_position().to_string())),
                bits,
                |position| bits_at(position.parse().unwrap_or(FLOAT_POSITION)).to_string(),
            )}
            {wrong}
            <div class="lab-fields">
                {choice(bench, "scope", |text| text.scope, &[
                    ("global", |text| text.scope_global),
                    ("layer", |text| text.scope_layer),
                ])}
                {choice(bench, "per", |text| text.per, &[
                    ("tensor", |text| text.per_tensor),
                    ("channel", |text| text.per_channel),
                ])}
                {choice(bench, "origin", |text| text.origin, &[
                    ("base", |text| text.origin_base),
                    ("student", |text| text.origin_student),
                ])}
            </div>
            <div class="compress-actions">
                {button(bench, "compress-apply", |text| text.apply, true, true, move || attempt(false))}
            </div>
            <h3 class="panel-title">{words(|text| text.tune_title)}</h3>
            <div class="lab-fields">
                {number(bench, "finetune", |text| text.tune_epochs, move || problem(true))}
            </div>
            {tick(bench, "gradual", |text| text.gradual)}
            {tick(bench, "rounded", |text| text.rounded)}
            <div class="compress-actions">
                {button(bench, "compress-finetune", |text| text.tune, false, true, move || attempt(true))}
            </div>
            <h3 class="panel-title">{words(|text| text.distil_title)}</h3>
            <div class="lab-fields">
                {choice(bench, "student", |text| text.student, &[
                    ("mlp", |text| text.student_mlp),
                    ("lenet", |text| text.student_lenet),
                ])}
                {number(bench, "lambda", |text| text.lambda, lesson)}
                {number(bench, "temperature", |text| text.temperature, lesson)}
                {number(bench, "lessons", |text| text.lessons, lesson)}
            </div>
            <div class="compress-actions">
                {button(bench, "compress-distil", |text| text.distil, false, true, distil)}
            </div>
        </section>
    }
    .into_any()
}
