//! What a look at an index, or a rebuild, is to do. Checked values.

use crate::limits::index as limits;
use crate::records::{Namespace, OldLayout, OwnerKeys};
use crate::sweep::options::SweepOptions;

/// Of which records, by which keys, and how the servers are walked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IndexOptions {
    pub(super) namespace: Namespace,
    pub(super) keys: OwnerKeys,
    pub(super) old: Option<OldLayout>,
    pub(super) walk: Option<SweepOptions>,
}

impl IndexOptions {
    /// Of this namespace, at the default budget.
    #[must_use]
    pub fn new(namespace: Namespace, keys: OwnerKeys) -> Self {
        Self {
            namespace,
            keys,
            old: None,
            walk: None,
        }
    }

    /// Where the application's own records lie. Else it is as the last rebuild was told, or as the namespace's name says:
    /// `session:{id}` for `session`.
    #[must_use]
    pub fn with_old(mut self, old: OldLayout) -> Self {
        self.old = Some(old);
        self
    }

    /// How the servers are walked: budget, rate, nodes, COUNT, lanes, and for a rebuild the checkpoint. Its patterns are not
    /// heeded: the namespace's own keys are walked, and the old layout's.
    #[must_use]
    pub fn with_walk(mut self, walk: SweepOptions) -> Self {
        self.walk = Some(walk);
        self
    }
}

/// That somebody agreed to leave the old layout behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchConsent {
    /// From then on the old keys are not looked at, and rebuild refuses.
    Confirmed,
}

/// That somebody agreed to move a namespace to another owner key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RekeyConsent {
    /// From then on clients need the key file with the new key.
    Confirmed,
}

/// How often a rebuild walks, and how it ends.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RebuildOptions {
    pub(super) follow: Option<u64>,
    pub(super) max_passes: u32,
    pub(super) switch: bool,
    pub(super) leaves_unlisted: bool,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            follow: None,
            max_passes: limits::MAX_PASSES,
            switch: false,
            leaves_unlisted: false,
        }
    }
}

impl RebuildOptions {
    /// Walks again until a pass has changed fewer than so many records, and at least one.
    #[must_use]
    pub fn with_follow(mut self, fewer_than: u64) -> Self {
        self.follow = Some(fewer_than.max(1));
        self
    }

    /// Gives up after so many passes, and at least one.
    #[must_use]
    pub fn with_max_passes(mut self, passes: u32) -> Self {
        self.max_passes = passes.max(1);
        self
    }

    /// Leaves the old layout behind once a last pass has changed nothing, and has met no record that names nobody or can't be
    /// read.
    #[must_use]
    pub fn with_switch(mut self, consent: SwitchConsent) -> Self {
        self.switch = consent == SwitchConsent::Confirmed;
        self
    }

    /// The switch may leave such records behind, in nobody's list for good.
    #[must_use]
    pub fn leaving_unlisted(mut self) -> Self {
        self.leaves_unlisted = true;
        self
    }
}
