//! The service over real databases and servers: both kinds of place side by side, and one of them away, slow or gone.

mod far_away;
mod keys;
mod outages;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use keypace::{
    ConnectOptions, Keyspace, Namespace, Owner, OwnerKeys, PutOptions, RecordId, Shelf, Target,
};
use keypace_lab::{OwnedPostgres, PostgresProgram};
use keypace_lab::{OwnedServer, Program, ServerOptions};
use keypace_server::sessions::{
    NewSession, PageRequest, PostgresRepository, RedisAlone, RedisStore, Repository, Session,
    SessionChange, SessionErrorKind, SessionPage, SessionService, SqlWithCache, SqliteRepository,
    Status,
};
use tempfile::TempDir;

fn servers() -> Vec<OwnedServer> {
    Program::find().expect("a server program");
    let start = |program| OwnedServer::start(program, ServerOptions::default()).expect("a server");
    Program::all().iter().map(start).collect()
}

fn postgres() -> Option<OwnedPostgres> {
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

fn keys() -> OwnerKeys {
    OwnerKeys::from_keys(vec![[3; 32]]).expect("a key")
}

fn owner(name: &str) -> Owner {
    Owner::new(name).expect("an owner")
}

fn id(name: &str) -> RecordId {
    RecordId::new(name).expect("an id")
}

fn cache(server: &OwnedServer) -> Arc<RedisStore> {
    let target = Target::parse(&server.url()).expect("a URL");
    let namespace = Namespace::new("session-cache").expect("a name");
    Arc::new(RedisStore::new(
        target,
        ConnectOptions::default(),
        namespace,
        keys(),
    ))
}

async fn shelf(server: &OwnedServer) -> Shelf {
    let target = Target::parse(&server.url()).expect("a URL");
    let keyspace = Keyspace::connect(target, ConnectOptions::default())
        .await
        .expect("connected");
    let namespace = Namespace::new("session").expect("a name");
    Shelf::open(&keyspace, namespace, keys())
        .await
        .expect("opened")
}

async fn sqlite(folder: &TempDir) -> Arc<dyn Repository> {
    let path = folder.path().join("sessions.db");
    Arc::new(SqliteRepository::open(path).await.expect("opened"))
}

async fn over(repository: &Arc<dyn Repository>, server: &OwnedServer) -> SessionService {
    let source = SqlWithCache::open(Arc::clone(repository), keys())
        .await
        .expect("opened");
    let source = source.with_cache(cache(server)).await.expect("allowed");
    SessionService::sql_with_cache(source)
}

fn ids(page: &SessionPage) -> Vec<&str> {
    page.sessions
        .iter()
        .map(|session| session.id.as_str())
        .collect()
}

/// All pages, one after the other by cursor.
async fn all(service: &SessionService, owner: &Owner, size: u32) -> Vec<Session> {
    let mut request = PageRequest::page(1, size).expect("a page");
    let mut sessions = Vec::new();
    loop {
        let page = service.list(owner, &request).await.expect("a page");
        assert!(!page.stale && page.skipped == 0);
        sessions.extend(page.sessions);
        match page.next {
            Some(next) => request = PageRequest::after(next, size).expect("a page"),
            None => return sessions,
        }
    }
}

async fn does_what_a_service_promises(service: &SessionService) {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000_123));
    let clock = Arc::clone(&now);
    let service = service.clone().with_clock(move || {
        DateTime::from_timestamp_micros(clock.load(Ordering::Relaxed)).expect("a time")
    });
    let (one, other) = (owner("one"), owner("other*}:"));
    for (name, ms) in [("b", 0), ("a", 0), ("B", 0), ("new", 5), ("old", -7)] {
        now.store(1_700_000_000_000_123 + ms * 1000, Ordering::Relaxed);
        let made = service
            .create(&one, NewSession::new("m").with_id(id(name)))
            .await
            .expect("made");
        assert_eq!(
            service.get(&one, &id(name)).await.expect("found").session,
            made
        );
    }
    let taken = service
        .create(&one, NewSession::new("n").with_id(id("a")))
        .await
        .expect_err("taken");
    assert_eq!(taken.kind(), SessionErrorKind::Conflict);
    let others = service
        .create(&other, NewSession::new("n").with_id(id("a")))
        .await
        .expect("another owner's");
    assert_eq!(
        service
            .get(&one, &id("a"))
            .await
            .expect("found")
            .session
            .model,
        "m"
    );

    let order = ["new", "B", "a", "b", "old"];
    let first = service
        .list(&one, &PageRequest::page(1, 2).expect("a page"))
        .await
        .expect("a page");
    assert_eq!(
        (ids(&first), first.total, first.page, first.page_size),
        (order[..2].to_vec(), 5, Some(1), 2)
    );
    let third = service
        .list(&one, &PageRequest::page(3, 2).expect("a page"))
        .await
        .expect("a page");
    assert_eq!(
        (ids(&third), third.total, third.next.clone()),
        (order[4..].to_vec(), 5, None)
    );
    let past = service
        .list(&one, &PageRequest::page(4, 2).expect("a page"))
        .await
        .expect("a page");
    assert_eq!((ids(&past).len(), past.total, past.next), (0, 5, None));
    let listed = all(&service, &one, 2).await;
    assert_eq!(
        listed
            .iter()
            .map(|session| session.id.as_str())
            .collect::<Vec<_>>(),
        order
    );

    // An update moves nothing, and two that meet are both carried out.
    now.store(1_700_000_009_000_000, Ordering::Relaxed);
    let (a, change) = (id("a"), SessionChange::default());
    let turns = change.clone().with_total_turns(4);
    let cost = change
        .with_total_cost_usd(Some(0.1))
        .with_status(Status::Completed);
    let (turned, paid) = tokio::join!(
        service.update(&one, &a, &turns),
        service.update(&one, &a, &cost)
    );
    turned.expect("updated");
    paid.expect("updated");
    let found = service.get(&one, &a).await.expect("found").session;
    assert_eq!(
        (found.total_turns, found.total_cost_usd, found.status),
        (4, Some(0.1), Status::Completed)
    );
    assert_eq!(found.updated_at.timestamp_micros(), 1_700_000_009_000_000);
    let listed = all(&service, &one, 100).await;
    assert_eq!(
        listed
            .iter()
            .map(|session| session.id.as_str())
            .collect::<Vec<_>>(),
        order
    );
    assert_eq!(listed[2], found);

    service.delete(&one, &a).await.expect("deleted");
    for gone in [
        service.get(&one, &a).await.map(|_| ()),
        service.delete(&one, &a).await,
        service.update(&one, &a, &turns).await.map(|_| ()),
    ] {
        assert_eq!(gone.expect_err("gone").kind(), SessionErrorKind::NotFound);
    }
    assert_eq!(
        service.get(&other, &a).await.expect("found").session,
        others
    );
    let again = service
        .create(&one, NewSession::new("again").with_id(a.clone()))
        .await
        .expect("made again");
    assert_eq!(service.get(&one, &a).await.expect("found").session, again);
}

#[tokio::test]
async fn every_kind_of_place_does_what_a_service_promises() {
    let postgres = postgres();
    for server in servers() {
        let alone = SessionService::redis_alone(RedisAlone::new(shelf(&server).await));
        does_what_a_service_promises(&alone).await;
        let folder = tempfile::tempdir().expect("a folder");
        let repository = sqlite(&folder).await;
        does_what_a_service_promises(&over(&repository, &server).await).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let source = SqlWithCache::open(sqlite(&folder).await, keys())
        .await
        .expect("opened");
    does_what_a_service_promises(&SessionService::sql_with_cache(source)).await;
    if let Some(postgres) = &postgres {
        let repository = PostgresRepository::connect(&postgres.url())
            .await
            .expect("connected");
        let source = SqlWithCache::open(Arc::new(repository), keys())
            .await
            .expect("opened");
        does_what_a_service_promises(&SessionService::sql_with_cache(source)).await;
    }
}

#[tokio::test]
async fn other_owner_keys_are_refused_and_no_owner_stands_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = SqlWithCache::open(sqlite(&folder).await, keys())
        .await
        .expect("opened");
    let service = SessionService::sql_with_cache(source);
    service
        .create(&owner("sk-very-secret-key"), NewSession::new("m"))
        .await
        .expect("made");
    let others = OwnerKeys::generate_in_memory().expect("a key");
    let refused = SqlWithCache::open(sqlite(&folder).await, others)
        .await
        .err()
        .expect("refused");
    assert_eq!(refused.kind(), SessionErrorKind::KeysDiffer);
    drop(service);
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("a file").path();
        let bytes = std::fs::read(&path).expect("readable");
        let has_secret = bytes.windows(14).any(|window| window == b"sk-very-secret");
        assert!(!has_secret, "{}", path.display());
    }
}

/// What a rebuild brings over from an older layout: read leniently, listed without what can't be read, and an update keeps
/// the fields that are the application's own.
#[tokio::test]
async fn records_of_an_older_application_are_read_leniently_and_keep_its_fields() {
    for server in servers() {
        let shelf = shelf(&server).await;
        let one = owner("one");
        let old = r#"{"id":"old","model":"m","status":"paused","created_at":"2024-05-01 10:00:00",
            "updated_at":"2024-05-01","total_turns":"3","total_cost_usd":NaN,"owner_api_key":"one","notes":["x"]}"#;
        for (name, body, created_ms) in [
            ("old", old, 1_714_557_600_000),
            ("broken", "{}", 5),
            ("worse", "[", 6),
        ] {
            let options = PutOptions::default().with_created_ms(created_ms);
            shelf
                .put(&one, &id(name), body.into(), &options)
                .await
                .expect("written");
        }
        let service = SessionService::redis_alone(RedisAlone::new(shelf.clone()));
        let page = service
            .list(&one, &PageRequest::default())
            .await
            .expect("a page");
        assert_eq!((ids(&page), page.total, page.skipped), (vec!["old"], 3, 2));
        assert_eq!(
            page.sessions[0],
            service.get(&one, &id("old")).await.expect("found").session
        );
        assert_eq!(
            (page.sessions[0].total_turns, page.sessions[0].status),
            (3, Status::Active)
        );
        assert_eq!(
            service
                .get(&one, &id("broken"))
                .await
                .expect_err("none")
                .kind(),
            SessionErrorKind::NotFound
        );

        let change = SessionChange::default().with_total_cost_usd(Some(1.5));
        service
            .update(&one, &id("old"), &change)
            .await
            .expect("updated");
        let stored = shelf
            .get(&one, &id("old"))
            .await
            .expect("read")
            .expect("there");
        let fields: serde_json::Value = serde_json::from_slice(&stored.value).expect("JSON");
        assert_eq!(fields["notes"], serde_json::json!(["x"]));
        assert_eq!(
            (&fields["total_cost_usd"], &fields["total_turns"]),
            (&1.5.into(), &3.into())
        );
        assert_eq!(stored.created_ms, 1_714_557_600_000);
    }
}
