//! Signatures over what goes out and comes back: tickets, confirm tokens, cursors. Knows none of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs by HMAC-SHA-256 with one secret. A purpose is a part of what is signed, so that a signature made for one is worth
/// nothing for another.
#[derive(Clone)]
pub struct Signer {
    mac: Hmac<Sha256>,
}

impl Signer {
    /// With the secret of a store.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        // HMAC takes a secret of any length; a key block holds 64 bytes, so this one stands at its beginning.
        let mut block = [0; 64];
        block[..32].copy_from_slice(secret);
        Self {
            mac: Hmac::new(&block.into()),
        }
    }

    /// The signature as base64url.
    #[must_use]
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> String {
        let signed = self.fed(purpose, parts).finalize();
        URL_SAFE_NO_PAD.encode(signed.into_bytes())
    }

    /// Whether it is the signature of exactly this; in the same time for any wrong one.
    #[must_use]
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], signature: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(signature) else {
            return false;
        };
        self.fed(purpose, parts).verify_slice(&bytes).is_ok()
    }

    /// Each part with its length, so that no two lists of parts are one text.
    fn fed(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Signer;

    #[test]
    fn only_exactly_this_is_signed() {
        let signer = Signer::new(&[1; 32]);
        let signature = signer.sign("ticket", &[b"ab", b"c"]);
        assert!(signer.verify("ticket", &[b"ab", b"c"], &signature));
        assert!(!signer.verify("ticket", &[b"a", b"bc"], &signature));
        assert!(!signer.verify("ticket", &[b"ab", b"c", b""], &signature));
        assert!(!signer.verify("cursor", &[b"ab", b"c"], &signature));
        assert!(!Signer::new(&[2; 32]).verify("ticket", &[b"ab", b"c"], &signature));
        for wrong in ["", "AA", "=", &signature[1..]] {
            assert!(!signer.verify("ticket", &[b"ab", b"c"], wrong));
        }
    }

    #[test]
    fn it_is_hmac_with_sha_256() {
        // RFC 4231, case 3, is of 20 bytes; the same MAC with ours is told from any other by its first bytes.
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut plain = Hmac::<sha2::Sha256>::new_from_slice(&[7; 32]).expect("any length");
        plain.update(&1_u64.to_be_bytes());
        plain.update(b"p");
        let bytes = plain.finalize().into_bytes();
        let signature = Signer::new(&[7; 32]).sign("p", &[]);
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        assert_eq!(signature, engine.encode(bytes));
    }
}
