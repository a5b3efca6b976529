//! Owns SCAN as a client sees it: shape, options, filters, and its promise while the table moves.

use std::collections::BTreeSet;

use keypace_testkit::{Action, Resize, Rule, Sim, SimOptions, Value};

use crate::client::Client;

#[tokio::test]
async fn options_are_checked_as_the_server_checks_them() {
    let sim = Sim::new();
    sim.set(0, "a", "1");
    sim.set(0, "b", Value::List(["x".into()].into()));
    let mut client = Client::new(sim.connect());
    for (command, expected) in [
        ("SCAN x", "-ERR invalid cursor"),
        ("SCAN 18446744073709551616", "-ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        (
            "SCAN 0 COUNT x",
            "-ERR value is not an integer or out of range",
        ),
        ("SCAN 0 MATCH", "-ERR syntax error"),
        ("SCAN 0 FOO", "-ERR syntax error"),
        ("SCAN 0 TYPE nosuch", "[0 []]"),
        ("SCAN 0 TYPE list", "[0 [b]]"),
        ("SCAN 0 MATCH a* COUNT 100", "[0 [a]]"),
        ("KEYS a", "[a]"),
    ] {
        assert_eq!(client.ask(command).await, expected, "{command}");
    }
    let mut valkey =
        Client::new(Sim::with(SimOptions::default().with_valkey_version("9.1.2")).connect());
    assert_eq!(
        valkey.ask("SCAN 0 TYPE nosuch").await,
        "-ERR unknown type name 'nosuch'"
    );
    let mut without =
        Client::new(Sim::with(SimOptions::default().without_command("SCAN TYPE")).connect());
    assert_eq!(without.ask("SCAN 0 TYPE list").await, "-ERR syntax error");
}

#[tokio::test]
async fn p12_match_filters_after_the_walk() {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..1000);
    sim.insert_strings("other:", 0..1000);
    let mut client = Client::new(sim.connect());
    let (keys, calls) = client.walk("MATCH session:* COUNT 100").await;
    assert_eq!(keys.len(), 1000);
    let (_, all_calls) = client.walk("COUNT 100").await;
    assert_eq!(calls, all_calls, "a pattern saves no call");
    assert_eq!(sim.count_of("SCAN"), (calls + all_calls) as u64);
}

#[tokio::test]
async fn p11_a_scan_deletes_the_expired_keys_it_meets() {
    let sim = Sim::new();
    sim.with_state(|state| state.set_with_ttl_ms(0, "gone", "1", 0));
    let mut client = Client::new(sim.connect());
    assert_eq!(client.ask("DBSIZE").await, ":1");
    assert_eq!(client.ask("SCAN 0").await, "[0 []]");
    assert_eq!(client.ask("DBSIZE").await, ":0");
}

#[tokio::test]
async fn p22_deletes_do_not_count_expired_keys() {
    let sim = Sim::new();
    sim.with_state(|state| state.set_with_ttl_ms(0, "gone", "1", 0));
    sim.set(0, "here", "1");
    assert_eq!(
        Client::new(sim.connect()).ask("UNLINK gone here").await,
        ":1"
    );
}

#[tokio::test]
async fn keys_there_throughout_are_returned_while_the_table_grows_and_shrinks() {
    for seed in 0..20 {
        let sim = Sim::with(SimOptions::default().with_seed(seed));
        sim.insert_strings("stay:", 0..500);
        sim.script(Rule::on("SCAN").every(7).then(Action::Rehash(Resize::Grow)));
        sim.script(
            Rule::on("SCAN")
                .every(11)
                .then(Action::Rehash(Resize::Shrink)),
        );
        sim.script(Rule::on("SCAN").nth(5).then(Action::run(|state| {
            state.insert_strings(0, "new:", 0..3000)
        })));
        sim.script(Rule::on("SCAN").nth(40).then(Action::run(|state| {
            for n in 0..3000 {
                state.remove(0, format!("new:{n}"));
            }
        })));
        let (keys, calls) = Client::new(sim.connect()).walk("COUNT 10").await;
        let stayed: BTreeSet<_> = keys
            .into_iter()
            .filter(|key| key.starts_with("stay:"))
            .collect();
        assert_eq!(stayed.len(), 500, "seed {seed}, {calls} calls");
        assert!(
            calls > 40,
            "seed {seed}: the table moved both ways within {calls} calls"
        );
    }
}

#[tokio::test]
async fn databases_are_apart() {
    let sim = Sim::new();
    sim.set(0, "zero", "0");
    sim.set(3, "three", "3");
    let mut client = Client::new(sim.connect());
    client.ask("SELECT 3").await;
    assert_eq!(client.ask("SCAN 0").await, "[0 [three]]");
    client.ask("FLUSHDB").await;
    assert_eq!((sim.keys(0), sim.keys(3)), (vec![b"zero".to_vec()], vec![]));
}

#[tokio::test]
async fn names_of_any_bytes_go_through() {
    let sim = Sim::new();
    let name: &[u8] = b" \r\n\0\xff";
    let mut client = Client::new(sim.connect());
    client.raw(&[b"SET", name, b""]).await;
    assert_eq!(client.reply().await.as_deref(), Some("+OK"));
    assert_eq!(sim.keys(0), [name]);
    client.send("SCAN 0").await;
    let page = [b"*2\r\n$1\r\n0\r\n*1\r\n$5\r\n", name, b"\r\n"].concat();
    assert_eq!(client.bytes(page.len()).await, page);
}
