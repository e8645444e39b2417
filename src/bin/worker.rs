//! The engine's Web Worker: passes messages between the page and the engine, and nothing else.
//!
//! The messages are described in `web::client`.

#[cfg(target_arch = "wasm32")]
fn main() {
    worker::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "worker: this program runs in a browser only; `cargo run -- help` shows the command line"
    );
    std::process::ExitCode::FAILURE
}

#[cfg(target_arch = "wasm32")]
mod worker {
    use futures_channel::{mpsc, oneshot};
    use glassbox::session::{Command, Event, Failure, FailureKind, Session, Stage};
    use glassbox::web::BUILD_ID;
    use js_sys::Uint8Array;
    use std::cell::RefCell;
    use std::rc::Rc;
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{
        DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort, Response,
    };

    pub fn start() {
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
        wasm_bindgen_futures::spawn_local(run(commands));
        post_text(&format!("ready {BUILD_ID}"));
    }

    /// How long the engine works before it looks for commands again.
    const BUDGET_MILLIS: f64 = 24.0;

    async fn run(mut commands: mpsc::UnboundedReceiver<Vec<u8>>) {
        let next_task = NextTask::new();
        let mut session = Session::new(BUILD_ID, |event| post_event(&event));
        loop {
            if session.advance(BUDGET_MILLIS).await {
                // Lets the browser deliver messages between two pieces of work.
                next_task.wait().await;
            } else {
                let Ok(bytes) = commands.recv().await else {
                    return;
                };
                obey(&mut session, &bytes).await;
            }
            while let Ok(bytes) = commands.try_recv() {
                obey(&mut session, &bytes).await;
            }
        }
    }

    async fn obey(session: &mut Session, bytes: &[u8]) {
        match postcard::from_bytes(bytes) {
            Ok(command) => {
                if let Command::Start { config, .. } = &command {
                    load_data(session, &config.preset).await;
                }
                session.handle(command).await;
            }
            Err(error) => session.emit(Event::Failed {
                run: None,
                failure: Failure {
                    kind: FailureKind::Internal,
                    message: format!("unreadable command: {error}"),
                    cause: None,
                },
            }),
        }
    }

    /// Fetches the files of a preset's data set that are not here yet. What cannot be had is
    /// reported, and then missed by the session.
    async fn load_data(session: &mut Session, preset: &str) {
        let paths = session.missing_files(preset);
        let total = paths.len() as u64;
        for (done, path) in paths.into_iter().enumerate() {
            session.emit(Event::Progress {
                stage: Stage::Data,
                done: done as u64,
                total,
            });
            match fetch(path).await {
                Ok(bytes) => {
                    let path = path.to_string();
                    session.handle(Command::ProvideFile { path, bytes }).await;
                }
                Err(message) => session.emit(Event::Failed {
                    run: None,
                    failure: Failure {
                        kind: FailureKind::MissingData,
                        message: format!("{path}: {message}"),
                        cause: None,
                    },
                }),
            }
        }
    }

    /// The bytes of a file below `data/`, beside this script.
    async fn fetch(path: &str) -> Result<Vec<u8>, String> {
        let text_of = |error: JsValue| match error.dyn_into::<js_sys::Error>() {
            Ok(error) => String::from(error.message()),
            Err(other) => format!("{other:?}"),
        };
        let url = web_sys::Url::new_with_base(&format!("data/{path}"), &scope().location().href())
            .map_err(text_of)?;
        let response = JsFuture::from(scope().fetch_with_str(&url.href()))
            .await
            .map_err(text_of)?;
        let response: Response = response.unchecked_into();
        if !response.ok() {
            return Err(format!("the server answered {}", response.status()));
        }
        // A server of single-page sites answers with its page where there is no file.
        let kind = response.headers().get("content-type").map_err(text_of)?;
        if kind.is_some_and(|kind| kind.starts_with("text/html")) {
            return Err("there is no such file".to_string());
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

    fn post_event(event: &Event) {
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
}
