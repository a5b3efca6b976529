//! Calls on real clusters and behind Sentinels, while slots move and primaries are replaced. Looks at a server through the
//! lab's client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use keypace_lab::{ClusterOptions, OwnedCluster, OwnedSentinels, Program, SentinelOptions};

use super::{ECHO, bulk, get, gets, set};
use crate::key::Slot;
use crate::port::router::Router;
use crate::port::{Call, Class, ConnectOptions, Keyspace, Reply, Script, Target};

const COUNT_UP: Script = Script {
    text: "return redis.call('incr', KEYS[1])",
    digest: "2bab3b661081db58bd2341920e0ba7cf5dc77b25",
};

fn programs() -> Vec<Program> {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    programs
}

async fn router(url: &str) -> Router {
    let target = Target::parse(url).expect("valid");
    let options = ConnectOptions::default().with_retries(20);
    Router::new(&Keyspace::connect(target, options).await.expect("connected"))
}

fn count_up(key: &str) -> Call {
    let keys = vec![Bytes::copy_from_slice(key.as_bytes())];
    Call::script(
        Slot::of(key.as_bytes()),
        &COUNT_UP,
        Class::Write,
        keys,
        vec![],
    )
}

#[tokio::test]
async fn calls_follow_slots_that_move_and_count_once() {
    let options = ClusterOptions::default().with_replicas(0);
    for program in programs() {
        let cluster = OwnedCluster::start(&program, options.clone()).expect("a cluster");
        let router = router(&cluster.urls()[1]).await;
        let keys: Vec<String> = (0..60).map(|n| format!("{{tag}}key:{n}")).collect();
        let calls = || keys.iter().map(|key| count_up(key)).collect();
        let all = |times: i64| vec![Reply::Int(times); keys.len()];
        assert_eq!(router.volley(calls()).await.expect("run"), all(1));
        let slot = Slot::of(b"tag").number();
        let owner = cluster.owners().expect("told")[usize::from(slot)].expect("an owner");
        let to = (owner + 1) % 3;
        let mut moving = cluster.begin_move(owner, to, slot).expect("begun");
        moving.move_keys(30).expect("moved");
        // Half of them here, half of them there by ASK, whose node doesn't know the script yet.
        assert_eq!(router.volley(calls()).await.expect("run"), all(2));
        moving.finish().expect("moved");
        assert_eq!(router.volley(calls()).await.expect("run"), all(3));
        assert_eq!(router.volley(calls()).await.expect("run"), all(4));
    }
}

#[tokio::test]
async fn slots_that_move_all_the_time_cost_no_call_and_run_none_twice() {
    let options = ClusterOptions::default().with_replicas(0);
    for program in programs() {
        let cluster = OwnedCluster::start(&program, options.clone()).expect("a cluster");
        cluster.seed_strings(b"key:", 0..300, 8).expect("seeded");
        let router = router(&cluster.urls()[0]).await;
        let keys: Vec<String> = (0..300).map(|n| format!("n:{n}")).collect();
        let owners = cluster.owners().expect("told");
        let mut of_first: Vec<u16> = (keys.iter())
            .map(|key| Slot::of(key.as_bytes()).number())
            .filter(|slot| owners[usize::from(*slot)] == Some(0))
            .collect();
        of_first.sort_unstable();
        of_first.dedup();
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let mover = std::thread::spawn(move || {
            for (at, group) in of_first.chunks(8).enumerate() {
                let group = group.iter().copied();
                cluster.move_slots(0, 1 + at % 2, group).expect("moved");
            }
            told.store(true, Ordering::Relaxed);
            cluster
        });
        let mut times = 0;
        while !is_over.load(Ordering::Relaxed) || times == 0 {
            times += 1;
            let calls = keys.iter().map(|key| count_up(key)).collect();
            let replies = router.volley(calls).await.expect("run");
            assert_eq!(
                replies,
                vec![Reply::Int(times); keys.len()],
                "{}",
                program.label()
            );
        }
        let seeded = router.volley(gets(0..300)).await.expect("read");
        assert!(seeded.iter().all(|reply| matches!(reply, Reply::Bulk(_))));
        drop(mover.join().expect("no panic"));
    }
}

#[tokio::test]
async fn a_failover_is_followed_in_a_cluster() {
    for program in programs() {
        let mut cluster =
            OwnedCluster::start(&program, ClusterOptions::default()).expect("a cluster");
        let router = router(&cluster.urls()[1]).await;
        let keys: Vec<String> = (0..60).map(|n| format!("key:{n}")).collect();
        let sets = || keys.iter().map(|key| set(key, "1")).collect();
        router.volley(sets()).await.expect("set");
        cluster.wait_until_settled().expect("settled");
        cluster.kill(0).expect("killed");
        cluster.wait_for_promotion(0).expect("promoted");
        let replies = router.volley(keys.iter().map(get).collect()).await;
        let replies = replies.expect("read");
        assert_eq!(replies, vec![bulk(1); keys.len()], "{}", program.label());
        router.volley(sets()).await.expect("set");
    }
}

#[tokio::test]
async fn a_failover_is_followed_behind_sentinels() {
    for program in programs() {
        let set_of = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
        let places: Vec<String> = (set_of.sentinel_endpoints().iter())
            .map(|endpoint| endpoint.to_string().replace("redis://", ""))
            .collect();
        let url = format!(
            "redis-sentinel://{}/{}",
            places.join(","),
            set_of.master_name()
        );
        let router = router(&url).await;
        router.call(set("key:1", "1")).await.expect("set");
        set_of.wait_until_settled().expect("in step");
        set_of.fail_over().expect("failed over");
        // The old primary still answers on the connection that is kept: READONLY to writes.
        router.call(set("key:2", "2")).await.expect("set");
        assert_eq!(router.call(get("key:1")).await.expect("read"), bulk(1));
        assert_eq!(router.call(get("key:2")).await.expect("read"), bulk(2));
        let echo = Call::script(
            Slot::of(b"k"),
            &ECHO,
            Class::Read,
            vec![Bytes::from_static(b"k")],
            vec![],
        );
        assert_eq!(router.call(echo).await.expect("run"), bulk("k"));
    }
}
