//! Arguments of commands: patterns, cursors, options, whatever way a client takes them.
//! Must not know who the receiver is.

use crate::facts::{Call, CallId, Expr, Facts, Piece, Usage};
use crate::language::Language;
use crate::receiver::clients;
use crate::receiver::verb::Verb;

/// A string without holes.
pub(crate) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Text(pieces) => match pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        },
        Expr::Named(_, inner) => literal(inner),
        _ => None,
    }
}

/// The text of a string with `\u{fffd}` where something is worked out at run time.
pub(crate) fn shape(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Text(pieces) => Some(
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.as_str(),
                    Piece::Hole => "\u{fffd}",
                })
                .collect(),
        ),
        Expr::Named(_, inner) => shape(inner),
        _ => None,
    }
}

/// A string with a `*` in it.
pub(crate) fn is_glob(expr: &Expr) -> bool {
    shape(expr).is_some_and(|text| text.contains('*') && !text.contains('\n'))
}

/// Something that a reader would take for a pattern of keys.
pub(crate) fn is_pattern_like(expr: &Expr) -> bool {
    match expr {
        Expr::Text(pieces) => pieces.contains(&Piece::Hole) || is_glob(expr),
        Expr::Named(_, inner) => is_pattern_like(inner),
        Expr::Path(path) => path.last().is_some_and(|name| {
            clients::words(name).iter().any(|word| {
                matches!(
                    word.as_str(),
                    "pattern"
                        | "prefix"
                        | "match"
                        | "glob"
                        | "wildcard"
                        | "mask"
                        | "key"
                        | "keys"
                        | "query"
                        | "expr"
                )
            })
        }),
        Expr::Call(_) | Expr::Other => true,
        _ => false,
    }
}

/// A pattern and a number, or what a test expects of either: KEYS takes its pattern only.
pub(super) fn is_counted(facts: &Facts, args: &[Expr]) -> bool {
    let [first, second] = args else { return false };
    let any =
        |expr: &Expr| matches!(expr, Expr::Call(id) if facts.calls[id.0].name.starts_with("any"));
    let pattern = matches!(first, Expr::Text(_)) || any(first);
    pattern && (matches!(second, Expr::Number(_)) || any(second))
}

/// A first argument as SCAN takes it: a number, `"0"`, a name that says cursor.
pub(crate) fn is_cursor_like(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) => true,
        Expr::Text(_) => literal(expr).is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit())),
        Expr::Path(path) => path.last().is_some_and(|name| {
            let lower = name.to_ascii_lowercase();
            [
                "cursor", "pointer", "iter", "cur", "start", "next", "offset", "it", "null",
            ]
            .iter()
            .any(|word| lower.contains(word))
        }),
        Expr::Named(name, _) => name == "cursor",
        _ => false,
    }
}

/// Where a step of a scan begins: its cursor, `None` where it is left out.
pub(crate) fn cursor(verb: Verb, args: &[Expr]) -> Option<&Expr> {
    let named = args
        .iter()
        .find(|arg| matches!(arg, Expr::Named(name, _) if name == "cursor"));
    let at = usize::from(verb == Verb::InnerScan);
    named.or_else(|| {
        args.get(at)
            .filter(|arg| !matches!(arg, Expr::Named(..) | Expr::Map(_)))
    })
}

/// A cursor that is the constant zero.
pub(crate) fn is_zero_cursor(expr: &Expr) -> bool {
    match expr {
        Expr::Number(text) => is_zero(text),
        Expr::Text(_) => literal(expr) == Some("0"),
        Expr::Named(name, inner) => name == "cursor" && is_zero_cursor(inner),
        Expr::Path(path) => path.last().is_some_and(|name| {
            matches!(
                name.as_str(),
                "SCAN_POINTER_START" | "INITIAL" | "SCAN_POINTER_START_BINARY"
            )
        }),
        _ => false,
    }
}

/// `0`, `0L`, `0u64`.
fn is_zero(number: &str) -> bool {
    let suffix = number
        .strip_prefix('0')
        .map(|rest| rest.trim_start_matches('_'));
    suffix.is_some_and(|rest| rest.is_empty() || rest.starts_with(['u', 'i', 'l', 'L', 'n', 'U']))
}

/// The arguments without a context, a connection and callbacks; those of a builder come from the calls that follow.
pub(super) fn own_args(facts: &Facts, call: &Call, id: CallId) -> Vec<Expr> {
    let mut args: Vec<Expr> = call
        .args
        .iter()
        .filter(|arg| !matches!(arg, Expr::Lambda(_)))
        .cloned()
        .collect();
    let connection = args.len() > 1 && args.first().is_some_and(|own| is_lent(facts, call, own));
    if connection || args.first().is_some_and(|first| is_context(facts, first)) {
        args.remove(0);
    }
    if args.is_empty() {
        args = chained(facts, id);
    }
    // `List.of("0", "MATCH", p)`, as Vert.x takes the words of a command.
    let jvm = matches!(facts.language, Language::Java | Language::Kotlin);
    if let ([Expr::List(list)], true) = (args.as_slice(), jvm)
        && matches!(list.first(), Some(Expr::Text(_)))
    {
        args = list.clone();
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

/// Whether an argument is options of a scan, built where they are given.
pub(super) fn is_options(facts: &Facts, arg: &Expr) -> bool {
    options(facts, arg).is_some()
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
            "match" | "matches" | "pattern" | "keysPattern" | "matchPattern" | "match_pattern"
            | "with_pattern" => "match",
            "count" | "limit" | "chunkSize" | "with_count" => "count",
            name => {
                built |= matches!(
                    name,
                    "scanOptions"
                        | "ScanParams"
                        | "ScanArgs"
                        | "ScanOptions"
                        | "defaults"
                        | "KeyScanOptions"
                        | "KeyScanArgs"
                        | "KeysScanOptions"
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
    // `ScanParams.SCAN_POINTER_START` is a cursor.
    if let (Expr::Path(path), Expr::Call(_)) = (at, arg) {
        built |= path.iter().any(|part| {
            matches!(
                part.as_str(),
                "ScanOptions"
                    | "ScanArgs"
                    | "ScanParams"
                    | "Builder"
                    | "KeyScanOptions"
                    | "KeyScanArgs"
                    | "KeysScanOptions"
            )
        });
    }
    built.then_some(named)
}

/// The connection that a function of an Elixir module is given first: `Exredis.Api.get(client, key)`.
fn is_lent(facts: &Facts, call: &Call, first: &Expr) -> bool {
    const NAMES: &[&str] = &["client", "conn", "connection", "pid", "redis", "redix"];
    let of_module = |path: &[String]| {
        let last = path.last();
        last.is_some_and(|last| last.starts_with(char::is_uppercase))
    };
    let named = match first {
        Expr::Path(path) => path.last().map(String::as_str),
        // `redis() |> smembers(key)`, where the module's functions were brought in.
        Expr::Call(made) if call.receiver.is_none() => Some(facts.calls[made.0].name.as_str()),
        _ => None,
    };
    let brought = match &call.receiver {
        Some(Expr::Path(path)) => of_module(path),
        Some(_) => false,
        None => true,
    };
    facts.language == Language::Elixir && brought && named.is_some_and(|name| NAMES.contains(&name))
}

/// `ctx`, `context.Background()`.
pub(crate) fn is_context(facts: &Facts, expr: &Expr) -> bool {
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
            // rueidis's `Arbitrary("DEL").Keys(names...)`.
            "keys" if facts.language == Language::Go => args.extend(call.args.iter().cloned()),
            "arg" | "args" | "cursor_arg" | "addarg" => args.extend(call.args.iter().cloned()),
            "pattern" | "match" | "cursor" | "count" | "type" | "key" | "hint" | "field"
            | "member" => {
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

/// A read of a hash, set, list or sorted set by the name that Redis has for it: `hget`, `zRange`, `scard`.
pub(super) fn is_of_structure(name: &str) -> bool {
    let letters = name.chars().filter(|c| *c != '_');
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    matches!(
        plain.as_str(),
        "hget"
            | "hmget"
            | "hexists"
            | "hlen"
            | "hkeys"
            | "hvals"
            | "lrange"
            | "llen"
            | "lindex"
            | "scard"
            | "sismember"
            | "zcard"
            | "zcount"
            | "zrange"
            | "zrangebyscore"
            | "zrevrange"
            | "zrevrangebyscore"
            | "zrank"
            | "zscore"
    )
}
