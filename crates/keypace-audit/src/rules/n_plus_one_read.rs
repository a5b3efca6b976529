//! `n-plus-one-read`: one read for every key that was found.
//! Must not judge reads that are sent together.

use super::found::{Amount, Trace};
use super::scene::{Scene, Sink};
use super::xargs_unsafe;
use crate::facts::{Call, CallId, Expr, Usage};
use crate::language::Language;
use crate::receiver::shape::Shape;
use crate::receiver::verb::{self, Verb};
use crate::receiver::{Command, argument, built};
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "n-plus-one-read",
    severity: Severity::High,
    title: "one read in a loop for every key found",
    why: "Each key costs a round trip of its own: 100,000 keys at half a millisecond are 50 seconds, and the work grows with \
          the keyspace while the server mostly waits for the network.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Python => "read batches with mget(batch) or a pipeline of a few hundred commands",
        Language::Ruby => {
            "read batches with mget(*batch), or redis.pipelined for a few hundred keys"
        }
        Language::Go => "read batches with MGet(ctx, batch...) or Pipelined for a few hundred keys",
        Language::Java | Language::Kotlin => {
            "read batches with multiGet, mget or executePipelined for a few hundred keys"
        }
        Language::CSharp => {
            "read batches with StringGetAsync(RedisKey[]) or CreateBatch for a few hundred keys"
        }
        Language::Shell => "read batches with MGET, or send the commands through redis-cli --pipe",
        _ => "read batches with MGET, or a pipeline of a few hundred commands",
    }
}

const MESSAGE: &str = "every key found costs a read and a round trip of its own";

/// `redis-cli --scan | xargs -n 1 redis-cli get`.
fn piped(scene: &Scene<'_>, sink: &mut Sink) {
    let finds = |own: &&Command| scene.language == Language::Shell && own.verb.lists_keys();
    for command in scene.commands.all.iter().filter(finds) {
        let Some(xargs) = xargs_unsafe::piped_xargs(scene, command.call) else {
            continue;
        };
        let reads = xargs_unsafe::run_by(scene, xargs).is_some_and(Verb::reads_one);
        if reads && xargs_unsafe::one_by_one(xargs) {
            let (confidence, severity) = (command.confidence, RULE.severity);
            sink.at(
                scene,
                &RULE,
                xargs,
                confidence,
                severity,
                MESSAGE.to_owned(),
            );
        }
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    let pays = pays(scene);
    let queues = queues(scene);
    piped(scene, sink);
    through_helpers(scene, pays, sink);
    through_finders(scene, sink);
    for command in scene
        .with_likely()
        .filter(|command| command.verb.reads_one())
    {
        let call = scene.call(command);
        // Redigo's Send only fills a buffer.
        if command.known.shape == Shape::Pipeline
            || !pays && is_of_script(scene, command)
            || scene.language == Language::Go && call.name == "Send"
            || built::is_kept(scene.facts, command.call)
            || is_queued(scene, call)
            || is_inside(&queues, call)
            || scene.found.hands_pipeline(call)
            || call.loops.is_empty() && !is_in_callback(scene, command.call.0)
        {
            continue;
        }
        let key = key_of(command);
        let trace = key.and_then(|key| scene.found.trace(key, call.function));
        let trace = trace.or_else(|| member_of(scene, command));
        // A function of another file that is given a list reads it as it will.
        let there = scene.origins.elsewhere.meant.contains_key(&command.call);
        if there && trace.is_some_and(|own| own.amount != Amount::One) {
            continue;
        }
        // StackExchange's StringGet of an array is MGET.
        let array = scene.language == Language::CSharp && call.name.starts_with("StringGet");
        if array && trace.is_some_and(|own| own.amount != Amount::One) {
            continue;
        }
        let made = key.is_some_and(|key| !matches!(key, Expr::Path(_)))
            || scene.language == Language::Shell;
        let named = || made.then(|| scene.found.mentioned_by(call)).flatten();
        if let Some(own) = trace.or_else(named) {
            let mut command = scene.given(command, own);
            // A key that was found for sure, and a function of another file that is known to read it.
            let source = scene.found.source(own.source);
            if there && trace.is_some() && source.verb.finds() {
                command.confidence = command.confidence.max(source.confidence);
            }
            sink.command(scene, &RULE, &command, MESSAGE.to_owned());
        } else if trace.is_none() && is_made_anew(scene, command) {
            let (confidence, severity) = (command.confidence, RULE.severity);
            let confidence = confidence.min(Confidence::Medium);
            sink.at(scene, &RULE, call, confidence, severity, MESSAGE.to_owned());
        }
    }
}

/// A key that the loop makes for each key found, by a way that isn't seen.
fn is_made_anew(scene: &Scene<'_>, command: &Command) -> bool {
    let call = scene.call(command);
    let shell = matches!(scene.language, Language::Shell | Language::Lua);
    let key = scene.found.key_of(command, call);
    !shell && scene.found.made_anew(call, key).is_some()
}

/// A script pays no round trips: what it walks itself is all that counts there, and one step of SCAN is no walk.
fn pays(scene: &Scene<'_>) -> bool {
    scene.language != Language::Lua
        || scene.commands.all.iter().any(|own| {
            own.verb == Verb::Keys || own.verb.lists_keys() && !scene.call(own).loops.is_empty()
        })
}

/// `redis.call("GET", key)`; a program in Lua has a connection, and calls methods on it.
fn is_of_script(scene: &Scene<'_>, command: &Command) -> bool {
    scene.language == Language::Lua && command.raw
}

/// `[load(key) for key in r.scan_iter()]`, where `load` reads the key that it is given.
fn through_helpers(scene: &Scene<'_>, pays: bool, sink: &mut Sink) {
    for (at, call) in scene.facts.calls.iter().enumerate() {
        if call.loops.is_empty() && !is_in_callback(scene, at) {
            continue;
        }
        if let Some((trace, read)) = scene.found.read_through(CallId(at)) {
            if !pays && is_of_script(scene, &read) {
                continue;
            }
            let message = format!(
                "{} reads one key, and is called for every key found",
                call.name
            );
            let confidence = scene.given_through(&read, trace);
            sink.at(scene, &RULE, call, confidence, RULE.severity, message);
        }
    }
}

/// `for q in queues: jobs_of(q)`, where another file's function gives what it finds under the key that it is given.
fn through_finders(scene: &Scene<'_>, sink: &mut Sink) {
    let elsewhere = &scene.origins.elsewhere.meant;
    for (at, call) in scene.facts.calls.iter().enumerate() {
        let finds = elsewhere.get(&CallId(at)).map(|own| own.verb);
        let reads = finds.is_some_and(|verb| verb.finds() && !verb.lists_keys());
        let own = scene.commands.at(CallId(at)).is_some();
        if !reads || own || call.loops.is_empty() || scene.found.given_one(call).is_none() {
            continue;
        }
        let message = format!(
            "{} reads one key, and is called for every key found",
            call.name
        );
        let (confidence, severity) = (Confidence::Medium, RULE.severity);
        sink.at(scene, &RULE, call, confidence, severity, message);
    }
}

/// The key that is read: `TTL key`, and what follows the word of `OBJECT IDLETIME key`.
fn key_of(command: &Command) -> Option<&Expr> {
    const WORDS: &[&str] = &[
        "usage", "idletime", "encoding", "freq", "refcount", "object",
    ];
    let first = command.args.first()?;
    let word = argument::literal(first)
        .is_some_and(|text| WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)));
    command.args.get(usize::from(word))
}

/// One field or member of those that were found, read on its own: `HGET key field`, `ZSCORE key member`, Spring's
/// `opsForHash().get(key, field)`.
fn member_of(scene: &Scene<'_>, command: &Command) -> Option<Trace> {
    let call = scene.call(command);
    let member = match command.args.as_slice() {
        [_, member] => member,
        // StackExchange's flags stand last.
        [_, member, _] if scene.language == Language::CSharp => member,
        _ => return None,
    };
    let trace = scene.found.trace(member, call.function)?;
    (trace.amount == Amount::One && takes_member(scene, command)).then_some(trace)
}

/// Whether what a command is given second is a field or a member of its key.
fn takes_member(scene: &Scene<'_>, command: &Command) -> bool {
    const COMMANDS: &[&str] = &[
        "hget",
        "hexists",
        "hstrlen",
        "zscore",
        "zrank",
        "zrevrank",
        "sismember",
        "geopos",
        // Buffers' names in ioredis, then StackExchange's and ServiceStack's.
        "hgetbuffer",
        "hashget",
        "hashexists",
        "hashstringlength",
        "sortedsetscore",
        "sortedsetrank",
        "setcontains",
        "getvaluefromhash",
        "hashcontainsentry",
        "setcontainsitem",
        "getitemscoreinsortedset",
    ];
    // Methods of Spring's operations, where the key stands before.
    const OPERATIONS: &[&str] = &["get", "haskey", "score", "rank", "reverserank", "ismember"];
    let call = scene.call(command);
    if command.raw {
        let text = scene.source(call.span).to_ascii_lowercase();
        let written = |word: &&str| {
            ['"', '\'']
                .iter()
                .any(|quote| text.contains(&format!("{quote}{word}{quote}")))
        };
        return COMMANDS.iter().any(written);
    }
    let word = raw_word(call).filter(|_| command.raw).unwrap_or(&call.name);
    let letters = word.chars().filter(|c| *c != '_');
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    let plain = plain.strip_suffix("async").unwrap_or(&plain);
    let jvm = matches!(scene.language, Language::Java | Language::Kotlin);
    COMMANDS.contains(&plain) || jvm && OPERATIONS.contains(&plain)
}

/// The command's own word, where it is given as one: `["HGET", key, field]`.
fn raw_word(call: &Call) -> Option<&str> {
    let mut words = call.args.iter().filter_map(|arg| match arg {
        Expr::List(items) => argument::literal(items.first()?),
        other => argument::literal(other),
    });
    words.find(|word| verb::of_word(word).is_some())
}

/// `$redis->pipeline(); foreach ... $redis->get($key); $redis->exec();`: the client itself gathers what it is told.
fn is_queued(scene: &Scene<'_>, call: &Call) -> bool {
    if scene.found.is_gathered(call) {
        return true;
    }
    let same = |other: &&Call| other.function == call.function && other.receiver == call.receiver;
    let mut others = scene.facts.calls.iter().filter(same);
    let begins = |other: &&Call| {
        matches!(other.name.as_str(), "pipeline" | "multi" | "init_pipeline")
            && other.usage == Usage::Discarded
            && other.span.end <= call.span.start
    };
    let Some(begin) = others.clone().rfind(begins) else {
        return false;
    };
    let ends = |other: &Call| {
        matches!(other.name.as_str(), "exec" | "execute" | "commit_pipeline")
            && other.span.start > begin.span.end
    };
    let end = others.find(|other| ends(other));
    end.is_some_and(|end| end.span.start >= call.span.end)
}

/// Spring's `executePipelined(...)`: whatever its callback asks, by a lambda or an object, is sent together.
fn queues<'s>(scene: &'s Scene<'_>) -> Vec<&'s Call> {
    let calls = scene.facts.calls.iter();
    calls.filter(|own| own.name == "executePipelined").collect()
}

fn is_inside(queues: &[&Call], call: &Call) -> bool {
    queues
        .iter()
        .any(|own| own.at.end <= call.span.start && call.span.end <= own.span.end)
}

/// A lambda that a client's iteration calls for each key.
fn is_in_callback(scene: &Scene<'_>, call: usize) -> bool {
    let call = &scene.facts.calls[call];
    let Some(function) = call.function else {
        return false;
    };
    scene.facts.functions[function.0].lambda
        && (scene.found.is_run_for_keys(function)
            || scene.commands.all.iter().any(|command| {
                command.verb.lists_keys()
                    && scene
                        .call(command)
                        .args
                        .contains(&crate::facts::Expr::Lambda(function))
            }))
}
