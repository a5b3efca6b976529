//! Shell commands inside the strings of other languages: `os.system("redis-cli keys ...")`, `["redis-cli", "KEYS", "*"]`.
//! Must not judge by itself.

use std::collections::HashMap;

use super::scene::{Host, Sink};
use super::{Subject, judge as judge_all};
use crate::extract;
use crate::facts::{Call, Expr, Facts, Text, Usage};
use crate::language::Language;
use crate::limits;
use crate::receiver::origin::Origins;
use crate::receiver::{argument, shellwords, verb};
use crate::report::{Confidence, Hit};

/// Judges every string and every list of words that runs `redis-cli`.
pub(super) fn judge(subject: &Subject<'_>, sink: &mut Sink) {
    if subject.facts.language == Language::Shell {
        return quoted(subject, sink);
    }
    if subject.facts.language == Language::Lua || !subject.text.contains("-cli") {
        return;
    }
    let texts = subject
        .facts
        .texts
        .iter()
        .filter(|text| has_client(&text.text));
    for text in texts.take(limits::MAX_INNER_SCRIPTS) {
        if text.text.contains("| xargs") && is_script(&text.text) || is_run(subject, text) {
            script(subject, text, sink);
        }
    }
    for call in &subject.facts.calls {
        words(subject.facts, call, sink);
    }
}

/// `sh -c 'redis-cli keys "a*" | xargs redis-cli del'`: the client's own words are read with the file, pipes are not.
fn quoted(subject: &Subject<'_>, sink: &mut Sink) {
    let piped = |text: &&Text| has_client(&text.text) && text.text.contains("xargs");
    let texts = subject.facts.texts.iter().filter(piped);
    for text in texts.take(limits::MAX_INNER_SCRIPTS) {
        let mut inner = Sink::default();
        script(subject, text, &mut inner);
        let own = |hit: &Hit| {
            hit.rule == super::xargs_unsafe::RULE.id || hit.rule == super::del_for_bulk::RULE.id
        };
        sink.hits.extend(inner.hits.into_iter().filter(own));
    }
}

/// A text that begins with a client, or lines of a shell among which one does: no prose around it.
fn is_script(text: &str) -> bool {
    let begins = |line: &str| {
        ["redis-cli ", "valkey-cli "]
            .iter()
            .any(|client| line.trim_start().starts_with(client))
    };
    if begins(text) {
        return true;
    }
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = lines()
        .next()
        .is_some_and(|first| first.starts_with("#!") || first.starts_with("set -"));
    told && lines().any(begins)
}

fn has_client(text: &str) -> bool {
    ["redis-cli ", "valkey-cli ", "keydb-cli "]
        .iter()
        .any(|client| text.contains(client))
}

/// A string that is an argument of a call, or bound to a name: not a doc string, and not a message.
fn is_run(subject: &Subject<'_>, text: &Text) -> bool {
    const RUNNERS: &[&str] = &[
        "system",
        "popen",
        "run",
        "call",
        "check_output",
        "check_call",
        "Popen",
        "exec",
        "execSync",
        "spawn",
        "spawnSync",
        "shell_exec",
        "passthru",
        "sh",
        "shell",
        "backtick",
        "bash",
        "capture2e",
        "capture3",
        "capture2",
        "Command",
        "CommandContext",
        "cmd",
        "start",
        "Start",
        "command",
        "local",
        "sudo",
        "getoutput",
        "create_subprocess_shell",
        "os_cmd",
        "execute",
        "$",
        "execa",
        "exec_run",
        "arg",
        "ProcessStartInfo",
        "execCommand",
        "script",
        "kubectl",
        "ssh",
        "raw",
        "runCommand",
        "`",
    ];
    subject.facts.calls.iter().any(|call| {
        call.span.start <= text.span.start
            && text.span.end <= call.span.end
            && RUNNERS.contains(&call.name.as_str())
    })
}

fn script(subject: &Subject<'_>, text: &Text, sink: &mut Sink) {
    let Some(raw) = subject.text.get(text.span.start..text.span.end) else {
        return;
    };
    let plain = raw
        .replace("\\\"", " \"")
        .replace("\\n", " \n")
        .replace("\\'", " '");
    // A shell's own literal comes with its quotes.
    let plain = match raw.strip_prefix('\'') {
        Some(_) => plain.replacen('\'', " ", 1).replace('\'', " "),
        None => plain,
    };
    let facts = extract::facts(Language::Shell, &plain);
    let inner = Subject {
        facts: &facts,
        text: &plain,
        path: subject.path,
        clients: subject.clients,
    };
    let origins = Origins::of(&facts, &plain, subject.clients, HashMap::new());
    let host = Host {
        language: Language::Shell,
        base: text.span.start,
        function: text.function,
        inner: true,
    };
    judge_all(&inner, &origins, host, sink, None);
}

/// `subprocess.run(["redis-cli", "KEYS", "*"])`, `exec.Command("redis-cli", "KEYS", "*")`, and words that are given by the
/// calls after it: `Command::new("redis-cli").args(["KEYS", "*"])`.
fn words(facts: &Facts, call: &Call, sink: &mut Sink) {
    let mut flat: Vec<&Expr> = Vec::new();
    add_words(&call.args, &mut flat);
    let mut usage = &call.usage;
    while let Usage::Receiver(next) = usage {
        let next = &facts.calls[next.0];
        if !matches!(next.name.as_str(), "arg" | "args") {
            break;
        }
        add_words(&next.args, &mut flat);
        usage = &next.usage;
    }
    let Some(at) = flat
        .iter()
        .position(|word| argument::literal(word).is_some_and(shellwords::is_client))
    else {
        return;
    };
    let found = flat[at + 1..]
        .iter()
        .filter_map(|word| argument::literal(word))
        .find(|word| {
            !word.starts_with('-')
                && verb::of_word(word).is_some_and(|verb| {
                    matches!(
                        verb,
                        verb::Verb::Keys | verb::Verb::FlushAll | verb::Verb::FlushDb
                    )
                })
        });
    let Some(found) = found else { return };
    let rule = if found.eq_ignore_ascii_case("keys") {
        &super::keys_command::RULE
    } else {
        &super::flush_command::RULE
    };
    sink.hits.push(Hit {
        rule: rule.id,
        severity: rule.severity,
        confidence: Confidence::High,
        at: call.at,
        call: call.span,
        function: call.function,
        message: format!("redis-cli is run with {}", found.to_ascii_uppercase()),
        fix: (rule.fix)(Language::Shell),
    });
}

fn add_words<'f>(args: &'f [Expr], flat: &mut Vec<&'f Expr>) {
    for arg in args {
        match arg {
            Expr::List(list) => flat.extend(list),
            other => flat.push(other),
        }
    }
}
