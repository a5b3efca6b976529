//! `Key`: the name of one key, as the bytes that the server holds.
//! It never decodes, trims or normalises a name; writing it as JSON is its user's business.

use std::borrow::Borrow;
use std::fmt;

use bytes::Bytes;

use super::escape::Escaped;

/// The name of a key: any bytes, the empty name included.
///
/// A key read from a reply shares that reply's buffer, so it is cheap to pass on and keeps the whole page alive.
/// What is kept for longer than its page is [detached](Key::detach) first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

impl Key {
    /// Takes the bytes as they are; no name is refused.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes of the name, still sharing the buffer that they came in.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The same name in a buffer of its own, of exactly its length.
    ///
    /// One kept key of 30 bytes would otherwise hold the whole reply that it was read from.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// The name in a form that a terminal and a log line can take; two names never look the same.
    #[must_use]
    pub fn escaped(&self) -> Escaped<'_> {
        Escaped::new(&self.0)
    }
}

// `Hash` and `Ord` of `Bytes` are those of the slice, which `Borrow` requires.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.escaped())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use bytes::Bytes;

    use super::Key;

    #[test]
    fn a_detached_key_leaves_the_shared_buffer() {
        let page = Bytes::from(vec![b'k'; 4096]);
        let key = Key::new(page.slice(10..40));
        let kept = key.detach();
        assert_eq!(kept, key);
        assert_ne!(kept.as_bytes().as_ptr(), key.as_bytes().as_ptr());
        drop(key);
        assert!(page.is_unique(), "the detached key still holds the page");
    }

    #[test]
    fn sets_of_keys_are_asked_with_slices() {
        let name: &[u8] = b"a\xff";
        let key = Key::new(name.to_vec());
        assert!(HashSet::from([key.clone()]).contains(name));
        assert!(BTreeSet::from([key.clone()]).contains(name));
        assert_eq!(key.as_ref(), name);
        assert_eq!(key.into_bytes(), name);
    }

    #[test]
    fn keys_sort_by_bytes() {
        let mut keys =
            [&b"b"[..], b"\xff", b"", b"a\x00", b"a"].map(|name| Key::new(name.to_vec()));
        keys.sort();
        assert_eq!(
            keys.map(Key::into_bytes),
            [&b""[..], b"a", b"a\x00", b"b", b"\xff"]
        );
    }

    #[test]
    fn debug_is_safe_to_print() {
        assert_eq!(
            format!("{:?}", Key::new(&b"a\x1b[2J"[..])),
            r"Key(a\x1b[2J)"
        );
    }
}
