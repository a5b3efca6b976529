//! `giant-multikey`: one command with as many keys as were found.
//! Must not judge batches.

use super::found::Amount;
use super::scene::{Scene, Sink};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::verb::Verb;
use crate::report::Severity;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "giant-multikey",
    severity: Severity::High,
    title: "one MGET, DEL or UNLINK of all keys found",
    why: "A command is run as a whole: a DEL of a million keys holds the server for seconds, an MGET of them builds one \
          answer in the client's output buffer, and clients fail on the size of the call (argument stacks, query buffer). \
          In a cluster keys of several slots are refused.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Python => {
            "cut the list into batches of a few hundred: for batch in batched(keys, 500): r.unlink(*batch)"
        }
        Language::Ruby => {
            "cut the list into batches: keys.each_slice(500) { |batch| redis.unlink(*batch) }"
        }
        Language::Php => {
            "cut the list into batches: foreach (array_chunk($keys, 500) as $batch) { $redis->unlink($batch); }"
        }
        Language::Elixir => "cut the list into batches: Enum.chunk_every(keys, 500)",
        Language::CSharp => "cut the list into batches: keys.Chunk(500)",
        Language::Rust => "cut the list into batches: keys.chunks(500)",
        Language::Shell => "give xargs a bound: xargs -0 -n 500 redis-cli unlink",
        _ => "cut the list into batches of a few hundred keys",
    }
}

/// StackExchange's StringGet is MGET where it is given an array, and so is redis-rs's get.
fn is_array_read(scene: &Scene<'_>, command: &Command) -> bool {
    let name = scene.call(command).name.as_str();
    match scene.language {
        Language::CSharp => name.starts_with("StringGet"),
        Language::Rust => name == "get" && command.verb == Verb::Read,
        _ => false,
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in scene
        .with_likely()
        .filter(|command| command.verb.takes_many() || is_array_read(scene, command))
    {
        let call = scene.call(command);
        // A function of another file that is given a list cuts it as it will.
        if scene.origins.elsewhere.meant.contains_key(&command.call) {
            continue;
        }
        let all = command
            .args
            .iter()
            .filter_map(|arg| scene.found.trace(arg, call.function))
            .max_by_key(|trace| trace.amount);
        if let Some(trace) =
            all.filter(|trace| trace.amount == Amount::All && !scene.found.is_bounded(trace.source))
        {
            let command = &scene.given(command, trace);
            let name = if command.verb.takes_many() {
                command.verb.name()
            } else {
                "MGET"
            };
            let message = format!("one {name} takes every key that was found");
            sink.command(scene, &RULE, command, message);
        }
    }
}
