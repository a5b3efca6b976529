//! Owns the scripted faults of the simulator: each does to a client what it says.

use std::collections::BTreeSet;
use std::time::Duration;

use keypace_testkit::{Action, Rule, Sim};
use tokio::time::{Instant, timeout};

use crate::client::Client;

fn stocked() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("k", 0..100);
    sim
}

#[tokio::test]
async fn errors_and_raw_replies_stand_in_for_the_command() {
    let sim = stocked();
    sim.script(
        Rule::on("UNLINK")
            .with_arg("k1")
            .then(Action::Error("READONLY You can't write".into())),
    );
    sim.script(Rule::on("GET").then(Action::Reply(b"*2\r\n:1\r\n:2\r\n".to_vec())));
    let mut client = Client::new(sim.connect());
    assert_eq!(client.ask("UNLINK k2").await, ":1");
    assert_eq!(client.ask("UNLINK k1").await, "-READONLY You can't write");
    assert!(sim.contains(0, "k1"));
    assert_eq!(client.ask("GET k1").await, "[:1 :2]");
    assert_eq!(client.ask("GET k1").await, "1");
    assert_eq!(sim.rules_left(), 0);
}

#[tokio::test]
async fn a_dropped_connection_did_not_run_it_or_did() {
    let sim = stocked();
    sim.script(Rule::on("UNLINK").then(Action::DropConnection));
    sim.script(Rule::on("UNLINK").then(Action::ExecuteThenDrop));
    let mut first = Client::new(sim.connect());
    first.send("PING").await;
    first.send("UNLINK k1").await;
    assert_eq!(
        first.rest().await,
        b"+PONG\r\n",
        "what came before is still sent"
    );
    assert!(sim.contains(0, "k1"));
    let mut second = Client::new(sim.connect());
    second.send("UNLINK k1").await;
    assert_eq!(second.rest().await, b"");
    assert!(
        !sim.contains(0, "k1"),
        "an unknown outcome that was a deletion"
    );
}

#[tokio::test(start_paused = true)]
async fn replies_are_cut_trickled_and_delayed() {
    let sim = stocked();
    let mut client = Client::new(sim.connect());
    sim.script(Rule::on("GET").then(Action::Delay(Duration::from_secs(3))));
    let start = Instant::now();
    assert_eq!(client.ask("GET k7").await, "7");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    sim.script(Rule::on("GET").then(Action::TrickleReply {
        chunk: 2,
        pause: Duration::from_secs(1),
    }));
    assert_eq!(client.ask("GET k7").await, "7");
    assert_eq!(
        start.elapsed(),
        Duration::from_secs(6),
        "seven bytes in four pieces, the last pause after the reply"
    );
    let sent = sim.bytes_out();
    sim.script(Rule::on("GET").then(Action::CutReply { after_bytes: 5 }));
    client.send("GET k7").await;
    assert_eq!(client.rest().await, b"$1\r\n7");
    assert_eq!(sim.bytes_out() - sent, 5);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_connection_stays_open_and_silent() {
    let sim = stocked();
    sim.script(Rule::on("UNLINK").then(Action::Stall));
    sim.script(Rule::on("DEL").then(Action::ExecuteThenStall));
    let (mut first, mut second) = (Client::new(sim.connect()), Client::new(sim.connect()));
    first.send("UNLINK k1").await;
    second.send("DEL k2").await;
    first.send("PING").await;
    timeout(Duration::from_secs(3600), first.rest())
        .await
        .expect_err("it neither answers nor ends");
    assert_eq!(
        (sim.contains(0, "k1"), sim.contains(0, "k2")),
        (true, false)
    );
    sim.close_connections();
    assert_eq!(
        second.rest().await,
        b"",
        "a server that goes away ends even these"
    );
}

#[tokio::test]
async fn p03_pages_with_duplicates() {
    let sim = stocked();
    sim.script(Rule::on("SCAN").nth(2).then(Action::Duplicates));
    let (keys, _) = Client::new(sim.connect()).walk("COUNT 10").await;
    assert!(keys.len() >= 110, "{} keys", keys.len());
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), 100);
}

#[tokio::test]
async fn p07_empty_pages_move_on_and_lose_nothing() {
    let sim = stocked();
    let (_, plain_calls) = Client::new(sim.connect()).walk("COUNT 10").await;
    sim.script(Rule::on("SCAN").then(Action::EmptyPages(50)));
    sim.script(Rule::on("SCAN").nth(53).then(Action::EmptyPages(50)));
    let mut client = Client::new(sim.connect());
    let (mut cursor, mut seen, mut keys) = ("0".to_owned(), BTreeSet::new(), Vec::new());
    let mut place = 0;
    loop {
        let (next, page) = client.page(&format!("SCAN {cursor} COUNT 10")).await;
        keys.extend(page);
        if next == "0" {
            break;
        }
        assert!(
            seen.insert(next.clone()),
            "cursor {next} came twice, which reads as a loop"
        );
        let number: u64 = next.parse().expect("a cursor is 64 bits");
        assert!(
            number.reverse_bits() > place,
            "the walk goes forward, as an estimate needs it"
        );
        (place, cursor) = (number.reverse_bits(), next);
    }
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 100);
    assert_eq!((keys.len(), seen.len() + 1), (100, plain_calls + 100));
}

#[tokio::test]
async fn p15_a_proxys_loop_sends_the_cursor_back() {
    let sim = stocked();
    sim.script(Rule::on("SCAN").nth(2).always().then(Action::SameCursor));
    let mut client = Client::new(sim.connect());
    let (first, _) = client.page("SCAN 0").await;
    for _ in 0..5 {
        assert_eq!(client.page(&format!("SCAN {first}")).await.0, first);
    }
}

#[tokio::test]
async fn p01_a_restart_changes_run_id_and_order_and_closes_the_others() {
    let sim = stocked();
    let (mut one, mut other) = (Client::new(sim.connect()), Client::new(sim.connect()));
    other.ask("PING").await;
    let (order, _) = one.walk("").await;
    let before = sim.with_state(|state| state.run_id().to_owned());
    sim.script(Rule::on("PING").then(Action::NewRunId));
    assert_eq!(one.ask("PING").await, "+PONG");
    assert_eq!(other.rest().await, b"");
    assert_ne!(sim.with_state(|state| state.run_id().to_owned()), before);
    let (reordered, _) = one.walk("").await;
    assert_ne!(order, reordered);
    assert_eq!(
        order.into_iter().collect::<BTreeSet<_>>(),
        reordered.into_iter().collect()
    );
}

#[tokio::test]
async fn another_client_acts_at_the_very_moment() {
    let sim = stocked();
    sim.script(Rule::on("EXEC").then(Action::run(|state| state.set(0, "k1", "changed"))));
    let mut client = Client::new(sim.connect());
    client.ask("WATCH k1").await;
    client.ask("MULTI").await;
    client.ask("UNLINK k1").await;
    assert_eq!(client.ask("EXEC").await, "nil");
    assert!(sim.contains(0, "k1"));
}

#[tokio::test]
async fn the_record_tells_who_asked_what() {
    let sim = stocked();
    let (mut one, mut two) = (Client::new(sim.connect()), Client::new(sim.connect()));
    one.ask("SELECT 1").await;
    one.ask("config get save").await;
    two.ask("GET k1").await;
    let records = sim.commands();
    let told: Vec<_> = records
        .iter()
        .map(|record| (record.connection, record.database, record.name.as_str()))
        .collect();
    assert_eq!(
        told,
        [(1, 0, "SELECT"), (1, 1, "CONFIG GET"), (2, 0, "GET")]
    );
    assert_eq!(records[2].args, [b"GET".to_vec(), b"k1".to_vec()]);
    sim.reset_counts();
    assert_eq!((sim.count_of("GET"), sim.bytes_out()), (0, 0));
}
