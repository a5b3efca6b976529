//! Walks that are told by a word which scan they make: `walk(0, [], "SCAN", pattern)`.
//! Must not judge, and must not know walks whose own body names the command.

use super::Found;
use crate::facts::{Call, Expr, FunctionId};
use crate::receiver::{argument, verb};
use crate::rules::flow_names::is_growth;

impl Found<'_> {
    /// The function of the file that a call tells by a word which scan it makes, where that keeps all that it finds.
    pub(crate) fn gathers_by_word(&self, call: &Call) -> Option<FunctionId> {
        let told = call.call_of_own() && call.args.iter().any(is_scan);
        if !told || call.constructs || self.calls_itself(call) {
            return None;
        }
        let clauses = self.clauses(call);
        let sends = |id: &FunctionId| {
            let mut inside = self
                .calls_in(*id)
                .iter()
                .map(|own| &self.facts.calls[own.0]);
            inside.any(|own| {
                verb::is_raw_method(&own.name) || self.commands.senders.contains(&own.name)
            })
        };
        if !clauses.iter().any(sends) {
            return None;
        }
        clauses.into_iter().find(|id| self.keeps_all(*id))
    }

    /// A function that calls itself with a longer list, or adds to one in a loop.
    fn keeps_all(&self, id: FunctionId) -> bool {
        const JOINS: &[&str] = &["++", "concat", "...", "append", " | "];
        const COUNTS: &[&str] = &["length", "count(", "len("];
        self.calls_in(id).iter().any(|own| {
            let call = &self.facts.calls[own.0];
            let text = self.text.get(call.span.start..call.span.end);
            let has = |words: &[&str]| {
                words
                    .iter()
                    .any(|word| text.unwrap_or_default().contains(word))
            };
            self.calls_itself(call) && has(JOINS) && !has(COUNTS)
                || !call.loops.is_empty() && is_growth(&call.name)
        })
    }
}

/// `"SCAN"`, `["HSCAN", key]`: a scan by its name, without a cursor.
fn is_scan(arg: &Expr) -> bool {
    match arg {
        Expr::Named(_, inner) => is_scan(inner),
        Expr::List(words) => words.first().is_some_and(is_scan),
        _ => argument::literal(arg).is_some_and(|word| {
            word.bytes().all(|b| b.is_ascii_uppercase())
                && verb::of_word(word).is_some_and(verb::Verb::steps)
        }),
    }
}
