//! A report as a compiler would print it, and its sums. Rules, listed and explained.
//! Must not know whether a terminal can show colours: it is told.

use std::fmt::Write as _;
use std::iter;

use crate::language::Language;
use crate::report::{Confidence, Finding, Report, Severity};
use crate::rule::Rule;
use crate::rules::all;

/// Whether a text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// None.
    Plain,
    /// Those of ANSI terminals.
    Colour,
}

/// All findings, in the order of their places, each with its line, and then the sums; in pieces.
pub fn text(report: &Report, ink: Ink) -> impl Iterator<Item = String> {
    let each = report.findings.chunks(super::PIECE).map(move |group| {
        let mut out = String::new();
        for finding in group {
            one(&mut out, finding, ink);
            out.push('\n');
        }
        out
    });
    each.chain(iter::once_with(move || summary(report, ink)))
}

fn one(out: &mut String, finding: &Finding, ink: Ink) {
    let level = match finding.severity {
        Severity::High => ink.paint("1;31", &format!("error[{}]", finding.rule)),
        Severity::Medium => ink.paint("1;33", &format!("warning[{}]", finding.rule)),
        Severity::Low => ink.paint("1;36", &format!("note[{}]", finding.rule)),
    };
    let number = finding.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = ink.paint("1;34", "|");
    let excerpt = &finding.excerpt;
    let mark = format!("{}{}", " ".repeat(excerpt.from), "^".repeat(excerpt.width));
    let _ = writeln!(out, "{level}: {}", ink.paint("1", &finding.message));
    let arrow = ink.paint("1;34", "-->");
    let file = shown(&finding.file);
    let _ = writeln!(
        out,
        "{gutter}{arrow} {file}:{}:{}",
        finding.line, finding.column
    );
    let _ = writeln!(out, "{gutter} {bar}");
    let _ = writeln!(out, "{} {bar} {}", ink.paint("1;34", &number), excerpt.text);
    let _ = writeln!(out, "{gutter} {bar} {}", ink.paint("1;31", &mark));
    let _ = writeln!(out, "{gutter} = fix: {}", finding.fix);
    if finding.confidence < Confidence::High {
        let _ = writeln!(out, "{gutter} = confidence: {}", finding.confidence);
    }
}

/// A name that a terminal can show.
fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    name.chars().map(plain).collect()
}

/// What was found and read: by rule, and by repository where there are several.
fn summary(report: &Report, ink: Ink) -> String {
    let mut out = String::new();
    let by_rule = report.by_rule();
    if !by_rule.is_empty() {
        let _ = writeln!(out, "{}", ink.paint("1", "by rule"));
        let width = by_rule
            .iter()
            .map(|(rule, ..)| rule.len())
            .max()
            .unwrap_or(0);
        for (rule, severity, count) in by_rule {
            let _ = writeln!(out, "  {rule:width$}  {severity:<6}  {count:>6}");
        }
    }
    let by_repository = report.by_repository();
    if by_repository.len() > 1 {
        let _ = writeln!(out, "{}", ink.paint("1", "by repository"));
        let lengths = by_repository.iter().map(|(name, _)| name.chars().count());
        let width = lengths.max().unwrap_or(0);
        for (name, count) in by_repository {
            let _ = writeln!(out, "  {:width$}  {count:>6}", shown(name));
        }
    }
    let of = |severity: Severity| {
        let own = report
            .findings
            .iter()
            .filter(|own| own.severity == severity);
        own.count()
    };
    let _ = write!(
        out,
        "{} in {} files, {} lines: {} high, {} medium, {} low",
        plural(report.findings.len() as u64, "finding"),
        grouped(report.files),
        grouped(report.lines),
        of(Severity::High),
        of(Severity::Medium),
        of(Severity::Low),
    );
    if report.allowed > 0 {
        let _ = write!(out, "; {} allowed by comments", grouped(report.allowed));
    }
    if report.known > 0 {
        let _ = write!(out, "; {} known to the baseline", grouped(report.known));
    }
    if report.unread > 0 {
        let _ = write!(out, "; {} could not be read", grouped(report.unread));
    }
    out.push('\n');
    out
}

/// Every rule on a line.
#[must_use]
pub fn list() -> String {
    let mut out = String::new();
    let width = all().iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in all() {
        let _ = writeln!(
            out,
            "{:width$}  {:<6}  {}",
            rule.id, rule.severity, rule.title
        );
    }
    out
}

/// What a rule is about, and how to mend it in each language.
#[must_use]
pub fn explain(rule: &Rule, ink: Ink) -> String {
    let mut out = String::new();
    let heading = ink.paint("1", &format!("{} ({})", rule.id, rule.severity));
    let _ = writeln!(out, "{heading}: {}\n\n{}\n", rule.title, rule.why);
    let _ = writeln!(out, "{}", ink.paint("1", "What to write instead"));
    let mut fixes: Vec<(&str, Vec<&str>)> = Vec::new();
    for language in Language::ALL {
        let fix = (rule.fix)(*language);
        match fixes.iter_mut().find(|(own, _)| *own == fix) {
            Some((_, names)) => names.push(language.name()),
            None => fixes.push((fix, vec![language.name()])),
        }
    }
    let is_one = fixes.len() == 1;
    for (fix, names) in fixes {
        if is_one {
            let _ = writeln!(out, "  {fix}");
        } else {
            let _ = writeln!(out, "  {}: {fix}", names.join(", "));
        }
    }
    let _ = writeln!(
        out,
        "\nWhere it is meant: a comment `keypace:allow {} REASON` on the line or above it.",
        rule.id
    );
    out
}

fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// Digits in groups of three.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Ink {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}
