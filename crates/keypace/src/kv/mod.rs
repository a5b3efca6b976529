//! An application's own keys below a prefix: get, set, delete, list and clear. With an index, listing sends no SCAN.
//! It knows no other room's walk or books, and nothing of what the values mean.
//!
//! # What is promised
//! Nothing outside the prefix is read, listed or removed, whatever bytes the prefix and the keys are made of.
//! A write is sent once: where its reply did not come, the error says [`Retry::AskAgain`](crate::error::Retry::AskAgain)
//! and nobody has repeated it. Reads are tried again as often as the connection's options allow. `clear` removes by
//! batches of keys that it has found, and a batch without a reply is sent again, as in any delete.
//!
//! With an index, key and member change in one step on the server. A member's score is the key's expiry in ms by the
//! server's own clock, so what has expired can be told from the index alone.

mod clear;
mod index;
mod name;
mod reader;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;
use crate::port::{Keyspace, Node, Reply, Request, request};
use crate::scan::{Collected, ScanOptions, collect};
use name::{Names, invalid};
use wire::{REMOVE, SET};

pub use state::Cleared;

/// An application's keys `{prefix}:{key}`. Clones are cheap and share the connections.
///
/// The connection is for [`Purpose::Application`](crate::port::Purpose::Application), so that reads refresh the idle
/// time of keys as any client's do. The key `index` is taken: `{prefix}:index` is where the index is kept, and no call
/// here reads, lists or removes it, whether there is an index or not.
///
/// Prefixes may nest: a `Kv` of `shop` also has the keys of one of `shop:cart`, as `cart:...`.
///
/// ```no_run
/// use std::time::Duration;
///
/// use keypace::{ConnectOptions, Keyspace, Kv, Pattern, Purpose, Target};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let target = Target::parse("redis://127.0.0.1:6379")?;
/// let options = ConnectOptions::default().with_purpose(Purpose::Application);
/// let keyspace = Keyspace::connect(target, options).await?;
///
/// let carts = Kv::new(keyspace, "shop:cart")?.with_index(true);
/// carts.set("42", "3 pears", Some(Duration::from_secs(3600))).await?;
/// assert_eq!(carts.get("42").await?.as_deref(), Some(&b"3 pears"[..]));
///
/// let all = Pattern::new("*")?;
/// for key in carts.keys(&all).await?.keys {
///     println!("{}", key.escaped());
/// }
/// for cleared in carts.clear(&[all]).await? {
///     println!("{} of {} deleted", cleared.deleted, cleared.matched);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Kv {
    keyspace: Keyspace,
    names: Names,
    is_indexed: bool,
    max_keys: usize,
}

impl Kv {
    /// Keys below this prefix, without an index. Sends nothing.
    ///
    /// # Errors
    /// `InvalidOption` for a prefix that is empty, holds nothing but separators, or is longer than
    /// `limits::KV_MAX_PREFIX_BYTES`; `Unsupported` on a cluster.
    pub fn new(keyspace: Keyspace, prefix: impl AsRef<[u8]>) -> Result<Self> {
        keyspace.refuse_cluster("use a prefix of one's own")?;
        Ok(Self {
            keyspace,
            names: Names::new(prefix.as_ref())?,
            is_indexed: false,
            max_keys: limits::COLLECT_DEFAULT_KEYS,
        })
    }

    /// Whether `{prefix}:index` is kept, a sorted set of all keys by expiry: [`Kv::keys`] then reads that in place of
    /// the whole database. It needs Redis 3.2 or newer, or Valkey.
    ///
    /// The index knows what was written through it. Every client that writes below the prefix has to keep it, and keys
    /// from before are in it once they are set again. A key that the server evicts or somebody else deletes stays
    /// listed until its TTL is over, or until [`Kv::delete`] or [`Kv::clear`] has met it.
    ///
    /// A set then costs the server about 20 us in place of one (Redis 7.0 and Valkey 9.1, with a TTL).
    #[must_use]
    pub fn with_index(mut self, is_indexed: bool) -> Self {
        self.is_indexed = is_indexed;
        self
    }

    /// How many keys [`Kv::keys`] gives at most: `limits::COLLECT_DEFAULT_KEYS` unless this says otherwise.
    ///
    /// # Errors
    /// `Limit` above `limits::COLLECT_MAX_KEYS`.
    pub fn with_max_keys(mut self, keys: usize) -> Result<Self> {
        let max = limits::COLLECT_MAX_KEYS;
        if keys > max {
            let context = format!("{keys} keys are more than the {max} that are held in memory");
            return Err(invalid(ErrorKind::Limit, "set the most keys", context)
                .with_hint("take the pages as a stream (Pages)"));
        }
        self.max_keys = keys;
        Ok(self)
    }

    /// The prefix, without the separator behind it.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.names.prefix()
    }

    /// A key's value; `None` where there is no such key. Cancel-safe: nothing is changed.
    ///
    /// # Errors
    /// `InvalidOption` for the key `index`; `WrongType` where the key holds no string; else what one command gives.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        let name = self.names.full(key.as_ref())?;
        // Named, as compilers before 1.89 end a temporary of an enum's arguments with its line.
        let words: [&[u8]; 2] = [b"GET", &name];
        let request = Request::Command("GET", &words);
        match request::read(self.node(), request).await? {
            // Copied, because a small value would hold the whole buffer that it came in for as long as it is kept.
            Reply::Bulk(value) => Ok(Some(Bytes::copy_from_slice(&value))),
            Reply::Null => Ok(None),
            _ => Err(request::unexpected(self.node().name(), "GET")),
        }
    }

    /// Sets a key, whatever it was before, for `ttl` (rounded up to whole milliseconds) or for good. Not cancel-safe:
    /// a dropped future may have set it or not; with an index the member has gone the same way as the key.
    ///
    /// # Errors
    /// `InvalidOption` for the key `index`, a value that no server takes, a TTL of zero and one above
    /// `limits::MAX_TTL`; `Unsupported` for a TTL with an index on a server before Redis 3.2; else what one command
    /// gives, with the advice [`Retry::AskAgain`](crate::error::Retry::AskAgain) where no reply came.
    pub async fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        let name = self.names.full(key)?;
        let ttl_ms = ttl
            .map(request::ttl_ms)
            .transpose()?
            .map(|ms| ms.to_string());
        request::check_value(value)?;
        if self.is_indexed {
            return self.set_indexed(key, &name, value, ttl_ms.as_deref()).await;
        }
        let mut words = vec![&b"SET"[..], &name, value];
        if let Some(ttl_ms) = &ttl_ms {
            words.extend([&b"PX"[..], ttl_ms.as_bytes()]);
        }
        match request::write(self.node(), Request::Command("SET", &words)).await? {
            Reply::Simple(_) => Ok(()),
            _ => Err(request::unexpected(self.node().name(), "SET")),
        }
    }

    async fn set_indexed(
        &self,
        key: &[u8],
        name: &[u8],
        value: &[u8],
        ttl_ms: Option<&str>,
    ) -> Result<()> {
        let most = limits::KV_PRUNED_BY_SET.to_string();
        let ttl_ms = ttl_ms.unwrap_or("0");
        let keys = [self.names.index(), name];
        let args = [key, value, ttl_ms.as_bytes(), most.as_bytes()];
        match request::write(self.node(), Request::Script(&SET, &keys, &args)).await {
            Ok(Reply::Int(_)) => Ok(()),
            Ok(_) => Err(request::unexpected(self.node().name(), "EVALSHA")),
            Err(error) => Err(explain_old_server(error)),
        }
    }

    /// Deletes one key, of whatever type; whether there was one. Not cancel-safe: a dropped future may have deleted it
    /// or not; with an index the member has gone the same way as the key.
    ///
    /// # Errors
    /// `InvalidOption` for the key `index`; else what one command gives, with the advice
    /// [`Retry::AskAgain`](crate::error::Retry::AskAgain) where no reply came.
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref();
        let name = self.names.full(key)?;
        let (keys, args) = ([self.names.index(), &name], [&b"DEL"[..], key]);
        let words = [&b"DEL"[..], &name];
        let request = if self.is_indexed {
            Request::Script(&REMOVE, &keys, &args)
        } else {
            Request::Command("DEL", &words)
        };
        match request::write(self.node(), request).await? {
            Reply::Int(removed) => Ok(removed > 0),
            _ => Err(request::unexpected(self.node().name(), request.command())),
        }
    }

    /// The keys that match a pattern below the prefix, without the prefix: sorted bytewise, each once, at most
    /// [`Kv::with_max_keys`]; where more match it stops and says `truncated`. Cancel-safe: nothing is changed but that
    /// members of the index whose time is over are dropped.
    ///
    /// Without an index the server looks at every key of the database, as for [`collect`](crate::scan::collect). With
    /// one it sends no SCAN: it reads the index, and drops up to `limits::KV_PRUNED_BY_LISTING` expired members on the
    /// way. An index of up to `limits::KV_INDEX_PAGE_MEMBERS` is read at one moment; in a longer one every key is found
    /// that stays there with the expiry it has, and one that is set again meanwhile may be missed or not.
    ///
    /// # Errors
    /// `InvalidPattern` where the pattern is too long with the prefix; else what a walk or a read of the index gives.
    pub async fn keys(&self, pattern: &Pattern) -> Result<Collected> {
        if self.is_indexed {
            return self.keys_indexed(pattern).await;
        }
        let options = self
            .scan(std::slice::from_ref(pattern))?
            .with_limit(self.max_keys as u64);
        let mut collected = collect(&self.keyspace, options).await?;
        let names = collected
            .keys
            .iter()
            .filter_map(|key| self.names.strip(key));
        collected.keys = names.map(|name| Key::new(name.to_vec())).collect();
        Ok(collected)
    }

    async fn keys_indexed(&self, pattern: &Pattern) -> Result<Collected> {
        // Matched with the prefix, as the server would match it.
        let pattern = self.names.pattern(pattern)?;
        let mut reader = index::open(self.node(), self.names.index()).await?;
        let mut keys = BTreeSet::new();
        while keys.len() <= self.max_keys {
            let next = index::next(self.node(), self.names.index(), &mut reader).await?;
            let Some(members) = next else { break };
            let names = members.into_iter().map(|member| member.name);
            let matching = names.filter(|name| pattern.matches(&self.names.join(name)));
            keys.extend(matching.map(|name| Key::new(name).detach()));
        }
        let truncated = keys.len() > self.max_keys;
        Ok(Collected {
            keys: keys.into_iter().take(self.max_keys).collect(),
            truncated,
        })
    }

    /// Deletes all keys that match any of these patterns below the prefix, with counts for each pattern, in the order
    /// given; a key that matches several counts for the first. The prefix is the consent: nothing more is asked. Not
    /// cancel-safe: the batches in flight may run or not; calling it again clears the rest.
    ///
    /// It walks the whole database with SCAN and deletes by batches, as a sweep does. With an index it removes keys and
    /// members in one step a batch, then looks through the index for members whose key the walk has not met; a member
    /// without a key is dropped, and counted nowhere.
    ///
    /// # Errors
    /// `InvalidPattern` as [`Kv::keys`]; `InvalidOption` for no pattern and for more than `limits::MAX_PATTERNS`; else
    /// what a walk or a delete gives, with how many keys were deleted before in the text. Keys that the server refuses
    /// to remove are no error: they are counted as `failed`.
    pub async fn clear(&self, patterns: &[Pattern]) -> Result<Vec<Cleared>> {
        clear::clear(self, patterns).await
    }

    /// A walk over keys of ours: below the prefix, and never the index.
    fn scan(&self, patterns: &[Pattern]) -> Result<ScanOptions> {
        let patterns = patterns.iter().map(|pattern| self.names.pattern(pattern));
        let options = ScanOptions::new(patterns.collect::<Result<_>>()?)?;
        options.with_exclude(vec![Pattern::literal(self.names.index())])
    }

    fn node(&self) -> &Node {
        self.keyspace.node()
    }
}

/// Servers before 3.2 run no write in a script that has asked for the time.
fn explain_old_server(error: Error) -> Error {
    if !error.context().contains("non deterministic") {
        return error;
    }
    let context = "the server keeps no index of keys with a TTL: it is older than Redis 3.2";
    Error::new(
        ErrorKind::Unsupported,
        Retry::Never,
        "set a key and its member of the index",
        context,
    )
    .with_hint("do without the index here (Kv::with_index)")
    .with_source(error)
}
