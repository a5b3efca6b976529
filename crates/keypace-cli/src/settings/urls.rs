//! Several URLs in one text, with commas or spaces between. Takes texts apart; reads no URL.

/// The URLs in a text. A comma or a space parts two of them only where another scheme follows: a password or a path may
/// hold either, and Sentinels stand with commas in one URL.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut urls = Vec::new();
    let mut rest = text.trim_matches(is_between);
    while let Some(end) = (rest.match_indices(is_between))
        .map(|(at, _)| at)
        .find(|at| begins_url(rest[*at..].trim_start_matches(is_between)))
    {
        urls.push(rest[..end].trim_end_matches(is_between));
        rest = rest[end..].trim_start_matches(is_between);
    }
    if !rest.is_empty() {
        urls.push(rest);
    }
    urls
}

fn is_between(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

fn begins_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        !scheme.is_empty() && scheme.chars().all(is_of_scheme)
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn urls_are_parted_where_another_begins() {
        for (text, urls) in [
            ("", &[][..]),
            ("redis://a", &["redis://a"]),
            ("redis://a,redis://b", &["redis://a", "redis://b"]),
            (
                " redis://a , rediss://b\nredis://c,",
                &["redis://a", "rediss://b", "redis://c"],
            ),
            ("redis://:p,w@a redis://b", &["redis://:p,w@a", "redis://b"]),
            (
                "redis-sentinel://a:1,b:2/name",
                &["redis-sentinel://a:1,b:2/name"],
            ),
            (
                "unix:///my path/s,unix:///t",
                &["unix:///my path/s", "unix:///t"],
            ),
            ("nonsense, more", &["nonsense, more"]),
        ] {
            assert_eq!(split(text), urls, "{text:?}");
        }
    }
}
