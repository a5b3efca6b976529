//! Sessions over HTTP: whose they are comes from the key, and what is another's is not there, at the same cost.

use serde_json::{Value, json};

use crate::world::{Who, World};

async fn made(world: &World, who: Who, body: &Value) -> Value {
    let reply = world.post(who, "/v1/sessions", body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let session = reply.json();
    let place = format!("/v1/sessions/{}", session["id"].as_str().expect("an id"));
    assert_eq!(reply.header("location"), place);
    session
}

#[tokio::test]
async fn a_session_is_made_read_changed_listed_and_deleted() {
    for world in World::each().await {
        let session = made(
            &world,
            Who::Anna,
            &json!({"model": "m", "total_cost_usd": 0.5}),
        )
        .await;
        assert_eq!(
            (&session["status"], &session["total_turns"]),
            (&json!("active"), &json!(0))
        );
        let path = format!("/v1/sessions/{}", session["id"].as_str().expect("an id"));
        assert_eq!(world.get(Who::Anna, &path).await.json(), session);
        // Several keys may stand for one owner, of whatever scope.
        assert_eq!(world.get(Who::AnnaToo, &path).await.json(), session);
        assert_eq!(world.get(Who::AdminAnna, &path).await.json(), session);

        let change = json!({"status": "completed", "total_turns": 7, "total_cost_usd": null});
        let changed = world
            .ask(Who::Anna, "PATCH", &path, Some(&change))
            .await
            .json();
        assert_eq!(
            (
                &changed["status"],
                &changed["total_turns"],
                &changed["total_cost_usd"],
                &changed["model"]
            ),
            (&json!("completed"), &json!(7), &Value::Null, &json!("m"))
        );
        let again = world
            .post(
                Who::Anna,
                "/v1/sessions",
                &json!({"model": "m", "id": session["id"]}),
            )
            .await;
        assert_eq!(again.status, 409, "{}", again.text());

        for _ in 0..4 {
            made(&world, Who::Anna, &json!({"model": "m"})).await;
        }
        let first = world
            .get(Who::Anna, "/v1/sessions?page_size=3")
            .await
            .json();
        assert_eq!(
            (&first["total"], &first["page"], &first["page_size"]),
            (&json!(5), &json!(1), &json!(3))
        );
        assert_eq!(first["sessions"].as_array().map(Vec::len), Some(3));
        let after = first["next"].as_str().expect("a next page");
        let rest = world
            .get(
                Who::Anna,
                &format!("/v1/sessions?page_size=3&after={after}"),
            )
            .await
            .json();
        assert_eq!(
            (rest["sessions"].as_array().map(Vec::len), &rest["next"]),
            (Some(2), &Value::Null)
        );

        assert_eq!(
            world.ask(Who::Anna, "DELETE", &path, None).await.status,
            204
        );
        assert_eq!(world.get(Who::Anna, &path).await.status, 404);
        assert_eq!(
            world.ask(Who::Anna, "DELETE", &path, None).await.status,
            404
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn what_is_another_s_is_not_there() {
    let world = World::any().await;
    let session = made(
        &world,
        Who::Anna,
        &json!({"model": "m", "id": "shared-name"}),
    )
    .await;
    let path = "/v1/sessions/shared-name";
    let missing = "/v1/sessions/no-such-name";
    for (method, body) in [
        ("GET", None),
        ("PATCH", Some(json!({"total_turns": 9}))),
        ("DELETE", None),
    ] {
        let of_another = world.ask(Who::Ben, method, path, body.as_ref()).await;
        let of_nobody = world.ask(Who::Ben, method, missing, body.as_ref()).await;
        assert_eq!(
            (of_another.status, of_nobody.status),
            (404, 404),
            "{method}"
        );
        assert_eq!(of_another.body, of_nobody.body, "{method}");
    }
    assert_eq!(world.get(Who::Ben, "/v1/sessions").await.json()["total"], 0);
    // The same id is free for him.
    made(
        &world,
        Who::Ben,
        &json!({"model": "n", "id": "shared-name"}),
    )
    .await;
    assert_eq!(world.get(Who::Anna, path).await.json(), session);
    world.stop().await;
}

/// What Redis is asked for an id that is another's and for one that is nobody's: a difference in work is one in time.
#[tokio::test]
async fn what_is_another_s_costs_what_nothing_costs() {
    let world = World::any().await;
    made(&world, Who::Anna, &json!({"model": "m", "id": "hers"})).await;
    let mut raw = world.raw();
    let mut calls = || {
        let stats = raw.info("commandstats").expect("asked");
        let of = |name: &str| {
            let text = stats.get(&format!("cmdstat_{name}"))?;
            let calls = text.strip_prefix("calls=")?.split(',').next()?;
            calls.parse::<u64>().ok()
        };
        [
            "get", "mget", "hget", "hgetall", "evalsha", "eval", "fcall", "exists", "set",
        ]
        .map(|name| of(name).unwrap_or(0))
    };
    let mut costs = Vec::new();
    for path in [
        "/v1/sessions/warm-up",
        "/v1/sessions/hers",
        "/v1/sessions/nobodys",
    ] {
        let before = calls();
        for _ in 0..20 {
            assert_eq!(world.get(Who::Ben, path).await.status, 404);
        }
        let after = calls();
        costs.push(std::array::from_fn::<_, 9, _>(|at| after[at] - before[at]));
    }
    assert_eq!(costs[1], costs[2], "{costs:?}");
    world.stop().await;
}

#[tokio::test]
async fn what_a_session_or_a_page_can_t_be_is_400() {
    let world = World::any().await;
    for body in [
        json!({}),
        json!({"model": ""}),
        json!({"model": "m", "owner": "Ben"}),
        json!({"model": "m", "owner_api_key": "Ben"}),
        json!({"model": "m", "status": "gone"}),
        json!({"model": "m", "total_turns": -1}),
        json!({"model": "m", "total_turns": 9_007_199_254_740_992_u64}),
        json!({"model": "m", "id": "a b"}),
        json!({"model": "m", "parent_session_id": ""}),
        json!([]),
        json!("m"),
    ] {
        let reply = world.post(Who::Anna, "/v1/sessions", &body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
    }
    made(&world, Who::Anna, &json!({"model": "m", "id": "one"})).await;
    for body in [
        json!({"status": null}),
        json!({"model": null}),
        json!({"id": "two"}),
        json!({"total_turns": 0.5}),
    ] {
        let reply = world
            .ask(Who::Anna, "PATCH", "/v1/sessions/one", Some(&body))
            .await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
    }
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "page=1000001",
        "page_size=0",
        "page_size=101",
        "page=1&after=x",
        "after=x",
        "owner=Ben",
        "page=1&page=2",
        "page=",
        "page_size=99999999999999999999",
    ] {
        let reply = world.get(Who::Anna, &format!("/v1/sessions?{query}")).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text());
    }
    world.stop().await;
}

/// The value of a line of /metrics that begins so.
fn figure(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|own| own.strip_prefix(line));
    let found = found.unwrap_or_else(|| panic!("no {line} in {text}"));
    found.trim().parse().expect("a number")
}

#[tokio::test]
async fn what_lists_and_the_cache_did_stands_in_the_figures() {
    let world = World::with_sessions_in_redis("figures-alone").await;
    for _ in 0..3 {
        made(&world, Who::Anna, &json!({"model": "m"})).await;
    }
    for _ in 0..2 {
        let list = world.get(Who::Anna, "/v1/sessions").await;
        assert_eq!(list.json()["total"], 3);
    }
    let text = world.get(Who::Operator, "/metrics").await.text();
    let of = |name: &str| figure(&text, &format!("{name}{{namespace=\"figures-alone\"}}"));
    assert_eq!(of("keypace_records_list_seconds_count"), 2.0);
    assert!(of("keypace_records_list_seconds_sum") > 0.0);
    assert_eq!(of("keypace_records_pruned_total"), 0.0);
    assert_eq!(of("keypace_records_undecodable_total"), 0.0);
    assert_eq!(of("keypace_records_largest_owner"), 3.0);
    let bucket = |le: &str| {
        format!("keypace_records_list_seconds_bucket{{namespace=\"figures-alone\",le=\"{le}\"}}")
    };
    assert_eq!(figure(&text, &bucket("+Inf")), 2.0);
    assert!(figure(&text, &bucket("0.00025")) <= figure(&text, &bucket("10")));
    let kinds = text.matches("# TYPE keypace_records_list_seconds histogram");
    assert_eq!(kinds.count(), 1);
    assert!(!text.contains("Anna"), "no owner stands in a figure");
    world.stop().await;

    let world = World::any().await;
    let session = made(&world, Who::Anna, &json!({"model": "m"})).await;
    let path = format!("/v1/sessions/{}", session["id"].as_str().expect("an id"));
    assert_eq!(world.get(Who::Anna, &path).await.status, 200);
    let text = world.get(Who::Operator, "/metrics").await.text();
    let event = |event: &str| {
        let line = format!("keypace_session_cache_events_total{{event=\"{event}\"}}");
        figure(&text, &line)
    };
    assert!(event("hit") >= 1.0 && event("write") >= 1.0, "{text}");
    world.stop().await;
}
