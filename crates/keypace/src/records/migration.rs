//! How far a namespace has come from an old layout: what its meta key says of that, and the steps from one state to the
//! next. Asks for one key.

use std::collections::HashMap;

use bytes::Bytes;

use super::names::Namespace;
use super::old::OldLayout;
use super::owner_keys::OwnerKeys;
use super::scripts::OPEN;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::port::{Call, Class, Reply, Router};

/// Where the truth about a namespace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was ever written by this layout.
    Unknown,
    /// In the new layout, from the beginning.
    Native,
    /// In the old layout, which the new one follows.
    Following,
    /// In the new layout: the old one was left behind.
    Switched,
}

/// What the meta key says.
#[derive(Debug, Clone)]
pub(crate) struct Migration {
    pub(crate) state: State,
    /// Where the old layout is, as the last rebuild was told.
    pub(crate) old: Option<OldLayout>,
}

impl Migration {
    /// Reads it, and checks that these are the keys which the namespace's owners were hashed with. Cancel-safe.
    ///
    /// # Errors
    /// `Guard` for other keys, `Unsupported` for another layout.
    pub(crate) async fn read(
        router: &Router,
        namespace: &Namespace,
        keys: &OwnerKeys,
    ) -> Result<Self> {
        open(router, namespace, keys, "").await
    }

    /// Begins a namespace that follows an old layout, or has one follow it that is there. Not cancel-safe.
    ///
    /// # Errors
    /// As [`Migration::read`].
    pub(crate) async fn follow(
        router: &Router,
        namespace: &Namespace,
        keys: &OwnerKeys,
        old: &OldLayout,
    ) -> Result<()> {
        open(router, namespace, keys, "following").await?;
        let fields: [(&'static str, Bytes); 5] = [
            ("state", Bytes::from_static(b"following")),
            ("old_prefix", Bytes::copy_from_slice(old.prefix())),
            ("owner_field", old.owner_field().to_owned().into()),
            ("created_field", old.created_field().to_owned().into()),
            ("updated_field", old.updated_field().to_owned().into()),
        ];
        set(router, namespace, &fields).await
    }

    /// Leaves the old layout behind. Not cancel-safe.
    ///
    /// # Errors
    /// What the server answers with.
    pub(crate) async fn switch(router: &Router, namespace: &Namespace) -> Result<()> {
        let fields = [("state", Bytes::from_static(b"switched"))];
        set(router, namespace, &fields).await
    }
}

async fn open(
    router: &Router,
    namespace: &Namespace,
    keys: &OwnerKeys,
    begin_as: &'static str,
) -> Result<Migration> {
    let meta = namespace.meta();
    let args = vec![
        keys.fingerprint().into(),
        keys.version().to_string().into(),
        Bytes::from_static(begin_as.as_bytes()),
    ];
    let class = if begin_as.is_empty() {
        Class::Read
    } else {
        Class::Write
    };
    let call = Call::script(Slot::of(&meta), &OPEN, class, vec![meta], args);
    let fields = fields(router.call(call).await?);
    let text = |name: &str| {
        let value = fields.get(name.as_bytes())?;
        std::str::from_utf8(value).ok()
    };
    if fields.is_empty() {
        let (state, old) = (State::Unknown, None);
        return Ok(Migration { state, old });
    }
    if text("layout") != Some("1") {
        return Err(refused(
            ErrorKind::Unsupported,
            format!("namespace {namespace} is kept in a layout that this version doesn't know"),
        ));
    }
    let version = text("key_version").and_then(|version| version.parse().ok());
    let known = version.and_then(|version| keys.fingerprint_of(version));
    if known.as_deref() != text("fingerprint") || version != Some(keys.version()) {
        let from = keys.path().map_or("the owner keys".to_owned(), |path| {
            format!("the key file {}", path.display())
        });
        return Err(refused(
            ErrorKind::Guard,
            format!("{from} is not the one that namespace {namespace} was made with"),
        )
        .with_hint("copy the key file from where the namespace was first written or rebuilt; with another, every list would be empty"));
    }
    let state = match text("state") {
        Some("following") => State::Following,
        Some("switched") => State::Switched,
        _ => State::Native,
    };
    let old = match (fields.get(b"old_prefix".as_slice()), text("owner_field")) {
        (Some(prefix), Some(owner)) => {
            let mut old = OldLayout::of(namespace)
                .with_prefix(prefix.to_vec())?
                .with_owner_field(owner)?;
            if let Some(created) = text("created_field") {
                old = old.with_created_field(created)?;
            }
            if let Some(updated) = text("updated_field") {
                old = old.with_updated_field(updated)?;
            }
            Some(old)
        }
        _ => None,
    };
    Ok(Migration { state, old })
}

async fn set(
    router: &Router,
    namespace: &Namespace,
    fields: &[(&'static str, Bytes)],
) -> Result<()> {
    let meta = namespace.meta();
    let mut words = vec![Bytes::from_static(b"HMSET"), meta.clone()];
    for (name, value) in fields {
        words.extend([Bytes::from_static(name.as_bytes()), value.clone()]);
    }
    let call = Call::command(Slot::of(&meta), "HMSET", Class::Write, words);
    router.call(call).await?;
    Ok(())
}

/// A hash, as RESP2 and RESP3 give it.
fn fields(reply: Reply) -> HashMap<Bytes, Bytes> {
    let pairs: Vec<(Reply, Reply)> = match reply {
        Reply::Map(pairs) => pairs,
        Reply::Array(words) => {
            let mut words = words.into_iter();
            std::iter::from_fn(|| Some((words.next()?, words.next()?))).collect()
        }
        _ => Vec::new(),
    };
    (pairs.into_iter())
        .filter_map(|pair| match pair {
            (Reply::Bulk(name), Reply::Bulk(value)) => Some((name, value)),
            _ => None,
        })
        .collect()
}

fn refused(kind: ErrorKind, context: String) -> Error {
    Error::new(kind, Retry::Never, "open the index", context)
}
