//! What comes after a delete that has ended complete: another walk that says what still matches, or further deletes until one
//! finds nothing. Also what is settled about a list's names when all of them have been read.

use std::sync::Arc;

use super::books::SharedBooks;
use super::drive::Sweep;
use super::left_alone::LeftAlone;
use super::options::SweepOptions;
use super::overview::ProgressHandle;
use super::shared::Shared;
use super::tallies::Tallies;
use super::team::Team;
use super::work::Kind;
use crate::delete::{DeleteOptions, Tally, Verify};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::ServerInfo;
use crate::report::Verified;
use crate::scan::{Asks, Order};

/// Before this version a table that shrinks while it is walked can lose keys (pitfall P5).
const FIRST_SAFE_MAJOR: u32 = 5;

/// How far a delete is verified.
#[derive(Default)]
pub(super) struct Verifying {
    verify: Verify,
    /// Walks that have begun since the delete that is verified.
    passes: u32,
    /// How many books are that delete's.
    books_before: usize,
    /// What had been settled when the last pass began.
    before: Tally,
    /// What ended the delete, or the last pass, stands in the books of the sweep.
    is_closed: bool,
    counting: Option<Counting>,
    verified: Option<Verified>,
}

/// A walk that counts what still matches.
pub(super) struct Counting {
    shared: Arc<Shared>,
    overview: ProgressHandle,
    team: Team,
}

/// What comes next.
enum Next {
    End,
    Delete,
    Count,
}

/// What is to be verified of this delete: what the caller asks for, and below 5.0 what SCAN may have missed.
///
/// # Errors
/// `InvalidOption` for a limit, which leaves keys on purpose.
pub(super) fn wanted(
    delete: &DeleteOptions,
    options: &SweepOptions,
    server: &ServerInfo,
) -> Result<Verify> {
    let is_limited = options.scan.limit.is_some();
    let may_miss = options.scan.list.is_none() && loses_keys(server);
    match delete.verify {
        Verify::No if may_miss && !is_limited => {
            tracing::warn!(version = %server.version, "SCAN of this server can miss keys: what was deleted is verified");
            Ok(Verify::Once)
        }
        Verify::Once | Verify::UntilEmpty(_) if is_limited => Err(Error::new(
            ErrorKind::InvalidOption,
            Retry::Never,
            "verify the delete",
            "a limit leaves keys that match",
        )
        .with_hint("leave --limit out, or --verify")),
        verify => Ok(verify),
    }
}

fn loses_keys(server: &ServerInfo) -> bool {
    let major = server
        .version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    server.product == "Redis" && major.is_some_and(|major: u32| major < FIRST_SAFE_MAJOR)
}

impl Verifying {
    pub(super) fn new(verify: Verify) -> Self {
        Self {
            verify,
            ..Self::default()
        }
    }

    /// The walk that counts, once it has begun.
    pub(super) fn counting(&mut self) -> Option<&mut Team> {
        self.counting.as_mut().map(|counting| &mut counting.team)
    }

    /// Its books, which are none of the delete's.
    pub(super) fn counting_books(&self) -> Vec<SharedBooks> {
        let counting = self.counting.as_ref();
        counting.map_or_else(Vec::new, |counting| counting.overview.books())
    }

    /// Nothing was asked for, or nothing was found left.
    pub(super) fn is_satisfied(&self) -> bool {
        let verified = self.verified.as_ref();
        self.verify == Verify::No || verified.is_some_and(|verified| verified.remaining == 0)
    }

    pub(super) fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// How many of the books are those of the delete itself, once a pass has begun.
    pub(super) fn books_of_delete(&self) -> Option<usize> {
        (self.passes > 0).then_some(self.books_before)
    }

    fn next(&self) -> Next {
        match self.verify {
            Verify::No => Next::End,
            Verify::Once => Next::Count,
            Verify::UntilEmpty(most) if self.passes >= most.max(1) => Next::Count,
            Verify::UntilEmpty(_) => Next::Delete,
        }
    }
}

impl Sweep {
    /// A walk has ended: begins the next one, where there is one to come. Cancel-safe.
    pub(super) async fn goes_on(&mut self) -> bool {
        if self.verifying.counting.is_some() {
            self.end_count();
            return false;
        }
        self.close_pass();
        let settled = self.settle_names().await;
        self.errors.extend(settled.err());
        let is_stopped = self.shared.stop.is_stopped();
        if !self.is_settled() || self.is_limited() || is_stopped || self.has_found_nothing() {
            return false;
        }
        let begun = match self.verifying.next() {
            Next::End => return false,
            Next::Delete => self.begin_delete().await,
            Next::Count => self.begin_count().await,
        };
        let has_begun = begun.is_ok();
        self.errors.extend(begun.err());
        has_begun
    }

    /// What ended the walk early is taken once.
    fn close_pass(&mut self) {
        if !std::mem::replace(&mut self.verifying.is_closed, true) {
            self.errors.extend(self.team.take_errors());
        }
    }

    /// A further delete that removed nothing is the last: what it found is left, or was gone by itself.
    fn has_found_nothing(&mut self) -> bool {
        let now = self.tallies();
        let tally = now.total().tally;
        if self.verifying.passes == 0 || tally.deleted > self.verifying.before.deleted {
            return false;
        }
        // It has settled all that it found: what is there was left alone.
        self.verifying.verified = Some(Verified {
            passes: self.verifying.passes,
            remaining: 0,
            left_alone: tally.skipped,
            sample_keys: Vec::new(),
        });
        true
    }

    /// Deletes what is found now; it counts into the same books.
    async fn begin_delete(&mut self) -> Result<()> {
        let earlier = self.overview.books();
        self.shared.walk_again();
        let (shared, overview) = (&self.shared, &self.overview);
        let team = Team::begin(&self.keyspace, shared, overview, &self.kind, None).await?;
        // Found again, and counted by the pass that finds them.
        for books in &earlier {
            let forgotten = books.open().tallies.forget_skipped();
            self.shared.take_back(forgotten);
        }
        self.team = team;
        self.begin_pass(earlier.len());
        self.verifying.before = self.tallies().total().tally;
        self.verifying.is_closed = false;
        Ok(())
    }

    async fn begin_count(&mut self) -> Result<()> {
        let mut options = self.shared.options.clone();
        options.scan = options.scan.asking(Asks::Always).with_order(Order::AsFound);
        options.checkpoint = None;
        options.prefix_depth = None;
        options.backup = None;
        let mut shared = Shared::new(options, None, 0);
        shared.stop = self.shared.stop.clone();
        let mut left_alone = LeftAlone::default();
        for books in self.overview.books() {
            left_alone.absorb(&books.open().tallies.left_alone);
        }
        shared.left_alone = Arc::new(left_alone);
        if self.keyspace.is_cluster() {
            shared = shared.for_many();
        }
        let shared = Arc::new(shared);
        let overview = ProgressHandle::new(shared.started, false);
        let kind = Kind::Count;
        let team = Team::begin(&self.keyspace, &shared, &overview, &kind, None).await?;
        self.begin_pass(self.overview.books().len());
        self.overview.follow(overview.clone());
        self.verifying.counting = Some(Counting {
            shared,
            overview,
            team,
        });
        Ok(())
    }

    fn begin_pass(&mut self, books_before: usize) {
        let verifying = &mut self.verifying;
        if verifying.passes == 0 {
            verifying.books_before = books_before;
        }
        verifying.passes += 1;
        self.overview.verify(verifying.passes);
    }

    /// What the counting walk found is left. One that was not walked whole says nothing.
    fn end_count(&mut self) {
        let Some(counting) = &mut self.verifying.counting else {
            return;
        };
        let errors = counting.team.take_errors();
        let books = counting.overview.books();
        let is_whole = errors.is_empty()
            && counting.team.is_walked(&books)
            && !counting.shared.stop.is_stopped();
        let mut found = Tallies::new(counting.shared.options.scan.row_count(), None);
        for books in &books {
            found.absorb(&books.open().tallies);
        }
        if is_whole {
            let samples = found.samples().iter();
            self.verifying.verified = Some(Verified {
                passes: self.verifying.passes,
                remaining: found.total().found,
                left_alone: found.total().tally.skipped,
                sample_keys: samples.map(|key| key.escaped().to_string()).collect(),
            });
        }
        self.errors.extend(errors);
    }

    /// Names of a list that are read a second time, because slots moved, another process answered or the work was resumed, go
    /// out only while they are there. All have been read by now: those without an outcome were gone.
    async fn settle_names(&mut self) -> Result<()> {
        let (scan, books) = (&self.shared.options.scan, self.overview.books());
        let Some(from) = &scan.list else {
            return Ok(());
        };
        let was_read_again = self.shared.is_again()
            || books.iter().any(|books| {
                let books = books.open();
                books.walk.restarts > 0 || books.repeated_slots > 0
            });
        // A name that is gone has no type, and never matched where one was asked for.
        let filters = &self.shared.options.filters;
        let counts_all = scan.types.is_empty() && filters.is_empty() && self.kind.removes();
        let is_done = self.is_settled() && !self.is_limited() && self.verifying.passes == 0;
        if !was_read_again || !counts_all || !is_done {
            return Ok(());
        }
        let names = from.list.count_wanted(&scan.exclude).await?;
        let settled = self.tallies().total().matched();
        let tally = Tally {
            already_gone: names.saturating_sub(settled),
            ..Tally::default()
        };
        if let Some(last) = books.last() {
            last.open().tallies.settle(0, None, &tally);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Verifying};
    use crate::delete::Verify;

    #[test]
    fn as_many_deletes_as_were_asked_for_and_then_a_count() {
        let next = |verify, passes| {
            let mut verifying = Verifying::new(verify);
            verifying.passes = passes;
            match verifying.next() {
                Next::End => "end",
                Next::Delete => "delete",
                Next::Count => "count",
            }
        };
        assert_eq!(next(Verify::No, 0), "end");
        assert_eq!(next(Verify::Once, 0), "count");
        assert_eq!(next(Verify::UntilEmpty(0), 0), "delete");
        assert_eq!(next(Verify::UntilEmpty(2), 1), "delete");
        assert_eq!(next(Verify::UntilEmpty(2), 2), "count");
    }
}
