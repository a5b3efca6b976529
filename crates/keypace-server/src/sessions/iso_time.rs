//! Reads a time as Python's `datetime.fromisoformat` does, as of Python 3.11, oddities included: what an application
//! in Python could read before must be readable here. Knows no field and no session.
//!
//! It follows `parse_isoformat_date` and `parse_isoformat_time` of CPython's `_datetimemodule.c` (branch 3.11).

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// Microseconds in one unit of the last digit, by the number of digits.
const FRACTION_UNITS: [i64; 7] = [0, 100_000, 10_000, 1_000, 100, 10, 1];
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
/// The years that Python's times can have.
const FIRST_YEAR: i32 = 1;
const LAST_YEAR: i32 = 9999;

/// The time that `text` names, in UTC. Without a zone it is UTC. Nothing where Python would raise `ValueError`, or where
/// UTC is not within the years 1 to 9999.
pub(crate) fn parse_iso_time(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    if bytes.len() < 7 {
        return None;
    }
    let separator = separator_at(bytes)?;
    let date = date_of(bytes, separator)?;
    let (time, offset) = if separator < bytes.len() {
        // Any one character separates, of however many bytes.
        let width = text.get(separator..)?.chars().next()?.len_utf8();
        time_of(&bytes[separator + width..])?
    } else {
        (NaiveTime::MIN, TimeDelta::zero())
    };
    let utc = NaiveDateTime::new(date, time).checked_sub_signed(offset)?;
    has_known_year(utc.date()).then(|| utc.and_utc())
}

fn has_known_year(date: NaiveDate) -> bool {
    (FIRST_YEAR..=LAST_YEAR).contains(&date.year())
}

/// The byte at `at`; 0 behind the end, as in C.
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Where the date ends. Where a week date is followed by digits or hyphens that could be its own or a separator, this
/// takes Python's guess.
fn separator_at(bytes: &[u8]) -> Option<usize> {
    let length = bytes.len();
    let digit_at = |at: usize| byte(bytes, at).is_ascii_digit();
    if length == 7 {
        return Some(7);
    }
    if byte(bytes, 4) == b'-' {
        if byte(bytes, 5) != b'W' {
            return Some(10).filter(|end| *end <= length);
        }
        if length > 8 && byte(bytes, 8) == b'-' {
            return match length {
                9 => None,
                10 => Some(10),
                _ if digit_at(10) => Some(8),
                _ => Some(10),
            };
        }
        return Some(8);
    }
    if byte(bytes, 4) != b'W' {
        return Some(8);
    }
    let end = (7..length).find(|at| !digit_at(*at)).unwrap_or(length);
    Some(match end {
        0..9 => end,
        _ if end % 2 == 0 => 7,
        _ => 8,
    })
}

fn date_of(bytes: &[u8], length: usize) -> Option<NaiveDate> {
    let (year, mut at) = digits(bytes, 0, 4)?;
    let year = i32::try_from(year).ok()?;
    let has_hyphens = byte(bytes, at) == b'-';
    at += usize::from(has_hyphens);
    let date = if byte(bytes, at) == b'W' {
        let (week, mut end) = digits(bytes, at + 1, 2)?;
        let mut day = 1;
        if end < length {
            if has_hyphens {
                (byte(bytes, end) == b'-').then_some(())?;
                end += 1;
            }
            (day, _) = digits(bytes, end, 1)?;
        }
        week_date(year, week, day)?
    } else {
        let (month, mut end) = digits(bytes, at, 2)?;
        if has_hyphens {
            (byte(bytes, end) == b'-').then_some(())?;
            end += 1;
        }
        let (day, end) = digits(bytes, end, 2)?;
        (end == length).then_some(())?;
        NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?
    };
    has_known_year(date).then_some(date)
}

fn week_date(year: i32, week: i64, day: i64) -> Option<NaiveDate> {
    let day = u8::try_from(day).ok()?.checked_sub(1)?;
    let weekday = chrono::Weekday::try_from(day).ok()?;
    NaiveDate::from_isoywd_opt(year, u32::try_from(week).ok()?, weekday)
}

/// The time of day, and how far its zone is ahead of UTC.
fn time_of(bytes: &[u8]) -> Option<(NaiveTime, TimeDelta)> {
    let is_zone = |letter: &u8| matches!(letter, b'+' | b'-' | b'Z');
    let zone = bytes.iter().position(is_zone).unwrap_or(bytes.len());
    let clock = clock_of(bytes, 0, zone)?;
    let time = clock.time_of_day()?;
    match byte(bytes, zone) {
        0 if clock.goes_on => None,
        0 => Some((time, TimeDelta::zero())),
        b'Z' => (zone + 1 == bytes.len()).then_some((time, TimeDelta::zero())),
        sign => {
            let ahead = clock_of(bytes, zone + 1, bytes.len())?;
            (!ahead.goes_on).then_some(())?;
            let offset = ahead.offset()?;
            Some((time, if sign == b'-' { -offset } else { offset }))
        }
    }
}

/// Hours, minutes, seconds and microseconds as they stand there, and whether anything stands behind them.
struct Clock {
    parts: [i64; 3],
    microseconds: i64,
    goes_on: bool,
}

impl Clock {
    fn time_of_day(&self) -> Option<NaiveTime> {
        let [hour, minute, second] = self.parts.map(u32::try_from);
        let microseconds = u32::try_from(self.microseconds).ok()?;
        NaiveTime::from_hms_micro_opt(hour.ok()?, minute.ok()?, second.ok()?, microseconds)
    }

    /// Python knows zones of less than a day, and takes one of no whole second for UTC.
    fn offset(&self) -> Option<TimeDelta> {
        let [hours, minutes, seconds] = self.parts;
        let seconds = hours * 3600 + minutes * 60 + seconds;
        if seconds == 0 {
            return Some(TimeDelta::zero());
        }
        (seconds < SECONDS_PER_DAY)
            .then(|| TimeDelta::seconds(seconds) + TimeDelta::microseconds(self.microseconds))
    }
}

/// `HH[:?MM[:?SS]]` and a fraction, from `at`, where nothing of it stands behind `end`.
fn clock_of(bytes: &[u8], mut at: usize, end: usize) -> Option<Clock> {
    let mut parts = [0; 3];
    let mut has_colons = false;
    for (index, part) in parts.iter_mut().enumerate() {
        (*part, at) = digits(bytes, at, 2)?;
        let next = byte(bytes, at);
        at += 1;
        if index == 0 {
            has_colons = next == b':';
        }
        if at >= end {
            return Some(Clock {
                parts,
                microseconds: 0,
                goes_on: next != 0,
            });
        }
        match next {
            b':' if has_colons => {}
            b'.' | b',' => break,
            _ if has_colons => return None,
            _ => at -= 1,
        }
    }
    let count = (end - at).min(6);
    let (digits, mut at) = digits(bytes, at, count)?;
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    Some(Clock {
        parts,
        microseconds: digits * FRACTION_UNITS[count],
        goes_on: byte(bytes, at) != 0,
    })
}

/// The number of exactly `count` digits at `at`, and where it ends.
fn digits(bytes: &[u8], at: usize, count: usize) -> Option<(i64, usize)> {
    let end = at + count;
    let mut number = 0;
    for digit in bytes.get(at..end)? {
        number = number * 10 + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some((number, end))
}

#[cfg(test)]
mod tests;
