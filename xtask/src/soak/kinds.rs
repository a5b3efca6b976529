//! The kinds of run of the command line, and what is typed for each. Must not run anything.

use super::families::{DOOMED_PATTERN, Family, NEAR_PATTERN, STABLE_PATTERN, UNDO_PATTERN};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    ListExact,
    ListKilled,
    Count,
    CountKilled,
    Delete,
    DeleteKilled,
    Undo,
    UndoKilled,
}

pub(super) const KINDS: [Kind; 9] = [
    Kind::List,
    Kind::ListExact,
    Kind::ListKilled,
    Kind::Count,
    Kind::CountKilled,
    Kind::Delete,
    Kind::DeleteKilled,
    Kind::Undo,
    Kind::UndoKilled,
];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::ListExact => "list --exact",
            Self::ListKilled => "list, killed",
            Self::Count => "count",
            Self::CountKilled => "count, killed",
            Self::Delete => "delete",
            Self::DeleteKilled => "delete, killed",
            Self::Undo => "backup and restore",
            Self::UndoKilled => "backup, killed",
        }
    }

    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::List | Self::ListKilled => &["scan", "-0", STABLE_PATTERN],
            Self::ListExact => &["scan", "-0", "--exact", STABLE_PATTERN],
            Self::Count | Self::CountKilled => &["count", "--json", STABLE_PATTERN, NEAR_PATTERN],
            Self::Delete | Self::DeleteKilled => &["delete", "--json", "--yes", DOOMED_PATTERN],
            Self::Undo | Self::UndoKilled => &["delete", "--json", "--yes", UNDO_PATTERN],
        }
    }

    pub(super) fn is_listing(self) -> bool {
        matches!(self, Self::List | Self::ListExact | Self::ListKilled)
    }

    pub(super) fn is_killed(self) -> bool {
        matches!(
            self,
            Self::ListKilled | Self::CountKilled | Self::DeleteKilled | Self::UndoKilled
        )
    }

    /// With a backup, and a restore after it.
    pub(super) fn is_undone(self) -> bool {
        matches!(self, Self::Undo | Self::UndoKilled)
    }

    /// What it deletes.
    pub(super) fn deletes(self) -> Option<Family> {
        match self {
            Self::Delete | Self::DeleteKilled => Some(Family::DOOMED),
            Self::Undo | Self::UndoKilled => Some(Family::UNDO),
            Self::List | Self::ListExact | Self::ListKilled | Self::Count | Self::CountKilled => {
                None
            }
        }
    }
}
