//! Names of keys found in the code of a call, also inside strings, where expressions aren't seen.
//! Must not learn, and must not judge.

use super::{Amount, Found, Trace};
use crate::facts::Call;
use crate::language::Language;

impl Found<'_> {
    /// Whether a call names something that holds keys found: also inside strings, where expressions aren't seen.
    pub(crate) fn mentions(&self, call: &Call) -> bool {
        self.mentioned_by(call).is_some()
    }

    /// One key found that a call names.
    pub(crate) fn mentioned_by(&self, call: &Call) -> Option<Trace> {
        let text = self.text.get(call.span.start..call.span.end)?;
        let mut begin = 0;
        // Elixir's `&1` is a name.
        let mark = (self.facts.language == Language::Elixir).then_some('&');
        text.split(|c: char| !(c.is_alphanumeric() || c == '_' || mark == Some(c)))
            .find_map(|word| {
                let (at, end) = (begin, begin + word.len());
                let after = text.get(end..).unwrap_or_default();
                begin = end + after.chars().next().map_or(0, char::len_utf8);
                let place = self.place(call.function, word);
                let trace = *self.names.get(&(place, word.to_owned()))?;
                if word.len() < 2 && !is_code(text, at) {
                    return None;
                }
                // `"user:" .. ids[i]` is made of one of them as well.
                let amount = Amount::One;
                (trace.amount == amount || is_indexed(after)).then_some(Trace { amount, ..trace })
            })
    }
}

/// Whether one letter is a name, and not a part of a text: `f"user:{k}"`, `"user:" + k`, `'u:' . $k`.
fn is_code(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    if before.ends_with(['{', '$']) {
        return true;
    }
    let mut quote = None;
    for c in before.chars() {
        match quote {
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            Some(own) if own == c => quote = None,
            _ => {}
        }
    }
    quote.is_none()
}

/// `[i]`, `.get(i)` behind a name, and no slice.
fn is_indexed(after: &str) -> bool {
    let got = [".get(", ".elementAt(", ".ElementAt(", ".at("];
    let got = got.iter().find_map(|own| after.strip_prefix(own));
    let inner = after.strip_prefix('[').or(got);
    let inner = inner.and_then(|rest| rest.split([']', ')']).next());
    inner.is_some_and(|index| {
        let plain = index
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '+' | '-'));
        plain && index.contains(char::is_alphabetic)
    })
}
