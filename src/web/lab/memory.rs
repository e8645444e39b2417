//! Where the bytes of a training step go, and what computing activations again saves and costs.

use std::fmt::Write;

use leptos::prelude::*;

use super::drawing_width;
use super::engine::use_lab_engine;
use super::field::{choice_field, text_field};
use super::roofline::{choose_device, choose_preset, escape, preference};
use crate::lab::measure::Spread;
use crate::lab::memory::{Command, Event, KINDS, Report};
use crate::lab::{LabCommand, LabEvent};
use crate::optim::OptimizerKind;
use crate::view::format;
use crate::view::lab::memory::{DEFAULT_EVERY, RECOMPUTE, every, picture, recomputes, settings};
use crate::view::lab::roofline::batch;
use crate::view::texts::Locale;
use crate::view::texts::lab::lab_texts;
use crate::view::texts::lab::memory::{MemoryTexts, texts};
use crate::view::url::PageState;
use crate::web::address::{use_address, use_locale};

/// Width of the picture in its own units, where there is room.
const WIDTH: u32 = 900;
/// Tensors that are listed.
const TENSORS: usize = 14;

/// What was told since the last change of the settings.
#[derive(Clone, Default)]
struct Known {
    /// Without recomputation, and with.
    reports: Option<Box<[Report; 2]>>,
    times: Option<[Spread; 2]>,
    device: String,
    is_software: bool,
    is_timing: bool,
    progress: (u32, u32),
    has_failed: bool,
}

/// The whole instrument.
pub fn instrument() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let engine = use_lab_engine();
    let known = RwSignal::new(Known::default());
    let wanted = Memo::new(move |_| {
        address
            .state
            .with(|state| settings(&state.settings, preference(state.device)))
    });
    engine.listen(move |event| match event {
        LabEvent::Memory(event) => {
            // What was timed before the settings were changed is not theirs.
            let is_late = match &**event {
                Event::Timed { settings, .. } => {
                    wanted.with_untracked(|wanted| wanted.as_ref() != Some(settings))
                }
                _ => false,
            };
            if !is_late {
                known.update(|known| hear(known, event));
            }
        }
        LabEvent::Failed { .. } => known.update(|known| {
            known.is_timing = false;
            known.has_failed = true;
        }),
        _ => {}
    });
    Effect::new(move |_| {
        if let Some(settings) = wanted.get() {
            if known.with_untracked(|known| known.is_timing) {
                engine.send(&LabCommand::Stop);
            }
            known.set(Known::default());
            engine.send(&LabCommand::Memory(Command::Look(settings)));
        }
    });
    let time = move |_| {
        if let Some(settings) = wanted.get() {
            known.update(|known| known.is_timing = true);
            engine.send(&LabCommand::Memory(Command::Time(settings)));
        }
    };
    let stop = move |_| engine.send(&LabCommand::Stop);
    let is_timing = move || known.with(|known| known.is_timing);
    view! {
        <div class="lab-bench">
            <section class="panel stack lab-wide">
                <div class="lab-fields">{fields()}</div>
                {switch()}
                <div class="toolbar">
                    <button
                        type="button"
                        class="button button-primary"
                        data-testid="memory-time"
                        disabled=move || is_timing() || wanted.with(Option::is_none)
                        on:click=time
                    >
                        {move || texts(locale.get()).time_button}
                    </button>
                    <button type="button" class="button" data-testid="memory-stop" disabled=move || !is_timing() on:click=stop>
                        {move || texts(locale.get()).stop}
                    </button>
                </div>
                <p role="status" data-testid="memory-status">{move || known.with(|known| status(known, texts(locale.get())))}</p>
            </section>
            {move || known.with(|known| results(known, locale.get()))}
            <section class="panel prose lab-wide lab-columns">
                <h2 class="panel-title">{move || texts(locale.get()).explain_title}</h2>
                <p>{move || texts(locale.get()).explain_parts}</p>
                <p>{move || texts(locale.get()).explain_life}</p>
                <p>{move || texts(locale.get()).explain_recompute}</p>
                <p>{move || texts(locale.get()).explain_exact}</p>
                <p class="panel-note">{move || texts(locale.get()).source}</p>
            </section>
        </div>
    }
    .into_any()
}

fn hear(known: &mut Known, event: &Event) {
    match event {
        Event::Reports {
            plain, recomputing, ..
        } => {
            known.reports = Some(Box::new([plain.clone(), recomputing.clone()]));
            known.has_failed = false;
        }
        Event::Device {
            name, is_software, ..
        } => {
            known.device = name.clone();
            known.is_software = *is_software;
        }
        Event::Progress { done, total } => known.progress = (*done, *total),
        Event::Timed {
            plain, recomputing, ..
        } => {
            known.times = Some([*plain, *recomputing]);
            known.is_timing = false;
        }
        Event::Stopped => known.is_timing = false,
    }
}

fn status(known: &Known, text: &MemoryTexts) -> String {
    let (done, total) = known.progress;
    if known.is_timing {
        return format!("{} {done} / {total}", text.measuring);
    }
    let said = match (known.has_failed, &known.reports) {
        (true, _) => text.failed,
        (false, None) => text.waiting,
        (false, Some(_)) => text.ready,
    };
    said.into()
}

/// Network, device, batch, optimizer and distance.
fn fields() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let typed = move |key: &'static str| {
        Signal::derive(move || {
            let typed = |state: &PageState| state.settings.get(key).cloned();
            address.state.with(typed).unwrap_or_default()
        })
    };
    let wrong_batch = move || {
        let is_wrong = address.state.with(|state| batch(&state.settings).is_none());
        is_wrong.then(|| texts(locale.get()).must_be_batch.into())
    };
    let wrong_every = move || {
        let is_wrong = address.state.with(|state| every(&state.settings).is_none());
        is_wrong.then(|| texts(locale.get()).must_be_every.into())
    };
    let distance = Signal::derive(move || {
        let typed = |state: &PageState| state.settings.get("every").cloned();
        let typed = address.state.with(typed);
        typed.unwrap_or_else(|| DEFAULT_EVERY.to_string())
    });
    let optimizers = Signal::derive(move || {
        let all = OptimizerKind::ALL.iter().map(|kind| kind.name());
        let named = all.map(|name| (name.to_string(), name.to_string()));
        let own = texts(locale.get()).own_optimizer.to_string();
        std::iter::once((String::new(), own)).chain(named).collect()
    });
    view! {
        {choose_preset(Signal::derive(move || texts(locale.get()).preset.into()))}
        {choose_device(Signal::derive(move || texts(locale.get()).device.into()))}
        {text_field(
            "samples",
            Signal::derive(move || texts(locale.get()).batch.into()),
            Signal::derive(move || texts(locale.get()).batch_hint.into()),
            typed("samples"),
            Signal::derive(wrong_batch),
        )}
        {choice_field(
            "update",
            Signal::derive(move || texts(locale.get()).optimizer.into()),
            typed("update"),
            optimizers,
        )}
        {text_field(
            "every",
            Signal::derive(move || texts(locale.get()).every.into()),
            Signal::derive(move || texts(locale.get()).every_hint.into()),
            distance,
            Signal::derive(wrong_every),
        )}
    }
    .into_any()
}

/// Whether the step with recomputation is shown.
fn switch() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let is_on = move || {
        let is_on = address.state.with(|state| recomputes(&state.settings));
        is_on.unwrap_or_default()
    };
    let wrong = move || {
        let wrong = address
            .state
            .with(|state| match recomputes(&state.settings) {
                None => state.settings.get("recompute").cloned(),
                Some(_) => None,
            })?;
        let said = (lab_texts(locale.get()).must_be_one_of)(&wrong, &RECOMPUTE.join(", "));
        let error =
            view! { <p class="field-error" role="alert" data-testid="field-error">{said}</p> };
        Some(error)
    };
    let change = move |event| {
        let value = if event_target_checked(&event) {
            "on"
        } else {
            ""
        };
        address.change(|state| state.set_setting("recompute", value));
    };
    view! {
        <label class="check">
            <input type="checkbox" data-testid="memory-recompute" prop:checked=is_on on:change=change/>
            <span>{move || texts(locale.get()).recompute}" — "{move || texts(locale.get()).recompute_hint}</span>
        </label>
        {wrong}
    }
    .into_any()
}

/// The comparison, the picture and the largest tensors.
fn results(known: &Known, locale: Locale) -> AnyView {
    let text = texts(locale);
    let Some(reports) = &known.reports else {
        return ().into_any();
    };
    let is_recomputing = use_address()
        .state
        .with(|state| recomputes(&state.settings).unwrap_or_default());
    let shown = &reports[usize::from(is_recomputing)];
    let most = reports.iter().map(Report::peak_bytes).max().unwrap_or(0);
    let phases = match locale {
        Locale::English => ["data", "forward", "loss", "backward", "update"],
        Locale::Chinese => ["取数据", "前向", "损失", "反向", "更新"],
    };
    let width = drawing_width(WIDTH).into();
    let svg = picture(shown, most, width, phases, text.plot_label);
    let [plain, again] = reports.each_ref();
    let note = match (
        again.peak_bytes() < plain.peak_bytes(),
        again.reserved < plain.reserved,
    ) {
        (true, true) => None,
        (true, false) => Some(text.no_less_reserved),
        (false, true) => Some(text.only_less_reserved),
        (false, false) => Some(text.no_gain),
    };
    view! {
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{text.result_title}</h2>
            <div class="lab-scroll" tabindex="0" role="region" aria-label=text.result_title inner_html=comparison(known, reports, text)></div>
            {note.map(|note| view! { <p class="panel-note" data-testid="memory-no-gain">{note}</p> })}
        </section>
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{text.plot_title}</h2>
            <div class="lab-plot" data-testid="memory-plot" inner_html=svg></div>
            <ul class="legend" inner_html=legend(shown, locale)></ul>
            <p class="panel-note">{text.plot_note}</p>
        </section>
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{text.tensors_title}</h2>
            <div class="lab-scroll" tabindex="0" role="region" aria-label=text.tensors_title inner_html=tensors(shown, text)></div>
            <p class="panel-note">{text.tensors_note}</p>
        </section>
    }
    .into_any()
}

/// Bytes, work and time of a step, both ways.
fn comparison(known: &Known, reports: &[Report; 2], text: &MemoryTexts) -> String {
    let mut html = format!(
        "<table class=\"lab-table\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        text.quantity, text.kept_all, text.recomputed_some
    );
    let mut row = |label: &str, key: &str, values: [(f64, String); 2]| {
        let _ = write!(html, "<tr><th scope=\"row\">{label}</th>");
        for (way, (value, shown)) in ["plain", "again"].into_iter().zip(values) {
            let _ = write!(
                html,
                "<td class=\"numeric\" data-testid=\"memory-{key}-{way}\" data-value=\"{}\">{shown}</td>",
                format::bare(value)
            );
        }
        html.push_str("</tr>");
    };
    let bytes = |bytes: u64| {
        (
            bytes as f64,
            format!("{} ({})", format::bytes(bytes), format::count(bytes)),
        )
    };
    let each = |figure: fn(&Report) -> u64| [&reports[0], &reports[1]].map(|r| bytes(figure(r)));
    row(text.peak, "peak", each(Report::peak_bytes));
    row(
        text.peak_at,
        "peak-at",
        [&reports[0], &reports[1]].map(|report| {
            let name = &report.moments[report.peak as usize].name;
            (f64::from(report.peak), escape(name))
        }),
    );
    row(text.reserved, "reserved", each(|report| report.reserved));
    row(
        text.flops,
        "flops",
        [&reports[0], &reports[1]].map(|r| (r.flops as f64, format::count(r.flops))),
    );
    match &known.times {
        None => row(
            text.step_time,
            "time",
            [0, 1].map(|_| (f64::NAN, text.not_timed.to_string())),
        ),
        Some(times) => row(
            text.step_time,
            "time",
            times.map(|spread| {
                let [median, lower, upper] = [spread.median, spread.lower, spread.upper]
                    .map(|millis| format::significant(millis, 3));
                (spread.median, (text.millis)(&median, &lower, &upper))
            }),
        ),
    }
    html.push_str("</tbody></table>");
    if let Some([plain, again]) = &known.times {
        let times = format::significant(again.median / plain.median, 3);
        let share = reports[1].peak_bytes() as f64 / reports[0].peak_bytes() as f64;
        let said = (text.comparison)(&times, &format::percent(share, 0));
        let software = match known.is_software {
            true => format!(" · {}", text.software),
            false => String::new(),
        };
        let _ = write!(
            html,
            "<p data-testid=\"memory-comparison\">{said} {}{software}</p>",
            escape(&known.device)
        );
    }
    html
}

/// The kinds that the picture shows, with their bytes at the peak.
fn legend(report: &Report, locale: Locale) -> String {
    let text = texts(locale);
    let mut html = String::new();
    for (number, kind) in KINDS.into_iter().enumerate() {
        if report
            .moments
            .iter()
            .all(|moment| moment.bytes[number] == 0)
        {
            continue;
        }
        let _ = write!(
            html,
            "<li class=\"legend-item memory-key memory-{}\">{}{}{}</li>",
            kind.name(),
            (text.kind)(kind.name()),
            locale.colon(),
            format::bytes(report.at_peak(kind))
        );
    }
    html
}

fn tensors(report: &Report, text: &MemoryTexts) -> String {
    let mut html = format!(
        "<table class=\"lab-table\" data-testid=\"memory-tensors\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        text.tensor, text.holds, text.bytes, text.life
    );
    for row in report.tensors.iter().take(TENSORS) {
        let shape: Vec<String> = row.shape.iter().map(usize::to_string).collect();
        let life = match row.life {
            None => text.outlives.to_string(),
            Some((from, to)) => {
                let name = |at: u32| escape(&report.moments[at as usize].name);
                format!("{} – {}", name(from), name(to))
            }
        };
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{} <span class=\"muted\">({})</span></th><td>{}</td><td class=\"numeric\">{}</td><td>{life}</td></tr>",
            escape(&row.name),
            shape.join(", "),
            (text.kind)(row.kind.name()),
            format::count(row.bytes),
        );
    }
    html.push_str("</tbody></table>");
    html
}
