//! Walks a namespace's keys, and an old layout's beside them, to verify or rebuild the index by owner, or to move it to
//! another owner key. Composes: pages come
//! from a sweep, and what is done with one is the business of `records`.
//!
//! # What is promised
//! A page is dealt with whole before the next is asked for, so a place that is kept never lies behind work that is not done.
//! Nothing of the old layout is written, and nothing that somebody else has done in the new one is undone: what was deleted or
//! has expired there has left a trace, which each pass that still finds the old key renews. Each step leaves things as they are where it has run before, so that a walk may be taken up anywhere.

mod assign;
mod leftover;
mod options;
mod progress;
mod rebuild;
mod rekey;
mod state;
mod verify;
mod walk;

pub use assign::assign;
pub use options::{IndexOptions, RebuildOptions, RekeyConsent, SwitchConsent};
pub use progress::IndexProgress;
pub use rebuild::Rebuild;
pub use rekey::{Rekey, add_owner_key};
pub use verify::Verify;
pub use walk::has_index;
