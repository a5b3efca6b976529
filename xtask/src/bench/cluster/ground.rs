//! A seeded cluster, filled again after each delete, and what its primaries say they were sent.
//! Must not let one run meet another keyspace than the next, nor the replicas' work for the last one.

use std::collections::HashMap;
use std::time::Duration;

use keypace_lab::{ClusterOptions, NotYet, OwnedCluster, Raw, Role, wait_until};

use crate::bench::ground::VALUE_BYTES;
use crate::bench::setting::Setting;
use crate::failure::{Failure, Outcome};

const MATCHING_PREFIX: &[u8] = b"session:";
const OTHER_PREFIX: &[u8] = b"other:";
/// Replicas write what their primaries wrote, and values are freed beside; a run should not meet the last one's.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);

/// Six nodes, with as many `session:*` as others.
pub(super) struct Ground {
    cluster: OwnedCluster,
    primaries: Vec<Raw>,
    matching: u64,
    others: u64,
}

impl Ground {
    /// Founds and fills it.
    pub(super) fn start(setting: &Setting<'_>) -> Outcome<Self> {
        let cluster = OwnedCluster::start(setting.program, ClusterOptions::default())?;
        let (matching, others) = (setting.keys / 2, setting.keys.div_ceil(2));
        eprintln!("seeding {} keys over a cluster", matching + others);
        cluster.seed_strings(OTHER_PREFIX, 0..others, VALUE_BYTES)?;
        let primaries = primaries(&cluster)
            .map(|node| cluster.raw(node))
            .collect::<Result<_, _>>()?;
        let mut ground = Self {
            cluster,
            primaries,
            matching,
            others,
        };
        ground.refill()?;
        Ok(ground)
    }

    /// Writes the matching keys again, and waits until nothing of the last run is left to do.
    pub(super) fn refill(&mut self) -> Outcome {
        let range = 0..self.matching;
        self.cluster
            .seed_strings(MATCHING_PREFIX, range, VALUE_BYTES)?;
        let primaries = &mut self.primaries;
        wait_until("see all replicas in step", SETTLE_PATIENCE, || {
            primaries.iter_mut().try_for_each(is_settled)
        })?;
        Ok(())
    }

    /// A fast delete that forgot some keys is no delete.
    pub(super) fn expect_gone(&self, who: &str) -> Outcome {
        let left = self.cluster.key_count()?;
        if left == self.others {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{who} left {left} keys, where {} don't match",
            self.others
        )))
    }

    /// All keys of it.
    pub(super) fn keys(&self) -> u64 {
        self.matching + self.others
    }

    pub(super) fn matching(&self) -> u64 {
        self.matching
    }

    /// The URLs of the primaries; the first is what a client is given.
    pub(super) fn urls(&self) -> Vec<String> {
        primaries(&self.cluster)
            .map(|node| self.cluster.server(node).url())
            .collect()
    }

    /// Has all primaries count commands from 0.
    pub(super) fn forget_commands(&mut self) -> Outcome {
        for raw in &mut self.primaries {
            raw.command(&[b"CONFIG", b"RESETSTAT"])?.checked()?;
        }
        Ok(())
    }

    /// How often the primaries were sent `command` since.
    pub(super) fn calls(&mut self, command: &str) -> Outcome<u64> {
        let mut calls = 0;
        for raw in &mut self.primaries {
            calls += calls_of(&raw.info("commandstats")?, command);
        }
        Ok(calls)
    }

    pub(super) fn stop(self) -> Outcome {
        Ok(self.cluster.stop()?)
    }
}

fn primaries(cluster: &OwnedCluster) -> impl Iterator<Item = usize> {
    let nodes = cluster.nodes().filter(|node| node.role == Role::Primary);
    nodes.map(|node| node.index)
}

/// Whether a primary has freed what was deleted, and its replica has all that was written.
fn is_settled(raw: &mut Raw) -> Result<(), NotYet> {
    if let Some(pending) = raw.info("memory")?.get("lazyfree_pending_objects")
        && pending != "0"
    {
        return Err(format!("{pending} values are still to be freed").into());
    }
    let replication = raw.info("replication")?;
    let written = replication.get("master_repl_offset").cloned();
    let slave = replication.get("slave0").ok_or("no replica is attached")?;
    let reached = part(slave, "offset");
    if reached == written.as_deref() {
        Ok(())
    } else {
        Err(format!("the replica is at {reached:?} of {written:?}").into())
    }
}

/// Of `cmdstat_unlink:calls=5,usec=7` the calls.
fn calls_of(commandstats: &HashMap<String, String>, command: &str) -> u64 {
    let line = commandstats.get(&format!("cmdstat_{command}"));
    line.and_then(|line| part(line, "calls")?.parse().ok())
        .unwrap_or(0)
}

/// One of `name=value,name=value`.
fn part<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let parts = line.split(',').filter_map(|part| part.split_once('='));
    parts
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value)
        .next()
}

#[cfg(test)]
mod tests {
    use super::{calls_of, part};

    #[test]
    fn calls_are_read_from_commandstats() {
        let line = "calls=1202,usec=7,usec_per_call=0.01,rejected_calls=0,failed_calls=0";
        let stats = [("cmdstat_unlink".to_owned(), line.to_owned())].into();
        assert_eq!(calls_of(&stats, "unlink"), 1202);
        // What was never sent has no line.
        assert_eq!(calls_of(&stats, "del"), 0);
    }

    #[test]
    fn a_replica_says_where_it_is() {
        let slave = "ip=127.0.0.1,port=7003,state=online,offset=4711,lag=0";
        assert_eq!(part(slave, "offset"), Some("4711"));
        assert_eq!(part(slave, "off"), None);
    }
}
