//! Numbers, shares and spans as people read them. Pure text: no output, no state.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 key`, `2 keys`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number))
}

/// A share from 0 to 1 as `42 %`; small ones keep a digit, and only the whole is 100.
pub(crate) fn percent(share: f64) -> String {
    let hundredth = share.clamp(0.0, 1.0) * 100.0;
    if hundredth > 0.0 && hundredth < 0.1 {
        "under 0.1 %".to_owned()
    } else if hundredth > 0.0 && hundredth < 10.0 {
        format!("{hundredth:.1} %")
    } else if hundredth > 99.0 && hundredth < 100.0 {
        "99 %".to_owned()
    } else {
        format!("{hundredth:.0} %")
    }
}

/// How long something took or will take: `350 ms`, `12.3 s`, `4 m 05 s`, `2 h 03 m`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds < 3600 {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60)
    }
}

/// What a client waited: `85 us`, `1.24 ms`, `180 ms`, `2.5 s`.
pub(crate) fn wait(micros: u64) -> String {
    let time = Duration::from_micros(micros);
    let millis = time.as_secs_f64() * 1000.0;
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..10_000 => format!("{millis:.2} ms"),
        10_000..1_000_000 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Bytes with a decimal unit: `30 B`, `4.1 kB`, `25.8 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut scaled = number as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        // What would be rounded to a thousand has the next unit.
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

/// Bytes with the units in which people type them: `30 B`, `4.1 KiB`, `120 MiB`.
pub(crate) fn binary_bytes(number: u64) -> String {
    let mut scaled = number as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        // What would be rounded to 1024 has the next unit.
        if scaled < 1023.5 {
            break;
        }
        scaled /= 1024.0;
        unit = larger;
    }
    if unit == "B" || scaled >= 9.95 {
        format!("{scaled:.0} {unit}")
    } else {
        format!("{scaled:.1} {unit}")
    }
}

/// Rows in columns: the first column to the left, the rest to the right, two spaces between.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| console::measure_text_width(cell))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - console::measure_text_width(cell));
            if column == 0 {
                line.push_str(cell);
                line.push_str(&gap);
            } else {
                line.push_str("  ");
                line.push_str(&gap);
                line.push_str(cell);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{binary_bytes, bytes, grouped, percent, plural, span, table, wait};
    use std::time::Duration;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(plural(1, "key"), "1 key");
        assert_eq!(plural(2000, "key"), "2,000 keys");
    }

    #[test]
    fn only_the_whole_is_a_hundred_percent() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.0001, "under 0.1 %"),
            (0.034, "3.4 %"),
            (0.42, "42 %"),
            (0.9999, "99 %"),
            (1.0, "100 %"),
            (7.0, "100 %"),
            (f64::NAN, "NaN %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn spans_and_waits_keep_three_figures() {
        assert_eq!(span(Duration::from_millis(350)), "350 ms");
        assert_eq!(span(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(span(Duration::from_secs(245)), "4 m 05 s");
        assert_eq!(span(Duration::from_secs(7_380)), "2 h 03 m");
        assert_eq!(wait(85), "85 us");
        assert_eq!(wait(1_240), "1.24 ms");
        assert_eq!(wait(180_400), "180 ms");
        assert_eq!(wait(2_500_000), "2.5 s");
    }

    #[test]
    fn bytes_have_three_figures() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (4_120, "4.1 kB"),
            (99_949, "99.9 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (25_812_345, "25.8 MB"),
            (1_234_567_890, "1.2 GB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn binary_units_are_the_typed_ones() {
        for (number, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (4_200, "4.1 KiB"),
            (120 << 20, "120 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
            (40 << 30, "40 GiB"),
        ] {
            assert_eq!(binary_bytes(number), text);
        }
    }

    #[test]
    fn columns_align() {
        let rows = vec![
            vec!["session:".to_owned(), "12".to_owned()],
            vec!["a".to_owned(), "1234".to_owned()],
        ];
        assert_eq!(table(&rows), "session:    12\na         1234\n");
    }
}
