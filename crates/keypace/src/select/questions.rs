//! Which questions are put about a key. Asks none.

use std::ops::{BitOr, Sub};

/// What is asked about a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of four questions, each asked or not"
)]
pub(crate) struct Questions {
    /// TYPE.
    pub(crate) kind: bool,
    /// PTTL.
    pub(crate) ttl: bool,
    /// OBJECT IDLETIME.
    pub(crate) idle: bool,
    /// MEMORY USAGE, or how many elements there are.
    pub(crate) size: bool,
}

impl Questions {
    /// Whether nothing is asked.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Those that read no value: all but the size.
    pub(super) fn cheap(self) -> Self {
        Self {
            size: false,
            ..self
        }
    }

    /// How many commands it takes for a key.
    pub(super) fn number(self) -> usize {
        let asked = [self.kind, self.ttl, self.idle, self.size];
        asked.into_iter().filter(|is_asked| *is_asked).count()
    }
}

impl BitOr for Questions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            kind: self.kind || other.kind,
            ttl: self.ttl || other.ttl,
            idle: self.idle || other.idle,
            size: self.size || other.size,
        }
    }
}

impl Sub for Questions {
    type Output = Self;

    /// Those that the other doesn't put.
    fn sub(self, other: Self) -> Self {
        Self {
            kind: self.kind && !other.kind,
            ttl: self.ttl && !other.ttl,
            idle: self.idle && !other.idle,
            size: self.size && !other.size,
        }
    }
}
