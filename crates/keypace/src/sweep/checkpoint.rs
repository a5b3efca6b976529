//! Where a sweep stands, as a file: written whole or not at all, checked when read, for its owner only.
//!
//! The first line names the format, its version, and the CRC-32 of the rest; the rest is JSON. Names and patterns
//! are bytes, so they stand as base64. There is no password in it, and no value.

mod saved_shard;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use self::saved_shard::Room;
pub(super) use self::saved_shard::SavedShard;
use super::books::SharedBooks;
use super::work::About;
use crate::backup::RunToken;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Pattern, SlotSet};
use crate::limits;
use crate::scan::{ListIdentity, ScanOptions};
use crate::select::Filters;

const MAGIC: &str = "keypace-checkpoint 3";
const MAGIC_NAME: &str = "keypace-checkpoint ";
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
    filters: Filters,
    /// The run that the backup's file is of, where keys are saved before they go.
    backup: Option<String>,
    /// The list that the keys are from, where they are.
    list: Option<SavedList>,
    prefix_depth: Option<usize>,
    /// In a cluster: the slots that are not proven to have been walked whole.
    open_slots: Option<String>,
    /// What the work that it is a part of has to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notes: Option<serde_json::Value>,
    shards: Vec<SavedShard>,
}

/// What tells a list of keys from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedList {
    bytes: u64,
    crc32: u32,
}

impl Checkpoint {
    pub(super) fn new(
        about: &About<'_>,
        ended: bool,
        open_slots: Option<&SlotSet>,
        shards: &[SharedBooks],
    ) -> Self {
        let mut room = Room::default();
        Self {
            command: about.command.to_owned(),
            dry_run: about.dry_run,
            address: about.server.address.clone(),
            database: about.server.database,
            ended,
            patterns: names(&about.scan.patterns),
            exclude: names(&about.scan.exclude),
            types: about.scan.types.clone(),
            filters: about.filters.clone(),
            backup: about.backup.map(|run| run.to_string()),
            list: SavedList::of(about.scan),
            prefix_depth: about.prefix_depth,
            open_slots: open_slots.map(ToString::to_string),
            notes: about.notes.clone(),
            shards: shards
                .iter()
                .map(|shard| SavedShard::of(&shard.open(), &mut room))
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

    /// Whether a checkpoint may take the place of what is there: nothing, an empty file, or a checkpoint.
    ///
    /// # Errors
    /// `Guard` for any other file: a backup, or a list of keys.
    pub(super) fn check_place(path: &Path) -> Result<()> {
        let mut start = Vec::new();
        let most = MAGIC_NAME.len() as u64;
        let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut start));
        // What can't be read shows when it is written.
        if read.is_err() || start.is_empty() || start == MAGIC_NAME.as_bytes() {
            return Ok(());
        }
        let context = format!("{}: a file that is no checkpoint is there", path.display());
        Err(Error::new(ErrorKind::Guard, Retry::Never, WRITE, context)
            .with_hint("give the checkpoint a name of its own"))
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
        Self::check_place(path)?;
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
            (self.filters != *about.filters, "other filters"),
            (
                self.list != SavedList::of(about.scan),
                "another list of keys, or of none",
            ),
            (
                self.prefix_depth != about.prefix_depth,
                "another prefix depth",
            ),
            (
                (self.shards.iter()).any(|shard| shard.counts.len() != about.scan.row_count()),
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

    /// The same server by its address or its process; a cluster by any of its nodes, whichever was asked then and now.
    fn is_of(&self, about: &About<'_>) -> bool {
        let run_id = about.server.run_id.as_str();
        let is_member =
            |place: &String| *place == about.server.address || about.places.contains(place);
        let is_known = |shard: &SavedShard| {
            !run_id.is_empty() && shard.mark.run_id() == Some(run_id)
                || about.is_cluster && is_member(&shard.node)
        };
        self.open_slots.is_some() == about.is_cluster
            && (is_member(&self.address) || self.shards.iter().any(is_known))
    }

    /// The run that its backup is of, where it has one.
    pub(super) fn backup(&self) -> Result<Option<RunToken>> {
        let Some(run) = &self.backup else {
            return Ok(None);
        };
        let token =
            RunToken::parse(run).ok_or_else(|| unreadable("its backup has no such name"))?;
        Ok(Some(token))
    }

    /// What the work that it is a part of has to know.
    pub(super) fn notes(&self) -> Option<&serde_json::Value> {
        self.notes.as_ref()
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

    /// All keys that were removed.
    pub(super) fn deleted(&self) -> u64 {
        let counts = self.shards.iter().flat_map(|shard| &shard.counts);
        counts.map(|saved| saved.restored().tally.deleted).sum()
    }
}

impl SavedList {
    fn of(scan: &ScanOptions) -> Option<Self> {
        let ListIdentity { bytes, crc32 } = scan.list.as_ref()?.list.identity();
        Some(Self { bytes, crc32 })
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
