//! The engine's only door: [`Command`] in, [`Event`] out.

mod message;

pub use message::*;
