//! What is refused before a key is touched, and what is done all the same where a person allows for it.

use keypace::{ConnectOptions, ErrorKind, Keyspace, Sweep};
use keypace_lab::{ClusterOptions, slot_of};

use crate::common::{deleting, scan};
use crate::stage::{Stage, drive, each_program, expect_keys, names, quick};

#[tokio::test]
async fn slots_that_nobody_serves_are_refused_or_named() {
    each_program(async |program| {
        let options = ClusterOptions::default()
            .with_replicas(0)
            .without_full_coverage();
        let stage = Stage::start(&program, options);
        stage.seed("session:", 10_000);
        stage.0.uncover(100..=199).expect("nobody's");
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 1000);
        let error = Sweep::list(&keyspace, options.clone()).await;
        let error = error.err().expect("a part is not the whole");
        assert_eq!(error.kind(), ErrorKind::Guard, "{error}");
        assert!(error.context().contains("100-199"), "{error}");
        assert!(error.hint().expect("a hint").contains("--allow-uncovered"));

        let options = options.with_allow_uncovered(true);
        let mut served = names("session:", 10_000);
        served.retain(|key| !(100..=199).contains(&slot_of(key)));
        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("allowed"), |_| {}).await;
        expect_keys(keys, &served, &summary);
        let expect_hole = |summary: &keypace::Summary| {
            assert!(!summary.complete, "{summary:?}");
            let texts = summary.errors.iter().map(|error| &error.text);
            assert!(
                texts.into_iter().any(|text| text.contains("100-199")),
                "{summary:?}"
            );
        };
        expect_hole(&summary);
        assert!(
            summary.shards.iter().all(|shard| shard.complete),
            "{summary:?}"
        );

        let (_, summary) = drive(deleting(&keyspace, &options).await, |_| {}).await;
        expect_hole(&summary);
        assert_eq!(summary.deleted, served.len() as u64, "{summary:?}");
        // What stands where nobody serves it was not touched.
        assert_eq!(stage.keys_left(), 10_000 - summary.deleted);

        // A hole that opens in mid-walk is no reason to go back, and is named.
        stage.seed("session:", 10_000);
        let options = quick(scan("session:*"), 100).with_allow_uncovered(true);
        let sweep = Sweep::list(&keyspace, options).await;
        let (_, summary) = drive(sweep.expect("allowed"), |step| {
            if step == 20 {
                stage.0.uncover(8_000..=8_009).expect("nobody's");
            }
        })
        .await;
        expect_hole(&summary);
        let texts: Vec<&str> = summary.errors.iter().map(|e| e.text.as_str()).collect();
        assert!(
            texts.iter().any(|text| text.contains("8000-8009")),
            "{texts:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_nodes_is_told_which_right_is_missing() {
    each_program(async |program| {
        let stage = Stage::start(&program, ClusterOptions::default().with_replicas(0));
        stage.seed("session:", 100);
        for node in 0..3 {
            let rule: [&[u8]; 8] = [
                b"ACL",
                b"SETUSER",
                b"limited",
                b"on",
                b">secret",
                b"~*",
                b"+@all",
                b"-cluster",
            ];
            let said = stage.0.raw(node).expect("connected").command(&rule);
            said.and_then(keypace_lab::Value::checked).expect("set");
        }
        let target = || stage.target().with_user("limited").with_password("secret");
        let error = Keyspace::connect(target(), ConnectOptions::default()).await;
        let error = error.expect_err("it can't find the nodes");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert!(
            error.hint().expect("a hint").contains("+cluster|nodes"),
            "{error:?}"
        );

        // With that right alone the work is done.
        for node in 0..3 {
            let rule: [&[u8]; 4] = [b"ACL", b"SETUSER", b"limited", b"+cluster|nodes"];
            let said = stage.0.raw(node).expect("connected").command(&rule);
            said.and_then(keypace_lab::Value::checked).expect("set");
        }
        let connected = Keyspace::connect(target(), ConnectOptions::default()).await;
        let keyspace = connected.expect("connected");
        let sweep = deleting(&keyspace, &quick(scan("session:*"), 1000)).await;
        let (_, summary) = drive(sweep, |_| {}).await;
        assert!(summary.complete && summary.deleted == 100, "{summary:?}");
    })
    .await;
}
