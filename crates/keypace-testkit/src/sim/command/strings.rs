//! Owns commands over strings: GET, SET, MGET, MSET, STRLEN.

use super::super::reply::Reply;
use super::super::value::Value;
use super::{
    ALL_KEYS, Answer, Call, FAST_READ, KeyAt, ONE_KEY, Refusal, SYNTAX, Spec, WRITE, WRONG_TYPE,
    integer, refuse, word,
};

const PAIRS: KeyAt = KeyAt {
    first: 1,
    last: -1,
    step: 2,
};

pub(super) const SPECS: &[Spec] = &[
    Spec::new("get", 2, ONE_KEY, FAST_READ, get),
    Spec::new("set", -3, ONE_KEY, WRITE, set),
    Spec::new("mget", -2, ALL_KEYS, FAST_READ, mget),
    Spec::new("mset", -3, PAIRS, WRITE, mset),
    Spec::new("strlen", 2, ONE_KEY, FAST_READ, |call| {
        call.length(|value| {
            if let Value::Str(bytes) = value {
                Some(bytes.len())
            } else {
                None
            }
        })
    }),
];

fn string(value: Option<&Value>) -> Answer {
    match value {
        None => Ok(Reply::Nil),
        Some(Value::Str(bytes)) => Ok(Reply::bulk(bytes.clone())),
        Some(_) => refuse(WRONG_TYPE),
    }
}

fn get(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    string(call.read(&args[1]))
}

fn mget(call: &mut Call<'_>) -> Answer {
    let args = call.args;
    Ok(Reply::Array(
        args[1..]
            .iter()
            .map(|key| string(call.read(key)).unwrap_or(Reply::Nil))
            .collect(),
    ))
}

fn mset(call: &mut Call<'_>) -> Answer {
    if call.args.len().is_multiple_of(2) {
        return refuse("ERR wrong number of arguments for 'mset' command");
    }
    for pair in call.args[1..].chunks_exact(2) {
        call.state.store(
            call.session.database,
            &pair[0],
            Value::Str(pair[1].clone()),
            None,
        );
    }
    Ok(Reply::ok())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Missing,
    Present,
}

#[derive(Clone, Copy)]
enum Expiry {
    Drop,
    Keep,
    At(i64),
}

struct SetOptions {
    condition: Option<Condition>,
    expiry: Option<Expiry>,
    get: bool,
}

fn parse_set(now_ms: i64, mut rest: &[Vec<u8>]) -> Result<SetOptions, Refusal> {
    let mut options = SetOptions {
        condition: None,
        expiry: None,
        get: false,
    };
    while let Some(arg) = rest.first() {
        let name = word(arg);
        match (name.as_str(), rest.get(1)) {
            ("NX", _) if options.condition.is_none() => {
                options.condition = Some(Condition::Missing)
            }
            ("XX", _) if options.condition.is_none() => {
                options.condition = Some(Condition::Present)
            }
            ("GET", _) => options.get = true,
            ("KEEPTTL", _) if options.expiry.is_none() => options.expiry = Some(Expiry::Keep),
            ("EX" | "PX" | "EXAT" | "PXAT", Some(value)) if options.expiry.is_none() => {
                options.expiry = Some(Expiry::At(expiry_ms(&name, value, now_ms)?));
                rest = &rest[1..];
            }
            _ => return refuse(SYNTAX),
        }
        rest = &rest[1..];
    }
    Ok(options)
}

fn expiry_ms(unit: &str, value: &[u8], now_ms: i64) -> Result<i64, Refusal> {
    let number = integer(value)?;
    let scaled = if unit.starts_with("EX") {
        number.checked_mul(1000)
    } else {
        Some(number)
    };
    let base = if unit.ends_with("AT") { 0 } else { now_ms };
    let at = scaled
        .filter(|_| number > 0)
        .and_then(|time| time.checked_add(base));
    at.ok_or_else(|| Refusal("ERR invalid expire time in 'set' command".to_owned()))
}

fn set(call: &mut Call<'_>) -> Answer {
    let (args, now_ms, database) = (call.args, call.state.now_ms(), call.session.database);
    let options = parse_set(now_ms, &args[3..])?;
    let old = if options.get {
        string(call.read(&args[1]))?
    } else {
        Reply::Nil
    };
    let present = call.peek(&args[1]).map(|entry| entry.expires_at_ms);
    let refused = match options.condition {
        Some(Condition::Missing) => present.is_some(),
        Some(Condition::Present) => present.is_none(),
        None => false,
    };
    if refused {
        return Ok(old);
    }
    let expires = match options.expiry.unwrap_or(Expiry::Drop) {
        Expiry::Drop => None,
        Expiry::Keep => present.flatten(),
        Expiry::At(at) => Some(at),
    };
    call.state
        .store(database, &args[1], Value::Str(args[2].clone()), expires);
    Ok(if options.get { old } else { Reply::ok() })
}
