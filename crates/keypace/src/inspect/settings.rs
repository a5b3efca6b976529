//! The settings that matter to whoever works on keys, and what is asked for them. Only these are ever asked for: others
//! hold passwords. Pure, for any reply.

use super::clients::shown;
use crate::port::Reply;

/// What is asked of CONFIG GET, one by one: several in one command are known from 7.0 on only.
pub(super) const ASKED: [&str; 12] = [
    "lazyfree-*",
    "maxmemory-policy",
    "maxmemory",
    "notify-keyspace-events",
    "client-output-buffer-limit",
    "timeout",
    "tcp-keepalive",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "commandlog-*",
    "latency-monitor-threshold",
    "appendfsync",
];

/// The settings of one reply: names and values in turn, or a map.
pub(super) fn pairs(reply: &Reply) -> Vec<(String, String)> {
    let text = |reply: &Reply| match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) => Some(shown(&String::from_utf8_lossy(bytes))),
        _ => None,
    };
    let pairs: Vec<_> = match reply {
        Reply::Array(words) => words
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[name, value]| (text(name), text(value)))
            .collect(),
        Reply::Map(pairs) => pairs
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        _ => Vec::new(),
    };
    let known = |name: &String| {
        ASKED.iter().any(|asked| match asked.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == asked,
        })
    };
    pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.filter(known)?, value?)))
        .collect()
}

/// One node's settings.
pub(super) struct Settings<'a>(pub(super) &'a [(String, String)]);

impl<'a> Settings<'a> {
    /// The value of one.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| &**value)
    }

    /// The value of one that is a number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// Whether one says no.
    pub(super) fn is_off(&self, name: &str) -> bool {
        self.get(name) == Some("no")
    }

    /// The limit of ordinary clients' answers: hard bytes, soft bytes, soft seconds. `normal 0 0 0 slave ...`.
    pub(super) fn normal_buffer(&self) -> Option<[u64; 3]> {
        let mut words = self.get("client-output-buffer-limit")?.split_whitespace();
        words.find(|word| *word == "normal")?;
        let mut next = || words.next()?.parse().ok();
        Some([next()?, next()?, next()?])
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{prop_assert, proptest};

    use super::{Settings, pairs};
    use crate::port::Reply;

    fn reply(words: &[&str]) -> Reply {
        let bulk = |word: &&str| Reply::Bulk(Bytes::copy_from_slice(word.as_bytes()));
        Reply::Array(words.iter().map(bulk).collect())
    }

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let read = pairs(&reply(&[
            "requirepass",
            "hunter2",
            "lazyfree-lazy-user-del",
            "no",
            "timeout",
        ]));
        assert_eq!(
            read,
            [("lazyfree-lazy-user-del".to_owned(), "no".to_owned())]
        );
        let read = pairs(&reply(&[
            "client-output-buffer-limit",
            "normal 1 2 3 slave 256 64 60",
        ]));
        assert_eq!(Settings(&read).normal_buffer(), Some([1, 2, 3]));
        assert_eq!(Settings(&[]).normal_buffer(), None);
    }

    proptest! {
        #[test]
        fn any_words_are_read(words: Vec<String>) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert!(pairs(&reply(&words)).is_empty());
            let value = words.first().copied().unwrap_or_default();
            Settings(&pairs(&reply(&["client-output-buffer-limit", value]))).normal_buffer();
        }
    }
}
