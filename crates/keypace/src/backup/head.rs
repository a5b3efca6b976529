//! The head of a file: of what run it is. JSON inside a frame; it holds no password and no value.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// Names one run, so that no other goes on in its file. Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunToken([u8; 16]);

impl RunToken {
    /// One that no other run has: out of the seeds that the standard library draws from the system, and the time.
    #[must_use]
    pub fn random() -> Self {
        let drawn = |salt: u8| {
            let mut hasher = std::hash::RandomState::new().build_hasher();
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            hasher.write_u128(now.map_or(0, |now| now.as_nanos()));
            hasher.write_u8(salt);
            hasher.finish().to_le_bytes()
        };
        let mut token = [0; 16];
        token[..8].copy_from_slice(&drawn(0));
        token[8..].copy_from_slice(&drawn(1));
        Self(token)
    }

    /// What the checksums of the run's records begin with: those of another file, which a value may hold, are wrong here.
    pub(super) fn seed(self) -> u32 {
        crc32fast::hash(&self.0)
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut token = [0; 16];
        for (byte, pair) in token.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
        }
        Some(Self(token))
    }
}

impl fmt::Display for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunToken({self})")
    }
}

/// Of what run a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupHead {
    /// The server's address, as the run was given it.
    pub server: String,
    /// The database.
    pub database: u32,
    /// The server's process at that time.
    pub run_id: String,
    /// `Redis` or `Valkey`.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// What the keys were selected by.
    pub patterns: Vec<Vec<u8>>,
    /// When the file was made, in milliseconds since 1970 by the clock of the machine that made it.
    pub created_unix_ms: u64,
    /// The run.
    pub run: RunToken,
}

/// As it stands in the file. Fields that a later version adds are left out by this one.
#[derive(Serialize, Deserialize)]
struct Written {
    server: String,
    database: u32,
    run_id: String,
    product: String,
    version: String,
    patterns: Vec<String>,
    created_unix_ms: u64,
    run: String,
}

impl BackupHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let written = Written {
            server: self.server.clone(),
            database: self.database,
            run_id: self.run_id.clone(),
            product: self.product.clone(),
            version: self.version.clone(),
            patterns: self.patterns.iter().map(|p| BASE64.encode(p)).collect(),
            created_unix_ms: self.created_unix_ms,
            run: self.run.to_string(),
        };
        // Text and numbers only: nothing of it can fail.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let patterns: Result<Vec<_>, _> =
            written.patterns.iter().map(|p| BASE64.decode(p)).collect();
        Some(Self {
            server: written.server,
            database: written.database,
            run_id: written.run_id,
            product: written.product,
            version: written.version,
            patterns: patterns.ok()?,
            created_unix_ms: written.created_unix_ms,
            run: RunToken::parse(&written.run)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RunToken;

    #[test]
    fn tokens_differ_and_are_read_as_they_are_shown() {
        let (one, other) = (RunToken::random(), RunToken::random());
        assert_ne!(one, other);
        assert_eq!(RunToken::parse(&one.to_string()), Some(one));
        for wrong in ["", "0", &"g".repeat(32), &"0".repeat(33)] {
            assert_eq!(RunToken::parse(wrong), None, "{wrong}");
        }
    }
}
