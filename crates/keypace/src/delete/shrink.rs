//! Where a server has no UNLINK, freeing a big collection holds every client up (P23): looks at the keys of a batch before
//! they are deleted, and takes the big ones apart in steps. Deletes no key.

mod steps;

use std::collections::VecDeque;

use bytes::Bytes;

use self::steps::{Collection, Step, elements};
use super::state::{Batch, Ready};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Class, Lease, Node, Paced, Reply, ServerCode, refuses_keys};

/// Batches whose values are looked at before they are deleted.
pub(super) struct Shrinker {
    node: Node,
    paced: Paced,
    waiting: VecDeque<Ready>,
    /// Keys of the first batch that are small by now.
    looked: usize,
}

/// A collection that is too large to be deleted whole.
struct Big {
    /// Its place among the keys looked at.
    place: usize,
    kind: Collection,
    elements: u64,
}

impl Shrinker {
    pub(super) fn new(node: &Node, paced: &Paced) -> Self {
        Self {
            node: node.clone(),
            paced: paced.clone(),
            waiting: VecDeque::new(),
            looked: 0,
        }
    }

    pub(super) fn push(&mut self, batch: Batch, may_have_run: bool) {
        self.waiting.push_back(Ready {
            batch,
            may_have_run,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing is looked at any more.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Ready> {
        self.looked = 0;
        std::mem::take(&mut self.waiting).into_iter()
    }

    /// The next batch, once all of its values are small. Cancel-safe: what was taken out stays out, and the next call looks
    /// again.
    pub(super) async fn next(&mut self) -> Result<Option<Ready>> {
        while let Some(first) = self.waiting.front() {
            let Some(keys) = first.batch.keys.get(self.looked..) else {
                break;
            };
            if keys.is_empty() {
                break;
            }
            let worked = self.work(keys).await;
            if let Err(error) = &worked
                && matches!(error.retry(), Retry::Reconnect | Retry::AskAgain)
            {
                self.node.forget_idle();
            }
            self.looked += worked?;
        }
        self.looked = 0;
        Ok(self.waiting.pop_front())
    }

    /// Makes the first of these keys small, and says how many are.
    async fn work(&self, keys: &[Key]) -> Result<usize> {
        let mut lease = self.node.lease().await?;
        let (looked, found) = self.look(&mut lease, keys).await?;
        for big in found {
            if let Some(key) = keys.get(big.place) {
                self.shrink(&mut lease, key, &big).await?;
            }
        }
        Ok(looked)
    }

    /// Asks for the types of the first keys, as many as the pace allows at once, and how large the collections are.
    async fn look(&self, lease: &mut Lease, keys: &[Key]) -> Result<(usize, Vec<Big>)> {
        let mut turn = self.paced.turn(QueryKind::Ask).await;
        turn.begin();
        let keys = &keys[..keys.len().min(turn.units() as usize)];
        let mut collections = Vec::new();
        let types = keys.iter().map(|key| ("TYPE", key));
        for (place, reply) in self.ask(lease, types).await?.into_iter().enumerate() {
            if let Reply::Simple(name) = reply {
                collections.extend(Collection::named(&name).map(|kind| (place, kind)));
            }
        }
        turn.done(units(keys.len()));
        let mut found = Vec::new();
        while !collections.is_empty() {
            let mut turn = self.paced.turn(QueryKind::Ask).await;
            turn.begin();
            let now = collections.len().min(turn.units() as usize);
            let now: Vec<_> = collections.drain(..now).collect();
            let lengths = now
                .iter()
                .map(|(place, kind)| (kind.length(), &keys[*place]));
            let lengths = self.ask(lease, lengths).await?;
            turn.done(units(now.len()));
            for ((place, kind), reply) in now.into_iter().zip(lengths) {
                let elements = elements(&reply).unwrap_or(0);
                if elements > limits::SHRINK_ABOVE_ELEMENTS {
                    found.push(Big {
                        place,
                        kind,
                        elements,
                    });
                }
            }
        }
        Ok((keys.len(), found))
    }

    /// One question a key, in one round trip. An answer that a delete of the key gets too is left to it: `Null`.
    async fn ask<'a>(
        &self,
        lease: &mut Lease,
        questions: impl Iterator<Item = (&'static str, &'a Key)>,
    ) -> Result<Vec<Reply>> {
        let mut asked = Vec::new();
        for (command, key) in questions {
            lease.queue(
                command,
                Class::Read,
                [command.as_bytes(), key.as_bytes()].iter(),
            );
            asked.push(command);
        }
        lease.flush().await?;
        let mut replies = Vec::with_capacity(asked.len());
        let mut failed = None;
        // All of them are heard, so that the connection stays of use.
        for command in asked {
            match self.paced.beside(lease.reply()).await? {
                Reply::Error(text) => {
                    failed = failed.or(refused(lease, command, &text));
                    replies.push(Reply::Null);
                }
                reply => replies.push(reply),
            }
        }
        failed.map_or(Ok(replies), Err)
    }

    /// Takes elements out until so few are left that the rest may go at once. What others put in meanwhile is not waited
    /// for: after as many elements as it had there is an end.
    async fn shrink(&self, lease: &mut Lease, key: &Key, big: &Big) -> Result<()> {
        let mut step = Step::first(big.kind, big.elements);
        while !step.is_over() {
            let mut turn = self.paced.turn(QueryKind::Shrink).await;
            turn.begin();
            let most = step.most(turn.units());
            if step.wants_names() {
                let words = step.scan(key, most);
                let reply = self
                    .send(lease, big.kind.scan(), Class::Read, &words)
                    .await?;
                turn.done(units(most));
                if !step.names(&reply) {
                    return odd(lease, big.kind.scan(), &reply);
                }
                if !step.has_found_none() {
                    continue;
                }
            } else {
                let (command, words) = step.removal(key, most);
                let reply = self.send(lease, command, Class::Write, &words).await?;
                turn.done(units(most));
                if matches!(reply, Reply::Null) {
                    return Ok(());
                }
            }
            let length = self
                .ask(lease, std::iter::once((big.kind.length(), key)))
                .await?;
            let Some(left) = length.first().and_then(elements) else {
                return Ok(());
            };
            step.took(most as u64, left);
        }
        Ok(())
    }

    /// One command; an answer that a delete of the key gets too is `Null`.
    async fn send(
        &self,
        lease: &mut Lease,
        command: &'static str,
        class: Class,
        words: &[Bytes],
    ) -> Result<Reply> {
        lease.queue(command, class, words.iter());
        lease.flush().await?;
        match self.paced.beside(lease.reply()).await? {
            Reply::Error(text) => refused(lease, command, &text).map_or(Ok(Reply::Null), Err),
            reply => Ok(reply),
        }
    }
}

/// Nothing where the key is left to the delete; an error where the reply has another shape.
fn odd(lease: &Lease, command: &'static str, reply: &Reply) -> Result<()> {
    if matches!(reply, Reply::Null) {
        return Ok(());
    }
    Err(lease.unexpected(command))
}

fn units(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What is wrong, or `None` where the delete of the key is told the same, or the key is no such collection any more.
fn refused(lease: &Lease, command: &'static str, text: &[u8]) -> Option<Error> {
    let error = lease.refused(command, text).during("shrink a big value");
    match ServerCode::of(text) {
        ServerCode::NoPerm if refuses_keys(text) => None,
        ServerCode::NoPerm | ServerCode::UnknownCommand => {
            let context = error.context().to_owned();
            let node = error.node().unwrap_or_default().to_owned();
            let right = command.to_ascii_lowercase();
            let guard = Error::new(
                ErrorKind::Guard,
                Retry::Never,
                "shrink a big value",
                context,
            );
            Some(guard.on_node(&node).with_source(error).with_hint(format!(
                "without UNLINK a big value has to be taken apart, or its removal holds every client up; allow {right}: \
                 ACL SETUSER <user> +{right}"
            )))
        }
        ServerCode::ClusterDown => None,
        _ if error.retry() == Retry::Backoff && !is_slot_matter(text) => Some(error),
        _ => None,
    }
}

fn is_slot_matter(text: &[u8]) -> bool {
    matches!(
        ServerCode::of(text),
        ServerCode::TryAgain | ServerCode::MasterDown
    )
}
