//! Keys in one go, bounded: for a handful of keys under a scoped pattern, and for nothing else.

use super::drive::{Pages, Step};
use super::options::{Order, ScanOptions};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Scope};
use crate::limits;
use crate::port::Keyspace;

/// What [`collect`] gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Sorted bytewise, each key once.
    pub keys: Vec<Key>,
    /// More keys match than were gathered.
    pub truncated: bool,
}

/// Gathers keys, sorted, each once: `limits::COLLECT_DEFAULT_KEYS` unless `options` has a limit. Where more match it
/// stops and says `truncated`. SCAN and KEYS give the same where nothing was cut.
///
/// MATCH saves no work: the server looks at every key of the database, however few match. A pattern without two
/// literal segments (`session:*`) is warned about; who lists by owner wants an index, who works on many keys wants
/// [`Pages`]. Cancel-safe: nothing is changed.
///
/// # Errors
/// `Limit` for a limit above `limits::COLLECT_MAX_KEYS`; else what a walk gives.
pub async fn collect(keyspace: &Keyspace, options: ScanOptions) -> Result<Collected> {
    keyspace.refuse_cluster("collect keys")?;
    let limit = checked_limit(&options)?;
    warn_unscoped(&options);
    // One more than wanted shows whether there are more; a duplicate must not be taken for that one.
    let options = options
        .with_limit(limit as u64 + 1)
        .with_order(Order::Exact);
    let mut pages = Pages::new(keyspace, options);
    let mut keys: Vec<Key> = Vec::new();
    while let Some(step) = pages.next().await? {
        match step {
            Step::Page(page) => keys.extend(page.into_keys().iter().map(Key::detach)),
            Step::Restarted => {}
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let truncated = keys.len() > limit;
    keys.truncate(limit);
    Ok(Collected { keys, truncated })
}

fn checked_limit(options: &ScanOptions) -> Result<usize> {
    let limit = options.limit.unwrap_or(limits::COLLECT_DEFAULT_KEYS as u64);
    match usize::try_from(limit) {
        Ok(limit) if limit <= limits::COLLECT_MAX_KEYS => Ok(limit),
        _ => Err(Error::new(
            ErrorKind::Limit,
            Retry::Never,
            "collect keys",
            format!("{limit} keys are more than the {} that are held in memory", limits::COLLECT_MAX_KEYS),
        )
        .with_hint("take the pages as a stream (Pages), or keep an index of what you list (Kv::with_index)")),
    }
}

fn warn_unscoped(options: &ScanOptions) {
    for pattern in &options.patterns {
        let scope = pattern.scope(limits::DEFAULT_SEPARATOR);
        if scope != Scope::Scoped {
            tracing::warn!(
                name: "scan_keys_unbounded_pattern",
                pattern_scope = scope.as_str(),
                "scan_keys_unbounded_pattern: the whole keyspace is walked for a pattern without two literal segments"
            );
        }
    }
}
