//! The way of a result through calls: methods, arguments and pipes, to the name that it gets.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::extract::FILE;
use crate::facts::{Call, CallId, Expr, Usage};
use crate::language::Language;
use crate::receiver::{argument, built, verb};
use crate::rules::flow_names::{
    is_chunk, is_collect, is_entries, is_handover, is_limit, is_passing_function, is_passing_method,
};

impl Found<'_> {
    /// Follows a call's result to where it goes.
    pub(super) fn flow(&mut self, call: CallId, trace: Trace, steps: usize) {
        if steps == 0 {
            return;
        }
        let call = built::last(self.facts, call);
        let own = &self.facts.calls[call.0];
        match &own.usage {
            Usage::Bound(targets) => {
                if self.takes_apart(targets.len(), own.span.start, trace) {
                    return;
                }
                let trace = self.printed_to(targets, trace);
                for target in targets {
                    self.learn(own.function, target, trace);
                }
            }
            Usage::Iterated(each) => {
                let span = self.facts.loops[each.0].span;
                let substituted = self
                    .text
                    .get(span.start..span.end)
                    .is_some_and(|text| text.starts_with("for"));
                let trace = if substituted {
                    self.printed(trace)
                } else {
                    trace
                };
                let kept = self.facts.loops[each.0].gathers || self.is_kept_generator(*each);
                if trace.amount == Amount::Batch && kept && self.is_iteration(trace) {
                    self.collected.entry(trace.source).or_insert(None);
                }
                self.give_loop(*each, trace);
            }
            Usage::Returned => {
                if let Some(id) = self.named_around(own.function) {
                    self.give_back(id, trace);
                }
            }
            Usage::Receiver(next) => self.flow_method(*next, trace, steps - 1),
            Usage::Argument(next) => self.flow_argument(*next, trace, steps - 1),
            Usage::Piped(next) => self.flow_pipe(*next, trace, steps - 1),
            Usage::Discarded | Usage::Other => {}
        }
    }

    /// `const { lock } = await redis.hgetall(key)`: what is taken out of a hash by name is no key that was found.
    pub(super) fn takes_apart(&self, targets: usize, at: usize, trace: Trace) -> bool {
        use Language::{Elixir, JavaScript, Tsx, TypeScript};
        if !self.is_map(trace) {
            return false;
        }
        let before = self.text.get(..at).unwrap_or_default();
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text.get(begin..).unwrap_or_default().trim_start();
        match self.facts.language {
            JavaScript | TypeScript | Tsx => {
                targets > 1 || line.split('=').next().is_some_and(|to| to.contains('{'))
            }
            Elixir => line.starts_with("%{") || line.starts_with('['),
            _ => targets > 2,
        }
    }

    pub(super) fn flow_method(&mut self, next: CallId, trace: Trace, steps: usize) {
        let call = &self.facts.calls[next.0];
        let name = call.name.as_str();
        if self.is_map(trace) && !is_entries(name) && !is_answer(name) {
            return;
        }
        if is_chunk(name) {
            let trace = Trace {
                amount: Amount::Batch,
                ..trace
            };
            self.bounded.insert(trace.source);
            return self.flow(next, trace, steps);
        }
        if is_limit(name) {
            self.bounded.insert(trace.source);
            return self.flow(
                next,
                Trace {
                    amount: Amount::Batch,
                    ..trace
                },
                steps,
            );
        }
        // Kotlin's `collect { key -> ... }` keeps nothing.
        let each = self.facts.language == Language::Kotlin
            && name == "collect"
            && matches!(call.args.last(), Some(Expr::Lambda(_)));
        for arg in &call.args {
            if let Expr::Lambda(lambda) = arg {
                // Ruby's `collect` is its `map`.
                let mapped = self.facts.language == Language::Ruby && name == "collect";
                // A stream's `then` is called for each in Rust.
                let each_of = self.facts.language == Language::Rust && name == "then";
                let passes =
                    is_handover(name) && !mapped && !each_of || self.is_of_answer(call, trace);
                let amount = if !each && (passes || self.is_of_gathered(call)) {
                    trace.amount
                } else {
                    Amount::One
                };
                self.give_params(*lambda, Trace { amount, ..trace });
            }
        }
        // `collect(Collectors.toMap(key -> key, key -> load(key)))`
        for arg in &call.args {
            let Expr::Call(collector) = arg else { continue };
            let lambdas = self.facts.calls[collector.0].args.iter();
            for lambda in lambdas.filter_map(|arg| match arg {
                Expr::Lambda(lambda) if name == "collect" => Some(*lambda),
                _ => None,
            }) {
                let amount = Amount::One;
                self.give_params(lambda, Trace { amount, ..trace });
            }
        }
        let ruby = self.facts.language == Language::Ruby
            && matches!(
                name,
                "map"
                    | "sort"
                    | "select"
                    | "reject"
                    | "uniq"
                    | "group_by"
                    | "filter_map"
                    | "sort_by"
            );
        if (is_collect(name) || ruby) && !each && self.is_iteration(trace) {
            self.collected.entry(trace.source).or_insert(None);
            return self.flow(
                next,
                Trace {
                    amount: Amount::All,
                    ..trace
                },
                steps,
            );
        }
        if is_passing_method(name) || is_collect(name) || self.awaits_the_same(call) {
            self.flow(next, trace, steps);
        }
    }

    /// Kotlin's `key?.let { client.get(it) }` and `keys.map { ... }.let { client.del(*it) }`: a block about one value.
    pub(super) fn lend_itself(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let lends = self.facts.language == Language::Kotlin
            && matches!(call.name.as_str(), "also" | "let" | "takeIf" | "takeUnless");
        let (true, Some(receiver @ (Expr::Path(_) | Expr::Call(_))), Some(Expr::Lambda(block))) =
            (lends, &call.receiver, call.args.last())
        else {
            return;
        };
        let (block, trace) = (*block, self.trace(receiver, call.function));
        if let Some(trace) = trace.filter(|trace| !self.is_map(*trace)) {
            self.give_params(block, trace);
        }
    }

    /// A method of Rust's result of a command, whose function is given all of the answer: `con.keys(p).and_then(|keys| ...)`.
    fn is_of_answer(&self, call: &Call, trace: Trace) -> bool {
        let of_command =
            matches!(&call.receiver, Some(Expr::Call(own)) if self.commands.at(*own).is_some());
        self.facts.language == Language::Rust
            && of_command
            && !self.is_iteration(trace)
            && matches!(
                call.name.as_str(),
                "and_then" | "map" | "map_or" | "map_or_else"
            )
    }

    /// `await FindAsync(p).NoContext()`: C#'s extensions of a task that say where it goes on, and give what it gives.
    pub(super) fn awaits_the_same(&self, call: &Call) -> bool {
        let before = self.text.get(..call.span.start).unwrap_or_default();
        self.facts.language == Language::CSharp
            && call.args.is_empty()
            && before.trim_end().ends_with("await")
            && !call.name.ends_with("Async")
    }

    /// A method of the one value that a stream was gathered into: `keys.collectList().flatMap { all -> ... }`.
    fn is_of_gathered(&self, call: &Call) -> bool {
        matches!(&call.receiver, Some(Expr::Call(inner)) if {
            let name = &self.facts.calls[inner.0].name;
            is_collect(name) && matches!(name.as_str(), "collectList" | "collectSortedList")
        })
    }

    pub(super) fn flow_argument(&mut self, next: CallId, trace: Trace, steps: usize) {
        let call = &self.facts.calls[next.0];
        let name = call.name.as_str();
        if self.commands.at(next).is_some() {
            return;
        }
        if matches!(name, "mapfile" | "readarray") {
            if let Some(into) = call
                .args
                .iter()
                .filter_map(argument::literal)
                .rfind(|word| !word.starts_with('-'))
            {
                let target = [into.to_owned()];
                let function = call.function;
                let trace = self.printed(trace);
                self.learn(function, &target, trace);
            }
            return;
        }
        if is_chunk(name) || is_limit(name) {
            self.bounded.insert(trace.source);
            return self.flow(
                next,
                Trace {
                    amount: Amount::Batch,
                    ..trace
                },
                steps,
            );
        }
        if is_collect(name) && self.is_iteration(trace) {
            self.collected.entry(trace.source).or_insert(None);
            return self.flow(
                next,
                Trace {
                    amount: Amount::All,
                    ..trace
                },
                steps,
            );
        }
        // A built command is sent: `client.Do(ctx, client.B().Keys().Pattern(p).Build())`.
        if is_collect(name)
            || is_passing_function(name)
            || verb::is_raw_method(name)
            || self.awaits_argument(next)
            || self.is_map(trace) && is_entries(name)
        {
            self.flow(next, trace, steps);
        }
    }

    /// What a shell's pipe hands on: `| while read key`, `| sort`, `| xargs`.
    pub(super) fn flow_pipe(&mut self, next: CallId, trace: Trace, steps: usize) {
        let call = &self.facts.calls[next.0];
        match call.name.as_str() {
            "read" => {
                let names: Vec<String> = call
                    .args
                    .iter()
                    .filter_map(argument::shape)
                    .filter(|word| !word.starts_with('-'))
                    .collect();
                for name in names {
                    self.learn(
                        call.function,
                        &[name],
                        Trace {
                            amount: Amount::One,
                            ..trace
                        },
                    );
                }
            }
            "sort" | "grep" | "sed" | "awk" | "tr" | "cut" | "uniq" | "tac" | "egrep" | "tail" => {
                self.flow(next, trace, steps)
            }
            _ => {}
        }
    }

    /// A shell's variable holds all that the command printed; a file is no memory.
    pub(super) fn printed_to(&mut self, targets: &[Vec<String>], trace: Trace) -> Trace {
        let file = |target: &Vec<String>| target.first().is_some_and(|first| first == FILE);
        if targets.iter().any(file) {
            return trace;
        }
        self.printed(trace)
    }

    /// A substitution prints all of a scan: its variable or loop holds every key.
    pub(super) fn printed(&mut self, trace: Trace) -> Trace {
        if self.facts.language != Language::Shell || !self.is_iteration(trace) {
            return trace;
        }
        self.collected.entry(trace.source).or_insert(None);
        Trace {
            amount: Amount::All,
            ..trace
        }
    }
}

/// Gives what a command answered, as it is: go-redis's `.Result()`, and StackExchange's entries as a dictionary.
pub(super) fn is_answer(name: &str) -> bool {
    matches!(
        name,
        "Result" | "Val" | "unwrap" | "expect" | "ToDictionary" | "ToStringDictionary"
    )
}
