//! The learning curves, live, with a cursor that reads them.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, ResizeObserver};

use crate::plot::{CurveLabels, CurveLayout, CurveOptions, Reading};
use crate::view::format;
use crate::web::address::{use_locale, use_texts};
use crate::web::browser;
use crate::web::engine::use_engine;

/// The curves are drawn at most once in this time.
const DRAW_INTERVAL_MILLIS: f64 = 100.0;

/// The strongest smoothing of the slider; beyond it the curve hardly moves.
const MOST_SMOOTHING: &str = "0.99";

/// Loss and accuracy over steps; a cursor follows the pointer or the arrow keys.
#[component]
pub fn CurvePanel() -> impl IntoView {
    let engine = use_engine();
    let locale = use_locale();
    let texts = use_texts();
    let smoothing = RwSignal::new(0.9_f32);
    let show_raw = RwSignal::new(true);
    let log_loss = RwSignal::new(false);
    let frame = NodeRef::<leptos::html::Div>::new();
    let width = follow_width(frame);
    let has_accuracy = engine.part(|run| {
        let started = run.started.as_ref();
        started.is_none_or(|s| s.config.test_count > 0 && !s.model.classes.is_empty())
    });
    let options = Memo::new(move |_| {
        let width = width.get();
        let height = if width < 500 { 320 } else { 400 };
        CurveOptions {
            smoothing: smoothing.get(),
            show_raw: show_raw.get(),
            log_loss: log_loss.get(),
            show_accuracy: has_accuracy.get(),
            labels: CurveLabels::of(locale.get(), smoothing.get()),
            ..CurveOptions::new(width, height, locale.get())
        }
    });
    let drawing = draw_when_needed(options);
    let cursor = RwSignal::new(None::<f64>);
    let reading = Memo::new(move |_| {
        let layout = drawing.with(|drawing| drawing.as_ref().map(|drawing| drawing.layout))?;
        let x = cursor.get()?;
        engine
            .run()
            .with_untracked(|run| run.curves.reading(&layout, &options.get(), x))
    });
    let summary = engine.part(|run| run.curves.last());
    let in_words = move || {
        let curves = &texts.get().curves;
        match summary.get() {
            None => curves.summary_empty.to_string(),
            Some((step, loss)) => {
                (curves.summary)(&format::count(step), &format::significant(loss.into(), 4))
            }
        }
    };
    let svg = move || drawing.with(|drawing| drawing.as_ref().map(|d| d.svg.clone()));
    let mark = move || {
        let layout = drawing.with(|drawing| drawing.as_ref().map(|drawing| drawing.layout))?;
        let palette = options.with(|options| options.palette);
        reading.with(|reading| Some(layout.cursor_svg(reading.as_ref()?, &palette)))
    };
    let follow_pointer = move |event: PointerEvent| {
        let Some(frame) = frame.get_untracked() else {
            return;
        };
        let rectangle = frame.get_bounding_client_rect();
        let scale = f64::from(width.get_untracked()) / rectangle.width().max(1.0);
        cursor.set(Some(
            (f64::from(event.client_x()) - rectangle.left()) * scale,
        ));
    };
    let follow_keys = move |event: KeyboardEvent| {
        let layout = drawing.with_untracked(|drawing| drawing.as_ref().map(|d| d.layout));
        let Some(layout) = layout else { return };
        let at = cursor.get_untracked();
        if let Some(to) = moved(at, &event.key(), &layout) {
            event.prevent_default();
            event.stop_propagation();
            cursor.set(Some(to));
        }
    };
    view! {
        <section class="panel">
            <h2 class="panel-title">{move || texts.get().curves.title}</h2>
            <div class="curve">
                <div
                    class="curve-frame"
                    data-testid="loss-curve"
                    tabindex="0"
                    role="slider"
                    aria-label=move || texts.get().curves.title
                    aria-valuemin="0"
                    aria-valuemax=move || summary.get().map(|(step, _)| step.to_string())
                    aria-valuenow=move || {
                        let step = reading.with(|reading| reading.as_ref().map(|r| r.step));
                        step.or(summary.get().map(|(step, _)| step)).unwrap_or(0).to_string()
                    }
                    aria-valuetext=move || match reading.get() {
                        Some(reading) => (texts.get().curves.summary)(
                            &format::count(reading.step),
                            &format::significant(reading.loss.into(), 4),
                        ),
                        None => in_words(),
                    }
                    node_ref=frame
                    on:pointermove=follow_pointer
                    on:pointerdown=follow_pointer
                    on:pointerleave=move |_| cursor.set(None)
                    on:keydown=follow_keys
                    on:blur=move |_| cursor.set(None)
                >
                    <div class="plot" inner_html=svg></div>
                    <div class="curve-hover plot" inner_html=mark></div>
                </div>
                <p class="curve-readout" data-testid="curve-readout">
                    {move || match reading.get() {
                        Some(reading) => view! { <ReadingText reading/> }.into_any(),
                        None => view! { <span>{in_words}</span> }.into_any(),
                    }}
                </p>
                <div class="curve-options">
                    <label class="check" title=move || texts.get().curves.smoothing_hint>
                        {move || texts.get().curves.smoothing}
                        <input
                            type="range"
                            class="slider"
                            min="0"
                            max=MOST_SMOOTHING
                            step="0.01"
                            data-testid="smoothing"
                            prop:value=move || smoothing.get().to_string()
                            on:input=move |event| {
                                if let Ok(value) = event_target_value(&event).parse() {
                                    smoothing.set(value);
                                }
                            }
                        />
                        <span class="numeric">{move || format!("{:.2}", smoothing.get())}</span>
                    </label>
                    <Check
                        testid="show-raw"
                        label=Signal::derive(move || texts.get().curves.show_raw)
                        is_on=show_raw
                        on_change=move |is_on| show_raw.set(is_on)
                    />
                    <Check
                        testid="log-loss"
                        label=Signal::derive(move || texts.get().curves.log_scale)
                        is_on=log_loss
                        on_change=move |is_on| log_loss.set(is_on)
                    />
                </div>
            </div>
        </section>
    }
}

/// A box to tick.
#[component]
fn Check(
    /// Its `data-testid`.
    testid: &'static str,
    /// What it is about.
    #[prop(into)]
    label: Signal<&'static str>,
    /// Whether it is ticked.
    #[prop(into)]
    is_on: Signal<bool>,
    /// Called when it is to be ticked or not.
    #[prop(into)]
    on_change: Callback<bool>,
) -> impl IntoView {
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid=testid
                prop:checked=move || is_on.get()
                on:change=move |event| on_change.run(event_target_checked(&event))
            />
            {label}
        </label>
    }
}

/// The values at the cursor.
#[component]
fn ReadingText(
    /// What the curves say there.
    reading: Reading,
) -> impl IntoView {
    let texts = use_texts();
    let number = |value: f32| format::significant(value.into(), 4);
    let held_out = reading.held_out.map(|held_out| {
        let accuracy = held_out
            .accuracy
            .map(|accuracy| format!(" · {}", format::percent(accuracy.into(), 1)));
        view! {
            <span>
                {move || texts.get().curves.held_out_loss}
                " "
                <strong>{number(held_out.loss)} {accuracy}</strong>
            </span>
        }
    });
    view! {
        <span>
            {move || texts.get().curves.x_step}
            " "
            <strong>{format::count(reading.step)}</strong>
        </span>
        <span>
            {move || texts.get().curves.train_raw}
            " "
            <strong>{number(reading.loss)}</strong>
        </span>
        <span>
            {move || texts.get().curves.train_smoothed}
            " "
            <strong>{number(reading.smoothed)}</strong>
        </span>
        {held_out}
    }
}

/// A finished drawing.
#[derive(Clone, PartialEq)]
struct Drawing {
    svg: String,
    layout: CurveLayout,
}

/// Draws the curves when they or the options change, at most ten times a second, and not at all
/// while nobody looks (animation frames rest then).
fn draw_when_needed(options: Memo<CurveOptions>) -> ReadSignal<Option<Drawing>> {
    let run = use_engine().run();
    let revision = use_engine().part(|run| run.curves_revision);
    let drawing = RwSignal::new(None::<Drawing>);
    let is_scheduled = StoredValue::new(false);
    let last_drawn = StoredValue::new(f64::NEG_INFINITY);
    let draw = move || {
        // The panel may be gone by now.
        if is_scheduled.try_set_value(false).is_some() {
            return;
        }
        last_drawn.set_value(browser::now_millis());
        let figure =
            run.with_untracked(|run| options.with_untracked(|options| run.curves.figure(options)));
        match figure {
            Ok(figure) => drawing.set(Some(Drawing {
                svg: figure.svg,
                layout: figure.layout,
            })),
            Err(error) => leptos::logging::warn!("{error}"),
        }
    };
    Effect::new(move |_| {
        // Read, not only tracked: a memo that nobody has read yet follows nothing.
        revision.with(|_| ());
        options.with(|_| ());
        if is_scheduled.get_value() {
            return;
        }
        is_scheduled.set_value(true);
        let passed = browser::now_millis() - last_drawn.get_value();
        let wait = (DRAW_INTERVAL_MILLIS - passed).clamp(0.0, DRAW_INTERVAL_MILLIS);
        set_timeout(
            move || request_animation_frame(draw),
            Duration::from_millis(wait as u64),
        );
    });
    drawing.read_only()
}

/// The width of an element in CSS pixels, as it changes.
pub(super) fn follow_width(element: NodeRef<leptos::html::Div>) -> ReadSignal<u32> {
    let width = RwSignal::new(640);
    let measure = move || {
        if let Some(element) = element.try_get_untracked().flatten() {
            let now = element.client_width().max(0).unsigned_abs();
            if now > 0
                && width
                    .try_get_untracked()
                    .is_some_and(|before| before != now)
            {
                width.set(now);
            }
        }
    };
    let observer = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        let on_resize = Closure::<dyn FnMut()>::new(measure);
        match ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            Ok(watcher) => {
                watcher.observe(&element);
                observer.set_value(Some((watcher, on_resize)));
            }
            Err(error) => leptos::logging::warn!("the width cannot be watched: {error:?}"),
        }
        measure();
    });
    on_cleanup(move || {
        if let Some(Some((watcher, _))) = observer.try_update_value(Option::take) {
            watcher.disconnect();
        }
    });
    width.read_only()
}

/// Where a key moves the cursor; `None` for keys that do not.
fn moved(at: Option<f64>, key: &str, layout: &CurveLayout) -> Option<f64> {
    let area = layout.loss_area;
    let stride = area.width() / 50.0;
    let at = at.unwrap_or(area.right);
    let to = match key {
        "ArrowLeft" => at - stride,
        "ArrowRight" => at + stride,
        "Home" => area.left,
        "End" => area.right,
        _ => return None,
    };
    Some(to.clamp(area.left, area.right))
}
