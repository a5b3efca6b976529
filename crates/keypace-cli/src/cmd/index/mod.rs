//! `keypace index`: what its commands share: the owner keys, and driving a walk to its end. Formats nothing itself.

mod assign;
mod list;
mod rebuild;
mod rekey;
mod verify;

use keypace::{
    ErrorKind, IndexProgress, IndexVerify, Namespace, OwnerKeys, Rebuild, Rekey, StopHandle,
    has_index,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Run;
use super::walk::{self, Stops, Why};
use crate::args::{Index, IndexAction, IndexOf};
use crate::exit::{Exit, Halt, Phase};
use crate::render::{TICK, Watched};
use crate::settings::{keys_path, owner_keys};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Index) -> Result<Exit, Halt> {
    match &typed.action {
        IndexAction::List(typed) => list::run(run, typed).await,
        IndexAction::Verify(typed) => verify::run(run, typed).await,
        IndexAction::Rebuild(typed) => rebuild::run(run, typed).await,
        IndexAction::Assign(typed) => assign::run(run, typed).await,
        IndexAction::Rekey(typed) => rekey::run(run, typed).await,
    }
}

/// What is there of a namespace.
struct Found {
    keys: Option<OwnerKeys>,
    has_index: bool,
}

/// The owner keys of a namespace. Where there is an index, there has to be its key file.
async fn find(
    run: &mut Run,
    keyspace: &keypace::Keyspace,
    of: &IndexOf,
    namespace: &Namespace,
) -> Result<Found, Halt> {
    let path = keys_path(of, &run.around)?;
    let keys = owner_keys(&path)?;
    let has_index = (run.interrupt.or(has_index(keyspace, namespace)).await?)
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    if has_index && keys.is_none() {
        let text = format!(
            "open the index: there is one of {namespace}, and no key file {}",
            path.display()
        );
        return Err(Halt::new(Exit::Refused, text).with_hint(
            "copy the key file from where the index was made, or name it with --keys; with another key every list would be empty",
        ));
    }
    Ok(Found { keys, has_index })
}

/// Why nothing was begun. A server that answers, and refuses one write, is no server that can't be reached.
fn not_begun(error: &keypace::Error) -> Halt {
    let halt = Halt::library(error, Phase::Connecting);
    match error.kind() {
        ErrorKind::WrongType
        | ErrorKind::OutOfMemory
        | ErrorKind::WritesRefused
        | ErrorKind::ReadOnly => Halt {
            exit: Exit::Incomplete,
            ..halt
        },
        _ => halt,
    }
}

/// A walk that is driven step by step.
trait Walk {
    async fn next(&mut self) -> Option<()>;
    fn stop_handle(&self) -> StopHandle;
    fn progress_handle(&self) -> IndexProgress;
}

impl Walk for IndexVerify {
    async fn next(&mut self) -> Option<()> {
        self.next().await
    }

    fn stop_handle(&self) -> StopHandle {
        self.stop_handle()
    }

    fn progress_handle(&self) -> IndexProgress {
        self.progress_handle()
    }
}

impl Walk for Rebuild {
    async fn next(&mut self) -> Option<()> {
        self.next().await
    }

    fn stop_handle(&self) -> StopHandle {
        self.stop_handle()
    }

    fn progress_handle(&self) -> IndexProgress {
        self.progress_handle()
    }
}

impl Walk for Rekey {
    async fn next(&mut self) -> Option<()> {
        self.next().await
    }

    fn stop_handle(&self) -> StopHandle {
        self.stop_handle()
    }

    fn progress_handle(&self) -> IndexProgress {
        self.progress_handle()
    }
}

/// Until it ends or is stopped; what is under way is settled then.
async fn drive(run: &Run, work: &mut impl Walk, deadline: Option<Instant>) -> Why {
    let mut stops = Stops::new(run, work.stop_handle(), deadline);
    let mut view = walk::renderer(run, Watched::Comparisons, false);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let progress = work.progress_handle();
    loop {
        let moved = {
            // One call is driven to its end: what it has begun to write is written.
            let next = work.next();
            tokio::pin!(next);
            loop {
                tokio::select! {
                    moved = &mut next => break moved,
                    _ = tick.tick() => view.show(&progress.get()),
                    () = stops.stop_when_asked() => {}
                }
            }
        };
        if moved.is_none() {
            break;
        }
    }
    view.end(&progress.get());
    stops.why()
}

/// That a walk ended before its end, and why; the code that this means.
fn told_of_the_end(run: &Run, why: Why, is_walked: bool, error: Option<&keypace::Error>) -> Exit {
    if is_walked {
        return Exit::Done;
    }
    match (why, error) {
        (Why::Interrupted, _) => {
            run.stderr.line("interrupted");
            Exit::Interrupted
        }
        (Why::Deadline, _) => {
            run.stderr.line("stopped at the deadline");
            Exit::Incomplete
        }
        (_, Some(error)) => {
            walk::report(run, Exit::Incomplete, &Halt::library(error, Phase::Walking))
        }
        (_, None) => Exit::Incomplete,
    }
}
