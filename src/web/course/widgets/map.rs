//! Maps of cells that are pointed at, and grids of numbers that are edited.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent};

use super::controls::{self, Words};
use crate::lesson::{Answer, Ask, OperationRequest, OperationResult};
use crate::view::widgets::reading::Expected;
use crate::web::course::engine::use_engine;

/// Where a pointer is on the element that listens, as shares of its width and height.
fn share_at(event: &PointerEvent) -> Option<(f64, f64)> {
    let target = event.current_target()?;
    let bounds = target
        .dyn_into::<Element>()
        .ok()?
        .get_bounding_client_rect();
    let share = |at: i32, start: f64, length: f64| {
        ((f64::from(at) - start) / length.max(1.0)).clamp(0.0, 1.0)
    };
    Some((
        share(event.client_x(), bounds.left(), bounds.width()),
        share(event.client_y(), bounds.top(), bounds.height()),
    ))
}

/// What is heard from a pointer: where it is, and whether it is pressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointed {
    /// Shares of the width and the height.
    pub at: (f64, f64),
    pub is_pressed: bool,
    /// Whether this is the first place of a press.
    pub begins: bool,
}

/// A picture that is pointed at: by a mouse that hovers, or by touch. `over` is drawn on top of `picture`.
pub struct Map {
    pub testid: &'static str,
    pub label: Words,
    pub picture: Signal<String>,
    pub over: Signal<String>,
    pub point: Callback<Pointed>,
}

/// One of the cells of a map is chosen by arrow keys too.
#[derive(Clone, Copy)]
pub struct Chosen {
    /// Number of the cell, and of the last one.
    pub cell: Signal<usize>,
    pub last: Signal<usize>,
    /// Read out.
    pub words: Words,
    /// A key; whether it meant something.
    pub key: Callback<String, bool>,
}

/// A map that is only looked at and pointed at.
pub fn map(map: Map) -> AnyView {
    let Map {
        testid,
        label,
        picture,
        over,
        point,
    } = map;
    let [down, go_on] = listeners(point);
    view! {
        <div
            class="wg-frame"
            data-testid=testid
            role="img"
            aria-label=label
            on:pointerdown=down
            on:pointermove=go_on
        >
            <div class="wg-layer" inner_html=move || picture.get()></div>
            <div class="wg-layer" inner_html=move || over.get()></div>
        </div>
    }
    .into_any()
}

/// A map with a cell that is chosen.
pub fn chosen_map(map: Map, chosen: Chosen) -> AnyView {
    let Map {
        testid,
        label,
        picture,
        over,
        point,
    } = map;
    let [down, go_on] = listeners(point);
    let on_key = move |event: KeyboardEvent| on_key(&event, chosen.key);
    view! {
        <div
            class="wg-frame is-chosen-in"
            data-testid=testid
            role="slider"
            tabindex="0"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax=move || chosen.last.get().to_string()
            aria-valuenow=move || chosen.cell.get().to_string()
            aria-valuetext=chosen.words
            data-value=move || chosen.cell.get().to_string()
            on:pointerdown=down
            on:pointermove=go_on
            on:keydown=on_key
        >
            <div class="wg-layer" inner_html=move || picture.get()></div>
            <div class="wg-layer" inner_html=move || over.get()></div>
        </div>
    }
    .into_any()
}

/// A key that means something goes no further: a chapter's keys stay out of it.
pub fn on_key(event: &KeyboardEvent, key: Callback<String, bool>) {
    let is_plain = !(event.ctrl_key() || event.alt_key() || event.meta_key());
    if is_plain && key.run(event.key()) {
        event.prevent_default();
        event.stop_propagation();
    }
}

fn listeners(point: Callback<Pointed>) -> [impl Fn(PointerEvent) + Copy; 2] {
    let hear = move |event: PointerEvent, begins: bool| {
        let is_mouse = event.pointer_type() == "mouse";
        // Something moved below a pointer that rests.
        if !begins && is_mouse && event.movement_x() == 0 && event.movement_y() == 0 {
            return;
        }
        let is_pressed = event.buttons() & 1 == 1;
        if begins
            && event.button() == 0
            && let Some(target) = event.current_target()
            && let Ok(element) = target.dyn_into::<Element>()
        {
            // Refused only where the pointer is gone already.
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        if !(is_mouse || is_pressed) {
            return;
        }
        if let Some(at) = share_at(&event) {
            point.run(Pointed {
                at,
                is_pressed,
                begins: begins && is_pressed,
            });
        }
    };
    [true, false].map(|begins| move |event: PointerEvent| hear(event, begins))
}

/// Numbers in rows and columns.
pub struct Grid {
    pub testid: &'static str,
    pub label: Words,
    pub rows: usize,
    pub columns: usize,
    /// Largest magnitude of a number.
    pub most: f64,
    pub values: Signal<Vec<f64>>,
    /// Row-major number of a cell, and its new value.
    pub set: Callback<(usize, f64)>,
    /// What a cell is called.
    pub name: Arc<dyn Fn(usize) -> String + Send + Sync>,
    /// Further classes of a cell.
    pub class: Arc<dyn Fn(usize) -> &'static str + Send + Sync>,
}

/// A grid of fields; what cannot be used is told below it.
pub fn number_grid(grid: Grid) -> AnyView {
    let Grid {
        testid,
        label,
        rows,
        columns,
        most,
        values,
        set,
        name,
        class,
    } = grid;
    let mut errors = Vec::new();
    let mut lines = Vec::new();
    for row in 0..rows {
        let mut cells = Vec::new();
        for column in 0..columns {
            let cell = row * columns + column;
            let (name, class) = (name.clone(), class.clone());
            // Changes with its own cell alone: what was typed and refused stays until then.
            let value = Memo::new(move |_| {
                values.with(|values| values.get(cell).copied().unwrap_or_default())
            });
            let (input, error) = controls::number_input(
                format!("{testid}-{cell}"),
                Signal::derive(move || name(cell)),
                Expected::Number {
                    low: -most,
                    high: most,
                },
                value.into(),
                Callback::new(move |value| set.run((cell, value))),
            );
            errors.push(error);
            cells.push(view! { <td class=move || class(cell)>{input}</td> });
        }
        lines.push(view! { <tr>{cells}</tr> });
    }
    view! {
        <div class="wg-grid">
            <table class="wg-numbers" aria-label=label data-testid=testid><tbody>{lines}</tbody></table>
            {errors}
        </div>
    }
    .into_any()
}

/// Numbers in rows and columns that are only read.
pub fn value_grid(
    testid: &'static str,
    label: Words,
    columns: usize,
    cells: Signal<Vec<(String, String)>>,
    class: Arc<dyn Fn(usize) -> &'static str + Send + Sync>,
) -> AnyView {
    let rows = move || {
        let cells = cells.get();
        let rows = cells.chunks(columns.max(1)).enumerate();
        rows.map(|(row, cells)| {
            let cells = cells.iter().enumerate().map(|(column, (text, bare))| {
                let cell = row * columns + column;
                let class = class.clone();
                view! {
                    <td
                        class=move || class(cell)
                        data-testid=format!("{testid}-{cell}")
                        data-value=bare.clone()
                    >
                        {text.clone()}
                    </td>
                }
            });
            view! { <tr>{cells.collect_view()}</tr> }
        })
        .collect_view()
    };
    view! {
        <table class="wg-numbers is-read" aria-label=label data-testid=testid><tbody>{rows}</tbody></table>
    }
    .into_any()
}

/// What the engine answers to a request that changes.
#[derive(Clone, Copy)]
pub struct Asked {
    pub result: RwSignal<Option<OperationResult>>,
    /// Why there is none.
    pub failure: RwSignal<Option<String>>,
}

impl Asked {
    /// Asks whenever the request is another one, and once more when a lost engine was started anew.
    pub fn new(request: Signal<Option<OperationRequest>>) -> Self {
        let asked = Self {
            result: RwSignal::new(None),
            failure: RwSignal::new(None),
        };
        let engine = use_engine();
        let under_way = StoredValue::new(None::<u32>);
        let request = Memo::new(move |_| request.get());
        Effect::new(move |_| {
            engine.restarts();
            let Some(request) = request.get() else {
                return;
            };
            if let Some(before) = under_way.get_value() {
                engine.stop(before);
            }
            let id = engine.ask(Ask::Operation(request), move |answer| match answer {
                Answer::Operation(result) => {
                    asked.failure.set(None);
                    asked.result.set(Some(result.clone()));
                }
                Answer::Failed { message } => asked.failure.set(Some(message.clone())),
                _ => {}
            });
            under_way.set_value(Some(id));
        });
        on_cleanup(move || {
            if let Some(Some(id)) = under_way.try_get_value() {
                engine.stop(id);
            }
        });
        asked
    }

    /// Why there is no result, where there is none.
    pub fn trouble(self) -> AnyView {
        let told = move || {
            self.failure.get().map(|message| {
                view! { <p class="field-error" role="alert" data-testid="widget-failure">{message}</p> }
            })
        };
        told.into_any()
    }
}
