//! Lua scripts inside the strings of other languages: found by what they call, read as Lua, judged by all rules.
//! Must not judge by itself.

use std::collections::HashMap;

use super::scene::{Host, Sink};
use super::{Subject, judge as judge_all};
use crate::extract;
use crate::language::Language;
use crate::limits;
use crate::receiver::origin::Origins;

/// Judges every string that calls the server.
pub(super) fn judge(subject: &Subject<'_>, sink: &mut Sink) {
    let scripts = subject
        .facts
        .texts
        .iter()
        .filter(|text| is_script(&text.text));
    for text in scripts.take(limits::MAX_INNER_SCRIPTS) {
        let Some(raw) = subject.text.get(text.span.start..text.span.end) else {
            continue;
        };
        let verbatim = subject.text.get(..text.span.start).is_some_and(is_verbatim);
        let script = if verbatim {
            // Doubled quotes are C#'s escape in `@"..."`.
            raw.replace("\"\"", " \"")
        } else if subject.facts.language == Language::Shell {
            without_quotes(&unescaped(raw))
        } else {
            unescaped(raw)
        };
        let facts = extract::facts(Language::Lua, &script);
        let inner = Subject {
            facts: &facts,
            text: &script,
            path: subject.path,
            clients: subject.clients,
        };
        let origins = Origins::of(&facts, &script, subject.clients, HashMap::new());
        let host = Host {
            language: subject.facts.language,
            base: text.span.start,
            function: text.function,
            inner: true,
        };
        judge_all(&inner, &origins, host, sink, None);
    }
}

/// Whether what stands before a string's content begins one of C#'s that knows no backslash.
fn is_verbatim(before: &str) -> bool {
    before.ends_with("@\"") || before.ends_with("@$\"")
}

/// A shell's literal comes with its single quotes.
fn without_quotes(raw: &str) -> String {
    let inner = raw
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inner.map_or_else(|| raw.to_owned(), |inner| format!(" {inner} "))
}

/// Whether a string calls the server as scripts do.
fn is_script(text: &str) -> bool {
    ["redis.call", "redis.pcall", "server.call"]
        .iter()
        .any(|call| text.contains(call))
}

/// The script with escapes read, byte for byte at the same places, so that lines of the file stay right.
fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('n') => {
                chars.next();
                out.push_str(" \n");
            }
            Some('t' | 'r') => {
                chars.next();
                out.push_str("  ");
            }
            Some(&quote @ ('"' | '\'' | '`')) => {
                chars.next();
                out.push(' ');
                out.push(quote);
            }
            // A line that ends in a backslash goes on: the break stays, and does no harm to Lua.
            Some('\n') => out.push(' '),
            _ => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escapes_are_read_and_keep_their_places() {
        let raw = r#"return redis.call(\"KEYS\", ARGV[1])\nlocal a"#;
        let script = unescaped(raw);
        assert_eq!(script.len(), raw.len());
        assert!(
            script.contains(r#"call( "KEYS ", ARGV"#) || script.contains(r#"( "KEYS "#),
            "{script}"
        );
        assert!(script.contains(" \nlocal a"));
    }
}
