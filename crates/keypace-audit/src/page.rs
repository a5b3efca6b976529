//! One file's hits as findings: lines and columns, what people see of the line, fingerprints, and what comments allow.
//! Must not drop a hit for any other reason.

use crate::allow::is_allowed;
use crate::facts::Facts;
use crate::fingerprint::Fingerprints;
use crate::limits;
use crate::report::{Excerpt, Finding, Hit};

/// A file whose hits become findings.
pub(crate) struct Page<'a> {
    path: &'a str,
    text: &'a str,
    facts: &'a Facts,
    /// Where each line begins.
    starts: Vec<usize>,
    lines: Vec<&'a str>,
}

impl<'a> Page<'a> {
    /// Finds the lines.
    pub(crate) fn new(path: &'a str, text: &'a str, facts: &'a Facts) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path,
            text,
            facts,
            starts: std::iter::once(0).chain(ends).collect(),
            lines: text.lines().collect(),
        }
    }

    /// The findings of hits that stand in the order of the file, and how many comments allow. An allowed one keeps its
    /// number among equals, so that a comment does not rename the others.
    pub(crate) fn findings(&self, hits: Vec<Hit>) -> (Vec<Finding>, u64) {
        let mut fingerprints = Fingerprints::new(self.path, self.text, self.facts);
        let mut findings = Vec::with_capacity(hits.len());
        let mut allowed = 0;
        for hit in hits {
            let fingerprint = fingerprints.next(&hit);
            let line = self.line_of(hit.at.start);
            if is_allowed(&self.lines, hit.rule, self.line_of(hit.call.start), line) {
                allowed += 1;
                continue;
            }
            findings.push(self.finding(hit, line, fingerprint));
        }
        (findings, allowed)
    }

    fn finding(&self, hit: Hit, line: usize, fingerprint: String) -> Finding {
        let start = self.floor(hit.at.start);
        let end = self.floor(hit.at.end).max(start);
        let before = &self.text[self.starts[line]..start];
        let name = self.text[start..end].lines().next().unwrap_or_default();
        let column = before.chars().count();
        let whole = self.lines.get(line).copied().unwrap_or_default();
        Finding {
            rule: hit.rule,
            severity: hit.severity,
            confidence: hit.confidence,
            file: self.path.to_owned(),
            line: line + 1,
            column: column + 1,
            fingerprint,
            message: hit.message,
            fix: hit.fix,
            root: 0,
            repository: String::new(),
            excerpt: excerpt(whole, column, name.chars().count()),
        }
    }

    /// The line of a byte, counted from 0.
    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// The nearest boundary of a character at or before a byte.
    fn floor(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// What a terminal can show of a line, with the name in it.
fn excerpt(line: &str, column: usize, width: usize) -> Excerpt {
    let indent = line.chars().take_while(|c| c.is_whitespace()).count();
    let all = line.chars().count();
    let first = if all <= limits::EXCERPT_CHARS {
        0
    } else {
        column
            .saturating_sub(limits::EXCERPT_BEFORE_CHARS)
            .max(indent.min(column))
    };
    let mut text = String::new();
    let mut from = 0;
    let mut shown = 0;
    if first > 0 {
        text.push_str("... ");
        shown += 4;
    }
    for (at, c) in line
        .chars()
        .enumerate()
        .skip(first)
        .take(limits::EXCERPT_CHARS)
    {
        if at == column {
            from = shown;
        }
        let pieces = match c {
            '\t' => "    ".to_owned(),
            c if c.is_control() => "\u{fffd}".to_owned(),
            c => c.to_string(),
        };
        shown += pieces.chars().count();
        text.push_str(&pieces);
    }
    if all > first + limits::EXCERPT_CHARS {
        text.push_str(" ...");
    }
    let end = text.trim_end().len();
    text.truncate(end);
    let room = text.chars().count().saturating_sub(from);
    Excerpt {
        text,
        from,
        width: width.clamp(1, room.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, excerpt};
    use crate::facts::{Facts, Span};
    use crate::language::Language;
    use crate::report::{Confidence, Finding, Hit, Severity};

    fn hit(text: &str, needle: &str, nth: usize) -> Hit {
        let (start, _) = text.match_indices(needle).nth(nth).expect("needle");
        let at = Span {
            start,
            end: start + needle.len(),
        };
        Hit {
            rule: "keys-command",
            severity: Severity::High,
            confidence: Confidence::High,
            at,
            call: at,
            function: None,
            message: "m".to_owned(),
            fix: "f",
        }
    }

    fn findings(text: &str, count: usize) -> (Vec<Finding>, u64) {
        let facts = Facts::new(Language::Python);
        let hits = (0..count).map(|nth| hit(text, "keys", nth)).collect();
        Page::new("a.py", text, &facts).findings(hits)
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let (found, _) = findings("x = 1\n\u{e9}\u{e9} = r.keys('a')\nr.keys('b')\n", 2);
        let places: Vec<_> = found.iter().map(|own| (own.line, own.column)).collect();
        assert_eq!(places, [(2, 8), (3, 3)]);
        assert_eq!(found[0].excerpt.text, "\u{e9}\u{e9} = r.keys('a')");
        assert_eq!((found[0].excerpt.from, found[0].excerpt.width), (7, 4));
    }

    #[test]
    fn a_fingerprint_survives_edits_elsewhere() {
        let (before, _) = findings("r.keys('a')\nr.keys('a')\n", 2);
        let (after, _) = findings("import redis\n\n  r.keys('a')\nx\nr.keys('a')\n", 2);
        assert_ne!(before[0].fingerprint, before[1].fingerprint);
        assert_eq!(before[0].fingerprint, after[0].fingerprint);
        assert_eq!(before[1].fingerprint, after[1].fingerprint);
        assert_eq!(before[0].fingerprint.len(), 32);
    }

    #[test]
    fn an_allowed_call_keeps_its_number_among_equals() {
        let (before, _) = findings("r.keys('a')\nr.keys('a')\n", 2);
        let text = "r.keys('a') # keypace:allow keys-command once\nz\nr.keys('a')\n";
        let facts = Facts::new(Language::Python);
        let hits = vec![hit(text, "keys", 0), hit(text, "keys", 2)];
        let (after, allowed) = Page::new("a.py", text, &facts).findings(hits);
        assert_eq!(allowed, 1);
        assert_eq!(after[0].fingerprint, before[1].fingerprint);
    }

    #[test]
    fn what_a_terminal_would_act_on_is_not_shown() {
        let shown = excerpt("\ta\u{1b}[31mkeys", 7, 4);
        assert_eq!(shown.text, "    a\u{fffd}[31mkeys");
        assert_eq!((shown.from, shown.width), (10, 4));
    }

    #[test]
    fn a_long_line_is_cut_around_the_name() {
        let line = format!("{}keys{}", "x".repeat(500), "y".repeat(500));
        let shown = excerpt(&line, 500, 4);
        assert!(shown.text.chars().count() <= 148, "{}", shown.text);
        let name: String = shown
            .text
            .chars()
            .skip(shown.from)
            .take(shown.width)
            .collect();
        assert_eq!(name, "keys");
    }
}
