//! Payloads as RESTORE takes them: built for strings, and their type read. Knows no server.

use crc::{CRC_64_REDIS, Crc};

/// Redis's own CRC-64, as `crc64.c` of every server computes it.
const CRC64: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);
/// The oldest version that a payload has had: every server from 2.6 on restores it.
const RDB_VERSION: u16 = 6;
/// `RDB_TYPE_STRING`.
const STRING: u8 = 0;
/// Lengths below take one byte ...
const SIX_BITS: usize = 1 << 6;
/// ... and below these two.
const FOURTEEN_BITS: usize = 1 << 14;

/// A string as RESTORE takes it: type, length, bytes, version and checksum (redis, `rdb.c` and `createDumpPayload`).
pub(super) fn text_payload(text: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(text.len() + 16);
    payload.push(STRING);
    let length = text.len();
    // Each cast keeps all that the bound leaves.
    if length < SIX_BITS {
        payload.push(length as u8);
    } else if length < FOURTEEN_BITS {
        payload.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        payload.push(0x80);
        payload.extend_from_slice(&length.to_be_bytes());
    } else {
        payload.push(0x81);
        payload.extend_from_slice(&(length as u64).to_be_bytes());
    }
    payload.extend_from_slice(text);
    payload.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let checksum = CRC64.checksum(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

/// The type by a payload's first byte, over the encodings of Redis up to 8 and Valkey up to 9.
pub(super) fn type_name(payload: &[u8]) -> Option<&'static str> {
    match payload.first()? {
        0 => Some("string"),
        1 | 10 | 14 | 18 => Some("list"),
        2 | 11 | 20 => Some("set"),
        3 | 5 | 12 | 17 => Some("zset"),
        4 | 9 | 13 | 16 | 22..=25 => Some("hash"),
        15 | 19 | 21 => Some("stream"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{text_payload, type_name};

    /// As Redis 7.0.15 answers `SET k hello`, `DUMP k`, but for the version, which is 10 there.
    #[test]
    fn payloads_are_those_of_the_servers() {
        let payload = text_payload(b"hello");
        assert_eq!(&payload[..9], b"\x00\x05hello\x06\x00");
        assert_eq!(payload.len(), 17);
        assert_eq!(type_name(&payload), Some("string"));
    }

    #[test]
    fn lengths_grow_by_the_steps_of_the_format() {
        for (length, head) in [
            (0, &[0, 0][..]),
            (63, &[0, 63]),
            (64, &[0, 0x40, 64]),
            (16_383, &[0, 0x7f, 0xff]),
            (16_384, &[0, 0x80, 0, 0, 0x40, 0]),
        ] {
            let payload = text_payload(&vec![b'x'; length]);
            assert_eq!(&payload[..head.len()], head, "{length}");
            assert_eq!(payload.len(), head.len() + length + 10);
        }
    }
}
