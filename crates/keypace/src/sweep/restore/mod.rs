//! Brings back what a backup holds: every record ends with one outcome, and their sum is what matched.
//!
//! # What is promised
//! Nothing that is there is overwritten, unless [`Existing::Replace`] was agreed to. A key whose time has passed stays
//! away. A payload that the server can't read is named and stays in the file, which a restore never changes. Where an
//! answer was lost the record is sent again: a key that is there then counts as *existing*, whoever has put it there.
//!
//! A [`Restore`] is driven by its caller, as a [`Sweep`](super::Sweep) is.

mod courier;
mod drive;
mod options;
mod plan;
mod routes;
mod state;
mod view;

pub use drive::{Restore, Unrestored};
pub use options::{Existing, RestoreConsent, RestoreOptions};
pub use plan::RestorePlan;
pub use view::RestoreProgress;
