//! Sends what `state` has cut: volleys of MGET, MSET or SET, one after the other. Decides no size.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;

use super::Bulk;
use super::state::{Cut, groups, kib};
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Slot};
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Call, Class, Reply, Router, request};

const GET: &str = "GET";
const MGET: &str = "MGET";
const MSET: &str = "MSET";
const SET: &str = "SET";

/// Hands each key's value to `take`, with the key's place. Cancel-safe.
pub(super) async fn get(
    bulk: &Bulk,
    keys: &[Key],
    mut take: impl FnMut(usize, Option<Bytes>),
) -> Result<()> {
    let groups = groups(slots(bulk, keys.iter()));
    let mut cut = Cut::default();
    loop {
        let guess = bulk.guess();
        let room = guess.room(bulk.chunk_bytes);
        let (mut calls, mut chunks, mut asked) = (Vec::new(), Vec::new(), 0);
        while asked < room.volley_keys {
            let mut left = room.chunk_keys.min(room.volley_keys - asked);
            let fits = |_| {
                let fits = left > 0;
                left = left.saturating_sub(1);
                fits
            };
            let Some((group, members)) = cut.next(&groups, fits) else {
                break;
            };
            let (slot, places) = &groups[group];
            let places = &places[members];
            let named = places.iter().map(|at| bytes_of(&keys[*at]));
            let words = [Bytes::from_static(MGET.as_bytes())];
            let words = words.into_iter().chain(named).collect();
            let call = Call::command(*slot, MGET, Class::Read, words);
            calls.push(call.with_pace(QueryKind::Read, guess.kib(places.len())));
            asked += places.len();
            chunks.push((*slot, places));
        }
        if calls.is_empty() {
            return Ok(());
        }
        let mut bytes = 0;
        let replies = match bulk.router.volley(calls).await {
            Ok(replies) => replies,
            // A slot stays half moved: no node can answer for several of its keys, and for each of them one can.
            Err(error) if error.kind() == ErrorKind::TryAgain => {
                one_by_one(keys, bulk, &chunks).await?
            }
            Err(error) => return Err(error),
        };
        for ((slot, places), reply) in chunks.into_iter().zip(replies) {
            let values = values(&bulk.router, slot, reply, places.len())?;
            for (at, value) in places.iter().zip(values) {
                bytes += value.as_ref().map_or(0, |value| value.len() as u64);
                take(*at, value);
            }
        }
        bulk.learn(asked, bytes);
    }
}

/// What the MGETs of these chunks would have said, by a GET for each key. Cancel-safe.
async fn one_by_one(keys: &[Key], bulk: &Bulk, chunks: &[(Slot, &[usize])]) -> Result<Vec<Reply>> {
    let kib = bulk.guess().kib(1);
    let mut said = Vec::with_capacity(chunks.len());
    for (slot, places) in chunks {
        let calls = places.iter().map(|at| {
            let words = vec![Bytes::from_static(GET.as_bytes()), bytes_of(&keys[*at])];
            Call::command(*slot, GET, Class::Read, words).with_pace(QueryKind::Read, kib)
        });
        let replies = bulk.router.volley(calls.collect()).await?;
        let parts = replies.into_iter().map(|reply| match reply {
            // MGET says nothing of what is no string.
            Reply::Error(text) if text.starts_with(b"WRONGTYPE") => Ok(Reply::Null),
            Reply::Error(text) => Err(bulk.router.refused(*slot, GET, &text)),
            reply => Ok(reply),
        });
        said.push(Reply::Array(parts.collect::<Result<_>>()?));
    }
    Ok(said)
}

/// One MGET of keys of one slot, in one round trip: values, with `None` for what is missing or no string. The caller bounds
/// how many keys there are. Cancel-safe.
///
/// # Errors
/// As for `Router::call`.
pub(crate) async fn read(
    router: &Router,
    slot: Slot,
    keys: Vec<Bytes>,
) -> Result<Vec<Option<Bytes>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let asked = keys.len();
    let kib = kib(asked as u64 * limits::BULK_FIRST_VALUE_BYTES);
    let words = [Bytes::from_static(MGET.as_bytes())];
    let words = words.into_iter().chain(keys).collect();
    let call = Call::command(slot, MGET, Class::Read, words).with_pace(QueryKind::Read, kib);
    let reply = router.call(call).await?;
    Ok(values(router, slot, reply, asked)?.collect())
}

/// Not cancel-safe.
pub(super) async fn set(bulk: &Bulk, pairs: &[(Key, Bytes)], ttl: Option<Duration>) -> Result<()> {
    let ttl_ms = ttl.map(request::ttl_ms).transpose()?;
    for (_, value) in pairs {
        request::check_value(value)?;
    }
    // Two commands that set the same key might be sent again in another order.
    let mut named = HashSet::with_capacity(pairs.len());
    let mut last: Vec<&(Key, Bytes)> = (pairs.iter().rev())
        .filter(|(key, _)| named.insert(key.as_bytes()))
        .collect();
    last.reverse();
    let groups = groups(slots(bulk, last.iter().map(|(key, _)| key)));
    let mut cut = Cut::default();
    loop {
        let (mut calls, mut slots, mut on_its_way) = (Vec::new(), Vec::new(), 0_u64);
        while on_its_way < limits::BULK_FLIGHT_BYTES && calls.len() < limits::BULK_FLIGHT_KEYS {
            let (mut bytes, mut keys) = (0_u64, 0);
            let fits = |at: usize| {
                let (key, value) = last[at];
                let more = bytes + (key.as_bytes().len() + value.len()) as u64;
                let is_room = more <= u64::from(bulk.chunk_bytes) && keys < limits::BULK_CHUNK_KEYS;
                let fits = keys == 0 || (ttl_ms.is_none() && is_room);
                if fits {
                    (bytes, keys) = (more, keys + 1);
                }
                fits
            };
            let Some((group, members)) = cut.next(&groups, fits) else {
                break;
            };
            let (slot, places) = &groups[group];
            let pairs = places[members].iter().map(|at| last[*at]);
            let call = write(*slot, pairs, ttl_ms);
            calls.push(call.with_pace(QueryKind::Write, kib(bytes)));
            slots.push(*slot);
            on_its_way += bytes;
        }
        if calls.is_empty() {
            return Ok(());
        }
        let name = calls[0].name();
        let replies = bulk.router.volley(calls).await?;
        for (slot, reply) in slots.into_iter().zip(replies) {
            match reply {
                Reply::Simple(_) => {}
                Reply::Error(text) => return Err(bulk.router.refused(slot, name, &text)),
                _ => return Err(bulk.router.unexpected(slot, name)),
            }
        }
    }
}

/// MSET of several, or SET of one that does not stay.
fn write<'a>(
    slot: Slot,
    pairs: impl Iterator<Item = &'a (Key, Bytes)>,
    ttl_ms: Option<u128>,
) -> Call {
    let (name, expiry) = match ttl_ms {
        Some(ms) => (
            SET,
            Some([Bytes::from_static(b"PX"), ms.to_string().into()]),
        ),
        None => (MSET, None),
    };
    let mut words = vec![Bytes::from_static(name.as_bytes())];
    for (key, value) in pairs {
        words.extend([bytes_of(key), value.clone()]);
    }
    words.extend(expiry.into_iter().flatten());
    Call::command(slot, name, Class::Write, words)
}

/// Each place with the slot that its command has to be of. Outside clusters all slots are one server's.
fn slots<'a>(
    bulk: &Bulk,
    keys: impl Iterator<Item = &'a Key>,
) -> impl Iterator<Item = (usize, Slot)> {
    let is_cluster = bulk.keyspace.is_cluster();
    let slot = move |key: &Key| {
        let tagged = if is_cluster { key.as_bytes() } else { b"" };
        Slot::of(tagged)
    };
    keys.map(slot).enumerate()
}

/// What MGET says of so many keys.
fn values(
    router: &Router,
    slot: Slot,
    reply: Reply,
    asked: usize,
) -> Result<impl Iterator<Item = Option<Bytes>>> {
    let unexpected = || router.unexpected(slot, MGET);
    let parts = match reply {
        Reply::Array(parts) if parts.len() == asked => parts,
        Reply::Error(text) => return Err(router.refused(slot, MGET, &text)),
        _ => return Err(unexpected()),
    };
    let is_value = |part: &Reply| matches!(part, Reply::Bulk(_) | Reply::Null);
    if !parts.iter().all(is_value) {
        return Err(unexpected());
    }
    Ok(parts.into_iter().map(|part| match part {
        Reply::Bulk(value) => Some(value),
        _ => None,
    }))
}

fn bytes_of(key: &Key) -> Bytes {
    key.clone().into_bytes()
}
