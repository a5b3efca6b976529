//! The scope table: each route by each caller. A route that the table here does not have fails a test.

use std::collections::BTreeSet;

use keypace_server::http::Least;
use keypace_server::router::TABLE;
use serde_json::{Value, json};

use crate::world::{Who, World};

/// Where the page's files are. The document can't say that a name has slashes.
const FILES: &str = "/page/{*name}";

/// What the contract says: method, path, least scope.
const CONTRACT: [(&str, &str, Least); 23] = [
    ("GET", "/", Least::None),
    ("GET", "/healthz", Least::None),
    ("GET", "/readyz", Least::None),
    ("GET", "/openapi.json", Least::None),
    ("GET", "/metrics", Least::Operator),
    ("GET", "/v1/servers", Least::Operator),
    ("POST", "/v1/jobs", Least::ByJob),
    ("GET", "/v1/jobs", Least::Operator),
    ("GET", "/v1/jobs/{id}", Least::Operator),
    ("PATCH", "/v1/jobs/{id}", Least::ByJob),
    ("POST", "/v1/jobs/{id}/resume", Least::ByJob),
    ("POST", "/v1/tickets", Least::Operator),
    ("GET", "/v1/jobs/{id}/events", Least::Ticket),
    ("GET", "/v1/keys", Least::Operator),
    ("GET", "/v1/caches", Least::Operator),
    ("GET", "/v1/caches/{name}", Least::Operator),
    ("DELETE", "/v1/caches/{name}", Least::Admin),
    ("POST", "/v1/sessions", Least::Owner),
    ("GET", "/v1/sessions", Least::Owner),
    ("GET", "/v1/sessions/{id}", Least::Owner),
    ("PATCH", "/v1/sessions/{id}", Least::Owner),
    ("DELETE", "/v1/sessions/{id}", Least::Owner),
    // Files that the page is made of.
    ("GET", FILES, Least::None),
];

const NO_OWNER: &str =
    "Owner filter (API key) is required for session listing. Unscoped listing is prohibited.";

/// A request to this route that could be meant.
fn sample(path: &str, method: &str, job: &str) -> (String, Option<Value>) {
    let path = path.replace("{id}/", &format!("{job}/"));
    let path = match path.as_str() {
        "/v1/jobs/{id}" => format!("/v1/jobs/{job}"),
        "/v1/sessions/{id}" => "/v1/sessions/nobodys".to_owned(),
        "/v1/caches/{name}" => "/v1/caches/pages".to_owned(),
        FILES => "/page/app.js".to_owned(),
        "/v1/keys" => "/v1/keys?pattern=a:*".to_owned(),
        path => path.to_owned(),
    };
    let body = match (method, path.as_str()) {
        ("POST", "/v1/jobs") => json!({"kind": "delete", "patterns": ["a:*"]}),
        ("POST", "/v1/tickets") => json!({"job": job}),
        ("POST", "/v1/sessions") => json!({"model": "m"}),
        ("PATCH", path) if path.starts_with("/v1/sessions") => json!({"total_turns": 1}),
        ("PATCH", _) => json!({"budget": "2ms"}),
        _ => return (path, None),
    };
    (path, Some(body))
}

/// What becomes of a request by this caller: 401 and 403, or nothing of the kind.
fn expected(least: Least, who: Who) -> Option<u16> {
    use Who::{Admin, Anna, Nobody, Operator, Stranger};
    match (least, who) {
        (Least::None, _) => None,
        (Least::Ticket, _) | (_, Nobody | Stranger) => Some(401),
        (Least::Owner, Anna) => None,
        (Least::Owner, _) => Some(401),
        (Least::Operator, Operator | Admin) => None,
        // The job of the samples is a delete.
        (Least::Admin | Least::ByJob, Admin) => None,
        _ => Some(403),
    }
}

#[test]
fn the_router_has_exactly_what_the_contract_has() {
    let routed: BTreeSet<_> = TABLE
        .iter()
        .map(|row| (row.method.as_str(), row.path, format!("{:?}", row.least)))
        .collect();
    let contract: BTreeSet<_> = CONTRACT
        .iter()
        .map(|(method, path, least)| (*method, *path, format!("{least:?}")))
        .collect();
    let difference: Vec<_> = routed.symmetric_difference(&contract).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}

#[tokio::test]
async fn the_document_has_exactly_what_the_router_has() {
    let world = World::any().await;
    assert_eq!(world.document["openapi"], "3.1.0");
    let routed: BTreeSet<_> = TABLE
        .iter()
        .map(|row| {
            (
                row.method.as_str(),
                if row.path == FILES {
                    "/page/{name}"
                } else {
                    row.path
                },
            )
        })
        .collect();
    let documented: BTreeSet<_> = world.documented.operations().collect();
    assert_eq!(routed, documented);
    for row in TABLE.iter().filter(|row| row.path != FILES) {
        let operation = &world.document["paths"][row.path][row.method.as_str().to_lowercase()];
        let needs_key = !matches!(row.least, Least::None | Least::Ticket);
        assert_eq!(
            operation["security"].is_array(),
            needs_key,
            "{} {}",
            row.method.as_str(),
            row.path
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn each_route_lets_in_whom_the_contract_lets_in() {
    let world = World::any().await;
    let plan = world.plan(Who::Admin, "a:*").await;
    // A job that only an admin may change.
    let body = json!({"kind": "delete", "patterns": ["a:*"], "confirm": plan["confirm"]});
    let job = world.start(Who::Admin, &body).await;
    world.until(Who::Admin, &job, &["done"]).await;
    let callers = [
        Who::Nobody,
        Who::Stranger,
        Who::Anna,
        Who::Operator,
        Who::Admin,
    ];
    for (method, template, least) in CONTRACT {
        let (path, body) = sample(template, method, &job);
        for who in callers {
            let reply = world.ask(who, method, &path, body.as_ref()).await;
            let told = format!(
                "{method} {path} by {who:?}: {} {}",
                reply.status,
                reply.text()
            );
            match expected(least, who) {
                Some(status) => assert_eq!(reply.status, status, "{told}"),
                None => assert!(!matches!(reply.status, 401 | 403 | 500..), "{told}"),
            }
            if reply.status == 401 {
                assert_eq!(reply.header("www-authenticate"), "Bearer", "{told}");
                let is_owner = least == Least::Owner && who != Who::Stranger;
                assert!(!is_owner || reply.detail() == NO_OWNER, "{told}");
            }
        }
    }
    world.stop().await;
}

/// What a job is decides who may start and change it.
#[tokio::test]
async fn an_operator_counts_and_plans_and_an_admin_deletes() {
    let world = World::any().await;
    for body in [
        json!({"kind": "count", "patterns": ["a:*"]}),
        json!({"kind": "stats", "patterns": []}),
        json!({"kind": "delete", "patterns": ["a:*"], "dry_run": true}),
    ] {
        let id = world.start(Who::Operator, &body).await;
        world.until(Who::Operator, &id, &["done", "planned"]).await;
        let path = format!("/v1/jobs/{id}");
        let reply = world
            .ask(
                Who::Operator,
                "PATCH",
                &path,
                Some(&json!({"state": "paused"})),
            )
            .await;
        assert_eq!(reply.status, 409, "{}", reply.text());
    }
    let plan = world.plan(Who::Operator, "a:*").await;
    for body in [
        json!({"kind": "delete", "patterns": ["a:*"]}),
        json!({"kind": "delete", "patterns": ["a:*"], "confirm": plan["confirm"]}),
        json!({"kind": "restore", "patterns": [], "from_job": plan["id"]}),
        json!({"kind": "reindex", "patterns": ["sessions"]}),
    ] {
        let reply = world.post(Who::Operator, "/v1/jobs", &body).await;
        assert_eq!(reply.status, 403, "{body}: {}", reply.text());
        let reply = world.post(Who::Admin, "/v1/jobs", &body).await;
        assert!(
            matches!(reply.status, 400 | 409),
            "{body}: {}",
            reply.text()
        );
    }
    let (job, _) = (plan["id"].as_str().expect("an id"), ());
    let delete = world.plan(Who::Admin, "a:*").await;
    let body = json!({"kind": "delete", "patterns": ["a:*"], "confirm": delete["confirm"]});
    let deleted = world.start(Who::Admin, &body).await;
    world.until(Who::Admin, &deleted, &["done"]).await;
    for (method, path, body) in [
        (
            "PATCH",
            format!("/v1/jobs/{deleted}"),
            Some(json!({"state": "cancelled"})),
        ),
        ("POST", format!("/v1/jobs/{deleted}/resume"), None),
    ] {
        let reply = world.ask(Who::Operator, method, &path, body.as_ref()).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
        let reply = world.ask(Who::Admin, method, &path, body.as_ref()).await;
        assert_eq!(reply.status, 409, "{}", reply.text());
    }
    assert_eq!(
        world
            .get(Who::Operator, &format!("/v1/jobs/{job}"))
            .await
            .status,
        200
    );
    world.stop().await;
}

/// Keys in odd places are none.
#[tokio::test]
async fn a_key_counts_in_the_authorization_header_alone() {
    let world = World::any().await;
    let mut line = crate::line::Line::open(world.address).await;
    for header in [
        "Authorization: Basic kp_admin",
        "Authorization: kp_admin",
        "Authorization: Bearer",
        "Authorization: Bearer  ",
        "Authorization: Bearer kp_admin kp_admin",
        "Authorization: Bearer KP_ADMIN",
        "X-Api-Key: kp_admin",
        "Cookie: key=kp_admin",
        "Authorization: Bearer kp_admin\r\nAuthorization: Bearer kp_admin",
    ] {
        let request = format!(
            "GET /v1/jobs HTTP/1.1\r\nHost: {}\r\n{header}\r\n\r\n",
            world.address
        );
        let reply = line.ask(request.as_bytes(), false).await.expect("a reply");
        assert!(
            matches!(reply.status, 400 | 401),
            "{header}: {}",
            reply.status
        );
    }
    for path in [
        "/v1/jobs?key=kp_admin",
        "/v1/sessions?api_key=kp_anna",
        "/v1/jobs?access_token=kp_admin",
    ] {
        assert_eq!(world.get(Who::Nobody, path).await.status, 401, "{path}");
    }
    world.stop().await;
}
