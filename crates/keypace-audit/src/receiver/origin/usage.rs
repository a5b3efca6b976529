//! Clients by what they are used for: a name on which several of Redis's own commands are called.
//! Must not read bindings: `reading` does.

use std::collections::{BTreeSet, HashMap};

use super::{Origins, Root};
use crate::facts::{Binding, Call, Expr, FunctionId};
use crate::receiver::argument;
use crate::receiver::clients;
use crate::receiver::shape::{Known, Shape, Sure, shape_of_method};
use crate::receiver::verb::is_raw_method;

/// So many commands on one name are no chance.
const ENOUGH: usize = 2;

impl Origins<'_> {
    /// Names that nothing else tells of, on which commands are called that only Redis has.
    pub(super) fn read_usage(&mut self) {
        let mut used: HashMap<(Root, String), BTreeSet<&str>> = HashMap::new();
        for call in &self.facts.calls {
            let Some(receiver @ Expr::Path(path)) = &call.receiver else {
                continue;
            };
            let Some(command) = own_command(call) else {
                continue;
            };
            let known = self.known(receiver, call.function, call.class);
            // Beside a library's import a name like `client` tells by itself.
            if known.is_some_and(|known| known.sure >= Sure::Own || self.library) {
                continue;
            }
            if let Some(place) = self.place_of(path, call) {
                used.entry(place).or_default().insert(command);
            }
        }
        for ((root, name), commands) in used {
            if commands.len() < ENOUGH {
                continue;
            }
            let known = Known {
                sure: Sure::Own,
                shape: Shape::Client,
                cluster: false,
            };
            match name.rsplit_once('.') {
                Some((_, last)) => self.members.entry(last.to_owned()).or_insert(known),
                None => self.names.entry((root, name)).or_insert(known),
            };
        }
    }

    /// `servers.append(redis.Redis(db=db))`: a list of clients.
    pub(super) fn read_kept(&mut self) {
        for call in &self.facts.calls {
            let ("append" | "push" | "<<" | "add", Some(Expr::Path(path)), [kept @ Expr::Call(_)]) =
                (call.name.as_str(), &call.receiver, call.args.as_slice())
            else {
                continue;
            };
            let known = self.known(kept, call.function, call.class);
            let Some(known) = known.filter(|known| known.sure == Sure::Resolved) else {
                continue;
            };
            if known.shape == Shape::Client && path.len() == 1 {
                let place = (self.root(call.function), path[0].clone());
                self.others.remove(&place);
                self.names.insert(place, known);
            }
        }
    }

    /// Where a name is known: in its function, where that has it as a parameter or gives it a value, or in the whole file.
    /// What a block is given, or what sends commands together, is left to those who know more.
    fn place_of(&self, path: &[String], call: &Call) -> Option<(Root, String)> {
        let (first, rest) = path.split_first()?;
        if queues(path.last()?) || self.bindings_of(path).iter().any(|own| self.is_queue(own)) {
            return None;
        }
        if first == "self" && !rest.is_empty() {
            return Some((None, path.join(".")));
        }
        if !rest.is_empty() || first.starts_with(char::is_uppercase) {
            return None;
        }
        let is_given = |id: FunctionId| {
            let params = &self.facts.functions[id.0].params;
            params.iter().any(|param| param.name == *first)
        };
        let mut at = call.function;
        while let Some(id) = at {
            let own = &self.facts.functions[id.0];
            if own.lambda && is_given(id) {
                return None;
            }
            at = own.parent;
        }
        let root = self.root(call.function);
        let mut bound = self.bindings_of(path).iter();
        let inside = root.is_some_and(is_given)
            || bound.any(|own| own.function.is_some() && self.root(own.function) == root);
        let place = if inside { root } else { None };
        let told = self.others.contains(&(place, first.clone()));
        (!told).then(|| (place, first.clone()))
    }

    /// `p = store.pipeline()`
    fn is_queue(&self, binding: &Binding) -> bool {
        matches!(&binding.value, Expr::Call(call) if {
            let name = &self.facts.calls[call.0].name;
            shape_of_method(name, Shape::Client) == Shape::Pipeline || queues(name)
        })
    }
}

/// Whoever is called so sends what it is told together.
fn queues(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "pipe",
        "pipeline",
        "multi",
        "batch",
        "tx",
        "transaction",
        "p",
    ];
    let words = clients::words(name);
    words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The command that a method is named after, where nothing but Redis has one of that name.
fn own_command(call: &Call) -> Option<&'static str> {
    const COMMANDS: &[&str] = &[
        "brpop",
        "blpop",
        "expireat",
        "hdel",
        "hexists",
        "hget",
        "hgetall",
        "hincrby",
        "hkeys",
        "hlen",
        "hmget",
        "hmset",
        "hscan",
        "hset",
        "hsetnx",
        "hvals",
        "incrby",
        "llen",
        "lpush",
        "lrange",
        "lrem",
        "ltrim",
        "mget",
        "mset",
        "pexpire",
        "pexpireat",
        "psetex",
        "rpop",
        "rpush",
        "sadd",
        "scard",
        "setex",
        "setnx",
        "sismember",
        "smembers",
        "spop",
        "srem",
        "sscan",
        "sunion",
        "zadd",
        "zcard",
        "zcount",
        "zincrby",
        "zrange",
        "zrangebyscore",
        "zrem",
        "zremrangebyscore",
        "zrevrange",
        "zrevrangebyscore",
        "zscore",
    ];
    let plain: String = call
        .name
        .chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let plain = plain.strip_suffix("async").unwrap_or(&plain);
    let first = call.args.first().filter(|_| !call.constructs)?;
    // `conn.call("LLEN", key)`
    if is_raw_method(&call.name) {
        let word = argument::literal(first)?;
        let upper = word.chars().all(|c| c.is_ascii_uppercase());
        let mut own = COMMANDS.iter();
        return own
            .find(|own| upper && own.eq_ignore_ascii_case(word))
            .copied();
    }
    COMMANDS.iter().find(|own| **own == plain).copied()
}
