//! Which classes are taken for which.

use leptos::prelude::*;

use super::pixel_image::PixelImage;
use crate::session::Command;
use crate::view::format;
use crate::view::samples::class_names;
use crate::web::address::{use_locale, use_texts};
use crate::web::engine::use_engine;

/// Most pictures of a cell that are shown.
const MOST_SHOWN: u32 = 30;

/// The confusion matrix of the last evaluation; a cell shows its pictures when it is pressed.
#[component]
pub fn ConfusionPanel() -> impl IntoView {
    let texts = use_texts();
    let engine = use_engine();
    let step = engine.part(|run| run.evaluated.as_ref().map(|evaluated| evaluated.step));
    let classes = engine.part(|run| {
        let evaluated = run.evaluated.as_ref();
        evaluated.map_or(0, |evaluated| evaluated.evaluation.confusion.len())
    });
    let after = move || Some((texts.get().confusion.after)(&format::count(step.get()?)));
    let chosen = RwSignal::new(None::<(u32, u32)>);
    let run = engine.part(|run| run.id());
    Effect::new(move |before: Option<_>| {
        let run = run.get();
        if before.is_some_and(|before| before != run) {
            chosen.set(None);
        }
        run
    });
    // Asked for again after every evaluation.
    Effect::new(move |_| {
        let (chosen, step) = (chosen.get(), step.get());
        if let (Some((actual, predicted)), Some(_)) = (chosen, step) {
            engine.command(|run| Command::ShowCell {
                run,
                actual,
                predicted,
                most: MOST_SHOWN,
            });
        }
    });
    view! {
        <section class="panel" data-testid="confusion">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().confusion.title}</h2>
                <span class="panel-note numeric">{after}</span>
            </div>
            {move || match classes.get() {
                0 => view! {
                    <p class="panel-note">{move || texts.get().confusion.waiting}</p>
                }
                .into_any(),
                classes => view! { <Matrix classes chosen/> }.into_any(),
            }}
            <CellPictures chosen/>
        </section>
    }
}

/// One cell per pair of classes; its depth is the share of the row.
#[component]
fn Matrix(
    /// How many.
    classes: usize,
    /// (true, predicted) of the cell whose pictures are shown.
    chosen: RwSignal<Option<(u32, u32)>>,
) -> impl IntoView {
    let texts = use_texts();
    let engine = use_engine();
    let has_images = engine.part(|run| run.has_images());
    let name = class_name();
    // Columns are narrow: numbers, with the names in the rows and in what is said of a cell.
    let head = (0..classes)
        .map(|class| {
            view! {
                <th scope="col" class="numeric" title=move || name.run(class)>
                    {class}
                </th>
            }
        })
        .collect_view();
    let row = move |actual: usize| {
        let counts = engine.part(move |run| {
            let evaluated = run.evaluated.as_ref();
            let row = evaluated.and_then(|e| e.evaluation.confusion.get(actual).cloned());
            row.unwrap_or_default()
        });
        let cells = (0..classes)
            .map(|predicted| view! { <Cell cell=(actual, predicted) counts chosen has_images/> })
            .collect_view();
        let recall = engine.part(move |run| {
            let evaluated = run.evaluated.as_ref()?;
            evaluated.evaluation.recall.get(actual).copied().flatten()
        });
        let recall = move || match recall.get() {
            Some(recall) => format::percent(recall.into(), 0),
            None => format::NO_VALUE.to_string(),
        };
        view! {
            <tr>
                <th scope="row" class="confusion-name" title=move || name.run(actual)>
                    {move || {
                        let name = name.run(actual);
                        if name == actual.to_string() { name } else { format!("{actual} {name}") }
                    }}
                </th>
                {cells}
                <td class="numeric muted">{recall}</td>
            </tr>
        }
    };
    view! {
        <div class="panel-body">
            <div class="table-scroll" tabindex="0">
                <table class="confusion-table">
                    <thead>
                        <tr>
                            <th scope="col">
                                <span class="visually-hidden">
                                    {move || texts.get().confusion.actual}
                                </span>
                            </th>
                            {head}
                            <th
                                scope="col"
                                class="numeric"
                                title=move || texts.get().confusion.recall_hint
                            >
                                {move || texts.get().confusion.recall}
                            </th>
                        </tr>
                    </thead>
                    <tbody>{(0..classes).map(row).collect_view()}</tbody>
                </table>
            </div>
            <p class="panel-note">
                {move || texts.get().confusion.hint}
                <Show when=move || has_images.get()>
                    " "
                    {move || texts.get().data.cell_show}
                </Show>
            </p>
        </div>
    }
}

/// The name of a class, in the language of the page.
fn class_name() -> Callback<usize, String> {
    let engine = use_engine();
    let locale = use_locale();
    let known = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let names = Memo::new(move |_| class_names(&known.get().unwrap_or_default(), locale.get()));
    Callback::new(move |class: usize| {
        let name = names.with(|names| names.get(class).cloned());
        name.unwrap_or_else(|| class.to_string())
    })
}

/// One count; with pictures a button that shows them.
#[component]
fn Cell(
    /// (true, predicted) class.
    cell: (usize, usize),
    /// The counts of the row.
    counts: Memo<Vec<u32>>,
    /// The cell whose pictures are shown.
    chosen: RwSignal<Option<(u32, u32)>>,
    /// Whether there are pictures to show.
    has_images: Memo<bool>,
) -> impl IntoView {
    let texts = use_texts();
    let name = class_name();
    let (actual, predicted) = cell;
    let count = Memo::new(move |_| counts.with(|row| row.get(predicted).copied().unwrap_or(0)));
    let strength = move || {
        let total = counts.with(|row| row.iter().sum::<u32>()).max(1);
        (f64::from(count.get()) / f64::from(total)).to_string()
    };
    let said = move || {
        let cell = texts.get().confusion.cell;
        cell(count.get(), &name.run(actual), &name.run(predicted))
    };
    let place = (actual as u32, predicted as u32);
    let is_chosen = move || chosen.get() == Some(place);
    let press = move |_| {
        chosen.update(|chosen| *chosen = (*chosen != Some(place)).then_some(place));
    };
    let can_show = Memo::new(move |_| has_images.get() && (count.get() > 0 || is_chosen()));
    view! {
        <td
            class="value-cell numeric"
            class:is-diagonal=actual == predicted
            class:is-off-diagonal=actual != predicted
            class:is-zero=move || count.get() == 0
            style=("--strength", strength)
            title=said
        >
            <Show when=move || can_show.get() fallback=move || view! { {move || count.get()} }>
                <button
                    type="button"
                    class="cell-button"
                    aria-label=said
                    aria-pressed=move || if is_chosen() { "true" } else { "false" }
                    data-testid=format!("cell-{actual}-{predicted}")
                    on:click=press
                >
                    {move || count.get()}
                </button>
            </Show>
        </td>
    }
}

/// The pictures of the chosen cell.
#[component]
fn CellPictures(
    /// (true, predicted) of the cell whose pictures are shown.
    chosen: RwSignal<Option<(u32, u32)>>,
) -> impl IntoView {
    let texts = use_texts();
    let engine = use_engine();
    let name = class_name();
    let cell = engine.part(|run| run.cell.clone());
    // What came for a cell that was chosen before is not shown any more.
    let shown = Memo::new(move |_| {
        let cell = cell.get()?;
        (chosen.get() == Some(cell.cell)).then_some(cell)
    });
    let names = move || {
        let (actual, predicted) = shown.get()?.cell;
        Some((name.run(actual as usize), name.run(predicted as usize)))
    };
    let title = move || {
        let count = shown.get()?.count as usize;
        let (actual, predicted) = names()?;
        Some((texts.get().data.cell_samples)(count, &actual, &predicted))
    };
    let said = Signal::derive(move || {
        let (actual, predicted) = names().unwrap_or_default();
        let data = &texts.get().data;
        if actual == predicted {
            (data.describe_right)(&actual)
        } else {
            (data.describe_wrong)(&actual, &predicted)
        }
    });
    let pictures = move || {
        let cell = shown.get()?;
        let pictures = (0..cell.samples.labels.len()).map(|index| {
            let pixels = cell.samples.image(index).map(<[u8]>::to_vec);
            view! {
                <li class="digit">
                    <PixelImage
                        pixels=Signal::stored(pixels)
                        shape=cell.samples.shape.clone()
                        class="digit-image"
                        label=said
                    />
                </li>
            }
        });
        Some(pictures.collect_view())
    };
    view! {
        <Show when=move || shown.with(Option::is_some)>
            <div class="panel-body" data-testid="cell-pictures">
                <div class="panel-header">
                    <h3 class="field-label" role="status">{title}</h3>
                    <button
                        type="button"
                        class="button button-quiet button-icon"
                        data-testid="cell-close"
                        aria-label=move || texts.get().data.cell_close
                        title=move || texts.get().data.cell_close
                        on:click=move |_| chosen.set(None)
                    >
                        "×"
                    </button>
                </div>
                <ul class="digit-strip">{pictures}</ul>
            </div>
        </Show>
    }
}
