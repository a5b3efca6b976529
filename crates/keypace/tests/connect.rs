//! The handshake, against the simulator: protocols, passwords, rights, and servers that are not what they should be.

mod common;

use std::time::Duration;

use common::{on, target, try_on};
use keypace::{ConnectOptions, ErrorKind, Protocol, Retry, Target, Topology};
use keypace_testkit::{Action, Role, Rule, Sim, SimOptions, User};

fn few_retries() -> ConnectOptions {
    ConnectOptions::default().with_retries(2)
}

#[tokio::test]
async fn says_who_it_is_and_asks_who_answers() {
    let sim = Sim::with(
        SimOptions::default()
            .with_valkey_version("9.1.2")
            .with_role(Role::Replica),
    );
    let keyspace = on(&sim).await;
    let server = keyspace.server();
    assert_eq!(
        (
            server.product.as_str(),
            server.version.as_str(),
            server.role.as_str()
        ),
        ("Valkey", "9.1.2", "replica")
    );
    assert_eq!(server.address, "sim:6379");
    assert_eq!(sim.count_of("HELLO"), 1);
    assert_eq!(sim.count_of("CLIENT SETNAME"), 1);
    assert_eq!(
        sim.count_of("CLIENT NO-TOUCH"),
        1,
        "maintenance must not make keys young"
    );
    assert_eq!(sim.count_of("SELECT"), 0);
}

#[tokio::test]
async fn an_application_touches_what_it_reads() {
    let sim = Sim::new();
    let options = ConnectOptions::default().with_purpose(keypace::Purpose::Application);
    try_on(&sim, target(), options).await.expect("connected");
    assert_eq!(sim.count_of("CLIENT NO-TOUCH"), 0);
}

#[tokio::test]
async fn falls_back_to_resp2_where_there_is_no_hello() {
    let sim = Sim::with(
        SimOptions::default()
            .without_command("HELLO")
            .with_password("hunter2"),
    );
    let target = target().with_password("hunter2");
    try_on(&sim, target.clone(), ConnectOptions::default())
        .await
        .expect("AUTH is enough");
    assert_eq!(sim.count_of("AUTH"), 1);
    let strict = ConnectOptions::default().with_protocol(Protocol::Resp3);
    let error = try_on(&sim, target, strict)
        .await
        .expect_err("RESP3 was demanded");
    assert_eq!(error.kind(), ErrorKind::UnknownCommand);
}

#[tokio::test]
async fn works_with_either_protocol_and_selects_the_database() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let sim = Sim::new();
        sim.set(3, "here", "x");
        let options = ConnectOptions::default().with_protocol(protocol);
        let keyspace = try_on(&sim, target().with_database(3), options)
            .await
            .expect("connected");
        assert_eq!(keyspace.dbsize().await.expect("asked"), 1, "{protocol:?}");
        assert_eq!(
            sim.count_of("HELLO"),
            u64::from(protocol == Protocol::Resp3)
        );
    }
}

#[tokio::test]
async fn passwords_are_refused_without_being_shown() {
    let sim = Sim::with(SimOptions::default().with_password("right"));
    for target in [
        target(),
        target().with_password("wr0ng"),
        target().with_user("nobody").with_password("wr0ng"),
    ] {
        for protocol in [Protocol::Auto, Protocol::Resp2] {
            let error = try_on(
                &sim,
                target.clone(),
                ConnectOptions::default().with_protocol(protocol),
            )
            .await;
            let error = error.expect_err("refused");
            assert_eq!(
                (error.kind(), error.retry()),
                (ErrorKind::Auth, Retry::Never),
                "{error}"
            );
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(
                !shown.contains("wr0ng") && !shown.contains("right"),
                "{shown}"
            );
            assert!(error.hint().expect("hint").contains("KEYPACE_PASSWORD"));
        }
    }
}

#[tokio::test]
async fn without_info_the_rule_to_add_is_named() {
    let sim =
        Sim::with(SimOptions::default().with_user(User::new("app", "pw").without_command("INFO")));
    let error = try_on(
        &sim,
        target().with_user("app").with_password("pw"),
        few_retries(),
    )
    .await
    .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(
        error.hint().expect("hint").contains("+info"),
        "{:?}",
        error.hint()
    );
}

#[tokio::test(start_paused = true)]
async fn p28_a_loading_server_is_waited_for() {
    let sim = Sim::new();
    sim.with_state(|state| state.set_info("loading", "1"));
    let done = sim.clone();
    sim.script(
        Rule::on("INFO")
            .nth(6)
            .then(Action::run(|state| state.set_info("loading", "0"))),
    );
    on(&done).await;
    sim.with_state(|state| state.set_info("loading", "1"));
    let error = try_on(&sim, target(), few_retries())
        .await
        .expect_err("still loading");
    assert_eq!(error.kind(), ErrorKind::Loading);
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn p14_a_part_of_a_cluster_is_never_walked_as_the_whole() {
    for (mode, topology, text) in [
        (
            "cluster",
            Topology::Standalone,
            "it is a node of a cluster, and holds a part of the keys only",
        ),
        (
            "sentinel",
            Topology::Auto,
            "it is a Sentinel, which holds no keys",
        ),
        (
            "sentinel",
            Topology::Standalone,
            "it is a Sentinel, which holds no keys",
        ),
        (
            "standalone",
            Topology::Cluster,
            "it is a single server, and no node of a cluster",
        ),
        (
            "standalone",
            Topology::Sentinel,
            "the URL names no Sentinel",
        ),
    ] {
        let sim = Sim::new();
        sim.with_state(|state| state.set_info("redis_mode", mode));
        let options = few_retries().with_topology(topology);
        let error = try_on(&sim, target(), options).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context(), text);
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn a_cluster_has_no_second_database() {
    let sim = Sim::new();
    sim.with_state(|state| state.set_info("redis_mode", "cluster"));
    // What servers before Valkey 9 say to SELECT in a cluster, and what comes where they have that database.
    for refuses in [true, false] {
        if refuses {
            let text = b"-ERR SELECT is not allowed in cluster mode\r\n".to_vec();
            sim.script(Rule::on("SELECT").then(Action::Reply(text)));
        }
        let target = target().with_database(3);
        let error = try_on(&sim, target, few_retries())
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.context().contains("database 3"), "{error}");
        assert!(error.hint().expect("hint").contains("database 0"));
    }
}

#[tokio::test]
async fn several_addresses_are_those_of_a_cluster() {
    let sim = Sim::new();
    let seed = Target::parse("redis://other:7000").expect("valid");
    let seeded = target().with_seeds([seed.clone()]);
    let error = try_on(&sim, seeded, few_retries())
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.context().contains("other:7000"),
        "a dialer with one way only: {error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let sim = Sim::new();
    sim.script(Rule::on("HELLO").always().then(Action::Stall));
    let began = tokio::time::Instant::now();
    let error = try_on(&sim, target(), few_retries())
        .await
        .expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn what_is_no_redis_is_told_so() {
    for (bytes, kind) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            ErrorKind::Protocol,
        ),
        (b"\x15\x03\x01\x00\x02\x02\x46", ErrorKind::Protocol),
        (b"+what\r\n", ErrorKind::Protocol),
    ] {
        let sim = Sim::new();
        sim.script(Rule::on("HELLO").then(Action::Reply(bytes.to_vec())));
        let error = try_on(&sim, target(), few_retries())
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some());
    }
    let sim = Sim::new();
    sim.script(Rule::on("HELLO").then(Action::DropConnection));
    let error = try_on(&sim, target(), few_retries())
        .await
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Disconnected);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_not_handed_out() {
    let sim = Sim::new();
    let keyspace = try_on(&sim, target(), ConnectOptions::default().with_retries(0)).await;
    let keyspace = keyspace.expect("connected");
    assert_eq!(sim.connections(), 1);
    sim.close_connections();
    while sim.connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(keyspace.dbsize().await.expect("a new connection"), 0);
    assert_eq!(sim.count_of("HELLO"), 2);
}
