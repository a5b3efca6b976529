//! Frames: the pieces that a file is made of, each with a checked header and a compressed payload. Knows nothing of
//! what a payload says.

use std::io::{self, Read, Write};

use crate::limits;

/// What a file begins with, its version included. A person who looks into it sees what it is.
pub(super) const MAGIC: &[u8; 17] = b"keypace-backup 1\n";
/// The part of it that other versions share.
pub(super) const NAME: &[u8; 15] = b"keypace-backup ";
/// What each header begins with: where one is damaged the next is found by it.
pub(super) const MARK: [u8; 4] = [0xb1, b'K', b'P', 0xf7];
/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 44;

/// What a payload holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// The head of the file.
    Head,
    /// Records.
    Block,
    /// The run that wrote what is before it came to its end. Nothing is in it.
    End,
}

/// What stands in front of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: FrameKind,
    /// Counts the frames of a file, from 0.
    pub(super) number: u64,
    /// Entries in all the frames before.
    pub(super) records_before: u64,
    /// Entries in this one.
    pub(super) records: u32,
    /// Bytes of the payload in the file.
    pub(super) packed: u32,
    /// Bytes of the payload before it was compressed.
    pub(super) raw: u32,
    /// CRC-32 of the payload in the file.
    pub(super) checksum: u32,
}

impl Header {
    /// `seed` is the run's, which a head does without: it is what tells the run.
    pub(super) fn encode(&self, seed: u32) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MARK);
        bytes[4] = match self.kind {
            FrameKind::Head => 1,
            FrameKind::Block => 2,
            FrameKind::End => 3,
        };
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.records_before.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.records.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.packed.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.raw.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.checksum.to_le_bytes());
        let checksum = checksum(self.kind, &bytes, seed);
        bytes[40..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` for what is no header, or a damaged one.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES], seed: u32) -> Option<Self> {
        if bytes[..4] != MARK {
            return None;
        }
        let kind = match bytes[4] {
            1 => FrameKind::Head,
            2 => FrameKind::Block,
            3 => FrameKind::End,
            _ => return None,
        };
        if long(bytes, 40) != checksum(kind, bytes, seed) {
            return None;
        }
        let header = Self {
            kind,
            number: longer(bytes, 8),
            records_before: longer(bytes, 16),
            records: long(bytes, 24),
            packed: long(bytes, 28),
            raw: long(bytes, 32),
            checksum: long(bytes, 36),
        };
        let most = match kind {
            FrameKind::Head => limits::MAX_BACKUP_HEAD_BYTES,
            FrameKind::Block => limits::MAX_BACKUP_RECORD_BYTES,
            FrameKind::End => 0,
        };
        (header.raw as usize <= most).then_some(header)
    }

    /// Bytes of the frame.
    pub(super) fn frame_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.packed)
    }

    /// The payload as it was before, as far as it can be had; the rest is missing where it is damaged. Memory grows
    /// with what comes out, whatever the header promises.
    pub(super) fn unpack(&self, payload: &[u8]) -> Vec<u8> {
        let mut raw = Vec::new();
        if let Ok(decoder) = zstd::stream::read::Decoder::with_buffer(payload) {
            // What came before a failure is kept.
            let _ = decoder
                .single_frame()
                .take(u64::from(self.raw))
                .read_to_end(&mut raw);
        }
        raw
    }
}

/// What makes frames. One compressor serves them all: to make one for each block took 6 % of the writing thread's time.
pub(super) struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: zstd::bulk::Compressor::new(limits::BACKUP_ZSTD_LEVEL)?,
            packed: Vec::new(),
        })
    }

    /// Appends a frame whose payload is these parts, one behind the other. `header` needs no lengths and no checksum.
    pub(super) fn append(
        &mut self,
        out: &mut Vec<u8>,
        header: Header,
        seed: u32,
        parts: &[&[u8]],
    ) -> io::Result<()> {
        let raw: usize = parts.iter().map(|part| part.len()).sum();
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        match parts {
            [one] => {
                self.packed.clear();
                self.packed.reserve(zstd::zstd_safe::compress_bound(raw));
                self.compressor.compress_to_buffer(one, &mut self.packed)?;
                out.extend_from_slice(&self.packed);
                self.packed.shrink_to(2 * limits::BACKUP_BLOCK_BYTES);
            }
            parts => {
                // A large value is not copied behind what stands before it.
                let level = limits::BACKUP_ZSTD_LEVEL;
                let mut encoder = zstd::stream::write::Encoder::new(&mut *out, level)?;
                encoder.set_pledged_src_size(Some(raw as u64))?;
                for part in parts {
                    encoder.write_all(part)?;
                }
                encoder.finish()?;
            }
        }
        let payload = &out[start + HEADER_BYTES..];
        let too_long = |_| io::Error::other("a record is longer than a backup can hold");
        let header = Header {
            packed: u32::try_from(payload.len()).map_err(too_long)?,
            raw: u32::try_from(raw).map_err(too_long)?,
            checksum: crc32fast::hash(payload),
            ..header
        };
        out[start..start + HEADER_BYTES].copy_from_slice(&header.encode(seed));
        Ok(())
    }
}

/// That of a header, over all that stands before it.
fn checksum(kind: FrameKind, bytes: &[u8; HEADER_BYTES], seed: u32) -> u32 {
    let seed = match kind {
        FrameKind::Head => 0,
        FrameKind::Block | FrameKind::End => seed,
    };
    let mut checksum = crc32fast::Hasher::new_with_initial(seed);
    checksum.update(&bytes[..40]);
    checksum.finalize()
}

fn long(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn longer(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
