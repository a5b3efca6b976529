//! Owners that are moved to another owner key while the worst happens: what a failover loses of it, records whose time is
//! over, slots and primaries that change. Nothing is lost, nothing comes back, and nobody is moved twice.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use common::sweep;
use keypace::{
    Budget, ConnectOptions, IndexOptions, IndexVerify, Keyspace, Namespace, Owner, OwnerKeys,
    PageRequest, PutOptions, RecordId, Rekey, RekeyConsent, RekeyReport, Shelf, SweepOptions,
    Target, VerifyReport,
};
use keypace_lab::{ClusterOptions, OwnedCluster, OwnedServer, Program, Raw};
use tokio::task::JoinSet;

const OWNERS: u64 = 20;
const IDS: u64 = 6;
const HOUR: Duration = Duration::from_secs(3600);

fn namespace() -> Namespace {
    Namespace::new("session").expect("valid")
}

fn owner(number: u64) -> Owner {
    Owner::new(format!("owner-{number}")).expect("valid")
}

fn id(number: u64) -> RecordId {
    RecordId::new(format!("r{number}")).expect("valid")
}

/// Keys of one and of two versions; the first is the one that the second goes on from.
fn keys() -> [OwnerKeys; 2] {
    [vec![[1; 32]], vec![[1; 32], [2; 32]]].map(|keys| OwnerKeys::from_keys(keys).expect("keys"))
}

async fn connect(url: &str) -> Keyspace {
    let target = Target::parse(url).expect("valid");
    let connected = Keyspace::connect(target, ConnectOptions::default()).await;
    connected.expect("connected")
}

async fn open(keyspace: &Keyspace, keys: &OwnerKeys) -> Shelf {
    let opened = Shelf::open(keyspace, namespace(), keys.clone()).await;
    opened.expect("opened")
}

async fn seed(shelf: &Shelf, ttl: impl Fn(u64) -> Duration) {
    for number in 0..OWNERS {
        for which in 0..IDS {
            let options = PutOptions::default().with_ttl(ttl(which));
            let (whose, id) = (owner(number), id(which));
            let put = shelf.put(&whose, &id, "{}".into(), &options).await;
            put.expect("put");
        }
    }
}

async fn begin(keyspace: &Keyspace, walk: SweepOptions) -> Rekey {
    let [_, both] = keys();
    let options = IndexOptions::new(namespace(), both).with_walk(walk);
    let begun = Rekey::begin(keyspace, options, RekeyConsent::Confirmed).await;
    begun.expect("begun")
}

fn at_full_speed() -> SweepOptions {
    sweep("*").with_budget(Budget::off())
}

async fn drive(rekey: &mut Rekey) -> RekeyReport {
    while rekey.next().await.is_some() {}
    rekey.report()
}

async fn verify(keyspace: &Keyspace) -> VerifyReport {
    let [_, both] = keys();
    let options = IndexOptions::new(namespace(), both).with_walk(at_full_speed());
    let begun = IndexVerify::begin(keyspace, options).await;
    let mut verify = begun.expect("begun");
    while verify.next().await.is_some() {}
    assert!(verify.is_walked(), "{:?}", verify.error());
    verify.report()
}

async fn ids(shelf: &Shelf, number: u64) -> BTreeSet<String> {
    let first = PageRequest::first(100).expect("valid");
    let page = shelf.list(&owner(number), &first).await.expect("listed");
    let records = page.records.iter();
    records.map(|record| record.id.to_string()).collect()
}

fn key(number: u64, keys: &OwnerKeys, part: &str) -> String {
    format!("kp:session:{{{}}}:{part}", keys.tag(&owner(number)))
}

fn run(raw: &mut Raw, words: &[&str]) -> keypace_lab::Value {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let reply = raw.command(&words).expect("a reply");
    reply.checked().expect("no error")
}

/// On each server at once: a rotation waits for longer than it works.
async fn on_each_server<F>(scenario: impl Fn(OwnedServer, Raw) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for server in common::servers() {
        let raw = common::raw(&server);
        running.spawn(scenario(server, raw));
    }
    while let Some(done) = running.join_next().await {
        done.expect("no panic");
    }
}

/// A failover loses all of an owner's that its replica had not heard of, the mark of the new names too. What is written there
/// afterwards is moved no second time.
#[tokio::test]
async fn owners_whose_mark_a_failover_has_lost_are_not_moved_twice() {
    on_each_server(|server, mut raw| async move {
        let keyspace = connect(&server.url()).await;
        let [first, both] = keys();
        let shelf = open(&keyspace, &first).await;
        seed(&shelf, |_| HOUR).await;
        let mut rekey = begin(&keyspace, at_full_speed()).await;
        while rekey.report().moved < OWNERS * IDS {
            rekey.next().await.expect("more to move");
        }
        let fresh = open(&keyspace, &both).await;
        for number in 0..OWNERS / 2 {
            for part in [
                "v", "c", "e", "r:r0", "r:r1", "r:r2", "r:r3", "r:r4", "r:r5",
            ] {
                run(&mut raw, &["DEL", &key(number, &both, part)]);
            }
            let put = fresh
                .put(&owner(number), &id(9), "{}".into(), &PutOptions::default())
                .await;
            put.expect("put");
        }
        let report = drive(&mut rekey).await;
        assert!(report.complete, "{report:?}");
        let last = open(&keyspace, &both).await;
        for number in 0..OWNERS {
            let found = ids(&last, number).await;
            let wanted = if number < OWNERS / 2 { 1 } else { IDS as usize };
            assert_eq!(found.len(), wanted, "{number}: {found:?}");
        }
        assert_eq!(verify(&keyspace).await.drift.total(), 0);
        let marks = run(&mut raw, &["KEYS", "kp:session:*:v"]);
        assert_eq!(marks.items().expect("keys").len(), 0);
    })
    .await;
}

/// The end is lost, and the marks are still there for who goes on.
#[tokio::test]
async fn an_end_that_a_failover_takes_back_harms_nobody() {
    on_each_server(|server, mut raw| async move {
        let keyspace = connect(&server.url()).await;
        let [first, both] = keys();
        let shelf = open(&keyspace, &first).await;
        seed(&shelf, |_| HOUR).await;
        let mut rekey = begin(&keyspace, at_full_speed()).await;
        let is_over = |raw: &mut Raw| run(raw, &["HGET", "kp:session:meta", "rekeying_from"]);
        while is_over(&mut raw).bytes().is_some() {
            rekey.next().await.expect("it has not ended");
        }
        run(&mut raw, &["HSET", "kp:session:meta", "rekeying_from", "1"]);
        let report = drive(&mut rekey).await;
        assert!(!report.complete, "{report:?}");
        let error = rekey.error().expect("told");
        assert!(error.to_string().contains("failover"), "{error}");
        let report = drive(&mut begin(&keyspace, at_full_speed()).await).await;
        assert!(report.complete && report.moved == 0, "{report:?}");
        let last = open(&keyspace, &both).await;
        for number in 0..OWNERS {
            assert_eq!(ids(&last, number).await.len() as u64, IDS, "{number}");
        }
        assert_eq!(verify(&keyspace).await.drift.total(), 0);
    })
    .await;
}

/// Some expire before they are moved, some on their way, some afterwards.
#[tokio::test]
async fn records_that_expire_on_their_way_leave_nothing() {
    on_each_server(|server, _raw| async move {
        let keyspace = connect(&server.url()).await;
        let [first, both] = keys();
        let shelf = open(&keyspace, &first).await;
        seed(&shelf, |which| match which {
            0 => HOUR,
            which => Duration::from_millis(300 * which),
        })
        .await;
        let walk = at_full_speed().with_rate(120);
        let report = drive(&mut begin(&keyspace, walk).await).await;
        assert!(report.complete, "{report:?}");
        let last = open(&keyspace, &both).await;
        for number in 0..OWNERS {
            assert_eq!(ids(&last, number).await, BTreeSet::from(["r0".to_owned()]));
        }
        let report = verify(&keyspace).await;
        assert_eq!((report.drift.total(), report.records), (0, OWNERS));
    })
    .await;
}

/// Slots go elsewhere and primaries give way, in order, so that nothing is lost but places.
#[tokio::test(flavor = "multi_thread")]
async fn owners_move_while_slots_and_primaries_do() {
    let program = Program::find().expect("a program");
    let options = ClusterOptions::default().with_replicas(1);
    let cluster = OwnedCluster::start(&program, options).expect("a cluster");
    let keyspace = connect(&cluster.urls()[0]).await;
    let [first, both] = keys();
    let shelf = open(&keyspace, &first).await;
    seed(&shelf, |_| HOUR).await;
    let walk = at_full_speed().with_rate(60);
    let mut rekey = begin(&keyspace, walk).await;
    while rekey.report().moved < OWNERS {
        rekey.next().await.expect("more to move");
    }
    let disturbed = tokio::task::spawn_blocking(move || {
        for from in 0..3 {
            let slots: Vec<u16> = cluster.slots_of(from).expect("known");
            let slots = slots.into_iter().step_by(3);
            cluster
                .move_slots(from, (from + 1) % 3, slots)
                .expect("moved");
            // Two nodes that take slots at once may take the same epoch: a replica then believes neither of them, and
            // takes over without those slots.
            cluster.wait_until_settled().expect("settled");
        }
        cluster.fail_over(3).expect("it takes over");
        cluster
    });
    let report = drive(&mut rekey).await;
    let cluster = disturbed.await.expect("no panic");
    // What was under way may have been cut off; the same command goes on.
    let report = match report.complete {
        true => report,
        false => drive(&mut begin(&keyspace, at_full_speed()).await).await,
    };
    assert!(report.complete, "{report:?}");
    let last = open(&keyspace, &both).await;
    for number in 0..OWNERS {
        assert_eq!(ids(&last, number).await.len() as u64, IDS, "{number}");
    }
    let report = verify(&keyspace).await;
    assert_eq!((report.drift.total(), report.records), (0, OWNERS * IDS));
    drop(cluster);
}
