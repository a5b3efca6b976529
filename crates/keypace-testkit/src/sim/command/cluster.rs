//! Owns CLUSTER, READONLY, READWRITE and ASKING: what a node says of its cluster. It must not change slots; a test does.

use std::fmt::Write;

use super::super::cluster::Member;
use super::super::reply::Reply;
use super::super::slot;
use super::{
    Answer, CONTAINER, Call, FAST, NO_KEYS, PLAIN, Refusal, SYNTAX, Spec, integer, refuse,
};
use crate::limits::CLUSTER_SLOTS;

const DISABLED: &str = "ERR This instance has cluster support disabled";

pub(super) const SPECS: &[Spec] = &[
    Spec::new("cluster", -2, NO_KEYS, CONTAINER, |_| refuse(SYNTAX)).since(3, 0),
    Spec::new("cluster|nodes", 2, NO_KEYS, PLAIN, nodes).since(3, 0),
    Spec::new("cluster|slots", 2, NO_KEYS, PLAIN, slots).since(3, 0),
    Spec::new("cluster|shards", 2, NO_KEYS, PLAIN, shards).since(7, 0),
    Spec::new("cluster|myid", 2, NO_KEYS, PLAIN, my_id).since(3, 0),
    Spec::new("cluster|info", 2, NO_KEYS, PLAIN, info).since(3, 0),
    Spec::new("cluster|keyslot", 3, NO_KEYS, PLAIN, key_slot).since(3, 0),
    Spec::new("cluster|countkeysinslot", 3, NO_KEYS, PLAIN, count_keys).since(3, 0),
    Spec::new("cluster|getkeysinslot", 4, NO_KEYS, PLAIN, get_keys).since(3, 0),
    Spec::new("readonly", 1, NO_KEYS, FAST, |call| reads_here(call, true)).since(3, 0),
    Spec::new("readwrite", 1, NO_KEYS, FAST, |call| {
        reads_here(call, false)
    })
    .since(3, 0),
    Spec::new("asking", 1, NO_KEYS, FAST, asking).since(3, 0),
];

fn member<'a>(call: &'a Call<'_>) -> Result<&'a Member, Refusal> {
    let member = call.state.member.as_ref();
    member.ok_or_else(|| Refusal(DISABLED.to_owned()))
}

/// A line a node, and what is on its way in the line of the node itself.
fn nodes(call: &mut Call<'_>) -> Answer {
    let member = member(call)?;
    let now_ms = call.state.now_ms();
    let lines = member.known().into_iter().map(|place| {
        let mut line = line_of(member, place, now_ms);
        if place == member.me {
            for (slot, target) in &member.migrating {
                let id = &member.view.nodes[*target].id;
                write!(line, " [{slot}->-{id}]").expect("a String takes all text");
            }
            for (slot, source) in &member.importing {
                let id = &member.view.nodes[*source].id;
                write!(line, " [{slot}-<-{id}]").expect("a String takes all text");
            }
        }
        line + "\n"
    });
    Ok(Reply::Text(lines.collect()))
}

fn line_of(member: &Member, place: usize, now_ms: i64) -> String {
    let (view, seen, is_me) = (&member.view, &member.view.nodes[place], place == member.me);
    let ip = if is_me && hides_own_ip(member) {
        ""
    } else {
        &seen.host
    };
    let hostname = seen.hostname.as_ref().map(|name| format!(",{name}"));
    let primary = seen
        .replica_of
        .map(|primary| view.nodes[primary].id.as_str());
    let flags = [
        is_me.then_some("myself"),
        Some(if primary.is_some() { "slave" } else { "master" }),
        seen.has_failed.then_some("fail"),
    ];
    let flags: Vec<&str> = flags.into_iter().flatten().collect();
    // A replica says the epoch of its primary.
    let epoch = seen
        .replica_of
        .map_or(seen.epoch, |primary| view.nodes[primary].epoch);
    let mut line = format!(
        "{} {ip}:{}@{}{} {} {} 0 {} {epoch} {}",
        seen.id,
        seen.port,
        seen.bus_port(),
        hostname.unwrap_or_default(),
        flags.join(","),
        primary.unwrap_or("-"),
        if is_me { 0 } else { now_ms },
        if seen.has_failed && !is_me {
            "disconnected"
        } else {
            "connected"
        },
    );
    for range in view.ranges_of(place) {
        let (first, last) = (range.start(), range.end());
        if first == last {
            write!(line, " {first}").expect("a String takes all text");
        } else {
            write!(line, " {first}-{last}").expect("a String takes all text");
        }
    }
    line
}

/// A node that was never met does not know its own address.
fn hides_own_ip(member: &Member) -> bool {
    member.hides_own_ip || !member.myself().is_known
}

fn number(number: u16) -> Reply {
    Reply::Int(i64::from(number))
}

/// Each range with its owner and the owner's replicas that have not failed.
fn slots(call: &mut Call<'_>) -> Answer {
    let member = member(call)?;
    let ranges = member.view.ranges().into_iter().map(|(owner, range)| {
        let replicas = member.view.replicas_of(owner);
        let alive = replicas.filter(|replica| !member.view.nodes[*replica].has_failed);
        let nodes = std::iter::once(owner).chain(alive);
        let ends = [number(*range.start()), number(*range.end())];
        Reply::Array(
            ends.into_iter()
                .chain(nodes.map(|node| place_of(member, node)))
                .collect(),
        )
    });
    Ok(Reply::Array(ranges.collect()))
}

fn place_of(member: &Member, node: usize) -> Reply {
    let seen = &member.view.nodes[node];
    let hostname = seen.hostname.iter();
    let metadata = hostname.flat_map(|name| [Reply::bulk("hostname"), Reply::bulk(name.as_str())]);
    Reply::Array(vec![
        Reply::bulk(seen.host.as_str()),
        number(seen.port),
        Reply::bulk(seen.id.as_str()),
        Reply::Array(metadata.collect()),
    ])
}

fn shards(call: &mut Call<'_>) -> Answer {
    let member = member(call)?;
    let view = &member.view;
    let primaries = member
        .known()
        .into_iter()
        .filter(|place| view.nodes[*place].replica_of.is_none());
    let shards = primaries.map(|primary| {
        let ranges = view.ranges_of(primary).into_iter();
        let ends = ranges.flat_map(|range| [number(*range.start()), number(*range.end())]);
        let nodes = std::iter::once(primary).chain(view.replicas_of(primary));
        Reply::Map(vec![
            (Reply::bulk("slots"), Reply::Array(ends.collect())),
            (
                Reply::bulk("nodes"),
                Reply::Array(nodes.map(|node| shard_node(member, node)).collect()),
            ),
        ])
    });
    Ok(Reply::Array(shards.collect()))
}

fn shard_node(member: &Member, node: usize) -> Reply {
    let seen = &member.view.nodes[node];
    let text = |text: &str| Reply::bulk(text);
    let role = if seen.replica_of.is_some() {
        "replica"
    } else {
        "master"
    };
    let health = if seen.has_failed { "fail" } else { "online" };
    let mut fields = vec![
        (text("id"), text(&seen.id)),
        (text("port"), number(seen.port)),
        (text("ip"), text(&seen.host)),
        (text("endpoint"), text(&seen.host)),
    ];
    fields.extend(
        seen.hostname
            .iter()
            .map(|name| (text("hostname"), text(name))),
    );
    fields.extend([
        (text("role"), text(role)),
        (text("replication-offset"), Reply::Int(0)),
        (text("health"), text(health)),
    ]);
    Reply::Map(fields)
}

fn my_id(call: &mut Call<'_>) -> Answer {
    Ok(Reply::bulk(member(call)?.myself().id.as_str()))
}

fn info(call: &mut Call<'_>) -> Answer {
    let member = member(call)?;
    let view = &member.view;
    let is_ok = member.is_ok(call.state.needs_full_coverage());
    let (assigned, failed) = (view.assigned, view.failed);
    let known = member.known();
    let serving = known
        .iter()
        .filter(|place| !view.ranges_of(**place).is_empty())
        .count();
    let fields = [
        ("cluster_slots_assigned", assigned),
        ("cluster_slots_ok", assigned - failed),
        ("cluster_slots_pfail", 0),
        ("cluster_slots_fail", failed),
        ("cluster_known_nodes", known.len()),
        ("cluster_size", serving),
    ];
    let mut text = format!("cluster_state:{}\r\n", if is_ok { "ok" } else { "fail" });
    for (name, value) in fields {
        write!(text, "{name}:{value}\r\n").expect("a String takes all text");
    }
    let (current, own) = (view.current_epoch, member.myself().epoch);
    write!(
        text,
        "cluster_current_epoch:{current}\r\ncluster_my_epoch:{own}\r\n"
    )
    .expect("a String takes all text");
    Ok(Reply::Text(text))
}

fn key_slot(call: &mut Call<'_>) -> Answer {
    member(call)?;
    Ok(number(slot::of_key(&call.args[2])))
}

/// By what it holds, owned or not.
fn keys_in(call: &Call<'_>, slot: u16) -> Vec<Vec<u8>> {
    let all = call.state.databases[0].iter().map(|(key, _)| key);
    let mut keys: Vec<Vec<u8>> = all
        .filter(|key| slot::of_key(key) == slot)
        .map(<[u8]>::to_vec)
        .collect();
    keys.sort_unstable();
    keys
}

fn parse_slot(arg: &[u8]) -> Result<Option<u16>, Refusal> {
    let slot = u16::try_from(integer(arg)?).ok();
    Ok(slot.filter(|slot| *slot < CLUSTER_SLOTS))
}

fn count_keys(call: &mut Call<'_>) -> Answer {
    member(call)?;
    match parse_slot(&call.args[2])? {
        Some(slot) => Ok(Reply::count(keys_in(call, slot).len())),
        None => refuse("ERR Invalid slot"),
    }
}

fn get_keys(call: &mut Call<'_>) -> Answer {
    member(call)?;
    let slot = parse_slot(&call.args[2])?;
    let most = usize::try_from(integer(&call.args[3])?);
    let (Some(slot), Ok(most)) = (slot, most) else {
        return refuse("ERR Invalid slot or number of keys");
    };
    let keys = keys_in(call, slot).into_iter().take(most);
    Ok(Reply::Array(keys.map(Reply::Bulk).collect()))
}

fn reads_here(call: &mut Call<'_>, reads_here: bool) -> Answer {
    member(call)?;
    call.session.reads_here = reads_here;
    Ok(Reply::ok())
}

/// For the next command alone.
fn asking(call: &mut Call<'_>) -> Answer {
    member(call)?;
    call.session.asking = true;
    Ok(Reply::ok())
}
