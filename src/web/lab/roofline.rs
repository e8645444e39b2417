//! The roofline: this device measured while the page stays free, and a network's operations below what was measured.

use std::fmt::Write;

use leptos::prelude::*;

use super::engine::use_lab_engine;
use super::field::{choice_field, select_field, text_field};
use super::scale::MEASURED_KEY;
use super::{drawing_width, href_with};
use crate::lab::measure::{Command, Device, Event, Measurement, NoGpu, Place};
use crate::lab::{LabCommand, LabEvent};
use crate::plot::RooflineOptions;
use crate::session::DevicePreference;
use crate::view::format;
use crate::view::lab::InstrumentId;
use crate::view::lab::roofline::{
    Measured, State, batch, plot_labels, preset, settings, size_text,
};
use crate::view::presets;
use crate::view::texts::Locale;
use crate::view::texts::lab::roofline::{RooflineTexts, texts};
use crate::view::url::DeviceChoice;
use crate::web::address::{use_address, use_locale};
use crate::web::palette::use_palette;

/// Size of the drawing in its own units, where there is room; the page scales it.
const SIZE: (u32, u32) = (760, 460);

/// What the address asks to compute on.
pub fn preference(choice: DeviceChoice) -> DevicePreference {
    DevicePreference::from_name(choice.name()).unwrap_or_default()
}

/// The whole instrument.
pub fn instrument() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let engine = use_lab_engine();
    let measured = RwSignal::new(Measured::default());
    engine.listen(move |event| match event {
        LabEvent::Measure(event) => {
            measured.update(|measured| measured.hear(event));
            if let Event::Done { .. } = event {
                keep(measured.with_untracked(Measured::peak));
            }
        }
        LabEvent::Failed { .. } => measured.update(|measured| measured.state = State::Failed),
        _ => {}
    });
    let wanted = Memo::new(move |_| {
        address
            .state
            .with(|state| settings(&state.settings, preference(state.device)))
    });
    let start = move |_| {
        if let Some(settings) = wanted.get() {
            engine.send(&LabCommand::Measure(Command::Start(settings)));
        }
    };
    let stop = move |_| engine.send(&LabCommand::Stop);
    let is_measuring = move || measured.with(Measured::is_measuring);
    view! {
        <div class="lab-bench">
            <section class="panel stack lab-wide">
                <div class="lab-fields">{fields()}</div>
                <div class="toolbar">
                    <button
                        type="button"
                        class="button button-primary"
                        data-testid="measure-start"
                        disabled=move || is_measuring() || wanted.with(Option::is_none)
                        on:click=start
                    >
                        {move || texts(locale.get()).start}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="measure-stop"
                        disabled=move || !is_measuring()
                        on:click=stop
                    >
                        {move || texts(locale.get()).stop}
                    </button>
                </div>
                {move || status(measured, locale.get())}
            </section>
            <section class="panel stack lab-wide" data-testid="measure-devices">
                <h2 class="panel-title">{move || texts(locale.get()).devices_title}</h2>
                <div inner_html=move || measured.with(|m| devices(m, locale.get()))></div>
            </section>
            <section class="panel stack lab-wide">
                <h2 class="panel-title">{move || texts(locale.get()).figures_title}</h2>
                <div class="lab-scroll" tabindex="0" role="region" aria-label=move || texts(locale.get()).figures_title
                    inner_html=move || measured.with(|m| figures(m, texts(locale.get())))></div>
                <p class="panel-note">{move || texts(locale.get()).figures_note}</p>
            </section>
            {move || below(measured, locale.get())}
            <section class="panel prose lab-wide lab-columns">
                <h2 class="panel-title">{move || texts(locale.get()).explain_title}</h2>
                <p>{move || texts(locale.get()).explain_roof}</p>
                <p>{move || texts(locale.get()).explain_low}</p>
                <p>{move || texts(locale.get()).explain_cache}</p>
                <p>{move || texts(locale.get()).explain_how}</p>
                <p class="panel-note">{move || texts(locale.get()).source}</p>
            </section>
        </div>
    }
    .into_any()
}

/// Network, device and batch.
fn fields() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let device = choose_device(Signal::derive(move || texts(locale.get()).device.into()));
    let typed = move || {
        let typed = |state: &crate::view::url::PageState| state.settings.get("samples").cloned();
        address.state.with(typed).unwrap_or_default()
    };
    let wrong = move || {
        let is_wrong = address.state.with(|state| batch(&state.settings).is_none());
        is_wrong.then(|| texts(locale.get()).must_be_batch.into())
    };
    view! {
        {choose_preset(Signal::derive(move || texts(locale.get()).preset.into()))}
        {device}
        {text_field(
            "samples",
            Signal::derive(move || texts(locale.get()).batch.into()),
            Signal::derive(move || texts(locale.get()).batch_hint.into()),
            Signal::derive(typed),
            Signal::derive(wrong),
        )}
    }
    .into_any()
}

/// The network, of those that bring their data.
pub fn choose_preset(label: Signal<String>) -> AnyView {
    let address = use_address();
    let chosen = Signal::derive(move || address.state.with(|state| preset(&state.settings)));
    let offered = Signal::derive(move || {
        let own = presets::ids().filter(|id| presets::own_data(id).is_none());
        own.map(|id| (id.into(), id.into())).collect()
    });
    choice_field("model", label, chosen, offered)
}

/// Automatic, GPU or CPU.
pub fn choose_device(label: Signal<String>) -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let chosen = Signal::derive(move || address.state.with(|state| state.device.name().into()));
    let offered = Signal::derive(move || {
        let text = texts(locale.get());
        let names = [text.device_auto, text.device_gpu, text.device_cpu];
        let choices = DeviceChoice::ALL.iter().zip(names);
        choices
            .map(|(choice, name)| (choice.name().to_string(), name.to_string()))
            .collect()
    });
    let wrong = Signal::derive(|| None);
    select_field("device", label, chosen, offered, wrong, move |name| {
        if let Ok(state) = address
            .state
            .with_untracked(|state| state.with("device", name))
        {
            address.change(|now| now.device = state.device);
        }
    })
}

/// Keeps the measured speed for the scale calculator.
fn keep(speed: Option<f64>) {
    let storage = window().local_storage().ok().flatten();
    if let (Some(storage), Some(speed)) = (storage, speed) {
        // Where nothing can be kept, the link below the plot still carries the figure.
        let _ = storage.set_item(MEASURED_KEY, &format::bare(speed));
    }
}

/// How far the measuring has come.
fn status(measured: RwSignal<Measured>, locale: Locale) -> AnyView {
    let text = texts(locale);
    let (state, (done, total)) = measured.with(|m| (m.state, m.progress));
    let said = match state {
        State::Ready => text.ready.to_string(),
        State::Measuring => format!("{} {}", text.measuring, (text.progress)(done, total)),
        State::Stopped => text.stopped.to_string(),
        State::Failed => text.failed.to_string(),
        State::Done(millis, pieces) => (text.done)(&format::significant(millis / 1e3, 3), pieces),
    };
    let name = match state {
        State::Ready => "ready",
        State::Measuring => "measuring",
        State::Stopped => "stopped",
        State::Failed => "failed",
        State::Done(..) => "done",
    };
    view! {
        <progress
            class="progress lab-progress"
            max=total.max(1)
            value=done
            aria-label=text.measuring
            hidden=state != State::Measuring
        ></progress>
        <p role="status" data-testid="measure-status" data-state=name>{said}</p>
    }
    .into_any()
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn devices(measured: &Measured, locale: Locale) -> String {
    let text = texts(locale);
    let mut html = String::new();
    for event in &measured.events {
        match event {
            Event::Device(device) => push_device(&mut html, device, locale),
            Event::NoGpu { reason } => {
                let said = match reason {
                    NoGpu::None => text.no_gpu,
                    NoGpu::Software => text.software_gpu,
                    NoGpu::NotWanted => text.cpu_only,
                };
                let _ = write!(html, "<p data-testid=\"measure-no-gpu\">{said}</p>");
            }
            _ => {}
        }
    }
    if html.is_empty() {
        let _ = write!(html, "<p>{}</p>", text.no_result);
    }
    html
}

fn push_device(html: &mut String, device: &Device, locale: Locale) {
    let text = texts(locale);
    let Device {
        place,
        name,
        backend,
        ..
    } = device;
    let _ = write!(
        html,
        "<h3 class=\"lab-device\" data-testid=\"measure-device-{}\">{} · {}</h3>",
        place.name(),
        place.name().to_uppercase(),
        escape(match place {
            Place::Gpu => name,
            Place::Cpu => text.cpu_executor,
        })
    );
    let mut facts: Vec<String> = Vec::new();
    if *place == Place::Gpu {
        facts.push(escape(backend));
        if device.is_software {
            facts.push(text.software.into());
        }
        facts.push(
            match device.has_timestamps {
                true => text.own_clock,
                false => text.host_clock,
            }
            .into(),
        );
        let features = match device.features.is_empty() {
            true => text.no_features.to_string(),
            false => escape(&device.features.join(", ")),
        };
        facts.push(format!("{}{}{features}", text.features, locale.colon()));
    }
    let _ = write!(
        html,
        "<p>{}</p><dl class=\"lab-limits\">",
        facts.join(" · ")
    );
    for (name, value) in &device.limits {
        // Limits of WebGPU keep the names that it gives them.
        let name = match name.as_str() {
            "threads" => text.threads,
            name => name,
        };
        let _ = write!(
            html,
            "<dt>{}</dt><dd>{}</dd>",
            escape(name),
            format::count(*value)
        );
    }
    html.push_str("</dl>");
}

fn figures(measured: &Measured, text: &RooflineTexts) -> String {
    let mut rows = String::new();
    for event in &measured.events {
        match event {
            Event::Measured(Measurement {
                place,
                quantity,
                size,
                figure,
            }) => {
                let _ = write!(
                    rows,
                    "<tr><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td class=\"numeric\"><span data-testid=\"measure-{}-{}\" data-value=\"{}\">{}</span> {}</td><td class=\"numeric\">{} – {}</td></tr>",
                    place.name().to_uppercase(),
                    (text.name)(quantity.name()),
                    size_text(*quantity, *size),
                    place.name(),
                    quantity.label(*size),
                    format::bare(figure.median),
                    // A bare number: without separators.
                    format::significant(figure.median, 4).replace(',', ""),
                    quantity.unit(),
                    format::significant(figure.lower, 4),
                    format::significant(figure.upper, 4),
                );
            }
            Event::LeftOut {
                place,
                quantity,
                size,
                millis,
            } => {
                let _ = write!(
                    rows,
                    "<tr class=\"is-left-out\"><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td class=\"numeric\">{}</td><td>{}</td></tr>",
                    place.name().to_uppercase(),
                    (text.name)(quantity.name()),
                    size_text(*quantity, *size),
                    text.left_out,
                    (text.expected)(&format::significant(*millis, 2)),
                );
            }
            _ => {}
        }
    }
    if rows.is_empty() {
        return format!("<p>{}</p>", text.no_result);
    }
    format!(
        "<table class=\"lab-table\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{rows}</tbody></table>",
        text.device, text.quantity, text.size, text.median, text.quartiles
    )
}

/// Plot and table of the operations, once the first one is measured.
fn below(measured: RwSignal<Measured>, locale: Locale) -> AnyView {
    let text = texts(locale);
    let address = use_address();
    let palette = use_palette();
    let Some(plot) = measured.with(Measured::plot) else {
        return ().into_any();
    };
    let options = RooflineOptions {
        width: drawing_width(SIZE.0),
        height: SIZE.1,
        palette: palette.get(),
        labels: plot_labels(text),
    };
    let svg = plot.svg(&options).unwrap_or_else(|error| error.to_string());
    let model = measured.with(|m| {
        m.events.iter().find_map(|event| match event {
            Event::Model {
                preset,
                place,
                batch,
                wanted_batch,
                ..
            } => Some((text.model)(
                preset,
                *batch,
                *wanted_batch,
                &place.name().to_uppercase(),
            )),
            _ => None,
        })
    });
    let named = measured.with(|m| {
        m.events.iter().find_map(|event| match event {
            Event::Model { preset, .. } => Some(preset.clone()),
            _ => None,
        })
    });
    let scale = measured.with(Measured::peak).map(|peak| {
        let speed = format::bare(peak);
        let href = |model: &str| {
            let settings = format!("model={model}&accelerator=this&measured={speed}");
            href_with(address, InstrumentId::Scale, &settings)
        };
        let own = named.map(|name| {
            let said = (text.use_figure_for)(&name);
            view! { <a class="button" data-testid="measure-use-own" href=href(&name)>{said}</a> }
        });
        view! {
            <p class="toolbar">
                <a class="button" data-testid="measure-use" data-value=speed.clone() href=href("gpt-3")>{text.use_figure}</a>
                {own}
            </p>
        }
    });
    let rows = measured.with(|m| operations(m, locale));
    view! {
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{text.plot_title}</h2>
            <p>{model}</p>
            <div class="lab-plot" data-testid="roofline-plot" inner_html=svg></div>
            <p class="panel-note">{text.plot_note}</p>
            {scale}
        </section>
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{text.operations_title}</h2>
            <div class="lab-scroll" tabindex="0" role="region" aria-label=text.operations_title inner_html=rows></div>
            <p class="panel-note">{text.operations_note}</p>
        </section>
    }
    .into_any()
}

fn operations(measured: &Measured, locale: Locale) -> String {
    let text = texts(locale);
    let roof = measured.roof();
    let mut rows = String::new();
    for (operation, number) in measured.operations().zip(1u32..) {
        let has_work = operation.flops > 0;
        let share = roof.filter(|_| has_work).map_or_else(String::new, |roof| {
            let share = operation.gflops() / roof.at(operation.intensity());
            format::percent(share, 0)
        });
        let _ = write!(
            rows,
            "<tr><td class=\"numeric\">{number}</td><th scope=\"row\">{}</th><td class=\"numeric\">{}</td><td class=\"numeric\">{}</td><td class=\"numeric\">{}</td><td class=\"numeric\">{} µs</td><td class=\"numeric\">{}</td><td class=\"numeric\">{}</td><td class=\"numeric\">{share}</td></tr>",
            escape(&operation.name),
            format::count(operation.flops),
            format::count(operation.bytes),
            format::significant(operation.intensity(), 3),
            format::significant(operation.micros.median, 3),
            if has_work {
                format::significant(operation.gflops(), 3)
            } else {
                String::new()
            },
            format::significant(operation.bandwidth(), 3),
        );
    }
    for event in &measured.events {
        if let Event::OperationLeftOut { name, millis } = event {
            let _ = write!(
                rows,
                "<tr class=\"is-left-out\"><td></td><th scope=\"row\">{}</th><td colspan=\"7\">{}{}{}</td></tr>",
                escape(name),
                text.left_out,
                locale.colon(),
                (text.expected)(&format::significant(*millis, 2)),
            );
        }
    }
    format!(
        "<table class=\"lab-table\" data-testid=\"measure-operations\"><thead><tr><th scope=\"col\">#</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">FLOP/B</th><th scope=\"col\">{}</th><th scope=\"col\">GFLOP/s</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{rows}</tbody></table>",
        text.operation, text.flops, text.bytes, text.time, text.bandwidth, text.share
    )
}
