//! Keys as stdout carries them: raw bytes, a form that a terminal can take, or JSON. Turns pages into bytes; writes
//! nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keypace::{Facts, Key, Page};
use serde::Serialize;

use super::fields;
use crate::args::Field;

/// Room for the quotes and names around a key in JSON, so that a page is built without growing.
const JSON_OVERHEAD_BYTES: usize = 12;

/// The form of a key on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFormat {
    /// Raw, ended by a newline.
    Lines,
    /// Raw, ended by NUL.
    Nul,
    /// Escaped, ended by a newline: for terminals, which obey what is in a name.
    Escaped,
    /// A JSON object a line.
    Json,
}

/// A key in JSON: text where it is text, base64 where it is not.
#[derive(Serialize)]
pub(super) enum JsonKey<'a> {
    /// As it is.
    #[serde(rename = "key")]
    Text(&'a str),
    /// In base64.
    #[serde(rename = "key_b64")]
    Bytes(String),
}

impl KeyFormat {
    /// A page's bytes.
    pub(crate) fn page(self, keys: &[Key]) -> Vec<u8> {
        let raw: usize = keys.iter().map(|key| key.as_bytes().len() + 1).sum();
        let room = match self {
            Self::Lines | Self::Nul | Self::Escaped => raw,
            Self::Json => raw + keys.len() * JSON_OVERHEAD_BYTES,
        };
        let mut bytes = Vec::with_capacity(room);
        for key in keys {
            match self {
                Self::Lines => {
                    bytes.extend_from_slice(key.as_bytes());
                    bytes.push(b'\n');
                }
                Self::Nul => {
                    bytes.extend_from_slice(key.as_bytes());
                    bytes.push(0);
                }
                Self::Escaped => {
                    bytes.extend_from_slice(key.escaped().to_string().as_bytes());
                    bytes.push(b'\n');
                }
                Self::Json => json_line(&mut bytes, key.as_bytes()),
            }
        }
        bytes
    }

    /// The bytes of a page of which more is to be said than names.
    pub(crate) fn described(self, page: &Page, fields: &[Field]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let unknown = Facts::default();
        for (place, key) in page.keys().iter().enumerate() {
            let facts = page.facts_of(place).unwrap_or(&unknown);
            match self {
                Self::Json => fields::json(&mut bytes, key, facts, fields),
                Self::Lines | Self::Nul | Self::Escaped => {
                    fields::columns(&mut bytes, key, facts, fields);
                }
            }
        }
        bytes
    }
}

/// A key as JSON takes it.
pub(super) fn json_key(key: &[u8]) -> JsonKey<'_> {
    match std::str::from_utf8(key) {
        Ok(text) => JsonKey::Text(text),
        Err(_) => JsonKey::Bytes(STANDARD.encode(key)),
    }
}

fn json_line(to: &mut Vec<u8>, key: &[u8]) {
    // Writing to memory can't fail, and neither variant has a part that JSON can't hold.
    if serde_json::to_writer(&mut *to, &json_key(key)).is_ok() {
        to.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::KeyFormat;
    use keypace::Key;

    fn keys() -> Vec<Key> {
        [
            &b"a b"[..],
            b"line\nbreak",
            b"nul\0",
            b"\xff\x1b[2J",
            b"",
            "\u{e9}\"".as_bytes(),
        ]
        .into_iter()
        .map(|key| Key::new(key.to_vec()))
        .collect()
    }

    #[test]
    fn raw_forms_are_the_servers_bytes() {
        assert_eq!(
            KeyFormat::Lines.page(&keys()),
            b"a b\nline\nbreak\nnul\0\n\xff\x1b[2J\n\n\xc3\xa9\"\n"
        );
        assert_eq!(
            KeyFormat::Nul.page(&keys()),
            b"a b\0line\nbreak\0nul\0\0\xff\x1b[2J\0\0\xc3\xa9\"\0"
        );
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        let page = KeyFormat::Escaped.page(&keys());
        assert!(page.iter().all(|byte| *byte == b'\n' || *byte >= b' '));
        assert_eq!(page.iter().filter(|byte| **byte == b'\n').count(), 6);
    }

    #[test]
    fn json_holds_text_as_text_and_bytes_as_base64() {
        let page = String::from_utf8(KeyFormat::Json.page(&keys())).expect("UTF-8");
        assert_eq!(
            page.lines().collect::<Vec<_>>(),
            [
                r#"{"key":"a b"}"#,
                r#"{"key":"line\nbreak"}"#,
                r#"{"key":"nul\u0000"}"#,
                r#"{"key_b64":"/xtbMko="}"#,
                r#"{"key":""}"#,
                "{\"key\":\"\u{e9}\\\"\"}",
            ]
        );
    }
}
