//! Owns the list of commands: names, arities, flags, key positions, since when. What each does is in the files beside;
//! the order of checks before it is in `dispatch`.

mod cluster;
mod collections;
mod connection;
pub(crate) mod dispatch;
mod keys;
mod keyspace;
mod scan;
mod script;
mod server;
mod strings;
mod transaction;
mod zset;

pub(crate) use connection::first_user as connection_user;

use super::data::State;
use super::options::{SimOptions, normal_name};
use super::plan::PageEdit;
use super::reply::Reply;
use super::session::Session;
use super::value::{Entry, Value};

/// An error reply: its text, the code first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

pub(crate) type Answer = Result<Reply, Refusal>;

/// An error reply as a command's answer.
fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

const SYNTAX: &str = "ERR syntax error";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

/// Where a command's keys stand among its arguments, as COMMAND INFO says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyAt {
    first: usize,
    last: isize,
    step: usize,
}

const NO_KEYS: KeyAt = KeyAt {
    first: 0,
    last: 0,
    step: 0,
};
const ONE_KEY: KeyAt = KeyAt {
    first: 1,
    last: 1,
    step: 1,
};
const ALL_KEYS: KeyAt = KeyAt {
    first: 1,
    last: -1,
    step: 1,
};
const SUB_KEY: KeyAt = KeyAt {
    first: 2,
    last: 2,
    step: 1,
};

/// One command, or one subcommand as `config|get`.
#[derive(Debug)]
pub(crate) struct Spec {
    name: &'static str,
    /// Arguments with the name; negative is "at least".
    arity: i64,
    flags: &'static [&'static str],
    keys: KeyAt,
    /// First Redis release that has it.
    since: (u32, u32),
    run: fn(&mut Call<'_>) -> Answer,
}

impl Spec {
    const fn new(
        name: &'static str,
        arity: i64,
        keys: KeyAt,
        flags: &'static [&'static str],
        run: fn(&mut Call<'_>) -> Answer,
    ) -> Self {
        Self {
            name,
            arity,
            flags,
            keys,
            since: (1, 0),
            run,
        }
    }

    const fn since(mut self, major: u32, minor: u32) -> Self {
        self.since = (major, minor);
        self
    }

    fn is(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    fn known_to(&self, options: &SimOptions) -> bool {
        options.release() >= self.since && !options.off.contains(&normal_name(self.name))
    }

    fn takes(&self, args: usize) -> bool {
        let args = i64::try_from(args).unwrap_or(i64::MAX);
        if self.arity < 0 {
            args >= -self.arity
        } else {
            args == self.arity
        }
    }
}

const WRITE: &[&str] = &["write"];
const FAST_WRITE: &[&str] = &["write", "fast"];
const READ: &[&str] = &["readonly"];
const FAST_READ: &[&str] = &["readonly", "fast"];
const FAST: &[&str] = &["fast"];
const ADMIN: &[&str] = &["admin", "noscript", "loading", "stale"];
const PLAIN: &[&str] = &["loading", "stale"];
/// A command that is nothing without its subcommand.
const CONTAINER: &[&str] = &["container"];

fn specs() -> impl Iterator<Item = &'static Spec> {
    [
        connection::SPECS,
        server::SPECS,
        keys::SPECS,
        keyspace::SPECS,
        scan::SPECS,
        strings::SPECS,
        collections::SPECS,
        zset::SPECS,
        transaction::SPECS,
        script::SPECS,
        cluster::SPECS,
    ]
    .into_iter()
    .flatten()
}

/// By the name that COMMAND INFO uses, in any case; none where this server does not have it.
fn find(options: &SimOptions, name: &[u8]) -> Option<&'static Spec> {
    specs()
        .find(|spec| spec.name.as_bytes().eq_ignore_ascii_case(name))
        .filter(|spec| spec.known_to(options))
}

/// What a request is called in counts, rules and ACLs: `SCAN`, `CONFIG GET`.
pub(crate) fn name_of(args: &[Vec<u8>]) -> String {
    let text = |arg: &Vec<u8>| String::from_utf8_lossy(arg).to_ascii_uppercase();
    let name = args.first().map(text).unwrap_or_default();
    let container =
        specs().any(|spec| spec.is("container") && spec.name.eq_ignore_ascii_case(&name));
    match args.get(1) {
        Some(sub) if container => format!("{name} {}", text(sub)),
        _ => name,
    }
}

/// One command on its way.
pub(crate) struct Call<'a> {
    state: &'a mut State,
    session: &'a mut Session,
    args: &'a [Vec<u8>],
    edit: PageEdit,
}

impl Call<'_> {
    /// An entry, without touching it.
    fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        self.state.peek(self.session.database, key)
    }

    /// A value as a read sees it: its idle time starts anew, unless the connection is NO-TOUCH.
    fn read(&mut self, key: &[u8]) -> Option<&Value> {
        let now_ms = self.state.now_ms();
        let touches = !self.session.no_touch;
        let entry = self.state.entry_mut(self.session.database, key)?;
        if touches {
            entry.touched_at_ms = now_ms;
        }
        Some(&entry.value)
    }

    /// A value of one type, to be changed, made where the key is missing. It counts as changed even if nothing is.
    fn change<T>(
        &mut self,
        key: &[u8],
        empty: Value,
        pick: fn(&mut Value) -> Option<&mut T>,
    ) -> Result<&mut T, Refusal> {
        let (database, now_ms) = (self.session.database, self.state.now_ms());
        match self
            .state
            .entry_mut(database, key)
            .map(|entry| pick(&mut entry.value).is_some())
        {
            Some(true) => self.state.watchers.changed(database, key),
            Some(false) => return refuse(WRONG_TYPE),
            None => self.state.store(database, key, empty, None),
        }
        let entry = self
            .state
            .entry_mut(database, key)
            .expect("found or stored above, by a clock that stood still");
        entry.touched_at_ms = now_ms;
        Ok(pick(&mut entry.value).expect("its type was checked above"))
    }

    /// The length of a value of one type, 0 where the key is missing.
    fn length(&mut self, size: fn(&Value) -> Option<usize>) -> Answer {
        let args = self.args;
        match self.read(&args[1]).map(size) {
            None => Ok(Reply::Int(0)),
            Some(Some(length)) => Ok(Reply::count(length)),
            Some(None) => refuse(WRONG_TYPE),
        }
    }
}

/// An integer as the server reads one.
fn integer(arg: &[u8]) -> Result<i64, Refusal> {
    let text = std::str::from_utf8(arg)
        .ok()
        .filter(|text| !text.starts_with('+'));
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Refusal(NOT_AN_INTEGER.to_owned()))
}

/// An argument as an option's name, in upper case.
fn word(arg: &[u8]) -> String {
    String::from_utf8_lossy(arg).to_ascii_uppercase()
}
