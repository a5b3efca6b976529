//! Owns slots: which of the 16,384 a key or a pattern is in. Pure: it must not know nodes, and shares nothing with the
//! library's own arithmetic, so that each checks the other.

use crate::limits::CLUSTER_SLOTS;

/// The slot of a key: CRC-16 (XMODEM) of its first tag in braces that is not empty, or else of all of it.
pub(crate) fn of_key(key: &[u8]) -> u16 {
    crc16(tag(key).unwrap_or(key)) % CLUSTER_SLOTS
}

/// The one slot that a pattern's keys can be in, as the servers infer it: none for a wildcard before the tag's end.
pub(crate) fn of_pattern(pattern: &[u8]) -> Option<u16> {
    let is_wild = |byte: &u8| b"*?[\\".contains(byte);
    let plain = pattern
        .iter()
        .position(is_wild)
        .map_or(pattern, |at| &pattern[..at]);
    match tag(plain) {
        Some(tag) => Some(crc16(tag) % CLUSTER_SLOTS),
        None if plain.len() == pattern.len() => Some(of_key(pattern)),
        None => None,
    }
}

/// As servers find it: the first brace decides, and an empty tag is none.
fn tag(name: &[u8]) -> Option<&[u8]> {
    let (_, behind) = split_at_byte(name, b'{')?;
    let (tag, _) = split_at_byte(behind, b'}')?;
    (!tag.is_empty()).then_some(tag)
}

fn split_at_byte(name: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let at = name.iter().position(|byte| *byte == wanted)?;
    Some((&name[..at], &name[at + 1..]))
}

/// Bit by bit: a simulator's keys are few.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            let carry = crc & 0x8000 != 0;
            (crc << 1) ^ if carry { 0x1021 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{of_key, of_pattern};

    #[test]
    fn slots_are_those_that_cluster_keyslot_answers() {
        for (key, slot) in [
            ("", 0),
            ("foo", 12_182),
            ("123456789", 12_739),
            ("{user1000}.following", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("{bar", 4015),
            ("foo{bar}{zap}", 5061),
            ("a7", 16_047),
        ] {
            assert_eq!(of_key(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn a_pattern_has_a_slot_when_its_tag_is_plain() {
        assert_eq!(of_pattern(b"{user1000}*"), Some(3443));
        assert_eq!(of_pattern(b"foo"), Some(12_182));
        assert_eq!(of_pattern(b"foo{bar}[ab]"), Some(5061));
        for pattern in ["*", "session:*", "{us*r}", "*{bar}", "{}*", "{a\\}b}"] {
            assert_eq!(of_pattern(pattern.as_bytes()), None, "{pattern}");
        }
    }
}
