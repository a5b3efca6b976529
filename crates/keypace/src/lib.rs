//! Redis and Valkey keyspace work at a pace your server can stand: walk, count and delete keys in production without
//! `KEYS`, completely, resumably, and with every key accounted for.
//!
//! - [`Keyspace`] connects, finds the rest of a cluster or the primary that Sentinels name, and says who answers;
//!   [`Target`] is a URL that never shows its password.
//! - [`Pages`] walks by SCAN: a stream of pages, each with a [`Mark`] to go on from. [`collect`] gathers a few keys.
//! - [`Sweep`] lists, counts and deletes, with progress, checkpoints and a [`Summary`]. A delete takes a [`Plan`] that
//!   somebody [confirmed](Plan::confirm), and nothing else deletes.
//! - [`Bulk`] reads and writes many values in few commands, as bytes or as JSON.
//! - [`Kv`] is a small convenience for an application with a prefix of its own, with an index in place of SCAN.
//!
//! ```no_run
//! use keypace::{
//!     ConnectOptions, Consent, DeleteOptions, Keyspace, Pattern, ScanOptions, Sweep, SweepOptions, Target, plan_delete,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let target = Target::parse("redis://127.0.0.1:6379")?;
//! let keyspace = Keyspace::connect(target, ConnectOptions::default()).await?;
//!
//! let scan = ScanOptions::new(vec![Pattern::new("session:*")?])?;
//! let options = SweepOptions::new(scan);
//! let plan = plan_delete(&keyspace, &options).await?;
//! println!("about {:?} of {} keys would go", plan.estimate(), plan.total_keys());
//!
//! let confirmed = plan.confirm(Consent::Scoped)?;
//! let mut sweep = Sweep::delete(&keyspace, options, DeleteOptions::default(), confirmed).await?;
//! while sweep.next().await.is_some() {}
//! println!("{} keys were deleted", sweep.summary().deleted);
//! # Ok(())
//! # }
//! ```
//!
//! The library prints nothing, reads no environment, installs no signal handlers and never exits. It wants a tokio
//! runtime with time and I/O.

pub mod limits;

mod backup;
mod bulk;
mod delete;
mod error;
mod inspect;
mod key;
mod kv;
mod pace;
mod port;
mod records;
mod report;
mod scan;
mod select;
mod stats;
mod sweep;

pub use backup::Backup;
pub use backup::BackupHead;
pub use backup::BackupIndex;
pub use backup::BackupReading;
pub use backup::BackupTotals;
pub use backup::RunToken;
pub use backup::Saved;
pub use backup::SavedKind;
pub use backup::free_bytes;
pub use bulk::Bulk;
pub use bulk::Unread;
pub use delete::BackupPlan;
pub use delete::Confirmed;
pub use delete::Consent;
pub use delete::DeleteOptions;
pub use delete::Plan;
pub use delete::Verify;
pub use error::Error;
pub use error::ErrorKind;
pub use error::Result;
pub use error::Retry;
pub use inspect::InspectOptions;
pub use inspect::Look;
pub use inspect::inspect;
pub use key::Escaped;
pub use key::Facts;
pub use key::Key;
pub use key::Pattern;
pub use key::PatternError;
pub use key::Scope;
pub use key::Size;
pub use key::Slot;
pub use key::SlotSet;
pub use key::StallReason;
pub use key::Ttl;
pub use key::TypeName;
pub use kv::Cleared;
pub use kv::Kv;
pub use pace::Budget;
pub use pace::BudgetHandle;
pub use pace::Thresholds;
pub use port::ConnectOptions;
pub use port::Dial;
pub use port::Dialing;
pub use port::Keyspace;
pub use port::NodeInfo;
pub use port::Protocol;
pub use port::Purpose;
pub use port::ServerInfo;
pub use port::Stream;
pub use port::Target;
pub use port::TlsFiles;
pub use port::Topology;
pub use records::Buried;
pub use records::Cursor;
pub use records::Drift;
pub use records::Expiry;
pub use records::Import;
pub use records::Imported;
pub use records::IndexSize;
pub use records::LastVerify;
pub use records::Lifetime;
pub use records::Namespace;
pub use records::OldLayout;
pub use records::Owner;
pub use records::OwnerKeys;
pub use records::PageRequest;
pub use records::PutOptions;
pub use records::RecordId;
pub use records::RecordIds;
pub use records::RecordPage;
pub use records::Records;
pub use records::RecordsMetrics;
pub use records::Shelf;
pub use records::Stored;
pub use records::Tag;
pub use records::Version;
pub use records::Written;
pub use report::AclAdvice;
pub use report::AssignReport;
pub use report::BigKey;
pub use report::Caller;
pub use report::Capability;
pub use report::CapabilityState;
pub use report::ClientGroup;
pub use report::CommandFigures;
pub use report::DriftCounts;
pub use report::DriftSample;
pub use report::Failure;
pub use report::InspectFinding;
pub use report::InspectNode;
pub use report::InspectReport;
pub use report::KeySample;
pub use report::LatencyEvent;
pub use report::LogKind;
pub use report::Named;
pub use report::NodeProgress;
pub use report::NotSeen;
pub use report::OldSets;
pub use report::PaceSummary;
pub use report::PatternCount;
pub use report::PauseReason;
pub use report::PausedMs;
pub use report::PrefixCount;
pub use report::PrefixStats;
pub use report::Progress;
pub use report::RebuildReport;
pub use report::RekeyReport;
pub use report::RestoreSummary;
pub use report::RestoredPattern;
pub use report::RestoredShard;
pub use report::RunState;
pub use report::SampledPattern;
pub use report::Severity;
pub use report::ShardSummary;
pub use report::Since;
pub use report::SinceKind;
pub use report::SlowShape;
pub use report::SourceLine;
pub use report::StatsReport;
pub use report::Summary;
pub use report::Verified;
pub use report::VerifyReport;
pub use scan::Collected;
pub use scan::Count;
pub use scan::CountChoice;
pub use scan::KeyList;
pub use scan::Lanes;
pub use scan::Mark;
pub use scan::Order;
pub use scan::Page;
pub use scan::Pages;
pub use scan::ScanOptions;
pub use scan::Step;
pub use scan::Strategy;
pub use scan::collect;
pub use select::Filters;
pub use stats::StatsOptions;
pub use sweep::BackupTarget;
pub use sweep::Browse;
pub use sweep::BrowsePlace;
pub use sweep::Browsed;
pub use sweep::Checkpoint;
pub use sweep::Describe;
pub use sweep::Event;
pub use sweep::Existing;
pub use sweep::IndexOptions;
pub use sweep::IndexProgress;
pub use sweep::IndexVerify;
pub use sweep::ProgressHandle;
pub use sweep::Rebuild;
pub use sweep::RebuildOptions;
pub use sweep::Rekey;
pub use sweep::RekeyConsent;
pub use sweep::Restore;
pub use sweep::RestoreConsent;
pub use sweep::RestoreOptions;
pub use sweep::RestorePlan;
pub use sweep::RestoreProgress;
pub use sweep::StopHandle;
pub use sweep::Sweep;
pub use sweep::SweepOptions;
pub use sweep::SwitchConsent;
pub use sweep::Unrestored;
pub use sweep::add_owner_key;
pub use sweep::assign;
pub use sweep::browse;
pub use sweep::has_index;
pub use sweep::plan_delete;
pub use sweep::plan_delete_unseen;

// The library's example in the README is a doctest of its own.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
