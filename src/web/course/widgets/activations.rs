//! Activation functions: a point is dragged along the curve, value, derivative and tangent follow.

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Handle, Started};
use crate::view::format;
use crate::view::texts::widgets::activations::{ActivationsTexts, texts};
use crate::view::widgets::activations::{Function, PlaneWords, REACH, State};
use crate::view::widgets::handle::Range;
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&ActivationsTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let z = Signal::derive(move || state.get().z);
    let set_z = Callback::new(move |z| state.update(|state| state.z = z));
    let function = Signal::derive(move || state.get().function);
    let number = |value: f64| format::significant(value, 6);
    let drawing = Memo::new(move |_| {
        let t = t();
        let words = PlaneWords {
            function: t.function_line,
            derivative: t.derivative_line,
            tangent: t.tangent_line,
        };
        state.get().plane(&words).drawn()
    });
    let handle = Handle {
        label: words(|t| t.plot),
        words: Signal::derive(move || {
            let state = state.get();
            let (z, value) = (number(state.z), number(state.value()));
            (t().point)(&z, &value, &number(state.derivative()))
        }),
        range: Signal::stored(Range::linear(-REACH, REACH, 0.1)),
        value: z,
        set: set_z,
    };
    let functions = Signal::derive(|| {
        let all = Function::ALL.iter();
        all.map(|(id, function)| (id.to_string(), function.name().to_string()))
            .collect()
    });
    let choose = Callback::new(move |id: String| {
        if let Some(function) = Function::from_id(&id) {
            state.update(|state| state.function = function);
        }
    });
    let formulas = move |place: usize| {
        controls::formula(Signal::derive(move || {
            function.get().formulas()[place].to_string()
        }))
    };
    let note = move || {
        let state = state.get();
        match state.function {
            Function::Relu | Function::LeakyRelu if state.z == 0.0 => Some(t().at_corner),
            Function::LeakyRelu => Some(t().small_slope),
            Function::Sigmoid | Function::Tanh if state.derivative() < 0.01 => Some(t().saturated),
            _ => None,
        }
    };
    let rows = move || {
        let (z, chosen) = (z.get(), function.get());
        Function::ALL
            .map(|(id, function)| {
                let (value, slope) = (function.value(z), function.derivative(z));
                let is_chosen = (function == chosen).then_some("true");
                view! {
                    <tr aria-current=is_chosen>
                        <th scope="row">{function.name()}</th>
                        <td class="numeric" data-testid=format!("activations-value-{id}") data-value=format::bare(value)>
                            {number(value)}
                        </td>
                        <td
                            class="numeric"
                            data-testid=format!("activations-derivative-{id}")
                            data-value=format::bare(slope)
                        >
                            {number(slope)}
                        </td>
                    </tr>
                }
            })
            .collect_view()
    };
    let expected = Expected::Number {
        low: -REACH,
        high: REACH,
    };
    let body = view! {
        <div class="widget-fields">
            {controls::choice(
                "activations-function",
                words(|t| t.function),
                functions,
                Signal::derive(move || function.get().id().to_string()),
                choose,
            )}
            {controls::slider_field(
                "activations-z",
                words(|t| t.z),
                Range::linear(-REACH, REACH, 0.1),
                expected,
                z,
                set_z,
            )}
        </div>
        {controls::plot("activations-plot", drawing.into(), handle)}
        {controls::drag_hint()}
        <dl class="widget-values">
            {controls::value("activations-value", words(|t| t.at_value), Signal::derive(move || state.get().value()))}
            {controls::value(
                "activations-derivative",
                words(|t| t.at_derivative),
                Signal::derive(move || state.get().derivative()),
            )}
        </dl>
        <p class="panel-note" role="status">{note}</p>
        {formulas(0)}
        {formulas(1)}
        <h3 class="widget-title">{words(|t| t.tangent)}</h3>
        {controls::formula(Signal::derive(move || state.get().tangent()))}
        <p>{words(|t| t.passes)}</p>
        <h3 class="widget-title">{words(|t| t.all)}</h3>
        <div class="widget-scroll" tabindex="0" role="region" aria-label=words(|t| t.all)>
            <table class="widget-table">
                <thead>
                    <tr>
                        <th scope="col">{words(|t| t.function)}</th>
                        <th scope="col" class="numeric">{words(|t| t.function_line)}</th>
                        <th scope="col" class="numeric">{words(|t| t.derivative_line)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    };
    controls::frame(
        "activations",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}
