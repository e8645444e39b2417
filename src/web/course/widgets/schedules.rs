//! Learning-rate schedules: a step is dragged along the rate and along the sum of the rates.

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Handle, Started};
use crate::view::format;
use crate::view::texts::widgets::schedules::{SchedulesTexts, texts};
use crate::view::widgets::handle::Range;
use crate::view::widgets::reading::Expected;
use crate::view::widgets::schedules::{Kind, MOST_STEPS, State};
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&SchedulesTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let part = move |pick: fn(&State) -> f64| Signal::derive(move || state.with(pick));
    let set = move |put: fn(&mut State, f64)| {
        Callback::new(move |value| state.update(|state| put(state, value)))
    };
    // All rates anew only where they change, not where another step is looked at.
    let of_rates = Memo::new(move |_| State {
        t: 0,
        is_log: false,
        ..state.get()
    });
    let rates = Memo::new(move |_| of_rates.get().rates());
    let others = Memo::new(move |_| of_rates.get().sums_of_all());
    let drawing = move |is_sum: bool| {
        let drawing = Memo::new(move |_| {
            let t = t();
            let names = match is_sum {
                true => [t.step_axis, t.sum_axis],
                false => [t.step_axis, t.rate_axis],
            };
            let state = state.get();
            rates.with(|rates| {
                // For the moment in which one has changed and the other has not.
                let state = state.with_steps(rates.rates.len() as u64);
                state.plane(rates, is_sum, names).drawn()
            })
        });
        Signal::from(drawing)
    };
    let step = part(|state| state.t as f64);
    let set_step = set(|state, value| state.t = value as u64);
    let rate_now = Signal::derive(move || {
        let t = state.with(|state| state.t) as usize;
        rates.with(|rates| rates.rates.get(t).copied().unwrap_or(f64::NAN))
    });
    let sum_now = Signal::derive(move || {
        let t = state.with(|state| state.t) as usize;
        rates.with(|rates| rates.sums.get(t).copied().unwrap_or(f64::NAN))
    });
    let total =
        Signal::derive(move || rates.with(|rates| rates.sums.last().copied().unwrap_or(f64::NAN)));
    let full_steps = Signal::derive(move || total.get() / state.with(|state| state.base));
    let handle = move |label: fn(&SchedulesTexts) -> &'static str| Handle {
        label: words(label),
        words: Signal::derive(move || {
            let step = format::count(state.with(|state| state.t));
            (t().point)(&step, &format::significant(rate_now.get(), 6))
        }),
        range: Signal::derive(move || {
            let last = state.with(|state| state.steps) - 1;
            Range::linear(0.0, last as f64, (last / 200).max(1) as f64)
        }),
        value: step,
        set: set_step,
    };
    let kinds = Signal::derive(move || {
        let t = t();
        let texts = [t.inverse, t.constant, t.step_drops, t.cosine, t.warm_up];
        let all = Kind::ALL.iter().zip(texts);
        all.map(|((id, _), text)| (id.to_string(), text.to_string()))
            .collect::<Vec<_>>()
    });
    let kind = Memo::new(move |_| state.with(|state| state.kind));
    let choose = Callback::new(move |id: String| {
        if let Some(kind) = Kind::from_id(&id) {
            state.update(|state| state.kind = kind);
        }
    });
    let whole = |low, high| Expected::Whole { low, high };
    let number = |low, high| Expected::Number { low, high };
    let own = move || match kind.get() {
        Kind::Constant | Kind::Cosine => ().into_any(),
        Kind::Inverse => controls::number_field(
            "schedules-k",
            words(|t| t.k),
            number(0.0, 1e3),
            part(|state| state.k),
            set(|state, value| state.k = value),
        ),
        Kind::Step => view! {
            {controls::number_field(
                "schedules-gamma",
                words(|t| t.gamma),
                number(0.0, 1.0),
                part(|state| state.gamma),
                set(|state, value| state.gamma = value),
            )}
            {controls::number_field(
                "schedules-every",
                words(|t| t.every),
                whole(1, MOST_STEPS),
                part(|state| state.every as f64),
                set(|state, value| state.every = value as u64),
            )}
        }
        .into_any(),
        Kind::WarmUp => controls::number_field(
            "schedules-warmup",
            words(|t| t.warmup),
            whole(0, MOST_STEPS),
            part(|state| state.warmup as f64),
            set(|state, value| state.warmup = value as u64),
        ),
    };
    let rows = move || {
        let base = state.with(|state| state.base);
        let names = kinds.get();
        let rows = others.get().into_iter().zip(names);
        rows.map(|((own, sum), (id, name))| {
            let is_chosen = (own == kind.get()).then_some("true");
            view! {
                <tr aria-current=is_chosen>
                    <th scope="row">{name}</th>
                    <td class="numeric" data-testid=format!("schedules-sum-{id}") data-value=format::bare(sum)>
                        {format::significant(sum, 6)}
                    </td>
                    <td class="numeric" data-testid=format!("schedules-full-{id}") data-value=format::bare(sum / base)>
                        {format::significant(sum / base, 6)}
                    </td>
                </tr>
            }
        })
        .collect_view()
    };
    let step_field = move || {
        let last = state.with(|state| state.steps) - 1;
        // Its range depends on the number of steps.
        controls::number_field(
            "schedules-t",
            words(|t| t.t),
            whole(0, last),
            step,
            set_step,
        )
    };
    let last = Memo::new(move |_| state.with(|state| state.steps));
    let body = view! {
        <div class="widget-fields">
            {controls::choice(
                "schedules-schedule",
                words(|t| t.schedule),
                kinds,
                Signal::derive(move || kind.get().id().to_string()),
                choose,
            )}
            {controls::number_field(
                "schedules-steps",
                words(|t| t.steps),
                whole(1, MOST_STEPS),
                part(|state| state.steps as f64),
                set(|state, value| *state = state.with_steps(value as u64)),
            )}
            {controls::number_field(
                "schedules-base",
                words(|t| t.base),
                number(1e-6, 10.0),
                part(|state| state.base),
                set(|state, value| state.base = value),
            )}
            {own}
        </div>
        {controls::formula(Signal::derive(move || kind.get().formula().to_string()))}
        {controls::plot("schedules-plot", drawing(false), handle(|t| t.plot_rate))}
        <label class="widget-check">
            <input
                type="checkbox"
                data-testid="schedules-log"
                prop:checked=move || state.with(|state| state.is_log)
                on:change=move |event| {
                    let is_log = event_target_checked(&event);
                    state.update(|state| state.is_log = is_log);
                }
            />
            {move || format!("{}{}{}", t().axis, locale.get().colon(), t().log_axis)}
        </label>
        {controls::plot("schedules-sum-plot", drawing(true), handle(|t| t.plot_sum))}
        {controls::drag_hint()}
        <div class="widget-narrow">
            {move || {
                last.track();
                untrack(step_field)
            }}
        </div>
        <dl class="widget-values">
            {controls::value("schedules-value", words(|t| t.rate), rate_now)}
            {controls::value("schedules-sum", words(|t| t.sum), sum_now)}
            {controls::value("schedules-total", words(|t| t.total), total)}
            {controls::value("schedules-full-steps", words(|t| t.full_steps), full_steps)}
        </dl>
        <p>{words(|t| t.rule)}</p>
        // Closed at first: the chapter asks for a guess.
        <details class="widget-more" data-testid="schedules-compare">
            <summary>{words(|t| t.compare)}</summary>
            <div class="widget-scroll" tabindex="0" role="region" aria-label=words(|t| t.compare)>
                <table class="widget-table">
                    <thead>
                        <tr>
                            <th scope="col">{words(|t| t.name)}</th>
                            <th scope="col" class="numeric">{words(|t| t.total)}</th>
                            <th scope="col" class="numeric">{words(|t| t.travelled)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    };
    controls::frame(
        "schedules",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}
