//! The engine of the course: answers questions, the long ones piece by piece.

use std::collections::{BTreeMap, VecDeque};

use super::LessonError;
use super::exercises::{Progress, Run, needed_file};
use super::message::{Answer, Ask, LessonCommand, LessonEvent};
use super::operation::run_operation;

/// The engine of the course.
pub struct LessonSession {
    emit: Box<dyn FnMut(LessonEvent)>,
    /// Data files by their path below `assets/data/`, and why one could not be had.
    files: BTreeMap<String, Result<Vec<u8>, String>>,
    /// Exercises under way by the number of their question; the first one is worked on.
    runs: VecDeque<(u32, Run)>,
}

impl LessonSession {
    /// `emit` gets every answer as it happens.
    pub fn new(emit: impl FnMut(LessonEvent) + 'static) -> Self {
        Self {
            emit: Box::new(emit),
            files: BTreeMap::new(),
            runs: VecDeque::new(),
        }
    }

    /// Tells of something that happens outside, such as the loading of files.
    pub fn answer(&mut self, id: u32, answer: Answer) {
        (self.emit)(LessonEvent { id, answer });
    }

    /// Files below `assets/data/` that a command needs and that have not been given.
    pub fn missing_files(&self, command: &LessonCommand) -> Vec<&'static str> {
        let file = match &command.ask {
            Ask::Exercise(id) => needed_file(*id),
            Ask::Operation(_) | Ask::Stop { .. } => None,
        };
        let is_missing = |path: &&'static str| !matches!(self.files.get(*path), Some(Ok(_)));
        file.into_iter().filter(is_missing).collect()
    }

    /// Takes a file that was missing, or why it could not be had.
    pub fn give_file(&mut self, path: &str, bytes: Result<Vec<u8>, String>) {
        self.files.insert(path.into(), bytes);
    }

    /// Carries out a command. What fails is told by [`Answer::Failed`].
    pub fn handle(&mut self, command: LessonCommand) {
        let LessonCommand { id, ask } = command;
        match ask {
            Ask::Operation(request) => {
                let answer = match run_operation(&request) {
                    Ok(result) => Answer::Operation(result),
                    Err(error) => failure(&error),
                };
                self.answer(id, answer);
            }
            Ask::Exercise(exercise) => {
                let run = self
                    .file_of(exercise)
                    .and_then(|file| Run::new(exercise, file));
                match run {
                    Ok(run) => self.runs.push_back((id, run)),
                    Err(error) => self.answer(id, failure(&error)),
                }
            }
            Ask::Stop { id } => {
                let before = self.runs.len();
                self.runs.retain(|(of, _)| *of != id);
                if self.runs.len() < before {
                    self.answer(id, Answer::Stopped);
                }
            }
        }
    }

    /// The bytes of the file that an exercise reads.
    fn file_of(
        &self,
        exercise: super::exercises::ExerciseId,
    ) -> Result<Option<&[u8]>, LessonError> {
        let Some(path) = needed_file(exercise) else {
            return Ok(None);
        };
        let missing = |message: &str| LessonError::MissingFile {
            path,
            message: message.into(),
        };
        match self.files.get(path) {
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(message)) => Err(missing(message)),
            None => Err(missing("nobody has given it")),
        }
    }

    /// Works for about `budget_millis`. Returns whether there is more to do.
    pub fn advance(&mut self, budget_millis: f64) -> bool {
        let Some((id, mut run)) = self.runs.pop_front() else {
            return false;
        };
        let answer = match run.advance(budget_millis) {
            Ok(Progress::Working { done, total }) => {
                self.runs.push_front((id, run));
                Answer::Progress { done, total }
            }
            Ok(Progress::Done(outcome)) => Answer::Exercise(outcome),
            Err(error) => failure(&error),
        };
        self.answer(id, answer);
        !self.runs.is_empty()
    }
}

fn failure(error: &LessonError) -> Answer {
    Answer::Failed {
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exercises::ExerciseId;
    use super::super::operation::{Numbers, OperationRequest};
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    type Heard = Rc<RefCell<Vec<LessonEvent>>>;

    fn session() -> (LessonSession, Heard) {
        let heard = Heard::default();
        let ears = Rc::clone(&heard);
        let session = LessonSession::new(move |event| ears.borrow_mut().push(event));
        (session, heard)
    }

    #[test]
    fn every_question_is_answered_under_its_own_number() {
        let (mut session, heard) = session();
        let relu = |numbers: [f64; 2]| {
            Ask::Operation(OperationRequest::forward(
                "relu",
                "",
                [Numbers::new([2], numbers)],
            ))
        };
        for (id, ask) in [
            (3, relu([-1.0, 2.0])),
            (4, Ask::Exercise(ExerciseId::X5)),
            (
                5,
                Ask::Operation(OperationRequest::forward("no_such", "", [])),
            ),
        ] {
            session.handle(LessonCommand { id, ask });
        }
        while session.advance(10.0) {}
        let heard = heard.borrow();
        let [operation, refusal, exercise] = &heard[..] else {
            panic!("{heard:?}");
        };
        let Answer::Operation(result) = &operation.answer else {
            panic!("{operation:?}");
        };
        assert_eq!(
            (operation.id, &result.outputs[0].data[..]),
            (3, &[0.0, 2.0][..])
        );
        assert_eq!(refusal.id, 5);
        assert!(
            matches!(&refusal.answer, Answer::Failed { message } if message.contains("no_such"))
        );
        assert_eq!(exercise.id, 4);
        assert!(matches!(&exercise.answer, Answer::Exercise(outcome) if outcome.verdict));
        // As it travels.
        let bytes = postcard::to_allocvec(exercise).unwrap();
        assert_eq!(
            postcard::from_bytes::<LessonEvent>(&bytes).unwrap(),
            *exercise
        );
    }

    #[test]
    fn what_is_stopped_says_so_and_does_not_come_back() {
        let (mut session, heard) = session();
        let ask = Ask::Exercise(ExerciseId::X5);
        session.handle(LessonCommand { id: 1, ask });
        let stop = |id| LessonCommand {
            id: 9,
            ask: Ask::Stop { id },
        };
        session.handle(stop(2));
        assert!(heard.borrow().is_empty());
        session.handle(stop(1));
        assert!(!session.advance(10.0));
        let stopped = LessonEvent {
            id: 1,
            answer: Answer::Stopped,
        };
        assert_eq!(*heard.borrow(), [stopped]);
    }
}
