//! The six steps of a pipeline on a small real run, with faults to switch on.

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Started};
use crate::lesson::pipeline::{Card, Check, Fault, Report};
use crate::lesson::{Answer, Ask};
use crate::view::format;
use crate::view::texts::widgets::pipeline::{PipelineTexts, texts};
use crate::view::widgets::pipeline::{Figure, State, curve_svg, figures, first_red, numbers_of};
use crate::web::address::use_locale;
use crate::web::course::engine::{CourseEngine, use_engine};

/// How the run stands.
#[derive(Clone, Debug, PartialEq)]
enum Status {
    Loading,
    Running,
    Done,
    Cancelled,
    Failed(String),
}

/// The run that the page watches.
#[derive(Clone, Copy)]
struct Watched {
    report: RwSignal<Report>,
    status: RwSignal<Status>,
    id: StoredValue<Option<u32>>,
    engine: CourseEngine,
}

impl Watched {
    /// Starts a run in place of the one under way.
    fn start(self, state: State) {
        self.stop();
        let State { fault, seed } = state;
        self.report.set(Report {
            fault,
            ..Report::default()
        });
        self.status.set(Status::Loading);
        let id = self
            .engine
            .ask(Ask::Pipeline { fault, seed }, move |answer| match answer {
                Answer::Pipeline(report) => {
                    self.status.set(match report.is_done() {
                        true => Status::Done,
                        false => Status::Running,
                    });
                    self.report.set((**report).clone());
                }
                Answer::Failed { message } => self.status.set(Status::Failed(message.clone())),
                _ => {}
            });
        self.id.set_value(Some(id));
    }

    fn stop(self) {
        if let Some(Some(id)) = self.id.try_get_value() {
            self.engine.stop(id);
        }
    }
}

/// A run that starts by itself, and anew with another fault or a new engine.
fn watch(state: RwSignal<State>) -> Watched {
    let watched = Watched {
        report: RwSignal::new(Report::default()),
        status: RwSignal::new(Status::Loading),
        id: StoredValue::new(None),
        engine: use_engine(),
    };
    let set = Memo::new(move |_| state.get());
    Effect::new(move |_| {
        watched.engine.restarts();
        watched.start(set.get());
    });
    on_cleanup(move || watched.stop());
    watched
}

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&PipelineTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let watched = watch(state);
    let Watched { report, status, .. } = watched;
    let faults = Signal::derive(move || {
        let t = t();
        let all = Fault::ALL.iter();
        all.map(|&fault| (fault.name().to_string(), t.fault_name(fault).to_string()))
            .collect()
    });
    let is_busy = Memo::new(move |_| {
        status.with(|status| matches!(status, Status::Loading | Status::Running))
    });
    let told = move || {
        let t = t();
        status.with(|status| match status {
            Status::Loading => t.loading.to_string(),
            Status::Running => report.with(|report| (t.working)(report.done, report.total)),
            Status::Done => report.with(|report| {
                let done = (t.done)(&format::duration(report.millis, locale.get()));
                let verdict = match first_red(report) {
                    Some(card) => (t.first)(t.card(card)),
                    None => t.all_green.to_string(),
                };
                format!("{done} {verdict}")
            }),
            Status::Cancelled => t.cancelled.to_string(),
            Status::Failed(message) => message.clone(),
        })
    };
    let name = move || match status.get() {
        Status::Loading => "loading",
        Status::Running => "running",
        Status::Done => "done",
        Status::Cancelled => "cancelled",
        Status::Failed(_) => "failed",
    };
    let cards = Card::ALL
        .iter()
        .enumerate()
        .map(|(place, &card)| card_view(report, place, card));
    let body = view! {
        <p class="panel-note">{words(|t| t.lead)}</p>
        <div class="wg-tools">
            {controls::choice(
                "pipeline-fault",
                words(|t| t.fault),
                faults,
                Signal::derive(move || state.with(|state| state.fault.name().to_string())),
                Callback::new(move |name: String| {
                    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
                    state.update(|state| state.fault = fault.unwrap_or(state.fault));
                }),
            )}
            <button
                type="button"
                class="button"
                data-testid="pipeline-run"
                disabled=move || is_busy.get()
                on:click=move |_| watched.start(state.get_untracked())
            >
                {words(|t| t.run)}
            </button>
            <button
                type="button"
                class="button"
                data-testid="pipeline-cancel"
                disabled=move || !is_busy.get()
                on:click=move |_| {
                    watched.stop();
                    status.set(Status::Cancelled);
                }
            >
                {words(|t| t.cancel)}
            </button>
        </div>
        <p>{move || t().fault_note(state.with(|state| state.fault))}</p>
        <progress
            class="progress"
            max="1"
            aria-label=words(|t| t.title)
            prop:value=move || {
                report.with(|report| f64::from(report.done) / f64::from(report.total.max(1)))
            }
        ></progress>
        <p
            class="status-line"
            data-testid="pipeline-status"
            data-value=name
            role=move || if matches!(status.get(), Status::Failed(_)) { "alert" } else { "status" }
            aria-live=move || if is_busy.get() { "off" } else { "polite" }
        >
            {told}
        </p>
        <ol class="wg-cards">{cards.collect_view()}</ol>
    };
    controls::frame(
        "pipeline",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

fn card_view(report: RwSignal<Report>, place: usize, card: Card) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let holds = Memo::new(move |_| report.with(|report| report.holds(card)));
    let class = move || match holds.get() {
        Some(true) => "wg-card is-in-order",
        Some(false) => "wg-card is-out-of-order",
        None => "wg-card",
    };
    let state = move || match holds.get() {
        Some(true) => "green",
        Some(false) => "red",
        None => "open",
    };
    let sign = move || match holds.get() {
        Some(true) => format!("✓ {}", t().keeps),
        Some(false) => format!("✗ {}", t().breaks),
        None => t().not_yet.to_string(),
    };
    let numbers = move || {
        let figures = report.with(|report| figures(report, card, t()));
        figures
            .into_iter()
            .map(|Figure { id, name, text, bare }| {
                view! {
                    <div class="widget-value">
                        <dt>{name}</dt>
                        <dd class="numeric" data-testid=format!("pipeline-{id}") data-value=bare>{text}</dd>
                    </div>
                }
            })
            .collect_view()
    };
    let rules = move || {
        let t = t();
        let of_card = |check: &&Check| check.rule.card() == card;
        report.with(|report| {
            let checks = report.checks.iter().filter(of_card);
            checks
                .map(|check| {
                    let (measured, bound) = numbers_of(check);
                    let words = t.rule(check.rule, &measured, &bound);
                    let sign = if check.holds { "✓ " } else { "✗ " };
                    let class = if check.holds {
                        "wg-rule"
                    } else {
                        "wg-rule is-broken"
                    };
                    view! { <li class=class>{sign} {words}</li> }
                })
                .collect_view()
        })
    };
    let curve = (card == Card::Train).then(|| {
        let svg = move || {
            let t = t();
            report.with(|report| curve_svg(report, t.curve, [t.step_axis, t.loss_axis]))
        };
        view! { <div class="wg-curve" inner_html=svg></div> }
    });
    view! {
        <li class=class data-testid=format!("pipeline-card-{}", card.name()) data-value=state>
            <div class="spread">
                <h3>{place + 1} ". " {move || t().card(card)}</h3>
                <span class="wg-sign">{sign}</span>
            </div>
            <dl class="widget-values">{numbers}</dl>
            {curve}
            <ul class="wg-rules">{rules}</ul>
        </li>
    }
    .into_any()
}
