//! Which steps of the input a prediction depends on.

use leptos::prelude::*;

use super::characters::{Characters, use_window};
use crate::session::{InfluenceFacts, InfluenceOf, SequenceQuestion};
use crate::view::format;
use crate::view::microscope::paint::own_limit;
use crate::view::microscope::sequences::Kind;
use crate::view::microscope::unrolled::{bars, half_of, heights, ribbon, ribbon_height};
use crate::view::writing::shown;
use crate::web::address::use_texts;
use crate::web::step::detail::HeatMap;
use crate::web::step::scope::use_microscope;
use crate::web::step::segmented::Segmented;

/// Choosing a prediction, and its derivative by every step of the input.
#[component]
pub fn Influence(
    /// Changes with what the answer depends on.
    moment: Signal<u64>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let of = RwSignal::new(InfluenceOf::Prediction);
    let position = RwSignal::new(None::<u32>);
    Effect::new(move |_| {
        let question = SequenceQuestion::Influence {
            sample: scope.sample.get(),
            position: position.get(),
            of: of.get(),
        };
        scope.ask_sequence(question, moment.get());
    });
    let facts = scope.part(|state| state.sequences.influence.clone());
    let refusal = scope.part(|state| state.sequences.refusal(Kind::Influence));
    let waits = scope.part(|state| state.sequences.waits(Kind::Influence));
    let kinds = Signal::derive(move || {
        let time = &texts.get().time;
        vec![
            (InfluenceOf::Prediction, time.of_prediction),
            (InfluenceOf::Loss, time.of_loss),
        ]
    });
    let places = Memo::new(move |_| facts.with(|f| f.as_ref().map_or(1, |f| f.positions)));
    let place = Memo::new(move |_| facts.with(|f| f.as_ref().map_or(0, |f| f.position)));
    let result = move || {
        let facts = facts.get()?;
        let choose = move |place| position.set(Some(place));
        Some(view! { <Result facts=(*facts).clone() on_choose=choose/> })
    };
    view! {
        <p class="panel-note">{move || texts.get().time.influence_hint}</p>
        <div class="cluster">
            <span class="step-choice">
                {move || texts.get().time.influence_of}
                <Segmented
                    name="influence-of"
                    label=Signal::derive(move || texts.get().time.influence_of)
                    choices=kinds
                    value=of
                    on_choose=move |chosen| of.set(chosen)
                />
            </span>
            <Show when=move || { places.get() > 1 }>
                <label class="step-choice">
                    {move || texts.get().time.position}
                    <input
                        type="range"
                        data-testid="influence-position"
                        min="0"
                        max=move || (places.get() - 1).to_string()
                        prop:value=move || place.get().to_string()
                        on:input=move |event| position.set(event_target_value(&event).parse().ok())
                    />
                    <span class="numeric">{move || place.get()}</span>
                </label>
            </Show>
            <span class="panel-note" role="status">
                {move || waits.get().then(|| texts.get().time.computing)}
            </span>
        </div>
        {move || {
            refusal
                .get()
                .map(|reason| {
                    let message = move || (texts.get().errors.refusal)(&reason);
                    view! { <p class="is-missing" data-testid="influence-refused">{message}</p> }
                })
        }}
        {result}
    }
}

#[component]
fn Result(
    /// The derivative.
    facts: InfluenceFacts,
    /// Called with another place of the prediction.
    #[prop(into)]
    on_choose: Callback<u32>,
) -> impl IntoView {
    let texts = use_texts();
    let steps = facts.norms.len();
    let features = facts.features;
    let class = facts.class;
    let value = format::significant(facts.value, 5);
    let of = facts.of;
    // Where there is a prediction at every step, nothing behind it counts.
    let last = match facts.positions as usize {
        positions if positions == steps => facts.position as usize,
        _ => steps - 1,
    };
    let half = half_of(&facts.norms, last);
    let window = use_window();
    let character = facts.character;
    let is_text = character.is_some();
    let shades = Signal::stored(heights(&facts.norms, false));
    let place = facts.position;
    let said = move || {
        let time = &texts.get().time;
        let what = match of {
            InfluenceOf::Prediction => match character {
                Some(character) => format!("{} “{}”", (time.class_logit)(class), shown(character)),
                None => (time.class_logit)(class),
            },
            InfluenceOf::Loss => time.of_loss.to_string(),
        };
        half.map(|half| (time.influence_says)(&what, &value, half, last + 1))
    };
    let told = facts.norms.iter().map(|&norm| format::significant(norm, 3));
    let told = told.collect::<Vec<_>>().join(", ");
    let bare = facts.norms.iter().map(|&norm| format::bare(norm));
    let bare = bare.collect::<Vec<_>>().join(" ");
    let name = facts.input.clone();
    let symbol = format!("|∂/∂{name}|");
    let label = {
        let symbol = symbol.clone();
        move || (texts.get().time.bars)(&symbol, &told)
    };
    let most = facts.norms.iter().fold(0.0, |a: f64, b| a.max(*b));
    let limit = facts.gradient.iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    let cells = ribbon(&facts.gradient, features, 0, features);
    let picture = Signal::derive(move || (texts.get().time.picture)(&name, features, steps as u32));
    let map = (features > 1).then(|| {
        let height = format!("{}px", ribbon_height(features));
        view! {
            <span class="ribbon-name">
                <span class="tensor-symbol">"∂/∂x"</span>
                <span class="panel-note numeric">"± " {format::significant(limit.into(), 3)}</span>
            </span>
            <div class="ribbon-cells" style:height=height>
                <HeatMap
                    values=Signal::stored(cells)
                    columns=steps as u32
                    limit=Signal::stored(own_limit(-limit, limit))
                    label=picture
                />
            </div>
        }
    });
    view! {
        <div
            class="ribbons"
            data-testid="influence"
            data-norms=bare
            data-class=class.to_string()
            style=("--step", place.to_string())
            style=("--steps", if is_text { steps.to_string() } else { String::new() })
        >
            <Characters window shades on_choose/>
            <span class="ribbon-name">
                <span class="tensor-symbol">"‖∂/∂x‖"</span>
                <span class="panel-note numeric">"≤ " {format::significant(most, 3)}</span>
            </span>
            <div class="ribbon-cells">
                <svg
                    class="time-bars is-forward"
                    viewBox=format!("0 0 {steps} 1")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=label
                    inner_html=bars(&heights(&facts.norms, false))
                ></svg>
            </div>
            {map}
        </div>
        <p class="time-verdict" data-testid="influence-says">{said}</p>
    }
}
