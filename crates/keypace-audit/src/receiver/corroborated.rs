//! Commands that are made sure by others: what is told on a client for sure makes one of its receiver.
//! Must not ask what a receiver is.

use std::collections::HashSet;

use super::Command;
use super::shape::{Shape, Sure};
use super::verb::Verb;
use crate::facts::{Call, ClassId, Expr, Facts, FunctionId};
use crate::language::Language;
use crate::report::Confidence;

/// A receiver as it is written, and whose it is: the class's, the file's or the function's.
type Place<'f> = (Option<ClassId>, Option<FunctionId>, &'f [String]);

/// Makes sure what is told on the same receiver as something that is.
pub(super) fn raise(facts: &Facts, all: &mut Vec<Command>) {
    if facts.language == Language::Shell {
        return;
    }
    let guessed = |own: &Command| {
        own.verb == Verb::Keys && own.args.is_empty() && own.confidence == Confidence::Low
    };
    let shared = shared(facts);
    let place = |own: &Command| place_of(facts, &shared, &facts.calls[own.call.0]);
    let certain: HashSet<Place<'_>> = all
        .iter()
        .filter(|own| own.confidence == Confidence::High && own.known.shape == Shape::Client)
        .filter_map(place)
        .collect();
    let certain_of = |own: &Command| place(own).is_some_and(|place| certain.contains(&place));
    all.retain_mut(|own| {
        let guessed = guessed(own);
        if guessed {
            own.confidence = Confidence::Medium;
        }
        !guessed || certain_of(own)
    });
    if certain.is_empty() {
        return;
    }
    for own in all.iter_mut() {
        let told = matches!(own.known.sure, Sure::Named | Sure::Weak);
        let doubted = own.confidence == Confidence::Medium && told;
        if doubted && certain_of(own) {
            own.confidence = Confidence::High;
        }
    }
}

/// Names that mean the same in the whole file: what is brought in, and what its top level binds.
fn shared(facts: &Facts) -> HashSet<&str> {
    let top = facts.bindings.iter().filter(|own| own.function.is_none());
    let bound = top
        .flat_map(|own| &own.targets)
        .filter_map(|path| path.first());
    let brought = facts.imports.iter().flat_map(|own| &own.names);
    bound
        .chain(brought.map(|(_, here)| here))
        .map(String::as_str)
        .collect()
}

fn place_of<'f>(facts: &'f Facts, shared: &HashSet<&str>, call: &'f Call) -> Option<Place<'f>> {
    let Some(Expr::Path(path)) = &call.receiver else {
        return None;
    };
    let first = path.first()?.as_str();
    Some(if first == "self" {
        (call.class, None, path)
    } else if shared.contains(first) && !is_param(facts, call, first) {
        (None, None, path)
    } else {
        (None, facts.root(call.function), path)
    })
}

/// Whether a function around is given something of this name.
fn is_param(facts: &Facts, call: &Call, name: &str) -> bool {
    let mut at = call.function;
    while let Some(own) = at.and_then(|id| facts.functions.get(id.0)) {
        if own.params.iter().any(|param| param.name == name) {
            return true;
        }
        at = own.parent;
    }
    false
}
