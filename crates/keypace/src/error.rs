//! The one error of the library: what kind, whether to try again, during which operation, with what
//! context, and from what cause. Knows no wire code: the table from server codes to kinds is in `port`.

use std::borrow::Cow;
use std::fmt;

/// What went wrong, in terms a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL can't be read, or its scheme is unknown.
    InvalidUrl,
    /// A pattern is empty or too long.
    InvalidPattern,
    /// Another option is outside its bounds.
    InvalidOption,
    /// A guard refused: the text says which, and how to override it where that is possible.
    Guard,
    /// A collecting call would hold more than its limit.
    Limit,
    /// Nothing listens there, or the name does not resolve.
    Unreachable,
    /// The TLS handshake failed, or a certificate file can't be used.
    Tls,
    /// The server refused the user or the password.
    Auth,
    /// The user lacks the right for a command or a key (NOPERM).
    Permission,
    /// The server is reading its dataset (LOADING).
    Loading,
    /// A script or function keeps the server busy (BUSY).
    Busy,
    /// The server is a replica, or writes are switched off (READONLY).
    ReadOnly,
    /// The slot's cluster does not serve (CLUSTERDOWN).
    ClusterDown,
    /// The slot lives elsewhere (MOVED).
    Moved,
    /// The slot is on its way elsewhere (ASK).
    Ask,
    /// Keys of a moving slot are split between two nodes (TRYAGAIN).
    TryAgain,
    /// Keys of one command lie in several slots (CROSSSLOT).
    CrossSlot,
    /// A replica has lost its primary (MASTERDOWN).
    MasterDown,
    /// The server is at `maxmemory` (OOM).
    OutOfMemory,
    /// The script is not cached (NOSCRIPT).
    NoScript,
    /// Too few replicas (NOREPLICAS), or the last save failed (MISCONF): writes are refused.
    WritesRefused,
    /// The value has another type (WRONGTYPE).
    WrongType,
    /// A transaction was given up (EXECABORT).
    Aborted,
    /// The service refuses KEYS on a keyspace of this size.
    KeysRefused,
    /// The server doesn't have the command.
    UnknownCommand,
    /// This version of keypace can't do that on this server.
    Unsupported,
    /// The bytes are no RESP, or the reply has another shape than the command's.
    Protocol,
    /// The server's cursors repeat: the walk would never end.
    CursorLoop,
    /// No answer within the timeout.
    Timeout,
    /// The connection ended before the answer.
    Disconnected,
    /// A checkpoint can't be read, or is that of another run.
    Checkpoint,
    /// A part of a file is not what was written there.
    Damaged,
    /// A file can't be read or written.
    Io,
    /// A key or a record changed between the look at it and its removal or its update, and was left alone.
    Changed,
    /// Something of this name is there already, and was left alone.
    Exists,
    /// What was to be changed is not there.
    Missing,
    /// A value is larger than what is backed up, and its key was left alone.
    TooLarge,
    /// Any other error reply.
    Server,
}

impl ErrorKind {
    /// Its name in machine output: `permission`, `out_of_memory`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid_url",
            Self::InvalidPattern => "invalid_pattern",
            Self::InvalidOption => "invalid_option",
            Self::Guard => "guard",
            Self::Limit => "limit",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::Loading => "loading",
            Self::Busy => "busy",
            Self::ReadOnly => "read_only",
            Self::ClusterDown => "cluster_down",
            Self::Moved => "moved",
            Self::Ask => "ask",
            Self::TryAgain => "try_again",
            Self::CrossSlot => "cross_slot",
            Self::MasterDown => "master_down",
            Self::OutOfMemory => "out_of_memory",
            Self::NoScript => "no_script",
            Self::WritesRefused => "writes_refused",
            Self::WrongType => "wrong_type",
            Self::Aborted => "aborted",
            Self::KeysRefused => "keys_refused",
            Self::UnknownCommand => "unknown_command",
            Self::Unsupported => "unsupported",
            Self::Protocol => "protocol",
            Self::CursorLoop => "cursor_loop",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Checkpoint => "checkpoint",
            Self::Damaged => "damaged",
            Self::Io => "io",
            Self::Changed => "changed",
            Self::Exists => "exists",
            Self::Missing => "missing",
            Self::TooLarge => "too_large",
            Self::Server => "server",
        }
    }
}

/// What a caller may do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// The same request may pass after a pause, on the same connection.
    Backoff,
    /// The same request may pass on a new connection.
    Reconnect,
    /// Another node is the right one.
    Redirect,
    /// The command may or may not have run: ask the server before doing it again.
    AskAgain,
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One failure. `Display` completes *failed to ...*; the cause is in `source()`, advice in [`Error::hint`].
pub struct Error(Box<Parts>);

struct Parts {
    kind: ErrorKind,
    retry: Retry,
    operation: Cow<'static, str>,
    node: Option<String>,
    context: String,
    hint: Option<Cow<'static, str>>,
    version: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// `operation` completes *failed to ...*, in lower case: `"scan the keyspace"`.
    pub(crate) fn new(
        kind: ErrorKind,
        retry: Retry,
        operation: impl Into<Cow<'static, str>>,
        context: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            kind,
            retry,
            operation: operation.into(),
            node: None,
            context: context.into(),
            hint: None,
            version: None,
            source: None,
        }))
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_version(mut self, version: u64) -> Self {
        self.0.version = Some(version);
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn on_node(mut self, node: &str) -> Self {
        self.0.node.get_or_insert_with(|| node.to_owned());
        self
    }

    /// The same with other advice: the same failure means more to a write that was on its way than to a read.
    pub(crate) fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    pub(crate) fn during(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = operation.into();
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether, and how, to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// What was being done; completes *failed to ...*.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What is known of the failure: a public text, without keys, values or passwords.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.0.context
    }

    /// The address of the server it happened on.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.0.node.as_deref()
    }

    /// The version of a record that was in the way: with `Changed` and `Exists`.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.0.version
    }

    /// What to check or to do, as a line of its own.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.operation)?;
        if let Some(node) = &self.0.node {
            write!(f, " on {node}")?;
        }
        if !self.0.context.is_empty() {
            write!(f, ": {}", self.0.context)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("operation", &self.0.operation)
            .field("node", &self.0.node)
            .field("context", &self.0.context)
            .field("hint", &self.0.hint)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, Retry};
    use std::error::Error as _;

    #[test]
    fn display_says_its_own_part_only() {
        let error = Error::new(
            ErrorKind::Disconnected,
            Retry::Reconnect,
            "scan the keyspace",
            "the server closed the connection",
        )
        .on_node("127.0.0.1:6379")
        .with_source(std::io::Error::other("reset by peer"));
        assert_eq!(
            error.to_string(),
            "scan the keyspace on 127.0.0.1:6379: the server closed the connection"
        );
        assert_eq!(error.source().expect("cause").to_string(), "reset by peer");
    }
}
