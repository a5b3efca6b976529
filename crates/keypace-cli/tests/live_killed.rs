//! SIGKILL at random moments of a delete, on one server and on a cluster: the resumed run leaves what an undisturbed one
//! leaves, and does not begin again. The seed is printed, and `KEYPACE_SEED` replays it.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::clusters::{self, KEYS, OTHERS, clusters as owned_clusters, lone};
use common::under_way::under_way_until;
use common::{Home, servers};
use keypace_lab::seed::{self, SplitMix64};
use keypace_lab::{OwnedCluster, OwnedServer, Raw};

/// Five on each of two servers and two clusters: twenty.
const KILLS: usize = 5;
/// A run takes one and a half seconds, in which its checkpoint is written twice.
const RATE: &str = "8000";
/// SCAN calls of a whole walk are some 125, whoever walks.
const COUNT: &str = "100";

/// What is deleted from.
enum Place {
    Server(OwnedServer),
    Cluster(OwnedCluster),
}

impl Place {
    fn home(&self) -> Home {
        match self {
            Self::Server(server) => Home::with_url(&server.url()),
            Self::Cluster(cluster) => Home::with_url(&cluster.urls()[0]),
        }
    }

    fn fill(&self) {
        match self {
            Self::Server(server) => {
                let mut raw = Raw::connect(server.endpoint()).expect("a connection");
                seed::strings(&mut raw, b"session:", 0..KEYS, 8).expect("seed");
                seed::strings(&mut raw, b"other:", 0..OTHERS, 8).expect("seed");
            }
            Self::Cluster(cluster) => clusters::seed(cluster),
        }
    }

    fn keys(&self) -> u64 {
        match self {
            Self::Server(server) => {
                let mut raw = Raw::connect(server.endpoint()).expect("a connection");
                let size = raw.command(&[b"DBSIZE"]).expect("DBSIZE").int();
                size.and_then(|size| u64::try_from(size).ok())
                    .expect("a size")
            }
            Self::Cluster(cluster) => clusters::key_count(cluster),
        }
    }
}

fn random() -> SplitMix64 {
    let seed = std::env::var("KEYPACE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::try_from(since.expect("a clock").as_nanos()).unwrap_or(u64::MAX)
    });
    println!("KEYPACE_SEED={seed}");
    SplitMix64::new(seed)
}

/// Kills a delete when so many keys are gone, and takes it up again.
fn kill_and_resume(place: &Place, at: u64) {
    place.fill();
    let home = place.home();
    let file = home.path("place");
    let file = file.to_str().expect("a path");
    let work = [
        "--count",
        COUNT,
        "delete",
        "session:*",
        "--yes",
        "--checkpoint",
        file,
    ];
    let slowly = [&["--rate", RATE, "--json"], &work[..]].concat();
    let (mut child, ..) = under_way_until(&home, &slowly, "deleted", at);
    child.kill().expect("a process of ours");
    child.wait().expect("it is gone");
    let left = place.keys() - OTHERS;
    assert!(left < KEYS, "some keys were gone at {at}");

    let was_saved = std::path::Path::new(file).exists();
    let mut again = [&["--budget", "off", "--json"], &work[..]].concat();
    if was_saved {
        again.extend(["--resume", file]);
    }
    let summary = home.run(again).expect(0).json();
    assert_eq!(place.keys(), OTHERS, "killed at {at}: {summary}");
    assert_eq!(summary["complete"], true, "killed at {at}: {summary}");
    let deleted = summary["deleted"].as_u64().expect("a number");
    assert!(
        (left..=KEYS).contains(&deleted),
        "killed at {at}: {summary}"
    );
    let shards = summary["shards"].as_array().expect("shards");
    let calls: u64 = shards
        .iter()
        .filter_map(|shard| shard["calls"].as_u64())
        .sum();
    let whole = (KEYS + OTHERS) / COUNT.parse::<u64>().expect("a number");
    // The last save was up to half a second before, a third of the run.
    if was_saved && at > KEYS * 3 / 4 {
        assert!(
            calls < whole * 4 / 5,
            "killed at {at}, begun again: {calls} of {whole} calls"
        );
    }
}

fn kill_at_random(place: &Place, random: &mut SplitMix64) {
    for _ in 0..KILLS {
        kill_and_resume(place, 1 + random.next() % (KEYS - KEYS / 10));
    }
    kill_and_resume(place, KEYS * 9 / 10);
}

#[test]
fn a_delete_that_is_killed_is_finished_by_its_checkpoint() {
    let mut random = random();
    for server in servers() {
        kill_at_random(&Place::Server(server), &mut random);
    }
}

#[test]
fn a_delete_of_a_cluster_that_is_killed_is_finished_by_its_checkpoint() {
    let mut random = random();
    for cluster in owned_clusters(&lone()) {
        kill_at_random(&Place::Cluster(cluster), &mut random);
    }
}
