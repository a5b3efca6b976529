//! Owns commands about the server: COMMAND, INFO, CONFIG, MEMORY, TIME, ROLE. It must not change keys.

use super::super::glob;
use super::super::info;
use super::super::options::Role;
use super::super::reply::Reply;
use super::{
    ADMIN, Answer, CONTAINER, Call, FAST, NO_KEYS, PLAIN, READ, SUB_KEY, SYNTAX, Spec, find,
    integer, refuse, specs, word,
};

pub(super) const SPECS: &[Spec] = &[
    Spec::new("command", -1, NO_KEYS, CONTAINER, command_all),
    Spec::new("command|info", -2, NO_KEYS, PLAIN, command_info),
    Spec::new("command|count", 2, NO_KEYS, PLAIN, command_count),
    Spec::new("info", -1, NO_KEYS, PLAIN, info),
    Spec::new("config", -2, NO_KEYS, CONTAINER, |_| refuse(SYNTAX)),
    Spec::new("config|get", -3, NO_KEYS, ADMIN, config_get),
    Spec::new("config|set", -4, NO_KEYS, ADMIN, config_set),
    Spec::new("memory", -2, NO_KEYS, CONTAINER, |_| refuse(SYNTAX)).since(4, 0),
    Spec::new("memory|usage", -3, SUB_KEY, READ, memory_usage).since(4, 0),
    Spec::new("time", 1, NO_KEYS, FAST, time),
    Spec::new("role", 1, NO_KEYS, FAST, role),
];

/// Parameters that CONFIG GET knows when a test says nothing, with the values of a fresh Redis.
const CONFIG_DEFAULTS: &[(&str, &str)] = &[
    ("appendonly", "no"),
    ("cluster-require-full-coverage", "yes"),
    ("databases", "16"),
    ("lazyfree-lazy-expire", "no"),
    ("lazyfree-lazy-user-del", "no"),
    ("maxmemory", "0"),
    ("maxmemory-policy", "noeviction"),
    ("notify-keyspace-events", ""),
    ("save", ""),
    ("timeout", "0"),
];

fn command_all(call: &mut Call<'_>) -> Answer {
    let options = &call.state.options;
    let known = specs().filter(|spec| !spec.name.contains('|') && spec.known_to(options));
    Ok(Reply::Array(known.map(describe).collect()))
}

fn command_info(call: &mut Call<'_>) -> Answer {
    let names = &call.args[2..];
    if names.is_empty() {
        return command_all(call);
    }
    let one = |name: &Vec<u8>| find(&call.state.options, name).map_or(Reply::Nil, describe);
    Ok(Reply::Array(names.iter().map(one).collect()))
}

fn command_count(call: &mut Call<'_>) -> Answer {
    let options = &call.state.options;
    Ok(Reply::count(
        specs()
            .filter(|spec| !spec.name.contains('|') && spec.known_to(options))
            .count(),
    ))
}

/// The ten fields of 7.0; categories, tips and key specifications are left empty.
fn describe(spec: &Spec) -> Reply {
    let number = |number: usize| Reply::count(number);
    let ours = ["container", "no_auth", "unqueued", "counted_keys"];
    let flags = spec.flags.iter().filter(|flag| !ours.contains(flag));
    Reply::Array(vec![
        Reply::bulk(spec.name),
        Reply::Int(spec.arity),
        Reply::Set(
            flags
                .map(|flag| Reply::Status((*flag).to_owned()))
                .collect(),
        ),
        number(spec.keys.first),
        Reply::Int(i64::try_from(spec.keys.last).expect("key positions are small")),
        number(spec.keys.step),
        Reply::Set(Vec::new()),
        Reply::Set(Vec::new()),
        Reply::Set(Vec::new()),
        Reply::Set(Vec::new()),
    ])
}

fn info(call: &mut Call<'_>) -> Answer {
    let wanted: Vec<String> = call.args[1..]
        .iter()
        .map(|name| word(name).to_ascii_lowercase())
        .collect();
    Ok(Reply::Text(info::render(call.state, &wanted)))
}

fn config_get(call: &mut Call<'_>) -> Answer {
    let set = &call.state.options.config;
    let defaults = CONFIG_DEFAULTS
        .iter()
        .filter(|(name, _)| !set.contains_key(*name))
        .copied();
    let all = defaults.chain(
        set.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let patterns: Vec<Vec<u8>> = call.args[2..]
        .iter()
        .map(|arg| arg.to_ascii_lowercase())
        .collect();
    let wanted = all.filter(|(name, _)| {
        patterns
            .iter()
            .any(|pattern| glob::matches(pattern, name.as_bytes()))
    });
    Ok(Reply::Map(
        wanted
            .map(|(name, value)| (Reply::bulk(name), Reply::bulk(value)))
            .collect(),
    ))
}

fn config_set(call: &mut Call<'_>) -> Answer {
    let pairs = call.args[2..].chunks(2);
    let mut changes = Vec::new();
    for pair in pairs {
        let name = String::from_utf8_lossy(&pair[0]).to_ascii_lowercase();
        let known = CONFIG_DEFAULTS.iter().any(|(known, _)| *known == name)
            || call.state.options.config.contains_key(&name);
        let (true, Some(value)) = (known, pair.get(1)) else {
            return refuse(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
            ));
        };
        changes.push((name, String::from_utf8_lossy(value).into_owned()));
    }
    call.state.options.config.extend(changes);
    Ok(Reply::ok())
}

fn memory_usage(call: &mut Call<'_>) -> Answer {
    match &call.args[3..] {
        [] => {}
        [option, samples] if word(option) == "SAMPLES" => {
            if integer(samples)? < 0 {
                return refuse(SYNTAX);
            }
        }
        _ => return refuse(SYNTAX),
    }
    let key = &call.args[2];
    Ok(call.peek(key).map_or(Reply::Nil, |entry| {
        Reply::count(entry.value.cost_bytes(key))
    }))
}

fn time(call: &mut Call<'_>) -> Answer {
    let now_us = call.state.now_us();
    let part = |number: i64| Reply::bulk(number.to_string());
    Ok(Reply::Array(vec![
        part(now_us / 1_000_000),
        part(now_us % 1_000_000),
    ]))
}

fn role(call: &mut Call<'_>) -> Answer {
    Ok(Reply::Array(match call.state.options.role {
        Role::Primary => vec![
            Reply::bulk("master"),
            Reply::Int(0),
            Reply::Array(Vec::new()),
        ],
        Role::Replica => {
            let known = call.state.primary_address();
            let (host, port) = known.unwrap_or_else(|| ("127.0.0.1".to_owned(), 0));
            let primary = [
                Reply::bulk("slave"),
                Reply::bulk(host),
                Reply::Int(i64::from(port)),
            ];
            primary
                .into_iter()
                .chain([Reply::bulk("connected"), Reply::Int(0)])
                .collect()
        }
    }))
}
