//! `xargs-unsafe`: names of keys, handed to xargs as words of a shell.
//! Must not judge xargs that is told how names end.

use super::scene::{Scene, Sink};
use crate::facts::{Call, CallId, Usage};
use crate::language::Language;
use crate::receiver::argument;
use crate::receiver::shellwords::{self, Clients};
use crate::receiver::verb::{self, Verb};
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "xargs-unsafe",
    severity: Severity::High,
    title: "keys go through xargs as words of a shell",
    why: "xargs splits at blanks and reads quotes and backslashes: a key `user 1` becomes two, of which neither was meant, and \
          one with a quote ends the run. A list of keys without a bound also becomes giant commands.",
    fix,
};

fn fix(_language: Language) -> &'static str {
    "end names with a zero byte and bound the batch: redis-cli --scan --pattern P | tr '\\n' '\\0' | xargs -0 -n 500 redis-cli unlink"
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    if scene.language != Language::Shell {
        return;
    }
    for command in scene
        .commands
        .all
        .iter()
        .filter(|command| command.verb.lists_keys())
    {
        let Some(xargs) = piped_xargs(scene, command.call) else {
            continue;
        };
        if is_told(scene, xargs) || !runs_client(scene, xargs) {
            continue;
        }
        let severity = if command.verb == Verb::Keys {
            RULE.severity
        } else {
            Severity::Medium
        };
        let message = "xargs takes keys apart at blanks and quotes".to_owned();
        sink.at(scene, &RULE, xargs, Confidence::High, severity, message);
    }
}

/// The xargs at some later place of the pipe.
pub(super) fn piped_xargs<'s>(scene: &'s Scene<'_>, from: CallId) -> Option<&'s Call> {
    let mut at = from;
    for _ in 0..crate::limits::MAX_FLOW_STEPS {
        let Usage::Piped(next) = scene.facts.calls[at.0].usage else {
            return None;
        };
        let call = &scene.facts.calls[next.0];
        if call.name == "xargs"
            || call.name == "parallel"
            || call
                .args
                .iter()
                .any(|arg| argument::literal(arg) == Some("xargs"))
        {
            return Some(call);
        }
        at = next;
    }
    None
}

/// The command that xargs runs a client with: `xargs -n 1 redis-cli get`, `xargs -I{} sh -c 'redis-cli get {}'`.
pub(super) fn run_by(scene: &Scene<'_>, xargs: &Call) -> Option<Verb> {
    let words = Clients::words(xargs);
    let words: Vec<&str> = words
        .iter()
        .flat_map(|word| word.split_whitespace())
        .collect();
    let client = words
        .iter()
        .position(|word| scene.commands.shell.runs(word))?;
    let mut after = words[client + 1..].iter();
    after.find_map(|word| verb::of_word(word))
}

/// Whether xargs begins a command for each key.
pub(super) fn one_by_one(xargs: &Call) -> bool {
    const ONE: &[&str] = &[
        "-n 1 ",
        "-n1 ",
        "-L 1 ",
        "-L1 ",
        "-I",
        "-i ",
        "--max-args=1 ",
        "--max-args 1 ",
        "--replace",
    ];
    const MANY: &[&str] = &["-X", "-m ", "-N", "-n "];
    let words = Clients::words(xargs).join(" ");
    let has = |options: &[&str]| options.iter().any(|option| words.contains(option));
    has(ONE) || xargs.name == "parallel" && !has(MANY)
}

/// `-0`, `-d '\n'`.
fn is_told(scene: &Scene<'_>, xargs: &Call) -> bool {
    let line = scene.source(xargs.span);
    xargs
        .args
        .iter()
        .filter_map(argument::shape)
        .take_while(|word| !shellwords::is_client(word))
        .any(|word| {
            word == "--null"
                || word.starts_with("--delimiter")
                || (word.starts_with('-')
                    && !word.starts_with("--")
                    && word.contains(['0', 'd'])
                    && !word.starts_with("-n")
                    && !word.starts_with("-P")
                    && !word.starts_with("-L"))
        })
        || line.contains("-0 ")
}

fn runs_client(scene: &Scene<'_>, xargs: &Call) -> bool {
    Clients::words(xargs).iter().any(|word| {
        scene.commands.shell.runs(word) || word.split_whitespace().any(shellwords::is_client)
    })
}
