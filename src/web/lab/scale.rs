//! The scale calculator: from a model of this page to GPT-3, every number editable, every formula shown.

use leptos::prelude::*;

use super::engine::use_lab_engine;
use super::field::{choice_field, text_field};
use super::{drawing_width, href_with};
use crate::lab::scale::{Expected, Job, REFERENCE_DEVICES, REFERENCE_MODELS, SECONDS_PER_YEAR};
use crate::lab::{Description, LISTING, LabCommand, LabEvent, Printed};
use crate::view::format;
use crate::view::lab::InstrumentId;
use crate::view::lab::scale::{FieldError, Form, NUMBERS, THIS_DEVICE, Wanted, lines, span};
use crate::view::lab::scale_pictures::{WIDTH, compared, is_gpt_3, ring_bar, time_bars};
use crate::view::presets;
use crate::view::texts::Locale;
use crate::view::texts::lab::replicas;
use crate::view::texts::lab::scale::{ScaleTexts, source, texts};
use crate::view::texts::lab::{LabTexts, lab_texts};
use crate::view::url::Route;
use crate::web::address::{use_address, use_locale};

/// Where the page keeps what was measured last, in FLOP/s.
pub const MEASURED_KEY: &str = "glassbox-measured-flops";

/// This device's speed: from the link, or as it was measured here last.
fn measured(settings: &std::collections::BTreeMap<String, String>) -> Option<f64> {
    let kept = || {
        let storage = window().local_storage().ok().flatten()?;
        storage.get_item(MEASURED_KEY).ok().flatten()
    };
    let text = settings.get("measured").cloned().or_else(kept)?;
    let speed: f64 = text.parse().ok()?;
    (speed.is_finite() && speed > 0.0).then_some(speed)
}

/// The whole instrument.
pub fn instrument() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let engine = use_lab_engine();
    let counted = RwSignal::new(None::<Description>);
    let card = RwSignal::new(None::<Printed>);
    engine.listen(move |event| match event {
        LabEvent::Described(description) => counted.set(Some(description.clone())),
        LabEvent::Printed(printed) => card.set(Some(printed.clone())),
        _ => {}
    });
    let form = Memo::new(move |_| {
        address.state.with(|state| {
            counted.with(|counted| {
                Form::read(&state.settings, counted.as_ref(), measured(&state.settings))
            })
        })
    });
    let model = Memo::new(move |_| form.with(|form| form.model.clone()));
    Effect::new(move |_| {
        let preset = model.get();
        if presets::ids().any(|id| id == preset) {
            engine.send(&LabCommand::Describe { preset });
        }
    });
    let job = Memo::new(move |_| form.with(Form::job));
    let number = move |key: &'static str| {
        let wrong = Signal::derive(move || {
            let error = job.get().err().filter(|error| error.key == key)?;
            Some(explain(&error, lab_texts(locale.get())))
        });
        text_field(
            key,
            Signal::derive(move || (texts(locale.get()).label)(key)),
            Signal::derive(move || (texts(locale.get()).hint)(key)),
            Signal::derive(move || form.with(|form| form.number(key).to_string())),
            wrong,
        )
    };
    let own = move || {
        let own = form.with(|form| form.own.clone());
        let text = texts(locale.get());
        let labels: Vec<String> = own.into_iter().map(text.label).collect();
        (!labels.is_empty()).then(|| {
            let said = (text.own_numbers)(&labels.join(", "));
            view! { <p class="panel-note" role="status" data-testid="scale-own">{said}</p> }
        })
    };
    let needs_measuring = move || {
        let is_this =
            form.with(|form| form.device == THIS_DEVICE && form.number("peak").is_empty());
        is_this.then(|| {
            let text = texts(locale.get());
            view! { <p class="panel-note">{text.not_measured}" "{measuring(form, text)}</p> }
        })
    };
    let assumed = move || {
        let is_this = form.with(|form| form.device == THIS_DEVICE);
        is_this.then(|| {
            let text = texts(locale.get());
            view! { <p class="panel-note" data-testid="scale-assumed">{text.assumed_here}</p> }
        })
    };
    view! {
        <div class="lab-bench">
            <section class="panel stack">
                {choices(form)}
                {needs_measuring}
                {own}
                <h2 class="panel-title">{move || texts(locale.get()).numbers}</h2>
                <div class="lab-fields">{NUMBERS.map(number)}</div>
                {assumed}
            </section>
            <section class="panel stack" aria-live="polite">
                <h2 class="panel-title">{move || texts(locale.get()).result}</h2>
                {move || match job.get() {
                    Ok(job) => result(&job, form, locale.get()),
                    Err(error) => {
                        let no_result = texts(locale.get()).no_result;
                        let text = form.with(|form| match error.key.as_str() {
                            "precision" => format!("precision={}", form.precision),
                            key => format!("{key}={}", form.number(key)),
                        });
                        view! { <p data-testid="scale-none">{no_result} " " <code>{text}</code></p> }.into_any()
                    }
                }}
            </section>
            {exercise(card)}
            <section class="panel prose lab-wide lab-columns">
                <h2 class="panel-title">{move || texts(locale.get()).explain_title}</h2>
                <p>{move || texts(locale.get()).explain_work}</p>
                <p>{move || texts(locale.get()).explain_memory}</p>
                <p>{move || texts(locale.get()).explain_energy}</p>
                <p>{move || texts(locale.get()).explain_ring}</p>
                <h3 class="panel-title">{move || texts(locale.get()).sources}</h3>
                <ul class="lab-sources">{move || sources(locale.get())}</ul>
            </section>
        </div>
    }
    .into_any()
}

/// Exercise X13: a model that was printed as GPT-3. Predict, run, see.
fn exercise(card: RwSignal<Option<Printed>>) -> AnyView {
    let locale = use_locale();
    let engine = use_lab_engine();
    let text = move || texts(locale.get());
    let common = move || replicas::texts(locale.get());
    let chosen = RwSignal::new(None::<usize>);
    // The first answer is right; it does not stand first.
    let choices = [1, 0, 2].map(|answer| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="x13"
                    data-testid=format!("x13-{answer}")
                    on:change=move |_| chosen.set(Some(answer))
                />
                <span>{move || text().x13_answers()[answer]}</span>
            </label>
        }
    });
    let seen = move || {
        let printed = card.get()?;
        let (rows, told) = compared(&printed, text());
        let judged = match (chosen.get(), is_gpt_3(&printed)) {
            (None, _) => "",
            (Some(answer), is_gpt) if (answer == 0) != is_gpt => common().right,
            (Some(_), _) => common().wrong_answer,
        };
        Some(view! {
            <div class="lab-scroll" tabindex="0" role="region" aria-label=text().x13_table inner_html=rows></div>
            <p data-testid="x13-verdict">{told}" "<strong>{judged}</strong></p>
        })
    };
    view! {
        <section class="panel stack lab-wide" data-testid="x13">
            <h2 class="panel-title">{move || common().exercises}</h2>
            <p><code class="mono">{LISTING}</code></p>
            <fieldset class="lab-prediction">
                <legend>{move || text().x13_question}" — "{move || common().predict}</legend>
                {choices}
            </fieldset>
            <div>
                <button
                    type="button"
                    class="button"
                    data-testid="x13-run"
                    disabled=move || chosen.get().is_none()
                    on:click=move |_| engine.send(&LabCommand::Print)
                >
                    {move || common().run_exercise}
                </button>
            </div>
            <div class="stack" aria-live="polite">{seen}</div>
        </section>
    }
    .into_any()
}

/// Model, device and precision.
fn choices(form: Memo<Form>) -> AnyView {
    let locale = use_locale();
    let models = Signal::derive(move || {
        let locale = locale.get();
        let text = texts(locale);
        let published = REFERENCE_MODELS.iter().rev().map(|model| {
            let name = (text.published)(model.name);
            (
                model.name.to_string(),
                format!("{name}{}", locale.in_brackets(text.model_group_published)),
            )
        });
        let own = presets::ids()
            .filter(|id| presets::own_data(id).is_none())
            .map(|id| (id.to_string(), id.to_string()));
        published.chain(own).collect()
    });
    let devices = Signal::derive(move || {
        let chips = REFERENCE_DEVICES.iter();
        let chips = chips.map(|chip| {
            (
                chip.name.to_string(),
                format!("NVIDIA {}", chip.name.to_uppercase()),
            )
        });
        let this = (
            THIS_DEVICE.to_string(),
            texts(locale.get()).this_device.to_string(),
        );
        chips.chain([this]).collect()
    });
    let precisions = Signal::derive(move || {
        let text = texts(locale.get());
        vec![
            ("mixed16".to_string(), text.precision_mixed.to_string()),
            ("float32".to_string(), text.precision_float32.to_string()),
        ]
    });
    view! {
        <div class="lab-fields">
            {choice_field(
                "model",
                Signal::derive(move || texts(locale.get()).model.to_string()),
                Signal::derive(move || form.with(|form| form.model.clone())),
                models,
            )}
            {choice_field(
                "accelerator",
                Signal::derive(move || texts(locale.get()).device.to_string()),
                Signal::derive(move || form.with(|form| form.device.clone())),
                devices,
            )}
            {choice_field(
                "precision",
                Signal::derive(move || texts(locale.get()).precision.to_string()),
                Signal::derive(move || form.with(|form| form.precision.clone())),
                precisions,
            )}
        </div>
    }
    .into_any()
}

/// A link to the page that measures this device, with the chosen model where it is one that can be measured.
fn measuring(form: Memo<Form>, text: &'static ScaleTexts) -> AnyView {
    let address = use_address();
    let is_measurable = |id: &&str| presets::own_data(id).is_none();
    let settings = form.with(|form| {
        let found = presets::ids().find(|id| *id == form.model);
        let found = found.filter(is_measurable);
        found.map(|id| format!("model={id}"))
    });
    let href = match settings {
        Some(settings) => href_with(address, InstrumentId::Roofline, &settings),
        None => address.href(&Route::LabPage(InstrumentId::Roofline.name().into())),
    };
    view! { <a data-testid="scale-measure" href=href>{text.measure_here}</a> }.into_any()
}

/// The table of results, the bar of memory, and the time on this device.
fn result(job: &Job, form: Memo<Form>, locale: Locale) -> AnyView {
    let text = texts(locale);
    let rows = lines(job, locale)
        .into_iter()
        .map(|line| {
            let testid = format!("scale-{}", line.key);
            view! {
                <tr>
                    <th scope="row">{(text.line)(line.key)}</th>
                    <td class="lab-formula">{line.formula}<br/><span class="muted">{line.numbers}</span></td>
                    <td class="numeric" data-testid=testid data-value=format::bare(line.value)>{line.shown}</td>
                </tr>
            }
        })
        .collect_view();
    let speed = use_address().state.with(|state| measured(&state.settings));
    let here = match speed {
        Some(speed) => {
            let flops = job.estimate().map_or(f64::NAN, |estimate| estimate.flops);
            let seconds = flops / speed;
            let years = format::bare(seconds / SECONDS_PER_YEAR);
            let said = (text.here)(&span(seconds, locale));
            view! { <p data-testid="scale-here" data-value=years>{said}</p> }.into_any()
        }
        None => view! {
            <p data-testid="scale-here-unknown">{text.here_unknown}" "{measuring(form, text)}</p>
        }
        .into_any(),
    };
    view! {
        <table class="lab-table">
            <thead>
                <tr>
                    <th scope="col">{text.quantity}</th>
                    <th scope="col">{text.formula}</th>
                    <th scope="col">{text.value}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {here}
        <h3 class="panel-title">{text.memory_title}</h3>
        <div inner_html=memory_bar(job, text)></div>
        <p class="panel-note">{text.of_which_activations}</p>
        <h3 class="panel-title">{text.time_title}</h3>
        <div data-testid="scale-time-bars" inner_html=time_bars(job, speed, drawing_width(WIDTH), locale)></div>
        <h3 class="panel-title">{text.ring_title}</h3>
        <div data-testid="scale-ring-bar" inner_html=ring_bar(job, drawing_width(WIDTH), locale)></div>
    }
    .into_any()
}

/// Weights, gradients and optimizer as one bar, with a mark where the memory of one device ends.
fn memory_bar(job: &Job, text: &ScaleTexts) -> String {
    let Ok(estimate) = job.estimate() else {
        return String::new();
    };
    let whole = (estimate.states + estimate.activations).max(job.memory);
    let width = f64::from(drawing_width(WIDTH));
    let at = |bytes: f64| width * bytes / whole;
    let mut svg =
        format!("<svg class=\"lab-bar\" viewBox=\"0 0 {width} 64\" role=\"img\" aria-label=\"");
    svg.push_str(text.memory_title);
    svg.push_str("\">");
    let mut start = 0.0;
    let parts = [
        ("weights", estimate.weights, "is-forward"),
        ("gradients", estimate.gradients, "is-backward"),
        ("optimizer", estimate.optimizer, "is-update"),
        ("activations", estimate.activations, "is-activation"),
    ];
    let mut legend = String::from("<ul class=\"legend\">");
    for (key, bytes, class) in parts {
        svg.push_str(&format!(
            "<rect class=\"lab-part {class}\" x=\"{:.2}\" y=\"8\" width=\"{:.2}\" height=\"36\"></rect>",
            at(start),
            at(bytes)
        ));
        start += bytes;
        legend.push_str(&format!(
            "<li class=\"legend-item {class}\">{}</li>",
            (text.line)(key)
        ));
    }
    let mark = at(job.memory).min(width - 1.0);
    svg.push_str(&format!(
        "<path class=\"lab-mark\" d=\"M{mark:.2} 2 V56\"></path><text class=\"lab-mark-text\" x=\"{:.2}\" y=\"60\" text-anchor=\"{}\">M</text></svg>",
        mark,
        if mark > width / 2.0 { "end" } else { "start" }
    ));
    legend.push_str("</ul>");
    svg + &legend
}

/// Where the constants come from.
fn sources(locale: Locale) -> Vec<AnyView> {
    let rules = [
        "Kaplan et al. 2020, arXiv 2001.08361: C = 6ND",
        "Rajbhandari et al. 2019 (ZeRO), arXiv 1910.02054: 16 B",
        "Hoffmann et al. 2022, arXiv 2203.15556: D ≈ 20N",
        "Korthikanti et al. 2022, arXiv 2205.05198: s·h·L·(34 + 5as/h)",
        "Patterson et al. 2021, arXiv 2104.10350: PUE 1.10, 0.429 kg/kWh",
        "Patarasuk & Yuan 2009: ring all-reduce",
    ];
    let models = REFERENCE_MODELS
        .iter()
        .map(|model| (model.name, model.source));
    let devices = REFERENCE_DEVICES
        .iter()
        .map(|device| (device.name, device.source));
    let all = models.chain(devices).chain(rules.map(|rule| ("", rule)));
    all.map(|(name, english)| {
        let source = source(name, english, locale);
        let lang = (source == english).then_some("en");
        view! { <li lang=lang>{source}</li> }.into_any()
    })
    .collect()
}

fn explain(error: &FieldError, texts: &LabTexts) -> String {
    let text = match error.expected {
        Wanted::Number | Wanted::Precision => texts.must_be_number,
        Wanted::Range(Expected::Positive) => texts.must_be_positive,
        Wanted::Range(Expected::NotNegative) => texts.must_not_be_negative,
        Wanted::Range(Expected::Share) => texts.must_be_share,
        Wanted::Range(Expected::AtLeastOne) => texts.must_be_one_or_more,
        Wanted::Range(Expected::Count) => texts.must_be_count,
    };
    text.into()
}
