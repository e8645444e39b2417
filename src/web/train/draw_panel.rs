//! A digit drawn by the learner, and what the network takes it for.

use std::time::Duration;

use leptos::prelude::*;
use web_sys::PointerEvent;

use super::pixel_image::PixelImage;
use super::probability_bars::ProbabilityBars;
use crate::view::digit::SIDE;
use crate::view::format;
use crate::view::run_state::Phase;
use crate::view::samples::{most_probable, rgba};
use crate::view::sketch::{SKETCH_SIDE, Sketch};
use crate::view::texts::Locale;
use crate::web::address::{use_locale, use_texts};
use crate::web::browser;
use crate::web::engine::use_engine;

/// The network is asked at most once in this time while a stroke is drawn.
const DRAWING_INTERVAL: Duration = Duration::from_millis(80);

/// The network is asked at most once in this time while it learns.
const LEARNING_INTERVAL: Duration = Duration::from_millis(500);

/// Drawing area, the image the network sees, and its prediction, which changes as it learns.
#[component]
pub fn DrawPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let sketch = RwSignal::new(Sketch::default());
    let image = Memo::new(move |_| sketch.with(Sketch::image).map(|image| image.to_vec()));
    ask_for_predictions(image);

    let samples = engine.part(|run| run.samples.clone());
    let next_sample = StoredValue::new(0);
    let use_sample = move |_| {
        let index = next_sample.get_value();
        let shown = samples.with_untracked(|samples| {
            let samples = samples.as_ref()?;
            let image = samples.image(index % samples.labels.len().max(1))?;
            image.try_into().ok()
        });
        if let Some(image) = shown {
            sketch.update(|sketch| sketch.show(&image));
            next_sample.set_value(index + 1);
        }
    };
    let sees = Signal::derive(move || texts.get().draw.network_sees.to_string());
    view! {
        <section class="panel">
            <h2 class="panel-title">{move || texts.get().draw.title}</h2>
            <div class="panel-body">
                <div class="draw">
                    <div class="stack-tight">
                        <SketchCanvas
                            sketch
                            on_stroke=move |(from, to)| {
                                sketch.update(|sketch| sketch.stroke(from, to));
                            }
                        />
                        <div class="cluster">
                            <button
                                type="button"
                                class="button"
                                data-testid="draw-clear"
                                on:click=move |_| sketch.update(Sketch::clear)
                            >
                                {move || texts.get().draw.clear}
                            </button>
                            <button
                                type="button"
                                class="button"
                                data-testid="draw-sample"
                                title=move || texts.get().draw.keyboard_hint
                                disabled=move || samples.with(Option::is_none)
                                on:click=use_sample
                            >
                                {move || texts.get().draw.use_sample}
                            </button>
                        </div>
                    </div>
                    <div class="stack-tight">
                        <span class="field-label">{sees}</span>
                        <PixelImage
                            pixels=image
                            shape=vec![1, SIDE, SIDE]
                            class="seen-canvas"
                            label=sees
                        />
                        <Prediction has_image=Signal::derive(move || image.with(Option::is_some))/>
                    </div>
                </div>
                <p class="panel-note">{move || texts.get().draw.hint}</p>
                <p class="panel-note">{move || texts.get().draw.how_it_is_made}</p>
            </div>
        </section>
    }
}

/// Asks again when the image changed, when another run stands, and while the network learns.
fn ask_for_predictions(image: Memo<Option<Vec<u8>>>) {
    let engine = use_engine();
    let run = engine.part(|run| run.id());
    let step = engine.part(|run| run.step);
    let was_empty = StoredValue::new(true);
    let ask = move || {
        // The panel may be gone by now.
        let Some(image) = image.try_get_untracked() else {
            return;
        };
        let is_empty = image.is_none();
        if !(is_empty && was_empty.get_value()) {
            engine.predict(image.unwrap_or_default());
        }
        was_empty.set_value(is_empty);
    };
    at_most_every(DRAWING_INTERVAL, ask, move || {
        run.with(|_| ());
        image.with(|_| ());
    });
    at_most_every(LEARNING_INTERVAL, ask, move || step.with(|_| ()));
}

/// Calls `act` when what `track` reads has changed, and no more than once in `interval`.
fn at_most_every(interval: Duration, act: impl Fn() + Copy + 'static, track: impl Fn() + 'static) {
    let is_waiting = StoredValue::new(false);
    Effect::new(move |_| {
        track();
        if is_waiting.get_value() {
            return;
        }
        is_waiting.set_value(true);
        set_timeout(
            move || {
                if is_waiting.try_set_value(false).is_none() {
                    act();
                }
            },
            interval,
        );
    });
}

/// The drawing area.
#[component]
fn SketchCanvas(
    /// What is drawn.
    #[prop(into)]
    sketch: Signal<Sketch>,
    /// Called with both ends of a stroke, as shares of width and height.
    #[prop(into)]
    on_stroke: Callback<((f32, f32), (f32, f32))>,
) -> impl IntoView {
    let texts = use_texts();
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        let shape = [1, SKETCH_SIDE, SKETCH_SIDE];
        let painted = sketch
            .with(|sketch| rgba(&shape, sketch.pixels()))
            .map(|rgba| browser::paint(&canvas, &rgba, SKETCH_SIDE as u32));
        if let Some(Err(error)) = painted {
            leptos::logging::warn!("the drawing could not be painted: {error:?}");
        }
    });
    // Where the pen was last, and which pen it is: a second finger draws nothing.
    let pen = StoredValue::new(None::<(i32, (f32, f32))>);
    let place = move |event: &PointerEvent| {
        let rectangle = canvas.get_untracked()?.get_bounding_client_rect();
        let x = (f64::from(event.client_x()) - rectangle.left()) / rectangle.width();
        let y = (f64::from(event.client_y()) - rectangle.top()) / rectangle.height();
        Some((x as f32, y as f32))
    };
    let begin = move |event: PointerEvent| {
        if event.button() != 0 || pen.get_value().is_some() {
            return;
        }
        let Some(at) = place(&event) else { return };
        if let Some(canvas) = canvas.get_untracked() {
            // Fails only for a pointer that is already gone.
            let _ = canvas.set_pointer_capture(event.pointer_id());
        }
        pen.set_value(Some((event.pointer_id(), at)));
        on_stroke.run((at, at));
    };
    let go_on = move |event: PointerEvent| {
        let Some((id, from)) = pen.get_value() else {
            return;
        };
        if id != event.pointer_id() {
            return;
        }
        if let Some(to) = place(&event) {
            pen.set_value(Some((id, to)));
            on_stroke.run((from, to));
        }
    };
    let end = move |event: PointerEvent| {
        if pen
            .get_value()
            .is_some_and(|(id, _)| id == event.pointer_id())
        {
            pen.set_value(None);
        }
    };
    view! {
        <canvas
            class="draw-canvas"
            data-testid="draw-canvas"
            width=SKETCH_SIDE.to_string()
            height=SKETCH_SIDE.to_string()
            role="img"
            aria-label=move || texts.get().draw.canvas_label
            node_ref=canvas
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=end
            on:pointercancel=end
        ></canvas>
    }
}

/// What the network takes the drawing for.
#[component]
fn Prediction(
    /// Whether there is a drawing.
    #[prop(into)]
    has_image: Signal<bool>,
) -> impl IntoView {
    let engine = use_engine();
    let locale = use_locale();
    let texts = use_texts();
    let prediction = engine.part(|run| run.prediction.clone());
    let shown = Memo::new(move |_| {
        let prediction = prediction.get().filter(|_| has_image.get());
        prediction.map(|prediction| prediction.values.clone())
    });
    let classes = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let names = Memo::new(move |_| {
        let classes = classes.get().unwrap_or_default().into_iter();
        let name = |(english, chinese)| match locale.get() {
            Locale::English => english,
            Locale::Chinese => chinese,
        };
        classes.map(name).collect::<Vec<String>>()
    });
    let sentence = move || {
        let draw = &texts.get().draw;
        if !has_image.get() {
            return draw.empty.to_string();
        }
        let best = shown.with(|values| most_probable(values.as_deref()?));
        best.map_or_else(
            || draw.waiting.to_string(),
            |(class, probability)| (draw.predicts)(class, &format::percent(probability.into(), 1)),
        )
    };
    let best_class = move || {
        let best = shown.with(|values| most_probable(values.as_deref()?));
        best.map(|(class, _)| class.to_string())
    };
    let phase = engine.phase();
    // While training the answer changes many times a second: too often to be read out.
    let live = move || {
        if phase.get() == Phase::Playing {
            "off"
        } else {
            "polite"
        }
    };
    view! {
        <div class="stack-tight" data-testid="prediction" data-class=best_class>
            <p aria-live=live><strong>{sentence}</strong></p>
            <Show when=move || shown.with(Option::is_some)>
                <ProbabilityBars
                    probabilities=Signal::derive(move || shown.get().unwrap_or_default())
                    names
                    label=Signal::derive(move || texts.get().draw.probabilities)
                />
            </Show>
        </div>
    }
}
