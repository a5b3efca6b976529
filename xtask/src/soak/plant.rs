//! A bug that is planted on purpose: the walk leaves out one slot. It is planted in what keypace is told, as `--exclude` of
//! just the names in that slot, so that no program that anybody runs has a bug to switch on. Must not touch a server.

use keypace_lab::slot_of;

use super::families::{DOOMED, DOOMED_KEYS, NEAR, NEAR_KEYS, STABLE, STABLE_KEYS};

/// What `--plant` takes.
pub(super) const SKIP_SLOT: &str = "skip-slot";

/// The names of one slot, each as a pattern that has no other name of its family.
pub(super) fn skipped_slot() -> Vec<String> {
    // That of a key in each family: the first stable one, if the doomed and the near ones have it, else the next.
    let families = [
        (STABLE, STABLE_KEYS),
        (NEAR, NEAR_KEYS),
        (DOOMED, DOOMED_KEYS),
    ];
    let names_in = |slot: u16| {
        families.map(|(prefix, keys)| {
            let mut names = (0..keys).map(|number| name(prefix, number));
            let mut here = Vec::new();
            for name in names.by_ref().filter(|name| slot_of(name) == slot) {
                here.push(pattern(&name));
            }
            here
        })
    };
    (0..NEAR_KEYS)
        .map(|number| names_in(slot_of(&name(NEAR, number))))
        .find(|families| families.iter().all(|names| !names.is_empty()))
        .map(|families| families.concat())
        .unwrap_or_default()
}

fn name(prefix: &[u8], number: u64) -> Vec<u8> {
    [prefix, number.to_string().as_bytes()].concat()
}

/// What a shell could not carry is any byte: its place and the rest of the name leave no other.
fn pattern(name: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b':';
    let kept = |byte: &u8| {
        if is_plain(byte) {
            char::from(*byte)
        } else {
            '?'
        }
    };
    name.iter().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::{pattern, skipped_slot};

    #[test]
    fn one_slot_has_keys_of_each_family() {
        let patterns = skipped_slot();
        for prefix in ["stable:????", "doomed:", "doomed"] {
            let rest = |pattern: &String| pattern.strip_prefix(prefix).map(str::to_owned);
            let numbers = patterns.iter().filter_map(rest);
            let numbers: Vec<String> = numbers
                .filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
                .collect();
            assert!(!numbers.is_empty(), "{prefix} in {patterns:?}");
        }
        assert!(patterns.len() <= 64, "more patterns than keypace takes");
    }

    #[test]
    fn bytes_of_no_text_are_any() {
        assert_eq!(pattern(b"stable:\xff\n '17"), "stable:????17");
    }
}
