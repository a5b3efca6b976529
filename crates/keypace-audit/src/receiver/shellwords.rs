//! `redis-cli` and its kin as commands: options skipped, `docker exec` and `sudo` seen through.
//! Must not know pipes.

use std::collections::HashSet;

use crate::facts::{Call, CallId, Expr, Facts, Usage};
use crate::language::Language;
use crate::receiver::Command;
use crate::receiver::argument;
use crate::receiver::shape::{Known, Shape, Sure};
use crate::receiver::verb::{self, Verb};
use crate::report::Confidence;

/// Options of redis-cli that take a value.
const WITH_VALUE: &[&str] = &[
    "-h",
    "-p",
    "-s",
    "-a",
    "-u",
    "-r",
    "-i",
    "-n",
    "-d",
    "-D",
    "-t",
    "--user",
    "--pass",
    "--sni",
    "--cacert",
    "--cacertdir",
    "--cert",
    "--key",
    "--tls-ciphers",
    "--eval",
    "--pattern",
    "--count",
    "--type",
    "--quoted-pattern",
    "--functions-rdb",
    "--rdb",
    "--memkeys-samples",
    "--askpass",
    "--show-pushes",
    "-X",
    "--tls-ciphersuites",
];

/// Whether the word behind an option is its value.
pub(crate) fn takes_value(option: &str) -> bool {
    WITH_VALUE.contains(&option)
}

/// The words of a file that stand for a client: `RC="redis-cli -h db"`, `CLI=(redis-cli -p 1)`, and functions that hand
/// on all that they are given.
#[derive(Debug, Default)]
pub(crate) struct Clients(HashSet<String>);

impl Clients {
    pub(super) fn of(facts: &Facts) -> Self {
        let mut names = HashSet::new();
        if facts.language != Language::Shell {
            return Self(names);
        }
        for binding in &facts.bindings {
            let line = match &binding.value {
                Expr::List(items) => items.iter().map(word).collect::<Vec<_>>().join(" "),
                value => argument::shape(value).unwrap_or_default(),
            };
            if let Some([name]) = binding.targets.first().map(Vec::as_slice)
                && line.split_whitespace().any(is_client)
            {
                names.insert(name.clone());
            }
        }
        for call in &facts.calls {
            let words: Vec<String> = call.args.iter().map(word).collect();
            if call.name == "alias" {
                let told = words.iter().filter_map(|word| word.split_once('='));
                let told = told.filter(|(_, line)| line.split_whitespace().any(is_client));
                names.extend(told.map(|(name, _)| name.to_owned()));
            }
            let client = is_client(&call.name) || names.contains(&call.name);
            let all = words.iter().any(|word| word == "$@" || word == "$*");
            let own = call.function.and_then(|id| facts.functions.get(id.0));
            if let Some(own) = own.filter(|_| all)
                && (client || words.iter().any(|word| is_client(word)))
            {
                names.insert(own.name.clone());
            }
        }
        Self(names)
    }

    /// Whether a word runs a client: `redis-cli`, `$RC`, `${CLI[@]}`.
    pub(crate) fn runs(&self, program: &str) -> bool {
        is_client(program) || self.0.contains(program.trim_start_matches('$'))
    }

    /// The words of a command as the shell sees them: a variable as `$NAME`.
    pub(crate) fn words(call: &Call) -> Vec<String> {
        call.args.iter().map(word).collect()
    }

    /// The command of a call of redis-cli, also behind other programs.
    pub(super) fn command(&self, facts: &Facts, id: CallId) -> Option<Command> {
        let call = &facts.calls[id.0];
        let words = Self::words(call);
        if self.runs(&call.name) {
            return of_words(id, &words, &call.args);
        }
        behind(self, facts, id, &words)
    }
}

/// The command of a client that another program runs.
fn behind(clients: &Clients, facts: &Facts, id: CallId, words: &[String]) -> Option<Command> {
    let call = &facts.calls[id.0];
    if matches!(call.name.as_str(), "echo" | "printf") {
        return fed(clients, facts, id, words);
    }
    // `docker exec cache redis-cli KEYS '*'`, `sudo -u redis redis-cli ...`; what xargs runs belongs to a rule of its own.
    if matches!(
        call.name.as_str(),
        "xargs"
            | "grep"
            | "which"
            | "apt-get"
            | "apk"
            | "yum"
            | "brew"
            | "cat"
            | "pgrep"
            | "command"
            | "alias"
    ) {
        return None;
    }
    let inside = words.iter().find(|word| {
        word.split_once(' ')
            .is_some_and(|(first, _)| is_client(first))
    });
    if let Some(line) = inside {
        let own: Vec<String> = line
            .split_whitespace()
            .skip(1)
            .map(|word| word.trim_matches(['\'', '"']).to_owned())
            .collect();
        return of_words(id, &own, &[]);
    }
    let behind = words.iter().position(|word| clients.runs(word))?;
    of_words(id, &words[behind + 1..], &call.args[behind + 1..])
}

/// Whether a program is a Redis client.
pub(crate) fn is_client(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let plain = name
        .trim_start_matches('$')
        .trim_matches(['{', '}', '"'])
        .to_ascii_lowercase()
        .replace(['-', '_'], "");
    matches!(
        plain.as_str(),
        "rediscli" | "valkeycli" | "keydbcli" | "rcli"
    ) || (plain.ends_with("rediscli") || plain.starts_with("rediscli"))
        && !plain.contains('.')
        && !plain.contains(' ')
}

/// A word as the shell would pass it, holes as `\u{fffd}`.
fn word(expr: &Expr) -> String {
    match expr {
        Expr::Path(path) => format!("${}", path.join(".")),
        Expr::Number(number) => number.clone(),
        other => argument::shape(other).unwrap_or_else(|| "\u{fffd}".to_owned()),
    }
}

fn of_words(id: CallId, words: &[String], exprs: &[Expr]) -> Option<Command> {
    let mut at = 0;
    let mut scan = false;
    let mut args = Vec::new();
    let mut verb = None;
    while let Some(word) = words.get(at) {
        if verb.is_none() && word.starts_with('-') {
            scan |= word == "--scan";
            if matches!(
                word.as_str(),
                "--bigkeys" | "--memkeys" | "--hotkeys" | "--latency" | "--stat" | "--pipe"
            ) {
                return None;
            }
            let takes = WITH_VALUE.contains(&word.as_str());
            if takes && matches!(word.as_str(), "--pattern" | "--count" | "--type") {
                let value = words.get(at + 1).cloned().unwrap_or_default();
                args.push(Expr::Named(
                    if word == "--pattern" {
                        "match".to_owned()
                    } else {
                        word.trim_start_matches('-').to_owned()
                    },
                    Box::new(Expr::Text(vec![crate::facts::Piece::Text(value)])),
                ));
            }
            at += if takes { 2 } else { 1 };
            continue;
        }
        if verb.is_none() && !scan {
            // A variable may hold options: `redis-cli $OPTS keys '*'`.
            let first = word.split_whitespace().next().unwrap_or_default();
            // So is a number the value of an option that isn't known here.
            let number = word.bytes().all(|b| b.is_ascii_digit());
            if word.starts_with('$') || word.starts_with('\u{fffd}') || number {
                at += 1;
                continue;
            }
            verb = Some(verb::of_word(first)?);
            args.extend(word.split_whitespace().skip(1).map(text));
        } else {
            args.push(exprs.get(at).cloned().unwrap_or_else(|| text(word)));
        }
        at += 1;
    }
    let verb = if scan { Verb::ScanIter } else { verb? };
    let known = Known {
        sure: Sure::Resolved,
        shape: Shape::Client,
        cluster: false,
    };
    Some(Command {
        call: id,
        verb,
        confidence: Confidence::High,
        known,
        args,
        raw: true,
    })
}

/// `echo "KEYS *" | redis-cli`.
fn fed(clients: &Clients, facts: &Facts, id: CallId, words: &[String]) -> Option<Command> {
    let Usage::Piped(next) = facts.calls[id.0].usage else {
        return None;
    };
    if !clients.runs(&facts.calls[next.0].name) {
        return None;
    }
    let line = words.iter().find(|word| !word.starts_with('-'))?;
    let own: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    of_words(id, &own, &[])
}

fn text(word: &(impl AsRef<str> + ?Sized)) -> Expr {
    Expr::Text(vec![crate::facts::Piece::Text(word.as_ref().to_owned())])
}
