//! One group's way on one connection: what it knows of the run, what is owed to the connection, and what an answer that is
//! no answer means. The steps themselves are in `drive` and `questions`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Semaphore;

use super::seen::Seen;
use super::state::{Came, Group, Rules};
use crate::backup::{Entry, Outcome, Vault};
use crate::delete::meaning::{Meaning, Place, refused, replaced};
use crate::delete::script::Check;
use crate::delete::state::Settled;
use crate::error::{Error, ErrorKind, Retry};
use crate::key::Key;
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Class, Lease, Node, Paced, Removal, Reply, ServerCode, Turn};
use crate::select::Guard;

/// What all groups of a delete on one node share.
pub(super) struct Context {
    pub(super) node: Node,
    pub(super) removal: Removal,
    pub(super) place: Place,
    pub(super) paced: Paced,
    pub(super) guard: Guard,
    pub(super) vault: Option<Vault>,
    pub(super) rules: Rules,
    /// Looks once more in the step that removes: a key that was read meanwhile is not idle any more, and has not changed.
    pub(super) check: Option<Check>,
    /// Whether the server has PEXPIRETIME, as far as is known.
    says_when: AtomicBool,
    /// The same for MEMORY USAGE.
    measures: AtomicBool,
    /// Nothing is removed any more.
    is_ending: AtomicBool,
    /// The right to watch a group that is read once more before it goes.
    pub(super) comparing: Semaphore,
    /// The last group was mostly short strings, or none was seen yet.
    meets_short: AtomicBool,
    /// Keys that the last turn to remove some allowed: a group is removed in one step, so it is begun with no more.
    removes: AtomicU32,
}

/// What the caller of `Context::new` knows.
pub(super) struct Parts {
    pub(super) node: Node,
    pub(super) removal: Removal,
    pub(super) place: Place,
    pub(super) paced: Paced,
    pub(super) guard: Guard,
    pub(super) vault: Option<Vault>,
    pub(super) rules: Rules,
    pub(super) may_run_scripts: bool,
}

impl Context {
    pub(super) fn new(parts: Parts) -> Self {
        let needs_check = parts.may_run_scripts && parts.guard.asks_idle();
        let check = needs_check.then(|| {
            let mut check = Check::new(&parts.guard, parts.removal);
            // It is used on no other connection.
            check.on(true);
            check
        });
        Self {
            check,
            node: parts.node,
            removal: parts.removal,
            place: parts.place,
            paced: parts.paced,
            guard: parts.guard,
            vault: parts.vault,
            rules: parts.rules,
            says_when: AtomicBool::new(true),
            measures: AtomicBool::new(true),
            is_ending: AtomicBool::new(false),
            comparing: Semaphore::new(limits::COMPARED_GROUPS),
            meets_short: AtomicBool::new(true),
            removes: AtomicU32::new(limits::BATCH_FIRST),
        }
    }

    pub(super) fn says_when(&self) -> bool {
        self.says_when.load(Ordering::Relaxed)
    }

    pub(super) fn measures(&self) -> bool {
        self.measures.load(Ordering::Relaxed)
    }

    /// Whether the group's values are saved before they are watched: at full speed, where the server tells when a key expires
    /// and no condition has to hold but that the key is as it was read.
    pub(super) fn reads_twice(&self, group: &Group) -> bool {
        self.reads_ahead() && !group.is_watched_first()
    }

    fn reads_ahead(&self) -> bool {
        !self.paced.is_bounded()
            && self.vault.is_some()
            && self.guard.is_empty()
            && self.says_when()
            && self.meets_short.load(Ordering::Relaxed)
    }

    /// Keys of the next group.
    pub(super) fn group_keys(&self) -> usize {
        match self.reads_ahead() {
            true => limits::SAVED_GROUP_KEYS,
            false => limits::WATCH_GROUP_KEYS,
        }
    }

    /// Which values are met here: where few are short strings, reading ahead would only ask in vain.
    pub(super) fn learn(&self, seen: &[Seen]) {
        let here = seen.iter().filter(|seen| matches!(seen, Seen::Here(_)));
        let short = seen.iter().filter(|seen| seen.is_short()).count();
        let is_most = short * 2 >= here.count();
        self.meets_short.store(is_most, Ordering::Relaxed);
    }

    /// From here on groups are let go before their EXEC.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// The right to send, where one command goes at a time.
    pub(super) async fn turn(&self, kind: QueryKind) -> Option<Turn> {
        if !self.paced.is_bounded() {
            return None;
        }
        Some(self.paced.turn(kind).await)
    }

    pub(super) fn removal_kind(&self) -> QueryKind {
        match self.removal {
            Removal::Unlink => QueryKind::Unlink,
            Removal::Del => QueryKind::Del,
        }
    }

    pub(super) fn removes(&self) -> usize {
        self.removes.load(Ordering::Relaxed) as usize
    }

    pub(super) fn may_remove(&self, keys: u32) {
        self.removes.store(keys, Ordering::Relaxed);
    }
}

/// Why the steps of a group ended before its EXEC removed anything.
pub(super) enum Halt {
    /// A command was refused.
    Refused(Meaning, Error),
    /// A value was not what the questions had said: the EXEC would not run.
    Changed,
    /// There is another way to ask, which is taken from now on.
    Again,
    /// The connection is gone.
    Lost(Error),
    /// The copy can't be made safe.
    Vault(Error),
    /// The delete ends.
    LetGo,
}

/// What reads from or writes to the connection fails with.
impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Lost(error)
    }
}

/// One group on its way.
pub(super) struct Trip<'a> {
    pub(super) context: &'a Context,
    pub(super) lease: &'a mut Lease,
    /// The first refusal of the commands that are being heard out.
    refusal: Option<Halt>,
    /// The connection queues what it is sent.
    pub(super) is_in_multi: bool,
    /// The number of the group's entries in the vault.
    pub(super) saved: Option<u64>,
    /// The EXEC is on its way, and has no answer.
    pub(super) is_sent: bool,
    /// Nobody knows whether the connection still queues what it is sent.
    pub(super) is_doubtful: bool,
    /// What was saved, where not all of it may go.
    pub(super) entries: Vec<Entry>,
    /// What ends the delete although the group was removed.
    pub(super) failed: Option<Error>,
    /// Outcomes that are known already.
    pub(super) settled: Vec<Settled>,
    /// What was cut off, to be watched by itself.
    pub(super) rest: Vec<Group>,
    /// Pieces that came to an end.
    pub(super) came: Vec<(Group, Came)>,
}

impl<'a> Trip<'a> {
    pub(super) fn new(context: &'a Context, lease: &'a mut Lease) -> Self {
        Self {
            context,
            lease,
            refusal: None,
            is_in_multi: false,
            saved: None,
            is_sent: false,
            is_doubtful: false,
            entries: Vec::new(),
            failed: None,
            settled: Vec::new(),
            rest: Vec::new(),
            came: Vec::new(),
        }
    }

    /// The script that looks once more, where reading has made no key young.
    pub(super) fn check(&self) -> Option<&'a Check> {
        let check = self.context.check.as_ref();
        check.filter(|_| self.lease.is_no_touch())
    }

    /// Queues a WATCH; from here on the connection goes to nobody else until it is answered for.
    pub(super) fn watch(&mut self, keys: &[Key]) {
        let words: Vec<&[u8]> = std::iter::once(&b"WATCH"[..])
            .chain(keys.iter().map(Key::as_bytes))
            .collect();
        self.lease.set_watching(true);
        self.lease.queue("WATCH", Class::Read, words.into_iter());
    }

    /// Ends the WATCH, and a MULTI that stands open.
    pub(super) async fn unwatch(&mut self) -> Result<(), Halt> {
        let command = if self.is_in_multi {
            "DISCARD"
        } else {
            "UNWATCH"
        };
        self.lease.queue(command, Class::Read, [command].iter());
        self.lease.flush().await?;
        self.expect_ok(command).await?;
        self.is_in_multi = false;
        self.heard_out()?;
        self.lease.set_watching(false);
        Ok(())
    }

    /// Lets the group go where the delete ends.
    pub(super) fn check_ending(&self) -> Result<(), Halt> {
        if self.context.is_ending.load(Ordering::Relaxed) {
            return Err(Halt::LetGo);
        }
        Ok(())
    }

    /// Reads an `OK`; says whether it was one.
    pub(super) async fn expect_ok(&mut self, command: &'static str) -> Result<bool, Halt> {
        match self.lease.reply().await? {
            Reply::Simple(text) if text == "OK" => Ok(true),
            Reply::Error(text) => {
                self.refused(command, &text);
                Ok(false)
            }
            _ => Err(self.unexpected(command)),
        }
    }

    /// The first refusal among the commands that were answered since the last call.
    pub(super) fn heard_out(&mut self) -> Result<(), Halt> {
        self.refusal.take().map_or(Ok(()), Err)
    }

    /// A command was refused; what was sent behind it is heard out first.
    pub(super) fn refused(&mut self, command: &'static str, text: &[u8]) {
        if self.refusal.is_some() {
            return;
        }
        let error = self.lease.refused(command, text).during("delete keys");
        let error = match self.check().filter(|_| command == "EVAL") {
            Some(check) => check.refused(error, text),
            None => error,
        };
        let meaning = Meaning::of(text, &error, self.context.place);
        let halt = match (meaning, ServerCode::of(text)) {
            (Meaning::Never, ServerCode::NoPerm) => {
                Halt::Refused(meaning, lacks_right(&self.context.node, &error))
            }
            // No key has an idle time under an LFU policy.
            _ if error.kind() == ErrorKind::Guard => Halt::Refused(Meaning::Never, error),
            _ => Halt::Refused(meaning, error),
        };
        self.refusal = Some(halt);
    }

    /// PEXPIRETIME can't be asked: several keys, or several groups, learn the same at once.
    pub(super) fn lacks_times(&mut self) {
        self.context.says_when.store(false, Ordering::Relaxed);
        self.refusal.get_or_insert(Halt::Again);
    }

    /// The same for MEMORY USAGE.
    pub(super) fn lacks_measure(&mut self) {
        self.context.measures.store(false, Ordering::Relaxed);
        self.refusal.get_or_insert(Halt::Again);
    }

    pub(super) fn unexpected(&self, command: &'static str) -> Halt {
        Halt::Lost(self.lease.unexpected(command))
    }

    /// What is owed is settled, so that the connection can carry the next group, or is of no use any more (`false`). A copy
    /// of keys that stay is void.
    pub(super) async fn halted(&mut self, halt: Halt) -> (Came, Option<Error>, bool) {
        if !self.is_sent {
            self.void();
        }
        let is_lost = matches!(halt, Halt::Lost(_)) || self.is_sent || self.is_doubtful;
        let is_sound = !is_lost && (!self.lease.is_watching() || self.unwatch().await.is_ok());
        let may_have_run = self.is_sent;
        let (came, error) = match halt {
            Halt::Lost(error) => (Came::Lost { may_have_run }, Some(error)),
            Halt::Vault(error) => (Came::LetGo, Some(error)),
            Halt::LetGo => (Came::LetGo, None),
            Halt::Changed => (Came::Changed, None),
            Halt::Again => (Came::Later, None),
            Halt::Refused(meaning, error) => match meaning {
                Meaning::Later => (Came::Later, Some(error)),
                Meaning::Torn => (Came::Torn, Some(error)),
                Meaning::Elsewhere => (Came::Elsewhere, None),
                Meaning::Keys => (Came::Keys(refused(&error, None)), None),
                Meaning::Never => (Came::Never(refused(&error, None)), Some(error)),
                Meaning::Replaced => {
                    let may_have_run = false;
                    let error = replaced(&self.context.node).with_source(error);
                    return (Came::Lost { may_have_run }, Some(error), false);
                }
            },
        };
        (came, error, is_sound)
    }

    /// The group's entries are no copies of what was deleted.
    pub(super) fn void(&mut self) {
        if let (Some(vault), Some(number)) = (&self.context.vault, self.saved.take()) {
            vault.outcome(number, Outcome::Kept);
        }
    }
}

/// A right is missing that a delete of this kind can't do without.
fn lacks_right(node: &Node, cause: &Error) -> Error {
    let error = Error::new(
        ErrorKind::Guard,
        Retry::Never,
        "delete keys",
        cause.context(),
    );
    let error = error.on_node(node.name());
    let hint = cause.hint().unwrap_or("see ACL LIST").to_owned();
    error.with_hint(hint)
}
