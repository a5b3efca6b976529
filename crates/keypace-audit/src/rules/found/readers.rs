//! Functions of the file that read or delete the one key they are given.
//! Must not judge, and must not know the functions of other files.

use super::{Amount, Found, Trace};
use crate::facts::{Call, CallId, Expr, FunctionId, Piece, Span};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::clients;
use crate::receiver::shape::Shape;
use crate::receiver::verb::Verb;

/// How many functions a key is handed on through, from the loop to the command.
const MAX_HELPERS_DEEP: usize = 1;

impl Found<'_> {
    /// What a call of a file's own function reads for a key that was found, with that key.
    pub(crate) fn read_through(&self, id: CallId) -> Option<(Trace, &Command)> {
        if takes_away(&self.facts.calls[id.0].name) {
            return None;
        }
        self.done_through(id, Verb::reads_one)
    }

    /// What such a call deletes.
    pub(crate) fn deleted_through(&self, id: CallId) -> Option<(Trace, &Command)> {
        if !takes_away(&self.facts.calls[id.0].name) {
            return None;
        }
        self.done_through(id, |verb| verb == Verb::Del)
    }

    fn done_through(&self, id: CallId, wanted: fn(Verb) -> bool) -> Option<(Trace, &Command)> {
        let call = &self.facts.calls[id.0];
        if call.args.is_empty()
            || call.constructs
            || self.commands.at(id).is_some()
            || !self.is_own(call)
            || self.calls_itself(call)
        {
            return None;
        }
        let mut clauses = self.clauses(call).into_iter();
        clauses.find_map(|helper| self.done_by(helper, call, wanted))
    }

    fn done_by(
        &self,
        helper: FunctionId,
        call: &Call,
        wanted: fn(Verb) -> bool,
    ) -> Option<(Trace, &Command)> {
        let params = &self.facts.functions[helper.0].params;
        let first = self.is_called_on(helper, call);
        call.args.iter().enumerate().find_map(|(at, arg)| {
            let name = match arg {
                Expr::Named(name, _) => name,
                _ => &params.get(at + usize::from(first))?.name,
            };
            let trace = self.trace(arg, call.function);
            let trace = trace.or_else(|| self.made_for(arg, call))?;
            let done = self.done_of(helper, name, wanted)?;
            (trace.amount == Amount::One).then_some((trace, done))
        })
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
        self.mentioned(text, call.function)
    }

    /// The command in a function whose key is made of a parameter, or in one that it hands that to.
    pub(super) fn done_of(
        &self,
        helper: FunctionId,
        param: &str,
        wanted: fn(Verb) -> bool,
    ) -> Option<&Command> {
        self.done_below(helper, param, wanted, MAX_HELPERS_DEEP)
    }

    fn done_below(
        &self,
        helper: FunctionId,
        param: &str,
        wanted: fn(Verb) -> bool,
        depth: usize,
    ) -> Option<&Command> {
        let mut names = vec![param.to_owned()];
        for binding in &self.facts.bindings {
            let text = self.text.get(binding.span.start..binding.span.end);
            let made = text
                .and_then(|text| text.split_once('='))
                .is_some_and(|(_, value)| has_word(value, &names));
            if made && self.named_around(binding.function) == Some(helper) {
                names.extend(binding.targets.iter().map(|target| target.join(".")));
            }
        }
        let mut done = self
            .commands
            .all
            .iter()
            .filter(|command| wanted(command.verb) && command.known.shape != Shape::Pipeline);
        let found = done.find(|command| {
            let call = &self.facts.calls[command.call.0];
            self.named_around(call.function) == Some(helper)
                && call.loops.is_empty()
                && has_word(self.key_of(command, call), &names)
        });
        if found.is_some() || depth == 0 || !asks(&self.facts.functions[helper.0].name) {
            return found;
        }
        let inner = self.own_calls.get(&helper)?.iter();
        inner.copied().find_map(|id| {
            let call = &self.facts.calls[id.0];
            let inner = self.meant(call).filter(|inner| *inner != helper)?;
            let params = &self.facts.functions[inner.0].params;
            let itself = self.is_called_on(inner, call);
            let at = call.args.iter().position(
                |arg| matches!(arg, Expr::Path(path) if path.len() == 1 && names.contains(&path[0])),
            )?;
            let param = &params.get(at + usize::from(itself))?.name;
            self.done_below(inner, param, wanted, depth - 1)
        })
    }

    /// The calls of the file's own functions in each function, outside of loops.
    pub(super) fn find_own_calls(&mut self) {
        for (at, call) in self.facts.calls.iter().enumerate() {
            let id = CallId(at);
            let own = call.call_of_own() && !call.args.is_empty() && call.loops.is_empty();
            if !own || self.commands.at(id).is_some() {
                continue;
            }
            if let Some(around) = self.named_around(call.function) {
                self.own_calls.entry(around).or_default().push(id);
            }
        }
    }

    /// The text of what is read. A range's bounds are no keys; Go's context stands before the key.
    pub(super) fn key_of(&self, command: &Command, call: &Call) -> &str {
        let text = self.text.get(call.at.end..call.span.end);
        let text = text.unwrap_or_default();
        if command.verb != Verb::Range {
            return text;
        }
        let before = usize::from(self.facts.language == Language::Go);
        let end = text.match_indices(',').nth(before);
        end.map_or(text, |(end, _)| &text[..end])
    }
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
    ];
    let words = clients::words(name);
    words
        .first()
        .is_some_and(|first| WORDS.contains(&first.as_str()))
}

fn has_word(text: &str, names: &[String]) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| names.iter().any(|name| name == word))
}
