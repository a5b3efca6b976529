//! Records: what a block's payload is made of, each with a checksum of its own. Pure bytes in, records out; nothing that
//! it is given makes it fail, and nothing damaged passes.

use bytes::Bytes;

use super::entry::{Entry, Outcome, Saved, SavedKind, Value};
use crate::key::Key;
use crate::limits;

/// Tag, CRC-32 of what follows it, and the length of the body.
const PREFIX_BYTES: usize = 1 + 4 + 4;
/// Group, expiry, and the length of the name.
const ENTRY_BYTES: usize = 8 + 8 + 4;
/// Group and outcome.
const OUTCOME_BYTES: usize = 8 + 1;

const TEXT: u8 = 1;
const DUMP: u8 = 2;
const OUTCOME: u8 = 3;
/// The expiry of a key that stays. As a time it is 584 million years away.
const NEVER: u64 = u64::MAX;

/// Bytes that an entry takes in a block.
pub(super) fn entry_bytes(entry: &Entry) -> usize {
    PREFIX_BYTES + ENTRY_BYTES + entry.key.as_bytes().len() + entry.value.bytes().len()
}

/// An entry's bytes but for its value, which follows them.
pub(super) fn entry_prefix(seed: u32, group: u64, entry: &Entry) -> Vec<u8> {
    let value = entry.value.bytes();
    let name = entry.key.as_bytes();
    let tag = match entry.value {
        Value::Text(_) => TEXT,
        Value::Dump(_) => DUMP,
    };
    // `Vault::put` refuses what is longer than these lengths hold.
    let body = (ENTRY_BYTES + name.len() + value.len()) as u32;
    let mut bytes = vec![0; PREFIX_BYTES];
    bytes.extend_from_slice(&group.to_le_bytes());
    bytes.extend_from_slice(&entry.expires_at_ms.unwrap_or(NEVER).to_le_bytes());
    bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
    bytes.extend_from_slice(name);
    seal(seed, &mut bytes, tag, body, value);
    bytes
}

/// An outcome's bytes.
pub(super) fn outcome(seed: u32, group: u64, outcome: Outcome) -> Vec<u8> {
    let mut bytes = vec![0; PREFIX_BYTES];
    bytes.extend_from_slice(&group.to_le_bytes());
    bytes.push(match outcome {
        Outcome::Removed => 1,
        Outcome::Kept => 2,
    });
    seal(seed, &mut bytes, OUTCOME, OUTCOME_BYTES as u32, &[]);
    bytes
}

/// Fills in the first bytes: `rest` follows those that are there.
fn seal(seed: u32, bytes: &mut [u8], tag: u8, body: u32, rest: &[u8]) {
    bytes[0] = tag;
    bytes[5..9].copy_from_slice(&body.to_le_bytes());
    let mut checksum = crc32fast::Hasher::new_with_initial(seed);
    checksum.update(&bytes[..1]);
    checksum.update(&bytes[5..]);
    checksum.update(rest);
    bytes[1..5].copy_from_slice(&checksum.finalize().to_le_bytes());
}

/// One record of a block.
#[derive(Debug)]
pub(super) enum Record {
    Entry(Saved),
    Outcome(u64, Outcome),
}

/// All records of a block that are whole. What lies between them is passed over byte by byte, unless the block is one
/// large record: there is nothing else to find then.
pub(super) fn read_all(seed: u32, raw: &Bytes, block: u64) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = 0;
    let seeks = raw.len() <= 2 * limits::BACKUP_BLOCK_BYTES;
    while at < raw.len() {
        match read(seed, &raw.slice(at..), block) {
            Some((record, length)) => {
                records.push(record);
                at += length;
            }
            None if seeks => at += 1,
            None => break,
        }
    }
    records
}

/// The record that begins here, and its length.
fn read(seed: u32, bytes: &Bytes, block: u64) -> Option<(Record, usize)> {
    let tag = *bytes
        .first()
        .filter(|tag| (TEXT..=OUTCOME).contains(*tag))?;
    let checksum = long(bytes, 1)?;
    let length = PREFIX_BYTES.checked_add(long(bytes, 5)? as usize)?;
    let body = bytes.get(PREFIX_BYTES..length)?;
    let mut found = crc32fast::Hasher::new_with_initial(seed);
    found.update(&bytes[..1]);
    found.update(&bytes[5..length]);
    if found.finalize() != checksum {
        return None;
    }
    let group = longer(body, 0)?;
    if tag == OUTCOME {
        let outcome = match body.get(8..)? {
            [1] => Outcome::Removed,
            [2] => Outcome::Kept,
            _ => return None,
        };
        return Some((Record::Outcome(group, outcome), length));
    }
    let expires_at_ms = Some(longer(body, 8)?).filter(|at| *at != NEVER);
    let value_at = (PREFIX_BYTES + ENTRY_BYTES).checked_add(long(body, 16)? as usize)?;
    if value_at > length {
        return None;
    }
    let saved = Saved {
        key: Key::new(bytes.slice(PREFIX_BYTES + ENTRY_BYTES..value_at)),
        expires_at_ms,
        kind: if tag == TEXT {
            SavedKind::Text
        } else {
            SavedKind::Dump
        },
        value: bytes.slice(value_at..length),
        group,
        block,
    };
    Some((Record::Entry(saved), length))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    word.try_into().ok().map(u32::from_le_bytes)
}

fn longer(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..at + 8)?;
    word.try_into().ok().map(u64::from_le_bytes)
}
