//! Which calls are Redis commands, and how sure that is: clients followed from imports, constructors, types and names.
//! Must not judge whether a command is harmful.

pub(crate) mod argument;
pub(crate) mod built;
pub(crate) mod clients;
mod corroborated;
pub(crate) mod dialect;
pub(crate) mod elsewhere;
pub(crate) mod modules;
mod names;
pub(crate) mod origin;
mod own;
mod raw;
mod sender;
pub(crate) mod shape;
pub(crate) mod shellwords;
pub(crate) mod stand_in;
pub(crate) mod verb;

use std::collections::HashMap;

use crate::facts::{Call, CallId, Expr, Facts, Import};
use crate::language::Language;
use crate::report::Confidence;
use names::{is_bare_client, is_connection, is_database};
use origin::Origins;
use shape::{Known, Shape, Sure};
use verb::Verb;

/// One call that is a Redis command.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub call: CallId,
    pub verb: Verb,
    pub confidence: Confidence,
    /// What the receiver is.
    pub known: Known,
    /// The command's own arguments, without a context, a connection or a callback.
    pub args: Vec<Expr>,
    /// A list of words (`["KEYS", "a*"]`) and not a method of that name.
    pub raw: bool,
}

/// The Redis commands of a file, in the order of its calls.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    pub all: Vec<Command>,
    /// Calls that are commands if they are given keys that a command found: `cache.delete(key)`.
    pub maybe: Vec<Command>,
    /// Where the first command of a call stands in `all`.
    places: HashMap<CallId, usize>,
    /// Functions of the file that send the words they are given.
    pub senders: Vec<String>,
    /// The shell's words that stand for a client.
    pub shell: shellwords::Clients,
}

impl Commands {
    /// Looks at every call of a file.
    pub(crate) fn of(facts: &Facts, origins: &Origins<'_>) -> Self {
        let mut all = Vec::new();
        let mut maybe = Vec::new();
        let senders = sender::Senders::of(facts, origins);
        let shell = shellwords::Clients::of(facts);
        for at in 0..facts.calls.len() {
            let id = CallId(at);
            if facts.language == Language::Shell {
                all.extend(shell.command(facts, id));
                continue;
            }
            let raw = raw::commands(facts, origins, &senders, id);
            if raw.is_empty() && own::is_method_of_file(facts, origins, &facts.calls[at]) {
                continue;
            }
            if raw.is_empty() {
                match method(facts, origins, id) {
                    Some(command) => all.push(command),
                    None => match elsewhere(facts, origins, id) {
                        Some(command) => all.push(command),
                        None => {
                            maybe.extend(doubtful(facts, origins, id));
                            maybe.extend(stand_in::by_class(facts, origins, id));
                            maybe.extend(stand_in::by_name(facts, origins, id));
                        }
                    },
                }
            } else {
                all.extend(raw);
            }
        }
        corroborated::raise(facts, &mut all);
        let mut places = HashMap::with_capacity(all.len());
        for (place, command) in all.iter().enumerate() {
            places.entry(command.call).or_insert(place);
        }
        Self {
            all,
            maybe,
            places,
            senders: senders.names(),
            shell,
        }
    }

    /// The command of a call.
    pub(crate) fn at(&self, call: CallId) -> Option<&Command> {
        self.places
            .get(&call)
            .and_then(|place| self.all.get(*place))
    }
}

/// A client's method: `r.keys("a*")`.
fn method(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    if call.constructs {
        return constructed(facts, origins, id);
    }
    let name = call.name.as_str();
    let Some(receiver) = &call.receiver else {
        return bare(facts, origins, id);
    };
    let operations = dialect::operations_of(facts, receiver);
    let operations = operations
        .and_then(|ops| verb::of_operations(&ops, name).or_else(|| dialect::of_object(&ops, name)));
    // `db.StringGet(...)` and Redisson's `getKeys().getKeysByPattern(...)` are names of their own; `B()` is a builder.
    let verb = operations.or_else(|| of_method(facts, call))?;
    if dialect::is_assertion(facts.language, receiver) {
        return None;
    }
    if verb == Verb::Scan && dialect::is_row_scan(facts.language, call) {
        return None;
    }
    let known = if dialect::is_scan_iterator(receiver) {
        Known {
            sure: Sure::Resolved,
            shape: Shape::Client,
            cluster: false,
        }
    } else {
        let shown = || by_shape(origins, call, verb);
        match origins.known(receiver, call.function, call.class) {
            Some(known) if known.sure == Sure::Weak => shown().unwrap_or(known),
            Some(known) => known,
            None => shown()?,
        }
    };
    if known.shape == Shape::Module
        && known.sure == Sure::Resolved
        && !is_static_use(facts.language, receiver)
    {
        return None;
    }
    if known.shape == Shape::Cache && verb != Verb::Keys {
        return None;
    }
    let mut args = argument::own_args(facts, call, id);
    // Redisson's objects are given their key where they are made, radix's walk its pattern.
    if let Some(own) = operations
        && (args.is_empty() || own == Verb::ScanIter)
        && let Some(made) = dialect::maker_of(facts, receiver)
    {
        args.clone_from(&made.args);
    }
    if facts.language == Language::Rust
        && matches!(receiver, Expr::Path(path) if path.last().is_some_and(|name| is_trait(name)))
        && !args.is_empty()
    {
        args.remove(0);
    }
    let verb = dialect::verb(verb, call, known, &args, origins, facts);
    let verb = if verb == Verb::Scan && dialect::goes_on_by_itself(facts.language, call, &args) {
        Verb::ScanIter
    } else {
        verb
    };
    if verb == Verb::ScanIter && dialect::is_scan_iterator(receiver) && !args.is_empty() {
        args.remove(0);
    }
    let confidence = confidence(facts, verb, known, &args, origins, call)?;
    Some(Command {
        call: id,
        verb,
        confidence,
        known,
        args,
        raw: false,
    })
}

/// A read or a DEL by a function of another file, which is given the key. What it finds for its caller is no command here.
fn elsewhere(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let own = origins.elsewhere.meant.get(&id)?;
    let args = facts.calls[id.0].args.iter().skip(own.place);
    matches!(own.verb, Verb::Read | Verb::Del).then(|| Command {
        call: id,
        verb: own.verb,
        confidence: Confidence::Medium,
        known: Known {
            sure: Sure::Own,
            shape: Shape::Client,
            cluster: false,
        },
        args: args.cloned().collect(),
        raw: false,
    })
}

/// The command that a method is named after.
fn of_method(facts: &Facts, call: &Call) -> Option<Verb> {
    let name = call.name.as_str();
    if built::is_step(facts, call) {
        return None;
    }
    if dialect::is_search(facts, call) {
        return Some(Verb::ScanIter);
    }
    // Redisson's `getKeys()` gives what has the methods, `getKeys(options)` scans.
    if dialect::is_jvm(facts.language) && name == "getKeys" {
        let options = call.args.first().filter(|_| call.args.len() == 1)?;
        return argument::is_options(facts, options).then_some(Verb::ScanIter);
    }
    // Redisson's `getSet(name)` gives an object.
    let taken = call.args.len() > 1 && name.replace('_', "").eq_ignore_ascii_case("getset");
    let swaps = taken.then_some(Verb::Read);
    let own = dialect::of_method(facts.language, name).or(swaps);
    own.or_else(|| verb::of_method(name))
}

/// What a call shows by itself, whoever it is made on: `x.flushDb()` in a client's file, `x.scan(0, "MATCH", ...)`.
fn by_shape(origins: &Origins<'_>, call: &Call, verb: Verb) -> Option<Known> {
    let told = match verb {
        // `helper.FlushDB(t, client)` is a function of the program.
        Verb::FlushDb if call.args.is_empty() && !origins.library => {
            return Some(Known {
                sure: Sure::Own,
                shape: Shape::Client,
                cluster: false,
            });
        }
        Verb::FlushDb => origins.library && call.args.len() < 2,
        // StackExchange's name, which nothing else has.
        Verb::FlushAll if origins.library && call.name.starts_with("FlushAllDatabases") => true,
        // `$db->flushAll()`: caches inside a program have a method of that name too, connections do not.
        Verb::FlushAll if call.args.is_empty() && is_database(call) => {
            return Some(Known {
                sure: Sure::Own,
                shape: Shape::Client,
                cluster: false,
            });
        }
        Verb::FlushAll => call
            .args
            .iter()
            .any(|arg| matches!(argument::literal(arg), Some("ASYNC" | "SYNC"))),
        // ioredis's name and its options.
        Verb::ScanIter => {
            let options = call.args.first();
            call.name == "scanStream"
                && matches!(options, Some(Expr::Map(pairs)) if pairs.iter().any(|(name, _)| name == "match"))
        }
        Verb::Scan => {
            // `client.scan(cursor, "MATCH", pattern)`: the word behind a cursor says it in any file.
            let behind = match call.args.as_slice() {
                [cursor, word, rest @ ..] if argument::literal(word) == Some("MATCH") => {
                    argument::is_cursor_like(cursor) || rest.len() > 2
                }
                _ => false,
            };
            let mut args = call.args.iter();
            behind
                || args.any(|arg| match arg {
                    // node-redis's options, which nothing else writes so.
                    Expr::Map(pairs) => pairs.iter().any(|(name, _)| name == "MATCH"),
                    _ => origins.speaks && argument::literal(arg) == Some("MATCH"),
                })
        }
        _ => false,
    };
    // Options and names that one library has, and no other.
    let options = call.args.iter().any(|arg| matches!(arg, Expr::Map(_)));
    let only = verb == Verb::FlushAll || options && verb != Verb::FlushDb;
    told.then_some(Known {
        sure: if only { Sure::Resolved } else { Sure::Named },
        shape: Shape::Client,
        cluster: false,
    })
}

/// A method named like a command on something that may be a client: only its arguments can tell.
fn doubtful(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    let verb = of_method(facts, call)?;
    if call.constructs || !(verb.takes_many() || verb.reads_one()) {
        return None;
    }
    let receiver = call.receiver.as_ref()?;
    let known = origins.known(receiver, call.function, call.class)?;
    if known.sure != Sure::Weak || known.shape == Shape::Cache {
        return None;
    }
    let last = match receiver {
        Expr::Path(path) => path.last().map(String::as_str).unwrap_or_default(),
        _ => "",
    };
    if clients::is_in_process(last) {
        return None;
    }
    // A cache that isn't a member may well be a map.
    if matches!(&call.receiver, Some(Expr::Path(path)) if matches!(path.as_slice(), [one] if one == "cache" || one == "store"))
    {
        return None;
    }
    Some(Command {
        call: id,
        verb,
        confidence: Confidence::Medium,
        known,
        args: argument::own_args(facts, call, id),
        raw: false,
    })
}

/// Elixir's `import Exredis.Api, only: [keys: 2]`.
fn is_imported(facts: &Facts, name: &str) -> bool {
    facts.language == Language::Elixir
        && facts.imports.iter().any(|import| {
            modules::is_library(facts.language, &import.module)
                && import
                    .names
                    .iter()
                    .any(|(there, here)| there == name && here == name)
        })
}

/// Elixir's `import Exredis.Api`, which brings in a function for each command.
fn is_whole_api(import: &Import) -> bool {
    import.module == "Exredis.Api" && import.names.is_empty()
}

/// Predis's iteration over SCAN: `new Keyspace($client, "a*", 500)`.
fn constructed(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    let own = facts.language == Language::Php && call.name == "Keyspace" && origins.library;
    let (_, args) = call.args.split_first().filter(|_| own)?;
    let names = ["match", "count"].into_iter();
    let args = names
        .zip(args)
        .map(|(name, arg)| Expr::Named(name.to_owned(), Box::new(arg.clone())));
    Some(Command {
        call: id,
        verb: Verb::ScanIter,
        confidence: Confidence::High,
        known: Known {
            sure: Sure::Resolved,
            shape: Shape::Client,
            cluster: false,
        },
        args: args.collect(),
        raw: false,
    })
}

/// A method without a receiver inside a class that extends a client, or a client's function by its import.
fn bare(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    let imported = || {
        let whole = || {
            facts.imports.iter().any(is_whole_api) && origins.functions_named(&call.name).is_empty()
        };
        (is_imported(facts, &call.name) || whole())
            .then(|| verb::of_method(&call.name))
            .flatten()
    };
    let verb = origins.promised(&call.name).or_else(imported).or_else(|| {
        let own = Expr::Path(vec!["self".to_owned()]);
        let implicit = matches!(
            facts.language,
            Language::Java | Language::Kotlin | Language::CSharp | Language::Ruby
        );
        let known = implicit
            .then(|| origins.known(&own, call.function, call.class))
            .flatten()
            .or_else(|| stand_in::implicit(facts, origins, call))?;
        (known.sure == Sure::Resolved)
            .then(|| verb::of_method(&call.name))
            .flatten()
    })?;
    let args = argument::own_args(facts, call, id);
    let known = Known {
        sure: Sure::Resolved,
        shape: Shape::Client,
        cluster: false,
    };
    let confidence = confidence(facts, verb, known, &args, origins, call)?;
    Some(Command {
        call: id,
        verb,
        confidence,
        known,
        args,
        raw: false,
    })
}

/// A library's name that is also the client: `Redis::keys()`, `Redis.current`, `require("redis").keys`.
fn is_static_use(language: Language, receiver: &Expr) -> bool {
    match language {
        Language::Php | Language::Ruby | Language::Elixir | Language::CSharp => true,
        Language::Java | Language::Kotlin | Language::Lua => false,
        // redis-rs' `Cmd::keys("a*")`, and its traits' functions, which are given the connection first.
        Language::Rust if matches!(receiver, Expr::Path(path) if path.last().is_some_and(|name| name == "Cmd" || is_trait(name))) => {
            true
        }
        // `import redis from "./redis"` isn't a library; `import { kv } from "@vercel/kv"` and `import { redis } from "bun"` are clients.
        _ => {
            matches!(receiver, Expr::Path(path) if path.last().is_some_and(|name| name.starts_with(char::is_lowercase)))
        }
    }
}

/// redis-rs' traits of commands: `AsyncCommands::get(&mut con, key)`.
fn is_trait(name: &str) -> bool {
    matches!(
        name,
        "Commands" | "AsyncCommands" | "TypedCommands" | "AsyncTypedCommands"
    )
}

/// How sure a method is to be the command; `None` where it is more likely something else.
fn confidence(
    facts: &Facts,
    verb: Verb,
    known: Known,
    args: &[Expr],
    origins: &Origins<'_>,
    call: &Call,
) -> Option<Confidence> {
    let name = call.name.as_str();
    // What is named like KEYS may walk by SCAN.
    let proven = verb != Verb::Keys && !origins.elsewhere.of_call(facts, call).is_empty();
    // ServiceStack's has no arguments: with one it is a method of the project's own.
    if name == "GetAllKeys" && !args.is_empty() {
        return None;
    }
    if verb == Verb::Keys && args.is_empty() {
        let default = matches!(facts.language, Language::Python | Language::Ruby)
            || name == "getAllKeys"
            || name == "GetAllKeys";
        return match known.sure {
            _ if !default || known.shape != Shape::Client => None,
            Sure::Resolved => Some(Confidence::High),
            // `$redis.keys.each`: a client by a name that nothing else has.
            Sure::Named if origins.speaks && is_bare_client(call) => Some(Confidence::Medium),
            // `self._client.keys()`: what else is asked of it has to say that it is no dictionary.
            Sure::Weak if origins.library && is_connection(call) => Some(Confidence::Low),
            _ => None,
        };
    }
    let first = args.first();
    let glob = first.is_some_and(argument::is_glob);
    let fits = match verb {
        Verb::Keys => first.is_some_and(argument::is_pattern_like),
        Verb::Scan | Verb::InnerScan => first.is_some_and(argument::is_cursor_like),
        Verb::Read | Verb::Del | Verb::Eval | Verb::Range => false,
        other => other.is_distinctive(),
    };
    if verb == Verb::Keys && (args.len() > 2 || argument::is_counted(facts, args)) {
        return None;
    }
    let told = origins.library || origins.speaks;
    match known.sure {
        Sure::Resolved => Some(Confidence::High),
        Sure::Named if fits && (glob || told) => Some(Confidence::High),
        // `$redis->hGet(...)`: nothing else of that name has such a method.
        Sure::Named if origins.speaks && argument::is_of_structure(name) => Some(Confidence::High),
        // Beside the library's import a telling name is enough for commands that others have as well.
        Sure::Named if origins.library && !verb.lists_keys() => Some(Confidence::High),
        Sure::Named => Some(Confidence::Medium),
        // A class of the project's own with a `scan` that takes a pattern walks by itself.
        Sure::Own if verb == Verb::Scan && !fits => None,
        Sure::Own if proven => Some(Confidence::High),
        Sure::Own => Some(Confidence::Medium),
        // `cache.get(key)` and `db.delete(x)` may be anything: only names of connections count.
        Sure::Weak if !fits && !verb.lists_keys() && !is_connection(call) => None,
        // `db.keys("cart:*")` in a file that speaks of Redis.
        Sure::Weak if told && glob && verb == Verb::Keys => Some(Confidence::High),
        Sure::Weak if origins.library && matches!(verb, Verb::HGetAll | Verb::SMembers) => {
            Some(Confidence::High)
        }
        Sure::Weak if origins.library && (fits || !verb.lists_keys()) => Some(Confidence::Medium),
        Sure::Weak if (glob && verb == Verb::Keys) || (origins.speaks && fits) => {
            Some(Confidence::Medium)
        }
        Sure::Weak => None,
    }
}
