//! Owns EVAL, EVALSHA and SCRIPT: finding the closure that stands for a text. It must not interpret Lua.

use super::super::options::Flavour;
use super::super::reply::Reply;
use super::super::script::ScriptCall;
use super::super::session::Session;
use super::{Answer, CONTAINER, Call, NO_KEYS, SYNTAX, Spec, integer, refuse, word};

const COUNTED: &[&str] = &["noscript", "counted_keys"];
const PLAIN: &[&str] = &["noscript"];

pub(super) const SPECS: &[Spec] = &[
    Spec::new("eval", -3, NO_KEYS, COUNTED, eval),
    Spec::new("evalsha", -3, NO_KEYS, COUNTED, evalsha),
    Spec::new("script", -2, NO_KEYS, CONTAINER, |_| refuse(SYNTAX)),
    Spec::new("script|load", 3, NO_KEYS, PLAIN, load),
    Spec::new("script|exists", -3, NO_KEYS, PLAIN, exists),
    Spec::new("script|flush", -2, NO_KEYS, PLAIN, flush),
];

fn eval(call: &mut Call<'_>) -> Answer {
    let digest = call.state.scripts.load(&call.args[1]);
    run(call, &digest)
}

fn evalsha(call: &mut Call<'_>) -> Answer {
    let digest = word(&call.args[1]);
    if !call.state.scripts.is_loaded(&digest) {
        let hint = if call.state.options.flavour == Flavour::Redis {
            " Please use EVAL."
        } else {
            ""
        };
        return refuse(format!("NOSCRIPT No matching script.{hint}"));
    }
    run(call, &digest)
}

fn run(call: &mut Call<'_>, digest: &str) -> Answer {
    let Ok(keys) = usize::try_from(integer(&call.args[2])?) else {
        return refuse("ERR Number of keys can't be negative");
    };
    let rest = &call.args[3..];
    if keys > rest.len() {
        return refuse("ERR Number of keys can't be greater than number of args");
    }
    let Some(closure) = call.state.scripts.closure(digest) else {
        return refuse("ERR scripting is not simulated");
    };
    let (keys, args) = rest.split_at(keys);
    let session = Session::of_script(call.session);
    Ok(closure(&mut ScriptCall {
        state: call.state,
        session,
        keys,
        args,
    }))
}

fn load(call: &mut Call<'_>) -> Answer {
    Ok(Reply::bulk(call.state.scripts.load(&call.args[2])))
}

fn exists(call: &mut Call<'_>) -> Answer {
    let known = |digest: &Vec<u8>| Reply::flag(call.state.scripts.is_loaded(&word(digest)));
    Ok(Reply::Array(call.args[2..].iter().map(known).collect()))
}

fn flush(call: &mut Call<'_>) -> Answer {
    call.state.scripts.forget_loaded();
    Ok(Reply::ok())
}
