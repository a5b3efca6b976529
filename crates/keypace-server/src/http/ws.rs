//! A job's events over a WebSocket: a snapshot, then the latest progress, then the end. A slow browser never slows a job:
//! what it did not read in time is replaced by what is newer. Must not take an API key.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use crate::access::{Caller, KeyId, Scope};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::http::jobs::id_of;
use crate::http::state::AppState;
use crate::http::tickets::redeem;
use crate::jobs::{Job, JobState, JobView};
use crate::limits;

/// How a WebSocket is opened.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// What POST /v1/tickets gave.
    #[serde(default)]
    ticket: String,
}

/// One text frame.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Frame<'a> {
    /// The job as it stands: the first frame, and again when its state changes.
    Snapshot { job: &'a JobView },
    /// The latest progress.
    Progress { progress: &'a Value },
    /// The job at its end: the last frame.
    End { job: &'a JobView },
}

/// The events of a job, as a WebSocket.
#[utoipa::path(get, path = "/v1/jobs/{id}/events", tag = "jobs", params(("id" = String, Path, pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"), EventsQuery), responses(
    (status = 101, description = "Text frames: {\"type\":\"snapshot\",\"job\":{}}, {\"type\":\"progress\",\"progress\":{}}, {\"type\":\"end\",\"job\":{}}"),
    (status = 404, description = "There is none of this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 426, description = "This is a WebSocket", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn events(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if query.ticket.is_empty() {
        return Err(Problem::unauthorized(
            "a ticket is missing; ask POST /v1/tickets for one",
        ));
    }
    let id = id_of(&id)?;
    // A ticket is not used up by what could not have become a WebSocket.
    let upgrade = upgrade.map_err(no_upgrade)?;
    let permit = Arc::clone(&state.watchers)
        .try_acquire_owned()
        .map_err(|_| {
            Problem::unavailable(
                "too many watch jobs at this moment; GET /v1/jobs/{id} says how it stands",
            )
        })?;
    let (key, scope) = redeem(&state, &query.ticket, &id)?;
    if !state.auth.still_allows(&key).await? {
        return Err(Problem::unauthorized(
            "the API key that asked for this ticket was revoked",
        ));
    }
    let live = state.jobs.watch(&id).await?;
    let watcher = Watcher {
        caller: caller_of(key, scope),
        state,
        live,
        _permit: permit,
    };
    Ok(upgrade
        .max_message_size(limits::WATCHER_MESSAGE_BYTES)
        .max_frame_size(limits::WATCHER_MESSAGE_BYTES)
        .on_upgrade(|socket| watcher.run(socket)))
}

fn no_upgrade(rejected: WebSocketUpgradeRejection) -> Problem {
    let text = format!("this is a WebSocket: {rejected}");
    match rejected {
        WebSocketUpgradeRejection::MethodNotGet(_)
        | WebSocketUpgradeRejection::MethodNotConnect(_) => Problem::invalid(text),
        _ => Problem::upgrade_required(text),
    }
}

fn caller_of(key: KeyId, scope: Scope) -> Caller {
    Caller {
        key,
        scope,
        owner: None,
    }
}

/// Somebody who watches a job.
struct Watcher {
    state: AppState,
    caller: Caller,
    live: watch::Receiver<Arc<Job>>,
    _permit: OwnedSemaphorePermit,
}

/// Why a socket is closed.
enum Close {
    /// The job has come to its end.
    Ended,
    /// The service stops.
    Leaving,
    /// The API key that asked for the ticket is gone.
    Revoked,
    /// Nothing was heard from the other side.
    Idle,
    /// The other side has gone.
    Gone,
}

impl Watcher {
    async fn run(mut self, mut socket: WebSocket) {
        let why = self.serve(&mut socket).await;
        let (code, text) = match why {
            Close::Ended => (close_code::NORMAL, "the job has ended"),
            Close::Leaving => (close_code::AWAY, "the service stops"),
            Close::Revoked => (close_code::POLICY, "the API key was revoked"),
            Close::Idle => (close_code::POLICY, "nothing was heard"),
            Close::Gone => return,
        };
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(text),
        };
        if send(&mut socket, Message::Close(Some(frame))).await.is_ok() {
            // The other side answers a close; nothing hangs on it.
            let _ = timeout(limits::WATCHER_CLOSE_TIME, socket.recv()).await;
        }
    }

    async fn serve(&mut self, socket: &mut WebSocket) -> Close {
        let mut closing = self.state.closing.clone();
        let mut pings = interval_at(Instant::now() + limits::WATCHER_PING, limits::WATCHER_PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let look = limits::WATCHER_KEY_LOOK;
        let mut looks = interval_at(Instant::now() + look, look);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        // What stands there at first is news to whoever comes.
        self.live.mark_changed();
        let mut shown = None;
        let mut may_send_at = Instant::now();
        loop {
            // In no order: whoever never stops talking must not keep all else from being looked at.
            tokio::select! {
                () = true_in(&mut closing) => return Close::Leaving,
                message = socket.recv() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Close::Gone,
                    Some(Ok(_)) => heard_at = Instant::now(),
                },
                _ = pings.tick() => {
                    if heard_at.elapsed() > limits::WATCHER_IDLE {
                        return Close::Idle;
                    }
                    if send(socket, Message::Ping(bytes::Bytes::new())).await.is_err() {
                        return Close::Gone;
                    }
                },
                _ = looks.tick() => {
                    if self.is_revoked().await {
                        return Close::Revoked;
                    }
                },
                is_there = news(&mut self.live, may_send_at) => {
                    // Whoever looked at the job for us is gone: the other side comes again.
                    if !is_there {
                        return Close::Leaving;
                    }
                    let job = Arc::clone(&self.live.borrow_and_update());
                    match self.tell(socket, &job, &mut shown).await {
                        Ok(false) => may_send_at = Instant::now() + limits::WATCHER_GAP,
                        Ok(true) => return Close::Ended,
                        Err(Gone) => return Close::Gone,
                    }
                },
            }
        }
    }

    /// Whether the key is known to be gone. A store that says nothing revokes nobody: it is asked again.
    async fn is_revoked(&self) -> bool {
        let still = self.state.auth.still_allows(&self.caller.key);
        matches!(timeout(limits::READY_TIME, still).await, Ok(Ok(false)))
    }

    /// Sends what is new. True once the job has ended.
    async fn tell(
        &self,
        socket: &mut WebSocket,
        job: &Job,
        shown: &mut Option<JobState>,
    ) -> Result<bool, Gone> {
        let view = self.state.jobs.view(job, &self.caller);
        let state = view.state;
        let is_new = shown.replace(state) != Some(state);
        let frame = match (state.is_ended(), is_new) {
            (true, _) => Frame::End { job: &view },
            (false, true) => Frame::Snapshot { job: &view },
            (false, false) => Frame::Progress {
                progress: &view.progress,
            },
        };
        // Texts and numbers always can be written.
        let text = serde_json::to_string(&frame).unwrap_or_default();
        send(socket, Message::text(text)).await?;
        Ok(state.is_ended())
    }
}

/// Waits for what is new, and for the moment from which it may be sent. False once nothing new can come. Cancel-safe.
async fn news(live: &mut watch::Receiver<Arc<Job>>, from: Instant) -> bool {
    sleep_until(from).await;
    live.changed().await.is_ok()
}

/// Waits until this is true, or can't become so any more. Cancel-safe.
async fn true_in(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|flag| *flag).await;
}

/// Nobody reads any more.
struct Gone;

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(limits::WRITE_TIME, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
