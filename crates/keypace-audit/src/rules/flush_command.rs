//! `flush-command`: FLUSHALL and FLUSHDB in code.
//! Must not judge the clearing of caches by key.

use super::scene::{Scene, Sink};
use crate::language::Language;
use crate::report::Severity;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "flush-command",
    severity: Severity::High,
    title: "FLUSHALL or FLUSHDB empties a database",
    why: "It deletes every key, also those of other programs on the same server, without asking and without a way back. \
          Without ASYNC the server frees all of it before it answers anyone else.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "delete this program's own keys by their prefix, in batches with UNLINK; if the database has to be emptied, ask first and use ASYNC"
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in &scene.commands.all {
        if command.verb.flushes() {
            let message = format!("{} deletes every key, whoever owns it", command.verb.name());
            sink.command(scene, &RULE, command, message);
        }
    }
}
