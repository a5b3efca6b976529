//! Ranges of lists and sorted sets: which of them hold all that is there.
//! Must not follow keys.

use super::Found;
use crate::facts::{Call, CallId, Expr};
use crate::language::Language;
use crate::receiver::{argument, built};

/// Bounds that leave nothing out, as code writes them without quotes and blanks.
const WHOLE: &[&str] = &[
    "0,-1",
    "-inf",
    "start=0,end=-1",
    "start(0).stop(-1)",
    "start:0,stop:-1",
    "min(0).max(-1)",
    "negativeinfinity",
    "negative_infinity",
    "neg_infinity",
];

/// What says how many are taken at most.
const BOUNDED: &[&str] = &["limit", "num=", "count:", "take:"];

impl Found<'_> {
    /// A range without a bound: `0, -1`, or by score from the lowest on.
    pub(super) fn is_whole(&self, id: CallId) -> bool {
        let call = &self.facts.calls[id.0];
        let text = self
            .text
            .get(call.span.start..built::end(self.facts, id))
            .unwrap_or_default();
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        // Java's `0L, -1L`.
        let plain = plain.replace("0l,", "0,");
        if BOUNDED.iter().any(|bound| plain.contains(bound)) || self.counts(call) {
            return false;
        }
        WHOLE.iter().any(|bounds| plain.contains(bounds))
            || is_by_score(&plain) && (self.is_from_zero(call) || plain.contains("min:0,"))
            || self.has_default_bounds(call)
    }

    /// Jedis's `zrangeByScore(key, min, max, offset, count)`: two numbers after the bounds.
    fn counts(&self, call: &Call) -> bool {
        let args = self.given_to(call);
        let number = |arg: &&Expr| matches!(arg, Expr::Number(_) | Expr::Path(_) | Expr::Call(_));
        is_by_score(&call.name.to_ascii_lowercase().replace('_', ""))
            && args.len() == 5
            && args[3..].iter().all(number)
    }

    /// By score from nothing on: what is due, what has expired.
    fn is_from_zero(&self, call: &Call) -> bool {
        let args = self.given_to(call);
        let words = args.iter().position(|arg| {
            argument::literal(arg).is_some_and(|word| word.eq_ignore_ascii_case("zrangebyscore"))
        });
        let key = words.map_or(0, |at| at + 1);
        args.get(key + 1).is_some_and(|min| is_zero(min))
    }

    /// StackExchange's ranges, whose bounds may be left out.
    fn has_default_bounds(&self, call: &Call) -> bool {
        let ranges =
            call.name.starts_with("SortedSetRangeBy") || call.name.starts_with("ListRange");
        let plain = |arg: &&&Expr| !matches!(arg, Expr::Named(..));
        let args = self.given_to(call);
        let starts = |arg: &&Expr| matches!(arg, Expr::Named(name, _) if name == "start");
        self.facts.language == Language::CSharp
            && ranges
            && args.iter().filter(plain).count() == 1
            && !args.iter().any(starts)
    }

    /// The arguments, also of a list of words, without Go's context.
    fn given_to<'c>(&self, call: &'c Call) -> Vec<&'c Expr> {
        let mut args: Vec<&Expr> = Vec::new();
        for arg in &call.args {
            match arg {
                Expr::List(items) => args.extend(items),
                Expr::Lambda(_) => {}
                arg if args.is_empty() && argument::is_context(self.facts, arg) => {}
                arg => args.push(arg),
            }
        }
        args
    }
}

fn is_by_score(plain: &str) -> bool {
    plain.contains("rangebyscore") && !plain.contains("revrangebyscore")
}

fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Number(text) => matches!(text.as_str(), "0" | "0.0" | "0L" | "0d" | "0f64" | "0.0d"),
        _ => argument::literal(expr) == Some("0"),
    }
}
