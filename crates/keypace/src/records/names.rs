//! What a namespace's keys are called on the server, and the checked parts of their names. Pure: it sends nothing.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::limits::records as limits;

/// All keys begin so, and no pattern of an older layout meets them.
const LEAD: &str = "kp:";

/// What records are of: `session`, `shop:cart`. One to 64 of `A-Z a-z 0-9 _ . : -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Checks the name.
    ///
    /// # Errors
    /// `InvalidOption` where it is empty, too long, or has another character.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        let max = limits::MAX_NAMESPACE_BYTES;
        check(name.as_bytes(), max, "name the namespace", is_allowed)
            .map_err(|error| error.with_hint("use letters, digits and `_ . : -`: 'session'"))?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all of its keys begin with.
    pub(crate) fn lead(&self) -> String {
        format!("{LEAD}{}:", self.0)
    }

    /// The hash that says how the namespace is kept.
    pub(crate) fn meta(&self) -> Bytes {
        format!("{LEAD}{}:meta", self.0).into()
    }

    /// The hash of records that were given an owner by hand.
    pub(crate) fn assigned(&self) -> Bytes {
        format!("{LEAD}{}:assigned", self.0).into()
    }

    /// What a key of the server is in this namespace; `None` for others' keys.
    pub(crate) fn part(&self, key: &[u8]) -> Option<Part> {
        let rest = key.strip_prefix(self.lead().as_bytes())?;
        match rest {
            b"meta" => return Some(Part::Meta),
            b"assigned" => return Some(Part::Assigned),
            _ => {}
        }
        let rest = rest.strip_prefix(b"{")?;
        let (tag, rest) = rest.split_at_checked(limits::TAG_BYTES)?;
        let tag = Tag::parse(tag)?;
        let rest = rest.strip_prefix(b"}:")?;
        match rest {
            b"c" => Some(Part::ByCreated(tag)),
            b"e" => Some(Part::ByExpiry(tag)),
            b"s" => Some(Part::Seal(tag)),
            b"v" => Some(Part::Mark(tag)),
            [b'r', b':', id @ ..] => Some(Part::Record(tag, RecordId::parse(id)?)),
            [b't', b':', id @ ..] => Some(Part::Tombstone(tag, RecordId::parse(id)?)),
            _ => None,
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of a namespace's keys one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// How the namespace is kept.
    Meta,
    /// Which records were given an owner by hand.
    Assigned,
    /// A record.
    Record(Tag, RecordId),
    /// An owner's index by creation.
    ByCreated(Tag),
    /// An owner's index by expiry.
    ByExpiry(Tag),
    /// Where an owner's records have gone.
    Seal(Tag),
    /// Which version of the owner key gave the names, while a rotation is under way.
    Mark(Tag),
    /// A deletion that is remembered.
    Tombstone(Tag, RecordId),
}

/// What a record is called within its owner: one to 128 of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Arc<str>);

impl RecordId {
    /// Checks the id.
    ///
    /// # Errors
    /// `InvalidOption` where it is empty, too long, or has another character.
    pub fn new(id: impl AsRef<str>) -> Result<Self> {
        let id = id.as_ref();
        let operation = "name the record";
        check(id.as_bytes(), limits::MAX_ID_BYTES, operation, is_of_id)
            .map_err(|error| error.with_hint("use letters, digits, `_` and `-`"))?;
        Ok(Self(id.into()))
    }

    /// The same for bytes that may be anything.
    pub(crate) fn parse(id: &[u8]) -> Option<Self> {
        let fits = (1..=limits::MAX_ID_BYTES).contains(&id.len());
        let text = std::str::from_utf8(id).ok()?;
        (fits && id.iter().all(|byte| is_of_id(*byte))).then(|| Self(text.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.0.as_bytes())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn check(
    text: &[u8],
    max: usize,
    operation: &'static str,
    is_allowed: impl Fn(u8) -> bool,
) -> Result<()> {
    let context = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.len() > max {
        format!("it is {} bytes long, at most {max} are allowed", text.len())
    } else if let Some(at) = text.iter().position(|byte| !is_allowed(*byte)) {
        format!("character {} is not allowed", at + 1)
    } else {
        return Ok(());
    };
    let kind = ErrorKind::InvalidOption;
    Err(Error::new(kind, Retry::Never, operation, context))
}

/// What an owner is called in key names: 32 hex digits of a keyed hash. Says nothing of the owner without the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; limits::TAG_BYTES]);

impl Tag {
    /// Reads what [`Tag::as_str`] gives.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits = <[u8; limits::TAG_BYTES]>::try_from(text).ok()?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.iter().all(is_digit).then_some(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.as_str())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The names of one owner's keys. All are of one slot.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// `kp:NAMESPACE:{TAG}:`.
    lead: Arc<str>,
    slot: Slot,
}

impl Names {
    pub(crate) fn new(namespace: &Namespace, tag: &Tag) -> Self {
        let lead = format!("{}{{{tag}}}:", namespace.lead());
        let slot = Slot::of(lead.as_bytes());
        Self {
            lead: lead.into(),
            slot,
        }
    }

    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    pub(crate) fn record(&self, id: &RecordId) -> Bytes {
        self.join("r:", id.as_str())
    }

    /// The sorted set by creation.
    pub(crate) fn by_created(&self) -> Bytes {
        self.join("c", "")
    }

    /// The sorted set by expiry.
    pub(crate) fn by_expiry(&self) -> Bytes {
        self.join("e", "")
    }

    pub(crate) fn seal(&self) -> Bytes {
        self.join("s", "")
    }

    /// Of which version of the owner key these names are; only kept while a rotation is under way.
    pub(crate) fn mark(&self) -> Bytes {
        self.join("v", "")
    }

    pub(crate) fn tombstone(&self, id: &RecordId) -> Bytes {
        self.join("t:", id.as_str())
    }

    fn join(&self, part: &str, id: &str) -> Bytes {
        [&self.lead, part, id].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, Namespace, Part, RecordId, Tag};
    use crate::error::ErrorKind;
    use crate::key::Slot;

    const TAG: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn names_with_anything_else_are_refused() {
        for name in ["", "a b", "a*", "a{b}", "a\0", "ä", &"a".repeat(65)] {
            let error = Namespace::new(name).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{name}");
        }
        for id in ["", "a:b", "a.b", "a*", "}", "ä", &"a".repeat(129)] {
            assert!(RecordId::new(id).is_err(), "{id}");
            assert_eq!(RecordId::parse(id.as_bytes()), None, "{id}");
        }
        assert!(Namespace::new("shop:cart_1.x-y").is_ok());
        assert!(RecordId::new("a".repeat(128)).is_ok());
        for text in ["", "0123", "0123456789ABCDEF0123456789abcdef"] {
            assert_eq!(Tag::parse(text.as_bytes()), None);
        }
    }

    #[test]
    fn every_key_of_an_owner_is_of_one_slot_and_is_read_back() {
        let namespace = Namespace::new("a:b").expect("allowed");
        let tag = Tag::parse(TAG).expect("a tag");
        let names = Names::new(&namespace, &tag);
        let id = RecordId::new("x-1_Y").expect("allowed");
        let record = names.record(&id);
        assert_eq!(
            record.as_ref(),
            b"kp:a:b:{0123456789abcdef0123456789abcdef}:r:x-1_Y"
        );
        for (key, part) in [
            (record, Part::Record(tag, id.clone())),
            (names.by_created(), Part::ByCreated(tag)),
            (names.by_expiry(), Part::ByExpiry(tag)),
            (names.seal(), Part::Seal(tag)),
            (names.mark(), Part::Mark(tag)),
            (names.tombstone(&id), Part::Tombstone(tag, id)),
        ] {
            assert_eq!(Slot::of(&key), names.slot());
            assert_eq!(namespace.part(&key), Some(part));
            assert_eq!(Namespace::new("a").expect("allowed").part(&key), None);
        }
        assert_eq!(namespace.part(&namespace.meta()), Some(Part::Meta));
        assert_eq!(namespace.part(&namespace.assigned()), Some(Part::Assigned));
        assert_eq!(namespace.part(b"kp:a:b:{0123}:c"), None);
        assert_eq!(namespace.part(b"kp:a:b:"), None);
    }
}
