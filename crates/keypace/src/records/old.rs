//! An application's own layout that records come from: JSON in `session:{id}`, which names its owner in a field, and sets
//! `session:owner:{key}`. Tells what a key is and what a value says; reads no server and writes nothing.

use bytes::Bytes;
use serde_json::Value;

use super::names::{Namespace, RecordId};
use super::old_time;
use super::owner::Owner;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Pattern;
use crate::limits::index as limits;
use crate::limits::records::{MAX_UNIX_MS, MIN_UNIX_MS};

const OPERATION: &str = "set up the old layout";

/// Where records lie in an application's own layout, and which of their fields say whose they are and how old.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OldLayout {
    prefix: Vec<u8>,
    owner_sets: Vec<u8>,
    owner_field: String,
    created_field: String,
    updated_field: String,
}

/// What a key of the old layout is, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OldName {
    /// A record.
    Record(RecordId),
    /// The set of one owner's ids.
    OwnerSet,
    /// Neither.
    Other,
}

/// What a record's value says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OldRecord {
    /// Whose it is; `None` where it names nobody.
    pub(crate) owner: Option<Owner>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// Neither time could be read, so that it is listed as the oldest.
    pub(crate) is_undated: bool,
}

impl OldLayout {
    /// Of a namespace `session`: `session:{id}`, `session:owner:{key}`, and the fields `owner_api_key`, `created_at`,
    /// `updated_at`.
    #[must_use]
    pub fn of(namespace: &Namespace) -> Self {
        let prefix = format!("{namespace}:").into_bytes();
        Self {
            owner_sets: sets_below(&prefix),
            prefix,
            owner_field: "owner_api_key".to_owned(),
            created_field: "created_at".to_owned(),
            updated_field: "updated_at".to_owned(),
        }
    }

    /// Records lie below another prefix, and the owners' sets below it with `owner:` behind.
    ///
    /// # Errors
    /// `InvalidOption` for one that is empty, longer than `limits::index::OLD_MAX_PREFIX_BYTES`, or no text.
    pub fn with_prefix(mut self, prefix: impl Into<Vec<u8>>) -> Result<Self> {
        self.prefix = prefix.into();
        // It is remembered as a text.
        if std::str::from_utf8(&self.prefix).is_err() {
            return Err(invalid("the old prefix is no UTF-8"));
        }
        if self.prefix.is_empty() || self.prefix.len() > limits::OLD_MAX_PREFIX_BYTES {
            let most = limits::OLD_MAX_PREFIX_BYTES;
            return Err(invalid(format!("the old prefix has 1 to {most} bytes")));
        }
        self.owner_sets = sets_below(&self.prefix);
        Ok(self)
    }

    /// The field of a record that names its owner.
    ///
    /// # Errors
    /// `InvalidOption` for one without a name; so for the other fields.
    pub fn with_owner_field(mut self, name: impl Into<String>) -> Result<Self> {
        self.owner_field = field(name.into())?;
        Ok(self)
    }

    /// The field that says when it was created.
    ///
    /// # Errors
    /// As [`OldLayout::with_owner_field`].
    pub fn with_created_field(mut self, name: impl Into<String>) -> Result<Self> {
        self.created_field = field(name.into())?;
        Ok(self)
    }

    /// The field that says when it was last changed.
    ///
    /// # Errors
    /// As [`OldLayout::with_owner_field`].
    pub fn with_updated_field(mut self, name: impl Into<String>) -> Result<Self> {
        self.updated_field = field(name.into())?;
        Ok(self)
    }

    /// What all its keys begin with.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The field that names the owner.
    #[must_use]
    pub fn owner_field(&self) -> &str {
        &self.owner_field
    }

    /// The field that says when a record was created.
    #[must_use]
    pub fn created_field(&self) -> &str {
        &self.created_field
    }

    /// The field that says when a record was last changed.
    #[must_use]
    pub fn updated_field(&self) -> &str {
        &self.updated_field
    }

    /// Matches all its keys.
    pub(crate) fn pattern(&self) -> Pattern {
        Pattern::prefix(&self.prefix)
    }

    /// What the key is.
    pub(crate) fn name_of(&self, key: &[u8]) -> OldName {
        if key.starts_with(&self.owner_sets) {
            return OldName::OwnerSet;
        }
        let id = key.strip_prefix(self.prefix.as_slice());
        id.and_then(RecordId::parse)
            .map_or(OldName::Other, OldName::Record)
    }

    /// Whose ids a set holds.
    pub(crate) fn set_owner(&self, key: &[u8]) -> Option<Owner> {
        Owner::new(key.strip_prefix(self.owner_sets.as_slice())?).ok()
    }

    /// Where a record lies.
    pub(crate) fn key_of(&self, id: &RecordId) -> Bytes {
        [&self.prefix, id.as_str().as_bytes()].concat().into()
    }

    /// Reads a value; `None` for what is no JSON object.
    pub(crate) fn read(&self, body: &[u8]) -> Option<OldRecord> {
        let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body) else {
            return None;
        };
        // What a record can't hold is as far as it can.
        let in_calendar = |ms: i64| ms.clamp(MIN_UNIX_MS, MAX_UNIX_MS);
        let time = |name: &str| fields.get(name).and_then(old_time::millis).map(in_calendar);
        let created = time(&self.created_field);
        let updated = time(&self.updated_field);
        let created_ms = created.or(updated).unwrap_or(0);
        Some(OldRecord {
            owner: fields.get(&self.owner_field).and_then(owner_of),
            created_ms,
            updated_ms: updated.unwrap_or(created_ms),
            is_undated: created.is_none() && updated.is_none(),
        })
    }

    /// The owner that a record's body names, where it is a JSON object that has the field.
    pub(crate) fn owner_in(&self, body: &[u8]) -> Option<Owner> {
        self.read(body)?.owner
    }
}

fn owner_of(field: &Value) -> Option<Owner> {
    match field {
        Value::String(text) => Owner::new(text).ok(),
        Value::Number(number) => Owner::new(number.to_string()).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn sets_below(prefix: &[u8]) -> Vec<u8> {
    [prefix, b"owner:"].concat()
}

fn field(name: String) -> Result<String> {
    if name.is_empty() {
        return Err(invalid("a field has a name"));
    }
    Ok(name)
}

fn invalid(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, Retry::Never, OPERATION, context)
}

#[cfg(test)]
mod tests {
    use super::{OldLayout, OldName};
    use crate::records::names::{Namespace, RecordId};
    use crate::records::owner::Owner;

    fn layout() -> OldLayout {
        OldLayout::of(&Namespace::new("session").expect("valid"))
    }

    #[test]
    fn keys_are_told_apart_by_their_names() {
        let id = |text: &str| OldName::Record(RecordId::new(text).expect("valid"));
        for (key, name) in [
            ("session:a-1_B", id("a-1_B")),
            ("session:owner:key 1", OldName::OwnerSet),
            ("session:owner:a:b", OldName::OwnerSet),
            ("session:owner:", OldName::OwnerSet),
            // An id may be the word.
            ("session:owner", id("owner")),
            ("session:a:b", OldName::Other),
            ("session:", OldName::Other),
            ("session:\u{e9}", OldName::Other),
            ("sessions:a", OldName::Other),
        ] {
            assert_eq!(layout().name_of(key.as_bytes()), name, "{key}");
        }
        assert_eq!(layout().name_of(b"session:\xff"), OldName::Other);
    }

    #[test]
    fn values_are_read_leniently() {
        let read = |text: &str| layout().read(text.as_bytes());
        let full = read(
            r#"{"owner_api_key":"k","created_at":"2026-11-21","updated_at":1795219201,"more":[1]}"#,
        )
        .expect("an object");
        assert_eq!(full.owner, Owner::new("k").ok());
        assert_eq!(full.created_ms, 1_795_219_200_000);
        assert_eq!(full.updated_ms, 1_795_219_201_000);
        let later = read(r#"{"owner_api_key":7,"updated_at":"1970-01-02"}"#).expect("an object");
        assert_eq!(later.owner, Owner::new("7").ok());
        assert_eq!(
            (later.created_ms, later.updated_ms),
            (86_400_000, 86_400_000)
        );
        assert!(!later.is_undated);
        for nobody in [
            "{}",
            r#"{"owner_api_key":null}"#,
            r#"{"owner_api_key":""}"#,
            r#"{"owner_api_key":["k"]}"#,
        ] {
            let record = read(nobody).expect("an object");
            assert_eq!((record.owner, record.created_ms), (None, 0), "{nobody}");
            assert!(record.is_undated);
        }
        let early = read(r#"{"created_at":"0000-01-01"}"#).expect("an object");
        assert_eq!(early.created_ms, crate::limits::records::MIN_UNIX_MS);
        for text in ["", "7", "[]", "{", "\"x\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_is_taken_literally() {
        let odd = layout().with_prefix("a*[b]:").expect("valid");
        assert!(odd.pattern().matches(b"a*[b]:1") && !odd.pattern().matches(b"axb:1"));
        assert!(layout().with_prefix("").is_err());
        let moved = layout().with_prefix("s/").expect("valid");
        assert_eq!(moved.name_of(b"s/owner:k"), OldName::OwnerSet);
        assert_eq!(moved.set_owner(b"s/owner:k"), Owner::new("k").ok());
        assert_eq!(moved.set_owner(b"s/owner:"), None);
    }
}
