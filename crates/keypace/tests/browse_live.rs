//! Pages of keys for somebody who looks, on real servers: none is missed, whatever a page holds, while tables grow and
//! shrink, and in a cluster. What a place is signed with is the service's business.

use std::collections::HashSet;
use std::time::Duration;

use keypace::{Browse, BrowsePlace, ConnectOptions, ErrorKind, Keyspace, Pattern, Target, browse};
use keypace_lab::{ClusterOptions, OwnedCluster, OwnedServer, Program, Raw, ServerOptions};

fn looking_for(pattern: &str) -> Browse {
    Browse::new(Pattern::new(pattern.to_owned()).expect("valid"))
}

async fn connect(url: &str) -> Keyspace {
    let target = Target::parse(url).expect("a URL");
    Keyspace::connect(target, ConnectOptions::default())
        .await
        .expect("connected")
}

fn seed(raw: &mut Raw, prefix: &str, keys: std::ops::Range<u32>) {
    let mut pipe = raw.pipeline();
    for number in keys {
        pipe.add(&[b"SET", format!("{prefix}{number}").as_bytes(), b"v"]);
    }
    pipe.run().expect("seeded");
}

/// Every key that the pages give; a place goes through JSON, as it does on its way to a person and back.
async fn walk(
    keyspace: &Keyspace,
    request: &Browse,
    most: usize,
    mut between: impl FnMut(u32),
) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut request = request.clone().with_most(most).expect("a page");
    for page in 0.. {
        assert!(page < 20_000, "the pages never end");
        let found = browse(keyspace, &request).await.expect("a page");
        assert!(found.keys.len() <= most, "{} of {most}", found.keys.len());
        keys.extend(found.keys.iter().map(|key| key.as_bytes().to_vec()));
        let Some(place) = found.next else { break };
        let text = serde_json::to_string(&place).expect("written");
        assert!(text.len() < 4096, "{} bytes", text.len());
        let place: BrowsePlace = serde_json::from_str(&text).expect("read");
        request = request.behind(place);
        between(page);
    }
    keys
}

fn servers() -> Vec<OwnedServer> {
    Program::find().expect("a server program");
    let start = |program| OwnedServer::start(program, ServerOptions::default()).expect("a server");
    Program::all().iter().map(start).collect()
}

#[tokio::test]
async fn pages_of_any_size_hold_every_key() {
    for server in servers() {
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        seed(&mut raw, "session:", 0..600);
        seed(&mut raw, "rare:", 0..7);
        let keyspace = connect(&server.url()).await;
        for most in [1, 2, 5, 33, 100, 1_000, 10_000] {
            let request = looking_for("session:*");
            let keys = walk(&keyspace, &request, most, |_| {}).await;
            let distinct: HashSet<_> = keys.iter().collect();
            assert_eq!(distinct.len(), 600, "{most}");
            // A table that still moves to a larger one may name a key twice.
            assert!(keys.len() < 650, "{most}: {} names", keys.len());
        }
        let rare = walk(&keyspace, &looking_for("rare:*"), 5, |_| {}).await;
        assert_eq!(rare.len(), 7);
        let none = walk(&keyspace, &looking_for("nothing:*"), 5, |_| {}).await;
        assert!(none.is_empty());
        for most in [0, 10_001] {
            let error = looking_for("*").with_most(most).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
        }
    }
}

/// Tables grow and shrink between the pages: what is there all the while is found.
#[tokio::test]
async fn p03_a_key_that_stays_is_never_missed() {
    for server in servers() {
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        seed(&mut raw, "stays:", 0..500);
        let keyspace = connect(&server.url()).await;
        for most in [3, 40] {
            let between = |page: u32| match page % 60 {
                0 => seed(&mut raw, "comes:", 0..20_000),
                30 => {
                    let mut pipe = raw.pipeline();
                    for number in 0..20_000 {
                        pipe.add(&[b"DEL", format!("comes:{number}").as_bytes()]);
                    }
                    pipe.run().expect("deleted");
                }
                _ => {}
            };
            let keys = walk(&keyspace, &looking_for("stays:*"), most, between).await;
            let distinct: HashSet<_> = keys.into_iter().collect();
            assert_eq!(distinct.len(), 500, "{most}");
        }
    }
}

#[tokio::test]
async fn p14_pages_of_a_cluster_come_from_every_node() {
    for program in Program::all() {
        let options = ClusterOptions::default().with_replicas(0);
        let cluster = OwnedCluster::start(&program, options).expect("a cluster");
        let seeded = cluster.seed_strings(b"session:", 0..2_000, 1);
        seeded.expect("seeded");
        let keyspace = connect(&cluster.urls()[0]).await;
        for most in [7, 100, 10_000] {
            let keys = walk(&keyspace, &looking_for("session:*"), most, |_| {}).await;
            let distinct: HashSet<_> = keys.into_iter().collect();
            assert_eq!(distinct.len(), 2_000, "{most}");
        }
        let tagged = walk(&keyspace, &looking_for("{a}:*"), 7, |_| {}).await;
        assert!(tagged.is_empty());
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_gives_no_page_and_no_end() {
    for server in servers() {
        let keyspace = connect(&server.url()).await;
        server.pause().expect("paused");
        let request = looking_for("*").with_time(Duration::from_millis(200));
        let error = browse(&keyspace, &request).await.expect_err("no answer");
        server.resume().expect("resumed");
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }
}
