//! Convolution: a picture, a kernel to edit, the output, and the sum of one of its cells.

use std::sync::Arc;

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Started};
use super::map::{self, Asked, Chosen, Grid, Map, Pointed};
use crate::lesson::digits::Digit;
use crate::lesson::{Answer, Ask};
use crate::view::format;
use crate::view::texts::widgets::convolution::{ConvolutionTexts, texts};
use crate::view::widgets::convolution::{
    MAX_PADDING, MAX_STRIDE, MAX_WEIGHT, PRESETS, SIDE, State, draw_stroke, frame_svg, output_of,
    output_svg, picture_svg, receptive_field, sum_lines, terms_svg, unit_pixels, window_svg,
};
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;
use crate::web::course::engine::use_engine;

/// The name of a drawing among the pictures.
const DRAWING: &str = "drawing";

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&ConvolutionTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let (digits, trouble) = load_digits();
    // What the learner drew; the digit is shown where nothing is.
    let drawn = RwSignal::new(None::<Vec<f64>>);
    let settings = Memo::new(move |_| settings.get());
    Effect::new(move |before: Option<()>| {
        // The settings' own digit comes back with them.
        settings.track();
        if before.is_some() {
            drawn.set(None);
        }
    });
    let reset = Callback::new(move |()| {
        drawn.set(None);
        reset.run(());
    });
    let digit = Memo::new(move |_| state.with(|state| state.digit));
    let image = Memo::new(move |_| {
        drawn.get().or_else(|| {
            let digit = digit.get();
            digits.with(|digits| {
                let known = digits.iter().find(|known| u32::from(known.label) == digit);
                known.map(|known| unit_pixels(&known.pixels))
            })
        })
    });
    let asked = Asked::new(Signal::derive(move || {
        image.with(|image| {
            let image = image.as_ref()?;
            Some(state.with(|state| state.request(image)))
        })
    }));
    // The engine's answer, where it belongs to the sizes that are set.
    let output = Memo::new(move |_| {
        let side = state.with(State::out_side);
        let output = asked.result.with(|result| result.as_ref().map(output_of));
        output.filter(|output| output.len() == side * side)
    });
    let at = Memo::new(move |_| state.with(|state| state.at));
    let side = Memo::new(move |_| state.with(State::out_side));
    let terms = Memo::new(move |_| {
        image.with(|image| {
            let image = image.as_ref()?;
            Some(state.with(|state| state.terms(image)))
        })
    });
    let value = move || output.with(|output| output.as_ref()?.get(at.get()).copied());
    let value_text = move || {
        value().map_or(format::NO_VALUE.into(), |value| {
            format::significant(value, 5)
        })
    };

    let padding = Memo::new(move |_| state.with(|state| state.padding));
    let size = Memo::new(move |_| state.with(|state| state.size));
    let is_drawing = RwSignal::new(false);
    let last_place = StoredValue::new(None::<(f32, f32)>);
    let on_picture = Callback::new(move |pointed: Pointed| {
        let (padding, whole) =
            state.with_untracked(|state| (state.padding, SIDE + 2 * state.padding));
        let pixel = |share: f64| share * whole as f64 - padding as f64;
        let (x, y) = (pixel(pointed.at.0), pixel(pointed.at.1));
        if !is_drawing.get_untracked() {
            return state.update(|state| state.look_at((y - 0.5, x - 0.5)));
        }
        let to = (x as f32, y as f32);
        let from = last_place
            .get_value()
            .filter(|_| !pointed.begins)
            .unwrap_or(to);
        last_place.set_value(Some(to));
        if pointed.is_pressed {
            let mut pixels = image
                .get_untracked()
                .unwrap_or_else(|| vec![0.0; SIDE * SIDE]);
            draw_stroke(&mut pixels, from, to);
            drawn.set(Some(pixels));
        }
    });
    let picture = map::map(Map {
        testid: "convolution-input",
        label: words(|t| t.input),
        picture: Signal::derive(move || {
            image.with(|image| picture_svg(image.as_deref().unwrap_or_default(), padding.get()))
        }),
        over: Signal::derive(move || state.with(window_svg)),
        point: on_picture,
    });
    let output_map = map::chosen_map(
        Map {
            testid: "convolution-output",
            label: words(|t| t.output),
            picture: Signal::derive(move || {
                output.with(|output| output_svg(output.as_deref().unwrap_or_default(), side.get()))
            }),
            over: Signal::derive(move || frame_svg(at.get(), side.get())),
            point: Callback::new(move |pointed: Pointed| {
                let side = side.get_untracked();
                let cell = |share: f64| ((share * side as f64) as usize).min(side - 1);
                let cell = cell(pointed.at.1) * side + cell(pointed.at.0);
                state.update(|state| state.at = cell);
            }),
        },
        Chosen {
            cell: at.into(),
            last: Signal::derive(move || side.get() * side.get() - 1),
            words: Signal::derive(move || {
                let (row, column) = state.with(State::place);
                (t().cell)(row, column, &value_text())
            }),
            key: Callback::new(move |key: String| {
                state.try_update(|state| state.key(&key)).unwrap_or(false)
            }),
        },
    );
    let body = view! {
        <p class="panel-note">{words(|t| t.lead)}</p>
        {fields(state)}
        {pictures(state, drawn, is_drawing)}
        {move || {
            (digits.with(Vec::is_empty) && trouble.with(Option::is_none))
                .then(|| view! { <p role="status">{t().waiting}</p> })
        }}
        {move || trouble.get().map(|message| view! { <p class="field-error" role="alert">{message}</p> })}
        {asked.trouble()}
        <div class="wg-pair" class:is-drawing=move || is_drawing.get()>
            <figure class="wg-figure">
                <figcaption>
                    {words(|t| t.input)} " " <span class="numeric">{move || (t().sides)(SIDE)}</span>
                </figcaption>
                {picture}
            </figure>
            <figure class="wg-figure">
                <figcaption>
                    {words(|t| t.output)}
                    " "
                    <span
                        class="numeric"
                        data-testid="convolution-side"
                        data-value=move || side.get().to_string()
                    >
                        {move || (t().sides)(side.get())}
                    </span>
                </figcaption>
                {output_map}
            </figure>
        </div>
        <p class="panel-note">
            {words(|t| t.output_key)}
            {move || (padding.get() > 0).then(|| format!(" {}", t().edge_note))}
        </p>
        <div class="wg-pair is-wide" class:is-single=move || size.get() == 5>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.kernel_title)}</figcaption>
                {kernel_grid(state)}
            </figure>
            <figure class="wg-figure">
                <figcaption>{words(|t| t.window_title)}</figcaption>
                <div
                    data-testid="convolution-terms"
                    inner_html=move || {
                        terms.with(|terms| {
                            let label = t().window_title;
                            let terms = terms.as_deref().unwrap_or_default();
                            state.with(|state| terms_svg(state, terms, label))
                        })
                    }
                ></div>
            </figure>
        </div>
        <h3 class="widget-title">{words(|t| t.sum_title)}</h3>
        <div class="wg-sum numeric" data-testid="convolution-sum">
            {move || {
                let terms = terms.get().unwrap_or_default();
                let lines = state.with(|state| sum_lines(state, &terms)).into_iter();
                lines.map(|line| view! { <p>{line}</p> }).collect_view()
            }}
            <p>
                <strong
                    data-testid="convolution-value"
                    data-value=move || value().map(format::bare)
                >
                    {move || {
                        let (row, column) = state.with(State::place);
                        format!("y[{row}, {column}] = {}", value_text())
                    }}
                </strong>
            </p>
        </div>
        <h3 class="widget-title">{words(|t| t.size_title)}</h3>
        <p class="wg-line numeric">
            "⌊(n + 2p − k) / s⌋ + 1 = " {move || state.with(State::size_formula)}
        </p>
        <h3 class="widget-title">{words(|t| t.field_title)}</h3>
        <p>
            {move || {
                let (size, stride) = state.with(|state| (state.size, state.stride));
                let field = |layers| receptive_field(size, stride, layers);
                (t().fields)(field(1), field(2), field(3))
            }}
        </p>
    };
    controls::frame(
        "convolution",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

/// The digits, once they are here, and why they cannot be had.
fn load_digits() -> (RwSignal<Vec<Digit>>, RwSignal<Option<String>>) {
    let engine = use_engine();
    let digits = RwSignal::new(Vec::new());
    let trouble = RwSignal::new(None);
    let asked = StoredValue::new(None::<u32>);
    Effect::new(move |_| {
        engine.restarts();
        if digits.with_untracked(|digits: &Vec<Digit>| !digits.is_empty()) {
            return;
        }
        let id = engine.ask(Ask::Digits, move |answer| match answer {
            Answer::Digits(known) => {
                trouble.set(None);
                digits.set(known.clone());
            }
            Answer::Failed { message } => trouble.set(Some(message.clone())),
            _ => {}
        });
        asked.set_value(Some(id));
    });
    on_cleanup(move || {
        if let Some(Some(id)) = asked.try_get_value() {
            engine.stop(id);
        }
    });
    (digits, trouble)
}

/// Kernel, stride, padding, bias.
fn fields(state: RwSignal<State>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&ConvolutionTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let preset = Memo::new(move |_| state.with(State::preset));
    let presets = Signal::derive(move || {
        let t = t();
        let named = PRESETS
            .iter()
            .map(|(name, _)| (name.to_string(), (t.preset)(name)));
        // An edited kernel has no name.
        let own = preset
            .get()
            .is_none()
            .then(|| (String::new(), (t.preset)("")));
        own.into_iter().chain(named).collect()
    });
    let sizes = Signal::derive(|| {
        ["3", "5"]
            .map(|side| (side.into(), format!("{side} × {side}")))
            .into()
    });
    let whole = |low: u64, high: u64| Expected::Whole { low, high };
    view! {
        <div class="widget-fields wg-fields">
            {controls::choice(
                "convolution-kernel",
                words(|t| t.kernel),
                presets,
                Signal::derive(move || preset.get().unwrap_or_default().to_string()),
                Callback::new(move |name: String| state.update(|state| state.choose(&name))),
            )}
            {controls::switch(
                "convolution-size",
                words(|t| t.size),
                sizes,
                Signal::derive(move || state.with(|state| state.size.to_string())),
                Callback::new(move |size: String| {
                    state.update(|state| state.resize(if size == "5" { 5 } else { 3 }));
                }),
            )}
            {controls::number_field(
                "convolution-stride",
                words(|t| t.stride),
                whole(1, MAX_STRIDE as u64),
                Memo::new(move |_| state.with(|state| state.stride as f64)).into(),
                Callback::new(move |stride: f64| state.update(|state| state.set_stride(stride as usize))),
            )}
            {controls::number_field(
                "convolution-padding",
                words(|t| t.padding),
                whole(0, MAX_PADDING as u64),
                Memo::new(move |_| state.with(|state| state.padding as f64)).into(),
                Callback::new(move |padding: f64| state.update(|state| state.set_padding(padding as usize))),
            )}
            {controls::number_field(
                "convolution-bias",
                words(|t| t.bias),
                Expected::Number {
                    low: -MAX_WEIGHT,
                    high: MAX_WEIGHT,
                },
                Memo::new(move |_| state.with(|state| state.bias)).into(),
                Callback::new(move |bias| state.update(|state| state.bias = bias)),
            )}
        </div>
    }
    .into_any()
}

/// Which picture, and drawing on it.
fn pictures(
    state: RwSignal<State>,
    drawn: RwSignal<Option<Vec<f64>>>,
    is_drawing: RwSignal<bool>,
) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&ConvolutionTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let is_drawn = Memo::new(move |_| drawn.with(Option::is_some));
    let choices = Signal::derive(move || {
        let t = t();
        let own = is_drawn.get().then(|| (DRAWING.into(), t.drawing.into()));
        let digits = (0..10).map(|digit| (digit.to_string(), (t.digit)(digit)));
        own.into_iter().chain(digits).collect()
    });
    view! {
        <div class="wg-tools">
            {controls::choice(
                "convolution-picture",
                words(|t| t.picture),
                choices,
                Signal::derive(move || match is_drawn.get() {
                    true => DRAWING.into(),
                    false => state.with(|state| state.digit.to_string()),
                }),
                Callback::new(move |name: String| {
                    if let Ok(digit) = name.parse() {
                        drawn.set(None);
                        state.update(|state| state.digit = digit);
                    }
                }),
            )}
            <button
                type="button"
                class="button"
                data-testid="convolution-draw"
                aria-pressed=move || is_drawing.get().to_string()
                on:click=move |_| is_drawing.update(|is_drawing| *is_drawing = !*is_drawing)
            >
                {words(|t| t.draw)}
            </button>
            <button
                type="button"
                class="button"
                data-testid="convolution-clear"
                on:click=move |_| {
                    drawn.set(Some(vec![0.0; SIDE * SIDE]));
                    is_drawing.set(true);
                }
            >
                {words(|t| t.clear)}
            </button>
        </div>
    }
    .into_any()
}

/// The kernel's fields, made anew with its size alone.
fn kernel_grid(state: RwSignal<State>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let size = Memo::new(move |_| state.with(|state| state.size));
    let grid = move || {
        let size = size.get();
        map::number_grid(Grid {
            testid: "convolution-weight",
            label: Signal::derive(move || t().kernel_title.to_string()),
            rows: size,
            columns: size,
            most: MAX_WEIGHT,
            values: Signal::derive(move || state.with(|state| state.kernel.clone())),
            set: Callback::new(move |(cell, weight): (usize, f64)| {
                state.update(|state| {
                    if let Some(known) = state.kernel.get_mut(cell) {
                        *known = weight;
                    }
                });
            }),
            name: Arc::new(move |cell| (t().weight)(cell / size, cell % size)),
            class: Arc::new(|_| ""),
        })
    };
    grid.into_any()
}
