//! Allocations per key, counted: a walk and a delete in the steady state make none.

mod common;

use common::{connect, deleting_with, raw, scan, servers};
use keypace::{Budget, Count, CountChoice, DeleteOptions, Pages, SweepOptions};
use keypace_lab::seed;

const KEYS: u64 = 200_000;

/// Allocations of a walk over so many keys, and of a delete of them.
async fn measured(keys: u64, server: &keypace_lab::OwnedServer) -> (u64, u64) {
    seed::strings(&mut raw(server), b"k:", 0..keys, 3).expect("seeded");
    let keyspace = connect(server).await;
    let options = scan("k:*").with_count(CountChoice::Fixed(Count::new(1000)));
    let mut pages = Pages::new(&keyspace, options.clone());
    let mut found = 0;
    let walk = dhat::HeapStats::get().total_blocks;
    while let Some(step) = pages.next().await.expect("walked") {
        if let keypace::Step::Page(page) = step {
            found += page.keys().len() as u64;
        }
    }
    let walk = dhat::HeapStats::get().total_blocks - walk;
    assert_eq!(found, keys);
    let delete = deleting_with(
        &keyspace,
        // Batches of one size: under a budget their number follows the server's speed.
        &SweepOptions::new(options).with_budget(Budget::off()),
        DeleteOptions::default(),
    )
    .await;
    let before = dhat::HeapStats::get().total_blocks;
    let summary = common::finish(delete).await;
    assert_eq!(summary.deleted, keys);
    (walk, dhat::HeapStats::get().total_blocks - before)
}

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[tokio::test]
async fn none_per_key_in_the_steady_state() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for server in servers() {
        let (small_walk, small_delete) = measured(KEYS / 10, &server).await;
        let (walk, delete) = measured(KEYS, &server).await;
        // What grows with the keys, without what a run costs by itself.
        let more = (KEYS - KEYS / 10) as f64;
        let per_key = [
            (walk - small_walk) as f64 / more,
            (delete - small_delete) as f64 / more,
        ];
        println!(
            "{}: allocations a key: walk {:.4}, delete {:.4}",
            server.program().label(),
            per_key[0],
            per_key[1]
        );
        assert!(
            per_key[0] < 0.02,
            "a few a page of 1000, none a key: {per_key:?}"
        );
        assert!(
            per_key[1] < 0.04,
            "a few a page and a batch, none a key: {per_key:?}"
        );
        server.stop().expect("stopped");
    }
}
