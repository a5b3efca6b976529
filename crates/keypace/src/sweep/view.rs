//! What a sweep says of itself when it has ended, or so far: the Summary, put together from all books. Changes nothing.

use super::books::Books;
use super::drive::Sweep;
use super::overview::millis;
use super::tallies::Tallies;
use crate::key::SlotSet;
use crate::pace;
use crate::report::{PaceSummary, Progress, ShardSummary, Summary};

impl Sweep {
    /// How the work stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.overview.get()
    }

    /// What was done so far; final once `next()` gave `None`.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let options = &self.shared.options;
        let tallies = self.tallies();
        let total = tallies.total();
        let is_dry_run = self.kind.is_dry_run();
        Summary {
            command: self.kind.command(),
            dry_run: is_dry_run,
            complete: self.is_complete(),
            limited: self.is_limited(),
            matched: total.matched(),
            deleted: total.tally.deleted,
            already_gone: total.tally.already_gone,
            skipped: total.tally.skipped,
            failed: total.tally.failed,
            unknown: total.tally.unknown,
            would_delete: if is_dry_run { total.found } else { 0 },
            elapsed_ms: millis(self.overview.elapsed()),
            by_pattern: tallies.pattern_counts(options.scan.rows()),
            verified: self.verifying.verified().cloned(),
            prefixes: tallies.prefix_counts(),
            shards: self.shards(),
            pace: self.pace(),
            errors: tallies.failures().to_vec(),
        }
    }

    /// All that was counted, over all shards.
    pub(super) fn tallies(&self) -> Tallies {
        let options = &self.shared.options;
        let mut all = Tallies::new(options.scan.row_count(), options.prefix_depth);
        for shard in self.overview.books() {
            all.absorb(&shard.open().tallies);
        }
        for error in &self.errors {
            all.fail_with(error);
        }
        all
    }

    /// All is done that was asked for, and its outcome is known.
    pub(super) fn is_complete(&self) -> bool {
        self.is_settled() && self.verifying.is_satisfied()
    }

    /// The same but for what is to be verified.
    pub(super) fn is_settled(&self) -> bool {
        // Asked with each save, and what is under way is not walked: no counts are put together for that.
        self.is_walked() && self.errors.is_empty() && {
            let books = self.overview.books();
            books.iter().all(|shard| {
                let tally = shard.open().tallies.total().tally;
                tally.failed + tally.unknown == 0
            })
        }
    }

    /// Every part was walked whole, or as far as a limit asked for.
    pub(super) fn is_walked(&self) -> bool {
        self.is_limited() || self.team.is_walked(&self.overview.books())
    }

    pub(super) fn is_limited(&self) -> bool {
        let books = self.overview.books();
        self.shared.is_limit_reached() || books.iter().any(|shard| shard.open().walk.is_limited)
    }

    /// One entry a node, in the order in which they were first walked.
    fn shards(&self) -> Vec<ShardSummary> {
        let uncovered = self.uncovered();
        let is_limited = self.is_limited();
        let mut shards: Vec<ShardSummary> = Vec::new();
        for shard in self.overview.books() {
            let books = shard.open();
            let mut shown = shard_summary(&books, uncovered);
            // What lies beyond a limit was not asked for.
            shown.complete |= is_limited;
            match shards.iter_mut().find(|other| other.node == shown.node) {
                Some(same) => {
                    same.complete &= shown.complete;
                    same.matched += shown.matched;
                    same.calls += shown.calls;
                    same.lanes = same.lanes.max(shown.lanes);
                    // It was walked once more, if only for some slots.
                    same.restarts += shown.restarts + 1;
                    same.repeated_slots += shown.repeated_slots;
                }
                None => shards.push(shown),
            }
        }
        shards
    }

    fn pace(&self) -> PaceSummary {
        let mut figures = pace::Tally::default();
        let mut waited = std::time::Duration::ZERO;
        let counting = self.verifying.counting_books();
        for shard in self.overview.books().iter().chain(&counting) {
            let books = shard.open();
            figures.absorb(
                &books
                    .figures
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner),
            );
            waited += books.walk.waited + books.delete_waited;
        }
        let mut pace = figures.summary(self.shared.options.budget.get());
        pace.paused_ms.server += millis(waited);
        pace
    }
}

fn shard_summary(books: &Books, uncovered: Option<&SlotSet>) -> ShardSummary {
    let complete = match (&books.slots, uncovered) {
        (Some(slots), Some(open)) => slots.is_disjoint(open),
        _ => books.has_walked,
    };
    ShardSummary {
        node: books.node.to_string(),
        complete,
        matched: books.tallies.total().matched(),
        calls: books.walk.calls,
        lanes: books.walk.lanes,
        restarts: books.walk.restarts,
        from_replica: books.from_replica,
        repeated_slots: books.repeated_slots,
    }
}
