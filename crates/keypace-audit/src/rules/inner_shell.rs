//! Shell commands inside the strings of other languages: `os.system("redis-cli keys ...")`, `["redis-cli", "KEYS", "*"]`.
//! Must not judge by itself.

mod runs;

use std::collections::HashMap;

use self::runs::{Runs, is_runner, without_holes};
use super::scene::{Host, Sink};
use super::{Subject, judge as judge_all};
use crate::extract;
use crate::facts::{Call, Expr, Facts, Piece, Text, Usage};
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
    if !subject.text.contains("-cli") {
        return;
    }
    let texts = subject
        .facts
        .texts
        .iter()
        .filter(|text| has_client(&text.text));
    let runs = Runs::of(subject.facts);
    for text in texts.take(limits::MAX_INNER_SCRIPTS) {
        if text.text.contains("| xargs") && is_script(&text.text) || runs.has(text) {
            script(subject, text, sink);
        }
    }
    let mut left = limits::MAX_INNER_SCRIPTS;
    for call in &subject.facts.calls {
        words(subject.facts, call, sink);
        joined(subject, call, &mut left, sink);
    }
}

/// `system("redis-cli -h " + host + " flushall")`: no literal of it says all. So many are read as are `left`.
fn joined(subject: &Subject<'_>, call: &Call, left: &mut usize, sink: &mut Sink) {
    if !is_runner(&call.name) {
        return;
    }
    let texts = call.args.iter().filter_map(|arg| match arg {
        Expr::Text(pieces) => Some(pieces.as_slice()),
        _ => None,
    });
    let made = texts.filter(|pieces| pieces.contains(&Piece::Hole));
    let mut lines: Vec<String> = made.map(line_of).collect();
    // Between backquotes each piece is an argument.
    if call.at == call.span && call.args.len() > 1 {
        let pieces = call.args.iter().map(|arg| match arg {
            Expr::Text(pieces) => line_of(pieces),
            _ => HOLE.to_owned(),
        });
        lines.push(pieces.collect());
    }
    for line in lines.iter().filter(|line| is_line(line)) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let mut inner = Sink::default();
        let whole = Host {
            language: Language::Shell,
            base: 0,
            function: call.function,
            inner: true,
        };
        judge_text(subject, line, whole, &mut inner);
        let (start, end) = (call.span.start, call.span.end);
        for hit in inner.hits {
            let told =
                |own: &Hit| own.rule == hit.rule && start <= own.at.start && own.at.end <= end;
            if !sink.hits.iter().any(told) {
                sink.hits.push(Hit {
                    at: call.at,
                    call: call.span,
                    ..hit
                });
            }
        }
    }
}

/// What the program fills in, as a shell would have it.
const HOLE: &str = "$x";

fn line_of(pieces: &[Piece]) -> String {
    let parts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.as_str(),
        Piece::Hole => HOLE,
    });
    parts.collect()
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

/// Whether a line of a shell runs a client: one that begins with it, or with a program that runs others, and no prose.
fn is_line(line: &str) -> bool {
    const RUN_OTHERS: &[&str] = &[
        "sudo", "docker", "podman", "kubectl", "oc", "ssh", "sh", "bash", "env", "timeout",
        "nohup", "time", "exec", "echo", "printf", "cat", "xargs",
    ];
    let begins = |part: &str| {
        let first = part.split_whitespace().next().unwrap_or_default();
        shellwords::is_client(first)
            || first.contains(['$', '=', '/'])
            || RUN_OTHERS.contains(&first)
    };
    line.len() <= limits::MAX_SHELL_LINE_BYTES
        && line
            .split([';', '|', '&', '\n', '(', '`'])
            .any(|part| has_client(part) && begins(part))
}

fn has_client(text: &str) -> bool {
    ["redis-cli ", "valkey-cli ", "keydb-cli "]
        .iter()
        .any(|client| text.contains(client))
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
    let filled = text.text.contains('\u{fffd}');
    let plain = without_holes(subject.facts.language, &plain, filled);
    let host = Host {
        language: Language::Shell,
        base: text.span.start,
        function: text.function,
        inner: true,
    };
    judge_text(subject, &plain, host, sink);
}

fn judge_text(subject: &Subject<'_>, text: &str, host: Host, sink: &mut Sink) {
    let facts = extract::facts(Language::Shell, text);
    let inner = Subject {
        facts: &facts,
        text,
        path: subject.path,
        clients: subject.clients,
    };
    let origins = Origins::of(&facts, text, subject.clients, HashMap::new());
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
    let after = flat[at + 1..].iter().map(|word| argument::literal(word));
    // C# gives all words in one string: `Process.Start("redis-cli", "-n 1 flushdb")`.
    let found = if facts.language == Language::CSharp {
        command_word(after).filter(|word| is_runner(&call.name) && stalls(word))
    } else {
        after
            .flatten()
            .find(|word| !word.starts_with('-') && stalls(word))
    };
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

fn stalls(word: &str) -> bool {
    matches!(
        verb::of_word(word),
        Some(verb::Verb::Keys | verb::Verb::FlushAll | verb::Verb::FlushDb)
    )
}

/// The command among a client's words, which may stand in one string; `None` for a word that is no literal.
fn command_word<'f>(words: impl Iterator<Item = Option<&'f str>>) -> Option<&'f str> {
    let mut is_value = false;
    for part in words.flat_map(|word| {
        let parts = word.map(str::split_whitespace).into_iter().flatten();
        let unknown = word.is_none().then_some(None);
        unknown.into_iter().chain(parts.map(Some))
    }) {
        match part {
            _ if is_value => is_value = false,
            Some(option) if option.starts_with('-') => is_value = shellwords::takes_value(option),
            Some(word) => return Some(word),
            None => {}
        }
    }
    None
}

fn add_words<'f>(args: &'f [Expr], flat: &mut Vec<&'f Expr>) {
    for arg in args {
        match arg {
            Expr::List(list) => flat.extend(list),
            // `new ProcessStartInfo { FileName = "redis-cli", Arguments = "flushall" }`
            Expr::Named(_, inner) => flat.push(inner),
            other => flat.push(other),
        }
    }
}
