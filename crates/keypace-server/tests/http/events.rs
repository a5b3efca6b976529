//! A job's events: tickets, frames, closes.

use std::time::Duration;

use chrono::Utc;
use futures_util::{SinkExt, StreamExt};
use keypace_server::access::{Caller, KeyId, KeyStore as _, Scope, Signer, Tickets};
use keypace_server::jobs::SqlStore;
use keypace_server::limits;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::line::Line;
use crate::world::{Who, World};

type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn ticket(world: &World, who: Who, job: &str) -> String {
    let reply = world.post(who, "/v1/tickets", &json!({"job": job})).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let told = reply.json();
    assert_eq!(told["expires_in_s"], 30);
    told["ticket"].as_str().expect("a ticket").to_owned()
}

/// Opens a WebSocket, or gives the status in its place.
pub(crate) async fn open(
    world: &World,
    job: &str,
    ticket: &str,
    origin: Option<&str>,
) -> Result<Socket, u16> {
    let url = format!(
        "ws://{}/v1/jobs/{job}/events?ticket={ticket}",
        world.address
    );
    let mut request = url.into_client_request().expect("a request");
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().expect("a header"));
    }
    let stream = TcpStream::connect(world.address).await.expect("connected");
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(reply)) => Err(reply.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next frame: its JSON, or the code of a close.
pub(crate) async fn next(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let message = timeout(Duration::from_secs(60), socket.next())
            .await
            .expect("a frame");
        match message.expect("a frame").expect("a frame") {
            Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
            Message::Close(frame) => return Err(frame.map_or(0, |frame| frame.code.into())),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn finished(world: &World) -> String {
    let id = world
        .start(
            Who::Operator,
            &json!({"kind": "count", "patterns": ["a:*"]}),
        )
        .await;
    world.until(Who::Operator, &id, &["done"]).await;
    id
}

/// A delete that takes some seconds.
async fn long_delete(world: &World) -> String {
    world.seed("session:", 100_000);
    let plan = world.plan(Who::Admin, "session:*").await;
    let body = json!({"kind": "delete", "patterns": ["session:*"], "confirm": plan["confirm"], "budget": "50us"});
    world.start(Who::Admin, &body).await
}

#[tokio::test]
async fn a_watcher_sees_a_snapshot_then_progress_then_the_end() {
    for world in World::each().await {
        let id = long_delete(&world).await;
        let mut socket = open(&world, &id, &ticket(&world, Who::Operator, &id).await, None)
            .await
            .expect("open");
        let first = next(&mut socket).await.expect("a frame");
        assert_eq!(
            (&first["type"], &first["job"]["id"]),
            (&json!("snapshot"), &json!(id))
        );
        let (mut progress, mut share) = (0, 0.0);
        let end = loop {
            let frame = next(&mut socket).await.expect("a frame");
            match frame["type"].as_str() {
                Some("progress") => {
                    progress += 1;
                    let now = frame["progress"]["share"].as_f64().unwrap_or(0.0);
                    assert!(now >= share, "{now} after {share}");
                    share = now;
                }
                Some("snapshot") => assert_eq!(frame["job"]["state"], "running"),
                _ => break frame,
            }
        };
        assert_eq!(
            (&end["type"], &end["job"]["state"]),
            (&json!("end"), &json!("done")),
            "{end}"
        );
        assert_eq!(end["job"]["result"]["deleted"], 100_000);
        assert_eq!(next(&mut socket).await, Err(1000));
        assert!(progress > 0, "no progress was seen");
        // Who comes late is told the end at once.
        let mut late = open(&world, &id, &ticket(&world, Who::Operator, &id).await, None)
            .await
            .expect("open");
        assert_eq!(next(&mut late).await.expect("a frame")["type"], "end");
        assert_eq!(next(&mut late).await, Err(1000));
        world.stop().await;
    }
}

/// Whoever watches is shown the way out soon after its key was revoked, and a ticket of the key opens nothing any more.
#[tokio::test]
async fn a_watcher_whose_key_is_revoked_is_closed_soon() {
    let world = World::any().await;
    let id = long_delete(&world).await;
    let paused = json!({"state": "paused"});
    let path = format!("/v1/jobs/{id}");
    world.ask(Who::Admin, "PATCH", &path, Some(&paused)).await;
    world.until(Who::Admin, &id, &["paused"]).await;

    let store = SqlStore::open_sqlite(world.folder.path().join("data/jobs.db")).await;
    let store = store.expect("opened");
    let made = store.add(Scope::Operator, None).await.expect("a key");
    let caller = Caller {
        key: made.id.clone(),
        scope: Scope::Operator,
        owner: None,
    };
    let tickets = Tickets::new(Signer::new(&world.secret().await));
    let ticket = |subject: &str| tickets.issue(&caller, subject).expect("a ticket");
    let mut theirs = open(&world, &id, &ticket(&id), None).await.expect("open");
    let mut others = open(
        &world,
        &id,
        &self::ticket(&world, Who::Operator, &id).await,
        None,
    )
    .await
    .expect("open");
    for socket in [&mut theirs, &mut others] {
        assert_eq!(next(socket).await.expect("a frame")["type"], "snapshot");
    }
    let late = ticket(&id);
    store.revoke(&made.id).await.expect("revoked");
    let revoked = std::time::Instant::now();
    assert_eq!(open(&world, &id, &late, None).await.err(), Some(401));
    assert_eq!(next(&mut theirs).await, Err(1008));
    let most = limits::WATCHER_KEY_LOOK + limits::READY_TIME + Duration::from_secs(3);
    assert!(revoked.elapsed() < most, "{:?}", revoked.elapsed());

    // The others' stay, and see the end.
    let cancelled = json!({"state": "cancelled"});
    world
        .ask(Who::Admin, "PATCH", &path, Some(&cancelled))
        .await;
    assert_eq!(next(&mut others).await.expect("a frame")["type"], "end");
    world.stop().await;
}

#[tokio::test]
async fn a_ticket_opens_one_job_once_in_its_time() {
    let world = World::any().await;
    let (id, other) = (finished(&world).await, finished(&world).await);
    let good = ticket(&world, Who::Operator, &id).await;
    let refused = async |job: &str, ticket: &str| open(&world, job, ticket, None).await.err();
    assert_eq!(refused(&other, &good).await, Some(401), "another job's");
    // That did not use it up, and neither does a request that is no WebSocket.
    let plain = world
        .get(Who::Nobody, &format!("/v1/jobs/{id}/events?ticket={good}"))
        .await;
    assert!(matches!(plain.status, 400 | 426), "{}", plain.text());
    assert_eq!(refused(&id, &good).await, None);
    assert_eq!(refused(&id, &good).await, Some(401), "used");
    assert_eq!(refused(&id, "").await, Some(401), "missing");
    assert_eq!(refused(&id, "a.b").await, Some(401), "nonsense");
    assert_eq!(
        refused(&id, "kp_admin").await,
        Some(401),
        "a key is no ticket"
    );
    assert_eq!(
        refused("00000000010000000000000002", &good).await,
        Some(401),
        "no such job"
    );

    let caller = Caller {
        key: KeyId::new("config:admin"),
        scope: Scope::Admin,
        owner: None,
    };
    let foreign = Tickets::new(Signer::new(&[7; 32]))
        .issue(&caller, &id)
        .expect("a ticket");
    assert_eq!(refused(&id, &foreign).await, Some(401), "another service's");
    let secret = world.secret().await;
    let late =
        Tickets::new(Signer::new(&secret)).with_clock(|| Utc::now().timestamp_millis() - 31_000);
    let late = late.issue(&caller, &id).expect("a ticket");
    assert_eq!(refused(&id, &late).await, Some(401), "expired");
    let timely = Tickets::new(Signer::new(&secret))
        .issue(&caller, &id)
        .expect("a ticket");
    assert_eq!(
        refused(&id, &timely).await,
        None,
        "or the test shows nothing"
    );

    // Without a job it opens any one.
    let any = world
        .post(Who::Operator, "/v1/tickets", &json!({}))
        .await
        .json();
    let any = any["ticket"].as_str().expect("a ticket");
    assert_eq!(
        (refused(&other, any).await, refused(&id, any).await),
        (None, Some(401))
    );
    for body in [
        json!({"job": "1"}),
        json!({"job": "00000000010000000000000002"}),
    ] {
        assert_eq!(
            world.post(Who::Operator, "/v1/tickets", &body).await.status,
            404,
            "{body}"
        );
    }
    for body in [json!({"id": id}), json!({"job": 1}), json!([])] {
        assert_eq!(
            world.post(Who::Operator, "/v1/tickets", &body).await.status,
            400,
            "{body}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_watches_nothing() {
    let world = World::any().await;
    let id = finished(&world).await;
    let own = format!("http://{}", world.address);
    for (origin, expected) in [
        (Some("http://evil.example"), Some(403)),
        (Some("null"), Some(403)),
        (Some(own.as_str()), None),
        (None, None),
    ] {
        let pass = ticket(&world, Who::Operator, &id).await;
        assert_eq!(
            open(&world, &id, &pass, origin).await.err(),
            expected,
            "{origin:?}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_service_that_stops_says_so_and_does_not_wait_for_watchers() {
    let world = World::any().await;
    let id = long_delete(&world).await;
    let mut socket = open(&world, &id, &ticket(&world, Who::Operator, &id).await, None)
        .await
        .expect("open");
    next(&mut socket).await.expect("a snapshot");
    // Somebody who opened one and never reads.
    let silent = open(&world, &id, &ticket(&world, Who::Operator, &id).await, None)
        .await
        .expect("open");
    let stopping = tokio::spawn(timeout(Duration::from_secs(20), world.stop()));
    let code = loop {
        if let Err(code) = next(&mut socket).await {
            break code;
        }
    };
    assert_eq!(code, 1001);
    stopping.await.expect("no panic").expect("within the bound");
    drop(silent);
}

/// What a watcher says is not looked at, and too much of it ends the line.
#[tokio::test]
async fn a_watcher_that_talks_is_not_listened_to() {
    let world = World::any().await;
    let id = long_delete(&world).await;
    let mut socket = open(&world, &id, &ticket(&world, Who::Operator, &id).await, None)
        .await
        .expect("open");
    socket
        .send(Message::text("{\"state\":\"cancelled\"}"))
        .await
        .expect("sent");
    assert_eq!(
        next(&mut socket).await.expect("a frame")["type"],
        "snapshot"
    );
    let mut loud = open(&world, &id, &ticket(&world, Who::Operator, &id).await, None)
        .await
        .expect("open");
    let _ = loud.send(Message::text("x".repeat(1 << 20))).await;
    let ended = timeout(Duration::from_secs(10), async {
        while let Some(Ok(message)) = loud.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
    });
    ended.await.expect("the line ends");
    let job = world
        .get(Who::Admin, &format!("/v1/jobs/{id}"))
        .await
        .json();
    // It may not have begun yet.
    assert!(
        matches!(job["state"].as_str(), Some("waiting" | "running" | "done")),
        "{job}"
    );
    // Nor does a half-open request hold anybody up.
    let mut line = Line::open(world.address).await;
    let reply = line
        .ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", true)
        .await
        .expect("a reply");
    assert_eq!(reply.status, 200);
    world.stop().await;
}
