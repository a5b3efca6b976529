//! Numbers that only tell whether a walk is at its end: `Number(cursor) === 0`, `if (Number(cursor))`.
//! Must not know which value is a cursor.

use crate::facts::Span;
use crate::language::Language;

/// How far before a number its condition may begin.
const MAX_CONDITION_BYTES: usize = 400;

/// Whether a number is a condition or compared with zero, which no rounding makes of another cursor.
pub(super) fn tells_end_only(language: Language, text: &str, number: Span) -> bool {
    use Language::{CSharp, Go, Java, Kotlin, Rust, Shell};
    // These cut bits off, or fail where a number is too large.
    if matches!(language, CSharp | Go | Java | Kotlin | Rust | Shell) {
        return false;
    }
    let (Some(before), Some(after)) = (text.get(..number.start), text.get(number.end..)) else {
        return false;
    };
    let (before, after) = (before.trim_end(), after.trim_start());
    before.ends_with('!')
        || is_compared(after)
        || is_compared_behind(before)
        || chooses(after)
        || is_condition(before, after)
}

/// `=== 0`
fn is_compared(after: &str) -> bool {
    let mut signs = ["===", "!==", "==", "!=", "~=", ">"].iter();
    let Some(rest) = signs.find_map(|sign| after.strip_prefix(sign)) else {
        return false;
    };
    let rest = rest.trim_start().strip_prefix('0');
    rest.is_some_and(|rest| !rest.starts_with(is_of_number))
}

/// `0 ===`
fn is_compared_behind(before: &str) -> bool {
    let mut signs = ["===", "!==", "==", "!=", "~=", "<"].iter();
    let Some(rest) = signs.find_map(|sign| before.strip_suffix(sign)) else {
        return false;
    };
    let rest = rest.trim_end().strip_suffix('0');
    rest.is_some_and(|rest| !rest.ends_with(is_of_number))
}

fn is_of_number(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_')
}

/// `? many : few`, and neither `??` nor PHP's `?:`, which give the number itself.
fn chooses(after: &str) -> bool {
    let rest = after.strip_prefix('?');
    rest.is_some_and(|rest| !rest.starts_with(['?', '.', ':', '-']))
}

/// `if (Number(cursor))`, `while (more && Number(cursor))`
fn is_condition(before: &str, after: &str) -> bool {
    let joined = |text: &str| text.ends_with("&&") || text.ends_with("||");
    let ends = after.starts_with(')') || after.starts_with("&&") || after.starts_with("||");
    if !ends || !(before.ends_with('(') || joined(before)) {
        return false;
    }
    let bytes = before.as_bytes();
    let mut inside = 0_usize;
    let first = bytes.len().saturating_sub(MAX_CONDITION_BYTES);
    for at in (first..bytes.len()).rev() {
        match bytes[at] {
            b')' => inside += 1,
            b'(' if inside > 0 => inside -= 1,
            b'(' => {
                let head = before.get(..at).unwrap_or_default().trim_end();
                if is_word(head, "if") || is_word(head, "while") || head.ends_with('!') {
                    return true;
                }
                if !(head.ends_with('(') || joined(head)) {
                    return false;
                }
            }
            b';' | b'{' | b'}' | b',' | b'?' | b':' if inside == 0 => return false,
            b'=' if inside == 0 && assigns(bytes, at) => return false,
            _ => {}
        }
    }
    false
}

fn is_word(head: &str, word: &str) -> bool {
    let rest = head.strip_suffix(word);
    rest.is_some_and(|rest| !rest.ends_with(is_of_number))
}

/// Whether a sign is not part of `==`, `!=`, `<=`, `>=`.
fn assigns(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
    let compares = |byte: Option<&u8>| byte.is_some_and(|byte| b"=!<>~".contains(byte));
    !compares(before) && bytes.get(at + 1) != Some(&b'=')
}

#[cfg(test)]
mod tests {
    use super::tells_end_only;
    use crate::facts::Span;
    use crate::language::Language;

    fn tells(text: &str) -> bool {
        const NUMBER: &str = "Number(next)";
        let start = text.find(NUMBER).expect("a number is made");
        let end = start + NUMBER.len();
        tells_end_only(Language::JavaScript, text, Span { start, end })
    }

    #[test]
    fn what_is_compared_or_asked_is_not_kept() {
        assert!(tells("done = Number(next) === 0"));
        assert!(tells("} while (0 !== Number(next))"));
        assert!(tells("if (!Number(next)) return"));
        assert!(tells("size = Number(next) ? 500 : 50"));
        assert!(tells("if (seen(a) < most && Number(next)) {"));
        assert!(tells("while ((Number(next)) || more)"));
    }

    #[test]
    fn what_is_given_on_is_kept() {
        assert!(!tells("at = Number(next)"));
        assert!(!tells("at = ok && Number(next)"));
        assert!(!tells("if (go(ok && Number(next)))"));
        assert!(!tells("if ((at = ok && Number(next)))"));
        assert!(!tells("while ((at = Number(next)) !== 0)"));
        assert!(!tells("if (Number(next) === 0x10)"));
        assert!(!tells("at = Number(next) ?? 0"));
        assert!(!tells("at = f(Number(next))"));
    }
}
