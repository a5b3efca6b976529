//! Which patterns a server can stand: what one comparison may cost there, decided from the pattern alone.
//! It asks no server: the guard must hold before one is reached, and for the oldest that may answer.

use crate::limits::{MAX_CLASS_BYTES, MAX_PATTERN_STARS};

use super::glob::Token;

/// Why a pattern could stall a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StallReason {
    /// Classes after a star, which the server reads again at each byte of each key. In bytes between the brackets.
    #[error(
        "its classes after a `*` are {bytes} bytes long, at most {max} are allowed: the server reads them again at each byte of each key"
    )]
    LongClass {
        /// All classes after the first star together.
        bytes: usize,
        /// [`MAX_CLASS_BYTES`].
        max: usize,
    },
    /// Stars, over which servers before the fix for CVE-2022-36021 backtrack exponentially.
    #[error(
        "its stars weigh {weight}, at most {max} is allowed (1 each, 2 before a `?` or a class, 0 at the end): many servers try every combination of them"
    )]
    ManyStars {
        /// The weight of all stars together.
        weight: usize,
        /// [`MAX_PATTERN_STARS`].
        max: usize,
    },
}

impl StallReason {
    /// What to write in its place.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::LongClass { .. } => {
                "write the class with ranges (`[a-z]`), put it before the first `*`, or use several shorter patterns"
            }
            Self::ManyStars { .. } => {
                "write `??*` for `*?*?`, use fewer `*`, or take a wider pattern and exclude the rest"
            }
        }
    }
}

/// The first reason to refuse these tokens, if there is one.
///
/// Only what is tried again and again counts: before the first star each token is compared once a key, and each token
/// but a class costs the server one step for a byte of the key.
pub(super) fn could_stall(tokens: &[Token]) -> Option<StallReason> {
    let first_star = tokens
        .iter()
        .position(|token| matches!(token, Token::Star))?;
    let repeated = &tokens[first_star..];
    let bytes = repeated.iter().map(class_bytes).sum();
    if bytes > MAX_CLASS_BYTES {
        return Some(StallReason::LongClass {
            bytes,
            max: MAX_CLASS_BYTES,
        });
    }
    let weight = repeated.windows(2).map(star_weight).sum();
    (weight > MAX_PATTERN_STARS).then_some(StallReason::ManyStars {
        weight,
        max: MAX_PATTERN_STARS,
    })
}

fn class_bytes(token: &Token) -> usize {
    match token {
        Token::Class(class) => class.written_bytes(),
        Token::Byte(_) | Token::Any | Token::Star => 0,
    }
}

/// A star before a byte stops only where the key has that byte; before a `?` or a class it may stop anywhere. A star at
/// the end (in no pair as the first) ends the comparison and costs nothing.
fn star_weight(pair: &[Token]) -> usize {
    match pair {
        [Token::Star, Token::Byte(_)] => 1,
        [Token::Star, Token::Any | Token::Class(_)] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::{MAX_CLASS_BYTES, MAX_PATTERN_STARS};

    use super::super::glob::Glob;
    use super::{StallReason, could_stall};

    fn judged(pattern: &str) -> Option<StallReason> {
        could_stall(Glob::read(pattern.as_bytes()).tokens())
    }

    fn class_of(bytes: usize) -> String {
        format!("[{}]", "z".repeat(bytes))
    }

    #[test]
    fn p19c_a_long_class_after_a_star_is_refused() {
        assert_eq!(judged(&format!("*{}", class_of(MAX_CLASS_BYTES))), None);
        let long = StallReason::LongClass {
            bytes: MAX_CLASS_BYTES + 1,
            max: MAX_CLASS_BYTES,
        };
        assert_eq!(
            judged(&format!("*{}", class_of(MAX_CLASS_BYTES + 1))),
            Some(long)
        );
        assert_eq!(
            judged(&format!("a*b{}", class_of(MAX_CLASS_BYTES + 1))),
            Some(long)
        );
        // An unclosed class is no shorter.
        assert_eq!(
            judged(&format!("*[{}", "z".repeat(MAX_CLASS_BYTES + 1))),
            Some(long)
        );
    }

    #[test]
    fn several_short_classes_are_one_long_one() {
        let half = class_of(MAX_CLASS_BYTES / 2);
        assert_eq!(judged(&format!("*{half}{half}")), None);
        assert!(judged(&format!("*{half}{half}[a]")).is_some());
        assert!(judged(&format!("*{half}*{half}*[a]")).is_some());
    }

    #[test]
    fn a_class_before_the_star_is_read_once_a_key() {
        assert_eq!(judged(&format!("{}*", class_of(900))), None);
        assert_eq!(judged(&class_of(900)), None);
    }

    #[test]
    fn stars_are_weighed_by_where_they_may_stop() {
        assert_eq!(
            judged(&format!("{}*", "*a".repeat(MAX_PATTERN_STARS))),
            None
        );
        let weight = MAX_PATTERN_STARS + 1;
        assert_eq!(
            judged(&"*a".repeat(weight)),
            Some(StallReason::ManyStars {
                weight,
                max: MAX_PATTERN_STARS
            })
        );
        assert_eq!(judged(&"*?".repeat(MAX_PATTERN_STARS / 2)), None);
        assert!(judged(&"*?".repeat(MAX_PATTERN_STARS / 2 + 1)).is_some());
        assert!(judged(&"*[a]".repeat(MAX_PATTERN_STARS / 2 + 1)).is_some());
    }

    #[test]
    fn stars_side_by_side_are_one_and_escaped_ones_none() {
        assert_eq!(judged(&"*".repeat(1000)), None);
        assert_eq!(judged(&r"\*a".repeat(300)), None);
        assert_eq!(judged(&"[*]".repeat(300)), None);
    }

    #[test]
    fn patterns_of_every_day_pass() {
        for pattern in [
            "*",
            "session:*",
            "*:user:*:page:*:v*",
            "a*b*c*d*e*f*",
            "job:[0-9a-f][0-9a-f]*",
            "*[abc]*[xyz]*",
        ] {
            assert_eq!(judged(pattern), None, "{pattern}");
        }
    }
}
