//! What the fuzz targets and an ordinary test do with any bytes: read them as a file of ours, and check what has to hold
//! whatever they are. Asserts nothing about what sound files hold.

use std::path::{Path, PathBuf};

use keypace::{Backup, Checkpoint};

/// A file to read from, of this process alone.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// In the folder for temporary files.
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("keypace-fuzz-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn holding(&self, bytes: &[u8]) -> &Path {
        std::fs::write(&self.0, bytes).expect("the folder for temporary files has room");
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Reads a backup to its end: its counts agree with what comes out, and what comes out has a payload.
pub(crate) fn backup(scratch: &Scratch, bytes: &[u8]) {
    let Ok(backup) = Backup::open(scratch.holding(bytes)) else {
        return;
    };
    let index = backup.index().expect("the file can be read");
    let mut records = 0;
    for nth in 0..index.blocks() {
        for saved in index.block(nth).expect("the file can be read") {
            records += 1;
            assert!(saved.payload().len() >= saved.value().len());
            let _ = saved.type_name();
        }
    }
    assert_eq!(index.totals().records, records);
    assert!(index.torn_bytes() <= bytes.len() as u64);
    let _ = index.damage();
}

/// Reads a checkpoint, as it is and with a first line that fits.
pub(crate) fn checkpoint(scratch: &Scratch, bytes: &[u8]) {
    let _ = Checkpoint::load(scratch.holding(bytes));
    let body = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => &bytes[end + 1..],
        None => bytes,
    };
    for version in 2..6 {
        let mut sealed =
            format!("keypace-checkpoint {version} {:08x}\n", checksum(body)).into_bytes();
        sealed.extend_from_slice(body);
        let _ = Checkpoint::load(scratch.holding(&sealed));
    }
}

/// CRC-32 as files of ours have it, bit by bit: the inputs are short.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}
