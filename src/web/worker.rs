//! What every engine's Web Worker does: passes messages between the page and the engine, and nothing else.
//!
//! The messages are described in `web::client`.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::{mpsc, oneshot};
use js_sys::Uint8Array;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort, Response};

use super::BUILD_ID;
use crate::session::Cause;

/// An engine as its worker sees it.
#[allow(async_fn_in_trait)] // Everything here runs on the worker's one thread.
pub trait Served: 'static {
    type Command: DeserializeOwned;
    type Event: Serialize;

    /// `emit` gets every event as it happens.
    fn new(emit: impl FnMut(Self::Event) + 'static) -> Self;

    /// Files below `data/` that a command needs and the engine does not have.
    fn missing_files(&self, command: &Self::Command) -> Vec<&'static str>;

    /// Takes a file that was missing.
    async fn give_file(&mut self, path: &str, bytes: Vec<u8>);

    /// Tells that some of the missing files have been loaded.
    fn tell_progress(&mut self, done: u64, total: u64);

    /// Tells of a file that cannot be had: in English, and as facts where the server answered.
    fn tell_missing(&mut self, message: String, cause: Option<Cause>);

    /// Tells of bytes that are no command.
    fn tell_unreadable(&mut self, message: String);

    /// Carries out a command.
    async fn handle(&mut self, command: Self::Command);

    /// Works for about `budget_millis`; returns whether there is more to do.
    async fn advance(&mut self, budget_millis: f64) -> bool;
}

/// Serves an engine until the page ends the worker.
pub fn serve<S: Served>() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        post_text(&format!("failed {panic}"));
    }));
    let (inbox, commands) = mpsc::unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data();
        if data.as_string().as_deref() == Some("ping") {
            post_text("pong");
        } else if inbox
            .unbounded_send(Uint8Array::new(&data).to_vec())
            .is_err()
        {
            post_text("failed the engine has stopped");
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    wasm_bindgen_futures::spawn_local(run::<S>(commands));
    post_text(&format!("ready {BUILD_ID}"));
}

/// How long an engine works before it looks for commands again.
const BUDGET_MILLIS: f64 = 24.0;

async fn run<S: Served>(mut commands: mpsc::UnboundedReceiver<Vec<u8>>) {
    let next_task = NextTask::new();
    let mut engine = S::new(|event| post_event(&event));
    loop {
        if engine.advance(BUDGET_MILLIS).await {
            // Lets the browser deliver messages between two pieces of work.
            next_task.wait().await;
        } else {
            let Ok(bytes) = commands.recv().await else {
                return;
            };
            obey(&mut engine, &bytes).await;
        }
        while let Ok(bytes) = commands.try_recv() {
            obey(&mut engine, &bytes).await;
        }
    }
}

async fn obey<S: Served>(engine: &mut S, bytes: &[u8]) {
    match postcard::from_bytes(bytes) {
        Ok(command) => {
            load_data(engine, &command).await;
            engine.handle(command).await;
        }
        Err(error) => engine.tell_unreadable(format!("unreadable command: {error}")),
    }
}

/// Fetches the files that a command needs and that are not here yet. What cannot be had is
/// reported, and then missed by the engine.
async fn load_data<S: Served>(engine: &mut S, command: &S::Command) {
    let paths = engine.missing_files(command);
    let total = paths.len() as u64;
    for (done, path) in paths.into_iter().enumerate() {
        engine.tell_progress(done as u64, total);
        match fetch(path).await {
            Ok(bytes) => engine.give_file(path, bytes).await,
            Err((message, cause)) => engine.tell_missing(format!("{path}: {message}"), cause),
        }
    }
}

/// The bytes of a file below `data/`, beside this script; why there are none, in English and, where the server
/// answered, as facts.
async fn fetch(path: &str) -> Result<Vec<u8>, (String, Option<Cause>)> {
    let text_of = |error: JsValue| match error.dyn_into::<js_sys::Error>() {
        Ok(error) => (String::from(error.message()), None),
        Err(other) => (format!("{other:?}"), None),
    };
    let not_served = |message: String, status: Option<u16>| {
        let path = path.to_string();
        (message, Some(Cause::NotServed { path, status }))
    };
    let url = web_sys::Url::new_with_base(&format!("data/{path}"), &scope().location().href())
        .map_err(text_of)?;
    let response = JsFuture::from(scope().fetch_with_str(&url.href()))
        .await
        .map_err(text_of)?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        let status = response.status();
        let message = format!("the server answered {status}");
        return Err(not_served(message, Some(status)));
    }
    // A server of single-page sites answers with its page where there is no file.
    let kind = response.headers().get("content-type").map_err(text_of)?;
    if kind.is_some_and(|kind| kind.starts_with("text/html")) {
        return Err(not_served("there is no such file".to_string(), None));
    }
    let buffer = response.array_buffer().map_err(text_of)?;
    let buffer = JsFuture::from(buffer).await.map_err(text_of)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Waits for the browser's next task by a message to itself.
///
/// Awaiting a resolved promise would stay within the task, and no message of the page would
/// ever arrive; `setTimeout(0)` costs 4 ms each time.
struct NextTask {
    sender: MessagePort,
    waiting: Rc<RefCell<Option<oneshot::Sender<()>>>>,
    _receiver: MessagePort,
    _on_message: Closure<dyn FnMut()>,
}

impl NextTask {
    fn new() -> Self {
        let channel = MessageChannel::new().expect("every browser with workers has channels");
        let waiting: Rc<RefCell<Option<oneshot::Sender<()>>>> = Rc::default();
        let on_message = {
            let waiting = waiting.clone();
            Closure::<dyn FnMut()>::new(move || {
                if let Some(waiter) = waiting.borrow_mut().take() {
                    // The waiter may have been dropped, and then nobody waits.
                    let _ = waiter.send(());
                }
            })
        };
        let receiver = channel.port1();
        receiver.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Self {
            sender: channel.port2(),
            waiting,
            _receiver: receiver,
            _on_message: on_message,
        }
    }

    async fn wait(&self) {
        let (waiter, woken) = oneshot::channel();
        *self.waiting.borrow_mut() = Some(waiter);
        self.sender
            .post_message(&JsValue::NULL)
            .expect("null can be posted");
        woken
            .await
            .expect("the waiter is kept until the message arrives");
    }
}

fn post_text(text: &str) {
    scope()
        .post_message(&text.into())
        .expect("text can be posted");
}

fn post_event<E: Serialize>(event: &E) {
    let bytes = postcard::to_allocvec(event).expect("every event can be encoded");
    let bytes = Uint8Array::from(bytes.as_slice());
    let moved = js_sys::Array::of1(&bytes.buffer());
    scope()
        .post_message_with_transfer(&bytes, &moved)
        .expect("bytes can be posted");
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
