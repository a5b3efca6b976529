//! What a backup holds, found in one pass: where its blocks are, which groups are void, what is damaged. Holds 8 bytes
//! a block, a void group and a group without an outcome, and one block at a time.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;

use super::entry::{BackupTotals, Outcome, Saved, SavedKind};
use super::frame::{FrameKind, HEADER_BYTES, Header};
use super::head::BackupHead;
use super::reader::{Backup, Found, Frames};
use super::reading::BackupReading;
use super::record::{self, Record};
use super::twice::Twice;
use crate::error::Result;
use crate::key::Key;
use crate::limits;

/// What a backup holds, and where.
#[derive(Debug)]
pub struct BackupIndex {
    bytes: Frames,
    head: BackupHead,
    blocks: Vec<u64>,
    void: HashSet<u64>,
    /// Groups whose outcome nobody wrote: their run was cut off.
    open: HashSet<u64>,
    /// Their entries of which the file has newer copies that say the same.
    outdated: HashSet<(u64, Key)>,
    twice: Twice,
    totals: BackupTotals,
    damage: Vec<String>,
    further_damages: u64,
    lost_records: u64,
    /// Where whole frames end, and what comes after the last.
    end: u64,
    /// Behind the last mark that a run set at its end.
    marked_end: Option<u64>,
    next_frame: u64,
    next_record: u64,
    highest_group: Option<u64>,
}

impl BackupIndex {
    pub(super) fn read(backup: Backup) -> Result<Self> {
        let Backup {
            bytes,
            head,
            damage,
            reading,
        } = backup;
        let mut index = Self {
            end: bytes.length,
            totals: BackupTotals {
                file_bytes: bytes.length,
                ..BackupTotals::default()
            },
            bytes,
            head,
            blocks: Vec::new(),
            void: HashSet::new(),
            open: HashSet::new(),
            outdated: HashSet::new(),
            twice: Twice::default(),
            damage,
            further_damages: 0,
            lost_records: 0,
            marked_end: None,
            next_frame: 0,
            next_record: 0,
            highest_group: None,
        };
        index.walk(&reading)?;
        index.twice.end();
        index.sort_out(&reading)?;
        Ok(index)
    }

    /// Of what run it is.
    #[must_use]
    pub fn head(&self) -> &BackupHead {
        &self.head
    }

    /// How much it holds.
    #[must_use]
    pub fn totals(&self) -> BackupTotals {
        self.totals
    }

    /// What is damaged, as lines for people; empty for a sound file. A torn tail is no damage.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        let mut lines = self.damage.clone();
        if self.further_damages > 0 {
            lines.push(format!("and {} more", self.further_damages));
        }
        lines
    }

    /// Records that can't be read, as far as it can be told.
    #[must_use]
    pub fn lost_records(&self) -> u64 {
        self.lost_records
    }

    /// Bytes at the end that are no whole block: the run ended while it wrote them, so nothing of theirs was deleted.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.bytes.length - self.end
    }

    /// Whether the run that wrote it came to its end, and the file ends where it did then. Otherwise that run was cut off,
    /// or is still writing, or the file was cut since.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.marked_end == Some(self.bytes.length)
    }

    /// How many blocks there are.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The records of one block, in the order in which they were saved, without void and damaged ones. Reads the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn block(&self, nth: usize) -> Result<Vec<Saved>> {
        let Some(at) = self.blocks.get(nth) else {
            return Ok(Vec::new());
        };
        let Found::Frame(header) = self.bytes.header(*at)? else {
            return Ok(Vec::new());
        };
        let (raw, _) = self.bytes.payload(*at, &header)?;
        let records = record::read_all(self.bytes.seed, &Bytes::from(raw), header.number);
        let entries = records.into_iter().filter_map(|record| match record {
            Record::Entry(saved) => Some(saved),
            Record::Outcome(..) => None,
        });
        Ok(entries
            .filter(|saved| !self.void.contains(&saved.group) && !self.is_outdated(saved))
            .collect())
    }

    /// Whether it may hold this key more than once. False is certain.
    pub(crate) fn may_be_twice(&self, key: &Key) -> bool {
        self.twice.has(key)
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn next_frame(&self) -> u64 {
        self.next_frame
    }

    pub(super) fn next_record(&self) -> u64 {
        self.next_record
    }

    pub(super) fn highest_group(&self) -> Option<u64> {
        self.highest_group
    }

    fn walk(&mut self, reading: &BackupReading) -> Result<()> {
        let mut at = super::frame::MAGIC.len() as u64;
        while at < self.bytes.length {
            reading.set(at, self.bytes.length);
            match self.bytes.header(at)? {
                Found::Frame(header) => {
                    self.take(at, &header)?;
                    at += header.frame_bytes();
                }
                Found::Torn if !self.is_cut_short(at)? => {
                    self.end = at;
                    return Ok(());
                }
                Found::Torn | Found::Nothing => match self.bytes.next_frame(at + 1)? {
                    Some(next) => {
                        self.hole(at, next)?;
                        at = next;
                    }
                    None if self.bytes.is_blank(at)? => {
                        self.end = at;
                        return Ok(());
                    }
                    None => {
                        self.name(format!(
                            "bytes {at} to {}: no block can be read there, nor how many records it had",
                            self.bytes.length - 1
                        ));
                        return Ok(());
                    }
                },
            }
        }
        Ok(())
    }

    /// Whether another frame follows what looks like the last one's beginning: it was cut by something else than the
    /// end of its run.
    fn is_cut_short(&self, at: u64) -> Result<bool> {
        Ok(self.bytes.next_frame(at + HEADER_BYTES as u64)?.is_some())
    }

    fn take(&mut self, at: u64, header: &Header) -> Result<()> {
        self.next_frame = self.next_frame.max(header.number.saturating_add(1));
        if header.kind == FrameKind::Head {
            if !self.bytes.payload(at, header)?.1 {
                self.name("a copy of the head is damaged".to_owned());
            }
            return Ok(());
        }
        self.note_missing(header);
        let after = (header.records_before).saturating_add(u64::from(header.records));
        self.next_record = self.next_record.max(after);
        if header.kind == FrameKind::End {
            if !self.bytes.payload(at, header)?.1 {
                self.name("the mark of the end is damaged".to_owned());
            }
            self.marked_end = Some(at + header.frame_bytes());
            return Ok(());
        }
        self.take_block(at, header)
    }

    /// Records that stood between the frame before and this one.
    fn note_missing(&mut self, header: &Header) {
        let missing = header.records_before.saturating_sub(self.next_record);
        if missing > 0 {
            self.lost_records = self.lost_records.saturating_add(missing);
            let (first, last) = (self.next_record.saturating_add(1), header.records_before);
            self.name(format!(
                "before block {}: {} can't be read",
                header.number,
                records(first, last)
            ));
        }
    }

    fn take_block(&mut self, at: u64, header: &Header) -> Result<()> {
        self.blocks.push(at);
        let (raw, is_whole) = self.bytes.payload(at, header)?;
        let mut entries = 0_u32;
        for record in record::read_all(self.bytes.seed, &Bytes::from(raw), header.number) {
            match record {
                Record::Entry(saved) => {
                    entries = entries.saturating_add(1);
                    self.twice.see(&saved.key);
                    self.totals.records += 1;
                    self.totals.raw_bytes +=
                        (saved.key.as_bytes().len() + saved.value.len()) as u64;
                    self.highest_group = self.highest_group.max(Some(saved.group));
                    self.open.insert(saved.group);
                }
                Record::Outcome(group, outcome) => {
                    self.highest_group = self.highest_group.max(Some(group));
                    self.open.remove(&group);
                    if outcome == Outcome::Kept {
                        self.void.insert(group);
                    }
                }
            }
        }
        let lost = header.records.saturating_sub(entries);
        self.lost_records = self.lost_records.saturating_add(u64::from(lost));
        if lost > 0 || !is_whole {
            self.name(damaged_block(header, lost));
        }
        Ok(())
    }

    /// Something that is no frame, before one that is.
    fn hole(&mut self, from: u64, to: u64) -> Result<()> {
        let blank = if self.bytes.is_blank(from)? {
            "blank"
        } else {
            "damaged"
        };
        self.name(format!("bytes {from} to {} are {blank}", to - 1));
        Ok(())
    }

    fn name(&mut self, line: String) {
        if self.damage.len() < limits::MAX_NAMED_DAMAGES {
            self.damage.push(line);
        } else {
            self.further_damages += 1;
        }
    }

    /// Outcomes come after their entries, so which entries count is known at the end only. Where all do, nothing is read
    /// again.
    fn sort_out(&mut self, reading: &BackupReading) -> Result<()> {
        if self.void.is_empty() && self.open.is_empty() {
            return Ok(());
        }
        reading.begin_again();
        let twice = 2 * self.blocks.len() as u64;
        let all = self.totals.records;
        // Of a key that was removed or not, nobody knows, the run has read what was there next. The same again: that copy
        // counts. Something else: the first one may be all there is of a value that was deleted.
        let mut doubtful: HashMap<Key, (u64, u64)> = HashMap::new();
        for nth in 0..self.blocks.len() {
            reading.set(nth as u64, twice);
            for saved in self.block(nth)? {
                let content = content_of(&saved);
                if let Some((group, older)) = doubtful.remove(&saved.key)
                    && older == content
                {
                    self.outdated.insert((group, saved.key.detach()));
                }
                if self.open.contains(&saved.group) && doubtful.len() < limits::MAX_DOUBTFUL_KEYS {
                    doubtful.insert(saved.key.detach(), (saved.group, content));
                }
            }
        }
        let mut left = 0;
        for nth in 0..self.blocks.len() {
            reading.set((self.blocks.len() + nth) as u64, twice);
            left += self.block(nth)?.len() as u64;
        }
        self.totals.records = left;
        self.totals.void = all.saturating_sub(left);
        Ok(())
    }

    fn is_outdated(&self, saved: &Saved) -> bool {
        !self.outdated.is_empty() && (self.outdated).contains(&(saved.group, saved.key.clone()))
    }
}

/// Stands for a value and its expiry. Not the CRC-64 of payloads: each payload ends with its own, which makes all of them
/// alike.
fn content_of(saved: &Saved) -> u64 {
    let mut hasher = DefaultHasher::new();
    (saved.kind == SavedKind::Text).hash(&mut hasher);
    saved.expires_at_ms.hash(&mut hasher);
    saved.value.hash(&mut hasher);
    hasher.finish()
}

fn damaged_block(header: &Header, lost: u32) -> String {
    let first = header.records_before.saturating_add(1);
    let last = header
        .records_before
        .saturating_add(u64::from(header.records));
    let own = records(first, last);
    let block = header.number;
    match lost {
        0 => format!("block {block}: damaged, yet its {own} can be read"),
        lost if lost == header.records => format!("block {block}: {own} can't be read"),
        lost => format!("block {block}: {lost} of its {own} can't be read"),
    }
}

fn records(first: u64, last: u64) -> String {
    if first >= last {
        format!("record {last}")
    } else {
        format!("records {first} to {last}")
    }
}
