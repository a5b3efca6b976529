//! Which owner keys open a database and a cache, and which are refused.

use std::sync::Arc;

use keypace::{ConnectOptions, Namespace, OwnerKeys, Target};
use keypace_server::sessions::{
    NewSession, PageRequest, PostgresRepository, RedisStore, Repository, SessionErrorKind,
    SessionService, SqlWithCache,
};

use super::{cache, id, ids, keys, over, owner, postgres, servers, sqlite};

/// The keys of [`keys`] after a rotation.
fn rotated() -> OwnerKeys {
    OwnerKeys::from_keys(vec![[3; 32], [4; 32]]).expect("keys")
}

fn others() -> OwnerKeys {
    OwnerKeys::from_keys(vec![[4; 32]]).expect("a key")
}

async fn refused(repository: &Arc<dyn Repository>, keys: OwnerKeys) {
    let opened = SqlWithCache::open(Arc::clone(repository), keys).await;
    let error = opened.err().expect("refused");
    assert_eq!(error.kind(), SessionErrorKind::KeysDiffer);
    assert!(error.to_string().contains("every list would be empty"));
}

async fn finds_its_sessions_after_a_rotation(repository: Arc<dyn Repository>) {
    let one = owner("one");
    let open = async |keys| {
        let source = SqlWithCache::open(Arc::clone(&repository), keys).await;
        SessionService::sql_with_cache(source.expect("opened"))
    };
    let before = open(keys()).await;
    let new = |name| NewSession::new("m").with_id(id(name));
    before.create(&one, new("a")).await.expect("made");
    let after = open(rotated()).await;
    after.create(&one, new("b")).await.expect("made");
    // Both at once, as while a new key file is brought from machine to machine.
    for service in [&before, &after] {
        let page = service.list(&one, &PageRequest::default()).await;
        let page = page.expect("a page");
        let mut listed = ids(&page);
        listed.sort_unstable();
        assert_eq!(listed, ["a", "b"]);
        service.get(&one, &id("b")).await.expect("found");
    }
    refused(&repository, others()).await;
}

#[tokio::test]
async fn keys_that_were_rotated_find_what_was_there_before() {
    let folder = tempfile::tempdir().expect("a folder");
    finds_its_sessions_after_a_rotation(sqlite(&folder).await).await;
    if let Some(postgres) = postgres() {
        let repository = PostgresRepository::connect(&postgres.url()).await;
        finds_its_sessions_after_a_rotation(Arc::new(repository.expect("connected"))).await;
    }
    // The other way round there are names that the older file does not give.
    let folder = tempfile::tempdir().expect("a folder");
    let repository = sqlite(&folder).await;
    let opened = SqlWithCache::open(Arc::clone(&repository), rotated()).await;
    opened.expect("opened");
    refused(&repository, keys()).await;
}

#[tokio::test]
async fn a_cache_of_other_owner_keys_is_refused_at_the_start() {
    for mut server in servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = sqlite(&folder).await;
        let service = over(&repository, &server).await;
        let new = NewSession::new("m").with_id(id("a"));
        service.create(&owner("one"), new).await.expect("made");

        let source = async || {
            let source = SqlWithCache::open(Arc::clone(&repository), keys()).await;
            source.expect("opened")
        };
        let target = Target::parse(&server.url()).expect("a URL");
        let namespace = Namespace::new("session-cache").expect("a name");
        let options = ConnectOptions::default();
        let wrong = RedisStore::new(target, options, namespace, others());
        let refused = source().await.with_cache(Arc::new(wrong)).await;
        let error = refused.err().expect("refused");
        assert_eq!(error.kind(), SessionErrorKind::KeysDiffer);
        assert!(error.to_string().contains("the cache"), "{error}");

        // A server that is away is no reason not to start.
        server.kill().expect("killed");
        let away = source().await.with_cache(cache(&server)).await;
        away.expect("allowed");
    }
}
