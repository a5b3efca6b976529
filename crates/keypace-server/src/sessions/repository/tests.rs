//! What a repository promises, held against both databases.

use chrono::DateTime;
use keypace::{Owner, OwnerKeys, RecordId, Tag};
use keypace_lab::{OwnedPostgres, PostgresProgram};

use crate::sessions::model::{NewSession, Session, SessionChange, Status};
use crate::sessions::repository::{PostgresRepository, Repository, SqliteRepository, Window};

/// A PostgreSQL of the test's own. Where there is none that is said; under `CI=true` it is a failure.
pub(super) fn postgres() -> Option<OwnedPostgres> {
    match PostgresProgram::find() {
        Ok(program) => Some(OwnedPostgres::start(&program).expect("a PostgreSQL")),
        Err(error) => {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "{error:?}");
            println!("not run on PostgreSQL: {error:?}");
            None
        }
    }
}

pub(super) fn tag(name: &str) -> Tag {
    let keys = OwnerKeys::from_keys(vec![[7; 32]]).expect("a key");
    keys.tag(&Owner::new(name).expect("an owner"))
}

pub(super) fn session(id: &str, created_ms: i64) -> Session {
    let now = DateTime::from_timestamp_millis(created_ms).expect("a time");
    let new = NewSession::new("m").with_id(RecordId::new(id).expect("an id"));
    new.into_session(now).expect("allowed")
}

async fn ids(repository: &dyn Repository, owner: &Tag, window: Window, count: u32) -> Vec<String> {
    let listed = repository
        .list(owner, &window, count)
        .await
        .expect("a list");
    let ids = listed.sessions.into_iter();
    ids.map(|session| session.id.as_str().to_owned()).collect()
}

async fn keeps_what_it_is_told(repository: &dyn Repository) {
    let (one, other) = (tag("one"), tag("other"));
    let mut kept = session("a", 1_000);
    kept.total_cost_usd = Some(0.1 + 0.2);
    kept.parent_session_id = RecordId::new("p").ok();
    kept.total_turns = crate::limits::MAX_TOTAL_TURNS;
    assert!(repository.insert(&one, &kept, 5).await.expect("done"));
    assert!(
        !repository
            .insert(&one, &session("a", 9), 6)
            .await
            .expect("done"),
        "never over another"
    );
    assert!(
        repository
            .insert(&other, &session("a", 9), 7)
            .await
            .expect("done"),
        "another owner's"
    );
    let found = repository
        .get(&one, &kept.id)
        .await
        .expect("done")
        .expect("there");
    assert_eq!((&found.session, found.version), (&kept, 5));

    // The version goes on, whatever the clock says.
    let change = SessionChange::default().with_status(Status::Error);
    let earlier = repository
        .update(&one, &kept.id, &change, 3)
        .await
        .expect("done")
        .expect("there");
    assert_eq!(
        (earlier.version, earlier.session.updated_at),
        (6, kept.updated_at)
    );
    let later = DateTime::from_timestamp_micros(2_000_001).expect("a time");
    let all = SessionChange {
        model: Some("n".to_owned()),
        status: None,
        total_turns: Some(3),
        total_cost_usd: Some(None),
        parent_session_id: Some(None),
    };
    let updated = repository
        .update(&one, &kept.id, &all, 2_000_001)
        .await
        .expect("done")
        .expect("there");
    assert_eq!(updated.version, 2_000_001);
    let mut expected = earlier.session;
    all.apply(&mut expected, later);
    assert_eq!(updated.session, expected);
    let read = repository.get(&one, &kept.id).await.expect("done");
    assert_eq!(read, Some(updated));

    assert_eq!(
        repository.delete(&one, &kept.id).await.expect("done"),
        Some(2_000_001)
    );
    assert_eq!(repository.delete(&one, &kept.id).await.expect("done"), None);
    assert_eq!(repository.get(&one, &kept.id).await.expect("done"), None);
    assert_eq!(
        repository
            .update(&one, &kept.id, &change, 4)
            .await
            .expect("done"),
        None
    );
    assert!(
        repository
            .get(&other, &kept.id)
            .await
            .expect("done")
            .is_some()
    );
}

async fn lists_in_order(repository: &dyn Repository) {
    let owner = tag("lister");
    for (id, created_ms) in [
        ("b", 2),
        ("B", 2),
        ("a-", 2),
        ("a", 2),
        ("_", 2),
        ("old", 1),
        ("new", 3),
        ("0", -5),
    ] {
        assert!(
            repository
                .insert(&owner, &session(id, created_ms), 1)
                .await
                .expect("done")
        );
    }
    repository
        .insert(&tag("another"), &session("x", 4), 1)
        .await
        .expect("done");
    let all = ["new", "B", "_", "a", "a-", "b", "old", "0"];
    assert_eq!(ids(repository, &owner, Window::Offset(0), 100).await, all);
    assert_eq!(
        ids(repository, &owner, Window::Offset(2), 3).await,
        all[2..5]
    );
    assert!(
        ids(repository, &owner, Window::Offset(8), 3)
            .await
            .is_empty()
    );
    for (rank, id) in all.iter().enumerate() {
        let created_us = match *id {
            "new" => 3_000,
            "old" => 1_000,
            "0" => -5_000,
            _ => 2_000,
        };
        let behind = Window::After(created_us, RecordId::new(id).expect("an id"));
        assert_eq!(ids(repository, &owner, behind, 100).await, all[rank + 1..]);
    }
    // A place where nobody is.
    let gap = Window::After(2_000, RecordId::new("Z").expect("an id"));
    assert_eq!(ids(repository, &owner, gap, 2).await, ["_", "a"]);
    let change = SessionChange::default().with_total_turns(1);
    let id = RecordId::new("a").expect("an id");
    repository
        .update(&owner, &id, &change, 99_000_000)
        .await
        .expect("done");
    let listed = repository
        .list(&owner, &Window::Offset(0), 100)
        .await
        .expect("a list");
    let order: Vec<_> = listed
        .sessions
        .iter()
        .map(|session| session.id.as_str())
        .collect();
    assert_eq!(
        (order, listed.total),
        (all.to_vec(), 8),
        "an update moves nothing"
    );
    let part = repository.list(&owner, &Window::Offset(2), 3).await;
    let next = part.expect("a list").next.expect("more behind it");
    assert_eq!((next.created_ms(), next.id().as_str()), (2, "a-"));
    for (rank, count) in [(0, 8), (5, 3), (5, 100)] {
        let end = repository.list(&owner, &Window::Offset(rank), count).await;
        assert_eq!(end.expect("a list").next, None, "{rank} {count}");
    }
    let past = repository
        .list(&owner, &Window::Offset(1 << 40), 5)
        .await
        .expect("a list");
    assert_eq!((past.sessions.len(), past.total), (0, 8));
}

async fn keeps_the_state_of_the_whole(repository: &dyn Repository) {
    let first = repository.epoch().await.expect("done");
    assert_eq!(repository.next_epoch().await.expect("done"), first + 1);
    assert_eq!(repository.epoch().await.expect("done"), first + 1);
    assert_eq!(repository.keep_fingerprint("f1").await.expect("done"), "f1");
    assert_eq!(repository.keep_fingerprint("f2").await.expect("done"), "f1");
}

async fn check(repository: &dyn Repository) {
    keeps_what_it_is_told(repository).await;
    lists_in_order(repository).await;
    keeps_the_state_of_the_whole(repository).await;
}

#[tokio::test]
async fn sqlite_keeps_what_a_repository_promises() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    let repository = SqliteRepository::open(&path).await.expect("opened");
    check(&repository).await;
    drop(repository);
    let again = SqliteRepository::open(&path).await.expect("opened again");
    assert_eq!(again.keep_fingerprint("f3").await.expect("done"), "f1");
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("a file");
        let mode = entry.metadata().expect("its mode").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn postgres_keeps_what_a_repository_promises() {
    let Some(postgres) = postgres() else { return };
    // Processes that start at once bring the tables up to date together.
    let url = postgres.url();
    let (one, other) = tokio::join!(
        PostgresRepository::connect(&url),
        PostgresRepository::connect(&url)
    );
    check(&one.expect("connected")).await;
    let again = other.expect("connected too");
    assert_eq!(again.keep_fingerprint("f3").await.expect("done"), "f1");
}

#[tokio::test]
async fn a_url_that_can_t_be_read_shows_no_password() {
    let error = PostgresRepository::connect("postgres//u:secret@h")
        .await
        .expect_err("refused");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn concurrent_writers_of_sqlite_wait_for_one_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    let (one, other) = (
        SqliteRepository::open(&path).await,
        SqliteRepository::open(&path).await,
    );
    let (one, other) = (one.expect("opened"), other.expect("opened"));
    let owner = tag("busy");
    let (owner, change) = (&owner, SessionChange::default().with_total_turns(1));
    let shared = session("shared", 1);
    one.insert(owner, &shared, 1).await.expect("done");
    let writes = (0..60).map(|write| {
        let repository = if write % 2 == 0 { &one } else { &other };
        repository.update(owner, &shared.id, &change, 0)
    });
    for done in futures_util::future::join_all(writes).await {
        done.expect("done").expect("there");
    }
    let found = one
        .get(owner, &shared.id)
        .await
        .expect("done")
        .expect("there");
    assert_eq!(found.version, 61, "each is a version of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_brings_a_new_file_up_to_date_once_where_several_open_it_at_once() {
    for round in 0..10 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sessions.db");
        let opening = (0..6).map(|_| tokio::spawn(SqliteRepository::open(path.clone())));
        for opened in futures_util::future::join_all(opening).await {
            let opened = opened.expect("no panic");
            opened.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        }
    }
}
