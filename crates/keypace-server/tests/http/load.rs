//! The service under load: many who watch, many who list, and a delete that goes on meanwhile. No request fails, and memory
//! stays where it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::events::{next, open, ticket};
use crate::line::Line;
use crate::world::{Who, World, request};

const WATCHERS: usize = 200;
const LISTERS: usize = 25;
const LISTS_PER_SECOND: u64 = 500;
const SESSIONS: usize = 40;
const KEYS: u64 = 400_000;
/// What this process may hold: the service, and the test's own ends of all lines.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Lists a page at a steady rate over one line until told to stop; gives how often, and the longest wait.
async fn list(address: std::net::SocketAddr, is_over: Arc<AtomicBool>) -> (u64, Duration) {
    let asked = request(address, "GET", "/v1/sessions?page_size=20", Who::Anna, None);
    let mut line = Line::open(address).await;
    let mut ticks = interval(
        Duration::from_secs(1) * u32::try_from(LISTERS).expect("few")
            / u32::try_from(LISTS_PER_SECOND).expect("few"),
    );
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut count, mut longest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Acquire) {
        ticks.tick().await;
        let began = Instant::now();
        let reply = line.ask(&asked, false).await.expect("a reply");
        assert_eq!(reply.status, 200, "{}", reply.text());
        longest = longest.max(began.elapsed());
        count += 1;
    }
    (count, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a figure: half a minute of load, in a release build"]
async fn watchers_and_lists_are_served_while_a_delete_runs() {
    let world = Arc::new(World::any().await);
    for _ in 0..SESSIONS {
        let made = world
            .post(Who::Anna, "/v1/sessions", &json!({"model": "m"}))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    world.seed("session:", KEYS);
    let plan = world.plan(Who::Admin, "session:*").await;
    let body = json!({"kind": "delete", "patterns": ["session:*"], "confirm": plan["confirm"], "budget": "100us"});
    let id = world.start(Who::Admin, &body).await;
    let frames = Arc::new(AtomicU64::new(0));
    let mut watchers = JoinSet::new();
    for _ in 0..WATCHERS {
        let pass = ticket(&world, Who::Operator, &id).await;
        let mut socket = open(&world, &id, &pass, None).await.expect("open");
        let frames = Arc::clone(&frames);
        watchers.spawn(async move {
            loop {
                let frame = next(&mut socket).await.expect("a frame");
                frames.fetch_add(1, Ordering::Relaxed);
                if frame["type"] == "end" {
                    return next(&mut socket).await.expect_err("a close");
                }
            }
        });
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let mut lists = JoinSet::new();
    for _ in 0..LISTERS {
        lists.spawn(list(world.address, Arc::clone(&is_over)));
    }
    let mut memory = Vec::new();
    let mut seconds = interval(Duration::from_secs(1));
    while watchers.len() > 0 {
        tokio::select! {
            code = watchers.join_next() => assert_eq!(code.expect("one").expect("no panic"), 1000),
            _ = seconds.tick() => memory.extend(resident_bytes()),
        }
    }
    is_over.store(true, Ordering::Release);
    let took = began.elapsed();
    let (mut count, mut longest) = (0, Duration::ZERO);
    while let Some(listed) = lists.join_next().await {
        let (listed, waited) = listed.expect("no panic");
        count += listed;
        longest = longest.max(waited);
    }
    let job = world
        .get(Who::Admin, &format!("/v1/jobs/{id}"))
        .await
        .json();
    assert_eq!(job["state"], "done", "{job}");
    let per_s = count as f64 / took.as_secs_f64();
    let most = memory.iter().max().copied().unwrap_or(0);
    let half = memory.len() / 2;
    println!(
        "{took:?}: {per_s:.0} lists/s, the longest {longest:?}; {} frames; {} MiB at most, {:?} MiB in the last half; pace {}",
        frames.load(Ordering::Relaxed),
        most >> 20,
        memory[half..]
            .iter()
            .map(|bytes| bytes >> 20)
            .collect::<Vec<_>>(),
        job["result"]["pace"],
    );
    assert!(per_s > LISTS_PER_SECOND as f64 * 0.95, "{per_s}");
    assert!(most < MOST_BYTES, "{most} bytes");
    let last = memory[half..].iter().min().zip(memory[half..].iter().max());
    assert!(
        last.is_none_or(|(least, most)| most - least < 16 << 20),
        "{memory:?}"
    );
}
