//! The printed form of names and patterns: safe on a terminal, and different for different bytes.
//! It never loses a byte, and it is for people: programs take the bytes themselves.

use std::fmt::{self, Write as _};

/// Bytes as text that can't steer a terminal and can't be mistaken for other bytes.
///
/// Printable UTF-8 stays. A backslash is `\\`, the usual controls are `\n`, `\r` and `\t`, and every byte of anything
/// else (other controls such as ESC, marks that change the direction of text, characters without a shape of their own,
/// combining marks, invalid UTF-8) is `\xNN`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a [u8]);

impl<'a> Escaped<'a> {
    /// Shows these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                write_char(f, character)?;
            }
            write_hex(f, chunk.invalid())?;
        }
        Ok(())
    }
}

fn write_char(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\\' => f.write_str(r"\\"),
        '\n' => f.write_str(r"\n"),
        '\r' => f.write_str(r"\r"),
        '\t' => f.write_str(r"\t"),
        ' '..='~' => f.write_char(character),
        // The standard library's table of what has a shape of its own; quotes, which it escapes too, are in the arm above.
        _ if character.escape_debug().len() == 1 => f.write_char(character),
        _ => write_hex(f, character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::Escaped;

    fn escaped(bytes: &[u8]) -> String {
        Escaped::new(bytes).to_string()
    }

    #[test]
    fn printable_text_stays() {
        for text in [
            "session:42",
            "a b",
            "ключ",
            "naïve",
            "键",
            "😀",
            "it's \"quoted\"",
            "{a}/[b]*?",
        ] {
            assert_eq!(escaped(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_could_mislead_is_written_as_bytes() {
        assert_eq!(escaped(b"a\\b"), r"a\\b");
        assert_eq!(escaped(b"a\nb\r\t\0"), r"a\nb\r\t\x00");
        assert_eq!(escaped(b"\x1b[31mred\x7f"), r"\x1b[31mred\x7f");
        assert_eq!(escaped(b"\xff\xc3"), r"\xff\xc3");
        assert_eq!(escaped("\u{9b}31m".as_bytes()), r"\xc2\x9b31m");
        assert_eq!(escaped("\u{202e}abc".as_bytes()), r"\xe2\x80\xaeabc");
        assert_eq!(escaped("a\u{200b}".as_bytes()), r"a\xe2\x80\x8b");
        assert_eq!(
            escaped("a\u{a0}\u{2028}".as_bytes()),
            r"a\xc2\xa0\xe2\x80\xa8"
        );
        assert_eq!(escaped("e\u{301}".as_bytes()), r"e\xcc\x81");
    }

    /// Reads the printed form back, which is only possible while it is unambiguous.
    fn unescaped(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            rest = match (first, tail) {
                (b'\\', [b'x', hex @ ..]) => {
                    let digits = str::from_utf8(&hex[..2]).expect("two hex digits");
                    bytes.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
                    &hex[2..]
                }
                (b'\\', [letter, tail @ ..]) => {
                    bytes.push(match letter {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        other => *other,
                    });
                    tail
                }
                _ => {
                    bytes.push(*first);
                    tail
                }
            };
        }
        bytes
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read_back(bytes: Vec<u8>) {
            let text = escaped(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(unescaped(&text), bytes);
        }

        #[test]
        fn any_text_can_be_read_back(text in any::<String>()) {
            prop_assert_eq!(unescaped(&escaped(text.as_bytes())), text.as_bytes());
        }
    }
}
