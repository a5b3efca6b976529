//! How a sweep shows itself: Progress while it works, Summary when it has ended. Changes nothing.

use std::time::Duration;

use super::drive::{Phase, Sweep};
use super::work::Work;
use crate::key::Pattern;
use crate::port::Keyspace;
use crate::report::{NodeProgress, PaceSummary, Progress, RunState, ShardSummary, Summary};
use crate::scan::Pages;

impl Sweep {
    /// How the work stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.handle.get()
    }

    /// What was done so far; final once `next()` gave `None`.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let total = self.tallies.total();
        let is_dry_run = matches!(self.work, Work::DryRun);
        Summary {
            command: self.work.command(),
            dry_run: is_dry_run,
            complete: self.is_complete(),
            limited: self.pages.is_limited(),
            matched: total.matched(),
            deleted: total.tally.deleted,
            already_gone: total.tally.already_gone,
            skipped: total.tally.skipped,
            failed: total.tally.failed,
            unknown: total.tally.unknown,
            would_delete: if is_dry_run { total.found } else { 0 },
            elapsed_ms: millis(self.elapsed()),
            by_pattern: self
                .tallies
                .pattern_counts(self.options.scan.patterns.iter().map(Pattern::as_bytes)),
            prefixes: self.tallies.prefix_counts(),
            shards: vec![ShardSummary {
                node: self.keyspace.server().address.clone(),
                complete: self.walked,
                matched: total.matched(),
                calls: self.pages.calls(),
                lanes: 1,
                restarts: self.pages.restarts(),
            }],
            pace: self.pace(),
            errors: self.tallies.failures().to_vec(),
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        let tally = self.tallies.total().tally;
        self.walked && self.error.is_none() && tally.failed + tally.unknown == 0
    }

    fn elapsed(&self) -> Duration {
        if self.phase == Phase::Ended {
            self.elapsed
        } else {
            self.started.elapsed()
        }
    }

    pub(super) fn publish(&self) {
        let total = self.tallies.total();
        let share = self.pages.share();
        let elapsed = self.elapsed();
        // What a resumed run found done is not of its own doing.
        let walked = (share - self.share_before).max(0.0);
        let matched = total.matched().saturating_sub(self.matched_before);
        let scanned = ((walked * self.total_keys as f64) as u64).max(matched);
        let handled = match self.work {
            Work::Delete(..) => matched,
            Work::List | Work::Count | Work::DryRun => scanned,
        };
        let state = match self.phase {
            Phase::Walking | Phase::Settling => RunState::Running,
            Phase::Ended if self.is_complete() => RunState::Done,
            Phase::Ended if self.stop.is_stopped() && self.error.is_none() => RunState::Cancelled,
            Phase::Ended => RunState::Incomplete,
        };
        self.handle.update(|progress| {
            progress.state = state;
            progress.share = share;
            progress.scanned = scanned;
            progress.matched = total.matched();
            progress.deleted = total.tally.deleted;
            progress.failed = total.tally.failed;
            progress.keys_per_s = (handled as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
            progress.eta_ms = eta(share, walked, elapsed).map(millis);
            progress.paused_for = None;
            for node in &mut progress.nodes {
                node.share = share;
            }
        });
    }

    fn pace(&self) -> PaceSummary {
        let waited = self.pages.waited()
            + match &self.work {
                Work::Delete(deleter, _) => deleter.waited(),
                Work::List | Work::Count | Work::DryRun => Duration::ZERO,
            };
        let mut pace = self.paced.summary();
        pace.paused_ms.server += millis(waited);
        pace
    }
}

pub(super) fn first_progress(keyspace: &Keyspace, pages: &Pages) -> Progress {
    Progress {
        state: RunState::Running,
        share: 0.0,
        scanned: 0,
        matched: 0,
        deleted: 0,
        failed: 0,
        keys_per_s: 0,
        eta_ms: None,
        paused_for: None,
        nodes: vec![NodeProgress {
            node: keyspace.server().address.clone(),
            share: 0.0,
            count: pages.count(),
            canary_p50_us: None,
            canary_p99_us: None,
        }],
    }
}

/// What is left at the speed so far; unknown at the very beginning.
fn eta(share: f64, walked: f64, elapsed: Duration) -> Option<Duration> {
    (walked > 0.001).then(|| elapsed.mul_f64((1.0 - share) / walked))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
