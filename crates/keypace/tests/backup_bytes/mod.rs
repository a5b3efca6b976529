//! A backup put together byte by byte, as `docs/decisions/0010-backup-format.md` describes it: what reads it is checked
//! against the description, and not against what writes it. Knows no server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The run that all of these files are of.
pub(crate) const RUN: [u8; 16] = [7; 16];

/// What the head says.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) server: String,
    pub(crate) database: u32,
}

/// What a block holds.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A key of a group.
    Entry(u64, Record),
    /// A group's outcome: its keys were removed, or not.
    Outcome(u64, bool),
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) expires_at_ms: Option<u64>,
    /// A string's own bytes, in place of what DUMP gives.
    pub(crate) is_text: bool,
    pub(crate) value: Vec<u8>,
}

impl Record {
    pub(crate) fn text(key: &str, value: &str) -> Self {
        Self {
            key: key.into(),
            expires_at_ms: None,
            is_text: true,
            value: value.into(),
        }
    }

    pub(crate) fn dump(key: &[u8], value: &[u8]) -> Self {
        Self {
            key: key.to_vec(),
            expires_at_ms: None,
            is_text: false,
            value: value.to_vec(),
        }
    }

    pub(crate) fn until(mut self, at_ms: u64) -> Self {
        self.expires_at_ms = Some(at_ms);
        self
    }
}

/// A whole file of these blocks, with the mark of its end.
pub(crate) fn file(about: &About, blocks: &[Vec<Item>]) -> Vec<u8> {
    let run: String = RUN.iter().map(|byte| format!("{byte:02x}")).collect();
    let head = serde_json::json!({
        "server": about.server, "database": about.database, "run_id": "", "product": "Redis",
        "version": "7.0.15", "patterns": [BASE64.encode(b"*")],
        "created_unix_ms": 1_700_000_000_000_u64, "run": run,
    });
    let head = head.to_string().into_bytes();
    let mut bytes = b"keypace-backup 1\n".to_vec();
    for number in 0..2 {
        bytes.extend(frame(1, number, 0, 0, &head, 0));
    }
    let seed = crc32fast::hash(&RUN);
    let mut before = 0;
    for (nth, items) in blocks.iter().enumerate() {
        let raw: Vec<u8> = items.iter().flat_map(|item| record(item, seed)).collect();
        let entries = items.iter().filter(|item| matches!(item, Item::Entry(..)));
        let entries = entries.count() as u32;
        bytes.extend(frame(2, nth as u64 + 2, before, entries, &raw, seed));
        before += u64::from(entries);
    }
    let number = blocks.len() as u64 + 2;
    bytes.extend(frame(3, number, before, 0, &[], seed));
    bytes
}

/// A file of one block, whose keys were all removed.
pub(crate) fn removed(about: &About, records: &[Record]) -> Vec<u8> {
    let entries = records.iter().map(|record| Item::Entry(1, record.clone()));
    let items = entries.chain([Item::Outcome(1, true)]).collect();
    file(about, &[items])
}

fn frame(kind: u8, number: u64, before: u64, entries: u32, raw: &[u8], seed: u32) -> Vec<u8> {
    let packed = zstd::bulk::compress(raw, 1).expect("compressed");
    let mut header = vec![0xb1, b'K', b'P', 0xf7, kind, 0, 0, 0];
    header.extend(number.to_le_bytes());
    header.extend(before.to_le_bytes());
    header.extend(entries.to_le_bytes());
    header.extend((packed.len() as u32).to_le_bytes());
    header.extend((raw.len() as u32).to_le_bytes());
    header.extend(crc32fast::hash(&packed).to_le_bytes());
    header.extend(checksum(seed, &[&header]).to_le_bytes());
    header.extend(packed);
    header
}

fn record(item: &Item, seed: u32) -> Vec<u8> {
    let (tag, body) = match item {
        Item::Entry(group, record) => {
            let mut body = group.to_le_bytes().to_vec();
            body.extend(record.expires_at_ms.unwrap_or(u64::MAX).to_le_bytes());
            body.extend((record.key.len() as u32).to_le_bytes());
            body.extend(&record.key);
            body.extend(&record.value);
            (if record.is_text { 1 } else { 2 }, body)
        }
        Item::Outcome(group, is_removed) => {
            let mut body = group.to_le_bytes().to_vec();
            body.push(if *is_removed { 1 } else { 2 });
            (3, body)
        }
    };
    let length = (body.len() as u32).to_le_bytes();
    let mut bytes = vec![tag];
    bytes.extend(checksum(seed, &[&[tag], &length, &body]).to_le_bytes());
    bytes.extend(length);
    bytes.extend(body);
    bytes
}

fn checksum(seed: u32, parts: &[&[u8]]) -> u32 {
    let mut checksum = crc32fast::Hasher::new_with_initial(seed);
    parts.iter().for_each(|part| checksum.update(part));
    checksum.finalize()
}
