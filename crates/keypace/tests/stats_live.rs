//! Statistics on real servers: what is told is what the server itself says of each key, nothing is counted twice whatever
//! moves, and asking leaves no trace on the keys.

mod common;
#[path = "cluster_live/stage.rs"]
#[expect(dead_code, reason = "a part of it is used here")]
mod stage;

use std::collections::BTreeMap;

use keypace::{
    ConnectOptions, ErrorKind, Filters, ScanOptions, StatsOptions, StatsReport, Sweep, SweepOptions,
};
use keypace_lab::{ClusterOptions, OwnedServer, Raw, seed};

use common::{Random, connect, pattern, raw, run, scan, servers};
use stage::{Stage, each_program, quick, repeated};

const DAY_S: u64 = 24 * 3600;

/// Drives statistics to their end.
async fn stats(server: &OwnedServer, options: SweepOptions, stats: StatsOptions) -> StatsReport {
    let keyspace = connect(server).await;
    let sweep = Sweep::stats(&keyspace, options, stats).await;
    let mut sweep = sweep.expect("started");
    while sweep.next().await.is_some() {}
    sweep.stats_report()
}

fn all() -> SweepOptions {
    quick(scan("*"), 100)
}

/// Keys of every type, with and without a TTL, some with names that are no text.
fn fill(raw: &mut Raw, random: &mut Random) {
    for n in 0..600 {
        let prefix = ["user:", "cache:", "", "deep:a:"][random.below(4) as usize];
        let key = [
            prefix.as_bytes(),
            b"\xff\n"[..(n % 3).min(2)].as_ref(),
            n.to_string().as_bytes(),
        ]
        .concat();
        let value = vec![b'x'; random.below(4_000) as usize];
        match random.below(6) {
            0 => run(raw, &[&[b"RPUSH", &key, &value, b"a", b"b"]]),
            1 => run(raw, &[&[b"SADD", &key, &value, b"a", b"b"]]),
            2 => run(raw, &[&[b"ZADD", &key, b"1", &value]]),
            3 => run(raw, &[&[b"HSET", &key, b"field", &value]]),
            4 => run(raw, &[&[b"XADD", &key, b"*", b"field", &value]]),
            _ => run(raw, &[&[b"SET", &key, &value]]),
        }
        let seconds = [30, 500, 3_000, 400_000, 40_000_000][random.below(5) as usize].to_string();
        if random.below(3) > 0 {
            run(raw, &[&[b"EXPIRE", &key, seconds.as_bytes()]]);
        }
    }
}

/// Keys, bytes, keys without TTL, keys with up to ten minutes, sets.
type Line = (u64, u64, u64, u64, u64);

/// What the server says, key by key.
fn truth(raw: &mut Raw) -> BTreeMap<Vec<u8>, Line> {
    let mut lines: BTreeMap<Vec<u8>, Line> = BTreeMap::new();
    let keys = raw.command(&[b"KEYS", b"*"]).expect("asked");
    for key in keys.items().expect("keys") {
        let key = key.bytes().expect("a key");
        let mut ask = |words: &[&[u8]]| raw.command(words).expect("asked");
        let ttl = ask(&[b"TTL", key]).int().expect("a TTL");
        let bytes = ask(&[b"MEMORY", b"USAGE", key]).int().expect("bytes");
        let is_set = ask(&[b"TYPE", key]) == keypace_lab::Value::Simple("set".to_owned());
        let end = key
            .iter()
            .position(|byte| *byte == b':')
            .map_or(0, |at| at + 1);
        let line = lines.entry(key[..end].to_vec()).or_default();
        line.0 += 1;
        line.1 += u64::try_from(bytes).expect("a size");
        line.2 += u64::from(ttl == -1);
        line.3 += u64::from((0..=600).contains(&ttl));
        line.4 += u64::from(is_set);
    }
    lines
}

#[tokio::test]
async fn what_is_told_is_what_the_server_says_of_each_key() {
    for server in servers() {
        let mut random = Random::seeded();
        let mut eye = raw(&server);
        fill(&mut eye, &mut random);
        let truth = truth(&mut eye);
        let report = stats(&server, all(), StatsOptions::default()).await;
        assert!(report.complete && report.errors.is_empty(), "{report:?}");
        let told: BTreeMap<Vec<u8>, Line> = report
            .prefixes
            .iter()
            .map(|row| {
                let soon = row.ttl_seconds.get("60") + row.ttl_seconds.get("600");
                let line = (row.keys, row.bytes, row.no_ttl, soon, row.types.get("set"));
                (row.prefix.clone().into_bytes(), line)
            })
            .collect();
        assert_eq!(told, truth);
        assert_eq!(
            (report.keys, report.measured, report.bytes_error),
            (600, 600, 0)
        );
        assert_eq!(report.bytes, truth.values().map(|line| line.1).sum::<u64>());
        assert_eq!((report.samples, report.biggest.len()), (5, 10));
        assert!(
            report
                .biggest
                .is_sorted_by_key(|big| std::cmp::Reverse(big.bytes))
        );
        // Just written: nobody has left them alone for long.
        assert_eq!(report.idle_note, None);
        let idle = report.prefixes.iter().map(|row| row.idle_seconds.get("60"));
        assert_eq!(idle.sum::<u64>(), 600, "{report:?}");
    }
}

#[tokio::test]
async fn the_biggest_keys_are_named_by_their_bytes() {
    for server in servers() {
        let mut eye = raw(&server);
        seed::strings(&mut eye, b"small:", 0..500, 8).expect("seeded");
        let value = vec![b'x'; 100_000];
        run(
            &mut eye,
            &[
                &[b"SET", b"big\xff", &value],
                &[b"SET", b"less", &value[..50_000]],
            ],
        );
        let report = stats(&server, all(), StatsOptions::default().with_top(2)).await;
        let [big, less] = &report.biggest[..] else {
            panic!("{report:?}");
        };
        assert_eq!(
            (big.key.as_str(), big.key_b64.as_deref()),
            ("big\\xff", Some("Ymln/w=="))
        );
        assert_eq!(
            (
                less.key.as_str(),
                less.key_b64.as_deref(),
                less.kind.as_str()
            ),
            ("less", None, "string")
        );
        assert!(
            big.bytes > 100_000 && (50_000..100_000).contains(&less.bytes),
            "{report:?}"
        );
    }
}

/// How often a command was called.
fn calls(raw: &mut Raw, command: &str) -> u64 {
    let stats = raw.info("commandstats").expect("told");
    let names = stats.iter().filter(|(name, _)| {
        let name = name.trim_start_matches("cmdstat_");
        name == command || name.starts_with(&format!("{command}|"))
    });
    names
        .map(|(_, text)| {
            let calls = text
                .strip_prefix("calls=")
                .and_then(|text| text.split(',').next());
            calls
                .and_then(|calls| calls.parse::<u64>().ok())
                .expect("a number")
        })
        .sum()
}

#[tokio::test]
async fn a_share_is_measured_and_the_rest_estimated() {
    const KEYS: u64 = 20_000;
    for server in servers() {
        let mut eye = raw(&server);
        seed::strings(&mut eye, b"a:", 0..KEYS / 2, 10).expect("seeded");
        seed::strings(&mut eye, b"b:", 0..KEYS / 2, 500).expect("seeded");
        seed::strings(&mut eye, b"c:", 0..7, 5_000).expect("seeded");
        let whole = stats(&server, all(), StatsOptions::default()).await;
        let before = calls(&mut eye, "memory");
        let options = StatsOptions::default().with_share(0.02).expect("a share");
        let part = stats(&server, all(), options).await;
        // One more is the question whether it may be asked.
        let asked = calls(&mut eye, "memory") - before;
        assert!(
            asked.abs_diff(part.measured) <= 4,
            "{asked}, {}",
            part.measured
        );
        assert!((300..900).contains(&part.measured), "{part:?}");
        assert!(part.complete && part.keys == whole.keys, "{part:?}");
        let off = part.bytes.abs_diff(whole.bytes);
        assert!(
            off <= 4 * part.bytes_error + whole.bytes / 100,
            "{part:?}, {}",
            whole.bytes
        );
        let row = |report: &StatsReport| {
            report
                .prefixes
                .iter()
                .find(|row| row.prefix == "c:")
                .cloned()
        };
        // The first keys of a prefix are measured whatever the share is.
        assert_eq!(row(&part), row(&whole));
    }
}

/// Makes a key look unused for 40 days.
fn age(raw: &mut Raw, key: &[u8]) {
    let dump = raw.command(&[b"DUMP", key]).expect("dumped");
    let dump = dump.bytes().expect("it is there").to_vec();
    let seconds = (40 * DAY_S).to_string();
    run(
        raw,
        &[&[
            b"RESTORE",
            key,
            b"0",
            &dump,
            b"REPLACE",
            b"IDLETIME",
            seconds.as_bytes(),
        ]],
    );
}

#[tokio::test]
async fn asking_makes_no_key_young() {
    for server in servers() {
        let mut eye = raw(&server);
        run(
            &mut eye,
            &[
                &[b"RPUSH", b"old:list", b"a", b"b"],
                &[b"SET", b"old:text", b"x"],
            ],
        );
        age(&mut eye, b"old:list");
        age(&mut eye, b"old:text");
        for options in [
            StatsOptions::default(),
            StatsOptions::default().with_exact_sizes(),
        ] {
            let report = stats(&server, all(), options).await;
            let row = &report.prefixes[0];
            assert_eq!(row.idle_seconds.get("15552000"), 2, "{report:?}");
        }
        let idle = eye
            .command(&[b"OBJECT", b"IDLETIME", b"old:list"])
            .expect("asked");
        assert!(
            idle.int().is_some_and(|idle| idle >= 40 * DAY_S as i64),
            "{idle:?}"
        );
    }
}

#[tokio::test]
async fn idle_times_are_left_out_where_there_are_none() {
    for server in servers() {
        let mut eye = raw(&server);
        seed::strings(&mut eye, b"a:", 0..50, 10).expect("seeded");
        run(
            &mut eye,
            &[&[b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lfu"]],
        );
        let report = stats(&server, all(), StatsOptions::default()).await;
        assert!(report.complete && report.keys == 50, "{report:?}");
        assert!(report.prefixes[0].idle_seconds.0.is_empty(), "{report:?}");
        let note = report.idle_note.expect("why");
        assert!(note.contains("maxmemory-policy allkeys-lfu"), "{note}");
        let filters = Filters::default().with_idle_over(std::time::Duration::from_secs(60));
        let filtered = all().with_filters(filters.expect("valid"));
        let keyspace = connect(&server).await;
        let refused = Sweep::stats(&keyspace, filtered, StatsOptions::default()).await;
        assert_eq!(
            refused.err().map(|error| error.kind()),
            Some(ErrorKind::Guard)
        );
    }
}

#[tokio::test]
async fn only_what_was_selected_counts() {
    for server in servers() {
        let mut eye = raw(&server);
        seed::strings(&mut eye, b"a:", 0..300, 10).expect("seeded");
        seed::strings(&mut eye, b"b:", 0..200, 5_000).expect("seeded");
        run(&mut eye, &[&[b"SADD", b"c:set", b"x"]]);
        let options = all().with_filters(Filters::default().with_size_over(1_000));
        let report = stats(&server, options, StatsOptions::default()).await;
        assert_eq!((report.keys, report.prefixes.len()), (200, 1), "{report:?}");
        let both = ScanOptions::new(vec![pattern("a:*"), pattern("c:*")]).expect("valid");
        let report = stats(&server, quick(both.clone(), 100), StatsOptions::default()).await;
        assert_eq!((report.keys, report.limited), (301, false), "{report:?}");
        let report = stats(
            &server,
            quick(both.with_limit(40), 100),
            StatsOptions::default(),
        )
        .await;
        assert_eq!(
            (report.keys, report.limited, report.complete),
            (40, true, true),
            "{report:?}"
        );
        let sets = scan("*").with_types(vec!["set".to_owned()]).expect("valid");
        let report = stats(&server, quick(sets, 100), StatsOptions::default()).await;
        assert_eq!(
            (report.keys, report.prefixes[0].types.get("set")),
            (1, 1),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn statistics_keep_no_place() {
    for server in servers() {
        let keyspace = connect(&server).await;
        let options = all().with_checkpoint("nowhere");
        let refused = Sweep::stats(&keyspace, options, StatsOptions::default()).await;
        assert_eq!(
            refused.err().map(|error| error.kind()),
            Some(ErrorKind::InvalidOption)
        );
    }
}

/// Slots move in mid-walk; each key is in the sums once.
#[tokio::test]
async fn p04_slots_move_under_statistics() {
    const KEYS: u64 = 12_000;
    each_program(async |program| {
        let stage = Stage::start(&program, ClusterOptions::default().with_replicas(0));
        stage.seed("session:", KEYS);
        stage.seed("other:", KEYS / 4);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = StatsOptions::default().with_share(0.1).expect("a share");
        let sweep = Sweep::stats(&keyspace, quick(scan("*"), 50), options).await;
        let mut sweep = sweep.expect("started");
        let mut slots = stage.0.slots_of(0).expect("asked");
        slots.truncate(20);
        let mut step = 0;
        while sweep.next().await.is_some() {
            step += 1;
            if step >= 10
                && let Some(slot) = slots.pop()
            {
                stage.0.move_slots(0, 1, [slot]).expect("moved");
            }
        }
        assert!(
            slots.is_empty(),
            "the walk ended before all slots had moved"
        );
        let (report, summary) = (sweep.stats_report(), sweep.summary());
        assert!(report.complete && report.errors.is_empty(), "{summary:?}");
        assert_eq!(report.keys, KEYS + KEYS / 4, "{summary:?}");
        let rows: Vec<(&str, u64)> = report
            .prefixes
            .iter()
            .map(|row| (row.prefix.as_str(), row.keys))
            .collect();
        assert_eq!(rows, [("session:", KEYS), ("other:", KEYS / 4)]);
        assert!(repeated(&summary) >= 20, "{summary:?}");
        assert_eq!(report.shards, summary.shards);
    })
    .await;
}
