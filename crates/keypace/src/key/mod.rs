//! Key names and patterns over them: [`Key`], [`Pattern`], [`Scope`], [`Slot`], and what was learnt of
//! a key: [`Facts`].
//! Bytes in, decisions out: it sends nothing, reads no clock, and imports only `limits`.
//!
//! Keys are bytes, never text, from the socket to the screen. A [`Pattern`] matches byte for byte what the
//! server's own `SCAN ... MATCH` and `KEYS` match, so that an exclude or a scope decided here holds there.

mod escape;
mod facts;
mod glob;
#[cfg(test)]
mod glob_golden;
mod guard;
mod name;
mod pattern;
mod scope;
mod slot;

pub use escape::Escaped;
pub use facts::{Facts, Size, Ttl, TypeName};
pub use guard::StallReason;
pub use name::Key;
pub use pattern::{Pattern, PatternError};
pub use scope::Scope;
pub use slot::{Slot, SlotSet};
