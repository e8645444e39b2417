//! The engine of the course: answers questions, the long ones piece by piece.

use std::collections::{BTreeMap, VecDeque};

use super::LessonError;
use super::digits;
use super::exercises::{Progress, Run, needed_file};
use super::fit::Fit;
use super::message::{Answer, Ask, LessonCommand, LessonEvent};
use super::noise;
use super::operation::run_operation;
use super::pipeline::{self, Pipeline};
use super::shapes;

/// What takes long.
enum Work {
    Exercise(Run),
    Pipeline(Box<Pipeline>),
    Fit(Box<Fit>),
}

/// The engine of the course.
pub struct LessonSession {
    emit: Box<dyn FnMut(LessonEvent)>,
    /// Data files by their path below `assets/data/`, and why one could not be had.
    files: BTreeMap<String, Result<Vec<u8>, String>>,
    /// What is under way by the number of its question; the first one is worked on.
    runs: VecDeque<(u32, Work)>,
    /// What waits for its next stretch.
    waiting: Vec<(u32, Box<Fit>)>,
}

impl LessonSession {
    /// `emit` gets every answer as it happens.
    pub fn new(emit: impl FnMut(LessonEvent) + 'static) -> Self {
        Self {
            emit: Box::new(emit),
            files: BTreeMap::new(),
            runs: VecDeque::new(),
            waiting: Vec::new(),
        }
    }

    /// Tells of something that happens outside, such as the loading of files.
    pub fn answer(&mut self, id: u32, answer: Answer) {
        (self.emit)(LessonEvent { id, answer });
    }

    /// Files below `assets/data/` that a command needs and that have not been given.
    pub fn missing_files(&self, command: &LessonCommand) -> Vec<&'static str> {
        let needed: Vec<&'static str> = match &command.ask {
            Ask::Exercise(id) => needed_file(*id).into_iter().collect(),
            Ask::Digits => digits::files().into(),
            Ask::Pipeline { .. } => pipeline::files().into(),
            Ask::Operation(_)
            | Ask::Shapes { .. }
            | Ask::Noise(_)
            | Ask::Fit(_)
            | Ask::Onward { .. }
            | Ask::Stop { .. } => Vec::new(),
        };
        let is_missing = |path: &&'static str| !matches!(self.files.get(*path), Some(Ok(_)));
        needed.into_iter().filter(is_missing).collect()
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
                self.begin(id, run.map(Work::Exercise));
            }
            Ask::Digits => {
                let answer = match self.digits() {
                    Ok(digits) => Answer::Digits(digits),
                    Err(error) => failure(&error),
                };
                self.answer(id, answer);
            }
            Ask::Shapes { network, batch } => {
                let answer = match shapes::walk(network, batch) {
                    Ok(walk) => Answer::Shapes(Box::new(walk)),
                    Err(error) => failure(&error),
                };
                self.answer(id, answer);
            }
            Ask::Pipeline { fault, seed } => {
                let run = self.pipeline(fault, seed);
                self.begin(id, run.map(|run| Work::Pipeline(Box::new(run))));
            }
            Ask::Noise(request) => {
                let answer = match noise::report(request) {
                    Ok(report) => Answer::Noise(Box::new(report)),
                    Err(error) => failure(&error.into()),
                };
                self.answer(id, answer);
            }
            Ask::Fit(request) => match Fit::new(request) {
                Ok(fit) => self.let_wait(id, Box::new(fit)),
                Err(error) => self.answer(id, failure(&error)),
            },
            Ask::Onward { id, steps } => {
                let place = self.waiting.iter().position(|(of, _)| *of == id);
                // One that has ended meanwhile goes nowhere.
                if let Some(place) = place {
                    let (id, mut fit) = self.waiting.remove(place);
                    fit.go_on(steps);
                    self.runs.push_back((id, Work::Fit(fit)));
                }
            }
            Ask::Stop { id } => {
                let before = self.runs.len() + self.waiting.len();
                self.runs.retain(|(of, _)| *of != id);
                self.waiting.retain(|(of, _)| *of != id);
                if self.runs.len() + self.waiting.len() < before {
                    self.answer(id, Answer::Stopped);
                }
            }
        }
    }

    /// Reports, and keeps what can go on for its next stretch.
    fn let_wait(&mut self, id: u32, mut fit: Box<Fit>) {
        let report = fit.report().clone();
        if !report.is_done() {
            self.waiting.push((id, fit));
        }
        self.answer(id, Answer::Fit(Box::new(report)));
    }

    /// Puts work into its queue, or tells why there is none.
    fn begin(&mut self, id: u32, work: Result<Work, LessonError>) {
        match work {
            Ok(work) => self.runs.push_back((id, work)),
            Err(error) => self.answer(id, failure(&error)),
        }
    }

    /// The bytes of the file that an exercise reads.
    fn file_of(
        &self,
        exercise: super::exercises::ExerciseId,
    ) -> Result<Option<&[u8]>, LessonError> {
        let path = needed_file(exercise);
        path.map(|path| self.file(path)).transpose()
    }

    fn file(&self, path: &'static str) -> Result<&[u8], LessonError> {
        let missing = |message: &str| LessonError::MissingFile {
            path,
            message: message.into(),
        };
        match self.files.get(path) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(message)) => Err(missing(message)),
            None => Err(missing("nobody has given it")),
        }
    }

    fn digits(&self) -> Result<Vec<digits::Digit>, LessonError> {
        let [images, labels] = digits::files();
        digits::digits([self.file(images)?, self.file(labels)?])
    }

    fn pipeline(&self, fault: pipeline::Fault, seed: u64) -> Result<Pipeline, LessonError> {
        let [a, b, c, d] = pipeline::files().map(|path| self.file(path));
        Pipeline::new(fault, seed, [a?, b?, c?, d?])
    }

    /// Works for about `budget_millis`. Returns whether there is more to do.
    pub fn advance(&mut self, budget_millis: f64) -> bool {
        let Some((id, mut work)) = self.runs.pop_front() else {
            return false;
        };
        let (answer, goes_on) = match &mut work {
            Work::Fit(fit) => {
                if fit.advance(budget_millis) {
                    self.runs.push_front((id, work));
                } else if let Work::Fit(fit) = work {
                    self.let_wait(id, fit);
                }
                return !self.runs.is_empty();
            }
            Work::Exercise(run) => match run.advance(budget_millis) {
                Ok(Progress::Working { done, total }) => (Answer::Progress { done, total }, true),
                Ok(Progress::Done(outcome)) => (Answer::Exercise(outcome), false),
                Err(error) => (failure(&error), false),
            },
            Work::Pipeline(run) => match run.advance(budget_millis) {
                Ok(more) => (Answer::Pipeline(Box::new(run.report().clone())), more),
                Err(error) => (failure(&error), false),
            },
        };
        if goes_on {
            self.runs.push_front((id, work));
        }
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

    #[test]
    fn a_pipeline_reports_as_it_goes_and_says_which_file_is_missing() {
        let (mut session, heard) = session();
        let command = LessonCommand {
            id: 7,
            ask: Ask::Pipeline {
                fault: pipeline::Fault::None,
                seed: 1,
            },
        };
        let missing = session.missing_files(&command);
        assert_eq!(missing.len(), 4);
        for path in &missing[1..] {
            let bytes = std::fs::read(format!("assets/data/{path}")).unwrap();
            session.give_file(path, Ok(bytes));
        }
        session.give_file(missing[0], Err("no answer".into()));
        session.handle(command.clone());
        let refused = heard.borrow_mut().pop().unwrap();
        assert!(
            matches!(&refused.answer, Answer::Failed { message } if message.contains(missing[0]) && message.contains("no answer"))
        );
        assert_eq!(session.missing_files(&command), missing[..1]);
        let bytes = std::fs::read(format!("assets/data/{}", missing[0])).unwrap();
        session.give_file(missing[0], Ok(bytes));
        session.handle(command);
        while session.advance(1.0) {}
        let heard = heard.borrow();
        let (last, others) = heard.split_last().unwrap();
        assert!(others.len() > 3 && others.iter().all(|event| !event.answer.is_last()));
        assert!(matches!(&last.answer, Answer::Pipeline(report) if report.is_done()));
        // As it travels.
        let bytes = postcard::to_allocvec(last).unwrap();
        assert_eq!(postcard::from_bytes::<LessonEvent>(&bytes).unwrap(), *last);
    }

    #[test]
    fn digits_and_shapes_are_answered_at_once() {
        let (mut session, heard) = session();
        for path in digits::files() {
            let bytes = std::fs::read(format!("assets/data/{path}")).unwrap();
            session.give_file(path, Ok(bytes));
        }
        session.handle(LessonCommand {
            id: 1,
            ask: Ask::Digits,
        });
        let network = shapes::NetworkId::PrintedVgg;
        for batch in [64, 0] {
            let ask = Ask::Shapes { network, batch };
            session.handle(LessonCommand { id: batch, ask });
        }
        let heard = heard.borrow();
        assert!(matches!(&heard[0].answer, Answer::Digits(digits) if digits.len() == 10));
        assert!(matches!(&heard[1].answer, Answer::Shapes(walk) if walk.failure.is_some()));
        assert!(matches!(&heard[2].answer, Answer::Failed { .. }));
    }

    #[test]
    fn a_fit_waits_after_every_stretch_until_it_is_asked_to_go_on() {
        use super::super::fit::{EVERY, FitRequest, STEPS};
        let (mut session, heard) = session();
        let tell = |session: &mut LessonSession, id, ask| session.handle(LessonCommand { id, ask });
        let request = FitRequest::default();
        tell(&mut session, 5, Ask::Fit(request));
        assert!(!session.advance(10.0), "nothing goes on by itself");
        let steps_told = || -> Vec<u32> {
            let heard = heard.borrow();
            let steps = heard.iter().map(|event| match &event.answer {
                Answer::Fit(report) if event.id == 5 => report.now().step,
                other => panic!("{other:?}"),
            });
            steps.collect()
        };
        for steps in [EVERY, 30 * EVERY] {
            tell(&mut session, 9, Ask::Onward { id: 5, steps });
            // Another question's number leads nowhere.
            tell(&mut session, 9, Ask::Onward { id: 6, steps });
            while session.advance(1.0) {}
        }
        assert_eq!(steps_told(), [0, EVERY, 31 * EVERY]);
        let last = heard.borrow().last().cloned().unwrap();
        assert!(!last.answer.is_last());
        // As it travels.
        let bytes = postcard::to_allocvec(&last).unwrap();
        assert_eq!(postcard::from_bytes::<LessonEvent>(&bytes).unwrap(), last);
        tell(
            &mut session,
            9,
            Ask::Onward {
                id: 5,
                steps: STEPS,
            },
        );
        while session.advance(10.0) {}
        let last = heard.borrow_mut().pop().unwrap();
        assert!(last.answer.is_last());
        heard.borrow_mut().clear();
        // It is over, and one that waits ends when it is stopped.
        tell(
            &mut session,
            9,
            Ask::Onward {
                id: 5,
                steps: EVERY,
            },
        );
        tell(&mut session, 9, Ask::Stop { id: 5 });
        assert!(!session.advance(10.0) && heard.borrow().is_empty());
        tell(&mut session, 7, Ask::Fit(request));
        tell(&mut session, 9, Ask::Stop { id: 7 });
        tell(
            &mut session,
            9,
            Ask::Onward {
                id: 7,
                steps: EVERY,
            },
        );
        assert!(!session.advance(10.0));
        assert!(matches!(heard.borrow()[1].answer, Answer::Stopped));
        assert_eq!(heard.borrow().len(), 2);
    }
}
