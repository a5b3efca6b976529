//! `unbounded-scan-collect`: all that SCAN finds is kept in memory.
//! Must not judge scans that work on what they find and let it go.

use std::collections::BTreeSet;

use super::scene::{Scene, Sink};
use crate::facts::{CallId, LoopId};
use crate::language::Language;
use crate::receiver::clients;
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "unbounded-scan-collect",
    severity: Severity::Medium,
    title: "everything that a scan finds is gathered without a limit",
    why: "SCAN spares the server, but a list of every match grows with the keyspace: the program's memory, the time until \
          the first result, and mostly one giant command made of that list in the end.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Shell => {
            "pipe redis-cli --scan into a loop that works on a batch at a time, and keep no list"
        }
        _ => {
            "work on each batch as it comes and let it go, or stop at a limit and hand the cursor back"
        }
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    let mut told = BTreeSet::new();
    for (&source, &each) in &scene.found.collected {
        if scene.found.is_bounded(source) || each.is_some_and(|each| has_limit(scene, each)) {
            continue;
        }
        let command = &scene.found.told(source);
        // Whose step it is, says the file that makes it.
        let there = scene.origins.elsewhere.meant.contains_key(&command.call);
        if there && scene.commands.at(command.call).is_none() {
            continue;
        }
        if scene
            .call(command)
            .loops
            .iter()
            .any(|each| has_limit(scene, *each))
        {
            continue;
        }
        let around = scene.call(command).function;
        if scene.call(command).loops.is_empty()
            && scene.found.is_recursive(around)
            && around.is_some_and(|id| bounds(scene.source(scene.facts.functions[id.0].span)))
        {
            continue;
        }
        let streamed = command.verb.iterates() && scene.call(command).name.ends_with("Stream");
        if streamed
            && around.is_some_and(|id| stops(scene.source(scene.facts.functions[id.0].span)))
        {
            continue;
        }
        if !told.insert(command.call) {
            continue;
        }
        sink.command(
            scene,
            &RULE,
            command,
            "all keys that match are gathered, without a limit".to_owned(),
        );
    }
    by_words(scene, sink);
}

/// A call that says by a word what is scanned: `walk(0, [], "SCAN", pattern)`.
fn by_words(scene: &Scene<'_>, sink: &mut Sink) {
    for (at, call) in scene.facts.calls.iter().enumerate() {
        if scene.commands.at(CallId(at)).is_some() {
            continue;
        }
        let Some(walk) = scene.found.gathers_by_word(call) else {
            continue;
        };
        if bounds(scene.source(scene.facts.functions[walk.0].span)) {
            continue;
        }
        let confidence = if scene.origins.library || scene.origins.speaks {
            Confidence::High
        } else {
            Confidence::Medium
        };
        let message = "all keys that match are gathered, without a limit".to_owned();
        sink.at(scene, &RULE, call, confidence, RULE.severity, message);
    }
}

/// A bound in a loop: `if len(keys) >= limit: break`, `keys.length < max`.
fn has_limit(scene: &Scene<'_>, each: LoopId) -> bool {
    let text = scene.source(scene.facts.loops[each.0].span);
    bounds(text) || has_words(text)
}

/// A stream that is ended when there is enough: `if (all.length >= wanted) { stream.destroy(); }`.
fn stops(text: &str) -> bool {
    const ENDS: &[&str] = &[".destroy(", ".close(", ".abort("];
    const LINES: usize = 4;
    let lines: Vec<&str> = text.lines().collect();
    let measured = |line: &&str| {
        let sides = line.split_once(">=").or_else(|| line.split_once(" > "));
        sides.is_some_and(|(left, right)| {
            let left = left.trim_end();
            let counted = left.ends_with(".length") || left.ends_with(".size");
            counted && !right.trim_start().starts_with('0')
        })
    };
    let ends = |line: &&str| ENDS.iter().any(|end| line.contains(end));
    let mut at = lines.iter().enumerate().filter(|(_, line)| measured(line));
    at.any(|(at, _)| lines[at..].iter().take(LINES).any(ends))
}

/// What was gathered, or a count of it, is compared with a name, and the walk ends there: `all.size >= wanted`,
/// `if (seen >= end) { break; }`.
fn bounds(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut line = lines.next();
    while let Some(own) = line {
        let next = lines.next();
        let ends = |line: &str| line.contains("break") || line.contains("return");
        let ended = || ends(own) || next.is_some_and(ends);
        let compared = [">=", " > ", "==="].iter().any(|sign| {
            own.split_once(sign)
                .is_some_and(|(left, right)| is_measured(left, right, sign))
        });
        if compared && ended() {
            return true;
        }
        line = next;
    }
    false
}

/// A count on the left, a name or a number on the right.
fn is_measured(left: &str, right: &str, sign: &str) -> bool {
    const COUNTED: &[&str] = &[".size", ".size()", ".length", ".count", ".Count", "count"];
    const COUNTS: &[&str] = &[
        "index", "count", "counter", "total", "seen", "found", "read",
    ];
    let left = left.trim_end();
    let right = right.trim_start();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    let named = right.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'));
    let to: String = right.chars().take_while(|c| is_part(*c)).collect();
    let of = left
        .rsplit(|c: char| !is_part(c))
        .next()
        .unwrap_or_default();
    let words = clients::words(of);
    let counts = words
        .last()
        .is_some_and(|last| COUNTS.contains(&last.as_str()));
    let measured = COUNTED.iter().any(|end| left.ends_with(end))
        || left.ends_with(')')
            && ["len(", "count(", "sizeof("]
                .iter()
                .any(|word| left.contains(word))
            && !left.contains(" in ");
    let other = COUNTED.iter().any(|end| to.ends_with(end));
    // `len(names) > 0` only asks whether there is one.
    let number = to.replace('_', "").parse::<u64>().is_ok_and(|to| to > 1);
    number && measured || named && !other && (measured || counts && sign != "===")
}

/// A line without the signs that compare nothing: arrows, and `<K, V>` behind a type.
fn without_types(line: &str) -> String {
    let line = line.replace("=>", "").replace("->", "");
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let typed = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'));
        let inner = |c: char| c.is_alphanumeric() || " _,.?[]<>:&'".contains(c);
        match after.find(|c| !inner(c)).unwrap_or(after.len()) {
            end if typed && after[..end].contains('>') => {
                let close = after[..end].rfind('>').unwrap_or_default();
                rest = &after[close + 1..];
            }
            _ => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Words of a bound.
fn has_words(text: &str) -> bool {
    text.lines().any(|line| {
        // `x -> ...` and `while (cursor !== "0")` compare nothing with a bound.
        let lower = without_types(line).to_ascii_lowercase().replace("!==", " ");
        let compares = lower.contains(">=")
            || lower.contains(" > ")
            || lower.contains(" < ")
            || lower.contains("<=")
            || lower.contains("==")
            || lower.contains("-ge")
            || lower.contains("-gt");
        let counts = [
            "len(",
            ".length",
            ".size",
            ".count",
            "count(",
            "strlen",
            "table.getn",
            "#keys",
            "#result",
            "${#",
        ]
        .iter()
        .any(|word| lower.contains(word));
        let bound = [
            "limit",
            "max",
            "batch",
            "chunk",
            "page_size",
            "pagesize",
            "500",
            "1000",
            "100",
        ]
        .iter()
        .any(|word| lower.contains(word));
        compares && bound && (counts || lower.contains("limit") || lower.contains("max"))
    })
}
