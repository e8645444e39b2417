//! The kernels of an operation, as they run.

use leptos::prelude::*;

use crate::session::{KernelFacts, NodeFacts};
use crate::view::format;
use crate::view::microscope::kernel::working_line;
use crate::web::address::use_texts;

/// Sources, workgroups and work of a node.
#[component]
pub fn KernelView(
    /// The node.
    node: NodeFacts,
) -> impl IntoView {
    let texts = use_texts();
    let has_kernels = !node.kernels.is_empty();
    let flops = node.flops;
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
            <div class="spread">
                <h3>{move || texts.get().step.kernel}</h3>
                <span class="panel-note numeric">
                    {move || texts.get().step.flops}
                    ": "
                    <span data-testid="flops">{format::count(flops)}</span>
                </span>
            </div>
            <p class="panel-note">{note}</p>
            {kernels}
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
    let marked = working_line(&kernel.source);
    let lines = kernel
        .source
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let is_marked = marked == Some(number);
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
        })
        .collect_view();
    let workgroups = kernel
        .workgroups
        .map(|size| format::count(size.into()))
        .join(" × ");
    view! {
        <details class="kernel">
            <summary>
                <code>{format!("{}.wgsl", kernel.shader)}</code>
                " "
                <span class="panel-note numeric">
                    {move || texts.get().step.workgroups}
                    ": "
                    {workgroups}
                </span>
            </summary>
            <pre class="code" tabindex="0"><code>{lines}</code></pre>
        </details>
    }
}
