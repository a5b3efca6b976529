//! Owns commands about single keys of any type: DEL, UNLINK, EXISTS, TYPE, TTLs, OBJECT IDLETIME. It must not look into values.

use super::super::reply::Reply;
use super::{
    ALL_KEYS, Answer, CONTAINER, Call, FAST_READ, FAST_WRITE, NO_KEYS, ONE_KEY, READ, SUB_KEY,
    SYNTAX, Spec, WRITE, integer, refuse, word,
};

pub(super) const SPECS: &[Spec] = &[
    Spec::new("del", -2, ALL_KEYS, WRITE, delete),
    Spec::new("unlink", -2, ALL_KEYS, FAST_WRITE, delete).since(4, 0),
    Spec::new("exists", -2, ALL_KEYS, FAST_READ, exists),
    Spec::new("touch", -2, ALL_KEYS, FAST_READ, touch).since(3, 2),
    Spec::new("type", 2, ONE_KEY, FAST_READ, type_of),
    Spec::new("ttl", 2, ONE_KEY, FAST_READ, |call| {
        expiry(call, |at, now| (at - now + 500) / 1000)
    }),
    Spec::new("pttl", 2, ONE_KEY, FAST_READ, |call| {
        expiry(call, |at, now| at - now)
    }),
    Spec::new("expiretime", 2, ONE_KEY, FAST_READ, |call| {
        expiry(call, |at, _| (at + 500) / 1000)
    })
    .since(7, 0),
    Spec::new("pexpiretime", 2, ONE_KEY, FAST_READ, |call| {
        expiry(call, |at, _| at)
    })
    .since(7, 0),
    Spec::new("expire", -3, ONE_KEY, FAST_WRITE, |call| {
        expire(call, "expire", 1000, true)
    }),
    Spec::new("pexpire", -3, ONE_KEY, FAST_WRITE, |call| {
        expire(call, "pexpire", 1, true)
    }),
    Spec::new("expireat", -3, ONE_KEY, FAST_WRITE, |call| {
        expire(call, "expireat", 1000, false)
    }),
    Spec::new("pexpireat", -3, ONE_KEY, FAST_WRITE, |call| {
        expire(call, "pexpireat", 1, false)
    }),
    Spec::new("persist", 2, ONE_KEY, FAST_WRITE, persist),
    Spec::new("object", -2, NO_KEYS, CONTAINER, |_| refuse(SYNTAX)),
    Spec::new("object|idletime", 3, SUB_KEY, READ, idle_time),
    Spec::new("object|refcount", 3, SUB_KEY, READ, references),
];

fn delete(call: &mut Call<'_>) -> Answer {
    let database = call.session.database;
    let removed = call.args[1..]
        .iter()
        .filter(|key| call.state.delete(database, key))
        .count();
    Ok(Reply::count(removed))
}

fn exists(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    Ok(Reply::count(
        args[1..]
            .iter()
            .filter(|key| call.peek(key).is_some())
            .count(),
    ))
}

fn touch(call: &mut Call<'_>) -> Answer {
    let (args, now_ms, database) = (call.args, call.state.now_ms(), call.session.database);
    let mut touched = 0;
    for key in &args[1..] {
        // TOUCH resets the idle time even of a NO-TOUCH connection.
        if let Some(entry) = call.state.entry_mut(database, key) {
            entry.touched_at_ms = now_ms;
            touched += 1;
        }
    }
    Ok(Reply::Int(touched))
}

fn type_of(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    let name = call
        .peek(&args[1])
        .map_or("none", |entry| entry.value.type_name());
    Ok(Reply::Status(name.to_owned()))
}

/// -2 without the key, -1 without an expiry, else what `shown` makes of the expiry and the clock, both in milliseconds.
fn expiry(call: &mut Call<'_>, shown: fn(i64, i64) -> i64) -> Answer {
    let (args, now_ms) = (call.args, call.state.now_ms());
    Ok(Reply::Int(match call.peek(&args[1]) {
        None => -2,
        Some(entry) => entry.expires_at_ms.map_or(-1, |at| shown(at, now_ms)),
    }))
}

fn expire(call: &mut Call<'_>, name: &str, unit_ms: i64, relative: bool) -> Answer {
    let (args, now_ms, database) = (call.args, call.state.now_ms(), call.session.database);
    let base = if relative { now_ms } else { 0 };
    let at = integer(&args[2])?
        .checked_mul(unit_ms)
        .and_then(|time| time.checked_add(base));
    let Some(at) = at else {
        return refuse(format!("ERR invalid expire time in '{name}' command"));
    };
    let mut conditions = Vec::new();
    for arg in &args[3..] {
        let condition = word(arg);
        if !matches!(condition.as_str(), "NX" | "XX" | "GT" | "LT") {
            return refuse(format!(
                "ERR Unsupported option {}",
                String::from_utf8_lossy(arg)
            ));
        }
        conditions.push(condition);
    }
    let Some(entry) = call.state.entry_mut(database, &args[1]) else {
        return Ok(Reply::Int(0));
    };
    let old = entry.expires_at_ms;
    let holds = |condition: &String| match condition.as_str() {
        "NX" => old.is_none(),
        "XX" => old.is_some(),
        // No expiry counts as the farthest.
        "GT" => old.is_some_and(|old| at > old),
        _ => old.is_none_or(|old| at < old),
    };
    if !conditions.iter().all(holds) {
        return Ok(Reply::Int(0));
    }
    if at <= now_ms {
        call.state.delete(database, &args[1]);
    } else {
        entry.expires_at_ms = Some(at);
        call.state.watchers.changed(database, &args[1]);
    }
    Ok(Reply::Int(1))
}

fn persist(call: &mut Call<'_>) -> Answer {
    let (args, database) = (call.args, call.session.database);
    let had = call
        .state
        .entry_mut(database, &args[1])
        .and_then(|entry| entry.expires_at_ms.take())
        .is_some();
    if had {
        call.state.watchers.changed(database, &args[1]);
    }
    Ok(Reply::flag(had))
}

fn idle_time(call: &mut Call<'_>) -> Answer {
    let (args, now_ms) = (call.args, call.state.now_ms());
    let lfu = call
        .state
        .options
        .config
        .get("maxmemory-policy")
        .is_some_and(|policy| policy.ends_with("lfu"));
    let Some(entry) = call.peek(&args[2]) else {
        return Ok(Reply::Nil);
    };
    if lfu {
        return refuse(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
             policies at runtime LRU and LFU data will take some time to adjust.",
        );
    }
    Ok(Reply::Int((now_ms - entry.touched_at_ms) / 1000))
}

/// No two keys share a value here.
fn references(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    Ok(call.peek(&args[2]).map_or(Reply::Nil, |_| Reply::Int(1)))
}
