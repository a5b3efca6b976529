//! Servers that are no Redis or Valkey of today, as far as their documents tell: scripted on the simulator, and not run
//! against the real thing.

mod common;

use common::{
    KEYS, all_keys, check, deleting, finish, left, on, scan, seeded, sweep, target, try_on,
};
use keypace::{
    CapabilityState, ConnectOptions, ErrorKind, InspectOptions, Keyspace, Strategy, inspect,
};
use keypace_testkit::{Action, Rule, Sim, SimOptions};

fn with_sessions(options: SimOptions) -> Sim {
    let sim = Sim::with(options);
    sim.insert_strings("session:", 0..KEYS);
    sim.insert_strings("other:", 0..1000);
    sim
}

/// INFO says this and no more, whatever section is asked for.
fn says(sim: &Sim, info: &str) {
    let info = info.replace('\n', "\r\n");
    let reply = format!("${}\r\n{info}\r\n", info.len());
    sim.script(
        Rule::on("INFO")
            .always()
            .then(Action::Reply(reply.into_bytes())),
    );
}

/// Lists, and deletes exactly what matches, without UNLINK where there is none.
async fn works(sim: &Sim) -> Keyspace {
    let keyspace = on(sim).await;
    let keys = all_keys(&keyspace, scan("session:*"))
        .await
        .expect("walked");
    assert_eq!(keys.len() as u64, KEYS);
    let summary = finish(deleting(&keyspace, &sweep("session:*")).await).await;
    check(&summary);
    assert!(summary.complete, "{summary:?}");
    assert_eq!((summary.deleted, left(sim, "session:")), (KEYS, 0));
    assert_eq!(left(sim, "other:"), 1000);
    keyspace
}

async fn has(keyspace: &Keyspace, name: &str) -> CapabilityState {
    let options = InspectOptions::default()
        .with_capabilities()
        .with_sample_keys(0);
    let looked = inspect(keyspace, &options).await.expect("inspected");
    let report = looked.report();
    let capabilities = &report.nodes[0].capabilities;
    let own = capabilities.iter().find(|own| own.name == name);
    own.unwrap_or_else(|| panic!("{name}")).state
}

#[tokio::test]
async fn without_scan_the_version_is_named_and_keys_is_used_on_demand_only() {
    let sim = with_sessions(SimOptions::default().with_redis_version("2.6.17"));
    let keyspace = on(&sim).await;
    let error = all_keys(&keyspace, scan("session:*"))
        .await
        .expect_err("there is no SCAN");
    assert_eq!(error.kind(), ErrorKind::UnknownCommand);
    let text = error.to_string();
    assert!(text.contains("Redis 2.6.17 doesn't know SCAN"), "{text}");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("--use-keys"), "{hint}");
    assert_eq!(sim.count_of("KEYS"), 0);
    let keys = all_keys(&keyspace, scan("session:*").with_strategy(Strategy::Keys))
        .await
        .expect("walked");
    assert_eq!((keys.len() as u64, sim.count_of("KEYS")), (KEYS, 1));
}

#[tokio::test]
async fn dragonfly_is_named_and_its_own_delete_by_pattern_is_seen_and_not_used() {
    let sim = seeded();
    says(
        &sim,
        "# Server\nredis_version:7.4.0\ndragonfly_version:df-v1.30.0\nredis_mode:standalone\n# Replication\nrole:master\n",
    );
    sim.script(
        Rule::on("COMMAND")
            .with_arg("RM")
            .always()
            .then(Action::Reply(b"*1\r\n*2\r\n$2\r\nRM\r\n:-2\r\n".to_vec())),
    );
    let keyspace = works(&sim).await;
    let server = keyspace.server();
    assert_eq!(
        (&*server.product, &*server.version),
        ("Dragonfly", "df-v1.30.0")
    );
    assert_eq!(has(&keyspace, "RM").await, CapabilityState::Yes);
    assert_eq!(sim.count_of("RM"), 0);
    assert_eq!(has(&on(&seeded()).await, "RM").await, CapabilityState::No);
}

#[tokio::test]
async fn kvrocks_names_no_process_and_has_cursors_that_are_no_numbers() {
    let sim = seeded();
    says(
        &sim,
        "# Server\nversion:unstable\nkvrocks_version:2.11.0\nredis_version:4.0.0\nredis_mode:standalone\n# Replication\nrole:master\n",
    );
    let keyspace = works(&sim).await;
    assert_eq!(keyspace.server().product, "Kvrocks");
    // Its older versions give the last key as the cursor.
    let sim = seeded();
    for (cursor, page) in [
        ("0", "*2\r\n$4\r\n_k:1\r\n*1\r\n$3\r\nk:1\r\n"),
        ("_k:1", "*2\r\n$1\r\n0\r\n*1\r\n$3\r\nk:2\r\n"),
    ] {
        let page = Action::Reply(page.as_bytes().to_vec());
        sim.script(Rule::on("SCAN").with_arg(cursor).always().then(page));
    }
    let keyspace = on(&sim).await;
    let keys = all_keys(&keyspace, scan("k:*")).await.expect("walked");
    assert_eq!(keys, [b"k:1", b"k:2"]);
}

#[tokio::test]
async fn keydb_and_garnet_have_what_they_have() {
    let keydb = with_sessions(
        SimOptions::default()
            .with_redis_version("6.3.4")
            .without_command("CLIENT NO-TOUCH")
            .without_command("EXPIRETIME"),
    );
    let keyspace = works(&keydb).await;
    assert_eq!(has(&keyspace, "EXPIRETIME").await, CapabilityState::No);
    assert_eq!(has(&keyspace, "UNLINK").await, CapabilityState::Yes);
    let garnet = with_sessions(SimOptions::default().without_command("OBJECT"));
    says(
        &garnet,
        "# Server\ngarnet_version:1.0.60\nredis_version:7.4.3\nrun_id:8d2f\nredis_mode:standalone\n# Replication\nrole:master\n",
    );
    let keyspace = works(&garnet).await;
    assert_eq!(keyspace.server().product, "Garnet");
    assert_eq!(has(&keyspace, "OBJECT FREQ").await, CapabilityState::No);
}

#[tokio::test]
async fn managed_services_hide_commands() {
    // ElastiCache has no CONFIG; others have neither OBJECT, MEMORY, SLOWLOG nor COMMAND.
    for hidden in [
        &["CONFIG"][..],
        &["CONFIG", "OBJECT", "MEMORY", "SLOWLOG", "COMMAND", "CLIENT"],
    ] {
        let options = hidden.iter().fold(SimOptions::default(), |options, name| {
            options.without_command(name)
        });
        let sim = with_sessions(options);
        let keyspace = works(&sim).await;
        let unlink = has(&keyspace, "UNLINK").await;
        let expected = if hidden.contains(&"COMMAND") {
            CapabilityState::Unclear
        } else {
            CapabilityState::Yes
        };
        assert_eq!(unlink, expected, "{hidden:?}");
        assert!(sim.count_of("UNLINK") > 0, "{hidden:?}");
    }
}

#[tokio::test]
async fn a_serverless_cache_refuses_keys_and_not_the_walk() {
    let sim = with_sessions(SimOptions::default().without_command("KEYS"));
    let keyspace = try_on(&sim, target(), ConnectOptions::default())
        .await
        .expect("connected");
    let error = all_keys(&keyspace, scan("session:*").with_strategy(Strategy::Keys))
        .await
        .expect_err("there is no KEYS");
    assert_eq!(error.kind(), ErrorKind::UnknownCommand);
    works(&sim).await;
}
