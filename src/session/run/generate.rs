//! Continuing a text while training goes on.

use super::{Emit, Run};
use crate::models::{PresetData, text_spec};
use crate::platform::now_millis;
use crate::session::generator::{TextGenerator, Writing, text_facts};
use crate::session::{Event, GenerateRequest, RunStatus, SessionError};

/// Work on a text between two pieces of training.
const SLICE_MILLIS: f64 = 12.0;

/// A text under way, with the weights that it began with.
pub(super) struct Generating {
    generator: TextGenerator,
    writing: Writing,
    /// Training steps done when it began.
    step: u64,
}

impl Run {
    /// Sends what the run learns from, if that is a text.
    pub(in crate::session) fn send_text(&self, emit: &mut dyn FnMut(Event)) {
        let text = self.samples.as_ref().and_then(|samples| samples.text());
        if let Some(text) = text {
            emit(Event::Text {
                run: self.id,
                facts: text_facts(text),
            });
        }
    }

    /// Takes a request over and begins its text now; without one, texts end.
    pub(super) async fn request_text(
        &mut self,
        request: Option<GenerateRequest>,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        if self.samples.as_ref().is_none_or(|s| s.text().is_none()) {
            return Err(SessionError::NoText {
                preset: self.preset.id,
            });
        }
        let Some(request) = request else {
            self.text_request = None;
            self.generating = None;
            return Ok(());
        };
        self.refuse_if_stopped()?;
        self.drain(emit).await?;
        // A request that cannot be carried out leaves the one before it as it was.
        let generating = self.begin_writing(request.clone()).await?;
        self.text_request = Some(request);
        self.generating = Some(generating);
        Ok(())
    }

    /// Whether a text is under way.
    pub(in crate::session) fn is_writing(&self) -> bool {
        self.generating.is_some()
    }

    /// Begins the text anew with the weights as they are, where one was asked for. One that is under way comes to its
    /// end first.
    pub(in crate::session) async fn rewrite_text(&mut self) -> Result<(), SessionError> {
        self.is_rewriting_due = self.generating.is_some();
        if self.is_rewriting_due {
            return Ok(());
        }
        if let Some(request) = self.text_request.clone() {
            self.generating = Some(self.begin_writing(request).await?);
        }
        Ok(())
    }

    /// A network for one sample; its weights are not those of the run yet.
    fn generator(&mut self) -> Result<TextGenerator, SessionError> {
        let samples = self.samples.clone();
        let text = samples.as_ref().and_then(|samples| samples.text());
        let text = text.ok_or(SessionError::NoText {
            preset: self.preset.id,
        })?;
        if let Some(generator) = self.idle_generator.take() {
            return Ok(generator);
        }
        let spec = match (&self.spec, self.preset.data) {
            (Some(spec), _) => spec.clone(),
            (None, PresetData::OwnText { .. }) => text_spec(text),
            (None, _) => (self.preset.spec)(),
        };
        Ok(TextGenerator::new(&spec, &text.vocabulary, text.window())?)
    }

    /// Gives a network the weights as they are.
    async fn copy_weights(&self, generator: &mut TextGenerator) -> Result<(), SessionError> {
        let parameters = self.executor.read_many(&self.parameter_values()).await?;
        let buffers = self.executor.read_many(&self.model.graph.buffers()).await?;
        generator.write(parameters, buffers);
        Ok(())
    }

    /// Sends what every attention makes of a text.
    pub(super) async fn show_attention(
        &mut self,
        text: String,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        self.refuse_if_stopped()?;
        self.drain(emit).await?;
        let mut generator = self.generator()?;
        self.copy_weights(&mut generator).await?;
        let attention = generator.attention(text, self.done);
        self.idle_generator = Some(generator);
        emit(Event::Attention {
            run: self.id,
            attention: attention?,
        });
        Ok(())
    }

    async fn begin_writing(
        &mut self,
        request: GenerateRequest,
    ) -> Result<Generating, SessionError> {
        let mut generator = self.generator()?;
        let writing = match generator.begin(request) {
            Ok(writing) => writing,
            Err(error) => {
                self.idle_generator = Some(generator);
                return Err(error);
            }
        };
        self.copy_weights(&mut generator).await?;
        Ok(Generating {
            generator,
            writing,
            step: self.done,
        })
    }

    /// Adds characters to the text under way until the deadline, at least one.
    pub(super) async fn advance_text(
        &mut self,
        deadline: f64,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let Some(mut generating) = self.generating.take() else {
            return Ok(());
        };
        let deadline = deadline.min(now_millis() + SLICE_MILLIS);
        let Generating {
            generator,
            writing,
            step,
        } = &mut generating;
        let first = writing.count();
        let mut steps = Vec::new();
        while !writing.is_done() && (steps.is_empty() || now_millis() < deadline) {
            steps.push(generator.next(writing, *step)?);
        }
        let is_done = writing.is_done();
        emit(Event::Generated {
            run: self.id,
            step: *step,
            request: writing.request().clone(),
            first,
            steps,
            is_done,
        });
        if is_done {
            self.idle_generator = Some(generating.generator);
            // While training goes on the next evaluation is not far.
            if self.is_rewriting_due && self.status != RunStatus::Playing {
                self.rewrite_text().await?;
            }
        } else {
            self.generating = Some(generating);
        }
        Ok(())
    }
}
