//! Optimizers side by side: their paths over the loss, their losses, and how each stands.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;

use crate::optim::{MAX_LEARNING_RATE, OptionKey};
use crate::session::{Command, LaneRecord};
use crate::view::format;
use crate::view::race::{self, CHART, Chart, OFFERS, Offer};
use crate::view::race_plane;
use crate::view::texts::Texts;
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;
use crate::web::palette::use_palette;

/// Pixels of the picture along each side.
const SIDE: usize = 420;

/// Changes are sent when they have rested for this long.
const REST: Duration = Duration::from_millis(120);

/// Exponents of the sliders of learning rates.
const EXPONENTS: (f64, f64) = (-4.0, 1.0);

/// What the learner has chosen for one lane.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    learning_rate: f32,
    is_shown: bool,
}

/// The race on the preset of the run that stands.
#[component]
pub fn RacePanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let preset = engine.part(|run| {
        let started = run.started.as_ref();
        started.map(|started| started.config.preset.clone())
    });
    let run = engine.part(|run| run.id().filter(|_| !run.is_starting()));
    let choices = RwSignal::new(
        [Choice {
            learning_rate: 0.0,
            is_shown: true,
        }; OFFERS.len()],
    );
    let steps = RwSignal::new(race::STEPS);
    // `None` follows the end.
    let chosen_step = RwSignal::new(None::<u32>);
    Effect::new(move |_| {
        let Some(preset) = preset.get() else { return };
        choices.update(|choices| {
            for (choice, offer) in choices.iter_mut().zip(&OFFERS) {
                choice.learning_rate = offer.learning_rate(&preset);
            }
        });
    });
    let rates = Memo::new(move |_| choices.get().map(|choice| choice.learning_rate));
    Effect::new(move |_| {
        let (run, rates, steps) = (run.get(), rates.get(), steps.get());
        if run.is_none() || rates.contains(&0.0) {
            return;
        }
        let lanes: Vec<_> = OFFERS
            .iter()
            .zip(rates)
            .map(|(offer, rate)| offer.lane(rate))
            .collect();
        let ask = move || engine.command(|run| Command::Race { run, lanes, steps });
        if let Ok(timer) = set_timeout_with_handle(ask, REST) {
            on_cleanup(move || timer.clear());
        }
    });
    let lanes = engine.part(|run| run.lanes.clone());
    let at = Memo::new(move |_| {
        let steps = steps.get();
        chosen_step.get().map_or(steps, |step| step.min(steps))
    });
    let has_picture = engine.part(|run| run.landscape.is_some());
    let seen = engine.part(|run| (run.landscape.clone(), run.no_landscape));
    let note = move || {
        let texts = &texts.get().race;
        let (landscape, reason) = seen.get();
        let main = landscape
            .as_ref()
            .and_then(|landscape| landscape.main.as_ref());
        match reason {
            Some(reason) => race_plane::refusal(reason, texts),
            None => main
                .map(|main| race_plane::note(main, texts))
                .unwrap_or_default(),
        }
    };
    let ends = move || {
        let texts = texts.get();
        let landscape = seen.get().0;
        let Some(main) = landscape
            .as_ref()
            .and_then(|landscape| landscape.main.as_ref())
        else {
            return String::new();
        };
        let names: Vec<String> = OFFERS.iter().map(|offer| name(offer, texts)).collect();
        race_plane::ends(main, texts.train.optimizer, &names, &texts.race)
    };
    let is_bowl =
        Memo::new(move |_| preset.with(|preset| preset.as_deref().and_then(race::goal).is_some()));
    let intro = move || {
        let race = &texts.get().race;
        if is_bowl.get() {
            race.intro_bowl
        } else {
            race.intro_data
        }
    };
    let rows = move || {
        let rows = OFFERS.iter().enumerate().map(|(number, offer)| {
            view! { <LaneRow number offer choices lanes preset at/> }
        });
        rows.collect_view()
    };
    view! {
        <section class="panel" data-testid="race">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().race.title}</h2>
                <span class="panel-note numeric" data-testid="race-step">
                    {move || (texts.get().race.after)(&format::count(at.get().into()))}
                </span>
            </div>
            <div class="panel-body">
                <p class="panel-note">{intro}</p>
                <div class="race-drawings">
                    <Show when=move || has_picture.get()>
                        <Paths choices lanes at/>
                    </Show>
                    <Losses choices lanes at steps/>
                </div>
                <p class="panel-note" data-testid="race-shares">{note}</p>
                <div class="field">
                    <label class="field-label" for="race-at">
                        {move || texts.get().race.step_shown}
                    </label>
                    <input
                        id="race-at"
                        class="slider"
                        type="range"
                        min="0"
                        max=move || steps.get().to_string()
                        data-testid="race-at"
                        prop:value=move || at.get().to_string()
                        on:input=move |event| {
                            let step = event_target_value(&event).parse().ok();
                            chosen_step.set(step.filter(|step| *step < steps.get_untracked()));
                        }
                    />
                </div>
                <div class="table-scroll" tabindex="0">
                    <table class="race-table">
                        <thead>
                            <tr>
                                <th scope="col">{move || texts.get().train.optimizer}</th>
                                <th scope="col">{move || texts.get().train.learning_rate}</th>
                                <th scope="col">{move || texts.get().race.result}</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                <Show when=move || is_bowl.get()>
                    <p class="panel-note">{move || texts.get().race.stability}</p>
                </Show>
                <div inner_html=ends data-testid="race-ends"></div>
                <div class="field race-steps">
                    <label class="field-label" for="race-steps">
                        {move || texts.get().race.steps}
                    </label>
                    <input
                        id="race-steps"
                        class="input"
                        type="number"
                        min="1"
                        max=race::MOST_STEPS.to_string()
                        step="1"
                        data-testid="race-steps"
                        prop:value=move || steps.get().to_string()
                        on:change=move |event| {
                            let typed = event_target_value(&event).parse::<u32>().ok();
                            let valid = typed.filter(|n| (1..=race::MOST_STEPS).contains(n));
                            // What cannot be used is put back.
                            steps.set(valid.unwrap_or(steps.get_untracked()));
                            steps.notify();
                        }
                    />
                </div>
            </div>
        </section>
    }
}

type Lanes = Memo<Vec<Option<Arc<LaneRecord>>>>;
type Choices = RwSignal<[Choice; OFFERS.len()]>;

/// The optimizer's name, with its schedule where it has one.
fn name(offer: &Offer, texts: &Texts) -> String {
    let optimizer = texts.settings.optimizer(&texts.train, offer.optimizer);
    match offer.schedule {
        crate::optim::ScheduleKind::Constant => optimizer.to_string(),
        schedule => {
            let schedule = texts.settings.choice(OptionKey::Schedule, schedule.name());
            (texts.race.with_schedule)(optimizer, schedule)
        }
    }
}

/// What the bowl's formula calls a weight.
fn weight_of_the_bowl(name: &str) -> Option<&'static str> {
    match name {
        "scale.weight[0]" => Some("w₁"),
        "scale.weight[1]" => Some("w₂"),
        _ => None,
    }
}

/// The loss over a plane of weights, and the paths of the lanes on it.
#[component]
fn Paths(choices: Choices, lanes: Lanes, at: Memo<u32>) -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let palette = use_palette();
    let landscape = engine.part(|run| run.landscape.clone());
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    Effect::new(move |_| {
        let (Some(canvas), Some(landscape)) = (canvas.get(), landscape.get()) else {
            return;
        };
        let rgba = race::picture(&landscape, &palette.get(), SIDE);
        if let Err(error) = browser::paint(&canvas, &rgba, SIDE as u32) {
            leptos::logging::warn!("the loss could not be painted: {error:?}");
        }
    });
    let paths = move || {
        let (landscape, lanes, step) = (landscape.get()?, lanes.get(), at.get());
        let side = SIDE as f64;
        let shown = choices.get();
        let mut html = String::new();
        for (number, record) in lanes.iter().enumerate() {
            let is_shown = shown.get(number).is_some_and(|choice| choice.is_shown);
            let Some(record) = record.as_ref().filter(|_| is_shown) else {
                continue;
            };
            let points = race::path(number, record, &landscape, side, step);
            let Some((x, y)) = points
                .rsplit(' ')
                .next()
                .and_then(|end| end.split_once(','))
            else {
                continue;
            };
            html += &format!(
                "<g class=\"lane lane-{number}\"><polyline class=\"lane-line\" points=\"{points}\"/>\
                 <circle class=\"lane-end\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/></g>"
            );
        }
        if landscape.main.is_some() {
            let [x, y] = race::on_picture(&landscape, [0.0, 0.0], side);
            html += &format!("<circle class=\"race-start\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>");
        }
        Some(html)
    };
    let label = move || {
        let landscape = landscape.get()?;
        let texts = &texts.get().race;
        let [a, b] = &landscape.names;
        Some(match landscape.main {
            None => (texts.picture_label)(a, b),
            Some(_) => texts.plane_label.to_string(),
        })
    };
    let axes = move || {
        let landscape = landscape.get()?;
        if let Some(main) = &landscape.main {
            return Some(race_plane::caption(&landscape, main, texts.get()));
        }
        let [a, b] = &landscape.names;
        let span = |(low, high): (f32, f32)| {
            let number = |value: f32| format::significant(value.into(), 3);
            format!("{} … {}", number(low), number(high))
        };
        let [across, upwards] = landscape.bounds.map(span);
        let [a, b] = [a, b].map(|name| weight_of_the_bowl(name).unwrap_or(name));
        let colon = texts.get().locale.colon();
        Some(format!("→ {a}{colon}{across} · ↑ {b}{colon}{upwards}"))
    };
    view! {
        <figure class="race-figure">
            <div class="race-picture">
                <canvas
                    class="race-canvas"
                    data-testid="race-canvas"
                    width=SIDE.to_string()
                    height=SIDE.to_string()
                    role="img"
                    aria-label=label
                    node_ref=canvas
                ></canvas>
                <svg
                    class="race-paths"
                    viewBox=format!("0 0 {SIDE} {SIDE}")
                    aria-hidden="true"
                    data-testid="race-paths"
                    inner_html=move || paths().unwrap_or_default()
                ></svg>
            </div>
            <figcaption class="field-hint">
                {axes}
                " · "
                {move || texts.get().race.picture_hint}
            </figcaption>
        </figure>
    }
}

/// The losses of all lanes over their updates.
#[component]
fn Losses(choices: Choices, lanes: Lanes, at: Memo<u32>, steps: RwSignal<u32>) -> impl IntoView {
    let texts = use_texts();
    let known = Memo::new(move |_| lanes.get().into_iter().flatten().collect::<Vec<_>>());
    let chart = Memo::new(move |_| {
        known.with(|known| Chart::new(known.iter().map(|record| &**record), steps.get()))
    });
    let lines = move || {
        let (lanes, step, shown) = (lanes.get(), at.get(), choices.get());
        let lines = lanes
            .into_iter()
            .enumerate()
            .filter_map(|(number, record)| {
                let record = record.filter(|_| shown.get(number).is_some_and(|c| c.is_shown))?;
                let points = chart.with(|chart| chart.line(&record.losses, step));
                Some(view! {
                    <g class=format!("lane lane-{number}")>
                        <polyline class="lane-line" points=points></polyline>
                    </g>
                })
            });
        lines.collect_view()
    };
    let grid = move || {
        let chart = chart.get();
        let [left, _, right, _] = chart.frame();
        let ticks = chart.ticks().into_iter().map(move |(exponent, y)| {
            let exponent = exponent.to_string().replace('-', "−");
            view! {
                <line
                    class="plot-grid"
                    x1=left.to_string()
                    x2=right.to_string()
                    y1=format!("{y:.1}")
                    y2=format!("{y:.1}")
                ></line>
                <text class="race-tick" x=(left - 6.0).to_string() y=format!("{:.1}", y + 4.0)>
                    "10"
                    <tspan dy="-5" class="race-exponent">{exponent}</tspan>
                </text>
            }
        });
        ticks.collect_view()
    };
    let ends = move || {
        let chart = chart.get();
        let [left, _, right, bottom] = chart.frame();
        let last = format::count(steps.get().into());
        view! {
            <text class="race-tick is-start" x=left.to_string() y=(bottom + 16.0).to_string()>
                "0"
            </text>
            <text class="race-tick" x=right.to_string() y=(bottom + 16.0).to_string()>{last}</text>
        }
    };
    view! {
        <figure class="race-figure">
            <svg
                class="race-chart"
                viewBox=format!("0 0 {} {}", CHART.0, CHART.1)
                role="img"
                aria-label=move || texts.get().race.chart_label
                data-testid="race-chart"
            >
                {grid}
                {ends}
                {lines}
            </svg>
            <figcaption class="field-hint">{move || texts.get().race.chart_hint}</figcaption>
        </figure>
    }
}

/// One lane: whether it is drawn, its learning rate, how it stands.
#[component]
fn LaneRow(
    number: usize,
    offer: &'static Offer,
    choices: Choices,
    lanes: Lanes,
    preset: Memo<Option<String>>,
    at: Memo<u32>,
) -> impl IntoView {
    let texts = use_texts();
    let rate = Memo::new(move |_| choices.with(|choices| choices[number].learning_rate));
    let is_shown = Memo::new(move |_| choices.with(|choices| choices[number].is_shown));
    let set_rate = move |rate: f32| choices.update(|choices| choices[number].learning_rate = rate);
    let slide = move |event: web_sys::Event| {
        if let Ok(exponent) = event_target_value(&event).parse::<f64>() {
            // Three digits are what a slider can be moved to.
            let text = format!("{:.2e}", 10_f64.powf(exponent));
            set_rate(text.parse().unwrap_or(rate.get_untracked()));
        }
    };
    let type_in = move |event: web_sys::Event| {
        let typed = event_target_value(&event).parse::<f32>().ok();
        match typed.filter(|rate| *rate > 0.0 && *rate <= MAX_LEARNING_RATE) {
            Some(rate) => set_rate(rate),
            // What cannot be used is put back.
            None => choices.notify(),
        }
    };
    let standing = move || {
        let texts = texts.get();
        let goal = preset.with(|preset| preset.as_deref().and_then(race::goal));
        let record = lanes.with(|lanes| lanes.get(number).cloned().flatten())?;
        let standing = race::standing(&record, goal, at.get())?;
        let number = |value: f32| format::significant(value.into(), 3);
        Some(match (standing.below, standing.diverged) {
            (Some(step), _) => (texts.race.below)(&format::count(step.into())),
            (None, Some(step)) => (texts.race.diverged)(&format::count(step.into())),
            (None, None) => (texts.race.loss)(&number(standing.loss)),
        })
    };
    let title = move || name(offer, texts.get());
    let rate_label = move || (texts.get().race.rate_of)(&name(offer, texts.get()));
    view! {
        <tr class=format!("lane lane-{number}") class:is-hidden=move || !is_shown.get()>
            <th scope="row">
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid=format!("race-show-{}", offer.id)
                        prop:checked=move || is_shown.get()
                        on:change=move |event| {
                            let is_shown = event_target_checked(&event);
                            choices.update(|choices| choices[number].is_shown = is_shown);
                        }
                    />
                    <svg class="lane-key" viewBox="0 0 28 8" aria-hidden="true">
                        <line class="lane-line" x1="0" y1="4" x2="28" y2="4"></line>
                    </svg>
                    <span>{title}</span>
                </label>
            </th>
            <td>
                <div class="race-rate">
                    <input
                        class="slider"
                        type="range"
                        min=EXPONENTS.0.to_string()
                        max=EXPONENTS.1.to_string()
                        step="0.01"
                        aria-label=rate_label
                        aria-valuetext=move || format::shortest(rate.get())
                        data-testid=format!("race-slide-{}", offer.id)
                        prop:value=move || f64::from(rate.get()).max(1e-9).log10().to_string()
                        on:input=slide
                    />
                    <input
                        class="input"
                        type="number"
                        step="any"
                        min="0"
                        aria-label=rate_label
                        data-testid=format!("race-rate-{}", offer.id)
                        prop:value=move || {
                            choices.with(|choices| format::shortest(choices[number].learning_rate))
                        }
                        on:change=type_in
                    />
                </div>
            </td>
            <td class="numeric race-result" data-testid=format!("race-result-{}", offer.id)>
                {move || standing().unwrap_or_else(|| format::NO_VALUE.to_string())}
            </td>
        </tr>
    }
}
