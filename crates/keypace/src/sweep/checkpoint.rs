//! Where a sweep stands, as a file: written whole or not at all, checked when read, for its owner only.
//!
//! The first line names the format, its version, and the CRC-32 of the rest; the rest is JSON. Names and patterns
//! are bytes, so they stand as base64. There is no password in it, and no value.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::books::{Books, SharedBooks};
use super::tallies::{Counts, Tallies};
use super::work::About;
use crate::delete::Tally;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern, SlotSet};
use crate::limits;
use crate::scan::{Claim, Mark, SavedMark};

const MAGIC: &str = "keypace-checkpoint 2";
const READ: &str = "read the checkpoint";
const WRITE: &str = "write the checkpoint";

/// A place to go on from, with what was counted up to there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    command: String,
    dry_run: bool,
    address: String,
    database: u32,
    ended: bool,
    patterns: Vec<String>,
    exclude: Vec<String>,
    types: Vec<String>,
    prefix_depth: Option<usize>,
    /// In a cluster: the slots that are not proven to have been walked whole.
    open_slots: Option<String>,
    shards: Vec<SavedShard>,
}

/// One shard: where its walk stands, and what it has counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedShard {
    node: String,
    /// In a cluster: what it answers for, and what its node owned when the walk began.
    slots: Option<String>,
    claim: Option<SavedClaim>,
    mark: SavedMark,
    walked: bool,
    counts: Vec<SavedCounts>,
    /// In a cluster: slots of keys that were met elsewhere.
    elsewhere: String,
    /// Keys that may have been removed, with the number of their pattern.
    lost: Vec<(usize, String)>,
    prefixes: Vec<(String, u64)>,
    other_prefixes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedClaim {
    id: String,
    epoch: u64,
    at_rest: String,
    is_highest: bool,
    is_agreed: bool,
}

/// One pattern's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedCounts {
    found: u64,
    deleted: u64,
    already_gone: u64,
    skipped: u64,
    failed: u64,
    unknown: u64,
}

impl Checkpoint {
    pub(super) fn new(
        about: &About<'_>,
        ended: bool,
        open_slots: Option<&SlotSet>,
        shards: &[SharedBooks],
    ) -> Self {
        Self {
            command: about.command.to_owned(),
            dry_run: about.dry_run,
            address: about.server.address.clone(),
            database: about.server.database,
            ended,
            patterns: names(&about.scan.patterns),
            exclude: names(&about.scan.exclude),
            types: about.scan.types.clone(),
            prefix_depth: about.prefix_depth,
            open_slots: open_slots.map(ToString::to_string),
            shards: shards
                .iter()
                .map(|shard| SavedShard::of(&shard.open()))
                .collect(),
        }
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// `Checkpoint` for a file that is damaged, of another version, or no checkpoint at all; `Io`.
    pub fn load(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let size = fs::metadata(path).map_or(0, |file| file.len());
        if size > limits::MAX_CHECKPOINT_BYTES {
            return Err(damaged(path, "it is larger than any checkpoint"));
        }
        File::open(path)
            .and_then(|file| {
                file.take(limits::MAX_CHECKPOINT_BYTES)
                    .read_to_string(&mut text)
            })
            .map_err(|cause| match cause.kind() {
                std::io::ErrorKind::InvalidData => damaged(path, "it is no text"),
                _ => Error::new(
                    ErrorKind::Io,
                    Retry::Never,
                    READ,
                    path.display().to_string(),
                )
                .with_source(cause),
            })?;
        let (head, body) = text
            .split_once('\n')
            .ok_or_else(|| damaged(path, "it has no first line"))?;
        let checksum = head
            .strip_prefix(MAGIC)
            .ok_or_else(|| damaged(path, "it is no checkpoint of this version"))?;
        if checksum.trim() != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
            return Err(damaged(path, "its checksum is wrong"));
        }
        serde_json::from_str(body)
            .map_err(|cause| damaged(path, "its fields can't be read").with_source(cause))
    }

    /// Writes it in a file of mode 0600, whole or not at all: beside the old one, synced, then renamed over it.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let failed = |cause: std::io::Error| {
            Error::new(
                ErrorKind::Io,
                Retry::Never,
                WRITE,
                path.display().to_string(),
            )
            .with_source(cause)
            .with_hint("check that the folder is there, may be written, and has room")
        };
        let body = serde_json::to_string(self).map_err(|cause| failed(cause.into()))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let written = private_file(&beside)
            .and_then(|mut file| {
                write!(
                    file,
                    "{MAGIC} {:08x}\n{body}",
                    crc32fast::hash(body.as_bytes())
                )?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&beside, path))
            .and_then(|()| sync_folder(path));
        written.map_err(|cause| {
            // What is left of the attempt is of no use to anyone; the old file stands.
            let _ = fs::remove_file(&beside);
            failed(cause)
        })
    }

    /// Whether it is of this very work.
    pub(super) fn check(&self, about: &About<'_>) -> Result<()> {
        let differences = [
            (self.command != about.command, "another command"),
            (
                self.dry_run != about.dry_run,
                "a dry run and the other is none",
            ),
            (!self.is_of(about), "another server"),
            (self.database != about.server.database, "another database"),
            (
                self.patterns != names(&about.scan.patterns),
                "other patterns",
            ),
            (
                self.exclude != names(&about.scan.exclude),
                "other exclude patterns",
            ),
            (self.types != about.scan.types, "other types"),
            (
                self.prefix_depth != about.prefix_depth,
                "another prefix depth",
            ),
            (
                (self.shards.iter()).any(|shard| shard.counts.len() != about.scan.patterns.len()),
                "other patterns",
            ),
        ];
        match differences.into_iter().find(|(differs, _)| *differs) {
            None => Ok(()),
            Some((_, what)) => Err(Error::new(
                ErrorKind::Checkpoint,
                Retry::Never,
                "resume",
                format!("the checkpoint is of {what}"),
            )
            .with_hint(
                "resume with the command line that wrote it, or start anew without --resume",
            )),
        }
    }

    /// The same server by its address or its process; a cluster by any of its nodes.
    fn is_of(&self, about: &About<'_>) -> bool {
        let run_id = about.server.run_id.as_str();
        let is_known = |shard: &SavedShard| {
            !run_id.is_empty() && shard.mark.run_id() == Some(run_id)
                || about.is_cluster && shard.node == about.server.address
        };
        self.open_slots.is_some() == about.is_cluster
            && (self.address == about.server.address || self.shards.iter().any(is_known))
    }

    pub(super) fn shards(&self) -> &[SavedShard] {
        &self.shards
    }

    /// In a cluster: what is still to be proven.
    pub(super) fn open_slots(&self) -> Result<SlotSet> {
        self.open_slots
            .as_deref()
            .map_or_else(|| Err(unreadable("it is not of a cluster")), parse_slots)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// All keys that were counted.
    pub(super) fn matched(&self) -> u64 {
        let counts = self.shards.iter().flat_map(|shard| &shard.counts);
        counts.map(|saved| saved.restored().matched()).sum()
    }
}

impl SavedShard {
    fn of(books: &Books) -> Self {
        let tallies = &books.tallies;
        Self {
            node: books.node.to_string(),
            slots: books.slots.as_ref().map(ToString::to_string),
            claim: books.claim.as_ref().map(|claim| SavedClaim {
                id: claim.id.clone(),
                epoch: claim.epoch,
                at_rest: claim.at_rest.to_string(),
                is_highest: claim.is_highest,
                is_agreed: claim.is_agreed,
            }),
            mark: books.ledger.mark().to_saved(),
            walked: books.has_walked,
            counts: tallies.by_pattern.iter().map(SavedCounts::of).collect(),
            elsewhere: books.elsewhere.to_string(),
            lost: books
                .lost
                .iter()
                .map(|(pattern, key)| (*pattern, BASE64.encode(key.as_bytes())))
                .collect(),
            prefixes: tallies
                .prefix_table()
                .into_iter()
                .map(|(name, n)| (BASE64.encode(name), n))
                .collect(),
            other_prefixes: tallies.other_prefixes(),
        }
    }

    pub(super) fn mark(&self) -> Result<Mark> {
        self.mark.to_mark()
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn has_walked(&self) -> bool {
        self.walked
    }

    pub(super) fn slots(&self) -> Result<SlotSet> {
        self.slots
            .as_deref()
            .map_or_else(|| Ok(SlotSet::default()), parse_slots)
    }

    pub(super) fn elsewhere(&self) -> Result<SlotSet> {
        parse_slots(&self.elsewhere)
    }

    pub(super) fn claim(&self) -> Result<Option<Claim>> {
        let claim = self.claim.as_ref().map(|saved| {
            Ok(Claim {
                id: saved.id.clone(),
                epoch: saved.epoch,
                at_rest: parse_slots(&saved.at_rest)?,
                is_highest: saved.is_highest,
                is_agreed: saved.is_agreed,
            })
        });
        claim.transpose()
    }

    pub(super) fn lost(&self) -> Result<Vec<(usize, Key)>> {
        let read = |(pattern, name): &(usize, String)| {
            let name = BASE64.decode(name).ok()?;
            (*pattern < self.counts.len()).then(|| (*pattern, Key::new(name)))
        };
        let lost: Option<Vec<_>> = self.lost.iter().map(read).collect();
        lost.ok_or_else(|| unreadable("its keys can't be read"))
    }

    /// Puts back what was counted.
    pub(super) fn restore(&self, tallies: &mut Tallies) {
        tallies.by_pattern = self.counts.iter().map(|saved| saved.restored()).collect();
        let prefixes = self.prefixes.iter();
        tallies.restore_prefixes(
            prefixes.filter_map(|(name, n)| Some((BASE64.decode(name).ok()?, *n))),
            self.other_prefixes,
        );
    }
}

impl SavedCounts {
    fn of(counts: &Counts) -> Self {
        let Tally {
            deleted,
            already_gone,
            skipped,
            failed,
            unknown,
        } = counts.tally;
        Self {
            found: counts.found,
            deleted,
            already_gone,
            skipped,
            failed,
            unknown,
        }
    }

    fn restored(self) -> Counts {
        let Self {
            found,
            deleted,
            already_gone,
            skipped,
            failed,
            unknown: _,
        } = self;
        Counts {
            found,
            tally: Tally {
                deleted,
                already_gone,
                skipped,
                failed,
                // Found again, as no Mark passes them.
                unknown: 0,
            },
        }
    }
}

fn names(patterns: &[Pattern]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| BASE64.encode(pattern.as_bytes()))
        .collect()
}

fn parse_slots(text: &str) -> Result<SlotSet> {
    SlotSet::parse(text).ok_or_else(|| unreadable("its slots can't be read"))
}

fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Checkpoint, Retry::Never, READ, what)
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Checkpoint,
        Retry::Never,
        READ,
        format!("{}: {what}", path.display()),
    )
    .with_hint("the work can't be taken up from this file: start anew without --resume")
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // A leftover with other rights would keep them.
    let _ = fs::remove_file(path);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
