//! Data parallelism (the gradient of the whole batch as a mean over shards): several replicas of one model, each on its own shard of the samples.
//!
//! - `settings`: what a run is asked for, and what is refused.
//! - `subject`: the models and their samples.
//! - `replica`: one execution of the engine's own plan on the CPU.
//! - `message`: what the coordinator and the replicas say to each other.
//! - `host`: the replicas of one thread or Web Worker, obeying messages.
//! - `coordinator`: says who does what next; it computes nothing of the model.
//! - `record`: what happened: losses, distances, messages of the ring, times.
//! - `crew`: all hosts in this process, for tests, the command line and pages without workers.
//!
//! The coordinator and the replicas know each other by messages alone, so the same code runs in one thread, in several,
//! and in Web Workers. Parameters change only when every replica holds the whole result of the ring: a replica that
//! disappears before leaves the others at the step before.

mod coordinator;
mod crew;
mod host;
mod message;
mod record;
mod replica;
mod settings;
mod subject;
#[cfg(test)]
mod tests;

pub use coordinator::{Coordinator, Problem, Standing};
pub use crew::Crew;
pub use host::Host;
pub use message::{Command, Event, Exchanged, ReplicaError, ReplicaFacts, Setup, State, Task};
pub use record::{Distance, RingRecord, StepRecord, distance};
pub use replica::Replica;
pub use settings::{MAX_LOCAL_STEPS, MAX_REPLICAS, MAX_STEPS, Mode, Settings, SettingsError};
pub use subject::{LINEAR, Subject, linear_samples};
