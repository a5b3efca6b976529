//! Key names and patterns over them: [`Key`], [`Pattern`], [`Scope`], [`Slot`].
//! Bytes in, decisions out: it sends nothing, reads no clock, and imports only `limits`.
//!
//! Keys are bytes, never text, from the socket to the screen. A [`Pattern`] matches byte for byte what the
//! server's own `SCAN ... MATCH` and `KEYS` match, so that an exclude or a scope decided here holds there.

mod escape;
mod glob;
#[cfg(test)]
mod glob_golden;
mod guard;
mod name;
mod pattern;
mod scope;
mod slot;

pub use escape::Escaped;
pub use guard::StallReason;
pub use name::Key;
pub use pattern::{Pattern, PatternError};
pub use scope::Scope;
pub use slot::{Slot, SlotSet};
