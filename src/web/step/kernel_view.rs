//! The kernels of an operation, as they run: source, work, bytes, time.

use leptos::prelude::*;

use super::scope::use_microscope;
use crate::ops::wgsl_text::without_comments;
use crate::session::{Clock, KernelFacts, NodeFacts};
use crate::view::format;
use crate::view::microscope::kernel::{arithmetic_intensity, working_lines};
use crate::web::address::{use_locale, use_texts};
use crate::web::browser;

/// Sources, workgroups, work and time of a node.
#[component]
pub fn KernelView(
    /// The node.
    node: NodeFacts,
) -> impl IntoView {
    let texts = use_texts();
    let has_kernels = !node.kernels.is_empty();
    let (flops, bytes) = (node.flops, node.bytes);
    let intensity = arithmetic_intensity(flops, bytes);
    let kernels = node
        .kernels
        .into_iter()
        .map(|kernel| view! { <Kernel kernel/> })
        .collect_view();
    let note = move || {
        let step = &texts.get().step;
        if has_kernels {
            step.kernel_hint
        } else {
            step.kernel_none
        }
    };
    view! {
        <div class="step-part" data-testid="kernels">
            <h3>{move || texts.get().step.kernel}</h3>
            <dl class="kernel-figures">
                <div>
                    <dt>{move || texts.get().step.flops}</dt>
                    <dd class="numeric" data-testid="flops">{format::count(flops)}</dd>
                </div>
                <div title=move || texts.get().step.bytes_hint>
                    <dt>{move || texts.get().step.bytes}</dt>
                    <dd class="numeric" data-testid="bytes">{format::bytes(bytes)}</dd>
                </div>
                {intensity.map(|intensity| view! {
                    <div title=move || texts.get().step.intensity_hint>
                        <dt>{move || texts.get().step.intensity}</dt>
                        <dd class="numeric" data-testid="intensity">
                            {format::significant(intensity, 3)}
                        </dd>
                    </div>
                })}
                {has_kernels.then(|| view! { <Time/> })}
            </dl>
            <p class="panel-note">{note}</p>
            {kernels}
        </div>
    }
}

/// How long the node took when it ran in this batch, and who measured.
#[component]
fn Time() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let locale = use_locale();
    scope.follow_time();
    let time = scope.part(|state| state.time);
    let text = move || {
        let step = &texts.get().step;
        let Some(time) = time.get() else {
            return format::NO_VALUE.to_string();
        };
        match (time.clock, time.micros) {
            (Clock::None, _) => step.time_none.to_string(),
            (_, None) => step.not_computed.to_string(),
            (_, Some(micros)) if micros <= 0.0 => step.time_too_short.to_string(),
            (clock, Some(micros)) => {
                let taken = format::short_duration(micros, locale.get());
                let by = match clock {
                    Clock::Twin => step.time_by_twin,
                    _ => step.time_by_gpu,
                };
                format!("{taken}{}", locale.get().in_brackets(by))
            }
        }
    };
    let clock = move || {
        time.get().map(|time| match time.clock {
            Clock::Timestamps => "timestamps",
            Clock::Twin => "twin",
            Clock::None => "none",
        })
    };
    view! {
        <div title=move || texts.get().step.time_hint>
            <dt>{move || texts.get().step.time}</dt>
            <dd class="numeric" data-testid="kernel-time" data-clock=clock>{text}</dd>
        </div>
    }
}

/// One kernel, closed until it is asked for.
#[component]
fn Kernel(
    /// The kernel.
    kernel: KernelFacts,
) -> impl IntoView {
    let texts = use_texts();
    let marked = working_lines(&kernel.source);
    let source = RwSignal::new(kernel.source.clone());
    let is_marked = marked.clone();
    let lines = move || {
        let source = source.get();
        let lines = source.lines().enumerate().map(|(number, line)| {
            let is_marked = is_marked.contains(&number);
            view! {
                <span
                    class="code-line"
                    class:is-marked=is_marked
                    title=move || is_marked.then(|| texts.get().step.work_line)
                >
                    <span class="code-number" aria-hidden="true">{number + 1}</span>
                    {line.to_string()}
                    "\n"
                </span>
            }
        });
        lines.collect_view()
    };
    // What runs has no comments; the file that is read has, and is shown if its code is what runs.
    let file = format!("shaders/{}.wgsl", kernel.shader);
    let code = without_comments(&kernel.source);
    let fetch = move |_| {
        let (file, code) = (file.clone(), code.clone());
        leptos::task::spawn_local(async move {
            match browser::fetch_text(&file).await {
                Ok(text) if without_comments(&text) == code => {
                    // The panel may be gone by now.
                    let _ = source.try_set(text);
                }
                Ok(_) => leptos::logging::warn!("{file} is not what runs"),
                Err(error) => leptos::logging::warn!("{file}: {error:?}"),
            }
        });
    };
    let numbers: Vec<String> = marked.iter().map(|line| (line + 1).to_string()).collect();
    let work_lines = move || {
        let texts = texts.get();
        (texts.step.work_lines)(&numbers.join(texts.locale.comma()))
    };
    let workgroups = kernel
        .workgroups
        .map(|size| format::count(size.into()))
        .join(" × ");
    view! {
        <details class="kernel" on:toggle=fetch>
            <summary>
                <code>{format!("{}.wgsl", kernel.shader)}</code>
                " "
                <span class="panel-note numeric">
                    {move || texts.get().step.workgroups}
                    {move || texts.get().locale.colon()}
                    {workgroups}
                    " · "
                    {work_lines}
                </span>
            </summary>
            <pre class="code" tabindex="0"><code class="source">{lines}</code></pre>
        </details>
    }
}
