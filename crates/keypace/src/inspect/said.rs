//! Numbers, times and shares as findings say them. Pure text.

/// `1204` as `1,204`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `once`, `1,204 times`.
pub(super) fn times(times: u64) -> String {
    match times {
        1 => "once".to_owned(),
        times => format!("{} times", number(times)),
    }
}

/// Microseconds: `9.5 us`, `12.1 ms`, `2.5 s`.
pub(super) fn micros(micros: f64) -> String {
    let (scaled, unit) = match micros {
        ..1e3 => (micros, "us"),
        ..1e6 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    if scaled < 10.0 {
        format!("{scaled:.1} {unit}")
    } else {
        format!("{scaled:.0} {unit}")
    }
}

/// Bytes: `900 B`, `1.5 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let mut scaled = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if scaled < 999.5 {
            break;
        }
        scaled /= 1000.0;
        unit = larger;
    }
    if unit == "B" || scaled >= 99.95 {
        format!("{scaled:.0} {unit}")
    } else {
        format!("{scaled:.1} {unit}")
    }
}

/// A share from 0 to 1: `38 %`, `0.4 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share.clamp(0.0, 1.0) * 100.0;
    if percent > 0.0 && percent < 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// Seconds: `45 s`, `12 min`, `3.4 h`, `12 d`.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{:.1} h", seconds as f64 / 3600.0),
        _ => format!("{} d", number(seconds / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, micros, number, percent, span, times};

    #[test]
    fn numbers_have_two_or_three_figures() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(
            (times(1), times(1204)),
            ("once".to_owned(), "1,204 times".to_owned())
        );
        assert_eq!(
            [9.54, 12_100.0, 2_500_000.0].map(micros),
            ["9.5 us", "12 ms", "2.5 s"]
        );
        assert_eq!([900, 1_500_000].map(bytes), ["900 B", "1.5 MB"]);
        assert_eq!(
            [0.0, 0.004, 0.38, 1.0].map(percent),
            ["0 %", "0.4 %", "38 %", "100 %"]
        );
        assert_eq!(
            [45, 720, 12_240, 1_036_800].map(span),
            ["45 s", "12 min", "3.4 h", "12 d"]
        );
    }
}
