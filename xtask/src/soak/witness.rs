//! What the servers themselves hold, by a plain walk of each owner.
//! Must not use keypace: it is what keypace is held against. For a settled cluster only.

use std::fmt;

use keypace_lab::{OwnedCluster, Raw, Value, slot_of};

use super::families::{DOOMED, NEAR, NEAR_KEYS, STABLE, STABLE_KEYS, Tally};
use crate::failure::{Failure, Outcome};

/// What was found.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) stable: Tally,
    pub(super) near: Tally,
    pub(super) doomed: Tally,
}

impl Census {
    /// Walks all owners. Keys of slots that a node doesn't own are not counted: nobody could read them.
    pub(super) fn take(cluster: &OwnedCluster, doomed_keys: u64) -> Outcome<Self> {
        let owners = cluster.owners()?;
        let mut census = Self {
            stable: Tally::new(STABLE, STABLE_KEYS),
            near: Tally::new(NEAR, NEAR_KEYS),
            doomed: Tally::new(DOOMED, doomed_keys),
        };
        let mut busy: Vec<usize> = owners.iter().flatten().copied().collect();
        busy.sort_unstable();
        busy.dedup();
        for node in busy {
            let is_its_own = |key: &[u8]| owners[usize::from(slot_of(key))] == Some(node);
            walk(&mut cluster.raw(node)?, |key| {
                if is_its_own(key) {
                    let _ =
                        census.doomed.note(key) || census.near.note(key) || census.stable.note(key);
                }
            })?;
        }
        Ok(census)
    }

    /// What must never be missing, whatever a run came to.
    pub(super) fn lost(&self) -> Option<String> {
        let lost = |name: &str, tally: &Tally| {
            (tally.missing() > 0).then(|| {
                format!(
                    "{} {name} keys are gone, the first {:?}",
                    tally.missing(),
                    tally.first_missing()
                )
            })
        };
        lost("stable", &self.stable).or_else(|| lost("near", &self.near))
    }
}

impl fmt::Display for Census {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stable, near) = (self.stable.distinct(), self.near.distinct());
        write!(
            formatter,
            "{stable} stable, {near} near, {} doomed",
            self.doomed.distinct()
        )
    }
}

fn walk(raw: &mut Raw, mut note: impl FnMut(&[u8])) -> Outcome {
    let mut cursor = b"0".to_vec();
    loop {
        let reply = raw
            .command(&[b"SCAN", &cursor, b"COUNT", b"1000"])?
            .checked()?;
        let Some([next, keys]) = reply.items() else {
            return Err(Failure::new("a reply to SCAN is not a cursor and keys"));
        };
        let keys = keys.items().unwrap_or_default();
        keys.iter().filter_map(Value::bytes).for_each(&mut note);
        cursor = next.bytes().unwrap_or_default().to_vec();
        if cursor == b"0" {
            return Ok(());
        }
    }
}
