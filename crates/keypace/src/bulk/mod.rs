//! Many values in few commands: MGET and MSET in chunks by bytes, pipelined to each node; JSON on top. It walks nothing, and
//! knows neither owners nor indexes.
//!
//! # What is promised
//! Up to a chunk of keys is one MGET and one round trip; in a cluster one MGET for each slot, and one round trip to each
//! node, to all of them at once. No keys: nothing is sent. Values come in the order of the keys, each as often as its key is
//! named, and one that is missing or can't be read says so in its own place. It is no snapshot: each MGET is read at one
//! moment, several are not.

mod drive;
mod json;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{Keyspace, Router};
use state::Guess;

pub(crate) use drive::read;
pub use json::Unread;

/// Reads and writes many values at once. Clones are cheap, share connections, and learn together how large values are.
///
/// ```no_run
/// use keypace::{Bulk, ConnectOptions, Key, Keyspace, Purpose, Target};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Cart {
///     items: u32,
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let target = Target::parse("redis://127.0.0.1:6379")?;
/// let options = ConnectOptions::default().with_purpose(Purpose::Application);
/// let keyspace = Keyspace::connect(target, options).await?;
///
/// let bulk = Bulk::new(&keyspace);
/// let keys: Vec<Key> = (0..1000).map(|n| Key::new(format!("cart:{n}"))).collect();
/// let carts: Vec<Option<Cart>> = bulk.get_many_json(&keys).await?;
/// let items: u32 = carts.iter().flatten().map(|cart| cart.items).sum();
/// println!("{items} items in {} carts", carts.iter().flatten().count());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bulk {
    keyspace: Keyspace,
    router: Router,
    chunk_bytes: u32,
    guess: Arc<Mutex<Guess>>,
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk")
            .field("keyspace", &self.keyspace)
            .field("chunk_bytes", &self.chunk_bytes)
            .finish_non_exhaustive()
    }
}

impl Bulk {
    /// Without a pace: what a chunk's bytes cost a server is the bound. Sends nothing.
    #[must_use]
    pub fn new(keyspace: &Keyspace) -> Self {
        Self {
            keyspace: keyspace.clone(),
            router: Router::new(keyspace),
            chunk_bytes: limits::BULK_CHUNK_BYTES,
            guess: Arc::new(Mutex::new(Guess::default())),
        }
    }

    /// Under the pace of each node, together with all other work of this process there. Chunks are smaller then, so that one
    /// is no more than a budget allows.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.router = Router::paced(&self.keyspace, budget, Thresholds::default());
        self.chunk_bytes = self.chunk_bytes.min(limits::BULK_PACED_CHUNK_BYTES);
        self
    }

    /// About how many bytes one MGET answers with, and one MSET brings: `limits::BULK_CHUNK_BYTES` unless this says
    /// otherwise, `limits::BULK_PACED_CHUNK_BYTES` under a budget. How many keys that is comes from the values seen so far.
    ///
    /// # Errors
    /// `InvalidOption` outside `limits::BULK_MIN_CHUNK_BYTES` to `limits::BULK_MAX_CHUNK_BYTES`.
    pub fn with_chunk_bytes(mut self, bytes: u32) -> Result<Self> {
        let allowed = limits::BULK_MIN_CHUNK_BYTES..=limits::BULK_MAX_CHUNK_BYTES;
        if !allowed.contains(&bytes) {
            let context = format!(
                "{bytes} bytes are outside {} to {}",
                allowed.start(),
                allowed.end()
            );
            let operation = "set the bytes of a chunk";
            return Err(
                Error::new(ErrorKind::InvalidOption, Retry::Never, operation, context)
                    .with_hint("leave it out: the default suits servers that others use too"),
            );
        }
        self.chunk_bytes = bytes;
        Ok(self)
    }

    /// The keys' values, in their order; `None` where there is no such key, and where it holds no string. Cancel-safe:
    /// nothing is changed.
    ///
    /// # Errors
    /// What one command gives, once tries are of no use any more. What was read before is dropped with it. Where a slot's keys
    /// stay split between two nodes for longer than that, they are read one by one.
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let mut values = vec![None; keys.len()];
        drive::get(self, keys, |at, value| {
            // Copied, because one value that is kept would hold the whole reply that it came in.
            values[at] = value.map(|value| Bytes::copy_from_slice(&value));
        })
        .await?;
        Ok(values)
    }

    /// The same as JSON: `None` where there is no such key, and where its value can't be read as a `T`. Those of the second
    /// kind are counted in one warning of the log, by reason; it holds neither keys nor values. Cancel-safe: nothing is
    /// changed.
    ///
    /// # Errors
    /// As for [`Bulk::get_many`].
    pub async fn get_many_json<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<Option<T>>> {
        let mut values: Vec<Option<T>> = Vec::with_capacity(keys.len());
        values.resize_with(keys.len(), || None);
        let mut undecoded = json::Undecoded::default();
        drive::get(self, keys, |at, value| {
            let decoded = value.map(|value| json::decode(&value));
            values[at] = decoded.and_then(|decoded| undecoded.note(decoded));
        })
        .await?;
        undecoded.log(keys.len());
        Ok(values)
    }

    /// The same, and why a value is not there. Nothing is logged. Cancel-safe: nothing is changed.
    ///
    /// # Errors
    /// As for [`Bulk::get_many`].
    pub async fn get_many_json_detailed<T: DeserializeOwned>(
        &self,
        keys: &[Key],
    ) -> Result<Vec<std::result::Result<T, Unread>>> {
        let mut values = Vec::with_capacity(keys.len());
        values.resize_with(keys.len(), || Err(Unread::Missing));
        drive::get(self, keys, |at, value| {
            if let Some(value) = value {
                values[at] = json::decode(&value).map_err(Unread::from);
            }
        })
        .await?;
        Ok(values)
    }

    /// Sets all of them, whatever the keys were before, for `ttl` (rounded up to whole milliseconds) or for good. Of a key
    /// that is named twice the last value stays. Each MSET is one step; all of them together are not. Not cancel-safe: any
    /// of them may be set or not when the future is dropped, and after an error.
    ///
    /// # Errors
    /// `InvalidOption` for a value that no server takes, and a TTL of zero or above `limits::MAX_TTL`, before anything is
    /// sent; else what one command gives, with the advice [`Retry::AskAgain`] where no reply came.
    pub async fn set_many(&self, pairs: &[(Key, Bytes)], ttl: Option<Duration>) -> Result<()> {
        drive::set(self, pairs, ttl).await
    }

    fn guess(&self) -> Guess {
        *(self.guess.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, values: usize, bytes: u64) {
        let mut guess = self.guess.lock().unwrap_or_else(PoisonError::into_inner);
        guess.learn(values, bytes);
    }
}
