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
    use glassbox::session::{Command, Event, Failure, FailureKind};
    use glassbox::web::BUILD_ID;
    use js_sys::Uint8Array;
    use std::cell::RefCell;
    use std::rc::Rc;
    use wasm_bindgen::prelude::*;
    use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};

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

    async fn run(mut commands: mpsc::UnboundedReceiver<Vec<u8>>) {
        let next_task = NextTask::new();
        while let Ok(bytes) = commands.recv().await {
            post_event(&answer(&bytes));
            // Lets the browser deliver messages between two pieces of work.
            next_task.wait().await;
        }
    }

    /// Stands in for the engine's session until that exists.
    fn answer(bytes: &[u8]) -> Event {
        let failed = |message| Event::Failed {
            run: None,
            failure: Failure {
                kind: FailureKind::Internal,
                message,
            },
        };
        match postcard::from_bytes(bytes) {
            Ok(Command::Hello { .. }) => Event::Ready {
                build_id: BUILD_ID.to_string(),
            },
            Ok(command) => failed(format!("the engine is not built yet, got {command:?}")),
            Err(error) => failed(format!("unreadable command: {error}")),
        }
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
