//! Which calls are Redis commands, and how sure that is: clients followed from imports, constructors, types and names.
//! Must not judge whether a command is harmful.

pub(crate) mod argument;
pub(crate) mod clients;
pub(crate) mod origin;
mod raw;
mod sender;
pub(crate) mod shape;
pub(crate) mod shellwords;
pub(crate) mod verb;

use crate::facts::{Call, CallId, Expr, Facts, Usage};
use crate::language::Language;
use crate::report::Confidence;
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
            if raw.is_empty() {
                match method(facts, origins, id) {
                    Some(command) => all.push(command),
                    None => maybe.extend(doubtful(facts, origins, id)),
                }
            } else {
                all.extend(raw);
            }
        }
        Self { all, maybe, shell }
    }

    /// The command of a call.
    pub(crate) fn at(&self, call: CallId) -> Option<&Command> {
        self.all.iter().find(|command| command.call == call)
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
    let operations = operations_of(facts, receiver);
    let operations = operations.and_then(|ops| verb::of_operations(&ops, name));
    // `db.StringGet(...)` and Redisson's `getKeys().getKeysByPattern(...)` are names of their own; `B()` is a builder.
    let mut verb = operations.or_else(|| verb::of_method(name))?;
    let known = if is_scan_iterator(receiver) {
        Known {
            sure: Sure::Resolved,
            shape: Shape::Client,
            cluster: false,
        }
    } else {
        origins
            .known(receiver, call.function, call.class)
            .or_else(|| by_shape(origins, call, verb))?
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
    if facts.language == Language::CSharp {
        verb = sharp_verb(verb, name, known, origins);
    }
    let mut args = own_args(facts, call, id);
    if verb == Verb::Scan && is_jvm(facts.language) {
        verb = jvm_scan(verb, receiver, &args, origins);
    }
    if verb == Verb::Scan && goes_on_by_itself(facts.language, call, &args) {
        verb = Verb::ScanIter;
    }
    if verb == Verb::ScanIter && is_scan_iterator(receiver) && !args.is_empty() {
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

/// The `opsForX` that a value came from, or that its declared type stands for: `ValueOperations<K, V> values`.
fn operations_of(facts: &Facts, receiver: &Expr) -> Option<String> {
    let path = match receiver {
        Expr::Call(inner) => return Some(facts.calls[inner.0].name.clone()),
        Expr::Path(path) if is_jvm(facts.language) => path,
        _ => return None,
    };
    let last = path.last()?;
    let declared = |text: &str| {
        let (kind, _) = text.split_once("Operations")?;
        let kind = kind.rsplit('.').next()?.trim_start_matches("Reactive");
        (!kind.is_empty()).then(|| format!("opsFor{kind}"))
    };
    let bound = facts.bindings.iter().find_map(|binding| {
        let own = binding.targets.first()?.last()? == last;
        match &binding.value {
            Expr::Call(call) if own && facts.calls[call.0].name.starts_with("opsFor") => {
                Some(facts.calls[call.0].name.clone())
            }
            _ if own => declared(binding.declared.as_deref()?),
            _ => None,
        }
    });
    let mut fields = facts.classes.iter().flat_map(|class| &class.fields);
    let field = fields.find(|field| field.name == *last);
    bound.or_else(|| declared(field?.declared.as_deref()?))
}

/// What a call shows by itself, whoever it is made on: `x.flushDb()` in a client's file, `x.scan(0, "MATCH", ...)`.
fn by_shape(origins: &Origins<'_>, call: &Call, verb: Verb) -> Option<Known> {
    let told = match verb {
        Verb::FlushDb => origins.library,
        Verb::Scan => {
            origins.speaks
                && call
                    .args
                    .iter()
                    .any(|arg| argument::literal(arg) == Some("MATCH"))
        }
        _ => false,
    };
    told.then_some(Known {
        sure: Sure::Named,
        shape: Shape::Client,
        cluster: false,
    })
}

/// A method named like a command on something that may be a client: only its arguments can tell.
fn doubtful(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    let verb = verb::of_method(&call.name)?;
    if call.constructs || !(verb.takes_many() || verb.reads_one()) {
        return None;
    }
    let known = origins.known(call.receiver.as_ref()?, call.function, call.class)?;
    if known.sure != Sure::Weak || known.shape == Shape::Cache {
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
        args: own_args(facts, call, id),
        raw: false,
    })
}

fn is_jvm(language: Language) -> bool {
    matches!(language, Language::Java | Language::Kotlin)
}

/// Spring's scan and lettuce's ScanIterator follow the cursor by themselves.
fn jvm_scan(verb: Verb, receiver: &Expr, args: &[Expr], origins: &Origins<'_>) -> Verb {
    let spring = origins.imports("org.springframework.data.redis")
        && !args.first().is_some_and(argument::is_cursor_like);
    if spring || is_scan_iterator(receiver) {
        Verb::ScanIter
    } else {
        verb
    }
}

/// redis-rs' `scan()` has no cursor, and redis-client's in Ruby takes a block.
fn goes_on_by_itself(language: Language, call: &Call, args: &[Expr]) -> bool {
    match language {
        Language::Rust => call.args.is_empty(),
        Language::Ruby => {
            call.args.iter().any(|arg| matches!(arg, Expr::Lambda(_)))
                && !args.first().is_some_and(argument::is_cursor_like)
        }
        _ => false,
    }
}

fn is_scan_iterator(receiver: &Expr) -> bool {
    matches!(receiver, Expr::Path(path) if path.last().is_some_and(|last| last == "ScanIterator"))
}

/// Elixir's `import Exredis.Api, only: [keys: 2]`.
fn is_imported(facts: &Facts, name: &str) -> bool {
    facts.language == Language::Elixir
        && facts.imports.iter().any(|import| {
            clients::is_library(facts.language, &import.module)
                && import
                    .names
                    .iter()
                    .any(|(there, here)| there == name && here == name)
        })
}

/// Predis's iteration over SCAN: `new Keyspace($client, "a*", 500)`.
fn constructed(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    let own = facts.language == Language::Php && call.name == "Keyspace" && origins.library;
    let (_, args) = call.args.split_first().filter(|_| own)?;
    Some(Command {
        call: id,
        verb: Verb::ScanIter,
        confidence: Confidence::High,
        known: Known {
            sure: Sure::Resolved,
            shape: Shape::Client,
            cluster: false,
        },
        args: args.to_vec(),
        raw: false,
    })
}

/// A method without a receiver inside a class that extends a client, or a client's function by its import.
fn bare(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Option<Command> {
    let call = &facts.calls[id.0];
    let imported = || {
        is_imported(facts, &call.name)
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
            .flatten()?;
        (known.sure == Sure::Resolved)
            .then(|| verb::of_method(&call.name))
            .flatten()
    })?;
    let args = own_args(facts, call, id);
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
        // `import redis from "./redis"` isn't a library; `import { kv } from "@vercel/kv"` and `import { redis } from "bun"` are clients.
        _ => {
            matches!(receiver, Expr::Path(path) if path.last().is_some_and(|name| name.starts_with(char::is_lowercase)))
        }
    }
}

/// StackExchange's `IServer.Keys` scans; the other libraries' `Keys` is KEYS.
fn sharp_verb(verb: Verb, name: &str, known: Known, origins: &Origins<'_>) -> Verb {
    let others = ["CSRedis", "FreeRedis", "ServiceStack"]
        .iter()
        .any(|own| origins.imports(own));
    let stack = known.shape == Shape::Server || (origins.imports("StackExchange.Redis") && !others);
    if verb == Verb::Keys && stack && matches!(name, "Keys" | "KeysAsync") {
        Verb::ScanIter
    } else {
        verb
    }
}

/// The arguments without a context, a connection and callbacks; those of a builder come from the calls that follow.
fn own_args(facts: &Facts, call: &Call, id: CallId) -> Vec<Expr> {
    let mut args: Vec<Expr> = call
        .args
        .iter()
        .filter(|arg| !matches!(arg, Expr::Lambda(_)))
        .cloned()
        .collect();
    if args.first().is_some_and(|first| is_context(facts, first)) {
        args.remove(0);
    }
    if args.is_empty() {
        args = chained(facts, id);
    }
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        match options(facts, &arg) {
            Some(named) => out.extend(named),
            None => out.push(arg),
        }
    }
    out
}

/// Options that are built: `new ScanParams().match("a*").count(500)`, `ScanArgs.Builder.matches(p).limit(500)`.
fn options(facts: &Facts, arg: &Expr) -> Option<Vec<Expr>> {
    let mut named = Vec::new();
    let mut at = arg;
    let mut built = false;
    for _ in 0..crate::limits::MAX_FLOW_STEPS {
        let Expr::Call(id) = at else { break };
        let call = facts.calls.get(id.0)?;
        let name = match call.name.as_str() {
            "match" | "matches" | "pattern" | "keysPattern" => "match",
            "count" | "limit" | "chunkSize" => "count",
            name => {
                built |= matches!(
                    name,
                    "scanOptions"
                        | "ScanParams"
                        | "ScanArgs"
                        | "ScanOptions"
                        | "defaults"
                        | "KeyScanOptions"
                );
                ""
            }
        };
        if !name.is_empty() {
            let value = call.args.first()?.clone();
            named.push(Expr::Named(name.to_owned(), Box::new(value)));
        }
        let Some(receiver) = &call.receiver else {
            break;
        };
        at = receiver;
    }
    if let Expr::Path(path) = at {
        built |= path.iter().any(|part| {
            matches!(
                part.as_str(),
                "ScanOptions"
                    | "ScanArgs"
                    | "ScanParams"
                    | "Builder"
                    | "KeyScanOptions"
                    | "KeyScanArgs"
            )
        });
    }
    built.then_some(named)
}

/// `ctx`, `context.Background()`.
fn is_context(facts: &Facts, expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.last().is_some_and(|name| {
            let lower = name.to_ascii_lowercase();
            facts.language == Language::Go && (lower.contains("ctx") || lower.contains("context"))
        }),
        Expr::Call(call) => {
            facts.language == Language::Go
                && matches!(
                    facts.calls[call.0].name.as_str(),
                    "Background" | "TODO" | "Context" | "UserContext" | "Ctx"
                )
        }
        _ => false,
    }
}

/// Arguments given by the calls after: `.Pattern("a*")`, `.arg("a*")`, `.Match(p).Count(n)`.
pub(super) fn chained(facts: &Facts, id: CallId) -> Vec<Expr> {
    let mut args = Vec::new();
    let mut at = id;
    while let Usage::Receiver(next) = facts.calls[at.0].usage {
        let call = &facts.calls[next.0];
        let name = call.name.to_ascii_lowercase();
        match name.as_str() {
            "arg" | "args" | "cursor_arg" | "addarg" => args.extend(call.args.iter().cloned()),
            "pattern" | "match" | "cursor" | "count" | "type" | "key" | "hint" => {
                args.extend(
                    call.args
                        .iter()
                        .map(|arg| Expr::Named(name.clone(), Box::new(arg.clone()))),
                );
            }
            _ => break,
        }
        if next.0 <= at.0 {
            break;
        }
        at = next;
    }
    args
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
    if verb == Verb::Keys && args.is_empty() {
        let default = matches!(facts.language, Language::Python | Language::Ruby)
            || name == "getAllKeys"
            || name == "GetAllKeys";
        return (default && known.sure == Sure::Resolved && known.shape == Shape::Client)
            .then_some(Confidence::High);
    }
    let first = args.first();
    let glob = first.is_some_and(argument::is_glob);
    let fits = match verb {
        Verb::Keys => first.is_some_and(argument::is_pattern_like),
        Verb::Scan | Verb::InnerScan => first.is_some_and(argument::is_cursor_like),
        Verb::Read | Verb::Del | Verb::Eval | Verb::Range => false,
        other => other.is_distinctive(),
    };
    if verb == Verb::Keys && args.len() > 2 {
        return None;
    }
    match known.sure {
        Sure::Resolved => Some(Confidence::High),
        Sure::Named if fits && (glob || origins.library || origins.speaks) => {
            Some(Confidence::High)
        }
        // Beside the library's import a telling name is enough for commands that others have as well.
        Sure::Named if origins.library && !verb.lists_keys() => Some(Confidence::High),
        Sure::Named => Some(Confidence::Medium),
        // A class of the project's own with a `scan` that takes a pattern walks by itself.
        Sure::Own if verb == Verb::Scan && !fits => None,
        Sure::Own => Some(Confidence::Medium),
        // `cache.get(key)` and `db.delete(x)` may be anything: only names of connections count.
        Sure::Weak if !fits && !verb.lists_keys() && !is_connection(call) => None,
        Sure::Weak if origins.library && glob && verb == Verb::Keys => Some(Confidence::High),
        Sure::Weak if origins.library && (fits || !verb.lists_keys()) => Some(Confidence::Medium),
        Sure::Weak if (glob && verb == Verb::Keys) || (origins.speaks && fits) => {
            Some(Confidence::Medium)
        }
        Sure::Weak => None,
    }
}

/// A receiver whose name says connection, where a weak name has to do.
fn is_connection(call: &Call) -> bool {
    let last = match &call.receiver {
        Some(Expr::Path(path)) => path.last().map(String::as_str).unwrap_or_default(),
        _ => "",
    };
    let lower = last.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "r" | "rc" | "red" | "c" | "con" | "cli" | "commands" | "sync" | "pipe" | "kv"
    ) || lower.ends_with("client")
        || lower.ends_with("conn")
        || lower.ends_with("connection")
}
