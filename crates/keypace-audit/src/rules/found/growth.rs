//! Lists and sets that grow by what a scan finds.
//! Must not judge.

use super::repeated::is_key;
use super::{Amount, Found, Trace};
use crate::facts::{Binding, Call, CallId, Expr, FunctionId, LoopId, Piece};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::verb::Verb;
use crate::rules::flow_names::is_growth;

impl Found<'_> {
    pub(super) fn read_growth(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let applied = is_applied(call);
        let keyed = self.adds_entry(call);
        if !(applied || keyed || is_growth(&call.name)) || self.commands.at(id).is_some() {
            return;
        }
        // Python's lists and sets take one thing at a time: `mailbox.append(folder, text)` is another's method.
        if self.facts.language == Language::Python
            && matches!(call.name.as_str(), "add" | "append")
            && call.args.len() != 1
        {
            return;
        }
        let (target, args) = match (&call.receiver, call.args.split_first()) {
            (_, Some((first, rest))) if applied => (first.clone(), rest.to_vec()),
            // Lua's `table.insert(all, key)`.
            (Some(Expr::Path(path)), Some((first, rest))) if matches!(path.as_slice(), [one] if one == "table") => {
                (first.clone(), rest.to_vec())
            }
            // What a map holds under a key found is no key.
            (Some(receiver), Some((first, _))) if keyed => (receiver.clone(), vec![first.clone()]),
            (Some(receiver), _) => (receiver.clone(), call.args.clone()),
            // `array_push($all, ...$page)`.
            (None, Some((first, rest))) if call.name == "array_push" => {
                (first.clone(), rest.to_vec())
            }
            // Kotlin's `buildList { add(key) }`, `mutableListOf<String>().apply { add(key) }`.
            (None, Some(_)) if self.is_of_list(call) => (Expr::Other, call.args.clone()),
            _ => return,
        };
        let (function, each) = (call.function, call.loops.last().copied());
        let trace = args.iter().find_map(|arg| {
            self.of_loop(arg, &call.loops)
                .or_else(|| self.trace(arg, function))
        });
        let trace = trace.or_else(|| self.trace_generator(call));
        let Some(trace) = trace.or_else(|| self.made_of_one(call, &args)) else {
            return self.keep_made(id, &target, &args);
        };
        // `keys.extend(r.scan_iter(...))` keeps all at once.
        let whole = trace.amount == Amount::All;
        if !whole && !self.scan_around(trace.source, id) {
            return;
        }
        if let Expr::Path(path) = &target
            && self.begins_anew(path, trace.source)
        {
            let batch = Trace {
                amount: Amount::Batch,
                source: self.listed(trace).source,
            };
            return self.learn(function, path, batch);
        }
        // What another function has gathered is told there.
        let scan = &self.facts.calls[self.sources[trace.source].call.0];
        let there = keyed && self.origins.root(scan.function) != self.origins.root(function);
        if !there && (!whole || self.is_iteration(trace)) {
            self.gather(self.nearest(trace.source, &call.loops, function), each);
        }
        if let Expr::Path(path) = target {
            let source = self.listed(trace).source;
            self.learn(
                function,
                &path,
                Trace {
                    amount: Amount::All,
                    source,
                },
            );
        }
    }

    /// `$all[] = $key`, `all[#all + 1] = key`, `all[i] = key`: one key at a time, as a scan goes on.
    pub(super) fn appends(&self, binding: &Binding) -> bool {
        let text = self
            .text
            .get(binding.span.start..binding.span.end)
            .unwrap_or_default();
        let left = text.split_once('=').map_or("", |(left, _)| left.trim_end());
        !binding.loops.is_empty()
            && match self.facts.language {
                Language::Php => left.ends_with("[]"),
                Language::Go | Language::Lua => left.ends_with(']'),
                Language::Java | Language::Kotlin | Language::CSharp => is_counted(left),
                Language::JavaScript | Language::TypeScript | Language::Tsx => is_counted(left),
                _ => false,
            }
    }

    /// The list of `names[i++] = key`, where an element is no name of its own.
    pub(super) fn filled(&self, binding: &Binding) -> Option<Vec<String>> {
        if !binding.targets.iter().all(Vec::is_empty) {
            return None;
        }
        let text = self.text.get(binding.span.start..binding.span.end)?;
        let (left, _) = text.split_once('=')?;
        let (list, _) = left.trim_end().strip_suffix(']')?.rsplit_once('[')?;
        let parts = list.trim().split('.').map(|part| match part {
            "this" => "self".to_owned(),
            part => part.to_owned(),
        });
        Some(parts.collect())
    }

    /// Whether a call without a receiver is one of the list that the block around is about.
    fn is_of_list(&self, call: &Call) -> bool {
        if self.facts.language != Language::Kotlin
            || !self.origins.functions_named(&call.name).is_empty()
        {
            return false;
        }
        let mut at = call.function;
        while let Some(id) = at {
            let run = self.runs.get(&id).map(|run| &self.facts.calls[run.0]);
            let list = |run: &Call| match run.name.as_str() {
                "buildList" | "buildSet" => true,
                "apply" => {
                    matches!(&run.receiver, Some(Expr::Call(made)) if self.facts.calls[made.0].name.starts_with("mutable"))
                }
                _ => false,
            };
            if run.is_some_and(list) {
                return true;
            }
            at = self.facts.functions.get(id.0).and_then(|own| own.parent);
        }
        false
    }

    /// `byName.set(field, value)`, `byName.put(key, value)`: an entry of what was made or declared a map.
    fn adds_entry(&self, call: &Call) -> bool {
        let (Some(Expr::Path(map)), [_, _]) = (&call.receiver, call.args.as_slice()) else {
            return false;
        };
        let of_map = |own: &&Binding| {
            let made = matches!(&own.value, Expr::Call(made) if self.facts.calls[made.0].constructs && self.facts.calls[made.0].name.ends_with("Map"));
            let declared = own.declared.as_deref().unwrap_or_default();
            made || declared.starts_with("Map<")
        };
        matches!(call.name.as_str(), "set" | "put")
            && self.origins.bindings_of(map).iter().any(of_map)
    }

    /// `names.push(`cart:${id}`)`, `names.add(cartKey(id))`: a key that is made of one that was found.
    fn made_of_one(&self, call: &Call, args: &[Expr]) -> Option<Trace> {
        let made = |arg: &Expr| match arg {
            Expr::Text(pieces) => pieces.contains(&Piece::Hole),
            Expr::Call(own) => {
                let name = &self.facts.calls[own.0].name;
                is_key(name) || matches!(name.as_str(), "format" | "sprintf" | "Format")
            }
            _ => false,
        };
        // `keys.push(prefix + id)`, as far as that is seen.
        let named = matches!(&call.receiver, Some(Expr::Path(path)) if path.last().is_some_and(|last| is_key(last)));
        let text = self.text.get(call.at.end..call.span.end);
        let joined =
            || named && args == [Expr::Other] && text.is_some_and(|text| text.contains(" + "));
        (args.iter().any(made) || joined()).then(|| self.mentioned_by(call))?
    }

    /// A list of what a hash names is no hash: its elements are names found, as those of a set are.
    pub(super) fn listed(&mut self, trace: Trace) -> Trace {
        let own = &self.sources[trace.source];
        if own.verb != Verb::HGetAll || trace.amount != Amount::One {
            return trace;
        }
        let call = own.call;
        let of_call = |other: &Command| other.call == call && other.verb == Verb::SMembers;
        let known = self.sources.iter().position(of_call);
        let source = known.unwrap_or_else(|| {
            let verb = Verb::SMembers;
            let list = Command {
                verb,
                ..self.sources[trace.source].clone()
            };
            self.sources.push(list);
            self.sources.len() - 1
        });
        Trace { source, ..trace }
    }

    /// radix's `scanner.Next(&key)`: the next key goes where the argument says.
    pub(super) fn read_out_param(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let (Some(receiver), true) = (&call.receiver, self.facts.language == Language::Go) else {
            return;
        };
        self.read_answer(call);
        let trace = self.trace(receiver, call.function);
        let Some(trace) = trace.filter(|own| call.name == "Next" && self.is_iteration(*own)) else {
            return;
        };
        let amount = Amount::Batch;
        for arg in &call.args {
            if let Expr::Path(path) = arg {
                self.learn(call.function, path, Trace { amount, ..trace });
            }
        }
    }

    /// radix's `Cmd(&keys, "KEYS", p)`: the answer goes where the first argument says.
    pub(super) fn read_into(&mut self, id: CallId, trace: Trace) {
        let call = &self.facts.calls[id.0];
        let made = matches!(call.name.as_str(), "Cmd" | "FlatCmd");
        if let (true, Some(Expr::Path(path))) = (
            made && self.facts.language == Language::Go,
            call.args.first(),
        ) && path.as_slice() != ["nil"]
        {
            self.learn(call.function, path, trace);
        }
    }

    /// redigo's `redis.Scan(values, &cursor, &keys)` and `redis.ScanSlice(values, &keys)`.
    fn read_answer(&mut self, call: &Call) {
        let of_package =
            matches!(&call.receiver, Some(Expr::Path(path)) if path.as_slice() == ["redis"]);
        let (values, into) = match (&call.receiver, call.args.split_first()) {
            (Some(_), Some((values, into)))
                if of_package && matches!(call.name.as_str(), "Scan" | "ScanSlice") =>
            {
                (values, into)
            }
            // go-redis's `rdb.SMembers(ctx, key).ScanSlice(&ids)`.
            (Some(answer), _) if call.name == "ScanSlice" => (answer, call.args.as_slice()),
            _ => return,
        };
        if let Some(trace) = self.trace(values, call.function) {
            for arg in into {
                let cursor = |path: &[String]| path.iter().any(|name| name.contains("ursor"));
                if let Expr::Path(path) = arg
                    && !cursor(path)
                {
                    self.learn(call.function, path, trace);
                }
            }
        }
    }

    /// Whether a list is emptied for each step of a scan: it holds a page at most.
    pub(super) fn begins_anew(&self, target: &[String], source: usize) -> bool {
        let scan = &self.facts.calls[self.sources[source].call.0];
        let each = scan.loops.last();
        // `names.clear()` at the head of the loop.
        let cleared = self.facts.calls.iter().any(|call| {
            matches!(call.name.as_str(), "clear" | "Clear")
                && each.is_some_and(|each| call.loops.contains(each))
                && call.function == scan.function
                && matches!(&call.receiver, Some(Expr::Path(path)) if path == target)
        });
        cleared
            || self.facts.bindings.iter().any(|binding| {
                let empty = match &binding.value {
                    Expr::List(items) => items.is_empty(),
                    Expr::Map(pairs) => pairs.is_empty(),
                    Expr::Call(call) => {
                        let call = &self.facts.calls[call.0];
                        call.args.is_empty() && (call.constructs || call.name == "array")
                            || self.facts.language == Language::Rust && is_new(call)
                    }
                    // Go's `var page []string`.
                    Expr::Other => {
                        let text = self.text.get(binding.span.start..binding.span.end);
                        self.facts.language == Language::Go
                            && binding.declared.is_some()
                            && text.is_some_and(|text| !text.contains('='))
                    }
                    _ => false,
                };
                let around = match each {
                    Some(each) => binding.loops.contains(each) && binding.function == scan.function,
                    // For each key of an iteration, or each page that a callback is given.
                    None => !binding.loops.is_empty() || self.is_repeated(binding.function),
                };
                let own = || binding.targets.iter().any(|own| own == target);
                empty && around && own() && !self.is_of_element(binding)
            })
    }

    /// `seen[key] = {}`: what is emptied is one element.
    fn is_of_element(&self, binding: &Binding) -> bool {
        let text = self.text.get(binding.span.start..binding.span.end);
        let left = text.and_then(|text| text.split_once('='));
        left.is_some_and(|(left, _)| left.trim_end().ends_with(']'))
    }

    /// `all = append(all, key)` for each key found, into a list that the loop doesn't empty again.
    pub(super) fn adds_each(&self, binding: &Binding) -> bool {
        if !matches!(binding.value, Expr::Call(_)) || !self.grows(binding) {
            return false;
        }
        let emptied = self.facts.bindings.iter().any(|own| {
            own.targets == binding.targets
                && own.span != binding.span
                && own.function == binding.function
                && own.loops.iter().any(|each| binding.loops.contains(each))
                && !matches!(own.value, Expr::Call(call) if is_growth(&self.facts.calls[call.0].name))
        });
        !emptied
    }

    /// Whether the keys of more than one step reach a binding: a loop over one step's keys is bounded by that step.
    pub(super) fn goes_on(&self, source: usize, binding: &Binding) -> bool {
        let source = self.nearest(source, &binding.loops, binding.function);
        let own = &self.sources[source];
        let scan = &self.facts.calls[own.call.0];
        !own.verb.steps()
            || scan.function != binding.function
            || !scan.loops.is_empty()
            || self.is_recursive(scan.function)
    }

    /// The step of the same loop, where several give their keys to one name: one before the loop, and one in it.
    pub(super) fn nearest(
        &self,
        source: usize,
        loops: &[LoopId],
        function: Option<FunctionId>,
    ) -> usize {
        let step = |own: usize| &self.facts.calls[self.sources[own].call.0];
        let inside = |own: usize| {
            let each = step(own).loops.last();
            each.is_some_and(|each| loops.contains(each))
        };
        if loops.is_empty() || inside(source) || !self.sources[source].verb.steps() {
            return source;
        }
        let fits = |own: &usize| {
            self.sources[*own].verb.steps() && inside(*own) && step(*own).function == function
        };
        (0..self.sources.len()).find(fits).unwrap_or(source)
    }

    /// Whether a call is repeated for what a scan goes on finding: in a loop, or in a callback of a stream.
    pub(super) fn scan_around(&self, source: usize, id: CallId) -> bool {
        let call = &self.facts.calls[id.0];
        let scan = &self.facts.calls[self.sources[source].call.0];
        !call.loops.is_empty() || call.function != scan.function || self.is_recursive(call.function)
    }

    pub(super) fn gather(&mut self, source: usize, each: Option<LoopId>) {
        let verb = self.sources[source].verb;
        if verb.steps() || verb.iterates() {
            self.collected.entry(source).or_insert(each);
        }
    }

    /// What a function that calls itself was given: `const all = [...before, ...page]`, which the next call gets.
    fn is_handed_on(&self, path: &[String], binding: &Binding) -> bool {
        let own = binding
            .function
            .and_then(|id| self.facts.functions.get(id.0));
        self.is_recursive(binding.function)
            && own.is_some_and(|own| own.params.iter().any(|param| path == [param.name.clone()]))
    }

    /// `keys += batch`, `$all[] = $key`, `keys = append(keys, batch...)`, `keys = keys.concat(batch)`.
    pub(super) fn grows(&self, binding: &Binding) -> bool {
        if binding.loops.is_empty()
            && !self.is_recursive(binding.function)
            && !self.is_repeated(binding.function)
        {
            return false;
        }
        let text = self
            .text
            .get(binding.span.start..binding.span.end)
            .unwrap_or_default();
        let head: String = text.chars().take(80).collect();
        let adds = head.contains("+=");
        if let Expr::Call(call) = &binding.value
            && !adds
        {
            // `cursor = client.scan(cursor)` goes on, and keeps nothing.
            let step = self.sources.iter().any(|own| own.call == *call);
            if step || !is_growth(&self.facts.calls[call.0].name) {
                return false;
            }
            let call = &self.facts.calls[call.0];
            let own = binding.targets.first();
            let takes_itself = call.args.iter().chain(&call.receiver).any(|arg| {
                let arg = if let Expr::Spread(inner) = arg {
                    inner
                } else {
                    arg
                };
                matches!(arg, Expr::Path(path) if Some(path) == own || self.is_handed_on(path, binding))
            });
            return takes_itself;
        }
        if let Expr::List(items) = &binding.value {
            // `keys = [...keys, ...batch]`.
            let own = binding.targets.first();
            return items.iter().any(|item| matches!(item, Expr::Spread(inner) if matches!(inner.as_ref(), Expr::Path(path) if Some(path) == own || self.is_handed_on(path, binding))));
        }
        adds || head.contains("[] =") || head.contains("[]=") || head.contains("<<")
    }
}

/// JavaScript's `all.push.apply(all, page)`.
fn is_applied(call: &Call) -> bool {
    let of_push = |path: &[String]| matches!(path, [_, .., last] if matches!(last.as_str(), "push" | "unshift"));
    call.name == "apply" && matches!(&call.receiver, Some(Expr::Path(path)) if of_push(path))
}

/// Rust's `Vec::new()`, `HashSet::with_capacity(n)`.
fn is_new(call: &Call) -> bool {
    let of_type = |path: &[String]| {
        path.last()
            .is_some_and(|last| last.starts_with(char::is_uppercase))
    };
    matches!(call.name.as_str(), "new" | "with_capacity" | "default")
        && matches!(&call.receiver, Some(Expr::Path(path)) if of_type(path))
}

/// `names[i++]`, `names[names.length]`: an element by its number, and no entry by its name.
pub(super) fn is_counted(left: &str) -> bool {
    const NUMBERS: &[&str] = &[
        "i", "j", "n", "idx", "index", "pos", "at", "count", "offset",
    ];
    let inside = left.strip_suffix(']').and_then(|own| own.rsplit_once('['));
    let Some((list, number)) = inside else {
        return false;
    };
    let plain = number
        .trim_end_matches("++")
        .trim_start_matches("++")
        .trim();
    let measured = plain
        .strip_suffix(".length")
        .or_else(|| plain.strip_suffix(".size"));
    NUMBERS.contains(&plain) || measured == Some(list)
}
