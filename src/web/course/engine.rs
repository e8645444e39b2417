//! The course's engine, on both sides: as its worker serves it, and as pages and widgets ask it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::prelude::*;

use crate::lesson::{Answer, Ask, LessonCommand, LessonEvent, LessonSession};
use crate::session::Cause;
use crate::view::texts::exercises::exercise_texts;
use crate::web::address::use_locale;
use crate::web::client::{Client, FromWorker, Loss};
use crate::web::worker::Served;

/// The program of the course's engine.
pub const COURSE_WORKER: &str = "course_worker";

/// The number of messages that belong to no question.
const NOBODY: u32 = 0;

/// [`LessonSession`] in a worker.
pub struct Teaching {
    session: LessonSession,
    /// The question whose files are being loaded, and those files.
    loading: RefCell<(u32, Vec<&'static str>)>,
}

impl Served for Teaching {
    type Command = LessonCommand;
    type Event = LessonEvent;

    fn new(emit: impl FnMut(LessonEvent) + 'static) -> Self {
        Self {
            session: LessonSession::new(emit),
            loading: RefCell::new((NOBODY, Vec::new())),
        }
    }

    fn missing_files(&self, command: &LessonCommand) -> Vec<&'static str> {
        let missing = self.session.missing_files(command);
        *self.loading.borrow_mut() = (command.id, missing.clone());
        missing
    }

    async fn give_file(&mut self, path: &str, bytes: Vec<u8>) {
        self.session.give_file(path, Ok(bytes));
    }

    fn tell_progress(&mut self, done: u64, total: u64) {
        let id = self.loading.borrow().0;
        self.session.answer(id, Answer::Loading { done, total });
    }

    fn tell_missing(&mut self, message: String, _cause: Option<Cause>) {
        // Told as the answer to the command that needs the file.
        let (_, paths) = &*self.loading.borrow();
        // The message begins with the file that it is about.
        if let Some(path) = paths.iter().find(|path| message.starts_with(**path)) {
            self.session.give_file(path, Err(message));
        }
    }

    fn tell_unreadable(&mut self, message: String) {
        self.session.answer(NOBODY, Answer::Failed { message });
    }

    async fn handle(&mut self, command: LessonCommand) {
        self.session.handle(command);
    }

    async fn advance(&mut self, budget_millis: f64) -> bool {
        self.session.advance(budget_millis)
    }
}

/// Hears the answers to one question.
type Listener = Rc<dyn Fn(&Answer)>;

/// The engine of the course's pages. A context; its worker starts when something is first asked.
#[derive(Clone, Copy)]
pub struct CourseEngine {
    client: StoredValue<Option<Client<LessonCommand, LessonEvent>>, LocalStorage>,
    /// Who waits, by the number of the question.
    waiting: StoredValue<BTreeMap<u32, Listener>, LocalStorage>,
    next: StoredValue<u32>,
    /// Why the worker is gone.
    fault: RwSignal<Option<String>>,
    restarts: RwSignal<u32>,
}

impl CourseEngine {
    /// Makes the engine a context.
    pub fn provide() -> Self {
        let engine = Self {
            client: StoredValue::new_local(None),
            waiting: StoredValue::new_local(BTreeMap::new()),
            next: StoredValue::new(NOBODY + 1),
            fault: RwSignal::default(),
            restarts: RwSignal::default(),
        };
        provide_context(engine);
        engine
    }

    /// How often a lost engine was started anew. What asks in an effect reads it there, and asks again.
    pub fn restarts(self) -> u32 {
        self.restarts.get()
    }

    /// Asks; `on_answer` hears every answer, the last of which [`Answer::is_last`]. A lost worker is answered by
    /// [`Answer::Failed`]. Returns the question's number, for [`CourseEngine::stop`].
    ///
    /// Who may be gone before the answer stops the question when it is (`on_cleanup`).
    pub fn ask(self, ask: Ask, on_answer: impl Fn(&Answer) + 'static) -> u32 {
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1).max(NOBODY + 1));
        if let Some(message) = self.fault.get_untracked() {
            on_answer(&Answer::Failed { message });
            return id;
        }
        let listener: Listener = Rc::new(on_answer);
        self.waiting.update_value(|waiting| {
            waiting.insert(id, listener);
        });
        if self.client.with_value(Option::is_none) {
            let client = Client::spawn(COURSE_WORKER, move |message| self.hear(message));
            self.client.set_value(Some(client));
        }
        self.send(&LessonCommand { id, ask });
        id
    }

    /// Ends a question: nobody hears its answers any more, and what it had under way ends.
    pub fn stop(self, id: u32) {
        let was_waiting = self
            .waiting
            .try_update_value(|waiting| waiting.remove(&id).is_some());
        if was_waiting == Some(true) {
            self.tell(Ask::Stop { id });
        }
    }

    /// Tells what is not answered itself, such as [`Ask::Onward`].
    pub fn tell(self, ask: Ask) {
        self.send(&LessonCommand { id: NOBODY, ask });
    }

    fn send(self, command: &LessonCommand) {
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.send(command);
            }
        });
    }

    /// Starts a new worker in place of a lost one.
    fn restart(self) {
        self.client.with_value(|client| {
            if let Some(client) = client {
                client.restart();
            }
        });
        self.fault.set(None);
        self.restarts.update(|restarts| *restarts += 1);
    }

    fn hear(self, message: FromWorker<LessonEvent>) {
        match message {
            FromWorker::Ready => {}
            FromWorker::Event(event) => {
                let LessonEvent { id, answer } = *event;
                // Taken out before it hears, because it may ask again.
                let listener = self
                    .waiting
                    .try_update_value(|waiting| match answer.is_last() {
                        true => waiting.remove(&id),
                        false => waiting.get(&id).cloned(),
                    });
                if let Some(listener) = listener.flatten() {
                    listener(&answer);
                }
            }
            FromWorker::Lost(loss) => {
                let message = loss_text(&loss);
                self.fault.set(Some(message.clone()));
                let waiting = self.waiting.try_update_value(std::mem::take);
                for listener in waiting.unwrap_or_default().values() {
                    listener(&Answer::Failed {
                        message: message.clone(),
                    });
                }
            }
        }
    }

    /// That the engine is gone, with a button to start it again; nothing while it is there.
    pub fn notice(self) -> AnyView {
        let locale = use_locale();
        let notice = move || {
            let texts = exercise_texts(locale.get());
            let reason = self.fault.get()?;
            Some(view! {
                <section class="banner is-error" role="alert" data-testid="error-banner">
                    <p class="banner-title">{texts.engine_lost}</p>
                    <p class="banner-text">{(texts.loss)(&reason)}</p>
                    <p class="banner-text">{texts.kept}</p>
                    <div class="banner-actions">
                        <button
                            type="button"
                            class="button"
                            data-testid="engine-restart"
                            on:click=move |_| self.restart()
                        >
                            {texts.restart}
                        </button>
                    </div>
                </section>
            })
        };
        notice.into_any()
    }
}

/// The engine of the page.
pub fn use_engine() -> CourseEngine {
    expect_context()
}

fn loss_text(loss: &Loss) -> String {
    match loss {
        Loss::NotStarted { reason } | Loss::Crashed { reason } => reason.clone(),
        Loss::Unresponsive => "no answer".into(),
        Loss::OtherBuild { worker } => format!("build {worker}"),
    }
}
