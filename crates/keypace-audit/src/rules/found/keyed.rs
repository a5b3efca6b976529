//! Sets that languages without them make of maps, and that grow by the keys that a scan finds: `seen[key] = true`.
//! Must not judge, and must not know lists: `growth` does.

use super::{Amount, Found, Trace};
use crate::facts::{Binding, CallId, Expr, LoopId, LoopKind};
use crate::rules::flow_names::is_chunk;

impl Found<'_> {
    /// What a name holds inside the innermost loop that gives it a value: another loop of the function may have a name
    /// like it.
    pub(super) fn of_loop(&self, value: &Expr, loops: &[LoopId]) -> Option<Trace> {
        let Expr::Path(path) = value else { return None };
        let [name] = path.as_slice() else { return None };
        let each = loops.iter().rev().find_map(|id| {
            let own = &self.facts.loops[id.0];
            let (LoopKind::Each { names, iterable }
            | LoopKind::Callback {
                names, iterable, ..
            }) = &own.kind
            else {
                return None;
            };
            names.contains(name).then_some((own, iterable))
        });
        let (own, iterable) = each?;
        let chunked =
            matches!(iterable, Expr::Call(made) if is_chunk(&self.facts.calls[made.0].name));
        let amount = Amount::One;
        let trace = self.trace(iterable, own.function).filter(|_| !chunked)?;
        Some(Trace { amount, ..trace })
    }

    /// `seen[key] = true`: one key at a time, as a scan goes on.
    pub(super) fn read_keyed(&mut self, binding: &Binding) {
        if binding.loops.is_empty() {
            return;
        }
        let Some((target, trace)) = self.keyed_by(binding) else {
            return;
        };
        let mut amount = Amount::Batch;
        if !self.begins_anew(&target, trace.source) {
            self.gather(trace.source, binding.loops.last().copied());
            amount = Amount::All;
        }
        self.learn(binding.function, &target, Trace { amount, ..trace });
    }

    /// The map that a binding adds to, and the key found that it does so by.
    fn keyed_by(&self, binding: &Binding) -> Option<(Vec<String>, Trace)> {
        let text = self.text.get(binding.span.start..binding.span.end)?;
        let (left, value) = text.split_once('=')?;
        let inside = left.trim_end().strip_suffix(']')?;
        if !is_nothing(value) {
            return None;
        }
        let (map, key) = inside.split_once('[')?;
        let key = key.trim().trim_start_matches('$');
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let trace = if !key.is_empty() && key.chars().all(is_word) {
            let name = Expr::Path(vec![key.to_owned()]);
            let own = self.of_loop(&name, &binding.loops);
            own.or_else(|| self.trace(&name, binding.function))
                .filter(|trace| trace.amount == Amount::One)
                .filter(|trace| self.goes_on(trace.source, binding))?
        } else {
            self.element_written(binding, key)?
        };
        let plain = map.trim().trim_start_matches(['$', '@']);
        let path = plain.replace("->", ".");
        let path = path.split('.').map(|part| match part {
            "this" => "self".to_owned(),
            part => part.to_owned(),
        });
        Some((path.collect(), trace))
    }

    /// `iter.Val()` where it stands as it is written.
    fn element_written(&self, binding: &Binding, written: &str) -> Option<Trace> {
        if !written.ends_with(')') {
            return None;
        }
        let inside = |id: &CallId| {
            let own = self.facts.calls[id.0].span;
            binding.span.start <= own.start
                && own.end <= binding.span.end
                && self.text.get(own.start..own.end) == Some(written)
        };
        let id = (0..self.facts.calls.len()).map(CallId).find(inside)?;
        let own = &self.facts.calls[id.0];
        self.trace_call(id, own.function, 0)
            .filter(|trace| trace.amount != Amount::All)
    }
}

/// What stands for no value, where only the name counts.
fn is_nothing(value: &str) -> bool {
    matches!(
        value.trim().trim_end_matches(';'),
        "true" | "True" | "1" | "struct{}{}" | "nil" | "None" | "null" | "''" | "\"\""
    )
}
