//! Names of files in a shell's redirects, written alike wherever they stand.
//! Must not walk.

/// What stands before a file's name where a command writes it: `redis-cli --scan > keys.txt` binds `<`, `keys.txt`.
pub(crate) const FILE: &str = "<";

/// The name of a file, with `\u{fffd}` for what is worked out at run time; a variable alone stays one.
pub(crate) fn file_name(word: &str) -> String {
    let plain = word.trim_matches(['"', '\'']);
    let body = plain.trim_start_matches('$').trim_matches(['{', '}']);
    let lone = plain.starts_with('$') && body.chars().all(|c| c.is_alphanumeric() || c == '_');
    if lone {
        return format!("${body}");
    }
    let mut name = String::new();
    let mut rest = plain;
    while let Some(at) = rest.find('$') {
        name.push_str(&rest[..at]);
        name.push('\u{fffd}');
        rest = &rest[at + 1..];
        let end = match rest.chars().next() {
            Some('{') => rest.find('}').map_or(rest.len(), |at| at + 1),
            Some('(') => rest.find(')').map_or(rest.len(), |at| at + 1),
            _ => rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len()),
        };
        rest = &rest[end..];
    }
    name.push_str(rest);
    name
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_file_has_one_name_however_it_is_quoted() {
        assert_eq!(file_name("\"/tmp/keys.txt\""), "/tmp/keys.txt");
        assert_eq!(file_name("${OUT}"), "$OUT");
        assert_eq!(file_name("\"$OUT\""), "$OUT");
        assert_eq!(
            file_name("${DIR}/keys-$(date).txt"),
            "\u{fffd}/keys-\u{fffd}.txt"
        );
        assert_eq!(file_name("$DIR/a"), "\u{fffd}/a");
    }
}
