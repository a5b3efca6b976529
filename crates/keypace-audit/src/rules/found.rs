//! Where the keys go that KEYS and SCAN found: into names, loops, lists and callbacks.
//! Must not judge.

mod anew;
mod callbacks;
mod files;
mod flow;
mod folded;
mod gives;
mod growth;
mod helpers;
mod keyed;
mod made;
mod mentioned;
mod methods;
mod offers;
mod own;
mod passers;
mod promises;
mod ranges;
mod readers;
mod repeated;
mod returns;
mod scopes;
mod trace;
mod worded;

pub(crate) use offers::Helper;

use std::collections::{HashMap, HashSet};

use super::flow_names::{is_chunk, is_collect, is_passing_method};
use crate::extract::FILE;
use crate::facts::{Binding, CallId, Expr, Facts, FunctionId, LoopId, LoopKind};
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
    /// Where the first source of a call stands among them.
    places: HashMap<CallId, usize>,
    names: HashMap<Place, Trace>,
    finders: HashMap<String, Trace>,
    /// Functions that make one step of a scan and give back what it found, with that step.
    steppers: HashMap<String, usize>,
    /// Functions that give on what a scan finds while it goes on, with that scan.
    lazies: HashMap<String, usize>,
    /// The same three by function, where several have one name.
    gives: HashMap<FunctionId, gives::Gives>,
    marks: gives::Marks,
    /// Functions that give back what they are given, one for one, with the parameter's place.
    passers: HashMap<FunctionId, usize>,
    /// Calls that give what the lambda gave that they ran, and where each lambda stands as an argument.
    given: HashMap<CallId, Trace>,
    runs: HashMap<FunctionId, CallId>,
    /// Iterations made of a function for each step, with the step inside.
    unfolded: HashMap<CallId, CallId>,
    /// What a function hands to the callback that it was given: by its name, the callback's place and the argument's.
    handed: HashMap<(String, usize, usize), Trace>,
    /// Functions that call themselves, or hand themselves to a scan.
    recursive: HashSet<FunctionId>,
    /// Lambdas that a function of the file calls for each key or page that it finds.
    repeated: HashSet<FunctionId>,
    /// Scans whose keys are all kept, with the loop that does it where there is one.
    pub collected: HashMap<usize, Option<LoopId>>,
    /// Names with a part taken off or a bound set.
    bounded: HashSet<usize>,
    inner: readers::Inner,
    bound: anew::Bound,
    scopes: scopes::Scopes,
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
            places: HashMap::new(),
            names: HashMap::new(),
            finders: HashMap::new(),
            steppers: HashMap::new(),
            lazies: HashMap::new(),
            gives: HashMap::new(),
            marks: gives::Marks::default(),
            passers: HashMap::new(),
            given: HashMap::new(),
            unfolded: HashMap::new(),
            runs: HashMap::new(),
            handed: HashMap::new(),
            recursive: HashSet::new(),
            repeated: HashSet::new(),
            collected: HashMap::new(),
            bounded: HashSet::new(),
            inner: readers::Inner::default(),
            bound: anew::Bound::default(),
            scopes: scopes::Scopes::of(facts, text),
        };
        for (place, source) in own.sources.iter().enumerate() {
            own.places.entry(source.call).or_insert(place);
        }
        own.find_inner();
        own.take_finders();
        own.presume_finders();
        if !own.sources.iter().any(|command| command.verb.finds()) {
            return own;
        }
        own.bound = anew::Bound::of(facts);
        own.marks = gives::Marks::of(facts, commands, text);
        own.find_recursion();
        own.find_runs();
        own.find_passers();
        for _ in 0..limits::MAX_FLOW_ROUNDS {
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

    /// What is to be told of: the step inside, for an iteration that is made of one.
    pub(crate) fn told(&self, source: usize) -> Command {
        let own = &self.sources[source];
        let call = self.unfolded.get(&own.call).copied().unwrap_or(own.call);
        Command {
            call,
            ..own.clone()
        }
    }

    fn read_commands(&mut self) {
        for source in 0..self.sources.len() {
            let (call, verb) = (self.sources[source].call, self.sources[source].verb);
            let amount = match verb {
                Verb::Keys | Verb::SMembers | Verb::HGetAll => Amount::All,
                Verb::Range if self.is_whole(call) => Amount::All,
                verb if verb.finds() => Amount::Batch,
                _ => continue,
            };
            self.flow(call, Trace { amount, source }, limits::MAX_FLOW_STEPS);
            self.read_into(call, Trace { amount, source });
            if self.hands_by_place(call) {
                continue;
            }
            // `client.keys("a*", (err, keys) => ...)`; an iteration calls for each key, a step for its batch.
            let amount = if verb.iterates() { Amount::One } else { amount };
            for arg in &self.facts.calls[call.0].args {
                let callback = match arg {
                    Expr::Lambda(lambda) => Some(*lambda),
                    Expr::Path(path) => self.callback(path),
                    Expr::Call(made) => self.callback_made(*made),
                    _ => None,
                };
                self.settle(arg, call, Trace { amount, source });
                if let Some(callback) = callback {
                    self.give_params(callback, Trace { amount, source });
                }
            }
        }
    }

    fn is_iteration(&self, trace: Trace) -> bool {
        self.sources[trace.source].verb.iterates()
    }

    fn read_bindings(&mut self) {
        for binding in &self.facts.bindings {
            self.read_keyed(binding);
            if self.share(binding) {
                continue;
            }
            let Some(mut trace) = self
                .trace_value(binding)
                .or_else(|| self.trace_derived(binding))
            else {
                self.keep_added(binding);
                continue;
            };
            if self.takes_apart(binding.targets.len(), binding.span.start, trace) {
                continue;
            }
            if matches!(binding.value, Expr::List(_) | Expr::Call(_)) {
                trace = self.printed_to(&binding.targets, trace);
            }
            let part = matches!(binding.value, Expr::Index(_, false));
            let grown = trace.amount == Amount::Batch
                && (self.grows(binding) || part && self.appends(binding))
                || trace.amount == Amount::One
                    && (self.appends(binding) || self.adds_each(binding))
                    && self.goes_on(trace.source, binding);
            let anew = grown
                && binding
                    .targets
                    .first()
                    .is_some_and(|target| self.begins_anew(target, trace.source));
            if anew {
                trace.amount = Amount::Batch;
            } else if grown {
                trace = self.listed(trace);
                trace.amount = Amount::All;
                let step = self.nearest(trace.source, &binding.loops, binding.function);
                self.gather(step, binding.loops.last().copied());
            }
            for target in &binding.targets {
                self.learn(binding.function, target, trace);
            }
            if let Some(list) = self.filled(binding).filter(|_| grown) {
                self.learn(binding.function, &list, trace);
            }
        }
    }

    fn trace_value(&self, binding: &Binding) -> Option<Trace> {
        match &binding.value {
            Expr::Call(call) => self.trace_call(*call, binding.function, 0),
            Expr::Gathered(each) => self.trace_gathered(*each),
            value => self
                .of_loop(value, &binding.loops)
                .or_else(|| self.trace(value, binding.function)),
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
                .or_else(|| self.in_file(iterable))
                .or_else(|| self.of_itself(iterable, each.function));
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
            if !self.is_bound_else(function, &name, trace) {
                self.learn(function, &[name], Trace { amount, source });
            }
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
            ) && !self.is_bound_else(Some(lambda), &name, trace)
            {
                self.learn(Some(lambda), &[name], trace);
            }
        }
    }

    /// A loop over a hash gives its fields names that the function around may give to other values as well.
    fn is_bound_else(&self, function: Option<FunctionId>, name: &str, trace: Trace) -> bool {
        let root = self.origins.root(function);
        let bound = self
            .origins
            .bindings_of(std::slice::from_ref(&name.to_owned()));
        // A loop's own variable with its type is no other value.
        let other = |own: &&&Binding| own.declared.is_none() || own.value != Expr::Other;
        self.sources[trace.source].verb == Verb::HGetAll
            && bound
                .iter()
                .filter(other)
                .any(|own| self.origins.root(own.function) == root)
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
                self.lend_itself(CallId(at));
                self.call_back(CallId(at));
                self.resolve(CallId(at));
                self.hand_whole(CallId(at));
                self.read_accumulator(call);
                self.read_growth(CallId(at));
                self.read_out_param(CallId(at));
            }
            self.read_whole(CallId(at));
        }
    }

    /// `iter.collect()` where `iter` is a scan's own iteration.
    fn read_whole(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let Some(receiver) = &call.receiver else {
            return;
        };
        let mut root = receiver;
        for _ in 0..limits::MAX_FLOW_STEPS {
            let Expr::Call(inner) = root else { break };
            let inner = &self.facts.calls[inner.0];
            match &inner.receiver {
                Some(below) if is_passing_method(&inner.name) => root = below,
                _ => break,
            }
        }
        let named = matches!(root, Expr::Path(_));
        if !named {
            return;
        }
        if !is_collect(&call.name) || !call.args.iter().all(|arg| self.is_collector(arg)) {
            return;
        }
        let trace = self.trace(receiver, call.function);
        if let Some(trace) = trace.filter(|trace| trace.amount != Amount::One)
            && self.is_iteration(trace)
        {
            self.collected.entry(trace.source).or_insert(None);
        }
    }

    /// `Collectors.toList()`.
    fn is_collector(&self, arg: &Expr) -> bool {
        matches!(arg, Expr::Call(own) if is_collect(&self.facts.calls[own.0].name))
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
            self.place(function, &target[0])
        };
        let old = self.names.entry((place, name)).or_insert(trace);
        if old.amount < trace.amount {
            *old = trace;
        }
    }

    /// Whether what a scan finds is cut off somewhere on its way.
    pub(crate) fn is_bounded(&self, source: usize) -> bool {
        self.bounded.contains(&source)
    }
}
