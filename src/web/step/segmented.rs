//! A few choices as one switch.

use leptos::prelude::*;

/// Radio buttons that look like one switch.
#[component]
pub fn Segmented<T>(
    /// The name of the group, unique on the page.
    name: &'static str,
    /// What is chosen here, for screen readers.
    #[prop(into)]
    label: Signal<&'static str>,
    /// The choices with their names.
    #[prop(into)]
    choices: Signal<Vec<(T, &'static str)>>,
    /// The one that holds.
    #[prop(into)]
    value: Signal<T>,
    /// Called with another one.
    #[prop(into)]
    on_choose: Callback<T>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let options = move || {
        choices
            .get()
            .into_iter()
            .enumerate()
            .map(|(number, (choice, text))| {
                view! {
                    <label>
                        <input
                            type="radio"
                            name=name
                            data-testid=format!("{name}-{number}")
                            prop:checked=move || value.get() == choice
                            on:change=move |_| on_choose.run(choice)
                        />
                        {text}
                    </label>
                }
            })
            .collect_view()
    };
    view! {
        <fieldset class="segmented" aria-label=label>{options}</fieldset>
    }
}
