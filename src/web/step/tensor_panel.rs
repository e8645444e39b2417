//! One tensor: its picture, its statistics, and the element that is looked at.

use std::sync::Arc;

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::scope::{Microscope, use_microscope};
use super::segmented::Segmented;
use crate::session::{Statistics, TensorFacts};
use crate::view::color::Palette;
use crate::view::format;
use crate::view::microscope::brush::{Tool, around, covered};
use crate::view::microscope::model::{Element, flat_index, index_at, index_label, shape_label};
use crate::view::microscope::paint::{self, Ramp, Scale, own_limit};
use crate::view::microscope::picture::{Part, Picture, Rect};
use crate::view::microscope::state::Reading;
use crate::view::microscope::terms::read_of;
use crate::web::address::{use_address, use_texts};
use crate::web::browser;

/// Most referenced elements that are outlined.
const OUTLINES: usize = 3_000;
/// More outlines than these are faint.
const FEW_OUTLINES: usize = 60;
/// Significant digits of a value.
const DIGITS: usize = 5;

/// A tensor that the current operation reads or writes.
#[component]
pub fn TensorPanel(
    /// The tensor.
    tensor: TensorFacts,
    /// Its symbols in the operation's equations; may be empty.
    symbols: Vec<String>,
    /// Whether the operation writes it.
    is_output: bool,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let name = tensor.name.clone();
    let reading = scope.reading(name.clone());
    let picture = {
        let name = name.clone();
        Memo::new(move |_| scope.picture(&name))
    };
    let is_computed = {
        let node = tensor.node;
        Memo::new(move |_| node.is_none_or(|node| node < scope.done.get()))
    };
    let is_lit = {
        let name = name.clone();
        Memo::new(move |_| scope.lit().with(|lit| lit.as_ref() == Some(&name)))
    };
    let light = {
        let name = name.clone();
        move |on: bool| scope.light(on.then(|| name.clone()))
    };
    let light_off = light.clone();
    let testid = format!("tensor-{name}");
    let label = name.clone();
    let statistics = Memo::new(move |_| {
        let reading = reading.get().filter(|_| is_computed.get())?;
        reading.statistics
    });
    let role = move || {
        let step = &texts.get().step;
        if is_output { step.writes } else { step.reads }
    };
    let symbols = symbols.join(", ");
    let shape = shape_label(&tensor.shape);
    let tensor = Signal::stored(Arc::new(tensor));
    let is_paintable = scope
        .graph
        .with_untracked(|graph| graph.as_ref().is_some_and(|g| g.is_paintable(&name)));
    let refused = {
        let name = name.clone();
        scope.part(move |state| state.reading_refused(&name))
    };
    let body = move || {
        if let Some(reason) = refused.get() {
            let message = move || (texts.get().errors.refusal)(&reason);
            view! {
                <p class="tensor-missing is-missing" role="alert" data-testid="tensor-refused">
                    <span>{move || texts.get().step.refused} {move || texts.get().locale.colon()} {message}</span>
                </p>
            }
            .into_any()
        } else if is_computed.get() {
            view! {
                {is_paintable.then(|| view! { <PaintTools/> })}
                <TensorPicture tensor picture reading is_paintable/>
            }
            .into_any()
        } else {
            view! {
                <p class="tensor-missing is-missing" data-testid="tensor-missing">
                    <span>{move || texts.get().step.not_computed}</span>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section
            class="tensor-panel"
            class:is-lit=move || is_lit.get()
            class:is-output=is_output
            data-testid=testid
            data-computed=move || is_computed.get().to_string()
            aria-label=label
            on:pointerenter=move |_| light(true)
            on:pointerleave=move |_| light_off(false)
        >
            <header class="tensor-header">
                <h4 class="tensor-name">
                    <span class="tensor-symbol">{symbols}</span>
                    <code>{name}</code>
                </h4>
                <span class="panel-note">
                    {role}
                    " · "
                    <span class="numeric">{shape}</span>
                </span>
            </header>
            {body}
            <PartChooser tensor picture/>
            {move || statistics.get().map(|statistics| view! { <Figures statistics/> })}
        </section>
    }
}

/// The cells or bars, and the marks over them.
#[component]
fn TensorPicture(
    /// The tensor.
    tensor: Signal<Arc<TensorFacts>>,
    /// How it is drawn.
    picture: Memo<Option<Picture>>,
    /// What was read of it.
    reading: Memo<Option<Arc<Reading>>>,
    /// Whether the learner may paint on it.
    is_paintable: bool,
) -> impl IntoView {
    let scope = use_microscope();
    let address = use_address();
    let texts = use_texts();
    let cells = NodeRef::<Canvas>::new();
    let marks = NodeRef::<Canvas>::new();
    let palette = Memo::new(move |_| {
        let theme = address.state.with(|state| state.theme);
        if browser::is_dark(theme) {
            Palette::DARK
        } else {
            Palette::LIGHT
        }
    });
    let ramp = Memo::new(move |_| Ramp::new(&palette.get()));
    let values = Memo::new(move |_| {
        let (picture, reading) = (picture.get()?, reading.get()?);
        let values = reading.values.clone()?;
        let fits = reading.first == picture.first && values.len() as u64 == picture.count;
        fits.then_some(values)
    });
    let limit = Memo::new(move |_| limit_of(scope, &reading.get()));
    Effect::new(move |_| {
        let (Some(canvas), Some(picture), Some(values)) =
            (cells.get(), picture.get(), values.get())
        else {
            return;
        };
        let (limit, is_ready) = (limit.get(), picture.width > 0 && picture.height > 0);
        if !is_ready {
            return;
        }
        size_canvas(&canvas, &picture);
        let bytes = ramp.with(|ramp| paint::rgba(&picture, &values, limit, ramp));
        if let Err(error) = browser::paint(&canvas, &bytes, picture.width) {
            leptos::logging::warn!("a tensor could not be painted: {error:?}");
        }
    });
    Effect::new(move |_| {
        let (Some(canvas), Some(picture)) = (marks.get(), picture.get()) else {
            return;
        };
        size_canvas(&canvas, &picture);
        let tensor = tensor.get();
        let read: Vec<Rect> = scope.explanation.with(|explanation| {
            let Some(facts) = explanation else {
                return Vec::new();
            };
            read_of(facts, &tensor.name)
                .into_iter()
                .take(OUTLINES)
                .filter_map(|index| picture.rect(flat_index(&tensor.shape, index)?))
                .collect()
        });
        let looked_at = scope.element.with(|element| {
            let element = element.as_ref().filter(|e| e.tensor == tensor.name)?;
            picture.rect(flat_index(&tensor.shape, &element.index)?)
        });
        let palette = palette.get();
        mark(&canvas, &picture, &read, looked_at, &palette);
    });
    let place_of = move |event: &web_sys::MouseEvent| {
        let (canvas, picture) = (marks.get_untracked()?, picture.get_untracked()?);
        let shown = canvas.get_bounding_client_rect();
        let scale = f64::from(picture.width) / shown.width().max(1.0);
        let x = (f64::from(event.client_x()) - shown.left()) * scale;
        let y = (f64::from(event.client_y()) - shown.top()) * scale;
        Some((x, y))
    };
    let element_at = move |event: &web_sys::MouseEvent| {
        let ((x, y), picture) = (place_of(event)?, picture.get_untracked()?);
        let tensor = tensor.get_untracked();
        let flat = picture.element_at(x, y)?;
        Some(Element {
            tensor: tensor.name.clone(),
            index: index_at(&tensor.shape, flat),
        })
    };
    // What the tool writes here; nothing where it only points.
    let ink = move || {
        let statistics = reading.get_untracked()?.statistics?;
        scope
            .tool
            .get_untracked()
            .value(&statistics)
            .filter(|_| is_paintable)
    };
    // Which pen draws, where it was last, and the elements below it so far.
    let stroke = StoredValue::new(None::<Stroke>);
    let draw = move |from: (f64, f64), to: (f64, f64)| {
        let (Some(canvas), Some(picture), Some(value)) =
            (cells.get_untracked(), picture.get_untracked(), ink())
        else {
            return;
        };
        let fresh = covered(&picture, from, to);
        let limit = limit.get_untracked();
        let color = ramp.with_untracked(|ramp| ramp.color(value, limit));
        fill(
            &canvas,
            fresh.iter().filter_map(|&flat| picture.rect(flat)),
            &color.css(),
        );
        stroke.update_value(|stroke| {
            if let Some(stroke) = stroke {
                stroke.at = to;
                stroke.value = value;
                for flat in fresh {
                    if !stroke.elements.contains(&flat) {
                        stroke.elements.push(flat);
                    }
                }
            }
        });
    };
    let begin = move |event: web_sys::PointerEvent| {
        if event.button() != 0 || ink().is_none() || stroke.with_value(Option::is_some) {
            return;
        }
        let Some(at) = place_of(&event) else { return };
        if let Some(canvas) = marks.get_untracked() {
            // Fails only for a pointer that is already gone.
            let _ = canvas.set_pointer_capture(event.pointer_id());
        }
        stroke.set_value(Some(Stroke {
            pointer: event.pointer_id(),
            at,
            value: 0.0,
            elements: Vec::new(),
        }));
        draw(at, at);
    };
    let go_on = move |event: web_sys::PointerEvent| {
        let from = stroke.with_value(|stroke| {
            let stroke = stroke.as_ref()?;
            (stroke.pointer == event.pointer_id()).then_some(stroke.at)
        });
        match (from, place_of(&event)) {
            (Some(from), Some(to)) => draw(from, to),
            _ => scope.hover(element_at(&event)),
        }
    };
    let end = move |event: web_sys::PointerEvent| {
        let is_this = stroke.with_value(|stroke| {
            stroke
                .as_ref()
                .is_some_and(|stroke| stroke.pointer == event.pointer_id())
        });
        if is_this && let Some(done) = stroke.try_update_value(Option::take).flatten() {
            let elements = done.elements.into_iter().map(|flat| (flat, done.value));
            scope.paint(tensor.get_untracked().name.clone(), elements.collect());
        }
    };
    let own_element = move || {
        let tensor = tensor.get();
        scope
            .element
            .get()
            .filter(|element| element.tensor == tensor.name)
    };
    let move_by = move |right: i32, down: i32| {
        let tensor = tensor.get_untracked();
        let Some(picture) = picture.get_untracked() else {
            return;
        };
        let chosen = scope.selected().get_untracked();
        let chosen = chosen.filter(|element| element.tensor == tensor.name);
        let flat = chosen.and_then(|element| flat_index(&tensor.shape, &element.index));
        let next = flat.map_or(picture.first, |flat| picture.step(flat, right, down));
        scope.select(Element {
            tensor: tensor.name.clone(),
            index: index_at(&tensor.shape, next),
        });
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key() {
            return;
        }
        let tool = match event.key().as_str() {
            "Enter" => Some(Tool::Paint),
            "Delete" | "Backspace" => Some(Tool::Erase),
            _ => None,
        };
        if let Some(tool) = tool.filter(|_| is_paintable) {
            let chosen = scope.element.get_untracked().and_then(|element| {
                let tensor = tensor.get_untracked();
                (element.tensor == tensor.name).then_some(())?;
                let (picture, reading) = (picture.get_untracked()?, reading.get_untracked()?);
                let flat = flat_index(&tensor.shape, &element.index)?;
                let value = tool.value(&reading.statistics?)?;
                let elements = around(&picture, flat).into_iter().map(|flat| (flat, value));
                Some((tensor.name.clone(), elements.collect::<Vec<_>>()))
            });
            if let Some((name, elements)) = chosen {
                event.prevent_default();
                scope.paint(name, elements);
            }
            return;
        }
        let (right, down) = match event.key().as_str() {
            "ArrowRight" => (1, 0),
            "ArrowLeft" => (-1, 0),
            "ArrowDown" => (0, 1),
            "ArrowUp" => (0, -1),
            _ => return,
        };
        event.prevent_default();
        move_by(right, down);
    };
    let said = move || {
        let (step, tensor) = (&texts.get().step, tensor.get());
        let mut words = vec![(step.picture)(&tensor.name, &shape_label(&tensor.shape))];
        if let Some(facts) = reading.get().and_then(|reading| reading.statistics) {
            let number = |value: f32| format::significant(value.into(), 4);
            words.push((step.statistics)(
                &number(facts.minimum),
                &number(facts.maximum),
                &number(facts.mean),
            ));
        }
        if let Some(element) = own_element() {
            let value = scope
                .value_of(&element)
                .map_or(format::NO_VALUE.to_string(), |value| {
                    format::significant(value.into(), DIGITS)
                });
            words.push((step.element)(&index_label(&element.index), &value));
        }
        words.push(step.tensor_keys.to_string());
        if is_paintable {
            words.push(step.paint_keys.to_string());
        }
        words.join(texts.get().locale.full_stop())
    };
    let readout = move || {
        own_element().map(|element| {
            let value = scope
                .value_of(&element)
                .map_or(format::NO_VALUE.to_string(), |value| {
                    format::significant(value.into(), DIGITS)
                });
            format!("{} = {value}", index_label(&element.index))
        })
    };
    let width = move || picture.get().map(|picture| format!("{}px", picture.width));
    let testid = tensor.with_untracked(|tensor| format!("marks-{}", tensor.name));
    view! {
        <div class="tensor-picture" style:max-width=width>
            <canvas class="tensor-cells" node_ref=cells aria-hidden="true"></canvas>
            <canvas
                class="tensor-marks"
                node_ref=marks
                data-testid=testid
                tabindex="0"
                role="application"
                aria-label=said
                class:is-canvas-to-paint=move || is_paintable && scope.tool.get() != Tool::Point
                on:pointerdown=begin
                on:pointermove=go_on
                on:pointerup=end
                on:pointercancel=end
                on:pointerleave=move |_| scope.hover(None)
                on:click=move |event| {
                    if let Some(element) = element_at(&event) {
                        scope.select(element);
                    }
                }
                on:keydown=on_key
            ></canvas>
        </div>
        <p class="tensor-readout numeric">{readout}</p>
    }
}

/// A stroke that is being drawn.
#[derive(Clone)]
struct Stroke {
    pointer: i32,
    at: (f64, f64),
    value: f32,
    elements: Vec<u64>,
}

/// Paints over cells, until the engine has answered.
fn fill(canvas: &HtmlCanvasElement, rects: impl Iterator<Item = Rect>, color: &str) {
    let context = canvas.get_context("2d").ok().flatten();
    let Some(context) = context.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
        return;
    };
    context.set_fill_style_str(color);
    for rect in rects {
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(f64::from);
        context.fill_rect(x, y, width, height);
    }
}

/// What the pointer does to the picture: choose an element, paint, erase.
#[component]
fn PaintTools() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let choices = Signal::derive(move || {
        let step = &texts.get().step;
        let name = |tool| match tool {
            Tool::Point => step.tool_point,
            Tool::Paint => step.tool_paint,
            Tool::Erase => step.tool_erase,
        };
        Tool::ALL.map(|tool| (tool, name(tool))).to_vec()
    });
    view! {
        <div class="paint-tools" title=move || texts.get().step.paint_hint>
            <Segmented
                name="paint-tool"
                label=Signal::derive(move || texts.get().step.tool)
                choices
                value=scope.tool
                on_choose=move |tool| scope.tool.set(tool)
            />
        </div>
    }
}

/// What the strongest colour stands for.
fn limit_of(scope: Microscope, reading: &Option<Arc<Reading>>) -> f32 {
    let own = |reading: &Arc<Reading>| {
        let facts = reading.statistics?;
        Some(own_limit(facts.minimum, facts.maximum))
    };
    match scope.scale.get() {
        Scale::Tensor => reading.as_ref().and_then(own).unwrap_or(0.0),
        Scale::Global => scope.part(|state| state.global_limit).get(),
        Scale::Layer => {
            let (shown, parameter) = (scope.shown.get(), scope.parameter.get());
            let graph = scope.graph.get();
            let around = graph
                .iter()
                .flat_map(|graph| graph.around(shown, parameter));
            around
                .filter_map(|tensor| own(&scope.reading(tensor.name.clone()).get()?))
                .fold(0.0, f32::max)
        }
    }
}

/// Gives a canvas the size of its picture; a canvas that has it already keeps its content.
fn size_canvas(canvas: &HtmlCanvasElement, picture: &Picture) {
    if canvas.width() != picture.width {
        canvas.set_width(picture.width);
    }
    if canvas.height() != picture.height {
        canvas.set_height(picture.height);
    }
}

/// Outlines what an explanation reads, and the element that is looked at.
fn mark(
    canvas: &HtmlCanvasElement,
    picture: &Picture,
    read: &[Rect],
    looked_at: Option<Rect>,
    palette: &Palette,
) {
    let context = canvas.get_context("2d").ok().flatten();
    let Some(context) = context.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
        return;
    };
    context.clear_rect(0.0, 0.0, picture.width.into(), picture.height.into());
    let outline = |rect: &Rect, inset: f64| {
        let (width, height) = (f64::from(rect.width), f64::from(rect.height));
        context.stroke_rect(
            f64::from(rect.x) + inset,
            f64::from(rect.y) + inset,
            (width - 2.0 * inset).max(1.0),
            (height - 2.0 * inset).max(1.0),
        );
    };
    context.set_line_width(1.0);
    context.set_stroke_style_str(&palette.held_out.css());
    // Many outlines must not hide the values that they point out.
    context.set_global_alpha(if read.len() > FEW_OUTLINES { 0.4 } else { 1.0 });
    for rect in read {
        outline(rect, 0.5);
    }
    context.set_global_alpha(1.0);
    if let Some(rect) = looked_at {
        // Two lines, so that one of them stands out from whatever lies below.
        context.set_line_width(3.0);
        context.set_stroke_style_str(&palette.surface.css());
        outline(&rect, 0.0);
        context.set_line_width(1.5);
        context.set_stroke_style_str(&palette.ink.css());
        outline(&rect, 0.0);
    }
}

/// Which row or block of a large tensor is shown; samples are chosen for all tensors together.
#[component]
fn PartChooser(
    /// The tensor.
    tensor: Signal<Arc<TensorFacts>>,
    /// How it is drawn.
    picture: Memo<Option<Picture>>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let choice = Memo::new(move |_| {
        let choice = picture.get()?.choice?;
        (choice.0 != Part::Sample).then_some(choice)
    });
    move || {
        choice.get().map(|(part, count, chosen)| {
            let label = move || {
                let step = &texts.get().step;
                if part == Part::Block {
                    step.block
                } else {
                    step.row
                }
            };
            let change = move |event| {
                let typed: Result<u32, _> = event_target_value(&event).parse();
                if let Ok(number) = typed {
                    tensor.with_untracked(|tensor| {
                        scope.choose_part(&tensor.name, number.min(count - 1));
                    });
                }
            };
            view! {
                <label class="tensor-part">
                    {label}
                    <input
                        type="number"
                        class="input"
                        min="0"
                        max=(count - 1).to_string()
                        prop:value=chosen.to_string()
                        on:change=change
                    />
                    <span class="panel-note">{(texts.get().step.samples)(count)}</span>
                </label>
            }
        })
    }
}

/// Minimum, maximum, mean, share of zeros, norm, histogram.
#[component]
fn Figures(
    /// Of the whole tensor.
    statistics: Statistics,
) -> impl IntoView {
    let texts = use_texts();
    let number = |value: f32| format::significant(value.into(), 4);
    let rows = move || {
        let step = &texts.get().step;
        let figure = |key, name, value: f32, text| (key, name, format::bare(value.into()), text);
        let plain = |key, name, value: f32| figure(key, name, value, number(value));
        let zeros = format::percent(statistics.zeros.into(), 1);
        let mut rows = vec![
            plain("min", step.minimum, statistics.minimum),
            plain("max", step.maximum, statistics.maximum),
            plain("mean", step.mean, statistics.mean),
            figure("zeros", step.zeros, statistics.zeros, zeros),
            plain("norm", step.norm, statistics.norm),
        ];
        if statistics.non_finite > 0 {
            let count = statistics.non_finite;
            let text = format::count(count);
            rows.push(("non_finite", step.non_finite, count.to_string(), text));
        }
        rows.into_iter()
            .map(|(key, name, value, text)| {
                view! {
                    <div>
                        <dt>{name}</dt>
                        <dd data-statistic=key data-value=value>{text}</dd>
                    </div>
                }
            })
            .collect_view()
    };
    let most = statistics
        .histogram
        .iter()
        .copied()
        .max()
        .unwrap_or(0)
        .max(1);
    let bars = (0..)
        .zip(statistics.histogram)
        .map(|(part, count)| {
            let height = 30.0 * f64::from(count) / f64::from(most);
            view! {
                <rect
                    x=(part * 4).to_string()
                    y=format!("{:.2}", 30.0 - height)
                    width="3"
                    height=format!("{height:.2}")
                ></rect>
            }
        })
        .collect_view();
    view! {
        <div class="tensor-figures">
            <dl>{rows}</dl>
            <svg
                class="tensor-histogram"
                viewBox="0 0 128 30"
                role="img"
                aria-label=move || texts.get().step.histogram
            >
                {bars}
            </svg>
        </div>
    }
}
