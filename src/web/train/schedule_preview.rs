//! The learning rate over the run that the settings describe, as a small curve.

use leptos::prelude::*;

use super::setting_field::resolved;
use crate::optim::Schedule;
use crate::view::format;
use crate::view::presets;
use crate::view::rate_curve::{HEIGHT, RateCurve, WIDTH};
use crate::web::address::{use_address, use_texts};
use crate::web::engine::use_engine;

/// The curve, with a mark at the step that the run has come to.
#[component]
pub fn SchedulePreview() -> impl IntoView {
    let address = use_address();
    let engine = use_engine();
    let texts = use_texts();
    let train_count = engine.part(|run| run.started.as_ref().map(|s| s.config.train_count));
    let step = engine.part(|run| run.step);
    let curve = Memo::new(move |_| {
        let state = address.state.get();
        let (_, options) = resolved(&state)?;
        let preset = presets::defaults(state.route.preset()?)?;
        let run = &state.hyperparameters;
        let count = train_count.get()?;
        let batch = run.batch.unwrap_or(preset.batch).clamp(1, count.max(1));
        let steps_per_epoch = u64::from(count.div_ceil(batch).max(1));
        let of_epochs = run
            .epochs
            .map(|epochs| epochs.saturating_mul(steps_per_epoch));
        let asked = [run.steps, of_epochs].into_iter().flatten().min();
        let steps = asked.unwrap_or(u64::from(preset.epochs) * steps_per_epoch);
        let base = run.learning_rate.unwrap_or(preset.learning_rate);
        let schedule = Schedule::new(&options, steps_per_epoch, steps);
        Some(RateCurve::new(&schedule, base.into(), steps))
    });
    let words = move || {
        let settings = &texts.get().settings;
        curve.with(|curve| match curve {
            None => settings.preview_waiting.to_string(),
            Some(curve) => {
                let number = |value| format::significant(value, 3);
                let (first, most, last) =
                    (number(curve.first), number(curve.most), number(curve.last));
                (settings.preview)(&first, &most, &last, &format::count(curve.steps))
            }
        })
    };
    let points = move || curve.with(|curve| curve.as_ref().map(|c| c.points.clone()));
    let mark = move || {
        let steps = curve.with(|curve| curve.as_ref().map(|curve| curve.steps))?;
        let step = step.get();
        (step > 0).then(|| format!("{:.1}", RateCurve::x(step, steps)))
    };
    let view_box = format!("0 0 {WIDTH} {HEIGHT}");
    view! {
        <figure class="rate-preview" data-testid="schedule-preview">
            <svg viewBox=view_box role="img" aria-label=words preserveAspectRatio="none">
                {move || points().map(|points| view! {
                    <polyline class="rate-curve" points=points></polyline>
                })}
                {move || mark().map(|x| view! {
                    <line class="rate-mark" x1=x.clone() x2=x y1="0" y2=HEIGHT.to_string()></line>
                })}
            </svg>
            <figcaption class="field-hint">{words}</figcaption>
        </figure>
    }
}
