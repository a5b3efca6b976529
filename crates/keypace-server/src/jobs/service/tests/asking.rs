//! Which jobs may be made, by whom, and what is shown of them.

use serde_json::json;

use crate::access::{Caller, Scope};
use crate::jobs::body::{JobBody, JobPatch, WantedState};
use crate::jobs::id::JobId;
use crate::jobs::problem::JobErrorKind;
use crate::jobs::service::JobSettings;
use crate::jobs::service::tests::{Desk, admin, delete, dry, identity, operator};
use crate::jobs::spec::{JobKind, JobSpec};
use crate::jobs::state::{JobState, Outcome};
use crate::jobs::store::{Beat, Finish, JobFilter, JobStore, Leave};
use crate::limits;

#[tokio::test]
async fn an_operator_reads_and_changes_nothing() {
    let desk = Desk::new(JobSettings::default()).await;
    for kind in [JobKind::Count, JobKind::Stats] {
        let spec = JobSpec::new(kind, "", vec!["a:*".to_owned()]);
        assert!(desk.create(&operator(), spec).await.is_ok());
    }
    let planned = desk
        .create(&operator(), dry(&delete("a:*")))
        .await
        .expect("made");
    let (kind, _) = desk.refused(&operator(), &delete("a:*"), None).await;
    assert_eq!(kind, JobErrorKind::Forbidden);
    let owner = Caller {
        scope: Scope::Owner,
        ..operator()
    };
    let (kind, _) = desk.refused(&owner, &dry(&delete("a:*")), None).await;
    assert_eq!(kind, JobErrorKind::Forbidden);
    let cache = JobSpec {
        cache: Some("images".to_owned()),
        ..delete("a:*")
    };
    let cleared = desk
        .create(&admin(), cache)
        .await
        .expect("confirmed by the config");
    let cancel = JobPatch {
        state: Some(WantedState::Cancelled),
        ..JobPatch::default()
    };
    let refused = desk.service.patch(&operator(), &cleared.id, &cancel).await;
    assert_eq!(
        refused.expect_err("refused").kind(),
        JobErrorKind::Forbidden
    );
    let own = desk
        .service
        .patch(&operator(), &planned.id, &cancel)
        .await
        .expect("done");
    assert_eq!(own.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_spec_that_can_t_be_meant_is_told_the_field() {
    let settings = JobSettings {
        indexes: [("carts".to_owned(), "default".to_owned())].into(),
        ..JobSettings::default()
    };
    let desk = Desk::new(settings).await;
    let body = |more: serde_json::Value| {
        let mut body = json!({"kind": "count", "patterns": ["a:*"]});
        let fields = more.as_object().expect("fields").clone();
        body.as_object_mut().expect("fields").extend(fields);
        serde_json::from_value::<JobBody>(body)
    };
    for unknown in [
        json!({"filter": {}}),
        json!({"filters": {"idle": "1d"}}),
        json!({"cache": "x"}),
        json!({"server": 1}),
    ] {
        assert!(body(unknown.clone()).is_err(), "{unknown}");
    }
    let wrong = [
        (json!({"filters": {"idle_over": "30"}}), "filters.idle_over"),
        (
            json!({"filters": {"ttl": "none", "ttl_over": "1d"}}),
            "filters",
        ),
        (json!({"filters": {"size_over": "4M"}}), "filters.size_over"),
        (json!({"filters": {"exclude": [""]}}), "filters.exclude"),
        (json!({"filters": {"types": ["no type"]}}), "filters.types"),
        (json!({"patterns": []}), "patterns"),
        (json!({"patterns": vec!["a"; 65]}), "patterns"),
        (json!({"budget": "1"}), "budget"),
        (json!({"budget": "1h"}), "budget"),
        (json!({"backup": true}), "backup"),
        (json!({"server": "elsewhere"}), "server"),
        (json!({"confirm": "x"}), "confirm"),
        (json!({"kind": "restore"}), "from_job"),
        (
            json!({"kind": "restore", "from_job": JobId::of(1, 1)}),
            "from_job",
        ),
        (json!({"kind": "reindex"}), "index"),
        (
            json!({"kind": "reindex", "patterns": ["carts"], "dry_run": true}),
            "dry_run",
        ),
    ];
    for (more, field) in wrong {
        let (spec, confirm) = body(more.clone())
            .expect("a body")
            .into_parts()
            .expect("parts");
        let (kind, text) = desk.refused(&admin(), &spec, confirm.as_deref()).await;
        assert_eq!(kind, JobErrorKind::Invalid, "{more}: {text}");
        assert!(text.contains(field), "{more}: {text}");
    }
    let empty = body(json!({"server": ""})).expect("a body").into_parts();
    assert!(empty.is_err(), "an empty name is not the only one");
    let reindex = JobSpec::new(JobKind::Reindex, "", vec!["carts".to_owned()]);
    assert_eq!(
        desk.create(&admin(), reindex)
            .await
            .expect("made")
            .spec
            .server,
        "default"
    );
    let all = JobSpec::new(JobKind::Stats, "", Vec::new());
    assert!(
        desk.create(&operator(), all).await.is_ok(),
        "stats of all keys"
    );
    desk.servers.set("second", Some(identity("second")));
    let (_, text) = desk
        .refused(
            &admin(),
            &JobSpec::new(JobKind::Count, "", vec!["a:*".to_owned()]),
            None,
        )
        .await;
    assert!(text.contains("several"), "{text}");
}

#[tokio::test]
async fn no_more_wait_than_may_and_no_more_are_kept_than_may() {
    let settings = JobSettings {
        waiting: 3,
        history: 2,
        ..JobSettings::default()
    };
    let desk = Desk::new(settings).await;
    let count = || JobSpec::new(JobKind::Count, "", vec!["a:*".to_owned()]);
    for _ in 0..3 {
        desk.create(&operator(), count()).await.expect("made");
    }
    let (kind, text) = desk.refused(&operator(), &count(), None).await;
    assert!(kind == JobErrorKind::Full && text.contains('3'), "{text}");
    for _ in 0..6 {
        desk.run(Outcome::Done, 0).await;
        desk.create(&operator(), count()).await.expect("made");
    }
    let listed = desk
        .service
        .list(&JobFilter::default(), 1_000)
        .await
        .expect("a list");
    assert_eq!(listed.jobs.len(), 5, "three wait, two are kept");
    assert!(
        listed.jobs.is_sorted_by(|one, next| one.id > next.id),
        "newest first"
    );
}

#[tokio::test]
async fn a_restore_needs_the_backup_of_a_delete_that_has_ended() {
    let desk = Desk::new(JobSettings::default()).await;
    let spec = JobSpec {
        backup: true,
        ..delete("a:*")
    };
    let (plan, token) = desk.plan(&admin(), &spec).await;
    let restore = |from: &JobId| JobSpec {
        from_job: Some(from.clone()),
        ..JobSpec::new(JobKind::Restore, "", Vec::new())
    };
    let (kind, text) = desk.refused(&admin(), &restore(&plan.id), None).await;
    assert!(
        kind == JobErrorKind::Conflict && text.contains("no backup"),
        "{text}"
    );
    let made = desk
        .service
        .create(&admin(), spec, Some(&token))
        .await
        .expect("made");
    let held = desk
        .store
        .claim("runner", limits::JOB_LEASE, 9)
        .await
        .expect("done")
        .expect("one");
    let beat = Beat {
        has_backup: true,
        ..Beat::default()
    };
    desk.store
        .heartbeat(&held.id, held.lease, &beat, limits::JOB_LEASE)
        .await
        .expect("done");
    let (_, text) = desk.refused(&admin(), &restore(&made.id), None).await;
    assert!(text.contains("not ended"), "{text}");
    let finish = Finish::new(Leave::Ended(Outcome::Done));
    desk.store
        .finish(&held.id, held.lease, &finish)
        .await
        .expect("done")
        .expect("held");
    desk.servers.set("second", Some(identity("second")));
    let restored = desk
        .create(&admin(), restore(&made.id))
        .await
        .expect("made");
    assert_eq!(restored.spec.server, "default", "where it was deleted");
    let elsewhere = JobSpec {
        server: "second".to_owned(),
        ..restore(&made.id)
    };
    assert_eq!(
        desk.refused(&admin(), &elsewhere, None).await.0,
        JobErrorKind::Invalid
    );
}

#[tokio::test]
async fn a_job_that_was_held_goes_on_where_somebody_says_so() {
    let desk = Desk::new(JobSettings::default()).await;
    let count = JobSpec::new(JobKind::Count, "", vec!["a:*".to_owned()]);
    let made = desk.create(&operator(), count).await.expect("made");
    let held = desk
        .store
        .claim("runner", limits::JOB_LEASE, 9)
        .await
        .expect("done")
        .expect("one");
    let finish = Finish {
        reason: Some("another process".to_owned()),
        ..Finish::new(Leave::Held)
    };
    desk.store
        .finish(&held.id, held.lease, &finish)
        .await
        .expect("done")
        .expect("held");
    desk.servers.change(|it| it.run_id = "second".to_owned());
    let view = desk.service.get(&made.id).await.expect("there");
    let view = desk.service.view(&view, &operator());
    assert_eq!(
        (view.state, view.reason.as_deref()),
        (JobState::Paused, Some("another process"))
    );
    let resumed = desk
        .service
        .resume(&operator(), &made.id)
        .await
        .expect("done");
    let run_id = resumed.identity.map(|identity| identity.run_id);
    assert_eq!(
        (resumed.state, run_id.as_deref()),
        (JobState::Waiting, Some("second"))
    );
    let nothing = desk
        .service
        .patch(&operator(), &made.id, &JobPatch::default())
        .await;
    assert_eq!(nothing.expect_err("refused").kind(), JobErrorKind::Invalid);
    let slower = JobPatch {
        budget: Some("250us".to_owned()),
        state: Some(WantedState::Paused),
    };
    let paused = desk
        .service
        .patch(&operator(), &made.id, &slower)
        .await
        .expect("done");
    assert_eq!(
        (paused.state, paused.spec.budget.as_deref()),
        (JobState::Paused, Some("250us"))
    );
    let running = JobPatch {
        state: Some(WantedState::Running),
        ..JobPatch::default()
    };
    let waiting = desk
        .service
        .patch(&operator(), &made.id, &running)
        .await
        .expect("done");
    assert_eq!(waiting.state, JobState::Waiting);
    let done = desk.run(Outcome::Done, 0).await;
    let again = desk
        .service
        .resume(&operator(), &done.id)
        .await
        .expect_err("refused");
    assert_eq!(again.kind(), JobErrorKind::Conflict);
    let missing = desk
        .service
        .resume(&operator(), &JobId::of(1, 1))
        .await
        .expect_err("refused");
    assert_eq!(missing.kind(), JobErrorKind::NotFound);
}

#[tokio::test]
async fn a_view_has_the_contract_s_fields_and_no_credentials() {
    let desk = Desk::new(JobSettings::default()).await;
    let (plan, token) = desk.plan(&admin(), &delete("a:*")).await;
    let view = serde_json::to_value(desk.service.view(&plan, &admin())).expect("JSON");
    let expected = json!({
        "id": plan.id, "kind": "delete", "server": "default", "state": "planned", "dry_run": true,
        "progress": {}, "result": {"would_delete": 105}, "confirm": token, "patterns": ["a:*"],
        "created_at": "2023-11-14T22:13:20.000000Z", "backup": false, "has_backup": false, "restarts": 0,
    });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&view[field], value, "{field}");
    }
    for hidden in ["holder", "lease", "key", "identity"] {
        assert!(view.get(hidden).is_none(), "{hidden}");
    }
}
