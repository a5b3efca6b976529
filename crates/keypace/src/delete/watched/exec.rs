//! The last step of a group: MULTI, the removal and EXEC, what their answers say, and what the vault is told of it. Awaits;
//! reads no value.

use super::drive::units;
use super::state::{Came, Group};
use super::trip::{Halt, Trip};
use crate::backup::{Entry, Outcome};
use crate::delete::command::Words;
use crate::delete::script::{self, Fate, Said};
use crate::pace::QueryKind;
use crate::port::{Class, Reply, ServerCode};

impl Trip<'_> {
    /// Opens the transaction by itself, where nothing is read.
    pub(super) async fn multi(&mut self) -> Result<(), Halt> {
        self.lease.queue("MULTI", Class::Read, ["MULTI"].iter());
        self.lease.flush().await?;
        self.is_in_multi = self.expect_ok("MULTI").await?;
        self.heard_out()
    }

    /// Removes the group in one step, if none of its keys has changed.
    pub(super) async fn remove(&mut self, group: &mut Group) -> Result<Came, Halt> {
        let context = self.context;
        let check = self.check();
        let kind = check.map_or(context.removal_kind(), |_| QueryKind::Check);
        let turn = context.turn(kind).await;
        if let Some(turn) = &turn {
            context.may_remove(turn.units());
        }
        let keys = group.keys();
        let asked = keys.len();
        let command = check.map_or(context.removal.command(), |_| "EVAL");
        let mut digits = [0; 20];
        let words = match check {
            Some(check) => Words::script(true, keys, check.args(), &mut digits),
            None => Words::plain(context.removal, keys),
        };
        self.lease.queue(command, Class::Write, words);
        self.lease.queue("EXEC", Class::Write, ["EXEC"].iter());
        self.is_sent = true;
        self.lease.flush().await?;
        match self.lease.reply().await? {
            Reply::Simple(_) => {}
            Reply::Error(text) => self.refused(command, &text),
            _ => return Err(self.unexpected(command)),
        }
        let reply = self.lease.reply().await?;
        let Some(done) = self.done(command, reply)? else {
            // Nobody knows what it did: the copies stay valid.
            self.is_sent = true;
            return Err(self.unexpected("EXEC"));
        };
        let came = match (check, done) {
            (None, Reply::Int(removed)) => u64::try_from(removed)
                .ok()
                .filter(|removed| *removed <= asked as u64)
                .map(Came::Removed),
            (Some(_), done) => match script::read(&done, asked) {
                Some(Said { fates, error }) => Some(self.said(group, fates, error)?),
                None => None,
            },
            (None, _) => None,
        };
        let Some(came) = came else {
            self.is_sent = true;
            return Err(self.unexpected("EXEC"));
        };
        if let Some(turn) = turn {
            turn.done(units(asked));
        }
        self.keep_books(&came).await;
        Ok(came)
    }

    /// What the one command of the transaction gave; `None` for an answer that is no EXEC's.
    fn done(&mut self, command: &'static str, reply: Reply) -> Result<Option<Reply>, Halt> {
        // Whatever it says, it has ended the transaction and the WATCH.
        self.is_sent = false;
        self.is_in_multi = false;
        self.lease.set_watching(false);
        let done = match reply {
            Reply::Null => return Err(Halt::Changed),
            Reply::Array(replies) => match replies.into_iter().next() {
                Some(Reply::Error(text)) => {
                    self.refused(command, &text);
                    None
                }
                done => done,
            },
            Reply::Error(text) => {
                let reason =
                    text.strip_prefix(&b"EXECABORT Transaction discarded because of: "[..]);
                // Whoever says something else may have left the transaction open.
                self.is_doubtful = ServerCode::of(&text) != ServerCode::ExecAbort;
                // Nobody else gets such a connection.
                self.lease.set_watching(self.is_doubtful);
                self.refused("EXEC", reason.unwrap_or(&text));
                None
            }
            _ => None,
        };
        self.heard_out()?;
        Ok(done)
    }

    /// The script was stopped at a key: those before have their fate, and the others are watched again.
    fn said(
        &mut self,
        group: &mut Group,
        fates: Vec<Fate>,
        error: Option<Vec<u8>>,
    ) -> Result<Came, Halt> {
        if let Some(text) = error {
            if fates.is_empty() {
                self.refused("EVAL", &text);
                self.heard_out()?;
            }
            self.rest.extend(group.cut(fates.len()));
        }
        Ok(Came::Checked(fates))
    }

    /// Tells the vault which of the copies are of keys that are gone. Where some were left, those of the others are put once
    /// more, and only when these are safe the first ones are void.
    async fn keep_books(&mut self, came: &Came) {
        let (Some(vault), Some(number)) = (&self.context.vault, self.saved.take()) else {
            return;
        };
        let entries = std::mem::take(&mut self.entries);
        let fates = match came {
            Came::Checked(fates) => fates.as_slice(),
            _ => &[],
        };
        let left = entries.len() > fates.len()
            || (fates.iter()).any(|fate| matches!(fate, Fate::Refused | Fate::OtherType));
        if !left || !matches!(came, Came::Checked(_)) {
            vault.outcome(number, Outcome::Removed);
            return;
        }
        let entries = entries.into_iter().zip(fates);
        let removed: Vec<Entry> = entries
            .filter(|(_, fate)| **fate == Fate::Deleted)
            .map(|(entry, _)| entry)
            .collect();
        if !removed.is_empty() {
            let again = vault.next_group();
            let put = match vault.put(again, removed).await {
                Ok(()) => vault.safe().await,
                Err(error) => Err(error),
            };
            if let Err(error) = put {
                self.failed = Some(error);
                return;
            }
            vault.outcome(again, Outcome::Removed);
        }
        vault.outcome(number, Outcome::Kept);
    }
}
