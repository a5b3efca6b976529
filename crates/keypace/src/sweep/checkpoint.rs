//! Where a sweep stands, as a file: written whole or not at all, checked when read, for its owner only.
//!
//! The first line names the format, its version, and the CRC-32 of the rest; the rest is JSON. Names and patterns
//! are bytes, so they stand as base64. There is no password in it, and no value.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::tallies::{Counts, Tallies};
use crate::delete::Tally;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Pattern;
use crate::limits;
use crate::port::ServerInfo;
use crate::scan::{Mark, ScanOptions};

const MAGIC: &str = "keypace-checkpoint 1";
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
    run_id: Option<String>,
    cursor: String,
    at_end: bool,
    ended: bool,
    patterns: Vec<String>,
    exclude: Vec<String>,
    types: Vec<String>,
    counts: Vec<SavedCounts>,
    prefix_depth: Option<usize>,
    prefixes: Vec<(String, u64)>,
    other_prefixes: u64,
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

/// What a checkpoint is about: it is of use for the same only.
pub(super) struct About<'a> {
    pub(super) command: &'a str,
    pub(super) dry_run: bool,
    pub(super) server: &'a ServerInfo,
    pub(super) scan: &'a ScanOptions,
    pub(super) prefix_depth: Option<usize>,
}

impl Checkpoint {
    pub(super) fn new(about: &About<'_>, mark: &Mark, ended: bool, tallies: &Tallies) -> Self {
        let names = |patterns: &[Pattern]| {
            patterns
                .iter()
                .map(|p| BASE64.encode(p.as_bytes()))
                .collect()
        };
        Self {
            command: about.command.to_owned(),
            dry_run: about.dry_run,
            address: about.server.address.clone(),
            database: about.server.database,
            run_id: mark
                .run_id
                .as_ref()
                .map(|id| String::from_utf8_lossy(id).into_owned()),
            cursor: BASE64.encode(&mark.cursor),
            at_end: mark.is_end,
            ended,
            patterns: names(&about.scan.patterns),
            exclude: names(&about.scan.exclude),
            types: about.scan.types.clone(),
            counts: tallies.by_pattern.iter().map(SavedCounts::of).collect(),
            prefix_depth: about.prefix_depth,
            prefixes: tallies
                .prefix_table()
                .into_iter()
                .map(|(name, n)| (BASE64.encode(name), n))
                .collect(),
            other_prefixes: tallies.other_prefixes(),
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
        let names = |patterns: &[Pattern]| -> Vec<String> {
            patterns
                .iter()
                .map(|p| BASE64.encode(p.as_bytes()))
                .collect()
        };
        let run_id = self.run_id.as_deref().unwrap_or_default();
        let same_server = self.address == about.server.address
            || (!run_id.is_empty() && run_id == about.server.run_id);
        let differences = [
            (self.command != about.command, "another command"),
            (
                self.dry_run != about.dry_run,
                "a dry run and the other is none",
            ),
            (!same_server, "another server"),
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
                self.counts.len() != about.scan.patterns.len(),
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

    pub(super) fn mark(&self) -> Result<Mark> {
        let cursor = BASE64.decode(&self.cursor).map_err(|cause| {
            Error::new(
                ErrorKind::Checkpoint,
                Retry::Never,
                READ,
                "its cursor can't be read",
            )
            .with_source(cause)
        })?;
        Ok(Mark {
            run_id: self.run_id.clone().map(Bytes::from),
            is_end: self.at_end,
            cursor: cursor.into(),
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
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
