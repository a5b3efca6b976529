//! Owns what a simulated cluster's nodes answer when all is quiet, word for word as Redis 7.0.15 and Valkey 9.1.2 did on
//! two nodes and a replica. It must not need a real server.

use keypace_testkit::{ScanLayout, SimCluster, SimOptions, User};
use tokio::io::DuplexStream;

use crate::client::Client;

const CLUSTERDOWN: &str = "-CLUSTERDOWN The cluster is down";
const NOT_SERVED: &str = "-CLUSTERDOWN Hash slot not served";
const CROSSSLOT: &str = "-CROSSSLOT Keys in request don't hash to the same slot";
const TRYAGAIN: &str = "-TRYAGAIN Multiple keys request during rehashing of slot";

/// The slot of `foo`.
const FOO: u16 = 12_182;

/// Two nodes: slots 0 to 8191 on the first.
fn pair() -> SimCluster {
    SimCluster::new(SimOptions::default(), 2)
}

fn client(cluster: &SimCluster, node: usize) -> Client<DuplexStream> {
    Client::new(cluster.node(node).connect())
}

async fn check(client: &mut Client<DuplexStream>, table: &[(&str, &str)]) {
    for (command, expected) in table {
        assert_eq!(client.ask(command).await, *expected, "{command}");
    }
}

#[tokio::test]
async fn keyed_commands_are_served_by_the_owner_alone() {
    let cluster = pair();
    cluster.with(|cluster| cluster.set("foo", "1"));
    check(
        &mut client(&cluster, 0),
        &[
            ("GET foo", "-MOVED 12182 127.0.0.1:7001"),
            ("UNLINK foo", "-MOVED 12182 127.0.0.1:7001"),
            ("OBJECT IDLETIME foo", "-MOVED 12182 127.0.0.1:7001"),
            ("MEMORY USAGE foo", "-MOVED 12182 127.0.0.1:7001"),
            ("EVAL x 1 foo", "-MOVED 12182 127.0.0.1:7001"),
            ("MGET foo bar", CROSSSLOT),
            ("SET bar 1", "+OK"),
            ("DBSIZE", ":1"),
            ("SCAN 0", "[0 [bar]]"),
        ],
    )
    .await;
    check(
        &mut client(&cluster, 1),
        &[
            ("TYPE foo", "+string"),
            ("TTL foo", ":-1"),
            ("MGET foo {foo}a", "[1 nil]"),
            ("DEL foo {foo}a", ":1"),
            ("UNLINK foo bar", CROSSSLOT),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_transaction_has_one_slot() {
    let cluster = pair();
    check(
        &mut client(&cluster, 1),
        &[
            ("MULTI", "+OK"),
            ("SET foo 1", "+QUEUED"),
            ("EXEC", "[+OK]"),
            ("MULTI", "+OK"),
            ("GET foo", "+QUEUED"),
            ("GET {a}", "+QUEUED"),
            ("EXEC", CROSSSLOT),
            ("EXEC", "-ERR EXEC without MULTI"),
            ("MULTI", "+OK"),
            ("GET bar", "-MOVED 5061 127.0.0.1:7000"),
            (
                "EXEC",
                "-EXECABORT Transaction discarded because of previous errors.",
            ),
            ("WATCH bar", "-MOVED 5061 127.0.0.1:7000"),
        ],
    )
    .await;
}

/// The slot of `foo` is on its way to the first node, and `{foo}2` is there already.
fn migrating() -> SimCluster {
    let cluster = pair();
    cluster.with(|cluster| {
        cluster.set("foo", "1");
        cluster.set("{foo}2", "2");
        cluster.begin_migration(FOO, 0);
        assert!(cluster.migrate_key("{foo}2") && !cluster.migrate_key("{foo}3"));
        assert_eq!(cluster.keys().len(), 2);
    });
    cluster
}

#[tokio::test]
async fn a_slot_on_its_way_is_at_both_ends() {
    let cluster = migrating();
    let (mut target, mut source) = (client(&cluster, 0), client(&cluster, 1));
    check(
        &mut source,
        &[
            ("GET foo", "1"),
            ("GET {foo}2", "-ASK 12182 127.0.0.1:7000"),
            ("MGET {foo}2 {foo}3", "-ASK 12182 127.0.0.1:7000"),
            ("UNLINK foo {foo}2", TRYAGAIN),
        ],
    )
    .await;
    check(
        &mut target,
        &[
            ("GET {foo}2", "-MOVED 12182 127.0.0.1:7001"),
            ("ASKING", "+OK"),
            ("GET {foo}2", "2"),
            ("GET {foo}2", "-MOVED 12182 127.0.0.1:7001"),
            ("ASKING", "+OK"),
            ("MGET {foo}2 {foo}3", TRYAGAIN),
            ("ASKING", "+OK"),
            ("MGET {foo}2 {foo}2", "[2 2]"),
        ],
    )
    .await;
    cluster.with(|cluster| cluster.end_migration(FOO));
    check(
        &mut source,
        &[
            ("GET foo", "-MOVED 12182 127.0.0.1:7000"),
            ("SCAN 0", "[0 []]"),
        ],
    )
    .await;
    check(&mut target, &[("MGET foo {foo}2", "[1 2]")]).await;
    assert_eq!(cluster.with(|cluster| cluster.epoch(0)), 3);
}

#[tokio::test]
async fn each_node_marks_in_its_own_line_what_is_on_its_way() {
    let cluster = migrating();
    let ids = [0, 1].map(|node| cluster.with(|cluster| cluster.id(node).to_owned()));
    let [first, second] = &ids;
    let mut lines = Vec::new();
    for node in [0, 1] {
        let text = client(&cluster, node).ask("CLUSTER NODES").await;
        lines.extend(text.lines().map(str::to_owned));
    }
    assert_eq!(
        [&lines[0], &lines[3]],
        [
            &format!(
                "{first} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191 [12182-<-{second}]"
            ),
            &format!(
                "{second} 127.0.0.1:7001@17001 myself,master - 0 0 2 connected 8192-16383 [12182->-{first}]"
            ),
        ]
    );
    let seen = &lines[2];
    let (begin, end) = (
        format!("{first} 127.0.0.1:7000@17000 master - 0 "),
        " 1 connected 0-8191",
    );
    assert!(seen.starts_with(&begin) && seen.ends_with(end), "{seen}");
}

#[tokio::test]
async fn uncovered_slots_stop_all_or_only_their_keys() {
    let cluster = pair();
    cluster.with(|cluster| cluster.uncover(FOO..=FOO));
    let mut node = client(&cluster, 0);
    check(
        &mut node,
        &[
            ("GET foo", NOT_SERVED),
            ("GET bar", CLUSTERDOWN),
            ("SCAN 0", "[0 []]"),
            ("CONFIG SET cluster-require-full-coverage no", "+OK"),
            ("GET foo", NOT_SERVED),
            ("GET bar", "nil"),
        ],
    )
    .await;
    let nodes = node.ask("CLUSTER NODES").await;
    assert!(
        nodes.contains(" connected 8192-12181 12183-16383\n"),
        "{nodes}"
    );
    let info = node.ask("CLUSTER INFO").await;
    assert!(
        info.starts_with("cluster_state:ok\r\ncluster_slots_assigned:16383\r\n"),
        "{info}"
    );
}

#[tokio::test]
async fn questions_about_slots() {
    let cluster = pair();
    cluster.with(|cluster| cluster.insert_strings("{foo}", 0..3));
    let id = cluster.with(|cluster| cluster.id(1).to_owned());
    check(
        &mut client(&cluster, 1),
        &[
            ("CLUSTER KEYSLOT foo", ":12182"),
            ("CLUSTER COUNTKEYSINSLOT 12182", ":3"),
            ("CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot"),
            (
                "CLUSTER COUNTKEYSINSLOT x",
                "-ERR value is not an integer or out of range",
            ),
            ("CLUSTER GETKEYSINSLOT 12182 2", "[{foo}0 {foo}1]"),
            (
                "CLUSTER GETKEYSINSLOT 5 -1",
                "-ERR Invalid slot or number of keys",
            ),
            ("CLUSTER MYID", &id),
            (
                "CLUSTER NOPE",
                "-ERR unknown subcommand 'NOPE'. Try CLUSTER HELP.",
            ),
            (
                "CLUSTER KEYSLOT",
                "-ERR wrong number of arguments for 'cluster|keyslot' command",
            ),
            ("SELECT 1", "-ERR SELECT is not allowed in cluster mode"),
            ("SELECT 0", "+OK"),
        ],
    )
    .await;
    let mut lone = Client::new(keypace_testkit::Sim::new().connect());
    check(
        &mut lone,
        &[
            (
                "CLUSTER NODES",
                "-ERR This instance has cluster support disabled",
            ),
            (
                "READONLY",
                "-ERR This instance has cluster support disabled",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn maps_of_the_cluster_in_every_shape() {
    let cluster = pair();
    let replica = cluster.add_node().await.expect("in memory");
    cluster.with(|cluster| {
        cluster.replicate(replica, 1);
        cluster.announce_hostname(1, "b.example");
    });
    let ids: Vec<String> =
        cluster.with(|cluster| (0..3).map(|node| cluster.id(node).to_owned()).collect());
    let mut node = client(&cluster, 0);
    assert_eq!(
        node.ask("CLUSTER SLOTS").await,
        format!(
            "[[:0 :8191 [127.0.0.1 :7000 {} []]] \
             [:8192 :16383 [127.0.0.1 :7001 {} [hostname b.example]] [127.0.0.1 :7002 {} []]]]",
            ids[0], ids[1], ids[2]
        )
    );
    let shards = node.ask("CLUSTER SHARDS").await;
    let second = format!(
        "[slots [:8192 :16383] nodes [[id {} port :7001 ip 127.0.0.1 endpoint 127.0.0.1 hostname b.example role master \
         replication-offset :0 health online] [id {} port :7002 ip 127.0.0.1 endpoint 127.0.0.1 role replica \
         replication-offset :0 health online]]]",
        ids[1], ids[2]
    );
    assert!(shards.contains(&second), "{shards}");
    let nodes = node.ask("CLUSTER NODES").await;
    assert!(
        nodes.contains(&format!("{} 127.0.0.1:7001@17001,b.example master", ids[1])),
        "{nodes}"
    );
    assert!(
        nodes.contains(&format!(
            "{} 127.0.0.1:7002@17002 slave {} 0 ",
            ids[2], ids[1]
        )),
        "{nodes}"
    );
    cluster.with(|cluster| {
        cluster.announce(0, "10.0.0.1", 6379);
        cluster.hide_own_ip(0);
    });
    let own = node.ask("CLUSTER NODES").await;
    assert!(own.contains(" :6379@16379 myself,master "), "{own}");
    let others = client(&cluster, 1).ask("CLUSTER NODES").await;
    assert!(others.contains(" 10.0.0.1:6379@16379 master "), "{others}");
    for address in ["10.0.0.1:6379", "127.0.0.1:7000", "b.example:7001"] {
        assert!(cluster.connect(address).is_ok(), "{address}");
    }
    assert!(cluster.connect("127.0.0.1:6379").is_err());
}

#[tokio::test]
async fn servers_say_that_they_are_a_cluster() {
    let valkey = SimOptions::default().with_valkey_version("9.1.2");
    for (options, mode) in [
        (SimOptions::default(), "\r\nredis_mode:cluster\r\n"),
        (valkey, "\r\nserver_mode:cluster\r\n"),
    ] {
        let cluster = SimCluster::new(options, 2);
        let info = client(&cluster, 1).ask("INFO").await;
        for field in [mode, "\r\ncluster_enabled:1\r\n", "\r\ntcp_port:7001\r\n"] {
            assert!(info.contains(field), "{field}: {info}");
        }
    }
    let user = User::new("default", "").without_command("CLUSTER");
    let cluster = SimCluster::new(SimOptions::default().with_user(user), 2);
    check(
        &mut client(&cluster, 0),
        &[(
            "CLUSTER NODES",
            "-NOPERM this user has no permissions to run the 'cluster|nodes' command",
        )],
    )
    .await;
}

#[tokio::test]
async fn the_version_decides_the_cursors_unless_a_test_does() {
    let redis = |version: &str| SimOptions::default().with_redis_version(version);
    let valkey = |version: &str| SimOptions::default().with_valkey_version(version);
    for (options, by_slot) in [
        (redis("7.0.15"), false),
        (redis("8.0.2"), true),
        (valkey("7.2.5"), false),
        (valkey("9.1.2"), true),
        (
            redis("7.0.15").with_scan_layout(ScanLayout::TablePerSlot),
            true,
        ),
        (valkey("9.1.2").with_scan_layout(ScanLayout::Opaque), false),
    ] {
        let label = format!("{options:?}");
        let cluster = SimCluster::new(options, 1);
        cluster.with(|cluster| cluster.insert_strings("{foo}", 0..100));
        let mut node = client(&cluster, 0);
        let (cursor, _) = node.page("SCAN 0 COUNT 20").await;
        let cursor: u64 = cursor.parse().expect("a number");
        assert_eq!(cursor % 16_384 == u64::from(FOO), by_slot, "{label}");
        let (mut keys, _) = node.walk("COUNT 7").await;
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 100, "{label}");
    }
}
