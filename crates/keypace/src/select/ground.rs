//! Whether idle times can be trusted on a node, asked of it and of its replicas: refused where they would lie, paused for
//! while they stand still. Asks about no key of anybody's.

use bytes::Bytes;
use tokio::time::Instant;

use super::questions::Questions;
use super::state::Guard;
use super::wire::{self, Question};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;
use crate::port::{
    Connection, IDLE_UNTRACKED_HINT, Node, Paced, Reply, ServerCode, Standing, is_saving,
    refuses_keys, standing,
};
use crate::report::PauseReason;

const OPERATION: &str = "select keys by idle time";

/// No key's name: asked about to see whether the question may be put.
const PROBE: &[u8] = b"keypace:probe";

/// What is to be done with the keys that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acts {
    /// They are listed or counted.
    Looks,
    /// They are removed.
    Deletes,
    /// They are read, and removed.
    BacksUp,
}

/// What a node is to a guard. Holds no connection.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    node: Node,
    asks_idle: bool,
    trusts_idle: bool,
    /// Replicas that serve reads, and are asked for idle times too.
    readers: Vec<Node>,
    /// Why idle times would not be taken, where no filter needs them.
    doubt: Option<String>,
    counts_elements: bool,
    /// The process that was asked; the inner `None` where it has no name.
    process: Option<Option<Bytes>>,
    /// When it was asked last whether it saves.
    asked_at: Option<Instant>,
}

impl Ground {
    /// Nothing is asked yet: `hold` does.
    pub(crate) fn new(node: &Node, guard: &Guard) -> Self {
        Self {
            node: node.clone(),
            asks_idle: guard.asks_idle(),
            trusts_idle: guard.trusts_idle(),
            readers: Vec::new(),
            doubt: None,
            counts_elements: false,
            process: None,
            asked_at: None,
        }
    }

    /// To be called before idle times are asked, and before anything acts on them: where another process answers on this
    /// connection by now, it is checked anew, and while it saves this waits. Asks once a second at most. Not cancel-safe:
    /// the connection is of no use to the next call then, and says so.
    ///
    /// # Errors
    /// `Guard` where idle times would lie; what asking gives.
    pub(crate) async fn hold(&mut self, connection: &mut Connection, paced: &Paced) -> Result<()> {
        if !self.asks_idle {
            return Ok(());
        }
        let process = connection.run_id().cloned();
        if self.process.as_ref() != Some(&process) {
            let standing = standing(connection).await?;
            if let Some(doubt) = self.doubt_of(&standing).await {
                return Err(doubt);
            }
            self.process = Some(process);
        }
        if self.trusts_idle {
            return Ok(());
        }
        loop {
            let is_fresh = |at: Instant| at.elapsed() < limits::SAVING_INSPECT_INTERVAL;
            if self.asked_at.is_some_and(is_fresh) {
                return Ok(());
            }
            if !is_saving(connection).await? {
                self.asked_at = Some(Instant::now());
                return Ok(());
            }
            paced.pause(limits::SAVING_PAUSE, PauseReason::Saving).await;
        }
    }

    /// Replicas whose word on idle times counts too: the least of all is taken. What acts without a look has not asked
    /// them.
    pub(crate) fn readers(&self) -> &[Node] {
        &self.readers
    }

    /// Why idle times are better left out, where no filter needs them.
    pub(crate) fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// The server has no MEMORY USAGE: sizes are numbers of elements.
    pub(crate) fn counts_elements(&self) -> bool {
        self.counts_elements
    }

    /// Why idle times lie there; finds the replicas that are to be asked too.
    async fn doubt_of(&mut self, standing: &Standing) -> Option<Error> {
        let doubt = if standing.policy.contains("lfu") {
            Some(refused(
                format!(
                    "idle time is not kept under maxmemory-policy {}",
                    standing.policy
                ),
                IDLE_UNTRACKED_HINT,
            ))
        } else if standing.version < (3, 0) {
            Some(refused(
                "asking for a key's type or TTL makes it young on this server (before 3.0)",
                "leave --idle-over out",
            ))
        } else if self.trusts_idle {
            None
        } else if standing.is_replica {
            Some(untrusted(
                "it is a replica, which does not see what is read on its primary",
            ))
        } else if standing.has_past {
            Some(untrusted(
                "it was promoted or restarted (master_replid2 is set), and idle times from before are not those of its clients",
            ))
        } else {
            match find_readers(&self.node, standing).await {
                Ok(readers) => {
                    self.readers = readers;
                    None
                }
                Err(unasked) => Some(unasked),
            }
        };
        doubt.map(|error| error.on_node(self.node.name()))
    }
}

/// What the guard needs of a node, before any work begins there: the rights to ask, and a clock that tells the truth.
/// `extra`: what is asked besides, which is only doubted where the guard would be refused. Cancel-safe.
///
/// # Errors
/// `Guard` where idle times would lie (the text says why, and whether `--trust-idle` overrides it), and where a right is
/// missing; what asking gives, after as many tries as the options allow.
pub(crate) async fn check_ground(
    node: &Node,
    guard: &Guard,
    extra: Questions,
    acts: Acts,
) -> Result<Ground> {
    let mut backoff = node.backoff();
    loop {
        match try_check(node, guard, extra, acts).await {
            Ok(ground) => return Ok(ground),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

async fn try_check(node: &Node, guard: &Guard, extra: Questions, acts: Acts) -> Result<Ground> {
    let mut ground = Ground::new(node, guard);
    let asked = guard.questions() | extra;
    if asked.is_empty() {
        return Ok(ground);
    }
    let mut lease = node.lease().await?;
    // A policy that keeps no idle time is named by its setting: said before the question is refused.
    if asked.idle {
        let standing = standing(&mut lease).await?;
        let doubt = ground.doubt_of(&standing).await;
        match doubt {
            Some(error) if guard.asks_idle() => return Err(error),
            Some(error) => ground.doubt = Some(error.context().to_owned()),
            None => {}
        }
    }
    let needs_own = asked.idle && !guard.trusts_idle();
    ground.counts_elements = !may_ask(&mut lease, asked, needs_own).await?;
    let reads = acts == Acts::BacksUp || (asked.size && ground.counts_elements);
    if guard.asks_idle() && !guard.trusts_idle() && reads && !lease.is_no_touch() {
        let why = if acts == Acts::BacksUp {
            "a backup reads the keys, which makes them young"
        } else {
            "telling sizes by numbers of elements makes keys young"
        };
        return Err(untrusted(&format!("{why} on this server (no CLIENT NO-TOUCH: it is from 7.2 on, and wants +client|no-touch)"))
            .on_node(node.name()));
    }
    ground.process = asked.idle.then(|| lease.run_id().cloned());
    Ok(ground)
}

/// Puts each question once, about no key, so that a missing right shows before any work. Whether there is MEMORY USAGE.
/// `needs_own`: shared values are asked for.
async fn may_ask(connection: &mut Connection, asked: Questions, needs_own: bool) -> Result<bool> {
    let mut questions: Vec<Question> = wire::cheap(asked).collect();
    if needs_own {
        questions.push(Question::Shares);
    }
    if asked.size {
        questions.push(Question::Size(1));
    }
    for question in &questions {
        wire::queue(connection, *question, PROBE);
    }
    connection.flush().await?;
    let (mut measures, mut refusal) = (true, None);
    for question in questions {
        let Reply::Error(text) = connection.reply().await? else {
            continue;
        };
        match ServerCode::of(&text) {
            _ if matches!(question, Question::Size(_)) && wire::is_absent(&text) => {
                measures = false;
            }
            ServerCode::NoPerm if refuses_keys(&text) => {}
            // Doubted already, or the probe's slot is another node's.
            ServerCode::IdleUntracked
            | ServerCode::Moved
            | ServerCode::Ask
            | ServerCode::ClusterDown => {}
            _ => {
                let error = wire::refused(connection, question, &text);
                refusal.get_or_insert(error);
            }
        }
    }
    refusal.map_or(Ok(measures), Err)
}

/// The replicas that serve reads, those of replicas included.
///
/// # Errors
/// Where one of them can't be asked: who reads there is not known.
async fn find_readers(node: &Node, primary: &Standing) -> Result<Vec<Node>> {
    let mut readers = Vec::new();
    let mut followers = primary.followers;
    let mut places = primary.places.clone();
    let mut seen = 0;
    while seen < followers {
        let Some(place) = places.get(seen) else {
            return Err(untrusted(
                "it has a replica whose address it doesn't tell, and which may serve reads",
            ));
        };
        if seen >= limits::MAX_IDLE_READERS {
            return Err(untrusted(
                "it has more replicas than can be asked, and they may serve reads",
            ));
        }
        let unasked = || {
            untrusted(&format!(
                "its replica {place} can't be asked, and may serve reads that it doesn't see"
            ))
        };
        let replica = node.replica(place).ok_or_else(unasked)?;
        let standing = match replica.lease().await {
            Ok(mut lease) => standing(&mut lease).await,
            Err(error) => Err(error),
        };
        let standing = standing.map_err(|error| unasked().with_source(error))?;
        if standing.serves_reads {
            readers.push(replica);
        }
        followers += standing.followers;
        places.extend(standing.places);
        seen += 1;
    }
    Ok(readers)
}

fn untrusted(context: &str) -> Error {
    refused(
        context,
        "--trust-idle takes idle times as the server gives them",
    )
}

fn refused(context: impl Into<String>, hint: &'static str) -> Error {
    Error::new(ErrorKind::Guard, Retry::Never, OPERATION, context).with_hint(hint)
}
