//! The table of statistics at several widths, with what names may hold.

use keypace::{BigKey, Named, PrefixStats, StatsReport};

use super::{shortened, table};
use crate::render::paint::Paint;

fn named(counts: &[(&str, u64)]) -> Named {
    Named(
        counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect(),
    )
}

fn row(prefix: &str, keys: u64, bytes: u64) -> PrefixStats {
    let mut row = PrefixStats::default();
    prefix.clone_into(&mut row.prefix);
    row.keys = keys;
    row.bytes = bytes;
    row.measured = keys;
    row.types = named(&[("hash", keys)]);
    row.no_ttl = keys / 4;
    row.ttl_seconds = named(&[("60", keys / 2), ("inf", keys / 4)]);
    row.idle_seconds = named(&[("86400", keys)]);
    row
}

fn report(prefixes: Vec<PrefixStats>) -> StatsReport {
    let mut report = StatsReport::default();
    report.complete = true;
    report.keys = prefixes.iter().map(|row| row.keys).sum();
    report.bytes = prefixes.iter().map(|row| row.bytes).sum();
    report.measured = prefixes.iter().map(|row| row.measured).sum();
    report.prefixes = prefixes;
    report
}

fn big(key: &str, bytes: u64) -> BigKey {
    let mut big = BigKey::default();
    key.clone_into(&mut big.key);
    "zset".clone_into(&mut big.kind);
    big.bytes = bytes;
    big
}

fn shown(report: &StatsReport, columns: usize) -> String {
    table(report, columns, Paint::stderr_plain())
}

#[test]
fn a_small_keyspace_is_read_at_a_glance() {
    let mut rows = vec![
        row("session:", 120_000, 14_400_000),
        row("", 80_000, 4_000_000),
    ];
    rows[1].types = named(&[("string", 60_000), ("set", 20_000)]);
    let mut report = report(rows);
    report.biggest = vec![big("board\x1b[2J", 4_100_000)];
    let expected = r"200,000 keys, 18.4 MB

prefix       keys           bytes         no TTL  types
session:  120,000   60 %  14.4 MB   78 %    25 %  hash
(none)     80,000   40 %   4.0 MB   22 %    25 %  string 75 %, set 25 %
total     200,000  100 %  18.4 MB  100 %    25 %  hash 60 %, string 30 %, ...

types
  hash    120,000    60 %  ########################
  string   60,000    30 %  ############
  set      20,000    10 %  ####

time to live
  never expire     50,000    25 %  ##########
  up to 1 minute  100,000    50 %  ####################
";
    let text = shown(&report, 80);
    assert_eq!(
        text.lines().take(15).collect::<Vec<_>>(),
        expected.lines().take(15).collect::<Vec<_>>(),
        "{text}"
    );
    assert!(
        text.contains("idle for\n  up to 1 day  200,000   100 %  ####"),
        "{text}"
    );
    assert!(
        text.ends_with("biggest keys\n  4.1 MB  zset  board\\x1b[2J\n"),
        "{text}"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = format!("{}:", "a-very-long-prefix".repeat(8));
    let mut rows = vec![
        row(&long, 5_000_000, 123_456_789_012),
        row(
            "\u{65e5}\u{672c}\u{8a9e}\u{65e5}\u{672c}\u{8a9e}\u{65e5}\u{672c}\u{8a9e}:",
            1,
            2,
        ),
        row("", 17, 1_000),
        row("(others)", 1_000_000, 88),
    ];
    rows[0].types = named(&[
        ("ReJSON-RL", 4_000_000),
        ("string", 900_000),
        ("set", 100_000),
    ]);
    rows[0].bytes_error = 1_000_000_000;
    rows[0].measured = 50_000;
    let mut report = report(rows);
    report.bytes_error = 1_000_000_000;
    report.prefix_keys_error = 1_234;
    report.idle_note = Some("the server keeps no idle times under allkeys-lfu".to_owned());
    report.biggest = vec![big(&long, 4_100_000_000), big("x", 1)];
    for columns in 30..200 {
        let text = shown(&report, columns);
        for line in text.lines() {
            let width = console::measure_text_width(line);
            assert!(width <= columns, "{width} > {columns}: {line}");
        }
        assert!(text.contains("6,000,018"), "{text}");
    }
    let text = shown(&report, 80);
    assert!(
        text.contains("about 123 GB\n  +-2.0 GB (19 times of 20)"),
        "{text}"
    );
    assert!(
        text.contains("note: no idle times: the server keeps no idle times"),
        "{text}"
    );
    assert!(
        text.contains("biggest keys, of the 1,050,018 measured"),
        "{text}"
    );
}

#[test]
fn rows_beyond_a_screen_are_one_and_sums_stay() {
    let text = shown(
        &report((0..100).map(|n| row(&format!("p{n}:"), 10, 100)).collect()),
        80,
    );
    assert!(text.contains("(70 more)    700   70 %"), "{text}");
    assert!(text.contains("total      1,000  100 %"), "{text}");
}

#[test]
fn what_is_not_whole_is_not_taken_for_it() {
    let mut report = report(vec![row("a:", 4, 100)]);
    report.complete = false;
    let text = shown(&report, 80);
    assert!(text.starts_with("at least 4 keys"), "{text}");
    assert!(text.contains("\nat least     4"), "{text}");
    assert_eq!(shown(&StatsReport::default(), 80), "at least 0 keys\n");
}

#[test]
fn names_lose_their_middle() {
    assert_eq!(shortened("abcdefghij", 10), "abcdefghij");
    assert_eq!(shortened("abcdefghijk", 10), "abcd...ijk");
    assert_eq!(
        shortened("\u{65e5}\u{672c}\u{8a9e}\u{65e5}", 7),
        "\u{65e5}...\u{65e5}"
    );
    assert_eq!(shortened("abcdef", 2), "..");
}
