//! No deleted session comes back: steps of the real service and the real cache code, put in seeded orders, over a database
//! and a store in memory whose every request and reply is a step, with time that stands still between steps, calls that
//! are given up and carried out later, and a cache that fails; and the same over real servers.

mod client;
mod schedule;
mod world;

use std::sync::Arc;

use keypace::{ConnectOptions, Keyspace, Namespace, OwnerKeys, Shelf, Target};
use keypace_lab::{OwnedServer, Program, ServerOptions};
use keypace_server::sessions::{CacheStore, RedisStore};
use schedule::{Tally, Weather, run};
use world::{FakeStore, Fault, World};

const INTERLEAVINGS: u64 = 10_000;
const ON_EACH_SERVER: u64 = 200;
const AT_ONCE: usize = 10;

fn first_seed() -> u64 {
    let given = std::env::var("KEYPACE_SEED").ok();
    let seed = given
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| u64::from(std::process::id()) << 20);
    println!("KEYPACE_SEED={seed}");
    seed
}

/// Runs interleavings until one shows what it must not; gives its seed and what was seen, and what was at work.
async fn first_finding(
    seeds: std::ops::Range<u64>,
    weather: Weather,
    fault: Fault,
) -> (Option<String>, Tally) {
    let mut tally = Tally::default();
    for seed in seeds {
        let world = Arc::new(World::new(fault));
        let store: Arc<dyn CacheStore> = Arc::new(FakeStore(Arc::clone(&world)));
        let stores = [Arc::clone(&store), store];
        let ran = tokio::task::unconstrained(run(seed, weather, &world, &stores, &mut tally));
        if let Err(finding) = ran.await {
            return (Some(format!("KEYPACE_SEED={seed}: {finding}")), tally);
        }
    }
    println!("{weather:?}: {tally:?}");
    (None, tally)
}

#[tokio::test(start_paused = true)]
async fn no_deleted_session_is_seen_again_in_ten_thousand_interleavings() {
    let seed = first_seed();
    let seeds = seed..seed + INTERLEAVINGS;
    let (finding, tally) = first_finding(seeds, Weather::Calm, Fault::None).await;
    assert_eq!(finding, None);
    assert!(tally.hits > INTERLEAVINGS && tally.repairs > 0, "{tally:?}");
}

#[tokio::test(start_paused = true)]
async fn none_is_seen_again_where_the_cache_fails_stalls_and_carries_out_late() {
    let seed = first_seed();
    let seeds = seed..seed + INTERLEAVINGS;
    let (finding, tally) = first_finding(seeds, Weather::Stormy, Fault::None).await;
    assert_eq!(finding, None);
    assert!(tally.hits > 0 && tally.repairs > 0, "{tally:?}");
    assert!(tally.unconfirmed > INTERLEAVINGS / 10, "{tally:?}");
}

#[tokio::test(start_paused = true)]
async fn without_tombstones_a_deleted_session_comes_back() {
    let (finding, _) = first_finding(1..INTERLEAVINGS, Weather::Calm, Fault::NoTombstones).await;
    let finding = finding.expect("the check is worth something");
    println!("{finding}");
}

#[tokio::test(start_paused = true)]
async fn without_epochs_a_deleted_session_comes_back_after_an_outage() {
    let (finding, _) = first_finding(1..INTERLEAVINGS, Weather::Stormy, Fault::NoEpochs).await;
    let finding = finding.expect("the check is worth something");
    println!("{finding}");
}

#[tokio::test(start_paused = true)]
async fn none_is_seen_again_where_commands_are_held_up_for_longer_than_a_tombstone_lives() {
    let seed = first_seed();
    let seeds = seed..seed + INTERLEAVINGS;
    let (finding, tally) = first_finding(seeds, Weather::Held, Fault::None).await;
    assert_eq!(finding, None);
    assert!(
        tally.hits > INTERLEAVINGS / 10 && tally.repairs > 0,
        "{tally:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_what_was_held_up_brings_a_deleted_session_back() {
    let (finding, _) =
        first_finding(1..10 * INTERLEAVINGS, Weather::Held, Fault::NoDeadlines).await;
    let finding = finding.expect("the check is worth something");
    println!("{finding}");
}

/// One interleaving over a real server.
async fn on_server(seed: u64, url: String, keys: OwnerKeys) -> Result<Tally, String> {
    let world = Arc::new(World::new(Fault::None));
    let namespace = Namespace::new(format!("n{seed}")).expect("a name");
    // Two processes have two connections.
    let store = || -> Arc<dyn CacheStore> {
        let target = Target::parse(&url).expect("a URL");
        let options = ConnectOptions::default();
        Arc::new(RedisStore::new(
            target,
            options,
            namespace.clone(),
            keys.clone(),
        ))
    };
    let mut tally = Tally::default();
    let stores = [store(), store()];
    let run = tokio::task::unconstrained(run(seed, Weather::Real, &world, &stores, &mut tally));
    run.await
        .map_err(|finding| format!("KEYPACE_SEED={seed}: {finding}"))?;
    Ok(tally)
}

#[tokio::test]
async fn no_deleted_session_is_seen_again_on_real_servers() {
    Program::find().expect("a server program");
    let seed = first_seed();
    for program in Program::all() {
        let server = OwnedServer::start(&program, ServerOptions::default()).expect("a server");
        let keys = OwnerKeys::generate_in_memory().expect("a key");
        let mut tally = Tally::default();
        // Several at once: each has a namespace of its own, and most of their time is waiting.
        for first in (seed..seed + ON_EACH_SERVER).step_by(AT_ONCE) {
            let seeds = first..first + AT_ONCE as u64;
            let runs = seeds.map(|seed| on_server(seed, server.url(), keys.clone()));
            for ran in futures_util::future::join_all(runs).await {
                let counted =
                    ran.unwrap_or_else(|finding| panic!("{}: {finding}", program.label()));
                tally.join(counted);
            }
        }
        println!("{}: {tally:?}", program.label());
        assert!(tally.hits > 0 && tally.repairs > 0, "{tally:?}");
        let target = Target::parse(&server.url()).expect("a URL");
        let keyspace = Keyspace::connect(target, ConnectOptions::default())
            .await
            .expect("there");
        let namespace = Namespace::new(format!("n{seed}")).expect("a name");
        let shelf = Shelf::find(&keyspace, namespace, keys)
            .await
            .expect("answers");
        assert!(shelf.is_some(), "the server was really used");
    }
}
