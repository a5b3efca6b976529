//! What keys found an expression holds.
//! Must not learn: it only asks what is known already.

use super::flow::is_answer;
use super::{Amount, Found, Trace};
use crate::facts::{Call, CallId, Expr, FunctionId, LoopId, LoopKind};
use crate::language::Language;
use crate::limits;
use crate::receiver::built;
use crate::receiver::verb::Verb;
use crate::rules::flow_names::{
    is_chunk, is_collect, is_element, is_entries, is_growth, is_limit, is_of_text,
    is_passing_function, is_passing_method,
};

impl Found<'_> {
    /// What keys a value holds, if any.
    pub(crate) fn trace(&self, expr: &Expr, function: Option<FunctionId>) -> Option<Trace> {
        self.trace_at(expr, function, 0)
    }

    pub(super) fn trace_at(
        &self,
        expr: &Expr,
        function: Option<FunctionId>,
        depth: usize,
    ) -> Option<Trace> {
        if depth > limits::MAX_FLOW_STEPS {
            return None;
        }
        match expr {
            Expr::Path(path) => self.trace_path(path, function),
            Expr::Spread(inner) | Expr::Named(_, inner) => {
                self.trace_at(inner, function, depth + 1)
            }
            Expr::Member(inner, _) => self.trace_at(inner, function, depth + 1),
            Expr::Index(inner, slice) => {
                let trace = self.trace_at(inner, function, depth + 1)?;
                if !slice && self.is_map(trace) {
                    return None;
                }
                let parted = matches!(inner.as_ref(), Expr::Call(_))
                    || trace.amount == Amount::Batch && !slice;
                // `scan(...)[1]` is the batch; `keys[0]` is one, `keys[a:b]` a part.
                let amount = if *slice || (parted && trace.amount != Amount::One) {
                    trace.amount.min(Amount::Batch)
                } else {
                    Amount::One
                };
                Some(Trace { amount, ..trace })
            }
            Expr::Call(call) => self.trace_call(*call, function, depth + 1),
            Expr::Gathered(each) => self.trace_gathered(*each),
            Expr::List(items) => {
                let spread = items.iter().any(|item| matches!(item, Expr::Spread(_)));
                let mut traces = items
                    .iter()
                    .filter_map(|item| self.trace_at(item, function, depth + 1));
                let mut trace = traces.next()?;
                // `[batch | all]`
                if spread && let Some(more) = traces.find(|more| more.amount > trace.amount) {
                    trace = more;
                }
                // Elixir's `{:ok, names}` holds all that `names` does.
                Some(if spread || self.facts.language == Language::Elixir {
                    trace
                } else {
                    Trace {
                        amount: trace.amount.min(Amount::Batch),
                        ..trace
                    }
                })
            }
            Expr::Map(pairs) => {
                let trace = pairs
                    .iter()
                    .find_map(|(_, value)| self.trace_at(value, function, depth + 1))?;
                Some(Trace {
                    amount: Amount::One,
                    ..trace
                })
            }
            Expr::Text(_) | Expr::Number(_) | Expr::Lambda(_) | Expr::Other => None,
        }
    }

    pub(super) fn trace_gathered(&self, each: LoopId) -> Option<Trace> {
        let own = &self.facts.loops[each.0];
        let LoopKind::Each { iterable, .. } = &own.kind else {
            return None;
        };
        let trace = self.trace(iterable, own.function)?;
        let all = matches!(iterable, Expr::Call(_)) && self.is_iteration(trace);
        Some(if all {
            Trace {
                amount: Amount::All,
                ..trace
            }
        } else {
            trace
        })
    }

    fn trace_path(&self, path: &[String], function: Option<FunctionId>) -> Option<Trace> {
        let root = self.origins.root(function);
        (1..=path.len())
            .rev()
            .find_map(|len| {
                let whole = len == path.len();
                let name = path[..len].join(".");
                if len < path.len()
                    && path[len..].iter().any(|part| {
                        matches!(
                            part.as_str(),
                            "length" | "size" | "cursor" | "Cursor" | "Count"
                        )
                    })
                {
                    return None;
                }
                let place = if path[0] == "self" {
                    None
                } else {
                    self.place(function, &path[0])
                };
                let trace = self.names.get(&(place, name)).copied();
                let named = || path[len..].iter().all(|part| is_entries(part));
                trace.filter(|trace| whole || !self.is_map(*trace) || named())
            })
            .or_else(|| self.trace_getter(path, root))
            .or_else(|| self.trace_bare(path, root))
    }

    /// Ruby's call of a method by its bare name, which reads like a variable: `ids.map { ... }`.
    fn trace_bare(&self, path: &[String], root: Option<FunctionId>) -> Option<Trace> {
        let ([name], Language::Ruby) = (path, self.facts.language) else {
            return None;
        };
        let local = self.facts.bindings.iter().any(|own| {
            self.origins.root(own.function) == root && own.targets.iter().any(|t| t == path)
        });
        self.finders.get(name).filter(|_| !local).copied()
    }

    /// Whether all of a hash is held, whose values by name are no keys that were found: only its entries are.
    pub(super) fn is_map(&self, trace: Trace) -> bool {
        let command = &self.sources[trace.source];
        if command.verb != Verb::HGetAll || trace.amount == Amount::One {
            return false;
        }
        let call = &self.facts.calls[command.call.0];
        let text = self.text.get(call.at.start..call.span.end);
        let head: String = text.unwrap_or_default().chars().take(40).collect();
        let head = head.to_ascii_lowercase();
        let listed = ["hkeys", "hvals", "keys(", "values("];
        !listed.iter().any(|word| head.contains(word))
    }

    pub(super) fn trace_call(
        &self,
        id: CallId,
        function: Option<FunctionId>,
        depth: usize,
    ) -> Option<Trace> {
        if depth > limits::MAX_FLOW_STEPS {
            return None;
        }
        if let Some(&at) = self.places.get(&id) {
            let command = &self.sources[at];
            let amount = match command.verb {
                Verb::Keys | Verb::SMembers | Verb::ScanIter | Verb::InnerScanIter => Amount::All,
                Verb::HGetAll => Amount::All,
                Verb::Range if self.is_whole(id) => Amount::All,
                verb if verb.finds() => Amount::Batch,
                _ => return None,
            };
            return Some(Trace { amount, source: at });
        }
        let call = self.facts.calls.get(id.0)?;
        if let Some(trace) = self.finder(id).or_else(|| self.given.get(&id).copied()) {
            return Some(trace);
        }
        if let Some(trace) = self.folded(id, function, depth) {
            return Some(trace);
        }
        if let Some(built) = built::sent(self.facts, call) {
            return self.trace_at(built, function, depth + 1);
        }
        if let Some(arg) = self.passed(call) {
            return self.trace_at(arg, call.function, depth + 1);
        }
        let name = call.name.as_str();
        let cut = is_chunk(name) || is_limit(name) || (name == "unpack" && call.args.len() > 1);
        let receiver = call
            .receiver
            .as_ref()
            .and_then(|receiver| self.trace_at(receiver, function, depth + 1));
        let of_map = receiver.is_some_and(|trace| self.is_map(trace));
        let trace = match receiver {
            Some(trace) if of_map => (is_entries(name) || is_answer(name)).then_some(trace),
            // What is made of one key is that key still: `key.delete_suffix(":lock")`.
            Some(trace) if trace.amount == Amount::One => Some(trace),
            Some(trace)
                if cut
                    || is_passing_method(name)
                    || is_collect(name)
                    || is_element(name)
                    || self.awaits_the_same(call) =>
            {
                Some(trace)
            }
            Some(_) => None,
            // `Object.keys(h)`
            None if is_entries(name)
                && call.args.len() == 1
                && self
                    .trace_at(&call.args[0], function, depth + 1)
                    .is_some_and(|trace| self.is_map(trace)) =>
            {
                self.trace_at(&call.args[0], function, depth + 1)
            }
            // `re.search("[0-9]+", key)`, `string.sub(key, 6)`: a part of one key.
            None if is_of_text(name) || is_of_texts(call) && !cut && !is_passing_function(name) => {
                let one = |trace: &Trace| trace.amount == Amount::One;
                let mut args = call.args.iter();
                args.find_map(|arg| self.trace_at(arg, function, depth + 1).filter(one))
            }
            None if cut
                || is_passing_function(name)
                || is_collect(name)
                || call.constructs
                || is_set(call)
                || is_growth(name) =>
            {
                call.args
                    .iter()
                    .find_map(|arg| self.trace_at(arg, function, depth + 1))
            }
            None => None,
        }?;
        // `r.Keys(ctx, "a*").Val()` is all that the command gave, `iter.Val()` one of it.
        let whole =
            matches!(&call.receiver, Some(Expr::Call(own)) if self.places.contains_key(own));
        let jvm = matches!(self.facts.language, Language::Java | Language::Kotlin);
        let amount = if jvm && name == "next" || is_taken_off(name) && trace.amount == Amount::All {
            Amount::One
        } else if cut || is_element(name) && !whole {
            trace.amount.min(Amount::Batch)
        } else {
            trace.amount
        };
        Some(Trace { amount, ..trace })
    }
}

/// Takes one off a list of all: `ids.pop()`, `queue.poll()`.
fn is_taken_off(name: &str) -> bool {
    matches!(
        name,
        "pop" | "shift" | "poll" | "removeFirst" | "removeLast"
    )
}

/// Elixir's `MapSet.new(keys)`.
fn is_set(call: &Call) -> bool {
    let of_set = |path: &[String]| path.last().is_some_and(|last| last == "MapSet");
    call.name == "new" && matches!(&call.receiver, Some(Expr::Path(path)) if of_set(path))
}

/// A call of a module of functions over texts that gives a text.
fn is_of_texts(call: &Call) -> bool {
    let module = |path: &[String]| matches!(path, [one] if matches!(one.as_str(), "re" | "regex" | "string" | "strings"));
    let measures = matches!(call.name.as_str(), "find" | "len" | "byte" | "count");
    !measures && matches!(&call.receiver, Some(Expr::Path(path)) if module(path))
}
