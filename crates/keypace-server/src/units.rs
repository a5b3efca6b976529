//! Durations, sizes and times of day as people write them. Reads text; knows no flag and no clock of its own.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, TimeZone};

/// The units of a duration, longest name first where one begins with another.
const UNITS: [(&str, u128); 9] = [
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
    ("w", 7 * 86_400 * 1_000_000_000),
];

/// The units of a size, longest name first where one ends with another.
const SIZES: [(&str, u128); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Reads `200KB`, `4MiB`, `1.5GiB`. The error is a text that shows the form.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = |why: &str| format!("`{text}` {why}: write it like 512B, 200KB or 4MiB");
    let Some((number, size)) = SIZES
        .iter()
        .find_map(|(name, size)| Some((text.strip_suffix(name)?, *size)))
    else {
        return Err(wrong("has no unit"));
    };
    let bytes = scaled(number, size).ok_or_else(|| wrong("is no size"))?;
    u64::try_from(bytes).map_err(|_| wrong("is too large"))
}

/// More digits than this say nothing below a nanosecond.
const MAX_FRACTION_DIGITS: usize = 9;

/// Reads `250ms`, `1m30s`, `0.5s`, `30d`. The error is a text that shows the form.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = |why: &str| format!("`{text}` {why}: write it like 250ms, 15s, 1m30s or 30d");
    if text.is_empty() {
        return Err(wrong("is no duration"));
    }
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err(wrong("is no duration"));
        }
        let Some((name, size)) = UNITS.iter().find(|(name, _)| {
            tail.strip_prefix(name).is_some_and(|after| {
                after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit())
            })
        }) else {
            return Err(wrong(if tail.is_empty() {
                "has no unit"
            } else {
                "has a unit that isn't one of us, ms, s, m, h, d, w"
            }));
        };
        let part = scaled(number, *size).ok_or_else(|| wrong("is no duration"))?;
        nanos = nanos
            .checked_add(part)
            .ok_or_else(|| wrong("is too long"))?;
        rest = &tail[name.len()..];
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| wrong("is too long"))?;
    let below = u32::try_from(nanos % 1_000_000_000).map_err(|_| wrong("is too long"))?;
    Ok(Duration::new(seconds, below))
}

/// `number` (digits, perhaps with one point) times `size`, rounded down.
fn scaled(number: &str, size: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > MAX_FRACTION_DIGITS || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut value = whole.parse::<u128>().ok()?.checked_mul(size)?;
    if !fraction.is_empty() {
        let digits = u32::try_from(fraction.len()).ok()?;
        let part = fraction.parse::<u128>().ok()?.checked_mul(size)?;
        value = value.checked_add(part / 10_u128.pow(digits))?;
    }
    Some(value)
}

/// How long it is from `now` to `text`: a duration, or the next time that a clock shows `HH:MM`.
pub fn until<Tz: TimeZone>(text: &str, now: &DateTime<Tz>) -> Result<Duration, String> {
    if !text.contains(':') {
        return duration(text).map_err(|why| format!("{why}, or as a time of day like 06:30"));
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("`{text}` is no time of day: write it like 06:30 or 22:15"))?;
    // Today, tomorrow, and the day after for a time that a change of the clocks skips.
    (0..=2)
        .filter_map(|days| now.date_naive().checked_add_days(Days::new(days)))
        .filter_map(|day| {
            now.timezone()
                .from_local_datetime(&day.and_time(time))
                .earliest()
        })
        .find_map(|then| {
            (then - now.clone())
                .to_std()
                .ok()
                .filter(|left| !left.is_zero())
        })
        .ok_or_else(|| format!("`{text}` can't be found on this machine's clock"))
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, until};
    use chrono::{FixedOffset, TimeZone as _};
    use std::time::Duration;

    #[test]
    fn durations_carry_units() {
        for (text, expected) in [
            ("250ms", Duration::from_millis(250)),
            ("1m30s", Duration::from_secs(90)),
            ("0.5ms", Duration::from_micros(500)),
            ("100us", Duration::from_micros(100)),
            ("100µs", Duration::from_micros(100)),
            ("1d2h", Duration::from_secs(93_600)),
            ("30d", Duration::from_secs(30 * 86_400)),
            ("1w12h", Duration::from_secs(7 * 86_400 + 43_200)),
            ("0s", Duration::ZERO),
            ("1.25s", Duration::from_millis(1250)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_told_the_form() {
        for text in [
            "",
            "5",
            "ms",
            "5 ms",
            "5x",
            "-5ms",
            "1.ms",
            "5ms5",
            "1..5s",
            "5MS",
            "9999999999999999999999999999d",
            "٣s",
        ] {
            let why = duration(text).expect_err(text);
            assert!(why.contains("250ms"), "{text}: {why}");
        }
        assert!(duration("5").expect_err("bare").contains("has no unit"));
    }

    #[test]
    fn sizes_carry_units() {
        for (text, expected) in [
            ("0B", 0),
            ("512B", 512),
            ("4KiB", 4096),
            ("1.5MiB", 1_572_864),
            ("2GiB", 2 << 30),
            ("200KB", 200_000),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "4",
            "MiB",
            "-1B",
            "4mib",
            "4M",
            "4 MiB",
            "1.MiB",
            "99999999TiB",
        ] {
            let why = bytes(text).expect_err(text);
            assert!(why.contains("4MiB"), "{text}: {why}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let zone = FixedOffset::east_opt(3600).expect("offset");
        let now = zone
            .with_ymd_and_hms(2026, 3, 4, 22, 0, 30)
            .single()
            .expect("time");
        assert_eq!(until("22:15", &now), Ok(Duration::from_secs(14 * 60 + 30)));
        assert_eq!(
            until("06:30", &now),
            Ok(Duration::from_secs(8 * 3600 + 29 * 60 + 30))
        );
        assert_eq!(until("22:00", &now), Ok(Duration::from_secs(86_400 - 30)));
        assert_eq!(until("10m", &now), Ok(Duration::from_secs(600)));
        assert!(until("25:00", &now).is_err());
        assert!(until("10", &now).expect_err("bare").contains("06:30"));
    }
}
