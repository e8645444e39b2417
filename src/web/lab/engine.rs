//! The lab's engine, on both sides: as its worker serves it, and as the lab's pages see it.

use std::rc::Rc;

use leptos::prelude::*;

use crate::lab::{LabCommand, LabError, LabEvent, LabSession};
use crate::session::{Cause, Failure, FailureKind};
use crate::view::run_state::EngineLink;
use crate::view::texts::Trouble;
use crate::view::texts::lab::{explain, lab_texts};
use crate::web::address::{Address, use_locale};
use crate::web::client::{Client, FromWorker, Loss};
use crate::web::worker::Served;

/// The program of the lab's engine.
pub const LAB_WORKER: &str = "lab_worker";

/// [`LabSession`] in a worker.
pub struct Measuring(LabSession);

impl Served for Measuring {
    type Command = LabCommand;
    type Event = LabEvent;

    fn new(emit: impl FnMut(LabEvent) + 'static) -> Self {
        Self(LabSession::new(emit))
    }

    fn missing_files(&self, command: &LabCommand) -> Vec<&'static str> {
        self.0.missing_files(command)
    }

    async fn give_file(&mut self, path: &str, bytes: Vec<u8>) {
        let path = path.to_string();
        self.0.handle(LabCommand::ProvideFile { path, bytes }).await;
    }

    fn tell_progress(&mut self, done: u64, total: u64) {
        self.0.emit(LabEvent::Loading { done, total });
    }

    fn tell_missing(&mut self, message: String, cause: Option<Cause>) {
        let error = fault(FailureKind::MissingData, message, cause);
        self.0.emit(LabEvent::FileMissing { error });
    }

    fn tell_unreadable(&mut self, message: String) {
        let error = fault(FailureKind::Internal, message, None);
        self.0.emit(LabEvent::Failed { error });
    }

    async fn handle(&mut self, command: LabCommand) {
        self.0.handle(command).await;
    }

    async fn advance(&mut self, budget_millis: f64) -> bool {
        self.0.advance(budget_millis).await
    }
}

/// A fault that is no instrument's.
pub fn fault(kind: FailureKind, message: String, cause: Option<Cause>) -> LabError {
    LabError::Session(Box::new(Failure {
        kind,
        message,
        cause,
    }))
}

/// What went wrong in the lab.
#[derive(Clone, Debug, PartialEq)]
enum Fault {
    /// The worker is gone.
    Lost(Loss),
    FileMissing(LabError),
    Failed(LabError),
}

/// Hears what the engine reports.
type Listener = Rc<dyn Fn(&LabEvent)>;

/// The engine of the lab's pages. A context; lives as long as the page.
#[derive(Clone, Copy)]
pub struct LabEngine {
    client: StoredValue<Option<Client<LabCommand, LabEvent>>, LocalStorage>,
    link: RwSignal<EngineLink>,
    fault: RwSignal<Option<Fault>>,
    listener: StoredValue<Option<Listener>, LocalStorage>,
}

impl LabEngine {
    /// Starts the engine and makes it a context.
    pub fn provide() -> Self {
        let engine = Self {
            client: StoredValue::new_local(None),
            link: RwSignal::default(),
            fault: RwSignal::default(),
            listener: StoredValue::new_local(None),
        };
        let client = Client::spawn(LAB_WORKER, move |message| engine.hear(message));
        engine.client.set_value(Some(client));
        provide_context(engine);
        engine
    }

    /// How the page stands with the engine.
    pub fn link(self) -> Signal<EngineLink> {
        self.link.into()
    }

    /// Sends a command, and takes back what was said of the one before.
    pub fn send(self, command: &LabCommand) {
        self.fault.set(None);
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.send(command);
            }
        });
    }

    /// `listener` hears every event from now on, in place of the one before; [`LabEvent::Failed`] and a lost worker
    /// (told as `Failed` as well) stand above the page besides. When the page that listens is left, nobody hears any
    /// more, and what it had under way ends.
    pub fn listen(self, listener: impl Fn(&LabEvent) + 'static) {
        self.listener.set_value(Some(Rc::new(listener)));
        on_cleanup(move || {
            if self.listener.try_set_value(None).is_none() {
                self.send(&LabCommand::Stop);
            }
        });
    }

    /// Starts a new worker in place of a lost one.
    pub fn restart(self) {
        self.fault.set(None);
        self.link.set(EngineLink::Starting);
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.restart();
            }
        });
    }

    fn hear(self, message: FromWorker<LabEvent>) {
        let event = match message {
            FromWorker::Ready => return self.link.set(EngineLink::Ready),
            FromWorker::Event(event) => *event,
            FromWorker::Lost(loss) => {
                self.link.set(EngineLink::Lost);
                let error = fault(FailureKind::Crash, format!("{loss:?}"), None);
                self.fault.set(Some(Fault::Lost(loss)));
                return self.tell(&LabEvent::Failed { error });
            }
        };
        match &event {
            LabEvent::Failed { error } => self.fault.set(Some(Fault::Failed(error.clone()))),
            LabEvent::FileMissing { error } => {
                self.fault.set(Some(Fault::FileMissing(error.clone())));
            }
            _ => {}
        }
        self.tell(&event);
    }

    fn tell(self, event: &LabEvent) {
        // Cloned, because the listener may put another in its own place.
        let listener = self.listener.with_value(Clone::clone);
        if let Some(listener) = listener {
            listener(event);
        }
    }
}

/// The engine of the page.
pub fn use_lab_engine() -> LabEngine {
    expect_context()
}

/// What went wrong, above every page: values of the address that cannot be used, the engine's faults.
pub fn notices(engine: LabEngine, address: Address) -> AnyView {
    let locale = use_locale();
    let problems = move || {
        let problems = address.problems.get().into_iter();
        problems
            .map(|problem| {
                let message = Trouble::BadUrlValue(problem).message(locale.get());
                view! {
                    <section class="banner is-warning" role="alert" data-testid="error-banner">
                        <p class="banner-title">{message.title}</p>
                        <p class="banner-text">{message.action}</p>
                    </section>
                }
            })
            .collect_view()
    };
    let fault = move || {
        let texts = lab_texts(locale.get());
        let (title, reason, is_lost) = match engine.fault.get()? {
            Fault::Lost(loss) => (texts.engine_lost, (texts.loss)(&loss_text(&loss)), true),
            Fault::FileMissing(error) => (texts.file_missing, explain(&error, locale.get()), false),
            Fault::Failed(error) => (texts.failed, explain(&error, locale.get()), false),
        };
        let (label, testid) = match is_lost {
            true => (texts.restart, "engine-restart"),
            false => (texts.dismiss, "error-dismiss"),
        };
        let act = move |_| match is_lost {
            true => engine.restart(),
            false => engine.fault.set(None),
        };
        Some(view! {
            <section class="banner is-error" role="alert" data-testid="error-banner">
                <p class="banner-title">{title}</p>
                <p class="banner-text">{reason}</p>
                <p class="banner-text">{texts.kept}</p>
                <div class="banner-actions">
                    <button type="button" class="button" data-testid=testid on:click=act>{label}</button>
                </div>
            </section>
        })
    };
    view! { <div class="notices">{problems}{fault}</div> }.into_any()
}

fn loss_text(loss: &Loss) -> String {
    match loss {
        Loss::NotStarted { reason } | Loss::Crashed { reason } => reason.clone(),
        Loss::Unresponsive => "no answer".into(),
        Loss::OtherBuild { worker } => format!("build {worker}"),
    }
}
