//! One bounded page of keys for somebody who looks, and the place behind it: another page goes on there, whoever asks for
//! it. Holds nothing between two pages, and lists as a [`Sweep`] does, under the same pace and on every node.
//!
//! A page ends between two calls of SCAN where it can: then nothing is read twice. Where one call gives more than a page
//! holds, smaller ones are made; and where the smallest still does, its keys are cut in the order of their names, and the
//! place says behind which. That place is only trusted while the server walks the same stretch with the same call; if not,
//! its keys come again, so that none is missed.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::checkpoint::Checkpoint;
use super::drive::{Event, Sweep};
use super::options::SweepOptions;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;
use crate::pace::Budget;
use crate::port::Keyspace;
use crate::scan::{Count, CountChoice, Lanes, Page, SavedMark, ScanOptions};

const OPERATION: &str = "list a page of keys";

/// What is to be looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Browse {
    pattern: Pattern,
    most: usize,
    time: Duration,
    budget: Budget,
    behind: Option<BrowsePlace>,
}

impl Browse {
    /// The first page of the keys that match.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            most: limits::BROWSE_DEFAULT_KEYS,
            time: limits::BROWSE_TIME,
            budget: Budget::default(),
            behind: None,
        }
    }

    /// At most so many keys: 1 to `limits::BROWSE_MAX_KEYS`.
    ///
    /// # Errors
    /// `InvalidOption` outside these bounds.
    pub fn with_most(mut self, keys: usize) -> Result<Self> {
        if !(1..=limits::BROWSE_MAX_KEYS).contains(&keys) {
            let max = limits::BROWSE_MAX_KEYS;
            let context = format!("a page holds 1 to {max} keys, not {keys}");
            return Err(Error::new(
                ErrorKind::InvalidOption,
                Retry::Never,
                OPERATION,
                context,
            ));
        }
        self.most = keys;
        Ok(self)
    }

    /// Gathers for so long at most; what was found by then is the page.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The extra wait that it may cause others.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Goes on behind another page of the same pattern.
    #[must_use]
    pub fn behind(mut self, place: BrowsePlace) -> Self {
        self.behind = Some(place);
        self
    }
}

/// The place behind a page. Of use for the same pattern and server only; whoever hands it out signs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowsePlace {
    at: Checkpoint,
    /// In the keys of the next call.
    within: Option<Within>,
}

/// A cut in the keys of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Within {
    /// The last name that was handed out, as base64.
    last: String,
    /// Where that call ended.
    end: Option<SavedMark>,
}

/// A page.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Browsed {
    /// The keys, each once. Another page may have one of them again.
    pub keys: Vec<Key>,
    /// Where to go on; nothing once every key was seen.
    pub next: Option<BrowsePlace>,
}

/// Gathers a page. Cancel-safe: it changes nothing.
///
/// # Errors
/// As [`Sweep::list`] where no key was found before, `Checkpoint` for a place that is of other work, and `Timeout` where
/// no call was answered in time.
pub async fn browse(keyspace: &Keyspace, request: &Browse) -> Result<Browsed> {
    let mut gathering = Gathering {
        request,
        until: Instant::now() + request.time,
        keys: Vec::new(),
        seen: HashSet::new(),
        bytes: 0,
        largest: 0,
        place: request.behind.clone(),
        has_answer: false,
    };
    // Where keys of one call were cut, the same call is made again.
    let mut count = if gathering.within().is_some() {
        limits::COUNT_MIN
    } else {
        let part = u32::try_from(request.most * 3 / 4).unwrap_or(limits::COUNT_AUTO);
        part.clamp(limits::COUNT_MIN, limits::COUNT_AUTO)
    };
    loop {
        match gathering.walk(keyspace, count).await? {
            Turn::Smaller => count = (count / 2).max(limits::COUNT_MIN),
            Turn::Larger => count = limits::COUNT_AUTO,
            Turn::Full => return Ok(gathering.page()),
            Turn::End => {
                gathering.place = None;
                return Ok(gathering.page());
            }
        }
    }
}

/// What a walk came to.
enum Turn {
    /// The first call gave more than there is room for.
    Smaller,
    /// Many calls gave little.
    Larger,
    /// There is no room, or no time, for more.
    Full,
    /// Every key was seen.
    End,
}

/// What becomes of a call's keys.
enum Taken {
    /// They are in the page.
    All,
    /// There is no room for them.
    None,
    /// Those up to a name are.
    Part(Within),
}

struct Gathering<'a> {
    request: &'a Browse,
    until: Instant,
    keys: Vec<Key>,
    seen: HashSet<Key>,
    bytes: usize,
    /// Keys of the largest call.
    largest: usize,
    place: Option<BrowsePlace>,
    has_answer: bool,
}

impl Gathering<'_> {
    fn within(&self) -> Option<&Within> {
        self.place.as_ref()?.within.as_ref()
    }

    fn options(&self, count: u32) -> Result<SweepOptions> {
        let count = CountChoice::Fixed(Count::new(count.into()));
        let scan = ScanOptions::new(vec![self.request.pattern.clone()])?
            .with_count(count)
            .with_lanes(Lanes::Fixed(1));
        let options = SweepOptions::new(scan)
            .with_budget(self.request.budget)
            .with_max_nodes(1);
        Ok(match &self.place {
            Some(place) => options.with_resume(place.at.clone()),
            None => options,
        })
    }

    /// From the place on, by calls of this size.
    async fn walk(&mut self, keyspace: &Keyspace, count: u32) -> Result<Turn> {
        let listing = Sweep::list(keyspace, self.options(count)?);
        let Ok(listing) = timeout_at(self.until, listing).await else {
            return self.out_of_time();
        };
        let mut listing = listing?;
        let mut cut = self.place.as_mut().and_then(|place| place.within.take());
        let mut calls = 0;
        loop {
            let Ok(event) = timeout_at(self.until, listing.next()).await else {
                self.stand_at(&listing, cut);
                return self.out_of_time();
            };
            let page = match event {
                Some(Event::Page(page)) => page,
                Some(Event::Step) => continue,
                None => return self.end(listing),
            };
            self.has_answer = true;
            calls += 1;
            match self.take(page, &mut cut, count) {
                Taken::None if self.keys.is_empty() => {
                    self.stand_at(&listing, None);
                    return Ok(Turn::Smaller);
                }
                Taken::None => {
                    self.stand_at(&listing, None);
                    return Ok(Turn::Full);
                }
                Taken::Part(within) => {
                    self.stand_at(&listing, Some(within));
                    return Ok(Turn::Full);
                }
                Taken::All => {}
            }
            let is_full = self.keys.len() + self.largest.max(1) > self.request.most;
            let is_sparse = calls >= limits::BROWSE_SMALL_CALLS
                && count < limits::COUNT_AUTO
                && self.keys.len() * limits::BROWSE_SPARSE_PART <= self.request.most;
            if is_full || is_sparse {
                // A page is settled when the next one is asked for.
                listing.stop_handle().stop();
                listing.next().await;
                self.stand_at(&listing, None);
                return Ok(if is_full { Turn::Full } else { Turn::Larger });
            }
        }
    }

    /// A page is in hand that goes on at `cut`, or behind which nothing was taken.
    fn stand_at(&mut self, listing: &Sweep, cut: Option<Within>) {
        self.place = Some(BrowsePlace {
            at: listing.place(),
            within: cut,
        });
    }

    fn end(&mut self, mut listing: Sweep) -> Result<Turn> {
        let first = listing.errors.drain(..).next();
        match first {
            None => Ok(Turn::End),
            Some(error) if self.keys.is_empty() => Err(error),
            Some(error) => {
                tracing::warn!(%error, "a page of keys ends early");
                self.stand_at(&listing, None);
                Ok(Turn::Full)
            }
        }
    }

    fn out_of_time(&self) -> Result<Turn> {
        if self.has_answer {
            return Ok(Turn::Full);
        }
        let context = format!(
            "the server did not answer in {} ms",
            self.request.time.as_millis()
        );
        Err(
            Error::new(ErrorKind::Timeout, Retry::Never, OPERATION, context)
                .with_hint("other work on the server may hold this one back: try again"),
        )
    }

    /// Takes a call's keys, as far as there is room; `cut` is for the first of them only.
    fn take(&mut self, page: Page, cut: &mut Option<Within>, count: u32) -> Taken {
        let end = page.mark().map(crate::scan::Mark::to_saved);
        let mut keys = page.into_keys();
        if !keys.is_empty()
            && let Some(within) = cut.take()
            && within.end == end
        {
            let last = BASE64.decode(&within.last).unwrap_or_default();
            keys.retain(|key| key.as_bytes() > last.as_slice());
        }
        keys.retain(|key| !self.seen.contains(key));
        let room = self.request.most - self.keys.len();
        let bytes: usize = keys.iter().map(|key| key.as_bytes().len()).sum();
        let is_too_large = self.bytes + bytes > limits::BROWSE_MAX_BYTES && keys.len() > 1;
        if keys.len() <= room && !is_too_large {
            self.largest = self.largest.max(keys.len());
            self.add(keys);
            return Taken::All;
        }
        if !self.keys.is_empty() || count > limits::COUNT_MIN {
            return Taken::None;
        }
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(if is_too_large { 1 } else { room });
        let last = keys.last().map_or(&[][..], |key| key.as_bytes());
        let within = Within {
            last: BASE64.encode(last),
            end,
        };
        self.add(keys);
        Taken::Part(within)
    }

    fn add(&mut self, keys: Vec<Key>) {
        for key in keys {
            if self.seen.insert(key.clone()) {
                self.bytes += key.as_bytes().len();
                self.keys.push(key);
            }
        }
    }

    fn page(self) -> Browsed {
        Browsed {
            keys: self.keys,
            next: self.place,
        }
    }
}
