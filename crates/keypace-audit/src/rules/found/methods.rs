//! What the methods of a file do for other files of the tree: read the key they are given, take keys, find keys.
//! Must not judge.

use std::collections::{HashMap, HashSet};

use super::offers::writes;
use super::readers::takes_away;
use super::repeated::words;
use super::{Amount, Found};
use crate::facts::{Binding, Expr, Function, FunctionId};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::clients;
use crate::receiver::elsewhere::{Does, Method, are_called_by_type};
use crate::receiver::shape::Shape;
use crate::receiver::verb::Verb;
use crate::report::Confidence;

/// How often the names that a key is made of are followed back to what they were made of.
const MADE_OF_ROUNDS: usize = 3;

impl Found<'_> {
    /// The methods of the file's classes that other files may call in a command's stead.
    pub(crate) fn methods(&self) -> Vec<Method> {
        if !are_called_by_type(self.facts.language) {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut bound: HashMap<FunctionId, Vec<&Binding>> = HashMap::new();
        for binding in &self.facts.bindings {
            if let Some(id) = self.named_around(binding.function) {
                bound.entry(id).or_default().push(binding);
            }
        }
        for command in &self.commands.all {
            let call = &self.facts.calls[command.call.0];
            let Some(id) = self.named_around(call.function) else {
                continue;
            };
            let bindings = bound.get(&id).map_or(&[][..], Vec::as_slice);
            self.offer_command(command, id, bindings, &mut out);
        }
        self.offer_callers(&bound, &mut out);
        let finds = self.finders.iter().filter(|(_, trace)| {
            trace.amount == Amount::All && !self.bounded.contains(&trace.source)
        });
        for (name, trace) in finds {
            let verb = match self.sources[trace.source].verb {
                Verb::Keys | Verb::Scan | Verb::ScanIter => Verb::Keys,
                _ => Verb::SMembers,
            };
            self.offer_finder(name, verb, &mut out);
        }
        for name in self.lazies.keys() {
            self.offer_finder(name, Verb::ScanIter, &mut out);
        }
        self.offer_by_bases(&mut out);
        out
    }

    /// A read or a deletion whose key the function around it is given.
    fn offer_command(
        &self,
        command: &Command,
        id: FunctionId,
        bindings: &[&Binding],
        out: &mut Vec<Method>,
    ) {
        let call = &self.facts.calls[command.call.0];
        let own = &self.facts.functions[id.0];
        let reads = command.verb.reads_one();
        if !(reads || command.verb.takes_many())
            || reads && (takes_away(&own.name) || writes(&own.name))
            || command.confidence < Confidence::Medium
            || command.known.shape == Shape::Pipeline
            || !call.loops.is_empty()
        {
            return;
        }
        // StackExchange's KeyDelete is UNLINK where the server knows it.
        let aside = self.facts.language == Language::CSharp && call.name.starts_with("KeyDelete");
        for place in self.params_in(self.key_of(command, call), id, bindings) {
            let does = match command.verb {
                _ if reads => Does::Reads(place),
                Verb::Del if aside => Does::Takes(place, Verb::Unlink),
                verb => Does::Takes(place, verb),
            };
            self.offer(own, does, out);
        }
    }

    /// Functions that give the key they are given to a reader of their class.
    fn offer_callers(&self, bound: &HashMap<FunctionId, Vec<&Binding>>, out: &mut Vec<Method>) {
        let reads = out.iter().filter(|own| matches!(own.does, Does::Reads(_)));
        let readers: HashSet<String> = reads.map(|own| own.name.clone()).collect();
        for call in &self.facts.calls {
            if !readers.contains(&call.name) || !call.call_of_own() || !call.loops.is_empty() {
                continue;
            }
            let Some(id) = self.named_around(call.function) else {
                continue;
            };
            let own = &self.facts.functions[id.0];
            let bindings = bound.get(&id).map_or(&[][..], Vec::as_slice);
            if takes_away(&own.name) || writes(&own.name) {
                continue;
            }
            let key = self.text.get(call.at.end..call.span.end);
            for place in self.params_in(key.unwrap_or_default(), id, bindings) {
                self.offer(own, Does::Reads(place), out);
            }
        }
    }

    /// The places of the parameters that a command's key is made of.
    fn params_in(&self, key: &str, id: FunctionId, bindings: &[&Binding]) -> Vec<usize> {
        let own = &self.facts.functions[id.0];
        let mut names: Vec<&str> = words(key).collect();
        for _ in 0..MADE_OF_ROUNDS {
            let before = names.len();
            for binding in bindings {
                let target = binding.targets.first().and_then(|target| target.last());
                let made = target.is_some_and(|target| names.contains(&target.as_str()));
                let text = self.text.get(binding.span.start..binding.span.end);
                let value = text.and_then(|text| text.split_once('='));
                for word in value
                    .filter(|_| made)
                    .into_iter()
                    .flat_map(|own| words(own.1))
                {
                    if !names.contains(&word) {
                        names.push(word);
                    }
                }
            }
            if names.len() == before {
                break;
            }
        }
        let is_key = |name: &String| {
            let path = Expr::Path(vec![name.clone()]);
            names.contains(&name.as_str())
                && self.origins.known(&path, Some(id), own.class).is_none()
        };
        let places = own.params.iter().enumerate();
        let places = places.filter(|(_, param)| is_key(&param.name));
        places.map(|(place, _)| place).collect()
    }

    fn offer_finder(&self, name: &str, verb: Verb, out: &mut Vec<Method>) {
        for id in self.origins.functions_named(name) {
            let own = &self.facts.functions[id.0];
            if own.returns.as_deref().is_none_or(gives_names) {
                self.offer(own, Does::Finds(verb), out);
            }
        }
    }

    fn offer(&self, own: &Function, does: Does, out: &mut Vec<Method>) {
        let class = own.class.and_then(|id| self.facts.classes.get(id.0));
        if let Some(class) = class.filter(|_| !own.lambda && !own.name.is_empty()) {
            let (class, name) = (class.name.clone(), own.name.clone());
            out.push(Method { class, name, does });
        }
    }

    /// The same by the interfaces that the classes are named after: `RedisStore` is a `Store`.
    fn offer_by_bases(&self, out: &mut Vec<Method>) {
        let mut more = Vec::new();
        for own in out.iter() {
            let class = self.facts.classes.iter().find(|it| it.name == own.class);
            let bases = class.map_or(&[][..], |it| it.bases.as_slice());
            let named = bases.iter().filter(|base| is_named_after(base, &own.class));
            more.extend(named.map(|base| Method {
                class: base.clone(),
                ..own.clone()
            }));
        }
        out.extend(more);
    }

    /// The innermost function with a name around a call or a binding.
    pub(super) fn named_around(&self, function: Option<FunctionId>) -> Option<FunctionId> {
        let mut at = function;
        while let Some(id) = at {
            let own = self.facts.functions.get(id.0)?;
            if !own.name.is_empty() {
                return Some(id);
            }
            at = own.parent;
        }
        None
    }
}

/// A declared result that may be names: lists, sets and streams of strings, bytes and ids.
fn gives_names(returns: &str) -> bool {
    let (outer, inner) = returns.split_once('<').unwrap_or((returns, ""));
    if inner.is_empty() {
        return outer.contains(['[', '*']) || outer.ends_with("List") || outer.ends_with("Set");
    }
    let last = inner.trim_end_matches(['>', '?', ' ']);
    let last = last.rsplit(['<', '.', ' ', ',']).next().unwrap_or_default();
    let plain = last.trim_end_matches(['?', '[', ']']);
    !outer.ends_with("Map")
        && !outer.ends_with("Dictionary")
        && (plain.len() == 1
            || matches!(
                plain,
                "String"
                    | "string"
                    | "Object"
                    | "object"
                    | "Any"
                    | "byte"
                    | "ByteArray"
                    | "Long"
                    | "long"
                    | "Integer"
                    | "Int"
                    | "int"
                    | "UUID"
                    | "Guid"
                    | "RedisKey"
                    | "RedisValue"
            ))
}

/// Whether an interface is named as its class is: one telling word in common.
fn is_named_after(base: &str, class: &str) -> bool {
    const COMMON: &[&str] = &["impl", "base", "abstract", "default", "service"];
    let own = clients::words(class);
    let mut words = clients::words(base).into_iter();
    words.any(|word| word.len() > 3 && !COMMON.contains(&word.as_str()) && own.contains(&word))
}
