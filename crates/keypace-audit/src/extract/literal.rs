//! What string literals of many languages have in common: simple escapes, and templates that a call fills.
//! Must not know nodes.

/// Reads the escapes that mean the same nearly everywhere; any other stays as it is written.
pub(super) fn read_escapes(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut read = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            read.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => read.push('\n'),
            Some('t') => read.push('\t'),
            Some('r') => read.push('\r'),
            Some(c @ ('\\' | '"' | '\'' | '`' | '$' | '#' | '/')) => read.push(c),
            Some(other) => read.extend(['\\', other]),
            None => read.push('\\'),
        }
    }
    read
}

/// Splits a template at what is filled in: `%s`, `%(name)d`, `%-5.2f` where `mark` is `%`; `{}`, `{0}`, `{name:x}` where
/// it is `{`. `None` is a hole. Doubled marks are text.
pub(super) fn format_pieces(text: &str, mark: char) -> Vec<Option<String>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        plain.push_str(&rest[..at]);
        let after = &rest[at + mark.len_utf8()..];
        if let Some(next) = after.strip_prefix(mark) {
            plain.push(mark);
            rest = next;
            continue;
        }
        let Some(length) = (if mark == '{' {
            after.find('}').map(|end| end + 1)
        } else {
            percent_length(after)
        }) else {
            plain.push(mark);
            rest = after;
            continue;
        };
        if !plain.is_empty() {
            pieces.push(Some(std::mem::take(&mut plain)));
        }
        pieces.push(None);
        rest = &after[length..];
    }
    plain.push_str(rest);
    if mark == '{' {
        plain = plain.replace("}}", "}");
    }
    if !plain.is_empty() {
        pieces.push(Some(plain));
    }
    pieces
}

/// Bytes of a conversion after its `%`, up to its letter.
fn percent_length(after: &str) -> Option<usize> {
    let named = after
        .strip_prefix('(')
        .and_then(|name| name.find(')'))
        .map_or(0, |end| end + 2);
    let tail = after.get(named..)?;
    let letter = tail
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+' | '#' | '$' | '\''))?;
    tail[letter..]
        .starts_with(|c: char| c.is_ascii_alphabetic())
        .then_some(named + letter + 1)
}

#[cfg(test)]
mod tests {
    use super::{format_pieces, read_escapes};

    fn shown(text: &str, mark: char) -> String {
        format_pieces(text, mark)
            .into_iter()
            .map(|piece| piece.unwrap_or_else(|| "<>".to_owned()))
            .collect()
    }

    #[test]
    fn templates_are_split_at_their_holes() {
        assert_eq!(shown("user:%s:*", '%'), "user:<>:*");
        assert_eq!(shown("%(ns)s:%-5d 100%% %", '%'), "<>:<> 100% %");
        assert_eq!(shown("user:{}:{name!r:>5}:{{x}}*", '{'), "user:<>:<>:{x}*");
        assert_eq!(shown("open {", '{'), "open {");
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(read_escapes(r#"a\n\"b\"\x41\"#), "a\n\"b\"\\x41\\");
    }
}
