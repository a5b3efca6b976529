//! What is hurting a server now: commands and their time, logs of slow commands, clients, settings, keys without a TTL, and
//! what would mend it.
//!
//! It only reads, and little: per node some twenty commands, and a bounded sample of keys under the pace. MONITOR is never
//! sent, counters are never reset, values are never read, and arguments that were logged are dropped where they are parsed
//! (`shape`). What a server doesn't know or doesn't allow is told in the report and is no failure.

mod acl;
mod clients;
mod commandstats;
mod drive;
mod events;
mod findings;
mod log;
mod look;
mod options;
mod pattern;
mod said;
mod sample;
mod settings;
mod shape;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod words;

pub use options::InspectOptions;

use tokio::time::Instant;

use self::look::NodeLook;
use self::state::{Silent, acl as report_acl, report};
use crate::error::Result;
use crate::port::Keyspace;
use crate::report::InspectReport;

/// What was seen at one time.
#[derive(Debug, Clone)]
pub struct Look {
    taken: Instant,
    nodes: Vec<NodeLook>,
    silent: Silent,
}

/// Looks at the server, or at every node of the cluster, replicas included. Cancel-safe.
///
/// # Errors
/// What finding the nodes gives, and what the last of them gave where none answers.
pub async fn inspect(keyspace: &Keyspace, options: &InspectOptions) -> Result<Look> {
    let taken = Instant::now();
    let told = drive::look(keyspace, options).await?;
    Ok(Look {
        taken,
        nodes: told.nodes,
        silent: Silent {
            primaries: told.silent,
            replicas: told.silent_replicas,
        },
    })
}

impl Look {
    /// Everything since the servers began to count.
    #[must_use]
    pub fn report(&self) -> InspectReport {
        report(&self.nodes, &self.silent)
    }

    /// What is new since an earlier look: calls and times in between, commands logged in between. A node that was not
    /// there then, or that began anew, is told as a whole.
    #[must_use]
    pub fn report_since(&self, earlier: &Self) -> InspectReport {
        let new = self.nodes.iter().map(|node| {
            let before = earlier.nodes.iter().find(|before| before.node == node.node);
            before.map_or_else(|| node.clone(), |before| node.since(before))
        });
        let mut report = report(&new.collect::<Vec<_>>(), &self.silent);
        // What nobody called in a minute may well be called in the next.
        report.acl = report_acl(&self.nodes);
        let watched = self.taken.saturating_duration_since(earlier.taken);
        report.watched_ms = Some(u64::try_from(watched.as_millis()).unwrap_or(u64::MAX));
        report
    }
}
