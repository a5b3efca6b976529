//! The secret that turns owners into the tags of key names: its file, its versions, its fingerprint. Asks no server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::key_file;
use super::names::{Namespace, Tag};
use super::owner::Owner;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;

/// Bytes of one key: as many as the hash has.
pub(super) const KEY_BYTES: usize = 32;
/// Hex digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 16;

/// One key of a key file.
pub(super) type SecretKey = [u8; KEY_BYTES];

/// The keys that owners are hashed with, oldest first: one, and one more after each rotation. Whoever reads or writes a
/// namespace needs the same; with another every owner's list would be empty, so that is refused when it is opened.
#[derive(Clone)]
pub struct OwnerKeys {
    keys: Arc<[SecretKey]>,
    path: Option<Arc<Path>>,
    namespace: Option<Namespace>,
}

impl OwnerKeys {
    /// Reads a key file: `{"keys": ["<64 hex digits>", ...]}`.
    ///
    /// # Errors
    /// `Io` where it can't be read, `Guard` where others may read it too, `Damaged` where it is no key file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (keys, namespace) = key_file::read(path)?;
        Ok(Self {
            keys: keys.into(),
            path: Some(path.into()),
            namespace,
        })
    }

    /// Makes a key, and a file of mode 0600 for it. The file is there whole, or not at all.
    ///
    /// # Errors
    /// `Exists` where there is a file, `Io` where it can't be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let made = Self::generate_in_memory()?;
        key_file::create(path, &made.keys, None)?;
        Ok(Self {
            path: Some(path.into()),
            ..made
        })
    }

    /// Reads the file, or makes it where there is none. Of several processes that begin at once all have the same key.
    ///
    /// # Errors
    /// As [`OwnerKeys::load`] and [`OwnerKeys::create`].
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match Self::load(path) {
            Err(error) if key_file::is_absent(&error) => {}
            loaded => return loaded,
        }
        match Self::create(path) {
            Err(error) if error.kind() == ErrorKind::Exists => Self::load(path),
            created => created,
        }
    }

    /// A key that nothing keeps: for tests, and for records that needn't be found again.
    ///
    /// # Errors
    /// `Io` where the system gives no random bytes.
    pub fn generate_in_memory() -> Result<Self> {
        Self::from_keys(vec![random()?])
    }

    /// Keys that the caller keeps, oldest first: out of a secret store.
    ///
    /// # Errors
    /// `InvalidOption` where there is none, or more than 64.
    pub fn from_keys(keys: Vec<[u8; 32]>) -> Result<Self> {
        let max = limits::MAX_OWNER_KEYS;
        if !(1..=max).contains(&keys.len()) {
            let context = format!("{} keys were given, 1 to {max} are allowed", keys.len());
            let (kind, operation) = (ErrorKind::InvalidOption, "take the owner keys");
            return Err(Error::new(kind, Retry::Never, operation, context));
        }
        Ok(Self {
            keys: keys.into(),
            path: None,
            namespace: None,
        })
    }

    /// The same with one more key behind them: what a rotation ends with. Writes no file.
    pub(crate) fn rotated(&self) -> Result<Self> {
        let mut keys = self.keys.to_vec();
        keys.push(random()?);
        let rotated = Self::from_keys(keys)?;
        Ok(Self {
            path: self.path.clone(),
            namespace: self.namespace.clone(),
            ..rotated
        })
    }

    /// Replaces the file by these keys, in one step; what was there stays beside it as `.bak`.
    pub(crate) fn save(&self) -> Result<()> {
        match &self.path {
            Some(path) => key_file::replace(path, &self.keys, self.namespace.as_ref()),
            None => Ok(()),
        }
    }

    /// The same out of the same file, as it is now. Keys that came from no file stay as they are.
    pub(crate) fn reloaded(&self) -> Result<Self> {
        match &self.path {
            Some(path) => Self::load(path),
            None => Ok(self.clone()),
        }
    }

    /// How often the key was rotated, and one: the version that new owners have.
    #[must_use]
    pub fn version(&self) -> u32 {
        u32::try_from(self.keys.len()).unwrap_or(u32::MAX)
    }

    /// Tells keys apart without telling them: 16 hex digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint_of(self.version()).unwrap_or_default()
    }

    /// The keys as they were when they had this fingerprint, before later rotations; `None` where they never had it.
    #[must_use]
    pub fn at_fingerprint(&self, fingerprint: &str) -> Option<Self> {
        let had = |version: &u32| self.fingerprint_of(*version).as_deref() == Some(fingerprint);
        (1..=self.version())
            .find(had)
            .map(|version| self.first(version))
    }

    /// That of the first `version` keys; `None` where there are fewer.
    pub(crate) fn fingerprint_of(&self, version: u32) -> Option<String> {
        let mut hash = Sha256::new();
        hash.update(b"keypace-owner-key\n");
        for key in self.up_to(0, version)? {
            hash.update(key);
        }
        let mut digits = hex::encode(hash.finalize());
        digits.truncate(FINGERPRINT_DIGITS);
        Some(digits)
    }

    /// The file that they came from.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The namespace that the file is for, where it names one.
    pub(crate) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// What an owner is called in key names, by all keys.
    #[must_use]
    pub fn tag(&self, owner: &Owner) -> Tag {
        chain(owner.as_bytes(), &self.keys)
    }

    /// The same by the first `version` keys, as it was before later rotations; `None` where there are fewer.
    pub(crate) fn tag_at(&self, owner: &Owner, version: u32) -> Option<Tag> {
        let keys = self.up_to(0, version)?;
        (!keys.is_empty()).then(|| chain(owner.as_bytes(), keys))
    }

    /// The first `version` keys alone, or all where there are fewer: those that are in use before a rotation has begun.
    pub(crate) fn first(&self, version: u32) -> Self {
        let keys = self.up_to(0, version).filter(|keys| !keys.is_empty());
        Self {
            keys: keys.unwrap_or(&self.keys).into(),
            ..self.clone()
        }
    }

    /// A tag of version `from` as it is in version `to`: a rotation needs no owner in clear.
    pub(crate) fn advance(&self, tag: &Tag, from: u32, to: u32) -> Option<Tag> {
        match self.up_to(from, to)? {
            [] => Some(*tag),
            keys => Some(chain(tag.as_str().as_bytes(), keys)),
        }
    }

    fn up_to(&self, from: u32, to: u32) -> Option<&[SecretKey]> {
        let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
        self.keys.get(from..to)
    }
}

/// Each key hashes what the one before it gave.
fn chain(start: &[u8], keys: &[SecretKey]) -> Tag {
    let mut text = start.to_vec();
    for key in keys {
        let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(&text));
        let digest = mac.map(|mac| mac.finalize().into_bytes());
        text = hex::encode(digest.unwrap_or_default()).into_bytes();
        text.truncate(limits::TAG_BYTES);
    }
    Tag::parse(&text).unwrap_or_else(|| unreachable!("hex digits of a hash are a tag"))
}

pub(super) fn random() -> Result<SecretKey> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|cause| {
        let (kind, operation) = (ErrorKind::Io, "make an owner key");
        let context = "the system gives no random bytes";
        Error::new(kind, Retry::Never, operation, context).with_source(cause)
    })?;
    Ok(key)
}

impl fmt::Debug for OwnerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerKeys")
            .field("version", &self.version())
            .field("fingerprint", &self.fingerprint())
            .field(
                "path",
                &self.path.as_ref().map(|path| PathBuf::from(&**path)),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::OwnerKeys;
    use crate::records::owner::Owner;

    fn keys(count: u8) -> OwnerKeys {
        let keys = (1..=count).map(|byte| [byte; 32]).collect();
        OwnerKeys::from_keys(keys).expect("keys")
    }

    /// `printf alice | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101...`, and the 32 digits of it by the next key.
    #[test]
    fn tags_are_those_of_the_published_layout() {
        let owner = Owner::new("alice").expect("allowed");
        assert_eq!(
            keys(1).tag(&owner).as_str(),
            "b9ac4ee7242bea2f07e6764f068b5e8f"
        );
        assert_eq!(
            keys(2).tag(&owner).as_str(),
            "46877da38cbbe20cb5622d5b6e83531d"
        );
        assert_eq!(keys(1).fingerprint(), "c0aabacbf93d42ca");
    }

    #[test]
    fn a_tag_of_an_earlier_version_leads_to_the_later_one() {
        let owner = Owner::new(b"\0{}:*").expect("allowed");
        let keys = keys(3);
        for from in 1..=3 {
            let tag = keys.tag_at(&owner, from).expect("a version");
            assert_eq!(keys.advance(&tag, from, 3), Some(keys.tag(&owner)));
        }
        assert_eq!(keys.tag_at(&owner, 4), None);
        assert_eq!(keys.tag_at(&owner, 0), None);
        assert_eq!(keys.fingerprint_of(4), None);
    }

    #[test]
    fn a_rotation_changes_every_tag_and_shows_no_key() {
        let owner = Owner::new("alice").expect("allowed");
        let before = keys(1);
        let after = before.rotated().expect("random");
        assert_eq!(after.version(), 2);
        assert_ne!(before.tag(&owner), after.tag(&owner));
        assert_eq!(after.tag_at(&owner, 1), Some(before.tag(&owner)));
        assert_eq!(after.fingerprint_of(1), Some(before.fingerprint()));
        let former = after.at_fingerprint(&before.fingerprint());
        assert_eq!(
            former.map(|keys| keys.tag(&owner)),
            Some(before.tag(&owner))
        );
        assert!(before.at_fingerprint(&after.fingerprint()).is_none());
        assert!(!format!("{before:?}").contains("0101"), "{before:?}");
    }
}
