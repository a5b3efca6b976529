//! Keys found that reach their names through promises: callbacks that a function makes of a callback, `resolve(keys)`, and
//! awaited functions that are handed a command's promise.
//! Must not judge.

use super::{Found, Trace};
use crate::facts::{Binding, CallId, Expr, FunctionId};
use crate::language::Language;
use crate::limits;

impl Found<'_> {
    pub(super) fn has_promises(&self) -> bool {
        matches!(
            self.facts.language,
            Language::JavaScript | Language::TypeScript | Language::Tsx
        )
    }

    /// `const [names, count] = await Promise.all([client.keys(p), client.get(k)])`: each name gets what stands at its place.
    pub(super) fn share(&mut self, binding: &Binding) -> bool {
        let (Expr::Call(made), true) = (&binding.value, self.has_promises()) else {
            return false;
        };
        let made = &self.facts.calls[made.0];
        let (true, [Expr::List(items)]) = (
            matches!(made.name.as_str(), "all" | "allSettled"),
            made.args.as_slice(),
        ) else {
            return false;
        };
        if binding.targets.len() < 2 || binding.targets.len() > items.len() {
            return false;
        }
        for (target, item) in binding.targets.iter().zip(items) {
            if let Some(trace) = self.trace(item, binding.function) {
                self.learn(binding.function, target, trace);
            }
        }
        true
    }

    /// The callback inside a call that makes one of it: `domain.intercept(function (keys) { ... })`.
    pub(super) fn callback_made(&self, made: CallId) -> Option<FunctionId> {
        if !self.has_promises() || self.commands.at(made).is_some() {
            return None;
        }
        let last = self.facts.calls[made.0].args.last();
        match last {
            Some(Expr::Lambda(lambda)) => Some(*lambda),
            _ => None,
        }
    }

    /// `client.keys(p, resolve)` and `client.keys(p, settle(resolve, reject))`: the promise around gives what was found.
    pub(super) fn settle(&mut self, arg: &Expr, call: CallId, trace: Trace) {
        if !self.has_promises() {
            return;
        }
        let function = self.facts.calls[call.0].function;
        let first = match arg {
            Expr::Path(_) => Some(arg),
            Expr::Call(made) => self.facts.calls[made.0].args.first(),
            _ => None,
        };
        if let Some(Expr::Path(path)) = first
            && let [name] = path.as_slice()
            && let Some(promise) = self.promise_of(function, name)
        {
            self.give_promise(promise, trace);
        }
        if let Some(Expr::Path(path)) = first
            && let [name] = path.as_slice()
            && let Some(next) = self.next_task(function, name)
        {
            self.give_params(next, trace);
        }
    }

    /// The task after the one that calls a name when it is done: `async.waterfall([next => ..., (keys, next) => ...])`.
    fn next_task(&self, function: Option<FunctionId>, name: &str) -> Option<FunctionId> {
        let id = function?;
        let own = self.facts.functions.get(id.0)?;
        if own.params.last()?.name != name {
            return None;
        }
        let mut tasks = self
            .facts
            .calls
            .iter()
            .filter(|call| call.name == "waterfall");
        tasks.find_map(|call| {
            let Some(Expr::List(tasks)) = call.args.first() else {
                return None;
            };
            let at = tasks.iter().position(|task| *task == Expr::Lambda(id))?;
            match tasks.get(at + 1)? {
                Expr::Lambda(next) => Some(*next),
                _ => None,
            }
        })
    }

    /// `resolve(keys)`.
    pub(super) fn resolve(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        if !self.has_promises() || call.receiver.is_some() || call.args.len() != 1 {
            return;
        }
        let Some(promise) = self.promise_of(call.function, &call.name) else {
            return;
        };
        if let Some(trace) = self.trace(&call.args[0], call.function) {
            self.give_promise(promise, trace);
        }
    }

    fn give_promise(&mut self, promise: CallId, trace: Trace) {
        if self.given.insert(promise, trace) != Some(trace) {
            self.flow(promise, trace, limits::MAX_FLOW_STEPS);
        }
    }

    /// The `new Promise(...)` around whose function's first parameter has this name.
    fn promise_of(&self, function: Option<FunctionId>, name: &str) -> Option<CallId> {
        let mut at = function;
        while let Some((id, own)) = at.and_then(|id| Some((id, self.facts.functions.get(id.0)?))) {
            if own.params.first().is_some_and(|first| first.name == name) {
                let call = *self.runs.get(&id)?;
                let made = &self.facts.calls[call.0];
                return (made.constructs && made.name == "Promise").then_some(call);
            }
            at = own.parent;
        }
        None
    }

    /// `await withTimeout(client.keys("a*"), 500)`: what is awaited is what the function was handed.
    pub(super) fn awaits_argument(&self, id: CallId) -> bool {
        let span = self.facts.calls[id.0].span;
        let before = self.text.get(..span.start).unwrap_or_default();
        let own = self.text.get(span.start..span.end).unwrap_or_default();
        self.has_promises() && before.trim_end().ends_with("await") && !own.contains("await")
    }
}
