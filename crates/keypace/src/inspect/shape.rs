//! The shape of a command that was logged: its name, the pattern of its key, and little else. Arguments are dropped here,
//! and nowhere later. Pure, for any words.

use super::pattern::generalised;
use super::words::{Place, is_container, place};

/// What a command that nobody knows is called: an administrator may have renamed it to something secret.
const UNKNOWN: &str = "(unknown command)";
/// The longest name that a command of a module has.
const MAX_MODULE_NAME: usize = 32;
/// Calls within a script that are worth naming.
const NAMED_IN_SCRIPTS: [&str; 7] = [
    "KEYS", "SCAN", "SMEMBERS", "HGETALL", "FLUSHALL", "FLUSHDB", "LRANGE",
];

/// What is left of a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    /// Its name in capitals, with its second word where that is a part of it.
    pub(super) command: String,
    /// The pattern of its first key, or the pattern that it was given.
    pub(super) pattern: Option<String>,
    /// What else tells it from others.
    pub(super) detail: Option<String>,
}

/// The shape of a command by its words, and how many keys it named.
pub(super) fn shape(words: &[&[u8]]) -> (Shape, u64) {
    let name = words
        .first()
        .map(|name| String::from_utf8_lossy(name).to_ascii_uppercase());
    let name = name.unwrap_or_default();
    let Some(place) = place(&name) else {
        return (bare(module_name(&name)), 0);
    };
    let mut shape = bare(name);
    let second = words.get(1).filter(|_| is_container(&shape.command));
    if let Some(second) = second.and_then(|word| subcommand(word)) {
        shape.command = format!("{} {second}", shape.command);
    }
    let (keys, count) = keys(words, place);
    shape.pattern = keys.map(generalised);
    shape.detail = match place {
        Place::Match => scan_detail(words),
        Place::Range if words.get(2..4) == Some(&[b"0", b"-1"]) => Some("0 -1".to_owned()),
        Place::Counted(2) if shape.command.starts_with("EVAL") => script_detail(words),
        _ => None,
    };
    (shape, count)
}

fn bare(command: String) -> Shape {
    Shape {
        command,
        pattern: None,
        detail: None,
    }
}

/// `JSON.GET`: a dot shows that it is a module's.
fn module_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '_');
    if name.len() <= MAX_MODULE_NAME && name.contains('.') && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        UNKNOWN.to_owned()
    }
}

fn subcommand(word: &[u8]) -> Option<String> {
    let is_plain = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-';
    (word.len() <= MAX_MODULE_NAME && word.iter().all(is_plain))
        .then(|| String::from_utf8_lossy(word).to_ascii_uppercase())
}

/// The word to show, and how many keys there are.
fn keys<'a>(words: &[&'a [u8]], place: Place) -> (Option<&'a [u8]>, u64) {
    let at = |at: usize| words.get(at).copied();
    // A log keeps 32 words, and says in the last one how many it left out.
    let left_out = words.last().map_or(0, |last| left_out(last));
    let named = (words.len() as u64).saturating_sub(if left_out > 0 { 2 } else { 1 }) + left_out;
    match place {
        Place::None => (None, 0),
        Place::At(place) => (at(place), 1),
        Place::Range => (at(1), 1),
        Place::All => (at(1), named),
        Place::EverySecond => (at(1), named / 2),
        Place::Counted(place) => {
            let number = at(place).and_then(number);
            let first = at(place + 1).filter(|_| number.is_some_and(|n| n > 0));
            (first, number.unwrap_or(0))
        }
        Place::After(word) => {
            let found = words.iter().position(|own| own.eq_ignore_ascii_case(word));
            (found.and_then(|found| at(found + 1)), 1)
        }
        Place::Match => (option(words, b"MATCH"), 0),
    }
}

/// The word behind an option.
fn option<'a>(words: &[&'a [u8]], name: &[u8]) -> Option<&'a [u8]> {
    let found = words
        .iter()
        .skip(2)
        .position(|own| own.eq_ignore_ascii_case(name))?;
    words.get(found + 3).copied()
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// `... (4969 more arguments)`.
fn left_out(word: &[u8]) -> u64 {
    let inner = word
        .strip_prefix(b"... (")
        .and_then(|rest| rest.strip_suffix(b" more arguments)"));
    inner.and_then(number).unwrap_or(0)
}

fn scan_detail(words: &[&[u8]]) -> Option<String> {
    let count = option(words, b"COUNT").and_then(number)?;
    Some(format!("COUNT {count}"))
}

/// Which of the commands that can hurt a script calls, as far as the log has its text.
fn script_detail(words: &[&[u8]]) -> Option<String> {
    let text = String::from_utf8_lossy(words.get(1)?).to_ascii_uppercase();
    let calls = |name: &str| {
        text.match_indices("CALL").any(|(at, _)| {
            let behind = text[at + "CALL".len()..]
                .trim_start()
                .trim_start_matches('(')
                .trim_start();
            let quoted = behind.strip_prefix(['\'', '"']);
            let rest = quoted.and_then(|quoted| quoted.strip_prefix(name));
            rest.is_some_and(|rest| rest.starts_with(['\'', '"']))
        })
    };
    let called: Vec<&str> = NAMED_IN_SCRIPTS
        .into_iter()
        .filter(|name| calls(name))
        .collect();
    (!called.is_empty()).then(|| format!("calls {}", called.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::shape;
    use proptest::prelude::{prop_assert, proptest};

    /// A `~` is a space within a word.
    fn shown(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('~', " ")).collect();
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        shown_words(&words)
    }

    fn shown_words(words: &[&[u8]]) -> String {
        let (shape, keys) = shape(words);
        let parts = [Some(shape.command), shape.pattern, shape.detail];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        format!("{} ({keys})", parts.join(" "))
    }

    #[test]
    fn a_shape_has_no_argument() {
        for (line, expected) in [
            ("keys session:*", "KEYS session:* (1)"),
            ("set user:12 hunter2", "SET user:* (1)"),
            ("auth app hunter2", "AUTH (0)"),
            ("config set requirepass hunter2", "CONFIG SET (0)"),
            ("acl setuser app >hunter2", "ACL SETUSER (0)"),
            ("hset user:1 password hunter2", "HSET user:* (1)"),
            ("mset a:1 hunter2 a:2 hunter2", "MSET a:* (2)"),
            ("mget a:1 a:2 ...~(10~more~arguments)", "MGET a:* (12)"),
            (
                "scan 0 match user:* count 10000",
                "SCAN user:* COUNT 10000 (0)",
            ),
            ("scan 77", "SCAN (0)"),
            ("lrange queue:1 0 -1", "LRANGE queue:* 0 -1 (1)"),
            ("lrange queue:1 0 10", "LRANGE queue:* (1)"),
            ("xread count 5 streams s:1 0", "XREAD s:* (1)"),
            ("evalsha 5f3a 1 user:1 hunter2", "EVALSHA user:* (1)"),
            ("eval return 0 hunter2", "EVAL (0)"),
            (
                "b840fc02d524045429941cc15f59e41cb7be6c52 *",
                "(unknown command) (0)",
            ),
            ("json.get doc:1 hunter2", "JSON.GET (0)"),
            ("object encoding user:1", "OBJECT ENCODING user:* (1)"),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
        assert_eq!(
            shown_words(&[b"MGET", b"a:1", b"... (4969 more arguments)"]),
            "MGET a:* (4970)"
        );
        assert_eq!(
            shown_words(&[
                b"eval",
                // keypace:allow keys-in-lua as a log may show it: nobody runs it
                b"return redis.call('keys', ARGV[1] .. 'hunter2')",
                b"0"
            ]),
            "EVAL calls KEYS (0)"
        );
        assert_eq!(shown_words(&[]), "(unknown command) (0)");
    }

    proptest! {
        #[test]
        fn any_words_have_a_shape(words: Vec<Vec<u8>>) {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            shape(&words);
        }

        #[test]
        fn values_are_never_in_it(
            name in "set|hset|append|auth|acl|config|eval|evalsha|setex|getset|lpush|zadd|client|hello|nosuch|restore",
            key in "[a-z]{1,6}:[0-9]{1,5}",
        ) {
            // The second word is a key, a user or a script; whatever comes behind is nobody's business.
            let words: Vec<&[u8]> = [&name[..], &key, "secretvalue", "secretvalue"].map(str::as_bytes).to_vec();
            prop_assert!(!shown_words(&words).contains("secretvalue"));
        }
    }
}
