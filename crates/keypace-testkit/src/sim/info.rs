//! Owns what INFO says: the fields that keypace and its tests read, in the server's sections and order.
//! It must not invent load figures; a test sets those it needs.

use std::fmt::Write;

use super::data::State;
use super::options::{Flavour, Role};

/// Memory of an empty server, for `used_memory`.
const BASE_MEMORY_BYTES: usize = 1_000_000;

type Fields = Vec<(&'static str, String)>;

/// A section's title and what makes its fields.
type Section = (&'static str, fn(&State) -> Fields);

/// The sections asked for, all of them for none; names are in lower case.
pub(crate) fn render(state: &State, wanted: &[String]) -> String {
    let all = wanted.is_empty()
        || wanted
            .iter()
            .any(|name| matches!(name.as_str(), "all" | "default" | "everything"));
    let sections: [Section; 7] = [
        ("Server", server),
        ("Clients", clients),
        ("Memory", memory),
        ("Persistence", persistence),
        ("Stats", stats),
        ("Replication", replication),
        ("Cluster", cluster),
    ];
    let mut text = String::new();
    let shown = |title: &str| all || wanted.iter().any(|name| name.eq_ignore_ascii_case(title));
    for (title, fields) in sections {
        if shown(title) {
            let lines = fields(state).into_iter().map(|(name, value)| {
                let value = state.info.get(name).cloned().unwrap_or(value);
                format!("{name}:{value}\r\n")
            });
            let mut lines = lines.collect::<String>();
            if title == "Replication" {
                lines.push_str(&replicas(state));
            }
            section(&mut text, title, &lines);
        }
    }
    // No part of the default.
    if wanted
        .iter()
        .any(|name| name.eq_ignore_ascii_case("commandstats"))
    {
        let lines = state.calls.iter().map(|(name, calls)| {
            format!("cmdstat_{name}:calls={calls},usec=0,usec_per_call=0.00\r\n")
        });
        section(&mut text, "Commandstats", &lines.collect::<String>());
    }
    if shown("Keyspace") {
        section(&mut text, "Keyspace", &keyspace(state));
    }
    text
}

fn section(text: &mut String, title: &str, lines: &str) {
    if !text.is_empty() {
        text.push_str("\r\n");
    }
    write!(text, "# {title}\r\n{lines}").expect("a String takes all text");
}

fn server(state: &State) -> Fields {
    let member = state.member.as_ref();
    let port = member.map_or_else(|| "0".into(), |member| member.myself().port.to_string());
    let (mut fields, mode): (Fields, _) = match state.options.flavour {
        Flavour::Redis => (
            vec![("redis_version", state.options.version.clone())],
            "redis_mode",
        ),
        Flavour::Valkey => (
            vec![
                ("redis_version", "7.2.4".to_owned()),
                ("server_name", "valkey".to_owned()),
                ("valkey_version", state.options.version.clone()),
            ],
            // 9.1.2 no longer says `redis_mode`.
            "server_mode",
        ),
    };
    fields.extend([
        (mode, state.mode().to_owned()),
        ("process_id", "1".to_owned()),
        ("run_id", state.run_id.clone()),
        ("tcp_port", port),
        ("server_time_usec", state.now_us().to_string()),
        ("uptime_in_seconds", state.uptime_seconds().to_string()),
    ]);
    fields
}

fn clients(state: &State) -> Fields {
    vec![
        ("connected_clients", state.open_connections().to_string()),
        ("maxclients", state.most_connections().to_string()),
        ("blocked_clients", "0".to_owned()),
    ]
}

fn memory(state: &State) -> Fields {
    let keys = state.databases.iter().flat_map(|table| table.iter());
    let used: usize = keys.map(|(key, entry)| entry.value.cost_bytes(key)).sum();
    let config = |name: &str, default: &str| {
        state
            .options
            .config
            .get(name)
            .cloned()
            .unwrap_or_else(|| default.to_owned())
    };
    vec![
        ("used_memory", (BASE_MEMORY_BYTES + used).to_string()),
        ("maxmemory", config("maxmemory", "0")),
        ("maxmemory_policy", config("maxmemory-policy", "noeviction")),
        ("mem_clients_slaves", "0".to_owned()),
        ("lazyfree_pending_objects", "0".to_owned()),
        ("lazyfreed_objects", "0".to_owned()),
    ]
}

fn persistence(_: &State) -> Fields {
    [
        "loading",
        "async_loading",
        "rdb_bgsave_in_progress",
        "aof_enabled",
        "aof_rewrite_in_progress",
    ]
    .map(|name| (name, "0".to_owned()))
    .to_vec()
}

fn stats(state: &State) -> Fields {
    vec![
        ("total_commands_processed", state.log.total().to_string()),
        ("instantaneous_ops_per_sec", "0".to_owned()),
        ("total_net_output_bytes", state.bytes_out.to_string()),
        ("expired_keys", state.expired_keys.to_string()),
        ("expired_stale_perc", "0.00".to_owned()),
        ("evicted_keys", "0".to_owned()),
        // Set by tests: reads are not counted.
        ("keyspace_hits", "0".to_owned()),
        ("keyspace_misses", "0".to_owned()),
    ]
}

fn replication(state: &State) -> Fields {
    let zeros = "0".repeat(40);
    let role = match state.options.role {
        Role::Primary => vec![("role", "master".to_owned())],
        Role::Replica => {
            let mut fields = vec![("role", "slave".to_owned())];
            if let Some((host, port)) = state.primary_address() {
                fields.extend([("master_host", host), ("master_port", port.to_string())]);
            }
            fields.push(("master_link_status", "up".to_owned()));
            fields
        }
    };
    let rest = [
        ("connected_slaves", replicas_of(state).len().to_string()),
        ("master_replid", state.replid()),
        ("master_replid2", zeros),
        ("master_repl_offset", "0".to_owned()),
        ("second_repl_offset", "-1".to_owned()),
    ];
    role.into_iter().chain(rest).collect()
}

fn cluster(state: &State) -> Fields {
    vec![(
        "cluster_enabled",
        u8::from(state.member.is_some()).to_string(),
    )]
}

/// Addresses of the replicas behind this node of a cluster that have not failed.
fn replicas_of(state: &State) -> Vec<(String, u16)> {
    let Some(member) = &state.member else {
        return Vec::new();
    };
    let nodes = member
        .view
        .replicas_of(member.me)
        .map(|place| &member.view.nodes[place]);
    let alive = nodes.filter(|node| !node.has_failed);
    alive.map(|node| (node.host.clone(), node.port)).collect()
}

/// `slave0:ip=...` and those behind it: where a test has set one, its own lines alone.
fn replicas(state: &State) -> String {
    let is_replica = |name: &str| {
        name.strip_prefix("slave")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let set = state.info.iter().filter(|(name, _)| is_replica(name));
    let set: String = set
        .map(|(name, value)| format!("{name}:{value}\r\n"))
        .collect();
    if !set.is_empty() {
        return set;
    }
    let known = replicas_of(state).into_iter().enumerate();
    known
        .map(|(n, (ip, port))| {
            format!("slave{n}:ip={ip},port={port},state=online,offset=0,lag=0\r\n")
        })
        .collect()
}

fn keyspace(state: &State) -> String {
    let mut lines = String::new();
    for (number, table) in state.databases.iter().enumerate() {
        if table.len() > 0 {
            let expires = table
                .iter()
                .filter(|(_, entry)| entry.expires_at_ms.is_some())
                .count();
            write!(
                lines,
                "db{number}:keys={},expires={expires},avg_ttl=0",
                table.len()
            )
            .expect("a String takes all text");
            if state.options.flavour == Flavour::Valkey {
                lines.push_str(",keys_with_volatile_items=0");
            }
            lines.push_str("\r\n");
        }
    }
    lines
}
