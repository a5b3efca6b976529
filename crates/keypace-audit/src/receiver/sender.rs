//! What sends the words it is given: functions of the file (`def command(args), do: Redix.command(@conn, args)`), and lists
//! of commands that a client is given in one (`multi(list)`).
//! Must not read the words.

use std::collections::HashMap;

use crate::facts::{Call, Expr, Facts, FunctionId};
use crate::language::Language;
use crate::limits;
use crate::receiver::origin::Origins;
use crate::receiver::shape::{Known, Shape, Sure};
use crate::receiver::verb;

/// Functions and lists by their names, with what they are sent to.
#[derive(Debug, Default)]
pub(super) struct Senders {
    functions: HashMap<String, Known>,
    lists: HashMap<(Option<FunctionId>, String), Known>,
}

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
        found.extend(by_method(facts, origins));
        Self {
            functions: found,
            lists: lists(facts, origins),
        }
    }

    /// What a list is sent to that a call adds a command's words to: `list.push(["del", key])`.
    pub(super) fn list(&self, origins: &Origins<'_>, call: &Call) -> Option<Known> {
        if self.lists.is_empty() || call.name != "push" {
            return None;
        }
        let Some(Expr::Path(path)) = &call.receiver else {
            return None;
        };
        let place = (origins.root(call.function), path.join("."));
        self.lists.get(&place).copied()
    }

    /// The functions by their names.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.functions.keys().cloned().collect();
        names.sort();
        names
    }

    /// What the function of this name sends to.
    pub(super) fn get(&self, name: &str) -> Option<Known> {
        self.functions.get(name).copied()
    }
}

/// PHP's functions that are given a method's name: `$this->redis->$name(...$args)`, and
/// `call_user_func_array([$this->redis, $name], $args)`.
fn by_method(facts: &Facts, origins: &Origins<'_>) -> Vec<(String, Known)> {
    let mut found = Vec::new();
    if facts.language != Language::Php {
        return found;
    }
    for call in &facts.calls {
        let (Some(owner), Some(word)) = (&call.receiver, call.name.strip_prefix('$')) else {
            continue;
        };
        let known = origins.known(owner, call.function, call.class);
        let known = known.filter(|known| known.sure >= Sure::Named && known.shape != Shape::Module);
        if let (Some(name), Some(known)) = (given_to(facts, word, call.function), known) {
            found.push((name, known));
        }
    }
    found
}

/// Names that a client is given as the commands of a transaction or a pipeline: node-redis's `multi(list)` and
/// `batch(list)`, ioredis's `pipeline(list)`.
fn lists(facts: &Facts, origins: &Origins<'_>) -> HashMap<(Option<FunctionId>, String), Known> {
    let mut found = HashMap::new();
    if !matches!(
        facts.language,
        Language::JavaScript | Language::TypeScript | Language::Tsx
    ) {
        return found;
    }
    for call in &facts.calls {
        let (Some(receiver), [Expr::Path(list)]) = (&call.receiver, call.args.as_slice()) else {
            continue;
        };
        if !matches!(call.name.as_str(), "multi" | "batch" | "pipeline") {
            continue;
        }
        let known = origins.known(receiver, call.function, call.class);
        if let Some(known) = known.filter(|known| known.sure >= Sure::Named || origins.library) {
            let known = Known {
                shape: Shape::Pipeline,
                ..known
            };
            found.insert((origins.root(call.function), list.join(".")), known);
        }
    }
    found
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
    let told = ["arg", "command", "cmd", "words", "parts", "query"];
    if !told
        .iter()
        .any(|word| name.to_ascii_lowercase().contains(word))
    {
        return None;
    }
    given_to(facts, name, function)
}

/// The function around that has a parameter of this name.
fn given_to(facts: &Facts, name: &str, function: Option<FunctionId>) -> Option<String> {
    // A block that a pool lends a connection to stands in the function.
    let mut at = function;
    while let Some(own) = at.and_then(|id| facts.functions.get(id.0)) {
        let param = own.params.iter().any(|param| param.name == name);
        if param {
            return (!own.name.is_empty()).then(|| own.name.clone());
        }
        at = own.parent.filter(|_| own.lambda);
    }
    None
}
