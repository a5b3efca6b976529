//! `unscoped-listing`: a pattern of one fixed segment lists what belongs to everybody.
//! Must not judge patterns with an owner in them.

use super::scene::{Scene, Sink, is_aside};
use crate::language::Language;
use crate::receiver::shape::Sure;
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "unscoped-listing",
    severity: Severity::Low,
    title: "the pattern has one fixed segment and no owner",
    why: "`session:*` lists the sessions of all users. What is shown or deleted by it crosses the border between owners, and \
          the list grows with all of them.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "put the owner into the pattern (session:OWNER:*), or keep a set of keys for each owner"
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in scene
        .commands
        .all
        .iter()
        // What another file's function lists for a test is the test's own.
        .filter(|command| {
            command.verb.lists_keys() && !(command.known.sure == Sure::Own && is_aside(scene.path))
        })
        .chain(
            scene
                .found
                .presumed_lists()
                .filter(|_| !is_aside(scene.path)),
        )
    {
        let Some(pattern) = scene
            .pattern(command)
            .and_then(|pattern| scene.constant(pattern))
        else {
            continue;
        };
        if is_one_segment(pattern) {
            let call = scene.call(command);
            // `cart*` may be one program's whole prefix.
            let parted = !pattern
                .trim_end_matches('*')
                .ends_with(char::is_alphanumeric);
            let confidence = if parted {
                command.confidence
            } else {
                command.confidence.min(Confidence::Medium)
            };
            let message = format!("{pattern} lists the keys of every owner");
            sink.at(scene, &RULE, call, confidence, RULE.severity, message);
        }
    }
}

fn is_one_segment(pattern: &str) -> bool {
    let Some(segment) = pattern.strip_suffix('*') else {
        return false;
    };
    let segment = segment.trim_end_matches([':', '.', '/', '|', '#', '-', '_']);
    !segment.is_empty()
        && segment
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}
