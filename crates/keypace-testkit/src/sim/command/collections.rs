//! Owns commands over lists, sets and hashes, as few as fixtures need: RPUSH, LLEN, SADD, SCARD, HSET, HLEN.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::reply::Reply;
use super::super::value::Value;
use super::{Answer, Call, FAST_READ, FAST_WRITE, ONE_KEY, Spec, refuse};

pub(super) const SPECS: &[Spec] = &[
    Spec::new("rpush", -3, ONE_KEY, FAST_WRITE, rpush),
    Spec::new("llen", 2, ONE_KEY, FAST_READ, |call| {
        call.length(|value| {
            if let Value::List(items) = value {
                Some(items.len())
            } else {
                None
            }
        })
    }),
    Spec::new("sadd", -3, ONE_KEY, FAST_WRITE, sadd),
    Spec::new("scard", 2, ONE_KEY, FAST_READ, |call| {
        call.length(|value| {
            if let Value::Set(items) = value {
                Some(items.len())
            } else {
                None
            }
        })
    }),
    Spec::new("hset", -4, ONE_KEY, FAST_WRITE, hset),
    Spec::new("hlen", 2, ONE_KEY, FAST_READ, |call| {
        call.length(|value| {
            if let Value::Hash(fields) = value {
                Some(fields.len())
            } else {
                None
            }
        })
    }),
];

fn rpush(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    let list = call.change(&args[1], Value::List(VecDeque::new()), |value| {
        if let Value::List(items) = value {
            Some(items)
        } else {
            None
        }
    })?;
    list.extend(args[2..].iter().cloned());
    Ok(Reply::count(list.len()))
}

fn sadd(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    let set = call.change(&args[1], Value::Set(BTreeSet::new()), |value| {
        if let Value::Set(items) = value {
            Some(items)
        } else {
            None
        }
    })?;
    Ok(Reply::count(
        args[2..]
            .iter()
            .filter(|item| set.insert((*item).clone()))
            .count(),
    ))
}

fn hset(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    if !args.len().is_multiple_of(2) {
        return refuse("ERR wrong number of arguments for 'hset' command");
    }
    let hash = call.change(&args[1], Value::Hash(BTreeMap::new()), |value| {
        if let Value::Hash(fields) = value {
            Some(fields)
        } else {
            None
        }
    })?;
    let new = args[2..]
        .chunks_exact(2)
        .filter(|pair| hash.insert(pair[0].clone(), pair[1].clone()).is_none());
    Ok(Reply::count(new.count()))
}
