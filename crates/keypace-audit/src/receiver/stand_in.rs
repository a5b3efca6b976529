//! Calls of a tree's own methods that stand for a command, if they are given keys that a command found.
//! Must not decide whether they are.

use super::elsewhere::{Does, are_called_by_type};
use super::origin::Origins;
use super::shape::{Known, Shape, Sure};
use super::verb::Verb;
use super::{Command, clients, of_method};
use crate::facts::{Call, CallId, Expr, Facts};
use crate::language::Language;
use crate::report::Confidence;

/// What a method of another file's class stands for, which reads or takes the keys that it is given.
pub(super) fn by_class(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Vec<Command> {
    let call = &facts.calls[id.0];
    let meant = origins.elsewhere.of_call(facts, call).iter();
    let stands_for = meant.filter_map(|does| match *does {
        Does::Reads(place) => Some((place, Verb::Read)),
        Does::Takes(place, verb) => Some((place, verb)),
        Does::Finds(_) => None,
    });
    let given = stands_for.filter_map(|(place, verb)| Some((call.args.get(place)?, verb)));
    let mut commands: Vec<Command> = given.map(|(arg, verb)| command(id, verb, arg)).collect();
    if !commands.is_empty() && is_around_client(origins, call) {
        for own in &mut commands {
            own.confidence = Confidence::High;
        }
    }
    commands
}

/// Whether a receiver is named as what is around a client, as its class is where that is of the tree.
pub(crate) fn is_around_client(origins: &Origins<'_>, call: &Call) -> bool {
    let known = call.receiver.as_ref();
    let known = known.and_then(|own| origins.known(own, call.function, call.class));
    known.is_some_and(|known| known.sure >= Sure::Own && known.shape == Shape::Client)
}

/// What a method of a class around a client says by its name: `redisCache.getCacheObject(key)`,
/// `redisUtil.deleteObject(keys)`.
pub(super) fn by_name(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    if !are_called_by_type(facts.language) || call.constructs || of_method(facts, call).is_some() {
        return None;
    }
    let words = clients::words(&call.name);
    let verb = match words.first()?.as_str() {
        "get" | "load" | "read" | "fetch" => Verb::Read,
        "delete" | "del" | "remove" => Verb::Del,
        _ => return None,
    };
    // `getRedisKey(id)` makes a name, `getConnection(id)` gives what commands are called on.
    if words.len() > 1
        && words
            .last()
            .is_some_and(|last| MADE.contains(&last.as_str()))
    {
        return None;
    }
    let first = call.args.first()?;
    let receiver = call.receiver.as_ref()?;
    let known = origins.known(receiver, call.function, call.class)?;
    (known.sure == Sure::Own && known.shape == Shape::Client).then(|| command(id, verb, first))
}

/// What such a method ends in that gives no value of a key.
const MADE: &[&str] = &[
    "client",
    "connection",
    "database",
    "key",
    "name",
    "pattern",
    "prefix",
];

fn command(id: CallId, verb: Verb, arg: &Expr) -> Command {
    Command {
        call: id,
        verb,
        confidence: Confidence::Medium,
        known: Known {
            sure: Sure::Own,
            shape: Shape::Client,
            cluster: false,
        },
        args: vec![arg.clone()],
        raw: false,
    }
}

/// The client that Kotlin's `with(client) { }`, `client.apply { }` and `client.run { }` make the receiver inside.
pub(super) fn implicit(facts: &Facts, origins: &Origins<'_>, call: &Call) -> Option<Known> {
    // A function of another class is not meant.
    let mut named = origins.functions_named(&call.name).iter();
    let own = named.any(|id| {
        let class = facts.functions[id.0].class;
        class.is_none() || class == call.class
    });
    if facts.language != Language::Kotlin || own || of_method(facts, call).is_none() {
        return None;
    }
    let mut at = call.function;
    while let Some(id) = at.filter(|id| facts.functions[id.0].lambda) {
        let given = |own: &&Call| own.args.contains(&Expr::Lambda(id));
        let around = facts.calls.iter().find(given)?;
        let client = match around.name.as_str() {
            "with" => around.args.first(),
            "apply" | "run" => around.receiver.as_ref(),
            _ => None,
        };
        if let Some(client) = client {
            let known = origins.known(client, around.function, around.class)?;
            return (known.sure == Sure::Resolved && known.shape == Shape::Client).then_some(known);
        }
        at = facts.functions[id.0].parent;
    }
    None
}
