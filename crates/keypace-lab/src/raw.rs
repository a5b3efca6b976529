//! A minimal blocking RESP2 client for set-up, seeding and checking.
//! Must stay independent of the library's own codec: a fault that both had would be seen by neither.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

use crate::endpoint::{Endpoint, Stream};
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::traffic::Traffic;
use crate::visit::Visit;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+OK`
    Simple(String),
    /// `-ERR ...`, without the dash.
    Error(String),
    /// `:1`
    Int(i64),
    /// `$3`, or none for a null.
    Bulk(Option<Vec<u8>>),
    /// `*2`, or none for a null.
    Array(Option<Vec<Value>>),
}

impl Value {
    /// The number, of an integer reply.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Simple(_) | Self::Error(_) | Self::Bulk(_) | Self::Array(_) => None,
        }
    }

    /// The bytes, of a string reply that is not null.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) => Some(text.as_bytes()),
            Self::Bulk(bytes) => bytes.as_deref(),
            Self::Error(_) | Self::Int(_) | Self::Array(_) => None,
        }
    }

    /// The items, of an array reply that is not null.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => items.as_deref(),
            Self::Simple(_) | Self::Error(_) | Self::Int(_) | Self::Bulk(_) => None,
        }
    }

    /// The same value, unless the server answered with an error.
    ///
    /// # Errors
    /// `Refused`, with the server's own text as the cause.
    pub fn checked(self) -> Result<Self, LabError> {
        match self {
            Self::Error(text) => Err(LabError::new(
                LabErrorKind::Refused,
                "have the server run a command",
            )
            .because(text)),
            Self::Simple(_) | Self::Int(_) | Self::Bulk(_) | Self::Array(_) => Ok(self),
        }
    }
}

/// A connection that sends commands and waits for their replies. After an error other than `Refused` it is of no
/// further use: what is still on the wire belongs to an earlier command.
#[derive(Debug)]
pub struct Raw {
    reader: BufReader<Stream>,
    line: Vec<u8>,
    out: Vec<u8>,
    traffic: Traffic,
}

impl Raw {
    /// Connects, with 30 s for each reply.
    ///
    /// # Errors
    /// `Connection` where nobody listens there.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, LabError> {
        Self::connect_within(endpoint, limits::REPLY_TIMEOUT)
    }

    /// Connects, with `timeout` for the connection and for each reply.
    ///
    /// # Errors
    /// `Connection` where nobody listens there.
    pub fn connect_within(endpoint: &Endpoint, timeout: Duration) -> Result<Self, LabError> {
        let stream = Stream::connect(endpoint, timeout).map_err(|error| {
            LabError::new(LabErrorKind::Connection, format!("connect to {endpoint}")).because(error)
        })?;
        let reader = BufReader::with_capacity(limits::READ_BUFFER_BYTES, stream);
        Ok(Self {
            reader,
            line: Vec::new(),
            out: Vec::new(),
            traffic: Traffic::default(),
        })
    }

    /// Connects as somebody, to one of the databases.
    ///
    /// # Errors
    /// As `connect`, and `Refused` where the server doesn't let us in.
    pub fn visit(visit: &Visit) -> Result<Self, LabError> {
        let mut raw = Self::connect(visit.endpoint())?;
        match (visit.user(), visit.password()) {
            (None, None) => {}
            (None, Some(password)) => raw.say(&[b"AUTH", password.as_bytes()])?,
            (Some(user), password) => {
                let password = password.unwrap_or_default();
                raw.say(&[b"AUTH", user.as_bytes(), password.as_bytes()])?;
            }
        }
        if visit.database() != 0 {
            raw.say(&[b"SELECT", visit.database().to_string().as_bytes()])?;
        }
        Ok(raw)
    }

    /// Sends one command whose reply says no more than that it worked.
    pub(crate) fn say(&mut self, words: &[&[u8]]) -> Result<(), LabError> {
        self.command(words)?.checked().map(|_| ())
    }

    /// What has passed on this connection.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The stream itself, for a loop that reads in its own way. Nothing is on the wire between commands.
    pub(crate) fn into_stream(self) -> Stream {
        self.reader.into_inner()
    }

    /// Sends one command and reads its reply. An error reply is a `Value::Error`; see [`Value::checked`].
    ///
    /// # Errors
    /// `Connection` where it closed or stalled, `Reply` where the answer is not RESP2.
    pub fn command(&mut self, words: &[&[u8]]) -> Result<Value, LabError> {
        self.begin(words)?;
        self.reply(0)
    }

    /// Sends one command whose reply `end` reads, so that several connections can wait for theirs together.
    pub(crate) fn begin(&mut self, words: &[&[u8]]) -> Result<(), LabError> {
        self.out.clear();
        encode(&mut self.out, words);
        self.send(1)
    }

    /// Reads the reply to what `begin` sent.
    pub(crate) fn end(&mut self) -> Result<Value, LabError> {
        self.reply(0)
    }

    /// Starts a pipeline: commands that are sent together, with their replies read after.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        self.out.clear();
        Pipeline {
            raw: self,
            pending: 0,
        }
    }

    /// The fields of one section of `INFO`, or of all with `""`.
    ///
    /// # Errors
    /// As `command`, and `Refused` where the server doesn't give it.
    pub fn info(&mut self, section: &str) -> Result<HashMap<String, String>, LabError> {
        let value = if section.is_empty() {
            self.command(&[b"INFO"])?
        } else {
            self.command(&[b"INFO", section.as_bytes()])?
        };
        let value = value.checked()?;
        let text = String::from_utf8_lossy(value.bytes().unwrap_or_default());
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(fields
            .map(|(name, field)| (name.to_owned(), field.trim_end().to_owned()))
            .collect())
    }

    fn send(&mut self, commands: usize) -> Result<(), LabError> {
        self.traffic.commands += commands as u64;
        self.traffic.sent += self.out.len() as u64;
        self.reader
            .get_mut()
            .write_all(&self.out)
            .map_err(|error| lost("send a command", error))
    }

    fn reply(&mut self, depth: usize) -> Result<Value, LabError> {
        if depth > limits::MAX_REPLY_DEPTH {
            return Err(broken("a reply nested too deep".to_owned()));
        }
        self.line.clear();
        self.reader
            .read_until(b'\n', &mut self.line)
            .map_err(|error| lost("read a reply", error))?;
        self.traffic.received += self.line.len() as u64;
        let Some(line) = self.line.strip_suffix(b"\r\n") else {
            return Err(lost(
                "read a reply",
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        };
        let Some((kind, rest)) = line.split_first() else {
            return Err(broken("an empty line".to_owned()));
        };
        let text = String::from_utf8_lossy(rest).into_owned();
        match kind {
            b'+' => Ok(Value::Simple(text)),
            b'-' => Ok(Value::Error(text)),
            b':' => text
                .parse()
                .map(Value::Int)
                .map_err(|_| broken(format!("the number {text:?}"))),
            b'$' => Ok(Value::Bulk(match length(&text)? {
                Some(bytes) => Some(self.bulk(bytes)?),
                None => None,
            })),
            b'*' => {
                let Some(items) = length(&text)? else {
                    return Ok(Value::Array(None));
                };
                let mut values = Vec::with_capacity(items.min(limits::MAX_RESERVED_ITEMS));
                for _ in 0..items {
                    values.push(self.reply(depth + 1)?);
                }
                Ok(Value::Array(Some(values)))
            }
            other => Err(broken(format!("a reply that begins with byte {other}"))),
        }
    }

    fn bulk(&mut self, bytes: usize) -> Result<Vec<u8>, LabError> {
        if bytes > limits::MAX_BULK_BYTES {
            return Err(broken(format!("a string of {bytes} bytes")));
        }
        let mut text = vec![0; bytes + 2];
        self.reader
            .read_exact(&mut text)
            .map_err(|error| lost("read a reply", error))?;
        self.traffic.received += text.len() as u64;
        text.truncate(bytes);
        Ok(text)
    }
}

/// Commands of one connection that are waiting to be sent together. Dropped without `run`, it sends nothing.
#[derive(Debug)]
pub struct Pipeline<'a> {
    raw: &'a mut Raw,
    pending: usize,
}

impl Pipeline<'_> {
    /// Adds a command; nothing is sent yet.
    pub fn add(&mut self, words: &[&[u8]]) {
        encode(&mut self.raw.out, words);
        self.pending += 1;
    }

    /// How many commands wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Sends what waits and reads one reply for each command, in order; the pipeline is empty after.
    ///
    /// # Errors
    /// As [`Raw::command`].
    pub fn run(&mut self) -> Result<Vec<Value>, LabError> {
        let pending = std::mem::take(&mut self.pending);
        let sent = self.raw.send(pending);
        self.raw.out.clear();
        sent?;
        (0..pending).map(|_| self.raw.reply(0)).collect()
    }
}

/// Appends one command in RESP to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The length of a string or an array; -1 is a null.
fn length(text: &str) -> Result<Option<usize>, LabError> {
    match text.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(number) => usize::try_from(number)
            .map(Some)
            .map_err(|_| broken(format!("the length {text:?}"))),
        Err(_) => Err(broken(format!("the length {text:?}"))),
    }
}

pub(crate) fn lost(operation: &str, error: std::io::Error) -> LabError {
    LabError::new(LabErrorKind::Connection, operation).because(error)
}

pub(crate) fn broken(what: String) -> LabError {
    LabError::new(LabErrorKind::Reply, "understand a reply").because(what)
}

#[cfg(test)]
mod tests {
    use super::Raw;
    use super::Value;
    use crate::LabErrorKind;
    use crate::endpoint::Stream;
    use crate::traffic::Traffic;
    use std::io::BufReader;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    /// A client whose server has already said `bytes` and closed.
    fn client_that_hears(bytes: &[u8]) -> Raw {
        let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
        theirs.write_all(bytes).expect("a write");
        drop(theirs);
        Raw {
            reader: BufReader::new(Stream::Unix(ours)),
            line: Vec::new(),
            out: Vec::new(),
            traffic: Traffic::default(),
        }
    }

    #[test]
    fn replies_of_each_sort_are_read() {
        let bulk = |text: &str| Value::Bulk(Some(text.as_bytes().to_vec()));
        let cases: [(&[u8], Value); 8] = [
            (b"+OK\r\n", Value::Simple("OK".to_owned())),
            (b"-ERR no\r\n", Value::Error("ERR no".to_owned())),
            (b":-7\r\n", Value::Int(-7)),
            (b"$4\r\na\r\nb\r\n", bulk("a\r\nb")),
            (b"$0\r\n\r\n", bulk("")),
            (b"$-1\r\n", Value::Bulk(None)),
            (b"*-1\r\n", Value::Array(None)),
            (
                b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n",
                Value::Array(Some(vec![bulk("0"), Value::Array(Some(vec![bulk("k")]))])),
            ),
        ];
        for (wire, expected) in cases {
            assert_eq!(client_that_hears(wire).reply(0).expect("a reply"), expected);
        }
    }

    #[test]
    fn torn_and_foreign_replies_are_errors() {
        let deep = b"*1\r\n".repeat(40);
        let cases: [(&[u8], LabErrorKind); 8] = [
            (b"", LabErrorKind::Connection),
            (b"$5\r\nab", LabErrorKind::Connection),
            (b"+OK", LabErrorKind::Connection),
            (b"*2\r\n:1\r\n", LabErrorKind::Connection),
            (b"$-2\r\n", LabErrorKind::Reply),
            (b"$99999999999\r\n", LabErrorKind::Reply),
            (b"HTTP/1.1 400 Bad Request\r\n", LabErrorKind::Reply),
            (&deep, LabErrorKind::Reply),
        ];
        for (wire, expected) in cases {
            let error = client_that_hears(wire).reply(0).expect_err("an error");
            assert_eq!(error.kind(), expected, "{error:?}");
        }
    }
}
