//! Data parallelism: the replicas run in Web Workers, the coordinator in the page.

mod bench;
mod exercises;

use std::rc::Rc;

use leptos::prelude::*;

use super::drawing_width;
use super::field::{choice_field, text_field};
use crate::lab::replicas::{Mode, Standing};
use crate::lab::ring::Receipt;
use crate::optim::OptimizerKind;
use crate::plot::lane_lines_svg;
use crate::view::format;
use crate::view::lab::replicas::{
    Form, FormError, MODELS, NUMBERS, OPTIMIZERS, STEPS, Typical, distance_lines, loss_lines,
    ring_svg, round, samples_per_second, typical,
};
use crate::view::texts::lab::replicas::{ReplicaTexts, texts};
use crate::view::texts::lab::{explain, lab_texts};
use crate::web::address::{use_address, use_locale};
use bench::{Bench, cores};

/// Size of the drawings' coordinates, where there is room.
const DRAWING: (u32, u32) = (560, 220);

fn drawing() -> (u32, u32) {
    (drawing_width(DRAWING.0), DRAWING.1)
}

/// The bench as components hold it.
type Held = StoredValue<Rc<Bench>, LocalStorage>;

/// The whole instrument.
pub fn instrument() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let bench: Held = StoredValue::new_local(Bench::new());
    let form = Memo::new(move |_| {
        address
            .state
            .with(|state| Form::read(&state.settings, state.seed.unwrap_or(1)))
    });
    let settings = Memo::new(move |_| form.with(Form::settings));
    // Other settings are another run.
    Effect::new(move |_| {
        if let Ok(settings) = settings.get() {
            bench.with_value(|bench| bench.start(settings));
        }
    });
    let version = bench.with_value(|bench| bench.version());
    let text = move || texts(locale.get());
    let seen = move |draw: fn(&Bench, &'static ReplicaTexts) -> String| {
        move || {
            version.track();
            bench.with_value(|bench| draw(bench, text()))
        }
    };
    let fault = move || {
        version.track();
        let fault = bench.with_value(|bench| bench.fault())?;
        let title = lab_texts(locale.get()).failed;
        let fault = explain(&fault, locale.get());
        Some(view! {
            <section class="banner is-error" role="alert" data-testid="replica-fault">
                <p class="banner-title">{title}</p>
                <p class="banner-text">{fault}</p>
            </section>
        })
    };
    let export = move || {
        form.with(|form| format!("glassbox export {} --format torch --out ddp", form.model))
    };
    view! {
        <div class="lab-bench">
            <section class="panel stack lab-wide">
                <h2 class="panel-title">{move || text().settings}</h2>
                {fields(form, settings)}
            </section>
            <section class="panel stack">
                {controls(bench, settings)}
                {fault}
                <div inner_html=seen(ring_picture)></div>
                <p class="panel-note">{move || text().ring_note}</p>
                <div class="lab-scroll" tabindex="0" role="region" aria-label=move || text().ring_title inner_html=seen(ring_table)></div>
            </section>
            <div class="stack">
            <section class="panel stack">
                <h2 class="panel-title">{move || text().losses_title}</h2>
                <div inner_html=seen(loss_pictures)></div>
            </section>
            <section class="panel stack">
                <h2 class="panel-title">{move || text().distance_title}</h2>
                <div inner_html=seen(distance_picture)></div>
                <h2 class="panel-title">{move || text().times_title}</h2>
                <div inner_html=move || {
                    version.track();
                    bench.with_value(|bench| times(bench, text(), locale.get()))
                }></div>
            </section>
            </div>
            {exercises::panel(bench)}
            <section class="panel prose lab-wide lab-columns">
                <h2 class="panel-title">{move || text().explain_title}</h2>
                <p>{move || text().explain_mean}</p>
                <p>{move || text().explain_ring}</p>
                <p>{move || text().explain_broken}</p>
                <p>{move || text().explain_federated}</p>
                <p>{move || text().explain_real}</p>
                <p><code class="mono lab-command" data-testid="replicas-export">{export}</code></p>
                <p>{move || text().explain_real_run}</p>
            </section>
        </div>
    }
    .into_any()
}

/// Everything that can be chosen; it stands in the address.
fn fields(
    form: Memo<Form>,
    settings: Memo<Result<crate::lab::replicas::Settings, FormError>>,
) -> AnyView {
    let locale = use_locale();
    let text = move || texts(locale.get());
    let choice = |key: &'static str,
                  label: fn(&ReplicaTexts) -> &'static str,
                  value: fn(&Form) -> String,
                  choices: fn(&ReplicaTexts) -> Vec<(String, String)>| {
        choice_field(
            key,
            Signal::derive(move || label(text()).to_string()),
            Signal::derive(move || form.with(value)),
            Signal::derive(move || choices(text())),
        )
    };
    let number = |key: &'static str| {
        text_field(
            key,
            Signal::derive(move || (text().label)(key)),
            Signal::derive(move || (text().hint)(key)),
            Signal::derive(move || form.with(|form| form.number(key).to_string())),
            Signal::derive(move || {
                let error = settings.get().err().filter(|error| error.key() == key)?;
                Some((text().wrong)(&error))
            }),
        )
    };
    let optimizers = |_: &ReplicaTexts| {
        OPTIMIZERS
            .map(|kind| {
                let text = match kind {
                    OptimizerKind::Sgd => "SGD",
                    _ => "Adam",
                };
                (kind.name().to_string(), text.to_string())
            })
            .to_vec()
    };
    view! {
        <div class="lab-fields">
            {choice(
                "model",
                |text| text.model,
                |form| form.model.clone(),
                |text| {
                    let named = [text.linear, text.lenet];
                    let both = MODELS.iter().zip(named);
                    both.map(|(id, name)| (id.to_string(), name.to_string())).collect()
                },
            )}
            {choice(
                "mode",
                |text| text.mode,
                |form| form.mode.name().to_string(),
                |text| {
                    Mode::ALL.map(|mode| (mode.name().to_string(), (text.mode_name)(mode))).to_vec()
                },
            )}
            {choice("optim", |text| text.optimizer, |form| form.optimizer.name().to_string(), optimizers)}
            {choice(
                "shares",
                |text| text.shares,
                |form| if form.is_uneven { "uneven" } else { "even" }.to_string(),
                |text| {
                    vec![
                        ("even".to_string(), text.shares_even.to_string()),
                        ("uneven".to_string(), text.shares_uneven.to_string()),
                    ]
                },
            )}
            {NUMBERS.map(number)}
        </div>
        {move || {
            let is_unused = form.with(|form| form.is_uneven && form.mode != Mode::Federated);
            is_unused.then(|| {
                view! { <p class="panel-note" role="status" data-testid="shares-unused">{text().shares_unused}</p> }
            })
        }}
    }
    .into_any()
}

/// The buttons, and what the run is doing.
fn controls(
    bench: Held,
    settings: Memo<Result<crate::lab::replicas::Settings, FormError>>,
) -> AnyView {
    let locale = use_locale();
    let text = move || texts(locale.get());
    let version = bench.with_value(|bench| bench.version());
    let standing = Memo::new(move |_| {
        version.track();
        bench.with_value(|bench| {
            bench.read(|run, _| (run.standing().clone(), run.step(), run.is_holding()))
        })
    });
    let kind = move |of: fn(&Standing, bool) -> bool| {
        move || {
            standing.with(|s| {
                s.as_ref()
                    .is_some_and(|(standing, _, holds)| of(standing, *holds))
            })
        }
    };
    let can_step = kind(|standing, holds| *standing == Standing::Idle || holds);
    let is_running = kind(|standing, holds| {
        !holds
            && matches!(
                standing,
                Standing::Computing
                    | Standing::Ringing { .. }
                    | Standing::Applying
                    | Standing::Telling
            )
    });
    let is_broken = kind(|standing, _| matches!(standing, Standing::Broken { .. }));
    let act = move |act: fn(&Rc<Bench>)| move |_| bench.with_value(act);
    let play = move |_| {
        bench.with_value(|bench| {
            if is_running() {
                bench.act(|run| {
                    run.pause();
                    Vec::new()
                });
            } else {
                bench.act(|run| run.play(STEPS));
            }
        });
    };
    let again = move |_| {
        if let Ok(settings) = settings.get_untracked() {
            bench.with_value(|bench| bench.start(settings));
        }
    };
    let status = move || {
        let (standing, step) =
            standing.with(|s| s.as_ref().map(|(s, step, _)| (s.clone(), *step)))?;
        Some((text().standing)(&standing, step))
    };
    let workers = move || {
        version.track();
        bench.with_value(|bench| {
            bench.read(|run, workers| (text().workers)(run.settings().replicas, workers, cores()))
        })
    };
    // An exercise has settings of its own, which are not those of the fields.
    let exercise = Memo::new(move |_| {
        version.track();
        let (exercise, ended) = bench.with_value(|bench| bench.exercise())?;
        let of = exercise.runs().len();
        let number = (ended.len() + 1).min(of);
        let settings = bench.with_value(|bench| bench.read(|run, _| run.settings().clone()))?;
        Some((text().exercise_run)(exercise, number, of, &settings))
    });
    let exercise = move || {
        let said = exercise.get()?;
        Some(view! { <p class="banner" data-testid="replicas-exercise">{said}</p> })
    };
    let mending = move || {
        is_broken().then(|| {
            view! {
                <div class="banner-actions">
                    <button type="button" class="button" data-testid="replicas-go-on"
                        on:click=act(|bench| bench.act(|run| { run.go_on(); Vec::new() }))>
                        {text().go_on}
                    </button>
                    <button type="button" class="button" data-testid="replicas-restart" on:click=act(|bench| bench.restart())>
                        {text().restart}
                    </button>
                </div>
            }
        })
    };
    view! {
        <h2 class="panel-title">{move || text().ring_title}</h2>
        {exercise}
        <div class="toolbar">
            <button type="button" class="button button-primary" data-testid="replicas-run"
                aria-disabled=move || (!can_step() && !is_running()).then_some("true") on:click=play>
                {move || if is_running() { text().pause } else { text().run }}
            </button>
            <button type="button" class="button" data-testid="replicas-step" aria-disabled=move || (!can_step()).then_some("true")
                on:click=act(|bench| bench.act(|run| run.play(1)))>
                {move || text().step}
            </button>
            <button type="button" class="button" data-testid="replicas-round" aria-disabled=move || (!can_step()).then_some("true")
                on:click=act(|bench| bench.act(|run| run.next_round()))>
                {move || text().round}
            </button>
            <button type="button" class="button" data-testid="replicas-reset" on:click=again>
                {move || text().start_over}
            </button>
        </div>
        <p class="run-status" role="status" data-testid="replicas-status"
            data-step=move || standing.with(|s| s.as_ref().map(|(_, step, _)| step.to_string()))
            data-idle=move || kind(|standing, _| *standing == Standing::Idle)().to_string()>
            {status}
        </p>
        {mending}
        {members(bench)}
        <p class="panel-note" data-testid="replicas-workers">{workers}</p>
    }
    .into_any()
}

/// A row for each replica: its worker, its losses, and the button that ends it.
fn members(bench: Held) -> AnyView {
    let locale = use_locale();
    let version = bench.with_value(|bench| bench.version());
    let count = Memo::new(move |_| {
        version.track();
        bench.with_value(|bench| bench.read(|run, workers| (run.settings().replicas, workers)))
    });
    let rows = move || {
        let (replicas, workers) = count.get().unwrap_or_default();
        (0..replicas)
            .map(|replica| row(bench, replica, workers))
            .collect_view()
    };
    let text = move || texts(locale.get());
    view! {
        <div class="lab-scroll" tabindex="0" role="region" aria-label=move || text().replicas_title>
            <table class="lab-table replica-table">
                <thead>
                    <tr>
                        <th scope="col">{move || text().replica}</th>
                        <th scope="col">{move || text().worker}</th>
                        <th scope="col">{move || text().loss_own}</th>
                        <th scope="col">{move || text().loss_common}</th>
                        <th scope="col"></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(bench: Held, replica: u32, workers: usize) -> AnyView {
    let locale = use_locale();
    let version = bench.with_value(|bench| bench.version());
    let text = move || texts(locale.get());
    let at = replica as usize;
    // Whether it lives, its own loss and the common one.
    let now = Memo::new(move |_| {
        version.track();
        bench.with_value(|bench| {
            bench.read(|run, _| {
                let last = run.records().last();
                let common =
                    last.map_or(run.first().0.get(at).copied().flatten(), |r| r.measured[at]);
                (
                    run.members().contains(&replica),
                    last.and_then(|record| record.losses[at]),
                    common,
                )
            })
        })
    });
    let shown = |loss: Option<f64>| {
        loss.map_or(format::NO_VALUE.to_string(), |loss| {
            format::significant(loss, 5)
        })
    };
    let bare = |loss: Option<f64>| loss.map(format::bare);
    let lives = move || now.get().is_some_and(|(lives, ..)| lives);
    let own = move || now.get().and_then(|(_, own, _)| own);
    let common = move || now.get().and_then(|(_, _, common)| common);
    let kill = move |_| {
        if lives() {
            bench.with_value(|bench| bench.kill(replica));
        }
    };
    view! {
        <tr data-testid=format!("replica-{replica}")>
            <th scope="row">
                <svg class="lane-key" viewBox="0 0 28 8" aria-hidden="true">
                    <path class=format!("lane-line lane-{}", replica % 8) d="M0 4H28"></path>
                </svg>
                " "{replica}
            </th>
            <td>{at % workers.max(1)}</td>
            <td class="numeric" data-value=move || bare(own())>{move || shown(own())}</td>
            <td class="numeric" data-testid=format!("common-{replica}") data-value=move || bare(common())>
                {move || if lives() { shown(common()) } else { text().gone.to_string() }}
            </td>
            <td>
                <button type="button" class="button" data-testid=format!("stop-{replica}") aria-disabled=move || (!lives()).then_some("true") on:click=kill>
                    {move || (text().stop)(replica)}
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// The ring with the messages of the round.
fn ring_picture(bench: &Bench, text: &'static ReplicaTexts) -> String {
    let drawn = bench.read(|run, _| {
        let members = run.members();
        let messages = round(run);
        let number = messages.first().map_or(0, |message| message.round);
        let lost = match run.standing() {
            Standing::Broken { lost } => lost.clone(),
            _ => Vec::new(),
        };
        // Places in the ring of a step before a loss mean other replicas.
        let messages = if lost.is_empty() {
            messages
        } else {
            Vec::new()
        };
        let label = (text.ring_label)(members.len(), messages.len(), number);
        ring_svg(&members, &lost, &messages, &label)
    });
    drawn.unwrap_or_default()
}

/// The messages of the round as a table.
fn ring_table(bench: &Bench, text: &'static ReplicaTexts) -> String {
    let table = bench.read(|run, _| {
        let members = run.members();
        let messages = round(run);
        if messages.is_empty() || messages.iter().any(|m| m.from.max(m.to) >= members.len()) {
            return format!("<p class=\"panel-note\">{}</p>", text.ring_empty);
        }
        let head = [
            text.round_column,
            text.way,
            text.chunk,
            text.elements,
            text.bytes,
            text.norm,
            text.first_values,
        ];
        let head: String = head
            .iter()
            .map(|name| format!("<th scope=\"col\">{name}</th>"))
            .collect();
        let rows: String = messages
            .iter()
            .map(|message| {
                let values: Vec<String> = message
                    .values
                    .iter()
                    .map(|&value| format::significant(value.into(), 3))
                    .collect();
                let receipt = text.locale().in_brackets(match message.receipt {
                    Receipt::Add => text.add,
                    Receipt::Replace => text.replace,
                });
                format!(
                    "<tr><td>{}{receipt}</td><td>{} → {}</td><td class=\"numeric\">{}</td><td class=\"numeric\">{}</td>\
                     <td class=\"numeric\">{}</td><td class=\"numeric\">{}</td><td>{}{}</td></tr>",
                    message.round + 1,
                    members[message.from],
                    members[message.to],
                    message.chunk,
                    format::count(message.elements as u64),
                    format::count(message.bytes as u64),
                    format::significant(message.norm, 4),
                    values.join(", "),
                    if message.elements > values.len() { ", …" } else { "" }
                )
            })
            .collect();
        let summed = run.records().last().and_then(|record| record.summed_loss);
        let note = summed
            .map(|sum| format!("<p class=\"panel-note\" data-testid=\"summed-loss\">{}</p>", (text.summed)(sum)))
            .unwrap_or_default();
        format!(
            "<table class=\"lab-table replica-table\" data-testid=\"ring-table\"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"
        )
    });
    table.unwrap_or_default()
}

fn figure(caption: &str, drawing: &str) -> String {
    format!("<figure class=\"lab-figure\"><figcaption>{caption}</figcaption>{drawing}</figure>")
}

fn loss_pictures(bench: &Bench, text: &'static ReplicaTexts) -> String {
    let drawn = bench.read(|run, _| {
        let own = lane_lines_svg(&loss_lines(run, false), true, drawing(), text.losses_own);
        let common = lane_lines_svg(&loss_lines(run, true), true, drawing(), text.losses_common);
        figure(text.losses_own, &own) + &figure(text.losses_common, &common)
    });
    drawn.unwrap_or_default()
}

fn distance_picture(bench: &Bench, text: &'static ReplicaTexts) -> String {
    let drawn = bench.read(|run, _| {
        let drawing = lane_lines_svg(&distance_lines(run), false, drawing(), text.distance_title);
        let now = run.records().last().and_then(|record| record.distance);
        let now = now.or(run.first().1).unwrap_or_default();
        let colon = text.locale().colon();
        let line = |lane: usize, name: &str, value: f64, testid: &str| {
            format!(
                "<li><svg class=\"lane-key\" viewBox=\"0 0 28 8\" aria-hidden=\"true\"><path class=\"lane-line lane-{lane}\" \
                 d=\"M0 4H28\"/></svg> {name}{colon}<strong class=\"numeric\" data-testid=\"{testid}\" data-value=\"{}\">{}</strong></li>",
                format::bare(value),
                format::significant(value, 4)
            )
        };
        format!(
            "{drawing}<ul class=\"lab-legend\">{}{}</ul>",
            line(0, text.distance_l2, now.l2, "distance-l2"),
            line(1, text.distance_largest, now.largest, "distance-largest")
        )
    });
    drawn.unwrap_or_default()
}

/// Measured times beside the modelled one.
fn times(bench: &Bench, text: &'static ReplicaTexts, locale: crate::view::texts::Locale) -> String {
    let lab = lab_texts(locale);
    let table = bench.read(|run, _| {
        let records = run.records();
        // A clock that goes in steps shows 0 for what is shorter: no time that anything took.
        let shown = |millis: f64| format::short_duration(millis * 1e3, locale);
        let measured = |millis: Option<Typical>| match millis {
            None => (format::NO_VALUE.into(), lab.measured),
            Some(Typical::Median(median)) => (shown(median), lab.measured),
            Some(Typical::Mean(mean)) => (shown(mean), lab.measured_mean),
            Some(Typical::BelowClock) => (lab.below_clock.into(), lab.measured),
        };
        let computing = measured(typical(records.iter().map(|record| record.compute_millis)));
        let ring = measured(typical(records.iter().filter_map(|r| r.communication_millis)));
        let step = measured(typical(records.iter().filter_map(|r| r.step_millis)));
        let speed = samples_per_second(records);
        let rows = [
            (
                text.time_compute,
                computing.0,
                computing.1,
                "time-compute",
            ),
            (
                text.time_ring,
                ring.0,
                ring.1,
                "time-ring",
            ),
            (
                text.time_step,
                step.0,
                step.1,
                "time-step",
            ),
            (
                text.speed,
                speed.map_or(format::NO_VALUE.into(), |speed| format::significant(speed, 3)),
                lab.measured,
                "speed",
            ),
            (
                text.time_modelled,
                format::short_duration(run.modelled_seconds() * 1e6, locale),
                lab.modelled,
                "time-modelled",
            ),
        ];
        rows.iter()
            .map(|(name, value, source, testid)| {
                format!(
                    "<tr><th scope=\"row\">{name}</th><td class=\"numeric\" data-testid=\"{testid}\">{value}</td><td class=\"numeric\">{source}</td></tr>"
                )
            })
            .collect::<String>()
    });
    let earlier: String = bench
        .earlier()
        .iter()
        .map(|ended| {
            let speed = ended.samples_per_second.unwrap_or(f64::NAN);
            let speed = format::significant(speed, 3);
            let name = match ended.settings.subject.as_str() {
                "linear" => text.linear,
                _ => text.lenet,
            };
            let run = (text.earlier_run)(ended.settings.replicas, ended.workers, &speed);
            format!(
                "<li>{name} · {} · {run}</li>",
                (text.mode_name)(ended.settings.mode)
            )
        })
        .collect();
    let earlier = if earlier.is_empty() {
        earlier
    } else {
        format!(
            "<h3 class=\"panel-title\">{}</h3><ul class=\"lab-sources\" data-testid=\"earlier\">{earlier}</ul>",
            text.earlier
        )
    };
    format!(
        "<table class=\"lab-table\"><tbody>{}</tbody></table><p class=\"panel-note\">{}</p>{earlier}",
        table.unwrap_or_default(),
        text.time_note
    )
}
