//! The cache behind a long way: each answer comes in time; all that a connection begins with, together, does not.

use std::sync::Arc;
use std::time::Duration;

use keypace::{ConnectOptions, Namespace, Target};
use keypace_lab::Delay;
use keypace_server::sessions::{NewSession, RedisStore, SessionService, SqlWithCache};

use super::{id, keys, owner, servers, sqlite};

/// Half of it is the way there.
const ROUND_TRIP: Duration = Duration::from_millis(80);
/// Within so many writes the cache is to be of use.
const WRITES: usize = 20;

#[tokio::test]
async fn a_cache_that_is_far_away_is_connected_to_and_used() {
    for server in servers() {
        let relay = Delay::start(server.endpoint(), ROUND_TRIP / 2).expect("a relay");
        let folder = tempfile::tempdir().expect("a folder");
        let target = Target::parse(&relay.url()).expect("a URL");
        let namespace = Namespace::new("session-cache").expect("a name");
        let store = RedisStore::new(target, ConnectOptions::default(), namespace, keys());
        let source = SqlWithCache::open(sqlite(&folder).await, keys()).await;
        let source = source.expect("opened").with_cache(Arc::new(store)).await;
        let service = SessionService::sql_with_cache(source.expect("allowed"));
        let one = owner("one");
        for number in 0..WRITES {
            let new = NewSession::new("m").with_id(id(&format!("s{number}")));
            service.create(&one, new).await.expect("SQL is the truth");
        }
        let counts = service.counts().cache;
        assert!(
            counts.writes > 0,
            "{}: {counts:?}",
            server.program().label()
        );
    }
}
