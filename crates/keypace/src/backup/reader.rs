//! Opens a backup and finds its frames, damaged ones included. Changes nothing in the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::frame::{FrameKind, HEADER_BYTES, Header, MAGIC, MARK, NAME};
use super::head::BackupHead;
use super::index::BackupIndex;
use super::reading::BackupReading;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

const READ: &str = "read the backup";
/// Bytes that are looked through at once for the next frame.
const SEEK_BYTES: usize = 64 * 1024;

/// A backup that can be read, while it is written too: what is there at the time of opening.
#[derive(Debug)]
pub struct Backup {
    pub(super) bytes: Frames,
    pub(super) head: BackupHead,
    /// What is wrong with what stands before the blocks.
    pub(super) damage: Vec<String>,
    pub(super) reading: BackupReading,
}

impl Backup {
    /// Opens a file and reads its head, of which there are two copies.
    ///
    /// # Errors
    /// `Guard` for what is no backup, or one that this version can't read; `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        let mut bytes = Frames::open(path)?;
        let mut first = [0; MAGIC.len()];
        let has_first = bytes.read(0, &mut first)?;
        let mut damage = Vec::new();
        if !has_first || first != *MAGIC {
            damage.push("the first line is damaged".to_owned());
        }
        let mut at = MAGIC.len() as u64;
        let farthest = at + 2 * (HEADER_BYTES + limits::MAX_BACKUP_HEAD_BYTES) as u64;
        while at < farthest.min(bytes.length) {
            if let Found::Frame(header) = bytes.header(at)? {
                if header.kind != FrameKind::Head {
                    break;
                }
                if let Some(head) = bytes.head(at, &header)? {
                    bytes.seed = head.run.seed();
                    return Ok(Self {
                        bytes,
                        head,
                        damage,
                        reading: BackupReading::default(),
                    });
                }
            }
            damage.push("a copy of the head is damaged".to_owned());
            match bytes.next_frame(at + 1)? {
                Some(next) => at = next,
                None => break,
            }
        }
        if has_first && first.starts_with(NAME) && first != *MAGIC {
            return Err(bytes
                .refused("it is of another version")
                .with_hint("read it with the version of keypace that wrote it"));
        }
        Err(bytes
            .refused("it is no backup, or its beginning is lost")
            .with_hint("give the file that `keypace delete --backup` has written"))
    }

    /// Of what run it is.
    #[must_use]
    pub fn head(&self) -> &BackupHead {
        &self.head
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.bytes.path
    }

    /// Shows how far `index()` has come, from anywhere.
    #[must_use]
    pub fn reading(&self) -> BackupReading {
        self.reading.clone()
    }

    /// Reads the file once, from its beginning to its end, and finds what is in it and what is damaged. Blocks.
    ///
    /// # Errors
    /// `Io`.
    pub fn index(self) -> Result<BackupIndex> {
        BackupIndex::read(self)
    }
}

/// What begins at a place in a file.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole frame.
    Frame(Header),
    /// A frame whose end, or whose header's end, is beyond the file's.
    Torn,
    /// No frame.
    Nothing,
}

/// The bytes of a file, up to where it ended when it was opened.
#[derive(Debug)]
pub(super) struct Frames {
    path: PathBuf,
    file: File,
    pub(super) length: u64,
    /// The run's; 0 until the head is read.
    pub(super) seed: u32,
}

impl Frames {
    fn open(path: &Path) -> Result<Self> {
        let opened = File::open(path).and_then(|file| {
            let about = file.metadata()?;
            Ok((file, about))
        });
        let (file, about) = opened.map_err(|cause| unreadable(path, cause))?;
        if !about.is_file() {
            let cause = io::Error::other("it is no regular file");
            return Err(unreadable(path, cause));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            length: about.len(),
            seed: 0,
        })
    }

    pub(super) fn refused(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Guard,
            Retry::Never,
            READ,
            format!("{}: {what}", self.path.display()),
        )
    }

    /// Fills the buffer from this place; false where the file ends before.
    pub(super) fn read(&self, at: u64, buffer: &mut [u8]) -> Result<bool> {
        if at.saturating_add(buffer.len() as u64) > self.length {
            return Ok(false);
        }
        let mut file = &self.file;
        let read = file
            .seek(SeekFrom::Start(at))
            .and_then(|_| file.read_exact(buffer));
        match read {
            Ok(()) => Ok(true),
            // It was cut meanwhile.
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(cause) => Err(unreadable(&self.path, cause)),
        }
    }

    pub(super) fn header(&self, at: u64) -> Result<Found> {
        let mut bytes = [0; HEADER_BYTES];
        if !self.read(at, &mut bytes)? {
            return Ok(Found::Torn);
        }
        Ok(match Header::decode(&bytes, self.seed) {
            None => Found::Nothing,
            Some(header) if at + header.frame_bytes() > self.length => Found::Torn,
            Some(header) => Found::Frame(header),
        })
    }

    /// The payload of a whole frame, and whether it is as it was written.
    pub(super) fn payload(&self, at: u64, header: &Header) -> Result<(Vec<u8>, bool)> {
        let mut packed = vec![0; header.packed as usize];
        let is_there = self.read(at + HEADER_BYTES as u64, &mut packed)?;
        let raw = header.unpack(&packed);
        let is_whole = is_there
            && crc32fast::hash(&packed) == header.checksum
            && raw.len() == header.raw as usize;
        Ok((raw, is_whole))
    }

    fn head(&self, at: u64, header: &Header) -> Result<Option<BackupHead>> {
        let (raw, is_whole) = self.payload(at, header)?;
        Ok(is_whole.then(|| BackupHead::decode(&raw)).flatten())
    }

    /// Where the next header is that is whole, from this place on.
    pub(super) fn next_frame(&self, from: u64) -> Result<Option<u64>> {
        let mut buffer = vec![0; SEEK_BYTES];
        let mut at = from;
        while at + HEADER_BYTES as u64 <= self.length {
            let there = usize::try_from(self.length - at).unwrap_or(SEEK_BYTES);
            let piece = &mut buffer[..there.min(SEEK_BYTES)];
            if !self.read(at, piece)? {
                return Ok(None);
            }
            for (place, _) in piece
                .windows(MARK.len())
                .enumerate()
                .filter(|(_, w)| **w == MARK)
            {
                let found = at + place as u64;
                if !matches!(self.header(found)?, Found::Nothing) {
                    return Ok(Some(found));
                }
            }
            // A mark may lie across the edge.
            at += (piece.len() - (MARK.len() - 1)) as u64;
        }
        Ok(None)
    }

    /// Whether nothing but zeros is left from this place on: a file that was made longer and not written.
    pub(super) fn is_blank(&self, from: u64) -> Result<bool> {
        let mut buffer = vec![0; SEEK_BYTES];
        let mut at = from;
        while at < self.length {
            let there = usize::try_from(self.length - at).unwrap_or(SEEK_BYTES);
            let piece = &mut buffer[..there.min(SEEK_BYTES)];
            if !self.read(at, piece)? || piece.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += piece.len() as u64;
        }
        Ok(true)
    }
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    Error::new(
        ErrorKind::Io,
        Retry::Never,
        READ,
        path.display().to_string(),
    )
    .with_source(cause)
    .with_hint("check that the file is there and may be read")
}
