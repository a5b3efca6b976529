//! What a delete would do, found out by a bounded look at the keyspace.

use super::ground::{self, Aim};
use super::options::SweepOptions;
use super::owners::{is_narrow, wanted};
use super::work::join;
use crate::backup::free_bytes;
use crate::delete::{BackupPlan, Draft, Plan, Selection};
use crate::error::Result;
use crate::key::{Key, Pattern, SlotSet};
use crate::limits;
use crate::port::{Keyspace, Node, is_lost, keys_in_slots};
use crate::scan::{FromList, KeyList, Mark, Order, Page, Pages, ScanOptions, Step, Strategy};
use crate::select::{Filters, Guard, Looked, Questions, Selector};

/// A plan with an estimate: walks up to `limits::PLAN_PAGES` pages, in a cluster some on each primary, and takes the
/// share of the walk for the share of the keys, which are hashed evenly over it. Where the walks end within that, the
/// estimate is a count. Of a list of keys it is the number of its names, found without a server. A cluster's primary that
/// is away is named in it, and then there is no estimate. Changes nothing. Cancel-safe.
///
/// # Errors
/// What a walk gives, what finding a cluster's nodes gives, and what asking for UNLINK gives; `Guard` for a filter that
/// would lie on this server.
pub async fn plan_delete(keyspace: &Keyspace, options: &SweepOptions) -> Result<Plan> {
    let mut draft = draft(keyspace, options).await?;
    if let Some(from) = names_alone(options) {
        return count_names(draft, &from.list, &options.scan).await;
    }
    let looks = looks(keyspace, &options.scan.patterns).await?;
    let pages = (limits::PLAN_PAGES / looks.len().max(1)).max(1);
    let mut seen = Seen::default();
    for look in &looks {
        let left = options
            .scan
            .limit
            .map(|limit| limit.saturating_sub(seen.matched));
        if left == Some(0) {
            break;
        }
        let seen_here = if look.is_silent {
            Err(None)
        } else {
            let looked = look_at(look, options, left, pages, &mut draft.samples).await;
            looked.map_err(Some)
        };
        match seen_here {
            Ok(one) => seen.add(one),
            Err(Some(error)) if look.slots.is_none() || !is_lost(&error) => return Err(error),
            Err(_) => {
                seen.add(Seen::nothing());
                let name = look.node.name();
                if !draft.not_asked.iter().any(|node| **node == **name) {
                    draft.not_asked.push(name.to_string());
                }
            }
        }
    }
    let mean_bytes = seen.mean_bytes();
    draft.is_exact = seen.is_exact;
    draft.slot_keys = slot_keys(&looks)
        .await
        .map(|keys| keys.min(draft.total_keys));
    let most = draft
        .slot_keys
        .unwrap_or(draft.total_keys)
        .max(seen.matched);
    draft.estimate = seen.estimate.map(|estimate| estimate.min(most));
    draft.estimate_bytes = mean_bytes
        .zip(draft.estimate)
        .map(|(mean, keys)| mean.saturating_mul(keys));
    if let Some(backup) = &mut draft.backup {
        backup.estimate_bytes = draft.estimate_bytes;
    }
    Ok(Plan::new(draft))
}

/// The list, where its names alone say what is meant, and no server has to be asked about any of them.
fn names_alone(options: &SweepOptions) -> Option<&FromList> {
    let list = options.scan.list.as_ref();
    list.filter(|_| options.scan.types.is_empty() && options.filters.is_empty())
}

/// A list is counted whole: whether its names are there shows when they are deleted.
async fn count_names(mut draft: Draft, list: &KeyList, scan: &ScanOptions) -> Result<Plan> {
    let names = list.count_wanted(&scan.exclude).await?;
    let limit = scan.limit.unwrap_or(u64::MAX);
    let mut from = Some(0);
    while let Some(at) = from.filter(|_| draft.samples.len() < limits::SAMPLE_KEYS) {
        let is_wanted = |name: &[u8]| !scan.exclude.iter().any(|pattern| pattern.matches(name));
        let left = limits::SAMPLE_KEYS - draft.samples.len();
        let names = list.page(at, left, is_wanted)?;
        draft.samples.extend(names.keys.iter().map(Key::detach));
        from = names.next;
    }
    draft
        .samples
        .truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    draft.estimate = Some(names.min(limit));
    draft.is_exact = true;
    Ok(Plan::new(draft))
}

/// A node to look at, and in a cluster the slots that it answers for.
struct Look {
    node: Node,
    slots: Option<SlotSet>,
    /// These are few of those that it has.
    is_narrow: bool,
    /// It did not answer just now.
    is_silent: bool,
}

async fn looks(keyspace: &Keyspace, patterns: &[Pattern]) -> Result<Vec<Look>> {
    if !keyspace.is_cluster() {
        return Ok(vec![Look {
            node: keyspace.node().clone(),
            slots: None,
            is_narrow: false,
            is_silent: false,
        }]);
    }
    let wanted = wanted(patterns);
    let primaries = keyspace.layout().await?.primaries.into_iter();
    let looks = primaries.filter_map(|primary| {
        let mut slots = primary.slots.clone();
        slots.intersect(&wanted);
        (!slots.is_empty()).then(|| Look {
            node: primary.node,
            is_narrow: is_narrow(&slots, &primary.slots),
            slots: Some(slots),
            is_silent: !primary.is_reachable,
        })
    });
    Ok(looks.collect())
}

/// How many keys there are where the looks went, if these are few slots and all of their owners tell.
async fn slot_keys(looks: &[Look]) -> Option<u64> {
    let mut sum = 0;
    for look in looks {
        let slots = look
            .slots
            .as_ref()
            .filter(|_| look.is_narrow && !look.is_silent)?;
        sum += keys_in_slots(&look.node, slots).await?;
    }
    (!looks.is_empty()).then_some(sum)
}

/// What was seen of one node, or of all so far.
struct Seen {
    matched: u64,
    /// Keys whose values were measured, and what they take.
    measured: u64,
    measured_bytes: u64,
    /// Unknown where the share of the walk is not.
    estimate: Option<u64>,
    is_exact: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            matched: 0,
            measured: 0,
            measured_bytes: 0,
            estimate: Some(0),
            is_exact: true,
        }
    }
}

impl Seen {
    /// Of a node that could not be looked at.
    fn nothing() -> Self {
        Self {
            estimate: None,
            is_exact: false,
            ..Self::default()
        }
    }

    fn add(&mut self, other: Self) {
        self.matched += other.matched;
        self.measured += other.measured;
        self.measured_bytes += other.measured_bytes;
        self.estimate = self
            .estimate
            .zip(other.estimate)
            .map(|(all, one)| all + one);
        self.is_exact &= other.is_exact;
    }

    fn mean_bytes(&self) -> Option<u64> {
        self.measured_bytes.checked_div(self.measured)
    }
}

/// What is asked of the keys of a look.
struct Asking {
    filters: Option<Selector>,
    /// A few sizes, where the keys are to be saved.
    sizes: Option<Selector>,
    measured: u64,
    measured_bytes: u64,
}

impl Asking {
    fn new(look: &Look, options: &SweepOptions) -> Self {
        let selector = |guard: Guard, extra: Questions| {
            let paced = join(&look.node, options, false);
            Selector::new(&look.node, guard, extra, paced, look.slots.is_some())
        };
        let guard = Guard::new(&options.filters, &[]);
        let sizes = Questions {
            size: true,
            ..Questions::default()
        };
        Self {
            filters: (!guard.is_empty()).then(|| selector(guard, Questions::default())),
            sizes: (options.backup.is_some() || options.describe.0.size)
                .then(|| selector(Guard::new(&Filters::default(), &[]), sizes)),
            measured: 0,
            measured_bytes: 0,
        }
    }

    /// Leaves the keys that pass, and measures a few of them.
    async fn ask(&mut self, page: &mut Page) -> Result<()> {
        if let Some(filters) = &mut self.filters
            && !page.keys().is_empty()
        {
            let Looked { facts, .. } = filters.look(page.keys()).await?;
            page.describe(facts);
        }
        let left = limits::PLAN_MEASURED_KEYS.saturating_sub(self.measured);
        let few = usize::try_from(left).unwrap_or(0).min(page.keys().len());
        if let Some(sizes) = &mut self.sizes
            && few > 0
        {
            let Looked { facts, .. } = sizes.look(&page.keys()[..few]).await?;
            for size in facts.into_iter().flatten().filter_map(|facts| facts.size) {
                if !size.is_elements {
                    self.measured += 1;
                    self.measured_bytes += size.amount;
                }
            }
        }
        Ok(())
    }
}

async fn look_at(
    look: &Look,
    options: &SweepOptions,
    limit: Option<u64>,
    most_pages: usize,
    samples: &mut Vec<Key>,
) -> Result<Seen> {
    let mut scan = options
        .scan
        .clone()
        .with_strategy(Strategy::Scan)
        .with_order(Order::AsFound);
    // With filters a limit counts the keys that pass.
    scan.limit = limit.filter(|_| options.filters.is_empty());
    let mut asking = Asking::new(look, options);
    let paced = join(&look.node, options, false);
    let most = options.most_count();
    let mut pages = Pages::paced(&look.node, scan, &Mark::start(), paced, most);
    if let Some(slots) = &look.slots {
        pages = if look.is_narrow {
            pages.within_slots(slots.clone())
        } else {
            pages.only_slots(slots.clone())
        };
    }
    let mut matched = 0;
    let mut is_enough = false;
    for _ in 0..most_pages {
        match pages.next().await? {
            Some(Step::Page(mut page)) => {
                asking.ask(&mut page).await?;
                matched += page.keys().len() as u64;
                let wanted = limits::SAMPLE_KEYS - samples.len();
                samples.extend(page.keys().iter().take(wanted).map(Key::detach));
                if let Some(limit) = limit.filter(|limit| matched >= *limit) {
                    matched = limit;
                    is_enough = true;
                    break;
                }
            }
            Some(Step::Restarted) => matched = 0,
            None => break,
        }
    }
    let is_exact = pages.is_ended() || pages.is_limited() || is_enough;
    let share = pages.share();
    let estimate = if is_exact {
        Some(matched)
    } else if share > 0.0 {
        Some((matched as f64 / share).round() as u64)
    } else {
        // Cursors that are no numbers tell nothing about how far the look went.
        None
    };
    Ok(Seen {
        matched,
        measured: asking.measured,
        measured_bytes: asking.measured_bytes,
        estimate,
        is_exact,
    })
}

/// A plan without an estimate, for who has agreed already. Walks nothing. Cancel-safe.
///
/// # Errors
/// What asking for DBSIZE and UNLINK gives; `Guard` for a filter that would lie on this server.
pub async fn plan_delete_unseen(keyspace: &Keyspace, options: &SweepOptions) -> Result<Plan> {
    draft(keyspace, options).await.map(Plan::new)
}

async fn draft(keyspace: &Keyspace, options: &SweepOptions) -> Result<Draft> {
    let (acts, aim) = (ground::acts_of_delete(options), Aim::Remove);
    ground::check_all(keyspace, options, acts, aim).await?;
    let mut draft = Draft::unseen(keyspace, &options.scan).await?;
    draft.selection = Selection::of(&options.scan).with_filters(&options.filters);
    if let Some(target) = &options.backup {
        draft.backup = Some(BackupPlan {
            estimate_bytes: None,
            // Who can't be asked for its room says so when it is full.
            free_bytes: free_bytes(&target.path).ok(),
        });
    }
    Ok(draft)
}
