//! The open backup of a run, as those see it who delete: put, wait until it is safe, say what became of it. The writing
//! itself is on a thread of its own; no fsync runs on the async runtime but those of creating and resuming.

use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::disk::{self, Disk};
use super::entry::{BackupTotals, Entry, Outcome};
use super::frame::{FrameKind, Header, MAGIC, Packer};
use super::head::{BackupHead, RunToken};
use super::memory::{Held, Memory};
use super::reader::Backup;
use super::record;
use super::writer::{Start, Writer};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

const WRITE: &str = "write the backup";
/// Groups of one opening of a file: the next opening counts from the next multiple, so that a damaged block hides no
/// number that is given again.
const GROUPS_PER_OPENING: u64 = 1 << 32;

/// An open backup. Clones write to the same file; any failed write or fsync is final for all of them.
#[derive(Clone)]
pub(crate) struct Vault(Arc<Inner>);

struct Inner {
    sender: Sender<Message>,
    /// Bytes that may still be queued.
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
    next_group: AtomicU64,
    memory: Memory,
}

/// What the writer tells.
pub(super) struct Shared {
    pub(super) path: PathBuf,
    /// Why nothing can be written any more.
    pub(super) failure: Mutex<Option<(io::ErrorKind, String)>>,
    pub(super) totals: Mutex<BackupTotals>,
}

/// What the writer is told.
pub(super) enum Message {
    /// Entries to be written, and their share of the queue.
    Put(u64, Vec<Entry>, OwnedSemaphorePermit),
    Outcome(u64, Outcome),
    /// To be answered when everything before is on the disk.
    Safe(oneshot::Sender<()>),
    /// The same, and the end.
    Close(oneshot::Sender<()>),
}

impl Vault {
    /// Makes the file, with its head on the disk. Blocks for two fsyncs.
    ///
    /// # Errors
    /// `Guard` where something of that name is there, `Io`.
    pub(crate) fn create(path: &Path, head: &BackupHead) -> Result<Self> {
        let failed = |cause: io::Error| failure(path, cause.kind(), &cause.to_string());
        let mut file = disk::create(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => guard(path, "a file of that name is there").with_hint(
                "give another name; to go on with a backup, resume its run with --resume",
            ),
            _ => failed(cause),
        })?;
        let begun = head_bytes(head).and_then(|bytes| {
            disk::lock(&file)?;
            file.append(&bytes)?;
            file.sync_all()?;
            disk::sync_folder(path)?;
            Ok(bytes.len() as u64)
        });
        let length = begun.map_err(|cause| {
            disk::discard(path);
            failed(cause)
        })?;
        let start = Start {
            is_new: true,
            seed: head.run.seed(),
            frame: 2,
            record: 0,
            totals: BackupTotals {
                file_bytes: length,
                ..BackupTotals::default()
            },
        };
        Self::begin(Box::new(file), path, start, 0).map_err(failed)
    }

    /// Goes on in the file of this very run: what its end tore is cut off, with a warning in the log. Reads all of the
    /// file, and blocks for so long.
    ///
    /// # Errors
    /// `Guard` for a file that is missing, what is no backup, that of another run, or one that is being written; `Io`.
    pub(crate) fn resume(path: &Path, run: RunToken) -> Result<Self> {
        let failed = |cause: io::Error| failure(path, cause.kind(), &cause.to_string());
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => missing(path),
                _ => failed(cause),
            })?;
        if !disk::lock(&file).map_err(failed)? {
            return Err(guard(path, "another keypace writes to it")
                .with_hint("wait until that run has ended, or stop it"));
        }
        let backup = Backup::open(path)?;
        if backup.head().run != run {
            return Err(guard(path, "it is the backup of another run")
                .with_hint("resume with the backup file of the run that wrote the checkpoint"));
        }
        let index = backup.index()?;
        if index.torn_bytes() > 0 {
            tracing::warn!(
                path = %path.display(),
                bytes = index.torn_bytes(),
                "the backup's last block is incomplete: cut off, as nothing of it was deleted"
            );
        }
        let end = index.end();
        let cut = file
            .set_len(end)
            .and_then(|()| file.seek(SeekFrom::Start(end)))
            .and_then(|_| file.sync_all());
        cut.map_err(failed)?;
        let totals = BackupTotals {
            file_bytes: end,
            ..index.totals()
        };
        let start = Start {
            is_new: false,
            seed: run.seed(),
            frame: index.next_frame(),
            record: index.next_record(),
            totals,
        };
        let opening = index
            .highest_group()
            .map_or(0, |highest| highest / GROUPS_PER_OPENING + 1);
        let first_group = opening.saturating_mul(GROUPS_PER_OPENING);
        Self::begin(Box::new(file), path, start, first_group).map_err(failed)
    }

    pub(super) fn begin(
        disk: Box<dyn Disk>,
        path: &Path,
        start: Start,
        first_group: u64,
    ) -> io::Result<Self> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let room = Arc::new(Semaphore::new(limits::VAULT_QUEUE_BYTES));
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            failure: Mutex::new(None),
            totals: Mutex::new(start.totals),
        });
        let writer = Writer::new(disk, start, Arc::clone(&shared), Arc::clone(&room))?;
        std::thread::Builder::new()
            .name("keypace-backup".to_owned())
            .spawn(move || writer.run(&receiver))?;
        Ok(Self(Arc::new(Inner {
            sender,
            room,
            shared,
            next_group: AtomicU64::new(first_group),
            memory: Memory::default(),
        })))
    }

    /// A number that no other group of the file has, those of earlier openings included.
    pub(crate) fn next_group(&self) -> u64 {
        self.0.next_group.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until values of so many bytes may be read to be put: what all users of the vault hold together is bounded by
    /// `limits::BACKUP_MEMORY_BYTES`, and a single larger value waits until it is alone. Cancel-safe.
    pub(crate) async fn hold(&self, bytes: u64) -> Held {
        self.0.memory.hold(bytes).await
    }

    /// Hands entries to be written; waits while `limits::VAULT_QUEUE_BYTES` are queued. Cancel-safe: a dropped call has
    /// put nothing.
    ///
    /// # Errors
    /// `Io` once anything could not be written, `Limit` for an entry that no backup can hold, which harms nothing else.
    pub(crate) async fn put(&self, group: u64, entries: Vec<Entry>) -> Result<()> {
        let sizes = entries.iter().map(record::entry_bytes);
        if sizes
            .clone()
            .any(|size| size > limits::MAX_BACKUP_RECORD_BYTES)
        {
            return Err(Error::new(
                ErrorKind::Limit,
                Retry::Never,
                WRITE,
                format!(
                    "a value is longer than {} MiB",
                    limits::MAX_BACKUP_RECORD_BYTES / (1024 * 1024)
                ),
            ));
        }
        let size = sizes.sum::<usize>().min(limits::VAULT_QUEUE_BYTES);
        // A share is never larger than the whole, which fits.
        let share = u32::try_from(size).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.0.room).acquire_many_owned(share).await;
        let permit = permit.map_err(|_| self.failed())?;
        self.send(Message::Put(group, entries, permit))
    }

    /// Everything that was put before is on the disk: only then may it be deleted. Several who wait share an fsync.
    /// Cancel-safe.
    ///
    /// # Errors
    /// `Io`: nothing may be deleted any more.
    pub(crate) async fn safe(&self) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.send(Message::Safe(sender))?;
        answer.await.map_err(|_| self.failed())
    }

    /// Says what became of a group; goes with the next block, so that a crash may lose it, which does no harm.
    pub(crate) fn outcome(&self, group: u64, outcome: Outcome) {
        // Once nothing is written any more there is nothing to add.
        let _ = self.send(Message::Outcome(group, outcome));
    }

    /// Writes what is left and the mark of the end, and syncs them; nothing can be put afterwards. A new file that nothing
    /// was put into is removed. Cancel-safe: it is closed all the same.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) async fn close(&self) -> Result<BackupTotals> {
        let (sender, answer) = oneshot::channel();
        self.send(Message::Close(sender))?;
        answer.await.map_err(|_| self.failed())?;
        Ok(self.totals())
    }

    /// What the file holds so far, as far as it was handed to the system.
    pub(crate) fn totals(&self) -> BackupTotals {
        *(self.0.shared.totals.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, message: Message) -> Result<()> {
        self.0.sender.send(message).map_err(|_| self.failed())
    }

    fn failed(&self) -> Error {
        let shared = &self.0.shared;
        let known = shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((kind, text)) => failure(&shared.path, *kind, text),
            None => failure(&shared.path, io::ErrorKind::Other, "it is closed"),
        }
    }
}

/// The first line, and the head twice: what hits one leaves the other.
fn head_bytes(head: &BackupHead) -> io::Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    let encoded = head.encode();
    let mut packer = Packer::new()?;
    for number in 0..2 {
        let header = Header {
            kind: FrameKind::Head,
            number,
            records_before: 0,
            records: 0,
            packed: 0,
            raw: 0,
            checksum: 0,
        };
        packer.append(&mut bytes, header, 0, &[&encoded])?;
    }
    Ok(bytes)
}

fn failure(path: &Path, kind: io::ErrorKind, text: &str) -> Error {
    // The system's own number says nothing that the words don't.
    let text = text.split(" (os error").next().unwrap_or(text);
    let (context, hint) = match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            (
                format!("{}: the disk is full ({text})", path.display()),
                "nothing is deleted without a copy: make room and resume, or name a file on another disk",
            )
        }
        _ => (
            format!("{}: {text}", path.display()),
            "nothing is deleted without a copy: check that the folder is there and may be written, or name a file elsewhere",
        ),
    };
    Error::new(ErrorKind::Io, Retry::Never, WRITE, context).with_hint(hint)
}

fn missing(path: &Path) -> Error {
    guard(path, "the file is not there, and the run that is resumed saved keys in it").with_hint(
        "put it back where it was, or say with --backup where it is now: without it what that run deleted can't be brought \
         back. To delete the rest all the same, start anew without --resume, with a backup file of its own",
    )
}

fn guard(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Guard,
        Retry::Never,
        WRITE,
        format!("{}: {what}", path.display()),
    )
}
