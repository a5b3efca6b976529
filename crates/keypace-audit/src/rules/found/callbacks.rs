//! Keys found that functions hand to what they are given: `done(null, keys)`, `consumer.accept(key)`, `action(page)`.
//! Must not judge.

use super::helpers::is_itself;
use super::repeated::is_key;
use super::{Amount, Found, Trace};
use crate::facts::{CallId, Expr, FunctionId};
use crate::receiver::verb::Verb;
use crate::receiver::{Command, argument};
use crate::rules::flow_names::is_growth;

impl Found<'_> {
    /// A function that calls what it was given, and the lambdas that it is given.
    pub(super) fn call_back(&mut self, id: CallId) {
        self.read_callback(id);
        self.read_each(id);
        let call = &self.facts.calls[id.0];
        if !self.handed.keys().any(|(name, ..)| *name == call.name) || !self.is_own(call) {
            return;
        }
        let left_out = self.left_out(id);
        for (place, arg) in call.args.iter().enumerate() {
            let place = place + left_out;
            let callback = match arg {
                Expr::Lambda(lambda) => Some(*lambda),
                Expr::Path(path) => self.callback(path),
                _ => None,
            };
            let Some(callback) = callback else {
                self.hand_further(id, arg, place);
                self.grow_by(id, arg, place);
                continue;
            };
            let params = &self.facts.functions[callback.0].params;
            for (at, param) in params.iter().enumerate() {
                let handed = self.handed.get(&(call.name.clone(), place, at)).copied();
                if let Some(trace) = handed {
                    let trace = self.walked(id, trace);
                    if trace.amount != Amount::All {
                        self.repeated.insert(callback);
                    }
                    self.learn(Some(callback), std::slice::from_ref(&param.name), trace);
                }
            }
        }
    }

    /// A call of what the function around was given, with keys found.
    fn read_callback(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let called = match &call.receiver {
            None => Some(call.name.as_str()),
            // Ruby's `block.call(key)`, Java's `consumer.accept(key)`, C#'s `action.Invoke(key)`.
            Some(Expr::Path(path)) if is_invocation(&call.name) && path.len() == 1 => {
                path.first().map(String::as_str)
            }
            Some(_) => None,
        };
        let Some((name, place)) = called.and_then(|called| self.param_of(call.function, called))
        else {
            return;
        };
        let again = !call.loops.is_empty()
            || self.is_recursive(call.function)
            || self.is_repeated(call.function);
        for (at, arg) in call.args.iter().enumerate() {
            let trace = self.trace(arg, call.function);
            if let Some(trace) = trace.or_else(|| self.made_key(arg))
                && (trace.amount == Amount::All || again)
            {
                self.handed.insert((name.clone(), place, at), trace);
            }
        }
    }

    /// `cursor.forEachRemaining(consumer)`: what was given is called for each key found.
    fn read_each(&mut self, id: CallId) {
        const EACH: &[&str] = &["forEach", "forEachRemaining", "each", "for_each", "ForEach"];
        let call = &self.facts.calls[id.0];
        let (Some(receiver), Some(Expr::Path(path))) = (&call.receiver, call.args.last()) else {
            return;
        };
        let data =
            call.name == "on" && call.args.first().and_then(argument::literal) == Some("data");
        let [name] = path.as_slice() else { return };
        if !(data || EACH.contains(&call.name.as_str())) {
            return;
        }
        let Some((name, place)) = self.param_of(call.function, name) else {
            return;
        };
        let Some(trace) = self.trace(receiver, call.function) else {
            return;
        };
        let amount = if data { Amount::Batch } else { Amount::One };
        if trace.amount != Amount::One {
            self.handed
                .insert((name, place, 0), Trace { amount, ..trace });
        }
    }

    /// `walk(pattern, 100, consumer)`: what a function was given is given to one that calls it.
    fn hand_further(&mut self, id: CallId, arg: &Expr, place: usize) {
        let call = &self.facts.calls[id.0];
        let Expr::Path(path) = arg else { return };
        let [name] = path.as_slice() else { return };
        let Some(own) = self.param_of(call.function, name) else {
            return;
        };
        let handed = self.handed.iter();
        let handed = handed.filter(|((name, at, _), _)| *name == call.name && *at == place);
        let more: Vec<_> = handed.map(|((.., at), trace)| (*at, *trace)).collect();
        for (at, trace) in more {
            self.handed
                .entry((own.0.clone(), own.1, at))
                .or_insert(trace);
        }
    }

    /// How many arguments a call leaves out before its callbacks, where the function moves what it is given to the next:
    /// `if (!done) { done = each; each = cursor; }`.
    fn left_out(&self, id: CallId) -> usize {
        let call = &self.facts.calls[id.0];
        let Some(helper) = self.meant(call).filter(|_| self.has_promises()) else {
            return 0;
        };
        let params = &self.facts.functions[helper.0].params;
        let moves = self.bindings_in(helper).any(|own| {
            let to = |name: &String| matches!(own.targets.as_slice(), [one] if matches!(one.as_slice(), [it] if it == name));
            params.windows(2).any(|pair| {
                to(&pair[1].name)
                    && matches!(&own.value, Expr::Path(from) if matches!(from.as_slice(), [it] if *it == pair[0].name))
            })
        });
        let missing = params.len().saturating_sub(call.args.len());
        if moves { missing } else { 0 }
    }

    /// `keyOf(bytes)`: a key that is made of one found.
    fn made_key(&self, arg: &Expr) -> Option<Trace> {
        let Expr::Call(made) = arg else { return None };
        let made = &self.facts.calls[made.0];
        let mut args = made.args.iter().filter(|_| is_key(&made.name));
        let trace = args.find_map(|arg| self.trace(arg, made.function))?;
        (trace.amount == Amount::One).then_some(trace)
    }

    /// `walk(pattern, names.Add)`: what a walk finds is put into a list.
    fn grow_by(&mut self, id: CallId, arg: &Expr, place: usize) {
        let call = &self.facts.calls[id.0];
        let Expr::Path(path) = arg else { return };
        let (Some((last, list)), function) = (path.split_last(), call.function) else {
            return;
        };
        let handed = self.handed.get(&(call.name.clone(), place, 0)).copied();
        if let Some(trace) = handed.filter(|_| is_growth(last) && !list.is_empty()) {
            let trace = self.walked(id, trace);
            self.gather(trace.source, None);
            let amount = Amount::All;
            self.learn(function, list, Trace { amount, ..trace });
        }
    }

    /// A call that hands on what a scan finds while it goes on is an iteration of its own, for whoever makes it.
    fn walked(&mut self, id: CallId, trace: Trace) -> Trace {
        let scan = &self.sources[trace.source];
        let verb = match scan.verb {
            Verb::Scan | Verb::ScanIter => Verb::ScanIter,
            Verb::InnerScan | Verb::InnerScanIter => Verb::InnerScanIter,
            _ => return trace,
        };
        if trace.amount == Amount::All {
            return trace;
        }
        if let Some(&source) = self.places.get(&id) {
            return Trace { source, ..trace };
        }
        let walk = Command {
            call: id,
            verb,
            ..scan.clone()
        };
        self.add_source(walk);
        let source = self.sources.len() - 1;
        Trace { source, ..trace }
    }

    /// Whether a call is of a function of the file that hands on what it finds: which callback gets it is known.
    pub(super) fn hands_by_place(&self, id: CallId) -> bool {
        let name = &self.facts.calls[id.0].name;
        self.commands.at(id).is_none() && self.handed.keys().any(|(own, ..)| own == name)
    }

    /// Whether a function, or one around it, is called for each key or page that a function of the file finds.
    pub(super) fn is_repeated(&self, function: Option<FunctionId>) -> bool {
        self.facts
            .around(function)
            .any(|id| self.repeated.contains(&id))
    }

    /// The function around whose parameter has this name, and the parameter's place.
    fn param_of(&self, function: Option<FunctionId>, name: &str) -> Option<(String, usize)> {
        let mut at = function;
        while let Some(own) = at.and_then(|id| self.facts.functions.get(id.0)) {
            let mut params = own.params.iter().filter(|param| !is_itself(&param.name));
            let place = params.position(|param| param.name == name);
            if let Some(place) = place.filter(|_| !own.name.is_empty()) {
                return Some((own.name.clone(), place));
            }
            at = own.parent;
        }
        None
    }
}

/// What calls a lambda that a name holds.
fn is_invocation(name: &str) -> bool {
    matches!(
        name,
        "call" | "accept" | "apply" | "test" | "invoke" | "Invoke" | "InvokeAsync"
    )
}
