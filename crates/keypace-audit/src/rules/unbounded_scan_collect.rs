//! `unbounded-scan-collect`: all that SCAN finds is kept in memory.
//! Must not judge scans that work on what they find and let it go.

use std::collections::BTreeSet;

use super::scene::{Scene, Sink};
use crate::facts::LoopId;
use crate::language::Language;
use crate::report::Severity;
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
}

/// Words of a bound in a loop: `if len(keys) >= limit: break`, `keys.length < max`.
fn has_limit(scene: &Scene<'_>, each: LoopId) -> bool {
    let span = scene.facts.loops[each.0].span;
    scene.source(span).lines().any(|line| {
        let lower = line.to_ascii_lowercase();
        let compares = lower.contains(">=")
            || lower.contains("> ")
            || lower.contains("< ")
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
