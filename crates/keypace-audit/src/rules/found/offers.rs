//! What the file's functions do with keys, as callers in other files see it.
//! Must not judge, and must not know those files.

use std::collections::HashSet;

use super::readers::{is_write, takes_away};
use super::{Amount, Found};
use crate::facts::{Expr, Function, FunctionId};
use crate::language::Language;
use crate::receiver::clients;
use crate::receiver::verb::Verb;

/// A function that does with keys what a command would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Helper {
    /// `None` for a function of the file itself.
    pub class: Option<String>,
    pub name: String,
    /// What it does: it finds keys, or it reads or deletes the one that it is given.
    pub verb: Verb,
    /// Where that key stands among its arguments.
    pub place: usize,
}

impl Found<'_> {
    /// The functions of the file that find keys, read one or delete one.
    pub(crate) fn helpers(&self) -> Vec<Helper> {
        let working: HashSet<FunctionId> = self
            .commands
            .all
            .iter()
            .filter(|own| own.verb.reads_one() || own.verb == Verb::Del)
            .filter_map(|own| self.named_around(self.facts.calls[own.call.0].function))
            .collect();
        let mut out = Vec::new();
        for (at, own) in self.facts.functions.iter().enumerate() {
            let closed = own.lambda && !has_named_lambdas(self.facts.language);
            if own.name.is_empty() || closed || own.parent.is_some() {
                continue;
            }
            let class = own.class.and_then(|id| self.facts.classes.get(id.0));
            let class = class.map(|class| class.name.as_str());
            let class = class.or_else(|| self.receiver_of(own));
            let done = match self.gives(own) {
                Some(verb) => Some((verb, 0)),
                None if working.contains(&FunctionId(at))
                    || self.hands_on(FunctionId(at), &working) =>
                {
                    self.works_on(FunctionId(at), own)
                }
                None => None,
            };
            if let Some((verb, place)) = done {
                let helper = Helper {
                    class: class.map(str::to_owned),
                    name: own.name.clone(),
                    verb,
                    place,
                };
                out.extend(self.promised_by(own, class, &helper));
                out.push(helper);
            }
        }
        out
    }

    /// The same by the interfaces of the file that have such a function.
    fn promised_by(&self, own: &Function, class: Option<&str>, helper: &Helper) -> Vec<Helper> {
        if class.is_none() || !has_interfaces(self.facts.language) {
            return Vec::new();
        }
        let named = self.origins.functions_named(&own.name).iter();
        let others = named.filter_map(|id| {
            let other = &self.facts.functions[id.0];
            let other = self.facts.classes.get(other.class?.0)?;
            (Some(other.name.as_str()) != class).then_some(other)
        });
        let helpers = others.map(|other| Helper {
            class: Some(other.name.clone()),
            ..helper.clone()
        });
        helpers.collect()
    }

    /// What a function gives back that its own body found.
    fn gives(&self, own: &Function) -> Option<Verb> {
        let all = self.finders.get(&own.name).copied();
        let all = all.filter(|trace| trace.amount == Amount::All);
        let (source, whole) = all
            .map(|trace| (trace.source, true))
            .or_else(|| Some((*self.lazies.get(&own.name)?, false)))
            .or_else(|| Some((*self.steppers.get(&own.name)?, false)))?;
        let command = &self.sources[source];
        let at = self.facts.calls[command.call.0].at;
        let inside = own.span.start <= at.start && at.end <= own.span.end;
        // What another file's function finds is told by that one.
        if !inside || self.commands.at(command.call).is_none() {
            return None;
        }
        Some(match command.verb {
            verb if !whole => verb,
            verb if verb.lists_keys() => Verb::Keys,
            _ => Verb::SMembers,
        })
    }

    /// Whether a function calls anything that says that it writes.
    fn writes_inside(&self, id: FunctionId) -> bool {
        let mut calls = self
            .calls_in(id)
            .iter()
            .map(|call| &self.facts.calls[call.0]);
        calls.any(|own| writes(&own.name) || is_write(&own.name) || takes_away(&own.name))
    }

    /// Whether a function calls one that works on keys.
    fn hands_on(&self, id: FunctionId, working: &HashSet<FunctionId>) -> bool {
        let mut calls = self
            .calls_in(id)
            .iter()
            .map(|call| &self.facts.calls[call.0]);
        calls.any(|call| {
            !call.args.is_empty()
                && self.is_own(call)
                && self.meant(call).is_some_and(|own| working.contains(&own))
        })
    }

    /// Whether a function gives back what another function of the file found by SCAN.
    pub(crate) fn walks(&self, name: &str) -> bool {
        let found = self.finders.get(name).map(|trace| trace.source);
        let source = found.or_else(|| self.lazies.get(name).copied());
        let verb = source.map(|source| self.sources[source].verb);
        verb.is_some_and(|verb| matches!(verb, Verb::Scan | Verb::ScanIter))
    }

    /// What a function does with a key that it is given.
    fn works_on(&self, id: FunctionId, own: &Function) -> Option<(Verb, usize)> {
        let itself = own.params.first();
        let itself = itself.is_some_and(|first| matches!(first.name.as_str(), "self" | "cls"));
        let params = own.params.iter().skip(usize::from(itself)).enumerate();
        for (place, param) in params {
            // Go's context is no key, and neither is what it is sent to.
            let context = param
                .declared
                .as_deref()
                .is_some_and(|of| of.ends_with("Context"));
            if context {
                continue;
            }
            let name = Expr::Path(vec![param.name.clone()]);
            if self.origins.known(&name, Some(id), own.class).is_some() {
                continue;
            }
            let away = takes_away(&own.name);
            let writes = writes(&own.name) && self.writes_inside(id);
            if !away && !writes && self.done_of(id, &param.name, Verb::reads_one, 0).is_some() {
                return Some((Verb::Read, place));
            }
            let deletes = |verb| verb == Verb::Del;
            if away && self.done_of(id, &param.name, deletes, 0).is_some() {
                return Some((Verb::Del, place));
            }
        }
        None
    }
}

/// Languages where a function is mostly a lambda that is given a name.
fn has_named_lambdas(language: Language) -> bool {
    matches!(
        language,
        Language::JavaScript | Language::TypeScript | Language::Tsx
    )
}

fn has_interfaces(language: Language) -> bool {
    matches!(
        language,
        Language::Go | Language::TypeScript | Language::Tsx
    )
}

/// `updateTag`: it reads to write, and what it writes is the point.
pub(super) fn writes(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "add",
        "create",
        "enqueue",
        "incr",
        "increment",
        "insert",
        "mark",
        "persist",
        "push",
        "put",
        "register",
        "renew",
        "save",
        "set",
        "store",
        "touch",
        "update",
        "write",
    ];
    let words = clients::words(name);
    words
        .first()
        .is_some_and(|first| WORDS.contains(&first.as_str()))
}
