//! Names: what a key is called below its prefix, what it is called on the server, and the one name that is taken.
//! Pure: it sends nothing and knows no connection.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;

const INDEX: &[u8] = b"index";

/// A prefix, and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The prefix with its separator.
    lead: Arc<[u8]>,
    index: Arc<[u8]>,
}

impl Names {
    pub(super) fn new(prefix: &[u8]) -> Result<Self> {
        let refused = |context: String| {
            let hint = "name the application and what it keeps: 'shop:cart'";
            invalid(ErrorKind::InvalidOption, "set the prefix", context).with_hint(hint)
        };
        // `clear` takes the prefix for the consent to delete below it, so it has to say something.
        if prefix.iter().all(|byte| *byte == limits::DEFAULT_SEPARATOR) {
            return Err(refused(
                "it is empty, or holds nothing but separators".to_owned(),
            ));
        }
        let max = limits::KV_MAX_PREFIX_BYTES;
        if prefix.len() > max {
            return Err(refused(format!(
                "it is {} bytes long, at most {max} are allowed",
                prefix.len()
            )));
        }
        let lead = [prefix, &[limits::DEFAULT_SEPARATOR]].concat();
        let index = [&lead, INDEX].concat();
        Ok(Self {
            lead: lead.into(),
            index: index.into(),
        })
    }

    /// The prefix, without its separator.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.lead[..self.lead.len() - 1]
    }

    /// The key that the index is kept under.
    pub(super) fn index(&self) -> &[u8] {
        &self.index
    }

    /// The key on the server.
    pub(super) fn full(&self, key: &[u8]) -> Result<Vec<u8>> {
        if key == INDEX {
            let context = "the key `index` is where the index is kept";
            return Err(invalid(ErrorKind::InvalidOption, "name the key", context)
                .with_hint("use another name"));
        }
        if key.len() > limits::MAX_RESP_STRING_BYTES - self.lead.len() {
            let context = format!("{} bytes are more than a server takes", key.len());
            return Err(invalid(ErrorKind::InvalidOption, "name the key", context));
        }
        Ok(self.join(key))
    }

    /// The same for a member of the index, which was a key once and needs no check.
    pub(super) fn join(&self, member: &[u8]) -> Vec<u8> {
        [&self.lead, member].concat()
    }

    /// What a key of the server is called below the prefix; `None` for others' keys.
    pub(super) fn strip<'a>(&self, key: &'a Key) -> Option<&'a [u8]> {
        key.as_bytes().strip_prefix(&*self.lead)
    }

    /// A pattern below the prefix as the server has to be asked for it. What the prefix holds is taken literally, so
    /// that the prefix `a*` never reaches `ab:...`.
    pub(super) fn pattern(&self, relative: &Pattern) -> Result<Pattern> {
        let lead = Pattern::literal(&self.lead);
        Pattern::new([lead.as_bytes(), relative.as_bytes()].concat()).map_err(|cause| {
            let context = format!("with the prefix before it, {cause}");
            invalid(ErrorKind::InvalidPattern, "read the pattern", context)
                .with_hint(cause.hint())
                .with_source(cause)
        })
    }
}

pub(super) fn invalid(
    kind: ErrorKind,
    operation: &'static str,
    context: impl Into<String>,
) -> Error {
    Error::new(kind, Retry::Never, operation, context)
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::error::ErrorKind;
    use crate::key::{Key, Pattern};
    use crate::limits;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn names(prefix: &[u8]) -> Names {
        Names::new(prefix).expect("an allowed prefix")
    }

    #[test]
    fn prefixes_that_say_nothing_are_refused() {
        let longest = vec![b'a'; limits::KV_MAX_PREFIX_BYTES];
        assert_eq!(names(&longest).prefix(), longest);
        for prefix in [&b""[..], b":", b"::", &[&longest[..], b"a"].concat()] {
            let error = Names::new(prefix).expect_err("a refused prefix");
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn the_name_of_the_index_is_taken() {
        let names = names(b"app");
        assert_eq!(names.index(), b"app:index");
        assert!(names.full(b"index").is_err());
        assert_eq!(names.full(b"indexes").expect("free"), b"app:indexes");
        assert_eq!(names.full(b"").expect("free"), b"app:");
    }

    #[test]
    fn the_longest_prefix_leaves_room_for_a_pattern() {
        let names = names(&vec![b'*'; limits::KV_MAX_PREFIX_BYTES]);
        let room = limits::MAX_PATTERN_BYTES - 2 * limits::KV_MAX_PREFIX_BYTES - 1;
        let of = |length| Pattern::new("k".repeat(length)).expect("an allowed pattern");
        assert!(names.pattern(&of(room)).is_ok());
        let error = names.pattern(&of(room + 1)).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::InvalidPattern);
        assert!(error.context().contains("with the prefix"), "{error}");
    }

    proptest! {
        #[test]
        fn a_pattern_stays_below_its_prefix(
            prefix in prop::collection::vec(prop::sample::select(&b"ab*?[]^-\\:"[..]), 1..6),
            key: Vec<u8>,
            other: Vec<u8>,
        ) {
            let Ok(names) = Names::new(&prefix) else { return Ok(()) };
            let all = names.pattern(&Pattern::new("*").expect("allowed")).expect("short");
            prop_assert!(all.matches(&names.join(&key)));
            prop_assert_eq!(all.matches(&other), names.strip(&Key::new(other.clone())).is_some());
        }

        #[test]
        fn what_is_joined_can_be_stripped(key in any::<Vec<u8>>()) {
            let names = names(b"a:b");
            let full = Key::new(names.join(&key));
            prop_assert_eq!(names.strip(&full), Some(&key[..]));
        }
    }
}
