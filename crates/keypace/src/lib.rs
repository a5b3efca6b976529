//! Redis and Valkey keyspace work at a pace your server can stand.

pub mod limits;

mod delete;
mod error;
mod key;
mod kv;
mod port;
mod report;
mod scan;
mod sweep;

pub use delete::Confirmed;
pub use delete::Consent;
pub use delete::DeleteOptions;
pub use delete::Plan;
pub use error::{Error, ErrorKind, Result, Retry};
pub use key::{Escaped, Key, Pattern, PatternError, Scope, StallReason};
pub use kv::Cleared;
pub use kv::Kv;
pub use port::{
    ConnectOptions, Dial, Dialing, Keyspace, Protocol, Purpose, ServerInfo, Stream, Target,
    TlsFiles,
};
pub use report::{
    Failure, NodeProgress, PaceSummary, PatternCount, PauseReason, PausedMs, PrefixCount, Progress,
    RunState, ShardSummary, Summary,
};
pub use scan::{
    Collected, Count, CountChoice, Mark, Order, Page, Pages, ScanOptions, Step, Strategy, collect,
};
pub use sweep::{
    Budget, Checkpoint, Event, ProgressHandle, StopHandle, Sweep, SweepOptions, plan_delete,
    plan_delete_unseen,
};
