//! Pages of keys over HTTP.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{Who, World};

/// All pages of a query; each name once.
async fn all(world: &World, query: &str, most: usize) -> (BTreeSet<String>, usize) {
    let (mut names, mut pages) = (BTreeSet::new(), 0);
    let mut path = format!("/v1/keys?{query}&limit={most}");
    loop {
        let reply = world.get(Who::Operator, &path).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page = reply.json();
        let keys = page["keys"].as_array().expect("keys");
        assert!(keys.len() <= most, "{} of {most}", keys.len());
        names.extend(
            keys.iter()
                .map(|key| key["key"].as_str().expect("text").to_owned()),
        );
        pages += 1;
        assert!(pages < 5_000, "the pages never end");
        assert_eq!(page["complete"], page["cursor"].is_null(), "{page}");
        match page["cursor"].as_str() {
            None => return (names, pages),
            Some(cursor) => path = format!("/v1/keys?{query}&limit={most}&cursor={cursor}"),
        }
    }
}

#[tokio::test]
async fn pages_hold_every_key_and_a_cursor_goes_on() {
    for world in World::each().await {
        world.seed("session:", 700);
        world.seed("other:", 300);
        for most in [7, 100, 10_000] {
            let (names, pages) = all(&world, "pattern=session:*", most).await;
            assert_eq!(names.len(), 700, "{most}");
            assert!(pages >= 700 / most);
        }
        let (names, _) = all(&world, "pattern=session:12%3F&server=default", 100).await;
        assert_eq!(names.len(), 10);
        for (pattern, scope) in [
            ("run:42:*", "scoped"),
            ("session:*", "unbounded"),
            ("*", "catch_all"),
        ] {
            let page = world
                .get(Who::Operator, &format!("/v1/keys?pattern={pattern}"))
                .await
                .json();
            assert_eq!(page["scope"], scope);
        }
        let mut raw = world.raw();
        raw.command(&[b"SET", b"bin:\xff\x00<b>", b"v"])
            .expect("set");
        let page = world.get(Who::Admin, "/v1/keys?pattern=bin:*").await.json();
        assert_eq!(page["keys"], json!([{"key_b64": "YmluOv8APGI+"}]));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_cursor_is_of_use_to_its_own_key_pattern_and_server_alone() {
    let world = World::any().await;
    world.seed("session:", 200);
    let page = world
        .get(Who::Operator, "/v1/keys?pattern=session:*&limit=10")
        .await
        .json();
    let cursor = page["cursor"].as_str().expect("a cursor").to_owned();
    let with = |pattern: &str, cursor: &str| {
        format!("/v1/keys?pattern={pattern}&limit=10&cursor={cursor}")
    };
    assert_eq!(
        world
            .get(Who::Operator, &with("session:*", &cursor))
            .await
            .status,
        200
    );
    // Another number of keys is no other walk.
    let wider = format!("/v1/keys?pattern=session:*&limit=50&cursor={cursor}");
    assert_eq!(world.get(Who::Operator, &wider).await.status, 200);
    let mut forged = cursor.clone().into_bytes();
    forged[5] ^= 1;
    let forged = String::from_utf8(forged).expect("text");
    for (who, path) in [
        (Who::Operator2, with("session:*", &cursor)),
        (Who::Admin, with("session:*", &cursor)),
        (Who::Operator, with("session:1*", &cursor)),
        (Who::Operator, with("session:*", &forged)),
        (Who::Operator, with("session:*", "")),
        (Who::Operator, with("session:*", "a.b")),
        (
            Who::Operator,
            with("session:*", cursor.split('.').next().expect("a part")),
        ),
    ] {
        let reply = world.get(who, &path).await;
        assert_eq!(reply.status, 400, "{who:?} {path}: {}", reply.text());
    }
    world.stop().await;
}

#[tokio::test]
async fn what_can_t_be_looked_for_is_400_and_the_server_goes_on() {
    let mut world = World::any().await;
    world.seed("session:", 50);
    for query in [
        "",
        "pattern=",
        "limit=5",
        "pattern=a:*&limit=0",
        "pattern=a:*&limit=10001",
        "pattern=a:*&limit=-1",
        "pattern=a:*&values=true",
        "pattern=a:*&pattern=b:*",
        "pattern=*a*a*a*a*a*a*a*a*a*a",
        "pattern=a:*&server=",
        "pattern=a:*&server=other",
        "pattern=%ff%fe",
    ] {
        let reply = world.get(Who::Operator, &format!("/v1/keys?{query}")).await;
        assert!(
            matches!(reply.status, 400 | 404),
            "{query}: {} {}",
            reply.status,
            reply.text()
        );
    }
    let page = world
        .get(Who::Operator, "/v1/keys?pattern=session:*&limit=10")
        .await
        .json();
    // Another process answers: the walk begins again, and no key is missed.
    world.server.restart().expect("restarted");
    world.seed("session:", 50);
    let mut path = "/v1/keys?pattern=session:*&limit=10&cursor=".to_owned()
        + page["cursor"].as_str().expect("a cursor");
    let mut names = BTreeSet::new();
    loop {
        let reply = world.get(Who::Operator, &path).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page: Value = reply.json();
        for key in page["keys"].as_array().expect("keys") {
            names.insert(key["key"].to_string());
        }
        let Some(cursor) = page["cursor"].as_str() else {
            break;
        };
        path = format!("/v1/keys?pattern=session:*&limit=10&cursor={cursor}");
    }
    assert_eq!(names.len(), 50);
    world.stop().await;
}

#[tokio::test]
async fn a_server_that_is_away_is_503() {
    let mut world = World::any().await;
    world.seed("session:", 5);
    assert_eq!(
        world.get(Who::Operator, "/v1/keys?pattern=*").await.status,
        200
    );
    world.server.kill().expect("killed");
    let reply = world.get(Who::Operator, "/v1/keys?pattern=*").await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    world.stop().await;
}
