//! What an audit of source trees found, as lines that an inspection can join with a server's logs: which command, which
//! pattern of keys. Reads the texts of lines; judges nothing.

use std::path::PathBuf;

use keypace::SourceLine;
use keypace_audit::{Audit, Finding, Options};

use super::audit::halt;
use crate::exit::Halt;

/// The lines of these trees that the auditor found and that name keys in a literal.
pub(super) fn lines(paths: &[PathBuf]) -> Result<Vec<SourceLine>, Halt> {
    let report = Audit::new(Options::default()).run(paths);
    let report = report.map_err(|error| halt(&error))?;
    Ok(report.findings.iter().filter_map(line).collect())
}

fn line(finding: &Finding) -> Option<SourceLine> {
    let excerpt = &finding.excerpt;
    let call: String = excerpt.text.chars().skip(excerpt.from).collect();
    Some(SourceLine {
        command: command(finding.rule).map(str::to_owned),
        pattern: pattern(&call)?,
        file: finding.file.clone(),
        line: finding.line as u64,
    })
}

/// The command that a rule is about, where that is one.
fn command(rule: &str) -> Option<&'static str> {
    match rule {
        "keys-command" => Some("KEYS"),
        _ if rule.contains("scan") => Some("SCAN"),
        _ => None,
    }
}

/// The pattern in the first literal of a call, with a star for whatever is filled in. `None` where there is no literal.
fn pattern(call: &str) -> Option<String> {
    let begin = call.find(['"', '\'', '`'])?;
    let quote = call[begin..].chars().next()?;
    let inner = &call[begin + quote.len_utf8()..];
    let end = inner.find(quote)?;
    let mut pattern = filled(&inner[..end]);
    let behind = inner[end + quote.len_utf8()..].trim_start();
    // Something is appended: how the languages write that.
    if ["+", ".", "<>", "||", "&"]
        .iter()
        .any(|sign| behind.starts_with(sign))
        && !pattern.ends_with('*')
    {
        pattern.push('*');
    }
    (!pattern.is_empty()).then_some(pattern)
}

/// Placeholders as stars: `{id}`, `${id}`, `#{id}`, `%s`, `%05d`.
fn filled(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        let (shown, left) = match first {
            '$' | '#' if behind.starts_with('{') => star_to(behind, first),
            '{' => star_to(rest, first),
            '%' => {
                let width = behind.trim_start_matches(|c: char| c.is_ascii_digit());
                match width.chars().next() {
                    Some('s' | 'd' | 'v' | 'i' | 'x' | 'u') => ('*', &width[1..]),
                    _ => ('%', behind),
                }
            }
            other => (other, behind),
        };
        text.push(shown);
        rest = left;
    }
    text
}

/// A star for all up to the brace that closes; the character itself where none does.
fn star_to(braced: &str, otherwise: char) -> (char, &str) {
    match braced.find('}') {
        Some(end) => ('*', &braced[end + 1..]),
        None => (otherwise, braced.strip_prefix(otherwise).unwrap_or(braced)),
    }
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn literals_are_patterns() {
        for (call, expected) in [
            ("keys('session:*')", Some("session:*")),
            ("keys(f\"session:{user.id}:cart\")", Some("session:*:cart")),
            ("keys(`session:${id}:*`)", Some("session:*:*")),
            ("keys(\"session:#{id}\")", Some("session:*")),
            (
                "Keys(ctx, fmt.Sprintf(\"session:%d:%s\", id, x))",
                Some("session:*:*"),
            ),
            ("keys(\"session:\" + id)", Some("session:*")),
            ("keys('session:*' + id)", Some("session:*")),
            ("keys('100%')", Some("100%")),
            ("keys('open{')", Some("open{")),
            ("keys('$')", Some("$")),
            ("keys(pattern)", None),
            ("keys('')", None),
            ("keys('torn", None),
            ("", None),
        ] {
            assert_eq!(pattern(call).as_deref(), expected, "{call}");
        }
    }
}
