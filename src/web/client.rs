//! The page's side of an engine: starts its worker, passes bytes both ways, notices its death.
//!
//! Commands and events travel as postcard bytes (`Uint8Array`). What concerns the connection itself
//! travels as text, which works before the engine stands, after it has broken, and between two
//! builds whose commands differ:
//!
//! | page -> worker | worker -> page | meaning |
//! |---|---|---|
//! | | `ready ID` | the program runs and was built from the sources with this hash |
//! | `ping` | `pong` | still alive |
//! | | `failed TEXT` | the program could not be loaded, panicked, or dropped an error |

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::rc::{Rc, Weak};

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Url, Worker};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BUILD_ID;
use crate::session::{Command, Event};

/// The workers' start script, beside the page.
const WORKER_SCRIPT: &str = "worker-start.js";

/// The program of the engine that trains.
pub const TRAINING_WORKER: &str = "worker";

/// The client of the engine that trains.
pub type EngineClient = Client<Command, Event>;

/// Time between two pings.
const PING_INTERVAL_MILLIS: i32 = 4_000;

/// Pings in a row without an answer after which the worker counts as dead.
///
/// Counted instead of timed: a page that slept, or whose timers the browser slows down, must not
/// find its worker dead on waking.
const UNANSWERED_PINGS: u32 = 6;

/// What an engine's worker tells the page; `E` is what its engine reports.
#[derive(Clone, Debug, PartialEq)]
pub enum FromWorker<E> {
    /// The engine runs and takes commands.
    Ready,
    /// What the engine reports.
    Event(Box<E>),
    /// The worker is gone; nothing more comes until [`Client::restart`].
    Lost(Loss),
}

/// Why the worker is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It broke before it was ready: a file did not load, or its program could not start.
    NotStarted {
        /// What the browser said.
        reason: String,
    },
    /// It broke while running, most often by a panic.
    Crashed {
        /// The panic's message, or what the browser said.
        reason: String,
    },
    /// It answers no more.
    Unresponsive,
    /// Page and worker were built from different sources; reloading the page helps.
    OtherBuild {
        /// The build id of the worker.
        worker: String,
    },
}

/// A running engine that takes commands `C` and reports `E`, or the place of one that was lost. Dropping it ends the
/// worker.
pub struct Client<C, E> {
    shared: Rc<Shared>,
    ping_timer: i32,
    _ping: Closure<dyn FnMut()>,
    _messages: PhantomData<fn(C) -> E>,
}

struct Shared {
    /// Name of the worker's program.
    program: &'static str,
    /// Hears the bytes of an event and says why they cannot be read, or hears of the loss.
    on_message: Box<dyn Fn(Heard) -> Result<(), String>>,
    connection: RefCell<Option<Connection>>,
    /// Commands sent before the engine was ready.
    waiting: RefCell<Vec<Vec<u8>>>,
    ready: Cell<bool>,
    unanswered_pings: Cell<u32>,
}

/// What comes from a worker, before it is known as an event of a certain engine.
enum Heard {
    Ready,
    Event(Vec<u8>),
    Lost(Loss),
}

struct Connection {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl<C: Serialize, E: DeserializeOwned> Client<C, E> {
    /// Starts the worker of a program. `on_message` hears everything from it, in order.
    ///
    /// A worker that cannot be started is reported to `on_message` as [`FromWorker::Lost`].
    pub fn spawn(program: &'static str, on_message: impl Fn(FromWorker<E>) + 'static) -> Self {
        let hear = move |heard: Heard| {
            on_message(match heard {
                Heard::Ready => FromWorker::Ready,
                Heard::Lost(loss) => FromWorker::Lost(loss),
                Heard::Event(bytes) => {
                    let event = postcard::from_bytes(&bytes).map_err(|error| error.to_string())?;
                    FromWorker::Event(Box::new(event))
                }
            });
            Ok(())
        };
        let shared = Rc::new(Shared {
            program,
            on_message: Box::new(hear),
            connection: RefCell::new(None),
            waiting: RefCell::new(Vec::new()),
            ready: Cell::new(false),
            unanswered_pings: Cell::new(0),
        });
        let ping = {
            let shared = Rc::downgrade(&shared);
            Closure::<dyn FnMut()>::new(move || {
                if let Some(shared) = shared.upgrade() {
                    shared.ping();
                }
            })
        };
        let ping_timer = window()
            .set_interval_with_callback_and_timeout_and_arguments_0(
                ping.as_ref().unchecked_ref(),
                PING_INTERVAL_MILLIS,
            )
            .expect("a page has timers");
        shared.connect();
        Self {
            shared,
            ping_timer,
            _ping: ping,
            _messages: PhantomData,
        }
    }

    /// Sends a command; one sent before the engine is ready waits for it.
    ///
    /// After [`FromWorker::Lost`] commands wait for [`Client::restart`], which drops them.
    pub fn send(&self, command: &C) {
        let bytes = postcard::to_allocvec(command).expect("every command can be encoded");
        if self.shared.ready.get() {
            self.shared.post(&bytes);
        } else {
            self.shared.waiting.borrow_mut().push(bytes);
        }
    }

    /// Ends the worker, whatever it does, and starts a new one with nothing in it.
    pub fn restart(&self) {
        self.shared.waiting.borrow_mut().clear();
        self.shared.connect();
    }
}

impl<C, E> Drop for Client<C, E> {
    fn drop(&mut self) {
        window().clear_interval_with_handle(self.ping_timer);
        self.shared.disconnect();
    }
}

impl Shared {
    fn connect(self: &Rc<Self>) {
        self.disconnect();
        match open_worker(self.program, Rc::downgrade(self)) {
            Ok(connection) => *self.connection.borrow_mut() = Some(connection),
            Err(error) => self.lose(Loss::NotStarted {
                reason: text_of(&error),
            }),
        }
    }

    fn disconnect(&self) {
        self.ready.set(false);
        self.unanswered_pings.set(0);
        if let Some(connection) = self.connection.borrow_mut().take() {
            connection.worker.set_onmessage(None);
            connection.worker.set_onerror(None);
            connection.worker.terminate();
        }
    }

    fn lose(&self, loss: Loss) {
        self.disconnect();
        self.tell(Heard::Lost(loss));
    }

    fn tell(&self, heard: Heard) {
        if let Err(error) = (self.on_message)(heard) {
            self.break_down(&format!("unreadable event from the worker: {error}"));
        }
    }

    fn post(&self, command: &[u8]) {
        if let Some(connection) = &*self.connection.borrow() {
            let bytes = Uint8Array::from(command);
            let moved = js_sys::Array::of1(&bytes.buffer());
            // Fails only for values that cannot be cloned, and bytes can.
            connection
                .worker
                .post_message_with_transfer(&bytes, &moved)
                .expect("bytes can be posted");
        }
    }

    fn ping(&self) {
        // Loading may take long on a slow connection, and fails with an error of its own.
        if !self.ready.get() {
            return;
        }
        let unanswered = self.unanswered_pings.get();
        if unanswered >= UNANSWERED_PINGS {
            return self.lose(Loss::Unresponsive);
        }
        self.unanswered_pings.set(unanswered + 1);
        if let Some(connection) = &*self.connection.borrow() {
            connection
                .worker
                .post_message(&"ping".into())
                .expect("text can be posted");
        }
    }

    fn hear(&self, data: JsValue) {
        self.unanswered_pings.set(0);
        let Some(text) = data.as_string() else {
            return self.tell(Heard::Event(Uint8Array::new(&data).to_vec()));
        };
        match text.split_once(' ').unwrap_or((&text, "")) {
            ("pong", _) => {}
            ("ready", build) if build == BUILD_ID => self.begin(),
            ("ready", build) => self.lose(Loss::OtherBuild {
                worker: build.to_string(),
            }),
            ("failed", reason) => self.break_down(reason),
            _ => self.break_down(&format!("unknown message from the worker: {text}")),
        }
    }

    fn begin(&self) {
        self.ready.set(true);
        for command in self.waiting.take() {
            self.post(&command);
        }
        self.tell(Heard::Ready);
    }

    fn break_down(&self, reason: &str) {
        let reason = reason.to_string();
        self.lose(if self.ready.get() {
            Loss::Crashed { reason }
        } else {
            Loss::NotStarted { reason }
        });
    }
}

fn open_worker(program: &str, shared: Weak<Shared>) -> Result<Connection, JsValue> {
    let base = document().base_uri()?.unwrap_or_default();
    let script = format!("{WORKER_SCRIPT}?v={BUILD_ID}&program={program}");
    let url = Url::new_with_base(&script, &base)?;
    let worker = Worker::new(&url.href())?;

    let listener = shared.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(shared) = listener.upgrade() {
            shared.hear(event.data());
        }
    });
    let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
        if let Some(shared) = shared.upgrade() {
            // A script that does not load gives an event without a message.
            let message = js_sys::Reflect::get(&event, &"message".into()).ok();
            let message = message
                .and_then(|message| message.as_string())
                .unwrap_or_default();
            shared.break_down(if message.is_empty() {
                WORKER_SCRIPT
            } else {
                &message
            });
        }
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    Ok(Connection {
        worker,
        _on_message: on_message,
        _on_error: on_error,
    })
}

fn text_of(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{error:?}"),
    }
}

fn window() -> web_sys::Window {
    web_sys::window().expect("the page runs in a window")
}

fn document() -> web_sys::Document {
    window()
        .document()
        .expect("a window of a page has a document")
}
