//! Owns MULTI, EXEC, DISCARD, WATCH, UNWATCH. Queueing itself is part of `dispatch`.

use super::super::options::Flavour;
use super::super::reply::Reply;
use super::super::session::Transaction;
use super::dispatch::run_queued;
use super::{ALL_KEYS, Answer, Call, FAST, NO_KEYS, Spec, refuse};

const AT_ONCE: &[&str] = &["noscript", "fast", "unqueued"];

pub(super) const SPECS: &[Spec] = &[
    Spec::new("multi", 1, NO_KEYS, AT_ONCE, multi),
    Spec::new("exec", 1, NO_KEYS, AT_ONCE, exec),
    Spec::new("discard", 1, NO_KEYS, AT_ONCE, discard),
    Spec::new("watch", -2, ALL_KEYS, AT_ONCE, watch),
    Spec::new("unwatch", 1, NO_KEYS, FAST, unwatch),
];

/// What may not stand in a MULTI. Valkey breaks the transaction for it, Redis 7.0 goes on.
fn not_inside(call: &mut Call<'_>, name: &str, redis_text: &str) -> Answer {
    if call.state.options.flavour == Flavour::Redis {
        return refuse(redis_text);
    }
    if let Some(transaction) = &mut call.session.transaction {
        transaction.broken = true;
    }
    refuse(format!(
        "ERR Command '{name}' not allowed inside a transaction"
    ))
}

fn multi(call: &mut Call<'_>) -> Answer {
    if call.session.transaction.is_some() {
        return not_inside(call, "multi", "ERR MULTI calls can not be nested");
    }
    call.session.transaction = Some(Transaction::default());
    Ok(Reply::ok())
}

/// Drops every WATCH of the connection, whatever comes of it.
fn exec(call: &mut Call<'_>) -> Answer {
    let Some(transaction) = call.session.transaction.take() else {
        return refuse("ERR EXEC without MULTI");
    };
    // A watched key that has expired since counts as changed.
    for (database, key) in call.state.watchers.keys_of(call.session.id) {
        call.state.expire_if_due(database, &key);
    }
    let spoilt = call.state.watchers.forget(call.session.id);
    if transaction.broken {
        return refuse("EXECABORT Transaction discarded because of previous errors.");
    }
    if spoilt {
        return Ok(Reply::NilArray);
    }
    let run = |args: &Vec<Vec<u8>>| run_queued(call.state, call.session, args, call.edit);
    Ok(Reply::Array(transaction.queue.iter().map(run).collect()))
}

fn discard(call: &mut Call<'_>) -> Answer {
    if call.session.transaction.take().is_none() {
        return refuse("ERR DISCARD without MULTI");
    }
    call.state.watchers.forget(call.session.id);
    Ok(Reply::ok())
}

fn watch(call: &mut Call<'_>) -> Answer {
    if call.session.transaction.is_some() {
        return not_inside(call, "watch", "ERR WATCH inside MULTI is not allowed");
    }
    for key in &call.args[1..] {
        // One that has expired already is gone before it is watched, so its going is no change.
        call.state.expire_if_due(call.session.database, key);
        call.state
            .watchers
            .watch(call.session.id, call.session.database, key);
    }
    Ok(Reply::ok())
}

fn unwatch(call: &mut Call<'_>) -> Answer {
    call.state.watchers.forget(call.session.id);
    Ok(Reply::ok())
}
