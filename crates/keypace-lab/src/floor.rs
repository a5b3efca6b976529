//! The lower bound that benchmarks compare with: SCAN, UNLINK and KEYS by a loop over a raw socket, counting replies
//! in one reused buffer without keeping or allocating a key. Must stay as fast as a short loop can be, and must not
//! grow any of what makes a client fit for use: no retry, no timeouts by command, no failing key found.

use std::io::{Read, Write};

use crate::endpoint::{Endpoint, Stream};
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::{broken, encode, lost};

/// What a floor has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FloorCounts {
    /// Commands sent.
    pub calls: u64,
    /// Keys that came, as often as they came.
    pub keys: u64,
    /// Bytes read from the socket.
    pub bytes: u64,
    /// Keys that the server says it removed.
    pub removed: u64,
}

/// Walks the keyspace with `SCAN cursor MATCH pattern COUNT count` and counts the keys. The next call is sent as soon
/// as its cursor is known, so the server works while the page is read.
///
/// # Errors
/// `Connection` or `Reply` where the connection fails, `Refused` where the server answers with an error.
pub fn list(endpoint: &Endpoint, pattern: &[u8], count: u64) -> Result<FloorCounts, LabError> {
    let mut wire = Wire::connect(endpoint)?;
    let count = count.to_string();
    wire.scan(b"0", pattern, &count)?;
    loop {
        let (cursor, keys) = wire.page()?;
        if cursor != b"0" {
            wire.scan(&cursor, pattern, &count)?;
        }
        wire.skip_keys(keys)?;
        if cursor == b"0" {
            return Ok(wire.counts);
        }
    }
}

/// Walks as `list` does and removes each page's keys with UNLINK in batches of `batch`, one call at a time.
///
/// # Errors
/// As `list`.
pub fn delete(
    endpoint: &Endpoint,
    pattern: &[u8],
    count: u64,
    batch: usize,
) -> Result<FloorCounts, LabError> {
    let mut wire = Wire::connect(endpoint)?;
    let count = count.to_string();
    let mut batches = Batches::new(batch.max(1));
    wire.scan(b"0", pattern, &count)?;
    loop {
        let (cursor, keys) = wire.page()?;
        batches.clear();
        for _ in 0..keys {
            batches.add(wire.key()?);
        }
        for index in 0..batches.ends.len() {
            wire.send(batches.command(index))?;
            wire.counts.removed += wire.length(b':')? as u64;
        }
        if cursor == b"0" {
            return Ok(wire.counts);
        }
        wire.scan(&cursor, pattern, &count)?;
    }
}

/// Asks for everything at once with `KEYS pattern` and counts the keys.
///
/// # Errors
/// As `list`.
pub fn keys(endpoint: &Endpoint, pattern: &[u8]) -> Result<FloorCounts, LabError> {
    let mut wire = Wire::connect(endpoint)?;
    let mut command = Vec::new();
    encode(&mut command, &[b"KEYS", pattern]);
    wire.send(&command)?;
    let keys = wire.length(b'*')?;
    wire.skip_keys(keys)?;
    Ok(wire.counts)
}

/// One page's keys as they came, cut into batches. A string in a reply has the form of one in a command, so a batch
/// is sent as it was read.
struct Batches {
    size: usize,
    wire: Vec<u8>,
    ends: Vec<(usize, usize)>,
    out: Vec<u8>,
}

impl Batches {
    fn new(size: usize) -> Self {
        Self {
            size,
            wire: Vec::new(),
            ends: Vec::new(),
            out: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.wire.clear();
        self.ends.clear();
    }

    fn add(&mut self, key: &[u8]) {
        self.wire.extend_from_slice(key);
        let end = self.wire.len();
        match self.ends.last_mut() {
            Some((last, keys)) if *keys < self.size => (*last, *keys) = (end, *keys + 1),
            Some(_) | None => self.ends.push((end, 1)),
        }
    }

    fn command(&mut self, index: usize) -> &[u8] {
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
struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    counts: FloorCounts,
}

impl Wire {
    fn connect(endpoint: &Endpoint) -> Result<Self, LabError> {
        let stream = Stream::connect(endpoint, limits::REPLY_TIMEOUT).map_err(|error| {
            LabError::new(LabErrorKind::Connection, format!("connect to {endpoint}")).because(error)
        })?;
        let buffer = vec![0; limits::READ_BUFFER_BYTES];
        Ok(Self {
            stream,
            buffer,
            start: 0,
            end: 0,
            counts: FloorCounts::default(),
        })
    }

    fn scan(&mut self, cursor: &[u8], pattern: &[u8], count: &str) -> Result<(), LabError> {
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

    fn send(&mut self, command: &[u8]) -> Result<(), LabError> {
        self.counts.calls += 1;
        self.stream
            .write_all(command)
            .map_err(|error| lost("send a command", error))
    }

    /// The head of a SCAN reply: its cursor and how many keys follow.
    fn page(&mut self) -> Result<(Vec<u8>, usize), LabError> {
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
    fn key(&mut self) -> Result<&[u8], LabError> {
        let (bytes, head) = self.peek(b'$')?;
        let whole = head + bytes + 2;
        self.need(whole)?;
        self.start += whole;
        self.counts.keys += 1;
        Ok(&self.buffer[self.start - whole..self.start])
    }

    fn skip_keys(&mut self, keys: usize) -> Result<(), LabError> {
        (0..keys).try_for_each(|_| self.key().map(|_| ()))
    }

    /// Consumes a line of the sort `kind` and returns its number.
    fn length(&mut self, kind: u8) -> Result<usize, LabError> {
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
