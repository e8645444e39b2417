//! Mixed precision: the settings, the number lab and the explanations; what a comparison tells is in
//! `precision_results`.

use leptos::prelude::*;

use super::engine::{LabEngine, use_lab_engine};
use super::field::{choice_field, select_field, text_field};
use super::precision_results as results;
use crate::lab::precision::float16::{Conversion, Fate};
use crate::lab::precision::{Command, PrecisionMode, Setting};
use crate::lab::{LabCommand, LabEvent};
use crate::session::DevicePreference;
use crate::view::format;
use crate::view::lab::precision::{Form, OPTIMIZERS, Told, line_class};
use crate::view::lab::scale::read_number;
use crate::view::texts::lab::precision::{PrecisionTexts, texts};
use crate::web::address::{use_address, use_locale};

/// The whole instrument.
pub fn instrument() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let engine = use_lab_engine();
    let told = RwSignal::new(Told::default());
    let is_measuring = RwSignal::new(false);
    let asked = StoredValue::new(0u32);
    engine.listen(move |event| match event {
        LabEvent::Precision(event) => {
            if matches!(event, crate::lab::precision::Event::Kernels(_)) {
                is_measuring.set(false);
            }
            told.update(|told| told.hear(event));
        }
        LabEvent::Failed { .. } | LabEvent::FileMissing { .. } => {
            is_measuring.set(false);
            told.update(|told| told.is_running = false);
        }
        _ => {}
    });
    // Nobody looks any more.
    on_cleanup(move || engine.send(&LabCommand::Precision(Command::Stop)));
    let form = Memo::new(move |_| address.state.with(Form::read));
    let start = move |_| {
        let Ok(config) = form.with(Form::config) else {
            return;
        };
        let run = asked.get_value() + 1;
        asked.set_value(run);
        engine.send(&LabCommand::Precision(Command::Start { run, config }));
    };
    let t = move || texts(locale.get());
    view! {
        <div class="lab-bench">
            <section class="panel stack">
                <h2 class="panel-title">{move || t().settings}</h2>
                {settings(form)}
                <div class="precision-actions">
                    <button
                        type="button"
                        class="button button-primary"
                        data-testid="precision-start"
                        disabled=move || form.with(|form| form.config().is_err())
                        on:click=start
                    >
                        {move || t().start}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="precision-stop"
                        disabled=move || told.with(|told| !told.is_running)
                        on:click=move |_| engine.send(&LabCommand::Precision(Command::Stop))
                    >
                        {move || t().stop}
                    </button>
                </div>
            </section>
            {results::curves(told)}
            {results::table(told)}
            {results::scale_log(told)}
            {number_lab(form)}
            {results::gradients(told, form)}
            {support(engine, told, is_measuring)}
            {explanation()}
        </div>
    }
    .into_any()
}

fn settings(form: Memo<Form>) -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let t = move || texts(locale.get());
    let label = move |text: fn(&PrecisionTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let value = move |text: fn(&Form) -> &String| {
        Signal::derive(move || form.with(|form| text(form).clone()))
    };
    let wrong = move |setting: Setting| {
        Signal::derive(move || {
            let refused = form.with(Form::config).err();
            let refused = refused.filter(|refused| refused.contains(&setting));
            refused.map(|_| t().wrong(setting).to_string())
        })
    };
    // Made once, so that the one that was changed keeps the focus.
    let modes = PrecisionMode::ALL.map(|mode| {
        let place = PrecisionMode::ALL.iter().position(|known| *known == mode);
        let is_chosen = move || form.with(|form| form.modes[place.unwrap_or_default()]);
        let change = move |event| {
            let is_chosen = event_target_checked(&event);
            let modes = form.with(|form| form.modes_with(mode, is_chosen));
            address.change(|state| state.set_setting("modes", &modes));
        };
        let key = format!(
            "<svg class=\"lines precision-key\" viewBox=\"0 0 32 12\" aria-hidden=\"true\">\
             <path class=\"{}\" d=\"M0 6H32\"/></svg>",
            line_class(mode)
        );
        view! {
            <label>
                <input
                    type="checkbox"
                    data-testid=format!("precision-mode-{}", mode.name())
                    prop:checked=is_chosen
                    on:change=change
                />
                <span inner_html=key></span>
                <span>{move || t().mode_name(mode)}</span>
            </label>
        }
    });
    let modes_wrong = move || {
        wrong(Setting::Modes).get().map(|text| {
            view! { <p class="field-error" role="alert" data-testid="field-error">{text}</p> }
        })
    };
    let presets = Signal::derive(|| {
        let presets = Form::presets();
        presets.map(|id| (id.to_string(), id.to_string())).collect()
    });
    let devices = Signal::derive(move || {
        let choices = DevicePreference::ALL.iter();
        choices
            .map(|&device| {
                (
                    device.name().to_string(),
                    t().device_name(device).to_string(),
                )
            })
            .collect()
    });
    let device = Signal::derive(move || form.with(|form| form.device.name().to_string()));
    let choose_device = move |name: &str| {
        let state = address
            .state
            .with_untracked(|state| state.with("device", name));
        if let Ok(state) = state {
            address.change(|now| now.device = state.device);
        }
    };
    let optimizers = Signal::derive(move || {
        let own = (String::new(), t().optimizer_own.to_string());
        let others = OPTIMIZERS.map(|kind| (kind.name().to_string(), kind.name().to_string()));
        std::iter::once(own).chain(others).collect()
    });
    view! {
        <fieldset class="precision-modes" data-testid="precision-mode">
            <legend class="field-label">{move || t().modes}</legend>
            {modes}
            {modes_wrong}
        </fieldset>
        <div class="lab-fields">
            {choice_field("preset", label(|t| t.preset), value(|form| &form.preset), presets)}
            {select_field("device", label(|t| t.device), device, devices, Signal::derive(|| None), choose_device)}
            {choice_field("update", label(|t| t.optimizer), value(|form| &form.optimizer), optimizers)}
            {text_field("rate", label(|t| t.rate), label(|t| t.rate_hint), value(|form| &form.rate), wrong(Setting::LearningRate))}
            {text_field("updates", label(|t| t.updates), label(|t| t.updates_hint), value(|form| &form.updates), wrong(Setting::Steps))}
            {text_field("scale", label(|t| t.scale), label(|t| t.scale_hint), value(|form| &form.scale), wrong(Setting::Scale))}
            {text_field("growth", label(|t| t.growth), label(|t| t.growth_hint), value(|form| &form.growth), wrong(Setting::GrowthInterval))}
        </div>
    }
    .into_any()
}

/// One number, by itself and times the scale.
fn number_lab(form: Memo<Form>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let number = Memo::new(move |_| form.with(|form| read_number(&form.number)));
    let wrong = Signal::derive(move || number.get().is_none().then(|| t().number_wrong.into()));
    let rows = move || {
        let Some(number) = number.get() else {
            return ().into_any();
        };
        let t = t();
        let scale = form.with(|form| read_number(&form.scale));
        let scaled = scale.map(|scale| {
            let name = format!("× {}", format::significant(scale, 6));
            (name, "scaled", Conversion::new(number * scale))
        });
        let plain = (t.itself.to_string(), "plain", Conversion::new(number));
        let rows = std::iter::once(plain).chain(scaled);
        rows.map(|(name, id, conversion)| number_row(name, id, &conversion, t))
            .collect_view()
            .into_any()
    };
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{move || t().number_title}</h2>
            {text_field(
                "number",
                Signal::derive(move || t().number.to_string()),
                Signal::derive(move || t().number_hint.to_string()),
                Signal::derive(move || form.with(|form| form.number.clone())),
                wrong,
            )}
            <div class="lab-scroll" tabindex="0" role="region" aria-label=move || t().number_title>
                <table class="lab-table">
                    <thead>
                        <tr>
                            <th scope="col">{move || t().number}</th>
                            <th scope="col">{move || t().stored}</th>
                            <th scope="col">{move || t().bits}</th>
                            <th scope="col">{move || t().error}</th>
                            <th scope="col">{move || t().relative_error}</th>
                            <th scope="col">{move || t().fate}</th>
                        </tr>
                    </thead>
                    <tbody aria-live="polite">{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn number_row(name: String, id: &str, conversion: &Conversion, t: &PrecisionTexts) -> AnyView {
    let fate = match conversion.fate {
        Fate::Zero => t.zero,
        Fate::Underflow => t.underflow,
        Fate::Subnormal => t.subnormal,
        Fate::Normal => t.normal,
        Fate::Overflow | Fate::NotANumber => t.overflow,
    };
    let relative = conversion.relative_error();
    let relative = relative.map_or_else(|| "–".into(), |error| format::significant(error, 3));
    view! {
        <tr>
            <th scope="row">{name}<br/><span class="muted">{format::significant(conversion.value, 6)}</span></th>
            <td class="numeric" data-testid=format!("number-{id}") data-value=format::bare(conversion.stored)>
                {format::significant(conversion.stored, 8)}
            </td>
            <td class="precision-bits" data-testid=format!("bits-{id}")>{conversion.fields().join(" ")}</td>
            <td class="numeric">{format::significant(conversion.error(), 3)}</td>
            <td class="numeric">{relative}</td>
            <td>{fate}</td>
        </tr>
    }
    .into_any()
}

/// Whether the device stores float16, and what that brings.
fn support(engine: LabEngine, told: RwSignal<Told>, is_measuring: RwSignal<bool>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let measure = move |_| {
        is_measuring.set(true);
        engine.send(&LabCommand::Precision(Command::Measure));
    };
    let support = move || match told.with(Told::support) {
        Some(true) => ("real", t().real),
        Some(false) => ("emulated", t().emulated),
        None => ("unknown", t().not_yet),
    };
    let busy = move || is_measuring.get().then(|| t().measuring);
    view! {
        <section class="panel stack lab-wide">
            <h2 class="panel-title">
                {move || t().support}
                " "
                <span data-testid="precision-support" data-value=move || support().0>
                    {move || support().1}
                </span>
            </h2>
            <p>{move || t().emulated_note}</p>
            <p>{move || t().real_note}</p>
            <p>{move || t().measure_note}</p>
            <div class="precision-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="precision-measure"
                    disabled=move || is_measuring.get()
                    on:click=measure
                >
                    {move || t().measure}
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="precision-measure-stop"
                    disabled=move || !is_measuring.get()
                    on:click=move |_| engine.send(&LabCommand::Precision(Command::StopMeasuring))
                >
                    {move || t().stop}
                </button>
                <span role="status">{busy}</span>
            </div>
            {results::kernels(told)}
        </section>
    }
    .into_any()
}

fn explanation() -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    view! {
        <section class="panel stack prose lab-wide">
            <h2 class="panel-title">{move || t().explain_title}</h2>
            <p class="lab-formula">{move || t().rule}</p>
            <p>{move || t().explain_masters}</p>
            <p>{move || t().explain_scale}</p>
            <p>{move || t().explain_overflow}</p>
            <p>{move || t().explain_memory}</p>
            <p>{move || t().explain_adam}</p>
            <p>{move || t().explain_cards}</p>
            <ul class="lab-sources">
                <li lang="en">"Micikevicius et al. 2018, Mixed Precision Training, arXiv 1710.03740"</li>
                <li lang="en">"IEEE 754-2019, binary16"</li>
            </ul>
        </section>
    }
    .into_any()
}
