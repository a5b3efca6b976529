//! Keys found that pass through functions: helpers that give them back, helpers that are handed them.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::facts::{Call, CallId, Expr, FunctionId, Span};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::clients;
use crate::receiver::elsewhere::Does;
use crate::receiver::shape::{Known, Shape, Sure};
use crate::receiver::stand_in::is_around_client;
use crate::receiver::verb::Verb;
use crate::report::Confidence;
use crate::rules::flow_names::is_unfold;

impl Found<'_> {
    /// `redis.keys`, where a call without arguments reads like a member.
    pub(super) fn trace_getter(&self, path: &[String], root: Option<FunctionId>) -> Option<Trace> {
        let (name, owner) = path.split_last()?;
        let source = self.sources.iter().position(|command| {
            let call = &self.facts.calls[command.call.0];
            command.verb.finds()
                && call.args.is_empty()
                && call.name == *name
                && self.origins.root(call.function) == root
                && matches!(&call.receiver, Some(Expr::Path(own)) if own.as_slice() == owner)
        })?;
        Some(Trace {
            amount: Amount::All,
            source,
        })
    }

    /// The keys that a call of the file's own function finds.
    pub(super) fn finder(&self, id: CallId) -> Option<Trace> {
        let call = self.facts.calls.get(id.0)?;
        let trace = self.finders.get(&call.name)?;
        if !self.is_own(call) || self.calls_itself(call) {
            return None;
        }
        let mut trace = match self.gives_by_class(call) {
            Some(own) => own.whole?,
            None => *trace,
        };
        // The helper's range is as wide as its caller says.
        if self.sources[trace.source].verb == Verb::Range && self.is_whole(id) {
            trace.amount = Amount::All;
        }
        Some(trace)
    }

    /// Gives a helper's parameters what a call hands to it.
    pub(super) fn hand_over(&mut self, call: &Call) {
        let named = self.origins.functions_named(&call.name);
        if named.is_empty() || call.args.is_empty() || call.constructs || !self.is_own(call) {
            return;
        }
        let traces: Vec<Option<Trace>> = call
            .args
            .iter()
            .map(|arg| {
                self.trace(arg, call.function)
                    .or_else(|| self.presumed(arg, call))
            })
            .collect();
        if traces.iter().all(Option::is_none) {
            return;
        }
        for helper in self.clauses_for_many(call) {
            self.hand_to(helper, call, &traces);
        }
    }

    fn hand_to(&mut self, helper: FunctionId, call: &Call, traces: &[Option<Trace>]) {
        let params = &self.facts.functions[helper.0].params;
        let first = usize::from(self.is_called_on(helper, call));
        for (at, (arg, trace)) in call.args.iter().zip(traces).enumerate() {
            let name = match arg {
                Expr::Named(name, _) => Some(name.clone()),
                _ => params.get(at + first).map(|own| own.name.clone()),
            };
            // A helper for one key doesn't know that it is asked for each.
            if let (Some(name), Some(trace)) = (name, *trace)
                && trace.amount != Amount::One
                && !is_itself(&name)
            {
                self.give_head(helper, name, trace);
            }
        }
    }

    /// A parameter; where it is what Elixir's `[key | rest]` leaves, the first is one of them.
    fn give_head(&mut self, helper: FunctionId, name: String, trace: Trace) {
        if self.facts.language == Language::Elixir {
            let span = self.facts.functions[helper.0].span;
            let text = self.text.get(span.start..span.end).unwrap_or_default();
            let head = text.lines().next().unwrap_or_default();
            // Of `[key | _]` nothing else is asked for.
            if head.contains(&format!("[{name} |")) {
                return;
            }
            let before = head.split_once(&format!("| {name}]"));
            let first = before.and_then(|(before, _)| before.rsplit_once('['));
            if let Some((_, first)) = first {
                let amount = Amount::One;
                let first = first.trim().to_owned();
                self.learn(Some(helper), &[first], Trace { amount, ..trace });
            }
        }
        self.learn(Some(helper), &[name], trace);
    }

    /// Whether a function's first parameter is what it is called on: Python's `self`, the `this` of C#'s extensions.
    pub(super) fn is_called_on(&self, helper: FunctionId, call: &Call) -> bool {
        let own = &self.facts.functions[helper.0];
        let Some(first) = own.params.first() else {
            return false;
        };
        let text = self.text.get(own.span.start..own.span.end);
        let extends = || text.is_some_and(|text| text.contains("(this "));
        is_itself(&first.name)
            || self.facts.language == Language::CSharp && call.receiver.is_some() && extends()
    }

    /// Keys by their name, in a file that lists keys, that came by a way which isn't seen: a channel, a queue.
    fn presumed(&self, arg: &Expr, call: &Call) -> Option<Trace> {
        let Expr::Path(path) = arg else { return None };
        let [name] = path.as_slice() else { return None };
        let words = clients::words(name);
        let told = words.last().is_some_and(|last| last == "keys")
            || (words.iter().any(|word| word.starts_with("key"))
                && words
                    .last()
                    .is_some_and(|last| last == "batch" || last == "chunk"));
        let root = self.origins.root(call.function);
        let named = self.origins.bindings_of(path).iter();
        let bound = named.map(|own| self.origins.root(own.function));
        let bound = bound.into_iter().any(|own| own == root);
        if !told || bound || self.is_given(path, call) {
            return None;
        }
        let source = self
            .sources
            .iter()
            .position(|command| command.verb.lists_keys())?;
        Some(Trace {
            amount: Amount::Batch,
            source,
        })
    }

    /// Whether a caller gives a name its value, as far as a file that is read alone shows that: a parameter of a function that
    /// the file doesn't call is not told to be keys found by its name.
    fn is_given(&self, path: &[String], call: &Call) -> bool {
        let mut at = call.function;
        while let Some(own) = at.and_then(|id| self.facts.functions.get(id.0)) {
            if !own.name.is_empty() && own.params.iter().any(|param| path == [param.name.clone()]) {
                return true;
            }
            at = own.parent;
        }
        false
    }

    /// A call that stands for a step or an iteration of a scan: of a helper that gives back one step's keys, or of one
    /// that scans and calls what it is handed for each key.
    pub(super) fn read_stand_in(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        if self.places.contains_key(&id) {
            return;
        }
        if let Some(scan) = self.unfolded(call) {
            self.unfolded.insert(id, scan.call);
            self.add_source(Command { call: id, ..scan });
            return;
        }
        if !self.is_own(call) || self.calls_itself(call) {
            return;
        }
        let iterates = |scan: Command| Command {
            call: id,
            verb: Verb::ScanIter,
            ..scan
        };
        let (step, lazy) = match self.gives_by_class(call) {
            Some(own) => (own.step, own.lazily),
            None => (
                self.steppers.get(&call.name).copied(),
                self.lazies.get(&call.name).copied(),
            ),
        };
        let stand_in = if let Some(step) = step {
            Some(Command {
                call: id,
                ..self.sources[step].clone()
            })
        } else if let Some(scan) = lazy {
            Some(iterates(self.sources[scan].clone()))
        } else {
            self.scanned_by(call).map(iterates)
        };
        if let Some(stand_in) = stand_in {
            self.add_source(stand_in);
        }
    }

    fn scanned_by(&self, call: &Call) -> Option<Command> {
        if !call.args.iter().any(|arg| matches!(arg, Expr::Lambda(_))) {
            return None;
        }
        // Ruby's block is no parameter where it is only yielded to.
        let named = self.origins.functions_named(&call.name).iter();
        let ruby = self.facts.language == Language::Ruby;
        let takes = named.clone().any(|id| {
            let own = &self.facts.functions[id.0];
            own.params.len() == call.args.len()
        });
        let implicit = usize::from(ruby && !takes);
        let own = named
            .map(|id| &self.facts.functions[id.0])
            .find(|own| own.params.len() + implicit == call.args.len())?;
        let handed = self.handed.keys().any(|(name, ..)| *name == own.name);
        self.scan_inside(own.span).filter(|_| !handed)
    }

    /// An iteration that is made of a function for each step: `Stream.resource(...)`, `stream::unfold`, `flow { }`.
    fn unfolded(&self, call: &Call) -> Option<Command> {
        let mut lambdas = call.args.iter().filter_map(|arg| match arg {
            Expr::Lambda(lambda) => self.facts.functions.get(lambda.0),
            _ => None,
        });
        let scan = lambdas.find_map(|own| self.scan_inside(own.span));
        scan.filter(|_| is_unfold(&call.name)).map(|scan| Command {
            verb: Verb::ScanIter,
            ..scan
        })
    }

    pub(super) fn add_source(&mut self, source: Command) {
        self.places.entry(source.call).or_insert(self.sources.len());
        self.sources.push(source);
    }

    fn scan_inside(&self, span: Span) -> Option<Command> {
        let inside = |command: &&Command| {
            let at = self.facts.calls[command.call.0].at;
            span.start <= at.start && at.end <= span.end
        };
        let mut scans = self
            .commands
            .all
            .iter()
            .filter(|command| matches!(command.verb, Verb::Scan | Verb::ScanIter));
        scans.find(inside).cloned()
    }

    /// Calls of functions in other files whose bodies find keys.
    pub(super) fn take_finders(&mut self) {
        let mut calls: Vec<_> = self.origins.elsewhere.meant.iter().collect();
        calls.sort_by_key(|(call, _)| **call);
        for (&call, own) in calls {
            if own.verb.finds() && self.commands.at(call).is_none() {
                self.add_source(Command {
                    call,
                    verb: own.verb,
                    confidence: Confidence::Medium,
                    known: Known {
                        sure: Sure::Own,
                        shape: Shape::Client,
                        cluster: false,
                    },
                    args: self.facts.calls[call.0].args.clone(),
                    raw: false,
                });
            }
        }
    }

    /// Functions of other files that list keys, by their name and a pattern: `store.getKeys("lock:*")`.
    pub(super) fn presume_finders(&mut self) {
        self.find_elsewhere();
        if !self.origins.speaks {
            return;
        }
        for at in 0..self.facts.calls.len() {
            let call = &self.facts.calls[at];
            if !self.places.contains_key(&CallId(at))
                && lists_by_name(&call.name)
                && (self.has_glob(call) || call.name.to_ascii_lowercase().contains("redis"))
                && self.meant(call).is_none()
            {
                self.add_source(Command {
                    call: CallId(at),
                    verb: Verb::Keys,
                    confidence: Confidence::Medium,
                    known: Known {
                        sure: Sure::Own,
                        shape: Shape::Client,
                        cluster: false,
                    },
                    args: call.args.clone(),
                    raw: false,
                });
            }
        }
    }

    /// Methods of other files' classes that give back the keys they find.
    fn find_elsewhere(&mut self) {
        for (at, call) in self.facts.calls.iter().enumerate() {
            if self.commands.at(CallId(at)).is_some() {
                continue;
            }
            let mut meant = self.origins.elsewhere.of_call(self.facts, call).iter();
            let verb = meant.find_map(|does| match does {
                Does::Finds(verb) => Some(*verb),
                _ => None,
            });
            if let Some(verb) = verb {
                let confidence = if is_around_client(self.origins, call) {
                    Confidence::High
                } else {
                    Confidence::Medium
                };
                self.add_source(Command {
                    call: CallId(at),
                    verb,
                    confidence,
                    known: Known {
                        sure: Sure::Own,
                        shape: Shape::Client,
                        cluster: false,
                    },
                    args: call.args.clone(),
                    raw: false,
                });
            }
        }
    }

    /// Calls of other files' functions that list keys by their name.
    pub(crate) fn presumed_lists(&self) -> impl Iterator<Item = &Command> {
        self.sources
            .iter()
            .skip(self.commands.all.len())
            .filter(|own| own.verb == Verb::Keys)
    }

    fn has_glob(&self, call: &Call) -> bool {
        let text = self
            .text
            .get(call.span.start..call.span.end)
            .unwrap_or_default();
        ["*\"", "*'", "*`"].iter().any(|end| text.contains(end))
    }
}

pub(super) fn is_itself(name: &str) -> bool {
    matches!(name, "self" | "cls")
}

/// `getKeys`, `scan_keys`, `findAllKeys`.
fn lists_by_name(name: &str) -> bool {
    let words = clients::words(name);
    let lists = words.first().is_some_and(|first| {
        matches!(
            first.as_str(),
            "get" | "scan" | "find" | "list" | "search" | "fetch" | "all" | "collect"
        )
    });
    lists && words.last().is_some_and(|last| last == "keys")
}
