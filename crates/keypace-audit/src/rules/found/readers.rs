//! Functions of the file that read the one key they are given.
//! Must not judge, and must not know the functions of other files.

use super::{Amount, Found, Trace};
use crate::facts::{Call, CallId, Expr, FunctionId, Span};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::clients;
use crate::receiver::shape::Shape;
use crate::receiver::verb::Verb;

impl Found<'_> {
    /// What a call of a file's own function reads for a key that was found, with that key.
    pub(crate) fn read_through(&self, id: CallId) -> Option<(Trace, &Command)> {
        let call = &self.facts.calls[id.0];
        if call.args.is_empty()
            || call.constructs
            || self.commands.at(id).is_some()
            || !self.is_own(call)
            || self.calls_itself(call)
            || takes_away(&call.name)
        {
            return None;
        }
        let mut clauses = self.clauses(call).into_iter();
        clauses.find_map(|helper| self.read_by(helper, call))
    }

    fn read_by(&self, helper: FunctionId, call: &Call) -> Option<(Trace, &Command)> {
        let params = &self.facts.functions[helper.0].params;
        let first = params
            .first()
            .is_some_and(|own| matches!(own.name.as_str(), "self" | "cls"));
        call.args.iter().enumerate().find_map(|(at, arg)| {
            let name = match arg {
                Expr::Named(name, _) => name,
                _ => &params.get(at + usize::from(first))?.name,
            };
            let trace = self
                .trace(arg, call.function)
                .or_else(|| self.made_for(arg, call))?;
            let read = self.read_of(helper, name)?;
            (trace.amount == Amount::One).then_some((trace, read))
        })
    }

    /// The file's functions that read the key they are given first, by their class and name.
    pub(crate) fn readers(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (at, own) in self.facts.functions.iter().enumerate() {
            let class = own.class.and_then(|id| self.facts.classes.get(id.0));
            let (Some(class), Some(key)) = (class, own.params.first()) else {
                continue;
            };
            if own.name.is_empty() || own.lambda || takes_away(&own.name) {
                continue;
            }
            // What it reads from is no key.
            let name = Expr::Path(vec![key.name.clone()]);
            let client = self.origins.known(&name, Some(FunctionId(at)), own.class);
            if client.is_none() && self.read_of(FunctionId(at), &key.name).is_some() {
                out.push((class.name.clone(), own.name.clone()));
            }
        }
        out
    }

    /// One key that an argument is made of: `load(keyOf(id))`, `load("user:" + id)`.
    fn made_for(&self, arg: &Expr, call: &Call) -> Option<Trace> {
        let span = match arg {
            Expr::Call(made) => self.facts.calls[made.0].span,
            Expr::Text(_) | Expr::Other if call.args.len() == 1 => Span {
                start: call.at.end,
                end: call.span.end,
            },
            _ => return None,
        };
        let text = self.text.get(span.start..span.end)?;
        self.mentioned(text, call.function)
    }

    /// The read in a function whose key is made of a parameter.
    fn read_of(&self, helper: FunctionId, param: &str) -> Option<&Command> {
        let mut names = vec![param.to_owned()];
        for binding in &self.facts.bindings {
            let text = self.text.get(binding.span.start..binding.span.end);
            let made = text
                .and_then(|text| text.split_once('='))
                .is_some_and(|(_, value)| has_word(value, &names));
            if binding.function == Some(helper) && made {
                names.extend(binding.targets.iter().map(|target| target.join(".")));
            }
        }
        let mut reads =
            self.commands.all.iter().filter(|command| {
                command.verb.reads_one() && command.known.shape != Shape::Pipeline
            });
        reads.find(|command| {
            let call = &self.facts.calls[command.call.0];
            self.named_around(call.function) == Some(helper)
                && call.loops.is_empty()
                && has_word(self.key_of(command, call), &names)
        })
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

/// `removeJob`: it reads to write, and what it writes is the point.
pub(super) fn takes_away(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "remove", "delete", "del", "destroy", "purge", "clear", "expire", "evict", "drop",
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
