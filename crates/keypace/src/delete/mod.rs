//! Deletes keys that somebody else found: `Plan -> Confirmed -> Deleter`. Batches by UNLINK, or DEL where the
//! server has no UNLINK; every key ends with one outcome, and the sum is checked.
//!
//! # What is promised
//! A key is counted as *deleted* where the server said that it removed it, and as *already gone* where it was not
//! there. A batch whose reply did not come may have run: it is sent again once the server answers, so that keys the
//! lost batch removed count as already gone; where the server never answers they are *unknown*.
//! Where filters looked at a key, the server checks it again and removes it in one step, by a script: what changed
//! meanwhile is *skipped*, and what nobody had looked at before and does not pass *never matched*.
//! Where the server has no UNLINK, big collections are taken apart in steps before they are removed.
//! In a cluster keys that another node has by now have no outcome here: they are *elsewhere*, and to be found again.

mod command;
mod drive;
mod meaning;
mod options;
mod plan;
mod remover;
mod script;
mod shrink;
mod state;
#[cfg(test)]
mod tests;
mod watched;

pub(crate) use drive::{Deleter, Until};
pub use options::{DeleteOptions, Verify};
pub use plan::{BackupPlan, Confirmed, Consent, Plan};
pub(crate) use plan::{Draft, Selection};
pub(crate) use remover::Remover;
pub(crate) use script::script_rights;
pub(crate) use state::{Batch, Piece, Refused, Tally};
pub(crate) use watched::{Watched, WatchedOptions};
