//! Calls on a simulated server and cluster: where they go, how often, and what a failure leaves behind. Real servers are in
//! `live`.

mod live;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keypace_testkit::{Action, ClusterState, Reply as SimReply, Rule, Sim, SimCluster, SimOptions};

use super::Router;
use crate::error::{ErrorKind, Retry};
use crate::key::Slot;
use crate::pace::{Budget, QueryKind, Thresholds};
use crate::port::{Call, Class, ConnectOptions, Dial, Dialing, Keyspace};
use crate::port::{Reply, Script, Stream, Target};

const KEYS: u64 = 300;
const ECHO: Script = Script {
    text: "return KEYS[1]",
    digest: "4a2267357833227dd98abdedb8cf24b15a986445",
};

/// Dials into the nodes' memory.
#[derive(Debug)]
struct ClusterDial(SimCluster, String);

impl Dial for ClusterDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move { Ok(Box::new(self.0.connect(&self.1)?) as Box<dyn Stream>) })
    }

    fn name(&self) -> String {
        self.1.clone()
    }

    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        Some(Arc::new(Self(self.0.clone(), format!("{host}:{port}"))))
    }
}

#[derive(Debug)]
struct SimDial(Sim);

impl Dial for SimDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move { Ok(Box::new(self.0.connect()) as Box<dyn Stream>) })
    }

    fn name(&self) -> String {
        "sim:6379".to_owned()
    }
}

async fn through(dial: Arc<dyn Dial>) -> Keyspace {
    let target = Target::parse("redis://sim").expect("valid");
    let options = ConnectOptions::default()
        .with_timeout(Duration::from_secs(1))
        .expect("allowed");
    let connected = Keyspace::connect_through(dial, target, options).await;
    connected.expect("the simulator answers")
}

async fn on(sim: &Sim) -> Router {
    Router::new(&through(Arc::new(SimDial(sim.clone()))).await)
}

/// By the second node, so that the first can be harmed.
async fn in_cluster(cluster: &SimCluster) -> Router {
    let address = cluster.addresses()[1].clone();
    Router::new(&through(Arc::new(ClusterDial(cluster.clone(), address))).await)
}

/// Three primaries that share `key:{n}`, which hold n.
fn seeded() -> SimCluster {
    let cluster = SimCluster::new(SimOptions::default(), 3);
    cluster.with(|cluster| cluster.insert_strings("key:", 0..KEYS));
    cluster
}

fn get(key: impl AsRef<[u8]>) -> Call {
    let key = Bytes::copy_from_slice(key.as_ref());
    let words = vec![Bytes::from_static(b"GET"), key.clone()];
    Call::command(Slot::of(&key), "GET", Class::Read, words)
}

fn set(key: &str, value: &str) -> Call {
    let words = ["SET", key, value].map(|word| Bytes::copy_from_slice(word.as_bytes()));
    Call::command(Slot::of(key.as_bytes()), "SET", Class::Write, words.into())
}

fn gets(numbers: std::ops::Range<u64>) -> Vec<Call> {
    numbers.map(|n| get(format!("key:{n}"))).collect()
}

fn bulk(text: impl ToString) -> Reply {
    Reply::Bulk(text.to_string().into_bytes().into())
}

async fn all_are_right(router: &Router) {
    let replies = router.volley(gets(0..KEYS)).await.expect("answered");
    let wanted: Vec<Reply> = (0..KEYS).map(bulk).collect();
    assert_eq!(replies, wanted);
}

/// Something befalls the cluster when a node meets what a rule names.
fn at(
    cluster: &SimCluster,
    node: usize,
    rule: Rule,
    what: impl Fn(&mut ClusterState) + Send + Sync + 'static,
) {
    let rule = rule.then(Action::cluster(what));
    cluster.node(node).script(rule);
}

fn slot_of(key: &str) -> u16 {
    Slot::of(key.as_bytes()).number()
}

#[tokio::test(start_paused = true)]
async fn each_call_goes_to_its_node_once_and_nothing_else_does() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    all_are_right(&router).await;
    let (asked, told) = (cluster.count_of("GET"), cluster.count_of("CLUSTER NODES"));
    assert_eq!(asked, KEYS);
    let quiet = (cluster.count_of("PING"), cluster.count_of("INFO"));
    all_are_right(&router).await;
    assert_eq!(cluster.count_of("GET"), 2 * KEYS);
    assert_eq!(cluster.count_of("CLUSTER NODES"), told);
    assert_eq!((cluster.count_of("PING"), cluster.count_of("INFO")), quiet);
    assert!(router.volley(Vec::new()).await.expect("nothing").is_empty());
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_one_flight_stay_in_their_order() {
    let sim = Sim::new();
    sim.insert_strings("key:", 0..KEYS);
    let router = on(&sim).await;
    let calls = (0..8 * KEYS).map(|n| get(format!("key:{}", n % KEYS)));
    let replies = router.volley(calls.collect()).await.expect("answered");
    let wanted: Vec<Reply> = (0..8 * KEYS).map(|n| bulk(n % KEYS)).collect();
    assert_eq!(replies, wanted);
    assert_eq!(sim.count_of("GET"), 8 * KEYS);
}

#[tokio::test(start_paused = true)]
async fn moved_is_believed_at_once_and_learnt() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    all_are_right(&router).await;
    cluster.with(|cluster| cluster.move_slots(0..=8000, 2));
    let before = cluster.count_of("GET");
    all_are_right(&router).await;
    let moved = (0..KEYS).filter(|n| slot_of(&format!("key:{n}")) <= 8000);
    assert_eq!(
        cluster.count_of("GET") - before,
        KEYS + moved.count() as u64
    );
    // What other slots became is known by the first redirect.
    let before = cluster.count_of("GET");
    all_are_right(&router).await;
    assert_eq!(cluster.count_of("GET") - before, KEYS);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_redirected_runs_once() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    router.call(set("key:1", "a")).await.expect("set");
    let slot = slot_of("key:1");
    cluster.with(|cluster| {
        let owner = cluster.owner(slot).expect("an owner");
        cluster.move_slots(slot..=slot, (owner + 1) % 3);
    });
    router.call(set("key:1", "b")).await.expect("set");
    assert_eq!(router.call(get("key:1")).await.expect("got"), bulk("b"));
    // One that was refused with MOVED, and two that ran.
    assert_eq!(cluster.count_of("SET"), 3);
}

#[tokio::test(start_paused = true)]
async fn ask_is_followed_and_teaches_nothing() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    all_are_right(&router).await;
    let slot = slot_of("key:1");
    cluster.with(|cluster| {
        let owner = cluster.owner(slot).expect("an owner");
        cluster.begin_migration(slot, (owner + 1) % 3);
        assert!(cluster.migrate_key("key:1"));
    });
    for times in 1..=2 {
        assert_eq!(router.call(get("key:1")).await.expect("got"), bulk(1));
        assert_eq!(cluster.count_of("ASKING"), times);
    }
    let written = router.call(set("key:1", "b")).await;
    written.expect("set");
    all_but_one(&router, 1, "b").await;
}

async fn all_but_one(router: &Router, one: u64, holds: &str) {
    let replies = router.volley(gets(0..KEYS)).await.expect("answered");
    for (n, reply) in (0..KEYS).zip(replies) {
        let wanted = if n == one { bulk(holds) } else { bulk(n) };
        assert_eq!(reply, wanted, "key:{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn tryagain_is_waited_out() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    let slot = slot_of("{t}1");
    let owner = cluster.with(|cluster| {
        cluster.set("{t}1", "1");
        cluster.set("{t}2", "2");
        let owner = cluster.owner(slot).expect("an owner");
        cluster.begin_migration(slot, (owner + 1) % 3);
        assert!(cluster.migrate_key("{t}1"));
        owner
    });
    at(&cluster, owner, Rule::on("MGET").nth(3), move |cluster| {
        cluster.end_migration(slot);
    });
    let words = ["MGET", "{t}1", "{t}2"].map(|word| Bytes::from_static(word.as_bytes()));
    let call = Call::command(Slot::of(b"{t}1"), "MGET", Class::Read, words.into());
    let reply = router.call(call).await.expect("got");
    assert_eq!(reply, Reply::Array(vec![bulk(1), bulk(2)]));
}

#[tokio::test(start_paused = true)]
async fn a_lost_primary_is_replaced_by_its_heir() {
    let cluster = seeded();
    let heir = cluster.add_node().await.expect("a node");
    cluster.with(|cluster| cluster.replicate(heir, 0));
    let router = in_cluster(&cluster).await;
    all_are_right(&router).await;
    // Reads that are on their way when it dies are asked again.
    at(&cluster, 0, Rule::on("GET").nth(20), move |cluster| {
        cluster.kill(0);
        cluster.fail_over(heir);
    });
    all_are_right(&router).await;
    let key = (0..KEYS).map(|n| format!("key:{n}"));
    let key = key.into_iter().find(|key| slot_of(key) <= 5000);
    let key = key.expect("one of the first third");
    router.call(set(&key, "new")).await.expect("set");
    assert_eq!(cluster.node(heir).count_of("SET"), 1);
}

#[tokio::test(start_paused = true)]
async fn p28_a_write_without_a_reply_is_never_sent_again() {
    for (lost, ran) in [
        (Action::ExecuteThenDrop, true),
        (Action::DropConnection, false),
        (Action::ExecuteThenStall, true),
        (Action::Stall, false),
    ] {
        for in_volley in [false, true] {
            let cluster = seeded();
            let router = in_cluster(&cluster).await;
            all_are_right(&router).await;
            let owner = cluster.with(|cluster| cluster.owner(slot_of("key:5")));
            let node = cluster.node(owner.expect("an owner"));
            node.script(Rule::on("SET").then(lost.clone()));
            let sent = if in_volley {
                let mut calls = gets(0..KEYS);
                calls.insert(7, set("key:5", "new"));
                router.volley(calls).await.map(|_| ())
            } else {
                router.call(set("key:5", "new")).await.map(|_| ())
            };
            let error = sent.expect_err("unknown");
            assert_eq!(error.retry(), Retry::AskAgain, "{error:?}");
            assert_eq!(cluster.count_of("SET"), 1, "{lost:?}");
            let wanted = if ran { bulk("new") } else { bulk(5) };
            assert_eq!(router.call(get("key:5")).await.expect("got"), wanted);
        }
    }
}

/// That a write may have run is what its caller has to know, whatever else was refused.
#[tokio::test(start_paused = true)]
async fn p28_a_write_without_a_reply_is_told_before_a_right_that_lacks() {
    for on_one_node in [true, false] {
        let cluster = seeded();
        let router = in_cluster(&cluster).await;
        all_are_right(&router).await;
        let owner = |n: &u64| cluster.with(|cluster| cluster.owner(slot_of(&format!("key:{n}"))));
        let home = owner(&5).expect("an owner");
        let other = (0..KEYS).filter(|n| *n != 5);
        let mut other = other.filter(|n| (owner(n) == Some(home)) == on_one_node);
        let refused = format!("key:{}", other.next().expect("a key"));
        let text = "NOPERM this user has no permissions to run the 'get' command";
        for node in 0..3 {
            let rule = Rule::on("GET").then(Action::Error(text.to_owned()));
            cluster.node(node).script(rule);
        }
        let rule = Rule::on("SET").then(Action::ExecuteThenDrop);
        cluster.node(home).script(rule);
        let calls = vec![get(&refused), set("key:5", "new"), get(&refused)];
        let error = router
            .volley(calls)
            .await
            .expect_err("refused, and unknown");
        assert_eq!(
            error.retry(),
            Retry::AskAgain,
            "one node: {on_one_node}: {error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_without_a_reply_is_asked_again() {
    let sim = Sim::new();
    sim.insert_strings("key:", 0..KEYS);
    let router = on(&sim).await;
    sim.script(Rule::on("GET").nth(40).then(Action::DropConnection));
    sim.script(
        Rule::on("GET")
            .nth(80)
            .then(Action::CutReply { after_bytes: 2 }),
    );
    all_are_right(&router).await;
    assert_eq!(sim.rules_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_refuses_for_now_goes_again() {
    for text in [
        "LOADING x",
        "BUSY x",
        "OOM x",
        "MASTERDOWN x",
        "CLUSTERDOWN x",
    ] {
        let sim = Sim::new();
        sim.insert_strings("key:", 0..KEYS);
        let router = on(&sim).await;
        sim.script(
            Rule::on("SET")
                .times(2)
                .then(Action::Error(text.to_owned())),
        );
        sim.script(
            Rule::on("GET")
                .nth(9)
                .times(3)
                .then(Action::Error(text.to_owned())),
        );
        router.call(set("other", "1")).await.expect("set");
        assert_eq!(sim.count_of("SET"), 3, "{text}");
        all_are_right(&router).await;
    }
    let sim = Sim::new();
    let router = on(&sim).await;
    sim.script(
        Rule::on("GET")
            .always()
            .then(Action::Error("LOADING x".to_owned())),
    );
    let error = router.call(get("key:1")).await.expect_err("for ever");
    assert_eq!(error.kind(), ErrorKind::Loading);
    assert_eq!(error.node(), Some("sim:6379"));
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_error_stands_in_its_place() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
    for node in 0..3 {
        let rule = Rule::on("GET").with_arg("key:7").always();
        let rule = rule.then(Action::Error(wrong.to_owned()));
        cluster.node(node).script(rule);
    }
    let replies = router.volley(gets(0..KEYS)).await.expect("answered");
    for (n, reply) in (0..KEYS).zip(replies) {
        let wanted = if n == 7 {
            Reply::Error(wrong.into())
        } else {
            bulk(n)
        };
        assert_eq!(reply, wanted);
    }
    let error = router.call(get("key:7")).await.expect_err("its own");
    assert_eq!(error.kind(), ErrorKind::WrongType);
    // A command that may not be run is nobody's own.
    let denied = "NOPERM this user has no permissions to run the 'get' command";
    let rule = Rule::on("GET").with_arg("key:9").always();
    let owner = cluster.with(|cluster| cluster.owner(slot_of("key:9")));
    let node = cluster.node(owner.expect("an owner"));
    node.script(rule.then(Action::Error(denied.to_owned())));
    let error = router.volley(gets(0..KEYS)).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.hint().expect("a hint").contains("+get"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_scripts_text_goes_to_a_server_once() {
    let sim = Sim::new();
    sim.on_script(ECHO.text, |call| SimReply::bulk(call.keys[0].clone()));
    let router = on(&sim).await;
    let calls = || -> Vec<Call> {
        let echo = |n: u32| {
            let key: Bytes = format!("key:{n}").into();
            Call::script(Slot::of(&key), &ECHO, Class::Write, vec![key], vec![])
        };
        (0..10).map(echo).collect()
    };
    let wanted: Vec<Reply> = (0..10).map(|n| bulk(format!("key:{n}"))).collect();
    assert_eq!(router.volley(calls()).await.expect("run"), wanted);
    assert_eq!((sim.count_of("EVAL"), sim.count_of("EVALSHA")), (1, 19));
    assert_eq!(router.volley(calls()).await.expect("run"), wanted);
    assert_eq!((sim.count_of("EVAL"), sim.count_of("EVALSHA")), (1, 29));
}

#[tokio::test(start_paused = true)]
async fn nobody_having_a_slot_is_said_and_found_out_when_it_is_over() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    let slot = slot_of("key:1");
    let owner = cluster.with(|cluster| {
        let owner = cluster.owner(slot).expect("an owner");
        cluster.uncover(slot..=slot);
        owner
    });
    let error = router.call(get("key:1")).await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::ClusterDown);
    cluster.with(|cluster| cluster.move_slots(slot..=slot, owner));
    assert_eq!(router.call(get("key:1")).await.expect("got"), bulk(1));
}

#[tokio::test(start_paused = true)]
async fn nodes_that_point_at_each_other_are_given_up() {
    let cluster = seeded();
    let router = in_cluster(&cluster).await;
    let slot = slot_of("key:1");
    for (node, other) in [(0, 1), (1, 2), (2, 0)] {
        let place = cluster.addresses()[other].clone();
        let rule = Rule::on("GET").always();
        cluster
            .node(node)
            .script(rule.then(Action::Error(format!("MOVED {slot} {place}"))));
    }
    let error = router.call(get("key:1")).await.expect_err("no end");
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::Moved, Retry::Never)
    );
    assert_eq!(
        cluster.count_of("GET"),
        u64::from(crate::limits::MAX_REDIRECTS) + 1
    );
}

#[tokio::test]
async fn a_pace_is_joined_by_the_nodes_that_are_used() {
    let cluster = seeded();
    let address = cluster.addresses()[1].clone();
    let keyspace = through(Arc::new(ClusterDial(cluster.clone(), address))).await;
    let router = Router::paced(&keyspace, Budget::default(), Thresholds::default());
    assert!(router.paces().is_empty());
    router.call(get("key:1")).await.expect("got");
    assert_eq!(router.paces().len(), 1);
    let calls = gets(0..KEYS).into_iter();
    let calls = calls.map(|call| call.with_pace(QueryKind::Read, 1));
    let replies = router.volley(calls.collect()).await.expect("answered");
    assert_eq!(replies, (0..KEYS).map(bulk).collect::<Vec<_>>());
    assert_eq!(cluster.count_of("GET"), KEYS + 1);
    assert_eq!(router.paces().len(), 3);
}
