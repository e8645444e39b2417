//! All replicas in this process: in one thread, or natively in as many as rayon has.

use super::coordinator::{Coordinator, Standing};
use super::host::Host;
use super::message::{Command, Event};
use crate::data::SampleSet;
use crate::platform::for_each_chunk;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A host with the commands that it has to obey and what it answered.
#[derive(Default)]
struct Hand {
    host: Host,
    commands: Vec<Command>,
    events: Vec<Event>,
}

/// A host for each replica.
pub struct Crew {
    hands: Vec<Hand>,
    /// Replicas that no message reaches any more, and that answer none.
    dead: BTreeSet<u32>,
}

impl Crew {
    /// `samples` of the preset called `subject`; the linear regression needs none.
    pub fn new(replicas: u32, subject: &str, samples: Option<&Arc<SampleSet>>) -> Self {
        let mut hands: Vec<Hand> = (0..replicas).map(|_| Hand::default()).collect();
        if let Some(samples) = samples {
            for hand in &mut hands {
                hand.host.provide(subject, Arc::clone(samples));
            }
        }
        Self {
            hands,
            dead: BTreeSet::new(),
        }
    }

    /// From now on nothing reaches this replica, and it answers nothing.
    pub fn kill(&mut self, replica: u32) {
        self.dead.insert(replica);
    }

    /// A new host stands in its place, which has no replica yet.
    pub fn replace(&mut self, replica: u32, subject: &str, samples: Option<&Arc<SampleSet>>) {
        let mut host = Host::default();
        if let Some(samples) = samples {
            host.provide(subject, Arc::clone(samples));
        }
        self.hands[replica as usize] = Hand {
            host,
            ..Hand::default()
        };
        self.dead.remove(&replica);
    }

    /// Carries out commands and what follows from them until nobody has anything left to do.
    pub fn settle(&mut self, coordinator: &mut Coordinator, commands: Vec<Command>) {
        self.settle_while(coordinator, commands, |_| true);
    }

    /// As [`Crew::settle`], as long as `goes_on`, which is asked before each round of messages.
    pub fn settle_while(
        &mut self,
        coordinator: &mut Coordinator,
        mut commands: Vec<Command>,
        mut goes_on: impl FnMut(&Coordinator) -> bool,
    ) {
        while !commands.is_empty() && goes_on(coordinator) {
            for command in commands.drain(..) {
                let replica = command.replica();
                if !self.dead.contains(&replica) {
                    self.hands[replica as usize].commands.push(command);
                }
            }
            // Natively the hosts work side by side.
            for_each_chunk(&mut self.hands, 1, |_, hand| {
                let Hand {
                    host,
                    commands,
                    events,
                } = &mut hand[0];
                for command in commands.drain(..) {
                    host.handle(command, &mut |event| events.push(event));
                }
            });
            for hand in &mut self.hands {
                for event in hand.events.drain(..) {
                    commands.extend(coordinator.on_event(event));
                }
            }
        }
    }

    /// Builds the replicas of a run and takes `steps` steps.
    pub fn run(&mut self, coordinator: &mut Coordinator, steps: u64) {
        let built = coordinator.build();
        self.settle(coordinator, built);
        if *coordinator.standing() == Standing::Idle {
            let played = coordinator.play(steps);
            self.settle(coordinator, played);
        }
    }
}
