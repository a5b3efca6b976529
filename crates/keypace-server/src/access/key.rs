//! API keys: how they are made, what is kept of them, and whom they stand for. A secret is shown once and kept as a hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::access::scope::Scope;
use crate::limits;
use crate::sql::StoreError;

/// Random bytes of a public name: ten characters, and no two alike among the few keys that there are.
const ID_CHARS: usize = 10;
const ID_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const KEYLESS: &str = "keyless";

/// The public name of a key: not a secret, and no way in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Whoever calls on the loopback address while there are no keys.
    #[must_use]
    pub fn keyless() -> Self {
        Self(KEYLESS.to_owned())
    }

    /// Takes any text: names come from the store and from the config, and open nothing.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's public name.
    pub key: KeyId,
    /// What it allows.
    pub scope: Scope,
    /// Whose sessions it opens; without one, none, whatever the scope.
    pub owner: Option<String>,
}

impl Caller {
    /// Whoever calls on the loopback address while there are no keys: may all, and has no sessions.
    #[must_use]
    pub fn keyless() -> Self {
        Self {
            key: KeyId::keyless(),
            scope: Scope::Admin,
            owner: None,
        }
    }
}

/// An owner may be an application's own key, so it does not show itself.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("key", &self.key)
            .field("scope", &self.scope)
            .field("owner", &self.owner.as_ref().map(|_| ".."))
            .finish()
    }
}

/// A key that was just made. The secret is nowhere else: whoever loses it makes another.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its public name.
    pub id: KeyId,
    /// What stands behind `Authorization: Bearer`: `kp_` and 43 characters.
    pub secret: String,
}

impl NewKey {
    /// Makes one.
    ///
    /// # Errors
    /// `Internal` where the system gives no random bytes.
    pub fn make() -> Result<Self, StoreError> {
        let mut secret = [0; limits::KEY_SECRET_BYTES];
        let mut name = [0; ID_CHARS];
        getrandom::fill(&mut secret).map_err(StoreError::internal)?;
        getrandom::fill(&mut name).map_err(StoreError::internal)?;
        let chars = name
            .iter()
            .map(|byte| char::from(ID_ALPHABET[usize::from(byte & 31)]));
        Ok(Self {
            id: KeyId(format!("k_{}", chars.collect::<String>())),
            secret: format!("kp_{}", URL_SAFE_NO_PAD.encode(secret)),
        })
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a list of keys says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its public name.
    pub id: KeyId,
    /// What it allows.
    pub scope: Scope,
    /// Whether it opens an owner's sessions. Whose, is not said.
    pub has_owner: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What is kept of a secret: its SHA-256 in hexadecimal digits. A secret has 256 random bits, so nothing slower is needed.
#[must_use]
pub fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Caller, NewKey, hash_of};

    #[test]
    fn a_key_is_told_from_all_others_and_shows_no_secret() {
        let (one, other) = (
            NewKey::make().expect("a key"),
            NewKey::make().expect("a key"),
        );
        assert_ne!((&one.id, &one.secret), (&other.id, &other.secret));
        assert_eq!((one.id.as_str().len(), one.secret.len()), (12, 46));
        assert!(one.id.as_str().starts_with("k_") && one.secret.starts_with("kp_"));
        assert!(!format!("{one:?}").contains(&one.secret));
        let caller = Caller {
            owner: Some("secret".to_owned()),
            ..Caller::keyless()
        };
        assert!(!format!("{caller:?}").contains("secret"), "{caller:?}");
    }

    #[test]
    fn the_hash_is_plain_sha_256() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_of("abc"), known);
    }
}
