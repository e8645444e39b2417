//! The page of the concept map: search and filters, the map or the list, the concept that is open.

use std::collections::HashSet;
use std::sync::Arc;

use leptos::prelude::*;

use super::chart;
use super::content::{Concepts, use_content};
use super::marks::{self, Marks};
use super::panel;
use crate::course::CourseTexts;
use crate::view::map::{EdgeChoice, MapState, search};
use crate::view::texts::Locale;
use crate::view::texts::map::texts;
use crate::web::address::{Address, use_address, use_locale};

/// The most results of a search that are offered.
const MOST_FOUND: usize = 8;

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub struct Scope {
    pub address: Address,
    pub locale: Memo<Locale>,
    pub marks: Marks,
    concepts: RwSignal<Option<Arc<Concepts>>>,
    pub state: Memo<MapState>,
    unknown: Memo<Vec<String>>,
}

impl Scope {
    fn new() -> Self {
        let address = use_address();
        let concepts = use_content().concepts;
        let read = Memo::new(move |_| {
            let concepts = concepts.get();
            concepts.map(|concepts| {
                address
                    .state
                    .with(|state| MapState::read(&state.settings, &concepts.graph))
            })
        });
        Self {
            address,
            locale: use_locale(),
            marks: Marks::load(),
            concepts,
            state: Memo::new(move |_| read.get().map(|(state, _)| state).unwrap_or_default()),
            unknown: Memo::new(move |_| read.get().map(|(_, unknown)| unknown).unwrap_or_default()),
        }
    }

    /// The concepts, once they are here.
    pub fn concepts(self) -> Option<Arc<Concepts>> {
        self.concepts.get()
    }

    /// The texts of the page's language, once they are here.
    pub fn course(self) -> Option<Arc<CourseTexts>> {
        use_content().texts(self.locale.get())
    }

    /// Numbers of the concepts that are marked as known.
    pub fn known(self, concepts: &Concepts) -> HashSet<usize> {
        self.marks.0.with(|known| known.numbers(&concepts.graph))
    }

    /// Opens a concept, or closes the one that is open.
    pub fn open(self, id: Option<&str>) {
        self.address.change(|state| {
            state.set_setting("concept", id.unwrap_or_default());
            if id.is_none() {
                state.set_setting("way", "");
            }
        });
    }

    /// The address of a concept on this map.
    pub fn href(self, id: &str) -> String {
        let mut state = self.address.state.get();
        state.set_setting("concept", id);
        format!("{}{}", crate::web::base_path(), state.href())
    }
}

/// The whole page.
pub fn page() -> AnyView {
    let scope = Scope::new();
    let content = use_content();
    content.ask_concepts();
    let locale = scope.locale;
    let is_list = Memo::new(move |_| {
        let state = scope.address.state;
        state.with(|state| {
            state
                .settings
                .get("view")
                .is_some_and(|view| view == "list")
        })
    });
    let body = move || {
        if content.failure.get().is_some() && scope.concepts().is_none() {
            return ().into_any();
        }
        let (Some(concepts), Some(course)) = (scope.concepts(), scope.course()) else {
            let loading = texts(locale.get()).loading;
            return view! { <p role="status" data-testid="map-loading">{loading}</p> }.into_any();
        };
        match is_list.get() {
            true => list(scope, &concepts, &course),
            false => chart::chart(scope, concepts, course),
        }
    };
    let failure = move || {
        content.failure.get().map(|message| {
            view! {
                <section class="banner is-error" role="alert" data-testid="error-banner">
                    <p class="banner-title">{texts(locale.get()).failed}</p>
                    <p class="banner-text"><code>{message}</code></p>
                </section>
            }
        })
    };
    let unknown = move || {
        let unknown = scope.unknown.get().into_iter();
        unknown
            .map(|given| {
                view! {
                    <p class="banner is-warning" role="alert" data-testid="map-unknown">
                        {(texts(locale.get()).unknown)(&given)}
                    </p>
                }
            })
            .collect_view()
    };
    let is_open = move || scope.state.with(|state| state.concept.is_some());
    let toggle_list = move |_| {
        let to_list = !is_list.get_untracked();
        scope.address.change(|state| {
            state.set_setting("view", if to_list { "list" } else { "" });
        });
    };
    view! {
        <div class="page page-wide stack map-page" data-testid="map-page">
            {failure}
            {unknown}
            <h1 class="page-title">{move || texts(locale.get()).title}</h1>
            <p class="page-lead">{move || texts(locale.get()).lead}</p>
            <div class="map-tools">
                {search_field(scope)}
                {filters(scope)}
                <button type="button" class="button" data-testid="map-view" on:click=toggle_list>
                    {move || {
                        let texts = texts(locale.get());
                        if is_list.get() { texts.show_map } else { texts.show_list }
                    }}
                </button>
            </div>
            <div class="map-bench" class:is-open=is_open>
                <div class="map-main">{body}</div>
                <aside class="map-side stack">
                    {panel::panel(scope)}
                    {progress(scope)}
                </aside>
            </div>
        </div>
    }
    .into_any()
}

/// A field that finds concepts in both languages.
fn search_field(scope: Scope) -> AnyView {
    let content = use_content();
    let locale = scope.locale;
    let typed = RwSignal::new(String::new());
    // The other language's names count too; they are fetched once somebody looks for something.
    let ask_all = move |_| {
        Locale::ALL
            .into_iter()
            .for_each(|locale| content.ask(locale))
    };
    let found = Memo::new(move |_| {
        let all = content.all_texts();
        let all: Vec<&CourseTexts> = all.iter().map(AsRef::as_ref).collect();
        typed.with(|typed| search(typed, &all, MOST_FOUND))
    });
    let choose = move |id: &str| {
        scope.open(Some(id));
        typed.set(String::new());
    };
    let on_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            if let Some(id) = found.with_untracked(|found| found.first().cloned()) {
                choose(&id);
            }
        }
        "Escape" => typed.set(String::new()),
        _ => {}
    };
    let results = move || {
        if typed.with(|typed| typed.trim().is_empty()) {
            return ().into_any();
        }
        let course = scope.course();
        let rows = found.get();
        if rows.is_empty() {
            return view! {
                <p class="map-found" role="status">{texts(locale.get()).nothing_found}</p>
            }
            .into_any();
        }
        let rows = rows.into_iter().map(|id| {
            let text = course.as_ref().and_then(|course| course.get(&id));
            let name = text.map_or(id.clone(), |text| text.name.clone());
            let definition = text.map(|text| text.definition.clone());
            let testid = format!("found-{id}");
            view! {
                <li>
                    <button type="button" class="map-result" data-testid=testid on:click=move |_| choose(&id)>
                        <strong>{name}</strong>
                        <span class="muted">{definition}</span>
                    </button>
                </li>
            }
        });
        view! { <ul class="map-found">{rows.collect_view()}</ul> }.into_any()
    };
    view! {
        <div class="field map-search">
            <label class="field-label" for="map-search">{move || texts(locale.get()).search}</label>
            <input
                id="map-search"
                type="search"
                class="input"
                autocomplete="off"
                data-testid="map-search"
                placeholder=move || texts(locale.get()).search_hint
                prop:value=move || typed.get()
                on:focus=ask_all
                on:input=move |event| typed.set(event_target_value(&event))
                on:keydown=on_key
            />
            {results}
        </div>
    }
    .into_any()
}

/// Which arrows are drawn, and which field is picked out.
fn filters(scope: Scope) -> AnyView {
    let locale = scope.locale;
    let set = move |key: &'static str| {
        move |event| {
            let chosen = event_target_value(&event);
            let chosen = if chosen == "needs" {
                String::new()
            } else {
                chosen
            };
            scope
                .address
                .change(|state| state.set_setting(key, &chosen));
        }
    };
    let edges = move || {
        let current = scope.state.with(|state| state.edges);
        let texts = texts(locale.get());
        EdgeChoice::all()
            .map(|choice| {
                let name = choice.name();
                view! {
                    <option value=name selected=choice == current>{texts.edge_choice(name)}</option>
                }
            })
            .collect_view()
    };
    let groups = move || {
        let current = scope.state.with(|state| state.group.clone());
        let (Some(concepts), Some(course)) = (scope.concepts(), scope.course()) else {
            return Vec::new();
        };
        let groups = concepts.graph.structure.groups.iter();
        groups
            .map(|id| {
                let name = course.group(id).unwrap_or(id).to_string();
                let selected = current.as_deref() == Some(id);
                view! { <option value=id.clone() selected=selected>{name}</option> }
            })
            .collect::<Vec<_>>()
    };
    view! {
        <div class="field">
            <label class="field-label" for="map-edges">{move || texts(locale.get()).edges}</label>
            <select id="map-edges" class="select" data-testid="map-edges" on:change=set("edges")>{edges}</select>
        </div>
        <div class="field">
            <label class="field-label" for="map-group">{move || texts(locale.get()).group}</label>
            <select id="map-group" class="select" data-testid="map-group" on:change=set("group")>
                <option value="">{move || texts(locale.get()).all_groups}</option>
                {groups}
            </select>
        </div>
    }
    .into_any()
}

/// All concepts as a list by field, for those who read or listen.
fn list(scope: Scope, concepts: &Concepts, course: &CourseTexts) -> AnyView {
    let graph = &concepts.graph;
    let wanted = scope.state.with(|state| state.group.clone());
    let groups = graph.structure.groups.iter();
    let groups = groups.filter(|id| wanted.as_ref().is_none_or(|wanted| wanted == *id));
    let known = scope.known(concepts);
    let sections = groups.map(|group| {
        let members = (0..graph.len()).filter(|&number| graph.concept(number).group == *group);
        let rows = members.map(|number| {
            let id = graph.concept(number).id.clone();
            let text = course.get(&id);
            let name = text.map_or(id.clone(), |text| text.name.clone());
            let definition = text.map(|text| text.definition.clone());
            let tick = known.contains(&number).then(|| texts(scope.locale.get()).known);
            let testid = format!("concept-{id}");
            view! {
                <li>
                    <button type="button" class="map-result" data-testid=testid on:click=move |_| scope.open(Some(&id))>
                        <strong>{name}</strong>
                        <span class="muted">{definition}</span>
                        {tick.map(|tick| view! { <span class="tag">{tick}</span> })}
                    </button>
                </li>
            }
        });
        let name = course.group(group).unwrap_or(group).to_string();
        view! {
            <section>
                <h2 class="panel-title">{name}</h2>
                <ul class="map-list">{rows.collect_view()}</ul>
            </section>
        }
    });
    view! { <div class="panel stack" data-testid="map-list">{sections.collect_view()}</div> }
        .into_any()
}

/// How much the learner knows, and what can be learned next.
fn progress(scope: Scope) -> AnyView {
    let locale = scope.locale;
    let counts = move || {
        let concepts = scope.concepts()?;
        let known = scope.known(&concepts).len();
        Some((texts(locale.get()).known_count)(
            known,
            concepts.graph.len(),
        ))
    };
    let next = move || {
        let (Some(concepts), Some(course)) = (scope.concepts(), scope.course()) else {
            return Vec::new();
        };
        let known = scope.known(&concepts);
        let next = concepts.graph.next(&known).into_iter();
        next.map(|number| panel::chip(scope, &concepts.graph.concept(number).id, &course))
            .collect()
    };
    view! {
        <section class="panel stack" data-testid="map-progress">
            <h2 class="panel-title">{move || texts(locale.get()).next_title}</h2>
            <p class="panel-note">{move || texts(locale.get()).next_hint}</p>
            <ul class="map-chips" data-testid="map-next">{next}</ul>
            <p class="numeric" data-testid="map-known-count">{counts}</p>
            {marks::buttons(scope.marks)}
        </section>
    }
    .into_any()
}
