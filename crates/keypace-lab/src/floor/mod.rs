//! The lower bound that benchmarks compare with: walks, deletes and reads by a loop over a raw socket, counting replies
//! in one reused buffer without keeping or allocating a key. Must stay as fast as a short loop can be, and must not
//! grow any of what makes a client fit for use: no retry, no timeouts by command, no failing key found.

mod names;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use self::names::{Names, push_name};
use self::wire::{Batches, Wire};
use crate::endpoint::Endpoint;
use crate::error::LabError;
use crate::limits;
use crate::raw::encode;
use crate::traffic::Traffic;
use crate::visit::Visit;

pub use self::names::Numbered;

/// What a floor has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FloorCounts {
    /// Commands sent.
    pub calls: u64,
    /// Keys that came, as often as they came; of a read, values.
    pub keys: u64,
    /// Bytes read from the socket.
    pub bytes: u64,
    /// Bytes written to it.
    pub sent: u64,
    /// Keys that the server says it removed.
    pub removed: u64,
}

/// Walks the keyspace with `SCAN cursor MATCH pattern COUNT count` and counts the keys. The next call is sent as soon
/// as its cursor is known, so the server works while the page is read.
///
/// # Errors
/// `Connection` or `Reply` where the connection fails, `Refused` where the server answers with an error.
pub fn list(endpoint: &Endpoint, pattern: &[u8], count: u64) -> Result<FloorCounts, LabError> {
    Floor::connect(&Visit::from(endpoint))?.list(pattern, count)
}

/// Walks as `list` does and removes each page's keys with UNLINK in batches of `batch`, one call at a time.
///
/// # Errors
/// As `list`.
pub fn delete(
    endpoint: &Endpoint,
    pattern: &[u8],
    count: u64,
    batch: usize,
) -> Result<FloorCounts, LabError> {
    Floor::connect(&Visit::from(endpoint))?.delete(pattern, count, batch)
}

/// Asks for everything at once with `KEYS pattern` and counts the keys.
///
/// # Errors
/// As `list`.
pub fn keys(endpoint: &Endpoint, pattern: &[u8]) -> Result<FloorCounts, LabError> {
    Floor::connect(&Visit::from(endpoint))?.keys(pattern)
}

impl FloorCounts {
    /// The same as traffic.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        Traffic {
            commands: self.calls,
            sent: self.sent,
            received: self.bytes,
        }
    }
}

/// A connection for one loop: made before the clock runs, and used up by the loop.
pub struct Floor {
    wire: Wire,
}

impl std::fmt::Debug for Floor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Floor({:?})", self.wire.counts)
    }
}

impl Floor {
    /// Connects.
    ///
    /// # Errors
    /// As [`crate::Raw::visit`].
    pub fn connect(visit: &Visit) -> Result<Self, LabError> {
        Self::connect_until(visit, Arc::default())
    }

    /// The same for a loop that ends between two commands, with the error `Stopped`, once `stop` is set.
    ///
    /// # Errors
    /// As `connect`.
    pub fn connect_until(visit: &Visit, stop: Arc<AtomicBool>) -> Result<Self, LabError> {
        Wire::connect(visit, stop).map(|wire| Self { wire })
    }

    /// As the function [`list`].
    ///
    /// # Errors
    /// As the function, and `Stopped`.
    pub fn list(self, pattern: &[u8], count: u64) -> Result<FloorCounts, LabError> {
        let mut wire = self.wire;
        let count = count.to_string();
        wire.scan(b"0", pattern, &count)?;
        loop {
            let (cursor, keys) = wire.page()?;
            if cursor != b"0" {
                wire.scan(&cursor, pattern, &count)?;
            }
            wire.skip_keys(keys)?;
            if cursor == b"0" {
                return Ok(wire.counts);
            }
        }
    }

    /// As the function [`delete`].
    ///
    /// # Errors
    /// As the function, and `Stopped`.
    pub fn delete(self, pattern: &[u8], count: u64, batch: usize) -> Result<FloorCounts, LabError> {
        let mut wire = self.wire;
        let count = count.to_string();
        let mut batches = Batches::new(batch.max(1));
        wire.scan(b"0", pattern, &count)?;
        loop {
            let (cursor, keys) = wire.page()?;
            batches.clear();
            for _ in 0..keys {
                batches.add(wire.key()?);
            }
            for index in 0..batches.ends.len() {
                wire.send(batches.command(index))?;
                wire.counts.removed += wire.length(b':')? as u64;
            }
            if cursor == b"0" {
                return Ok(wire.counts);
            }
            wire.scan(&cursor, pattern, &count)?;
        }
    }

    /// As the function [`keys`].
    ///
    /// # Errors
    /// As the function, and `Stopped`.
    pub fn keys(self, pattern: &[u8]) -> Result<FloorCounts, LabError> {
        let mut wire = self.wire;
        let mut command = Vec::new();
        encode(&mut command, &[b"KEYS", pattern]);
        wire.send(&command)?;
        let keys = wire.length(b'*')?;
        wire.skip_keys(keys)?;
        Ok(wire.counts)
    }

    /// Removes all of them with one DEL.
    ///
    /// # Errors
    /// As `list`.
    pub fn del_all(self, keys: &Numbered<'_>) -> Result<FloorCounts, LabError> {
        self.remove_all("DEL", keys)
    }

    /// Removes all of them with one UNLINK.
    ///
    /// # Errors
    /// As `list`.
    pub fn unlink_all(self, keys: &Numbered<'_>) -> Result<FloorCounts, LabError> {
        self.remove_all("UNLINK", keys)
    }

    fn remove_all(mut self, verb: &str, keys: &Numbered<'_>) -> Result<FloorCounts, LabError> {
        remove_named(&mut self.wire, verb, keys)?;
        Ok(self.wire.counts)
    }

    /// Removes them with DELs of `batch` names, one call at a time.
    ///
    /// # Errors
    /// As `list`.
    pub fn del_named(mut self, keys: &Numbered<'_>, batch: u64) -> Result<FloorCounts, LabError> {
        let mut first = keys.range.start;
        while first < keys.range.end {
            let past = keys.range.end.min(first.saturating_add(batch.max(1)));
            remove_named(
                &mut self.wire,
                "DEL",
                &Numbered::new(keys.prefix, first..past),
            )?;
            first = past;
        }
        Ok(self.wire.counts)
    }

    /// Reads their values one at a time: a GET, its reply, the next GET.
    ///
    /// # Errors
    /// As `list`.
    pub fn get_each(self, keys: &Numbered<'_>) -> Result<FloorCounts, LabError> {
        let mut wire = self.wire;
        let mut command = Vec::new();
        for number in keys.range.clone() {
            command.clear();
            command.extend_from_slice(b"*2\r\n$3\r\nGET\r\n");
            push_name(&mut command, keys.prefix, number);
            wire.send(&command)?;
            wire.value()?;
        }
        Ok(wire.counts)
    }

    /// Reads their values with one MGET.
    ///
    /// # Errors
    /// As `list`.
    pub fn mget_all(self, keys: &Numbered<'_>) -> Result<FloorCounts, LabError> {
        let mut wire = self.wire;
        send_naming(&mut wire, "MGET", keys)?;
        read_values(&mut wire)?;
        Ok(wire.counts)
    }

    /// Reads their values with MGETs of as many keys as make a reply of about `limits::MGET_CHUNK_BYTES`, going by
    /// the average size of what has come so far.
    ///
    /// # Errors
    /// As `list`.
    pub fn mget_chunks(self, keys: &Numbered<'_>) -> Result<FloorCounts, LabError> {
        let mut wire = self.wire;
        let mut asked = 0;
        let mut value_bytes = 0;
        let mut first = keys.range.start;
        while first < keys.range.end {
            let chunk = match value_bytes {
                0 => limits::MGET_FIRST_KEYS,
                bytes => limits::MGET_CHUNK_BYTES * asked / bytes,
            };
            let past = keys
                .range
                .end
                .min(first + chunk.clamp(1, limits::MGET_MAX_KEYS));
            send_naming(&mut wire, "MGET", &Numbered::new(keys.prefix, first..past))?;
            value_bytes += read_values(&mut wire)?;
            asked += past - first;
            first = past;
        }
        Ok(wire.counts)
    }
}

/// One command with every name in it, written piece by piece: the server reads while names are made.
fn send_naming(wire: &mut Wire, verb: &str, keys: &Numbered<'_>) -> Result<(), LabError> {
    let mut names = Names::new(verb, keys);
    let mut piece = Vec::with_capacity(limits::WRITE_CHUNK_BYTES);
    names.fill(&mut piece);
    wire.send(&piece)?;
    while names.fill(&mut piece) {
        wire.write(&piece)?;
    }
    Ok(())
}

fn remove_named(wire: &mut Wire, verb: &str, keys: &Numbered<'_>) -> Result<(), LabError> {
    send_naming(wire, verb, keys)?;
    wire.counts.removed += wire.length(b':')? as u64;
    Ok(())
}

/// Skips the values of a reply; how many bytes they had.
fn read_values(wire: &mut Wire) -> Result<u64, LabError> {
    let values = wire.length(b'*')?;
    let mut bytes = 0;
    for _ in 0..values {
        bytes += wire.value()?.unwrap_or(0) as u64;
    }
    Ok(bytes)
}
