//! What is done again for what a scan goes on finding without a loop around it: recursion, and names made of keys found.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::facts::{Binding, Call, Expr, FunctionId, LoopId, LoopKind, Piece};
use crate::language::Language;
use crate::receiver::clients;
use crate::rules::flow_names::{is_collect, is_growth};

impl Found<'_> {
    /// Functions that call themselves, and those that hand themselves on as a callback.
    pub(super) fn find_recursion(&mut self) {
        for call in &self.facts.calls {
            let mut at = call.function;
            while let Some((id, own)) =
                at.and_then(|id| Some((id, self.facts.functions.get(id.0)?)))
            {
                let handed = call.args.iter().any(
                    |arg| matches!(arg, Expr::Path(path) if matches!(path.as_slice(), [one] if *one == own.name)),
                );
                if !own.name.is_empty()
                    && (handed || (own.name == call.name && self.calls_itself(call)))
                {
                    self.recursive.insert(id);
                }
                at = own.parent;
            }
        }
    }

    /// A generator that a call keeps all of: `keys.extend(k for k in r.scan_iter())`, `set(k for k in ...)`.
    pub(super) fn is_kept_generator(&self, each: LoopId) -> bool {
        let span = self.facts.loops[each.0].span;
        self.facts.language == Language::Python
            && self.facts.calls.iter().any(|call| {
                let head = self.text.get(call.at.end..span.start).unwrap_or("-");
                call.span.end >= span.end
                    && matches!(head.trim(), "" | "(")
                    && (is_growth(&call.name) || is_collect(&call.name))
            })
    }

    /// What a generator that is a call's argument goes over.
    pub(super) fn trace_generator(&self, call: &Call) -> Option<Trace> {
        let each = self
            .facts
            .loops
            .iter()
            .position(|own| own.span.start >= call.at.end && own.span.end <= call.span.end)?;
        if !self.is_kept_generator(LoopId(each)) {
            return None;
        }
        let LoopKind::Each { iterable, .. } = &self.facts.loops[each].kind else {
            return None;
        };
        self.trace(iterable, call.function)
    }

    /// Whether a function, or one around it, is called again from inside.
    pub(crate) fn is_recursive(&self, function: Option<FunctionId>) -> bool {
        self.facts
            .around(function)
            .any(|id| self.recursive.contains(&id))
    }

    /// `walk(redis, cursor, all ++ batch)`: a recursive call that adds a step's keys to what it hands on.
    pub(super) fn read_accumulator(&mut self, call: &Call) {
        const JOINS: &[&str] = &["++", "concat", "...", "append", " | ", " + ", "+="];
        if !self.calls_itself(call) {
            return;
        }
        let text = self
            .text
            .get(call.span.start..call.span.end)
            .unwrap_or_default();
        if !JOINS.iter().any(|join| text.contains(join)) {
            return;
        }
        let batch = words(text).find_map(|word| {
            let place = self.place(call.function, word);
            let trace = self.names.get(&(place, word.to_owned()))?;
            let cursor = word.to_ascii_lowercase().contains("cursor");
            (trace.amount == Amount::Batch && !cursor).then_some(*trace)
        });
        if let Some(batch) = batch {
            self.gather(batch.source, None::<LoopId>);
        }
    }

    /// A key made of one that was found: `"user:" + id`, `keyOf(id)`.
    pub(super) fn trace_derived(&self, binding: &Binding) -> Option<Trace> {
        match &binding.value {
            Expr::Text(pieces) if pieces.contains(&Piece::Hole) => {
                let text = self.text.get(binding.span.start..binding.span.end)?;
                let (_, value) = text.split_once('=')?;
                self.mentioned(value, binding.function)
            }
            // Names added to each other, as far as that is seen.
            Expr::Other if self.is_key_name(binding) => {
                let text = self.text.get(binding.span.start..binding.span.end)?;
                let (_, value) = text.split_once('=')?;
                if !["+", "..", " . ", "<>"]
                    .iter()
                    .any(|join| value.contains(join))
                {
                    return None;
                }
                self.mentioned(value, binding.function)
            }
            Expr::Call(call) => {
                let call = &self.facts.calls[call.0];
                let told = self.is_key_name(binding) || is_key(&call.name);
                let traced = || {
                    call.args
                        .iter()
                        .find_map(|arg| self.trace(arg, call.function))
                };
                // `var key = new RedisKey($"room:{id}")`
                let made = || {
                    let made = |arg: &Expr| matches!(arg, Expr::Text(pieces) if pieces.contains(&Piece::Hole));
                    let text = self.text.get(call.at.end..call.span.end)?;
                    call.args
                        .iter()
                        .any(made)
                        .then(|| self.mentioned(text, call.function))?
                };
                told.then(|| traced().or_else(made))
                    .flatten()
                    .filter(|trace| trace.amount == Amount::One)
            }
            _ => None,
        }
    }

    /// One key that a piece of code names.
    pub(super) fn mentioned(&self, value: &str, function: Option<FunctionId>) -> Option<Trace> {
        words(value).find_map(|word| {
            let place = self.place(function, word);
            let trace = self.names.get(&(place, word.to_owned()))?;
            (trace.amount == Amount::One).then_some(*trace)
        })
    }

    fn is_key_name(&self, binding: &Binding) -> bool {
        let target = binding.targets.first().and_then(|path| path.last());
        target.is_some_and(|name| is_key(name))
    }
}

pub(super) fn is_key(name: &str) -> bool {
    clients::words(name)
        .iter()
        .any(|word| word.starts_with("key"))
}

/// The names in a piece of code. What follows a dot is a member of something else.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .map(|word| word.split('.').next().unwrap_or_default())
        .filter(|word| !word.is_empty())
}
