//! What a reply means for the keys of the oldest command on its way. Sends nothing.

use super::{Deleter, Guarded};
use crate::delete::meaning::{Meaning, hopeless, refused, replaced};
use crate::delete::script::{self, Fate, Said};
use crate::delete::state::{Answer, Refused, Tally};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{Reply, ServerCode};

/// Where an error was met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// The command was refused.
    Outside,
    /// It ran, and one of the script's own commands was refused.
    Inside,
}

impl Deleter {
    /// Enters a reply. Where the delete is ending, nothing is tried again.
    pub(super) fn answered(&mut self, reply: Reply, is_ending: bool) -> Result<()> {
        let Some(lease) = self.lease.as_ref() else {
            return Ok(());
        };
        let command = self.command();
        match (reply, &self.guarded) {
            (Reply::Error(text), _) => self.not_done(&text, Met::Outside, is_ending)?,
            (Reply::Int(removed), None) => match self.pieces.checked(removed) {
                Some(removed) => self.done(Answer::Removed(removed)),
                None => return Err(lease.unexpected(command)),
            },
            (reply, Some(guarded)) => {
                let Some(said) = script::read(&reply, self.pieces.asked()) else {
                    return Err(lease.unexpected(command));
                };
                let Said { fates, error } = said;
                if !fates.is_empty() {
                    let answer = guarded.answer(&fates, self.pieces.oldest());
                    self.pieces.cut_oldest(fates.len());
                    self.done(answer);
                }
                if let Some(text) = error {
                    self.not_done(&text, Met::Inside, is_ending)?;
                }
            }
            (_, None) => return Err(lease.unexpected(command)),
        }
        if self.pieces.is_hopeless() && !is_ending {
            return Err(hopeless(&self.node));
        }
        Ok(())
    }

    fn done(&mut self, answer: Answer) {
        self.backoff = self.node.backoff();
        self.settled.extend(self.pieces.answered(answer));
    }

    /// Nothing was removed of what is left of the oldest piece.
    fn not_done(&mut self, text: &[u8], met: Met, is_ending: bool) -> Result<()> {
        let Some(lease) = self.lease.as_ref() else {
            return Ok(());
        };
        let mut error = lease.refused(self.command(), text).during("delete keys");
        let mut meaning = Meaning::of(text, &error, self.place);
        if let Some(guarded) = &mut self.guarded {
            if ServerCode::of(text) == ServerCode::NoScript {
                // Nothing has run. One of the next brings the text, and the others find it there.
                guarded.with_text = true;
                if !is_ending {
                    self.settled.extend(self.pieces.answered(Answer::Later));
                    return Ok(());
                }
            }
            error = guarded.check.refused(error, text);
            // What the script can't do for one key it can't do for another: their names were looked at before it ran.
            if meaning == Meaning::Keys && (met == Met::Inside || error.kind() == ErrorKind::Guard)
            {
                meaning = Meaning::Never;
            }
        }
        let answer = match meaning {
            Meaning::Elsewhere => Answer::Elsewhere,
            _ if is_ending => Answer::Never(refused(&error, None)),
            Meaning::Torn if self.pieces.asked() > 1 => Answer::Torn,
            Meaning::Later | Meaning::Torn => {
                self.obstacle = Some(error);
                Answer::Later
            }
            // Asked again where the Sentinels point by then; nothing was removed here.
            Meaning::Replaced => return Err(replaced(&self.node).with_source(error)),
            Meaning::Keys => Answer::Keys(refused(&error, None)),
            Meaning::Never => {
                let answer = Answer::Never(refused(&error, None));
                self.settled.extend(self.pieces.answered(answer));
                return Err(error);
            }
        };
        self.settled.extend(self.pieces.answered(answer));
        Ok(())
    }

    /// Nothing more will pass: reads what is still to come for batches on their way, then gives up.
    pub(super) async fn stop(&mut self, error: Error) -> Result<()> {
        while let Some(lease) = self.lease.as_mut().filter(|_| self.pieces.is_flying()) {
            let Ok(reply) = lease.reply().await else {
                break;
            };
            if self.answered(reply, true).is_err() {
                break;
            }
        }
        self.lease = None;
        self.give_up(&refused(&error, None));
        Err(error)
    }
}

impl Guarded {
    /// What became of these keys, the first of the oldest piece.
    fn answer(&self, fates: &[Fate], keys: &[Key]) -> Answer {
        let mut tally = Tally::default();
        let mut unmatched = 0;
        let mut changed = None;
        for (fate, key) in fates.iter().zip(keys) {
            match fate {
                Fate::Deleted => tally.deleted += 1,
                Fate::Gone => tally.already_gone += 1,
                Fate::Refused if self.is_first_look => unmatched += 1,
                Fate::Refused | Fate::OtherType => {
                    tally.skipped += 1;
                    changed.get_or_insert(key);
                }
            }
        }
        let refused = changed.map(|key| Refused {
            kind: ErrorKind::Changed,
            text: "it changed after it was looked at, and does not meet the conditions any more"
                .to_owned(),
            sample: Some(key.clone()),
        });
        Answer::Checked {
            tally,
            unmatched,
            refused,
        }
    }
}
