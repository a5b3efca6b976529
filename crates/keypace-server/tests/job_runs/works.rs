//! Every kind of work from its order to its result.

use std::collections::BTreeMap;

use keypace::Namespace;
use keypace_server::jobs::{IndexConfig, JobKind, JobSpec, JobState, RunnerLimits};
use serde_json::json;

use crate::desk::{
    dbsize, fill, folder, open, open_with, raw, result, servers, spec, started, store,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_count_counts() {
    for server in started() {
        fill(&server, 5_000);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk.start(spec(JobKind::Count, "k:*")).await;
        let job = desk.once_in(&id, JobState::Done).await;
        assert_eq!(result(&job, "matched"), 5_000);
        let progress = job.progress.as_ref().expect("told");
        assert_eq!(
            (&progress["share"], &progress["state"]),
            (&json!(1.0), &json!("done"))
        );
        assert_eq!(
            job.identity.as_ref().map(|it| it.server.as_str()),
            Some("default")
        );
        assert!(job.started_at.is_some() && job.ended_at.is_some() && job.reason.is_none());
        desk.close().await;
        let left = std::fs::read_dir(folder.path().join("checkpoints"))
            .expect("read")
            .count();
        assert_eq!(left, 0, "a job that is done keeps no place");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_is_planned_confirmed_saved_and_undone() {
    for server in started() {
        fill(&server, 6_000);
        raw(&server)
            .command(&[b"SET", b"k:\x00\xff", b"bytes"])
            .expect("set");
        let folder = folder();
        let desk = open(&server, folder.path()).await;

        let mut wanted = spec(JobKind::Delete, "k:*");
        wanted.backup = true;
        let dry = JobSpec {
            dry_run: true,
            ..wanted.clone()
        };
        let planned = desk.start(dry).await;
        let planned = desk.once_in(&planned, JobState::Planned).await;
        assert_eq!(result(&planned, "would_delete"), 6_001);
        let plan = planned.plan.as_ref().expect("a plan");
        assert_eq!(
            (&plan["estimate"], &plan["exact"]),
            (&json!(6_001), &json!(true)),
            "{plan:#}"
        );
        assert_eq!(
            (&plan["scope"], &plan["verb"]),
            (&json!("unbounded"), &json!("UNLINK"))
        );
        assert!(
            plan["bytes"].as_u64().is_some_and(|bytes| bytes > 6_001),
            "{plan:#}"
        );
        assert!(
            plan["expected_ms"].as_u64().is_some_and(|ms| ms > 0),
            "{plan:#}"
        );
        assert!(
            plan["samples"]
                .as_array()
                .is_some_and(|keys| !keys.is_empty()),
            "{plan:#}"
        );
        assert_eq!(dbsize(&server), 6_101);

        let token = desk
            .service
            .view(&planned, &desk.caller)
            .confirm
            .expect("a token");
        let id = desk.confirm(wanted, Some(&token)).await;
        let job = desk.once_in(&id, JobState::Done).await;
        assert_eq!(
            (result(&job, "deleted"), result(&job, "failed")),
            (6_001, 0)
        );
        assert!(job.has_backup);
        assert_eq!((job.max_delete, dbsize(&server)), (Some(6_601), 100));

        let mut back = JobSpec::new(JobKind::Restore, "", Vec::new());
        back.from_job = Some(id);
        let back = desk.start(back).await;
        let job = desk.once_in(&back, JobState::Done).await;
        assert_eq!((result(&job, "restored"), dbsize(&server)), (6_001, 6_101));
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_stops_before_it_deletes_much_more_than_was_planned() {
    for server in started() {
        fill(&server, 1_000);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let dry = JobSpec {
            dry_run: true,
            ..spec(JobKind::Delete, "k:*")
        };
        let planned = desk.start(dry).await;
        let planned = desk.once_in(&planned, JobState::Planned).await;
        let token = desk
            .service
            .view(&planned, &desk.caller)
            .confirm
            .expect("a token");
        fill(&server, 3_000);
        let id = desk
            .confirm(spec(JobKind::Delete, "k:*"), Some(&token))
            .await;
        let job = desk.once_in(&id, JobState::Incomplete).await;
        assert_eq!(result(&job, "deleted"), 1_100);
        let reason = job.reason.expect("a reason");
        assert!(
            reason.contains("1100") && reason.contains("dry run"),
            "{reason}"
        );
        assert_eq!(dbsize(&server), 2_000);
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_kept_as_the_result() {
    for server in started() {
        fill(&server, 3_000);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk
            .start(JobSpec::new(JobKind::Stats, "default", Vec::new()))
            .await;
        let job = desk.once_in(&id, JobState::Done).await;
        assert_eq!(result(&job, "keys"), 3_100);
        let report = job.result.as_ref().expect("a report");
        assert_eq!(report["prefixes"][0]["prefix"], json!("k:"));
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_the_config_is_rebuilt() {
    let figures = keypace_server::metrics::recorder().expect("nobody else's");
    for server in started() {
        let mut raw = raw(&server);
        for number in 0..300 {
            let key = format!("session:s{number}");
            let value = format!(r#"{{"api_key":"owner-{}","n":{number}}}"#, number % 3);
            raw.command(&[b"SET", key.as_bytes(), value.as_bytes()])
                .expect("set");
        }
        let folder = folder();
        let namespace = Namespace::new("session").expect("valid");
        let index = IndexConfig {
            server: "default".to_owned(),
            old: Some(
                keypace::OldLayout::of(&namespace)
                    .with_owner_field("api_key")
                    .expect("valid"),
            ),
            namespace,
            owner_keys: folder.path().join("owner-keys.json"),
        };
        let indexes = BTreeMap::from([("sessions".to_owned(), index)]);
        let store = store(folder.path()).await;
        let desk = open_with(
            servers(&server.url()),
            store,
            folder.path(),
            RunnerLimits::default(),
            indexes,
        );
        let id = desk
            .start(JobSpec::new(
                JobKind::Reindex,
                "",
                vec!["sessions".to_owned()],
            ))
            .await;
        let job = desk.once_in(&id, JobState::Done).await;
        assert_eq!(
            (result(&job, "imported"), result(&job, "ownerless")),
            (300, 0)
        );
        let figures = figures.render();
        for line in [
            "keypace_index_records{namespace=\"session\"} 300",
            "keypace_index_drift{namespace=\"session\",kind=\"ownerless\"} 0",
        ] {
            assert!(figures.contains(line), "no {line} in {figures}");
        }
        assert!(
            !figures.contains("kind=\"changed\""),
            "what was mended is no drift: {figures}"
        );
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_fails_with_a_text() {
    for server in started() {
        fill(&server, 10);
        raw(&server)
            .command(&[b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lfu"])
            .expect("set");
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let mut count = spec(JobKind::Count, "k:*");
        count.filters.idle_over = Some("30d".to_owned());
        let id = desk.start(count).await;
        let job = desk.once_in(&id, JobState::Failed).await;
        let reason = job.reason.expect("a reason");
        assert!(reason.contains("allkeys-lfu"), "{reason}");
        desk.close().await;
    }
}
