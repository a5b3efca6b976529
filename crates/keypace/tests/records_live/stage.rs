//! What the tests of records share: a shelf on a server, names, and whether a record and its index are in step, as the server
//! itself says.

use std::collections::BTreeMap;
use std::time::Duration;

use keypace::{Namespace, Owner, OwnerKeys, Pattern, RecordId, Records, Shelf, Version};
use keypace_lab::{OwnedServer, Raw, Value};

use crate::common;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn namespace() -> Namespace {
    Namespace::new("app:cart").expect("allowed")
}

pub(crate) fn owner(owner: &str) -> Owner {
    Owner::new(owner).expect("allowed")
}

pub(crate) fn id(id: &str) -> RecordId {
    RecordId::new(id).expect("allowed")
}

pub(crate) fn version(version: u64) -> Version {
    Version::new(version).expect("allowed")
}

pub(crate) fn owner_keys() -> OwnerKeys {
    OwnerKeys::from_keys(vec![[7; 32]]).expect("a key")
}

pub(crate) async fn shelf(server: &OwnedServer) -> Shelf {
    let keyspace = common::connect(server).await;
    Shelf::open(&keyspace, namespace(), owner_keys())
        .await
        .expect("opened")
}

/// Ids that a pattern matches.
pub(crate) async fn keys<T>(records: &Records<T>, owner: &Owner, pattern: &str) -> Vec<String> {
    let pattern = Pattern::new(pattern.to_owned()).expect("a pattern");
    let found = records.keys(owner, &pattern).await.expect("listed");
    assert!(!found.truncated);
    found.ids.iter().map(ToString::to_string).collect()
}

/// A key of an owner: `c`, `r:ID`.
pub(crate) fn key(shelf: &Shelf, owner: &Owner, part: &str) -> Vec<u8> {
    format!("kp:{}:{{{}}}:{part}", shelf.namespace(), shelf.tag(owner)).into_bytes()
}

pub(crate) fn indexes(shelf: &Shelf, owner: &Owner) -> [Vec<u8>; 2] {
    ["c", "e"].map(|part| key(shelf, owner, part))
}

pub(crate) fn ask(raw: &mut Raw, words: &[&[u8]]) -> Value {
    raw.command(words)
        .and_then(Value::checked)
        .expect("a reply")
}

pub(crate) fn int(raw: &mut Raw, words: &[&[u8]]) -> i64 {
    ask(raw, words).int().expect("a number")
}

pub(crate) fn now_ms(raw: &mut Raw) -> i64 {
    let reply = ask(raw, &[b"TIME"]);
    let part = |at: usize| text(&reply.items().expect("two")[at]).parse::<i64>();
    part(0).expect("a number") * 1000 + part(1).expect("a number") / 1000
}

pub(crate) fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.bytes().expect("text")).into_owned()
}

/// Members and their scores, as the server writes them.
fn scores(raw: &mut Raw, index: &[u8]) -> BTreeMap<String, String> {
    let reply = ask(raw, &[b"ZRANGE", index, b"0", b"-1", b"WITHSCORES"]);
    let items = reply.items().expect("a list");
    items
        .chunks(2)
        .map(|pair| (text(&pair[0]), text(&pair[1])))
        .collect()
}

/// Every live record of the owner has its members with the right scores, every member that is not expired its record, and both
/// indexes live as long as the last record.
pub(crate) fn check_in_step(raw: &mut Raw, shelf: &Shelf, owner: &Owner) -> Vec<String> {
    check_within(0, raw, shelf, owner)
}

/// The same where keys have moved to another node: MIGRATE sends what is left of a TTL, so that a key expires so much later
/// than it did as the move took.
pub(crate) fn check_within(
    slack_ms: i64,
    raw: &mut Raw,
    shelf: &Shelf,
    owner: &Owner,
) -> Vec<String> {
    let lead = String::from_utf8(key(shelf, owner, "r:")).expect("text");
    let pattern = format!("{}*", lead.replace('[', "\\["));
    let now = now_ms(raw);
    let found = ask(raw, &[b"KEYS", pattern.as_bytes()]);
    let ids = found.items().expect("a list").iter();
    let mut ids: Vec<String> = ids.map(|key| text(key)[lead.len()..].to_owned()).collect();
    ids.sort_unstable();
    let [by_created, by_expiry] = indexes(shelf, owner);
    let (created, expiring) = (scores(raw, &by_created), scores(raw, &by_expiry));
    let live = |(id, _): &(&String, &String)| {
        let score = expiring
            .get(*id)
            .expect("a member of one index is one of the other");
        score == "inf" || score.parse::<i64>().expect("a time") >= now
    };
    let members = created.iter().filter(live).map(|(id, _)| id.clone());
    assert_eq!(members.collect::<Vec<_>>(), ids, "members and records");
    assert_eq!(created.len(), expiring.len());
    for id in &ids {
        let record = [lead.as_bytes(), id.as_bytes()].concat();
        let value = text(&ask(raw, &[b"GET", &record]));
        let header: Vec<&str> = value
            .split('\n')
            .next()
            .expect("a line")
            .split(' ')
            .collect();
        assert_eq!(header[0], "k1");
        let of_record: i64 = header[2].parse().expect("a time");
        assert_eq!(created[id], (-of_record).to_string(), "{id} by creation");
        let expires = expires_at(raw, &record);
        expect_near(expires, time(&expiring[id]), slack_ms, id);
    }
    let last = match expiring.values().any(|score| score == "inf") {
        true => -1,
        false => expiring
            .values()
            .map(|score| time(score))
            .max()
            .unwrap_or(-2),
    };
    for index in [by_created, by_expiry] {
        let expires = expires_at(raw, &index);
        expect_near(expires, last, slack_ms, "an index");
    }
    ids
}

/// In ms since 1970, -1 for never, -2 for no key.
fn expires_at(raw: &mut Raw, key: &[u8]) -> i64 {
    let told = raw.command(&[b"PEXPIRETIME", key]).expect("a reply");
    told.int().unwrap_or_else(|| {
        // Servers before 7.0 say what is left, and the sum of two clocks is a little late.
        let left = int(raw, &[b"PTTL", key]);
        if left < 0 { left } else { now_ms(raw) + left }
    })
}

/// A score by expiry as PEXPIRETIME would say it.
fn time(score: &str) -> i64 {
    match score {
        "inf" => -1,
        score => score.parse().expect("a time"),
    }
}

#[track_caller]
fn expect_near(expires: i64, score: i64, slack_ms: i64, what: &str) {
    let is_near = (score..=score + slack_ms).contains(&expires);
    let is_right = expires == score || (score >= 0 && is_near);
    assert!(
        is_right,
        "{what} expires at {expires}, by the index at {score}"
    );
}

#[track_caller]
pub(crate) fn expect_in_step(raw: &mut Raw, shelf: &Shelf, owner: &Owner, ids: &[&str]) {
    assert_eq!(check_in_step(raw, shelf, owner), ids);
}

/// How often each command was run, those within scripts too.
pub(crate) fn calls(raw: &mut Raw) -> BTreeMap<String, u64> {
    let stats = raw.info("commandstats").expect("given");
    let calls = stats.iter().filter_map(|(name, line)| {
        let name = name.strip_prefix("cmdstat_")?;
        let calls = line.strip_prefix("calls=")?.split(',').next()?;
        Some((name.to_owned(), calls.parse().ok()?))
    });
    calls.collect()
}

/// Those that were run between two looks, without INFO.
pub(crate) fn calls_since(raw: &mut Raw, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let after = calls(raw).into_iter();
    let grown = after.map(|(name, calls)| {
        let before = before.get(&name).copied().unwrap_or(0);
        (name, calls - before)
    });
    grown
        .filter(|(name, calls)| *calls > 0 && name != "info")
        .collect()
}
