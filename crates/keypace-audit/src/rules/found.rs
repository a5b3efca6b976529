//! Where the keys go that KEYS and SCAN found: into names, loops, lists and callbacks.
//! Must not judge.

mod files;
mod flow;
mod growth;
mod helpers;
mod own;
mod repeated;
mod returns;

use std::collections::{HashMap, HashSet};

use super::flow_names::{
    is_chunk, is_collect, is_element, is_growth, is_limit, is_passing_function, is_passing_method,
};
use crate::extract::FILE;
use crate::facts::{Binding, Call, CallId, Expr, Facts, FunctionId, LoopId, LoopKind};
use crate::language::Language;
use crate::limits;
use crate::receiver::origin::Origins;
use crate::receiver::verb::Verb;
use crate::receiver::{Command, Commands};

/// How many keys a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Amount {
    /// One key.
    One,
    /// What one step of SCAN gives, or a slice.
    Batch,
    /// All that match.
    All,
}

/// A value made of keys that a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub amount: Amount,
    /// Index into the sources: see [`Found::source`].
    pub source: usize,
}

type Place = (Option<FunctionId>, String);

/// Everything in a file that holds keys found.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    facts: &'a Facts,
    commands: &'a Commands,
    origins: &'a Origins<'a>,
    text: &'a str,
    /// The commands of the file, and after them the calls that stand for one: helpers that make a step of a scan.
    sources: Vec<Command>,
    names: HashMap<Place, Trace>,
    finders: HashMap<String, Trace>,
    /// Functions that make one step of a scan and give back what it found, with that step.
    steppers: HashMap<String, usize>,
    /// Functions that give on what a scan finds while it goes on, with that scan.
    lazies: HashMap<String, usize>,
    /// Calls that give what the lambda gave that they ran, and where each lambda stands as an argument.
    given: HashMap<CallId, Trace>,
    runs: HashMap<FunctionId, CallId>,
    /// What a function hands to the callback that it was given: by its name, the callback's place and the argument's.
    handed: HashMap<(String, usize, usize), Trace>,
    /// Functions that call themselves, or hand themselves to a scan.
    recursive: HashSet<FunctionId>,
    /// Scans whose keys are all kept, with the loop that does it where there is one.
    pub collected: HashMap<usize, Option<LoopId>>,
    /// Names with a part taken off or a bound set.
    bounded: HashSet<usize>,
}

impl<'a> Found<'a> {
    /// Follows the keys of a file.
    pub(crate) fn of(
        facts: &'a Facts,
        commands: &'a Commands,
        origins: &'a Origins<'a>,
        text: &'a str,
    ) -> Self {
        let mut own = Self {
            facts,
            commands,
            origins,
            text,
            sources: commands.all.clone(),
            names: HashMap::new(),
            finders: HashMap::new(),
            steppers: HashMap::new(),
            lazies: HashMap::new(),
            given: HashMap::new(),
            runs: HashMap::new(),
            handed: HashMap::new(),
            recursive: HashSet::new(),
            collected: HashMap::new(),
            bounded: HashSet::new(),
        };
        own.presume_finders();
        if !own.sources.iter().any(|command| command.verb.finds()) {
            return own;
        }
        own.find_recursion();
        own.find_runs();
        for _ in 0..limits::MAX_ORIGIN_ROUNDS {
            let before = own.size();
            own.read_commands();
            own.read_bindings();
            own.read_loops();
            own.read_calls();
            own.read_returns();
            if before == own.size() {
                break;
            }
        }
        own
    }

    /// Grows as long as a round tells something new.
    fn size(&self) -> (usize, usize, usize, usize) {
        let known = self.finders.len() + self.steppers.len() + self.lazies.len();
        let known = known + self.given.len() + self.handed.len();
        (
            self.names.len(),
            known,
            self.collected.len(),
            self.sources.len(),
        )
    }

    /// What found the keys of a trace.
    pub(crate) fn source(&self, source: usize) -> &Command {
        &self.sources[source]
    }

    fn read_commands(&mut self) {
        for source in 0..self.sources.len() {
            let (call, verb) = (self.sources[source].call, self.sources[source].verb);
            let amount = match verb {
                Verb::Keys | Verb::SMembers => Amount::All,
                verb if verb.finds() => Amount::Batch,
                _ => continue,
            };
            self.flow(call, Trace { amount, source }, limits::MAX_FLOW_STEPS);
            // `client.keys("a*", (err, keys) => ...)`; an iteration calls for each key, a step for its batch.
            let amount = if verb.iterates() { Amount::One } else { amount };
            for arg in &self.facts.calls[call.0].args {
                let callback = match arg {
                    Expr::Lambda(lambda) => Some(*lambda),
                    Expr::Path(path) => self.callback(path),
                    _ => None,
                };
                if let Some(callback) = callback {
                    self.give_params(callback, Trace { amount, source });
                }
            }
        }
    }

    /// Whether a call names something that holds keys found: also inside strings, where expressions aren't seen.
    pub(crate) fn mentions(&self, call: &Call) -> bool {
        let text = self
            .text
            .get(call.span.start..call.span.end)
            .unwrap_or_default();
        let root = self.origins.root(call.function);
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| {
            self.names
                .get(&(root, word.to_owned()))
                .is_some_and(|trace| trace.amount == Amount::One && word.len() > 1)
        })
    }

    fn is_iteration(&self, trace: Trace) -> bool {
        self.sources[trace.source].verb.iterates()
    }

    fn read_bindings(&mut self) {
        for binding in &self.facts.bindings {
            let Some(mut trace) = self
                .trace_value(binding)
                .or_else(|| self.trace_derived(binding))
            else {
                continue;
            };
            if matches!(binding.value, Expr::List(_) | Expr::Call(_)) {
                trace = self.printed(trace);
            }
            let grown = trace.amount == Amount::Batch && self.grows(binding)
                || trace.amount == Amount::One && self.appends(binding);
            let anew = grown
                && binding
                    .targets
                    .first()
                    .is_some_and(|target| self.begins_anew(target, trace.source));
            if anew {
                trace.amount = Amount::Batch;
            } else if grown {
                trace.amount = Amount::All;
                self.gather(trace.source, binding.loops.last().copied());
            }
            for target in &binding.targets {
                self.learn(binding.function, target, trace);
            }
        }
    }

    fn trace_value(&self, binding: &Binding) -> Option<Trace> {
        match &binding.value {
            Expr::Call(call) => self.trace_call(*call, binding.function, 0),
            Expr::Gathered(each) => self.trace_gathered(*each),
            value => self.trace(value, binding.function),
        }
    }

    /// `$all[] = $key`, `all[#all + 1] = key`, `all[i] = key`: one key at a time, as a scan goes on.
    fn appends(&self, binding: &Binding) -> bool {
        let text = self
            .text
            .get(binding.span.start..binding.span.end)
            .unwrap_or_default();
        let left = text.split_once('=').map_or("", |(left, _)| left.trim_end());
        !binding.loops.is_empty()
            && match self.facts.language {
                Language::Php => left.ends_with("[]"),
                Language::Go | Language::Lua => left.ends_with(']'),
                _ => false,
            }
    }

    fn read_loops(&mut self) {
        for (at, each) in self.facts.loops.iter().enumerate() {
            let (LoopKind::Each { iterable, .. } | LoopKind::Callback { iterable, .. }) =
                &each.kind
            else {
                continue;
            };
            let trace = self
                .trace(iterable, each.function)
                .or_else(|| self.in_file(iterable));
            let Some(trace) = trace else { continue };
            self.give_loop(LoopId(at), trace);
        }
    }

    fn give_loop(&mut self, id: LoopId, trace: Trace) {
        let each = &self.facts.loops[id.0];
        let (names, iterable) = match &each.kind {
            LoopKind::Each { names, iterable }
            | LoopKind::Callback {
                names, iterable, ..
            } => (names, iterable),
            LoopKind::While => return,
        };
        let chunked = matches!(iterable, Expr::Call(call) if is_chunk(&self.facts.calls[call.0].name))
            || matches!(&each.kind, LoopKind::Callback { call, .. } if is_chunk(&self.facts.calls[call.0].name));
        let amount = if chunked { Amount::Batch } else { Amount::One };
        let source = trace.source;
        let names = names.clone();
        let function = each.function;
        for name in names {
            self.learn(function, &[name], Trace { amount, source });
        }
        if let LoopKind::Callback { call, .. } = &self.facts.loops[id.0].kind {
            for arg in &self.facts.calls[call.0].args {
                if let Expr::Lambda(lambda) = arg {
                    self.give_params(*lambda, Trace { amount, source });
                }
            }
        }
    }

    fn give_params(&mut self, lambda: FunctionId, trace: Trace) {
        let params = &self.facts.functions[lambda.0].params;
        if params.is_empty() {
            self.learn(Some(lambda), &["it".to_owned()], trace);
        }
        let names: Vec<String> = params.iter().map(|param| param.name.clone()).collect();
        for name in names {
            if !matches!(
                name.as_str(),
                "err" | "error" | "_" | "e" | "i" | "index" | "self" | "cls"
            ) {
                self.learn(Some(lambda), &[name], trace);
            }
        }
    }

    /// Calls that put keys into a list, and calls of the file's own functions that find keys or take them.
    fn read_calls(&mut self) {
        for at in 0..self.facts.calls.len() {
            let call = &self.facts.calls[at];
            if self.commands.at(CallId(at)).is_none() {
                self.read_stand_in(CallId(at));
                if let Some(trace) = self.finder(CallId(at)) {
                    // One caller's limit is not the helper's.
                    let bounded = self.bounded.clone();
                    self.flow(CallId(at), trace, limits::MAX_FLOW_STEPS);
                    self.bounded = bounded;
                }
                if let Some(trace) = self.read_files(call) {
                    self.flow(CallId(at), trace, limits::MAX_FLOW_STEPS);
                }
                self.hand_over(call);
                self.call_back(CallId(at));
                self.read_accumulator(call);
                self.read_growth(CallId(at));
            }
            self.read_whole(CallId(at));
        }
    }

    /// `iter.collect()` where `iter` is a scan's own iteration.
    fn read_whole(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let Some(receiver @ Expr::Path(_)) = &call.receiver else {
            return;
        };
        if !is_collect(&call.name) || !call.args.is_empty() {
            return;
        }
        let trace = self.trace(receiver, call.function);
        if let Some(trace) = trace.filter(|trace| trace.amount != Amount::One)
            && self.is_iteration(trace)
        {
            self.collected.entry(trace.source).or_insert(None);
        }
    }

    fn learn(&mut self, function: Option<FunctionId>, target: &[String], trace: Trace) {
        let name = target.join(".");
        if name.is_empty() || name == "_" || name == "err" {
            return;
        }
        let anywhere = |first: &String| first == "self" || first == FILE;
        let place = if target.first().is_some_and(anywhere) {
            None
        } else {
            self.origins.root(function)
        };
        let old = self.names.entry((place, name)).or_insert(trace);
        if old.amount < trace.amount {
            *old = trace;
        }
    }

    /// What keys a value holds, if any.
    pub(crate) fn trace(&self, expr: &Expr, function: Option<FunctionId>) -> Option<Trace> {
        self.trace_at(expr, function, 0)
    }

    fn trace_at(&self, expr: &Expr, function: Option<FunctionId>, depth: usize) -> Option<Trace> {
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
                let trace = items
                    .iter()
                    .find_map(|item| self.trace_at(item, function, depth + 1))?;
                let spread = items.iter().any(|item| matches!(item, Expr::Spread(_)));
                Some(if spread {
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

    fn trace_gathered(&self, each: LoopId) -> Option<Trace> {
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
                let place = if path[0] == "self" { None } else { root };
                self.names.get(&(place, name)).copied()
            })
            .or_else(|| self.trace_getter(path, root))
    }

    fn trace_call(&self, id: CallId, function: Option<FunctionId>, depth: usize) -> Option<Trace> {
        if depth > limits::MAX_FLOW_STEPS {
            return None;
        }
        if let Some(at) = self.sources.iter().position(|command| command.call == id) {
            let command = &self.sources[at];
            let amount = match command.verb {
                Verb::Keys | Verb::SMembers | Verb::ScanIter | Verb::InnerScanIter => Amount::All,
                verb if verb.finds() => Amount::Batch,
                _ => return None,
            };
            return Some(Trace { amount, source: at });
        }
        let call = self.facts.calls.get(id.0)?;
        if let Some(trace) = self.finder(id).or_else(|| self.given.get(&id).copied()) {
            return Some(trace);
        }
        let name = call.name.as_str();
        let cut = is_chunk(name) || is_limit(name) || (name == "unpack" && call.args.len() > 1);
        let receiver = call
            .receiver
            .as_ref()
            .and_then(|receiver| self.trace_at(receiver, function, depth + 1));
        let trace = match receiver {
            Some(trace)
                if cut || is_passing_method(name) || is_collect(name) || is_element(name) =>
            {
                Some(trace)
            }
            Some(_) => None,
            None if cut
                || is_passing_function(name)
                || is_collect(name)
                || call.constructs
                || is_growth(name) =>
            {
                call.args
                    .iter()
                    .find_map(|arg| self.trace_at(arg, function, depth + 1))
            }
            None => None,
        }?;
        let amount = if cut || is_element(name) {
            trace.amount.min(Amount::Batch)
        } else {
            trace.amount
        };
        Some(Trace { amount, ..trace })
    }

    /// Whether what a scan finds is cut off somewhere on its way.
    pub(crate) fn is_bounded(&self, source: usize) -> bool {
        self.bounded.contains(&source)
    }
}
