//! What a method's name means in the clients of one language only.
//! Must not follow receivers, and must not know names that all clients share: `verb` does.

use crate::facts::{Call, Expr, Facts};
use crate::language::Language;
use crate::receiver::argument;
use crate::receiver::origin::Origins;
use crate::receiver::shape::{Known, Shape};
use crate::receiver::verb::{self, Verb};

pub(super) fn is_jvm(language: Language) -> bool {
    matches!(language, Language::Java | Language::Kotlin)
}

/// The command of a method by a name that only this language's clients have.
pub(super) fn of_method(language: Language, name: &str) -> Option<Verb> {
    // Mutiny's way to wait for an answer.
    let waited = ["AndAwait", "AndForget"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    if let (true, Some(name)) = (is_jvm(language), waited) {
        return verb::of_method(name);
    }
    // go-zero's methods that are given a context.
    if let (Language::Go, Some(name)) = (language, name.strip_suffix("Ctx")) {
        return verb::of_method(name);
    }
    Some(match (language, name) {
        // phpredis's old name.
        (Language::Php, "getKeys") => Verb::Keys,
        // Redisson's KEYS of old, its whole containers, its flushes of all nodes at once.
        (Language::Java | Language::Kotlin, "findKeysByPattern" | "findKeysByPatternAsync") => {
            Verb::Keys
        }
        // Redisson's walk, and that of Spinnaker's clients, which is handed its pages.
        (Language::Java | Language::Kotlin, "getKeysStream" | "withKeyScan") => Verb::ScanIter,
        // Spring's extensions for coroutines.
        (Language::Kotlin, "keysAsFlow") => Verb::Keys,
        (Language::Kotlin, "scanAsFlow") => Verb::ScanIter,
        (Language::Java | Language::Kotlin, "flushallParallel" | "flushallParallelAsync") => {
            Verb::FlushAll
        }
        (Language::Java | Language::Kotlin, "flushdbParallel" | "flushdbParallelAsync") => {
            Verb::FlushDb
        }
        // What redis-rs's typed commands call their GET.
        (Language::Rust, "get_int") => Verb::Read,
        // redis-rs's walks by a pattern.
        (Language::Rust, "hscan_match" | "sscan_match" | "zscan_match") => Verb::InnerScanIter,
        // radix's walk.
        (Language::Go, "NewScanner") => Verb::ScanIter,
        // ServiceStack's words for commands, some of which StackExchange.Redis.Extensions has as well.
        (Language::CSharp, "SearchKeys") => Verb::Keys,
        (Language::CSharp, "SearchKeysAsync" | "GetAllKeysAsync") => Verb::ScanIter,
        (Language::CSharp, "GetAllEntriesFromHash" | "GetAllEntriesFromHashAsync") => Verb::HGetAll,
        (
            Language::CSharp,
            "GetAllItemsFromSet"
            | "GetAllItemsFromSetAsync"
            | "GetAllItemsFromList"
            | "GetAllItemsFromListAsync",
        ) => Verb::SMembers,
        (
            Language::CSharp,
            "GetValue"
            | "GetValueAsync"
            | "GetValueFromHash"
            | "GetValueFromHashAsync"
            | "HashContainsEntry"
            | "SetContainsItem"
            | "GetItemScoreInSortedSet",
        ) => Verb::Read,
        (Language::CSharp, "GetValues" | "GetValuesAsync" | "GetAll" | "GetAllAsync") => Verb::MGet,
        (Language::CSharp, "RemoveAll" | "RemoveAllAsync" | "RemoveEntry" | "RemoveEntryAsync") => {
            Verb::Del
        }
        _ => return None,
    })
}

/// NewLife's walk over all that match: `cache.Search("user:*", int.MaxValue)`. With a number it ends there.
pub(super) fn is_search(facts: &Facts, call: &Call) -> bool {
    let library = || {
        let mut imports = facts.imports.iter();
        imports.any(|own| own.module.starts_with("NewLife.Caching"))
    };
    facts.language == Language::CSharp
        && call.name == "Search"
        && call.args.first().is_some_and(argument::is_glob)
        && !matches!(call.args.get(1), Some(Expr::Number(_)))
        && library()
}

/// Methods of objects, by what made them: Redisson's `getMap(key).readAllMap()`, radix's `ScannerConfig{}.New(client)`.
pub(super) fn of_object(maker: &str, name: &str) -> Option<Verb> {
    Some(match (maker, name) {
        ("getMap" | "getMapCache" | "getLocalCachedMap", "readAllMap" | "readAllEntrySet")
        | ("getMap" | "getMapCache" | "getLocalCachedMap", "readAllKeySet" | "readAllValues") => {
            Verb::HGetAll
        }
        (
            "getSet" | "getSetCache" | "getList" | "getScoredSortedSet" | "getSortedSet",
            "readAll",
        ) => Verb::SMembers,
        ("getMap" | "getMapCache" | "getBucket", "get") => Verb::Read,
        ("getMap" | "getMapCache" | "getLocalCachedMap", "containsKey") => Verb::Read,
        ("getScoredSortedSet", "getScore" | "rank" | "revRank") => Verb::Read,
        ("getSet" | "getSetCache" | "getScoredSortedSet", "contains") => Verb::Read,
        ("ScannerConfig", "New") => Verb::ScanIter,
        _ => return None,
    })
}

/// What a verb is in the hands of these clients: some scan where others send KEYS, and some follow a cursor by themselves.
pub(super) fn verb(
    verb: Verb,
    call: &Call,
    known: Known,
    args: &[Expr],
    origins: &Origins<'_>,
    facts: &Facts,
) -> Verb {
    let (name, language) = (call.name.as_str(), facts.language);
    let Some(receiver) = &call.receiver else {
        return verb;
    };
    match language {
        Language::CSharp => sharp_verb(verb, name, known, origins),
        Language::Java | Language::Kotlin
            if verb == Verb::Scan && (is_scan_iterator(receiver) || !takes_step(facts, call)) =>
        {
            jvm_scan(verb, receiver, args, origins)
        }
        Language::Ruby if verb == Verb::Scan && !takes_cursor(args) => Verb::ScanIter,
        // redis-rs's and fred's give an iteration.
        Language::Rust if verb == Verb::InnerScan => Verb::InnerScanIter,
        _ => verb,
    }
}

/// redis-client's `scan("MATCH", "a*") { |key| ... }` follows the cursor by itself; redis-rb's takes one.
fn takes_cursor(args: &[Expr]) -> bool {
    match args.first() {
        None => false,
        Some(first @ (Expr::Text(_) | Expr::Named(..))) => argument::is_cursor_like(first),
        Some(_) => true,
    }
}

/// Methods that send KEYS in some versions of their client: ServiceStack's SearchKeys was KEYS before it was SCAN.
pub(crate) fn is_doubtful(language: Language, name: &str) -> bool {
    language == Language::CSharp && matches!(name, "SearchKeys" | "GetAllKeys")
}

/// Spring's and Quarkus's scan and lettuce's ScanIterator follow the cursor by themselves.
fn jvm_scan(verb: Verb, receiver: &Expr, args: &[Expr], origins: &Origins<'_>) -> Verb {
    let follows = ["org.springframework.data.redis", "io.quarkus.redis"]
        .iter()
        .any(|own| origins.imports(own))
        && !args.first().is_some_and(argument::is_cursor_like);
    if follows || is_scan_iterator(receiver) {
        Verb::ScanIter
    } else {
        verb
    }
}

/// Lettuce's and Jedis's own options and cursors, which Spring's and Quarkus's scans don't take: one step.
fn takes_step(facts: &Facts, call: &Call) -> bool {
    const STEPS: &[&str] = &["ScanArgs", "ScanParams", "ScanCursor", "KeyScanCursor"];
    let of_step = |name: &str| STEPS.contains(&name);
    let declared = |text: &str| of_step(text.rsplit('.').next().unwrap_or(text));
    call.args.iter().any(|arg| {
        let mut at = arg;
        for _ in 0..crate::limits::MAX_FLOW_STEPS {
            let Expr::Call(id) = at else { break };
            let made = &facts.calls[id.0];
            if of_step(&made.name) {
                return true;
            }
            let Some(receiver) = &made.receiver else {
                return false;
            };
            at = receiver;
        }
        let Expr::Path(path) = at else { return false };
        path.iter().any(|part| of_step(part)) || types_of(facts, call, path).any(declared)
    })
}

/// The types that a name is declared as: a parameter of the functions around, a variable or a field.
fn types_of<'f>(
    facts: &'f Facts,
    call: &Call,
    path: &'f [String],
) -> impl Iterator<Item = &'f str> {
    let around = std::iter::successors(call.function, |id| facts.functions[id.0].parent);
    let params = around.flat_map(|id| &facts.functions[id.0].params);
    let fields = facts.classes.iter().flat_map(|class| &class.fields);
    let named = params
        .chain(fields)
        .filter(|param| path.last() == Some(&param.name));
    let bound = facts
        .bindings
        .iter()
        .filter(|own| own.targets.first().map(Vec::as_slice) == Some(path));
    let declared = named.filter_map(|param| param.declared.as_deref());
    declared.chain(bound.filter_map(|own| own.declared.as_deref()))
}

pub(super) fn is_scan_iterator(receiver: &Expr) -> bool {
    matches!(receiver, Expr::Path(path) if path.last().is_some_and(|last| matches!(last.as_str(), "ScanIterator" | "ScanStream" | "ScanFlow")))
}

/// StackExchange's `IServer.Keys` scans on every server from 2.8 on; the other libraries' `Keys` is KEYS.
fn sharp_verb(verb: Verb, name: &str, known: Known, origins: &Origins<'_>) -> Verb {
    let others = ["CSRedis", "FreeRedis", "ServiceStack"]
        .iter()
        .any(|own| origins.imports(own));
    let stack = known.shape == Shape::Server || (origins.imports("StackExchange.Redis") && !others);
    let scans = matches!(name, "Keys" | "KeysAsync")
        || name == "SearchKeys" && origins.imports("StackExchange.Redis.Extensions");
    if verb == Verb::Keys && stack && scans {
        Verb::ScanIter
    } else {
        verb
    }
}

/// redis-rs' `scan()` has no cursor, and redis-client's in Ruby takes a block.
pub(super) fn goes_on_by_itself(language: Language, call: &Call, args: &[Expr]) -> bool {
    match language {
        Language::Rust => call.args.is_empty(),
        Language::Ruby => {
            call.args.iter().any(|arg| matches!(arg, Expr::Lambda(_)))
                && !args.first().is_some_and(argument::is_cursor_like)
        }
        _ => false,
    }
}

/// The `opsForX` that a value came from, or that its declared type stands for: `ValueOperations<K, V> values`.
pub(super) fn operations_of(facts: &Facts, receiver: &Expr) -> Option<String> {
    let path = match receiver {
        Expr::Call(inner) => {
            let inner = &facts.calls[inner.0];
            let name = &inner.name;
            let own = is_jvm(facts.language) && inner.call_of_own();
            let given = own.then(|| returned_operations(facts, name));
            return given.flatten().or_else(|| Some(name.clone()));
        }
        Expr::Path(path) if is_jvm(facts.language) => path,
        _ => return None,
    };
    let last = path.last()?;
    let declared = declared_operations;
    let bound = facts.bindings.iter().find_map(|binding| {
        let own = binding.targets.first()?.last()? == last;
        match &binding.value {
            Expr::Call(call) if own && gives_operations(&facts.calls[call.0].name) => {
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

/// A row's or a query's `Scan(&value)`; SCAN takes a cursor, a pattern and a count, or nothing where it is built.
pub(crate) fn is_row_scan(language: Language, call: &Call) -> bool {
    let of_row = match &call.receiver {
        Some(Expr::Path(path)) => {
            path.last()
                .is_some_and(|last| matches!(last.as_str(), "row" | "rows"))
                || is_answer_read(path, call)
        }
        Some(Expr::Call(_)) => call.args.len() > 4,
        _ => false,
    };
    language == Language::Go && (matches!(call.args.len(), 1 | 2) || of_row)
}

/// redigo's `redis.Scan(values, &cursor, &keys)`: what is read stands first, and not a context or a cursor.
fn is_answer_read(path: &[String], call: &Call) -> bool {
    let context = |arg: &Expr| {
        let last = match arg {
            Expr::Path(path) => path.last(),
            _ => None,
        };
        last.is_some_and(|last| last.to_ascii_lowercase().ends_with("ctx"))
    };
    let names = |arg: &Expr| matches!(arg, Expr::Path(_) | Expr::Index(..));
    call.name == "Scan"
        && matches!(path, [package] if package == "redis")
        && call.args.iter().all(names)
        && call
            .args
            .first()
            .is_some_and(|first| !context(first) && !argument::is_cursor_like(first))
}

/// `ValueOperations<K, V>`; `BoundSetOperations` has the key already, and the same methods.
fn declared_operations(text: &str) -> Option<String> {
    let (kind, _) = text.split_once("Operations")?;
    let kind = kind.rsplit('.').next()?.trim_start_matches("Reactive");
    let kind = kind.trim_start_matches("Bound");
    (!kind.is_empty()).then(|| format!("opsFor{kind}"))
}

/// The operations that a function of the file gives: `entriesOf(id).entries()`.
fn returned_operations(facts: &Facts, name: &str) -> Option<String> {
    let mut named = facts.functions.iter().filter(|own| own.name == name);
    named.find_map(|own| declared_operations(own.returns.as_deref()?))
}

/// `opsForSet()`, `boundSetOps(key)`, and Redisson's objects.
fn gives_operations(name: &str) -> bool {
    name.starts_with("opsFor")
        || name.starts_with("bound") && name.ends_with("Ops")
        || gives_object(name)
}

fn gives_object(name: &str) -> bool {
    const KINDS: &[&str] = &[
        "Bucket",
        "List",
        "LocalCachedMap",
        "Map",
        "MapCache",
        "ScoredSortedSet",
        "Set",
        "SetCache",
        "SortedSet",
    ];
    name.strip_prefix("get")
        .is_some_and(|kind| KINDS.contains(&kind))
}

/// The call that made an object of a client, also where a name holds it: its key stands there.
pub(super) fn maker_of<'f>(facts: &'f Facts, receiver: &Expr) -> Option<&'f Call> {
    let path = match receiver {
        Expr::Call(inner) => return facts.calls.get(inner.0),
        Expr::Path(path) if is_jvm(facts.language) => path,
        _ => return None,
    };
    facts
        .bindings
        .iter()
        .find_map(|binding| match &binding.value {
            Expr::Call(made) if binding.targets.first()?.last() == path.last() => {
                let made = &facts.calls[made.0];
                gives_object(&made.name).then_some(made)
            }
            _ => None,
        })
}

/// What follows `should` or `expect` in a test: `answer.should.have.keys("token")`.
pub(super) fn is_assertion(language: Language, receiver: &Expr) -> bool {
    let last = match receiver {
        Expr::Path(path) => path.last(),
        Expr::Member(_, name) => Some(name),
        _ => None,
    };
    let says = |last: &String| {
        matches!(
            last.as_str(),
            "have" | "contain" | "include" | "any" | "all" | "only"
        )
    };
    is_script(language) && last.is_some_and(says)
}

fn is_script(language: Language) -> bool {
    matches!(
        language,
        Language::JavaScript | Language::TypeScript | Language::Tsx
    )
}
