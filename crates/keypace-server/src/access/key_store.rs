//! What is asked of whoever keeps the keys. Holds no key.

use futures_util::future::BoxFuture;

use crate::access::key::{Caller, KeyId, KeyRow, NewKey};
use crate::access::scope::Scope;
use crate::sql::StoreError;

/// What a store answers, later.
pub type KeyAnswer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Keeps API keys as hashes, and the secret that signatures are made with. What only reads is cancel-safe; a write that is
/// dropped may have been carried out.
pub trait KeyStore: Send + Sync {
    /// Whom this key stands for. An owner is opened by the key alone, so its hash is not enough.
    fn find<'a>(&'a self, secret: &'a str) -> KeyAnswer<'a, Option<Caller>>;

    /// Makes a key. Its secret can't be asked for again. An `owner` needs an owner text; others may have one.
    fn add<'a>(&'a self, scope: Scope, owner: Option<&'a str>) -> KeyAnswer<'a, NewKey>;

    /// Ends a key for good; says whether there was one.
    fn revoke<'a>(&'a self, key: &'a KeyId) -> KeyAnswer<'a, bool>;

    /// All keys, oldest first.
    fn list(&self) -> KeyAnswer<'_, Vec<KeyRow>>;

    /// Whether there is a key of this name.
    fn holds<'a>(&'a self, key: &'a KeyId) -> KeyAnswer<'a, bool>;

    /// Whether there is any key.
    fn any(&self) -> KeyAnswer<'_, bool>;

    /// What signatures are made with: made once, and the same for all that share the store.
    fn secret(&self) -> KeyAnswer<'_, [u8; 32]>;
}
