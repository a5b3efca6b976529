//! How far a namespace has come from an old layout: what its meta key says of that, and the steps from one state to the
//! next. Asks for one key.

use bytes::Bytes;

use super::meta::{Meta, check_named};
use super::names::Namespace;
use super::old::OldLayout;
use super::owner_keys::OwnerKeys;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::port::{Call, Class, Reply, Router, Script};

/// Has a namespace follow an old layout.
const FOLLOW: Script = Script {
    text: include_str!("scripts/follow.lua"),
    digest: "2924876cb04be9268d591ff549732351179d557b",
};

/// The new layout follows an old one.
pub(super) const FOLLOWING: &str = "following";
/// The old one was left behind.
const SWITCHED: &str = "switched";

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
    /// Those of the keys that are in use.
    pub(crate) keys: OwnerKeys,
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
        open(router, namespace, keys, None).await
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
        open(router, namespace, keys, Some(FOLLOWING)).await?;
        let fields = [
            ("state", Bytes::from_static(FOLLOWING.as_bytes())),
            ("old_prefix", Bytes::copy_from_slice(old.prefix())),
            ("owner_field", old.owner_field().to_owned().into()),
            ("created_field", old.created_field().to_owned().into()),
            ("updated_field", old.updated_field().to_owned().into()),
        ];
        let meta = namespace.meta();
        let words = fields.map(|(name, value)| [Bytes::from_static(name.as_bytes()), value]);
        let (slot, class) = (Slot::of(&meta), Class::Write);
        let call = Call::script(slot, &FOLLOW, class, vec![meta], words.concat());
        match router.call(call).await? {
            Reply::Int(0) => Err(switched(namespace)),
            _ => Ok(()),
        }
    }

    /// Says so where somebody else has left the old layout behind meanwhile. Cancel-safe.
    ///
    /// # Errors
    /// `Guard` then.
    pub(crate) async fn still_follows(router: &Router, namespace: &Namespace) -> Result<()> {
        let meta = namespace.meta();
        let words = vec![
            Bytes::from_static(b"HGET"),
            meta.clone(),
            Bytes::from_static(b"state"),
        ];
        let call = Call::command(Slot::of(&meta), "HGET", Class::Read, words);
        match router.call(call).await? {
            Reply::Bulk(state) if state.as_ref() == SWITCHED.as_bytes() => Err(switched(namespace)),
            _ => Ok(()),
        }
    }

    /// Leaves the old layout behind. Not cancel-safe.
    ///
    /// # Errors
    /// What the server answers with.
    pub(crate) async fn switch(router: &Router, namespace: &Namespace) -> Result<()> {
        let meta = namespace.meta();
        let words = vec![
            Bytes::from_static(b"HSET"),
            meta.clone(),
            Bytes::from_static(b"state"),
            Bytes::from_static(SWITCHED.as_bytes()),
        ];
        let call = Call::command(Slot::of(&meta), "HSET", Class::Write, words);
        router.call(call).await?;
        Ok(())
    }
}

async fn open(
    router: &Router,
    namespace: &Namespace,
    keys: &OwnerKeys,
    begin_as: Option<&str>,
) -> Result<Migration> {
    let begins = begin_as.map(|state| (keys, state));
    let Some(meta) = Meta::read(router, namespace, begins).await? else {
        return Ok(Migration {
            state: State::Unknown,
            old: None,
            keys: keys.clone(),
        });
    };
    check_named(namespace, keys)?;
    let version = meta.admit(namespace, keys)?;
    if meta.rekeying_from().is_some() {
        let context = format!("the owner keys of `{namespace}` are being rotated");
        return Err(
            Error::new(ErrorKind::Guard, Retry::Never, "open the index", context)
                .with_hint(format!("wait until that has ended; after a run that was cut short, `keypace index rekey {namespace} --move` goes on")),
        );
    }
    let state = match meta.field("state") {
        FOLLOWING => State::Following,
        SWITCHED => State::Switched,
        _ => State::Native,
    };
    let old = match meta.field("old_prefix") {
        "" => None,
        prefix => Some(
            OldLayout::of(namespace)
                .with_prefix(prefix)?
                .with_owner_field(meta.field("owner_field"))?
                .with_created_field(meta.field("created_field"))?
                .with_updated_field(meta.field("updated_field"))?,
        ),
    };
    let keys = keys.first(version);
    Ok(Migration { state, old, keys })
}

/// Why a rebuild is refused.
pub(crate) fn switched(namespace: &Namespace) -> Error {
    let context = format!(
        "{namespace} was switched: the old layout counts no longer, and what it says would undo changes since"
    );
    Error::new(ErrorKind::Guard, Retry::Never, "rebuild the index", context)
        .with_hint("`keypace index verify` compares the records with their index")
}
