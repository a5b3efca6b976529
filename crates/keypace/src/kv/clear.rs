//! Clearing: walks the database for what the patterns match and removes it batch by batch, members of the index too.
//! It removes only below the prefix, and only with a `Confirmed`.

use super::name::Names;
use super::reader::Reader;
use super::state::{Books, Cleared, cut};
use super::wire::REMOVE;
use super::{Kv, index};
use crate::delete::{Batch, Confirmed, Consent, Deleter, Draft, Plan, Refused, Selection};
use crate::delete::{Tally, Until};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{Class, Keyspace, Node, Paced, Reply, Request, refuses_keys, request};
use crate::scan::{Mark, Pages, ScanOptions, Step};

/// Not cancel-safe.
pub(super) async fn clear(kv: &Kv, patterns: &[Pattern]) -> Result<Vec<Cleared>> {
    let scan = kv.scan(patterns)?;
    let confirmed = confirm(&kv.keyspace, &scan).await?;
    let paced = Paced::join(kv.node(), Budget::default(), Thresholds::default(), true);
    let mut clearing = Clearing {
        kv,
        paced: paced.clone(),
        books: Books::new(patterns.len()),
        hand: if kv.is_indexed {
            Hand::Indexed(Remover::new(kv, &confirmed))
        } else {
            Hand::Plain(Box::new(Deleter::new(kv.node(), &confirmed, paced)))
        },
    };
    let walked = clearing.walk(scan).await;
    // Also where the walk failed: what is in flight comes to its end.
    let settled = clearing.settle().await;
    match walked.and(settled) {
        Ok(()) => Ok(clearing.books.into_cleared(patterns)),
        Err(error) => match clearing.books.deleted() {
            0 => Err(error),
            deleted => {
                Err(error.during(format!("clear keys, after {deleted} of them were deleted")))
            }
        },
    }
}

/// The prefix holds something literal, so that a scoped consent is enough for whatever stands behind it.
async fn confirm(keyspace: &Keyspace, scan: &ScanOptions) -> Result<Confirmed> {
    let plan = Plan::new(Draft::unseen(keyspace, scan).await?);
    let confirmed = plan.confirm(Consent::Scoped)?;
    confirmed.check(&Selection::of(scan), keyspace.server())?;
    Ok(confirmed)
}

/// One run of `clear`.
struct Clearing<'a> {
    kv: &'a Kv,
    paced: Paced,
    books: Books,
    hand: Hand,
}

/// What removes the keys.
enum Hand {
    Plain(Box<Deleter>),
    Indexed(Remover),
}

impl Clearing<'_> {
    async fn walk(&mut self, scan: ScanOptions) -> Result<()> {
        let patterns = scan.patterns().to_vec();
        let paced = self.paced.clone();
        let from = Mark::start();
        let mut pages = Pages::paced(self.kv.node(), scan, &from, paced, limits::COUNT_MAX);
        while let Some(step) = pages.next().await? {
            match step {
                Step::Page(page) => {
                    let places: Vec<_> = (0..page.keys().len())
                        .map(|at| page.pattern_of(at))
                        .collect();
                    let keys = page.into_keys().into_iter().zip(places);
                    // Whatever answers, or alters the answer on its way: only keys of ours are removed.
                    let ours = keys.filter(|(key, _)| self.kv.names.strip(key).is_some());
                    let batches = cut(ours, patterns.len());
                    self.remove(batches).await?;
                }
                Step::Restarted => {
                    self.settle().await?;
                    self.books.restart();
                }
            }
        }
        self.settle().await?;
        self.drop_members(&patterns).await
    }

    async fn remove(&mut self, batches: Vec<Batch>) -> Result<()> {
        match &mut self.hand {
            Hand::Plain(deleter) => {
                for batch in batches {
                    deleter.push(batch);
                }
                let sent = deleter.run(Until::Sent).await;
                self.book();
                sent
            }
            Hand::Indexed(remover) => {
                for batch in batches {
                    let mut settled = Settled::default();
                    let removed = remover.remove(&batch.keys, &mut settled).await;
                    self.books.enter(batch.id, &settled.tally, settled.refused);
                    removed?;
                }
                Ok(())
            }
        }
    }

    /// What is in flight comes to its end.
    async fn settle(&mut self) -> Result<()> {
        let Hand::Plain(deleter) = &mut self.hand else {
            return Ok(());
        };
        let settled = deleter.run(Until::Settled).await;
        self.book();
        settled
    }

    fn book(&mut self) {
        if let Hand::Plain(deleter) = &mut self.hand {
            for settled in deleter.take_settled() {
                self.books
                    .enter(settled.batch, &settled.tally, settled.refused);
            }
        }
    }

    /// Members whose key the walk has not met: it was evicted, deleted by somebody else, or set meanwhile.
    async fn drop_members(&mut self, patterns: &[Pattern]) -> Result<()> {
        let Hand::Indexed(remover) = &mut self.hand else {
            return Ok(());
        };
        let names = &self.kv.names;
        let mut reader = Reader::whole();
        loop {
            let next = index::next(self.kv.node(), names.index(), &mut reader).await?;
            let Some(members) = next else { return Ok(()) };
            let keys = members.into_iter().filter_map(|member| {
                let key = names.join(&member.name);
                let place = patterns.iter().position(|pattern| pattern.matches(&key))?;
                Some((Key::new(key), place))
            });
            for batch in cut(keys, patterns.len()) {
                let mut settled = Settled::default();
                let removed = remover.remove(&batch.keys, &mut settled).await;
                reader.removed(settled.tally.deleted + settled.tally.already_gone);
                // A member without a key is no key, and one that is refused here was refused in the walk.
                let deleted = Tally {
                    deleted: settled.tally.deleted,
                    ..Tally::default()
                };
                self.books.enter(batch.id, &deleted, None);
                removed?;
            }
        }
    }
}

/// What came of a batch.
#[derive(Default)]
struct Settled {
    tally: Tally,
    refused: Option<Refused>,
}

/// Removes keys together with their members. Exists only where a delete was confirmed.
struct Remover {
    node: Node,
    names: Names,
    verb: &'static str,
    failed_in_a_row: u64,
}

/// What the server said to a batch.
enum Answer {
    Removed(u64),
    /// It may not write some of the keys; nothing was removed.
    Keys(Error),
}

impl Remover {
    fn new(kv: &Kv, confirmed: &Confirmed) -> Self {
        Self {
            node: kv.node().clone(),
            names: kv.names.clone(),
            verb: confirmed.removal().command(),
            failed_in_a_row: 0,
        }
    }

    /// Removes a batch. One that lost its reply is sent again, so that what it did remove counts as already gone; one
    /// that is refused for its keys is halved until those are known. Not cancel-safe.
    async fn remove(&mut self, keys: &[Key], settled: &mut Settled) -> Result<()> {
        let mut waiting = vec![(0, keys.len())];
        let mut backoff = self.node.backoff();
        while let Some((start, end)) = waiting.pop() {
            let size = (end - start) as u64;
            match self.attempt(&keys[start..end]).await {
                Ok(Answer::Removed(removed)) => {
                    self.failed_in_a_row = 0;
                    backoff = self.node.backoff();
                    let deleted = removed.min(size);
                    settled.tally.deleted += deleted;
                    settled.tally.already_gone += size - deleted;
                }
                Ok(Answer::Keys(error)) if size == 1 => {
                    settled.tally.failed += 1;
                    settled.refused.get_or_insert_with(|| Refused {
                        kind: error.kind(),
                        text: error.to_string(),
                        sample: keys.get(start).cloned(),
                    });
                    self.failed_in_a_row += 1;
                    if self.failed_in_a_row >= limits::MAX_FAILED_IN_A_ROW {
                        return Err(hopeless(error));
                    }
                }
                Ok(Answer::Keys(_)) => {
                    let middle = start + (end - start) / 2;
                    waiting.extend([(middle, end), (start, middle)]);
                }
                Err(error) => {
                    waiting.push((start, end));
                    backoff.pause(error).await?;
                }
            }
        }
        Ok(())
    }

    async fn attempt(&self, keys: &[Key]) -> Result<Answer> {
        let mut names = vec![self.names.index()];
        let mut args = vec![self.verb.as_bytes()];
        for key in keys {
            // A key that is not ours has no member, and does not come this far.
            if let Some(member) = self.names.strip(key) {
                names.push(key.as_bytes());
                args.push(member);
            }
        }
        let request = Request::Script(&REMOVE, &names, &args);
        let mut lease = self.node.lease().await?;
        match request::send(&mut lease, Class::Write, request).await {
            Ok(Reply::Int(removed)) => Ok(Answer::Removed(u64::try_from(removed).unwrap_or(0))),
            Ok(Reply::Error(text)) => {
                let error = lease.refused(request.command(), &text);
                if refuses_keys(&text) {
                    Ok(Answer::Keys(error))
                } else {
                    Err(error)
                }
            }
            Ok(_) => Err(request::unexpected(self.node.name(), request.command())),
            Err(error) => {
                self.node.forget_idle();
                Err(error)
            }
        }
    }
}

fn hopeless(error: Error) -> Error {
    let failed = limits::MAX_FAILED_IN_A_ROW;
    Error::new(
        ErrorKind::Permission,
        Retry::Never,
        "clear keys",
        format!("{failed} keys failed one after the other, and none was removed"),
    )
    .with_hint("the user's key patterns may not cover these keys")
    .with_source(error)
}
