//! What computes, and why.

use leptos::prelude::*;

use crate::session::{DeviceInfo, DeviceKind, Fallback};
use crate::view::run_state::Phase;
use crate::view::url::DeviceChoice;
use crate::web::address::{use_address, use_texts};
use crate::web::engine::use_engine;

/// The choice of the device, and a badge that says what computes in truth.
#[component]
pub fn DevicePanel() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let choice = Memo::new(move |_| address.state.with(|state| state.device));
    let engine = use_engine();
    let device = engine.part(|run| {
        let started = run.started.as_ref().filter(|_| !run.is_starting());
        started.map(|started| started.device.clone())
    });
    let phase = engine.phase();
    let is_starting =
        Memo::new(move |_| matches!(phase.get(), Phase::EngineStarting | Phase::Starting(_)));
    let options = DeviceChoice::ALL
        .iter()
        .map(|&device| {
            let name = move || {
                let texts = &texts.get().device;
                match device {
                    DeviceChoice::Auto => texts.auto,
                    DeviceChoice::Gpu => texts.gpu,
                    DeviceChoice::Cpu => texts.cpu,
                }
            };
            view! {
                <option value=device.name() selected=move || choice.get() == device>{name}</option>
            }
        })
        .collect_view();
    let choose = move |event| {
        if let Some(device) = DeviceChoice::parse(&event_target_value(&event)) {
            address.change(|state| state.device = device);
        }
    };
    let hint = move || {
        let texts = &texts.get().device;
        match choice.get() {
            DeviceChoice::Auto => texts.auto_hint,
            DeviceChoice::Gpu => texts.gpu_hint,
            DeviceChoice::Cpu => texts.cpu_hint,
        }
    };
    view! {
        <section class="panel">
            <div class="panel-body">
                <div class="field">
                    <label class="field-label" for="device">
                        {move || texts.get().device.label}
                    </label>
                    <select
                        id="device"
                        class="select"
                        data-testid="device-select"
                        aria-describedby="device-hint"
                        prop:value=move || choice.get().name()
                        on:change=choose
                    >
                        {options}
                    </select>
                    <p class="field-hint" id="device-hint">{hint}</p>
                </div>
                <DeviceBadge device is_starting/>
            </div>
        </section>
    }
}

/// The device that computes the run, what that means, and why it was taken.
#[component]
fn DeviceBadge(
    /// The device; `None` while no run stands.
    #[prop(into)]
    device: Signal<Option<DeviceInfo>>,
    /// Whether a run is on its way.
    #[prop(into)]
    is_starting: Signal<bool>,
) -> impl IntoView {
    let texts = use_texts();
    let class = move || match device.get().map(|device| device.kind) {
        None => "badge is-starting",
        Some(DeviceKind::Gpu) => "badge is-gpu",
        Some(DeviceKind::SoftwareGpu) => "badge is-software",
        Some(DeviceKind::Cpu) => "badge is-cpu",
    };
    let kind = move || match device.get().map(|device| device.kind) {
        None if is_starting.get() => "starting",
        None => "none",
        Some(DeviceKind::Gpu) => "gpu",
        Some(DeviceKind::SoftwareGpu) => "software",
        Some(DeviceKind::Cpu) => "cpu",
    };
    let label = move || {
        let texts = &texts.get().device;
        match device.get() {
            None if is_starting.get() => texts.badge_starting.to_string(),
            None => texts.badge_none.to_string(),
            Some(device) => {
                let name = match device.kind {
                    DeviceKind::Gpu => texts.badge_gpu,
                    DeviceKind::SoftwareGpu => texts.badge_software,
                    DeviceKind::Cpu => texts.badge_cpu,
                };
                if device.kind == DeviceKind::Cpu {
                    name.to_string()
                } else {
                    format!("{name} · {}", device.backend)
                }
            }
        }
    };
    let meaning = move || {
        let texts = &texts.get().device;
        device.get().map(|device| match device.kind {
            DeviceKind::Gpu => texts.meaning_gpu,
            DeviceKind::SoftwareGpu => texts.meaning_software,
            DeviceKind::Cpu => texts.meaning_cpu,
        })
    };
    let adapter = move || {
        let adapter = device.get()?.adapter;
        (!adapter.is_empty()).then(|| (texts.get().device.adapter)(&adapter))
    };
    let why = move || {
        let texts = &texts.get().device;
        device.get()?.fallback.map(|fallback| match fallback {
            Fallback::NoWebGpu => texts.fallback_no_webgpu,
            Fallback::NoAdapter => texts.fallback_no_adapter,
            Fallback::SoftwareAdapter => texts.fallback_software,
            Fallback::NoDevice => texts.fallback_no_device,
        })
    };
    let paragraph = |text| view! { <p class="field-hint">{text}</p> };
    view! {
        <div class="stack-tight" aria-live="polite">
            <span class=class data-testid="device-badge" data-kind=kind>{label}</span>
            {move || adapter().map(|text| view! { <p class="field-hint" data-testid="device-adapter">{text}</p> })}
            {move || meaning().map(paragraph)}
            {move || why().map(|text| view! { <p class="field-hint" data-testid="device-fallback">{text}</p> })}
        </div>
    }
}
