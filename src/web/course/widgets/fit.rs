//! Over- and underfitting on a few points: the engine learns a stretch, the page draws it and asks for the next.

use std::time::Duration;

use leptos::prelude::*;

use super::super::engine::{CourseEngine, use_engine};
use super::Settings;
use super::controls::{self, Started};
use crate::lesson::fit::{
    Cloud, DECAY, EVERY, FLIPPED, FitReport, FitRequest, HELD_OUT, HIDDEN, LAYERS, LEARNING_RATE,
    NOISE, POINTS, STEPS,
};
use crate::lesson::{Answer, Ask};
use crate::view::boundary::{Shown, picture};
use crate::view::format;
use crate::view::texts::widgets::fit::{FitTexts, texts};
use crate::view::widgets::fit::{
    accuracy_plane, accuracy_text, loss_plane, loss_text, read, score, sentence, sizes,
};
use crate::view::widgets::handle::Range;
use crate::view::widgets::noise::HIGHEST_SEED;
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;
use crate::web::browser;
use crate::web::palette::use_palette;

/// Pixels of the canvas along each side.
const SIDE: usize = 400;

/// Rest between two stretches: the learning is to be watched.
const REST_MILLIS: u64 = 50;

/// Where less is to move, that many stretches are one.
const CALM: u32 = 20;

/// A new run waits so long for further changes of the settings.
const SETTLE_MILLIS: u64 = 150;

/// The run that the page watches.
#[derive(Clone, Copy)]
struct Watched {
    engine: CourseEngine,
    report: RwSignal<Option<FitReport>>,
    failure: RwSignal<Option<String>>,
    /// Whether the next stretch follows by itself.
    runs: RwSignal<bool>,
    /// The question, where it can be asked to go on.
    id: StoredValue<Option<u32>>,
    /// Whether the engine waits to be asked to go on.
    waits: StoredValue<bool>,
}

impl Watched {
    fn new() -> Self {
        Self {
            engine: use_engine(),
            report: RwSignal::new(None),
            failure: RwSignal::new(None),
            runs: RwSignal::new(false),
            id: StoredValue::new(None),
            waits: StoredValue::new(false),
        }
    }

    /// Begins a run in place of the one under way.
    fn start(self, request: FitRequest) {
        self.stop();
        self.waits.set_value(false);
        let id = self
            .engine
            .ask(Ask::Fit(request), move |answer| self.hear(answer));
        self.id.set_value(Some(id));
    }

    fn stop(self) {
        if let Some(Some(id)) = self.id.try_get_value() {
            self.engine.stop(id);
        }
    }

    fn hear(self, answer: &Answer) {
        match answer {
            Answer::Fit(report) => {
                self.failure.set(None);
                let is_done = report.is_done();
                self.waits.set_value(!is_done);
                self.report.set(Some(FitReport::clone(report)));
                if is_done {
                    self.runs.set(false);
                } else {
                    set_timeout(
                        move || self.go_on_by_itself(),
                        Duration::from_millis(REST_MILLIS),
                    );
                }
            }
            Answer::Failed { message } => {
                self.waits.set_value(false);
                self.runs.set(false);
                self.failure.set(Some(message.clone()));
            }
            _ => {}
        }
    }

    fn go_on_by_itself(self) {
        // The widget may be gone by now.
        if self.runs.try_get_untracked() == Some(true) {
            self.go_on(if is_calm() { CALM } else { 1 } * EVERY);
        }
    }

    /// Lets the run learn for so many steps more, if it waits for that.
    fn go_on(self, steps: u32) {
        if let (Some(true), Some(id)) = (self.waits.try_get_value(), self.id.get_value()) {
            self.waits.set_value(false);
            self.engine.tell(Ask::Onward { id, steps });
        }
    }
}

/// Whether less is to move.
fn is_calm() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// Begins a run of what is set, and anew where that changes or the engine was lost.
fn follow(state: RwSignal<FitRequest>, watched: Watched) {
    let set = Memo::new(move |_| state.get());
    Effect::new(move |before: Option<u32>| {
        let (request, restarts) = (set.get(), watched.engine.restarts());
        match before == Some(restarts) {
            // While a slider moves, what it passes is not begun.
            true => set_timeout(
                move || {
                    if state.try_get_untracked() == Some(request) {
                        watched.start(request);
                    }
                },
                Duration::from_millis(SETTLE_MILLIS),
            ),
            false => watched.start(request),
        }
        restarts
    });
    on_cleanup(move || watched.stop());
}

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words =
        move |text: fn(&FitTexts) -> &'static str| Signal::derive(move || text(t()).to_string());
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, read);
    let watched = Watched::new();
    follow(state, watched);
    let Watched { report, runs, .. } = watched;
    let reset = Callback::new(move |()| {
        runs.set(false);
        reset.run(());
        watched.start(state.get_untracked());
    });
    let is_there = Memo::new(move |_| report.with(Option::is_some));
    // Nothing there that could go on.
    let is_over = Memo::new(move |_| {
        let may_go_on = |report: &FitReport| !report.is_done();
        let has_failed = watched.failure.with(Option::is_some);
        has_failed || !report.with(|report| report.as_ref().is_some_and(may_go_on))
    });
    let step = Memo::new(move |_| {
        report.with(|report| report.as_ref().map_or(0, |report| report.now().step))
    });
    let told = move || {
        let all = format::count(STEPS.into());
        match (watched.failure.get(), is_there.get()) {
            (Some(message), _) => format!("{} {message}", t().failed),
            (None, false) => t().waiting.to_string(),
            (None, true) => (t().step)(&format::count(step.get().into()), &all),
        }
    };
    let verdict = Memo::new(move |_| {
        let t = t();
        report.with(|report| {
            let report = report.as_ref()?;
            let (judgement, words) = sentence(report, t);
            Some((judgement.verdict.name(), words))
        })
    });
    let network = move || {
        report.with(|report| {
            let report = report.as_ref()?;
            Some((t().network)(
                &sizes(&report.request),
                &format::count(report.parameters),
                &format::shortest(LEARNING_RATE),
            ))
        })
    };
    let svg = move |draw: fn(&FitReport, &FitTexts) -> String| {
        let t = t();
        report.with(|report| report.as_ref().map(|report| draw(report, t)))
    };
    let losses =
        move || svg(|report, t| loss_plane(report, [t.step_axis, t.loss_axis]).finish(t.losses));
    let accuracies = move || {
        svg(|report, t| accuracy_plane(report, [t.step_axis, t.accuracy_axis]).finish(t.accuracies))
    };
    let keys = move || {
        let t = t();
        [
            ("is-train", t.train),
            ("is-held-out", t.held_out),
            ("is-floor", t.floor),
        ]
        .map(|(class, name)| {
            view! { <li class=format!("fit-key {class}")>{name}</li> }
        })
        .collect_view()
    };
    let body = view! {
        <p class="panel-note">{words(|t| t.lead)}</p>
        {fields(state)}
        <div class="wg-tools">
            <button
                type="button"
                class="button button-primary"
                data-testid="fit-run"
                disabled=move || is_over.get()
                on:click=move |_| {
                    runs.update(|runs| *runs = !*runs);
                    watched.go_on_by_itself();
                }
            >
                {move || if runs.get() { t().pause } else { t().run }}
            </button>
            <button
                type="button"
                class="button"
                data-testid="fit-stretch"
                disabled=move || runs.get() || is_over.get()
                on:click=move |_| watched.go_on(EVERY)
            >
                {words(|t| t.stretch)}
            </button>
            <button
                type="button"
                class="button"
                data-testid="fit-again"
                on:click=move |_| {
                    runs.set(false);
                    watched.start(state.get_untracked());
                }
            >
                {words(|t| t.again)}
            </button>
        </div>
        <p
            class="status-line"
            data-testid="fit-step"
            data-value=move || step.get().to_string()
            role=move || if watched.failure.with(Option::is_some) { "alert" } else { "status" }
            aria-live="off"
        >
            {told}
        </p>
        <p
            class="fit-verdict"
            data-testid="fit-verdict"
            data-value=move || verdict.with(|told| told.as_ref().map_or("", |(name, _)| name))
            role="status"
            aria-live=move || if runs.get() { "off" } else { "polite" }
        >
            {move || verdict.get().map(|(_, words)| words)}
        </p>
        <div class="wg-pair is-wide fit-pictures">
            {boundary(report)}
            <div class="wg-figure">
                <h3 class="widget-title">{words(|t| t.losses)}</h3>
                <ul class="fit-keys">{keys}</ul>
                <figure class="widget-figure" data-testid="fit-losses" inner_html=losses></figure>
                <h3 class="widget-title">{words(|t| t.accuracies)}</h3>
                <figure class="widget-figure" data-testid="fit-accuracies" inner_html=accuracies></figure>
            </div>
        </div>
        {table(report)}
        <p class="panel-note" data-testid="fit-network">{network}</p>
        <details>
            <summary>{words(|t| t.rule)}</summary>
            <p>{words(|t| t.rule_over)}</p>
            <p>{words(|t| t.rule_under)}</p>
            <p>{words(|t| t.rule_floor)}</p>
        </details>
    };
    controls::frame("fit", words(|t| t.title), problems, reset, body.into_any())
}

/// What can be set.
fn fields(state: RwSignal<FitRequest>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words =
        move |text: fn(&FitTexts) -> &'static str| Signal::derive(move || text(t()).to_string());
    let part = move |pick: fn(&FitRequest) -> f64| Signal::derive(move || pick(&state.get()));
    let set = move |put: fn(&mut FitRequest, f64)| {
        Callback::new(move |value| state.update(|state| put(state, value)))
    };
    let slider = move |testid, text, (low, high): (f64, f64), step: f64, pick, put| {
        let expected = match step.fract() == 0.0 {
            true => Expected::Whole {
                low: low as u64,
                high: high as u64,
            },
            false => Expected::Number { low, high },
        };
        let range = Range::linear(low, high, step);
        controls::slider_field(testid, words(text), range, expected, part(pick), set(put))
    };
    let range = |(low, high): (u32, u32)| (f64::from(low), f64::from(high));
    let clouds = Signal::derive(move || {
        let all = Cloud::ALL.into_iter();
        all.map(|(id, cloud)| (id.to_string(), t().cloud(cloud).to_string()))
            .collect()
    });
    let layers = Signal::derive(move || {
        let name = |number: u32| match number {
            0 => t().line.to_string(),
            number => number.to_string(),
        };
        let all = LAYERS.0..=LAYERS.1;
        all.map(|number| (number.to_string(), name(number)))
            .collect()
    });
    view! {
        <div class="widget-fields wg-fields">
            {controls::choice(
                "fit-data",
                words(|t| t.data),
                clouds,
                Signal::derive(move || {
                    let cloud = state.with(|state| state.cloud);
                    let known = Cloud::ALL.into_iter().find(|&(_, known)| known == cloud);
                    known.map_or(String::new(), |(id, _)| id.to_string())
                }),
                Callback::new(move |id: String| {
                    let known = Cloud::ALL.into_iter().find(|&(name, _)| name == id);
                    state.update(|state| state.cloud = known.map_or(state.cloud, |(_, cloud)| cloud));
                }),
            )}
            {slider(
                "fit-points",
                |t| t.points,
                range(POINTS),
                1.0,
                |state| state.points.into(),
                |state, value| state.points = value as u32,
            )}
            {slider("fit-noise", |t| t.noise, NOISE, 0.05, |state| state.noise, |state, value| state.noise = value)}
            {slider(
                "fit-flipped",
                |t| t.flipped,
                FLIPPED,
                0.05,
                |state| state.flipped,
                |state, value| state.flipped = value,
            )}
            {controls::choice(
                "fit-layers",
                words(|t| t.layers),
                layers,
                Signal::derive(move || state.with(|state| state.layers.to_string())),
                Callback::new(move |id: String| {
                    state.update(|state| state.layers = id.parse().unwrap_or(state.layers));
                }),
            )}
            {slider(
                "fit-hidden",
                |t| t.hidden,
                range(HIDDEN),
                1.0,
                |state| state.hidden.into(),
                |state, value| state.hidden = value as u32,
            )}
            {slider("fit-decay", |t| t.decay, DECAY, 0.1, |state| state.decay, |state, value| state.decay = value)}
            {controls::number_field(
                "fit-seed",
                words(|t| t.seed),
                Expected::Whole { low: 0, high: HIGHEST_SEED },
                part(|state| state.seed as f64),
                set(|state, value| state.seed = value as u64),
            )}
        </div>
    }
    .into_any()
}

/// The points, and what the network says between them: as it stands, or as it stood where the held-out loss was least.
fn boundary(report: RwSignal<Option<FitReport>>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let palette = use_palette();
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let shows_train = RwSignal::new(true);
    let shows_held_out = RwSignal::new(true);
    let shows_best = RwSignal::new(false);
    let pick = move |pick: fn(&FitReport) -> u32| {
        report.with(|report| format::count(report.as_ref().map_or(0, pick).into()))
    };
    let best = move || pick(|report| report.best().step);
    let shown_step = move || match shows_best.get() {
        true => best(),
        false => pick(|report| report.now().step),
    };
    Effect::new(move |_| {
        let shown = Shown {
            train: shows_train.get(),
            held_out: shows_held_out.get(),
        };
        let (palette, shows_best) = (palette.get(), shows_best.get());
        let Some(canvas) = canvas.get() else {
            return;
        };
        report.with(|report| {
            let Some(report) = report else {
                return;
            };
            let boundary = match shows_best {
                true => &report.best_boundary,
                false => &report.boundary,
            };
            let rgba = picture(&report.points, Some(boundary), &palette, SIDE, shown);
            if let Err(error) = browser::paint(&canvas, &rgba, SIDE as u32) {
                leptos::logging::warn!("the boundary could not be painted: {error:?}");
            }
        });
    });
    let label = move || {
        let train = pick(|report| report.request.points);
        (t().picture)(&train, &HELD_OUT.to_string(), &shown_step())
    };
    let check = |testid: &'static str, shown: RwSignal<bool>, legend: Signal<String>| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=testid
                    prop:checked=move || shown.get()
                    on:change=move |event| shown.set(event_target_checked(&event))
                />
                {legend}
            </label>
        }
    };
    view! {
        <div class="wg-figure">
            <h3 class="widget-title">{move || t().boundary}</h3>
            <canvas
                class="fit-canvas"
                data-testid="fit-boundary"
                width=SIDE.to_string()
                height=SIDE.to_string()
                role="img"
                aria-label=label
                node_ref=canvas
            ></canvas>
            <div class="fit-checks">
                {check("fit-show-train", shows_train, Signal::derive(move || t().show_train.to_string()))}
                {check("fit-show-held-out", shows_held_out, Signal::derive(move || t().show_held_out.to_string()))}
                {check("fit-show-best", shows_best, Signal::derive(move || (t().stopped)(&best())))}
            </div>
            <p class="panel-note">{move || t().ground}</p>
        </div>
    }
    .into_any()
}

/// Loss and accuracy of both parts, now and where the held-out loss was least.
fn table(report: RwSignal<Option<FitReport>>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let rows = move || {
        let t = t();
        report.with(|report| {
            let report = report.as_ref()?;
            let (now, best) = (report.now(), report.best());
            let step = format::count(best.step.into());
            let name = |what: &str| (t.at_best)(what, &step);
            let rows = [
                ("loss", t.loss_now.to_string(), now, true),
                ("accuracy", t.accuracy_now.to_string(), now, false),
                ("best-loss", name(t.loss_best), best, true),
                ("best-accuracy", name(t.accuracy_best), best, false),
            ];
            let cell = |testid: String, (number, text): (f64, String)| {
                view! {
                    <td class="numeric" data-testid=testid data-value=format::bare(number)>{text}</td>
                }
            };
            let rows = rows.map(|(id, name, place, is_loss)| {
                let value = |is_held_out| {
                    let score = score(&place, is_held_out);
                    match is_loss {
                        true => (score.loss, loss_text(score.loss)),
                        false => (score.accuracy, accuracy_text(score.accuracy)),
                    }
                };
                view! {
                    <tr>
                        <th scope="row">{name}</th>
                        {cell(format!("fit-train-{id}"), value(false))}
                        {cell(format!("fit-held-out-{id}"), value(true))}
                    </tr>
                }
            });
            let floor = report.floor;
            let floor = view! {
                <tr>
                    <th scope="row">{t.floor}</th>
                    <td class="numeric">{format::NO_VALUE}</td>
                    <td class="numeric" data-testid="fit-floor" data-value=format::bare(floor.loss)>
                        {format!("{} · {}", loss_text(floor.loss), accuracy_text(floor.accuracy))}
                    </td>
                </tr>
            };
            Some((rows.collect_view(), floor))
        })
    };
    let best = move || report.with(|report| report.as_ref().map_or(0, |report| report.best().step));
    view! {
        <table class="widget-table fit-table" data-testid="fit-table" data-value=move || best().to_string()>
            <caption>{move || t().table}</caption>
            <thead>
                <tr>
                    <td></td>
                    <th scope="col" class="numeric">{move || t().train}</th>
                    <th scope="col" class="numeric">{move || t().held_out}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
