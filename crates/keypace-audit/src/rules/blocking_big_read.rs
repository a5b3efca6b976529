//! `blocking-big-read`: whole hashes, sets and lists of whatever a scan found.
//! Must not judge reads of keys that the program names itself.

use std::collections::HashSet;

use super::scene::{Scene, Sink};
use super::xargs_unsafe;
use crate::facts::CallId;
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::shape::Shape;
use crate::receiver::verb::Verb;
use crate::report::Severity;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "blocking-big-read",
    severity: Severity::Medium,
    title: "a whole hash, set or list of a key that a scan found",
    why: "HGETALL, SMEMBERS and LRANGE 0 -1 take as long as the value is large, and nobody has looked how large the values \
          are that a scan finds: one with a million members holds the server and fills the client's output buffer.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "ask HLEN, SCARD or LLEN first, and read what is large with HSCAN, SSCAN or LRANGE in pages"
}

/// `redis-cli --scan | xargs -n 1 redis-cli smembers`.
fn piped(scene: &Scene<'_>, sink: &mut Sink) {
    let finds = |own: &&Command| scene.language == Language::Shell && own.verb.lists_keys();
    for command in scene.commands.all.iter().filter(finds) {
        let Some(xargs) = xargs_unsafe::piped_xargs(scene, command.call) else {
            continue;
        };
        let verb = match xargs_unsafe::run_by(scene, xargs) {
            Some(verb @ (Verb::HGetAll | Verb::SMembers)) => verb,
            Some(Verb::Range) if scene.source(xargs.span).contains(" 0 -1") => Verb::Range,
            _ => continue,
        };
        let message = format!(
            "{} reads all of a value whose size nobody has asked",
            verb.name()
        );
        sink.at(
            scene,
            &RULE,
            xargs,
            command.confidence,
            RULE.severity,
            message,
        );
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    piped(scene, sink);
    through_helpers(scene, sink);
    for command in &scene.commands.all {
        let whole = match command.verb {
            Verb::HGetAll | Verb::SMembers => true,
            Verb::Range => is_whole_range(scene, command),
            _ => false,
        };
        let queued = scene.language == Language::Go && scene.call(command).name == "Send";
        if !whole
            || queued
            || command.known.shape == Shape::Module && scene.language != Language::Php
        {
            continue;
        }
        let call = scene.call(command);
        let key = command.args.first();
        let trace = key
            .and_then(|key| scene.found.trace(key, call.function))
            .filter(|trace| scene.found.source(trace.source).verb.lists_keys());
        let of_found =
            trace.is_some() || scene.language == Language::Shell && scene.found.mentions(call);
        if of_found {
            let message = format!(
                "{} reads all of a value whose size nobody has asked",
                command.verb.name()
            );
            let command = trace.map_or_else(|| command.clone(), |own| scene.given(command, own));
            sink.command(scene, &RULE, &command, message);
        }
    }
}

/// `for key in keys { copy(key) }`, where `copy` reads all that the key holds.
fn through_helpers(scene: &Scene<'_>, sink: &mut Sink) {
    let mut told = HashSet::new();
    for (at, call) in scene.facts.calls.iter().enumerate() {
        if call.loops.is_empty() {
            continue;
        }
        let Some((trace, read)) = scene.found.read_through(CallId(at)) else {
            continue;
        };
        let whole = matches!(read.verb, Verb::HGetAll | Verb::SMembers)
            || read.verb == Verb::Range && is_whole_range(scene, &read);
        let listed = scene.found.source(trace.source).verb.lists_keys();
        if whole && listed && told.insert(read.call) {
            let read = scene.given(&read, trace);
            let name = read.verb.name();
            let message = format!("{name} reads all of a value whose size nobody has asked");
            sink.command(scene, &RULE, &read, message);
        }
    }
}

/// `0, -1`.
fn is_whole_range(scene: &Scene<'_>, command: &Command) -> bool {
    let text = scene.source(scene.call(command).span);
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | 'L'))
        .collect();
    plain.contains("0,-1") || text.contains("0 -1")
}
