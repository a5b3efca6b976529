//! The owner that a key stands for, closed with the key itself: it may be an application's own key, and whoever has the
//! database alone must not have that. Knows no store.

use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;

use crate::sql::StoreError;

/// What tells this use of a key from all others.
const PURPOSE: &[u8] = b"keypace owner 1";

/// Closes an owner with the secret of the key that stands for it.
///
/// # Errors
/// `Internal` where the system gives no random bytes.
pub(crate) fn seal(secret: &str, owner: &str) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(StoreError::internal)?;
    let mut closed = owner.as_bytes().to_vec();
    let by = Nonce::assume_unique_for_key(nonce);
    key_of(secret)?
        .seal_in_place_append_tag(by, Aad::from(PURPOSE), &mut closed)
        .map_err(|_| StoreError::internal("an owner can't be sealed"))?;
    Ok([nonce.as_slice(), &closed].concat())
}

/// Opens what [`seal`] has closed with the same secret.
///
/// # Errors
/// `Internal` for anything else: the row was written by something else than this.
pub(crate) fn open(secret: &str, sealed: &[u8]) -> Result<String, StoreError> {
    let wrong = || StoreError::internal("a key's owner can't be opened: was the row changed?");
    let (nonce, closed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
    let mut closed = closed.to_vec();
    let by = Nonce::assume_unique_for_key(*nonce);
    let key = key_of(secret)?;
    let opened = key.open_in_place(by, Aad::from(PURPOSE), &mut closed);
    let owner = opened.map_err(|_| wrong())?;
    String::from_utf8(owner.to_vec()).map_err(|_| wrong())
}

fn key_of(secret: &str) -> Result<LessSafeKey, StoreError> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let key = mac
        .map_err(StoreError::internal)?
        .chain_update(PURPOSE)
        .finalize();
    let key = UnboundKey::new(&CHACHA20_POLY1305, &key.into_bytes());
    Ok(LessSafeKey::new(
        key.map_err(|_| StoreError::internal("a key has 32 bytes"))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::{open, seal};

    #[test]
    fn an_owner_is_opened_by_its_own_key_alone() {
        let sealed = seal("kp_one", "an owner").expect("sealed");
        assert_eq!(open("kp_one", &sealed).expect("opened"), "an owner");
        assert!(open("kp_two", &sealed).is_err());
        assert_ne!(
            seal("kp_one", "an owner").expect("sealed"),
            sealed,
            "no two are alike"
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open("kp_one", &changed).is_err(), "byte {at}");
            assert!(open("kp_one", &sealed[..at]).is_err(), "{at} bytes");
        }
    }
}
