//! Which texts can concern Redis at all, by words that they must have: most files of a tree are never parsed.
//! Must not say more than *maybe*.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Without case: clients and their modules, servers, telling names, calls that only caches have, and `keys` with a
/// string behind it, for wrappers that never say *redis*; commands that nothing else has a method of; SCAN's word before
/// a pattern.
const WORDS: &[&str] = &[
    "redis",
    "redix",
    "rueidis",
    "radix",
    "valkey",
    "keydb",
    "dragonfly",
    "garnet",
    "kvrocks",
    "memorydb",
    "elasticache",
    "upstash",
    "@vercel/kv",
    "lettuce",
    "jedis",
    "rdb",
    "connectionmultiplexer",
    "batchstrategies",
    "cache::tags",
    "delete_matched",
    "delete_pattern",
    "iter_keys",
    "scan_iter",
    "scan_each",
    "scanstream",
    "scan_match",
    "flushall",
    "flushdb",
    "flush_all",
    "flush_db",
    "hgetall",
    "smembers",
    "hkeys",
    "hscan",
    "hvals",
    "sscan",
    "zscan",
    "zrange",
    "zrevrange",
    "keys(\"",
    "keys('",
    "keys(`",
    "keys(f\"",
    "keys(f'",
    "keys \"",
    "keys '",
    "\"keys\"",
    "'keys'",
    "\"match\",",
    "'match',",
];

/// Words of which a text must have one.
pub(crate) struct Prefilter {
    words: AhoCorasick,
    whole: bool,
}

impl Prefilter {
    /// What can concern Redis: our words, and the names that the config calls clients.
    pub(crate) fn redis(clients: &[String]) -> Self {
        let own = WORDS.iter().map(|word| (*word).to_owned());
        // `cache.redis` may be written `cache->redis` or `cache::redis`.
        let named = clients
            .iter()
            .filter_map(|name| name.rsplit(['.', ':', '>', '/']).next())
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        Self {
            words: automaton(&own.chain(named).collect::<Vec<_>>(), true),
            whole: false,
        }
    }

    /// What has one of these names as a whole word.
    pub(crate) fn names(names: &[String]) -> Self {
        Self {
            words: automaton(names, false),
            whole: true,
        }
    }

    /// Whether the text may concern us.
    pub(crate) fn passes(&self, text: &str) -> bool {
        if !self.whole {
            return self.words.is_match(text);
        }
        let bytes = text.as_bytes();
        let is_word = |at: usize| {
            bytes
                .get(at)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        self.words.find_overlapping_iter(text).any(|found| {
            let before = found.start().checked_sub(1).is_some_and(is_word);
            !before && !is_word(found.end())
        })
    }
}

fn automaton(words: &[String], without_case: bool) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(without_case)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(words)
        .expect("words are short, and few")
}

#[cfg(test)]
mod tests {
    use super::Prefilter;

    #[test]
    fn words_are_found_in_any_case_and_inside_others() {
        let filter = Prefilter::redis(&["app.store".to_owned()]);
        for text in [
            "import Redis",
            "MyRedisClient",
            "self.client.keys('a*')",
            "app.store.get(1)",
            "cache.delete_matched(/x/)",
        ] {
            assert!(filter.passes(text), "{text}");
        }
        for text in ["", "Object.keys(x)", "for k in d.keys():", "let a = 1;"] {
            assert!(!filter.passes(text), "{text}");
        }
    }

    #[test]
    fn names_are_whole_words() {
        let filter = Prefilter::names(&["purge".to_owned(), "purge_all".to_owned()]);
        assert!(filter.passes("x.purge()"));
        assert!(filter.passes("x.purge_all"));
        assert!(!filter.passes("x.purged, unpurge, purge_allx"));
        assert!(!Prefilter::names(&[]).passes("anything"));
    }
}
