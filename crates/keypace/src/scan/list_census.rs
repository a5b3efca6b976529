//! What one pass over a list of keys finds out: how many names it holds, what tells it from another, and whether each name
//! can be one. Reads no file.

use super::key_list::{ListIdentity, refused};
use crate::error::{Error, Result};
use crate::limits;

/// What is known of the part that was seen.
#[derive(Default)]
pub(super) struct Census {
    bytes: u64,
    names: u64,
    /// Where the name begins that has not ended yet.
    begins: u64,
    hasher: crc32fast::Hasher,
    /// In the first name, which is all there is in a file of lines.
    has_newline: bool,
}

impl Census {
    /// The next bytes.
    ///
    /// # Errors
    /// `InvalidOption` for an empty name and for one that is too long, with its place.
    pub(super) fn see(&mut self, piece: &[u8]) -> Result<()> {
        self.hasher.update(piece);
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            self.bytes += end as u64;
            self.end_name()?;
            self.bytes += 1;
            self.begins = self.bytes;
            rest = &rest[end + 1..];
        }
        self.has_newline |= self.names == 0 && rest.contains(&b'\n');
        self.bytes += rest.len() as u64;
        self.check_length()
    }

    /// The whole has been seen.
    ///
    /// # Errors
    /// `InvalidOption` for lines without any NUL: as one name they are no key that anybody meant.
    pub(super) fn finish(mut self) -> Result<(ListIdentity, u64)> {
        if self.names == 0 && self.has_newline {
            return Err(lines());
        }
        if self.bytes > self.begins {
            self.end_name()?;
        }
        let identity = ListIdentity {
            bytes: self.bytes,
            crc32: self.hasher.finalize(),
        };
        Ok((identity, self.names))
    }

    fn end_name(&mut self) -> Result<()> {
        if self.bytes == self.begins {
            let context = format!("the name at byte {} is empty", self.begins);
            return Err(refused(context).with_hint("one NUL stands behind each name, and no more"));
        }
        self.check_length()?;
        self.names += 1;
        Ok(())
    }

    fn check_length(&self) -> Result<()> {
        if self.bytes - self.begins <= limits::MAX_LISTED_KEY_BYTES as u64 {
            return Ok(());
        }
        if self.names == 0 && self.has_newline {
            return Err(lines());
        }
        Err(refused(format!(
            "the name at byte {} is longer than {} bytes",
            self.begins,
            limits::MAX_LISTED_KEY_BYTES
        ))
        .with_hint("a NUL stands behind each name: `keypace scan -0` writes such a list"))
    }
}

fn lines() -> Error {
    refused("there are lines, and no NUL between names".to_owned()).with_hint(
        "a NUL stands behind each name, as `keypace scan -0` writes them; `tr '\\n' '\\0'` makes them of lines",
    )
}
