//! Commands that are given as words: `conn.Do("KEYS", "a*")`, `sendCommand(["KEYS", p])`, `redis::cmd("KEYS")`.
//! Must not know methods that are named after a command.

use crate::extract::MADE;
use crate::facts::{Call, CallId, Expr, Facts, FunctionId, LoopKind, Piece, Usage};
use crate::language::Language;
use crate::limits;
use crate::receiver::origin::Origins;
use crate::receiver::own;
use crate::receiver::sender::Senders;
use crate::receiver::shape::{Known, Shape, Sure};
use crate::receiver::verb::{self, Verb};
use crate::receiver::{Command, argument};
use crate::report::Confidence;

/// The commands of a call that takes words; several for a pipeline.
pub(super) fn commands(
    facts: &Facts,
    origins: &Origins<'_>,
    senders: &Senders,
    id: CallId,
) -> Vec<Command> {
    let call = &facts.calls[id.0];
    let flat = is_maker(call, facts.language);
    let sent = senders
        .get(&call.name)
        .filter(|_| call.call_of_own() || own::is_method_of_file(facts, origins, call));
    let there = origins.elsewhere.sends.contains(&id);
    let listed = senders.list(origins, call);
    let takes = listed.is_some()
        || verb::is_raw_method(&call.name)
        || call.name == MADE && (origins.library || origins.speaks)
        || flat
        || sent.is_some()
        || there
        || is_handed_words(facts, origins, call);
    if !takes || call.constructs && !flat || is_expected(facts, call) {
        return Vec::new();
    }
    let mut words = read_words(facts, origins, id);
    if words.is_empty() {
        words.extend(mapped(facts, origins, call));
    }
    let elsewhere = there.then_some(Known {
        sure: Sure::Named,
        shape: Shape::Client,
        cluster: false,
    });
    let known = sent
        .or(listed)
        .or(elsewhere)
        .or_else(|| receiver(facts, origins, call));
    words
        .into_iter()
        .filter_map(|(verb, upper, args)| {
            let unsure = known.is_none_or(|known| known.sure < Sure::Resolved);
            // A file is written to as well, and KEYS without a pattern is something else.
            let bare = args.iter().all(|arg| matches!(arg, Expr::Spread(_)));
            if unsure && (call.name == "write" || verb == Verb::Keys && bare) {
                return None;
            }
            let confidence = confidence(origins, call, known, verb, upper)?;
            let known = known.unwrap_or(Known {
                sure: Sure::Weak,
                shape: Shape::Client,
                cluster: false,
            });
            Some(Command {
                call: id,
                verb,
                confidence,
                known,
                args,
                raw: true,
            })
        })
        .collect()
}

/// A command that a test's mock is told to wait for, which nobody sends: `MockCmd::new(cmd("SCAN").arg(0), answer)`,
/// redigomock's `conn.Command("KEYS", "*").Expect(...)`.
fn is_expected(facts: &Facts, call: &Call) -> bool {
    let mut usage = &call.usage;
    for _ in 0..limits::MAX_FLOW_STEPS {
        match usage {
            Usage::Receiver(next) => {
                let next = &facts.calls[next.0];
                if next.name.starts_with("Expect") {
                    return true;
                }
                usage = &next.usage;
            }
            Usage::Argument(next) if facts.language == Language::Rust => {
                let next = &facts.calls[next.0];
                let of_mock = |path: &[String]| path.iter().any(|part| part.starts_with("Mock"));
                return matches!(&next.receiver, Some(Expr::Path(path)) if of_mock(path));
            }
            _ => return false,
        }
    }
    false
}

/// The commands among what a call is given, with their arguments.
fn read_words(facts: &Facts, origins: &Origins<'_>, id: CallId) -> Vec<(Verb, bool, Vec<Expr>)> {
    let call = &facts.calls[id.0];
    let mut words = Vec::new();
    if is_empty_maker(facts, call) {
        let mut args = argument::chained(facts, id);
        args.extend(given_later(facts, id));
        if let Some((first, rest)) = args.split_first()
            && let Some((verb, upper)) = command_word(facts, origins, first)
        {
            words.push((verb, upper, rest.to_vec()));
        }
        return words;
    }
    for (at, arg) in call.args.iter().take(3).enumerate() {
        let found = command_word(facts, origins, arg);
        if let Some((verb, upper)) = found {
            let mut args: Vec<Expr> = call.args[at + 1..].to_vec();
            args.extend(argument::chained(facts, id));
            args.extend(given_later(facts, id));
            if let [Expr::List(list)] = args.as_slice() {
                args = list.clone();
            }
            words.push((verb, upper, args));
            break;
        }
        if let Some(list) = named_words(facts, origins, (call.function, arg)) {
            read_list(facts, origins, &list, &mut words);
            break;
        }
        if let Expr::List(list) = arg {
            read_list(facts, origins, list, &mut words);
            // fred's `custom(cmd!("KEYS"), vec![p])`: a word, and a list of what it is given.
            if let ([(_, _, args)], Some(Expr::List(rest))) =
                (words.as_mut_slice(), call.args.get(at + 1))
                && args.is_empty()
            {
                args.clone_from(rest);
            }
            break;
        }
        // Only a connection, a context or a place for the answer stands before the word.
        let before = matches!(
            arg,
            Expr::Path(_) | Expr::Call(_) | Expr::Other | Expr::Number(_)
        ) || facts.language == Language::Elixir;
        if !(before || argument::is_context(facts, arg)) {
            break;
        }
    }
    words
}

/// What redis-rs's command is given by its name: `let mut del = cmd("DEL"); for key in &keys { del.arg(key); }`. What a loop
/// gives it one by one is all that the loop goes over.
fn given_later(facts: &Facts, id: CallId) -> Vec<Expr> {
    let call = &facts.calls[id.0];
    let (Usage::Bound(targets), Language::Rust) = (&call.usage, facts.language) else {
        return Vec::new();
    };
    let ([name], Some(around)) = (targets.as_slice(), call.function) else {
        return Vec::new();
    };
    let end = facts.functions[around.0].span.end;
    let after = facts.calls[id.0 + 1..].iter();
    let inside = after.take_while(|own| own.span.end <= end);
    let own = inside.filter(|own| {
        own.name == "arg" && matches!(&own.receiver, Some(Expr::Path(path)) if path == name)
    });
    let over = |own: &Call| {
        let each = own.loops.last().filter(|each| !call.loops.contains(each))?;
        match &facts.loops[each.0].kind {
            LoopKind::Each { iterable, .. } | LoopKind::Callback { iterable, .. } => {
                Some(vec![Expr::Spread(Box::new(iterable.clone()))])
            }
            LoopKind::While => None,
        }
    };
    own.flat_map(|own| over(own).unwrap_or_else(|| own.args.clone()))
        .collect()
}

/// The command that is made of each of a list: `pipeline(keys.map(key => ["del", key]))`.
fn mapped(facts: &Facts, origins: &Origins<'_>, call: &Call) -> Option<(Verb, bool, Vec<Expr>)> {
    let [Expr::Call(map)] = call.args.as_slice() else {
        return None;
    };
    let map = &facts.calls[map.0];
    let (Some(of), [Expr::Lambda(made)]) = (&map.receiver, map.args.as_slice()) else {
        return None;
    };
    if !matches!(call.name.as_str(), "multi" | "batch" | "pipeline") || map.name != "map" {
        return None;
    }
    let mut given = facts
        .returned
        .iter()
        .filter(|own| own.function == Some(*made));
    let Expr::List(words) = &given.next()?.value else {
        return None;
    };
    let (verb, upper) = command_word(facts, origins, words.first()?)?;
    // One of them each, and together in the end.
    let one = Expr::Index(Box::new(of.clone()), false);
    Some((verb, upper, vec![one]))
}

/// The words that a name was given: `args := []any{"KEYS", p}` and `Do(ctx, args...)`. What was added since can't be seen.
fn named_words(
    facts: &Facts,
    origins: &Origins<'_>,
    (function, arg): (Option<FunctionId>, &Expr),
) -> Option<Vec<Expr>> {
    let name = match arg {
        Expr::Spread(inner) => inner,
        other => other,
    };
    let Expr::Path(path) = name else { return None };
    let root = origins.root(function);
    let mut bound = origins.bindings_of(path).iter().filter(|own| {
        let place = origins.root(own.function);
        place.is_none() || place == root
    });
    let Expr::List(list) = &bound.next()?.value else {
        return None;
    };
    command_word(facts, origins, list.first()?)?;
    let rest = Expr::Spread(Box::new(name.clone()));
    Some(list.iter().cloned().chain([rest]).collect())
}

/// `Cmd::new().arg("FLUSHDB")`: the words are given afterwards, the command's own too.
fn is_empty_maker(facts: &Facts, call: &Call) -> bool {
    let of_command = |path: &[String]| path.last().is_some_and(|last| last == "Cmd");
    facts.language == Language::Rust
        && call.name == "new"
        && call.args.is_empty()
        && matches!(&call.receiver, Some(Expr::Path(path)) if of_command(path))
}

/// `redisDo(conn, "SCAN", cursor)`: another file's function that is given a client, and a command's name after it.
fn is_handed_words(facts: &Facts, origins: &Origins<'_>, call: &Call) -> bool {
    let [first @ Expr::Path(_), word, ..] = call.args.as_slice() else {
        return false;
    };
    call.receiver.is_none()
        && command_word(facts, origins, word).is_some_and(|(_, upper)| upper)
        && origins
            .known(first, call.function, call.class)
            .is_some_and(|known| known.sure == Sure::Resolved)
}

fn read_list(
    facts: &Facts,
    origins: &Origins<'_>,
    list: &[Expr],
    words: &mut Vec<(Verb, bool, Vec<Expr>)>,
) {
    match list.first() {
        Some(Expr::List(_)) => {
            for inner in list {
                if let Expr::List(inner) = inner {
                    read_list(facts, origins, inner, words);
                }
            }
        }
        Some(first) => {
            if let Some((verb, upper)) = command_word(facts, origins, first) {
                words.push((verb, upper, list[1..].to_vec()));
                return;
            }
            // `[meta, ["KEYS", pattern], opts]`: the words stand among what else a function is applied to.
            for inner in list {
                if let Expr::List(inner) = inner
                    && let Some((verb, true)) = inner
                        .first()
                        .and_then(|word| command_word(facts, origins, word))
                {
                    words.push((verb, true, inner[1..].to_vec()));
                }
            }
        }
        None => {}
    }
}

/// A command's name: as a string, or as a library's constant (`Protocol.Command.KEYS`).
fn command_word(facts: &Facts, origins: &Origins<'_>, expr: &Expr) -> Option<(Verb, bool)> {
    let language = facts.language;
    if let Some(text) = constant(origins, expr) {
        return verb::of_word(text).map(|verb| (verb, true));
    }
    if let Some(text) = argument::literal(expr) {
        let word = text.split(' ').next()?;
        let upper = word.chars().all(|c| c.is_ascii_uppercase() || c == '.');
        if word.len() != text.len() && !upper {
            return None;
        }
        return verb::of_word(word).map(|verb| (verb, upper));
    }
    if let Expr::Text(pieces) = expr
        && let Some(Piece::Text(first)) = pieces.first()
        && let Some((word, _)) = first.split_once(' ')
        && word.chars().all(|c| c.is_ascii_uppercase())
    {
        return verb::of_word(word).map(|verb| (verb, true));
    }
    let constants = matches!(
        language,
        Language::Java | Language::Kotlin | Language::CSharp
    );
    match expr {
        Expr::Path(path) if constants && path.len() > 1 => {
            let last = path.last()?;
            let upper = last.chars().all(|c| c.is_ascii_uppercase());
            let owner = path[path.len() - 2].to_ascii_lowercase();
            let told = owner.contains("command") || owner.contains("protocol");
            let sharp = language == Language::CSharp && owner == "commands";
            (upper && told || sharp)
                .then(|| verb::of_word(last))
                .flatten()
                .map(|verb| (verb, true))
        }
        Expr::Call(id) if constants => word_of_call(facts, origins, &facts.calls[id.0]),
        _ => None,
    }
}

/// The word that a constant of the file holds: `const cmdKeys = "KEYS"`, `@keys "KEYS"`, `self::KEYS`.
fn constant<'o>(origins: &'o Origins<'_>, expr: &Expr) -> Option<&'o str> {
    let Expr::Path(path) = expr else { return None };
    let mut bound = origins.bindings_of(path);
    if bound.is_empty() {
        bound = origins.bindings_of(std::slice::from_ref(path.last()?));
    }
    let [only] = bound else { return None };
    let text = argument::literal(&only.value).filter(|_| only.function.is_none())?;
    text.bytes().all(|b| b.is_ascii_uppercase()).then_some(text)
}

/// A call that makes a command of its first word: of Go's and fred's types, radix's and go-redis's functions.
fn is_maker(call: &Call, language: Language) -> bool {
    let name = call.name.as_str();
    matches!(
        name,
        "FlatCmd" | "Cmd" | "new" | "from" | "Command" | "newCmd" | "new_static"
    ) || language == Language::Go && name.starts_with("New") && name.ends_with("Cmd")
}

/// A word that is made a command's: Vert.x's `Command.create("KEYS")`, FreeRedis's `"KEYS".Input(p)`.
fn word_of_call(facts: &Facts, origins: &Origins<'_>, call: &Call) -> Option<(Verb, bool)> {
    match (&call.receiver, call.args.first()) {
        (Some(text @ Expr::Text(_)), _) if call.name.starts_with("Input") => {
            command_word(facts, origins, text)
        }
        (Some(Expr::Path(path)), Some(word))
            if call.name == "create" && path.last().is_some_and(|last| last == "Command") =>
        {
            command_word(facts, origins, word)
        }
        _ => None,
    }
}

/// What the words are given to: the receiver, or the first argument where the receiver is a library (`Redix.command(conn, ...)`).
fn receiver(facts: &Facts, origins: &Origins<'_>, call: &Call) -> Option<Known> {
    if call.name == MADE {
        // Whoever sends it sends others with it.
        return Some(Known {
            sure: Sure::Resolved,
            shape: Shape::Pipeline,
            cluster: false,
        });
    }
    let known = match &call.receiver {
        Some(receiver) => origins.known(receiver, call.function, call.class),
        // `import Redix, only: [command: 2]`.
        None => super::is_imported(facts, &call.name).then_some(Known {
            sure: Sure::Resolved,
            shape: Shape::Client,
            cluster: false,
        }),
    };
    let first = call
        .args
        .first()
        .filter(|arg| matches!(arg, Expr::Path(_) | Expr::Call(_)));
    let given = first.and_then(|arg| origins.known(arg, call.function, call.class));
    // `redis::cmd("GET")`, and `cmd("GET")` where that was brought in.
    let library = facts.language == Language::Rust
        && match &call.receiver {
            Some(Expr::Path(path)) => path.last().is_some_and(|last| last == "redis"),
            Some(_) => false,
            None => {
                let own = Expr::Path(vec![call.name.clone()]);
                let known = origins.known(&own, call.function, call.class);
                known.is_some_and(|known| known.shape == Shape::Module)
            }
        };
    if library {
        return Some(Known {
            sure: Sure::Resolved,
            shape: Shape::Client,
            cluster: asked(facts, origins, call).is_some_and(|known| known.cluster),
        });
    }
    match (known, given) {
        (Some(known), Some(given)) if given.sure > known.sure => Some(given),
        (Some(known), _) => Some(known),
        (None, given) => given
            .filter(|given| given.sure >= Sure::Named)
            .or_else(|| sender(facts, origins, call)),
    }
}

/// What the words are made for: `client.Do(cmd(&value, "GET", key))`.
fn sender(facts: &Facts, origins: &Origins<'_>, call: &Call) -> Option<Known> {
    let Usage::Argument(next) = call.usage else {
        return None;
    };
    let next = &facts.calls[next.0];
    let known = origins.known(next.receiver.as_ref()?, next.function, next.class)?;
    (verb::is_raw_method(&next.name) && known.sure == Sure::Resolved).then_some(known)
}

/// What a built command is sent to in the end: `cmd("SCAN").arg(0).query(&mut con)`.
fn asked(facts: &Facts, origins: &Origins<'_>, call: &Call) -> Option<Known> {
    let mut usage = &call.usage;
    for _ in 0..limits::MAX_FLOW_STEPS {
        let Usage::Receiver(next) = usage else {
            return None;
        };
        let next = &facts.calls[next.0];
        if next.name.starts_with("query") {
            return origins.known(next.args.first()?, next.function, next.class);
        }
        usage = &next.usage;
    }
    None
}

fn confidence(
    origins: &Origins<'_>,
    call: &Call,
    known: Option<Known>,
    verb: Verb,
    upper: bool,
) -> Option<Confidence> {
    let sure = known.map(|known| known.sure);
    let distinctive = verb.is_distinctive() || matches!(verb, Verb::Keys | Verb::Scan);
    // `http.send("GET", ...)` and `db.query("DEL ...")` are everywhere: such words need a client.
    match sure {
        Some(Sure::Resolved | Sure::Named) => Some(Confidence::High),
        Some(Sure::Own) if !distinctive && upper && origins.speaks => Some(Confidence::Medium),
        _ if !distinctive && (!origins.library || sure.is_none()) => None,
        _ if call.receiver.is_none() && !origins.library && !upper => None,
        _ if upper && (origins.library || origins.speaks) => Some(Confidence::High),
        Some(Sure::Own | Sure::Weak) if origins.library => Some(Confidence::Medium),
        // Nothing else has these words.
        _ if upper && matches!(verb, Verb::FlushAll | Verb::FlushDb) => Some(Confidence::High),
        _ if upper => Some(Confidence::Medium),
        _ => None,
    }
}
