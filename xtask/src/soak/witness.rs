//! What the servers themselves hold, by a plain walk of each owner.
//! Must not use keypace: it is what keypace is held against. For a settled cluster only.

use std::collections::BTreeMap;
use std::fmt;

use keypace_lab::{OwnedCluster, Raw, Value, slot_of};

use super::families::{Family, NEAR, NEAR_KEYS, STABLE, STABLE_KEYS, Tally};
use crate::failure::{Failure, Outcome};

/// Commands on their way at once.
const PIPELINE_COMMANDS: usize = 500;

/// What was found.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) stable: Tally,
    pub(super) near: Tally,
    /// Of the keys that were written to be deleted.
    pub(super) sown: Tally,
}

impl Census {
    /// Walks all owners. Keys of slots that a node doesn't own are not counted: nobody could read them.
    pub(super) fn take(cluster: &OwnedCluster, family: Family) -> Outcome<Self> {
        let owners = cluster.owners()?;
        let mut census = Self {
            stable: Tally::new(STABLE, STABLE_KEYS),
            near: Tally::new(NEAR, NEAR_KEYS),
            sown: Tally::new(family.prefix, family.keys),
        };
        let mut busy: Vec<usize> = owners.iter().flatten().copied().collect();
        busy.sort_unstable();
        busy.dedup();
        for node in busy {
            let is_its_own = |key: &[u8]| owners[usize::from(slot_of(key))] == Some(node);
            walk(&mut cluster.raw(node)?, |key| {
                if is_its_own(key) {
                    let _ =
                        census.sown.note(key) || census.near.note(key) || census.stable.note(key);
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
            "{stable} stable, {near} near, {} sown",
            self.sown.distinct()
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

/// What the servers hold of values that were written by [`sow_values`].
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) right: u64,
    pub(super) missing: u64,
    /// The first that is another.
    pub(super) wrong: Option<String>,
}

/// Writes each key of the family with a value of its own.
pub(super) fn sow_values(cluster: &OwnedCluster, family: Family) -> Outcome {
    ask_owners(cluster, family, |name, value| {
        vec![b"SET".to_vec(), name, value]
    })?
    .into_iter()
    .try_for_each(|(_, reply)| Ok(reply.checked().map(|_| ())?))
}

/// Reads all of them.
pub(super) fn values(cluster: &OwnedCluster, family: Family) -> Outcome<Values> {
    let replies = ask_owners(cluster, family, |name, _| vec![b"GET".to_vec(), name])?;
    let mut values = Values::default();
    for (number, reply) in replies {
        let reply = reply.checked()?;
        match reply.bytes() {
            None => values.missing += 1,
            Some(bytes) if bytes == value_of(number) => values.right += 1,
            Some(bytes) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                values
                    .wrong
                    .get_or_insert(format!("key {number} is {text:?}"));
            }
        }
    }
    Ok(values)
}

fn value_of(number: u64) -> Vec<u8> {
    format!("the value of {number}\r\n").into_bytes()
}

/// One command for each key of the family, to the owner of its slot, in bounded pipelines.
fn ask_owners(
    cluster: &OwnedCluster,
    family: Family,
    words: impl Fn(Vec<u8>, Vec<u8>) -> Vec<Vec<u8>>,
) -> Outcome<Vec<(u64, Value)>> {
    let owners = cluster.owners()?;
    let mut by_owner: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for number in 0..family.keys {
        let slot = slot_of(&family.name(number));
        let owner = owners[usize::from(slot)];
        let owner =
            owner.ok_or_else(|| Failure::new(format!("the lab: nobody serves slot {slot}")))?;
        by_owner.entry(owner).or_default().push(number);
    }
    let mut replies = Vec::new();
    for (owner, numbers) in by_owner {
        let mut raw = cluster.raw(owner)?;
        for some in numbers.chunks(PIPELINE_COMMANDS) {
            let mut pipeline = raw.pipeline();
            for number in some {
                let asked = words(family.name(*number), value_of(*number));
                let asked: Vec<&[u8]> = asked.iter().map(Vec::as_slice).collect();
                pipeline.add(&asked);
            }
            replies.extend(some.iter().copied().zip(pipeline.run()?));
        }
    }
    Ok(replies)
}
