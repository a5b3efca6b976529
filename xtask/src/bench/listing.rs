//! Listing a whole keyspace at full speed against KEYS, from 100 keys on: by the same client, by a raw loop and by
//! redis-cli. Must not let one of them print to another place than the others.

use std::process::Command;

use super::beside::{self, Seen};
use super::figures::{Row, Unit, Verdict, median};
use super::ground::Ground;
use super::promise::plain;
use super::rounds;
use super::setting::{PATTERN, Setting};
use crate::failure::{Failure, Outcome};
use crate::shell;

const SIZES: [u64; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
/// Below this the process's own start is most of its wall.
const JUDGED_FROM_KEYS: u64 = 100_000;
/// KEYS walks the table once and needs no round trips; a raw loop of SCAN needs 1.5 to 3 times as long.
const KEYS_LIMIT_TIMES: f64 = 2.5;
/// Nobody is blocked where the longest wait is a small part of the one that KEYS causes.
const LONGEST_WAIT_LIMIT_TIMES: f64 = 0.1;

#[derive(Clone, Copy, Debug)]
enum Way {
    Scan,
    Keys,
    RawKeys,
    RedisCli,
}

const WAYS: [Way; 4] = [Way::Scan, Way::Keys, Way::RawKeys, Way::RedisCli];

/// Four rows for each size that fits into the keyspace asked for.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut ground = Ground::start(setting.program, 0, 0)?;
    let redis_cli = shell::which("redis-cli");
    let ways = match &redis_cli {
        Some(_) => &WAYS[..],
        None => &WAYS[..3],
    };
    let mut rows = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size <= setting.keys) {
        ground.grow(size)?;
        let url = ground.url();
        let seen = rounds::alternate(&format!("list {size}"), setting.rounds, ways, |way| {
            let command = match way {
                Way::Scan => {
                    let mut command = setting.keypace_on(&url, "off");
                    command.args(["scan", PATTERN]);
                    command
                }
                Way::Keys => {
                    let mut command = setting.keypace_on(&url, "off");
                    command.args(["--use-keys", "--i-know", "scan", PATTERN]);
                    // It warns that KEYS is deprecated, each time.
                    command.stderr(std::process::Stdio::null());
                    command
                }
                Way::RawKeys => setting.floor("keys", &url),
                Way::RedisCli => {
                    let mut command = Command::new("redis-cli");
                    command.args(["-u", &url, "keys", "*"]);
                    command
                }
            };
            let seen = beside::run(ground.endpoint(), vec![command])?;
            expect_all(way, &seen, size)?;
            Ok(seen)
        })?;
        rows.extend(rows_of(size, &seen));
    }
    ground.stop()?;
    Ok(rows)
}

/// The floor prints what it counted and no keys; the others print each.
fn expect_all(way: Way, seen: &Seen, size: u64) -> Outcome {
    let is_whole = match way {
        Way::Scan | Way::Keys | Way::RedisCli => seen.lines >= size,
        Way::RawKeys => true,
    };
    if is_whole {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{way:?} printed {} of {size} keys",
        seen.lines
    )))
}

fn rows_of(size: u64, seen: &[Vec<Seen>]) -> Vec<Row> {
    let [scan, keys, raw, rest @ ..] = seen else {
        return Vec::new();
    };
    let walls = |runs: &[Seen]| runs.iter().map(|seen| seen.wall_ms).collect::<Vec<_>>();
    let longest = |runs: &[Seen]| {
        let waits: Vec<f64> = runs.iter().map(|seen| seen.waits.max_us as f64).collect();
        median(&waits)
    };
    let named = |name: &str, runs: &[Seen]| plain(name, runs).with_field("keys", size);
    let (scan_ms, keys_ms, raw_ms) = (walls(scan), walls(keys), walls(raw));
    let times = |base: &[f64]| median(&scan_ms) / median(base);
    let mut ours = named(&format!("list {size}: scan --budget off"), scan);
    if size >= JUDGED_FROM_KEYS {
        let what = format!("wall of KEYS, {size} keys");
        ours = ours
            .with_ratio("scan / KEYS", &scan_ms, &keys_ms)
            // The same client sorts what KEYS gave it; a loop that only counts the keys shows what the server takes.
            .with_ratio("scan / KEYS by a raw loop", &scan_ms, &raw_ms)
            .with_verdict(Verdict::at_most(
                what,
                times(&keys_ms),
                KEYS_LIMIT_TIMES,
                Unit::Times,
            ));
    }
    if Some(&size) == SIZES.last() {
        let wait = longest(scan) / longest(keys);
        let what = "longest wait of KEYS'";
        ours = ours
            .with_verdict(match rest.first() {
                Some(cli) => Verdict::below(
                    "wall of redis-cli keys",
                    times(&walls(cli)),
                    1.0,
                    Unit::Times,
                ),
                None => Verdict::not_run("wall of redis-cli keys", "there is no redis-cli"),
            })
            .with_verdict(Verdict::at_most(
                what,
                wait,
                LONGEST_WAIT_LIMIT_TIMES,
                Unit::Times,
            ));
    }
    let mut rows = vec![
        ours,
        named(&format!("list {size}: scan --use-keys"), keys),
        named(&format!("list {size}: KEYS, raw loop"), raw),
    ];
    let cli = rest.first();
    rows.extend(cli.map(|runs| named(&format!("list {size}: redis-cli keys"), runs)));
    rows
}
