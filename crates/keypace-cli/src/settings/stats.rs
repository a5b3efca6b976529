//! Which statistics: how names are cut, which keys are measured. Talks to no server.

use keypace::StatsOptions;

use crate::args::Stats;
use crate::exit::{Halt, Phase};

/// The library's options for statistics.
pub(crate) fn stats_options(typed: &Stats) -> Result<StatsOptions, Halt> {
    let &[separator] = typed.separator.as_bytes() else {
        return Err(Halt::usage(format!(
            "start: --separator: `{}` is not one byte",
            typed.separator.escape_debug()
        ))
        .with_hint("write the character that stands between the segments of names, like : or /"));
    };
    let count = |typed: u64| usize::try_from(typed).unwrap_or(usize::MAX);
    let mut options = StatsOptions::default()
        .with_separator(separator)
        .with_depth(count(typed.depth))
        .with_top(count(typed.top));
    if let Some(text) = &typed.sample {
        let share = share(text).map_err(|why| Halt::usage(format!("start: --sample: {why}")))?;
        options = options
            .with_share(share)
            .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    }
    if typed.exact_sizes {
        options = options.with_exact_sizes();
    }
    Ok(options)
}

/// Reads `1%`, `0.5%` or `0.01`. The error is a text that shows the form.
fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let is_plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match number.parse::<f64>() {
        Ok(number) if is_plain && number > 0.0 && number <= unit => Ok(number / unit),
        _ => Err(format!(
            "`{text}` is no share: write it like 1% or 0.01, above 0 and up to 100%"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{share, stats_options};
    use crate::args::Stats;

    #[test]
    fn shares_are_percents_or_parts_of_one() {
        for (text, expected) in [("1%", 0.01), ("0.5%", 0.005), ("100%", 1.0), ("0.25", 0.25)] {
            let share = share(text).expect(text);
            assert!((share - expected).abs() < 1e-12, "{text}: {share}");
        }
        for text in [
            "", "%", "0", "0%", "101%", "2", "-1%", "1e-3", "inf", "NaN", "1 %", "1/100",
        ] {
            assert!(share(text).expect_err(text).contains("like 1%"), "{text}");
        }
    }

    #[test]
    fn a_separator_is_one_byte() {
        for (separator, is_taken) in [
            (":", true),
            ("\0", true),
            ("", false),
            ("::", false),
            ("é", false),
        ] {
            let typed = Stats {
                separator: separator.to_owned(),
                ..Stats::default()
            };
            assert_eq!(stats_options(&typed).is_ok(), is_taken, "{separator:?}");
        }
    }
}
