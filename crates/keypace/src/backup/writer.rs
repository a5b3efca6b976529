//! The thread that writes: gathers records into blocks, blocks into writes, and waiters into one fsync. Knows neither
//! servers nor the async runtime; whatever fails is final.

use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, PoisonError};

use tokio::sync::{Semaphore, oneshot};

use super::disk::Disk;
use super::entry::{BackupTotals, Entry};
use super::frame::{FrameKind, Header, Packer};
use super::record;
use super::vault::{Message, Shared};
use crate::limits;

/// Where a writer begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// The file was made for this run, and goes again where nothing is put into it.
    pub(super) is_new: bool,
    /// Of its checksums.
    pub(super) seed: u32,
    /// The number of its first frame.
    pub(super) frame: u64,
    /// Entries that are there already.
    pub(super) record: u64,
    pub(super) totals: BackupTotals,
}

/// What the thread owns.
pub(super) struct Writer {
    disk: Box<dyn Disk>,
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    is_new: bool,
    seed: u32,
    frame: u64,
    record: u64,
    totals: BackupTotals,
    /// The block that is being filled, and its entries.
    block: Vec<u8>,
    entries: u32,
    /// Frames that wait to be written.
    out: Vec<u8>,
    packer: Packer,
    is_synced: bool,
}

impl Writer {
    pub(super) fn new(
        disk: Box<dyn Disk>,
        start: Start,
        shared: Arc<Shared>,
        room: Arc<Semaphore>,
    ) -> io::Result<Self> {
        Ok(Self {
            disk,
            shared,
            room,
            is_new: start.is_new,
            seed: start.seed,
            frame: start.frame,
            record: start.record,
            totals: start.totals,
            block: Vec::new(),
            entries: 0,
            out: Vec::new(),
            packer: Packer::new()?,
            is_synced: true,
        })
    }

    /// Until it is closed, everybody is gone, or something fails.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        // Outlive the failure's being known: who loses an answer asks for the reason.
        let mut waiters = Vec::new();
        let ended = self.serve(messages, &mut waiters);
        if let Err(cause) = ended {
            let mut failure = (self.shared.failure.lock()).unwrap_or_else(PoisonError::into_inner);
            *failure = Some((cause.kind(), cause.to_string()));
        }
        // Who waits for room, or for an answer, hears of it by that.
        self.room.close();
    }

    fn serve(
        &mut self,
        messages: &Receiver<Message>,
        waiters: &mut Vec<oneshot::Sender<()>>,
    ) -> io::Result<()> {
        let mut gathered = 0;
        loop {
            if gathered >= limits::VAULT_GATHERED_MESSAGES {
                self.satisfy(waiters)?;
                gathered = 0;
            }
            // What has come in meanwhile goes under the same fsync.
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => {
                    self.satisfy(waiters)?;
                    gathered = 0;
                    match messages.recv() {
                        Ok(message) => message,
                        Err(_) => return self.abandon(),
                    }
                }
                Err(TryRecvError::Disconnected) => return self.abandon(),
            };
            gathered += 1;
            match message {
                Message::Put(group, entries, permit) => {
                    for entry in &entries {
                        self.add(group, entry)?;
                    }
                    drop(permit);
                }
                Message::Outcome(group, outcome) => {
                    let bytes = record::outcome(self.seed, group, outcome);
                    self.make_room(bytes.len())?;
                    self.block.extend_from_slice(&bytes);
                }
                Message::Safe(waiter) => waiters.push(waiter),
                Message::Close(waiter) => {
                    waiters.push(waiter);
                    self.end_file()?;
                    self.sync()?;
                    // Who is told that it is closed may open it.
                    self.disk.release();
                    return self.satisfy(waiters);
                }
            }
        }
    }

    /// One fsync for all who wait for one.
    fn satisfy(&mut self, waiters: &mut Vec<oneshot::Sender<()>>) -> io::Result<()> {
        if waiters.is_empty() {
            return Ok(());
        }
        self.sync()?;
        for waiter in waiters.drain(..) {
            // Who has stopped waiting needs no answer.
            let _ = waiter.send(());
        }
        Ok(())
    }

    fn add(&mut self, group: u64, entry: &Entry) -> io::Result<()> {
        let length = record::entry_bytes(entry);
        let prefix = record::entry_prefix(self.seed, group, entry);
        let value = entry.value.bytes();
        self.make_room(length)?;
        self.totals.records += 1;
        self.totals.raw_bytes += (entry.key.as_bytes().len() + value.len()) as u64;
        if length > limits::BACKUP_BLOCK_BYTES {
            // Alone, and not copied once more.
            return self.end_block(1, &[&prefix, value]);
        }
        self.block.extend_from_slice(&prefix);
        self.block.extend_from_slice(value);
        self.entries += 1;
        Ok(())
    }

    /// Ends the block where so many bytes more would be too long for it.
    fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        if self.block.len() + bytes > limits::BACKUP_BLOCK_BYTES {
            self.end_own_block()?;
        }
        Ok(())
    }

    fn end_own_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        let entries = std::mem::take(&mut self.entries);
        self.end_block(entries, &[&block])?;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    /// Nobody closed it, yet nobody is left: what is here is kept all the same, without the mark of an end.
    fn abandon(&mut self) -> io::Result<()> {
        if self.discard() {
            return Ok(());
        }
        self.sync()
    }

    /// Says that the run came to its end. What is written behind it, when the run is taken up again, takes that back.
    fn end_file(&mut self) -> io::Result<()> {
        if self.discard() {
            return Ok(());
        }
        self.end_own_block()?;
        self.end_frame(FrameKind::End, 0, &[])
    }

    /// Lets the file go where nothing was ever put into it, so that the next run can have its name.
    fn discard(&mut self) -> bool {
        let is_empty = self.is_new && self.totals.records == 0;
        let is_gone = is_empty && self.disk.discard(&self.shared.path);
        if is_gone {
            self.block.clear();
            self.totals = BackupTotals::default();
            *(self.shared.totals.lock()).unwrap_or_else(PoisonError::into_inner) = self.totals;
        }
        is_gone
    }

    fn end_block(&mut self, entries: u32, parts: &[&[u8]]) -> io::Result<()> {
        self.end_frame(FrameKind::Block, entries, parts)
    }

    fn end_frame(&mut self, kind: FrameKind, entries: u32, parts: &[&[u8]]) -> io::Result<()> {
        let header = Header {
            kind,
            number: self.frame,
            records_before: self.record,
            records: entries,
            packed: 0,
            raw: 0,
            checksum: 0,
        };
        self.packer
            .append(&mut self.out, header, self.seed, parts)?;
        self.frame += 1;
        self.record += u64::from(entries);
        if self.out.len() >= limits::VAULT_WRITE_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.disk.append(&self.out)?;
        self.is_synced = false;
        self.totals.file_bytes += self.out.len() as u64;
        self.out.clear();
        self.out.shrink_to(2 * limits::VAULT_WRITE_BYTES);
        *(self.shared.totals.lock()).unwrap_or_else(PoisonError::into_inner) = self.totals;
        Ok(())
    }

    /// Everything that was given is on the disk afterwards.
    fn sync(&mut self) -> io::Result<()> {
        self.end_own_block()?;
        self.write()?;
        if !self.is_synced {
            self.disk.sync()?;
            self.is_synced = true;
        }
        Ok(())
    }
}
