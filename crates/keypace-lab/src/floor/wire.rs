//! The raw socket below the loops: commands out, replies skipped in one reused buffer. Must not keep or allocate what
//! it reads, beyond the page in hand.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::FloorCounts;
use crate::endpoint::Stream;
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::{Raw, broken, encode, lost};
use crate::visit::Visit;

/// How a value that is not there is written.
const NULL: &[u8] = b"$-1\r\n";

/// One page's keys as they came, cut into batches. A string in a reply has the form of one in a command, so a batch
/// is sent as it was read.
pub(super) struct Batches {
    size: usize,
    wire: Vec<u8>,
    pub(super) ends: Vec<(usize, usize)>,
    out: Vec<u8>,
}

impl Batches {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            wire: Vec::new(),
            ends: Vec::new(),
            out: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.wire.clear();
        self.ends.clear();
    }

    pub(super) fn add(&mut self, key: &[u8]) {
        self.wire.extend_from_slice(key);
        let end = self.wire.len();
        match self.ends.last_mut() {
            Some((last, keys)) if *keys < self.size => (*last, *keys) = (end, *keys + 1),
            Some(_) | None => self.ends.push((end, 1)),
        }
    }

    pub(super) fn command(&mut self, index: usize) -> &[u8] {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before].0);
        let (end, keys) = self.ends[index];
        self.out.clear();
        self.out
            .extend_from_slice(format!("*{}\r\n$6\r\nUNLINK\r\n", keys + 1).as_bytes());
        self.out.extend_from_slice(&self.wire[begin..end]);
        &self.out
    }
}

/// A socket and what has been read from it: `buffer[start..end]` is not consumed yet.
pub(super) struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    pub(super) counts: FloorCounts,
    stop: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn connect(visit: &Visit, stop: Arc<AtomicBool>) -> Result<Self, LabError> {
        Ok(Self {
            stream: Raw::visit(visit)?.into_stream(),
            buffer: vec![0; limits::READ_BUFFER_BYTES],
            start: 0,
            end: 0,
            counts: FloorCounts::default(),
            stop,
        })
    }

    pub(super) fn scan(
        &mut self,
        cursor: &[u8],
        pattern: &[u8],
        count: &str,
    ) -> Result<(), LabError> {
        let mut command = Vec::new();
        encode(
            &mut command,
            &[
                b"SCAN",
                cursor,
                b"MATCH",
                pattern,
                b"COUNT",
                count.as_bytes(),
            ],
        );
        self.send(&command)
    }

    /// Sends one whole command, unless somebody asked to stop.
    pub(super) fn send(&mut self, command: &[u8]) -> Result<(), LabError> {
        if self.stop.load(Ordering::Acquire) {
            return Err(LabError::new(
                LabErrorKind::Stopped,
                "run a loop to its end",
            ));
        }
        self.counts.calls += 1;
        self.write(command)
    }

    /// Sends the next part of a command.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), LabError> {
        self.counts.sent += bytes.len() as u64;
        self.stream
            .write_all(bytes)
            .map_err(|error| lost("send a command", error))
    }

    /// The head of a SCAN reply: its cursor and how many keys follow.
    pub(super) fn page(&mut self) -> Result<(Vec<u8>, usize), LabError> {
        if self.length(b'*')? != 2 {
            return Err(broken("no SCAN reply".to_owned()));
        }
        let bytes = self.length(b'$')?;
        self.need(bytes + 2)?;
        let cursor = self.buffer[self.start..self.start + bytes].to_vec();
        self.start += bytes + 2;
        Ok((cursor, self.length(b'*')?))
    }

    /// One key in its wire form, `$3\r\nabc\r\n`.
    pub(super) fn key(&mut self) -> Result<&[u8], LabError> {
        let (bytes, head) = self.peek(b'$')?;
        let whole = head + bytes + 2;
        self.need(whole)?;
        self.start += whole;
        self.counts.keys += 1;
        Ok(&self.buffer[self.start - whole..self.start])
    }

    pub(super) fn skip_keys(&mut self, keys: usize) -> Result<(), LabError> {
        (0..keys).try_for_each(|_| self.key().map(|_| ()))
    }

    /// One value, which may be none; its length.
    pub(super) fn value(&mut self) -> Result<Option<usize>, LabError> {
        self.need(NULL.len())?;
        if self.buffer[self.start..].starts_with(NULL) {
            self.start += NULL.len();
            return Ok(None);
        }
        let (bytes, head) = self.peek(b'$')?;
        let whole = head + bytes + 2;
        self.need(whole)?;
        self.start += whole;
        self.counts.keys += 1;
        Ok(Some(bytes))
    }

    /// Consumes a line of the sort `kind` and returns its number.
    pub(super) fn length(&mut self, kind: u8) -> Result<usize, LabError> {
        let (number, head) = self.peek(kind)?;
        self.start += head;
        Ok(number)
    }

    /// The number of the line that comes next, and the line's length with its end. Consumes nothing.
    fn peek(&mut self, kind: u8) -> Result<(usize, usize), LabError> {
        let mut number = 0_usize;
        let mut at = 0;
        loop {
            self.need(at + 1)?;
            // Whole lines are here as a rule, so the bytes at hand are read without asking for each.
            let here = &self.buffer[self.start..self.end];
            while at < here.len() {
                match here[at] {
                    b'\n' => return Ok((number, at + 1)),
                    first if at == 0 && first == kind => {}
                    digit @ b'0'..=b'9' if at > 0 && number < limits::MAX_BULK_BYTES => {
                        number = number * 10 + usize::from(digit - b'0')
                    }
                    b'\r' if at > 1 => {}
                    _ => return Err(self.unexpected()),
                }
                at += 1;
            }
        }
    }

    /// An error reply, or something that this loop doesn't understand.
    fn unexpected(&self) -> LabError {
        let line = self.buffer[self.start..self.end]
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        match text.strip_prefix('-') {
            Some(error) => {
                LabError::new(LabErrorKind::Refused, "have the server run a command").because(error)
            }
            None => broken(format!("the line {text:?}")),
        }
    }

    /// Makes at least `bytes` bytes available from `start` on.
    fn need(&mut self, bytes: usize) -> Result<(), LabError> {
        while self.end - self.start < bytes {
            if self.start + bytes > self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
                if bytes > self.buffer.len() {
                    self.buffer.resize(bytes.next_power_of_two(), 0);
                }
            }
            let read = self
                .stream
                .read(&mut self.buffer[self.end..])
                .map_err(|error| lost("read a reply", error))?;
            if read == 0 {
                return Err(lost(
                    "read a reply",
                    std::io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            self.end += read;
            self.counts.bytes += read as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Batches;

    #[test]
    fn batches_are_cut_at_their_size() {
        let mut batches = Batches::new(2);
        for key in [b"$1\r\na\r\n", b"$1\r\nb\r\n", b"$1\r\nc\r\n"] {
            batches.add(key);
        }
        assert_eq!(batches.ends, [(14, 2), (21, 1)]);
        assert_eq!(
            batches.command(0),
            b"*3\r\n$6\r\nUNLINK\r\n$1\r\na\r\n$1\r\nb\r\n"
        );
        assert_eq!(batches.command(1), b"*2\r\n$6\r\nUNLINK\r\n$1\r\nc\r\n");
        batches.clear();
        assert!(batches.ends.is_empty());
    }
}
