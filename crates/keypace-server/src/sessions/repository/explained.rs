//! That pages come out of the index, in its order: what both databases say of the statements that are really sent.

use sqlx::{AssertSqlSafe, Row};

use crate::sessions::repository::rows::{AFTER, COUNT, GET, PAGE};
use crate::sessions::repository::tests::{postgres, session, tag};
use crate::sessions::repository::{PostgresRepository, Repository, SqliteRepository};

const INDEX: &str = "keypace_sessions_by_created";

#[tokio::test]
async fn sqlite_reads_pages_out_of_the_index_and_sorts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = SqliteRepository::open(folder.path().join("sessions.db")).await;
    let repository = repository.expect("opened");
    let plan = async |statement: &str| {
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(sql)
            .bind("o")
            .bind(5)
            .bind("a")
            .bind(20)
            .fetch_all(&repository.pool);
        let rows = rows.await.expect("a plan");
        let lines: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        lines.join("\n")
    };
    for (statement, bounds) in [(PAGE, "(owner=?)"), (AFTER, "(owner=? AND created_us<?)")] {
        let plan = plan(statement).await;
        assert!(
            plan.contains(&format!("USING INDEX {INDEX} {bounds}")),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
    let count = plan(COUNT).await;
    assert!(
        count.contains("(owner=?)") && count.contains("SEARCH"),
        "{count}"
    );
    let get = plan(GET).await;
    assert!(get.contains("PRIMARY KEY (owner=? AND id=?)"), "{get}");
}

#[tokio::test]
async fn postgres_reads_pages_out_of_the_index_and_sorts_nothing() {
    let Some(postgres) = postgres() else { return };
    let repository = PostgresRepository::connect(&postgres.url())
        .await
        .expect("connected");
    let filled = "INSERT INTO keypace_sessions (owner, id, version, model, status, created_us, updated_us) \
        SELECT 'owner' || n % 20, 'id' || n, 1, 'm', 'active', n, n FROM generate_series(1, 40000) AS n";
    for statement in [filled, "ANALYZE keypace_sessions"] {
        sqlx::query(statement)
            .execute(&repository.pool)
            .await
            .expect("done");
    }
    let plan = async |statement: &str, values: [&str; 4]| {
        let mut sql = format!("EXPLAIN {statement}");
        for (number, value) in (1..).zip(values) {
            sql = sql.replace(&format!("${number}"), value);
        }
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&repository.pool);
        let rows = rows.await.expect("a plan");
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        lines.join("\n")
    };
    let page = plan(PAGE, ["'owner3'", "20", "100", ""]).await;
    let after = plan(AFTER, ["'owner3'", "30000", "'id29983'", "20"]).await;
    for plan in [&page, &after] {
        assert!(
            plan.contains(&format!("Index Scan using {INDEX}")),
            "{plan}"
        );
        assert!(!plan.contains("Sort"), "{plan}");
    }
    assert!(after.contains("created_us <= 30000"), "{after}");
    let condition = after
        .lines()
        .find(|line| line.contains("Index Cond"))
        .unwrap_or_default();
    assert!(
        condition.contains("owner") && condition.contains("created_us"),
        "{after}"
    );
    let get = plan(GET, ["'owner3'", "'id3'", "", ""]).await;
    assert!(
        get.contains("Index Scan using keypace_sessions_pkey"),
        "{get}"
    );
    // The plan is of the table that the service writes.
    assert!(
        repository
            .insert(&tag("o"), &session("a", 1), 1)
            .await
            .expect("done")
    );
}
