//! `del-for-bulk`: DEL where UNLINK would free the memory aside.
//! Must not judge the deletion of single known keys.

use super::found::Amount;
use super::scene::{Scene, Sink};
use super::xargs_unsafe;
use crate::facts::{CallId, Expr, Piece};
use crate::language::Language;
use crate::receiver::shellwords;
use crate::receiver::verb::Verb;
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "del-for-bulk",
    severity: Severity::Low,
    title: "DEL deletes keys in bulk where UNLINK would do",
    why: "DEL frees a value before the server goes on: a set of a million members takes hundreds of milliseconds. UNLINK takes \
          the key away and frees the value on another thread.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "use UNLINK (Redis 4 and later), in batches of a few hundred keys"
}

const MESSAGE: &str = "DEL frees every value of the keys found before the server goes on";

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    piped(scene, sink);
    through_helpers(scene, sink);
    for command in scene
        .with_likely()
        .filter(|command| command.verb == Verb::Del)
    {
        let call = scene.call(command);
        let trace = command
            .args
            .iter()
            .find_map(|arg| scene.found.trace(arg, call.function));
        // `r.delete(f"row:{key}")`
        let made = command
            .args
            .first()
            .is_some_and(|arg| matches!(arg, Expr::Text(pieces) if pieces.contains(&Piece::Hole)));
        let mentioned = || scene.found.mentioned_by(call);
        let trace = trace.or_else(|| (made && !call.loops.is_empty()).then(mentioned).flatten());
        let Some(trace) = trace else {
            let key = scene.found.key_of(command, call);
            if !is_plain(scene.language) && scene.found.made_anew(call, key).is_some() {
                let confidence = command.confidence.min(Confidence::Medium);
                sink.at(
                    scene,
                    &RULE,
                    call,
                    confidence,
                    RULE.severity,
                    MESSAGE.to_owned(),
                );
            }
            continue;
        };
        let there = scene.origins.elsewhere.meant.contains_key(&command.call);
        if there && trace.amount != Amount::One {
            continue;
        }
        if trace.amount == Amount::One && call.loops.is_empty() && call.function.is_none() {
            continue;
        }
        // StackExchange's KeyDelete is UNLINK where the server knows it.
        let confidence = if scene.language == Language::CSharp && call.name.starts_with("KeyDelete")
        {
            Confidence::Low
        } else {
            scene.given(command, trace).confidence
        };
        sink.at(
            scene,
            &RULE,
            call,
            confidence,
            RULE.severity,
            MESSAGE.to_owned(),
        );
    }
}

/// Languages whose names are not told from their words.
fn is_plain(language: Language) -> bool {
    matches!(language, Language::Shell | Language::Lua)
}

/// `for key in keys { forget(key) }`, where `forget` deletes the key that it is given.
fn through_helpers(scene: &Scene<'_>, sink: &mut Sink) {
    for (at, call) in scene.facts.calls.iter().enumerate() {
        if call.loops.is_empty() {
            continue;
        }
        if let Some((trace, done)) = scene.found.deleted_through(CallId(at)) {
            let mut confidence = scene.given_through(&done, trace);
            if !scene.found.source(trace.source).verb.lists_keys() {
                confidence = confidence.min(done.confidence);
            }
            let message = format!("{} runs DEL, and is called for every key found", call.name);
            sink.at(scene, &RULE, call, confidence, RULE.severity, message);
        }
    }
}

/// `redis-cli --scan | xargs redis-cli del`.
fn piped(scene: &Scene<'_>, sink: &mut Sink) {
    for command in scene
        .commands
        .all
        .iter()
        .filter(|command| scene.language == Language::Shell && command.verb.lists_keys())
    {
        let Some(xargs) = xargs_unsafe::piped_xargs(scene, command.call) else {
            continue;
        };
        let words: Vec<String> = shellwords::Clients::words(xargs)
            .into_iter()
            .flat_map(|word| {
                word.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        let client = words
            .iter()
            .position(|word| scene.commands.shell.runs(word));
        let deletes = client.is_some_and(|at| {
            words[at..]
                .iter()
                .any(|word| word.eq_ignore_ascii_case("del"))
        });
        if deletes {
            let confidence = command.confidence;
            sink.at(
                scene,
                &RULE,
                xargs,
                confidence,
                RULE.severity,
                MESSAGE.to_owned(),
            );
        }
    }
}
