//! The raw loop that a delete with copies is held against: MGET, write, fsync, UNLINK, by as many connections and keys at
//! once. It watches and compares nothing, saves neither names nor expiries, and compresses nothing.
//! Must not do more than that: whatever is added here makes keypace look better.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::failure::{Failure, Outcome};
use crate::floor::DEFAULT_COUNT;

/// As many connections as keypace has for it.
const LANES: usize = 8;
/// As many keys as keypace removes in one step.
const GROUP_KEYS: usize = 64;
/// Groups that wait for a connection.
const WAITING_GROUPS: usize = 32;
const BUFFER_BYTES: usize = 128 * 1024;
/// How a value that is not there is written.
const NULL: &[u8] = b"$-1\r\n";

/// Saves the values of all keys to a new file at `path` and removes the keys; how many were removed.
pub(crate) fn run(address: SocketAddr, path: &Path) -> Outcome<u64> {
    let failed = |error: io::Error| Failure::new(format!("failed to save and remove: {error}"));
    let file = SharedFile::new(path).map_err(failed)?;
    let (sender, receiver) = sync_channel(WAITING_GROUPS);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|_| scope.spawn(|| lane(address, &receiver, &file)))
            .collect();
        let walked = walk(address, |group| {
            sender
                .send(group)
                .map_err(|_| io::Error::other("every lane has failed"))
        });
        drop(sender);
        let mut removed = 0;
        for lane in lanes {
            let done = lane
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a lane has panicked")));
            removed += done.map_err(failed)?;
        }
        walked.map_err(failed)?;
        Ok(removed)
    })
}

/// Keys in the form in which they came, which is that in which they are sent.
#[derive(Default)]
struct Group {
    wire: Vec<u8>,
    keys: usize,
}

impl Group {
    fn command(&self, name: &str, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        write!(out, "*{}\r\n${}\r\n{name}\r\n", self.keys + 1, name.len())?;
        out.extend_from_slice(&self.wire);
        Ok(())
    }
}

fn walk(address: SocketAddr, mut give: impl FnMut(Group) -> io::Result<()>) -> io::Result<()> {
    let mut wire = Wire::connect(address)?;
    let mut cursor = b"0".to_vec();
    loop {
        let mut out = format!("*4\r\n$4\r\nSCAN\r\n${}\r\n", cursor.len()).into_bytes();
        out.extend_from_slice(&cursor);
        let count = DEFAULT_COUNT.to_string();
        write!(out, "\r\n$5\r\nCOUNT\r\n${}\r\n{count}\r\n", count.len())?;
        wire.send(&out)?;
        wire.number(b'*')?;
        let mut text = Vec::new();
        let length = wire.string(&mut text)?;
        cursor = text[text.len() - length - 2..text.len() - 2].to_vec();
        let mut group = Group::default();
        for _ in 0..wire.number(b'*')? {
            wire.string(&mut group.wire)?;
            group.keys += 1;
            if group.keys == GROUP_KEYS {
                give(std::mem::take(&mut group))?;
            }
        }
        if group.keys > 0 {
            give(group)?;
        }
        if cursor == b"0" {
            return Ok(());
        }
    }
}

fn lane(
    address: SocketAddr,
    groups: &Mutex<Receiver<Group>>,
    file: &SharedFile,
) -> io::Result<u64> {
    let mut wire = Wire::connect(address)?;
    let (mut out, mut values) = (Vec::new(), Vec::new());
    let mut removed = 0;
    loop {
        let next = groups.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(group) = next else {
            return Ok(removed);
        };
        group.command("MGET", &mut out)?;
        wire.send(&out)?;
        values.clear();
        for _ in 0..wire.number(b'*')? {
            wire.string(&mut values)?;
        }
        file.save(&values)?;
        group.command("UNLINK", &mut out)?;
        wire.send(&out)?;
        removed += wire.number(b':')? as u64;
    }
}

/// A file that several write to; who waits for a sync that covers it does not ask for another.
struct SharedFile {
    file: File,
    written: Mutex<u64>,
    synced: Mutex<u64>,
}

impl SharedFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create_new(path)?,
            written: Mutex::new(0),
            synced: Mutex::new(0),
        })
    }

    fn save(&self, bytes: &[u8]) -> io::Result<()> {
        let own = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            (&self.file).write_all(bytes)?;
            *written += bytes.len() as u64;
            *written
        };
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced < own {
            let all = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
            self.file.sync_data()?;
            *synced = all;
        }
        Ok(())
    }
}

struct Wire {
    reader: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Wire {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, stream),
            line: Vec::new(),
        })
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The number of a line that begins with `kind`.
    fn number(&mut self, kind: u8) -> io::Result<usize> {
        self.line.clear();
        self.reader.read_until(b'\n', &mut self.line)?;
        let number = match self.line.as_slice() {
            [first, digits @ .., b'\r', b'\n'] if *first == kind => std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| {
            let shown = String::from_utf8_lossy(&self.line).into_owned();
            io::Error::other(format!("the server said {shown:?}"))
        })
    }

    /// Appends a string with its length line and its end; how long it is without them. A key that came twice has no value
    /// the second time.
    fn string(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let size = match self.number(b'$') {
            Err(_) if self.line == NULL => None,
            size => Some(size?),
        };
        bytes.extend_from_slice(&self.line);
        let Some(size) = size else {
            return Ok(0);
        };
        let start = bytes.len();
        bytes.resize(start + size + 2, 0);
        self.reader.read_exact(&mut bytes[start..])?;
        Ok(size)
    }
}
