//! Walking a server that is far away: sixteen lanes against one, and all primaries of a cluster at once against the
//! slowest alone. Must not let the distance differ between the two that are compared.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

use keypace_lab::{
    ClusterOptions, Delay, Listen, OwnedCluster, OwnedServer, Raw, ServerOptions, seed,
};
use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict, median};
use super::ground::VALUE_BYTES;
use super::process;
use super::rounds;
use super::setting::Setting;
use crate::failure::{Failure, Outcome};

/// A round trip in milliseconds, and how many times as fast as one lane sixteen have to be.
const TRIPS: [(u32, f64); 2] = [(1, 4.0), (5, 6.0)];
const COUNT: &str = "500";
const MANY: &str = "16";
const LANES: [&str; 2] = [MANY, "1"];
/// Small pages, so that a walk is made of round trips.
const CLUSTER_COUNT: &str = "100";
const CLUSTER_TRIP_MS: u32 = 1;
/// Primaries don't wait for each other: all of them take as long as one, and a little for finding them.
const TOGETHER_LIMIT_TIMES: f64 = 1.2;
const PREFIX: &[u8] = b"session:";

/// The rows of lanes at each distance, then those of a cluster.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let options = ServerOptions::default().with_listen(Listen::Tcp);
    let server = OwnedServer::start(setting.program, options)?;
    eprintln!("seeding {} keys", setting.keys);
    let mut raw = Raw::connect(server.endpoint())?;
    seed::strings(&mut raw, PREFIX, 0..setting.keys, VALUE_BYTES)?;
    let mut rows = Vec::new();
    for (trip_ms, limit) in TRIPS {
        let relay = Delay::start(server.endpoint(), half(trip_ms))?;
        let name = format!("lanes, {trip_ms} ms");
        let seen = rounds::alternate(&name, setting.rounds, &LANES, |lanes| {
            let mut command = setting.keypace_on(&relay.url(), "off");
            command.args(["--count", COUNT, "--lanes", lanes, "--json", "count", "*"]);
            Walk::of(command, setting.keys)
        })?;
        relay.stop();
        rows.extend(rows_of(trip_ms, limit, setting.keys, &seen));
    }
    server.stop()?;
    rows.extend(cluster(setting)?);
    Ok(rows)
}

/// What keypace said of one walk.
struct Walk {
    wall_ms: f64,
    lanes: u64,
    restarts: u64,
}

impl Walk {
    fn of(command: Command, keys: u64) -> Outcome<Self> {
        let ended = process::piped(vec![command])?;
        let said = ended.said()?;
        let matched = said["matched"].as_u64().unwrap_or(0);
        if matched < keys {
            return Err(Failure::new(format!(
                "keypace count counted {matched} of {keys} keys"
            )));
        }
        let shards = said["shards"].as_array().cloned().unwrap_or_default();
        let figures = |field: &str| -> Vec<u64> {
            let figures = shards.iter().filter_map(|shard| shard[field].as_u64());
            figures.collect()
        };
        Ok(Self {
            wall_ms: ended.wall.as_secs_f64() * 1000.0,
            lanes: figures("lanes").into_iter().max().unwrap_or(0),
            restarts: figures("restarts").into_iter().sum(),
        })
    }
}

fn rows_of(trip_ms: u32, limit: f64, keys: u64, seen: &[Vec<Walk>]) -> Vec<Row> {
    let [many, one] = seen else {
        return Vec::new();
    };
    let row = |lanes: &str, runs: &[Walk]| {
        Row::new(format!("round trip {trip_ms} ms: --lanes {lanes}"))
            .with_field("keys", keys)
            .with_rounds(rounds_json(runs))
    };
    let (many_ms, one_ms) = (walls(many), walls(one));
    let are_many = many
        .iter()
        .all(|walk| walk.lanes.to_string() == MANY && walk.restarts == 0);
    vec![
        row(LANES[0], many)
            .with_ratio(&format!("{MANY} lanes / 1"), &many_ms, &one_ms)
            .with_verdict(Verdict::at_least(
                format!("as fast as one lane, {trip_ms} ms"),
                median(&one_ms) / median(&many_ms),
                limit,
                Unit::Times,
            ))
            .with_verdict(Verdict::yes(
                format!("all lanes walked to the end, {trip_ms} ms"),
                are_many,
            )),
        row(LANES[1], one),
    ]
}

/// A cluster whose primaries are all as far away. One lane each, as one lane is what a primary alone is walked by.
fn cluster(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let cluster = OwnedCluster::start(setting.program, ClusterOptions::default().with_replicas(0))?;
    eprintln!("seeding {} keys over a cluster", setting.keys);
    cluster.seed_strings(PREFIX, 0..setting.keys, VALUE_BYTES)?;
    let relays = cluster
        .nodes()
        .map(|node| Delay::start(&node.endpoint, half(CLUSTER_TRIP_MS)))
        .collect::<Result<Vec<_>, _>>()?;
    let near: Vec<String> = cluster
        .nodes()
        .map(|node| node.endpoint.to_string())
        .collect();
    let far: Vec<String> = relays.iter().map(Delay::url).collect();
    let config = setting.workspace.target.join("bench/address-map.toml");
    write(&config, &address_map(&near, &far))?;
    let mut ways: Vec<Option<usize>> = vec![None];
    ways.extend((0..far.len()).map(Some));
    let seen = rounds::alternate("lanes, cluster", setting.rounds, &ways, |way| match way {
        None => {
            let mut command = setting.keypace_on(&far[0], "off");
            command.arg("--config").arg(&config);
            command.args(["--count", CLUSTER_COUNT, "--lanes", "1", "--json"]);
            command.args(["count", "*"]);
            Walk::of(command, setting.keys).map(|walk| walk.wall_ms)
        }
        Some(primary) => {
            let mut command = Command::new(setting.workspace.release("xtask"));
            command.args(["floor", "list", &far[primary], "*", CLUSTER_COUNT]);
            let ended = process::piped(vec![command])?;
            Ok(ended.wall.as_secs_f64() * 1000.0)
        }
    })?;
    for relay in relays {
        relay.stop();
    }
    cluster.stop()?;
    Ok(together(setting.keys, &seen))
}

/// keypace over all primaries, and the raw loop over each of them.
fn together(keys: u64, seen: &[Vec<f64>]) -> Vec<Row> {
    let Some((all, alone)) = seen.split_first() else {
        return Vec::new();
    };
    let slowest = alone
        .iter()
        .max_by(|one, other| median(one).total_cmp(&median(other)))
        .map_or(&[][..], Vec::as_slice);
    let rounds = |walls: &[f64]| -> Vec<Value> {
        let round = |wall: &f64| json!({ "wall_ms": (wall * 10.0).round() / 10.0 });
        walls.iter().map(round).collect()
    };
    vec![
        Row::new(format!(
            "cluster, round trip {CLUSTER_TRIP_MS} ms, COUNT {CLUSTER_COUNT}: all primaries"
        ))
        .with_field("keys", keys)
        .with_rounds(rounds(all))
        .with_ratio("all primaries / the slowest alone", all, slowest)
        .with_verdict(Verdict::at_most(
            "all primaries against a raw loop over the slowest alone",
            median(all) / median(slowest),
            TOGETHER_LIMIT_TIMES,
            Unit::Times,
        )),
        Row::new("cluster, the same: a raw loop over the slowest primary alone")
            .with_rounds(rounds(slowest)),
    ]
}

/// What the nodes call each other, and where keypace finds them. Written by hand: both sides are addresses.
fn address_map(near: &[String], far: &[String]) -> String {
    let bare = |url: &str| url.trim_start_matches("redis://").to_owned();
    let mut text = "[address_map]\n".to_owned();
    for (near, far) in near.iter().zip(far) {
        // A String takes every write.
        let _ = writeln!(text, "\"{}\" = \"{}\"", bare(near), bare(far));
    }
    text
}

fn write(path: &std::path::Path, text: &str) -> Outcome {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(format!("failed to write {}: {error}", path.display())))
}

/// A relay's delay is of one direction.
fn half(trip_ms: u32) -> Duration {
    Duration::from_millis(u64::from(trip_ms)) / 2
}

fn walls(runs: &[Walk]) -> Vec<f64> {
    runs.iter().map(|walk| walk.wall_ms).collect()
}

fn rounds_json(runs: &[Walk]) -> Vec<Value> {
    let round = |walk: &Walk| {
        json!({
            "wall_ms": (walk.wall_ms * 10.0).round() / 10.0, "lanes": walk.lanes, "restarts": walk.restarts,
        })
    };
    runs.iter().map(round).collect()
}

#[cfg(test)]
mod tests {
    use super::{Walk, address_map, rows_of, together};

    fn walk(wall_ms: f64, lanes: u64) -> Vec<Walk> {
        vec![Walk {
            wall_ms,
            lanes,
            restarts: 0,
        }]
    }

    #[test]
    fn lanes_that_were_not_there_are_no_success() {
        let judge = |lanes: u64, wall_ms: f64| {
            let seen = [walk(wall_ms, lanes), walk(10_000.0, 1)];
            let row = rows_of(5, 6.0, 1000, &seen).remove(0).into_json();
            [0, 1].map(|at| row["verdicts"][at]["outcome"].clone())
        };
        assert_eq!(judge(16, 1000.0), ["met", "met"]);
        assert_eq!(judge(16, 2000.0), ["missed", "met"]);
        assert_eq!(judge(1, 1000.0), ["met", "missed"]);
    }

    #[test]
    fn all_primaries_are_held_against_the_slowest() {
        let seen = [vec![1150.0], vec![800.0], vec![1000.0], vec![900.0]];
        let row = together(1000, &seen).remove(0).into_json();
        assert_eq!(row["verdicts"][0]["value"], 1.15);
        assert_eq!(row["verdicts"][0]["outcome"], "met");
        assert_eq!(row["ratios"][0]["base_ms"][0], 1000.0);
    }

    #[test]
    fn the_address_map_is_a_table_of_addresses() {
        let near = ["redis://127.0.0.1:7000".to_owned()];
        let far = ["redis://127.0.0.1:17000".to_owned()];
        assert_eq!(
            address_map(&near, &far),
            "[address_map]\n\"127.0.0.1:7000\" = \"127.0.0.1:17000\"\n"
        );
    }
}
