//! That a delete is made only as it was planned: once, by the same key, over the same keys, on the same server.

use chrono::TimeDelta;

use crate::access::{Caller, KeyId};
use crate::jobs::id::JobId;
use crate::jobs::problem::JobErrorKind;
use crate::jobs::service::JobSettings;
use crate::jobs::service::tests::{Desk, admin, delete, identity, operator};
use crate::jobs::spec::JobSpec;
use crate::servers::Identity;

type Change = fn(&mut Identity);

#[tokio::test]
async fn a_delete_is_made_once_with_what_its_dry_run_gave() {
    let desk = Desk::new(JobSettings::default()).await;
    let spec = delete("session:*");
    let (kind, text) = desk.refused(&admin(), &spec, None).await;
    assert_eq!(kind, JobErrorKind::Conflict);
    assert!(text.contains("dry_run"), "{text}");
    let (plan, token) = desk.plan(&admin(), &spec).await;
    let made = desk
        .service
        .create(&admin(), spec.clone(), Some(&token))
        .await
        .expect("made");
    assert_eq!(
        (made.max_delete, made.confirms.as_ref()),
        (Some(115), Some(&plan.id)),
        "105 and a tenth, rounded down"
    );
    assert_eq!(made.identity, Some(identity("default")));
    assert_eq!(made.spec.server, "default");
    let (kind, text) = desk.refused(&admin(), &spec, Some(&token)).await;
    assert_eq!(kind, JobErrorKind::Conflict);
    assert!(text.contains("already"), "{text}");
    let plan = desk.service.get(&plan.id).await.expect("there");
    assert_eq!(
        desk.service.view(&plan, &admin()).confirm,
        None,
        "it is not shown again"
    );
}

#[tokio::test]
async fn a_token_is_worth_nothing_to_others_for_other_keys_or_later() {
    let desk = Desk::new(JobSettings::default()).await;
    let spec = delete("session:*");
    let (plan, token) = desk.plan(&admin(), &spec).await;
    assert_eq!(
        desk.service.view(&plan, &operator()).confirm,
        None,
        "another key does not see it"
    );
    let other = Caller {
        key: KeyId::new("k_other"),
        ..admin()
    };
    let wider = delete("*ession:*");
    let backed = JobSpec {
        backup: true,
        ..spec.clone()
    };
    let mut filtered = spec.clone();
    filtered.filters.limit = 5;
    let ask = [
        (&other, &spec, token.clone(), "another key"),
        (&admin(), &wider, token.clone(), "other patterns"),
        (&admin(), &backed, token.clone(), "other backup"),
        (&admin(), &filtered, token.clone(), "other filters"),
        (&admin(), &spec, "nonsense".to_owned(), "confirms nothing"),
        (&admin(), &spec, format!("{}.", plan.id), "confirms nothing"),
        (&admin(), &spec, format!("{token}A"), "confirms nothing"),
        (
            &admin(),
            &spec,
            format!("{}.AAAA", JobId::of(1, 1)),
            "not kept",
        ),
    ];
    for (caller, spec, token, part) in ask {
        let (kind, text) = desk.refused(caller, spec, Some(&token)).await;
        assert_eq!(kind, JobErrorKind::Conflict, "{text}");
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, text) = desk.refused(&operator(), &spec, Some(&token)).await;
    assert!(text.contains("admin"), "{text}");
    desk.pass(TimeDelta::minutes(15));
    let (_, text) = desk.refused(&admin(), &spec, Some(&token)).await;
    assert!(text.contains("15 minutes"), "{text}");
    assert_eq!(desk.service.view(&plan, &admin()).confirm, None);
    desk.pass(-TimeDelta::seconds(1));
    let made = desk.service.create(&admin(), spec, Some(&token)).await;
    assert!(made.is_ok(), "nothing above used it up: {made:?}");
}

#[tokio::test]
async fn a_token_is_bound_to_the_server_that_was_counted() {
    let desk = Desk::new(JobSettings::default()).await;
    let spec = delete("session:*");
    let (_, token) = desk.plan(&admin(), &spec).await;
    let others: [(Change, &str); 3] = [
        (|it| it.run_id.push('2'), "another process"),
        (|it| it.database = 1, "another database"),
        (|it| it.address.push('0'), "another address"),
    ];
    for (change, part) in others {
        desk.servers.set("default", Some(identity("default")));
        desk.servers.change(change);
        let (kind, text) = desk.refused(&admin(), &spec, Some(&token)).await;
        assert!(
            kind == JobErrorKind::Conflict && text.contains(part),
            "{part}: {text}"
        );
    }
    desk.servers.set("default", None);
    let (kind, _) = desk.refused(&admin(), &spec, Some(&token)).await;
    assert_eq!(kind, JobErrorKind::Unavailable);
    desk.servers.set("default", Some(identity("default")));
    desk.servers.set("other", Some(identity("default")));
    let elsewhere = JobSpec {
        server: "other".to_owned(),
        ..spec.clone()
    };
    let (_, text) = desk.refused(&admin(), &elsewhere, Some(&token)).await;
    assert!(text.contains("server"), "{text}");
    let named = JobSpec {
        server: "default".to_owned(),
        ..spec
    };
    assert!(
        desk.service
            .create(&admin(), named, Some(&token))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_pattern_that_matches_everything_needs_a_word_more() {
    let desk = Desk::new(JobSettings::default()).await;
    let spec = delete("*");
    let (_, token) = desk.plan(&admin(), &spec).await;
    let (kind, text) = desk.refused(&admin(), &spec, Some(&token)).await;
    assert!(
        kind == JobErrorKind::Conflict && text.contains("`all`"),
        "{text}"
    );
    let all = JobSpec { all: true, ..spec };
    assert!(
        desk.service
            .create(&admin(), all, Some(&token))
            .await
            .is_ok()
    );
}
