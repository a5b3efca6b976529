//! What servers count of each command: the sections commandstats and latencystats of INFO. Pure, for any bytes.

use std::collections::BTreeMap;

use super::look::read;
use crate::port::Info;

/// Commands that INFO may name: servers have some 400 with their subcommands, modules add to them.
const MAX_COMMANDS: usize = 4_096;

/// One command's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) calls: u64,
    pub(super) usec: u64,
    pub(super) rejected: u64,
    pub(super) failed: u64,
    pub(super) p50_us: Option<u64>,
    pub(super) p99_us: Option<u64>,
}

/// Counts by the command's name, `config|get` for one of a container.
pub(super) type Counts = BTreeMap<String, Counted>;

/// Reads both sections; that of the percentiles may be missing.
pub(super) fn counts(commandstats: &[u8], latencystats: &[u8]) -> Counts {
    let mut counts = Counts::new();
    for (name, value) in Info::parse(commandstats).with_prefix("cmdstat_") {
        let number = |field: &str| field_of(value, field).map(read);
        let (Some(calls), Some(usec)) = (number("calls"), number("usec")) else {
            continue;
        };
        if counts.len() < MAX_COMMANDS && is_name(name) {
            counts.insert(
                name.to_owned(),
                Counted {
                    calls,
                    usec,
                    rejected: number("rejected_calls").unwrap_or(0),
                    failed: number("failed_calls").unwrap_or(0),
                    ..Counted::default()
                },
            );
        }
    }
    for (name, value) in Info::parse(latencystats).with_prefix("latency_percentiles_usec_") {
        if let Some(counted) = counts.get_mut(name) {
            let micros = |field: &str| {
                field_of(value, field)?
                    .parse::<f64>()
                    .ok()
                    .map(|us| us as u64)
            };
            counted.p50_us = micros("p50");
            counted.p99_us = micros("p99");
        }
    }
    counts
}

/// What was counted between two looks; `None` where the later one has less, and the counting began anew in between.
pub(super) fn between(earlier: &Counts, later: &Counts) -> Option<Counts> {
    let mut window = Counts::new();
    for (name, now) in later {
        let before = earlier.get(name).copied().unwrap_or_default();
        let counted = Counted {
            calls: now.calls.checked_sub(before.calls)?,
            usec: now.usec.checked_sub(before.usec)?,
            rejected: now.rejected.checked_sub(before.rejected)?,
            failed: now.failed.checked_sub(before.failed)?,
            // Percentiles are of the whole time.
            p50_us: None,
            p99_us: None,
        };
        if counted != Counted::default() {
            window.insert(name.clone(), counted);
        }
    }
    let is_whole = earlier.keys().all(|name| later.contains_key(name));
    is_whole.then_some(window)
}

/// Whether somebody let the counting begin anew: that command is the first one that is counted again. From 7.0 on.
pub(super) fn was_reset(counts: &Counts) -> bool {
    counts
        .get("config|resetstat")
        .is_some_and(|counted| counted.calls > 0)
}

/// The time of all commands.
pub(super) fn total_usec(counts: &Counts) -> u64 {
    counts
        .values()
        .fold(0, |sum, counted| sum.saturating_add(counted.usec))
}

/// `usec` of `calls=2,usec=19,usec_per_call=9.50`.
fn field_of<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value
        .split(',')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A name that a terminal and a table can take.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '|' | '.' | '_' | '-');
    !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::{Counted, between, counts, was_reset};
    use proptest::prelude::proptest;

    const STATS: &[u8] = b"# Commandstats\r\n\
        cmdstat_keys:calls=2,usec=19,usec_per_call=9.50,rejected_calls=1,failed_calls=3\r\n\
        cmdstat_config|resetstat:calls=1,usec=8,usec_per_call=8.00,rejected_calls=0,failed_calls=0\r\n\
        cmdstat_\x1b[2J:calls=1,usec=1,usec_per_call=1.00\r\n\
        cmdstat_old:calls=5,usec=50,usec_per_call=10.00\r\n";

    #[test]
    fn both_sections_are_read() {
        let latency = b"# Latencystats\r\nlatency_percentiles_usec_keys:p50=4.015,p99=15.039,p99.9=15.039\r\n";
        let read = counts(STATS, latency);
        assert_eq!(
            read["keys"],
            Counted {
                calls: 2,
                usec: 19,
                rejected: 1,
                failed: 3,
                p50_us: Some(4),
                p99_us: Some(15)
            }
        );
        assert_eq!(read["old"].usec, 50);
        assert!(was_reset(&read) && read.len() == 3, "{read:?}");
    }

    #[test]
    fn a_window_is_what_was_added() {
        let earlier = counts(STATS, b"");
        let later = counts(b"cmdstat_keys:calls=5,usec=100,rejected_calls=1,failed_calls=3\r\ncmdstat_old:calls=5,usec=50\r\ncmdstat_config|resetstat:calls=1,usec=8\r\ncmdstat_new:calls=1,usec=1\r\n", b"");
        let window = between(&earlier, &later).expect("added to");
        assert_eq!(
            (window.len(), window["keys"].calls, window["keys"].usec),
            (2, 3, 81)
        );
        assert_eq!(between(&later, &earlier), None);
        assert_eq!(between(&earlier, &counts(b"", b"")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(a: Vec<u8>, b: Vec<u8>) {
            let (a, b) = (counts(&a, &b), counts(&b, &a));
            between(&a, &b);
        }

        #[test]
        fn lines_with_any_value_are_read(name in "\\PC{0,20}", value in "\\PC{0,60}") {
            counts(
                format!("cmdstat_{name}:calls={value},usec={value}\r\n").as_bytes(),
                format!("latency_percentiles_usec_{name}:p50={value}\r\n").as_bytes(),
            );
        }
    }
}
