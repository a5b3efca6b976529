//! What one look at the nodes saw, and what was new between two. Holds facts: judges nothing and asks nothing.

use tokio::time::Instant;

use super::clients::Client;
use super::commandstats::{Counts, between, total_usec, was_reset};
use super::log::Entry;
use crate::port::{Info, product, role};
use crate::report::{
    Capability, InspectNode, KeySample, LatencyEvent, LogKind, NotSeen, Since, SinceKind,
};

/// The largest number that is taken from a server: JSON and shares are exact up to it, and sums of many fit.
const MOST: u64 = 1 << 53;

/// A number that a server told; 0 for what is none.
pub(super) fn read(text: &str) -> u64 {
    text.parse::<u64>().unwrap_or(0).min(MOST)
}

/// What one node told.
#[derive(Debug, Clone)]
pub(super) struct NodeLook {
    pub(super) node: String,
    /// Slots of a cluster's primary.
    pub(super) slots: Option<u64>,
    pub(super) taken: Instant,
    /// The server's clock in Unix seconds.
    pub(super) now: u64,
    pub(super) info: Info,
    /// What it counted since `since`.
    pub(super) counts: Counts,
    pub(super) since: Since,
    pub(super) began_anew: bool,
    pub(super) logs: Vec<(LogKind, Vec<Entry>)>,
    pub(super) clients: Vec<Client>,
    pub(super) latency: Vec<LatencyEvent>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) sample: Option<KeySample>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) not_seen: Vec<NotSeen>,
}

impl NodeLook {
    /// A node that has told who it is, and nothing else yet.
    pub(super) fn new(node: String, slots: Option<u64>, info: Info) -> Self {
        Self {
            node,
            slots,
            taken: Instant::now(),
            now: 0,
            info,
            counts: Counts::new(),
            since: Since::default(),
            began_anew: false,
            logs: Vec::new(),
            clients: Vec::new(),
            latency: Vec::new(),
            settings: Vec::new(),
            sample: None,
            capabilities: Vec::new(),
            not_seen: Vec::new(),
        }
    }

    /// A number of INFO; 0 where it isn't told.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.info.get(name).map_or(0, read)
    }

    pub(super) fn is_primary(&self) -> bool {
        role(&self.info) == "primary"
    }

    /// Keys of all databases, and those that never expire: `db0:keys=5,expires=2,avg_ttl=0`.
    pub(super) fn keys(&self) -> (u64, u64) {
        let mut sum = (0_u64, 0_u64);
        for (number, fields) in self.info.with_prefix("db") {
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let field = |name: &str| -> u64 {
                let found = fields.split(',').find_map(|pair| pair.strip_prefix(name));
                found.map_or(0, read)
            };
            let (keys, expires) = (field("keys="), field("expires="));
            sum.0 = sum.0.saturating_add(keys);
            sum.1 = sum.1.saturating_add(keys.saturating_sub(expires));
        }
        sum
    }

    /// The counts are those since the start, or since a CONFIG RESETSTAT.
    pub(super) fn count(&mut self, counts: Counts) {
        self.since = if was_reset(&counts) {
            Since {
                kind: SinceKind::Resetstat,
                seconds: None,
            }
        } else {
            let seconds = Some(self.number("uptime_in_seconds"));
            Since {
                kind: SinceKind::Start,
                seconds,
            }
        };
        self.counts = counts;
    }

    /// The part of the time that commands took, where it is known since when they are counted.
    pub(super) fn busy(&self) -> Option<f64> {
        let seconds = self.since.seconds.filter(|seconds| *seconds > 0)?;
        Some(total_usec(&self.counts) as f64 / (seconds as f64 * 1e6))
    }

    /// What is new since an earlier look at the same node.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut window = self.clone();
        let is_same = self.info.get("run_id") == earlier.info.get("run_id");
        let counts = between(&earlier.counts, &self.counts).filter(|_| is_same);
        let passed = self.taken.saturating_duration_since(earlier.taken);
        match counts {
            Some(counts) => {
                window.counts = counts;
                // At least a second, so that there is something to divide by.
                let seconds = Some(passed.as_secs_f64().round().max(1.0) as u64);
                window.since = Since {
                    kind: SinceKind::Watch,
                    seconds,
                };
            }
            // The counts began anew meanwhile: those are what there is of the time.
            None => window.began_anew = true,
        }
        for (kind, entries) in &mut window.logs {
            let seen = earlier.logs.iter().find(|(own, _)| own == kind);
            let newest = seen.and_then(|(_, entries)| entries.iter().map(|entry| entry.id).max());
            // Ids begin anew with the process, and nowhere else.
            entries.retain(|entry| !is_same || newest.is_none_or(|newest| entry.id > newest));
            if newest.is_none() && is_same {
                entries.retain(|entry| entry.at >= earlier.now);
            }
        }
        window.latency.retain(|event| event.last_at >= earlier.now);
        window.sample = self.sample.clone().or_else(|| earlier.sample.clone());
        window
    }

    /// Its part of the report.
    pub(super) fn reported(&self) -> InspectNode {
        let (product, version) = product(&self.info);
        let (keys, no_ttl) = self.keys();
        InspectNode {
            node: self.node.clone(),
            role: role(&self.info),
            product: product.to_owned(),
            version,
            uptime_s: self.number("uptime_in_seconds"),
            since: self.since,
            began_anew: self.began_anew,
            busy: self.busy(),
            keys,
            no_ttl,
            memory_bytes: self.number("used_memory"),
            max_memory_bytes: self.number("maxmemory"),
            connections: self.number("connected_clients"),
            slots: self.slots,
            latency: self.latency.clone(),
            settings: self.settings.clone(),
            capabilities: self.capabilities.clone(),
            not_seen: self.not_seen.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NodeLook;
    use crate::inspect::commandstats::counts;
    use crate::port::Info;
    use crate::report::SinceKind;

    fn look(run_id: &str, keys: u64) -> NodeLook {
        let info = format!(
            "run_id:{run_id}\r\nrole:master\r\nuptime_in_seconds:50\r\ndb0:keys=7,expires=2,avg_ttl=5\r\ndb3:keys=1,expires=0\r\ndbx:keys=9\r\n"
        );
        let mut look = NodeLook::new("a:1".to_owned(), None, Info::parse(info.as_bytes()));
        let text = format!("cmdstat_keys:calls={keys},usec=2500000\r\n");
        look.count(counts(text.as_bytes(), b""));
        look
    }

    #[test]
    fn keys_are_those_of_all_databases() {
        assert_eq!(look("a", 1).keys(), (8, 6));
        assert!((look("a", 1).busy().expect("known") - 0.05).abs() < 1e-9);
    }

    #[test]
    fn a_window_is_of_one_process() {
        let window = look("a", 5).since(&look("a", 3));
        assert_eq!(
            (window.counts["keys"].calls, window.since.kind),
            (2, SinceKind::Watch)
        );
        for later in [look("b", 5), look("a", 1)] {
            let window = later.since(&look("a", 3));
            assert!(window.began_anew && window.since.kind == SinceKind::Start);
            assert_eq!(window.counts, later.counts);
        }
    }
}
