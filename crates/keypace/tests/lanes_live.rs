//! Lanes on real servers: every stable key is found while the table grows and shrinks under the walk, and what lanes gain where
//! a server is far away.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Random, connect, raw, scan, servers};
use keypace::{
    ConnectOptions, Count, CountChoice, Keyspace, Lanes, Pages, ScanOptions, Step, Target,
};
use keypace_lab::{Delay, Endpoint, OwnedServer, Raw, seed};

const STABLE: u64 = 100_000;
const OTHERS: u64 = 300_000;
/// Of one pipeline: a walk gets a word in between.
const CHUNK: u64 = 2_000;

fn in_lanes(lanes: u32, count: u32) -> ScanOptions {
    scan("k:*")
        .with_count(CountChoice::Fixed(Count::new(i64::from(count))))
        .with_lanes(Lanes::Fixed(lanes))
}

/// How often each of the stable keys was found.
struct Found(Vec<u8>);

impl Found {
    fn none(keys: u64) -> Self {
        Self(vec![0; usize::try_from(keys).expect("fits")])
    }

    fn see(&mut self, name: &[u8]) {
        let number = std::str::from_utf8(&name[2..]).expect("a number");
        self.0[number.parse::<usize>().expect("a number")] += 1;
    }

    fn missing(&self) -> usize {
        self.0.iter().filter(|times| **times == 0).count()
    }

    fn twice(&self) -> u64 {
        let times: u64 = self.0.iter().map(|times| u64::from(*times)).sum();
        times - (self.0.len() - self.missing()) as u64
    }
}

/// Walks once, from the beginning to the end.
async fn walk(keyspace: &Keyspace, options: ScanOptions, keys: u64) -> (Found, Pages) {
    let mut pages = Pages::new(keyspace, options);
    let mut found = Found::none(keys);
    while let Some(step) = pages.next().await.expect("walks") {
        match step {
            Step::Page(page) => page.keys().iter().for_each(|key| found.see(key.as_bytes())),
            _ => panic!("nobody restarted, and the cursors fit"),
        }
    }
    (found, pages)
}

/// Adds other keys and takes them away again.
fn grow_and_shrink(raw: &mut Raw, seed: u64) {
    let mut random = Random(seed);
    for command in ["SET", "DEL"] {
        // In another order each time, so that buckets empty and fill unevenly.
        let step = 1 + 2 * random.below(OTHERS / 4);
        for chunk in 0..OTHERS / CHUNK {
            let mut pipeline = raw.pipeline();
            for number in chunk * CHUNK..(chunk + 1) * CHUNK {
                let name = format!("other:{}", (number * step) % (OTHERS * 2));
                match command {
                    "SET" => pipeline.add(&[b"SET", name.as_bytes(), b"v"]),
                    _ => pipeline.add(&[b"DEL", name.as_bytes()]),
                }
            }
            pipeline.run().expect("written");
        }
    }
}

/// One seeded run: walks in lanes, one after the other, for as long as the table grows and shrinks.
async fn run(server: &OwnedServer, keyspace: &Keyspace, seed: u64) -> u64 {
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (mut raw, is_over) = (raw(server), Arc::clone(&is_over));
        move || {
            grow_and_shrink(&mut raw, seed);
            is_over.store(true, Ordering::Release);
        }
    });
    let mut random = Random(seed);
    let mut walks = 0;
    while !is_over.load(Ordering::Acquire) {
        let lanes = 2 << random.below(6);
        let count = 50 + u32::try_from(random.below(500)).expect("small");
        let (found, pages) = walk(keyspace, in_lanes(lanes, count), STABLE).await;
        assert_eq!(
            (found.missing(), pages.restarts(), pages.lanes()),
            (0, 0, lanes),
            "{} seed {seed}: {lanes} lanes, COUNT {count}",
            server.program().label()
        );
        walks += 1;
    }
    writer.join().expect("the writer ended");
    walks
}

async fn trials(runs: u64) {
    let mut random = Random::seeded();
    for server in servers() {
        seed::strings(&mut raw(&server), b"k:", 0..STABLE, 3).expect("seeded");
        let keyspace = connect(&server).await;
        let mut walks = 0;
        for _ in 0..runs {
            let seed = random.next();
            walks += run(&server, &keyspace, seed).await;
        }
        println!(
            "{}: {runs} runs, {walks} walks, none missed",
            server.program().label()
        );
        server.stop().expect("stopped");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn p05_stable_keys_are_found_while_a_table_grows_and_shrinks() {
    trials(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a minute or two: 20 seeded runs a server"]
async fn p05_stable_keys_are_found_in_twenty_runs() {
    trials(20).await;
}

/// What lanes gain: a ratio of two walks of one run. Prints the figures; the bounds are the project's own.
#[tokio::test]
#[ignore = "a figure: a million keys, 15 s a server in a release build"]
async fn sixteen_lanes_are_faster_where_a_server_is_far_away() {
    const KEYS: u64 = 1_000_000;
    for server in servers() {
        let label = server.program().label();
        seed::strings(&mut raw(&server), b"k:", 0..KEYS, 3).expect("seeded");
        for (round_trip, least) in [(1, 4.0), (5, 6.0)] {
            let relay = Delay::start(server.endpoint(), Duration::from_micros(round_trip * 500))
                .expect("started");
            let Endpoint::Tcp(address) = relay.endpoint().clone() else {
                panic!("a relay listens on a port")
            };
            let target = Target::parse(&format!("redis://{address}")).expect("valid");
            let keyspace = Keyspace::connect(target, ConnectOptions::default())
                .await
                .expect("connected");
            let mut took = Vec::new();
            for lanes in [1, 16] {
                let started = Instant::now();
                let (found, pages) = walk(&keyspace, in_lanes(lanes, 500), KEYS).await;
                assert_eq!((found.missing(), pages.restarts()), (0, 0));
                assert_eq!(pages.lanes(), lanes);
                took.push(started.elapsed());
                println!(
                    "{label}, {round_trip} ms: {lanes:>2} lanes {:>7.0} ms, {} calls, {:.3} % twice",
                    started.elapsed().as_secs_f64() * 1e3,
                    pages.calls(),
                    found.twice() as f64 * 100.0 / KEYS as f64
                );
            }
            let gain = took[0].as_secs_f64() / took[1].as_secs_f64();
            println!("{label}, {round_trip} ms: {gain:.1} times as fast");
            assert!(
                gain >= least,
                "{label}, {round_trip} ms: {gain:.1} times, at least {least}"
            );
        }
    }
}
