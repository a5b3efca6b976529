//! Statistics against a naive model, their sums over nodes, and the room that they take.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::{Aggregate, StatsOptions, prefix_of};
use crate::key::{Facts, Key, Size, Ttl, TypeName};
use crate::limits;
use crate::report::StatsReport;

fn facts(kind: &TypeName, ttl_s: Option<u64>, idle_s: u64, bytes: u64) -> Facts {
    Facts {
        kind: Some(kind.clone()),
        ttl: Some(ttl_s.map_or(Ttl::None, |left| Ttl::Left(Duration::from_secs(left)))),
        idle: Some(Duration::from_secs(idle_s)),
        size: Some(Size::bytes(bytes)),
    }
}

fn kinds() -> impl Strategy<Value = TypeName> {
    prop_oneof![
        Just(TypeName::String),
        Just(TypeName::Hash),
        Just(TypeName::Other("ReJSON-RL".into())),
    ]
}

/// Keys of a few prefixes, with facts.
fn keys() -> impl Strategy<Value = Vec<(Key, Facts)>> {
    let ages = || prop_oneof![0..200_u64, 0..1_000_000_u64, 0..40_000_000_u64];
    let key = (
        0..6_u8,
        any::<u16>(),
        kinds(),
        prop::option::of(ages()),
        ages(),
        0..9_000_u64,
    );
    let key = key.prop_map(|(prefix, n, kind, ttl, idle, bytes)| {
        let name = match prefix {
            0 => n.to_string(),
            prefix => format!("p{prefix}:s{}:{n}", n % 3),
        };
        (Key::new(name), facts(&kind, ttl, idle, bytes))
    });
    prop::collection::vec(key, 0..300)
}

fn aggregate(options: StatsOptions, keys: &[(Key, Facts)]) -> Aggregate {
    let mut aggregate = Aggregate::new(options);
    keys.iter()
        .for_each(|(key, facts)| aggregate.add(key, facts));
    aggregate
}

/// Prefix, keys, bytes, hashes, keys without TTL, keys with ten minutes and less, keys idle for more than 180 days.
type Line = (String, u64, u64, u64, u64, u64, u64);

fn lines(report: &StatsReport) -> Vec<Line> {
    let rows = report.prefixes.iter();
    let mut lines: Vec<Line> = rows
        .map(|row| {
            let soon = row.ttl_seconds.get("60") + row.ttl_seconds.get("600");
            (
                row.prefix.clone(),
                row.keys,
                row.bytes,
                row.types.get("hash"),
                row.no_ttl,
                soon,
                row.idle_seconds.get("inf"),
            )
        })
        .collect();
    lines.sort();
    lines
}

/// The same in the plainest way.
fn naive(keys: &[(Key, Facts)], depth: usize) -> Vec<Line> {
    let mut rows: BTreeMap<String, Line> = BTreeMap::new();
    for (key, facts) in keys {
        let name = String::from_utf8_lossy(key.as_bytes()).into_owned();
        let segments: Vec<&str> = name.split_inclusive(':').collect();
        let whole = segments.iter().filter(|segment| segment.ends_with(':'));
        let prefix: String = whole.take(depth).copied().collect();
        let row = rows.entry(prefix.clone()).or_default();
        let left = match facts.ttl {
            Some(Ttl::Left(left)) => left.as_secs(),
            _ => u64::MAX,
        };
        row.0 = prefix;
        row.1 += 1;
        row.2 += facts.size.map_or(0, |size| size.amount);
        row.3 += u64::from(facts.kind.as_ref() == Some(&TypeName::Hash));
        row.4 += u64::from(facts.ttl == Some(Ttl::None));
        row.5 += u64::from(left <= 600);
        row.6 += u64::from(facts.idle.is_some_and(|idle| idle.as_secs() > 15_552_000));
    }
    rows.into_values().collect()
}

proptest! {
    #[test]
    fn rows_are_those_of_a_naive_model(keys in keys(), depth in 1..4_usize) {
        let report = aggregate(StatsOptions::default().with_depth(depth), &keys).report();
        prop_assert_eq!(lines(&report), naive(&keys, depth));
        prop_assert_eq!(report.keys, keys.len() as u64);
        prop_assert_eq!(report.bytes, report.prefixes.iter().map(|row| row.bytes).sum::<u64>());
        prop_assert_eq!((report.bytes_error, report.measured), (0, report.keys));
        prop_assert!(report.prefixes.is_sorted_by_key(|row| std::cmp::Reverse(row.keys)));
    }

    #[test]
    fn nodes_add_up(left in keys(), right in keys()) {
        let options = StatsOptions::default();
        let mut merged = aggregate(options, &left);
        merged.merge(&aggregate(options, &right));
        let whole = [left, right].concat();
        let (merged, whole) = (merged.report(), aggregate(options, &whole).report());
        prop_assert_eq!(lines(&merged), lines(&whole));
        // A key that both have is named once, with the size that came last or the larger.
        if merged.biggest.len() == whole.biggest.len() {
            prop_assert_eq!(merged.biggest.first(), whole.biggest.first());
        }
    }
}

#[test]
fn prefixes_end_with_a_separator() {
    for (key, separator, depth, prefix) in [
        ("session:1:data", b':', 1, "session:"),
        ("session:1:data", b':', 2, "session:1:"),
        ("session:1", b':', 2, "session:"),
        ("a/b:c", b'/', 1, "a/"),
        ("plain", b':', 1, ""),
        (":x", b':', 1, ":"),
    ] {
        let own = prefix_of(key.as_bytes(), separator, depth);
        assert_eq!(own, prefix.as_bytes(), "{key} {depth}");
    }
}

#[test]
fn json_has_the_names_that_callers_rely_on() {
    let mut aggregate = Aggregate::new(StatsOptions::default().with_top(2));
    aggregate.add(&Key::new("a:1"), &facts(&TypeName::Hash, Some(61), 5, 100));
    aggregate.add(&Key::new("a:2"), &facts(&TypeName::String, None, 7_200, 50));
    aggregate.add(
        &Key::new(&b"\xff"[..]),
        &facts(&TypeName::String, None, 0, 70),
    );
    let json = serde_json::to_value(aggregate.report()).expect("JSON");
    assert_eq!(json["keys"], 3);
    assert_eq!(json["bytes"], 220);
    assert_eq!(json["bytes_error"], 0);
    let row = serde_json::json!({
        "prefix": "a:", "keys": 2, "bytes": 150, "bytes_error": 0, "measured": 2, "types": {"hash": 1, "string": 1},
        "no_ttl": 1, "ttl_seconds": {"600": 1}, "idle_seconds": {"60": 1, "21600": 1},
    });
    assert_eq!(json["prefixes"][0], row);
    let biggest = serde_json::json!([
        {"key": "a:1", "type": "hash", "bytes": 100},
        {"key": "\\xff", "key_b64": "/w==", "type": "string", "bytes": 70},
    ]);
    assert_eq!(json["biggest"], biggest);
    let text = serde_json::to_string(&aggregate.report()).expect("JSON");
    assert!(
        text.contains(r#""idle_seconds":{"60":1,"21600":1}"#),
        "in order: {text}"
    );
}

#[test]
fn elements_are_no_bytes() {
    let mut aggregate = Aggregate::new(StatsOptions::default());
    let size = Some(Size::elements(1_000));
    let kind = Some(TypeName::Set);
    let facts = Facts {
        kind,
        size,
        ..Facts::default()
    };
    aggregate.add(&Key::new("a:1"), &facts);
    let report = aggregate.report();
    assert_eq!((report.keys, report.bytes, report.measured), (1, 0, 0));
    assert_eq!(
        (report.biggest[0].bytes, report.biggest[0].elements),
        (0, Some(1_000))
    );
    assert!(report.bytes_note.is_some());
}

#[test]
fn a_share_is_above_0_and_up_to_1() {
    for share in [0.0, -1.0, 1.01, f64::NAN, f64::INFINITY] {
        assert!(
            StatsOptions::default().with_share(share).is_err(),
            "{share}"
        );
    }
    assert!(StatsOptions::default().with_share(0.001).is_ok());
}

#[test]
fn what_is_begun_again_holds_nothing_but_what_it_lacks() {
    let mut aggregate = Aggregate::new(StatsOptions::default());
    aggregate.lacks_idle(Some("it lies".to_owned()));
    aggregate.add(&Key::new("a:1"), &facts(&TypeName::Hash, None, 0, 5));
    aggregate.restart();
    let report = aggregate.report();
    assert_eq!((report.keys, report.prefixes.len()), (0, 0));
    assert_eq!(report.idle_note.as_deref(), Some("it lies"));
    let mut all = Aggregate::new(StatsOptions::default());
    all.merge(&aggregate);
    assert_eq!(all.report().idle_note, None, "of no key");
}

/// Of each prefix the first keys are measured, and of the others the share.
#[test]
fn a_small_prefix_is_exact_and_a_large_one_is_estimated() {
    let options = StatsOptions::default().with_share(0.1).expect("a share");
    let mut aggregate = Aggregate::new(options);
    let mut asked = 0;
    let mut add = |aggregate: &mut Aggregate, name: String, bytes: u64| {
        let key = Key::new(name);
        let mut facts = facts(&TypeName::String, None, 0, bytes);
        if aggregate.wants_size(&key, &facts) {
            asked += 1;
        } else {
            facts.size = None;
        }
        aggregate.add(&key, &facts);
    };
    for n in 0..20 {
        add(&mut aggregate, format!("small:{n}"), 1_000 * n);
    }
    for n in 0..10_000 {
        add(&mut aggregate, format!("large:{n}"), 90 + n % 21);
    }
    let report = aggregate.report();
    assert_eq!(report.measured, asked);
    assert!((900..1_200).contains(&asked), "{asked}");
    let [large, small] = &report.prefixes[..] else {
        panic!("{report:?}");
    };
    assert_eq!(
        (small.bytes, small.bytes_error, small.measured),
        (190_000, 0, 20)
    );
    // Sizes are spread evenly over 21: a deviation of 6, over 1,000 measured ones of 10,000.
    assert!((1_000..2_600).contains(&large.bytes_error), "{large:?}");
    let off = large.bytes.abs_diff(1_000_000);
    assert!(off < 4 * large.bytes_error, "{large:?}");
    assert_eq!(report.bytes_error, large.bytes_error);
    let biggest: Vec<_> = report.biggest.iter().map(|big| big.key.as_str()).collect();
    assert_eq!(biggest[0], "small:19");
}

/// One huge key of another type is measured for being the first of its type, and says nothing about the others.
#[test]
fn types_are_estimated_each_for_itself() {
    let options = StatsOptions::default().with_share(0.05).expect("a share");
    let mut aggregate = Aggregate::new(options);
    for n in 0..2_001_u64 {
        let is_huge = n == 900;
        let (kind, bytes) = if is_huge {
            (TypeName::Zset, 5_000_000)
        } else {
            (TypeName::String, 64)
        };
        let key = Key::new(format!("a:{n}"));
        let mut facts = facts(&kind, None, 0, bytes);
        if !aggregate.wants_size(&key, &facts) {
            facts.size = None;
        }
        aggregate.add(&key, &facts);
    }
    let report = aggregate.report();
    assert_eq!(
        (report.bytes, report.bytes_error),
        (5_000_000 + 2_000 * 64, 0)
    );
    assert!(report.measured < 200, "{report:?}");
}

/// Also where there are more prefixes than rows: a type's first keys are measured wherever they are met.
#[test]
fn a_rare_type_is_measured_among_many_prefixes() {
    let options = StatsOptions::default().with_share(0.01).expect("a share");
    let mut aggregate = Aggregate::new(options);
    for n in 0..20_000_u64 {
        let is_huge = n == 15_000;
        let (kind, bytes) = if is_huge {
            (TypeName::Zset, 5_000_000)
        } else {
            (TypeName::String, 64)
        };
        let key = Key::new(format!("p{n}:x"));
        let mut facts = facts(&kind, None, 0, bytes);
        if !aggregate.wants_size(&key, &facts) {
            facts.size = None;
        }
        aggregate.add(&key, &facts);
    }
    let report = aggregate.report();
    assert!(report.prefix_keys_error > 0, "rows were let go of");
    assert_eq!(
        (report.bytes, report.bytes_error),
        (5_000_000 + 19_999 * 64, 0)
    );
}

/// The room is for the rows, whatever the number of prefixes.
#[test]
fn millions_of_prefixes_take_no_more_room_than_the_rows() {
    let options = StatsOptions::default().with_share(0.01).expect("a share");
    let mut aggregate = Aggregate::new(options);
    let known = facts(&TypeName::String, None, 0, 64);
    let unknown = Facts {
        size: None,
        ..known.clone()
    };
    // Unoptimized a million takes twenty seconds.
    let keys: u64 = if cfg!(debug_assertions) {
        400_000
    } else {
        5_000_000
    };
    let heavy = keys / 100;
    for n in 0..keys {
        // One in a hundred is of a prefix that comes again.
        let name = if n % (keys / heavy) == 0 {
            format!("heavy:{n}")
        } else {
            format!("p{n}:x")
        };
        let key = Key::new(name);
        let facts = if aggregate.wants_size(&key, &known) {
            &known
        } else {
            &unknown
        };
        aggregate.add(&key, facts);
        assert!(aggregate.table.len() <= limits::STATS_PREFIXES);
    }
    let report = aggregate.report();
    assert_eq!(report.keys, keys);
    assert!(report.prefixes.len() <= limits::STATS_PREFIXES + 1);
    assert_eq!(
        report.prefixes.iter().map(|row| row.keys).sum::<u64>(),
        keys
    );
    let by_name: HashMap<_, _> = report
        .prefixes
        .iter()
        .map(|row| (row.prefix.as_str(), row))
        .collect();
    let row = by_name.get("heavy:").expect("the heaviest is kept");
    assert!(row.keys <= heavy && row.keys + report.prefix_keys_error >= heavy);
    assert!(report.prefix_keys_error <= 2 * keys / limits::STATS_PREFIXES as u64);
    // All sizes are the same, so the estimate is exact, and few keys were measured beyond the share.
    assert_eq!((report.bytes, report.bytes_error), (64 * keys, 0));
    assert!(
        (keys / 100..keys / 100 + 6_000).contains(&(report.measured + 500)),
        "{}",
        report.measured
    );
}
