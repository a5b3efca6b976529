//! Confirm tokens: what a dry run gives is good for that delete, by that key, on that server, once.

use serde_json::{Value, json};

use crate::world::{Who, World, key_count};

fn confirmed(patterns: &[&str], confirm: &Value) -> Value {
    json!({"kind": "delete", "patterns": patterns, "confirm": confirm})
}

#[tokio::test]
async fn a_delete_is_planned_confirmed_and_carried_out_once() {
    for world in World::each().await {
        world.seed("session:", 3_000);
        world.seed("other:", 100);
        let body = json!({"kind": "delete", "patterns": ["session:*"]});
        let reply = world.post(Who::Admin, "/v1/jobs", &body).await;
        assert_eq!(reply.status, 409, "{}", reply.text());
        let plan = world.plan(Who::Admin, "session:*").await;
        assert_eq!(
            (&plan["dry_run"], &plan["result"]["would_delete"]),
            (&json!(true), &json!(3_000))
        );
        let token = &plan["confirm"];
        assert!(token.is_string(), "{plan}");

        let body = confirmed(&["session:*"], token);
        let id = world.start(Who::Admin, &body).await;
        let job = world.until(Who::Admin, &id, &["done"]).await;
        assert_eq!(
            (&job["result"]["deleted"], &job["result"]["complete"]),
            (&json!(3_000), &json!(true))
        );
        assert_eq!(job.get("confirm"), None, "{job}");

        let reply = world.post(Who::Admin, "/v1/jobs", &body).await;
        assert_eq!(reply.status, 409, "used: {}", reply.text());
        let path = format!("/v1/jobs/{}", plan["id"].as_str().expect("an id"));
        let again = world.get(Who::Admin, &path).await.json();
        assert_eq!(again.get("confirm"), None, "a used token is shown no more");
        let mut raw = world.raw();
        assert_eq!(key_count(&mut raw), 100);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_token_is_good_for_nothing_else_and_for_nobody_else() {
    let world = World::any().await;
    world.seed("session:", 50);
    let plan = world.plan(Who::Admin, "session:*").await;
    let (token, id) = (plan["confirm"].clone(), plan["id"].as_str().expect("an id"));
    let text = token.as_str().expect("a token");
    // Nobody else is shown it.
    for who in [Who::Admin2, Who::Operator] {
        let seen = world.get(who, &format!("/v1/jobs/{id}")).await.json();
        assert_eq!(
            (seen.get("confirm"), &seen["state"]),
            (None, &json!("planned"))
        );
        let listed = world.get(who, "/v1/jobs").await.json();
        assert_eq!(listed["jobs"][0].get("confirm"), None, "{listed}");
    }
    let reply = world
        .post(Who::Admin2, "/v1/jobs", &confirmed(&["session:*"], &token))
        .await;
    assert_eq!(reply.status, 409, "foreign: {}", reply.text());
    let other = world.plan(Who::Admin, "other:*").await;
    let swapped = format!(
        "{id}.{}",
        other["confirm"]
            .as_str()
            .and_then(|text| text.split('.').nth(1))
            .unwrap_or("")
    );
    let cut = &text[..text.len() - 1];
    for (what, body) in [
        ("other patterns", confirmed(&["session:1*"], &token)),
        (
            "more patterns",
            confirmed(&["session:*", "other:*"], &token),
        ),
        ("another's", confirmed(&["session:*"], &other["confirm"])),
        ("swapped", confirmed(&["session:*"], &json!(swapped))),
        ("cut", confirmed(&["session:*"], &json!(cut))),
        ("empty", confirmed(&["session:*"], &json!(""))),
        ("an id", confirmed(&["session:*"], &json!(id))),
        (
            "nonsense",
            confirmed(&["session:*"], &json!("\u{0}.\u{ffff}")),
        ),
        (
            "a backup",
            json!({"kind": "delete", "patterns": ["session:*"], "confirm": token, "backup": true}),
        ),
        (
            "filters",
            json!({"kind": "delete", "patterns": ["session:*"], "confirm": token, "filters": {"ttl": "none"}}),
        ),
    ] {
        let reply = world.post(Who::Admin, "/v1/jobs", &body).await;
        assert!(
            matches!(reply.status, 400 | 409),
            "{what}: {} {}",
            reply.status,
            reply.text()
        );
        assert!(!reply.detail().is_empty(), "{what}");
    }
    let mut raw = world.raw();
    assert_eq!(key_count(&mut raw), 50, "nothing went");
    // None of that used it up.
    let job = world
        .start(Who::Admin, &confirmed(&["session:*"], &token))
        .await;
    world.until(Who::Admin, &job, &["done"]).await;
    assert_eq!(key_count(&mut raw), 0);
    world.stop().await;
}

#[tokio::test]
async fn a_delete_stops_at_a_tenth_above_its_plan() {
    let world = World::any().await;
    world.seed("session:", 1_000);
    let plan = world.plan(Who::Admin, "session:*").await;
    world.seed("session:late:", 1_000);
    let id = world
        .start(Who::Admin, &confirmed(&["session:*"], &plan["confirm"]))
        .await;
    let job = world
        .until(Who::Admin, &id, &["incomplete", "done", "failed"])
        .await;
    assert_eq!(job["state"], "incomplete", "{job}");
    let deleted = job["result"]["deleted"].as_u64().expect("a count");
    assert!((1..=1_100).contains(&deleted), "{deleted}");
    world.stop().await;
}

#[tokio::test]
async fn a_token_is_of_the_process_that_was_planned_on() {
    let mut world = World::any().await;
    world.seed("session:", 20);
    let plan = world.plan(Who::Admin, "session:*").await;
    world.server.restart().expect("restarted");
    let reply = world
        .post(
            Who::Admin,
            "/v1/jobs",
            &confirmed(&["session:*"], &plan["confirm"]),
        )
        .await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    world.stop().await;
}

#[tokio::test]
async fn everything_is_deleted_only_where_that_is_said() {
    let world = World::any().await;
    world.seed("session:", 20);
    let plan = world.plan(Who::Admin, "*").await;
    let reply = world
        .post(Who::Admin, "/v1/jobs", &confirmed(&["*"], &plan["confirm"]))
        .await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    let body = json!({"kind": "delete", "patterns": ["*"], "dry_run": true, "all": true});
    let id = world.start(Who::Admin, &body).await;
    let plan = world.until(Who::Admin, &id, &["planned"]).await;
    let body =
        json!({"kind": "delete", "patterns": ["*"], "confirm": plan["confirm"], "all": true});
    let id = world.start(Who::Admin, &body).await;
    let job = world.until(Who::Admin, &id, &["done"]).await;
    // The session cache had one of its own.
    assert_eq!(job["result"]["deleted"], 21);
    world.stop().await;
}
