//! Jobs over HTTP: started, listed, looked at, changed, resumed, and what can't be meant.

use serde_json::{Value, json};

use crate::world::{Who, World, key_count};

#[tokio::test]
async fn a_count_and_a_stats_job_come_to_their_end() {
    for world in World::each().await {
        world.seed("session:", 2_000);
        world.seed("other:", 500);
        let body = json!({"kind": "count", "patterns": ["session:*", "other:*"], "filters": {"types": ["string"]}});
        let id = world.start(Who::Operator, &body).await;
        let job = world.until(Who::Operator, &id, &["done"]).await;
        assert_eq!(
            (&job["kind"], &job["server"], &job["dry_run"]),
            (&json!("count"), &json!("default"), &json!(false))
        );
        let result = &job["result"];
        assert_eq!(
            (&result["matched"], &result["complete"]),
            (&json!(2_500), &json!(true)),
            "{job}"
        );
        assert_eq!(result["by_pattern"][0]["matched"], 2_000);
        assert!(job["progress"]["share"].as_f64().is_some(), "{job}");

        let id = world
            .start(Who::Operator, &json!({"kind": "stats", "patterns": []}))
            .await;
        let job = world.until(Who::Operator, &id, &["done"]).await;
        // The session cache has one of its own.
        assert_eq!(job["result"]["keys"], 2_501, "{job}");
        world.stop().await;
    }
}

#[tokio::test]
async fn jobs_are_listed_newest_first_page_by_page() {
    let world = World::any().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(
            world
                .start(
                    Who::Operator,
                    &json!({"kind": "count", "patterns": ["a:*"]}),
                )
                .await,
        );
    }
    for id in &made {
        world.until(Who::Operator, id, &["done"]).await;
    }
    made.reverse();
    let ids = |page: &Value| -> Vec<String> {
        let jobs = page["jobs"].as_array().expect("jobs");
        jobs.iter()
            .map(|job| job["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let mut listed = Vec::new();
    let mut path = "/v1/jobs?limit=2&state=done&kind=count".to_owned();
    loop {
        let page = world.get(Who::Admin, &path).await.json();
        listed.extend(ids(&page));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/jobs?limit=2&state=done&kind=count&before={next}");
    }
    assert_eq!(listed, made);
    assert!(ids(&world.get(Who::Admin, "/v1/jobs?kind=delete").await.json()).is_empty());
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "state=gone",
        "kind=all",
        "before=1",
        "page=2",
        "before=",
    ] {
        let reply = world.get(Who::Admin, &format!("/v1/jobs?{query}")).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_job_is_paused_slowed_resumed_and_cancelled() {
    let world = World::any().await;
    world.seed("session:", 100_000);
    let plan = world.plan(Who::Admin, "session:*").await;
    let body = json!({"kind": "delete", "patterns": ["session:*"], "confirm": plan["confirm"], "budget": "50us"});
    let id = world.start(Who::Admin, &body).await;
    let path = format!("/v1/jobs/{id}");
    world.until(Who::Admin, &id, &["running"]).await;
    let change = async |change: Value| {
        let reply = world.ask(Who::Admin, "PATCH", &path, Some(&change)).await;
        assert_eq!(reply.status, 200, "{change}: {}", reply.text());
        reply.json()
    };
    change(json!({"state": "paused"})).await;
    let paused = world.until(Who::Admin, &id, &["paused"]).await;
    let mut raw = world.raw();
    let left = key_count(&mut raw);
    assert!(left > 0, "it was over before it could be paused: {paused}");
    let slowed = change(json!({"budget": "60us"})).await;
    assert_eq!(slowed["budget"], "60us");
    let resumed = world
        .ask(Who::Admin, "POST", &format!("{path}/resume"), None)
        .await;
    assert_eq!(resumed.status, 202, "{}", resumed.text());
    world.until(Who::Admin, &id, &["running"]).await;
    change(json!({"state": "cancelled"})).await;
    let job = world.until(Who::Admin, &id, &["cancelled"]).await;
    let left = key_count(&mut raw);
    assert_eq!(
        job["result"]["deleted"].as_i64().expect("a count") + left,
        100_000,
        "{job}"
    );
    for order in [
        json!({"state": "paused"}),
        json!({"state": "running"}),
        json!({"budget": "1ms"}),
    ] {
        let reply = world.ask(Who::Admin, "PATCH", &path, Some(&order)).await;
        assert_eq!(reply.status, 409, "{order}: {}", reply.text());
    }
    world.stop().await;
}

#[tokio::test]
async fn what_was_deleted_with_a_backup_is_brought_back() {
    let world = World::any().await;
    world.seed("session:", 500);
    let body =
        json!({"kind": "delete", "patterns": ["session:*"], "dry_run": true, "backup": true});
    let id = world.start(Who::Admin, &body).await;
    let plan = world.until(Who::Admin, &id, &["planned"]).await;
    let body = json!({"kind": "delete", "patterns": ["session:*"], "backup": true, "confirm": plan["confirm"]});
    let id = world.start(Who::Admin, &body).await;
    let job = world.until(Who::Admin, &id, &["done"]).await;
    assert_eq!(
        (&job["has_backup"], &job["result"]["deleted"]),
        (&json!(true), &json!(500)),
        "{job}"
    );
    let body = json!({"kind": "restore", "patterns": [], "from_job": id});
    let restore = world.start(Who::Admin, &body).await;
    let job = world.until(Who::Admin, &restore, &["done"]).await;
    assert_eq!(job["result"]["restored"], 500, "{job}");
    let mut raw = world.raw();
    assert_eq!(key_count(&mut raw), 500);
    world.stop().await;
}

#[tokio::test]
async fn what_can_t_be_a_job_is_400_and_says_which_field() {
    let world = World::any().await;
    for (body, field) in [
        (json!({}), "kind"),
        (json!({"kind": "count"}), "patterns"),
        (json!({"patterns": ["a:*"]}), "kind"),
        (json!({"kind": "flush", "patterns": ["a:*"]}), "flush"),
        (json!({"kind": "count", "patterns": []}), "pattern"),
        (json!({"kind": "count", "patterns": [""]}), "pattern"),
        (json!({"kind": "count", "patterns": "a:*"}), "patterns"),
        (json!({"kind": "count", "patterns": [7]}), "patterns"),
        (
            json!({"kind": "count", "patterns": ["a:*"], "force": true}),
            "force",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "cache": "images"}),
            "cache",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "filters": {"ttl": "some"}}),
            "filters.ttl",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "filters": {"tll": "has"}}),
            "tll",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "filters": {"idle_over": "30"}}),
            "idle_over",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "filters": {"limit": -1}}),
            "limit",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "budget": "fast"}),
            "budget",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "budget": "-1ms"}),
            "budget",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "server": "other"}),
            "server",
        ),
        (
            json!({"kind": "count", "patterns": ["a:*"], "confirm": "x"}),
            "confirm",
        ),
        (json!({"kind": "restore", "patterns": []}), "from_job"),
        (
            json!({"kind": "restore", "patterns": [], "from_job": "1"}),
            "from_job",
        ),
        (json!({"kind": "reindex", "patterns": ["none"]}), "patterns"),
        (json!(null), "body"),
        (json!([{"kind": "count"}]), "body"),
    ] {
        let reply = world.post(Who::Admin, "/v1/jobs", &body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
        assert!(reply.detail().contains(field), "{body}: {}", reply.detail());
    }
    let id = world
        .start(Who::Admin, &json!({"kind": "count", "patterns": ["a:*"]}))
        .await;
    world.until(Who::Admin, &id, &["done"]).await;
    let path = format!("/v1/jobs/{id}");
    for body in [
        json!({}),
        json!({"state": "done"}),
        json!({"state": null, "budget": null}),
        json!({"priority": 1}),
        json!({"budget": "1 parsec"}),
    ] {
        let reply = world.ask(Who::Admin, "PATCH", &path, Some(&body)).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
    }
    for id in [
        "1",
        "00000000010000000000000002",
        "..%2f..%2fetc",
        "%00",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    ] {
        for (method, path) in [
            ("GET", format!("/v1/jobs/{id}")),
            ("POST", format!("/v1/jobs/{id}/resume")),
        ] {
            let reply = world.ask(Who::Admin, method, &path, None).await;
            assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
        }
    }
    world.stop().await;
}
