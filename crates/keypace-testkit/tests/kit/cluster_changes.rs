//! Owns what happens to a simulated cluster while a client is at work: slots that move, stale keys and views, failover,
//! nodes that go and come. It must not need a real server.

use keypace_testkit::{Action, Rule, SimCluster, SimOptions};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;

use crate::client::Client;

/// So many nodes with 900 keys.
fn stocked(nodes: usize) -> SimCluster {
    let cluster = SimCluster::new(SimOptions::default(), nodes);
    cluster.with(|cluster| cluster.insert_strings("session:", 0..900));
    cluster
}

fn client(cluster: &SimCluster, node: usize) -> Client<DuplexStream> {
    Client::new(cluster.node(node).connect())
}

async fn walked(cluster: &SimCluster, nodes: impl Iterator<Item = usize>) -> Vec<String> {
    let mut keys = Vec::new();
    for node in nodes {
        keys.extend(client(cluster, node).walk("COUNT 10").await.0);
    }
    keys.sort();
    keys.dedup();
    keys
}

#[tokio::test]
async fn a_plain_walk_misses_slots_that_move_in_mid_walk() {
    let cluster = stocked(3);
    assert_eq!(walked(&cluster, 0..3).await.len(), 900);
    let scans = cluster.node(1).count_of("SCAN");
    assert!(scans > 20 && cluster.count_of("SCAN") > 2 * scans);
    // The last node's slots go to the first after the third page of the second's walk.
    cluster
        .node(1)
        .script(Rule::on("SCAN").nth(4).then(Action::cluster(|cluster| {
            cluster.move_slots(12_000..=16_383, 0)
        })));
    let found = walked(&cluster, 0..3).await;
    assert_eq!(cluster.node(1).rules_left(), 0);
    assert!((500..800).contains(&found.len()), "{}", found.len());
    assert_eq!(walked(&cluster, 0..3).await.len(), 900);
    let state = cluster.with(|cluster| {
        let owners = [11_999, 12_000].map(|slot| cluster.owner(slot));
        (owners, cluster.epoch(0), cluster.keys().len())
    });
    assert_eq!(state, ([Some(2), Some(0)], 4, 900));
}

#[tokio::test]
async fn stale_keys_are_listed_and_only_the_check_of_the_slot_protects_them() {
    let cluster = stocked(2);
    cluster.with(|cluster| cluster.move_slots_leaving_copies(0..=4000, 1));
    let stale = cluster.with(|cluster| cluster.stale_keys(0));
    assert!(stale.len() > 100, "{}", stale.len());
    let key = String::from_utf8(stale[0].clone()).expect("text");
    let mut node = client(&cluster, 0);
    let (listed, _) = node.walk("COUNT 10").await;
    assert!(listed.contains(&key));
    let unlink = format!("UNLINK {key}");
    let answer = node.ask(&unlink).await;
    assert!(answer.starts_with("-MOVED "), "{answer}");
    cluster.with(|cluster| cluster.serve_any_slot(0));
    assert_eq!(node.ask(&unlink).await, ":1");
    assert!(cluster.node(1).contains(0, &key), "the owner's is another");
    assert_eq!(cluster.with(|cluster| cluster.keys().len()), 900);
}

#[tokio::test]
async fn a_frozen_view_answers_by_what_was() {
    let cluster = stocked(2);
    cluster.with(|cluster| {
        cluster.freeze_view(0);
        cluster.move_slots(0..=8191, 1);
    });
    let mut node = client(&cluster, 0);
    let (stale, fresh) = (
        node.ask("CLUSTER NODES").await,
        client(&cluster, 1).ask("CLUSTER NODES").await,
    );
    assert!(stale.contains(" 1 connected 0-8191\n"), "{stale}");
    assert!(fresh.contains(" 3 connected 0-16383\n"), "{fresh}");
    assert_eq!(
        node.ask("GET bar").await,
        "nil",
        "it believes that it owns it"
    );
    cluster.with(|cluster| cluster.thaw_view(0));
    assert_eq!(node.ask("GET bar").await, "-MOVED 5061 127.0.0.1:7001");
}

/// Two primaries and a replica of the first, which was given `bar` after the replica had copied it.
async fn with_replica() -> (SimCluster, usize) {
    let cluster = stocked(2);
    let replica = cluster.add_node().await.expect("in memory");
    cluster.with(|cluster| {
        cluster.replicate(replica, 0);
        cluster.set("bar", "1");
    });
    (cluster, replica)
}

#[tokio::test]
async fn a_replica_serves_reads_that_ask_for_it() {
    let (cluster, replica) = with_replica().await;
    let mut client = client(&cluster, replica);
    for (command, expected) in [
        ("GET bar", "-MOVED 5061 127.0.0.1:7000"),
        ("READONLY", "+OK"),
        ("GET bar", "nil"),
        ("UNLINK bar", "-MOVED 5061 127.0.0.1:7000"),
        ("GET foo", "-MOVED 12182 127.0.0.1:7001"),
        ("READWRITE", "+OK"),
        ("GET bar", "-MOVED 5061 127.0.0.1:7000"),
        ("ROLE", "[slave 127.0.0.1 :7000 connected :0]"),
    ] {
        assert_eq!(client.ask(command).await, expected, "{command}");
    }
}

#[tokio::test]
async fn a_replica_takes_over_from_a_primary_that_was_killed() {
    let (cluster, replica) = with_replica().await;
    let (mut primary, mut other) = (client(&cluster, 0), client(&cluster, replica));
    primary.ask("PING").await;
    cluster.with(|cluster| {
        cluster.kill(0);
        cluster.fail_over(replica);
    });
    assert_eq!(primary.rest().await, b"");
    assert!(cluster.connect("127.0.0.1:7000").is_err());
    assert_eq!(other.ask("GET bar").await, "1");
    let nodes = other.ask("CLUSTER NODES").await;
    assert!(
        nodes.contains(" 127.0.0.1:7002@17002 myself,master - 0 0 3 connected 0-8191\n"),
        "{nodes}"
    );
    assert!(
        nodes.contains(" master,fail - ") && nodes.contains(" 1 disconnected\n"),
        "{nodes}"
    );
    assert_eq!(walked(&cluster, 1..3).await.len(), 901);
    cluster.with(|cluster| {
        cluster.revive(0);
        cluster.replicate(0, replica);
        cluster.fail_over(0);
    });
    assert_eq!(other.ask("GET bar").await, "-MOVED 5061 127.0.0.1:7000");
}

/// The value of one field of INFO.
async fn field(client: &mut Client<DuplexStream>, name: &str) -> String {
    let info = client.ask("INFO replication").await;
    let begin = format!("{name}:");
    let value = info.lines().find_map(|line| line.strip_prefix(&begin));
    value.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn info_follows_a_failover() {
    let (cluster, replica) = with_replica().await;
    let (mut primary, mut other) = (client(&cluster, 0), client(&cluster, replica));
    assert_eq!(
        field(&mut primary, "slave0").await,
        "ip=127.0.0.1,port=7002,state=online,offset=0,lag=0"
    );
    assert_eq!(field(&mut other, "role").await, "slave");
    assert_eq!(field(&mut other, "master_port").await, "7000");
    let before = field(&mut primary, "master_replid").await;
    assert_eq!(field(&mut other, "master_replid").await, before);
    cluster.with(|cluster| cluster.fail_over(replica));
    assert_eq!(field(&mut other, "role").await, "master");
    assert_eq!(field(&mut other, "master_replid2").await, before);
    let after = field(&mut other, "master_replid").await;
    assert_ne!(after, before);
    assert_eq!(field(&mut primary, "role").await, "slave");
    assert_eq!(field(&mut primary, "master_replid").await, after);
    assert_eq!(
        field(&mut other, "slave0").await,
        "ip=127.0.0.1,port=7000,state=online,offset=0,lag=0"
    );
}

#[tokio::test]
async fn a_replica_that_believes_it_owns_a_slot_still_refuses_writes() {
    let cluster = stocked(2);
    let replica = cluster.add_node().await.expect("in memory");
    cluster.with(|cluster| {
        cluster.replicate(replica, 0);
        cluster.freeze_view(0);
        cluster.fail_over(replica);
    });
    assert_eq!(
        client(&cluster, 0).ask("UNLINK bar").await,
        "-READONLY You can't write against a read only replica."
    );
}

#[tokio::test]
async fn nodes_go_and_come() {
    let cluster = stocked(2);
    let run_id = |node: usize| cluster.with(|cluster| cluster.node(node).run_id().to_owned());
    let (id, first) = (cluster.with(|cluster| cluster.id(1).to_owned()), run_id(1));
    assert_ne!(first, run_id(0));
    let mut gone = client(&cluster, 1);
    assert_eq!(gone.ask("PING").await, "+PONG");
    cluster.with(|cluster| cluster.isolate(1));
    assert_eq!(gone.rest().await, b"");
    assert!(cluster.connect("127.0.0.1:7001").is_err());
    let nodes = client(&cluster, 0).ask("CLUSTER NODES").await;
    assert!(!nodes.contains("fail"), "the others reach it: {nodes}");
    cluster.with(|cluster| {
        cluster.revive(1);
        cluster.restart(1);
    });
    assert_ne!(run_id(1), first);
    assert_eq!(cluster.with(|cluster| cluster.id(1).to_owned()), id);
    cluster.with(|cluster| cluster.change_id(1));
    assert_ne!(cluster.with(|cluster| cluster.id(1).to_owned()), id);
    assert_eq!(
        client(&cluster, 1).ask("DBSIZE").await,
        format!(":{}", cluster.node(1).keys(0).len())
    );
}

#[tokio::test]
async fn over_tcp_a_node_is_added_met_filled_and_forgotten() {
    let cluster = SimCluster::start(SimOptions::default(), 2)
        .await
        .expect("free ports");
    cluster.with(|cluster| cluster.insert_strings("session:", 0..900));
    let added = cluster.add_node().await.expect("a free port");
    let addresses = cluster.addresses();
    let mut clients = Vec::new();
    for address in &addresses {
        clients.push(Client::new(
            TcpStream::connect(address).await.expect("it listens"),
        ));
    }
    let port = addresses[added].rsplit(':').next().expect("a port");
    let alone = clients[added].ask("CLUSTER NODES").await;
    assert!(
        alone.contains(&format!(" :{port}@"))
            && alone.ends_with(" myself,master - 0 0 0 connected\n"),
        "{alone}"
    );
    assert!(
        !clients[0]
            .ask("CLUSTER NODES")
            .await
            .contains(&addresses[added])
    );
    cluster.with(|cluster| {
        cluster.meet(added);
        cluster.move_slots(4000..=12_000, added);
    });
    assert!(
        clients[0]
            .ask("CLUSTER NODES")
            .await
            .contains(&addresses[added])
    );
    assert_eq!(
        clients[1].ask("GET bar").await,
        format!("-MOVED 5061 {}", addresses[added])
    );
    let mut keys = Vec::new();
    for client in &mut clients {
        keys.extend(client.walk("COUNT 100").await.0);
    }
    assert_eq!(keys.len(), 900);
    cluster.with(|cluster| {
        cluster.move_slots(4000..=12_000, 0);
        cluster.forget(added);
    });
    assert!(
        !clients[0]
            .ask("CLUSTER NODES")
            .await
            .contains(&addresses[added])
    );
}
