//! The held-out part of a series: truth, forecasts one step ahead, and a free run, live while the network learns.

use leptos::prelude::*;

use super::curve_panel::follow_width;
use crate::plot::{ForecastLines, forecast_svg};
use crate::session::Command;
use crate::view::format;
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// Numbers of a free run.
const FREE_RUN: u32 = 100;

/// How many times smaller than that of repeating the last number an error is to be called tiny.
const TINY: f32 = 10.0;

/// The drawing, its legend, and the errors beside those of repeating the last number.
#[component]
pub fn ForecastPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let run = engine.part(|run| run.id().filter(|_| !run.is_starting()));
    Effect::new(move |_| {
        if run.get().is_some() {
            let free_run = FREE_RUN;
            engine.command(|run| Command::WatchForecast { run, free_run });
        }
    });
    let told = engine.part(|run| run.forecast.clone());
    let frame = NodeRef::<leptos::html::Div>::new();
    let width = follow_width(frame);
    let drawing = move || {
        let told = told.get()?;
        let forecast = &told.forecast;
        let label = (texts.get().series.label)(
            forecast.truth.len(),
            forecast.free_run.len(),
            &format::count(told.step),
        );
        let width = width.get();
        let lines = ForecastLines {
            before: &forecast.before,
            truth: &forecast.truth,
            one_step: &forecast.one_step,
            free_run: &forecast.free_run,
        };
        let height = if width < 500 { 220 } else { 280 };
        Some(forecast_svg(&lines, (width, height), &label))
    };
    let after = move || match told.get() {
        Some(told) => (texts.get().confusion.after)(&format::count(told.step)),
        None => texts.get().series.forecast_waiting.to_string(),
    };
    let legend = [
        ("forecast-truth", "M1 7H29"),
        ("forecast-step", ""),
        ("forecast-free", "M1 7H29"),
        ("forecast-start", "M15 1V13"),
    ];
    let legend = move || {
        let series = &texts.get().series;
        let names = [
            series.legend_truth,
            series.legend_one_step,
            series.legend_free_run,
            series.legend_start,
        ];
        let mut html = String::new();
        for ((class, path), name) in legend.iter().zip(names) {
            let shape = match *path {
                "" => "<circle cx=\"9\" cy=\"7\" r=\"2.5\"/><circle cx=\"21\" cy=\"7\" r=\"2.5\"/>",
                path => &format!("<path d=\"{path}\"/>"),
            };
            html += &format!(
                "<li><svg class=\"forecast\" width=\"30\" height=\"14\" aria-hidden=\"true\"><g class=\"{class}\">{shape}</g></svg>{name}</li>"
            );
        }
        html
    };
    let errors = move || {
        let told = told.get();
        let number = |value: Option<f32>| match value {
            Some(value) => format::significant(value.into(), 3),
            None => format::NO_VALUE.to_string(),
        };
        let series = &texts.get().series;
        let forecast = told.as_ref().map(|told| &told.forecast);
        let steps = forecast.map_or(FREE_RUN as usize, |forecast| forecast.free_run.len());
        let rows = [
            (
                series.row_one_step.to_string(),
                "one-step",
                forecast.map(|f| f.one_step_mse),
                forecast.map(|f| f.repeat_mse),
            ),
            (
                (series.row_free_run)(steps),
                "free-run",
                forecast.map(|f| f.free_run_mse),
                forecast.map(|f| f.repeat_free_run_mse),
            ),
        ];
        let rows = rows.into_iter().map(|(name, id, network, repeat)| {
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    <td class="numeric" data-testid=format!("{id}-mse")>{number(network)}</td>
                    <td class="numeric" data-testid=format!("{id}-repeat")>{number(repeat)}</td>
                </tr>
            }
        });
        rows.collect_view()
    };
    let conclusion = move || {
        let told = told.get()?;
        let (series, forecast) = (&texts.get().series, &told.forecast);
        let better = forecast.repeat_mse / forecast.one_step_mse;
        let worse = forecast.free_run_mse / forecast.one_step_mse;
        if !(better > 1.0 && worse.is_finite()) {
            return Some(series.not_yet.to_string());
        }
        let ratio = |value: f32| format::significant(value.into(), 2);
        let numbers = (series.numbers)(&ratio(better), forecast.free_run.len(), &ratio(worse));
        Some(match better >= TINY && worse > 1.0 {
            true => format!("{} {numbers}", series.conclusion),
            false => numbers,
        })
    };
    let floor = move || {
        let variance = told.get()?.forecast.noise_variance?;
        let variance = (variance > 0.0).then(|| format::significant(variance.into(), 3))?;
        Some((texts.get().series.floor)(&variance))
    };
    view! {
        <section class="panel" data-testid="forecast">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().series.forecast_title}</h2>
                <span class="panel-note numeric" data-testid="forecast-step">{after}</span>
            </div>
            <div class="panel-body">
                <div
                    class="forecast-frame"
                    data-testid="forecast-drawing"
                    node_ref=frame
                    inner_html=drawing
                ></div>
                <ul class="forecast-legend" inner_html=legend></ul>
                <p data-testid="forecast-conclusion">{conclusion}</p>
                <div class="table-scroll" tabindex="0">
                    <table class="confusion-table forecast-errors">
                        <thead>
                            <tr>
                                <th scope="col">{move || texts.get().series.head_forecast}</th>
                                <th scope="col" class="numeric">
                                    {move || texts.get().series.head_network}
                                </th>
                                <th scope="col" class="numeric">
                                    {move || texts.get().series.head_repeat}
                                </th>
                            </tr>
                        </thead>
                        <tbody>{errors}</tbody>
                    </table>
                </div>
                {move || floor().map(|floor| view! { <p class="panel-note">{floor}</p> })}
                <p class="panel-note">{move || texts.get().series.axes}</p>
            </div>
        </section>
    }
}
