//! Looks at every key of a namespace on every primary and says whether records and index are in step. It shares nothing
//! with the library but the script that asks for one record in one step; it changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use keypace::{Owner, OwnerKeys};
use keypace_lab::{OwnedCluster, Raw, Role, Value};

const CHECK: &[u8] = include_bytes!("../../src/records/scripts/check.lua");
/// The script gives a missing record's expiry so.
const NO_RECORD: i64 = -2;
const FOREVER: i64 = -1;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) owners: u64,
    pub(crate) records: u64,
    /// Those of them that have a TTL.
    pub(crate) passing: u64,
    /// Members of either index of an owner, each id once.
    pub(crate) members: u64,
    /// A record that an index lacks.
    pub(crate) missing: u64,
    /// A record that is another owner's by what stands in it.
    pub(crate) wrong_owner: u64,
    /// A member with another time than its record.
    pub(crate) wrong_score: u64,
    /// A member without a record whose time is not over.
    pub(crate) stale: u64,
    /// A member whose time is over: the next list drops it.
    pub(crate) expired: u64,
    /// An index that stays although none of its members does, or ends before its last member.
    pub(crate) wrong_end: u64,
}

/// One owner's keys.
#[derive(Default)]
struct Kept {
    ids: BTreeSet<Vec<u8>>,
    has_index: bool,
}

/// Asks every primary for every key.
pub(crate) fn look(cluster: &OwnedCluster, namespace: &str, keys: &OwnerKeys) -> Found {
    let mut found = Found::default();
    for node in cluster.nodes() {
        if !matches!(cluster.role(node.index), Ok(Role::Primary)) {
            continue;
        }
        let mut raw = cluster.raw(node.index).expect("connected");
        for (lead, kept) in owners(&mut raw, namespace) {
            found.owners += 1;
            look_at_owner(&mut raw, &lead, kept, keys, &mut found);
        }
    }
    found
}

fn owners(raw: &mut Raw, namespace: &str) -> BTreeMap<Vec<u8>, Kept> {
    let mut owners: BTreeMap<Vec<u8>, Kept> = BTreeMap::new();
    for key in scan(raw, &format!("kp:{namespace}:{{*")) {
        let end = key.iter().position(|byte| *byte == b'}').expect("a tag") + 2;
        let (lead, rest) = key.split_at(end);
        let kept = owners.entry(lead.to_vec()).or_default();
        match rest {
            b"c" | b"e" => kept.has_index = true,
            [b'r', b':', id @ ..] => {
                kept.ids.insert(id.to_vec());
            }
            other => panic!("a key of another kind: {}", other.escape_ascii()),
        }
    }
    for (lead, kept) in &mut owners {
        for set in [&b"c"[..], b"e"] {
            let key = [lead, set].concat();
            let members = raw.command(&[b"ZRANGE", &key, b"0", b"-1"]);
            kept.ids.extend(texts(members.expect("asked")));
        }
    }
    owners
}

fn scan(raw: &mut Raw, pattern: &str) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    let mut cursor = b"0".to_vec();
    loop {
        let words: [&[u8]; 6] = [
            b"SCAN",
            &cursor,
            b"MATCH",
            pattern.as_bytes(),
            b"COUNT",
            b"1000",
        ];
        let reply = raw.command(&words).and_then(Value::checked).expect("asked");
        let Value::Array(Some(parts)) = reply else {
            panic!("no page: {reply:?}");
        };
        let [next, page] = <[Value; 2]>::try_from(parts).expect("a cursor and keys");
        keys.extend(texts(page));
        cursor = text(&next).expect("a cursor");
        if cursor == b"0" {
            return keys;
        }
    }
}

fn look_at_owner(raw: &mut Raw, lead: &[u8], kept: Kept, keys: &OwnerKeys, found: &mut Found) {
    let (by_created, by_expiry) = ([lead, b"c"].concat(), [lead, b"e"].concat());
    for id in &kept.ids {
        let record = [lead, b"r:", id].concat();
        let words: [&[u8]; 8] = [
            b"EVAL",
            CHECK,
            b"3",
            &record,
            &by_created,
            &by_expiry,
            id,
            b"-1",
        ];
        let reply = raw.command(&words).and_then(Value::checked).expect("asked");
        let Value::Array(Some(parts)) = reply else {
            panic!("no answer of the script: {reply:?}");
        };
        let expiry = parts[1].int().expect("a time");
        let created = score(&parts[2]);
        let expiring = score(&parts[3]);
        let now = parts[4].int().expect("a time");
        found.members += u64::from(created.is_some() || expiring.is_some());
        if expiry == NO_RECORD {
            match expiring {
                Some(at) if at <= now as f64 => found.expired += 1,
                Some(_) => found.stale += 1,
                // It may have expired, and been pruned, since its name was asked for.
                None => found.stale += u64::from(created.is_some()),
            }
            continue;
        }
        found.records += 1;
        found.passing += u64::from(expiry != FOREVER);
        let value = text(&parts[0]).expect("a record");
        let (header, body) = split(&value);
        let wanted = if expiry == FOREVER {
            f64::INFINITY
        } else {
            expiry as f64
        };
        match (created, expiring) {
            (Some(created), Some(expiring)) => {
                let is_right = created == -header && expiring == wanted;
                found.wrong_score += u64::from(!is_right);
            }
            _ => found.missing += 1,
        }
        let owner = Owner::new(body["owner_api_key"].as_str().expect("an owner"));
        let tag = keys.tag(&owner.expect("allowed"));
        let is_own = lead.ends_with(format!("{{{tag}}}:").as_bytes());
        found.wrong_owner += u64::from(!is_own);
    }
    if kept.has_index {
        for index in [&by_created, &by_expiry] {
            found.wrong_end += u64::from(!ends_rightly(raw, index, &by_expiry));
        }
    }
}

/// An index lives as long as its last member, in one step so that nothing expires in between.
fn ends_rightly(raw: &mut Raw, index: &[u8], by_expiry: &[u8]) -> bool {
    const SCRIPT: &[u8] = b"local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
        return {last or '', redis.call('PEXPIRETIME', KEYS[1])}";
    let words: [&[u8]; 5] = [b"EVAL", SCRIPT, b"2", index, by_expiry];
    let reply = raw.command(&words).and_then(Value::checked).expect("asked");
    let Value::Array(Some(parts)) = reply else {
        panic!("no answer of the script: {reply:?}");
    };
    let ends = parts[1].int().expect("a time");
    match score(&parts[0]) {
        // Gone with its last member since its name was asked for.
        None => ends == NO_RECORD,
        Some(last) if last.is_infinite() => ends == FOREVER,
        Some(last) => ends as f64 == last,
    }
}

/// The time of creation, and the body.
fn split(value: &[u8]) -> (f64, serde_json::Value) {
    let end = value
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a header");
    let header = std::str::from_utf8(&value[..end]).expect("text");
    let words: Vec<&str> = header.split(' ').collect();
    assert_eq!((words.len(), words[0]), (4, "k1"), "{header}");
    let body = serde_json::from_slice(&value[end + 1..]).expect("JSON");
    (words[2].parse().expect("a time"), body)
}

fn score(value: &Value) -> Option<f64> {
    let text = String::from_utf8(text(value)?).expect("text");
    if text.is_empty() {
        None
    } else {
        Some(text.parse().expect("a score"))
    }
}

fn text(value: &Value) -> Option<Vec<u8>> {
    value.bytes().map(<[u8]>::to_vec)
}

fn texts(value: Value) -> Vec<Vec<u8>> {
    let Value::Array(Some(values)) = value else {
        panic!("no list: {value:?}");
    };
    values.iter().filter_map(text).collect()
}
