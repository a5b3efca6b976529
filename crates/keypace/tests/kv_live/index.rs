//! The index against real servers: what keeps it in step, what it costs, and what becomes of what is out of step.
//! It asks what only a `Kv` with an index has to answer.

use std::collections::BTreeSet;
use std::time::Duration;

use keypace::{ConnectOptions, ErrorKind, Keyspace, Kv, Protocol, Target, limits};

use crate::common::{Random, pattern, raw, run, servers};
use crate::{HOUR, calls, counts, fill, int, kv, names, now_ms, score};

#[tokio::test]
async fn listing_an_index_sends_no_scan() {
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        fill(&kv, &["a", "b"]).await;
        let mut raw = raw(&server);
        let before = ["scan", "keys", "zscan"].map(|command| calls(&mut raw, command));
        assert_eq!(names(&kv, "*").await, [b"a", b"b"]);
        let after = ["scan", "keys", "zscan"].map(|command| calls(&mut raw, command));
        assert_eq!(before, after);
        assert_eq!(calls(&mut raw, "zrange"), 1);
        kv.with_index(false)
            .keys(&pattern("*"))
            .await
            .expect("listed");
        assert!(
            calls(&mut raw, "scan") > after[0],
            "what is compared does count"
        );
    }
}

#[tokio::test]
async fn expired_keys_leave_the_index() {
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        let mut raw = raw(&server);
        kv.set("brief", "1", Some(Duration::from_millis(30)))
            .await
            .expect("set");
        fill(&kv, &["long"]).await;
        let deadline = now_ms(&mut raw) + 10_000;
        while kv.get("brief").await.expect("asked").is_some() {
            assert!(now_ms(&mut raw) < deadline, "it expires");
        }
        // The score is the very millisecond of the expiry, so what is gone is not listed either.
        assert_eq!(names(&kv, "*").await, [b"long"]);
        // Still in the index at the millisecond that ends it, and dropped after.
        while score(&mut raw, b"brief").is_some() {
            assert!(now_ms(&mut raw) < deadline, "it is dropped");
            assert_eq!(names(&kv, "*").await, [b"long"]);
        }
    }
}

/// Members that were dead long before the listing: a set and a listing each drop a bounded number of them.
#[tokio::test]
async fn p40_dead_members_are_dropped_in_bounds() {
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        let mut raw = raw(&server);
        let dead = 2 * limits::KV_PRUNED_BY_LISTING + 500;
        let mut pipeline = raw.pipeline();
        for n in 0..dead {
            pipeline.add(&[b"ZADD", b"app:index", b"1", format!("dead:{n}").as_bytes()]);
        }
        pipeline.run().expect("added");
        let mut left = dead;
        kv.set("live", "1", HOUR).await.expect("set");
        left -= limits::KV_PRUNED_BY_SET;
        assert_eq!(int(&mut raw, &[b"ZCARD", b"app:index"]) as u64, left + 1);
        for _ in 0..3 {
            assert_eq!(names(&kv, "*").await, [b"live"]);
            left = left.saturating_sub(limits::KV_PRUNED_BY_LISTING);
            assert_eq!(int(&mut raw, &[b"ZCARD", b"app:index"]) as u64, left + 1);
        }
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn an_index_of_many_pages_is_read_whole() {
    for server in servers() {
        let kv = kv(&server, "app", true)
            .await
            .with_max_keys(limits::COLLECT_MAX_KEYS);
        let kv = kv.expect("allowed");
        let keys = 2 * limits::KV_INDEX_PAGE_MEMBERS + 345;
        for n in 0..keys {
            let ttl = [None, HOUR, Some(Duration::from_secs(60 + n))][n as usize % 3];
            kv.set(n.to_string(), "1", ttl).await.expect("set");
        }
        let expected: BTreeSet<_> = (0..keys).map(|n| n.to_string().into_bytes()).collect();
        assert_eq!(
            names(&kv, "*").await,
            expected.into_iter().collect::<Vec<_>>()
        );
        assert_eq!(names(&kv, "*33").await.len(), 24);
        let target = Target::parse(&server.url()).expect("valid");
        let resp2 = ConnectOptions::default().with_protocol(Protocol::Resp2);
        let keyspace = Keyspace::connect(target, resp2).await.expect("connected");
        let older = Kv::new(keyspace, "app").expect("allowed").with_index(true);
        assert_eq!(names(&older, "*33").await.len(), 24, "both protocols");
        let few = kv.clone().with_max_keys(7).expect("allowed");
        let few = few.keys(&pattern("1*")).await.expect("listed");
        assert_eq!((few.keys.len(), few.truncated), (7, true));
        let cleared = kv.clear(&["1*", "*"].map(pattern)).await.expect("cleared");
        assert_eq!(cleared.iter().map(|c| c.deleted).sum::<u64>(), keys);
        assert_eq!(int(&mut raw(&server), &[b"DBSIZE"]), 0);
    }
}

#[tokio::test]
async fn clear_meets_keys_without_a_member_and_members_without_a_key() {
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        let mut raw = raw(&server);
        fill(&kv, &["a:both", "b:both", "a:evicted", "b:evicted"]).await;
        run(&mut raw, &[&[b"DEL", b"app:a:evicted", b"app:b:evicted"]]);
        run(
            &mut raw,
            &[
                &[b"SET", b"app:a:unknown", b"1"],
                &[b"RPUSH", b"app:a:list", b"1"],
            ],
        );
        let cleared = kv.clear(&[pattern("a:*")]).await.expect("cleared");
        assert_eq!(
            counts(&cleared),
            [[3, 3, 0, 0]],
            "a member without a key is no key"
        );
        assert_eq!(names(&kv, "*").await, [&b"b:both"[..], b"b:evicted"]);
        assert_eq!(int(&mut raw, &[b"DBSIZE"]), 2);
        // Without an index nobody takes the index of others for a key.
        let plain = kv.clone().with_index(false);
        assert_eq!(names(&plain, "*").await, [b"b:both"]);
        assert_eq!(
            counts(&plain.clear(&[pattern("i*")]).await.expect("cleared")),
            [[0; 4]]
        );
        assert_eq!(int(&mut raw, &[b"EXISTS", b"app:index"]), 1);
    }
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        let mut raw = raw(&server);
        for round in 1..=3 {
            run(&mut raw, &[&[b"SCRIPT", b"FLUSH"]]);
            for key in ["a", "b", "c"] {
                kv.set(key, "1", HOUR).await.expect("set");
                assert_eq!(names(&kv, "*").await, [key.as_bytes()]);
                assert!(kv.delete(key).await.expect("deleted"));
            }
            assert_eq!(
                calls(&mut raw, "eval"),
                3 * round,
                "one for each script and round"
            );
        }
    }
}

#[tokio::test]
async fn an_index_of_another_type_changes_nothing() {
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        let mut raw = raw(&server);
        run(
            &mut raw,
            &[&[b"MSET", b"app:index", b"not ours", b"app:old", b"1"]],
        );
        let errors = [
            kv.set("new", "1", None).await.expect_err("refused"),
            kv.set("new", "1", HOUR).await.expect_err("refused"),
            kv.delete("old").await.map(drop).expect_err("refused"),
            kv.keys(&pattern("*")).await.map(drop).expect_err("refused"),
            kv.clear(&[pattern("*")])
                .await
                .map(drop)
                .expect_err("refused"),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        }
        assert_eq!(
            int(&mut raw, &[b"EXISTS", b"app:index", b"app:old", b"app:new"]),
            2
        );
    }
}

/// Others set, overwrite and delete keys while a long index is read: what stays as it is must not be missed.
#[tokio::test]
async fn keys_that_stay_are_listed_while_others_come_and_go() {
    const LISTINGS: u32 = 30;
    let mut random = Random::seeded();
    for server in servers() {
        let kv = kv(&server, "app", true).await;
        let kv = kv.with_max_keys(limits::COLLECT_MAX_KEYS).expect("allowed");
        let stable = 2 * limits::KV_INDEX_PAGE_MEMBERS;
        for n in 0..stable {
            let ttl = [None, Some(Duration::from_secs(600 + n))][n as usize % 2];
            kv.set(format!("stays:{n:05}"), "1", ttl)
                .await
                .expect("set");
        }
        let expected: Vec<_> = (0..stable)
            .map(|n| format!("stays:{n:05}").into_bytes())
            .collect();
        let (churned, mut others) = (kv.clone(), Random(random.next()));
        let churn = tokio::spawn(async move {
            loop {
                let key = format!(
                    "{}:{}",
                    ["a", "stays!", "z"][others.below(3) as usize],
                    others.below(3000)
                );
                let ttl = [None, Some(Duration::from_secs(600 + others.below(stable)))]
                    [others.below(2) as usize];
                churned.set(&key, "1", ttl).await.expect("set");
                let key = format!("a:{}", others.below(3000));
                churned.delete(&key).await.expect("deleted");
            }
        });
        for _ in 0..LISTINGS {
            assert_eq!(names(&kv, "stays:*").await, expected);
        }
        churn.abort();
        assert!(
            churn.await.expect_err("endless").is_cancelled(),
            "no call failed"
        );
        assert!(
            names(&kv, "*").await.len() > expected.len(),
            "there were others"
        );
    }
}
