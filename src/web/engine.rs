//! The engine as the page's components see it: signals down, requests up.

use std::time::Duration;

use leptos::prelude::*;

use super::BUILD_ID;
use super::browser;
use super::client::{Client, EngineClient, FromWorker, Loss, TRAINING_WORKER};
use crate::session::{Command, Event, Inspection, Kept, RunConfig, RunId};
use crate::view::microscope::state::MicroscopeState;
use crate::view::notices::{Notices, Origin};
use crate::view::run_state::{Consequence, EngineLink, Phase, RunState};
use crate::view::texts::Trouble;

/// What became of a file, for the line below the buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileNote {
    Saved(String),
    Loaded(String),
}

/// Between two times that the page follows frequent events lie at least so many milliseconds, at least
/// [`LEISURE`] times as many as the last one took, and at most [`MOST_PAUSE`].
const LEAST_PAUSE: f64 = 30.0;
const MOST_PAUSE: f64 = 1_000.0;
const LEISURE: f64 = 2.0;

/// Whether an event is one of many while training, after which nothing but the picture of the run changes.
fn is_frequent(event: &Event) -> bool {
    matches!(
        event,
        Event::Steps { .. }
            | Event::Evaluated { .. }
            | Event::Kept { .. }
            | Event::SamplePredictions { .. }
            | Event::Prediction { .. }
            | Event::Boundary { .. }
            | Event::Forecast { .. }
            | Event::CellSamples { .. }
            | Event::LaneDone { .. }
            | Event::Generated { .. }
            | Event::Attention { .. }
    )
}

/// The one engine of the page. A context; lives as long as the page.
#[derive(Clone, Copy)]
pub struct Engine {
    client: StoredValue<Option<EngineClient>, LocalStorage>,
    link: RwSignal<EngineLink>,
    run: RwSignal<RunState>,
    notices: RwSignal<Notices>,
    file_note: RwSignal<Option<FileNote>>,
    microscope: RwSignal<MicroscopeState>,
    /// Name of the file that is being loaded.
    file_name: StoredValue<String>,
    /// The learner's table as it was given, so that another column can be chosen: the one that is learned from, and
    /// one that is being read.
    table_file: StoredValue<Option<(String, Vec<u8>)>>,
    new_table_file: StoredValue<Option<(String, Vec<u8>)>>,
    /// The learner's series, likewise.
    series_file: StoredValue<Option<(String, Vec<u8>)>>,
    new_series_file: StoredValue<Option<(String, Vec<u8>)>>,
    /// The learner's text, likewise.
    text_file: StoredValue<Option<(String, Vec<u8>)>>,
    new_text_file: StoredValue<Option<(String, Vec<u8>)>>,
    /// Step of the kept checkpoint that was asked for as a file.
    saved_step: StoredValue<Option<u64>>,
    /// Whether the page is about to follow what the run has told, and before which time it should not again.
    is_notifying: StoredValue<bool>,
    notify_after: StoredValue<f64>,
}

impl Engine {
    /// Starts the engine and makes it a context.
    pub fn provide() -> Self {
        let engine = Self {
            client: StoredValue::new_local(None),
            link: RwSignal::default(),
            run: RwSignal::default(),
            notices: RwSignal::default(),
            file_note: RwSignal::default(),
            microscope: RwSignal::default(),
            file_name: StoredValue::default(),
            table_file: StoredValue::default(),
            new_table_file: StoredValue::default(),
            series_file: StoredValue::default(),
            new_series_file: StoredValue::default(),
            text_file: StoredValue::default(),
            new_text_file: StoredValue::default(),
            saved_step: StoredValue::default(),
            is_notifying: StoredValue::default(),
            notify_after: StoredValue::default(),
        };
        let client = Client::spawn(TRAINING_WORKER, move |message| engine.hear(message));
        engine.client.set_value(Some(client));
        engine.greet();
        provide_context(engine);
        engine
    }

    /// How the page stands with the engine.
    pub fn link(self) -> Signal<EngineLink> {
        self.link.into()
    }

    /// The run that is shown.
    pub fn run(self) -> Signal<RunState> {
        self.run.into()
    }

    /// A part of the run, which changes only when that part does.
    pub fn part<T>(self, select: impl Fn(&RunState) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| self.run.with(&select))
    }

    /// What is going on.
    pub fn phase(self) -> Memo<Phase> {
        Memo::new(move |_| {
            let link = self.link.get();
            self.run.with(|run| run.phase(link))
        })
    }

    /// The batch under the microscope.
    pub fn microscope(self) -> RwSignal<MicroscopeState> {
        self.microscope
    }

    /// Sends a request of the microscope about the run that stands.
    pub fn inspect(self, inspection: Inspection) {
        self.command(|run| Command::Inspect { run, inspection });
    }

    /// The messages that stand on the page.
    pub fn notices(self) -> Signal<Notices> {
        self.notices.into()
    }

    pub fn show(self, origin: Origin, trouble: Trouble) {
        self.notices.update(|notices| notices.show(origin, trouble));
    }

    pub fn dismiss(self, origin: &Origin) {
        self.notices.update(|notices| notices.dismiss(origin));
    }

    /// What became of the last file.
    pub fn file_note(self) -> Signal<Option<FileNote>> {
        self.file_note.into()
    }

    /// Starts a run, which replaces the one that stands.
    pub fn start(self, config: RunConfig) {
        self.dismiss(&Origin::Run);
        self.file_note.set(None);
        let Some(run) = self.run.try_update(|state| state.ask(config.clone())) else {
            return;
        };
        self.send(&Command::Start { run, config });
    }

    /// Asks again for the run that was wanted last.
    pub fn start_again(self) {
        if let Some(config) = self.run.with_untracked(|run| run.wanted().cloned()) {
            self.start(config);
        }
    }

    /// Ends the engine, whatever it does, and starts a new one with the same run.
    pub fn restart(self) {
        self.dismiss(&Origin::Engine);
        self.link.set(EngineLink::Starting);
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.restart();
            }
        });
        self.greet();
        // The new engine knows nothing of the learner's table, series and text.
        let series = self.run.with_untracked(|run| run.own_series.clone());
        if let Some(series) = series {
            self.choose_window(series.window);
        }
        let target = self.run.with_untracked(|run| run.own_table.clone());
        if let (Some(table), Some((name, bytes))) = (target, self.table_file.get_value()) {
            self.provide_table(name, bytes, Some(table.target.clone()));
        }
        if let Some((name, bytes)) = self.text_file.get_value() {
            self.provide_text(name, bytes);
        }
        self.start_again();
    }

    /// Sends a command about the run that stands; does nothing when none does.
    pub fn command(self, command: impl FnOnce(RunId) -> Command) {
        if let Some(run) = self.run.with_untracked(RunState::id) {
            self.send(&command(run));
        }
    }

    /// Starts training, up to `last_step` where one is given, or pauses it.
    pub fn play_or_pause(self, last_step: Option<u64>) {
        let link = self.link.get_untracked();
        let (phase, step) = self.run.with_untracked(|run| (run.phase(link), run.step));
        let left = last_step.map(|last| last.saturating_sub(step));
        match (phase, left) {
            (Phase::Playing, _) => self.command(|run| Command::Pause { run }),
            (Phase::Ready | Phase::Paused, Some(left)) if left > 0 => {
                let count = u32::try_from(left).unwrap_or(u32::MAX);
                self.command(|run| Command::StepBatches { run, count });
            }
            // Who plays on after the end wants more.
            (Phase::Ready | Phase::Paused, _) => self.command(|run| Command::Play { run }),
            _ => {}
        }
    }

    /// Trains one batch.
    pub fn step_batch(self) {
        let link = self.link.get_untracked();
        match self.run.with_untracked(|run| run.phase(link)) {
            Phase::Ready | Phase::Paused | Phase::Playing => {
                self.command(|run| Command::StepBatches { run, count: 1 });
            }
            _ => {}
        }
    }

    /// Goes back to the initial weights; builds the run anew where `wanted` asks for other settings.
    pub fn reset(self, wanted: Option<RunConfig>) {
        let restart = wanted.filter(|config| {
            self.run
                .with_untracked(|run| run.id().is_none() || run.needs_restart_for(config))
        });
        match restart {
            Some(config) => self.start(config),
            None => {
                self.dismiss(&Origin::Run);
                self.command(|run| Command::Reset { run });
                let has_held_out = self.run.with_untracked(|run| {
                    let started = run.started.as_ref();
                    started.is_some_and(|started| started.config.test_count > 0)
                });
                if has_held_out {
                    self.command(|run| Command::Evaluate { run });
                }
            }
        }
    }

    /// Goes back to a checkpoint that the engine has kept.
    pub fn go_back(self, to: Kept) {
        self.file_note.set(None);
        self.command(|run| Command::GoBack { run, to });
    }

    /// Asks for the best checkpoint as a file.
    pub fn save_best(self) {
        let best = self.run.with_untracked(|run| run.kept.1);
        self.saved_step.set_value(best.map(|best| best.step));
        self.command(|run| Command::SaveKept {
            run,
            which: Kept::Best,
        });
    }

    /// Loads weights from a file.
    pub fn load(self, name: String, bytes: Vec<u8>) {
        self.dismiss(&Origin::File);
        self.file_note.set(None);
        self.file_name.set_value(name);
        self.command(|run| Command::Load { run, bytes });
    }

    /// Gives the learner's own table as CSV text; `target` is the column to predict.
    pub fn provide_table(self, name: String, bytes: Vec<u8>, target: Option<String>) {
        self.dismiss(&Origin::File);
        self.new_table_file
            .set_value(Some((name.clone(), bytes.clone())));
        self.send(&Command::ProvideTable {
            name,
            bytes,
            target,
        });
    }

    /// Gives the learner's own series, one number a line; `window` is how many numbers the network reads.
    pub fn provide_series(self, name: String, bytes: Vec<u8>, window: Option<u32>) {
        self.dismiss(&Origin::File);
        self.new_series_file
            .set_value(Some((name.clone(), bytes.clone())));
        self.send(&Command::ProvideSeries {
            name,
            bytes,
            window,
        });
    }

    /// Cuts the learner's series into windows of another length.
    pub fn choose_window(self, window: u32) {
        if let Some((name, bytes)) = self.series_file.get_value() {
            self.provide_series(name, bytes, Some(window));
        }
    }

    /// Gives the learner's own text in UTF-8.
    pub fn provide_text(self, name: String, bytes: Vec<u8>) {
        self.dismiss(&Origin::File);
        self.new_text_file
            .set_value(Some((name.clone(), bytes.clone())));
        self.send(&Command::ProvideText { name, bytes });
    }

    /// Chooses another column of the learner's table to predict.
    pub fn choose_target(self, target: String) {
        if let Some((name, bytes)) = self.table_file.get_value() {
            self.provide_table(name, bytes, Some(target));
        }
    }

    /// Asks for a prediction on an image, where the run takes images; an empty one ends it.
    pub fn predict(self, pixels: Vec<u8>) {
        if pixels.is_empty() {
            self.run.update(RunState::forget_prediction);
        }
        if !self.run.with_untracked(RunState::has_images) {
            return;
        }
        self.command(|run| Command::Predict { run, pixels });
    }

    fn greet(self) {
        self.send(&Command::Hello {
            build_id: BUILD_ID.to_string(),
        });
    }

    fn send(self, command: &Command) {
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.send(command);
            }
        });
    }

    fn hear(self, message: FromWorker<Event>) {
        match message {
            FromWorker::Ready => self.link.set(EngineLink::Ready),
            FromWorker::Event(event) => self.take_in(*event),
            FromWorker::Lost(loss) => {
                self.link.set(EngineLink::Lost);
                self.run.update(RunState::lose_engine);
                self.microscope.update(MicroscopeState::clear);
                self.show(Origin::Engine, trouble_of(loss));
            }
        }
    }

    fn take_in(self, event: Event) {
        if let Event::Inspected { run, report } = event {
            if self.run.with_untracked(RunState::id) == Some(run) {
                self.microscope.update(|state| state.apply(report));
            }
            return;
        }
        if matches!(event, Event::TableRead { .. }) {
            self.table_file.set_value(self.new_table_file.get_value());
        }
        if matches!(event, Event::SeriesRead { .. }) {
            self.series_file.set_value(self.new_series_file.get_value());
        }
        if matches!(event, Event::TextRead { .. }) {
            self.text_file.set_value(self.new_text_file.get_value());
        }
        if is_frequent(&event) {
            // What depends on the run follows at its leisure: of a small table the engine tells of a new evaluation
            // every few milliseconds, and a page that redrew for each would answer nobody any more.
            if let Some(mut run) = self.run.try_write_untracked() {
                run.apply(event);
            }
            self.notify_soon();
            return;
        }
        let consequence = self.run.try_update(|run| run.apply(event)).flatten();
        match consequence {
            None => {}
            Some(Consequence::Began) => {
                self.microscope.update(MicroscopeState::clear);
                self.dismiss(&Origin::Run);
            }
            Some(Consequence::Save(bytes)) => self.save(&bytes),
            Some(Consequence::WentBack) => self.dismiss(&Origin::Run),
            Some(Consequence::Loaded) => {
                self.file_note
                    .set(Some(FileNote::Loaded(self.file_name.get_value())));
            }
            Some(Consequence::Explain(trouble)) => {
                let origin = match trouble {
                    Trouble::BadFile { .. }
                    | Trouble::BadTable { .. }
                    | Trouble::BadText { .. } => Origin::File,
                    _ => Origin::Run,
                };
                // A file that could not be had is told twice: first with the reason, then as missing.
                let is_told = matches!(trouble, Trouble::DataMissing { .. })
                    && self
                        .notices
                        .with_untracked(|notices| notices.tells_of(&origin, &trouble));
                if !is_told {
                    self.show(origin, trouble);
                }
            }
        }
    }

    /// Lets the page follow the run, soon, but so that other work has most of the time.
    fn notify_soon(self) {
        if self.is_notifying.get_value() {
            return;
        }
        self.is_notifying.set_value(true);
        let wait = (self.notify_after.get_value() - browser::now_millis()).clamp(0.0, MOST_PAUSE);
        let notify = move || {
            self.is_notifying.set_value(false);
            let started = browser::now_millis();
            self.run.notify();
            // Effects run before the next task.
            let measure = move || {
                let ended = browser::now_millis();
                let pause = (LEISURE * (ended - started)).max(LEAST_PAUSE);
                self.notify_after.set_value(ended + pause);
            };
            set_timeout(measure, Duration::ZERO);
        };
        set_timeout(notify, Duration::from_millis(wait as u64));
    }

    fn save(self, bytes: &[u8]) {
        let (preset, step) = self.run.with_untracked(|run| {
            let preset = run.wanted().map(|config| config.preset.clone());
            (preset.unwrap_or_default(), run.step)
        });
        let kept = self.saved_step.try_update_value(Option::take).flatten();
        let step = kept.unwrap_or(step);
        let name = format!("{preset}-step-{step}.safetensors");
        match browser::offer_download(&name, bytes) {
            Ok(()) => self.file_note.set(Some(FileNote::Saved(name))),
            Err(error) => self.show(
                Origin::File,
                Trouble::Other {
                    reason: format!("{error:?}").into(),
                },
            ),
        }
    }
}

/// The engine of the page.
pub fn use_engine() -> Engine {
    expect_context()
}

fn trouble_of(loss: Loss) -> Trouble {
    match loss {
        Loss::NotStarted { reason } => Trouble::WorkerNotStarted {
            reason: reason.into(),
        },
        Loss::Crashed { reason } => Trouble::WorkerCrash {
            reason: reason.into(),
        },
        Loss::Unresponsive => Trouble::WorkerSilent,
        Loss::OtherBuild { worker } => Trouble::DifferentBuilds {
            page: BUILD_ID.to_string(),
            worker,
        },
    }
}
