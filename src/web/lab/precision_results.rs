//! What a comparison of precisions tells: curves, table, scale, gradients, kernels.

use leptos::prelude::*;

use super::field::choice_field;
use crate::lab::precision::{Fates, KernelFigures, PrecisionMode};
use crate::view::format;
use crate::view::lab::precision::{Form, Told, histogram_svg};
use crate::view::texts::Locale;
use crate::view::texts::lab::precision::{PrecisionTexts, texts};
use crate::web::address::use_locale;

/// The losses, live.
pub fn curves(told: RwSignal<Told>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let drawing = move || {
        let t = t();
        told.with(|told| told.loss_drawing(t.loss_label, [t.step, t.loss]))
    };
    let status = move || told.with(|told| told.is_running).then(|| t().running);
    let place = Memo::new(move |_| told.with(|told| told.place.clone()));
    let place = move || place.get().map(|place| t().place(&place));
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{move || t().curves}</h2>
            <div data-testid="precision-curves" inner_html=drawing></div>
            <p class="panel-note" role="status" data-testid="precision-status">{status}</p>
            <p data-testid="precision-place">{place}</p>
            <p class="panel-note">{move || t().curves_note}</p>
        </section>
    }
    .into_any()
}

/// Accuracy, loss and bytes of each mode.
pub fn table(told: RwSignal<Told>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let is_real = Memo::new(move |_| told.with(Told::is_real));
    // Columns that the emulation has nothing for.
    let further = move || {
        let t = t();
        is_real.get().then(|| {
            view! {
                <th scope="col" class="numeric">{t.scratch_of}</th>
                <th scope="col" class="numeric">{t.step_time}</th>
                <th scope="col" class="numeric">{t.step_speed}</th>
            }
        })
    };
    let notes = move || {
        let t = t();
        match is_real.get() {
            false => view! { <p class="panel-note">{t.bytes_note}</p> }.into_any(),
            true => view! {
                <p class="panel-note">{t.real_bytes_note}</p>
                <p class="panel-note">{t.times_note}</p>
            }
            .into_any(),
        }
    };
    let rows = move || {
        let locale = locale.get();
        told.with(|told| {
            let config = told.config.as_ref();
            let modes: &[PrecisionMode] = config.map_or(&PrecisionMode::ALL, |c| &c.modes);
            let modes = modes.iter().enumerate();
            modes
                .map(|(at, &mode)| mode_row(told, at, mode, locale))
                .collect_view()
        })
    };
    view! {
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{move || t().results}</h2>
            <div class="lab-scroll" tabindex="0" role="region" aria-label=move || t().results>
                <table class="lab-table">
                    <thead>
                        <tr>
                            <th scope="col">{move || t().mode}</th>
                            <th scope="col" class="numeric">{move || t().step}</th>
                            <th scope="col" class="numeric">{move || t().last_loss}</th>
                            <th scope="col" class="numeric">{move || t().accuracy}</th>
                            <th scope="col" class="numeric">{move || t().bytes}</th>
                            <th scope="col" class="numeric">{move || t().weights_of}</th>
                            <th scope="col" class="numeric">{move || t().activations_of}</th>
                            {further}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {notes}
        </section>
    }
    .into_any()
}

fn mode_row(told: &Told, at: usize, mode: PrecisionMode, locale: Locale) -> AnyView {
    let t = texts(locale);
    let name = mode.name();
    let last = told.of(mode).last();
    let step = last.map(|record| record.step.to_string());
    let loss = last.map(|record| format::significant(record.loss.into(), 4));
    let accuracy = told.result(mode).map(|result| f64::from(result.accuracy));
    // The bare number; in words where there is none yet.
    let accuracy = accuracy.map_or_else(|| t.not_yet.to_string(), format::bare);
    let memory = told.memory.get(at);
    let bytes = |count: Option<u64>| count.map(format::bytes);
    let lasting = memory.map(|parts| parts.total() - parts.activations - parts.scratch);
    let further = told.is_real().then(|| {
        let millis = |millis: f64| format::short_duration(1e3 * millis, locale);
        let time = told.time(mode);
        let span = time.map(|(time, _)| {
            let ends = [time.fastest_millis, time.slowest_millis].map(millis);
            view! { <br/><span class="muted">{ends.join(" – ")}</span> }
        });
        let median = time.map(|(time, _)| millis(time.median_millis));
        let speed = time.and_then(|(_, speed)| speed);
        view! {
            <td class="numeric">{bytes(memory.map(|parts| parts.scratch))}</td>
            <td class="numeric" data-testid=format!("precision-time-{name}")>
                {median.unwrap_or_else(|| t.not_yet.into())}
                {span}
            </td>
            <td class="numeric">{speed.map(|speed| format!("{} ×", format::fixed(speed, 2)))}</td>
        }
    });
    let ended = told.diverged.iter().find(|(of, _)| *of == mode);
    let ended = ended.map(|&(_, step)| {
        view! {
            <br/>
            <span class="muted" data-testid=format!("precision-diverged-{name}")>{(t.diverged)(step)}</span>
        }
    });
    view! {
        <tr>
            <th scope="row">{t.mode_name(mode)}{ended}</th>
            <td class="numeric" data-testid=format!("precision-step-{name}")>{step}</td>
            <td class="numeric" data-testid=format!("precision-loss-{name}")>{loss}</td>
            <td class="numeric" data-testid=format!("precision-accuracy-{name}")>{accuracy}</td>
            <td class="numeric">{bytes(memory.map(|parts| parts.total()))}</td>
            <td class="numeric">{bytes(lasting)}</td>
            <td class="numeric">{bytes(memory.map(|parts| parts.activations))}</td>
            {further}
        </tr>
    }
    .into_any()
}

/// How the scale went.
pub fn scale_log(told: RwSignal<Told>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let drawing = move || {
        let t = t();
        told.with(|told| told.scale_drawing(t.scale_label, [t.step, t.scale_axis]))
    };
    let scale = move || {
        told.with(Told::scale)
            .map(|scale| format::bare(scale.into()))
    };
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{move || t().scale_log}</h2>
            <dl class="precision-figures">
                <div>
                    <dt>{move || t().scale_now}</dt>
                    <dd data-testid="precision-scale">{move || scale().unwrap_or_else(|| t().not_yet.into())}</dd>
                </div>
                <div>
                    <dt>{move || t().skipped}</dt>
                    <dd data-testid="precision-skipped">{move || told.with(Told::skipped).to_string()}</dd>
                </div>
            </dl>
            <div data-testid="precision-scale-log" inner_html=drawing></div>
            <p class="panel-note">{move || t().scale_log_note}</p>
        </section>
    }
    .into_any()
}

/// Exponents of the gradients, without and with the scale.
pub fn gradients(told: RwSignal<Told>, form: Memo<Form>) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let layer = Memo::new(move |_| form.with(|form| form.layer.clone()));
    // Steps come many times a second; what is drawn here changes seldom.
    let names = Memo::new(move |_| {
        told.with(|told| {
            let layers = told.gradients.iter().flat_map(|(_, _, layers)| layers);
            layers.map(|layer| layer.name.clone()).collect::<Vec<_>>()
        })
    });
    let drawn = Memo::new(move |_| {
        told.with(|told| {
            let (step, scale, _) = told.gradients.as_ref()?;
            let (bins, fates) = told.gradients_of(&layer.get())?;
            Some((*step, *scale, bins, fates))
        })
    });
    let layers = Signal::derive(move || {
        let all = (String::new(), t().all_layers.to_string());
        let known = names.get().into_iter().map(|name| (name.clone(), name));
        std::iter::once(all).chain(known).collect()
    });
    let content = move || {
        let t = t();
        let Some((step, scale, bins, fates)) = drawn.get() else {
            return view! { <p class="panel-note">{t.not_yet}</p> }.into_any();
        };
        let shown = format::significant(scale.into(), 6);
        let with_scale = (t.with_scale)(&shown);
        let plain = histogram_svg(&bins, 0.0, t.without_scale, t.histogram_axis);
        let scaled = histogram_svg(
            &bins,
            libm::log2(scale.into()),
            &with_scale,
            t.histogram_axis,
        );
        view! {
            <p class="panel-note">{(t.gradients_at)(step + 1)}</p>
            <div class="precision-pair">
                <div>
                    <h3 class="field-label">{t.without_scale}</h3>
                    <div data-testid="precision-histogram" inner_html=plain></div>
                </div>
                <div>
                    <h3 class="field-label">{with_scale}</h3>
                    <div inner_html=scaled></div>
                </div>
            </div>
            {fate_table(&fates, t)}
        }
        .into_any()
    };
    view! {
        <section class="panel stack lab-wide">
            <h2 class="panel-title">{move || t().gradients}</h2>
            {choice_field(
                "layer",
                Signal::derive(move || t().layer.to_string()),
                Signal::derive(move || layer.get()),
                layers,
            )}
            {content}
            <p class="panel-note">{move || t().gradients_note}</p>
        </section>
    }
    .into_any()
}

/// How many meet one fate.
type Count = fn(&Fates) -> u32;

fn fate_table(fates: &[Fates; 2], t: &PrecisionTexts) -> AnyView {
    let rows: [(&str, &str, Count); 5] = [
        (t.zero, "zero", |fates| fates.zero),
        (t.underflow, "underflow", |fates| fates.underflow),
        (t.subnormal, "subnormal", |fates| fates.subnormal),
        (t.normal, "normal", |fates| fates.normal),
        (t.overflow, "overflow", |fates| fates.overflow),
    ];
    let rows = rows.map(|(name, id, count)| {
        let [plain, scaled] = [0, 1].map(|at| count(&fates[at]));
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="numeric" data-testid=format!("fate-{id}-plain") data-value=plain>{format::count(plain.into())}</td>
                <td class="numeric" data-testid=format!("fate-{id}-scaled") data-value=scaled>{format::count(scaled.into())}</td>
            </tr>
        }
    });
    view! {
        <table class="lab-table">
            <thead>
                <tr>
                    <th scope="col">{t.became}</th>
                    <th scope="col" class="numeric">{t.plain}</th>
                    <th scope="col" class="numeric">{t.times_scale}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// What the device's float16 kernels were measured to do; nothing where it has none.
pub fn kernels(told: RwSignal<Told>) -> AnyView {
    let locale = use_locale();
    let report = Memo::new(move |_| told.with(|told| told.kernels.clone()));
    let content = move || {
        let locale = locale.get();
        let t = texts(locale);
        let report = report.get()?;
        let adapter = (!report.adapter.is_empty()).then(|| (t.adapter)(&report.adapter));
        let failure = report
            .failure
            .as_deref()
            .map(|message| (t.failure)(message));
        let lacking = (!report.has_f16 && failure.is_none()).then(|| t.lacking.to_string());
        let software = (report.is_software && report.has_f16).then_some(t.software);
        let rows = report
            .figures
            .iter()
            .map(|figures| kernel_row(figures, locale));
        let table = (!report.figures.is_empty()).then(|| {
            view! {
                <div class="lab-scroll" tabindex="0" role="region" aria-label=t.kernel>
                    <table class="lab-table">
                        <thead>
                            <tr>
                                <th scope="col">{t.kernel}</th>
                                <th scope="col">{t.sizes}</th>
                                <th scope="col">{t.float32_time}</th>
                                <th scope="col">{t.float16_time}</th>
                                <th scope="col">{t.ratio}</th>
                                <th scope="col">{t.memory_ratio}</th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            }
        });
        Some(view! {
            <div class="stack" data-testid="precision-kernels">
                <p>{adapter}</p>
                {failure.or(lacking).map(|text| view! { <p>{text}</p> })}
                {software.map(|text| view! { <p class="panel-note">{text}</p> })}
                {report.is_stopped.then(|| view! { <p class="panel-note">{t.stopped}</p> })}
                {table}
            </div>
        })
    };
    view! { {content} }.into_any()
}

fn kernel_row(figures: &KernelFigures, locale: Locale) -> AnyView {
    let time = |millis: f64| format::short_duration(1e3 * millis, locale);
    let speed = figures.float32_millis / figures.float16_millis;
    let bytes = [figures.float32_bytes, figures.float16_bytes].map(format::bytes);
    view! {
        <tr>
            <th scope="row">{figures.kernel.clone()}</th>
            <td>{figures.sizes.clone()}</td>
            <td class="numeric">{time(figures.float32_millis)}</td>
            <td class="numeric">{time(figures.float16_millis)}</td>
            <td class="numeric">{format::fixed(speed, 2)}" ×"</td>
            <td class="numeric">{bytes.join(" / ")}</td>
        </tr>
    }
    .into_any()
}
