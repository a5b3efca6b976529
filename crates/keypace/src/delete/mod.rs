//! Deletes keys that somebody else found: `Plan -> Confirmed -> Deleter`. Batches by UNLINK, or DEL where the
//! server has no UNLINK; every key ends with one outcome, and the sum is checked.
//!
//! # What is promised
//! A key is counted as *deleted* where the server said that it removed it, and as *already gone* where it was not
//! there. A batch whose reply did not come may have run: it is sent again once the server answers, so that keys the
//! lost batch removed count as already gone; where the server never answers they are *unknown*.
//! In a cluster keys that another node has by now have no outcome here: they are *elsewhere*, and to be found again.

mod drive;
mod meaning;
mod options;
mod plan;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use drive::{Deleter, Until};
pub use options::DeleteOptions;
pub use plan::{Confirmed, Consent, Plan};
pub(crate) use plan::{Draft, Selection};
pub(crate) use state::{Batch, Refused, Tally};
