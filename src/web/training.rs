//! The engine that trains and steps, as its worker serves it.

use super::BUILD_ID;
use super::worker::Served;
use crate::session::{Cause, Command, Event, Failure, FailureKind, Session, Stage};

/// [`Session`] in a worker.
pub struct Training(Session);

impl Training {
    fn fail(&mut self, kind: FailureKind, message: String, cause: Option<Cause>) {
        let failure = Failure {
            kind,
            message,
            cause,
        };
        self.0.emit(Event::Failed { run: None, failure });
    }
}

impl Served for Training {
    type Command = Command;
    type Event = Event;

    fn new(emit: impl FnMut(Event) + 'static) -> Self {
        Self(Session::new(BUILD_ID, emit))
    }

    fn missing_files(&self, command: &Command) -> Vec<&'static str> {
        match command {
            Command::Start { config, .. } => self.0.missing_files(&config.preset),
            _ => Vec::new(),
        }
    }

    async fn give_file(&mut self, path: &str, bytes: Vec<u8>) {
        let path = path.to_string();
        self.0.handle(Command::ProvideFile { path, bytes }).await;
    }

    fn tell_progress(&mut self, done: u64, total: u64) {
        let stage = Stage::Data;
        self.0.emit(Event::Progress { stage, done, total });
    }

    fn tell_missing(&mut self, message: String, cause: Option<Cause>) {
        self.fail(FailureKind::MissingData, message, cause);
    }

    fn tell_unreadable(&mut self, message: String) {
        self.fail(FailureKind::Internal, message, None);
    }

    async fn handle(&mut self, command: Command) {
        self.0.handle(command).await;
    }

    async fn advance(&mut self, budget_millis: f64) -> bool {
        self.0.advance(budget_millis).await
    }
}
