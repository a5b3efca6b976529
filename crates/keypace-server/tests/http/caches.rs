//! Named caches over HTTP: one request clears what the config names, and nothing else.

use serde_json::json;

use crate::world::{Who, World, key_count};

#[tokio::test]
async fn a_cache_is_cleared_and_counted_by_the_names_of_its_patterns() {
    for world in World::each().await {
        world.seed("image_proxy:", 300);
        world.seed("image_metadata:", 200);
        world.seed("image_other:", 10);
        let reply = world
            .ask(Who::Admin, "DELETE", "/v1/caches/images", None)
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let mut cleared = reply.json();
        assert!(cleared["elapsed_ms"].is_u64(), "{cleared}");
        cleared["elapsed_ms"] = json!(0);
        assert_eq!(
            cleared,
            json!({"name": "images", "deleted": {"images": 300, "metadata": 200}, "total": 500, "elapsed_ms": 0, "complete": true})
        );
        let mut raw = world.raw();
        assert_eq!(key_count(&mut raw), 10);
        // It was a job like any other.
        let jobs = world
            .get(Who::Operator, "/v1/jobs?kind=delete")
            .await
            .json();
        assert_eq!(
            (&jobs["jobs"][0]["cache"], &jobs["jobs"][0]["state"]),
            (&json!("images"), &json!("done"))
        );
        let again = world
            .ask(Who::Admin, "DELETE", "/v1/caches/images", None)
            .await
            .json();
        assert_eq!(
            (&again["total"], &again["complete"]),
            (&json!(0), &json!(true))
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn caches_are_listed_and_an_unknown_one_is_404() {
    let world = World::any().await;
    let caches = world.get(Who::Operator, "/v1/caches").await.json();
    let images = json!({
        "name": "images", "server": "default",
        "patterns": {"images": "image_proxy:*", "metadata": "image_metadata:*"},
    });
    assert_eq!(caches["caches"][0], images);
    assert_eq!(caches["caches"][1]["name"], "pages");
    assert_eq!(
        world.get(Who::Operator, "/v1/caches/images").await.json(),
        images
    );
    for (method, name) in [
        ("GET", "other"),
        ("DELETE", "other"),
        ("DELETE", "Images"),
        ("DELETE", "%2e%2e"),
        ("DELETE", "*"),
    ] {
        let reply = world
            .ask(Who::Admin, method, &format!("/v1/caches/{name}"), None)
            .await;
        assert_eq!(reply.status, 404, "{method} {name}: {}", reply.text());
    }
    world.stop().await;
}

/// A clearing runs as a delete: two at once come one after the other, and both are told the truth.
#[tokio::test]
async fn two_who_clear_at_once_delete_each_key_once() {
    let world = World::any().await;
    world.seed("page:", 4_000);
    let clear = || world.ask(Who::Admin, "DELETE", "/v1/caches/pages", None);
    let (one, other) = tokio::join!(clear(), clear());
    let total = |reply: &crate::line::Reply| reply.json()["total"].as_u64().expect("a count");
    assert_eq!(
        (one.status, other.status),
        (200, 200),
        "{} {}",
        one.text(),
        other.text()
    );
    assert_eq!(total(&one) + total(&other), 4_000);
    world.stop().await;
}
