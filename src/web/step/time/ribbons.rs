//! Every step a column: states, gates and gradients as heat maps under each other.

use leptos::prelude::*;

use super::Choice;
use super::characters::{Characters, use_window};
use crate::view::format;
use crate::view::microscope::model::Element;
use crate::view::microscope::paint::own_limit;
use crate::view::microscope::unrolled::{Cell, ribbon, ribbon_height};
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::step::detail::HeatMap;
use crate::web::step::scope::{Microscope, use_microscope};
use crate::web::step::segmented::Segmented;

/// Part of a sample's part of a tensor: columns of rows of `width`, or one row of steps.
#[derive(Clone, PartialEq)]
pub struct Part {
    pub tensor: String,
    /// Of a row; of one row alone, elements of the whole sample.
    pub width: u32,
    pub first: u32,
    pub rows: u32,
    pub is_row: bool,
}

impl Part {
    fn whole(tensor: String, rows: u32) -> Self {
        Self {
            tensor,
            width: rows,
            first: 0,
            rows,
            is_row: false,
        }
    }

    /// The row that begins at `first`, of a tensor with so many elements a sample.
    pub fn row(tensor: String, elements: u32, first: u32) -> Self {
        Self {
            tensor,
            width: elements,
            first,
            rows: 1,
            is_row: true,
        }
    }

    /// Units downwards, time to the right; `None` where it is not computed or not read yet.
    fn read(&self, scope: Microscope, steps: u32) -> Option<Vec<f32>> {
        let reading = scope.reading(self.tensor.clone()).get()?;
        let values = reading.values.as_ref()?;
        let length = u64::from(self.width) * if self.is_row { 1 } else { u64::from(steps) };
        let is_this_sample = values.len() as u64 == length
            && reading.first == u64::from(scope.sample.get()) * length;
        let first = self.first as usize;
        is_this_sample.then(|| match self.is_row {
            true => values[first..first + steps as usize].to_vec(),
            false => ribbon(values, self.width, self.first, self.rows),
        })
    }
}

/// The ribbons of the chosen layer.
#[component]
pub fn Ribbons(
    /// What is looked at.
    choice: Choice,
) -> impl IntoView {
    let texts = use_texts();
    let strand = choice.strand;
    let gates = Signal::derive(move || {
        let names = strand.with(|strand| strand.cell.gates());
        (0..).zip(names.iter().copied()).collect::<Vec<_>>()
    });
    let has_gates = Memo::new(move |_| strand.with(|strand| strand.gates.is_some()));
    let gate_part = move |tensor: Option<String>, blocks: u32| {
        let (hidden, gate) = (strand.with(|s| s.hidden), choice.gate.get());
        tensor.map(|tensor| Part {
            tensor,
            width: blocks * hidden,
            first: gate.min(blocks.max(1) - 1) * hidden,
            rows: hidden,
            is_row: false,
        })
    };
    let part = move |which: &'static str| {
        Memo::new(move |_| {
            let s = strand.get();
            let of_units = |name: Option<String>| name.map(|name| Part::whole(name, s.hidden));
            match which {
                "x" => s.input.map(|(name, features)| Part::whole(name, features)),
                "h" => Some(Part::whole(s.h, s.hidden)),
                "c" => of_units(s.c),
                "dh" => of_units(s.dh),
                "dc" => of_units(s.dc),
                // A GRU keeps the candidate's recurrent sum behind its gates.
                "gates" => gate_part(s.gates, 4),
                _ => {
                    let blocks = s.cell.gates().len().max(1) as u32;
                    gate_part(s.da, blocks)
                }
            }
        })
    };
    let gate_name = move || {
        let names = strand.with(|strand| strand.cell.gates());
        names.get(choice.gate.get() as usize).copied()
    };
    let step_of = move || {
        let steps = strand.with(|strand| strand.steps);
        (texts.get().time.step_of)(choice.step.get(), steps)
    };
    let last_step = move || (strand.with(|strand| strand.steps) - 1).to_string();
    let last_unit = move || (strand.with(|strand| strand.hidden) - 1).to_string();
    let is_gru = move || strand.with(|strand| strand.cell == Cell::Gru);
    let gate_symbol = move || gate_name().unwrap_or("gates").to_string();
    let da_symbol = move || gate_name().map_or("da".to_string(), |gate| format!("da({gate})"));
    let steps = Signal::derive(move || strand.with(|strand| strand.steps));
    let unit = Signal::derive(move || Some(choice.unit.get()));
    let choose_step = Callback::new(move |(step, _): (u32, u32)| choice.step.set(step));
    let choose = Callback::new(move |(step, unit): (u32, u32)| {
        choice.step.set(step);
        choice.unit.set(unit);
    });
    let window = use_window();
    let plain = |symbol: &'static str| Signal::derive(move || symbol.to_string());
    view! {
        <div
            class="ribbons"
            style=("--step", move || choice.step.get().to_string())
            style=("--steps", move || strand.with(|strand| strand.steps).to_string())
        >
            <Characters
                window
                shades=Signal::stored(Vec::new())
                on_choose=move |place| choice.step.set(place)
            />
            <Ribbon
                steps
                unit=Signal::stored(None)
                on_choose=choose_step
                name="x"
                part=part("x")
                symbol=plain("x")
                note=Signal::derive(move || texts.get().time.input)
            />
            <Show when=move || has_gates.get()>
                <div class="ribbon-tools">
                    <span class="step-choice">
                        {move || texts.get().time.gate}
                        <Segmented
                            name="time-gate"
                            label=Signal::derive(move || texts.get().time.gate)
                            choices=gates
                            value=choice.gate
                            on_choose=move |gate| choice.gate.set(gate)
                        />
                    </span>
                </div>
            </Show>
            <Ribbon
                steps
                unit
                on_choose=choose
                name="gates"
                part=part("gates")
                symbol=Signal::derive(gate_symbol)
                note=Signal::derive(move || texts.get().time.gate)
            />
            <Ribbon
                steps
                unit
                on_choose=choose
                name="c"
                part=part("c")
                symbol=plain("c")
                note=Signal::derive(move || texts.get().time.cell)
            />
            <Ribbon
                steps
                unit
                on_choose=choose
                name="h"
                part=part("h")
                symbol=plain("h")
                note=Signal::derive(move || texts.get().time.hidden)
            />
            <Ribbon
                steps
                unit
                on_choose=choose
                name="dh"
                part=part("dh")
                symbol=plain("dh")
                note=Signal::derive(move || texts.get().time.backward)
            />
            <Ribbon
                steps
                unit
                on_choose=choose
                name="dc"
                part=part("dc")
                symbol=plain("dc")
                note=Signal::derive(move || texts.get().time.backward)
            />
            <Ribbon
                steps
                unit
                on_choose=choose
                name="da"
                part=part("da")
                symbol=Signal::derive(da_symbol)
                note=Signal::derive(move || texts.get().time.backward)
            />
            <label class="ribbon-name" for="time-step">
                {move || texts.get().time.step}
            </label>
            <input
                id="time-step"
                type="range"
                class="ribbon-slider"
                data-testid="time-step"
                min="0"
                max=last_step
                aria-valuetext=step_of
                prop:value=move || choice.step.get().to_string()
                on:input=move |event| {
                    if let Ok(step) = event_target_value(&event).parse() {
                        choice.step.set(step);
                    }
                }
            />
        </div>
        <div class="cluster">
            <span class="step-choice numeric" data-testid="time-step-label">{step_of}</span>
            <label class="step-choice">
                {move || texts.get().time.unit}
                <input
                    type="number"
                    class="input step-sample"
                    data-testid="time-unit"
                    min="0"
                    max=last_unit
                    prop:value=move || choice.unit.get().to_string()
                    on:change=move |event| {
                        let hidden = strand.with_untracked(|strand| strand.hidden);
                        if let Ok(unit) = event_target_value(&event).parse::<u32>() {
                            choice.unit.set(unit.min(hidden - 1));
                        }
                    }
                />
            </label>
            <Show when=is_gru>
                <span class="panel-note">"h = (1 − z) ⊙ n + z ⊙ before(h)"</span>
            </Show>
        </div>
    }
}

/// One tensor over time.
#[component]
pub fn Ribbon(
    /// Ends the test id.
    name: &'static str,
    /// What is shown; nothing where there is none.
    part: Memo<Option<Part>>,
    /// As equations write it.
    symbol: Signal<String>,
    /// What it is.
    note: Signal<&'static str>,
    /// Columns.
    steps: Signal<u32>,
    /// The row that is chosen.
    unit: Signal<Option<u32>>,
    /// Called with the step and the row that are clicked.
    on_choose: Callback<(u32, u32)>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let values = Memo::new(move |_| part.get()?.read(scope, steps.get()));
    let is_there = Memo::new(move |_| values.with(Option::is_some));
    let shown = Memo::new(move |_| part.with(Option::is_some));
    let cells = Signal::derive(move || values.get().unwrap_or_default());
    let limit = Signal::derive(move || {
        values.with(|values| {
            let values = values.iter().flatten().filter(|value| value.is_finite());
            let most = values.fold(0.0_f32, |most, value| most.max(value.abs()));
            own_limit(-most, most)
        })
    });
    let label = Signal::derive(move || {
        let part = part.get();
        part.map_or(String::new(), |part| {
            (texts.get().time.picture)(&part.tensor, part.rows, steps.get())
        })
    });
    let rows = Memo::new(move |_| part.with(|part| part.as_ref().map_or(1, |part| part.rows)));
    let height = move || format!("{}px", ribbon_height(rows.get()));
    let has_units = Memo::new(move |_| unit.with(Option::is_some));
    let choose = move |event: web_sys::MouseEvent| {
        if let Some(at) = browser::cell_at(&event, [steps.get_untracked(), rows.get_untracked()]) {
            on_choose.run(at);
        }
    };
    view! {
        <Show when=move || shown.get()>
            <span class="ribbon-name">
                <span class="tensor-symbol">{symbol}</span>
                <span class="panel-note">
                    {note}
                    <Show when=move || is_there.get()>
                        " ± "
                        <span class="numeric">
                            {move || format::significant(limit.get().into(), 2)}
                        </span>
                    </Show>
                </span>
            </span>
            <div
                class="ribbon-cells"
                class:has-units=move || has_units.get()
                data-testid=format!("ribbon-{name}")
                data-computed=move || is_there.get().to_string()
                style:height=height
                style=("--unit", move || unit.get().unwrap_or_default().to_string())
                style=("--units", move || rows.get().to_string())
                on:click=choose
            >
                {move || {
                    if is_there.get() {
                        let columns = steps.get();
                        view! { <HeatMap values=cells columns limit label/> }.into_any()
                    } else {
                        view! {
                            <p class="tensor-missing is-missing">
                                <span>{move || texts.get().time.not_yet}</span>
                            </p>
                        }
                            .into_any()
                    }
                }}
            </div>
        </Show>
    }
}

/// The numbers of the chosen step and unit; each leads to its terms.
#[component]
pub fn Numbers(
    /// What is looked at.
    choice: Choice,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let elements = Memo::new(move |_| {
        let (sample, step) = (scope.sample.get(), choice.step.get());
        choice.strand.with(|strand| {
            let unit = choice.unit.get().min(strand.hidden - 1);
            strand.elements(sample, step.min(strand.steps - 1), unit)
        })
    });
    view! {
        <div class="time-numbers" role="group" aria-label=move || texts.get().time.numbers>
            {move || number_buttons(scope, "time", elements.get())}
        </div>
        <p class="panel-note">{move || texts.get().time.numbers_hint}</p>
    }
}

/// A button for each element, with its value, that shows its terms; test ids begin with `name`.
pub fn number_buttons(
    scope: Microscope,
    name: &'static str,
    elements: Vec<(String, Element)>,
) -> impl IntoView {
    elements
        .into_iter()
        .map(|(symbol, element)| {
            let value = scope.value_of(&element);
            let shown = value.map_or(format::NO_VALUE.to_string(), |value| {
                format::significant(value.into(), 5)
            });
            let bare = value.map(|value| format::bare(value.into()));
            let is_backward = symbol.starts_with('d');
            let title = element.label();
            let testid = format!("{name}-{symbol}");
            view! {
                <button
                    type="button"
                    class="time-number"
                    class:is-backward=is_backward
                    title=title
                    disabled=value.is_none()
                    data-testid=testid
                    data-value=bare
                    on:click=move |_| scope.select(element.clone())
                >
                    <span class="tensor-symbol">{symbol}</span>
                    <span class="numeric">{shown}</span>
                </button>
            }
        })
        .collect_view()
}
