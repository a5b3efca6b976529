//! The words of the pace: what is told to it, what it answers, and the record of both that a trace is made of.
//! Decides nothing.

use serde::{Deserialize, Serialize};

use super::pressure::{Thresholds, Vitals};
use crate::limits;
use crate::report::PauseReason;

/// What a command does, as far as its cost goes: costs differ by orders of magnitude, so each has its own estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QueryKind {
    /// SCAN; its units are COUNT.
    Scan,
    /// SCAN with MATCH or TYPE.
    ScanFilter,
    /// Cheap questions: TYPE, PTTL, OBJECT IDLETIME, STRLEN, LLEN and their like; its units are questions.
    #[serde(alias = "type")]
    Ask,
    /// MEMORY USAGE; its units are keys.
    Measure,
    /// MGET, GETRANGE; its units are KiB of the reply, rounded up.
    Read,
    /// DUMP; its units are KiB of the reply, rounded up, and one for each key at least. Who sends it guesses beforehand (by
    /// MEMORY USAGE, or by what the last keys had) and says afterwards what came.
    Dump,
    /// The script that checks the guard and removes what passes; its units are keys.
    Check,
    /// UNLINK.
    Unlink,
    /// DEL.
    Del,
    /// LTRIM, SREM and their like, which take a part out of one value; its units are elements.
    Shrink,
    /// RESTORE; its units are KiB of the payloads, rounded up, and one for each key at least.
    Restore,
    /// SET, MSET, and scripts that write one record; its units are KiB of what is written, rounded up, and one for each key
    /// at least.
    Write,
}

impl QueryKind {
    /// All of them.
    pub(super) const ALL: [Self; 12] = [
        Self::Scan,
        Self::ScanFilter,
        Self::Ask,
        Self::Measure,
        Self::Read,
        Self::Dump,
        Self::Check,
        Self::Unlink,
        Self::Del,
        Self::Shrink,
        Self::Restore,
        Self::Write,
    ];

    /// The smallest command: a COUNT below the servers' own default is all round trips, keys can go one by one, and a
    /// value is read a KiB at least.
    pub(super) fn least_units(self) -> u32 {
        match self {
            Self::Scan | Self::ScanFilter => limits::COUNT_RATE_MIN,
            Self::Ask
            | Self::Measure
            | Self::Read
            | Self::Dump
            | Self::Check
            | Self::Unlink
            | Self::Del
            | Self::Shrink
            | Self::Restore
            | Self::Write => 1,
        }
    }

    /// The first command, whose cost nobody knows: a key's value may be anything, what SCAN looks at is a name.
    pub(super) fn first_units(self) -> u32 {
        match self {
            Self::Scan | Self::ScanFilter | Self::Ask | Self::Shrink => limits::COUNT_FIRST,
            Self::Measure | Self::Check | Self::Unlink | Self::Del => limits::BATCH_FIRST,
            Self::Read => limits::READ_FIRST_KIB,
            Self::Dump | Self::Restore | Self::Write => limits::DUMP_FIRST_KIB,
        }
    }
}

/// What the pace is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Input {
    /// Work begins, with this promise; `None` is full speed.
    Joined {
        /// Extra wait in microseconds.
        budget_us: Option<u64>,
        /// The work gives memory back, so that short memory is no reason to hold it up.
        frees_memory: bool,
        /// When to hold back for what the server says of itself.
        thresholds: Thresholds,
    },
    /// That work has ended.
    Left {
        /// What it had joined with.
        budget_us: Option<u64>,
        /// What it had joined with.
        frees_memory: bool,
        /// What it had joined with.
        thresholds: Thresholds,
    },
    /// A round trip without work: what the answer takes when the server has nothing to do for us.
    RoundTrip {
        /// Microseconds.
        took_us: u64,
    },
    /// May a command of this kind go, and how large? Answered by an [`Order`].
    Ask {
        /// Of this kind.
        kind: QueryKind,
        /// The last of what was begun: it goes in small commands, and waits for nothing any more.
        #[serde(default)]
        ending: bool,
    },
    /// The command that was let go was answered.
    Done {
        /// Of this kind.
        kind: QueryKind,
        /// COUNT, keys, questions or KiB that it had.
        units: u32,
        /// Microseconds from sending to the answer.
        took_us: u64,
    },
    /// The canary was answered.
    Canary {
        /// Microseconds from sending to the answer.
        wait_us: u64,
        /// Nothing of ours was on its way: whatever it waited for is somebody else's.
        quiet: bool,
    },
    /// The canary could not be asked: it has no connection yet, or has lost it.
    Unheard,
    /// What the server says of itself.
    Vitals(Vitals),
    /// It could not be asked, or didn't say.
    Untold,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Send a command of at most so many keys, questions or KiB, or with this COUNT.
    Go {
        /// As the kind counts them.
        units: u32,
    },
    /// Send the canary while nothing of ours is on its way, then ask again.
    Listen,
    /// Ask the server how it is, then ask again.
    Inspect,
    /// Wait, then ask again.
    Pause {
        /// Microseconds.
        us: u64,
        /// Why.
        reason: PauseReason,
    },
}

/// One decision, or one thing told, with what the pace knew: a line of `--explain-pace`, and of a trace that can be
/// replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Microseconds since the pace began.
    pub(crate) at_us: u64,
    /// What it was told.
    pub(crate) input: Input,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Order>,
    /// `start`, `steady`, `yield` or `off`.
    pub(crate) phase: String,
    /// What one command of ours may take on the server, in microseconds.
    pub(crate) window_us: u64,
    /// The shortest round trip seen.
    pub(crate) base_us: Option<u64>,
    /// What the canary waited beyond that (90th percentile of the last second).
    pub(crate) delay_us: Option<u64>,
}
