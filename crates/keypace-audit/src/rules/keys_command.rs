//! `keys-command`: KEYS, sent by a client.
//! Must not look at Lua scripts: `keys_in_lua` does.

use super::scene::{Scene, Sink};
use crate::language::Language;
use crate::receiver::dialect;
use crate::receiver::verb::Verb;
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "keys-command",
    severity: Severity::High,
    title: "KEYS walks the whole keyspace in one command",
    why: "KEYS compares its pattern with every key of the database before it answers, whatever the pattern is. Redis runs \
          one command at a time, so all other clients wait: about 100 ms for a million keys, seconds for a large server, \
          long enough for health checks to fail over. The answer is also built in memory as a whole.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Python => {
            "iterate with scan_iter(match=pattern, count=500), or keep an index set of the keys"
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            "iterate with scanIterator({ MATCH: pattern, COUNT: 500 }) or scanStream, or keep an index set of the keys"
        }
        Language::Ruby => {
            "iterate with scan_each(match: pattern, count: 500), or keep an index set of the keys"
        }
        Language::Go => {
            "iterate with Scan(ctx, cursor, pattern, 500) until the cursor is 0, or keep an index set of the keys"
        }
        Language::Java | Language::Kotlin => {
            "iterate with scan and ScanOptions or ScanParams (match, count 500), or keep an index set of the keys"
        }
        Language::Php => {
            "iterate with scan($cursor, $pattern, 500) or Predis's Keyspace, or keep an index set of the keys"
        }
        Language::CSharp => {
            "iterate with IServer.KeysAsync(pattern: ..., pageSize: 500), which scans, or keep an index set of the keys"
        }
        Language::Rust => {
            "iterate with scan_match, or with SCAN, MATCH and COUNT, or keep an index set of the keys"
        }
        Language::Elixir => {
            "send SCAN with MATCH and COUNT until the cursor is \"0\", or keep an index set of the keys"
        }
        Language::Lua => {
            "send SCAN with MATCH and COUNT until the cursor is \"0\", or keep an index set of the keys"
        }
        Language::Shell => "use redis-cli --scan --pattern PATTERN --count 500",
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    if super::keys_in_lua::is_script(scene) {
        return;
    }
    for command in scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb == Verb::Keys)
    {
        if super::framework_default_keys::owns(scene, command) {
            continue;
        }
        let call = scene.call(command);
        let confidence = if dialect::is_doubtful(scene.language, &call.name) {
            command.confidence.min(Confidence::Medium)
        } else {
            command.confidence
        };
        let message = "KEYS blocks the server while it walks every key".to_owned();
        sink.at(scene, &RULE, call, confidence, RULE.severity, message);
    }
}
