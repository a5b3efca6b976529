//! Clusters of each server program of this machine, seeded for the tests of the binary. Asserts nothing about keypace.

use keypace_lab::{ClusterOptions, OwnedCluster, Program, install_hint};

/// Keys below `session:`.
pub(crate) const KEYS: u64 = 12_000;
/// Keys below `other:`.
pub(crate) const OTHERS: u64 = 500;

/// Three primaries without replicas: what most tests need, and the quickest to start.
pub(crate) fn lone() -> ClusterOptions {
    ClusterOptions::default().with_replicas(0)
}

/// A cluster of each program, one after the other. No program at all is a failure.
pub(crate) fn clusters(options: &ClusterOptions) -> impl Iterator<Item = OwnedCluster> {
    let programs = Program::all();
    assert!(
        !programs.is_empty(),
        "no server program: {}",
        install_hint()
    );
    let options = options.clone();
    programs
        .into_iter()
        .map(move |program| OwnedCluster::start(&program, options.clone()).expect("a cluster"))
}

/// Fills it.
pub(crate) fn seed(cluster: &OwnedCluster) {
    cluster.seed_strings(b"session:", 0..KEYS, 8).expect("seed");
    cluster.seed_strings(b"other:", 0..OTHERS, 8).expect("seed");
}

/// Keys of all nodes, as the nodes count them.
pub(crate) fn key_count(cluster: &OwnedCluster) -> u64 {
    cluster.key_count().expect("sizes")
}

/// Where nobody listens: a port that was free a moment ago.
pub(crate) fn dead_url() -> String {
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    format!("redis://{}", free.expect("a port"))
}
