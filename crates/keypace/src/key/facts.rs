//! What was learnt of a key by asking: type, time to live, idle time, size. Holds data; asks nothing and decides nothing.

use std::fmt;
use std::time::Duration;

/// What was learnt of a key. What was not asked is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Its type.
    pub kind: Option<TypeName>,
    /// How long it is to live.
    pub ttl: Option<Ttl>,
    /// How long ago it was last read or written, in whole seconds.
    pub idle: Option<Duration>,
    /// What its value takes.
    pub size: Option<Size>,
}

/// The type of a value, as `TYPE` names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TypeName {
    /// `string`.
    String,
    /// `list`.
    List,
    /// `set`.
    Set,
    /// `zset`.
    Zset,
    /// `hash`.
    Hash,
    /// `stream`.
    Stream,
    /// A module's.
    Other(Box<str>),
}

impl TypeName {
    /// As the server writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for TypeName {
    fn from(name: &str) -> Self {
        match name {
            "string" => Self::String,
            "list" => Self::List,
            "set" => Self::Set,
            "zset" => Self::Zset,
            "hash" => Self::Hash,
            "stream" => Self::Stream,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How long a key is to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// For ever.
    None,
    /// So long from when it was asked, in whole milliseconds.
    Left(Duration),
}

/// What a value takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Size {
    /// Bytes of the server's memory, nested values sampled; or elements.
    pub amount: u64,
    /// The server has no `MEMORY USAGE` (before 4.0): these are elements, and of a string its bytes.
    pub is_elements: bool,
}

impl Size {
    /// Bytes of memory.
    #[must_use]
    pub fn bytes(amount: u64) -> Self {
        Self {
            amount,
            is_elements: false,
        }
    }

    /// Elements, where nothing better is to be had.
    #[must_use]
    pub fn elements(amount: u64) -> Self {
        Self {
            amount,
            is_elements: true,
        }
    }
}
