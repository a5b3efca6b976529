//! Functions of the file that read or delete the one key they are given.
//! Must not judge, and must not know the functions of other files.

use std::collections::HashMap;

use super::{Amount, Found, Trace};
use crate::facts::{Binding, Call, CallId, Expr, FunctionId, Piece, Span, Usage};
use crate::language::Language;
use crate::limits;
use crate::receiver::Command;
use crate::receiver::built;
use crate::receiver::clients;
use crate::receiver::shape::{Shape, Sure};
use crate::receiver::verb::Verb;
use crate::report::Confidence;
use crate::rules::flow_names::is_chunk;

impl Found<'_> {
    /// What a call of a file's own function reads for a key that was found, with that key.
    pub(crate) fn read_through(&self, id: CallId) -> Option<(Trace, Command)> {
        let call = &self.facts.calls[id.0];
        if takes_away(&call.name) || self.hands_pipeline(call) {
            return None;
        }
        let (trace, read) = self.done_through(id, Verb::reads_one)?;
        let changes = acts(&call.name) && self.writes_as_well(call, &read);
        (!changes).then_some((trace, read))
    }

    /// Whether a call hands on the pipeline that everything is sent by together: `load(id, pipeline: pipe)`.
    pub(crate) fn hands_pipeline(&self, call: &Call) -> bool {
        let queues = |arg: &Expr| {
            let known = self.origins.known(arg, call.function, call.class);
            known.is_some_and(|known| known.shape == Shape::Pipeline)
        };
        call.args.iter().any(|arg| match arg {
            Expr::Named(_, inner) => matches!(**inner, Expr::Path(_)) && queues(inner),
            Expr::Path(_) => queues(arg),
            _ => false,
        })
    }

    /// What such a call deletes.
    pub(crate) fn deleted_through(&self, id: CallId) -> Option<(Trace, Command)> {
        if !takes_away(&self.facts.calls[id.0].name) {
            return None;
        }
        self.done_through(id, |verb| verb == Verb::Del)
    }

    /// What stands in another function than the one that is called, or an overload of it, is less sure.
    fn done_through(&self, id: CallId, wanted: fn(Verb) -> bool) -> Option<(Trace, Command)> {
        let call = &self.facts.calls[id.0];
        if self.origins.functions_named(&call.name).is_empty()
            || call.args.is_empty()
            || call.constructs
            || self.commands.at(id).is_some()
            || !self.is_own(call)
            || self.calls_itself(call)
        {
            return None;
        }
        let mut clauses = self.clauses(call).into_iter();
        let (helper, trace, mut done) = clauses.find_map(|helper| {
            let (trace, done) = self.done_by(helper, call, wanted)?;
            Some((helper, trace, done))
        })?;
        let around = self.named_around(self.facts.calls[done.call.0].function);
        let name = |id: FunctionId| &self.facts.functions[id.0].name;
        if around.is_none_or(|around| name(around) != name(helper)) {
            done.confidence = done.confidence.min(Confidence::Medium);
            done.known.sure = done.known.sure.min(Sure::Own);
        }
        Some((trace, done))
    }

    fn done_by(
        &self,
        helper: FunctionId,
        call: &Call,
        wanted: fn(Verb) -> bool,
    ) -> Option<(Trace, Command)> {
        call.args.iter().enumerate().find_map(|(at, arg)| {
            let name = self.param_at(helper, call, at, arg)?;
            let trace = self.trace(arg, call.function);
            let trace = trace.or_else(|| self.made_for(arg, call));
            let done = self.done_of(helper, name, wanted, 0)?;
            let Some(trace) = trace else {
                if !asks(&call.name) && !takes_away(&call.name) || is_chunk(&call.name) {
                    return None;
                }
                let anew = self.made_anew(call, &self.code_of(arg, call))?;
                return Some((anew, unsure(done)));
            };
            (trace.amount == Amount::One).then(|| (trace, done.clone()))
        })
    }

    /// Whether a function that is called writes by the client that it reads by.
    fn writes_as_well(&self, call: &Call, read: &Command) -> bool {
        let client = &self.facts.calls[read.call.0].receiver;
        let writes = |id: &CallId| {
            let own = &self.facts.calls[id.0];
            own.receiver == *client && is_write(&own.name)
        };
        let mut clauses = self.clauses(call).into_iter();
        client.is_some() && clauses.any(|helper| self.calls_in(helper).iter().any(writes))
    }

    /// One key that an argument is made of: `load(keyOf(id))`, `load("user:" + id)`, `load(conn, f"user:{id}")`.
    fn made_for(&self, arg: &Expr, call: &Call) -> Option<Trace> {
        let span = match arg {
            Expr::Call(made) => self.facts.calls[made.0].span,
            Expr::Text(pieces) if !pieces.contains(&Piece::Hole) => return None,
            Expr::Text(_) | Expr::Other => Span {
                start: call.at.end,
                end: call.span.end,
            },
            _ => return None,
        };
        let text = self.text.get(span.start..span.end)?;
        let whole = !matches!(arg, Expr::Call(_));
        self.mentioned(text, call.function)
            .or_else(|| self.mentioned_by(call).filter(|_| whole))
    }

    /// Whether a call is given one key that was found.
    pub(crate) fn given_one(&self, call: &Call) -> Option<Trace> {
        let one = |trace: &Trace| trace.amount == Amount::One;
        let mut args = call.args.iter();
        args.find_map(|arg| {
            let trace = self.trace(arg, call.function);
            trace.or_else(|| self.made_for(arg, call)).filter(one)
        })
    }

    /// The code of an argument, or of all of them where it is not known which part it is.
    fn code_of(&self, arg: &Expr, call: &Call) -> String {
        match arg {
            Expr::Path(path) => path.join("."),
            Expr::Call(made) => {
                let span = self.facts.calls[made.0].span;
                let text = self.text.get(span.start..span.end);
                text.unwrap_or_default().to_owned()
            }
            Expr::Text(pieces) if pieces.contains(&Piece::Hole) => {
                let text = self.text.get(call.at.end..call.span.end);
                text.unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }
    }

    /// The parameter that an argument is given to.
    fn param_at<'s>(
        &'s self,
        helper: FunctionId,
        call: &Call,
        at: usize,
        arg: &'s Expr,
    ) -> Option<&'s str> {
        // A shell's functions number what they are given.
        const PLACES: [&str; 4] = ["1", "2", "3", "4"];
        if self.facts.language == Language::Shell {
            return PLACES.get(at).copied();
        }
        let params = &self.facts.functions[helper.0].params;
        let first = self.is_called_on(helper, call);
        match arg {
            Expr::Named(name, _) => Some(name),
            _ => Some(&params.get(at + usize::from(first))?.name),
        }
    }

    /// The command in a function whose key is made of a parameter, or in a function of the file that it hands that key to.
    pub(super) fn done_of(
        &self,
        helper: FunctionId,
        param: &str,
        wanted: fn(Verb) -> bool,
        depth: usize,
    ) -> Option<&Command> {
        let mut names = vec![param.to_owned()];
        for binding in self.bindings_in(helper) {
            let text = self.text.get(binding.span.start..binding.span.end);
            let made = text
                .and_then(|text| text.split_once('='))
                .is_some_and(|(_, value)| has_word(value, &names));
            if made {
                names.extend(binding.targets.iter().map(|target| target.join(".")));
            }
        }
        // `get_price(item)` may look for it under several keys; what works on one key in a loop does more than ask.
        let asked = asks(&self.facts.functions[helper.0].name);
        let asked_often = |verb: Verb| asked && verb.reads_one();
        let mut all = self
            .commands
            .all
            .iter()
            .filter(|command| wanted(command.verb) && command.known.shape != Shape::Pipeline);
        let done = all.find(|command| {
            let call = &self.facts.calls[command.call.0];
            self.named_around(call.function) == Some(helper)
                && (call.loops.is_empty() || asked_often(command.verb))
                && (has_word(self.key_of(command, call), &names)
                    || self.facts.language == Language::Rust && is_given(command, &names))
        });
        if done.is_some() || depth >= limits::MAX_READERS_DEEP {
            return done;
        }
        let calls = self.calls_in(helper);
        calls.iter().find_map(|&id| {
            let call = &self.facts.calls[id.0];
            // What gives back what another reads is there for it, by whatever name.
            let hands = (asked || call.usage == Usage::Returned)
                && call.loops.is_empty()
                && !call.constructs
                && self.commands.at(id).is_none()
                && self.is_own(call)
                && !self.calls_itself(call)
                && takes_away(&call.name) == wanted(Verb::Del);
            if !hands {
                return None;
            }
            let next = self.meant(call)?;
            call.args.iter().enumerate().find_map(|(at, arg)| {
                let handed = matches!(arg, Expr::Path(path) if names.contains(&path.join(".")))
                    || matches!(arg, Expr::Call(own) if has_word(self.words_of(*own), &names))
                    || matches!(arg, Expr::Text(_)) && has_word(self.words_of(id), &names);
                let param = self.param_at(next, call, at, arg).filter(|_| handed)?;
                self.done_of(next, param, wanted, depth + 1)
            })
        })
    }

    fn words_of(&self, id: CallId) -> &str {
        let call = &self.facts.calls[id.0];
        self.text
            .get(call.at.end..call.span.end)
            .unwrap_or_default()
    }

    pub(super) fn bindings_in(&self, helper: FunctionId) -> impl Iterator<Item = &Binding> {
        let inside = self.inner.bindings.get(&helper);
        let inside = inside.map_or(&[][..], Vec::as_slice);
        inside.iter().map(|at| &self.facts.bindings[*at])
    }

    pub(super) fn calls_in(&self, helper: FunctionId) -> &[CallId] {
        self.inner.calls.get(&helper).map_or(&[], Vec::as_slice)
    }

    /// Reads the file over once, so that a helper's own lines are at hand.
    pub(super) fn find_inner(&mut self) {
        let mut inner = Inner::default();
        for (at, binding) in self.facts.bindings.iter().enumerate() {
            if let Some(helper) = self.named_around(binding.function) {
                inner.bindings.entry(helper).or_default().push(at);
            }
        }
        for (at, call) in self.facts.calls.iter().enumerate() {
            if let Some(helper) = self.named_around(call.function) {
                inner.calls.entry(helper).or_default().push(CallId(at));
            }
        }
        self.inner = inner;
    }

    /// The text of what is read. A range's bounds are no keys; Go's context stands before the key.
    pub(crate) fn key_of(&self, command: &Command, call: &Call) -> &str {
        // `bucketOf(key).get()`: the key stands where the object is made.
        let made = call.args.is_empty()
            && matches!(self.facts.language, Language::Java | Language::Kotlin);
        let span = if made {
            call.span.start..call.at.start
        } else {
            call.at.end..built::end(self.facts, command.call)
        };
        let text = self.text.get(span).unwrap_or_default();
        if command.verb != Verb::Range {
            return text;
        }
        let before = usize::from(self.facts.language == Language::Go);
        let end = text.match_indices(',').nth(before);
        end.map_or(text, |(end, _)| &text[..end])
    }
}

/// What is done for a key that a loop makes by a way that isn't seen.
fn unsure(done: &Command) -> Command {
    let mut done = done.clone();
    done.confidence = done.confidence.min(Confidence::Medium);
    done.known.sure = done.known.sure.min(Sure::Own);
    done
}

/// `cmd("GET").arg(key)`: the key stands behind the call of the command's name.
fn is_given(command: &Command, names: &[String]) -> bool {
    let key = command.args.first().filter(|_| command.raw);
    matches!(key, Some(Expr::Path(path)) if names.contains(&path.join(".")))
}

/// `get_status`, `isLocked`: it is there for what it reads.
fn asks(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "fetch", "find", "get", "has", "is", "load", "lookup", "read", "retrieve", "show",
    ];
    let words = clients::words(name);
    words
        .first()
        .is_some_and(|first| WORDS.contains(&first.as_str()))
}

/// What stands in which function with a name.
#[derive(Debug, Default)]
pub(super) struct Inner {
    bindings: HashMap<FunctionId, Vec<usize>>,
    calls: HashMap<FunctionId, Vec<CallId>>,
}

/// `removeJob`: it reads to write, and what it writes is the point.
pub(super) fn takes_away(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "remove",
        "delete",
        "del",
        "destroy",
        "purge",
        "clear",
        "expire",
        "evict",
        "drop",
        "forget",
        "invalidate",
        "deregister",
        "unregister",
        "clean",
        "cleanup",
        "kill",
        "revoke",
        "wipe",
        "discard",
        "erase",
        "prune",
        "cancel",
    ];
    let words = clients::words(name);
    let forced = usize::from(words.first().is_some_and(|first| first == "force"));
    words
        .get(forced)
        .is_some_and(|first| WORDS.contains(&first.as_str()))
}

/// `process_failure`, `handleJob`: what it does for the key is the point.
fn acts(name: &str) -> bool {
    const WORDS: &[&str] = &["handle", "process", "retry"];
    let words = clients::words(name);
    words
        .first()
        .is_some_and(|first| WORDS.iter().any(|word| first.starts_with(word)))
}

/// A command that changes a key.
pub(super) fn is_write(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "decr", "del", "delete", "expire", "hdel", "hmset", "hset", "incr", "lpush", "psetex",
        "rpush", "sadd", "set", "setex", "srem", "unlink", "zadd", "zrem",
    ];
    let plain: String = name.chars().filter(|c| *c != '_').collect();
    let plain = plain.to_ascii_lowercase();
    NAMES.contains(&plain.strip_suffix("async").unwrap_or(&plain))
}

fn has_word(text: &str, names: &[String]) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| names.iter().any(|name| name == word))
}
