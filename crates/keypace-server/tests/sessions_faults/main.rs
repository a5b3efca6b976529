//! The service while its database hangs, refuses or keeps quiet, while callers go away, and what can be told from outside of
//! another owner's session: over a database and a store in memory, in virtual time.

mod fakes;

use std::time::Duration;

use fakes::{Fakes, Mood};
use keypace::{Owner, OwnerKeys, RecordId};
use keypace_server::limits;
use keypace_server::sessions::{
    NewSession, PageRequest, SessionChange, SessionErrorKind, SessionService, SqlWithCache,
    StaleReads,
};
use tokio::time::{Instant, sleep, timeout};

impl Fakes {
    /// One process more over the two.
    async fn service(&self, stale_reads: StaleReads) -> SessionService {
        let keys = OwnerKeys::from_keys(vec![[1; 32]]).expect("a key");
        let source = SqlWithCache::open(self.sql.clone(), keys).await;
        let source = source.expect("opened").with_cache(self.store.clone()).await;
        SessionService::sql_with_cache(source.expect("allowed").with_stale_reads(stale_reads))
    }
}

fn owner(name: &str) -> Owner {
    Owner::new(name).expect("an owner")
}

fn id(name: &str) -> RecordId {
    RecordId::new(name).expect("an id")
}

fn turns(turns: u64) -> SessionChange {
    SessionChange::default().with_total_turns(turns)
}

async fn turns_of(service: &SessionService) -> u64 {
    let found = service.get(&owner("one"), &id("a")).await.expect("found");
    found.session.total_turns
}

/// Two processes, and a session `a` that both have read.
async fn two(fakes: &Fakes) -> (SessionService, SessionService) {
    let writer = fakes.service(StaleReads::Refused).await;
    let reader = fakes.service(StaleReads::Refused).await;
    let new = NewSession::new("m").with_id(id("a"));
    writer.create(&owner("one"), new).await.expect("made");
    assert_eq!((turns_of(&writer).await, turns_of(&reader).await), (0, 0));
    (writer, reader)
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_waits_for_any_more_reaches_the_cache_too() {
    let fakes = Fakes::default();
    let (writer, reader) = two(&fakes).await;
    fakes.store.state().write_mood = Mood::Slow(Duration::from_millis(100));
    let owner = owner("one");
    let change = turns(9);
    let (a, moment) = (id("a"), Duration::from_millis(10));
    let hung_up = timeout(moment, writer.update(&owner, &a, &change)).await;
    assert!(hung_up.is_err(), "nobody waits");
    writer.settled().await;
    assert_eq!(turns_of(&reader).await, 9);
    assert_eq!(reader.counts().cache.hits, 2, "{:?}", reader.counts());

    let hung_up = timeout(moment, writer.delete(&owner, &a)).await;
    assert!(hung_up.is_err(), "nobody waits");
    writer.settled().await;
    let gone = reader.get(&owner, &a).await.expect_err("gone");
    assert_eq!(gone.kind(), SessionErrorKind::NotFound);
}

/// An update that neither the cache nor the epoch heard of is told as failed, and is true for everyone soon all the same.
#[tokio::test(start_paused = true)]
async fn an_epoch_that_sql_refused_begins_when_sql_is_back() {
    let fakes = Fakes::default();
    let (writer, reader) = two(&fakes).await;
    fakes.store.state().write_mood = Mood::Refuses;
    fakes.sql.state().epoch_mood = Some(Mood::Refuses);
    let failed = writer.update(&owner("one"), &id("a"), &turns(9)).await;
    assert_eq!(
        failed.expect_err("half done").kind(),
        SessionErrorKind::Unavailable
    );
    sleep(limits::CACHE_PAUSE).await;
    assert_eq!(turns_of(&writer).await, 9, "it does not believe the cache");
    fakes.store.state().write_mood = Mood::Answers;
    fakes.sql.state().epoch_mood = None;
    sleep(limits::EPOCH_OWED_PAUSE + limits::EPOCH_LIFE).await;
    assert_eq!(turns_of(&reader).await, 9);
    let epochs = fakes.sql.state().epoch;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fakes.sql.state().epoch, epochs, "one was owed, and no more");
    turns_of(&writer).await;
    let hits = writer.counts().cache.hits;
    turns_of(&writer).await;
    assert_eq!(
        writer.counts().cache.hits,
        hits + 1,
        "the cache is of use again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_sql_did_but_did_not_confirm_ends_what_the_cache_has() {
    let fakes = Fakes::default();
    let (writer, reader) = two(&fakes).await;
    fakes.sql.state().mood = Mood::KeepsQuiet;
    let in_doubt = writer.update(&owner("one"), &id("a"), &turns(9)).await;
    assert_eq!(
        in_doubt.expect_err("no answer").kind(),
        SessionErrorKind::Unavailable
    );
    fakes.sql.state().mood = Mood::Answers;
    let soon = limits::SQL_TIMEOUT + 2 * limits::EPOCH_OWED_PAUSE + limits::EPOCH_LIFE;
    sleep(soon).await;
    assert_eq!(turns_of(&reader).await, 9);
}

#[tokio::test(start_paused = true)]
async fn reads_that_may_be_stale_wait_for_sql_that_hangs_a_few_times_only() {
    let fakes = Fakes::default();
    let (_, reader) = two(&fakes).await;
    let lenient = fakes.service(StaleReads::Labelled).await;
    let (owner, a) = (owner("one"), id("a"));
    sleep(limits::EPOCH_LIFE).await;
    fakes.sql.state().mood = Mood::Hangs;
    let mut waited = 0;
    let asked = fakes.sql.state().asked.len();
    let began = Instant::now();
    for _ in 0..100 {
        let since = Instant::now();
        let found = lenient.get(&owner, &a).await.expect("the cache has it");
        assert!(found.stale);
        waited += u32::from(since.elapsed() >= limits::SQL_SLOW);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(waited, limits::SQL_HANGING_ANSWERS);
    let counts = lenient.counts();
    assert_eq!((counts.sql.outages, counts.cache.stale), (1, 100));
    assert_eq!(counts.sql.skipped, u64::from(100 - waited));
    let probes = fakes.sql.state().asked.len() - asked - waited as usize;
    assert_eq!(probes as u64, counts.sql.probes);
    // A probe that hangs takes five seconds, and the next one a second more.
    assert!(
        (1..=10).contains(&probes),
        "{probes} in {:?}",
        began.elapsed()
    );
    let list = lenient.list(&owner, &PageRequest::default()).await;
    assert!(
        list.is_err(),
        "the store has none, and nobody waited for SQL"
    );

    // Who wants no stale answers waits, and is told the truth.
    let since = Instant::now();
    let failed = reader.get(&owner, &a).await.expect_err("no SQL");
    assert_eq!(failed.kind(), SessionErrorKind::Unavailable);
    assert!(since.elapsed() >= limits::SQL_TIMEOUT);

    fakes.sql.state().mood = Mood::Answers;
    let back = async {
        while lenient.get(&owner, &a).await.expect("found").stale {
            sleep(Duration::from_millis(100)).await;
        }
    };
    let most = limits::SQL_TIMEOUT + 2 * limits::SQL_PROBE_PAUSE;
    timeout(most, back).await.expect("fresh again soon");
}

#[tokio::test(start_paused = true)]
async fn sql_that_refuses_at_once_is_asked_each_time() {
    let fakes = Fakes::default();
    two(&fakes).await;
    let lenient = fakes.service(StaleReads::Labelled).await;
    sleep(limits::EPOCH_LIFE).await;
    fakes.sql.state().mood = Mood::Refuses;
    for _ in 0..10 {
        let found = lenient.get(&owner("one"), &id("a")).await.expect("found");
        assert!(found.stale);
    }
    fakes.sql.state().mood = Mood::Answers;
    let found = lenient.get(&owner("one"), &id("a")).await.expect("found");
    assert!(!found.stale, "fresh at once");
    let counts = lenient.counts().sql;
    assert_eq!((counts.failures, counts.hung, counts.outages), (10, 0, 0));
}

/// What is asked of database and cache is the same, so that nothing, the time neither, tells one from the other.
#[tokio::test(start_paused = true)]
async fn another_owners_session_is_as_one_that_is_not_there() {
    let fakes = Fakes::default();
    two(&fakes).await;
    let service = fakes.service(StaleReads::Refused).await;
    let other = owner("other");
    let mut seen = Vec::new();
    for name in ["a", "nowhere"] {
        // The epoch is known, or not, to both.
        sleep(limits::EPOCH_LIFE).await;
        fakes.sql.state().asked.clear();
        fakes.store.state().asked.clear();
        let id = id(name);
        let kinds = [
            service.get(&other, &id).await.map(|_| ()),
            service.update(&other, &id, &turns(1)).await.map(|_| ()),
            service.delete(&other, &id).await,
        ]
        .map(|done| done.expect_err("not theirs"));
        let texts = kinds.map(|error| (error.kind(), error.to_string()));
        assert_eq!(texts[0].0, SessionErrorKind::NotFound);
        seen.push((
            texts,
            fakes.sql.state().asked.clone(),
            fakes.store.state().asked.clone(),
        ));
    }
    assert_eq!(seen[0], seen[1]);
    let mine = service.get(&owner("one"), &id("a")).await;
    assert!(mine.is_ok(), "untouched");
}
