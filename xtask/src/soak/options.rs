//! What was asked for: minutes, a seed, a planted bug. Must not act on it.

use super::plant::SKIP_SLOT;
use crate::failure::{self, Outcome};

/// Longer than a month: a number typed by mistake.
const MAX_MINUTES: u64 = 50_000;

/// The words behind `soak`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) minutes: u64,
    pub(super) seed: Option<u64>,
    /// One slot is left out of every walk: the soak has to find it.
    pub(super) is_planted: bool,
}

impl Options {
    pub(super) fn read(words: &[String]) -> Outcome<Self> {
        let (mut minutes, mut seed, mut is_planted) = (None, None, false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().map(String::as_str).unwrap_or_default();
            let number = value.parse::<u64>();
            let number = number.map_err(|_| failure::usage(format!("{word} takes a number")));
            match word.as_str() {
                "--minutes" => minutes = Some(number?),
                "--seed" => seed = Some(number?),
                "--plant" if value == SKIP_SLOT => is_planted = true,
                "--plant" => return Err(failure::usage(format!("--plant takes {SKIP_SLOT}"))),
                other => return Err(failure::usage(format!("soak has no option {other:?}"))),
            }
        }
        match minutes {
            Some(minutes @ 1..=MAX_MINUTES) => Ok(Self {
                minutes,
                seed,
                is_planted,
            }),
            _ => Err(failure::usage(format!(
                "soak takes --minutes N, from 1 to {MAX_MINUTES}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn read(text: &str) -> Option<(u64, Option<u64>, bool)> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let options = Options::read(&words).ok()?;
        Some((options.minutes, options.seed, options.is_planted))
    }

    #[test]
    fn options_are_read() {
        assert_eq!(read("--minutes 2"), Some((2, None, false)));
        assert_eq!(read("--seed 7 --minutes 30"), Some((30, Some(7), false)));
        assert_eq!(read("--minutes 1 --plant skip-slot"), Some((1, None, true)));
        for text in [
            "",
            "--seed 7",
            "--minutes",
            "--minutes 0",
            "--minutes x",
            "--minutes 1 --plant another",
            "--minutes 1 --plant",
            "--hours 1",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
