//! SLOWLOG and COMMANDLOG: entries, and the rows that those of one shape make. Pure, for any reply.

use std::collections::{BTreeMap, BTreeSet};

use super::clients::{Client, host, shown};
use super::shape::{Shape, shape};
use crate::limits::inspect::{INSPECT_CALLERS, INSPECT_ROWS};
use crate::port::Reply;
use crate::report::{Caller, LogKind, SlowShape};

/// One command that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Counts up from 0 since the start of the server.
    pub(super) id: u64,
    /// Unix seconds of the server's clock.
    pub(super) at: u64,
    /// Microseconds, or bytes.
    pub(super) amount: u64,
    pub(super) shape: Shape,
    pub(super) keys: u64,
    /// Absent before 4.0.
    pub(super) address: String,
    pub(super) name: String,
}

/// Reads a log: `[[id, at, amount, [word, ...], address, name], ...]`. What is no entry is left out.
pub(super) fn entries(reply: &Reply) -> Vec<Entry> {
    let Reply::Array(rows) = reply else {
        return Vec::new();
    };
    rows.iter().filter_map(entry).collect()
}

fn entry(row: &Reply) -> Option<Entry> {
    let Reply::Array(fields) = row else {
        return None;
    };
    let [
        Reply::Int(id),
        Reply::Int(at),
        Reply::Int(amount),
        Reply::Array(words),
        who @ ..,
    ] = &fields[..]
    else {
        return None;
    };
    let words: Vec<&[u8]> = words.iter().filter_map(bytes).collect();
    let (shape, keys) = shape(&words);
    let text = |at: usize| {
        let bytes = who.get(at).and_then(bytes).unwrap_or_default();
        shown(&String::from_utf8_lossy(bytes))
    };
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    Some(Entry {
        id: number(*id),
        at: number(*at),
        amount: number(*amount),
        shape,
        keys,
        address: text(0),
        name: text(1),
    })
}

fn bytes(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) => Some(bytes),
        _ => None,
    }
}

/// One node's log, for the rows.
pub(super) struct NodeLog<'a> {
    pub(super) node: &'a str,
    /// The server's clock.
    pub(super) now: u64,
    pub(super) kind: LogKind,
    pub(super) entries: &'a [Entry],
    /// Who is connected, to know their libraries by their addresses.
    pub(super) clients: &'a [Client],
}

/// A row in the making.
struct Row {
    shape: SlowShape,
    callers: BTreeMap<(String, String, String), u64>,
    nodes: BTreeSet<String>,
}

/// The rows of all nodes' logs: slow ones first, and of each log the most costly first.
pub(super) fn rows<'a>(logs: impl Iterator<Item = NodeLog<'a>>) -> Vec<SlowShape> {
    let mut rows: BTreeMap<(LogKind, &'a Shape), Row> = BTreeMap::new();
    for log in logs {
        for entry in log.entries {
            let row = rows
                .entry((log.kind, &entry.shape))
                .or_insert_with(|| begun(log.kind, &entry.shape));
            enter(row, &log, entry);
        }
    }
    let mut rows: Vec<SlowShape> = rows.into_values().map(finished).collect();
    rows.sort_by_key(|row| (row.log, std::cmp::Reverse(row.total)));
    for kind in [LogKind::Slow, LogKind::LargeRequest, LogKind::LargeReply] {
        let mut seen = 0;
        rows.retain(|row| {
            seen += usize::from(row.log == kind);
            row.log != kind || seen <= INSPECT_ROWS
        });
    }
    rows
}

fn begun(log: LogKind, shape: &Shape) -> Row {
    Row {
        shape: SlowShape {
            log,
            command: shape.command.clone(),
            pattern: shape.pattern.clone(),
            detail: shape.detail.clone(),
            times: 0,
            max: 0,
            total: 0,
            most_keys: None,
            last_at: 0,
            last_ago_s: u64::MAX,
            callers: Vec::new(),
            nodes: Vec::new(),
            sources: Vec::new(),
        },
        callers: BTreeMap::new(),
        nodes: BTreeSet::new(),
    }
}

fn enter(row: &mut Row, log: &NodeLog<'_>, entry: &Entry) {
    let shape = &mut row.shape;
    shape.times += 1;
    shape.max = shape.max.max(entry.amount);
    shape.total = shape.total.saturating_add(entry.amount);
    shape.last_at = shape.last_at.max(entry.at);
    shape.last_ago_s = shape.last_ago_s.min(log.now.saturating_sub(entry.at));
    if entry.keys > 1 {
        shape.most_keys = Some(shape.most_keys.unwrap_or(0).max(entry.keys));
    }
    row.nodes.insert(log.node.to_owned());
    let host = host(&entry.address);
    if !host.is_empty() || !entry.name.is_empty() {
        // Ports are taken again, so that the name has to be the same too. Sockets have no ports.
        let is_it = |client: &&Client| client.address == entry.address && client.name == entry.name;
        let client = log
            .clients
            .iter()
            .filter(|_| !entry.address.contains('/'))
            .find(is_it);
        let library = client
            .map(|client| client.library.clone())
            .unwrap_or_default();
        *row.callers
            .entry((entry.name.clone(), library, host))
            .or_default() += 1;
    }
}

fn finished(row: Row) -> SlowShape {
    SlowShape {
        callers: most_frequent(row.callers),
        nodes: row.nodes.into_iter().collect(),
        ..row.shape
    }
}

/// Callers by name, library and host: the most frequent ones.
pub(super) fn most_frequent(callers: BTreeMap<(String, String, String), u64>) -> Vec<Caller> {
    let mut callers: Vec<Caller> = callers
        .into_iter()
        .map(|((name, library, host), times)| Caller {
            name,
            library,
            host,
            times,
        })
        .collect();
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.times));
    callers.truncate(INSPECT_CALLERS);
    callers
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

    use super::{NodeLog, entries, rows};
    use crate::inspect::clients::clients;
    use crate::port::Reply;
    use crate::report::LogKind;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn logged(id: i64, amount: i64, line: &str, address: &str) -> Reply {
        let words = line.split(' ').map(bulk).collect();
        let fields = [
            Reply::Int(id),
            Reply::Int(1000 + id),
            Reply::Int(amount),
            Reply::Array(words),
        ];
        Reply::Array(
            fields
                .into_iter()
                .chain([bulk(address), bulk("billing")])
                .collect(),
        )
    }

    #[test]
    fn entries_of_one_shape_are_one_row() {
        let reply = Reply::Array(vec![
            logged(3, 50, "get a:1", "10.0.0.5:2"),
            logged(2, 400, "keys session:*", "10.0.0.5:1"),
            logged(1, 700, "keys session:*", "10.0.0.6:9"),
            Reply::Null,
        ]);
        let entries = entries(&reply);
        let clients = clients(b"id=1 addr=10.0.0.5:1 name=billing lib-name=jedis lib-ver=5\n");
        let log = NodeLog {
            node: "a:1",
            now: 1100,
            kind: LogKind::Slow,
            entries: &entries,
            clients: &clients,
        };
        let rows = rows([log].into_iter());
        assert_eq!(rows.len(), 2);
        let keys = &rows[0];
        assert_eq!(
            (&*keys.command, keys.pattern.as_deref()),
            ("KEYS", Some("session:*"))
        );
        assert_eq!((keys.times, keys.max, keys.total), (2, 700, 1100));
        assert_eq!((keys.last_at, keys.last_ago_s), (1002, 98));
        let callers: Vec<_> = keys
            .callers
            .iter()
            .map(|c| (&*c.library, &*c.host))
            .collect();
        assert_eq!(callers, [("", "10.0.0.6"), ("jedis 5", "10.0.0.5")]);
    }

    #[test]
    fn before_4_0_nobody_is_named() {
        let row = vec![
            Reply::Int(1),
            Reply::Int(2),
            Reply::Int(3),
            Reply::Array(vec![bulk("PING")]),
        ];
        let read = entries(&Reply::Array(vec![Reply::Array(row)]));
        assert_eq!((&*read[0].shape.command, &*read[0].address), ("PING", ""));
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Reply::Int),
            any::<Vec<u8>>().prop_map(|bytes| Reply::Bulk(Bytes::from(bytes))),
            Just(Reply::Null),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop::collection::vec(inner, 0..8).prop_map(Reply::Array)
        })
    }

    proptest! {
        #[test]
        fn any_reply_is_read(reply in any_reply(), ints in any::<[i64; 3]>(), words: Vec<Vec<u8>>) {
            entries(&reply);
            let words = words.into_iter().map(|word| Reply::Bulk(Bytes::from(word))).collect();
            let row = ints.into_iter().map(Reply::Int).chain([Reply::Array(words), reply]).collect();
            let entries = entries(&Reply::Array(vec![Reply::Array(row)]));
            prop_assert!(entries.len() == 1);
            let log = NodeLog { node: "n", now: 0, kind: LogKind::LargeReply, entries: &entries, clients: &[] };
            prop_assert!(rows([log].into_iter()).len() == 1);
        }
    }
}
