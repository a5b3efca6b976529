//! Owns commands over sorted sets: ZADD, ZCARD, ZSCORE, ZRANGEBYSCORE, ZREMRANGEBYSCORE, ZREM.

use std::collections::BTreeMap;

use super::super::reply::{Proto, Reply};
use super::super::value::Value;
use super::{
    Answer, Call, FAST_READ, FAST_WRITE, ONE_KEY, READ, Refusal, SYNTAX, Spec, WRITE, WRONG_TYPE,
    integer, refuse, word,
};

pub(super) const SPECS: &[Spec] = &[
    Spec::new("zadd", -4, ONE_KEY, FAST_WRITE, zadd),
    Spec::new("zcard", 2, ONE_KEY, FAST_READ, |call| {
        call.length(|value| {
            if let Value::Zset(members) = value {
                Some(members.len())
            } else {
                None
            }
        })
    }),
    Spec::new("zscore", 3, ONE_KEY, FAST_READ, zscore),
    Spec::new("zrangebyscore", -4, ONE_KEY, READ, zrangebyscore),
    Spec::new("zremrangebyscore", 4, ONE_KEY, WRITE, zremrangebyscore),
    Spec::new("zrem", -3, ONE_KEY, FAST_WRITE, zrem),
];

type Members = BTreeMap<Vec<u8>, f64>;

fn members(value: &mut Value) -> Option<&mut Members> {
    if let Value::Zset(members) = value {
        Some(members)
    } else {
        None
    }
}

fn number(arg: &[u8], complaint: &str) -> Result<f64, Refusal> {
    let parsed = std::str::from_utf8(arg)
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    parsed
        .filter(|number| !number.is_nan())
        .ok_or_else(|| Refusal(complaint.to_owned()))
}

/// What a read sees of a sorted set, empty where the key is missing.
fn read(call: &mut Call<'_>) -> Result<Members, Refusal> {
    let args = call.args;
    match call.read(&args[1]) {
        None => Ok(Members::new()),
        Some(Value::Zset(members)) => Ok(members.clone()),
        Some(_) => refuse(WRONG_TYPE),
    }
}

fn zadd(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    let options: Vec<String> = args[2..]
        .iter()
        .map(|arg| word(arg))
        .take_while(|name| matches!(name.as_str(), "NX" | "XX" | "GT" | "LT" | "CH"))
        .collect();
    let has = |name: &str| options.iter().any(|option| option == name);
    if has("NX") && has("XX") {
        return refuse("ERR XX and NX options at the same time are not compatible");
    }
    if (has("GT") && has("LT")) || (has("NX") && (has("GT") || has("LT"))) {
        return refuse("ERR GT, LT, and/or NX options at the same time are not compatible");
    }
    let pairs = &args[2 + options.len()..];
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return refuse(SYNTAX);
    }
    let mut scores = Vec::new();
    for pair in pairs.chunks_exact(2) {
        scores.push((
            number(&pair[0], "ERR value is not a valid float")?,
            &pair[1],
        ));
    }
    let present = call.peek(&args[1]).is_some();
    if has("XX") && !present {
        return Ok(Reply::Int(0));
    }
    let set = call.change(&args[1], Value::Zset(Members::new()), members)?;
    let (mut added, mut changed) = (0, 0);
    for (score, member) in scores {
        let old = set.get(member).copied();
        let wanted = match old {
            None => !has("XX"),
            Some(old) => !has("NX") && (!has("GT") || score > old) && (!has("LT") || score < old),
        };
        if wanted {
            added += usize::from(old.is_none());
            changed += usize::from(old != Some(score));
            set.insert(member.clone(), score);
        }
    }
    Ok(Reply::count(if has("CH") { changed } else { added }))
}

fn zscore(call: &mut Call<'_>) -> Answer {
    let members = read(call)?;
    Ok(members
        .get(&call.args[2])
        .map_or(Reply::Nil, |score| Reply::Double(*score)))
}

/// One end of a range of scores; `(` excludes it.
#[derive(Clone, Copy)]
struct End {
    score: f64,
    open: bool,
}

fn end(arg: &[u8]) -> Result<End, Refusal> {
    let (text, open) = arg
        .strip_prefix(b"(")
        .map_or((arg, false), |text| (text, true));
    Ok(End {
        score: number(text, "ERR min or max is not a float")?,
        open,
    })
}

/// Members from the lowest score on, those with one score bytewise.
fn in_range(members: &Members, low: End, high: End) -> Vec<(Vec<u8>, f64)> {
    let above = |score: f64| {
        if low.open {
            score > low.score
        } else {
            score >= low.score
        }
    };
    let below = |score: f64| {
        if high.open {
            score < high.score
        } else {
            score <= high.score
        }
    };
    let mut found: Vec<(Vec<u8>, f64)> = members
        .iter()
        .filter(|(_, score)| above(**score) && below(**score))
        .map(|(member, score)| (member.clone(), *score))
        .collect();
    found.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
    found
}

fn zrangebyscore(call: &mut Call<'_>) -> Answer {
    let (low, high) = (end(&call.args[2])?, end(&call.args[3])?);
    let (mut with_scores, mut skip, mut take) = (false, 0, usize::MAX);
    let mut rest = &call.args[4..];
    while let Some(option) = rest.first() {
        match (word(option).as_str(), rest) {
            ("WITHSCORES", _) => (with_scores, rest) = (true, &rest[1..]),
            ("LIMIT", [_, offset, count, ..]) => {
                // A negative offset gives nothing, a negative count all.
                skip = usize::try_from(integer(offset)?).unwrap_or(usize::MAX);
                take = usize::try_from(integer(count)?).unwrap_or(usize::MAX);
                rest = &rest[3..];
            }
            _ => return refuse(SYNTAX),
        }
    }
    let members = read(call)?;
    let found = in_range(&members, low, high)
        .into_iter()
        .skip(skip)
        .take(take);
    Ok(Reply::Array(match (with_scores, call.session.proto) {
        (false, _) => found.map(|(member, _)| Reply::Bulk(member)).collect(),
        (true, Proto::Resp2) => found
            .flat_map(|(member, score)| [Reply::Bulk(member), Reply::Double(score)])
            .collect(),
        (true, Proto::Resp3) => found
            .map(|(member, score)| Reply::Array(vec![Reply::Bulk(member), Reply::Double(score)]))
            .collect(),
    }))
}

fn zremrangebyscore(call: &mut Call<'_>) -> Answer {
    let (low, high) = (end(&call.args[2])?, end(&call.args[3])?);
    let members = read(call)?;
    remove(
        call,
        in_range(&members, low, high)
            .into_iter()
            .map(|(member, _)| member),
    )
}

fn zrem(call: &mut Call<'_>) -> Answer {
    read(call)?;
    remove(call, call.args[2..].iter().cloned())
}

/// Takes members out, and the key with the last of them.
fn remove(call: &mut Call<'_>, unwanted: impl Iterator<Item = Vec<u8>>) -> Answer {
    let (args, database) = (call.args, call.session.database);
    if call.peek(&args[1]).is_none() {
        return Ok(Reply::Int(0));
    }
    let set = call.change(&args[1], Value::Zset(Members::new()), members)?;
    let removed = unwanted
        .filter(|member| set.remove(member).is_some())
        .count();
    if set.is_empty() {
        call.state.delete(database, &args[1]);
    }
    Ok(Reply::count(removed))
}
