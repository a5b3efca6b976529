//! The slot of a key, by the `crc` crate: the library has its own table, and a fault that both had would be seen by
//! neither. Must not know who owns a slot.

use crc::{CRC_16_XMODEM, Crc};

use crate::limits;

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// The slot of a key: the CRC16 of its hash tag, or of all of it where it has none, modulo 16,384.
#[must_use]
pub fn slot_of(key: &[u8]) -> u16 {
    CRC.checksum(tag(key)) % limits::SLOTS
}

/// What stands between the first `{` and the next `}`, unless that is nothing.
fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else {
        return key;
    };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

#[cfg(test)]
mod tests {
    use super::slot_of;

    /// The first two from the cluster specification, the others asked of a server (`CLUSTER KEYSLOT`).
    #[test]
    fn slots_are_the_servers() {
        for (key, slot) in [
            (b"123456789".as_slice(), 12_739),
            (b"foo", 12_182),
            (b"{foo}.bar", 12_182),
            (b"a{foo}{bar}", 12_182),
            (b"", 0),
        ] {
            assert_eq!(slot_of(key), slot, "{key:?}");
        }
        assert_eq!(slot_of(b"{}foo"), super::CRC.checksum(b"{}foo") % 16_384);
    }
}
