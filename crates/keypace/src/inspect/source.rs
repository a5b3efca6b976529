//! Joins what servers logged with lines of source: this pattern comes from that line. Pure; it reads no file, and whoever
//! has read them hands the lines in.

use super::pattern::generalised;
use crate::key::Pattern;
use crate::limits::inspect::INSPECT_SOURCES;
use crate::report::{InspectReport, SourceLine};

impl InspectReport {
    /// Enters the lines that send what was logged: of those that fit a row, the ones with the longest pattern. A line whose
    /// pattern is nothing but stars fits only where the server was asked for just that. To be called before
    /// [`redact`](Self::redact), which leaves nothing to compare.
    pub fn join_sources(&mut self, lines: &[SourceLine]) {
        for row in &mut self.slow {
            if let Some(pattern) = &row.pattern {
                row.sources = fitting(lines, &row.command, pattern);
            }
        }
        for finding in &mut self.findings {
            let rows = self.slow.iter().filter(|row| {
                let pattern = row
                    .pattern
                    .as_ref()
                    .is_some_and(|pattern| finding.patterns.contains(pattern));
                pattern
                    && finding
                        .callers
                        .iter()
                        .any(|caller| row.callers.contains(caller))
            });
            for line in rows.flat_map(|row| &row.sources) {
                if !finding.sources.contains(line) && finding.sources.len() < INSPECT_SOURCES {
                    finding.sources.push(line.clone());
                }
            }
        }
    }
}

fn fitting(lines: &[SourceLine], command: &str, pattern: &str) -> Vec<SourceLine> {
    let said = lines
        .iter()
        .filter_map(|line| Some((weight(line, command, pattern)?, line)));
    let mut said: Vec<(usize, &SourceLine)> = said.collect();
    said.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let best = said.first().map_or(0, |(weight, _)| *weight);
    let equal = said.into_iter().take_while(|(weight, _)| *weight == best);
    equal
        .map(|(_, line)| line.clone())
        .take(INSPECT_SOURCES)
        .collect()
}

/// How much of the pattern the line explains: its letters. `None` where it can't be the one.
fn weight(line: &SourceLine, command: &str, pattern: &str) -> Option<usize> {
    let is_other = |own: &String| !own.eq_ignore_ascii_case(command);
    if line.command.as_ref().is_some_and(is_other) {
        return None;
    }
    let own = generalised(line.pattern.as_bytes());
    let letters = own.chars().filter(|c| *c != '*').count();
    if own == pattern {
        return Some(letters + 1);
    }
    // Stars of a logged name stand for something that was there.
    let one_of_them = pattern.replace('*', "0");
    let fits = letters > 0
        && Pattern::new(own.clone()).is_ok_and(|own| own.matches(one_of_them.as_bytes()));
    fits.then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::fitting;
    use crate::report::SourceLine;

    fn line(pattern: &str, file: &str) -> SourceLine {
        SourceLine {
            command: None,
            pattern: pattern.to_owned(),
            file: file.to_owned(),
            line: 1,
        }
    }

    #[test]
    fn the_line_that_explains_most_is_named() {
        let lines = [
            line("*", "all.py"),
            line("session:*", "wide.py"),
            line("session:*:cart", "cart.py"),
            SourceLine {
                command: Some("SMEMBERS".to_owned()),
                ..line("session:*:cart", "other.py")
            },
            line("user:*", "user.py"),
        ];
        let named = |command: &str, pattern: &str| -> Vec<String> {
            fitting(&lines, command, pattern)
                .into_iter()
                .map(|line| line.file)
                .collect()
        };
        assert_eq!(named("KEYS", "session:*:cart"), ["cart.py"]);
        assert_eq!(named("KEYS", "session:*"), ["wide.py"]);
        assert_eq!(named("SMEMBERS", "session:*:cart"), ["cart.py", "other.py"]);
        assert_eq!(named("KEYS", "*"), ["all.py"]);
        assert!(named("KEYS", "nothing:*").is_empty());
    }
}
