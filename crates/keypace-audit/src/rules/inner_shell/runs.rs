//! Which strings of a file a shell is given: arguments of what runs one, and names that are handed to it.
//! Must not read what the strings say.

use std::collections::HashSet;

use crate::facts::{Call, Expr, Facts, FunctionId, Text};
use crate::language::Language;
use crate::receiver::clients;

/// What a file gives to a shell.
pub(super) struct Runs<'f> {
    facts: &'f Facts,
    /// Names that a call is given which runs a command, with the outermost function around.
    names: HashSet<(Option<FunctionId>, &'f [String])>,
}

impl<'f> Runs<'f> {
    pub(super) fn of(facts: &'f Facts) -> Self {
        let mut names = HashSet::new();
        for call in facts.calls.iter().filter(|call| is_runner(&call.name)) {
            let root = facts.root(call.function);
            for arg in &call.args {
                let parts = match arg {
                    Expr::List(parts) => parts.as_slice(),
                    one => std::slice::from_ref(one),
                };
                names.extend(parts.iter().filter_map(|part| match part {
                    Expr::Path(path) => Some((root, path.as_slice())),
                    _ => None,
                }));
            }
        }
        Self { facts, names }
    }

    /// Whether a string is run: not a doc string, and not a message.
    pub(super) fn has(&self, text: &Text) -> bool {
        let around =
            |call: &&Call| call.span.start <= text.span.start && text.span.end <= call.span.end;
        let mut calls = self.facts.calls.iter().filter(around);
        calls.any(|call| {
            RUNNERS.contains(&call.name.as_str())
                || text.function == call.function && is_runner(&call.name)
        }) || self.is_handed(text)
    }

    /// `line = "redis-cli flushall"`, and then `system(line)`.
    fn is_handed(&self, text: &Text) -> bool {
        let begins = |own: &str| own.trim_start().starts_with("redis-cli ");
        begins(&text.text)
            && self.facts.bindings.iter().any(|own| {
                own.span.start <= text.span.start
                    && text.span.end <= own.span.end
                    && own.targets.iter().any(|target| {
                        let place = self.facts.root(own.function);
                        let named = |root| self.names.contains(&(root, target.as_slice()));
                        named(place) || place.is_none() && self.is_named_anywhere(target)
                    })
            })
    }

    fn is_named_anywhere(&self, target: &[String]) -> bool {
        self.names.iter().any(|(_, name)| *name == target)
    }
}

/// What runs a command, by its name in some language.
pub(super) fn is_runner(name: &str) -> bool {
    const FIRST: &[&str] = &["exec", "run", "spawn", "shell", "popen", "proc", "ssh"];
    RUNNERS.contains(&name)
        || clients::words(name)
            .first()
            .is_some_and(|first| FIRST.contains(&first.as_str()))
}

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
    "popen2",
    "popen2e",
    "popen3",
    "Command",
    "CommandContext",
    "cmd",
    "start",
    "Start",
    "command",
    "local",
    "sudo",
    "getoutput",
    "getstatusoutput",
    "create_subprocess_shell",
    "os_cmd",
    "execute",
    "$",
    "execa",
    "exec_run",
    "arg",
    "ProcessBuilder",
    "ProcessStartInfo",
    "execCommand",
    "script",
    "kubectl",
    "ssh",
    "raw",
    "runCommand",
    "`",
];

/// A string as the shell gets it, as far as what the program fills in goes: `#{host}` and `${host}` are a variable of the
/// same length, and a shell would take the first for a comment.
pub(super) fn without_holes(language: Language, text: &str, filled: bool) -> String {
    let mark = match language {
        Language::Ruby | Language::Elixir => "#{",
        Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Kotlin
            if filled =>
        {
            "${"
        }
        _ => return text.to_owned(),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let (before, hole) = rest.split_at(at);
        out.push_str(before);
        let Some(end) = closing(hole) else {
            rest = hole;
            break;
        };
        out.push('$');
        out.extend(std::iter::repeat_n('x', end - 1));
        rest = &hole[end..];
    }
    out.push_str(rest);
    out
}

/// The bytes up to the brace that closes the first.
fn closing(hole: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in hole.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 1 => return Some(at + 1),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Language, without_holes};

    #[test]
    fn what_is_filled_in_keeps_its_length() {
        let own = |language, text| without_holes(language, text, true);
        assert_eq!(
            own(Language::Ruby, "redis-cli -h #{a.b} 'flushdb'"),
            "redis-cli -h $xxxxx 'flushdb'"
        );
        assert_eq!(own(Language::TypeScript, "a ${f({})} b"), "a $xxxxxxx b");
        assert_eq!(own(Language::Ruby, "a #{b"), "a #{b");
        assert_eq!(own(Language::Python, "a {b}"), "a {b}");
    }
}
