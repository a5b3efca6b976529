//! Owns commands over a whole database: DBSIZE, KEYS, RANDOMKEY, FLUSHDB, FLUSHALL. SCAN has a file of its own.

use super::super::glob;
use super::super::reply::Reply;
use super::{Answer, Call, FAST_READ, NO_KEYS, READ, SYNTAX, Spec, WRITE, refuse, word};
use crate::limits::DATABASES;

pub(super) const SPECS: &[Spec] = &[
    Spec::new("dbsize", 1, NO_KEYS, FAST_READ, dbsize),
    Spec::new("keys", 2, NO_KEYS, READ, keys),
    Spec::new("randomkey", 1, NO_KEYS, READ, randomkey),
    Spec::new("flushdb", -1, NO_KEYS, WRITE, flushdb),
    Spec::new("flushall", -1, NO_KEYS, WRITE, flushall),
];

/// With keys that have expired and not been met since, as the server counts.
fn dbsize(call: &mut Call<'_>) -> Answer {
    Ok(Reply::count(
        call.state.databases[call.session.database].len(),
    ))
}

fn keys(call: &mut Call<'_>) -> Answer {
    let (state, pattern) = (&*call.state, &call.args[1]);
    let table = state.databases[call.session.database].iter();
    let wanted = table.filter(|(key, entry)| glob::selects(pattern, key) && !state.is_due(entry));
    Ok(Reply::Array(
        wanted.map(|(key, _)| Reply::bulk(key)).collect(),
    ))
}

fn randomkey(call: &mut Call<'_>) -> Answer {
    let pick = call.state.random.next();
    let keys = call.state.keys(call.session.database);
    if keys.is_empty() {
        return Ok(Reply::Nil);
    }
    let at = usize::try_from(pick % keys.len() as u64).expect("below a length");
    Ok(Reply::bulk(keys[at].clone()))
}

fn check_mode(call: &Call<'_>) -> Result<(), super::Refusal> {
    match &call.args[1..] {
        [] => Ok(()),
        [mode] if matches!(word(mode).as_str(), "SYNC" | "ASYNC") => Ok(()),
        _ => refuse(SYNTAX),
    }
}

fn flushdb(call: &mut Call<'_>) -> Answer {
    check_mode(call)?;
    call.state.flush(call.session.database);
    Ok(Reply::ok())
}

fn flushall(call: &mut Call<'_>) -> Answer {
    check_mode(call)?;
    for database in 0..DATABASES {
        call.state.flush(database);
    }
    Ok(Reply::ok())
}
