//! Owns MULTI, EXEC and WATCH, with the corners that decide whether a guarded delete is safe.

use std::time::Duration;

use keypace_testkit::{Sim, SimOptions};

use crate::client::Client;

#[tokio::test]
async fn exec_runs_what_was_queued() {
    let mut client = Client::new(Sim::new().connect());
    assert_eq!(client.ask("EXEC").await, "-ERR EXEC without MULTI");
    assert_eq!(client.ask("DISCARD").await, "-ERR DISCARD without MULTI");
    assert_eq!(client.ask("MULTI").await, "+OK");
    assert_eq!(client.ask("SET a 1").await, "+QUEUED");
    assert_eq!(client.ask("GET a").await, "+QUEUED");
    assert_eq!(client.ask("EXEC").await, "[+OK 1]");
    assert_eq!(client.ask("MULTI").await, "+OK");
    assert_eq!(
        client.ask("SET a").await,
        "-ERR wrong number of arguments for 'set' command"
    );
    assert_eq!(
        client.ask("EXEC").await,
        "-EXECABORT Transaction discarded because of previous errors."
    );
}

#[tokio::test]
async fn redis_goes_on_after_a_nested_watch_and_valkey_does_not() {
    let mut redis = Client::new(Sim::new().connect());
    redis.ask("MULTI").await;
    assert_eq!(
        redis.ask("MULTI").await,
        "-ERR MULTI calls can not be nested"
    );
    assert_eq!(
        redis.ask("WATCH a").await,
        "-ERR WATCH inside MULTI is not allowed"
    );
    assert_eq!(redis.ask("EXEC").await, "[]");
    let mut valkey =
        Client::new(Sim::with(SimOptions::default().with_valkey_version("9.1.2")).connect());
    valkey.ask("MULTI").await;
    assert_eq!(
        valkey.ask("WATCH a").await,
        "-ERR Command 'watch' not allowed inside a transaction"
    );
    assert_eq!(
        valkey.ask("EXEC").await,
        "-EXECABORT Transaction discarded because of previous errors."
    );
}

#[tokio::test]
async fn p32c_exec_drops_every_watch_of_its_connection() {
    let sim = Sim::new();
    sim.insert_strings("k", 0..2);
    let mut client = Client::new(sim.connect());
    client.ask("WATCH k0 k1").await;
    sim.set(0, "k0", "changed");
    client.ask("MULTI").await;
    client.ask("UNLINK k0").await;
    assert_eq!(client.ask("EXEC").await, "nil");
    sim.set(0, "k1", "changed");
    client.ask("MULTI").await;
    client.ask("UNLINK k1").await;
    assert_eq!(
        client.ask("EXEC").await,
        "[:1]",
        "k1 is not watched any more"
    );
}

#[tokio::test]
async fn a_watch_notices_other_clients_flushes_and_unwatch_forgets() {
    let sim = Sim::new();
    sim.insert_strings("k", 0..2);
    let (mut client, mut other) = (Client::new(sim.connect()), Client::new(sim.connect()));
    for change in [
        "SET k0 1",
        "EXPIRE k0 100",
        "PERSIST k0",
        "DEL k0",
        "RPUSH k0 a",
        "FLUSHDB",
    ] {
        client.ask("WATCH k0").await;
        other.ask(change).await;
        client.ask("MULTI").await;
        assert_eq!(client.ask("EXEC").await, "nil", "{change}");
    }
    client.ask("WATCH k0").await;
    other.ask("SET k0 1").await;
    client.ask("UNWATCH").await;
    client.ask("MULTI").await;
    assert_eq!(client.ask("EXEC").await, "[]");
    client.ask("WATCH k0").await;
    other.ask("GET k0").await;
    other.ask("SADD k0 wrong-type").await;
    client.ask("MULTI").await;
    assert_eq!(
        client.ask("EXEC").await,
        "[]",
        "reads and failures change nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watched_key_that_expires_counts_as_changed() {
    let sim = Sim::new();
    sim.with_state(|state| state.set_with_ttl_ms(0, "k", "1", 100));
    let mut client = Client::new(sim.connect());
    client.ask("WATCH k").await;
    tokio::time::advance(Duration::from_millis(100)).await;
    client.ask("MULTI").await;
    assert_eq!(client.ask("EXEC").await, "nil");
    sim.with_state(|state| state.set_with_ttl_ms(0, "k", "1", 0));
    client.ask("WATCH k").await;
    client.ask("MULTI").await;
    assert_eq!(
        client.ask("EXEC").await,
        "[]",
        "it had expired before it was watched"
    );
}
