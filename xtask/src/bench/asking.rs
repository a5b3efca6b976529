//! The raw loop that filters are held against: a walk on one connection, its pages' questions on another.
//! Must not do more than that: whatever is added here makes keypace look better.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::setting::PATTERN;
use crate::failure::{Failure, Outcome};
use crate::floor::DEFAULT_COUNT;

/// A page's answers and more.
const BUFFER_BYTES: usize = 64 * 1024;
/// As the rows' own `--ttl-under 1h` and `--idle-over 1s`.
const TTL_UNDER_MS: i64 = 3_600_000;
const IDLE_OVER_S: i64 = 1;

/// What is asked about each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Idle,
    /// A value that several keys share has an idle time that is no key's: whoever acts on one asks this too.
    Shares,
    Ttl,
}

impl Question {
    /// The command up to the key's length.
    fn head(self) -> &'static [u8] {
        match self {
            Self::Idle => b"*3\r\n$6\r\nOBJECT\r\n$8\r\nIDLETIME\r\n$",
            Self::Shares => b"*3\r\n$6\r\nOBJECT\r\n$8\r\nREFCOUNT\r\n$",
            Self::Ttl => b"*2\r\n$4\r\nPTTL\r\n$",
        }
    }

    fn passes(self, answer: i64) -> bool {
        match self {
            Self::Idle => answer >= IDLE_OVER_S,
            Self::Shares => answer == 1,
            Self::Ttl => (0..TTL_UNDER_MS).contains(&answer),
        }
    }
}

/// What a loop has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) wall: Duration,
    /// Keys whose answers all pass.
    pub(crate) passed: u64,
}

/// Walks with COUNT 1000 and keypace's own MATCH, which costs the server a comparison for each key, and pipelines the
/// questions of each page. The next page is on its way meanwhile.
pub(crate) fn walk(address: SocketAddr, questions: &[Question]) -> Outcome<Asked> {
    let begun = Instant::now();
    let passed = passing(address, questions)
        .map_err(|error| Failure::new(format!("failed to walk and ask: {error}")))?;
    Ok(Asked {
        wall: begun.elapsed(),
        passed,
    })
}

fn passing(address: SocketAddr, questions: &[Question]) -> io::Result<u64> {
    let mut pages = Wire::connect(address)?;
    let mut answers = Wire::connect(address)?;
    let mut page = Page::default();
    let mut out = Vec::new();
    let mut passed = 0;
    pages.scan(b"0")?;
    loop {
        pages.page(&mut page)?;
        let is_last = page.cursor == b"0";
        if !is_last {
            pages.scan(&page.cursor)?;
        }
        out.clear();
        for name in page.names() {
            for question in questions {
                out.extend_from_slice(question.head());
                write!(out, "{}\r\n", name.len())?;
                out.extend_from_slice(name);
                out.extend_from_slice(b"\r\n");
            }
        }
        answers.send(&out)?;
        for _ in 0..page.ends.len() {
            let mut passes = true;
            for question in questions {
                passes &= question.passes(answers.number(b':')?);
            }
            passed += u64::from(passes);
        }
        if is_last {
            return Ok(passed);
        }
    }
}

/// The keys of one page, one behind the other.
#[derive(Default)]
struct Page {
    cursor: Vec<u8>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Page {
    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[start..*end])
    }
}

/// A connection with one line of it in a buffer that is used again.
struct Wire<S> {
    reader: BufReader<S>,
    line: Vec<u8>,
}

impl Wire<TcpStream> {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    fn scan(&mut self, cursor: &[u8]) -> io::Result<()> {
        let count = DEFAULT_COUNT.to_string();
        let mut out = format!("*6\r\n$4\r\nSCAN\r\n${}\r\n", cursor.len()).into_bytes();
        out.extend_from_slice(cursor);
        for word in ["MATCH", PATTERN, "COUNT", &count] {
            write!(out, "\r\n${}\r\n{word}", word.len())?;
        }
        out.extend_from_slice(b"\r\n");
        self.send(&out)
    }
}

impl<S: Read> Wire<S> {
    fn over(stream: S) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, stream),
            line: Vec::new(),
        }
    }

    /// The number of a line that begins with `kind`.
    fn number(&mut self, kind: u8) -> io::Result<i64> {
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

    fn size(&mut self, kind: u8) -> io::Result<usize> {
        usize::try_from(self.number(kind)?).map_err(io::Error::other)
    }

    /// Reads a string behind what `bytes` has.
    fn string(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let size = self.size(b'$')?;
        let start = bytes.len();
        bytes.resize(start + size + 2, 0);
        self.reader.read_exact(&mut bytes[start..])?;
        bytes.truncate(start + size);
        Ok(())
    }

    fn page(&mut self, page: &mut Page) -> io::Result<()> {
        self.size(b'*')?;
        page.cursor.clear();
        self.string(&mut page.cursor)?;
        page.bytes.clear();
        page.ends.clear();
        for _ in 0..self.size(b'*')? {
            self.string(&mut page.bytes)?;
            page.ends.push(page.bytes.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Question, Wire};

    #[test]
    fn a_page_is_read() {
        let said = b"*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$3\r\nb\r\n\r\n:5\r\n-ERR no\r\n";
        let mut wire = Wire::over(said.as_slice());
        let mut page = Page::default();
        wire.page(&mut page).expect("a page");
        assert_eq!(page.cursor, b"17");
        let names: Vec<&[u8]> = page.names().collect();
        assert_eq!(names, [b"a".as_slice(), b"b\r\n"]);
        assert_eq!(wire.number(b':').expect("a number"), 5);
        assert!(wire.number(b':').is_err());
        assert!(wire.number(b':').is_err(), "nothing more was said");
    }

    #[test]
    fn answers_pass_as_the_filters_have_it() {
        let passing = |question: Question, answers: [i64; 4]| answers.map(|a| question.passes(a));
        assert_eq!(
            passing(Question::Ttl, [-2, -1, 3_599_999, 3_600_000]),
            [false, false, true, false]
        );
        assert_eq!(
            passing(Question::Idle, [0, 1, 2, 9]),
            [false, true, true, true]
        );
        assert_eq!(
            passing(Question::Shares, [0, 1, 2, i64::from(i32::MAX)]),
            [false, true, false, false]
        );
    }
}
