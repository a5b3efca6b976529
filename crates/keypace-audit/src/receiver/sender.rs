//! Functions of the file that send the words they are given: `def command(args), do: Redix.command(@conn, args)`.
//! Must not read the words.

use std::collections::HashMap;

use crate::facts::{Expr, Facts, FunctionId};
use crate::language::Language;
use crate::limits;
use crate::receiver::origin::Origins;
use crate::receiver::shape::{Known, Sure};
use crate::receiver::verb;

/// Functions by their name, with what they send to.
#[derive(Debug, Default)]
pub(super) struct Senders(HashMap<String, Known>);

impl Senders {
    pub(super) fn of(facts: &Facts, origins: &Origins<'_>) -> Self {
        let mut found = HashMap::new();
        for call in facts
            .calls
            .iter()
            .filter(|call| verb::is_raw_method(&call.name))
        {
            let handed = call
                .args
                .iter()
                .find_map(|arg| handed(facts, arg, call.function, 0));
            let Some(name) = handed else { continue };
            let receiver = call.receiver.iter().chain(call.args.first());
            let known = receiver
                .filter_map(|own| origins.known(own, call.function, call.class))
                .max_by_key(|known| known.sure);
            if let Some(known) = known.filter(|known| known.sure >= Sure::Named) {
                found.insert(name, known);
            }
        }
        Self(found)
    }

    /// The functions by their names.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.keys().cloned().collect();
        names.sort();
        names
    }

    /// What the function of this name sends to.
    pub(super) fn get(&self, name: &str) -> Option<Known> {
        self.0.get(name).copied()
    }
}

/// The function around, where an argument is a parameter of it that may hold a command's words, or is made of one.
fn handed(facts: &Facts, arg: &Expr, function: Option<FunctionId>, depth: usize) -> Option<String> {
    let inner = if let Expr::Spread(inner) = arg {
        inner
    } else {
        arg
    };
    // `Redix.command(conn, transform(words))`
    if let Expr::Call(made) = inner
        && facts.language == Language::Elixir
        && depth < limits::MAX_FLOW_STEPS
    {
        let mut args = facts.calls.get(made.0)?.args.iter();
        return args.find_map(|arg| handed(facts, arg, function, depth + 1));
    }
    let Expr::Path(path) = inner else { return None };
    let [name] = path.as_slice() else { return None };
    let told = ["arg", "command", "cmd", "words", "parts"];
    if !told
        .iter()
        .any(|word| name.to_ascii_lowercase().contains(word))
    {
        return None;
    }
    // A block that a pool lends a connection to stands in the function.
    let mut at = function;
    while let Some(own) = at.and_then(|id| facts.functions.get(id.0)) {
        let param = own.params.iter().any(|param| param.name == *name);
        if param {
            return (!own.name.is_empty()).then(|| own.name.clone());
        }
        at = own.parent.filter(|_| own.lambda);
    }
    None
}
