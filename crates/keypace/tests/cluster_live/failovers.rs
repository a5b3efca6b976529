//! Primaries that lose their place to a replica in mid-walk: by order, by death, and under Sentinel.

use std::time::Duration;

use keypace::{ConnectOptions, Keyspace, Sweep, Target};
use keypace_lab::{ClusterOptions, OwnedCluster, OwnedSentinels, SentinelOptions, seed};

use crate::common::{deleting, scan};
use crate::stage::{
    Stage, drive, each_program, expect_keys, expect_whole, names, quick, repeated, replicated,
    target,
};

const KEYS: u64 = 30_000;
/// Pages of a hundred keys before the fault.
const BEGIN: usize = 40;

#[tokio::test]
async fn replicas_take_over_by_order_under_a_list_a_count_and_a_delete() {
    each_program(async |program| {
        let stage = Stage::start(&program, ClusterOptions::default());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 100);
        let fail_over = |replica: usize| {
            let cluster = &stage.0;
            move |step| {
                if step == BEGIN {
                    cluster.fail_over(replica).expect("taken over");
                }
            }
        };

        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), fail_over(3)).await;
        expect_whole(&summary);
        expect_keys(keys, &names("session:", KEYS), &summary);
        assert!(repeated(&summary) > 5_000, "{summary:?}");

        let sweep = Sweep::count(&keyspace, options.clone()).await;
        let (_, summary) = drive(sweep.expect("started"), fail_over(4)).await;
        expect_whole(&summary);
        assert_eq!(summary.matched, KEYS, "no key counts twice: {summary:?}");

        let sweep = deleting(&keyspace, &options).await;
        let (_, summary) = drive(sweep, fail_over(5)).await;
        expect_whole(&summary);
        assert_eq!(stage.keys_left(), 0, "{summary:?}");
        assert!(summary.deleted >= KEYS, "{summary:?}");
    })
    .await;
}

/// Writes that only the dead primary had are gone with it: its deletes are repeated where its replica had not heard of
/// them, so `deleted` may be above the number of keys.
#[tokio::test]
async fn p01_primaries_die_under_a_list_a_count_and_a_delete() {
    each_program(async |program| {
        let mut cluster =
            OwnedCluster::start(&program, ClusterOptions::default()).expect("a cluster");
        cluster
            .seed_strings(b"session:", 0..KEYS, 8)
            .expect("seeded");
        for primary in 0..3 {
            replicated(&cluster, primary, primary + 3);
        }
        let connected = Keyspace::connect(target(&cluster), ConnectOptions::default()).await;
        let keyspace = connected.expect("connected");
        let options = quick(scan("session:*"), 100);

        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), |step| {
            if step == BEGIN {
                cluster.kill(0).expect("killed");
            }
        })
        .await;
        expect_whole(&summary);
        expect_keys(keys, &names("session:", KEYS), &summary);
        assert!(repeated(&summary) > 5_000, "{summary:?}");

        let sweep = Sweep::count(&keyspace, options.clone()).await;
        let (_, summary) = drive(sweep.expect("started"), |step| {
            if step == BEGIN {
                cluster.restart(0).expect("started");
                cluster.wait_until_settled().expect("settled");
                cluster.kill(1).expect("killed");
            }
        })
        .await;
        expect_whole(&summary);
        assert_eq!(summary.matched, KEYS, "no key counts twice: {summary:?}");

        let sweep = deleting(&keyspace, &options).await;
        let (_, summary) = drive(sweep, |step| {
            if step == BEGIN {
                cluster.restart(1).expect("started");
                cluster.wait_until_settled().expect("settled");
                cluster.kill(2).expect("killed");
            }
        })
        .await;
        expect_whole(&summary);
        cluster.wait_for_promotion(2).expect("promoted");
        let left = cluster.key_count().expect("counted");
        assert_eq!(left, 0, "{summary:?}");
        assert!(
            summary.deleted + summary.already_gone >= KEYS,
            "{summary:?}"
        );
    })
    .await;
}

/// A primary that was frozen until it was replaced answers as one for some milliseconds when it wakes: old pages, and 1
/// to an UNLINK that removes nothing where it counts.
#[tokio::test]
async fn p01_a_woken_primary_that_was_replaced_is_not_believed() {
    each_program(async |program| {
        let options = ClusterOptions::default().with_node_timeout(Duration::from_secs(1));
        let mut cluster = OwnedCluster::start(&program, options).expect("a cluster");
        cluster
            .seed_strings(b"session:", 0..KEYS, 8)
            .expect("seeded");
        for primary in 0..3 {
            replicated(&cluster, primary, primary + 3);
        }
        let connected = Keyspace::connect(target(&cluster), ConnectOptions::default()).await;
        let keyspace = connected.expect("connected");
        let options = quick(scan("session:*"), 100);
        for (frozen, is_delete) in [(0, false), (1, true)] {
            let replace = |step| {
                if step == BEGIN {
                    cluster.freeze(frozen).expect("frozen");
                    cluster.wait_for_promotion(frozen).expect("promoted");
                    cluster.wake(frozen).expect("woken");
                }
            };
            let (keys, summary) = if is_delete {
                drive(deleting(&keyspace, &options).await, replace).await
            } else {
                let sweep = Sweep::list(&keyspace, options.clone()).await;
                drive(sweep.expect("started"), replace).await
            };
            expect_whole(&summary);
            assert!(repeated(&summary) > 5_000, "{summary:?}");
            cluster.wait_until_settled().expect("settled");
            if is_delete {
                assert_eq!(cluster.key_count().expect("counted"), 0, "{summary:?}");
            } else {
                expect_keys(keys, &names("session:", KEYS), &summary);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn sentinels_promote_another_under_a_list_and_a_delete() {
    each_program(async |program| {
        let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
        let mut raw = set.raw(0).expect("connected");
        seed::strings(&mut raw, b"session:", 0..KEYS, 8).expect("seeded");
        set.wait_until_settled().expect("settled");
        let places: Vec<String> = (set.sentinel_endpoints().iter())
            .map(|endpoint| endpoint.to_string().replace("redis://", ""))
            .collect();
        let url = format!(
            "redis-sentinel://{}/{}",
            places.join(","),
            set.master_name()
        );
        let patient = ConnectOptions::default()
            .with_timeout(Duration::from_secs(5))
            .expect("valid");
        let connected = Keyspace::connect(Target::parse(&url).expect("valid"), patient).await;
        let keyspace = connected.expect("connected");
        let options = quick(scan("session:*"), 100);
        let fail_over = |step| {
            if step == BEGIN {
                set.fail_over().expect("another is promoted");
                set.wait_until_settled().expect("settled");
            }
        };

        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), fail_over).await;
        expect_whole(&summary);
        assert_eq!(summary.shards[0].restarts, 1, "{summary:?}");
        expect_keys(keys, &names("session:", KEYS), &summary);

        let (_, summary) = drive(deleting(&keyspace, &options).await, fail_over).await;
        expect_whole(&summary);
        assert_eq!(summary.shards[0].restarts, 1, "{summary:?}");
        let primary = set.primary().expect("named");
        let left = set.raw(primary).expect("connected").command(&[b"DBSIZE"]);
        assert_eq!(left.expect("asked").int(), Some(0), "{summary:?}");
    })
    .await;
}
