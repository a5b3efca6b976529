//! Bulk reads and writes on the simulator: how many commands and round trips, and what each key is told.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use keypace_testkit::{Action, Rule, Sim, SimCluster, SimOptions};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::{Bulk, Unread};
use crate::error::{ErrorKind, Retry};
use crate::key::{Key, Slot};
use crate::limits;
use crate::pace::Budget;
use crate::port::{ConnectOptions, Dial, Dialing, Keyspace, Stream, Target};

/// Counts round trips: writes that begin after something was read, or nothing was written before.
struct Counted {
    stream: DuplexStream,
    trips: Arc<AtomicU64>,
    is_writing: AtomicBool,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if into.filled().len() > before {
            self.is_writing.store(false, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.is_writing.swap(true, Ordering::Relaxed) {
            self.trips.fetch_add(1, Ordering::Relaxed);
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Dials into the nodes' memory, and counts round trips to all of them.
#[derive(Debug, Clone)]
struct CountingDial {
    cluster: Option<SimCluster>,
    sim: Sim,
    address: String,
    trips: Arc<AtomicU64>,
}

impl Dial for CountingDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let stream = match &self.cluster {
                Some(cluster) => cluster.connect(&self.address)?,
                None => self.sim.connect(),
            };
            let counted = Counted {
                stream,
                trips: Arc::clone(&self.trips),
                is_writing: AtomicBool::new(false),
            };
            Ok(Box::new(counted) as Box<dyn Stream>)
        })
    }

    fn name(&self) -> String {
        self.address.clone()
    }

    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        Some(Arc::new(Self {
            address: format!("{host}:{port}"),
            ..self.clone()
        }))
    }
}

async fn through(dial: CountingDial) -> (Bulk, Arc<AtomicU64>) {
    let trips = Arc::clone(&dial.trips);
    let target = Target::parse("redis://sim").expect("valid");
    let options = ConnectOptions::default();
    let keyspace = Keyspace::connect_through(Arc::new(dial), target, options).await;
    (Bulk::new(&keyspace.expect("the simulator answers")), trips)
}

async fn on(sim: &Sim) -> (Bulk, Arc<AtomicU64>) {
    through(CountingDial {
        cluster: None,
        sim: sim.clone(),
        address: "sim:6379".to_owned(),
        trips: Arc::default(),
    })
    .await
}

async fn in_cluster(cluster: &SimCluster) -> (Bulk, Arc<AtomicU64>) {
    through(CountingDial {
        cluster: Some(cluster.clone()),
        sim: cluster.node(1),
        address: cluster.addresses()[1].clone(),
        trips: Arc::default(),
    })
    .await
}

fn keys(range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(|n| Key::new(format!("key:{n}"))).collect()
}

fn text(value: impl ToString) -> Option<Bytes> {
    Some(value.to_string().into())
}

#[tokio::test(start_paused = true)]
async fn up_to_a_chunk_is_one_command_and_one_round_trip() {
    let sim = Sim::new();
    sim.insert_strings("key:", 0..5000);
    let (bulk, trips) = on(&sim).await;
    assert!(bulk.get_many(&[]).await.expect("nothing").is_empty());
    bulk.set_many(&[], None).await.expect("nothing");
    assert_eq!((sim.count_of("MGET"), sim.count_of("MSET")), (0, 0));
    for (times, number) in (1..).zip([1, 2, 100, 200]) {
        let before = trips.load(Ordering::Relaxed);
        let values = bulk.get_many(&keys(0..number)).await.expect("read");
        assert_eq!(values, (0..number).map(text).collect::<Vec<_>>());
        assert_eq!(sim.count_of("MGET"), times);
        assert_eq!(trips.load(Ordering::Relaxed) - before, 1);
    }
    // Values are small, as is known by now: a chunk is bounded by its keys, and all are on their way at once.
    let (before, times) = (trips.load(Ordering::Relaxed), sim.count_of("MGET"));
    let values = bulk.get_many(&keys(0..4500)).await.expect("read");
    assert_eq!(values, (0..4500).map(text).collect::<Vec<_>>());
    assert_eq!(sim.count_of("MGET") - times, 5);
    assert_eq!(trips.load(Ordering::Relaxed) - before, 1);
    assert_eq!(sim.count_of("GET"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_has_one_command_a_slot_and_one_round_trip_a_node() {
    let cluster = SimCluster::new(SimOptions::default(), 3);
    cluster.with(|cluster| cluster.insert_strings("key:", 0..150));
    let (bulk, trips) = in_cluster(&cluster).await;
    let keys = keys(0..150);
    // The connections are made, and the layout is asked for.
    bulk.get_many(&keys).await.expect("read");
    let (before, times) = (trips.load(Ordering::Relaxed), cluster.count_of("MGET"));
    let values = bulk.get_many(&keys).await.expect("read");
    assert_eq!(values, (0..150).map(text).collect::<Vec<_>>());
    let slots: std::collections::HashSet<Slot> =
        (keys.iter()).map(|key| Slot::of(key.as_bytes())).collect();
    assert_eq!(cluster.count_of("MGET") - times, slots.len() as u64);
    assert_eq!(trips.load(Ordering::Relaxed) - before, 3);
}

#[tokio::test(start_paused = true)]
async fn chunks_follow_the_size_of_values() {
    let sim = Sim::new();
    let value = vec![b'v'; 20 * 1024];
    for n in 0..100 {
        sim.set(0, format!("key:{n}"), &value[..]);
    }
    let (bulk, _) = on(&sim).await;
    // 200 of 1 KiB are guessed.
    bulk.get_many(&keys(0..10)).await.expect("read");
    assert_eq!(sim.count_of("MGET"), 1);
    // 10 of 20 KiB are a chunk.
    let values = bulk.get_many(&keys(0..100)).await.expect("read");
    assert_eq!(sim.count_of("MGET"), 11);
    assert!(
        values
            .iter()
            .all(|read| read.as_deref() == Some(&value[..]))
    );
    let small = bulk.clone().with_chunk_bytes(20 * 1024).expect("allowed");
    small.get_many(&keys(0..100)).await.expect("read");
    assert_eq!(sim.count_of("MGET"), 111);
    for bytes in [
        0,
        limits::BULK_MIN_CHUNK_BYTES - 1,
        limits::BULK_MAX_CHUNK_BYTES + 1,
    ] {
        let error = bulk.clone().with_chunk_bytes(bytes).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_is_told_in_its_own_place() {
    let sim = Sim::new();
    for (key, value) in [
        ("a", "1"),
        ("b", "no json"),
        ("c", "\"secret\""),
        ("e", "5"),
    ] {
        sim.set(0, key, value);
    }
    let (bulk, _) = on(&sim).await;
    let keys = ["e", "a", "b", "missing", "c", "a"].map(Key::new);
    let read: Vec<Option<u32>> = bulk.get_many_json(&keys).await.expect("read");
    assert_eq!(read, [Some(5), Some(1), None, None, None, Some(1)]);
    let detailed = bulk.get_many_json_detailed::<u32>(&keys).await;
    let detailed = detailed.expect("read");
    assert_eq!((&detailed[0], &detailed[5]), (&Ok(5), &Ok(1)));
    assert_eq!(detailed[3], Err(Unread::Missing));
    for at in [2, 4] {
        let Err(Unread::Undecodable(reason)) = &detailed[at] else {
            panic!("{:?}", detailed[at]);
        };
        assert!(!reason.contains("secret"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_there_and_the_last_of_a_key_stays() {
    let sim = Sim::new();
    let (bulk, trips) = on(&sim).await;
    let mut pairs: Vec<(Key, Bytes)> = keys(0..3000)
        .into_iter()
        .map(|key| (key, Bytes::from_static(b"first")))
        .collect();
    pairs.push((Key::new("key:7"), Bytes::from_static(b"last")));
    let before = trips.load(Ordering::Relaxed);
    bulk.set_many(&pairs, None).await.expect("set");
    assert_eq!(sim.count_of("MSET"), 3);
    assert_eq!(trips.load(Ordering::Relaxed) - before, 1);
    let read = bulk.get_many(&keys(0..3000)).await.expect("read");
    for (n, value) in read.into_iter().enumerate() {
        assert_eq!(value, text(if n == 7 { "last" } else { "first" }), "{n}");
    }
    let hour = Some(Duration::from_secs(3600));
    bulk.set_many(&pairs[..50], hour).await.expect("set");
    assert_eq!((sim.count_of("SET"), sim.count_of("MSET")), (50, 3));
    for ttl in [Duration::ZERO, limits::MAX_TTL * 2] {
        let error = bulk.set_many(&pairs, Some(ttl)).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
    }
    sim.script(Rule::on("MSET").then(Action::ExecuteThenDrop));
    let error = bulk.set_many(&pairs, None).await.expect_err("unknown");
    assert_eq!(error.retry(), Retry::AskAgain);
}

#[tokio::test(start_paused = true)]
async fn another_reply_than_mgets_is_an_error() {
    for reply in [&b"*1\r\n$1\r\na\r\n"[..], b":3\r\n", b"*2\r\n:1\r\n:2\r\n"] {
        let sim = Sim::new();
        let (bulk, _) = on(&sim).await;
        sim.script(Rule::on("MGET").then(Action::Reply(reply.to_vec())));
        let error = bulk.get_many(&keys(0..2)).await.expect_err("no MGET's");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    }
}

#[tokio::test]
async fn under_a_budget_chunks_fit_a_turn() {
    let sim = Sim::new();
    sim.insert_strings("key:", 0..500);
    let (bulk, _) = on(&sim).await;
    let bulk = bulk.with_budget(Budget::default());
    let values = bulk.get_many(&keys(0..500)).await.expect("read");
    assert_eq!(values, (0..500).map(text).collect::<Vec<_>>());
    // 64 of 1 KiB are guessed; then they are known to be small.
    assert_eq!(sim.count_of("MGET"), 2);
    let pairs: Vec<_> = (keys(0..500).into_iter())
        .map(|key| (key, Bytes::from_static(b"v")))
        .collect();
    bulk.set_many(&pairs, None).await.expect("set");
    assert_eq!(sim.count_of("MSET"), 1);
}
