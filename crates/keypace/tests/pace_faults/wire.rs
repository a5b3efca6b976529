//! What passes between keypace and a server, seen from the middle: which commands are out at once, and with what COUNT.
//! Changes no byte and judges nothing; speaks just enough RESP to tell where one request or reply ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use keypace::{ConnectOptions, Dial, Dialing, Keyspace, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::common::target;

/// The commands that do a piece of work's own work; the others are the canary's, INFO and greetings.
const WORK: [&str; 5] = ["SCAN", "UNLINK", "DEL", "TYPE", "KEYS"];
/// Words of a request that are kept: SCAN has no more.
const MOST_WORDS: usize = 8;

/// Dials through somebody else, and keeps the book.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    dial: Arc<dyn Dial>,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    opened: u64,
    /// Requests without a whole reply, by connection.
    out: BTreeMap<u64, VecDeque<String>>,
    sent: BTreeMap<String, u64>,
    counts: Vec<u32>,
    most_out: usize,
    overlaps: BTreeSet<String>,
}

impl Wire {
    pub(crate) fn new(dial: impl Dial + 'static) -> Self {
        Self {
            dial: Arc::new(dial),
            book: Arc::default(),
        }
    }

    /// A keyspace whose every byte comes by here.
    pub(crate) async fn keyspace(&self) -> Keyspace {
        let dial = Arc::new(self.clone());
        Keyspace::connect_through(dial, target(), ConnectOptions::default())
            .await
            .expect("the server answers")
    }

    /// How many commands of this name were sent.
    pub(crate) fn sent(&self, name: &str) -> u64 {
        self.book().sent.get(name).copied().unwrap_or(0)
    }

    /// COUNT of each SCAN, in their order.
    pub(crate) fn counts(&self) -> Vec<u32> {
        self.book().counts.clone()
    }

    /// Commands of a piece of work that were sent while another one had no answer yet. Questions for the types of one
    /// page are one piece.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        self.book().overlaps.iter().cloned().collect()
    }

    /// The most commands of work that were out at once on one connection.
    pub(crate) fn most_out(&self) -> usize {
        self.book().most_out
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dial for Wire {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let stream = self.dial.dial().await?;
            let mut book = self.book();
            book.opened += 1;
            let number = book.opened;
            book.out.insert(number, VecDeque::new());
            drop(book);
            Ok(Box::new(Watched {
                stream,
                number,
                book: Arc::clone(&self.book),
                requests: Reader::default(),
                replies: Reader::default(),
            }) as Box<dyn Stream>)
        })
    }

    fn name(&self) -> String {
        self.dial.name()
    }
}

impl Book {
    fn sending(&mut self, number: u64, words: &[Vec<u8>]) {
        let word = |at: usize| String::from_utf8_lossy(words.get(at).map_or(b"", Vec::as_slice));
        let name = word(0).to_ascii_uppercase();
        *self.sent.entry(name.clone()).or_default() += 1;
        if name == "SCAN"
            && let Some(at) = words.iter().position(|word| word == b"COUNT")
        {
            self.counts.push(word(at + 1).parse().expect("a number"));
        }
        if WORK.contains(&name.as_str()) {
            let is_work = |other: &&String| WORK.contains(&other.as_str());
            for (other, out) in &self.out {
                let Some(ahead) = out.iter().find(is_work) else {
                    continue;
                };
                let is_one_piece = *other == number && name == "TYPE" && ahead == "TYPE";
                if !is_one_piece {
                    self.overlaps
                        .insert(format!("{name} while {ahead} was out"));
                }
            }
        }
        let out = self.out.entry(number).or_default();
        out.push_back(name);
        let work = out.iter().filter(|name| WORK.contains(&name.as_str()));
        self.most_out = self.most_out.max(work.count());
    }

    fn heard(&mut self, number: u64) {
        self.out.entry(number).or_default().pop_front();
    }
}

struct Watched {
    stream: Box<dyn Stream>,
    number: u64,
    book: Arc<Mutex<Book>>,
    requests: Reader,
    replies: Reader,
}

impl Watched {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.book().out.remove(&self.number);
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        for _ in self.replies.take(&buf.filled()[before..]) {
            self.book().heard(self.number);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(length)) = written {
            for words in self.requests.take(&bytes[..length]) {
                self.book().sending(self.number, &words);
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Cuts a stream of RESP values into values.
#[derive(Default)]
struct Reader {
    line: Vec<u8>,
    /// Bytes of a string, with its line end, that are still to come.
    string_left: usize,
    /// Parts of the value at hand that are still to come.
    parts_left: usize,
    words: Vec<Vec<u8>>,
    /// The string at hand is among the first words.
    is_kept: bool,
}

impl Reader {
    /// The first words of each value that ends within these bytes.
    fn take(&mut self, mut bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut values = Vec::new();
        while !bytes.is_empty() {
            if self.string_left > 0 {
                let (now, rest) = bytes.split_at(self.string_left.min(bytes.len()));
                self.string_left -= now.len();
                bytes = rest;
                if let Some(word) = self.words.last_mut().filter(|_| self.is_kept) {
                    word.extend_from_slice(now);
                }
                if self.string_left == 0 {
                    self.end_part(&mut values);
                }
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (now, rest) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
            self.line.extend_from_slice(now);
            bytes = rest;
            if end.is_some() {
                self.line(&mut values);
            }
        }
        values
    }

    fn line(&mut self, values: &mut Vec<Vec<Vec<u8>>>) {
        let line = std::mem::take(&mut self.line);
        let number = || {
            let digits = String::from_utf8_lossy(&line[1..]);
            digits.trim_end().parse::<i64>().unwrap_or(-1)
        };
        let length = |number: i64| usize::try_from(number).unwrap_or(0);
        if self.parts_left == 0 {
            self.parts_left = 1;
            self.words.clear();
        }
        match line.first() {
            Some(b'*' | b'~' | b'>') => self.parts_left += length(number()),
            Some(b'%') => self.parts_left += 2 * length(number()),
            Some(b'$' | b'=') if number() >= 0 => {
                self.string_left = length(number()) + 2;
                self.is_kept = self.words.len() < MOST_WORDS;
                if self.is_kept {
                    self.words.push(Vec::new());
                }
                return;
            }
            _ => {}
        }
        self.end_part(values);
    }

    fn end_part(&mut self, values: &mut Vec<Vec<Vec<u8>>>) {
        self.parts_left -= 1;
        if self.parts_left == 0 {
            let mut words = std::mem::take(&mut self.words);
            for word in &mut words {
                word.truncate(word.len().saturating_sub(2));
            }
            values.push(words);
        }
    }
}

#[test]
fn a_stream_is_cut_into_values_wherever_its_bytes_arrive() {
    let stream = b"*3\r\n$4\r\nSCAN\r\n$1\r\n0\r\n$0\r\n\r\n+OK\r\n*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$4\r\nb\r\nc\r\n:7\r\n$-1\r\n*0\r\n";
    for step in 1..=stream.len() {
        let mut reader = Reader::default();
        let values: Vec<_> = stream
            .chunks(step)
            .flat_map(|bytes| reader.take(bytes))
            .collect();
        assert_eq!(values.len(), 6, "in steps of {step}");
        assert_eq!(values[0], [&b"SCAN"[..], b"0", b""]);
        assert_eq!(values[2], [&b"0"[..], b"a", b"b\r\nc"]);
    }
}
