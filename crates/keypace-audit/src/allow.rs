//! Comments that allow a finding: `keypace:allow RULE reason`, on the line or above it.
//! Must not know any language: a line is enough to find them, also in scripts inside strings.

use crate::limits;

/// What an allow comment begins with.
const MARK: &str = "keypace:allow";

/// Characters that comment lines begin with, in any of the languages.
const COMMENT_MARKS: &[&str] = &["#", "//", "/*", "*", "--", "<!--", ";"];

/// Whether a comment allows `rule` for a call. `lines` are the file's; `name` is the line of the call's name and `start`
/// the line on which the call begins, counted from 0.
pub(crate) fn is_allowed(lines: &[&str], rule: &str, start: usize, name: usize) -> bool {
    [name, start].into_iter().any(|line| {
        allows(lines.get(line).copied().unwrap_or_default(), rule)
            || block_allows(lines, rule, line)
    })
}

/// The block of comment lines that ends above a line, or the line above where it is code with a comment behind.
fn block_allows(lines: &[&str], rule: &str, below: usize) -> bool {
    let above = lines.get(..below).unwrap_or_default();
    let mut first = true;
    for line in above.iter().rev().take(limits::ALLOW_BLOCK_LINES) {
        if !first && !is_comment(line) {
            return false;
        }
        if allows(line, rule) {
            return true;
        }
        if !is_comment(line) {
            return false;
        }
        first = false;
    }
    false
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    COMMENT_MARKS.iter().any(|mark| line.starts_with(mark))
}

/// `keypace:allow RULE[,RULE...] reason`.
fn allows(line: &str, rule: &str) -> bool {
    let Some((_, rest)) = line.split_once(MARK) else {
        return false;
    };
    let rest = rest.trim_start_matches(':');
    let Some(rest) = rest.strip_prefix([' ', '\t']) else {
        return false;
    };
    let rules = rest.split_whitespace().next().unwrap_or_default();
    rules.split(',').any(|own| own == rule)
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    fn allowed(text: &str, line: usize) -> bool {
        let lines: Vec<&str> = text.lines().collect();
        is_allowed(&lines, "keys-command", line - 1, line - 1)
    }

    #[test]
    fn on_the_line_or_the_one_above() {
        assert!(allowed(
            "r.keys('a') # keypace:allow keys-command a tool",
            1
        ));
        assert!(allowed(
            "# keypace:allow keys-command a tool\nr.keys('a')",
            2
        ));
        assert!(allowed(
            "x = 1 # keypace:allow keys-command see below\nr.keys('a')",
            2
        ));
        assert!(allowed(
            "// keypace:allow flush-command,keys-command both\nr.keys('a')",
            2
        ));
        assert!(allowed("/* keypace:allow keys-command */ r.keys('a')", 1));
        assert!(!allowed(
            "# keypace:allow keys-command a tool\n\nr.keys('a')",
            3
        ));
        assert!(!allowed(
            "x # keypace:allow keys-command a\ny = 2\nr.keys('a')",
            3
        ));
    }

    #[test]
    fn a_comment_of_several_lines_is_one() {
        let text =
            "# keypace:allow keys-command it runs once,\n# before anybody connects\nr.keys('a')";
        assert!(allowed(text, 3));
    }

    #[test]
    fn another_rule_and_half_a_word_are_no_allowance() {
        assert!(!allowed(
            "r.keys('a') # keypace:allow flush-command a tool",
            1
        ));
        assert!(!allowed(
            "r.keys('a') # keypace:allow keys-command-x a tool",
            1
        ));
        assert!(!allowed("r.keys('a') # keypace:allowkeys-command", 1));
        assert!(!allowed("r.keys('a') # keypace:allow", 1));
    }

    #[test]
    fn above_a_chain_is_above_its_first_line() {
        let lines = [
            "# keypace:allow keys-command a tool",
            "client",
            "  .keys('a')",
        ];
        assert!(is_allowed(&lines, "keys-command", 1, 2));
        assert!(!is_allowed(&lines, "keys-command", 2, 2));
    }
}
