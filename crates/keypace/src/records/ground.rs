//! What `verify` and `rebuild` ask the servers for: records with their members, and old records, a bounded chunk at a time.
//! Judges nothing and writes nothing.

use bytes::Bytes;

use super::answers::{self, KeyExpiry};
use super::calls;
use super::drift::{Placed, Scores};
use super::header::Header;
use super::names::{Names, Namespace, RecordId, Tag};
use super::old::OldLayout;
use super::owner::Owner;
use super::owner_keys::OwnerKeys;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::limits::index as limits;
use crate::limits::records::MAX_UNIX_MS;
use crate::pace::QueryKind;
use crate::port::{Call, Class, Reply, Router, Script};

/// Reads keys of an application's own layout.
pub(crate) const OLD: Script = Script {
    text: include_str!("scripts/old.lua"),
    digest: "d0a148750ee09d590af57b31f61b2e76cee84278",
};

/// Where a namespace lies, and how its owners are hashed.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) router: Router,
    pub(crate) namespace: Namespace,
    pub(crate) keys: OwnerKeys,
    pub(crate) layout: OldLayout,
    /// Keys of several slots can't be asked for by one script.
    pub(crate) in_cluster: bool,
}

/// What stands at a record's key.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Nothing,
    /// A record; its body, or the first part of it.
    Record {
        version: u64,
        placed: Placed,
        body: Bytes,
    },
    /// Something else: what, for a text.
    Foreign(&'static str),
}

/// A record with its members, all of one moment.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) found: Found,
    pub(crate) scores: Scores,
    pub(crate) now_ms: u64,
    /// Up to which version nothing is imported, or 0.
    pub(crate) buried: u64,
}

/// What stands at an old record's key.
#[derive(Debug, Clone)]
pub(crate) enum Old {
    Gone,
    /// No string.
    Foreign,
    /// A string that is longer than was asked for.
    TooLong,
    Value {
        body: Bytes,
        expires_ms: Option<u64>,
    },
}

/// How much of a record's body is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    Upto(u32),
    Whole,
}

/// What a record says of the key that hashed its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It lies where our keys put the owner that it names.
    Ours,
    /// It does not.
    Anothers,
    /// It names nobody, or is none.
    None,
}

impl Ground {
    /// Whether our keys made a record's name. Cancel-safe.
    pub(crate) async fn sign(&self, tag: Tag, id: &RecordId) -> Result<Sign> {
        let whole = self.check(&[(tag, id.clone())], Body::Whole).await?;
        let Some(Found::Record { body, .. }) = whole.first().map(|whole| &whole.found) else {
            return Ok(Sign::None);
        };
        Ok(match self.layout.owner_in(body) {
            Some(owner) if self.tag(&owner) == tag => Sign::Ours,
            Some(_) => Sign::Anothers,
            None => Sign::None,
        })
    }

    pub(crate) fn names(&self, tag: &Tag) -> Names {
        Names::new(&self.namespace, tag)
    }

    pub(crate) fn tag(&self, owner: &Owner) -> Tag {
        self.keys.tag(owner)
    }

    /// Records with their members. Cancel-safe.
    pub(crate) async fn check(
        &self,
        wanted: &[(Tag, RecordId)],
        body: Body,
    ) -> Result<Vec<Checked>> {
        let most = match body {
            Body::Upto(bytes) => Some(bytes),
            Body::Whole => None,
        };
        let calls = wanted.iter().map(|(tag, id)| {
            calls::check(&self.names(tag), id, most).with_pace(QueryKind::Check, 1)
        });
        let replies = self.router.volley(calls.collect()).await?;
        replies.iter().map(checked).collect()
    }

    /// Old records, as long as they are no longer than this. Cancel-safe.
    pub(crate) async fn old(&self, ids: &[RecordId], most: usize) -> Result<Vec<Old>> {
        let keys: Vec<Bytes> = ids.iter().map(|id| self.layout.key_of(id)).collect();
        let groups = self.groups(&keys);
        let calls = groups.iter().map(|(slot, places)| {
            let keys: Vec<Bytes> = places.iter().map(|place| keys[*place].clone()).collect();
            let units = u32::try_from(keys.len()).unwrap_or(u32::MAX);
            let args = vec![most.to_string().into()];
            Call::script(*slot, &OLD, Class::Read, keys, args).with_pace(QueryKind::Check, units)
        });
        let replies = self.router.volley(calls.collect()).await?;
        let mut olds = vec![Old::Gone; ids.len()];
        for ((_, places), reply) in groups.iter().zip(replies) {
            let rows = rows(reply, "EVALSHA")?;
            if rows.len() != places.len() {
                return Err(unexpected("EVALSHA"));
            }
            for (place, row) in places.iter().zip(rows) {
                olds[*place] = old(row)?;
            }
        }
        Ok(olds)
    }

    /// The tags that these ids were assigned to by hand. Cancel-safe.
    pub(crate) async fn assigned(&self, ids: &[RecordId]) -> Result<Vec<Option<Tag>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let key = self.namespace.assigned();
        let mut words = vec![Bytes::from_static(b"HMGET"), key.clone()];
        words.extend(ids.iter().map(RecordId::to_bytes));
        let call = Call::command(Slot::of(&key), "HMGET", Class::Read, words);
        let reply = self.router.call(call.with_pace(QueryKind::Ask, 1)).await?;
        let tags = rows(reply, "HMGET")?;
        Ok(tags.iter().map(|tag| Tag::parse(text(tag)?)).collect())
    }

    /// Members of a set, page by page: `command` is ZSCAN or SSCAN. Gives them with the next cursor; `None` where the key
    /// holds another type. Cancel-safe.
    pub(crate) async fn members(
        &self,
        command: &'static str,
        key: &Bytes,
        cursor: &Bytes,
    ) -> Result<Option<(Bytes, Vec<Bytes>)>> {
        let words = [
            Bytes::from_static(command.as_bytes()),
            key.clone(),
            cursor.clone(),
            Bytes::from_static(b"COUNT"),
            limits::SET_PAGE_MEMBERS.to_string().into(),
        ];
        let call = Call::command(Slot::of(key), command, Class::Read, words.to_vec())
            .with_pace(QueryKind::Ask, limits::SET_PAGE_MEMBERS);
        let mut replies = self.router.volley(vec![call]).await?;
        let reply = match replies.pop() {
            Some(Reply::Error(text)) if is_wrong_type(&text) => return Ok(None),
            Some(Reply::Error(text)) => return Err(refused(command, &text)),
            Some(reply) => reply,
            None => return Err(unexpected(command)),
        };
        let mut parts = rows(reply, command)?.into_iter();
        let (Some(Reply::Bulk(next)), Some(found)) = (parts.next(), parts.next()) else {
            return Err(unexpected(command));
        };
        let each = if command == "ZSCAN" { 2 } else { 1 };
        let members = rows(found, command)?.into_iter().step_by(each);
        let members: Option<Vec<Bytes>> = members
            .map(|member| match member {
                Reply::Bulk(bytes) => Some(bytes),
                _ => None,
            })
            .collect();
        Ok(Some((next, members.ok_or_else(|| unexpected(command))?)))
    }

    /// Which keys go into one script, by their places.
    fn groups(&self, keys: &[Bytes]) -> Vec<(Slot, Vec<usize>)> {
        let mut places: Vec<(Slot, usize)> = (keys.iter().enumerate())
            .map(|(place, key)| (Slot::of(key), place))
            .collect();
        if self.in_cluster {
            places.sort_by_key(|(slot, _)| *slot);
        }
        let mut groups: Vec<(Slot, Vec<usize>)> = Vec::new();
        for (slot, place) in places {
            match groups.last_mut() {
                Some((same, group))
                    if group.len() < limits::OLD_READ_KEYS
                        && (*same == slot || !self.in_cluster) =>
                {
                    group.push(place);
                }
                _ => groups.push((slot, vec![place])),
            }
        }
        groups
    }
}

fn checked(reply: &Reply) -> Result<Checked> {
    let said = answers::check(reply).ok_or_else(|| wrong(reply, "EVALSHA"))?;
    let found = match said.types[0].as_ref() {
        b"none" => Found::Nothing,
        b"string" => match Header::split(&said.value) {
            Some((header, body)) => Found::Record {
                version: header.version.get(),
                placed: Placed {
                    created_ms: header.created_ms,
                    expires_ms: match said.expiry {
                        KeyExpiry::At(at) => u64::try_from(at).ok(),
                        KeyExpiry::Never | KeyExpiry::NoKey => None,
                    },
                },
                body,
            },
            None => Found::Foreign("a record's key holds no record of ours"),
        },
        _ => Found::Foreign("a record's key holds another type"),
    };
    Ok(Checked {
        found,
        scores: Scores {
            created: said.by_created,
            expiry: said.by_expiry,
        },
        now_ms: u64::try_from(said.now_ms).unwrap_or(0),
        buried: said.buried,
    })
}

fn old(row: Reply) -> Result<Old> {
    let row = rows(row, "EVALSHA")?;
    let [
        kind,
        Reply::Int(expiry),
        Reply::Int(bytes),
        Reply::Bulk(value),
    ] = row.as_slice()
    else {
        return Err(unexpected("EVALSHA"));
    };
    Ok(match text(kind) {
        Some(b"none") => Old::Gone,
        Some(b"string") if usize::try_from(*bytes) != Ok(value.len()) => Old::TooLong,
        Some(b"string") => Old::Value {
            body: value.clone(),
            // A record's is in the calendar.
            expires_ms: u64::try_from((*expiry).min(MAX_UNIX_MS)).ok(),
        },
        _ => Old::Foreign,
    })
}

fn text(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Bulk(text) | Reply::Simple(text) => Some(text),
        _ => None,
    }
}

fn rows(reply: Reply, command: &'static str) -> Result<Vec<Reply>> {
    match reply {
        Reply::Array(rows) => Ok(rows),
        reply => Err(wrong(&reply, command)),
    }
}

/// Why a reply can't be used.
pub(crate) fn wrong(reply: &Reply, command: &'static str) -> Error {
    match reply {
        Reply::Error(text) => refused(command, text),
        _ => unexpected(command),
    }
}

fn refused(command: &'static str, text: &[u8]) -> Error {
    if is_told_as_text(text) {
        return Error::new(
            ErrorKind::Guard,
            Retry::Never,
            format!("run {command}"),
            "scripts of this server are told to its replicas as text, and may not write what depends on the time",
        )
        .with_hint("records and their index need Redis 3.2 or newer, or Valkey");
    }
    let kind = if is_wrong_type(text) {
        ErrorKind::WrongType
    } else {
        ErrorKind::Server
    };
    let context = String::from_utf8_lossy(text).into_owned();
    Error::new(kind, Retry::Never, format!("run {command}"), context)
}

/// Before 3.2 a script's text goes to the replicas, which is why it may not write after it has asked for the time.
fn is_told_as_text(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).contains("not allowed after non deterministic commands")
}

fn unexpected(command: &'static str) -> Error {
    let context = format!("the reply is none that {command} gives");
    Error::new(
        ErrorKind::Protocol,
        Retry::Never,
        format!("run {command}"),
        context,
    )
    .with_hint("is a proxy in between, or another service behind this address?")
}

/// Whether an error is about a key's type; within a script some servers say so further back.
pub(crate) fn is_wrong_type(text: &[u8]) -> bool {
    text.windows(b"WRONGTYPE".len())
        .any(|part| part == b"WRONGTYPE")
}
