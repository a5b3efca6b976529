//! What stays bounded whoever asks, and whatever stands in the keyspace: pages of large jobs, names without end, servers that
//! hang, and watchers that never stop talking.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use keypace_server::limits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::events::{open, ticket};
use crate::world::{Who, World};

#[tokio::test]
async fn a_page_of_large_jobs_is_shorter_and_none_is_left_out() {
    let world = World::any().await;
    let long = |number: usize| format!("{number}:{}*", "x".repeat(1_000));
    let patterns: Vec<String> = (0..64).map(long).collect();
    let body = json!({"kind": "count", "patterns": patterns, "filters": {"exclude": patterns}});
    let mut made = Vec::new();
    for _ in 0..16 {
        let id = world.start(Who::Operator, &body).await;
        world.until(Who::Operator, &id, &["done"]).await;
        made.push(id);
    }
    made.reverse();
    let (mut listed, mut path) = (Vec::new(), "/v1/jobs?limit=100".to_owned());
    loop {
        let reply = world.get(Who::Operator, &path).await;
        let page = reply.json();
        let jobs = page["jobs"].as_array().expect("jobs");
        assert!(
            reply.body.len() < 2 * limits::JOBS_PAGE_BYTES as usize,
            "{} jobs in {} bytes",
            jobs.len(),
            reply.body.len()
        );
        listed.extend(
            jobs.iter()
                .map(|job| job["id"].as_str().expect("an id").to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/jobs?limit=100&before={next}");
    }
    assert_eq!(listed, made);
    world.stop().await;
}

#[tokio::test]
async fn names_without_end_are_shown_by_their_beginnings() {
    let world = World::any().await;
    let mut raw = world.raw();
    for number in 0..5_u8 {
        let name = [b"session:", vec![number; 1_000_000].as_slice()].concat();
        raw.command(&[b"SET", &name, b"value"]).expect("set");
    }
    let plan = world.plan(Who::Admin, "session:*").await;
    let samples = plan["plan"]["samples"].as_array().expect("samples");
    assert_eq!(samples.len(), 5);
    for sample in samples.iter().filter_map(Value::as_str) {
        assert!(sample.starts_with("session:\\x0"), "{:.40}", sample);
        assert!(sample.len() < 2_000, "{} bytes", sample.len());
    }
    world.stop().await;
}

/// Whoever asks who a server is waits for one answer, however many ask with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_nobody_up_for_long() {
    let world = World::any().await;
    let known = world.get(Who::Operator, "/v1/servers").await.json();
    assert_eq!(known["servers"][0]["reachable"], true);
    world.server.pause().expect("paused");
    let began = Instant::now();
    let replies = join_all((0..12).map(|_| world.get(Who::Operator, "/v1/servers"))).await;
    let took = began.elapsed();
    for reply in &replies {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["servers"][0]["reachable"], false);
    }
    assert!(took < limits::IDENTITY_WAIT * 4, "{took:?}");
    world.server.resume().expect("resumed");
    let again = world.get(Who::Operator, "/v1/servers").await.json();
    assert_eq!(again["servers"][0]["reachable"], true, "{again}");
    world.stop().await;
}

/// What a watcher sends is listened to, but not instead of all else.
#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_never_stops_talking_is_told_all_the_same() {
    let world = World::any().await;
    world.seed("session:", 50_000);
    let body = json!({"kind": "count", "patterns": ["session:*"], "budget": "50us"});
    let id = world.start(Who::Operator, &body).await;
    let ticket = ticket(&world, Who::Operator, &id).await;
    let socket = open(&world, &id, &ticket, None).await.expect("open");
    let (mut to, mut from) = socket.split();
    let talking = tokio::spawn(async move {
        // Until the other side has had enough.
        loop {
            for _ in 0..1_000 {
                if to.feed(Message::text("x")).await.is_err() {
                    return;
                }
            }
            if to.flush().await.is_err() {
                return;
            }
        }
    });
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while let Some(Ok(message)) = from.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["type"] == "end" {
                return true;
            }
        }
        false
    });
    assert_eq!(told.await, Ok(true), "it never heard of the end");
    talking.abort();
    world.stop().await;
}
