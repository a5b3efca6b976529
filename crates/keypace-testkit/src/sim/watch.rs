//! Owns who watches which key, and whose transaction is spoilt. It must not know values.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Watchers {
    by_key: BTreeMap<(usize, Vec<u8>), BTreeSet<u64>>,
    keys_of: BTreeMap<u64, Vec<(usize, Vec<u8>)>>,
    spoilt: BTreeSet<u64>,
}

impl Watchers {
    pub(crate) fn watch(&mut self, connection: u64, database: usize, key: &[u8]) {
        let place = (database, key.to_vec());
        if self
            .by_key
            .entry(place.clone())
            .or_default()
            .insert(connection)
        {
            self.keys_of.entry(connection).or_default().push(place);
        }
    }

    /// A key changed: every connection that watches it is spoilt.
    pub(crate) fn changed(&mut self, database: usize, key: &[u8]) {
        if self.by_key.is_empty() {
            return;
        }
        if let Some(watching) = self.by_key.get(&(database, key.to_vec())) {
            self.spoilt.extend(watching);
        }
    }

    pub(crate) fn keys_of(&self, connection: u64) -> Vec<(usize, Vec<u8>)> {
        self.keys_of.get(&connection).cloned().unwrap_or_default()
    }

    /// Drops every watch of a connection, as EXEC, DISCARD, UNWATCH and its end do; says whether it was spoilt.
    pub(crate) fn forget(&mut self, connection: u64) -> bool {
        for place in self.keys_of.remove(&connection).unwrap_or_default() {
            if let Some(watching) = self.by_key.get_mut(&place) {
                watching.remove(&connection);
                if watching.is_empty() {
                    self.by_key.remove(&place);
                }
            }
        }
        self.spoilt.remove(&connection)
    }
}
