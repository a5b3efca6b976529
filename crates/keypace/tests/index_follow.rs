//! While an old layout is followed: what was deleted, touched or put in the new one is undone by no rebuild, and the switch
//! leaves nobody behind. Servers at maxmemory, foreign members and lost meta keys harm nothing.

#[path = "common/mod.rs"]
mod common;
#[path = "index_follow/stage.rs"]
mod stage;

use std::time::Duration;

use keypace::{
    DriftCounts, ErrorKind, Lifetime, OwnerKeys, PutOptions, Rebuild, RebuildOptions, Version,
};
use keypace_lab::{NotYet, wait_until};

use stage::{id, owner, stages, sweep_at_full_speed, switch};

const HOUR: Duration = Duration::from_secs(3600);

/// The order of the guide: the writes move to the new records, and the old layout is left behind then.
#[tokio::test]
async fn what_was_done_the_new_way_is_not_undone_by_the_switch() {
    for stage in stages().await {
        let whose = owner("a");
        for name in ["stays", "gone", "touched", "put", "brief", "all"] {
            stage.old(name, "a");
        }
        stage.old("other", "b");
        stage.rebuild(RebuildOptions::default()).await;
        // Written the old way since, and deleted the new way before any pass has seen it.
        stage.old("unknown", "a");
        let shelf = stage.shelf().await;
        assert!(!shelf.delete(&whose, &id("unknown")).await.expect("asked"));
        assert!(shelf.delete(&whose, &id("gone")).await.expect("deleted"));
        assert_eq!(shelf.delete_owner(&owner("b")).await.expect("deleted"), 1);
        let touched = shelf.touch(&whose, &id("touched"), Some(HOUR)).await;
        let expires = touched.expect("touched").expect("there").expect("a time");
        // The old key goes, and what was touched the new way does not go with it.
        stage.old_until("touched", "a", 1);
        let (put_id, plain) = (id("put"), PutOptions::default());
        let put = shelf.put(&whose, &put_id, "new".into(), &plain).await;
        put.expect("put");
        let brief = PutOptions::default().with_lifetime(Lifetime::For(Duration::from_millis(1)));
        for name in ["brief", "all"] {
            let put = shelf.put(&whose, &id(name), "new".into(), &brief).await;
            put.expect("put");
        }
        for name in [
            "session:touched",
            &stage.record("a", "brief"),
            &stage.record("a", "all"),
        ] {
            let look = || match stage.exists(name) {
                true => Err(NotYet::from("it is there")),
                false => Ok(()),
            };
            wait_until("see it expire", Duration::from_secs(10), look).expect("it expires");
        }
        let verified = stage.verify(false).await;
        assert_eq!(verified.drift, DriftCounts::default(), "{verified:?}");
        for _ in 0..2 {
            let report = stage.rebuild(RebuildOptions::default()).await.report();
            assert_eq!((report.imported, report.removed), (0, 0), "{report:?}");
        }
        let report = stage.rebuild(switch()).await.report();
        assert!(report.switched, "{report:?}");
        assert_eq!(stage.ids("a").await, ["put", "stays", "touched"]);
        assert_eq!(stage.ids("b").await, Vec::<String>::new());
        assert_eq!(stage.expires("a", "touched"), expires);
        let read = shelf.get(&whose, &id("put")).await.expect("asked");
        assert_eq!(read.expect("there").value.as_ref(), b"new");
    }
}

/// A trace stays for as long as rebuilds find the old key, and no longer.
#[tokio::test]
async fn a_rebuild_remembers_for_longer_what_still_has_an_old_key() {
    for stage in stages().await {
        for name in ["one", "two"] {
            stage.old(name, "a");
        }
        stage.rebuild(RebuildOptions::default()).await;
        let shelf = stage.shelf().await;
        for name in ["one", "two"] {
            assert!(shelf.delete(&owner("a"), &id(name)).await.expect("deleted"));
            let left = stage.int(&["PTTL", &stage.tombstone("a", name)]);
            assert!(left > 29 * 24 * 3_600_000, "{left}");
            stage.run(&["PEXPIRE", &stage.tombstone("a", name), "600000"]);
        }
        stage.run(&["DEL", "session:two"]);
        stage.rebuild(RebuildOptions::default()).await;
        assert!(stage.int(&["PTTL", &stage.tombstone("a", "one")]) > 29 * 24 * 3_600_000);
        assert!(stage.int(&["PTTL", &stage.tombstone("a", "two")]) <= 600_000);
        // A deletion that another source tells of cuts no trace short.
        let version = Version::new(1).expect("valid");
        let buried = shelf.bury(&owner("a"), &id("one"), version).await;
        assert_eq!(buried.expect("buried"), keypace::Buried::Gone(false));
        assert!(stage.int(&["PTTL", &stage.tombstone("a", "one")]) > 29 * 24 * 3_600_000);
    }
}

#[tokio::test]
async fn a_namespace_that_follows_nothing_leaves_no_traces() {
    for stage in stages().await {
        let shelf = stage.shelf().await;
        let options = PutOptions::default().with_ttl(HOUR);
        let (whose, id) = (owner("a"), id("x"));
        let put = shelf.put(&whose, &id, "{}".into(), &options).await;
        let version = put.expect("put").version;
        shelf.touch(&whose, &id, None).await.expect("touched");
        let read = shelf.get(&whose, &id).await.expect("asked");
        assert_eq!(read.expect("there").version, version, "no new version");
        assert!(shelf.delete(&whose, &id).await.expect("deleted"));
        assert!(!stage.exists(&stage.tombstone("a", "x")));
    }
}

#[tokio::test]
async fn a_switch_leaves_nobody_behind_unless_it_is_said() {
    for stage in stages().await {
        stage.old("s1", "a");
        stage.run(&["SET", "session:nobody", "{}"]);
        stage.run(&["SET", "session:odd", "no JSON"]);
        let rebuild = stage.rebuild(switch()).await;
        let report = rebuild.report();
        assert!(rebuild.has_unlisted() && !report.switched, "{report:?}");
        assert_eq!((report.ownerless, report.undecodable), (1, 1));
        assert_eq!(stage.assign("b", "nobody").await.assigned, ["nobody"]);
        assert!(stage.rebuild(switch()).await.has_unlisted());
        stage.run(&["DEL", "session:odd"]);
        assert!(stage.rebuild(switch()).await.report().switched);
    }
    for stage in stages().await {
        stage.run(&["SET", "session:nobody", "{}"]);
        let report = stage.rebuild(switch().leaving_unlisted()).await.report();
        assert!(report.switched, "{report:?}");
    }
}

#[tokio::test]
async fn a_switch_by_what_replicas_have_is_refused() {
    for stage in stages().await {
        let walk = sweep_at_full_speed().with_from_replica(true);
        let options = stage.options.clone().with_walk(walk);
        let refused = Rebuild::begin(&stage.keyspace, options, switch()).await;
        let error = refused.err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
    }
}

/// At maxmemory nothing is written any more, and deletions go through, those with a tombstone too.
#[tokio::test]
async fn deletions_go_through_at_maxmemory() {
    for stage in stages().await {
        stage.old("kept", "a");
        stage.rebuild(RebuildOptions::default()).await;
        let shelf = stage.shelf().await;
        let plain = PutOptions::default();
        for name in ["one", "two"] {
            let (whose, id) = (owner("a"), id(name));
            let put = shelf.put(&whose, &id, "{}".into(), &plain).await;
            put.expect("put");
        }
        stage.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        stage.run(&["CONFIG", "SET", "maxmemory", "1"]);
        let refused = shelf.put(&owner("a"), &id("x"), "{}".into(), &plain).await;
        assert_eq!(refused.expect_err("full").kind(), ErrorKind::OutOfMemory);
        let version = Version::new(1 << 51).expect("valid");
        let buried = shelf.bury(&owner("a"), &id("one"), version).await;
        assert_eq!(buried.expect("buried"), keypace::Buried::Gone(true));
        assert!(
            shelf
                .delete(&owner("a"), &id("two"))
                .await
                .expect("deleted")
        );
        stage.run(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(stage.ids("a").await, ["kept"]);
        assert!(stage.exists(&stage.tombstone("a", "one")));
        assert!(stage.exists(&stage.tombstone("a", "two")));
    }
}

/// Scores that no script of ours writes.
#[tokio::test]
async fn foreign_scores_fail_no_script_after_its_writes() {
    for stage in stages().await {
        let shelf = stage.shelf().await;
        let whose = owner("a");
        let brief = PutOptions::default().with_ttl(HOUR);
        for score in ["-inf", "-5", "1e300", "-1e300", "9e18"] {
            let names = ["one", "two"].map(id);
            for name in &names {
                let put = shelf.put(&whose, name, "{}".into(), &brief);
                put.await.expect("put");
            }
            for part in ["c", "e"] {
                stage.run(&["ZADD", &stage.key("a", part), score, "foreign"]);
            }
            let touched = shelf.touch(&whose, &names[0], Some(HOUR)).await;
            touched.unwrap_or_else(|error| panic!("{score}: {error}"));
            let put = shelf.put(&whose, &names[1], "{}".into(), &brief).await;
            put.unwrap_or_else(|error| panic!("{score}: {error}"));
            stage.verify(true).await;
            let version = Version::new(1 << 51).expect("valid");
            let buried = shelf.bury(&whose, &names[1], version).await;
            let buried = buried.unwrap_or_else(|error| panic!("{score}: {error}"));
            assert_eq!(buried, keypace::Buried::Gone(true), "{score}");
            assert_eq!(stage.ids("a").await, ["one"], "{score}");
            // Only the foreign member is left.
            let deleted = shelf.delete(&whose, &names[0]).await;
            assert!(deleted.unwrap_or_else(|error| panic!("{score}: {error}")));
            stage.run(&["DEL", &stage.key("a", "c"), &stage.key("a", "e")]);
            stage.run(&["DEL", &stage.tombstone("a", "two")]);
        }
    }
}

#[tokio::test]
async fn a_rebuild_writes_over_nothing_foreign() {
    for stage in stages().await {
        stage.old("s1", "a");
        stage.old("s2", "a");
        stage.rebuild(RebuildOptions::default()).await;
        let key = stage.record("a", "s1");
        stage.run(&["SET", &key, "of somebody else"]);
        let rebuild = stage.rebuild(RebuildOptions::default()).await;
        let report = rebuild.report();
        assert!(!report.complete, "{report:?}");
        assert_eq!(report.errors[0].kind, "wrong_type", "{report:?}");
        stage.verify(true).await;
        assert_eq!(stage.text(&["GET", &key]), "of somebody else");
        stage.run(&["DEL", &key]);
        assert!(
            stage
                .rebuild(RebuildOptions::default())
                .await
                .report()
                .complete
        );
        assert_eq!(stage.ids("a").await, ["s1", "s2"]);
    }
}

/// Without its meta a namespace is begun again by the key that made it, and by no other.
#[tokio::test]
async fn a_namespace_without_meta_is_not_begun_by_another_key() {
    for stage in stages().await {
        stage.old("s1", "a");
        stage.rebuild(RebuildOptions::default()).await;
        stage.run(&["DEL", "kp:session:meta"]);
        let keys = OwnerKeys::generate_in_memory().expect("random");
        let other = stage.options_with(keys);
        let refused = Rebuild::begin(&stage.keyspace, other, RebuildOptions::default()).await;
        let error = refused.err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Guard, "{error}");
        assert!(!stage.exists("kp:session:meta"), "nothing was begun");
        let report = stage.rebuild(RebuildOptions::default()).await.report();
        assert_eq!((report.imported, report.unchanged), (0, 1), "{report:?}");

        stage.run(&["DEL", "kp:session:meta"]);
        stage.run(&["SET", "kp:session:meta", "text"]);
        let options = stage.options.clone();
        let refused = Rebuild::begin(&stage.keyspace, options, RebuildOptions::default()).await;
        let error = refused.err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Guard, "{error}");
        assert!(error.to_string().contains("is no hash"), "{error}");
    }
}

/// What an exporter gets without any key name.
#[tokio::test]
async fn an_exporter_has_drift_sizes_and_latencies() {
    for stage in stages().await {
        stage.old("s1", "a");
        stage.old("s2", "a");
        stage.rebuild(RebuildOptions::default()).await;
        let shelf = stage.shelf().await;
        stage.run(&["ZREM", &stage.key("a", "e"), "s1"]);
        stage.run(&["DEL", &stage.record("a", "s2")]);
        stage.run(&["DEL", "session:s2"]);
        let size = shelf.index_size(&owner("a")).await.expect("sized");
        assert_eq!((size.by_created, size.by_expiry), (2, 1));
        shelf.note_verified(&stage.verify(false).await);
        let page = keypace::PageRequest::first(5).expect("a page");
        shelf.list(&owner("a"), &page).await.expect("listed");
        let metrics = shelf.metrics();
        let verified = metrics.verified.clone().expect("told");
        assert_eq!((verified.records, verified.members), (1, 2));
        assert_eq!((verified.drift.missing, verified.drift.stale), (1, 1));
        assert_eq!((metrics.verifies, metrics.lists, metrics.pruned), (1, 1, 1));
        let (_, below) = metrics.list_buckets().last().expect("buckets");
        assert_eq!(below, 1, "{metrics:?}");
        assert!(metrics.list_sum_us > 0 && metrics.list_last_us > 0);
    }
}
