//! Statistics as a sweep: what each node can tell of its keys, which of them are measured, and the report over all shards.
//! Adds nothing up itself: `stats` does.

use super::books::SharedBooks;
use super::drive::Sweep;
use super::look::Look;
use super::options::{Describe, SweepOptions};
use super::shared::Shared;
use super::work::Kind;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits;
use crate::port::{Keyspace, Node, Paced};
use crate::report::StatsReport;
use crate::select::{Acts, Filters, Guard, Looked, Questions, Selector, check_ground};
use crate::stats::{Aggregate, StatsOptions};

impl Sweep {
    /// Finds out what the keys are made of: keys, bytes, types, TTLs and idle times by prefix, and the biggest keys. Every key
    /// is asked. Idle times are left out where they would lie (the report says why), and refused only where a filter needs
    /// them. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Sweep::list`], and `InvalidOption` with a checkpoint: statistics keep no place. `Guard` where a right to ask is
    /// missing.
    pub async fn stats(
        keyspace: &Keyspace,
        mut options: SweepOptions,
        stats: StatsOptions,
    ) -> Result<Self> {
        if options.checkpoint.is_some() || options.resume.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                Retry::Never,
                "keep statistics",
                "they keep no place to go on from",
            )
            .with_hint("leave the checkpoint out; the run begins again"));
        }
        options.describe = Describe::default()
            .with_type()
            .with_ttl()
            .with_idle()
            .with_size();
        if stats.has_exact_sizes {
            options.filters = options.filters.with_samples(limits::MAX_SIZE_SAMPLES);
        }
        Self::start(keyspace, options, Kind::Stats(stats), None).await
    }

    /// What was found so far by [`Sweep::stats`]; final once `next()` gave `None`. Empty for other work.
    #[must_use]
    pub fn stats_report(&self) -> StatsReport {
        let Kind::Stats(options) = self.kind else {
            return StatsReport::default();
        };
        let mut all = Aggregate::new(options);
        for books in self.overview.books() {
            if let Some(own) = books.open().tallies.stats() {
                all.merge(own);
            }
        }
        let summary = self.summary();
        StatsReport {
            complete: summary.complete,
            limited: summary.limited,
            samples: Guard::new(&self.shared.options.filters, &[]).samples(),
            elapsed_ms: summary.elapsed_ms,
            shards: summary.shards,
            pace: summary.pace,
            errors: summary.errors,
            ..all.report()
        }
    }
}

/// The look at the keys of one node, which asks for what can be told there; the books are told what can't. Cancel-safe.
///
/// # Errors
/// `Guard` where a filter would lie there, or a right is missing; what asking gives.
pub(super) async fn look(
    node: &Node,
    shared: &Shared,
    paced: &Paced,
    stats: StatsOptions,
    books: &SharedBooks,
) -> Result<Look> {
    let options = &shared.options;
    let mut asked: Questions = options.describe.0;
    // SCAN has seen to the types.
    let guard = Guard::new(&options.filters, &[]);
    let ground = check_ground(node, &guard, asked, Acts::Looks).await?;
    let doubt = ground.doubt().map(|why| format!("{}: {why}", node.name()));
    asked.idle = doubt.is_none();
    // Asking for the number of elements makes keys young, but where the connection says not to.
    asked.size = !ground.counts_elements() || node.lease().await?.is_no_touch();
    let unmeasured = (!asked.size).then(|| {
        let why = "it has no MEMORY USAGE, and counting elements would make keys look used";
        format!("{}: {why}", node.name())
    });
    if let Some(own) = books.open().tallies.stats() {
        own.lacks_idle(doubt);
        own.lacks_bytes(unmeasured);
    }
    let selector = |guard: Guard, extra: Questions| {
        Selector::new(node, guard, extra, paced.clone(), shared.in_cluster)
    };
    let measures_some = asked.size && stats.share < 1.0;
    let sizer = measures_some.then(|| {
        asked.size = false;
        let extra = Questions {
            size: true,
            ..Questions::default()
        };
        // The sampling of elements is the guard's; it lets all keys pass.
        let all = Guard::new(&Filters::default().with_samples(guard.samples()), &[]);
        Sizer {
            selector: selector(all, extra),
            books: books.clone(),
        }
    });
    Ok(Look::new(selector(guard, asked)).with_sizer(sizer))
}

/// Measures the keys that statistics want measured.
pub(super) struct Sizer {
    selector: Selector,
    books: SharedBooks,
}

impl Sizer {
    /// Enters sizes beside what was learnt of these keys before. Cancel-safe: dropped, it changed nothing.
    pub(super) async fn measure(&mut self, keys: &[Key], looked: &mut Looked) -> Result<()> {
        let wanted = self.wanted(keys, looked);
        if wanted.is_empty() {
            return Ok(());
        }
        let names: Vec<Key> = wanted.iter().map(|place| keys[*place].clone()).collect();
        let measured = self.selector.look(&names).await?;
        for (place, size) in wanted.into_iter().zip(measured.facts) {
            // Gone since the look before: it was there, and counts.
            if let (Some(facts), Some(size)) = (&mut looked.facts[place], size) {
                facts.size = size.size;
            }
        }
        looked.elsewhere.extend(measured.elsewhere);
        Ok(())
    }

    fn wanted(&self, keys: &[Key], looked: &Looked) -> Vec<usize> {
        let mut books = self.books.open();
        let Some(stats) = books.tallies.stats() else {
            return Vec::new();
        };
        let facts = looked.facts.iter().enumerate();
        facts
            .filter(|(place, facts)| {
                // A filter may have asked already.
                facts.as_ref().is_some_and(|facts| {
                    facts.size.is_none() && stats.wants_size(&keys[*place], facts)
                })
            })
            .map(|(place, _)| place)
            .collect()
    }
}
