//! The service while Redis or SQL is away, slow, or frozen and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keypace_lab::Raw;
use keypace_server::limits;
use keypace_server::sessions::{
    NewSession, PageRequest, PostgresRepository, Repository, SessionChange, SessionErrorKind,
    SessionService, SqlWithCache, StaleReads,
};

use super::{cache, id, ids, keys, over, owner, postgres, servers, sqlite};

#[tokio::test]
async fn with_redis_down_reads_come_from_sql_and_the_outage_is_counted() {
    for mut server in servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = sqlite(&folder).await;
        let service = over(&repository, &server).await;
        let one = owner("one");
        let made = service
            .create(&one, NewSession::new("m").with_id(id("a")))
            .await
            .expect("made");
        let kept = service
            .create(&one, NewSession::new("m").with_id(id("b")))
            .await
            .expect("made");
        assert_eq!(
            service.get(&one, &made.id).await.expect("found").session,
            made
        );
        assert_eq!(service.counts().cache.hits, 1);

        server.kill().expect("killed");
        let change = SessionChange::default().with_total_turns(9);
        let changed = service
            .update(&one, &made.id, &change)
            .await
            .expect("SQL is the truth");
        assert_eq!(
            service.get(&one, &made.id).await.expect("found").session,
            changed
        );
        service.delete(&one, &kept.id).await.expect("deleted");
        assert_eq!(
            service.get(&one, &kept.id).await.expect_err("gone").kind(),
            SessionErrorKind::NotFound
        );
        let page = service
            .list(&one, &PageRequest::default())
            .await
            .expect("a page");
        assert_eq!((ids(&page), page.total), (vec!["a"], 1));
        let counts = service.counts().cache;
        assert!(counts.outages == 1 && counts.unconfirmed == 2, "{counts:?}");
        // A process that starts meanwhile goes without, and has the cache later.
        let late = over(&repository, &server).await;
        assert_eq!(
            late.get(&one, &made.id).await.expect("found").session,
            changed
        );

        server.restart().expect("back");
        tokio::time::sleep(limits::CACHE_PAUSE).await;
        for service in [&service, &late] {
            assert_eq!(
                service.get(&one, &made.id).await.expect("found").session,
                changed
            );
            assert_eq!(
                service.get(&one, &made.id).await.expect("found").session,
                changed
            );
            assert_eq!(
                service.get(&one, &kept.id).await.expect_err("gone").kind(),
                SessionErrorKind::NotFound
            );
            assert!(
                service.counts().cache.hits > 0,
                "{:?}",
                service.counts().cache
            );
        }
    }
}

/// A server that stood still comes back with all that it had: what was written meanwhile must not be undone.
#[tokio::test]
async fn what_a_frozen_redis_still_holds_is_not_believed_and_reads_don_t_wait_for_it() {
    for server in servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = sqlite(&folder).await;
        let (writer, reader) = (
            over(&repository, &server).await,
            over(&repository, &server).await,
        );
        let one = owner("one");
        for name in ["a", "b", "c"] {
            writer
                .create(&one, NewSession::new("m").with_id(id(name)))
                .await
                .expect("made");
            reader.get(&one, &id(name)).await.expect("found");
        }
        server.pause().expect("frozen");
        let change = SessionChange::default().with_total_turns(9);
        writer
            .update(&one, &id("a"), &change)
            .await
            .expect("updated");
        writer.delete(&one, &id("b")).await.expect("deleted");
        let began = Instant::now();
        for _ in 0..50 {
            assert_eq!(
                reader
                    .get(&one, &id("a"))
                    .await
                    .expect("found")
                    .session
                    .total_turns,
                9
            );
        }
        let took = began.elapsed();
        let counts = reader.counts().cache;
        assert!(counts.failures <= 2 && counts.skipped > 0, "{counts:?}");
        // 50 reads that each wait would take 2.5 s.
        println!(
            "50 reads beside a frozen {}: {took:?}",
            server.program().label()
        );
        assert!(took < Duration::from_secs(1), "{took:?}");

        server.resume().expect("goes on");
        tokio::time::sleep(limits::CACHE_PAUSE).await;
        for service in [&reader, &writer] {
            for _ in 0..5 {
                assert_eq!(
                    service
                        .get(&one, &id("a"))
                        .await
                        .expect("found")
                        .session
                        .total_turns,
                    9
                );
                assert_eq!(
                    service.get(&one, &id("b")).await.expect_err("gone").kind(),
                    SessionErrorKind::NotFound
                );
                service.get(&one, &id("c")).await.expect("found");
            }
        }
    }
}

/// The server stands still for one write, and what it holds of other sessions is of use again after one miss of each.
#[tokio::test]
async fn one_late_answer_costs_each_cached_session_one_miss() {
    const READS: u64 = 50;
    for server in servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = sqlite(&folder).await;
        let service = over(&repository, &server).await;
        let one = owner("one");
        for name in ["a", "b"] {
            let new = NewSession::new("m").with_id(id(name));
            service.create(&one, new).await.expect("made");
        }
        server.pause().expect("frozen");
        let change = SessionChange::default().with_total_turns(9);
        let updated = service.update(&one, &id("a"), &change).await;
        updated.expect("SQL is the truth");
        server.resume().expect("goes on");
        tokio::time::sleep(limits::CACHE_PAUSE).await;
        // Connected again, and what was on its way is there.
        service.get(&one, &id("a")).await.expect("found");
        let before = service.counts().cache;
        for _ in 0..READS {
            service.get(&one, &id("b")).await.expect("found");
        }
        let after = service.counts().cache;
        let told = format!("{}: {before:?} {after:?}", server.program().label());
        assert!(after.hits - before.hits >= READS - 2, "{told}");
        assert!(after.repairs > before.repairs, "{told}");
    }
}

#[tokio::test]
async fn with_sql_down_writes_fail_and_reads_are_stale_where_that_was_asked_for() {
    let Some(mut postgres) = postgres() else {
        return;
    };
    for (round, server) in servers().iter().enumerate() {
        let one = owner(&format!("one {round}"));
        let url = postgres.url();
        let repository: Arc<dyn Repository> =
            Arc::new(PostgresRepository::connect(&url).await.expect("connected"));
        let strict = over(&repository, server).await;
        let source = SqlWithCache::open(repository, keys())
            .await
            .expect("opened");
        let source = source.with_cache(cache(server)).await.expect("allowed");
        let source = source.with_stale_reads(StaleReads::Labelled);
        let lenient = SessionService::sql_with_cache(source);
        let made = strict
            .create(&one, NewSession::new("m").with_id(id("a")))
            .await
            .expect("made");
        lenient
            .create(&one, NewSession::new("m").with_id(id("b")))
            .await
            .expect("made");

        postgres.kill().expect("killed");
        // What was learnt of the epoch is believed for so long.
        tokio::time::sleep(limits::EPOCH_LIFE).await;
        let change = SessionChange::default().with_total_turns(9);
        for failed in [
            strict.get(&one, &made.id).await.map(|_| ()),
            strict.list(&one, &PageRequest::default()).await.map(|_| ()),
            lenient.create(&one, NewSession::new("m")).await.map(|_| ()),
            lenient.update(&one, &made.id, &change).await.map(|_| ()),
            lenient.delete(&one, &made.id).await,
        ] {
            assert_eq!(
                failed.expect_err("no SQL").kind(),
                SessionErrorKind::Unavailable
            );
        }
        let found = lenient.get(&one, &made.id).await.expect("the cache has it");
        assert!(found.stale);
        assert_eq!(found.session, made);
        let page = lenient
            .list(&one, &PageRequest::default())
            .await
            .expect("the cache has them");
        assert!(page.stale);
        assert_eq!(page.total, 2);

        postgres.restart().expect("back");
        let found = lenient.get(&one, &made.id).await.expect("found");
        assert!(!found.stale, "fresh again");
    }
}

/// A key that something else has written is in the way of one owner only.
#[tokio::test]
async fn what_the_cache_can_t_take_of_one_owner_leaves_the_others_theirs() {
    for server in servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let service = over(&sqlite(&folder).await, &server).await;
        let (one, odd) = (owner("one"), owner("odd"));
        for owner in [&one, &odd] {
            let new = NewSession::new("m").with_id(id("a"));
            service.create(owner, new).await.expect("made");
        }
        let prefix = format!("kp:session-cache:{{{}}}:", keys().tag(&odd).as_str());
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        let (record, index) = (format!("{prefix}r:a"), format!("{prefix}c"));
        for words in [
            &[b"DEL", record.as_bytes(), index.as_bytes()][..],
            &[b"SET", index.as_bytes(), b"no index"],
        ] {
            raw.command(words).expect("sent").checked().expect("done");
        }
        for round in 1..=3 {
            service.get(&odd, &id("a")).await.expect("SQL has it");
            service.get(&one, &id("a")).await.expect("found");
            let counts = service.counts().cache;
            let told = server.program().label();
            assert_eq!(
                (counts.hits, counts.skipped),
                (round, 0),
                "{told}: {counts:?}"
            );
        }
    }
}
