//! Gradients of mini-batches: batch size and step are dragged, the engine computes what they lead to.

use leptos::prelude::*;

use super::super::engine::use_engine;
use super::Settings;
use super::controls::{self, Handle, Started};
use crate::lesson::noise::{NoiseReport, NoiseRequest, SAMPLES, STEPS};
use crate::lesson::{Answer, Ask};
use crate::plot::Drawing;
use crate::view::format;
use crate::view::texts::widgets::noise::{NoiseTexts, texts};
use crate::view::widgets::handle::Range;
use crate::view::widgets::noise::{
    HIGHEST_SEED, gradient_plane, loss_plane, path_plane, read, spread_plane,
};
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words =
        move |text: fn(&NoiseTexts) -> &'static str| Signal::derive(move || text(t()).to_string());
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, read);
    let report = RwSignal::new(None::<NoiseReport>);
    let failure = RwSignal::new(None::<String>);
    ask_for(state, report, failure);
    let part = move |pick: fn(&NoiseRequest) -> f64| Signal::derive(move || pick(&state.get()));
    let set = move |put: fn(&mut NoiseRequest, f64)| {
        Callback::new(move |value| state.update(|state| put(state, value)))
    };
    let batch = part(|state| state.batch.into());
    let set_batch = set(|state, value| state.batch = value.round() as u32);
    let at = part(|state| state.at.into());
    let set_at = set(|state, value| state.at = value as u32);
    let told = move |pick: fn(&NoiseReport) -> f64| {
        Signal::derive(move || report.with(|report| report.as_ref().map_or(f64::NAN, pick)))
    };
    let drawing = move |draw: fn(&NoiseReport, &NoiseRequest, &NoiseTexts) -> Drawing| {
        let drawing = Memo::new(move |_| {
            let empty = Drawing {
                svg: String::new(),
                span: (0.0, 1.0),
            };
            report.with(|report| {
                let report = report.as_ref();
                report.map_or(empty, |report| draw(report, &state.get(), t()))
            })
        });
        Signal::<Drawing>::from(drawing)
    };
    let is_there = Memo::new(move |_| report.with(Option::is_some));
    let is_current = Memo::new(move |_| {
        report.with(|report| report.as_ref().map(|report| report.request)) == Some(state.get())
    });
    let batch_handle = Handle {
        label: words(|t| t.batch),
        words: Signal::derive(move || (t().of_batch)(&state.get().batch.to_string())),
        range: Signal::stored(Range::log(1.0, SAMPLES.into(), 1.25)),
        value: batch,
        set: Callback::new(move |value: f64| {
            // A key moves by one at least.
            let now = batch.get_untracked();
            let whole = value.round();
            let whole = match whole == now && value != now {
                true => now + (value - now).signum(),
                false => whole,
            };
            set_batch.run(whole.clamp(1.0, SAMPLES.into()));
        }),
    };
    let step_handle = Handle {
        label: words(|t| t.step),
        words: Signal::derive(move || {
            let loss = told(|report| report.place.loss.into()).get();
            (t().of_step)(&state.get().at.to_string(), &format::significant(loss, 4))
        }),
        range: Signal::stored(Range::linear(0.0, STEPS.into(), 1.0)),
        value: at,
        set: set_at,
    };
    let cloud = drawing(|report, _, t| {
        let names = [t.gradient_w, t.gradient_b];
        let label = (t.cloud)(
            &report.request.batch.to_string(),
            &format::significant(report.spread.measured, 3),
        );
        let plane = gradient_plane(report, names, t.full);
        Drawing {
            span: plane.span(),
            svg: plane.finish(&label),
        }
    });
    let path = drawing(|report, request, t| {
        let plane = path_plane(
            report,
            request.at,
            [t.weight, t.bias],
            [t.by_batches, t.by_all],
        );
        Drawing {
            span: plane.span(),
            svg: plane.finish(t.path),
        }
    });
    let spreads = drawing(|report, request, t| {
        let names = [t.batch_axis, t.spread_axis];
        spread_plane(report, request.batch, names, t.expected).drawn()
    });
    let losses = drawing(|report, request, t| {
        let names = [t.step_axis, t.loss_axis];
        loss_plane(report, request.at, names, [t.by_batches, t.by_all]).drawn()
    });
    let whole = |low, high| Expected::Whole { low, high };
    let status = move || match (failure.get(), is_current.get()) {
        (Some(message), _) => format!("{} {message}", t().failed),
        (None, false) => t().waiting.to_string(),
        (None, true) => String::new(),
    };
    let rate = move || {
        report.with(|report| {
            let rate = report.as_ref()?.learning_rate;
            Some((t().rate)(&format::shortest(rate)))
        })
    };
    let place = Signal::derive(move || {
        report.with(|report| {
            report.as_ref().map_or(String::new(), |report| {
                let number = |value: f32| format::significant(value.into(), 5);
                let place = report.place;
                format!("w = {}, b = {}", number(place.weight), number(place.bias))
            })
        })
    });
    let figures = move || {
        is_there.get().then(|| {
            view! {
                <h3 class="widget-title">{words(|t| t.gradients)}</h3>
                <figure class="widget-figure" data-testid="noise-gradients" inner_html=move || cloud.get().svg></figure>
                <h3 class="widget-title">{words(|t| t.spread)}</h3>
                {controls::plot("noise-spread-plot", spreads, batch_handle)}
                <p class="panel-note">{words(|t| t.drawn)}</p>
                <dl class="widget-values">
                    {controls::value("noise-value", words(|t| t.measured), told(|report| report.spread.measured))}
                    {controls::value(
                        "noise-expected",
                        words(|t| t.expected_spread),
                        told(|report| report.spread.expected),
                    )}
                    {controls::value("noise-full-w", words(|t| t.full_w), told(|report| report.full[0].into()))}
                    {controls::value("noise-full-b", words(|t| t.full_b), told(|report| report.full[1].into()))}
                </dl>
                <h3 class="widget-title">{words(|t| t.losses)}</h3>
                {controls::plot("noise-plot", losses, step_handle)}
                {controls::drag_hint()}
                <h3 class="widget-title">{words(|t| t.path)}</h3>
                <figure class="widget-figure" data-testid="noise-path" inner_html=move || path.get().svg></figure>
                <p class="panel-note">{rate}</p>
                <dl class="widget-values">
                    {controls::value_of("noise-place", words(|t| t.place), place, place)}
                    {controls::value("noise-loss", words(|t| t.loss_here), told(|report| report.place.loss.into()))}
                </dl>
            }
        })
    };
    let body = view! {
        <p>{words(|t| t.lead)}</p>
        <div class="widget-fields">
            {controls::number_field("noise-batch", words(|t| t.batch), whole(1, SAMPLES.into()), batch, set_batch)}
            {controls::number_field("noise-at", words(|t| t.step), whole(0, STEPS.into()), at, set_at)}
            {controls::number_field(
                "noise-seed",
                words(|t| t.seed),
                whole(0, HIGHEST_SEED),
                part(|state| state.seed as f64),
                set(|state, value| state.seed = value as u64),
            )}
        </div>
        <p class="panel-note" role="status" data-testid="noise-status" data-value=move || is_current.get().to_string()>
            {status}
        </p>
        {figures}
        <p>{words(|t| t.rule)}</p>
    };
    controls::frame(
        "noise",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

/// Asks the engine for what the state needs, one question at a time: while something is dragged, what has been
/// overtaken is not asked for.
fn ask_for(
    state: RwSignal<NoiseRequest>,
    report: RwSignal<Option<NoiseReport>>,
    failure: RwSignal<Option<String>>,
) {
    let engine = use_engine();
    let under_way = RwSignal::new(None::<NoiseRequest>);
    let number = StoredValue::new(0_u32);
    // What was asked for last, after how many starts of the engine.
    let asked = StoredValue::new(None::<(NoiseRequest, u32)>);
    Effect::new(move |_| {
        let (wanted, restarts) = (state.get(), engine.restarts());
        let is_lost = asked
            .get_value()
            .is_some_and(|(_, before)| before != restarts);
        if (under_way.get().is_some() && !is_lost) || asked.get_value() == Some((wanted, restarts))
        {
            return;
        }
        asked.set_value(Some((wanted, restarts)));
        under_way.set(Some(wanted));
        let id = engine.ask(Ask::Noise(wanted), move |answer| {
            match answer {
                Answer::Noise(told) => {
                    failure.set(None);
                    report.set(Some(NoiseReport::clone(told)));
                }
                Answer::Failed { message } => failure.set(Some(message.clone())),
                _ => return,
            }
            under_way.set(None);
        });
        number.set_value(id);
    });
    on_cleanup(move || engine.stop(number.get_value()));
}
