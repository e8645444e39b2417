//! Glassbox: see how neural networks learn.
//!
//! # Layout
//! - [`tensor`], [`equation`]: values and shapes; index-sum expressions that render and evaluate.
//! - [`ops`]: one file for each operation family.
//! - `graph`, `layers`, `models`: building models and their backward passes.
//! - `exec`: plans and the two executors, GPU and CPU.
//! - `optim`, `data`, `train`: optimizers, data sets, training.
//! - `lab`: what training takes at any scale.
//! - `course`: concepts and their texts; `lesson`: what its pages compute.
//! - [`session`]: the engine's only door.
//! - [`plot`], [`view`]: drawings of a run; texts, links, formats and colours of the page.
//!
//! `docs/ARCHITECTURE.md` has the whole map.

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
pub mod course;
pub mod data;
pub mod equation;
pub mod exec;
pub mod export;
pub mod graph;
pub mod lab;
pub mod layers;
pub mod lesson;
pub mod models;
pub mod ops;
pub mod optim;
pub mod platform;
pub mod plot;
pub mod session;
pub mod tensor;
pub mod train;
pub mod view;
#[cfg(target_arch = "wasm32")]
pub mod web;
