//! The clinic: what the articles get wrong, one by one, with the page that shows it.

use leptos::prelude::*;

use super::content::use_content;
use super::widgets::Settings;
use crate::course::{ErrorText, to_html};
use crate::view::texts::course::texts;
use crate::web::address::{use_address, use_locale};

/// The page of its own.
pub fn page() -> AnyView {
    let locale = use_locale();
    view! {
        <div class="page page-narrow stack">
            <h1 class="page-title">{move || texts(locale.get()).errors_title}</h1>
            <p class="page-lead">{move || texts(locale.get()).errors_lead}</p>
            {clinic(Signal::stored(Default::default()))}
            {coverage()}
        </div>
    }
    .into_any()
}

/// Where every heading of the articles is taught.
fn coverage() -> AnyView {
    let content = use_content();
    let locale = use_locale();
    let address = use_address();
    let rows = move || {
        let coverage = content.coverage()?;
        let language = locale.get().code();
        let rows = coverage.rows.iter().map(|row| {
            let pages = row.pages.iter().map(|page| {
                let href = super::chapter::link(address, page);
                view! { <li><a rel="external" href=href>{page.trim_start_matches('/').to_string()}</a></li> }.into_any()
            });
            let pages: Vec<AnyView> = pages.collect();
            view! {
                <tr>
                    <th scope="row">{row.article.clone()}</th>
                    <td>{row.headings.get(language).cloned()}</td>
                    <td><ul class="errors-pages">{pages}</ul></td>
                </tr>
            }
            .into_any()
        });
        Some(rows.collect::<Vec<AnyView>>())
    };
    let words = move || texts(locale.get());
    view! {
        <section class="stack">
            <h2>{move || words().coverage_title}</h2>
            <p>{move || words().coverage_lead}</p>
            <div class="table-scroll" tabindex="0" role="region" aria-label=move || words().coverage_title>
                <table class="table" data-testid="coverage">
                    <thead>
                        <tr>
                            <th scope="col">{move || words().coverage_article}</th>
                            <th scope="col">{move || words().coverage_headings}</th>
                            <th scope="col">{move || words().coverage_pages}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// The list with a field to search it.
pub fn clinic(_settings: Settings) -> AnyView {
    let content = use_content();
    let locale = use_locale();
    let wanted = RwSignal::new(String::new());
    let rows = move || {
        let words = texts(locale.get());
        let Some(errors) = content.errors(locale.get()) else {
            return match content.failure.get() {
                Some(message) => {
                    view! { <p class="field-error" role="alert">{message}</p> }.into_any()
                }
                None => view! { <p role="status">{words.loading}</p> }.into_any(),
            };
        };
        let search = wanted.with(|text| text.trim().to_lowercase());
        let fits = |error: &&ErrorText| {
            [
                &error.id,
                &error.place,
                &error.written,
                &error.correct,
                &error.reason,
            ]
            .iter()
            .any(|text| text.to_lowercase().contains(&search))
        };
        let found: Vec<AnyView> = errors.iter().filter(fits).map(row).collect();
        let count = (words.errors_found)(found.len(), errors.len());
        view! {
            <p class="panel-note" role="status" data-testid="errors-count">{count}</p>
            <ul class="errors-list">{found}</ul>
        }
        .into_any()
    };
    view! {
        <section class="stack" data-testid="widget-errors">
            <label class="field">
                <span class="field-label">{move || texts(locale.get()).errors_search}</span>
                <input
                    type="search"
                    class="input"
                    data-testid="errors-search"
                    prop:value=move || wanted.get()
                    on:input=move |event| wanted.set(event_target_value(&event))
                />
            </label>
            {rows}
        </section>
    }
    .into_any()
}

fn row(error: &ErrorText) -> AnyView {
    let locale = use_locale();
    let words = texts(locale.get());
    let address = use_address();
    let link = |target: &str| Some(super::chapter::link(address, target));
    let html = |markdown: &str| {
        to_html(markdown, &link)
            .unwrap_or_else(|_| markdown.replace('&', "&amp;").replace('<', "&lt;"))
    };
    let see = super::chapter::link(address, &error.see);
    view! {
        <li class="errors-item" data-testid=format!("error-{}", error.id)>
            <h3 class="errors-place"><span class="tag">{error.id.to_uppercase()}</span>" "{error.place.clone()}</h3>
            <dl class="errors-pair">
                <dt>{words.errors_written}</dt>
                <dd class="prose is-faulty" inner_html=html(&error.written)></dd>
                <dt>{words.errors_correct}</dt>
                <dd class="prose is-right" inner_html=html(&error.correct)></dd>
            </dl>
            <div class="prose" inner_html=html(&error.reason)></div>
            <p><a rel="external" href=see>{words.errors_see}</a></p>
        </li>
    }
    .into_any()
}
