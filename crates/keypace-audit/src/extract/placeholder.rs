//! `<password>` in a shell's text: what a reader is meant to fill in, which the grammar takes for two redirections.
//! Must not change where anything stands.

use std::borrow::Cow;

/// The text with each `<word>` that stands alone made an ordinary word of the same length.
pub(super) fn filled(text: &str) -> Cow<'_, str> {
    let mut out: Option<Vec<u8>> = None;
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('<') {
        let length = bytes[at + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        let end = at + 1 + length;
        let alone = at > 0
            && bytes[at - 1] == b' '
            && length > 0
            && bytes.get(end) == Some(&b'>')
            && bytes.get(end + 1).is_none_or(u8::is_ascii_whitespace);
        if alone {
            let out = out.get_or_insert_with(|| bytes.to_vec());
            out[at] = b'_';
            out[end] = b'_';
        }
    }
    // Only single bytes of ASCII were exchanged.
    out.and_then(|out| String::from_utf8(out).ok())
        .map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn fills_in_words_that_stand_alone() {
        assert_eq!(
            filled("redis-cli -a <pass> keys"),
            "redis-cli -a _pass_ keys"
        );
    }

    #[test]
    fn leaves_redirections_alone() {
        for text in ["sort <in >out", "cat <<EOF", "sort < in > out", "x<y> z"] {
            assert_eq!(filled(text), text);
        }
    }
}
