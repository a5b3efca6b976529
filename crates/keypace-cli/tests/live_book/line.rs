//! Lines as pages show them: what is printed has to fit one. Knows no page.

/// Whether a line is the wanted one, of which `...` stands for anything.
pub(crate) fn fits(line: &str, wanted: &str) -> bool {
    let mut parts = wanted.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        is_open = part.is_empty();
    }
    rest.is_empty() || is_open
}
