//! The compression instrument: train, prune, quantize, distil, and see what every byte saved costs.
//!
//! # Layout
//! - this file: what the page knows, and the order of its parts.
//! - `controls`: what is asked for; `result`: what came of it; `file`: saving and opening; `exercise`: X15.

mod controls;
mod exercise;
mod file;
mod result;

use leptos::prelude::*;

use super::engine::{LabEngine, use_lab_engine};
use crate::lab::compress::{BaseFacts, Command, CompressError, Event, Loaded, Sized, Stage, Try};
use crate::lab::{LabCommand, LabEvent};
use crate::view::lab::compress::{FieldProblem, Form};
use crate::view::texts::Locale;
use crate::view::texts::lab::compress::{explain, stage_name, texts};
use crate::web::address::{Address, use_address, use_locale};

/// Stage, done, all, and the loss.
type Progress = (Stage, u64, u64, Option<f32>);

/// What the page knows of the instrument.
#[derive(Clone, Copy)]
struct Bench {
    engine: LabEngine,
    address: Address,
    form: Memo<Form>,
    base: RwSignal<Option<BaseFacts>>,
    tries: RwSignal<Vec<Try>>,
    /// Place in the list of the try that is shown.
    shown: RwSignal<usize>,
    is_busy: RwSignal<bool>,
    progress: RwSignal<Option<Progress>>,
    /// Why the last request was not carried out.
    refused: RwSignal<Option<CompressError>>,
    loaded: RwSignal<Option<Loaded>>,
    sizes: RwSignal<Vec<Sized>>,
    /// Name of the file that was offered last.
    saved: RwSignal<Option<String>>,
}

impl Bench {
    fn provide() -> Self {
        let address = use_address();
        let form = Memo::new(move |_| address.state.with(|state| Form::read(&state.settings)));
        Self {
            engine: use_lab_engine(),
            address,
            form,
            base: RwSignal::default(),
            tries: RwSignal::default(),
            shown: RwSignal::default(),
            is_busy: RwSignal::default(),
            progress: RwSignal::default(),
            refused: RwSignal::default(),
            loaded: RwSignal::default(),
            sizes: RwSignal::default(),
            saved: RwSignal::default(),
        }
    }

    fn seed(self) -> u64 {
        let state = self.address.state;
        state.with_untracked(|state| state.seed).unwrap_or(1)
    }

    /// Asks the engine for something that takes a while.
    fn begin(self, command: Command) {
        self.refused.set(None);
        self.is_busy.set(true);
        self.engine.send(&LabCommand::Compress(command));
    }

    /// Begins what a form describes, or leaves it to the field to say what is wrong.
    fn begin_if<T>(self, asked: Result<T, FieldProblem>, command: impl FnOnce(T) -> Command) {
        if let Ok(asked) = asked {
            self.begin(command(asked));
        }
    }

    /// The try that is shown.
    fn shown_try(self) -> Option<Try> {
        self.tries
            .with(|tries| tries.get(self.shown.get()).cloned())
    }

    fn rest(self) {
        self.is_busy.set(false);
        self.progress.set(None);
    }

    fn hear(self, event: &LabEvent) {
        match event {
            LabEvent::Compress(event) => self.hear_compress(event),
            LabEvent::Failed { .. } | LabEvent::FileMissing { .. } | LabEvent::Stopped => {
                self.rest();
            }
            _ => {}
        }
    }

    fn hear_compress(self, event: &Event) {
        match event {
            &Event::Progress {
                stage,
                done,
                total,
                loss,
            } => {
                self.is_busy.set(true);
                self.progress.set(Some((stage, done, total, loss)));
            }
            Event::Base(base) => {
                self.base.set(Some(base.clone()));
                self.tries.set(Vec::new());
                self.loaded.set(None);
            }
            Event::Tried(tried) => {
                self.rest();
                self.tries.update(|tries| tries.push((**tried).clone()));
                self.shown.set(tried.number as usize);
            }
            Event::Saved { number, bytes } => self.offer(*number, bytes),
            Event::Loaded(loaded) => {
                self.rest();
                self.loaded.set(Some(loaded.clone()));
            }
            Event::Sized(sized) => {
                self.sizes.update(|sizes| sizes.push(*sized));
                if sized.is_last {
                    self.rest();
                }
            }
            Event::Cancelled => self.rest(),
            Event::Cleared => {
                self.tries.update(|tries| tries.truncate(1));
                self.shown.set(0);
            }
            Event::Refused(error) => {
                if *error != CompressError::Busy {
                    self.rest();
                }
                self.refused.set(Some(error.clone()));
            }
        }
    }
}

/// The whole instrument.
pub fn instrument() -> AnyView {
    let bench = Bench::provide();
    bench.engine.listen(move |event| bench.hear(event));
    // What was trained before the reader went to another page is still there.
    bench.engine.send(&LabCommand::Compress(Command::Recall));
    view! {
        <div class="lab-bench">
            <div class="stack">
                {controls::training(bench)}
                {controls::compression(bench)}
            </div>
            <div class="stack">
                {status(bench)}
                {result::summary(bench)}
                {file::panel(bench)}
            </div>
            {result::details(bench)}
            {exercise::panel(bench)}
            {explanations()}
        </div>
    }
    .into_any()
}

/// What is under way, and why the last request was refused.
fn status(bench: Bench) -> AnyView {
    let locale = use_locale();
    let progress = move || {
        let (stage, done, total, loss) = bench.progress.get()?;
        let locale = locale.get();
        let text = texts(locale);
        let counted = (text.progress)(&done.to_string(), &total.to_string());
        let comma = match locale {
            Locale::English => ", ",
            Locale::Chinese => "，",
        };
        let loss = loss.map(|loss| format!("{comma}L = {loss:.3}"));
        Some(format!(
            "{}{}{counted}{}",
            (text.stage)(stage_name(stage)),
            locale.colon(),
            loss.unwrap_or_default()
        ))
    };
    let share = move || {
        let (_, done, total, _) = bench
            .progress
            .get()
            .unwrap_or((Stage::Training, 0, 1, None));
        (done as f64 / total.max(1) as f64).to_string()
    };
    let refused = move || {
        let error = bench.refused.get()?;
        let locale = locale.get();
        Some(view! {
            <div class="banner is-error" role="alert" data-testid="compress-refused">
                <p class="banner-title">{texts(locale).refused}</p>
                <p class="banner-text">{explain(&error, locale)}</p>
            </div>
        })
    };
    view! {
        <div class="compress-status">
            <div class="compress-progress" hidden=move || !bench.is_busy.get()>
                <p class="status-line" data-testid="compress-progress">{progress}</p>
                <progress max="1" value=share aria-label=move || texts(locale.get()).result_title></progress>
                <button
                    type="button"
                    class="button"
                    data-testid="compress-cancel"
                    on:click=move |_| bench.engine.send(&LabCommand::Compress(Command::Cancel))
                >
                    {move || texts(locale.get()).cancel}
                </button>
            </div>
            {refused}
        </div>
    }
    .into_any()
}

fn explanations() -> AnyView {
    let locale = use_locale();
    let parts = move || {
        let text = texts(locale.get());
        let parts = [
            text.explain_prune,
            text.explain_quantize,
            text.explain_tune,
            text.explain_distil,
            text.explain_budget,
            text.explain_cost,
            text.explain_size,
        ];
        parts.map(|part| view! { <p>{part}</p> }).collect_view()
    };
    view! {
        <section class="panel prose lab-wide lab-columns">
            <h2 class="panel-title">{move || texts(locale.get()).explain_title}</h2>
            {parts}
        </section>
    }
    .into_any()
}
