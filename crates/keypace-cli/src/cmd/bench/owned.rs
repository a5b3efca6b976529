//! Sessions of many owners, each there twice: as an application keeps them by itself (JSON that names its owner, and a set
//! of ids for each owner), and as a record with the owner's index. Owns their names; must not touch any other key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keypace::{Namespace, Owner, OwnerKeys};
use keypace_lab::floor::{Floor, Numbered};
use keypace_lab::seed::{self, OwnerRecords};
use keypace_lab::{LabError, Raw, Visit};

/// Sessions of one owner: more than a page, and few among all.
const PER_OWNER: u64 = 50;
/// What a page shows.
pub(super) const PAGE_SESSIONS: u64 = 20;
/// The ways without an index read every session of everybody, a round trip each: among more it takes minutes to say
/// the same.
pub(super) const MAX_SESSIONS: u64 = 100_000;
/// Owners written or removed between two looks at whether to stop.
const SLICE_OWNERS: u64 = 100;
/// Owners whose keys are removed in one write.
const CLEAR_OWNERS: u64 = 10;
/// Names in one DEL of sessions.
const CLEAR_BATCH_KEYS: u64 = 100;

/// Their names, and the secret in some of them.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    /// What the names of sessions begin with; the id's `s` is a part of it.
    sessions: String,
    /// What the names of the sets begin with.
    sets: String,
    /// The records'.
    pub(super) namespace: Namespace,
    /// A key that nobody else knows, and that is gone with the records.
    pub(super) keys: OwnerKeys,
}

impl Owned {
    /// Below a prefix, which may be empty.
    pub(super) fn below(prefix: &str) -> keypace::Result<Self> {
        Ok(Self {
            sessions: format!("{prefix}app:session:s"),
            sets: format!("{prefix}app:owner:"),
            namespace: Namespace::new(format!("{prefix}app"))?,
            keys: OwnerKeys::generate_in_memory()?,
        })
    }

    /// How many of so many sessions are the first owner's.
    pub(super) fn of_one(sessions: u64) -> u64 {
        sessions.min(PER_OWNER)
    }

    /// How many keys so many sessions make: themselves and their records, a set and two indexes for each owner, and the
    /// namespace's own.
    pub(super) fn keys_of(sessions: u64) -> u64 {
        2 * sessions + 3 * owners(sessions) + 1
    }

    /// What an owner is called by the application.
    pub(super) fn owner(number: u64) -> String {
        format!("owner-{number}")
    }

    /// What a session of this owner holds, and none of another.
    pub(super) fn mark(number: u64) -> String {
        format!(r#""owner_api_key":"{}""#, Self::owner(number))
    }

    /// The pattern of all sessions.
    pub(super) fn pattern(&self) -> String {
        format!("{}*", self.sessions)
    }

    /// A session's name.
    pub(super) fn session(&self, id: &[u8]) -> Vec<u8> {
        // Each id begins with the letter that the common beginning ends with.
        let common = &self.sessions.as_bytes()[..self.sessions.len() - 1];
        [common, id].concat()
    }

    /// The name of an owner's set of ids.
    pub(super) fn set(&self, number: u64) -> String {
        format!("{}{number}", self.sets)
    }

    /// Writes so many sessions both ways, and touches them, so that a table which grew has settled.
    pub(super) fn write(
        &self,
        visit: &Visit,
        stop: &Arc<AtomicBool>,
        sessions: u64,
    ) -> Result<(), LabError> {
        let mut raw = Raw::visit(visit)?;
        for first in (0..owners(sessions)).step_by(SLICE_OWNERS as usize) {
            if stop.load(Ordering::Acquire) {
                return Ok(());
            }
            let slice = first..owners(sessions).min(first + SLICE_OWNERS);
            for owner in slice.clone() {
                self.write_plain(&mut raw, owner, sessions)?;
            }
            let records = || slice.clone().map(|owner| self.records(owner, sessions));
            let namespace = self.namespace.as_str();
            seed::records(&mut raw, namespace, records(), body)?;
            seed::record_index(&mut raw, namespace, records())?;
        }
        let names = Numbered::new(self.sessions.as_bytes(), 0..sessions);
        Floor::connect_until(visit, Arc::clone(stop))?.mget_chunks(&names)?;
        Ok(())
    }

    /// As an application writes the sessions of one owner.
    fn write_plain(&self, raw: &mut Raw, owner: u64, sessions: u64) -> Result<(), LabError> {
        let (mut values, mut ids) = (vec![b"MSET".to_vec()], vec![b"SADD".to_vec()]);
        ids.push(self.set(owner).into_bytes());
        for number in numbers(owner, sessions) {
            values.push(format!("{}{number}", self.sessions).into_bytes());
            values.push(body(number).into_bytes());
            ids.push(format!("s{number}").into_bytes());
        }
        let mut pipeline = raw.pipeline();
        for words in [&values, &ids] {
            pipeline.add(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        for reply in pipeline.run()? {
            reply.checked()?;
        }
        Ok(())
    }

    /// Removes by name what may have been written of so many sessions.
    pub(super) fn remove(&self, visit: &Visit, sessions: u64) -> Result<(), LabError> {
        if sessions == 0 {
            return Ok(());
        }
        let names = Numbered::new(self.sessions.as_bytes(), 0..sessions);
        Floor::connect(visit)?.del_named(&names, CLEAR_BATCH_KEYS)?;
        let mut raw = Raw::visit(visit)?;
        for first in (0..owners(sessions)).step_by(CLEAR_OWNERS as usize) {
            let mut pipeline = raw.pipeline();
            for owner in first..owners(sessions).min(first + CLEAR_OWNERS) {
                let mut names = self.records(owner, sessions).names(self.namespace.as_str());
                names.push(self.set(owner));
                let words = std::iter::once("DEL").chain(names.iter().map(String::as_str));
                pipeline.add(&words.map(str::as_bytes).collect::<Vec<_>>());
            }
            for reply in pipeline.run()? {
                reply.checked()?;
            }
        }
        let meta = format!("kp:{}:meta", self.namespace);
        raw.command(&[b"DEL", meta.as_bytes()])?.checked()?;
        Ok(())
    }

    fn records(&self, owner: u64, sessions: u64) -> OwnerRecords {
        // The names are short and never empty, so that each is an owner.
        let tag = Owner::new(Self::owner(owner)).map(|owner| self.keys.tag(&owner));
        OwnerRecords {
            tag: tag.map_or_else(|_| String::new(), |tag| tag.as_str().to_owned()),
            numbers: numbers(owner, sessions),
        }
    }
}

fn owners(sessions: u64) -> u64 {
    sessions.div_ceil(PER_OWNER)
}

/// Which sessions are an owner's.
fn numbers(owner: u64, sessions: u64) -> std::ops::Range<u64> {
    let first = owner * PER_OWNER;
    first..sessions.min(first + PER_OWNER)
}

/// The same JSON in both.
fn body(number: u64) -> String {
    let mark = Owned::mark(number / PER_OWNER);
    format!(
        r#"{{"id":"s{number}",{mark},"model":"small","status":"active","total_turns":12,"created_at":"2026-01-05T10:00:00Z"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::{Owned, PER_OWNER, body, numbers, owners};

    #[test]
    fn every_session_has_one_owner_and_says_so() {
        for sessions in [1, 49, 50, 51, 1000] {
            let of_all: u64 = (0..owners(sessions))
                .map(|owner| numbers(owner, sessions).count() as u64)
                .sum();
            assert_eq!(of_all, sessions);
            assert_eq!(numbers(0, sessions).count() as u64, Owned::of_one(sessions));
        }
        assert_eq!(Owned::keys_of(100), 207);
        assert!(body(PER_OWNER - 1).contains(&Owned::mark(0)));
        assert!(body(10 * PER_OWNER).contains(&Owned::mark(10)));
        assert!(!body(10 * PER_OWNER).contains(&Owned::mark(1)));
    }

    #[test]
    fn all_names_are_below_the_prefix_or_the_namespace() {
        let owned = Owned::below("keypace-bench:0123456789abcdef:").expect("names");
        assert_eq!(owned.set(3), "keypace-bench:0123456789abcdef:app:owner:3");
        assert_eq!(
            owned.session(b"s7"),
            b"keypace-bench:0123456789abcdef:app:session:s7"
        );
        let names = owned.records(1, 100).names(owned.namespace.as_str());
        assert_eq!(names.len(), 2 + 50);
        let lead = "kp:keypace-bench:0123456789abcdef:";
        assert!(names.iter().all(|name| name.starts_with(lead)), "{names:?}");
    }
}
