//! What others have done to a database: rows that are no sessions, users with fewer rights; and paths that are none.

use keypace::RecordId;
use sqlx::{AssertSqlSafe, Executor};

use crate::sessions::model::SessionChange;
use crate::sessions::problem::SessionErrorKind;
use crate::sessions::repository::tests::{postgres, session, tag};
use crate::sessions::repository::{PostgresRepository, Repository, SqliteRepository, Window};

/// Rows by their ids, from the newest to the oldest; each lacks something, but for `fine` and `odd`.
fn strange_rows() -> Vec<String> {
    let owner = tag("one");
    let rows = [
        "'future', 1, 'm', 'active', 9223372036854775807, 5",
        "'no id', 1, 'm', 'active', 90000, 90000",
        "'no-model', 1, '', 'active', 80000, 80000",
        "'fine', 1, 'm', 'active', 70000, 70000",
        "'no-update', 1, 'm', 'active', 60000, -9223372036854775807",
    ];
    let columns = "owner, id, version, model, status, created_us, updated_us";
    let mut statements: Vec<String> = rows
        .iter()
        .map(|row| format!("INSERT INTO keypace_sessions ({columns}) VALUES ('{owner}', {row})"))
        .collect();
    statements.push(format!(
        "INSERT INTO keypace_sessions ({columns}, total_turns, parent_session_id) VALUES \
         ('{owner}', 'odd', 1, 'm', 'active', 50000, 50000, 9223372036854775807, 'no id')"
    ));
    statements
}

async fn leaves_out_what_is_no_session(repository: &dyn Repository) {
    let owner = tag("one");
    let whole = repository.list(&owner, &Window::Offset(0), 20).await;
    let whole = whole.expect("a page");
    let ids = |sessions: &[crate::sessions::model::Session]| -> Vec<String> {
        let ids = sessions
            .iter()
            .map(|session| session.id.as_str().to_owned());
        ids.collect()
    };
    assert_eq!(ids(&whole.sessions), ["fine", "odd"]);
    assert_eq!((whole.total, whole.skipped, whole.next), (6, 4, None));
    let odd = &whole.sessions[1];
    assert_eq!((odd.total_turns, &odd.parent_session_id), (0, &None));

    // Page by page each is met once, by number and by cursor.
    for size in [2, 3, 4] {
        let (mut seen, mut skipped, mut window) = (Vec::new(), 0, Window::Offset(0));
        loop {
            let page = repository
                .list(&owner, &window, size)
                .await
                .expect("a page");
            seen.extend(ids(&page.sessions));
            skipped += page.skipped;
            let Some(next) = page.next else { break };
            window = Window::After(next.created_ms() * 1_000, next.id().clone());
        }
        if size > 2 {
            assert_eq!(
                (seen, skipped),
                (vec!["fine".to_owned(), "odd".to_owned()], 4)
            );
        } else {
            // A page of rows without any place in the order leads nowhere.
            assert_eq!((seen.len(), skipped), (0, 2));
        }
        let rows = (0..6).step_by(size as usize);
        let mut seen = Vec::new();
        for first in rows {
            let window = Window::Offset(first);
            let page = repository
                .list(&owner, &window, size)
                .await
                .expect("a page");
            seen.extend(ids(&page.sessions));
        }
        assert_eq!(seen, ["fine", "odd"]);
    }
    let id = RecordId::new("no-model").expect("an id");
    assert_eq!(repository.get(&owner, &id).await.expect("done"), None);
    let change = SessionChange::default().with_total_turns(1);
    let updated = repository.update(&owner, &id, &change, 9).await;
    assert_eq!(updated.expect("done"), None);
    let gone = repository.delete(&owner, &id).await.expect("done");
    assert!(gone.is_some(), "it can be deleted");
}

#[tokio::test]
async fn sqlite_fails_no_page_for_a_row_that_is_no_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = SqliteRepository::open(folder.path().join("sessions.db")).await;
    let repository = repository.expect("opened");
    for statement in strange_rows() {
        let written = repository.pool.execute(AssertSqlSafe(statement)).await;
        written.expect("written");
    }
    leaves_out_what_is_no_session(&repository).await;
}

#[tokio::test]
async fn postgres_fails_no_page_for_a_row_that_is_no_session() {
    let Some(postgres) = postgres() else { return };
    let repository = PostgresRepository::connect(&postgres.url()).await;
    let repository = repository.expect("connected");
    for statement in strange_rows() {
        let written = repository.pool.execute(AssertSqlSafe(statement)).await;
        written.expect("written");
    }
    leaves_out_what_is_no_session(&repository).await;
}

/// One user makes the tables, and another with no more rights than it takes uses them.
#[tokio::test]
async fn a_postgres_user_without_the_right_to_create_starts_where_all_is_there() {
    let Some(postgres) = postgres() else { return };
    let owner = PostgresRepository::connect(&postgres.url()).await;
    let owner = owner.expect("connected");
    for statement in [
        "CREATE ROLE app LOGIN PASSWORD 'app'",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON keypace_sessions TO app",
        "GRANT SELECT, UPDATE ON keypace_sessions_state TO app",
        "GRANT SELECT ON keypace_sessions_migrations TO app",
    ] {
        owner.pool.execute(statement).await.expect(statement);
    }
    let url = postgres.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let app_url = format!("{scheme}://app:app@{place}");
    let app = PostgresRepository::connect(&app_url).await;
    let app = app.expect("no table has to be made");
    let one = tag("one");
    let made = app.insert(&one, &session("a", 1), 1).await;
    assert!(made.expect("done"));
    assert_eq!(app.next_epoch().await.expect("done"), 2);
    assert_eq!(app.keep_fingerprint("f").await.expect("done"), "f");

    // Where something is to be made the user is refused, and so are tables of a newer version.
    let newer = "INSERT INTO keypace_sessions_migrations \
        (version, description, success, checksum, execution_time) VALUES (99, 'newer', true, '', 0)";
    owner.pool.execute(newer).await.expect("done");
    for url in [&url, &app_url] {
        let error = PostgresRepository::connect(url).await.expect_err("newer");
        assert_eq!(error.kind(), SessionErrorKind::Internal);
    }
}

#[tokio::test]
async fn memory_and_urls_are_no_paths_of_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [
        ":memory:",
        "sqlite::memory:",
        "sqlite://sessions.db",
        "file:sessions.db?mode=memory",
        "FILE:sessions.db",
        "",
    ] {
        let error = SqliteRepository::open(path).await.expect_err(path);
        assert_eq!(error.kind(), SessionErrorKind::Invalid, "{path}");
        assert!(error.to_string().contains("is kept in a file"), "{error}");
    }
    let odd = folder.path().join(":memory:");
    SqliteRepository::open(&odd)
        .await
        .expect("a file of that name");
    assert!(odd.is_file());
}
