//! The questions as commands, and what their answers say of a key. Sends and waits for nothing.

use std::time::Duration;

use super::questions::Questions;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Facts, Size, Ttl, TypeName};
use crate::port::{Class, Connection, Reply, ServerCode, decimal, refuses_keys};

/// One question about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Idle,
    /// How many keys share the value, whose idle time is no key's then.
    Shares,
    Ttl,
    Kind,
    /// MEMORY USAGE with so many SAMPLES; 0 looks at all.
    Size(u32),
    /// How many elements a value of this type has: `LLEN`, `STRLEN`.
    Length(&'static str),
}

/// Where a question is put, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Other nodes hold a part of the keys, and slots move.
    pub(super) in_cluster: bool,
    /// Without an idle time nothing can be decided.
    pub(super) needs_idle: bool,
    /// It is a replica that is asked.
    pub(super) is_replica: bool,
}

/// What came of a question.
#[derive(Debug)]
pub(super) enum Heard {
    /// The facts are richer by it, or nothing could be told.
    Told,
    /// So many elements.
    Elements(u64),
    /// The key is not there.
    Gone,
    /// The key's slot is another node's, or on its way there.
    Elsewhere,
    /// The server has no MEMORY USAGE.
    NoMeasure,
    /// To be asked again.
    Later(Error),
}

/// The cheap ones, idle time first: the others make keys young on old servers.
pub(super) fn cheap(asked: Questions) -> impl Iterator<Item = Question> {
    let all = [
        (asked.idle, Question::Idle),
        (asked.ttl, Question::Ttl),
        (asked.kind, Question::Kind),
    ];
    all.into_iter()
        .filter_map(|(is_asked, question)| is_asked.then_some(question))
}

/// The command that counts the elements of such a value; a module's value has none.
pub(super) fn length_of(kind: &TypeName) -> Option<Question> {
    let command = match kind {
        TypeName::String => "STRLEN",
        TypeName::List => "LLEN",
        TypeName::Set => "SCARD",
        TypeName::Zset => "ZCARD",
        TypeName::Hash => "HLEN",
        TypeName::Stream => "XLEN",
        TypeName::Other(_) => return None,
    };
    Some(Question::Length(command))
}

impl Question {
    fn command(self) -> &'static str {
        match self {
            Self::Idle => "OBJECT IDLETIME",
            Self::Shares => "OBJECT REFCOUNT",
            Self::Ttl => "PTTL",
            Self::Kind => "TYPE",
            Self::Size(_) => "MEMORY USAGE",
            Self::Length(command) => command,
        }
    }
}

/// Queues a question about a key.
pub(super) fn queue(connection: &mut Connection, question: Question, key: &[u8]) {
    let command = question.command();
    let mut put = |words: &[&[u8]]| connection.queue(command, Class::Read, words.iter());
    match question {
        Question::Idle => put(&[b"OBJECT", b"IDLETIME", key]),
        Question::Shares => put(&[b"OBJECT", b"REFCOUNT", key]),
        Question::Ttl | Question::Kind | Question::Length(_) => put(&[command.as_bytes(), key]),
        Question::Size(samples) => {
            let mut digits = [0; 20];
            let samples = decimal(u64::from(samples), &mut digits);
            put(&[b"MEMORY", b"USAGE", key, b"SAMPLES", samples]);
        }
    }
}

/// Enters an answer into what is known of its key.
///
/// # Errors
/// What makes asking further useless; `Guard` where a right is missing.
pub(super) fn hear(
    connection: &Connection,
    question: Question,
    reply: Reply,
    manner: Manner,
    facts: &mut Facts,
) -> Result<Heard> {
    match (question, reply) {
        (_, Reply::Error(text)) => hear_refusal(connection, question, &text, manner),
        (Question::Idle | Question::Shares | Question::Size(_), Reply::Null)
        | (Question::Ttl, Reply::Int(-2)) => Ok(Heard::Gone),
        (Question::Kind, Reply::Simple(name)) if name.as_ref() == b"none" => Ok(Heard::Gone),
        (Question::Idle, Reply::Int(seconds)) => {
            facts.idle = Some(Duration::from_secs(count(seconds)));
            Ok(Heard::Told)
        }
        (Question::Shares, Reply::Int(1)) => Ok(Heard::Told),
        (Question::Shares, Reply::Int(_)) => {
            // As old as the server, or the last use by any key: of this one it tells nothing.
            facts.idle = None;
            Ok(Heard::Told)
        }
        (Question::Ttl, Reply::Int(left)) => {
            // Below zero there is none.
            let left = u64::try_from(left).map(Duration::from_millis);
            facts.ttl = Some(left.map_or(Ttl::None, Ttl::Left));
            Ok(Heard::Told)
        }
        (Question::Kind, Reply::Simple(name)) => {
            facts.kind = Some(TypeName::from(String::from_utf8_lossy(&name).as_ref()));
            Ok(Heard::Told)
        }
        (Question::Size(_), Reply::Int(bytes)) => {
            facts.size = Some(Size::bytes(count(bytes)));
            Ok(Heard::Told)
        }
        (Question::Length(_), Reply::Int(elements)) => Ok(Heard::Elements(count(elements))),
        _ => Err(connection.unexpected(question.command())),
    }
}

fn hear_refusal(
    connection: &Connection,
    question: Question,
    text: &[u8],
    manner: Manner,
) -> Result<Heard> {
    let code = ServerCode::of(text);
    match (code, question) {
        (ServerCode::Moved | ServerCode::Ask, _) if manner.in_cluster => {
            return Ok(Heard::Elsewhere);
        }
        (ServerCode::ClusterDown, _) if manner.in_cluster && ServerCode::is_unserved(text) => {
            return Ok(Heard::Elsewhere);
        }
        (ServerCode::IdleUntracked, _) if !manner.needs_idle => return Ok(Heard::Told),
        (_, Question::Size(_)) if is_absent(text) => return Ok(Heard::NoMeasure),
        // It holds something else by now; the sample decides.
        (ServerCode::WrongType, Question::Length(_)) => return Ok(Heard::Told),
        _ => {}
    }
    let error = refused(connection, question, text);
    if error.retry() == Retry::Backoff {
        return Ok(Heard::Later(error));
    }
    Err(error)
}

/// A refusal as an error: a missing right is a guard's, since a key that nobody may ask about is never guessed at.
pub(super) fn refused(connection: &Connection, question: Question, text: &[u8]) -> Error {
    let command = question.command();
    let error = connection
        .refused(command, text)
        .during(format!("ask about keys by {command}"));
    if ServerCode::of(text) != ServerCode::NoPerm {
        return error;
    }
    let hint = if refuses_keys(text) {
        "the ACL user may not read some of these keys: add a key pattern (ACL SETUSER <user> ~prefix:*), or narrow the pattern"
            .to_owned()
    } else {
        error.hint().unwrap_or_default().to_owned()
    };
    Error::new(
        ErrorKind::Guard,
        Retry::Never,
        error.operation().to_owned(),
        error.context(),
    )
    .on_node(connection.node())
    .with_hint(hint)
}

/// The server does not have the command, or not this part of it.
pub(super) fn is_absent(text: &[u8]) -> bool {
    ServerCode::of(text) == ServerCode::UnknownCommand
        || String::from_utf8_lossy(text)
            .to_ascii_lowercase()
            .contains("unknown subcommand")
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
