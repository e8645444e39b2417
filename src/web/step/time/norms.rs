//! How long the gradient is that reaches each step, and how all gradients are clipped.

use leptos::prelude::*;

use super::Choice;
use crate::session::{ClipFacts, SequenceQuestion};
use crate::view::format;
use crate::view::microscope::unrolled::{Course, bars, ends_of, heights, is_cut, ratio_of_network};
use crate::view::texts::TimeTexts;
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;
use crate::web::step::segmented::Segmented;

const DIGITS: usize = 4;

/// Batches whose ratios are kept.
const HISTORY: usize = 60;

fn number(value: f64) -> String {
    format::significant(value, DIGITS)
}

/// `dh` of `lstm.l0.backward.dh`
fn symbol(tensor: &str) -> String {
    tensor.rsplit('.').next().unwrap_or(tensor).to_string()
}

/// Bars of the norms, in words what they show, and clipping.
#[component]
pub fn Norms(
    /// What is looked at.
    choice: Choice,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    Effect::new(move |_| {
        let node = choice.strand.with(|strand| strand.node);
        scope.ask_sequence(SequenceQuestion::Norms { node }, scope.revision.get());
    });
    let norms = scope.part(|state| state.sequences.norms.clone());
    let facts = Memo::new(move |_| {
        let node = choice.strand.with(|strand| strand.node);
        norms.get().filter(|facts| facts.node == node)
    });
    let is_logarithmic = RwSignal::new(false);
    let scales = Signal::derive(move || {
        let time = &texts.get().time;
        vec![(false, time.linear), (true, time.logarithmic)]
    });
    let history = RwSignal::new(Vec::<(u64, f64)>::new());
    Effect::new(move |_| {
        let ratio = facts.get().and_then(|facts| ratio_of_network(&facts));
        let step = scope.cursor.with_untracked(|c| c.as_ref().map(|c| c.step));
        let (Some(ratio), Some(step)) = (ratio, step) else {
            return;
        };
        history.update(|history| {
            // What is trained anew is told anew.
            history.retain(|(known, _)| *known < step);
            history.push((step, ratio));
            let surplus = history.len().saturating_sub(HISTORY);
            history.drain(..surplus);
        });
    });
    // Another layer has another history.
    Effect::new(move |_| {
        choice.strand.track();
        history.set(Vec::new());
    });
    let rows = move || {
        facts.get().map(|facts| {
            let rows = facts.rows.iter();
            rows.filter_map(|(tensor, values)| Some((symbol(tensor), values.clone()?)))
                .map(|(symbol, values)| view! { <Row symbol values is_logarithmic/> })
                .collect_view()
        })
    };
    let said = move || {
        let facts = facts.get()?;
        let time = &texts.get().time;
        let is_computed = facts.rows.iter().any(|(_, values)| values.is_some());
        // Norms that come from the steps' own losses, or that were cut off on the way, show no course.
        let is_own = choice.strand.with(|strand| strand.is_read_everywhere);
        let verdict = ends_of(&facts).map(|ends| {
            let numbers = [ends.first, ends.last, ends.ratio].map(number);
            if is_own || is_cut(&facts) {
                return (time.ends)(&numbers[0], &numbers[1], &numbers[2]);
            }
            let course = course_name(ends.course, time);
            (time.verdict)(&numbers[0], &numbers[1], &numbers[2], course)
        });
        let ratio = ends_of(&facts).map(|ends| format::bare(ends.ratio));
        let verdict = match (is_computed, verdict) {
            (false, _) => time.not_yet_backward.to_string(),
            (true, verdict) => verdict.unwrap_or_default(),
        };
        let own = is_computed && is_own;
        let truncated = facts.truncate.map(|every| (time.truncated)(every));
        let clip = facts.clip.map(|clip| clip_text(clip, time));
        Some(view! {
            <p class="time-verdict" data-testid="time-verdict" data-ratio=ratio>
                {verdict}
            </p>
            {own.then(|| view! { <p class="panel-note" data-testid="time-own">{time.own_losses}</p> })}
            {truncated.map(|text| view! { <p>{text}</p> })}
            {clip.map(|text| view! { <p data-testid="time-clip">{text}</p> })}
        })
    };
    let past = move || {
        history.with(|history| {
            (history.len() > 1).then(|| {
                let ratios: Vec<f64> = history.iter().map(|(_, ratio)| *ratio).collect();
                let label = (texts.get().time.history_label)(ratios.len());
                let last = ratios.last().copied().map(number);
                let most = ratios.iter().fold(0.0, |a: f64, b| a.max(*b));
                view! {
                    <span class="ribbon-name panel-note">
                        {move || texts.get().time.history}
                    </span>
                    <div class="time-history">
                        <svg
                            class="time-bars"
                            viewBox=format!("0 0 {HISTORY} 1")
                            preserveAspectRatio="none"
                            role="img"
                            aria-label=label
                            data-testid="time-history"
                            data-batches=ratios.len().to_string()
                            inner_html=bars(&heights(&ratios, true))
                        ></svg>
                        <span class="panel-note numeric">
                            {last}
                            " / "
                            {number(most)}
                        </span>
                    </div>
                }
            })
        })
    };
    view! {
        <div class="time-part" data-testid="time-norms">
            <div class="spread">
                <h3>{move || texts.get().time.norms}</h3>
                <span class="step-choice">
                    <Segmented
                        name="time-scale"
                        label=Signal::derive(move || texts.get().time.scale)
                        choices=scales
                        value=is_logarithmic
                        on_choose=move |chosen| is_logarithmic.set(chosen)
                    />
                </span>
            </div>
            <div
                class="ribbons"
                style=("--step", move || choice.step.get().to_string())
                style=("--steps", move || choice.strand.with(|strand| strand.steps).to_string())
            >
                {rows}
                {past}
            </div>
            {said}
            <p class="panel-note">
                {move || texts.get().time.norms_hint}
                " "
                {move || texts.get().time.thresholds}
            </p>
        </div>
    }
}

fn course_name(course: Course, time: &TimeTexts) -> &'static str {
    match course {
        Course::Vanishes => time.vanishes,
        Course::Shrinks => time.shrinks,
        Course::Keeps => time.keeps,
        Course::Grows => time.grows,
        Course::Explodes => time.explodes,
    }
}

fn clip_text(clip: ClipFacts, time: &TimeTexts) -> String {
    let limit = number(clip.max_norm);
    match (clip.before, clip.after) {
        (Some(before), Some(after)) if before > clip.max_norm => {
            let factor = number(after / before);
            (time.clipped)(&number(before), &number(after), &limit, &factor)
        }
        (Some(before), _) if before <= clip.max_norm => (time.not_clipped)(&number(before), &limit),
        _ => (time.clip_ahead)(&limit),
    }
}

/// Bars of one tensor's norms.
#[component]
fn Row(
    /// `dh`, `dc`
    symbol: String,
    /// The norm at every step.
    values: Vec<f64>,
    /// Whether the bars stand for powers of ten.
    is_logarithmic: RwSignal<bool>,
) -> impl IntoView {
    let texts = use_texts();
    let most = values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let label = {
        let symbol = symbol.clone();
        let told = values.iter().map(|&value| format::significant(value, 3));
        let told = told.collect::<Vec<_>>().join(", ");
        move || (texts.get().time.bars)(&symbol, &told)
    };
    let told = values.iter().map(|&value| format::bare(value));
    let told = told.collect::<Vec<_>>().join(" ");
    let steps = values.len();
    let drawn = move || bars(&heights(&values, is_logarithmic.get()));
    view! {
        <span class="ribbon-name">
            <span class="tensor-symbol">"‖" {symbol.clone()} "‖"</span>
            <span class="panel-note numeric">"≤ " {number(most)}</span>
        </span>
        <div class="ribbon-cells">
            <svg
                class="time-bars"
                viewBox=format!("0 0 {steps} 1")
                preserveAspectRatio="none"
                role="img"
                aria-label=label
                data-testid=format!("time-norms-{symbol}")
                data-values=told
                inner_html=drawn
            ></svg>
        </div>
    }
}
