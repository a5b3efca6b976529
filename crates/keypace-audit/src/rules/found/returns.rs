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
            let step = self.trace_step(&own.value, own.function);
            match step.or_else(|| self.trace(&own.value, own.function)) {
                Some(trace) if own.yielded => self.give_on(own.function, trace),
                Some(trace) => self.return_from(own.function, trace),
                None if own.yielded => self.give_made(at),
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

    /// `{ next: answer[0], names: answer[1] }`: one step's keys beside its cursor, by their names.
    fn trace_step(&self, value: &Expr, function: Option<FunctionId>) -> Option<Trace> {
        let Expr::Map(pairs) = value else { return None };
        let mut given = pairs.iter().filter(|_| pairs.len() > 1);
        let trace = given.find_map(|(_, value)| self.trace(value, function))?;
        let source = &self.sources[trace.source];
        let once = self.facts.calls[source.call.0].loops.is_empty();
        (once && source.verb.steps() && trace.amount == Amount::Batch).then_some(trace)
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
            return self.give_back(id, trace);
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
        let Some(id) = self.named_around(function) else {
            return;
        };
        let verb = self.sources[trace.source].verb;
        if verb.steps() || verb.iterates() {
            self.give_lazily(id, trace.source);
        } else {
            let amount = Amount::All;
            self.give_back(id, Trace { amount, ..trace });
        }
    }

    /// `yield f"user:{key}"`: a name that is made of each key found.
    fn give_made(&mut self, at: usize) {
        let own = &self.facts.returned[at];
        let text = self.text.get(own.span.start..own.span.end);
        if let (Expr::Text(_), Some(text)) = (&own.value, text)
            && let Some(trace) = self.mentioned(text, own.function)
        {
            self.give_on(own.function, trace);
        }
    }

    fn give_lazily(&mut self, id: FunctionId, source: usize) {
        let name = self.facts.functions[id.0].name.clone();
        self.lazies.entry(name).or_insert(source);
        self.gives
            .entry(id)
            .or_default()
            .lazily
            .get_or_insert(source);
    }

    pub(super) fn give_back(&mut self, id: FunctionId, trace: Trace) {
        // What it gives is what it is given, whoever calls it.
        if self.passers.contains_key(&id) {
            return;
        }
        let name = self.facts.functions[id.0].name.clone();
        let source = &self.sources[trace.source];
        if trace.amount == Amount::Batch && source.verb.iterates() {
            return self.give_lazily(id, trace.source);
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
            self.gives
                .entry(id)
                .or_default()
                .step
                .get_or_insert(trace.source);
            return;
        }
        let whole = self.gives.entry(id).or_default().whole.get_or_insert(trace);
        if whole.amount < trace.amount {
            *whole = trace;
        }
        let old = self.finders.entry(name).or_insert(trace);
        if old.amount < trace.amount {
            *old = trace;
        }
    }
}
