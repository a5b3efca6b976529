//! The commands that go on where a run stopped and that undo it: made from what was typed, without a password, quoted
//! for a shell. Builds text; runs nothing.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use crate::settings::secret::without_passwords;

/// Flags that say where and as whom, each with a value: a restore goes where the delete went.
const WHERE: [&str; 8] = [
    "--url",
    "--user",
    "--password-file",
    "--tls-ca",
    "--tls-cert",
    "--tls-key",
    "--topology",
    "--config",
];

/// The command line that brings back what a delete saved in `backup`.
pub(super) fn restore_line(typed: &[OsString], backup: &Path) -> String {
    let mut words: Vec<OsString> = typed.first().cloned().into_iter().collect();
    let mut rest = typed.iter().skip(1);
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            break;
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text.as_ref(), None),
        };
        if !WHERE.contains(&name) {
            continue;
        }
        let Some(value) = value.or_else(|| rest.next().cloned()) else {
            break;
        };
        words.push(name.into());
        words.push(if name == "--url" {
            cleaned(&value)
        } else {
            value
        });
    }
    words.push("restore".into());
    words.push(backup.into());
    shell_line(&words)
}

/// The command line that goes on from `checkpoint`.
pub(super) fn command_line(typed: &[OsString], checkpoint: &Path) -> String {
    with_flag(typed, "--resume", checkpoint)
}

/// The same command line with this flag, which takes the place of one that is there. An owner is not repeated.
pub(super) fn with_flag(typed: &[OsString], flag: &str, value: impl AsRef<OsStr>) -> String {
    let with_value = format!("{flag}=");
    let mut words: Vec<OsString> = Vec::with_capacity(typed.len() + 2);
    let mut rest = typed.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            break;
        }
        let text = word.to_string_lossy();
        if text == flag {
            rest.next();
        } else if text.starts_with(&with_value) {
            // The new one takes its place.
        } else if text == "--url" {
            words.push(word.clone());
            words.extend(rest.next().map(|url| cleaned(url)));
        } else if let Some(url) = text.strip_prefix("--url=") {
            words.push(format!("--url={}", without_passwords(url)).into());
        } else if text == "--owner" || text.starts_with("--owner=") {
            // An owner may be an API key, and what is printed goes into logs.
            if text == "--owner" {
                rest.next();
            }
            words.extend(["--owner-file", "FILE"].map(OsString::from));
        } else {
            words.push(word.clone());
        }
    }
    words.push(flag.into());
    words.push(value.as_ref().to_owned());
    // Whatever follows `--` is patterns.
    let patterns: Vec<OsString> = rest.cloned().collect();
    if !patterns.is_empty() {
        words.push("--".into());
        words.extend(patterns);
    }
    shell_line(&words)
}

fn shell_line(words: &[OsString]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

fn cleaned(url: &OsStr) -> OsString {
    without_passwords(&url.to_string_lossy()).into()
}

/// A word as a shell reads it back, byte for byte.
fn quoted(word: &OsStr) -> String {
    let bytes = word.as_encoded_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return word.to_string_lossy().into_owned();
    }
    if let Some(text) = word
        .to_str()
        .filter(|text| !text.chars().any(char::is_control))
    {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut text = String::from("$'");
    for byte in bytes {
        match byte {
            b'\'' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            // Three octal digits can't run into a digit that follows.
            _ => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::{command_line, quoted, restore_line};
    use std::ffi::{OsStr, OsString};
    use std::path::Path;

    fn line(typed: &[&str]) -> String {
        let typed: Vec<OsString> = typed.iter().map(OsString::from).collect();
        command_line(&typed, Path::new("/s/run.ckpt"))
    }

    #[test]
    fn flags_stay_as_given_and_the_place_is_added() {
        assert_eq!(
            line(&["keypace", "--rate", "5", "delete", "--yes", "a b*"]),
            "keypace --rate 5 delete --yes 'a b*' --resume /s/run.ckpt"
        );
    }

    #[test]
    fn an_owner_is_not_repeated() {
        for owner in [&["--owner", "key-1"][..], &["--owner=key-1"]] {
            let typed = [&["keypace", "index", "list", "s"], owner].concat();
            let line = line(&typed);
            assert!(!line.contains("key-1"), "{line}");
            assert!(line.contains("--owner-file FILE"), "{line}");
        }
    }

    #[test]
    fn filters_and_the_backup_are_kept() {
        let typed = [
            "keypace",
            "delete",
            "--idle-over",
            "30d",
            "--backup",
            "a b.kpb",
            "--verify",
            "x:*",
        ];
        assert_eq!(
            line(&typed),
            "keypace delete --idle-over 30d --backup 'a b.kpb' --verify 'x:*' --resume /s/run.ckpt"
        );
    }

    #[test]
    fn a_restore_goes_where_the_delete_went() {
        for (typed, line) in [
            (
                &["keypace", "delete", "--backup", "f", "x"][..],
                "keypace restore '/b/it'\\''s'",
            ),
            (
                &[
                    "keypace",
                    "--url=redis://:secret@h",
                    "--json",
                    "delete",
                    "--user",
                    "amy",
                    "--",
                    "--url",
                    "x",
                ],
                "keypace --url redis://h --user amy restore '/b/it'\\''s'",
            ),
        ] {
            let typed: Vec<OsString> = typed.iter().map(OsString::from).collect();
            assert_eq!(restore_line(&typed, Path::new("/b/it's")), line);
        }
    }

    #[test]
    fn an_older_place_is_replaced() {
        for typed in [
            &["keypace", "delete", "--resume", "old", "x"][..],
            &["keypace", "delete", "--resume=old", "x"],
        ] {
            assert_eq!(line(typed), "keypace delete x --resume /s/run.ckpt");
        }
    }

    #[test]
    fn a_password_is_never_repeated() {
        for typed in [
            &["keypace", "--url", "redis://amy:secret@h", "count", "x"][..],
            &["keypace", "--url=redis://amy:secret@h", "count", "x"],
        ] {
            let text = line(typed);
            assert!(!text.contains("secret"), "{text}");
            assert!(text.contains("redis://amy@h"), "{text}");
        }
    }

    #[test]
    fn every_url_and_the_topology_are_kept() {
        let typed = [
            "keypace",
            "--url",
            "redis://:secret@a:1",
            "--topology",
            "cluster",
            "--url=redis://b:2,redis://:secret@c:3",
            "--max-nodes",
            "2",
            "count",
            "x",
        ];
        assert_eq!(
            line(&typed),
            "keypace --url redis://a:1 --topology cluster --url=redis://b:2,redis://c:3 --max-nodes 2 count x --resume /s/run.ckpt"
        );
    }

    #[test]
    fn what_follows_two_dashes_is_left_alone() {
        assert_eq!(
            line(&["keypace", "scan", "--", "--resume", "-x*"]),
            "keypace scan --resume /s/run.ckpt -- --resume '-x*'"
        );
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, text) in [
            ("plain", "plain"),
            ("", "''"),
            ("a*", "'a*'"),
            ("it's", r"'it'\''s'"),
            ("a\nb'", r"$'a\012b\''"),
            ("\u{e9}", "'\u{e9}'"),
        ] {
            assert_eq!(quoted(OsStr::new(word)), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_survive() {
        use std::os::unix::ffi::OsStrExt as _;
        assert_eq!(quoted(OsStr::from_bytes(b"\xff0*")), r"$'\3770*'");
    }
}
