//! `catch-all-pattern`: `*`, which matches what other programs own.
//! Must not judge scans without a pattern: those say that they mean all.

use super::scene::{Scene, Sink};
use crate::facts::{Call, Expr};
use crate::language::Language;
use crate::receiver::shape::Shape;
use crate::receiver::verb::Verb;
use crate::report::Severity;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "catch-all-pattern",
    severity: Severity::Medium,
    title: "the pattern matches every key of the database",
    why: "A database mostly holds keys of more than one program. A pattern without a prefix takes them all: the answer grows \
          with everything that anyone stores, and what is deleted by it is deleted for all.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "give the keys of this program a prefix, and put it before the *"
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb.lists_keys())
    {
        // Clients whose `keys` has a default take `*`.
        let server = command.verb == Verb::ScanIter && command.known.shape == Shape::Server;
        let bare = (command.verb == Verb::Keys || server)
            && !command.raw
            && !is_of_cache(scene.call(command))
            && command
                .args
                .iter()
                .all(|arg| matches!(arg, Expr::Named(name, _) if name == "target_nodes"));
        let pattern = scene
            .pattern(command)
            .and_then(|pattern| scene.constant(pattern));
        let pattern = if bare { Some("*") } else { pattern };
        let Some(pattern) = pattern else { continue };
        if pattern.contains('*') && pattern.chars().all(|c| matches!(c, '*' | '?')) {
            let message = format!(
                "{} is given a pattern that matches every key",
                command.verb.name()
            );
            sink.command(scene, &RULE, command, message);
        }
    }
}

/// A cache's `keys` has the cache's own prefix.
fn is_of_cache(call: &Call) -> bool {
    matches!(&call.receiver, Some(Expr::Path(path)) if path.last().is_some_and(|last| last.to_ascii_lowercase().contains("cache")))
}
