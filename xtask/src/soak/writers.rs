//! Clients beside: they write, expire and delete keys of their own all the time, through every fault.
//! Must not touch a key that a check counts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use keypace_lab::{Endpoint, LabError, Raw, Value, slot_of};

use super::chaos::Shared;
use super::draw::Draw;

/// What their keys' names begin with.
pub(super) const PREFIX: &str = "churn:";
/// Keys that come and go: enough to grow and shrink every table, few enough to stay a small part.
const NAMES: u64 = 20_000;
/// A frozen server must not hold a writer for long: the others still have to be written to.
const PATIENCE: Duration = Duration::from_millis(300);
/// After a failure, and now and then: a writer should not take the whole machine.
const PAUSE: Duration = Duration::from_millis(20);
/// Commands between two pauses.
const BURST: u64 = 100;
/// Some of the keys expire soon, as sessions do.
const EXPIRY_MS: &[u8] = b"700";

/// Writes until the soak stops; how many commands were answered.
pub(super) fn run(shared: &Shared, seeds: &[Endpoint], seed: u64, number: usize) -> u64 {
    let mut draw = Draw::new(seed, &format!("writer {number}"));
    let mut route = Route::new(seeds);
    let mut answered = 0;
    while !shared.is_stopping() {
        for _ in 0..BURST {
            let name = format!("{PREFIX}{}", draw.among(0..=NAMES - 1));
            let name = name.as_bytes();
            let words: &[&[u8]] = match draw.among(0..=3) {
                0 => &[b"SET", name, b"v"],
                1 => &[b"SET", name, b"v", b"PX", EXPIRY_MS],
                2 => &[b"DEL", name],
                _ => &[b"APPEND", name, b"more"],
            };
            match route.send(name, words) {
                Ok(()) => answered += 1,
                // A failover takes seconds; the next key may be another node's.
                Err(_) => thread::sleep(PAUSE),
            }
        }
        thread::sleep(PAUSE);
    }
    answered
}

/// Who was said to have which slot, and a connection to each node.
struct Route {
    owners: HashMap<u16, SocketAddr>,
    nodes: HashMap<SocketAddr, Raw>,
    seeds: Vec<SocketAddr>,
    turn: usize,
}

impl Route {
    fn new(seeds: &[Endpoint]) -> Self {
        let address = |endpoint: &Endpoint| match endpoint {
            Endpoint::Tcp(address) => Some(*address),
            Endpoint::Unix(_) => None,
        };
        Self {
            owners: HashMap::new(),
            nodes: HashMap::new(),
            seeds: seeds.iter().filter_map(address).collect(),
            turn: 0,
        }
    }

    /// Sends it to the slot's owner, or to the one that it is redirected to: once, as a writer has time.
    fn send(&mut self, key: &[u8], words: &[&[u8]]) -> Result<(), LabError> {
        let slot = slot_of(key);
        let owner = self.owners.get(&slot).copied();
        let address = owner.unwrap_or_else(|| self.any_seed());
        let Value::Error(text) = self.ask(address, slot, words)? else {
            return Ok(());
        };
        match redirection(&text) {
            Some(Redirection::Moved(to)) => {
                self.owners.insert(slot, to);
                self.ask(to, slot, words)?.checked().map(|_| ())
            }
            Some(Redirection::Ask(to)) => {
                self.ask(to, slot, &[b"ASKING"])?;
                self.ask(to, slot, words)?.checked().map(|_| ())
            }
            None => {
                self.owners.remove(&slot);
                Value::Error(text).checked().map(|_| ())
            }
        }
    }

    fn ask(&mut self, address: SocketAddr, slot: u16, words: &[&[u8]]) -> Result<Value, LabError> {
        if !self.nodes.contains_key(&address) {
            let raw = Raw::connect_within(&Endpoint::Tcp(address), PATIENCE).inspect_err(|_| {
                self.owners.remove(&slot);
            })?;
            self.nodes.insert(address, raw);
        }
        let Some(raw) = self.nodes.get_mut(&address) else {
            return Ok(Value::Error("no connection".to_owned()));
        };
        raw.command(words).inspect_err(|_| {
            // What is still on the wire belongs to this command.
            self.nodes.remove(&address);
            self.owners.remove(&slot);
        })
    }

    /// Another one each time: some of them may be gone.
    fn any_seed(&mut self) -> SocketAddr {
        self.turn = (self.turn + 1) % self.seeds.len();
        self.seeds[self.turn]
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Redirection {
    Moved(SocketAddr),
    Ask(SocketAddr),
}

/// `MOVED 3999 127.0.0.1:6381`
fn redirection(text: &str) -> Option<Redirection> {
    let mut words = text.split(' ');
    let how = words.next()?;
    let to = words.nth(1)?.parse().ok()?;
    match how {
        "MOVED" => Some(Redirection::Moved(to)),
        "ASK" => Some(Redirection::Ask(to)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Redirection, redirection};

    #[test]
    fn redirections_are_read() {
        let to = "127.0.0.1:6381".parse().expect("an address");
        assert_eq!(
            redirection("MOVED 3999 127.0.0.1:6381"),
            Some(Redirection::Moved(to))
        );
        assert_eq!(
            redirection("ASK 3999 127.0.0.1:6381"),
            Some(Redirection::Ask(to))
        );
        assert_eq!(redirection("CLUSTERDOWN The cluster is down"), None);
        assert_eq!(redirection("MOVED 3999 :6381"), None);
    }
}
