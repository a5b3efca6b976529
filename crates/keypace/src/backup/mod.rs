//! The backup of a run: one file that holds what is about to be deleted. The only room that knows its bytes, which
//! `docs/decisions/0010-backup-format.md` describes. It talks to no server and decides nothing about keys.
//!
//! A [`Vault`] writes: what was put is on disk when `safe()` says so. A [`Backup`] reads: whatever is damaged is named,
//! and everything else is given back.

mod disk;
mod entry;
mod frame;
mod head;
mod index;
mod memory;
mod payload;
mod reader;
mod reading;
mod record;
#[cfg(test)]
mod tests;
mod twice;
mod vault;
mod writer;

pub use disk::free_bytes;
pub use entry::{BackupTotals, Saved, SavedKind};
pub use head::{BackupHead, RunToken};
pub use index::BackupIndex;
pub use reader::Backup;
pub use reading::BackupReading;

pub(crate) use entry::{Entry, Outcome, Value};
pub(crate) use vault::Vault;
