//! Owns what a server remembers of one connection. It must not hold sockets or data.

use super::reply::Proto;
use super::request::Request;

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replies {
    On,
    Off,
    /// The reply to the next command is left out.
    SkipNext,
}

/// Commands between MULTI and EXEC.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Request>,
    /// A command was refused when it was queued, so EXEC will be.
    pub(crate) broken: bool,
}

/// Whose rights a connection has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Not authenticated yet.
    Nobody,
    /// By user name.
    User(String),
    /// A script's or a test's own call: no checks.
    Trusted,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) database: usize,
    pub(crate) proto: Proto,
    pub(crate) name: Vec<u8>,
    pub(crate) who: Who,
    pub(crate) no_touch: bool,
    pub(crate) replies: Replies,
    /// READONLY: a replica serves its reads.
    pub(crate) reads_here: bool,
    /// ASKING came before this command.
    pub(crate) asking: bool,
    pub(crate) transaction: Option<Transaction>,
    /// The connection closes after this reply.
    pub(crate) closing: bool,
}

impl Session {
    pub(crate) fn new(id: u64, who: Who) -> Self {
        Self {
            id,
            database: 0,
            proto: Proto::Resp2,
            name: Vec::new(),
            who,
            no_touch: false,
            replies: Replies::On,
            reads_here: false,
            asking: false,
            transaction: None,
            closing: false,
        }
    }

    /// The calls of a script: unrestricted, in the caller's database.
    pub(crate) fn of_script(caller: &Self) -> Self {
        Self {
            database: caller.database,
            proto: caller.proto,
            no_touch: caller.no_touch,
            ..Self::new(caller.id, Who::Trusted)
        }
    }
}
