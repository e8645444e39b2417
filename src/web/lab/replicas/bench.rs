//! The coordinator in the page, and the Web Workers that it talks to.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use leptos::prelude::*;

use crate::lab::replicas::{Command, Coordinator, Event, Settings, Standing};
use crate::lab::{LabCommand, LabError, LabEvent};
use crate::session::FailureKind;
use crate::view::lab::replicas::{Ended, Exercise, STEPS};
use crate::web::client::{Client, FromWorker};
use crate::web::lab::engine::{LAB_WORKER, fault};

type Worker = Client<LabCommand, LabEvent>;

/// Earlier runs that are kept to be compared.
const MOST_EARLIER: usize = 6;

/// A worker, known by a number that no other one has had.
struct Slot {
    id: u64,
    client: Worker,
}

/// An exercise that is under way or decided.
struct Deciding {
    exercise: Exercise,
    waiting: VecDeque<Settings>,
    ended: Vec<Ended>,
}

/// A run with its workers.
struct Run {
    coordinator: Coordinator,
    /// `None` for one that was ended.
    workers: Vec<Option<Slot>>,
    /// The learner wants all lost replicas back.
    restarts: bool,
}

/// Everything that runs on the page. Held by one `Rc`.
pub struct Bench {
    run: RefCell<Option<Run>>,
    /// Workers started so far.
    started: Cell<u64>,
    /// What the workers said, by their numbers.
    inbox: RefCell<VecDeque<(u64, FromWorker<LabEvent>)>>,
    is_busy: Cell<bool>,
    /// Counts what has happened; the page draws itself anew at most once for each frame.
    version: RwSignal<u64>,
    is_due: Cell<bool>,
    /// What stopped a worker or its data.
    fault: RefCell<Option<LabError>>,
    earlier: RefCell<Vec<Ended>>,
    exercise: RefCell<Option<Deciding>>,
}

/// Cores that the browser tells of.
pub fn cores() -> usize {
    (window().navigator().hardware_concurrency() as usize).max(1)
}

impl Bench {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            run: RefCell::new(None),
            started: Cell::new(0),
            inbox: RefCell::default(),
            is_busy: Cell::new(false),
            version: RwSignal::new(0),
            is_due: Cell::new(false),
            fault: RefCell::new(None),
            earlier: RefCell::default(),
            exercise: RefCell::new(None),
        })
    }

    /// Changes whenever the page should be drawn anew.
    pub fn version(&self) -> RwSignal<u64> {
        self.version
    }

    /// Reads the run, if there is one: the coordinator and how many workers there are.
    pub fn read<T>(&self, read: impl FnOnce(&Coordinator, usize) -> T) -> Option<T> {
        let run = self.run.borrow();
        let run = run.as_ref()?;
        Some(read(&run.coordinator, run.workers.len()))
    }

    pub fn fault(&self) -> Option<LabError> {
        self.fault.borrow().clone()
    }

    /// Runs that have ended, the last one first.
    pub fn earlier(&self) -> Vec<Ended> {
        self.earlier.borrow().iter().rev().cloned().collect()
    }

    /// The exercise that is under way or done, with its runs so far.
    pub fn exercise(&self) -> Option<(Exercise, Vec<Ended>)> {
        let exercise = self.exercise.borrow();
        exercise
            .as_ref()
            .map(|deciding| (deciding.exercise, deciding.ended.clone()))
    }

    /// Ends what runs and builds the replicas of `settings`.
    pub fn start(self: &Rc<Self>, settings: Settings) {
        *self.exercise.borrow_mut() = None;
        self.build(settings);
    }

    /// Starts the runs of an exercise.
    pub fn start_exercise(self: &Rc<Self>, exercise: Exercise) {
        let mut runs: VecDeque<Settings> = exercise.runs().into();
        let first = runs.pop_front().expect("an exercise has runs");
        *self.exercise.borrow_mut() = Some(Deciding {
            exercise,
            waiting: runs,
            ended: Vec::new(),
        });
        self.build(first);
    }

    fn build(self: &Rc<Self>, settings: Settings) {
        self.keep_ended();
        *self.fault.borrow_mut() = None;
        let replicas = settings.replicas as usize;
        let mut coordinator = match Coordinator::new(settings) {
            Ok(coordinator) => coordinator,
            Err(error) => {
                let refused = fault(FailureKind::BadConfig, error.to_string(), None);
                *self.fault.borrow_mut() = Some(refused);
                return self.mark();
            }
        };
        let commands = coordinator.build();
        let count = replicas.min(cores());
        let mut workers = self.free_workers();
        workers.resize_with(count, || None);
        *self.run.borrow_mut() = Some(Run {
            coordinator,
            workers,
            restarts: false,
        });
        self.send(commands);
        self.mark();
    }

    /// The workers of the run before, where they have nothing left to answer: they serve the next one. Others end here,
    /// so that what they still say is not taken for the new run's.
    fn free_workers(&self) -> Vec<Option<Slot>> {
        let Some(run) = self.run.borrow_mut().take() else {
            return Vec::new();
        };
        if *run.coordinator.standing() != Standing::Idle {
            return Vec::new();
        }
        for replica in 0..run.coordinator.settings().replicas {
            let worker = &run.workers[replica as usize % run.workers.len()];
            if let Some(Slot { client, .. }) = worker {
                client.send(&LabCommand::Replicas(Command::Dismiss { replica }));
            }
        }
        run.workers
    }

    /// Keeps what a run has shown, once it has taken some steps.
    fn keep_ended(&self) {
        let ended = self.read(|run, workers| (run.step() > 1).then(|| Ended::of(run, workers)));
        if let Some(ended) = ended.flatten().filter(|e| e.samples_per_second.is_some()) {
            let mut earlier = self.earlier.borrow_mut();
            earlier.push(ended);
            let surplus = earlier.len().saturating_sub(MOST_EARLIER);
            earlier.drain(..surplus);
        }
    }

    /// Lets the coordinator decide something, and carries it out.
    pub fn act(self: &Rc<Self>, act: impl FnOnce(&mut Coordinator) -> Vec<Command>) {
        let commands = match &mut *self.run.borrow_mut() {
            Some(run) => act(&mut run.coordinator),
            None => return,
        };
        self.send(commands);
        self.drain();
        self.mark();
    }

    /// Ends the worker of a replica in the middle of whatever it does, with all replicas in it.
    pub fn kill(self: &Rc<Self>, replica: u32) {
        let lost = {
            let mut run = self.run.borrow_mut();
            let Some(run) = run.as_mut() else {
                return;
            };
            let worker = replica as usize % run.workers.len();
            run.workers[worker] = None;
            self.replicas_of(run, worker)
        };
        self.lose(lost);
    }

    fn replicas_of(&self, run: &Run, worker: usize) -> Vec<u32> {
        let count = run.workers.len();
        let all = 0..run.coordinator.settings().replicas;
        all.filter(|&replica| replica as usize % count == worker)
            .collect()
    }

    fn lose(self: &Rc<Self>, lost: Vec<u32>) {
        for replica in lost {
            self.act(|run| run.lose(replica));
        }
    }

    /// Puts new replicas in place of all that are lost.
    pub fn restart(self: &Rc<Self>) {
        if let Some(run) = &mut *self.run.borrow_mut() {
            run.restarts = true;
        }
        self.drain();
        self.mark();
    }

    fn send(self: &Rc<Self>, commands: Vec<Command>) {
        for command in commands {
            let replica = command.replica() as usize;
            let is_build = matches!(command, Command::Build { .. });
            let mut run = self.run.borrow_mut();
            let Some(run) = run.as_mut() else {
                return;
            };
            let worker = replica % run.workers.len();
            let slot = &mut run.workers[worker];
            if slot.is_none() && is_build {
                let (bench, id) = (Rc::downgrade(self), self.started.get());
                self.started.set(id + 1);
                let client = Client::spawn(LAB_WORKER, move |message| {
                    if let Some(bench) = bench.upgrade() {
                        bench.inbox.borrow_mut().push_back((id, message));
                        bench.drain();
                    }
                });
                *slot = Some(Slot { id, client });
            }
            if let Some(Slot { client, .. }) = slot {
                client.send(&LabCommand::Replicas(command));
            }
        }
    }

    /// Hands over what the workers said. What is said meanwhile waits its turn.
    fn drain(self: &Rc<Self>) {
        if self.run.try_borrow_mut().is_err() || self.is_busy.replace(true) {
            return;
        }
        loop {
            let heard = self.inbox.borrow_mut().pop_front();
            let Some((id, message)) = heard else {
                break;
            };
            if let Some(worker) = self.place_of(id) {
                self.hear(worker, message);
            }
        }
        self.is_busy.set(false);
        self.go_further();
        self.mark();
    }

    /// The place of a worker in the run, if it is still there.
    fn place_of(&self, id: u64) -> Option<usize> {
        let run = self.run.borrow();
        let mut workers = run.as_ref()?.workers.iter();
        workers.position(|slot| slot.as_ref().is_some_and(|slot| slot.id == id))
    }

    fn hear(self: &Rc<Self>, worker: usize, message: FromWorker<LabEvent>) {
        let event = match message {
            FromWorker::Event(event) => *event,
            FromWorker::Ready => return,
            FromWorker::Lost(loss) => {
                let lost = fault(FailureKind::Crash, format!("{loss:?}"), None);
                *self.fault.borrow_mut() = Some(lost);
                let lost = {
                    let mut run = self.run.borrow_mut();
                    let Some(run) = run.as_mut() else {
                        return;
                    };
                    run.workers[worker] = None;
                    self.replicas_of(run, worker)
                };
                for replica in lost {
                    self.tell_coordinator(|run| run.lose(replica));
                }
                return;
            }
        };
        match event {
            LabEvent::Replicas(event) => self.tell_coordinator(|run| run.on_event(event)),
            LabEvent::Failed { error } | LabEvent::FileMissing { error } => {
                *self.fault.borrow_mut() = Some(error.clone());
                let message = error.to_string();
                // Nothing more comes of what this worker was asked.
                let replicas = match &*self.run.borrow() {
                    Some(run) => self.replicas_of(run, worker),
                    None => Vec::new(),
                };
                for replica in replicas {
                    let error = crate::lab::replicas::ReplicaError::Model {
                        message: message.clone(),
                    };
                    let event = Event::Failed { replica, error };
                    self.tell_coordinator(|run| run.on_event(event));
                }
            }
            _ => {}
        }
    }

    fn tell_coordinator(self: &Rc<Self>, tell: impl FnOnce(&mut Coordinator) -> Vec<Command>) {
        let commands = match &mut *self.run.borrow_mut() {
            Some(run) => tell(&mut run.coordinator),
            None => return,
        };
        self.send(commands);
    }

    /// What follows by itself: lost replicas that are wanted back, and the runs of an exercise.
    fn go_further(self: &Rc<Self>) {
        let commands = {
            let mut run = self.run.borrow_mut();
            let Some(run) = run.as_mut() else {
                return;
            };
            match run.coordinator.standing().clone() {
                Standing::Broken { lost } if run.restarts => run.coordinator.restart(lost[0]),
                Standing::Idle => {
                    run.restarts = false;
                    let is_exercise = self.exercise.borrow().is_some();
                    let left = STEPS.saturating_sub(run.coordinator.step());
                    match is_exercise && left > 0 {
                        true => run.coordinator.play(left),
                        false => Vec::new(),
                    }
                }
                _ => Vec::new(),
            }
        };
        if !commands.is_empty() {
            return self.send(commands);
        }
        let is_done = self.read(|run, _| *run.standing() == Standing::Idle && run.step() >= STEPS);
        if is_done != Some(true) {
            return;
        }
        let next = {
            let mut exercise = self.exercise.borrow_mut();
            let Some(deciding) = exercise.as_mut() else {
                return;
            };
            if deciding.ended.len() == deciding.exercise.runs().len() {
                return;
            }
            deciding.ended.extend(self.read(Ended::of));
            deciding.waiting.pop_front()
        };
        if let Some(settings) = next {
            self.build(settings);
        }
    }

    /// Has the page drawn anew with the next frame.
    fn mark(self: &Rc<Self>) {
        if self.is_due.replace(true) {
            return;
        }
        let bench = Rc::downgrade(self);
        request_animation_frame(move || {
            if let Some(bench) = bench.upgrade() {
                bench.is_due.set(false);
                bench.version.update(|version| *version += 1);
            }
        });
    }
}
