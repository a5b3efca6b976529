//! Composes scan and delete, and accounts for every key: listing, counting, dry runs and deletes, with progress,
//! checkpoint and Summary. What the command line and a service share, so that neither writes it by itself.
//!
//! A [`Sweep`] is driven by its caller: `next()` does the work until something moved. Nothing runs beside it, so a
//! caller that stops calling stops the work. How it stands can be read meanwhile by a [`ProgressHandle`], and a
//! [`StopHandle`] ends it: what is in flight is settled first.

mod alone;
mod batcher;
mod books;
mod browse;
mod checkpoint;
mod cluster;
mod drive;
mod ground;
mod index;
mod left_alone;
mod look;
mod notes;
mod options;
mod overview;
mod owners;
mod plan;
mod prefixes;
mod rate;
mod replicas;
mod restore;
mod saving;
mod shard;
mod shared;
mod state;
mod stats;
mod stop;
mod tallies;
mod team;
mod verify;
mod view;
mod work;

pub use browse::{Browse, BrowsePlace, Browsed, browse};
pub use checkpoint::Checkpoint;
pub use drive::{Event, Sweep};
pub use index::{
    IndexOptions, IndexProgress, Rebuild, RebuildOptions, Rekey, RekeyConsent, SwitchConsent,
    Verify as IndexVerify, add_owner_key, assign, has_index,
};
pub use options::{BackupTarget, Describe, SweepOptions};
pub use overview::ProgressHandle;
pub use plan::{plan_delete, plan_delete_unseen};
pub use restore::{
    Existing, Restore, RestoreConsent, RestoreOptions, RestorePlan, RestoreProgress, Unrestored,
};
pub use stop::StopHandle;
