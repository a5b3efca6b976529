//! What a server can do of all that is newer than 2.8, asked in one place by commands that change nothing. Guesses nothing
//! from a version, and decides nothing with what it learns.

use super::capabilities::unpredictable;
use super::connection::Class;
use super::node::{Lease, Node};
use super::resp::Reply;
use super::server_error::ServerCode;
use crate::error::{ErrorKind, Result};
use crate::key::Slot;

/// Whether a server has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    Yes,
    No,
    /// The ACL user may not ask.
    Forbidden,
    /// The answer says neither.
    Unclear,
}

/// How it is asked for.
enum Probe {
    /// By COMMAND INFO: to send the command itself could change something.
    Named(&'static str),
    /// By the command itself.
    Sent(&'static str, &'static [&'static str]),
    /// By the command itself, about a key that nobody has.
    Key(&'static str, &'static [&'static str]),
    /// The handshake has asked.
    NoTouch,
    /// By the order of a page's keys; outside clusters there are no slots.
    SlotOrder,
}

const PROBES: [(&str, Probe); 12] = [
    ("UNLINK", Probe::Named("UNLINK")),
    (
        "SCAN TYPE",
        Probe::Sent("SCAN", &["SCAN", "0", "COUNT", "1", "TYPE", "string"]),
    ),
    (
        "MEMORY USAGE",
        Probe::Key("MEMORY USAGE", &["MEMORY", "USAGE"]),
    ),
    (
        "OBJECT FREQ",
        Probe::Key("OBJECT FREQ", &["OBJECT", "FREQ"]),
    ),
    ("CLIENT NO-TOUCH", Probe::NoTouch),
    ("HELLO", Probe::Sent("HELLO", &["HELLO"])),
    ("ACL", Probe::Sent("ACL WHOAMI", &["ACL", "WHOAMI"])),
    ("EXPIRETIME", Probe::Key("EXPIRETIME", &["EXPIRETIME"])),
    (
        "COMMANDLOG",
        Probe::Sent("COMMANDLOG LEN", &["COMMANDLOG", "LEN", "slow"]),
    ),
    ("CLUSTERSCAN", Probe::Named("CLUSTERSCAN")),
    ("slot-ordered SCAN", Probe::SlotOrder),
    // Dragonfly's: it deletes what it walks over, so it is never sent.
    ("RM", Probe::Named("RM")),
];

/// Keys of the page whose order is looked at.
const ORDER_KEYS: &str = "64";

/// What a node has, by name. Tried once; cancel-safe.
///
/// # Errors
/// What connecting gives, and a connection that is lost meanwhile.
pub(crate) async fn abilities(node: &Node) -> Result<Vec<(&'static str, Has)>> {
    let mut lease = node.lease().await?;
    let nobodys = format!("keypace:probe:{}", unpredictable());
    let mut found = Vec::with_capacity(PROBES.len());
    for (name, probe) in &PROBES {
        let has = match probe {
            Probe::Named(command) => by_name(&mut lease, command).await?,
            Probe::Sent(command, words) => by_answer(&mut lease, command, words).await?,
            Probe::Key(command, words) => {
                let words: Vec<&str> = words.iter().copied().chain([&*nobodys]).collect();
                by_answer(&mut lease, command, &words).await?
            }
            Probe::NoTouch if lease.is_no_touch() => Has::Yes,
            Probe::NoTouch => by_name(&mut lease, "CLIENT|NO-TOUCH").await?,
            Probe::SlotOrder => by_order(&mut lease).await?,
        };
        found.push((*name, has));
    }
    Ok(found)
}

async fn ask(lease: &mut Lease, command: &'static str, words: &[&str]) -> Result<Reply> {
    lease.queue(command, Class::Read, words.iter());
    lease.flush().await?;
    lease.reply().await
}

async fn by_name(lease: &mut Lease, command: &str) -> Result<Has> {
    let reply = ask(lease, "COMMAND INFO", &["COMMAND", "INFO", command]).await?;
    Ok(match reply {
        Reply::Array(told) => match told.first() {
            Some(Reply::Array(_)) => Has::Yes,
            Some(Reply::Null) => Has::No,
            _ => Has::Unclear,
        },
        Reply::Error(text) if refused(&text) == Has::Forbidden => Has::Forbidden,
        _ => Has::Unclear,
    })
}

async fn by_answer(lease: &mut Lease, command: &'static str, words: &[&str]) -> Result<Has> {
    Ok(match ask(lease, command, words).await? {
        Reply::Error(text) => refused(&text),
        _ => Has::Yes,
    })
}

/// What a refusal says of the command.
fn refused(text: &[u8]) -> Has {
    let code = ServerCode::of(text);
    match code.meaning().0 {
        // The ACL refuses the key that nobody has, and knows the command.
        ErrorKind::Permission if super::server_error::refuses_keys(text) => Has::Yes,
        ErrorKind::Permission => Has::Forbidden,
        // Another node's key: it had to be understood to know that. So had the policy, for OBJECT FREQ.
        ErrorKind::Moved
        | ErrorKind::Ask
        | ErrorKind::TryAgain
        | ErrorKind::ClusterDown
        | ErrorKind::CrossSlot => Has::Yes,
        ErrorKind::UnknownCommand => Has::No,
        _ => by_text(text),
    }
}

fn by_text(text: &[u8]) -> Has {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if says(&[
        "unknown subcommand",
        "unknown command",
        "syntax error",
        "wrong number of arguments",
    ]) {
        Has::No
    } else if says(&["lfu maxmemory policy"]) {
        Has::Yes
    } else {
        Has::Unclear
    }
}

async fn by_order(lease: &mut Lease) -> Result<Has> {
    match ask(lease, "SCAN", &["SCAN", "0", "COUNT", ORDER_KEYS]).await? {
        Reply::Array(page) => Ok(match &page[..] {
            [_, Reply::Array(keys)] => order(keys),
            _ => Has::Unclear,
        }),
        Reply::Error(text) => Ok(match refused(&text) {
            Has::Forbidden => Has::Forbidden,
            _ => Has::Unclear,
        }),
        _ => Ok(Has::Unclear),
    }
}

/// A page of a table for each slot has its keys by slot; with fewer than three slots that may be chance.
fn order(keys: &[Reply]) -> Has {
    let slot = |key: &Reply| match key {
        Reply::Bulk(key) => Some(Slot::of(key)),
        _ => None,
    };
    let mut slots: Vec<Slot> = keys.iter().filter_map(slot).collect();
    if !slots.is_sorted() {
        return Has::No;
    }
    slots.dedup();
    // By chance three are in order once in six times, and eight never.
    if slots.len() < 8 {
        Has::Unclear
    } else {
        Has::Yes
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Has, order, refused};
    use crate::key::Slot;
    use crate::port::Reply;

    #[test]
    fn refusals_say_what_is_known() {
        for (text, has) in [
            (
                "ERR unknown command 'COMMANDLOG', with args beginning with: 'LEN'",
                Has::No,
            ),
            ("ERR unknown subcommand 'USAGE'. Try MEMORY HELP.", Has::No),
            (
                "ERR Syntax error. Try OBJECT (refcount|encoding|idletime)",
                Has::No,
            ),
            (
                "NOPERM this user has no permissions to run the 'acl|whoami' command",
                Has::Forbidden,
            ),
            ("NOPERM No permissions to access a key", Has::Yes),
            ("MOVED 5 127.0.0.1:7001", Has::Yes),
            (
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked.",
                Has::Yes,
            ),
            ("ERR something else", Has::Unclear),
        ] {
            assert_eq!(refused(text.as_bytes()), has, "{text}");
        }
    }

    #[test]
    fn an_order_shows_with_enough_slots() {
        let mut names: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
        let page = |names: &[String]| -> Vec<Reply> {
            names
                .iter()
                .map(|name| Reply::Bulk(Bytes::from(name.clone())))
                .collect()
        };
        assert_eq!(order(&page(&names)), Has::No);
        names.sort_by_key(|name| Slot::of(name.as_bytes()));
        assert_eq!(order(&page(&names)), Has::Yes);
        assert_eq!(order(&page(&names[..3])), Has::Unclear);
        assert_eq!(order(&[]), Has::Unclear);
    }
}
