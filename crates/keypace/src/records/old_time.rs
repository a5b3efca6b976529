//! Times as applications write them into JSON: ISO texts of any usual form, and numbers. Lenient, since a time that is
//! read roughly keeps the order of a list, and one that is not read loses it. Pure.

use serde_json::Value;

/// Below this a number means seconds: as milliseconds it would be in March 1973.
const SECONDS_BELOW: f64 = 1e11;
/// Below this it means milliseconds, and else microseconds: as milliseconds it would be in the year 5138.
const MILLIS_BELOW: f64 = 1e14;
/// No time is later: the last millisecond of the year 9999.
const LAST_MS: f64 = 253_402_300_799_999.0;
const MS_PER_DAY: i64 = 86_400_000;

/// Milliseconds since 1970, or `None` for what is no time.
pub(crate) fn millis(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => of_number(number.as_f64()?),
        Value::String(text) => of_text(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn of_number(number: f64) -> Option<i64> {
    let ms = if number < SECONDS_BELOW {
        number * 1e3
    } else if number < MILLIS_BELOW {
        number
    } else {
        number / 1e3
    };
    // Rounded towards the past, as ISO texts are cut.
    (0.0..=LAST_MS).contains(&ms).then_some(ms as i64)
}

/// `2026-11-21`, `2026-11-21T14:46:01.25+01:00`, `20261121 144601Z`, `1763736361.25`.
fn of_text(text: &str) -> Option<i64> {
    let plain_number = |c: char| c.is_ascii_digit() || c == '.';
    if text.len() != "20261121".len() && !text.is_empty() && text.chars().all(plain_number) {
        return of_number(text.parse().ok()?);
    }
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    skip(&mut rest, '-');
    let month = digits(&mut rest, 2)?;
    skip(&mut rest, '-');
    let day = digits(&mut rest, 2)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut ms = days_since_1970(year, month, day) * MS_PER_DAY;
    // Any one separator stands before the time.
    if let Some(separator) = rest.chars().next() {
        rest = &rest[separator.len_utf8()..];
        ms += time_of_day(&mut rest)?;
        ms -= offset(rest)?;
    }
    Some(ms)
}

/// `14`, `14:46`, `144601`, `14:46:01.25`: milliseconds.
fn time_of_day(rest: &mut &str) -> Option<i64> {
    let hour = digits(rest, 2)?;
    let mut parts = [0_i64; 2];
    for part in &mut parts {
        let before = *rest;
        skip(rest, ':');
        match digits(rest, 2) {
            Some(number) => *part = number,
            None => {
                *rest = before;
                break;
            }
        }
    }
    let [minute, second] = parts;
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let mut fraction = 0;
    if rest.starts_with(['.', ',']) {
        *rest = &rest[1..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let shown = &rest[..end.min(3)];
        fraction = format!("{shown:0<3}").parse().ok()?;
        *rest = &rest[end..];
    }
    Some(((hour * 60 + minute) * 60 + second) * 1000 + fraction)
}

/// What stands behind the time: nothing and `Z` mean UTC; else `+01`, `-0130`, `+01:30`. Milliseconds.
fn offset(rest: &str) -> Option<i64> {
    let rest = rest.trim();
    if rest.is_empty() || rest.eq_ignore_ascii_case("z") || rest.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let sign = match rest.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut rest = &rest[1..];
    let away = time_of_day(&mut rest)?;
    rest.is_empty().then_some(sign * away)
}

fn digits(rest: &mut &str, many: usize) -> Option<i64> {
    let number = rest.get(..many)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = &rest[many..];
    number.parse().ok()
}

fn skip(rest: &mut &str, what: char) {
    *rest = rest.strip_prefix(what).unwrap_or(rest);
}

/// Howard Hinnant's `days_from_civil`, of the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::millis;
    use serde_json::json;

    #[test]
    fn usual_forms_are_read() {
        for (value, ms) in [
            (json!("1970-01-01"), 0),
            (json!("1969-12-31"), -86_400_000),
            (json!("2026-11-21"), 1_795_219_200_000),
            (json!("20261121"), 1_795_219_200_000),
            (json!("2026-11-21T14:46:01Z"), 1_795_272_361_000),
            (json!("2026-11-21 14:46:01"), 1_795_272_361_000),
            (json!("2026-11-21T14:46:01.250000+00:00"), 1_795_272_361_250),
            (json!("2026-11-21T15:46:01.25+01:00"), 1_795_272_361_250),
            (json!("2026-11-21T13:16:01,2-0130"), 1_795_272_361_200),
            (json!("20261121T144601Z"), 1_795_272_361_000),
            (json!("2026-11-21T14:46"), 1_795_272_360_000),
            (json!("2026-11-21T14"), 1_795_269_600_000),
            (json!("2024-02-29"), 1_709_164_800_000),
            (json!(1_795_272_361), 1_795_272_361_000),
            (json!(1_795_272_361.25), 1_795_272_361_250),
            (json!(1_795_272_361_250_u64), 1_795_272_361_250),
            (json!(1_795_272_361_250_123_u64), 1_795_272_361_250),
            (json!("1795272361.25"), 1_795_272_361_250),
            (json!(" 2026-11-21 "), 1_795_219_200_000),
        ] {
            assert_eq!(millis(&value), Some(ms), "{value}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for value in [
            json!(null),
            json!(true),
            json!(""),
            json!("yesterday"),
            json!("2026-13-01"),
            json!("2026-11-21T25:00"),
            json!("2026-11-21T14:46:01 in the evening"),
            json!("2026-11-21T14:46:01+1"),
            json!(-5),
            json!(1e300),
            json!("\u{661}\u{662}"),
            json!([2026]),
        ] {
            assert_eq!(millis(&value), None, "{value}");
        }
    }
}
