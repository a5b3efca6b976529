//! Owns commands about the connection itself: PING, ECHO, HELLO, AUTH, SELECT, QUIT, RESET, CLIENT. It must not touch data.

use super::super::data::State;
use super::super::options::{Flavour, Role};
use super::super::reply::{Proto, Reply};
use super::super::session::{Replies, Session, Who};
use super::{
    Answer, CONTAINER, Call, FAST, NO_KEYS, PLAIN, Refusal, SYNTAX, Spec, integer, refuse, word,
};
use crate::limits::DATABASES;

const UNGUARDED: &[&str] = &["fast", "no_auth", "loading", "stale"];
const LEAVING: &[&str] = &["fast", "no_auth", "unqueued"];

pub(super) const SPECS: &[Spec] = &[
    Spec::new("ping", -1, NO_KEYS, FAST, ping),
    Spec::new("echo", 2, NO_KEYS, FAST, |call| {
        Ok(Reply::bulk(call.args[1].clone()))
    }),
    Spec::new("hello", -1, NO_KEYS, UNGUARDED, hello).since(6, 0),
    Spec::new("auth", -2, NO_KEYS, UNGUARDED, auth),
    Spec::new("select", 2, NO_KEYS, FAST, select),
    Spec::new("quit", -1, NO_KEYS, LEAVING, quit),
    Spec::new("reset", 1, NO_KEYS, LEAVING, reset).since(6, 2),
    Spec::new("client", -2, NO_KEYS, CONTAINER, |_| refuse(SYNTAX)),
    Spec::new("client|id", 2, NO_KEYS, PLAIN, client_id).since(5, 0),
    Spec::new("client|getname", 2, NO_KEYS, PLAIN, client_getname),
    Spec::new("client|setname", 3, NO_KEYS, PLAIN, client_setname),
    Spec::new("client|setinfo", 4, NO_KEYS, PLAIN, client_setinfo).since(7, 2),
    Spec::new("client|no-touch", 3, NO_KEYS, PLAIN, client_no_touch).since(7, 2),
    Spec::new("client|no-evict", 3, NO_KEYS, PLAIN, |call| {
        switch(call).map(|_| Reply::ok())
    })
    .since(7, 0),
    Spec::new("client|reply", 3, NO_KEYS, PLAIN, client_reply).since(3, 2),
];

const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

fn ping(call: &mut Call<'_>) -> Answer {
    match call.args {
        [_] => Ok(Reply::Status("PONG".to_owned())),
        [_, text] => Ok(Reply::bulk(text.clone())),
        _ => refuse("ERR wrong number of arguments for 'ping' command"),
    }
}

fn hello(call: &mut Call<'_>) -> Answer {
    let proto = match call.args.get(1).map(|arg| integer(arg)) {
        None => call.session.proto,
        Some(Ok(2)) => Proto::Resp2,
        Some(Ok(3)) => Proto::Resp3,
        Some(Ok(_)) => return refuse("NOPROTO unsupported protocol version"),
        Some(Err(_)) => return refuse("ERR Protocol version is not an integer or out of range"),
    };
    let (mut login, mut name) = (None, None);
    let mut rest = call.args.get(2..).unwrap_or_default();
    while let Some(option) = rest.first() {
        match (word(option).as_str(), rest) {
            ("AUTH", [_, user, password, ..]) => {
                (login, rest) = (Some((user, password)), &rest[3..])
            }
            ("SETNAME", [_, client, ..]) => (name, rest) = (Some(client), &rest[2..]),
            _ => {
                return refuse(format!(
                    "ERR Syntax error in HELLO option '{}'",
                    String::from_utf8_lossy(option)
                ));
            }
        }
    }
    if let Some((user, password)) = login {
        call.session.who = Who::User(authenticate(call.state, user, password)?);
    }
    if call.session.who == Who::Nobody {
        let proto = if call.state.options.flavour == Flavour::Valkey {
            "HELLO <proto> AUTH"
        } else {
            "HELLO AUTH"
        };
        return refuse(format!(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the {proto} <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time"
        ));
    }
    if let Some(name) = name {
        set_name(call.session, name)?;
    }
    call.session.proto = proto;
    Ok(greeting(call.state, call.session))
}

fn greeting(state: &State, session: &Session) -> Reply {
    let text = |text: &str| Reply::bulk(text);
    let server = match state.options.flavour {
        Flavour::Redis => "redis",
        Flavour::Valkey => "valkey",
    };
    let role = match state.options.role {
        Role::Primary => "master",
        Role::Replica => "replica",
    };
    Reply::Map(vec![
        (text("server"), text(server)),
        (text("version"), text(&state.options.version)),
        (
            text("proto"),
            Reply::Int(if session.proto == Proto::Resp3 { 3 } else { 2 }),
        ),
        (text("id"), Reply::Int(client_number(session))),
        (text("mode"), text(state.mode())),
        (text("role"), text(role)),
        (text("modules"), Reply::Array(Vec::new())),
    ])
}

fn auth(call: &mut Call<'_>) -> Answer {
    let (user, password) = match call.args {
        [_, password] if call.state.options.password.is_some() => (&b"default"[..], password),
        [_, _] => {
            return refuse(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            );
        }
        [_, user, password] => (user.as_slice(), password),
        _ => return refuse(SYNTAX),
    };
    call.session.who = Who::User(authenticate(call.state, user, password)?);
    Ok(Reply::ok())
}

/// The user's name, where the password is right. Without a password of its own the default user takes any.
fn authenticate(state: &State, user: &[u8], password: &[u8]) -> Result<String, Refusal> {
    let default = user == b"default";
    let right = if default {
        state
            .options
            .password
            .as_ref()
            .is_none_or(|expected| expected.as_bytes() == password)
    } else {
        let known = state
            .options
            .users
            .iter()
            .find(|known| known.name.as_bytes() == user);
        known.is_some_and(|known| known.password.as_bytes() == password)
    };
    if right {
        Ok(String::from_utf8_lossy(user).into_owned())
    } else {
        refuse(WRONG_PASSWORD)
    }
}

fn select(call: &mut Call<'_>) -> Answer {
    let number = integer(&call.args[1])?;
    match usize::try_from(number)
        .ok()
        .filter(|number| *number < DATABASES)
    {
        Some(number) if number > 0 && call.state.member.is_some() => {
            return refuse(match call.state.options.flavour {
                Flavour::Redis => "ERR SELECT is not allowed in cluster mode",
                Flavour::Valkey => "ERR DB index is out of range",
            });
        }
        Some(number) => call.session.database = number,
        None => return refuse("ERR DB index is out of range"),
    }
    Ok(Reply::ok())
}

fn quit(call: &mut Call<'_>) -> Answer {
    call.session.closing = true;
    Ok(Reply::ok())
}

fn reset(call: &mut Call<'_>) -> Answer {
    call.state.watchers.forget(call.session.id);
    *call.session = Session::new(call.session.id, first_user(call.state));
    Ok(Reply::Status("RESET".to_owned()))
}

/// Who a new connection is.
pub(crate) fn first_user(state: &State) -> Who {
    if state.options.password.is_some() {
        Who::Nobody
    } else {
        Who::User("default".to_owned())
    }
}

fn client_number(session: &Session) -> i64 {
    i64::try_from(session.id).expect("connections are counted from 1")
}

fn client_id(call: &mut Call<'_>) -> Answer {
    Ok(Reply::Int(client_number(call.session)))
}

fn client_getname(call: &mut Call<'_>) -> Answer {
    let name = &call.session.name;
    Ok(if name.is_empty() {
        Reply::Nil
    } else {
        Reply::bulk(name.clone())
    })
}

fn client_setname(call: &mut Call<'_>) -> Answer {
    set_name(call.session, &call.args[2])?;
    Ok(Reply::ok())
}

fn set_name(session: &mut Session, name: &[u8]) -> Result<(), Refusal> {
    if !name.iter().all(u8::is_ascii_graphic) {
        return refuse("ERR Client names cannot contain spaces, newlines or special characters.");
    }
    session.name = name.to_vec();
    Ok(())
}

fn client_setinfo(call: &mut Call<'_>) -> Answer {
    match word(&call.args[2]).as_str() {
        "LIB-NAME" | "LIB-VER" => Ok(Reply::ok()),
        _ => refuse(format!(
            "ERR Unrecognized option '{}'",
            String::from_utf8_lossy(&call.args[2])
        )),
    }
}

fn switch(call: &Call<'_>) -> Result<bool, Refusal> {
    match word(&call.args[2]).as_str() {
        "ON" => Ok(true),
        "OFF" => Ok(false),
        _ => refuse(SYNTAX),
    }
}

fn client_no_touch(call: &mut Call<'_>) -> Answer {
    call.session.no_touch = switch(call)?;
    Ok(Reply::ok())
}

fn client_reply(call: &mut Call<'_>) -> Answer {
    call.session.replies = match word(&call.args[2]).as_str() {
        "ON" => Replies::On,
        "OFF" => Replies::Off,
        "SKIP" => Replies::SkipNext,
        _ => return refuse(SYNTAX),
    };
    Ok(Reply::ok())
}
