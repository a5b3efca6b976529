//! Asks the nodes: a few commands each, one after the other, all of which only read. What a server doesn't know or doesn't
//! allow is noted and not asked again. MONITOR, CONFIG RESETSTAT and whatever changes something are never sent.

use std::time::{SystemTime, UNIX_EPOCH};

use super::commandstats::counts;
use super::look::NodeLook;
use super::options::InspectOptions;
use super::{clients, events, log, sample, settings};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::inspect::{INSPECT_LOG_ENTRIES, INSPECT_MAX_CLIENTS};
use crate::port::{
    Has, Info, Keyspace, Node, Reply, Request, abilities, is_lost, request, together,
};
use crate::report::{Capability, CapabilityState, LogKind, NotSeen};

/// A node and what a cluster says of it.
struct Place {
    node: Node,
    slots: Option<u64>,
    is_replica: bool,
}

/// What all nodes told, and those that told nothing.
pub(super) struct Told {
    pub(super) nodes: Vec<NodeLook>,
    /// Primaries and why they were not asked.
    pub(super) silent: Vec<(String, String)>,
    /// The same of replicas.
    pub(super) silent_replicas: Vec<(String, String)>,
}

/// Asks all nodes at once. Cancel-safe.
pub(super) async fn look(keyspace: &Keyspace, options: &InspectOptions) -> Result<Told> {
    let places = places(keyspace).await?;
    let asked = together(places.iter().map(|place| ask_node(place, options))).await;
    let mut told = Told {
        nodes: Vec::new(),
        silent: Vec::new(),
        silent_replicas: Vec::new(),
    };
    let mut trouble = None;
    for (place, answer) in places.iter().zip(asked) {
        match answer {
            Ok(look) => told.nodes.push(look),
            Err(error) => {
                let silent = (place.node.name().to_string(), error.to_string());
                if place.is_replica {
                    told.silent_replicas.push(silent);
                } else {
                    told.silent.push(silent);
                }
                trouble = Some(error);
            }
        }
    }
    match trouble {
        Some(error) if told.nodes.is_empty() => Err(error),
        _ => Ok(told),
    }
}

/// The server; in a cluster every primary with slots, and who follows it.
async fn places(keyspace: &Keyspace) -> Result<Vec<Place>> {
    if !keyspace.is_cluster() {
        return Ok(vec![Place {
            node: keyspace.node().clone(),
            slots: None,
            is_replica: false,
        }]);
    }
    let layout = keyspace.layout_with_replicas().await?;
    let mut places = Vec::new();
    for primary in &layout.primaries {
        places.push(Place {
            node: primary.node.clone(),
            slots: Some(primary.slots.len() as u64),
            is_replica: false,
        });
        let replicas = layout.replicas_of(&primary.id);
        places.extend(replicas.map(|node| Place {
            node: node.clone(),
            slots: None,
            is_replica: true,
        }));
    }
    Ok(places)
}

async fn ask_node(place: &Place, options: &InspectOptions) -> Result<NodeLook> {
    let node = &place.node;
    let mut asker = Asker {
        node,
        not_seen: Vec::new(),
    };
    let info = asker.info("INFO", &["INFO"]).await?;
    let name = node.name().to_string();
    let mut look = NodeLook::new(name, place.slots, Info::parse(&info));
    look.now = asker.clock().await?;
    // At once one after the other, so that both are of one time.
    let commandstats = asker
        .info("INFO commandstats", &["INFO", "commandstats"])
        .await?;
    let latencystats = asker
        .info("INFO latencystats", &["INFO", "latencystats"])
        .await?;
    look.count(counts(&commandstats, &latencystats));
    look.logs = asker.logs().await?;
    look.clients = asker.clients(look.number("connected_clients")).await?;
    if let Some(reply) = asker.ask("LATENCY LATEST", &["LATENCY", "LATEST"]).await? {
        look.latency = events::events(&reply);
    }
    look.settings = asker.settings().await?;
    look.not_seen = asker.not_seen;
    if options.has_capabilities {
        look.capabilities = capabilities(node, place.slots.is_some() || place.is_replica).await?;
    }
    let (keys, _) = look.keys();
    // A replica holds what its primary holds.
    if options.sample_keys > 0 && keys > 0 && !place.is_replica {
        match sample::sample(node, options, keys).await {
            Ok(sample) => look.sample = sample,
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => look.not_seen.push(not_seen("a sample of keys", &error)),
        }
    }
    Ok(look)
}

async fn capabilities(node: &Node, is_clustered: bool) -> Result<Vec<Capability>> {
    let told = abilities(node).await?;
    let state = |name: &str, has: Has| match has {
        // Outside a cluster there is no such order, and no use for it.
        _ if name == "slot-ordered SCAN" && !is_clustered => CapabilityState::No,
        Has::Yes => CapabilityState::Yes,
        Has::No => CapabilityState::No,
        Has::Forbidden => CapabilityState::Forbidden,
        Has::Unclear => CapabilityState::Unclear,
    };
    let named = told.into_iter();
    Ok(named
        .map(|(name, has)| Capability {
            name,
            state: state(name, has),
        })
        .collect())
}

/// One node's questions.
struct Asker<'a> {
    node: &'a Node,
    not_seen: Vec<NotSeen>,
}

impl Asker<'_> {
    /// Asks; `None` where the server doesn't know the command, or doesn't allow it.
    async fn ask(&mut self, command: &'static str, words: &[&str]) -> Result<Option<Reply>> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        match request::read(self.node, Request::Command(command, &words)).await {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if is_lost(&error) => Err(error),
            Err(error) => {
                self.not_seen.push(not_seen(command, &error));
                Ok(None)
            }
        }
    }

    /// A section of INFO; a server that doesn't know the section sends an empty one.
    async fn info(&mut self, what: &'static str, words: &[&str]) -> Result<Vec<u8>> {
        let before = self.not_seen.len();
        let reply = self.ask("INFO", words).await?;
        if let Some(note) = self.not_seen.get_mut(before) {
            what.clone_into(&mut note.what);
        }
        match reply {
            Some(Reply::Bulk(text)) => {
                if text.is_empty() {
                    let why = "this server doesn't have that section".to_owned();
                    self.not_seen.push(NotSeen {
                        what: what.to_owned(),
                        why,
                    });
                }
                Ok(text.to_vec())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The server's clock, which is that of its logs; ours where it doesn't tell.
    async fn clock(&mut self) -> Result<u64> {
        if let Some(Reply::Array(parts)) = self.ask("TIME", &["TIME"]).await?
            && let Some(Reply::Bulk(seconds)) = parts.first()
            && let Some(seconds) = std::str::from_utf8(seconds)
                .ok()
                .and_then(|text| text.parse().ok())
        {
            return Ok(seconds);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(now.map_or(0, |now| now.as_secs()))
    }

    async fn logs(&mut self) -> Result<Vec<(LogKind, Vec<log::Entry>)>> {
        let most = INSPECT_LOG_ENTRIES.to_string();
        let mut logs = Vec::new();
        if let Some(reply) = self.ask("SLOWLOG GET", &["SLOWLOG", "GET", &most]).await? {
            logs.push((LogKind::Slow, log::entries(&reply)));
        }
        for (kind, name) in [
            (LogKind::LargeRequest, "large-request"),
            (LogKind::LargeReply, "large-reply"),
        ] {
            let words = ["COMMANDLOG", "GET", &most, name];
            match self.ask("COMMANDLOG GET", &words).await? {
                Some(reply) => logs.push((kind, log::entries(&reply))),
                // Who doesn't know it for one log knows it for none.
                None => break,
            }
        }
        Ok(logs)
    }

    async fn clients(&mut self, connected: u64) -> Result<Vec<clients::Client>> {
        if connected > INSPECT_MAX_CLIENTS {
            let why = format!(
                "{connected} clients are connected, and a list of more than {INSPECT_MAX_CLIENTS} holds others up"
            );
            self.not_seen.push(NotSeen {
                what: "CLIENT LIST".to_owned(),
                why,
            });
            return Ok(Vec::new());
        }
        let Some(Reply::Bulk(text)) = self.ask("CLIENT LIST", &["CLIENT", "LIST"]).await? else {
            return Ok(Vec::new());
        };
        let mut clients = clients::clients(&text);
        // Whoever asks for the list is on it. Before 7.0 the second word isn't told.
        clients.retain(|client| !matches!(&*client.command, "client" | "client|list"));
        Ok(clients)
    }

    async fn settings(&mut self) -> Result<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        for name in settings::ASKED {
            match self.ask("CONFIG GET", &["CONFIG", "GET", name]).await? {
                Some(reply) => {
                    for pair in settings::pairs(&reply) {
                        if !pairs.contains(&pair) {
                            pairs.push(pair);
                        }
                    }
                }
                None => break,
            }
        }
        Ok(pairs)
    }
}

/// What a server said to a question that it didn't answer.
fn not_seen(what: &str, error: &Error) -> NotSeen {
    let why = match error.kind() {
        ErrorKind::Permission => "the ACL user may not".to_owned(),
        ErrorKind::UnknownCommand => "this server doesn't have it".to_owned(),
        _ => error.to_string(),
    };
    let hint = error
        .hint()
        .filter(|_| error.kind() == ErrorKind::Permission);
    let why = hint.map_or(why.clone(), |hint| format!("{why}: {hint}"));
    NotSeen {
        what: what.to_owned(),
        why,
    }
}
