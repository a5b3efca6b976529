//! `keys-in-lua`: KEYS inside a script that the server runs.
//! Must not look at clients written in Lua: there KEYS is `keys-command`.

use super::scene::{Scene, Sink};
use crate::facts::{Call, Expr, Span};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::verb::Verb;
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "keys-in-lua",
    severity: Severity::High,
    title: "a Lua script runs KEYS inside the server",
    why: "A script holds the server for as long as it runs, and KEYS in it walks the whole keyspace. What the script then \
          does with the answer is done in the same breath, and a limit of Lua's stack makes large answers fail in unpack. \
          In a cluster the script sees one node's keys only.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "walk the keys from the client with SCAN and act on batches, or keep an index set that the script is given as KEYS[n]"
}

/// Whether a scene is a server's script, and not a program that is a client. A client that another file has loaded is
/// called by a colon, the server's own functions never are.
pub(super) fn is_script(scene: &Scene<'_>) -> bool {
    let by_colon = |command: &Command| scene.source(before(scene.call(command))) == ":";
    scene.language == Language::Lua
        && scene.facts.imports.is_empty()
        && !scene.facts.calls.iter().any(|call| call.name == "require")
        && !scene.commands.all.iter().any(by_colon)
}

/// What stands before a call's name.
fn before(call: &Call) -> Span {
    Span {
        start: call.at.start.saturating_sub(1),
        end: call.at.start,
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    if scene.language != Language::Lua {
        return;
    }
    for command in scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb == Verb::Keys)
    {
        let call = scene.call(command);
        let server = matches!(&call.receiver, Some(Expr::Path(path)) if path.as_slice() == ["redis"] || path.as_slice() == ["server"])
            && matches!(call.name.as_str(), "call" | "pcall");
        let bare = is_script(scene)
            && !matches!(&call.receiver, Some(Expr::Path(path)) if path.as_slice() != ["redis"]);
        if server || bare {
            let message =
                "the script runs KEYS, and the server does nothing else until it ends".to_owned();
            sink.at(scene, &RULE, call, Confidence::High, RULE.severity, message);
        }
    }
}
