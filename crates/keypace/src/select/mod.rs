//! Chooses keys by what is asked about them: type, TTL, idle time, size. Filters are what a caller wants, a guard is the
//! same as a decision, and a selector asks a page's keys. Knows keys and no pages; changes nothing on the server.
//!
//! # What is promised
//! Idle time is asked before anything that could make a key young, and is refused or paused for where the server's clock
//! would lie (see `ground`). A key that fails is asked nothing more. What passes has passed at the moment of asking: who
//! acts on it repeats the guard in one step with the act.

mod asking;
mod drive;
mod filters;
mod ground;
mod questions;
mod state;
mod wire;

#[cfg(test)]
mod live;
#[cfg(test)]
mod tests;

pub use filters::Filters;

pub(crate) use drive::{Looked, Selector};
pub(crate) use ground::{Acts, Ground, check_ground};
pub(crate) use questions::Questions;
pub(crate) use state::{Guard, Verdict};
