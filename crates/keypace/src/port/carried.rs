//! How often a node has sent keys away by MIGRATE, and taken such keys in: what a migration leaves behind that was begun
//! and called off between two looks at who owns what. Read from INFO; decides nothing about slots.

use serde::{Deserialize, Serialize};

use super::connection::Class;
use super::info::Info;
use super::node::{Lease, Node};
use super::resp::Reply;
use crate::error::Result;

/// Counters of a process, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Carried {
    /// Its `run_id`: another process counts from 0.
    process: String,
    /// Calls of MIGRATE.
    away: u64,
    /// Calls of RESTORE-ASKING, which is how a cluster's node is sent keys by MIGRATE.
    here: u64,
}

impl Carried {
    /// Whether keys may have left the node and come back between two moments: it takes a call of each. Counters that fell
    /// were reset. Where nobody tells, nothing is known of it.
    pub(crate) fn and_back(before: Option<&Self>, after: Option<&Self>) -> bool {
        match (before, after) {
            (_, None) => false,
            (Some(before), Some(after)) if before.process == after.process => {
                before.away != after.away && before.here != after.here
            }
            // The process before may have been the one that sent them away.
            (Some(_), Some(after)) => after.here > 0,
            (None, Some(after)) => after.away > 0 && after.here > 0,
        }
    }

    fn read(text: &[u8], process: String) -> Self {
        let info = Info::parse(text);
        let calls = |name: &str| {
            let fields = info.get(name)?.split(',');
            let mut calls = fields.filter_map(|field| field.strip_prefix("calls="));
            calls.next()?.parse().ok()
        };
        Self {
            process,
            away: calls("cmdstat_migrate").unwrap_or(0),
            here: calls("cmdstat_restore-asking").unwrap_or(0),
        }
    }
}

/// What a node has carried up to now; nothing where it doesn't tell. Cancel-safe.
///
/// # Errors
/// What asking a node gives that is away.
pub(crate) async fn carried(node: &Node) -> Result<Option<Carried>> {
    let mut backoff = node.backoff();
    loop {
        let asked = match node.lease().await {
            Ok(mut lease) => {
                queue(&mut lease);
                match lease.flush().await {
                    Ok(()) => answer(&mut lease).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match asked {
            Ok(carried) => return Ok(carried),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

/// The question alone: the answer is read by [`answer`].
pub(super) fn queue(lease: &mut Lease) {
    let args = ["INFO", "commandstats"];
    lease.queue("INFO", Class::Read, args.iter());
}

pub(super) async fn answer(lease: &mut Lease) -> Result<Option<Carried>> {
    let reply = lease.reply().await?;
    let process = lease
        .run_id()
        .map(|id| String::from_utf8_lossy(id).into_owned());
    Ok(match (reply, process) {
        (Reply::Bulk(text), Some(process)) => Some(Carried::read(&text, process)),
        // Whether it may not be asked or can't: the counters are no condition for a walk.
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::Carried;

    fn carried(process: &str, away: u64, here: u64) -> Carried {
        Carried {
            process: process.to_owned(),
            away,
            here,
        }
    }

    #[test]
    fn p04_calls_are_read_and_absent_ones_are_none() {
        let text = b"# Commandstats\r\ncmdstat_migrate:calls=3,usec=9,usec_per_call=3.00\r\n\
            cmdstat_restore-asking:calls=17,usec=1\r\n";
        assert_eq!(Carried::read(text, "a".into()), carried("a", 3, 17));
        assert_eq!(Carried::read(b"", "a".into()), carried("a", 0, 0));
    }

    #[test]
    fn p04_it_takes_both_ways_to_come_back() {
        let and_back =
            |before: &Carried, after: &Carried| Carried::and_back(Some(before), Some(after));
        let before = carried("a", 3, 17);
        for (after, came_back) in [
            (carried("a", 3, 17), false),
            // It gives slots away, or takes some.
            (carried("a", 9, 17), false),
            (carried("a", 3, 90), false),
            (carried("a", 4, 18), true),
            // CONFIG RESETSTAT in between.
            (carried("a", 0, 0), true),
            (carried("b", 0, 0), false),
            (carried("b", 0, 1), true),
        ] {
            assert_eq!(and_back(&before, &after), came_back, "{after:?}");
        }
        assert!(Carried::and_back(None, Some(&before)));
        assert!(!Carried::and_back(None, Some(&carried("a", 3, 0))));
        assert!(!Carried::and_back(Some(&before), None));
    }
}
