//! Reads `CLUSTER NODES`: one line a node, as servers from 3.0 on write it. Pure: asks nothing and believes nothing.
//!
//! `<id> <ip:port@cport[,hostname[,aux=...]]> <flags> <primary> <ping> <pong> <epoch> <link> <slot> ...`
//! (Redis documentation, "CLUSTER NODES"). A line that can't be read is an error: a slot must not be lost silently.

use crate::key::Slot;
use crate::limits;

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) id: String,
    /// Empty where the writer doesn't know it, as that of itself before it has met others.
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) hostname: Option<String>,
    /// This is the node that was asked.
    pub(super) is_myself: bool,
    pub(super) is_primary: bool,
    /// Its address is not known, or it is not a member yet.
    pub(super) is_stranger: bool,
    /// The primary it follows.
    pub(super) follows: Option<String>,
    pub(super) epoch: u64,
    /// Both ends included.
    pub(super) slots: Vec<(Slot, Slot)>,
    pub(super) migrating: Vec<Slot>,
    pub(super) importing: Vec<Slot>,
}

impl Entry {
    /// Whether the writer says that the slot is this node's.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.slots
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TableError {
    /// A line is of another form.
    #[error("line {line} of CLUSTER NODES has no readable {part}")]
    Unreadable {
        /// From 1.
        line: usize,
        /// Which part of it.
        part: &'static str,
    },
    /// More nodes than a cluster has.
    #[error("CLUSTER NODES names more than {} nodes", limits::MAX_CLUSTER_NODES)]
    TooMany,
    /// No line is that of the node that was asked.
    #[error("CLUSTER NODES doesn't say which node answers")]
    Nobody,
}

/// All lines, with exactly one of the node itself.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Entry>, TableError> {
    let text = String::from_utf8_lossy(text);
    let mut entries = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if entries.len() == limits::MAX_CLUSTER_NODES {
            return Err(TableError::TooMany);
        }
        let entry = entry(line).map_err(|part| TableError::Unreadable { line: at + 1, part });
        entries.push(entry?);
    }
    if entries.iter().filter(|entry| entry.is_myself).count() == 1 {
        Ok(entries)
    } else {
        Err(TableError::Nobody)
    }
}

fn entry(line: &str) -> Result<Entry, &'static str> {
    let mut words = line.split_whitespace();
    let mut word = |part| words.next().ok_or(part);
    let mut entry = Entry {
        id: word("id")?.to_owned(),
        ..Entry::default()
    };
    entry.read_address(word("address")?).ok_or("address")?;
    entry.read_flags(word("flags")?);
    entry.follows = Some(word("primary")?.to_owned()).filter(|id| id != "-");
    word("ping")?;
    word("pong")?;
    entry.epoch = word("epoch")?.parse().map_err(|_| "epoch")?;
    word("link")?;
    for word in words {
        entry.read_slots(word).ok_or("slots")?;
    }
    Ok(entry)
}

impl Entry {
    /// `ip:port`, from 4.0 `ip:port@cport`, from 7.0 `ip:port@cport,hostname`, from 7.2 with more behind it.
    /// The ip of version 6 is not in brackets.
    fn read_address(&mut self, word: &str) -> Option<()> {
        let mut parts = word.split(',');
        let address = parts.next()?;
        self.hostname = parts
            .next()
            .filter(|name| !matches!(*name, "" | "?") && !name.contains('='))
            .map(str::to_owned);
        let (address, _) = address.split_once('@').unwrap_or((address, ""));
        let (ip, port) = address.rsplit_once(':')?;
        ip.trim_matches(['[', ']']).clone_into(&mut self.ip);
        self.port = port.parse().ok()?;
        Some(())
    }

    /// `fail` and `fail?` are others' opinion of a node, which is asked all the same.
    fn read_flags(&mut self, word: &str) {
        for flag in word.split(',') {
            match flag {
                "myself" => self.is_myself = true,
                "master" | "primary" => self.is_primary = true,
                "noaddr" | "handshake" => self.is_stranger = true,
                _ => {}
            }
        }
    }

    /// `5`, `0-5460`, `[5->-id]` (on its way there), `[5-<-id]` (on its way here).
    fn read_slots(&mut self, word: &str) -> Option<()> {
        let slot = |text: &str| Slot::new(text.parse().ok()?);
        if let Some(moving) = word.strip_prefix('[').and_then(|w| w.strip_suffix(']')) {
            if let Some((number, _)) = moving.split_once("->-") {
                self.migrating.push(slot(number)?);
            } else {
                self.importing.push(slot(moving.split_once("-<-")?.0)?);
            }
            return Some(());
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (slot(first)?, slot(last)?);
        self.slots.push((first, last));
        (first <= last).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, TableError, parse};
    use crate::key::Slot;

    fn slot(number: u16) -> Slot {
        Slot::new(number).expect("a slot")
    }

    fn one(line: &str) -> Entry {
        let mut entries = parse(line.as_bytes()).expect(line);
        assert_eq!(entries.len(), 1);
        entries.remove(0)
    }

    #[test]
    fn reads_addresses_of_each_version() {
        let rest = "myself,master - 0 0 1 connected";
        for (address, ip, port, hostname) in [
            ("127.0.0.1:30004", "127.0.0.1", 30004, None),
            ("127.0.0.1:30004@40004", "127.0.0.1", 30004, None),
            ("127.0.0.1:30004@40004,", "127.0.0.1", 30004, None),
            (
                "10.0.0.9:6379@16379,redis-0.example",
                "10.0.0.9",
                6379,
                Some("redis-0.example"),
            ),
            (
                "10.0.0.9:6379@16379,redis-0.example,shard-id=abc",
                "10.0.0.9",
                6379,
                Some("redis-0.example"),
            ),
            (
                "10.0.0.9:6379@16379,,tls-port=0,shard-id=abc",
                "10.0.0.9",
                6379,
                None,
            ),
            ("10.0.0.9:6379@16379,?", "10.0.0.9", 6379, None),
            (":7000@17000", "", 7000, None),
            (":0", "", 0, None),
            ("::1:7000@17000", "::1", 7000, None),
            ("2001:db8::7:7000@17000,h", "2001:db8::7", 7000, Some("h")),
        ] {
            let entry = one(&format!("abc {address} {rest}"));
            assert_eq!(
                (entry.ip.as_str(), entry.port, entry.hostname.as_deref()),
                (ip, port, hostname),
                "{address}"
            );
        }
    }

    #[test]
    fn reads_roles_slots_and_moves() {
        // 3.0, with a replica, a failed node, one without an address and one in handshake.
        let text = b"aaa 127.0.0.1:7000 myself,master - 0 0 12 connected 0-5460 8000 [5->-bbb] [9000-<-bbb]\n\
            bbb 127.0.0.1:7001 master,fail? - 1426238316232 1426238316000 2 disconnected 5461-7999\r\n\
            ccc 127.0.0.1:7002 slave,fail aaa 1426238317741 0 12 connected\n\
            ddd :0 master,fail,noaddr - 1 1 3 disconnected 9001-16383\n\
            eee 127.0.0.1:7003 handshake - 0 0 0 connected\n\n";
        let entries = parse(text).expect("readable");
        let [a, b, c, d, e] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert!(a.is_myself && a.is_primary && a.epoch == 12 && a.follows.is_none());
        assert_eq!(a.slots, [(slot(0), slot(5460)), (slot(8000), slot(8000))]);
        assert_eq!((a.migrating[0], a.importing[0]), (slot(5), slot(9000)));
        assert!(a.has(slot(8000)) && a.has(slot(5)) && !a.has(slot(9000)));
        assert!(b.is_primary && !b.is_myself && !b.is_stranger);
        assert!(!c.is_primary && c.follows.as_deref() == Some("aaa"));
        assert!(d.is_stranger && d.slots.len() == 1);
        assert!(e.is_stranger && !e.is_primary);
    }

    #[test]
    fn reads_what_servers_wrote() {
        // Redis 7.0.15 and Valkey 9.1.2, with cluster-announce-hostname and a slot on its way.
        for text in [
            "656a9d84d3e42ce265287c979fa0f7c5459f0ba0 127.0.0.1:27312@37312,host27312.example master - 0 1795250564451 1 connected\n\
             7651b05fda210202702ff9f059ba9bc0cfc6b908 127.0.0.1:27311@37311,host27311.example myself,master - 0 0 0 connected 0-100 200-300 [5->-656a9d84d3e42ce265287c979fa0f7c5459f0ba0]\n",
            "19a02f29b5feca1b98c07aedfa623b4d9dd0a31e 127.0.0.1:27301@37301,host27301.example myself,master - 0 0 0 connected 0-100 200-300 [5->-0a4a36114194b0a644cf0566bc3cfcf204097562]\n\
             0a4a36114194b0a644cf0566bc3cfcf204097562 127.0.0.1:27302@37302,host27302.example master - 0 1795250564466 1 connected\n",
        ] {
            let entries = parse(text.as_bytes()).expect("readable");
            let own = entries.iter().find(|entry| entry.is_myself).expect("one");
            assert_eq!(own.migrating, [slot(5)]);
            assert!(own.hostname.as_deref().expect("one").ends_with(".example"));
            assert_eq!(own.slots.len(), 2);
        }
    }

    #[test]
    fn nothing_is_lost_silently() {
        let own = "aaa 127.0.0.1:7000@17000 myself,master - 0 0 1 connected";
        for bad in [
            "aaa",
            "aaa 127.0.0.1 myself,master - 0 0 1 connected",
            "aaa 127.0.0.1:99999 myself,master - 0 0 1 connected",
            "aaa 127.0.0.1:7000 myself,master - 0 0 x connected",
            "aaa 127.0.0.1:7000 myself,master - 0 0 1 connected 0-16384",
            "aaa 127.0.0.1:7000 myself,master - 0 0 1 connected 9-3",
            "aaa 127.0.0.1:7000 myself,master - 0 0 1 connected [5-bbb]",
            "aaa 127.0.0.1:7000 myself,master - 0 0 1 connected what",
        ] {
            let error = parse(format!("{own}\n{bad}").as_bytes()).expect_err(bad);
            assert!(
                matches!(error, TableError::Unreadable { line: 2, .. }),
                "{error}"
            );
        }
        assert_eq!(parse(b""), Err(TableError::Nobody));
        assert_eq!(
            parse(format!("{own}\n{own}").as_bytes()),
            Err(TableError::Nobody)
        );
    }
}
