//! What this is, what computes, and whose work it uses.

use leptos::prelude::*;

use crate::web::BUILD_ID;
use crate::web::address::use_texts;

/// The licence of the digits.
const MNIST_LICENCE: &str = "https://creativecommons.org/licenses/by-sa/3.0/";

/// The page about Glassbox.
#[component]
pub fn AboutPage() -> impl IntoView {
    let texts = use_texts();
    view! {
        <article class="page page-narrow prose">
            <h1 class="page-title">{move || texts.get().about.title}</h1>
            <h2>{move || texts.get().about.what_title}</h2>
            <p>{move || texts.get().about.what}</p>
            <h2>{move || texts.get().about.computes_title}</h2>
            <p>{move || texts.get().about.computes}</p>
            <h2>{move || texts.get().about.honesty_title}</h2>
            <p>{move || texts.get().about.honesty}</p>
            <h2>{move || texts.get().about.privacy_title}</h2>
            <p>{move || texts.get().about.privacy}</p>
            <h2>{move || texts.get().about.licence_title}</h2>
            <p>{move || texts.get().about.licence}</p>
            <h2>{move || texts.get().about.credits_title}</h2>
            <p>
                {move || texts.get().about.credit_mnist}
                " "
                <a href=MNIST_LICENCE rel="external license noreferrer">
                    {move || texts.get().about.credit_mnist_licence}
                </a>
            </p>
            <p>{move || texts.get().data.credit_texts}</p>
            <p>{move || texts.get().data.credit_fashion}</p>
            <p>{move || texts.get().data.credit_cifar}</p>
            <p class="muted">
                {move || texts.get().loading.build}
                " "
                <code>{BUILD_ID}</code>
            </p>
        </article>
    }
}
