//! Probabilities of all classes as bars and numbers.

use leptos::prelude::*;

use crate::view::format;
use crate::view::samples::most_probable;

/// One bar for each class; the most probable stands out.
#[component]
pub fn ProbabilityBars(
    /// 0 to 1, one for each class.
    #[prop(into)]
    probabilities: Signal<Vec<f32>>,
    /// The names of the classes.
    #[prop(into)]
    names: Signal<Vec<String>>,
    /// What the list is about.
    #[prop(into)]
    label: Signal<&'static str>,
) -> impl IntoView {
    let best = Memo::new(move |_| {
        probabilities
            .with(|values| most_probable(values))
            .map(|best| best.0)
    });
    let bars = move || {
        let bars = names.get().into_iter().enumerate().map(|(class, name)| {
            let probability = Memo::new(move |_| {
                probabilities.with(|values| values.get(class).copied().unwrap_or_default())
            });
            view! {
                <li class="bar" class:is-best=move || best.get() == Some(class as u32)>
                    <span class="bar-label">{name}</span>
                    <span class="bar-track" aria-hidden="true">
                        <span
                            class="bar-fill"
                            style=("--share", move || probability.get().to_string())
                        ></span>
                    </span>
                    <span class="bar-value">
                        {move || format::percent(probability.get().into(), 1)}
                    </span>
                </li>
            }
        });
        bars.collect_view()
    };
    view! { <ul class="bars" aria-label=label>{bars}</ul> }
}
