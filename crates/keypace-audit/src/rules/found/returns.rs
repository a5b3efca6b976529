//! Keys found that functions give back: at their end, one after the other, or through a lambda.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::facts::{CallId, Expr, FunctionId, Piece, Usage};
use crate::limits;
use crate::receiver::shape::Sure;
use crate::rules::flow_names::{is_flattening, is_runner};

impl Found<'_> {
    /// Where each lambda stands as an argument.
    pub(super) fn find_runs(&mut self) {
        for (at, call) in self.facts.calls.iter().enumerate() {
            for arg in &call.args {
                if let Expr::Lambda(lambda) = arg {
                    self.runs.insert(*lambda, CallId(at));
                }
            }
        }
    }

    /// What functions give back: a name that holds keys, or a call on one.
    pub(super) fn read_returns(&mut self) {
        for at in 0..self.facts.returned.len() {
            let own = &self.facts.returned[at];
            match self.trace(&own.value, own.function) {
                Some(trace) if own.yielded => self.give_on(own.function, trace),
                Some(trace) => self.return_from(own.function, trace),
                None => {}
            }
        }
        for at in 0..self.facts.calls.len() {
            let call = &self.facts.calls[at];
            if call.usage == Usage::Returned
                && let Some(trace) = self.trace(&Expr::Call(CallId(at)), call.function)
            {
                self.return_from(call.function, trace);
            }
        }
    }

    /// A lambda without a name gives to whoever called it, not to the function around it.
    fn return_from(&mut self, function: Option<FunctionId>, trace: Trace) {
        let Some((id, own)) = function.and_then(|id| Some((id, self.facts.functions.get(id.0)?)))
        else {
            return;
        };
        if trace.amount == Amount::One {
            return;
        }
        if !own.name.is_empty() {
            return self.give_back(own.name.clone(), trace);
        }
        let Some(&call) = self.runs.get(&id) else {
            return;
        };
        let name = &self.facts.calls[call.0].name;
        let flattens = is_flattening(name) && trace.amount == Amount::All;
        let lent = || self.is_lent(id);
        // `nodes.map(node => node.keys("a*"))`: a list of such lists.
        let nodes = || {
            let listed = self.sources[trace.source].verb.lists_keys();
            matches!(name.as_str(), "map" | "Select") && listed && trace.amount == Amount::All
        };
        if (flattens || is_runner(name) || lent() || nodes()) && self.commands.at(call).is_none() {
            let old = self.given.insert(call, trace);
            if old != Some(trace) {
                self.flow(call, trace, limits::MAX_FLOW_STEPS);
            }
        }
    }

    /// Whether a lambda is given a client: `run(jedis -> jedis.smembers("users"))`, by whatever name.
    fn is_lent(&self, lambda: FunctionId) -> bool {
        let own = &self.facts.functions[lambda.0];
        let known = own.params.first().and_then(|param| {
            let path = Expr::Path(vec![param.name.clone()]);
            self.origins.known(&path, Some(lambda), own.class)
        });
        known.is_some_and(|known| known.sure >= Sure::Named)
    }

    /// What a generator gives on: each caller goes on with the scan.
    fn give_on(&mut self, function: Option<FunctionId>, trace: Trace) {
        let Some(name) = self.origins.named_function(function) else {
            return;
        };
        let verb = self.sources[trace.source].verb;
        if verb.steps() || verb.iterates() {
            self.lazies.entry(name).or_insert(trace.source);
        } else {
            let amount = Amount::All;
            self.give_back(name, Trace { amount, ..trace });
        }
    }

    pub(super) fn give_back(&mut self, name: String, trace: Trace) {
        let source = &self.sources[trace.source];
        if trace.amount == Amount::Batch && source.verb.iterates() {
            self.lazies.entry(name).or_insert(trace.source);
            return;
        }
        // A hash by a name that is put together is one thing, and not what names others.
        if self.is_map(trace)
            && !matches!(source.args.first(), Some(Expr::Text(pieces)) if !pieces.contains(&Piece::Hole))
        {
            return;
        }
        let once = self.facts.calls[source.call.0].loops.is_empty();
        if source.verb.steps() && trace.amount == Amount::Batch && once {
            self.steppers.entry(name).or_insert(trace.source);
            return;
        }
        let old = self.finders.entry(name).or_insert(trace);
        if old.amount < trace.amount {
            *old = trace;
        }
    }
}
