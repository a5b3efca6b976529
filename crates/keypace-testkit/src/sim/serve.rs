//! Owns one connection's task: bytes in, commands through the rules and the state, bytes out as the plan says.
//! It must not know commands or data.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Sim;
use super::command::connection_user;
use super::command::dispatch::dispatch;
use super::command::name_of;
use super::data::State;
use super::guard::NodeGuard;
use super::log::CommandRecord;
use super::plan::{Delivery, Plan};
use super::request::{self, Malformed, Request};
use super::rule::Action;
use super::session::{Replies, Session};
use crate::limits::{READ_CHUNK_BYTES, REPLY_BATCH_BYTES};

/// A connection's place in the state, given back when the task ends in whatever way.
struct Place {
    sim: Sim,
    id: u64,
    end: Arc<Notify>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sim.lock().unregister(self.id);
    }
}

/// Serves one connection until its client leaves, a rule ends it, or the state closes it.
pub(crate) async fn serve<S>(sim: Sim, mut stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if sim.lock().is_away {
        return;
    }
    let registered = sim.lock().register();
    let Some((id, end)) = registered else {
        // A client that is gone needs no answer, so the outcome is of no account.
        let _unheard = stream
            .write_all(b"-ERR max number of clients reached\r\n")
            .await;
        return;
    };
    let place = Place { sim, id, end };
    tokio::select! {
        biased;
        () = place.end.notified() => {}
        // Any failure of the stream means that the client is gone, and that ends the task as well.
        _gone = talk(&place.sim, id, &mut stream) => {}
    }
}

/// Whether a connection goes on after a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Close,
}

async fn talk<S>(sim: &Sim, id: u64, stream: &mut S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Session::new(id, connection_user(&sim.lock()));
    let (mut input, mut output) = (BytesMut::with_capacity(READ_CHUNK_BYTES), Vec::new());
    loop {
        loop {
            let request = match request::take(&mut input) {
                Ok(Some(request)) => request,
                Ok(None) => break,
                Err(Malformed(text)) => {
                    output.extend_from_slice(format!("-ERR Protocol error: {text}\r\n").as_bytes());
                    return flush(sim, stream, &mut output).await;
                }
            };
            if answer(sim, &mut session, &request, stream, &mut output).await? == Next::Close {
                return Ok(());
            }
            if output.len() >= REPLY_BATCH_BYTES {
                flush(sim, stream, &mut output).await?;
            }
        }
        flush(sim, stream, &mut output).await?;
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

/// Carries one command's plan out. Replies that go out whole stay in `output`, for one write a pipeline.
async fn answer<S>(
    sim: &Sim,
    session: &mut Session,
    request: &Request,
    stream: &mut S,
    output: &mut Vec<u8>,
) -> io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let plan = arrive(&mut sim.lock(), session, request);
    if !plan.delay.is_zero() {
        flush(sim, stream, output).await?;
        sleep(plan.delay).await;
    }
    let reply = carry_out(&mut sim.lock(), session, request, &plan);
    let closing = if session.closing {
        Next::Close
    } else {
        Next::GoOn
    };
    match plan.delivery {
        Delivery::Whole => {
            output.extend_from_slice(&reply);
            if closing == Next::Close {
                flush(sim, stream, output).await?;
            }
            Ok(closing)
        }
        Delivery::Cut { after_bytes } => {
            output.extend_from_slice(&reply[..after_bytes.min(reply.len())]);
            flush(sim, stream, output).await?;
            Ok(Next::Close)
        }
        Delivery::Trickle { chunk, pause } => {
            flush(sim, stream, output).await?;
            for piece in reply.chunks(chunk) {
                output.extend_from_slice(piece);
                flush(sim, stream, output).await?;
                sleep(pause).await;
            }
            Ok(closing)
        }
        Delivery::Drop => {
            flush(sim, stream, output).await?;
            Ok(Next::Close)
        }
        Delivery::Stall => {
            flush(sim, stream, output).await?;
            swallow(stream).await?;
            Ok(Next::Close)
        }
    }
}

/// Notes a command and asks the rules about it.
fn arrive(state: &mut State, session: &Session, request: &Request) -> Plan {
    let name = name_of(request);
    let plan = state.rules.plan(session.id, &name, request);
    state.log.push(CommandRecord {
        connection: session.id,
        database: session.database,
        name,
        args: request.clone(),
    });
    plan
}

fn carry_out(
    state: &mut NodeGuard<'_>,
    session: &mut Session,
    request: &Request,
    plan: &Plan,
) -> Vec<u8> {
    for action in &plan.before {
        match action {
            Action::EmptyPages(pages) => state.empty_pages += pages,
            Action::Rehash(way) => state.rehash(*way),
            Action::NewRunId => {
                state.new_run_id();
                state.close_connections(Some(session.id));
            }
            Action::Run(closure) => closure(state),
            Action::Cluster(closure) => closure(state.cluster()),
            other => unreachable!("{other:?} is no action that comes before a command"),
        }
    }
    let mut bytes = plan.instead.clone().unwrap_or_default();
    if plan.execute {
        let silent = session.replies == Replies::SkipNext;
        let reply = dispatch(state, session, request, plan.edit);
        match session.replies {
            Replies::SkipNext if silent => session.replies = Replies::On,
            Replies::On if !silent => reply.encode(session.proto, &mut bytes),
            Replies::On | Replies::Off | Replies::SkipNext => {}
        }
    }
    bytes
}

async fn flush<S: AsyncWrite + Unpin>(
    sim: &Sim,
    stream: &mut S,
    output: &mut Vec<u8>,
) -> io::Result<()> {
    if output.is_empty() {
        return Ok(());
    }
    // Counted before it is sent, so that a client which has read a reply never finds it uncounted.
    sim.lock().bytes_out += output.len() as u64;
    stream.write_all(output).await?;
    output.clear();
    stream.flush().await
}

/// Reads on and answers nothing, until the client leaves.
async fn swallow<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut unread = [0; READ_CHUNK_BYTES];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
